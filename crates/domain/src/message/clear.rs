//! Hiding the history of a group from its members.

use crate::{
    change::{Change, Expect, Write},
    denied::Denied,
    group::Group,
    permission::Action,
    scene::Scene,
};

/// Hides the messages up to `until` (all, when it is absent) from members; app admins go on reading them. Hidden ones stay hidden
/// (docs/spec/rest-groups.md#3.7).
///
/// # Errors
/// [`Denied::TypeForbids`], or that the caller may not.
pub fn clear(scene: &Scene, until: Option<u64>, last_seq: u64) -> Result<Change, Denied> {
    scene.require(Action::ClearHistory, "clear the history")?;
    let cleared_seq = until.map_or(last_seq, |until| until.min(last_seq));
    let group = &scene.group;
    if cleared_seq <= group.cleared_seq {
        return Ok(Change::none());
    }
    Ok(Change::none()
        .expect(Expect::GroupAt { group: group.id.clone(), revision: group.revision })
        .write(Write::UpdateGroup(Box::new(Group { cleared_seq, ..(**group).clone() }))))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::{GroupPolicy, Role, example::scene_of};

    fn scene(policy: GroupPolicy) -> Scene {
        let mut scene = Scene { app_admin: true, ..scene_of(policy, "admin", Role::NotMember) };
        Arc::make_mut(&mut scene.group).cleared_seq = 3;
        scene
    }

    // Cleared to 3 before, newest message 9.
    #[rstest]
    #[case::everything(None, Some(9))]
    #[case::up_to(Some(5), Some(5))]
    #[case::beyond(Some(50), Some(9))]
    #[case::less_than_before(Some(2), None)]
    #[case::as_before(Some(3), None)]
    fn marks(#[case] until: Option<u64>, #[case] expected: Option<u64>) {
        let change = clear(&scene(GroupPolicy::PUBLIC), until, 9).expect("may clear");
        let mark = change.writes.iter().find_map(|write| match write {
            Write::UpdateGroup(group) => Some(group.cleared_seq),
            _ => None,
        });
        assert_eq!(mark, expected);
    }

    #[test]
    fn communities_and_members_do_not() {
        assert!(matches!(clear(&scene(GroupPolicy::COMMUNITY), None, 9), Err(Denied::TypeForbids { .. })));
        let owner = scene_of(GroupPolicy::PUBLIC, "owner", Role::Owner);
        assert!(matches!(clear(&owner, None, 9), Err(Denied::NotPermitted { .. })));
    }
}
