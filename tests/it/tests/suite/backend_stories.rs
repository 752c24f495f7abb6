//! What people build with webhooks, with the example backend between the server and its users: moderation, levels and lotteries,
//! first topics and threads, teams, robots.

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
}

#[tokio::test]
async fn communities_begin_with_a_topic_and_threads_count_their_replies() {
    let stage = stage().await;
    let server = &stage.server;
    let users = server.users(&["ana", "bob"]).await;
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
    let seq = ana.say(&parent, "who is in?").await;
    let thread = format!("thread-{parent}-{seq}");
    let create = json!({ "Type": "Public", "Name": "thread", "GroupId": thread, "Owner_Account": users[0] });
    server.ok("group_open_http_svc/create_group", create).await;
    ana.say(&thread, "me").await;
    ana.say(&thread, "me too").await;
    bob.event("GroupMsgModNotifys", |item| item["CloudCustomData"] == r#"{"replies":2}"#).await;
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
