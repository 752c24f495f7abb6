//! The REST door: address, query, ticket, caller, body, in the documented order.

use serde_json::{Value, json};
use tsudoi_it::{ADMIN, APP, KEY, Server, now, shared, ticket, unique};

async fn post(server: &Server, path: &str, body: &str) -> (u16, Value) {
    let answer = reqwest::Client::new().post(server.url(path)).body(body.to_owned()).send().await.expect("answered");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn what_is_wrong_with_the_address_is_told_in_the_documented_order() {
    let server = shared().await;
    let user = unique("nobody");
    server.ok("im_open_login_svc/account_import", json!({ "UserID": user })).await;
    let admin = ticket(ADMIN);
    let common = "random=1&contenttype=json";
    let check = "/v4/im_open_login_svc/account_check";
    let expired = tsudoi_api::user_sig::sign(
        &tsudoi_api::user_sig::SigningKey::new(KEY.into()),
        APP,
        ADMIN,
        now() - 100,
        50,
        None,
    );
    let other_key =
        tsudoi_api::user_sig::sign(&tsudoi_api::user_sig::SigningKey::new("k".into()), APP, ADMIN, now(), 50, None);
    // 50 years, and a second more.
    let sign_for = |life| {
        let key = tsudoi_api::user_sig::SigningKey::new(KEY.into());
        tsudoi_api::user_sig::sign(&key, APP, ADMIN, now(), life, None)
    };
    let (longest, too_long) = (sign_for(1_576_800_000), sign_for(1_576_800_001));
    let path = format!("{check}?sdkappid={APP}&identifier={ADMIN}&usersig={longest}&{common}");
    let (_, answer) = post(server, &path, r#"{"CheckItem":[{"UserID":"x"}]}"#).await;
    assert_eq!(answer["ErrorCode"], 0, "{answer}");
    for (path, code) in [
        (format!("/v4/im_open_login_svc?{common}"), 60002),
        (format!("/v4/a/b/c?{common}"), 60002),
        (format!("/v4/im_open%FF/account_check?{common}"), 60002),
        (format!("{check}?identifier={ADMIN}&usersig={admin}&{common}"), 60012),
        (format!("{check}?sdkappid=x&identifier={ADMIN}&usersig={admin}&{common}"), 60025),
        (format!("{check}?sdkappid=%2B{APP}&identifier={ADMIN}&usersig={admin}&{common}"), 60025),
        (format!("{check}?sdkappid={APP}&identifier={ADMIN}&usersig={too_long}&{common}"), 70003),
        (format!("{check}?sdkappid={APP}&usersig={admin}&{common}"), 60025),
        (format!("{check}?sdkappid={APP}&identifier={ADMIN}&{common}"), 60025),
        (format!("{check}?sdkappid=5&identifier={ADMIN}&usersig={admin}&{common}"), 70020),
        (format!("{check}?sdkappid={APP}&identifier={ADMIN}&usersig=not-a-ticket&{common}"), 70003),
        (format!("{check}?sdkappid={APP}&identifier={user}&usersig={admin}&{common}"), 70013),
        (format!("{check}?sdkappid={APP}&identifier={ADMIN}&usersig={expired}&{common}"), 70001),
        (format!("{check}?sdkappid={APP}&identifier={ADMIN}&usersig={other_key}&{common}"), 70009),
        (format!("{check}?sdkappid={APP}&identifier={user}&usersig={}&{common}", ticket(&user)), 60010),
        (format!("/v4/im_open_login_svc/nope?sdkappid={APP}&identifier={ADMIN}&usersig={admin}&{common}"), 60009),
        (format!("/v4/group_open_http_svc/nope?sdkappid={APP}&identifier={ADMIN}&usersig={admin}&{common}"), 10003),
        (format!("{check}?sdkappid={APP}&identifier={ADMIN}&usersig={admin}&random=1&contenttype=xml"), 60025),
    ] {
        let (status, answer) = post(server, &path, "{}").await;
        assert_eq!((status, &answer["ErrorCode"]), (200, &json!(code)), "{path} answered {answer}");
        assert_eq!(answer["ActionStatus"], "FAIL");
    }
    let get = reqwest::get(server.url(check)).await.expect("answered").json::<Value>().await.expect("JSON");
    assert_eq!(get["ErrorCode"], 60002);
}

#[tokio::test]
async fn tolerated_spellings_of_the_address_work() {
    let server = shared().await;
    let admin = ticket(ADMIN);
    let escaped = admin.replace('*', "%2A").replace('_', "%5F").replace('-', "%2D");
    for query in [
        format!("usersig={admin}&identifier={ADMIN}&sdkappid={APP}"),
        format!("sdkappid={APP}&identifier={ADMIN}&usersig={escaped}&random=4294967295&contenttype=json&whatever=1"),
    ] {
        let body = json!({ "CheckItem": [{ "UserID": ADMIN, "Unknown": 1 }], "Other": {} }).to_string();
        let (_, answer) = post(server, &format!("/v4/im_open_login_svc/account_check?{query}"), &body).await;
        assert_eq!(answer["ResultItem"][0]["AccountStatus"], "Imported", "{answer}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_request_change_nothing() {
    let server = shared().await;
    let check = "im_open_login_svc/account_check";
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    for (body, code) in [
        (b"".to_vec(), 60003),
        (b"  \n".to_vec(), 60003),
        (b"{".to_vec(), 60003),
        (b"{} trailing".to_vec(), 60003),
        (vec![b'{', b'"', 0xff, 0xfe, b'"', b':', b'1', b'}'], 60003),
        (deep.into_bytes(), 70402),
        (b"{}".to_vec(), 70402),
        (b"[]".to_vec(), 70402),
        (br#"{"CheckItem":7}"#.to_vec(), 70402),
        (br#"{"CheckItem":[{"UserID":7}]}"#.to_vec(), 60015),
        (br#"{"CheckItem":[]}"#.to_vec(), 70402),
    ] {
        let shown = String::from_utf8_lossy(&body).chars().take(60).collect::<String>();
        let answer = server.call_raw(check, body).await;
        let got = answer["ErrorCode"].as_u64().expect("a code");
        assert!(got == code || (code == 70402 && got == 60003 && shown.starts_with("[[")), "{shown} answered {answer}");
    }
    let too_large = vec![b' '; 5 << 20];
    assert_eq!(server.call_raw(check, too_large).await["ErrorCode"], 80002);
}

#[tokio::test]
async fn tickets_of_an_admin_from_before_a_kick_are_void() {
    let mut server = Server::start(&[]).await;
    let sign_at = |time| {
        let key = tsudoi_api::user_sig::SigningKey::new(KEY.into());
        let ticket = tsudoi_api::user_sig::sign(&key, APP, ADMIN, time, 86_400, None);
        format!("/v4/im_open_login_svc/account_check?sdkappid={APP}&identifier={ADMIN}&usersig={ticket}")
    };
    let (old, new) = (sign_at(now() - 100), sign_at(now() + 100));
    let body = json!({ "CheckItem": [{ "UserID": ADMIN }] }).to_string();
    assert_eq!(post(&server, &old, &body).await.1["ErrorCode"], 0);
    server.ok("im_open_login_svc/kick", json!({ "UserID": ADMIN })).await;
    for _ in ["before", "after the restart"] {
        assert_eq!(post(&server, &old, &body).await.1["ErrorCode"], 70001);
        assert_eq!(post(&server, &new, &body).await.1["ErrorCode"], 0);
        server.kill().await;
        server.restart().await;
    }
}

#[tokio::test]
async fn user_ids_that_are_numbers_are_told_apart_from_other_faults() {
    let server = shared().await;
    for (command, body, code) in [
        ("im_open_login_svc/account_import", json!({ "UserID": 7 }), 60015),
        ("im_open_login_svc/account_import", json!({ "UserID": [] }), 70402),
        ("im_open_login_svc/multiaccount_import", json!({ "Accounts": ["x", 7] }), 60015),
        ("im_open_login_svc/kick", json!({ "Identifier": 7 }), 60015),
        ("profile/portrait_get", json!({ "To_Account": [7], "TagList": ["Tag_Profile_IM_Nick"] }), 60015),
        ("profile/portrait_set", json!({ "From_Account": 7, "ProfileItem": [] }), 60015),
        (
            "sns/friend_check",
            json!({ "From_Account": 7, "To_Account": ["x"], "CheckType": "CheckResult_Type_Both" }),
            60015,
        ),
        ("recentcontact/delete", json!({ "From_Account": 7, "Type": 1, "To_Account": "x" }), 60015),
        ("openim/admin_set_msg_read", json!({ "Report_Account": 7, "Peer_Account": "x" }), 90003),
        ("openim/sendmsg", json!({ "From_Account": 7, "To_Account": "x", "MsgRandom": 1, "MsgBody": [] }), 90008),
    ] {
        server.fails(code, command, body).await;
    }
}

#[tokio::test]
async fn a_command_has_its_rate() {
    let server = Server::start(&[]).await;
    let none = json!({});
    let calls = (0..20).map(|_| server.call("group_open_http_svc/get_appid_group_list", &none));
    let answers = futures_util::future::join_all(calls).await;
    let refused = answers.iter().filter(|answer| answer["ErrorCode"] == 60007).count();
    assert!((1..20).contains(&refused), "once a second is allowed, {refused} of 20 were refused");
}

/// Strange bytes in every place of a message: refused with a code, or carried as they are; the server goes on.
#[tokio::test]
async fn strange_bytes_do_no_harm() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    let send = |to: &str, text: &str| {
        json!({ "From_Account": users[0], "To_Account": to, "MsgRandom": tsudoi_it::random(),
            "MsgBody": [{ "MsgType": "TIMTextElem", "MsgContent": { "Text": text } }] })
    };
    let bob = server.login(&users[1]).await;
    for text in ["nul \u{0} inside", "\u{feff}bom", "\u{202e}turned", "\u{10ffff}", "line\r\nfeed\u{7f}"] {
        server.ok("openim/sendmsg", send(&users[1], text)).await;
        bob.event("C2cMsgArray", |item| item["MsgBody"][0]["MsgContent"]["Text"] == text).await;
    }
    for id in ["nul\u{0}", "new\nline", "客服", "", &"x".repeat(33)] {
        let answer = server.call("openim/sendmsg", &send(id, "x")).await;
        assert!([90003, 20003, 90012].contains(&answer["ErrorCode"].as_u64().expect("a code")), "{id:?}: {answer}");
        server.fails(70402, "im_open_login_svc/account_import", json!({ "UserID": id })).await;
    }
    for id in ["nul\u{0}", "@TGS#\u{1}", &"g".repeat(4000)] {
        server.fails(10015, "group_open_http_svc/destroy_group", json!({ "GroupId": id })).await;
    }
    // Deep JSON where anything may stand.
    let deep = format!("{}1{}", "[".repeat(3000), "]".repeat(3000));
    let body = format!(
        r#"{{"GroupId":"{group}","Random":1,"MsgBody":[{{"MsgType":"TIMTextElem","MsgContent":{{"Text":"x","deep":{deep}}}}}]}}"#
    );
    let answer = server.call_raw("group_open_http_svc/send_group_msg", body.into_bytes()).await;
    assert_ne!(answer["ErrorCode"], 0, "{answer}");
    // Half a letter, a lone surrogate, numbers without end.
    for body in [
        [br#"{"GroupId":""#.to_vec(), vec![0xe6, 0x9d], b"\"}".to_vec()].concat(),
        br#"{"GroupId":"\ud800"}"#.to_vec(),
        br#"{"GroupId":1e999}"#.to_vec(),
        [b"{\"GroupId\":".to_vec(), vec![b'9'; 100_000], b"}".to_vec()].concat(),
    ] {
        let answer = server.call_raw("group_open_http_svc/destroy_group", body).await;
        assert!([60003, 10015, 10004].contains(&answer["ErrorCode"].as_u64().expect("a code")), "{answer}");
    }
    server.ok("group_open_http_svc/get_group_info", json!({ "GroupIdList": [group] })).await;
}

/// More than the common rate in one second: some are refused with the code, none is lost, none waits.
#[tokio::test]
async fn a_flood_is_refused_beyond_the_rate() {
    let server = Server::with_settings("rates = { rest = { account_check = 5 } }\n").await;
    let body = json!({ "CheckItem": [{ "UserID": ADMIN }] });
    let calls = futures_util::future::join_all((0..200).map(|_| server.call("im_open_login_svc/account_check", &body)));
    let mut codes: Vec<u64> = calls.await.iter().map(|answer| answer["ErrorCode"].as_u64().expect("a code")).collect();
    codes.sort_unstable();
    let fine = codes.iter().filter(|code| **code == 0).count();
    assert!((5..200).contains(&fine), "{fine} passed");
    assert!(codes.iter().all(|code| *code == 0 || *code == 60007), "{codes:?}");
}

#[tokio::test]
async fn other_methods_and_paths_have_their_answers() {
    let server = shared().await;
    let http = reqwest::Client::new();
    let url = server.rest_url("im_open_login_svc/account_check", ADMIN);
    for method in [reqwest::Method::GET, reqwest::Method::PUT, reqwest::Method::DELETE] {
        let answer = http.request(method, &url).body("{}").send().await.expect("answered");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.json::<Value>().await.expect("JSON")["ErrorCode"], 60002);
    }
    let preflight = http.request(reqwest::Method::OPTIONS, &url).send().await.expect("answered");
    assert_eq!(
        (preflight.status().as_u16(), &preflight.headers()["access-control-allow-origin"]),
        (200, &"*".parse().expect("text"))
    );
    // A text/plain body, or none at all named, is JSON all the same.
    let answer =
        http.post(&url).header("content-type", "text/plain").body("{\"CheckItem\":[{\"UserID\":\"x\"}]}").send().await;
    assert_eq!(answer.expect("answered").json::<Value>().await.expect("JSON")["ErrorCode"], 0);
    for (path, code) in [
        ("/v4/IM_OPEN_LOGIN_SVC/account_check", 60009),
        ("/v4/im_open_login_svc/Account_check", 60009),
        ("/v4/x/y", 60009),
    ] {
        let query = url.split('?').nth(1).expect("a query");
        let answer: Value = http
            .post(server.url(&format!("{path}?{query}")))
            .body("{}")
            .send()
            .await
            .expect("answered")
            .json()
            .await
            .expect("JSON");
        assert_eq!(answer["ErrorCode"], code, "{path}");
    }
}

/// Callers that write head and body apart, and are refused before the body is there, go on with their connection.
#[tokio::test]
async fn refusals_leave_the_connection_open() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = shared().await;
    let address = server.url("").trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.expect("connected");
    stream.set_nodelay(true).expect("set");
    let body = json!({ "CheckItem": [{ "UserID": "x" }] }).to_string();
    let admin = ticket(ADMIN);
    let query = |user: &str| format!("sdkappid={APP}&identifier={user}&usersig={admin}");
    for (path, code) in [
        (format!("/v4/im_open_login_svc/nope?{}", query(ADMIN)), 60009),
        (format!("/v4/im_open_login_svc/account_check?{}", query("somebody")), 70013),
        ("/v4/im_open_login_svc/account_check".to_owned(), 60012),
        ("/v4/nothing".to_owned(), 60002),
        (format!("/v4/im_open_login_svc/account_check?{}", query(ADMIN)), 0),
    ] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.expect("written");
        // Long enough for the refusal to be decided, were the body not waited for.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        stream.write_all(body.as_bytes()).await.expect("written");
        let mut answer = Vec::new();
        let expected = format!("\"ErrorCode\":{code},");
        while !String::from_utf8_lossy(&answer).contains(&expected) {
            let mut part = [0; 4096];
            let read = tokio::time::timeout(tsudoi_it::PATIENCE, stream.read(&mut part)).await;
            let read = read.expect("in time").expect("read");
            assert!(read > 0, "{path}: the connection ended after {}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&part[..read]);
        }
    }
}
