//! Webhooks: every command's address, body and effect (docs/spec/webhooks.md).

use serde_json::json;
use tsudoi_it::{
    ADMIN, APP, Server,
    receiver::{Reaction, Receiver},
};

/// A server whose app listens to everything, and the backend that it calls.
async fn stage() -> (Server, Receiver) {
    let receiver = Receiver::start().await;
    let server = Server::start(&[("TSUDOI_WEBHOOK_URL", &receiver.url())]).await;
    (server, receiver)
}

#[tokio::test]
async fn groups_are_asked_about_and_told_of() {
    let (server, receiver) = stage().await;
    let users = server.users(&["ana", "bob"]).await;
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    let asked = receiver.call("Group.CallbackBeforeCreateGroup", |_| true).await;
    let query = [
        ("SdkAppid", APP.to_string().as_str()),
        ("CallbackCommand", "Group.CallbackBeforeCreateGroup"),
        ("contenttype", "json"),
        ("ClientIP", "127.0.0.1"),
        ("OptPlatform", "RESTAPI"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(asked.query, query);
    assert_eq!(
        asked.request_line,
        format!(
            "POST /hook?SdkAppid={APP}&CallbackCommand=Group.CallbackBeforeCreateGroup&contenttype=json&ClientIP=127.0.0.1&OptPlatform=RESTAPI HTTP/1.1"
        )
    );
    assert_eq!(asked.headers["content-type"], "application/json");
    assert_eq!(asked.headers["content-length"], asked.raw.len().to_string());
    assert_eq!(asked.headers["host"], format!("127.0.0.1:{}", receiver.port()));
    let mut body = asked.body.clone();
    assert!(body["EventTime"].take().as_i64().expect("a number") > 1_700_000_000_000);
    assert_eq!(
        body,
        json!({ "CallbackCommand": "Group.CallbackBeforeCreateGroup", "Operator_Account": ADMIN,
        "Owner_Account": users[0], "Type": "Public", "Name": "suite", "CreateGroupNum": 0, "CreatedGroupNum": 0,
        "MemberList": [{ "Member_Account": users[1] }], "EventTime": null })
    );
    let told = receiver.call("Group.CallbackAfterCreateGroup", |_| true).await;
    let mut body = told.body.clone();
    body["EventTime"].take();
    assert_eq!(
        body,
        json!({ "CallbackCommand": "Group.CallbackAfterCreateGroup", "GroupId": group,
        "Operator_Account": ADMIN, "Owner_Account": users[0], "Type": "Public", "Name": "suite",
        "MemberList": [{ "Member_Account": users[1] }], "EventTime": null })
    );

    // What the backend refuses is not done, and nobody is told.
    receiver.react("Group.CallbackBeforeCreateGroup", Reaction::verdict(1, ""));
    server.fails(10016, "group_open_http_svc/create_group", json!({ "Type": "Public", "Name": "no" })).await;
    receiver.react("Group.CallbackBeforeCreateGroup", Reaction::verdict(10101, "level too low"));
    let refused =
        server.fails(10101, "group_open_http_svc/create_group", json!({ "Type": "Public", "Name": "no" })).await;
    assert_eq!(refused["ErrorInfo"], "level too low");
    receiver.react("Group.CallbackBeforeCreateGroup", Reaction::ok());
    server.group("Public", &users[0], &[]).await;
    assert_eq!(
        receiver.call("Group.CallbackBeforeCreateGroup", |body| body["CreateGroupNum"] == 1).await.body["Name"],
        "suite"
    );
    assert_eq!(receiver.calls_until(2, "Group.CallbackAfterCreateGroup", |_| true).await.len(), 2);
}
