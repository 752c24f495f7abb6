//! Read receipts of single messages: who says to have read what, and how many have not.

use std::collections::BTreeSet;

use super::{Draft, Message, history::Sight};
use crate::{
    UserId,
    change::{Change, Event, Write},
    conversation::ConversationKey,
    denied::Denied,
    member::Member,
    permission::Action,
    scene::Scene,
    time::Timestamp,
};

/// A message of a group that somebody says to have read.
#[derive(Debug, Clone)]
pub struct Reported {
    /// The message, if there is one.
    pub message: Option<Message>,
    /// The reader said so before.
    pub known: bool,
}

/// A member has read messages of a group. Those that keep no receipts, one's own, and those reported before are passed over; their
/// senders are told of the others (docs/spec/rest-groups.md#3.9).
///
/// # Errors
/// What the type forbids; [`Denied::NotMember`] for a reader who is none, also where a backend speaks for them.
pub fn report(scene: &Scene, conversation: &ConversationKey, reported: Vec<Reported>) -> Result<Change, Denied> {
    scene.require(Action::UseReceipts, "report messages as read")?;
    let stranger = || Denied::NotMember { user: scene.user.clone(), group: scene.group.id.clone() };
    if scene.member.is_none() {
        return Err(stranger());
    }
    // A backend that speaks for a member sees what the member sees.
    let sight = Sight::of(&Scene { app_admin: false, ..scene.clone() }, conversation)?;
    let mut seen = BTreeSet::new();
    let messages: Vec<Message> = reported
        .into_iter()
        .filter(|one| !one.known)
        .filter_map(|one| one.message)
        .filter(|message| {
            message.draft.options.need_receipt
                && message.draft.sender.user() != Some(&scene.user)
                && sight.shows(message)
                && seen.insert(message.seq)
        })
        .collect();
    if messages.is_empty() {
        return Ok(Change::none());
    }
    let seqs = messages.iter().map(|message| message.seq).collect();
    Ok(Change::none()
        .write(Write::PutReceipts {
            conversation: conversation.clone(),
            user: scene.user.clone(),
            seqs,
            time: scene.now,
        })
        .event(Event::Receipts { conversation: conversation.clone(), reader: scene.user.clone(), messages }))
}

/// The receiver of one-to-one messages has read them. Those that keep no receipts are passed over (docs/spec/rest-c2c.md#1.10).
#[must_use]
pub fn report_direct(reader: &UserId, reported: Vec<Reported>, time: Timestamp) -> Change {
    let mut seen = BTreeSet::new();
    let messages: Vec<Message> = reported
        .into_iter()
        .filter(|one| !one.known)
        .filter_map(|one| one.message)
        .filter(|message| message.draft.options.need_receipt && seen.insert(message.seq))
        .collect();
    let Some(first) = messages.first() else { return Change::none() };
    let conversation = first.draft.conversation.clone();
    let seqs = messages.iter().map(|message| message.seq).collect();
    Change::none()
        .write(Write::PutReceipts { conversation: conversation.clone(), user: reader.clone(), seqs, time })
        .event(Event::Receipts { conversation, reader: reader.clone(), messages })
}

/// How many are to read a message that the scene's user sends now: its receivers, or all members but its sender.
#[must_use]
pub fn audience(scene: &Scene, targets: &[UserId]) -> u32 {
    let others = if targets.is_empty() {
        scene.group.member_num.saturating_sub(u64::from(scene.member.is_some()))
    } else {
        targets.iter().filter(|target| **target != scene.user).count() as u64
    };
    u32::try_from(others).unwrap_or(u32::MAX)
}

/// How many have read a message, and how many have not: together those who were to read it when it was sent
/// (docs/spec/rest-groups.md#3.10).
#[must_use]
pub fn counts(draft: &Draft, readers: u64) -> (u64, u64) {
    (readers, u64::from(draft.options.receipt_audience).saturating_sub(readers))
}

/// Whether a member of today belongs to those who were to read the message and have not.
#[must_use]
pub fn is_missing(message: &Message, readers: &BTreeSet<UserId>, member: &Member) -> bool {
    let draft = &message.draft;
    let targets = &draft.options.targets;
    member.joined_seq < message.seq
        && draft.sender.user() != Some(&member.user)
        && (targets.is_empty() || targets.contains(&member.user))
        && !readers.contains(&member.user)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::{
        GroupPolicy, Role,
        example::{scene_of, text_of},
        message::MessageOptions,
    };

    fn message(sender: &str, need_receipt: bool, targets: &[&str]) -> Message {
        let options = MessageOptions {
            need_receipt,
            targets: targets.iter().map(|name| UserId::trusted(name)).collect(),
            receipt_audience: 2,
            ..MessageOptions::default()
        };
        Message {
            seq: 4,
            draft: Arc::new(Draft { options, ..text_of(sender, 0) }),
            version: 0,
            recall: None,
            counted: 0,
        }
    }

    #[rstest]
    #[case::counts(message("author", true, &[]), false, true)]
    #[case::keeps_none(message("author", false, &[]), false, false)]
    #[case::own(message("reader", true, &[]), false, false)]
    #[case::known(message("author", true, &[]), true, false)]
    #[case::for_others(message("author", true, &["somebody"]), false, false)]
    #[case::for_the_reader(message("author", true, &["reader"]), false, true)]
    fn reports(#[case] message: Message, #[case] known: bool, #[case] counts: bool) {
        let mut scene = scene_of(GroupPolicy::PUBLIC, "reader", Role::Member);
        for app_admin in [false, true] {
            scene.app_admin = app_admin;
            let line = ConversationKey::Group(scene.group.id.clone());
            let reported = vec![Reported { message: Some(message.clone()), known }; 2];
            let change = report(&scene, &line, reported).expect("may report");
            assert_eq!(change.writes.len(), usize::from(counts));
            if let Some(Write::PutReceipts { seqs, .. }) = change.writes.first() {
                assert_eq!(seqs, &[4], "named twice, counted once");
            }
        }
    }

    #[test]
    fn strangers_and_types_without_receipts() {
        let mut stranger = scene_of(GroupPolicy::PUBLIC, "reader", Role::NotMember);
        stranger.app_admin = true;
        let line = ConversationKey::Group(stranger.group.id.clone());
        assert!(matches!(report(&stranger, &line, Vec::new()), Err(Denied::NotMember { .. })));
        for policy in [GroupPolicy::COMMUNITY, GroupPolicy::AV_CHAT_ROOM] {
            let scene = scene_of(policy, "reader", Role::Owner);
            assert!(matches!(report(&scene, &line, Vec::new()), Err(Denied::TypeForbids { .. })));
        }
    }

    #[test]
    fn who_was_to_read_it() {
        let scene = scene_of(GroupPolicy::PUBLIC, "author", Role::Member);
        assert_eq!(audience(&scene, &[]), 2, "three members");
        let stranger = scene_of(GroupPolicy::PUBLIC, "backend", Role::NotMember);
        assert_eq!(audience(&stranger, &[]), 3);
        assert_eq!(audience(&scene, &message("author", true, &["author", "bob"]).draft.options.targets), 1);
        assert_eq!(counts(&message("author", true, &[]).draft, 1), (1, 1));
        assert_eq!(counts(&message("author", true, &[]).draft, 5), (5, 0));
    }

    #[rstest]
    #[case("bob", 0, true)]
    #[case("bob", 4, false)]
    #[case("author", 0, false)]
    #[case("read", 0, false)]
    fn missing(#[case] user: &str, #[case] joined_seq: u64, #[case] expected: bool) {
        let scene = scene_of(GroupPolicy::PUBLIC, user, Role::Member);
        let member = Member { joined_seq, ..(**scene.member.as_ref().expect("a member")).clone() };
        let readers = BTreeSet::from([UserId::trusted("read")]);
        assert_eq!(is_missing(&message("author", true, &[]), &readers, &member), expected);
    }
}
