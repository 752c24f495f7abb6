//! Who may do what, as clients find it: the table of docs/spec/group-types.md#2.7, cell by cell, on real groups.

use serde_json::{Value, json};
use tsudoi_it::{Client, Server, shared, unique};

const SERVICE: &str = "group_open_http_svc";

/// A group with somebody of every role, and clients of all of them.
struct Scene<'a> {
    server: &'a Server,
    group: String,
    group_type: &'static str,
    /// Stranger, member, admin, owner.
    clients: [Client; 4],
    /// Their accounts.
    names: [String; 4],
    /// Whom things are done to.
    member: String,
    admin: Option<String>,
    stranger: String,
}

const ROLES: [&str; 4] = ["stranger", "member", "admin", "owner"];

impl<'a> Scene<'a> {
    async fn of(server: &'a Server, group_type: &'static str, has_admins: bool) -> Scene<'a> {
        let users = server.users(&["eve", "cid", "bob", "ana", "target", "chief", "guest"]).await;
        let admin = |user: &str| json!({ "Member_Account": user, "Role": if has_admins { "Admin" } else { "" } });
        let members =
            json!([{ "Member_Account": users[1] }, admin(&users[2]), { "Member_Account": users[4] }, admin(&users[5])]);
        let id = if group_type == "Community" { unique("@TGS#_rights") } else { unique("rights-") };
        server
            .ok(
                "group_open_http_svc/create_group",
                json!({ "Type": group_type, "Name": "Rights", "GroupId": id,
                "Owner_Account": users[3], "MemberList": members }),
            )
            .await;
        // A sleeping group is seen by its owner only.
        server
            .ok(
                "group_open_http_svc/send_group_msg",
                json!({ "GroupId": id, "From_Account": users[3],
                "Random": tsudoi_it::random(), "MsgBody": tsudoi_it::text("awake") }),
            )
            .await;
        let clients = [
            server.login(&users[0]).await,
            server.login(&users[1]).await,
            server.login(&users[2]).await,
            server.login(&users[3]).await,
        ];
        Scene {
            server,
            group: id,
            group_type,
            clients,
            names: [0, 1, 2, 3].map(|at| users[at].clone()),
            member: users[4].clone(),
            admin: has_admins.then(|| users[5].clone()),
            stranger: users[6].clone(),
        }
    }

    /// Lets each role try in turn; `y` did it, `-` was refused for lack of rights. What was done is undone in between.
    async fn verdicts(&self, command: &str, body: impl Fn(usize) -> Value, undo: impl AsyncFn()) -> String {
        let mut verdicts = String::new();
        for (at, client) in self.clients.iter().enumerate() {
            let mut body = body(at);
            body["GroupId"] = self.group.as_str().into();
            let answer = client.call(&format!("{SERVICE}.{command}"), body).await;
            verdicts.push(match answer["ErrorCode"].as_u64() {
                Some(0) => 'y',
                Some(10007 | 10009) => '-',
                _ => panic!("{} {command} by the {}: {answer}", self.group_type, ROLES[at]),
            });
            undo().await;
        }
        verdicts
    }

    async fn rest(&self, command: &str, mut body: Value) {
        body["GroupId"] = self.group.as_str().into();
        self.server.ok(&format!("{SERVICE}/{command}"), body).await;
    }
}

/// Columns: stranger, member, admin, owner. Where a type has no admins the column repeats what a member may.
const EXPECTED: &str = "
    operation             | Private | Public | ChatRoom | Community
    read the profile      | -yyy    | -yyy   | -yyy     | -yyy
    read the public face  | -yyy    | yyyy   | yyyy     | yyyy
    edit the profile      | -yyy    | --yy   | ---y     | ---y
    edit settings         | ---y    | --yy   | ---y     | ---y
    mute everybody        | ---y    | --yy   | --yy     | --yy
    invite                | -yyy    | ----   | ----     | -yyy
    kick a member         | ---y    | --yy   | --yy     | --yy
    kick an admin         |         | ---y   | ---y     | ---y
    mute a member         | ----    | --yy   | --yy     | --yy
    mute an admin         |         | ---y   | ---y     | ---y
    appoint an admin      | ----    | ---y   | ---y     | ---y
    own name card         | -yyy    | -yyy   | -yyy     | -yyy
    own receive option    | -yyy    | -yyy   | -yyy     | -yyy
    card of a member      | ---y    | --yy   | --yy     | --yy
    read the members      | -yyy    | -yyy   | -yyy     | -yyy
    speak                 | -yyy    | -yyy   | -yyy     | -yyy
    change attributes     | -yyy    | -yyy   | -yyy     | -yyy
    change counters       | -yyy    | -yyy   | -yyy     | ----
    transfer              | ---y    | ---y   | ---y     | ---y
    quit                  | -yyy    | -yy-   | -yy-     | -yy-
    dismiss               | ----    | ---y   | ---y     | ---y
";

async fn column(scene: &Scene<'_>) -> Vec<(&'static str, String)> {
    let nothing = async || {};
    let mut found = Vec::new();
    let infos = async |command: &str| {
        let mut verdicts = String::new();
        for client in &scene.clients {
            let answer = client.ok(&format!("{SERVICE}.{command}"), json!({ "GroupIdList": [scene.group] })).await;
            let code = answer["GroupInfo"][0]["ErrorCode"].as_u64();
            verdicts.push(if code == Some(0) { 'y' } else { '-' });
        }
        verdicts
    };
    found.push(("read the profile", infos("get_group_self_member_info").await));
    found.push(("read the public face", infos("get_group_public_info").await));
    let modify = "modify_group_base_info";
    found.push(("edit the profile", scene.verdicts(modify, |_| json!({ "Introduction": unique("i") }), nothing).await));
    found.push((
        "edit settings",
        scene
            .verdicts(
                modify,
                |_| json!({ "InviteJoinOption": "NeedPermission" }),
                async || {
                    let option = if matches!(scene.group_type, "Private" | "Community") {
                        "FreeAccess"
                    } else {
                        "DisableInvite"
                    };
                    scene.rest(modify, json!({ "InviteJoinOption": option })).await;
                },
            )
            .await,
    ));
    found.push((
        "mute everybody",
        scene
            .verdicts(
                modify,
                |_| json!({ "ShutUpAllMember": "On" }),
                async || {
                    scene.rest(modify, json!({ "ShutUpAllMember": "Off" })).await;
                },
            )
            .await,
    ));
    found.push((
        "invite",
        scene
            .verdicts(
                "add_group_member",
                |_| json!({ "MemberList": [{ "Member_Account": scene.stranger }] }),
                async || {
                    scene
                        .rest("delete_group_member", json!({ "MemberToDel_Account": [scene.stranger], "Silence": 1 }))
                        .await;
                },
            )
            .await,
    ));
    for (name, target, role) in
        [("kick a member", Some(&scene.member), "Member"), ("kick an admin", scene.admin.as_ref(), "Admin")]
    {
        let Some(target) = target else { continue };
        found.push((
            name,
            scene
                .verdicts(
                    "delete_group_member",
                    |_| json!({ "MemberToDel_Account": [target] }),
                    async || {
                        scene
                            .rest(
                                "add_group_member",
                                json!({ "MemberList": [{ "Member_Account": target }], "Silence": 1 }),
                            )
                            .await;
                        if role == "Admin" {
                            scene
                                .rest("modify_group_member_info", json!({ "Member_Account": target, "Role": "Admin" }))
                                .await;
                        }
                    },
                )
                .await,
        ));
    }
    let member = "modify_group_member_info";
    for (name, target) in [("mute a member", Some(&scene.member)), ("mute an admin", scene.admin.as_ref())] {
        let Some(target) = target else { continue };
        found.push((
            name,
            scene.verdicts(member, |_| json!({ "Member_Account": target, "ShutUpTime": 60 }), nothing).await,
        ));
    }
    found.push((
        "appoint an admin",
        scene
            .verdicts(
                member,
                |_| json!({ "Member_Account": scene.member, "Role": "Admin" }),
                async || {
                    if scene.admin.is_some() {
                        scene.rest(member, json!({ "Member_Account": scene.member, "Role": "Member" })).await;
                    }
                },
            )
            .await,
    ));
    let own = |field: &'static str, value: &'static str| move |names: &[String; 4], at: usize| json!({ "Member_Account": names[at], field: value });
    let names = &scene.names;
    let (card, flag) = (own("NameCard", "Me"), own("MsgFlag", "Discard"));
    found.push(("own name card", scene.verdicts(member, |at| card(names, at), nothing).await));
    found.push(("own receive option", scene.verdicts(member, |at| flag(names, at), nothing).await));
    found.push((
        "card of a member",
        scene.verdicts(member, |_| json!({ "Member_Account": scene.member, "NameCard": "You" }), nothing).await,
    ));
    found.push((
        "read the members",
        scene.verdicts("get_group_member_info", |_| json!({ "Limit": 10, "Offset": 0 }), nothing).await,
    ));
    found.push((
        "speak",
        scene
            .verdicts(
                "send_group_msg",
                |_| json!({ "Random": tsudoi_it::random(), "MsgBody": tsudoi_it::text("hi") }),
                nothing,
            )
            .await,
    ));
    found.push((
        "change attributes",
        scene.verdicts("modify_group_attr", |_| json!({ "GroupAttr": [{ "key": "a", "value": "1" }] }), nothing).await,
    ));
    found.push((
        "change counters",
        scene
            .verdicts("update_group_counter", |_| json!({ "GroupCounter": [{ "Key": "a", "Value": 1 }] }), nothing)
            .await,
    ));
    found.push((
        "transfer",
        scene
            .verdicts(
                "change_group_owner",
                |_| json!({ "NewOwner_Account": scene.member }),
                async || {
                    // The owner gets the group back.
                    scene.rest("change_group_owner", json!({ "NewOwner_Account": names[3] })).await;
                },
            )
            .await,
    ));
    found.push(("quit", scene.verdicts("quit_group", |_| json!({}), async || {
        let back = json!({ "MemberList": names[1..].iter().map(|name| json!({ "Member_Account": name })).collect::<Vec<_>>(), "Silence": 1 });
        scene.rest("add_group_member", back).await;
        if scene.admin.is_some() {
            scene.rest(member, json!({ "Member_Account": names[2], "Role": "Admin" })).await;
        }
    }).await));
    if scene.group_type == "Private" {
        scene.rest("change_group_owner", json!({ "NewOwner_Account": names[3] })).await;
    }
    // Last: somebody succeeds, or nobody does.
    let mut dismissed = String::new();
    for client in &scene.clients {
        let answer = client.call(&format!("{SERVICE}.destroy_group"), json!({ "GroupId": scene.group })).await;
        dismissed.push(if answer["ErrorCode"] == 0 { 'y' } else { '-' });
    }
    found.push(("dismiss", dismissed));
    found
}

#[tokio::test]
async fn every_cell_as_clients_find_it() {
    let server = shared().await;
    let table: Vec<Vec<&str>> = EXPECTED
        .lines()
        .filter(|line| line.contains('|'))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let mut wrong = Vec::new();
    for (at, (group_type, has_admins)) in
        [("Private", false), ("Public", true), ("ChatRoom", true), ("Community", true)].into_iter().enumerate()
    {
        let scene = Scene::of(server, group_type, has_admins).await;
        let found = column(&scene).await;
        for row in &table[1..] {
            let expected = row[at + 1];
            let verdicts = found.iter().find(|(name, _)| *name == row[0]).map_or("", |(_, verdicts)| verdicts);
            if verdicts != expected {
                wrong.push(format!("{} in {group_type}: expected {expected}, found {verdicts}", row[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Live rooms and broadcast rooms, by code. Columns: stranger, member, admin, owner, muted, banned; in a broadcast room there are
/// strangers and members only.
const ROOMS: &str = "
    operation            | AVChatRoom                                | BChatRoom
    speak                | 10007     0     0     0 10017 10007       | 10007 10007
    edit the profile     | 10007 10007 10007     0 10007 10007       | 10007 10007
    edit settings        | 10007 10007 10007     0 10007 10007       | 10007 10007
    mute everybody       | 10007 10007     0     0 10007 10007       | 10007 10007
    bring somebody in    | 10007 10007 10007 10007 10007 10007       | 10007 10007
    kick a member        | 10004 10004 10004 10004 10004 10004       | 10004 10004
    mute a member        | 10007 10007     0     0 10007 10007       | 10007 10007
    mute an admin        | 10007 10007 10007     0 10007 10007       | 10007 10007
    mute several         | 10007 10007     0     0 10007 10007       | 10007 10007
    ban a stranger       | 10007 10007     0     0 10007 10007       | 10007 10007
    ban an admin         | 10007 10007 10007     0 10007 10007       | 10007 10007
    appoint an admin     | 10007 10007 10007 10007 10007 10007       | 10007 10007
    card of a member     | 10007 10007 10007 10007 10007 10007       | 10007 10007
    mark a member        | 10007 10007 10007     0 10007 10007       | 10007 10007
    pin a member         | 10007 10007 10007 10007 10007 10007       | 10007 10007
    list who is here     | 10007     0     0     0     0 10007       | 10007 10007
    read the members     | 10007 10007 10007 10007 10007 10007       | 10007 10007
    count who is here    |     0     0     0     0     0     0       | 10007 10007
    change attributes    | 10007     0     0     0     0 10007       | 10007 10007
    read attributes      | 10007     0     0     0     0 10007       | 10007 10007
    change counters      | 10007     0     0     0     0 10007       | 10007 10007
    read counters        | 10007     0     0     0     0 10007       | 10007 10007
    read the history     | 10044 10044 10044 10044 10044 10044       | 10044 10044
    recall another's     | 10007 10007     0     0 10007 10007       | 10033 10033
    transfer             | 10007 10007 10007 10007 10007 10007       | 10007 10007
    read the public face |     0     0     0     0     0     0       | 10007     0
    read the profile     | 10007     0     0     0     0 10007       | 10007     0
    enter                |     0     0     0     0     0 10007       |     0     0
    quit                 |     0     0     0 10009     0 10007       |     0     0
    dismiss              | 10007 10007 10007     0                   | 10007 10007
";

/// What somebody asks for, and what it needs first.
fn operations(target: &str, chief: &str, guest: &str) -> Vec<(&'static str, &'static str, Value)> {
    let profile = "group_open_http_svc.modify_group_base_info";
    let member = "group_open_http_svc.modify_group_member_info";
    let mute = "group_open_http_svc.forbid_send_msg";
    let ban = "group_open_http_svc.ban_group_member";
    let marks = "group_open_avchatroom_http_svc.modify_user_info";
    let marked = |mark: u32| json!({ "CommandType": 1, "MemberList": [{ "Member_Account": target, "Marks": [mark] }] });
    vec![
        ("speak", "group_open_http_svc.send_group_msg", json!({ "MsgBody": tsudoi_it::text("hi") })),
        ("edit the profile", profile, json!({ "Introduction": "new" })),
        ("edit settings", profile, json!({ "ApplyJoinOption": "FreeAccess" })),
        ("mute everybody", profile, json!({ "ShutUpAllMember": "Off" })),
        (
            "bring somebody in",
            "group_open_http_svc.add_group_member",
            json!({ "MemberList": [{ "Member_Account": guest }] }),
        ),
        ("kick a member", "group_open_http_svc.delete_group_member", json!({ "MemberToDel_Account": [target] })),
        ("mute a member", member, json!({ "Member_Account": target, "ShutUpTime": 0 })),
        ("mute an admin", member, json!({ "Member_Account": chief, "ShutUpTime": 0 })),
        ("mute several", mute, json!({ "Members_Account": [target, guest], "ShutUpTime": 0 })),
        ("ban a stranger", ban, json!({ "Members_Account": [guest], "Duration": 1 })),
        ("ban an admin", ban, json!({ "Members_Account": [chief], "Duration": 1 })),
        ("appoint an admin", member, json!({ "Member_Account": target, "Role": "Admin" })),
        ("card of a member", member, json!({ "Member_Account": target, "NameCard": "You" })),
        ("mark a member", marks, marked(1000)),
        ("pin a member", marks, marked(500)),
        ("list who is here", "group_open_avchatroom_http_svc.get_members", json!({ "Timestamp": 0 })),
        ("read the members", "group_open_http_svc.get_group_member_info", json!({ "Limit": 10, "Offset": 0 })),
        ("count who is here", "group_open_http_svc.get_online_member_num", json!({})),
        (
            "change attributes",
            "group_open_http_svc.modify_group_attr",
            json!({ "GroupAttr": [{ "key": "a", "value": "1" }] }),
        ),
        ("read attributes", "group_open_attr_http_svc.get_group_attr", json!({})),
        (
            "change counters",
            "group_open_http_svc.update_group_counter",
            json!({ "GroupCounter": [{ "Key": "a", "Value": 1 }] }),
        ),
        ("read counters", "group_open_http_svc.get_group_counter", json!({})),
        ("read the history", "group_open_http_svc.group_msg_get", json!({ "ReqMsgNumber": 5 })),
        ("recall another's", "group_open_http_svc.group_msg_recall", json!({})),
        ("transfer", "group_open_http_svc.change_group_owner", json!({ "NewOwner_Account": target })),
        ("read the public face", "group_open_http_svc.get_group_public_info", json!({})),
        ("read the profile", "group_open_http_svc.get_group_self_member_info", json!({})),
        ("enter", "group_open_http_svc.apply_join_group", json!({ "ApplyMsg": "" })),
        ("quit", "group_open_http_svc.quit_group", json!({})),
        ("dismiss", "group_open_http_svc.destroy_group", json!({})),
    ]
}

/// The code of an answer, or of the only thing in it.
fn code(answer: &Value) -> u64 {
    [&answer["ErrorCode"], &answer["GroupInfo"][0]["ErrorCode"], &answer["RecallRetList"][0]["RetCode"]]
        .into_iter()
        .filter_map(Value::as_u64)
        .find(|code| *code != 0)
        .unwrap_or(0)
}

#[tokio::test]
async fn every_cell_of_rooms_as_clients_find_it() {
    let server = shared().await;
    let users = server.users(&["eve", "cid", "bob", "ana", "mute", "ban", "target", "chief", "guest"]).await;
    let live = server.group("AVChatRoom", &users[3], &[]).await;
    let broadcast = server.ok("group_open_http_svc/create_group", json!({ "Type": "BChatRoom", "Name": "all" })).await;
    let broadcast = broadcast["GroupId"].as_str().expect("an id").to_owned();
    let mut clients = Vec::new();
    for user in &users[..7] {
        clients.push(server.login(user).await);
    }
    let enter = async |client: &Client, room: &str| {
        client.ok("group_open_http_svc.apply_join_group", json!({ "GroupId": room, "ApplyMsg": "" })).await;
    };
    for client in &clients[1..] {
        enter(client, &live).await;
    }
    enter(&clients[1], &broadcast).await;
    let admins = json!({ "GroupId": live, "CommandType": 1, "Admin_Account": [users[2], users[7]] });
    server.ok("group_open_avchatroom_http_svc/modify_admin", admins).await;
    let mute = json!({ "GroupId": live, "Members_Account": [users[4]], "MuteTime": 600 });
    server.ok("group_open_http_svc/forbid_send_msg", mute).await;
    let ban = json!({ "GroupId": live, "Members_Account": [users[5]], "Duration": 600 });
    server.ok("group_open_http_svc/ban_group_member", ban).await;
    let rows: Vec<Vec<&str>> =
        ROOMS.lines().filter(|line| line.contains('|')).map(|line| line.split('|').map(str::trim).collect()).collect();
    let mut wrong = Vec::new();
    for (column, room, callers) in [(1, &live, &clients[..6]), (2, &broadcast, &clients[..2])] {
        for ((name, command, body), row) in operations(&users[6], &users[7], &users[8]).into_iter().zip(&rows[1..]) {
            assert_eq!(name, row[0]);
            let expected: Vec<u64> = row[column].split_whitespace().map(|code| code.parse().expect("a code")).collect();
            for (at, (client, expected)) in callers.iter().zip(expected).enumerate() {
                let mut body = body.clone();
                body["GroupId"] = room.as_str().into();
                body["GroupIdList"] = json!([room]);
                body["Random"] = tsudoi_it::random().into();
                if name == "recall another's" {
                    let said = json!({ "GroupId": room, "From_Account": users[6], "Random": tsudoi_it::random(),
                        "MsgBody": tsudoi_it::text("mine") });
                    let said = server.ok("group_open_http_svc/send_group_msg", said).await;
                    body["MsgSeqList"] = json!([{ "MsgSeq": said["MsgSeq"] }]);
                }
                let answer = client.call(command, body).await;
                if code(&answer) != expected {
                    wrong.push(format!(
                        "{name} in {}, caller {at}: expected {expected}, found {answer}",
                        rows[0][column]
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Visitors, who are not logged in, enter and listen where guests are allowed, and do nothing else.
#[tokio::test]
async fn visitors_listen_in_rooms_and_nowhere_else() {
    let server = shared().await;
    let users = server.users(&["ana"]).await;
    let visitor = server.connect().await;
    let visit = "group_open_http_noauth_svc.apply_join_group";
    for group_type in ["Private", "Public", "ChatRoom", "Community"] {
        let group = server.group(group_type, &users[0], &[]).await;
        visitor.fails(10007, visit, json!({ "GroupId": group, "WebPushFlag": 1 })).await;
    }
    let live = server.group("AVChatRoom", &users[0], &[]).await;
    visitor.ok(visit, json!({ "GroupId": live, "WebPushFlag": 1 })).await;
    for (name, command, mut body) in operations(&users[0], &users[0], &users[0]) {
        body["GroupId"] = live.as_str().into();
        body["GroupIdList"] = json!([live]);
        body["Random"] = tsudoi_it::random().into();
        let answer = visitor.call(command, body).await;
        assert_eq!(answer["ActionStatus"], "FAIL", "{name}: {answer}");
    }
    let info = server.ok("group_open_http_svc/get_group_info", json!({ "GroupIdList": [live] })).await;
    assert_eq!(info["GroupInfo"][0]["ErrorCode"], 0, "nobody dismissed it");
}
