//! The program from outside: starting, stopping, declared apps, and what it tells people.

#![expect(clippy::unwrap_used, reason = "this whole program is a test")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0";
/// How long anything awaited may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program, in a folder of its own and without settings from outside.
fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tsudoi"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TSUDOI_") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    command
}

fn output(folder: &Path, arguments: &[&str]) -> Output {
    program(folder, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A server on a free port; killed when dropped.
struct Server {
    child: Child,
    address: String,
    greeting: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Server {
        let log = fs::File::create(folder.join("log")).unwrap();
        let mut child = program(folder, &[&["serve", "--listen", "127.0.0.1:0"], arguments].concat())
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        // The greeting comes in one piece, when everything is ready, and ends with how to make tickets.
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        while !greeting.contains("usersig sign") {
            let ended = lines.read_line(&mut greeting).unwrap() == 0;
            assert!(!ended, "ended early:\n{greeting}{}", fs::read_to_string(folder.join("log")).unwrap());
        }
        let rest = greeting.lines().find_map(|line| line.trim().strip_prefix("REST")).unwrap().trim();
        let address = rest.trim_start_matches("http://").trim_end_matches("/v4").to_owned();
        Server { child, address, greeting }
    }

    fn request(&self, head: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        write!(stream, "{head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn call(&self, app: u32, ticket: &str, command: &str, body: &Value) -> Value {
        let query = format!("sdkappid={app}&identifier=administrator&usersig={ticket}&random=1&contenttype=json");
        let (status, answer) = self.request(&format!("POST /v4/{command}?{query}"), &body.to_string());
        assert_eq!(status, 200);
        serde_json::from_str(&answer).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    fn ended(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the server does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn stop(mut self) {
        self.signal(Signal::SIGTERM);
        assert_eq!(self.ended(), Some(0));
    }

    /// A request whose body never comes.
    fn unfinished_request(&self) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
            .unwrap();
        // The server asks for the body: the request is under way.
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 100");
        stream
    }

    /// A client that is connected and says nothing more, also not goodbye.
    fn silent_client(&self, app: u32) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "GET /binfo?sdkappid={app}&instanceid=1&platform=7 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        .unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 101");
        stream
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn ticket(folder: &Path, arguments: &[&str]) -> String {
    let made = output(folder, &[&["usersig", "sign", "--user", "administrator"], arguments].concat());
    assert!(made.status.success(), "{}", text(&made.stderr));
    text(&made.stdout).trim().to_owned()
}

#[test]
fn a_server_without_settings_works_and_keeps_its_secrets() {
    let folder = folder();
    let server = Server::start(folder.path(), &[], &[]);
    assert_eq!(server.request("GET /healthz", "").0, 200);
    assert_eq!(server.request("GET /readyz", ""), (200, "ready\n".into()));
    assert_eq!(server.request("GET /metrics", "").0, 200);

    let data = folder.path().join("data");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let key_file = data.join("app-1400000001.key");
    assert_eq!(mode(&key_file), 0o600);
    let key = fs::read_to_string(&key_file).unwrap().trim().to_owned();
    assert_eq!(key.len(), 64);

    let ticket = ticket(folder.path(), &[]);
    let check = json!({ "CheckItem": [{ "UserID": "administrator" }] });
    let answer = server.call(1_400_000_001, &ticket, "im_open_login_svc/account_check", &check);
    assert_eq!(answer["ResultItem"][0]["AccountStatus"], "Imported", "{answer}");

    server.stop();
    let server = Server::start(folder.path(), &["--log-level", "trace"], &[]);
    assert_eq!(fs::read_to_string(&key_file).unwrap().trim(), key, "the key stays");
    server.call(1_400_000_001, &ticket, "im_open_login_svc/account_check", &check);
    let shown = format!("{}{}", server.greeting, fs::read_to_string(folder.path().join("log")).unwrap());
    server.stop();
    assert!(!shown.contains(&key) && !shown.contains(&ticket), "{shown}");
}

#[test]
fn what_is_printed_for_people_works_when_pasted() {
    let folder = folder();
    let server = Server::start(folder.path(), &["--show-secrets"], &[("TSUDOI_APP_KEY", KEY)]);
    assert!(server.greeting.contains(KEY));
    let mut calls = 0;
    for line in server.greeting.lines().filter(|line| line.starts_with("curl")) {
        let parts: Vec<&str> = line.split('\'').collect();
        let (url, body) = (parts[1], parts[3]);
        let path = url.trim_start_matches("http://").trim_start_matches(&server.address);
        let (_, answer) = server.request(&format!("POST {path}"), body);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["ErrorCode"], 0, "{line} answered {answer}");
        calls += 1;
    }
    assert_eq!(calls, 2);
    server.stop();
}

#[test]
fn declared_apps_are_there_after_every_start() {
    let folder = folder();
    let file = folder.path().join("provision.toml");
    let declare = |settings: &str| {
        let text = format!(
            "[[apps]]\napp_id = 20009527\nkeys = [\"{KEY}\"]\n[apps.settings]\n{settings}\n[[apps.accounts]]\nid = \"alice\"\n\
             nick = \"Alice\"\n"
        );
        fs::write(&file, text).unwrap();
    };
    let app = ["--app-id", "20009527", "--key", KEY];
    let check = json!({ "CheckItem": [{ "UserID": "alice" }, { "UserID": "bob" }] });
    let command = "im_open_login_svc/account_check";

    declare("name = \"Desk\"");
    let variables = [("TSUDOI_PROVISION", "provision.toml")];
    let ticket = ticket(folder.path(), &app);
    for _ in 0..2 {
        let server = Server::start(folder.path(), &[], &variables);
        let answer = server.call(20_009_527, &ticket, command, &check);
        assert_eq!(answer["ResultItem"][0]["AccountStatus"], "Imported", "{answer}");
        assert_eq!(answer["ResultItem"][1]["AccountStatus"], "NotImported", "{answer}");
        // Only the declared app exists.
        assert_eq!(server.call(1_400_000_001, &ticket, command, &check)["ErrorCode"], 70020);
        server.stop();
    }

    declare("disabled = true");
    let server = Server::start(folder.path(), &[], &variables);
    assert_eq!(server.call(20_009_527, &ticket, command, &check)["ErrorCode"], 60016);
    server.stop();
    let explained = output(folder.path(), &["policy", "explain", "--app-id", "20009527", "--type", "ChatRoom"]);
    assert!(text(&explained.stdout).starts_with("Meeting in app 20009527; settings from the database in data\n"));
}

#[test]
fn a_second_server_is_kept_out() {
    let folder = folder();
    let server = Server::start(folder.path(), &[], &[]);
    let refused = output(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("another server uses this database"));
    let other = ["serve", "--listen", &server.address, "--data-dir", "other"];
    let refused = output(folder.path(), &other);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("cannot listen on 127.0.0.1:"));
    assert!(!folder.path().join("other").exists(), "nothing is touched before the address is had");
    server.stop();
}

#[test]
fn mistakes_are_explained_and_start_nothing() {
    let folder = folder();
    fs::write(folder.path().join("tsudoi.toml"), "listn = \"127.0.0.1:0\"\n").unwrap();
    for arguments in [&["serve"][..], &["config", "check"], &["usersig", "sign", "--user", "a"]] {
        let refused = output(folder.path(), arguments);
        let told = text(&refused.stdout) + &text(&refused.stderr);
        assert!(told.contains("tsudoi.toml line 1: `listn` is no setting\n    did you mean `listen`?"), "{told}");
        assert!(matches!(refused.status.code(), Some(1 | 2)));
    }
    assert!(!folder.path().join("data").exists());

    fs::remove_file(folder.path().join("tsudoi.toml")).unwrap();
    let refused = program(folder.path(), &["serve"]).env("TSUDOI_PROVISION", "nowhere.toml").output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).starts_with("nowhere.toml: cannot be read: "));
    let refused = output(folder.path(), &["usersig", "sign", "--user", "alice"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("no key of app 1400000001 is known here"));
}

#[test]
fn clients_are_sent_away_and_unfinished_requests_get_their_time() {
    let folder = folder();
    let mut server = Server::start(folder.path(), &[], &[("TSUDOI_SHUTDOWN_DRAIN_SECS", "1")]);
    let mut client = server.silent_client(1_400_000_001);
    let unfinished = server.unfinished_request();
    let begin = Instant::now();
    server.signal(Signal::SIGINT);
    let mut goodbye = Vec::new();
    client.read_to_end(&mut goodbye).unwrap();
    // A close frame with code 1001, "going away".
    assert!(goodbye.ends_with(&[0x88, 0x02, 0x03, 0xe9]), "{goodbye:?}");
    assert_eq!(server.ended(), Some(0));
    assert!(begin.elapsed() >= Duration::from_secs(1));
    drop(unfinished);
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("stopped before everything under way was done"), "{log}");
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let folder = folder();
    let mut server = Server::start(folder.path(), &[], &[("TSUDOI_SHUTDOWN_DRAIN_SECS", "3600")]);
    let unfinished = server.unfinished_request();
    server.signal(Signal::SIGTERM);
    // The first signal is dealt with once connections are refused.
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(&server.address).is_ok() {
        assert!(Instant::now() < deadline, "the server still listens");
        std::thread::sleep(Duration::from_millis(10));
    }
    server.signal(Signal::SIGTERM);
    assert_eq!(server.ended(), Some(130));
    drop(unfinished);
}
