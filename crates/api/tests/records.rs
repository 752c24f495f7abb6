//! Message records and statistics over hours and days, with a clock that can be moved.

use std::{
    io::Read as _,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::body::{Body, to_bytes};
use flate2::read::GzDecoder;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tsudoi_api::{
    App, Bounds, Parts, Shared, catalogue,
    clock::{Clock, RandomDice},
    command::{Caller, Door, Doors},
    records,
};
use tsudoi_domain::{AppId, AppSettings, UserId, time::Millis};
use tsudoi_store::{
    Store,
    sqlite::{Sqlite, SqliteOptions},
};

/// 2025-11-30 09:00:01 UTC.
const START: i64 = 1_764_493_201;

struct Moved(AtomicI64);

impl Clock for Moved {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst) * 1000)
    }
}

struct World {
    shared: Arc<Shared>,
    app: Arc<App>,
    clock: Arc<Moved>,
    _folder: tempfile::TempDir,
}

fn words(text: &str) -> Value {
    json!([{ "MsgType": "TIMTextElem", "MsgContent": { "Text": text } }])
}

impl World {
    async fn new(settings: AppSettings) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(Moved(AtomicI64::new(START)));
        let options = SqliteOptions { path: Some(Sqlite::path_in(folder.path())), ..SqliteOptions::default() };
        let parts = Parts {
            store: Box::new(move |observer| Store::sqlite(&options, observer)),
            clock: clock.clone(),
            dice: Arc::new(RandomDice::seeded(7)),
            bounds: Bounds { public_url: "http://chat.test".into(), ..Bounds::default() },
            data_dir: Some(folder.path().to_owned()),
            webhook_addresses: Arc::new(|_| false),
            proxies: Arc::new(|_| false),
            files: Arc::new(object_store::memory::InMemory::new()),
            public_url: None,
        };
        let shared = Shared::start(parts).await.expect("started");
        let app = shared.put_app(AppId(1_400_000_001), &["key".into()], settings).await.expect("an app");
        let world = Self { shared, app, clock, _folder: folder };
        world.ok("im_open_login_svc/multiaccount_import", json!({ "Accounts": ["ana", "bob"] })).await;
        world
    }

    fn go_to(&self, time: i64) {
        self.clock.0.store(time, Ordering::SeqCst);
    }

    async fn call(&self, command: &str, body: Value) -> Result<Value, tsudoi_api::Error> {
        let (service, name) = command.split_once('/').expect("service/command");
        let entry = catalogue::find(service, name, Doors::Rest).expect("a command");
        let user = UserId::parse("administrator").expect("an id");
        let caller = Caller { user, door: Door::Rest, proof: None, peer: None };
        let answer = (entry.run)(body.to_string().as_bytes(), &caller, &self.app).await?;
        Ok(serde_json::from_slice(&answer).expect("JSON"))
    }

    async fn ok(&self, command: &str, body: Value) -> Value {
        self.call(command, body.clone()).await.unwrap_or_else(|error| panic!("{command} {body}: {error}"))
    }

    async fn code(&self, command: &str, body: Value) -> u32 {
        self.call(command, body).await.expect_err("refused").code()
    }

    async fn mail(&self, random: u32, text: &str) {
        let body = json!({ "From_Account": "ana", "To_Account": "bob", "MsgSeq": random, "MsgRandom": random,
            "MsgBody": words(text), "CloudCustomData": "note" });
        self.ok("openim/sendmsg", body).await;
    }

    async fn say(&self, random: u32, text: &str) -> u64 {
        let body = json!({ "GroupId": "crew", "From_Account": "ana", "Random": random, "MsgBody": words(text) });
        let answer = self.ok("group_open_http_svc/send_group_msg", body).await;
        answer["MsgSeq"].as_u64().expect("a number")
    }

    /// Waits until the statistics of a day say so: what happens is counted when it is told, a moment later.
    async fn shows(&self, at: usize, date: &str, figures: [&str; 4]) {
        let fields = ["C2CUpMsgNum", "ActiveUserNum", "RegistUserNumOneDay", "RegistUserNumTotal"];
        let mut day = Value::Null;
        for _ in 0..200 {
            day = self.ok("openconfigsvr/getappinfo", json!({})).await["Result"][at].take();
            if fields.map(|field| day[field].as_str().unwrap_or_default().to_owned()) == figures {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        assert_eq!(day["Date"], date);
        assert_eq!(fields.map(|field| day[field].clone()), figures);
    }

    async fn download(&self, url: &str) -> (u16, Vec<u8>) {
        let path = url.strip_prefix("http://chat.test").expect("the server's own address");
        let request = http::Request::get(path).body(Body::empty()).expect("a request");
        let answer = records::router(self.shared.clone()).oneshot(request).await.expect("answered");
        let status = answer.status().as_u16();
        (status, to_bytes(answer.into_body(), usize::MAX).await.expect("a body").to_vec())
    }
}

fn md5(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

async fn busy_hour() -> (World, u64) {
    let world = World::new(AppSettings::default()).await;
    let group = json!({ "Type": "Public", "Name": "Crew", "GroupId": "crew", "Owner_Account": "ana",
        "MemberList": [{ "Member_Account": "bob" }] });
    world.ok("group_open_http_svc/create_group", group).await;
    world.mail(1, "up?").await;
    world.go_to(START + 1800);
    world.mail(2, "\"yes\"\n").await;
    let recalled = world.say(3, "hello").await;
    let recall = json!({ "GroupId": "crew", "MsgSeqList": [{ "MsgSeq": recalled }] });
    world.ok("group_open_http_svc/group_msg_recall", recall).await;
    world.go_to(START + 3600);
    world.mail(4, "the next hour").await;
    // History of another system is no message of this hour.
    let import = json!({ "SyncFromOldSystem": 2, "From_Account": "ana", "To_Account": "bob", "MsgSeq": 9, "MsgRandom": 9,
        "MsgTimeStamp": START + 5, "MsgBody": words("old") });
    world.ok("openim/importmsg", import).await;
    (world, recalled)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_can_be_fetched_as_one_document_and_line_by_line() {
    let (world, recalled) = busy_hour().await;
    let hour = |chat: &str| json!({ "ChatType": chat, "MsgTime": "2025113009" });
    world.go_to(START + 7198);
    assert_eq!(world.code("open_msg_svc/get_history", hour("C2C")).await, 1004, "an hour after the hour, not before");
    world.go_to(START + 7199);
    let answer = world.ok("open_msg_svc/get_history", hour("C2C")).await;
    let file = &answer["File"][0];
    assert_eq!(answer["File"].as_array().map(Vec::len), Some(1));
    assert_eq!(file["ExpireTime"], "2025-12-07 10:00:00");
    let (status, packed) = world.download(file["URL"].as_str().expect("text")).await;
    assert_eq!(status, 200);
    assert_eq!((&file["GzipSize"], &file["GzipMD5"]), (&json!(packed.len()), &json!(md5(&packed))));
    let mut text = String::new();
    GzDecoder::new(packed.as_slice()).read_to_string(&mut text).expect("packed text");
    assert_eq!((&file["FileSize"], &file["FileMD5"]), (&json!(text.len()), &json!(md5(text.as_bytes()))));

    let whole: Value = serde_json::from_str(&text).expect("JSON");
    let head = [&whole["SdkAppId"], &whole["ChatType"], &whole["MsgTime"]];
    assert_eq!(head, [&json!(1_400_000_001_u32), &json!("C2C"), &json!("2025113009")]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[0].ends_with('[') && lines[3] == "]}" && lines[1].ends_with(',') && !lines[2].ends_with(','));
    let first: Value = serde_json::from_str(lines[1].trim_end_matches(',')).expect("JSON");
    let expected = json!({ "From_Account": "ana", "To_Account": "bob", "MsgTimestamp": START, "MsgSeq": 1, "MsgRandom": 1,
        "MsgBody": words("up?"), "CloudCustomData": "note" });
    assert_eq!(first, expected);
    assert_eq!(whole["MsgList"][1]["MsgBody"], words("\"yes\"\n"));

    let group = world.ok("open_msg_svc/get_history", hour("Group")).await;
    let (_, packed) = world.download(group["File"][0]["URL"].as_str().expect("text")).await;
    let whole: Value = serde_json::from_reader(GzDecoder::new(packed.as_slice())).expect("JSON");
    let expected = json!([{ "From_Account": "ana", "GroupId": "crew", "MsgTimestamp": START + 1800, "MsgSeq": recalled,
        "MsgBody": words("hello") }]);
    assert_eq!(whole["MsgList"], expected, "what was recalled stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_stays_the_same_until_it_ends() {
    let (world, _) = busy_hour().await;
    let hour = json!({ "ChatType": "C2C", "MsgTime": "2025113009" });
    world.go_to(START + 2 * 3600);
    let answer = world.ok("open_msg_svc/get_history", hour.clone()).await;
    world.go_to(START + 3 * 86_400);
    assert_eq!(world.ok("open_msg_svc/get_history", hour.clone()).await, answer);
    let url = answer["File"][0]["URL"].as_str().expect("text");
    let unsigned = url.split("&sign").next().expect("a part");
    for bad in [&url.replace("C2C", "Group"), &url.replace("expires=1", "expires=2"), unsigned] {
        let (status, body) = world.download(bad).await;
        let refused: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!((status, &refused["ErrorCode"]), (403, &json!(1001)), "{bad}");
    }
    world.go_to(START + 3599 + 7 * 86_400);
    let (status, body) = world.download(url).await;
    let refused: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!((status, &refused["ErrorCode"]), (403, &json!(1005)));
    assert_eq!(world.code("open_msg_svc/get_history", hour).await, 1005);
    let silent = json!({ "ChatType": "C2C", "MsgTime": "2025120612" });
    assert_eq!(world.code("open_msg_svc/get_history", silent).await, 1004);
}

#[tokio::test(flavor = "multi_thread")]
async fn days_are_counted_each_by_itself() {
    let mut settings = AppSettings::default();
    settings.operations.utc_offset_hours = 9;
    let world = World::new(settings).await;
    // 18:00 in Tokyo; the day ends at 24:00.
    world.mail(1, "one").await;
    world.go_to(START + 6 * 3600 - 2);
    world.mail(2, "two").await;
    // What is counted is stored every few seconds.
    world.shared.settle().await;
    world.go_to(START + 6 * 3600);
    world.mail(3, "three").await;
    world.ok("im_open_login_svc/account_import", json!({ "UserID": "cid" })).await;
    world.shared.settle().await;
    world.go_to(START + 86_400);
    world.shows(0, "20251130", ["2", "1", "3", "3"]).await;
    world.shows(1, "20251129", ["0", "0", "0", "0"]).await;
    world.go_to(START + 2 * 86_400);
    world.shows(0, "20251201", ["1", "1", "1", "4"]).await;
    // A day without anything keeps what there is.
    world.go_to(START + 4 * 86_400);
    world.shows(0, "20251203", ["0", "0", "0", "4"]).await;
    world.shows(2, "20251201", ["1", "1", "1", "4"]).await;
}
