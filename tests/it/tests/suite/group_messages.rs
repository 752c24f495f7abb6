//! Messages of groups: sending, recalling, editing, reading, importing (docs/spec/rest-groups.md#3).

use serde_json::{Value, json};
use tsudoi_it::{ADMIN, Client, Server, now, random, shared, text, unique};

const SEND: &str = "group_open_http_svc/send_group_msg";
const RECALL: &str = "group_open_http_svc/group_msg_recall";
const EDIT: &str = "openim/modify_group_msg";
const SIMPLE: &str = "group_open_http_svc/group_msg_get_simple";
const IMPORT: &str = "group_open_http_svc/import_group_msg";
const NOTIFY: &str = "group_open_http_svc/send_group_system_notification";

/// A group with its owner and a member, both here.
struct Crew {
    group: String,
    ana: String,
    bob: String,
    owner: Client,
    member: Client,
}

async fn crew(server: &Server, group_type: &str) -> Crew {
    let users = server.users(&["ana", "bob"]).await;
    let group = server.group(group_type, &users[0], &[&users[1]]).await;
    let owner = server.login(&users[0]).await;
    let member = server.login(&users[1]).await;
    owner.say(&group, "first words").await;
    member.hears("first words").await;
    Crew { group, ana: users[0].clone(), bob: users[1].clone(), owner, member }
}

fn message(group: &str, words: &str) -> Value {
    json!({ "GroupId": group, "Random": random(), "MsgBody": text(words) })
}

/// `base` with the members of `more` put over its own.
fn with(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}

async fn stored(server: &Server, group: &str, seq: u64) -> Value {
    let body = json!({ "GroupId": group, "ReqMsgNumber": 1, "ReqMsgSeq": seq, "WithRecalledMsg": 1 });
    server.ok(SIMPLE, body).await["RspMsgList"][0].clone()
}

#[tokio::test]
async fn a_message_of_a_backend_reaches_the_members_as_sent() {
    let server = shared().await;
    let crew = crew(server, "Public").await;
    let body = with(
        message(&crew.group, "from the desk"),
        json!({ "From_Account": crew.bob, "MsgPriority": "High", "CloudCustomData": "k=1", "SendMsgControl": ["NoUnread"],
            "OfflinePushInfo": { "PushFlag": 0, "Title": "Desk" } }),
    );
    let sent = server.ok(SEND, body.clone()).await;
    assert!(sent.get("MsgDropReason").is_none());
    let item = crew.owner.hears("from the desk").await;
    assert_eq!(item["From_Account"], crew.bob);
    assert_eq!(item["MsgSeq"], sent["MsgSeq"]);
    assert_eq!(item["MsgTimeStamp"], sent["MsgTime"]);
    assert_eq!(item["MsgRandom"], body["Random"]);
    assert_eq!(item["MsgPriority"], "High");
    assert_eq!(item["CloudCustomData"], "k=1");
    assert_eq!(item["SendMsgControl"], json!({ "NoUnread": 1 }));
    assert_eq!(item["GroupInfo"]["GroupId"], crew.group.as_str());
    assert!(item["TinyId"].as_str().is_some_and(|id| !id.is_empty()));
    // The sender's own devices hear it too.
    crew.member.hears("from the desk").await;
    let kept = stored(server, &crew.group, sent["MsgSeq"].as_u64().expect("a number")).await;
    assert_eq!((&kept["MsgPriority"], &kept["MsgBody"]), (&json!(1), &text("from the desk")));
    // Nobody named: the calling admin speaks, member or not.
    server.ok(SEND, message(&crew.group, "from above")).await;
    assert_eq!(crew.owner.hears("from above").await["From_Account"], ADMIN);
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_named() {
    let server = shared().await;
    let crew = crew(server, "Public").await;
    let group = crew.group.as_str();
    let mention = |n: usize| -> Value {
        (0..n).map(|at| json!({ "GroupAtAllFlag": 0, "GroupAt_Account": format!("u{at}") })).collect()
    };
    let named = |n: usize| -> Value { (0..n).map(|at| json!(format!("u{at}"))).collect() };
    let tip = json!([{ "MsgType": "TIMGroupTipElem", "MsgContent": {} }]);
    for (code, more) in [
        (10004, json!({ "Random": "7" })),
        (10004, json!({ "Random": null })),
        (10004, json!({ "MsgPriority": "high" })),
        (10004, json!({ "MsgBody": [] })),
        (10004, json!({ "MsgBody": {} })),
        (10004, json!({ "MsgBody": tip })),
        (10004, json!({ "MsgBody": [{ "MsgType": "TIMTextElem", "MsgContent": { "Text": 7 } }] })),
        (80002, json!({ "MsgBody": text(&"x".repeat(13_000)) })),
        (80002, json!({ "CloudCustomData": "x".repeat(13_000) })),
        (90043, json!({ "OfflinePushInfo": { "Title": 7 } })),
        (10004, json!({ "OnlineOnlyFlag": 1, "SendMsgControl": ["NoUnread"] })),
        (10004, json!({ "GroupAtInfo": [{ "GroupAtAllFlag": 0 }] })),
        (10053, json!({ "GroupAtInfo": mention(31) })),
        (10004, json!({ "To_Account": named(51) })),
        (10015, json!({ "GroupId": "" })),
        (10015, json!({ "GroupId": "x".repeat(200) })),
        (10010, json!({ "GroupId": unique("nowhere") })),
        (10019, json!({ "From_Account": unique("nobody") })),
        (110_013, json!({ "TopicId": "no topic" })),
        (11000, json!({ "TopicId": "@TGS#_town@TOPIC#_news" })),
        // A fault of the request is named before the group is looked for.
        (10004, json!({ "GroupId": unique("nowhere"), "MsgBody": [] })),
    ] {
        server.fails(code, SEND, with(message(group, "no"), more)).await;
    }
    let exactly = with(message(group, "enough"), json!({ "GroupAtInfo": mention(30) }));
    server.ok(SEND, exactly).await;
}

#[tokio::test]
async fn strangers_do_not_send() {
    let server = shared().await;
    let crew = crew(server, "Public").await;
    let eve = server.login(&unique("eve")).await;
    eve.fails(10007, "group_open_http_svc.send_group_msg", message(&crew.group, "let me in")).await;
    eve.fails(10010, "group_open_http_svc.send_group_msg", message(&unique("nowhere"), "hello?")).await;
}

#[tokio::test]
async fn a_repeated_send_is_one_message() {
    let server = shared().await;
    let crew = crew(server, "Public").await;
    let body = with(message(&crew.group, "once"), json!({ "From_Account": crew.ana }));
    let first = server.ok(SEND, body.clone()).await;
    let again = server.ok(SEND, with(body.clone(), json!({ "MsgBody": text("twice") }))).await;
    assert_eq!((&first["MsgSeq"], &first["MsgTime"]), (&again["MsgSeq"], &again["MsgTime"]));
    // The same dice of somebody else are another message.
    let other = server.ok(SEND, with(body, json!({ "From_Account": crew.bob }))).await;
    assert_eq!(other["MsgSeq"].as_u64(), first["MsgSeq"].as_u64().map(|seq| seq + 1));
}

#[tokio::test]
async fn above_the_rate_senders_are_told_success_and_repeats_do_not_count() {
    let server = Server::with_settings("[apps.settings.rates]\ngroup_messages_per_second = 3").await;
    let users = server.users(&["ana"]).await;
    let group = server.group("Public", &users[0], &[]).await;
    // All within one second: from its very beginning, and again when that was missed.
    'another_second: loop {
        let before = now();
        while now() == before {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let body = message(&group, "kept");
        let first = server.ok(SEND, body.clone()).await;
        for _ in 0..4 {
            assert_eq!(server.ok(SEND, body.clone()).await["MsgSeq"], first["MsgSeq"]);
        }
        let mut sent = Vec::new();
        for _ in 0..4 {
            sent.push(server.ok(SEND, message(&group, "more")).await);
        }
        if sent.iter().any(|answer| answer["MsgTime"] != first["MsgTime"]) {
            continue 'another_second;
        }
        assert!(sent[..2].iter().all(|answer| answer.get("MsgDropReason").is_none()));
        assert_eq!(
            (&sent[2]["MsgDropReason"], &sent[3]["MsgDropReason"]),
            (&json!("MsgFreqCtrl"), &json!("MsgFreqCtrl"))
        );
        // A dropped message uses no number.
        assert_eq!(sent[2]["MsgSeq"], sent[3]["MsgSeq"]);
        assert_eq!(sent[2]["MsgSeq"].as_u64(), sent[1]["MsgSeq"].as_u64().map(|seq| seq + 1));
        break;
    }
}

#[tokio::test]
async fn messages_that_are_sent_without_waiting_are_stored_and_heard_in_the_order_in_which_they_were_sent() {
    let server = shared().await;
    let crew = crew(server, "Public").await;
    let (sender, hearer) = (&crew.owner, &crew.member);
    let before = sender.say(&crew.group, "before").await;
    let send = |words: &str, random: u32| {
        let body = json!({ "GroupId": crew.group, "Random": random, "MsgPriority": "Normal", "MsgBody": text(words),
            "MsgClientTime": now() });
        async move { sender.request("group_open_http_svc.send_group_msg", &body).await }
    };
    let words: Vec<String> = (0..30).map(|number| format!("one of many {number}")).collect();
    let mut asked = Vec::new();
    for words in &words {
        asked.push(send(words, random()).await);
    }
    // A question behind them sees them all, and one of them that is sent again is told apart however close it follows.
    let history = sender
        .request("group_open_http_svc.group_msg_get", &json!({ "GroupId": crew.group, "ReqMsgNumber": 20 }))
        .await;
    let dice = random();
    let twins = [send("twin", dice).await, send("twin", dice).await];

    for (seq, expected) in asked.into_iter().zip(before + 1..) {
        let answer = sender.answer(seq).await;
        assert_eq!((&answer["ErrorCode"], &answer["MsgSeq"]), (&json!(0), &json!(expected)), "{answer}");
    }
    let newest = sender.answer(history).await["RspMsgList"][0]["MsgSeq"].clone();
    assert_eq!(newest, before + 30, "the question was answered before the messages were stored");
    let [first, second] = [sender.answer(twins[0]).await, sender.answer(twins[1]).await];
    assert_eq!((&first["MsgSeq"], &second["MsgSeq"]), (&json!(before + 31), &json!(before + 31)));

    hearer.hears("twin").await;
    let heard: Vec<Value> = hearer
        .events()
        .await
        .iter()
        .flat_map(|event| event["GroupMsgArray"].as_array().cloned().unwrap_or_default())
        .map(|item| item["MsgBody"][0]["MsgContent"]["Text"].clone())
        .filter(|words| words != "before")
        .collect();
    assert_eq!(heard, words, "each once, in order");
}

#[tokio::test]
async fn long_messages_that_come_together_cut_nobody_who_reads() {
    let server = shared().await;
    let crew = crew(server, "Public").await;
    // Together they are several times what may wait for a client.
    let long: Vec<String> = (0..30).map(|number| format!("{number} {}", "x".repeat(6_000))).collect();
    for words in &long {
        crew.owner.request("group_open_http_svc.send_group_msg", &message(&crew.group, words)).await;
    }
    for words in &long {
        crew.member.hears(words).await;
    }
}

#[tokio::test]
async fn online_only_messages_have_no_number_and_leave_no_trace() {
    let server = shared().await;
    let crew = crew(server, "Public").await;
    let body = with(message(&crew.group, "typing"), json!({ "OnlineOnlyFlag": 1 }));
    let sent = crew.owner.ok("group_open_http_svc.send_group_msg", body.clone()).await;
    assert_eq!(sent["MsgSeq"], 0);
    let item = crew.member.hears("typing").await;
    assert_eq!((&item["MsgSeq"], &item["OnlineOnlyFlag"]), (&json!(0), &json!(1)));
    // Sent again after a lost answer, it is not heard again.
    crew.owner.ok("group_open_http_svc.send_group_msg", body).await;
    let next = crew.owner.say(&crew.group, "real").await;
    crew.member.hears("real").await;
    let heard = crew.member.events().await;
    assert!(heard.iter().all(|event| event["GroupMsgArray"][0]["MsgBody"] != text("typing")), "{heard:?}");
    assert_eq!(stored(server, &crew.group, next).await["MsgBody"], text("real"));
}

#[tokio::test]
async fn directed_messages_are_for_those_named() {
    let server = shared().await;
    let crew = crew(server, "Public").await;
    let cid = server.users(&["cid"]).await.remove(0);
    let list = json!([{ "Member_Account": cid }]);
    server.ok("group_open_http_svc/add_group_member", json!({ "GroupId": crew.group, "MemberList": list })).await;
    let third = server.login(&cid).await;
    let body = with(message(&crew.group, "psst"), json!({ "To_Account": [crew.bob, unique("stranger")] }));
    let sent = crew.owner.ok("group_open_http_svc.send_group_msg", body).await;
    crew.member.hears("psst").await;
    crew.owner.hears("psst").await;
    let seq = sent["MsgSeq"].as_u64().expect("a number");
    crew.owner.say(&crew.group, "aloud").await;
    third.hears("aloud").await;
    assert!(third.events().await.iter().all(|event| event["GroupMsgArray"][0]["MsgSeq"] != seq));
    let page = json!({ "GroupId": crew.group, "ReqMsgNumber": 2, "WithRecalledMsg": 1 });
    let of_third = third.ok("group_open_http_svc.group_msg_get", page.clone()).await;
    assert_eq!(of_third["InvisibleMsgSeq"], json!([seq]));
    assert_eq!(of_third["RspMsgList"].as_array().map(Vec::len), Some(1));
    let of_target = crew.member.ok("group_open_http_svc.group_msg_get", page).await;
    assert_eq!(of_target["RspMsgList"].as_array().map(Vec::len), Some(2));
    // Backends read everything; nobody withdraws what they do not see.
    assert_eq!(stored(server, &crew.group, seq).await["MsgBody"], text("psst"));
    let recall = json!({ "GroupId": crew.group, "MsgSeqList": [{ "MsgSeq": seq }] });
    let answer = third.ok("group_open_http_svc.group_msg_recall", recall).await;
    assert_eq!(answer["RecallRetList"], json!([{ "MsgSeq": seq, "RetCode": 10030 }]));
    // Communities and live rooms know no such messages.
    let town = server.group("Community", &crew.ana, &[]).await;
    server.fails(10007, SEND, with(message(&town, "psst"), json!({ "To_Account": [crew.bob] }))).await;
}

#[tokio::test]
async fn the_mentioned_are_told() {
    let server = shared().await;
    let crew = crew(server, "Public").await;
    let at = json!([{ "GroupAtAllFlag": 0, "GroupAt_Account": crew.bob }, { "GroupAtAllFlag": 1 }]);
    let body = with(message(&crew.group, "@bob @all"), json!({ "GroupAtInfo": at }));
    let sent = crew.owner.ok("group_open_http_svc.send_group_msg", body).await;
    assert_eq!(crew.member.hears("@bob @all").await["GroupAtInfo"], at);
    let told = crew.member.event("GroupTips", |item| !item["GroupAtTips"].is_null()).await;
    assert_eq!(told["GroupAtTips"]["GroupAtType"], json!([1, 2]));
    assert_eq!(told["GroupAtTips"]["MsgSeq"], sent["MsgSeq"]);
    assert_eq!(told["GroupAtTips"]["From_Account"], crew.ana);
    let town = server.group("Community", &crew.ana, &[]).await;
    server.fails(10007, SEND, with(message(&town, "all"), json!({ "GroupAtInfo": [{ "GroupAtAllFlag": 1 }] }))).await;
}

#[tokio::test]
async fn receipts_are_for_small_groups_and_stored_messages() {
    let server = Server::with_settings("[apps.settings.limits.overrides.receipt]\nmax_group_members = 1").await;
    let users = server.users(&["ana", "bob"]).await;
    let small = server.group("Public", &users[0], &[]).await;
    let large = server.group("Public", &users[0], &[&users[1]]).await;
    let body = |group: &str| with(message(group, "read me"), json!({ "NeedReadReceipt": 1 }));
    server.ok(SEND, body(&small)).await;
    server.fails(10060, SEND, body(&large)).await;
    server.fails(10061, SEND, with(body(&small), json!({ "OnlineOnlyFlag": 1 }))).await;
}

#[tokio::test]
async fn members_recall_their_own_and_owners_everybodys() {
    let server = shared().await;
    let crew = crew(server, "Public").await;
    let own = crew.member.say(&crew.group, "a slip").await;
    let owners = crew.owner.say(&crew.group, "the rules").await;
    let rude = crew.member.say(&crew.group, "rude").await;
    let recall = |seqs: &[u64]| {
        let list: Vec<Value> = seqs.iter().map(|seq| json!({ "MsgSeq": seq })).collect();
        json!({ "GroupId": crew.group, "TopicId": "", "MsgSeqList": list, "Reason": "sorry" })
    };
    let answer = crew.member.ok("group_open_http_svc.group_msg_recall", recall(&[own, owners, 999])).await;
    let codes = json!([
        { "MsgSeq": own, "RetCode": 0 },
        { "MsgSeq": owners, "RetCode": 10007 },
        { "MsgSeq": 999, "RetCode": 10030 },
    ]);
    assert_eq!(answer["RecallRetList"], codes);
    let told = crew.owner.event("GroupTips", |item| !item["MsgBody"]["GroupWithdrawInfoArray"].is_null()).await;
    assert_eq!(told["MsgBody"]["GroupWithdrawInfoArray"][0]["MsgSeq"], own);
    assert_eq!(told["RevokerInfo"], json!({ "Revoker_Account": crew.bob, "Reason": "sorry" }));
    let answer = crew.owner.ok("group_open_http_svc.group_msg_recall", recall(&[rude, own])).await;
    assert_eq!(answer["RecallRetList"][0]["RetCode"], 0);
    assert_eq!(answer["RecallRetList"][1]["RetCode"], 0, "withdrawn already");
    // Backends withdraw whatever there is, and the reader sees that it was there.
    let answer = server.ok(RECALL, json!({ "GroupId": crew.group, "MsgSeqList": [{ "MsgSeq": owners }] })).await;
    assert_eq!(answer["RecallRetList"], json!([{ "MsgSeq": owners, "RetCode": 0 }]));
    let page = json!({ "GroupId": crew.group, "ReqMsgNumber": 3 });
    let silent = server.ok(SIMPLE, page.clone()).await;
    for item in silent["RspMsgList"].as_array().expect("a list") {
        assert_eq!((&item["IsPlaceMsg"], &item["MsgBody"]), (&json!(2), &json!([])));
    }
    let said = server.ok(SIMPLE, with(page, json!({ "WithRecalledMsg": 1 }))).await;
    assert_eq!(said["RspMsgList"][1]["MsgBody"], text("the rules"));
    // Whoever was away asks what was withdrawn meanwhile.
    let since = json!([{ "NotifyType": 1, "Limit": 10, "GroupId": crew.group, "BeginTime": (now() - 60) * 1_000_000, "EndTime": (now() + 60) * 1_000_000 }]);
    let missed = crew.member.ok("group_open_http_svc.batch_get_group_notify", json!({ "NotifyReqList": since })).await;
    let missed = &missed["NotifyRspList"][0];
    assert_eq!(missed["NextMsgTime"], 0);
    let mut seqs: Vec<u64> =
        missed["NotifyMsgList"].as_array().expect("a list").iter().filter_map(|one| one["MsgSeq"].as_u64()).collect();
    seqs.sort_unstable();
    assert_eq!(seqs, [own, owners, rude]);
}

#[tokio::test]
async fn recalls_just_made_are_told_to_clients_whose_clock_goes_behind() {
    let server = shared().await;
    let crew = crew(server, "Public").await;
    let slip = crew.owner.say(&crew.group, "a slip").await;
    server.ok(RECALL, json!({ "GroupId": crew.group, "MsgSeqList": [{ "MsgSeq": slip }] })).await;
    // The SDK sets its clock by the whole seconds of its first login's answer, and asks until "now".
    for behind in [1, 3] {
        let until = (now() - behind) * 1_000_000 + 100_000;
        let asked = json!([{ "NotifyType": 1, "Limit": 20, "GroupId": crew.group, "BeginTime": 0, "EndTime": until }]);
        let answer =
            crew.member.ok("group_open_http_svc.batch_get_group_notify", json!({ "NotifyReqList": asked })).await;
        assert_eq!(answer["NotifyRspList"][0]["NotifyMsgList"][0]["MsgSeq"], slip, "{answer}");
    }
}

#[tokio::test]
async fn recalls_have_their_limits() {
    let server = Server::with_settings("[apps.settings.message]\nrecall_secs = 0").await;
    let users = server.users(&["ana"]).await;
    let group = server.group("Meeting", &users[0], &[]).await;
    let ana = server.login(&users[0]).await;
    let seq = ana.say(&group, "too late soon").await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let one = json!({ "GroupId": group, "MsgSeqList": [{ "MsgSeq": seq }] });
    let answer = ana.ok("group_open_http_svc.group_msg_recall", one.clone()).await;
    assert_eq!(answer["RecallRetList"][0]["RetCode"], 10031);
    let list: Vec<Value> = (1..=11).map(|seq| json!({ "MsgSeq": seq })).collect();
    server.fails(10004, RECALL, json!({ "GroupId": group, "MsgSeqList": list })).await;
    server.fails(10004, RECALL, json!({ "GroupId": group, "MsgSeqList": [] })).await;
    server.fails(10004, RECALL, with(one.clone(), json!({ "Reason": "x".repeat(101) }))).await;
    let room = server.group("AVChatRoom", &users[0], &[]).await;
    server.fails(10033, RECALL, with(one.clone(), json!({ "GroupId": room }))).await;
    server.ok(RECALL, one).await;
    let off = Server::with_settings("[apps.settings.features]\ngroup_recall = false").await;
    let users = off.users(&["ana"]).await;
    let group = off.group("Public", &users[0], &[]).await;
    off.fails(10041, RECALL, json!({ "GroupId": group, "MsgSeqList": [{ "MsgSeq": 1 }] })).await;
}

#[tokio::test]
async fn an_edit_names_the_version_it_is_based_on() {
    let server = shared().await;
    let crew = crew(server, "Public").await;
    let seq = crew.owner.say(&crew.group, "helo").await;
    let edit = |version: u32, words: &str| json!({ "GroupId": crew.group, "MsgSeq": seq, "MsgVersion": version, "MsgBody": text(words), "CloudCustomData": "" });
    let answer = crew.owner.ok("openim.modify_group_msg", edit(0, "hello")).await;
    assert_eq!((&answer["MsgVersion"], &answer["MsgBody"]), (&json!(1), &text("hello")));
    let told = crew.member.event("GroupMsgModNotifys", |item| item["MsgSeq"] == seq).await;
    assert_eq!((&told["MsgVersion"], &told["MsgBody"]), (&json!(1), &text("hello")));
    let late = crew.member.fails(20027, "openim.modify_group_msg", edit(0, "bye")).await;
    assert_eq!((&late["MsgVersion"], &late["MsgBody"]), (&json!(1), &text("hello")));
    // A backend names no version; it may change the data alone.
    let data = json!({ "GroupId": crew.group, "MsgSeq": seq, "CloudCustomData": "votes=1" });
    let answer = server.ok(EDIT, data.clone()).await;
    assert_eq!(answer["ErrorInfo"], "succeed");
    assert_eq!(answer["MsgBody"], text("hello"));
    server.ok("group_open_http_svc/modify_group_msg", data.clone()).await;
    let kept = stored(server, &crew.group, seq).await;
    assert_eq!((&kept["CloudCustomData"], &kept["MsgVersion"]), (&json!("votes=1"), &json!(3)));
    server.fails(20022, EDIT, with(data.clone(), json!({ "MsgSeq": 999 }))).await;
    server.fails(90002, EDIT, json!({ "GroupId": crew.group, "MsgSeq": seq })).await;
    server.fails(90010, EDIT, with(data, json!({ "MsgBody": [{ "MsgType": "TIMNoElem", "MsgContent": {} }] }))).await;
    server.ok(RECALL, json!({ "GroupId": crew.group, "MsgSeqList": [{ "MsgSeq": seq }] })).await;
    crew.owner.fails(20022, "openim.modify_group_msg", edit(3, "back again")).await;
}

#[tokio::test]
async fn reading_on_one_device_reads_on_all() {
    let server = Server::with_settings("[apps.settings.login]\nweb_instances = 2").await;
    let crew = crew(&server, "Public").await;
    let other = server.login(&crew.bob).await;
    let seq = crew.owner.say(&crew.group, "unread").await;
    other.hears("unread").await;
    let report = |seq: u64| json!({ "GroupId": crew.group, "MsgReadedSeq": seq });
    crew.member.ok("group_open_http_svc.msg_read_report", report(seq + 50)).await;
    let told = other.event("GroupTips", |item| !item["MsgBody"]["GroupReadInfoArray"].is_null()).await;
    assert_eq!(told["MsgBody"]["GroupReadInfoArray"][0]["LastReadMsgSeq"], seq, "not beyond what was said");
    crew.member.ok("group_open_http_svc.msg_read_report", report(1)).await;
    let eve = server.login(&unique("eve")).await;
    eve.fails(10007, "group_open_http_svc.msg_read_report", report(seq)).await;
}

#[tokio::test]
async fn unread_numbers_of_migrations() {
    let server = shared().await;
    let crew = crew(server, "Public").await;
    let set = "group_open_http_svc/set_unread_msg_num";
    let body =
        |group: &str, unread: i64| json!({ "GroupId": group, "Member_Account": crew.bob, "UnreadMsgNum": unread });
    server.ok(set, body(&crew.group, 2)).await;
    server.ok(set, body(&crew.group, 5000)).await;
    server.fails(10004, set, body(&crew.group, -1)).await;
    server.fails(10010, set, body(&unique("nowhere"), 1)).await;
    server.fails(10007, set, with(body(&crew.group, 1), json!({ "Member_Account": unique("stranger") }))).await;
    let meeting = server.group("Meeting", &crew.ana, &[]).await;
    server.ok(set, body(&meeting, 1)).await;
}

#[tokio::test]
async fn what_a_sender_said_is_withdrawn_without_a_word() {
    let server = shared().await;
    let crew = crew(server, "Public").await;
    let spam = crew.member.say(&crew.group, "spam").await;
    let fine = crew.owner.say(&crew.group, "fine").await;
    crew.owner.hears("fine").await;
    let command = "group_open_http_svc/delete_group_msg_by_sender";
    server.ok(command, json!({ "GroupId": crew.group, "Sender_Account": crew.bob })).await;
    server.ok(command, json!({ "GroupId": crew.group, "Sender_Account": unique("silent") })).await;
    assert_eq!(stored(server, &crew.group, spam).await["IsPlaceMsg"], 2);
    assert_eq!(stored(server, &crew.group, fine).await["IsPlaceMsg"], 0);
    let told = crew.owner.events().await;
    assert!(told.iter().all(|event| event["GroupTips"][0]["MsgBody"]["GroupWithdrawInfoArray"].is_null()));
    let room = server.group("AVChatRoom", &crew.ana, &[]).await;
    server.ok(command, json!({ "GroupId": room, "Sender_Account": crew.bob })).await;
    server.fails(10004, command, json!({ "GroupId": crew.group })).await;
}

#[tokio::test]
async fn a_cleared_history_is_hidden_from_members_only() {
    let server = shared().await;
    let crew = crew(server, "Public").await;
    let old = crew.owner.say(&crew.group, "old").await;
    let new = crew.owner.say(&crew.group, "new").await;
    let command = "group_open_http_svc/clear_group_msg";
    server.ok(command, json!({ "GroupId": crew.group, "MsgSeq": old })).await;
    let page = json!({ "GroupId": crew.group, "ReqMsgNumber": 20, "WithRecalledMsg": 1 });
    let seen = crew.owner.ok("group_open_http_svc.group_msg_get", page.clone()).await;
    let seqs: Vec<_> =
        seen["RspMsgList"].as_array().expect("a list").iter().map(|item| item["MsgSeq"].clone()).collect();
    assert_eq!((seqs, &seen["NextReqMsgSeq"]), (vec![json!(new)], &json!(0)));
    server.ok(command, json!({ "GroupId": crew.group })).await;
    let seen = crew.owner.ok("group_open_http_svc.group_msg_get", page).await;
    assert_eq!(seen["RspMsgList"], json!([]));
    assert_eq!(stored(server, &crew.group, old).await["MsgBody"], text("old"));
    let town = server.group("Community", &crew.ana, &[]).await;
    server.fails(10007, command, json!({ "GroupId": town })).await;
}

#[tokio::test]
async fn notifications_reach_who_is_online() {
    let server = shared().await;
    let crew = crew(server, "Public").await;
    server.ok(NOTIFY, json!({ "GroupId": crew.group, "Content": "round 2" })).await;
    for client in [&crew.owner, &crew.member] {
        assert_eq!(client.notice(&crew.group, 255).await["MsgBody"]["UserDefinedField"], "round 2");
    }
    let stranger = unique("stranger");
    server
        .ok(NOTIFY, json!({ "GroupId": crew.group, "Content": "you", "ToMembers_Account": [crew.bob, stranger] }))
        .await;
    crew.member.notice(&crew.group, 255).await;
    server.ok(NOTIFY, json!({ "GroupId": crew.group, "Content": "nobody", "ToMembers_Account": [stranger] })).await;
    crew.owner.say(&crew.group, "done").await;
    crew.owner.hears("done").await;
    let heard = crew.owner.events().await;
    assert!(heard.iter().all(|event| event["GroupTips"][0]["MsgBody"]["ReportType"] != 255), "{heard:?}");
    server.fails(10004, NOTIFY, json!({ "GroupId": crew.group })).await;
    server.fails(80002, NOTIFY, json!({ "GroupId": crew.group, "Content": "x".repeat(13_000) })).await;
    let many: Vec<String> = (0..501).map(|n| format!("u{n}")).collect();
    server.fails(10005, NOTIFY, json!({ "GroupId": crew.group, "Content": "x", "ToMembers_Account": many })).await;
    server.fails(10010, NOTIFY, json!({ "GroupId": unique("nowhere"), "Content": "x" })).await;
    let room = server.group("AVChatRoom", &crew.ana, &[]).await;
    server.fails(10004, NOTIFY, json!({ "GroupId": room, "Content": "x", "ToMembers_Account": [crew.bob] })).await;
    server.ok(NOTIFY, json!({ "GroupId": room, "Content": "x" })).await;
}

#[tokio::test]
async fn imported_messages_keep_their_times() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let id = server.group("Public", &users[0], &[]).await;
    // Messages lie between the creation of the group and now.
    let created = now();
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    let old = |time: i64, words: &str| json!({ "From_Account": users[1], "SendTime": time, "Random": random(), "MsgBody": text(words) });
    let list = json!([
        old(created + 2, "first"),
        old(created + 1, "earlier"),
        old(created + 2, "same second"),
        old(now() + 100, "tomorrow"),
        old(created - 100, "before the group"),
        old(created + 2, &"x".repeat(13_000)),
        old(created + 3, "last"),
    ]);
    let answer = server.ok(IMPORT, json!({ "GroupId": id, "MsgList": list })).await;
    let results: Vec<(u64, u64)> = answer["ImportMsgResult"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["MsgSeq"].as_u64().expect("a number"), one["Result"].as_u64().expect("a number")))
        .collect();
    assert_eq!(results, [(1, 0), (0, 10004), (2, 0), (0, 10004), (0, 10004), (0, 80002), (3, 0)]);
    let page = server.ok(SIMPLE, json!({ "GroupId": id, "ReqMsgNumber": 20 })).await;
    let times: Vec<_> =
        page["RspMsgList"].as_array().expect("a list").iter().map(|one| one["MsgTimeStamp"].as_i64()).collect();
    assert_eq!(times, [Some(created + 3), Some(created + 2), Some(created + 2)]);
    let many: Vec<Value> = (0..21).map(|n| old(created + n, "x")).collect();
    server.fails(10005, IMPORT, json!({ "GroupId": id, "MsgList": many })).await;
    server.fails(10004, IMPORT, json!({ "GroupId": id, "MsgList": [] })).await;
    let nobody = with(old(created + 3, "x"), json!({ "From_Account": unique("nobody") }));
    server.fails(10019, IMPORT, json!({ "GroupId": id, "MsgList": [nobody] })).await;
    let room = server.group("AVChatRoom", &users[0], &[]).await;
    server.fails(10007, IMPORT, json!({ "GroupId": room, "MsgList": [old(now() - 1, "x")] })).await;
}
