//! The harness of the black-box suites: a real server on a free port, real HTTP, real WebSocket frames as the vendor's Web
//! SDK sends them.
//!
//! Every call says what code it expects. A suite starts a server of its own ([`Server::start`]) or shares one per process
//! ([`shared`]); tests that share it use ids of their own ([`unique`]).

pub mod bucket;
pub mod receiver;

use std::{
    collections::{HashMap, VecDeque},
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::{SinkExt as _, StreamExt as _, stream::SplitSink};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    sync::{Mutex as AsyncMutex, Notify, OnceCell},
    time::{sleep, timeout},
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};
use tsudoi_api::user_sig::{SigningKey, sign};

/// The app every server of the suites hosts.
pub const APP: u32 = 1_400_000_001;
/// Its key.
pub const KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0";
/// Its admin account.
pub const ADMIN: &str = "administrator";
/// How long anything awaited may take, on the slowest of machines.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Now, Unix seconds.
#[must_use]
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("fits")
}

/// A ticket of the app for a user.
#[must_use]
pub fn ticket(user: &str) -> String {
    sign(&SigningKey::new(KEY.into()), APP, user, now(), 86_400, None)
}

/// A name nobody else in this run uses: `prefix` and a number.
#[must_use]
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{prefix}{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A number for `Random` that no other call of this run uses.
#[must_use]
pub fn random() -> u32 {
    static NEXT: AtomicU64 = AtomicU64::new(1000);
    u32::try_from(NEXT.fetch_add(1, Ordering::Relaxed)).expect("few calls")
}

/// Dice that fall the same way whenever the same test throws them; `TSUDOI_SEED` gives others.
#[must_use]
pub fn dice() -> StdRng {
    let seed = std::env::var("TSUDOI_SEED").ok().and_then(|seed| seed.parse().ok());
    StdRng::seed_from_u64(seed.unwrap_or(20_260_101))
}

/// A text message body.
#[must_use]
pub fn text(text: &str) -> Value {
    json!([{ "MsgType": "TIMTextElem", "MsgContent": { "Text": text } }])
}

/// A running server.
pub struct Server {
    child: Option<Child>,
    port: u16,
    data: Arc<TempDir>,
    env: Vec<(String, String)>,
    http: reqwest::Client,
}

fn binary() -> PathBuf {
    if let Ok(path) = std::env::var("TSUDOI_BIN") {
        return path.into();
    }
    let mut path = std::env::current_exe().expect("a test has a path");
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.join("tsudoi")
}

/// The server that tests share which do not stop or configure it.
pub async fn shared() -> &'static Server {
    static SHARED: OnceCell<Server> = OnceCell::const_new();
    SHARED
        .get_or_init(|| async {
            // Tests run on runtimes of their own; the server must outlive the one that started it.
            let server = std::thread::spawn(|| {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(1)
                    .enable_all()
                    .build()
                    .expect("a runtime");
                let server = runtime.block_on(Server::start(&[]));
                std::mem::forget(runtime);
                end_with_this_process(server.pid());
                server
            });
            tokio::task::spawn_blocking(move || server.join().expect("the server starts")).await.expect("joined")
        })
        .await
}

/// Has a process killed when this one ends, however it ends: what is shared by all tests is dropped by none of them.
fn end_with_this_process(pid: u32) {
    let script = format!("cat > /dev/null; kill -KILL {pid}");
    let mut watch = std::process::Command::new("sh");
    let watch = watch.args(["-c", &script]).stdin(Stdio::piped()).spawn().expect("there is a shell");
    // Its input ends with this process.
    std::mem::forget(watch);
}

impl Server {
    /// Starts a server with an empty data folder and the given environment beside the usual.
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn start(env: &[(&str, &str)]) -> Self {
        let data = TempDir::new().expect("a temporary folder");
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut server = Self { child: None, port: free_port(), data: Arc::new(data), env, http: http_client() };
        server.launch().await;
        server
    }

    /// Starts a server whose app is set up by a provisioning file: TOML of one app's settings (the keys below `[apps.settings]`).
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn with_settings(settings: &str) -> Self {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().expect("a temporary file");
        let toml = format!("[[apps]]\napp_id = {APP}\nkeys = [\"{KEY}\"]\n\n[apps.settings]\n{settings}\n");
        std::fs::write(file.path(), toml).expect("written");
        let (_, path) = file.keep().expect("kept");
        Self::start(&[("TSUDOI_PROVISION", path.to_str().expect("UTF-8"))]).await
    }

    async fn launch(&mut self) {
        for _ in 0..3 {
            if self.try_launch().await {
                return;
            }
            // Somebody else took the port between the look and the start.
            self.port = free_port();
        }
        panic!("the server ends as soon as it starts; TSUDOI_IT_LOG=1 shows why");
    }

    /// Starts the process and waits until it is ready; answers whether it is, or ended at once.
    async fn try_launch(&mut self) -> bool {
        let mut child = Command::new(binary())
            .arg("serve")
            .env("TSUDOI_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("TSUDOI_DATA_DIR", self.data.path())
            .env("TSUDOI_APP_ID", APP.to_string())
            .env("TSUDOI_APP_KEY", KEY)
            .envs(self.env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(if std::env::var_os("TSUDOI_IT_LOG").is_some() { Stdio::inherit() } else { Stdio::null() })
            .kill_on_drop(true)
            .spawn()
            .expect("the server's binary can be started: cargo build -p tsudoi");
        let url = self.url("/readyz");
        let ready = timeout(PATIENCE, async {
            while child.try_wait().expect("asked").is_none() {
                if self.http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                    return true;
                }
                sleep(Duration::from_millis(20)).await;
            }
            false
        });
        let is_ready = ready.await.expect("the server becomes ready");
        self.child = is_ready.then_some(child);
        is_ready
    }

    /// An address of the server.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Opens a bare TCP connection to it.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn bare(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.expect("connected")
    }

    /// Kills it as a power cut would.
    ///
    /// # Panics
    /// When there is nothing to kill.
    pub async fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().await.expect("killed");
    }

    /// The number of its process.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).expect("it runs")
    }

    /// Kills a process as a power cut would.
    ///
    /// # Panics
    /// When there is no `kill` on the machine.
    pub async fn kill_pid(pid: u32) {
        Command::new("kill").args(["-KILL", &pid.to_string()]).status().await.expect("kill exists");
    }

    /// Asks it to stop, as a supervisor does; answers whether it ended well.
    ///
    /// # Panics
    /// When it does not stop.
    pub async fn stop(&mut self) -> bool {
        let mut child = self.child.take().expect("it runs");
        let pid = child.id().expect("it runs").to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill exists");
        timeout(4 * PATIENCE, child.wait()).await.expect("it stops").expect("waited").success()
    }

    /// Starts it again on the same port with the same data; one that still runs is killed before.
    pub async fn restart(&mut self) {
        if self.child.is_some() {
            self.kill().await;
        }
        self.launch().await;
    }

    /// The REST address of a command for a caller with a ticket.
    #[must_use]
    pub fn rest_url(&self, command: &str, user: &str) -> String {
        let query =
            format!("sdkappid={APP}&identifier={user}&usersig={}&random={}&contenttype=json", ticket(user), random());
        self.url(&format!("/v4/{command}?{query}"))
    }

    /// Calls a REST command as the admin and answers what came back, whatever it is.
    ///
    /// # Panics
    /// When the answer is no JSON over HTTP 200.
    pub async fn call(&self, command: &str, body: &Value) -> Value {
        self.call_raw(command, body.to_string().into_bytes()).await
    }

    /// As [`Server::call`], with any bytes for a body.
    ///
    /// # Panics
    /// When the answer is no JSON over HTTP 200.
    pub async fn call_raw(&self, command: &str, body: Vec<u8>) -> Value {
        let answer = self.http.post(self.rest_url(command, ADMIN)).body(body).send().await.expect("answered");
        assert_eq!(answer.status().as_u16(), 200, "{command}");
        answer.json().await.expect("JSON")
    }

    /// Calls a REST command; `None` when no whole answer comes.
    pub async fn try_call(&self, command: &str, body: &Value) -> Option<Value> {
        let request = self.http.post(self.rest_url(command, ADMIN)).body(body.to_string()).timeout(PATIENCE);
        request.send().await.ok()?.json().await.ok()
    }

    /// Calls a REST command that has to work.
    ///
    /// # Panics
    /// When it does not.
    pub async fn ok(&self, command: &str, body: Value) -> Value {
        let answer = self.call(command, &body).await;
        assert_eq!(answer["ErrorCode"], 0, "{command} {body} answered {answer}");
        assert_ne!(answer["ActionStatus"], "FAIL", "{command} {body} answered {answer}");
        answer
    }

    /// Calls a REST command that has to be refused with a code; answers the refusal.
    ///
    /// # Panics
    /// When it is not.
    pub async fn fails(&self, code: u32, command: &str, body: Value) -> Value {
        let answer = self.call(command, &body).await;
        assert_eq!(answer["ErrorCode"], code, "{command} {body} answered {answer}");
        assert_eq!(answer["ActionStatus"], "FAIL", "{command} {body} answered {answer}");
        assert_ne!(answer["ErrorInfo"], "", "a refusal says why");
        answer
    }

    /// Makes accounts known and answers their ids: one per prefix, unique in the run.
    pub async fn users(&self, prefixes: &[&str]) -> Vec<String> {
        let users: Vec<String> = prefixes.iter().map(|prefix| unique(prefix)).collect();
        self.ok("im_open_login_svc/multiaccount_import", json!({ "Accounts": users })).await;
        users
    }

    /// Creates a group over REST; answers its id.
    pub async fn group(&self, group_type: &str, owner: &str, members: &[&str]) -> String {
        let mut body = json!({ "Type": group_type, "Name": "suite", "Owner_Account": owner });
        if !members.is_empty() {
            let list: Vec<Value> = members.iter().map(|member| json!({ "Member_Account": member })).collect();
            body["MemberList"] = list.into();
        }
        let answer = self.ok("group_open_http_svc/create_group", body).await;
        answer["GroupId"].as_str().expect("an id").to_owned()
    }

    /// Opens a connection as the Web SDK does, binary frames, nobody logged in.
    ///
    /// # Panics
    /// When the connection is refused.
    pub async fn connect(&self) -> Client {
        self.connect_as(&unique("instance"), "binfo").await
    }

    /// As [`Server::connect`], with the device's own name and `binfo` or `info`.
    ///
    /// # Panics
    /// When the connection is refused.
    pub async fn connect_as(&self, instance: &str, path: &str) -> Client {
        self.connect_with(instance, path, 7).await
    }

    /// As [`Server::connect`], from a platform (2: Android, 7: web).
    ///
    /// # Panics
    /// When the connection is refused.
    pub async fn connect_on(&self, platform: u32) -> Client {
        self.connect_with(&unique("instance"), "binfo", platform).await
    }

    async fn connect_with(&self, instance: &str, path: &str, platform: u32) -> Client {
        let query = format!(
            "sdkappid={APP}&instanceid={instance}&random=1&platform={platform}&host=mac&version=-1&sdkversion=3.6.6"
        );
        let url = format!("ws://127.0.0.1:{}/{path}?{query}", self.port);
        let (stream, _) = connect_async(url).await.expect("connected");
        Client::new(stream, instance.to_owned(), path == "info")
    }

    /// Opens a connection and logs a user in; `None` when the server is not there, or goes meanwhile.
    pub async fn try_login(&self, user: &str) -> Option<Client> {
        let query = format!("sdkappid={APP}&instanceid={}&random=1&platform=7", unique("instance"));
        let (stream, _) = connect_async(format!("ws://127.0.0.1:{}/binfo?{query}", self.port)).await.ok()?;
        let client = Client::new(stream, String::new(), false);
        client.use_credentials(json!({ "identifier": user, "usersig": ticket(user) }));
        let answer = client.try_call("im_open_status.wslogin", &json!({ "State": "Online" })).await?;
        client.use_credentials(json!({ "a2": answer["A2Key"], "tinyid": answer["TinyId"] }));
        Some(client)
    }

    /// Opens a connection and logs a user in.
    pub async fn login(&self, user: &str) -> Client {
        let client = self.connect().await;
        client.login(user).await;
        client
    }
}

/// A client that keeps no connection for later: each test has a runtime of its own, and a connection dies with the runtime that
/// opened it.
fn http_client() -> reqwest::Client {
    // The client is built with TLS, which has to know whose ciphers to use; only the first call does anything.
    _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client")
}

/// A port that nobody holds. It lies below those that the system gives to outgoing connections: one of these could take it while
/// a server restarts.
fn free_port() -> u16 {
    const PORTS: std::ops::Range<u64> = 10_000..30_000;
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // Suites that run side by side begin at places of their own.
    let begin = u64::from(std::process::id()) * 613;
    loop {
        let place = (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % (PORTS.end - PORTS.start);
        let port = u16::try_from(PORTS.start + place).expect("a port");
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

type Sink = SplitSink<WebSocketStream<MaybeTlsStream<TcpStream>>, Message>;

#[derive(Default)]
struct Inbox {
    answers: HashMap<u64, Value>,
    /// Entries of `EventArray`, in the order they came.
    events: VecDeque<Value>,
    /// Other frames (forced logout and the like).
    others: VecDeque<Value>,
    closed: bool,
}

/// A connection that speaks the Web SDK's frames.
pub struct Client {
    sink: AsyncMutex<Sink>,
    inbox: Arc<(Mutex<Inbox>, Notify)>,
    next_seq: AtomicU64,
    credentials: Mutex<Value>,
    instance: String,
    is_text: bool,
    reader: tokio::task::JoinHandle<()>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Client {
    fn new(stream: WebSocketStream<MaybeTlsStream<TcpStream>>, instance: String, is_text: bool) -> Self {
        let (sink, mut incoming) = stream.split();
        let inbox: Arc<(Mutex<Inbox>, Notify)> = Arc::default();
        let filled = inbox.clone();
        let reader = tokio::spawn(async move {
            while let Some(Ok(message)) = incoming.next().await {
                let bytes = match message {
                    Message::Text(text) => text.as_bytes().to_vec(),
                    Message::Binary(bytes) => bytes.to_vec(),
                    Message::Close(_) => break,
                    Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
                };
                let frame: Value = serde_json::from_slice(&bytes).expect("frames are JSON");
                take(&mut filled.0.lock().expect("not poisoned"), frame);
                filled.1.notify_waiters();
            }
            filled.0.lock().expect("not poisoned").closed = true;
            filled.1.notify_waiters();
        });
        Self {
            sink: AsyncMutex::new(sink),
            inbox,
            next_seq: AtomicU64::new(1000),
            credentials: Mutex::new(json!({ "identifier": "", "usersig": "" })),
            instance,
            is_text,
            reader,
        }
    }

    /// The device's own name for itself.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// What the client shows to be let in; to carry it over to another connection.
    #[must_use]
    pub fn credentials(&self) -> Value {
        self.credentials.lock().expect("not poisoned").clone()
    }

    /// Shows other credentials from now on.
    pub fn use_credentials(&self, credentials: Value) {
        *self.credentials.lock().expect("not poisoned") = credentials;
    }

    /// Sends any bytes as one message.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn send_bytes(&self, bytes: Vec<u8>) {
        assert!(self.try_send_bytes(bytes).await, "sent");
    }

    /// As [`Client::send_bytes`]; answers whether they could be sent.
    pub async fn try_send_bytes(&self, bytes: Vec<u8>) -> bool {
        let message = if self.is_text {
            Message::text(String::from_utf8(bytes).expect("text frames are UTF-8"))
        } else {
            Message::binary(bytes)
        };
        self.sink.lock().await.send(message).await.is_ok()
    }

    /// Sends a request without waiting; answers its number.
    pub async fn request(&self, servcmd: &str, body: &Value) -> u64 {
        let (seq, frame) = self.frame(servcmd, body);
        self.send_bytes(frame).await;
        seq
    }

    /// Sends a request and answers its answer's body; `None` when the connection ends before.
    pub async fn try_call(&self, servcmd: &str, body: &Value) -> Option<Value> {
        let (seq, frame) = self.frame(servcmd, body);
        if !self.try_send_bytes(frame).await {
            return None;
        }
        self.wait_for("the answer or the end", |inbox| match inbox.answers.remove(&seq) {
            Some(answer) => Some(Some(answer)),
            None => inbox.closed.then_some(None),
        })
        .await
    }

    /// The bytes of a request, with its number.
    fn frame(&self, servcmd: &str, body: &Value) -> (u64, Vec<u8>) {
        let seq = self.next_seq.fetch_add(1, Ordering::Relaxed);
        let mut head = json!({ "ver": "v4", "platform": 7, "sdkappid": APP, "servcmd": servcmd, "seq": seq, "cs": 0 });
        if let (Value::Object(head), Value::Object(shown)) = (&mut head, self.credentials()) {
            head.extend(shown);
        }
        (seq, json!({ "head": head, "body": body }).to_string().into_bytes())
    }

    /// Waits until something of the inbox is there.
    async fn wait_for<T>(&self, what: &str, mut find: impl FnMut(&mut Inbox) -> Option<T>) -> T {
        let found = timeout(PATIENCE, async {
            loop {
                let changed = self.inbox.1.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(found) = find(&mut self.inbox.0.lock().expect("not poisoned")) {
                    return found;
                }
                changed.await;
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => {
                panic!("{what} did not come; events so far: {:#?}", self.inbox.0.lock().expect("not poisoned").events)
            }
        }
    }

    /// The answer to a request.
    ///
    /// # Panics
    /// When none comes.
    pub async fn answer(&self, seq: u64) -> Value {
        self.wait_for("the answer", |inbox| inbox.answers.remove(&seq)).await
    }

    /// Sends a request and answers its answer's body, whatever it is.
    pub async fn call(&self, servcmd: &str, body: Value) -> Value {
        let seq = self.request(servcmd, &body).await;
        self.answer(seq).await
    }

    /// Sends a request that has to work.
    ///
    /// # Panics
    /// When it does not.
    pub async fn ok(&self, servcmd: &str, body: Value) -> Value {
        let answer = self.call(servcmd, body.clone()).await;
        let code = answer.get("ErrorCode").or_else(|| answer.get("int32_error_code"));
        assert_eq!(code, Some(&json!(0)), "{servcmd} {body} answered {answer}");
        answer
    }

    /// Sends a request that has to be refused with a code; answers the refusal.
    ///
    /// # Panics
    /// When it is not.
    pub async fn fails(&self, code: u32, servcmd: &str, body: Value) -> Value {
        let answer = self.call(servcmd, body.clone()).await;
        assert_eq!(answer["ErrorCode"], code, "{servcmd} {body} answered {answer}");
        assert_eq!(answer["ActionStatus"], "FAIL", "{servcmd} {body} answered {answer}");
        answer
    }

    /// Logs a user in with a fresh ticket; from then on the session token is shown. Answers the login's answer.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn login(&self, user: &str) -> Value {
        self.use_credentials(json!({ "identifier": user, "usersig": ticket(user) }));
        let body = json!({ "State": "Online", "is_web_uniapp": 0, "InstType": 0, "CustomInfo": "" });
        let answer = self.ok("im_open_status.wslogin", body).await;
        self.use_credentials(
            json!({ "a2": answer["A2Key"], "tinyid": answer["TinyId"], "status_instid": answer["InstId"] }),
        );
        answer
    }

    /// Sends a text into a group; answers its number.
    pub async fn say(&self, group: &str, words: &str) -> u64 {
        let body = json!({ "GroupId": group, "Random": random(), "ClientSeq": random(), "MsgPriority": "Normal",
            "MsgBody": text(words), "MsgClientTime": now() });
        let answer = self.ok("group_open_http_svc.send_group_msg", body).await;
        answer["MsgSeq"].as_u64().expect("a number")
    }

    /// Waits for an event that has the payload key and fulfils the condition; earlier events stay for later calls. Answers
    /// the first item of the payload that does (or the payload itself, when it is no list).
    pub async fn event(&self, key: &str, condition: impl Fn(&Value) -> bool) -> Value {
        self.wait_for(key, |inbox| {
            for at in 0..inbox.events.len() {
                let payload = &inbox.events[at][key];
                let item = match payload {
                    Value::Array(items) => items.iter().find(|item| condition(item)).cloned(),
                    Value::Null => None,
                    other => condition(other).then(|| other.clone()),
                };
                if let Some(item) = item {
                    inbox.events.remove(at);
                    return Some(item);
                }
            }
            None
        })
        .await
    }

    /// Waits for a group message that says these words.
    pub async fn hears(&self, words: &str) -> Value {
        self.event("GroupMsgArray", |item| item["MsgBody"][0]["MsgContent"]["Text"] == words).await
    }

    /// Waits for a tip of a kind about a group.
    pub async fn tip(&self, group: &str, op_type: u32) -> Value {
        self.event("GroupTips", |item| item["ToGroupId"] == group && item["MsgBody"]["OpType"] == op_type).await
    }

    /// Waits for a system notice of a kind about a group.
    pub async fn notice(&self, group: &str, report_type: u32) -> Value {
        self.event("GroupTips", |item| item["ToGroupId"] == group && item["MsgBody"]["ReportType"] == report_type).await
    }

    /// Everything that was pushed so far and not asked for; makes sure first that what the server had queued is here.
    pub async fn events(&self) -> Vec<Value> {
        self.ok("heartbeat.alive", json!({})).await;
        self.arrived()
    }

    /// Everything that was pushed so far and not asked for, as far as it is here.
    pub fn arrived(&self) -> Vec<Value> {
        self.inbox.0.lock().expect("not poisoned").events.drain(..).collect()
    }

    /// Waits for a frame that is neither answer nor push.
    pub async fn other(&self, servcmd: &str) -> Value {
        self.wait_for(servcmd, |inbox| {
            let at = inbox.others.iter().position(|frame| frame["head"]["servcmd"] == servcmd)?;
            inbox.others.remove(at)
        })
        .await
    }

    /// Waits until the server ends the connection.
    pub async fn closed(&self) {
        self.wait_for("the end of the connection", |inbox| inbox.closed.then_some(())).await;
    }
}

fn take(inbox: &mut Inbox, frame: Value) {
    match frame["head"]["servcmd"].as_str() {
        Some("im_open_push.msg_push" | "im_open_push.multi_msg_push_ws") => {
            let events = frame["body"]["EventArray"].as_array().cloned().unwrap_or_default();
            inbox.events.extend(events);
        }
        Some(servcmd) if servcmd == "im_open_status.stat_forceoffline" || servcmd.starts_with("StatSvc") => {
            inbox.others.push_back(frame);
        }
        _ => {
            let seq = frame["head"]["seq"].as_u64().unwrap_or_default();
            inbox.answers.insert(seq, frame["body"].clone());
        }
    }
}
