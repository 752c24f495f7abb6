//! Behind the messages: writes down who is in which room, and looks for people who fell silent.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::time::Instant;
use tsudoi_domain::{
    AppId, GroupId, UserId,
    change::{Change, Event, Write},
    group::Group,
    live::{LiveMembers, PresenceCause},
};
use tsudoi_store::StoreError;

use super::room::Patience;
use crate::{
    app::{App, Shared},
    webhook,
};

/// How far the store may lie behind.
const TICK: Duration = Duration::from_millis(250);
/// Most people and most rooms of one write: messages of other groups wait no longer than for these.
const PEOPLE: usize = 1_000;
const ROOMS: usize = 256;

/// Runs until the process ends.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut looked: HashMap<AppId, Instant> = HashMap::new();
    loop {
        ticks.tick().await;
        for app in shared.apps() {
            write_behind(&app).await;
            let pause = Duration::from_secs(app.settings().live.heartbeat_check_secs.into());
            let last = looked.entry(app.id()).or_insert_with(Instant::now);
            if last.elapsed() >= pause {
                *last = Instant::now();
                if let Err(error) = look_after(&app).await {
                    tracing::error!(%error, app = %app.id(), "who fell silent in live rooms could not be told");
                }
            }
        }
    }
}

/// Writes what has yet to be written. What cannot be written now is written later.
pub(crate) async fn write_behind(app: &App) {
    let _writing = app.live.writing.lock().await;
    loop {
        let (mut change, mut people) = (Change::none(), 0);
        while change.writes.len() < ROOMS && people < PEOPLE {
            let Some(members) = app.live.behind(PEOPLE - people) else { break };
            people += members.entered.len() + members.left.len();
            change = change.write(Write::PutLiveMembers(Box::new(members)));
        }
        if change.writes.is_empty() {
            return;
        }
        let change = Arc::new(change);
        if let Err(error) = app.store().commit(app.id(), change.clone()).await {
            tracing::error!(%error, app = %app.id(), "who is in live rooms could not be written");
            for write in &change.writes {
                if let Write::PutLiveMembers(members) = write {
                    app.live.still_behind((**members).clone());
                }
            }
            return;
        }
        for write in &change.writes {
            if let Write::PutLiveMembers(members) = write {
                app.live.written(members);
            }
        }
    }
}

/// Sees to it that the next messages of a room get numbers that are reserved on disk: so no number comes twice, whenever the server
/// is killed. Waits only in a room where nothing was said since the start, or where messages outran what is written behind.
///
/// # Errors
/// The store's fault.
pub(crate) async fn reserve(app: &App, group: &GroupId) -> Result<(), StoreError> {
    let room = app.live.room(group);
    if room.has_numbers() {
        return Ok(());
    }
    let _writing = app.live.writing.lock().await;
    if room.has_numbers() {
        return Ok(());
    }
    let (entered, left, marks) = (Vec::new(), Vec::new(), Vec::new());
    let members = LiveMembers { group: group.clone(), entered, left, marks, reserved_seq: room.reserve() };
    let change = Change::none().write(Write::PutLiveMembers(Box::new(members.clone())));
    app.store().commit(app.id(), change).await?;
    app.live.written(&members);
    Ok(())
}

/// Looks for people who fell silent, are heard again, or stayed away for so long that they have left.
async fn look_after(app: &App) -> Result<(), StoreError> {
    let now = app.now();
    let live = app.settings().live;
    let patience = Patience { silent_secs: live.heartbeat_timeout_secs, absent_secs: live.forget_absent_secs };
    for (group, _) in app.live.all() {
        let silence = |user: &_| app.hub().silence(app.id(), user).map(|silence| silence.as_secs());
        let changes = app.live.look_after(&group, now, patience, silence);
        if changes.is_empty() {
            // Rooms may be many and large: whoever waits for this thread comes in between.
            tokio::task::yield_now().await;
            continue;
        }
        let Some(found) = app.store().group(app.id(), &group).await? else { continue };
        for (cause, users) in changes {
            app.commit(told(app, &found, cause, users)).await?;
        }
    }
    Ok(())
}

fn told(app: &App, group: &Group, cause: PresenceCause, users: Vec<UserId>) -> Change {
    match cause {
        // That they are not here was told when they fell silent.
        PresenceCause::Quit => {
            Change::none().event(Event::Membership { group: group.id.clone(), joined: Vec::new(), left: users })
        }
        PresenceCause::Join | PresenceCause::HeartbeatInterrupt | PresenceCause::HeartbeatRecover => {
            webhook::group::presence(app, group, &users, cause, Change::none())
        }
    }
}
