//! Resume after any cut equals never cut: two devices of one user hear the same, in the same order, each thing once, though the
//! connection of one of them is cut again and again, at any instant (docs/spec/websocket-protocol.md#20).

use std::{
    collections::{BTreeMap, HashSet},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use rand::{RngExt as _, rngs::StdRng};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tsudoi_it::{Client, PATIENCE, Server, dice, random, text, unique};

/// How often the connection is cut.
const CUTS: usize = 60;
/// Numbers of one question for missed group messages.
const WINDOW: u64 = 15;
const GET: &str = "group_open_http_svc.group_msg_get";
const SEND: &str = "group_open_http_svc.send_group_msg";

/// What a device has heard.
#[derive(Default)]
struct Heard {
    /// Of each group, message by message in the order they were heard: number and words (empty for tips).
    groups: BTreeMap<String, Vec<(u64, String)>>,
    /// One-to-one messages and notices, in the order they were heard.
    log: Vec<String>,
    known: HashSet<String>,
    /// Withdrawn group messages.
    recalled: HashSet<(String, u64)>,
}

impl Heard {
    fn newest(&self, group: &str) -> u64 {
        self.groups.get(group).and_then(|line| line.last()).map_or(0, |(seq, _)| *seq)
    }

    fn group_item(&mut self, group: &str, item: &Value) {
        let words = item["MsgBody"][0]["MsgContent"]["Text"].as_str().unwrap_or_default().to_owned();
        let seq = item["MsgSeq"].as_u64().expect("a number");
        self.groups.entry(group.to_owned()).or_default().push((seq, words));
    }

    /// Takes an entry of the log, unless it was heard before.
    fn log_item(&mut self, item: &Value) {
        let parts =
            ["From_Account", "ToGroupId", "MsgSeq", "MsgRandom", "MsgTimeStamp"].map(|part| item[part].to_string());
        let entry = format!("{} {}", parts.join(" "), item["MsgBody"]);
        if self.known.insert(entry.clone()) {
            self.log.push(entry);
        }
    }

    /// Takes what was pushed. Answers a group of which something is missing, if there is one.
    fn pushed(&mut self, event: &Value) -> Option<String> {
        for item in event["C2cMsgArray"].as_array().into_iter().flatten() {
            self.log_item(item);
        }
        let number = event["Event"].as_u64().expect("a number");
        let items = event["GroupMsgArray"].as_array().or_else(|| event["GroupTips"].as_array());
        for item in items.into_iter().flatten() {
            let group = item["ToGroupId"].as_str().expect("a group").to_owned();
            match number {
                3 | 4 => {
                    let (seq, newest) = (item["MsgSeq"].as_u64().expect("a number"), self.newest(&group));
                    if newest > 0 && seq > newest + 1 {
                        return Some(group);
                    }
                    if seq > newest {
                        self.group_item(&group, item);
                    }
                }
                5 if item["MsgBody"]["GroupWithdrawInfoArray"].is_array() => {
                    for one in item["MsgBody"]["GroupWithdrawInfoArray"].as_array().into_iter().flatten() {
                        self.recalled.insert((group.clone(), one["MsgSeq"].as_u64().expect("a number")));
                    }
                }
                5 if item["To_Account"].is_string() => self.log_item(item),
                _ => {}
            }
        }
        None
    }
}

/// A device that comes back after every cut and catches up as the SDK does.
struct Device {
    heard: Heard,
    instance: String,
    credentials: Value,
    cookie: Value,
    /// A message of its own that was not acknowledged yet.
    unsent: Option<Value>,
}

impl Device {
    /// Comes back: what was pending first, then the login, then what was missed. `None` when the connection ends meanwhile.
    async fn come_back(&mut self, server: &Server) -> Option<Client> {
        let client = server.connect_as(&self.instance, "binfo").await;
        client.use_credentials(self.credentials.clone());
        if let Some(body) = &self.unsent {
            let answer = client.try_call(SEND, body).await?;
            assert_eq!(answer["ErrorCode"], 0, "{answer}");
            self.unsent = None;
        }
        let answer = client.try_call("im_open_status.wslogin", &json!({ "State": "Online" })).await?;
        assert_eq!(answer["ErrorCode"], 0, "{answer}");
        self.catch_up(&client).await?;
        Some(client)
    }

    /// Fetches what was missed; pushes wait meanwhile.
    async fn catch_up(&mut self, client: &Client) -> Option<()> {
        let start = json!({ "TimeStamp": 0, "StartIndex": 0, "TopTimeStamp": 0, "TopStartIndex": 0, "OrderType": 1, "AssistFlags": 31 });
        let page = client.try_call("recentcontact.page_get", &start).await?;
        assert_eq!(page["CompleteFlag"], 1, "few conversations");
        for item in page["SessionItem"].as_array().expect("a list").iter().filter(|item| item["Type"] == 2) {
            let group = item["ToAccount"].as_str().expect("a group");
            self.fill(client, group, item["MsgSeq"].as_u64().expect("a number")).await?;
            let asked = json!([{ "NotifyType": 1, "Limit": 100, "GroupId": group, "BeginTime": 0, "EndTime": 0 }]);
            let answer = client
                .try_call("group_open_http_svc.batch_get_group_notify", &json!({ "NotifyReqList": asked }))
                .await?;
            for recall in answer["NotifyRspList"][0]["NotifyMsgList"].as_array().expect("a list") {
                self.heard.recalled.insert((group.to_owned(), recall["MsgSeq"].as_u64().expect("a number")));
            }
        }
        loop {
            let asked = json!({ "Cookie": self.cookie, "SyncFlag": 0, "IsOnlineSync": 0 });
            let page = client.try_call("openim.getmsg", &asked).await?;
            assert_eq!(page["ErrorCode"], 0, "{page}");
            // Messages and notices come in lists of their own; their order among each other is not told.
            for item in page["MsgList"].as_array().expect("a list") {
                self.heard.log_item(item);
            }
            for notice in page["EventArray"]
                .as_array()
                .expect("a list")
                .iter()
                .flat_map(|one| one["GroupTips"].as_array())
                .flatten()
            {
                self.heard.log_item(notice);
            }
            self.cookie = page["Cookie"].clone();
            if page["SyncFlag"] == 2 {
                return Some(());
            }
        }
    }

    /// Fetches a group's messages after the newest known one up to a number.
    async fn fill(&mut self, client: &Client, group: &str, newest: u64) -> Option<()> {
        let mut known = self.heard.newest(group);
        while known < newest {
            let top = known + WINDOW;
            let asked = json!({ "GroupId": group, "ReqMsgSeq": top, "ReqMsgNumber": WINDOW, "WithRecalledMsg": 1 });
            let page = client.try_call(GET, &asked).await?;
            assert_eq!(page["ErrorCode"], 0, "{page}");
            for item in page["RspMsgList"].as_array().expect("a list").iter().rev() {
                if item["MsgSeq"].as_u64() > Some(self.heard.newest(group)) {
                    self.heard.group_item(group, item);
                }
            }
            known = top.min(newest);
        }
        Some(())
    }

    /// Hears what is pushed for a while.
    async fn listen(&mut self, client: &Client, span: Duration) -> Option<()> {
        sleep(span).await;
        self.hear(client).await
    }

    /// Takes what was pushed so far, and fetches what a gap shows to be missing.
    async fn hear(&mut self, client: &Client) -> Option<()> {
        for event in client.arrived() {
            if let Some(group) = self.heard.pushed(&event) {
                let seq = event["GroupMsgArray"][0]["MsgSeq"].as_u64().or(event["GroupTips"][0]["MsgSeq"].as_u64());
                self.fill(client, &group, seq.expect("a number")).await?;
            }
        }
        Some(())
    }
}

/// What happens meanwhile: messages, tips, mails, notices and recalls, until told to stop.
async fn life(server: &Server, groups: &[String], ana: &str, bob: &str, done: &AtomicBool, mut dice: StdRng) {
    let mut n = 0;
    while !done.load(Ordering::SeqCst) {
        n += 1;
        let group = &groups[dice.random_range(0..groups.len())];
        let said =
            json!({ "GroupId": group, "From_Account": ana, "Random": random(), "MsgBody": text(&format!("word {n}")) });
        let answer = server.ok("group_open_http_svc/send_group_msg", said).await;
        match dice.random_range(0..10) {
            0 => {
                let named = json!({ "GroupId": group, "Name": format!("name {n}") });
                server.ok("group_open_http_svc/modify_group_base_info", named).await;
            }
            1 => {
                let slip = json!({ "GroupId": group, "MsgSeqList": [{ "MsgSeq": answer["MsgSeq"] }] });
                server.ok("group_open_http_svc/group_msg_recall", slip).await;
            }
            2 => {
                let role = if n % 2 == 0 { "Admin" } else { "Member" };
                let named = json!({ "GroupId": group, "Member_Account": bob, "Role": role });
                server.ok("group_open_http_svc/modify_group_member_info", named).await;
            }
            3..6 => {
                let mail = json!({ "From_Account": ana, "To_Account": bob, "MsgRandom": random(), "MsgBody": text(&format!("mail {n}")) });
                server.ok("openim/sendmsg", mail).await;
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resume_after_any_cut_equals_never_cut() {
    let rates = "group_messages_per_second = 0, rest_default_per_second = 0";
    let server = Server::with_settings(&format!("rates = {{ {rates} }}\nlogin = {{ web_instances = 3 }}\n")).await;
    let users = server.users(&["ana", "bob"]).await;
    let (ana, bob) = (&users[0], &users[1]);
    let mut groups = Vec::new();
    for _ in 0..3 {
        groups.push(server.group("Public", ana, &[bob]).await);
    }
    let steady = server.login(bob).await;
    let client = server.login(bob).await;
    let mut device = Device {
        heard: Heard::default(),
        instance: client.instance().to_owned(),
        credentials: client.credentials(),
        cookie: json!(""),
        unsent: None,
    };
    device.cookie = client.ok("openim.getmsg", json!({ "Cookie": "", "SyncFlag": 0 })).await["Cookie"].clone();
    // Both begin at the same place of every group.
    for group in &groups {
        server
            .ok(
                "group_open_http_svc/send_group_msg",
                json!({ "GroupId": group, "Random": random(), "MsgBody": text("first") }),
            )
            .await;
        client.hears("first").await;
        device.heard.groups.insert(group.clone(), vec![(1, "first".to_owned())]);
    }
    drop(client);

    // How long coming back takes on this machine.
    let started = Instant::now();
    drop(device.come_back(&server).await.expect("it stays"));
    let usual = started.elapsed();

    let mut dice = dice();
    let done = AtomicBool::new(false);
    let mut own = Vec::new();
    let cutting = async {
        for cut in 0..CUTS {
            // Some connections are cut while they catch up, some while they wait for an answer, some in quiet times.
            let span = usual.mul_f64(dice.random_range(0.0..4.0));
            let says_something = dice.random_bool(0.4);
            let session = async {
                let client = device.come_back(&server).await?;
                if says_something {
                    let words = format!("own {cut}");
                    own.push(words.clone());
                    let group = &groups[cut % groups.len()];
                    let body =
                        json!({ "GroupId": group, "Random": random(), "ClientSeq": random(), "MsgBody": text(&words) });
                    let body = device.unsent.insert(body).clone();
                    client.try_call(SEND, &body).await?;
                    device.unsent = None;
                }
                loop {
                    device.listen(&client, Duration::from_millis(5)).await?;
                }
            };
            // Whatever it does then, its connection breaks.
            let _: Result<Option<()>, _> = timeout(span, session).await;
        }
        done.store(true, Ordering::SeqCst);
    };
    let living = life(&server, &groups, ana, bob, &done, tsudoi_it::dice());
    timeout(5 * PATIENCE, futures_util::future::join(cutting, living)).await.expect("in time");

    // The end of each line, which both hear.
    let client = device.come_back(&server).await.expect("it stays");
    let last = unique("last ");
    for group in &groups {
        let said = json!({ "GroupId": group, "From_Account": ana, "Random": random(), "MsgBody": text(&last) });
        server.ok("group_open_http_svc/send_group_msg", said).await;
    }
    let mail = json!({ "From_Account": ana, "To_Account": bob, "MsgRandom": random(), "MsgBody": text(&last) });
    server.ok("openim/sendmsg", mail).await;
    let mut never_cut = Heard::default();
    let is_last = |heard: &Heard| {
        groups
            .iter()
            .all(|group| heard.groups.get(group).and_then(|line| line.last()).is_some_and(|(_, words)| *words == last))
            && heard.log.last().is_some_and(|entry| entry.contains(&last))
    };
    timeout(PATIENCE, async {
        while !is_last(&never_cut) || !is_last(&device.heard) {
            for event in steady.arrived() {
                assert_eq!(never_cut.pushed(&event), None, "who is never cut misses nothing: {event}");
            }
            device.listen(&client, Duration::from_millis(20)).await.expect("it stays");
        }
    })
    .await
    .expect("both hear the end");

    let cut = device.heard;
    for group in &groups {
        let (line, expected) = (&cut.groups[group], &never_cut.groups[group]);
        let numbers: Vec<u64> = line.iter().map(|(seq, _)| *seq).collect();
        assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "contiguous from the first: {numbers:?}");
        assert_eq!(line, expected, "{group}");
    }
    assert_eq!(cut.recalled, never_cut.recalled);
    assert!(!cut.recalled.is_empty(), "a life without recalls");
    for kind in ["mail", "ReportType"] {
        let of = |heard: &Heard| heard.log.iter().filter(|entry| entry.contains(kind)).cloned().collect::<Vec<_>>();
        assert!(!of(&cut).is_empty(), "a life without {kind}");
        assert_eq!(of(&cut), of(&never_cut), "{kind}");
    }
    let said: Vec<&String> = cut.groups.values().flatten().map(|(_, words)| words).collect();
    for words in &own {
        let times = said.iter().filter(|said| **said == words).count();
        assert_eq!(times, 1, "{words} was said");
    }
}
