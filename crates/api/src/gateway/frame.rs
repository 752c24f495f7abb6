//! Frames: one JSON object per message, `{"head":{...},"body":{...}}` (docs/spec/websocket-protocol.md#2, #3).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::Error;

/// A request as it came.
#[derive(Debug, Deserialize)]
pub struct Request<'a> {
    /// Who asks for what.
    #[serde(borrow)]
    pub head: Head<'a>,
    /// The command's request.
    #[serde(borrow, default)]
    pub body: Option<&'a RawValue>,
}

/// The head of a request. Everything but the command and its number may be missing.
#[derive(Debug, Deserialize)]
pub struct Head<'a> {
    /// `service.command`.
    #[serde(borrow)]
    pub servcmd: std::borrow::Cow<'a, str>,
    /// Comes back with the answer.
    #[serde(default)]
    pub seq: u64,
    /// The ticket's user; only before login.
    #[serde(borrow, default)]
    pub identifier: Option<std::borrow::Cow<'a, str>>,
    /// The ticket; only before login.
    #[serde(borrow, default)]
    pub usersig: Option<std::borrow::Cow<'a, str>>,
    /// The session token; after login.
    #[serde(borrow, default)]
    pub a2: Option<std::borrow::Cow<'a, str>>,
    /// The instance's number, from its last login answer; 0 before.
    #[serde(default)]
    pub status_instid: Option<u64>,
}

#[derive(Serialize)]
struct ResponseHead<'a> {
    servcmd: &'a str,
    seq: u64,
}

/// The frame of an answer around a body that is JSON already.
#[must_use]
pub fn response(servcmd: &str, seq: u64, body: &[u8]) -> Vec<u8> {
    let head = serde_json::to_vec(&ResponseHead { servcmd, seq }).expect("a head is plain data");
    let mut out = Vec::with_capacity(head.len() + body.len() + 20);
    out.extend_from_slice(br#"{"head":"#);
    out.extend_from_slice(&head);
    out.extend_from_slice(br#","body":"#);
    out.extend_from_slice(body);
    out.push(b'}');
    out
}

/// A frame that cannot even be answered: nothing says which request it was.
#[derive(Debug, thiserror::Error)]
#[error("the frame is no request")]
pub struct Unreadable;

/// Reads a frame.
///
/// # Errors
/// [`Unreadable`] when it is not a JSON object with a head.
pub fn parse(bytes: &[u8]) -> Result<Request<'_>, Unreadable> {
    serde_json::from_slice(bytes).map_err(|_| Unreadable)
}

/// The body of a failed request.
#[must_use]
pub fn failure(error: &Error) -> Vec<u8> {
    crate::wire::envelope::failure(error, crate::wire::envelope::Display::Absent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_may_be_bare_and_bodies_missing() {
        let request = parse(br#"{"head":{"servcmd":"heartbeat.alive","seq":2415919102}}"#).expect("a request");
        assert_eq!((request.head.servcmd.as_ref(), request.head.seq), ("heartbeat.alive", 2_415_919_102));
        assert!(request.body.is_none());
        for junk in ["", "{}", "[]", r#"{"head":{}}"#, r#"{"head":{"servcmd":7}}"#, "\u{1}", "{\"head\":"] {
            assert!(parse(junk.as_bytes()).is_err(), "{junk}");
        }
    }

    #[test]
    fn answers_echo_command_and_number() {
        let frame = response("openim.sendmsg", 7, br#"{"ErrorCode":0}"#);
        assert_eq!(frame, br#"{"head":{"servcmd":"openim.sendmsg","seq":7},"body":{"ErrorCode":0}}"#);
    }
}
