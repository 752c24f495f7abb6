//! Attributes of groups, on both doors. Spec: docs/spec/rest-groups.md#5, docs/spec/websocket-protocol.md#15

use serde_json::{Value, json};
use tsudoi_it::{ADMIN, Client, Server, receiver::Receiver, shared};

const SET: &str = "group_open_http_svc/set_group_attr";
const MODIFY: &str = "group_open_http_svc/modify_group_attr";
const DELETE: &str = "group_open_http_svc/delete_group_attr";
const CLEAR: &str = "group_open_http_svc/clear_group_attr";
const GET: &str = "group_open_attr_http_svc/get_group_attr";

/// What a tip about attributes says.
async fn heard(client: &Client, group: &str) -> Value {
    let tip = client
        .event("GroupTips", |item| {
            item["ToGroupId"] == group && !item["MsgBody"]["MsgGroupNewInfo"]["GroupAttrOption"].is_null()
        })
        .await;
    assert_eq!(tip["MsgBody"]["OpType"], 6, "{tip}");
    tip["MsgBody"]["MsgGroupNewInfo"]["GroupAttrOption"].clone()
}

async fn stand(server: &Server, group: &str) -> Value {
    server.ok(GET, json!({ "GroupId": group })).await["GroupAttrAry"].clone()
}

#[tokio::test]
async fn every_type_that_has_attributes_keeps_them() {
    let server = shared().await;
    let owner = &server.users(&["ana"]).await[0];
    for group_type in ["Private", "Public", "ChatRoom", "AVChatRoom", "Community"] {
        let group = server.group(group_type, owner, &[]).await;
        assert_eq!(stand(server, &group).await, json!([]), "{group_type}");
        server
            .ok(
                SET,
                json!({ "GroupId": group, "GroupAttr": [{ "key": "a", "value": "1" }, { "key": "b", "value": "" }] }),
            )
            .await;
        server.ok(MODIFY, json!({ "GroupId": group, "GroupAttr": [{ "key": "b", "value": "2" }] })).await;
        server.ok(DELETE, json!({ "GroupId": group, "GroupAttr": [{ "key": "a" }] })).await;
        assert_eq!(stand(server, &group).await, json!([{ "key": "b", "value": "2" }]), "{group_type}");
        server.ok(CLEAR, json!({ "GroupId": group })).await;
        assert_eq!(stand(server, &group).await, json!([]), "{group_type}");
        // They end with the group.
        server.ok(SET, json!({ "GroupId": group, "GroupAttr": [{ "key": "a", "value": "1" }] })).await;
        server.ok("group_open_http_svc/destroy_group", json!({ "GroupId": group })).await;
        server.fails(10010, GET, json!({ "GroupId": group })).await;
    }
}

#[tokio::test]
async fn the_others_are_told_what_became_of_them_and_the_numbers_are_contiguous() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    let written = ana
        .ok("group_open_http_svc.set_group_attr", json!({ "GroupId": group, "AttrMainSeq": 0,
            "AttrControl": ["RaceConflict"], "GroupAttr": [{ "key": "a", "value": "1" }, { "key": "b", "value": "2" }] }))
        .await;
    assert_eq!(written["AttrMainSeq"], 1);
    assert_eq!(written["GroupAttrAry"], json!([{ "Key": "a", "seq": 1 }, { "Key": "b", "seq": 1 }]));
    assert_eq!(
        heard(&bob, &group).await,
        json!({ "OpType": 1, "GroupAttrSeq": 1, "PushChangedAttrValFlag": 1, "GroupAttrInfo": [
            { "Key": "a", "Value": "1", "SubKeySeq": 1 }, { "Key": "b", "Value": "2", "SubKeySeq": 1 }] })
    );
    server.ok(MODIFY, json!({ "GroupId": group, "GroupAttr": [{ "key": "a", "value": "3" }] })).await;
    for client in [&ana, &bob] {
        assert_eq!(
            heard(client, &group).await,
            json!({ "OpType": 2, "GroupAttrSeq": 2, "PushChangedAttrValFlag": 1, "GroupAttrInfo": [
                { "Key": "a", "Value": "3", "SubKeySeq": 2 }] })
        );
    }
    bob.ok("group_open_http_svc.delete_group_attr", json!({ "GroupId": group, "GroupAttr": [{ "key": "b" }] })).await;
    assert_eq!(
        heard(&ana, &group).await,
        json!({ "OpType": 4, "GroupAttrSeq": 3, "PushChangedAttrValFlag": 1, "GroupAttrInfo": [
            { "Key": "b", "Value": "", "SubKeySeq": 0 }] })
    );
    bob.ok("group_open_http_svc.clear_group_attr", json!({ "GroupId": group })).await;
    let cleared = heard(&ana, &group).await;
    assert_eq!(cleared, json!({ "OpType": 3, "GroupAttrSeq": 4, "PushChangedAttrValFlag": 1, "GroupAttrInfo": [] }));
    // The device that writes is told by its answer only, and nothing of it lies in the history.
    for client in [&ana, &bob] {
        let about = |event: &Value| event["GroupTips"][0]["MsgBody"]["MsgGroupNewInfo"]["GroupAttrOption"].is_object();
        assert!(!client.events().await.iter().any(about));
    }
    let history =
        server.ok("group_open_http_svc/group_msg_get_simple", json!({ "GroupId": group, "ReqMsgNumber": 20 })).await;
    assert_eq!(history["RspMsgList"], json!([]));
}

#[tokio::test]
async fn of_writers_who_know_the_same_state_one_wins() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let group = server.group("Public", &users[0], &[&users[1], &users[2]]).await;
    let mut clients = Vec::new();
    for user in &users {
        clients.push(server.login(user).await);
    }
    let body = |client: &str| {
        json!({ "GroupId": group, "AttrMainSeq": 0, "AttrControl": ["RaceConflict"],
        "GroupAttr": [{ "key": "by", "value": client }] })
    };
    let mut sent = Vec::new();
    for (client, user) in clients.iter().zip(&users) {
        sent.push(client.request("group_open_http_svc.modify_group_attr", &body(user)).await);
    }
    let mut codes = Vec::new();
    for (client, seq) in clients.iter().zip(sent) {
        codes.push(client.answer(seq).await["ErrorCode"].as_u64().expect("a code"));
    }
    codes.sort_unstable();
    assert_eq!(codes, [0, 10056, 10056]);
    // Who does not ask for it is not compared.
    let unasked = json!({ "GroupId": group, "AttrMainSeq": 0, "GroupAttr": [{ "key": "by", "value": "x" }] });
    let written = clients[0].ok("group_open_http_svc.modify_group_attr", unasked).await;
    assert_eq!(written["AttrMainSeq"], 2);
}

#[tokio::test]
async fn refused_writes_change_nothing_and_do_not_count_towards_the_rate() {
    let server = shared().await;
    let owner = &server.users(&["ana"]).await[0];
    let group = server.group("ChatRoom", owner, &[]).await;
    server.ok(SET, json!({ "GroupId": group, "GroupAttr": [{ "key": "a", "value": "1" }] })).await;
    let entries = |count: usize, value: &str| {
        (0..count).map(|n| json!({ "key": format!("k{n}"), "value": value })).collect::<Vec<_>>()
    };
    let long = "v".repeat(4000);
    for (code, command, list) in [
        (10045, MODIFY, json!([{ "key": "a", "value": "2" }, { "key": "k".repeat(33), "value": "1" }])),
        (10046, MODIFY, json!([{ "key": "a", "value": "v".repeat(4001) }])),
        (10047, MODIFY, json!(entries(16, "1"))),
        (10047, SET, json!(entries(17, "1"))),
        (10048, MODIFY, json!(entries(4, &long))),
        (10048, SET, json!(entries(5, &long))),
        (10050, DELETE, json!([{ "key": "a" }, { "key": "none" }])),
        (10004, MODIFY, json!([{ "value": "2" }])),
        (10004, MODIFY, json!({ "a": "2" })),
        (10004, DELETE, json!([])),
    ] {
        server.fails(code, command, json!({ "GroupId": group, "GroupAttr": list })).await;
    }
    assert_eq!(stand(server, &group).await, json!([{ "key": "a", "value": "1" }]));
    // Exactly what is allowed is stored.
    server.ok(SET, json!({ "GroupId": group, "GroupAttr": entries(4, &long) })).await;
    server.ok(SET, json!({ "GroupId": group, "GroupAttr": entries(16, "1") })).await;
    let key = "k".repeat(32);
    server.ok(SET, json!({ "GroupId": group, "GroupAttr": [{ "key": key, "value": "1" }] })).await;
    assert_eq!(stand(server, &group).await, json!([{ "key": key, "value": "1" }]));
}

#[tokio::test]
async fn a_group_is_written_so_often_a_second_from_both_doors_together() {
    let server = shared().await;
    let owner = &server.users(&["ana"]).await[0];
    let group = server.group("Public", owner, &[]).await;
    let other = server.group("Public", owner, &[]).await;
    let ana = server.login(owner).await;
    let body = json!({ "GroupId": group, "GroupAttr": [{ "key": "turn", "value": "1" }] });
    let mut sent = Vec::new();
    for _ in 0..20 {
        sent.push(ana.request("group_open_http_svc.modify_group_attr", &body).await);
    }
    let from_rest = futures_util::future::join_all((0..20).map(|_| server.call(MODIFY, &body))).await;
    let mut answers = from_rest;
    for seq in sent {
        answers.push(ana.answer(seq).await);
    }
    let count = |code: u32| answers.iter().filter(|answer| answer["ErrorCode"] == code).count();
    assert!(count(0) >= 5, "{answers:?}");
    assert!(count(10049) > 0, "{answers:?}");
    assert_eq!(count(0) + count(10049), answers.len(), "{answers:?}");
    server.ok(CLEAR, json!({ "GroupId": other })).await;
}

#[tokio::test]
async fn attributes_survive_a_restart() {
    let mut server = Server::start(&[]).await;
    let owner = &server.users(&["ana"]).await[0];
    for group_type in ["Public", "AVChatRoom"] {
        let group = server.group(group_type, owner, &[]).await;
        server.ok(SET, json!({ "GroupId": group, "GroupAttr": [{ "key": "a", "value": "\u{0}1" }] })).await;
        server.kill().await;
        server.restart().await;
        assert_eq!(stand(&server, &group).await, json!([{ "key": "a", "value": "\u{0}1" }]));
        server.ok(MODIFY, json!({ "GroupId": group, "GroupAttr": [{ "key": "b", "value": "2" }] })).await;
        assert_eq!(stand(&server, &group).await.as_array().expect("a list").len(), 2);
    }
}

#[tokio::test]
async fn the_backend_is_told_of_every_change_and_of_nothing_that_was_refused() {
    let receiver = Receiver::start().await;
    let server = Server::start(&[("TSUDOI_WEBHOOK_URL", &receiver.url())]).await;
    let users = server.users(&["ana"]).await;
    let group = server.group("Public", &users[0], &[]).await;
    let ana = server.login(&users[0]).await;
    server.ok(SET, json!({ "GroupId": group, "GroupAttr": [{ "key": "a", "value": "1" }] })).await;
    server.fails(10050, DELETE, json!({ "GroupId": group, "GroupAttr": [{ "key": "none" }] })).await;
    ana.ok(
        "group_open_http_svc.modify_group_attr",
        json!({ "GroupId": group, "GroupAttr": [{ "key": "b", "value": "2" }] }),
    )
    .await;
    server.ok(DELETE, json!({ "GroupId": group, "GroupAttr": [{ "key": "a" }] })).await;
    server.ok(CLEAR, json!({ "GroupId": group })).await;
    const COMMAND: &str = "Group.CallbackAfterGroupAttrChanged";
    let calls = receiver.calls_until(4, COMMAND, |body| body["GroupId"] == group).await;
    let told: Vec<_> = calls
        .iter()
        .map(|call| {
            (
                call.body["Operator_Account"].clone(),
                call.body["OptionType"].clone(),
                call.body["GroupAttr"].clone(),
                call.body["Type"].clone(),
            )
        })
        .collect();
    let expected = [
        (ADMIN, "set", json!([{ "key": "a", "value": "1" }])),
        (&users[0], "modify", json!([{ "key": "b", "value": "2" }])),
        (ADMIN, "delete", json!([{ "key": "a", "value": "" }])),
        (ADMIN, "clear", json!([])),
    ];
    let expected: Vec<_> = expected.map(|(by, kind, list)| (json!(by), json!(kind), list, json!("Public"))).into();
    assert_eq!(told, expected);
    assert_eq!(calls[1].param("OptPlatform"), Some("Web"));
}
