//! One-to-one messages over both doors: sending, history, recall, reading.

use serde_json::{Value, json};
use tsudoi_it::{ADMIN, Client, Server, now, random, shared, text, unique};

/// A REST message; answers the send's answer.
async fn mail(server: &Server, from: &str, to: &str, words: &str) -> Value {
    let body = json!({ "From_Account": from, "To_Account": to, "MsgRandom": random(), "MsgBody": text(words) });
    server.ok("openim/sendmsg", body).await
}

/// A message as the Web SDK sends it; answers the request.
fn whisper(from: &str, to: &str, words: &str) -> Value {
    json!({ "From_Account": from, "To_Account": to, "MsgSeq": 3_700_000_000_u32 + random(), "MsgRandom": random(),
        "MsgBody": text(words), "CloudCustomData": "", "From_AccountNick": "", "From_AccountHeadurl": "",
        "MsgClientTime": now(), "IsNeedReadReceipt": 0, "SupportMessageExtension": 0, "IsRelayMsg": 0 })
}

async fn history(server: &Server, operator: &str, peer: &str) -> Vec<String> {
    let body = json!({ "Operator_Account": operator, "Peer_Account": peer, "MaxCnt": 100, "MinTime": 0,
        "MaxTime": now() + 100 });
    words(&server.ok("openim/admin_getroammsg", body).await["MsgList"])
}

fn words(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list");
    list.iter().map(|item| item["MsgBody"][0]["MsgContent"]["Text"].as_str().expect("words").to_owned()).collect()
}

async fn receives(client: &Client, words: &str) -> Value {
    client.event("C2cMsgArray", |item| item["MsgBody"][0]["MsgContent"]["Text"] == words).await
}

async fn unread(server: &Server, user: &str, peer: &str) -> u64 {
    let body = json!({ "To_Account": user, "Peer_Account": [peer] });
    let answer = server.ok("openim/get_c2c_unread_msg_num", body).await;
    answer["C2CUnreadMsgNumList"][0]["C2CUnreadMsgNum"].as_u64().expect("a number")
}

#[tokio::test]
async fn a_message_reaches_the_receiver_with_what_makes_its_id() {
    let server = shared().await;
    let (ana, bob) = (unique("ana"), unique("bob"));
    let (of_ana, of_bob) = (server.login(&ana).await, server.login(&bob).await);
    let tiny = server.login(&ana).await.credentials()["tinyid"].clone();
    drop(of_ana);
    let of_ana = server.login(&ana).await;
    let mut request = whisper(&ana, &bob, "hello");
    request["CloudCustomData"] = json!("data");
    request["SendMsgControl"] = json!(["NoUnread", "NoLastMsg"]);
    request["IsNeedReadReceipt"] = json!(1);
    let answer = of_ana.ok("openim.sendmsg", request.clone()).await;
    assert_eq!(answer["MsgKey"], format!("{}_{}_{}", request["MsgSeq"], request["MsgRandom"], answer["MsgTime"]));
    let item = receives(&of_bob, "hello").await;
    for (field, expected) in [
        ("From_Account", json!(ana)),
        ("To_Account", json!(bob)),
        ("MsgSeq", request["MsgSeq"].clone()),
        ("MsgRandom", request["MsgRandom"].clone()),
        ("MsgTimeStamp", answer["MsgTime"].clone()),
        ("MsgClientTime", request["MsgClientTime"].clone()),
        ("TinyId", tiny.clone()),
        ("CloudCustomData", json!("data")),
        ("IsNeedReadReceipt", json!(1)),
        ("SendMsgControl", json!({ "NoUnread": 1, "NoLastMsg": 1 })),
    ] {
        assert_eq!(item[field], expected, "{field} of {item}");
    }
    let id = format!(
        "{}-{}-{}",
        tiny.as_str().expect("a text"),
        request["MsgClientTime"].as_i64().expect("a number"),
        request["MsgRandom"].as_u64().expect("a number")
    );
    assert_eq!(answer["MsgId"], id);
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_told_and_nothing_is_sent() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (&users[0], &users[1]);
    let fine = json!({ "From_Account": ana, "To_Account": bob, "MsgRandom": 1, "MsgBody": text("x") });
    for (field, value, code) in [
        ("From_Account", json!(""), 90008),
        ("From_Account", json!(7), 90008),
        ("From_Account", json!(unique("ghost")), 90008),
        ("To_Account", Value::Null, 90003),
        ("To_Account", json!(7), 90003),
        ("To_Account", json!([bob]), 90003),
        ("To_Account", json!(unique("ghost")), 20003),
        ("MsgRandom", Value::Null, 90005),
        ("MsgRandom", json!("1"), 90005),
        ("MsgRandom", json!(-1), 90005),
        ("MsgSeq", json!("1"), 90004),
        ("MsgTimeStamp", json!("now"), 90006),
        ("MsgLifeTime", json!("1"), 90044),
        ("MsgLifeTime", json!(604_801), 90026),
        ("SyncOtherMachine", json!("1"), 90031),
        ("SyncOtherMachine", json!(3), 90031),
        ("MsgBody", Value::Null, 90002),
        ("MsgBody", json!({}), 90007),
        ("MsgBody", json!([]), 90002),
        ("MsgBody", json!([{ "MsgType": "TIMNopeElem", "MsgContent": {} }]), 90010),
        ("MsgBody", json!([{ "MsgType": "TIMTextElem", "MsgContent": { "Text": 7 } }]), 90010),
        ("MsgBody", text(&"x".repeat(12_300)), 80002),
        ("OfflinePushInfo", json!([]), 90043),
        ("OfflinePushInfo", json!({ "PushFlag": "1" }), 90043),
    ] {
        let mut body = fine.clone();
        match value {
            Value::Null => _ = body.as_object_mut().expect("an object").remove(field),
            value => body[field] = value,
        }
        let answer = server.fails(code, "openim/sendmsg", body).await;
        let info = answer["ErrorInfo"].as_str().expect("a text");
        assert!(info.contains(field) || code == 80002 || info.contains("MsgBody"), "{field}: {info}");
    }
    server.fails(90001, "openim/sendmsg", json!([])).await;
    assert_eq!(history(server, bob, ana).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_repeated_send_is_one_message() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (&users[0], &users[1]);
    // With the sender's number and without: the same request is the same message.
    for seq in [json!(17), Value::Null] {
        let mut body =
            json!({ "From_Account": ana, "To_Account": bob, "MsgRandom": random(), "MsgBody": text("once") });
        if !seq.is_null() {
            body["MsgSeq"] = seq;
        }
        let first = server.ok("openim/sendmsg", body.clone()).await;
        let again = server.ok("openim/sendmsg", body).await;
        assert_eq!(first, again);
    }
    assert_eq!(history(server, bob, ana).await, ["once", "once"]);
    // Careless dice with other words are another message.
    for words in ["one", "two"] {
        let body = json!({ "From_Account": ana, "To_Account": bob, "MsgRandom": 5, "MsgBody": text(words) });
        server.ok("openim/sendmsg", body).await;
    }
    assert_eq!(history(server, bob, ana).await.len(), 4);
    assert_eq!(unread(server, bob, ana).await, 4);
}

#[tokio::test]
async fn a_repeat_is_known_after_a_restart() {
    let mut server = Server::start(&[]).await;
    let users = server.users(&["ana", "bob"]).await;
    let body = json!({ "From_Account": users[0], "To_Account": users[1], "MsgSeq": 4, "MsgRandom": 5, "MsgBody": text("once") });
    let first = server.ok("openim/sendmsg", body.clone()).await;
    server.kill().await;
    server.restart().await;
    assert_eq!(server.ok("openim/sendmsg", body).await, first);
    assert_eq!(history(&server, &users[1], &users[0]).await, ["once"]);
}

#[tokio::test]
async fn backends_decide_what_happens_on_the_senders_side() {
    let server = shared().await;
    let (ana, bob) = (unique("ana"), unique("bob"));
    let (of_ana, of_bob) = (server.login(&ana).await, server.login(&bob).await);
    let send = async |sync: Value, words: &str| {
        let mut body = json!({ "From_Account": ana, "To_Account": bob, "MsgRandom": random(), "MsgBody": text(words) });
        if !sync.is_null() {
            body["SyncOtherMachine"] = sync;
        }
        server.ok("openim/sendmsg", body).await;
        receives(&of_bob, words).await;
    };
    send(Value::Null, "kept").await;
    send(json!(2), "not for me").await;
    send(json!(1), "synced").await;
    // The copy for the own devices has its accounts swapped.
    let copy = receives(&of_ana, "synced").await;
    assert_eq!((&copy["From_Account"], &copy["To_Account"], &copy["IsSyncMsg"]), (&json!(bob), &json!(ana), &json!(1)));
    assert!(of_ana.events().await.iter().all(|event| event.get("C2cMsgArray").is_none()), "one copy only");
    assert_eq!(history(server, &ana, &bob).await, ["kept", "synced"]);
    assert_eq!(history(server, &bob, &ana).await, ["kept", "not for me", "synced"]);
}

#[tokio::test]
async fn other_devices_of_a_sender_get_a_copy_its_own_does_not() {
    let server = Server::with_settings("login.web_instances = 3").await;
    let (ana, bob) = (unique("ana"), unique("bob"));
    let (first, second, of_bob) = (server.login(&ana).await, server.login(&ana).await, server.login(&bob).await);
    first.ok("openim.sendmsg", whisper(&ana, &bob, "hi")).await;
    receives(&of_bob, "hi").await;
    assert_eq!(receives(&second, "hi").await["IsSyncMsg"], 1);
    assert!(first.events().await.is_empty());
}

#[tokio::test]
async fn messages_for_those_online_leave_no_trace() {
    let server = shared().await;
    let (ana, bob) = (unique("ana"), unique("bob"));
    let (_of_ana, of_bob) = (server.login(&ana).await, server.login(&bob).await);
    for option in [json!({ "OnlineOnlyFlag": 1 }), json!({ "MsgLifeTime": 0 })] {
        let words = unique("typing");
        let mut body =
            json!({ "From_Account": ana, "To_Account": bob, "MsgRandom": random(), "MsgBody": text(&words) });
        body.as_object_mut().expect("an object").extend(option.as_object().expect("an object").clone());
        server.ok("openim/sendmsg", body).await;
        assert_eq!(receives(&of_bob, &words).await["MsgLifeTime"], 0);
    }
    assert!(history(server, &bob, &ana).await.is_empty());
    assert_eq!(unread(server, &bob, &ana).await, 0);
}

#[tokio::test]
async fn a_message_to_oneself_arrives_once_and_is_read() {
    let server = shared().await;
    let ana = unique("ana");
    let of_ana = server.login(&ana).await;
    mail(server, &ana, &ana, "note").await;
    receives(&of_ana, "note").await;
    assert!(of_ana.events().await.is_empty());
    assert_eq!(history(server, &ana, &ana).await, ["note"]);
    assert_eq!(unread(server, &ana, &ana).await, 0);
}

#[tokio::test]
async fn the_calling_admin_is_the_sender_when_nobody_is_named() {
    let server = shared().await;
    let bob = unique("bob");
    let of_bob = server.login(&bob).await;
    server.ok("openim/sendmsg", json!({ "To_Account": bob, "MsgRandom": random(), "MsgBody": text("news") })).await;
    assert_eq!(receives(&of_bob, "news").await["From_Account"], ADMIN);
}

#[tokio::test]
async fn backends_page_through_many_messages_of_one_second() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (&users[0], &users[1]);
    let mut sent = Vec::new();
    for n in 0..45 {
        let words = format!("message {n}");
        let (from, to) = if n % 3 == 0 { (bob, ana) } else { (ana, bob) };
        let body = json!({ "From_Account": from, "To_Account": to, "MsgSeq": n, "MsgRandom": random(), "MsgBody": text(&words) });
        server.ok("openim/sendmsg", body).await;
        sent.push(words);
    }
    let (mut pages, mut seen) = (Vec::new(), Vec::new());
    let (mut max, mut key) = (json!(now() + 10), json!(""));
    loop {
        let body = json!({ "Operator_Account": ana, "Peer_Account": bob, "MaxCnt": 20, "MinTime": 0, "MaxTime": max,
            "LastMsgKey": key });
        let page = server.ok("openim/admin_getroammsg", body).await;
        let list = page["MsgList"].as_array().expect("a list");
        assert_eq!(page["MsgCnt"], list.len());
        assert_eq!(page["LastMsgKey"], list[0]["MsgKey"], "the oldest comes first");
        assert_eq!(page["LastMsgTime"], list[0]["MsgTimeStamp"]);
        let mut words = words(&page["MsgList"]);
        pages.push(words.len());
        words.extend(seen);
        seen = words;
        (max, key) = (page["LastMsgTime"].clone(), page["LastMsgKey"].clone());
        if page["Complete"] == 1 {
            break;
        }
    }
    assert_eq!(pages, [20, 20, 5]);
    let mut unique = seen.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), 45, "no repeats, no gaps");
    // In the order of time, then of the sender's number.
    assert_eq!(seen, sent);
    let nothing = json!({ "Operator_Account": ana, "Peer_Account": bob, "MaxCnt": 20, "MinTime": 1, "MaxTime": 2 });
    let page = server.ok("openim/admin_getroammsg", nothing).await;
    assert_eq!((&page["Complete"], &page["MsgCnt"], &page["LastMsgKey"]), (&json!(1), &json!(0), &json!("")));
    server
        .fails(
            90054,
            "openim/admin_getroammsg",
            json!({ "Operator_Account": ana, "Peer_Account": bob, "MaxCnt": 1,
        "MinTime": 0, "MaxTime": 9, "LastMsgKey": "junk" }),
        )
        .await;
    server
        .fails(
            90008,
            "openim/admin_getroammsg",
            json!({ "Peer_Account": bob, "MaxCnt": 1, "MinTime": 0, "MaxTime": 9 }),
        )
        .await;
}

#[tokio::test]
async fn pages_for_backends_are_bounded_in_bytes() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (&users[0], &users[1]);
    for n in 0..6 {
        mail(server, ana, bob, &format!("{n}{}", "x".repeat(5000))).await;
    }
    mail(server, ana, bob, &"y".repeat(12_000)).await;
    let (mut pages, mut max, mut key) = (Vec::new(), json!(now() + 10), json!(""));
    loop {
        let body = json!({ "Operator_Account": bob, "Peer_Account": ana, "MaxCnt": 100, "MinTime": 0, "MaxTime": max,
            "LastMsgKey": key });
        let page = server.ok("openim/admin_getroammsg", body).await;
        pages.push(page["MsgCnt"].as_u64().expect("a number"));
        (max, key) = (page["LastMsgTime"].clone(), page["LastMsgKey"].clone());
        if page["Complete"] == 1 {
            break;
        }
    }
    assert_eq!(pages.iter().sum::<u64>(), 7);
    assert!(pages.iter().all(|number| (1..=2).contains(number)), "{pages:?}");
}

#[tokio::test]
async fn clients_page_both_ways() {
    let server = shared().await;
    let (ana, bob) = (unique("ana"), unique("bob"));
    let of_bob = server.login(&bob).await;
    server.users(&["warm"]).await;
    server.login(&ana).await;
    let mut sent = Vec::new();
    for n in 0..35 {
        let body = json!({ "From_Account": ana, "To_Account": bob, "MsgSeq": n, "MsgRandom": random(), "MsgBody": text(&format!("m{n}")) });
        server.ok("openim/sendmsg", body).await;
        sent.push(format!("m{n}"));
    }
    let mut seen = Vec::new();
    let mut request =
        json!({ "Peer_Account": ana, "MaxCnt": 15, "LastMsgTime": 0, "MsgKey": "", "WithRecalledMsg": 1 });
    loop {
        let page = of_bob.ok("openim.getroammsg", request.clone()).await;
        let mut list = words(&page["MsgList"]);
        assert_eq!(page["MsgKey"], page["MsgList"][0]["MsgKey"]);
        list.extend(seen);
        seen = list;
        if page["Complete"] == 1 {
            break;
        }
        request["LastMsgTime"] = page["LastMsgTime"].clone();
        request["MsgKey"] = page["MsgKey"].clone();
    }
    assert_eq!(seen, sent);
    // Forwards from the second of the first message, which is included.
    let first =
        of_bob.ok("openim.getroammsg", json!({ "Peer_Account": ana, "MaxCnt": 100 })).await["MsgList"][0].clone();
    let mut request =
        json!({ "Peer_Account": ana, "MaxCnt": 15, "LastMsgTime": first["MsgTimeStamp"], "GetDirection": 1 });
    let mut seen = Vec::new();
    loop {
        let page = of_bob.ok("openim.getroammsg", request.clone()).await;
        seen.extend(words(&page["MsgList"]));
        if page["Complete"] == 1 {
            break;
        }
        request["LastMsgTime"] = page["LastMsgTime"].clone();
        request["MsgKey"] = page["MsgKey"].clone();
    }
    assert_eq!(seen, sent);
}

#[tokio::test]
async fn a_sender_recalls_within_the_window_and_only_own_messages() {
    let server = Server::with_settings("message.recall_secs = 10").await;
    let (ana, bob) = (unique("ana"), unique("bob"));
    let (of_ana, of_bob) = (server.login(&ana).await, server.login(&bob).await);
    let request = whisper(&ana, &bob, "a slip");
    let answer = of_ana.ok("openim.sendmsg", request.clone()).await;
    receives(&of_bob, "a slip").await;
    assert_eq!(unread(&server, &bob, &ana).await, 1);
    let named = json!({ "MsgInfo": { "From_Account": ana, "To_Account": bob, "MsgSeq": request["MsgSeq"],
        "MsgRandom": request["MsgRandom"], "MsgTimeStamp": answer["MsgTime"] } });
    of_bob.fails(20022, "openim.msgwithdraw", named.clone()).await;
    let mut missing = named.clone();
    missing["MsgInfo"]["MsgRandom"] = json!(1);
    of_ana.fails(20022, "openim.msgwithdraw", missing).await;
    of_ana.ok("openim.msgwithdraw", named.clone()).await;
    let notify = of_bob.event("C2cNotifyMsgArray", |item| item["WithdrawC2cMsgNotify"].is_object()).await;
    let told = &notify["WithdrawC2cMsgNotify"]["C2cWithdrawInfoArray"][0];
    assert_eq!((&told["From_Account"], &told["MsgRandom"]), (&json!(ana), &request["MsgRandom"]));
    assert_eq!(told["RevokerInfo"]["Revoker_Account"], ana);
    of_ana.fails(20023, "openim.msgwithdraw", named).await;
    assert_eq!(unread(&server, &bob, &ana).await, 0);
    let page = of_bob.ok("openim.getroammsg", json!({ "Peer_Account": ana, "MaxCnt": 15, "WithRecalledMsg": 1 })).await;
    assert_eq!(page["MsgList"][0]["MsgFlagBits"], 8);
    let page = of_bob.ok("openim.getroammsg", json!({ "Peer_Account": ana, "MaxCnt": 15, "WithRecalledMsg": 0 })).await;
    assert_eq!((&page["MsgCnt"], &page["Complete"]), (&json!(0), &json!(1)));
    // Too late.
    let request = whisper(&ana, &bob, "stays");
    let answer = of_ana.ok("openim.sendmsg", request.clone()).await;
    tokio::time::sleep(std::time::Duration::from_millis(11_500)).await;
    let named = json!({ "MsgInfo": { "From_Account": ana, "To_Account": bob, "MsgSeq": request["MsgSeq"],
        "MsgRandom": request["MsgRandom"], "MsgTimeStamp": answer["MsgTime"] } });
    of_ana.fails(20016, "openim.msgwithdraw", named).await;
    // A backend is not bound by the window.
    let recall = json!({ "From_Account": ana, "To_Account": bob, "MsgKey": answer["MsgKey"] });
    server
        .fails(
            20022,
            "openim/admin_msgwithdraw",
            json!({ "From_Account": bob, "To_Account": ana, "MsgKey": answer["MsgKey"] }),
        )
        .await;
    server.ok("openim/admin_msgwithdraw", recall.clone()).await;
    server.fails(20023, "openim/admin_msgwithdraw", recall).await;
    server
        .fails(90054, "openim/admin_msgwithdraw", json!({ "From_Account": ana, "To_Account": bob, "MsgKey": "x" }))
        .await;
}

#[tokio::test]
async fn reading_is_told_to_the_peer_and_to_the_own_devices() {
    let server = Server::with_settings("login.web_instances = 2").await;
    let (ana, bob) = (unique("ana"), unique("bob"));
    let (of_ana, phone, tablet) = (server.login(&ana).await, server.login(&bob).await, server.login(&bob).await);
    for n in 0..3 {
        mail(&server, &ana, &bob, &format!("m{n}")).await;
    }
    let last = receives(&phone, "m2").await["MsgTimeStamp"].clone();
    assert_eq!(unread(&server, &bob, &ana).await, 3);
    phone
        .ok("openim.msgreaded", json!({ "C2CMsgReaded": { "Cookie": "", "C2CMsgReadedItem": [{ "To_Account": ana, "LastedMsgTime": last }] } }))
        .await;
    let read = of_ana.event("C2cNotifyMsgArray", |item| item["C2cReadedReceipt"].is_object()).await;
    assert_eq!(read["C2cReadedReceipt"]["To_Account"], bob);
    assert_eq!(read["C2cReadedReceipt"]["UinPairReadArray"][0]["LastReadTime"], last);
    let own = tablet.event("C2cNotifyMsgArray", |item| item["ReadC2cMsgNotify"].is_object()).await;
    assert_eq!(own["ReadC2cMsgNotify"]["UinPairReadArray"][0]["From_Account"], ana);
    assert_eq!(unread(&server, &bob, &ana).await, 0);
    let times = of_ana.ok("openim.get_peer_read_time", json!({ "To_Account": [unique("ghost"), bob] })).await;
    assert_eq!(times["ReadTime"], json!([0, last]));
}

#[tokio::test]
async fn backends_read_for_users_and_count_for_them() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let (ana, bob, cid) = (&users[0], &users[1], &users[2]);
    for n in 0..2 {
        mail(server, ana, bob, &format!("m{n}")).await;
    }
    mail(server, cid, bob, "hello").await;
    let silent = json!({ "From_Account": ana, "To_Account": bob, "MsgRandom": random(), "MsgBody": text("silent"),
        "SendMsgControl": ["NoUnread", "SomethingElse"] });
    server.ok("openim/sendmsg", silent).await;
    let total = server.ok("openim/get_c2c_unread_msg_num", json!({ "To_Account": bob })).await;
    assert_eq!(total["AllC2CUnreadMsgNum"], 3);
    assert!(total.get("C2CUnreadMsgNumList").is_none());
    let ghost = unique("ghost");
    let some = server
        .ok("openim/get_c2c_unread_msg_num", json!({ "To_Account": bob, "Peer_Account": [ana, ghost, ADMIN] }))
        .await;
    assert_eq!(
        some["C2CUnreadMsgNumList"],
        json!([{ "Peer_Account": ana, "C2CUnreadMsgNum": 2 }, { "Peer_Account": ADMIN, "C2CUnreadMsgNum": 0 }])
    );
    assert_eq!(some["ErrorList"], json!([{ "Peer_Account": ghost, "ErrorCode": 70107 }]));
    // A moment before everything changes nothing, as text or number; now reads all.
    for time in [json!("5"), json!(5)] {
        server
            .ok("openim/admin_set_msg_read", json!({ "Report_Account": bob, "Peer_Account": ana, "MsgReadTime": time }))
            .await;
        assert_eq!(unread(server, bob, ana).await, 2);
    }
    server.ok("openim/admin_set_msg_read", json!({ "Report_Account": bob, "Peer_Account": ana })).await;
    assert_eq!(unread(server, bob, ana).await, 0);
    assert_eq!(unread(server, bob, cid).await, 1);
    server.fails(90048, "openim/admin_set_msg_read", json!({ "Report_Account": ghost, "Peer_Account": ana })).await;
    server.fails(90048, "openim/admin_set_msg_read", json!({ "Report_Account": bob, "Peer_Account": ghost })).await;
    server.fails(90003, "openim/admin_set_msg_read", json!({ "Report_Account": bob })).await;
    server.fails(90003, "openim/admin_set_msg_read", json!({ "Peer_Account": bob })).await;
    server.fails(90048, "openim/get_c2c_unread_msg_num", json!({ "To_Account": ghost })).await;
    let eleven: Vec<&String> = std::iter::repeat_n(ana, 11).collect();
    server.fails(90011, "openim/get_c2c_unread_msg_num", json!({ "To_Account": bob, "Peer_Account": eleven })).await;
}

#[tokio::test]
async fn a_batch_reaches_everybody_known_under_one_key() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let (ana, bob, cid) = (&users[0], &users[1], &users[2]);
    let of_bob = server.login(bob).await;
    let ghost = unique("ghost");
    let body =
        json!({ "From_Account": ana, "To_Account": [bob, cid, bob], "MsgRandom": random(), "MsgBody": text("closed") });
    let answer = server.ok("openim/batchsendmsg", body.clone()).await;
    assert_eq!(answer["ActionStatus"], "OK");
    assert!(answer.get("ErrorList").is_none());
    assert_eq!(receives(&of_bob, "closed").await["MsgKey"], answer["MsgKey"]);
    // The same again is the same message.
    assert_eq!(server.ok("openim/batchsendmsg", body).await["MsgKey"], answer["MsgKey"]);
    for user in [bob, cid] {
        assert_eq!(history(server, user, ana).await, ["closed"]);
        assert_eq!(unread(server, user, ana).await, 1);
    }
    let recall = json!({ "From_Account": ana, "To_Account": cid, "MsgKey": answer["MsgKey"] });
    server.ok("openim/admin_msgwithdraw", recall).await;
    assert_eq!(unread(server, bob, ana).await, 1, "recalled for one receiver only");

    let some =
        json!({ "From_Account": ana, "To_Account": [bob, ghost], "MsgRandom": random(), "MsgBody": text("again") });
    let answer = server.call("openim/batchsendmsg", &some).await;
    assert_eq!((&answer["ActionStatus"], &answer["ErrorCode"]), (&json!("SomeError"), &json!(0)));
    assert_eq!(answer["ErrorList"], json!([{ "To_Account": ghost, "ErrorCode": 70107 }]));
    assert!(answer["MsgKey"].is_string());
    let fine = json!({ "From_Account": ana, "To_Account": [bob], "MsgRandom": random(), "MsgBody": text("x") });
    for (field, value, code) in [
        ("To_Account", json!([ghost]), 90012),
        ("To_Account", json!(bob), 90028),
        ("To_Account", json!([]), 90029),
        ("To_Account", json!([7]), 90003),
        ("To_Account", json!(vec![bob; 501]), 90011),
        ("From_Account", json!(""), 90008),
        ("From_Account", json!(ghost), 90008),
        ("MsgBody", text(&"x".repeat(12_300)), 90055),
        ("MsgRandom", json!("x"), 90005),
    ] {
        let mut body = fine.clone();
        body[field] = value;
        server.fails(code, "openim/batchsendmsg", body).await;
    }
    assert_eq!(
        server
            .call("openim/batchsendmsg", &json!({ "To_Account": [ghost], "MsgRandom": 1, "MsgBody": text("x") }))
            .await["ErrorInfo"],
        "invalid To_Account"
    );
}

#[tokio::test]
async fn batches_have_a_rate() {
    let server = Server::with_settings("rates.batch_send_receivers_per_minute = 3").await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let body = |random: u32| json!({ "From_Account": users[0], "To_Account": &users[1..], "MsgRandom": random, "MsgBody": text("x") });
    server.ok("openim/batchsendmsg", body(1)).await;
    server.fails(90057, "openim/batchsendmsg", body(2)).await;
}

#[tokio::test]
async fn messages_are_overwritten_by_both_sides_and_by_backends() {
    let server = shared().await;
    let (ana, bob) = (unique("ana"), unique("bob"));
    let (of_ana, of_bob) = (server.login(&ana).await, server.login(&bob).await);
    let request = whisper(&ana, &bob, "helo");
    let sent = of_ana.ok("openim.sendmsg", request.clone()).await;
    receives(&of_bob, "helo").await;
    let edit = |version: u32, words: &str, data: &str| {
        json!({ "From_Account": ana, "To_Account": bob, "MsgSeq": request["MsgSeq"], "MsgRandom": request["MsgRandom"],
            "MsgTime": sent["MsgTime"], "MsgVersion": version, "MsgBody": text(words), "CloudCustomData": data })
    };
    let answer = of_ana.ok("openim.modify_c2c_msg", edit(0, "hello", "")).await;
    assert_eq!((&answer["MsgBody"], &answer["MsgVersion"]), (&text("hello"), &json!(1)));
    for client in [&of_ana, &of_bob] {
        let told = client.event("C2cMsgModNotifys", |_| true).await;
        assert_eq!(
            (&told["MsgBody"], &told["MsgVersion"], &told["MsgTime"]),
            (&text("hello"), &json!(1), &sent["MsgTime"])
        );
    }
    of_bob.ok("openim.modify_c2c_msg", edit(1, "hello", "votes=1")).await;
    // Who was late learns what it says by now.
    let late = of_ana.fails(20027, "openim.modify_c2c_msg", edit(1, "by ana", "")).await;
    assert_eq!(
        (&late["MsgBody"], &late["CloudCustomData"], &late["MsgVersion"]),
        (&text("hello"), &json!("votes=1"), &json!(2))
    );
    let eve = server.login(&unique("eve")).await;
    eve.fails(20022, "openim.modify_c2c_msg", edit(2, "by eve", "")).await;
    // Backends name the key and need no version.
    let by_key = |fields: Value| {
        let mut body = json!({ "From_Account": ana, "To_Account": bob, "MsgKey": sent["MsgKey"] });
        body.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        body
    };
    server.ok("openim/modify_c2c_msg", by_key(json!({ "CloudCustomData": "from the backend" }))).await;
    let page = of_bob.ok("openim.getroammsg", json!({ "Peer_Account": ana, "MaxCnt": 15 })).await;
    let item = &page["MsgList"][0];
    assert_eq!(
        (&item["MsgBody"], &item["CloudCustomData"], &item["MsgVersion"]),
        (&text("hello"), &json!("from the backend"), &json!(3))
    );
    server.fails(90002, "openim/modify_c2c_msg", by_key(json!({}))).await;
    server.fails(90007, "openim/modify_c2c_msg", by_key(json!({ "MsgBody": {} }))).await;
    server.fails(90054, "openim/modify_c2c_msg", by_key(json!({ "MsgKey": "x", "MsgBody": text("x") }))).await;
    server.fails(20022, "openim/modify_c2c_msg", by_key(json!({ "MsgKey": "1_2_3", "MsgBody": text("x") }))).await;
    server.ok("openim/admin_msgwithdraw", by_key(json!({}))).await;
    server.fails(20022, "openim/modify_c2c_msg", by_key(json!({ "MsgBody": text("x") }))).await;
}

#[tokio::test]
async fn past_messages_are_imported_in_any_order_once() {
    let server = shared().await;
    let users = server.users(&["ana"]).await;
    let (ana, bob) = (&users[0], unique("bob"));
    let of_bob = server.login(&bob).await;
    let import = |how: u32, seq: u32, time: i64, words: &str| {
        json!({ "SyncFromOldSystem": how, "From_Account": ana, "To_Account": bob, "MsgSeq": seq, "MsgRandom": 40_211,
            "MsgTimeStamp": time, "MsgBody": text(words) })
    };
    let then = now() - 5000;
    server.ok("openim/importmsg", import(2, 7, then + 10, "newer")).await;
    server.ok("openim/importmsg", import(2, 6, then, "older")).await;
    server.ok("openim/importmsg", import(2, 6, then, "the first content stays")).await;
    let mut other_side = import(2, 6, then, "neither from the other side");
    (other_side["From_Account"], other_side["To_Account"]) = (json!(bob), json!(ana));
    server.ok("openim/importmsg", other_side).await;
    assert_eq!(history(server, &bob, ana).await, ["older", "newer"]);
    assert_eq!(unread(server, &bob, ana).await, 0);
    // The key is known to the caller.
    let key = format!("7_40211_{}", then + 10);
    server.ok("openim/admin_msgwithdraw", json!({ "From_Account": ana, "To_Account": bob, "MsgKey": key })).await;
    of_bob.event("C2cNotifyMsgArray", |item| item["WithdrawC2cMsgNotify"].is_object()).await;
    // Unread, told or not.
    server.ok("openim/importmsg", import(1, 8, then + 20, "unread")).await;
    assert_eq!(unread(server, &bob, ana).await, 1);
    server.ok("openim/importmsg", import(5, 9, then + 30, "live")).await;
    assert_eq!(unread(server, &bob, ana).await, 2);
    receives(&of_bob, "live").await;
    assert!(of_bob.events().await.is_empty(), "nothing else was told");
    // Devices that come later find imports in history, not among what they missed.
    let missed = of_bob.ok("openim.getmsg", json!({ "Cookie": "log:0" })).await;
    assert_eq!(words(&missed["MsgList"]), ["live"]);
    // The list takes the time of the newest.
    let page = of_bob.ok("recentcontact.page_get", json!({ "TimeStamp": 0, "StartIndex": 0 })).await;
    assert_eq!(page["SessionItem"][0]["MsgTimeStamp"], then + 30);
    for (field, value, code) in [
        ("SyncFromOldSystem", json!("2"), 90030),
        ("SyncFromOldSystem", json!(3), 90030),
        ("SyncFromOldSystem", Value::Null, 90030),
        ("MsgTimeStamp", Value::Null, 90006),
        ("MsgTimeStamp", json!(now() + 1000), 90006),
        ("MsgRandom", Value::Null, 90005),
        ("From_Account", json!(unique("ghost")), 90008),
        ("From_Account", Value::Null, 90008),
        ("To_Account", json!(unique("ghost")), 20003),
        ("MsgBody", json!([]), 90002),
        ("MsgBody", text(&"x".repeat(12_300)), 93000),
    ] {
        let mut body = import(2, 70, then, "refused");
        match value {
            Value::Null => _ = body.as_object_mut().expect("an object").remove(field),
            value => body[field] = value,
        }
        server.fails(code, "openim/importmsg", body).await;
    }
}

#[tokio::test]
async fn backends_read_every_field_of_a_message_and_edit_only_its_data() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let key = mail(server, &users[0], &users[1], "plain").await["MsgKey"].clone();
    let read = async |operator: &str| {
        let page = json!({ "Operator_Account": operator, "Peer_Account": users[1], "MaxCnt": 5, "MinTime": 0,
            "MaxTime": 4_000_000_000u32 });
        server.call("openim/admin_getroammsg", &page).await
    };
    let message = read(&users[0]).await["MsgList"][0].clone();
    for (name, value) in [
        ("CloudCustomData", json!("")),
        ("IsNeedReadReceipt", json!(0)),
        ("SupportMessageExtension", json!(0)),
        ("IsPeerRead", json!(0)),
        ("MsgFlagBits", json!(0)),
        ("MsgVersion", json!(0)),
    ] {
        assert_eq!(message[name], value, "{name} of {message}");
    }
    let edit = |body: Value| {
        let mut edit = json!({ "From_Account": users[0], "To_Account": users[1], "MsgKey": key });
        edit.as_object_mut().expect("an object").extend(body.as_object().expect("an object").clone());
        edit
    };
    server.fails(90002, "openim/modify_c2c_msg", edit(json!({ "MsgBody": [] }))).await;
    server.ok("openim/modify_c2c_msg", edit(json!({ "MsgBody": [ ], "CloudCustomData": "only data" }))).await;
    let message = read(&users[0]).await["MsgList"][0].clone();
    assert_eq!((&message["CloudCustomData"], &message["MsgVersion"]), (&json!("only data"), &json!(1)));
    assert_eq!(message["MsgBody"], text("plain"));
    assert_eq!(read("nobody-at-all").await["ErrorCode"], 90008);
}
