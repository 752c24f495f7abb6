//! A small backend: what an app does with its webhooks, in one file.
//!
//! It moderates what is said, counts who is here, keeps the score of live rooms and draws lots, gives every new community a first
//! topic, opens threads, fills them and counts their replies, greets teams that are complete, and lends its voice to robots.
//!
//! ```sh
//! TSUDOI_WEBHOOK_URL=http://127.0.0.1:8080/hook tsudoi serve
//! TSUDOI_URL=http://127.0.0.1:8700 APP_ID=1400000001 APP_KEY=... cargo run -p tsudoi-it --example backend
//! ```

use std::{
    collections::{BTreeMap, HashMap},
    env,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use serde_json::{Value, json};
use tsudoi_api::user_sig::{SigningKey, sign};

/// The account that calls REST commands.
const ADMIN: &str = "administrator";

struct Backend {
    url: String,
    app: u32,
    key: SigningKey,
    http: reqwest::Client,
    /// What each viewer of each live room has sent: one for words, ten for a gift.
    score: Mutex<HashMap<String, BTreeMap<String, u64>>>,
    /// How many devices of each user are here.
    here: Mutex<HashMap<String, u32>>,
    /// The threads of each group.
    threads: Mutex<HashMap<String, Vec<String>>>,
    /// How many replies each thread has.
    replies: Mutex<HashMap<String, u64>>,
    random: AtomicU32,
}

#[tokio::main]
async fn main() {
    // The client is built with TLS, which has to know whose ciphers to use.
    _ = rustls::crypto::ring::default_provider().install_default();
    let setting = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let backend = Arc::new(Backend {
        url: setting("TSUDOI_URL", "http://127.0.0.1:8700"),
        app: setting("APP_ID", "1400000001").parse().expect("APP_ID is a number"),
        key: SigningKey::new(env::var("APP_KEY").expect("APP_KEY: the key of the app")),
        http: reqwest::Client::new(),
        score: Mutex::default(),
        here: Mutex::default(),
        threads: Mutex::default(),
        replies: Mutex::default(),
        random: AtomicU32::new(1),
    });
    let router = Router::new().route("/hook", post(hook)).route("/", get(ready)).with_state(backend);
    let address = format!("127.0.0.1:{}", setting("PORT", "8080"));
    let listener = tokio::net::TcpListener::bind(&address).await.expect("the port is free");
    axum::serve(listener, router).await.expect("it serves");
}

async fn ready() -> &'static str {
    "ready\n"
}

/// One webhook. Questions are answered at once; what takes longer is done after the answer, so that nobody waits for it.
async fn hook(State(backend): State<Arc<Backend>>, Json(call): Json<Value>) -> Json<Value> {
    if call["CallbackCommand"] == "Group.CallbackBeforeSendMsg" {
        return Json(moderate(&call));
    }
    tokio::spawn(async move { backend.hear(&call).await });
    Json(verdict(0, ""))
}

fn verdict(code: u32, info: &str) -> Value {
    json!({ "ActionStatus": if code == 0 { "OK" } else { "FAIL" }, "ErrorCode": code, "ErrorInfo": info })
}

/// The first text of a message.
fn words(call: &Value) -> &str {
    call["MsgBody"][0]["MsgContent"]["Text"].as_str().unwrap_or_default()
}

fn text(words: &str) -> Value {
    json!([{ "MsgType": "TIMTextElem", "MsgContent": { "Text": words } }])
}

fn name<'a>(call: &'a Value, field: &str) -> &'a str {
    call[field].as_str().unwrap_or_default()
}

/// Content control: insults are refused, advertisements vanish, secrets are blotted out, shouting is told to calm down.
fn moderate(call: &Value) -> Value {
    let words = words(call);
    if words.contains("insult") {
        return verdict(1, "");
    }
    if words.contains("buy now") {
        return verdict(2, "");
    }
    if words.len() > 3 && words.chars().all(|c| !c.is_lowercase()) {
        return verdict(10_123, "please do not shout");
    }
    let mut answer = verdict(0, "");
    if words.contains("secret") {
        answer["MsgBody"] = text(&words.replace("secret", "***"));
    }
    answer
}

impl Backend {
    /// Calls a REST command.
    async fn call(&self, command: &str, body: Value) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let ticket = sign(&self.key, self.app, ADMIN, i64::try_from(now).unwrap_or_default(), 600, None);
        let random = self.random.fetch_add(1, Ordering::Relaxed);
        let url = format!(
            "{}/v4/{command}?sdkappid={}&identifier={ADMIN}&usersig={ticket}&random={random}&contenttype=json",
            self.url, self.app
        );
        match self.http.post(url).body(body.to_string()).send().await {
            Ok(answer) => answer.json().await.unwrap_or_default(),
            Err(error) => verdict(1, &error.to_string()),
        }
    }

    async fn say(&self, group: &str, from: &str, words: &str) {
        let random = self.random.fetch_add(1, Ordering::Relaxed);
        let message = json!({ "GroupId": group, "From_Account": from, "Random": random, "MsgBody": text(words) });
        self.call("group_open_http_svc/send_group_msg", message).await;
    }

    /// What happened.
    async fn hear(&self, call: &Value) {
        let group = name(call, "GroupId");
        match name(call, "CallbackCommand") {
            "State.StateChange" => self.count(call),
            "Group.CallbackAfterSendMsg" => self.message(call).await,
            // A community begins with one topic.
            "Group.CallbackAfterCreateGroup" if call["Type"] == "Community" => {
                let topic = json!({ "GroupId": group, "TopicName": "general" });
                self.call("million_group_open_http_svc/create_topic", topic).await;
            }
            // Who joins a group is in its threads, too.
            "Group.CallbackAfterNewMemberJoin" => {
                let threads = self.threads.lock().expect("not poisoned").get(group).cloned().unwrap_or_default();
                for thread in threads {
                    let add = json!({ "GroupId": thread, "MemberList": call["NewMemberList"] });
                    self.call("group_open_http_svc/add_group_member", add).await;
                }
            }
            "Group.CallbackAfterGroupFull" => self.say(group, ADMIN, "the team is complete").await,
            "Group.CallbackAfterMemberExit" => {
                let how = if call["ExitType"] == "Kicked" { "was removed" } else { "left" };
                let who = name(&call["ExitMemberList"][0], "Member_Account");
                self.say(group, ADMIN, &format!("{who} {how}")).await;
            }
            "Bot.OnC2CMessage" => {
                let random = self.random.fetch_add(1, Ordering::Relaxed);
                let answer = json!({ "From_Account": call["To_Account"], "To_Account": call["From_Account"],
                    "MsgSeq": random, "MsgRandom": random, "MsgBody": text(&format!("you said: {}", words(call))) });
                self.call("openim/sendmsg", answer).await;
            }
            "Bot.OnGroupMessage" => {
                let robot = call["AtRobots_Account"][0].as_str().unwrap_or_default();
                self.say(group, robot, &format!("{} called me", name(call, "From_Account"))).await;
            }
            _ => {}
        }
    }

    /// A device came or went.
    fn count(&self, call: &Value) {
        let info = &call["Info"];
        let mut here = self.here.lock().expect("not poisoned");
        let devices = here.entry(name(info, "To_Account").to_owned()).or_default();
        match name(info, "Action") {
            // Devices that had to make room for it say no goodbye.
            "Login" => {
                let gone = call["KickedDevice"].as_array().map_or(0, Vec::len);
                *devices = (*devices + 1).saturating_sub(u32::try_from(gone).unwrap_or(u32::MAX));
            }
            "Logout" | "Disconnect" => *devices = devices.saturating_sub(1),
            _ => {}
        }
        here.retain(|_, devices| *devices > 0);
    }

    /// Opens a thread below a message: a group of its own, with the one who asked as owner.
    async fn open_thread(&self, call: &Value) {
        let group = name(call, "GroupId");
        let thread = format!("thread-{group}-{}", call["MsgSeq"]);
        let create =
            json!({ "Type": "Public", "Name": "thread", "GroupId": thread, "Owner_Account": call["From_Account"] });
        self.call("group_open_http_svc/create_group", create).await;
        self.threads.lock().expect("not poisoned").entry(group.to_owned()).or_default().push(thread.clone());
        self.say(&thread, ADMIN, "a thread begins").await;
    }

    async fn message(&self, call: &Value) {
        let group = name(call, "GroupId");
        if words(call).starts_with("thread:") {
            self.open_thread(call).await;
            return;
        }
        // Threads: groups that are named after the message they belong to, as thread-<group>-<number>.
        if let Some((parent, seq)) = group.strip_prefix("thread-").and_then(|of| of.rsplit_once('-')) {
            if call["From_Account"] == ADMIN {
                return;
            }
            let replies = {
                let mut replies = self.replies.lock().expect("not poisoned");
                let count = replies.entry(group.to_owned()).or_default();
                *count += 1;
                *count
            };
            let seq: u64 = seq.parse().unwrap_or_default();
            let data = json!({ "replies": replies }).to_string();
            self.call("openim/modify_group_msg", json!({ "GroupId": parent, "MsgSeq": seq, "CloudCustomData": data }))
                .await;
            return;
        }
        if call["Type"] != "AVChatRoom" || call["From_Account"] == ADMIN {
            return;
        }
        if words(call) == "!here" {
            let number = self.here.lock().expect("not poisoned").len();
            self.say(group, ADMIN, &format!("{number} here")).await;
            return;
        }
        if words(call) == "!draw" {
            // The luckiest viewer is the busiest one: lots are drawn by score.
            let winner = {
                let score = self.score.lock().expect("not poisoned");
                score
                    .get(group)
                    .and_then(|room| room.iter().max_by_key(|(_, points)| **points).map(|(who, _)| who.clone()))
            };
            if let Some(winner) = winner {
                self.say(group, ADMIN, &format!("{winner} wins")).await;
            }
            return;
        }
        let points = if call["MsgBody"][0]["MsgType"] == "TIMCustomElem" { 10 } else { 1 };
        let level = {
            let mut score = self.score.lock().expect("not poisoned");
            let score =
                score.entry(group.to_owned()).or_default().entry(name(call, "From_Account").to_owned()).or_default();
            *score += points;
            *score / 10
        };
        if points == 10 {
            self.say(group, ADMIN, &format!("{} reached level {level}", name(call, "From_Account"))).await;
        }
    }
}
