//! Golden files of webhooks: what an app's backend is asked and told, word for word.
//!
//! `tests/golden/webhook/<CallbackCommand>/<case>.json` holds the steps that set the scene, the request, what the backend answers
//! when it does not just agree, and then what came of it: every call of the command that the case caused, scene included, and the
//! reply that the caller of the request got. A step is one of a REST command (`service/command`) or a client's (`service.command`
//! with the user in `as`); it may `keep` a value of its answer (a JSON pointer) under a name. `{name}` stands for what was kept, and
//! otherwise for an id of the case's own. A case with `settings` (TOML below `[apps.settings]`, `{receiver}` being the backend's
//! address) has a server of its own. Times, tokens and ids drawn by the server are redacted before comparing. `make golden` writes calls and replies anew.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tsudoi_it::{
    Client, Server,
    receiver::{Reaction, Received, Receiver},
};

use crate::golden::{files, fill_text, redact, unfill, webhook_root};

#[derive(Debug, Serialize, Deserialize)]
struct Step {
    call: String,
    #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    body: Value,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    keep: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Case {
    /// What the case shows.
    about: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    settings: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scene: Vec<Step>,
    request: Step,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<Value>,
    #[serde(default)]
    calls: Vec<Told>,
    #[serde(default)]
    reply: Value,
}

/// A call: what its address says, and its body.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Told {
    query: String,
    body: Value,
}

/// Members of bodies that differ from run to run, beside those of replies.
const REDACTED: &[&str] = &["CtxcbRequestId", "LastReadTime", "MsgID", "PushID", "TaskTime"];

/// Rates of its own would stop the server that the cases share.
const SHARED: &str = "rates.group_messages_per_second = 0\nrates.rest_default_per_second = 0\n\
                      group_fields = [{ key = \"level\" }, { key = \"mood\" }]\nwebhook.group_info_custom_fields = true\n";

async fn stage(settings: &str) -> (Server, Receiver) {
    let receiver = Receiver::start().await;
    // A busy machine may take its time.
    let webhook = format!("webhook.url = \"{}\"\nwebhook.all = true\nwebhook.timeout_ms = 20000\n", receiver.url());
    let settings = settings.replace("{receiver}", &receiver.url());
    (Server::with_settings(&format!("{webhook}{settings}")).await, receiver)
}

/// The ids of a case, and what it kept.
struct Names {
    prefix: String,
    ids: BTreeMap<String, String>,
    kept: BTreeMap<String, Value>,
}

impl Names {
    fn fill_text(&mut self, text: &str) -> String {
        let kept = self.kept.iter().fold(text.to_owned(), |text, (name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text.replace(&format!("{{{name}}}"), &value)
        });
        fill_text(&kept, &self.prefix, &mut self.ids)
    }

    fn fill(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let whole = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
                match whole.and_then(|name| self.kept.get(name)) {
                    Some(kept) => kept.clone(),
                    None => Value::String(self.fill_text(text)),
                }
            }
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(members) => members.iter().map(|(name, member)| (name.clone(), self.fill(member))).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    /// As it stands in a file.
    fn shown(&self, mut value: Value) -> Value {
        redact(&mut value, REDACTED);
        unfill(&mut value, &self.ids);
        value
    }

    fn told(&self, call: &Received) -> Told {
        let query = call.request_line.split([' ', '?']).nth(2).unwrap_or_default().to_owned();
        Told { query, body: self.shown(call.body.clone()) }
    }
}

async fn run(
    server: &Server,
    step: &Step,
    names: &mut Names,
    clients: &mut BTreeMap<String, Client>,
) -> Result<Value, String> {
    let body = names.fill(&step.body);
    let answer = match &step.user {
        Some(user) => {
            let user = names.fill_text(user);
            if !clients.contains_key(&user) {
                clients.insert(user.clone(), server.login(&user).await);
            }
            clients[&user].call(&step.call, body).await
        }
        None => server.call(&step.call, &body).await,
    };
    for (name, pointer) in &step.keep {
        let value =
            answer.pointer(pointer).ok_or_else(|| format!("{} answered without {pointer}: {answer}", step.call))?;
        names.kept.insert(name.clone(), value.clone());
    }
    Ok(answer)
}

/// The calls of a command that name something of the case; of a case with a server of its own, all.
fn caused(receiver: &Receiver, command: &str, names: &Names, own: bool) -> Vec<Received> {
    let mut calls = receiver.calls_of(command);
    calls.retain(|call| own || call.raw.contains(&names.prefix));
    calls
}

struct Judged {
    command: String,
    names: Names,
    number: usize,
}

async fn judge(
    (server, receiver): (&Server, &Receiver),
    path: &Path,
    case: &mut Case,
    number: usize,
) -> Result<Judged, String> {
    let command = path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let own = !case.settings.is_empty();
    let mut names = Names { prefix: format!("hook{number}x"), ids: BTreeMap::new(), kept: BTreeMap::new() };
    let mut clients = BTreeMap::new();
    for step in &case.scene {
        let answer = run(server, step, &mut names, &mut clients).await?;
        if answer["ErrorCode"] != 0 {
            return Err(format!("the scene failed at {}: {answer}", step.call));
        }
    }
    if let Some(answer) = &case.answer {
        receiver.react(&command, Reaction::Json(names.fill(answer)));
    }
    let reply = run(server, &case.request, &mut names, &mut clients).await?;
    receiver.react(&command, Reaction::ok());
    let reply = names.shown(reply);
    if std::env::var_os("GOLDEN_ACCEPT").is_some() {
        // Whoever writes files reads them, and sees what is missing.
        tokio::time::sleep(Duration::from_secs(1)).await;
        case.calls = caused(receiver, &command, &names, own).iter().map(|call| names.told(call)).collect();
        case.reply = reply;
        let text = serde_json::to_string_pretty(case).expect("plain data");
        fs::write(path, text + "\n").map_err(|e| e.to_string())?;
        let number = case.calls.len();
        return Ok(Judged { command, names, number });
    }
    if case.calls.is_empty() {
        return Err("a case shows at least one call".into());
    }
    let wanted = |body: &Value| own || body.to_string().contains(&names.prefix);
    receiver.calls_until(case.calls.len(), &command, wanted).await;
    let calls: Vec<Told> = caused(receiver, &command, &names, own).iter().map(|call| names.told(call)).collect();
    let text = |calls: &[Told]| serde_json::to_string(calls).expect("plain data");
    if calls != case.calls {
        return Err(format!("{}\n  expected {}\n  got      {}", case.about, text(&case.calls), text(&calls)));
    }
    if reply != case.reply {
        return Err(format!("{}\n  expected reply {}\n  got      reply {reply}", case.about, case.reply));
    }
    Ok(Judged { command, names, number: calls.len() })
}

#[tokio::test]
async fn every_call_is_as_the_golden_files_say() {
    let (server, receiver) = stage(SHARED).await;
    let paths: Vec<PathBuf> = files(webhook_root());
    let mut faults = Vec::new();
    let mut judged = Vec::new();
    for (number, path) in paths.iter().enumerate() {
        let shown = path.strip_prefix(webhook_root()).unwrap_or(path).display().to_string();
        let text = fs::read_to_string(path).expect("a golden file");
        let mut case: Case = serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{shown}: {fault}"));
        let result = if case.settings.is_empty() {
            judge((&server, &receiver), path, &mut case, number).await.map(|one| judged.push((shown.clone(), one)))
        } else {
            let (server, receiver) = stage(&case.settings).await;
            judge((&server, &receiver), path, &mut case, number).await.map(drop)
        };
        if let Err(fault) = result {
            faults.push(format!("{shown}: {fault}"));
        }
    }
    // Nothing came afterwards, but that the devices of a case went with it.
    judged.retain(|(_, judged)| judged.command != "State.StateChange");
    for (shown, Judged { command, names, number }) in &judged {
        let calls = caused(&receiver, command, names, false).len();
        if calls != *number {
            faults.push(format!("{shown}: {calls} calls in the end instead of {number}"));
        }
    }
    assert!(faults.is_empty(), "{} of {} differ:\n{}", faults.len(), paths.len(), faults.join("\n"));
}

/// Nothing that a backend can be asked or told is without a golden file.
#[test]
fn every_command_has_a_golden_file() {
    let missing: Vec<&str> = tsudoi_domain::WebhookCommand::ALL
        .iter()
        .map(|command| command.name())
        .filter(|name| !webhook_root().join(name).is_dir())
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
