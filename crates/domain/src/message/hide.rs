//! Deleting messages from one's own view.

use crate::{
    change::{Change, Write},
    conversation::ConversationKey,
    denied::Denied,
    permission::Action,
    scene::Scene,
};

/// A member no longer wants to see messages of a group; everybody else does. Numbers without a message are passed over.
///
/// # Errors
/// [`Denied::TypeWithoutDeletion`], or that the caller is no member; [`Denied::DeleteRangeTooWide`].
pub fn hide(
    scene: &Scene,
    conversation: &ConversationKey,
    mut seqs: Vec<u64>,
    last_seq: u64,
    most: u32,
) -> Result<Change, Denied> {
    if !scene.policy.delete_supported {
        return Err(Denied::TypeWithoutDeletion(scene.group.group_type.clone()));
    }
    scene.require(Action::DeleteMessages, "delete messages")?;
    if scene.member.is_none() {
        return Err(Denied::NotMember { user: scene.user.clone(), group: scene.group.id.clone() });
    }
    if seqs.len() > most as usize {
        return Err(Denied::DeleteRangeTooWide(most));
    }
    seqs.retain(|seq| (1..=last_seq).contains(seq));
    if seqs.is_empty() {
        return Ok(Change::none());
    }
    Ok(Change::none().write(Write::Hide { conversation: conversation.clone(), user: scene.user.clone(), seqs }))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{GroupPolicy, Role, example::scene_of};

    #[rstest]
    #[case::some(vec![1, 3], Ok(2))]
    #[case::beyond(vec![0, 9, 10], Ok(1))]
    #[case::nothing(vec![], Ok(0))]
    #[case::too_many(vec![1; 31], Err(Denied::DeleteRangeTooWide(30)))]
    fn hides(#[case] seqs: Vec<u64>, #[case] expected: Result<usize, Denied>) {
        let scene = scene_of(GroupPolicy::PUBLIC, "ana", Role::Member);
        let line = ConversationKey::Group(scene.group.id.clone());
        let hidden = hide(&scene, &line, seqs, 9, 30).map(|change| match change.writes.as_slice() {
            [Write::Hide { seqs, .. }] => seqs.len(),
            _ => 0,
        });
        assert_eq!(hidden, expected);
    }

    #[test]
    fn live_rooms_have_nothing_to_delete() {
        let scene = scene_of(GroupPolicy::AV_CHAT_ROOM, "ana", Role::Member);
        let line = ConversationKey::Group(scene.group.id.clone());
        assert!(matches!(hide(&scene, &line, vec![1], 9, 30), Err(Denied::TypeWithoutDeletion(_))));
    }
}
