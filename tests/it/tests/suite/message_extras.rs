//! What members add to messages: receipts, key-values, reactions, pins, and what they delete from their own view.

use serde_json::{Value, json};
use tsudoi_it::{Client, Server, random, shared, text};

/// A group of three, everybody logged in.
async fn crew(server: &Server, group_type: &str) -> (String, Vec<String>, Vec<Client>) {
    let users = server.users(&["ana", "bob", "cid"]).await;
    let group = server.group(group_type, &users[0], &[&users[1], &users[2]]).await;
    let mut clients = Vec::new();
    for user in &users {
        clients.push(server.login(user).await);
    }
    (group, users, clients)
}

async fn send(client: &Client, group: &str, words: &str, options: Value) -> (u64, u32) {
    let dice = random();
    let mut body = json!({ "GroupId": group, "Random": dice, "ClientSeq": 1, "MsgClientTime": 1_700_000_000,
        "MsgBody": text(words) });
    body.as_object_mut().expect("an object").extend(options.as_object().expect("an object").clone());
    let answer = client.ok("group_open_http_svc.send_group_msg", body).await;
    (answer["MsgSeq"].as_u64().expect("a number"), dice)
}

/// A one-to-one message with a key; answers the key and the dice.
async fn whisper(client: &Client, from: &str, to: &str, options: Value) -> (String, u32) {
    let dice = random();
    let mut body = json!({ "From_Account": from, "To_Account": to, "MsgSeq": random(), "MsgRandom": dice,
        "MsgClientTime": 1_700_000_000, "MsgBody": text("psst") });
    body.as_object_mut().expect("an object").extend(options.as_object().expect("an object").clone());
    let answer = client.ok("openim.sendmsg", body).await;
    (answer["MsgKey"].as_str().expect("a key").to_owned(), dice)
}

#[tokio::test]
async fn receipts_of_a_group_are_counted_and_told_to_the_sender() {
    let server = shared().await;
    let (group, users, clients) = crew(server, "Public").await;
    let [ana, bob, cid] = &clients[..] else { unreachable!() };
    let (seq, dice) = send(ana, &group, "read this", json!({ "NeedReadReceipt": 1 })).await;
    let heard = bob.hears("read this").await;
    assert_eq!(heard["NeedReadReceipt"], 1);
    let report = json!({ "GroupId": group, "MsgSeqList": [{ "MsgSeq": seq }] });
    bob.ok("group_open_http_svc.group_msg_receipt", report.clone()).await;
    let told = ana.event("GroupTips", |item| item["MsgBody"]["GroupMsgReceiptList"].is_array()).await;
    assert_eq!(told["GroupInfo"]["GroupId"], group);
    let receipt = &told["MsgBody"]["GroupMsgReceiptList"][0];
    assert_eq!((&receipt["MsgSeq"], &receipt["MsgRandom"]), (&json!(seq), &json!(dice)));
    assert_eq!((&receipt["ReadNum"], &receipt["UnreadNum"]), (&json!(1), &json!(1)));
    assert_eq!(receipt["MsgClientTime"], 1_700_000_000);
    assert!(receipt["TinyId"].is_string());
    // Again changes nothing, and unread numbers stay.
    bob.ok("group_open_http_svc.group_msg_receipt", report.clone()).await;
    assert!(!ana.events().await.iter().any(|event| event["GroupTips"][0]["MsgBody"]["GroupMsgReceiptList"].is_array()));
    // Whoever leaves stays counted, whoever comes later is not.
    server
        .ok("group_open_http_svc/delete_group_member", json!({ "GroupId": group, "MemberToDel_Account": [users[2]] }))
        .await;
    let dan = server.users(&["dan"]).await.remove(0);
    server
        .ok(
            "group_open_http_svc/add_group_member",
            json!({ "GroupId": group, "MemberList": [{ "Member_Account": dan }] }),
        )
        .await;
    let counts = server.ok("group_open_http_svc/get_group_msg_receipt", report).await;
    assert_eq!(counts["GroupMsgReceiptList"], json!([{ "MsgSeq": seq, "Code": 0, "ReadNum": 1, "UnreadNum": 1 }]));
    let detail = json!({ "GroupId": group, "MsgSeq": seq, "Filter": 1, "Cursor": "", "Count": 10 });
    let missing = server.ok("group_open_http_svc/get_group_msg_receipt_detail", detail).await;
    assert_eq!(missing["UnreadList"], json!([]), "cid left, dan came later");
    // Whoever left reads nothing.
    cid.fails(
        10007,
        "group_open_http_svc.group_msg_receipt",
        json!({ "GroupId": group, "MsgSeqList": [{ "MsgSeq": seq }] }),
    )
    .await;
    let by_users = ana
        .ok(
            "group_open_http_svc.get_group_msg_receipts_by_users",
            json!({ "GroupId": group, "MemberReadMsgList": [{ "MsgSeq": seq, "MemberList_Account": [users[1], dan] }] }),
        )
        .await;
    assert_eq!(by_users["MsgReadList"][0]["ReadList"][0]["Read_Account"], users[1]);
    assert!(by_users["MsgReadList"][0]["ReadList"][0]["Read_Time"].as_i64().expect("a number") > 0);
}

#[tokio::test]
async fn receipts_of_two_are_told_and_shown_in_history() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    let (key, dice) = whisper(&ana, &users[0], &users[1], json!({ "IsNeedReadReceipt": 1 })).await;
    let (other, _) = whisper(&ana, &users[0], &users[1], json!({})).await;
    let body = |key: &str| {
        json!({ "Operator_Account": users[1], "Peer_Account": users[0],
            "C2CMsgInfo": [{ "From_Account": users[0], "To_Account": users[1], "MsgKey": key }] })
    };
    server.ok("openim/c2c_msg_read_receipt", body(&other)).await;
    server.ok("openim/c2c_msg_read_receipt", body(&key)).await;
    let told = ana.event("C2cMsgInfo", |item| item["MsgRandom"] == dice).await;
    assert_eq!(told["MsgClientTime"], 1_700_000_000);
    let page = server
        .ok(
            "openim/admin_getroammsg",
            json!({ "Operator_Account": users[0], "Peer_Account": users[1], "MaxCnt": 10, "MinTime": 0, "MaxTime": 4_000_000_000u32 }),
        )
        .await;
    let read: Vec<_> = page["MsgList"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| (item["MsgKey"].clone(), item["IsPeerRead"].clone()))
        .collect();
    assert!(read.contains(&(json!(key), json!(1))) && read.contains(&(json!(other), json!(0))), "{read:?}");
    let unread = server.ok("openim/get_c2c_unread_msg_num", json!({ "To_Account": users[1] })).await;
    assert_eq!(unread["AllC2CUnreadMsgNum"], 2, "receipts do not read");
    // Only the receiver confirms.
    let turned = json!({ "Operator_Account": users[0], "Peer_Account": users[1],
        "C2CMsgInfo": [{ "From_Account": users[1], "To_Account": users[0], "MsgKey": key }] });
    server.fails(20022, "openim/c2c_msg_read_receipt", turned).await;
    drop(bob);
}

#[tokio::test]
async fn key_values_are_versioned_and_told() {
    let server = shared().await;
    let (group, _, clients) = crew(server, "Meeting").await;
    let [ana, bob, _] = &clients[..] else { unreachable!() };
    let (seq, dice) = send(ana, &group, "vote", json!({ "SupportMessageExtension": 1 })).await;
    let set = |pairs: Value| json!({ "GroupId": group, "MsgSeq": seq, "OperateType": 1, "ExtensionList": pairs });
    let first = ana
        .ok("openim_msg_ext_http_svc.group_set_key_values", set(json!([{ "Key": "yes", "Value": "1", "Seq": 0 }])))
        .await;
    assert_eq!(
        first["Extensions"][0],
        json!({ "ErrorCode": 0, "Extension": { "Key": "yes", "Value": "1", "Seq": 1 } })
    );
    let told = bob.event("MsgExtensionNotify", |item| item["ExtensionGroupMsgInfo"]["MsgRandom"] == dice).await;
    assert_eq!((&told["MsgOptType"], &told["LatestSeq"]), (&json!(1), &json!(1)));
    assert_eq!(told["SetKVInfo"][0]["MsgKeyValue"], json!([{ "Key": "yes", "Value": "1", "Seq": 1 }]));
    // Of two who write from the same state one wins; the other pair of the same call is written.
    let second = bob
        .ok(
            "openim_msg_ext_http_svc.group_set_key_values",
            set(json!([{ "Key": "yes", "Value": "2", "Seq": 0 }, { "Key": "no", "Value": "1", "Seq": 0 }])),
        )
        .await;
    assert_eq!(second["ExtensionList"][0]["ErrorCode"], 23001);
    assert_eq!(second["ExtensionList"][0]["Extension"]["Value"], "1");
    assert_eq!(second["ExtensionList"][1]["ErrorCode"], 0);
    let read =
        server.ok("openim_msg_ext_http_svc/group_get_key_values", json!({ "GroupId": group, "MsgSeq": seq })).await;
    assert_eq!(read["ExtensionList"].as_array().expect("a list").len(), 2);
    // Two hundred writes a minute; the refused one changes nothing. The slower the machine, the more come back meanwhile.
    let mut refused = None;
    for n in 0..2_000 {
        let answer = server
            .call("openim_msg_ext_http_svc/group_set_key_values", &set(json!([{ "Key": "n", "Value": n.to_string() }])))
            .await;
        if answer["ErrorCode"] != 0 {
            refused = Some((n, answer));
            break;
        }
    }
    let (n, answer) = refused.expect("the limit binds");
    assert_eq!(answer["ErrorCode"], 23003);
    assert!(n >= 190, "{n}");
}

#[tokio::test]
async fn key_values_of_two_are_for_the_two() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "eve"]).await;
    let (ana, bob, eve) = (server.login(&users[0]).await, server.login(&users[1]).await, server.login(&users[2]).await);
    let (key, dice) = whisper(&ana, &users[0], &users[1], json!({ "SupportMessageExtension": 1 })).await;
    let set = json!({ "From_Account": users[0], "To_Account": users[1], "MsgKey": key, "OperateType": 1,
        "ExtensionList": [{ "Key": "seat", "Value": "4", "Seq": 0 }] });
    bob.ok("openim_msg_ext_http_svc.set_key_values", set.clone()).await;
    let told = ana.event("MsgExtensionNotify", |item| item["ExtensionC2cMsgInfo"]["MsgRandom"] == dice).await;
    assert_eq!(told["SetKVInfo"][0]["MsgKeyValue"][0]["Value"], "4");
    eve.fails(23004, "openim_msg_ext_http_svc.set_key_values", set).await;
    let get = json!({ "From_Account": users[0], "To_Account": users[1], "MsgKey": key, "StartSeq": 0 });
    eve.fails(23004, "openim_msg_ext_http_svc.get_key_values", get.clone()).await;
    let read = server.ok("openim_msg_ext_http_svc/get_key_values", get).await;
    assert_eq!(read["ExtensionList"], json!([{ "Key": "seat", "Value": "4", "Seq": 1 }]));
    assert_eq!((&read["CompleteFlag"], &read["LatestSeq"], &read["ClearSeq"]), (&json!(1), &json!(1), &json!(0)));
    let clear = json!({ "From_Account": users[0], "To_Account": users[1], "MsgKey": key, "OperateType": 3 });
    server.ok("openim_msg_ext_http_svc/set_key_values", clear).await;
    let told = bob.event("MsgExtensionNotify", |item| item["MsgOptType"] == 3).await;
    assert_eq!(told["ClearKVInfo"][0]["ClearMsgSeq"], 2);
}

#[tokio::test]
async fn reactions_are_summed_up_and_told() {
    let server = shared().await;
    let (group, users, clients) = crew(server, "Public").await;
    let [ana, bob, _] = &clients[..] else { unreachable!() };
    let (seq, dice) = send(ana, &group, "like this", json!({})).await;
    let react = json!({ "GroupId": group, "MsgSeq": seq, "Reaction": "thumb", "Add_Account": [users[1]] });
    bob.ok("openim_msg_ext_http_svc.group_reaction_add", react).await;
    let told = ana.event("MsgReactionNotifyList", |item| item["GroupMsgInfo"]["MsgRandom"] == dice).await;
    assert_eq!(
        told["MsgReactionSummary"],
        json!([{ "Reaction": "thumb", "Count": 1, "Reaction_Account": [users[1]] }])
    );
    let own = bob.event("MsgReactionNotify", |item| item["Reaction"] == "thumb").await;
    assert_eq!(own["OperateType"], 1);
    let sum = json!({ "GroupId": group, "MsgSeqList": [seq], "Count": 5 });
    let seen = ana.ok("openim_msg_ext_http_svc.group_reaction_multi_stat", sum.clone()).await;
    assert_eq!(seen["Results"][0]["MsgReactionSummary"][0]["ReactedByMe"], 0);
    let taken = json!({ "GroupId": group, "MsgSeq": seq, "Reaction": "thumb", "Del_Account": [users[1]] });
    bob.ok("openim_msg_ext_http_svc.group_reaction_del", taken).await;
    let told = ana.event("MsgReactionNotifyList", |item| item["GroupMsgInfo"]["MsgRandom"] == dice).await;
    assert_eq!(told["MsgReactionSummary"][0]["Count"], 0);
    let seen = ana.ok("openim_msg_ext_http_svc.group_reaction_multi_stat", sum).await;
    assert_eq!(seen["Results"], json!([{ "MsgSeq": seq, "MsgReactionSummary": [] }]));
}

#[tokio::test]
async fn pins_are_told_and_outlive_a_restart() {
    let mut server = Server::start(&[]).await;
    let users = server.users(&["ana", "bob"]).await;
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    let seq = ana.say(&group, "the rules").await;
    let pin = json!({ "GroupId": group, "MsgSeq": seq, "Pinner_Account": users[0] });
    bob.fails(10007, "group_open_http_svc.pin_message", pin.clone()).await;
    ana.ok("group_open_http_svc.pin_message", pin.clone()).await;
    let tip = bob.tip(&group, 16).await;
    assert_eq!(tip["MsgBody"]["PinnedMsg"]["MsgSeq"], seq);
    assert_eq!(tip["MsgBody"]["MsgOperatorMemberExtraInfo"]["User_Account"], users[0]);
    server.restart().await;
    let bob = server.login(&users[1]).await;
    let listed = bob.ok("group_open_http_svc.get_pinned_messages", json!({ "GroupId": group })).await;
    assert_eq!(listed["PinnedMsgList"], json!([{ "MsgSeq": seq, "Pinner_Account": users[0] }]));
    for n in 0..9 {
        let seq = ana_says(&server, &group, &users[0], n).await;
        server.ok("group_open_http_svc/pin_message", json!({ "GroupId": group, "MsgSeq": seq })).await;
    }
    let seq = ana_says(&server, &group, &users[0], 9).await;
    server.fails(10070, "group_open_http_svc/pin_message", json!({ "GroupId": group, "MsgSeq": seq })).await;
}

async fn ana_says(server: &Server, group: &str, ana: &str, n: u32) -> u64 {
    let body = json!({ "GroupId": group, "From_Account": ana, "Random": random(), "MsgBody": text(&format!("{n}")) });
    server.ok("group_open_http_svc/send_group_msg", body).await["MsgSeq"].as_u64().expect("a number")
}

#[tokio::test]
async fn what_one_deletes_others_keep() {
    let server = shared().await;
    let (group, users, clients) = crew(server, "Public").await;
    let [ana, bob, _] = &clients[..] else { unreachable!() };
    let first = ana.say(&group, "first").await;
    let second = ana.say(&group, "second").await;
    let delete = json!({ "GroupId": group, "Deleter_Account": users[1], "Seqs": [second.to_string()] });
    bob.ok("group_open_http_svc.delete_group_ramble_msg_by_seq", delete).await;
    let history = json!({ "GroupId": group, "ReqMsgNumber": 20 });
    let seen = bob.ok("group_open_http_svc.group_msg_get", history.clone()).await;
    assert!(seen["InvisibleMsgSeq"].as_array().expect("a list").contains(&json!(second)));
    assert_eq!(seen["RspMsgList"][0]["MsgSeq"], first);
    let seen = ana.ok("group_open_http_svc.group_msg_get", history).await;
    assert_eq!(seen["RspMsgList"][0]["MsgSeq"], second);
    // The list shows what is left, and what is deleted counts no longer.
    let list = json!({ "TimeStamp": 0, "StartIndex": 0, "TopTimeStamp": 0, "TopStartIndex": 0 });
    let page = bob.ok("recentcontact.page_get", list).await;
    let item = page["SessionItem"].as_array().expect("a list").iter().find(|item| item["ToAccount"] == group).cloned();
    let item = item.expect("the group is listed");
    assert_eq!(item["LastMsg"]["MsgBody"], text("first"));
    let shown = item["UnreadMsgCount"].as_u64().expect("a number")
        - item["GroupIgnoredUnreadSeqCount"].as_u64().expect("a number");
    assert_eq!(shown, 1, "{item}");
}
