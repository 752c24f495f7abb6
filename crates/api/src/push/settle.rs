//! Serves a user from the list of pushes: what waited for them becomes ordinary messages, what was taken back is withdrawn.

use std::sync::{Arc, atomic::Ordering};

use tsudoi_domain::{
    UserId,
    change::{Append, Change, Event, Expect, Write},
    message::{MsgKey, Recall},
    push::{Push, PushKind},
};
use tsudoi_store::StoreError;

use super::conversation;
use crate::{app::App, error::Error};

/// Pushes that are looked at in one step.
const PAGE: usize = 100;

/// Gives the user what waits for them. Costs one look at a number when nothing does. To be called before anything is read or changed that
/// pushed messages belong to: at login, and by commands about conversations.
///
/// # Errors
/// The store's fault.
pub async fn settle(app: &Arc<App>, user: &UserId) -> Result<(), Error> {
    let latest = app.pushes.latest.load(Ordering::SeqCst);
    if latest == 0 {
        return Ok(());
    }
    loop {
        let from = app.store().read().push_position(app.id(), user).await?;
        if from >= latest {
            return Ok(());
        }
        let Some(account) = app.store().account(app.id(), user).await? else { return Ok(()) };
        let page = app.store().read().pushes_after(app.id(), from, PAGE).await?;
        let until = if page.len() < PAGE { latest } else { page.last().map_or(latest, |entry| entry.pos) };
        let users = std::slice::from_ref(user);
        let labels = app.store().read().labels(app.id(), users).await?.pop().unwrap_or_default();
        let now = app.now();
        let mut change = Change::none().expect(Expect::PushPositionAt { user: user.clone(), pos: from });
        for entry in &page {
            let push = &entry.push;
            match push.kind {
                PushKind::ToMany => {
                    let is_due = !entry.progress.is_revoked && push.expires() >= now;
                    if is_due
                        && account.created_at <= push.time()
                        && push.condition.is_met(&labels)
                        && let Some(draft) = push.message_to(user)
                    {
                        change = change.write(Write::Append(Append { draft: Arc::new(draft), dedupe_secs: 0 }));
                    }
                }
                PushKind::Revocation => {
                    let recall = Recall { by: push.from.clone(), reason: String::new(), at: push.time() };
                    if let Some(write) = withdrawal(app, push, user, &recall).await? {
                        change = change.write(write);
                    }
                }
                PushKind::ToNamed => {}
            }
        }
        let change = change.write(Write::SetPushPosition { user: user.clone(), pos: until });
        match app.commit(change).await {
            // Another device of the user was faster with this page.
            Ok(_) | Err(StoreError::Conflict(_)) => {}
            Err(other) => return Err(other.into()),
        }
    }
}

/// The write that withdraws the message that a push has become for the user, if it has.
async fn withdrawal(app: &App, push: &Push, user: &UserId, recall: &Recall) -> Result<Option<Write>, Error> {
    let store = app.store().read();
    let Some(original) = store.push(app.id(), &push.task).await? else { return Ok(None) };
    let time = original.push.time();
    let key = MsgKey { client_seq: push.client_seq, random: push.random, time };
    let found = store.direct_message(app.id(), &push.from, user, key).await?;
    let open = found.filter(|message| message.recall.is_none());
    Ok(open.map(|message| Write::Recall {
        conversation: conversation(push, user),
        seq: message.seq,
        recall: recall.clone(),
    }))
}

/// Withdraws the message that a push has become for the user, and tells the devices that are here.
pub(super) async fn withdraw(app: &App, push: &Push, user: &UserId, recall: &Recall) -> Result<(), Error> {
    let key = MsgKey { client_seq: push.client_seq, random: push.random, time: push.time() };
    let Some(message) = app.store().read().direct_message(app.id(), &push.from, user, key).await? else {
        return Ok(());
    };
    let conversation = conversation(push, user);
    let (messages, seqs) = (vec![message.draft.clone()], vec![message.seq]);
    let recalled = Event::Recalled { conversation: conversation.clone(), messages, seqs, recall: recall.clone() };
    let write = Write::Recall { conversation, seq: message.seq, recall: recall.clone() };
    app.commit(Change::none().write(write).event(recalled)).await?;
    Ok(())
}
