//! Backends that refuse, hang, break off or talk nonsense, and servers that are killed: the chat goes on, and what is told is
//! neither lost nor out of order (docs/spec/webhooks.md#1.4, #1.6, #1.9).

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tsudoi_it::{
    PATIENCE, Server, random,
    receiver::{Reaction, Received, Receiver},
    text, unique,
};

fn settings(url: &str, more: &str) -> String {
    format!("[apps.settings.webhook]\nurl = \"{url}\"\nall = true\ntimeout_ms = 1000\n{more}\n")
}

fn message(group: &str, words: &str) -> Value {
    json!({ "GroupId": group, "Random": random(), "MsgBody": text(words) })
}

const SEND: &str = "group_open_http_svc/send_group_msg";
const BEFORE: &str = "Group.CallbackBeforeSendMsg";
const C2C_BEFORE: &str = "C2C.CallbackBeforeSendMsg";
const AFTER: &str = "Group.CallbackAfterSendMsg";

/// Every way in which a call fails, and the word for it. Redirects lead to an address that would answer well.
fn faults(elsewhere: &Receiver) -> Vec<(&'static str, Reaction, &'static str)> {
    let ok = json!({ "ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "" });
    let huge = format!(r#"{{"ActionStatus":"OK","ErrorCode":0,"x":"{}"}}"#, "x".repeat(100 << 10));
    vec![
        ("no answer", Reaction::Hang, "time_out"),
        ("late", Reaction::Late(Duration::from_secs(60), ok.clone()), "time_out"),
        ("no answer, closed", Reaction::Close, "connect"),
        ("cut", Reaction::Cut, "connect"),
        ("500", Reaction::Status(500, ok.to_string()), "status"),
        ("404", Reaction::Status(404, ok.to_string()), "status"),
        ("201", Reaction::Status(201, ok.to_string()), "status"),
        ("204", Reaction::Status(204, String::new()), "status"),
        ("redirect", Reaction::Redirect(elsewhere.url()), "status"),
        ("page", Reaction::Status(200, "<html></html>".into()), "bad_answer"),
        ("empty", Reaction::Status(200, String::new()), "bad_answer"),
        ("list", Reaction::Status(200, "[]".into()), "bad_answer"),
        ("half of it", Reaction::Status(200, r#"{"ActionStatus":"OK","ErrorCode":0"#.into()), "bad_answer"),
        ("huge", Reaction::Status(200, huge), "too_large"),
    ]
}

/// Answers that are whole, and of no use to a question.
fn nonsense() -> Vec<(&'static str, Reaction)> {
    let code = |code: Value| Reaction::Json(json!({ "ActionStatus": "OK", "ErrorCode": code, "ErrorInfo": "" }));
    let body = |body: Value| Reaction::ok_with(&json!({ "MsgBody": body }));
    vec![
        ("no code", Reaction::Json(json!({ "ActionStatus": "OK" }))),
        ("code of null", code(Value::Null)),
        ("code of another type", code(json!({}))),
        ("code that is no number", code(json!("zero"))),
        ("code that is no whole number", code(json!(0.5))),
        ("unknown element", body(json!([{ "MsgType": "Nonsense" }]))),
        ("no elements", body(json!([]))),
        ("body of another type", body(json!("hello"))),
        ("element without its text", body(json!([{ "MsgType": "TIMTextElem", "MsgContent": {} }]))),
        ("long body", body(text(&"x".repeat(13_000)))),
        ("data of another type", Reaction::ok_with(&json!({ "CloudCustomData": 7 }))),
    ]
}

const PAIRS: [(&str, u32); 2] = [("deliver", 0), ("refuse", 80003)];

#[tokio::test]
async fn failed_questions_follow_the_policy() {
    let elsewhere = Receiver::start().await;
    for (policy, code) in PAIRS {
        let receiver = Receiver::start().await;
        let more = format!(
            "group_before_failure = \"{policy}\"\nc2c_before_failure = \"{policy}\"\n\
             [apps.settings.webhook.switches]\n\"{BEFORE}\" = true\n\"{C2C_BEFORE}\" = true\n\
             \"Group.CallbackBeforeCreateGroup\" = true"
        );
        let settings = settings(&receiver.url(), &more).replace("all = true\n", "");
        let server = Server::with_settings(&settings).await;
        let users = server.users(&["ana", "bob"]).await;
        let group = server.group("Public", &users[0], &[&users[1]]).await;
        let bob = server.login(&users[1]).await;
        let faults = faults(&elsewhere).into_iter().map(|(fault, reaction, _)| (fault, reaction)).chain(nonsense());
        let mut said = 0;
        for (fault, reaction) in faults {
            receiver.react(BEFORE, reaction.clone());
            receiver.react(C2C_BEFORE, reaction);
            let answer = server.call(SEND, &message(&group, fault)).await;
            assert_eq!(answer["ErrorCode"], code, "{fault} under {policy}: {answer}");
            let direct = json!({ "From_Account": users[0], "To_Account": users[1], "MsgRandom": random(), "MsgBody": text(fault) });
            let answer = server.call("openim/sendmsg", &direct).await;
            assert_eq!(answer["ErrorCode"], code, "{fault} under {policy}: {answer}");
            said += 1;
            for command in [BEFORE, C2C_BEFORE] {
                let asked = receiver.calls_of(command);
                assert_eq!(asked.len(), said, "{fault} under {policy}: asked once, and not again");
                assert_eq!(asked[said - 1].body["MsgBody"], text(fault));
            }
            // What is let pass arrives as it was; the rest is nowhere.
            if code == 0 {
                bob.hears(fault).await;
                bob.event("C2cMsgArray", |item| item["MsgBody"] == text(fault)).await;
            }
        }
        let heard = bob.events().await;
        let is_message = |event: &&Value| event["GroupMsgArray"].is_array() || event["C2cMsgArray"].is_array();
        let heard = heard.iter().filter(is_message).count();
        assert_eq!(heard, 0, "nothing was heard twice, or against the policy");
        // Answers that are odd, and good enough.
        let odd =
            json!({ "ErrorCode": "0", "ErrorInfo": null, "MsgBody": null, "CloudCustomData": null, "Extra": [1] });
        receiver.react(BEFORE, Reaction::Json(odd));
        server.ok(SEND, message(&group, "odd")).await;
        // Nobody listens.
        drop(receiver);
        let answer = server.call(SEND, &message(&group, "nobody")).await;
        assert_eq!(answer["ErrorCode"], code, "{answer}");
        // Other actions go on all the same.
        server.group("Public", &users[0], &[]).await;
    }
    assert!(elsewhere.calls().is_empty(), "redirects are not followed");
}

#[tokio::test]
async fn failed_calls_are_kept_with_the_word_for_their_failure() {
    let (receiver, elsewhere) = (Receiver::start().await, Receiver::start().await);
    let server = Server::with_settings(&settings(&receiver.url(), "")).await;
    let users = server.users(&["ana"]).await;
    let group = server.group("Public", &users[0], &[]).await;
    for (fault, reaction, word) in faults(&elsewhere) {
        receiver.react(AFTER, reaction);
        server.ok(SEND, message(&group, fault)).await;
        let dead = dead_calls(&server, 1).await;
        let call = &dead["CallList"][0];
        assert_eq!((&call["Body"]["MsgBody"], &call["Reason"]["class"]), (&text(fault), &json!(word)), "{call}");
        server.ok("tsudoi_webhook/drop_dead_calls", json!({})).await;
    }
    // What an answer says does not matter, as long as it is one.
    receiver.react(AFTER, Reaction::Json(json!({ "ActionStatus": "FAIL", "ErrorCode": "what?" })));
    server.ok(SEND, message(&group, "taken")).await;
    receiver.call(AFTER, |body| body["MsgBody"] == text("taken")).await;
    receiver.react(AFTER, Reaction::Close);
    server.ok(SEND, message(&group, "last")).await;
    assert_eq!(dead_calls(&server, 1).await["CallList"][0]["Body"]["MsgBody"], text("last"));
    assert!(elsewhere.calls().is_empty(), "redirects are not followed");
}

/// The calls that failed for good, once there are so many.
async fn dead_calls(server: &Server, number: usize) -> Value {
    let dead = async {
        loop {
            let dead = server.ok("tsudoi_webhook/get_dead_calls", json!({})).await;
            if dead["Total"] == number {
                return dead;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(3 * PATIENCE, dead).await.expect("dead calls")
}

#[tokio::test]
async fn the_default_limit_is_two_seconds() {
    let receiver = Receiver::start().await;
    let server = Server::start(&[("TSUDOI_WEBHOOK_URL", &receiver.url())]).await;
    let users = server.users(&["ana"]).await;
    let group = server.group("Public", &users[0], &[]).await;
    receiver.react(BEFORE, Reaction::Hang);
    let started = Instant::now();
    server.ok(SEND, message(&group, "patience")).await;
    let took = started.elapsed();
    // The upper end leaves room for a machine that is busy with other things.
    assert!((Duration::from_millis(1900)..Duration::from_secs(15)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn a_question_holds_nobody_else_up() {
    let receiver = Receiver::start().await;
    // The question lasts until the backend goes.
    let settings = settings(&receiver.url(), "").replace("timeout_ms = 1000", "timeout_ms = 60000");
    let server = Server::with_settings(&settings).await;
    let users = server.users(&["ana"]).await;
    let group = server.group("Public", &users[0], &[]).await;
    receiver.react_in_turn(BEFORE, [Reaction::Hang, Reaction::ok()]);
    let slow = message(&group, "slow");
    let others = async {
        receiver.call(BEFORE, |body| body["MsgBody"] == text("slow")).await;
        let mut last = 0;
        for n in 0..5 {
            last = server.ok(SEND, message(&group, &n.to_string())).await["MsgSeq"].as_u64().expect("a number");
        }
        drop(receiver);
        last
    };
    let (answer, last) = futures_util::future::join(server.call(SEND, &slow), others).await;
    assert_eq!((&answer["ErrorCode"], &answer["MsgSeq"]), (&json!(0), &json!(last + 1)), "the others went first");
}

#[tokio::test]
async fn failed_calls_are_made_once_unless_the_app_wants_them_again() {
    for (more, made) in [("", 1), ("after_retry = { enabled = true, delays_ms = [50, 100, 150] }", 4)] {
        let receiver = Receiver::start().await;
        let server = Server::with_settings(&settings(&receiver.url(), more)).await;
        let users = server.users(&["ana"]).await;
        let group = server.group("Public", &users[0], &[]).await;
        receiver.react_in_turn(AFTER, (0..made).map(|_| Reaction::Status(503, String::new())).chain([Reaction::ok()]));
        for n in 0..3 {
            server.ok(SEND, message(&group, &n.to_string())).await;
        }
        let told = receiver.calls_until(made + 2, AFTER, |_| true).await;
        let words: Vec<Value> = told.iter().map(|call| call.body["MsgBody"].clone()).collect();
        let first = vec![text("0"); made];
        let rest = [text("1"), text("2")];
        assert_eq!(words, [first.as_slice(), rest.as_slice()].concat(), "in order, those behind wait");
        assert!(told[..made].iter().all(|call| call.raw == told[0].raw), "a repeated call says the same");
        if made > 1 {
            let pauses: Vec<Duration> = told[..made].windows(2).map(|pair| pair[1].at - pair[0].at).collect();
            assert!(pauses[0] >= Duration::from_millis(50) && pauses[2] >= Duration::from_millis(150), "{pauses:?}");
        }
    }
}

/// A call that is made again says the same, signed anew.
#[tokio::test]
async fn repeated_calls_are_signed_anew() {
    let receiver = Receiver::start().await;
    let more = "token = \"hook-token-2026\"\nsigning_secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n\
                after_retry = { enabled = true, delays_ms = [1100] }";
    let server = Server::with_settings(&settings(&receiver.url(), more)).await;
    let users = server.users(&["ana"]).await;
    let group = server.group("Public", &users[0], &[]).await;
    receiver.react_in_turn(AFTER, [Reaction::Status(503, String::new()), Reaction::ok()]);
    server.ok(SEND, message(&group, "again")).await;
    let told = receiver.calls_until(2, AFTER, |_| true).await;
    assert_eq!(told[0].raw, told[1].raw);
    assert_eq!(told[0].headers["webhook-id"], told[1].headers["webhook-id"]);
    assert_ne!(told[0].param("RequestTime"), told[1].param("RequestTime"));
    assert_ne!(told[0].headers["webhook-signature"], told[1].headers["webhook-signature"]);
    for call in &told {
        let time = call.param("RequestTime").expect("signed");
        let hash = Sha256::digest(format!("hook-token-2026{time}"));
        assert_eq!(call.param("Sign"), Some(hex::encode(hash).as_str()));
        assert_eq!(call.headers["webhook-timestamp"], time);
    }
}

#[tokio::test]
async fn what_failed_for_good_can_be_looked_at_and_made_again() {
    let receiver = Receiver::start().await;
    let server = Server::with_settings(&settings(&receiver.url(), "")).await;
    let users = server.users(&["ana"]).await;
    let group = server.group("Public", &users[0], &[]).await;
    let tested = server.ok("tsudoi_webhook/test", json!({})).await;
    assert_eq!(tested["Outcome"], "ok");
    assert_eq!(receiver.call("State.StateChange", |_| true).await.body["Info"]["Action"], "Login");
    let named = json!({ "CallbackCommand": "Group.CallbackAfterGroupFull" });
    assert_eq!(server.ok("tsudoi_webhook/test", named).await["Outcome"], "ok");
    server.call("tsudoi_webhook/test", &json!({ "CallbackCommand": "Nobody.KnowsIt" })).await;
    receiver.react(AFTER, Reaction::Status(500, "sorry".into()));
    for n in 0..3 {
        server.ok(SEND, message(&group, &n.to_string())).await;
    }
    let dead = dead_calls(&server, 3).await;
    let first = &dead["CallList"][0];
    assert_eq!((&first["CallbackCommand"], &first["Reason"]["class"]), (&json!(AFTER), &json!("status")));
    assert_eq!((&first["Reason"]["status"], &first["Body"]["MsgBody"]), (&json!(500), &text("0")));
    // Page by page.
    let page = server.ok("tsudoi_webhook/get_dead_calls", json!({ "Limit": 2 })).await;
    let rest = server.ok("tsudoi_webhook/get_dead_calls", json!({ "After": page["Next"], "Limit": 2 })).await;
    assert_eq!((rest["CallList"].as_array().map(Vec::len), &rest["Next"]), (Some(1), &json!(0)));
    let failures = server.ok("tsudoi_webhook/get_calls", json!({})).await;
    let failed = failures["CallList"].as_array().expect("a list").iter().filter(|call| call["Status"] == 500).count();
    assert_eq!(failed, 3);
    // One is forgotten, the others are made again, in order.
    receiver.react(AFTER, Reaction::ok());
    let dropped = server.ok("tsudoi_webhook/drop_dead_calls", json!({ "IdList": [dead["CallList"][1]["Id"]] })).await;
    assert_eq!(dropped["Count"], 1);
    assert_eq!(server.ok("tsudoi_webhook/replay_dead_calls", json!({})).await["Count"], 2);
    let told = receiver.calls_until(5, AFTER, |_| true).await;
    assert_eq!((&told[3].body["MsgBody"], &told[4].body["MsgBody"]), (&text("0"), &text("2")));
    assert_eq!(server.ok("tsudoi_webhook/get_dead_calls", json!({})).await["Total"], 0);
    // Somebody watches by now: what is said and answered is shown.
    server.ok(SEND, message(&group, "watched")).await;
    receiver.call(AFTER, |body| body["MsgBody"] == text("watched")).await;
    let shown = async {
        loop {
            let calls = server.ok("tsudoi_webhook/get_calls", json!({ "After": failures["Next"] })).await;
            let calls = calls["CallList"].as_array().cloned().unwrap_or_default();
            if calls.iter().any(|call| {
                call["Body"].as_str().is_some_and(|body| body.contains("watched")) && call["Answer"].is_string()
            }) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, shown).await.expect("the call is shown");
}

#[tokio::test]
async fn a_dead_backend_finds_what_it_missed() {
    let receiver = Receiver::start().await;
    let port = receiver.port();
    let more = "after_retry = { enabled = true, delays_ms = [100, 200, 400, 800, 1600, 3200, 6400] }";
    let server = Server::with_settings(&settings(&receiver.url(), more)).await;
    let users = server.users(&["ana"]).await;
    let group = server.group("Public", &users[0], &[]).await;
    drop(receiver);
    for n in 0..20 {
        server.ok(SEND, message(&group, &n.to_string())).await;
    }
    let receiver = Receiver::on(port).await;
    let told = receiver.calls_until(20, AFTER, |_| true).await;
    let words: Vec<Value> = told.iter().map(|call| call.body["MsgBody"].clone()).collect();
    let expected: Vec<Value> = (0..20).map(|n| text(&n.to_string())).collect();
    assert_eq!(words, expected);
}

/// The answer to a send may be lost with the server, and so may the call; what was stored is told all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_committed_is_told_after_a_kill_in_order() {
    let receiver = Receiver::start().await;
    let slow = Reaction::Late(Duration::from_millis(15), json!({ "ActionStatus": "OK", "ErrorCode": 0 }));
    receiver.react(AFTER, slow);
    let more = "[apps.settings.webhook.switches]\n\"Group.CallbackBeforeSendMsg\" = false\n\
                [apps.settings.rates]\ngroup_messages_per_second = 0\nrest_default_per_second = 0";
    let mut server = Server::with_settings(&settings(&receiver.url(), more)).await;
    let users = server.users(&["ana"]).await;
    let mut groups = Vec::new();
    for _ in 0..4 {
        groups.push(server.group("Public", &users[0], &[]).await);
    }
    let mut acknowledged: Vec<(String, u64)> = Vec::new();
    for round in 0..5 {
        let pid = server.pid();
        let heard = AtomicUsize::new(0);
        let sends = groups.iter().map(|group| {
            let (server, heard) = (&server, &heard);
            async move {
                let mut sent = Vec::new();
                loop {
                    match server.try_call(SEND, &message(group, &unique("m"))).await {
                        Some(answer) if answer["ErrorCode"] == 0 => {
                            sent.push((group.clone(), answer["MsgSeq"].as_u64().expect("a number")));
                            heard.fetch_add(1, Ordering::Relaxed);
                        }
                        _ => return sent,
                    }
                }
            }
        });
        let kill = async {
            // In the middle of whatever is on its way after so many answers.
            while heard.load(Ordering::Relaxed) < 8 + 5 * round {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Server::kill_pid(pid).await;
        };
        let (sent, ()) = futures_util::future::join(futures_util::future::join_all(sends), kill).await;
        acknowledged.extend(sent.into_iter().flatten());
        server.kill().await;
        server.restart().await;
    }
    assert!(acknowledged.len() > 20, "only {} were acknowledged", acknowledged.len());
    for (group, seq) in &acknowledged {
        receiver.call(AFTER, |body| body["GroupId"] == json!(group) && body["MsgSeq"] == *seq).await;
    }
    // In order; a call that was made just before the kill may be made once more, together with those right behind it.
    for group in &groups {
        let numbers: Vec<u64> = receiver
            .calls_of(AFTER)
            .iter()
            .filter(|call| call.body["GroupId"] == json!(group))
            .map(|call| call.body["MsgSeq"].as_u64().expect("a number"))
            .collect();
        let mut highest = numbers[0] - 1;
        for number in &numbers {
            assert!(*number <= highest + 1, "{number} was told before what came before it: {numbers:?}");
            highest = highest.max(*number);
        }
        // Each kill repeats one run of calls at most.
        let steps_back = numbers.windows(2).filter(|pair| pair[1] <= pair[0]).count();
        assert!(steps_back <= 5, "{steps_back} steps back: {numbers:?}");
    }
}

/// What waits when the server is killed is told by the next one: everything, once, and in order.
#[tokio::test]
async fn what_waits_outlives_a_kill() {
    let receiver = Receiver::start().await;
    let more = "[apps.settings.rates]\ngroup_messages_per_second = 0";
    let settings = settings(&receiver.url(), more).replace("timeout_ms = 1000", "timeout_ms = 60000");
    let mut server = Server::with_settings(&settings).await;
    let users = server.users(&["ana", "bob"]).await;
    let mut groups = Vec::new();
    for _ in 0..3 {
        groups.push(server.group("Public", &users[0], &[]).await);
    }
    for command in [AFTER, JOINED, RENAMED, "C2C.CallbackAfterSendMsg"] {
        receiver.react(command, Reaction::Hang);
    }
    // The first call of each line is under way for ever, so that all others wait.
    for n in 0..5 {
        for group in &groups {
            server.ok(SEND, message(group, &n.to_string())).await;
        }
        let direct = json!({ "From_Account": users[0], "To_Account": users[1], "MsgSeq": n + 1, "MsgRandom": random(), "MsgBody": text("hi") });
        server.ok("openim/sendmsg", direct).await;
    }
    for group in &groups {
        let add = json!({ "GroupId": group, "MemberList": [{ "Member_Account": users[1] }] });
        server.ok("group_open_http_svc/add_group_member", add).await;
        let rename = json!({ "GroupId": group, "Notification": "all aboard" });
        server.ok("group_open_http_svc/modify_group_base_info", rename).await;
    }
    receiver.calls_until(3, AFTER, |_| true).await;
    receiver.call("C2C.CallbackAfterSendMsg", |_| true).await;
    server.kill().await;
    let before = receiver.calls().len();
    for command in [AFTER, JOINED, RENAMED] {
        let told = receiver.calls_of(command).len();
        assert_eq!(told, if command == AFTER { 3 } else { 0 }, "{command} before the kill");
    }
    for command in [AFTER, JOINED, RENAMED, "C2C.CallbackAfterSendMsg"] {
        receiver.react(command, Reaction::ok());
    }
    server.restart().await;
    receiver.calls_until(3, RENAMED, |_| true).await;
    receiver.calls_until(6, "C2C.CallbackAfterSendMsg", |_| true).await;
    let after = &receiver.calls()[before..];
    for group in &groups {
        let told: Vec<String> = after
            .iter()
            .filter(|call| call.body["GroupId"] == json!(group))
            .map(|call| format!("{} {}", call.command(), call.body["MsgSeq"]))
            .collect();
        let mut expected: Vec<String> = (1..=5).map(|seq| format!("{AFTER} {seq}")).collect();
        expected.extend([format!("{JOINED} null"), format!("{RENAMED} null")]);
        assert_eq!(told, expected);
    }
    let direct: Vec<&Value> =
        after.iter().filter(|call| call.command().starts_with("C2C.")).map(|call| &call.body["MsgSeq"]).collect();
    assert_eq!(direct, [1, 2, 3, 4, 5]);
    // What was told is not told again by a third server.
    let all = receiver.calls().len();
    assert!(server.stop().await, "it ends well");
    server.restart().await;
    server.ok(SEND, message(&groups[0], "news")).await;
    receiver.call(AFTER, |body| body["MsgBody"] == text("news")).await;
    let repeated = &receiver.calls()[all..];
    let fresh = |call: &&Received| call.body["MsgBody"] == text("news");
    assert!(repeated.iter().all(|call| fresh(&call)), "{repeated:?}");
}

const JOINED: &str = "Group.CallbackAfterNewMemberJoin";
const RENAMED: &str = "Group.CallbackAfterGroupInfoChanged";

#[tokio::test]
async fn private_networks_are_called_only_where_the_operator_allows_it() {
    let receiver = Receiver::start().await;
    let env = [("TSUDOI_WEBHOOK_URL", receiver.url()), ("TSUDOI_WEBHOOK_ALLOWED_NETWORKS", "10.0.0.0/8".to_owned())];
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = Server::start(&env).await;
    let users = server.users(&["ana"]).await;
    let group = server.group("Public", &users[0], &[]).await;
    server.ok(SEND, message(&group, "nobody hears")).await;
    assert!(receiver.calls().is_empty());
    assert_eq!(receiver.connections(), 0);
}
