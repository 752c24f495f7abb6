//! One-to-one history, as one side sees it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tsudoi_domain::{
    Timestamp, UserId,
    conversation::ConversationKey,
    message::{Message, MsgKey},
};
use tsudoi_store::{DirectQuery, Direction};

use super::{msg_key, senders};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    decode,
    error::Error,
    error_code::ErrorCode,
    wire::{
        faces::Faces,
        item::{DirectItem, direction},
    },
};

/// Most bytes of the messages of a page over REST; one message is always given (docs/spec/rest-c2c.md#1.4).
const PAGE_BYTES: usize = 13 * 1024;

/// Pages through the caller's side of a conversation. Gateway.
/// Older pages end before the message named by `MsgKey`; `GetDirection` 1 reads on from `LastMsgTime`, that second included.
/// Inside a page messages ascend. Limits: `limits.history.c2c_page` per page. Errors: `MessageBadReceiver`, `MessageBadKey`.
/// Spec: docs/spec/websocket-protocol.md#9
#[derive(Debug, Deserialize)]
pub struct History {
    #[serde(rename = "Peer_Account")]
    peer: UserId,
    #[serde(rename = "MaxCnt", default)]
    count: Option<usize>,
    #[serde(rename = "LastMsgTime", default)]
    last_time: Option<i64>,
    #[serde(rename = "MsgKey", alias = "LastMsgKey", default, deserialize_with = "decode::text_or_nothing")]
    last_key: Option<String>,
    #[serde(rename = "WithRecalledMsg", default = "with_recalled", deserialize_with = "decode::flag")]
    with_recalled: bool,
    #[serde(rename = "GetDirection", default, deserialize_with = "decode::flag")]
    newer: bool,
}

fn with_recalled() -> bool {
    true
}

/// A page of history for a client.
#[derive(Debug, Serialize)]
pub struct HistoryPage {
    #[serde(rename = "Complete")]
    complete: u32,
    #[serde(rename = "MsgCnt")]
    count: usize,
    #[serde(rename = "LastMsgTime")]
    last_time: Timestamp,
    #[serde(rename = "MsgKey")]
    last_key: String,
    #[serde(rename = "MsgList")]
    messages: Vec<Box<RawValue>>,
}

impl Command for History {
    const ROUTE: Route = Route::socket("openim", "getroammsg", "docs/spec/websocket-protocol.md#9");
    type Reply = HistoryPage;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<HistoryPage, Error> {
        let last_time = self.last_time.filter(|time| *time > 0).map(Timestamp);
        let after = self.last_key.as_deref().map(|key| msg_key("MsgKey", key)).transpose()?;
        let (from, until) = match (self.newer, last_time) {
            (true, Some(time)) => (time, Timestamp(i64::MAX)),
            (false, Some(time)) => (Timestamp(i64::MIN), time),
            (_, None) => (Timestamp(i64::MIN), Timestamp(i64::MAX)),
        };
        let range = Range { newer: self.newer, from, until, after };
        let limit = page_size(app, self.count);
        let page = page(app, &caller.user, &self.peer, &range, limit, Reader::Client).await?;
        let shown: Vec<_> = page
            .messages
            .into_iter()
            .filter(|(message, _)| self.with_recalled || message.recall.is_none())
            .map(|(_, json)| json)
            .collect();
        Ok(HistoryPage {
            complete: page.complete.into(),
            count: shown.len(),
            last_time: page.last.map_or(Timestamp(0), |key| key.time),
            last_key: page.last.map_or_else(String::new, |key| key.to_string()),
            messages: shown,
        })
    }
}

/// Reads the history of a pair as one of them sees it, from new to old; inside a page messages ascend. REST.
/// Units: `MinTime`, `MaxTime` in seconds, inclusive. Limits: `limits.history.c2c_page` messages and 13 KB per page.
/// Errors: `MessageBadSender`, `MessageBadReceiver`, `MessageBadKey`, `MessageBadJson`.
/// Spec: docs/spec/rest-c2c.md#1.4
#[derive(Debug, Deserialize)]
pub struct AdminHistory {
    #[serde(rename = "Operator_Account", alias = "From_Account")]
    user: UserId,
    #[serde(rename = "Peer_Account", alias = "To_Account")]
    peer: UserId,
    #[serde(rename = "MaxCnt")]
    count: usize,
    #[serde(rename = "MinTime")]
    min: i64,
    #[serde(rename = "MaxTime")]
    max: i64,
    #[serde(rename = "LastMsgKey", default, deserialize_with = "decode::text_or_nothing")]
    last_key: Option<String>,
}

/// A page of history for a backend.
#[derive(Debug, Serialize)]
pub struct AdminHistoryPage {
    #[serde(rename = "Complete")]
    complete: u32,
    #[serde(rename = "MsgCnt")]
    count: usize,
    #[serde(rename = "LastMsgTime")]
    last_time: Timestamp,
    #[serde(rename = "LastMsgKey")]
    last_key: String,
    #[serde(rename = "MsgList")]
    messages: Vec<Box<RawValue>>,
}

impl Command for AdminHistory {
    const ROUTE: Route = Route::rest("openim", "admin_getroammsg", "docs/spec/rest-c2c.md#1.4");
    type Reply = AdminHistoryPage;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<AdminHistoryPage, Error> {
        let after = self.last_key.as_deref().map(|key| msg_key("LastMsgKey", key)).transpose()?;
        let range = Range { newer: false, from: Timestamp(self.min), until: Timestamp(self.max), after };
        let limit = page_size(app, Some(self.count));
        let page = page(app, &self.user, &self.peer, &range, limit, Reader::Backend).await?;
        if page.messages.is_empty() && app.store().account(app.id(), &self.user).await?.is_none() {
            let text = format!("`Operator_Account`: account {} does not exist", self.user);
            return Err(Error::new(ErrorCode::MessageBadSender, text));
        }
        Ok(AdminHistoryPage {
            complete: page.complete.into(),
            count: page.messages.len(),
            last_time: page.last.map_or(Timestamp(0), |key| key.time),
            last_key: page.last.map_or_else(String::new, |key| key.to_string()),
            messages: page.messages.into_iter().map(|(_, json)| json).collect(),
        })
    }
}

/// What part of a history is read, and which way.
struct Range {
    newer: bool,
    from: Timestamp,
    until: Timestamp,
    after: Option<MsgKey>,
}

/// Who reads a page.
#[derive(Debug, Clone, Copy)]
enum Reader {
    Client,
    Backend,
}

/// A page, ascending.
struct Page {
    messages: Vec<(Message, Box<RawValue>)>,
    /// The message the next page goes on from.
    last: Option<MsgKey>,
    /// Nothing comes behind it.
    complete: bool,
}

fn page_size(app: &App, wanted: Option<usize>) -> usize {
    let most = app.settings().limits().history.c2c_page as usize;
    wanted.unwrap_or(most).clamp(1, most.max(1))
}

/// Which of the messages their receivers said to have read.
async fn read_messages(app: &App, user: &UserId, peer: &UserId, messages: &[Message]) -> Result<Vec<u64>, Error> {
    let line = ConversationKey::direct(user, peer);
    let mut read = Vec::new();
    for reader in [user, peer] {
        let seqs: Vec<u64> = messages
            .iter()
            .filter(|message| message.draft.options.need_receipt && direction(&message.draft).1 == reader)
            .map(|message| message.seq)
            .collect();
        if !seqs.is_empty() {
            read.extend(app.store().read().read_by(app.id(), &line, reader, &seqs).await?);
        }
    }
    Ok(read)
}

async fn page(
    app: &App,
    user: &UserId,
    peer: &UserId,
    range: &Range,
    limit: usize,
    reader: Reader,
) -> Result<Page, Error> {
    let query = DirectQuery {
        direction: if range.newer { Direction::Newer } else { Direction::Older },
        from: range.from,
        until: range.until,
        after: range.after,
        limit: limit + 1,
    };
    let found = app.store().read().direct_history(app.id(), user, peer, &query).await?;
    let faces = Faces::of(app.store(), app.id(), senders(&found)).await?;
    let read = read_messages(app, user, peer, &found).await?;
    let mut page = Page { messages: Vec::new(), last: None, complete: true };
    let mut bytes = 0;
    for message in found {
        let item =
            DirectItem::stored(&message, &faces).with_id(&message.draft).with_receipt(read.contains(&message.seq));
        let (item, max_bytes) = match reader {
            Reader::Client => (item, usize::MAX),
            Reader::Backend => (item.for_backends(), PAGE_BYTES),
        };
        let json = to_raw_value(&item).expect("plain data");
        bytes += json.get().len();
        if page.messages.len() == limit || bytes > max_bytes && !page.messages.is_empty() {
            page.complete = false;
            break;
        }
        page.last = Some(message.draft.msg_key());
        page.messages.push((message, json));
    }
    if !range.newer {
        page.messages.reverse();
    }
    Ok(page)
}
