//! Messages: what is said in a conversation, kept as it was sent.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{UserId, conversation::ConversationKey, time::Timestamp};

pub mod clear;
pub mod direct;
pub mod edit;
pub mod extend;
pub mod extras;
pub mod hide;
pub mod history;
pub mod import;
pub mod pin;
pub mod react;
pub mod read;
pub mod recall;
pub mod receipt;
pub mod send;
pub mod tip;

pub use tip::{GroupChanges, MemberMute, Tip};

/// How important a group message is when there are too many (docs/spec/limits-and-editions.md#3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Priority {
    /// Gifts, tips, the host.
    High,
    /// Text.
    #[default]
    Normal,
    /// Likes.
    Low,
    /// Below likes.
    Lowest,
}

impl Priority {
    /// The number that history uses: 1 for the highest.
    #[must_use]
    pub fn number(self) -> u32 {
        self as u32 + 1
    }
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// The elements as the sender wrote them, JSON text; unknown members survive.
    Elements(Arc<str>),
    /// Something that happened to the group.
    Tip(Tip),
}

/// Who a message is from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sender {
    /// The server itself (tips).
    System,
    /// An account.
    User(UserId),
}

impl Sender {
    /// The account, unless the server itself speaks.
    #[must_use]
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::System => None,
            Self::User(user) => Some(user),
        }
    }
}

/// Who is mentioned in a group message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mentions {
    /// Everybody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// Single users, in the order of the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<UserId>,
    /// The wire's list as sent, JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Arc<str>>,
}

impl Mentions {
    /// Whether nobody is mentioned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.all && self.users.is_empty()
    }

    /// The robots among the mentioned users; a mention of everybody means none of them (docs/spec/webhooks.md#11.2).
    pub fn robots(&self) -> impl Iterator<Item = &UserId> {
        self.users.iter().filter(|user| user.is_robot())
    }
}

/// The choices of a sender beside the content (docs/spec/rest-common.md#6.7).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MessageOptions {
    /// Does not count as unread.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_unread: bool,
    /// Does not move the conversation list.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_last_msg: bool,
    /// Honours the receivers' do-not-disturb setting for offline push.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub with_mute_notifications: bool,
    /// Only for those online now: no sequence number, not stored.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub online_only: bool,
    /// Read receipts are kept.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub need_receipt: bool,
    /// How many were to read it when it was sent, where receipts are kept in a group.
    #[serde(skip_serializing_if = "is_zero")]
    pub receipt_audience: u32,
    /// Key-values may be attached later.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub support_extension: bool,
    /// A forwarded record.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_relay: bool,
    /// The only receivers, beside the sender; empty: everybody.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<UserId>,
    /// Who is mentioned.
    pub mentions: Mentions,
    /// One of the app's messages to all its live rooms.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_broadcast: bool,
    /// How offline devices are told, JSON text as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_info: Option<Arc<str>>,
    /// One-to-one: not in the sender's own history and on none of the sender's devices.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hidden_from_sender: bool,
    /// One-to-one: also told to the sender's other devices.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sync_to_sender: bool,
    /// The app's backend is not asked before it is sent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_before_webhook: bool,
    /// The app's backend is not told once it is sent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_after_webhook: bool,
    /// The session it was sent on, which knows it already.
    #[serde(skip)]
    pub sent_on: Option<u64>,
    /// One-to-one, where the sender gave no number and the server did: what tells a repeat instead of the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<u32>,
    /// One-to-one: in history only; no device is told, now or when it comes back (imports).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// One-to-one: devices that come back later than so many seconds find it in history only; absent: whenever they come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offline_secs: Option<u32>,
    /// One-to-one: in the receiver's conversation list, not in history (pushes to many).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_roaming: bool,
    /// One-to-one: not for the receiver (the receiver blocked the sender and success is pretended).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hidden_from_receiver: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A message before it has its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Where it goes.
    pub conversation: ConversationKey,
    /// Who says it.
    pub sender: Sender,
    /// The sender's dice: tells a repeated send from a new one.
    pub random: u32,
    /// When the server took it.
    pub time: Timestamp,
    /// When the sender's device says it was sent, Unix seconds; 0 when it says nothing.
    pub client_time: i64,
    /// The sender's own number; orders one-to-one messages of one second.
    pub client_seq: u32,
    /// How important it is.
    pub priority: Priority,
    /// What it says.
    pub content: Content,
    /// The sender's data beside the content, never interpreted.
    pub cloud_custom_data: Option<Arc<str>>,
    /// The sender's choices.
    pub options: MessageOptions,
}

/// A recall: the message keeps its place and body, readers are told to show it as withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recall {
    /// Who recalled it.
    pub by: UserId,
    /// Why, in their words.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// A stored message in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its place: contiguous from 1 in its conversation.
    pub seq: u64,
    /// What was sent.
    pub draft: Arc<Draft>,
    /// How often it was edited.
    pub version: u32,
    /// Set when it was recalled.
    pub recall: Option<Recall>,
    /// One-to-one: how many inbound messages had counted as unread when this one arrived, itself included.
    pub counted: u64,
}

/// The key of a one-to-one message on the wire: the sender's number, the dice and the second
/// (docs/spec/rest-common.md#6.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MsgKey {
    /// The sender's number.
    pub client_seq: u32,
    /// The sender's dice.
    pub random: u32,
    /// When the server took it.
    pub time: Timestamp,
}

impl MsgKey {
    /// Reads `<seq>_<random>_<time>`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 50 {
            return None;
        }
        let mut parts = text.split('_');
        let key = Self {
            client_seq: parts.next()?.parse().ok()?,
            random: parts.next()?.parse().ok()?,
            time: Timestamp(parts.next()?.parse::<u32>().ok()?.into()),
        };
        parts.next().is_none().then_some(key)
    }
}

impl std::fmt::Display for MsgKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}_{}_{}", self.client_seq, self.random, self.time.0)
    }
}

impl Draft {
    /// The wire key of a one-to-one message.
    #[must_use]
    pub fn msg_key(&self) -> MsgKey {
        MsgKey { client_seq: self.client_seq, random: self.random, time: self.time }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_keys_round_trip() {
        let key = MsgKey { client_seq: 3_700_000_001, random: 9, time: Timestamp(1_764_580_001) };
        assert_eq!(MsgKey::parse(&key.to_string()), Some(key));
        for bad in ["", "1_2", "1_2_3_4", "a_2_3", "-1_2_3", "1_2_99999999999999"] {
            assert_eq!(MsgKey::parse(bad), None, "{bad}");
        }
    }
}
