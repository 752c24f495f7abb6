//! The backends that webhooks are made to: one that answers as fast as it can, and dead ones.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::error::BenchError;
use crate::figures::now_nanos;

/// What every call is answered: allowed, taken.
const ANSWER: &[u8] = br#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;
/// How long calls may be absent until no more are expected.
const SILENCE: Duration = Duration::from_secs(5);

/// What was called, of all connections together.
#[derive(Debug, Default)]
struct Seen {
    calls: AtomicU64,
    last_own_nanos: AtomicU64,
    first_call_nanos: AtomicU64,
    last_call_nanos: AtomicU64,
    called: Notify,
}

/// A backend that answers as fast as it can, or thinks for as long as it is told. Ends when dropped.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
    _tasks: JoinSet<()>,
}

/// What a receiver was told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) calls: u64,
    /// From the first to the last.
    pub(crate) span: Duration,
    /// When the last one came.
    pub(crate) last_call_nanos: u64,
}

impl Receiver {
    /// Listens, and thinks for `think` about each call.
    pub(crate) async fn start(think: Duration) -> Result<Self, BenchError> {
        let listener = listen().await?;
        let address = address_of(&listener)?;
        let seen = Arc::new(Seen::default());
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&seen);
        tasks.spawn(async move {
            // Connections end with the set, which ends with this task.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                // Without it answers would wait for acknowledgments; an error means that the caller has gone.
                let _ = stream.set_nodelay(true);
                let seen = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(|request| answer(request, Arc::clone(&seen), think));
                    // The server hangs up when it likes.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Ok(Self { address, seen, _tasks: tasks })
    }

    /// Calls so far, and how long the last one was under way here, in nanoseconds.
    pub(crate) fn last(&self) -> (u64, u64) {
        (self.seen.calls.load(Ordering::SeqCst), self.seen.last_own_nanos.load(Ordering::SeqCst))
    }

    /// Waits until `total` calls have come, or no more do.
    pub(crate) async fn wait_for(&self, total: u64) -> Told {
        while self.last().0 < total {
            if tokio::time::timeout(SILENCE, self.seen.called.notified()).await.is_err() {
                break;
            }
        }
        let first = self.seen.first_call_nanos.load(Ordering::SeqCst);
        let last_call_nanos = self.seen.last_call_nanos.load(Ordering::SeqCst);
        let span = Duration::from_nanos(last_call_nanos.saturating_sub(first));
        Told { calls: self.last().0, span, last_call_nanos }
    }
}

async fn answer(
    request: Request<Incoming>,
    seen: Arc<Seen>,
    think: Duration,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let began = now_nanos();
    // A call that breaks off is none.
    if request.into_body().collect().await.is_ok() {
        if !think.is_zero() {
            tokio::time::sleep(think).await;
        }
        let now = now_nanos();
        // The first caller wins; the clock starts above 0.
        let _ = seen.first_call_nanos.compare_exchange(0, began.max(1), Ordering::SeqCst, Ordering::SeqCst);
        seen.last_call_nanos.fetch_max(now, Ordering::SeqCst);
        seen.last_own_nanos.store(now - began, Ordering::SeqCst);
        seen.calls.fetch_add(1, Ordering::SeqCst);
        seen.called.notify_one();
    }
    let mut response = Response::new(Full::new(Bytes::from_static(ANSWER)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// A backend that is not there: its port is taken, but nobody listens.
pub(crate) struct Refusing {
    pub(crate) address: SocketAddr,
    _taken: TcpSocket,
}

impl Refusing {
    pub(crate) fn start() -> Result<Self, BenchError> {
        let taken = || -> io::Result<(SocketAddr, TcpSocket)> {
            let socket = TcpSocket::new_v4()?;
            socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
            Ok((socket.local_addr()?, socket))
        };
        let (address, socket) = taken().map_err(BenchError::io("cannot take a port"))?;
        Ok(Self { address, _taken: socket })
    }
}

/// A backend that takes connections and never says anything. Ends when dropped.
pub(crate) struct Silent {
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl Silent {
    pub(crate) async fn start() -> Result<Self, BenchError> {
        let listener = listen().await?;
        let address = address_of(&listener)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = Vec::new();
            while let Ok(connection) = listener.accept().await {
                connections.push(connection);
            }
        });
        Ok(Self { address, _tasks: tasks })
    }
}

async fn listen() -> Result<TcpListener, BenchError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(BenchError::io("cannot listen for webhooks"))
}

fn address_of(listener: &TcpListener) -> Result<SocketAddr, BenchError> {
    listener.local_addr().map_err(BenchError::io("cannot tell where webhooks go"))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::network;
    use crate::rest_client::RestConnection;

    #[tokio::test]
    async fn calls_are_answered_counted_and_timed() {
        let receiver = Receiver::start(Duration::from_millis(20)).await.unwrap();
        let mut caller = RestConnection::open(receiver.address, "backend").await.unwrap();
        for _ in 0..2 {
            let (status, answer) = caller.post("/hook", Bytes::from_static(b"{}")).await.unwrap();
            assert_eq!((status.as_u16(), &answer[..]), (200, ANSWER));
        }
        let told = receiver.wait_for(2).await;
        assert_eq!(told.calls, 2);
        assert!(told.span >= Duration::from_millis(40) && told.last_call_nanos > 0, "{told:?}");
        assert!(receiver.last().1 >= 20_000_000);
    }

    #[tokio::test]
    async fn dead_backends_refuse_or_say_nothing() {
        let refusing = Refusing::start().unwrap();
        assert!(network::connect(refusing.address).await.is_err());
        let silent = Silent::start().await.unwrap();
        let mut stream = network::connect(silent.address).await.unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(50), stream.read_u8()).await.is_err());
    }
}
