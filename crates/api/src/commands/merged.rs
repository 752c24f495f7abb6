//! Records of merged messages that are too long for one message. Spec: docs/spec/websocket-protocol.md#22

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tsudoi_domain::{
    Timestamp,
    change::{Change, Write},
};

use crate::{
    app::App,
    catalogue::{Entry, list},
    command::{Caller, Command, Route},
    error::Error,
    error_code::ErrorCode,
};

pub(crate) fn all() -> Vec<Entry> {
    list![SaveRecord, GetRecord]
}

/// Most messages of a record.
const MAX_MESSAGES: usize = 300;
/// Most bytes of a record.
const MAX_BYTES: usize = 512 << 10;

/// Keeps the messages of a record that is too long for one message, and answers the keys that the message carries instead. Gateway.
/// Kept as long as messages are. Limits: 300 messages, 512 KB. Errors: `GroupBadParameter`, `MessageTooLong`.
/// Spec: docs/spec/websocket-protocol.md#22
#[derive(Debug, Deserialize)]
pub struct SaveRecord {
    #[serde(rename = "MsgList")]
    messages: Vec<Box<RawValue>>,
}

/// What fetches the record.
#[derive(Debug, Serialize)]
pub struct Saved {
    #[serde(rename = "JsonMsgKey")]
    key: String,
    #[serde(rename = "PbMsgKey")]
    same: String,
}

const DAY_SECS: i64 = 86_400;

impl Command for SaveRecord {
    const ROUTE: Route = Route::socket("im_long_msg", "save_relay_json_msg", "docs/spec/websocket-protocol.md#22");
    type Reply = Saved;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Saved, Error> {
        if self.messages.is_empty() || self.messages.len() > MAX_MESSAGES {
            let text = format!("`MsgList` must have 1 to {MAX_MESSAGES} entries");
            return Err(Error::new(ErrorCode::GroupBadParameter, text));
        }
        if self.messages.iter().any(|message| !message.get().starts_with('{')) {
            return Err(Error::new(ErrorCode::GroupBadParameter, "`MsgList`: expected messages"));
        }
        let messages = serde_json::to_string(&self.messages).expect("JSON stays JSON");
        if messages.len() > MAX_BYTES {
            let text = format!("`MsgList` has more than {MAX_BYTES} bytes");
            return Err(Error::new(ErrorCode::MessageTooLong, text));
        }
        let (now, days) = (app.now(), app.settings().history_days());
        let keep_from = if days == 0 { Timestamp(0) } else { Timestamp(now.0 - i64::from(days) * DAY_SECS) };
        let key = format!("{:016x}{:016x}", app.dice().u64(), app.dice().u64());
        let write = Write::PutRecord { key: key.clone(), messages: messages.into(), time: now, keep_from };
        app.commit(Change::none().write(write)).await?;
        Ok(Saved { same: key.clone(), key })
    }
}

/// Reads a record; whoever knows its key may. Gateway. Errors: `GroupBadParameter` for a key that fetches nothing.
/// Spec: docs/spec/websocket-protocol.md#22
#[derive(Debug, Deserialize)]
pub struct GetRecord {
    #[serde(rename = "JsonMsgKey")]
    key: String,
}

/// The messages of a record, as they were saved.
#[derive(Debug, Serialize)]
pub struct Record {
    #[serde(rename = "MsgList")]
    messages: Box<RawValue>,
}

impl Command for GetRecord {
    const ROUTE: Route = Route::socket("im_long_msg", "get_relay_json_msg", "docs/spec/websocket-protocol.md#22");
    type Reply = Record;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Record, Error> {
        let found = app.store().read().record(app.id(), &self.key).await?;
        let Some(messages) = found else {
            return Err(Error::new(ErrorCode::GroupBadParameter, "`JsonMsgKey` fetches nothing (any longer)"));
        };
        let messages = RawValue::from_string(messages.as_ref().to_owned()).expect("it was JSON when it came in");
        Ok(Record { messages })
    }
}
