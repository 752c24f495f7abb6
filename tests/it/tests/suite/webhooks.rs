//! Webhooks: every command's address, body and effect (docs/spec/webhooks.md).

use serde_json::{Value, json};
use tsudoi_it::{
    ADMIN, APP, PATIENCE, Server, random,
    receiver::{Reaction, Received, Receiver},
    text, unique,
};

/// A server whose app listens to everything, and the backend that it calls.
async fn stage() -> (Server, Receiver) {
    let receiver = Receiver::start().await;
    let server = Server::start(&[("TSUDOI_WEBHOOK_URL", &receiver.url())]).await;
    (server, receiver)
}

/// A server whose app listens to everything and has other settings besides (TOML below `[apps.settings]`).
async fn stage_with(settings: &str) -> (Server, Receiver) {
    let receiver = Receiver::start().await;
    let webhook = format!("[apps.settings.webhook]\nurl = \"{}\"\nall = true\n", receiver.url());
    let server = Server::with_settings(&format!("{settings}\n{webhook}")).await;
    (server, receiver)
}

/// The body, once what no test can know was looked at: the time is one, and is told in milliseconds.
fn timeless(call: &Received) -> Value {
    assert!(call.body["EventTime"].as_i64().is_some_and(|time| time > 1_700_000_000_000), "{}", call.raw);
    assert_eq!(call.body["CallbackCommand"], call.command(), "{}", call.raw);
    let mut body = call.body.clone();
    let members = body.as_object_mut().expect("an object");
    members.remove("EventTime");
    members.remove("CallbackCommand");
    body
}

/// The parameters of an address.
fn query(command: &str, platform: &str) -> Vec<(String, String)> {
    [
        ("SdkAppid", APP.to_string().as_str()),
        ("CallbackCommand", command),
        ("contenttype", "json"),
        ("ClientIP", "127.0.0.1"),
        ("OptPlatform", platform),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

#[tokio::test]
async fn groups_are_asked_about_and_told_of() {
    let (server, receiver) = stage().await;
    let users = server.users(&["ana", "bob"]).await;
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    let asked = receiver.call("Group.CallbackBeforeCreateGroup", |_| true).await;
    assert_eq!(asked.query, query("Group.CallbackBeforeCreateGroup", "RESTAPI"));
    assert_eq!(
        asked.request_line,
        format!(
            "POST /hook?SdkAppid={APP}&CallbackCommand=Group.CallbackBeforeCreateGroup&contenttype=json\
             &ClientIP=127.0.0.1&OptPlatform=RESTAPI HTTP/1.1"
        )
    );
    assert_eq!(asked.headers["content-type"], "application/json");
    assert_eq!(asked.headers["content-length"], asked.raw.len().to_string());
    assert_eq!(asked.headers["host"], format!("127.0.0.1:{}", receiver.port()));
    assert!(!asked.headers.contains_key("transfer-encoding"));
    let expected = json!({ "Operator_Account": ADMIN, "Owner_Account": users[0], "Type": "Public", "Name": "suite",
        "CreateGroupNum": 0, "CreatedGroupNum": 0, "MemberList": [{ "Member_Account": users[1] }] });
    assert_eq!(timeless(&asked), expected);
    let told = receiver.call("Group.CallbackAfterCreateGroup", |_| true).await;
    let expected = json!({ "GroupId": group, "Operator_Account": ADMIN, "Owner_Account": users[0], "Type": "Public",
        "Name": "suite", "MemberList": [{ "Member_Account": users[1] }] });
    assert_eq!(timeless(&told), expected);
    // What the backend refuses is not done, and nobody is told.
    let create = "group_open_http_svc/create_group";
    let body = json!({ "Type": "Public", "Name": "no", "Owner_Account": users[0] });
    let before = "Group.CallbackBeforeCreateGroup";
    for (answer, code, info) in [
        (Reaction::verdict(1, ""), 10016, None),
        (Reaction::verdict(10100, "level too low"), 10100, Some("level too low")),
        (Reaction::verdict(10200, "level too low"), 10200, Some("level too low")),
        // Outside of the custom codes anything is a plain refusal.
        (Reaction::verdict(10201, "x"), 10016, None),
        (Reaction::verdict(10099, "x"), 10016, None),
        (Reaction::verdict(-3, "x"), 10016, None),
        (Reaction::verdict(2, "x"), 10016, None),
        (
            Reaction::Json(json!({ "ActionStatus": "FAIL", "ErrorCode": "10123", "ErrorInfo": "quoted" })),
            10123,
            Some("quoted"),
        ),
    ] {
        receiver.react(before, answer);
        let refused = server.fails(code, create, body.clone()).await;
        if let Some(info) = info {
            assert_eq!(refused["ErrorInfo"], info);
        }
    }
    // The code alone decides.
    receiver.react(before, Reaction::Json(json!({ "ActionStatus": "FAIL", "ErrorCode": 0, "ErrorInfo": "" })));
    server.ok(create, body.clone()).await;
    let asked = receiver.calls_of(before).pop().expect("asked");
    assert_eq!(asked.body["CreateGroupNum"], 1, "the owner has a group of the type");
    assert_eq!(receiver.calls_until(2, "Group.CallbackAfterCreateGroup", |_| true).await.len(), 2);
    // A client is asked about as itself.
    let ana = server.login(&users[0]).await;
    ana.ok("group_open_http_svc.create_group", json!({ "Type": "Private", "Name": "own" })).await;
    let asked = receiver.call(before, |body| body["Name"] == "own").await;
    assert_eq!(asked.query, query(before, "Web"));
    assert_eq!((&asked.body["Operator_Account"], &asked.body["Owner_Account"]), (&json!(users[0]), &json!(users[0])));
}

#[tokio::test]
async fn members_come_and_go() {
    let (server, receiver) = stage().await;
    let users = server.users(&["ana", "bob", "cid", "dan", "eve"]).await;
    let [ana, bob, cid, dan, eve] = &users[..] else { unreachable!() };
    let group = server.group("Public", ana, &[]).await;
    // Added by the backend, but for whom it refuses itself.
    let before = "Group.CallbackBeforeInviteJoinGroup";
    receiver.react(before, Reaction::ok_with(&json!({ "RefusedMembers_Account": [dan] })));
    let add = "group_open_http_svc/add_group_member";
    let list =
        |users: &[&String]| -> Vec<Value> { users.iter().map(|user| json!({ "Member_Account": user })).collect() };
    let added = server.ok(add, json!({ "GroupId": group, "MemberList": list(&[bob, dan, cid]) })).await;
    assert_eq!(
        added["MemberList"],
        json!([{ "Member_Account": bob, "Result": 1 },
        { "Member_Account": dan, "Result": 0 }, { "Member_Account": cid, "Result": 1 }])
    );
    let asked = receiver.call(before, |_| true).await;
    assert_eq!(asked.query, query(before, "RESTAPI"));
    let expected = json!({ "GroupId": group, "Type": "Public", "Operator_Account": ADMIN,
        "DestinationMembers": list(&[bob, dan, cid]) });
    assert_eq!(timeless(&asked), expected);
    let told = receiver.call("Group.CallbackAfterNewMemberJoin", |_| true).await;
    let expected = json!({ "GroupId": group, "Type": "Public", "JoinType": "Invited", "Operator_Account": ADMIN,
        "NewMemberList": list(&[bob, cid]) });
    assert_eq!(timeless(&told), expected);
    for (answer, code) in [(Reaction::verdict(1, ""), 10016), (Reaction::verdict(10150, "no"), 10150)] {
        receiver.react(before, answer);
        server.fails(code, add, json!({ "GroupId": group, "MemberList": list(&[eve]) })).await;
    }
    receiver.react(before, Reaction::ok());
    // By their own wish.
    let apply = "Group.CallbackBeforeApplyJoinGroup";
    let base = "group_open_http_svc/modify_group_base_info";
    server.ok(base, json!({ "GroupId": group, "ApplyJoinOption": "FreeAccess" })).await;
    let client = server.login(eve).await;
    let join = json!({ "GroupId": group, "ApplyMsg": "" });
    for (answer, code) in [(Reaction::verdict(1, ""), 10016), (Reaction::verdict(10101, "no"), 10101)] {
        receiver.react(apply, answer);
        client.fails(code, "group_open_http_svc.apply_join_group", join.clone()).await;
    }
    receiver.react(apply, Reaction::ok());
    client.ok("group_open_http_svc.apply_join_group", join.clone()).await;
    let asked = receiver.calls_of(apply).pop().expect("asked");
    assert_eq!(asked.query, query(apply, "Web"));
    assert_eq!(timeless(&asked), json!({ "GroupId": group, "Type": "Public", "Requestor_Account": eve }));
    let told = receiver.call("Group.CallbackAfterNewMemberJoin", |body| body["JoinType"] == "Apply").await;
    let expected = json!({ "GroupId": group, "Type": "Public", "JoinType": "Apply", "Operator_Account": eve,
        "NewMemberList": list(&[eve]) });
    assert_eq!(timeless(&told), expected);
    assert_eq!(told.param("OptPlatform"), Some("Web"));
    // Changed roles and name cards, and nothing else of a member.
    let modify = "group_open_http_svc/modify_group_member_info";
    server.ok(modify, json!({ "GroupId": group, "Member_Account": bob, "Role": "Admin" })).await;
    server.ok(modify, json!({ "GroupId": group, "Member_Account": bob, "MuteTime": 60 })).await;
    server.ok(modify, json!({ "GroupId": group, "Member_Account": bob, "NameCard": "Bob" })).await;
    let changed = receiver.calls_until(2, "Group.CallbackAfterMemberFieldChanged", |_| true).await;
    let of_bob = json!({ "GroupId": group, "Type": "Public", "Operator_Account": ADMIN, "Member_Account": bob,
        "Modified_Account": bob });
    let with = |name: &str, value: &str| {
        let mut body = of_bob.clone();
        body[name] = value.into();
        body
    };
    assert_eq!(changed.iter().map(timeless).collect::<Vec<_>>(), [with("Role", "Admin"), with("NameCard", "Bob")]);
    // Out again.
    client.ok("group_open_http_svc.quit_group", json!({ "GroupId": group })).await;
    let delete = json!({ "GroupId": group, "MemberToDel_Account": [cid, bob], "Silence": 1 });
    server.ok("group_open_http_svc/delete_group_member", delete).await;
    let exits = receiver.calls_until(2, "Group.CallbackAfterMemberExit", |_| true).await;
    let exit = |how: &str, by: &str, users: &[&String]| json!({ "GroupId": group, "Type": "Public", "ExitType": how, "Operator_Account": by, "ExitMemberList": list(users) });
    let expected = [exit("Quit", eve, &[eve]), exit("Kicked", ADMIN, &[cid, bob])];
    assert_eq!(exits.iter().map(timeless).collect::<Vec<_>>(), expected);
    // Approved by the owner: still the applicant's own doing.
    server.ok(base, json!({ "GroupId": group, "ApplyJoinOption": "NeedPermission" })).await;
    client.ok("group_open_http_svc.apply_join_group", join).await;
    assert_eq!(receiver.calls_of("Group.CallbackAfterNewMemberJoin").len(), 2, "an application is no join");
    let owner = server.login(ana).await;
    let pending = owner.ok("group_open_http_svc.get_pendency", json!({ "StartTime": 0, "Limit": 10 })).await;
    let one = &pending["PendencyList"][0];
    let agree = json!({ "GroupId": group, "Applicant_Account": eve, "HandleMsg": "Agree", "ApprovalMsg": "",
        "Authentication": one["Authentication"], "MsgKey": one["AddTime"] });
    owner.ok("group_open_http_svc.handle_apply_join_group", agree).await;
    let told = receiver.calls_until(3, "Group.CallbackAfterNewMemberJoin", |_| true).await.pop().expect("three");
    assert_eq!((&told.body["JoinType"], &told.body["Operator_Account"]), (&json!("Apply"), &json!(eve)));
}

#[tokio::test]
async fn full_groups_changed_profiles_owners_and_ends() {
    let (server, receiver) = stage().await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let [ana, bob, cid] = &users[..] else { unreachable!() };
    let create = json!({ "Type": "Public", "Name": "Team", "Owner_Account": ana, "MaxMemberCount": 2,
        "ApplyJoinOption": "FreeAccess" });
    let created = server.ok("group_open_http_svc/create_group", create).await;
    let group = created["GroupId"].as_str().expect("an id");
    let add = |user: &String| json!({ "GroupId": group, "MemberList": [{ "Member_Account": user }] });
    server.ok("group_open_http_svc/add_group_member", add(bob)).await;
    server.fails(10014, "group_open_http_svc/add_group_member", add(cid)).await;
    let client = server.login(cid).await;
    client.fails(10014, "group_open_http_svc.apply_join_group", json!({ "GroupId": group, "ApplyMsg": "" })).await;
    for call in receiver.calls_until(3, "Group.CallbackAfterGroupFull", |_| true).await {
        assert_eq!(timeless(&call), json!({ "GroupId": group }));
    }
    // The profile: four fields, only those that changed.
    let modify = "group_open_http_svc/modify_group_base_info";
    server
        .ok(modify, json!({ "GroupId": group, "Name": "Team", "Notification": "today", "MuteAllMember": "On" }))
        .await;
    server.ok(modify, json!({ "GroupId": group, "ApplyJoinOption": "DisableApply" })).await;
    let all = json!({ "GroupId": group, "Name": "Crew", "Introduction": "we", "FaceUrl": "http://a/b.png", "Notification": "" });
    server.ok(modify, all).await;
    let changed = receiver.calls_until(2, "Group.CallbackAfterGroupInfoChanged", |_| true).await;
    let expected = [
        json!({ "GroupId": group, "Type": "Public", "Operator_Account": ADMIN, "Notification": "today" }),
        json!({ "GroupId": group, "Type": "Public", "Operator_Account": ADMIN, "Name": "Crew", "Introduction": "we",
            "Notification": "", "FaceUrl": "http://a/b.png" }),
    ];
    assert_eq!(changed.iter().map(timeless).collect::<Vec<_>>(), expected);
    // Another owner, and the end.
    let owner = server.login(ana).await;
    let transfer = json!({ "GroupId": group, "NewOwner_Account": bob });
    owner.ok("group_open_http_svc.change_group_owner", transfer).await;
    let told = receiver.call("Group.CallbackAfterChangeGroupOwner", |_| true).await;
    let expected = json!({ "GroupId": group, "Type": "Public", "Operator_Account": ana, "OldOwner_Account": ana,
        "NewOwner_Account": bob });
    assert_eq!((timeless(&told), told.param("OptPlatform")), (expected, Some("Web")));
    assert!(receiver.calls_of("Group.CallbackAfterMemberFieldChanged").is_empty());
    server.ok("group_open_http_svc/destroy_group", json!({ "GroupId": group })).await;
    let told = receiver.call("Group.CallbackAfterGroupDestroyed", |_| true).await;
    let mut body = timeless(&told);
    let members = body["MemberList"].take();
    let mut members: Vec<&str> =
        members.as_array().expect("a list").iter().filter_map(|one| one["Member_Account"].as_str()).collect();
    members.sort_unstable();
    assert_eq!(members, [ana, bob]);
    assert_eq!(
        body,
        json!({ "GroupId": group, "Type": "Public", "Owner_Account": bob, "Name": "Crew", "MemberList": null })
    );
    assert!(receiver.calls_of("Group.CallbackAfterMemberExit").is_empty(), "an end is nobody's exit");
}

fn group_message(group: &str, words: &str) -> Value {
    json!({ "GroupId": group, "Random": random(), "MsgBody": text(words) })
}

#[tokio::test]
async fn group_messages_are_asked_about_and_told_of() {
    let (server, receiver) = stage().await;
    let users = server.users(&["ana", "bob"]).await;
    let [ana, bob] = &users[..] else { unreachable!() };
    let group = server.group("Public", ana, &[bob]).await;
    let reader = server.login(bob).await;
    let send = "group_open_http_svc/send_group_msg";
    let random = random();
    let message = json!({ "GroupId": group, "Random": random, "From_Account": ana, "MsgBody": text("hello"),
        "CloudCustomData": "{\"a\":1}" });
    let sent = server.ok(send, message).await;
    let asked = receiver.call("Group.CallbackBeforeSendMsg", |_| true).await;
    assert_eq!(asked.query, query("Group.CallbackBeforeSendMsg", "RESTAPI"));
    let mut expected = json!({ "GroupId": group, "Type": "Public", "From_Account": ana, "Operator_Account": ADMIN,
        "Random": random, "MsgId": asked.body["MsgId"], "OnlineOnlyFlag": 0, "MsgBody": text("hello"),
        "CloudCustomData": "{\"a\":1}" });
    assert_eq!(timeless(&asked), expected);
    assert!(asked.body["MsgId"].as_str().is_some_and(|id| id.ends_with(&format!("-{random}"))));
    let told = receiver.call("Group.CallbackAfterSendMsg", |_| true).await;
    expected["MsgSeq"] = sent["MsgSeq"].clone();
    expected["MsgTime"] = sent["MsgTime"].clone();
    assert_eq!(timeless(&told), expected);
    // Verdicts.
    let before = "Group.CallbackBeforeSendMsg";
    for (answer, code) in [
        (Reaction::verdict(1, ""), 10016),
        (Reaction::verdict(10123, "slow mode"), 10123),
        (Reaction::verdict(7, ""), 10016),
    ] {
        receiver.react(before, answer);
        server.fails(code, send, group_message(&group, "refused")).await;
    }
    receiver.react(before, Reaction::verdict(2, ""));
    let dropped = server.ok(send, group_message(&group, "dropped")).await;
    let next = sent["MsgSeq"].as_u64().expect("a number") + 1;
    assert_eq!(dropped["MsgSeq"], next);
    let replaced = json!([{ "MsgType": "TIMTextElem", "MsgContent": { "Text": "replaced" } },
        { "MsgType": "TIMCustomElem", "MsgContent": { "Data": "vip", "Desc": "", "Ext": "" } }]);
    receiver.react(before, Reaction::ok_with(&json!({ "MsgBody": replaced, "CloudCustomData": "new" })));
    let sent = server.ok(send, group_message(&group, "original")).await;
    assert_eq!(sent["MsgSeq"], next, "what was dropped took no number");
    let heard = reader.hears("replaced").await;
    assert_eq!((&heard["MsgBody"][1]["MsgContent"]["Data"], &heard["CloudCustomData"]), (&json!("vip"), &json!("new")));
    let told = receiver.call("Group.CallbackAfterSendMsg", |body| body["MsgSeq"] == next).await;
    assert_eq!((&told.body["MsgBody"], &told.body["CloudCustomData"]), (&replaced, &json!("new")));
    // Only one part replaced; an invalid message is a failed question, and the app lets those pass.
    receiver.react(before, Reaction::ok_with(&json!({ "CloudCustomData": "only data" })));
    server.ok(send, group_message(&group, "same words")).await;
    assert_eq!(reader.hears("same words").await["CloudCustomData"], "only data");
    for bad in [json!([]), json!("text"), json!([{ "MsgType": "Nonsense" }]), text(&"x".repeat(13_000))] {
        receiver.react(before, Reaction::ok_with(&json!({ "MsgBody": bad })));
        let words = unique("unchanged");
        server.ok(send, group_message(&group, &words)).await;
        reader.hears(&words).await;
    }
    receiver.react(before, Reaction::ok());
    assert!(
        receiver.calls_of("Group.CallbackSendMsgException").is_empty(),
        "the backend's own refusals are no exception"
    );
    // A repeat is told once, from a client as from a backend.
    let client = server.login(ana).await;
    let mut body = group_message(&group, "once");
    body["CloudCustomData"] = "".into();
    let first = client.ok("group_open_http_svc.send_group_msg", body.clone()).await;
    assert_eq!(client.ok("group_open_http_svc.send_group_msg", body).await["MsgSeq"], first["MsgSeq"]);
    let seq = first["MsgSeq"].clone();
    let told = receiver.call("Group.CallbackAfterSendMsg", |body| body["MsgSeq"] == seq).await;
    assert_eq!(told.query, query("Group.CallbackAfterSendMsg", "Web"));
    assert!(told.body.get("CloudCustomData").is_none(), "empty data is left out");
    assert_eq!(told.body["Operator_Account"], json!(ana));
    // Suppressed by a backend; a client has no say.
    let asked = receiver.calls_of(before).len();
    let mut body = group_message(&group, "quiet");
    body["ForbidCallbackControl"] = json!(["ForbidBeforeSendMsgCallback", "ForbidAfterSendMsgCallback"]);
    server.ok(send, body.clone()).await;
    body["Random"] = tsudoi_it::random().into();
    body["MsgBody"] = text("loud");
    client.ok("group_open_http_svc.send_group_msg", body).await;
    receiver.call("Group.CallbackAfterSendMsg", |body| body["MsgBody"] == text("loud")).await;
    assert_eq!(receiver.calls_of(before).len(), asked + 1);
    let told = receiver.calls_of("Group.CallbackAfterSendMsg");
    assert_eq!(told.iter().filter(|call| call.body["MsgSeq"] == seq).count(), 1);
    assert!(told.iter().all(|call| call.body["MsgBody"] != text("quiet")));
    // Online-only.
    let mut body = group_message(&group, "typing");
    body["OnlineOnlyFlag"] = 1.into();
    server.ok(send, body).await;
    let told = receiver.call("Group.CallbackAfterSendMsg", |body| body["MsgBody"] == text("typing")).await;
    assert_eq!(told.body["OnlineOnlyFlag"], 1);
    // Imports and notices of the backend tell nobody.
    let calls = receiver.calls().len();
    let import = json!({ "GroupId": group, "MsgList": [{ "From_Account": ana, "SendTime": tsudoi_it::now() - 9, "Random": 9,
        "MsgBody": text("old") }] });
    server.ok("group_open_http_svc/import_group_msg", import).await;
    server.ok("group_open_http_svc/send_group_system_notification", json!({ "GroupId": group, "Content": "hi" })).await;
    // Recall and edit.
    server
        .ok("group_open_http_svc/group_msg_recall", json!({ "GroupId": group, "MsgSeqList": [{ "MsgSeq": seq }] }))
        .await;
    let told = receiver.call("Group.CallbackAfterRecallMsg", |_| true).await;
    let expected =
        json!({ "Operator_Account": ADMIN, "GroupId": group, "Type": "Public", "MsgSeqList": [{ "MsgSeq": seq }] });
    assert_eq!(timeless(&told), expected);
    assert_eq!(receiver.calls().len(), calls + 1, "only the recall was told");
    let edit = json!({ "GroupId": group, "MsgSeq": next, "MsgBody": text("edited"), "CloudCustomData": "e" });
    server.ok("openim/modify_group_msg", edit).await;
    let told = receiver.call("Group.CallbackAfterModifyMsg", |_| true).await;
    assert_eq!((&told.body["MsgSeq"], &told.body["MsgBody"]), (&json!(next), &text("edited")));
    assert_eq!((&told.body["CloudCustomData"], &told.body["Operator_Account"]), (&json!("e"), &json!(ADMIN)));
}

#[tokio::test]
async fn stopped_group_messages_are_exceptions() {
    let (server, receiver) = stage_with("[apps.settings.rates]\ngroup_messages_per_second = 1").await;
    let users = server.users(&["ana", "bob"]).await;
    let [ana, bob] = &users[..] else { unreachable!() };
    let send = "group_open_http_svc/send_group_msg";
    let exception = "Group.CallbackSendMsgException";
    let body = json!({ "GroupId": "nobody-made-it", "Random": 7, "MsgBody": text("hi"), "From_Account": ana });
    server.fails(10010, send, body).await;
    let told = receiver.call(exception, |_| true).await;
    let expected = json!({ "GroupId": "nobody-made-it", "From_Account": ana, "Operator_Account": ADMIN, "Random": 7,
        "MsgId": told.body["MsgId"], "OnlineOnlyFlag": 0, "MsgBody": text("hi"), "ErrorCode": 10010, "ErrorInfo": told.body["ErrorInfo"] });
    assert_eq!(timeless(&told), expected);
    assert_eq!(told.query, query(exception, "RESTAPI"));
    let group = server.group("Meeting", ana, &[bob]).await;
    let mute = json!({ "GroupId": group, "Members_Account": [bob], "ShutUpTime": 60 });
    server.ok("group_open_http_svc/forbid_send_msg", mute).await;
    let client = server.login(bob).await;
    client.fails(10017, "group_open_http_svc.send_group_msg", group_message(&group, "mm")).await;
    let told = receiver.call(exception, |body| body["ErrorCode"] == 10017).await;
    assert_eq!((told.body["Type"].clone(), told.param("OptPlatform")), (json!("ChatRoom"), Some("Web")));
    server.fails(80002, send, group_message(&group, &"x".repeat(13_000))).await;
    receiver.call(exception, |body| body["ErrorCode"] == 80002).await;
    // Shed messages: the sender is told success, the backend the truth.
    let (mut shed, mut passed) = (Vec::new(), Vec::new());
    while shed.is_empty() {
        for n in 0..4 {
            let words = text(&format!("flood {n}"));
            let body = json!({ "GroupId": group, "Random": random(), "From_Account": ana, "MsgBody": words });
            let answer = server.ok(send, body.clone()).await;
            let list = if answer["MsgDropReason"] == "MsgFreqCtrl" { &mut shed } else { &mut passed };
            list.push(body["Random"].clone());
        }
    }
    let randoms = |calls: &[Received]| calls.iter().map(|call| call.body["Random"].clone()).collect::<Vec<_>>();
    let told = receiver.calls_until(shed.len(), exception, |body| body["ErrorCode"] == 10023).await;
    assert_eq!(randoms(&told), shed);
    assert_eq!((&told[0].body["Type"], &told[0].body["From_Account"]), (&json!("ChatRoom"), &json!(ana)));
    let sent = receiver.calls_until(passed.len(), "Group.CallbackAfterSendMsg", |_| true).await;
    assert_eq!(randoms(&sent), passed);
    // All of them were asked about first.
    let asked = receiver.calls_of("Group.CallbackBeforeSendMsg").len();
    assert_eq!(asked, shed.len() + passed.len());
    // A client's shed message is the same: success for the sender, the truth for the backend.
    let owner = server.login(ana).await;
    let told = async {
        loop {
            let body = group_message(&group, "client's flood");
            owner.ok("group_open_http_svc.send_group_msg", body).await;
            let mut told = receiver.calls_of(exception);
            told.retain(|call| call.body["MsgBody"] == text("client's flood"));
            if let Some(told) = told.pop() {
                return told;
            }
        }
    };
    let told = tokio::time::timeout(PATIENCE, told).await.expect("one is shed");
    assert_eq!((&told.body["ErrorCode"], told.param("OptPlatform")), (&json!(10023), Some("Web")));
}

#[tokio::test]
async fn live_rooms_tell_from_memory() {
    let (server, receiver) = stage().await;
    let users = server.users(&["ana"]).await;
    let room = server.group("AVChatRoom", &users[0], &[]).await;
    let sent = server.ok("group_open_http_svc/send_group_msg", group_message(&room, "live")).await;
    let told = receiver.call("Group.CallbackAfterSendMsg", |_| true).await;
    assert_eq!((&told.body["MsgSeq"], &told.body["Type"]), (&sent["MsgSeq"], &json!("AVChatRoom")));
    assert_eq!(told.body["OnlineOnlyFlag"], 0);
    receiver.react("Group.CallbackBeforeSendMsg", Reaction::verdict(2, ""));
    let dropped = server.ok("group_open_http_svc/send_group_msg", group_message(&room, "dropped")).await;
    receiver.react("Group.CallbackBeforeSendMsg", Reaction::ok());
    assert_eq!(
        server.ok("group_open_http_svc/send_group_msg", group_message(&room, "b")).await["MsgSeq"],
        dropped["MsgSeq"]
    );
    server.ok("group_open_http_svc/destroy_group", json!({ "GroupId": room })).await;
    let told = receiver.call("Group.CallbackAfterGroupDestroyed", |_| true).await;
    assert!(told.body.get("MemberList").is_none());
}

fn direct(from: &str, to: &str, words: &str) -> Value {
    json!({ "From_Account": from, "To_Account": to, "MsgSeq": random(), "MsgRandom": random(), "MsgBody": text(words) })
}

#[tokio::test]
async fn direct_messages_are_asked_about_and_told_of() {
    let (server, receiver) = stage().await;
    let users = server.users(&["ana", "bob"]).await;
    let [ana, bob] = &users[..] else { unreachable!() };
    let reader = server.login(bob).await;
    let (before, after) = ("C2C.CallbackBeforeSendMsg", "C2C.CallbackAfterSendMsg");
    let mut message = direct(ana, bob, "hello");
    message["CloudCustomData"] = "x".into();
    message["SupportMessageExtension"] = 1.into();
    let sent = server.ok("openim/sendmsg", message.clone()).await;
    let asked = receiver.call(before, |_| true).await;
    assert_eq!(asked.query, query(before, "RESTAPI"));
    let mut expected = json!({ "From_Account": ana, "To_Account": bob, "MsgSeq": message["MsgSeq"],
        "MsgRandom": message["MsgRandom"], "MsgTime": sent["MsgTime"], "MsgKey": sent["MsgKey"], "MsgId": sent["MsgId"],
        "OnlineOnlyFlag": 0, "MsgBody": text("hello"), "CloudCustomData": "x" });
    assert_eq!(timeless(&asked), expected);
    let told = receiver.call(after, |_| true).await;
    for (name, value) in [
        ("SendMsgResult", json!(0)),
        ("ErrorInfo", json!("send msg succeed")),
        ("UnreadMsgNum", json!(1)),
        ("SupportMessageExtension", json!(1)),
    ] {
        expected[name] = value;
    }
    assert_eq!(timeless(&told), expected);
    for (answer, code) in [
        (Reaction::verdict(1, ""), 20006),
        (Reaction::verdict(120_001, "no contact details"), 120_001),
        (Reaction::verdict(130_000, "no"), 130_000),
        (Reaction::verdict(130_001, "no"), 20006),
        (Reaction::verdict(10_123, "a code of groups"), 20006),
    ] {
        receiver.react(before, answer);
        server.fails(code, "openim/sendmsg", direct(ana, bob, "refused")).await;
    }
    receiver.react(before, Reaction::verdict(2, ""));
    let dropped = server.ok("openim/sendmsg", direct(ana, bob, "dropped")).await;
    assert!(dropped["MsgKey"].as_str().is_some_and(|key| !key.is_empty()));
    receiver.react(before, Reaction::ok_with(&json!({ "MsgBody": text("replaced"), "CloudCustomData": "" })));
    let client = server.login(ana).await;
    client.ok("openim.sendmsg", direct(ana, bob, "original")).await;
    let heard = reader.event("C2cMsgArray", |item| item["MsgBody"] == text("replaced")).await;
    assert_eq!(heard["From_Account"], json!(ana));
    let told = receiver.call(after, |body| body["MsgBody"] == text("replaced")).await;
    assert_eq!((told.query.clone(), &told.body["UnreadMsgNum"]), (query(after, "Web"), &json!(2)));
    receiver.react(before, Reaction::ok());
    let mut quiet = direct(ana, bob, "quiet");
    quiet["ForbidCallbackControl"] = json!(["ForbidAfterSendMsgCallback"]);
    server.ok("openim/sendmsg", quiet).await;
    // Batches and imports tell nobody.
    let batch = json!({ "From_Account": ana, "To_Account": [bob], "MsgRandom": random(), "MsgSeq": random(), "MsgBody": text("batch") });
    server.ok("openim/batchsendmsg", batch).await;
    let import = json!({ "SyncFromOldSystem": 1, "From_Account": ana, "To_Account": bob, "MsgSeq": 1, "MsgRandom": 1,
        "MsgTimeStamp": tsudoi_it::now() - 5, "MsgBody": text("old") });
    server.ok("openim/importmsg", import).await;
    // Read, withdrawn, edited.
    reader.ok("openim.msgreaded", json!({ "C2CMsgReaded": { "C2CMsgReadedItem": [{ "To_Account": ana, "LastedMsgTime": tsudoi_it::now() }] } })).await;
    let told = receiver.call("C2C.CallbackAfterMsgReport", |_| true).await;
    let expected = json!({ "Report_Account": bob, "Peer_Account": ana, "LastReadTime": told.body["LastReadTime"], "UnreadMsgNum": 0 });
    assert_eq!((timeless(&told), told.param("OptPlatform")), (expected, Some("Web")));
    server
        .ok(
            "openim/modify_c2c_msg",
            json!({ "From_Account": ana, "To_Account": bob, "MsgKey": sent["MsgKey"], "MsgBody": text("edited") }),
        )
        .await;
    let told = receiver.call("C2C.CallbackAfterModifyMsg", |_| true).await;
    let expected = json!({ "Operator_Account": ADMIN, "From_Account": ana, "To_Account": bob, "MsgSeq": message["MsgSeq"],
        "MsgRandom": message["MsgRandom"], "MsgTime": sent["MsgTime"], "MsgKey": sent["MsgKey"], "MsgBody": text("edited"),
        "CloudCustomData": "x" });
    assert_eq!(timeless(&told), expected);
    server
        .ok("openim/admin_msgwithdraw", json!({ "From_Account": ana, "To_Account": bob, "MsgKey": sent["MsgKey"] }))
        .await;
    let told = receiver.call("C2C.CallbackAfterMsgWithDraw", |_| true).await;
    let expected = json!({ "From_Account": ana, "To_Account": bob, "MsgKey": sent["MsgKey"], "UnreadMsgNum": 0 });
    assert_eq!(timeless(&told), expected);
    server.ok("openim/admin_set_msg_read", json!({ "Report_Account": ana, "Peer_Account": bob })).await;
    receiver.call("C2C.CallbackAfterMsgReport", |body| body["Report_Account"] == json!(ana)).await;
    let words: Vec<Value> = receiver.calls_of(after).iter().map(|call| call.body["MsgBody"].clone()).collect();
    assert_eq!(words, [text("hello"), text("replaced")]);
}

#[tokio::test]
async fn devices_come_and_go() {
    let (server, receiver) = stage().await;
    let users = server.users(&["ana"]).await;
    let ana = &users[0];
    let state = "State.StateChange";
    let info = |action: &str, reason: &str| json!({ "Action": action, "Reason": reason, "To_Account": ana });
    let first = server.login(ana).await;
    let told = receiver.call(state, |_| true).await;
    assert_eq!(told.query, query(state, "Web"));
    assert_eq!(timeless(&told), json!({ "Info": info("Login", "Register") }));
    // The second device of the platform pushes the first one out; that is no event of its own.
    let second = server.login(ana).await;
    let told = receiver.call(state, |body| body.get("KickedDevice").is_some()).await;
    let expected = json!({ "Info": info("Login", "Register"), "KickedDevice": [{ "Platform": "Web" }] });
    assert_eq!(timeless(&told), expected);
    drop(first);
    second.ok("im_open_status.wslogout", json!({})).await;
    let told = receiver.call(state, |body| body["Info"]["Action"] == "Logout").await;
    assert_eq!(timeless(&told), json!({ "Info": info("Logout", "Unregister") }));
    drop(second);
    let third = server.login(ana).await;
    drop(third);
    let told = receiver.call(state, |body| body["Info"]["Action"] == "Disconnect").await;
    assert_eq!(timeless(&told), json!({ "Info": info("Disconnect", "LinkClose") }));
    // The backend sends the user away.
    let fourth = server.login(ana).await;
    server.ok("im_open_login_svc/kick", json!({ "UserID": ana })).await;
    fourth.other("im_open_status.stat_forceoffline").await;
    drop(fourth);
    let logouts = receiver.calls_until(2, state, |body| body["Info"]["Action"] == "Logout").await;
    assert_eq!(timeless(&logouts[1]), json!({ "Info": info("Logout", "Unregister") }));
    let actions: Vec<Value> = receiver.calls_of(state).iter().map(|call| call.body["Info"]["Action"].clone()).collect();
    assert_eq!(actions, ["Login", "Login", "Logout", "Login", "Disconnect", "Login", "Logout"]);
}

#[tokio::test]
async fn profiles_change() {
    let (server, receiver) = stage().await;
    let users = server.users(&["ana"]).await;
    let items =
        json!([{ "Tag": "Tag_Profile_IM_Nick", "Value": "North" }, { "Tag": "Tag_Profile_IM_Level", "Value": 3 }]);
    server.ok("profile/portrait_set", json!({ "From_Account": users[0], "ProfileItem": items })).await;
    let told = receiver.call("Profile.CallbackPortraitSet", |_| true).await;
    let expected = json!({ "Operator_Account": ADMIN, "From_Account": users[0], "ProfileItem": items });
    assert_eq!(timeless(&told), expected);
    let ana = server.login(&users[0]).await;
    ana.ok(
        "profile.portrait_set",
        json!({ "From_Account": users[0], "ProfileItem": [{ "Tag": "Tag_Profile_IM_Nick", "Value": "South" }] }),
    )
    .await;
    let told = receiver.call("Profile.CallbackPortraitSet", |body| body["Operator_Account"] == json!(users[0])).await;
    assert_eq!(told.param("OptPlatform"), Some("Web"));
}

/// Sends that are repeated, also over a restart, are told once.
#[tokio::test]
async fn repeats_are_told_once() {
    let (mut server, receiver) = stage().await;
    let users = server.users(&["ana", "bob"]).await;
    let [ana, bob] = &users[..] else { unreachable!() };
    let group = server.group("Public", ana, &[bob]).await;
    let to_group = group_message(&group, "once");
    let to_bob = direct(ana, bob, "once");
    let first = server.ok("group_open_http_svc/send_group_msg", to_group.clone()).await;
    let key = server.ok("openim/sendmsg", to_bob.clone()).await["MsgKey"].clone();
    for restart in [false, true] {
        if restart {
            server.kill().await;
            server.restart().await;
        }
        let again = server.ok("group_open_http_svc/send_group_msg", to_group.clone()).await;
        assert_eq!(again["MsgSeq"], first["MsgSeq"]);
        assert_eq!(server.ok("openim/sendmsg", to_bob.clone()).await["MsgKey"], key);
    }
    server.ok("group_open_http_svc/send_group_msg", group_message(&group, "last")).await;
    server.ok("openim/sendmsg", direct(ana, bob, "last")).await;
    for command in ["Group.CallbackAfterSendMsg", "C2C.CallbackAfterSendMsg"] {
        receiver.call(command, |body| body["MsgBody"] == text("last")).await;
        let told = receiver.calls_of(command);
        // The call itself may be made again where the kill came between call and note.
        let distinct: std::collections::BTreeSet<&str> = told.iter().map(|call| call.raw.as_str()).collect();
        assert_eq!(distinct.len(), 2, "{distinct:#?}");
    }
}

/// What is imported, what backends send to many, and who is there from the beginning.
#[tokio::test]
async fn some_things_are_nobody_s_business() {
    let (server, receiver) = stage().await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let [ana, bob, cid] = &users[..] else { unreachable!() };
    let old = tsudoi_it::now() - 100;
    let import =
        json!({ "Type": "Public", "Name": "old", "Owner_Account": ana, "GroupId": unique("old"), "CreateTime": old });
    let group = server.ok("group_open_http_svc/import_group", import).await["GroupId"].clone();
    let list = json!([{ "Member_Account": bob, "JoinTime": old + 10 }]);
    server.ok("group_open_http_svc/import_group_member", json!({ "GroupId": group, "MemberList": list })).await;
    let list = json!([{ "From_Account": ana, "SendTime": old + 20, "Random": 9, "MsgBody": text("old") }]);
    server.ok("group_open_http_svc/import_group_msg", json!({ "GroupId": group, "MsgList": list })).await;
    let notice = json!({ "GroupId": group, "Content": "hi" });
    server.ok("group_open_http_svc/send_group_system_notification", notice).await;
    let batch = json!({ "From_Account": ana, "To_Account": [bob, cid], "MsgRandom": random(), "MsgBody": text("all") });
    server.ok("openim/batchsendmsg", batch).await;
    let friends =
        json!({ "From_Account": ana, "AddFriendItem": [{ "To_Account": bob, "AddSource": "AddSource_Type_Web" }] });
    server.ok("sns/friend_import", friends).await;
    // Reading a group, muting, receive options, member fields and joining options are told of by no command.
    let client = server.login(bob).await;
    let read = json!({ "GroupId": group, "MsgReadedSeq": 1 });
    client.ok("group_open_http_svc.msg_read_report", read).await;
    let mute = json!({ "GroupId": group, "Members_Account": [bob], "MuteTime": 60 });
    server.ok("group_open_http_svc/forbid_send_msg", mute).await;
    let flag = json!({ "GroupId": group, "Member_Account": bob, "MsgFlag": "Discard" });
    server.ok("group_open_http_svc/modify_group_member_info", flag).await;
    let options = json!({ "GroupId": group, "ApplyJoinOption": "FreeAccess", "MuteAllMember": "On" });
    server.ok("group_open_http_svc/modify_group_base_info", options).await;
    let same = json!({ "GroupId": group, "Name": "old" });
    server.ok("group_open_http_svc/modify_group_base_info", same).await;
    // The end of the group is, and its calls come in order: what was not told until then is not told at all.
    server.ok("group_open_http_svc/destroy_group", json!({ "GroupId": group })).await;
    receiver.call("Group.CallbackAfterGroupDestroyed", |_| true).await;
    // Who is in a group from the beginning did not join it.
    let group = server.group("Public", ana, &[bob]).await;
    let add = json!({ "GroupId": group, "MemberList": [{ "Member_Account": cid }] });
    server.ok("group_open_http_svc/add_group_member", add).await;
    receiver.call("Group.CallbackAfterNewMemberJoin", |_| true).await;
    let told: std::collections::BTreeSet<String> =
        receiver.calls().iter().map(|call| call.command().to_owned()).collect();
    let expected = [
        "Group.CallbackAfterCreateGroup",
        "Group.CallbackAfterGroupDestroyed",
        "Group.CallbackAfterNewMemberJoin",
        "Group.CallbackBeforeCreateGroup",
        "Group.CallbackBeforeInviteJoinGroup",
        "State.StateChange",
    ];
    assert_eq!(told.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    assert_eq!(receiver.calls_of("Group.CallbackAfterNewMemberJoin").len(), 1);
    assert_eq!(receiver.calls_of("Group.CallbackAfterCreateGroup").len(), 1);
}

/// Numbers of platforms in the addresses of connections, and their words.
#[tokio::test]
async fn addresses_name_the_platform() {
    for mac in ["Mac", "macOS"] {
        let receiver = Receiver::start().await;
        let webhook =
            format!("webhook = {{ url = \"{}\", all = true, platform_name_mac = \"{mac}\" }}", receiver.url());
        let server = Server::with_settings(&webhook).await;
        let platforms =
            [(1, "Windows"), (2, "Android"), (3, "iOS"), (4, mac), (5, "iPad"), (7, "Web"), (99, "Unknown")];
        for (number, word) in platforms {
            let users = server.users(&["ana"]).await;
            let client = server.connect_on(number).await;
            client.login(&users[0]).await;
            let nick = json!({ "From_Account": users[0], "ProfileItem": [{ "Tag": "Tag_Profile_IM_Nick", "Value": "North" }] });
            client.ok("profile.portrait_set", nick).await;
            let told =
                receiver.call("Profile.CallbackPortraitSet", |body| body["From_Account"] == json!(users[0])).await;
            assert_eq!(told.param("OptPlatform"), Some(word), "platform {number}");
            let told = receiver.call("State.StateChange", |body| body["Info"]["To_Account"] == json!(users[0])).await;
            let word = if word == "iOS" { "IOS" } else { word };
            assert_eq!(told.param("OptPlatform"), Some(word), "platform {number}");
        }
    }
}

/// Commands without a switch of their own go by the one they share.
#[tokio::test]
async fn switches_are_shared() {
    let receiver = Receiver::start().await;
    let switches = [
        "Group.CallbackBeforeCreateGroup",
        "Group.CallbackAfterCreateGroup",
        "Group.CallbackAfterGroupDestroyed",
        "Group.CallbackAfterGroupInfoChanged",
        "Bot.OnC2CMessage",
    ];
    let switches: String = switches.iter().map(|name| format!("\"{name}\" = true\n")).collect();
    let webhook =
        format!("[apps.settings.webhook]\nurl = \"{}\"\n[apps.settings.webhook.switches]\n{switches}", receiver.url());
    let server = Server::with_settings(&webhook).await;
    let users = server.users(&["ana"]).await;
    let town = unique("@TGS#_town");
    let create =
        json!({ "Type": "Community", "Name": "Town", "GroupId": town, "Owner_Account": users[0], "SupportTopic": 1 });
    server.ok("group_open_http_svc/create_group", create).await;
    let topic = format!("{town}@TOPIC#_news");
    let create = json!({ "GroupId": town, "TopicId": topic, "TopicName": "News" });
    server.ok("million_group_open_http_svc/create_topic", create).await;
    let rename = json!({ "GroupId": town, "TopicId": topic, "TopicName": "Talk" });
    server.ok("million_group_open_http_svc/modify_topic", rename).await;
    server.ok("million_group_open_http_svc/destroy_topic", json!({ "GroupId": town, "TopicIdList": [topic] })).await;
    server.ok("openim_robot_http_svc/create_robot", json!({ "UserID": "@RBT#guide" })).await;
    server.ok("openim/sendmsg", direct(&users[0], "@RBT#guide", "hello")).await;
    let group = server.group("Public", &users[0], &["@RBT#guide"]).await;
    let mut call = group_message(&group, "hello");
    call["From_Account"] = json!(users[0]);
    call["GroupAtInfo"] = json!([{ "GroupAtAllFlag": 0, "GroupAt_Account": "@RBT#guide" }]);
    server.ok("group_open_http_svc/send_group_msg", call).await;
    for command in [
        "Group.CallbackBeforeCreateTopic",
        "Group.CallbackAfterCreateTopic",
        "Group.CallbackAfterTopicInfoChanged",
        "Group.CallbackAfterTopicDestroyed",
        "Bot.OnC2CMessage",
        "Bot.OnGroupMessage",
    ] {
        receiver.call(command, |_| true).await;
    }
    assert!(receiver.calls_of("Group.CallbackAfterSendMsg").is_empty());
}

#[tokio::test]
async fn calls_of_a_conversation_keep_their_order() {
    let (server, receiver) =
        stage_with("[apps.settings.rates]\ngroup_messages_per_second = 0\nrest_default_per_second = 0").await;
    let users = server.users(&["ana", "bob"]).await;
    let mut groups = Vec::new();
    for _ in 0..4 {
        groups.push(server.group("Meeting", &users[0], &[&users[1]]).await);
    }
    // Some answers are slow: those behind them wait, those of other groups do not.
    let slow = Reaction::Late(std::time::Duration::from_millis(30), json!({ "ActionStatus": "OK", "ErrorCode": 0 }));
    receiver.react_in_turn(
        "Group.CallbackAfterSendMsg",
        (0..40).map(|n| if n % 5 == 0 { slow.clone() } else { Reaction::ok() }),
    );
    let sends = groups.iter().map(|group| async {
        for n in 0..20 {
            server.ok("group_open_http_svc/send_group_msg", group_message(group, &n.to_string())).await;
        }
    });
    futures_util::future::join_all(sends).await;
    let told = receiver.calls_until(80, "Group.CallbackAfterSendMsg", |_| true).await;
    for group in &groups {
        let numbers: Vec<u64> = told
            .iter()
            .filter(|call| call.body["GroupId"] == json!(group))
            .map(|call| call.body["MsgSeq"].as_u64().expect("a number"))
            .collect();
        assert_eq!(numbers.len(), 20);
        assert!(numbers.is_sorted_by(|one, next| one + 1 == *next), "{numbers:?}");
    }
    assert!(receiver.connections() < 80, "connections are kept: {}", receiver.connections());
}

#[tokio::test]
async fn switches_name_what_is_wanted() {
    let receiver = Receiver::start().await;
    let webhook = format!(
        "[apps.settings.webhook]\nurl = \"{}\"\ntoken = \"hook-token-2026\"\nsigning_secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n\
         [apps.settings.webhook.switches]\n\"Group.CallbackAfterCreateGroup\" = true\n",
        receiver.url()
    );
    let server = Server::with_settings(&webhook).await;
    let users = server.users(&["ana"]).await;
    server.group("Public", &users[0], &[]).await;
    let told = receiver.call("Group.CallbackAfterCreateGroup", |_| true).await;
    let (sign, time) = (told.param("Sign").expect("signed"), told.param("RequestTime").expect("signed"));
    let names: Vec<&str> = told.query.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["SdkAppid", "CallbackCommand", "contenttype", "ClientIP", "OptPlatform", "Sign", "RequestTime"]);
    assert!(time.parse::<i64>().is_ok_and(|time| (tsudoi_it::now() - time).abs() < 60));
    assert_eq!((sign.len(), sign.to_lowercase()), (64, sign.to_owned()));
    assert!(told.headers["webhook-signature"].starts_with("v1,"));
    assert!(told.headers["webhook-id"].starts_with("msg_"));
    assert_eq!(told.headers["webhook-timestamp"], time);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(receiver.calls().len(), 1, "nothing else was asked for");
}
