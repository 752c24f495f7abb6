//! Pushes to all accounts and to those with labels: who gets them, now and later, and what is refused.

use serde_json::{Value, json};
use tsudoi_it::{Client, Server, random, text};

/// A server on which pushes may follow each other at once.
async fn server(more: &str) -> Server {
    Server::with_settings(&format!("[apps.settings.push]\ngap_ms = 0\n{more}")).await
}

async fn push(server: &Server, words: &str, more: Value) -> String {
    let mut body = json!({ "MsgRandom": random(), "From_Account": "clerk", "MsgBody": text(words) });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let answer = server.ok("all_member_push/im_push", body).await;
    answer["TaskId"].as_str().expect("a name").to_owned()
}

async fn import(server: &Server, users: &[&str]) {
    server.ok("im_open_login_svc/multiaccount_import", json!({ "Accounts": users })).await;
}

fn words(item: &Value) -> &str {
    item["MsgBody"][0]["MsgContent"]["Text"].as_str().unwrap_or_default()
}

/// Waits for a one-to-one message with those words.
async fn hears(client: &Client, expected: &str) -> Value {
    client.event("C2cMsgArray", |item| words(item) == expected).await
}

/// The peers of the user's conversation list with their unread numbers.
async fn list(client: &Client) -> Vec<(String, u64)> {
    let answer = client.ok("recentcontact.page_get", json!({})).await;
    let items = answer["SessionItem"].as_array().cloned().unwrap_or_default();
    let line = |item: &Value| {
        (
            item["To_Account"].as_str().unwrap_or_default().to_owned(),
            item["UnreadMsgCount"].as_u64().unwrap_or_default(),
        )
    };
    items.iter().map(line).collect()
}

async fn unread(server: &Server, user: &str) -> u64 {
    let answer = server.ok("openim/get_c2c_unread_msg_num", json!({ "To_Account": user })).await;
    answer["AllC2CUnreadMsgNum"].as_u64().expect("a number")
}

/// Waits until the push is through; answers its report.
async fn finished(server: &Server, task: &str) -> Value {
    for _ in 0..500 {
        let answer = server.ok("openim/im_get_push_report", json!({ "TaskIds": [task] })).await;
        let report = answer["Reports"][0].clone();
        if report["Status"] == 2 {
            return report;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("push {task} is not through");
}

#[tokio::test]
async fn everybody_who_is_here_gets_it_and_those_who_come_later_as_long_as_it_lives() {
    let server = server("").await;
    import(&server, &["clerk", "away", "later"]).await;
    let here = server.login("here").await;
    let now = push(&server, "now", json!({})).await;
    let item = hears(&here, "now").await;
    assert_eq!((&item["From_Account"], &item["To_Account"]), (&json!("clerk"), &json!("here")));
    finished(&server, &now).await;

    let kept = push(&server, "kept", json!({ "MsgLifeTime": 3600 })).await;
    let heard = hears(&here, "kept").await;
    let report = finished(&server, &kept).await;
    // The admin account, the sender, and three others.
    assert_eq!((&report["Total"], &report["Finished"]), (&json!(5), &json!(1)));

    assert_eq!(unread(&server, "away").await, 1, "the one that lives, not the one for those online");
    let away = server.login("away").await;
    assert_eq!(list(&away).await, [("clerk".to_owned(), 1)]);
    assert_eq!(list(&here).await, [("clerk".to_owned(), 1)]);
    // It is in lists, not in history, and cannot be recalled.
    let history = json!({ "Peer_Account": "clerk", "MaxCnt": 15, "LastMsgTime": 0, "MsgKey": "" });
    let page = away.ok("openim.getroammsg", history).await;
    assert_eq!(page["MsgList"], json!([]));
    let key = json!({ "From_Account": "clerk", "To_Account": "away", "MsgKey": heard["MsgKey"] });
    let answer = server.call("openim/admin_msgwithdraw", &key).await;
    assert_ne!(answer["ErrorCode"], 0, "{answer}");
    // Reading it is told to nobody twice.
    let read = json!({ "C2CMsgReaded": { "C2CMsgReadedItem": [{ "To_Account": "clerk", "LastedMsgTime": heard["MsgTimeStamp"] }] } });
    here.ok("openim.msgreaded", read).await;
    assert_eq!(unread(&server, "here").await, 0);
    assert_eq!(unread(&server, "away").await, 1);
    // Whoever comes to be afterwards was not meant.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let new = server.login("newcomer").await;
    assert_eq!(list(&new).await, []);
}

#[tokio::test]
async fn what_waits_outlives_a_restart_and_is_given_once() {
    let mut server = server("").await;
    import(&server, &["clerk", "away"]).await;
    let task = push(&server, "kept", json!({ "MsgLifeTime": 604_800 })).await;
    finished(&server, &task).await;
    server.kill().await;
    server.restart().await;
    for _ in 0..3 {
        let away = server.login("away").await;
        assert_eq!(list(&away).await, [("clerk".to_owned(), 1)]);
    }
    server.kill().await;
    server.restart().await;
    assert_eq!(unread(&server, "away").await, 1);
    assert_eq!(finished(&server, &task).await["Status"], 2);
}

#[tokio::test]
async fn a_device_that_comes_back_is_told_what_it_missed() {
    let server = server("").await;
    import(&server, &["clerk"]).await;
    let client = server.login("away").await;
    let first = client.ok("openim.getmsg", json!({ "Cookie": "", "SyncFlag": 0 })).await;
    let cookie = first["Cookie"].clone();
    drop(client);
    let task = push(&server, "missed", json!({ "MsgLifeTime": 3600 })).await;
    finished(&server, &task).await;
    let client = server.login("away").await;
    let missed = client.ok("openim.getmsg", json!({ "Cookie": cookie, "SyncFlag": 0 })).await;
    assert_eq!(words(&missed["MsgList"][0]), "missed");
    let again = client.ok("openim.getmsg", json!({ "Cookie": missed["Cookie"], "SyncFlag": 0 })).await;
    assert_eq!(again["MsgList"], json!([]));
}

#[tokio::test]
async fn conditions_choose_by_tags_and_attributes() {
    let server = server("").await;
    import(&server, &["clerk", "ana", "bob", "cyd"]).await;
    let tag = |user: &str, tags: &[&str]| json!({ "To_Account": user, "Tags": tags });
    let tags = json!([tag("ana", &["north", "driver"]), tag("bob", &["south"]), tag("cyd", &["driver"])]);
    server.ok("all_member_push/im_add_tag", json!({ "UserTags": tags })).await;
    server.ok("all_member_push/im_set_attr_name", json!({ "AttrNames": { "0": "region", "9": "grade" } })).await;
    let attributes = json!([
        { "To_Account": "ana", "Attrs": { "region": "north", "grade": "3" } },
        { "To_Account": "bob", "Attrs": { "region": "south" } },
    ]);
    server.ok("all_member_push/im_set_attr", json!({ "UserAttrs": attributes })).await;
    let users = ["ana", "bob", "cyd"];
    for (condition, expected) in [
        (json!({ "TagsAnd": ["driver"] }), vec!["ana", "cyd"]),
        (json!({ "TagsOr": ["north", "south"], "TagsAnd": ["driver"] }), vec!["ana"]),
        (json!({ "TagsOr": ["north", "south"] }), vec!["ana", "bob"]),
        (json!({ "AttrsAnd": { "region": "north", "grade": "3" } }), vec!["ana"]),
        (json!({ "AttrsAnd": { "region": "north", "grade": "4" } }), vec![]),
        (json!({ "AttrsOr": { "region": "south", "grade": "3" } }), vec!["ana", "bob"]),
        (json!([{ "TagsAnd": ["driver"] }]), vec!["ana", "cyd"]),
        (json!({}), vec!["ana", "bob", "cyd"]),
    ] {
        let mut before = Vec::new();
        for user in users {
            before.push(unread(&server, user).await);
        }
        let task = push(&server, "for some", json!({ "Condition": condition, "MsgLifeTime": 60 })).await;
        finished(&server, &task).await;
        for (user, before) in users.iter().zip(before) {
            let got = unread(&server, user).await - before;
            assert_eq!(got, u64::from(expected.contains(user)), "{condition} for {user}");
        }
    }
    // Renaming an attribute keeps what users have.
    server.ok("all_member_push/im_set_attr_name", json!({ "AttrNames": { "0": "area" } })).await;
    let names = server.ok("all_member_push/im_get_attr_name", json!({})).await;
    assert_eq!(names["AttrNames"], json!({ "0": "area", "9": "grade" }));
    let got = server.ok("all_member_push/im_get_attr", json!({ "To_Account": ["ana", "cyd"] })).await;
    let expected = json!([
        { "To_Account": "ana", "Attrs": { "area": "north", "grade": "3" } },
        { "To_Account": "cyd", "Attrs": {} },
    ]);
    assert_eq!(got["UserAttrs"], expected);
    let remove = json!([{ "To_Account": "ana", "Attrs": ["area"] }, { "To_Account": "cyd", "Attrs": ["area"] }]);
    server.ok("all_member_push/im_remove_attr", json!({ "UserAttrs": remove })).await;
    let got = server.ok("all_member_push/im_get_attr", json!({ "To_Account": ["ana"] })).await;
    assert_eq!(got["UserAttrs"][0]["Attrs"], json!({ "grade": "3" }));
    server.ok("all_member_push/im_remove_tag", json!({ "UserTags": [tag("ana", &["north", "none"])] })).await;
    server.ok("all_member_push/im_remove_all_tags", json!({ "To_Account": ["cyd"] })).await;
    let got = server.ok("all_member_push/im_get_tag", json!({ "To_Account": ["ana", "cyd"] })).await;
    let expected = json!([{ "To_Account": "ana", "Tags": ["driver"] }, { "To_Account": "cyd", "Tags": [] }]);
    assert_eq!(got["UserTags"], expected);
}

#[tokio::test]
async fn bad_pushes_are_refused_with_their_codes_and_reach_nobody() {
    let server = server("per_day = 3\n").await;
    import(&server, &["clerk", "ana"]).await;
    server.ok("all_member_push/im_set_attr_name", json!({ "AttrNames": { "0": "region" } })).await;
    let base = || json!({ "MsgRandom": random(), "From_Account": "clerk", "MsgBody": text("x"), "MsgLifeTime": 60 });
    let with = |name: &str, value: Value| {
        let mut body = base();
        body[name] = value;
        body
    };
    let without = |name: &str| {
        let mut body = base();
        body.as_object_mut().expect("an object").remove(name);
        body
    };
    let condition = |value: Value| with("Condition", value);
    let eleven: Vec<String> = (0..11).map(|at| format!("tag{at}")).collect();
    let long = "x".repeat(51);
    for (code, body) in [
        (90005, without("MsgRandom")),
        (90005, with("MsgRandom", json!("1"))),
        (90002, without("MsgBody")),
        (90007, with("MsgBody", json!({}))),
        (90002, with("MsgBody", json!([]))),
        (90010, with("MsgBody", json!([{ "MsgType": "TIMNoElem", "MsgContent": {} }]))),
        (90044, with("MsgLifeTime", json!("60"))),
        (90044, with("MsgLifeTime", json!(-1))),
        (90026, with("MsgLifeTime", json!(604_801))),
        (90043, with("OfflinePushInfo", json!([]))),
        (90048, with("From_Account", json!("nobody"))),
        (90048, with("From_Account", json!(7))),
        (93000, with("MsgBody", text(&"x".repeat(13_000)))),
        (90039, condition(json!({ "TagsOr": ["a"], "AttrsOr": { "region": "b" } }))),
        (90022, condition(json!({ "TagsOr": ["a"], "TagsAnd": ["a"] }))),
        (90033, condition(json!({ "AttrsAnd": { "fuel": "a" } }))),
        (90030, condition(json!({ "AttrsAnd": { "region": "" } }))),
        (90030, condition(json!({ "AttrsOr": { "region": long } }))),
        (90040, condition(json!({ "TagsAnd": [""] }))),
        (90034, condition(json!({ "TagsAnd": [long] }))),
        (90032, condition(json!({ "TagsAnd": eleven }))),
        (90001, condition(json!({ "TagsAnd": "a" }))),
        (90001, condition(json!("a"))),
    ] {
        server.fails(code, "all_member_push/im_push", body).await;
    }
    assert_eq!(unread(&server, "ana").await, 0);
    let ten: Vec<&String> = eleven.iter().take(10).collect();
    server.ok("all_member_push/im_push", condition(json!({ "TagsAnd": ten }))).await;
    // The same dice are the same push; the day's number counts what was taken.
    let body = base();
    let first = server.ok("all_member_push/im_push", body.clone()).await;
    let again = server.ok("all_member_push/im_push", body.clone()).await;
    assert_eq!(first["TaskId"], again["TaskId"]);
    server.ok("openim/im_push", base()).await;
    server.fails(90047, "all_member_push/im_push", base()).await;
    let again = server.ok("all_member_push/im_push", body).await;
    assert_eq!(first["TaskId"], again["TaskId"]);
    assert_eq!(unread(&server, "ana").await, 2);
    for (code, body) in [
        (90014, json!({})),
        (90014, json!({ "TaskIds": [] })),
        (90015, json!({ "TaskIds": "x" })),
        (90015, json!({ "TaskIds": [7] })),
        (90017, json!({ "TaskIds": ["x"] })),
        (90016, json!({ "TaskIds": vec!["x"; 501] })),
    ] {
        server.fails(code, "openim/im_get_push_report", body).await;
    }
}

#[tokio::test]
async fn pushes_keep_a_second_between_them() {
    let server = Server::start(&[]).await;
    let push = || json!({ "MsgRandom": random(), "MsgBody": text("x") });
    // Sent together: the first is on time, the others are too early, unless the machine takes a second for each.
    let (command, bodies) = ("all_member_push/im_push", [push(), push(), push(), push(), push()]);
    let answers = futures_util::future::join_all(bodies.iter().map(|body| server.call(command, body))).await;
    let refused = answers.iter().filter(|answer| answer["ErrorCode"] == 90024).count();
    assert!((1..5).contains(&refused), "{answers:?}");
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    server.ok("all_member_push/im_push", push()).await;
}

#[tokio::test]
async fn an_app_without_the_feature_pushes_nothing() {
    let server = Server::with_settings("[apps.settings.features]\nall_member_push = false").await;
    for (command, body) in [
        ("all_member_push/im_push", json!({ "MsgRandom": 1, "MsgBody": text("x") })),
        ("all_member_push/im_get_attr_name", json!({})),
        ("all_member_push/im_set_attr_name", json!({ "AttrNames": { "0": "a" } })),
        ("all_member_push/im_get_tag", json!({ "To_Account": ["administrator"] })),
        ("timpush/push", json!({ "MsgRandom": 1, "From_Account": "administrator", "MsgBody": text("x") })),
    ] {
        server.fails(90045, command, body).await;
    }
}

#[tokio::test]
async fn labels_have_limits() {
    let server = server("tags_per_user = 12\n").await;
    import(&server, &["ana"]).await;
    let ana = |tags: Value| json!({ "UserTags": [{ "To_Account": "ana", "Tags": tags }] });
    let tags = |from: usize, to: usize| json!((from..to).map(|at| format!("tag{at}")).collect::<Vec<_>>());
    server.ok("all_member_push/im_add_tag", ana(tags(0, 10))).await;
    server.ok("all_member_push/im_add_tag", ana(tags(0, 10))).await;
    for (code, body) in [
        (90032, ana(tags(0, 11))),
        (90032, ana(tags(10, 13))),
        (90040, ana(json!([""]))),
        (90034, ana(json!(["x".repeat(51)]))),
        (90001, json!({})),
        (90003, json!({ "UserTags": [] })),
        (90048, json!({ "UserTags": [{ "To_Account": "nobody", "Tags": ["a"] }] })),
        (90018, json!({ "UserTags": vec![json!({ "To_Account": "ana", "Tags": ["a"] }); 101] })),
    ] {
        server.fails(code, "all_member_push/im_add_tag", body).await;
    }
    server.ok("all_member_push/im_add_tag", ana(json!(["x".repeat(50)]))).await;
    // One user beside the name of the list, as some clients write it.
    server.ok("all_member_push/im_add_tag", json!({ "To_Account": "ana", "Tags": ["flat"] })).await;
    let got = server.ok("all_member_push/im_get_tag", json!({ "To_Account": ["ana"] })).await;
    assert_eq!(got["UserTags"][0]["Tags"].as_array().expect("a list").len(), 12);
    for (code, names) in [
        (90033, json!({ "10": "a" })),
        (90033, json!({ "x": "a" })),
        (90030, json!({ "0": "" })),
        (90030, json!({ "0": "x".repeat(51) })),
        (90030, json!({ "0": "same", "1": "same" })),
    ] {
        server.fails(code, "all_member_push/im_set_attr_name", json!({ "AttrNames": names })).await;
    }
    assert_eq!(server.ok("all_member_push/im_get_attr_name", json!({})).await["AttrNames"], json!({}));
    server.ok("all_member_push/im_set_attr_name", json!({ "AttrNames": { "0": "region" } })).await;
    let attribute = |value: Value| json!({ "UserAttrs": [{ "To_Account": "ana", "Attrs": value }] });
    for (code, body) in [
        (90033, attribute(json!({ "fuel": "a" }))),
        (90030, attribute(json!({ "region": "" }))),
        (90030, attribute(json!({ "region": "x".repeat(51) }))),
        (90001, attribute(json!({ "region": 7 }))),
        (90001, attribute(json!("x"))),
        (90048, json!({ "UserAttrs": [{ "To_Account": "nobody", "Attrs": { "region": "a" } }] })),
        (90018, json!({ "UserAttrs": vec![json!({ "To_Account": "ana", "Attrs": { "region": "a" } }); 101] })),
        (90003, json!({ "UserAttrs": [] })),
    ] {
        server.fails(code, "all_member_push/im_set_attr", body).await;
    }
    // Some clients call the lists `Attrs` and `Tags`.
    let entry = |name: &str, value: Value| json!({ "To_Account": "ana", name: value });
    let calls = [
        ("im_set_attr", json!({ "Attrs": [entry("Attrs", json!({ "region": "north" }))] })),
        ("im_add_tag", json!({ "Tags": [entry("Tags", json!(["flat"]))] })),
    ];
    for (command, body) in calls {
        server.ok(&format!("all_member_push/{command}"), body).await;
    }
    let got = server.ok("all_member_push/im_get_attr", json!({ "To_Account": ["ana"] })).await;
    assert_eq!(got["UserAttrs"][0]["Attrs"], json!({ "region": "north" }));
    let calls = [
        ("im_remove_attr", json!({ "Attrs": [entry("Attrs", json!(["region"]))] })),
        ("im_remove_tag", json!({ "Tags": [entry("Tags", json!(["flat"]))] })),
    ];
    for (command, body) in calls {
        server.ok(&format!("all_member_push/{command}"), body).await;
    }
    let got = server.ok("all_member_push/im_get_attr", json!({ "To_Account": ["ana"] })).await;
    assert_eq!(got["UserAttrs"][0]["Attrs"], json!({}));
    let got = server.ok("all_member_push/im_get_tag", json!({ "To_Account": ["ana"] })).await;
    assert_eq!(got["UserTags"][0]["Tags"].as_array().expect("a list").len(), 11);
    for (code, body) in [
        (90003, json!({ "Tags": ["flat"] })),
        (90001, json!({ "To_Account": "ana" })),
        (90003, json!({ "UserTags": [{ "To_Account": 7, "Tags": ["flat"] }] })),
    ] {
        server.fails(code, "all_member_push/im_add_tag", body).await;
    }
    for command in ["im_get_attr", "im_get_tag", "im_remove_all_tags"] {
        let command = format!("all_member_push/{command}");
        for (code, body) in [
            (90003, json!({})),
            (90003, json!({ "To_Account": [] })),
            (90003, json!({ "To_Account": "ana" })),
            (90018, json!({ "To_Account": vec!["ana"; 101] })),
        ] {
            server.fails(code, &command, body).await;
        }
    }
}

#[tokio::test]
async fn pushes_of_the_product_stay_in_history_and_can_be_taken_back() {
    let server = server("").await;
    import(&server, &["clerk", "away", "later"]).await;
    let here = server.login("here").await;
    let body = json!({
        "From_Account": "clerk", "MsgRandom": random(), "MsgBody": text("sale"), "DataId": "autumn",
        "Condition": { "TagsNot": ["quiet"] },
    });
    let task = server.ok("timpush/push", body).await["TaskId"].clone();
    let task = task.as_str().expect("a name");
    let item = hears(&here, "sale").await;
    finished(&server, task).await;
    let history = json!({ "Peer_Account": "clerk", "MaxCnt": 15, "LastMsgTime": 0, "MsgKey": "" });
    let away = server.login("away").await;
    let page = away.ok("openim.getroammsg", history.clone()).await;
    assert_eq!(words(&page["MsgList"][0]), "sale");
    assert_eq!(page["MsgList"][0]["MsgRandom"], item["MsgRandom"]);

    let now = tsudoi_it::now();
    let span = json!({ "StartTime": now - 60, "EndTime": now + 60, "TaskID": [task] });
    let statistics = server.ok("timpush/all_member_push_statistics", span).await;
    let result = &statistics["Results"][0];
    assert_eq!(
        (&result["TaskID"], &result["DataId"], &result["TotalCount"]),
        (&json!(task), &json!("autumn"), &json!(5))
    );
    let trace = server.ok("timpush/all_member_push_trace", json!({ "TaskID": task, "UserID": "here" })).await;
    assert_eq!(trace["InstanceTrace"].as_array().expect("a list").len(), 1);
    let loss = server.ok("timpush/all_member_push_loss", json!({ "TaskID": task })).await;
    assert_eq!(loss["TotalCount"], 5);

    server.ok("timpush/revoke", json!({ "TaskId": task })).await;
    here.event("C2cNotifyMsgArray", |item| item["WithdrawC2cMsgNotify"].is_object()).await;
    server.fails(90050, "timpush/revoke", json!({ "TaskId": task })).await;
    server.fails(90049, "timpush/revoke", json!({ "TaskId": "x" })).await;
    server.fails(90049, "timpush/revoke", json!({})).await;
    // Who has it finds it withdrawn, who comes later does not get it.
    away.ok("recentcontact.page_get", json!({})).await;
    let page = away.ok("openim.getroammsg", history).await;
    assert!(page["MsgList"].as_array().expect("a list").iter().all(|item| item["MsgFlagBits"] == 8), "{page}");
    let later = server.login("later").await;
    assert_eq!(list(&later).await, []);
    assert_eq!(unread(&server, "away").await, 0);
}

#[tokio::test]
async fn named_accounts_are_pushed_to() {
    let server = server("").await;
    import(&server, &["clerk", "ana", "bob"]).await;
    let here = server.login("here").await;
    let body = |to: Value| json!({ "From_Account": "clerk", "MsgRandom": random(), "MsgBody": text("hello"), "To_Account": to });
    let answer = server.ok("timpush/batch", body(json!(["here", "ana", "ana", "nobody"]))).await;
    assert!(answer["TaskId"].as_str().expect("a name").starts_with("batch_"));
    hears(&here, "hello").await;
    assert_eq!((unread(&server, "ana").await, unread(&server, "bob").await), (1, 0));
    server.ok("timpush/revoke", json!({ "TaskId": answer["TaskId"] })).await;
    assert_eq!(unread(&server, "ana").await, 0);
    for (code, to) in [(90028, json!("ana")), (90029, json!([])), (90011, json!(vec!["ana"; 501])), (90003, json!([7]))]
    {
        server.fails(code, "timpush/batch", body(to)).await;
    }
    let mut nothing = body(json!(["ana"]));
    nothing.as_object_mut().expect("an object").remove("MsgBody");
    server.fails(90002, "timpush/batch", nothing.clone()).await;
    nothing["OfflinePushInfo"] = json!({ "Title": "a", "Desc": "b" });
    server.ok("timpush/batch", nothing).await;
    assert_eq!(unread(&server, "ana").await, 0);
}

/// `YYYY-MM-DD HH:MM:SS` of a moment near now: only its time of day differs from midnight of today.
fn moment(second: i64) -> String {
    let (mut day, of_day) = (second.div_euclid(86_400), second.rem_euclid(86_400));
    let mut year = 1970;
    let length = |year: i64| if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) { 366 } else { 365 };
    while day >= length(year) {
        day -= length(year);
        year += 1;
    }
    let february = length(year) - 337;
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02} {:02}:{:02}:{:02}", day + 1, of_day / 3600, of_day / 60 % 60, of_day % 60)
}

#[tokio::test]
async fn a_planned_push_is_made_in_time_also_after_a_restart() {
    let mut server = server("").await;
    import(&server, &["clerk"]).await;
    let plan = |at: &str, kind: &str, content: Value| json!({ "Sdkappid": tsudoi_it::APP, "Type": kind, "SchedAt": at, "Content": content });
    let content = || json!({ "From_Account": "clerk", "MsgRandom": random(), "MsgBody": text("later") });
    let soon = moment(tsudoi_it::now() + 3);
    for (code, body) in [
        (90006, plan("tomorrow", "All", content())),
        (90006, plan("2020-01-01 00:00:00", "All", content())),
        (90001, plan(&soon, "Everybody", content())),
        (90001, plan(&soon, "Tag", content())),
        (90005, plan(&soon, "All", json!({ "From_Account": "clerk", "MsgBody": text("x") }))),
        (90003, plan(&soon, "User", content())),
    ] {
        server.fails(code, "timpush/add_sched_task", body).await;
    }
    let answer = server.ok("timpush/add_sched_task", plan(&soon, "All", content())).await;
    assert!(answer["TaskId"].is_string());
    server.kill().await;
    server.restart().await;
    let here = server.login("here").await;
    hears(&here, "later").await;
}

/// What a gateway was handed.
async fn gateway() -> (String, tokio::sync::mpsc::Receiver<Value>) {
    use axum::{Json, Router, http::StatusCode, routing::post};
    let (seen, heard) = tokio::sync::mpsc::channel(64);
    let take = move |Json(body): Json<Value>| {
        let seen = seen.clone();
        async move {
            let gone = body["token"] == "gone";
            _ = seen.try_send(body);
            if gone { StatusCode::GONE } else { StatusCode::OK }
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/push", post(take))).await });
    (format!("http://{address}/push"), heard)
}

#[tokio::test]
async fn devices_that_are_away_are_told_through_their_service() {
    let (address, mut heard) = gateway().await;
    let channel = format!("[[apps.settings.push.channels]]\nservice = \"gateway\"\nid = 7\naddress = \"{address}\"\n");
    let server = server(&channel).await;
    import(&server, &["clerk", "ana", "bob"]).await;
    let device =
        |user: &str, token: &str| json!({ "To_Account": user, "DeviceID": "phone", "BusinessID": 7, "Token": token });
    server.ok("tsudoi_push/set_device", device("ana", "t-ana")).await;
    server.ok("tsudoi_push/set_device", device("bob", "t-bob")).await;
    for (code, body) in [
        (22001, json!({ "To_Account": "ana", "DeviceID": "phone", "BusinessID": 8, "Token": "t" })),
        (22003, device("ana", "")),
        (22004, device("ana", &"x".repeat(257))),
        (90048, device("nobody", "t")),
        (10004, json!({ "To_Account": "ana", "BusinessID": 7, "Token": "t" })),
        (10004, json!({ "To_Account": "ana", "DeviceID": "", "BusinessID": 7, "Token": "t" })),
    ] {
        server.fails(code, "tsudoi_push/set_device", body).await;
    }
    let mut next = async || {
        tokio::time::timeout(tsudoi_it::PATIENCE, heard.recv()).await.expect("in time").expect("a notification")
    };
    let send = |more: Value| {
        let mut body =
            json!({ "From_Account": "clerk", "To_Account": "ana", "MsgRandom": random(), "MsgBody": text("hello") });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    // A message to one person.
    server.ok("openim/sendmsg", send(json!({}))).await;
    let told = next().await;
    assert_eq!((&told["token"], &told["title"], &told["body"]), (&json!("t-ana"), &json!("clerk"), &json!("hello")));
    assert_eq!((&told["badge"], &told["thread"]), (&json!(1), &json!("C2Cclerk")));
    // What its sender wants said instead; what is for those online only, or not to be announced, is not.
    server.ok("openim/sendmsg", send(json!({ "OfflinePushInfo": { "PushFlag": 1 } }))).await;
    server.ok("openim/sendmsg", send(json!({ "OnlineOnlyFlag": 1 }))).await;
    let info = json!({ "Title": "Depot", "Desc": "ready", "Ext": "{}", "ApnsInfo": { "BadgeMode": 1 }, "AndroidInfo": { "Sound": "bell" } });
    server.ok("openim/sendmsg", send(json!({ "OfflinePushInfo": info }))).await;
    let told = next().await;
    assert_eq!((&told["title"], &told["body"], &told["ext"]), (&json!("Depot"), &json!("ready"), &json!("{}")));
    assert_eq!((&told["badge"], &told["extras"]["android_sound"]), (&Value::Null, &json!("bell")));
    // A message to a group: everybody but its sender and those who want no notes.
    let group = server.group("Public", "clerk", &["ana", "bob"]).await;
    let quiet = json!({ "GroupId": group, "Member_Account": "bob", "MsgFlag": "Discard" });
    server.ok("group_open_http_svc/modify_group_member_info", quiet).await;
    let said = json!({ "GroupId": group, "From_Account": "clerk", "Random": random(), "MsgBody": text("all") });
    server.ok("group_open_http_svc/send_group_msg", said).await;
    let told = next().await;
    assert_eq!(
        (&told["token"], &told["title"], &told["body"]),
        (&json!("t-ana"), &json!("suite"), &json!("clerk: all"))
    );
    // A push to all.
    let task = push(&server, "push", json!({ "MsgLifeTime": 60 })).await;
    let mut tokens = vec![next().await["token"].clone(), next().await["token"].clone()];
    tokens.sort_by_key(ToString::to_string);
    assert_eq!(tokens, ["t-ana", "t-bob"]);
    finished(&server, &task).await;
    // A push for those online only is not announced, and a device whose user is here is told directly.
    let phone = server.connect_as("phone", "binfo").await;
    phone.login("ana").await;
    let online = push(&server, "online", json!({})).await;
    finished(&server, &online).await;
    server.ok("openim/sendmsg", send(json!({}))).await;
    // Announcements are decided in order: once the next one is made, that one was not.
    server.ok("openim/sendmsg", send(json!({ "To_Account": "bob" }))).await;
    assert_eq!(next().await["token"], "t-bob");
    // In the background it is told through its service again.
    phone.ok("im_open_status.ws_stat_background", json!({ "C2cUnread": 0, "GrpUnread": 0 })).await;
    server.ok("openim/sendmsg", send(json!({ "MsgBody": text("background") }))).await;
    assert_eq!(next().await["body"], "background");
    // A device says itself how it is reached; one that is gone is forgotten.
    phone.ok("im_open_status.ws_stat_foreground", json!({})).await;
    let token = |token: &str| json!({ "TokenID": token, "VarToken": "", "BusiID": 7, "InstType": 2002, "PushMsg": 0 });
    phone.ok("im_open_status.ws_stat_settoken", token("gone")).await;
    phone.fails(22003, "im_open_status.ws_stat_settoken", token("")).await;
    let devices =
        async || server.ok("tsudoi_push/get_devices", json!({ "To_Account": "ana" })).await["DeviceList"].clone();
    assert_eq!(devices().await[0]["Token"], "gone");
    drop(phone);
    server.ok("openim/sendmsg", send(json!({ "MsgBody": text("to nobody") }))).await;
    assert_eq!(next().await["token"], "gone");
    for _ in 0..500 {
        if devices().await == json!([]) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(devices().await, json!([]));
    server.ok("tsudoi_push/delete_device", json!({ "To_Account": "bob", "DeviceID": "phone" })).await;
    let span = json!({ "StartTime": tsudoi_it::now() - 60, "EndTime": tsudoi_it::now() + 60 });
    let statistics = server.ok("timpush/normal_push_statistics", span).await;
    assert_eq!(statistics["Results"][0]["SentCount"], 6, "{statistics}");
}
