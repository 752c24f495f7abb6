//! Who may withdraw which message of a group, and until when.

use std::{collections::BTreeSet, sync::Arc};

use super::{Content, Message, Recall, history::Sight};
use crate::{
    UserId,
    change::{Change, Event, Expect, Write},
    conversation::ConversationKey,
    denied::Denied,
    permission::{Action, Role},
    scene::Scene,
};

/// A message that somebody wants withdrawn.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its number.
    pub seq: u64,
    /// What lies there.
    pub message: Option<Message>,
    /// The role of who wrote it.
    pub author: Role,
}

/// What became of each message that was asked for, in the order of asking.
pub type Results = Vec<(u64, Result<(), Denied>)>;

/// Withdraws messages: each by itself, so that one that may not be withdrawn does not stop the others. A message withdrawn before
/// stays so and counts as done, for clients repeat requests whose answer was lost.
///
/// `window_secs` binds clients; backends withdraw whatever is stored (docs/spec/rest-groups.md#3.3).
///
/// # Errors
/// [`Denied::TypeWithoutRecall`], or that the caller is no member.
pub fn recall(
    scene: &Scene,
    conversation: &ConversationKey,
    asked: &[Asked],
    reason: &str,
    window_secs: u32,
) -> Result<(Results, Change), Denied> {
    // 1. The type, and whether the caller may withdraw anything at all.
    if !scene.policy.recall_supported {
        return Err(Denied::TypeWithoutRecall(scene.group.group_type.clone()));
    }
    scene.require(Action::RecallOwn, "recall messages")?;
    let sight = Sight::of(scene, conversation)?;
    // 2. Each message.
    let mut results = Results::new();
    let mut withdrawn = Vec::new();
    let mut seen = BTreeSet::new();
    for one in asked {
        let verdict = may_recall(scene, &sight, one, window_secs);
        if let Ok(Some(message)) = verdict
            && seen.insert(one.seq)
        {
            withdrawn.push(message.clone());
        }
        results.push((one.seq, verdict.map(|_| ())));
    }
    let recall = Recall { by: scene.user.clone(), reason: reason.to_owned(), at: scene.now };
    Ok((results, withdraw(scene, conversation, withdrawn, &recall)))
}

/// The message, when it is to be withdrawn; `None` when it was before.
fn may_recall<'a>(
    scene: &Scene,
    sight: &Sight,
    asked: &'a Asked,
    window_secs: u32,
) -> Result<Option<&'a Message>, Denied> {
    let seq = asked.seq;
    // 1. What one does not see does not exist.
    let Some(message) = asked.message.as_ref().filter(|message| sight.shows(message)) else {
        return Err(Denied::NoSuchMessage { seq });
    };
    if matches!(message.draft.content, Content::Tip(_)) {
        return Err(Denied::NotRecallable { seq });
    }
    // 2. One's own, or that of somebody of lower rank.
    if message.draft.sender.user() != Some(&scene.user) {
        scene.require_on(Action::RecallOthers, asked.author, "recall messages of others")?;
    }
    if message.recall.is_some() {
        return Ok(None);
    }
    // 3. In time.
    if !scene.app_admin && scene.now.since(message.draft.time) > i64::from(window_secs) {
        return Err(Denied::RecallTooLate { seq, limit_secs: window_secs });
    }
    Ok(Some(message))
}

/// Withdraws what one sender said among the messages given, and tells nobody: readers see it when they read the history again
/// (docs/spec/rest-groups.md#3.6).
#[must_use]
pub fn recall_silently(scene: &Scene, conversation: &ConversationKey, sender: &UserId, said: &[Message]) -> Change {
    let recall = Recall { by: scene.user.clone(), reason: String::new(), at: scene.now };
    let theirs = said.iter().filter(|message| message.draft.sender.user() == Some(sender) && message.recall.is_none());
    theirs.fold(Change::none(), |change, message| {
        change.write(Write::Recall { conversation: conversation.clone(), seq: message.seq, recall: recall.clone() })
    })
}

fn withdraw(scene: &Scene, conversation: &ConversationKey, withdrawn: Vec<Message>, recall: &Recall) -> Change {
    if withdrawn.is_empty() {
        return Change::none();
    }
    let change =
        Change::none().expect(Expect::GroupAt { group: scene.group.id.clone(), revision: scene.group.revision });
    let change = withdrawn.iter().fold(change, |change, message| {
        change.write(Write::Recall { conversation: conversation.clone(), seq: message.seq, recall: recall.clone() })
    });
    change.event(Event::Recalled {
        conversation: conversation.clone(),
        seqs: withdrawn.iter().map(|message| message.seq).collect(),
        messages: withdrawn.into_iter().map(|message| Arc::clone(&message.draft)).collect(),
        recall: recall.clone(),
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        GroupPolicy,
        example::{scene_of, text_of},
        message::{Draft, GroupChanges, MessageOptions, Sender, Tip},
        time::Timestamp,
    };

    const NOW: i64 = 10_000;
    const WINDOW: u32 = 120;

    fn scene(policy: GroupPolicy, role: Role) -> Scene {
        Scene { now: Timestamp(NOW), ..scene_of(policy, "caller", role) }
    }

    fn asked(sender: &str, author: Role, age: i64) -> Asked {
        let draft = text_of(sender, NOW - age);
        Asked {
            seq: 7,
            message: Some(Message { seq: 7, draft: draft.into(), version: 0, recall: None, counted: 0 }),
            author,
        }
    }

    fn decide(scene: &Scene, asked: Asked) -> (Result<(), Denied>, Change) {
        let line = ConversationKey::Group(scene.group.id.clone());
        let (mut results, change) = recall(scene, &line, &[asked], "a slip", WINDOW).expect("may recall at all");
        (results.remove(0).1, change)
    }

    #[derive(Debug, PartialEq)]
    enum Is {
        Done,
        Refused,
        TooLate,
    }

    // Who may withdraw a message: caller's role, author, author's role, age in seconds.
    #[rstest]
    #[case::own_in_time(Role::Member, "caller", Role::Member, 120, Is::Done)]
    #[case::own_too_late(Role::Member, "caller", Role::Member, 121, Is::TooLate)]
    #[case::another_members(Role::Member, "other", Role::Member, 5, Is::Refused)]
    #[case::of_one_who_left(Role::Member, "other", Role::NotMember, 5, Is::Refused)]
    #[case::admin_members(Role::Admin, "other", Role::Member, 5, Is::Done)]
    #[case::admin_members_late(Role::Admin, "other", Role::Member, 500, Is::TooLate)]
    #[case::admin_another_admins(Role::Admin, "other", Role::Admin, 5, Is::Refused)]
    #[case::admin_owners(Role::Admin, "other", Role::Owner, 5, Is::Refused)]
    #[case::admin_of_one_who_left(Role::Admin, "other", Role::NotMember, 5, Is::Done)]
    #[case::owner_admins(Role::Owner, "other", Role::Admin, 5, Is::Done)]
    #[case::owner_own_late(Role::Owner, "caller", Role::Owner, 500, Is::TooLate)]
    fn clients(#[case] role: Role, #[case] sender: &str, #[case] author: Role, #[case] age: i64, #[case] expected: Is) {
        let (result, change) = decide(&scene(GroupPolicy::PUBLIC, role), asked(sender, author, age));
        let is = match result {
            Ok(()) => Is::Done,
            Err(Denied::NotPermitted { .. }) => Is::Refused,
            Err(Denied::RecallTooLate { seq: 7, limit_secs: WINDOW }) => Is::TooLate,
            Err(other) => panic!("{other}"),
        };
        assert_eq!(is, expected);
        assert_eq!(change.is_empty(), is != Is::Done);
    }

    #[test]
    fn backends_withdraw_whatever_is_stored() {
        let backend = Scene { app_admin: true, member: None, ..scene(GroupPolicy::WORK, Role::NotMember) };
        let (result, change) = decide(&backend, asked("other", Role::Owner, 600_000));
        assert_eq!(result, Ok(()));
        assert_eq!((change.writes.len(), change.events.len()), (1, 1));
    }

    #[test]
    fn live_rooms_have_no_recall_and_strangers_no_right() {
        let line = ConversationKey::Group(crate::GroupId::trusted("g"));
        let room = scene(GroupPolicy::AV_CHAT_ROOM, Role::Owner);
        assert!(matches!(recall(&room, &line, &[], "", WINDOW), Err(Denied::TypeWithoutRecall(_))));
        let stranger = Scene { member: None, ..scene(GroupPolicy::PUBLIC, Role::NotMember) };
        assert!(matches!(recall(&stranger, &line, &[], "", WINDOW), Err(Denied::NotMember { .. })));
    }

    #[test]
    fn what_is_not_there_cannot_be_withdrawn() {
        let owner = scene(GroupPolicy::PUBLIC, Role::Owner);
        let gone = Asked { seq: 7, message: None, author: Role::NotMember };
        assert_eq!(decide(&owner, gone).0, Err(Denied::NoSuchMessage { seq: 7 }));
        let mut hidden = asked("other", Role::Member, 5);
        let message = hidden.message.as_mut().expect("set");
        let options = MessageOptions { targets: vec![UserId::trusted("third")], ..MessageOptions::default() };
        message.draft = Draft { options, ..(*message.draft).clone() }.into();
        assert_eq!(decide(&owner, hidden).0, Err(Denied::NoSuchMessage { seq: 7 }), "a directed message of others");
    }

    #[test]
    fn tips_stay() {
        let owner = scene(GroupPolicy::PUBLIC, Role::Owner);
        let mut tip = asked("other", Role::NotMember, 5);
        let message = tip.message.as_mut().expect("set");
        let content = Content::Tip(Tip::GroupChanged { by: owner.user.clone(), changes: GroupChanges::default() });
        message.draft = Draft { content, sender: Sender::System, ..(*message.draft).clone() }.into();
        assert_eq!(decide(&owner, tip).0, Err(Denied::NotRecallable { seq: 7 }));
    }

    #[test]
    fn a_second_recall_is_done_already() {
        let member = scene(GroupPolicy::PUBLIC, Role::Member);
        let mut again = asked("caller", Role::Member, 5000);
        let recall = Recall { by: member.user.clone(), reason: String::new(), at: Timestamp(NOW - 4990) };
        again.message.as_mut().expect("set").recall = Some(recall);
        let (result, change) = decide(&member, again);
        assert_eq!(result, Ok(()));
        assert!(change.is_empty());
    }

    #[test]
    fn a_number_named_twice_is_withdrawn_once() {
        let owner = scene(GroupPolicy::PUBLIC, Role::Owner);
        let line = ConversationKey::Group(owner.group.id.clone());
        let twice = [asked("caller", Role::Owner, 5), asked("caller", Role::Owner, 5)];
        let (results, change) = recall(&owner, &line, &twice, "", WINDOW).expect("may recall");
        assert!(results.iter().all(|(_, result)| result.is_ok()));
        assert_eq!(change.writes.len(), 1);
    }
}
