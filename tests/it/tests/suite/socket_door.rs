//! The WebSocket door: connection, heartbeat, login, session tokens, kicks, and what is no request.

use std::time::Duration;

use serde_json::json;
use tsudoi_it::{ADMIN, APP, KEY, Server, now, shared, ticket, unique};

#[tokio::test]
async fn the_heartbeat_is_answered_without_login_and_with_void_credentials() {
    let server = shared().await;
    let client = server.connect().await;
    client.ok("heartbeat.alive", json!({})).await;
    client.use_credentials(json!({ "a2": "void", "tinyid": "1" }));
    client.ok("heartbeat.alive", json!({})).await;
}

#[tokio::test]
async fn the_first_login_makes_the_account() {
    let server = shared().await;
    let user = unique("fresh");
    let client = server.connect().await;
    let answer = client.login(&user).await;
    for (field, is_fine) in [
        ("A2Key", answer["A2Key"].is_string()),
        ("TinyId", answer["TinyId"].as_str().is_some_and(|id| id.parse::<u64>().is_ok())),
        ("InstId", answer["InstId"].is_u64()),
        ("HelloInterval", answer["HelloInterval"].is_u64()),
        ("TimeStamp", answer["TimeStamp"].is_u64()),
        ("PurchaseBits", answer["PurchaseBits"].as_str().is_some_and(|bits| bits.len() == 64)),
    ] {
        assert!(is_fine, "{field} of {answer}");
    }
    let check = server.ok("im_open_login_svc/account_check", json!({ "CheckItem": [{ "UserID": user }] })).await;
    assert_eq!(check["ResultItem"][0]["AccountStatus"], "Imported");
    let status = server.ok("openim/query_online_status", json!({ "To_Account": [user], "IsNeedDetail": 1 })).await;
    assert_eq!(status["QueryResult"][0]["Status"], "Online");
    assert_eq!(status["QueryResult"][0]["Detail"][0]["Platform"], "Web");
}

#[tokio::test]
async fn refused_logins_say_why() {
    let server = shared().await;
    let user = unique("refused");
    let client = server.connect().await;
    let body = json!({ "State": "Online" });
    for (credentials, code) in [
        (json!({ "identifier": user, "usersig": "" }), 70002),
        (json!({ "identifier": user, "usersig": "junk" }), 70003),
        (json!({ "identifier": user, "usersig": ticket("somebody") }), 70013),
        (json!({ "a2": "junk", "tinyid": "1" }), 70001),
    ] {
        client.use_credentials(credentials.clone());
        let answer = client.call("im_open_status.wslogin", body.clone()).await;
        assert_eq!(answer["ErrorCode"], code, "{credentials} answered {answer}");
    }
    client.login(&user).await;
}

#[tokio::test]
async fn nobody_asks_anything_before_login() {
    let server = shared().await;
    let client = server.connect().await;
    for servcmd in ["openim.getmsg", "group_open_http_svc.create_group", "profile.portrait_get_all"] {
        let answer = client.call(servcmd, json!({})).await;
        assert_ne!(answer["ErrorCode"], 0, "{servcmd}");
        assert_eq!(answer["ActionStatus"], "FAIL");
    }
}

#[tokio::test]
async fn session_tokens_outlive_connection_and_process() {
    let mut server = Server::start(&[]).await;
    let user = unique("token");
    let client = server.login(&user).await;
    let credentials = client.credentials();
    server.kill().await;
    server.restart().await;
    let again = server.connect_as(client.instance(), "binfo").await;
    again.use_credentials(credentials);
    // Requests that were pending come before the login on the new connection.
    again.ok("profile.portrait_get_all", json!({ "UserItem": [{ "To_Account": user }] })).await;
    again.ok("im_open_status.wslogin", json!({ "State": "Online" })).await;
}

#[tokio::test]
async fn the_backend_ends_all_sessions_and_voids_older_tickets() {
    let server = shared().await;
    let user = unique("kicked");
    let client = server.connect().await;
    let old = ticket(&user);
    client.login(&user).await;
    // The kick voids what was issued in an earlier second.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    server.ok("im_open_login_svc/kick", json!({ "UserID": user })).await;
    let frame = client.other("im_open_status.stat_forceoffline").await;
    assert_eq!(frame["body"]["EventArray"][0]["C2cNotifyMsgArray"][0]["KickoutMsgNotify"]["KickType"], 3);
    client.fails(70001, "profile.portrait_get_all", json!({ "UserItem": [{ "To_Account": user }] })).await;
    client.use_credentials(json!({ "identifier": user, "usersig": old }));
    client.fails(70001, "im_open_status.wslogin", json!({})).await;
    client.login(&user).await;
    server.fails(70107, "im_open_login_svc/kick", json!({ "UserID": unique("ghost") })).await;
}

#[tokio::test]
async fn a_second_device_replaces_the_first_and_a_returning_one_itself() {
    let server = shared().await;
    let user = unique("devices");
    let first = server.login(&user).await;
    let second = server.login(&user).await;
    let frame = first.other("im_open_status.stat_forceoffline").await;
    assert_eq!(frame["body"]["EventArray"][0]["C2cNotifyMsgArray"][0]["KickoutMsgNotify"]["KickType"], 1);
    // The kicked device's logout is its own: the newer one stays.
    first.ok("im_open_status.wslogout", json!({ "wslogout_type": 1 })).await;
    let status = server.ok("openim/query_online_status", json!({ "To_Account": [user] })).await;
    assert_eq!(status["QueryResult"][0]["Status"], "Online");
    // The same device comes back: its old connection goes without a word.
    let again = server.connect_as(second.instance(), "binfo").await;
    again.use_credentials(second.credentials());
    again.ok("im_open_status.wslogin", json!({})).await;
    second.closed().await;
}

#[tokio::test]
async fn unknown_commands_are_refused_never_answered_with_nothing() {
    let server = shared().await;
    let client = server.login(&unique("curious")).await;
    for servcmd in ["nope.nope", "group_open_http_svc.nope", "nodot", ""] {
        let answer = client.call(servcmd, json!({})).await;
        assert_eq!(answer["ActionStatus"], "FAIL", "{servcmd} answered {answer}");
    }
}

#[tokio::test]
async fn what_is_no_request_does_no_harm() {
    let server = shared().await;
    let client = server.login(&unique("junk")).await;
    for junk in ["", "{", "[]", "7", "{}", r#"{"head":{}}"#, r#"{"head":{"servcmd":5}}"#, &"[".repeat(100_000)] {
        client.send_bytes(junk.as_bytes().to_vec()).await;
    }
    client.ok("heartbeat.alive", json!({})).await;
    // A frame above the limit ends the connection, perhaps before all of it is sent.
    client.try_send_bytes(vec![b'x'; 2 << 20]).await;
    client.closed().await;
    server.ok("im_open_login_svc/account_check", json!({ "CheckItem": [{ "UserID": ADMIN }] })).await;
}

#[tokio::test]
async fn text_frames_serve_hosts_that_want_them() {
    let server = shared().await;
    let client = server.connect_as(&unique("mini"), "info").await;
    client.login(&unique("texter")).await;
}

#[tokio::test]
async fn a_stop_says_goodbye_and_ends_well() {
    let mut server = Server::start(&[]).await;
    let client = server.login(&unique("late")).await;
    assert!(server.stop().await, "exit status 0");
    client.closed().await;
}

#[tokio::test]
async fn a_device_that_was_away_learns_that_it_was_replaced() {
    let server = shared().await;
    let user = unique("away");
    let first = server.login(&user).await;
    let (instance, credentials) = (first.instance().to_owned(), first.credentials());
    drop(first);
    let second = server.login(&user).await;
    let back = server.connect_as(&instance, "binfo").await;
    back.use_credentials(credentials);
    back.ok("im_open_status.wslogin", json!({})).await;
    let hello = back.fails(1002, "im_open_status.wshello", json!({ "is_web_uniapp": 0 })).await;
    assert_eq!(hello["KickType"], 1);
    second.ok("im_open_status.wshello", json!({ "is_web_uniapp": 0 })).await;
    // A new ticket makes the device the newest.
    back.login(&user).await;
    second.other("im_open_status.stat_forceoffline").await;
}

#[tokio::test]
async fn a_connection_ends_with_the_ticket_that_opened_it() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let key = tsudoi_api::user_sig::SigningKey::new(KEY.into());
    let client = server.connect().await;
    // Long enough for a slow machine to log in, short enough to be waited for.
    let short = tsudoi_api::user_sig::sign(&key, APP, &users[0], now(), 6, None);
    client.use_credentials(json!({ "identifier": users[0], "usersig": short }));
    let a2 = client.ok("im_open_status.wslogin", json!({ "State": "Online" })).await["A2Key"].clone();
    client.closed().await;
    let query = json!({ "To_Account": [users[0]] });
    assert_eq!(server.ok("openim/query_online_status", query).await["QueryResult"][0]["Status"], "Offline");
    // Whoever comes back is told that a new ticket is needed.
    let again = server.connect().await;
    again.use_credentials(json!({ "a2": a2, "tinyid": "1" }));
    again.fails(70001, "im_open_status.wslogin", json!({ "State": "Online" })).await;
    again.login(&users[0]).await;
}

#[tokio::test]
async fn how_a_device_had_to_go_depends_on_what_took_its_place() {
    let server = Server::with_settings("login.policy = \"single\"").await;
    let user = unique("everywhere");
    let kind = |frame: &serde_json::Value| {
        frame["body"]["EventArray"][0]["C2cNotifyMsgArray"][0]["KickoutMsgNotify"]["KickType"].clone()
    };
    let tab = server.login(&user).await;
    let other_tab = server.login(&user).await;
    assert_eq!(kind(&tab.other("im_open_status.stat_forceoffline").await), 1, "the same platform");
    let (instance, credentials) = (other_tab.instance().to_owned(), other_tab.credentials());
    drop(other_tab);
    let phone = server.connect_on(2).await;
    phone.login(&user).await;
    // Who was away learns it from the next sign of life.
    let back = server.connect_as(&instance, "binfo").await;
    back.use_credentials(credentials);
    back.ok("im_open_status.wslogin", json!({})).await;
    assert_eq!(back.fails(1002, "im_open_status.wshello", json!({})).await["KickType"], 2, "another platform");
    let computer = server.connect_on(1).await;
    computer.login(&user).await;
    assert_eq!(kind(&phone.other("im_open_status.stat_forceoffline").await), 2, "another platform");
}
