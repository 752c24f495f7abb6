//! Live rooms from outside, on both doors. Spec: docs/spec/rest-groups.md#6, docs/spec/websocket-protocol.md#14

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tsudoi_it::{
    Client, PATIENCE, Server, now, random,
    receiver::{Reaction, Receiver},
    shared, text, unique,
};

const SEND: &str = "group_open_http_svc/send_group_msg";
const COUNT: &str = "group_open_http_svc/get_online_member_num";
const LIST: &str = "group_open_avchatroom_http_svc/get_members";
const CHECK: &str = "group_open_avchatroom_http_svc/check_members";
const MARK: &str = "group_open_avchatroom_http_svc/modify_user_info";
const ADMIN: &str = "group_open_avchatroom_http_svc/modify_admin";
const ADMINS: &str = "group_open_avchatroom_http_svc/get_admin_list";
const ADD_ROBOTS: &str = "group_open_avchatroom_http_svc/add_robots";
const DEL_ROBOTS: &str = "group_open_avchatroom_http_svc/del_robots";
const BROADCAST: &str = "group_open_http_svc/send_broadcast_msg";
const BAN: &str = "group_open_http_svc/ban_group_member";
const UNBAN: &str = "group_open_http_svc/unban_group_member";
const MUTE: &str = "group_open_http_svc/forbid_send_msg";
const MODIFY: &str = "group_open_http_svc/modify_group_base_info";

const VISIT: &str = "group_open_http_noauth_svc.apply_join_group";
const POLL: &str = "group_open_long_polling_http_noauth_svc.get_msg";

const JOINED_TIP: u32 = 1;
const QUIT_TIP: u32 = 2;
const MEMBER_TIP: u32 = 7;
const BAN_TIP: u32 = 10;
const DISMISSED: u32 = 5;
const ADMIN_GIVEN: u32 = 9;
const BANNED: u32 = 21;
const CUSTOM: u32 = 255;

async fn room(server: &Server, owner: &str) -> String {
    server.group("AVChatRoom", owner, &[]).await
}

async fn enter(client: &Client, room: &str) -> Value {
    let answer = client.ok("group_open_http_svc.apply_join_group", json!({ "GroupId": room, "ApplyMsg": "" })).await;
    assert_eq!((&answer["JoinedStatus"], &answer["HugeGroupFlag"]), (&json!("JoinedSuccess"), &json!(1)));
    assert_ne!(answer["AVChatRoomKey"], json!(""), "attributes and counters need it");
    assert_eq!(answer["LongPollingKey"], Value::Null, "who is logged in gets pushes");
    answer
}

async fn quit(client: &Client, room: &str) {
    client.ok("group_open_http_svc.quit_group", json!({ "GroupId": room })).await;
}

async fn count(server: &Server, room: &str) -> u64 {
    server.ok(COUNT, json!({ "GroupId": room })).await["OnlineMemberNum"].as_u64().expect("a number")
}

fn names(answer: &Value) -> Vec<String> {
    let list = answer["MemberList"].as_array().expect("a list");
    list.iter().map(|one| one["Member_Account"].as_str().expect("an id").to_owned()).collect()
}

async fn listed(server: &Server, room: &str) -> Vec<String> {
    names(&server.ok(LIST, json!({ "GroupId": room, "Timestamp": 0 })).await)
}

fn message(room: &str, from: &str, words: &str) -> Value {
    json!({ "GroupId": room, "From_Account": from, "Random": random(), "MsgBody": text(words) })
}

/// A backend speaks in the room: whatever was told before it has arrived where the words have.
async fn say(server: &Server, room: &str, from: &str, words: &str) -> u64 {
    server.ok(SEND, message(room, from, words)).await["MsgSeq"].as_u64().expect("a number")
}

/// Waits until something holds.
async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let waited = timeout(3 * PATIENCE, async {
        while !holds().await {
            sleep(Duration::from_millis(50)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test]
async fn people_come_and_go_freely() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let room = room(server, &users[0]).await;
    let (ana, bob, cid) = (server.login(&users[0]).await, server.login(&users[1]).await, server.login(&users[2]).await);
    assert_eq!(count(server, &room).await, 0, "the owner has to enter as well");
    for client in [&ana, &bob, &cid] {
        enter(client, &room).await;
    }
    assert_eq!(listed(server, &room).await, [&*users[2], &users[1], &users[0]], "the latest first");
    assert_eq!(count(server, &room).await, 3);
    ana.event("GroupTips", |tip| {
        tip["MsgBody"]["OpType"] == JOINED_TIP && tip["MsgBody"]["List_Account"].to_string().contains(&users[2])
    })
    .await;
    // Entering again is no change, also for the owner.
    enter(&ana, &room).await;
    enter(&bob, &room).await;
    assert_eq!(listed(server, &room).await.len(), 3);
    quit(&cid, &room).await;
    ana.event("GroupTips", |tip| {
        tip["MsgBody"]["OpType"] == QUIT_TIP && tip["MsgBody"]["List_Account"].to_string().contains(&users[2])
    })
    .await;
    assert_eq!(count(server, &room).await, 2);
    cid.fails(10007, "group_open_http_svc.quit_group", json!({ "GroupId": room })).await;
    ana.fails(10009, "group_open_http_svc.quit_group", json!({ "GroupId": room })).await;
    // Who left hears nothing and may not speak.
    say(server, &room, &users[0], "after cid").await;
    bob.hears("after cid").await;
    let heard = cid.events().await;
    assert!(!json!(heard).to_string().contains("after cid"));
    let body = json!({ "GroupId": room, "Random": random(), "MsgBody": text("me?") });
    cid.fails(10007, "group_open_http_svc.send_group_msg", body).await;
    // The room is in no list of groups unless it is asked for.
    let joined = |huge: u32| json!({ "Member_Account": users[1], "WithHugeGroups": huge });
    let answer = server.ok("group_open_http_svc/get_joined_group_list", joined(0)).await;
    assert_eq!(answer["TotalCount"], 0);
    let answer = server.ok("group_open_http_svc/get_joined_group_list", joined(1)).await;
    assert_eq!(answer["GroupIdList"][0]["GroupId"], room);
}

#[tokio::test]
async fn a_message_has_one_number_everywhere_and_a_repeat_none() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let room = room(server, &users[0]).await;
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    enter(&ana, &room).await;
    enter(&bob, &room).await;
    let body = json!({ "GroupId": room, "Random": random(), "MsgBody": text("hello"), "MsgClientTime": now() });
    let sent = ana.ok("group_open_http_svc.send_group_msg", body.clone()).await;
    let heard = bob.hears("hello").await;
    assert_eq!((&heard["MsgSeq"], &heard["MsgTimeStamp"]), (&sent["MsgSeq"], &sent["MsgTime"]));
    assert_eq!(heard["GroupInfo"]["GroupType"], "AVChatRoom");
    let again = ana.ok("group_open_http_svc.send_group_msg", body).await;
    assert_eq!(again["MsgSeq"], sent["MsgSeq"]);
    let next = say(server, &room, &users[1], "next").await;
    assert!(next > sent["MsgSeq"].as_u64().expect("a number"));
    bob.hears("next").await;
    assert!(!json!(bob.events().await).to_string().contains("\"hello\""), "once");
    // Nothing is stored.
    bob.fails(10044, "group_open_http_svc.group_msg_get", json!({ "GroupId": room, "ReqMsgNumber": 5 })).await;
}

#[tokio::test]
async fn visitors_watch_without_login() {
    let server = shared().await;
    let users = server.users(&["ana"]).await;
    let room = room(server, &users[0]).await;
    let visitor = server.connect().await;
    let joined = visitor.ok(VISIT, json!({ "GroupId": room, "WebPushFlag": 1 })).await;
    let key = joined["LongPollingKey"].as_str().expect("a key").to_owned();
    assert_ne!(key, "");
    let seq = say(server, &room, &users[0], "first").await;
    say(server, &room, &users[0], "second").await;
    let mut from = json!(0);
    let mut heard = Vec::new();
    while heard.len() < 2 {
        let poll = json!({ "USP": 1, "StartSeq": from, "HoldTime": 90, "Key": key, "DownsizeFlag": 0 });
        let answer = visitor.ok(POLL, poll).await;
        assert_eq!(answer["Key"], key);
        from = answer["NextSeq"].clone();
        heard.extend(answer["RspMsgList"].as_array().expect("a list").iter().cloned());
    }
    assert_eq!(heard[0]["Event"], 3);
    assert_eq!(heard[0]["MsgSeq"], seq);
    assert_eq!(heard[0]["ToGroupId"], room);
    assert_eq!(heard[1]["MsgBody"], text("second"));
    // A poll is held until something is said; requests behind it are not.
    let poll = json!({ "USP": 1, "StartSeq": from, "HoldTime": 90, "Key": key });
    let held = visitor.request(POLL, &poll).await;
    visitor.ok("heartbeat.alive", json!({})).await;
    server.ok("group_open_http_svc/send_group_system_notification", json!({ "GroupId": room, "Content": "now" })).await;
    let answer = visitor.answer(held).await;
    let notice = &answer["RspMsgList"][0];
    assert_eq!((&notice["Event"], &notice["MsgBody"]["ReportType"]), (&json!(5), &json!(CUSTOM)));
    assert_eq!(notice["MsgBody"]["UserDefinedField"], "now");
    let empty = json!({ "StartSeq": answer["NextSeq"], "HoldTime": 0, "Key": key });
    let answer = visitor.ok(POLL, empty).await;
    assert_eq!(answer["RspMsgList"], json!([]));
    // Nobody hears of a visitor, who may not do anything else.
    assert_eq!(count(server, &room).await, 0);
    visitor.call("group_open_http_svc.get_group_self_member_info", json!({ "GroupIdList": [room] })).await;
    let answer = visitor.call("group_open_http_svc.send_group_msg", message(&room, &users[0], "x")).await;
    assert_eq!(answer["ActionStatus"], "FAIL");
    visitor.fails(10004, POLL, json!({ "StartSeq": 0, "Key": "made up" })).await;
    visitor.fails(10010, VISIT, json!({ "GroupId": unique("nowhere") })).await;
    let public = server.group("Public", &users[0], &[]).await;
    visitor.fails(10007, VISIT, json!({ "GroupId": public })).await;
    visitor.fails(10007, POLL, json!({ "StartSeq": 0, "Key": format!("1_{public}") })).await;
    server.ok("group_open_http_svc/destroy_group", json!({ "GroupId": room })).await;
    visitor.fails(10010, POLL, json!({ "StartSeq": from, "Key": key })).await;
}

#[tokio::test]
async fn the_list_has_pages_and_its_people_have_faces() {
    let server = Server::with_settings("live.member_list_size = 5\nlimits.overrides.live.member_page = 2").await;
    let users = server.users(&["a", "b", "c", "d", "e", "f", "g"]).await;
    let room = room(&server, &users[0]).await;
    server
        .ok(
            "profile/portrait_set",
            json!({ "From_Account": users[6], "ProfileItem": [{ "Tag": "Tag_Profile_IM_Nick", "Value": "Gus" }] }),
        )
        .await;
    let mut clients = Vec::new();
    for user in &users {
        let client = server.login(user).await;
        enter(&client, &room).await;
        clients.push(client);
    }
    let (mut from, mut all, mut pages) = (0, Vec::new(), 0);
    loop {
        let page = server.ok(LIST, json!({ "GroupId": room, "Timestamp": from })).await;
        if pages == 0 {
            let first = &page["MemberList"][0];
            assert_eq!((&first["NickName"], &first["Avatar"]), (&json!("Gus"), &json!("")));
            assert!((first["JoinTime"].as_i64().expect("a time") - now()).abs() < 60);
        }
        all.extend(names(&page));
        pages += 1;
        from = page["NextTimestamp"].as_u64().expect("a number");
        if from == 0 {
            break;
        }
    }
    assert_eq!(pages, 3);
    let expected: Vec<String> = users.iter().rev().take(5).cloned().collect();
    assert_eq!(all, expected, "the latest five");
    assert_eq!(count(&server, &room).await, 7);
    let asked = json!({ "GroupId": room, "Member_Account": [users[0], "nobody", users[6]] });
    assert_eq!(server.ok(CHECK, asked).await["Member_Account"], json!([users[0], users[6]]), "also beyond the list");
    // Clients ask alike.
    let page =
        clients[0].ok("group_open_avchatroom_http_svc.get_members", json!({ "GroupId": room, "Timestamp": 0 })).await;
    assert_eq!(names(&page), expected[..2]);
    let answer = clients[0].ok("group_open_http_svc.get_online_member_num", json!({ "GroupId": room })).await;
    assert_eq!(answer["OnlineMemberNum"], 7);
    let stranger = server.login(&server.users(&["eve"]).await[0]).await;
    stranger
        .fails(10007, "group_open_avchatroom_http_svc.get_members", json!({ "GroupId": room, "Timestamp": 0 }))
        .await;
    server.fails(10004, LIST, json!({ "GroupId": room })).await;
    server.fails(10005, CHECK, json!({ "GroupId": room, "Member_Account": vec![&users[0]; 501] })).await;
    server.fails(10004, CHECK, json!({ "GroupId": room, "Member_Account": [] })).await;
    let public = server.group("Public", &users[0], &[]).await;
    for command in [COUNT, LIST, CHECK, ADMINS] {
        let body = json!({ "GroupId": public, "Timestamp": 0, "Member_Account": [users[0]] });
        server.fails(10007, command, body).await;
    }
    server.fails(10010, COUNT, json!({ "GroupId": unique("gone") })).await;
    server.fails(10015, COUNT, json!({})).await;
}

#[tokio::test]
async fn marks_stay_with_people_while_they_are_here() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid", "dan"]).await;
    let room = room(server, &users[0]).await;
    let (ana, bob, cid) = (server.login(&users[0]).await, server.login(&users[1]).await, server.login(&users[2]).await);
    for client in [&ana, &bob, &cid] {
        enter(client, &room).await;
    }
    let mark = |command: u32, members: Value| json!({ "GroupId": room, "CommandType": command, "MemberList": members });
    let one = |user: &str, marks: &[u32]| json!({ "Member_Account": user, "Marks": marks });
    let marked = |mark: u32| json!({ "GroupId": room, "Timestamp": 0, "Mark": mark });
    // Only those who are here are marked; the answer names them.
    let body = mark(1, json!([one(&users[1], &[1000, 1001]), one(&users[3], &[1000])]));
    let answer = server.ok(MARK, body).await;
    assert_eq!(answer["CommandType"], 1);
    assert_eq!(answer["MemberList"], json!([one(&users[1], &[1000, 1001])]));
    server.fails(10004, MARK, mark(1, json!([one(&users[3], &[1000])]))).await;
    let page = server.ok(LIST, marked(1000)).await;
    assert_eq!(names(&page), [&*users[1]]);
    assert_eq!(page["MemberList"][0]["Marks"], json!([1000, 1001]));
    // The owner marks too, others do not, and reserved marks are the backend's.
    let service = "group_open_avchatroom_http_svc.modify_user_info";
    ana.ok(service, mark(1, json!([one(&users[2], &[1000])]))).await;
    bob.fails(10007, service, mark(1, json!([one(&users[2], &[1001])]))).await;
    ana.fails(10007, service, mark(1, json!([one(&users[2], &[600])]))).await;
    for bad in [999, 1, 501] {
        server.fails(10004, MARK, mark(1, json!([one(&users[1], &[bad])]))).await;
    }
    server.fails(10004, MARK, mark(3, json!([one(&users[1], &[1000])]))).await;
    server.fails(10004, MARK, mark(1, json!([]))).await;
    server.fails(10004, MARK, mark(1, json!([one(&users[1], &[])]))).await;
    server.fails(10005, MARK, mark(1, vec![one(&users[1], &[1000]); 501].into())).await;
    server.fails(10019, MARK, mark(1, json!([one(&unique("nobody"), &[1000])]))).await;
    let many: Vec<u32> = (1000..1011).collect();
    server.fails(10004, MARK, mark(1, json!([one(&users[1], &many)]))).await;
    server.ok(MARK, mark(1, json!([one(&users[1], &many[..10])]))).await;
    // The hidden are listed for their mark alone, the pinned whether they are here or not.
    server.ok(MARK, mark(1, json!([one(&users[2], &[600]), one(&users[3], &[500])]))).await;
    assert_eq!(listed(server, &room).await, [&*users[3], &users[1], &users[0]]);
    assert_eq!(names(&server.ok(LIST, marked(600)).await), [&*users[2]]);
    assert_eq!(count(server, &room).await, 4);
    // Marks go with those who leave.
    quit(&bob, &room).await;
    enter(&bob, &room).await;
    assert_eq!(names(&server.ok(LIST, marked(1001)).await), [""; 0]);
    let answer = server.ok(MARK, mark(2, json!([one(&users[2], &[600, 1000]), one(&users[1], &[1000])]))).await;
    assert_eq!(answer["MemberList"], json!([one(&users[2], &[600, 1000])]));
    assert_eq!(names(&server.ok(LIST, marked(1000)).await), [""; 0]);
}

#[tokio::test]
async fn robots_are_always_there() {
    let server = shared().await;
    let users = server.users(&["ana", "bot", "bot"]).await;
    let room = room(server, &users[0]).await;
    let robots = |list: &[&String]| json!({ "GroupId": room, "Member_Account": list });
    server.ok(ADD_ROBOTS, robots(&[&users[1], &users[2]])).await;
    server.ok(ADD_ROBOTS, robots(&[&users[1]])).await;
    assert_eq!(listed(server, &room).await, [&*users[2], &users[1]]);
    assert_eq!(count(server, &room).await, 2);
    let info = server.ok("group_open_http_svc/get_group_info", json!({ "GroupIdList": [room] })).await;
    assert_eq!(info["GroupInfo"][0]["MemberNum"], 2);
    server.ok(DEL_ROBOTS, robots(&[&users[1], &users[0]])).await;
    assert_eq!(listed(server, &room).await, [&*users[2]]);
    server.fails(10019, ADD_ROBOTS, robots(&[&unique("nobody")])).await;
    server.fails(10004, ADD_ROBOTS, robots(&[])).await;
    server.fails(10004, DEL_ROBOTS, json!({ "GroupId": room })).await;
    let public = server.group("Public", &users[0], &[]).await;
    server.fails(10007, ADD_ROBOTS, json!({ "GroupId": public, "Member_Account": [users[1]] })).await;
}

#[tokio::test]
async fn admins_are_appointed_by_the_backend_and_help_the_owner() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid", "dan", "eve", "fay", "gus"]).await;
    let room = room(server, &users[0]).await;
    let bob = server.login(&users[1]).await;
    let cid = server.login(&users[2]).await;
    let admin =
        |command: u32, list: &[String]| json!({ "GroupId": room, "CommandType": command, "Admin_Account": list });
    server.ok(ADMIN, admin(1, &users[1..2])).await;
    bob.notice(&room, ADMIN_GIVEN).await;
    let faces = |answer: &Value| {
        let list = answer["Admin_List"].as_array().expect("a list");
        list.iter().map(|one| one["Admin_Account"].as_str().expect("an id").to_owned()).collect::<BTreeSet<_>>()
    };
    let list = server.ok(ADMINS, json!({ "GroupId": room })).await;
    assert_eq!(list["Admin_List"], json!([{ "Admin_Account": users[1], "NickName": "", "Avatar": "" }]));
    // In the room and after coming back an admin mutes and bans ordinary people, not the owner.
    enter(&bob, &room).await;
    enter(&cid, &room).await;
    let mute = |user: &str| json!({ "GroupId": room, "Member_Account": user, "ShutUpTime": 60 });
    bob.ok("group_open_http_svc.modify_group_member_info", mute(&users[2])).await;
    cid.fails(10017, "group_open_http_svc.send_group_msg", message(&room, &users[2], "muted")).await;
    bob.fails(10007, "group_open_http_svc.modify_group_member_info", mute(&users[0])).await;
    cid.fails(10007, "group_open_http_svc.modify_group_member_info", mute(&users[1])).await;
    quit(&bob, &room).await;
    enter(&bob, &room).await;
    let ban = json!({ "GroupId": room, "Members_Account": [users[2]], "Duration": 60 });
    bob.ok("group_open_http_svc.ban_group_member", ban).await;
    // Five at most; nobody else appoints.
    server.fails(10005, ADMIN, admin(1, &users[1..7])).await;
    server.ok(ADMIN, admin(1, &users[1..6])).await;
    server.fails(10004, ADMIN, admin(1, &users[6..7])).await;
    server.fails(10004, ADMIN, admin(1, &users[0..1])).await;
    server.fails(10004, ADMIN, admin(3, &users[1..2])).await;
    server.fails(10004, ADMIN, admin(1, &[])).await;
    server.fails(10019, ADMIN, admin(1, &[unique("nobody")])).await;
    assert_eq!(faces(&server.ok(ADMINS, json!({ "GroupId": room })).await), users[1..6].iter().cloned().collect());
    server.ok(ADMIN, admin(2, &users[1..6])).await;
    assert_eq!(server.ok(ADMINS, json!({ "GroupId": room })).await["Admin_List"], json!([]));
    bob.fails(10007, "group_open_http_svc.modify_group_member_info", mute(&users[2])).await;
}

#[tokio::test]
async fn the_banned_are_out_until_the_ban_ends() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let room = room(server, &users[0]).await;
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    enter(&ana, &room).await;
    enter(&bob, &room).await;
    let ban = |seconds: u32| json!({ "GroupId": room, "Members_Account": [users[1]], "Duration": seconds, "Description": "spam" });
    ana.ok("group_open_http_svc.ban_group_member", ban(600)).await;
    let notice = bob.notice(&room, BANNED).await;
    assert_eq!(notice["MsgBody"]["BanDuration"], 600);
    assert_eq!(notice["MsgBody"]["BanDescription"], "spam");
    ana.tip(&room, BAN_TIP).await;
    assert_eq!(listed(server, &room).await, [&*users[0]]);
    bob.fails(10007, "group_open_http_svc.apply_join_group", json!({ "GroupId": room })).await;
    bob.fails(10007, "group_open_http_svc.send_group_msg", message(&room, &users[1], "me")).await;
    say(server, &room, &users[0], "without bob").await;
    ana.hears("without bob").await;
    assert!(!json!(bob.events().await).to_string().contains("without bob"));
    server.ok(UNBAN, json!({ "GroupId": room, "Members_Account": [users[1]] })).await;
    enter(&bob, &room).await;
    // A short ban ends by itself.
    server.ok(BAN, ban(1)).await;
    until("the ban ends", async || {
        bob.call("group_open_http_svc.apply_join_group", json!({ "GroupId": room })).await["ErrorCode"] == 0
    })
    .await;
    // Nobody is merely removed.
    let kick = json!({ "GroupId": room, "MemberToDel_Account": [users[1]] });
    server.fails(10004, "group_open_http_svc/delete_group_member", kick).await;
}

#[tokio::test]
async fn mutes_are_told_where_the_app_wants_that() {
    let server = Server::with_settings(
        "group_types.AVChatRoom.member_profile_notice = true\ngroup_types.AVChatRoom.settings_notice = true",
    )
    .await;
    let users = server.users(&["ana", "bob"]).await;
    let room = room(&server, &users[0]).await;
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    enter(&ana, &room).await;
    enter(&bob, &room).await;
    server.ok(MUTE, json!({ "GroupId": room, "Members_Account": [users[1]], "ShutUpTime": 600 })).await;
    let tip = ana.tip(&room, MEMBER_TIP).await;
    assert_eq!(tip["MsgBody"]["MsgMemberInfo"], json!([{ "User_Account": users[1], "ShutupTime": 600 }]));
    server.fails(10017, SEND, message(&room, &users[1], "muted")).await;
    server.ok(MUTE, json!({ "GroupId": room, "Members_Account": [users[1]], "MuteTime": 0 })).await;
    say(&server, &room, &users[1], "free").await;
    server.ok(MODIFY, json!({ "GroupId": room, "MuteAllMember": "On" })).await;
    bob.event("GroupTips", |tip| tip["MsgBody"]["MsgGroupNewInfo"]["ShutupAll"] == 1).await;
    server.fails(10017, SEND, message(&room, &users[1], "all muted")).await;
    say(&server, &room, &users[0], "the owner speaks").await;
    bob.hears("the owner speaks").await;
}

#[tokio::test]
async fn notices_of_mutes_are_off_by_default() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let room = room(server, &users[0]).await;
    let ana = server.login(&users[0]).await;
    enter(&ana, &room).await;
    server.ok(MUTE, json!({ "GroupId": room, "Members_Account": [users[1]], "ShutUpTime": 600 })).await;
    say(server, &room, &users[0], "mark").await;
    ana.hears("mark").await;
    assert!(!json!(ana.events().await).to_string().contains("MsgMemberInfo"));
}

#[tokio::test]
async fn a_broadcast_reaches_every_room_once() {
    let server = Server::start(&[]).await;
    let users = server.users(&["ana", "bob"]).await;
    let rooms = [room(&server, &users[0]).await, room(&server, &users[0]).await];
    let ana = server.login(&users[0]).await;
    let bob = server.login(&users[1]).await;
    enter(&ana, &rooms[0]).await;
    enter(&bob, &rooms[1]).await;
    let visitor = server.connect().await;
    let key = visitor.ok(VISIT, json!({ "GroupId": rooms[1] })).await["LongPollingKey"].clone();
    let body = json!({ "Random": random(), "MsgBody": text("to all"), "CloudCustomData": "d" });
    let first = server.ok(BROADCAST, body.clone()).await;
    assert_eq!(first["MsgSeq"], 1);
    for (client, room) in [(&ana, &rooms[0]), (&bob, &rooms[1])] {
        let heard = client.hears("to all").await;
        assert_eq!(heard["ToGroupId"], **room);
        assert_eq!((&heard["From_Account"], &heard["CloudCustomData"]), (&json!("administrator"), &json!("d")));
        assert_eq!(heard["IsBroadcastMessage"], true);
    }
    let answer = visitor.ok(POLL, json!({ "StartSeq": 0, "Key": key })).await;
    assert_eq!(answer["RspBroadcastMsgList"][0]["MsgBody"], text("to all"));
    assert_eq!(answer["NextBroadcastSeq"], 2);
    // A repeat is the same; another one in the same second is too many.
    assert_eq!(server.ok(BROADCAST, body).await["MsgSeq"], 1);
    let other = || json!({ "Random": random(), "MsgBody": text("again"), "From_Account": users[0] });
    let mut codes = BTreeSet::new();
    for _ in 0..4 {
        codes.insert(server.call(BROADCAST, &other()).await["ErrorCode"].as_u64().expect("a code"));
    }
    assert!(codes.contains(&10023), "{codes:?}");
    server.fails(10019, BROADCAST, json!({ "Random": 1, "MsgBody": text("x"), "From_Account": "nobody" })).await;
    server.fails(10004, BROADCAST, json!({ "MsgBody": text("x") })).await;
    server.fails(80002, BROADCAST, json!({ "Random": 1, "MsgBody": text(&"x".repeat(13_000)) })).await;
}

#[tokio::test]
async fn newcomers_see_the_latest_where_the_app_shows_them() {
    let server = Server::with_settings("live.newcomer_messages = 3").await;
    let users = server.users(&["ana", "bob"]).await;
    let room = room(&server, &users[0]).await;
    let ana = server.login(&users[0]).await;
    enter(&ana, &room).await;
    for words in ["1", "2", "3", "4"] {
        say(&server, &room, &users[0], words).await;
    }
    ana.hears("4").await;
    let words = |answer: &Value| {
        let items = answer["RspMsgList"].as_array().cloned().unwrap_or_default();
        items
            .iter()
            .map(|item| item["MsgBody"][0]["MsgContent"]["Text"].as_str().expect("a text").to_owned())
            .collect::<Vec<_>>()
    };
    let bob = server.login(&users[1]).await;
    let answer = enter(&bob, &room).await;
    assert_eq!(words(&answer), ["2", "3", "4"], "oldest first");
    assert_eq!(answer["RspMsgList"][0]["Event"], 3);
    let visitor = server.connect().await;
    assert_eq!(words(&visitor.ok(VISIT, json!({ "GroupId": room })).await), ["2", "3", "4"]);
    // What was withdrawn is not shown.
    let seq = answer["RspMsgList"][1]["MsgSeq"].clone();
    let recall = json!({ "GroupId": room, "MsgSeqList": [{ "MsgSeq": seq }] });
    let answer = ana.ok("group_open_http_svc.group_msg_recall", recall.clone()).await;
    assert_eq!(answer["RecallRetList"], json!([{ "MsgSeq": seq, "RetCode": 0 }]));
    bob.event("GroupTips", |tip| tip["MsgBody"]["GroupWithdrawInfoArray"][0]["MsgSeq"] == seq).await;
    until("it is forgotten", async || words(&visitor.ok(VISIT, json!({ "GroupId": room })).await) == ["2", "4"]).await;
    server.fails(10033, "group_open_http_svc/group_msg_recall", recall).await;
    let answer = bob
        .ok("group_open_http_svc.group_msg_recall", json!({ "GroupId": room, "MsgSeqList": [{ "MsgSeq": 99_999 }] }))
        .await;
    assert_eq!(answer["RecallRetList"][0]["RetCode"], 10030);
}

#[tokio::test]
async fn nobody_sees_what_was_said_before_unless_the_app_wants_that() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let room = room(server, &users[0]).await;
    say(server, &room, &users[0], "before").await;
    let bob = server.login(&users[1]).await;
    assert_eq!(enter(&bob, &room).await["RspMsgList"], Value::Null);
}

#[tokio::test]
async fn a_flood_sheds_likes_before_gifts() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let room = room(server, &users[0]).await;
    let bob = server.login(&users[1]).await;
    enter(&bob, &room).await;
    let send = |priority: &str, words: String| {
        let mut body = message(&room, &users[0], &words);
        body["MsgPriority"] = priority.into();
        body
    };
    // Gifts among a flood of likes: fewer gifts than the rate, so none of them is shed, whatever came before in the second.
    let mut gifts = Vec::new();
    let mut shed = 0;
    let mut accepted = BTreeSet::new();
    for n in 0..120 {
        let like = server.ok(SEND, send("Low", format!("like {n}"))).await;
        if like["MsgDropReason"].is_null() {
            accepted.insert(format!("like {n}"));
        } else {
            assert_eq!(like["MsgDropReason"], "MsgFreqCtrl");
            shed += 1;
        }
        if n % 10 == 0 {
            let gift = server.ok(SEND, send("High", format!("gift {n}"))).await;
            assert_eq!(gift["MsgDropReason"], Value::Null);
            gifts.push(gift["MsgSeq"].as_u64().expect("a number"));
        }
    }
    assert!(gifts.is_sorted() && gifts.windows(2).all(|pair| pair[0] < pair[1]), "{gifts:?}");
    for n in (0..120).step_by(10) {
        bob.hears(&format!("gift {n}")).await;
    }
    // What was shed was told to nobody; what was not, to everybody.
    let mut heard = BTreeSet::new();
    for event in bob.events().await {
        for item in event["GroupMsgArray"].as_array().into_iter().flatten() {
            heard.insert(item["MsgBody"][0]["MsgContent"]["Text"].as_str().expect("a text").to_owned());
        }
    }
    heard.retain(|words| words.starts_with("like"));
    assert_eq!(heard, accepted);
    assert_eq!(heard.len() + shed, 120);
}

#[tokio::test]
async fn an_account_is_in_so_many_rooms_at_a_time() {
    let server = Server::with_settings("live.rooms_per_user = 2").await;
    let users = server.users(&["ana", "bob"]).await;
    let mut rooms = Vec::new();
    for _ in 0..3 {
        rooms.push(room(&server, &users[0]).await);
    }
    let bob = server.login(&users[1]).await;
    for room in &rooms {
        enter(&bob, room).await;
    }
    let mut counts = Vec::new();
    for room in &rooms {
        counts.push(count(&server, room).await);
    }
    assert_eq!(counts, [0, 1, 1], "the first one was left");
}

#[tokio::test]
async fn who_is_in_a_room_outlives_kill_and_restart() {
    let mut server = Server::start(&[]).await;
    let users = server.users(&["ana", "bob", "cid", "bot"]).await;
    let room = room(&server, &users[0]).await;
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    enter(&ana, &room).await;
    enter(&bob, &room).await;
    server.ok(ADMIN, json!({ "GroupId": room, "CommandType": 1, "Admin_Account": [users[2]] })).await;
    server.ok(ADD_ROBOTS, json!({ "GroupId": room, "Member_Account": [users[3]] })).await;
    let body =
        json!({ "GroupId": room, "CommandType": 1, "MemberList": [{ "Member_Account": users[1], "Marks": [1000] }] });
    server.ok(MARK, body).await;
    let before = say(&server, &room, &users[0], "before").await;
    // The store lies a quarter of a second behind; this is long for the slowest of machines.
    sleep(Duration::from_secs(5)).await;
    for kill in [true, false] {
        if kill {
            server.kill().await;
        } else {
            assert!(server.stop().await);
        }
        server.restart().await;
        assert_eq!(listed(&server, &room).await, [&*users[3], &users[1], &users[0]]);
        assert_eq!(count(&server, &room).await, 3);
        let marked = json!({ "GroupId": room, "Timestamp": 0, "Mark": 1000 });
        assert_eq!(names(&server.ok(LIST, marked).await), [&*users[1]]);
        assert_eq!(server.ok(ADMINS, json!({ "GroupId": room })).await["Admin_List"][0]["Admin_Account"], users[2]);
        // Who comes back hears the room without entering again.
        let back = server.connect_as(bob.instance(), "binfo").await;
        back.use_credentials(bob.credentials());
        back.ok("im_open_status.wslogin", json!({ "State": "Online" })).await;
        let words = unique("after");
        let seq = say(&server, &room, &users[0], &words).await;
        assert!(seq > before, "numbers go on");
        assert_eq!(back.hears(&words).await["MsgSeq"], seq);
        back.say(&room, &unique("I speak")).await;
        bob.use_credentials(back.credentials());
    }
}

/// Numbers of messages, of tips and of messages to all rooms: after each kill they go on, and none comes twice.
#[tokio::test]
async fn no_number_comes_twice_however_often_the_server_is_killed() {
    let mut server = Server::with_settings("rates.live_broadcast_per_second = 0").await;
    let users = server.users(&["ana"]).await;
    let mut rooms = Vec::new();
    let (mut newest_broadcast, mut newest) = (0, vec![0; 4]);
    for round in 0..4 {
        rooms.push(room(&server, &users[0]).await);
        for (room, newest) in rooms.iter().zip(&mut newest) {
            // Killed at once: nothing had time to be written behind.
            for _ in 0..3 {
                let seq = say(&server, room, &users[0], "hello").await;
                assert!(seq > *newest, "{seq} after {newest} in round {round}");
                *newest = seq;
            }
        }
        for _ in 0..2 {
            let broadcast = json!({ "From_Account": users[0], "Random": random(), "MsgBody": text("to all") });
            let seq = server.ok(BROADCAST, broadcast).await["MsgSeq"].as_u64().expect("a number");
            newest_broadcast += 1;
            assert_eq!(seq, newest_broadcast, "round {round}");
        }
        server.kill().await;
        server.restart().await;
    }
}

#[tokio::test]
async fn the_silent_are_counted_out_and_back_in() {
    let server = Server::with_settings(
        "live.heartbeat_check_secs = 1\nlive.heartbeat_timeout_secs = 1\nlive.forget_absent_secs = 10",
    )
    .await;
    let users = server.users(&["ana", "bob"]).await;
    let room = room(&server, &users[0]).await;
    let bob = server.login(&users[1]).await;
    enter(&bob, &room).await;
    let credentials = bob.credentials();
    drop(bob);
    until("bob is away", async || count(&server, &room).await == 0).await;
    let back = server.connect().await;
    back.use_credentials(credentials);
    back.ok("im_open_status.wslogin", json!({ "State": "Online" })).await;
    assert_eq!(count(&server, &room).await, 1, "who comes back is in again");
    drop(back);
    until("bob is forgotten", async || {
        let joined = json!({ "Member_Account": users[1], "WithHugeGroups": 1 });
        server.ok("group_open_http_svc/get_joined_group_list", joined).await["TotalCount"] == 0
    })
    .await;
}

#[tokio::test]
async fn logging_out_and_being_deleted_ends_the_visit() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let room = room(server, &users[0]).await;
    let (bob, cid) = (server.login(&users[1]).await, server.login(&users[2]).await);
    enter(&bob, &room).await;
    enter(&cid, &room).await;
    bob.ok("im_open_status.wslogout", json!({})).await;
    assert_eq!(listed(server, &room).await, [&*users[2]]);
    server.ok("im_open_login_svc/account_delete", json!({ "DeleteItem": [{ "UserID": users[2] }] })).await;
    assert_eq!(listed(server, &room).await, [""; 0]);
}

#[tokio::test]
async fn a_dismissed_room_is_told_and_gone_and_its_id_starts_anew() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let id = unique("show");
    let create = || json!({ "Type": "AVChatRoom", "Name": "Show", "GroupId": id, "Owner_Account": users[0] });
    server.ok("group_open_http_svc/create_group", create()).await;
    let bob = server.login(&users[1]).await;
    enter(&bob, &id).await;
    server.ok("group_open_http_svc/destroy_group", json!({ "GroupId": id })).await;
    bob.notice(&id, DISMISSED).await;
    bob.fails(10010, "group_open_http_svc.apply_join_group", json!({ "GroupId": id })).await;
    server.ok("group_open_http_svc/create_group", create()).await;
    assert_eq!(count(server, &id).await, 0);
    enter(&bob, &id).await;
    assert_eq!(count(server, &id).await, 1);
}

#[tokio::test]
async fn a_closed_room_lets_nobody_in_and_approval_does_not_exist() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let room = room(server, &users[0]).await;
    let bob = server.login(&users[1]).await;
    server.ok(MODIFY, json!({ "GroupId": room, "ApplyJoinOption": "DisableApply" })).await;
    bob.fails(10007, "group_open_http_svc.apply_join_group", json!({ "GroupId": room })).await;
    server.ok(MODIFY, json!({ "GroupId": room, "ApplyJoinOption": "NeedPermission" })).await;
    enter(&bob, &room).await;
}

#[tokio::test]
async fn what_is_switched_off_says_so() {
    let server = Server::with_settings(
        "features.live_broadcast = false\nfeatures.live_ban = false\nfeatures.live_member_marks = false\nfeatures.live_robots = false\n\
         features.live_admins = false\nfeatures.live_visitors = false\nfeatures.live_member_list = false",
    )
    .await;
    let users = server.users(&["ana"]).await;
    let room = room(&server, &users[0]).await;
    let named = json!({ "GroupId": room, "Member_Account": [users[0]] });
    server.fails(10059, BROADCAST, json!({ "Random": 1, "MsgBody": text("x") })).await;
    server.fails(10059, BAN, json!({ "GroupId": room, "Members_Account": [users[0]], "Duration": 1 })).await;
    server.fails(10059, ADD_ROBOTS, named.clone()).await;
    server.fails(10059, DEL_ROBOTS, named).await;
    server.fails(10059, ADMINS, json!({ "GroupId": room })).await;
    server.fails(10059, ADMIN, json!({ "GroupId": room, "CommandType": 1, "Admin_Account": [users[0]] })).await;
    let body =
        json!({ "GroupId": room, "CommandType": 1, "MemberList": [{ "Member_Account": users[0], "Marks": [1000] }] });
    server.fails(10059, MARK, body).await;
    let visitor = server.connect().await;
    visitor.fails(10059, VISIT, json!({ "GroupId": room })).await;
}

#[tokio::test]
async fn the_backend_is_told_who_comes_goes_and_falls_silent() {
    let receiver = Receiver::start().await;
    let settings = format!(
        "webhook.url = \"{}\"\nwebhook.all = true\nlive.heartbeat_check_secs = 1\nlive.heartbeat_timeout_secs = 1",
        receiver.url()
    );
    let server = Server::with_settings(&settings).await;
    let users = server.users(&["ana", "bob"]).await;
    let room = room(&server, &users[0]).await;
    let bob = server.login(&users[1]).await;
    enter(&bob, &room).await;
    enter(&bob, &room).await;
    let asked = receiver.call("Group.CallbackBeforeApplyJoinGroup", |_| true).await;
    assert_eq!(asked.body["Requestor_Account"], users[1]);
    let joined = receiver.call("Group.CallbackAfterNewMemberJoin", |_| true).await;
    assert_eq!((&joined.body["JoinType"], &joined.body["Type"]), (&json!("Apply"), &json!("AVChatRoom")));
    let state = |event: &'static str, cause: &'static str| {
        let (room, user) = (room.clone(), users[1].clone());
        move |body: &Value| {
            body["GroupId"] == room
                && body["EventType"] == event
                && body["EventCause"] == cause
                && body["MemberList"] == json!([{ "Member_Account": user }])
        }
    };
    let call = receiver.call("Group.CallbackOnMemberStateChange", state("Online", "Join")).await;
    let names: Vec<&str> = call.query.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["SdkAppid", "CallbackCommand", "contenttype"], "nobody's address, nobody's platform");
    let credentials = bob.credentials();
    drop(bob);
    receiver.call("Group.CallbackOnMemberStateChange", state("Offline", "HeartbeatInterrupt")).await;
    let back = server.connect().await;
    back.use_credentials(credentials);
    back.ok("im_open_status.wslogin", json!({ "State": "Online" })).await;
    receiver.call("Group.CallbackOnMemberStateChange", state("Online", "HeartbeatRecover")).await;
    quit(&back, &room).await;
    receiver.call("Group.CallbackOnMemberStateChange", state("Offline", "Quit")).await;
    let exit = receiver.call("Group.CallbackAfterMemberExit", |_| true).await;
    assert_eq!((&exit.body["ExitType"], &exit.body["Operator_Account"]), (&json!("Quit"), &json!(users[1])));
    // The backend keeps somebody out.
    receiver.react("Group.CallbackBeforeApplyJoinGroup", Reaction::verdict(1, ""));
    back.fails(10016, "group_open_http_svc.apply_join_group", json!({ "GroupId": room })).await;
    assert_eq!(count(&server, &room).await, 0);
    // A shed message is an exception that its sender does not hear of.
    let mut shed = 0;
    for n in 0..60 {
        let answer = server.ok(SEND, message(&room, &users[0], &format!("flood {n}"))).await;
        shed += u32::from(!answer["MsgDropReason"].is_null());
    }
    if shed > 0 {
        let exception = receiver.call("Group.CallbackSendMsgException", |_| true).await;
        assert_eq!(exception.body["ErrorCode"], 10023);
    }
    assert_eq!(receiver.calls_of("Group.CallbackAfterNewMemberJoin").len(), 1, "entering again is no entering");
}

#[tokio::test]
async fn a_room_full_of_people_hears_everything_in_one_order() {
    let server = Server::with_settings("rates.rest_default_per_second = 0").await;
    let owner = server.users(&["ana"]).await.remove(0);
    let room = room(&server, &owner).await;
    let mut people = Vec::new();
    for _ in 0..40 {
        let client = server.login(&unique("viewer")).await;
        enter(&client, &room).await;
        people.push(client);
    }
    let mut said = Vec::new();
    for n in 0..60 {
        let words = format!("word {n}");
        let answer = server.ok(SEND, message(&room, &owner, &words)).await;
        if answer["MsgDropReason"].is_null() {
            said.push((answer["MsgSeq"].as_u64().expect("a number"), words));
        }
    }
    let last = said.last().expect("something was said").1.clone();
    for client in &people {
        client.hears(&last).await;
        let mut heard = Vec::new();
        for event in client.events().await {
            for item in event["GroupMsgArray"].as_array().into_iter().flatten() {
                let words = item["MsgBody"][0]["MsgContent"]["Text"].as_str().expect("a text").to_owned();
                heard.push((item["MsgSeq"].as_u64().expect("a number"), words));
            }
        }
        assert_eq!(heard, said[..said.len() - 1]);
    }
}
