//! A group gets another owner (docs/spec/rest-groups.md#1.6).

use super::{Group, modify};
use crate::{
    UserId,
    change::{Change, Write},
    denied::Denied,
    member::Member,
    message::GroupChanges,
    permission::{Action, Role},
    scene::Scene,
};

/// Makes a member the owner; the old owner becomes an ordinary member. `heir` and `owner` are the memberships of the new and
/// the present owner. `random` marks the tip. The owner made owner changes nothing.
///
/// # Errors
/// What the type or the caller's role forbids; [`Denied::NotMember`] when the new owner is none.
pub fn transfer(
    scene: &Scene,
    to: &UserId,
    heir: Option<&Member>,
    owner: Option<&Member>,
    random: u32,
) -> Result<Change, Denied> {
    scene.require(Action::TransferOwner, "change the owner")?;
    let Some(heir) = heir else {
        return Err(Denied::NotMember { user: to.clone(), group: scene.group.id.clone() });
    };
    if scene.group.owner.as_ref() == Some(to) {
        return Ok(Change::none());
    }
    let after = Group { owner: Some(to.clone()), ..(*scene.group).clone() };
    let changes = GroupChanges { owner: Some(to.clone()), ..GroupChanges::default() };
    let mut change = modify::changed(scene, after, changes, random);
    let put =
        |member: &Member, role| Write::PutMember(scene.group.id.clone(), Box::new(Member { role, ..member.clone() }));
    if let Some(owner) = owner {
        change = change.write(put(owner, Role::Member));
    }
    Ok(change.write(put(heir, Role::Owner)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::{GroupPolicy, member::tests::scene, time::Timestamp};

    fn member(user: &str, role: Role) -> Member {
        Member::new(UserId::trusted(user), role, Timestamp(1), 0, GroupPolicy::PUBLIC.default_msg_flag)
    }

    fn by(policy: GroupPolicy, role: Role) -> Scene {
        Scene { member: Some(Arc::new(member("ana", role))), user: UserId::trusted("ana"), ..scene(policy) }
    }

    fn to_bob(scene: &Scene) -> Result<Change, Denied> {
        let (ana, bob) = (member("ana", Role::Owner), member("bob", Role::Admin));
        transfer(scene, &bob.user.clone(), Some(&bob), Some(&ana), 7)
    }

    #[rstest]
    #[case::work(GroupPolicy::WORK, true)]
    #[case::public(GroupPolicy::PUBLIC, true)]
    #[case::meeting(GroupPolicy::MEETING, true)]
    #[case::live(GroupPolicy::AV_CHAT_ROOM, false)]
    #[case::community(GroupPolicy::COMMUNITY, true)]
    fn only_the_owner_and_app_admins_hand_a_group_over(#[case] policy: GroupPolicy, #[case] possible: bool) {
        for role in [Role::Member, Role::Admin, Role::Owner] {
            assert_eq!(to_bob(&by(policy, role)).is_ok(), possible && role == Role::Owner, "{role:?}");
        }
        assert_eq!(to_bob(&Scene { app_admin: true, ..scene(policy) }).is_ok(), possible);
    }

    #[test]
    fn the_old_owner_becomes_an_ordinary_member() {
        let change = to_bob(&by(GroupPolicy::PUBLIC, Role::Owner)).expect("allowed");
        let roles = change.writes.iter().filter_map(|write| match write {
            Write::PutMember(_, member) => Some((member.user.to_string(), member.role)),
            Write::UpdateGroup(group) => Some((group.owner.clone().expect("an owner").to_string(), Role::NotMember)),
            _ => None,
        });
        assert_eq!(
            roles.collect::<Vec<_>>(),
            [("bob".into(), Role::NotMember), ("ana".into(), Role::Member), ("bob".into(), Role::Owner)]
        );
    }

    #[test]
    fn strangers_do_not_inherit_and_the_owner_stays_owner() {
        let scene = by(GroupPolicy::PUBLIC, Role::Owner);
        let eve = UserId::trusted("eve");
        assert!(matches!(transfer(&scene, &eve, None, None, 7), Err(Denied::NotMember { .. })));
        let ana = member("ana", Role::Owner);
        assert_eq!(transfer(&scene, &ana.user, Some(&ana), Some(&ana), 7), Ok(Change::none()));
    }
}
