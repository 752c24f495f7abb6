//! Pushes on their way: to those who are here at once, to those who come later when they come, and to devices that are away through
//! their services.
//!
//! A push takes a place in the app's list and nothing else is written. A job goes through the accounts once, page by page, tells
//! those who are here, and hands announcements for the others to the post. Whoever comes later is served from the list ([`settle`]):
//! what of it is theirs becomes an ordinary message then, at their own cost. A job that the process does not live to finish goes on
//! where it was when the next one starts.
//!
//! Spec: docs/spec/rest-push-ops.md#1, #2

mod announce;
mod channels;
mod figures;
mod job;
mod settle;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use tsudoi_domain::{
    Timestamp, UserId,
    change::{Change, Write},
    conversation::ConversationKey,
    message::{Recall, direct},
    push::{Progress, Push, PushKind},
    settings::PushSettings,
    time::Millis,
};
use tsudoi_push::AddressPolicy;
use tsudoi_store::{PushEntry, StoreError};

pub(crate) use self::announce::{About, QUEUE, announce, open_post, start};
pub use self::{announce::Announcement, figures::Figures, settle::settle};
use self::{channels::Channels, figures::Counted};
use crate::{
    app::{App, Shared},
    error::Error,
};

/// How often planned pushes are looked at.
const CLOCK: Duration = Duration::from_secs(1);
/// Planned pushes that are begun at a time.
const DUE: usize = 100;
/// The least time between two revocations.
const REVOKE_GAP_MS: i64 = 1000;

/// What an app keeps in memory about its pushes.
pub struct Pushes {
    channels: Channels,
    counted: Counted,
    /// The place of the newest push that waits for those who come later; 0: there is none.
    latest: AtomicU64,
    last_revoked: AtomicI64,
    turn: tokio::sync::Mutex<()>,
}

impl Pushes {
    pub(crate) fn new(settings: &PushSettings, allows: AddressPolicy) -> Self {
        Self {
            channels: Channels::new(settings, allows),
            counted: Counted::default(),
            latest: AtomicU64::new(0),
            last_revoked: AtomicI64::new(0),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    pub(crate) fn change(&self, settings: &PushSettings) {
        self.channels.change(settings);
    }

    /// Held while something is counted and then written.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Whether a push may be taken back now; counts as one when it may.
    pub(crate) fn may_revoke(&self, now: Millis) -> bool {
        let last = self.last_revoked.load(Ordering::SeqCst);
        let may = now.0 - last >= REVOKE_GAP_MS;
        if may {
            self.last_revoked.store(now.0, Ordering::SeqCst);
        }
        may
    }

    /// Reports' number for the service of a channel.
    pub(crate) fn platform(&self, channel: u32) -> Option<u32> {
        Some(self.channels.get(channel)?.platform())
    }

    /// What became of a push's announcements, by the number of the service.
    pub(crate) fn figures(&self, task: &str) -> BTreeMap<u32, Figures> {
        self.counted.of_task(task)
    }

    /// What became of the announcements of ordinary messages in whole hours of a span.
    pub(crate) fn message_figures(&self, from: Timestamp, until: Timestamp) -> BTreeMap<u32, Figures> {
        self.counted.of_messages(from, until)
    }
}

/// Goes on with what the process before did not finish.
pub(crate) async fn load(app: &Arc<App>) -> Result<(), StoreError> {
    let store = app.store().read();
    app.pushes.latest.store(store.last_kept_push(app.id()).await?, Ordering::SeqCst);
    for entry in store.unfinished_pushes(app.id()).await? {
        tokio::spawn(job::run(app.clone(), entry));
    }
    Ok(())
}

/// Begins planned pushes when their time has come, until the process ends.
pub(crate) async fn keep_time(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(CLOCK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for app in shared.apps() {
            if let Err(error) = begin_due(&app).await {
                tracing::error!(%error, app = %app.id(), "planned pushes cannot be begun");
            }
        }
    }
}

async fn begin_due(app: &Arc<App>) -> Result<(), Error> {
    for planned in app.store().read().scheduled_pushes(app.id(), app.now(), DUE).await? {
        let push = Push { made_at: app.shared().now(), ..planned.push };
        let change = Change::none()
            .write(Write::UnschedulePush(push.task.clone()))
            .write(Write::PutPush(Box::new(push.clone())));
        app.commit(change).await?;
        match push.kind {
            PushKind::ToNamed => to_named(app, &push).await?,
            PushKind::ToMany | PushKind::Revocation => begin(app, &push.task).await?,
        }
    }
    Ok(())
}

/// Sets a push going that has its place in the list.
pub(crate) async fn begin(app: &Arc<App>, task: &str) -> Result<(), Error> {
    let Some(entry) = app.store().read().push(app.id(), task).await? else { return Ok(()) };
    if entry.push.is_kept() {
        app.pushes.latest.fetch_max(entry.pos, Ordering::SeqCst);
    }
    tokio::spawn(job::run(app.clone(), entry));
    Ok(())
}

/// Sends a push to the accounts it names: ordinary messages, which the store tells and delivery announces.
pub(crate) async fn to_named(app: &Arc<App>, push: &Push) -> Result<(), Error> {
    let mut progress = Progress { is_finished: true, total: push.targets.len() as u64, ..Progress::default() };
    for user in &push.targets {
        if app.hub().is_here(app.id(), user) {
            progress.online += 1;
        }
        match push.message_to(user) {
            Some(draft) => _ = app.commit(direct::send(draft, 0)).await?,
            None => _ = announce::push(app, push, user).await?,
        }
    }
    app.commit(Change::none().write(Write::SetPushProgress { task: push.task.clone(), progress })).await?;
    Ok(())
}

/// Whether a push to many is for the user.
pub(crate) async fn is_for(app: &App, push: &Push, user: &UserId) -> Result<bool, Error> {
    let Some(account) = app.store().account(app.id(), user).await? else { return Ok(false) };
    let labels = app.store().read().labels(app.id(), std::slice::from_ref(user)).await?.pop().unwrap_or_default();
    Ok(account.created_at <= push.time() && push.condition.is_met(&labels))
}

/// Takes a push back: those who come later do not get it, those who are here see it withdrawn, and whoever has it already learns of it
/// when they come.
pub(crate) async fn revoke(app: &Arc<App>, entry: PushEntry, push_info: Option<Arc<str>>) -> Result<(), Error> {
    let PushEntry { push, progress, .. } = entry;
    let recall = Recall { by: push.from.clone(), reason: String::new(), at: app.now() };
    let revocation = Push {
        kind: PushKind::Revocation,
        made_at: app.shared().now(),
        push_info,
        targets: Vec::new(),
        ..push.clone()
    };
    let progress = Progress { is_revoked: true, is_finished: true, ..progress };
    let change = Change::none()
        .write(Write::SetPushProgress { task: push.task.clone(), progress })
        .write(Write::PutPush(Box::new(revocation)));
    app.commit(change).await?;
    app.pushes.latest.store(app.store().read().last_kept_push(app.id()).await?, Ordering::SeqCst);
    for user in &push.targets {
        settle::withdraw(app, &push, user, &recall).await?;
    }
    if push.kind == PushKind::ToMany {
        tokio::spawn(job::withdraw(app.clone(), Arc::new(push), recall));
    }
    Ok(())
}

/// The conversation in which a receiver has a push.
fn conversation(push: &Push, user: &UserId) -> ConversationKey {
    ConversationKey::direct(&push.from, user)
}
