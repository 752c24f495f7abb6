//! The presets against docs/spec/limits-and-editions.md and design rulings, and changes of single keys.

use super::*;

/// Presets in the order of the columns below.
const PRESETS: [Preset; 5] = [Preset::Classic, Preset::Current, Preset::Trial, Preset::Professional, Preset::Ultimate];

const NUMBERS: &str = "
    key                            | classic | current | trial  | professional | ultimate
    app.max_accounts               | 0       | 0       | 100    | 0            | 0
    app.max_admins                 | 5       | 10      | 5      | 5            | 5
    app.max_robots                 | 20      | 20      | 20     | 20           | 20
    account.batch                  | 100     | 100     | 100    | 100          | 100
    account.state_batch            | 500     | 500     | 500    | 500          | 500
    presence.max_subscriptions     | 200     | 200     | 200    | 200          | 200
    profile.custom_fields          | 20      | 20      | 20     | 20           | 20
    profile.custom_value_bytes     | 500     | 500     | 500    | 500          | 500
    profile.batch                  | 100     | 100     | 100    | 100          | 100
    message.max_bytes              | 12288   | 12288   | 12288  | 12288        | 12288
    message.batch_receivers        | 500     | 500     | 500    | 500          | 500
    message.max_life_secs          | 604800  | 604800  | 604800 | 604800       | 604800
    message.max_mentions           | 30      | 30      | 30     | 30           | 30
    message.max_targets            | 50      | 50      | 50     | 50           | 50
    message.recall_batch           | 10      | 10      | 10     | 10           | 10
    extension.pairs_per_message    | 300     | 300     | 300    | 300          | 300
    extension.pairs_per_call       | 20      | 20      | 20     | 20           | 20
    extension.writes_per_minute    | 200     | 200     | 200    | 200          | 200
    receipt.max_group_members      | 200     | 200     | 200    | 200          | 200
    receipt.batch                  | 50      | 50      | 50     | 50           | 50
    unread.c2c_conversations       | 100     | 100     | 100    | 100          | 100
    unread.c2c_per_conversation    | 250     | 250     | 250    | 250          | 250
    history.days                   | 7       | 90      | 7      | 7            | 30
    history.group_page             | 20      | 20      | 20     | 20           | 20
    import.group_messages          | 20      | 20      | 20     | 20           | 20
    import.group_members           | 500     | 500     | 500    | 500          | 500
    group.name_bytes               | 30      | 100     | 30     | 30           | 30
    group.introduction_bytes       | 240     | 400     | 240    | 240          | 240
    group.notification_bytes       | 300     | 400     | 300    | 300          | 300
    group.face_url_bytes           | 100     | 500     | 100    | 100          | 100
    group.name_card_bytes          | 50      | 50      | 50     | 50           | 50
    group.custom_fields            | 20      | 10      | 20     | 20           | 20
    group.member_custom_fields     | 5       | 5       | 5      | 5            | 5
    group.create_members           | 500     | 500     | 500    | 500          | 500
    group.add_members              | 500     | 500     | 500    | 500          | 500
    group.delete_members           | 500     | 500     | 500    | 500          | 500
    group.mute_batch               | 500     | 500     | 500    | 500          | 500
    group.info_batch               | 50      | 50      | 50     | 50           | 50
    group.list_page                | 10000   | 10000   | 10000  | 10000        | 10000
    group.attr_keys                | 16      | 16      | 16     | 16           | 16
    group.attr_key_bytes           | 32      | 32      | 32     | 32           | 32
    group.attr_value_bytes         | 4000    | 4000    | 4000   | 4000         | 4000
    group.attr_total_bytes         | 16000   | 16000   | 16000  | 16000        | 16000
    group.counters                 | 20      | 20      | 20     | 20           | 20
    group.counter_key_bytes        | 128     | 128     | 128    | 128          | 128
    group.max_groups_per_user      | 0       | 3000    | 50     | 500          | 1000
    group.max_groups               | 0       | 0       | 100    | 0            | 0
    group.max_avchatrooms          | 0       | 0       | 10     | 50           | 0
    group.max_new_per_day          | 0       | 10000   | 100    | 10000        | 10000
    topic.per_group                | 200     | 200     | 200    | 200          | 200
    topic.custom_string_bytes      | 3000    | 3000    | 3000   | 3000         | 3000
    permission_group.name_bytes    | 150     | 150     | 150    | 150          | 150
    live.marks                     | 10      | 10      | 10     | 10           | 10
    live.members_per_mark          | 1000    | 1000    | 1000   | 1000         | 1000
    sns.max_friends                | 3000    | 3000    | 20     | 3000         | 3000
    sns.max_pending                | 100     | 100     | 100    | 100          | 100
    sns.max_lists                  | 32      | 32      | 32     | 32           | 32
    sns.remark_bytes               | 96      | 96      | 96     | 96           | 96
    sns.wording_bytes              | 256     | 256     | 256    | 256          | 256
    sns.max_blocked                | 1000    | 1000    | 1000   | 1000         | 1000
    conversation.max_kept          | 100     | 100     | 100    | 100          | 100
    conversation.max_pinned        | 50      | 50      | 50     | 50           | 50
    conversation.max_groups        | 20      | 20      | 20     | 20           | 20
    conversation.max_grouped       | 1000    | 1000    | 1000   | 1000         | 1000
    conversation.custom_bytes      | 256     | 256     | 256    | 256          | 256
    max_members.Work               | -       | 6000    | 20     | 200          | 2000
    max_members.Public             | -       | 6000    | 20     | 200          | 2000
    max_members.Meeting            | -       | 6000    | 20     | 200          | 2000
    max_members.Community          | -       | 1000000 | -      | -            | -
    max_members.AVChatRoom         | -       | -       | -      | -            | -
";

#[test]
fn the_presets_hold_the_specifications_numbers() {
    let rows: Vec<Vec<&str>> = NUMBERS
        .lines()
        .filter(|line| line.contains('|'))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    for (column, preset) in PRESETS.iter().enumerate() {
        assert_eq!(rows[0][column + 1], preset.as_str());
        let limits = serde_json::to_value(preset.limits()).expect("limits can be written");
        for row in &rows[1..] {
            let pointer = format!("/{}", row[0].replace('.', "/"));
            let found = limits.pointer(&pointer).map_or_else(|| "-".into(), ToString::to_string);
            assert_eq!(found, row[column + 1], "{} in {preset}", row[0]);
        }
    }
}

#[test]
fn classic_is_the_default() {
    assert_eq!(Limits::default(), Limits::classic());
}

#[test]
fn single_keys_override_the_preset() {
    let changes: LimitsOverride = serde_json::from_str(
        r#"{"group": {"name_bytes": 64}, "max_members": {"ChatRoom": 7}, "sns": {"max_friends": 1}}"#,
    )
    .expect("known keys");
    let mut expected = Limits::trial();
    expected.group.name_bytes = 64;
    expected.sns.max_friends = 1;
    expected.max_members.meeting = Some(7);
    assert_eq!(Limits::trial().with(&changes), expected);
    assert_eq!(Limits::current().with(&LimitsOverride::default()), Limits::current());
    let text = serde_json::to_string(&changes).expect("changes can be written");
    assert_eq!(text, r#"{"group":{"name_bytes":64},"sns":{"max_friends":1},"max_members":{"Meeting":7}}"#);
    assert_eq!(serde_json::from_str::<LimitsOverride>(&text).expect("they read back"), changes);
}

#[test]
fn unknown_keys_are_refused() {
    for (written, word) in [
        (r#"{"groups": {}}"#, "groups"),
        (r#"{"group": {"name_chars": 1}}"#, "name_chars"),
        (r#"{"max_members": {"BChatRoom": 1}}"#, "BChatRoom"),
    ] {
        let error = serde_json::from_str::<LimitsOverride>(written).expect_err(written).to_string();
        assert!(error.contains("unknown field") && error.contains(word), "{error}");
    }
    for written in [r#"{"group": {"name_bytes": -1}}"#, r#"{"group": {"name_bytes": "30"}}"#] {
        assert!(serde_json::from_str::<LimitsOverride>(written).is_err(), "{written}");
    }
}

#[test]
fn rates_of_rest_commands() {
    let rates: Rates = serde_json::from_str(
        r#"{"rest": {"send_group_msg": 500, "account_check": 0}, "live_broadcast_per_second": 5}"#,
    )
    .expect("known keys");
    for (command, per_second) in [
        ("send_group_msg", 500),
        ("sendmsg", 200),
        ("account_check", 0),
        ("account_delete", 100),
        ("multiaccount_import", 100),
        ("get_appid_group_list", 1),
        ("get_history", 10),
        ("batch", 30),
        ("im_set_attr", 100),
        ("send_broadcast_msg", 200),
        ("no_such_command", 200),
    ] {
        assert_eq!(rates.rest_per_second(command), per_second, "{command}");
    }
    assert!(REST_EXCEPTIONS.is_sorted_by_key(|(name, _)| *name), "looked up by halving");
}

#[test]
fn the_common_rate_switched_off_switches_all_off() {
    let rates = Rates { rest_default_per_second: 0, ..Rates::default() };
    assert_eq!(rates.rest_per_second("sendmsg"), 0);
    assert_eq!(rates.rest_per_second("get_appid_group_list"), 0);
}

#[test]
fn default_rates() {
    let rates = Rates::default();
    assert_eq!(rates.group_messages_per_second, 40);
    assert_eq!(rates.rest_default_per_second, 200);
    assert_eq!(rates.attr_writes_per_second, 5);
    assert_eq!((rates.group_member_messages_per_second, rates.c2c_messages_per_second), (0, 0));
    let text = serde_json::to_string(&rates).expect("rates can be written");
    assert_eq!(serde_json::from_str::<Rates>(&text).expect("they read back"), rates);
}
