//! The list of conversations that clients keep. Spec: docs/spec/websocket-protocol.md#17

use std::{
    collections::{BTreeMap, HashMap, btree_map},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tsudoi_domain::{
    GroupId, Scene, Timestamp, UserId,
    conversation::{
        ConversationKey, DirectView, ListCursor, Listed, Position,
        care::{Care, Contact, ReceiveOption},
        page_end,
    },
    group::MsgFlag,
    message::{Content, Message, history::Sight},
};
use tsudoi_store::Joined;

use super::folder::FolderItem;
use crate::{
    app::App,
    command::{Caller, Command, Route},
    delivery::face_of,
    error::Error,
    gateway::login::visible,
    push,
    wire::{
        contact::{all_marks, option_number},
        faces::Faces,
        item::{self, Body, GroupItem, Revoker},
        tip,
    },
};

/// Most conversations of a page.
const PAGE: usize = 100;
/// A page that has this many bytes is full.
const PAGE_BYTES: usize = 48 << 10;
/// How many of a group's newest messages are looked through for those that do not count, or for one to show.
const WINDOW: u64 = 100;

/// The caller's conversations that changed since a cursor, by the time of change, pinned ones first, each kind with a cursor of its
/// own. Gateway. The cursors of the last page mean "since then" in a later call.
/// Limits: `limits.conversation.max_kept` newest conversations beside the pinned ones.
/// Spec: docs/spec/websocket-protocol.md#17
#[derive(Debug, Deserialize)]
pub struct ConversationPage {
    #[serde(rename = "TimeStamp", default)]
    time: i64,
    #[serde(rename = "StartIndex", default)]
    index: u32,
    #[serde(rename = "TopTimeStamp", default)]
    top_time: i64,
    #[serde(rename = "TopStartIndex", default)]
    top_index: u32,
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
    folders: Vec<FolderItem>,
}

/// A conversation of a list, and what its owner did with it.
pub(super) struct Line {
    pub(super) kind: Kind,
    pub(super) care: Care,
}

/// A conversation of a list.
pub(super) enum Kind {
    Direct(DirectView),
    Group(Box<Joined>),
}

impl Command for ConversationPage {
    const ROUTE: Route = Route::socket("recentcontact", "page_get", "docs/spec/websocket-protocol.md#17");
    type Reply = Conversations;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Conversations, Error> {
        push::settle(app, &caller.user).await?;
        let kept = app.settings().limits().conversation.max_kept as usize;
        let top = ListCursor { time: Timestamp(self.top_time), tie: self.top_index };
        let ordinary = ListCursor { time: Timestamp(self.time), tie: self.index };
        let lines = lines(app, &caller.user, ordinary.time, kept).await?;
        let (pinned, others) = lines.into_iter().partition(|line| line.item.care.pinned_at.is_some());
        let (pinned, others) = (top.upcoming(pinned, usize::MAX), ordinary.upcoming(others, kept));
        let mut page = Page::default();
        let top_end = page.fill(app, &caller.user, &pinned).await?;
        let end = page.fill(app, &caller.user, &others).await?;
        let (top, next) = (top.behind(&pinned, top_end), ordinary.behind(&others, end));
        let book = app.store().read().book(app.id(), &caller.user).await?;
        Ok(Conversations {
            complete: (top_end == pinned.len() && end == others.len()).into(),
            time: next.time,
            index: next.tie,
            top_time: top.time,
            top_index: top.tie,
            items: page.items,
            folders: book.folders.iter().map(Into::into).collect(),
        })
    }
}

/// A page on its way.
#[derive(Default)]
struct Page {
    items: Vec<Box<RawValue>>,
    bytes: usize,
}

impl Page {
    /// Takes conversations until the page is full; answers how many.
    async fn fill(&mut self, app: &App, user: &UserId, lines: &[Listed<Line>]) -> Result<usize, Error> {
        let mut end = 0;
        while end < lines.len() && self.items.len() < PAGE && self.bytes < PAGE_BYTES {
            let full = page_end(lines, end + 1);
            for line in &lines[end..full] {
                let json = match &line.item.kind {
                    Kind::Direct(view) => direct_item(app, user, view, &line.item.care).await?,
                    Kind::Group(joined) => group_item(app, joined, &line.item.care).await?,
                };
                self.bytes += json.get().len();
                self.items.push(json);
            }
            end = full;
        }
        Ok(end)
    }
}

/// A user's conversations that changed since a moment, by a message or by what the user did, and all pinned ones, in no order.
pub(super) async fn lines(app: &App, user: &UserId, since: Timestamp, kept: usize) -> Result<Vec<Listed<Line>>, Error> {
    let store = app.store().read();
    // 1. With people: those with new messages, those the user did something with, the pinned ones.
    let mut views: BTreeMap<UserId, DirectView> = BTreeMap::new();
    for view in store.direct_views(app.id(), user, since, kept).await? {
        views.insert(view.peer.clone(), view);
    }
    let changed = store.care_changed(app.id(), user, since, kept).await?.into_iter().map(|(peer, _)| peer);
    let pinned = store.pinned(app.id(), user).await?.into_iter().filter_map(|(contact, _)| match contact {
        Contact::User(peer) => Some(peer),
        Contact::Group(_) => None,
    });
    for peer in changed.chain(pinned).collect::<Vec<_>>() {
        if let btree_map::Entry::Vacant(entry) = views.entry(peer) {
            let peer = entry.key();
            let view = store.direct_view(app.id(), user, peer).await?.unwrap_or_else(|| DirectView::new(peer.clone()));
            entry.insert(view);
        }
    }
    let mut lines = Vec::with_capacity(views.len());
    for (peer, view) in views {
        let tie = tie(1, peer.as_str());
        let care = store.care(app.id(), user, &Contact::User(peer)).await?;
        // Without a message to show a conversation is listed when it is pinned.
        if view.shown_seq > 0 || care.pinned_at.is_some() {
            let changed_at = view.updated_at.max(care.changed_at);
            lines.push(Listed { changed_at, tie, item: Line { kind: Kind::Direct(view), care } });
        }
    }
    // 2. In groups.
    let mut care: HashMap<GroupId, Care> = store.care_of_groups(app.id(), user).await?.into_iter().collect();
    for joined in store.joined(app.id(), user).await?.into_iter().filter(visible) {
        let care = care.remove(&joined.group.id).unwrap_or_default();
        let is_gone = care.unlisted.is_some_and(|unlisted| joined.position.shown_seq <= unlisted.seq);
        // What is said in a community with topics lies in its topics, which have a list of their own.
        let has_entry = app.policy_of(&joined.group).conversation_entry && !joined.group.support_topic;
        if is_gone && care.pinned_at.is_none() || !has_entry {
            continue;
        }
        let changed_at = joined.position.last_time.max(joined.member.joined_at).max(care.changed_at);
        let tie = tie(2, joined.group.id.as_str());
        lines.push(Listed { changed_at, tie, item: Line { kind: Kind::Group(Box::new(joined)), care } });
    }
    Ok(lines)
}

pub(super) fn tie(kind: u8, id: &str) -> u32 {
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
    /// What the user calls the peer; empty for those who are no friends.
    #[serde(rename = "C2cRemark")]
    remark: &'a str,
    #[serde(rename = "UnreadMsgCount")]
    unread: u64,
    #[serde(flatten)]
    care: ShownCare,
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

/// What the user did with a conversation, as items say it.
#[derive(Serialize)]
struct ShownCare {
    #[serde(rename = "TopFlags")]
    pinned: u32,
    #[serde(rename = "MsgRecvOption")]
    receive: u32,
    #[serde(rename = "StandardMark")]
    marks: String,
    #[serde(rename = "CustomMark")]
    custom: String,
    #[serde(rename = "ContactGroupId")]
    folders: Vec<u32>,
}

impl ShownCare {
    fn of(care: &Care, receive: ReceiveOption) -> Self {
        Self {
            pinned: care.pinned_at.is_some().into(),
            receive: option_number(receive),
            marks: all_marks(care.marks),
            custom: care.custom.clone(),
            folders: care.groups.iter().copied().collect(),
        }
    }
}

async fn direct_item(app: &App, user: &UserId, view: &DirectView, care: &Care) -> Result<Box<RawValue>, Error> {
    let read = app.store().read();
    let key = ConversationKey::direct(user, &view.peer);
    let last = read.message(app.id(), &key, view.shown_seq).await?.filter(|last| last.seq > view.cleared_seq);
    let of_peer = read.direct_view(app.id(), &view.peer, user).await?;
    let faces = Faces::of(app.store(), app.id(), vec![view.peer.clone()]).await?;
    let friend = read.friend(app.id(), user, &view.peer).await?;
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
        remark: friend.as_ref().map_or("", |friend| friend.remark.as_str()),
        unread: view.unread(),
        care: ShownCare::of(care, care.receive),
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
    care: ShownCare,
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

async fn group_item(app: &App, joined: &Joined, care: &Care) -> Result<Box<RawValue>, Error> {
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
    let sight = Sight::of(&scene, &key)?;
    let last = last_shown(app, &key, &sight, &member.user, position).await?;
    let receive = match member.msg_flag {
        MsgFlag::AcceptAndNotify => ReceiveOption::Notify,
        MsgFlag::Discard => ReceiveOption::Discard,
        MsgFlag::AcceptNotNotify => ReceiveOption::Silent,
    };
    let unread = if policy.unread_count { position.last_seq.saturating_sub(member.read_seq) } else { 0 };
    let uncounted =
        if unread == 0 { 0 } else { uncounted(app, &key, &member.user, member.read_seq, position.last_seq).await? };
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
        care: ShownCare::of(care, receive),
    })
    .expect("items are plain data"))
}

/// The newest message that the list shows and the user sees: not one that was for others, nor one the user deleted.
async fn last_shown(
    app: &App,
    key: &ConversationKey,
    sight: &Sight,
    user: &UserId,
    position: &Position,
) -> Result<Option<Message>, Error> {
    let store = app.store().read();
    let shown = position.shown_seq;
    if shown < sight.first() {
        return Ok(None);
    }
    let newest = store.message(app.id(), key, shown).await?.filter(|newest| sight.shows(newest));
    if newest.is_some() && store.hidden(app.id(), key, user, shown, shown).await?.is_empty() {
        return Ok(newest);
    }
    let low = shown.saturating_sub(WINDOW).max(sight.first());
    let hidden = store.hidden(app.id(), key, user, low, shown).await?;
    let is_shown = |message: &Message| {
        sight.shows(message) && !message.draft.options.no_last_msg && hidden.binary_search(&message.seq).is_err()
    };
    Ok(store.history(app.id(), key, low, shown).await?.into_iter().find(is_shown))
}

/// How many of a group's unread messages do not count: they were sent so, or the user deleted them.
async fn uncounted(
    app: &App,
    key: &ConversationKey,
    user: &UserId,
    read_seq: u64,
    last_seq: u64,
) -> Result<u64, Error> {
    let store = app.store().read();
    let low = (read_seq + 1).max(last_seq.saturating_sub(WINDOW - 1));
    let hidden = store.hidden(app.id(), key, user, low, last_seq).await?;
    let messages = store.history(app.id(), key, low, last_seq).await?;
    let is_uncounted =
        |message: &&Message| message.draft.options.no_unread || hidden.binary_search(&message.seq).is_ok();
    Ok(messages.iter().filter(is_uncounted).count() as u64)
}
