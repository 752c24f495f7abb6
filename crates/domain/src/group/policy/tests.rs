//! The matrix of docs/spec/group-types.md, cell by cell, and what apps may change about it.

use super::*;
use crate::{
    limits::{LimitsOverride, MaxMembers, Preset},
    settings::LimitsChoice,
};

const MATRIX: &str = "
    column                    | Work              | Public            | Meeting           | AVChatRoom        | Community         | BChatRoom
    --- how the type is built
    members_stored            | yes               | yes               | yes               | no                | yes               | no
    history_stored            | yes               | yes               | yes               | no                | yes               | no
    tips                      | stored            | stored            | stored            | transient         | stored            | transient
    has_owner                 | yes               | yes               | yes               | yes               | yes               | no
    owner_is_member_at_creation | yes             | yes               | yes               | no                | yes               | no
    reaches_everyone_online   | no                | no                | no                | no                | no                | yes
    conversation_entry        | yes               | yes               | yes               | no                | yes               | no
    topics                    | no                | no                | no                | no                | yes               | no
    permission_groups         | no                | no                | no                | no                | yes               | no
    client_may_create         | yes               | yes               | yes               | yes               | yes               | no
    own_member_cap            | yes               | yes               | yes               | no                | yes               | no
    history_option            | yes               | yes               | yes               | no                | no                | no
    online_only_msgs          | yes               | yes               | yes               | no                | yes               | no
    send_control              | yes               | yes               | yes               | no                | yes               | no
    notice_to_named_members   | yes               | yes               | yes               | no                | yes               | no
    broadcasts                | no                | no                | no                | yes               | no                | no
    live_admins               | no                | no                | no                | yes               | no                | no
    live_robots               | no                | no                | no                | yes               | no                | no
    member_marks              | no                | no                | no                | yes               | no                | no
    online_count              | no                | no                | no                | yes               | no                | no
    online_list               | no                | no                | no                | yes               | yes               | no
    live_recall               | no                | no                | no                | yes               | no                | no
    --- 2.1 discovery and profile
    searchable_by_id          | no                | yes               | yes               | yes               | yes               | no
    searchable_by_name        | no                | no                | no                | no                | no                | no
    has_admins                | no                | yes               | yes               | yes               | yes               | no
    member_edits_profile      | yes               | no                | no                | no                | no                | no
    profile_edit_min_role     | owner             | admin             | owner             | owner             | owner             | app_admin
    member_list               | full              | full              | full              | online            | full              | none
    member_list_partial_size  | 300               | 300               | 300               | 300               | 300               | 300
    owner_may_dismiss         | no                | yes               | yes               | yes               | yes               | no
    --- 2.2 joining
    apply_join_allowed        | no                | yes               | yes               | yes               | yes               | yes
    default_apply_option      | disable_apply     | need_permission   | free_access       | free_access       | free_access       | free_access
    member_invite             | direct            | nobody            | nobody            | nobody            | direct            | nobody
    rest_add_member           | yes               | yes               | yes               | no                | yes               | no
    create_with_members       | yes               | yes               | yes               | no                | yes               | no
    has_invite_option         | yes               | yes               | yes               | no                | yes               | no
    default_invite_option     | free_access       | disable_invite    | disable_invite    | disable_invite    | free_access       | disable_invite
    guests_allowed            | no                | no                | no                | yes               | no                | yes
    ban_supported             | yes               | yes               | yes               | yes               | no                | no
    --- 2.3 member management
    owner_sets_admins         | no                | yes               | yes               | no                | yes               | no
    owner_may_quit            | yes               | no                | no                | no                | no                | no
    transferable              | yes               | yes               | yes               | no                | yes               | no
    kick                      | owner_and_admins  | owner_and_admins  | owner_and_admins  | nobody            | owner_and_admins  | nobody
    mute_supported            | no                | yes               | yes               | yes               | yes               | no
    mute_survives_rejoin      | yes               | yes               | yes               | yes               | yes               | yes
    mute_all_supported        | yes               | yes               | yes               | yes               | yes               | yes
    kick_offline              | off               | off               | off               | unsupported       | unsupported       | unsupported
    count_online              | off               | off               | off               | live              | unsupported       | off
    --- 2.4 capacity
    max_members               | 200               | 2000              | 6000              | 0                 | 100000            | 0
    max_groups                | 0                 | 0                 | 0                 | 0                 | 0                 | 5
    --- 2.5 messages
    send_policy               | members           | members           | members           | members           | members           | app_admins
    unread_count              | yes               | yes               | no                | no                | yes               | no
    history_before_join       | no                | no                | yes               | no                | yes               | no
    history_before_join_count | 0                 | 0                 | 0                 | 0                 | 0                 | 0
    member_change_notice      | visible           | visible           | none              | visible           | visible           | none
    profile_notice            | yes               | yes               | yes               | yes               | yes               | yes
    member_profile_notice     | yes               | yes               | no                | no                | yes               | no
    settings_notice           | no                | no                | no                | no                | no                | no
    activate_on_first_msg     | yes               | no                | no                | no                | no                | no
    default_msg_flag          | accept_and_notify | accept_and_notify | accept_not_notify | accept_not_notify | accept_and_notify | accept_not_notify
    read_receipts             | yes               | yes               | yes               | no                | no                | no
    directed_msgs             | yes               | yes               | yes               | no                | no                | no
    msg_extension             | yes               | yes               | yes               | no                | yes               | no
    msg_reactions             | yes               | yes               | yes               | no                | yes               | no
    edit_supported            | yes               | yes               | yes               | no                | yes               | no
    recall_supported          | yes               | yes               | yes               | no                | yes               | no
    delete_supported          | yes               | yes               | yes               | no                | yes               | no
    clear_supported           | yes               | yes               | yes               | yes               | no                | no
    pins_supported            | yes               | yes               | yes               | no                | yes               | no
    at_all                    | yes               | yes               | yes               | yes               | no                | no
    msg_rate_per_sec          | 40                | 40                | 40                | 40                | 40                | 40
    silent_drop               | yes               | yes               | yes               | yes               | yes               | yes
    --- 2.6 import, recycling, attributes, counters
    import_allowed            | yes               | yes               | yes               | no                | yes               | no
    recycle_seconds           | 0                 | 0                 | 0                 | 0                 | 0                 | 0
    group_attr                | yes               | yes               | yes               | yes               | yes               | no
    group_counter             | yes               | yes               | yes               | yes               | no                | no
    member_custom_fields      | yes               | yes               | yes               | no                | yes               | no
";

fn rows() -> Vec<Vec<&'static str>> {
    MATRIX.lines().filter(|line| line.contains('|')).map(|line| line.split('|').map(str::trim).collect()).collect()
}

#[test]
fn every_cell_is_as_the_specification_says() {
    let settings = AppSettings::default();
    let rows = rows();
    for (column, name) in rows[0].iter().enumerate().skip(1) {
        let kind = GroupType::parse_builtin(name).expect("the head row names types");
        let cells = GroupPolicy::explain(&settings, &kind).expect("a built-in type");
        assert_eq!(cells.len(), rows.len() - 1, "every column of the policy has a row");
        for (cell, row) in cells.iter().zip(&rows[1..]) {
            assert_eq!((cell.column, cell.value.as_str()), (row[0], row[column]), "{name}");
            assert_eq!(cell.source, Source::BuiltIn, "{name}.{}", cell.column);
        }
        assert_eq!(GroupPolicy::for_app(&settings, &kind), GroupPolicy::built_in(&kind), "{name}");
    }
}

fn settings(json: &str) -> AppSettings {
    serde_json::from_str(json).expect("well-formed settings")
}

fn cell(settings: &AppSettings, kind: &GroupType, column: &str) -> (String, Source) {
    let cells = GroupPolicy::explain(settings, kind).expect("a type of the app");
    let cell = cells.into_iter().find(|cell| cell.column == column).expect("a column of the policy");
    (cell.value, cell.source)
}

#[test]
fn an_app_changes_a_built_in_type_by_words_or_numbers() {
    for written in [
        r#"{"group_types": {"Work": {"apply_join_allowed": true, "kick": "any_member", "default_msg_flag": "discard",
            "default_apply_option": "need_permission", "member_change_notice": "silent", "recycle_seconds": 60}}}"#,
        r#"{"group_types": {"Work": {"apply_join_allowed": 1, "kick_policy": 1, "default_msg_flag": 1,
            "default_apply_option": 1, "notify_member_change": 2, "recycle_seconds": 60}}}"#,
        r#"{"group_types": {"Work": {"apply_join_allowed": true, "kick": 1, "default_msg_flag": "Discard",
            "default_apply_option": "NeedPermission", "member_change_notice": 2, "recycle_seconds": 60,
            "owner_may_quit": null}}}"#,
    ] {
        let settings = settings(written);
        assert_eq!(settings.validate(), [], "{written}");
        let expected = GroupPolicy {
            apply_join_allowed: true,
            kick: KickRule::AnyMember,
            default_msg_flag: MsgFlag::Discard,
            default_apply_option: ApplyJoinOption::NeedPermission,
            member_change_notice: MemberChangeNotice::Silent,
            recycle_seconds: 60,
            ..GroupPolicy::WORK
        };
        assert_eq!(GroupPolicy::for_app(&settings, &GroupType::Work), Some(expected), "{written}");
        assert_eq!(GroupPolicy::for_app(&settings, &GroupType::Public), Some(GroupPolicy::PUBLIC));
        assert_eq!(cell(&settings, &GroupType::Work, "kick"), ("any_member".into(), Source::AppSetting));
        assert_eq!(cell(&settings, &GroupType::Work, "owner_may_quit"), ("yes".into(), Source::BuiltIn));
    }
}

#[test]
fn what_cannot_be_a_cell_is_refused_with_the_choices() {
    for (cell, words) in [
        (r#""kick": "sometimes""#, "expected owner_and_admins, any_member, nobody"),
        (r#""kick": 3"#, "expected owner_and_admins"),
        (r#""kick": true"#, "expected owner_and_admins"),
        (r#""unread_count": 2"#, "expected true, false, 1 or 0"),
        (r#""unread_count": "yes""#, "expected true, false, 1 or 0"),
        (r#""max_members": -1"#, "expected a number from 0 to 4294967295"),
        (r#""max_members": 4294967296"#, "expected a number from 0 to 4294967295"),
        (r#""members_stored": false"#, "unknown field `members_stored`"),
        (r#""colour": 1"#, "unknown field `colour`"),
    ] {
        let error = serde_json::from_str::<PolicyOverride>(&format!("{{{cell}}}")).expect_err(cell).to_string();
        assert!(error.contains(words), "{cell}: {error}");
    }
}

#[test]
fn overrides_are_written_as_words_and_read_back() {
    let changes: PolicyOverride =
        serde_json::from_str(r#"{"kick_policy": 2, "unread_count": 0, "max_members": 7}"#).expect("an override");
    assert_eq!(changes.columns(), ["kick", "max_members", "unread_count"]);
    let text = serde_json::to_string(&changes).expect("an override can be written");
    assert_eq!(text, r#"{"kick":"nobody","max_members":7,"unread_count":false}"#);
    assert_eq!(serde_json::from_str::<PolicyOverride>(&text).expect("it reads back"), changes);
}

#[test]
fn the_documented_custom_types() {
    let settings = settings(
        r#"{"custom_types": {
            "OAGroup": {"reference": "Private", "overrides": {"kick": 1, "history_before_join": 1}},
            "OpenBook": {"reference": "Public", "overrides": {"history_before_join": true}},
            "Quiet": {"reference": "AVChatRoom"}}}"#,
    );
    assert_eq!(settings.validate(), []);
    let of = |name: &str| GroupPolicy::for_app(&settings, &GroupType::Custom(name.into()));
    let office = GroupPolicy { kick: KickRule::AnyMember, history_before_join: true, ..GroupPolicy::WORK };
    assert_eq!(of("OAGroup"), Some(office));
    assert_eq!(of("OpenBook"), Some(GroupPolicy { history_before_join: true, ..GroupPolicy::PUBLIC }));
    assert_eq!(of("Quiet"), Some(GroupPolicy::AV_CHAT_ROOM));
    assert_eq!(of("Unknown"), None);
    let office = GroupType::Custom("OAGroup".into());
    assert_eq!(cell(&settings, &office, "kick"), ("any_member".into(), Source::AppSetting));
    assert_eq!(cell(&settings, &office, "activate_on_first_msg"), ("yes".into(), Source::Reference));
    assert!(settings.derives_from(&office, &GroupType::Work));
    assert!(!settings.derives_from(&office, &GroupType::Public));
}

#[test]
fn a_custom_type_follows_what_the_app_made_of_its_reference() {
    let settings = settings(
        r#"{"group_types": {"Public": {"unread_count": false, "at_all": false}},
            "custom_types": {"Club": {"reference": "Public", "overrides": {"at_all": true}}}}"#,
    );
    let club = GroupType::Custom("Club".into());
    assert_eq!(
        GroupPolicy::for_app(&settings, &club),
        Some(GroupPolicy { unread_count: false, ..GroupPolicy::PUBLIC })
    );
    assert_eq!(cell(&settings, &club, "unread_count"), ("no".into(), Source::Reference));
    assert_eq!(cell(&settings, &club, "at_all"), ("yes".into(), Source::AppSetting));
}

#[test]
fn letting_members_invite_also_opens_the_invite_option() {
    for (written, option) in [
        (r#"{"member_invite": "direct"}"#, InviteJoinOption::FreeAccess),
        (r#"{"member_invite": 2}"#, InviteJoinOption::FreeAccess),
        (r#"{"member_invite": 2, "default_invite_option": "NeedPermission"}"#, InviteJoinOption::NeedPermission),
        (r#"{"default_invite_option": "need_permission"}"#, InviteJoinOption::NeedPermission),
        (r#"{"member_invite": 0}"#, InviteJoinOption::DisableInvite),
    ] {
        let settings = settings(&format!(r#"{{"group_types": {{"Public": {written}}}}}"#));
        let policy = GroupPolicy::for_app(&settings, &GroupType::Public).expect("a built-in type");
        assert_eq!(policy.default_invite_option, option, "{written}");
    }
}

#[test]
fn limits_rates_and_live_settings_reach_the_policy() {
    let mut settings = settings(r#"{"rates": {"group_messages_per_second": 100}, "live": {"newcomer_messages": 20}}"#);
    settings.limits = LimitsChoice::new(
        Preset::Trial,
        LimitsOverride {
            max_members: MaxMembers { community: Some(500), ..MaxMembers::default() },
            ..LimitsOverride::default()
        },
    );
    settings.group_types.insert(
        "Meeting".into(),
        PolicyOverride { max_members: Some(0), msg_rate_per_sec: Some(5), ..PolicyOverride::default() },
    );
    for (kind, column, value, source) in [
        (GroupType::Work, "max_members", "20", Source::Limits),
        (GroupType::Community, "max_members", "500", Source::Limits),
        (GroupType::Meeting, "max_members", "0", Source::AppSetting),
        (GroupType::Meeting, "msg_rate_per_sec", "5", Source::AppSetting),
        (GroupType::Work, "msg_rate_per_sec", "100", Source::Limits),
        (GroupType::AvChatRoom, "max_members", "0", Source::BuiltIn),
        (GroupType::AvChatRoom, "max_groups", "10", Source::Limits),
        (GroupType::AvChatRoom, "history_before_join_count", "20", Source::Limits),
        (GroupType::Work, "history_before_join_count", "0", Source::BuiltIn),
        (GroupType::Broadcast, "max_groups", "5", Source::BuiltIn),
    ] {
        assert_eq!(cell(&settings, &kind, column), (value.into(), source), "{kind}.{column}");
    }
}

/// A switch, its codes with what each means, and the codes of Work, Public and Meeting.
type Switch = (&'static str, &'static [(u64, &'static str)], [u64; 3]);

/// Every switch of docs/spec/group-types.md#2.9.
const CODES: &[Switch] = &[
    ("member_edits_profile", &[(0, "no"), (1, "yes")], [1, 0, 0]),
    ("searchable_by_id", &[(0, "no"), (1, "yes")], [0, 1, 1]),
    ("apply_join_allowed", &[(0, "no"), (1, "yes")], [0, 1, 1]),
    ("member_invite", &[(0, "nobody"), (1, "direct"), (2, "invitee_consents")], [1, 0, 0]),
    ("owner_may_quit", &[(0, "no"), (1, "yes")], [1, 0, 0]),
    ("owner_may_dismiss", &[(0, "no"), (1, "yes")], [0, 1, 1]),
    ("owner_sets_admins", &[(0, "no"), (1, "yes")], [0, 1, 1]),
    ("default_apply_option", &[(0, "disable_apply"), (1, "need_permission"), (2, "free_access")], [0, 1, 2]),
    ("kick_policy", &[(0, "owner_and_admins"), (1, "any_member"), (2, "nobody")], [0, 0, 0]),
    ("kick_offline", &[(0, "off"), (1, "on")], [0, 0, 0]),
    ("count_online", &[(0, "off"), (1, "every_five_minutes")], [0, 0, 0]),
    ("history_before_join", &[(0, "no"), (1, "yes")], [0, 0, 1]),
    ("member_change_notice", &[(0, "none"), (1, "visible"), (2, "silent")], [1, 1, 0]),
    ("activate_on_first_msg", &[(0, "no"), (1, "yes")], [1, 0, 0]),
    ("mute_supported", &[(0, "no"), (1, "yes")], [0, 1, 1]),
    ("default_msg_flag", &[(0, "accept_and_notify"), (1, "discard"), (2, "accept_not_notify")], [0, 0, 2]),
    ("unread_count", &[(0, "no"), (1, "yes")], [1, 1, 0]),
];

#[test]
fn every_code_of_the_sheet_means_its_word() {
    let column = |switch: &'static str| if switch == "kick_policy" { "kick" } else { switch };
    for (switch, codes, defaults) in CODES {
        for (kind, default) in [GroupType::Work, GroupType::Public, GroupType::Meeting].iter().zip(defaults) {
            let (_, word) = codes.iter().find(|(code, _)| code == default).expect("a default is one of the codes");
            let found = cell(&AppSettings::default(), kind, column(switch));
            assert_eq!(found, ((*word).to_owned(), Source::BuiltIn), "{kind}.{switch}");
        }
        for (code, word) in *codes {
            // On a built-in type, and on an app's own one.
            let of = |kind: &str| format!(r#"{{"{kind}": {{"{switch}": {code}}}}}"#);
            let built_in = settings(&format!(r#"{{"group_types": {}}}"#, of("Public")));
            assert_eq!(built_in.validate(), [], "{switch} = {code}");
            let found = cell(&built_in, &GroupType::Public, column(switch));
            assert_eq!(found, ((*word).to_owned(), Source::AppSetting), "{switch} = {code}");
            let own = format!(r#"{{"Club": {{"reference": "Public", "overrides": {{"{switch}": {code}}}}}}}"#);
            let own = settings(&format!(r#"{{"custom_types": {own}}}"#));
            let found = cell(&own, &GroupType::Custom("Club".into()), column(switch));
            assert_eq!(found, ((*word).to_owned(), Source::AppSetting), "Club.{switch} = {code}");
        }
        let beyond = codes.len();
        let refused = serde_json::from_str::<PolicyOverride>(&format!(r#"{{"{switch}": {beyond}}}"#));
        assert!(refused.is_err(), "{switch} = {beyond}");
    }
    let idle = settings(r#"{"group_types": {"Work": {"recycle_seconds": 2592000}}}"#);
    assert_eq!(cell(&idle, &GroupType::Work, "recycle_seconds"), ("2592000".into(), Source::AppSetting));
}

#[test]
fn a_changed_switch_changes_nothing_else() {
    for (switch, codes, _) in CODES {
        for (code, _) in *codes {
            let settings = settings(&format!(r#"{{"group_types": {{"Meeting": {{"{switch}": {code}}}}}}}"#));
            let before = GroupPolicy::explain(&AppSettings::default(), &GroupType::Meeting).expect("a built-in type");
            let after = GroupPolicy::explain(&settings, &GroupType::Meeting).expect("a built-in type");
            let changed = before.iter().zip(&after).filter(|(before, after)| before.value != after.value);
            let changed: Vec<&str> = changed.map(|(before, _)| before.column).collect();
            // The invite option follows whether members invite.
            let expected = |column: &&str| {
                switch.starts_with(*column) || (*switch == "member_invite" && *column == "default_invite_option")
            };
            assert!(changed.iter().all(expected), "{switch} = {code} changed {changed:?}");
        }
    }
}
