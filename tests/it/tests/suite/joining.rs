//! Joining, leaving, applications and invitations. Spec: docs/spec/group-types.md#2.2, docs/spec/websocket-protocol.md#10

use serde_json::{Value, json};
use tsudoi_it::{Client, Server, random, shared, text, unique};

const APPLY: &str = "group_open_http_svc.apply_join_group";
const QUIT: &str = "group_open_http_svc.quit_group";
const ADD: &str = "group_open_http_svc.add_group_member";
const DECIDE: &str = "group_open_http_svc.handle_apply_join_group";
const PENDING: &str = "group_open_http_svc.get_pendency";

/// The operation types of tips and the report types of notices.
const JOINED_TIP: u32 = 1;
const QUIT_TIP: u32 = 2;
const APPLIED: u32 = 1;
const APPROVED: u32 = 2;
const REFUSED: u32 = 3;
const INVITED: u32 = 7;
const LEFT: u32 = 8;
const INVITE_REQUEST: u32 = 12;
const INVITE_ACCEPTED: u32 = 13;
const INVITE_REFUSED: u32 = 14;

async fn group_with(server: &Server, group_type: &str, owner: &str, members: &[&str], options: &Value) -> String {
    let group = server.group(group_type, owner, members).await;
    let mut body = json!({ "GroupId": group });
    if let (Value::Object(body), Value::Object(options)) = (&mut body, options) {
        body.extend(options.clone());
    }
    server.ok("group_open_http_svc/modify_group_base_info", body).await;
    group
}

fn apply(group: &str) -> Value {
    json!({ "GroupId": group, "ApplyMsg": "let me in", "WebPushFlag": 1 })
}

async fn promote(server: &Server, group: &str, user: &str) {
    let body = json!({ "GroupId": group, "Member_Account": user, "Role": "Admin" });
    server.ok("group_open_http_svc/modify_group_member_info", body).await;
}

async fn role(server: &Server, group: &str, user: &str) -> Value {
    let body = json!({ "GroupId": group, "User_Account": [user] });
    server.ok("group_open_http_svc/get_role_in_group", body).await["UserIdList"][0]["Role"].clone()
}

/// The decision about the application that a notice tells of.
fn decision(notice: &Value, group: &str, verdict: &str) -> Value {
    let body = &notice["MsgBody"];
    json!({
        "GroupId": group, "Applicant_Account": body["Operator_Account"], "HandleMsg": verdict, "ApprovalMsg": "so be it",
        "Authentication": body["Authentication"], "MsgKey": body["MsgKey"],
    })
}

#[tokio::test]
async fn who_may_come_is_in_at_once() {
    let server = shared().await;
    let users = server.users(&["ana", "eve"]).await;
    let (ana, eve) = (users[0].as_str(), users[1].as_str());
    let group = group_with(server, "Public", ana, &[], &json!({ "ApplyJoinOption": "FreeAccess" })).await;
    let (cana, ceve) = (server.login(ana).await, server.login(eve).await);
    assert_eq!(ceve.ok(APPLY, apply(&group)).await["JoinedStatus"], "JoinedSuccess");
    for client in [&cana, &ceve] {
        let tip = client.tip(&group, JOINED_TIP).await;
        let body = &tip["MsgBody"];
        assert_eq!(body["List_Account"], json!([eve]));
        assert_eq!(body["Operator_Account"], json!(eve));
        assert_eq!((&body["GroupJoinType"], &body["MemberNum"]), (&json!(1), &json!(2)));
    }
    ceve.fails(10013, APPLY, apply(&group)).await;
    cana.say(&group, "welcome").await;
    ceve.hears("welcome").await;
    assert_eq!(ceve.events().await, [] as [Value; 0], "newcomers are not told what they did");
}

#[tokio::test]
async fn who_may_not_come_stays_out() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "eve"]).await;
    let [ana, bob, eve] = [0, 1, 2].map(|at| users[at].as_str());
    let client = server.login(eve).await;
    let work = server.group("Work", ana, &[]).await;
    client.fails(10007, APPLY, apply(&work)).await;
    let closed = group_with(server, "Public", ana, &[], &json!({ "ApplyJoinOption": "DisableApply" })).await;
    client.fails(10007, APPLY, apply(&closed)).await;
    let full = group_with(server, "Meeting", ana, &[bob], &json!({ "MaxMemberNum": 2 })).await;
    client.fails(10014, APPLY, apply(&full)).await;
    client.fails(10010, APPLY, apply(&unique("gone"))).await;
    client.fails(10015, APPLY, apply("")).await;
    client.fails(10015, APPLY, json!({})).await;
    let open = server.group("Meeting", ana, &[]).await;
    client.fails(10004, APPLY, json!({ "GroupId": open, "ApplyMsg": "w".repeat(1001) })).await;
    client.fails(10004, APPLY, json!({ "GroupId": open, "ApplyMsg": 7 })).await;
    let joined = server.ok("group_open_http_svc/get_joined_group_list", json!({ "Member_Account": eve })).await;
    assert_eq!(joined["TotalCount"], 0);
}

#[tokio::test]
async fn an_application_waits_is_told_and_decided_once() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid", "eve"]).await;
    let [ana, bob, cid, eve] = [0, 1, 2, 3].map(|at| users[at].as_str());
    let group = server.group("Public", ana, &[bob, cid]).await;
    promote(server, &group, bob).await;
    let (cana, cbob, ccid, ceve) =
        (server.login(ana).await, server.login(bob).await, server.login(cid).await, server.login(eve).await);
    assert_eq!(ceve.ok(APPLY, apply(&group)).await["JoinedStatus"], "WaitAdminApproval");

    let notice = cana.notice(&group, APPLIED).await;
    let body = &notice["MsgBody"];
    assert_eq!((&body["Operator_Account"], &body["RemarkInfo"]), (&json!(eve), &json!("let me in")));
    assert_ne!(body["Authentication"], "");
    assert!(body["MsgKey"].as_i64().expect("a key") > 1_600_000_000_000);
    assert!(notice["MsgSeq"].as_u64() > Some(0) && notice["MsgRandom"].as_u64() > Some(0));
    let same = cbob.notice(&group, APPLIED).await;
    assert_eq!(same["MsgBody"]["Authentication"], body["Authentication"]);

    ccid.fails(10007, DECIDE, decision(&notice, &group, "Agree")).await;
    let mut forged = decision(&notice, &group, "Agree");
    forged["Authentication"] = json!("guessed");
    cana.fails(10024, DECIDE, forged).await;
    cana.fails(10004, DECIDE, decision(&notice, &group, "Perhaps")).await;
    assert_eq!(role(server, &group, eve).await, "NotMember");

    cbob.ok(DECIDE, decision(&notice, &group, "Agree")).await;
    let approval = ceve.notice(&group, APPROVED).await;
    assert_eq!(approval["MsgBody"]["Operator_Account"], json!(bob));
    assert_eq!(approval["MsgBody"]["RemarkInfo"], "so be it");
    let tip = ccid.tip(&group, JOINED_TIP).await;
    assert_eq!((&tip["MsgBody"]["List_Account"], &tip["MsgBody"]["GroupJoinType"]), (&json!([eve]), &json!(1)));
    ceve.tip(&group, JOINED_TIP).await;
    cana.fails(10024, DECIDE, decision(&notice, &group, "Reject")).await;
    assert_eq!(role(server, &group, eve).await, "Member");
    assert_eq!(ccid.events().await, [] as [Value; 0], "ordinary members hear of no application");
}

#[tokio::test]
async fn a_refused_applicant_may_try_again() {
    let server = shared().await;
    let users = server.users(&["ana", "eve"]).await;
    let (ana, eve) = (users[0].as_str(), users[1].as_str());
    let group = server.group("Public", ana, &[]).await;
    let (cana, ceve) = (server.login(ana).await, server.login(eve).await);
    ceve.ok(APPLY, apply(&group)).await;
    let first = cana.notice(&group, APPLIED).await;
    cana.ok(DECIDE, decision(&first, &group, "Reject")).await;
    let refusal = ceve.notice(&group, REFUSED).await;
    assert_eq!(refusal["MsgBody"]["RemarkInfo"], "so be it");
    ceve.ok(APPLY, apply(&group)).await;
    ceve.ok(APPLY, apply(&group)).await;
    let second = cana.notice(&group, APPLIED).await;
    let third = cana.notice(&group, APPLIED).await;
    cana.fails(10024, DECIDE, decision(&second, &group, "Agree")).await;
    cana.ok(DECIDE, decision(&third, &group, "Agree")).await;
    ceve.notice(&group, APPROVED).await;
}

#[tokio::test]
async fn somebody_who_came_another_way_applies_no_longer() {
    let server = shared().await;
    let users = server.users(&["ana", "eve"]).await;
    let (ana, eve) = (users[0].as_str(), users[1].as_str());
    let group = server.group("Public", ana, &[]).await;
    let (cana, ceve) = (server.login(ana).await, server.login(eve).await);
    ceve.ok(APPLY, apply(&group)).await;
    let notice = cana.notice(&group, APPLIED).await;
    let body = json!({ "GroupId": group, "MemberList": [{ "Member_Account": eve }] });
    server.ok("group_open_http_svc/add_group_member", body).await;
    assert_eq!(cana.ok(PENDING, page(0, 20, ana)).await["PendencyList"], json!([]));
    cana.fails(10024, DECIDE, decision(&notice, &group, "Reject")).await;
    assert_eq!(role(server, &group, eve).await, "Member");
}

fn page(start: i64, limit: u32, user: &str) -> Value {
    json!({ "StartTime": start, "Limit": limit, "Handle_Account": user })
}

#[tokio::test]
async fn applications_are_listed_to_those_who_decide() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "eve", "joe"]).await;
    let [ana, bob, eve, joe] = [0, 1, 2, 3].map(|at| users[at].as_str());
    let group = server.group("Public", ana, &[bob]).await;
    let town = group_with(server, "Community", ana, &[], &json!({ "ApplyJoinOption": "NeedPermission" })).await;
    for user in [eve, joe] {
        let client = server.login(user).await;
        client.ok(APPLY, apply(&group)).await;
        // Lists go by the millisecond.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        client.ok("million_group_open_http_svc.apply_join_group", apply(&town)).await;
    }
    let (cana, cbob) = (server.login(ana).await, server.login(bob).await);
    let first = cana.ok(PENDING, page(0, 1, ana)).await;
    let item = &first["PendencyList"][0];
    for (field, value) in [
        ("GroupId", json!(group)),
        ("GroupName", json!("suite")),
        ("From_Account", json!(joe)),
        ("ApplyInviteMsg", json!("let me in")),
        ("PendencyType", json!(0)),
        ("Handled", json!(0)),
    ] {
        assert_eq!(item[field], value, "{field}");
    }
    let next = first["NextStartTime"].as_i64().expect("a number");
    assert_ne!(next, 0);
    let second = cana.ok(PENDING, page(next, 1, ana)).await;
    assert_eq!(second["PendencyList"][0]["From_Account"], json!(eve));
    assert_eq!(second["NextStartTime"], 0);
    let towns = cana.ok("million_group_open_http_svc.get_pendency", page(0, 20, ana)).await;
    let listed: Vec<_> =
        towns["PendencyList"].as_array().expect("a list").iter().map(|item| &item["GroupId"]).collect();
    assert_eq!(listed, [&json!(town), &json!(town)]);
    assert_eq!(cbob.ok(PENDING, page(0, 20, bob)).await["PendencyList"], json!([]));
    // What the list says is enough to decide.
    let body = json!({ "GroupId": group, "Applicant_Account": joe, "HandleMsg": "Agree", "ApprovalMsg": "",
        "Authentication": item["Authentication"], "MsgKey": item["AddTime"] });
    cana.ok(DECIDE, body).await;
    assert_eq!(role(server, &group, joe).await, "Member");
}

#[tokio::test]
async fn whoever_leaves_hears_nothing_more() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (users[0].as_str(), users[1].as_str());
    let group = server.group("Public", ana, &[bob]).await;
    let (cana, cbob, other) = (server.login(ana).await, server.login(bob).await, server.connect().await);
    cbob.ok(QUIT, json!({ "GroupId": group })).await;
    let tip = cana.tip(&group, QUIT_TIP).await;
    assert_eq!((&tip["MsgBody"]["List_Account"], &tip["MsgBody"]["MemberNum"]), (&json!([bob]), &json!(1)));
    cbob.notice(&group, LEFT).await;
    cana.say(&group, "is he gone?").await;
    cana.hears("is he gone?").await;
    assert_eq!(cbob.events().await, [] as [Value; 0]);
    cbob.fails(10007, QUIT, json!({ "GroupId": group })).await;
    cana.fails(10009, QUIT, json!({ "GroupId": group })).await;
    cana.fails(10010, QUIT, json!({ "GroupId": unique("gone") })).await;
    other.fails(20001, QUIT, json!({ "GroupId": group })).await;
}

#[tokio::test]
async fn the_owner_of_a_work_group_may_leave_it() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (users[0].as_str(), users[1].as_str());
    let group = server.group("Work", ana, &[bob]).await;
    let (cana, cbob) = (server.login(ana).await, server.login(bob).await);
    cana.say(&group, "good bye").await;
    cbob.hears("good bye").await;
    cana.ok(QUIT, json!({ "GroupId": group })).await;
    cbob.tip(&group, QUIT_TIP).await;
    cbob.say(&group, "without owner").await;
    assert_eq!(role(server, &group, ana).await, "NotMember");
    cana.notice(&group, LEFT).await;
    assert!(
        !cana
            .events()
            .await
            .iter()
            .any(|event| event["GroupMsgArray"][0]["MsgBody"][0]["MsgContent"]["Text"] == "without owner")
    );
}

async fn invite(client: &Client, group: &str, user: &str) -> Value {
    let body = json!({ "GroupId": group, "MemberList": [{ "Member_Account": user }] });
    client.ok(ADD, body).await["MemberList"][0]["Result"].clone()
}

#[tokio::test]
async fn clients_invite_as_the_type_lets_them() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "eve"]).await;
    let [ana, bob, eve] = [0, 1, 2].map(|at| users[at].as_str());
    let (cana, cbob, ceve) = (server.login(ana).await, server.login(bob).await, server.login(eve).await);
    let work = server.group("Work", ana, &[bob]).await;
    cana.say(&work, "awake").await;
    cbob.hears("awake").await;
    assert_eq!(invite(&cbob, &work, eve).await, 1);
    let notice = ceve.notice(&work, INVITED).await;
    assert_eq!(notice["MsgBody"]["Operator_Account"], json!(bob));
    ceve.tip(&work, JOINED_TIP).await;
    assert_eq!(invite(&cbob, &work, eve).await, 2);
    let public = server.group("Public", ana, &[bob]).await;
    for client in [&cana, &cbob, &ceve] {
        client.fails(10007, ADD, json!({ "GroupId": public, "MemberList": [{ "Member_Account": eve }] })).await;
    }
}

#[tokio::test]
async fn an_invitation_may_need_the_leaders() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "eve"]).await;
    let [ana, bob, eve] = [0, 1, 2].map(|at| users[at].as_str());
    let group = group_with(server, "Public", ana, &[bob], &json!({ "InviteJoinOption": "NeedPermission" })).await;
    let (cana, cbob, ceve) = (server.login(ana).await, server.login(bob).await, server.login(eve).await);
    assert_eq!(invite(&cbob, &group, eve).await, 3);
    cana.notice(&group, APPLIED).await;
    let item = cana.ok(PENDING, page(0, 20, ana)).await["PendencyList"][0].clone();
    let expected = (&json!(bob), &json!(eve), &json!(2));
    assert_eq!((&item["From_Account"], &item["To_Account"], &item["PendencyType"]), expected);
    let body = json!({ "GroupId": group, "Applicant_Account": bob, "Invited_Account": eve, "HandleMsg": "Agree",
        "ApprovalMsg": "", "Authentication": item["Authentication"] });
    let command = "group_open_http_svc.handle_invite_join_permission_group";
    cbob.fails(10007, command, body.clone()).await;
    cana.ok(command, body.clone()).await;
    let notice = ceve.notice(&group, INVITED).await;
    assert_eq!(notice["MsgBody"]["Operator_Account"], json!(bob));
    cbob.notice(&group, INVITE_ACCEPTED).await;
    let tip = cbob.tip(&group, JOINED_TIP).await;
    assert_eq!(tip["MsgBody"]["GroupJoinType"], 2);
    cana.fails(10024, command, body).await;
    let other = server.users(&["joe"]).await.remove(0);
    assert_eq!(invite(&cana, &group, &other).await, 1, "the owner needs nobody's leave");
}

#[tokio::test]
async fn an_invitation_may_need_the_invited() {
    let server = Server::with_settings("group_types.Public.member_invite = \"invitee_consents\"").await;
    let users = server.users(&["ana", "bob", "eve"]).await;
    let [ana, bob, eve] = [0, 1, 2].map(|at| users[at].as_str());
    let group = server.group("Public", ana, &[bob]).await;
    let (cbob, ceve) = (server.login(bob).await, server.login(eve).await);
    let answer = |request: &Value, verdict: &str| {
        let body = &request["MsgBody"];
        json!({ "GroupId": group, "Inviter_Account": body["Operator_Account"], "HandleMsg": verdict, "ApprovalMsg": "",
            "Authentication": body["Authentication"], "MsgKey": body["MsgKey"] })
    };
    let command = "group_open_http_svc.handle_invite_join_group";
    assert_eq!(invite(&cbob, &group, eve).await, 3);
    let request = ceve.notice(&group, INVITE_REQUEST).await;
    assert_eq!(request["MsgBody"]["Operator_Account"], json!(bob));
    cbob.fails(10024, command, answer(&request, "Agree")).await;
    ceve.ok(command, answer(&request, "Reject")).await;
    cbob.notice(&group, INVITE_REFUSED).await;
    assert_eq!(role(&server, &group, eve).await, "NotMember");
    assert_eq!(invite(&cbob, &group, eve).await, 3);
    let request = ceve.notice(&group, INVITE_REQUEST).await;
    ceve.ok(command, answer(&request, "Agree")).await;
    cbob.notice(&group, INVITE_ACCEPTED).await;
    cbob.tip(&group, JOINED_TIP).await;
    assert_eq!(role(&server, &group, eve).await, "Member");
    let body = json!({ "GroupId": group, "Random": random(), "ClientSeq": 1, "MsgBody": text("thanks") });
    ceve.ok("group_open_http_svc.send_group_msg", body).await;
    let direct = json!({ "GroupId": group, "MemberList": [{ "Member_Account": server.users(&["joe"]).await[0] }] });
    let added = server.ok("group_open_http_svc/add_group_member", direct).await;
    assert_eq!(added["MemberList"][0]["Result"], 1, "a backend asks nobody");
}

#[tokio::test]
async fn one_of_many_who_come_at_once_takes_the_last_place() {
    let server = shared().await;
    let users = server.users(&["ana", "u1", "u2", "u3", "u4", "u5", "u6"]).await;
    let group = group_with(server, "Meeting", &users[0], &[], &json!({ "MaxMemberNum": 4 })).await;
    let mut clients = Vec::new();
    for user in &users[1..] {
        clients.push(server.login(user).await);
    }
    let mut seqs = Vec::new();
    for client in &clients {
        seqs.push(client.request(APPLY, &apply(&group)).await);
    }
    let mut codes = Vec::new();
    for (client, seq) in clients.iter().zip(seqs) {
        codes.push(client.answer(seq).await["ErrorCode"].as_u64().expect("a code"));
    }
    codes.sort_unstable();
    assert_eq!(codes, [0, 0, 0, 10014, 10014, 10014]);
    let list = server.ok("group_open_http_svc/get_group_member_info", json!({ "GroupId": group })).await;
    assert_eq!((list["MemberNum"].as_u64(), list["MemberList"].as_array().map(Vec::len)), (Some(4), Some(4)));
}
