//! A backend of an app: takes webhooks over real HTTP, remembers every call, and answers as it is told to.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    sync::Notify,
    time::{Instant, sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use crate::PATIENCE;

/// A call as it came in.
#[derive(Debug, Clone)]
pub struct Received {
    /// `POST /path?query HTTP/1.1`.
    pub request_line: String,
    /// The parameters of the address, in order, decoded.
    pub query: Vec<(String, String)>,
    /// The headers, names in lower case.
    pub headers: HashMap<String, String>,
    /// The body as it came.
    pub raw: String,
    /// The body.
    pub body: Value,
    /// When it came.
    pub at: Instant,
}

impl Received {
    /// A parameter of the address.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// The command.
    #[must_use]
    pub fn command(&self) -> &str {
        self.param("CallbackCommand").unwrap_or_default()
    }
}

/// How a call is answered.
#[derive(Debug, Clone)]
pub enum Reaction {
    /// With this JSON.
    Json(Value),
    /// With this JSON, after a while.
    Late(Duration, Value),
    /// With a status and any body.
    Status(u16, String),
    /// With a redirect.
    Redirect(String),
    /// The connection ends without an answer.
    Close,
    /// The connection ends in the middle of the answer.
    Cut,
    /// Nothing is ever answered.
    Hang,
}

impl Reaction {
    /// All is well.
    #[must_use]
    pub fn ok() -> Self {
        Self::verdict(0, "")
    }

    /// A verdict with a text.
    #[must_use]
    pub fn verdict(code: i64, info: &str) -> Self {
        Self::Json(
            json!({ "ActionStatus": if code == 0 { "OK" } else { "FAIL" }, "ErrorCode": code, "ErrorInfo": info }),
        )
    }

    /// All is well, and more to say.
    ///
    /// # Panics
    /// When `more` is no object.
    #[must_use]
    pub fn ok_with(more: &Value) -> Self {
        let mut answer = json!({ "ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "" });
        answer.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        Self::Json(answer)
    }
}

#[derive(Default)]
struct Seen {
    calls: Vec<Received>,
    /// By command: what comes next, the last of them stays.
    reactions: HashMap<String, VecDeque<Reaction>>,
    connections: usize,
}

/// A listening backend.
pub struct Receiver {
    scheme: &'static str,
    port: u16,
    seen: Arc<(Mutex<Seen>, Notify)>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    /// Listens on a free port.
    pub async fn start() -> Self {
        Self::on(0).await
    }

    /// Listens on a free port, behind TLS.
    pub async fn start_tls(config: Arc<rustls::ServerConfig>) -> Self {
        Self::listen(0, Some(config.into())).await
    }

    /// Listens on a port.
    ///
    /// # Panics
    /// When it is taken.
    pub async fn on(port: u16) -> Self {
        Self::listen(port, None).await
    }

    async fn listen(port: u16, tls: Option<TlsAcceptor>) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("settable");
        socket.bind(([127, 0, 0, 1], port).into()).expect("the port is free");
        let listener = socket.listen(1024).expect("listening");
        let port = listener.local_addr().expect("bound").port();
        let seen: Arc<(Mutex<Seen>, Notify)> = Arc::default();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let task = tokio::spawn(accept(listener, tls, seen.clone()));
        Self { scheme, port, seen, task }
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at("127.0.0.1")
    }

    /// Its address by another name of this machine.
    #[must_use]
    pub fn url_at(&self, host: &str) -> String {
        format!("{}://{host}:{}/hook", self.scheme, self.port)
    }

    /// Answers a command so from now on.
    pub fn react(&self, command: &str, reaction: Reaction) {
        self.react_in_turn(command, [reaction]);
    }

    /// Answers the next calls of a command so, one after the other; the last answer stays.
    pub fn react_in_turn(&self, command: &str, reactions: impl IntoIterator<Item = Reaction>) {
        self.lock().reactions.insert(command.into(), reactions.into_iter().collect());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.0.lock().expect("not poisoned")
    }

    /// Every call so far, in the order of their coming.
    #[must_use]
    pub fn calls(&self) -> Vec<Received> {
        self.lock().calls.clone()
    }

    /// The calls of a command so far.
    #[must_use]
    pub fn calls_of(&self, command: &str) -> Vec<Received> {
        self.lock().calls.iter().filter(|call| call.command() == command).cloned().collect()
    }

    /// How many connections were opened.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.lock().connections
    }

    /// Waits for a call of a command that fulfils a condition; the first one.
    ///
    /// # Panics
    /// When none comes.
    pub async fn call(&self, command: &str, condition: impl Fn(&Value) -> bool) -> Received {
        self.wait(command, |calls| calls.iter().find(|call| condition(&call.body)).cloned()).await
    }

    /// Waits until so many calls of a command fulfil a condition, and answers them.
    ///
    /// # Panics
    /// When they do not come.
    pub async fn calls_until(&self, number: usize, command: &str, condition: impl Fn(&Value) -> bool) -> Vec<Received> {
        self.wait(command, |calls| {
            let found: Vec<Received> = calls.iter().filter(|call| condition(&call.body)).cloned().collect();
            (found.len() >= number).then_some(found)
        })
        .await
    }

    async fn wait<T>(&self, command: &str, find: impl Fn(&[Received]) -> Option<T>) -> T {
        let found = timeout(3 * PATIENCE, async {
            loop {
                let changed = self.seen.1.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(found) = find(&self.calls_of(command)) {
                    return found;
                }
                changed.await;
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => {
                let calls: Vec<(String, Value)> =
                    self.calls().into_iter().map(|call| (call.command().to_owned(), call.body)).collect();
                panic!("{command} did not come; calls so far: {calls:#?}")
            }
        }
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, seen: Arc<(Mutex<Seen>, Notify)>) {
    // Connections end with the one who listens.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        seen.0.lock().expect("not poisoned").connections += 1;
        _ = stream.set_nodelay(true);
        let (seen, tls) = (seen.clone(), tls.clone());
        connections.spawn(async move {
            match tls {
                None => _ = serve(stream, seen).await,
                Some(tls) => {
                    // Who does not trust the other hangs up.
                    if let Ok(stream) = tls.accept(stream).await {
                        _ = serve(stream, seen).await;
                    }
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve<S>(stream: S, seen: Arc<(Mutex<Seen>, Notify)>) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = BufReader::new(stream);
    loop {
        let Some(call) = read(&mut stream).await? else { return Ok(()) };
        let reaction = {
            let mut seen = seen.0.lock().expect("not poisoned");
            let reaction = seen.reactions.get_mut(call.command()).and_then(|reactions| {
                if reactions.len() > 1 { reactions.pop_front() } else { reactions.front().cloned() }
            });
            seen.calls.push(call);
            reaction
        };
        seen.1.notify_waiters();
        match reaction.unwrap_or_else(Reaction::ok) {
            Reaction::Json(answer) => write(&mut stream, 200, "", &answer.to_string()).await?,
            Reaction::Late(after, answer) => {
                sleep(after).await;
                write(&mut stream, 200, "", &answer.to_string()).await?;
            }
            Reaction::Status(status, body) => write(&mut stream, status, "", &body).await?,
            Reaction::Redirect(to) => write(&mut stream, 302, &format!("Location: {to}\r\n"), "").await?,
            Reaction::Close => return Ok(()),
            Reaction::Cut => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ActionStatus\":").await?;
                return stream.flush().await;
            }
            Reaction::Hang => {
                // Until the other side goes.
                _ = stream.read_u8().await;
                return Ok(());
            }
        }
    }
}

async fn read<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> std::io::Result<Option<Received>> {
    let mut request_line = String::new();
    if stream.read_line(&mut request_line).await? == 0 {
        return Ok(None);
    }
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut raw = vec![0; length];
    stream.read_exact(&mut raw).await?;
    let raw = String::from_utf8(raw).expect("bodies are UTF-8");
    let path = request_line.split(' ').nth(1).unwrap_or_default();
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let query = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.replace("%3A", ":")))
        .collect();
    let body = serde_json::from_str(&raw).unwrap_or(Value::Null);
    let request_line = request_line.trim_end().to_owned();
    Ok(Some(Received { request_line, query, headers, raw, body, at: Instant::now() }))
}

async fn write<S>(stream: &mut BufReader<S>, status: u16, headers: &str, body: &str) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let answer = format!(
        "HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.flush().await
}
