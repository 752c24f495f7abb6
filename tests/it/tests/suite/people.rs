//! Presence, custom status, login policies, app-wide mute, profiles as friends see them, accounts that come and go.

use serde_json::{Value, json};
use tsudoi_it::{ADMIN, Client, Server, random, shared, text, ticket, unique};

/// A user's device of a platform.
async fn device(server: &Server, user: &str, platform: u32) -> Client {
    let client = server.connect_on(platform).await;
    client.login(user).await;
    client
}

async fn status(server: &Server, user: &str) -> Value {
    let body = json!({ "To_Account": [user], "IsNeedDetail": 1 });
    server.ok("openim/query_online_status", body).await["QueryResult"][0].clone()
}

fn whisper(to: &str, words: &str) -> Value {
    json!({ "To_Account": to, "MsgSeq": random(), "MsgRandom": random(), "MsgBody": text(words) })
}

#[tokio::test]
async fn a_lost_phone_is_reachable_by_push_and_a_logged_out_one_is_not() {
    let server = shared().await;
    let user = unique("ana");
    let phone = device(server, &user, 2).await;
    let web = device(server, &user, 7).await;
    let now = status(server, &user).await;
    assert_eq!((&now["Status"], &now["State"]), (&json!("Online"), &json!("Online")));
    assert_eq!(
        now["Detail"],
        json!([{ "Platform": "Android", "Status": "Online" }, { "Platform": "Web", "Status": "Online" }])
    );
    let watcher = server.login(&unique("eve")).await;
    watcher.ok("im_open_status.ws_status_subscribe", json!({ "To_Account": [user] })).await;
    web.ok("im_open_status.wslogout", json!({ "wslogout_type": 0 })).await;
    drop(phone);
    watcher.event("UserStatusList", |item| item["To_Account"] == user && item["Status"] == 2).await;
    let now = status(server, &user).await;
    assert_eq!(now["Status"], "PushOnline");
    assert_eq!(now["Detail"], json!([{ "Platform": "Android", "Status": "PushOnline" }]));
    let phone = device(server, &user, 2).await;
    watcher.event("UserStatusList", |item| item["To_Account"] == user && item["Status"] == 1).await;
    server.ok("im_open_login_svc/kick", json!({ "UserID": user })).await;
    phone.other("im_open_status.stat_forceoffline").await;
    watcher.event("UserStatusList", |item| item["To_Account"] == user && item["Status"] == 2).await;
    assert_eq!(status(server, &user).await["Status"], "Offline");
}

#[tokio::test]
async fn presence_is_asked_for_and_its_switch_binds() {
    let server = shared().await;
    let user = server.users(&["ana"]).await[0].clone();
    let ghost = unique("ghost");
    let answer = server.ok("openim/querystate", json!({ "To_Account": [user, ghost, user] })).await;
    assert_eq!(answer["QueryResult"], json!([{ "To_Account": user, "Status": "Offline", "State": "Offline" }]));
    assert_eq!(answer["ErrorList"], json!([{ "To_Account": ghost, "ErrorCode": 70107 }]));
    server.fails(70107, "openim/query_online_status", json!({ "To_Account": [ghost] })).await;
    server.fails(90003, "openim/query_online_status", json!({ "To_Account": user })).await;
    server.fails(90011, "openim/query_online_status", json!({ "To_Account": vec![&user; 501] })).await;
    let off = Server::with_settings("features = { presence = false }").await;
    off.fails(72001, "openim/query_online_status", json!({ "To_Account": ["administrator"] })).await;
    let client = off.login(&unique("bob")).await;
    for command in ["ws_get_user_status", "ws_status_subscribe", "ws_status_unsubscribe"] {
        client.fails(72001, &format!("im_open_status.{command}"), json!({ "To_Account": ["administrator"] })).await;
    }
}

#[tokio::test]
async fn what_users_say_of_themselves_is_told_kept_and_bounded() {
    let mut server = Server::with_settings("limits = { overrides = { presence = { max_subscriptions = 2 } } }").await;
    let users = server.users(&["bob", "cid", "dan"]).await;
    let (bob, cid, dan) = (users[0].clone(), users[1].clone(), users[2].clone());
    let ana = server.login(&unique("ana")).await;
    let ghost = unique("ghost");
    let get = json!({ "To_Account": [bob, ghost] });
    let answer = ana.ok("im_open_status.ws_get_user_status", get).await;
    assert_eq!(answer["UserStatusList"], json!([{ "To_Account": bob, "Status": 3, "CustomStatus": "" }]));
    assert_eq!(answer["ErrorList"][0]["Invalid_Account"], json!(ghost));
    assert_eq!(answer["ErrorList"][0]["ErrorCode"], 70107);
    // The oldest wish is forgotten.
    for user in [&bob, &cid, &dan] {
        ana.ok("im_open_status.ws_status_subscribe", json!({ "To_Account": [user] })).await;
    }
    ana.fails(70402, "im_open_status.ws_status_subscribe", json!({ "To_Account": [bob, cid, dan] })).await;
    let (of_bob, of_cid) = (server.login(&bob).await, server.login(&cid).await);
    of_bob.ok("im_open_status.ws_set_custom_status", json!({ "CustomStatus": "unheard" })).await;
    of_cid.ok("im_open_status.ws_set_custom_status", json!({ "CustomStatus": "at lunch" })).await;
    let told = ana.event("UserStatusList", |item| item["CustomStatus"] != "").await;
    assert_eq!(told, json!({ "To_Account": cid, "Status": 1, "CustomStatus": "YXQgbHVuY2g=" }));
    let long = "x".repeat(1001);
    of_bob.fails(70402, "im_open_status.ws_set_custom_status", json!({ "CustomStatus": long })).await;
    server.kill().await;
    server.restart().await;
    let of_cid = server.connect().await;
    assert_eq!(of_cid.login(&cid).await["CustomStatus"], "YXQgbHVuY2g=");
}

#[tokio::test]
async fn devices_make_room_as_the_login_policy_says() {
    let server =
        Server::with_settings("login = { policy = \"triple\", web_instances = 2, native_instances = 1 }").await;
    let user = unique("ana");
    let phone = device(&server, &user, 2).await;
    let mac = device(&server, &user, 4).await;
    let first = device(&server, &user, 7).await;
    let second = device(&server, &user, 7).await;
    assert_eq!(status(&server, &user).await["Detail"].as_array().expect("a list").len(), 3);
    let tablet = device(&server, &user, 13).await;
    let kicked = phone.other("im_open_status.stat_forceoffline").await;
    let notice = &kicked["body"]["EventArray"][0]["C2cNotifyMsgArray"][0]["KickoutMsgNotify"];
    assert_eq!(notice["KickType"], 2, "another platform took its place");
    let third = device(&server, &user, 7).await;
    first.other("im_open_status.stat_forceoffline").await;
    let bob = server.login(&unique("bob")).await;
    bob.ok("openim.sendmsg", whisper(&user, "who is here?")).await;
    for here in [&mac, &second, &third, &tablet] {
        here.event("C2cMsgArray", |item| item["MsgBody"][0]["MsgContent"]["Text"] == "who is here?").await;
    }
    for gone in [&phone, &first] {
        assert!(gone.events().await.iter().all(|event| event["C2cMsgArray"].is_null()));
    }
}

#[tokio::test]
async fn who_was_replaced_while_away_learns_it_also_after_a_restart() {
    let mut server = Server::start(&[]).await;
    let user = unique("ana");
    let (first, second) = (server.login(&user).await, server.login(&user).await);
    first.other("im_open_status.stat_forceoffline").await;
    server.kill().await;
    server.restart().await;
    let back = server.connect_as(first.instance(), "binfo").await;
    back.use_credentials(first.credentials());
    back.ok("im_open_status.wslogin", json!({ "State": "Online" })).await;
    let refused = back.fails(1002, "im_open_status.wshello", json!({})).await;
    assert_eq!(refused["KickType"], 1);
    let newer = server.connect_as(second.instance(), "binfo").await;
    newer.use_credentials(second.credentials());
    newer.ok("im_open_status.wslogin", json!({ "State": "Online" })).await;
    newer.ok("im_open_status.wshello", json!({})).await;
}

#[tokio::test]
async fn who_is_muted_in_the_app_says_nothing_and_hears_everything() {
    let server = shared().await;
    let (ana, bob) = (unique("ana"), unique("bob"));
    let (of_ana, of_bob) = (server.login(&ana).await, server.login(&bob).await);
    let group = server.group("Public", &bob, &[&ana]).await;
    let set = async |direct: Value, groups: Value| {
        let mut body = json!({ "Set_Account": ana });
        for (field, value) in [("C2CmsgNospeakingTime", direct), ("GroupmsgNospeakingTime", groups)] {
            if !value.is_null() {
                body[field] = value;
            }
        }
        server.ok("openconfigsvr/setnospeaking", body).await;
        let left = server.ok("openconfigsvr/getnospeaking", json!({ "Get_Account": ana })).await;
        (
            left["C2CmsgNospeakingTime"].as_u64().expect("seconds"),
            left["GroupmsgNospeakingTime"].as_u64().expect("seconds"),
        )
    };
    let forever = u64::from(u32::MAX);
    let (direct, groups) = set(json!(3600), Value::Null).await;
    assert!((3590..=3600).contains(&direct) && groups == 0, "{direct} {groups}");
    let refused = of_ana.fails(20012, "openim.sendmsg", whisper(&bob, "muted")).await;
    assert!(refused["ErrorInfo"].as_str().expect("a text").contains("muted"));
    of_ana.say(&group, "in the group").await;
    let (direct, groups) = set(Value::Null, json!(u32::MAX)).await;
    assert!((3580..=3600).contains(&direct) && groups == forever, "{direct} {groups}");
    let words = json!({ "GroupId": group, "Random": random(), "MsgBody": text("no more") });
    of_ana.fails(10017, "group_open_http_svc.send_group_msg", words).await;
    // Backends speak for them, and they hear.
    let mail = json!({ "From_Account": ana, "To_Account": bob, "MsgRandom": random(), "MsgBody": text("by mail") });
    server.ok("openim/sendmsg", mail).await;
    let post = json!({ "From_Account": ana, "GroupId": group, "Random": random(), "MsgBody": text("by post") });
    server.ok("group_open_http_svc/send_group_msg", post).await;
    of_bob.hears("by post").await;
    of_bob.say(&group, "heard?").await;
    of_ana.hears("heard?").await;
    assert_eq!(set(json!(0), json!(0)).await, (0, 0));
    of_ana.ok("openim.sendmsg", whisper(&bob, "again")).await;
    of_ana.say(&group, "and here").await;
    for (command, body, code) in [
        ("setnospeaking", json!({ "C2CmsgNospeakingTime": 1 }), 130_004),
        ("setnospeaking", json!({ "Set_Account": unique("ghost"), "C2CmsgNospeakingTime": 1 }), 130_005),
        ("setnospeaking", json!({ "Set_Account": 7, "C2CmsgNospeakingTime": 1 }), 130_005),
        ("setnospeaking", json!({ "Set_Account": ana }), 130_008),
        ("setnospeaking", json!({ "Set_Account": ana, "C2CmsgNospeakingTime": "1" }), 130_001),
        ("getnospeaking", json!({}), 130_002),
        ("getnospeaking", json!({ "Get_Account": unique("ghost") }), 130_003),
    ] {
        server.fails(code, &format!("openconfigsvr/{command}"), body).await;
    }
}

#[tokio::test]
async fn a_changed_profile_is_told_to_those_who_list_its_owner() {
    let settings = "profile_fields = [{ keyword = \"Team\" }, { keyword = \"Rank\", kind = \"integer\" }, \
                    { keyword = \"Note\", client_read = false, client_write = false }]";
    let server = Server::with_settings(settings).await;
    let (ana, bob, eve) = (unique("ana"), unique("bob"), unique("eve"));
    let (of_ana, of_bob, of_eve) = (server.login(&ana).await, server.login(&bob).await, server.login(&eve).await);
    let add = json!({ "From_Account": bob, "AddFriendItem": [{ "To_Account": ana }], "AddType": "Add_Type_Single",
        "ForceAddFlags": 1 });
    server.ok("sns/friend_add", add).await;
    let items = json!([{ "Tag": "Tag_Profile_IM_Nick", "Value": "Ana" }, { "Tag": "Tag_Profile_IM_Level", "Value": 4 },
        { "Tag": "Tag_Profile_Custom_Team", "Value": "red" }, { "Tag": "Tag_Profile_Custom_Rank", "Value": 9 },
        { "Tag": "Tag_Profile_Custom_Note", "Value": "hidden" }]);
    server.ok("profile/portrait_set", json!({ "From_Account": ana, "ProfileItem": items })).await;
    for client in [&of_ana, &of_bob] {
        let told = client.event("ProfileDataMod", |item| item["Profile_Account"] == ana).await;
        let list = told["ProfileList"].as_array().expect("a list");
        assert!(list.contains(&json!({ "Tag": "Tag_Profile_IM_Nick", "ValueBytes": "Ana" })), "{told}");
        assert!(list.contains(&json!({ "Tag": "Tag_Profile_Custom_Rank", "ValueNum": 9 })), "{told}");
        assert_eq!(list.len(), 4, "{told}");
    }
    assert!(of_eve.events().await.iter().all(|event| event["ProfileDataMod"].is_null()));
    // Clients neither read nor write what is kept from them.
    let own = json!({ "ProfileItem": [{ "Tag": "Tag_Profile_Custom_Note", "Value": "mine" }] });
    of_ana.fails(40008, "profile.portrait_set", own).await;
    let whole = of_bob.ok("profile.portrait_get_all", json!({ "UserItem": [{ "To_Account": ana }] })).await;
    assert!(!whole.to_string().contains("hidden"));
    for (tag, value, code) in [
        ("Tag_Profile_Custom_Rank", json!("12"), 0),
        ("Tag_Profile_Custom_Rank", json!("high"), 40610),
        ("Tag_Profile_Custom_Team", json!(7), 40610),
        ("Tag_Profile_Custom_Team", json!("t".repeat(501)), 40601),
        ("Tag_Profile_Custom_Nope", json!("x"), 40009),
        ("Tag_Profile_IM_Gender", json!("male"), 40605),
        ("Tag_Profile_IM_BirthDay", json!("today"), 40610),
        ("Tag_Profile_IM_Location", json!("l".repeat(17)), 40601),
    ] {
        let body = json!({ "From_Account": ana, "ProfileItem": [{ "Tag": tag, "Value": value }] });
        assert_eq!(server.call("profile/portrait_set", &body).await["ErrorCode"], code, "{tag}");
    }
}

#[tokio::test]
async fn the_app_has_room_for_so_many_accounts_and_deleted_ids_rest() {
    let settings = "account = { reimport_block_days = 30 }\n[apps.settings.limits.overrides.app]\nmax_accounts = 3";
    let server = Server::with_settings(settings).await;
    // One is the admin.
    let import = async |user: &str| {
        server.call("im_open_login_svc/account_import", &json!({ "UserID": user })).await["ErrorCode"].clone()
    };
    assert_eq!(import("one").await, 0);
    assert_eq!(import("two").await, 0);
    assert_eq!(import("three").await, 70398);
    assert_eq!(import("one").await, 0);
    let answer = server.call("im_open_login_svc/multiaccount_import", &json!({ "Accounts": ["one", "three"] })).await;
    assert_eq!((&answer["ErrorCode"], &answer["FailAccounts"]), (&json!(0), &json!(["three"])));
    let client = server.connect().await;
    client.use_credentials(json!({ "identifier": "three", "usersig": ticket("three") }));
    client.fails(70398, "im_open_status.wslogin", json!({ "State": "Online" })).await;
    server.ok("im_open_login_svc/account_delete", json!({ "DeleteItem": [{ "UserID": "two" }] })).await;
    assert_eq!(import("two").await, 70399);
    assert_eq!(import("three").await, 0);
}

#[tokio::test]
async fn ids_that_only_the_server_gives_out_are_not_imported() {
    let server = shared().await;
    for id in ["@RBT#helper", "@TOA#_news", "@TGS#1234", "@TLS#NOT_FOUND"] {
        server.fails(70402, "im_open_login_svc/account_import", json!({ "UserID": id })).await;
        let one = unique("ann");
        let answer = server.ok("im_open_login_svc/multiaccount_import", json!({ "Accounts": [id, one] })).await;
        assert_eq!(answer["FailAccounts"], json!([id]));
    }
    server.fails(90001, "openim/query_online_status", json!({ "To_Account": [] })).await;
}

/// Texts that clients compare.
#[tokio::test]
async fn profiles_that_cannot_be_read_are_refused_with_the_known_text() {
    let server = shared().await;
    for (command, body) in [
        ("profile/portrait_set", json!({ "From_Account": ADMIN })),
        ("profile/portrait_set", json!({ "From_Account": ADMIN, "ProfileItem": "x" })),
        ("profile/portrait_get", json!({ "To_Account": ADMIN, "TagList": ["Tag_Profile_IM_Nick"] })),
    ] {
        let answer = server.fails(40001, command, body).await;
        assert_eq!(answer["ErrorInfo"], "Err_Profile_Comm_Decode_Fail", "{command}");
    }
}

#[tokio::test]
async fn an_id_that_comes_again_reads_nothing_of_what_was_said_before() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let say = |from: &str, to: &str, words: &str| json!({ "From_Account": from, "To_Account": to, "MsgRandom": random(), "MsgBody": text(words) });
    let read = async |operator: &str, peer: &str| {
        let page = json!({ "Operator_Account": operator, "Peer_Account": peer, "MaxCnt": 20, "MinTime": 0,
            "MaxTime": 4_000_000_000u32 });
        let answer = server.ok("openim/admin_getroammsg", page).await;
        let list = answer["MsgList"].as_array().expect("a list").clone();
        list.iter().map(|message| message["MsgBody"][0]["MsgContent"]["Text"].clone()).collect::<Vec<_>>()
    };
    server.ok("openim/sendmsg", say(&users[0], &users[1], "one")).await;
    server.ok("openim/sendmsg", say(&users[1], &users[0], "two")).await;
    server.ok("im_open_login_svc/account_delete", json!({ "DeleteItem": [{ "UserID": users[0] }] })).await;
    server.ok("im_open_login_svc/account_import", json!({ "UserID": users[0] })).await;
    let counted = server.ok("openim/get_c2c_unread_msg_num", json!({ "To_Account": users[0] })).await;
    assert_eq!(counted["AllC2CUnreadMsgNum"], 0);
    server.ok("openim/sendmsg", say(&users[1], &users[0], "three")).await;
    assert_eq!(read(&users[0], &users[1]).await, ["three"]);
    assert_eq!(read(&users[1], &users[0]).await, ["one", "two", "three"]);
    let counted = server.ok("openim/get_c2c_unread_msg_num", json!({ "To_Account": users[0] })).await;
    assert_eq!(counted["AllC2CUnreadMsgNum"], 1);
}
