//! Conversation lists: order, cursor, last messages, unread numbers.

use serde_json::{Value, json};
use tsudoi_it::{Client, Server, random, shared, text, unique};

async fn mail(server: &Server, from: &str, to: &str, words: &str) -> Value {
    let body = json!({ "From_Account": from, "To_Account": to, "MsgRandom": random(), "MsgBody": text(words) });
    server.ok("openim/sendmsg", body).await
}

/// All pages from a cursor on, and the final cursor.
async fn list(client: &Client, mut cursor: Value) -> (Vec<Value>, Value) {
    let mut items = Vec::new();
    loop {
        let mut body = json!({ "OrderType": 1, "MsgAssistFlags": 15, "AssistFlags": 31 });
        body.as_object_mut().expect("an object").extend(cursor.as_object().expect("an object").clone());
        let page = client.ok("recentcontact.page_get", body).await;
        items.extend(page["SessionItem"].as_array().expect("a list").iter().cloned());
        cursor = json!({ "TimeStamp": page["TimeStamp"], "StartIndex": page["StartIndex"],
            "TopTimeStamp": page["TopTimeStamp"], "TopStartIndex": page["TopStartIndex"] });
        if page["CompleteFlag"] == 1 {
            return (items, cursor);
        }
    }
}

fn start() -> Value {
    json!({ "TimeStamp": 0, "StartIndex": 0, "TopTimeStamp": 0, "TopStartIndex": 0 })
}

#[tokio::test]
async fn one_to_one_conversations_show_their_last_message() {
    let server = shared().await;
    let (ana, bob) = (unique("ana"), unique("bob"));
    let client = server.login(&bob).await;
    server
        .login(&ana)
        .await
        .ok("profile.portrait_set", json!({ "ProfileItem": [{ "Tag": "Tag_Profile_IM_Nick", "Value": "Ana" }] }))
        .await;
    let (items, _) = list(&client, start()).await;
    assert_eq!(items, Vec::<Value>::new());
    mail(server, &ana, &bob, "one").await;
    let sent = mail(server, &ana, &bob, "two").await;
    let (items, cursor) = list(&client, start()).await;
    assert_eq!(items.len(), 1);
    let item = &items[0];
    for (field, expected) in [
        ("Type", json!(1)),
        ("To_Account", json!(ana)),
        ("MsgTimeStamp", sent["MsgTime"].clone()),
        ("LastC2CMsgFrom_Account", json!(ana)),
        ("C2cNick", json!("Ana")),
        ("LastMsgFlags", json!(0)),
        ("C2cPeerReadTime", json!(0)),
        ("TopFlags", json!(0)),
    ] {
        assert_eq!(item[field], expected, "{field} of {item}");
    }
    assert_eq!(item["LastMsg"]["MsgBody"], text("two"));
    // What moves nothing: messages that say so.
    let quiet = json!({ "From_Account": ana, "To_Account": bob, "MsgRandom": random(), "MsgBody": text("quiet"), "SendMsgControl": ["NoLastMsg"] });
    server.ok("openim/sendmsg", quiet).await;
    assert_eq!(list(&client, start()).await.0[0]["LastMsg"]["MsgBody"], text("two"));
    // Recalled last messages are marked.
    server
        .ok("openim/admin_msgwithdraw", json!({ "From_Account": ana, "To_Account": bob, "MsgKey": sent["MsgKey"] }))
        .await;
    let (items, _) = list(&client, start()).await;
    assert_eq!(items[0]["LastMsgFlags"], 8);
    assert_eq!(items[0]["LastMsg"]["RevokerInfo"]["Revoker_Account"], ana);
    // Reading shows to the other side.
    server.ok("openim/admin_set_msg_read", json!({ "Report_Account": bob, "Peer_Account": ana })).await;
    let of_ana = server.login(&ana).await;
    assert!(list(&of_ana, start()).await.0[0]["C2cPeerReadTime"].as_i64().expect("a number") > 0);
    assert!(cursor["TimeStamp"].as_i64().expect("a number") > 0);
}

#[tokio::test]
async fn the_list_comes_in_pages_by_time_and_later_only_what_changed() {
    let server = shared().await;
    let bob = unique("bob");
    let client = server.login(&bob).await;
    let names: Vec<String> = (0..60).map(|n| format!("peer{n}-")).collect();
    let peers = server.users(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for (n, peer) in peers.iter().enumerate() {
        mail(server, peer, &bob, &format!("{n}{}", "x".repeat(2000))).await;
    }
    let (items, cursor) = list(&client, start()).await;
    let mut names: Vec<&str> = items.iter().map(|item| item["To_Account"].as_str().expect("a text")).collect();
    let times: Vec<i64> = items.iter().map(|item| item["MsgTimeStamp"].as_i64().expect("a number")).collect();
    assert!(times.is_sorted(), "{times:?}");
    names.sort_unstable();
    names.dedup();
    assert_eq!((items.len(), names.len()), (60, 60), "each once");
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    mail(server, &peers[7], &bob, "again").await;
    let (changed, _) = list(&client, cursor).await;
    let changed: Vec<&Value> = changed.iter().filter(|item| item["LastMsg"]["MsgBody"] == text("again")).collect();
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0]["To_Account"], peers[7]);
}

#[tokio::test]
async fn everything_is_read_at_once() {
    let server = shared().await;
    let users = server.users(&["ana", "cid", "bob"]).await;
    let client = server.login(&users[2]).await;
    for peer in &users[..2] {
        mail(server, peer, &users[2], "hello").await;
    }
    let answer = client.ok("openim.read_all_unread_msg", json!({ "C2CReadAllMsg": 1 })).await;
    assert_eq!((&answer["C2CReadAllMsg"], &answer["GroupReadInfoArray"]), (&json!(1), &json!([])));
    let total = server.ok("openim/get_c2c_unread_msg_num", json!({ "To_Account": users[2] })).await;
    assert_eq!(total["AllC2CUnreadMsgNum"], 0);
    let answer = client
        .ok(
            "openim.read_all_unread_msg",
            json!({ "C2CReadAllMsg": 0, "GroupReadInfo": [{ "GroupId": "nowhere", "MsgSeq": 4 }] }),
        )
        .await;
    assert_eq!(answer["GroupReadInfoArray"], json!([{ "GroupId": "nowhere", "MsgSeq": 4, "RetCode": 10007 }]));
}
