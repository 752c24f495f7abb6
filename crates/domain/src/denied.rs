//! Every way the rules say no. The doors turn each into the vendor's number in one place.

use crate::{GroupId, TopicId, UserId, group::GroupType, message::MsgKey};

/// The rules say no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No living group has the id.
    #[error("group `{0}` does not exist")]
    NoSuchGroup(GroupId),
    /// The community has no such topic.
    #[error("topic `{0}` does not exist")]
    NoSuchTopic(TopicId),
    /// Not even an app admin may do this in groups of the type.
    #[error("in groups of type {group_type} nobody may {what}")]
    TypeForbids {
        /// The type.
        group_type: GroupType,
        /// What was asked for, as a verb.
        what: &'static str,
    },
    /// Groups of the type do not have this.
    #[error("groups of type {group_type} have no {what}")]
    TypeLacks {
        /// The type.
        group_type: GroupType,
        /// What was asked for, as a noun.
        what: &'static str,
    },
    /// The caller's role does not suffice.
    #[error("{user} may not {what} in group `{group}`")]
    NotPermitted {
        /// Who asked.
        user: UserId,
        /// For what.
        what: &'static str,
        /// Where.
        group: GroupId,
    },
    /// The user is no member.
    #[error("{user} is not a member of group `{group}`")]
    NotMember {
        /// Who.
        user: UserId,
        /// Of what.
        group: GroupId,
    },
    /// The user is a member already.
    #[error("{user} is a member of group `{group}` already")]
    AlreadyMember {
        /// Who.
        user: UserId,
        /// Of what.
        group: GroupId,
    },
    /// The user is banned.
    #[error("{user} is banned from group `{group}`")]
    Banned {
        /// Who.
        user: UserId,
        /// From what.
        group: GroupId,
    },
    /// The sender may not speak.
    #[error("{user} is muted in group `{group}`")]
    Muted {
        /// Who.
        user: UserId,
        /// Where.
        group: GroupId,
    },
    /// The owner may not leave a group of this type.
    #[error("the owner may not leave group `{0}`")]
    OwnerMayNotQuit(GroupId),
    /// No room for more members.
    #[error("group `{group}` is full: it may have {cap} members")]
    GroupFull {
        /// The group.
        group: GroupId,
        /// Its cap.
        cap: u64,
    },
    /// Somebody else's group has the id.
    #[error("group id `{0}` is taken")]
    IdTaken(GroupId),
    /// The caller's own group has the id.
    #[error("group id `{0}` is taken by a group of yours")]
    IdTakenByYou(GroupId),
    /// The application was decided before, or never made.
    #[error("the application of {user} to group `{group}` is not pending")]
    ApplicationHandled {
        /// Who applied.
        user: UserId,
        /// To what.
        group: GroupId,
    },
    /// A named account does not exist.
    #[error("account `{0}` does not exist")]
    NoSuchAccount(UserId),
    /// There is no such group message.
    #[error("message {seq} does not exist")]
    NoSuchMessage {
        /// Its number.
        seq: u64,
    },
    /// Only small groups keep read receipts.
    #[error("group `{group}` has more than {limit} members, too many for read receipts")]
    TooLargeForReceipts {
        /// The group.
        group: GroupId,
        /// The most members.
        limit: u32,
    },
    /// What is not stored has no read receipts.
    #[error("messages for those online only have no read receipts")]
    NoReceiptsOnlineOnly,
    /// There is no message whose key-values could be read or written.
    #[error("message `{0}` does not exist")]
    NoMessageToExtend(String),
    /// The message was sent without support for key-values.
    #[error("message {0} was sent without support for key-values")]
    ExtensionsUnsupported(u64),
    /// Somebody writes the key-values of a message too often.
    #[error("the key-values of a message are written at most {0} times a minute")]
    ExtensionsTooFrequent(u32),
    /// The group holds up as many messages as allowed.
    #[error("the group has {0} pinned messages, which is the most")]
    TooManyPins(u32),
    /// The type has no deletion of messages.
    #[error("groups of type {0} have no deletion of messages")]
    TypeWithoutDeletion(GroupType),
    /// More messages are to be deleted than one call may.
    #[error("one call deletes at most {0} messages")]
    DeleteRangeTooWide(u32),
    /// The recall window is over.
    #[error("message {seq} is older than {limit_secs} seconds")]
    RecallTooLate {
        /// Its number.
        seq: u64,
        /// The window.
        limit_secs: u32,
    },
    /// Tips cannot be recalled.
    #[error("message {seq} cannot be recalled")]
    NotRecallable {
        /// Its number.
        seq: u64,
    },
    /// The type has no recall.
    #[error("groups of type {0} have no recall")]
    TypeWithoutRecall(GroupType),
    /// The type has no stored messages.
    #[error("groups of type {0} have no stored history")]
    TypeWithoutHistory(GroupType),
    /// There is no such one-to-one message.
    #[error("message `{0}` does not exist")]
    NoSuchDirectMessage(MsgKey),
    /// The message was recalled before.
    #[error("message `{0}` was recalled already")]
    DirectAlreadyRecalled(MsgKey),
    /// The recall window of a one-to-one message is over.
    #[error("message `{key}` is older than {limit_secs} seconds")]
    DirectRecallTooLate {
        /// Its key.
        key: MsgKey,
        /// The window.
        limit_secs: u32,
    },
    /// Tips and withdrawn messages cannot be overwritten.
    #[error("message {seq} is a tip or was recalled")]
    NotEditable {
        /// Its number.
        seq: u64,
    },
    /// Somebody edited the message before.
    #[error("the message is at version {current} by now")]
    EditConflict {
        /// Where it stands.
        current: u32,
    },
    /// The user pinned as many conversations as allowed.
    #[error("at most {0} conversations are pinned")]
    TooManyPinned(u32),
    /// The user grouped or marked as many conversations as allowed.
    #[error("at most {0} conversations are grouped or marked")]
    TooManyGrouped(u32),
    /// The user has no group of conversations of that name.
    #[error("there is no conversation group `{0}`")]
    NoSuchFolder(String),
    /// The user has as many groups of conversations as allowed.
    #[error("there are {0} conversation groups, which is the most")]
    TooManyFolders(u32),
    /// The name of a group of conversations is too long.
    #[error("the name of a conversation group has more than {0} bytes")]
    FolderNameTooLong(u32),
    /// The name of a group of conversations cannot be used.
    #[error("{0}")]
    BadFolder(String),
    /// The user is not in the group of a conversation.
    #[error("group `{0}` is gone, or was left")]
    NotInContact(GroupId),
    /// The user owns or joined as many groups as allowed.
    #[error("{user} has {limit} groups, which is the most")]
    TooManyGroups {
        /// Who.
        user: UserId,
        /// The most.
        limit: u32,
    },
    /// The app has as many groups of the type as allowed.
    #[error("the app has {limit} groups of type {group_type}, which is the most")]
    TooManyOfType {
        /// The type.
        group_type: GroupType,
        /// The most.
        limit: u32,
    },
    /// A switch of the app is off.
    #[error("{0} is switched off")]
    FeatureOff(&'static str),
    /// Communities or topics are switched off, or the community holds no topics.
    #[error("topics are not enabled for group `{0}`")]
    TopicsOff(GroupId),
    /// A custom field is not open to the writer.
    #[error("field `{0}` is not open to you for writing")]
    FieldNotWritable(String),
    /// More members were asked for than groups of the type may have.
    #[error("groups of type {group_type} have at most {cap} members")]
    CapBeyondType {
        /// The type.
        group_type: GroupType,
        /// The most.
        cap: u64,
    },
    /// The app has as many groups as allowed.
    #[error("the app has {0} groups, which is the most")]
    TooManyGroupsInApp(u32),
    /// The app's groups grew as much today as allowed.
    #[error("the app has {0} new groups today, which is the most")]
    DailyQuotaReached(u32),
    /// The app has no communities.
    #[error("communities are switched off")]
    CommunitiesOff,
    /// Somebody wrote attributes since the writer last read them.
    #[error("the attributes are at write {current} by now")]
    AttributeConflict {
        /// Where they stand.
        current: u64,
    },
    /// There is no such attribute to delete.
    #[error("there is no attribute `{0}`")]
    NoSuchAttribute(String),
    /// The key of an attribute is too long.
    #[error("`key`: an attribute's key has at most {0} bytes")]
    AttributeKeyTooLong(u32),
    /// The value of an attribute is too long.
    #[error("`value`: attribute `{key}` may have at most {most} bytes")]
    AttributeValueTooLong {
        /// Whose value.
        key: String,
        /// The most bytes.
        most: u32,
    },
    /// The group would have too many attributes.
    #[error("`GroupAttr`: a group has at most {0} attributes")]
    TooManyAttributes(u32),
    /// The group's attributes would be too long together.
    #[error("`GroupAttr`: the attributes of a group have at most {0} bytes together")]
    AttributesTooLong(u32),
    /// The group would have too many counters.
    #[error("`GroupCounter`: a group has at most {0} counters")]
    TooManyCounters(u32),
    /// The app lets the sender say nothing to single users.
    #[error("{0} is muted")]
    DirectMuted(UserId),
    /// The receiver has blocked the sender.
    #[error("{0} has blocked the sender")]
    BlockedByReceiver(UserId),
    /// Only friends may write to each other, and neither lists the other.
    #[error("{0} and the sender are not friends")]
    NotFriends(UserId),
    /// Only friends may write to each other, and the receiver does not list the sender.
    #[error("the sender is not in the friend list of {0}")]
    NotListedByReceiver(UserId),
    /// Only friends may write to each other, and the sender does not list the receiver.
    #[error("{0} is not in the friend list of the sender")]
    ReceiverNotListed(UserId),
    /// Groups of no type are found by name.
    #[error("no type of group can be searched by name")]
    SearchOff,
    /// A value is not allowed here.
    #[error("{0}")]
    BadValue(String),
    /// Members of a live room cannot be removed; the vendor answers a code of its own.
    #[error("groups of type {0} do not remove members")]
    TypeWithoutRemoval(GroupType),
    /// Another topic has the id.
    #[error("topic id `{0}` is taken")]
    TopicIdTaken(TopicId),
    /// The community has as many topics as allowed.
    #[error("community `{group}` has {limit} topics, which is the most")]
    TooManyTopics {
        /// The community.
        group: GroupId,
        /// The most.
        limit: u32,
    },
    /// The community takes no rights from permission groups.
    #[error("permission groups are not enabled for group `{0}`")]
    PermissionGroupsOff(GroupId),
    /// The community has no such permission group.
    #[error("permission group `{0}` does not exist")]
    NoSuchPermissionGroup(String),
    /// Another permission group of the community has the id.
    #[error("permission group id `{0}` is taken")]
    PermissionGroupIdTaken(String),
    /// The community has as many permission groups as allowed.
    #[error("community `{group}` has {limit} permission groups, which is the most")]
    TooManyPermissionGroups {
        /// The community.
        group: GroupId,
        /// The most.
        limit: u32,
    },
    /// The permission group has a mask for the topic already.
    #[error("topic `{0}` is in the permission group already")]
    TopicInPermissionGroup(TopicId),
    /// The permission group has no mask for the topic.
    #[error("topic `{0}` is not in the permission group")]
    TopicNotInPermissionGroup(TopicId),
    /// The user is in the permission group already.
    #[error("{0} is in the permission group already")]
    InPermissionGroup(UserId),
}
