//! A server that is just good enough to be measured: it checks what the load generator sends and answers the minimum. Every message
//! goes to everybody who is logged in.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};

/// What the stand-in accepts as the UserSig of `user`.
pub(crate) fn ticket(user: &str) -> String {
    format!("ticket-of-{user}")
}

#[derive(Default)]
struct Room {
    logged_in: Mutex<Vec<Arc<Mutex<TcpStream>>>>,
    seq: AtomicU64,
    backend: Option<Backend>,
}

/// Where the app's backend is, and which command it listens to.
struct Backend {
    address: String,
    command: String,
}

impl Backend {
    /// As the provisioning file says.
    fn read() -> Option<Self> {
        let file = std::fs::read_to_string(std::env::var("TSUDOI_PROVISION").ok()?).unwrap();
        let within = |begin: &str, end: &str| {
            let (_, rest) = file.split_once(begin)?;
            Some(rest.split_once(end).unwrap().0.to_owned())
        };
        Some(Self { address: within("url = \"http://", "/\"")?, command: within("switches]\n\"", "\" = true")? })
    }

    /// Calls it, if it listens and is there.
    fn call(&self, command: &str) {
        if self.command != command {
            return;
        }
        let Ok(mut stream) = TcpStream::connect(&self.address) else { return };
        stream.set_read_timeout(Some(std::time::Duration::from_millis(50))).unwrap();
        let request = "POST / HTTP/1.1\r\nHost: backend\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        stream.write_all(request.as_bytes()).unwrap();
        let _ = stream.read_to_string(&mut String::new());
    }
}

/// Serves at `TSUDOI_LISTEN` until SIGTERM.
pub(crate) fn serve() {
    let address = std::env::var("TSUDOI_LISTEN").unwrap();
    assert!(std::env::var("TSUDOI_APP_KEY").is_ok() && std::env::var("TSUDOI_APP_ID").is_ok());
    let listener = TcpListener::bind(address).unwrap();
    let room = Arc::new(Room { backend: Backend::read(), ..Room::default() });
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let room = Arc::clone(&room);
            std::thread::spawn(move || answer(stream, &room));
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap().recv().await;
    });
}

fn answer(stream: TcpStream, room: &Room) {
    stream.set_nodelay(true).unwrap();
    let mut start = [0; 10];
    while stream.peek(&mut start).is_ok_and(|length| length > 0 && length < start.len()) {}
    if start.starts_with(b"GET /binfo") {
        talk(stream, room);
    } else {
        answer_requests(stream, room);
    }
}

fn answer_requests(stream: TcpStream, room: &Room) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|length| length > 0) && line != "\r\n" {
            head.push(std::mem::take(&mut line).to_lowercase());
        }
        let Some(request) = head.first() else { return };
        let length = head.iter().find_map(|line| line.strip_prefix("content-length:"));
        let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
        reader.read_exact(&mut body).unwrap();
        let path = request.split(' ').nth(1).unwrap().to_owned();
        let (status, answer) = match path.as_str() {
            "/readyz" | "/healthz" => ("200 OK", String::new()),
            path if path.starts_with("/v4/") => ("200 OK", run(path, &body, room).to_string()),
            _ => ("404 Not Found", String::new()),
        };
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
        if writer.write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

fn ok(mut answer: Value) -> Value {
    answer["ActionStatus"] = json!("OK");
    answer["ErrorCode"] = json!(0);
    answer["ErrorInfo"] = json!("");
    answer
}

fn refuse(code: u32, text: &str) -> Value {
    json!({ "ActionStatus": "FAIL", "ErrorCode": code, "ErrorInfo": text })
}

/// A REST command.
fn run(path: &str, body: &[u8], room: &Room) -> Value {
    if !path.contains("&identifier=administrator&") {
        return refuse(60_010, "not an admin");
    }
    if !path.contains(&format!("&usersig={}&", ticket("administrator"))) {
        return refuse(70_009, "bad ticket");
    }
    let body: Value = serde_json::from_slice(body).unwrap();
    match path.split('?').next().unwrap() {
        "/v4/im_open_login_svc/multiaccount_import" => {
            assert!((1..=100).contains(&body["Accounts"].as_array().unwrap().len()));
            ok(json!({ "FailAccounts": [] }))
        }
        "/v4/group_open_http_svc/create_group" => ok(json!({ "GroupId": body["GroupId"] })),
        "/v4/group_open_http_svc/add_group_member" => {
            assert!((1..=300).contains(&body["MemberList"].as_array().unwrap().len()));
            ok(json!({ "MemberList": [] }))
        }
        "/v4/group_open_http_svc/send_group_msg" => send(&body, room),
        path => refuse(60_009, path),
    }
}

fn send(body: &Value, room: &Room) -> Value {
    if let Some(backend) = &room.backend {
        let forbidden =
            |what: &str| body["ForbidCallbackControl"].as_array().is_some_and(|all| all.contains(&json!(what)));
        if !forbidden("ForbidBeforeSendMsgCallback") {
            backend.call("Group.CallbackBeforeSendMsg");
        }
        if !forbidden("ForbidAfterSendMsgCallback") {
            backend.call("Group.CallbackAfterSendMsg");
        }
    }
    let seq = room.seq.fetch_add(1, Ordering::SeqCst) + 1;
    let push = json!({
        "head": { "servcmd": "im_open_push.msg_push", "seq": seq },
        "body": {
            "EventArray": [{ "Event": 3, "GroupMsgArray": [{ "ToGroupId": body["GroupId"], "MsgSeq": seq, "MsgBody": body["MsgBody"] }] }],
            "NeedAck": 1,
            "SessionData": "s1",
        },
    });
    let frame = frame(&push);
    for member in room.logged_in.lock().unwrap().iter() {
        // A member that left is of no interest.
        let _ = member.lock().unwrap().write_all(&frame);
    }
    ok(json!({ "MsgTime": 1, "MsgSeq": seq }))
}

fn frame(message: &Value) -> Vec<u8> {
    let payload = message.to_string();
    let header = FrameHeader { opcode: OpCode::Data(Data::Binary), ..FrameHeader::default() };
    let mut frame = Vec::new();
    header.format(payload.len() as u64, &mut frame).unwrap();
    frame.extend_from_slice(payload.as_bytes());
    frame
}

/// A WebSocket: answers requests in order, gets pushes once logged in.
fn talk(stream: TcpStream, room: &Room) {
    let writer = Arc::new(Mutex::new(stream.try_clone().unwrap()));
    let mut socket = tungstenite::accept(stream).unwrap();
    while let Ok(message) = socket.read() {
        if !message.is_binary() {
            continue;
        }
        let request: Value = serde_json::from_slice(&message.into_data()).unwrap();
        let (head, body) = (&request["head"], &request["body"]);
        let command = head["servcmd"].as_str().unwrap();
        if command == "openim.ws_msg_push_ack" {
            assert_eq!(body["SessionData"], "s1");
            continue;
        }
        let answer = if trusted(head) { perform(command, body, room) } else { refuse(70_001, "bad credentials") };
        if command == "im_open_status.wslogin" {
            room.logged_in.lock().unwrap().push(Arc::clone(&writer));
        }
        let message = json!({ "head": { "servcmd": command, "seq": head["seq"] }, "body": answer });
        if writer.lock().unwrap().write_all(&frame(&message)).is_err() {
            return;
        }
    }
}

/// A ticket before the login, the token after it.
fn trusted(head: &Value) -> bool {
    match head["identifier"].as_str() {
        Some(user) => head["usersig"] == ticket(user),
        None => head["a2"] == "token" && head["tinyid"] == "42" && head["status_instid"] == 7,
    }
}

fn perform(command: &str, body: &Value, room: &Room) -> Value {
    match command {
        "im_open_status.wslogin" => ok(json!({ "A2Key": "token", "TinyId": "42", "InstId": 7 })),
        "heartbeat.alive" | "profile.portrait_get_all" | "sns.group_get" | "sns.pendency_get" => ok(json!({})),
        "sns.black_list_get" => ok(json!({ "BlackListItem": [], "StartIndex": 0 })),
        "sns.friend_get" => ok(json!({ "CompleteFlag": 1 })),
        "recentcontact.page_get" if body["TimeStamp"] == 0 => ok(json!({ "CompleteFlag": 0, "TimeStamp": 5 })),
        "recentcontact.page_get" => ok(json!({ "CompleteFlag": 1, "TimeStamp": 6 })),
        "recentcontact.get_contact_group" => ok(json!({ "CompleteFlag": 1 })),
        "group_open_http_svc.get_joined_group_list" => ok(json!({ "TotalCount": 250, "GroupIdList": [] })),
        "million_group_open_http_svc.get_joined_group_list" => refuse(11_000, "communities are off"),
        "openim.getmsg" if body["Cookie"] == "" => ok(json!({ "Cookie": "c", "SyncFlag": 1 })),
        "openim.getmsg" => ok(json!({ "Cookie": "d", "SyncFlag": 2 })),
        "im_sdk_config_mgr.fetch_config" => ok(json!({ "int32_error_code": 0 })),
        "im_sdk_config_mgr.fetch_imsdk_purchase_bitsv2" => json!({ "int32_error_code": 0 }),
        "group_open_http_svc.apply_join_group" => ok(json!({ "JoinedStatus": "JoinedSuccess" })),
        "group_open_http_svc.send_group_msg" => send(body, room),
        other => refuse(60_009, other),
    }
}
