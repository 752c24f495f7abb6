//! Topics of communities and the messages in them (docs/spec/rest-groups.md#7, docs/spec/websocket-protocol.md#16).

use serde_json::{Value, json};
use tsudoi_it::{
    ADMIN, Client, Server, now, random,
    receiver::{Reaction, Receiver},
    shared, text, unique,
};

const CREATE: &str = "million_group_open_http_svc/create_topic";
const GET: &str = "million_group_open_http_svc/get_topic";
const MODIFY: &str = "million_group_open_http_svc/modify_topic";
const DESTROY: &str = "million_group_open_http_svc/destroy_topic";
const IMPORT: &str = "group_open_http_svc/import_topic";
const SEND: &str = "group_open_http_svc/send_group_msg";
const SIMPLE: &str = "group_open_http_svc/group_msg_get_simple";
const MUTE: &str = "group_open_http_svc/forbid_send_msg";

/// A community with topics, its owner and a member, both here.
struct Town {
    id: String,
    ana: String,
    bob: String,
    owner: Client,
    member: Client,
}

async fn town(server: &Server) -> Town {
    let users = server.users(&["ana", "bob"]).await;
    let id = community(server, &users[0], &[&users[1]]).await;
    let owner = server.login(&users[0]).await;
    let member = server.login(&users[1]).await;
    Town { id, ana: users[0].clone(), bob: users[1].clone(), owner, member }
}

async fn community(server: &Server, owner: &str, members: &[&str]) -> String {
    let list: Vec<Value> = members.iter().map(|member| json!({ "Member_Account": member })).collect();
    let body =
        json!({ "Type": "Community", "Name": "Town", "SupportTopic": 1, "Owner_Account": owner, "MemberList": list });
    server.ok("group_open_http_svc/create_group", body).await["GroupId"].as_str().expect("an id").to_owned()
}

/// `base` with the members of `more` put over its own.
fn with(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}

impl Town {
    async fn topic(&self, server: &Server, name: &str) -> String {
        let body = json!({ "GroupId": self.id, "TopicName": name });
        server.ok(CREATE, body).await["TopicId"].as_str().expect("an id").to_owned()
    }

    fn message(&self, topic: &str, words: &str) -> Value {
        json!({ "GroupId": self.id, "TopicId": topic, "Random": random(), "MsgBody": text(words) })
    }

    /// What a backend reads of a topic and of what a member has there.
    async fn seen_by(&self, server: &Server, topic: &str, user: &str) -> Value {
        let body = json!({ "GroupId": self.id, "From_Account": user, "TopicIdList": [topic] });
        server.ok(GET, body).await["TopicAndSelfInfo"][0].clone()
    }

    /// How many messages a member has not read, as clients count.
    async fn unread(&self, client: &Client, topic: &str) -> i64 {
        let body = json!({ "GroupId": self.id, "TopicIdList": [topic] });
        let item = &client.ok("million_group_open_http_svc.get_topic", body).await["TopicAndSelfInfo"][0];
        let number = |value: &Value| value.as_i64().expect("a number");
        let uncounted = item["SelfInfo"]["NoUnreadSeqList"].as_array().expect("a list").len();
        number(&item["TopicInfo"]["NextMsgSeq"])
            - number(&item["SelfInfo"]["MsgSeq"])
            - 1
            - i64::try_from(uncounted).expect("few")
    }
}

async fn says(client: &Client, town: &Town, topic: &str, words: &str) -> u64 {
    let body = with(town.message(topic, words), json!({ "ClientSeq": random(), "MsgClientTime": now() }));
    client.ok("million_group_open_http_svc.send_group_msg", body).await["MsgSeq"].as_u64().expect("a number")
}

#[tokio::test]
async fn a_topic_is_created_described_changed_and_ended_by_a_backend() {
    let server = shared().await;
    let town = town(server).await;
    let id = format!("{}@TOPIC#_news", town.id);
    let body = json!({ "GroupId": town.id, "TopicId": id, "TopicName": "News", "From_Account": town.ana, "CustomString": "c",
        "FaceUrl": "https://files.example.test/n.png", "Notification": "be kind", "Introduction": "what happened" });
    assert_eq!(server.ok(CREATE, body).await["TopicId"], id.as_str());
    let told = town.member.notice(&town.id, 17).await;
    assert_eq!((&told["GroupInfo"]["TopicId"], &told["GroupInfo"]["MillionGroupFlag"]), (&json!(id), &json!(2)));
    assert_eq!(told["MsgBody"]["Operator_Account"], town.ana.as_str());

    let item = town.seen_by(server, &id, &town.bob).await;
    assert_eq!(item["ErrorCode"], 0);
    let info = &item["TopicInfo"];
    let created = info["CreateTime"].as_i64().expect("a number");
    assert!((now() - created).abs() < 60);
    let expected = json!({ "TopicId": id, "GroupID": town.id, "TopicName": "News", "FaceUrl": "https://files.example.test/n.png",
        "Introduction": "what happened", "Notification": "be kind", "CustomString": "c", "CreateTime": created, "LastMsgTime": 0,
        "NextMsgSeq": 1, "MuteAllMember": "Off", "ShutUpAllFlag": 0 });
    assert_eq!(*info, expected);
    let own = json!({ "MsgSeq": 0, "MsgFlag": "AcceptAndNotify", "ShutUpTime": 0, "MuteTime": 0 });
    assert_eq!(item["SelfInfo"], own);

    // Only what was asked for, and what names it.
    let filter =
        json!({ "GroupId": town.id, "From_Account": town.bob, "TopicIdList": [id], "ResponseFilter": ["TopicName"] });
    let filtered = server.ok(GET, filter).await;
    assert_eq!(filtered["ErrorInfo"], "ok");
    let expected = json!({ "TopicId": id, "GroupID": town.id, "TopicName": "News" });
    assert_eq!(filtered["TopicAndSelfInfo"][0]["TopicInfo"], expected);

    let change = json!({ "GroupId": town.id, "TopicId": id, "TopicName": "Old news", "MuteAllMember": "On", "Introduction": "" });
    server.ok(MODIFY, change.clone()).await;
    let tip = town.member.tip(&town.id, 8).await;
    assert_eq!(tip["GroupInfo"]["TopicId"], id.as_str());
    let news = json!({ "TopicName": "Old news", "TopicIntroduction": "", "ShutupAll": 1 });
    assert_eq!(tip["MsgBody"]["MsgTopicNewInfo"], news);
    let info = &town.seen_by(server, &id, &town.bob).await["TopicInfo"];
    assert_eq!((&info["TopicName"], &info["MuteAllMember"]), (&json!("Old news"), &json!("On")));
    // What stays as it is is no news.
    server.ok(MODIFY, change).await;

    let other = town.topic(server, "Art").await;
    town.member.notice(&town.id, 17).await;
    let unknown = format!("{}@TOPIC#_none", town.id);
    let body = json!({ "GroupId": town.id, "TopicIdList": [id, unknown, id, "no topic"] });
    let results = server.ok(DESTROY, body).await["DestroyResultItem"].clone();
    let codes: Vec<_> = results.as_array().expect("a list").iter().map(|item| item["ErrorCode"].as_u64()).collect();
    assert_eq!(codes, [0, 110_003, 110_003, 110_013].map(Some));
    assert_eq!(results[0], json!({ "ErrorCode": 0, "ErrorInfo": "ok", "TopicId": id }));
    assert_eq!(town.member.notice(&town.id, 18).await["MsgBody"]["TopicIdArray"], json!([id]));
    let all = server.ok(GET, json!({ "GroupId": town.id, "From_Account": town.bob })).await["TopicAndSelfInfo"].clone();
    assert_eq!(all.as_array().map(Vec::len), Some(1));
    assert_eq!(all[0]["TopicInfo"]["TopicId"], other.as_str());
    let gone = town.seen_by(server, &id, &town.bob).await;
    assert_eq!((&gone["ErrorCode"], &gone["TopicInfo"]["TopicId"]), (&json!(110_003), &json!(id)));
    assert!(gone.get("SelfInfo").is_none());
    for event in town.member.events().await {
        assert_ne!(event["GroupTips"][0]["MsgBody"]["OpType"], 8, "nothing more was changed");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_topic_is_named() {
    let server = shared().await;
    let town = town(server).await;
    let public = server.group("Public", &town.ana, &[]).await;
    let plain = json!({ "Type": "Community", "Name": "Plain", "Owner_Account": town.ana });
    let plain = server.ok("group_open_http_svc/create_group", plain).await["GroupId"].clone();
    let create = |more: Value| with(json!({ "GroupId": town.id, "TopicName": "News" }), more);
    let id = |part: &str| format!("{}@TOPIC#_{part}", town.id);
    for (code, more) in [
        (10004, json!({ "TopicName": null })),
        (10004, json!({ "TopicName": "" })),
        (10004, json!({ "TopicName": "x".repeat(31) })),
        (10004, json!({ "Introduction": "x".repeat(241) })),
        (10004, json!({ "Notification": "x".repeat(301) })),
        (10004, json!({ "FaceUrl": "x".repeat(101) })),
        (10004, json!({ "CustomString": "x".repeat(3001) })),
        (10004, json!({ "CustomString": 7 })),
        (110_013, json!({ "TopicId": "news" })),
        (110_013, json!({ "TopicId": 7 })),
        (110_013, json!({ "TopicId": "@TGS#_other@TOPIC#_news" })),
        (110_013, json!({ "TopicId": id("@TOPIC#cNEWS") })),
        (110_013, json!({ "TopicId": id(&"x".repeat(49)) })),
        (110_013, json!({ "TopicId": id("日") })),
        (10015, json!({ "GroupId": "" })),
        (10010, json!({ "GroupId": "@TGS#_nowhere" })),
        (10007, json!({ "GroupId": public })),
        (11000, json!({ "GroupId": plain })),
        (10019, json!({ "From_Account": unique("nobody") })),
    ] {
        server.fails(code, CREATE, create(more)).await;
    }
    let longest = json!({ "TopicName": "x".repeat(30), "TopicId": id(&"x".repeat(40)), "Introduction": "x".repeat(240),
        "Notification": "x".repeat(300), "FaceUrl": "x".repeat(100), "CustomString": "x".repeat(3000) });
    server.ok(CREATE, create(longest.clone())).await;
    server.fails(10025, CREATE, create(longest.clone())).await;
    server.fails(10021, IMPORT, create(longest)).await;
    server.fails(10004, IMPORT, create(json!({ "CreateTime": now() + 1000 }))).await;
    server.fails(10004, IMPORT, create(json!({ "Type": "Public" }))).await;

    server.fails(10004, GET, json!({ "GroupId": town.id })).await;
    server.fails(10019, GET, json!({ "GroupId": town.id, "From_Account": unique("nobody") })).await;
    let many: Vec<String> = (0..201).map(|at| id(&at.to_string())).collect();
    server.fails(10004, GET, json!({ "GroupId": town.id, "From_Account": town.ana, "TopicIdList": many })).await;
    server.fails(10004, DESTROY, json!({ "GroupId": town.id, "TopicIdList": [] })).await;
    server.fails(10004, DESTROY, json!({ "GroupId": town.id })).await;
    let modify = |more: Value| with(json!({ "GroupId": town.id, "TopicId": id(&"x".repeat(40)) }), more);
    for (code, more) in [
        (10010, json!({ "TopicId": id("none") })),
        (110_013, json!({ "TopicId": "none" })),
        (110_013, json!({ "TopicId": "@TGS#_other@TOPIC#_news" })),
        (10004, json!({ "TopicName": "" })),
        (10004, json!({ "MuteAllMember": "on" })),
        (10004, json!({ "CustomString": "x".repeat(3001) })),
    ] {
        server.fails(code, MODIFY, modify(more)).await;
    }
    server.ok(MODIFY, modify(json!({}))).await;
    // An id in which a topic's begins would be taken for one.
    let confusing = json!({ "Type": "Community", "Name": "Town", "GroupId": "@TGS#_a@TOPIC#_b" });
    server.fails(10015, "group_open_http_svc/create_group", confusing).await;
}

#[tokio::test]
async fn a_community_has_so_many_topics() {
    let server = Server::with_settings("limits.overrides.topic.per_group = 2").await;
    let users = server.users(&["ana"]).await;
    let id = community(&server, &users[0], &[]).await;
    for name in ["One", "Two"] {
        server.ok(CREATE, json!({ "GroupId": id, "TopicName": name })).await;
    }
    server.fails(10037, CREATE, json!({ "GroupId": id, "TopicName": "Three" })).await;
    server.fails(10037, IMPORT, json!({ "GroupId": id, "TopicName": "Three" })).await;
}

#[tokio::test]
async fn owner_and_admins_manage_topics_members_do_not() {
    let server = shared().await;
    let town = town(server).await;
    let create = json!({ "GroupId": town.id, "TopicName": "Mine" });
    let topic = town.owner.ok("million_group_open_http_svc.create_topic", create.clone()).await["TopicId"].clone();
    let change = json!({ "GroupId": town.id, "TopicId": topic, "TopicName": "Ours", "ShutUpAllMember": "Off" });
    let end = json!({ "GroupId": town.id, "TopicIdList": [topic] });
    town.member.fails(10007, "million_group_open_http_svc.create_topic", create.clone()).await;
    town.member.fails(10007, "million_group_open_http_svc.modify_topic", change.clone()).await;
    town.member.fails(10007, "million_group_open_http_svc.destroy_topic", end.clone()).await;
    let eve = server.login(&unique("eve")).await;
    eve.fails(10007, "million_group_open_http_svc.create_topic", create.clone()).await;
    eve.fails(10007, "million_group_open_http_svc.get_topic", json!({ "GroupId": town.id })).await;
    let promote = json!({ "GroupId": town.id, "Member_Account": town.bob, "Role": "Admin" });
    server.ok("group_open_http_svc/modify_group_member_info", promote).await;
    town.member.ok("million_group_open_http_svc.create_topic", create).await;
    town.member.ok("million_group_open_http_svc.modify_topic", change).await;
    assert_eq!(
        town.member.ok("million_group_open_http_svc.destroy_topic", end).await["DestroyResultItem"][0]["ErrorCode"],
        0
    );
}

#[tokio::test]
async fn each_topic_has_messages_numbers_and_readers_of_its_own() {
    // What other tests delete is not to come between.
    let server = &Server::start(&[]).await;
    let town = town(server).await;
    let (news, art) = (town.topic(server, "News").await, town.topic(server, "Art").await);
    for (n, topic) in [(1, &news), (2, &news), (1, &art)] {
        let words = unique("words");
        assert_eq!(says(&town.owner, &town, topic, &words).await, n);
        let item = town.member.hears(&words).await;
        assert_eq!((&item["MsgSeq"], &item["GroupInfo"]["TopicId"]), (&json!(n), &json!(topic)));
        assert_eq!((&item["ToGroupId"], &item["GroupInfo"]["MillionGroupFlag"]), (&json!(town.id), &json!(2)));
    }
    // Nothing is said in the community itself, and nothing in a topic that is not there.
    for (code, topic) in
        [(10004, json!("")), (10010, json!(format!("{}@TOPIC#_none", town.id))), (110_013, json!("@TGS#_x@TOPIC#_y"))]
    {
        let body = with(town.message("", "no"), json!({ "TopicId": topic }));
        server.fails(code, SEND, body.clone()).await;
        town.member.fails(code, "million_group_open_http_svc.send_group_msg", body).await;
    }
    // Speaking reads what was said before; reading is told to the own devices.
    assert_eq!((town.unread(&town.member, &news).await, town.unread(&town.owner, &news).await), (2, 0));
    let other = server.login(&town.bob).await;
    let report = json!({ "GroupId": town.id, "TopicId": news, "MsgReadedSeq": 1 });
    town.member.ok("million_group_open_http_svc.msg_read_report", report).await;
    let told = other.event("GroupTips", |item| item["MsgBody"]["GroupReadInfoArray"].is_array()).await;
    let read = json!({ "GroupId": town.id, "TopicId": news, "LastReadMsgSeq": 1 });
    assert_eq!(told["MsgBody"]["GroupReadInfoArray"][0], read);
    assert_eq!(town.unread(&other, &news).await, 1);
    says(&other, &town, &news, "I am here").await;
    assert_eq!((town.unread(&other, &news).await, town.unread(&other, &art).await), (0, 1));
    let set = json!({ "GroupId": town.id, "TopicId": news, "Member_Account": town.bob, "UnreadMsgNum": 2 });
    server.ok("group_open_http_svc/set_unread_msg_num", set).await;
    assert_eq!(town.unread(&other, &news).await, 2);
    let silent = with(town.message(&news, "psst"), json!({ "SendMsgControl": ["NoUnread"] }));
    server.ok(SEND, silent).await;
    assert_eq!(town.unread(&other, &news).await, 2, "some messages do not count");
    // A member's newest message is known in the community.
    let body = json!({ "GroupId": town.id, "Member_List_Account": [town.bob] });
    let member = server.ok("group_open_http_svc/get_specified_group_member_info", body).await;
    assert_ne!(member["MemberList"][0]["LastSendMsgTime"], 0);
}

#[tokio::test]
async fn history_of_a_topic_is_read_recalled_edited_and_cleaned() {
    // What other tests delete is not to come between.
    let server = &Server::start(&[]).await;
    let town = town(server).await;
    let (news, art) = (town.topic(server, "News").await, town.topic(server, "Art").await);
    for n in 1..=3 {
        says(&town.owner, &town, &news, &format!("words {n}")).await;
    }
    says(&town.owner, &town, &art, "elsewhere").await;
    let page = json!({ "GroupId": town.id, "TopicId": news, "ReqMsgNumber": 2 });
    let history = town.member.ok("million_group_open_http_svc.group_msg_get", page.clone()).await;
    let numbers = |answer: &Value| -> Vec<u64> {
        answer["RspMsgList"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|item| item["MsgSeq"].as_u64().expect("a number"))
            .collect()
    };
    assert_eq!((numbers(&history), &history["NextReqMsgSeq"]), (vec![3, 2], &json!(1)));
    assert_eq!(history["RspMsgList"][0]["GroupInfo"]["TopicId"], news.as_str());
    let simple = server.ok(SIMPLE, page.clone()).await;
    assert_eq!((numbers(&simple), &simple["RspMsgList"][0]["TopicId"]), (vec![3, 2], &json!(news)));
    for call in [SIMPLE, "group_open_http_svc/delete_group_msg_by_sender", "group_open_http_svc/group_msg_recall"] {
        let body = json!({ "GroupId": town.id, "ReqMsgNumber": 2, "Sender_Account": town.ana, "MsgSeqList": [{ "MsgSeq": 1 }] });
        server.fails(10004, call, body.clone()).await;
        server.fails(10010, call, with(body, json!({ "TopicId": format!("{}@TOPIC#_none", town.id) }))).await;
    }

    let edit = json!({ "GroupId": town.id, "TopicId": news, "MsgSeq": 2, "MsgBody": text("better words") });
    server.ok("openim/modify_group_msg", edit).await;
    let told = town.member.event("GroupMsgModNotifys", |_| true).await;
    assert_eq!((&told["TopicId"], &told["MsgSeq"], &told["MsgVersion"]), (&json!(news), &json!(2), &json!(1)));
    let recall = json!({ "GroupId": town.id, "TopicId": news, "MsgSeqList": [{ "MsgSeq": 3 }, { "MsgSeq": 9 }] });
    let others = json!({ "GroupId": town.id, "TopicId": art, "MsgSeqList": [{ "MsgSeq": 1 }] });
    let refused = town.member.ok("million_group_open_http_svc.group_msg_recall", others).await;
    assert_eq!(refused["RecallRetList"], json!([{ "MsgSeq": 1, "RetCode": 10007 }]));
    let results = server.ok("group_open_http_svc/group_msg_recall", recall).await["RecallRetList"].clone();
    assert_eq!(results, json!([{ "MsgSeq": 3, "RetCode": 0 }, { "MsgSeq": 9, "RetCode": 10030 }]));
    let told = town.member.event("GroupTips", |item| item["MsgBody"]["GroupWithdrawInfoArray"].is_array()).await;
    assert_eq!(told["MsgBody"]["GroupWithdrawInfoArray"][0]["TopicId"], news.as_str());
    let asked = json!({ "NotifyReqList": [{ "NotifyType": 1, "GroupId": town.id, "TopicId": news }, { "NotifyType": 1, "GroupId": town.id, "TopicId": art }] });
    let notify =
        town.member.ok("million_group_open_http_svc.batch_get_group_notify", asked).await["NotifyRspList"].clone();
    assert_eq!(notify[0]["NotifyMsgList"][0]["MsgSeq"], 3);
    assert_eq!(notify[1]["NotifyMsgList"], json!([]));

    let by = json!({ "GroupId": town.id, "TopicId": news, "Sender_Account": town.ana });
    server.ok("group_open_http_svc/delete_group_msg_by_sender", by).await;
    let simple = server.ok(SIMPLE, with(page, json!({ "ReqMsgNumber": 3 }))).await;
    let places: Vec<_> =
        simple["RspMsgList"].as_array().expect("a list").iter().map(|item| item["IsPlaceMsg"].as_u64()).collect();
    assert_eq!(places, [2, 2, 2].map(Some));
    let elsewhere = server.ok(SIMPLE, json!({ "GroupId": town.id, "TopicId": art, "ReqMsgNumber": 3 })).await;
    assert_eq!(elsewhere["RspMsgList"][0]["IsPlaceMsg"], 0);
    server.fails(10007, "group_open_http_svc/clear_group_msg", json!({ "GroupId": town.id })).await;
}

#[tokio::test]
async fn the_list_of_topics_shows_their_last_message() {
    // What other tests delete is not to come between.
    let server = &Server::start(&[]).await;
    let town = town(server).await;
    let news = town.topic(server, "News").await;
    let last = async || {
        let body = json!({ "GroupId": town.id, "TopicIdList": [] });
        town.member.ok("million_group_open_http_svc.get_topic", body).await["TopicAndSelfInfo"][0]["TopicInfo"]["LastMsg"].clone()
    };
    assert_eq!(last().await, Value::Null);
    says(&town.owner, &town, &news, "the newest").await;
    let shown = last().await;
    assert_eq!((&shown["LastMsgSeq"], &shown["MsgBody"]), (&json!(1), &text("the newest")));
    server.ok(SEND, with(town.message(&news, "behind the scenes"), json!({ "SendMsgControl": ["NoLastMsg"] }))).await;
    assert_eq!(last().await["LastMsgSeq"], 1);
    let recall = json!({ "GroupId": town.id, "TopicId": news, "MsgSeqList": [{ "MsgSeq": 1 }] });
    server.ok("group_open_http_svc/group_msg_recall", recall).await;
    assert_eq!(last().await["IsPlaceMsg"], 2);
}

#[tokio::test]
async fn mutes_hold_where_they_were_said() {
    let server = shared().await;
    let town = town(server).await;
    let (news, art) = (town.topic(server, "News").await, town.topic(server, "Art").await);
    let speaks = |topic: &str| town.message(topic, "me?");
    let mute = |more: Value| with(json!({ "GroupId": town.id, "Members_Account": [town.bob], "MuteTime": 600 }), more);
    server.ok(MUTE, mute(json!({ "TopicId": news }))).await;
    let tip = town.member.tip(&town.id, 7).await;
    assert_eq!(
        (&tip["GroupInfo"]["TopicId"], &tip["MsgBody"]["MsgMemberInfo"][0]["ShutupTime"]),
        (&json!(news), &json!(600))
    );
    town.member.fails(10017, "million_group_open_http_svc.send_group_msg", speaks(&news)).await;
    server.fails(10017, SEND, with(speaks(&news), json!({ "From_Account": town.bob }))).await;
    says(&town.member, &town, &art, "here I may").await;
    let left = town.seen_by(server, &news, &town.bob).await["SelfInfo"]["MuteTime"].as_i64().expect("a number");
    assert!((500..=600).contains(&left), "{left}");
    let muted = async |more: Value| {
        let body = with(json!({ "GroupId": town.id }), more);
        server.ok("group_open_http_svc/get_group_muted_account", body).await["MutedAccountList"]
            .as_array()
            .map_or(0, Vec::len)
    };
    assert_eq!(
        (muted(json!({ "TopicId": news })).await, muted(json!({ "TopicId": art })).await, muted(json!({})).await),
        (1, 0, 0)
    );
    server.ok(MUTE, mute(json!({ "TopicId": news, "MuteTime": 0 }))).await;
    says(&town.member, &town, &news, "again").await;
    // In the whole community.
    server.ok(MUTE, mute(json!({}))).await;
    for topic in [&news, &art] {
        town.member.fails(10017, "million_group_open_http_svc.send_group_msg", speaks(topic)).await;
    }
    server.ok(MUTE, mute(json!({ "MuteTime": 0 }))).await;
    // By a leader, of one member or of all.
    let one = json!({ "GroupId": town.id, "TopicId": art, "Member_Account": town.bob, "ShutUpTime": 60 });
    town.owner.ok("million_group_open_http_svc.modify_group_member_info", one.clone()).await;
    town.member.fails(10017, "million_group_open_http_svc.send_group_msg", speaks(&art)).await;
    town.owner.ok("million_group_open_http_svc.modify_group_member_info", with(one, json!({ "ShutUpTime": 0 }))).await;
    let all = json!({ "GroupId": town.id, "TopicId": art, "ShutUpAllMember": "On" });
    town.owner.ok("million_group_open_http_svc.modify_topic", all).await;
    town.member.fails(10017, "million_group_open_http_svc.send_group_msg", speaks(&art)).await;
    says(&town.owner, &town, &art, "the owner speaks").await;
    server.ok(SEND, speaks(&art)).await;
    says(&town.member, &town, &news, "and here everybody").await;
    for (code, topic) in [(10010, format!("{}@TOPIC#_none", town.id)), (110_013, "@TGS#_x@TOPIC#_y".to_owned())] {
        server.fails(code, MUTE, mute(json!({ "TopicId": topic }))).await;
        server
            .fails(code, "group_open_http_svc/get_group_muted_account", json!({ "GroupId": town.id, "TopicId": topic }))
            .await;
    }
}

#[tokio::test]
async fn members_choose_which_topics_they_hear() {
    let server = shared().await;
    let town = town(server).await;
    let (news, art) = (town.topic(server, "News").await, town.topic(server, "Art").await);
    let choose = |more: Value| with(json!({ "GroupId": town.id, "Member_Account": town.bob }), more);
    const CHOOSE: &str = "million_group_open_http_svc.modify_group_member_info";
    town.member.ok(CHOOSE, choose(json!({ "TopicId": news, "MsgFlag": "Discard" }))).await;
    let told = town.member.notice(&town.id, 20).await;
    assert_eq!((&told["GroupInfo"]["TopicId"], &told["MsgBody"]["MsgFlag"]), (&json!(news), &json!("Discard")));
    assert_eq!(town.seen_by(server, &news, &town.bob).await["SelfInfo"]["MsgFlag"], "Discard");
    assert_eq!(town.seen_by(server, &art, &town.bob).await["SelfInfo"]["MsgFlag"], "AcceptAndNotify");
    // Others are heard; also after coming back.
    let hears_art_only = async |member: &Client| {
        let (unheard, heard) = (unique("unheard"), unique("heard"));
        says(&town.owner, &town, &news, &unheard).await;
        says(&town.owner, &town, &art, &heard).await;
        member.hears(&heard).await;
        assert!(member.events().await.iter().all(|event| !event.to_string().contains(&unheard)));
    };
    hears_art_only(&town.member).await;
    let member = server.login(&town.bob).await;
    hears_art_only(&member).await;
    // A choice for one topic goes before the one for the community.
    member.ok(CHOOSE, choose(json!({ "MsgFlag": "Discard" }))).await;
    member.ok(CHOOSE, choose(json!({ "TopicId": news, "MsgFlag": "AcceptNotNotify" }))).await;
    assert_eq!(town.seen_by(server, &art, &town.bob).await["SelfInfo"]["MsgFlag"], "Discard");
    let (heard, unheard) = (unique("heard"), unique("unheard"));
    says(&town.owner, &town, &art, &unheard).await;
    says(&town.owner, &town, &news, &heard).await;
    member.hears(&heard).await;
    assert!(member.events().await.iter().all(|event| !event.to_string().contains(&unheard)));
    // Others do not choose for one; a backend does.
    let refused = choose(json!({ "TopicId": news, "MsgFlag": "Discard" }));
    town.owner.fails(10007, CHOOSE, refused.clone()).await;
    server.ok("group_open_http_svc/modify_group_member_info", refused).await;
    let body = choose(json!({ "TopicId": news, "NameCard": "Bob" }));
    server.fails(10004, "group_open_http_svc/modify_group_member_info", body).await;
}

#[tokio::test]
async fn mentions_name_their_topic() {
    let server = shared().await;
    let town = town(server).await;
    let news = town.topic(server, "News").await;
    let mention = |at: Value| with(town.message(&news, "look"), json!({ "GroupAtInfo": [at] }));
    let bob = json!({ "GroupAtAllFlag": 0, "GroupAt_Account": town.bob });
    town.owner.ok("million_group_open_http_svc.send_group_msg", mention(bob)).await;
    let told = town.member.event("GroupTips", |item| item["GroupAtTips"].is_object()).await;
    let expected =
        json!({ "From_Account": town.ana, "GroupId": town.id, "TopicId": news, "GroupAtType": [1], "MsgSeq": 1 });
    assert_eq!(told["GroupAtTips"], expected);
    server.fails(10007, SEND, mention(json!({ "GroupAtAllFlag": 1 }))).await;
}

#[tokio::test]
async fn newcomers_have_read_what_was_said_before_and_nothing_since() {
    // What other tests delete is not to come between.
    let server = &Server::start(&[]).await;
    let town = town(server).await;
    let news = town.topic(server, "News").await;
    for n in 0..3 {
        says(&town.owner, &town, &news, &n.to_string()).await;
    }
    let cid = server.users(&["cid"]).await.remove(0);
    let add = json!({ "GroupId": town.id, "MemberList": [{ "Member_Account": cid }] });
    server.ok("group_open_http_svc/add_group_member", add).await;
    let newcomer = server.login(&cid).await;
    assert_eq!(town.unread(&newcomer, &news).await, 0);
    says(&town.owner, &town, &news, "welcome").await;
    assert_eq!(town.unread(&newcomer, &news).await, 1);
    let page = json!({ "GroupId": town.id, "TopicId": news, "ReqMsgNumber": 20 });
    let history = newcomer.ok("million_group_open_http_svc.group_msg_get", page).await;
    assert_eq!(history["RspMsgList"].as_array().map(Vec::len), Some(4), "communities show what was said before");
}

#[tokio::test]
async fn topics_and_their_messages_are_imported() {
    let server = shared().await;
    let town = town(server).await;
    let import =
        json!({ "GroupId": town.id, "TopicName": "Archive", "CreateTime": 1_600_000_000, "Type": "Community" });
    let topic = server.ok(IMPORT, import.clone()).await["TopicId"].as_str().expect("an id").to_owned();
    assert!(topic.starts_with(&format!("{}@TOPIC#_@TOPIC#c", town.id)), "{topic}");
    server.ok("million_group_open_http_svc/import_topic", import).await;
    assert_eq!(town.seen_by(server, &topic, &town.bob).await["TopicInfo"]["CreateTime"], 1_600_000_000);
    let message =
        |time: i64| json!({ "From_Account": town.ana, "SendTime": time, "Random": random(), "MsgBody": text("old") });
    let list = [message(1_600_000_000), message(1_600_000_100), message(1_600_000_200), message(1_600_000_150)];
    let body = json!({ "GroupId": town.id, "TopicId": topic, "MsgList": list });
    let results = server.ok("group_open_http_svc/import_group_msg", body).await["ImportMsgResult"].clone();
    let codes: Vec<_> = results
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| (item["MsgSeq"].as_u64(), item["Result"].as_u64()))
        .collect();
    assert_eq!(codes, [(0, 10004), (1, 0), (2, 0), (0, 10004)].map(|(seq, code)| (Some(seq), Some(code))));
    let item = town.seen_by(server, &topic, &town.bob).await;
    assert_eq!((&item["SelfInfo"]["MsgSeq"], &item["TopicInfo"]["NextMsgSeq"]), (&json!(2), &json!(3)), "all is read");
    assert_eq!(item["TopicInfo"]["LastMsgTime"], 1_600_000_200);
    server
        .fails(
            10004,
            "group_open_http_svc/import_group_msg",
            json!({ "GroupId": town.id, "MsgList": [message(1_700_000_000)] }),
        )
        .await;
    for event in town.member.events().await {
        assert!(event["GroupTips"][0]["MsgBody"]["ReportType"] != 17, "nobody is told of imports");
    }
}

#[tokio::test]
async fn a_notification_names_its_topic() {
    let server = shared().await;
    let town = town(server).await;
    let news = town.topic(server, "News").await;
    let body = json!({ "GroupId": town.id, "TopicId": news, "Content": "round 2" });
    server.ok("group_open_http_svc/send_group_system_notification", body.clone()).await;
    let told = town.member.notice(&town.id, 255).await;
    assert_eq!(
        (&told["GroupInfo"]["TopicId"], &told["MsgBody"]["UserDefinedField"]),
        (&json!(news), &json!("round 2"))
    );
    let gone = with(body, json!({ "TopicId": format!("{}@TOPIC#_none", town.id) }));
    server.fails(10010, "group_open_http_svc/send_group_system_notification", gone).await;
}

#[tokio::test]
async fn a_topic_that_ends_takes_everything_along() {
    // What other tests delete is not to come between.
    let server = &Server::start(&[]).await;
    let town = town(server).await;
    let id = format!("{}@TOPIC#_news", town.id);
    let create = json!({ "GroupId": town.id, "TopicId": id, "TopicName": "News" });
    server.ok(CREATE, create.clone()).await;
    says(&town.member, &town, &id, "remember me").await;
    server.ok(MUTE, json!({ "GroupId": town.id, "TopicId": id, "Members_Account": [town.bob], "MuteTime": 600 })).await;
    server.ok(DESTROY, json!({ "GroupId": town.id, "TopicIdList": [id] })).await;
    let page = json!({ "GroupId": town.id, "TopicId": id, "ReqMsgNumber": 5 });
    town.member.fails(10010, "million_group_open_http_svc.group_msg_get", page.clone()).await;
    town.member.fails(10010, "million_group_open_http_svc.send_group_msg", town.message(&id, "hello?")).await;
    town.member
        .fails(10010, "million_group_open_http_svc.msg_read_report", with(page.clone(), json!({ "MsgReadedSeq": 1 })))
        .await;
    // A successor begins anew.
    server.ok(CREATE, create).await;
    assert_eq!(server.ok(SIMPLE, page).await["RspMsgList"], json!([]));
    assert_eq!(says(&town.member, &town, &id, "a new day").await, 1);
    server.ok("group_open_http_svc/destroy_group", json!({ "GroupId": town.id })).await;
    server.fails(10010, GET, json!({ "GroupId": town.id, "From_Account": town.ana })).await;
}

#[tokio::test]
async fn topics_outlive_the_server() {
    let mut server = Server::start(&[]).await;
    let users = server.users(&["ana", "bob"]).await;
    let id = community(&server, &users[0], &[&users[1]]).await;
    let topic =
        server.ok(CREATE, json!({ "GroupId": id, "TopicName": "News", "CustomString": "c" })).await["TopicId"].clone();
    let message = |words: &str| json!({ "GroupId": id, "TopicId": topic, "Random": random(), "MsgBody": text(words) });
    for n in 0..3 {
        server.ok(SEND, message(&n.to_string())).await;
    }
    server
        .ok(
            "group_open_http_svc/set_unread_msg_num",
            json!({ "GroupId": id, "TopicId": topic, "Member_Account": users[1], "UnreadMsgNum": 1 }),
        )
        .await;
    server.ok(MUTE, json!({ "GroupId": id, "TopicId": topic, "Members_Account": [users[1]], "MuteTime": 600 })).await;
    let flag = json!({ "GroupId": id, "TopicId": topic, "Member_Account": users[1], "MsgFlag": "AcceptNotNotify" });
    server.ok("group_open_http_svc/modify_group_member_info", flag).await;
    server.kill().await;
    server.restart().await;
    let item = server.ok(GET, json!({ "GroupId": id, "From_Account": users[1] })).await["TopicAndSelfInfo"][0].clone();
    assert_eq!((&item["TopicInfo"]["CustomString"], &item["TopicInfo"]["NextMsgSeq"]), (&json!("c"), &json!(4)));
    assert_eq!((&item["SelfInfo"]["MsgSeq"], &item["SelfInfo"]["MsgFlag"]), (&json!(2), &json!("AcceptNotNotify")));
    assert!(item["SelfInfo"]["MuteTime"].as_i64().is_some_and(|left| left > 0));
    server.fails(10017, SEND, with(message("no"), json!({ "From_Account": users[1] }))).await;
    assert_eq!(server.ok(SEND, message("four")).await["MsgSeq"], 4);
}

/// Numbers of each topic are contiguous from 1 and everybody sees one order, whoever sends through which door.
#[tokio::test]
async fn numbers_stay_contiguous_under_concurrent_senders() {
    let settings = "rates.group_messages_per_second = 100000\nrates.group_member_messages_per_second = 100000";
    let server = Server::with_settings(settings).await;
    let town = town(&server).await;
    let topics = [town.topic(&server, "One").await, town.topic(&server, "Two").await];
    const EACH: usize = 20;
    let (server, town_) = (&server, &town);
    let over_rest = async |topic: &str, n: usize| {
        let body = with(town_.message(topic, &format!("rest {n}")), json!({ "From_Account": town_.ana }));
        server.ok(SEND, body).await["MsgSeq"].as_u64().expect("a number")
    };
    type Send<'a> = std::pin::Pin<Box<dyn Future<Output = (usize, u64)> + 'a>>;
    let mut sends: Vec<Send<'_>> = Vec::new();
    for n in 0..EACH {
        for (at, topic) in topics.iter().enumerate() {
            sends.push(Box::pin(async move { (at, over_rest(topic, n).await) }));
            sends.push(Box::pin(async move { (at, says(&town_.member, town_, topic, &format!("socket {n}")).await) }));
        }
    }
    let given = futures_util::future::join_all(sends).await;
    for (at, topic) in topics.iter().enumerate() {
        let mut numbers: Vec<u64> = given.iter().filter(|(of, _)| *of == at).map(|(_, seq)| *seq).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=2 * EACH as u64).collect::<Vec<_>>(), "{topic}");
        let mut heard = Vec::new();
        while heard.len() < 2 * EACH {
            let item = town.owner.event("GroupMsgArray", |item| item["GroupInfo"]["TopicId"] == topic.as_str()).await;
            heard.push(item["MsgSeq"].as_u64().expect("a number"));
        }
        assert_eq!(heard, numbers, "pushed in order");
    }
}

#[tokio::test]
async fn communities_are_listed_by_their_own_service_on_both_doors() {
    let server = shared().await;
    let town = town(server).await;
    server.group("Public", &town.bob, &[]).await;
    let plain = json!({ "Type": "Community", "Name": "Plain", "Owner_Account": town.bob });
    let plain = server.ok("group_open_http_svc/create_group", plain).await["GroupId"].clone();
    let ids = |answer: &Value| -> Vec<Value> {
        answer["GroupIdList"].as_array().expect("a list").iter().map(|item| item["GroupId"].clone()).collect()
    };
    let body = |more: Value| with(json!({ "Member_Account": town.bob, "Limit": 50, "Offset": 0 }), more);
    const LIST: &str = "million_group_open_http_svc/get_joined_group_list";
    assert_eq!(ids(&server.ok(LIST, body(json!({}))).await), [json!(town.id), plain.clone()]);
    let with_topics = body(json!({ "SupportTopic": 1 }));
    assert_eq!(ids(&server.ok(LIST, with_topics.clone()).await), [json!(town.id)]);
    let own = town.member.ok("million_group_open_http_svc.get_joined_group_list", with_topics).await;
    assert_eq!((ids(&own), &own["GroupIdList"][0]["SupportTopic"]), (vec![json!(town.id)], &json!(1)));
    assert_eq!(ids(&server.ok(LIST, body(json!({ "SupportTopic": 0 }))).await), [plain]);
}

#[tokio::test]
async fn members_of_communities_are_paged_by_cursor() {
    let server = shared().await;
    let owner = server.users(&["ana"]).await.remove(0);
    let users: Vec<String> = (0..25).map(|_| unique("crowd")).collect();
    server.ok("im_open_login_svc/multiaccount_import", json!({ "Accounts": users })).await;
    let members: Vec<&str> = users.iter().map(String::as_str).collect();
    let id = community(server, &owner, &members).await;
    for call in ["group_open_http_svc/get_group_member_info", "million_group_open_http_svc/get_group_member_info"] {
        let (mut next, mut seen) = (json!(""), Vec::new());
        loop {
            let page = server.ok(call, json!({ "GroupId": id, "Limit": 10, "Next": next })).await;
            assert_eq!(page["MemberNum"], 26);
            let list = page["MemberList"].as_array().expect("a list");
            assert!(!list.is_empty() && list.len() <= 10);
            seen.extend(list.iter().map(|member| member["Member_Account"].as_str().expect("an id").to_owned()));
            next = page["Next"].clone();
            if next == "" {
                break;
            }
        }
        assert_eq!(seen[0], owner);
        seen.sort();
        let mut all = [users.clone(), vec![owner.clone()]].concat();
        all.sort();
        assert_eq!(seen, all, "everybody once");
    }
    server
        .fails(10004, "group_open_http_svc/get_group_member_info", json!({ "GroupId": id, "Limit": 10, "Next": "x" }))
        .await;
}

#[tokio::test]
async fn a_community_without_topics_is_a_large_group() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let group = server.group("Community", &users[0], &[&users[1]]).await;
    let bob = server.login(&users[1]).await;
    let sent = server
        .ok(SEND, json!({ "GroupId": group, "From_Account": users[0], "Random": random(), "MsgBody": text("hello") }))
        .await;
    let item = bob.hears("hello").await;
    assert_eq!((&item["MsgSeq"], &item["GroupInfo"]["MillionGroupFlag"]), (&sent["MsgSeq"], &json!(1)));
    assert!(item["GroupInfo"].get("TopicId").is_none());
    let topic =
        json!({ "GroupId": group, "TopicId": format!("{group}@TOPIC#_x"), "Random": random(), "MsgBody": text("no") });
    server.fails(11000, SEND, topic).await;
}

#[tokio::test]
async fn topics_that_are_switched_off_answer_so() {
    let server = Server::with_settings("features.topic = false").await;
    let users = server.users(&["ana"]).await;
    let body = json!({ "Type": "Community", "Name": "Town", "SupportTopic": 1, "Owner_Account": users[0] });
    server.fails(11000, "group_open_http_svc/create_group", body).await;
    let group = server.group("Community", &users[0], &[]).await;
    server.fails(11000, CREATE, json!({ "GroupId": group, "TopicName": "News" })).await;
    server.fails(11000, GET, json!({ "GroupId": group, "From_Account": users[0] })).await;
}

#[tokio::test]
async fn the_backend_is_asked_about_and_told_of_topics() {
    let receiver = Receiver::start().await;
    let server = Server::start(&[("TSUDOI_WEBHOOK_URL", &receiver.url())]).await;
    let town = town(&server).await;
    let topic = town.topic(&server, "News").await;
    let mut asked = receiver.call("Group.CallbackBeforeCreateTopic", |_| true).await.body.clone();
    assert!(asked["EventTime"].take().is_number());
    let expected = json!({ "CallbackCommand": "Group.CallbackBeforeCreateTopic", "GroupId": town.id, "Operator_Account": ADMIN,
        "Type": "Community", "Name": "News", "EventTime": null });
    assert_eq!(asked, expected);
    let mut told = receiver.call("Group.CallbackAfterCreateTopic", |_| true).await.body.clone();
    told["EventTime"].take();
    let expected = json!({ "CallbackCommand": "Group.CallbackAfterCreateTopic", "GroupId": town.id, "TopicId": topic,
        "Operator_Account": ADMIN, "Owner_Account": town.ana, "Type": "Community", "Name": "News", "EventTime": null });
    assert_eq!(told, expected);

    let change = json!({ "GroupId": town.id, "TopicId": topic, "Notification": "Quiet", "MuteAllMember": "On" });
    town.owner.ok("million_group_open_http_svc.modify_topic", change).await;
    let mut told = receiver.call("Group.CallbackAfterTopicInfoChanged", |_| true).await.body.clone();
    told["EventTime"].take();
    let expected = json!({ "CallbackCommand": "Group.CallbackAfterTopicInfoChanged", "GroupId": town.id, "TopicId": topic,
        "Type": "Community", "Operator_Account": town.ana, "Notification": "Quiet", "EventTime": null });
    assert_eq!(told, expected);
    // A mute is no profile.
    let change = json!({ "GroupId": town.id, "TopicId": topic, "MuteAllMember": "Off" });
    server.ok(MODIFY, change).await;

    server.ok(DESTROY, json!({ "GroupId": town.id, "TopicIdList": [topic, topic] })).await;
    let mut told = receiver.call("Group.CallbackAfterTopicDestroyed", |_| true).await.body.clone();
    told["EventTime"].take();
    let expected = json!({ "CallbackCommand": "Group.CallbackAfterTopicDestroyed", "GroupId": town.id, "Type": "Community",
        "Operator_Account": ADMIN, "TopicIdList": [topic], "EventTime": null });
    assert_eq!(told, expected);
    assert_eq!(receiver.calls_until(1, "Group.CallbackAfterTopicInfoChanged", |_| true).await.len(), 1);

    // What the backend refuses is not done; what the rules refuse is not asked about; imports are nobody's business.
    receiver.react("Group.CallbackBeforeCreateTopic", Reaction::verdict(1, ""));
    server.fails(10016, CREATE, json!({ "GroupId": town.id, "TopicName": "No" })).await;
    receiver.react("Group.CallbackBeforeCreateTopic", Reaction::verdict(10101, "level too low"));
    let create = json!({ "GroupId": town.id, "TopicName": "No" });
    assert_eq!(
        town.owner.fails(10101, "million_group_open_http_svc.create_topic", create.clone()).await["ErrorInfo"],
        "level too low"
    );
    town.member.fails(10007, "million_group_open_http_svc.create_topic", create.clone()).await;
    server.ok(IMPORT, create).await;
    let all = server.ok(GET, json!({ "GroupId": town.id, "From_Account": town.ana })).await;
    assert_eq!(all["TopicAndSelfInfo"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn notices_of_a_community_that_holds_topics_say_so() {
    let server = shared().await;
    let town = town(server).await;
    let content = json!({ "GroupId": town.id, "Content": "to all" });
    server.ok("group_open_http_svc/send_group_system_notification", content).await;
    let kick = json!({ "GroupId": town.id, "MemberToDel_Account": [town.bob] });
    server.ok("group_open_http_svc/delete_group_member", kick).await;
    for kind in [255, 4] {
        let notice = town.member.notice(&town.id, kind).await;
        assert_eq!(notice["GroupInfo"]["MillionGroupFlag"], 2, "{notice}");
    }
    // Without topics it is an ordinary community.
    let plain = server.group("Community", &town.ana, &[]).await;
    let content = json!({ "GroupId": plain, "Content": "to all" });
    server.ok("group_open_http_svc/send_group_system_notification", content).await;
    let notice = town.owner.notice(&plain, 255).await;
    assert_eq!(notice["GroupInfo"]["MillionGroupFlag"], 1, "{notice}");
}
