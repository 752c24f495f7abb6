//! Tells the world what was committed: one place, in commit order.
//!
//! The store's writer hands over every batch once it is on disk; what is not stored (live rooms, online-only messages) comes
//! the same way without having been there. Each event becomes one push, encoded once, for everybody who gets it.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};
use tsudoi_domain::{
    GroupId, Timestamp, TopicId, UserId,
    change::{Event, Write},
    conversation::{
        ConversationKey,
        care::{Contact, ReceiveOption},
    },
    group::{Group, policy::Tips},
    message::{Content, Draft, Priority, Recall, Sender, Tip},
    notice::Notice,
    relation::RelationNews,
};
use tsudoi_realtime::{Importance, Push, SessionId};
use tsudoi_store::{Appended, CommitObserver, Committed, StoreError};

use crate::{
    app::{App, Shared},
    commands::{presence::ClientStatus, relation::friend_list::changed_fields},
    live::Heard,
    push::announce,
    wire::{
        faces::Faces,
        item::{self, DirectItem, GroupFace, GroupInfo, GroupItem, Revoker},
        notice::NoticeItem,
        tip,
    },
};

mod contacts;
mod extras;

/// How many batches may wait; the writer waits when there are more.
pub(crate) const QUEUE: usize = 1024;

/// Changes committed together.
pub(crate) type Batch = Vec<Committed>;

/// What delivery does in turn.
pub(crate) enum Work {
    /// Tells the world of changes.
    Tell(Batch),
    /// Says that everything before it was told.
    Mark(oneshot::Sender<()>),
}

/// Takes batches from the store's writer.
pub(crate) struct Observer(mpsc::Sender<Work>);

impl Observer {
    pub(crate) fn new(deliveries: mpsc::Sender<Work>) -> Self {
        Self(deliveries)
    }
}

impl CommitObserver for Observer {
    fn committed(&self, batch: &[Committed]) {
        if !batch.is_empty() {
            // Fails only when the process ends and delivery is gone.
            _ = self.0.blocking_send(Work::Tell(batch.to_vec()));
        }
    }
}

/// Delivers until the process ends.
pub(crate) async fn run(shared: Arc<Shared>, mut queue: mpsc::Receiver<Work>) {
    let mut bundle = Bundle::default();
    loop {
        let work = match queue.try_recv() {
            Ok(work) => work,
            Err(_) => {
                bundle.send().await;
                let Some(work) = queue.recv().await else { return };
                work
            }
        };
        let batch = match work {
            Work::Tell(batch) => batch,
            Work::Mark(reached) => {
                bundle.send().await;
                // Whoever waited may have gone.
                _ = reached.send(());
                continue;
            }
        };
        for committed in batch {
            let Some(app) = shared.app(committed.app) else { continue };
            app.statistics.committed(&app, &committed);
            if let Err(error) = deliver(&app, &committed, &mut bundle).await {
                // The change is stored: whoever did not hear of it finds it when they catch up.
                tracing::error!(%error, app = %committed.app, "a committed change could not be told");
            }
            app.webhooks().enqueue(committed.calls);
        }
    }
}

/// Messages to the members of one group, or those of its topic, that follow each other: each member gets them in one write.
#[derive(Default)]
struct Bundle {
    to: Option<(Arc<App>, GroupId, Option<TopicId>)>,
    pushes: Vec<Arc<Push>>,
}

impl Bundle {
    /// More would make those who wait for the first ones wait too long.
    const MOST: usize = 64;

    async fn add(&mut self, app: &Arc<App>, group: &GroupId, topic: Option<&TopicId>, push: Arc<Push>) {
        let belongs = self.to.as_ref().is_some_and(|(to_app, to_group, to_topic)| {
            Arc::ptr_eq(to_app, app) && to_group == group && to_topic.as_ref() == topic
        });
        if !belongs || self.pushes.len() >= Self::MOST {
            self.send().await;
            self.to = Some((app.clone(), group.clone(), topic.cloned()));
        }
        self.pushes.push(push);
    }

    /// Sends what is there, before anything else is told.
    async fn send(&mut self) {
        if let Some((app, group, topic)) = self.to.take() {
            app.hub().send_all(app.id(), &group, topic.as_ref(), &self.pushes, None).await;
            self.pushes.clear();
        }
    }
}

/// The numbers of pushes (docs/spec/websocket-protocol.md#7).
mod number {
    pub(super) const GROUP_MESSAGE: u32 = 3;
    pub(super) const TIP: u32 = 4;
    pub(super) const NOTICE: u32 = 5;
    pub(super) const TRANSIENT_TIP: u32 = 6;
    pub(super) const RELATION: u32 = 7;
    pub(super) const PROFILE: u32 = 8;
    pub(super) const DIRECT_MESSAGE: u32 = 9;
    pub(super) const DIRECT_NOTIFY: u32 = 10;
    pub(super) const MENTION: u32 = 12;
    pub(super) const CONTACTS: u32 = 13;
    pub(super) const DIRECT_RECEIPT: u32 = 16;
    pub(super) const EXTENSIONS: u32 = 17;
    pub(super) const DIRECT_EDITED: u32 = 18;
    pub(super) const GROUP_EDITED: u32 = 19;
    pub(super) const REACTIONS: u32 = 21;
    pub(super) const OWN_REACTION: u32 = 22;
    pub(super) const PRESENCE: u32 = 23;
    pub(super) const DO_NOT_DISTURB: u32 = 24;
    pub(super) const FOLLOW: u32 = 27;
}

/// Wraps the payload of one push.
pub(crate) fn push(event: u32, key: &str, payload: &impl Serialize, importance: Importance) -> Arc<Push> {
    let payload = serde_json::to_string(payload).expect("pushes are plain data");
    let json = format!(
        r#"{{"head":{{"servcmd":"im_open_push.msg_push","seq":0}},"body":{{"EventArray":[{{"Event":{event},"{key}":{payload}}}],"NeedAck":0}}}}"#
    );
    Arc::new(Push::new(json.into_bytes(), importance))
}

/// Wraps a push whose payload stands beside its number.
fn push_entry(entry: &impl Serialize, importance: Importance) -> Arc<Push> {
    let entry = serde_json::to_string(entry).expect("pushes are plain data");
    let json = format!(
        r#"{{"head":{{"servcmd":"im_open_push.msg_push","seq":0}},"body":{{"EventArray":[{entry}],"NeedAck":0}}}}"#
    );
    Arc::new(Push::new(json.into_bytes(), importance))
}

/// Tells of a change. Group messages may still lie in the bundle afterwards.
async fn deliver(app: &Arc<App>, committed: &Committed, bundle: &mut Bundle) -> Result<(), StoreError> {
    for write in &committed.change.writes {
        if let Write::Notify { user, notice, time } = write {
            bundle.send().await;
            notify(app, std::slice::from_ref(user), notice, *time).await?;
        }
    }
    let appends: Vec<(Arc<Draft>, Appended)> = committed
        .change
        .writes
        .iter()
        .filter_map(|write| if let Write::Append(append) = write { Some(append.draft.clone()) } else { None })
        .zip(committed.appended.iter().copied())
        .collect();
    for event in &committed.change.events {
        if !matches!(event, Event::Stored(_)) {
            bundle.send().await;
        }
        match event {
            Event::Stored(at) => {
                if let Some((draft, appended)) = appends.get(*at) {
                    message(app, draft, appended.seq, bundle).await?;
                    announce(app, draft, appended.seq);
                }
            }
            Event::Transient(draft) => message(app, draft, 0, bundle).await?,
            Event::Live { draft, seq } => live_message(app, draft, *seq).await?,
            Event::Tip { group, tip } => transient_tip(app, group, tip, None).await?,
            Event::TipToOthers { group, tip, sent_on } => {
                transient_tip(app, group, tip, sent_on.map(SessionId)).await?;
            }
            Event::Notice { users, notice } => notify(app, users, notice, app.now()).await?,
            Event::Membership { group, joined, left } => membership(app, group, joined, left),
            Event::ReceiveOption { group, topic: None, user, discard } => {
                app.hub().set_discard(app.id(), group, user, *discard);
            }
            Event::ReceiveOption { group, topic: Some(topic), user, discard } => {
                app.hub().set_topic_discard(app.id(), group, topic, user, *discard);
            }
            Event::GroupGone(group) => {
                app.hub().drop_group(app.id(), group);
                app.live.close(group);
            }
            Event::Recalled { conversation, messages, seqs, recall } => {
                recalled(app, conversation, messages, seqs, recall).await?;
            }
            Event::Edited { conversation, seq, before, elements, cloud_custom_data, version, by: _ } => {
                edited(app, conversation, *seq, before, elements, cloud_custom_data.as_deref(), *version).await?;
            }
            Event::Receipts { conversation, reader, messages } => {
                extras::receipts(app, conversation, reader, messages).await?;
            }
            Event::Extended { seq, message, pairs, done, latest } => {
                extras::extended(app, message, *seq, pairs, *done, *latest).await?;
            }
            Event::Reacted { seq, message, reaction, user, reacts } => {
                extras::reacted(app, message, *seq, reaction, user, *reacts).await?;
            }
            Event::Pinned { message, by, pinned } => extras::pinned(app, message, by, *pinned).await?,
            Event::Contacts { user, session, news } => contacts::changed(app, user, *session, news),
            Event::GroupRead { conversation, user, seq } => group_read(app, conversation, user, *seq).await?,
            Event::DirectRead { user, peer, until } => direct_read(app, user, peer, *until),
            Event::ProfileChanged { user, tags } => profile_changed(app, user, tags).await?,
            Event::Relation { user, news } => relation(app, user, news).await?,
            Event::PresenceChanged { user, said } => presence(app, user, *said).await?,
            Event::GroupProfileChanged { .. } => {}
            Event::Kicked { user } => {
                crate::gateway::kick::by_backend(app, user).await;
                presence(app, user, false).await?;
            }
        }
    }
    Ok(())
}

/// What items about a group say of it. A group that is gone is known by its id alone.
pub(crate) async fn group_face(
    app: &App,
    id: &GroupId,
    topic: Option<&TopicId>,
) -> Result<(Option<Arc<Group>>, GroupFace), StoreError> {
    let group = app.store().group(app.id(), id).await?;
    let face = match &group {
        Some(group) => face_of(app, group, topic),
        None => GroupFace {
            id: id.as_str().into(),
            name: String::new(),
            type_name: String::new(),
            million: u32::from(id.is_community()),
            topic: topic.cloned(),
        },
    };
    Ok((group, face))
}

/// What items about a group say of it.
pub(crate) fn face_of(app: &App, group: &Group, topic: Option<&TopicId>) -> GroupFace {
    GroupFace {
        id: group.id.as_str().into(),
        name: group.name.clone(),
        // Clients know the types by these names whatever the app chose for its backends.
        type_name: group.group_type.wire_name(tsudoi_domain::group::TypeNames::Legacy).to_owned(),
        million: if group.support_topic { 2 } else { u32::from(app.policy_of(group).topics) },
        topic: topic.cloned(),
    }
}

async fn name_card(app: &App, group: &GroupId, sender: &Sender) -> Result<String, StoreError> {
    Ok(match sender {
        Sender::User(user) => {
            app.store().member(app.id(), group, user).await?.map_or_else(String::new, |member| member.name_card.clone())
        }
        Sender::System => String::new(),
    })
}

/// The group and topic of a group conversation.
pub(crate) fn place(conversation: &ConversationKey) -> Option<(GroupId, Option<TopicId>)> {
    match conversation {
        ConversationKey::Group(group) => Some((group.clone(), None)),
        ConversationKey::Topic(topic) => Some((GroupId::trusted(topic.group()), Some(topic.clone()))),
        ConversationKey::Direct(..) => None,
    }
}

/// The topic of a message, where it lies in one.
fn topic_of(draft: &Draft) -> Option<&TopicId> {
    match &draft.conversation {
        ConversationKey::Topic(topic) => Some(topic),
        ConversationKey::Group(_) | ConversationKey::Direct(..) => None,
    }
}

async fn message(app: &Arc<App>, draft: &Arc<Draft>, seq: u64, bundle: &mut Bundle) -> Result<(), StoreError> {
    let Some((group, topic)) = place(&draft.conversation) else {
        bundle.send().await;
        return direct_message(app, draft).await;
    };
    if app.hub().count_in(app.id(), &group) == 0 {
        return Ok(());
    }
    let (_, face) = group_face(app, &group, topic.as_ref()).await?;
    let faces = Faces::of(app.store(), app.id(), tip::shown_with(draft)).await?;
    let card = name_card(app, &group, &draft.sender).await?;
    let item = GroupItem::of(draft, seq, &face, &faces, &card);
    let pushed = match &draft.content {
        Content::Elements(_) => push(number::GROUP_MESSAGE, "GroupMsgArray", &[item], Importance::Needed),
        Content::Tip(_) => push(number::TIP, "GroupTips", &[item], Importance::Needed),
    };
    if draft.options.targets.is_empty() {
        bundle.add(app, &group, topic.as_ref(), pushed).await;
    } else {
        bundle.send().await;
        to_readers(app, &group, draft, pushed);
    }
    if !draft.options.mentions.is_empty() {
        bundle.send().await;
        mentions(app, draft, seq, &group, topic.as_ref());
    }
    Ok(())
}

/// Sends a push about a message to those who may read the message: the members, or those it was directed to and its sender.
fn to_readers(app: &App, group: &GroupId, draft: &Draft, pushed: Arc<Push>) {
    let targets = &draft.options.targets;
    if targets.is_empty() {
        match topic_of(draft) {
            Some(topic) => app.hub().send_topic(app.id(), group, topic, &[pushed]),
            None => app.hub().send_group(app.id(), group, &[pushed]),
        }
    } else {
        let sender = draft.sender.user().filter(|user| !targets.contains(user));
        app.hub().send_some(app.id(), group, targets.iter().chain(sender), &pushed);
    }
}

#[derive(Serialize)]
struct MentionItem<'a> {
    #[serde(rename = "GroupAtTips")]
    tips: MentionTips<'a>,
    #[serde(rename = "MsgRandom")]
    random: u32,
    #[serde(rename = "ClientSeq")]
    client_seq: u32,
}

#[derive(Serialize)]
struct MentionTips<'a> {
    #[serde(rename = "From_Account")]
    from: &'a str,
    #[serde(rename = "GroupId")]
    group: &'a GroupId,
    #[serde(rename = "TopicId", skip_serializing_if = "Option::is_none")]
    topic: Option<&'a TopicId>,
    /// 1: you, 2: everybody.
    #[serde(rename = "GroupAtType")]
    kinds: Vec<u32>,
    #[serde(rename = "MsgSeq")]
    seq: u64,
}

fn mentions(app: &App, draft: &Draft, seq: u64, group: &GroupId, topic: Option<&TopicId>) {
    let mentions = &draft.options.mentions;
    let Some(from) = draft.sender.user() else { return };
    if seq == 0 {
        return;
    }
    let item = |kinds| {
        [MentionItem {
            tips: MentionTips { from: from.as_str(), group, topic, kinds, seq },
            random: draft.random,
            client_seq: draft.client_seq,
        }]
    };
    let targets = &draft.options.targets;
    let reads = |user: &UserId| targets.is_empty() || targets.contains(user);
    if mentions.all {
        let pushed = push(number::MENTION, "GroupTips", &item(vec![2]), Importance::Needed);
        let here = app.hub().here_in(app.id(), group);
        let others = here.iter().filter(|user| *user != from && !mentions.users.contains(user) && reads(user));
        app.hub().send_some_in(app.id(), group, topic, others, &pushed);
    }
    let kinds = if mentions.all { vec![1, 2] } else { vec![1] };
    let pushed = push(number::MENTION, "GroupTips", &item(kinds), Importance::Needed);
    let named = mentions.users.iter().filter(|user| reads(user));
    app.hub().send_some_in(app.id(), group, topic, named, &pushed);
}

fn live_importance(priority: Priority) -> Importance {
    match priority {
        Priority::High => Importance::Droppable(100),
        Priority::Normal => Importance::Droppable(75),
        Priority::Low | Priority::Lowest => Importance::Droppable(50),
    }
}

async fn live_message(app: &Arc<App>, draft: &Arc<Draft>, seq: u64) -> Result<(), StoreError> {
    let Some((group, _)) = place(&draft.conversation) else { return Ok(()) };
    let (found, face) = group_face(app, &group, None).await?;
    let faces = Faces::of(app.store(), app.id(), tip::shown_with(draft)).await?;
    let item = GroupItem::of(draft, seq, &face, &faces, "");
    let audience = Audience::of(app, &group, found.as_deref());
    let broadcast = draft.options.is_broadcast.then_some(draft.client_seq.into());
    let importance = live_importance(draft.priority);
    let json = tell_room(app, audience, number::GROUP_MESSAGE, "GroupMsgArray", &item, importance, broadcast).await;
    if let Some(found) = found {
        let policy = app.policy_of(&found);
        let history = if draft.options.is_broadcast { 0 } else { policy.history_before_join_count };
        if history > 0 || policy.live_recall {
            app.live.room(&group).remember(seq, draft, &json, history);
        }
    }
    Ok(())
}

/// Who hears a group that stores nothing.
#[derive(Clone, Copy)]
struct Audience<'a> {
    group: &'a GroupId,
    /// Everybody of the app who is online, in the group or not.
    everyone: bool,
    /// The session that knows already.
    except: Option<SessionId>,
}

impl<'a> Audience<'a> {
    fn of(app: &App, group: &'a GroupId, found: Option<&Group>) -> Self {
        Self { group, except: None, everyone: found.is_some_and(|group| app.policy_of(group).reaches_everyone_online) }
    }
}

/// Tells the audience of a live room, and those who poll it; answers the item as pollers get it.
async fn tell_room(
    app: &App,
    audience: Audience<'_>,
    event: u32,
    key: &str,
    item: &(impl Serialize + Sync),
    importance: Importance,
    broadcast: Option<u64>,
) -> Arc<str> {
    let json = serde_json::to_string(item).expect("pushes are plain data");
    // Pollers get items of all kinds side by side, each with the number of its kind.
    let heard: Arc<str> = format!(r#"{{"Event":{event},{}"#, &json[1..]).into();
    let raw: Box<RawValue> = RawValue::from_string(json).expect("just serialised");
    let pushed = push(event, key, &[raw], importance);
    if audience.everyone {
        app.hub().send_app(app.id(), &pushed);
    } else {
        let Audience { group, except, .. } = audience;
        app.hub().send_all(app.id(), group, None, &[pushed], except).await;
    }
    if let Some(room) = app.live.find(audience.group) {
        room.say(Heard { json: heard.clone(), broadcast }, app.now());
    }
    heard
}

async fn transient_tip(
    app: &Arc<App>,
    group: &GroupId,
    tip: &Tip,
    except: Option<SessionId>,
) -> Result<(), StoreError> {
    let (found, face) = group_face(app, group, tip.topic()).await?;
    let faces = Faces::of(app.store(), app.id(), tip::mentioned(tip)).await?;
    let now = app.now();
    let draft = Draft {
        conversation: ConversationKey::Group(group.clone()),
        sender: Sender::System,
        random: app.dice().u32() | 1,
        time: now,
        client_time: now.0,
        client_seq: 0,
        priority: Priority::Normal,
        content: Content::Tip(tip.clone()),
        cloud_custom_data: None,
        options: tsudoi_domain::message::MessageOptions::default(),
    };
    let is_live = found.as_ref().is_some_and(|group| app.policy_of(group).tips == Tips::Transient);
    let seq = if is_live { app.live.number(group, now) } else { 0 };
    let item = GroupItem::of(&draft, seq, &face, &faces, "");
    if is_live {
        let audience = Audience { except, ..Audience::of(app, group, found.as_deref()) };
        tell_room(app, audience, number::TRANSIENT_TIP, "GroupTips", &item, Importance::Droppable(90), None).await;
    } else {
        let pushed = push(number::TRANSIENT_TIP, "GroupTips", &[item], Importance::Needed);
        app.hub().send_others(app.id(), group, &[pushed], except);
    }
    Ok(())
}

/// The group a notice is about, as it was when the notice was made.
pub(crate) fn notice_face(app: &App, notice: &Notice) -> GroupFace {
    let group_type = tsudoi_domain::GroupType::from_stored(&notice.group_type);
    let million = if notice.holds_topics || notice.topic.is_some() {
        2
    } else {
        u32::from(app.policy(&group_type).is_some_and(|policy| policy.topics))
    };
    GroupFace {
        id: notice.group.as_str().into(),
        name: notice.group_name.clone(),
        type_name: group_type.wire_name(tsudoi_domain::group::TypeNames::Legacy).to_owned(),
        million,
        topic: notice.topic.clone(),
    }
}

async fn notify(app: &Arc<App>, users: &[UserId], notice: &Notice, time: Timestamp) -> Result<(), StoreError> {
    let face = notice_face(app, notice);
    let faces = Faces::of(app.store(), app.id(), vec![notice.by.clone()]).await?;
    if users.is_empty() {
        let item = NoticeItem::of(notice, None, time, &face, &faces);
        // The group itself may be gone by now.
        let group_type = tsudoi_domain::GroupType::from_stored(&notice.group_type);
        if app.policy(&group_type).is_some_and(|policy| !policy.members_stored) {
            let found = app.store().group(app.id(), &notice.group).await?;
            let audience = Audience::of(app, &notice.group, found.as_deref());
            tell_room(app, audience, number::NOTICE, "GroupTips", &item, Importance::Droppable(100), None).await;
        } else {
            app.hub().send_group(
                app.id(),
                &notice.group,
                &[push(number::NOTICE, "GroupTips", &[item], Importance::Needed)],
            );
        }
        return Ok(());
    }
    for user in users {
        if app.hub().is_here(app.id(), user) {
            let item = NoticeItem::of(notice, Some(user), time, &face, &faces);
            app.hub().send_user(app.id(), user, &push(number::NOTICE, "GroupTips", &[item], Importance::Needed), None);
        }
    }
    Ok(())
}

fn membership(app: &App, group: &GroupId, joined: &[UserId], left: &[UserId]) {
    for user in joined {
        app.hub().join(app.id(), group, user, false);
    }
    for user in left {
        app.hub().leave(app.id(), group, user);
    }
}

/// Whether a user who is here wants to be told of messages of a peer.
async fn wants_messages(app: &App, user: &UserId, peer: &UserId) -> Result<bool, StoreError> {
    if !app.hub().is_here(app.id(), user) {
        return Ok(false);
    }
    let care = app.store().read().care(app.id(), user, &Contact::User(peer.clone())).await?;
    Ok(care.receive != ReceiveOption::Discard)
}

/// Tells a user a one-to-one message that lies nowhere yet.
pub(crate) fn push_direct(app: &App, user: &UserId, item: &DirectItem<'_>) {
    let pushed = push(number::DIRECT_MESSAGE, "C2cMsgArray", &[item], Importance::Needed);
    app.hub().send_user(app.id(), user, &pushed, None);
}

async fn direct_message(app: &Arc<App>, draft: &Arc<Draft>) -> Result<(), StoreError> {
    let (from, to) = item::direction(draft);
    let faces = Faces::of(app.store(), app.id(), vec![from.clone()]).await?;
    let options = &draft.options;
    if !options.hidden_from_receiver && wants_messages(app, to, from).await? {
        let pushed = push(number::DIRECT_MESSAGE, "C2cMsgArray", &[DirectItem::of(draft, &faces)], Importance::Needed);
        app.hub().send_user(app.id(), to, &pushed, None);
    }
    if !options.hidden_from_sender && options.sync_to_sender && from != to {
        let copy = DirectItem::of(draft, &faces).for_own_devices();
        let pushed = push(number::DIRECT_MESSAGE, "C2cMsgArray", &[copy], Importance::Needed);
        let own = options.sent_on.map(SessionId);
        app.hub().send_user(app.id(), from, &pushed, own);
    }
    Ok(())
}

#[derive(Serialize)]
struct WithdrawnGroup<'a> {
    #[serde(rename = "ToGroupId")]
    to_group: &'a GroupId,
    #[serde(rename = "GroupInfo")]
    group: GroupInfo<'a>,
    #[serde(rename = "RevokerInfo")]
    revoker: Revoker<'a>,
    #[serde(rename = "MsgBody")]
    body: WithdrawnGroupBody<'a>,
}

#[derive(Serialize)]
struct WithdrawnGroupBody<'a> {
    #[serde(rename = "GroupWithdrawInfoArray")]
    messages: Vec<Withdrawn<'a>>,
}

/// A recalled message.
#[derive(Serialize)]
struct Withdrawn<'a> {
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
    #[serde(rename = "MsgRandom")]
    random: u32,
    #[serde(rename = "MsgTimeStamp")]
    time: i64,
    #[serde(rename = "MsgClientTime")]
    client_time: i64,
    #[serde(rename = "TinyId")]
    tiny_id: String,
    #[serde(rename = "RevokerInfo", skip_serializing_if = "Option::is_none")]
    revoker: Option<Revoker<'a>>,
}

async fn recalled(
    app: &Arc<App>,
    conversation: &ConversationKey,
    messages: &[Arc<Draft>],
    seqs: &[u64],
    recall: &Recall,
) -> Result<(), StoreError> {
    let senders = messages.iter().filter_map(|draft| draft.sender.user().cloned()).collect();
    let faces = Faces::of(app.store(), app.id(), senders).await?;
    if let Some((group, topic)) = place(conversation) {
        let (found, face) = group_face(app, &group, topic.as_ref()).await?;
        let room = found.filter(|found| !app.policy_of(found).history_stored);
        if room.is_some() {
            app.live.room(&group).withdraw(seqs);
        }
        for (draft, seq) in messages.iter().zip(seqs) {
            let one = Withdrawn {
                group: Some(&group),
                topic: topic.as_ref(),
                from: draft.sender.user().map_or(item::SYSTEM_ACCOUNT, UserId::as_str),
                to: None,
                seq: *seq,
                random: draft.random,
                time: draft.time.0,
                client_time: item::client_time(draft),
                tiny_id: draft.sender.user().map(|user| faces.tiny_id(user)).unwrap_or_default(),
                revoker: None,
            };
            let item = WithdrawnGroup {
                to_group: &group,
                group: GroupInfo::plain(&face, None),
                revoker: recall.into(),
                body: WithdrawnGroupBody { messages: vec![one] },
            };
            if let Some(room) = &room {
                let audience = Audience::of(app, &group, Some(room));
                tell_room(app, audience, number::NOTICE, "GroupTips", &item, Importance::Droppable(100), None).await;
            } else {
                to_readers(app, &group, draft, push(number::NOTICE, "GroupTips", &[item], Importance::Needed));
            }
        }
        return Ok(());
    }
    let withdrawn: Vec<_> = messages
        .iter()
        .map(|draft| {
            let (from, to) = item::direction(draft);
            Withdrawn {
                group: None,
                topic: None,
                from: from.as_str(),
                to: Some(to),
                seq: draft.client_seq.into(),
                random: draft.random,
                time: draft.time.0,
                client_time: item::client_time(draft),
                tiny_id: faces.tiny_id(from),
                revoker: Some(recall.into()),
            }
        })
        .collect();
    let payload = serde_json::json!([{ "WithdrawC2cMsgNotify": { "C2cWithdrawInfoArray": withdrawn } }]);
    let pushed = push(number::DIRECT_NOTIFY, "C2cNotifyMsgArray", &payload, Importance::Needed);
    if let ConversationKey::Direct(one, other) = conversation {
        let saw = |user: &&UserId| messages.iter().any(|draft| item::has_seen(draft, user));
        for user in [one, other].into_iter().filter(saw) {
            app.hub().send_user(app.id(), user, &pushed, None);
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct EditedItem<'a> {
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
    #[serde(rename = "MsgRandom")]
    random: u32,
    #[serde(rename = "MsgTimeStamp")]
    time_stamp: i64,
    #[serde(rename = "MsgTime")]
    time: i64,
    #[serde(rename = "MsgBody")]
    body: &'a RawValue,
    #[serde(rename = "CloudCustomData")]
    cloud_custom_data: &'a str,
    #[serde(rename = "MsgVersion")]
    version: u32,
}

async fn edited(
    app: &Arc<App>,
    conversation: &ConversationKey,
    seq: u64,
    before: &Draft,
    elements: &str,
    cloud_custom_data: Option<&str>,
    version: u32,
) -> Result<(), StoreError> {
    let base = EditedItem {
        group: None,
        topic: None,
        from: before.sender.user().map_or(item::SYSTEM_ACCOUNT, UserId::as_str),
        to: None,
        seq,
        random: before.random,
        time_stamp: before.time.0,
        time: before.time.0,
        body: item::elements(elements),
        cloud_custom_data: cloud_custom_data.unwrap_or_default(),
        version,
    };
    if let Some((group, topic)) = place(conversation) {
        let payload = [EditedItem { group: Some(&group), topic: topic.as_ref(), ..base }];
        let pushed = push(number::GROUP_EDITED, "GroupMsgModNotifys", &payload, Importance::Needed);
        to_readers(app, &group, before, pushed);
        return Ok(());
    }
    let (from, to) = item::direction(before);
    let payload = [EditedItem { to: Some(to), seq: before.client_seq.into(), ..base }];
    let pushed = push(number::DIRECT_EDITED, "C2cMsgModNotifys", &payload, Importance::Needed);
    for user in [from, to].into_iter().filter(|user| item::has_seen(before, user)) {
        app.hub().send_user(app.id(), user, &pushed, None);
    }
    Ok(())
}

async fn group_read(app: &Arc<App>, conversation: &ConversationKey, user: &UserId, seq: u64) -> Result<(), StoreError> {
    let Some((group, topic)) = place(conversation) else { return Ok(()) };
    if !app.hub().is_here(app.id(), user) {
        return Ok(());
    }
    let (_, face) = group_face(app, &group, topic.as_ref()).await?;
    let payload = serde_json::json!([{
        "GroupInfo": GroupInfo::plain(&face, None),
        "MsgBody": { "GroupReadInfoArray": [{ "GroupId": group, "TopicId": topic, "LastReadMsgSeq": seq }] },
    }]);
    app.hub().send_user(app.id(), user, &push(number::NOTICE, "GroupTips", &payload, Importance::Needed), None);
    Ok(())
}

fn direct_read(app: &App, user: &UserId, peer: &UserId, until: Timestamp) {
    let to_peer = serde_json::json!([{
        "C2cReadedReceipt": { "To_Account": user, "UinPairReadArray": [{ "LastReadTime": until }] }
    }]);
    app.hub().send_user(
        app.id(),
        peer,
        &push(number::DIRECT_NOTIFY, "C2cNotifyMsgArray", &to_peer, Importance::Needed),
        None,
    );
    let to_own = serde_json::json!([{
        "ReadC2cMsgNotify": { "UinPairReadArray": [{ "From_Account": peer, "LastReadTime": until }] }
    }]);
    app.hub().send_user(
        app.id(),
        user,
        &push(number::DIRECT_NOTIFY, "C2cNotifyMsgArray", &to_own, Importance::Needed),
        None,
    );
}

/// Accounts that are read at a time when a change concerns those who have somebody in their lists.
const LISTED: usize = 500;

async fn profile_changed(app: &Arc<App>, user: &UserId, tags: &[String]) -> Result<(), StoreError> {
    let Some(account) = app.store().account(app.id(), user).await? else { return Ok(()) };
    let settings = app.settings();
    let list: Vec<_> = tags
        .iter()
        .filter(|tag| tsudoi_domain::profile::check_read(&settings, tag, false).is_ok())
        .filter_map(|tag| match account.profile.get(tag)? {
            tsudoi_domain::account::ProfileValue::Text(text) => {
                Some(serde_json::json!({ "Tag": tag, "ValueBytes": text }))
            }
            tsudoi_domain::account::ProfileValue::Number(number) => {
                Some(serde_json::json!({ "Tag": tag, "ValueNum": number }))
            }
        })
        .collect();
    if list.is_empty() {
        return Ok(());
    }
    let payload = serde_json::json!([{ "PushType": 1, "Profile_Account": user, "ProfileList": list }]);
    let pushed = push(number::PROFILE, "ProfileDataMod", &payload, Importance::Needed);
    app.hub().send_user(app.id(), user, &pushed, None);
    let mut after = 0;
    loop {
        let page = app.store().read().listed_by(app.id(), user, after, LISTED).await?;
        for (_, friend) in &page {
            app.hub().send_user(app.id(), friend, &pushed, None);
        }
        match page.last() {
            Some((last, _)) if page.len() == LISTED => after = *last,
            Some(_) | None => return Ok(()),
        }
    }
}

/// Tells an account's devices about its relations (docs/spec/websocket-protocol.md#18).
async fn relation(app: &Arc<App>, user: &UserId, news: &RelationNews) -> Result<(), StoreError> {
    if !app.hub().is_here(app.id(), user) {
        return Ok(());
    }
    let payload = match news {
        RelationNews::FriendsAdded(friends) => serde_json::json!({ "PushType": 1, "FriendAdd_Account": friends }),
        RelationNews::FriendsDeleted(friends) => serde_json::json!({ "PushType": 2, "FriendDel_Account": friends }),
        RelationNews::Requested(request) => {
            let faces = Faces::of(app.store(), app.id(), vec![request.peer.clone()]).await?;
            serde_json::json!({
                "PushType": 3,
                "From_Account": request.from,
                "PendencyAdd": [{
                    "PendencyAdd_Account": request.peer,
                    "ProfileImNick": faces.nick(&request.peer),
                    "ProfileImImage": faces.face_url(&request.peer),
                    "AddSource": request.source,
                    "AddWording": request.wording,
                    "AddTime": request.time,
                    "PendencyType": if request.from == *user { "Pendency_Type_SendOut" } else { "Pendency_Type_ComeIn" },
                }],
            })
        }
        RelationNews::RequestsGone(peers) => serde_json::json!({ "PushType": 4, "FrienPencydDel_Account": peers }),
        RelationNews::Blocked(peers) => serde_json::json!({ "PushType": 5, "BlackListAdd_Account": peers }),
        RelationNews::Unblocked(peers) => serde_json::json!({ "PushType": 6, "BlackListDel_Account": peers }),
        RelationNews::RequestsSeen(until) => serde_json::json!({ "PushType": 7, "ReportTime": until }),
        RelationNews::FriendChanged(peer, tags) => {
            let Some(friend) = app.store().read().friend(app.id(), user, peer).await? else { return Ok(()) };
            let fields = changed_fields(&friend, tags, &app.settings());
            serde_json::json!({ "PushType": 8, "FriendUpInfo": [{ "Friend_Account": peer, "Sns": fields }] })
        }
        RelationNews::Following(peer, added) => return follow(app, user, peer, 2, *added).await,
        RelationNews::Follower(peer, added) => return follow(app, user, peer, 1, *added).await,
        RelationNews::MutualFollower(peer, added) => return follow(app, user, peer, 3, *added).await,
    };
    let pushed = push(number::RELATION, "FriendListMod", &[payload], Importance::Needed);
    app.hub().send_user(app.id(), user, &pushed, None);
    Ok(())
}

/// Somebody came into a list of followers or left it; `kind` as in the commands.
async fn follow(app: &Arc<App>, user: &UserId, peer: &UserId, kind: u32, added: bool) -> Result<(), StoreError> {
    let faces = Faces::of(app.store(), app.id(), vec![peer.clone()]).await?;
    let payload = serde_json::json!([{
        "From_Account": peer,
        "NickName": faces.nick(peer),
        "FaceUrl": faces.face_url(peer),
        "FollowTime": app.now(),
        "FollowDiffList": [{ "IsAdd": u32::from(added), "FollowType": kind }],
    }]);
    let pushed = push(number::FOLLOW, "FollowChangeList", &payload, Importance::Needed);
    app.hub().send_user(app.id(), user, &pushed, None);
    Ok(())
}

/// Tells who watches somebody what is known of them now, whatever happened to them meanwhile.
async fn presence(app: &Arc<App>, user: &UserId, said: bool) -> Result<(), StoreError> {
    if !app.settings().features.presence {
        return Ok(());
    }
    let Some(account) = app.store().account(app.id(), user).await? else { return Ok(()) };
    let payload = [ClientStatus::of(app, &account)];
    let pushed = push(number::PRESENCE, "UserStatusList", &payload, Importance::Needed);
    if said {
        app.hub().send_user(app.id(), user, &pushed, None);
    }
    let mut after = 0;
    loop {
        let page = app.store().read().status_watchers(app.id(), user, after, LISTED).await?;
        for (_, watcher) in page.iter().filter(|(_, watcher)| watcher != user) {
            app.hub().send_user(app.id(), watcher, &pushed, None);
        }
        match page.last() {
            Some((last, _)) if page.len() == LISTED => after = *last,
            Some(_) | None => return Ok(()),
        }
    }
}
