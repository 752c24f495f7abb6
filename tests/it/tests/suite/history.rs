//! Reading group messages again: windows, paging, who sees what (docs/spec/websocket-protocol.md#11, docs/spec/rest-groups.md#3.4).

use std::time::Duration;

use serde_json::{Value, json};
use tsudoi_it::{Client, Server, random, shared, text, unique};

const SEND: &str = "group_open_http_svc/send_group_msg";
const SIMPLE: &str = "group_open_http_svc/group_msg_get_simple";
const GET: &str = "group_open_http_svc.group_msg_get";

/// Sends `count` messages as the owner, no more in any second than a group may say; answers the number of the last.
async fn fill(server: &Server, group: &str, owner: &str, count: usize) -> u64 {
    let mut last = 0;
    for n in 0..count {
        if n > 0 && n % 30 == 0 {
            tokio::time::sleep(Duration::from_millis(1100)).await;
        }
        let body = json!({ "GroupId": group, "From_Account": owner, "Random": random(), "MsgBody": text(&format!("message {n}")) });
        last = server.ok(SEND, body).await["MsgSeq"].as_u64().expect("a number");
    }
    last
}

fn seqs(page: &Value) -> Vec<u64> {
    page["RspMsgList"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| item["MsgSeq"].as_u64().expect("a number"))
        .collect()
}

async fn page(client: &Client, group: &str, top: u64, count: u64) -> Value {
    let body = json!({ "GroupId": group, "ReqMsgSeq": top, "ReqMsgNumber": count, "WithRecalledMsg": 1 });
    client.ok(GET, body).await
}

#[tokio::test]
async fn pages_lead_back_to_the_first_message() {
    let server = shared().await;
    let ana = server.users(&["ana"]).await.remove(0);
    let group = server.group("Meeting", &ana, &[]).await;
    let newest = fill(server, &group, &ana, 50).await;
    let client = server.login(&ana).await;
    let (mut read, mut top) = (Vec::new(), 0);
    loop {
        let page = page(&client, &group, top, 21).await;
        assert_eq!(page["IsFinished"], 1);
        read.extend(seqs(&page));
        top = page["NextReqMsgSeq"].as_u64().expect("a number");
        if top == 0 {
            break;
        }
    }
    assert_eq!(read, (1..=newest).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_page_is_a_window_of_numbers() {
    let server = shared().await;
    let ana = server.users(&["ana"]).await.remove(0);
    let group = server.group("Meeting", &ana, &[]).await;
    let newest = fill(server, &group, &ana, 10).await;
    let client = server.login(&ana).await;
    // A client that lacks the last three asks for fifteen numbers from the first it lacks.
    let missed = page(&client, &group, newest - 3 + 15, 15).await;
    assert_eq!(seqs(&missed), [newest, newest - 1, newest - 2]);
    assert_eq!(missed["NextReqMsgSeq"], newest - 3);
    assert_eq!(seqs(&page(&client, &group, newest + 100, 15).await), [0u64; 0]);
    assert_eq!(seqs(&page(&client, &group, 5, 2).await), [5, 4]);
    let named = json!({ "GroupId": group, "GetType": 3, "ReqMsgSeqList": [2, 7, 7, 9999] });
    let named = client.ok(GET, named).await;
    assert_eq!((seqs(&named), &named["NextReqMsgSeq"]), (vec![7, 2], &json!(0)));
    client.fails(10004, GET, json!({ "GroupId": group, "ReqMsgNumber": 0 })).await;
    client.fails(10010, GET, json!({ "GroupId": unique("nowhere"), "ReqMsgNumber": 5 })).await;
}

#[tokio::test]
async fn newcomers_see_what_the_type_or_the_group_shows() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let add = |group: &str| json!({ "GroupId": group, "Silence": 1, "MemberList": [{ "Member_Account": users[1] }] });
    let client = server.login(&users[1]).await;
    for (group_type, own_setting, sees) in [
        ("Public", None, false),
        ("Private", None, false),
        ("ChatRoom", None, true),
        ("Community", None, true),
        ("Public", Some("On"), true),
        ("ChatRoom", Some("Off"), false),
    ] {
        let group = server.group(group_type, &users[0], &[]).await;
        if let Some(setting) = own_setting {
            let body = json!({ "GroupId": group, "HistoryMsgBeforeJoin": setting });
            server.ok("group_open_http_svc/modify_group_base_info", body).await;
        }
        let before = fill(server, &group, &users[0], 3).await;
        client.fails(10007, GET, json!({ "GroupId": group, "ReqMsgNumber": 5 })).await;
        server.ok("group_open_http_svc/add_group_member", add(&group)).await;
        let after = fill(server, &group, &users[0], 1).await;
        let read = page(&client, &group, 0, 20).await;
        let read = seqs(&read);
        assert!(read.contains(&after), "{group_type} {own_setting:?}");
        assert_eq!(read.contains(&before), sees, "{group_type} {own_setting:?}");
    }
}

#[tokio::test]
async fn live_rooms_have_no_history() {
    let server = shared().await;
    let ana = server.users(&["ana"]).await.remove(0);
    let room = server.group("AVChatRoom", &ana, &[]).await;
    let client = server.login(&ana).await;
    client.fails(10044, GET, json!({ "GroupId": room, "ReqMsgNumber": 5 })).await;
    server.fails(10007, SIMPLE, json!({ "GroupId": room, "ReqMsgNumber": 5 })).await;
}

#[tokio::test]
async fn backends_read_pages_of_twenty() {
    let server = shared().await;
    let ana = server.users(&["ana"]).await.remove(0);
    let group = server.group("Public", &ana, &[]).await;
    let newest = fill(server, &group, &ana, 30).await;
    let all = server.ok(SIMPLE, json!({ "GroupId": group, "ReqMsgNumber": 20 })).await;
    assert_eq!((seqs(&all), &all["IsFinished"]), ((newest - 19..=newest).rev().collect(), &json!(1)));
    assert_eq!(all["GroupId"], group);
    let more = server.ok(SIMPLE, json!({ "GroupId": group, "ReqMsgNumber": 25 })).await;
    assert_eq!((seqs(&more).len(), &more["IsFinished"]), (20, &json!(0)));
    let rest = server.ok(SIMPLE, json!({ "GroupId": group, "ReqMsgNumber": 20, "ReqMsgSeq": 3 })).await;
    assert_eq!((seqs(&rest), &rest["IsFinished"]), (vec![3, 2, 1], &json!(1)));
    let beyond = server.ok(SIMPLE, json!({ "GroupId": group, "ReqMsgNumber": 2, "ReqMsgSeq": newest + 100 })).await;
    assert_eq!(seqs(&beyond), [newest, newest - 1]);
    server.fails(10004, SIMPLE, json!({ "GroupId": group })).await;
    server.fails(10004, SIMPLE, json!({ "GroupId": group, "ReqMsgNumber": 0 })).await;
    server.fails(10015, SIMPLE, json!({ "ReqMsgNumber": 1 })).await;
    server.fails(10010, SIMPLE, json!({ "GroupId": unique("nowhere"), "ReqMsgNumber": 1 })).await;
}
