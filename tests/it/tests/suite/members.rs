//! Members of groups as backends and clients find them. Spec: docs/spec/rest-groups.md#2, docs/spec/websocket-protocol.md#10

use serde_json::{Value, json};
use tsudoi_it::{ADMIN, Client, Server, now, random, shared, text, unique};

const ADD: &str = "group_open_http_svc/add_group_member";
const DELETE: &str = "group_open_http_svc/delete_group_member";
const MODIFY: &str = "group_open_http_svc/modify_group_member_info";
const LIST: &str = "group_open_http_svc/get_group_member_info";
const NAMED: &str = "group_open_http_svc/get_specified_group_member_info";
const JOINED: &str = "group_open_http_svc/get_joined_group_list";
const ROLES: &str = "group_open_http_svc/get_role_in_group";
const MUTE: &str = "group_open_http_svc/forbid_send_msg";
const MUTED: &str = "group_open_http_svc/get_group_muted_account";
const BAN: &str = "group_open_http_svc/ban_group_member";
const UNBAN: &str = "group_open_http_svc/unban_group_member";
const BANNED: &str = "group_open_http_svc/get_group_ban_member";
const IMPORT: &str = "group_open_http_svc/import_group_member";

/// The operation types of tips and the report types of notices.
const JOINED_TIP: u32 = 1;
const KICKED_TIP: u32 = 3;
const ADMIN_SET_TIP: u32 = 4;
const ADMIN_UNSET_TIP: u32 = 5;
const MEMBER_TIP: u32 = 7;
const KICKED_NOTICE: u32 = 4;
const INVITED_NOTICE: u32 = 7;
const ADMIN_GIVEN_NOTICE: u32 = 9;
const ADMIN_TAKEN_NOTICE: u32 = 10;
const FLAG_NOTICE: u32 = 20;

fn named(users: &[&str]) -> Value {
    users.iter().map(|user| json!({ "Member_Account": user })).collect()
}

async fn add(server: &Server, group: &str, users: &[&str]) -> Vec<u64> {
    let answer = server.ok(ADD, json!({ "GroupId": group, "MemberList": named(users) })).await;
    results(&answer)
}

fn results(answer: &Value) -> Vec<u64> {
    let list = answer["MemberList"].as_array().expect("a list");
    list.iter().map(|item| item["Result"].as_u64().expect("a number")).collect()
}

/// A backend speaks for somebody: a sign that everything before it has been told.
async fn mark(server: &Server, group: &str, from: &str) -> String {
    let words = unique("mark");
    let body = json!({ "GroupId": group, "From_Account": from, "Random": random(), "MsgBody": text(&words) });
    server.ok("group_open_http_svc/send_group_msg", body).await;
    words
}

/// What a client heard before the words: tips by operation type, notices by report type, messages as 0; in order.
async fn heard(client: &Client, words: &str) -> Vec<(&'static str, u64)> {
    client.hears(words).await;
    let mut heard = Vec::new();
    for event in client.events().await {
        for item in event["GroupTips"].as_array().into_iter().flatten() {
            let body = &item["MsgBody"];
            heard.extend(body["OpType"].as_u64().map(|number| ("tip", number)));
            heard.extend(body["ReportType"].as_u64().map(|number| ("notice", number)));
        }
        heard.extend(event["GroupMsgArray"].as_array().into_iter().flatten().map(|_| ("message", 0)));
    }
    heard
}

async fn member(server: &Server, group: &str, user: &str) -> Value {
    let answer = server.ok(NAMED, json!({ "GroupId": group, "Member_List_Account": [user] })).await;
    answer["MemberList"][0].clone()
}

async fn role(server: &Server, group: &str, user: &str) -> Value {
    let answer = server.ok(ROLES, json!({ "GroupId": group, "User_Account": [user] })).await;
    answer["UserIdList"][0]["Role"].clone()
}

async fn apply_option(server: &Server, group: &str, option: &str) {
    let body = json!({ "GroupId": group, "ApplyJoinOption": option });
    server.ok("group_open_http_svc/modify_group_base_info", body).await;
}

#[tokio::test]
async fn added_members_are_told_and_are_in_before_the_group_hears_of_it() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "eve"]).await;
    let [ana, bob, eve] = [0, 1, 2].map(|at| users[at].as_str());
    let group = server.group("Public", ana, &[bob]).await;
    let (cana, cbob, ceve) = (server.login(ana).await, server.login(bob).await, server.login(eve).await);

    assert_eq!(add(server, &group, &[eve, bob, eve]).await, [1, 2, 2]);

    for client in [&cana, &cbob] {
        let tip = client.tip(&group, JOINED_TIP).await;
        let body = &tip["MsgBody"];
        assert_eq!(body["List_Account"], json!([eve]));
        assert_eq!(body["Operator_Account"], ADMIN);
        assert_eq!(body["GroupJoinType"], 2);
        assert_eq!(body["MemberNum"], 3);
    }
    let words = mark(server, &group, ana).await;
    assert_eq!(heard(&ceve, &words).await, [("notice", 7), ("tip", 1)]);
    assert_eq!(heard(&cbob, &words).await, []);

    let eve = member(server, &group, eve).await;
    assert_eq!(eve["Role"], "Member");
    assert_eq!(eve["MsgFlag"], "AcceptAndNotify");
    assert_eq!(eve["MsgSeq"], 1, "the tip about the newcomer is read, the message after it is not");
    assert!((eve["JoinTime"].as_i64().expect("a time") - now()).abs() < 5);
}

#[tokio::test]
async fn silence_tells_nobody_and_yet_newcomers_hear_what_is_said() {
    let server = shared().await;
    let users = server.users(&["ana", "eve"]).await;
    let (ana, eve) = (users[0].as_str(), users[1].as_str());
    let group = server.group("Public", ana, &[]).await;
    let (cana, ceve) = (server.login(ana).await, server.login(eve).await);
    let body = json!({ "GroupId": group, "Silence": 1, "MemberList": named(&[eve]) });
    assert_eq!(results(&server.ok(ADD, body).await), [1]);
    let words = mark(server, &group, ana).await;
    for client in [&cana, &ceve] {
        assert_eq!(heard(client, &words).await, []);
    }
}

#[tokio::test]
async fn an_addition_that_is_refused_adds_nobody() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let [ana, bob, cid] = [0, 1, 2].map(|at| users[at].as_str());
    let group = server.group("Public", ana, &[]).await;
    let live = server.group("AVChatRoom", ana, &[]).await;
    let stranger = unique("nobody");
    let of = |group: &str, users: &[&str]| json!({ "GroupId": group, "MemberList": named(users) });
    server.fails(10019, ADD, of(&group, &[bob, &stranger])).await;
    server.fails(10007, ADD, of(&live, &[bob])).await;
    server.fails(10010, ADD, of(&unique("gone"), &[bob])).await;
    server.fails(10015, ADD, of("", &[bob])).await;
    server.fails(10004, ADD, of(&group, &[])).await;
    server.fails(10004, ADD, json!({ "GroupId": group })).await;
    server.fails(10004, ADD, json!({ "GroupId": group, "MemberList": [bob] })).await;
    server.fails(10004, ADD, json!({ "GroupId": group, "MemberList": [{ "Member_Account": "u".repeat(33) }] })).await;
    server.fails(10005, ADD, of(&group, &vec![bob; 501])).await;
    let body = json!({ "GroupId": group, "MaxMemberNum": 2 });
    server.ok("group_open_http_svc/modify_group_base_info", body).await;
    server.fails(10014, ADD, of(&group, &[bob, cid])).await;
    for user in [bob, cid] {
        assert_eq!(role(server, &group, user).await, "NotMember");
    }
    assert_eq!(add(server, &group, &[ana, bob]).await, [2, 1], "one still has room");
}

#[tokio::test]
async fn nothing_reaches_the_removed() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "eve"]).await;
    let [ana, bob, eve] = [0, 1, 2].map(|at| users[at].as_str());
    let group = server.group("Public", ana, &[bob, eve]).await;
    let (cbob, ceve) = (server.login(bob).await, server.login(eve).await);
    let stranger = unique("nobody");
    let body = json!({ "GroupId": group, "MemberToDel_Account": [eve, eve, stranger], "Reason": "left project" });
    server.ok(DELETE, body.clone()).await;

    let notice = ceve.notice(&group, KICKED_NOTICE).await;
    assert_eq!(notice["MsgBody"]["Operator_Account"], ADMIN);
    assert_eq!(notice["MsgBody"]["RemarkInfo"], "left project");
    let tip = cbob.tip(&group, KICKED_TIP).await;
    assert_eq!(tip["MsgBody"]["List_Account"], json!([eve]));
    assert_eq!(tip["MsgBody"]["MemberNum"], 2);

    let words = mark(server, &group, ana).await;
    cbob.hears(&words).await;
    assert_eq!(ceve.events().await, [] as [Value; 0]);
    let say = json!({ "GroupId": group, "Random": random(), "ClientSeq": 1, "MsgBody": text("let me back") });
    ceve.fails(10007, "group_open_http_svc.send_group_msg", say).await;
    ceve.fails(10007, "group_open_http_svc.get_group_member_info", json!({ "GroupId": group, "Limit": 10 })).await;
    let joined = server.ok(JOINED, json!({ "Member_Account": eve })).await;
    assert_eq!(joined["TotalCount"], 0);
    server.ok(DELETE, body).await;
    assert_eq!(heard(&cbob, &mark(server, &group, ana).await).await, [], "nobody was there to be removed again");
}

#[tokio::test]
async fn removal_keeps_to_the_types() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (users[0].as_str(), users[1].as_str());
    let of = |group: &str, users: &[&str]| json!({ "GroupId": group, "MemberToDel_Account": users });
    // 1. A live room removes nobody.
    let live = server.group("AVChatRoom", ana, &[]).await;
    server.fails(10004, DELETE, of(&live, &[bob])).await;
    // 2. The owner stays, but for Work groups.
    let public = server.group("Public", ana, &[bob]).await;
    server.fails(10007, DELETE, of(&public, &[bob, ana])).await;
    assert_eq!(role(server, &public, bob).await, "Member", "all or nobody");
    let work = server.group("Work", ana, &[bob]).await;
    server.ok(DELETE, of(&work, &[ana])).await;
    let info = server.ok("group_open_http_svc/get_group_info", json!({ "GroupIdList": [work] })).await;
    assert_eq!(info["GroupInfo"][0]["Owner_Account"], "");
    // 3. A Meeting tells the removed only; with silence so does every type.
    let meeting = server.group("Meeting", ana, &[bob]).await;
    let (cana, cbob) = (server.login(ana).await, server.login(bob).await);
    server.ok(DELETE, of(&meeting, &[bob])).await;
    cbob.notice(&meeting, KICKED_NOTICE).await;
    server.ok(DELETE, json!({ "GroupId": public, "MemberToDel_Account": [bob], "Silence": 1 })).await;
    cbob.notice(&public, KICKED_NOTICE).await;
    for group in [&meeting, &public] {
        let words = mark(server, group, ana).await;
        assert_eq!(heard(&cana, &words).await, []);
    }
    // 4. Shapes.
    server.fails(10004, DELETE, of(&public, &[])).await;
    server.fails(10005, DELETE, of(&public, &vec![bob; 501])).await;
}

#[tokio::test]
async fn clients_remove_whom_their_role_reaches() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid", "dan"]).await;
    let [ana, bob, cid, dan] = [0, 1, 2, 3].map(|at| users[at].as_str());
    let group = server.group("Public", ana, &[bob, cid, dan]).await;
    server.ok(MODIFY, json!({ "GroupId": group, "Member_Account": bob, "Role": "Admin" })).await;
    let (cana, cbob, ccid) = (server.login(ana).await, server.login(bob).await, server.login(cid).await);
    let command = "group_open_http_svc.delete_group_member";
    let of = |user: &str| json!({ "GroupId": group, "MemberToDel_Account": [user], "Reason": "" });
    ccid.fails(10007, command, of(dan)).await;
    cbob.fails(10007, command, of(ana)).await;
    cbob.fails(10007, command, of(bob)).await;
    cbob.ok(command, of(dan)).await;
    let tip = ccid.tip(&group, KICKED_TIP).await;
    assert_eq!(tip["MsgBody"]["Operator_Account"], json!(bob));
    cana.ok(command, of(bob)).await;
    cbob.notice(&group, KICKED_NOTICE).await;
    cbob.fails(10007, command, of(cid)).await;
}

#[tokio::test]
async fn a_work_group_is_unseen_until_its_first_message() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "eve"]).await;
    let [ana, bob, eve] = [0, 1, 2].map(|at| users[at].as_str());
    let (cana, cbob, ceve) = (server.login(ana).await, server.login(bob).await, server.login(eve).await);
    let group = server.group("Work", ana, &[bob]).await;
    assert_eq!(add(server, &group, &[eve]).await, [1]);
    server.ok(DELETE, json!({ "GroupId": group, "MemberToDel_Account": [bob] })).await;
    assert_eq!(cbob.events().await, [] as [Value; 0]);
    let count = |user: &str, all: u32| json!({ "Member_Account": user, "WithNoActiveGroups": all });
    assert_eq!(server.ok(JOINED, count(eve, 0)).await["TotalCount"], 0);
    assert_eq!(server.ok(JOINED, count(eve, 1)).await["TotalCount"], 1);
    assert_eq!(server.ok(JOINED, count(ana, 0)).await["TotalCount"], 1, "the owner sees it");
    cana.say(&group, "good morning").await;
    ceve.hears("good morning").await;
    assert_eq!(server.ok(JOINED, count(eve, 0)).await["TotalCount"], 1);
    let of = |event: &Value| event.to_string().contains(&format!("\"{group}\""));
    assert!(!cbob.events().await.iter().any(of), "who was removed before it was seen never hears of it");
}

fn accounts(answer: &Value) -> Vec<&str> {
    let list = answer["MemberList"].as_array().expect("a list");
    list.iter().map(|item| item["Member_Account"].as_str().expect("a user")).collect()
}

#[tokio::test]
async fn members_are_listed_by_rank_page_by_page() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid", "dan"]).await;
    let [ana, bob, cid, dan] = [0, 1, 2, 3].map(|at| users[at].as_str());
    let group = server.group("Public", ana, &[bob, cid, dan]).await;
    server.ok(MODIFY, json!({ "GroupId": group, "Member_Account": cid, "Role": "Admin" })).await;

    let all = server.ok(LIST, json!({ "GroupId": group })).await;
    assert_eq!(all["MemberNum"], 4);
    assert_eq!(accounts(&all), [ana, cid, bob, dan]);
    assert!(all.get("Next").is_none(), "only communities are paged by it");
    let first = &all["MemberList"][0];
    assert_eq!(first["Role"], "Owner");
    assert_eq!(first["MsgFlag"], "AcceptAndNotify");
    assert_eq!(first["OnlineStatus"], "Offline");
    for (field, empty) in [
        ("NameCard", json!("")),
        ("ShutUpUntil", json!(0)),
        ("MuteUntil", json!(0)),
        ("LastSendMsgTime", json!(0)),
        ("AppMemberDefinedData", json!([])),
    ] {
        assert_eq!(first[field], empty, "{field} is there, also empty");
    }

    let page = server.ok(LIST, json!({ "GroupId": group, "Limit": 2, "Offset": 1 })).await;
    assert_eq!((accounts(&page), &page["MemberNum"]), (vec![cid, bob], &json!(4)));
    let past = server.ok(LIST, json!({ "GroupId": group, "Limit": 2, "Offset": 9 })).await;
    assert_eq!((accounts(&past), &past["MemberNum"]), (vec![], &json!(4)));
    let lead = server.ok(LIST, json!({ "GroupId": group, "MemberRoleFilter": ["Owner", "Admin"], "Limit": 9 })).await;
    assert_eq!((accounts(&lead), &lead["MemberNum"]), (vec![ana, cid], &json!(4)));
    let few = server.ok(LIST, json!({ "GroupId": group, "MemberInfoFilter": ["Role"], "Limit": 1 })).await;
    assert_eq!(few["MemberList"], json!([{ "Member_Account": ana, "Role": "Owner" }]));

    for limit in [json!(0), json!(6001), json!("10"), json!(-1)] {
        server.fails(10004, LIST, json!({ "GroupId": group, "Limit": limit })).await;
    }
    server.fails(10004, LIST, json!({ "GroupId": group, "MemberRoleFilter": ["Boss"] })).await;
    let live = server.group("AVChatRoom", ana, &[]).await;
    server.fails(10007, LIST, json!({ "GroupId": live })).await;
    server.fails(10007, NAMED, json!({ "GroupId": live, "Member_List_Account": [ana] })).await;
}

#[tokio::test]
async fn communities_are_paged_by_next() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let [ana, bob, cid] = [0, 1, 2].map(|at| users[at].as_str());
    let group = server.group("Community", ana, &[bob, cid]).await;
    let client = server.login(ana).await;
    let (mut next, mut seen) = (json!("0"), Vec::new());
    loop {
        let body = json!({ "GroupId": group, "Limit": 2, "Next": next });
        let page = client.ok("million_group_open_http_svc.get_group_member_info", body).await;
        assert_eq!(page["MemberNum"], 3);
        seen.extend(accounts(&page).into_iter().map(str::to_owned));
        next = page["Next"].clone();
        if next == "" {
            break;
        }
    }
    assert_eq!(seen, [ana, bob, cid]);
    let rest = server.ok(LIST, json!({ "GroupId": group, "Limit": 5, "Next": 0 })).await;
    assert_eq!((accounts(&rest).len(), &rest["Next"]), (3, &json!("")));
    server.fails(10004, LIST, json!({ "GroupId": group, "Limit": 5, "Next": "never" })).await;
}

#[tokio::test]
async fn named_members_and_roles() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (users[0].as_str(), users[1].as_str());
    let group = server.group("Public", ana, &[bob]).await;
    let stranger = unique("nobody");
    let body =
        json!({ "GroupId": group, "Member_List_Account": [bob, stranger], "MemberInfoFilter": ["Role", "NameCard"] });
    let answer = server.ok(NAMED, body).await;
    assert_eq!(answer["GroupId"], json!(group));
    assert_eq!(answer["MemberList"], json!([{ "Member_Account": bob, "Role": "Member", "NameCard": "" }]));
    server.fails(10005, NAMED, json!({ "GroupId": group, "Member_List_Account": vec![bob; 51] })).await;
    server.fails(10004, NAMED, json!({ "GroupId": group, "Member_List_Account": [] })).await;

    let answer = server.ok(ROLES, json!({ "GroupId": group, "User_Account": [stranger, ana, bob] })).await;
    let roles: Vec<_> = answer["UserIdList"].as_array().expect("a list").iter().map(|item| &item["Role"]).collect();
    assert_eq!(roles, ["NotMember", "Owner", "Member"]);
    server.fails(10005, ROLES, json!({ "GroupId": group, "User_Account": vec![bob; 501] })).await;
    let live = server.group("AVChatRoom", ana, &[]).await;
    server.fails(10007, ROLES, json!({ "GroupId": live, "User_Account": [ana] })).await;
}

#[tokio::test]
async fn roles_are_given_and_taken_and_told() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let [ana, bob, cid] = [0, 1, 2].map(|at| users[at].as_str());
    let group = server.group("Public", ana, &[bob, cid]).await;
    let (cana, cbob, ccid) = (server.login(ana).await, server.login(bob).await, server.login(cid).await);
    let command = "group_open_http_svc.modify_group_member_info";
    let of = |user: &str, role: &str| json!({ "GroupId": group, "Member_Account": user, "Role": role });
    cbob.fails(10007, command, of(cid, "Admin")).await;
    cana.ok(command, of(bob, "Admin")).await;
    for client in [&cana, &cbob, &ccid] {
        let tip = client.tip(&group, ADMIN_SET_TIP).await;
        assert_eq!(tip["MsgBody"]["List_Account"], json!([bob]));
        assert_eq!(tip["MsgBody"]["Operator_Account"], json!(ana));
    }
    cbob.notice(&group, ADMIN_GIVEN_NOTICE).await;
    cana.ok(command, of(bob, "Admin")).await;
    assert_eq!(heard(&ccid, &mark(server, &group, ana).await).await, [], "nothing changed, nothing is told");
    server.ok(MODIFY, of(bob, "Member")).await;
    ccid.tip(&group, ADMIN_UNSET_TIP).await;
    cbob.notice(&group, ADMIN_TAKEN_NOTICE).await;

    server.fails(10004, MODIFY, of(bob, "Owner")).await;
    server.fails(10004, MODIFY, of(bob, "Boss")).await;
    server.fails(10007, MODIFY, of(ana, "Member")).await;
    server.fails(10007, MODIFY, of(&unique("nobody"), "Admin")).await;
    let work = server.group("Work", ana, &[bob]).await;
    let body = json!({ "GroupId": work, "Member_Account": bob, "Role": "Admin", "NameCard": "never" });
    server.fails(10007, MODIFY, body).await;
    assert_eq!(member(server, &work, bob).await["NameCard"], "", "all or nothing");
}

#[tokio::test]
async fn name_cards_and_receive_options_are_ones_own() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (users[0].as_str(), users[1].as_str());
    let group = server.group("Public", ana, &[bob]).await;
    let (cana, cbob) = (server.login(ana).await, server.login(bob).await);
    let command = "group_open_http_svc.modify_group_member_info";
    let of = |user: &str, field: &str, value: &str| json!({ "GroupId": group, "Member_Account": user, field: value });
    cbob.ok(command, of(bob, "NameCard", "Bobby")).await;
    cbob.fails(10004, command, of(bob, "NameCard", &"n".repeat(51))).await;
    cbob.fails(10007, command, of(ana, "NameCard", "Boss")).await;
    assert_eq!(member(server, &group, bob).await["NameCard"], "Bobby");
    cana.fails(10007, command, of(bob, "MsgFlag", "Discard")).await;
    cana.fails(10004, command, of(ana, "MsgFlag", "Sometimes")).await;
    cana.fails(10004, command, json!({ "GroupId": group, "Member_Account": ana })).await;

    cbob.ok(command, of(bob, "MsgFlag", "Discard")).await;
    let notice = cbob.notice(&group, FLAG_NOTICE).await;
    assert_eq!(notice["MsgBody"]["MsgFlag"], "Discard");
    cana.say(&group, "nobody listens").await;
    cana.hears("nobody listens").await;
    server.ok(MODIFY, of(bob, "MsgFlag", "AcceptNotNotify")).await;
    cbob.notice(&group, FLAG_NOTICE).await;
    assert_eq!(heard(&cbob, &mark(server, &group, ana).await).await, [], "what was discarded stays so");
    assert_eq!(member(server, &group, bob).await["MsgFlag"], "AcceptNotNotify");
}

#[tokio::test]
async fn custom_fields_have_levels() {
    let server = Server::with_settings(
        r#"member_fields = [
            { key = "level", write = "admin", self_write = false },
            { key = "mood", write = "app_admin" },
            { key = "note", read = "app_admin", write = "app_admin", self_read = false, self_write = false },
        ]"#,
    )
    .await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (users[0].as_str(), users[1].as_str());
    let group = server.group("Public", ana, &[bob]).await;
    let (cana, cbob) = (server.login(ana).await, server.login(bob).await);
    let command = "group_open_http_svc.modify_group_member_info";
    let of = |key: &str, value: Value| json!({ "GroupId": group, "Member_Account": bob, "AppMemberDefinedData": [{ "Key": key, "Value": value }] });
    cbob.fails(10007, command, of("level", json!("9"))).await;
    cana.ok(command, of("level", json!(3))).await;
    cana.fails(10007, command, of("mood", json!("sad"))).await;
    cbob.ok(command, of("mood", json!("fine\u{0}"))).await;
    cbob.fails(10007, command, of("note", json!("x"))).await;
    server.ok(MODIFY, of("note", json!("watch"))).await;
    server.fails(10004, MODIFY, of("unknown", json!("x"))).await;
    server.fails(10004, MODIFY, of("level", json!("v".repeat(65)))).await;
    server.fails(10004, MODIFY, of("level", json!([]))).await;

    let fields = |member: &Value| member["AppMemberDefinedData"].clone();
    let level = json!({ "Key": "level", "Value": "3" });
    let mood = json!({ "Key": "mood", "Value": "fine\u{0}" });
    let note = json!({ "Key": "note", "Value": "watch" });
    assert_eq!(fields(&member(&server, &group, bob).await), json!([level, mood, note]));
    let list = cbob.ok("group_open_http_svc.get_group_member_info", json!({ "GroupId": group, "Limit": 10 })).await;
    assert_eq!(fields(&list["MemberList"][1]), json!([level, mood]));
    let body = json!({ "GroupId": group, "Member_List_Account": [bob], "MemberInfoFilter": ["Role"],
        "AppDefinedDataFilter_GroupMember": ["level", "note"] });
    let some = cana.ok("group_open_http_svc.get_specified_group_member_info", body).await;
    assert_eq!(
        some["MemberList"][0],
        json!({ "Member_Account": bob, "Role": "Member", "AppMemberDefinedData": [level] })
    );
    server.ok(MODIFY, of("level", json!(""))).await;
    assert_eq!(fields(&member(&server, &group, bob).await), json!([mood, note]));
}

async fn muted(server: &Server, group: &str) -> Vec<(String, i64)> {
    let newer = server.ok(MUTED, json!({ "GroupId": group })).await;
    let older = server.ok("group_open_http_svc/get_group_shutted_uin", json!({ "GroupId": group })).await;
    assert_eq!(newer["GroupId"], json!(group));
    let list = newer["MutedAccountList"].as_array().expect("a list");
    let until = |item: &Value| {
        (item["Member_Account"].as_str().expect("a user").to_owned(), item["MutedUntil"].as_i64().expect("a time"))
    };
    let muted: Vec<_> = list.iter().map(until).collect();
    let of_old: Vec<_> =
        older["ShuttedUinList"].as_array().expect("a list").iter().map(|item| item["ShuttedUntil"].as_i64()).collect();
    assert_eq!(of_old, muted.iter().map(|(_, until)| Some(*until)).collect::<Vec<_>>());
    muted
}

#[tokio::test]
async fn the_muted_are_silent_wherever_they_go() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "out"]).await;
    let [ana, bob, out] = [0, 1, 2].map(|at| users[at].as_str());
    let group = server.group("Public", ana, &[bob]).await;
    apply_option(server, &group, "FreeAccess").await;
    let (cana, cbob) = (server.login(ana).await, server.login(bob).await);
    let say = |words: &str| json!({ "GroupId": group, "Random": random(), "ClientSeq": 1, "MsgBody": text(words) });
    let send = "group_open_http_svc.send_group_msg";

    server.ok(MUTE, json!({ "GroupId": group, "Members_Account": [bob, out, bob], "MuteTime": 600 })).await;
    let tip = cana.tip(&group, MEMBER_TIP).await;
    assert_eq!(
        tip["MsgBody"]["MsgMemberInfo"],
        json!([{ "User_Account": bob, "ShutupTime": 600 }, { "User_Account": out, "ShutupTime": 600 }])
    );
    cbob.fails(10017, send, say("muted")).await;
    let list = muted(server, &group).await;
    assert_eq!(list.len(), 2);
    assert!(list.iter().all(|(_, until)| (until - now() - 600).abs() < 5), "{list:?}");
    cbob.ok("group_open_http_svc.quit_group", json!({ "GroupId": group })).await;
    cbob.ok("group_open_http_svc.apply_join_group", json!({ "GroupId": group, "ApplyMsg": "" })).await;
    cbob.fails(10017, send, say("a trick")).await;
    assert!(member(server, &group, bob).await["ShutUpUntil"].as_i64().expect("a time") > now());

    // Clients mute by changing the member; the older and the newer name mean the same.
    let modify = "group_open_http_svc.modify_group_member_info";
    let of = |user: &str, field: &str, time: u32| json!({ "GroupId": group, "Member_Account": user, field: time });
    cbob.fails(10007, modify, of(ana, "ShutUpTime", 60)).await;
    cbob.fails(10007, modify, of(bob, "ShutUpTime", 0)).await;
    cana.ok(modify, of(bob, "ShutUpTime", 0)).await;
    cbob.ok(send, say("thanks")).await;
    server.ok(MODIFY, of(bob, "MuteTime", u32::MAX)).await;
    assert_eq!(
        muted(server, &group).await.iter().find(|(user, _)| user == bob).map(|(_, until)| *until),
        Some(i64::from(u32::MAX))
    );
    server.ok(MUTE, json!({ "GroupId": group, "Members_Account": [bob, out], "ShutUpTime": 0 })).await;
    assert_eq!(muted(server, &group).await, []);
}

#[tokio::test]
async fn mutes_keep_to_the_types() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (users[0].as_str(), users[1].as_str());
    let of = |group: &str| json!({ "GroupId": group, "Members_Account": [bob], "MuteTime": 60 });
    let work = server.group("Work", ana, &[bob]).await;
    server.fails(10007, MUTE, of(&work)).await;
    server.fails(10007, MODIFY, json!({ "GroupId": work, "Member_Account": bob, "ShutUpTime": 60 })).await;
    assert_eq!(muted(server, &work).await, []);
    let live = server.group("AVChatRoom", ana, &[]).await;
    server.ok(MUTE, of(&live)).await;
    assert_eq!(muted(server, &live).await.len(), 1);
    server.fails(10007, MODIFY, json!({ "GroupId": live, "Member_Account": bob, "ShutUpTime": 0 })).await;
    server.ok(MODIFY, json!({ "GroupId": live, "Member_Account": ana, "ShutUpTime": 0 })).await;
    assert_eq!(muted(server, &live).await.len(), 1);
    server.ok(MUTE, json!({ "GroupId": live, "Members_Account": [bob], "MuteTime": 0 })).await;
    assert_eq!(muted(server, &live).await, []);
    server.fails(10007, MODIFY, json!({ "GroupId": live, "Member_Account": bob, "NameCard": "no" })).await;
    let public = server.group("Public", ana, &[bob]).await;
    server.fails(10004, MUTE, json!({ "GroupId": public, "Members_Account": [bob] })).await;
    server.fails(10004, MUTE, json!({ "GroupId": public, "Members_Account": [], "MuteTime": 1 })).await;
    server.fails(10005, MUTE, json!({ "GroupId": public, "Members_Account": vec![bob; 501], "MuteTime": 1 })).await;
    server.fails(10004, MUTE, json!({ "GroupId": public, "Members_Account": [bob], "MuteTime": "60" })).await;
    server.fails(10019, MUTE, json!({ "GroupId": public, "Members_Account": [unique("nobody")], "MuteTime": 1 })).await;
    let topic = format!("{public}@TOPIC#_x");
    server
        .fails(110_013, MUTE, json!({ "GroupId": public, "Members_Account": [bob], "MuteTime": 1, "TopicId": topic }))
        .await;
}

#[tokio::test]
async fn the_banned_stay_out_until_the_ban_ends() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "out"]).await;
    let [ana, bob, out] = [0, 1, 2].map(|at| users[at].as_str());
    let group = server.group("Public", ana, &[bob]).await;
    apply_option(server, &group, "FreeAccess").await;
    let (cana, cbob) = (server.login(ana).await, server.login(bob).await);
    let of =
        |users: &[&str]| json!({ "GroupId": group, "Members_Account": users, "Duration": 3600, "Description": "spam" });
    server.ok(BAN, of(&[bob, out])).await;
    let notice = cbob.notice(&group, KICKED_NOTICE).await;
    assert_eq!(notice["MsgBody"]["RemarkInfo"], "spam");
    let tip = cana.tip(&group, KICKED_TIP).await;
    assert_eq!(tip["MsgBody"]["List_Account"], json!([bob]), "who was out is not removed");
    let join = json!({ "GroupId": group, "ApplyMsg": "" });
    cbob.fails(10007, "group_open_http_svc.apply_join_group", join.clone()).await;
    assert_eq!(add(server, &group, &[bob, out]).await, [0, 0]);

    let page = server.ok(BANNED, json!({ "GroupId": group, "Limit": 1, "Offset": 0 })).await;
    assert_eq!(page["NextOffset"], 1);
    let first = &page["BannedAccountList"][0];
    assert!((first["BannedUntil"].as_i64().expect("a time") - now() - 3600).abs() < 5);
    let last = server.ok(BANNED, json!({ "GroupId": group, "Offset": 1 })).await;
    assert_eq!(last["NextOffset"], 0);
    let mut listed = [&first["Member_Account"], &last["BannedAccountList"][0]["Member_Account"]]
        .map(|user| user.as_str().expect("a user"));
    listed.sort_unstable();
    assert_eq!(listed, [bob, out]);

    server.ok(UNBAN, json!({ "GroupId": group, "Members_Account": [bob, ana] })).await;
    cbob.ok("group_open_http_svc.apply_join_group", join).await;
    let list = server.ok(BANNED, json!({ "GroupId": group, "Offset": 0 })).await;
    assert_eq!(list["BannedAccountList"].as_array().map(Vec::len), Some(1));
    // Clients, by role.
    let command = "group_open_http_svc.ban_group_member";
    cbob.fails(10007, command, of(&[out])).await;
    cana.ok(command, of(&[bob])).await;
    cbob.notice(&group, KICKED_NOTICE).await;
}

#[tokio::test]
async fn bans_keep_to_the_types_and_shapes() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (users[0].as_str(), users[1].as_str());
    let group = server.group("Public", ana, &[bob]).await;
    let community = server.group("Community", ana, &[bob]).await;
    let of = |group: &str| json!({ "GroupId": group, "Members_Account": [bob], "Duration": 60 });
    server.fails(10007, BAN, of(&community)).await;
    server.fails(10007, UNBAN, json!({ "GroupId": community, "Members_Account": [bob] })).await;
    server.fails(10007, BANNED, json!({ "GroupId": community, "Offset": 0 })).await;
    server.fails(10007, BAN, json!({ "GroupId": group, "Members_Account": [ana], "Duration": 60 })).await;
    server.fails(10004, BAN, json!({ "GroupId": group, "Members_Account": [bob] })).await;
    server.fails(10004, BAN, json!({ "GroupId": group, "Members_Account": [bob], "Duration": 0 })).await;
    server
        .fails(
            10004,
            BAN,
            json!({ "GroupId": group, "Members_Account": [bob], "Duration": 1, "Description": "d".repeat(1001) }),
        )
        .await;
    server.fails(10005, BAN, json!({ "GroupId": group, "Members_Account": vec![bob; 21], "Duration": 1 })).await;
    server.fails(10005, UNBAN, json!({ "GroupId": group, "Members_Account": vec![bob; 21] })).await;
    server.fails(10004, BANNED, json!({ "GroupId": group })).await;
    server.fails(10004, BANNED, json!({ "GroupId": group, "Limit": 101, "Offset": 0 })).await;
    assert_eq!(role(server, &group, bob).await, "Member");
}

#[tokio::test]
async fn joined_groups_are_filtered_and_paged() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (users[0].as_str(), users[1].as_str());
    let public = server.group("Public", ana, &[bob]).await;
    let meeting = server.group("Meeting", bob, &[ana]).await;
    let community = server.group("Community", ana, &[bob]).await;
    let ids = |answer: &Value| -> Vec<String> {
        let list = answer["GroupIdList"].as_array().expect("a list");
        list.iter().map(|item| item["GroupId"].as_str().expect("an id").to_owned()).collect()
    };
    let all = server.ok(JOINED, json!({ "Member_Account": bob })).await;
    assert_eq!(all["TotalCount"], 3);
    assert_eq!(ids(&all), [public.clone(), meeting.clone(), community.clone()]);
    assert_eq!(all["GroupIdList"][0], json!({ "GroupId": public }), "without a filter only ids");

    let page = server.ok(JOINED, json!({ "Member_Account": bob, "Limit": 1, "Offset": 1 })).await;
    assert_eq!((ids(&page), &page["TotalCount"]), (vec![meeting.clone()], &json!(3)));
    for name in ["Meeting", "ChatRoom"] {
        let some = server.ok(JOINED, json!({ "Member_Account": bob, "GroupType": name })).await;
        assert_eq!((ids(&some), &some["TotalCount"]), (vec![meeting.clone()], &json!(1)));
    }
    let filter = json!({ "GroupBaseInfoFilter": ["Type", "Owner_Account"], "SelfInfoFilter": ["Role", "MsgFlag"] });
    let some =
        server.ok(JOINED, json!({ "Member_Account": bob, "GroupType": "ChatRoom", "ResponseFilter": filter })).await;
    let expected = json!({ "GroupId": meeting, "Type": "ChatRoom", "Owner_Account": bob,
        "SelfInfo": { "Role": "Owner", "MsgFlag": "AcceptNotNotify" } });
    assert_eq!(some["GroupIdList"][0], expected);
    let without_topics =
        server.ok(JOINED, json!({ "Member_Account": bob, "GroupType": "Community", "SupportTopic": 0 })).await;
    assert_eq!(ids(&without_topics), std::slice::from_ref(&community));
    let with_topics =
        server.ok(JOINED, json!({ "Member_Account": bob, "GroupType": "Community", "SupportTopic": 1 })).await;
    assert_eq!(with_topics["TotalCount"], 0);

    server.fails(10004, JOINED, json!({})).await;
    server.fails(10004, JOINED, json!({ "Member_Account": bob, "GroupType": "Club" })).await;
    server.fails(10004, JOINED, json!({ "Member_Account": bob, "Limit": 5001 })).await;
    server.fails(10019, JOINED, json!({ "Member_Account": unique("nobody") })).await;

    // Clients see their own groups, whatever they ask for; communities also under their own service.
    let client = server.login(ana).await;
    let own = client
        .ok("group_open_http_svc.get_joined_group_list", json!({ "Member_Account": bob, "SupportTopic": 0 }))
        .await;
    assert_eq!(own["TotalCount"], 3);
    let own = client
        .ok("million_group_open_http_svc.get_joined_group_list", json!({ "Member_Account": ana, "SupportTopic": 0 }))
        .await;
    assert_eq!(ids(&own), [community]);
}

#[tokio::test]
async fn imported_members_have_their_past_and_hear_nothing_of_it() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid", "dan"]).await;
    let [ana, bob, cid, dan] = [0, 1, 2, 3].map(|at| users[at].as_str());
    let group = server.group("Public", ana, &[]).await;
    for _ in 0..3 {
        mark(server, &group, ana).await;
    }
    let (cana, cbob) = (server.login(ana).await, server.login(bob).await);
    let stranger = unique("nobody");
    let list = json!([
        { "Member_Account": bob, "Role": "Admin", "UnreadMsgNum": 2 },
        { "Member_Account": ana },
        { "Member_Account": stranger },
        { "Member_Account": cid, "JoinTime": now() + 1000 },
        { "Member_Account": dan, "UnreadMsgNum": 99 },
    ]);
    // A member cannot have joined in the second the group was created.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let answer = server.ok(IMPORT, json!({ "GroupId": group, "MemberList": list })).await;
    assert_eq!(results(&answer), [1, 2, 0, 0, 1]);
    assert_eq!(member(server, &group, bob).await["MsgSeq"], 1);
    assert_eq!(member(server, &group, bob).await["Role"], "Admin");
    assert_eq!(member(server, &group, dan).await["MsgSeq"], 0);
    let words = mark(server, &group, ana).await;
    for client in [&cana, &cbob] {
        assert_eq!(heard(client, &words).await, []);
    }
    server
        .fails(10004, IMPORT, json!({ "GroupId": group, "MemberList": [{ "Member_Account": cid, "Role": "Owner" }] }))
        .await;
    server
        .fails(10005, IMPORT, json!({ "GroupId": group, "MemberList": vec![json!({ "Member_Account": cid }); 501] }))
        .await;
    let live = server.group("AVChatRoom", ana, &[]).await;
    server.fails(10007, IMPORT, json!({ "GroupId": live, "MemberList": [{ "Member_Account": cid }] })).await;
}

#[tokio::test]
async fn an_account_has_only_so_many_groups() {
    let server = Server::with_settings("limits.overrides.group.max_groups_per_user = 2").await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (users[0].as_str(), users[1].as_str());
    let first = server.group("Meeting", ana, &[bob]).await;
    let second = server.group("Meeting", ana, &[bob]).await;
    let other = server.users(&["joe"]).await.remove(0);
    let third = server.group("Meeting", &other, &[]).await;
    assert_eq!(add(&server, &third, &[bob]).await, [0]);
    let client = server.login(bob).await;
    client.fails(10037, "group_open_http_svc.apply_join_group", json!({ "GroupId": third, "ApplyMsg": "" })).await;
    server.ok(DELETE, json!({ "GroupId": second, "MemberToDel_Account": [bob] })).await;
    client.notice(&second, KICKED_NOTICE).await;
    client.ok("group_open_http_svc.apply_join_group", json!({ "GroupId": third, "ApplyMsg": "" })).await;
    assert_eq!(role(&server, &first, bob).await, "Member");
    assert!(client.events().await.iter().all(|event| event["GroupTips"][0]["MsgBody"]["ReportType"] != INVITED_NOTICE));
}
