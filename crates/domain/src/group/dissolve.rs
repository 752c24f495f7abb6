//! The end of a group (docs/spec/rest-groups.md#1.5).

use crate::{
    UserId,
    change::{Change, Event, Expect, Write},
    denied::Denied,
    group::GroupPolicy,
    notice::{self, Notice, NoticeKind},
    permission::Action,
    scene::Scene,
    time::Timestamp,
};

/// Ends a group with everything that belongs to it. `members` are those who learn of it also when they are away; of a group
/// whose members are not stored, those who are in it learn of it. `random` marks the notice.
///
/// # Errors
/// What the type or the caller's role forbids.
pub fn dissolve(scene: &Scene, members: &[UserId], random: u64) -> Result<Change, Denied> {
    scene.require(Action::Dismiss, "dismiss")?;
    Ok(end(scene, members, NoticeKind::Dismissed, random))
}

/// The moment since which a group of the type has to be idle to be removed; `None`: such groups stay
/// (docs/spec/group-types.md#2.6).
#[must_use]
pub fn idle_since(policy: &GroupPolicy, now: Timestamp) -> Option<Timestamp> {
    (policy.recycle_seconds > 0).then(|| Timestamp(now.0 - i64::from(policy.recycle_seconds)))
}

/// Removes a group in which nothing happened for long. Otherwise as [`dissolve`].
#[must_use]
pub fn recycle(scene: &Scene, members: &[UserId], random: u64) -> Change {
    end(scene, members, NoticeKind::Recycled, random)
}

fn end(scene: &Scene, members: &[UserId], kind: NoticeKind, random: u64) -> Change {
    let group = &scene.group;
    let notice = Notice::about(group, scene.user.clone(), kind, random);
    // A group that sleeps was never seen by anybody but its owner.
    let knows = |user: &&UserId| group.active || group.owner.as_ref() == Some(*user);
    let change = Change::none().expect(Expect::GroupAt { group: group.id.clone(), revision: group.revision });
    let change = if members.is_empty() {
        change.event(Event::Notice { users: Vec::new(), notice: notice.into() })
    } else {
        notice::tell(change, members.iter().filter(knows), notice, scene.now)
    };
    change.write(Write::DeleteGroup(group.id.clone())).event(Event::GroupGone(group.id.clone()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::{GroupPolicy, Role, member::Member, member::tests::scene};

    #[rstest]
    #[case::work(GroupPolicy::WORK, false)]
    #[case::public(GroupPolicy::PUBLIC, true)]
    #[case::meeting(GroupPolicy::MEETING, true)]
    #[case::live(GroupPolicy::AV_CHAT_ROOM, true)]
    #[case::community(GroupPolicy::COMMUNITY, true)]
    fn the_owner_may_where_the_type_says_so_and_nobody_below(#[case] policy: GroupPolicy, #[case] owner_may: bool) {
        for role in [Role::Member, Role::Admin, Role::Owner] {
            let member = Member::new(UserId::trusted("bob"), role, Timestamp(1), 0, policy.default_msg_flag);
            let scene = Scene { member: Some(Arc::new(member)), ..scene(policy) };
            assert_eq!(dissolve(&scene, &[], 1).is_ok(), owner_may && role == Role::Owner, "{role:?}");
        }
        assert!(dissolve(&Scene { app_admin: true, ..scene(policy) }, &[], 1).is_ok());
    }

    #[test]
    fn members_hear_of_it_before_they_lose_it() {
        let scene = Scene { app_admin: true, ..scene(GroupPolicy::PUBLIC) };
        let members = [UserId::trusted("ana"), UserId::trusted("bob")];
        let change = dissolve(&scene, &members, 1).expect("allowed");
        assert!(matches!(
            change.writes.as_slice(),
            [Write::Notify { .. }, Write::Notify { .. }, Write::DeleteGroup(_)]
        ));
        let live = dissolve(&Scene { app_admin: true, ..scene }, &[], 1).expect("allowed");
        assert!(matches!(live.events.as_slice(), [Event::Notice { .. }, Event::GroupGone(_)]));
    }
}
