//! What members add to messages that were sent: receipts, key-values, reactions, pins, and what they delete from their own view.
//! Spec: docs/spec/rest-groups.md#3, docs/spec/rest-c2c.md#2, docs/spec/websocket-protocol.md#19

use serde::{Deserialize, Deserializer, de::Error as _};
use tsudoi_domain::{
    UserId,
    message::{Message, MsgKey},
};

use crate::{
    app::App,
    catalogue::{Entry, list},
    command::Caller,
    error::Error,
    error_code::ErrorCode,
    wire::item,
};

pub mod extension;
pub mod hide;
pub mod pin;
pub mod reaction;
pub mod receipt;

pub(crate) fn all() -> Vec<Entry> {
    list![
        extension::SetExtensions,
        extension::GetExtensions,
        extension::SetGroupExtensions,
        extension::GetGroupExtensions,
        hide::HideGroupMessages,
        hide::HideMessages,
        pin::PinMessage,
        pin::UnpinMessage,
        pin::GetPinned,
        reaction::AddReaction,
        reaction::DeleteReaction,
        reaction::SumUpReactions,
        reaction::ListReacting,
        reaction::AddGroupReaction,
        reaction::DeleteGroupReaction,
        reaction::SumUpGroupReactions,
        reaction::ListReactingInGroup,
        receipt::ReportReceipts,
        receipt::GetReceipts,
        receipt::GetReceiptDetail,
        receipt::GetReceiptsByUsers,
        receipt::ReportDirectReceipts,
    ]
}

/// The one-to-one message with that key, when the caller may touch it: clients only what they sent or got. Backends that name no
/// sender mean themselves.
async fn direct_message(
    app: &App,
    caller: &Caller,
    from: Option<&UserId>,
    to: &UserId,
    key: MsgKey,
) -> Result<Option<Message>, Error> {
    let from = from.unwrap_or(&caller.user);
    if !caller.is_app_admin() && caller.user != *from && caller.user != *to {
        return Ok(None);
    }
    let message = app.store().read().direct_message(app.id(), from, to, key).await?;
    Ok(message.filter(|message| caller.is_app_admin() || item::has_seen(&message.draft, &caller.user)))
}

/// Reads a `MsgKey`.
fn msg_key(field: &str, text: &str) -> Result<MsgKey, Error> {
    MsgKey::parse(text).ok_or_else(|| {
        Error::new(ErrorCode::MessageBadKey, format!("`{field}`: `{text}` is not of the form <seq>_<random>_<time>"))
    })
}

/// Refuses lists that are empty or too long.
fn check_len(field: &str, number: usize, most: usize, too_many: ErrorCode) -> Result<(), Error> {
    if number == 0 {
        return Err(Error::new(ErrorCode::GroupBadParameter, format!("`{field}` is empty")));
    }
    if number > most {
        let text = format!("`{field}` has {number} entries, at most {most} are allowed");
        return Err(Error::new(too_many, text));
    }
    Ok(())
}

/// Numbers of messages, as `[{"MsgSeq"}]`, `[1]` or `["1"]`: clients write each of them somewhere.
fn numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected the number of a message")]
    enum Number {
        Named {
            #[serde(rename = "MsgSeq")]
            seq: u64,
        },
        Bare(u64),
        Text(String),
    }
    let listed = Vec::<Number>::deserialize(deserializer)?;
    let number = |number| match number {
        Number::Named { seq } | Number::Bare(seq) => Ok(seq),
        Number::Text(text) => text.parse().map_err(|_| D::Error::custom(format!("`{text}` is no number"))),
    };
    listed.into_iter().map(number).collect()
}

/// An account, or a list whose first one counts; nothing for none.
fn first_account<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UserId>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected an account")]
    enum Accounts {
        One(UserId),
        Many(Vec<UserId>),
    }
    Ok(match Option::<Accounts>::deserialize(deserializer)? {
        Some(Accounts::One(user)) => Some(user),
        Some(Accounts::Many(users)) => users.into_iter().next(),
        None => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Numbers(#[serde(deserialize_with = "numbers")] Vec<u64>);

    #[test]
    fn numbers_come_in_three_spellings() {
        let read = |json: &str| serde_json::from_str::<Numbers>(json).map(|numbers| numbers.0);
        assert_eq!(read(r#"[{"MsgSeq":4},5,"6"]"#).expect("numbers"), [4, 5, 6]);
        for bad in [r#"["x"]"#, "[null]", r#"[{"Seq":4}]"#, "4", "[-1]"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
