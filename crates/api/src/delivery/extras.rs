//! Tells what members added to messages: receipts, key-values, reactions, pins (docs/spec/websocket-protocol.md#19).

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;
use tsudoi_domain::{
    GroupId, Timestamp, TopicId, UserId,
    conversation::ConversationKey,
    message::{Draft, Message, extend::Done, extras::Pair, receipt},
};
use tsudoi_realtime::Importance;
use tsudoi_store::StoreError;

use super::{group_face, name_card, number, place, push, push_entry, to_readers};
use crate::{
    app::App,
    wire::{
        faces::Faces,
        item::{self, GroupInfo, GroupItem, SYSTEM_ACCOUNT},
        tip::UserFace,
    },
};

/// What names a message to clients, who build its id from it.
#[derive(Serialize)]
struct Named<'a> {
    #[serde(rename = "GroupId", skip_serializing_if = "Option::is_none")]
    group: Option<&'a GroupId>,
    #[serde(rename = "TopicId", skip_serializing_if = "Option::is_none")]
    topic: Option<&'a TopicId>,
    #[serde(rename = "From_Account")]
    from: &'a str,
    #[serde(rename = "To_Account", skip_serializing_if = "Option::is_none")]
    to: Option<&'a UserId>,
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "MsgKey", skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(rename = "TinyId")]
    tiny_id: String,
    #[serde(rename = "MsgClientTime")]
    client_time: i64,
    #[serde(rename = "MsgRandom")]
    random: u32,
}

/// Where a message lies, for the world.
enum Where {
    Group(GroupId, Option<TopicId>),
    Direct,
}

fn lies(draft: &Draft) -> Where {
    match place(&draft.conversation) {
        Some((group, topic)) => Where::Group(group, topic),
        None => Where::Direct,
    }
}

impl Where {
    fn named<'a>(&'a self, draft: &'a Draft, seq: u64, faces: &Faces) -> Named<'a> {
        let base = Named {
            group: None,
            topic: None,
            from: draft.sender.user().map_or(SYSTEM_ACCOUNT, UserId::as_str),
            to: None,
            seq,
            key: None,
            tiny_id: draft.sender.user().map(|user| faces.tiny_id(user)).unwrap_or_default(),
            client_time: item::client_time(draft),
            random: draft.random,
        };
        match self {
            Self::Group(group, topic) => Named { group: Some(group), topic: topic.as_ref(), ..base },
            Self::Direct => Named {
                to: Some(item::direction(draft).1),
                seq: draft.client_seq.into(),
                key: Some(draft.msg_key().to_string()),
                ..base
            },
        }
    }

    /// Sends a push about the message to everybody who sees it.
    fn tell(&self, app: &App, draft: &Draft, pushed: Arc<tsudoi_realtime::Push>) {
        match self {
            Self::Group(group, _) => to_readers(app, group, draft, pushed),
            Self::Direct => {
                let (from, to) = item::direction(draft);
                let both = if from == to { vec![from] } else { vec![from, to] };
                for user in both.into_iter().filter(|user| item::has_seen(draft, user)) {
                    app.hub().send_user(app.id(), user, &pushed, None);
                }
            }
        }
    }
}

async fn faces_of(app: &App, draft: &Draft) -> Result<Faces, StoreError> {
    Faces::of(app.store(), app.id(), draft.sender.user().cloned().into_iter().collect()).await
}

/// The senders of messages that were read learn by whom, or by how many.
pub(super) async fn receipts(
    app: &App,
    conversation: &ConversationKey,
    reader: &UserId,
    messages: &[Message],
) -> Result<(), StoreError> {
    let mut by_sender: BTreeMap<&UserId, Vec<&Message>> = BTreeMap::new();
    for message in messages {
        if let Some(sender) = message.draft.sender.user() {
            by_sender.entry(sender).or_default().push(message);
        }
    }
    for (sender, messages) in by_sender {
        if !app.hub().is_here(app.id(), sender) {
            continue;
        }
        let faces = Faces::of(app.store(), app.id(), vec![sender.clone()]).await?;
        let pushed = match place(conversation) {
            Some((group, topic)) => group_receipts(app, &group, topic.as_ref(), &messages, &faces).await?,
            None => direct_receipts(reader, app.now(), &messages, &faces),
        };
        app.hub().send_user(app.id(), sender, &pushed, None);
    }
    Ok(())
}

async fn group_receipts(
    app: &App,
    group: &GroupId,
    topic: Option<&TopicId>,
    messages: &[&Message],
    faces: &Faces,
) -> Result<Arc<tsudoi_realtime::Push>, StoreError> {
    let (_, face) = group_face(app, group, topic).await?;
    let mut list = Vec::with_capacity(messages.len());
    for message in messages {
        let draft = &message.draft;
        let readers = app.store().read().readers(app.id(), &draft.conversation, message.seq).await?.len();
        let (read, unread) = receipt::counts(draft, readers as u64);
        list.push(serde_json::json!({
            "GroupId": group,
            "MsgSeq": message.seq,
            "TinyId": draft.sender.user().map(|user| faces.tiny_id(user)),
            "MsgClientTime": item::client_time(draft),
            "MsgRandom": draft.random,
            "ReadNum": read,
            "UnreadNum": unread,
        }));
    }
    let payload = serde_json::json!([{
        "GroupInfo": GroupInfo::plain(&face, None),
        "MsgBody": { "GroupMsgReceiptList": list },
    }]);
    Ok(push(number::NOTICE, "GroupTips", &payload, Importance::Needed))
}

fn direct_receipts(
    reader: &UserId,
    now: Timestamp,
    messages: &[&Message],
    faces: &Faces,
) -> Arc<tsudoi_realtime::Push> {
    let list: Vec<_> = messages.iter().map(|message| Where::Direct.named(&message.draft, message.seq, faces)).collect();
    let entry = serde_json::json!({
        "Event": number::DIRECT_RECEIPT,
        "User_Account": reader,
        "PeerReadTime": now,
        "C2cMsgInfo": list,
    });
    push_entry(&entry, Importance::Needed)
}

/// Everybody who sees a message learns of its new key-values.
pub(super) async fn extended(
    app: &App,
    draft: &Draft,
    seq: u64,
    pairs: &[Pair],
    done: Done,
    latest: u64,
) -> Result<(), StoreError> {
    let faces = faces_of(app, draft).await?;
    let lies = lies(draft);
    let named = lies.named(draft, seq, &faces);
    let (kind, list) = match done {
        Done::Set => (1, "SetKVInfo"),
        Done::Deleted => (2, "DeleteKVInfo"),
        Done::Cleared => (3, "ClearKVInfo"),
    };
    let info = match lies {
        Where::Group(..) => "ExtensionGroupMsgInfo",
        Where::Direct => "ExtensionC2cMsgInfo",
    };
    let pairs: Vec<_> = pairs
        .iter()
        .map(|pair| serde_json::json!({ "Key": pair.key, "Value": pair.value, "Seq": pair.version }))
        .collect();
    let cleared = if done == Done::Cleared { latest } else { 0 };
    let payload = serde_json::json!({
        "TinyId": named.tiny_id,
        "MsgOptType": kind,
        "LatestSeq": latest,
        info: named,
        list: [{ "MsgKeyValue": pairs, "ClearMsgSeq": cleared }],
    });
    lies.tell(app, draft, push(number::EXTENSIONS, "MsgExtensionNotify", &payload, Importance::Needed));
    Ok(())
}

/// How many users a push names with a reaction.
const NAMED_USERS: usize = 10;

/// Everybody who sees a message learns how many react so by now; the user's own devices, that it is them.
pub(super) async fn reacted(
    app: &App,
    draft: &Draft,
    seq: u64,
    reaction: &str,
    user: &UserId,
    reacts: bool,
) -> Result<(), StoreError> {
    let faces = faces_of(app, draft).await?;
    let lies = lies(draft);
    let named = lies.named(draft, seq, &faces);
    let info = match lies {
        Where::Group(..) => "GroupMsgInfo",
        Where::Direct => "C2CMsgInfo",
    };
    let stands = app.store().read().reactions(app.id(), &draft.conversation, seq, user, NAMED_USERS).await?;
    let stands = stands.into_iter().find(|one| one.reaction == reaction);
    let (count, users) = stands.map_or((0, Vec::new()), |one| (one.count, one.users));
    let payload = serde_json::json!([{
        info: named,
        "MsgReactionSummary": [{ "Reaction": reaction, "Count": count, "Reaction_Account": users }],
    }]);
    lies.tell(app, draft, push(number::REACTIONS, "MsgReactionNotifyList", &payload, Importance::Needed));
    if app.hub().is_here(app.id(), user) {
        let own = serde_json::json!({
            info: named,
            "Reaction": reaction,
            "OperateType": if reacts { 1 } else { 2 },
        });
        let pushed = push(number::OWN_REACTION, "MsgReactionNotify", &own, Importance::Needed);
        app.hub().send_user(app.id(), user, &pushed, None);
    }
    Ok(())
}

/// The members of a group learn what it holds up.
pub(super) async fn pinned(app: &App, message: &Message, by: &UserId, pinned: bool) -> Result<(), StoreError> {
    let draft = &message.draft;
    let Some((group, topic)) = place(&draft.conversation) else { return Ok(()) };
    let (_, face) = group_face(app, &group, topic.as_ref()).await?;
    let users = draft.sender.user().cloned().into_iter().chain([by.clone()]).collect();
    let faces = Faces::of(app.store(), app.id(), users).await?;
    let card = name_card(app, &group, &draft.sender).await?;
    let now = app.now();
    let mut body = serde_json::json!({
        "OpType": if pinned { 16 } else { 17 },
        "Operator_Account": by,
        "MsgOperatorMemberExtraInfo": UserFace::of(by, &faces),
    });
    if pinned {
        body["PinnedMsg"] = serde_json::json!(GroupItem::stored(message, &face, &faces, &card));
    } else {
        body["SdkGroupMessageId"] = serde_json::json!({
            "ClientTime": item::client_time(draft),
            "Random": draft.random,
            "SenderTinyId": draft.sender.user().map(|user| faces.tiny_id(user)),
            "ServerTime": draft.time,
            "MsgSeq": message.seq,
        });
    }
    let payload = serde_json::json!([{
        "From_Account": SYSTEM_ACCOUNT,
        "ToGroupId": group,
        "GroupInfo": GroupInfo::plain(&face, None),
        "MsgSeq": 0,
        "MsgRandom": app.dice().u32() | 1,
        "MsgTimeStamp": now,
        "MsgClientTime": now,
        "MsgBody": body,
    }]);
    to_readers(app, &group, draft, push(number::TRANSIENT_TIP, "GroupTips", &payload, Importance::Needed));
    Ok(())
}
