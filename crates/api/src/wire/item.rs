//! Message items: one message as pushes, history, polls and catch-up carry it (docs/spec/websocket-protocol.md#8, #9, #11).

use serde::Serialize;
use serde_json::value::RawValue;
use tsudoi_domain::{
    TopicId, UserId,
    conversation::ConversationKey,
    message::{Content, Draft, Message, MessageOptions, Priority, Recall},
};

use super::{faces::Faces, tip::TipBody};

/// The account that tips and notices come from.
pub const SYSTEM_ACCOUNT: &str = "@TIM#SYSTEM";

/// What every item about a group says of the group.
#[derive(Debug, Clone)]
pub struct GroupFace {
    /// The group's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its type as the wire spells it.
    pub type_name: String,
    /// 0 for groups, 1 for communities, 2 for communities with topics.
    pub million: u32,
    /// The topic the item belongs to.
    pub topic: Option<TopicId>,
}

/// `GroupInfo` of an item. A push without its `GroupId` breaks the client's handling of the frame.
#[derive(Debug, Serialize)]
pub struct GroupInfo<'a> {
    #[serde(rename = "GroupId")]
    group_id: &'a str,
    #[serde(rename = "GroupName")]
    group_name: &'a str,
    #[serde(rename = "GroupType")]
    group_type: &'a str,
    #[serde(rename = "MillionGroupFlag")]
    million: u32,
    #[serde(rename = "TopicId", skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(rename = "To_Account", skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    #[serde(rename = "From_AccountNick", skip_serializing_if = "Option::is_none")]
    nick: Option<&'a str>,
    #[serde(rename = "From_AccountHeadurl", skip_serializing_if = "Option::is_none")]
    face_url: Option<&'a str>,
    #[serde(rename = "MsgFrom_AccountExtraInfo", skip_serializing_if = "Option::is_none")]
    extra: Option<ExtraInfo<'a>>,
}

#[derive(Debug, Serialize)]
struct ExtraInfo<'a> {
    #[serde(rename = "NameCard")]
    name_card: &'a str,
}

impl<'a> GroupInfo<'a> {
    /// Without a sender's face: tips and notices.
    #[must_use]
    pub fn plain(group: &'a GroupFace, to: Option<&'a UserId>) -> Self {
        Self {
            group_id: &group.id,
            group_name: &group.name,
            group_type: &group.type_name,
            million: group.million,
            topic: group.topic.as_ref().map(TopicId::as_str),
            to: to.map(UserId::as_str),
            nick: None,
            face_url: None,
            extra: None,
        }
    }

    fn with_sender(group: &'a GroupFace, nick: &'a str, face_url: &'a str, name_card: &'a str) -> Self {
        Self {
            nick: Some(nick),
            face_url: Some(face_url),
            extra: Some(ExtraInfo { name_card }),
            ..Self::plain(group, None)
        }
    }
}

/// `SendMsgControl` as items carry it: an object, unlike the list of requests.
#[derive(Debug, Serialize)]
struct SendControl {
    #[serde(rename = "NoUnread", skip_serializing_if = "is_zero")]
    no_unread: u32,
    #[serde(rename = "NoLastMsg", skip_serializing_if = "is_zero")]
    no_last_msg: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl SendControl {
    fn of(options: &MessageOptions) -> Option<Self> {
        (options.no_unread || options.no_last_msg)
            .then(|| Self { no_unread: options.no_unread.into(), no_last_msg: options.no_last_msg.into() })
    }
}

/// `RevokerInfo`.
#[derive(Debug, Serialize)]
pub struct Revoker<'a> {
    #[serde(rename = "Revoker_Account")]
    by: &'a str,
    #[serde(rename = "Reason")]
    reason: &'a str,
}

impl<'a> From<&'a Recall> for Revoker<'a> {
    fn from(recall: &'a Recall) -> Self {
        Self { by: recall.by.as_str(), reason: &recall.reason }
    }
}

/// What a message says, as the wire has it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Body<'a> {
    /// The elements as they were sent.
    Elements(&'a RawValue),
    /// A tip.
    Tip(Box<TipBody<'a>>),
}

/// The elements of a stored text, checked when they came in.
#[must_use]
pub fn elements(json: &str) -> &RawValue {
    serde_json::from_str(json).expect("stored elements were JSON when they came in")
}

impl<'a> Body<'a> {
    /// No elements.
    #[must_use]
    pub fn empty() -> Self {
        Self::Elements(elements("[]"))
    }

    /// The body of a draft.
    #[must_use]
    pub fn of(draft: &'a Draft, faces: &'a Faces) -> Self {
        match &draft.content {
            Content::Elements(json) => Self::Elements(elements(json)),
            Content::Tip(tip) => Self::Tip(Box::new(TipBody::of(tip, faces))),
        }
    }
}

/// A group message or stored tip.
#[derive(Debug, Serialize)]
pub struct GroupItem<'a> {
    /// 3 message, 4 stored tip, 6 tip that is not stored; only where items of several kinds stand together.
    #[serde(rename = "Event", skip_serializing_if = "Option::is_none")]
    event: Option<u32>,
    #[serde(rename = "From_Account")]
    from: &'a str,
    #[serde(rename = "ToGroupId")]
    to_group: &'a str,
    #[serde(rename = "TinyId", skip_serializing_if = "String::is_empty")]
    tiny_id: String,
    #[serde(rename = "GroupInfo")]
    group: GroupInfo<'a>,
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "MsgRandom")]
    random: u32,
    #[serde(rename = "MsgTimeStamp")]
    time: i64,
    #[serde(rename = "MsgClientTime")]
    client_time: i64,
    #[serde(rename = "ClientSeq")]
    client_seq: u32,
    #[serde(rename = "MsgPriority")]
    priority: &'static str,
    #[serde(rename = "MsgBody")]
    body: Body<'a>,
    #[serde(rename = "CloudCustomData", skip_serializing_if = "Option::is_none")]
    cloud_custom_data: Option<&'a str>,
    #[serde(rename = "OnlineOnlyFlag", skip_serializing_if = "is_zero")]
    online_only: u32,
    #[serde(rename = "GroupAtInfo", skip_serializing_if = "Option::is_none")]
    mentions: Option<&'a RawValue>,
    #[serde(rename = "SendMsgControl", skip_serializing_if = "Option::is_none")]
    control: Option<SendControl>,
    #[serde(rename = "NeedReadReceipt", skip_serializing_if = "is_zero")]
    need_receipt: u32,
    #[serde(rename = "SupportMessageExtension", skip_serializing_if = "is_zero")]
    extension: u32,
    #[serde(rename = "IsRelayMsg", skip_serializing_if = "is_zero")]
    relay: u32,
    #[serde(rename = "To_Account", skip_serializing_if = "Option::is_none")]
    targets: Option<&'a [UserId]>,
    #[serde(rename = "MsgVersion", skip_serializing_if = "is_zero")]
    version: u32,
    #[serde(rename = "IsPlaceMsg", skip_serializing_if = "is_zero")]
    place: u32,
    #[serde(rename = "RevokerInfo", skip_serializing_if = "Option::is_none")]
    revoker: Option<Revoker<'a>>,
    #[serde(rename = "IsSystemMsg", skip_serializing_if = "is_zero")]
    system: u32,
    #[serde(rename = "IsBroadcastMessage", skip_serializing_if = "std::ops::Not::not")]
    broadcast: bool,
}

impl<'a> GroupItem<'a> {
    /// A draft in its place; `seq` 0 for what is not stored.
    #[must_use]
    pub fn of(draft: &'a Draft, seq: u64, group: &'a GroupFace, faces: &'a Faces, name_card: &'a str) -> Self {
        let sender = draft.sender.user();
        let options = &draft.options;
        Self {
            event: None,
            from: sender.map_or(SYSTEM_ACCOUNT, UserId::as_str),
            to_group: &group.id,
            tiny_id: sender.map(|user| faces.tiny_id(user)).unwrap_or_default(),
            group: match sender {
                Some(user) => GroupInfo::with_sender(group, faces.nick(user), faces.face_url(user), name_card),
                None => GroupInfo::plain(group, None),
            },
            seq,
            random: draft.random,
            time: draft.time.0,
            client_time: client_time(draft),
            client_seq: draft.client_seq,
            priority: priority_name(draft.priority),
            body: Body::of(draft, faces),
            cloud_custom_data: draft.cloud_custom_data.as_deref(),
            online_only: options.online_only.into(),
            mentions: options.mentions.raw.as_deref().map(elements),
            control: SendControl::of(options),
            need_receipt: options.need_receipt.into(),
            extension: options.support_extension.into(),
            relay: options.is_relay.into(),
            targets: (!options.targets.is_empty()).then_some(options.targets.as_slice()),
            version: 0,
            place: 0,
            revoker: None,
            system: 0,
            broadcast: options.is_broadcast,
        }
    }

    /// The same, saying which kind of item it is.
    #[must_use]
    pub fn with_event(self, event: u32) -> Self {
        Self { event: Some(event), ..self }
    }

    /// The same without what it says: a withdrawn message for those who did not ask to read those.
    #[must_use]
    pub fn without_body(self) -> Self {
        Self { body: Body::empty(), cloud_custom_data: None, ..self }
    }

    /// A stored message, with what became of it.
    #[must_use]
    pub fn stored(message: &'a Message, group: &'a GroupFace, faces: &'a Faces, name_card: &'a str) -> Self {
        let draft = &message.draft;
        let is_tip = matches!(draft.content, Content::Tip(_));
        Self {
            event: is_tip.then_some(4),
            version: message.version,
            place: if message.recall.is_some() { 2 } else { 0 },
            revoker: message.recall.as_ref().map(Revoker::from),
            system: is_tip.into(),
            ..Self::of(draft, message.seq, group, faces, name_card)
        }
    }
}

/// The moment a message id is built from: the device's, or the server's where a device said nothing.
#[must_use]
pub fn client_time(draft: &Draft) -> i64 {
    if draft.client_time > 0 { draft.client_time } else { draft.time.0 }
}

/// A priority's name.
#[must_use]
pub fn priority_name(priority: Priority) -> &'static str {
    match priority {
        Priority::High => "High",
        Priority::Normal => "Normal",
        Priority::Low => "Low",
        Priority::Lowest => "Lowest",
    }
}

/// A one-to-one message.
#[derive(Debug, Serialize)]
pub struct DirectItem<'a> {
    #[serde(rename = "From_Account")]
    from: &'a str,
    #[serde(rename = "To_Account")]
    to: &'a str,
    #[serde(rename = "TinyId")]
    tiny_id: String,
    #[serde(rename = "MsgSeq")]
    client_seq: u32,
    #[serde(rename = "MsgRandom")]
    random: u32,
    #[serde(rename = "MsgTimeStamp")]
    time: i64,
    #[serde(rename = "MsgClientTime")]
    client_time: i64,
    #[serde(rename = "MsgKey")]
    key: String,
    #[serde(rename = "MsgId", skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "MsgBody")]
    body: Body<'a>,
    #[serde(rename = "CloudCustomData", skip_serializing_if = "Option::is_none")]
    cloud_custom_data: Option<&'a str>,
    #[serde(rename = "From_AccountNick")]
    nick: &'a str,
    #[serde(rename = "From_AccountHeadurl")]
    face_url: &'a str,
    #[serde(rename = "MsgFlagBits")]
    flags: u32,
    #[serde(rename = "MsgVersion")]
    version: u32,
    #[serde(rename = "IsNeedReadReceipt", skip_serializing_if = "Option::is_none")]
    need_receipt: Option<u32>,
    /// 1: the receiver said to have read it; only in history.
    #[serde(rename = "IsPeerRead", skip_serializing_if = "Option::is_none")]
    peer_read: Option<u32>,
    #[serde(rename = "SupportMessageExtension", skip_serializing_if = "Option::is_none")]
    extension: Option<u32>,
    #[serde(rename = "IsRelayMsg", skip_serializing_if = "is_zero")]
    relay: u32,
    #[serde(rename = "SendMsgControl", skip_serializing_if = "Option::is_none")]
    control: Option<SendControl>,
    #[serde(rename = "RevokerInfo", skip_serializing_if = "Option::is_none")]
    revoker: Option<Revoker<'a>>,
    /// 0: for those online only.
    #[serde(rename = "MsgLifeTime", skip_serializing_if = "Option::is_none")]
    life: Option<u32>,
    /// 1: a copy for the sender's other devices, accounts swapped.
    #[serde(rename = "IsSyncMsg", skip_serializing_if = "is_zero")]
    sync: u32,
}

impl<'a> DirectItem<'a> {
    /// A draft between two people, in its true direction.
    ///
    /// # Panics
    /// When the draft is not one of a one-to-one conversation.
    #[must_use]
    pub fn of(draft: &'a Draft, faces: &'a Faces) -> Self {
        let (from, to) = direction(draft);
        let options = &draft.options;
        Self {
            from: from.as_str(),
            to: to.as_str(),
            tiny_id: faces.tiny_id(from),
            client_seq: draft.client_seq,
            random: draft.random,
            time: draft.time.0,
            client_time: client_time(draft),
            key: draft.msg_key().to_string(),
            id: None,
            body: Body::of(draft, faces),
            cloud_custom_data: draft.cloud_custom_data.as_deref(),
            nick: faces.nick(from),
            face_url: faces.face_url(from),
            flags: 0,
            version: 0,
            need_receipt: options.need_receipt.then_some(1),
            peer_read: None,
            extension: options.support_extension.then_some(1),
            relay: options.is_relay.into(),
            control: SendControl::of(options),
            revoker: None,
            life: options.online_only.then_some(0),
            sync: 0,
        }
    }

    /// A stored message, with what became of it.
    #[must_use]
    pub fn stored(message: &'a Message, faces: &'a Faces) -> Self {
        Self {
            flags: if message.recall.is_some() { 8 } else { 0 },
            version: message.version,
            revoker: message.recall.as_ref().map(Revoker::from),
            ..Self::of(&message.draft, faces)
        }
    }

    /// The same with the id that clients show, which they work out themselves and backends do not.
    #[must_use]
    pub fn with_id(self, draft: &Draft) -> Self {
        let id = message_id(&self.tiny_id, draft);
        Self { id: Some(id), ..self }
    }

    /// The same for a backend, which is told of everything that is not so as well.
    #[must_use]
    pub fn for_backends(self) -> Self {
        Self {
            cloud_custom_data: Some(self.cloud_custom_data.unwrap_or_default()),
            need_receipt: Some(self.need_receipt.unwrap_or_default()),
            extension: Some(self.extension.unwrap_or_default()),
            ..self
        }
    }

    /// The same, saying whether the receiver said to have read it.
    #[must_use]
    pub fn with_receipt(self, read: bool) -> Self {
        Self { peer_read: Some(read.into()), ..self }
    }

    /// The copy for the sender's other devices: accounts swapped, the client swaps them back.
    #[must_use]
    pub fn for_own_devices(self) -> Self {
        Self { from: self.to, to: self.from, sync: 1, ..self }
    }
}

/// The id that clients show for a one-to-one message: the sender's internal number, the moment of sending and the dice
/// (docs/spec/websocket-protocol.md#8).
#[must_use]
pub fn message_id(tiny_id: &str, draft: &Draft) -> String {
    message_id_of(tiny_id, client_time(draft), draft.random)
}

/// As [`message_id`], of a message that came to nothing.
#[must_use]
pub fn message_id_of(tiny_id: &str, time: i64, random: u32) -> String {
    format!("{tiny_id}-{time}-{random}")
}

/// Sender and receiver of a one-to-one message.
///
/// # Panics
/// When the draft is not one of a one-to-one conversation.
#[must_use]
pub fn direction(draft: &Draft) -> (&UserId, &UserId) {
    let ConversationKey::Direct(one, other) = &draft.conversation else {
        unreachable!("only one-to-one messages have a direction")
    };
    if draft.sender.user() == Some(other) { (other, one) } else { (one, other) }
}

/// Whether a one-to-one message was for that side's eyes: backends keep messages out of the sender's history, blocked senders
/// write to nobody.
#[must_use]
pub fn has_seen(draft: &Draft, user: &UserId) -> bool {
    let hidden = if draft.sender.user() == Some(user) {
        draft.options.hidden_from_sender
    } else {
        draft.options.hidden_from_receiver
    };
    !hidden
}
