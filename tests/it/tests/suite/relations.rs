//! Friends, requests, friend groups, block lists, followers: both doors, what both sides are told, what outlives a restart.

use serde_json::{Value, json};
use tsudoi_it::{
    Client, Server, random,
    receiver::{Reaction, Receiver},
    shared, text, unique,
};

/// The code of each item of a list.
fn codes(answer: &Value, list: &str) -> Vec<u64> {
    let items = answer[list].as_array().expect("a list");
    items.iter().map(|item| item["ResultCode"].as_u64().expect("a number")).collect()
}

fn names(list: &Value, field: &str) -> Vec<String> {
    let items = list.as_array().expect("a list");
    items.iter().map(|item| item[field].as_str().expect("a name").to_owned()).collect()
}

async fn set_allow_type(server: &Server, user: &str, allow: &str) {
    let item = json!([{ "Tag": "Tag_Profile_IM_AllowType", "Value": format!("AllowType_Type_{allow}") }]);
    server.ok("profile/portrait_set", json!({ "From_Account": user, "ProfileItem": item })).await;
}

fn add(from: &str, to: &[&str], how: &str, force: u32) -> Value {
    let items: Vec<Value> =
        to.iter().map(|to| json!({ "To_Account": to, "AddSource": "AddSource_Type_Web" })).collect();
    json!({ "From_Account": from, "AddFriendItem": items, "AddType": format!("Add_Type_{how}"), "ForceAddFlags": force })
}

/// Both are in each other's list.
async fn befriend(server: &Server, one: &str, other: &str) {
    let answer = server.ok("sns/friend_add", add(one, &[other], "Both", 1)).await;
    assert_eq!(codes(&answer, "ResultItem"), [0]);
}

async fn relation(server: &Server, one: &str, other: &str) -> String {
    let body = json!({ "From_Account": one, "To_Account": [other], "CheckType": "CheckResult_Type_Both" });
    let answer = server.ok("sns/friend_check", body).await;
    let relation = answer["InfoItem"][0]["Relation"].as_str().expect("a relation");
    relation.trim_start_matches("CheckResult_Type_").to_owned()
}

async fn friend(server: &Server, owner: &str, peer: &str) -> Value {
    let tags = ["Remark", "Group", "AddSource", "AddWording", "AddTime", "RemarkTime"];
    let tags: Vec<String> = tags.iter().map(|tag| format!("Tag_SNS_IM_{tag}")).collect();
    let body = json!({ "From_Account": owner, "To_Account": [peer], "TagList": tags });
    let answer = server.ok("sns/friend_get_list", body).await;
    let fields = answer["InfoItem"][0]["SnsProfileItem"].as_array().expect("fields");
    let short = |field: &Value| field["Tag"].as_str().expect("a tag").trim_start_matches("Tag_SNS_IM_").to_owned();
    fields.iter().map(|field| (short(field), field["Value"].clone())).collect()
}

async fn told(client: &Client, list: &str, user: &str) -> Value {
    let has = |item: &Value| item[list].as_array().is_some_and(|users| users.iter().any(|one| one == user));
    client.event("FriendListMod", has).await
}

#[tokio::test]
async fn friends_are_added_by_force_listed_checked_and_deleted_on_one_side() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (&users[0], &users[1]);
    let (of_ana, of_bob) = (server.login(ana).await, server.login(bob).await);
    let mut body = add(ana, &[bob], "Both", 1);
    body["AddFriendItem"][0]["Remark"] = json!("Bobby");
    body["AddFriendItem"][0]["GroupName"] = json!("work");
    body["AddFriendItem"][0]["AddWording"] = json!("hello");
    let answer = server.ok("sns/friend_add", body.clone()).await;
    assert_eq!(answer["ResultItem"], json!([{ "To_Account": bob, "ResultCode": 0, "ResultInfo": "" }]));
    assert_eq!(answer["Fail_Account"], Value::Null);
    told(&of_ana, "FriendAdd_Account", bob).await;
    told(&of_bob, "FriendAdd_Account", ana).await;
    let entry = friend(server, ana, bob).await;
    assert_eq!(entry["Remark"], "Bobby");
    assert_eq!(entry["Group"], json!(["work"]));
    assert_eq!(entry["AddSource"], "AddSource_Type_Web");
    assert_eq!(entry["AddWording"], "hello");
    assert!(entry["AddTime"].as_i64() > Some(0));
    assert_eq!(friend(server, bob, ana).await["Remark"], "");

    let again = server.ok("sns/friend_add", body).await;
    assert_eq!(again["ResultItem"][0]["ResultCode"], 30001);
    assert_eq!(again["ResultItem"][0]["ResultInfo"], "Err_SNS_FriendAdd_Friend_Exist");
    assert_eq!(again["Fail_Account"], json!([bob]));
    assert_eq!(relation(server, ana, bob).await, "BothWay");

    let page = of_ana.ok("sns.friend_get", json!({ "From_Account": ana, "StartIndex": 0 })).await;
    assert_eq!((&page["FriendNum"], &page["CompleteFlag"], &page["NextStartIndex"]), (&json!(1), &json!(1), &json!(0)));
    let tags = names(&page["UserDataItem"][0]["ValueItem"], "Tag");
    assert!(tags.contains(&"Tag_SNS_IM_Remark".to_owned()) && !tags.iter().any(|tag| tag.contains("Profile")));

    let one_sided = json!({ "From_Account": ana, "To_Account": [bob], "DeleteType": "Delete_Type_Single" });
    assert_eq!(codes(&server.ok("sns/friend_delete", one_sided.clone()).await, "ResultItem"), [0]);
    assert_eq!(relation(server, ana, bob).await, "BWithA");
    assert_eq!(relation(server, bob, ana).await, "AWithB");
    told(&of_ana, "FriendDel_Account", bob).await;
    assert!(of_bob.events().await.iter().all(|event| event["FriendListMod"][0]["FriendDel_Account"].is_null()));
    assert_eq!(codes(&server.ok("sns/friend_delete", one_sided).await, "ResultItem"), [31704]);
    // Only the missing entry is made, and the friend group of before is not.
    set_allow_type(server, bob, "NeedConfirm").await;
    assert_eq!(codes(&server.ok("sns/friend_add", add(ana, &[bob], "Both", 0)).await, "ResultItem"), [0]);
    assert_eq!(friend(server, ana, bob).await["Group"], json!([]));
    let both = json!({ "From_Account": bob, "To_Account": [ana], "DeleteType": "Delete_Type_Both" });
    server.ok("sns/friend_delete", both).await;
    assert_eq!(relation(server, ana, bob).await, "NoRelation");
}

#[tokio::test]
async fn every_item_has_its_own_result() {
    let server = shared().await;
    let users = server.users(&["ana", "open", "closed", "asks", "blocked", "blocks"]).await;
    let [ana, open, closed, asks, blocked, blocks] = users.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        panic!("six users")
    };
    set_allow_type(server, open, "AllowAny").await;
    set_allow_type(server, closed, "DenyAny").await;
    for (who, whom) in [(ana, blocked), (blocks, ana)] {
        let body = json!({ "From_Account": who, "To_Account": [whom] });
        assert_eq!(codes(&server.ok("sns/black_list_add", body).await, "ResultItem"), [0]);
    }
    let ghost = unique("ghost");
    let long = "x".repeat(33);
    let all = [open, closed, asks, blocked, blocks, &ghost, &long, ana, open];
    let answer = server.ok("sns/friend_add", add(ana, &all, "Both", 0)).await;
    assert_eq!(codes(&answer, "ResultItem"), [0, 30516, 30539, 30515, 30525, 30003, 30003, 30001, 30001], "{answer}");
    assert_eq!(names(&answer["ResultItem"], "To_Account"), all);
    assert_eq!(answer["Fail_Account"].as_array().expect("a list").len(), 8);
    assert_eq!(relation(server, ana, asks).await, "NoRelation");
    // One-way additions ask nobody, and who denies all denies them too.
    let single = server.ok("sns/friend_add", add(ana, &[asks, closed], "Single", 0)).await;
    assert_eq!(codes(&single, "ResultItem"), [0, 30516]);
    assert_eq!(relation(server, ana, asks).await, "AWithB");
    // Whom the app forbids to ask asks nobody.
    let forbid = json!([{ "Tag": "Tag_Profile_IM_AdminForbidType", "Value": "AdminForbid_Type_SendOut" }]);
    server.ok("profile/portrait_set", json!({ "From_Account": ana, "ProfileItem": forbid })).await;
    assert_eq!(codes(&server.ok("sns/friend_add", add(ana, &[open], "Both", 1)).await, "ResultItem"), [30009]);
}

#[tokio::test]
async fn bad_requests_name_the_field_and_change_nothing() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (&users[0], &users[1]);
    let ghost = unique("ghost");
    for (command, body, code, field) in [
        ("friend_add", json!({ "AddFriendItem": [{ "To_Account": bob }] }), 30001, "From_Account"),
        (
            "friend_add",
            json!({ "From_Account": ghost, "AddFriendItem": [{ "To_Account": bob }] }),
            30003,
            "From_Account",
        ),
        ("friend_add", json!({ "From_Account": ana, "AddFriendItem": [] }), 30001, "AddFriendItem"),
        ("friend_add", json!({ "From_Account": ana }), 30001, "AddFriendItem"),
        ("friend_add", json!({ "From_Account": ana, "AddFriendItem": [{}] }), 30001, "To_Account"),
        (
            "friend_add",
            json!({ "From_Account": ana, "AddFriendItem": [{ "To_Account": bob }], "AddType": "Both" }),
            30001,
            "AddType",
        ),
        (
            "friend_import",
            json!({ "From_Account": ana, "AddFriendItem": vec![json!({ "To_Account": bob }); 1001] }),
            30001,
            "AddFriendItem",
        ),
        ("friend_update", json!({ "From_Account": ana, "UpdateItem": [] }), 30001, "UpdateItem"),
        ("friend_delete", json!({ "From_Account": ana, "To_Account": bob }), 30001, "To_Account"),
        ("friend_delete", json!({ "From_Account": ana, "To_Account": vec![bob; 1001] }), 30001, "To_Account"),
        ("friend_delete_all", json!({ "From_Account": ana, "DeleteType": "All" }), 30001, "DeleteType"),
        ("friend_check", json!({ "From_Account": ana, "To_Account": [bob], "CheckType": "Both" }), 30001, "CheckType"),
        ("friend_get", json!({ "From_Account": ana }), 30001, "StartIndex"),
        ("friend_get_list", json!({ "From_Account": ana, "To_Account": [bob] }), 30001, "TagList"),
        (
            "friend_get_list",
            json!({ "From_Account": ana, "To_Account": [bob], "TagList": ["Tag_Nope"] }),
            30001,
            "TagList",
        ),
        (
            "friend_get_list",
            json!({ "From_Account": ana, "To_Account": vec![bob; 101], "TagList": ["Tag_SNS_IM_Remark"] }),
            30001,
            "To_Account",
        ),
        ("black_list_add", json!({ "From_Account": ana, "To_Account": [] }), 30001, "To_Account"),
        ("black_list_get", json!({ "From_Account": ana, "StartIndex": 0 }), 30001, "MaxLimited"),
        (
            "black_list_check",
            json!({ "From_Account": ana, "To_Account": [bob], "CheckType": "CheckResult_Type_Both" }),
            30001,
            "CheckType",
        ),
        ("group_add", json!({ "From_Account": ana, "GroupName": [] }), 30001, "GroupName"),
        ("group_add", json!({ "From_Account": ana, "GroupName": [""] }), 30001, "GroupName"),
        ("group_add", json!({ "From_Account": ana, "GroupName": ["x".repeat(31)] }), 30001, "GroupName"),
        ("group_delete", json!({ "From_Account": ana }), 30001, "GroupName"),
        ("group_get", json!({ "From_Account": ana, "NeedFriend": "Yes" }), 30001, "NeedFriend"),
    ] {
        let answer = server.fails(code, &format!("sns/{command}"), body).await;
        assert!(answer["ErrorInfo"].as_str().expect("a text").contains(field), "{command}: {answer}");
        assert_eq!(answer["ErrorDisplay"], "");
    }
    for (field, value) in [
        ("Remark", json!("r".repeat(97))),
        ("AddWording", json!("w".repeat(257))),
        ("AddSource", json!("Web")),
        ("AddSource", json!("AddSource_Type_123456789")),
        ("GroupName", json!("g".repeat(31))),
    ] {
        let mut body = add(ana, &[bob], "Both", 1);
        body["AddFriendItem"][0][field] = value;
        let answer = server.ok("sns/friend_add", body).await;
        assert_eq!(codes(&answer, "ResultItem"), [30001], "{field}: {answer}");
        assert!(answer["ResultItem"][0]["ResultInfo"].as_str().expect("a text").contains(field), "{answer}");
    }
    assert_eq!(relation(server, ana, bob).await, "NoRelation");
    let groups = server.ok("sns/group_get", json!({ "From_Account": ana })).await;
    assert_eq!(groups["ResultItem"], json!([]));
}

#[tokio::test]
async fn a_request_waits_is_seen_and_answered() {
    let server = shared().await;
    let (ana, bob) = (unique("ana"), unique("bob"));
    let (of_ana, of_bob) = (server.login(&ana).await, server.login(&bob).await);
    let item = json!({ "To_Account": bob, "AddSource": "AddSource_Type_Web", "AddWording": "we met", "Remark": "Bobby",
        "GroupName": "new" });
    let ask = json!({ "From_Account": ana, "AddFriendItem": [item], "AddType": "Add_Type_Both" });
    let answer = of_ana.ok("sns.friend_add", ask.clone()).await;
    assert_eq!(answer["ResultItem"][0]["ResultCode"], 30539);
    assert_eq!(answer["Fail_Account"], json!([bob]));
    let told_bob = of_bob.event("FriendListMod", |item| item["PendencyAdd"].is_array()).await;
    assert_eq!((&told_bob["PushType"], &told_bob["From_Account"]), (&json!(3), &json!(ana)));
    assert_eq!(told_bob["PendencyAdd"][0]["PendencyAdd_Account"], json!(ana));
    assert_eq!(told_bob["PendencyAdd"][0]["AddWording"], "we met");
    let told_ana = of_ana.event("FriendListMod", |item| item["PendencyAdd"].is_array()).await;
    assert_eq!(told_ana["PendencyAdd"][0]["PendencyAdd_Account"], json!(bob));

    let all = json!({ "PendencyType": "Pendency_Type_Both", "StartTime": 0, "MaxLimited": 100, "LastSequence": 0 });
    let list = of_bob.ok("sns.pendency_get", all.clone()).await;
    assert_eq!((&list["UnreadPendencyCount"], &list["StartTime"]), (&json!(1), &json!(0)));
    assert_eq!(list["PendencyItem"][0]["To_Account"], json!(ana));
    assert_eq!(list["PendencyItem"][0]["PendencyType"], "Pendency_Type_ComeIn");
    let mine = of_ana.ok("sns.pendency_get", all.clone()).await;
    assert_eq!(mine["UnreadPendencyCount"], 0);
    assert_eq!(mine["PendencyItem"][0]["PendencyType"], "Pendency_Type_SendOut");
    let seen = json!({ "LatestPendencyTimeStamp": tsudoi_it::now() + 1 });
    of_bob.ok("sns.pendency_report", seen).await;
    of_bob.event("FriendListMod", |item| item["PushType"] == 7 && item["ReportTime"].is_number()).await;
    assert_eq!(of_bob.ok("sns.pendency_get", all.clone()).await["UnreadPendencyCount"], 0);

    // Asked again it is still one request, with the new words.
    let mut again = ask;
    again["AddFriendItem"][0]["AddWording"] = json!("do you remember?");
    assert_eq!(of_ana.ok("sns.friend_add", again).await["ResultItem"][0]["ResultCode"], 30539);
    let list = of_bob.ok("sns.pendency_get", all.clone()).await;
    assert_eq!(list["PendencyItem"].as_array().expect("a list").len(), 1);
    assert_eq!(list["PendencyItem"][0]["AddWording"], "do you remember?");

    let agree = json!({ "ResponseFriendItem": [{ "To_Account": ana, "Remark": "Annie", "TagName": "met",
        "ResponseAction": "Response_Action_AgreeAndAdd" }] });
    assert_eq!(codes(&of_bob.ok("sns.friend_response", agree.clone()).await, "ResultItem"), [0]);
    told(&of_bob, "FriendAdd_Account", &ana).await;
    told(&of_ana, "FriendAdd_Account", &bob).await;
    assert_eq!(relation(server, &ana, &bob).await, "BothWay");
    let (theirs, own) = (friend(server, &ana, &bob).await, friend(server, &bob, &ana).await);
    assert_eq!((&theirs["Remark"], &theirs["Group"]), (&json!("Bobby"), &json!(["new"])));
    assert_eq!((&own["Remark"], &own["Group"]), (&json!("Annie"), &json!(["met"])));
    for client in [&of_ana, &of_bob] {
        assert_eq!(client.ok("sns.pendency_get", all.clone()).await["PendencyItem"], json!([]));
    }
    assert_eq!(codes(&of_bob.ok("sns.friend_response", agree).await, "ResultItem"), [30614]);
}

#[tokio::test]
async fn requests_are_refused_agreed_to_one_way_or_withdrawn() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (&users[0], &users[1]);
    let ask = add(ana, &[bob], "Both", 0);
    let answer = |action: &str| json!({ "From_Account": bob, "ResponseFriendItem": [{ "To_Account": ana, "ResponseAction": action }] });
    let waits = async |user: &str| {
        let list = server.ok("sns/pendency_get", json!({ "From_Account": user })).await;
        list["PendencyItem"].as_array().expect("a list").len()
    };
    server.ok("sns/friend_add", ask.clone()).await;
    assert_eq!((waits(ana).await, waits(bob).await), (1, 1));
    server.ok("sns/friend_response", answer("Response_Action_Reject")).await;
    assert_eq!((waits(ana).await, waits(bob).await), (0, 0));
    assert_eq!(relation(server, ana, bob).await, "NoRelation");
    server.ok("sns/friend_add", ask.clone()).await;
    server.ok("sns/friend_response", answer("Response_Action_Agree")).await;
    assert_eq!(relation(server, ana, bob).await, "AWithB");
    server.ok("sns/friend_delete", json!({ "From_Account": ana, "To_Account": [bob] })).await;
    server.ok("sns/friend_add", ask).await;
    let withdraw = json!({ "From_Account": ana, "To_Account": [bob], "PendencyType": "Pendency_Type_SendOut" });
    assert_eq!(codes(&server.ok("sns/pendency_delete", withdraw.clone()).await, "ResultItem"), [0]);
    // Each side deletes its own.
    assert_eq!((waits(ana).await, waits(bob).await), (0, 1));
    assert_eq!(codes(&server.ok("sns/pendency_delete", withdraw).await, "ResultItem"), [31804]);
    server.fails(30001, "sns/friend_response", answer("Maybe")).await;
}

#[tokio::test]
async fn entries_are_imported_and_changed() {
    let settings = "friend_fields = [{ keyword = \"Pet\" }, { keyword = \"Age\", kind = \"integer\" }, \
                    { keyword = \"Secret\", client_read = false, client_write = false }]";
    let server = Server::with_settings(settings).await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let (ana, bob, cid) = (&users[0], &users[1], &users[2]);
    let item = json!({ "To_Account": bob, "Remark": "Bobby", "RemarkTime": 1_600_000_001, "GroupName": ["a", "b"],
        "AddSource": "AddSource_Type_Old", "AddWording": "hi", "AddTime": 1_600_000_000,
        "CustomItem": [{ "Tag": "Tag_SNS_Custom_Pet", "Value": "cat" }, { "Tag": "Tag_SNS_Custom_Secret", "Value": "s" }] });
    let bad = json!({ "To_Account": cid, "CustomItem": [{ "Tag": "Tag_SNS_Custom_Nope", "Value": "x" }] });
    let ghost = json!({ "To_Account": unique("ghost") });
    let import = json!({ "From_Account": ana, "AddFriendItem": [item, bad, ghost] });
    assert_eq!(codes(&server.ok("sns/friend_import", import).await, "ResultItem"), [0, 30001, 30003]);
    assert_eq!(relation(&server, ana, bob).await, "AWithB");
    let entry = friend(&server, ana, bob).await;
    assert_eq!((&entry["AddTime"], &entry["RemarkTime"]), (&json!(1_600_000_000), &json!(1_600_000_001)));
    assert_eq!(entry["Group"], json!(["a", "b"]));

    let of_ana = server.login(ana).await;
    let seen = of_ana.ok("sns.friend_get", json!({})).await;
    let fields = &seen["UserDataItem"][0]["ValueItem"];
    assert!(names(fields, "Tag").contains(&"Tag_SNS_Custom_Pet".to_owned()));
    assert!(!names(fields, "Tag").contains(&"Tag_SNS_Custom_Secret".to_owned()));
    // What a caller has already is left out of the first page.
    let known = json!({ "From_Account": ana, "StartIndex": 0, "StandardSequence": seen["StandardSequence"],
        "CustomSequence": seen["CustomSequence"] });
    assert_eq!(server.ok("sns/friend_get", known).await["UserDataItem"][0]["ValueItem"], json!([]));

    let update = |to: &str, tag: &str, value: Value| json!({ "From_Account": ana, "UpdateItem": [{ "To_Account": to, "SnsItem": [{ "Tag": tag, "Value": value }] }] });
    for (to, tag, value, code) in [
        (bob, "Tag_SNS_IM_Remark", json!("Robert"), 0),
        (bob, "Tag_SNS_IM_Remark", json!("r".repeat(97)), 30001),
        (bob, "Tag_SNS_IM_Remark", json!(7), 30001),
        (bob, "Tag_SNS_IM_Group", json!(["b", "c"]), 0),
        (bob, "Tag_SNS_IM_Group", json!("b"), 30001),
        (bob, "Tag_SNS_IM_AddSource", json!("AddSource_Type_Web"), 30001),
        (bob, "Tag_SNS_Custom_Age", json!(7), 0),
        (bob, "Tag_SNS_Custom_Age", json!("8"), 0),
        (bob, "Tag_SNS_Custom_Age", json!("old"), 30001),
        (bob, "Tag_SNS_Custom_Pet", json!(7), 30001),
        (bob, "Tag_SNS_Custom_Pet", json!("p".repeat(501)), 30001),
        (cid, "Tag_SNS_IM_Remark", json!("x"), 30001),
    ] {
        let answer = server.ok("sns/friend_update", update(to, tag, value)).await;
        assert_eq!(codes(&answer, "ResultItem"), [code], "{tag}: {answer}");
    }
    let secret = update(bob, "Tag_SNS_Custom_Secret", json!("mine"));
    assert_eq!(codes(&of_ana.ok("sns.friend_update", secret.clone()).await, "ResultItem"), [30001]);
    assert_eq!(codes(&server.ok("sns/friend_update", secret).await, "ResultItem"), [0]);
    let entry = friend(&server, ana, bob).await;
    assert_eq!((&entry["Remark"], &entry["Group"]), (&json!("Robert"), &json!(["b", "c"])));
    let told = of_ana.event("FriendListMod", |item| item["PushType"] == 8).await;
    assert_eq!(told["FriendUpInfo"][0]["Friend_Account"], json!(bob));
    let groups = server.ok("sns/group_get", json!({ "From_Account": ana, "NeedFriend": "Need_Friend_Type_Yes" })).await;
    assert_eq!(
        groups["ResultItem"],
        json!([{ "GroupName": "a", "FriendNumber": 0, "To_Account": [] },
            { "GroupName": "b", "FriendNumber": 1, "To_Account": [bob] },
            { "GroupName": "c", "FriendNumber": 1, "To_Account": [bob] }])
    );
}

#[tokio::test]
async fn limits_bind() {
    let settings =
        "[apps.settings.limits.overrides.sns]\nmax_friends = 2\nmax_lists = 2\nmax_pending = 1\nmax_blocked = 1";
    let server = Server::with_settings(settings).await;
    let users = server.users(&["ana", "bob", "cid", "dan", "eve"]).await;
    let [ana, bob, cid, dan, eve] = users.iter().map(String::as_str).collect::<Vec<_>>()[..] else { panic!("five") };
    let answer = server.ok("sns/friend_add", add(ana, &[bob, cid, dan], "Both", 1)).await;
    assert_eq!(codes(&answer, "ResultItem"), [0, 0, 30010]);
    assert_eq!(answer["ResultItem"][2]["ResultInfo"], "Err_SNS_FriendImport_My_Friend_Num_Exceed_Threshold");
    assert_eq!(codes(&server.ok("sns/friend_add", add(dan, &[ana], "Both", 1)).await, "ResultItem"), [30014]);
    // Whose list is full is still added one-way by others.
    assert_eq!(codes(&server.ok("sns/friend_add", add(dan, &[ana], "Single", 1)).await, "ResultItem"), [0]);
    let requests = server.ok("sns/friend_add", add(eve, &[bob, dan], "Both", 0)).await;
    assert_eq!(codes(&requests, "ResultItem"), [30539, 30012]);
    let groups = json!({ "From_Account": ana, "GroupName": ["one", "two", "three"] });
    assert_eq!(
        server.fails(30011, "sns/group_add", groups).await["ErrorInfo"],
        "Err_SNS_FriendUpdate_Group_Num_Exceed_Threshold"
    );
    let blocks = server.ok("sns/black_list_add", json!({ "From_Account": ana, "To_Account": [dan, eve] })).await;
    assert_eq!(codes(&blocks, "ResultItem"), [0, 30013]);
}

#[tokio::test]
async fn friend_groups_are_made_renamed_and_filled() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let (ana, bob, cid) = (&users[0], &users[1], &users[2]);
    befriend(server, ana, bob).await;
    let made = json!({ "From_Account": ana, "GroupName": ["work", "play"], "To_Account": [bob, cid] });
    let answer = server.ok("sns/group_add", made.clone()).await;
    assert_eq!(codes(&answer, "ResultItem"), [0, 32216]);
    assert_eq!(answer["ResultItem"][1]["ResultInfo"], "Err_SNS_GroupAdd_ToTinyId_Not_Friend");
    assert!(answer["CurrentSequence"].as_u64() > Some(0));
    server.fails(30001, "sns/group_add", made).await;
    let named = json!({ "From_Account": ana, "GroupName": ["play"], "NeedFriend": "Need_Friend_Type_Yes" });
    let list = server.ok("sns/group_get", named).await;
    assert_eq!(list["ResultItem"], json!([{ "GroupName": "play", "FriendNumber": 1, "To_Account": [bob] }]));
    let of_ana = server.login(ana).await;
    let change = json!({ "GroupOldName": "work", "GroupNewName": "office",
        "UpdateGroupItem": [{ "To_Account": bob, "UpdateType": "Update_Type_Delete" }] });
    let answer = of_ana.ok("sns.group_update", change.clone()).await;
    assert_eq!(answer["ResultItem"][0]["UpdateType"], "Update_Type_Delete");
    of_ana.fails(30001, "sns.group_update", change).await;
    let taken = json!({ "GroupOldName": "office", "GroupNewName": "play" });
    of_ana.fails(30001, "sns.group_update", taken).await;
    let delete = json!({ "From_Account": ana, "GroupName": ["play", "unheard of"] });
    assert_eq!(server.ok("sns/group_delete", delete).await["ResultItem"], Value::Null);
    let list = server.ok("sns/group_get", json!({ "From_Account": ana, "LastSequence": 0 })).await;
    assert_eq!(list["ResultItem"], json!([{ "GroupName": "office", "FriendNumber": 0 }]));
    assert_eq!(relation(server, ana, bob).await, "BothWay");
    assert_eq!(friend(server, ana, bob).await["Group"], json!([]));
}

#[tokio::test]
async fn blocking_ends_friendship_and_is_told() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let (ana, bob, cid) = (&users[0], &users[1], &users[2]);
    befriend(server, ana, bob).await;
    let of_ana = server.login(ana).await;
    let block = json!({ "From_Account": ana, "To_Account": [bob, ana, unique("ghost")] });
    assert_eq!(codes(&of_ana.ok("sns.black_list_add", block).await, "ResultItem"), [0, 30001, 30003]);
    // The push is there before the answer: clients read their list from it.
    let events = of_ana.events().await;
    assert!(events.iter().any(|event| event["FriendListMod"][0]["BlackListAdd_Account"] == json!([bob])), "{events:?}");
    assert_eq!(relation(server, ana, bob).await, "NoRelation");
    let check = |one: &str, other: &str, how: &str| json!({ "From_Account": one, "To_Account": [other], "CheckType": format!("BlackCheckResult_Type_{how}") });
    for (one, other, how, expected) in [
        (ana, bob, "Single", "AWithB"),
        (bob, ana, "Single", "NO"),
        (bob, ana, "Both", "BWithA"),
        (ana, bob, "Both", "AWithB"),
        (ana, cid, "Both", "NO"),
    ] {
        let answer = server.ok("sns/black_list_check", check(one, other, how)).await;
        let relation = answer["BlackListCheckItem"][0]["Relation"].as_str().expect("a relation");
        assert_eq!(relation, format!("BlackCheckResult_Type_{expected}"), "{one} {other} {how}");
    }
    let again = server.ok("sns/black_list_add", json!({ "From_Account": ana, "To_Account": [bob, cid] })).await;
    assert_eq!(codes(&again, "ResultItem"), [30001, 0]);
    assert_eq!(again["ResultItem"][0]["ResultInfo"], "Err_SNS_BlackListAdd_Already_Exist");
    let page = |start: &Value| json!({ "From_Account": ana, "StartIndex": start, "MaxLimited": 1, "LastSequence": 0 });
    let first = server.ok("sns/black_list_get", page(&json!(0))).await;
    assert_eq!(names(&first["BlackListItem"], "To_Account"), std::slice::from_ref(bob));
    assert_eq!(first["CurruentSequence"], first["CurrentSequence"]);
    let second = server.ok("sns/black_list_get", page(&first["StartIndex"])).await;
    assert_eq!(names(&second["BlackListItem"], "To_Account"), std::slice::from_ref(cid));
    assert_eq!(second["StartIndex"], 0);
    let lift = json!({ "From_Account": ana, "To_Account": [bob, bob] });
    assert_eq!(codes(&server.ok("sns/black_list_delete", lift).await, "ResultItem"), [0, 30001]);
    assert_eq!(relation(server, ana, bob).await, "NoRelation");
}

/// A message as the Web SDK sends it.
fn whisper(to: &str, words: &str) -> Value {
    json!({ "To_Account": to, "MsgSeq": random(), "MsgRandom": random(), "MsgBody": text(words) })
}

#[tokio::test]
async fn who_is_blocked_is_told_success_and_not_heard() {
    let server = shared().await;
    let (ana, bob) = (unique("ana"), unique("bob"));
    let (of_ana, of_bob) = (server.login(&ana).await, server.login(&bob).await);
    of_ana.ok("sns.black_list_add", json!({ "To_Account": [bob] })).await;
    let sent = of_bob.ok("openim.sendmsg", whisper(&ana, "hello?")).await;
    assert!(sent["MsgKey"].is_string());
    of_ana.ok("openim.sendmsg", whisper(&bob, "one-way")).await;
    of_bob.event("C2cMsgArray", |item| item["MsgBody"][0]["MsgContent"]["Text"] == "one-way").await;
    // Backends are not asked.
    let mail = json!({ "From_Account": bob, "To_Account": ana, "MsgRandom": random(), "MsgBody": text("by mail") });
    server.ok("openim/sendmsg", mail).await;
    of_ana.event("C2cMsgArray", |item| item["MsgBody"][0]["MsgContent"]["Text"] == "by mail").await;
    let said = async |operator: &str, peer: &str| {
        let body = json!({ "Operator_Account": operator, "Peer_Account": peer, "MaxCnt": 10, "MinTime": 0,
            "MaxTime": tsudoi_it::now() + 10 });
        let list = server.ok("openim/admin_getroammsg", body).await["MsgList"].clone();
        let words = |item: &Value| item["MsgBody"][0]["MsgContent"]["Text"].as_str().expect("words").to_owned();
        list.as_array().expect("a list").iter().map(words).collect::<Vec<_>>()
    };
    assert!(said(&bob, &ana).await.contains(&"hello?".to_owned()));
    assert!(!said(&ana, &bob).await.contains(&"hello?".to_owned()));
    let events = of_ana.events().await;
    assert!(!events.iter().any(|event| event.to_string().contains("hello?")), "{events:?}");
}

#[tokio::test]
async fn switches_tell_the_blocked_and_demand_friendship() {
    let server = Server::with_settings("message = { blocked_pretend_success = false, require_friend = true }").await;
    let (ana, bob) = (unique("ana"), unique("bob"));
    let (of_ana, of_bob) = (server.login(&ana).await, server.login(&bob).await);
    of_ana.fails(20009, "openim.sendmsg", whisper(&bob, "stranger")).await;
    server.ok("sns/friend_add", add(&ana, &[&bob], "Single", 1)).await;
    of_ana.fails(20010, "openim.sendmsg", whisper(&bob, "not listed there")).await;
    of_bob.fails(20011, "openim.sendmsg", whisper(&ana, "not listed here")).await;
    server.ok("sns/friend_add", add(&bob, &[&ana], "Single", 1)).await;
    of_ana.ok("openim.sendmsg", whisper(&bob, "friends")).await;
    of_bob.event("C2cMsgArray", |item| item["MsgBody"][0]["MsgContent"]["Text"] == "friends").await;
    server.ok("sns/black_list_add", json!({ "From_Account": bob, "To_Account": [ana] })).await;
    of_ana.fails(20007, "openim.sendmsg", whisper(&bob, "blocked")).await;
    let mail = json!({ "From_Account": ana, "To_Account": bob, "MsgRandom": random(), "MsgBody": text("by mail") });
    server.ok("openim/sendmsg", mail).await;
}

#[tokio::test]
async fn followers_are_listed_counted_and_told() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let (ana, bob, cid) = (&users[0], &users[1], &users[2]);
    let (of_ana, of_bob) = (server.login(ana).await, server.login(bob).await);
    let ghost = unique("ghost");
    let items: Vec<Value> = [bob, cid, &ghost, ana].iter().map(|user| json!({ "To_Account": user })).collect();
    let follow = json!({ "From_Account": ana, "FollowItem": items });
    assert_eq!(codes(&server.ok("follow/follow_add", follow.clone()).await, "ResultItem"), [0, 0, 30003, 30001]);
    assert_eq!(codes(&server.ok("follow/follow_add", follow).await, "ResultItem"), [0, 0, 30003, 30001]);
    let change = |kind: u32, added: u32| {
        move |item: &Value| {
            item["FollowDiffList"][0]["FollowType"] == kind && item["FollowDiffList"][0]["IsAdd"] == added
        }
    };
    assert_eq!(of_ana.event("FollowChangeList", change(2, 1)).await["From_Account"], json!(bob));
    assert_eq!(of_bob.event("FollowChangeList", change(1, 1)).await["From_Account"], json!(ana));
    of_bob.ok("follow.follow_add", json!({ "FollowItem": [{ "To_Account": ana }] })).await;
    assert_eq!(of_ana.event("FollowChangeList", change(3, 1)).await["From_Account"], json!(bob));
    let list = async |kind: u32, cursor: &str| {
        let body = json!({ "From_Account": ana, "FollowType": kind, "StartCursor": cursor, "WantNum": 1 });
        server.ok("follow/follow_get", body).await
    };
    let first = list(2, "").await;
    assert_eq!(names(&first["FollowItem"], "To_Account"), std::slice::from_ref(bob));
    let second = list(2, first["NextCursor"].as_str().expect("a cursor")).await;
    assert_eq!(names(&second["FollowItem"], "To_Account"), std::slice::from_ref(cid));
    assert_eq!(second["NextCursor"], "");
    assert_eq!(names(&list(1, "").await["FollowItem"], "To_Account"), std::slice::from_ref(bob));
    assert_eq!(names(&list(3, "").await["FollowItem"], "To_Account"), std::slice::from_ref(bob));
    let check = json!({ "From_Account": ana, "To_Account": [bob, cid, ghost] });
    let answer = server.ok("follow/follow_check", check).await;
    let kinds: Vec<_> =
        answer["ResultItem"].as_array().expect("a list").iter().map(|item| &item["FollowType"]).collect();
    assert_eq!(kinds, [3, 2, 0]);
    assert_eq!(codes(&answer, "ResultItem"), [0, 0, 30003]);
    let info = server.ok("follow/follow_get_info", json!({ "To_Account": [ana, bob] })).await;
    let counts = |item: &Value| {
        ["FollowerCount", "FollowingCount", "MutualFollowingCount"].map(|field| item[field].as_u64().expect("a number"))
    };
    assert_eq!(counts(&info["FollowInfo"][0]), [1, 2, 1]);
    assert_eq!(counts(&info["FollowInfo"][1]), [1, 1, 1]);
    let leave = json!({ "From_Account": ana, "To_Account": [bob, bob] });
    assert_eq!(codes(&server.ok("follow/follow_delete", leave).await, "ResultItem"), [0, 0]);
    let info = server.ok("follow/follow_get_info", json!({ "To_Account": [ana, bob] })).await;
    assert_eq!(counts(&info["FollowInfo"][0]), [1, 1, 0]);
    assert_eq!(counts(&info["FollowInfo"][1]), [0, 1, 0]);
    server.fails(30001, "follow/follow_get", json!({ "From_Account": ana, "FollowType": 4 })).await;
    server.fails(30001, "follow/follow_delete", json!({ "From_Account": ana, "To_Account": vec![bob; 21] })).await;
    let off = Server::with_settings("features = { follow = false }").await;
    off.fails(30005, "follow/follow_get_info", json!({ "To_Account": [ana] })).await;
}

#[tokio::test]
async fn relations_outlive_a_restart_and_end_with_the_account() {
    let mut server = Server::start(&[]).await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let (ana, bob, cid) = (users[0].clone(), users[1].clone(), users[2].clone());
    befriend(&server, &ana, &bob).await;
    server.ok("sns/black_list_add", json!({ "From_Account": ana, "To_Account": [cid] })).await;
    server.ok("sns/friend_add", add(&cid, &[&bob], "Both", 0)).await;
    server.kill().await;
    server.restart().await;
    assert_eq!(relation(&server, &ana, &bob).await, "BothWay");
    let waiting = server.ok("sns/pendency_get", json!({ "From_Account": bob })).await;
    assert_eq!(waiting["PendencyItem"].as_array().expect("a list").len(), 1);
    let of_ana = server.login(&ana).await;
    server
        .ok("im_open_login_svc/account_delete", json!({ "DeleteItem": [{ "UserID": bob }, { "UserID": cid }] }))
        .await;
    told(&of_ana, "FriendDel_Account", &bob).await;
    let list = server.ok("sns/friend_get", json!({ "From_Account": ana, "StartIndex": 0 })).await;
    assert_eq!((&list["FriendNum"], &list["UserDataItem"]), (&json!(0), &json!([])));
    let blocked = json!({ "From_Account": ana, "StartIndex": 0, "MaxLimited": 10, "LastSequence": 0 });
    assert_eq!(server.ok("sns/black_list_get", blocked).await["BlackListItem"], json!([]));
    // Who comes back is somebody new.
    server.ok("im_open_login_svc/account_import", json!({ "UserID": bob })).await;
    assert_eq!(relation(&server, &bob, &ana).await, "NoRelation");
    assert_eq!(server.ok("sns/pendency_get", json!({ "From_Account": bob })).await["PendencyItem"], json!([]));
}

#[tokio::test]
async fn a_check_costs_the_same_with_many_friends() {
    let server = shared().await;
    let owner = server.users(&["ana"]).await[0].clone();
    let mut friends = Vec::new();
    for _ in 0..20 {
        let batch: Vec<String> = (0..50).map(|_| unique("friend")).collect();
        server.ok("im_open_login_svc/multiaccount_import", json!({ "Accounts": batch })).await;
        friends.extend(batch);
    }
    let items: Vec<Value> = friends.iter().map(|friend| json!({ "To_Account": friend })).collect();
    let import = json!({ "From_Account": owner, "AddFriendItem": items });
    assert!(codes(&server.ok("sns/friend_import", import).await, "ResultItem").iter().all(|code| *code == 0));
    let (mut seen, mut start) = (Vec::new(), json!(0));
    loop {
        let page = server.ok("sns/friend_get", json!({ "From_Account": owner, "StartIndex": start })).await;
        seen.extend(names(&page["UserDataItem"], "To_Account"));
        assert_eq!(page["FriendNum"], 1000);
        if page["CompleteFlag"] != 0 {
            break;
        }
        start = page["NextStartIndex"].clone();
    }
    assert_eq!(seen, friends, "every friend once, in the order of addition");
    assert_eq!(relation(server, &owner, &friends[999]).await, "AWithB");
    server.ok("sns/friend_delete_all", json!({ "From_Account": owner })).await;
    let empty = server.ok("sns/friend_get", json!({ "From_Account": owner, "StartIndex": 0 })).await;
    assert_eq!((&empty["FriendNum"], &empty["CompleteFlag"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn the_backend_is_asked_about_clients_and_told_of_everybody() {
    let receiver = Receiver::start().await;
    let server = Server::start(&[("TSUDOI_WEBHOOK_URL", &receiver.url())]).await;
    let (ana, bob, cid) = (unique("ana"), unique("bob"), unique("cid"));
    let (of_ana, of_bob) = (server.login(&ana).await, server.login(&bob).await);
    server.users(&["eve"]).await;
    server.ok("im_open_login_svc/account_import", json!({ "UserID": cid })).await;
    set_allow_type(&server, &cid, "AllowAny").await;
    let no = json!({ "ResultItem": [{ "To_Account": bob, "ResultCode": 38001, "ResultInfo": "level too low" }] });
    receiver.react("Sns.CallbackPrevFriendAdd", Reaction::ok_with(&no));
    let add_both = json!({ "AddFriendItem": [{ "To_Account": bob, "AddSource": "AddSource_Type_Web", "AddWording": "hi",
        "Remark": "Bobby" }, { "To_Account": cid }], "AddType": "Add_Type_Both" });
    let answer = of_ana.ok("sns.friend_add", add_both.clone()).await;
    assert_eq!(codes(&answer, "ResultItem"), [38001, 0]);
    assert_eq!(answer["ResultItem"][0]["ResultInfo"], "level too low");
    let asked = receiver.call("Sns.CallbackPrevFriendAdd", |_| true).await.body;
    assert_eq!((&asked["Requester_Account"], &asked["From_Account"]), (&json!(ana), &json!(ana)));
    assert_eq!((&asked["AddType"], &asked["ForceAddFlags"]), (&json!("Add_Type_Both"), &json!(0)));
    assert_eq!(
        asked["FriendItem"][0],
        json!({ "To_Account": bob, "Remark": "Bobby", "AddSource": "AddSource_Type_Web", "AddWording": "hi" })
    );
    let told = receiver.call("Sns.CallbackFriendAdd", |_| true).await.body;
    let pair =
        |from: &str, to: &str, by: &str| json!({ "From_Account": from, "To_Account": to, "Initiator_Account": by });
    assert_eq!(told["PairList"], json!([pair(&ana, &cid, &ana), pair(&cid, &ana, &ana)]));
    assert_eq!(
        (&told["ClientCmd"], &told["Admin_Account"], &told["ForceFlag"]),
        (&json!("FriendAdd"), &json!(""), &json!(0))
    );
    // A backend that fails stops nobody.
    receiver.react("Sns.CallbackPrevFriendAdd", Reaction::verdict(1, "out of order"));
    assert_eq!(codes(&of_ana.ok("sns.friend_add", add_both).await, "ResultItem"), [30539, 30001]);
    let no = json!({ "ResultItem": [{ "To_Account": ana, "ResultCode": 38002, "ResultInfo": "not now" }] });
    receiver.react_in_turn("Sns.CallbackPrevFriendResponse", [Reaction::ok_with(&no), Reaction::ok()]);
    let agree = json!({ "ResponseFriendItem": [{ "To_Account": ana, "ResponseAction": "Response_Action_AgreeAndAdd",
        "TagName": "met" }] });
    assert_eq!(codes(&of_bob.ok("sns.friend_response", agree.clone()).await, "ResultItem"), [38002]);
    assert_eq!(codes(&of_bob.ok("sns.friend_response", agree).await, "ResultItem"), [0]);
    let asked = receiver.call("Sns.CallbackPrevFriendResponse", |_| true).await.body;
    assert_eq!(
        asked["ResponseFriendItem"],
        json!([{ "To_Account": ana, "Remark": "", "TagName": "met", "ResponseAction": "Response_Action_AgreeAndAdd" }])
    );
    let told = receiver.call("Sns.CallbackFriendAdd", |body| body["ClientCmd"] == "FriendResponse").await.body;
    assert_eq!(told["PairList"], json!([pair(&bob, &ana, &ana), pair(&ana, &bob, &ana)]));

    server.ok("sns/black_list_add", json!({ "From_Account": ana, "To_Account": [bob] })).await;
    let pair = |from: &str, to: &str| json!({ "From_Account": from, "To_Account": to });
    let told = receiver.call("Sns.CallbackBlackListAdd", |_| true).await.body;
    assert_eq!(told["PairList"], json!([pair(&ana, &bob)]));
    let told = receiver.call("Sns.CallbackFriendDelete", |_| true).await.body;
    assert_eq!(told["PairList"], json!([pair(&ana, &bob), pair(&bob, &ana)]));
    server.ok("sns/black_list_delete", json!({ "From_Account": ana, "To_Account": [bob] })).await;
    assert_eq!(
        receiver.call("Sns.CallbackBlackListDelete", |_| true).await.body["PairList"],
        json!([pair(&ana, &bob)])
    );
    // Imports tell nothing, and a backend is not asked about itself.
    let import = json!({ "From_Account": ana, "AddFriendItem": [{ "To_Account": bob }] });
    server.ok("sns/friend_import", import).await;
    server.ok("follow/follow_add", json!({ "From_Account": ana, "FollowItem": [{ "To_Account": bob }] })).await;
    let told = receiver.call("Follow.CallbackAfterFollowAdd", |_| true).await.body;
    assert_eq!((&told["From_Account"], &told["FollowList"]), (&json!(ana), &json!([{ "To_Account": bob }])));
    server.ok("follow/follow_delete", json!({ "From_Account": ana, "To_Account": [bob] })).await;
    let told = receiver.call("Follow.CallbackAfterFollowDelete", |_| true).await.body;
    assert_eq!((&told["From_Account"], &told["To_Account"]), (&json!(ana), &json!([bob])));
    assert_eq!(receiver.calls_of("Sns.CallbackFriendAdd").len(), 2);
    of_ana.ok("im_open_status.ws_set_custom_status", json!({ "CustomStatus": "away" })).await;
    let told = receiver.call("State.StateChange", |body| body["Info"]["Action"] == "CustomStatusChange").await.body;
    assert_eq!((&told["Info"]["Reason"], &told["CustomStatus"]), (&json!("SetCustomStatus"), &json!("away")));
}

/// Clients of all ages write the groups of a new friend as a text or as a list.
#[tokio::test]
async fn friend_groups_are_named_in_both_ways() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid", "dan", "eve"]).await;
    let add = |command: &'static str, to: &str, groups: Value| {
        let item = json!({ "To_Account": to, "GroupName": groups });
        server.ok(command, json!({ "From_Account": users[0], "ForceAddFlags": 1, "AddFriendItem": [item] }))
    };
    for (command, to, groups, expected) in [
        ("sns/friend_add", &users[1], json!("work"), json!(["work"])),
        ("sns/friend_add", &users[2], json!(["work", "club"]), json!(["work", "club"])),
        ("sns/friend_import", &users[3], json!("club"), json!(["club"])),
        ("sns/friend_import", &users[4], json!(["club", "work"]), json!(["club", "work"])),
    ] {
        let answer = add(command, to, groups.clone()).await;
        assert_eq!(answer["ResultItem"][0]["ResultCode"], 0, "{command} {groups}: {answer}");
        let list = json!({ "From_Account": users[0], "To_Account": [to], "TagList": ["Tag_SNS_IM_Group"] });
        let answer = server.ok("sns/friend_get_list", list).await;
        let mut found: Vec<String> =
            serde_json::from_value(answer["InfoItem"][0]["SnsProfileItem"][0]["Value"].clone()).expect("names");
        let mut expected: Vec<String> = serde_json::from_value(expected).expect("names");
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{command} {groups}");
    }
}
