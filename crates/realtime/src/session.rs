//! A session: one connected device and the bounded queue of what it still has to receive.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    net::IpAddr,
    sync::{
        Arc, LazyLock, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::{Buf as _, Bytes};
use parking_lot::{Mutex, RwLock};
use tokio::{net::tcp::OwnedWriteHalf, sync::Notify};
use tsudoi_domain::{AppId, UserId};

use crate::{Encoding, Importance, Push, push};

/// Names a session for as long as the process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

impl SessionId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// When the process began to count the silence of its sessions.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Milliseconds since then.
fn age_ms() -> u64 {
    u64::try_from(BEGINNING.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Why the server ends a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The client went, or the connection broke.
    Gone,
    /// It sent what is no frame; the close code.
    BadFrame(u16),
    /// It did not read what it was sent.
    TooSlow,
    /// It said nothing for too long.
    Silent,
    /// What it was let in by has run out.
    Expired,
    /// A newer connection of the same device took its place.
    Replaced,
    /// The server stops.
    Stopping,
}

impl CloseReason {
    /// The WebSocket close code.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Gone | Self::Silent | Self::Expired | Self::Replaced => 1000,
            Self::BadFrame(code) => code,
            Self::TooSlow => 1008,
            Self::Stopping => 1001,
        }
    }
}

/// Who logged in on a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// The number that the login answer named the instance by.
    pub inst_id: u32,
}

#[derive(Debug, Default)]
struct Outbound {
    queue: VecDeque<Bytes>,
    bytes: usize,
    closed: Option<CloseReason>,
    /// The socket, while frames can be written to it.
    writer: Option<Arc<OwnedWriteHalf>>,
    /// The connection has taken frames that it has yet to write.
    in_flight: bool,
}

/// How many frames leave in one system call at most.
pub(crate) const SLICES: usize = 64;

impl Outbound {
    /// Queues a push, as far as there is room.
    fn take_in(&mut self, push: &Push, encoding: Encoding, limit_bytes: usize) {
        if self.closed.is_some() {
            return;
        }
        let frame = push.frame(encoding);
        let filled = self.bytes + frame.len();
        match push.importance() {
            Importance::Needed if filled > limit_bytes && self.bytes > 0 => {
                self.closed = Some(CloseReason::TooSlow);
                metrics::counter!("sessions_cut_total", "reason" => "too_slow").increment(1);
            }
            Importance::Droppable(percent) if filled > limit_bytes / 100 * usize::from(percent) && self.bytes > 0 => {
                metrics::counter!("pushes_dropped_total").increment(1);
            }
            Importance::Needed | Importance::Droppable(_) => {
                self.bytes = filled;
                self.queue.push_back(frame);
            }
        }
    }

    /// Writes what waits at once, as far as the socket takes it; answers whether something still waits. Whoever sends to many
    /// spares each of their connections the waking up.
    fn write_now(&mut self) -> bool {
        let Some(writer) = self.writer.clone().filter(|_| !self.in_flight && self.closed.is_none()) else {
            return true;
        };
        while !self.queue.is_empty() {
            let Ok(written) = write_some(&writer, &mut self.queue) else { return true };
            self.bytes = self.bytes.saturating_sub(written);
        }
        if self.queue.capacity() > SLICES {
            self.queue = VecDeque::new();
        }
        false
    }
}

/// Writes the first frames of a queue in one system call and takes off what went; answers how many bytes did.
pub(crate) fn write_some(writer: &OwnedWriteHalf, queue: &mut VecDeque<Bytes>) -> io::Result<usize> {
    let written = match queue.as_slices() {
        ([only], []) => writer.try_write(only)?,
        _ => {
            let mut slices: [IoSlice<'_>; SLICES] = std::array::from_fn(|_| IoSlice::new(&[]));
            let count = queue.len().min(SLICES);
            for (slice, bytes) in slices.iter_mut().zip(queue.iter()) {
                *slice = IoSlice::new(bytes);
            }
            writer.try_write_vectored(&slices[..count])?
        }
    };
    let mut rest = written;
    while let Some(first) = queue.front_mut() {
        if rest < first.len() {
            first.advance(rest);
            break;
        }
        rest -= first.len();
        queue.pop_front();
    }
    Ok(written)
}

/// One connected device.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    app: AppId,
    encoding: Encoding,
    /// The device's own name for itself, kept across reconnects.
    instance: Arc<str>,
    /// The platform's number in the connection's address (7: web).
    platform: u32,
    /// The address that the device reached the server under, like `http://host:port`.
    reached_at: Arc<str>,
    limit_bytes: usize,
    outbound: Mutex<Outbound>,
    wake: Notify,
    drained: Notify,
    identity: RwLock<Option<Identity>>,
    /// The app is not in front; the device is told through its push service.
    in_background: AtomicBool,
    ended: OnceLock<CloseReason>,
    peer: OnceLock<IpAddr>,
    /// When the client was last heard, as [`age_ms`] counts.
    heard_ms: AtomicU64,
    /// When what it was let in by runs out, likewise.
    ends_ms: AtomicU64,
}

impl Session {
    /// A session of a fresh connection; nobody is logged in on it.
    #[must_use]
    pub fn new(
        app: AppId,
        encoding: Encoding,
        instance: &str,
        platform: u32,
        reached_at: &str,
        limit_bytes: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            id: SessionId::next(),
            app,
            encoding,
            instance: instance.into(),
            platform,
            reached_at: reached_at.into(),
            limit_bytes,
            outbound: Mutex::default(),
            wake: Notify::new(),
            drained: Notify::new(),
            identity: RwLock::new(None),
            in_background: AtomicBool::new(false),
            ended: OnceLock::new(),
            peer: OnceLock::new(),
            heard_ms: AtomicU64::new(age_ms()),
            ends_ms: AtomicU64::new(u64::MAX),
        })
    }

    /// Says which address the connection came from; the first one stays.
    pub fn set_peer(&self, peer: IpAddr) {
        _ = self.peer.set(peer);
    }

    /// The address the connection came from, if it is known.
    #[must_use]
    pub fn peer(&self) -> Option<IpAddr> {
        self.peer.get().copied()
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The address that the device reached the server under, like `http://host:port`.
    #[must_use]
    pub fn reached_at(&self) -> &str {
        &self.reached_at
    }

    /// The app goes to the background, or comes back to the front.
    pub fn set_background(&self, in_background: bool) {
        self.in_background.store(in_background, Ordering::Relaxed);
    }

    /// Whether the app is in the background.
    #[must_use]
    pub fn is_in_background(&self) -> bool {
        self.in_background.load(Ordering::Relaxed)
    }

    /// The app it belongs to.
    #[must_use]
    pub fn app(&self) -> AppId {
        self.app
    }

    /// The device's own name for itself.
    #[must_use]
    pub fn instance(&self) -> &Arc<str> {
        &self.instance
    }

    /// The platform's number.
    #[must_use]
    pub fn platform(&self) -> u32 {
        self.platform
    }

    /// Who is logged in.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        self.identity.read().clone()
    }

    pub(crate) fn set_identity(&self, identity: Option<Identity>) {
        *self.identity.write() = identity;
    }

    /// The client said something.
    pub(crate) fn hear(&self) {
        self.heard_ms.store(age_ms(), Ordering::Relaxed);
    }

    /// For how long the client has said nothing.
    #[must_use]
    pub fn silence(&self) -> Duration {
        Duration::from_millis(age_ms().saturating_sub(self.heard_ms.load(Ordering::Relaxed)))
    }

    /// The session ends that long from now; who logs in anew says it anew.
    pub fn end_in(&self, life: Duration) {
        let life_ms = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
        self.ends_ms.store(age_ms().saturating_add(life_ms), Ordering::Relaxed);
    }

    /// For how long it goes on at most.
    pub(crate) fn remaining(&self) -> Duration {
        Duration::from_millis(self.ends_ms.load(Ordering::Relaxed).saturating_sub(age_ms()))
    }

    /// Why it ended, once it has.
    #[must_use]
    pub fn ended(&self) -> Option<CloseReason> {
        self.ended.get().copied()
    }

    /// Queues a push. At the bound a needed push ends the session, which then catches up; a droppable one is dropped.
    pub fn push(&self, push: &Push) {
        self.outbound.lock().take_in(push, self.encoding, self.limit_bytes);
        self.wake.notify_one();
    }

    /// As [`Session::push`], several that follow each other, and writes what waits before it answers, where the socket takes it.
    pub(crate) fn push_now(&self, pushes: &[Arc<Push>]) {
        let mut outbound = self.outbound.lock();
        for push in pushes {
            // Many that come together are no reason to cut, or drop for, a client that reads.
            if outbound.bytes + push.json().len() > self.limit_bytes / 2 {
                outbound.write_now();
            }
            outbound.take_in(push, self.encoding, self.limit_bytes);
        }
        let waits = outbound.write_now();
        drop(outbound);
        if waits {
            self.wake.notify_one();
        }
    }

    /// From now on frames can be written to the socket.
    pub(crate) fn attach(&self, writer: Arc<OwnedWriteHalf>) {
        self.outbound.lock().writer = Some(writer);
    }

    /// No longer.
    pub(crate) fn detach(&self) {
        self.outbound.lock().writer = None;
    }

    /// Queues an answer, waiting while the client does not read what it already has coming.
    pub async fn answer(&self, json: &[u8]) {
        let frame = push::encode(json, self.encoding);
        loop {
            let drained = self.drained.notified();
            {
                let mut outbound = self.outbound.lock();
                if outbound.closed.is_some() {
                    return;
                }
                if outbound.bytes < self.limit_bytes {
                    outbound.bytes += frame.len();
                    outbound.queue.push_back(frame);
                    break;
                }
            }
            drained.await;
        }
        self.wake.notify_one();
    }

    /// Ends the session after what is queued was sent, or at once when the client does not read.
    pub fn close(&self, reason: CloseReason) {
        self.outbound.lock().closed.get_or_insert(reason);
        self.wake.notify_one();
        self.drained.notify_waiters();
    }

    /// Queues the answer to a ping. Whoever pings and does not read gets no more of them than are bounded: an answer to a later ping
    /// serves for those before it (RFC 6455 5.5.3).
    pub(crate) fn pong(&self, frame: Bytes) {
        let mut outbound = self.outbound.lock();
        if outbound.bytes >= self.limit_bytes {
            return;
        }
        outbound.bytes += frame.len();
        outbound.queue.push_back(frame);
        drop(outbound);
        self.wake.notify_one();
    }

    /// Takes everything that waits; and whether the session is to end.
    pub(crate) fn take(&self, batch: &mut VecDeque<Bytes>) -> Option<CloseReason> {
        let mut outbound = self.outbound.lock();
        std::mem::swap(&mut outbound.queue, batch);
        outbound.in_flight = !batch.is_empty();
        outbound.closed
    }

    /// What was taken is on its way.
    pub(crate) fn sent(&self, bytes: usize) {
        let mut outbound = self.outbound.lock();
        outbound.bytes = outbound.bytes.saturating_sub(bytes);
        outbound.in_flight = false;
        if outbound.queue.is_empty() {
            outbound.queue.shrink_to_fit();
        }
        drop(outbound);
        self.drained.notify_waiters();
    }

    pub(crate) fn closed(&self) -> Option<CloseReason> {
        self.outbound.lock().closed
    }

    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    pub(crate) fn end(&self, reason: CloseReason) {
        _ = self.ended.set(reason);
        self.close(reason);
    }
}
