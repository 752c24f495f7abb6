//! Conversations: what messages are numbered in, and one user's view of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{GroupId, TopicId, UserId, time::Timestamp};

pub mod care;

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

/// A conversation on its way into a page of somebody's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// When it last changed.
    pub changed_at: Timestamp,
    /// Orders conversations that changed in the same second; never 0, the same on every call.
    pub tie: u32,
    /// What it is.
    pub item: T,
}

/// How far a client has read a conversation list: everything before that place. A client keeps the cursor of its last page and
/// asks with it for what changed since (docs/spec/websocket-protocol.md#17).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListCursor {
    /// The second.
    pub time: Timestamp,
    /// The last conversation of that second; 0: none of them.
    pub tie: u32,
}

impl ListCursor {
    /// What comes behind the cursor, in the order of change, of the `kept` newest conversations.
    #[must_use]
    pub fn upcoming<T>(self, mut listed: Vec<Listed<T>>, kept: usize) -> Vec<Listed<T>> {
        listed.sort_by_key(|one| (one.changed_at, one.tie));
        let surplus = listed.len().saturating_sub(kept);
        listed.drain(..surplus);
        listed.retain(|one| (one.changed_at, one.tie) > (self.time, self.tie));
        listed
    }

    /// The cursor behind a page of `upcoming`, which holds its first `taken` conversations, and whether the list ends with it.
    ///
    /// A page never ends between two conversations that the cursor cannot tell apart. The final cursor lies before its second, not
    /// behind it: what changes later in the same second belongs to the next call.
    #[must_use]
    pub fn behind<T>(self, upcoming: &[Listed<T>], taken: usize) -> Self {
        match upcoming.get(..taken).and_then(<[_]>::last) {
            Some(last) if taken < upcoming.len() => Self { time: last.changed_at, tie: last.tie },
            Some(last) => Self { time: last.changed_at, tie: 0 },
            None => Self { tie: 0, ..self },
        }
    }
}

/// How many of `upcoming` a page holds that is to hold `wanted`: more when the cursor could not tell its last from the next.
#[must_use]
pub fn page_end<T>(upcoming: &[Listed<T>], wanted: usize) -> usize {
    let Some(last) = wanted.checked_sub(1).and_then(|at| upcoming.get(at)) else { return wanted.min(upcoming.len()) };
    let place = (last.changed_at, last.tie);
    wanted + upcoming[wanted..].iter().take_while(|one| (one.changed_at, one.tie) == place).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn listed() -> impl Strategy<Value = Vec<Listed<usize>>> {
        // Few seconds and few ties, so that both collide.
        prop::collection::vec((1i64..6, 1u32..5), 0..60).prop_map(|places| {
            let lines = places.into_iter().enumerate();
            lines.map(|(item, (at, tie))| Listed { changed_at: Timestamp(at), tie, item }).collect()
        })
    }

    /// Pages from a cursor on, and the final cursor.
    fn pages(all: &[Listed<usize>], mut cursor: ListCursor, size: usize) -> (Vec<usize>, ListCursor) {
        let mut seen = Vec::new();
        loop {
            let upcoming = cursor.upcoming(all.to_vec(), usize::MAX);
            let end = page_end(&upcoming, size.min(upcoming.len()));
            seen.extend(upcoming[..end].iter().map(|one| one.item));
            cursor = cursor.behind(&upcoming, end);
            if end == upcoming.len() {
                return (seen, cursor);
            }
        }
    }

    proptest! {
        #[test]
        fn pages_hold_everything_once_in_the_order_of_change(all in listed(), size in 1usize..8) {
            let (seen, _) = pages(&all, ListCursor::default(), size);
            let mut unique = seen.clone();
            unique.sort_unstable();
            unique.dedup();
            prop_assert_eq!(unique.len(), all.len());
            prop_assert_eq!(seen.len(), all.len());
            prop_assert!(seen.windows(2).all(|pair| all[pair[0]].changed_at <= all[pair[1]].changed_at));
        }

        #[test]
        fn what_changes_later_is_behind_the_final_cursor(all in listed(), size in 1usize..8, at in 5i64..9, tie in 1u32..5) {
            let (_, cursor) = pages(&all, ListCursor::default(), size);
            let mut later = all;
            let item = later.len();
            later.push(Listed { changed_at: Timestamp(at), tie, item });
            prop_assert!(pages(&later, cursor, size).0.contains(&item));
        }

        #[test]
        fn a_conversation_that_moves_up_while_paging_hides_no_other(all in listed(), size in 1usize..8, moved in 0usize..60) {
            prop_assume!(moved < all.len());
            let upcoming = ListCursor::default().upcoming(all.clone(), usize::MAX);
            let end = page_end(&upcoming, size.min(upcoming.len()));
            let mut seen: Vec<usize> = upcoming[..end].iter().map(|one| one.item).collect();
            let cursor = ListCursor::default().behind(&upcoming, end);
            let mut all = all;
            all[moved].changed_at = Timestamp(9);
            seen.extend(pages(&all, cursor, size).0);
            seen.sort_unstable();
            seen.dedup();
            prop_assert_eq!(seen.len(), all.len());
        }
    }

    #[test]
    fn only_the_newest_are_kept() {
        let all = (1..=10).map(|at| Listed { changed_at: Timestamp(at), tie: 1, item: at }).collect();
        let kept = ListCursor::default().upcoming(all, 3);
        assert_eq!(kept.iter().map(|one| one.item).collect::<Vec<_>>(), [8, 9, 10]);
    }
}
