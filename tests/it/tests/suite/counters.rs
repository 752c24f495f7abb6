//! Counters of groups, on both doors. Spec: docs/spec/rest-groups.md#5.6, docs/spec/websocket-protocol.md#15

use serde_json::{Value, json};
use tsudoi_it::{Client, Server, shared};

const UPDATE: &str = "group_open_http_svc/update_group_counter";
const GET: &str = "group_open_http_svc/get_group_counter";
const DELETE: &str = "group_open_http_svc/delete_group_counter";

async fn stand(server: &Server, group: &str) -> Value {
    server.ok(GET, json!({ "GroupId": group })).await["GroupCounter"].clone()
}

async fn heard(client: &Client, group: &str) -> Value {
    let tip = client
        .event("GroupTips", |item| item["ToGroupId"] == group && !item["MsgBody"]["GroupCounterInfo"].is_null())
        .await;
    tip["MsgBody"]["GroupCounterInfo"].clone()
}

#[tokio::test]
async fn counters_are_set_raised_lowered_and_deleted() {
    let server = shared().await;
    let owner = &server.users(&["ana"]).await[0];
    for group_type in ["Private", "Public", "ChatRoom", "AVChatRoom"] {
        let group = server.group(group_type, owner, &[]).await;
        let update = |mode: &str, key: &str, value: i64| json!({ "GroupId": group, "Mode": mode, "GroupCounter": [{ "Key": key, "Value": value }] });
        for (body, value) in [
            (update("Set", "likes", 5), 5),
            (update("Increase", "likes", 3), 8),
            (update("Decrease", "likes", 10), -2),
            (update("Increase", "shares", 4), 4),
            (update("Set", "top", i64::MAX), i64::MAX),
        ] {
            let answer = server.ok(UPDATE, body.clone()).await;
            assert_eq!(answer["GroupCounter"][0]["Value"], value, "{group_type} {body}");
        }
        server.fails(10004, UPDATE, update("Increase", "top", 1)).await;
        server.ok(DELETE, json!({ "GroupId": group, "GroupCounterKeys": ["top", "none"] })).await;
        assert_eq!(
            stand(server, &group).await,
            json!([{ "Key": "likes", "Value": -2 }, { "Key": "shares", "Value": 4 }])
        );
        server.ok(DELETE, json!({ "GroupId": group })).await;
        assert_eq!(stand(server, &group).await, json!([]));
    }
    let town = server.group("Community", owner, &[]).await;
    for command in [UPDATE, GET, DELETE] {
        server.fails(10007, command, json!({ "GroupId": town, "GroupCounter": [{ "Key": "a", "Value": 1 }] })).await;
    }
}

#[tokio::test]
async fn everybody_is_told_in_order_of_the_numbers() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    ana.ok(
        "group_open_http_svc.update_group_counter",
        json!({ "GroupId": group, "Mode": "Increase",
        "GroupCounter": [{ "Key": "likes", "Value": 2 }] }),
    )
    .await;
    server.ok(UPDATE, json!({ "GroupId": group, "GroupCounter": [{ "Key": "shares", "Value": 1 }] })).await;
    server.ok(DELETE, json!({ "GroupId": group, "GroupCounterKeys": ["likes"] })).await;
    for client in [&ana, &bob] {
        for (kind, seq, key, value) in [(0, 1, "likes", 2), (0, 2, "shares", 1), (1, 3, "likes", 2)] {
            assert_eq!(
                heard(client, &group).await,
                json!([{ "Type": kind, "GroupCounterSeq": seq, "GroupCounter": [{ "Key": key, "Value": value }] }])
            );
        }
    }
    let told =
        bob.ok("group_open_http_svc.get_group_counter", json!({ "GroupId": group, "GroupCounterKeys": [] })).await;
    assert_eq!(
        (&told["GroupCounterSeq"], &told["GroupCounter"]),
        (&json!(3), &json!([{ "Key": "shares", "Value": 1 }]))
    );
}

#[tokio::test]
async fn many_rises_at_once_lose_nothing() {
    let server = std::sync::Arc::new(Server::with_settings("rates.rest_default_per_second = 0").await);
    let owner = &server.users(&["ana"]).await[0];
    let group = server.group("Public", owner, &[]).await;
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let (server, group) = (server.clone(), group.clone());
        tasks.push(tokio::spawn(async move {
            for _ in 0..10 {
                let body =
                    json!({ "GroupId": group, "Mode": "Increase", "GroupCounter": [{ "Key": "likes", "Value": 1 }] });
                server.ok(UPDATE, body).await;
            }
        }));
    }
    for task in tasks {
        task.await.expect("done");
    }
    assert_eq!(stand(&server, &group).await, json!([{ "Key": "likes", "Value": 80 }]));
}

#[tokio::test]
async fn counters_survive_a_restart_and_a_switch_turns_them_off() {
    let mut server = Server::start(&[]).await;
    let owner = &server.users(&["ana"]).await[0];
    let group = server.group("Public", owner, &[]).await;
    server.ok(UPDATE, json!({ "GroupId": group, "GroupCounter": [{ "Key": "likes", "Value": 7 }] })).await;
    server.kill().await;
    server.restart().await;
    assert_eq!(stand(&server, &group).await, json!([{ "Key": "likes", "Value": 7 }]));

    let server = Server::with_settings("features.group_counter = false").await;
    let owner = &server.users(&["ana"]).await[0];
    let group = server.group("Public", owner, &[]).await;
    for command in [UPDATE, GET, DELETE] {
        server.fails(10059, command, json!({ "GroupId": group, "GroupCounter": [{ "Key": "a", "Value": 1 }] })).await;
    }
}
