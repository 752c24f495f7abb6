//! A client of the WebSocket door that speaks like the Web SDK: docs/spec/websocket-protocol.md sections 1 to 5.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::error::BenchError;
use crate::frames::{Frame, FrameCutter, client_frame};
use crate::network;
use crate::target::Target;

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// Longest answer to the upgrade request.
const LONGEST_HEAD_BYTES: usize = 8 << 10;
const READ_BYTES: usize = 4 << 10;

/// What a client puts into the head of its requests.
#[derive(Debug, Clone)]
pub(crate) struct Voice {
    app_id: u32,
    /// The credential members of the head, as JSON text with a trailing comma.
    credentials: String,
}

impl Voice {
    fn with_ticket(target: &Target, user: &str) -> Self {
        let (user, ticket) = (quoted(user), quoted(&(target.sign)(user)));
        Self {
            app_id: target.app.id,
            credentials: format!(r#""identifier":{user},"usersig":{ticket},"status_instid":0,"#),
        }
    }

    fn with_token(app_id: u32, login: &LoginAnswer) -> Self {
        let (token, tiny_id) = (quoted(&login.a2_key), quoted(&login.tiny_id));
        Self { app_id, credentials: format!(r#""a2":{token},"tinyid":{tiny_id},"status_instid":{},"#, login.inst_id) }
    }

    /// The bytes of a whole frame with this request.
    pub(crate) fn request(&self, command: &str, seq: u32, body: &str) -> Vec<u8> {
        // The SDK sends no checksum with these; see docs/spec/websocket-protocol.md#2-frames.
        let unchecked = matches!(
            command,
            "im_open_status.wslogin" | "im_open_status.wslogout" | "heartbeat.alive" | "openim.ws_msg_push_ack"
        );
        let checksum = if unchecked { 0 } else { crc32fast::hash(body.as_bytes()) };
        let text = format!(
            concat!(
                r#"{{"head":{{"ver":"v4","platform":7,"websdkappid":537048168,"websdkversion":"1.7.3","sdkappid":{},{}"#,
                r#""servcmd":"{}","seq":{},"reqtime":{},"cs":{},"contenttype":"json","sdkability":75689843,"#,
                r#""sdkability_ext":"","cappid":0}},"body":{}}}"#
            ),
            self.app_id,
            self.credentials,
            command,
            seq,
            unix_seconds(),
            checksum,
            body,
        );
        client_frame(OpCode::Data(Data::Binary), text.as_bytes())
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The clock of the message fields, in Unix seconds.
pub(crate) fn unix_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// An answer or a push, as far as every reader needs it.
#[derive(Debug, Deserialize)]
pub(crate) struct Incoming {
    pub(crate) head: Head,
    pub(crate) body: Box<RawValue>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Head {
    pub(crate) servcmd: String,
    #[serde(default)]
    pub(crate) seq: u32,
}

impl Incoming {
    pub(crate) fn read(message: &[u8]) -> Result<Self, BenchError> {
        serde_json::from_slice(message).map_err(|error| BenchError::bad_answer("message of the server", error))
    }

    /// The error code in the body; `None` when it is a success.
    pub(crate) fn refusal(&self) -> Option<BenchError> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Outcome {
            #[serde(rename = "ErrorCode")]
            code: i64,
            #[serde(rename = "ErrorInfo")]
            text: String,
            // Some services spell them so, refusals of theirs both ways.
            #[serde(rename = "int32_error_code")]
            other_code: i64,
        }
        match serde_json::from_str::<Outcome>(self.body.get()) {
            Ok(Outcome { code: 0, other_code: 0, .. }) => None,
            Ok(Outcome { code, text, other_code }) => {
                let code = if code == 0 { other_code } else { code };
                Some(BenchError::Refused { command: self.head.servcmd.clone(), code, text })
            }
            Err(error) => Some(BenchError::bad_answer(&self.head.servcmd, error)),
        }
    }
}

/// What `wslogin` answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LoginAnswer {
    #[serde(rename = "A2Key")]
    a2_key: String,
    tiny_id: String,
    #[serde(default)]
    inst_id: u64,
}

/// One connection that asks and waits for answers. Pushes are read and forgotten.
pub(crate) struct SocketClient {
    stream: TcpStream,
    cutter: FrameCutter,
    inbox: VecDeque<Vec<u8>>,
    voice: Voice,
    pub(crate) user: String,
    seq: u32,
}

impl SocketClient {
    /// Opens the connection of `user` on `/binfo`, not logged in yet.
    pub(crate) async fn open(target: &Target, user: &str) -> Result<Self, BenchError> {
        let mut stream = network::connect(target.address)
            .await
            .map_err(BenchError::io(format!("cannot connect to {}", target.address)))?;
        let early = match tokio::time::timeout(ANSWER_WITHIN, upgrade(&mut stream, target)).await {
            Ok(upgraded) => upgraded?,
            Err(_) => return Err(too_slow("the upgrade was not answered")),
        };
        let mut client = Self {
            stream,
            cutter: FrameCutter::default(),
            inbox: VecDeque::new(),
            voice: Voice::with_ticket(target, user),
            user: user.to_owned(),
            seq: rand::random_range(1..100_000_000),
        };
        client.take(&early).await?;
        Ok(client)
    }

    /// Logs in; afterwards requests carry the session's token instead of the ticket.
    pub(crate) async fn login(&mut self) -> Result<(), BenchError> {
        let body = r#"{"State":"Online","is_web_uniapp":0,"InstType":0,"CustomInfo":""}"#;
        let answer = self.request("im_open_status.wslogin", body).await?;
        let login: LoginAnswer = serde_json::from_str(answer.get())
            .map_err(|error| BenchError::bad_answer("im_open_status.wslogin", error))?;
        self.voice = Voice::with_token(self.voice.app_id, &login);
        Ok(())
    }

    /// Sends a request and returns its `seq`.
    pub(crate) async fn send(&mut self, command: &str, body: &str) -> Result<u32, BenchError> {
        self.seq = self.seq.wrapping_add(1);
        let frame = self.voice.request(command, self.seq, body);
        self.write(&frame).await?;
        Ok(self.seq)
    }

    /// Sends a request and waits for its answer; a refusal is an error.
    pub(crate) async fn request(&mut self, command: &str, body: &str) -> Result<Box<RawValue>, BenchError> {
        let seq = self.send(command, body).await?;
        loop {
            let incoming = self.receive().await?;
            if incoming.head.seq == seq && incoming.head.servcmd == command {
                return match incoming.refusal() {
                    None => Ok(incoming.body),
                    Some(refusal) => Err(refusal),
                };
            }
        }
    }

    /// The next message, answer or push.
    pub(crate) async fn receive(&mut self) -> Result<Incoming, BenchError> {
        let mut buffer = [0; READ_BYTES];
        loop {
            if let Some(message) = self.inbox.pop_front() {
                return Incoming::read(&message);
            }
            let read = match tokio::time::timeout(ANSWER_WITHIN, self.stream.read(&mut buffer)).await {
                Ok(read) => read.map_err(BenchError::io(format!("connection of {}", self.user)))?,
                Err(_) => return Err(too_slow(&format!("nothing arrived for {}", self.user))),
            };
            if read == 0 {
                return Err(self.ended());
            }
            self.take(&buffer[..read]).await?;
        }
    }

    /// The connection, what it has read of an incomplete frame, and how it speaks.
    pub(crate) fn into_parts(self) -> (TcpStream, FrameCutter, Voice) {
        (self.stream, self.cutter, self.voice)
    }

    async fn take(&mut self, bytes: &[u8]) -> Result<(), BenchError> {
        let mut pongs = Vec::new();
        let mut closed = false;
        let inbox = &mut self.inbox;
        self.cutter
            .feed(bytes, |frame| match frame {
                Frame::Message(message) => inbox.push_back(message.to_vec()),
                Frame::Ping(content) => {
                    pongs.extend(client_frame(OpCode::Control(Control::Pong), content));
                }
                Frame::Close => closed = true,
            })
            .map_err(|error| BenchError::bad_answer("frame of the server", error))?;
        if closed {
            return Err(self.ended());
        }
        if !pongs.is_empty() {
            self.write(&pongs).await?;
        }
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), BenchError> {
        self.stream.write_all(bytes).await.map_err(BenchError::io(format!("connection of {}", self.user)))
    }

    fn ended(&self) -> BenchError {
        BenchError::bad_answer(&format!("connection of {}", self.user), "ended by the server")
    }
}

fn too_slow(what: &str) -> BenchError {
    BenchError::TooSlow { what: what.to_owned(), seconds: ANSWER_WITHIN.as_secs() }
}

/// Does the WebSocket handshake; returns what the server sent right behind its answer.
async fn upgrade(stream: &mut TcpStream, target: &Target) -> Result<Vec<u8>, BenchError> {
    let key = generate_key();
    let request = format!(
        concat!(
            "GET /binfo?sdkappid={}&instanceid={:032x}&random={}&platform=7&host=unknown&version=-1&sdkversion=3.6.6 HTTP/1.1\r\n",
            "Host: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\r\n"
        ),
        target.app.id,
        rand::random::<u128>(),
        rand::random::<u32>(),
        target.host,
        key,
    );
    let failed = || BenchError::io("connection broke during the WebSocket handshake");
    stream.write_all(request.as_bytes()).await.map_err(failed())?;
    let mut answer = Vec::new();
    let end = loop {
        if let Some(end) = memchr::memmem::find(&answer, b"\r\n\r\n") {
            break end + 4;
        }
        if answer.len() > LONGEST_HEAD_BYTES || stream.read_buf(&mut answer).await.map_err(failed())? == 0 {
            return Err(BenchError::bad_answer("WebSocket handshake", "no complete answer"));
        }
    };
    let early = answer.split_off(end);
    check_upgrade(&String::from_utf8_lossy(&answer), &derive_accept_key(key.as_bytes()))?;
    Ok(early)
}

fn check_upgrade(head: &str, accept: &str) -> Result<(), BenchError> {
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("101") {
        return Err(BenchError::bad_answer("WebSocket handshake", status));
    }
    let accepted = lines
        .filter_map(|line| line.split_once(':'))
        .any(|(name, value)| name.eq_ignore_ascii_case("sec-websocket-accept") && value.trim() == accept);
    if !accepted {
        return Err(BenchError::bad_answer("WebSocket handshake", "wrong Sec-WebSocket-Accept"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_whole_frames_with_checksum() {
        let voice = Voice { app_id: 7, credentials: r#""a2":"t","tinyid":"1","status_instid":3,"#.to_owned() };
        let frame = voice.request("openim.getmsg", 5, r#"{"Cookie":""}"#);
        let json: serde_json::Value = serde_json::from_slice(&frame[8..]).unwrap();
        assert_eq!(json["head"]["servcmd"], "openim.getmsg");
        assert_eq!(json["head"]["seq"], 5);
        assert_eq!(json["head"]["a2"], "t");
        assert_eq!(json["head"]["cs"], crc32fast::hash(br#"{"Cookie":""}"#));
        assert_eq!(json["body"]["Cookie"], "");
        let alive: serde_json::Value = serde_json::from_slice(&voice.request("heartbeat.alive", 6, "{}")[8..]).unwrap();
        assert_eq!(alive["head"]["cs"], 0);
    }

    #[test]
    fn only_a_proper_upgrade_is_accepted() {
        assert!(check_upgrade("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-ACCEPT: abc\r\n\r\n", "abc").is_ok());
        assert!(check_upgrade("HTTP/1.1 101 Switching Protocols\r\n\r\n", "abc").is_err());
        assert!(check_upgrade("HTTP/1.1 403 Forbidden\r\n\r\n", "abc").unwrap_err().to_string().contains("403"));
    }

    #[test]
    fn refusals_are_seen_in_both_spellings() {
        let read = |body: &str| {
            Incoming::read(format!(r#"{{"head":{{"servcmd":"a.b","seq":1}},"body":{body}}}"#).as_bytes()).unwrap()
        };
        assert!(read("{}").refusal().is_none());
        assert!(read(r#"{"int32_error_code":0}"#).refusal().is_none());
        let refusal = read(r#"{"ErrorCode":70001,"ErrorInfo":"expired"}"#).refusal().unwrap();
        assert_eq!(refusal.to_string(), "a.b was refused with 70001: expired");
        assert!(read(r#"{"ErrorCode":"0"}"#).refusal().is_some());
    }
}
