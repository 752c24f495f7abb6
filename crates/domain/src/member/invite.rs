//! Bringing others in.

use std::collections::BTreeSet;

use super::{
    Dice,
    join::{Candidate, Entry, ask_leaders, authentication, enter},
};
use crate::{
    Denied, Scene, UserId,
    change::{Change, Expect, Write},
    join::{Application, Awaits},
    notice::{self, Notice, NoticeKind},
    permission::{Action, Invitation, invitation},
};

/// What becomes of one account that is to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// In from now on.
    Added,
    /// Was in before.
    AlreadyMember,
    /// Somebody has to agree first: the account itself, or the owner or an admin.
    Waits,
    /// Banned from the group.
    Banned,
    /// Has as many groups as an account may have.
    TooManyGroups,
}

/// An invitation, or an addition by a backend.
#[derive(Debug, Clone, Copy)]
pub struct Invite<'a> {
    /// Whom, in the order of the request.
    pub candidates: &'a [Candidate],
    /// Nobody is told.
    pub silence: bool,
    /// Unix milliseconds; names the applications that wait for a decision.
    pub key: i64,
    /// The owner and the admins.
    pub leaders: &'a [UserId],
    /// The newest number of the group's messages.
    pub last_seq: u64,
}

/// Lets pass who may bring others in at all.
///
/// # Errors
/// What the type, the caller's role or the group's invite option forbids.
pub fn may_invite(scene: &Scene) -> Result<Invitation, Denied> {
    match invitation(&scene.policy, scene.group.invite_option, scene.actor()) {
        Invitation::Refused => Err(scene.refusal(Action::Invite, "invite")),
        way => Ok(way),
    }
}

/// The caller brings others in; one fate per candidate, in their order (docs/spec/rest-groups.md#2.3).
///
/// # Errors
/// What the type, the caller's role or the group's invite option forbids; [`Denied::GroupFull`] when not all who could come
/// have room: then nobody is added.
pub fn invite(scene: &Scene, request: &Invite<'_>, dice: Dice<'_>) -> Result<(Vec<Fate>, Change), Denied> {
    let way = may_invite(scene)?;
    let mut seen = BTreeSet::new();
    let mut newcomers = Vec::new();
    let mut fates = Vec::with_capacity(request.candidates.len());
    for candidate in request.candidates {
        fates.push(if candidate.is_member || !seen.insert(&candidate.user) {
            Fate::AlreadyMember
        } else if candidate.banned.holds(scene.now) {
            Fate::Banned
        } else if candidate.over_limit.is_some() {
            Fate::TooManyGroups
        } else {
            newcomers.push(candidate.user.clone());
            if way == Invitation::Joins { Fate::Added } else { Fate::Waits }
        });
    }
    if newcomers.is_empty() {
        return Ok((fates, Change::none()));
    }
    let change = match way {
        Invitation::Joins => {
            let entry = Entry { by: &scene.user, invited: true, silence: request.silence, last_seq: request.last_seq };
            enter(Change::none(), scene, &newcomers, entry, dice)?
        }
        Invitation::InviteeConsents | Invitation::NeedsApproval | Invitation::Refused => {
            let awaits = if way == Invitation::InviteeConsents { Awaits::Invitee } else { Awaits::Leaders };
            // Each invitation has a key of its own: lists are paged by it.
            let ask = |change, (key, user)| {
                let application = Application {
                    group: scene.group.id.clone(),
                    applicant: user,
                    by: scene.user.clone(),
                    key,
                    authentication: authentication(dice),
                    message: String::new(),
                    at: scene.now,
                    awaits,
                };
                match awaits {
                    Awaits::Leaders => ask_leaders(change, scene, application, request.leaders, dice),
                    Awaits::Invitee => ask_invitee(change, scene, application, dice),
                }
            };
            (request.key..).zip(newcomers).fold(Change::none(), ask)
        }
    };
    Ok((fates, change))
}

/// Keeps an invitation and asks the invited.
fn ask_invitee(change: Change, scene: &Scene, application: Application, dice: Dice<'_>) -> Change {
    let kind = NoticeKind::InviteRequest { authentication: application.authentication.clone(), key: application.key };
    let notice = Notice::about(&scene.group, application.by.clone(), kind, dice());
    let invitee = application.applicant.clone();
    let change = change
        .expect(Expect::GroupAt { group: scene.group.id.clone(), revision: scene.group.revision })
        .write(Write::PutApplication(application));
    notice::tell(change, [&invitee], notice, scene.now)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::{
        GroupPolicy, Role,
        change::Event,
        group::{InviteJoinOption, policy::MemberInvite},
        member::tests::{scene_as, scene_of_app_admin},
        time::MuteUntil,
    };

    fn dice() -> u64 {
        7
    }

    fn candidate(user: &str) -> Candidate {
        let user = UserId::trusted(user);
        Candidate { user, is_member: false, banned: MuteUntil::NEVER, over_limit: None }
    }

    fn invite_as(scene: &Scene, candidates: &[Candidate], silence: bool) -> Result<(Vec<Fate>, Change), Denied> {
        let leaders = [UserId::trusted("ana")];
        invite(scene, &Invite { candidates, silence, key: 42, leaders: &leaders, last_seq: 9 }, &dice)
    }

    fn one(scene: &Scene) -> &'static str {
        match invite_as(scene, &[candidate("eve")], false) {
            Ok((fates, _)) if fates == [Fate::Added] => "in",
            Ok((fates, _)) if fates == [Fate::Waits] => "waits",
            Ok(_) => "another fate",
            Err(Denied::TypeForbids { .. }) => "never",
            Err(Denied::NotPermitted { .. } | Denied::NotMember { .. }) => "no",
            Err(_) => "another refusal",
        }
    }

    /// The rows about inviting of docs/spec/group-types.md#2.2: stranger, member, admin, owner, app admin, with the invite
    /// option that the type has from the start.
    #[rstest]
    #[case::work(GroupPolicy::WORK, ["no", "in", "in", "in", "in"])]
    #[case::public(GroupPolicy::PUBLIC, ["no", "no", "no", "no", "in"])]
    #[case::meeting(GroupPolicy::MEETING, ["no", "no", "no", "no", "in"])]
    #[case::community(GroupPolicy::COMMUNITY, ["no", "in", "in", "in", "in"])]
    #[case::live_room(GroupPolicy::AV_CHAT_ROOM, ["never", "never", "never", "never", "never"])]
    #[case::broadcast(GroupPolicy::BROADCAST, ["never", "never", "never", "never", "never"])]
    fn who_brings_others_in(#[case] policy: GroupPolicy, #[case] expected: [&str; 5]) {
        let roles = [Role::NotMember, Role::Member, Role::Admin, Role::Owner];
        let mut found: Vec<&str> = roles.iter().map(|role| one(&scene_as(policy, *role))).collect();
        found.push(one(&scene_of_app_admin(policy)));
        assert_eq!(found, expected);
    }

    /// The invite option of one group: member, admin, owner.
    #[rstest]
    #[case(InviteJoinOption::DisableInvite, MemberInvite::Direct, ["no", "no", "no"])]
    #[case(InviteJoinOption::NeedPermission, MemberInvite::Direct, ["waits", "in", "in"])]
    #[case(InviteJoinOption::FreeAccess, MemberInvite::Direct, ["in", "in", "in"])]
    #[case(InviteJoinOption::FreeAccess, MemberInvite::InviteeConsents, ["waits", "waits", "waits"])]
    fn the_invite_option_rules_clients(
        #[case] option: InviteJoinOption,
        #[case] member_invite: MemberInvite,
        #[case] expected: [&str; 3],
    ) {
        let policy = GroupPolicy { member_invite, ..GroupPolicy::PUBLIC };
        let found = [Role::Member, Role::Admin, Role::Owner].map(|role| {
            let mut scene = scene_as(policy, role);
            Arc::make_mut(&mut scene.group).invite_option = option;
            one(&scene)
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn every_account_has_a_fate_of_its_own() {
        let scene = scene_of_app_admin(GroupPolicy::PUBLIC);
        let candidates = [
            candidate("eve"),
            Candidate { is_member: true, ..candidate("bob") },
            Candidate { banned: MuteUntil::FOREVER, ..candidate("mal") },
            Candidate { over_limit: Some(5), ..candidate("joe") },
            candidate("eve"),
        ];
        let (fates, change) = invite_as(&scene, &candidates, false).unwrap();
        let expected = [Fate::Added, Fate::AlreadyMember, Fate::Banned, Fate::TooManyGroups, Fate::AlreadyMember];
        assert_eq!(fates, expected);
        let put = |write: &&Write| matches!(write, Write::PutMember(..));
        assert_eq!(change.writes.iter().filter(put).count(), 1);
    }

    #[test]
    fn a_group_without_room_for_all_takes_nobody() {
        let mut scene = scene_of_app_admin(GroupPolicy::PUBLIC);
        Arc::make_mut(&mut scene.group).max_member_num = 4;
        let both = [candidate("eve"), candidate("joe")];
        assert!(matches!(invite_as(&scene, &both, false), Err(Denied::GroupFull { cap: 4, .. })));
        assert!(invite_as(&scene, &both[..1], false).is_ok());
        let inside = Candidate { is_member: true, ..candidate("bob") };
        assert!(invite_as(&scene, &[both[0].clone(), inside], false).is_ok(), "who is in needs no room");
    }

    fn told(change: &Change) -> (usize, usize) {
        let notices = change.writes.iter().filter(|write| matches!(write, Write::Notify { .. })).count();
        let tips = change.writes.iter().filter(|write| matches!(write, Write::Append(_))).count();
        (notices, tips)
    }

    #[rstest]
    #[case::told(GroupPolicy::WORK, false, (1, 1))]
    #[case::silence(GroupPolicy::WORK, true, (0, 0))]
    #[case::no_tips(GroupPolicy::MEETING, false, (1, 0))]
    fn who_is_told(#[case] policy: GroupPolicy, #[case] silence: bool, #[case] expected: (usize, usize)) {
        let (_, change) = invite_as(&scene_of_app_admin(policy), &[candidate("eve")], silence).unwrap();
        assert_eq!(told(&change), expected);
    }

    #[test]
    fn nobody_hears_of_a_group_before_its_first_message() {
        let mut scene = scene_of_app_admin(GroupPolicy::WORK);
        Arc::make_mut(&mut scene.group).active = false;
        let (fates, change) = invite_as(&scene, &[candidate("eve")], false).unwrap();
        assert_eq!((fates, told(&change), change.events.as_slice()), (vec![Fate::Added], (0, 0), &[] as &[Event]));
        assert!(
            change.writes.iter().any(|write| matches!(write, Write::UpdateGroup(_))),
            "a first message that is on its way looks again for whom it wakes"
        );
    }

    #[test]
    fn invitations_that_wait_have_keys_of_their_own() {
        let policy = GroupPolicy { member_invite: MemberInvite::InviteeConsents, ..GroupPolicy::WORK };
        let scene = scene_as(policy, Role::Member);
        let (_, change) = invite_as(&scene, &[candidate("eve"), candidate("joe")], false).unwrap();
        let keys = change.writes.iter().filter_map(|write| match write {
            Write::PutApplication(application) => Some((application.key, application.awaits)),
            _ => None,
        });
        assert_eq!(keys.collect::<Vec<_>>(), [(42, Awaits::Invitee), (43, Awaits::Invitee)]);
        assert_eq!(told(&change), (2, 0));
    }
}
