//! What users do with the conversations of their lists, on several devices and over restarts; unread numbers against a naive recount.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tsudoi_it::{Client, Server, random, shared, text};

async fn mail(server: &Server, from: &str, to: &str, words: &str) -> Value {
    let body = json!({ "From_Account": from, "To_Account": to, "MsgRandom": random(), "MsgBody": text(words) });
    server.ok("openim/sendmsg", body).await
}

async fn page(client: &Client) -> Vec<Value> {
    let body = json!({ "TimeStamp": 0, "StartIndex": 0, "TopTimeStamp": 0, "TopStartIndex": 0 });
    let page = client.ok("recentcontact.page_get", body).await;
    assert_eq!(page["CompleteFlag"], 1);
    page["SessionItem"].as_array().expect("a list").clone()
}

async fn recent(server: &Server, user: &str, flags: u32) -> Vec<(String, i64)> {
    let (mut found, mut cursor) =
        (Vec::new(), json!({ "TimeStamp": 0, "StartIndex": 0, "TopTimeStamp": 0, "TopStartIndex": 0 }));
    loop {
        let mut body = cursor.clone();
        body["From_Account"] = user.into();
        body["AssistFlags"] = flags.into();
        let page = server.ok("recentcontact/get_list", body).await;
        for item in page["SessionItem"].as_array().expect("a list") {
            let name = item["To_Account"].as_str().or(item["GroupId"].as_str()).expect("a name");
            found.push((name.to_owned(), item["TopFlag"].as_i64().expect("a number")));
        }
        if page["CompleteFlag"] == 1 {
            return found;
        }
        for field in ["TimeStamp", "StartIndex", "TopTimeStamp", "TopStartIndex"] {
            cursor[field] = page[field].clone();
        }
    }
}

fn contact(user: &str) -> Value {
    json!({ "Type": 1, "To_Account": user })
}

#[tokio::test]
async fn pinned_conversations_come_first_and_other_devices_learn_of_them() {
    let server = Server::with_settings("login.web_instances = 3").await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let (here, there) = (server.login(&users[2]).await, server.login(&users[2]).await);
    mail(&server, &users[0], &users[2], "one").await;
    mail(&server, &users[1], &users[2], "two").await;
    let top = |operation: u32| json!({ "OperationType": operation, "RecentContactItem": [contact(&users[0])] });
    here.ok("recentcontact.top", top(1)).await;
    let told = there.event("RecentContactMod", |item| item["PushType"] == 2).await;
    assert_eq!(told["RecentContactTopItem"]["RecentContactList"], json!([{ "Type": 1, "User_Account": users[0] }]));
    let items = page(&there).await;
    assert_eq!((&items[0]["To_Account"], &items[0]["TopFlags"]), (&json!(users[0]), &json!(1)));
    assert_eq!(recent(&server, &users[2], 7).await[0], (users[0].clone(), 1));
    here.ok("recentcontact.top", top(2)).await;
    there.event("RecentContactMod", |item| item["PushType"] == 3).await;
    assert!(recent(&server, &users[2], 7).await.iter().all(|(_, pinned)| *pinned == 0));
    // Marks, folders, options.
    let mark = json!({ "From_Account": users[2], "MarkItem": [{ "OptType": 1, "ContactItem": contact(&users[0]), "SetMark": [1, 3] }] });
    server.ok("recentcontact/mark_contact", mark).await;
    let told = there.event("RecentContactMod", |item| item["PushType"] == 4).await;
    let item = &told["RecentContactMarkContact"]["RecentContactMarkContactItem"][0];
    assert_eq!(item["RecentContactItem"]["User_Account"], users[0]);
    assert!(item["StandardMark"].as_str().expect("a text").ends_with("00101"));
    let folder = json!({ "GroupContactItem": [{ "GroupName": "work", "ContactItem": [contact(&users[0])] }] });
    here.ok("recentcontact.create_contact_group", folder).await;
    let told = there.event("RecentContactMod", |item| item["PushType"] == 5).await;
    let made = &told["RecentContactCreateContactGroup"]["MsgContactGroupContactItem"][0];
    assert_eq!(made["MsgGroupItem"], json!({ "GroupId": 1, "GroupName": "work" }));
    here.ok("openim.set_c2c_peer_mute_notifications", json!({ "Peer_Account": [users[0]], "Mute_Notifications": 2 }))
        .await;
    let told = there.event("C2cNotifyMsgArray", |item| item["MuteNotificationsSync"].is_object()).await;
    assert_eq!(told["MuteNotificationsSync"], json!({ "To_Account": users[0], "MuteNotifications": 2 }));
    let items = page(&there).await;
    let item = items.iter().find(|item| item["To_Account"] == users[0]).expect("listed");
    assert_eq!((&item["MsgRecvOption"], &item["ContactGroupId"]), (&json!(2), &json!([1])));
}

#[tokio::test]
async fn discarded_messages_reach_no_device_and_stand_in_history() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let bob = server.login(&users[1]).await;
    bob.ok("openim.set_c2c_peer_mute_notifications", json!({ "Peer_Account": [users[0]], "Mute_Notifications": 1 }))
        .await;
    mail(server, &users[0], &users[1], "unheard").await;
    assert!(!bob.events().await.iter().any(|event| event["C2cMsgArray"].is_array()));
    let history = bob.ok("openim.getroammsg", json!({ "Peer_Account": users[0], "MaxCnt": 10 })).await;
    assert_eq!(history["MsgList"][0]["MsgBody"], text("unheard"));
}

#[tokio::test]
async fn a_deleted_conversation_comes_back_with_the_next_message() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    let bob = server.login(&users[1]).await;
    mail(server, &users[0], &users[1], "one").await;
    let ana = server.login(&users[0]).await;
    ana.say(&group, "hello").await;
    let items = json!([contact(&users[0]), { "Type": 2, "ToGroupid": group }]);
    let answer = bob.ok("recentcontact.batch_delete", json!({ "ContactItem": items, "ClearRamble": 1 })).await;
    assert!(answer["ResultItem"].as_array().expect("a list").iter().all(|item| item["ResultCode"] == 0), "{answer}");
    assert_eq!(page(&bob).await, Vec::<Value>::new());
    assert_eq!(recent(server, &users[1], 7).await, Vec::new());
    let unread = server.ok("openim/get_c2c_unread_msg_num", json!({ "To_Account": users[1] })).await;
    assert_eq!(unread["AllC2CUnreadMsgNum"], 0);
    let history = bob.ok("openim.getroammsg", json!({ "Peer_Account": users[0], "MaxCnt": 10 })).await;
    assert_eq!(history["MsgList"], json!([]));
    ana.say(&group, "hello again").await;
    mail(server, &users[0], &users[1], "two").await;
    let items = page(&bob).await;
    assert_eq!(items.len(), 2, "{items:?}");
    let of_group = items.iter().find(|item| item["ToAccount"] == group).expect("listed");
    assert_eq!(of_group["UnreadMsgCount"], 1);
    let history = bob.ok("openim.getroammsg", json!({ "Peer_Account": users[0], "MaxCnt": 10 })).await;
    assert_eq!(history["MsgList"].as_array().expect("a list").len(), 1);
}

#[tokio::test]
async fn caps_bind_and_survive_a_restart() {
    let settings = "limits.overrides.conversation = { max_pinned = 1, max_groups = 1, max_grouped = 2 }";
    let mut server = Server::with_settings(settings).await;
    let users = server.users(&["ana", "bob", "cid", "dan"]).await;
    let me = &users[3];
    let pin = |user: &str| json!({ "From_Account": me, "OperationType": 1, "RecentContactItem": [contact(user)] });
    server.ok("recentcontact/top", pin(&users[0])).await;
    let folder = |name: &str, user: &str| json!({ "From_Account": me, "GroupContactItem": [{ "GroupName": name, "ContactItem": [contact(user)] }] });
    server.ok("recentcontact/create_contact_group", folder("work", &users[0])).await;
    server.restart().await;
    server.fails(51012, "recentcontact/top", pin(&users[1])).await;
    server.fails(51010, "recentcontact/create_contact_group", folder("home", &users[1])).await;
    let mark = |user: &str| json!({ "OptType": 1, "ContactItem": contact(user), "SetMark": [1] });
    let answer = server
        .ok(
            "recentcontact/mark_contact",
            json!({ "From_Account": me, "MarkItem": [mark(&users[1]), mark(&users[2]), mark(&users[0])] }),
        )
        .await;
    let codes: Vec<_> =
        answer["ResultItem"].as_array().expect("a list").iter().map(|item| item["ResultCode"].clone()).collect();
    assert_eq!(codes, [json!(0), json!(51008), json!(0)]);
    let grouped = server.ok("recentcontact/get_contact_group", json!({ "From_Account": me, "StartIndex": 0 })).await;
    assert_eq!(grouped["ContactItem"].as_array().expect("a list").len(), 2);
    assert_eq!(grouped["GroupItem"], json!([{ "GroupId": 1, "GroupName": "work" }]));
}

#[tokio::test]
async fn the_recent_list_has_every_conversation_once() {
    let server = shared().await;
    let me = server.users(&["me"]).await.remove(0);
    let mut peers = Vec::new();
    for _ in 0..2 {
        let names: Vec<String> = (0..65).map(|n| format!("peer{n}-")).collect();
        peers.extend(server.users(&names.iter().map(String::as_str).collect::<Vec<_>>()).await);
    }
    for peer in &peers {
        mail(server, peer, &me, "hi").await;
    }
    let listed = recent(server, &me, 7).await;
    let mut unique_names: Vec<&String> = listed.iter().map(|(name, _)| name).collect();
    unique_names.sort();
    unique_names.dedup();
    assert_eq!((listed.len(), unique_names.len()), (100, 100), "the newest hundred, each once");
    let newest = &peers[peers.len() - 1];
    assert!(listed.iter().any(|(name, _)| name == newest));
}

/// Messages that count as unread, as somebody would who looks at all of them.
#[derive(Default)]
struct Naive {
    inbound: Vec<(String, bool)>,
}

#[tokio::test]
async fn unread_numbers_equal_a_naive_recount() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let me = &users[2];
    let client = server.login(me).await;
    let mut naive: BTreeMap<&String, Naive> = BTreeMap::new();
    // A generator with a fixed seed: the same operations in every run.
    let mut seed = 20_261_127u64;
    let mut roll = |sides: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % sides
    };
    for step in 0..120 {
        let peer = if roll(2) == 0 { &users[0] } else { &users[1] };
        let kept = naive.entry(peer).or_default();
        match roll(10) {
            0..=4 => {
                let quiet = roll(4) == 0;
                let mut body =
                    json!({ "From_Account": peer, "To_Account": me, "MsgRandom": random(), "MsgBody": text("x") });
                if quiet {
                    body["SendMsgControl"] = json!(["NoUnread"]);
                }
                let sent = server.ok("openim/sendmsg", body).await;
                kept.inbound.push((sent["MsgKey"].as_str().expect("a key").to_owned(), !quiet));
            }
            5 => _ = mail(server, me, peer, "mine").await,
            6 if !kept.inbound.is_empty() => {
                let at = usize::try_from(roll(kept.inbound.len() as u64)).expect("small");
                let (key, _) = kept.inbound.remove(at);
                server
                    .ok("openim/admin_msgwithdraw", json!({ "From_Account": peer, "To_Account": me, "MsgKey": key }))
                    .await;
            }
            7 if !kept.inbound.is_empty() => {
                let at = usize::try_from(roll(kept.inbound.len() as u64)).expect("small");
                let (key, _) = kept.inbound.remove(at);
                let body = json!({ "Operator_Account": me, "Peer_Account": peer, "MsgKeyList": [key] });
                server.ok("openim/delete_c2c_msg_ramble", body).await;
            }
            8 => {
                client.ok("recentcontact.clear_msg", json!({ "Type": 1, "To_Account": peer })).await;
                kept.inbound.clear();
            }
            9 if step % 3 == 0 => {
                server.ok("openim/admin_set_msg_read", json!({ "Report_Account": me, "Peer_Account": peer })).await;
                kept.inbound.iter_mut().for_each(|(_, unread)| *unread = false);
            }
            _ => {
                let body = json!({ "From_Account": me, "Type": 1, "To_Account": peer });
                server.ok("recentcontact/delete", body).await;
                kept.inbound.iter_mut().for_each(|(_, unread)| *unread = false);
            }
        }
        let counts: BTreeMap<&String, u64> = naive
            .iter()
            .map(|(peer, kept)| (*peer, kept.inbound.iter().filter(|(_, unread)| *unread).count() as u64))
            .collect();
        let asked = json!({ "To_Account": me, "Peer_Account": counts.keys().collect::<Vec<_>>() });
        let told = server.ok("openim/get_c2c_unread_msg_num", asked).await;
        for item in told["C2CUnreadMsgNumList"].as_array().expect("a list") {
            let peer = item["Peer_Account"].as_str().expect("a name").to_owned();
            assert_eq!(item["C2CUnreadMsgNum"], counts[&peer], "step {step}, {peer}");
        }
        let total = server.ok("openim/get_c2c_unread_msg_num", json!({ "To_Account": me })).await;
        assert_eq!(total["AllC2CUnreadMsgNum"], counts.values().sum::<u64>(), "step {step}");
    }
}

#[tokio::test]
async fn merged_messages_that_are_too_long_are_kept() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    let messages = json!([{ "From_Account": users[0], "MsgBody": text("long ago"), "Unknown": { "stays": true } }]);
    let saved = ana.ok("im_long_msg.save_relay_json_msg", json!({ "MsgList": messages })).await;
    let read = bob.ok("im_long_msg.get_relay_json_msg", json!({ "JsonMsgKey": saved["JsonMsgKey"] })).await;
    assert_eq!(read["MsgList"], messages);
}

#[tokio::test]
async fn the_recent_list_tells_the_order_also_within_a_second() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid", "dan", "eve", "fay"]).await;
    let group = server.group("Public", &users[0], &[]).await;
    let say = json!({ "GroupId": group, "From_Account": users[0], "Random": random(), "MsgBody": text("all") });
    for peer in [3, 1, 5, 2] {
        mail(server, &users[0], &users[peer], "in one second").await;
    }
    server.ok("group_open_http_svc/send_group_msg", say).await;
    mail(server, &users[4], &users[0], "in one second").await;
    mail(server, &users[0], &users[1], "again").await;
    let expected = [&users[1], &users[4], &group, &users[2], &users[5], &users[3]].map(String::clone);
    let found: Vec<String> = recent(server, &users[0], 7).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(found, expected);
    for name in ["ToGroupid", "ToGroupId", "GroupId"] {
        let mut body = json!({ "From_Account": users[0], "Type": 2 });
        body[name] = json!(group);
        server.ok("recentcontact/delete", body).await;
    }
    assert!(!recent(server, &users[0], 7).await.iter().any(|(name, _)| *name == group));
}
