//! Backends that refuse, hang, break off or talk nonsense, and servers that are killed: the chat goes on, and what is told is
//! neither lost nor out of order (docs/spec/webhooks.md#1.4, #1.6, #1.9).

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tsudoi_it::{
    Server, random,
    receiver::{Reaction, Receiver},
    text, unique,
};

fn settings(url: &str, more: &str) -> String {
    format!("[apps.settings.webhook]\nurl = \"{url}\"\nall = true\ntimeout_ms = 400\n{more}\n")
}

fn message(group: &str, words: &str) -> Value {
    json!({ "GroupId": group, "Random": random(), "MsgBody": text(words) })
}

const SEND: &str = "group_open_http_svc/send_group_msg";
const BEFORE: &str = "Group.CallbackBeforeSendMsg";
const AFTER: &str = "Group.CallbackAfterSendMsg";

/// Every way in which a question fails.
fn faults() -> Vec<(&'static str, Reaction)> {
    let ok = json!({ "ActionStatus": "OK", "ErrorCode": 0, "ErrorInfo": "" });
    vec![
        ("late", Reaction::Late(Duration::from_secs(1), ok.clone())),
        ("no answer", Reaction::Hang),
        ("no answer, closed", Reaction::Close),
        ("cut", Reaction::Cut),
        ("500", Reaction::Status(500, ok.to_string())),
        ("204", Reaction::Status(204, String::new())),
        ("redirect", Reaction::Redirect("http://127.0.0.1:1/".into())),
        ("page", Reaction::Status(200, "<html></html>".into())),
        ("empty", Reaction::Status(200, String::new())),
        ("list", Reaction::Status(200, "[]".into())),
        ("no code", Reaction::Json(json!({ "ActionStatus": "OK" }))),
        ("code of another type", Reaction::Json(json!({ "ActionStatus": "OK", "ErrorCode": {}, "ErrorInfo": "" }))),
        ("code that is no number", Reaction::Json(json!({ "ActionStatus": "OK", "ErrorCode": "zero" }))),
        (
            "huge",
            Reaction::Status(200, format!(r#"{{"ActionStatus":"OK","ErrorCode":0,"x":"{}"}}"#, "x".repeat(100 << 10))),
        ),
        ("bad body", Reaction::ok_with(&json!({ "MsgBody": [{ "MsgType": "Nonsense" }] }))),
        ("data of another type", Reaction::ok_with(&json!({ "CloudCustomData": 7 }))),
    ]
}

#[tokio::test]
async fn failed_questions_follow_the_policy() {
    for (policy, code) in [("deliver", 0), ("refuse", 80003)] {
        let receiver = Receiver::start().await;
        let more = format!("group_before_failure = \"{policy}\"\nc2c_before_failure = \"{policy}\"");
        let server = Server::with_settings(&settings(&receiver.url(), &more)).await;
        let users = server.users(&["ana", "bob"]).await;
        let group = server.group("Public", &users[0], &[&users[1]]).await;
        for (fault, reaction) in faults() {
            receiver.react(BEFORE, reaction.clone());
            receiver.react("C2C.CallbackBeforeSendMsg", reaction);
            let started = Instant::now();
            let answer = server.call(SEND, &message(&group, fault)).await;
            assert_eq!(answer["ErrorCode"], code, "{fault} under {policy}: {answer}");
            assert!(started.elapsed() < Duration::from_secs(3), "{fault} took {:?}", started.elapsed());
            let direct = json!({ "From_Account": users[0], "To_Account": users[1], "MsgRandom": random(), "MsgBody": text(fault) });
            let answer = server.call("openim/sendmsg", &direct).await;
            assert_eq!(answer["ErrorCode"], code, "{fault} under {policy}: {answer}");
        }
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
    assert!((Duration::from_millis(1900)..Duration::from_secs(4)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn a_question_holds_nobody_else_up() {
    let receiver = Receiver::start().await;
    let server = Server::start(&[("TSUDOI_WEBHOOK_URL", &receiver.url())]).await;
    let users = server.users(&["ana"]).await;
    let group = server.group("Public", &users[0], &[]).await;
    receiver.react_in_turn(BEFORE, [Reaction::Hang, Reaction::ok()]);
    let slow = message(&group, "slow");
    let waiting = server.call(SEND, &slow);
    tokio::pin!(waiting);
    let others = async {
        receiver.call(BEFORE, |body| body["MsgBody"] == text("slow")).await;
        let started = Instant::now();
        for n in 0..5 {
            server.ok(SEND, message(&group, &n.to_string())).await;
        }
        assert!(started.elapsed() < Duration::from_millis(1500), "the same group goes on meanwhile");
    };
    let (answer, ()) = futures_util::future::join(waiting, others).await;
    assert_eq!(answer["ErrorCode"], 0);
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
    let dead = async {
        loop {
            let dead = server.ok("tsudoi_webhook/get_dead_calls", json!({})).await;
            if dead["Total"] == 3 {
                return dead;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let dead = tokio::time::timeout(tsudoi_it::PATIENCE, dead).await.expect("three dead calls");
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
    tokio::time::timeout(tsudoi_it::PATIENCE, shown).await.expect("the call is shown");
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
        let sends = groups.iter().map(|group| {
            let server = &server;
            async move {
                let mut sent = Vec::new();
                loop {
                    match server.try_call(SEND, &message(group, &unique("m"))).await {
                        Some(answer) if answer["ErrorCode"] == 0 => {
                            sent.push((group.clone(), answer["MsgSeq"].as_u64().expect("a number")));
                        }
                        _ => return sent,
                    }
                }
            }
        });
        let kill = async {
            tokio::time::sleep(Duration::from_millis(150 + 60 * round)).await;
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
        let newest = *numbers.iter().max().expect("some");
        let mut highest = numbers[0] - 1;
        for number in &numbers {
            assert!(*number <= highest + 1, "{number} was told before what came before it: {numbers:?}");
            highest = highest.max(*number);
        }
        let repeated = numbers.len() as u64 - (newest - numbers[0] + 1);
        assert!(repeated <= 5 * 4, "{repeated} calls were repeated: {numbers:?}");
    }
}

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
