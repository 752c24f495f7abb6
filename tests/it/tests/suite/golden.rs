//! Golden wire files: what goes over the wire for each command, word for word.
//!
//! `tests/golden/<service>/<command>/<case>.json` holds the steps that set the scene, the request, and the reply. A step names a
//! REST command (`service/command`) or a client's (`service.command` with the user in `as`). `{name}` stands for an id of the case's
//! own. Times, tokens and ids drawn by the server are redacted before comparing. `make golden` writes the replies anew.
//!
//! What backends are asked and told lies beside them in `tests/golden/webhook`; see [`crate::webhook_golden`].

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tsudoi_it::{Client, Server, shared};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Step {
    call: String,
    #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    body: Value,
}

#[derive(Debug, Serialize, Deserialize)]
struct Case {
    /// What the case shows.
    about: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scene: Vec<Step>,
    request: Step,
    #[serde(default)]
    reply: Value,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../golden")
}

/// Where the golden files of webhooks are.
pub(crate) fn webhook_root() -> PathBuf {
    root().join("webhook")
}

/// The golden files below a folder, in the order of their names.
pub(crate) fn files(root: PathBuf) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Members whose values differ from run to run; the value says what was there.
const REDACTED: &[&str] = &[
    "A2Key",
    "AddTime",
    "AddBlackTimeStamp",
    "Authentication",
    "AVChatRoomKey",
    "BannedUntil",
    "ClientSeq",
    "Cookie",
    "CreateTime",
    "EventTime",
    "InstId",
    "JoinTime",
    "LastInfoTime",
    "LastMsgTime",
    "LastMsgKey",
    "LastSendMsgTime",
    "MsgClientTime",
    "MsgKey",
    "MsgId",
    "MsgTime",
    "MsgTimeStamp",
    "MuteUntil",
    "MutedUntil",
    "NextMsgTime",
    "ReadTime",
    "RequestId",
    "ShutUpUntil",
    "ShuttedUntil",
    "SubscribeTime",
    "TimeStamp",
    "Timestamp",
    "TinyId",
    "TopTimeStamp",
    "UpdateTime",
    "LongPollingKey",
    "PreSigURL",
    "TaskId",
    "download_url",
    "expired_time",
    "request_id",
    "str_download_url",
    "str_file_key",
    "str_upload_url",
    "upload_url",
];

/// Puts words in place of values that differ from run to run: those of [`REDACTED`] and of `more`.
pub(crate) fn redact(value: &mut Value, more: &[&str]) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                let is_zero = member.as_i64() == Some(0) || member.as_str() == Some("");
                let differs = REDACTED.contains(&name.as_str()) || more.contains(&name.as_str());
                if differs && !is_zero && (member.is_number() || member.is_string()) {
                    *member = if member.is_number() { "<number>".into() } else { "<text>".into() };
                } else {
                    redact(member, more);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, more)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Puts the case's own ids in place of `{name}`.
fn fill(value: &Value, prefix: &str, ids: &mut BTreeMap<String, String>) -> Value {
    match value {
        Value::String(text) => Value::String(fill_text(text, prefix, ids)),
        Value::Array(items) => items.iter().map(|item| fill(item, prefix, ids)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, member)| (name.clone(), fill(member, prefix, ids))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

pub(crate) fn fill_text(text: &str, prefix: &str, ids: &mut BTreeMap<String, String>) -> String {
    let Some((before, rest)) = text.split_once('{') else { return text.to_owned() };
    let Some((name, after)) =
        rest.split_once('}').filter(|(name, _)| !name.is_empty() && name.chars().all(char::is_alphanumeric))
    else {
        return text.to_owned();
    };
    let id = format!("{prefix}{name}");
    ids.insert(id.clone(), format!("{{{name}}}"));
    format!("{before}{id}{}", fill_text(after, prefix, ids))
}

/// The way back: the names of the case's ids.
pub(crate) fn unfill(value: &mut Value, ids: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            for (id, name) in ids.iter().rev() {
                *text = text.replace(id, name);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| unfill(item, ids)),
        Value::Object(members) => members.values_mut().for_each(|member| unfill(member, ids)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

async fn run(server: &Server, step: &Step, clients: &mut BTreeMap<String, Client>) -> Value {
    match &step.user {
        Some(user) => {
            if !clients.contains_key(user) {
                clients.insert(user.clone(), server.login(user).await);
            }
            clients[user].call(&step.call, step.body.clone()).await
        }
        None => server.call(&step.call, &step.body).await,
    }
}

async fn judge(server: &Server, path: &Path, number: usize) -> Result<(), String> {
    let shown = path.strip_prefix(root()).unwrap_or(path).display().to_string();
    let text = fs::read_to_string(path).map_err(|e| format!("{shown}: {e}"))?;
    let mut case: Case = serde_json::from_str(&text).map_err(|e| format!("{shown}: {e}"))?;
    let prefix = format!("c{number}x");
    let mut ids = BTreeMap::new();
    let mut clients = BTreeMap::new();
    let mut filled = |step: &Step| Step {
        call: step.call.clone(),
        user: step.user.as_ref().map(|user| fill_text(user, &prefix, &mut ids)),
        body: fill(&step.body, &prefix, &mut ids),
    };
    let scene: Vec<Step> = case.scene.iter().map(&mut filled).collect();
    let request = filled(&case.request);
    for step in &scene {
        let answer = run(server, step, &mut clients).await;
        if answer["ErrorCode"] != 0 {
            return Err(format!("{shown}: the scene failed at {}: {answer}", step.call));
        }
    }
    let mut reply = run(server, &request, &mut clients).await;
    redact(&mut reply, &[]);
    unfill(&mut reply, &ids);
    if std::env::var_os("GOLDEN_ACCEPT").is_some() {
        case.reply = reply;
        let text = serde_json::to_string_pretty(&case).expect("plain data");
        return fs::write(path, text + "\n").map_err(|e| format!("{shown}: {e}"));
    }
    if reply == case.reply {
        return Ok(());
    }
    Err(format!(
        "{shown}: {}\n  expected {}\n  got      {}",
        case.about,
        serde_json::to_string(&case.reply).expect("plain data"),
        serde_json::to_string(&reply).expect("plain data")
    ))
}

#[tokio::test]
async fn every_reply_is_as_the_golden_files_say() {
    let server = shared().await;
    let of_webhooks = webhook_root();
    let cases: Vec<PathBuf> = files(root()).into_iter().filter(|path| !path.starts_with(&of_webhooks)).collect();
    assert!(!cases.is_empty(), "there are golden files");
    let mut faults = Vec::new();
    for (number, path) in cases.iter().enumerate() {
        if let Err(fault) = judge(server, path, number).await {
            faults.push(fault);
        }
    }
    assert!(faults.is_empty(), "{} of {} differ:\n{}", faults.len(), cases.len(), faults.join("\n"));
}
