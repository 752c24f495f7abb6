//! Goes through the accounts of an app once per push, page by page, off the path of everything else.

use std::sync::Arc;

use tsudoi_domain::{
    Timestamp, UserId,
    change::{Change, Event, Write},
    message::Recall,
    push::{Labels, Progress, Push},
};
use tsudoi_store::{FoundAccount, PushEntry};

use super::{announce, conversation};
use crate::{
    app::App,
    delivery,
    error::Error,
    wire::{faces::Faces, item::DirectItem},
};

/// Accounts that are looked at in one step.
const PAGE: usize = 500;

/// Tells a push to those who are here and announces it to those who are away.
pub(super) async fn run(app: Arc<App>, entry: PushEntry) {
    let task = entry.push.task.clone();
    if let Err(error) = Box::pin(go_through(&app, entry)).await {
        // It is in the list: who comes later gets it, and the next start goes on.
        tracing::error!(%error, app = %app.id(), task, "a push was not finished");
    }
}

/// Accounts with their labels, from a mark on, that a push is for.
async fn receivers(app: &App, push: &Push, cursor: u64) -> Result<Option<(Vec<UserId>, u64)>, Error> {
    let page = app.store().read().accounts_after(app.id(), cursor, PAGE).await?;
    let Some(last) = page.last() else { return Ok(None) };
    let next = last.cursor;
    let made = push.time();
    let known: Vec<UserId> = page.into_iter().filter(|found| is_target(found, made)).map(|found| found.user).collect();
    if push.condition.is_everybody() {
        return Ok(Some((known, next)));
    }
    let labels: Vec<Labels> = app.store().read().labels(app.id(), &known).await?;
    let met = known.into_iter().zip(labels).filter(|(_, labels)| push.condition.is_met(labels));
    Ok(Some((met.map(|(user, _)| user).collect(), next)))
}

/// People, not robots or official accounts, who were there when the push was made.
fn is_target(found: &FoundAccount, made: Timestamp) -> bool {
    found.created_at <= made && !found.user.is_robot() && !found.user.as_str().starts_with("@TOA#_")
}

async fn go_through(app: &Arc<App>, entry: PushEntry) -> Result<(), Error> {
    let PushEntry { push, mut progress, .. } = entry;
    let faces = Faces::of(app.store(), app.id(), vec![push.from.clone()]).await?;
    while let Some((users, next)) = receivers(app, &push, progress.cursor).await? {
        let mut calls = Vec::new();
        for user in &users {
            progress.total += 1;
            let draft = push.message_to(user);
            let is_here = app.hub().is_here(app.id(), user);
            if let Some(draft) = draft.filter(|_| is_here) {
                let item = DirectItem::of(&draft, &faces);
                delivery::push_direct(app, user, &item);
                progress.online += 1;
                calls.extend(announce::report_online(app, &push, user));
            } else if push.life_secs > 0 && *user != push.from {
                match announce::push(app, &push, user).await? {
                    0 => progress.unreachable += 1,
                    devices => progress.announced += devices,
                }
            }
        }
        app.commit(Change::none().calls(calls)).await?;
        progress.cursor = next;
        if !keep(app, &push, &progress).await? {
            return Ok(());
        }
    }
    progress.is_finished = true;
    keep(app, &push, &progress).await?;
    Ok(())
}

/// Notes how far the push has come; answers false when it was taken back meanwhile.
async fn keep(app: &App, push: &Push, progress: &Progress) -> Result<bool, Error> {
    let _turn = app.pushes.turn().await;
    let now = app.store().read().push(app.id(), &push.task).await?;
    if now.is_none_or(|entry| entry.progress.is_revoked) {
        return Ok(false);
    }
    let (task, progress) = (push.task.clone(), progress.clone());
    app.commit(Change::none().write(Write::SetPushProgress { task, progress })).await?;
    Ok(true)
}

/// Tells those who are here that a push was taken back. Whoever has it in their history finds it withdrawn when they come.
pub(super) async fn withdraw(app: Arc<App>, push: Arc<Push>, recall: Recall) {
    let told = async {
        let mut cursor = 0;
        while let Some((users, next)) = receivers(&app, &push, cursor).await? {
            for user in users.iter().filter(|user| app.hub().is_here(app.id(), user)) {
                let Some(draft) = push.message_to(user) else { continue };
                let event = Event::Recalled {
                    conversation: conversation(&push, user),
                    messages: vec![Arc::new(draft)],
                    seqs: vec![0],
                    recall: recall.clone(),
                };
                app.commit(Change::none().event(event)).await?;
            }
            cursor = next;
        }
        Ok::<(), Error>(())
    };
    if let Err(error) = told.await {
        tracing::error!(%error, app = %app.id(), "not everybody was told that a push was taken back");
    }
}
