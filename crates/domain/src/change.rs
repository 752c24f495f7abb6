//! Changes: everything a decision asks to be stored, and what the world is told once it is.
//!
//! A change is committed in one transaction or not at all. Sequence numbers are assigned inside that transaction; the
//! events leave after it, in commit order per conversation.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    GroupId, TopicId, UserId,
    account::{Account, ProfileValue},
    conversation::{
        ConversationKey,
        care::{Book, Care, Contact, News},
    },
    group::{
        Group, MsgFlag,
        attribute::{AttributeChange, CounterChange},
        permission_group::PermissionGroup,
    },
    join::Application,
    live::LiveMembers,
    member::Member,
    message::{
        Draft, GroupChanges, Message, MsgKey, Recall, Tip, extend,
        extras::{Pair, Pin},
    },
    moderation::{Word, WordList},
    notice::Notice,
    official::{Broadcast, OfficialAccount},
    push::{Progress, Push, PushDevice},
    relation::{Friend, FriendRequest, RelationNews, Tie},
    statistics::Counts,
    time::{MuteUntil, Timestamp},
    topic::Topic,
    webhook::Call,
};

/// What a decision asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// What must still hold when the change is committed.
    pub expect: Vec<Expect>,
    /// What is stored.
    pub writes: Vec<Write>,
    /// What is told afterwards.
    pub events: Vec<Event>,
    /// What the app's backend is told afterwards.
    pub calls: Vec<Call>,
}

impl Change {
    /// Asks for nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a precondition.
    #[must_use]
    pub fn expect(mut self, expect: Expect) -> Self {
        self.expect.push(expect);
        self
    }

    /// Adds a write.
    #[must_use]
    pub fn write(mut self, write: Write) -> Self {
        self.writes.push(write);
        self
    }

    /// Adds an event.
    #[must_use]
    pub fn event(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    /// Adds calls to the app's backend; none when it does not listen.
    #[must_use]
    pub fn calls(mut self, calls: impl IntoIterator<Item = Call>) -> Self {
        self.calls.extend(calls);
        self
    }

    /// Adds everything that another change asks for.
    #[must_use]
    pub fn and(mut self, other: Change) -> Self {
        self.expect.extend(other.expect);
        self.writes.extend(other.writes);
        self.events.extend(other.events);
        self.calls.extend(other.calls);
        self
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.events.is_empty() && self.calls.is_empty()
    }
}

/// A precondition; when it fails the caller loads and decides again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// The group lives and nothing that takes rights away happened since it was loaded.
    GroupAt {
        /// The group.
        group: GroupId,
        /// [`Group::revision`] when it was loaded.
        revision: u64,
    },
    /// No living group has the id.
    GroupAbsent(GroupId),
    /// None of the users is a member yet.
    NotMembers {
        /// The group.
        group: GroupId,
        /// Who is about to join.
        users: Vec<UserId>,
    },
    /// After adding so many the group has at most `cap` members.
    RoomFor {
        /// The group.
        group: GroupId,
        /// How many are about to join.
        adding: u64,
        /// The most it may have.
        cap: u64,
    },
    /// The application still waits for a decision.
    Pending {
        /// The group.
        group: GroupId,
        /// Who applied.
        applicant: UserId,
        /// The application's key.
        key: i64,
    },
    /// The message was neither edited nor recalled since it was loaded.
    MessageAt {
        /// Where.
        conversation: ConversationKey,
        /// Which.
        seq: u64,
        /// [`Message::version`](crate::message::Message::version) when it was loaded.
        version: u32,
    },
    /// The message's key-values were not written since they were loaded.
    ExtensionsAt {
        /// Where.
        conversation: ConversationKey,
        /// Which.
        seq: u64,
        /// [`Extensions::latest`](crate::message::extras::Extensions::latest) when they were loaded.
        latest: u64,
    },
    /// No living topic has the id.
    TopicAbsent(TopicId),
    /// The community has fewer topics than that.
    TopicsBelow {
        /// The community.
        group: GroupId,
        /// How many are too many.
        cap: u64,
    },
    /// Nobody wrote the attributes since they were loaded.
    AttributesAt {
        /// The group.
        group: GroupId,
        /// [`Attributes::seq`](crate::group::attribute::Attributes::seq) when they were loaded.
        seq: u64,
    },
    /// Nobody wrote the counters since they were loaded.
    CountersAt {
        /// The group.
        group: GroupId,
        /// [`Counters::seq`](crate::group::attribute::Counters::seq) when they were loaded.
        seq: u64,
    },
    /// The user did nothing with any conversation since their book was loaded.
    BookAt {
        /// Whose.
        user: UserId,
        /// [`Book::revision`] when it was loaded.
        revision: u64,
    },
    /// The user was served from the list of pushes up to that place, and no further.
    PushPositionAt {
        /// Who.
        user: UserId,
        /// The place.
        pos: u64,
    },
    /// A one-to-one conversation has no message with that key, in either direction.
    KeyFree {
        /// Where.
        conversation: ConversationKey,
        /// The key.
        key: MsgKey,
    },
    /// What one account has of another did not change since it was loaded.
    TieAt {
        /// The one.
        user: UserId,
        /// The other.
        peer: UserId,
        /// What was loaded.
        tie: Tie,
    },
    /// The account has fewer friends than that.
    FriendsBelow {
        /// Whose list.
        user: UserId,
        /// How many are too many.
        cap: u64,
    },
    /// With so many more the account has at most `cap` friend groups.
    FriendGroupsBelow {
        /// Whose groups.
        user: UserId,
        /// How many are about to be made.
        adding: u64,
        /// The most.
        cap: u64,
    },
    /// The account has fewer requests than that, made or received.
    FriendRequestsBelow {
        /// On whose side.
        user: UserId,
        /// Those it made.
        sent: bool,
        /// How many are too many.
        cap: u64,
    },
    /// The request that `peer` made still waits as it was loaded.
    FriendRequestAt {
        /// Who is asked.
        user: UserId,
        /// Who asked.
        peer: UserId,
        /// When it was made.
        time: Timestamp,
    },
    /// The account has blocked fewer people than that.
    BlockedBelow {
        /// Whose list.
        user: UserId,
        /// How many are too many.
        cap: u64,
    },
}

/// One thing to store.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A new group; its members follow as [`Write::PutMember`].
    CreateGroup(Box<Group>),
    /// The profile, settings or owner of a group: the whole row as decided. Counts and revision are the store's.
    UpdateGroup(Box<Group>),
    /// A group with everything that belongs to it.
    DeleteGroup(GroupId),
    /// A member, new or changed. Of a known one the read position and the moment of speaking stay as the store has them;
    /// mutes are written by [`Write::SetMute`].
    PutMember(GroupId, Box<Member>),
    /// A membership ends.
    DeleteMember(GroupId, UserId),
    /// Somebody came into a group or went: it is not idle.
    Touch {
        /// The group.
        group: GroupId,
        /// When.
        at: Timestamp,
    },
    /// A mute that outlives membership.
    SetMute {
        /// The group.
        group: GroupId,
        /// Only in this topic.
        topic: Option<TopicId>,
        /// Whom.
        user: UserId,
        /// Until when; [`MuteUntil::NEVER`] lifts it.
        until: MuteUntil,
    },
    /// A ban.
    SetBan {
        /// The group.
        group: GroupId,
        /// Whom.
        user: UserId,
        /// Until when; [`MuteUntil::NEVER`] lifts it.
        until: MuteUntil,
    },
    /// Who came into and left a live room since this was last written, which happens behind the messages: what is written of a
    /// group that is gone by now is passed over.
    PutLiveMembers(Box<LiveMembers>),
    /// The number of the newest message to all live rooms of the app; lower ones than the one that is known change nothing.
    SetBroadcastSeq(u64),
    /// Somebody becomes an admin of a live room, or is one no longer; in the room or not.
    SetLiveAdmin {
        /// The room.
        group: GroupId,
        /// Whom.
        user: UserId,
        /// Is one from now on.
        admin: bool,
    },
    /// A mark on somebody in a live room.
    SetLiveMark {
        /// The room.
        group: GroupId,
        /// On whom.
        user: UserId,
        /// Which.
        mark: u32,
        /// Until when; [`MuteUntil::NEVER`] takes it off.
        until: MuteUntil,
    },
    /// A topic, new or changed: the whole row as decided.
    PutTopic(Box<Topic>),
    /// A topic with everything that belongs to it.
    DeleteTopic(TopicId),
    /// What a member wants of a topic's messages.
    SetTopicFlag {
        /// The topic.
        topic: TopicId,
        /// Who.
        user: UserId,
        /// What to do with its messages; `None`: as in the community.
        flag: Option<MsgFlag>,
    },
    /// Attributes of a group.
    SetAttributes(Box<AttributeChange>),
    /// Counters of a group.
    SetCounters(Box<CounterChange>),
    /// A permission group, new or changed. Its count is the store's.
    PutPermissionGroup(Box<PermissionGroup>),
    /// A permission group; its members stay in the community.
    DeletePermissionGroup {
        /// The community.
        group: GroupId,
        /// Which.
        id: String,
    },
    /// What a permission group allows in one topic.
    SetTopicPermission {
        /// The community.
        group: GroupId,
        /// Which permission group.
        id: String,
        /// Where.
        topic: TopicId,
        /// The mask; `None`: nothing beyond what everybody may.
        permission: Option<u64>,
    },
    /// Somebody comes into a permission group.
    PutPermissionMember {
        /// The community.
        group: GroupId,
        /// Which permission group.
        id: String,
        /// Who.
        user: UserId,
    },
    /// Somebody leaves a permission group. Who leaves the community leaves all of them.
    DeletePermissionMember {
        /// The community.
        group: GroupId,
        /// Which permission group.
        id: String,
        /// Who.
        user: UserId,
    },
    /// A message takes the next number of its conversation.
    Append(Append),
    /// A message is recalled; the first recall counts.
    Recall {
        /// Where.
        conversation: ConversationKey,
        /// Which.
        seq: u64,
        /// By whom and why.
        recall: Recall,
    },
    /// A message is overwritten; absent parts stay.
    Edit {
        /// Where.
        conversation: ConversationKey,
        /// Which.
        seq: u64,
        /// New elements, JSON text.
        elements: Option<Arc<str>>,
        /// New data.
        cloud_custom_data: Option<Arc<str>>,
        /// The version afterwards.
        version: u32,
    },
    /// Messages disappear from one reader's own view; those of them that were unread no longer are. Numbers without a message are
    /// passed over.
    Hide {
        /// Where.
        conversation: ConversationKey,
        /// Whose view.
        user: UserId,
        /// Which.
        seqs: Vec<u64>,
    },
    /// Somebody says to have read messages that keep receipts.
    PutReceipts {
        /// Where.
        conversation: ConversationKey,
        /// Who read.
        user: UserId,
        /// Which.
        seqs: Vec<u64>,
        /// When; of several times the first counts.
        time: Timestamp,
    },
    /// Key-values of a message change.
    PutExtensions {
        /// Where.
        conversation: ConversationKey,
        /// Which.
        seq: u64,
        /// Pairs that are new or changed; deleted ones without value.
        pairs: Vec<Pair>,
        /// The message's counter afterwards.
        latest: u64,
        /// The counter at the last clearing; every older pair is forgotten.
        cleared: u64,
    },
    /// Somebody reacts to a message, or no longer does.
    SetReaction {
        /// Where.
        conversation: ConversationKey,
        /// To which.
        seq: u64,
        /// How.
        reaction: String,
        /// Who.
        user: UserId,
        /// Reacts, or no longer does.
        reacts: bool,
    },
    /// A message is pinned, or no longer is.
    SetPin {
        /// Where.
        conversation: ConversationKey,
        /// Which.
        seq: u64,
        /// By whom and when; absent: no longer.
        pin: Option<Pin>,
    },
    /// A member's read position moves forward, never back; `force` moves it anywhere.
    SetRead {
        /// The group or topic.
        conversation: ConversationKey,
        /// Who read.
        user: UserId,
        /// Up to which number.
        seq: u64,
        /// Also backwards (setting unread numbers).
        force: bool,
    },
    /// Every member of a group has read everything there is by now.
    ReadAll(GroupId),
    /// Every member of the community has read everything there is in a topic by now.
    ReadAllOfTopic(TopicId),
    /// All messages so far disappear from one member's own view of a group or topic, where everything is read then.
    ClearHistory {
        /// The group or topic.
        conversation: ConversationKey,
        /// Whose view.
        user: UserId,
    },
    /// One side of a one-to-one conversation has read up to a moment.
    SetDirectRead {
        /// Who read.
        user: UserId,
        /// With whom.
        peer: UserId,
        /// Messages up to this moment.
        until: Timestamp,
    },
    /// A one-to-one conversation disappears from one side's list, until the next message that lists show.
    Unlist {
        /// Whose list.
        user: UserId,
        /// With whom.
        peer: UserId,
    },
    /// One side no longer sees the messages there are by now; nothing of them is unread for them.
    ClearDirect {
        /// Whose side.
        user: UserId,
        /// With whom.
        peer: UserId,
    },
    /// What a user did with a conversation: the whole row as decided.
    PutCare {
        /// Who.
        user: UserId,
        /// With which.
        contact: Contact,
        /// How it stands.
        care: Box<Care>,
    },
    /// What a user keeps about conversations as a whole. Its revision is the store's.
    PutBook {
        /// Whose.
        user: UserId,
        /// How it stands.
        book: Box<Book>,
    },
    /// A record of merged messages that is too long for one message.
    PutRecord {
        /// What fetches it.
        key: String,
        /// The messages, JSON text.
        messages: Arc<str>,
        /// When.
        time: Timestamp,
        /// Older records are forgotten, some at a time.
        keep_from: Timestamp,
    },
    /// A new account, or what is known of a known one: logins are not forgotten and voided tickets stay void. What the app
    /// decided about it and what the user says of themselves are written by [`Write::MuteAccount`] and [`Write::SetStatus`].
    PutAccount(Box<Account>),
    /// Fields of a profile; the others stay.
    SetProfile {
        /// Whose.
        user: UserId,
        /// Tags with their values.
        fields: Vec<(String, ProfileValue)>,
    },
    /// The app mutes an account everywhere.
    MuteAccount {
        /// Whom.
        user: UserId,
        /// Until when they say nothing to single users; absent: stays.
        direct: Option<MuteUntil>,
        /// Until when they say nothing in groups; absent: stays.
        groups: Option<MuteUntil>,
    },
    /// What a user says of themselves.
    SetStatus {
        /// Who.
        user: UserId,
        /// What.
        status: String,
    },
    /// An entry of a friend list, new or changed: the whole of it as decided, with its friend groups, which exist.
    PutFriend {
        /// Whose list.
        user: UserId,
        /// The entry.
        friend: Box<Friend>,
    },
    /// An entry leaves a friend list.
    DeleteFriend {
        /// Whose list.
        user: UserId,
        /// Who is listed no longer.
        peer: UserId,
    },
    /// A friend group, unless there is one of that name.
    PutFriendGroup {
        /// Whose.
        user: UserId,
        /// Its name.
        name: String,
    },
    /// A friend group gets another name.
    RenameFriendGroup {
        /// Whose.
        user: UserId,
        /// Its name.
        old: String,
        /// Its name from now on.
        new: String,
    },
    /// A friend group; who was in it stays a friend.
    DeleteFriendGroup {
        /// Whose.
        user: UserId,
        /// Its name.
        name: String,
    },
    /// A friend comes into a friend group, or leaves it.
    SetFriendGroup {
        /// Whose.
        user: UserId,
        /// Its name.
        name: String,
        /// Who.
        peer: UserId,
        /// Comes, or leaves.
        member: bool,
    },
    /// A friend request on one side, new or made again.
    PutFriendRequest(Box<FriendRequest>),
    /// A friend request is gone from one side.
    DeleteFriendRequest {
        /// On whose side.
        user: UserId,
        /// The other one.
        peer: UserId,
        /// The user made it; else was asked.
        sent: bool,
    },
    /// A user has seen the requests made up to a moment.
    SeeFriendRequests {
        /// Who.
        user: UserId,
        /// Up to when.
        until: Timestamp,
    },
    /// Somebody comes onto a block list.
    Block {
        /// Whose list.
        user: UserId,
        /// Whom.
        peer: UserId,
        /// When.
        at: Timestamp,
    },
    /// Somebody leaves a block list.
    Unblock {
        /// Whose list.
        user: UserId,
        /// Whom.
        peer: UserId,
    },
    /// Somebody follows somebody, once.
    Follow {
        /// Who follows.
        user: UserId,
        /// Whom.
        peer: UserId,
        /// Since when.
        at: Timestamp,
    },
    /// Somebody follows somebody no longer.
    Unfollow {
        /// Who followed.
        user: UserId,
        /// Whom.
        peer: UserId,
    },
    /// A user wants to hear of the presence of others; beyond `cap` the oldest wishes are forgotten.
    WatchStatus {
        /// Who wants to hear.
        user: UserId,
        /// Of whom.
        peers: Vec<UserId>,
        /// The most.
        cap: u32,
    },
    /// A user no longer wants to hear of the presence of some, or of anybody.
    UnwatchStatus {
        /// Who.
        user: UserId,
        /// Of whom; absent: of anybody.
        peers: Option<Vec<UserId>>,
    },
    /// A device logged in with a ticket: it is the newest.
    PutDevice {
        /// Whose.
        user: UserId,
        /// Its own name for itself.
        instance: String,
        /// Its platform's number.
        platform: u32,
        /// When.
        time: Timestamp,
    },
    /// A device logged out, or was thrown out; absent: all of them.
    DeleteDevice {
        /// Whose.
        user: UserId,
        /// Its own name for itself.
        instance: Option<String>,
    },
    /// An account with its side of conversations and relations. Memberships are ended by [`Write::DeleteMember`] before it in
    /// the same change; who is still a member of a group is not deleted (a conflict: load again, decide again).
    DeleteAccount(UserId),
    /// An account was deleted: for a while its id may not be used again.
    NoteDeletion {
        /// Whose id.
        user: UserId,
        /// When.
        at: Timestamp,
    },
    /// An account is a robot of the app, switched on or off.
    SetRobot {
        /// Which account.
        user: UserId,
        /// Hears what is said to it.
        on: bool,
    },
    /// An application to join waits for a decision.
    PutApplication(Application),
    /// An application was decided.
    DeleteApplication {
        /// The group.
        group: GroupId,
        /// Who applied.
        applicant: UserId,
    },
    /// A notice that waits in the user's log for those who are away, and is told to those online.
    Notify {
        /// Whom.
        user: UserId,
        /// What.
        notice: Arc<Notice>,
        /// When.
        time: Timestamp,
    },
    /// A file is no longer served, or is again.
    SetFileBan {
        /// Which.
        key: String,
        /// Whether it is banned.
        banned: bool,
    },
    /// A push, or the end of one, takes the next place in the app's list.
    PutPush(Box<Push>),
    /// How far a push has come.
    SetPushProgress {
        /// Which.
        task: String,
        /// How far.
        progress: Progress,
    },
    /// A push waits for its time.
    SchedulePush {
        /// When that is.
        due: Timestamp,
        /// What.
        push: Box<Push>,
    },
    /// A push no longer waits for its time.
    UnschedulePush(String),
    /// The user is served from the list of pushes up to a place; never back.
    SetPushPosition {
        /// Who.
        user: UserId,
        /// The place.
        pos: u64,
    },
    /// What an attribute of users is called.
    SetPushAttributeName {
        /// Its number.
        number: u8,
        /// Its name.
        name: String,
    },
    /// A user's attribute.
    SetPushAttribute {
        /// Whose.
        user: UserId,
        /// Its number.
        number: u8,
        /// Its value; absent: none any longer.
        value: Option<String>,
    },
    /// A user has a tag, or no longer.
    SetPushTag {
        /// Who.
        user: UserId,
        /// Which.
        tag: String,
        /// Has it, or no longer.
        on: bool,
    },
    /// A user has no tags any longer.
    ClearPushTags(UserId),
    /// A device that can be told of what happens while it is away; a token belongs to one device only.
    PutPushDevice {
        /// Whose.
        user: UserId,
        /// The device.
        device: Box<PushDevice>,
        /// When it was heard of.
        now: Timestamp,
        /// So many devices of the user are kept, those heard of last.
        most: u32,
    },
    /// A device is forgotten.
    DeletePushDevice {
        /// Whose.
        user: UserId,
        /// Its own name for itself.
        device: String,
    },
    /// A notice was dealt with and no longer waits.
    DropNotice {
        /// Whose.
        user: UserId,
        /// [`Notice::id`].
        id: u64,
    },
    /// Words, new or changed. Their ids are the store's.
    PutWords(Vec<Word>),
    /// Words go from a list. Those that are not on it are passed over.
    DeleteWords {
        /// The list.
        list: WordList,
        /// The words, and whether each is a regular expression.
        words: Vec<(String, bool)>,
    },
    /// What was counted.
    Count(Box<Counts>),
    /// An official account, new or changed. Its counts are the store's, its account a [`Write::PutAccount`].
    PutOfficialAccount(Box<OfficialAccount>),
    /// An official account with its subscriptions and broadcasts; what subscribers received stays theirs.
    DeleteOfficialAccount(UserId),
    /// Somebody subscribes, or what the app knows of the subscription changes.
    PutSubscriber {
        /// The official account.
        account: UserId,
        /// Who.
        user: UserId,
        /// Since when; of a known subscription the first moment stays.
        since: Timestamp,
        /// Whatever the app wants to know of it; absent: as it was.
        custom: Option<String>,
    },
    /// Somebody no longer subscribes.
    DeleteSubscriber {
        /// The official account.
        account: UserId,
        /// Who.
        user: UserId,
    },
    /// An official account spoke, or took it back.
    PutBroadcast {
        /// The official account.
        account: UserId,
        /// What it said.
        broadcast: Box<Broadcast>,
    },
}

/// A message to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Append {
    /// The message.
    pub draft: Arc<Draft>,
    /// A message of the same sender with the same dice in the same conversation that arrived at most so many seconds ago is
    /// the same message: the first result is answered again and the whole change is dropped.
    pub dedupe_secs: u32,
}

/// What the world is told after a commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The change's n-th append took its place (counted from 0).
    Stored(usize),
    /// A message that is not stored: for those online only.
    Transient(Arc<Draft>),
    /// A message of a live room, with its number; not stored.
    Live {
        /// The message.
        draft: Arc<Draft>,
        /// Its number.
        seq: u64,
    },
    /// A tip that is not stored.
    Tip {
        /// The group.
        group: GroupId,
        /// What happened.
        tip: Tip,
    },
    /// A tip that is not stored, for everybody but the device that caused it.
    TipToOthers {
        /// The group.
        group: GroupId,
        /// What happened.
        tip: Tip,
        /// The session that knows already.
        sent_on: Option<u64>,
    },
    /// A notice that is not kept.
    Notice {
        /// Whom; empty: all members.
        users: Vec<UserId>,
        /// What.
        notice: Arc<Notice>,
    },
    /// Memberships changed: whose sessions get the group's events from now on.
    Membership {
        /// The group.
        group: GroupId,
        /// Who came.
        joined: Vec<UserId>,
        /// Who went.
        left: Vec<UserId>,
    },
    /// A member's receive option changed.
    ReceiveOption {
        /// The group.
        group: GroupId,
        /// Only of this topic.
        topic: Option<TopicId>,
        /// Whose.
        user: UserId,
        /// Nothing is delivered to them.
        discard: bool,
    },
    /// A group is no more; its sessions are released.
    GroupGone(GroupId),
    /// Messages were recalled.
    Recalled {
        /// Where.
        conversation: ConversationKey,
        /// Which, as they lay.
        messages: Vec<Arc<Draft>>,
        /// Their numbers, in the same order.
        seqs: Vec<u64>,
        /// By whom and why.
        recall: Recall,
    },
    /// A message was overwritten.
    Edited {
        /// Where.
        conversation: ConversationKey,
        /// Its number.
        seq: u64,
        /// As it lay before.
        before: Arc<Draft>,
        /// Elements now, JSON text.
        elements: Arc<str>,
        /// Data now.
        cloud_custom_data: Option<Arc<str>>,
        /// Version now.
        version: u32,
        /// Who edited.
        by: UserId,
    },
    /// Somebody said to have read messages that keep receipts; for their senders.
    Receipts {
        /// Where.
        conversation: ConversationKey,
        /// Who read.
        reader: UserId,
        /// Which.
        messages: Vec<Message>,
    },
    /// Key-values of a message changed.
    Extended {
        /// Its number.
        seq: u64,
        /// The message.
        message: Arc<Draft>,
        /// Pairs that were set or deleted.
        pairs: Vec<Pair>,
        /// What was done.
        done: extend::Done,
        /// The message's counter now.
        latest: u64,
    },
    /// Somebody reacts to a message, or no longer does.
    Reacted {
        /// Its number.
        seq: u64,
        /// The message.
        message: Arc<Draft>,
        /// How.
        reaction: String,
        /// Who.
        user: UserId,
        /// Reacts, or no longer does.
        reacts: bool,
    },
    /// A message is held up by its group, or no longer is.
    Pinned {
        /// The message.
        message: Box<Message>,
        /// Who did it.
        by: UserId,
        /// Held up, or no longer.
        pinned: bool,
    },
    /// A member read up to a number; for the member's other devices.
    GroupRead {
        /// The group or topic.
        conversation: ConversationKey,
        /// Who read.
        user: UserId,
        /// Up to which number.
        seq: u64,
    },
    /// A user's list of conversations changed; for the user's other devices.
    Contacts {
        /// Whose.
        user: UserId,
        /// The session that knows already.
        session: Option<u64>,
        /// What changed.
        news: News,
    },
    /// One side of a one-to-one conversation read up to a moment; for both sides.
    DirectRead {
        /// Who read.
        user: UserId,
        /// With whom.
        peer: UserId,
        /// Messages up to this moment.
        until: Timestamp,
    },
    /// A profile changed; for the owner's devices and those who may see it.
    ProfileChanged {
        /// Whose.
        user: UserId,
        /// The changed tags.
        tags: Vec<String>,
    },
    /// An account's relations changed; for its devices.
    Relation {
        /// Whose.
        user: UserId,
        /// How.
        news: RelationNews,
    },
    /// Somebody came, went, or says something else of themselves; for those who watch.
    PresenceChanged {
        /// Who.
        user: UserId,
        /// They say something else: their own devices hear of it, too.
        said: bool,
    },
    /// A group's profile changed; whoever keeps copies drops them.
    GroupProfileChanged {
        /// The group.
        group: GroupId,
        /// Who changed it.
        by: UserId,
        /// What is new.
        changes: GroupChanges,
    },
    /// All sessions of a user end.
    Kicked {
        /// Whose.
        user: UserId,
    },
}
