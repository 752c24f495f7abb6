//! Robots: accounts whose words the app's backend says. Spec: docs/spec/rest-users.md#3, docs/spec/rest-groups.md#9

use serde_json::{Value, json};
use tsudoi_it::{Server, now, random, receiver::Receiver, text, ticket, unique};

const CREATE: &str = "openim_robot_http_svc/create_robot";
const DELETE: &str = "openim_robot_http_svc/delete_robot";
const LIST: &str = "openim_robot_http_svc/get_all_robots";
const STREAM: &str = "openim_robot_http_svc/send_stream_msg";
const SEND: &str = "openim/sendmsg";
const SAY: &str = "group_open_http_svc/send_group_msg";

async fn stage() -> (Server, Receiver) {
    let receiver = Receiver::start().await;
    let server = Server::start(&[("TSUDOI_WEBHOOK_URL", &receiver.url())]).await;
    (server, receiver)
}

async fn robots(server: &Server) -> Value {
    server.ok(LIST, json!({})).await["Robot_Account"].clone()
}

fn to(from: &str, to: &str, words: &str) -> Value {
    json!({ "From_Account": from, "To_Account": to, "MsgRandom": random(), "MsgSeq": random(), "MsgBody": text(words) })
}

#[tokio::test]
async fn robots_are_created_once_listed_and_switched_off() {
    let mut server = Server::start(&[]).await;
    assert_eq!(robots(&server).await, json!([]));
    let create =
        json!({ "UserID": "@RBT#guide", "Nick": "Guide", "FaceUrl": "https://x/y", "SelfSignature": "answers" });
    server.ok(CREATE, create.clone()).await;
    server.ok(CREATE, json!({ "UserID": "@RBT#guide", "Nick": "Guido" })).await;
    assert_eq!(robots(&server).await, json!(["@RBT#guide"]));
    let tags = ["Tag_Profile_IM_Nick", "Tag_Profile_IM_Image", "Tag_Profile_IM_SelfSignature"];
    let body = json!({ "To_Account": ["@RBT#guide"], "TagList": tags });
    let profile = server.ok("profile/portrait_get", body).await;
    let items = profile["UserProfileItem"][0]["ProfileItem"].to_string();
    for value in ["Guido", "https://x/y", "answers"] {
        assert!(items.contains(value), "{items}");
    }
    // Robots do not log in.
    let client = server.connect().await;
    client.use_credentials(json!({ "identifier": "@RBT#guide", "usersig": ticket("@RBT#guide") }));
    let answer = client.call("im_open_status.wslogin", json!({ "State": "Online" })).await;
    assert_ne!(answer["ErrorCode"], 0);
    // Twenty of them.
    for n in 1..20 {
        server.ok(CREATE, json!({ "UserID": format!("@RBT#{n}") })).await;
    }
    server.fails(10008, CREATE, json!({ "UserID": "@RBT#more" })).await;
    server.ok(CREATE, create.clone()).await;
    server.ok(DELETE, json!({ "Robot_Account": "@RBT#guide" })).await;
    server.fails(10004, DELETE, json!({ "Robot_Account": "@RBT#guide" })).await;
    server.ok(CREATE, json!({ "UserID": "@RBT#more" })).await;
    server.fails(10008, CREATE, create).await;
    server.kill().await;
    server.restart().await;
    let list = robots(&server).await;
    assert_eq!(list.as_array().expect("a list").len(), 20);
    assert_eq!((&list[0], &list[19]), (&json!("@RBT#1"), &json!("@RBT#more")));
    // The account of one that was switched off stays.
    let check = json!({ "CheckItem": [{ "UserID": "@RBT#guide" }] });
    let answer = server.ok("im_open_login_svc/account_check", check).await;
    assert_eq!(answer["ResultItem"][0]["AccountStatus"], "Imported");
    server.fails(10004, CREATE, json!({ "UserID": "guide" })).await;
    server.fails(10004, CREATE, json!({ "UserID": "@RBT#" })).await;
    server.fails(10004, CREATE, json!({ "UserID": format!("@RBT#{}", "x".repeat(28)) })).await;
    server.fails(10004, CREATE, json!({ "Nick": "x" })).await;
    server.fails(10004, CREATE, json!({ "UserID": "@RBT#1", "FaceUrl": "x".repeat(501) })).await;
    server.fails(10004, CREATE, json!({ "UserID": "@RBT#1", "Nick": 7 })).await;
}

#[tokio::test]
async fn what_is_said_to_a_robot_goes_to_the_backend_once_and_never_in_circles() {
    let (server, receiver) = stage().await;
    let users = server.users(&["ana"]).await;
    for name in ["@RBT#a", "@RBT#b", "@RBT#c"] {
        server.ok(CREATE, json!({ "UserID": name })).await;
    }
    server.ok(SEND, to(&users[0], "@RBT#a", "hello")).await;
    let call = receiver.call("Bot.OnC2CMessage", |_| true).await;
    assert_eq!((&call.body["To_Account"], &call.body["From_Account"]), (&json!("@RBT#a"), &json!(users[0])));
    assert_eq!(call.body["MsgBody"], text("hello"));
    // In a group those are told that are in it and mentioned, one call for all of them.
    let group = server.group("Public", &users[0], &["@RBT#a", "@RBT#b"]).await;
    let at = |names: &[&str]| -> Value {
        names.iter().map(|name| json!({ "GroupAtAllFlag": 0, "GroupAt_Account": name })).collect()
    };
    let say = |from: &str, words: &str, mentions: Value| json!({ "GroupId": group, "From_Account": from, "Random": random(), "MsgBody": text(words), "GroupAtInfo": mentions });
    server.ok(SAY, say(&users[0], "both of you", at(&["@RBT#a", "@RBT#b", "@RBT#c"]))).await;
    let call = receiver.call("Bot.OnGroupMessage", |_| true).await;
    assert_eq!(call.body["AtRobots_Account"], json!(["@RBT#a", "@RBT#b"]));
    assert_eq!(call.body["AtRobotAccount"], call.body["AtRobots_Account"]);
    // Nobody hears of everybody, of what robots say, or of robots that were switched off.
    server.ok(DELETE, json!({ "Robot_Account": "@RBT#b" })).await;
    server.ok(SAY, say(&users[0], "everybody", json!([{ "GroupAtAllFlag": 1 }]))).await;
    server.ok(SAY, say("@RBT#a", "robot to robot", at(&["@RBT#a"]))).await;
    server.ok(SAY, say(&users[0], "off", at(&["@RBT#b"]))).await;
    server.ok(SEND, to("@RBT#a", "@RBT#c", "robot to robot")).await;
    server.ok(SEND, to(&users[0], "@RBT#b", "off")).await;
    server.ok(SAY, say(&users[0], "last", at(&["@RBT#a"]))).await;
    server.ok(SEND, to(&users[0], "@RBT#a", "last")).await;
    receiver.call("Bot.OnGroupMessage", |body| body["MsgBody"] == text("last")).await;
    receiver.call("Bot.OnC2CMessage", |body| body["MsgBody"] == text("last")).await;
    assert_eq!(receiver.calls_of("Bot.OnGroupMessage").len(), 2);
    assert_eq!(receiver.calls_of("Bot.OnC2CMessage").len(), 2);
}

#[tokio::test]
async fn an_answer_in_pieces_grows_under_the_readers_eyes() {
    let server = Server::start(&[]).await;
    let users = server.users(&["ana"]).await;
    server.ok(CREATE, json!({ "UserID": "@RBT#guide" })).await;
    let ana = server.login(&users[0]).await;
    let piece = |words: &str, key: &str, finish: u32| json!({ "From_Account": "@RBT#guide", "To_Account": users[0], "Chunk": words, "MsgKey": key, "Finish": finish });
    let first = server.ok(STREAM, piece("The hall ", "", 0)).await;
    let key = first["MsgKey"].as_str().expect("a key").to_owned();
    assert_eq!(key.split('_').count(), 3);
    let heard = ana.event("C2cMsgArray", |item| item["From_Account"] == "@RBT#guide").await;
    assert_eq!(heard["MsgBody"][0]["MsgContent"]["Text"], "The hall ");
    assert_eq!(server.ok(STREAM, piece("opens ", &key, 0)).await["MsgKey"], key);
    ana.event("C2cMsgModNotifys", |item| item["MsgBody"][0]["MsgContent"]["Text"] == "The hall opens ").await;
    server.ok(STREAM, piece("at nine.", &key, 1)).await;
    let whole = ana.event("C2cMsgModNotifys", |item| item["MsgBody"] == text("The hall opens at nine.")).await;
    assert_eq!(whole["MsgVersion"], 2);
    server.fails(10004, STREAM, piece("more", &key, 0)).await;
    server.fails(10004, STREAM, piece("more", "1_2_3", 0)).await;
    server.fails(10004, STREAM, piece("more", "junk", 0)).await;
    // History has the whole answer, once.
    let body = json!({ "Operator_Account": users[0], "Peer_Account": "@RBT#guide", "MaxCnt": 10, "MinTime": 0, "MaxTime": now() + 9 });
    let history = server.ok("openim/admin_getroammsg", body).await;
    assert_eq!(history["MsgCnt"], 1);
    assert_eq!(history["MsgList"][0]["MsgBody"], text("The hall opens at nine."));
    // An ordinary message is no stream.
    let sent = server.ok(SEND, to("@RBT#guide", &users[0], "plain")).await;
    server.fails(10004, STREAM, piece("more", sent["MsgKey"].as_str().expect("a key"), 0)).await;
    let from = |from: &str| json!({ "From_Account": from, "To_Account": users[0], "Chunk": "x" });
    server.fails(10004, STREAM, from(&users[0])).await;
    server.fails(10004, STREAM, from("@RBT#nobody")).await;
    let to_nobody = json!({ "From_Account": "@RBT#guide", "To_Account": unique("nobody"), "Chunk": "x" });
    server.fails(10004, STREAM, to_nobody).await;
    server.fails(80002, STREAM, piece(&"x".repeat(13_000), "", 0)).await;
    server.ok(DELETE, json!({ "Robot_Account": "@RBT#guide" })).await;
    server.fails(10004, STREAM, piece("deaf", "", 0)).await;
}
