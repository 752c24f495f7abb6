//! Counters: numbers of a group that everybody in it sees. Spec: docs/spec/rest-groups.md#5.6

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    GroupId,
    group::attribute::{self, CounterMode},
};

use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Done, Route},
    error::Error,
    error_code::ErrorCode,
};

pub(crate) fn all() -> Vec<Entry> {
    list![UpdateCounters, GetCounters, DeleteCounters]
}

/// A counter with its value.
#[derive(Debug, Serialize, Deserialize)]
struct Counter {
    #[serde(rename = "Key")]
    key: String,
    #[serde(rename = "Value")]
    value: i64,
}

fn listed(values: BTreeMap<String, i64>) -> Vec<Counter> {
    values.into_iter().map(|(key, value)| Counter { key, value }).collect()
}

/// What an update does with the numbers.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
enum Mode {
    #[default]
    Set,
    Increase,
    Decrease,
}

/// Sets, raises or lowers counters; a missing one starts at 0. REST and gateway, where members may
/// (`Action::WriteCounters`). All or nothing; many at once lose nothing.
/// Limits: `limits.group.counters`, `counter_key_bytes`. Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupBadParameter`,
/// `GroupTooManyCounters`, `GroupFeatureOff`. Spec: docs/spec/rest-groups.md#5.6, docs/spec/websocket-protocol.md#15
#[derive(Debug, Deserialize)]
pub struct UpdateCounters {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "GroupCounter")]
    counters: Vec<Counter>,
    #[serde(rename = "Mode", default)]
    mode: Mode,
}

/// Counters after an update.
#[derive(Debug, Serialize)]
pub struct Updated {
    #[serde(rename = "GroupCounter")]
    counters: Vec<Counter>,
}

impl Command for UpdateCounters {
    const ROUTE: Route = Route::both("group_open_http_svc", "update_group_counter", "docs/spec/rest-groups.md#5.6");
    type Reply = Updated;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Updated, Error> {
        if self.counters.is_empty() {
            return Err(Error::new(ErrorCode::GroupBadParameter, "`GroupCounter` names no counter"));
        }
        let entries: Vec<_> = self.counters.into_iter().map(|counter| (counter.key, counter.value)).collect();
        let mode = match self.mode {
            Mode::Set => CounterMode::Set,
            Mode::Increase => CounterMode::Increase,
            Mode::Decrease => CounterMode::Decrease,
        };
        let _turn = app.counting.take(&self.group).await;
        let (mut values, _) = app
            .decide(|| async {
                let scene = app.scene(&self.group, caller, &caller.user).await?;
                let loaded = app.store().read().counters(app.id(), &self.group).await?;
                Ok(attribute::count(&scene, &app.settings(), &loaded, mode, &entries)?)
            })
            .await?;
        // In the order of the request, each key once.
        let answered = entries.into_iter().filter_map(|(key, _)| values.remove_entry(&key));
        Ok(Updated { counters: answered.map(|(key, value)| Counter { key, value }).collect() })
    }
}

/// Tells counters: the named ones that exist, or all where none is named. REST and gateway, where members may.
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupFeatureOff`.
/// Spec: docs/spec/rest-groups.md#5.7, docs/spec/websocket-protocol.md#15
#[derive(Debug, Deserialize)]
pub struct GetCounters {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "GroupCounterKeys", default)]
    keys: Vec<String>,
}

/// The counters of a group.
#[derive(Debug, Serialize)]
pub struct Counters {
    #[serde(rename = "GroupCounter")]
    counters: Vec<Counter>,
    /// The number of the newest write; only clients compare it.
    #[serde(rename = "GroupCounterSeq", skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
}

impl Command for GetCounters {
    const ROUTE: Route = Route::both("group_open_http_svc", "get_group_counter", "docs/spec/rest-groups.md#5.7");
    type Reply = Counters;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Counters, Error> {
        let scene = app.scene(&self.group, caller, &caller.user).await?;
        attribute::may_read_counters(&scene, &app.settings())?;
        let loaded = app.store().read().counters(app.id(), &self.group).await?;
        let mut values = loaded.values;
        if !self.keys.is_empty() {
            values.retain(|key, _| self.keys.contains(key));
        }
        Ok(Counters { counters: listed(values), seq: caller.session().map(|_| loaded.seq) })
    }
}

/// Deletes counters: the named ones that exist, or all where none is named. REST and gateway, where members may.
/// Errors: `GroupNotFound`, `GroupNotAllowed`, `GroupFeatureOff`. Spec: docs/spec/rest-groups.md#5.8
#[derive(Debug, Deserialize)]
pub struct DeleteCounters {
    #[serde(rename = "GroupId")]
    group: GroupId,
    #[serde(rename = "GroupCounterKeys", default)]
    keys: Vec<String>,
}

impl Command for DeleteCounters {
    const ROUTE: Route = Route::both("group_open_http_svc", "delete_group_counter", "docs/spec/rest-groups.md#5.8");
    type Reply = Done;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        let _turn = app.counting.take(&self.group).await;
        app.decide(|| async {
            let scene = app.scene(&self.group, caller, &caller.user).await?;
            let loaded = app.store().read().counters(app.id(), &self.group).await?;
            Ok(((), attribute::delete_counters(&scene, &app.settings(), &loaded, &self.keys)?))
        })
        .await?;
        Ok(Done {})
    }
}
