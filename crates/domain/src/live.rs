//! Live rooms: who enters and leaves, who is marked, who helps to lead, what is withdrawn (docs/spec/rest-groups.md#6,
//! docs/spec/websocket-protocol.md#14).
//!
//! Who is in a room is not stored the way members are: callers keep it in memory and ask here what may be done.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    Denied, GroupId, Role, Scene, Timestamp, UserId,
    change::{Change, Event, Write},
    conversation::ConversationKey,
    group::ApplyJoinOption,
    member::{Dice, role},
    message::{Draft, Recall},
    notice::{Notice, NoticeKind},
    permission::{Action, Actor, permission},
    time::MuteUntil,
};

/// The mark of those who are listed and counted whether they are here or not.
pub const PINNED: u32 = 500;
/// The mark of those who are listed only to who asks for it.
pub const HIDDEN: u32 = 600;
/// The lowest mark of an app's own.
pub const FIRST_OWN_MARK: u32 = 1000;
/// For how long [`PINNED`] holds when it is set as a mark, in seconds.
pub const PINNED_SECS: u32 = 3 * 24 * 3600;

/// Who came into and left a live room since this was last written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveMembers {
    /// The room.
    pub group: GroupId,
    /// Who is in by now: when they entered, and their place in the order of entering.
    pub entered: Vec<(UserId, Timestamp, u64)>,
    /// Who is not.
    pub left: Vec<UserId>,
    /// All marks of those who are named here.
    pub marks: Vec<(UserId, u32, MuteUntil)>,
    /// No message has a number above this one.
    pub reserved_seq: u64,
}

/// How somebody's presence in a live room changed (docs/spec/webhooks.md#8.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PresenceCause {
    /// Their first device entered.
    Join,
    /// They left with all devices.
    Quit,
    /// Nothing was heard of them for too long.
    HeartbeatInterrupt,
    /// They are heard again.
    HeartbeatRecover,
}

impl PresenceCause {
    /// Whether they are here afterwards.
    #[must_use]
    pub fn is_here(self) -> bool {
        match self {
            Self::Join | Self::HeartbeatRecover => true,
            Self::Quit | Self::HeartbeatInterrupt => false,
        }
    }
}

/// Lets pass who may enter the room, or is in it already; `inside` are there. Nobody approves: only a room that takes no
/// applications at all stays closed.
///
/// # Errors
/// What type, option or a ban forbids; [`Denied::GroupFull`].
pub fn enter(scene: &Scene, banned: MuteUntil, inside: u64) -> Result<(), Denied> {
    let (group, user) = (&scene.group, &scene.user);
    if !permission(&scene.policy, Actor::Role(Role::NotMember), Action::Apply).allows() {
        return Err(Denied::TypeForbids { group_type: group.group_type.clone(), what: "apply to join" });
    }
    if banned.holds(scene.now) {
        return Err(Denied::Banned { user: user.clone(), group: group.id.clone() });
    }
    if scene.role().is_member() {
        return Ok(());
    }
    if group.apply_option == ApplyJoinOption::DisableApply {
        return Err(Denied::NotPermitted { user: user.clone(), what: "apply to join", group: group.id.clone() });
    }
    match group.cap(&scene.policy) {
        0 => Ok(()),
        cap if inside >= cap => Err(Denied::GroupFull { group: group.id.clone(), cap }),
        _ => Ok(()),
    }
}

/// The scene's user leaves. Their devices learn of it at once; nothing waits for those that are away.
///
/// # Errors
/// [`Denied::OwnerMayNotQuit`], [`Denied::NotMember`].
pub fn quit(scene: &Scene, dice: Dice<'_>) -> Result<Change, Denied> {
    if scene.role() == Role::Owner && !permission(&scene.policy, scene.actor(), Action::Quit).allows() {
        return Err(Denied::OwnerMayNotQuit(scene.group.id.clone()));
    }
    if scene.role() == Role::NotMember {
        return Err(Denied::NotMember { user: scene.user.clone(), group: scene.group.id.clone() });
    }
    scene.require(Action::Quit, "leave")?;
    let notice = Notice::about(&scene.group, scene.user.clone(), NoticeKind::Quit, dice());
    Ok(gone(&scene.group.id, &scene.user)
        .event(Event::Notice { users: vec![scene.user.clone()], notice: notice.into() }))
}

/// Tells that somebody is in the room no longer.
#[must_use]
pub fn gone(group: &GroupId, user: &UserId) -> Change {
    Change::none().event(Event::Membership { group: group.clone(), joined: Vec::new(), left: vec![user.clone()] })
}

/// Lets pass marks that the scene's actor may set.
///
/// # Errors
/// [`Denied::BadValue`] for reserved marks; what type or role forbids.
pub fn may_mark(scene: &Scene, marks: impl IntoIterator<Item = u32>) -> Result<(), Denied> {
    scene.require(Action::MarkMembers, "mark members")?;
    for mark in marks {
        let reserved = mark == PINNED || mark == HIDDEN;
        if reserved && !scene.app_admin {
            let (user, group) = (scene.user.clone(), scene.group.id.clone());
            return Err(Denied::NotPermitted { user, what: "set reserved marks", group });
        }
        if mark < FIRST_OWN_MARK && !reserved {
            return Err(Denied::BadValue(format!("`Marks`: {mark} is below {FIRST_OWN_MARK}")));
        }
    }
    Ok(())
}

/// Admins of a room: the room's own list, and what is to become of some accounts.
#[derive(Debug, Clone, Copy)]
pub struct Appointment<'a> {
    /// Who are admins now.
    pub current: &'a BTreeSet<UserId>,
    /// Who is to become one, or to be one no longer.
    pub users: &'a [UserId],
    /// Becomes one.
    pub granted: bool,
    /// Most admins of a room.
    pub most: u32,
}

/// Appoints admins of a live room, in the room or not, or takes the role away.
///
/// # Errors
/// What type or role forbids; [`Denied::BadValue`] for the owner, or above the number.
pub fn appoint(scene: &Scene, request: &Appointment<'_>, dice: Dice<'_>) -> Result<Change, Denied> {
    if !scene.policy.live_admins {
        return Err(Denied::TypeLacks { group_type: scene.group.group_type.clone(), what: "admins of live rooms" });
    }
    scene.require(Action::SetRole, "appoint admins")?;
    if let Some(owner) = scene.group.owner.as_ref().filter(|owner| request.users.contains(owner)) {
        return Err(Denied::BadValue(format!("`Admin_Account`: {owner} owns the room")));
    }
    let changed: Vec<&UserId> =
        request.users.iter().filter(|user| request.current.contains(*user) != request.granted).collect();
    if request.granted && request.current.len() + changed.len() > request.most as usize {
        return Err(Denied::BadValue(format!("`Admin_Account`: a room has at most {} admins", request.most)));
    }
    let mut change = Change::none();
    for user in changed {
        let (group, admin) = (scene.group.id.clone(), request.granted);
        change = change.write(Write::SetLiveAdmin { group, user: user.clone(), admin });
        change = role::tell(change, scene, user, if admin { Role::Admin } else { Role::Member }, dice);
    }
    Ok(change)
}

/// A message of a live room that somebody wants withdrawn.
#[derive(Debug, Clone)]
pub struct Said {
    /// Its number.
    pub seq: u64,
    /// What was said, without its body; absent when it was said too long ago, or never.
    pub draft: Option<Arc<Draft>>,
    /// What its author is in the room.
    pub author: Role,
}

/// Withdraws what was just said in a live room, each message by itself. Clients only: for backends nothing is there.
///
/// # Errors
/// [`Denied::TypeWithoutRecall`], or that the caller is not in the room.
pub fn recall(
    scene: &Scene,
    asked: &[Said],
    reason: &str,
    window_secs: u32,
) -> Result<(crate::message::recall::Results, Change), Denied> {
    if !scene.policy.live_recall || scene.app_admin {
        return Err(Denied::TypeWithoutRecall(scene.group.group_type.clone()));
    }
    scene.require(Action::RecallOwn, "recall messages")?;
    let (mut results, mut messages, mut seqs) = (Vec::new(), Vec::new(), Vec::new());
    for one in asked {
        let verdict = may_recall(scene, one, window_secs);
        if let Ok(draft) = &verdict
            && !seqs.contains(&one.seq)
        {
            messages.push(draft.clone());
            seqs.push(one.seq);
        }
        results.push((one.seq, verdict.map(drop)));
    }
    if messages.is_empty() {
        return Ok((results, Change::none()));
    }
    let recall = Recall { by: scene.user.clone(), reason: reason.to_owned(), at: scene.now };
    let conversation = ConversationKey::Group(scene.group.id.clone());
    Ok((results, Change::none().event(Event::Recalled { conversation, messages, seqs, recall })))
}

fn may_recall(scene: &Scene, asked: &Said, window_secs: u32) -> Result<Arc<Draft>, Denied> {
    let seq = asked.seq;
    let Some(draft) = &asked.draft else { return Err(Denied::NoSuchMessage { seq }) };
    let is_own = draft.sender.user() == Some(&scene.user);
    if !is_own {
        scene.require_on(Action::RecallOthers, asked.author, "recall that message")?;
    }
    if scene.now.since(draft.time) > i64::from(window_secs) {
        return Err(Denied::RecallTooLate { seq, limit_secs: window_secs });
    }
    Ok(draft.clone())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{
        GroupPolicy,
        example::text_of,
        member::tests::{scene, scene_as, scene_of_app_admin},
    };

    const AV: GroupPolicy = GroupPolicy::AV_CHAT_ROOM;

    fn dice() -> u64 {
        7
    }

    #[rstest]
    #[case::stranger(Role::NotMember, MuteUntil::NEVER, true)]
    #[case::owner(Role::Owner, MuteUntil::NEVER, true)]
    #[case::again(Role::Member, MuteUntil::NEVER, true)]
    #[case::banned(Role::NotMember, MuteUntil(2001), false)]
    #[case::banned_admin(Role::Admin, MuteUntil(2001), false)]
    #[case::ban_is_over(Role::NotMember, MuteUntil(2000), true)]
    fn who_enters(#[case] role: Role, #[case] banned: MuteUntil, #[case] may: bool) {
        assert_eq!(enter(&scene_as(AV, role), banned, 1_000_000).is_ok(), may);
    }

    #[test]
    fn a_room_asks_nobody_but_may_be_closed_or_full() {
        let mut room = scene(AV);
        Arc::make_mut(&mut room.group).apply_option = ApplyJoinOption::NeedPermission;
        assert!(enter(&room, MuteUntil::NEVER, 0).is_ok());
        Arc::make_mut(&mut room.group).apply_option = ApplyJoinOption::DisableApply;
        assert!(matches!(enter(&room, MuteUntil::NEVER, 0), Err(Denied::NotPermitted { .. })));
        let small = scene(GroupPolicy { max_members: 2, ..AV });
        assert!(enter(&small, MuteUntil::NEVER, 1).is_ok());
        assert!(matches!(enter(&small, MuteUntil::NEVER, 2), Err(Denied::GroupFull { cap: 2, .. })));
        assert!(enter(&scene_as(*small.policy, Role::Member), MuteUntil::NEVER, 2).is_ok(), "who is in stays in");
    }

    #[rstest]
    #[case(Role::Member, "yes")]
    #[case(Role::Admin, "yes")]
    #[case(Role::Owner, "owner")]
    #[case(Role::NotMember, "stranger")]
    fn who_leaves(#[case] role: Role, #[case] expected: &str) {
        let verdict = match quit(&scene_as(AV, role), &dice) {
            Ok(change) => {
                assert!(change.writes.is_empty(), "nothing of it waits for the disk");
                "yes"
            }
            Err(Denied::OwnerMayNotQuit(_)) => "owner",
            Err(Denied::NotMember { .. }) => "stranger",
            Err(other) => panic!("{other}"),
        };
        assert_eq!(verdict, expected);
    }

    #[rstest]
    #[case(1000, [false, false, true, true])]
    #[case(PINNED, [false, false, false, true])]
    #[case(HIDDEN, [false, false, false, true])]
    #[case(999, [false; 4])]
    #[case(0, [false; 4])]
    fn who_marks(#[case] mark: u32, #[case] expected: [bool; 4]) {
        let mut found: Vec<bool> =
            [Role::Member, Role::Admin, Role::Owner].map(|role| may_mark(&scene_as(AV, role), [mark]).is_ok()).into();
        found.push(may_mark(&scene_of_app_admin(AV), [mark]).is_ok());
        assert_eq!(found, expected);
        assert!(may_mark(&scene_of_app_admin(GroupPolicy::PUBLIC), [1000]).is_err());
    }

    fn users(names: &[&str]) -> Vec<UserId> {
        names.iter().map(|name| UserId::trusted(name)).collect()
    }

    fn appoint_as(scene: &Scene, current: &[&str], names: &[&str], granted: bool) -> Result<Change, Denied> {
        let current = users(current).into_iter().collect();
        appoint(scene, &Appointment { current: &current, users: &users(names), granted, most: 5 }, &dice)
    }

    #[test]
    fn app_admins_appoint_up_to_five() {
        let admin = scene_of_app_admin(AV);
        let change = appoint_as(&admin, &["bob"], &["bob", "cid"], true).unwrap();
        let appointed = change.writes.iter().filter(|write| matches!(write, Write::SetLiveAdmin { admin: true, .. }));
        assert_eq!(appointed.count(), 1, "bob is one already");
        assert!(appoint_as(&admin, &["1", "2", "3", "4"], &["5"], true).is_ok());
        assert!(matches!(appoint_as(&admin, &["1", "2", "3", "4"], &["5", "6"], true), Err(Denied::BadValue(_))));
        assert!(appoint_as(&admin, &["bob"], &["bob", "eve"], false).is_ok());
        assert!(matches!(appoint_as(&admin, &[], &["ana"], true), Err(Denied::BadValue(_))), "ana owns it");
        assert!(appoint_as(&scene_as(AV, Role::Owner), &[], &["bob"], true).is_err());
        assert!(appoint_as(&scene_of_app_admin(GroupPolicy::PUBLIC), &[], &["bob"], true).is_err());
    }

    #[rstest]
    #[case::own(Role::Member, "cid", Role::Member, 120, true)]
    #[case::too_late(Role::Member, "cid", Role::Member, 121, false)]
    #[case::another(Role::Member, "tom", Role::Member, 0, false)]
    #[case::by_admin(Role::Admin, "tom", Role::Member, 0, true)]
    #[case::by_owner(Role::Owner, "tom", Role::Admin, 0, true)]
    #[case::of_owner(Role::Admin, "ana", Role::Owner, 0, false)]
    fn who_withdraws(
        #[case] role: Role,
        #[case] author: &str,
        #[case] author_role: Role,
        #[case] age: i64,
        #[case] may: bool,
    ) {
        let scene = scene_as(AV, role);
        let said = Said { seq: 3, draft: Some(Arc::new(text_of(author, scene.now.0 - age))), author: author_role };
        let forgotten = Said { seq: 9, draft: None, author: Role::NotMember };
        let (results, change) = recall(&scene, &[said.clone(), forgotten, said], "", 120).unwrap();
        assert_eq!(results[0].1.is_ok(), may);
        assert_eq!(results[1].1, Err(Denied::NoSuchMessage { seq: 9 }));
        assert_eq!(change.events.len(), usize::from(may), "one event, however often it was asked");
    }

    #[test]
    fn backends_and_strangers_withdraw_nothing() {
        assert!(matches!(recall(&scene_of_app_admin(AV), &[], "", 120), Err(Denied::TypeWithoutRecall(_))));
        assert!(matches!(recall(&scene(AV), &[], "", 120), Err(Denied::NotMember { .. })));
        assert!(matches!(
            recall(&scene_as(GroupPolicy::PUBLIC, Role::Owner), &[], "", 120),
            Err(Denied::TypeWithoutRecall(_))
        ));
    }
}
