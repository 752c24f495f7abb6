//! Limits of groups at the bound and one beyond, for every type and on both doors.
//! Spec: docs/spec/group-types.md#4, #8, docs/spec/limits-and-editions.md#4

use serde_json::{Value, json};
use tsudoi_it::{Client, Server, random, shared, text, unique};

const CREATE: &str = "group_open_http_svc/create_group";
const MODIFY: &str = "group_open_http_svc/modify_group_base_info";
const INFO: &str = "group_open_http_svc/get_group_info";
const DESTROY: &str = "group_open_http_svc/destroy_group";

/// The types that clients create as well.
const TYPES: [&str; 5] = ["Private", "Public", "ChatRoom", "AVChatRoom", "Community"];
/// Fields of a profile and their bytes.
const FIELDS: [(&str, usize); 4] = [("Name", 30), ("Introduction", 240), ("Notification", 300), ("FaceUrl", 100)];

/// One of the two doors.
enum Door<'a> {
    Rest(&'a Server),
    Socket(&'a Client),
}

impl Door<'_> {
    async fn call(&self, command: &str, body: Value) -> Value {
        match self {
            Door::Rest(server) => server.call(command, &body).await,
            Door::Socket(client) => client.call(&command.replace('/', "."), body).await,
        }
    }

    async fn fails(&self, code: u32, command: &str, body: Value) -> Value {
        match self {
            Door::Rest(server) => server.fails(code, command, body).await,
            Door::Socket(client) => client.fails(code, &command.replace('/', "."), body).await,
        }
    }
}

async fn field(server: &Server, group: &str, field: &str) -> Value {
    server.ok(INFO, json!({ "GroupIdList": [group] })).await["GroupInfo"][0][field].clone()
}

/// As many bytes of one-byte or of three-byte characters as fit, and one character more.
fn texts(bytes: usize) -> [(String, String); 2] {
    ["x", "会"].map(|unit| {
        let most = unit.repeat(bytes / unit.len()) + &"y".repeat(bytes % unit.len());
        let beyond = format!("{most}z");
        (most, beyond)
    })
}

#[tokio::test]
async fn texts_of_profiles() {
    let server = shared().await;
    let users = server.users(&["ana"]).await;
    let ana = server.login(&users[0]).await;
    for door in [Door::Rest(server), Door::Socket(&ana)] {
        for group_type in TYPES {
            for (name, bytes) in FIELDS {
                for (most, beyond) in texts(bytes) {
                    let new = |value: &str| {
                        let mut body = json!({ "Type": group_type, "Name": "n", "Owner_Account": users[0] });
                        body[name] = value.into();
                        body
                    };
                    let refused = door.fails(10004, CREATE, new(&beyond)).await;
                    assert!(refused["ErrorInfo"].as_str().expect("a text").contains(name), "{refused}");
                    let created = door.call(CREATE, new(&most)).await;
                    assert_eq!(created["ErrorCode"], 0, "{group_type} {name}: {created}");
                    let group = created["GroupId"].as_str().expect("an id");
                    assert_eq!(field(server, group, name).await, most, "{group_type}");
                    let mut change = json!({ "GroupId": group });
                    change[name] = beyond.into();
                    let refused = door.fails(10004, MODIFY, change.clone()).await;
                    assert!(refused["ErrorInfo"].as_str().expect("a text").contains(name), "{refused}");
                    assert_eq!(field(server, group, name).await, most, "nothing changed");
                    change[name] = most.as_str().into();
                    assert_eq!(door.call(MODIFY, change.clone()).await["ErrorCode"], 0, "{group_type} {name}");
                    change[name] = "".into();
                    let cleared = door.call(MODIFY, change).await["ErrorCode"].clone();
                    assert_eq!(cleared, if name == "Name" { 10004 } else { 0 }, "{group_type} {name}");
                    server.ok(DESTROY, json!({ "GroupId": group })).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn ids() {
    let server = shared().await;
    let users = server.users(&["ana"]).await;
    let ana = server.login(&users[0]).await;
    for door in [Door::Rest(server), Door::Socket(&ana)] {
        for group_type in TYPES {
            let community = group_type == "Community";
            let own = |part: &str| if community { format!("@TGS#_{part}") } else { part.to_owned() };
            let most = if community { 42 } else { 48 };
            let part = |length: usize| {
                let name = unique("id-");
                name.clone() + &"x".repeat(length - name.len())
            };
            let create = async |id: &str| {
                let body = json!({ "Type": group_type, "Name": "n", "GroupId": id, "Owner_Account": users[0] });
                door.call(CREATE, body).await["ErrorCode"].clone()
            };
            for id in [own(&part(most)), own(&unique(" a ~!")), own(&unique("Z"))] {
                assert_eq!(create(&id).await, 0, "{group_type} {id}");
                assert_eq!(create(&id).await, 10025, "{group_type} {id}: in use by the same owner");
                server.ok(DESTROY, json!({ "GroupId": id })).await;
                assert_eq!(create(&id).await, 0, "{group_type} {id}: free again");
                server.ok(DESTROY, json!({ "GroupId": id })).await;
            }
            let wrong = if community { unique("town") } else { unique("@TGS#_") };
            for id in [own(&part(most + 1)), own("a\u{7f}"), own("a\n"), own("a\0"), own("é"), own("@TGS#x"), wrong] {
                assert_eq!(create(&id).await, 10015, "{group_type} {id:?}");
            }
        }
    }
}

#[tokio::test]
async fn members_and_their_cards() {
    let server = shared().await;
    let names: Vec<String> = (0..501).map(|_| unique("many")).collect();
    for chunk in names.chunks(100) {
        server.ok("im_open_login_svc/multiaccount_import", json!({ "Accounts": chunk })).await;
    }
    let listed = |count: usize| -> Value {
        names[..count].iter().map(|name| json!({ "Member_Account": name })).collect::<Vec<_>>().into()
    };
    for group_type in ["Public", "ChatRoom", "Community"] {
        let new = |count: usize| json!({ "Type": group_type, "Name": "n", "MemberList": listed(count) });
        server.fails(10005, CREATE, new(501)).await;
        let group = server.ok(CREATE, new(500)).await["GroupId"].as_str().expect("an id").to_owned();
        assert_eq!(field(server, &group, "MemberNum").await, 500, "{group_type}");
        let call = async |command: &str, list: &str, value: Value, more: Value| {
            let mut body = json!({ "GroupId": group });
            body[list] = value;
            for (name, value) in more.as_object().expect("an object") {
                body[name] = value.clone();
            }
            server.call(&format!("group_open_http_svc/{command}"), &body).await["ErrorCode"].clone()
        };
        for (command, list, most, more) in [
            ("get_role_in_group", "User_Account", 500, json!({})),
            ("forbid_send_msg", "Members_Account", 500, json!({ "MuteTime": 0 })),
            ("delete_group_member", "MemberToDel_Account", 500, json!({ "Silence": 1 })),
            ("ban_group_member", "Members_Account", 20, json!({ "Duration": 60 })),
            ("unban_group_member", "Members_Account", 20, json!({})),
        ] {
            let bans = command.ends_with("ban_group_member");
            let fine = if bans && group_type == "Community" { 10007 } else { 0 };
            assert_eq!(call(command, list, names[..=most].into(), more.clone()).await, 10005, "{group_type} {command}");
            assert_eq!(call(command, list, names[..most].into(), more.clone()).await, fine, "{group_type} {command}");
            assert_eq!(call(command, list, json!([]), more).await, 10004, "{group_type} {command}");
        }
        for (command, silence) in [("add_group_member", json!({ "Silence": 1 })), ("import_group_member", json!({}))] {
            assert_eq!(
                call(command, "MemberList", listed(501), silence.clone()).await,
                10005,
                "{group_type} {command}"
            );
            assert_eq!(call(command, "MemberList", listed(500), silence).await, 0, "{group_type} {command}");
        }
        assert_eq!(field(server, &group, "MemberNum").await, 500, "{group_type}");
        let card = async |card: String| {
            let body = json!({ "GroupId": group, "Member_Account": names[0], "NameCard": card });
            server.call("group_open_http_svc/modify_group_member_info", &body).await["ErrorCode"].clone()
        };
        for (most, beyond) in texts(50) {
            assert_eq!(card(most).await, 0);
            assert_eq!(card(beyond).await, 10004);
        }
        server.ok(DESTROY, json!({ "GroupId": group })).await;
    }
}

#[tokio::test]
async fn caps_of_types() {
    let server = shared().await;
    for (group_type, cap) in [("Private", 200), ("Public", 2000), ("ChatRoom", 6000), ("Community", 100_000)] {
        let new = |cap: u64| json!({ "Type": group_type, "Name": "n", "MaxMemberCount": cap });
        server.fails(10038, CREATE, new(cap + 1)).await;
        let group = server.ok(CREATE, new(cap)).await["GroupId"].as_str().expect("an id").to_owned();
        server.fails(10038, MODIFY, json!({ "GroupId": group, "MaxMemberNum": cap + 1 })).await;
        server.ok(MODIFY, json!({ "GroupId": group, "MaxMemberNum": 1 })).await;
        let users = server.users(&["one", "two"]).await;
        let add = |user: &str| json!({ "GroupId": group, "MemberList": [{ "Member_Account": user }] });
        server.ok("group_open_http_svc/add_group_member", add(&users[0])).await;
        server.fails(10014, "group_open_http_svc/add_group_member", add(&users[1])).await;
    }
    // Of a live room the cap is passed over.
    server.ok(CREATE, json!({ "Type": "AVChatRoom", "Name": "n", "MaxMemberCount": 4_000_000_000_u64 })).await;
}

#[tokio::test]
async fn a_community_of_a_million_by_setting() {
    let server = Server::with_settings("limits.overrides.max_members.Community = 1000000").await;
    let users = server.users(&["ana"]).await;
    let new = |cap: u64| json!({ "Type": "Community", "Name": "n", "Owner_Account": users[0], "MaxMemberCount": cap });
    server.fails(10038, CREATE, new(1_000_001)).await;
    let group = server.ok(CREATE, new(1_000_000)).await["GroupId"].as_str().expect("an id").to_owned();
    assert_eq!(field(&server, &group, "MaxMemberNum").await, 1_000_000);
    let by_default = server.group("Community", &users[0], &[]).await;
    assert_eq!(field(&server, &by_default, "MaxMemberNum").await, 1_000_000);
}

#[tokio::test]
async fn attributes_and_counters() {
    let server = Server::with_settings("rates.attr_writes_per_second = 0").await;
    let users = server.users(&["ana"]).await;
    let ana = server.login(&users[0]).await;
    for door in [Door::Rest(&server), Door::Socket(&ana)] {
        for group_type in TYPES {
            let group = server.group(group_type, &users[0], &[]).await;
            if group_type == "AVChatRoom" {
                ana.ok("group_open_http_svc.apply_join_group", json!({ "GroupId": group, "ApplyMsg": "" })).await;
            }
            let attributes = async |command: &str, entries: Vec<(String, String)>| {
                let entries: Vec<Value> =
                    entries.into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
                let body = json!({ "GroupId": group, "GroupAttr": entries });
                door.call(&format!("group_open_http_svc/{command}"), body).await["ErrorCode"].clone()
            };
            let keys = |count: usize, bytes: usize| -> Vec<(String, String)> {
                (0..count).map(|at| (format!("k{at}"), "v".repeat(bytes))).collect()
            };
            for command in ["set_group_attr", "modify_group_attr"] {
                for (code, entries) in [
                    (0, vec![("k".repeat(32), "v".repeat(4000))]),
                    (10045, vec![("k".repeat(33), "v".into())]),
                    (10046, vec![("k".into(), "v".repeat(4001))]),
                    (10004, vec![(String::new(), "v".into())]),
                    (10004, Vec::new()),
                    (10047, keys(17, 1)),
                    (10048, [keys(4, 4000), vec![("z".into(), "v".into())]].concat()),
                ] {
                    assert_eq!(attributes(command, entries).await, code, "{group_type} {command}");
                }
                assert_eq!(attributes("clear_group_attr", Vec::new()).await, 0, "{group_type}");
                assert_eq!(attributes(command, keys(16, 1000)).await, 0, "{group_type} {command}");
                assert_eq!(attributes("clear_group_attr", Vec::new()).await, 0, "{group_type}");
            }
            let counters = async |entries: Vec<(String, i64)>| {
                let entries: Vec<Value> =
                    entries.into_iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
                let body = json!({ "GroupId": group, "GroupCounter": entries });
                door.call("group_open_http_svc/update_group_counter", body).await["ErrorCode"].clone()
            };
            let many = |count: usize| (0..count).map(|at| (format!("c{at}"), 1)).collect();
            let known = group_type != "Community";
            for (code, entries) in [
                (10063, many(21)),
                (0, many(20)),
                (10063, vec![("one more".into(), 1)]),
                (10004, vec![("k".repeat(129), 1)]),
                (0, vec![("c0".into(), i64::MAX), ("c1".into(), i64::MIN)]),
            ] {
                assert_eq!(counters(entries).await, if known { code } else { 10007 }, "{group_type}");
            }
        }
    }
}

#[tokio::test]
async fn messages() {
    let server = Server::with_settings("rates.group_messages_per_second = 0").await;
    let users = server.users(&["ana"]).await;
    let ana = server.login(&users[0]).await;
    let targets: Vec<String> = (0..51).map(|_| unique("to")).collect();
    for door in [Door::Rest(&server), Door::Socket(&ana)] {
        for group_type in TYPES {
            let group = server.group(group_type, &users[0], &[]).await;
            if group_type == "AVChatRoom" {
                ana.ok("group_open_http_svc.apply_join_group", json!({ "GroupId": group, "ApplyMsg": "" })).await;
            }
            let send = async |field: &str, value: Value| {
                let mut body =
                    json!({ "GroupId": group, "From_Account": users[0], "Random": random(), "MsgBody": text("hi") });
                body[field] = value;
                door.call("group_open_http_svc/send_group_msg", body).await["ErrorCode"].clone()
            };
            // The whole list of elements counts, as it is sent.
            let frame = text("").to_string().len();
            assert_eq!(send("MsgBody", text(&"x".repeat(12_288 - frame))).await, 0, "{group_type}");
            assert_eq!(send("MsgBody", text(&"x".repeat(12_289 - frame))).await, 80002, "{group_type}");
            let mention = json!({ "GroupAtAllFlag": 0, "GroupAt_Account": users[0] });
            assert_eq!(send("GroupAtInfo", vec![mention.clone(); 30].into()).await, 0, "{group_type}");
            assert_eq!(send("GroupAtInfo", vec![mention; 31].into()).await, 10053, "{group_type}");
            let directed = !matches!(group_type, "AVChatRoom" | "Community");
            assert_eq!(
                send("To_Account", targets[..50].into()).await,
                if directed { 0 } else { 10007 },
                "{group_type}"
            );
            assert_eq!(send("To_Account", targets[..].into()).await, 10004, "{group_type}");
            for priority in ["High", "Normal", "Low"] {
                assert_eq!(send("MsgPriority", priority.into()).await, 0, "{group_type} {priority}");
            }
            for priority in [json!("high"), json!("Urgent"), json!(1)] {
                assert_eq!(send("MsgPriority", priority.clone()).await, 10004, "{group_type} {priority}");
            }
            for (number, code) in [(json!(0), 0), (json!(u32::MAX), 0), (json!(1_u64 << 32), 10004), (json!(-1), 10004)]
            {
                assert_eq!(send("Random", number.clone()).await, code, "{group_type} {number}");
            }
        }
    }
}

#[tokio::test]
async fn topics() {
    let server = shared().await;
    let users = server.users(&["ana"]).await;
    let ana = server.login(&users[0]).await;
    let town = unique("@TGS#_town");
    let body =
        json!({ "Type": "Community", "Name": "n", "GroupId": town, "Owner_Account": users[0], "SupportTopic": 1 });
    server.ok(CREATE, body).await;
    let create = "million_group_open_http_svc/create_topic";
    for door in [Door::Rest(server), Door::Socket(&ana)] {
        let own = |part: String| format!("{town}@TOPIC#_{part}");
        let name = unique("t");
        let part = name.clone() + &"x".repeat(48 - name.len());
        let new = |id: String| json!({ "GroupId": town, "TopicName": "n", "TopicId": id });
        for id in [own(part.clone() + "x"), own(String::new()), own("@TOPIC#x".into()), "@TGS#_else@TOPIC#_x".into()] {
            door.fails(110_013, create, new(id)).await;
        }
        assert_eq!(door.call(create, new(own(part.clone()))).await["ErrorCode"], 0);
        let fields =
            [("TopicName", 30), ("Introduction", 240), ("Notification", 300), ("FaceUrl", 100), ("CustomString", 3000)];
        for (field, bytes) in fields {
            for (most, beyond) in texts(bytes) {
                for (command, id) in
                    [(create, None), ("million_group_open_http_svc/modify_topic", Some(own(part.clone())))]
                {
                    let mut body = json!({ "GroupId": town, "TopicName": "n" });
                    if let Some(id) = id {
                        body["TopicId"] = id.into();
                    }
                    body[field] = beyond.as_str().into();
                    let refused = door.fails(10004, command, body.clone()).await;
                    assert!(refused["ErrorInfo"].as_str().expect("a text").contains(field), "{refused}");
                    body[field] = most.as_str().into();
                    assert_eq!(door.call(command, body).await["ErrorCode"], 0, "{command} {field}");
                }
            }
        }
    }
}
