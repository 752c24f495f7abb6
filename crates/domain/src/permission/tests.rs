//! The rights table of docs/spec/group-types.md#2.7, cell by cell.

use super::*;
use crate::group::GroupType;

const ACTORS: [Actor; 5] = [
    Actor::Role(Role::NotMember),
    Actor::Role(Role::Member),
    Actor::Role(Role::Admin),
    Actor::Role(Role::Owner),
    Actor::AppAdmin,
];

/// Five letters per type: stranger, member, admin, owner, app admin. `y` yes, `-` no, `<` only over lower roles.
/// Work and BChatRoom have no admins; whoever carries that role there counts as a member.
const RIGHTS: &str = "
    action                  | Work  | Public | Meeting | AVChatRoom | Community | BChatRoom
    ReadPublicProfile       | -yyyy | yyyyy  | yyyyy   | yyyyy      | yyyyy     | -yyyy
    ReadProfile             | -yyyy | -yyyy  | -yyyy   | -yyyy      | -yyyy     | -yyyy
    EditProfile             | -yyyy | --yyy  | ---yy   | ---yy      | ---yy     | ----y
    EditSettings            | ---yy | --yyy  | ---yy   | ---yy      | ---yy     | ----y
    MuteAll                 | ---yy | --yyy  | --yyy   | --yyy      | --yyy     | ---yy
    Apply                   | ----- | y----  | y----   | y----      | y----     | y----
    Invite                  | -yyyy | ----y  | ----y   | -----      | -yyyy     | -----
    ApproveJoin             | ---yy | --yyy  | --yyy   | --yyy      | --yyy     | ---yy
    Kick                    | ---<y | --<<y  | --<<y   | -----      | --<<y     | -----
    Ban                     | ---<y | --<<y  | --<<y   | --<<y      | -----     | -----
    Mute                    | ----- | --<<y  | --<<y   | --<<y      | --<<y     | -----
    SetRole                 | ----- | ---yy  | ---yy   | ----y      | ---yy     | -----
    TransferOwner           | ---yy | ---yy  | ---yy   | -----      | ---yy     | -----
    Dismiss                 | ----y | ---yy  | ---yy   | ---yy      | ---yy     | ----y
    Quit                    | -yyy- | -yy--  | -yy--   | -yy--      | -yy--     | -yy--
    Send                    | -yyyy | -yyyy  | -yyyy   | -yyyy      | -yyyy     | ----y
    MentionAll              | -yyyy | -yyyy  | -yyyy   | -yyyy      | -----     | -----
    SendDirected            | -yyyy | -yyyy  | -yyyy   | -----      | -----     | -----
    SendWhileAllMuted       | ---yy | --yyy  | --yyy   | --yyy      | --yyy     | ---yy
    ReadHistory             | -yyyy | -yyyy  | -yyyy   | -----      | -yyyy     | -----
    ReadMembers             | -yyyy | -yyyy  | -yyyy   | -yyyy      | -yyyy     | -----
    RecallOwn               | -yyyy | -yyyy  | -yyyy   | -yyyy      | -yyyy     | -----
    RecallOthers            | ---<y | --<<y  | --<<y   | --<<y      | --<<y     | -----
    EditMessage             | -yyyy | -yyyy  | -yyyy   | -----      | -yyyy     | -----
    DeleteMessages          | -yyyy | -yyyy  | -yyyy   | -----      | -yyyy     | -----
    ClearHistory            | ----y | ----y  | ----y   | ----y      | -----     | -----
    PinMessage              | ---yy | --yyy  | --yyy   | -----      | --yyy     | -----
    ExtendMessage           | -yyyy | -yyyy  | -yyyy   | -----      | -yyyy     | -----
    React                   | -yyyy | -yyyy  | -yyyy   | -----      | -yyyy     | -----
    UseReceipts             | -yyyy | -yyyy  | -yyyy   | -----      | -----     | -----
    ReadAttributes          | -yyyy | -yyyy  | -yyyy   | -yyyy      | -yyyy     | -----
    WriteAttributes         | -yyyy | -yyyy  | -yyyy   | -yyyy      | -yyyy     | -----
    ReadCounters            | -yyyy | -yyyy  | -yyyy   | -yyyy      | -----     | -----
    WriteCounters           | -yyyy | -yyyy  | -yyyy   | -yyyy      | -----     | -----
    EditOwnMember           | -yyyy | -yyyy  | -yyyy   | --yyy      | -yyyy     | ---yy
    EditOthersMember        | ---<y | --<<y  | --<<y   | --<<y      | --<<y     | ---<y
    ManageTopics            | ----- | -----  | -----   | -----      | --yyy     | -----
    ManagePermissionGroups  | ----- | -----  | -----   | -----      | ---yy     | -----
    ManagePermissionMembers | ----- | -----  | -----   | -----      | ---yy     | -----
    ManageTopicPermissions  | ----- | -----  | -----   | -----      | ---yy     | -----
    MarkMembers             | ----- | -----  | -----   | ---yy      | -----     | -----
    SendNotice              | ----y | ----y  | ----y   | ----y      | ----y     | ----y
    Import                  | ----y | ----y  | ----y   | -----      | ----y     | -----
";

fn table(text: &'static str) -> Vec<Vec<&'static str>> {
    text.lines().filter(|line| line.contains('|')).map(|line| line.split('|').map(str::trim).collect()).collect()
}

fn policy_of(type_name: &str) -> GroupPolicy {
    GroupType::parse_builtin(type_name)
        .and_then(|kind| GroupPolicy::built_in(&kind))
        .expect("the name of a built-in type")
}

#[test]
fn every_cell_of_the_rights_table() {
    let rows = table(RIGHTS);
    assert_eq!(rows.len() - 1, Action::ALL.len(), "every action has a row");
    for (action, row) in Action::ALL.iter().zip(&rows[1..]) {
        assert_eq!(format!("{action:?}"), row[0]);
        for (type_name, expected) in rows[0][1..].iter().zip(&row[1..]) {
            let policy = policy_of(type_name);
            let found: String = ACTORS
                .iter()
                .map(|actor| match permission(&policy, *actor, *action) {
                    Verdict::Yes => 'y',
                    Verdict::No => '-',
                    Verdict::OnlyOverLower => '<',
                })
                .collect();
            assert_eq!(found, *expected, "{action:?} in {type_name}");
        }
    }
}

/// The specification's own table: the types in which each role may, in its words. Columns: operation, member, admin,
/// owner, app admin. Where the operation has a target, it is named after "over".
const SPECIFIED: &str = "
    EditProfile              | Work            | Public                   | Work Public Meeting AVChatRoom Community | all
    Invite                   | Work Community  | Community                | Work Community                           | Work Public Meeting Community
    ApproveJoin              | none            | admins                   | all                                      | all
    Kick over Member         | none            | Public Meeting Community | Work Public Meeting Community            | Work Public Meeting Community
    Kick over Admin          | none            | none                     | Public Meeting Community                 | Public Meeting Community
    Mute over Member         | none            | Public Meeting AVChatRoom Community | Public Meeting AVChatRoom Community | Public Meeting AVChatRoom Community
    Mute over Admin          | none            | none                     | Public Meeting AVChatRoom Community      | Public Meeting AVChatRoom Community
    SetRole over Member      | none            | none                     | Public Meeting Community                 | Public Meeting AVChatRoom Community
    SetRole over Admin       | none            | none                     | Public Meeting Community                 | Public Meeting AVChatRoom Community
    TransferOwner            | none            | none                     | Work Public Meeting Community            | Work Public Meeting Community
    Dismiss                  | none            | none                     | Public Meeting AVChatRoom Community      | all
    Quit                     | all             | admins                   | Work                                     | none
    Send                     | Work Public Meeting AVChatRoom Community | admins | Work Public Meeting AVChatRoom Community | all
";

#[test]
fn the_specifications_own_table() {
    let with_admins = ["Public", "Meeting", "AVChatRoom", "Community"];
    let all = ["Work", "Public", "Meeting", "AVChatRoom", "Community", "BChatRoom"];
    for row in table(SPECIFIED) {
        let (name, target) = match row[0].split_once(" over ") {
            Some((name, "Member")) => (name, Some(Role::Member)),
            Some((name, _)) => (name, Some(Role::Admin)),
            None => (row[0], None),
        };
        let action = *Action::ALL.iter().find(|action| format!("{action:?}") == name).expect("the name of an action");
        for (actor, cell) in ACTORS[1..].iter().zip(&row[1..]) {
            let types: Vec<&str> = match *cell {
                "all" => all.to_vec(),
                "none" => Vec::new(),
                "admins" => with_admins.to_vec(),
                listed => listed.split(' ').collect(),
            };
            for type_name in all {
                // Neither an admin who acts nor one who suffers exists in a type without admins; nor has BChatRoom an owner.
                let needs_admin = *actor == Actor::Role(Role::Admin) || target == Some(Role::Admin);
                let needs_owner = *actor == Actor::Role(Role::Owner);
                if (needs_admin && !with_admins.contains(&type_name)) || (needs_owner && type_name == "BChatRoom") {
                    continue;
                }
                let policy = policy_of(type_name);
                let may = match target {
                    Some(target) => may_act_on(&policy, *actor, action, target),
                    None => permission(&policy, *actor, action).allows(),
                };
                assert_eq!(may, types.contains(&type_name), "{} by {actor:?} in {type_name}", row[0]);
            }
        }
    }
}

#[test]
fn who_may_act_on_whom() {
    let (public, work, live) = (GroupPolicy::PUBLIC, GroupPolicy::WORK, GroupPolicy::AV_CHAT_ROOM);
    let any_kicks = GroupPolicy { kick: KickRule::AnyMember, ..public };
    for (policy, actor, action, target, may) in [
        (&public, Actor::Role(Role::Owner), Action::Kick, Role::Admin, true),
        (&public, Actor::Role(Role::Admin), Action::Kick, Role::Member, true),
        (&public, Actor::Role(Role::Admin), Action::Kick, Role::Admin, false),
        (&public, Actor::Role(Role::Admin), Action::Kick, Role::Owner, false),
        (&public, Actor::Role(Role::Member), Action::Kick, Role::Member, false),
        (&public, Actor::AppAdmin, Action::Kick, Role::Admin, true),
        (&public, Actor::AppAdmin, Action::Kick, Role::Owner, false),
        (&work, Actor::AppAdmin, Action::Kick, Role::Owner, true),
        (&any_kicks, Actor::Role(Role::Member), Action::Kick, Role::Admin, true),
        (&any_kicks, Actor::Role(Role::Member), Action::Kick, Role::Owner, false),
        (&any_kicks, Actor::Role(Role::NotMember), Action::Kick, Role::Member, false),
        (&live, Actor::AppAdmin, Action::Kick, Role::Member, false),
        (&live, Actor::Role(Role::Admin), Action::Mute, Role::Member, true),
        (&live, Actor::Role(Role::Admin), Action::Mute, Role::NotMember, true),
        (&live, Actor::AppAdmin, Action::EditOthersMember, Role::Admin, true),
        (&live, Actor::AppAdmin, Action::EditOthersMember, Role::Member, false),
        (&public, Actor::AppAdmin, Action::Ban, Role::Owner, false),
        (&public, Actor::AppAdmin, Action::SetRole, Role::Owner, false),
        (&public, Actor::AppAdmin, Action::Mute, Role::Owner, true),
        (&public, Actor::Role(Role::Admin), Action::RecallOthers, Role::Owner, false),
        (&public, Actor::Role(Role::Admin), Action::RecallOthers, Role::NotMember, true),
    ] {
        assert_eq!(may_act_on(policy, actor, action, target), may, "{actor:?} {action:?} {target:?}");
    }
}

/// In types with admins, whoever leads may whatever those below may; applying and leaving are for those below.
#[test]
fn a_higher_role_can_do_what_a_lower_can() {
    for kind in GroupType::BUILT_IN {
        let policy = GroupPolicy::built_in(&kind).expect("a built-in type");
        for action in Action::ALL.iter().filter(|action| !matches!(action, Action::Apply | Action::Quit)) {
            for pair in ACTORS.windows(2) {
                let (lower, higher) = (permission(&policy, pair[0], *action), permission(&policy, pair[1], *action));
                assert!(!lower.allows() || higher.allows(), "{action:?} in {kind}: {pair:?}");
            }
        }
    }
}

#[test]
fn invitations_follow_the_groups_option() {
    use Invitation::{InviteeConsents, Joins, NeedsApproval, Refused};
    use InviteJoinOption::{DisableInvite, FreeAccess, NeedPermission};

    let public = GroupPolicy::PUBLIC;
    let consent = GroupPolicy { member_invite: MemberInvite::InviteeConsents, ..public };
    let (member, admin, owner) = (Role::Member.into(), Role::Admin.into(), Role::Owner.into());
    for (policy, option, actor, expected) in [
        (&public, FreeAccess, member, Joins),
        (&public, NeedPermission, member, NeedsApproval),
        (&public, NeedPermission, admin, Joins),
        (&public, NeedPermission, owner, Joins),
        (&public, DisableInvite, owner, Refused),
        (&public, DisableInvite, Actor::AppAdmin, Joins),
        (&public, FreeAccess, Role::NotMember.into(), Refused),
        (&consent, FreeAccess, member, InviteeConsents),
        (&consent, FreeAccess, Actor::AppAdmin, Joins),
        (&GroupPolicy::WORK, NeedPermission, admin, NeedsApproval),
        (&GroupPolicy::AV_CHAT_ROOM, FreeAccess, Actor::AppAdmin, Refused),
    ] {
        assert_eq!(invitation(policy, option, actor), expected, "{option} {actor:?}");
    }
}

#[test]
fn ranks_are_those_of_the_wire() {
    for (role, rank) in [(Role::Owner, 400), (Role::Admin, 300), (Role::Member, 200), (Role::NotMember, 0)] {
        assert_eq!(role.rank(), rank);
        assert_eq!(Role::from_rank(rank), Some(role));
    }
    assert_eq!(Role::from_rank(100), None);
    assert_eq!(Role::Admin.under_permission_groups(), Role::Member);
    assert_eq!(Role::Owner.under_permission_groups(), Role::Owner);
}
