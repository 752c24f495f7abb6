//! Bytes of strangers on the WebSocket door: handshakes, frames and requests that no client of good will sends
//! (docs/spec/websocket-protocol.md#1, #2, #3). Each is refused or answered as documented, and the server goes on.

use rand::RngExt as _;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tsudoi_it::{ADMIN, APP, PATIENCE, Server, dice, shared, unique};

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// The last frame of a message.
const FIN: u8 = 0x80;
/// The largest frame that a server takes by default.
const MAX_FRAME: usize = 256 << 10;

/// A connection that says exactly the bytes it is given.
struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

/// What an upgrade asks for; `headers` are further lines.
fn handshake(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
}

const UPGRADE: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

impl Wire {
    /// Says the bytes of a handshake; answers the connection and the status line and headers of the answer.
    async fn shake(server: &Server, request: &str) -> (Self, String) {
        let mut wire = Self { stream: server.bare().await, read: Vec::new() };
        wire.write(request.as_bytes()).await;
        let end = loop {
            if let Some(at) = wire.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(wire.more().await, "the handshake is answered");
        };
        let head = String::from_utf8(wire.read.drain(..end).collect()).expect("text");
        (wire, head)
    }

    /// Opens a WebSocket connection.
    async fn open(server: &Server, path: &str, query: &str) -> Self {
        let request = handshake(&format!("/{path}?sdkappid={APP}&platform=7{query}"), UPGRADE);
        let (wire, head) = Self::shake(server, &request).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.to_lowercase().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
        wire
    }

    async fn write(&mut self, bytes: &[u8]) {
        assert!(self.try_write(bytes).await, "written");
    }

    async fn try_write(&mut self, bytes: &[u8]) -> bool {
        timeout(PATIENCE, self.stream.write_all(bytes)).await.expect("the server reads").is_ok()
    }

    /// Reads on; answers false at the end.
    async fn more(&mut self) -> bool {
        let mut buffer = vec![0; 64 << 10];
        let read = timeout(PATIENCE, self.stream.read(&mut buffer)).await.expect("something comes").unwrap_or(0);
        self.read.extend_from_slice(&buffer[..read]);
        read > 0
    }

    /// The next frame: its operation and payload; `None` at the end.
    async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((opcode, from, to)) = whole(&self.read) {
                let frame: Vec<u8> = self.read.drain(..to).collect();
                return Some((opcode, frame[from..].to_vec()));
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// Asks for a command and answers its answer's body; other frames before it are passed over.
    async fn ask(&mut self, servcmd: &str, seq: u64) -> Value {
        let request = json!({ "head": { "servcmd": servcmd, "seq": seq }, "body": {} });
        self.write(&client_frame(FIN | BINARY, request.to_string().as_bytes())).await;
        self.answer(seq).await
    }

    async fn answer(&mut self, seq: u64) -> Value {
        loop {
            let (_, payload) = self.frame().await.expect("answered");
            if let Ok(frame) = serde_json::from_slice::<Value>(&payload)
                && frame["head"]["seq"] == seq
            {
                return frame["body"].clone();
            }
        }
    }

    /// The connection works.
    async fn lives(&mut self) {
        assert_eq!(self.ask("heartbeat.alive", 77_777).await["ErrorCode"], 0);
    }

    /// Waits for the end; answers the close code that came before it.
    async fn closed(mut self) -> Option<u16> {
        let mut code = None;
        while let Some((opcode, payload)) = self.frame().await {
            if opcode == CLOSE {
                code = payload.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
            }
        }
        code
    }
}

/// Where the payload of the first frame lies, when all of it is there; frames of a server are not masked.
fn whole(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (opcode, short) = (bytes.first()? & 0x0f, usize::from(*bytes.get(1)?));
    assert!(short < 128, "a server does not mask");
    let (from, length) = match short {
        126 => (4, usize::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)).expect("fits")),
        length => (2, length),
    };
    (bytes.len() >= from + length).then_some((opcode, from, from + length))
}

/// The header of a client's frame whose mask is all zeros, so that the payload goes as it is.
fn client_header(first: u8, length: u64) -> Vec<u8> {
    let mut frame = vec![first];
    match length {
        0..=125 => frame.push(0x80 | u8::try_from(length).expect("small")),
        126..=65_535 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(length).expect("small").to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&length.to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame
}

fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = client_header(first, payload.len() as u64);
    frame.extend_from_slice(payload);
    frame
}

fn alive(seq: u64) -> Vec<u8> {
    format!(r#"{{"head":{{"servcmd":"heartbeat.alive","seq":{seq}}},"body":{{}}}}"#).into_bytes()
}

#[tokio::test]
async fn handshakes_that_ask_for_something_else_are_refused() {
    let server = shared().await;
    let here = format!("/binfo?sdkappid={APP}");
    let cases: [(u16, &str, &str); 10] = [
        (426, &here, ""),
        (426, &here, &UPGRADE.replace("Upgrade: websocket", "Upgrade: h2c")),
        (426, &here, &UPGRADE.replace("keep-alive, Upgrade", "keep-alive")),
        (426, &here, &UPGRADE.replace("Version: 13", "Version: 8")),
        (426, &here, &UPGRADE.replace("Sec-WebSocket-Key", "X-Key")),
        (403, "/binfo", UPGRADE),
        (403, "/binfo?sdkappid=", UPGRADE),
        (403, "/binfo?sdkappid=7", UPGRADE),
        (403, "/info?sdkappid=99999999999999999999", UPGRADE),
        (404, &here.replace("binfo", "winfo"), UPGRADE),
    ];
    for (status, path, headers) in cases {
        let (_, head) = Wire::shake(server, &handshake(path, headers)).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {headers} was answered {head}");
    }
    // What the address says beyond the app is taken as far as it can be.
    let odd = format!("&instanceid={}&platform=web&random=&compress=br&%ff=%00&version=-1", "i".repeat(4_000));
    Wire::open(server, "binfo", &odd).await.lives().await;
}

#[tokio::test]
async fn it_makes_no_difference_how_bytes_and_frames_are_cut() {
    let server = shared().await;
    let mut wire = Wire::open(server, "binfo", "").await;
    wire.stream.set_nodelay(true).expect("set");
    let request = alive(1);
    for byte in client_frame(FIN | BINARY, &request) {
        wire.write(&[byte]).await;
    }
    assert_eq!(wire.answer(1).await["ErrorCode"], 0);
    // In fragments, one of them empty, with a ping between.
    let (head, tail) = request.split_at(9);
    let mut bytes = client_frame(TEXT, head);
    bytes.extend(client_frame(0, b""));
    bytes.extend(client_frame(FIN | PING, b"are you there?"));
    bytes.extend(client_frame(FIN, tail));
    wire.write(&bytes).await;
    let (first, second) = (wire.frame().await.expect("a frame"), wire.frame().await.expect("a frame"));
    assert_eq!(first, (PONG, b"are you there?".to_vec()));
    assert_eq!(serde_json::from_slice::<Value>(&second.1).expect("JSON")["head"]["seq"], 1);
    // Several in one piece, with one that is answered by nothing.
    let many: Vec<u8> = (2..40).flat_map(|seq| client_frame(FIN | BINARY, &alive(seq))).collect();
    let acknowledged = br#"{"head":{"servcmd":"openim.ws_msg_push_ack","seq":5},"body":{"SessionData":"s"}}"#;
    wire.write(&[client_frame(FIN | BINARY, acknowledged), many, client_frame(FIN | PONG, b"unasked")].concat()).await;
    for seq in 2..40 {
        let (_, payload) = wire.frame().await.expect("answered");
        assert_eq!(serde_json::from_slice::<Value>(&payload).expect("JSON")["head"]["seq"], seq, "in order, each once");
    }
    wire.lives().await;
    // As large as it may be, in pieces; it is answered, for it says which request it is.
    let mut largest = br#"{"head":{"servcmd":"heartbeat.alive","seq":41},"body":{"x":""#.to_vec();
    largest.resize(MAX_FRAME - 3, b'x');
    largest.extend_from_slice(b"\"}}");
    for piece in client_frame(FIN | TEXT, &largest).chunks(1_000) {
        wire.write(piece).await;
    }
    assert_eq!(wire.answer(41).await["ErrorCode"], 0);
    wire.write(&client_frame(FIN | CLOSE, &1000_u16.to_be_bytes())).await;
    assert_eq!(wire.closed().await, Some(1000), "goodbyes are answered");
}

#[tokio::test]
async fn what_is_no_frame_ends_the_connection_with_its_code() {
    let server = shared().await;
    let half = MAX_FRAME / 2 + 1;
    for (what, code, bytes) in [
        ("not masked", 1002, [&[FIN | TEXT, 2][..], b"{}"].concat()),
        ("reserved bit", 1002, client_frame(FIN | 0x40 | BINARY, b"{}")),
        ("reserved data", 1002, client_frame(FIN | 3, b"{}")),
        ("reserved control", 1002, client_frame(FIN | 11, b"")),
        ("nothing to continue", 1002, client_frame(FIN, b"{}")),
        ("two beginnings", 1002, [client_frame(TEXT, b"{"), client_frame(FIN | TEXT, b"}")].concat()),
        ("ping in fragments", 1002, client_frame(PING, b"")),
        ("long ping", 1002, client_frame(FIN | PING, &[b'x'; 126])),
        ("half a letter", 1007, client_frame(FIN | TEXT, b"{\"\xe6\x9d\"}")),
        ("one byte too large", 1009, client_header(FIN | BINARY, MAX_FRAME as u64 + 1)),
        ("without end", 1009, client_header(FIN | BINARY, u64::MAX >> 1)),
        ("too large together", 1009, [client_frame(BINARY, &vec![b' '; half]), client_header(0, half as u64)].concat()),
    ] {
        let mut wire = Wire::open(server, "binfo", "").await;
        // Perhaps the server is gone before all of it is written.
        wire.try_write(&bytes).await;
        assert_eq!(wire.closed().await, Some(code), "{what}");
    }
    // Whatever follows a bad frame is not looked at, whatever came before is.
    let mut wire = Wire::open(server, "binfo", "").await;
    let bytes =
        [client_frame(FIN | BINARY, &alive(9)), client_frame(FIN | 3, b""), client_frame(FIN | BINARY, &alive(10))];
    wire.write(&bytes.concat()).await;
    assert_eq!(wire.answer(9).await["ErrorCode"], 0);
    assert_eq!(wire.closed().await, Some(1002));
}

#[tokio::test]
async fn what_is_no_request_is_passed_over_and_what_is_half_a_one_is_refused() {
    let server = shared().await;
    let mut wire = Wire::open(server, "binfo", "").await;
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    // Nothing says which request it was.
    for junk in [
        Vec::new(),
        vec![0],
        vec![0xff; 100],
        b"null".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        deep(100_000).into_bytes(),
        "{\"head\":".repeat(20_000).into_bytes(),
        br#"{"head":{"servcmd":"heartbeat.alive","seq":-1}}"#.to_vec(),
        br#"{"head":{"servcmd":"heartbeat.alive","seq":1e40}}"#.to_vec(),
        br#"{"head":{"servcmd":"heartbeat.alive","seq":[]}}"#.to_vec(),
        br#"{"head":{"servcmd":null,"seq":1}}"#.to_vec(),
        br#"{"head":{"seq":1},"body":{}}"#.to_vec(),
        b"{\"head\":{\"servcmd\":\"heartbeat.alive\",\"seq\":1},\"body\":{}".to_vec(),
        b"{\"head\":{\"servcmd\":\"heartbeat.alive\",\"seq\":1},\"body\":{}}}".to_vec(),
        b"{\"head\":{\"servcmd\":\"\xff\xfe\",\"seq\":1}}".to_vec(),
    ] {
        wire.write(&client_frame(FIN | BINARY, &junk)).await;
    }
    wire.lives().await;
    // Names that are none: the refusal echoes them as they came.
    for (n, name) in
        ["", ".", "..", "nodot", "a.b.c", "openim.", ".getmsg", "nul\u{0}.\u{0}", "q\"\\.\u{7f}", &"x".repeat(9_000)]
            .into_iter()
            .enumerate()
    {
        let seq = 2_415_919_102 + n as u64;
        let answer = wire.ask(name, seq).await;
        assert_eq!(answer["ActionStatus"], "FAIL", "{name:?} was answered {answer}");
        assert!(answer["ErrorCode"].as_u64().is_some_and(|code| code > 0), "{name:?} was answered {answer}");
    }
    // Heads may be bare, doubled where nobody looks, and large; bodies may be of any kind where nothing is asked for.
    for (n, rest) in [
        String::new(),
        r#","body":null"#.to_owned(),
        r#","body":[]"#.to_owned(),
        r#","body":"text""#.to_owned(),
        format!(r#","body":{{"deep":{}}}"#, deep(10_000)),
        format!(r#","more":{}"#, deep(100)),
    ]
    .into_iter()
    .enumerate()
    {
        let frame = format!(r#"{{"head":{{"ver":1,"ver":2,"cs":"x","servcmd":"heartbeat.alive","seq":{n}}}{rest}}}"#);
        wire.write(&client_frame(FIN | BINARY, frame.as_bytes())).await;
        let answer = wire.answer(n as u64).await;
        assert!(answer["ErrorCode"].is_number(), "{rest}: {answer}");
    }
    // Strange bytes inside of requests that need a login.
    let user = unique("strange");
    let mut client = server.login(&user).await;
    for (n, body) in [
        r#"{"To_Account":"nul\u0000","MsgRandom":1,"MsgSeq":1,"MsgBody":[]}"#.to_owned(),
        r#"{"To_Account":"\ud800"}"#.to_owned(),
        format!(r#"{{"To_Account":"x","MsgBody":{}}}"#, deep(5_000)),
        format!(r#"{{"To_Account":"x","MsgRandom":{}}}"#, "9".repeat(50_000)),
        r#"{"To_Account":{"$ne":1},"MsgBody":{}}"#.to_owned(),
        "7".to_owned(),
        "[{}]".to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        let mut head = client.credentials();
        head["servcmd"] = json!("openim.sendmsg");
        head["seq"] = json!(900_000 + n);
        client.send_bytes(format!(r#"{{"head":{head},"body":{body}}}"#).into_bytes()).await;
        let answer = client.answer(900_000 + n as u64).await;
        assert!(answer["ErrorCode"].as_u64().is_some_and(|code| code > 0), "{body:.60}: {answer}");
        assert!(answer["ErrorInfo"].as_str().is_some_and(|text| !text.is_empty() && text.len() < 1_000), "{answer}");
    }
    client.ok("im_open_status.wshello", json!({ "is_web_uniapp": 0 })).await;
    // A token that is cut or changed lets nobody in.
    let token = client.credentials()["a2"].as_str().expect("a token").to_owned();
    for bad in [token[..token.len() - 4].to_owned(), format!("{token}AAAA"), token.to_lowercase(), "\u{0}".to_owned()] {
        client.use_credentials(json!({ "a2": bad, "tinyid": "1" }));
        client.fails(70001, "profile.portrait_get_all", json!({ "UserItem": [{ "To_Account": user }] })).await;
    }
    client = server.login(&user).await;
    client.ok("heartbeat.alive", json!({})).await;
}

/// The same everywhere, and never an answer of nothing, which clients ask again at once.
#[tokio::test]
async fn without_login_only_what_visitors_need_is_answered() {
    let server = shared().await;
    let mut wire = Wire::open(server, "info", "").await;
    for (seq, servcmd) in [
        "openim.getmsg",
        "openim.sendmsg",
        "openim.ws_msg_push_ack_",
        "im_open_status.wshello",
        "im_open_status.wslogin",
        "recentcontact.page_get",
        "sns.friend_get",
        "sns.black_list_get",
        "profile.portrait_get_all",
        "group_open_http_svc.get_joined_group_list",
        "million_group_open_http_svc.get_joined_group_list",
        "group_open_http_svc.group_msg_get",
        "group_open_http_svc.batch_get_group_notify",
        "im_open_login_svc.account_import",
        "group_open_http_svc.get_appid_group_list",
    ]
    .into_iter()
    .enumerate()
    {
        let answer = wire.ask(servcmd, seq as u64).await;
        assert_eq!(answer["ActionStatus"], "FAIL", "{servcmd} was answered {answer}");
    }
    for (seq, servcmd) in
        ["heartbeat.alive", "im_open_status.wslogout", "imopenstat.tim_web_report_v2"].into_iter().enumerate()
    {
        assert_eq!(wire.ask(servcmd, 100 + seq as u64).await["ErrorCode"], 0, "{servcmd}");
    }
    assert_eq!(wire.ask("im_sdk_config_mgr.fetch_config", 200).await["int32_error_code"], 0);
}

#[tokio::test]
async fn large_answers_are_compressed_for_those_who_offered_it() {
    let server = shared().await;
    let large = format!("{}.x", "n".repeat(5_000));
    for (path, query, is_compressed) in
        [("binfo", "&compress=gzip", true), ("binfo", "", false), ("info", "&compress=gzip", false)]
    {
        let mut wire = Wire::open(server, path, query).await;
        let opcode = if path == "info" { TEXT } else { BINARY };
        let (kind, small) = {
            wire.write(&client_frame(FIN | opcode, &alive(1))).await;
            wire.frame().await.expect("answered")
        };
        assert_eq!((kind, small.first()), (opcode, Some(&b'{')), "small answers are plain");
        // The refusal names the command, and so is as large.
        let request = json!({ "head": { "servcmd": large, "seq": 2 } });
        wire.write(&client_frame(FIN | opcode, request.to_string().as_bytes())).await;
        let (kind, frame) = wire.frame().await.expect("answered");
        assert_eq!(kind, opcode);
        assert_eq!(frame.starts_with(b"COMP"), is_compressed, "{path} {query}");
        let json = match frame.strip_prefix(b"COMP") {
            Some(packed) => {
                assert!(packed.len() < 2_000, "{} bytes", packed.len());
                let mut inflated = Vec::new();
                std::io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(packed), &mut inflated)
                    .expect("inflates");
                inflated
            }
            None => frame,
        };
        let answer: Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!((&answer["head"]["servcmd"], &answer["head"]["seq"]), (&json!(large), &json!(2)));
    }
}

/// Who floods and does not read waits, or gets less: what lies ready for a connection is bounded.
#[tokio::test]
async fn floods_of_those_who_do_not_read_are_bounded() {
    let server = Server::start(&[]).await;
    let mut wire = Wire::open(&server, "binfo", "").await;
    // Far more than fits into the buffers of the system.
    let pings = client_frame(FIN | PING, &[b'p'; 125]).repeat(1_000);
    let rounds = 150;
    for _ in 0..rounds {
        wire.write(&pings).await;
    }
    wire.write(&client_frame(FIN | BINARY, &alive(1))).await;
    let mut pongs = 0;
    loop {
        match wire.frame().await.expect("the connection lives") {
            (PONG, payload) => {
                assert_eq!(payload, [b'p'; 125]);
                pongs += 1;
            }
            (_, payload) => {
                assert_eq!(serde_json::from_slice::<Value>(&payload).expect("JSON")["head"]["seq"], 1);
                break;
            }
        }
    }
    assert!((1..rounds * 1_000).contains(&pongs), "{pongs} pongs waited");
    // Requests wait until their answers are read: none is lost, none is answered twice.
    let wire = Wire::open(&server, "binfo", "").await;
    let large = "y".repeat(2_000);
    let requests: Vec<u8> = (0..4_000)
        .flat_map(|seq| {
            client_frame(FIN | BINARY, json!({ "head": { "servcmd": large, "seq": seq } }).to_string().as_bytes())
        })
        .collect();
    let (mut reading, mut writing) = wire.stream.into_split();
    let sending = tokio::spawn(async move {
        writing.write_all(&requests).await.expect("read in the end");
        writing
    });
    // Meanwhile the server serves others.
    server.ok("im_open_login_svc/account_check", json!({ "CheckItem": [{ "UserID": ADMIN }] })).await;
    let (mut read, mut answered) = (Vec::new(), 0);
    while answered < 4_000 {
        while let Some((_, from, to)) = whole(&read) {
            let answer: Value = serde_json::from_slice(&read[from..to]).expect("JSON");
            assert_eq!(answer["head"]["seq"], answered, "in order, each once");
            answered += 1;
            read.drain(..to);
        }
        let mut buffer = vec![0; 64 << 10];
        if answered < 4_000 {
            let more = timeout(PATIENCE, reading.read(&mut buffer)).await.expect("answers come").expect("it lives");
            assert!(more > 0, "{answered} answers came");
            read.extend_from_slice(&buffer[..more]);
        }
    }
    drop(sending.await.expect("sent"));
}

/// Frames of good will with bytes changed, doubled and left out.
#[tokio::test]
async fn random_bytes_do_no_harm() {
    let server = Server::start(&[]).await;
    let client = server.login(&unique("bystander")).await;
    let mut dice = dice();
    let token = client.credentials();
    for round in 0..150 {
        let mut wire = Wire::open(&server, if round % 2 == 0 { "binfo" } else { "info" }, "&compress=gzip").await;
        let mut bytes = Vec::new();
        for seq in 0..5_u64 {
            let servcmd =
                ["openim.getmsg", "group_open_http_svc.create_group", "heartbeat.alive"][dice.random_range(0..3)];
            let mut head = token.clone();
            head["servcmd"] = json!(servcmd);
            head["seq"] = json!(seq);
            let request = json!({ "head": head, "body": { "Type": "Public", "Name": "x", "Cookie": "log:0" } });
            bytes.extend(client_frame(
                FIN | [TEXT, BINARY, PING][dice.random_range(0..3)],
                request.to_string().as_bytes(),
            ));
        }
        for _ in 0..dice.random_range(0..8) {
            let at = dice.random_range(0..bytes.len());
            match dice.random_range(0..4) {
                0 => bytes[at] ^= 1 << dice.random_range(0..8),
                1 => bytes[at] = dice.random(),
                2 => drop(bytes.drain(at..(at + dice.random_range(0..20)).min(bytes.len()))),
                _ => {
                    let again = bytes[at..(at + dice.random_range(0..20)).min(bytes.len())].to_vec();
                    bytes.splice(at..at, again);
                }
            }
        }
        wire.try_write(&bytes).await;
        drop(wire);
        if round % 30 == 0 {
            client.ok("heartbeat.alive", json!({})).await;
        }
    }
    client.ok("im_open_status.wshello", json!({ "is_web_uniapp": 0 })).await;
    server.ok("im_open_login_svc/account_check", json!({ "CheckItem": [{ "UserID": ADMIN }] })).await;
}
