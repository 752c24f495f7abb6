//! What can be read, one small trait per noun. A page costs the page, whatever the table holds.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use tsudoi_domain::{
    AppId, GroupId, TopicId, UserId,
    account::Account,
    conversation::{
        ConversationKey, DirectView, Position,
        care::{Book, Care, Contact},
    },
    group::{
        Group, MsgFlag,
        attribute::{Attributes, Counters},
        permission_group::{Grants, PermissionGroup},
    },
    join::Application,
    member::Member,
    message::{
        Message, MsgKey,
        extras::{Extensions, Pin, ReactionSummary},
    },
    notice::Notice,
    permission::Role,
    push::{Labels, Progress, Push, PushDevice, PushKind},
    relation::{Follow, FollowKind, Friend, FriendGroup, FriendRequest, Pair, People, Tie},
    time::{Millis, MuteUntil, Timestamp},
    topic::{Topic, TopicMember},
};

use crate::{AppRow, StoreError};

type Read<T> = Result<T, StoreError>;

/// Reads apps.
#[async_trait]
pub trait Apps: Send + Sync {
    /// All apps of the server.
    async fn apps(&self) -> Read<Vec<AppRow>>;
    /// A value the server keeps about itself.
    async fn meta(&self, key: &str) -> Read<Option<Vec<u8>>>;
    /// Keeps a value about the server itself, durably.
    async fn put_meta(&self, key: &str, value: &[u8]) -> Read<()>;
}

/// Reads accounts.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// The account, if it is known.
    async fn account(&self, app: AppId, user: &UserId) -> Read<Option<Arc<Account>>>;
    /// The known ones among the users, in their order; unknown ones are `None`.
    async fn accounts(&self, app: AppId, users: &[UserId]) -> Read<Vec<Option<Arc<Account>>>>;
    /// Whether the app has so many accounts, or more.
    async fn accounts_reach(&self, app: AppId, number: u64) -> Read<bool>;
    /// When the account was last deleted, if it ever was.
    async fn deleted_at(&self, app: AppId, user: &UserId) -> Read<Option<Timestamp>>;
    /// The robots of the app in the order of creation, each with whether it is switched on.
    async fn robots(&self, app: AppId) -> Read<Vec<(UserId, bool)>>;
}

/// A page of group ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPage {
    /// All groups that match, whatever the page.
    pub total: u64,
    /// The ids of this page.
    pub ids: Vec<GroupId>,
    /// Where the next page begins; 0 at the end.
    pub next: u64,
}

/// A group as one member has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Joined {
    /// The group.
    pub group: Arc<Group>,
    /// The membership.
    pub member: Arc<Member>,
    /// Where the group's messages stand.
    pub position: Position,
}

/// Reads groups.
#[async_trait]
pub trait Groups: Send + Sync {
    /// The group, if it lives.
    async fn group(&self, app: AppId, group: &GroupId) -> Read<Option<Arc<Group>>>;
    /// Ids of the app's groups, by type when one is given (stored name), in a stable order, from a cursor.
    async fn group_page(&self, app: AppId, group_type: Option<&str>, after: u64, limit: usize) -> Read<GroupPage>;
    /// How many groups the app has, by type when one is given.
    async fn group_count(&self, app: AppId, group_type: Option<&str>) -> Read<u64>;
    /// Ids of the app's groups of the types (stored names) whose name contains the words, capital or small Latin letters
    /// alike, in the order of creation, and how many there are. Looks at all groups of the types.
    async fn groups_named(
        &self,
        app: AppId,
        types: &[&str],
        words: &str,
        skip: u64,
        limit: usize,
    ) -> Read<(Vec<GroupId>, u64)>;
    /// The groups a user is a member of, in the order of joining.
    async fn joined(&self, app: AppId, user: &UserId) -> Read<Vec<Joined>>;
}

/// Reads members and what is kept about users in groups.
#[async_trait]
pub trait Members: Send + Sync {
    /// The membership, if there is one.
    async fn member(&self, app: AppId, group: &GroupId, user: &UserId) -> Read<Option<Arc<Member>>>;
    /// The members among the users, in their order; others are `None`.
    async fn members(&self, app: AppId, group: &GroupId, users: &[UserId]) -> Read<Vec<Option<Arc<Member>>>>;
    /// A page of members: owner first, then admins, then members, each in the order of joining; of the given roles only, when
    /// any are given. Answers the page and where the next one begins, 0 at the end. `offset` counts members, `after` is a cursor
    /// of an earlier page; use one of them.
    async fn member_page(
        &self,
        app: AppId,
        group: &GroupId,
        roles: &[Role],
        offset: u64,
        after: u64,
        limit: usize,
    ) -> Read<(Vec<Arc<Member>>, u64)>;
    /// Who is muted in the group or topic at that moment.
    async fn mutes(
        &self,
        app: AppId,
        group: &GroupId,
        topic: Option<&TopicId>,
        now: Timestamp,
    ) -> Read<Vec<(UserId, MuteUntil)>>;
    /// Until when the user is muted in the group or topic, member or not.
    async fn mute(&self, app: AppId, group: &GroupId, topic: Option<&TopicId>, user: &UserId) -> Read<MuteUntil>;
    /// Who is banned at that moment, ordered by user, from an offset.
    async fn bans(
        &self,
        app: AppId,
        group: &GroupId,
        now: Timestamp,
        offset: u64,
        limit: usize,
    ) -> Read<Vec<(UserId, MuteUntil)>>;
    /// Until when the user is banned.
    async fn ban(&self, app: AppId, group: &GroupId, user: &UserId) -> Read<MuteUntil>;
    /// The application of a user, if one waits.
    async fn application(&self, app: AppId, group: &GroupId, applicant: &UserId) -> Read<Option<Application>>;
    /// Applications that wait for a user's decision: those of all groups the user owns or administers, newest first.
    async fn applications_for(&self, app: AppId, user: &UserId, limit: usize) -> Read<Vec<Application>>;
}

/// A topic and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicEntry {
    /// The topic.
    pub topic: Arc<Topic>,
    /// Where its messages stand.
    pub position: Position,
    /// What the user who was named has there, when they are a member of the community.
    pub own: Option<TopicMember>,
}

/// Reads topics.
#[async_trait]
pub trait Topics: Send + Sync {
    /// The topic, if it lives.
    async fn topic(&self, app: AppId, topic: &TopicId) -> Read<Option<Arc<Topic>>>;
    /// The topics of a community in the order of creation, as a user has them when one is named.
    async fn topics(&self, app: AppId, group: &GroupId, user: Option<&UserId>) -> Read<Vec<TopicEntry>>;
    /// The named topics in their order, as a user has them when one is named; those that do not live are `None`.
    async fn topic_entries(
        &self,
        app: AppId,
        topics: &[TopicId],
        user: Option<&UserId>,
    ) -> Read<Vec<Option<TopicEntry>>>;
    /// What a user wants of the messages of single topics of a community, where they chose.
    async fn topic_flags(&self, app: AppId, group: &GroupId, user: &UserId) -> Read<Vec<(TopicId, MsgFlag)>>;
    /// How many topics a community has.
    async fn topic_count(&self, app: AppId, group: &GroupId) -> Read<u64>;
}

/// A live room as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveRoom {
    /// Its group.
    pub group: GroupId,
    /// No message has a number above this one.
    pub reserved_seq: u64,
    /// Who is in it, when they entered, and their place in the order of entering.
    pub members: Vec<(UserId, Timestamp, u64)>,
    /// Its admins.
    pub admins: Vec<UserId>,
    /// Who is marked, how, until when.
    pub marks: Vec<(UserId, u32, MuteUntil)>,
}

/// Reads live rooms.
#[async_trait]
pub trait LiveRooms: Send + Sync {
    /// All live rooms of the app of which anything is kept.
    async fn live_rooms(&self, app: AppId) -> Read<Vec<LiveRoom>>;
    /// The number of the newest message to all live rooms of the app; 0 before the first.
    async fn broadcast_seq(&self, app: AppId) -> Read<u64>;
}

/// Reads what apps keep in groups.
#[async_trait]
pub trait GroupData: Send + Sync {
    /// The attributes of a group; none when there is no such group.
    async fn attributes(&self, app: AppId, group: &GroupId) -> Read<Attributes>;
    /// The counters of a group; none when there is no such group.
    async fn counters(&self, app: AppId, group: &GroupId) -> Read<Counters>;
}

/// Reads the permission groups of communities.
#[async_trait]
pub trait PermissionGroups: Send + Sync {
    /// The permission group, if there is one.
    async fn permission_group(&self, app: AppId, group: &GroupId, id: &str) -> Read<Option<PermissionGroup>>;
    /// The permission groups of a community by id, after one, empty at first.
    async fn permission_groups(
        &self,
        app: AppId,
        group: &GroupId,
        after: &str,
        limit: usize,
    ) -> Read<Vec<PermissionGroup>>;
    /// What a permission group allows in single topics, by topic.
    async fn topic_permissions(&self, app: AppId, group: &GroupId, id: &str) -> Read<Vec<(TopicId, u64)>>;
    /// The members of a permission group by id, after one.
    async fn permission_members(
        &self,
        app: AppId,
        group: &GroupId,
        id: &str,
        after: Option<&UserId>,
        limit: usize,
    ) -> Read<Vec<UserId>>;
    /// The ids of the permission groups that a user is in.
    async fn permission_groups_of(&self, app: AppId, group: &GroupId, user: &UserId) -> Read<Vec<String>>;
    /// What the permission groups of a user allow, all together.
    async fn grants(&self, app: AppId, group: &GroupId, user: &UserId) -> Read<Arc<Grants>>;
}

/// Which way history is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From newer to older.
    Older,
    /// From older to newer.
    Newer,
}

/// A page of one-to-one history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectQuery {
    /// Which way.
    pub direction: Direction,
    /// Not before this moment.
    pub from: Timestamp,
    /// Not after this moment.
    pub until: Timestamp,
    /// Continue after this message, which is not repeated.
    pub after: Option<MsgKey>,
    /// At most so many.
    pub limit: usize,
}

/// Reads messages.
#[async_trait]
pub trait Messages: Send + Sync {
    /// The messages with numbers from `low` to `high`, newest first.
    async fn history(&self, app: AppId, conversation: &ConversationKey, low: u64, high: u64) -> Read<Vec<Message>>;
    /// One message.
    async fn message(&self, app: AppId, conversation: &ConversationKey, seq: u64) -> Read<Option<Message>>;
    /// Recalled messages among the newest `window`, newest first.
    async fn recalled(&self, app: AppId, conversation: &ConversationKey, window: u64) -> Read<Vec<Message>>;
    /// One-to-one history as one side sees it, ordered by time, the sender's number, arrival.
    async fn direct_history(&self, app: AppId, user: &UserId, peer: &UserId, query: &DirectQuery)
    -> Read<Vec<Message>>;
    /// The one-to-one message with that key in that direction.
    async fn direct_message(&self, app: AppId, from: &UserId, to: &UserId, key: MsgKey) -> Read<Option<Message>>;
}

/// Reads what members added to messages.
#[async_trait]
pub trait MessageExtras: Send + Sync {
    /// Numbers of a group or topic from `low` to `high` that the user deleted from their own view, ascending. One-to-one history
    /// leaves them out by itself.
    async fn hidden(
        &self,
        app: AppId,
        conversation: &ConversationKey,
        user: &UserId,
        low: u64,
        high: u64,
    ) -> Read<Vec<u64>>;
    /// Who said to have read the message and when, ordered by id. Only small groups keep receipts.
    async fn readers(&self, app: AppId, conversation: &ConversationKey, seq: u64) -> Read<Vec<(UserId, Timestamp)>>;
    /// Which of the messages the user said to have read.
    async fn read_by(&self, app: AppId, conversation: &ConversationKey, user: &UserId, seqs: &[u64]) -> Read<Vec<u64>>;
    /// The key-values of the message.
    async fn extensions(&self, app: AppId, conversation: &ConversationKey, seq: u64) -> Read<Extensions>;
    /// The reactions to the message in the order in which they came up, each with its first `sample` users.
    async fn reactions(
        &self,
        app: AppId,
        conversation: &ConversationKey,
        seq: u64,
        reader: &UserId,
        sample: usize,
    ) -> Read<Vec<ReactionSummary>>;
    /// Who reacts so, earliest first, each with its place, after a place.
    async fn reacted(
        &self,
        app: AppId,
        conversation: &ConversationKey,
        seq: u64,
        reaction: &str,
        after: u64,
        limit: usize,
    ) -> Read<Vec<(u64, UserId)>>;
    /// The pinned messages, by number.
    async fn pins(&self, app: AppId, conversation: &ConversationKey) -> Read<Vec<Pin>>;
}

/// Reads where conversations stand.
#[async_trait]
pub trait Conversations: Send + Sync {
    /// Where the conversation stands; all zero when nobody spoke yet.
    async fn position(&self, app: AppId, conversation: &ConversationKey) -> Read<Position>;
    /// One side's view of a one-to-one conversation.
    async fn direct_view(&self, app: AppId, user: &UserId, peer: &UserId) -> Read<Option<DirectView>>;
    /// A user's one-to-one views changed after a moment (inclusive), the newest `limit` of them, newest first.
    async fn direct_views(&self, app: AppId, user: &UserId, since: Timestamp, limit: usize) -> Read<Vec<DirectView>>;
    /// How many one-to-one messages of a user are unread, in all conversations.
    async fn unread_total(&self, app: AppId, user: &UserId) -> Read<u64>;
    /// Views with unread messages, at most `limit`, newest first.
    async fn unread_views(&self, app: AppId, user: &UserId, limit: usize) -> Read<Vec<DirectView>>;
    /// Tells which of two messages of any conversations arrived later: the one with the larger number. 0 when it is not there.
    async fn arrival(&self, app: AppId, conversation: &ConversationKey, seq: u64) -> Read<u64>;
}

/// Reads what is kept about uploaded files.
#[async_trait]
pub trait Files: Send + Sync {
    /// Whether the file may not be served.
    async fn is_file_banned(&self, app: AppId, key: &str) -> Read<bool>;
}

/// Reads what users do with the conversations of their lists.
#[async_trait]
pub trait Contacts: Send + Sync {
    /// What the user keeps about conversations as a whole.
    async fn book(&self, app: AppId, user: &UserId) -> Read<Book>;
    /// What the user did with the conversation.
    async fn care(&self, app: AppId, user: &UserId, contact: &Contact) -> Read<Care>;
    /// What the user did with conversations of groups, in no order. As many as the user is in groups at most.
    async fn care_of_groups(&self, app: AppId, user: &UserId) -> Read<Vec<(GroupId, Care)>>;
    /// One-to-one conversations that the user did something with since a moment (inclusive), the newest `limit` of them.
    async fn care_changed(
        &self,
        app: AppId,
        user: &UserId,
        since: Timestamp,
        limit: usize,
    ) -> Read<Vec<(UserId, Care)>>;
    /// The pinned conversations, the newest pin first.
    async fn pinned(&self, app: AppId, user: &UserId) -> Read<Vec<(Contact, Care)>>;
    /// Conversations with a mark, own data or a folder, in a stable order.
    async fn grouped(&self, app: AppId, user: &UserId, offset: u64, limit: usize) -> Read<Vec<(Contact, Care)>>;
    /// How many conversations have a mark, own data or a folder.
    async fn grouped_count(&self, app: AppId, user: &UserId) -> Read<u64>;
    /// A record of merged messages, JSON text.
    async fn record(&self, app: AppId, key: &str) -> Read<Option<Arc<str>>>;
}

/// An entry of an app's list of pushes.
#[derive(Debug, Clone, PartialEq)]
pub struct PushEntry {
    /// Its place: grows with every push of the server.
    pub pos: u64,
    /// What it is.
    pub push: Push,
    /// How far it has come.
    pub progress: Progress,
}

/// A push that waits for its time.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduledPush {
    /// When that is.
    pub due: Timestamp,
    /// What it will be.
    pub push: Push,
}

/// An account that was met on the way through all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundAccount {
    /// Where the way goes on behind it.
    pub cursor: u64,
    /// Who.
    pub user: UserId,
    /// When the account came to be.
    pub created_at: Timestamp,
}

/// Reads pushes, what users are known by when an app pushes, and the devices of users.
#[async_trait]
pub trait Pushes: Send + Sync {
    /// The declared attributes by number.
    async fn attribute_names(&self, app: AppId) -> Read<BTreeMap<u8, String>>;
    /// What the users are known by, in their order.
    async fn labels(&self, app: AppId, users: &[UserId]) -> Read<Vec<Labels>>;
    /// The push of that name.
    async fn push(&self, app: AppId, task: &str) -> Read<Option<PushEntry>>;
    /// The name of the first push with those dice since a moment.
    async fn push_of_dice(&self, app: AppId, random: u32, since: Millis) -> Read<Option<String>>;
    /// How many pushes of a kind were made since a moment, and when the last one was.
    async fn pushes_since(&self, app: AppId, kind: PushKind, since: Millis) -> Read<(u64, Option<Millis>)>;
    /// Entries after a place that are kept for those who come later, oldest first.
    async fn pushes_after(&self, app: AppId, pos: u64, limit: usize) -> Read<Vec<PushEntry>>;
    /// Pushes made in a span, newest first.
    async fn pushes_between(&self, app: AppId, from: Timestamp, until: Timestamp, limit: usize)
    -> Read<Vec<PushEntry>>;
    /// Pushes that are not through.
    async fn unfinished_pushes(&self, app: AppId) -> Read<Vec<PushEntry>>;
    /// The place of the newest entry that is kept for those who come later; 0: there is none.
    async fn last_kept_push(&self, app: AppId) -> Read<u64>;
    /// Up to which place the user was served.
    async fn push_position(&self, app: AppId, user: &UserId) -> Read<u64>;
    /// The user's devices, the one heard of last first.
    async fn push_devices(&self, app: AppId, user: &UserId) -> Read<Vec<PushDevice>>;
    /// Whose device has that name.
    async fn owner_of_device(&self, app: AppId, device: &str) -> Read<Option<UserId>>;
    /// Members of a group who have devices by id, after one, empty at first.
    async fn members_with_devices(&self, app: AppId, group: &GroupId, after: &str, limit: usize) -> Read<Vec<UserId>>;
    /// Accounts in the order in which they came to be, from a mark on, 0 at first.
    async fn accounts_after(&self, app: AppId, cursor: u64, limit: usize) -> Read<Vec<FoundAccount>>;
    /// Pushes whose time has come at a moment, the earliest first.
    async fn scheduled_pushes(&self, app: AppId, until: Timestamp, limit: usize) -> Read<Vec<ScheduledPush>>;
}

/// An entry of a user's log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEntry {
    /// Its place, contiguous from 1 per user.
    pub pos: u64,
    /// When it came.
    pub time: Timestamp,
    /// What it is.
    pub item: LogItem,
}

/// What a user missed.
#[derive(Debug, Clone, PartialEq)]
pub enum LogItem {
    /// A one-to-one message that came in.
    Message(Box<Message>),
    /// A notice.
    Notice(Arc<Notice>),
}

/// Reads a user's log of inbound one-to-one messages and notices.
#[async_trait]
pub trait UserLog: Send + Sync {
    /// The place of the newest entry; 0 when there is none.
    async fn log_end(&self, app: AppId, user: &UserId) -> Read<u64>;
    /// Entries after a place, oldest first.
    async fn log_after(&self, app: AppId, user: &UserId, pos: u64, limit: usize) -> Read<Vec<LogEntry>>;
}

/// An entry of a block list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// Where the list goes on after it.
    pub place: u64,
    /// Who is blocked.
    pub user: UserId,
    /// Since when.
    pub since: Timestamp,
}

/// A device that logged in with a ticket and did not log out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its own name for itself.
    pub instance: String,
    /// Its platform's number.
    pub platform: u32,
    /// When it logged in.
    pub since: Timestamp,
}

/// Reads what accounts are to each other. Every page comes with places; the next one is asked for after the last place.
#[async_trait]
pub trait Relations: Send + Sync {
    /// The numbers of an account's relations; all zero when it has none.
    async fn people(&self, app: AppId, user: &UserId) -> Read<People>;
    /// What one account has of another.
    async fn tie(&self, app: AppId, user: &UserId, peer: &UserId) -> Read<Tie>;
    /// What there is between an account and each of the others, at one moment.
    async fn pairs(&self, app: AppId, user: &UserId, peers: &[UserId]) -> Read<Vec<Pair>>;
    /// An entry of a friend list.
    async fn friend(&self, app: AppId, user: &UserId, peer: &UserId) -> Read<Option<Friend>>;
    /// A page of a friend list in the order of addition.
    async fn friend_page(&self, app: AppId, user: &UserId, after: u64, limit: usize) -> Read<Vec<(u64, Friend)>>;
    /// A page of those who have the account in their friend list.
    async fn listed_by(&self, app: AppId, user: &UserId, after: u64, limit: usize) -> Read<Vec<(u64, UserId)>>;
    /// An account's friend groups in the order of creation.
    async fn friend_groups(&self, app: AppId, user: &UserId) -> Read<Vec<FriendGroup>>;
    /// Who is in a friend group; `None` when there is no such group.
    async fn friend_group_members(&self, app: AppId, user: &UserId, name: &str) -> Read<Option<Vec<UserId>>>;
    /// The requests on an account's side, made and received, in no order. They are few.
    async fn friend_requests(&self, app: AppId, user: &UserId) -> Read<Vec<FriendRequest>>;
    /// A page of a block list in the order of blocking.
    async fn blocked_page(&self, app: AppId, user: &UserId, after: u64, limit: usize) -> Read<Vec<Blocked>>;
    /// Whether one account follows another.
    async fn follows(&self, app: AppId, user: &UserId, peer: &UserId) -> Read<bool>;
    /// A page of followers in the order of following.
    async fn follow_page(
        &self,
        app: AppId,
        user: &UserId,
        kind: FollowKind,
        after: u64,
        limit: usize,
    ) -> Read<Vec<(u64, Follow)>>;
    /// A page of those who want to hear of the account's presence.
    async fn status_watchers(&self, app: AppId, user: &UserId, after: u64, limit: usize) -> Read<Vec<(u64, UserId)>>;
    /// The account's devices, the newest last. They are few.
    async fn devices(&self, app: AppId, user: &UserId) -> Read<Vec<Device>>;
}
