//! What operators ask about an app's webhooks: what was called, what failed for good, whether the backend answers. Not the
//! vendor's; `tsudoi webhook` and the console use it. Described in docs/operations/webhooks.md

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tsudoi_domain::{WebhookCommand, time::Millis};

use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    webhook::Record,
};

pub(crate) fn all() -> Vec<Entry> {
    list![RecentCalls, TestCall, DeadCalls, ReplayDeadCalls, DropDeadCalls]
}

const SERVICE: &str = "tsudoi_webhook";
/// Most calls of a page, and most ids of a request.
const PAGE: usize = 500;
const SPEC: &str = "docs/spec/webhooks.md#18";

/// Lists the calls made behind a number: failures always, all others while somebody looks at least once a minute. REST.
/// Limits: 500 per page; the last 500 are kept.
/// Spec: docs/spec/webhooks.md#18
#[derive(Debug, Deserialize)]
pub struct RecentCalls {
    #[serde(rename = "After", default, deserialize_with = "decode::lenient_u64")]
    after: u64,
}

/// Calls, oldest first.
#[derive(Debug, Serialize)]
pub struct Calls {
    #[serde(rename = "CallList")]
    calls: Vec<Record>,
    /// What to ask with next.
    #[serde(rename = "Next")]
    next: u64,
    /// How many calls wait or are being made.
    #[serde(rename = "Pending")]
    pending: usize,
}

impl Command for RecentCalls {
    const ROUTE: Route = Route::rest(SERVICE, "get_calls", SPEC);
    type Reply = Calls;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Calls, Error> {
        let (calls, next) = app.webhooks().recent(self.after, PAGE);
        Ok(Calls { calls, next, pending: app.webhooks().pending() })
    }
}

/// Calls the backend with a sample, whatever its switches, and answers what came of it. REST.
/// Errors: `BadParameter` for an unknown command, and when the app has no address.
/// Spec: docs/spec/webhooks.md#1.8
#[derive(Debug, Deserialize)]
pub struct TestCall {
    #[serde(rename = "CallbackCommand", default)]
    command: Option<String>,
}

/// What came of a sample.
#[derive(Debug, Serialize)]
pub struct Tested {
    /// What was called.
    #[serde(rename = "Address")]
    address: String,
    /// `ok`, or the class of the failure.
    #[serde(rename = "Outcome")]
    outcome: &'static str,
    /// More about a failure.
    #[serde(rename = "Detail")]
    detail: String,
    /// Milliseconds.
    #[serde(rename = "DurationMs")]
    duration_ms: f64,
    /// What was answered.
    #[serde(rename = "Answer")]
    answer: String,
}

impl Command for TestCall {
    const ROUTE: Route = Route::rest(SERVICE, "test", "docs/spec/webhooks.md#1.8");
    type Reply = Tested;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Tested, Error> {
        let bad = |text: String| Error::new(ErrorCode::RestBadQuery, text);
        let command = match &self.command {
            Some(name) => WebhookCommand::from_name(name)
                .ok_or_else(|| bad(format!("`CallbackCommand`: there is no webhook command {name}")))?,
            None => WebhookCommand::StateChange,
        };
        let Some(probe) = app.webhooks().probe(command, caller).await else {
            return Err(bad("the app has no address to call: webhook.url".into()));
        };
        Ok(Tested {
            address: probe.address,
            outcome: probe.result.as_ref().err().map_or("ok", |failure| failure.class.word()),
            detail: probe.result.as_ref().err().map(|failure| failure.detail.clone()).unwrap_or_default(),
            duration_ms: probe.took.as_secs_f64() * 1000.0,
            answer: probe.result.map(|answer| String::from_utf8_lossy(&answer).into_owned()).unwrap_or_default(),
        })
    }
}

/// Lists calls that failed for good, oldest first. REST.
/// Limits: 500 per page; an app keeps `webhook.dead_letters_max`.
/// Spec: docs/spec/webhooks.md#18
#[derive(Debug, Deserialize)]
pub struct DeadCalls {
    #[serde(rename = "After", default, deserialize_with = "decode::lenient_u64")]
    after: u64,
    #[serde(rename = "Limit")]
    limit: Option<usize>,
}

/// A page of dead calls.
#[derive(Debug, Serialize)]
pub struct DeadPage {
    /// How many there are in all.
    #[serde(rename = "Total")]
    total: u64,
    #[serde(rename = "CallList")]
    calls: Vec<Dead>,
    /// What to ask with next; 0 at the end.
    #[serde(rename = "Next")]
    next: u64,
}

#[derive(Debug, Serialize)]
struct Dead {
    #[serde(rename = "Id")]
    id: u64,
    /// When it was given up, Unix milliseconds.
    #[serde(rename = "Time")]
    time: Millis,
    #[serde(rename = "CallbackCommand")]
    command: &'static str,
    #[serde(rename = "Reason")]
    reason: Box<RawValue>,
    #[serde(rename = "Body")]
    body: Box<RawValue>,
}

impl Command for DeadCalls {
    const ROUTE: Route = Route::rest(SERVICE, "get_dead_calls", SPEC);
    type Reply = DeadPage;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<DeadPage, Error> {
        let limit = self.limit.unwrap_or(100).clamp(1, PAGE);
        let mut dead = app.store().read().dead_calls(app.id(), self.after, limit + 1).await?;
        let more = dead.len() > limit;
        dead.truncate(limit);
        let next = if more { dead.last().map_or(0, |dead| dead.call.id) } else { 0 };
        let total = app.store().read().dead_call_count(app.id()).await?;
        let raw = |text: String| RawValue::from_string(text).unwrap_or_default();
        let calls = dead
            .into_iter()
            .map(|dead| Dead {
                id: dead.call.id,
                time: dead.time,
                command: dead.call.command.name(),
                reason: raw(dead.reason),
                body: raw(dead.call.body.to_string()),
            })
            .collect();
        Ok(DeadPage { total, calls, next })
    }
}

/// Which dead calls.
#[derive(Debug, Deserialize)]
struct Chosen {
    /// By id; absent: all.
    #[serde(rename = "IdList")]
    ids: Option<Vec<u64>>,
}

impl Chosen {
    /// The next ids, after one.
    async fn page(&self, app: &App, after: u64) -> Result<Vec<u64>, Error> {
        match &self.ids {
            Some(ids) if ids.len() > PAGE => {
                Err(Error::new(ErrorCode::RestBadQuery, format!("`IdList` has more than {PAGE} entries")))
            }
            Some(ids) if after == 0 => Ok(ids.clone()),
            Some(_) => Ok(Vec::new()),
            None => {
                let dead = app.store().read().dead_calls(app.id(), after, PAGE).await?;
                Ok(dead.into_iter().map(|dead| dead.call.id).collect())
            }
        }
    }
}

/// How many calls were concerned.
#[derive(Debug, Serialize)]
pub struct Concerned {
    #[serde(rename = "Count")]
    count: u64,
}

/// Makes dead calls again, oldest first, behind those that wait. REST.
/// Limits: 500 ids; without any, all. Unknown ones are passed over.
/// Spec: docs/spec/webhooks.md#18
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct ReplayDeadCalls(Chosen);

impl Command for ReplayDeadCalls {
    const ROUTE: Route = Route::rest(SERVICE, "replay_dead_calls", SPEC);
    type Reply = Concerned;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Concerned, Error> {
        let (mut count, mut after) = (0, 0);
        // Calls that fail again come back with higher numbers: what was dead at the start is the end.
        let end = newest(app).await?;
        loop {
            let mut ids = self.0.page(app, after).await?;
            ids.retain(|id| *id <= end);
            let Some(last) = ids.iter().max().copied() else { return Ok(Concerned { count }) };
            after = last;
            let calls = app.store().read().revive_calls(app.id(), ids).await?;
            count += calls.len() as u64;
            app.webhooks().enqueue(calls);
        }
    }
}

/// The highest id of a dead call now.
async fn newest(app: &App) -> Result<u64, Error> {
    let mut after = 0;
    loop {
        let page = app.store().read().dead_calls(app.id(), after, PAGE).await?;
        match page.last() {
            Some(last) => after = last.call.id,
            None => return Ok(after),
        }
    }
}

/// Forgets dead calls. REST.
/// Limits: 500 ids; without any, all. Unknown ones are passed over.
/// Spec: docs/spec/webhooks.md#18
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct DropDeadCalls(Chosen);

impl Command for DropDeadCalls {
    const ROUTE: Route = Route::rest(SERVICE, "drop_dead_calls", SPEC);
    type Reply = Concerned;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Concerned, Error> {
        let (mut count, mut after) = (0, 0);
        loop {
            let ids = self.0.page(app, after).await?;
            let Some(last) = ids.iter().max().copied() else { return Ok(Concerned { count }) };
            after = last;
            count += app.store().read().drop_dead_calls(app.id(), ids).await?;
        }
    }
}
