//! Key-values attached to messages.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    Denied, GroupId, TopicId, UserId,
    message::{
        Message,
        extend::{self, Operation, Wanted},
        extras,
    },
};

use super::{direct_message, msg_key};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    commands::group_message::scene_of_line,
    decode,
    error::Error,
    error_code::ErrorCode,
    webhook,
};

#[derive(Debug, Deserialize)]
struct WantedPair {
    #[serde(rename = "Key")]
    key: String,
    #[serde(rename = "Value", default)]
    value: Option<String>,
    #[serde(rename = "Seq", default)]
    seq: u64,
}

/// What is asked for: 1 set, 2 delete, 3 delete all.
fn operation(caller: &Caller, kind: u32, pairs: &[WantedPair]) -> Result<Operation, Error> {
    let bad = |text: String| Error::new(ErrorCode::GroupBadParameter, text);
    let wanted = |pair: &WantedPair| Wanted {
        key: pair.key.clone(),
        value: pair.value.clone().unwrap_or_default(),
        known: (!caller.is_app_admin()).then_some(pair.seq),
    };
    match kind {
        1 if pairs.iter().any(|pair| pair.value.is_none()) => Err(bad("`Value` is missing".into())),
        1 => Ok(Operation::Set(pairs.iter().map(wanted).collect())),
        2 => Ok(Operation::Delete(pairs.iter().map(wanted).collect())),
        3 => Ok(Operation::Clear),
        other => Err(bad(format!("`OperateType`: {other} is none of 1, 2 and 3"))),
    }
}

/// What became of each pair.
#[derive(Debug, Serialize)]
pub struct Written {
    #[serde(rename = "ExtensionList")]
    list: Vec<WrittenPair>,
    /// The same under the name that clients use.
    #[serde(rename = "Extensions")]
    same: Vec<WrittenPair>,
    #[serde(rename = "Seq")]
    latest: u64,
}

#[derive(Debug, Clone, Serialize)]
struct WrittenPair {
    #[serde(rename = "ErrorCode")]
    code: u32,
    #[serde(rename = "Extension")]
    pair: ShownPair,
}

#[derive(Debug, Clone, Serialize)]
struct ShownPair {
    #[serde(rename = "Key")]
    key: String,
    #[serde(rename = "Value")]
    value: String,
    #[serde(rename = "Seq")]
    seq: u64,
}

impl From<&extras::Pair> for ShownPair {
    fn from(pair: &extras::Pair) -> Self {
        Self { key: pair.key.clone(), value: pair.value.clone(), seq: pair.version }
    }
}

/// Writes to the message; decided again when others are faster.
async fn write(app: &App, caller: &Caller, message: &Message, operation: Operation) -> Result<Written, Error> {
    let settings = app.settings();
    if !settings.features.message_extension {
        return Err(Error::new(ErrorCode::ExtensionNotSupported, "message extensions are switched off"));
    }
    let limits = settings.limits().extension;
    let line = &message.draft.conversation;
    let (outcome, _) = app
        .decide(|| async {
            let current = app.store().read().extensions(app.id(), line, message.seq).await?;
            let (outcome, change) = extend::extend(message, &current, operation.clone(), &limits)?;
            Ok((outcome, webhook::extras::extended(app, caller, change)))
        })
        .await?;
    let list: Vec<_> = outcome
        .written
        .iter()
        .map(|one| WrittenPair {
            code: if one.conflict { ErrorCode::ExtensionConflict.number() } else { 0 },
            pair: (&one.pair).into(),
        })
        .collect();
    Ok(Written { same: list.clone(), list, latest: outcome.latest })
}

/// Counts a write to the message.
fn admit(app: &App, message: &Message) -> Result<(), Denied> {
    let per_minute = app.settings().limits().extension.writes_per_minute;
    let line = message.draft.conversation.clone();
    if app.extension_rates.admit(line, message.seq, app.now(), per_minute) {
        return Ok(());
    }
    Err(Denied::ExtensionsTooFrequent(per_minute))
}

/// A page of pairs.
#[derive(Debug, Serialize)]
pub struct Extensions {
    #[serde(rename = "CompleteFlag")]
    complete: u32,
    #[serde(rename = "LatestSeq")]
    latest: u64,
    #[serde(rename = "ClearSeq")]
    cleared: u64,
    #[serde(rename = "ExtensionList")]
    list: Vec<ShownPair>,
}

async fn read(app: &App, message: &Message, from: u64) -> Result<Extensions, Error> {
    let settings = app.settings();
    if !settings.features.message_extension || !message.draft.options.support_extension {
        return Err(Denied::ExtensionsUnsupported(message.seq).into());
    }
    let limit = settings.limits().extension.page as usize;
    let all = app.store().read().extensions(app.id(), &message.draft.conversation, message.seq).await?;
    let (pairs, complete) = extend::page(&all, from, limit);
    let list = pairs.into_iter().map(Into::into).collect();
    Ok(Extensions { complete: complete.into(), latest: all.latest, cleared: all.cleared, list })
}

/// Sets, deletes or clears key-values of a one-to-one message; both sides are told. REST and gateway, where the caller is one of the
/// two and names the version of each pair that was looked at: of two writers the later gets `ExtensionConflict` per pair, with the pair
/// as it stands.
/// Limits: `limits.extension`. Errors: `GroupBadParameter`, `MessageBadKey`, `ExtensionNotSupported`, `ExtensionTooFrequent`,
/// `ExtensionMessageNotFound`.
/// Spec: docs/spec/rest-c2c.md#2.1, docs/spec/websocket-protocol.md#19
#[derive(Debug, Deserialize)]
pub struct SetExtensions {
    #[serde(rename = "From_Account")]
    from: Option<UserId>,
    #[serde(rename = "To_Account")]
    to: UserId,
    #[serde(rename = "MsgKey")]
    key: String,
    #[serde(rename = "OperateType")]
    operation: u32,
    #[serde(rename = "ExtensionList", default)]
    pairs: Vec<WantedPair>,
}

impl Command for SetExtensions {
    const ROUTE: Route = Route::both("openim_msg_ext_http_svc", "set_key_values", "docs/spec/rest-c2c.md#2.1");
    type Reply = Written;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Written, Error> {
        let operation = operation(caller, self.operation, &self.pairs)?;
        let message = direct(app, caller, self.from.as_ref(), &self.to, &self.key).await?;
        admit(app, &message)?;
        write(app, caller, &message, operation).await
    }
}

async fn direct(app: &App, caller: &Caller, from: Option<&UserId>, to: &UserId, key: &str) -> Result<Message, Error> {
    let key = msg_key("MsgKey", key)?;
    let message = direct_message(app, caller, from, to, key).await?;
    Ok(message.ok_or_else(|| Denied::NoMessageToExtend(key.to_string()))?)
}

/// Reads key-values of a one-to-one message, from a version on. REST and gateway, where the caller is one of the two. Whoever reads
/// from a later version than 0 also gets deleted pairs, without value.
/// Limits: `limits.extension.page` pairs. Errors: those of `SetExtensions`.
/// Spec: docs/spec/rest-c2c.md#2.2, docs/spec/websocket-protocol.md#19
#[derive(Debug, Deserialize)]
pub struct GetExtensions {
    #[serde(rename = "From_Account")]
    from: Option<UserId>,
    #[serde(rename = "To_Account")]
    to: UserId,
    #[serde(rename = "MsgKey")]
    key: String,
    #[serde(rename = "StartSeq", alias = "startSeq", default)]
    start: u64,
}

impl Command for GetExtensions {
    const ROUTE: Route = Route::both("openim_msg_ext_http_svc", "get_key_values", "docs/spec/rest-c2c.md#2.2");
    type Reply = Extensions;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Extensions, Error> {
        let message = direct(app, caller, self.from.as_ref(), &self.to, &self.key).await?;
        read(app, &message, self.start).await
    }
}

/// Sets, deletes or clears key-values of a message of a group or topic; its members are told. REST and gateway; needs
/// `Action::ExtendMessage`. Versions and conflicts as in `SetExtensions`.
/// Limits: `limits.extension`. Errors: `GroupNotFound`, `GroupNotAllowed`, those of `SetExtensions`.
/// Spec: docs/spec/rest-groups.md#3.12, docs/spec/websocket-protocol.md#19
#[derive(Debug, Deserialize)]
pub struct SetGroupExtensions {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "OperateType")]
    operation: u32,
    #[serde(rename = "ExtensionList", default)]
    pairs: Vec<WantedPair>,
}

impl Command for SetGroupExtensions {
    const ROUTE: Route =
        Route::both("openim_msg_ext_http_svc", "group_set_key_values", "docs/spec/rest-groups.md#3.12");
    type Reply = Written;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Written, Error> {
        let operation = operation(caller, self.operation, &self.pairs)?;
        let message = in_group(app, caller, &self.group, self.topic.as_ref(), self.seq).await?;
        admit(app, &message)?;
        write(app, caller, &message, operation).await
    }
}

async fn in_group(
    app: &App,
    caller: &Caller,
    group: &GroupId,
    topic: Option<&TopicId>,
    seq: u64,
) -> Result<Message, Error> {
    let (scene, line) = scene_of_line(app, group, topic, caller, &caller.user).await?;
    let message = app.store().read().message(app.id(), &line, seq).await?;
    Ok(extend::in_group(&scene, &line, seq, message.as_ref())?.clone())
}

/// Reads key-values of a message of a group or topic, from a version on. REST and gateway; needs `Action::ExtendMessage`.
/// Limits: `limits.extension.page` pairs. Errors: those of `SetGroupExtensions`.
/// Spec: docs/spec/rest-groups.md#3.13, docs/spec/websocket-protocol.md#19
#[derive(Debug, Deserialize)]
pub struct GetGroupExtensions {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "TopicId", default, deserialize_with = "decode::non_empty")]
    topic: Option<TopicId>,
    #[serde(rename = "MsgSeq")]
    seq: u64,
    #[serde(rename = "StartSeq", alias = "startSeq", default)]
    start: u64,
}

impl Command for GetGroupExtensions {
    const ROUTE: Route =
        Route::both("openim_msg_ext_http_svc", "group_get_key_values", "docs/spec/rest-groups.md#3.13");
    type Reply = Extensions;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Extensions, Error> {
        let message = in_group(app, caller, &self.group, self.topic.as_ref(), self.seq).await?;
        read(app, &message, self.start).await
    }
}
