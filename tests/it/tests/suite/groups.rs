//! The life of groups, on both doors. Spec: docs/spec/rest-groups.md#1

use serde_json::{Value, json};
use tsudoi_it::{Server, now, random, shared, text, unique};

const CREATE: &str = "group_open_http_svc/create_group";
const INFO: &str = "group_open_http_svc/get_group_info";
const MODIFY: &str = "group_open_http_svc/modify_group_base_info";
const DESTROY: &str = "group_open_http_svc/destroy_group";
const OWNER: &str = "group_open_http_svc/change_group_owner";
const LIST: &str = "group_open_http_svc/get_appid_group_list";

/// The list of all groups may be asked for once a second otherwise.
const UNHURRIED: &str = "rates.rest.get_appid_group_list = 0";

fn id(answer: &Value) -> String {
    answer["GroupId"].as_str().expect("an id").to_owned()
}

async fn info(server: &Server, group: &str) -> Value {
    let answer = server.ok(INFO, json!({ "GroupIdList": [group] })).await;
    assert_eq!(answer["GroupInfo"][0]["ErrorCode"], 0, "{answer}");
    answer["GroupInfo"][0].clone()
}

async fn gone(server: &Server, group: &str) {
    let answer = server.ok(INFO, json!({ "GroupIdList": [group] })).await;
    assert_eq!(answer["GroupInfo"][0]["ErrorCode"], 10010, "{answer}");
}

#[tokio::test]
async fn a_group_reads_back_as_it_was_created() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let chosen = unique("crew-");
    let created = server
        .ok(
            CREATE,
            json!({
                "Type": "Public", "Name": "Crew 7", "Owner_Account": users[0], "GroupId": chosen,
                "Introduction": "we meet", "Notification": "at nine", "FaceUrl": "https://files.example.test/a.png",
                "MaxMemberCount": 500, "ApplyJoinOption": "FreeAccess", "InviteJoinOption": "NeedPermission",
                "MemberList": [
                    { "Member_Account": users[1], "Role": "Admin", "NameCard": "Bobby" },
                    { "Member_Account": users[2] },
                    { "Member_Account": users[2] },
                    { "Member_Account": users[0] },
                ],
            }),
        )
        .await;
    assert_eq!(id(&created), chosen);
    let group = info(server, &chosen).await;
    for (field, value) in [
        ("Type", json!("Public")),
        ("Name", json!("Crew 7")),
        ("Owner_Account", json!(users[0])),
        ("Introduction", json!("we meet")),
        ("Notification", json!("at nine")),
        ("FaceUrl", json!("https://files.example.test/a.png")),
        ("MaxMemberNum", json!(500)),
        ("MemberNum", json!(3)),
        ("ApplyJoinOption", json!("FreeAccess")),
        ("InviteJoinOption", json!("NeedPermission")),
        ("ShutUpAllMember", json!("Off")),
        ("MuteAllMember", json!("Off")),
        ("NextMsgSeq", json!(1)),
        ("LastMsgTime", json!(0)),
        ("AppDefinedData", json!([])),
        ("Appid", json!(tsudoi_it::APP)),
    ] {
        assert_eq!(group[field], value, "{field}");
    }
    assert!((group["CreateTime"].as_i64().expect("a time") - now()).abs() < 5);
    let roles: Vec<_> =
        group["MemberList"].as_array().expect("members").iter().map(|m| (&m["Member_Account"], &m["Role"])).collect();
    assert_eq!(
        roles,
        [
            (&json!(users[0]), &json!("Owner")),
            (&json!(users[1]), &json!("Admin")),
            (&json!(users[2]), &json!("Member"))
        ]
    );
    assert_eq!(group["MemberList"][1]["NameCard"], "Bobby");
}

#[tokio::test]
async fn each_type_has_its_ids_and_defaults() {
    let server = shared().await;
    let owner = &server.users(&["ana"]).await[0];
    for (spelled, shown, prefix, option) in [
        ("Private", "Private", "@TGS#1", "DisableApply"),
        ("Work", "Private", "@TGS#1", "DisableApply"),
        ("Public", "Public", "@TGS#2", "NeedPermission"),
        ("ChatRoom", "ChatRoom", "@TGS#3", "FreeAccess"),
        ("Meeting", "ChatRoom", "@TGS#3", "FreeAccess"),
        ("AVChatRoom", "AVChatRoom", "@TGS#a", "FreeAccess"),
        ("Community", "Community", "@TGS#_@TGS#c", "FreeAccess"),
    ] {
        let created = server.ok(CREATE, json!({ "Type": spelled, "Name": "g", "Owner_Account": owner })).await;
        assert!(id(&created).starts_with(prefix), "{spelled}: {created}");
        let group = info(server, &id(&created)).await;
        assert_eq!((&group["Type"], &group["ApplyJoinOption"]), (&json!(shown), &json!(option)), "{spelled}");
    }
}

#[tokio::test]
async fn bad_creations_are_refused_and_create_nothing() {
    let server = Server::with_settings(UNHURRIED).await;
    let users = server.users(&["ana", "bob"]).await;
    let base = |changes: Value| {
        let mut body = json!({ "Type": "Public", "Name": "g", "Owner_Account": users[0] });
        body.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
        body
    };
    let many: Vec<_> = (0..501).map(|n| json!({ "Member_Account": format!("m{n}") })).collect();
    for (code, body) in [
        (10004, json!({ "Name": "g" })),
        (10004, json!({ "Type": "Public" })),
        (10004, base(json!({ "Type": "Club" }))),
        (10004, base(json!({ "Name": "" }))),
        (10004, base(json!({ "Name": "x".repeat(31) }))),
        (10004, base(json!({ "Name": 7 }))),
        (10004, base(json!({ "Introduction": "x".repeat(241) }))),
        (10004, base(json!({ "Notification": "x".repeat(301) }))),
        (10004, base(json!({ "FaceUrl": "x".repeat(101) }))),
        (10004, base(json!({ "ApplyJoinOption": "Maybe" }))),
        (10004, base(json!({ "MaxMemberCount": "many" }))),
        (10004, base(json!({ "AppDefinedData": [{ "Key": "nobody_declared", "Value": "1" }] }))),
        (10004, base(json!({ "Type": "Work", "MemberList": [{ "Member_Account": users[1], "Role": "Admin" }] }))),
        (10005, base(json!({ "MemberList": many }))),
        (10015, base(json!({ "GroupId": "@TGS#mine" }))),
        (10015, base(json!({ "GroupId": "客服" }))),
        (10015, base(json!({ "GroupId": "x".repeat(49) }))),
        (10015, base(json!({ "Type": "Community", "GroupId": "town" }))),
        (10007, base(json!({ "Type": "AVChatRoom", "MemberList": [{ "Member_Account": users[1] }] }))),
        (10019, base(json!({ "Owner_Account": unique("nobody") }))),
        (10019, base(json!({ "MemberList": [{ "Member_Account": unique("nobody") }] }))),
        (10038, base(json!({ "MaxMemberCount": 2001 }))),
        (10038, base(json!({ "MaxMemberCount": 1, "MemberList": [{ "Member_Account": users[1] }] }))),
    ] {
        server.fails(code, CREATE, body).await;
    }
    let client = server.login(&users[0]).await;
    client.fails(10007, "group_open_http_svc.create_group", json!({ "Type": "BChatRoom", "Name": "g" })).await;
    assert_eq!(server.ok(LIST, json!({})).await["TotalCount"], 0);
}

#[tokio::test]
async fn a_taken_id_says_whose_it_is_and_is_free_again_after_dismissal() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let chosen = unique("ticket#");
    let by = |owner: &str| json!({ "Type": "Public", "Name": "g", "Owner_Account": owner, "GroupId": chosen });
    server.ok(CREATE, by(&users[0])).await;
    server.fails(10025, CREATE, by(&users[0])).await;
    server.fails(10021, CREATE, by(&users[1])).await;
    server.ok(DESTROY, json!({ "GroupId": chosen })).await;
    server.fails(10010, DESTROY, json!({ "GroupId": chosen })).await;
    gone(server, &chosen).await;
    server.ok(CREATE, by(&users[1])).await;
    assert_eq!(info(server, &chosen).await["Owner_Account"], json!(users[1]));
}

#[tokio::test]
async fn filters_choose_what_is_said() {
    let server = shared().await;
    let owner = &server.users(&["ana"]).await[0];
    let group = server.group("Public", owner, &[]).await;
    let ask = async |filter: Value| {
        let answer = server.ok(INFO, json!({ "GroupIdList": [group], "ResponseFilter": filter })).await;
        answer["GroupInfo"][0].clone()
    };
    let some =
        ask(json!({ "GroupBaseInfoFilter": ["Name", "MemberNum", "Nonsense"], "MemberInfoFilter": ["Role"] })).await;
    assert_eq!(
        some,
        json!({
            "GroupId": group, "ErrorCode": 0, "ErrorInfo": "", "Name": "suite", "MemberNum": 1,
            "MemberList": [{ "Member_Account": owner, "Role": "Owner" }],
        })
    );
    let muted = ask(json!({ "GroupBaseInfoFilter": ["ShutUpAllMember"], "MemberInfoFilter": [] })).await;
    assert_eq!(
        muted,
        json!({ "GroupId": group, "ErrorCode": 0, "ErrorInfo": "", "ShutUpAllMember": "Off", "MuteAllMember": "Off" })
    );
}

#[tokio::test]
async fn one_bad_id_does_not_spoil_the_others() {
    let server = shared().await;
    let owner = &server.users(&["ana"]).await[0];
    let group = server.group("Public", owner, &[]).await;
    let answer = server.ok(INFO, json!({ "GroupIdList": ["no-such-group", group, ""] })).await;
    let codes: Vec<_> =
        answer["GroupInfo"].as_array().expect("items").iter().map(|item| item["ErrorCode"].clone()).collect();
    assert_eq!(codes, [10010, 0, 10015]);
    server.fails(10015, INFO, json!({})).await;
    server.fails(10004, INFO, json!({ "GroupIdList": vec![group; 51] })).await;
}

#[tokio::test]
async fn pages_list_every_group_once() {
    let server = Server::with_settings(UNHURRIED).await;
    let owner = &server.users(&["ana"]).await[0];
    let mut expected = Vec::new();
    for group_type in ["Public", "Private", "Public", "Meeting", "Public"] {
        expected.push((group_type, server.group(group_type, owner, &[]).await));
    }
    let publics: Vec<_> =
        expected.iter().filter(|(kind, _)| *kind == "Public").map(|(_, group)| group.clone()).collect();
    let mut found = Vec::new();
    let mut next = json!(0);
    for _ in 0..2 {
        let page = server.ok(LIST, json!({ "GroupType": "Public", "Limit": 2, "Next": next })).await;
        assert_eq!(page["TotalCount"], 3);
        let ids = page["GroupIdList"].as_array().expect("ids").iter().map(id);
        found.extend(ids);
        next = page["Next"].clone();
    }
    assert_eq!((found, next), (publics, json!(0)));
    let all = server.ok(LIST, json!({})).await;
    assert_eq!((&all["TotalCount"], all["GroupIdList"].as_array().map(Vec::len)), (&json!(5), Some(5)));
    server.fails(10004, LIST, json!({ "GroupType": "Club" })).await;
    server.fails(10004, LIST, json!({ "Limit": 10_001 })).await;
}

#[tokio::test]
async fn a_change_is_told_with_what_is_new_and_who_did_it() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    let bob = server.login(&users[1]).await;
    let before = info(server, &group).await;
    server
        .ok(
            MODIFY,
            json!({ "GroupId": group, "Notification": "Meet at nine", "Introduction": "", "From_Account": users[0] }),
        )
        .await;
    let tip = bob.tip(&group, 6).await;
    assert_eq!(tip["MsgBody"]["Operator_Account"], json!(users[0]));
    assert_eq!(tip["MsgBody"]["MsgGroupNewInfo"], json!({ "GroupNotification": "Meet at nine" }));
    assert_eq!(tip["MsgSeq"], 1);
    let after = info(server, &group).await;
    assert_eq!(after["Notification"], "Meet at nine");
    assert_eq!(after["InfoSeq"].as_u64(), before["InfoSeq"].as_u64().map(|seq| seq + 1));
    // Nothing new, nothing counted.
    server.ok(MODIFY, json!({ "GroupId": group })).await;
    assert_eq!(info(server, &group).await["InfoSeq"], after["InfoSeq"]);
}

#[tokio::test]
async fn a_mute_of_all_silences_members_and_shows_under_both_names() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    let bob = server.login(&users[1]).await;
    server.ok(MODIFY, json!({ "GroupId": group, "MuteAllMember": "On" })).await;
    assert_eq!(bob.tip(&group, 6).await["MsgBody"]["MsgGroupNewInfo"], json!({ "ShutupAll": 1 }));
    let muted = info(server, &group).await;
    assert_eq!((&muted["MuteAllMember"], &muted["ShutUpAllMember"]), (&json!("On"), &json!("On")));
    let say = |from: &str| json!({ "GroupId": group, "From_Account": from, "Random": random(), "MsgBody": text("hi") });
    server.fails(10017, "group_open_http_svc/send_group_msg", say(&users[1])).await;
    server.ok("group_open_http_svc/send_group_msg", say(&users[0])).await;
    server.ok(MODIFY, json!({ "GroupId": group, "ShutUpAllMember": "Off" })).await;
    server.ok("group_open_http_svc/send_group_msg", say(&users[1])).await;
    server.fails(10004, MODIFY, json!({ "GroupId": group, "MuteAllMember": "Perhaps" })).await;
}

#[tokio::test]
async fn what_clients_may_change_is_up_to_type_and_role() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "eve"]).await;
    let (ana, bob, eve) = (server.login(&users[0]).await, server.login(&users[1]).await, server.login(&users[2]).await);
    let work = server.group("Work", &users[0], &[&users[1]]).await;
    let public = server.group("Public", &users[0], &[&users[1]]).await;
    let name = |group: &str| json!({ "GroupId": group, "Name": unique("n") });
    let modify = "group_open_http_svc.modify_group_base_info";
    bob.ok(modify, name(&work)).await;
    bob.fails(10007, modify, json!({ "GroupId": work, "ShutUpAllMember": "On" })).await;
    bob.fails(10007, modify, name(&public)).await;
    eve.fails(10007, modify, name(&public)).await;
    ana.ok(modify, name(&public)).await;
    ana.fails(10004, modify, json!({ "GroupId": public, "Name": "x".repeat(31) })).await;
    ana.fails(10010, modify, name("no-such-group")).await;
    ana.fails(10015, modify, json!({ "Name": "n" })).await;
}

#[tokio::test]
async fn a_new_owner_takes_over() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "eve"]).await;
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    bob.fails(
        10007,
        "group_open_http_svc.change_group_owner",
        json!({ "GroupId": group, "NewOwner_Account": users[1] }),
    )
    .await;
    server.fails(10007, OWNER, json!({ "GroupId": group, "NewOwner_Account": users[2] })).await;
    ana.ok("group_open_http_svc.change_group_owner", json!({ "GroupId": group, "NewOwner_Account": users[1] })).await;
    let tip = bob.tip(&group, 6).await;
    assert_eq!(tip["MsgBody"]["MsgGroupNewInfo"], json!({ "Owner_Account": users[1] }));
    let after = info(server, &group).await;
    assert_eq!(after["Owner_Account"], json!(users[1]));
    let roles: Vec<_> = after["MemberList"].as_array().expect("members").iter().map(|m| m["Role"].clone()).collect();
    assert_eq!(roles, ["Owner", "Member"]);
    // Again is no change; a live room is not handed over; a group without owner gets one.
    server.ok(OWNER, json!({ "GroupId": group, "NewOwner_Account": users[1] })).await;
    let live = server.group("AVChatRoom", &users[0], &[]).await;
    server.fails(10007, OWNER, json!({ "GroupId": live, "NewOwner_Account": users[1] })).await;
    let orphan = server
        .ok(CREATE, json!({ "Type": "Public", "Name": "g", "MemberList": [{ "Member_Account": users[1] }] }))
        .await;
    assert_eq!(info(server, &id(&orphan)).await["Owner_Account"], "");
    server.ok(OWNER, json!({ "GroupId": id(&orphan), "NewOwner_Account": users[1] })).await;
    assert_eq!(info(server, &id(&orphan)).await["MemberList"][0]["Role"], "Owner");
}

#[tokio::test]
async fn the_owners_devices_and_the_first_members_hear_of_a_new_group() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    ana.notice(&group, 6).await;
    bob.notice(&group, 7).await;
    // Until its first message only the owner sees a work group.
    let work = server.group("Work", &users[0], &[&users[1]]).await;
    ana.notice(&work, 6).await;
    server.ok(MODIFY, json!({ "GroupId": work, "Name": "quiet" })).await;
    server
        .ok(
            "group_open_http_svc/send_group_msg",
            json!({ "GroupId": work, "From_Account": users[0], "Random": random(), "MsgBody": text("hello") }),
        )
        .await;
    assert_eq!(bob.hears("hello").await["MsgSeq"], 1);
    let about_work = |event: &&Value| event.to_string().contains(&work);
    assert_eq!(bob.events().await.iter().filter(about_work).count(), 0, "nothing before the first message");
}

#[tokio::test]
async fn a_dismissal_is_told_to_every_member() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    bob.fails(10007, "group_open_http_svc.destroy_group", json!({ "GroupId": group })).await;
    ana.ok("group_open_http_svc.destroy_group", json!({ "GroupId": group })).await;
    let told = bob.notice(&group, 5).await;
    assert_eq!(told["MsgBody"]["Operator_Account"], json!(users[0]));
    gone(server, &group).await;
    let work = server.group("Work", &users[0], &[]).await;
    ana.fails(10007, "group_open_http_svc.destroy_group", json!({ "GroupId": work })).await;
    server.ok(DESTROY, json!({ "GroupId": work })).await;
    ana.notice(&work, 5).await;
}

#[tokio::test]
async fn clients_read_what_is_theirs_and_the_public_face_of_the_rest() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "eve"]).await;
    let public = server.group("Public", &users[0], &[&users[1]]).await;
    let work = server.group("Work", &users[0], &[&users[1]]).await;
    let (bob, eve) = (server.login(&users[1]).await, server.login(&users[2]).await);
    let ids = json!({ "GroupIdList": [public, work, "no-such-group"] });
    let own = bob.ok("group_open_http_svc.get_group_self_member_info", ids.clone()).await;
    let item = &own["GroupInfo"][0];
    assert_eq!((&item["ErrorCode"], &item["SelfInfo"]["Role"]), (&json!(0), &json!("Member")), "{own}");
    assert_eq!(item["MemberList"][0]["Member_Account"], json!(users[1]));
    assert_eq!(own["GroupInfo"][2]["ErrorCode"], 10010);
    let codes = |answer: &Value| -> Vec<Value> {
        answer["GroupInfo"].as_array().expect("items").iter().map(|item| item["ErrorCode"].clone()).collect()
    };
    let strange = eve.ok("group_open_http_svc.get_group_self_member_info", ids.clone()).await;
    assert_eq!(codes(&strange), [10007, 10007, 10010]);
    let found = eve.ok("group_open_http_svc.get_group_public_info", ids).await;
    assert_eq!(codes(&found), [0, 10007, 10010]);
    let face = &found["GroupInfo"][0];
    assert_eq!((&face["Name"], &face["MemberNum"]), (&json!("suite"), &json!(2)));
    assert!(face.get("Notification").is_none() && face.get("MemberList").is_none(), "{face}");
}

#[tokio::test]
async fn custom_fields_follow_their_levels() {
    let server = Server::with_settings(
        r#"
        [[apps.settings.group_fields]]
        key = "stage"
        write = "member"
        [[apps.settings.group_fields]]
        key = "secret"
        read = "admin"
        write = "owner"
        [[apps.settings.member_fields]]
        key = "level"
        "#,
    )
    .await;
    let users = server.users(&["ana", "bob"]).await;
    let created = server
        .ok(
            CREATE,
            json!({
                "Type": "Public", "Name": "g", "Owner_Account": users[0],
                "AppDefinedData": [{ "Key": "stage", "Value": 1 }, { "Key": "secret", "Value": "\u{0}\u{1}" }],
                "MemberList": [{ "Member_Account": users[1], "AppMemberDefinedData": [{ "Key": "level", "Value": "3" }] }],
            }),
        )
        .await;
    let group = id(&created);
    let described = info(&server, &group).await;
    assert_eq!(
        described["AppDefinedData"],
        json!([{ "Key": "secret", "Value": "\u{0}\u{1}" }, { "Key": "stage", "Value": "1" }])
    );
    assert_eq!(described["MemberList"][1]["AppMemberDefinedData"], json!([{ "Key": "level", "Value": "3" }]));
    let bob = server.login(&users[1]).await;
    let own = bob.ok("group_open_http_svc.get_group_self_member_info", json!({ "GroupIdList": [group] })).await;
    assert_eq!(own["GroupInfo"][0]["AppDefinedData"], json!([{ "Key": "stage", "Value": "1" }]));
    let set = |key: &str, value: &str| json!({ "GroupId": group, "AppDefinedData": [{ "Key": key, "Value": value }] });
    let modify = "group_open_http_svc.modify_group_base_info";
    bob.fails(10007, modify, set("secret", "x")).await;
    bob.fails(10004, modify, set("unknown", "x")).await;
    bob.fails(10004, modify, set("stage", &"x".repeat(513))).await;
    bob.ok(modify, set("stage", "2")).await;
    assert_eq!(
        bob.tip(&group, 6).await["MsgBody"]["MsgGroupNewInfo"],
        json!({ "MsgAppDefinedData": [{ "Key": "stage", "Value": "2" }] })
    );
    server.ok(MODIFY, set("secret", "")).await;
    assert_eq!(info(&server, &group).await["AppDefinedData"], json!([{ "Key": "stage", "Value": "2" }]));
}

#[tokio::test]
async fn numbers_of_groups_are_held_to() {
    let server = Server::with_settings(
        r#"
        [apps.settings.limits.overrides.group]
        max_avchatrooms = 1
        max_groups = 4
        max_groups_per_user = 2
        "#,
    )
    .await;
    let users = server.users(&["ana", "bob"]).await;
    server.group("AVChatRoom", &users[0], &[]).await;
    let of = |group_type: &str, owner: &str| json!({ "Type": group_type, "Name": "g", "Owner_Account": owner });
    server.fails(10036, CREATE, of("AVChatRoom", &users[0])).await;
    server.group("Public", &users[0], &[]).await;
    let second = server.group("Public", &users[0], &[]).await;
    server.fails(10037, CREATE, of("Public", &users[0])).await;
    let full = json!({ "Type": "Public", "Name": "g", "Owner_Account": users[1], "MemberList": [{ "Member_Account": users[0] }] });
    let created = server.ok(CREATE, full).await;
    assert_eq!(created["OverJoinedGroupLimit_Account"], json!([users[0]]));
    server.fails(10058, CREATE, of("Public", &users[1])).await;
    server.ok(DESTROY, json!({ "GroupId": second })).await;
    server.group("Public", &users[1], &[]).await;
}

#[tokio::test]
async fn types_of_the_app_derive_from_a_built_in_one() {
    let server = Server::with_settings(
        r#"
        [apps.settings.custom_types.OAGroup]
        reference = "Work"
        [apps.settings.custom_types.OAGroup.overrides]
        activate_on_first_msg = false
        "#,
    )
    .await;
    let users = server.users(&["ana", "bob"]).await;
    let group = server.group("OAGroup", &users[0], &[&users[1]]).await;
    let described = info(&server, &group).await;
    assert_eq!((&described["Type"], &described["ApplyJoinOption"]), (&json!("OAGroup"), &json!("DisableApply")));
    let listed = server.ok(LIST, json!({ "GroupType": "OAGroup" })).await;
    assert_eq!(listed["TotalCount"], 1);
}

#[tokio::test]
async fn groups_outlive_a_power_cut() {
    let mut server = Server::start(&[]).await;
    let users = server.users(&["ana", "bob"]).await;
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    server.ok(MODIFY, json!({ "GroupId": group, "Name": "renamed" })).await;
    let before = info(&server, &group).await;
    server.kill().await;
    server.restart().await;
    assert_eq!(info(&server, &group).await, before);
}
