//! Messages by the hour in which they were sent. Ids grow with arrival, so an hour is a range of ids; how far it reaches is known
//! from the first message of every hour.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use tsudoi_domain::{
    AppId, GroupId, TopicId, UserId, conversation::ConversationKey, message::Message, time::Timestamp,
};

use super::{Sqlite, failed, int, messages, uint};
use crate::{SentMessages, StoreError};

/// Notes the message that was just stored, when it is the first of its hour; answers the newest hour that is noted.
pub(super) fn note(c: &Connection, noted: i64, time: Timestamp) -> Result<i64, StoreError> {
    let hour = time.0.div_euclid(3600);
    // What is imported comes from earlier hours.
    if hour <= noted {
        return Ok(noted);
    }
    c.prepare_cached("INSERT OR IGNORE INTO hours (hour, first) VALUES (?1, ?2)")
        .and_then(|mut s| s.execute(params![hour, c.last_insert_rowid()]))
        .map_err(failed)?;
    Ok(hour)
}

#[async_trait]
impl SentMessages for Sqlite {
    async fn sent_in_hour(
        &self,
        app: AppId,
        direct: bool,
        hour: i64,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Message)>, StoreError> {
        self.read(|c| {
            let edge = |sql: &str, hour: i64| -> Result<Option<i64>, StoreError> {
                c.prepare_cached(sql)
                    .and_then(|mut s| s.query_row(params![hour], |r| r.get(0)).optional())
                    .map_err(failed)
            };
            let Some(first) = edge("SELECT first FROM hours WHERE hour = ?1", hour)? else { return Ok(Vec::new()) };
            // What was decided in the last second of an hour may be stored after the first message of the next.
            let end = edge("SELECT first FROM hours WHERE hour >= ?1 ORDER BY hour LIMIT 1", hour + 2)?;
            let sql = format!(
                "SELECT {}, m.id, k.kind, k.key FROM messages m CROSS JOIN conversations k ON k.pk = m.conv
                 WHERE m.id >= ?1 AND m.id < ?2 AND m.id > ?3 AND m.time BETWEEN ?4 AND ?5 AND k.app = ?6
                     AND (k.kind = 3) = ?7 AND m.elements IS NOT NULL AND m.sender <> ''
                     AND coalesce(m.options ->> '$.silent', 0) = 0
                 ORDER BY m.id LIMIT ?8",
                messages::columns("m")
            );
            let mut statement = c.prepare_cached(&sql).map_err(failed)?;
            let mut rows = statement
                .query(params![
                    first,
                    end.unwrap_or(i64::MAX),
                    int(after),
                    hour * 3600,
                    hour * 3600 + 3599,
                    app.0,
                    direct,
                    int(limit as u64)
                ])
                .map_err(failed)?;
            let mut sent = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                let conversation = key_of(row.get(15).map_err(failed)?, &row.get::<_, String>(16).map_err(failed)?)?;
                sent.push((uint(row.get(14).map_err(failed)?), messages::message(row, &conversation)?));
            }
            Ok(sent)
        })
    }
}

/// Reads the key of a conversation as the table has it.
pub(super) fn key_of(kind: u32, key: &str) -> Result<ConversationKey, StoreError> {
    match (kind, key.split_once('\n')) {
        (1, _) => Ok(ConversationKey::Group(GroupId::trusted(key))),
        (2, _) => Ok(ConversationKey::Topic(TopicId::trusted(key))),
        (3, Some((one, other))) => Ok(ConversationKey::direct(&UserId::trusted(one), &UserId::trusted(other))),
        _ => Err(StoreError::Corrupt(format!("conversation of kind {kind}"))),
    }
}
