//! Groups, messages and members brought over from another system. Spec: docs/spec/rest-groups.md#4

use serde_json::{Value, json};
use tsudoi_it::{Server, now, receiver::Receiver, shared, text, unique};

const GROUP: &str = "group_open_http_svc/import_group";
const MESSAGES: &str = "group_open_http_svc/import_group_msg";
const MEMBERS: &str = "group_open_http_svc/import_group_member";
const INFO: &str = "group_open_http_svc/get_group_info";
const JOINED: &str = "group_open_http_svc/get_joined_group_list";

const FOUNDED: i64 = 1_600_000_000;

async fn unread(server: &Server, group: &str, user: &str) -> u64 {
    let body = json!({ "Member_Account": user, "WithNoActiveGroups": 1, "ResponseFilter": {
        "GroupBaseInfoFilter": ["NextMsgSeq"], "SelfInfoFilter": ["MsgSeq"] } });
    let answer = server.ok(JOINED, body).await;
    let groups = answer["GroupIdList"].as_array().expect("a list");
    let group = groups.iter().find(|one| one["GroupId"] == group).expect("a member");
    group["NextMsgSeq"].as_u64().expect("a number") - 1 - group["SelfInfo"]["MsgSeq"].as_u64().expect("a number")
}

fn message(from: &str, at: i64, words: &str) -> Value {
    json!({ "From_Account": from, "SendTime": at, "Random": at, "MsgBody": text(words) })
}

#[tokio::test]
async fn a_whole_group_comes_over_with_its_past_and_nobody_is_told() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    for group_type in ["Private", "Public", "ChatRoom", "Community"] {
        let id = if group_type == "Community" { unique("@TGS#_old") } else { unique("old-") };
        let imported = server
            .ok(
                GROUP,
                json!({ "Type": group_type, "Name": "Old team", "GroupId": id, "Owner_Account": users[0],
                "CreateTime": FOUNDED, "Introduction": "from before", "MaxMemberCount": 100 }),
            )
            .await;
        assert_eq!(imported["GroupId"], id);
        let results = server
            .ok(
                MESSAGES,
                json!({ "GroupId": id, "MsgList": [
                message(&users[0], FOUNDED + 10, "first"), message(&users[2], FOUNDED + 20, "second"),
                message(&users[0], FOUNDED + 20, "third") ] }),
            )
            .await;
        let seqs: Vec<_> = results["ImportMsgResult"]
            .as_array()
            .expect("results")
            .iter()
            .map(|one| (&one["MsgSeq"], &one["MsgTime"], &one["Result"]))
            .collect();
        assert_eq!(
            seqs,
            [
                (&json!(1), &json!(FOUNDED + 10), &json!(0)),
                (&json!(2), &json!(FOUNDED + 20), &json!(0)),
                (&json!(3), &json!(FOUNDED + 20), &json!(0))
            ],
            "{group_type}"
        );
        let members = server
            .ok(
                MEMBERS,
                json!({ "GroupId": id, "MemberList": [
                { "Member_Account": users[1], "JoinTime": FOUNDED + 15, "UnreadMsgNum": 2 },
                { "Member_Account": users[2], "UnreadMsgNum": 99 },
                { "Member_Account": users[0] } ] }),
            )
            .await;
        let members: Vec<_> =
            members["MemberList"].as_array().expect("a list").iter().map(|one| &one["Result"]).collect();
        assert_eq!(members, [&json!(1), &json!(1), &json!(2)], "{group_type}");

        let answer = server.ok(INFO, json!({ "GroupIdList": [id] })).await;
        let group = &answer["GroupInfo"][0];
        for (field, value) in [
            ("CreateTime", json!(FOUNDED)),
            ("LastMsgTime", json!(FOUNDED + 20)),
            ("NextMsgSeq", json!(4)),
            ("MemberNum", json!(3)),
            ("MaxMemberNum", json!(100)),
            ("Owner_Account", json!(users[0])),
            ("Introduction", json!("from before")),
        ] {
            assert_eq!(group[field], value, "{group_type} {field}");
        }
        for (user, expected) in [(&users[0], 0), (&users[1], 2), (&users[2], 3)] {
            assert_eq!(unread(server, &id, user).await, expected, "{group_type} {user}");
        }
        // The next message goes on where the past ends.
        let sent = server
            .ok(
                "group_open_http_svc/send_group_msg",
                json!({ "GroupId": id, "From_Account": users[1],
                "Random": tsudoi_it::random(), "MsgBody": text("today") }),
            )
            .await;
        assert_eq!(sent["MsgSeq"], 4, "{group_type}");
        ana.hears("today").await;
        bob.hears("today").await;
        let events = [ana.events().await, bob.events().await].concat();
        assert!(events.iter().all(|event| event["GroupTips"].is_null()), "{group_type}: nobody is told: {events:?}");
    }
}

#[tokio::test]
async fn what_cannot_have_been_is_refused_and_leaves_nothing() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let id = unique("old-");
    let base = |changes: Value| {
        let mut body =
            json!({ "Type": "Public", "Name": "Old", "GroupId": id, "Owner_Account": users[0], "CreateTime": FOUNDED });
        body.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        body
    };
    for (code, changes) in [
        (10004, json!({ "CreateTime": now() + 1000 })),
        (10004, json!({ "CreateTime": -5 })),
        (10004, json!({ "CreateTime": 1.5 })),
        (10004, json!({ "Name": "" })),
        (10004, json!({ "Name": "x".repeat(31) })),
        (10004, json!({ "Type": "Club" })),
        (10007, json!({ "Type": "AVChatRoom" })),
        (10007, json!({ "Type": "BChatRoom" })),
        (10015, json!({ "GroupId": "" })),
        (10019, json!({ "Owner_Account": unique("nobody") })),
        (10038, json!({ "MaxMemberCount": 2001 })),
    ] {
        server.fails(code, GROUP, base(changes)).await;
        let answer = server.ok(INFO, json!({ "GroupIdList": [id] })).await;
        assert_eq!(answer["GroupInfo"][0]["ErrorCode"], 10010, "{code}");
    }
    server.ok(GROUP, base(json!({}))).await;
    server.fails(10025, GROUP, base(json!({}))).await;
    server.fails(10021, GROUP, base(json!({ "Owner_Account": users[1] }))).await;
    // Joined before the group was there.
    let answer = server
        .ok(MEMBERS, json!({ "GroupId": id, "MemberList": [{ "Member_Account": users[1], "JoinTime": FOUNDED }] }))
        .await;
    assert_eq!(answer["MemberList"][0]["Result"], 0);
    // Said before the group was there, or after now.
    for at in [FOUNDED, now() + 100] {
        let answer = server.ok(MESSAGES, json!({ "GroupId": id, "MsgList": [message(&users[0], at, "no")] })).await;
        assert_eq!(answer["ImportMsgResult"][0]["Result"], 10004, "{at}");
    }
}

#[tokio::test]
async fn an_imported_work_group_wakes_with_its_first_message() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let id = unique("old-");
    server
        .ok(
            GROUP,
            json!({ "Type": "Work", "Name": "Old", "GroupId": id, "Owner_Account": users[0], "CreateTime": FOUNDED }),
        )
        .await;
    server.ok(MEMBERS, json!({ "GroupId": id, "MemberList": [{ "Member_Account": users[1] }] })).await;
    let joined = async |user: &str| server.ok(JOINED, json!({ "Member_Account": user })).await["TotalCount"].clone();
    assert_eq!(joined(&users[1]).await, 0);
    server.ok(MESSAGES, json!({ "GroupId": id, "MsgList": [message(&users[0], FOUNDED + 10, "first")] })).await;
    assert_eq!(joined(&users[1]).await, 1);
}

#[tokio::test]
async fn groups_are_found_by_name_where_the_app_opens_their_type() {
    let server = Server::with_settings("group_types.Public.searchable_by_name = true").await;
    let users = server.users(&["ana"]).await;
    for (group_type, name) in
        [("Public", "Night Crew"), ("Public", "crew 2"), ("Public", "Team"), ("ChatRoom", "Crew 3")]
    {
        server
            .ok(
                "group_open_http_svc/create_group",
                json!({ "Type": group_type, "Name": name, "Owner_Account": users[0] }),
            )
            .await;
    }
    const SEARCH: &str = "group_open_http_svc/search_group";
    let all = server.ok(SEARCH, json!({ "Content": "crew" })).await;
    assert_eq!(all["TotalRecord"], 2, "{all}");
    let names: Vec<_> =
        all["GroupInfo"].as_array().expect("a list").iter().map(|one| (&one["Name"], &one["ErrorCode"])).collect();
    assert_eq!(names, [(&json!("Night Crew"), &json!(0)), (&json!("crew 2"), &json!(0))]);
    assert!(all["GroupInfo"][0]["Notification"].is_null(), "only what everybody may read");
    let second = server
        .ok(
            SEARCH,
            json!({ "Content": "crew", "PageNum": 2, "GroupPerPage": 1,
        "ResponseFilter": { "GroupBasePublicInfoFilter": ["Name", "Notification"] } }),
        )
        .await;
    let group = second["GroupInfo"][0].as_object().expect("a group");
    assert_eq!(group.keys().collect::<Vec<_>>(), ["ErrorCode", "ErrorInfo", "GroupId", "Name"]);
    assert_eq!((&second["TotalRecord"], &group["Name"]), (&json!(2), &json!("crew 2")));
    let beyond = server.ok(SEARCH, json!({ "Content": "crew", "PageNum": 9, "GroupPerPage": 1 })).await;
    assert_eq!((&beyond["TotalRecord"], &beyond["GroupInfo"]), (&json!(2), &json!([])));
}

#[tokio::test]
async fn the_growth_of_a_day_has_a_quota_that_outlives_a_restart() {
    let mut server = Server::with_settings("limits.overrides.group.max_new_per_day = 2").await;
    let users = server.users(&["ana"]).await;
    let first = server.group("Public", &users[0], &[]).await;
    server.ok(GROUP, json!({ "Type": "Public", "Name": "Old", "Owner_Account": users[0] })).await;
    server.kill().await;
    server.restart().await;
    let create = json!({ "Type": "Public", "Name": "g", "Owner_Account": users[0] });
    server.fails(10006, "group_open_http_svc/create_group", create.clone()).await;
    server
        .ok("group_open_http_svc/create_group", json!({ "Type": "Community", "Name": "g", "Owner_Account": users[0] }))
        .await;
    server.ok("group_open_http_svc/destroy_group", json!({ "GroupId": first })).await;
    server.ok("group_open_http_svc/create_group", create.clone()).await;
    server.fails(10006, "group_open_http_svc/create_group", create).await;
}

#[tokio::test]
async fn idle_groups_end_and_their_members_learn_of_it() {
    let server = Server::with_settings("group_types.Meeting.recycle_seconds = 2").await;
    let users = server.users(&["ana"]).await;
    let ana = server.login(&users[0]).await;
    let group = server.group("Meeting", &users[0], &[]).await;
    ana.notice(&group, 11).await;
    let answer = server.ok(INFO, json!({ "GroupIdList": [group] })).await;
    assert_eq!(answer["GroupInfo"][0]["ErrorCode"], 10010);
}

#[tokio::test]
async fn the_backend_is_warned_before_the_quota_of_a_day_is_used_up() {
    let receiver = Receiver::start().await;
    let settings =
        format!("limits.overrides.group.max_new_per_day = 4\nwebhook.url = \"{}\"\nwebhook.all = true", receiver.url());
    let server = Server::with_settings(&settings).await;
    let users = server.users(&["ana"]).await;
    for _ in 0..4 {
        server.group("Public", &users[0], &[]).await;
    }
    let calls = receiver.calls_until(2, "Group.CallbackOnDailyGroupQuotaAlarm", |_| true).await;
    let used: Vec<_> = calls.iter().map(|call| (&call.body["QuotaUsed"], &call.body["Quota"])).collect();
    assert_eq!(used, [(&json!(3), &json!(4)), (&json!(4), &json!(4))], "from above 70 percent on");
}
