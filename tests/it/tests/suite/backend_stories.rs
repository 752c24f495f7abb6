//! What people build with webhooks, with the example backend between the server and its users: moderation, popularity, levels and
//! lotteries, first topics and threads, teams, robots.

use std::{path::PathBuf, process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tsudoi_it::{APP, Client, KEY, PATIENCE, Server, random, text, unique};

/// A server and its backend.
struct Stage {
    server: Server,
    _backend: Child,
}

fn example() -> PathBuf {
    let mut path = std::env::current_exe().expect("a test has a path");
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    path.join("examples/backend")
}

async fn stage() -> Stage {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    drop(listener);
    let server = Server::start(&[("TSUDOI_WEBHOOK_URL", &format!("http://127.0.0.1:{port}/hook"))]).await;
    let backend = Command::new(example())
        .env("PORT", port.to_string())
        .env("TSUDOI_URL", server.url(""))
        .env("APP_ID", APP.to_string())
        .env("APP_KEY", KEY)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the example is built with the tests");
    let ready = async {
        while reqwest::get(format!("http://127.0.0.1:{port}/")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ready).await.expect("the backend starts");
    Stage { server, _backend: backend }
}

const SEND: &str = "group_open_http_svc.send_group_msg";

fn message(group: &str, body: &Value) -> Value {
    json!({ "GroupId": group, "Random": random(), "MsgPriority": "Normal", "MsgBody": body })
}

async fn enter(client: &Client, room: &str) {
    client.ok("group_open_http_svc.apply_join_group", json!({ "GroupId": room, "ApplyMsg": "" })).await;
}

#[tokio::test]
async fn content_is_controlled() {
    let stage = stage().await;
    let users = stage.server.users(&["ana", "bob"]).await;
    let group = stage.server.group("Public", &users[0], &[&users[1]]).await;
    let (ana, bob) = (stage.server.login(&users[0]).await, stage.server.login(&users[1]).await);
    ana.fails(10016, SEND, message(&group, &text("what an insult"))).await;
    let refused = ana.fails(10123, SEND, message(&group, &text("LOUD"))).await;
    assert_eq!(refused["ErrorInfo"], "please do not shout");
    ana.ok(SEND, message(&group, &text("buy now"))).await;
    ana.ok(SEND, message(&group, &text("my secret"))).await;
    let heard = bob.event("GroupMsgArray", |item| item["From_Account"] == json!(users[0])).await;
    assert_eq!(heard["MsgBody"], text("my ***"), "the advertisement never came");
}

#[tokio::test]
async fn live_rooms_have_levels_and_lotteries() {
    let stage = stage().await;
    let users = stage.server.users(&["host", "ana", "bob"]).await;
    let room = stage.server.group("AVChatRoom", &users[0], &[]).await;
    let (host, ana, bob) =
        (stage.server.login(&users[0]).await, stage.server.login(&users[1]).await, stage.server.login(&users[2]).await);
    for client in [&host, &ana, &bob] {
        enter(client, &room).await;
    }
    bob.ok(SEND, message(&room, &text("hi"))).await;
    let gift = json!([{ "MsgType": "TIMCustomElem", "MsgContent": { "Data": "rose", "Desc": "", "Ext": "" } }]);
    ana.ok(SEND, message(&room, &gift)).await;
    host.hears(&format!("{} reached level 1", users[1])).await;
    host.ok(SEND, message(&room, &text("!draw"))).await;
    bob.hears(&format!("{} wins", users[1])).await;
    // The backend knows who is here. It may learn that somebody went only after it was asked, so it is asked again.
    host_counts(&host, &room, 3).await;
    drop(bob);
    host_counts(&host, &room, 2).await;
}

async fn host_counts(host: &Client, room: &str, number: usize) {
    let counted = async {
        loop {
            host.ok(SEND, message(room, &text("!here"))).await;
            let said = |item: &Value| item["MsgBody"][0]["MsgContent"]["Text"].as_str().unwrap_or_default().to_owned();
            let item = host.event("GroupMsgArray", |item| said(item).ends_with(" here")).await;
            if said(&item) == format!("{number} here") {
                return;
            }
            // Slowly: a room says 40 messages a second.
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    };
    tokio::time::timeout(2 * PATIENCE, counted).await.expect("the backend counts");
}

#[tokio::test]
async fn communities_begin_with_a_topic_and_threads_count_their_replies() {
    let stage = stage().await;
    let server = &stage.server;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let create = json!({ "Type": "Community", "Name": "suite", "Owner_Account": users[0], "SupportTopic": 1 });
    let community = server.ok("group_open_http_svc/create_group", create).await["GroupId"].clone();
    let topics = async {
        loop {
            let answer = server
                .call(
                    "million_group_open_http_svc/get_topic",
                    &json!({ "GroupId": community, "From_Account": users[0] }),
                )
                .await;
            let names = answer["TopicAndSelfInfo"].as_array().cloned().unwrap_or_default();
            if let Some(topic) = names.first() {
                return topic["TopicInfo"]["TopicName"].clone();
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, topics).await.expect("a topic"), "general");
    // A thread.
    let parent = unique("channel");
    let create = json!({ "Type": "Public", "Name": "suite", "Owner_Account": users[0], "GroupId": parent,
        "MemberList": [{ "Member_Account": users[1] }] });
    server.ok("group_open_http_svc/create_group", create).await;
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    let seq = ana.say(&parent, "thread: who is in?").await;
    let thread = format!("thread-{parent}-{seq}");
    ana.hears("a thread begins").await;
    ana.say(&thread, "me").await;
    ana.say(&thread, "me too").await;
    bob.event("GroupMsgModNotifys", |item| item["CloudCustomData"] == r#"{"replies":2}"#).await;
    // Who joins the channel is in its threads at once.
    let add = json!({ "GroupId": parent, "MemberList": [{ "Member_Account": users[2] }] });
    server.ok("group_open_http_svc/add_group_member", add).await;
    let role = async {
        loop {
            let of_cid = json!({ "GroupId": thread, "User_Account": [users[2]] });
            let roles = server.ok("group_open_http_svc/get_role_in_group", of_cid).await;
            if roles["UserIdList"][0]["Role"] == "Member" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    tokio::time::timeout(PATIENCE, role).await.expect("a member of the thread");
}

/// Whoever writes to a robot, or calls it in a group, is answered through it, and robots leave each other in peace.
#[tokio::test]
async fn robots_answer_people_and_never_each_other() {
    let stage = stage().await;
    let server = &stage.server;
    let users = server.users(&["ana"]).await;
    for robot in ["@RBT#guide", "@RBT#clerk"] {
        server.ok("openim_robot_http_svc/create_robot", json!({ "UserID": robot })).await;
    }
    let ana = server.login(&users[0]).await;
    let to = |to: &str, words: &str| json!({ "To_Account": to, "MsgRandom": random(), "MsgSeq": random(), "MsgBody": text(words) });
    ana.ok("openim.sendmsg", to("@RBT#guide", "opening hours?")).await;
    let answer = ana.event("C2cMsgArray", |item| item["From_Account"] == "@RBT#guide").await;
    assert_eq!(answer["MsgBody"], text("you said: opening hours?"));
    // In a group, where it is called by its name.
    let group = server.group("Public", &users[0], &["@RBT#guide", "@RBT#clerk"]).await;
    let mut call = message(&group, &text("@guide, summarise"));
    call["GroupAtInfo"] = json!([{ "GroupAtAllFlag": 0, "GroupAt_Account": "@RBT#guide" }]);
    ana.ok(SEND, call.clone()).await;
    let heard = ana.hears(&format!("{} called me", users[0])).await;
    assert_eq!(heard["From_Account"], "@RBT#guide");
    // One robot writes to, and calls, the other: the backend hears nothing of it, so nothing comes back.
    let mut letter = to("@RBT#clerk", "are you there?");
    letter["From_Account"] = json!("@RBT#guide");
    server.ok("openim/sendmsg", letter).await;
    call["From_Account"] = json!("@RBT#guide");
    call["Random"] = json!(random());
    call["GroupAtInfo"] = json!([{ "GroupAtAllFlag": 0, "GroupAt_Account": "@RBT#clerk" }]);
    server.ok("group_open_http_svc/send_group_msg", call.clone()).await;
    // What ana asks afterwards is answered afterwards.
    call["From_Account"] = json!(users[0]);
    call["Random"] = json!(random());
    server.ok("group_open_http_svc/send_group_msg", call).await;
    let heard = ana.hears(&format!("{} called me", users[0])).await;
    assert_eq!(heard["From_Account"], "@RBT#clerk");
    ana.ok("openim.sendmsg", to("@RBT#clerk", "and you?")).await;
    ana.event("C2cMsgArray", |item| item["MsgBody"] == text("you said: and you?")).await;
    let between = json!({ "Operator_Account": "@RBT#guide", "Peer_Account": "@RBT#clerk", "MaxCnt": 10, "MinTime": 0, "MaxTime": tsudoi_it::now() + 9 });
    let letters = server.ok("openim/admin_getroammsg", between).await;
    assert_eq!((&letters["MsgCnt"], &letters["MsgList"][0]["From_Account"]), (&json!(1), &json!("@RBT#guide")));
    let heard = ana.events().await;
    let calls = heard.iter().filter(|event| event.to_string().contains("@RBT#guide called me")).count();
    assert_eq!(calls, 0, "{heard:#?}");
}

#[tokio::test]
async fn teams_hear_when_they_are_complete_and_who_went() {
    let stage = stage().await;
    let server = &stage.server;
    let users = server.users(&["p", "p", "p", "p", "p"]).await;
    let create = json!({ "Type": "Public", "Name": "team", "Owner_Account": users[0], "MaxMemberCount": 5 });
    let team =
        server.ok("group_open_http_svc/create_group", create).await["GroupId"].as_str().expect("an id").to_owned();
    let captain = server.login(&users[0]).await;
    let list: Vec<Value> = users[1..].iter().map(|user| json!({ "Member_Account": user })).collect();
    server.ok("group_open_http_svc/add_group_member", json!({ "GroupId": team, "MemberList": list })).await;
    captain.hears("the team is complete").await;
    let quitter = server.login(&users[1]).await;
    quitter.ok("group_open_http_svc.quit_group", json!({ "GroupId": team })).await;
    captain.hears(&format!("{} left", users[1])).await;
    let kick = json!({ "GroupId": team, "MemberToDel_Account": [users[2]] });
    server.ok("group_open_http_svc/delete_group_member", kick).await;
    captain.hears(&format!("{} was removed", users[2])).await;
}
