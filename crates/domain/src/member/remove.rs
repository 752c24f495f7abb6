//! Going out: by one's own wish, removed, banned. After each of these nothing of the group reaches the one who is out.

use std::sync::Arc;

use super::{Dice, Member, announce};
use crate::{
    Denied, Scene, UserId,
    change::{Change, Event, Expect, Write},
    group::{Group, GroupPolicy, policy::OfflineSweep},
    message::Tip,
    notice::{self, Notice, NoticeKind},
    permission::{Action, Actor, Role, permission},
    time::MuteUntil,
};

/// Ends memberships. An owner who goes leaves the group without one.
fn leave(change: Change, scene: &Scene, users: &[UserId]) -> Change {
    let group = &scene.group;
    let mut change = change.expect(Expect::GroupAt { group: group.id.clone(), revision: group.revision });
    if group.owner.as_ref().is_some_and(|owner| users.contains(owner)) {
        let ownerless =
            Group { owner: None, info_seq: group.info_seq + 1, info_changed_at: scene.now, ..(**group).clone() };
        change = change.write(Write::UpdateGroup(Box::new(ownerless)));
    }
    for user in users {
        change = change.write(Write::DeleteMember(group.id.clone(), user.clone()));
        if !scene.policy.mute_survives_rejoin {
            let (group, user) = (group.id.clone(), user.clone());
            change = change.write(Write::SetMute { group, topic: None, user, until: MuteUntil::NEVER });
        }
    }
    change.write(Write::Touch { group: group.id.clone(), at: scene.now }).event(Event::Membership {
        group: group.id.clone(),
        joined: Vec::new(),
        left: users.to_vec(),
    })
}

fn members_after(scene: &Scene, gone: usize) -> u64 {
    scene.group.member_num.saturating_sub(gone as u64)
}

/// Whether the user knows of the group at all.
fn sees(scene: &Scene, user: &UserId) -> bool {
    scene.group.active || scene.group.owner.as_ref() == Some(user)
}

/// The caller leaves.
///
/// # Errors
/// [`Denied::NotMember`]; [`Denied::OwnerMayNotQuit`] where owners stay.
pub fn quit(scene: &Scene, dice: Dice<'_>) -> Result<Change, Denied> {
    if scene.role() == Role::Owner && !permission(&scene.policy, scene.actor(), Action::Quit).allows() {
        return Err(Denied::OwnerMayNotQuit(scene.group.id.clone()));
    }
    if scene.role() == Role::NotMember {
        return Err(Denied::NotMember { user: scene.user.clone(), group: scene.group.id.clone() });
    }
    scene.require(Action::Quit, "leave")?;
    let user = &scene.user;
    let notice = Notice::about(&scene.group, user.clone(), NoticeKind::Quit, dice());
    let change = leave(Change::none(), scene, std::slice::from_ref(user));
    let change = notice::tell(change, [user], notice, scene.now);
    let tip = Tip::Quit { user: user.clone(), member_num: members_after(scene, 1) };
    Ok(announce(change, scene, tip, dice))
}

/// Members to be removed.
#[derive(Debug, Clone, Copy)]
pub struct Kick<'a> {
    /// Whom.
    pub members: &'a [Arc<Member>],
    /// Why, in the remover's words.
    pub reason: &'a str,
    /// The group is not told; the removed are.
    pub silence: bool,
}

/// The caller removes members (docs/spec/rest-groups.md#2.4).
///
/// # Errors
/// [`Denied::TypeWithoutRemoval`]; [`Denied::NotMember`] and [`Denied::NotPermitted`] when the caller may not remove one of
/// them: then nobody is removed.
pub fn kick(scene: &Scene, request: &Kick<'_>, dice: Dice<'_>) -> Result<Change, Denied> {
    if !permission(&scene.policy, Actor::AppAdmin, Action::Kick).allows() {
        return Err(Denied::TypeWithoutRemoval(scene.group.group_type.clone()));
    }
    scene.require(Action::Kick, "remove members")?;
    for member in request.members {
        scene.require_on(Action::Kick, scene.counts_as(member.role), "remove that member")?;
        if member.user == scene.user && !scene.app_admin {
            let (user, group) = (scene.user.clone(), scene.group.id.clone());
            return Err(Denied::NotPermitted { user, what: "remove themself", group });
        }
    }
    let users: Vec<UserId> = request.members.iter().map(|member| member.user.clone()).collect();
    if users.is_empty() {
        return Ok(Change::none());
    }
    Ok(expel(Change::none(), scene, users, request.reason, request.silence, dice))
}

/// Ends memberships against the members' will and says so.
fn expel(change: Change, scene: &Scene, users: Vec<UserId>, reason: &str, silence: bool, dice: Dice<'_>) -> Change {
    let kind = NoticeKind::Kicked { reason: reason.to_owned() };
    let notice = Notice::about(&scene.group, scene.user.clone(), kind, dice());
    let change = leave(change, scene, &users);
    let told = users.iter().filter(|user| sees(scene, user));
    let change = notice::tell(change, told, notice, scene.now);
    if silence {
        return change;
    }
    let member_num = members_after(scene, users.len());
    let tip = Tip::Kicked { by: scene.user.clone(), users, reason: reason.to_owned(), member_num };
    announce(change, scene, tip, dice)
}

/// Whether ordinary members of groups of the type who went offline are removed (docs/spec/group-types.md#2.3).
#[must_use]
pub fn sweeps(policy: &GroupPolicy) -> bool {
    policy.kick_offline == OfflineSweep::On
}

/// Removes ordinary members who went offline. Whoever leads stays, and so does everybody in groups of other types.
#[must_use]
pub fn sweep(scene: &Scene, offline: &[Arc<Member>], dice: Dice<'_>) -> Change {
    let ordinary = offline.iter().filter(|member| member.role == Role::Member);
    let users: Vec<UserId> = ordinary.map(|member| member.user.clone()).collect();
    if users.is_empty() || !sweeps(&scene.policy) {
        return Change::none();
    }
    expel(Change::none(), scene, users, "", false, dice)
}

/// People to be banned.
#[derive(Debug, Clone, Copy)]
pub struct Ban<'a> {
    /// Whom, with their membership if they are in.
    pub users: &'a [(UserId, Option<Arc<Member>>)],
    /// For how many seconds; at least 1.
    pub seconds: u32,
    /// Why, in the words of who bans.
    pub description: &'a str,
}

/// Lets pass bans of, or their lifting from, people of these roles.
///
/// # Errors
/// What the type or the caller's role forbids.
pub fn may_ban(scene: &Scene, roles: impl IntoIterator<Item = Role>) -> Result<(), Denied> {
    scene.require(Action::Ban, "ban")?;
    roles.into_iter().try_for_each(|role| scene.require_on(Action::Ban, scene.counts_as(role), "ban that member"))
}

/// The caller bans people: members are removed, nobody of them comes back before the ban ends; a new ban replaces an old one
/// (docs/spec/rest-groups.md#2.10). Whoever is in a live room is to be taken out of it by the caller of this function: who is
/// in is not stored.
///
/// # Errors
/// As [`may_ban`].
pub fn ban(scene: &Scene, request: &Ban<'_>, dice: Dice<'_>) -> Result<Change, Denied> {
    let role = |(_, member): &(UserId, Option<Arc<Member>>)| member.as_ref().map_or(Role::NotMember, |m| m.role);
    may_ban(scene, request.users.iter().map(role))?;
    let until = MuteUntil::after(scene.now, request.seconds);
    let group = &scene.group.id;
    let change = Change::none().expect(Expect::GroupAt { group: group.clone(), revision: scene.group.revision });
    let change = request.users.iter().fold(change, |change, (user, _)| {
        change
            .write(Write::SetBan { group: group.clone(), user: user.clone(), until })
            .write(Write::DeleteApplication { group: group.clone(), applicant: user.clone() })
    });
    let members: Vec<UserId> =
        request.users.iter().filter(|(_, member)| member.is_some()).map(|(user, _)| user.clone()).collect();
    if !scene.policy.members_stored {
        return Ok(shut_out(change, scene, request, members, dice));
    }
    if members.is_empty() {
        return Ok(change);
    }
    Ok(expel(change, scene, members, request.description, false, dice))
}

/// Tells the banned of a live room, and the room; what is said afterwards no longer reaches them.
fn shut_out(change: Change, scene: &Scene, request: &Ban<'_>, inside: Vec<UserId>, dice: Dice<'_>) -> Change {
    let kind = NoticeKind::Banned { duration_secs: request.seconds, description: request.description.to_owned() };
    let notice = Notice::about(&scene.group, scene.user.clone(), kind, dice());
    let users: Vec<UserId> = request.users.iter().map(|(user, _)| user.clone()).collect();
    let change = notice::tell(change, &users, notice, scene.now);
    let group = scene.group.id.clone();
    let tip = Tip::Banned { by: scene.user.clone(), users, banned: true };
    change
        .event(Event::Membership { group: group.clone(), joined: Vec::new(), left: inside })
        .event(Event::Tip { group, tip })
}

/// The caller lifts bans; nobody is added by that.
///
/// # Errors
/// What the type or the caller's role forbids.
pub fn unban(scene: &Scene, users: &[UserId]) -> Result<Change, Denied> {
    may_ban(scene, [])?;
    let group = &scene.group.id;
    let lift = |user: &UserId| Write::SetBan { group: group.clone(), user: user.clone(), until: MuteUntil::NEVER };
    let change = users.iter().fold(Change::none(), |change, user| change.write(lift(user)));
    if scene.policy.members_stored {
        return Ok(change);
    }
    let tip = Tip::Banned { by: scene.user.clone(), users: users.to_vec(), banned: false };
    Ok(change.event(Event::Tip { group: group.clone(), tip }))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        GroupPolicy, Timestamp,
        group::{MsgFlag, policy::KickRule},
        member::tests::{scene_as, scene_of_app_admin},
    };

    fn dice() -> u64 {
        7
    }

    fn member(name: &str, role: Role) -> Arc<Member> {
        Arc::new(Member::new(UserId::trusted(name), role, Timestamp(1500), 4, MsgFlag::AcceptAndNotify))
    }

    fn kick_as(scene: &Scene, members: &[Arc<Member>], silence: bool) -> Result<Change, Denied> {
        kick(scene, &Kick { members, reason: "why", silence }, &dice)
    }

    fn verdict(kicked: &Result<Change, Denied>) -> &'static str {
        match kicked {
            Ok(_) => "yes",
            Err(Denied::TypeWithoutRemoval(_)) => "never",
            Err(Denied::NotPermitted { .. } | Denied::NotMember { .. }) => "no",
            Err(_) => "another refusal",
        }
    }

    /// The rows "kick" of docs/spec/group-types.md#2.3 and #2.7, on an ordinary member, an admin and the owner: stranger,
    /// member, admin, owner, app admin.
    #[rstest]
    #[case::work(GroupPolicy::WORK, Role::Member, ["no", "no", "no", "yes", "yes"])]
    #[case::work_owner(GroupPolicy::WORK, Role::Owner, ["no", "no", "no", "no", "yes"])]
    #[case::public(GroupPolicy::PUBLIC, Role::Member, ["no", "no", "yes", "yes", "yes"])]
    #[case::public_admin(GroupPolicy::PUBLIC, Role::Admin, ["no", "no", "no", "yes", "yes"])]
    #[case::public_owner(GroupPolicy::PUBLIC, Role::Owner, ["no", "no", "no", "no", "no"])]
    #[case::meeting(GroupPolicy::MEETING, Role::Member, ["no", "no", "yes", "yes", "yes"])]
    #[case::community(GroupPolicy::COMMUNITY, Role::Member, ["no", "no", "yes", "yes", "yes"])]
    #[case::live_room(GroupPolicy::AV_CHAT_ROOM, Role::Member, ["never", "never", "never", "never", "never"])]
    fn who_removes_whom(#[case] policy: GroupPolicy, #[case] target: Role, #[case] expected: [&str; 5]) {
        let target = [member("tom", target)];
        let roles = [Role::NotMember, Role::Member, Role::Admin, Role::Owner];
        let mut found: Vec<&str> =
            roles.iter().map(|role| verdict(&kick_as(&scene_as(policy, *role), &target, false))).collect();
        found.push(verdict(&kick_as(&scene_of_app_admin(policy), &target, false)));
        assert_eq!(found, expected);
    }

    #[test]
    fn nobody_removes_themself() {
        let policy = GroupPolicy { kick: KickRule::AnyMember, ..GroupPolicy::WORK };
        let scene = scene_as(policy, Role::Member);
        assert_eq!(verdict(&kick_as(&scene, &[member("tom", Role::Member)], false)), "yes");
        assert_eq!(verdict(&kick_as(&scene, &[member("cid", Role::Member)], false)), "no");
    }

    #[test]
    fn one_forbidden_target_keeps_all_in() {
        let scene = scene_as(GroupPolicy::PUBLIC, Role::Admin);
        let targets = [member("tom", Role::Member), member("ana", Role::Owner)];
        assert_eq!(verdict(&kick_as(&scene, &targets, false)), "no");
        assert_eq!(kick_as(&scene, &[], false), Ok(Change::none()));
    }

    fn left(names: &[&str]) -> Event {
        let left = names.iter().map(|name| UserId::trusted(name)).collect();
        Event::Membership { group: crate::GroupId::trusted("crew"), joined: Vec::new(), left }
    }

    fn notified(change: &Change) -> Vec<&str> {
        let told = change.writes.iter().filter_map(|write| match write {
            Write::Notify { user, .. } => Some(user.as_str()),
            _ => None,
        });
        told.collect()
    }

    #[rstest]
    #[case::told(GroupPolicy::PUBLIC, false, &[left(&["tom"]), Event::Stored(0)])]
    #[case::silence(GroupPolicy::PUBLIC, true, &[left(&["tom"])])]
    #[case::no_tips(GroupPolicy::MEETING, false, &[left(&["tom"])])]
    fn the_removed_is_out_before_the_tip_and_is_told_anyway(
        #[case] policy: GroupPolicy,
        #[case] silence: bool,
        #[case] events: &[Event],
    ) {
        let scene = scene_of_app_admin(policy);
        let change = kick_as(&scene, &[member("tom", Role::Member)], silence).unwrap();
        assert_eq!(change.events, events);
        assert_eq!(notified(&change), ["tom"]);
    }

    #[test]
    fn nobody_hears_of_an_inactive_group_but_its_owner() {
        let mut scene = scene_of_app_admin(GroupPolicy::WORK);
        Arc::make_mut(&mut scene.group).active = false;
        let targets = [member("tom", Role::Member), member("ana", Role::Owner)];
        let change = kick_as(&scene, &targets, false).unwrap();
        assert_eq!(notified(&change), ["ana"]);
        assert_eq!(change.events, [left(&["tom", "ana"])]);
    }

    #[test]
    fn an_owner_who_goes_leaves_the_group_without_one() {
        let quit = quit(&scene_as(GroupPolicy::WORK, Role::Owner), &dice).unwrap();
        let scene = scene_of_app_admin(GroupPolicy::WORK);
        let kicked = kick_as(&scene, &[member("ana", Role::Owner)], false).unwrap();
        for change in [quit, kicked] {
            let owner = change.writes.iter().find_map(|write| match write {
                Write::UpdateGroup(group) => Some(group.owner.clone()),
                _ => None,
            });
            assert_eq!(owner, Some(None));
        }
    }

    /// The rows "quit" of docs/spec/group-types.md#2.7: stranger, member, admin, owner.
    #[rstest]
    #[case::work(GroupPolicy::WORK, ["no", "yes", "yes", "yes"])]
    #[case::public(GroupPolicy::PUBLIC, ["no", "yes", "yes", "owner stays"])]
    #[case::meeting(GroupPolicy::MEETING, ["no", "yes", "yes", "owner stays"])]
    #[case::community(GroupPolicy::COMMUNITY, ["no", "yes", "yes", "owner stays"])]
    #[case::live_room(GroupPolicy::AV_CHAT_ROOM, ["no", "yes", "yes", "owner stays"])]
    fn who_leaves(#[case] policy: GroupPolicy, #[case] expected: [&str; 4]) {
        let found = [Role::NotMember, Role::Member, Role::Admin, Role::Owner].map(|role| {
            match quit(&scene_as(policy, role), &dice) {
                Ok(_) => "yes",
                Err(Denied::OwnerMayNotQuit(_)) => "owner stays",
                Err(_) => "no",
            }
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn whoever_leaves_is_out_before_the_tip_and_the_own_devices_know() {
        let change = quit(&scene_as(GroupPolicy::PUBLIC, Role::Member), &dice).unwrap();
        assert_eq!(change.events, [left(&["cid"]), Event::Stored(0)]);
        assert_eq!(notified(&change), ["cid"]);
    }

    fn ban_as(scene: &Scene, users: &[(UserId, Option<Arc<Member>>)]) -> Result<Change, Denied> {
        ban(scene, &Ban { users, seconds: 60, description: "spam" }, &dice)
    }

    /// The rows about bans of docs/spec/group-types.md#2.2, on an ordinary member: member, admin, owner, app admin.
    #[rstest]
    #[case::work(GroupPolicy::WORK, [false, false, true, true])]
    #[case::public(GroupPolicy::PUBLIC, [false, true, true, true])]
    #[case::community(GroupPolicy::COMMUNITY, [false; 4])]
    #[case::live_room(GroupPolicy::AV_CHAT_ROOM, [false, true, true, true])]
    #[case::broadcast(GroupPolicy::BROADCAST, [false; 4])]
    fn who_bans(#[case] policy: GroupPolicy, #[case] expected: [bool; 4]) {
        let targets = [(UserId::trusted("tom"), Some(member("tom", Role::Member)))];
        let roles = [Role::Member, Role::Admin, Role::Owner];
        let mut found: Vec<bool> =
            roles.iter().map(|role| ban_as(&scene_as(policy, *role), &targets).is_ok()).collect();
        found.push(ban_as(&scene_of_app_admin(policy), &targets).is_ok());
        assert_eq!(found, expected);
        let owner = [(UserId::trusted("ana"), Some(member("ana", Role::Owner)))];
        assert!(ban_as(&scene_of_app_admin(policy), &owner).is_err(), "nobody bans an owner");
    }

    #[test]
    fn strangers_are_banned_without_a_word() {
        let change = ban_as(&scene_of_app_admin(GroupPolicy::PUBLIC), &[(UserId::trusted("mal"), None)]).unwrap();
        assert!(change.events.is_empty() && notified(&change).is_empty());
        let until = MuteUntil(2060);
        let (group, user) = (crate::GroupId::trusted("crew"), UserId::trusted("mal"));
        assert!(change.writes.contains(&Write::SetBan { group, user, until }));
    }

    #[test]
    fn a_live_room_hears_who_is_banned_and_who_may_come_back() {
        let scene = scene_of_app_admin(GroupPolicy::AV_CHAT_ROOM);
        let tom = UserId::trusted("tom");
        let change = ban_as(&scene, &[(tom.clone(), Some(member("tom", Role::Member)))]).unwrap();
        let group = scene.group.id.clone();
        let tip = |banned| Event::Tip {
            group: group.clone(),
            tip: Tip::Banned { by: scene.user.clone(), users: vec![tom.clone()], banned },
        };
        assert_eq!(change.events, [left(&["tom"]), tip(true)]);
        assert_eq!(notified(&change), ["tom"]);
        assert!(!change.writes.iter().any(|write| matches!(write, Write::DeleteMember(..))), "nobody is stored there");
        assert_eq!(unban(&scene, std::slice::from_ref(&tom)).unwrap().events, [tip(false)]);
    }
}
