//! Brings in messages of another system.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tsudoi_domain::{
    Action, Denied, GroupId, Scene, Timestamp, TopicId, UserId,
    change::Change,
    conversation::ConversationKey,
    message::{Content, Draft, MessageOptions, Priority, Sender, import},
};

use super::{line_of, members_here, scene_of_line};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    wire::{BodyError, BodyLimits, MessageBody},
};

/// Stores messages with the times they were sent at, in the order given: each after the ones before, after the creation of
/// the group, and in the past. Nobody is told; every member has read everything afterwards. REST.
/// Units: times in Unix seconds. Limits: `limits.import.group_messages` messages per call (20), `limits.message.max_bytes` each.
/// Errors: `GroupBadParameter`, `GroupTooManyAccounts` for too many messages, `GroupNotFound`, `GroupNotAllowed`,
/// `GroupAccountNotFound`; per message `GroupBadParameter` (time), `MessageTooLong`.
/// Spec: docs/spec/rest-groups.md#4.2
#[derive(Debug, Deserialize)]
pub struct ImportGroupMessages {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    /// Whether conversation lists show the messages.
    #[serde(rename = "RecentContactFlag", default, deserialize_with = "decode::flag")]
    shown_in_lists: bool,
    #[serde(rename = "MsgList")]
    messages: Vec<OldMessage>,
}

/// A message of another system.
#[derive(Debug, Deserialize)]
struct OldMessage {
    #[serde(rename = "From_Account")]
    from: UserId,
    #[serde(rename = "SendTime")]
    time: Timestamp,
    #[serde(rename = "Random")]
    random: Option<u32>,
    #[serde(rename = "MsgPriority", default)]
    priority: super::send::WirePriority,
    #[serde(rename = "MsgBody")]
    body: Box<RawValue>,
    #[serde(rename = "CloudCustomData")]
    cloud_custom_data: Option<Arc<str>>,
}

/// What became of each message.
#[derive(Debug, Serialize)]
pub struct Imported {
    #[serde(rename = "ImportMsgResult")]
    results: Vec<ImportResult>,
}

/// What became of a message.
#[derive(Debug, Serialize)]
struct ImportResult {
    /// 0 when it was not stored.
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "MsgTime")]
    time: Timestamp,
    #[serde(rename = "Result")]
    code: u32,
}

impl Command for ImportGroupMessages {
    const ROUTE: Route = Route::rest("group_open_http_svc", "import_group_msg", "docs/spec/rest-groups.md#4.2");
    type Reply = Imported;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Imported, Error> {
        let bodies = self.parse(app)?;
        let scene = app.scene(&self.group, caller, &caller.user).await?;
        scene.require(Action::Import, "import messages")?;
        let (scene, line) = line_of(app, scene, self.topic.as_ref()).await?;
        for message in &self.messages {
            if app.store().account(app.id(), &message.from).await?.is_none() {
                return Err(Denied::NoSuchAccount(message.from.clone()).into());
            }
        }
        let mut results = Vec::with_capacity(self.messages.len());
        for (message, body) in self.messages.iter().zip(bodies) {
            let (time, failed) = (message.time, |code: u32| ImportResult { seq: 0, time: message.time, code });
            results.push(match body {
                Err(error) => failed(error.code()),
                Ok(body) => {
                    let draft = self.draft(message, body, &line, app);
                    match store(app, caller, &scene, draft, message.random.is_some()).await? {
                        Ok(seq) => ImportResult { seq, time, code: 0 },
                        Err(denied) => failed(Error::from(denied).code()),
                    }
                }
            });
        }
        Ok(Imported { results })
    }
}

impl ImportGroupMessages {
    /// The bodies, checked; one that is too long is the fault of its message alone.
    fn parse(&self, app: &App) -> Result<Vec<Result<MessageBody, Error>>, Error> {
        let settings = app.settings();
        let limits = settings.limits();
        let most = limits.import.group_messages;
        if self.messages.is_empty() {
            return Err(Error::new(ErrorCode::GroupBadParameter, "`MsgList` is empty"));
        }
        let body_limits = BodyLimits {
            max_bytes: limits.message.max_bytes as usize,
            max_merge_depth: limits.message.max_merge_depth as usize,
        };
        let parsed = self.messages.iter().map(|message| {
            let body = MessageBody::parse(&message.body, body_limits).and_then(|body| {
                body.check_size(message.cloud_custom_data.as_deref(), body_limits)?;
                Ok(body)
            });
            match body {
                Ok(body) => Ok(Ok(body)),
                Err(e @ BodyError::TooLong { .. }) => Ok(Err(Error::new(e.group_code(), e.to_string()))),
                Err(e) => Err(Error::new(e.group_code(), format!("`MsgList`: {e}"))),
            }
        });
        let parsed = parsed.collect::<Result<_, _>>()?;
        if self.messages.len() > most as usize {
            let text = format!("`MsgList` has more than {most} entries");
            return Err(Error::new(ErrorCode::GroupTooManyAccounts, text));
        }
        Ok(parsed)
    }

    fn draft(&self, message: &OldMessage, body: MessageBody, line: &ConversationKey, app: &App) -> Draft {
        Draft {
            conversation: line.clone(),
            sender: Sender::User(message.from.clone()),
            random: message.random.unwrap_or_else(|| app.dice().u32()),
            time: message.time,
            client_time: message.time.0,
            client_seq: 0,
            priority: Priority::from(message.priority),
            content: Content::Elements(body.into_json()),
            cloud_custom_data: message.cloud_custom_data.clone(),
            options: MessageOptions { no_last_msg: !self.shown_in_lists, ..MessageOptions::default() },
        }
    }
}

/// Stores one message; answers its number, or what is wrong with it.
async fn store(
    app: &App,
    caller: &Caller,
    scene: &Scene,
    draft: Draft,
    has_random: bool,
) -> Result<Result<u64, Denied>, Error> {
    let dedupe_secs = if has_random { app.settings().message.group_dedupe_secs } else { 0 };
    let decided = app.decide(|| async {
        let topic = scene.topic.as_ref().map(|topic| &topic.id);
        let (scene, _) = scene_of_line(app, &scene.group.id, topic, caller, &caller.user).await?;
        let position = app.store().read().position(app.id(), &draft.conversation).await?;
        if let Err(denied) = import::may_date(&scene, position, &draft) {
            return Ok((Some(denied), Change::none()));
        }
        let sleepers = if scene.group.active { Vec::new() } else { members_here(app, &scene.group.id).await? };
        Ok((None, import::import(&scene, draft.clone(), dedupe_secs, sleepers)))
    });
    let (denied, outcome) = decided.await?;
    match denied {
        Some(denied) => Ok(Err(denied)),
        None => Ok(Ok(outcome.first().ok_or(ErrorCode::GroupInternal)?.seq)),
    }
}
