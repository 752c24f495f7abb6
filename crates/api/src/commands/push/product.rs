//! Pushes that stay in history and can be taken back; pushes to named accounts; pushes at a later time.
//! Spec: docs/spec/rest-push-ops.md#2

use std::{collections::HashSet, sync::Arc};

use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, value::RawValue};
use tsudoi_domain::{
    Timestamp, UserId,
    change::{Change, Write},
    push::{NamedCondition, Push, PushKind},
    time::Millis,
};

use super::{
    require_push,
    send::{ConditionBody, Draft, Pushed, admit, bad_field, lenient_condition},
};
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    decode::{self, Fault},
    error::Error,
    error_code::ErrorCode,
    push,
    wire::{MessageBody, OfflinePushInfo},
};

/// The most receivers of a named push.
const RECEIVERS: usize = 500;
/// The longest label for statistics, in bytes.
const DATA_ID_BYTES: usize = 64;
/// For how long a push can be taken back.
const REVOKE_SECS: i64 = 86_400;
/// How far ahead a push can be planned.
const AHEAD_SECS: i64 = 30 * 86_400;
/// How long a push that is not for those online only waits for those who are away.
const LIFE_SECS: u64 = 604_800;

/// What both pushes of the product say.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    /// Whom a push to many is for.
    #[serde(rename = "Condition", default, deserialize_with = "lenient_condition")]
    condition: Option<ConditionBody>,
    /// Whom a push to named accounts is for.
    #[serde(rename = "To_Account", default)]
    receivers: Value,
    #[serde(rename = "From_Account")]
    from: UserId,
    #[serde(rename = "MsgRandom")]
    random: u32,
    #[serde(rename = "MsgBody", default)]
    body: Option<Box<RawValue>>,
    #[serde(rename = "MsgLifeTime")]
    life_secs: Option<u64>,
    #[serde(rename = "OnlineOnlyFlag", default, deserialize_with = "decode::flag")]
    online_only: bool,
    #[serde(rename = "OfflinePushInfo")]
    push_info: Option<Box<RawValue>>,
    #[serde(rename = "CloudCustomData")]
    cloud_custom_data: Option<Arc<str>>,
    #[serde(rename = "DataId", default)]
    data_id: Option<String>,
}

impl Said {
    async fn check(
        self,
        app: &App,
        kind: PushKind,
        condition: NamedCondition,
        targets: Vec<UserId>,
    ) -> Result<Push, Error> {
        if let Some(id) = self.data_id.as_ref().filter(|id| id.len() > DATA_ID_BYTES) {
            let text = format!("`DataId` has {} bytes, at most {DATA_ID_BYTES} are allowed", id.len());
            return Err(Error::new(ErrorCode::MessageBadJson, text));
        }
        // A body of no elements is as good as none.
        let body = self.body.as_deref().filter(|body| body.get().trim() != "[]");
        let life_secs = if self.online_only { 0 } else { self.life_secs.unwrap_or(LIFE_SECS) };
        let draft = Draft {
            from: self.from,
            random: self.random,
            life_secs,
            body,
            push_info: self.push_info.as_deref(),
            cloud_custom_data: self.cloud_custom_data,
            condition,
            targets,
            roams: true,
            data_id: self.data_id,
        };
        draft.check(app, kind).await
    }
}

/// Pushes a message that stays in history to all accounts, or to those that meet a condition. REST.
/// Units: `MsgLifeTime` in seconds, a week when absent; `OnlineOnlyFlag` 1: for those online only. Limits: those of `PushToMany`;
/// `DataId` of 64 bytes. Errors: those of `PushToMany`.
/// Spec: docs/spec/rest-push-ops.md#2.1
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct ProductPush(Said);

impl Command for ProductPush {
    const ROUTE: Route = Route::rest("timpush", "push", "docs/spec/rest-push-ops.md#2.1");
    type Reply = Pushed;

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        bad_field(field, fault)
    }

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Pushed, Error> {
        let Self(mut said) = self;
        let condition = said.condition.take().unwrap_or_default().into();
        let push = said.check(app, PushKind::ToMany, condition, Vec::new()).await?;
        let task = admit(app, push).await?;
        Ok(Pushed { task })
    }
}

/// Pushes a message to named accounts, or to the accounts of named devices. REST. Who is not known is passed over.
/// Limits: 500 receivers. Errors: `MessageReceiversNotArray`, `MessageReceiversEmpty`, `MessageTooManyReceivers`, those of `ProductPush`.
/// Spec: docs/spec/rest-push-ops.md#2.2
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Batch(Said);

impl Command for Batch {
    const ROUTE: Route = Route::rest("timpush", "batch", "docs/spec/rest-push-ops.md#2.2");
    type Reply = Pushed;

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        bad_field(field, fault)
    }

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Pushed, Error> {
        require_push(app)?;
        let names = names(&self.0.receivers)?;
        let mut targets = Vec::new();
        let mut seen = HashSet::new();
        for name in names {
            if let Some(user) = account(app, &name).await?
                && seen.insert(user.clone())
            {
                targets.push(user);
            }
        }
        let push = self.0.check(app, PushKind::ToNamed, NamedCondition::default(), targets).await?;
        let task = push.task.clone();
        app.commit(Change::none().write(Write::PutPush(Box::new(push.clone())))).await?;
        push::to_named(app, &push).await?;
        Ok(Pushed { task })
    }
}

fn names(receivers: &Value) -> Result<Vec<String>, Error> {
    if receivers.is_null() {
        return Err(Error::new(ErrorCode::MessageBadReceiver, "`To_Account` is missing"));
    }
    let Value::Array(list) = receivers else {
        return Err(Error::new(ErrorCode::MessageReceiversNotArray, "`To_Account` is not an array"));
    };
    if list.is_empty() {
        return Err(Error::new(ErrorCode::MessageReceiversEmpty, "`To_Account` is empty"));
    }
    if list.len() > RECEIVERS {
        let text = format!("`To_Account` has {} accounts, at most {RECEIVERS} are allowed", list.len());
        return Err(Error::new(ErrorCode::MessageTooManyReceivers, text));
    }
    let text = |(at, name): (usize, &Value)| {
        let wrong = || Error::new(ErrorCode::MessageBadReceiver, format!("`To_Account[{at}]` is not a string"));
        name.as_str().map(str::to_owned).ok_or_else(wrong)
    };
    list.iter().enumerate().map(text).collect()
}

/// The account of a name, or of the device that has it.
async fn account(app: &App, name: &str) -> Result<Option<UserId>, Error> {
    if let Ok(user) = UserId::parse(name)
        && app.store().account(app.id(), &user).await?.is_some()
    {
        return Ok(Some(user));
    }
    Ok(app.store().read().owner_of_device(app.id(), name).await?)
}

/// Takes a push back: nobody who comes later gets it, and whoever has it sees it withdrawn. REST.
/// Limits: pushes of the last 24 hours, one call per second. Errors: `PushTaskUnknown`, `PushAlreadyRevoked`, `PushRevokeTooFrequent`.
/// Spec: docs/spec/rest-push-ops.md#2.3
#[derive(Debug, Deserialize)]
pub struct Revoke {
    #[serde(rename = "TaskId")]
    task: String,
    #[serde(rename = "OfflinePushInfo")]
    push_info: Option<Box<RawValue>>,
}

impl Command for Revoke {
    const ROUTE: Route = Route::rest("timpush", "revoke", "docs/spec/rest-push-ops.md#2.3");
    type Reply = Done;

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        bad_field(field, fault)
    }

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        require_push(app)?;
        let limit = app.settings().limits().message.max_bytes as usize;
        let info = self.push_info.as_deref().map(|info| OfflinePushInfo::parse(info, limit)).transpose();
        let info = info.map_err(|e| Error::new(ErrorCode::MessageBadPushInfo, format!("`OfflinePushInfo`: {e}")))?;
        let _turn = app.pushes.turn().await;
        let unknown = || Error::new(ErrorCode::PushTaskUnknown, format!("`TaskId`: there is no push {}", self.task));
        let entry = app.store().read().push(app.id(), &self.task).await?.ok_or_else(unknown)?;
        if app.now().since(entry.push.time()) > REVOKE_SECS {
            return Err(unknown());
        }
        if entry.progress.is_revoked {
            return Err(ErrorCode::PushAlreadyRevoked.into());
        }
        if !app.pushes.may_revoke(app.shared().now()) {
            return Err(ErrorCode::PushRevokeTooFrequent.into());
        }
        push::revoke(app, entry, info.map(OfflinePushInfo::into_json)).await?;
        Ok(Done {})
    }
}

/// Whom a planned push is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Audience {
    All,
    Tag,
    User,
}

/// Plans a push. REST. It is checked now and made when its time comes.
/// Units: `SchedAt` is `YYYY-MM-DD HH:MM:SS`, UTC. Limits: at most 30 days ahead. Errors: `MessageBadTime`, those of the push.
/// Spec: docs/spec/rest-push-ops.md#2.4
#[derive(Debug, Deserialize)]
pub struct Schedule {
    #[serde(rename = "Type")]
    audience: Audience,
    #[serde(rename = "SchedAt", deserialize_with = "moment")]
    at: Timestamp,
    #[serde(rename = "Content")]
    content: Box<RawValue>,
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    read_moment(&text).ok_or_else(|| de::Error::custom(format!("`{text}` is not of the form YYYY-MM-DD HH:MM:SS")))
}

/// The second that a date and time of day (UTC) mean.
fn read_moment(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')];
    if bytes.len() != 19 || separators.iter().any(|(at, separator)| bytes[*at] != *separator) {
        return None;
    }
    let number = |from: usize, to: usize| {
        let digits = &text[from..to];
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok()).flatten()
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let in_month = *days.get(usize::try_from(month - 1).ok()?)?;
    if !(1..=in_month).contains(&day) || hour > 23 || minute > 59 || second > 59 || year < 1970 {
        return None;
    }
    // Days since 1970: whole years with their leap days, whole months, days.
    let years = (year - 1970) * 365 + (year - 1969) / 4 - (year - 1901) / 100 + (year - 1601) / 400;
    let months: i64 = days.iter().take(usize::try_from(month - 1).ok()?).sum();
    Some(Timestamp((years + months + day - 1) * 86_400 + hour * 3600 + minute * 60 + second))
}

impl Command for Schedule {
    const ROUTE: Route = Route::rest("timpush", "add_sched_task", "docs/spec/rest-push-ops.md#2.4");
    type Reply = Pushed;

    fn bad_field(field: &str, fault: Fault) -> Option<ErrorCode> {
        if field == "SchedAt" { Some(ErrorCode::MessageBadTime) } else { bad_field(field, fault) }
    }

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Pushed, Error> {
        require_push(app)?;
        let now = app.now();
        if self.at <= now || self.at.since(now) > AHEAD_SECS {
            let text = "`SchedAt` is not a moment of the next 30 days";
            return Err(Error::new(ErrorCode::MessageBadTime, text));
        }
        let content = self.content.get().as_bytes();
        let push = match self.audience {
            Audience::All | Audience::Tag => {
                let ProductPush(mut said) = decode::body::<ProductPush>(content)?;
                let condition: NamedCondition = said.condition.take().unwrap_or_default().into();
                if self.audience == Audience::Tag && condition == NamedCondition::default() {
                    let text = "`Content.Condition` is missing";
                    return Err(Error::new(ErrorCode::MessageBadJson, text));
                }
                said.check(app, PushKind::ToMany, condition, Vec::new()).await?
            }
            Audience::User => {
                let Batch(said) = decode::body::<Batch>(content)?;
                let mut targets = Vec::new();
                for name in names(&said.receivers)? {
                    targets.extend(account(app, &name).await?);
                }
                said.check(app, PushKind::ToNamed, NamedCondition::default(), targets).await?
            }
        };
        let task = push.task.clone();
        let made_at = Millis(self.at.0 * 1000);
        let push = Box::new(Push { made_at, ..push });
        app.commit(Change::none().write(Write::SchedulePush { due: self.at, push })).await?;
        Ok(Pushed { task })
    }
}

/// The default words of a push on devices that are away.
pub(crate) fn default_words(push: &Push) -> Option<String> {
    MessageBody::trusted(push.elements.clone()?).default_push_text()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("1970-01-01 00:00:00", Some(0))]
    #[case("2000-02-29 12:00:00", Some(951_825_600))]
    #[case("2025-12-01 09:06:40", Some(1_764_580_000))]
    #[case("2100-03-01 00:00:00", Some(4_107_542_400))]
    #[case("2025-02-29 00:00:00", None)]
    #[case("2025-13-01 00:00:00", None)]
    #[case("2025-00-01 00:00:00", None)]
    #[case("2025-01-32 00:00:00", None)]
    #[case("2025-01-01 24:00:00", None)]
    #[case("2025-01-01T00:00:00", None)]
    #[case("2025-1-1 0:0:0", None)]
    #[case("+025-01-01 00:00:00", None)]
    fn moments_are_read(#[case] text: &str, #[case] second: Option<i64>) {
        assert_eq!(read_moment(text).map(|moment| moment.0), second);
    }
}
