//! Custom fields and custom types, on both doors. Spec: docs/spec/group-types.md#6, docs/spec/group-types.md#2.10

use serde_json::{Value, json};
use tsudoi_it::{Client, Server, random, text, unique};

const CREATE: &str = "group_open_http_svc/create_group";
const INFO: &str = "group_open_http_svc/get_group_info";
const MODIFY: &str = "group_open_http_svc/modify_group_base_info";
const MEMBER: &str = "group_open_http_svc/modify_group_member_info";
const MEMBERS: &str = "group_open_http_svc/get_group_member_info";

/// Group fields of every level of writing and two of reading; member fields with and without the owner's own hand.
const FIELDS: &str = r#"
group_fields = [
    { key = "open" },
    { key = "by_owner", write = "owner" },
    { key = "by_all", write = "member" },
    { key = "by_backend", write = "app_admin" },
    { key = "hidden", read = "admin", write = "admin" },
    { key = "meeting", types = ["Meeting"] },
]
member_fields = [
    { key = "level", write = "admin", self_write = false },
    { key = "mood", write = "app_admin", self_write = true },
    { key = "note", read = "admin", self_read = false, self_write = false },
    { key = "own", read = "owner", self_read = true },
]
"#;

fn keys(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|field| field["Key"].as_str().expect("a key")).collect()
}

async fn described_to(client: &Client, group: &str) -> Value {
    let answer = client.ok("group_open_http_svc.get_group_self_member_info", json!({ "GroupIdList": [group] })).await;
    answer["GroupInfo"][0].clone()
}

#[tokio::test]
async fn group_fields_are_read_and_written_by_level() {
    let server = Server::with_settings(FIELDS).await;
    let users = server.users(&["ana", "bob", "cid", "eve"]).await;
    let group = unique("fields-");
    let all = ["open", "by_owner", "by_all", "by_backend", "hidden"];
    let data: Vec<_> = all.iter().map(|key| json!({ "Key": key, "Value": "0" })).collect();
    server
        .ok(
            CREATE,
            json!({ "Type": "Public", "Name": "g", "GroupId": group, "Owner_Account": users[0], "AppDefinedData": data,
            "MemberList": [{ "Member_Account": users[1], "Role": "Admin" }, { "Member_Account": users[2] }] }),
        )
        .await;
    let mut clients = Vec::new();
    for user in &users {
        clients.push(server.login(user).await);
    }
    // Who writes: owner, admin, member, stranger.
    for (key, may) in [
        ("open", [true, true, false, false]),
        ("by_owner", [true, false, false, false]),
        ("by_all", [true, true, true, false]),
        ("by_backend", [false; 4]),
        ("hidden", [true, true, false, false]),
    ] {
        for (client, may) in clients.iter().zip(may) {
            let value = unique("v");
            let body = json!({ "GroupId": group, "AppDefinedData": [{ "Key": key, "Value": value }] });
            let code = client.call("group_open_http_svc.modify_group_base_info", body).await["ErrorCode"].clone();
            assert_eq!(code, if may { 0 } else { 10007 }, "{key}");
            let answer = server
                .ok(INFO, json!({ "GroupIdList": [group], "ResponseFilter": { "AppDefinedDataFilter_Group": [key] } }))
                .await;
            let stored = answer["GroupInfo"][0]["AppDefinedData"][0]["Value"] == value;
            assert_eq!(stored, may, "{key}");
        }
    }
    // One field that is not open keeps the others and the profile as they were.
    let body = json!({ "GroupId": group, "Introduction": "new", "AppDefinedData": [
        { "Key": "by_all", "Value": "x" }, { "Key": "by_backend", "Value": "x" }] });
    clients[0].fails(10007, "group_open_http_svc.modify_group_base_info", body).await;
    assert_eq!(described_to(&clients[0], &group).await["Introduction"], "");
    // Who reads.
    for (client, shown) in clients.iter().zip([5, 5, 4]) {
        let fields = described_to(client, &group).await["AppDefinedData"].clone();
        assert_eq!(keys(&fields).len(), shown, "{fields}");
        assert_eq!(keys(&fields).contains(&"hidden"), shown == 5);
    }
    let public = clients[3].ok("group_open_http_svc.get_group_public_info", json!({ "GroupIdList": [group] })).await;
    assert!(!keys(&public["GroupInfo"][0]["AppDefinedData"]).contains(&"hidden"), "{public}");
    // The backend is bound by no level; an empty value removes the field.
    server.ok(MODIFY, json!({ "GroupId": group, "AppDefinedData": [{ "Key": "by_backend", "Value": 7 }, { "Key": "open", "Value": "" }] })).await;
    let answer = server.ok(INFO, json!({ "GroupIdList": [group], "ResponseFilter": { "AppDefinedDataFilter_Group": ["open", "by_backend"] } })).await;
    assert_eq!(answer["GroupInfo"][0]["AppDefinedData"], json!([{ "Key": "by_backend", "Value": "7" }]));
}

#[tokio::test]
async fn keys_values_and_types_of_fields_have_limits_and_bytes_survive() {
    let server = Server::with_settings(FIELDS).await;
    let users = server.users(&["ana"]).await;
    let group = server.group("Public", &users[0], &[]).await;
    let body = |key: &str, value: &str| json!({ "GroupId": group, "AppDefinedData": [{ "Key": key, "Value": value }] });
    for (key, value) in [("nobody", "1"), ("meeting", "1"), ("", "1"), ("open", &"x".repeat(513))] {
        let refused = server.fails(10004, MODIFY, body(key, value)).await;
        assert!(refused["ErrorInfo"].as_str().expect("a text").contains("AppDefinedData"), "{refused}");
    }
    let bytes = "\u{0}\u{1}\u{7f}日本";
    for value in [bytes, &"x".repeat(512)] {
        server.ok(MODIFY, body("open", value)).await;
        let answer = server.ok(INFO, json!({ "GroupIdList": [group] })).await;
        assert_eq!(answer["GroupInfo"][0]["AppDefinedData"], json!([{ "Key": "open", "Value": value }]));
    }
    let meeting = server.group("ChatRoom", &users[0], &[]).await;
    server.ok(MODIFY, json!({ "GroupId": meeting, "AppDefinedData": [{ "Key": "meeting", "Value": "1" }] })).await;
    // Live rooms have fields, their members have none.
    let live = server.group("AVChatRoom", &users[0], &[]).await;
    server.ok(MODIFY, json!({ "GroupId": live, "AppDefinedData": [{ "Key": "open", "Value": "1" }] })).await;
    server.fails(10007, MEMBER, json!({ "GroupId": live, "Member_Account": users[0], "AppMemberDefinedData": [{ "Key": "level", "Value": "1" }] })).await;
    // They outlive the process.
    let answer = server
        .ok(
            "group_open_http_svc/get_joined_group_list",
            json!({ "Member_Account": users[0], "ResponseFilter": {
        "AppDefinedDataFilter_Group": ["meeting"] } }),
        )
        .await;
    let with: Vec<_> = answer["GroupIdList"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|one| one["AppDefinedData"] != json!([]))
        .collect();
    assert_eq!(with.len(), 1, "{answer}");
}

#[tokio::test]
async fn member_fields_are_read_and_written_by_level_and_on_oneself() {
    let server = Server::with_settings(FIELDS).await;
    let users = server.users(&["ana", "bob", "cid", "dan"]).await;
    let group = unique("fields-");
    server
        .ok(
            CREATE,
            json!({ "Type": "Public", "Name": "g", "GroupId": group, "Owner_Account": users[0],
            "MemberList": [
                { "Member_Account": users[1], "Role": "Admin" },
                { "Member_Account": users[2], "AppMemberDefinedData": [
                    { "Key": "level", "Value": "1" }, { "Key": "mood", "Value": "2" }, { "Key": "note", "Value": "3" },
                    { "Key": "own", "Value": "4" }] },
                { "Member_Account": users[3] }] }),
        )
        .await;
    let mut clients = Vec::new();
    for user in &users {
        clients.push(server.login(user).await);
    }
    let write = |user: &str, key: &str| json!({ "GroupId": group, "Member_Account": user, "AppMemberDefinedData": [{ "Key": key, "Value": "9" }] });
    // Owner, admin, the member themself, another member.
    for (key, may) in [
        ("level", [true, true, false, false]),
        ("mood", [false, false, true, false]),
        ("note", [true, true, false, false]),
    ] {
        for (client, may) in clients.iter().zip(may) {
            let code =
                client.call("group_open_http_svc.modify_group_member_info", write(&users[2], key)).await["ErrorCode"]
                    .clone();
            assert_eq!(code, if may { 0 } else { 10007 }, "{key}");
        }
    }
    for (client, shown) in clients.iter().zip([
        &["level", "mood", "note", "own"][..],
        &["level", "mood", "note"],
        &["level", "mood", "own"],
        &["level", "mood"],
    ]) {
        let list = client
            .ok("group_open_http_svc.get_group_member_info", json!({ "GroupId": group, "Limit": 10, "Offset": 0 }))
            .await;
        let members = list["MemberList"].as_array().expect("a list");
        let cid = members.iter().find(|member| member["Member_Account"] == users[2]).expect("a member");
        assert_eq!(keys(&cid["AppMemberDefinedData"]), shown);
    }
    for (code, body) in [
        (10004, json!([{ "Key": "nobody", "Value": "1" }])),
        (10004, json!([{ "Key": "level", "Value": "x".repeat(65) }])),
        (10004, json!([{ "Key": "level", "Value": [] }])),
        (0, json!([{ "Key": "level", "Value": "\u{0}".repeat(64) }])),
    ] {
        let answer = server
            .call(MEMBER, &json!({ "GroupId": group, "Member_Account": users[2], "AppMemberDefinedData": body }))
            .await;
        assert_eq!(answer["ErrorCode"], code, "{body}: {answer}");
    }
    let filtered = server
        .ok(
            MEMBERS,
            json!({ "GroupId": group, "MemberInfoFilter": ["Role"], "AppDefinedDataFilter_GroupMember": ["level"] }),
        )
        .await;
    let cid = filtered["MemberList"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|member| member["Member_Account"] == users[2])
        .expect("a member");
    assert_eq!(cid["AppMemberDefinedData"], json!([{ "Key": "level", "Value": "\u{0}".repeat(64) }]));
}

#[tokio::test]
async fn types_of_an_apps_own_differ_from_their_reference_in_what_the_app_says() {
    let settings = r#"
[apps.settings.custom_types.OAGroup]
reference = "Work"
overrides = { kick = 1, history_before_join = 1, activate_on_first_msg = 0, has_admins = true, default_apply_option = 2, apply_join_allowed = 1 }

[apps.settings.custom_types.Stage]
reference = "AVChatRoom"
"#;
    let server = Server::with_settings(settings).await;
    let users = server.users(&["ana", "bob", "cid", "dan"]).await;
    let created = server
        .ok(
            CREATE,
            json!({ "Type": "OAGroup", "Name": "g", "Owner_Account": users[0],
            "MemberList": [{ "Member_Account": users[1] }, { "Member_Account": users[2] }] }),
        )
        .await;
    let group = created["GroupId"].as_str().expect("an id").to_owned();
    assert_eq!(created["Type"], "OAGroup");
    let answer = server.ok(INFO, json!({ "GroupIdList": [group] })).await;
    assert_eq!(
        (&answer["GroupInfo"][0]["Type"], &answer["GroupInfo"][0]["ApplyJoinOption"]),
        (&json!("OAGroup"), &json!("FreeAccess"))
    );
    let list = server.ok("group_open_http_svc/get_appid_group_list", json!({ "GroupType": "OAGroup" })).await;
    assert_eq!(list["TotalCount"], 1);
    server
        .ok(
            "group_open_http_svc/send_group_msg",
            json!({ "GroupId": group, "From_Account": users[0], "Random": random(), "MsgBody": text("before") }),
        )
        .await;
    // Any member removes any other; strangers come in by themselves and read what was said before.
    let bob = server.login(&users[1]).await;
    bob.ok("group_open_http_svc.delete_group_member", json!({ "GroupId": group, "MemberToDel_Account": [users[2]] }))
        .await;
    let dan = server.login(&users[3]).await;
    let joined = dan.ok("group_open_http_svc.apply_join_group", json!({ "GroupId": group, "ApplyMsg": "" })).await;
    assert_eq!(joined["JoinedStatus"], "JoinedSuccess");
    let history = dan.ok("group_open_http_svc.group_msg_get", json!({ "GroupId": group, "ReqMsgNumber": 20 })).await;
    assert!(
        history["RspMsgList"]
            .as_array()
            .expect("a list")
            .iter()
            .any(|item| item["MsgBody"][0]["MsgContent"]["Text"] == "before"),
        "{history}"
    );
    // The rest is as in the reference: no single mutes, no dismissal by the owner.
    server
        .fails(
            10007,
            "group_open_http_svc/forbid_send_msg",
            json!({ "GroupId": group, "Members_Account": [users[1]], "MuteTime": 5 }),
        )
        .await;
    let ana = server.login(&users[0]).await;
    ana.fails(10007, "group_open_http_svc.destroy_group", json!({ "GroupId": group })).await;
    // A type made of live rooms stores no members.
    let stage = server.group("Stage", &users[0], &[]).await;
    server
        .fails(
            10007,
            "group_open_http_svc/add_group_member",
            json!({ "GroupId": stage, "MemberList": [{ "Member_Account": users[1] }] }),
        )
        .await;
    server.fails(10004, CREATE, json!({ "Type": "Unknown", "Name": "g" })).await;
}

#[tokio::test]
async fn broadcast_groups_are_few_and_nobodys() {
    let server = Server::start(&[]).await;
    let users = server.users(&["ana"]).await;
    let mut groups = Vec::new();
    for _ in 0..5 {
        groups.push(server.group("BChatRoom", &users[0], &[]).await);
    }
    server.fails(10036, CREATE, json!({ "Type": "BChatRoom", "Name": "g" })).await;
    let group = &groups[0];
    let answer = server.ok(INFO, json!({ "GroupIdList": [group] })).await;
    assert_eq!(
        (&answer["GroupInfo"][0]["Owner_Account"], &answer["GroupInfo"][0]["Type"]),
        (&json!(""), &json!("BChatRoom"))
    );
    for (command, body) in [
        ("add_group_member", json!({ "MemberList": [{ "Member_Account": users[0] }] })),
        ("get_group_member_info", json!({})),
        ("forbid_send_msg", json!({ "Members_Account": [users[0]], "MuteTime": 5 })),
        ("ban_group_member", json!({ "Members_Account": [users[0]], "Duration": 5 })),
        ("change_group_owner", json!({ "NewOwner_Account": users[0] })),
        ("import_group_member", json!({ "MemberList": [{ "Member_Account": users[0] }] })),
        ("update_group_counter", json!({ "GroupCounter": [{ "Key": "a", "Value": 1 }] })),
    ] {
        let mut body = body;
        body["GroupId"] = group.as_str().into();
        server.fails(10007, &format!("group_open_http_svc/{command}"), body).await;
    }
    let ana = server.login(&users[0]).await;
    ana.fails(10007, "group_open_http_svc.create_group", json!({ "Type": "BChatRoom", "Name": "g" })).await;
    ana.fails(
        10007,
        "group_open_http_svc.send_group_msg",
        json!({ "GroupId": group, "Random": random(), "MsgBody": text("no") }),
    )
    .await;
    server
        .ok(
            "group_open_http_svc/send_group_msg",
            json!({ "GroupId": group, "Random": random(), "MsgBody": text("to all") }),
        )
        .await;
    ana.hears("to all").await;
    server.ok("group_open_http_svc/destroy_group", json!({ "GroupId": group })).await;
    server.group("BChatRoom", &users[0], &[]).await;
}
