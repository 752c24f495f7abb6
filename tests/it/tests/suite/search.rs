//! The cloud search of clients: messages, users, groups and members that the caller may see.

use serde_json::{Value, json};
use tsudoi_it::{Client, Server, now, random, shared, text, unique};

async fn mail(client: &Client, to: &str, body: Value) -> Value {
    let body =
        json!({ "To_Account": to, "MsgRandom": random(), "MsgSeq": random(), "MsgBody": body, "MsgClientTime": now() });
    client.ok("openim.sendmsg", body).await
}

async fn search(client: &Client, body: Value) -> Value {
    client.ok("message_search.query", body).await
}

fn texts(answer: &Value) -> Vec<String> {
    let list = answer["ConversationMsgs"][0]["MessageList"].as_array().cloned().unwrap_or_default();
    list.iter().map(|item| item["MsgBody"][0]["MsgContent"]["Text"].as_str().unwrap_or("?").to_owned()).collect()
}

#[tokio::test]
async fn messages_are_found_by_words_in_every_script() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    for words in ["Green TEA please", "東京都の天気", "안녕하세요", "tea and cake", "nothing"] {
        ana.say(&group, words).await;
    }
    let find = async |words: &[&str], how: &str| {
        texts(&search(&bob, json!({ "KeywordList": words, "MatchType": how, "GroupID": group })).await)
    };
    assert_eq!(find(&["tea"], "or").await, ["tea and cake", "Green TEA please"], "newest first");
    assert_eq!(find(&["京都"], "or").await, ["東京都の天気"], "two letters");
    assert_eq!(find(&["気"], "or").await, ["東京都の天気"], "one letter at the end");
    assert_eq!(find(&["녕하"], "or").await, ["안녕하세요"]);
    assert_eq!(find(&["tea", "東京"], "or").await.len(), 3);
    assert_eq!(find(&["tea", "cake"], "and").await, ["tea and cake"]);
    assert_eq!(find(&["een te"], "or").await, ["Green TEA please"], "across words");
    assert!(find(&["teapot"], "or").await.is_empty() && find(&["!?"], "or").await.is_empty());
}

#[tokio::test]
async fn messages_are_found_by_sender_type_time_and_place() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    let (ana, bob) = (server.login(&users[0]).await, server.login(&users[1]).await);
    ana.say(&group, "apple one").await;
    bob.say(&group, "apple two").await;
    let file = json!([{ "MsgType": "TIMFileElem", "MsgContent": { "Url": "https://f.test/a", "UUID": "a", "FileSize": 1,
        "FileName": "apple.pdf", "Download_Flag": 2 } }]);
    mail(&ana, &users[1], file).await;
    mail(&bob, &users[0], text("apple three")).await;
    mail(&ana, &users[2], text("apple four")).await;

    let all = search(&bob, json!({ "KeywordList": ["apple"], "Count": 10 })).await;
    assert_eq!(all["TotalCount"], 2, "the group and ana: {all}");
    assert_eq!(
        (&all["ConversationMsgs"][0]["UserID"], &all["ConversationMsgs"][0]["Count"]),
        (&json!(users[0]), &json!(2))
    );
    assert_eq!(
        (&all["ConversationMsgs"][1]["GroupID"], &all["ConversationMsgs"][1]["Count"]),
        (&json!(group), &json!(2))
    );
    assert_eq!(all["ConversationMsgs"][0]["MessageList"], json!([]), "several hits are only counted");
    let paged = search(&bob, json!({ "KeywordList": ["apple"], "Count": 1 })).await;
    assert_eq!(paged["Cursor"], "1");
    let paged = search(&bob, json!({ "KeywordList": ["apple"], "Count": 1, "Cursor": "1" })).await;
    assert_eq!((&paged["Cursor"], &paged["ConversationMsgs"][0]["GroupID"]), (&json!(""), &json!(group)));

    let one = search(&bob, json!({ "KeywordList": ["apple"], "SendUserIDList": [users[1]], "GroupID": group })).await;
    assert_eq!(texts(&one), ["apple two"]);
    let files = search(&bob, json!({ "MsgTypeList": ["TIMFileElem"] })).await;
    assert_eq!(
        (&files["TotalCount"], &files["ConversationMsgs"][0]["MessageList"][0]["MsgBody"][0]["MsgType"]),
        (&json!(1), &json!("TIMFileElem")),
        "{files}"
    );
    assert_eq!(search(&bob, json!({ "KeywordList": ["apple"], "PeerAccount": users[0] })).await["TotalCount"], 2);
    assert_eq!(search(&bob, json!({ "KeywordList": ["apple"], "PeerAccount": users[2] })).await["TotalCount"], 0);
    assert_eq!(search(&bob, json!({ "KeywordList": ["apple"], "EndTime": now() - 1000 })).await["TotalCount"], 0);
    assert_eq!(search(&bob, json!({ "KeywordList": ["apple"], "StartTime": now() - 1000 })).await["TotalCount"], 2);
    // What is no question is refused.
    for body in [
        json!({}),
        json!({ "KeywordList": vec!["x"; 6] }),
        json!({ "KeywordList": [""] }),
        json!({ "KeywordList": "x" }),
        json!({ "KeywordList": ["x"], "Count": 0 }),
        json!({ "KeywordList": ["x"], "Count": 101 }),
        json!({ "KeywordList": ["x"], "Cursor": "soon" }),
    ] {
        bob.fails(27003, "message_search.query", body).await;
    }
}

#[tokio::test]
async fn what_may_not_be_read_is_not_found() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let group = server.group("Public", &users[0], &[&users[1]]).await;
    let (ana, bob, cid) = (server.login(&users[0]).await, server.login(&users[1]).await, server.login(&users[2]).await);
    let word = unique("zebra");
    let first = ana.say(&group, &format!("{word} first")).await;
    let second = ana.say(&group, &format!("{word} second")).await;
    let count = async |client: &Client| {
        search(client, json!({ "KeywordList": [word] })).await["ConversationMsgs"][0]["Count"].clone()
    };
    assert_eq!(count(&bob).await, 2);
    // Strangers find nothing, and may not ask there; newcomers find what they may read.
    assert_eq!(count(&cid).await, Value::Null);
    cid.fails(10007, "message_search.query", json!({ "KeywordList": [word], "GroupID": group })).await;
    server
        .ok(
            "group_open_http_svc/add_group_member",
            json!({ "GroupId": group, "MemberList": [{ "Member_Account": users[2] }] }),
        )
        .await;
    assert_eq!(count(&cid).await, Value::Null, "said before");
    // An edit is found by its new words, and no longer by the old ones.
    server
        .ok("openim/modify_group_msg", json!({ "GroupId": group, "MsgSeq": second, "MsgBody": text("another animal") }))
        .await;
    assert_eq!(count(&bob).await, 1);
    let found = search(&bob, json!({ "KeywordList": ["another animal"], "GroupID": group })).await;
    assert_eq!(texts(&found), ["another animal"]);
    // Recalled messages are gone.
    server
        .ok("group_open_http_svc/group_msg_recall", json!({ "GroupId": group, "MsgSeqList": [{ "MsgSeq": first }] }))
        .await;
    assert_eq!(count(&bob).await, Value::Null);
    // A history that was cleared is not looked through.
    mail(&ana, &users[1], text(&format!("{word} mail"))).await;
    assert_eq!(count(&bob).await, 1);
    assert_eq!(count(&ana).await, 1);
    // Who left reads no more.
    ana.say(&group, &format!("{word} third")).await;
    bob.ok("group_open_http_svc.quit_group", json!({ "GroupId": group })).await;
    let left = search(&bob, json!({ "KeywordList": [word] })).await;
    assert_eq!((&left["TotalCount"], &left["ConversationMsgs"][0]["UserID"]), (&json!(1), &json!(users[0])));
}

#[tokio::test]
async fn people_are_found_by_nick_and_id() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let ana = server.login(&users[0]).await;
    let nick = unique("Nightingale");
    server.ok("profile/portrait_set", json!({ "From_Account": users[1], "ProfileItem": [
        { "Tag": "Tag_Profile_IM_Nick", "Value": format!("{nick} 小鳥") }, { "Tag": "Tag_Profile_IM_Gender", "Value": "Gender_Type_Female" },
        { "Tag": "Tag_Profile_IM_BirthDay", "Value": 19900101 }] })).await;
    let find = async |body: Value| ana.ok("user_search.query", body).await;
    let hit = find(json!({ "Keywords": [nick[2..].to_uppercase()], "Count": 20 })).await;
    assert_eq!((&hit["TotalCount"], &hit["Users"][0]["UserID"]), (&json!(1), &json!(users[1])), "{hit}");
    assert!(hit["Users"][0]["ProfileItems"].to_string().contains("Tag_Profile_IM_Nick"));
    let ids = |hit: &Value| {
        hit["Users"].as_array().expect("a list").iter().map(|user| user["UserID"].clone()).collect::<Vec<_>>()
    };
    assert!(ids(&find(json!({ "Keywords": ["小鳥"] })).await).contains(&json!(users[1])), "two letters");
    assert_eq!(ids(&find(json!({ "Keywords": [users[0]] })).await), [users[0].clone()], "by the whole id");
    assert_eq!(ids(&find(json!({ "Keywords": [nick, "小鳥"], "KeywordMatchType": 1 })).await), [users[1].clone()]);
    assert!(ids(&find(json!({ "Keywords": [nick, "nothing at all"], "KeywordMatchType": 1 })).await).is_empty());
    assert!(ids(&find(json!({ "Keywords": [nick], "UserGenderType": "Gender_Type_Male" })).await).is_empty());
    assert!(
        ids(&find(json!({ "Keywords": [nick], "UserBirthStart": 19950101, "UserBirthEnd": 4_294_967_295_u32 })).await)
            .is_empty()
    );
    assert_eq!(
        ids(&find(json!({ "Keywords": [nick], "UserBirthStart": 19900101, "UserBirthEnd": 19900101 })).await).len(),
        1
    );
    ana.fails(27003, "user_search.query", json!({ "Keywords": [] })).await;
    ana.fails(27003, "user_search.query", json!({})).await;
    // A new name is found at once, the old one no more.
    server
        .ok(
            "profile/portrait_set",
            json!({ "From_Account": users[1], "ProfileItem": [{ "Tag": "Tag_Profile_IM_Nick", "Value": "plain" }] }),
        )
        .await;
    assert!(ids(&find(json!({ "Keywords": [nick] })).await).is_empty());
}

#[tokio::test]
async fn groups_and_members_are_found_where_they_may_be_seen() {
    let server = shared().await;
    let users = server.users(&["ana", "bob", "cid"]).await;
    let (ana, cid) = (server.login(&users[0]).await, server.login(&users[2]).await);
    let name = unique("Lighthouse");
    let make = async |group_type: &str| {
        let body = json!({ "Type": group_type, "Name": format!("{name} {group_type}"), "Owner_Account": users[0],
            "MemberList": [{ "Member_Account": users[1] }] });
        let body = if group_type == "AVChatRoom" {
            json!({ "Type": group_type, "Name": name, "Owner_Account": users[0] })
        } else {
            body
        };
        server.ok("group_open_http_svc/create_group", body).await["GroupId"].as_str().expect("an id").to_owned()
    };
    let (public, work) = (make("Public").await, make("Private").await);
    make("AVChatRoom").await;
    server
        .ok(
            "group_open_http_svc/send_group_msg",
            json!({ "GroupId": work, "From_Account": users[0], "Random": random(), "MsgBody": text("wake") }),
        )
        .await;
    let groups = async |client: &Client, body: Value| {
        let hit = client.ok("group_search.query", body).await;
        hit["Groups"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|group| group["GroupID"].as_str().expect("an id").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(groups(&ana, json!({ "Keywords": [name.to_lowercase()] })).await, [public.clone(), work.clone()]);
    assert_eq!(
        groups(&cid, json!({ "Keywords": [name] })).await,
        std::slice::from_ref(&public),
        "closed groups are for their members"
    );
    assert_eq!(
        groups(&ana, json!({ "Keywords": [name], "GroupType": ["Private"] })).await,
        std::slice::from_ref(&work)
    );
    assert_eq!(groups(&cid, json!({ "Keywords": [public] })).await, std::slice::from_ref(&public), "by the whole id");
    assert!(groups(&cid, json!({ "Keywords": [work] })).await.is_empty());

    server
        .ok(
            "group_open_http_svc/modify_group_member_info",
            json!({ "GroupId": public, "Member_Account": users[1], "NameCard": format!("{name} keeper") }),
        )
        .await;
    let members = async |client: &Client, body: Value| {
        let hit = client.ok("group_member_search.query", body).await;
        hit["GroupMembers"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| {
                (
                    one["GroupID"].as_str().expect("an id").to_owned(),
                    one["GroupMemberUserID"].as_str().expect("an id").to_owned(),
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        members(&ana, json!({ "Keywords": ["keeper"], "GroupIdList": [public] })).await,
        [(public.clone(), users[1].clone())]
    );
    assert_eq!(members(&ana, json!({ "Keywords": [users[1]] })).await.len(), 2, "by id, in both groups");
    assert_eq!(
        members(&ana, json!({ "Keywords": [users[1]], "GroupIdList": [work] })).await,
        [(work, users[1].clone())]
    );
    assert!(members(&cid, json!({ "Keywords": [users[1]] })).await.is_empty(), "only in one's own groups");
}

#[tokio::test]
async fn a_search_that_is_switched_off_says_so() {
    let server = Server::with_settings("features = { search = false }\n").await;
    let users = server.users(&["ana"]).await;
    let ana = server.login(&users[0]).await;
    ana.fails(60020, "message_search.query", json!({ "KeywordList": ["x"] })).await;
    ana.fails(60020, "user_search.query", json!({ "Keywords": ["x"] })).await;
}
