//! What became of pushes. Spec: docs/spec/rest-push-ops.md#1.6, #2.5

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tsudoi_domain::{Timestamp, UserId, push::PushKind};
use tsudoi_store::PushEntry;

use super::require_push;
use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode::{self, Fault},
    error::Error,
    error_code::ErrorCode,
    push,
};

/// The most pushes that one legacy report names.
const REPORTS: usize = 500;
/// The most pushes that one call of the statistics names.
const TASKS: usize = 5;
/// The most pushes that one call of the statistics lists where none is named.
const LISTED: usize = 100;
/// The longest span of statistics.
const SPAN_SECS: i64 = 30 * 86_400;
/// How far back single receivers are looked up.
const TRACE_SECS: i64 = 7 * 86_400;

/// Tells how far pushes have come (older product). REST.
/// Limits: 500 pushes. Errors: `PushOff`, `PushTaskIdsMissing`, `PushTaskIdsWrongType`, `PushTooManyTaskIds`, `PushTaskIdNotFound`.
/// Spec: docs/spec/rest-push-ops.md#1.6
#[derive(Debug, Deserialize)]
pub struct Reports {
    #[serde(rename = "TaskIds")]
    tasks: Option<Value>,
}

/// One entry per push, in their order.
#[derive(Debug, Serialize)]
pub struct Reported {
    #[serde(rename = "Reports")]
    reports: Vec<Report>,
}

#[derive(Debug, Serialize)]
struct Report {
    #[serde(rename = "TaskId")]
    task: String,
    /// 0 waits, 1 under way, 2 finished.
    #[serde(rename = "Status")]
    status: u32,
    #[serde(rename = "StartTime")]
    started: String,
    #[serde(rename = "Finished")]
    finished: u64,
    #[serde(rename = "Total")]
    total: u64,
}

impl Command for Reports {
    const ROUTE: Route = Route::rest("openim", "im_get_push_report", "docs/spec/rest-push-ops.md#1.6");
    type Reply = Reported;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Reported, Error> {
        require_push(app)?;
        let tasks = self.tasks.ok_or(ErrorCode::PushTaskIdsMissing)?;
        let tasks: Vec<String> = serde_json::from_value(tasks).map_err(|_| ErrorCode::PushTaskIdsWrongType)?;
        if tasks.is_empty() {
            return Err(Error::new(ErrorCode::PushTaskIdsMissing, "`TaskIds` is empty"));
        }
        if tasks.len() > REPORTS {
            let text = format!("`TaskIds` has {} pushes, at most {REPORTS} are allowed", tasks.len());
            return Err(Error::new(ErrorCode::PushTooManyTaskIds, text));
        }
        let mut reports = Vec::with_capacity(tasks.len());
        for task in tasks {
            let missing = || Error::new(ErrorCode::PushTaskIdNotFound, format!("`TaskIds`: there is no push {task}"));
            let entry = app.store().read().push(app.id(), &task).await?.ok_or_else(missing)?;
            let progress = entry.progress;
            reports.push(Report {
                status: match progress {
                    _ if progress.is_finished => 2,
                    _ if progress.cursor > 0 => 1,
                    _ => 0,
                },
                started: entry.push.time().0.to_string(),
                finished: progress.online + progress.announced,
                total: progress.total,
                task,
            });
        }
        Ok(Reported { reports })
    }
}

/// A moment in seconds, as a number or as digits.
fn seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let seconds = decode::lenient_u64(deserializer)?;
    i64::try_from(seconds).map(Timestamp).map_err(serde::de::Error::custom)
}

fn check_span(from: Timestamp, until: Timestamp) -> Result<(), Error> {
    if until < from || until.since(from) > SPAN_SECS {
        let text = "`EndTime` is not within 30 days after `StartTime`";
        return Err(Error::new(ErrorCode::MessageBadTime, text));
    }
    Ok(())
}

fn bad_time(field: &str) -> Option<ErrorCode> {
    match field {
        "StartTime" | "EndTime" => Some(ErrorCode::MessageBadTime),
        "TaskID" => Some(ErrorCode::PushTaskUnknown),
        _ => None,
    }
}

/// Counts what became of pushes: the named ones, or all that were made in a span. REST.
/// Units: seconds. Limits: 30 days, 5 named pushes, the newest 100 else. Errors: `PushOff`, `MessageBadTime`, `PushTooManyTaskIds`.
/// Spec: docs/spec/rest-push-ops.md#2.5
#[derive(Debug, Deserialize)]
pub struct TaskStatistics {
    #[serde(rename = "StartTime", deserialize_with = "seconds")]
    from: Timestamp,
    #[serde(rename = "EndTime", deserialize_with = "seconds")]
    until: Timestamp,
    #[serde(rename = "TaskID", default)]
    tasks: Vec<String>,
}

/// One entry per push.
#[derive(Debug, Serialize)]
pub struct Statistics {
    #[serde(rename = "Results")]
    results: Vec<TaskResult>,
}

#[derive(Debug, Serialize)]
struct TaskResult {
    #[serde(rename = "TaskID")]
    task: String,
    #[serde(rename = "DataId", skip_serializing_if = "Option::is_none")]
    data_id: Option<String>,
    #[serde(flatten)]
    counts: Counts,
    #[serde(rename = "PlatformStatistics")]
    platforms: Vec<PlatformResult>,
}

#[derive(Debug, Default, Serialize)]
struct Counts {
    #[serde(rename = "TotalCount")]
    total: u64,
    #[serde(rename = "SentCount")]
    sent: u64,
    #[serde(rename = "DeliveredCount")]
    delivered: u64,
    #[serde(rename = "ClickCount")]
    clicked: u64,
}

#[derive(Debug, Serialize)]
struct PlatformResult {
    /// 1: announced on a device that was away; 2: told to one that was here.
    #[serde(rename = "EventType")]
    event: u32,
    #[serde(rename = "PushPlatform")]
    platform: u32,
    #[serde(flatten)]
    counts: Counts,
}

fn result(app: &App, entry: PushEntry) -> TaskResult {
    let progress = entry.progress;
    let figures = app.pushes.figures(&entry.push.task);
    let announced = figures.iter().map(|(platform, figures)| PlatformResult {
        event: 1,
        platform: *platform,
        counts: Counts {
            total: figures.handed_in,
            sent: figures.handed_in,
            delivered: figures.taken,
            clicked: figures.clicked,
        },
    });
    let online = PlatformResult {
        event: 2,
        platform: 0,
        counts: Counts { total: progress.online, sent: progress.online, delivered: progress.online, clicked: 0 },
    };
    let taken: u64 = figures.values().map(|figures| figures.taken).sum();
    TaskResult {
        counts: Counts {
            total: progress.total,
            sent: progress.online + progress.announced,
            delivered: progress.online + taken,
            clicked: figures.values().map(|figures| figures.clicked).sum(),
        },
        platforms: announced.chain((progress.online > 0).then_some(online)).collect(),
        task: entry.push.task,
        data_id: entry.push.data_id,
    }
}

impl Command for TaskStatistics {
    const ROUTE: Route = Route::rest("timpush", "all_member_push_statistics", "docs/spec/rest-push-ops.md#2.5");
    type Reply = Statistics;

    fn bad_field(field: &str, _: Fault) -> Option<ErrorCode> {
        bad_time(field)
    }

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Statistics, Error> {
        require_push(app)?;
        check_span(self.from, self.until)?;
        if self.tasks.len() > TASKS {
            let text = format!("`TaskID` has {} pushes, at most {TASKS} are allowed", self.tasks.len());
            return Err(Error::new(ErrorCode::PushTooManyTaskIds, text));
        }
        let mut found = Vec::new();
        if self.tasks.is_empty() {
            found = app.store().read().pushes_between(app.id(), self.from, self.until, LISTED).await?;
        } else {
            for task in &self.tasks {
                let entry = app.store().read().push(app.id(), task).await?;
                found.extend(entry.filter(|entry| (self.from..=self.until).contains(&entry.push.time())));
            }
        }
        Ok(Statistics { results: found.into_iter().map(|entry| result(app, entry)).collect() })
    }
}

/// A push of the last week.
async fn recent(app: &App, task: &str) -> Result<PushEntry, Error> {
    let unknown = || Error::new(ErrorCode::PushTaskUnknown, format!("`TaskID`: there is no push {task}"));
    let entry = app.store().read().push(app.id(), task).await?.ok_or_else(unknown)?;
    if app.now().since(entry.push.time()) > TRACE_SECS { Err(unknown()) } else { Ok(entry) }
}

/// Tells whether a push was for a user, and what their devices are. REST.
/// Limits: 7 days back. Errors: `PushOff`, `PushTaskUnknown`, `MessageAccountNotFound`.
/// Spec: docs/spec/rest-push-ops.md#2.5
#[derive(Debug, Deserialize)]
pub struct Trace {
    #[serde(rename = "TaskID")]
    task: String,
    #[serde(rename = "UserID")]
    user: UserId,
}

/// One entry per device of the user.
#[derive(Debug, Serialize)]
pub struct Traced {
    #[serde(rename = "IsTarget")]
    is_target: u32,
    #[serde(rename = "InstanceTrace")]
    devices: Vec<Instance>,
}

#[derive(Debug, Serialize)]
struct Instance {
    #[serde(rename = "InstanceID")]
    device: String,
    #[serde(rename = "PushPlatform")]
    platform: u32,
    /// 1: announced on a device that is away; 2: told to one that is here.
    #[serde(rename = "EventType")]
    event: u32,
}

impl Command for Trace {
    const ROUTE: Route = Route::rest("timpush", "all_member_push_trace", "docs/spec/rest-push-ops.md#2.5");
    type Reply = Traced;

    fn bad_field(field: &str, _: Fault) -> Option<ErrorCode> {
        if field == "UserID" { Some(ErrorCode::MessageAccountNotFound) } else { bad_time(field) }
    }

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Traced, Error> {
        require_push(app)?;
        let entry = recent(app, &self.task).await?;
        super::attribute::require_known(app, std::iter::once(&self.user)).await?;
        let is_target = match entry.push.kind {
            PushKind::ToNamed => entry.push.targets.contains(&self.user),
            PushKind::ToMany | PushKind::Revocation => push::is_for(app, &entry.push, &self.user).await?,
        };
        if !is_target {
            return Ok(Traced { is_target: 0, devices: Vec::new() });
        }
        let here = app.hub().sessions_of(app.id(), &self.user);
        let here =
            here.iter().map(|session| Instance { device: session.instance().to_string(), platform: 0, event: 2 });
        let away = app.store().read().push_devices(app.id(), &self.user).await?;
        let away = away.into_iter().map(|device| Instance {
            platform: app.pushes.platform(device.channel).unwrap_or(0),
            device: device.device,
            event: 1,
        });
        Ok(Traced { is_target: 1, devices: here.chain(away).collect() })
    }
}

/// Counts whom a push did not reach, by reason. REST.
/// Limits: 7 days back. Errors: `PushOff`, `PushTaskUnknown`.
/// Spec: docs/spec/rest-push-ops.md#2.5
#[derive(Debug, Deserialize)]
pub struct Losses {
    #[serde(rename = "TaskID")]
    task: String,
}

/// Receivers and devices that were not reached.
#[derive(Debug, Serialize)]
pub struct Lost {
    #[serde(rename = "TaskID")]
    task: String,
    #[serde(rename = "TotalCount")]
    total: u64,
    #[serde(rename = "LossStatistics")]
    losses: Vec<Loss>,
}

#[derive(Debug, Serialize)]
struct Loss {
    #[serde(rename = "Reason")]
    reason: &'static str,
    #[serde(rename = "Count")]
    count: u64,
}

impl Command for Losses {
    const ROUTE: Route = Route::rest("timpush", "all_member_push_loss", "docs/spec/rest-push-ops.md#2.5");
    type Reply = Lost;

    fn bad_field(field: &str, _: Fault) -> Option<ErrorCode> {
        bad_time(field)
    }

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Lost, Error> {
        require_push(app)?;
        let entry = recent(app, &self.task).await?;
        let figures = app.pushes.figures(&self.task);
        let sum = |of: fn(&push::Figures) -> u64| figures.values().map(of).sum();
        let losses = [
            ("NoDevice", entry.progress.unreachable),
            ("TokenInvalid", sum(|figures| figures.gone)),
            ("PlatformRefused", sum(|figures| figures.refused)),
            ("PlatformUnavailable", sum(|figures| figures.given_up)),
        ];
        let losses = losses.into_iter().map(|(reason, count)| Loss { reason, count }).collect();
        Ok(Lost { task: self.task, total: entry.progress.total, losses })
    }
}

/// Counts how ordinary messages were announced on devices that were away, since the server started. REST.
/// Units: seconds. Limits: 30 days. Errors: `PushOff`, `MessageBadTime`.
/// Spec: docs/spec/rest-push-ops.md#2.5
#[derive(Debug, Deserialize)]
pub struct MessageStatistics {
    #[serde(rename = "StartTime", deserialize_with = "seconds")]
    from: Timestamp,
    #[serde(rename = "EndTime", deserialize_with = "seconds")]
    until: Timestamp,
}

impl Command for MessageStatistics {
    const ROUTE: Route = Route::rest("timpush", "normal_push_statistics", "docs/spec/rest-push-ops.md#2.5");
    type Reply = Statistics;

    fn bad_field(field: &str, _: Fault) -> Option<ErrorCode> {
        bad_time(field)
    }

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Statistics, Error> {
        require_push(app)?;
        check_span(self.from, self.until)?;
        let figures = app.pushes.message_figures(self.from, self.until);
        let counts = |figures: &push::Figures| Counts {
            total: figures.handed_in,
            sent: figures.handed_in,
            delivered: figures.taken,
            clicked: figures.clicked,
        };
        let mut all = push::Figures::default();
        figures.values().for_each(|one| all.add(one));
        let platforms = figures.iter().map(|(platform, figures)| PlatformResult {
            event: 1,
            platform: *platform,
            counts: counts(figures),
        });
        let result =
            TaskResult { task: String::new(), data_id: None, counts: counts(&all), platforms: platforms.collect() };
        Ok(Statistics { results: vec![result] })
    }
}
