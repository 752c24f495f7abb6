//! Conversation lists. Spec: docs/spec/rest-c2c.md#3, docs/spec/websocket-protocol.md#17

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tsudoi_domain::{
    Denied, GroupId, Scene, Timestamp, UserId,
    conversation::{ConversationKey, DirectView, ListCursor, Listed, page_end},
    message::{Content, Message, history::Sight, read},
};
use tsudoi_store::Joined;

use super::direct_message::read::{set_read, unread_views};
use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Route},
    decode,
    delivery::face_of,
    error::Error,
    error_code::ErrorCode,
    gateway::login::visible,
    push,
    wire::{
        faces::Faces,
        item::{self, Body, GroupItem, Revoker},
        tip,
    },
};

pub(crate) fn all() -> Vec<Entry> {
    list![ConversationPage, GroupedConversations, SearchGrouped, PeerReceiveOptions, ReadAll]
}

/// Most conversations of a page.
const PAGE: usize = 100;
/// A page that has this many bytes is full.
const PAGE_BYTES: usize = 48 << 10;
/// How many of a group's newest unread messages are looked through for those that do not count.
const UNCOUNTED_WINDOW: u64 = 100;

/// The caller's conversations that changed since a cursor, by the time of change. Gateway.
/// The cursor of the last page means "since then" in a later call. Limits: `limits.conversation.max_kept` newest conversations.
/// Spec: docs/spec/websocket-protocol.md#17
#[derive(Debug, Deserialize)]
pub struct ConversationPage {
    #[serde(rename = "TimeStamp", default)]
    time: i64,
    #[serde(rename = "StartIndex", default)]
    index: u32,
}

/// A page of conversations.
#[derive(Debug, Serialize)]
pub struct Conversations {
    #[serde(rename = "CompleteFlag")]
    complete: u32,
    #[serde(rename = "TimeStamp")]
    time: Timestamp,
    #[serde(rename = "StartIndex")]
    index: u32,
    #[serde(rename = "TopTimeStamp")]
    top_time: Timestamp,
    #[serde(rename = "TopStartIndex")]
    top_index: u32,
    #[serde(rename = "SessionItem")]
    items: Vec<Box<RawValue>>,
    #[serde(rename = "GroupItem")]
    groups: [(); 0],
}

/// A conversation of a list.
enum Line {
    Direct(DirectView),
    Group(Box<Joined>),
}

impl Command for ConversationPage {
    const ROUTE: Route = Route::socket("recentcontact", "page_get", "docs/spec/websocket-protocol.md#17");
    type Reply = Conversations;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Conversations, Error> {
        push::settle(app, &caller.user).await?;
        let kept = app.settings().limits().conversation.max_kept as usize;
        let cursor = ListCursor { time: Timestamp(self.time), tie: self.index };
        let upcoming = cursor.upcoming(lines(app, &caller.user, cursor.time, kept).await?, kept);
        let (mut items, mut bytes, mut end) = (Vec::new(), 0, 0);
        while end < upcoming.len() && items.len() < PAGE && bytes < PAGE_BYTES {
            let full = page_end(&upcoming, end + 1);
            for line in &upcoming[end..full] {
                let json = match &line.item {
                    Line::Direct(view) => direct_item(app, &caller.user, view).await?,
                    Line::Group(joined) => group_item(app, joined).await?,
                };
                bytes += json.get().len();
                items.push(json);
            }
            end = full;
        }
        let next = cursor.behind(&upcoming, end);
        Ok(Conversations {
            complete: (end == upcoming.len()).into(),
            time: next.time,
            index: next.tie,
            top_time: next.time,
            top_index: next.tie,
            items,
            groups: [],
        })
    }
}

/// A user's conversations that changed since a moment, in no order.
async fn lines(app: &App, user: &UserId, since: Timestamp, kept: usize) -> Result<Vec<Listed<Line>>, Error> {
    let views = app.store().read().direct_views(app.id(), user, since, kept).await?;
    let mut lines: Vec<_> = views
        .into_iter()
        .map(|view| Listed { changed_at: view.updated_at, tie: tie(1, view.peer.as_str()), item: Line::Direct(view) })
        .collect();
    let joined = app.store().read().joined(app.id(), user).await?;
    lines.extend(joined.into_iter().filter(visible).map(|joined| Listed {
        changed_at: joined.position.last_time.max(joined.member.joined_at),
        tie: tie(2, joined.group.id.as_str()),
        item: Line::Group(Box::new(joined)),
    }));
    Ok(lines)
}

fn tie(kind: u8, id: &str) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(&[kind]);
    hash.update(id.as_bytes());
    hash.finalize().max(1)
}

#[derive(Serialize)]
struct DirectConversation<'a> {
    #[serde(rename = "Type")]
    kind: u32,
    #[serde(rename = "To_Account")]
    peer: &'a UserId,
    #[serde(rename = "MsgTimeStamp")]
    time: Timestamp,
    #[serde(rename = "MsgSeq")]
    seq: u32,
    #[serde(rename = "MsgRandom")]
    random: u32,
    #[serde(rename = "LastC2CMsgFrom_Account")]
    from: &'a str,
    #[serde(rename = "LastMsgFlags")]
    flags: u32,
    #[serde(rename = "LastMsg", skip_serializing_if = "Option::is_none")]
    last: Option<LastMessage<'a>>,
    #[serde(rename = "C2cNick")]
    nick: &'a str,
    #[serde(rename = "C2cImage")]
    image: &'a str,
    #[serde(rename = "C2cPeerReadTime")]
    peer_read: Timestamp,
    #[serde(rename = "UnreadMsgCount")]
    unread: u64,
    #[serde(flatten)]
    care: Care,
}

#[derive(Serialize)]
struct LastMessage<'a> {
    #[serde(rename = "MsgBody")]
    body: Body<'a>,
    #[serde(rename = "CloudCustomData", skip_serializing_if = "Option::is_none")]
    cloud_custom_data: Option<&'a str>,
    #[serde(rename = "RevokerInfo", skip_serializing_if = "Option::is_none")]
    revoker: Option<Revoker<'a>>,
}

impl<'a> LastMessage<'a> {
    fn of(message: &'a Message, faces: &'a Faces) -> Self {
        Self {
            body: Body::of(&message.draft, faces),
            cloud_custom_data: message.draft.cloud_custom_data.as_deref(),
            revoker: message.recall.as_ref().map(Revoker::from),
        }
    }
}

/// What the user did with a conversation: pin and marks.
#[derive(Default, Serialize)]
struct Care {
    #[serde(rename = "TopFlags")]
    pinned: u32,
    #[serde(rename = "StandardMark")]
    marks: String,
    #[serde(rename = "CustomMark")]
    custom: String,
    #[serde(rename = "ContactGroupId")]
    groups: Vec<u32>,
}

async fn direct_item(app: &App, user: &UserId, view: &DirectView) -> Result<Box<RawValue>, Error> {
    let read = app.store().read();
    let key = ConversationKey::direct(user, &view.peer);
    let last = read.message(app.id(), &key, view.shown_seq).await?.filter(|last| last.seq > view.cleared_seq);
    let of_peer = read.direct_view(app.id(), &view.peer, user).await?;
    let faces = Faces::of(app.store(), app.id(), vec![view.peer.clone()]).await?;
    Ok(to_raw_value(&DirectConversation {
        kind: 1,
        peer: &view.peer,
        time: last.as_ref().map_or(view.updated_at, |last| last.draft.time),
        seq: last.as_ref().map_or(0, |last| last.draft.client_seq),
        random: last.as_ref().map_or(0, |last| last.draft.random),
        from: last.as_ref().and_then(|last| last.draft.sender.user()).map_or("", UserId::as_str),
        flags: if last.as_ref().is_some_and(|last| last.recall.is_some()) { 8 } else { 0 },
        last: last.as_ref().map(|last| LastMessage::of(last, &faces)),
        nick: faces.nick(&view.peer),
        image: faces.face_url(&view.peer),
        peer_read: of_peer.map_or(Timestamp(0), |view| view.read_until),
        unread: view.unread(),
        care: Care::default(),
    })
    .expect("items are plain data"))
}

#[derive(Serialize)]
struct GroupConversation<'a> {
    #[serde(rename = "Type")]
    kind: u32,
    #[serde(rename = "ToAccount")]
    group: &'a GroupId,
    #[serde(rename = "MsgTimeStamp")]
    time: Timestamp,
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "MsgGroupFrom_Account")]
    from: &'a str,
    #[serde(rename = "MsgGroupReadedSeq")]
    read_seq: u64,
    #[serde(rename = "UnreadMsgCount")]
    unread: u64,
    #[serde(rename = "GroupIgnoredUnreadSeqCount")]
    uncounted: u64,
    #[serde(rename = "GroupNextMsgSeq")]
    next_seq: u64,
    #[serde(rename = "GroupType")]
    group_type: &'a str,
    #[serde(rename = "GroupNick")]
    name: &'a str,
    #[serde(rename = "GroupImage")]
    image: &'a str,
    #[serde(rename = "MsgGroupFromNickName")]
    from_nick: &'a str,
    #[serde(rename = "MsgGroupFromCardName")]
    from_card: &'a str,
    #[serde(rename = "LastMsgFlags")]
    flags: u32,
    #[serde(rename = "LastMsg", skip_serializing_if = "Option::is_none")]
    last: Option<LastInGroup<'a>>,
    #[serde(flatten)]
    care: Care,
}

#[derive(Serialize)]
#[serde(untagged)]
enum LastInGroup<'a> {
    Message(LastMessage<'a>),
    Tip {
        #[serde(rename = "Event")]
        event: u32,
        #[serde(rename = "GroupTips")]
        tip: Box<GroupItem<'a>>,
    },
}

async fn group_item(app: &App, joined: &Joined) -> Result<Box<RawValue>, Error> {
    let Joined { group, member, position } = joined;
    let policy = app.policy_of(group);
    let key = ConversationKey::Group(group.id.clone());
    let scene = Scene {
        group: group.clone(),
        policy: policy.clone(),
        user: member.user.clone(),
        app_admin: false,
        member: Some(member.clone()),
        topic: None,
        rights: None,
        now: app.now(),
    };
    let last = match position.shown_seq {
        0 => None,
        seq => app.store().read().message(app.id(), &key, seq).await?,
    };
    let sight = Sight::of(&scene, &key)?;
    let last = last.filter(|last| sight.shows(last));
    let unread = if policy.unread_count { position.last_seq.saturating_sub(member.read_seq) } else { 0 };
    let uncounted = if unread == 0 { 0 } else { uncounted(app, &key, member.read_seq, position.last_seq).await? };
    let face = face_of(app, group, None);
    let faces = match &last {
        Some(last) => Faces::of(app.store(), app.id(), tip::shown_with(&last.draft)).await?,
        None => Faces::default(),
    };
    let sender = last.as_ref().and_then(|last| last.draft.sender.user());
    let card = match sender {
        Some(sender) => app.store().member(app.id(), &group.id, sender).await?,
        None => None,
    };
    let card = card.as_ref().map_or("", |member| member.name_card.as_str());
    Ok(to_raw_value(&GroupConversation {
        kind: 2,
        group: &group.id,
        time: last.as_ref().map_or(position.shown_time.max(member.joined_at), |last| last.draft.time),
        seq: position.last_seq,
        from: sender.map_or(if last.is_some() { item::SYSTEM_ACCOUNT } else { "" }, UserId::as_str),
        read_seq: member.read_seq,
        unread,
        uncounted,
        next_seq: position.last_seq + 1,
        group_type: &face.type_name,
        name: &group.name,
        image: &group.face_url,
        from_nick: sender.map_or("", |sender| faces.nick(sender)),
        from_card: card,
        flags: if last.as_ref().is_some_and(|last| last.recall.is_some()) { 2 } else { 0 },
        last: last.as_ref().map(|last| match &last.draft.content {
            Content::Elements(_) => LastInGroup::Message(LastMessage::of(last, &faces)),
            Content::Tip(_) => {
                LastInGroup::Tip { event: 4, tip: Box::new(GroupItem::stored(last, &face, &faces, card)) }
            }
        }),
        care: Care::default(),
    })
    .expect("items are plain data"))
}

/// How many of a group's unread messages were sent so as not to count.
async fn uncounted(app: &App, key: &ConversationKey, read_seq: u64, last_seq: u64) -> Result<u64, Error> {
    let low = (read_seq + 1).max(last_seq.saturating_sub(UNCOUNTED_WINDOW - 1));
    let messages = app.store().read().history(app.id(), key, low, last_seq).await?;
    Ok(messages.iter().filter(|message| message.draft.options.no_unread).count() as u64)
}

/// Marked and grouped conversations of the caller. Gateway.
/// Spec: docs/spec/websocket-protocol.md#17
#[derive(Debug, Deserialize)]
pub struct GroupedConversations {}

/// Marked and grouped conversations.
#[derive(Debug, Serialize)]
pub struct Grouped {
    #[serde(rename = "CompleteFlag")]
    complete: u32,
    #[serde(rename = "NextStartIndex")]
    next: u32,
    #[serde(rename = "ContactItem")]
    items: [(); 0],
    #[serde(rename = "GroupItem")]
    groups: [(); 0],
}

impl Command for GroupedConversations {
    const ROUTE: Route = Route::socket("recentcontact", "get_contact_group", "docs/spec/websocket-protocol.md#17");
    type Reply = Grouped;

    async fn run(self, _: &Caller, _: &Arc<App>) -> Result<Grouped, Error> {
        Ok(Grouped { complete: 1, next: 0, items: [], groups: [] })
    }
}

/// Marks and groups of named conversations of the caller. Gateway.
/// Spec: docs/spec/websocket-protocol.md#17
#[derive(Debug, Deserialize)]
pub struct SearchGrouped {}

/// Marks and groups of conversations.
#[derive(Debug, Serialize)]
pub struct FoundGrouped {
    #[serde(rename = "ContactResultItem")]
    items: [(); 0],
    #[serde(rename = "GroupItem")]
    groups: [(); 0],
}

impl Command for SearchGrouped {
    const ROUTE: Route = Route::socket("recentcontact", "search_contact_group", "docs/spec/websocket-protocol.md#17");
    type Reply = FoundGrouped;

    async fn run(self, _: &Caller, _: &Arc<App>) -> Result<FoundGrouped, Error> {
        Ok(FoundGrouped { items: [], groups: [] })
    }
}

/// How the caller wants to be told of messages of peers. Gateway.
/// Spec: docs/spec/websocket-protocol.md#9
#[derive(Debug, Deserialize)]
pub struct PeerReceiveOptions {
    #[serde(rename = "Peer_Account")]
    peers: Vec<UserId>,
}

/// Receive options of peers.
#[derive(Debug, Serialize)]
pub struct ReceiveOptions {
    #[serde(rename = "MuteNotificationsList")]
    options: Vec<ReceiveOption>,
}

#[derive(Debug, Serialize)]
struct ReceiveOption {
    #[serde(rename = "Peer_Account")]
    peer: UserId,
    #[serde(rename = "MuteNotifications")]
    option: u32,
}

impl Command for PeerReceiveOptions {
    const ROUTE: Route =
        Route::socket("openim", "get_c2c_peer_mute_notifications", "docs/spec/websocket-protocol.md#9");
    type Reply = ReceiveOptions;

    async fn run(self, _: &Caller, _: &Arc<App>) -> Result<ReceiveOptions, Error> {
        let options = self.peers.into_iter().map(|peer| ReceiveOption { peer, option: 0 });
        Ok(ReceiveOptions { options: options.collect() })
    }
}

/// Reads everything: all one-to-one conversations, or groups up to a number each. Gateway.
/// Limits: 100 groups. Errors: per group.
/// Spec: docs/spec/websocket-protocol.md#17
#[derive(Debug, Deserialize)]
pub struct ReadAll {
    #[serde(rename = "C2CReadAllMsg", default, deserialize_with = "decode::flag")]
    direct: bool,
    #[serde(rename = "GroupReadInfo", default)]
    groups: Vec<GroupReadUntil>,
}

#[derive(Debug, Deserialize)]
struct GroupReadUntil {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "MsgSeq")]
    seq: u64,
}

/// What was read.
#[derive(Debug, Serialize)]
pub struct AllRead {
    #[serde(rename = "C2CReadAllMsg")]
    direct: u32,
    #[serde(rename = "GroupReadInfoArray")]
    groups: Vec<GroupRead>,
}

#[derive(Debug, Serialize)]
struct GroupRead {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "RetCode")]
    code: u32,
}

/// Most groups that one call reads.
const MAX_READ_GROUPS: usize = 500;

impl Command for ReadAll {
    const ROUTE: Route = Route::socket("openim", "read_all_unread_msg", "docs/spec/websocket-protocol.md#17");
    type Reply = AllRead;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<AllRead, Error> {
        if self.groups.len() > MAX_READ_GROUPS {
            let text = format!("`GroupReadInfo` has more than {MAX_READ_GROUPS} entries");
            return Err(Error::new(ErrorCode::MessageBadJson, text));
        }
        if self.direct {
            let now = app.now();
            for view in unread_views(app, &caller.user).await? {
                set_read(app, caller, &caller.user, &view.peer, now).await?;
            }
        }
        let mut groups = Vec::with_capacity(self.groups.len());
        for GroupReadUntil { group, seq } in self.groups {
            let code = read_group(app, &caller.user, &group, seq).await.err().map_or(0, |error| error.code());
            groups.push(GroupRead { group, seq, code });
        }
        Ok(AllRead { direct: self.direct.into(), groups })
    }
}

async fn read_group(app: &App, user: &UserId, group: &GroupId, seq: u64) -> Result<(), Error> {
    let store = app.store().read();
    let member = store.member(app.id(), group, user).await?;
    let member = member.ok_or_else(|| Denied::NotMember { user: user.clone(), group: group.clone() })?;
    let conversation = ConversationKey::Group(group.clone());
    let last_seq = store.position(app.id(), &conversation).await?.last_seq;
    app.commit(read::read(&conversation, user, member.read_seq, seq, last_seq)).await?;
    Ok(())
}
