//! Conversations: what messages are numbered in, and one user's view of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{GroupId, TopicId, UserId, time::Timestamp};

/// A line of messages with sequence numbers of its own: a group, a topic, or two people.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ConversationKey {
    /// A group.
    Group(GroupId),
    /// A topic of a community.
    Topic(TopicId),
    /// Two people, the smaller id first; use [`ConversationKey::direct`].
    Direct(UserId, UserId),
}

impl ConversationKey {
    /// The conversation between two people, whoever names it.
    #[must_use]
    pub fn direct(one: &UserId, other: &UserId) -> Self {
        if one <= other { Self::Direct(one.clone(), other.clone()) } else { Self::Direct(other.clone(), one.clone()) }
    }
}

impl fmt::Display for ConversationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(id) => write!(f, "group {id}"),
            Self::Topic(id) => write!(f, "topic {id}"),
            Self::Direct(one, other) => write!(f, "{one} with {other}"),
        }
    }
}

/// Where a conversation stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Sequence number of the newest message; 0 when there is none.
    pub last_seq: u64,
    /// When the newest message arrived.
    pub last_time: Timestamp,
    /// Sequence number of the message that conversation lists show; messages sent with `NoLastMsg` do not move it.
    pub shown_seq: u64,
    /// When that message arrived.
    pub shown_time: Timestamp,
}

/// One user's view of a one-to-one conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectView {
    /// The other one.
    pub peer: UserId,
    /// Sequence number of the message that the conversation list shows; 0 when the conversation is not listed.
    pub shown_seq: u64,
    /// When the view last changed; orders the conversation list.
    pub updated_at: Timestamp,
    /// Messages up to this moment are read.
    pub read_until: Timestamp,
    /// Inbound messages that count as unread, in total.
    pub counted: u64,
    /// How many of them are read.
    pub counted_read: u64,
    /// Messages up to this sequence number are hidden from this user.
    pub cleared_seq: u64,
}

impl DirectView {
    /// A view nobody has looked at yet.
    #[must_use]
    pub fn new(peer: UserId) -> Self {
        Self {
            peer,
            shown_seq: 0,
            updated_at: Timestamp(0),
            read_until: Timestamp(0),
            counted: 0,
            counted_read: 0,
            cleared_seq: 0,
        }
    }

    /// How many inbound messages are unread.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.counted.saturating_sub(self.counted_read)
    }
}
