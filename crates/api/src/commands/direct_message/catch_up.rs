//! What a user missed: the log of inbound one-to-one messages and notices, read from a position on.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tsudoi_domain::{
    Timestamp, UserId,
    conversation::care::{Contact, ReceiveOption},
    message::Message,
    notice::{Notice, NoticeKind},
};
use tsudoi_store::{LogEntry, LogItem};

use super::{
    read::{shown_unread, unread_views},
    senders,
};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode,
    delivery::notice_face,
    error::Error,
    push,
    wire::{
        faces::Faces,
        item::{DirectItem, direction},
        notice::NoticeItem,
    },
};

/// Entries of the log per page.
const PAGE: usize = 100;
/// How far back a fresh login looks for notices that wait for an answer.
const NOTICES_BACK: u64 = 200;

/// Tells what came in since a position in the user's log; without one, where the log stands, unread counts and notices that wait
/// for an answer. Gateway.
/// Limits: 100 entries per page, then `SyncFlag` is 1.
/// Spec: docs/spec/websocket-protocol.md#20
#[derive(Debug, Deserialize)]
pub struct CatchUp {
    #[serde(rename = "Cookie", default, deserialize_with = "decode::text_or_nothing")]
    cookie: Option<String>,
}

/// What was missed.
#[derive(Debug, Serialize)]
pub struct Missed {
    #[serde(rename = "Cookie")]
    cookie: String,
    /// 1: more follows; 2: this is all.
    #[serde(rename = "SyncFlag")]
    sync: u32,
    #[serde(rename = "MsgList")]
    messages: Vec<Box<RawValue>>,
    #[serde(rename = "EventArray")]
    events: Vec<MissedNotices>,
    #[serde(rename = "C2CPairUnreadCount")]
    unread: Vec<PairUnread>,
    #[serde(rename = "C2CRemainingUnreadCount")]
    unread_elsewhere: u64,
}

#[derive(Debug, Serialize)]
struct MissedNotices {
    #[serde(rename = "Event")]
    event: u32,
    #[serde(rename = "GroupTips")]
    notices: Vec<Box<RawValue>>,
}

#[derive(Debug, Serialize)]
struct PairUnread {
    #[serde(rename = "From_Account")]
    peer: UserId,
    #[serde(rename = "UnreadCount")]
    unread: u64,
}

/// The client keeps the position and shows it again. It must never be empty: clients discard such an answer whole.
fn cookie(position: u64) -> String {
    format!("log:{position}")
}

/// The position of a cookie; nothing for a text that is none of ours, whose owner then starts afresh.
fn position(cookie: &str) -> Option<u64> {
    cookie.strip_prefix("log:")?.parse().ok()
}

impl Command for CatchUp {
    const ROUTE: Route = Route::socket("openim", "getmsg", "docs/spec/websocket-protocol.md#20");
    type Reply = Missed;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Missed, Error> {
        let user = &caller.user;
        push::settle(app, user).await?;
        let end = app.store().read().log_end(app.id(), user).await?;
        let (position, sync, messages, notices) = match self.cookie.as_deref().and_then(position) {
            None => (end, 2, Vec::new(), waiting(app, user, end).await?),
            Some(from) => {
                let page = Page::read(app, user, from, end).await?;
                (page.next, if page.next < end { 1 } else { 2 }, page.messages, page.notices)
            }
        };
        let unread = unread_views(app, user).await?;
        let unread = unread.iter().map(|view| PairUnread { peer: view.peer.clone(), unread: shown_unread(app, view) });
        Ok(Missed {
            cookie: cookie(position),
            sync,
            messages: message_items(app, &messages).await?,
            events: notice_items(app, user, &notices).await?,
            unread: unread.collect(),
            unread_elsewhere: 0,
        })
    }
}

/// A stretch of a user's log.
#[derive(Default)]
struct Page {
    messages: Vec<Message>,
    notices: Vec<(Arc<Notice>, Timestamp)>,
    next: u64,
}

impl Page {
    async fn read(app: &App, user: &UserId, from: u64, end: u64) -> Result<Self, Error> {
        // A position beyond the end is one of a log that was cut back since: nothing was missed that could be told.
        let from = from.min(end);
        let entries = app.store().read().log_after(app.id(), user, from, PAGE).await?;
        let mut page = Self { next: next(from, end, &entries), ..Self::default() };
        let now = app.now();
        let discarded = discarded(app, user, &entries).await?;
        for entry in entries {
            match entry.item {
                LogItem::Message(message)
                    if !expired(&message, now) && !discarded.contains(direction(&message.draft).0) =>
                {
                    page.messages.push(*message);
                }
                LogItem::Message(_) => {}
                LogItem::Notice(notice) => page.notices.push((notice, entry.time)),
            }
        }
        Ok(page)
    }
}

/// Where the next page begins. Entries whose messages are gone are left out of pages, so a page may be short, or empty, and
/// have others behind it; places are contiguous, so a page never looks at more than its size of them.
fn next(from: u64, end: u64, entries: &[LogEntry]) -> u64 {
    let looked_at = from.saturating_add(PAGE as u64).min(end);
    match entries.last() {
        Some(last) if entries.len() == PAGE => last.pos,
        Some(last) => last.pos.max(looked_at),
        None => looked_at,
    }
}

/// Senders of the entries whose messages the user does not want to be told of.
async fn discarded(app: &App, user: &UserId, entries: &[LogEntry]) -> Result<BTreeSet<UserId>, Error> {
    let senders: BTreeSet<&UserId> = entries
        .iter()
        .filter_map(|entry| match &entry.item {
            LogItem::Message(message) => Some(direction(&message.draft).0),
            LogItem::Notice(_) => None,
        })
        .collect();
    let mut discarded = BTreeSet::new();
    for sender in senders {
        let care = app.store().read().care(app.id(), user, &Contact::User(sender.clone())).await?;
        if care.receive == ReceiveOption::Discard {
            discarded.insert(sender.clone());
        }
    }
    Ok(discarded)
}

/// Whether devices that come now find the message in history only.
fn expired(message: &Message, now: Timestamp) -> bool {
    let draft = &message.draft;
    draft.options.offline_secs.is_some_and(|secs| now.since(draft.time) > i64::from(secs))
}

/// Applications to join that still wait for the user's decision, oldest first. What else the log holds is known to a fresh login
/// from its lists; telling it again would undo what happened since.
async fn waiting(app: &App, user: &UserId, end: u64) -> Result<Vec<(Arc<Notice>, Timestamp)>, Error> {
    let applications = app.store().read().applications_for(app.id(), user, PAGE).await?;
    let mut waiting = Vec::new();
    let mut from = if applications.is_empty() { end } else { end.saturating_sub(NOTICES_BACK) };
    while from < end {
        let entries = app.store().read().log_after(app.id(), user, from, PAGE).await?;
        from = next(from, end, &entries);
        for entry in entries {
            if let LogItem::Notice(notice) = entry.item
                && let NoticeKind::Applied { key, .. } = &notice.kind
                && applications.iter().any(|waiting| waiting.group == notice.group && waiting.key == *key)
            {
                waiting.push((notice, entry.time));
            }
        }
    }
    Ok(waiting)
}

async fn message_items(app: &App, messages: &[Message]) -> Result<Vec<Box<RawValue>>, Error> {
    let faces = Faces::of(app.store(), app.id(), senders(messages)).await?;
    Ok(messages
        .iter()
        .map(|message| to_raw_value(&DirectItem::stored(message, &faces)).expect("items are plain data"))
        .collect())
}

async fn notice_items(
    app: &App,
    user: &UserId,
    notices: &[(Arc<Notice>, Timestamp)],
) -> Result<Vec<MissedNotices>, Error> {
    if notices.is_empty() {
        return Ok(Vec::new());
    }
    let by = notices.iter().map(|(notice, _)| notice.by.clone()).collect();
    let faces = Faces::of(app.store(), app.id(), by).await?;
    let items = notices.iter().map(|(notice, time)| {
        let face = notice_face(app, notice);
        to_raw_value(&NoticeItem::of(notice, Some(user), *time, &face, &faces)).expect("items are plain data")
    });
    Ok(vec![MissedNotices { event: 5, notices: items.collect() }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_never_empty_and_read_back() {
        for place in [0, 1, u64::MAX] {
            assert!(!cookie(place).is_empty());
            assert_eq!(position(&cookie(place)), Some(place));
        }
        for strange in ["", "log:", "log:-1", "17", "c2c:17", "log:18446744073709551616"] {
            assert_eq!(position(strange), None, "{strange}");
        }
    }
}
