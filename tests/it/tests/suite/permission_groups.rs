//! Permission groups of communities and the rights they grant (docs/spec/rest-groups.md#8, docs/spec/group-types.md#73).

use serde_json::{Value, json};
use tsudoi_it::{Client, Server, now, random, shared, text, unique};

const SVC: &str = "group_open_http_svc";
const SEND: &str = "million_group_open_http_svc.send_group_msg";

/// Rights in the community.
const MANAGE_PERMISSION_GROUPS: u64 = 4;
const MANAGE_PERMISSION_MEMBERS: u64 = 8;
const MANAGE_TOPICS: u64 = 16;
const SEND_EVERYWHERE: u64 = 64;
/// Rights in a topic.
const MANAGE: u64 = 1;
const MUTE: u64 = 4;
const SPEAK: u64 = 8;
const HISTORY: u64 = 16;
const RECALL: u64 = 32;
const MENTION_ALL: u64 = 64;

/// A community that takes rights from permission groups, its owner and a member, both here, and a topic.
struct Town {
    id: String,
    topic: String,
    ana: String,
    bob: String,
    owner: Client,
    member: Client,
}

async fn town(server: &Server, default: u64) -> Town {
    let users = server.users(&["ana", "bob"]).await;
    let body = json!({ "Type": "Community", "Name": "Town", "SupportTopic": 1, "EnablePermission": 1, "DefaultPermission": default,
        "Owner_Account": users[0], "MemberList": [{ "Member_Account": users[1], "Role": "Admin" }] });
    let id = server.ok("group_open_http_svc/create_group", body).await["GroupId"].as_str().expect("an id").to_owned();
    let topic = json!({ "GroupId": id, "TopicName": "News" });
    let topic = server.ok("million_group_open_http_svc/create_topic", topic).await["TopicId"]
        .as_str()
        .expect("an id")
        .to_owned();
    let (owner, member) = (server.login(&users[0]).await, server.login(&users[1]).await);
    Town { id, topic, ana: users[0].clone(), bob: users[1].clone(), owner, member }
}

/// `base` with the members of `more` put over its own.
fn with(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}

impl Town {
    fn body(&self, more: Value) -> Value {
        with(json!({ "GroupId": self.id }), more)
    }

    async fn ok(&self, server: &Server, command: &str, more: Value) -> Value {
        server.ok(&format!("{SVC}/{command}"), self.body(more)).await
    }

    async fn fails(&self, server: &Server, code: u32, command: &str, more: Value) {
        server.fails(code, &format!("{SVC}/{command}"), self.body(more)).await;
    }

    /// A permission group; answers its id.
    async fn group(&self, server: &Server, permission: u64) -> String {
        let more = json!({ "PermissionGroupName": "Mods", "Permission": permission });
        self.ok(server, "create_permission_group", more).await["PermissionGroupId"].as_str().expect("an id").to_owned()
    }

    /// A permission group with a mask in the topic, and bob in it.
    async fn bob_in(&self, server: &Server, permission: u64, in_topic: u64) -> String {
        let id = self.group(server, permission).await;
        if in_topic != 0 {
            let more = json!({ "PermissionGroupId": id, "TopicPermissionList": [{ "TopicId": self.topic, "Permission": in_topic }] });
            self.ok(server, "add_topic_permission_group", more).await;
        }
        let more = json!({ "PermissionGroupId": id, "MemberList": [{ "Member_Account": self.bob }] });
        let added = self.ok(server, "add_permission_group_member", more).await;
        assert_eq!(added["MemberList"], json!([{ "Member_Account": self.bob, "Result": 0 }]));
        id
    }

    fn message(&self, words: &str) -> Value {
        self.body(json!({ "TopicId": self.topic, "Random": random(), "MsgBody": text(words), "MsgClientTime": now() }))
    }
}

#[tokio::test]
async fn a_permission_group_is_created_described_changed_and_ended() {
    let server = shared().await;
    let town = town(server, 0).await;
    let id = "@PMG#_mods";
    let create =
        json!({ "PermissionGroupId": id, "PermissionGroupName": "Mods", "Permission": 545, "CustomString": "c" });
    assert_eq!(town.ok(server, "create_permission_group", create.clone()).await["PermissionGroupId"], id);
    let generated = town.group(server, u64::MAX).await;
    assert!(generated.starts_with("@PMG#_@PMG#c"), "{generated}");
    let get = async |more: Value| town.ok(server, "get_permission_group", more).await;
    let described = json!({ "ErrorCode": 0, "ErrorInfo": "", "PermissionGroupId": id, "PermissionGroupName": "Mods",
        "Permission": 545, "CustomString": "c", "MemberCount": 0 });
    let answer = get(json!({ "PermissionGroupIdList": [id, "@PMG#_none"] })).await;
    assert_eq!((&answer["PermissionGroupInfoList"][0], &answer["Next"]), (&described, &json!("")));
    assert_eq!(answer["PermissionGroupInfoList"][1]["ErrorCode"], 110_006);
    assert_eq!(answer["PermissionGroupInfoList"][1]["PermissionGroupId"], "@PMG#_none");
    let all = get(json!({})).await;
    assert_eq!(all["PermissionGroupInfoList"].as_array().map(Vec::len), Some(2));
    assert!(all.to_string().contains(&u64::MAX.to_string()), "64 bits");

    let change = json!({ "PermissionGroupId": id, "PermissionGroupName": "Moderators", "Permission": 33 });
    town.ok(server, "modify_permission_group", change).await;
    let described = with(described, json!({ "PermissionGroupName": "Moderators", "Permission": 33 }));
    assert_eq!(get(json!({ "PermissionGroupIdList": [id] })).await["PermissionGroupInfoList"][0], described);

    let end = json!({ "PermissionGroupIdList": [id, "@PMG#_none", id] });
    let results = town.ok(server, "destroy_permission_group", end).await["PermissionGroupResultList"].clone();
    let codes: Vec<_> = results.as_array().expect("a list").iter().map(|item| item["ErrorCode"].as_u64()).collect();
    assert_eq!(codes, [0, 110_006, 110_006].map(Some));
    assert_eq!(get(json!({})).await["PermissionGroupInfoList"].as_array().map(Vec::len), Some(1));
    town.ok(server, "create_permission_group", create).await;
}

#[tokio::test]
async fn pages_hold_every_permission_group_once() {
    let server = shared().await;
    let town = town(server, 0).await;
    for n in 0..7 {
        let more = json!({ "PermissionGroupId": format!("@PMG#_{n}"), "PermissionGroupName": "g", "Permission": n });
        town.ok(server, "create_permission_group", more).await;
    }
    let (mut next, mut seen) = (json!(""), Vec::new());
    loop {
        let page = town.ok(server, "get_permission_group", json!({ "Limit": 3, "Next": next })).await;
        seen.extend(
            page["PermissionGroupInfoList"].as_array().expect("a list").iter().map(|one| one["Permission"].as_u64()),
        );
        next = page["Next"].clone();
        if next == "" {
            break;
        }
    }
    assert_eq!(seen, (0..7).map(Some).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_wrong_with_a_permission_group_is_named() {
    let server = shared().await;
    let town = town(server, 0).await;
    let create = |more: Value| with(json!({ "PermissionGroupName": "Mods", "Permission": 1 }), more);
    for (code, more) in [
        (10004, json!({ "PermissionGroupName": null })),
        (10004, json!({ "PermissionGroupName": "" })),
        (10004, json!({ "PermissionGroupName": "x".repeat(151) })),
        (10004, json!({ "Permission": null })),
        (10004, json!({ "Permission": -1 })),
        (10004, json!({ "Permission": "1" })),
        (10004, json!({ "CustomString": "x".repeat(3001) })),
        (10004, json!({ "PermissionGroupId": "mods" })),
        (10004, json!({ "PermissionGroupId": "@PMG#_@PMG#cX" })),
        (10015, json!({ "GroupId": "" })),
        (10010, json!({ "GroupId": "@TGS#_nowhere" })),
    ] {
        town.fails(server, code, "create_permission_group", create(more)).await;
    }
    let longest = json!({ "PermissionGroupId": "@PMG#_x", "PermissionGroupName": "x".repeat(150), "CustomString": "x".repeat(3000) });
    town.ok(server, "create_permission_group", create(longest.clone())).await;
    town.fails(server, 10025, "create_permission_group", create(longest)).await;
    let named = |n: usize| -> Value { (0..n).map(|at| json!(format!("@PMG#_{at}"))).collect() };
    let entries = |n: usize| -> Value {
        (0..n).map(|at| json!({ "TopicId": format!("{}@TOPIC#_{at}", town.id), "Permission": 1 })).collect()
    };
    let people = |n: usize| -> Value { (0..n).map(|at| json!({ "Member_Account": format!("u{at}") })).collect() };
    let of = |more: Value| with(json!({ "PermissionGroupId": "@PMG#_x" }), more);
    for (code, command, more) in [
        (10005, "destroy_permission_group", json!({ "PermissionGroupIdList": named(21) })),
        (10004, "destroy_permission_group", json!({ "PermissionGroupIdList": [] })),
        (10005, "get_permission_group", json!({ "PermissionGroupIdList": named(21) })),
        (10004, "get_permission_group", json!({ "Limit": 21 })),
        (10004, "get_permission_group", json!({ "Limit": 0 })),
        (110_006, "modify_permission_group", json!({ "PermissionGroupId": "@PMG#_none", "Permission": 1 })),
        (10004, "modify_permission_group", json!({ "PermissionGroupName": "x".repeat(151) })),
        (10004, "modify_permission_group", json!({ "PermissionGroupId": null })),
        (10005, "add_topic_permission_group", json!({ "TopicPermissionList": entries(51) })),
        (10004, "add_topic_permission_group", json!({ "TopicPermissionList": [] })),
        (10004, "add_topic_permission_group", json!({ "TopicPermissionList": [{ "TopicId": town.topic }] })),
        (
            110_006,
            "set_topic_permission_group",
            json!({ "PermissionGroupId": "@PMG#_none", "TopicPermissionList": entries(1) }),
        ),
        (10004, "delete_topic_permission_group", json!({})),
        (110_006, "get_topic_permission_group", json!({ "PermissionGroupId": "@PMG#_none" })),
        (10005, "add_permission_group_member", json!({ "MemberList": people(101) })),
        (10004, "add_permission_group_member", json!({ "MemberList": [] })),
        (110_006, "add_permission_group_member", json!({ "PermissionGroupId": "@PMG#_none", "MemberList": people(1) })),
        (10005, "delete_permission_group_member", json!({ "MemberList": people(101) })),
        (10004, "get_permission_group_member_list", json!({ "Limit": 51 })),
        (110_006, "get_permission_group_member_list", json!({ "PermissionGroupId": "@PMG#_none" })),
    ] {
        town.fails(server, code, command, of(more)).await;
    }
    // Where they are not in force.
    let public = server.group("Public", &town.ana, &[]).await;
    town.fails(server, 10007, "create_permission_group", create(json!({ "GroupId": public }))).await;
    town.ok(server, "modify_group_base_info", json!({ "EnablePermission": 0 })).await;
    town.fails(server, 10007, "create_permission_group", create(json!({}))).await;
    town.fails(server, 10007, "get_permission_group", json!({})).await;
}

#[tokio::test]
async fn a_community_has_so_many_permission_groups() {
    let server = Server::with_settings("limits.overrides.permission_group.per_group = 2").await;
    let town = town(&server, 0).await;
    town.group(&server, 1).await;
    town.group(&server, 1).await;
    town.fails(&server, 10037, "create_permission_group", json!({ "PermissionGroupName": "g", "Permission": 1 })).await;
}

#[tokio::test]
async fn masks_in_topics_come_change_and_go() {
    let server = shared().await;
    let town = town(server, 0).await;
    let id = town.group(server, 0).await;
    let none = format!("{}@TOPIC#_none", town.id);
    let masks = |list: Value| json!({ "PermissionGroupId": id, "TopicPermissionList": list });
    let mask = |topic: &str, permission: u64| json!({ "TopicId": topic, "Permission": permission });
    let codes = |answer: &Value| -> Vec<u64> {
        let list = answer["TopicPermissionResultList"].as_array().expect("a list");
        list.iter().map(|item| item["ErrorCode"].as_u64().expect("a number")).collect()
    };
    let set = town.ok(server, "set_topic_permission_group", masks(json!([mask(&town.topic, 1)]))).await;
    assert_eq!(codes(&set), [110_011]);
    let list = json!([mask(&town.topic, 13), mask(&none, 1), mask("topic", 1), mask(&town.topic, 1)]);
    let added = town.ok(server, "add_topic_permission_group", masks(list)).await;
    assert_eq!(codes(&added), [0, 10010, 110_013, 110_010]);
    assert_eq!(
        added["TopicPermissionResultList"][0],
        json!({ "ErrorCode": 0, "ErrorInfo": "", "TopicId": town.topic })
    );
    town.ok(server, "set_topic_permission_group", masks(json!([mask(&town.topic, 5)]))).await;
    let get = async |more: Value| {
        town.ok(server, "get_topic_permission_group", with(json!({ "PermissionGroupId": id }), more)).await
    };
    let item = json!({ "ErrorCode": 0, "ErrorInfo": "", "TopicId": town.topic, "Permission": 5 });
    let all = get(json!({})).await;
    assert_eq!(
        (&all["TopicPermissionResultList"], &all["TopicPermissionList"], &all["Next"]),
        (&json!([item]), &json!([item]), &json!(""))
    );
    let named = get(json!({ "TopicIdList": [town.topic, none] })).await;
    assert_eq!((&named["TopicPermissionResultList"][0], codes(&named)), (&item, vec![0, 10010]));
    let delete = json!({ "PermissionGroupId": id, "TopicIdList": [town.topic, town.topic] });
    assert_eq!(codes(&town.ok(server, "delete_topic_permission_group", delete).await), [0, 110_011]);
    assert_eq!(codes(&get(json!({ "TopicIdList": [town.topic] })).await), [110_011]);
    // A topic takes its masks along.
    town.ok(server, "add_topic_permission_group", masks(json!([mask(&town.topic, 1)]))).await;
    server
        .ok("million_group_open_http_svc/destroy_topic", json!({ "GroupId": town.id, "TopicIdList": [town.topic] }))
        .await;
    assert_eq!(get(json!({})).await["TopicPermissionResultList"], json!([]));
}

#[tokio::test]
async fn members_come_and_go_and_are_listed_page_by_page() {
    let server = shared().await;
    let town = town(server, 0).await;
    let id = town.group(server, 0).await;
    let strangers = server.users(&["eve"]).await;
    let people = |users: &[&str]| -> Value {
        let list: Vec<Value> = users.iter().map(|user| json!({ "Member_Account": user })).collect();
        json!({ "PermissionGroupId": id, "MemberList": list })
    };
    let nobody = unique("nobody");
    let added =
        town.ok(server, "add_permission_group_member", people(&[&town.bob, &town.bob, &strangers[0], &nobody])).await;
    let codes: Vec<_> =
        added["MemberList"].as_array().expect("a list").iter().map(|one| one["Result"].as_u64()).collect();
    assert_eq!(codes, [0, 10013, 10007, 10019].map(Some));
    town.ok(server, "add_permission_group_member", people(&[&town.ana])).await;
    let list = async |more: Value| {
        town.ok(server, "get_permission_group_member_list", with(json!({ "PermissionGroupId": id }), more)).await
    };
    let first = list(json!({ "Limit": 1, "Next": "" })).await;
    assert_eq!((first["MemberList"].as_array().map(Vec::len), &first["MemberNum"]), (Some(1), &json!(2)));
    let second = list(json!({ "Limit": 1, "Next": first["Next"] })).await;
    assert_eq!((&second["MemberList"][0]["Member_Account"], &second["Next"]), (&json!(town.bob), &json!("")));
    assert_eq!(second["MemberList"][0]["Role"], "Admin");
    let info = town.ok(server, "get_permission_group", json!({ "PermissionGroupIdList": [id] })).await;
    assert_eq!(info["PermissionGroupInfoList"][0]["MemberCount"], 2);
    // Who was not in it is passed over.
    let removed = town.ok(server, "delete_permission_group_member", people(&[&town.ana, &strangers[0]])).await;
    assert_eq!(removed["MemberList"][1], json!({ "Member_Account": strangers[0], "Result": 0 }));
    let by_name = json!({ "PermissionGroupId": id, "MemberToDel_Account": [town.bob] });
    town.ok(server, "delete_permission_group_member", by_name).await;
    assert_eq!(list(json!({})).await["MemberNum"], 0);
    // Leaving the community leaves its permission groups.
    town.ok(server, "add_permission_group_member", people(&[&town.bob])).await;
    town.ok(server, "delete_group_member", json!({ "MemberToDel_Account": [town.bob] })).await;
    assert_eq!(list(json!({})).await["MemberNum"], 0);
}

#[tokio::test]
async fn nobody_but_the_owner_has_rights_of_their_own() {
    let server = shared().await;
    let town = town(server, 0).await;
    // Bob is an admin, which counts for nothing here.
    town.member.fails(10007, SEND, town.message("may I?")).await;
    town.member
        .fails(10007, "million_group_open_http_svc.create_topic", town.body(json!({ "TopicName": "Mine" })))
        .await;
    town.member
        .fails(10007, "million_group_open_http_svc.modify_group_base_info", town.body(json!({ "Name": "Mine" })))
        .await;
    town.member
        .fails(
            10007,
            "million_group_open_http_svc.delete_group_member",
            town.body(json!({ "MemberToDel_Account": [town.ana] })),
        )
        .await;
    town.member
        .fails(
            10007,
            "group_open_http_svc.create_permission_group",
            town.body(json!({ "PermissionGroupName": "Mine", "Permission": 1 })),
        )
        .await;
    town.owner.ok(SEND, town.message("the owner speaks")).await;
    server
        .ok("group_open_http_svc/send_group_msg", with(town.message("for bob"), json!({ "From_Account": town.bob })))
        .await;
    // What everybody may is a mask of the community, or of the topic.
    town.ok(server, "modify_group_base_info", json!({ "DefaultPermission": SEND_EVERYWHERE })).await;
    town.member.ok(SEND, town.message("now I may")).await;
    town.ok(server, "modify_group_base_info", json!({ "DefaultPermission": 0 })).await;
    town.member.fails(10007, SEND, town.message("no longer")).await;
    let mask = |mask: u64| json!({ "GroupId": town.id, "TopicId": town.topic, "DefaultPermission": mask });
    server.ok("million_group_open_http_svc/modify_topic", mask(SPEAK)).await;
    town.member.ok(SEND, town.message("here I may")).await;
    server.ok("million_group_open_http_svc/modify_topic", mask(0)).await;
    town.member.fails(10007, SEND, town.message("no longer")).await;
    // Without permission groups roles count again.
    town.ok(server, "modify_group_base_info", json!({ "EnablePermission": 0 })).await;
    town.member.ok(SEND, town.message("as an admin")).await;
    town.member.ok("million_group_open_http_svc.create_topic", town.body(json!({ "TopicName": "Mine" }))).await;
}

#[tokio::test]
async fn rights_hold_at_once_and_end_at_once() {
    let server = shared().await;
    let town = town(server, 0).await;
    let id = town.bob_in(server, 0, SPEAK).await;
    town.member.ok(SEND, town.message("I may")).await;
    // The mask, the membership, the group: each of them ends it.
    let mask = |permission: u64| json!({ "PermissionGroupId": id, "TopicPermissionList": [{ "TopicId": town.topic, "Permission": permission }] });
    town.ok(server, "set_topic_permission_group", mask(MUTE)).await;
    town.member.fails(10007, SEND, town.message("no")).await;
    town.ok(server, "set_topic_permission_group", mask(SPEAK | MUTE)).await;
    town.member.ok(SEND, town.message("again")).await;
    let bob = json!({ "PermissionGroupId": id, "MemberList": [{ "Member_Account": town.bob }] });
    town.ok(server, "delete_permission_group_member", bob.clone()).await;
    town.member.fails(10007, SEND, town.message("no")).await;
    town.ok(server, "add_permission_group_member", bob).await;
    town.member.ok(SEND, town.message("again")).await;
    town.ok(server, "destroy_permission_group", json!({ "PermissionGroupIdList": [id] })).await;
    town.member.fails(10007, SEND, town.message("no")).await;
    // In the community a right holds in every topic.
    let id = town.bob_in(server, SEND_EVERYWHERE, 0).await;
    town.member.ok(SEND, town.message("everywhere")).await;
    town.ok(server, "modify_permission_group", json!({ "PermissionGroupId": id, "Permission": 0 })).await;
    town.member.fails(10007, SEND, town.message("no")).await;
}

#[tokio::test]
async fn moderators_of_a_topic_manage_mute_recall_and_mention() {
    let server = shared().await;
    let town = town(server, 0).await;
    let cid = server.users(&["cid"]).await.remove(0);
    town.ok(server, "add_group_member", json!({ "MemberList": [{ "Member_Account": cid }] })).await;
    let id = town.bob_in(server, 0, SPEAK).await;
    let mask = |permission: u64| json!({ "PermissionGroupId": id, "TopicPermissionList": [{ "TopicId": town.topic, "Permission": permission }] });
    let sent = server
        .ok("group_open_http_svc/send_group_msg", with(town.message("by cid"), json!({ "From_Account": cid })))
        .await;
    let recall = town.body(json!({ "TopicId": town.topic, "MsgSeqList": [{ "MsgSeq": sent["MsgSeq"] }] }));
    let mute = town.body(json!({ "TopicId": town.topic, "Member_Account": cid, "ShutUpTime": 60 }));
    let rename = town.body(json!({ "TopicId": town.topic, "TopicName": "Mine" }));
    let look = with(town.message("look"), json!({ "GroupAtInfo": [{ "GroupAtAllFlag": 1 }] }));
    const RECALL_CALL: &str = "million_group_open_http_svc.group_msg_recall";
    const MUTE_CALL: &str = "million_group_open_http_svc.modify_group_member_info";
    const RENAME: &str = "million_group_open_http_svc.modify_topic";
    assert_eq!(town.member.ok(RECALL_CALL, recall.clone()).await["RecallRetList"][0]["RetCode"], 10007);
    town.member.fails(10007, MUTE_CALL, mute.clone()).await;
    town.member.fails(10007, RENAME, rename.clone()).await;
    town.member.fails(10007, SEND, look.clone()).await;
    let everything = mask(MANAGE | MUTE | SPEAK | RECALL | MENTION_ALL);
    town.ok(server, "set_topic_permission_group", everything).await;
    assert_eq!(town.member.ok(RECALL_CALL, recall).await["RecallRetList"][0]["RetCode"], 0);
    town.member.ok(MUTE_CALL, mute).await;
    town.member.ok(RENAME, rename).await;
    town.member.ok(SEND, look).await;
    // Never against the owner, and in no other topic.
    town.member
        .fails(
            10007,
            MUTE_CALL,
            town.body(json!({ "TopicId": town.topic, "Member_Account": town.ana, "ShutUpTime": 60 })),
        )
        .await;
    let other = server.ok("million_group_open_http_svc/create_topic", town.body(json!({ "TopicName": "Art" }))).await["TopicId"].clone();
    town.member.fails(10007, SEND, with(town.message("no"), json!({ "TopicId": other }))).await;
    town.member
        .fails(10007, MUTE_CALL, town.body(json!({ "TopicId": other, "Member_Account": cid, "ShutUpTime": 60 })))
        .await;
    let end = town.body(json!({ "TopicIdList": [other, town.topic] }));
    let results = town.member.ok("million_group_open_http_svc.destroy_topic", end).await["DestroyResultItem"].clone();
    assert_eq!((&results[0]["ErrorCode"], &results[1]["ErrorCode"]), (&json!(10007), &json!(0)));
}

#[tokio::test]
async fn rights_of_the_community_reach_topics_groups_and_their_members() {
    let server = shared().await;
    let town = town(server, 0).await;
    let id = town.bob_in(server, MANAGE_TOPICS, 0).await;
    let create = town.body(json!({ "TopicName": "Mine" }));
    let mine = town.member.ok("million_group_open_http_svc.create_topic", create.clone()).await["TopicId"].clone();
    town.member.ok("million_group_open_http_svc.destroy_topic", town.body(json!({ "TopicIdList": [mine] }))).await;
    let group = town.body(json!({ "PermissionGroupName": "Ours", "Permission": 0 }));
    let people = town.body(json!({ "PermissionGroupId": id, "MemberList": [{ "Member_Account": town.ana }] }));
    const CREATE: &str = "group_open_http_svc.create_permission_group";
    const ADD: &str = "group_open_http_svc.add_permission_group_member";
    town.member.fails(10007, CREATE, group.clone()).await;
    town.member.fails(10007, ADD, people.clone()).await;
    town.ok(
        server,
        "modify_permission_group",
        json!({ "PermissionGroupId": id, "Permission": MANAGE_PERMISSION_MEMBERS }),
    )
    .await;
    town.member.fails(10007, "million_group_open_http_svc.create_topic", create).await;
    town.member.fails(10007, CREATE, group.clone()).await;
    town.member.ok(ADD, people).await;
    town.ok(
        server,
        "modify_permission_group",
        json!({ "PermissionGroupId": id, "Permission": MANAGE_PERMISSION_GROUPS }),
    )
    .await;
    town.member.ok(CREATE, group).await;
    let mask = town.body(
        json!({ "PermissionGroupId": id, "TopicPermissionList": [{ "TopicId": town.topic, "Permission": SPEAK }] }),
    );
    town.member.ok("group_open_http_svc.add_topic_permission_group", mask).await;
    town.member.ok(SEND, town.message("I gave it to myself")).await;
}

/// A member without the right never gets what was said before they joined: not in pages, by number, as last message, nor as recalls.
#[tokio::test]
async fn without_the_right_what_was_said_before_stays_unseen() {
    let server = shared().await;
    let town = town(server, 0).await;
    for n in 1..=3 {
        town.owner.ok(SEND, town.message(&format!("secret {n}"))).await;
    }
    let recall = town.body(json!({ "TopicId": town.topic, "MsgSeqList": [{ "MsgSeq": 2 }] }));
    let cid = server.users(&["cid"]).await.remove(0);
    town.ok(server, "add_group_member", json!({ "MemberList": [{ "Member_Account": cid }] })).await;
    let newcomer = server.login(&cid).await;
    let page = |more: Value| with(town.body(json!({ "TopicId": town.topic, "ReqMsgNumber": 20 })), more);
    let read = async |more: Value| newcomer.ok("million_group_open_http_svc.group_msg_get", page(more)).await;
    let topics = async || newcomer.ok("million_group_open_http_svc.get_topic", town.body(json!({}))).await;
    let unseen = async || {
        server.ok("group_open_http_svc/group_msg_recall", recall.clone()).await;
        let notify = json!({ "NotifyReqList": [{ "NotifyType": 1, "GroupId": town.id, "TopicId": town.topic }] });
        let notify = newcomer.ok("million_group_open_http_svc.batch_get_group_notify", notify).await;
        assert_eq!(notify["NotifyRspList"][0]["NotifyMsgList"], json!([]));
        for more in [
            json!({}),
            json!({ "ReqMsgSeq": 2 }),
            json!({ "ReqMsgSeqList": [1, 3], "GetType": 3, "WithRecalledMsg": 1 }),
        ] {
            let answer = read(more).await;
            assert!(!answer.to_string().contains("secret"), "{answer}");
        }
        assert!(!topics().await.to_string().contains("secret"));
    };
    unseen().await;
    town.owner.ok(SEND, town.message("for all")).await;
    newcomer.hears("for all").await;
    unseen().await;
    let answer = read(json!({})).await;
    assert_eq!(answer["RspMsgList"].as_array().map(Vec::len), Some(1));
    assert_eq!(answer["RspMsgList"][0]["MsgBody"], text("for all"));
    // With the right all of it is open.
    let id = town.group(server, 0).await;
    let mask =
        json!({ "PermissionGroupId": id, "TopicPermissionList": [{ "TopicId": town.topic, "Permission": HISTORY }] });
    town.ok(server, "add_topic_permission_group", mask).await;
    town.ok(
        server,
        "add_permission_group_member",
        json!({ "PermissionGroupId": id, "MemberList": [{ "Member_Account": cid }] }),
    )
    .await;
    assert_eq!(read(json!({ "WithRecalledMsg": 1 })).await["RspMsgList"].as_array().map(Vec::len), Some(4));
    // Who was there before sees what was said while they were.
    let old = town.member.ok("million_group_open_http_svc.group_msg_get", page(json!({}))).await;
    assert_eq!(old["RspMsgList"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn rights_outlive_the_server() {
    let mut server = Server::start(&[]).await;
    let town = town(&server, 0).await;
    let id = town.bob_in(&server, MANAGE_TOPICS, SPEAK).await;
    server.kill().await;
    server.restart().await;
    let info = town.ok(&server, "get_permission_group", json!({})).await["PermissionGroupInfoList"][0].clone();
    assert_eq!(
        (&info["PermissionGroupId"], &info["Permission"], &info["MemberCount"]),
        (&json!(id), &json!(MANAGE_TOPICS), &json!(1))
    );
    let bob = server.login(&town.bob).await;
    bob.ok(SEND, town.message("still")).await;
    bob.ok("million_group_open_http_svc.create_topic", town.body(json!({ "TopicName": "Mine" }))).await;
}
