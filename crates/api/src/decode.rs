//! From the bytes of a body to a typed request, or to the code that the family documents for the fault.

use crate::{command::Command, error::Error, error_code::ErrorCode, wire::envelope::Display};

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not there.
    Missing,
    /// It is of the wrong type.
    WrongType,
    /// Its value is not legal.
    BadValue,
}

/// Commands that answer faults alike (docs/spec/rest-common.md#1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Groups and robots.
    Group,
    /// One-to-one messages and presence.
    Message,
    /// Accounts.
    Account,
    /// Profiles.
    Profile,
    /// Friends and block lists.
    Relation,
    /// Conversations.
    Conversation,
    /// App-wide mute and statistics.
    AppMute,
    /// Lists of unwanted words.
    Keyword,
    /// Message records.
    Record,
    /// Everything else.
    Other,
}

impl Family {
    /// The family of a service.
    #[must_use]
    pub fn of(service: &str) -> Self {
        match service {
            "openim" | "all_member_push" | "timpush" => Self::Message,
            "im_open_login_svc" | "im_open_status" => Self::Account,
            "profile" => Self::Profile,
            "sns" | "follow" => Self::Relation,
            "recentcontact" => Self::Conversation,
            "openconfigsvr" => Self::AppMute,
            "im_msg_audit_mgr" => Self::Keyword,
            "open_msg_svc" => Self::Record,
            _ if service.contains("group_open")
                || service == "openim_robot_http_svc"
                || service == "openim_msg_ext_http_svc" =>
            {
                Self::Group
            }
            _ => Self::Other,
        }
    }

    /// Whether a user id that is a number is refused as every command of the front door does (docs/spec/rest-common.md#1.3);
    /// the others have codes of their own for their accounts.
    fn tells_numeric_ids(self) -> bool {
        match self {
            Self::Account | Self::Profile | Self::Relation | Self::Conversation => true,
            Self::Group | Self::Message | Self::AppMute | Self::Keyword | Self::Record | Self::Other => false,
        }
    }

    /// Whether answers carry the empty `ErrorDisplay`.
    #[must_use]
    pub fn display(self) -> Display {
        match self {
            Self::Profile | Self::Relation | Self::Conversation => Display::Empty,
            Self::Group
            | Self::Message
            | Self::Account
            | Self::AppMute
            | Self::Keyword
            | Self::Record
            | Self::Other => Display::Absent,
        }
    }

    /// The code for a body that is no JSON.
    #[must_use]
    pub fn bad_json(self) -> ErrorCode {
        match self {
            Self::Message => ErrorCode::MessageBadJson,
            Self::AppMute => ErrorCode::AppMuteBadJson,
            Self::Group
            | Self::Account
            | Self::Profile
            | Self::Relation
            | Self::Conversation
            | Self::Keyword
            | Self::Record
            | Self::Other => ErrorCode::RestBadJson,
        }
    }

    /// The code for a field that is missing or wrong. `field` is the name without its path.
    #[must_use]
    pub fn bad_field(self, field: &str, fault: Fault) -> ErrorCode {
        match self {
            Self::Group => match field {
                "GroupId" | "GroupIdList" => ErrorCode::GroupBadId,
                "TopicId" => ErrorCode::TopicBadId,
                _ => ErrorCode::GroupBadParameter,
            },
            Self::Message => match field {
                "To_Account" | "Peer_Account" | "Report_Account" => ErrorCode::MessageBadReceiver,
                "From_Account" | "Operator_Account" => ErrorCode::MessageBadSender,
                "MsgSeq" => ErrorCode::MessageBadSeq,
                "MsgRandom" => ErrorCode::MessageBadRandom,
                "MsgTimeStamp" => ErrorCode::MessageBadTime,
                "MsgBody" if fault == Fault::WrongType => ErrorCode::MessageBodyNotArray,
                "MsgBody" => ErrorCode::MessageBadBody,
                "MsgType" | "MsgContent" => ErrorCode::MessageBadElement,
                "MsgLifeTime" => ErrorCode::MessageBadLife,
                "SyncOtherMachine" => ErrorCode::MessageBadSyncOther,
                "SyncFromOldSystem" => ErrorCode::MessageBadSyncFromOld,
                "OfflinePushInfo" => ErrorCode::MessageBadPushInfo,
                "MsgKey" | "MsgKeyList" => ErrorCode::MessageBadKey,
                "GroupId" => ErrorCode::GroupBadId,
                "TopicId" => ErrorCode::TopicBadId,
                _ => ErrorCode::MessageBadJson,
            },
            Self::Account => ErrorCode::AccountBadParameter,
            Self::Profile => ErrorCode::ProfileBadParameter,
            Self::Relation => ErrorCode::RelationBadParameter,
            Self::Conversation => ErrorCode::ConversationBadParameter,
            Self::AppMute => ErrorCode::AppMuteBadAccount,
            Self::Keyword => ErrorCode::KeywordBadParameter,
            Self::Record => ErrorCode::HistoryFileBadParameter,
            Self::Other => ErrorCode::GroupBadParameter,
        }
    }
}

/// Fields that hold ids of users, or lists of them.
const USER_IDS: [&str; 6] = ["UserID", "Identifier", "Accounts", "From_Account", "To_Account", "Peer_Account"];

/// Decodes the body of a command.
///
/// # Errors
/// The documented code, with a text that names the field.
pub fn body<C: Command>(bytes: &[u8]) -> Result<C, Error> {
    let family = Family::of(C::ROUTE.service);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let decoded = serde_path_to_error::deserialize(&mut deserializer);
    let command = decoded.map_err(|e| {
        let path = e.path().to_string();
        let inner = e.into_inner();
        // The reader stops at the first fault; what comes behind it may be no JSON at all.
        let is_json = || serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok();
        let text = inner.to_string();
        // Where one of a few names is due, the reader takes anything but a text for broken JSON.
        let no_name = text.starts_with("expected value at");
        if (inner.is_syntax() && !no_name) || inner.is_eof() || inner.is_io() || !is_json() {
            return not_json(family);
        }
        // " at line 1 column 9" helps nobody who built the body by a program.
        let words = text.split(" at line ").next().unwrap_or(&text);
        let missing = words.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
        let fault = match missing {
            Some(_) => Fault::Missing,
            None if no_name || words.starts_with("invalid type") => Fault::WrongType,
            None => Fault::BadValue,
        };
        let full = match missing {
            Some(name) if path == "." => name.to_owned(),
            Some(name) => format!("{path}.{name}"),
            None => path,
        };
        let name = field_name(&full);
        let of_family = || {
            let is_number =
                words.starts_with("invalid type: integer") || words.starts_with("invalid type: floating point");
            if is_number && family.tells_numeric_ids() && USER_IDS.contains(&name) {
                return ErrorCode::RestUserIdNotText;
            }
            family.bad_field(name, fault)
        };
        let code = C::bad_field(name, fault).unwrap_or_else(of_family);
        if code == ErrorCode::ProfileBadParameter {
            // Clients compare this one's text (docs/spec/rest-common.md#2.4).
            return code.into();
        }
        match fault {
            Fault::Missing => Error::new(code, format!("`{full}` is missing")),
            Fault::WrongType if no_name => Error::new(code, format!("`{full}`: invalid type, expected a string")),
            Fault::WrongType | Fault::BadValue => Error::new(code, format!("`{full}`: {words}")),
        }
    })?;
    deserializer.end().map_err(|_| not_json(family))?;
    Ok(command)
}

fn not_json(family: Family) -> Error {
    family.bad_json().into()
}

/// The last name of a path: `MsgList[0].From_Account` is about `From_Account`, `GroupIdList[3]` about `GroupIdList`.
fn field_name(path: &str) -> &str {
    let last = path.rsplit('.').next().unwrap_or(path);
    last.split('[').next().unwrap_or(last)
}

/// A flag that arrives as 0 or 1; other numbers count as set, as clients of all ages send them.
///
/// # Errors
/// When it is no number.
pub fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let number = <i64 as serde::Deserialize>::deserialize(deserializer)?;
    Ok(number != 0)
}

/// An optional text; some clients send an empty one for none.
///
/// # Errors
/// When it is no text, or not one of the wanted form.
pub fn non_empty<'de, D: serde::Deserializer<'de>, T: serde::Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let text = <Option<std::borrow::Cow<'de, str>> as serde::Deserialize>::deserialize(deserializer)?;
    match text {
        Some(text) if !text.is_empty() => T::deserialize(serde::de::value::CowStrDeserializer::new(text)).map(Some),
        Some(_) | None => Ok(None),
    }
}

/// A text that clients of all ages also write as a number; absent, null, empty and 0 all mean nothing.
///
/// # Errors
/// When it is neither.
pub fn text_or_nothing<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged, expecting = "expected a string")]
    enum Either {
        Text(String),
        Number(u64),
    }
    Ok(match <Option<Either> as serde::Deserialize>::deserialize(deserializer)? {
        Some(Either::Text(text)) if !text.is_empty() => Some(text),
        Some(Either::Number(number)) if number != 0 => Some(number.to_string()),
        Some(Either::Text(_) | Either::Number(_)) | None => None,
    })
}

/// Names that clients of all ages write as a list or, when there is one, as a text; absent, null, empty and 0 all mean none.
///
/// # Errors
/// When it is neither, or the list holds something else than texts.
pub fn names<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged, expecting = "expected a string or a list of strings")]
    enum Either {
        Many(Vec<String>),
        One(String),
        Number(u64),
    }
    Ok(match <Option<Either> as serde::Deserialize>::deserialize(deserializer)? {
        Some(Either::Many(names)) => names,
        Some(Either::One(name)) if !name.is_empty() => vec![name],
        Some(Either::Number(number)) if number != 0 => vec![number.to_string()],
        Some(Either::One(_) | Either::Number(_)) | None => Vec::new(),
    })
}

/// `On` or `Off`.
///
/// # Errors
/// When it is another text.
pub fn on_off<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
    match text.as_ref() {
        "On" => Ok(Some(true)),
        "Off" => Ok(Some(false)),
        other => Err(serde::de::Error::custom(format!("`{other}` is neither `On` nor `Off`"))),
    }
}

/// A number that some clients write as text.
///
/// # Errors
/// When it is neither.
pub fn lenient_u64<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Text(String),
    }
    match <Either as serde::Deserialize>::deserialize(deserializer)? {
        Either::Number(number) => Ok(number),
        Either::Text(text) => text.parse().map_err(|_| serde::de::Error::custom(format!("`{text}` is no number"))),
    }
}

/// Custom fields, `[{"Key","Value"}]`; numbers and truth values are kept as text, as some clients send them.
///
/// # Errors
/// When it is no such list, or a value is a list or an object.
pub fn custom_fields<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, String)>, D::Error> {
    #[derive(serde::Deserialize)]
    struct Field {
        #[serde(rename = "Key")]
        key: String,
        #[serde(rename = "Value", default)]
        value: Value,
    }
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Value {
        Text(String),
        Flag(bool),
        Number(serde_json::Number),
    }
    impl Default for Value {
        fn default() -> Self {
            Self::Text(String::new())
        }
    }
    let fields = <Option<Vec<Field>> as serde::Deserialize>::deserialize(deserializer)?.unwrap_or_default();
    let text = |value| match value {
        Value::Text(text) => text,
        Value::Flag(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
    };
    Ok(fields.into_iter().map(|field| (field.key, text(field.value))).collect())
}

/// One of a few names, or nothing for an empty text. Wire types say which names there are.
///
/// # Errors
/// When it is another text.
pub fn named<'de, D: serde::Deserializer<'de>, T: Named>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = <Option<std::borrow::Cow<'de, str>> as serde::Deserialize>::deserialize(deserializer)?;
    match text.as_deref() {
        None | Some("") => Ok(None),
        Some(name) => match T::from_name(name) {
            Some(value) => Ok(Some(value)),
            None => Err(serde::de::Error::custom(format!("`{name}` is none of {}", T::NAMES))),
        },
    }
}

/// A value that the wire writes as one of a few names.
pub trait Named: Sized {
    /// The names, for people.
    const NAMES: &'static str;
    /// The value of a name.
    fn from_name(name: &str) -> Option<Self>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_name_of_a_path_decides() {
        assert_eq!(field_name("MsgList[0].From_Account"), "From_Account");
        assert_eq!(field_name("GroupIdList[3]"), "GroupIdList");
        assert_eq!(field_name("GroupId"), "GroupId");
    }
}
