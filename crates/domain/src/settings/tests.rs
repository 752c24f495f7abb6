//! Defaults, round trips, and every complaint of `validate`.

use super::*;
use crate::{
    WebhookCommand,
    limits::GroupLimitsOverride,
    permission::{Actor, Role},
};

fn read(json: &str) -> AppSettings {
    serde_json::from_str(json).expect("well-formed settings")
}

#[test]
fn an_empty_document_is_the_default() {
    let settings = read("{}");
    assert_eq!(settings, AppSettings::default());
    assert_eq!(settings.validate(), []);
    assert!(settings.is_admin(&UserId::trusted("administrator")));
    assert!(!settings.is_admin(&UserId::trusted("Administrator")));
    assert_eq!(settings.limits(), &Limits::classic());
    assert_eq!(settings.history_days(), 7);
}

#[test]
fn switches_that_only_unlock_are_on_and_those_that_show_are_as_the_vendor_has_them() {
    let features = serde_json::to_value(Features::default()).expect("switches can be written");
    let off: Vec<_> = features.as_object().expect("an object").iter().filter(|(_, on)| **on != true).collect();
    assert!(off.is_empty(), "{off:?}");
    let settings = AppSettings::default();
    assert_eq!(settings.live.newcomer_messages, 0);
    assert!(settings.message.blocked_pretend_success);
    assert!(!settings.message.require_friend);
    assert!(!settings.conversation.sync_delete);
    assert_eq!(settings.message.recall_secs, 120);
    assert_eq!(settings.message.group_dedupe_secs, 300);
    assert_eq!(settings.message.c2c_dedupe_secs, 120);
    assert_eq!(settings.usersig.max_future_skew_secs, 600);
    assert_eq!(settings.login.policy, LoginPolicy::Dual);
    assert_eq!(settings.type_names, TypeNames::Legacy);
}

#[test]
fn settings_are_written_and_read_back() {
    let full = read(
        r#"{
        "name": "Town", "disabled": true, "admins": ["administrator", "boss"],
        "limits": {"preset": "current", "overrides": {"group": {"name_bytes": 40}, "history": {"days": 0}}},
        "rates": {"rest": {"sendmsg": 1000}},
        "features": {"follow": false},
        "group_types": {"Public": {"kick": 2, "history_before_join": true}},
        "custom_types": {"OAGroup": {"reference": "Work", "overrides": {"kick": 1}}},
        "type_names": "as_created",
        "group_fields": [{"key": "level", "read": 5, "write": "owner", "types": ["Public", "OAGroup"]}],
        "member_fields": [{"key": "badge", "self_write": false}],
        "profile_fields": [{"keyword": "Rank", "kind": "integer", "client_write": false}],
        "friend_fields": [{"keyword": "Since"}],
        "login": {"policy": "multi", "web_instances": 10},
        "sns": {"default_allow_type": "AllowType_Type_AllowAny"},
        "webhook": {"url": "http://10.0.0.7:8080/hook", "token": "t", "switches": {"State.StateChange": true},
            "group_before_failure": "refuse", "after_retry": {"enabled": true}}
        }"#,
    );
    assert_eq!(full.validate(), []);
    let text = serde_json::to_string_pretty(&full).expect("settings can be written");
    assert_eq!(read(&text), full);
    assert_eq!(full.limits().group.name_bytes, 40);
    assert_eq!(full.limits().group.introduction_bytes, 400);
    assert_eq!(full.history_days(), 0);
    assert_eq!(full.group_fields[0].read, AccessLevel::Anybody);
}

#[test]
fn unknown_keys_are_refused_everywhere() {
    for written in [
        r#"{"colour": 1}"#,
        r#"{"limits": "classic "}"#,
        r#"{"limits": {"presets": "classic"}}"#,
        r#"{"limits": {"preset": "huge"}}"#,
        r#"{"features": {"communities": true}}"#,
        r#"{"group_types": {"Work": {"kik": 1}}}"#,
        r#"{"custom_types": {"A": {"overrides": {}}}}"#,
        r#"{"group_fields": [{"key": "a", "kind": 1}]}"#,
        r#"{"login": {"policy": "dozens"}}"#,
        r#"{"webhook": {"retry": {}}}"#,
        r#"{"rates": {"per_second": 1}}"#,
        r#"{"admins": ["nul\u0000"]}"#,
    ] {
        assert!(serde_json::from_str::<AppSettings>(written).is_err(), "{written}");
    }
}

#[test]
fn a_changed_copy_knows_its_own_limits() {
    let before = AppSettings::default();
    assert_eq!(before.limits().group.name_bytes, 30);
    let mut after = before.clone();
    after.limits = LimitsChoice::new(
        Preset::Classic,
        LimitsOverride {
            group: GroupLimitsOverride { name_bytes: Some(31), ..GroupLimitsOverride::default() },
            ..LimitsOverride::default()
        },
    );
    assert_eq!(after.limits().group.name_bytes, 31);
    assert_ne!(after, before);
    assert_eq!(after.limits.preset(), Preset::Classic);
    assert_eq!(after.limits.overrides().group.name_bytes, Some(31));
}

#[test]
fn type_names_are_understood_as_the_app_knows_them() {
    let settings = read(r#"{"custom_types": {"OAGroup": {"reference": "Work"}}}"#);
    assert_eq!(settings.group_type("Private"), Some(GroupType::Work));
    assert_eq!(settings.group_type("OAGroup"), Some(GroupType::Custom("OAGroup".into())));
    assert_eq!(settings.group_type("oagroup"), None);
    assert_eq!(AppSettings::default().group_type("OAGroup"), None);
}

#[test]
fn the_member_list_of_a_live_room_is_short_without_the_feature() {
    assert_eq!(AppSettings::default().live_member_list_size(), 1000);
    assert_eq!(read(r#"{"features": {"live_member_list": false}}"#).live_member_list_size(), 30);
}

#[test]
fn every_mistake_is_named() {
    let long_list = |entry: &str, count: usize| {
        (0..count).map(|n| entry.replace('#', &"abcdefghijklmnopqrstuvwxyz"[n..=n])).collect::<Vec<_>>().join(",")
    };
    let cases: &[(String, &str, &str)] = &[
        (r#"{"admins": []}"#.into(), "admins", "is empty"),
        (r#"{"admins": ["a", "b", "a"]}"#.into(), "admins[2]", "named twice"),
        (r#"{"admins": ["a","b","c","d","e","f"]}"#.into(), "admins", "at most 5"),
        (r#"{"group_types": {"OAGroup": {}}}"#.into(), "group_types.OAGroup", "no built-in type"),
        (r#"{"group_types": {"Private": {}}}"#.into(), "group_types.Private", "write Work"),
        (
            r#"{"group_types": {"AVChatRoom": {"unread_count": true}}}"#.into(),
            "group_types.AVChatRoom.unread_count",
            "no messages",
        ),
        (
            r#"{"group_types": {"AVChatRoom": {"import_allowed": true}}}"#.into(),
            "group_types.AVChatRoom.import_allowed",
            "no members",
        ),
        (
            r#"{"group_types": {"AVChatRoom": {"member_list": "full"}}}"#.into(),
            "group_types.AVChatRoom.member_list",
            "no members",
        ),
        (
            r#"{"group_types": {"Community": {"kick_offline": 1}}}"#.into(),
            "group_types.Community.kick_offline",
            "not support",
        ),
        (
            r#"{"group_types": {"Community": {"count_online": 1}}}"#.into(),
            "group_types.Community.count_online",
            "not support",
        ),
        (
            r#"{"group_types": {"Public": {"count_online": "live"}}}"#.into(),
            "group_types.Public.count_online",
            "not support",
        ),
        (
            r#"{"group_types": {"Public": {"history_before_join_count": 5}}}"#.into(),
            "group_types.Public.history_before_join_count",
            "live rooms",
        ),
        (
            r#"{"group_types": {"AVChatRoom": {"history_before_join_count": 21}}}"#.into(),
            "group_types.AVChatRoom.history_before_join_count",
            "0 to 20",
        ),
        (r#"{"custom_types": {"ChatRoom": {"reference": "Work"}}}"#.into(), "custom_types.ChatRoom", "built-in"),
        (r#"{"custom_types": {"": {"reference": "Work"}}}"#.into(), "custom_types.", "1 to 32"),
        (r#"{"custom_types": {"a b": {"reference": "Work"}}}"#.into(), "custom_types.a b", "1 to 32"),
        (r#"{"custom_types": {"A": {"reference": "BChatRoom"}}}"#.into(), "custom_types.A.reference", "BChatRoom"),
        (
            r#"{"custom_types": {"A": {"reference": "Work"}, "B": {"reference": "A"}}}"#.into(),
            "custom_types.B.reference",
            "no built-in type",
        ),
        (
            r#"{"custom_types": {"A": {"reference": "AVChatRoom", "overrides": {"read_receipts": 1}}}}"#.into(),
            "custom_types.A.overrides.read_receipts",
            "no messages",
        ),
        (r#"{"group_fields": [{"key": ""}]}"#.into(), "group_fields[0].key", "1 to 16"),
        (r#"{"group_fields": [{"key": "0abc"}]}"#.into(), "group_fields[0].key", "not begin with a digit"),
        (r#"{"group_fields": [{"key": "abcdefghijklmnopq"}]}"#.into(), "group_fields[0].key", "1 to 16"),
        (
            r#"{"group_fields": [{"key": "a"}, {"key": "a"}]}"#.into(),
            "group_fields[1].key",
            "already the key of group_fields[0].key",
        ),
        (
            r#"{"group_fields": [{"key": "a"}], "member_fields": [{"key": "a"}]}"#.into(),
            "member_fields[0].key",
            "already the key",
        ),
        (
            r#"{"group_fields": [{"key": "a", "types": ["Private"]}]}"#.into(),
            "group_fields[0].types",
            "no type of this app",
        ),
        (
            r#"{"member_fields": [{"key": "a", "types": ["AVChatRoom"]}]}"#.into(),
            "member_fields[0].types",
            "no custom fields",
        ),
        (format!(r#"{{"group_fields": [{}]}}"#, long_list(r##"{"key": "#"}"##, 21)), "group_fields", "at most 20"),
        (format!(r#"{{"member_fields": [{}]}}"#, long_list(r##"{"key": "#"}"##, 6)), "member_fields", "at most 5"),
        (
            format!(r#"{{"profile_fields": [{}]}}"#, long_list(r##"{"keyword": "#"}"##, 21)),
            "profile_fields",
            "at most 20",
        ),
        (
            format!(r#"{{"friend_fields": [{}]}}"#, long_list(r##"{"keyword": "#"}"##, 21)),
            "friend_fields",
            "at most 20",
        ),
        (r#"{"profile_fields": [{"keyword": "ninechars"}]}"#.into(), "profile_fields[0].keyword", "1 to 8 letters"),
        (r#"{"profile_fields": [{"keyword": "a1"}]}"#.into(), "profile_fields[0].keyword", "letters"),
        (r#"{"profile_fields": [{"keyword": "a"}, {"keyword": "a"}]}"#.into(), "profile_fields[1].keyword", "twice"),
        (
            r#"{"friend_fields": [{"keyword": "a", "client_read": false, "admin_read": false}]}"#.into(),
            "friend_fields[0]",
            "nobody may read",
        ),
        (
            r#"{"friend_fields": [{"keyword": "a", "client_write": false, "admin_write": false}]}"#.into(),
            "friend_fields[0]",
            "nobody may write",
        ),
        (
            r#"{"limits": {"overrides": {"history": {"group_page": 0}}}}"#.into(),
            "limits.overrides.history.group_page",
            "from 1",
        ),
        (r#"{"login": {"web_instances": 11}}"#.into(), "login.web_instances", "from 1 to 10"),
        (r#"{"login": {"native_instances": 0}}"#.into(), "login.native_instances", "from 1 to 3"),
        (r#"{"usersig": {"max_expire_secs": 0}}"#.into(), "usersig.max_expire_secs", "from 1"),
        (r#"{"message": {"recall_secs": 604801}}"#.into(), "message.recall_secs", "to 604800"),
        (r#"{"live": {"newcomer_messages": 21}}"#.into(), "live.newcomer_messages", "to 20"),
        (r#"{"live": {"newcomer_hours": 0}}"#.into(), "live.newcomer_hours", "from 1 to 24"),
        (r#"{"live": {"member_list_size": 1001}}"#.into(), "live.member_list_size", "to 1000"),
        (r#"{"live": {"rooms_per_user": 0}}"#.into(), "live.rooms_per_user", "from 1"),
        (r#"{"live": {"heartbeat_check_secs": 0}}"#.into(), "live.heartbeat_check_secs", "from 1"),
        (r#"{"live": {"heartbeat_timeout_secs": 0}}"#.into(), "live.heartbeat_timeout_secs", "from 1"),
        (r#"{"presence": {"web_timeout_secs": 0}}"#.into(), "presence.web_timeout_secs", "from 1"),
        (r#"{"presence": {"native_timeout_secs": 0}}"#.into(), "presence.native_timeout_secs", "from 1"),
        (r#"{"rest": {"deadline_ms": 0}}"#.into(), "rest.deadline_ms", "from 1"),
        (r#"{"rates": {"alarm_percent": 101}}"#.into(), "rates.alarm_percent", "from 1 to 100"),
        (
            r#"{"rates": {"priority_shares": {"low_permille": 1001}}}"#.into(),
            "rates.priority_shares.low_permille",
            "to 1000",
        ),
        (r#"{"webhook": {"url": "ftp://a"}}"#.into(), "webhook.url", "http://"),
        (r#"{"webhook": {"url": "http://a?b"}}"#.into(), "webhook.url", "none of"),
        (r#"{"webhook": {"url": "http://"}}"#.into(), "webhook.url", "1 to 63"),
        (r#"{"webhook": {"url": "http://-a.example"}}"#.into(), "webhook.url", "host"),
        (r#"{"webhook": {"url": "http://a--b.example"}}"#.into(), "webhook.url", "host"),
        (r#"{"webhook": {"url": "http://a:0/x"}}"#.into(), "webhook.url", "port"),
        (r#"{"webhook": {"url": "http://[::1"}}"#.into(), "webhook.url", "brackets"),
        (r#"{"webhook": {"url": "http://[::g]/"}}"#.into(), "webhook.url", "IPv6"),
        (r#"{"webhook": {"url": "http://[::1]x"}}"#.into(), "webhook.url", "port"),
        (r#"{"webhook": {"push_url": "a"}}"#.into(), "webhook.push_url", "http://"),
        (r#"{"webhook": {"timeout_ms": 0}}"#.into(), "webhook.timeout_ms", "from 1"),
        (r#"{"webhook": {"max_in_flight": 0}}"#.into(), "webhook.max_in_flight", "from 1"),
        (r#"{"webhook": {"queue_max": 0}}"#.into(), "webhook.queue_max", "from 1"),
        (r#"{"webhook": {"platform_name_mac": "mac"}}"#.into(), "webhook.platform_name_mac", "Mac or macOS"),
    ];
    for (written, path, words) in cases {
        let problems = read(written).validate();
        assert!(
            problems.iter().any(|problem| problem.path == *path && problem.words.contains(words)),
            "{written}: {problems:?}"
        );
    }
}

#[test]
fn good_addresses_are_accepted() {
    for url in [
        "",
        "http://example.com",
        "https://hooks.example.com:8443/chat/in",
        "http://127.0.0.1:9/",
        "http://[::1]:8080/hook",
        "http://[2001:db8::7]",
        "http://localhost:3000",
    ] {
        let mut settings = AppSettings::default();
        settings.webhook.url = url.into();
        assert_eq!(settings.validate(), [], "{url}");
    }
}

#[test]
fn webhooks_are_wanted_by_their_switch() {
    for (written, wanted) in [
        (r#"{}"#, false),
        (r#"{"all": true}"#, false),
        (r#"{"url": "http://a"}"#, false),
        (r#"{"url": "http://a", "all": true}"#, true),
        (r#"{"url": "http://a", "all": true, "switches": {"Group.CallbackAfterSendMsg": false}}"#, false),
        (r#"{"url": "http://a", "switches": {"Group.CallbackAfterSendMsg": true}}"#, true),
        (r#"{"url": "http://a", "switches": {"State.StateChange": true}}"#, false),
    ] {
        let webhook: WebhookSettings = serde_json::from_str(written).expect("a webhook section");
        assert_eq!(webhook.wants(WebhookCommand::GroupAfterSend), wanted, "{written}");
    }
}

#[test]
fn commands_without_a_switch_go_by_another() {
    let webhook: WebhookSettings = serde_json::from_str(
        r#"{"url": "http://a", "switches": {"Group.CallbackBeforeCreateGroup": true, "Group.CallbackAfterCreateGroup": true,
            "Group.CallbackAfterCreateTopic": false, "Bot.OnGroupMessage": true}}"#,
    )
    .expect("a webhook section");
    for (command, wanted) in [
        (WebhookCommand::BeforeCreateTopic, true),
        (WebhookCommand::AfterCreateTopic, false),
        (WebhookCommand::AfterTopicDestroyed, false),
        (WebhookCommand::BotC2cMessage, true),
        (WebhookCommand::RequestOverLimit, true),
        (WebhookCommand::StateChange, false),
    ] {
        assert_eq!(webhook.wants(command), wanted, "{command}");
    }
}

#[test]
fn failed_questions_follow_the_policy_of_their_kind() {
    let webhook = WebhookSettings { group_before_failure: FailurePolicy::Refuse, ..WebhookSettings::default() };
    assert_eq!(webhook.on_failure(WebhookCommand::GroupBeforeSend), FailurePolicy::Refuse);
    assert_eq!(webhook.on_failure(WebhookCommand::C2cBeforeSend), FailurePolicy::Deliver);
    assert_eq!(webhook.on_failure(WebhookCommand::BeforeCreateGroup), FailurePolicy::Deliver);
}

#[test]
fn levels_of_custom_fields() {
    let actors = [
        Actor::AppAdmin,
        Actor::Role(Role::Owner),
        Actor::Role(Role::Admin),
        Actor::Role(Role::Member),
        Actor::Role(Role::NotMember),
    ];
    for (open_to, level) in AccessLevel::ALL.iter().enumerate() {
        for (rank, actor) in actors.iter().enumerate() {
            assert_eq!(level.allows(*actor), rank <= open_to, "{level} {actor:?}");
        }
    }
}

#[test]
fn members_and_their_own_fields() {
    let field = MemberField {
        key: "level".into(),
        read: AccessLevel::Owner,
        write: AccessLevel::AppAdmin,
        self_read: true,
        self_write: false,
        types: vec!["Public".into()],
    };
    let member = Actor::Role(Role::Member);
    assert!(field.readable(member, true));
    assert!(!field.readable(member, false));
    assert!(!field.writable(member, true));
    assert!(field.writable(Actor::AppAdmin, true));
    assert!(!field.writable(Actor::Role(Role::Owner), false));
    assert!(field.applies_to("Public"));
    assert!(!field.applies_to("Work"));
}
