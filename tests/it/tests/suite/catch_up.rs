//! What was missed: fresh logins, positions, pages.

use serde_json::{Value, json};
use tsudoi_it::{Client, Server, random, shared, text, unique};

async fn mail(server: &Server, from: &str, to: &str, words: &str) {
    let body = json!({ "From_Account": from, "To_Account": to, "MsgRandom": random(), "MsgBody": text(words) });
    server.ok("openim/sendmsg", body).await;
}

async fn missed(client: &Client, cookie: &Value) -> Value {
    let body = json!({ "Cookie": cookie, "SyncFlag": 0, "NeedAbstract": 1, "IsOnlineSync": 0, "NeedSignaling": 1, "NeedCachedMsg": 1 });
    let answer = client.ok("openim.getmsg", body).await;
    assert!(answer["Cookie"].as_str().is_some_and(|cookie| !cookie.is_empty()), "{answer}");
    answer
}

fn words(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list");
    list.iter().map(|item| item["MsgBody"][0]["MsgContent"]["Text"].as_str().expect("words").to_owned()).collect()
}

#[tokio::test]
async fn a_fresh_login_learns_what_is_unread_and_where_the_log_stands() {
    let server = shared().await;
    let users = server.users(&["ana", "cid", "bob"]).await;
    let (ana, cid, bob) = (&users[0], &users[1], &users[2]);
    for n in 0..3 {
        mail(server, ana, bob, &format!("m{n}")).await;
    }
    mail(server, cid, bob, "hello").await;
    let client = server.login(bob).await;
    let fresh = missed(&client, &json!("")).await;
    assert_eq!((&fresh["SyncFlag"], &fresh["MsgList"], &fresh["EventArray"]), (&json!(2), &json!([]), &json!([])));
    let mut counts: Vec<(String, u64)> = fresh["C2CPairUnreadCount"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            (one["From_Account"].as_str().expect("a text").to_owned(), one["UnreadCount"].as_u64().expect("a number"))
        })
        .collect();
    counts.sort();
    assert_eq!(counts, [(ana.clone(), 3), (cid.clone(), 1)]);
    // Nothing new: the position stays.
    let again = missed(&client, &fresh["Cookie"]).await;
    assert_eq!((&again["Cookie"], &again["SyncFlag"], &again["MsgList"]), (&fresh["Cookie"], &json!(2), &json!([])));
}

#[tokio::test]
async fn what_came_meanwhile_is_told_once_in_order_over_several_pages() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (&users[0], &users[1]);
    let client = server.login(bob).await;
    let mut cookie = missed(&client, &json!("")).await["Cookie"].clone();
    drop(client);
    let sent: Vec<String> = (0..230).map(|n| format!("m{n}")).collect();
    for words in &sent {
        mail(server, ana, bob, words).await;
    }
    let client = server.login(bob).await;
    let (mut seen, mut flags) = (Vec::new(), Vec::new());
    loop {
        let page = missed(&client, &cookie).await;
        seen.extend(words(&page["MsgList"]));
        flags.push(page["SyncFlag"].as_u64().expect("a number"));
        cookie = page["Cookie"].clone();
        if page["SyncFlag"] == 2 {
            break;
        }
    }
    assert_eq!(seen, sent);
    assert!(flags.len() >= 3, "{flags:?}");
    // What one sends oneself is not in the log.
    mail(server, bob, ana, "from me").await;
    assert!(missed(&client, &cookie).await["MsgList"].as_array().is_some_and(Vec::is_empty));
}

#[tokio::test]
async fn positions_survive_a_kill() {
    let mut server = Server::start(&[]).await;
    let users = server.users(&["ana", "bob"]).await;
    let client = server.login(&users[1]).await;
    mail(&server, &users[0], &users[1], "before").await;
    let cookie = missed(&client, &json!("")).await["Cookie"].clone();
    mail(&server, &users[0], &users[1], "after").await;
    server.kill().await;
    server.restart().await;
    let client = server.login(&users[1]).await;
    let page = missed(&client, &cookie).await;
    assert_eq!(words(&page["MsgList"]), ["after"]);
}

#[tokio::test]
async fn strange_cookies_mean_a_fresh_start() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    mail(server, &users[0], &users[1], "hello").await;
    let client = server.login(&users[1]).await;
    for cookie in [json!("junk"), json!("log:x"), json!(0), Value::Null] {
        let page = missed(&client, &cookie).await;
        assert_eq!((&page["SyncFlag"], &page["MsgList"]), (&json!(2), &json!([])), "{cookie}");
    }
    let beyond = missed(&client, &json!("log:99999")).await;
    assert_eq!((&beyond["SyncFlag"], &beyond["Cookie"]), (&json!(2), &json!("log:1")));
}

#[tokio::test]
async fn what_is_past_its_offline_life_is_in_history_only() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (&users[0], &users[1]);
    let client = server.login(bob).await;
    let cookie = missed(&client, &json!("")).await["Cookie"].clone();
    drop(client);
    for (words, life) in [("short", 1), ("long", 600)] {
        let body = json!({ "From_Account": ana, "To_Account": bob, "MsgRandom": random(), "MsgBody": text(words), "MsgLifeTime": life });
        server.ok("openim/sendmsg", body).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    let client = server.login(bob).await;
    assert_eq!(words(&missed(&client, &cookie).await["MsgList"]), ["long"]);
    let page = client.ok("openim.getroammsg", json!({ "Peer_Account": ana, "MaxCnt": 15 })).await;
    assert_eq!(words(&page["MsgList"]), ["short", "long"]);
}

#[tokio::test]
async fn users_catch_up_on_their_own_log_only() {
    let server = shared().await;
    let users = server.users(&["ana", "bob"]).await;
    let eve = server.login(&unique("eve")).await;
    mail(server, &users[0], &users[1], "between us").await;
    let page = missed(&eve, &json!("log:0")).await;
    assert_eq!(page["MsgList"], json!([]));
    assert_eq!(page["C2CPairUnreadCount"], json!([]));
}
