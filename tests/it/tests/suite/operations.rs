//! What operators ask: statistics, message records, addresses.

use serde_json::{Value, json};
use tsudoi_it::{ADMIN, APP, Server, random, shared, text};

/// Every field the documents name, beside `Date`.
const FIELDS: &[&str] = &[
    "AppName",
    "AppId",
    "Company",
    "ActiveUserNum",
    "RegistUserNumOneDay",
    "RegistUserNumTotal",
    "LoginTimes",
    "LoginUserNum",
    "UpMsgNum",
    "DownMsgNum",
    "SendMsgUserNum",
    "APNSMsgNum",
    "C2CUpMsgNum",
    "C2CDownMsgNum",
    "C2CSendMsgUserNum",
    "C2CAPNSMsgNum",
    "MaxOnlineNum",
    "ChainIncrease",
    "ChainDecrease",
    "GroupUpMsgNum",
    "GroupDownMsgNum",
    "GroupSendMsgUserNum",
    "GroupAPNSMsgNum",
    "GroupSendMsgGroupNum",
    "GroupJoinGroupTimes",
    "GroupQuitGroupTimes",
    "GroupNewGroupNum",
    "GroupAllGroupNum",
    "GroupDestroyGroupNum",
    "CallBackReq",
    "CallBackRsp",
];

#[tokio::test]
async fn statistics_have_every_field_as_text() {
    let server = shared().await;
    let answer = server.ok("openconfigsvr/getappinfo", json!({})).await;
    assert_eq!(answer["ErrorInfo"], "OK");
    let days = answer["Result"].as_array().expect("a list");
    assert_eq!(days.len(), 30);
    for day in days {
        let day = day.as_object().expect("an object");
        assert_eq!(day.len(), FIELDS.len() + 1);
        for field in FIELDS.iter().chain(&["Date"]) {
            assert!(day[*field].is_string(), "{field}: {}", day[*field]);
        }
        assert!(day["Date"].as_str().is_some_and(|date| date.len() == 8 && date.parse::<u32>().is_ok()));
        assert_eq!(day["AppId"], APP.to_string());
    }
    let dates: Vec<&str> = days.iter().map(|day| day["Date"].as_str().expect("text")).collect();
    assert!(dates.windows(2).all(|pair| pair[0] > pair[1]), "newest first: {dates:?}");

    let some = server
        .ok("openconfigsvr/getappinfo", json!({ "RequestField": ["ActiveUserNum", "UpMsgNum", "Nonsense"] }))
        .await;
    let day = some["Result"][0].as_object().expect("an object");
    assert_eq!(day.keys().collect::<Vec<_>>(), ["ActiveUserNum", "Date", "UpMsgNum"]);

    server.fails(130001, "openconfigsvr/getappinfo", json!({ "RequestField": "UpMsgNum" })).await;
    let broken = server.call_raw("openconfigsvr/getappinfo", b"{".to_vec()).await;
    assert_eq!(broken["ErrorCode"], 130001);
}

async fn today(server: &Server) -> Value {
    server.ok("openconfigsvr/getappinfo", json!({})).await["Result"][0].clone()
}

#[tokio::test]
async fn statistics_count_what_happened_and_outlive_the_server() {
    let mut server =
        Server::with_settings("name = \"Harbour\"\noperations = { statistics_today = true, company = \"Quay\" }\n")
            .await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let before = today(&server).await;
    assert_eq!((&before["AppName"], &before["Company"]), (&json!("Harbour"), &json!("Quay")));
    assert_eq!(before["RegistUserNumTotal"], "4", "three and the admin");
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    drop(server.login(&users[0]).await);
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    let other = server.group("Public", &users[0], &[]).await;
    let add = json!({ "GroupId": group, "MemberList": [{ "Member_Account": users[2] }] });
    server.ok("group_open_http_svc/add_group_member", add).await;
    server
        .ok("group_open_http_svc/delete_group_member", json!({ "GroupId": group, "MemberToDel_Account": [users[2]] }))
        .await;
    server.ok("group_open_http_svc/destroy_group", json!({ "GroupId": other })).await;
    let ana = {
        drop(ana);
        server.login(&users[0]).await
    };
    ana.say(&group, "one").await;
    ana.say(&group, "two").await;
    bob.hears("two").await;
    server
        .ok(
            "openim/sendmsg",
            json!({ "From_Account": users[2], "To_Account": users[1], "MsgRandom": random(),
        "MsgBody": text("mail") }),
        )
        .await;
    bob.event("C2cMsgArray", |_| true).await;

    let expected = |day: &Value| {
        for (field, number) in [
            ("ActiveUserNum", 3),
            ("RegistUserNumOneDay", 4),
            ("RegistUserNumTotal", 4),
            ("LoginTimes", 4),
            ("LoginUserNum", 2),
            ("UpMsgNum", 3),
            ("C2CUpMsgNum", 1),
            ("C2CDownMsgNum", 1),
            ("GroupUpMsgNum", 2),
            ("GroupDownMsgNum", 4),
            ("DownMsgNum", 5),
            ("SendMsgUserNum", 2),
            ("C2CSendMsgUserNum", 1),
            ("GroupSendMsgUserNum", 1),
            ("GroupSendMsgGroupNum", 1),
            ("GroupNewGroupNum", 2),
            ("GroupDestroyGroupNum", 1),
            ("GroupAllGroupNum", 1),
            ("GroupQuitGroupTimes", 1),
        ] {
            assert_eq!(day[field], number.to_string(), "{field} of {day}");
        }
        assert!(["2", "3"].contains(&day["MaxOnlineNum"].as_str().expect("text")), "{day}");
    };
    expected(&today(&server).await);
    assert!(server.stop().await);
    server.restart().await;
    expected(&today(&server).await);
    // Who was counted today is not counted again.
    let bob = server.login(&users[1]).await;
    bob.say(&group, "three").await;
    // What was told was counted before.
    bob.hears("three").await;
    let day = today(&server).await;
    assert_eq!(
        (&day["ActiveUserNum"], &day["LoginTimes"], &day["LoginUserNum"]),
        (&json!("3"), &json!("5"), &json!("2"))
    );
    assert_eq!((&day["GroupUpMsgNum"], &day["GroupSendMsgUserNum"]), (&json!("3"), &json!("2")));
}

/// What the records hold is tried with a clock that can be moved: crates/api/tests.
#[tokio::test]
async fn hours_without_a_record_have_their_codes() {
    let server = Server::with_settings("rates = { rest = { get_history = 0 } }\n").await;
    let ask = |chat: &str, hour: Value| json!({ "ChatType": chat, "MsgTime": hour });
    let hour = |back: i64| {
        let time = tsudoi_domain::Timestamp(tsudoi_it::now() - back * 3600);
        let moment = tsudoi_domain::statistics::Moment::of(time, 0);
        json!(format!("{}{:02}", moment.day_number(), moment.hour))
    };
    server.fails(1004, "open_msg_svc/get_history", ask("C2C", hour(0))).await;
    server.fails(1004, "open_msg_svc/get_history", ask("Group", hour(3))).await;
    server.fails(1004, "open_msg_svc/get_history", ask("Group", hour(-5))).await;
    server.fails(1005, "open_msg_svc/get_history", ask("Group", hour(8 * 24))).await;
    for body in [
        ask("c2c", hour(3)),
        ask("", hour(3)),
        ask("C2C", json!("2025")),
        ask("C2C", json!("2025113024")),
        ask("C2C", json!(2_025_113_009)),
        json!({ "ChatType": "C2C" }),
        json!({ "MsgTime": "2025113009" }),
    ] {
        server.fails(1002, "open_msg_svc/get_history", body).await;
    }
    for address in ["/records/1-C2C-5.gz", "/records/1-C2C-5.gz?expires=99999999999&sign=AAAA", "/records/..%2f..%2fx"]
    {
        let answer = reqwest::get(server.url(address)).await.expect("answered");
        assert!(!answer.status().is_success(), "{address}");
    }
}

#[tokio::test]
async fn addresses_are_those_of_the_server_or_of_the_settings() {
    let server = shared().await;
    assert_eq!(server.ok("ConfigSvc/GetIPList", json!({})).await["IPList"], json!(["127.0.0.1"]));
    server.fails(60009, "configsvc/getiplist", json!({})).await;
    let ask = async |kind: &str| -> Value {
        let url = format!("{}&nettype={kind}", server.rest_url("ConfigSvc/GetIPList", ADMIN));
        reqwest::Client::new().post(url).body("{}").send().await.expect("answered").json().await.expect("JSON")
    };
    for kind in ["0", "1", "6"] {
        assert_eq!(ask(kind).await["ErrorCode"], 0);
    }
    for kind in ["7", "x", "-1"] {
        assert_eq!(ask(kind).await["ErrorCode"], 60025, "{kind}");
    }
    let server = Server::with_settings("operations = { addresses = [\"192.0.2.10\", \"198.51.100.0/24\"] }\n").await;
    let listed = server.ok("ConfigSvc/GetIPList", json!({})).await;
    assert_eq!(listed["IPList"], json!(["192.0.2.10", "198.51.100.0/24"]));
}
