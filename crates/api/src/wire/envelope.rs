//! The envelope around every answer, and the only place that decides it (docs/spec/rest-common.md#2).
//!
//! The three envelope members stand beside the payload's own at the top level. `FAIL` if and only if the code is not 0,
//! except for `SomeError`, which partial failures of one command use with code 0.

use serde::Serialize;

use crate::error::Error;

/// The status that says how a request ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Status {
    /// It worked.
    #[default]
    Ok,
    /// It worked for some of those it was asked for (`batchsendmsg`).
    SomeError,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::SomeError => "SomeError",
        }
    }
}

/// Whether the family sends the empty `ErrorDisplay` that its clients know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Display {
    /// Without it.
    Absent,
    /// With it, always empty.
    Empty,
}

impl Display {
    fn members(self) -> &'static str {
        match self {
            Self::Absent => "",
            Self::Empty => r#","ErrorDisplay":"""#,
        }
    }
}

/// Wraps the members of a JSON object (`{...}`, as serialised) into a success.
#[must_use]
pub fn success(payload: &[u8], status: Status, info: &str, display: Display) -> Vec<u8> {
    let members = payload.get(1..payload.len().saturating_sub(1)).unwrap_or_default();
    let mut out = Vec::with_capacity(payload.len() + 80);
    out.extend_from_slice(br#"{"ActionStatus":""#);
    out.extend_from_slice(status.as_str().as_bytes());
    out.extend_from_slice(br#"","ErrorCode":0,"ErrorInfo":"#);
    out.extend_from_slice(quoted(info).as_bytes());
    out.extend_from_slice(display.members().as_bytes());
    if !members.is_empty() {
        out.push(b',');
        out.extend_from_slice(members);
    }
    out.push(b'}');
    out
}

/// A refusal.
#[must_use]
pub fn failure(error: &Error, display: Display) -> Vec<u8> {
    let mut out = format!(
        r#"{{"ActionStatus":"FAIL","ErrorCode":{},"ErrorInfo":{}{}"#,
        error.code(),
        quoted(error.text()),
        display.members()
    );
    if let Some(details) = error.details().filter(|details| !details.is_empty()) {
        out.push(',');
        out.push_str(details);
    }
    out.push('}');
    out.into_bytes()
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text serialises")
}

/// Serialises a payload; a unit or null becomes the empty object.
///
/// # Panics
/// When the payload is not an object: a mistake in the command, not in the request.
#[must_use]
pub fn payload(reply: &impl Serialize) -> Vec<u8> {
    let json = serde_json::to_vec(reply).expect("replies are plain data");
    if json == b"null" {
        return b"{}".to_vec();
    }
    assert!(json.starts_with(b"{"), "a reply is an object");
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_code::ErrorCode;

    fn value(bytes: &[u8]) -> serde_json::Value {
        serde_json::from_slice(bytes).expect("JSON")
    }

    #[test]
    fn members_stand_beside_the_envelope() {
        let reply = payload(&serde_json::json!({ "MsgSeq": 4 }));
        assert_eq!(
            value(&success(&reply, Status::Ok, "", Display::Absent)),
            serde_json::json!({ "ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "", "MsgSeq": 4 })
        );
        assert_eq!(
            value(&success(&payload(&()), Status::SomeError, "succeed", Display::Empty)),
            serde_json::json!({ "ActionStatus": "SomeError", "ErrorCode": 0, "ErrorInfo": "succeed", "ErrorDisplay": "" })
        );
    }

    #[test]
    fn refusals_carry_their_text_and_data() {
        let error =
            Error::new(ErrorCode::GroupBadParameter, "`Name` is \"bad\"").with_details(&serde_json::json!({ "A": 1 }));
        assert_eq!(
            value(&failure(&error, Display::Absent)),
            serde_json::json!({ "ActionStatus": "FAIL", "ErrorCode": 10004, "ErrorInfo": "`Name` is \"bad\"", "A": 1 })
        );
    }
}
