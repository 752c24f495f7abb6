//! Coming in: by one's own wish, by a decision about an application. What every newcomer goes through is in [`enter`].

use super::{Dice, Member, announce};
use crate::{
    Denied, Scene, UserId,
    change::{Change, Event, Expect, Write},
    group::{ApplyJoinOption, MsgFlag},
    join::{Application, Awaits},
    message::Tip,
    notice::{self, Notice, NoticeKind},
    permission::{Action, Role},
    time::MuteUntil,
};

/// Most bytes of the words of an application, and of the answer to it.
pub const WORDS_BYTES: usize = 1000;

/// What is known of somebody who may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub user: UserId,
    /// In the group already.
    pub is_member: bool,
    /// Until when banned from it.
    pub banned: MuteUntil,
    /// The most groups an account may have, when this one has as many.
    pub over_limit: Option<u32>,
}

/// How newcomers come in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    /// Who let or brought them in, or the newcomer themself.
    pub by: &'a UserId,
    /// Somebody else wanted them in.
    pub invited: bool,
    /// Nobody is told.
    pub silence: bool,
    /// The newest number of the group's messages.
    pub last_seq: u64,
}

/// Expects room for so many more (docs/spec/group-types.md#2.4).
pub(super) fn expect_room(change: Change, scene: &Scene, adding: u64) -> Result<Change, Denied> {
    let group = scene.group.id.clone();
    match scene.group.cap(&scene.policy) {
        0 => Ok(change),
        cap if scene.group.member_num + adding > cap => Err(Denied::GroupFull { group, cap }),
        cap => Ok(change.expect(Expect::RoomFor { group, adding, cap })),
    }
}

/// Lets people in who were found fit to come: all of them, or [`Denied::GroupFull`].
pub(super) fn enter(
    change: Change,
    scene: &Scene,
    users: &[UserId],
    entry: Entry<'_>,
    dice: Dice<'_>,
) -> Result<Change, Denied> {
    let group = &scene.group;
    let adding = users.len() as u64;
    let mut change = change
        .expect(Expect::GroupAt { group: group.id.clone(), revision: group.revision })
        .expect(Expect::NotMembers { group: group.id.clone(), users: users.to_vec() });
    change = expect_room(change, scene, adding)?;
    // The tip about their coming is the first thing newcomers may read, and counts as read.
    let tip = Tip::Joined {
        by: entry.by.clone(),
        users: users.to_vec(),
        invited: entry.invited,
        member_num: group.member_num + adding,
    };
    let told = if entry.silence { Change::none() } else { announce(Change::none(), scene, tip, dice) };
    for user in users {
        let member = Member {
            read_seq: entry.last_seq + told.writes.len() as u64,
            ..Member::new(user.clone(), Role::Member, scene.now, entry.last_seq, scene.policy.default_msg_flag)
        };
        change = change
            .write(Write::PutMember(group.id.clone(), Box::new(member)))
            // Whoever is in applies no longer.
            .write(Write::DeleteApplication { group: group.id.clone(), applicant: user.clone() });
    }
    change = change.write(Write::Touch { group: group.id.clone(), at: scene.now });
    if !group.active {
        // Newcomers do not see the group before its first message. Storing the group anew makes a first message that is
        // being decided now look again for whom it wakes.
        return Ok(change.write(Write::UpdateGroup(Box::new((**group).clone()))));
    }
    change = change.event(Event::Membership { group: group.id.clone(), joined: users.to_vec(), left: Vec::new() });
    if scene.policy.default_msg_flag == MsgFlag::Discard {
        for user in users {
            let group = group.id.clone();
            change = change.event(Event::ReceiveOption { group, topic: None, user: user.clone(), discard: true });
        }
    }
    if entry.invited && !entry.silence {
        let notice = Notice::about(group, entry.by.clone(), NoticeKind::Invited, dice());
        change = notice::tell(change, users, notice, scene.now);
    }
    change.writes.extend(told.writes);
    change.events.extend(told.events);
    Ok(change)
}

/// What becomes of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The applicant is in.
    Joined,
    /// The owner or an admin has to decide.
    Waits,
}

/// What an application looks at beside the scene.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The applicant.
    pub applicant: &'a Candidate,
    /// In their words.
    pub message: &'a str,
    /// Unix milliseconds; names the application in the decision.
    pub key: i64,
    /// Who decides: the owner and the admins.
    pub leaders: &'a [UserId],
    /// The newest number of the group's messages.
    pub last_seq: u64,
}

/// The caller applies to join (docs/spec/group-types.md#2.2).
///
/// # Errors
/// [`Denied::AlreadyMember`]; what type, join option or a ban forbids; [`Denied::GroupFull`], [`Denied::TooManyGroups`].
pub fn apply(scene: &Scene, wish: &Wish<'_>, dice: Dice<'_>) -> Result<(Applied, Change), Denied> {
    let (group, user) = (&scene.group, &scene.user);
    // 1. Who is in already.
    if wish.applicant.is_member {
        return Err(Denied::AlreadyMember { user: user.clone(), group: group.id.clone() });
    }
    // 2. The type and the group's own option.
    scene.require(Action::Apply, "apply to join")?;
    if group.apply_option == ApplyJoinOption::DisableApply {
        return Err(Denied::NotPermitted { user: user.clone(), what: "apply to join", group: group.id.clone() });
    }
    // 3. The applicant.
    check_words("ApplyMsg", wish.message)?;
    fit(scene, wish.applicant)?;
    if group.apply_option == ApplyJoinOption::FreeAccess {
        let entry = Entry { by: user, invited: false, silence: false, last_seq: wish.last_seq };
        let change = enter(Change::none(), scene, std::slice::from_ref(user), entry, dice)?;
        return Ok((Applied::Joined, change));
    }
    let application = Application {
        group: group.id.clone(),
        applicant: user.clone(),
        by: user.clone(),
        key: wish.key,
        authentication: authentication(dice),
        message: wish.message.to_owned(),
        at: scene.now,
        awaits: Awaits::Leaders,
    };
    Ok((Applied::Waits, ask_leaders(Change::none(), scene, application, wish.leaders, dice)))
}

/// Keeps an application and tells the owner and the admins.
pub(super) fn ask_leaders(
    change: Change,
    scene: &Scene,
    application: Application,
    leaders: &[UserId],
    dice: Dice<'_>,
) -> Change {
    let kind = NoticeKind::Applied {
        authentication: application.authentication.clone(),
        key: application.key,
        message: application.message.clone(),
    };
    let notice = Notice::about(&scene.group, application.applicant.clone(), kind, dice());
    let change = change
        .expect(Expect::GroupAt { group: scene.group.id.clone(), revision: scene.group.revision })
        .write(Write::PutApplication(application));
    notice::tell(change, leaders, notice, scene.now)
}

/// What only this application is answered with.
pub(super) fn authentication(dice: Dice<'_>) -> String {
    format!("{:016x}", dice())
}

fn check_words(field: &str, words: &str) -> Result<(), Denied> {
    if words.len() > WORDS_BYTES {
        return Err(Denied::BadValue(format!("`{field}` has more than {WORDS_BYTES} bytes")));
    }
    Ok(())
}

/// Lets pass who may come in.
fn fit(scene: &Scene, candidate: &Candidate) -> Result<(), Denied> {
    if candidate.banned.holds(scene.now) {
        return Err(Denied::Banned { user: candidate.user.clone(), group: scene.group.id.clone() });
    }
    match candidate.over_limit {
        Some(limit) => Err(Denied::TooManyGroups { user: candidate.user.clone(), limit }),
        None => Ok(()),
    }
}

/// A decision about an application.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    /// The application it is about.
    pub application: &'a Application,
    /// Yes, or no.
    pub agree: bool,
    /// In the words of who decides.
    pub words: &'a str,
    /// The applicant.
    pub applicant: &'a Candidate,
    /// The newest number of the group's messages.
    pub last_seq: u64,
}

/// The caller decides about an application or invitation.
///
/// # Errors
/// [`Denied::NotPermitted`] and the like when it is not theirs to decide; what keeps the applicant out.
pub fn decide(scene: &Scene, decision: &Decision<'_>, dice: Dice<'_>) -> Result<Change, Denied> {
    let (group, application) = (&scene.group, decision.application);
    // 1. Whose decision it is.
    match application.awaits {
        Awaits::Leaders => scene.require(Action::ApproveJoin, "decide about applications")?,
        Awaits::Invitee if scene.user == application.applicant => {}
        Awaits::Invitee => {
            let user = scene.user.clone();
            return Err(Denied::NotPermitted {
                user,
                what: "decide about others' invitations",
                group: group.id.clone(),
            });
        }
    }
    check_words("ApprovalMsg", decision.words)?;
    // 2. It is decided once.
    let (applicant, key) = (application.applicant.clone(), application.key);
    let change = Change::none()
        .expect(Expect::GroupAt { group: group.id.clone(), revision: group.revision })
        .expect(Expect::Pending { group: group.id.clone(), applicant: applicant.clone(), key })
        .write(Write::DeleteApplication { group: group.id.clone(), applicant: applicant.clone() });
    if decision.applicant.is_member {
        return Ok(change);
    }
    // 3. Whoever asked hears the answer.
    let message = decision.words.to_owned();
    let kind = match (application.is_invitation(), decision.agree) {
        (false, true) => NoticeKind::Approved { message },
        (false, false) => NoticeKind::Refused { message },
        (true, true) => NoticeKind::InviteAccepted,
        (true, false) => NoticeKind::InviteRefused,
    };
    let answer = Notice::about(group, scene.user.clone(), kind, dice());
    if !decision.agree {
        return Ok(notice::tell(change, [&application.by], answer, scene.now));
    }
    fit(scene, decision.applicant)?;
    let invited = application.is_invitation();
    let by = if invited { &application.by } else { &scene.user };
    let entry = Entry { by, invited, silence: false, last_seq: decision.last_seq };
    let change = enter(change, scene, std::slice::from_ref(&applicant), entry, dice)?;
    Ok(notice::tell(change, [&application.by], answer, scene.now))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::{
        GroupId, GroupPolicy, Timestamp,
        group::policy::MemberChangeNotice,
        member::tests::{scene, scene_as},
    };

    fn dice() -> u64 {
        7 << 32 | 7
    }

    fn fit_candidate(user: &str) -> Candidate {
        let user = UserId::trusted(user);
        Candidate { user, is_member: false, banned: MuteUntil::NEVER, over_limit: None }
    }

    fn apply_as(scene: &Scene, applicant: &Candidate) -> Result<(Applied, Change), Denied> {
        let leaders = [UserId::trusted("ana"), UserId::trusted("bob")];
        let wish = Wish { applicant, message: "let me in", key: 42, leaders: &leaders, last_seq: 9 };
        apply(scene, &wish, &dice)
    }

    fn with_option(policy: GroupPolicy, option: ApplyJoinOption) -> Scene {
        let mut scene = scene(policy);
        Arc::make_mut(&mut scene.group).apply_option = option;
        scene
    }

    fn newcomer(change: &Change) -> Option<&Member> {
        change.writes.iter().find_map(|write| match write {
            Write::PutMember(_, member) => Some(&**member),
            _ => None,
        })
    }

    fn notices(change: &Change) -> Vec<(&str, &NoticeKind)> {
        let told = change.writes.iter().filter_map(|write| match write {
            Write::Notify { user, notice, .. } => Some((user.as_str(), &notice.kind)),
            _ => None,
        });
        told.collect()
    }

    /// The row "application to join" of docs/spec/group-types.md#2.2, with every join option.
    #[rstest]
    #[case(GroupPolicy::WORK, ["no", "no", "no"])]
    #[case(GroupPolicy::PUBLIC, ["no", "waits", "in"])]
    #[case(GroupPolicy::MEETING, ["no", "waits", "in"])]
    #[case(GroupPolicy::COMMUNITY, ["no", "waits", "in"])]
    fn what_becomes_of_an_application(#[case] policy: GroupPolicy, #[case] expected: [&str; 3]) {
        let options = [ApplyJoinOption::DisableApply, ApplyJoinOption::NeedPermission, ApplyJoinOption::FreeAccess];
        let found = options.map(|option| match apply_as(&with_option(policy, option), &fit_candidate("eve")) {
            Ok((Applied::Joined, change)) => newcomer(&change).map_or("lost", |_| "in"),
            Ok((Applied::Waits, change)) => newcomer(&change).map_or("waits", |_| "in already"),
            Err(Denied::TypeForbids { .. } | Denied::NotPermitted { .. }) => "no",
            Err(_) => "another refusal",
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn a_newcomer_has_read_everything_also_the_tip_about_them() {
        let scene = with_option(GroupPolicy::PUBLIC, ApplyJoinOption::FreeAccess);
        let (_, change) = apply_as(&scene, &fit_candidate("eve")).unwrap();
        let member = newcomer(&change).unwrap();
        assert_eq!((member.joined_seq, member.read_seq, member.role), (9, 10, Role::Member));
        assert_eq!(member.joined_at, scene.now);
        // The newcomer is in before the tip is told.
        let joined = vec![UserId::trusted("eve")];
        let membership = Event::Membership { group: GroupId::trusted("crew"), joined, left: Vec::new() };
        assert_eq!(change.events, [membership, Event::Stored(0)]);
        assert!(notices(&change).is_empty(), "nobody is told what they did themselves");
    }

    #[rstest]
    #[case(MemberChangeNotice::None, 1, 0)]
    #[case(MemberChangeNotice::Visible, 2, 1)]
    #[case(MemberChangeNotice::Silent, 2, 0)]
    fn the_group_is_told_as_its_type_says(
        #[case] member_change_notice: MemberChangeNotice,
        #[case] events: usize,
        #[case] stored: usize,
    ) {
        let policy = GroupPolicy { member_change_notice, ..GroupPolicy::PUBLIC };
        let (_, change) = apply_as(&with_option(policy, ApplyJoinOption::FreeAccess), &fit_candidate("eve")).unwrap();
        let appended = change.writes.iter().filter(|write| matches!(write, Write::Append(_))).count();
        assert_eq!((change.events.len(), appended), (events, stored));
        assert_eq!(newcomer(&change).unwrap().read_seq, 9 + stored as u64);
    }

    #[test]
    fn newcomers_of_a_type_whose_messages_are_discarded_get_none() {
        let policy = GroupPolicy { default_msg_flag: MsgFlag::Discard, ..GroupPolicy::MEETING };
        let (_, change) = apply_as(&with_option(policy, ApplyJoinOption::FreeAccess), &fit_candidate("eve")).unwrap();
        assert!(matches!(change.events[1], Event::ReceiveOption { discard: true, .. }));
    }

    #[test]
    fn what_keeps_an_applicant_out() {
        let scene = with_option(GroupPolicy::PUBLIC, ApplyJoinOption::FreeAccess);
        let eve = fit_candidate("eve");
        let user = eve.user.clone();
        let group = scene.group.id.clone();
        let member = Candidate { is_member: true, ..eve.clone() };
        assert_eq!(apply_as(&scene, &member), Err(Denied::AlreadyMember { user: user.clone(), group: group.clone() }));
        let banned = Candidate { banned: MuteUntil(2001), ..eve.clone() };
        assert_eq!(apply_as(&scene, &banned), Err(Denied::Banned { user: user.clone(), group: group.clone() }));
        let banned_before = Candidate { banned: MuteUntil(2000), ..eve.clone() };
        assert!(apply_as(&scene, &banned_before).is_ok());
        let over = Candidate { over_limit: Some(5), ..eve.clone() };
        assert_eq!(apply_as(&scene, &over), Err(Denied::TooManyGroups { user, limit: 5 }));
        let mut full = scene;
        Arc::make_mut(&mut full.group).max_member_num = 3;
        assert_eq!(apply_as(&full, &eve), Err(Denied::GroupFull { group, cap: 3 }));
    }

    #[test]
    fn an_application_is_told_to_those_who_decide() {
        let (_, change) =
            apply_as(&with_option(GroupPolicy::PUBLIC, ApplyJoinOption::NeedPermission), &fit_candidate("eve"))
                .unwrap();
        let kind = NoticeKind::Applied {
            authentication: "0000000700000007".to_owned(),
            key: 42,
            message: "let me in".to_owned(),
        };
        assert_eq!(notices(&change), [("ana", &kind), ("bob", &kind)]);
        assert!(change.events.is_empty());
    }

    fn application(by: &str, awaits: Awaits) -> Application {
        Application {
            group: GroupId::trusted("crew"),
            applicant: UserId::trusted("eve"),
            by: UserId::trusted(by),
            key: 42,
            authentication: "a".to_owned(),
            message: String::new(),
            at: Timestamp(1900),
            awaits,
        }
    }

    fn decide_as(scene: &Scene, application: &Application, agree: bool) -> Result<Change, Denied> {
        let applicant = fit_candidate("eve");
        decide(scene, &Decision { application, agree, words: "so be it", applicant: &applicant, last_seq: 9 }, &dice)
    }

    #[rstest]
    #[case(Role::Owner, true)]
    #[case(Role::Admin, true)]
    #[case(Role::Member, false)]
    #[case(Role::NotMember, false)]
    fn owner_and_admins_decide(#[case] role: Role, #[case] may: bool) {
        let scene = scene_as(GroupPolicy::PUBLIC, role);
        for agree in [true, false] {
            assert_eq!(decide_as(&scene, &application("eve", Awaits::Leaders), agree).is_ok(), may);
        }
    }

    #[rstest]
    #[case::applied("eve", true, "eve", NoticeKind::Approved { message: "so be it".to_owned() })]
    #[case::applied("eve", false, "eve", NoticeKind::Refused { message: "so be it".to_owned() })]
    #[case::invited("cid", true, "cid", NoticeKind::InviteAccepted)]
    #[case::invited("cid", false, "cid", NoticeKind::InviteRefused)]
    fn whoever_asked_hears_the_answer(
        #[case] by: &str,
        #[case] agree: bool,
        #[case] to: &str,
        #[case] kind: NoticeKind,
    ) {
        let scene = scene_as(GroupPolicy::PUBLIC, Role::Admin);
        let change = decide_as(&scene, &application(by, Awaits::Leaders), agree).unwrap();
        assert!(notices(&change).contains(&(to, &kind)), "{:?}", notices(&change));
        assert_eq!(newcomer(&change).is_some(), agree);
        let pending = Expect::Pending { group: scene.group.id.clone(), applicant: UserId::trusted("eve"), key: 42 };
        assert!(change.expect.contains(&pending), "it is decided once");
    }

    #[test]
    fn an_invitation_that_waits_for_the_invited_is_nobody_elses() {
        let invitation = application("cid", Awaits::Invitee);
        for role in [Role::Owner, Role::Admin, Role::Member] {
            assert!(decide_as(&scene_as(GroupPolicy::PUBLIC, role), &invitation, true).is_err());
        }
        let change = decide_as(&scene(GroupPolicy::PUBLIC), &invitation, true).unwrap();
        assert!(newcomer(&change).is_some());
        assert_eq!(notices(&change), [("eve", &NoticeKind::Invited), ("cid", &NoticeKind::InviteAccepted)]);
    }

    #[test]
    fn a_decision_about_somebody_who_is_in_only_ends_the_application() {
        let scene = scene_as(GroupPolicy::PUBLIC, Role::Owner);
        let application = application("eve", Awaits::Leaders);
        let applicant = Candidate { is_member: true, ..fit_candidate("eve") };
        let decision =
            Decision { application: &application, agree: true, words: "", applicant: &applicant, last_seq: 9 };
        let change = decide(&scene, &decision, &dice).unwrap();
        assert!(matches!(change.writes.as_slice(), [Write::DeleteApplication { .. }]));
    }

    #[test]
    fn words_have_a_limit() {
        let scene = with_option(GroupPolicy::PUBLIC, ApplyJoinOption::NeedPermission);
        let words = "w".repeat(WORDS_BYTES + 1);
        let applicant = fit_candidate("eve");
        let wish = Wish { applicant: &applicant, message: &words, key: 1, leaders: &[], last_seq: 0 };
        assert!(matches!(apply(&scene, &wish, &dice), Err(Denied::BadValue(text)) if text.contains("ApplyMsg")));
    }
}
