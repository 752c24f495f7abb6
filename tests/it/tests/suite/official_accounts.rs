//! Official accounts: made and described, subscribed to, and heard by everybody who subscribes.

use serde_json::{Value, json};
use tsudoi_it::{Server, random, text, unique};

const S: &str = "official_account_open_http_svc";

async fn server() -> Server {
    Server::with_settings("rates = { official_messages_per_hour = 0 }\n").await
}

async fn create(server: &Server, owner: &str) -> String {
    let id = unique("@TOA#_news");
    let body =
        json!({ "Owner_Account": owner, "OfficialAccountUserID": id, "Name": "Harbour news", "MaxSubscriberNum": 3 });
    let made = server.ok(&format!("{S}/create_official_account"), body).await;
    assert_eq!(made["OfficialAccountUserID"], id.as_str());
    id
}

fn subscribers(id: &str, users: &[&str]) -> Value {
    let list: Vec<Value> = users.iter().map(|user| json!({ "Subscriber_Account": user })).collect();
    json!({ "Official_Account": id, "SubscriberList": list })
}

fn results(answer: &Value) -> Vec<u64> {
    let list = answer["SubscriberList"].as_array().expect("a list");
    list.iter().map(|one| one["Result"].as_u64().expect("a number")).collect()
}

#[tokio::test]
async fn they_are_made_changed_shown_and_ended() {
    let server = server().await;
    let owner = server.users(&["clerk"]).await.remove(0);
    let id = create(&server, &owner).await;
    let generated =
        server.ok(&format!("{S}/create_official_account"), json!({ "Owner_Account": owner, "Name": "Other" })).await;
    assert!(generated["OfficialAccountUserID"].as_str().is_some_and(|id| id.starts_with("@TOA#_")));
    server
        .ok(
            &format!("{S}/modify_official_account_base_info"),
            json!({ "OfficialAccount": id, "Introduction": "ships",
        "FaceUrl": "https://a.test/x.png", "Organization": "Quay", "CustomString": "{}" }),
        )
        .await;
    let list = json!({ "OfficialAccountIdList": [{ "Official_Account": id }, { "Official_Account": "@TOA#_none" }, { "Official_Account": "x" }] });
    let shown = server.ok(&format!("{S}/get_official_account_info"), list).await;
    let first = &shown["OfficialAccountInfoList"][0];
    for (field, value) in [
        ("Official_Account", json!(id)),
        ("Owner_Account", json!(owner)),
        ("Name", json!("Harbour news")),
        ("Introduction", json!("ships")),
        ("Organization", json!("Quay")),
        ("MaxSubscriberNum", json!(3)),
        ("SubscriberNum", json!(0)),
        ("LastMsgTime", json!(0)),
        ("ErrorCode", json!(0)),
    ] {
        assert_eq!(first[field], value, "{field} of {first}");
    }
    let codes: Vec<&Value> =
        shown["OfficialAccountInfoList"].as_array().expect("a list").iter().map(|one| &one["ErrorCode"]).collect();
    assert_eq!(codes, [0, 130_004, 130_007]);
    let filtered = server
        .ok(
            &format!("{S}/get_official_account_info"),
            json!({ "OfficialAccountIdList": [{ "Official_Account": id }],
        "ResponseFilter": { "OfficialAccountBaseInfoFilter": ["Name"] } }),
        )
        .await;
    let fields: Vec<&String> = filtered["OfficialAccountInfoList"][0].as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["ErrorCode", "ErrorInfo", "Name", "Official_Account"]);

    let create = format!("{S}/create_official_account");
    let modify = format!("{S}/modify_official_account_base_info");
    for (code, command, body) in [
        (130_008, &create, json!({ "Owner_Account": owner, "OfficialAccountUserID": id, "Name": "x" })),
        (130_007, &create, json!({ "Owner_Account": owner, "OfficialAccountUserID": "news", "Name": "x" })),
        (130_007, &create, json!({ "Owner_Account": owner, "OfficialAccountUserID": "@TOA#_", "Name": "x" })),
        (10019, &create, json!({ "Owner_Account": unique("nobody"), "Name": "x" })),
        (10004, &create, json!({ "Owner_Account": owner })),
        (10004, &create, json!({ "Name": "x" })),
        (10004, &create, json!({ "Owner_Account": owner, "Name": "x".repeat(151) })),
        (10004, &create, json!({ "Owner_Account": owner, "Name": "x", "CustomString": "x".repeat(3001) })),
        (10004, &create, json!({ "Owner_Account": owner, "Name": 7 })),
        (130_004, &modify, json!({ "Official_Account": "@TOA#_none", "Name": "x" })),
        (130_007, &modify, json!({ "Name": "x" })),
        (10004, &modify, json!({ "Official_Account": id })),
    ] {
        server.fails(code, command, body).await;
    }
    server.ok(&format!("{S}/destroy_official_account"), json!({ "Official_Account": id })).await;
    server.fails(130_004, &format!("{S}/destroy_official_account"), json!({ "Official_Account": id })).await;
}

#[tokio::test]
async fn users_subscribe_and_leave() {
    let server = server().await;
    let users = server.users(&["clerk", "ana", "bob", "cid", "dan"]).await;
    let id = create(&server, &users[0]).await;
    let (add, delete) = (format!("{S}/add_subscriber"), format!("{S}/delete_subscriber"));
    let answer = server.ok(&add, subscribers(&id, &[&users[1], &users[2], "nobody-at-all", &users[1]])).await;
    assert_eq!(results(&answer), [1, 1, 0, 2]);
    assert_eq!(
        results(&server.ok(&add, subscribers(&id, &[&users[1], &users[3], &users[4]])).await),
        [2, 1, 0],
        "the cap"
    );
    server.fails(130_006, &add, subscribers(&id, &[&users[4]])).await;
    server
        .ok(
            &format!("{S}/modify_subscriber_info"),
            json!({ "Official_Account": id, "Subscriber_Account": users[1], "CustomString": "gold" }),
        )
        .await;
    server
        .fails(
            131_003,
            &format!("{S}/modify_subscriber_info"),
            json!({ "Official_Account": id, "Subscriber_Account": users[4], "CustomString": "gold" }),
        )
        .await;

    let list = |limit: u64, next: &str| json!({ "Official_Account": id, "Limit": limit, "Next": next });
    let page = server.ok(&format!("{S}/get_subscriber_info"), list(2, "")).await;
    assert_eq!((&page["SubscriberNum"], page["SubscriberList"].as_array().map(Vec::len)), (&json!(3), Some(2)));
    assert_eq!(page["SubscriberList"][0]["CustomString"], "gold");
    let next = page["Next"].as_str().expect("text");
    assert_ne!(next, "");
    let page = server.ok(&format!("{S}/get_subscriber_info"), list(2, next)).await;
    assert_eq!((page["SubscriberList"].as_array().map(Vec::len), &page["Next"]), (Some(1), &json!("")));
    server.fails(10004, &format!("{S}/get_subscriber_info"), list(201, "")).await;
    server.fails(10004, &format!("{S}/get_subscriber_info"), list(1, "x")).await;

    let own = server
        .ok(
            &format!("{S}/get_subscribed_official_account_list"),
            json!({ "Subscriber_Account": users[1], "Limit": 10, "Offset": 0 }),
        )
        .await;
    assert_eq!((&own["TotalCount"], &own["CompleteFlag"]), (&json!(1), &json!(1)));
    assert_eq!(own["OfficialAccountInfoList"][0]["Official_Account"], id.as_str());
    assert_eq!(own["OfficialAccountInfoList"][0]["SelfInfo"]["CustomString"], "gold");

    let gone = json!({ "Official_Account": id, "SubscriberToDel_Account": [users[1], users[4]] });
    assert_eq!(results(&server.ok(&delete, gone).await), [1, 2]);
    let shown = server
        .ok(&format!("{S}/get_official_account_info"), json!({ "OfficialAccountIdList": [{ "Official_Account": id }] }))
        .await;
    assert_eq!(shown["OfficialAccountInfoList"][0]["SubscriberNum"], 2);
    for users in [Vec::new(), (0..101).map(|at| format!("u{at}")).collect::<Vec<_>>()] {
        let users: Vec<&str> = users.iter().map(String::as_str).collect();
        server.fails(10004, &add, subscribers(&id, &users)).await;
    }
}

#[tokio::test]
async fn subscribers_hear_read_and_lose_what_was_said() {
    let mut server = server().await;
    let users = server.users(&["clerk", "ana", "bob", "cid"]).await;
    let id = create(&server, &users[0]).await;
    server.ok(&format!("{S}/add_subscriber"), subscribers(&id, &[&users[1], &users[2]])).await;
    let ana = server.login(&users[1]).await;
    let cid = server.login(&users[3]).await;
    let said =
        json!({ "Official_Account": id, "Random": random(), "MsgBody": text("ferry at nine"), "CloudCustomData": "x" });
    let sent = server.ok(&format!("{S}/send_official_account_msg"), said.clone()).await;
    let key = sent["MsgKey"].as_str().expect("a key").to_owned();
    let got = ana.event("C2cMsgArray", |item| item["From_Account"] == id.as_str()).await;
    assert_eq!((&got["MsgBody"], &got["CloudCustomData"]), (&text("ferry at nine"), &json!("x")));
    assert_eq!(server.ok(&format!("{S}/send_official_account_msg"), said).await["MsgKey"], key.as_str(), "a repeat");
    let second = json!({ "Official_Account": id, "Random": random(), "MsgBody": text("ferry at ten") });
    server.ok(&format!("{S}/send_official_account_msg"), second).await;
    ana.event("C2cMsgArray", |item| item["MsgBody"] == text("ferry at ten")).await;
    assert!(!cid.events().await.iter().any(|event| event.to_string().contains("ferry")), "others hear nothing");
    // Whoever was away reads it in the history.
    let history = json!({ "Operator_Account": users[2], "Peer_Account": id, "MaxCnt": 10, "MinTime": 0, "MaxTime": 4_000_000_000_u64 });
    assert_eq!(server.ok("openim/admin_getroammsg", history.clone()).await["MsgCnt"], 2);

    let list = |number: u64, last: &str, with: u64| json!({ "Official_Account": id, "ReqMsgNumber": number, "LastMsgKey": last, "WithRecalledMsg": with });
    let get = format!("{S}/official_account_msg_get_simple");
    let page = server.ok(&get, list(1, "", 0)).await;
    assert_eq!((&page["IsFinished"], &page["RspMsgList"][0]["MsgBody"]), (&json!(0), &text("ferry at ten")));
    let page = server.ok(&get, list(5, page["LastMsgKey"].as_str().expect("a key"), 0)).await;
    assert_eq!((&page["IsFinished"], &page["RspMsgList"][0]["MsgKey"]), (&json!(1), &json!(key)));

    let recall = json!({ "Official_Account": id, "MsgKeyList": [key, "1_2_3"], "Reason": "typo" });
    let answer = server.ok(&format!("{S}/official_account_msg_recall"), recall.clone()).await;
    assert_eq!(
        answer["RecallRetList"],
        json!([{ "MsgKey": key, "RetCode": 0 }, { "MsgKey": "1_2_3", "RetCode": 20022 }])
    );
    let answer = server.ok(&format!("{S}/official_account_msg_recall"), recall).await;
    assert_eq!(answer["RecallRetList"][0]["RetCode"], 20023);
    assert!(server.stop().await);
    server.restart().await;
    assert_eq!(server.ok(&get, list(5, "", 0)).await["RspMsgList"].as_array().map(Vec::len), Some(1));
    assert_eq!(server.ok(&get, list(5, "", 1)).await["RspMsgList"].as_array().map(Vec::len), Some(2));
    for (code, command, body) in [
        (10004, &get, json!({ "Official_Account": id })),
        (10004, &get, list(0, "", 0)),
        (10004, &get, list(1, "nonsense", 0)),
        (
            10004,
            &format!("{S}/official_account_msg_recall"),
            json!({ "Official_Account": id, "MsgKeyList": vec!["k"; 11] }),
        ),
        (
            10004,
            &format!("{S}/send_official_account_msg"),
            json!({ "Official_Account": id, "Random": 1, "MsgBody": [] }),
        ),
        (
            130_004,
            &format!("{S}/send_official_account_msg"),
            json!({ "Official_Account": "@TOA#_no", "Random": 1, "MsgBody": text("x") }),
        ),
    ] {
        server.fails(code, command, body).await;
    }
}

#[tokio::test]
async fn they_speak_rarely_and_not_at_all_when_switched_off() {
    let server = Server::with_settings("rates = { official_messages_per_hour = 1 }\n").await;
    let owner = server.users(&["clerk"]).await.remove(0);
    let id = create(&server, &owner).await;
    let say = |words: &str| json!({ "Official_Account": id, "Random": random(), "MsgBody": text(words) });
    server.ok(&format!("{S}/send_official_account_msg"), say("one")).await;
    server.fails(10006, &format!("{S}/send_official_account_msg"), say("two")).await;
    let server = Server::with_settings("features = { official_account = false }\n").await;
    server
        .fails(
            131_000,
            &format!("{S}/create_official_account"),
            json!({ "Owner_Account": "administrator", "Name": "x" }),
        )
        .await;
    server
        .fails(
            131_000,
            &format!("{S}/send_official_account_msg"),
            json!({ "Official_Account": "@TOA#_x", "Random": 1, "MsgBody": text("x") }),
        )
        .await;
}

#[tokio::test]
async fn the_backend_is_asked_and_told() {
    use tsudoi_it::receiver::{Reaction, Receiver};
    let receiver = Receiver::start().await;
    let server = Server::with_settings(&format!(
        "rates = {{ official_messages_per_hour = 0 }}\n[apps.settings.webhook]\nurl = \"{}\"\nall = true\n",
        receiver.url()
    ))
    .await;
    let users = server.users(&["clerk", "ana", "bob"]).await;
    let id = create(&server, &users[0]).await;
    let about = |body: &Value| body["Official_Account"] == id.as_str();
    receiver
        .call("OfficialAccount.CallbackBeforeCreateOfficialAccount", |body| body["Owner_Account"] == users[0].as_str())
        .await;
    let made = receiver.call("OfficialAccount.CallbackAfterCreateOfficialAccount", about).await;
    assert_eq!((&made.body["Name"], &made.body["Operator_Account"]), (&json!("Harbour news"), &json!("administrator")));
    server
        .ok(
            &format!("{S}/modify_official_account_base_info"),
            json!({ "Official_Account": id, "Introduction": "ships" }),
        )
        .await;
    let changed = receiver.call("OfficialAccount.CallbackAfterOfficialAccountInfoChanged", about).await;
    assert_eq!((&changed.body["Introduction"], changed.body.get("Name")), (&json!("ships"), None));

    receiver.react(
        "OfficialAccount.CallbackBeforeAddSubscriber",
        Reaction::ok_with(&json!({ "RefusedSubscribers_Account": [users[2]] })),
    );
    let answer = server.ok(&format!("{S}/add_subscriber"), subscribers(&id, &[&users[1], &users[2]])).await;
    assert_eq!(results(&answer), [1, 0]);
    let added = receiver.call("OfficialAccount.CallbackAfterAddSubscriber", about).await;
    assert_eq!(added.body["SubscribeAccountList"], json!([{ "Subscriber_Account": users[1] }]));

    let say = |words: &str| json!({ "Official_Account": id, "Random": random(), "MsgBody": text(words) });
    let send = format!("{S}/send_official_account_msg");
    receiver.react("OfficialAccount.CallbackBeforeSendMsg", Reaction::verdict(1, "no"));
    server.fails(10016, &send, say("one")).await;
    receiver
        .react("OfficialAccount.CallbackBeforeSendMsg", Reaction::ok_with(&json!({ "MsgBody": text("other words") })));
    let sent = server.ok(&send, say("two")).await;
    let told = receiver.call("OfficialAccount.CallbackAfterSendMsg", about).await;
    assert_eq!((&told.body["MsgKey"], &told.body["MsgBody"]), (&sent["MsgKey"], &text("other words")));
    server
        .ok(
            &format!("{S}/official_account_msg_recall"),
            json!({ "Official_Account": id, "MsgKeyList": [sent["MsgKey"]] }),
        )
        .await;
    let told = receiver.call("OfficialAccount.CallbackAfterMsgWithDraw", about).await;
    assert_eq!(told.body["WithdrawMsgList"], json!([{ "MsgKey": sent["MsgKey"] }]));

    server
        .ok(&format!("{S}/delete_subscriber"), json!({ "Official_Account": id, "SubscriberToDel_Account": [users[1]] }))
        .await;
    receiver.call("OfficialAccount.CallbackAfterDeleteSubscriber", about).await;
    server.ok(&format!("{S}/destroy_official_account"), json!({ "Official_Account": id })).await;
    receiver.call("OfficialAccount.CallbackAfterOfficialAccountDestroyed", about).await;
}

#[tokio::test]
async fn subscriptions_end_with_the_subscriber() {
    let server = server().await;
    let users = server.users(&["clerk", "ana", "bob"]).await;
    let id = create(&server, &users[0]).await;
    let body = subscribers(&id, &[&users[1], &users[2]]);
    assert_eq!(results(&server.ok(&format!("{S}/add_subscriber"), body.clone()).await), [1, 1]);
    server.ok("im_open_login_svc/account_delete", json!({ "DeleteItem": [{ "UserID": users[1] }] })).await;
    let shown = server.ok(&format!("{S}/get_subscriber_info"), json!({ "Official_Account": id })).await;
    assert_eq!(shown["SubscriberNum"], 1, "{shown}");
    let list = shown["SubscriberList"].as_array().expect("a list");
    assert_eq!(list.iter().map(|one| &one["Subscriber_Account"]).collect::<Vec<_>>(), [&users[2]]);
    // Who comes again starts anew.
    server.ok("im_open_login_svc/account_import", json!({ "UserID": users[1] })).await;
    assert_eq!(results(&server.ok(&format!("{S}/add_subscriber"), body).await), [1, 2]);
}
