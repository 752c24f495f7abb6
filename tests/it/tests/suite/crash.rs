//! Power cuts: what was acknowledged is there once, numbers have no gaps, nothing appears by halves.
//!
//! Writers send to many groups over REST and WebSocket while the server is killed at random moments. A writer that got no
//! answer repeats its send after the restart, as clients do.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    sync::{Mutex, RwLock},
    time::{sleep, timeout},
};
use tsudoi_it::{ADMIN, PATIENCE, Server, random, text, unique};

/// How often the server is killed.
const ROUNDS: u32 = 50;
const GROUPS: usize = 12;
const REST_WRITERS: usize = 4;
const SOCKET_WRITERS: usize = 2;

/// What was acknowledged: the words by their group and number.
type Acknowledged = Arc<Mutex<HashMap<(String, u64), String>>>;

struct Stage {
    /// Writers hold it to read while they use the server; a restart holds it to write.
    server: RwLock<Server>,
    groups: Vec<String>,
    acknowledged: Acknowledged,
    done: AtomicBool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_messages_survive_any_kill_once_and_in_their_place() {
    let server = Server::with_settings("rates = { group_messages_per_second = 0, rest_default_per_second = 0 }").await;
    let mut users = server.users(&["writer"; SOCKET_WRITERS]).await;
    users.push(ADMIN.into());
    let mut groups = Vec::new();
    for _ in 0..GROUPS {
        let members: Vec<&str> = users.iter().map(String::as_str).collect();
        groups.push(server.group("Meeting", ADMIN, &members[..SOCKET_WRITERS]).await);
    }
    let before = newest(&server, &groups).await;
    let stage = Arc::new(Stage {
        server: RwLock::new(server),
        groups: groups.clone(),
        acknowledged: Acknowledged::default(),
        done: AtomicBool::new(false),
    });
    let mut writers = Vec::new();
    for _ in 0..REST_WRITERS {
        writers.push(tokio::spawn(rest_writer(stage.clone())));
    }
    for user in users.into_iter().take(SOCKET_WRITERS) {
        writers.push(tokio::spawn(socket_writer(stage.clone(), user)));
    }
    for round in 0..ROUNDS {
        // Some rounds are cut off at once, some after a while, each tenth not before something was acknowledged in it.
        let before = stage.acknowledged.lock().await.len();
        while round % 10 == 0 && stage.acknowledged.lock().await.len() < before + 50 {
            sleep(Duration::from_millis(5)).await;
        }
        sleep(Duration::from_millis(u64::from(random() * 37 % 180 + round % 5))).await;
        // The kill does not wait for writers: they are in the middle of their requests.
        let pid = stage.server.read().await.pid();
        Server::kill_pid(pid).await;
        let mut server = stage.server.write().await;
        server.kill().await;
        server.restart().await;
    }
    stage.done.store(true, Ordering::SeqCst);
    for writer in writers {
        timeout(4 * PATIENCE, writer).await.expect("writers end").expect("writers do not panic");
    }
    let server = stage.server.read().await;
    let acknowledged = stage.acknowledged.lock().await;
    assert!(acknowledged.len() > 200, "only {} messages were acknowledged", acknowledged.len());
    let mut everywhere: HashMap<String, (String, u64)> = HashMap::new();
    for group in &groups {
        let stored = history(&server, group, before[group]).await;
        let numbers: Vec<u64> = stored.keys().copied().collect();
        let expected: Vec<u64> = (before[group] + 1..=before[group] + numbers.len() as u64).collect();
        assert_eq!(numbers, expected, "the numbers of {group} have no gap");
        for (seq, words) in stored {
            assert!(words.ends_with('.'), "{words} is whole");
            let place = (group.clone(), seq);
            if let Some(first) = everywhere.insert(words.clone(), place.clone()) {
                panic!("{words} lies at {first:?} and at {place:?}");
            }
        }
    }
    for (place, words) in acknowledged.iter() {
        assert_eq!(everywhere.get(words), Some(place), "{words} was acknowledged at {place:?}");
    }
}

async fn newest(server: &Server, groups: &[String]) -> HashMap<String, u64> {
    let mut newest = HashMap::new();
    for group in groups {
        let answer =
            server.ok("group_open_http_svc/group_msg_get_simple", json!({ "GroupId": group, "ReqMsgNumber": 1 })).await;
        newest.insert(group.clone(), answer["RspMsgList"][0]["MsgSeq"].as_u64().unwrap_or(0));
    }
    newest
}

/// The words of a group's messages above a number.
async fn history(server: &Server, group: &str, above: u64) -> BTreeMap<u64, String> {
    let mut stored = BTreeMap::new();
    let mut from = 0;
    loop {
        let mut body = json!({ "GroupId": group, "ReqMsgNumber": 20 });
        if from > 0 {
            body["ReqMsgSeq"] = from.into();
        }
        let answer = server.ok("group_open_http_svc/group_msg_get_simple", body).await;
        let page = answer["RspMsgList"].as_array().expect("a list").clone();
        for item in &page {
            let seq = item["MsgSeq"].as_u64().expect("a number");
            if seq > above {
                let words = item["MsgBody"][0]["MsgContent"]["Text"].as_str().expect("words").to_owned();
                assert!(stored.insert(seq, words).is_none(), "{seq} of {group} comes twice");
            }
        }
        let lowest = page.last().and_then(|item| item["MsgSeq"].as_u64()).unwrap_or(0);
        if lowest <= above + 1 {
            return stored;
        }
        from = lowest - 1;
    }
}

impl Stage {
    fn next(&self) -> (String, u32, String) {
        let group = self.groups[random() as usize % self.groups.len()].clone();
        (group, random(), format!("{}.", unique("words ")))
    }

    async fn acknowledge(&self, group: &str, answer: &Value, words: &str) {
        assert_eq!(answer["ErrorCode"], 0, "{answer}");
        let seq = answer["MsgSeq"].as_u64().expect("a number");
        assert!(seq > 0, "{answer}");
        let previous = self.acknowledged.lock().await.insert((group.to_owned(), seq), words.to_owned());
        assert_eq!(previous, None, "number {seq} of {group} was given twice");
    }
}

async fn rest_writer(stage: Arc<Stage>) {
    while !stage.done.load(Ordering::SeqCst) {
        let (group, random, words) = stage.next();
        let body = json!({ "GroupId": group, "Random": random, "MsgBody": text(&words) });
        loop {
            let server = stage.server.read().await;
            // No answer: whether it is stored is unknown, so it is sent again.
            if let Some(answer) = server.try_call("group_open_http_svc/send_group_msg", &body).await {
                stage.acknowledge(&group, &answer, &words).await;
                break;
            }
            drop(server);
            sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn socket_writer(stage: Arc<Stage>, user: String) {
    let mut unanswered: Option<(String, Value, String)> = None;
    while !stage.done.load(Ordering::SeqCst) || unanswered.is_some() {
        let server = stage.server.read().await;
        let Some(client) = server.try_login(&user).await else {
            drop(server);
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        drop(server);
        loop {
            let (group, body, words) = match unanswered.take() {
                Some(again) => again,
                None if stage.done.load(Ordering::SeqCst) => break,
                None => {
                    let (group, random, words) = stage.next();
                    let body = json!({ "GroupId": group, "Random": random, "MsgBody": text(&words) });
                    (group, body, words)
                }
            };
            match client.try_call("group_open_http_svc.send_group_msg", &body).await {
                Some(answer) => stage.acknowledge(&group, &answer, &words).await,
                None => {
                    unanswered = Some((group, body, words));
                    break;
                }
            }
        }
    }
}
