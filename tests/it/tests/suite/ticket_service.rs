//! Tickets for pages that have no backend, and the shop that they are for.

use reqwest::{Client as Http, Method, Response, StatusCode, header};
use serde_json::{Value, json};
use tsudoi_it::{ADMIN, APP, Server, now, random, shared, text};

const SHOP: &str = "https://shop.example.com";

async fn ask(server: &Server, origin: Option<&str>, secret: Option<&str>, body: impl Into<reqwest::Body>) -> Response {
    let mut request = Http::new().post(server.url(&format!("/usersig/{APP}"))).body(body);
    if let Some(origin) = origin {
        request = request.header(header::ORIGIN, origin);
    }
    if let Some(secret) = secret {
        request = request.bearer_auth(secret);
    }
    request.send().await.expect("answered")
}

fn wanted(user: &str) -> String {
    json!({ "userID": user }).to_string()
}

#[tokio::test]
async fn there_is_none_unless_the_app_wants_it() {
    assert_eq!(ask(shared().await, Some(SHOP), None, wanted("ana")).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn listed_pages_get_tickets_and_no_others_do() {
    let server =
        Server::with_settings(&format!("[apps.settings.ticket_service]\nenabled = true\norigins = [\"{SHOP}\"]\n"))
            .await;
    let answer = ask(&server, Some(SHOP), None, wanted("visitor-1")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], SHOP);
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    let made: Value = answer.json().await.expect("JSON");
    assert_eq!(made["userID"], "visitor-1");
    assert!(made["userSig"].as_str().is_some_and(|ticket| ticket.starts_with("eJ")), "{made}");

    let preflight = Http::new()
        .request(Method::OPTIONS, server.url(&format!("/usersig/{APP}")))
        .header(header::ORIGIN, SHOP)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .send()
        .await
        .expect("answered");
    assert!(preflight.status().is_success());
    assert_eq!(preflight.headers()[header::ACCESS_CONTROL_ALLOW_METHODS], "POST");

    for (origin, body, status) in [
        (None, wanted("ana"), StatusCode::FORBIDDEN),
        (Some("https://evil.example.com"), wanted("ana"), StatusCode::FORBIDDEN),
        (Some("null"), wanted("ana"), StatusCode::FORBIDDEN),
        (Some(SHOP), wanted(ADMIN), StatusCode::FORBIDDEN),
        (Some(SHOP), wanted("@RBT#1"), StatusCode::FORBIDDEN),
        (Some(SHOP), wanted("@TOA#_news"), StatusCode::FORBIDDEN),
        (Some(SHOP), wanted(""), StatusCode::BAD_REQUEST),
        (Some(SHOP), wanted(&"x".repeat(33)), StatusCode::BAD_REQUEST),
        (Some(SHOP), "{}".into(), StatusCode::BAD_REQUEST),
        (Some(SHOP), "{\"userID\":7}".into(), StatusCode::BAD_REQUEST),
        (Some(SHOP), "[".into(), StatusCode::BAD_REQUEST),
        (Some(SHOP), " ".repeat(5000), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let answer = ask(&server, origin, None, body.clone()).await;
        assert_eq!(answer.status(), status, "{origin:?} {body}");
        assert_eq!(answer.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), origin == Some(SHOP));
        let refused: Value = answer.json().await.expect("JSON");
        assert!(refused["error"].is_string() && refused.get("userSig").is_none(), "{refused}");
    }
    let get = reqwest::get(server.url(&format!("/usersig/{APP}"))).await.expect("answered");
    assert_eq!(get.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_secret_lets_backends_ask_within_the_rate() {
    let server = Server::with_settings(
        "[apps.settings.ticket_service]\nenabled = true\nsecret = \"s3cret\"\nuser_prefix = \"guest-\"\nper_minute = 5\n",
    )
    .await;
    for (secret, user, status) in [
        (None, "guest-1", StatusCode::UNAUTHORIZED),
        (Some("wrong"), "guest-1", StatusCode::UNAUTHORIZED),
        (Some("s3cret"), "ana", StatusCode::FORBIDDEN),
        (Some("s3cret"), "guest-1", StatusCode::OK),
        (Some("s3cret"), "guest-2", StatusCode::OK),
        (Some("s3cret"), "guest-3", StatusCode::TOO_MANY_REQUESTS),
    ] {
        assert_eq!(ask(&server, None, secret, wanted(user)).await.status(), status, "{secret:?} {user}");
    }
}

/// Story 5: a page on another origin logs a visitor in and talks to an agent.
#[tokio::test]
async fn a_visitor_of_a_shop_talks_to_an_agent() {
    let server =
        Server::with_settings(&format!("[apps.settings.ticket_service]\nenabled = true\norigins = [\"{SHOP}\"]\n"))
            .await;
    let agent = server.users(&["agent"]).await.remove(0);
    let agent_desk = server.login(&agent).await;
    // The page asks for a ticket and logs in with it.
    let made: Value = ask(&server, Some(SHOP), None, wanted("visitor-7")).await.json().await.expect("JSON");
    let visitor = server.connect().await;
    visitor.use_credentials(json!({ "identifier": made["userID"], "usersig": made["userSig"] }));
    let login = visitor.ok("im_open_status.wslogin", json!({ "State": "Online" })).await;
    visitor.use_credentials(json!({ "a2": login["A2Key"], "tinyid": login["TinyId"] }));
    // Text, picture and file.
    let picture = json!([{ "MsgType": "TIMImageElem", "MsgContent": { "UUID": "p1", "ImageFormat": 3, "ImageInfoArray": [
        { "Type": 1, "Size": 9, "Width": 1, "Height": 1, "URL": "https://files.example.com/p1.png" }] } }]);
    let file = json!([{ "MsgType": "TIMFileElem", "MsgContent": { "Url": "https://files.example.com/f", "UUID": "f1", "FileSize": 3,
        "FileName": "order.pdf", "Download_Flag": 2 } }]);
    let mut first_key = Value::Null;
    for body in [text("is it in stock?"), picture, file] {
        let sent = visitor
            .ok(
                "openim.sendmsg",
                json!({ "From_Account": "visitor-7", "To_Account": agent, "MsgRandom": random(),
            "MsgSeq": random(), "MsgBody": body, "MsgClientTime": now() }),
            )
            .await;
        let got = agent_desk.event("C2cMsgArray", |item| item["From_Account"] == "visitor-7").await;
        assert_eq!(got["MsgBody"][0]["MsgType"], body[0]["MsgType"]);
        if first_key.is_null() {
            first_key = sent["MsgKey"].clone();
        }
    }
    // The answer quotes the question.
    let quote = json!({ "messageReply": { "messageID": first_key, "messageAbstract": "is it in stock?" } }).to_string();
    agent_desk
        .ok(
            "openim.sendmsg",
            json!({ "To_Account": "visitor-7", "MsgRandom": random(), "MsgSeq": random(),
        "MsgBody": text("yes, three of them"), "CloudCustomData": quote }),
        )
        .await;
    let got = visitor.event("C2cMsgArray", |item| item["From_Account"] == agent.as_str()).await;
    assert_eq!(got["CloudCustomData"], quote);
    // The visitor reads it; the agent's page shows that.
    let read = json!({ "C2CMsgReaded": { "Cookie": "", "C2CMsgReadedItem": [
        { "To_Account": agent, "LastedMsgTime": got["MsgTimeStamp"], "Receipt": 1 }] } });
    visitor.ok("openim.msgreaded", read).await;
    let shown = agent_desk.ok("openim.get_peer_read_time", json!({ "To_Account": ["visitor-7"] })).await;
    assert!(shown["ReadTime"][0].as_i64() >= got["MsgTimeStamp"].as_i64(), "{shown}");
    // Whoever is no admin cannot use the ticket elsewhere.
    let url = server.url(&format!(
        "/v4/openim/sendmsg?sdkappid={APP}&identifier=visitor-7&usersig={}&random=1&contenttype=json",
        made["userSig"].as_str().expect("a ticket")
    ));
    let answer: Value = Http::new().post(url).body("{}").send().await.expect("answered").json().await.expect("JSON");
    assert_eq!(answer["ErrorCode"], 60010);
}
