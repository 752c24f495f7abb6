//! A user's log of what came in: one-to-one messages and notices.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use tsudoi_domain::{AppId, UserId, conversation::ConversationKey, notice::Notice, time::Timestamp};

use super::{Sqlite, conversations, failed, int, json, messages, to_json, uint};
use crate::{LogEntry, LogItem, StoreError, UserLog};

#[async_trait]
impl UserLog for Sqlite {
    async fn log_end(&self, app: AppId, user: &UserId) -> Result<u64, StoreError> {
        self.read(|c| {
            c.prepare_cached("SELECT log_end FROM inboxes WHERE app = ?1 AND user = ?2")
                .and_then(|mut s| s.query_row(params![app.0, user.as_str()], |r| r.get(0)).optional())
                .map(|end| end.map_or(0, uint))
                .map_err(failed)
        })
    }

    async fn log_after(&self, app: AppId, user: &UserId, pos: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.read(|c| {
            let mut statement = c
                .prepare_cached(
                    "SELECT pos, time, conv, seq, notice FROM user_log
                     WHERE app = ?1 AND user = ?2 AND pos > ?3 ORDER BY pos LIMIT ?4",
                )
                .map_err(failed)?;
            let mut rows =
                statement.query(params![app.0, user.as_str(), int(pos), int(limit as u64)]).map_err(failed)?;
            let mut entries = Vec::new();
            let mut keys = HashMap::new();
            while let Some(row) = rows.next().map_err(failed)? {
                let item = match row.get::<_, Option<String>>(4).map_err(failed)? {
                    Some(text) => LogItem::Notice(Arc::new(json::<Notice>("notice", &text)?)),
                    None => {
                        let (conv, seq): (i64, i64) = (row.get(2).map_err(failed)?, row.get(3).map_err(failed)?);
                        match message(c, &mut keys, conv, uint(seq))? {
                            Some(item) => item,
                            // The message's retention is over.
                            None => continue,
                        }
                    }
                };
                entries.push(LogEntry {
                    pos: uint(row.get(0).map_err(failed)?),
                    time: Timestamp(row.get(1).map_err(failed)?),
                    item,
                });
            }
            Ok(entries)
        })
    }
}

/// A message the log names; the conversations met on the way are remembered.
fn message(
    c: &Connection,
    keys: &mut HashMap<i64, ConversationKey>,
    conv: i64,
    seq: u64,
) -> Result<Option<LogItem>, StoreError> {
    let key = match keys.entry(conv) {
        std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
        std::collections::hash_map::Entry::Vacant(place) => match conversations::owner(c, conv)? {
            Some((_, key)) => place.insert(key),
            None => return Ok(None),
        },
    };
    Ok(messages::by_seq(c, conv, key, seq)?.map(|message| LogItem::Message(Box::new(message))))
}

/// Notes an entry at the next place; `unread` more messages are unread.
fn append(
    c: &Connection,
    app: AppId,
    user: &UserId,
    time: Timestamp,
    (conv, seq): (i64, u64),
    notice: Option<&Notice>,
    unread: bool,
) -> Result<(), StoreError> {
    let pos: i64 = c
        .prepare_cached(
            "INSERT INTO inboxes (app, user, log_end, unread) VALUES (?1, ?2, 1, ?3)
             ON CONFLICT (app, user) DO UPDATE SET log_end = log_end + 1, unread = unread + ?3 RETURNING log_end",
        )
        .and_then(|mut s| s.query_row(params![app.0, user.as_str(), unread], |r| r.get(0)))
        .map_err(failed)?;
    c.prepare_cached(
        "INSERT INTO user_log (app, user, pos, time, conv, seq, notice, notice_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .and_then(|mut s| {
        let (text, id) = (notice.map(to_json), notice.map(|notice| notice.id.cast_signed()));
        s.execute(params![app.0, user.as_str(), pos, time.0, conv, int(seq), text, id])
    })
    .map(drop)
    .map_err(failed)
}

/// Notes an inbound one-to-one message.
pub(super) fn append_message(
    c: &Connection,
    app: AppId,
    user: &UserId,
    time: Timestamp,
    conv: i64,
    seq: u64,
    unread: bool,
) -> Result<(), StoreError> {
    append(c, app, user, time, (conv, seq), None, unread)
}

/// Notes a notice.
pub(super) fn append_notice(
    c: &Connection,
    app: AppId,
    user: &UserId,
    time: Timestamp,
    notice: &Notice,
) -> Result<(), StoreError> {
    append(c, app, user, time, (0, 0), Some(notice), false)
}

/// Empties the place of a notice that was dealt with; the places around it keep their numbers.
pub(super) fn drop_notice(c: &Connection, app: AppId, user: &UserId, id: u64) -> Result<(), StoreError> {
    c.prepare_cached(
        "UPDATE user_log SET notice = NULL, notice_id = NULL WHERE app = ?1 AND user = ?2 AND notice_id = ?3",
    )
    .and_then(|mut s| s.execute(params![app.0, user.as_str(), id.cast_signed()]))
    .map(drop)
    .map_err(failed)
}
