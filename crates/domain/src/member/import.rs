//! Members brought over from elsewhere: no notices, no tips (docs/spec/rest-groups.md#4.3).

use std::collections::BTreeSet;

use super::{Member, join::expect_room};
use crate::{
    Denied, Scene, Timestamp, UserId,
    change::{Change, Event, Expect, Write},
    permission::{Action, Role},
};

/// One member to be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Who.
    pub user: UserId,
    /// Whether the account exists.
    pub is_known: bool,
    /// In the group already.
    pub is_member: bool,
    /// Admin, or ordinary member.
    pub role: Role,
    /// When they joined; `None`: now.
    pub joined_at: Option<Timestamp>,
    /// The newest number of the group's messages at that time.
    pub joined_seq: u64,
    /// How many messages are unread; at most as many as there are.
    pub unread: u64,
}

/// What becomes of one member to be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportFate {
    /// In from now on.
    Imported,
    /// Was in before.
    AlreadyMember,
    /// No such account, a time of joining that cannot be, or a role that the type does not have.
    Failed,
}

/// The backend brings members over; one fate per item, in their order. `last_seq` is the newest number of the group's messages.
///
/// # Errors
/// [`Denied::TypeForbids`]; [`Denied::GroupFull`] when not all have room: then nobody is imported.
pub fn import(scene: &Scene, items: &[Imported], last_seq: u64) -> Result<(Vec<ImportFate>, Change), Denied> {
    scene.require(Action::Import, "import members")?;
    let group = &scene.group;
    let mut seen = BTreeSet::new();
    let mut members = Vec::new();
    let mut fates = Vec::with_capacity(items.len());
    for item in items {
        let role_exists = item.role != Role::Admin || scene.policy.has_admins;
        let joined_at = item.joined_at.unwrap_or(scene.now);
        // A group that was imported a moment ago has no time of joining that lies behind it; who names none joins now.
        let time_fits = item.joined_at.is_none_or(|at| at > group.created_at && at <= scene.now);
        fates.push(if item.is_member || seen.contains(&item.user) {
            ImportFate::AlreadyMember
        } else if !item.is_known || !role_exists || !time_fits {
            ImportFate::Failed
        } else {
            seen.insert(&item.user);
            let read_seq = last_seq - item.unread.min(last_seq);
            let mut member =
                Member::new(item.user.clone(), item.role, joined_at, item.joined_seq, scene.policy.default_msg_flag);
            // What counts as unread can be read.
            member.joined_seq = member.joined_seq.min(read_seq);
            member.read_seq = read_seq;
            members.push(member);
            ImportFate::Imported
        });
    }
    if members.is_empty() {
        return Ok((fates, Change::none()));
    }
    let users: Vec<UserId> = members.iter().map(|member| member.user.clone()).collect();
    let mut change = Change::none()
        .expect(Expect::GroupAt { group: group.id.clone(), revision: group.revision })
        .expect(Expect::NotMembers { group: group.id.clone(), users: users.clone() });
    change = expect_room(change, scene, users.len() as u64)?;
    change = members
        .into_iter()
        .fold(change, |change, member| change.write(Write::PutMember(group.id.clone(), Box::new(member))));
    change = change.write(Write::Touch { group: group.id.clone(), at: scene.now });
    if group.active {
        change = change.event(Event::Membership { group: group.id.clone(), joined: users, left: Vec::new() });
    } else {
        // As with every newcomer to a group that only its owner sees.
        change = change.write(Write::UpdateGroup(Box::new((**group).clone())));
    }
    Ok((fates, change))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{GroupPolicy, member::tests::scene_of_app_admin};

    fn item(user: &str) -> Imported {
        Imported {
            user: UserId::trusted(user),
            is_known: true,
            is_member: false,
            role: Role::Member,
            joined_at: Some(Timestamp(1500)),
            joined_seq: 6,
            unread: 0,
        }
    }

    #[rstest]
    #[case::fine(item("eve"), ImportFate::Imported)]
    #[case::admin(Imported { role: Role::Admin, ..item("eve") }, ImportFate::Imported)]
    #[case::unknown(Imported { is_known: false, ..item("eve") }, ImportFate::Failed)]
    #[case::member(Imported { is_member: true, ..item("eve") }, ImportFate::AlreadyMember)]
    #[case::before_the_group(Imported { joined_at: Some(Timestamp(1000)), ..item("eve") }, ImportFate::Failed)]
    #[case::tomorrow(Imported { joined_at: Some(Timestamp(2001)), ..item("eve") }, ImportFate::Failed)]
    #[case::now(Imported { joined_at: None, ..item("eve") }, ImportFate::Imported)]
    fn every_item_has_a_fate(#[case] item: Imported, #[case] fate: ImportFate) {
        let (fates, change) = import(&scene_of_app_admin(GroupPolicy::PUBLIC), &[item], 9).unwrap();
        assert_eq!(fates, [fate]);
        assert_eq!(change.is_empty(), fate != ImportFate::Imported);
        let told = |write: &Write| matches!(write, Write::Notify { .. } | Write::Append(_));
        assert!(!change.writes.iter().any(told), "imports tell nobody");
    }

    #[test]
    fn a_group_of_this_second_gets_members_that_join_now() {
        let mut scene = scene_of_app_admin(GroupPolicy::PUBLIC);
        scene.now = scene.group.created_at;
        let (fates, _) = import(&scene, &[Imported { joined_at: None, ..item("eve") }], 0).unwrap();
        assert_eq!(fates, [ImportFate::Imported]);
    }

    #[test]
    fn types_without_admins_import_none() {
        let admin = Imported { role: Role::Admin, ..item("eve") };
        let (fates, _) = import(&scene_of_app_admin(GroupPolicy::WORK), &[admin], 9).unwrap();
        assert_eq!(fates, [ImportFate::Failed]);
        let refused = import(&scene_of_app_admin(GroupPolicy::AV_CHAT_ROOM), &[item("eve")], 9);
        assert!(matches!(refused, Err(Denied::TypeForbids { .. })));
    }

    #[rstest]
    #[case::all_read(0, (6, 9))]
    #[case::some(2, (6, 7))]
    #[case::from_before_joining(5, (4, 4))]
    #[case::more_than_there_are(99, (0, 0))]
    fn what_is_unread_can_be_read(#[case] unread: u64, #[case] expected: (u64, u64)) {
        let item = Imported { unread, ..item("eve") };
        let (_, change) = import(&scene_of_app_admin(GroupPolicy::PUBLIC), &[item], 9).unwrap();
        let [Write::PutMember(_, member), Write::Touch { .. }] = &change.writes[..] else {
            panic!("{:?}", change.writes)
        };
        assert_eq!((member.joined_seq, member.read_seq), expected);
    }
}
