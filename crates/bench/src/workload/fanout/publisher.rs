//! Who sends the messages of a fan-out: a member over its WebSocket, a backend over REST, or the plain send loop.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::crowd::Sample;
use crate::error::BenchError;
use crate::figures::{Latencies, now_nanos};
use crate::frames::{Frame, FrameCutter};
use crate::marker::{self, Marker};
use crate::population::message;
use crate::raw_reference::RawReference;
use crate::rest_client::{Call, RestConnection, path};
use crate::socket_client::{Incoming, SocketClient, Voice, unix_seconds};
use crate::target::Target;

/// How long the answers to the last messages may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// REST sends under way before the next one waits for an answer.
const MOST_UNDER_WAY: usize = 256;

/// A sender of marked messages.
pub(super) struct Publisher {
    kind: Kind,
    answers: Arc<Latencies>,
}

enum Kind {
    Socket(SocketSender),
    Rest(RestSender),
    Raw { reference: RawReference, sample: Sample, drained: bool },
}

impl Publisher {
    pub(super) fn over_socket(client: SocketClient, group: &str, size: usize) -> Self {
        let answers = Arc::new(Latencies::new());
        Self { kind: Kind::Socket(SocketSender::new(client, group, size, Arc::clone(&answers))), answers }
    }

    pub(super) fn over_rest(target: &Arc<Target>, group: &str, sender: &str, size: usize) -> Self {
        let answers = Arc::new(Latencies::new());
        let rest = RestSender {
            target: Arc::clone(target),
            path: path(target, "group_open_http_svc/send_group_msg"),
            group: group.to_owned(),
            sender: sender.to_owned(),
            size,
            random: rand::random(),
            idle: Arc::default(),
            under_way: JoinSet::new(),
            answers: Arc::clone(&answers),
        };
        Self { kind: Kind::Rest(rest), answers }
    }

    pub(super) fn raw(reference: RawReference, sample: Sample, drained: bool) -> Self {
        Self { kind: Kind::Raw { reference, sample, drained }, answers: Arc::new(Latencies::new()) }
    }

    /// Sends `count` messages back to back, without waiting for answers.
    pub(super) async fn publish(&mut self, phase: u16, count: usize) -> Result<(), BenchError> {
        match &mut self.kind {
            Kind::Socket(socket) => socket.publish(phase, count).await,
            Kind::Rest(rest) => rest.publish(phase, count).await,
            Kind::Raw { reference, sample, drained } => {
                let frames = (0..count).map(|_| {
                    let mut frame = sample.frame.clone();
                    marker::restamp(&mut frame, sample.mark_at, Marker { phase, sent_nanos: now_nanos() });
                    frame
                });
                if *drained {
                    let burst = frames.flatten().collect();
                    reference.send(std::iter::once(burst)).await
                } else {
                    reference.send(frames).await
                }
            }
        }
    }

    /// Waits for the answers to everything published.
    pub(super) async fn finish(&mut self) -> Result<(), BenchError> {
        let all = async {
            match &mut self.kind {
                Kind::Socket(socket) => socket.answers.all_here().await,
                Kind::Rest(rest) => rest.finish().await,
                Kind::Raw { .. } => Ok(()),
            }
        };
        tokio::time::timeout(ANSWERED_WITHIN, all).await.unwrap_or_else(|_| {
            Err(BenchError::TooSlow {
                what: "not all sends were answered".to_owned(),
                seconds: ANSWERED_WITHIN.as_secs(),
            })
        })
    }

    /// How long the sender waited for its answers.
    pub(super) fn answers(&self) -> &Latencies {
        &self.answers
    }
}

/// A member that sends; its own copies of the messages are read and not counted.
struct SocketSender {
    write: OwnedWriteHalf,
    voice: Voice,
    sender: String,
    group: String,
    size: usize,
    seq: u32,
    random: u32,
    answers: Arc<Answers>,
    /// Dropping the set aborts the reader.
    _reader: JoinSet<()>,
}

/// Answers that are still to come.
struct Answers {
    open: Mutex<HashMap<u32, u64>>,
    changed: Notify,
    failure: Mutex<Option<BenchError>>,
    latencies: Arc<Latencies>,
}

impl SocketSender {
    fn new(client: SocketClient, group: &str, size: usize, latencies: Arc<Latencies>) -> Self {
        let sender = client.user.clone();
        let (stream, cutter, voice) = client.into_parts();
        let (read, write) = stream.into_split();
        let answers =
            Arc::new(Answers { open: Mutex::default(), changed: Notify::new(), failure: Mutex::default(), latencies });
        let mut reader = JoinSet::new();
        reader.spawn(Arc::clone(&answers).read_all(read, cutter));
        Self {
            write,
            voice,
            sender,
            group: group.to_owned(),
            size,
            seq: 200_000_000,
            random: rand::random(),
            answers,
            _reader: reader,
        }
    }

    async fn publish(&mut self, phase: u16, count: usize) -> Result<(), BenchError> {
        self.answers.check()?;
        let mut burst = Vec::new();
        for _ in 0..count {
            self.seq = self.seq.wrapping_add(1);
            self.random = self.random.wrapping_add(1);
            let sent_nanos = now_nanos();
            let body = json!({
                "From_Account": self.sender,
                "GroupId": self.group,
                "Random": self.random,
                "ClientSeq": self.seq,
                "MsgPriority": "Normal",
                "MsgBody": [{
                    "MsgType": "TIMTextElem",
                    "MsgContent": { "Text": marker::text(Marker { phase, sent_nanos }, self.size) },
                }],
                "CloudCustomData": "",
                "OnlineOnlyFlag": 0,
                "MsgClientTime": unix_seconds(),
            });
            lock(&self.answers.open).insert(self.seq, sent_nanos);
            burst.extend(self.voice.request("group_open_http_svc.send_group_msg", self.seq, &body.to_string()));
        }
        self.write.write_all(&burst).await.map_err(BenchError::io("connection of the sender"))
    }
}

impl Answers {
    async fn read_all(self: Arc<Self>, mut read: OwnedReadHalf, mut cutter: FrameCutter) {
        let mut buffer = vec![0; 16 << 10];
        loop {
            let outcome = match read.read(&mut buffer).await {
                Ok(0) => Err(BenchError::bad_answer("connection of the sender", "ended by the server")),
                Ok(length) => cutter
                    .feed(&buffer[..length], |frame| {
                        if let Frame::Message(message) = frame {
                            self.take(message);
                        }
                    })
                    .map_err(|error| BenchError::bad_answer("frame of the server", error)),
                Err(source) => Err(BenchError::io("connection of the sender")(source)),
            };
            if let Err(failure) = outcome {
                self.fail(failure);
                return;
            }
            self.changed.notify_one();
        }
    }

    /// Only answers are looked into: a push of our own message holds a mark.
    fn take(&self, message: &[u8]) {
        if marker::find_all(message).next().is_some() {
            return;
        }
        let Ok(incoming) = Incoming::read(message) else {
            return;
        };
        let Some(sent_nanos) = lock(&self.open).remove(&incoming.head.seq) else {
            return;
        };
        self.latencies.record(now_nanos().saturating_sub(sent_nanos));
        if let Some(refusal) = incoming.refusal() {
            self.fail(refusal);
        }
    }

    fn fail(&self, failure: BenchError) {
        lock(&self.failure).get_or_insert(failure);
        self.changed.notify_one();
    }

    fn check(&self) -> Result<(), BenchError> {
        lock(&self.failure).take().map_or(Ok(()), Err)
    }

    async fn all_here(&self) -> Result<(), BenchError> {
        loop {
            self.check()?;
            if lock(&self.open).is_empty() {
                return Ok(());
            }
            self.changed.notified().await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A backend that sends as the group's owner, each message on a connection of its own as long as others are under way.
struct RestSender {
    target: Arc<Target>,
    path: Arc<str>,
    group: String,
    sender: String,
    size: usize,
    random: u32,
    idle: Arc<Mutex<Vec<RestConnection>>>,
    under_way: JoinSet<Result<(), BenchError>>,
    answers: Arc<Latencies>,
}

impl RestSender {
    async fn publish(&mut self, phase: u16, count: usize) -> Result<(), BenchError> {
        for _ in 0..count {
            while self.under_way.len() >= MOST_UNDER_WAY {
                self.join_one().await?;
            }
            let free = lock(&self.idle).pop();
            let connection = match free {
                Some(connection) => connection,
                None => RestConnection::to(&self.target).await?,
            };
            self.random = self.random.wrapping_add(1);
            let sent_nanos = now_nanos();
            let text = marker::text(Marker { phase, sent_nanos }, self.size);
            let body = message(&self.group, Some(&self.sender), self.random, &text).into();
            let call = Call { path: Arc::clone(&self.path), body };
            self.under_way.spawn(send_one(
                connection,
                call,
                sent_nanos,
                Arc::clone(&self.idle),
                Arc::clone(&self.answers),
            ));
        }
        while let Some(done) = self.under_way.try_join_next() {
            done.expect("a send neither panics nor is cancelled")?;
        }
        Ok(())
    }

    async fn join_one(&mut self) -> Result<(), BenchError> {
        match self.under_way.join_next().await {
            Some(done) => done.expect("a send neither panics nor is cancelled"),
            None => Ok(()),
        }
    }

    async fn finish(&mut self) -> Result<(), BenchError> {
        while !self.under_way.is_empty() {
            self.join_one().await?;
        }
        Ok(())
    }
}

async fn send_one(
    mut connection: RestConnection,
    call: Call,
    sent_nanos: u64,
    idle: Arc<Mutex<Vec<RestConnection>>>,
    answers: Arc<Latencies>,
) -> Result<(), BenchError> {
    connection.call(&call).await?;
    answers.record(now_nanos().saturating_sub(sent_nanos));
    lock(&idle).push(connection);
    Ok(())
}
