//! Unwanted words: the lists, what becomes of texts that hold one, and questions about a text.

use serde_json::{Value, json};
use tsudoi_it::{Server, now, random, text, unique};

const AUDIT: &str = "im_msg_audit_mgr";

async fn add_library_word(server: &Server, library: &str, word: &str, label: &str) {
    let body = json!({ "LibID": library, "UserKeywords": [{ "Content": word, "Label": label }] });
    server.ok(&format!("{AUDIT}/add_cloud_audit_keywords"), body).await;
}

fn group_message(group: &str, words: &str) -> Value {
    json!({ "GroupId": group, "Random": random(), "MsgBody": text(words) })
}

fn direct_message(to: &str, words: &str) -> Value {
    json!({ "To_Account": to, "MsgRandom": random(), "MsgSeq": random(), "MsgBody": text(words), "MsgClientTime": now() })
}

async fn history(server: &Server, group: &str) -> Vec<Value> {
    let answer =
        server.ok("group_open_http_svc/group_msg_get_simple", json!({ "GroupId": group, "ReqMsgNumber": 20 })).await;
    answer["RspMsgList"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn dirty_words_bind_clients_and_nobody_else() {
    let mut server = Server::start(&[]).await;
    let users = server.users(&["ana", "bob"]).await;
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    assert_eq!(server.ok("openim_dirty_words/get", json!({})).await["DirtyWordsList"], json!([]));
    ana.say(&group, "quackpill before").await;

    server.ok("openim_dirty_words/add", json!({ "DirtyWordsList": ["quackpill", "freecoinz", "鴨薬"] })).await;
    server.ok("openim_dirty_words/add", json!({ "DirtyWordsList": ["quackpill"] })).await;
    let listed = server.ok("openim_dirty_words/get", json!({})).await;
    assert_eq!(listed["DirtyWordsList"], json!(["quackpill", "freecoinz", "鴨薬"]), "each once, in order");
    for words in ["buy QuackPill now", "xfreecoinzx", "安い鴨薬です"] {
        ana.fails(80001, "group_open_http_svc.send_group_msg", group_message(&group, words)).await;
        ana.fails(80001, "openim.sendmsg", direct_message(&users[1], words)).await;
    }
    ana.ok("openim.sendmsg", direct_message(&users[1], "quack pill")).await;
    // Backends may say anything.
    server
        .ok(
            "openim/sendmsg",
            json!({ "From_Account": users[0], "To_Account": users[1], "MsgRandom": random(),
        "MsgBody": text("quackpill by mail") }),
        )
        .await;
    let mut said = group_message(&group, "quackpill by megaphone");
    said["From_Account"] = users[0].clone().into();
    server.ok("group_open_http_svc/send_group_msg", said).await;
    bob.hears("quackpill by megaphone").await;
    assert_eq!(history(&server, &group).await.len(), 2, "what was refused is not there");

    // The list outlives the server, and words go at once.
    assert!(server.stop().await);
    server.restart().await;
    let ana = server.login(&users[0]).await;
    ana.fails(80001, "group_open_http_svc.send_group_msg", group_message(&group, "quackpill")).await;
    server.ok("openim_dirty_words/delete", json!({ "DirtyWordsList": ["quackpill", "never there"] })).await;
    ana.say(&group, "quackpill after").await;
    ana.fails(80001, "group_open_http_svc.send_group_msg", group_message(&group, "freecoinz")).await;
}

#[tokio::test]
async fn the_list_of_dirty_words_has_its_limits_and_takes_get() {
    let server = Server::start(&[]).await;
    let words = |from: usize, number: usize| (from..from + number).map(|at| format!("w{at:05}")).collect::<Vec<_>>();
    for body in [
        json!({}),
        json!({ "DirtyWordsList": "a" }),
        json!({ "DirtyWordsList": [] }),
        json!({ "DirtyWordsList": ["a", 7] }),
        json!({ "DirtyWordsList": [""] }),
        json!({ "DirtyWordsList": ["x".repeat(201)] }),
        json!({ "DirtyWordsList": words(0, 51) }),
    ] {
        server.fails(10004, "openim_dirty_words/add", body.clone()).await;
        server.fails(10004, "openim_dirty_words/delete", body).await;
    }
    server.ok("openim_dirty_words/add", json!({ "DirtyWordsList": ["x".repeat(200)] })).await;
    server.ok("openim_dirty_words/delete", json!({ "DirtyWordsList": ["x".repeat(200)] })).await;
    for at in 0..100 {
        server.ok("openim_dirty_words/add", json!({ "DirtyWordsList": words(at * 50, 50) })).await;
    }
    server.fails(10004, "openim_dirty_words/add", json!({ "DirtyWordsList": ["one more"] })).await;
    server.ok("openim_dirty_words/add", json!({ "DirtyWordsList": ["w00000"] })).await;
    let url = server.rest_url("openim_dirty_words/get", "administrator");
    let answer: Value = reqwest::get(url).await.expect("answered").json().await.expect("JSON");
    assert_eq!(answer["ErrorCode"], 0, "{answer}");
    assert_eq!(answer["DirtyWordsList"].as_array().map(Vec::len), Some(5000));
}

#[tokio::test]
async fn libraries_refuse_mask_drop_and_mark() {
    let server = Server::start(&[]).await;
    let users = server.users(&["ana", "bob"]).await;
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    let libraries =
        server.ok(&format!("{AUDIT}/get_cloud_audit_keywords_ids"), json!({ "Offset": 0, "Limit": 10 })).await;
    assert_eq!(libraries["TotalCount"], 4);
    assert_eq!(libraries["Infos"][0]["Suggestion"], "Block", "{libraries}");
    add_library_word(&server, "1", "badger", "Abuse").await;
    add_library_word(&server, "2", "ferret", "Ad").await;
    add_library_word(&server, "3", "weasel", "Abuse").await;
    add_library_word(&server, "4", "stoat", "Ad").await;

    // Refused, on both doors.
    ana.fails(80001, "group_open_http_svc.send_group_msg", group_message(&group, "a badger")).await;
    server.fails(80001, "group_open_http_svc/send_group_msg", group_message(&group, "a badger")).await;
    server
        .fails(
            80001,
            "openim/batchsendmsg",
            json!({ "To_Account": [users[1]], "MsgRandom": random(),
        "MsgBody": text("a badger") }),
        )
        .await;
    // Masked.
    ana.say(&group, "a Weasel!").await;
    bob.hears("a ******!").await;
    let sent = ana.ok("openim.sendmsg", direct_message(&users[1], "weasel again")).await;
    assert!(sent["MsgKey"].is_string(), "{sent}");
    let got = bob.event("C2cMsgArray", |_| true).await;
    assert_eq!(got["MsgBody"][0]["MsgContent"]["Text"], "****** again");
    // Dropped: the sender is told success, nobody hears it, no number is used up.
    let before = ana.say(&group, "one").await;
    let dropped = ana.ok("group_open_http_svc.send_group_msg", group_message(&group, "a stoat")).await;
    assert_eq!(dropped["MsgSeq"], before + 1);
    let after = ana.say(&group, "two").await;
    assert_eq!(after, before + 1);
    let dropped = ana.ok("openim.sendmsg", direct_message(&users[1], "a stoat")).await;
    assert!(dropped["MsgTime"].is_number(), "{dropped}");
    ana.ok("openim.sendmsg", direct_message(&users[1], "three")).await;
    bob.hears("two").await;
    bob.event("C2cMsgArray", |item| item["MsgBody"][0]["MsgContent"]["Text"] == "three").await;
    assert!(!bob.events().await.iter().any(|event| event.to_string().contains("stoat")));
    // Marked for review only.
    ana.say(&group, "a ferret").await;
    let said: Vec<String> =
        history(&server, &group).await.iter().map(|message| message["MsgBody"].to_string()).collect();
    assert_eq!(said.len(), 4, "{said:?}");
    // An edit is looked at as well.
    ana.fails(
        80001,
        "openim.modify_group_msg",
        json!({ "GroupId": group, "MsgSeq": before, "MsgBody": text("badger") }),
    )
    .await;

    // Profiles of groups, members and users.
    ana.fails(80001, "group_open_http_svc.modify_group_base_info", json!({ "GroupId": group, "Name": "badgers" }))
        .await;
    ana.fails(
        80001,
        "group_open_http_svc.modify_group_member_info",
        json!({ "GroupId": group, "Member_Account": users[0], "NameCard": "badger" }),
    )
    .await;
    ana.fails(
        80001,
        "profile.portrait_set",
        json!({ "From_Account": users[0], "ProfileItem": [{ "Tag": "Tag_Profile_IM_Nick", "Value": "badger" }] }),
    )
    .await;
    ana.ok("group_open_http_svc.modify_group_base_info", json!({ "GroupId": group, "Name": "weasels" })).await;
    let info = server.ok("group_open_http_svc/get_group_info", json!({ "GroupIdList": [group] })).await;
    assert_eq!(info["GroupInfo"][0]["Name"], "******s");
    server.fails(80001, "group_open_http_svc/create_group", json!({ "Type": "Public", "Name": "badger" })).await;

    // The lists are searched, and words go.
    let list = |library: &str, search: &str| json!({ "LibID": library, "Offset": 0, "Limit": 10, "Content": search });
    let found = server.ok(&format!("{AUDIT}/get_cloud_audit_keywords"), list("1", "adge")).await;
    assert_eq!((&found["TotalCount"], &found["Infos"][0]["Content"]), (&json!(1), &json!("badger")), "{found}");
    let found = server.ok(&format!("{AUDIT}/get_cloud_audit_keywords"), list("1", "weasel")).await;
    assert_eq!(found["TotalCount"], 0);
    let gone = server
        .ok(&format!("{AUDIT}/delete_cloud_audit_keywords"), json!({ "LibID": 1, "Keywords": ["badger", "nothing"] }))
        .await;
    assert_eq!(gone["Count"], 1);
    assert_eq!((&gone["Details"][0]["Deleted"], &gone["Details"][1]["Deleted"]), (&json!(true), &json!(false)));
    ana.say(&group, "a badger").await;
}

#[tokio::test]
async fn local_words_are_kept_for_clients_and_looked_for_again() {
    let server = Server::start(&[]).await;
    let users = server.users(&["ana", "bob"]).await;
    let group = server.group("Meeting", &users[0], &[&users[1]]).await;
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    let add = format!("{AUDIT}/add_local_audit_keywords");
    let get = format!("{AUDIT}/get_local_audit_keywords");
    let delete = format!("{AUDIT}/delete_local_audit_keywords");
    let word = |text: &str, word_type: u32, filter_type: u32, with: &str| json!({ "Keyword": text, "WordType": word_type, "FilterType": filter_type, "ReplacedContent": with });
    server
        .ok(
            &add,
            json!({ "SdkAppId": tsudoi_it::APP, "LocalAuditWords": [
        word("otter", 1, 1, "[animal]"), word("lynx", 1, 2, ""), word(r"\d{11}", 2, 1, "") ] }),
        )
        .await;
    ana.say(&group, "an otter, call 13800138000").await;
    bob.hears("an [animal], call ***********").await;
    ana.fails(80001, "group_open_http_svc.send_group_msg", group_message(&group, "a lynx")).await;
    server.ok("group_open_http_svc/send_group_msg", group_message(&group, "a lynx")).await;

    let all = server.ok(&get, json!({ "Offset": 0, "Limit": 100 })).await;
    assert_eq!([&all["TotalCount"], &all["TotalRegCount"], &all["CurCount"], &all["CurRegCount"]], [3, 1, 3, 1]);
    assert_eq!(all["LocalAuditWords"][0]["ReplacedContent"], "[animal]");
    let some = server.ok(&get, json!({ "FilterType": 1, "Offset": 1, "Limit": 1 })).await;
    assert_eq!([&some["TotalCount"], &some["CurCount"]], [3, 2]);
    assert_eq!(
        some["LocalAuditWords"],
        json!([{ "Id": all["LocalAuditWords"][2]["Id"], "Keyword": r"\d{11}", "WordType": 2,
        "FilterType": 1, "ReplacedContent": "", "UpdateTime": all["LocalAuditWords"][2]["UpdateTime"] }])
    );
    let found = server.ok(&get, json!({ "Keyword": "yn" })).await;
    assert_eq!([&found["TotalCount"], &found["CurCount"]], [3, 1]);

    let fetched = ana
        .call(
            "im_msg_audit_mgr.get_local_words",
            json!({ "uint64_version": 0, "str_device_id": "", "uint64_start_index": 0 }),
        )
        .await;
    assert_eq!(fetched["msg_cmd_error_code"]["uint32_code"], 0, "{fetched}");
    assert_eq!(fetched["rpt_msg_dirty_word"].as_array().map(Vec::len), Some(3));
    assert_eq!(fetched["rpt_msg_dirty_word"][1]["str_dirty_word"], "lynx");
    assert_eq!(fetched["uint64_complete_flag"], 1);

    server
        .ok(
            &delete,
            json!({ "LocalAuditWords": [{ "Keyword": "lynx", "WordType": 1 }, { "Keyword": "none", "WordType": 2 }] }),
        )
        .await;
    ana.say(&group, "a lynx").await;

    for (code, command, body) in [
        (2016, &add, json!({ "LocalAuditWords": vec![word("w", 1, 1, ""); 11] })),
        (2003, &add, json!({ "LocalAuditWords": [] })),
        (2003, &add, json!({})),
        (2003, &add, json!({ "LocalAuditWords": [word("", 1, 1, "")] })),
        (2003, &add, json!({ "LocalAuditWords": [word("w", 3, 1, "")] })),
        (2003, &add, json!({ "LocalAuditWords": [word("w", 1, 0, "")] })),
        (2003, &add, json!({ "LocalAuditWords": [word("(", 2, 1, "")] })),
        (2003, &add, json!({ "LocalAuditWords": [{ "Keyword": 7, "WordType": 1, "FilterType": 1 }] })),
        (2003, &add, json!({ "SdkAppId": 5, "LocalAuditWords": [word("w", 1, 1, "")] })),
        (2003, &get, json!({ "Limit": 101 })),
        (2003, &get, json!({ "FilterType": 3 })),
        (2016, &delete, json!({ "LocalAuditWords": vec![json!({ "Keyword": "w", "WordType": 1 }); 11] })),
    ] {
        server.fails(code, command, body).await;
    }
    server.fails(2002, "im_msg_audit_mgr/no_such_command", json!({})).await;
    server.fails(2003, &format!("{AUDIT}/get_cloud_audit_keywords"), json!({ "LibID": "9" })).await;
}

#[tokio::test]
async fn a_text_is_judged_without_being_sent() {
    let server = Server::start(&[]).await;
    add_library_word(&server, "1", "quack pills", "Ad").await;
    add_library_word(&server, "2", "maybe", "").await;
    let ask = |words: &str| json!({ "AuditName": "C2C", "ContentType": "Text", "Content": words });
    let judged = server.ok("im_msg_audit/content_moderation", ask("buy Quack Pills")).await;
    assert_eq!(
        (&judged["Result"], &judged["Label"], &judged["Keywords"]),
        (&json!("Block"), &json!("Ad"), &json!(["quack pills"]))
    );
    assert!(judged["Score"].as_u64().is_some_and(|score| score > 0 && score <= 100) && judged["RequestId"].is_string());
    let judged = server.ok("im_msg_audit/content_moderation", ask("maybe")).await;
    assert_eq!(judged["Result"], "Review");
    let judged = server.ok("im_msg_audit/content_moderation", ask("fine")).await;
    assert_eq!((&judged["Result"], &judged["Label"], &judged["Score"]), (&json!("Pass"), &json!("Normal"), &json!(0)));
    server.ok("im_msg_audit/content_moderation", ask(&"x".repeat(8192))).await;
    server.fails(93000, "im_msg_audit/content_moderation", ask(&"x".repeat(8193))).await;
    for body in [
        json!({ "ContentType": "Text", "Content": "x" }),
        json!({ "AuditName": "", "ContentType": "Text", "Content": "x" }),
        json!({ "AuditName": "C2C", "ContentType": "Smell", "Content": "x" }),
        json!({ "AuditName": "C2C", "ContentType": "Text", "Content": 7 }),
    ] {
        server.fails(10004, "im_msg_audit/content_moderation", body).await;
    }
    let content = |id: u64, kind: &str, words: &str| json!({ "ContentId": id, "ContentType": kind, "Content": words });
    let batch = |contents: Vec<Value>| json!({ "AuditName": "Group", "Contents": contents });
    let judged = server
        .ok(
            "im_msg_audit/batch_content_moderation",
            batch(vec![
                content(1, "Text", "quack pills"),
                content(2, "Image", "http://a.test/x.png"),
                content(3, "Text", "ok"),
            ]),
        )
        .await;
    let results: Vec<&Value> =
        judged["AuditResults"].as_array().expect("a list").iter().map(|one| &one["Result"]).collect();
    assert_eq!(results, ["Block", "Pass", "Pass"]);
    assert_eq!(judged["AuditResults"][0]["ContentId"], 1);
    for (code, contents) in [
        (93005, vec![content(1, "Audio", "x")]),
        (93007, vec![content(1, "Text", "x"), content(1, "Text", "y")]),
        (93008, (0..11).map(|id| content(id, "Text", "x")).collect()),
        (10004, vec![]),
    ] {
        server.fails(code, "im_msg_audit/batch_content_moderation", batch(contents)).await;
    }
}

#[tokio::test]
async fn words_come_from_settings_and_files_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("words.txt");
    std::fs::write(&file, "# animals\n\nheron\n").expect("written");
    let server = Server::with_settings(&format!(
        "[apps.settings.moderation]\nrefused_words = [\"Egret\"]\nmasked_words = [\"stork\"]\ndropped_words = [\"ibis\"]\n\
         word_files = [{{ path = {:?}, treatment = \"refuse\", label = \"Ad\" }}]\n",
        file.display().to_string()
    ))
    .await;
    let users = server.users(&["ana"]).await;
    let group = server.group("Public", &users[0], &[]).await;
    let ana = server.login(&users[0]).await;
    for words in ["an egret", "a heron"] {
        ana.fails(80001, "group_open_http_svc.send_group_msg", group_message(&group, words)).await;
    }
    ana.say(&group, "a stork").await;
    ana.ok("group_open_http_svc.send_group_msg", group_message(&group, "an ibis")).await;
    assert_eq!(history(&server, &group).await[0]["MsgBody"][0]["MsgContent"]["Text"], "a *****");
    // A changed file is read again.
    let word = unique("crane");
    std::fs::write(&file, &word).expect("written");
    let changed = tokio::time::timeout(2 * tsudoi_it::PATIENCE, async {
        loop {
            let answer = ana.call("group_open_http_svc.send_group_msg", group_message(&group, &word)).await;
            if answer["ErrorCode"] == 80001 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    });
    changed.await.expect("the file is read again");
    ana.say(&group, "a heron").await;
}

#[tokio::test]
async fn what_is_switched_off_says_so() {
    let server = Server::with_settings(
        "features = { moderation = false }\n[apps.settings.moderation]\nrefused_words = [\"egret\"]\n",
    )
    .await;
    let users = server.users(&["ana"]).await;
    let group = server.group("Public", &users[0], &[]).await;
    let ana = server.login(&users[0]).await;
    ana.say(&group, "an egret").await;
    server
        .fails(
            60020,
            "im_msg_audit/content_moderation",
            json!({ "AuditName": "C2C", "ContentType": "Text", "Content": "x" }),
        )
        .await;
    server.fails(2015, &format!("{AUDIT}/get_local_audit_keywords"), json!({})).await;
    server.fails(10007, "openim_dirty_words/get", json!({})).await;
}

#[tokio::test]
async fn the_backend_is_told_what_was_stopped() {
    let receiver = tsudoi_it::receiver::Receiver::start().await;
    let server = Server::with_settings(&format!(
        "[apps.settings.moderation]\nrefused_words = [\"egret\"]\nmasked_words = [\"stork\"]\n\
         [apps.settings.webhook]\nurl = \"{}\"\nall = true\n",
        receiver.url()
    ))
    .await;
    let users = server.users(&["ana", "bob"]).await;
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    let ana = server.login(&users[0]).await;
    ana.fails(80001, "group_open_http_svc.send_group_msg", group_message(&group, "an egret")).await;
    let told = receiver.call("ContentCallback.ResultNotify", |body| body["Scene"] == "Group").await;
    assert_eq!((told.param("ClientIP"), told.param("OptPlatform")), (None, None));
    for (field, value) in [
        ("SdkAppId", json!(tsudoi_it::APP)),
        ("From_Account", json!(users[0])),
        ("ContactItem", json!({ "ContactType": 2, "ToGroupId": group })),
        ("ContentType", json!("Text")),
        ("TextContent", json!(["an egret"])),
        ("CtxcbResult", json!(1)),
        ("CtxcbKeywords", json!(["egret"])),
        ("CtxcbSuggestion", json!("Block")),
    ] {
        assert_eq!(told.body[field], value, "{field} of {}", told.raw);
    }
    // What is stopped here was never asked about, and is told as an exception.
    let exception = receiver.call("Group.CallbackSendMsgException", |_| true).await;
    assert!(exception.body.to_string().contains("80001"), "{}", exception.raw);
    assert!(receiver.calls_of("Group.CallbackBeforeSendMsg").is_empty());
    ana.ok("openim.sendmsg", direct_message(&users[1], "a stork")).await;
    let told = receiver.call("ContentCallback.ResultNotify", |body| body["Scene"] == "C2C").await;
    assert_eq!((&told.body["CtxcbResult"], &told.body["CtxcbSuggestion"]), (&json!(0), &json!("Review")));
    let asked = receiver.call("C2C.CallbackBeforeSendMsg", |_| true).await;
    assert_eq!(asked.body["MsgBody"], text("a *****"), "the backend is asked about what would be sent");
}

#[tokio::test]
async fn the_backend_is_warned_of_its_rate() {
    let receiver = tsudoi_it::receiver::Receiver::start().await;
    let server = Server::with_settings(&format!(
        "rates = {{ rest = {{ account_check = 2 }} }}\n[apps.settings.webhook]\nurl = \"{}\"\nall = true\n",
        receiver.url()
    ))
    .await;
    let body = json!({ "CheckItem": [{ "UserID": "x" }] });
    // However slow the machine: sooner or later so many come within a second.
    let alarm = async {
        loop {
            futures_util::future::join_all((0..60).map(|_| server.call("im_open_login_svc/account_check", &body)))
                .await;
            if let Some(alarm) = receiver.calls_of("Alert.RequestOverLimit").pop() {
                return alarm;
            }
        }
    };
    let alarm = tokio::time::timeout(3 * tsudoi_it::PATIENCE, alarm).await.expect("an alarm");
    assert_eq!(
        (&alarm.body["ServiceName"], &alarm.body["Command"]),
        (&json!("im_open_login_svc"), &json!("account_check"))
    );
    assert_eq!((&alarm.body["Request"], &alarm.body["Limit"]), (&json!(2), &json!(2)));
    assert_eq!((alarm.param("ClientIP"), alarm.param("OptPlatform")), (None, Some("RESTAPI")));
}

#[tokio::test]
async fn what_is_written_about_friends_topics_and_official_accounts_is_looked_at() {
    let server = Server::start(&[]).await;
    let users = server.users(&["ana", "bob", "cid", "dan"]).await;
    let ana = server.login(&users[0]).await;
    add_library_word(&server, "1", "badger", "Abuse").await;
    add_library_word(&server, "3", "weasel", "Abuse").await;

    // Friends: each entry has its own code, the others are done.
    let entry = |user: &str, remark: &str, wording: &str| json!({ "To_Account": user, "Remark": remark, "AddWording": wording });
    let items = [entry(&users[1], "a badger", ""), entry(&users[2], "", "hi badger"), entry(&users[3], "a weasel", "")];
    let body = json!({ "From_Account": users[0], "ForceAddFlags": 1, "AddFriendItem": items });
    for answer in [ana.ok("sns.friend_add", body.clone()).await, server.ok("sns/friend_add", body).await] {
        let codes: Vec<&Value> =
            answer["ResultItem"].as_array().expect("items").iter().map(|i| &i["ResultCode"]).collect();
        assert_eq!(codes[..2], [&json!(80001), &json!(80001)], "{answer}");
        assert_eq!(answer["Fail_Account"].as_array().expect("a list")[..2], [json!(users[1]), json!(users[2])]);
    }
    let remark = async |user: &str| {
        let list = json!({ "From_Account": users[0], "To_Account": [user], "TagList": ["Tag_SNS_IM_Remark"] });
        server.ok("sns/friend_get_list", list).await["InfoItem"][0]["SnsProfileItem"][0]["Value"].clone()
    };
    assert_eq!(remark(&users[3]).await, "a ******");
    let update = |remark: &str| {
        let fields = [json!({ "Tag": "Tag_SNS_IM_Remark", "Value": remark })];
        json!({ "From_Account": users[0], "UpdateItem": [{ "To_Account": users[3], "SnsItem": fields }] })
    };
    let answer = ana.ok("sns.friend_update", update("badger")).await;
    assert_eq!(answer["ResultItem"][0]["ResultCode"], 80001, "{answer}");
    let import = json!({ "From_Account": users[0], "AddFriendItem": [entry(&users[1], "badger", "")] });
    let answer = server.ok("sns/friend_import", import).await;
    assert_eq!(answer["ResultItem"][0]["ResultCode"], 80001, "{answer}");
    assert_eq!(remark(&users[3]).await, "a ******");
    // Answers to requests.
    let dan = server.login(&users[3]).await;
    let ask = json!({ "From_Account": users[3], "AddFriendItem": [entry(&users[2], "", "hi")] });
    assert_eq!(dan.ok("sns.friend_add", ask).await["ResultItem"][0]["ResultCode"], 30539);
    let agree = |remark: &str| {
        let item = json!({ "To_Account": users[3], "Remark": remark, "ResponseAction": "Response_Action_AgreeAndAdd" });
        json!({ "From_Account": users[2], "ResponseFriendItem": [item] })
    };
    let cid = server.login(&users[2]).await;
    assert_eq!(cid.ok("sns.friend_response", agree("badger")).await["ResultItem"][0]["ResultCode"], 80001);
    assert_eq!(cid.ok("sns.friend_response", agree("dan")).await["ResultItem"][0]["ResultCode"], 0);

    // Topics.
    let create = json!({ "Type": "Community", "Name": "town", "Owner_Account": users[0], "SupportTopic": 1 });
    let town = server.ok("group_open_http_svc/create_group", create).await["GroupId"].clone();
    let topic = |name: &str| json!({ "GroupId": town, "TopicName": name, "From_Account": users[0] });
    server.fails(80001, "million_group_open_http_svc/create_topic", topic("badgers")).await;
    let id = server.ok("million_group_open_http_svc/create_topic", topic("weasels")).await["TopicId"].clone();
    let edit = json!({ "GroupId": town, "TopicId": id, "Introduction": "badger", "From_Account": users[0] });
    server.fails(80001, "million_group_open_http_svc/modify_topic", edit).await;
    let show = json!({ "GroupId": town, "TopicIdList": [id], "From_Account": users[0] });
    let shown = server.ok("million_group_open_http_svc/get_topic", show).await;
    assert_eq!(shown["TopicAndSelfInfo"][0]["TopicInfo"]["TopicName"], "******s", "{shown}");

    // Official accounts.
    let official = "official_account_open_http_svc";
    let new = |name: &str| json!({ "Owner_Account": users[0], "Name": name });
    server.fails(80001, &format!("{official}/create_official_account"), new("badger news")).await;
    let created = server.ok(&format!("{official}/create_official_account"), new("news")).await;
    let edit = json!({ "Official_Account": created["OfficialAccountUserID"], "Introduction": "badger" });
    server.fails(80001, &format!("{official}/modify_official_account_base_info"), edit).await;
}
