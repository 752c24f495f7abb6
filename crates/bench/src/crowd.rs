//! Many receivers that cost next to nothing: they count marked messages and the time these took, and parse no JSON.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use memchr::memmem;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tungstenite::protocol::frame::coding::{Control, OpCode};

use crate::figures::{Latencies, now_nanos};
use crate::frames::{Frame, FrameCutter, client_frame, server_frame};
use crate::marker;
use crate::socket_client::{SocketClient, Voice};

/// Shared by all receivers of a thread.
const READ_BYTES: usize = 16 << 10;
/// Silence after which the SDK pings.
const PING_AFTER_NANOS: u64 = 10_000_000_000;

thread_local! {
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

/// What all receivers together have seen in the current phase.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Messages of this phase are counted, others only drawn from the wire.
    phase: AtomicU32,
    deliveries: AtomicU64,
    reads: AtomicU64,
    frames: AtomicU64,
    bytes: AtomicU64,
    acknowledged: AtomicU64,
    last_delivery_nanos: AtomicU64,
    awaited: AtomicU64,
    reached: Notify,
    lost_connections: AtomicU64,
    pub(crate) latencies: Latencies,
    sample: OnceLock<Sample>,
}

/// A recorded frame with one marked message, to be sent again by the reference.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// The whole frame.
    pub(crate) frame: Vec<u8>,
    /// Where its mark begins.
    pub(crate) mark_at: usize,
}

/// What a phase amounted to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count {
    pub(crate) deliveries: u64,
    /// Deliveries per read of a receiver.
    pub(crate) per_read: Option<f64>,
    /// Bytes per frame.
    pub(crate) frame_bytes: Option<f64>,
    /// Pushes that the server wanted acknowledged, and were.
    pub(crate) acknowledged: u64,
    /// When the last message arrived.
    pub(crate) last_delivery_nanos: u64,
}

impl Tally {
    fn new() -> Self {
        Self {
            phase: AtomicU32::new(0),
            deliveries: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            frames: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            last_delivery_nanos: AtomicU64::new(0),
            awaited: AtomicU64::new(u64::MAX),
            reached: Notify::new(),
            lost_connections: AtomicU64::new(0),
            latencies: Latencies::new(),
            sample: OnceLock::new(),
        }
    }

    /// Notes what one read brought.
    fn add(&self, found: &ReadResult, now: u64) {
        if found.deliveries == 0 {
            return;
        }
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.frames.fetch_add(found.frames, Ordering::Relaxed);
        self.bytes.fetch_add(found.bytes, Ordering::Relaxed);
        self.last_delivery_nanos.fetch_max(now, Ordering::Relaxed);
        let total = self.deliveries.fetch_add(found.deliveries, Ordering::SeqCst) + found.deliveries;
        if total >= self.awaited.load(Ordering::SeqCst) {
            self.reached.notify_one();
        }
    }
}

/// Marked messages of the current phase in one read.
#[derive(Debug, Default)]
struct ReadResult {
    deliveries: u64,
    frames: u64,
    bytes: u64,
}

/// The connected receivers. They read from the moment they join, and are cut off when this is dropped.
pub(crate) struct Crowd {
    members: Arc<Mutex<Vec<Arc<Member>>>>,
    tally: Arc<Tally>,
    /// Dropping the set aborts the receivers.
    tasks: Mutex<JoinSet<()>>,
}

/// The sending side of a receiver, for pings and acknowledgments.
struct Member {
    write: OwnedWriteHalf,
    /// `None` for the reference, which expects neither.
    voice: Option<Voice>,
    last_read_nanos: AtomicU64,
    seq: AtomicU32,
}

impl Member {
    /// Writes a small frame; when not even that fits into the socket, the server is not reading and one frame less does no harm.
    fn say(&self, frame: &[u8]) -> bool {
        self.write.try_write(frame).is_ok_and(|written| written == frame.len())
    }

    fn next_seq(&self) -> u32 {
        self.seq.fetch_add(1, Ordering::Relaxed)
    }
}

impl Crowd {
    /// Nobody yet.
    pub(crate) fn new() -> Self {
        let members: Arc<Mutex<Vec<Arc<Member>>>> = Arc::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(keep_alive(Arc::clone(&members)));
        Self { members, tally: Arc::new(Tally::new()), tasks: Mutex::new(tasks) }
    }

    /// A logged-in client becomes a receiver that pings like the SDK and acknowledges what asks for it.
    pub(crate) fn join(&self, client: SocketClient) {
        let (stream, cutter, voice) = client.into_parts();
        self.add(stream, cutter, Some(voice));
    }

    /// A plain connection becomes a receiver that only reads.
    pub(crate) fn join_plain(&self, stream: TcpStream) {
        self.add(stream, FrameCutter::default(), None);
    }

    fn add(&self, stream: TcpStream, cutter: FrameCutter, voice: Option<Voice>) {
        let (read, write) = stream.into_split();
        let member = Arc::new(Member {
            write,
            voice,
            last_read_nanos: AtomicU64::new(now_nanos()),
            seq: AtomicU32::new(500_000_000),
        });
        lock(&self.members).push(Arc::clone(&member));
        lock(&self.tasks).spawn(receive(read, cutter, member, Arc::clone(&self.tally)));
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.members).len()
    }

    /// Counts from zero, messages of `phase` only.
    pub(crate) fn begin(&self, phase: u16) {
        let tally = &self.tally;
        tally.phase.store(u32::from(phase), Ordering::SeqCst);
        for counter in [
            &tally.deliveries,
            &tally.reads,
            &tally.frames,
            &tally.bytes,
            &tally.acknowledged,
            &tally.last_delivery_nanos,
        ] {
            counter.store(0, Ordering::SeqCst);
        }
        tally.latencies.reset();
    }

    /// Waits until `total` messages of the phase were received by all members together. False when `limit` passed before.
    pub(crate) async fn wait_for(&self, total: u64, limit: Duration) -> bool {
        let tally = &self.tally;
        let arrived = async {
            tally.awaited.store(total, Ordering::SeqCst);
            while tally.deliveries.load(Ordering::SeqCst) < total {
                tally.reached.notified().await;
            }
        };
        let reached = tokio::time::timeout(limit, arrived).await.is_ok();
        tally.awaited.store(u64::MAX, Ordering::SeqCst);
        reached
    }

    pub(crate) fn count(&self) -> Count {
        let read = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        let tally = &self.tally;
        let per = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        Count {
            deliveries: read(&tally.deliveries),
            per_read: per(read(&tally.deliveries), read(&tally.reads)),
            frame_bytes: per(read(&tally.bytes), read(&tally.frames)),
            acknowledged: read(&tally.acknowledged),
            last_delivery_nanos: read(&tally.last_delivery_nanos),
        }
    }

    pub(crate) fn latencies(&self) -> &Latencies {
        &self.tally.latencies
    }

    /// Connections that the server ended.
    pub(crate) fn lost_connections(&self) -> u64 {
        self.tally.lost_connections.load(Ordering::SeqCst)
    }

    /// The first frame that held a single marked message.
    pub(crate) fn sample(&self) -> Option<Sample> {
        self.tally.sample.get().cloned()
    }
}

/// Reads one connection until it ends. The buffer belongs to the thread: an idle receiver holds no memory for reading.
async fn receive(mut read: OwnedReadHalf, mut cutter: FrameCutter, member: Arc<Member>, tally: Arc<Tally>) {
    loop {
        let outcome = poll_fn(|context| {
            READ_BUFFER.with_borrow_mut(|memory| {
                let mut buffer = ReadBuf::new(memory);
                Pin::new(&mut read).poll_read(context, &mut buffer).map_ok(|()| {
                    let bytes = buffer.filled();
                    !bytes.is_empty() && take(bytes, &mut cutter, &member, &tally).is_ok()
                })
            })
        })
        .await;
        if !matches!(outcome, Ok(true)) {
            tally.lost_connections.fetch_add(1, Ordering::SeqCst);
            return;
        }
    }
}

fn take(bytes: &[u8], cutter: &mut FrameCutter, member: &Member, tally: &Tally) -> io::Result<()> {
    let now = now_nanos();
    member.last_read_nanos.store(now, Ordering::Relaxed);
    let phase = tally.phase.load(Ordering::Relaxed);
    let mut found = ReadResult::default();
    let mut closed = false;
    cutter
        .feed(bytes, |frame| match frame {
            Frame::Message(message) => look_at(message, member, tally, phase, now, &mut found),
            Frame::Ping(content) => {
                member.say(&client_frame(OpCode::Control(Control::Pong), content));
            }
            Frame::Close => closed = true,
        })
        .map_err(io::Error::other)?;
    tally.add(&found, now);
    if closed { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
}

fn look_at(message: &[u8], member: &Member, tally: &Tally, phase: u32, now: u64, found: &mut ReadResult) {
    let mut deliveries = 0;
    let mut first_mark = None;
    for (at, marker) in marker::find_all(message) {
        first_mark.get_or_insert(at);
        if u32::from(marker.phase) == phase {
            deliveries += 1;
            tally.latencies.record(now.saturating_sub(marker.sent_nanos));
        }
    }
    if deliveries > 0 {
        found.deliveries += deliveries;
        found.frames += 1;
        found.bytes += message.len() as u64;
    }
    if let Some(at) = first_mark
        && tally.sample.get().is_none()
        && deliveries == 1
    {
        let frame = server_frame(message);
        let mark_at = frame.len() - message.len() + at;
        // Another receiver may have been first; its frame is as good.
        let _ = tally.sample.set(Sample { frame, mark_at });
    }
    if let (Some(voice), Some(session)) = (&member.voice, wants_acknowledgment(message)) {
        let body = format!(r#"{{"SessionData":{session}}}"#);
        if member.say(&voice.request("openim.ws_msg_push_ack", member.next_seq(), &body)) {
            tally.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The quoted `SessionData` of a push that asks to be acknowledged: docs/spec/websocket-protocol.md#7-pushes.
fn wants_acknowledgment(message: &[u8]) -> Option<&str> {
    memmem::find(message, br#""NeedAck":1"#)?;
    let key = br#""SessionData":"#;
    let value = &message[memmem::find(message, key)? + key.len()..];
    let inner = value.strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', inner)? + 2;
    std::str::from_utf8(&value[..end]).ok()
}

/// Pings like the SDK: ten seconds after the last frame. One task for all, since ten thousand timers would cost more than the receivers.
async fn keep_alive(members: Arc<Mutex<Vec<Arc<Member>>>>) {
    let mut every_second = tokio::time::interval(Duration::from_secs(1));
    loop {
        every_second.tick().await;
        let now = now_nanos();
        for member in lock(&members).iter() {
            let silent = now.saturating_sub(member.last_read_nanos.load(Ordering::Relaxed)) > PING_AFTER_NANOS;
            if let (true, Some(voice)) = (silent, &member.voice) {
                member.last_read_nanos.store(now, Ordering::Relaxed);
                member.say(&voice.request("heartbeat.alive", member.next_seq(), "{}"));
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::marker::Marker;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (client, server) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        (client.unwrap(), server.unwrap().0)
    }

    fn push(phase: u16) -> Vec<u8> {
        let text = marker::text(Marker { phase, sent_nanos: now_nanos() }, 100);
        server_frame(format!(r#"{{"Text":"{text}"}}"#).as_bytes())
    }

    #[tokio::test]
    async fn messages_of_the_phase_are_counted_and_others_are_not() {
        let (client, mut server) = pair().await;
        let crowd = Crowd::new();
        crowd.join_plain(client);
        crowd.begin(2);
        server.write_all(&[push(1), push(2), push(2), server_frame(b"{}")].concat()).await.unwrap();
        assert!(crowd.wait_for(2, Duration::from_secs(5)).await);
        let count = crowd.count();
        assert_eq!((count.deliveries, count.per_read, count.frame_bytes), (2, Some(2.0), Some(111.0)));
        assert!(crowd.latencies().max().unwrap() < Duration::from_secs(5));
        let sample = crowd.sample().unwrap();
        assert_eq!(marker::find_all(&sample.frame).next().unwrap().0, sample.mark_at);
        assert!(!crowd.wait_for(3, Duration::from_millis(20)).await);

        crowd.begin(3);
        assert_eq!(crowd.count().deliveries, 0);
        drop(server);
        while crowd.lost_connections() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[test]
    fn only_pushes_that_ask_are_acknowledged() {
        assert_eq!(wants_acknowledgment(br#"{"body":{"NeedAck":1,"SessionData":"s-88"}}"#), Some("\"s-88\""));
        assert_eq!(wants_acknowledgment(br#"{"body":{"NeedAck":0,"SessionData":"s-88"}}"#), None);
        assert_eq!(wants_acknowledgment(br#"{"body":{"NeedAck":1}}"#), None);
    }
}
