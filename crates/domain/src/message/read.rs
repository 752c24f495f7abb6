//! How far members have read.

use crate::{
    UserId,
    change::{Change, Event, Write},
    conversation::ConversationKey,
};

/// A member has read up to a number. Positions only move forward, and not beyond what was said.
#[must_use]
pub fn read(conversation: &ConversationKey, user: &UserId, read_seq: u64, reported: u64, last_seq: u64) -> Change {
    let seq = reported.min(last_seq);
    if seq <= read_seq {
        return Change::none();
    }
    Change::none()
        .write(Write::SetRead { conversation: conversation.clone(), user: user.clone(), seq, force: false })
        .event(Event::GroupRead { conversation: conversation.clone(), user: user.clone(), seq })
}

/// A member has so many unread messages from now on, at most all there are; nobody is told (docs/spec/rest-groups.md#3.8).
#[must_use]
pub fn set_unread(conversation: &ConversationKey, user: &UserId, unread: u64, last_seq: u64) -> Change {
    let seq = last_seq.saturating_sub(unread);
    Change::none().write(Write::SetRead { conversation: conversation.clone(), user: user.clone(), seq, force: true })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::GroupId;

    fn line() -> ConversationKey {
        ConversationKey::Group(GroupId::trusted("g"))
    }

    fn position(change: &Change) -> Option<u64> {
        change.writes.iter().find_map(|write| if let Write::SetRead { seq, .. } = write { Some(*seq) } else { None })
    }

    #[rstest]
    #[case::forward(3, 5, 9, Some(5))]
    #[case::to_the_end(3, 9, 9, Some(9))]
    #[case::beyond_the_end(3, 4_000, 9, Some(9))]
    #[case::again(5, 5, 9, None)]
    #[case::backward(5, 4, 9, None)]
    #[case::nothing_said(0, 4, 0, None)]
    fn reports(#[case] read_seq: u64, #[case] reported: u64, #[case] last_seq: u64, #[case] expected: Option<u64>) {
        let change = read(&line(), &UserId::trusted("ana"), read_seq, reported, last_seq);
        assert_eq!(position(&change), expected);
        assert_eq!(change.events.len(), usize::from(expected.is_some()));
    }

    #[rstest]
    #[case(0, 9, 9)]
    #[case(2, 9, 7)]
    #[case(50, 9, 0)]
    fn unread_numbers(#[case] unread: u64, #[case] last_seq: u64, #[case] expected: u64) {
        let change = set_unread(&line(), &UserId::trusted("ana"), unread, last_seq);
        assert_eq!(position(&change), Some(expected));
        assert!(change.events.is_empty());
    }
}
