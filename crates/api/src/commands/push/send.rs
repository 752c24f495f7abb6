//! Pushes a message to all accounts, or to those that meet a condition.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::value::RawValue;
use tsudoi_domain::{
    UserId,
    change::{Change, Write},
    push::{NamedCondition, Push, PushKind},
    time::Millis,
};

use super::require_push;
use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode::Fault,
    error::Error,
    error_code::ErrorCode,
    push,
    wire::{BodyError, BodyLimits, MessageBody, OfflinePushInfo},
};

/// The longest `MsgLifeTime`, seconds.
const MAX_LIFE_SECS: u64 = 604_800;
/// For how long the dice of a push name it.
const DICE_MS: i64 = 604_800_000;
const DAY_MS: i64 = 86_400_000;

/// Pushes a message to all accounts, or to those that meet a condition. REST; without before-webhooks. It reaches those online within
/// a minute, and those who come later as long as it lives; nothing of it stays in history.
/// Units: `MsgLifeTime` in seconds, 0 is for those online only. Limits: `push.per_day`, `push.gap_ms`; a `MsgRandom` names one push for
/// a week. Errors: `PushOff`, `PushTooClose`, `PushDailyQuotaReached`, `MessageLifeTooLong`, `MessageBadPushInfo`,
/// `MessageAccountNotFound`, `PackageTooLong`, those of conditions and bodies.
/// Spec: docs/spec/rest-push-ops.md#1.2, #1.6
#[derive(Debug, Deserialize)]
pub struct PushToMany {
    #[serde(rename = "Condition", default, deserialize_with = "lenient_condition")]
    condition: Option<ConditionBody>,
    #[serde(rename = "MsgRandom")]
    random: u32,
    #[serde(rename = "MsgBody")]
    body: Box<RawValue>,
    #[serde(rename = "MsgLifeTime", default)]
    life_secs: u64,
    #[serde(rename = "From_Account")]
    from: Option<UserId>,
    #[serde(rename = "OfflinePushInfo")]
    push_info: Option<Box<RawValue>>,
    #[serde(rename = "CloudCustomData")]
    cloud_custom_data: Option<Arc<str>>,
}

/// A condition as it is written.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ConditionBody {
    #[serde(rename = "AttrsAnd", default)]
    attributes_all: BTreeMap<String, String>,
    #[serde(rename = "AttrsOr", default)]
    attributes_any: BTreeMap<String, String>,
    #[serde(rename = "TagsAnd", default)]
    tags_all: Vec<String>,
    #[serde(rename = "TagsOr", default)]
    tags_any: Vec<String>,
    #[serde(rename = "TagsNot", default)]
    tags_none: Vec<String>,
}

impl From<ConditionBody> for NamedCondition {
    fn from(body: ConditionBody) -> Self {
        let ConditionBody { attributes_all, attributes_any, tags_all, tags_any, tags_none } = body;
        Self { attributes_all, attributes_any, tags_all, tags_any, tags_none }
    }
}

/// A condition; some clients write a list of one.
pub(super) fn lenient_condition<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ConditionBody>, D::Error> {
    let raw = <Option<Box<RawValue>>>::deserialize(deserializer)?;
    let Some(raw) = raw else { return Ok(None) };
    let words = |e: serde_json::Error| {
        let text = e.to_string();
        de::Error::custom(text.split(" at line ").next().unwrap_or_default())
    };
    if raw.get().starts_with('[') {
        let list: Vec<ConditionBody> = serde_json::from_str(raw.get()).map_err(words)?;
        if list.len() > 1 {
            return Err(de::Error::custom("a list of several conditions"));
        }
        return Ok(list.into_iter().next());
    }
    serde_json::from_str(raw.get()).map(Some).map_err(words)
}

/// The name of the push.
#[derive(Debug, Serialize)]
pub struct Pushed {
    #[serde(rename = "TaskId")]
    pub(super) task: String,
}

impl Command for PushToMany {
    const ROUTE: Route = Route::rest("all_member_push", "im_push", "docs/spec/rest-push-ops.md#1.2");
    type Reply = Pushed;

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        bad_field(field, fault)
    }

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Pushed, Error> {
        let from = caller.acting_for(self.from.as_ref());
        let draft = Draft {
            from,
            random: self.random,
            life_secs: self.life_secs,
            body: Some(&self.body),
            push_info: self.push_info.as_deref(),
            cloud_custom_data: self.cloud_custom_data,
            condition: self.condition.unwrap_or_default().into(),
            targets: Vec::new(),
            roams: false,
            data_id: None,
        };
        let push = draft.check(app, PushKind::ToMany).await?;
        let task = admit(app, push).await?;
        Ok(Pushed { task })
    }
}

/// The codes that pushes document for their own fields.
pub(super) fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
    match (field, fault) {
        ("MsgLifeTime", _) => Some(ErrorCode::MessageBadLife),
        ("From_Account", _) => Some(ErrorCode::MessageAccountNotFound),
        ("TaskId", _) => Some(ErrorCode::PushTaskUnknown),
        _ => None,
    }
}

/// A push as a backend wants it, before it is known whether it may be.
pub(super) struct Draft<'a> {
    pub(super) from: UserId,
    pub(super) random: u32,
    pub(super) life_secs: u64,
    pub(super) body: Option<&'a RawValue>,
    pub(super) push_info: Option<&'a RawValue>,
    pub(super) cloud_custom_data: Option<Arc<str>>,
    pub(super) condition: NamedCondition,
    pub(super) targets: Vec<UserId>,
    pub(super) roams: bool,
    pub(super) data_id: Option<String>,
}

impl Draft<'_> {
    /// The push, or what is wrong with the request.
    pub(super) async fn check(self, app: &App, kind: PushKind) -> Result<Push, Error> {
        // 1. Whether the app pushes at all.
        require_push(app)?;
        // 2. How long it lives.
        if self.life_secs > MAX_LIFE_SECS {
            let text = format!("`MsgLifeTime`: {} is above {MAX_LIFE_SECS} seconds", self.life_secs);
            return Err(Error::new(ErrorCode::MessageLifeTooLong, text));
        }
        // 3. What it says.
        let limits = body_limits(app);
        let bad_body = |e: BodyError| {
            Error::new(e.code(), e.to_string()).when(ErrorCode::MessageTooLong, ErrorCode::PackageTooLong)
        };
        let elements = match self.body {
            Some(body) => {
                let body = MessageBody::parse(body, limits).map_err(bad_body)?;
                body.check_size(self.cloud_custom_data.as_deref(), limits).map_err(bad_body)?;
                Some(body.into_json())
            }
            None => None,
        };
        let push_info = self.push_info.map(|info| OfflinePushInfo::parse(info, limits.max_bytes)).transpose();
        let push_info =
            push_info.map_err(|e| Error::new(ErrorCode::MessageBadPushInfo, format!("`OfflinePushInfo`: {e}")))?;
        if elements.is_none() && push_info.is_none() {
            let text = "neither `MsgBody` nor `OfflinePushInfo` is given";
            return Err(Error::new(ErrorCode::MessageBadBody, text));
        }
        // 4. Whom it is for.
        let names = app.store().read().attribute_names(app.id()).await?;
        let condition = self.condition.resolve(&names)?;
        // 5. Who sends it.
        if app.store().account(app.id(), &self.from).await?.is_none() {
            let text = format!("`From_Account`: account {} does not exist", self.from);
            return Err(Error::new(ErrorCode::MessageAccountNotFound, text));
        }
        let made_at = app.shared().now();
        Ok(Push {
            task: task_name(app, kind, self.random, made_at),
            kind,
            from: self.from,
            random: self.random,
            client_seq: app.dice().u32(),
            made_at,
            life_secs: u32::try_from(self.life_secs).unwrap_or(u32::MAX),
            condition,
            targets: self.targets,
            elements,
            cloud_custom_data: self.cloud_custom_data,
            push_info: push_info.map(OfflinePushInfo::into_json),
            roams: self.roams,
            data_id: self.data_id,
        })
    }
}

fn body_limits(app: &App) -> BodyLimits {
    let settings = app.settings();
    let limits = &settings.limits().message;
    BodyLimits { max_bytes: limits.max_bytes as usize, max_merge_depth: limits.max_merge_depth as usize }
}

fn task_name(app: &App, kind: PushKind, random: u32, now: Millis) -> String {
    let prefix = if kind == PushKind::ToNamed { "batch_" } else { "" };
    format!("{prefix}{}_{random}_{}_{:08x}", app.id(), now.second().0, app.dice().u32())
}

/// Takes a push to many into the list, once per dice and within the app's rates, and sets it going; answers its name.
pub(super) async fn admit(app: &Arc<App>, push: Push) -> Result<String, Error> {
    // One at a time: what is counted must not change before the push is in the list.
    let _turn = app.pushes.turn().await;
    let now = push.made_at;
    let store = app.store().read();
    if let Some(first) = store.push_of_dice(app.id(), push.random, Millis(now.0 - DICE_MS)).await? {
        metrics::counter!("messages_repeated_total").increment(1);
        return Ok(first);
    }
    let day = Millis(now.0 - now.0.rem_euclid(DAY_MS));
    let (per_day, gap_ms) = {
        let settings = app.settings();
        (settings.push.per_day, settings.push.gap_ms)
    };
    let before = Millis(day.0.min(now.0 - i64::from(gap_ms)));
    let (_, last) = store.pushes_since(app.id(), PushKind::ToMany, before).await?;
    if let Some(last) = last
        && now.0 - last.0 < i64::from(gap_ms)
    {
        return Err(Error::new(ErrorCode::PushTooClose, format!("the last push was less than {gap_ms} ms ago")));
    }
    let (today, _) = store.pushes_since(app.id(), PushKind::ToMany, day).await?;
    if per_day > 0 && today >= u64::from(per_day) {
        return Err(Error::new(ErrorCode::PushDailyQuotaReached, format!("there were {today} pushes today")));
    }
    let task = push.task.clone();
    app.commit(Change::none().write(Write::PutPush(Box::new(push)))).await?;
    push::begin(app, &task).await?;
    Ok(task)
}
