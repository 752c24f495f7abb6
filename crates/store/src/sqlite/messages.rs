//! Messages, in arrival order.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tsudoi_domain::{
    AppId, UserId,
    conversation::ConversationKey,
    message::{Content, Draft, Message, MsgKey, Recall, Sender},
    time::Timestamp,
};

use super::{Sqlite, conversations, failed, int, json, to_json, uint};
use crate::{DirectQuery, Direction, Messages, StoreError};

const MESSAGE: &str = "seq, version, counted, recall, data";

#[async_trait]
impl Messages for Sqlite {
    async fn history(
        &self,
        app: AppId,
        conversation: &ConversationKey,
        low: u64,
        high: u64,
    ) -> Result<Vec<Message>, StoreError> {
        self.read(|c| {
            let Some((conv, _)) = conversations::find(c, app, conversation)? else { return Ok(Vec::new()) };
            list(
                c,
                &format!("SELECT {MESSAGE} FROM messages WHERE conv = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq DESC"),
                params![conv, int(low), int(high)],
            )
        })
    }

    async fn message(
        &self,
        app: AppId,
        conversation: &ConversationKey,
        seq: u64,
    ) -> Result<Option<Message>, StoreError> {
        self.read(|c| match conversations::find(c, app, conversation)? {
            Some((conv, _)) => by_seq(c, conv, seq),
            None => Ok(None),
        })
    }

    async fn recalled(
        &self,
        app: AppId,
        conversation: &ConversationKey,
        window: u64,
    ) -> Result<Vec<Message>, StoreError> {
        self.read(|c| {
            let Some((conv, position)) = conversations::find(c, app, conversation)? else { return Ok(Vec::new()) };
            list(
                c,
                &format!("SELECT {MESSAGE} FROM messages WHERE conv = ?1 AND recall IS NOT NULL AND seq > ?2 ORDER BY seq DESC"),
                params![conv, int(position.last_seq.saturating_sub(window))],
            )
        })
    }

    async fn direct_history(
        &self,
        app: AppId,
        user: &UserId,
        peer: &UserId,
        query: &DirectQuery,
    ) -> Result<Vec<Message>, StoreError> {
        self.read(|c| {
            let Some((conv, _)) = conversations::find(c, app, &ConversationKey::direct(user, peer))? else {
                return Ok(Vec::new());
            };
            let cleared = conversations::view(c, app, user, peer)?.map_or(0, |view| view.cleared_seq);
            let (compare, order) = match query.direction {
                Direction::Older => ("<", "DESC"),
                Direction::Newer => (">", "ASC"),
            };
            // Continue after the named message: its place is its time, the sender's number and its arrival.
            let after = match query.after {
                Some(key) => place(c, conv, key)?,
                None => None,
            };
            let bound =
                after.map_or_else(String::new, |_| format!("AND (time, client_seq, id) {compare} (?6, ?7, ?8)"));
            let (time, client_seq, id) = after.unwrap_or_default();
            let sql = format!(
                "SELECT {MESSAGE} FROM messages
                 WHERE conv = ?1 AND direct = 1 AND time BETWEEN ?2 AND ?3 AND seq > ?4
                   AND NOT (sender = ?9 AND coalesce(data ->> '$.options.hidden_from_sender', 0))
                   AND NOT (sender <> ?9 AND coalesce(data ->> '$.options.hidden_from_receiver', 0))
                   {bound}
                 ORDER BY time {order}, client_seq {order}, id {order} LIMIT ?5"
            );
            list(
                c,
                &sql,
                params![
                    conv,
                    query.from.0,
                    query.until.0,
                    int(cleared),
                    int(query.limit as u64),
                    time,
                    client_seq,
                    id,
                    user.as_str()
                ],
            )
        })
    }

    async fn direct_message(
        &self,
        app: AppId,
        from: &UserId,
        to: &UserId,
        key: MsgKey,
    ) -> Result<Option<Message>, StoreError> {
        self.read(|c| {
            let Some((conv, _)) = conversations::find(c, app, &ConversationKey::direct(from, to))? else {
                return Ok(None);
            };
            c.prepare_cached(&format!(
                "SELECT {MESSAGE} FROM messages
                 WHERE conv = ?1 AND direct = 1 AND time = ?2 AND client_seq = ?3 AND random = ?4 AND sender = ?5"
            ))
            .and_then(|mut s| {
                s.query_row(params![conv, key.time.0, key.client_seq, key.random, from.as_str()], |r| Ok(message(r)))
                    .optional()
            })
            .map_err(failed)?
            .transpose()
        })
    }
}

/// Where the message with that key lies in the order of a one-to-one conversation.
fn place(c: &Connection, conv: i64, key: MsgKey) -> Result<Option<(i64, i64, i64)>, StoreError> {
    c.prepare_cached("SELECT time, client_seq, id FROM messages WHERE conv = ?1 AND direct = 1 AND time = ?2 AND client_seq = ?3 AND random = ?4")
        .and_then(|mut s| {
            s.query_row(params![conv, key.time.0, key.client_seq, key.random], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).optional()
        })
        .map_err(failed)
}

fn list(c: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<Vec<Message>, StoreError> {
    let mut statement = c.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(params).map_err(failed)?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        messages.push(message(row)?);
    }
    Ok(messages)
}

/// Reads the columns of [`MESSAGE`].
fn message(row: &Row<'_>) -> Result<Message, StoreError> {
    let recall: Option<String> = row.get(3).map_err(failed)?;
    let data: String = row.get(4).map_err(failed)?;
    Ok(Message {
        seq: uint(row.get(0).map_err(failed)?),
        draft: Arc::new(json("message", &data)?),
        version: row.get(1).map_err(failed)?,
        recall: recall.map(|text| json("recall", &text)).transpose()?,
        counted: uint(row.get(2).map_err(failed)?),
    })
}

pub(super) fn by_seq(c: &Connection, conv: i64, seq: u64) -> Result<Option<Message>, StoreError> {
    c.prepare_cached(&format!("SELECT {MESSAGE} FROM messages WHERE conv = ?1 AND seq = ?2"))
        .and_then(|mut s| s.query_row(params![conv, int(seq)], |r| Ok(message(r))).optional())
        .map_err(failed)?
        .transpose()
}

pub(super) fn insert(c: &Connection, conv: i64, seq: u64, draft: &Draft, counted: u64) -> Result<(), StoreError> {
    let direct = matches!(draft.conversation, ConversationKey::Direct(..));
    c.prepare_cached(
        "INSERT INTO messages (conv, seq, time, sender, random, client_seq, direct, counted, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )
    .and_then(|mut s| {
        s.execute(params![
            conv,
            int(seq),
            draft.time.0,
            sender(draft),
            draft.random,
            draft.client_seq,
            direct,
            int(counted),
            to_json(draft)
        ])
    })
    .map(drop)
    .map_err(failed)
}

/// The sender column: empty for the server itself.
pub(super) fn sender(draft: &Draft) -> &str {
    match &draft.sender {
        Sender::System => "",
        Sender::User(user) => user.as_str(),
    }
}

/// What tells a repeated send from a new one, for the messages of a conversation that arrived after a moment, newest first.
pub(super) fn recent(c: &Connection, conv: i64, after: Timestamp) -> Result<Vec<Recent>, StoreError> {
    let mut statement = c
        .prepare_cached(
            "SELECT sender, random, coalesce(data ->> '$.options.fingerprint', client_seq), direct, seq, time, counted
             FROM messages WHERE conv = ?1 ORDER BY seq DESC",
        )
        .map_err(failed)?;
    let mut rows = statement.query([conv]).map_err(failed)?;
    let mut recent = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let time = Timestamp(row.get(5).map_err(failed)?);
        if time <= after {
            break;
        }
        recent.push(Recent {
            sender: row.get(0).map_err(failed)?,
            random: row.get(1).map_err(failed)?,
            client_seq: row.get(2).map_err(failed)?,
            direct: row.get(3).map_err(failed)?,
            seq: uint(row.get(4).map_err(failed)?),
            time,
            counted: uint(row.get(6).map_err(failed)?),
        });
    }
    Ok(recent)
}

/// A message that arrived a short while ago.
pub(super) struct Recent {
    pub(super) sender: String,
    pub(super) random: u32,
    pub(super) client_seq: u32,
    pub(super) direct: bool,
    pub(super) seq: u64,
    pub(super) time: Timestamp,
    pub(super) counted: u64,
}

/// Marks a message as recalled; answers what lay there, `None` when there is no such message.
pub(super) fn recall(c: &Connection, conv: i64, seq: u64, recall: &Recall) -> Result<Option<Message>, StoreError> {
    let before = by_seq(c, conv, seq)?;
    if before.is_some() {
        c.prepare_cached("UPDATE messages SET recall = ?3 WHERE conv = ?1 AND seq = ?2")
            .and_then(|mut s| s.execute(params![conv, int(seq), to_json(recall)]))
            .map_err(failed)?;
    }
    Ok(before)
}

/// Overwrites a message; absent parts stay.
pub(super) fn edit(
    c: &Connection,
    conv: i64,
    seq: u64,
    elements: Option<&Arc<str>>,
    cloud_custom_data: Option<&Arc<str>>,
    version: u32,
) -> Result<(), StoreError> {
    let before = by_seq(c, conv, seq)?.ok_or_else(|| StoreError::Missing(format!("message {seq}")))?;
    let mut draft = Draft::clone(&before.draft);
    if let Some(elements) = elements {
        draft.content = Content::Elements(elements.clone());
    }
    if let Some(data) = cloud_custom_data {
        draft.cloud_custom_data = Some(data.clone());
    }
    c.prepare_cached("UPDATE messages SET version = ?3, data = ?4 WHERE conv = ?1 AND seq = ?2")
        .and_then(|mut s| s.execute(params![conv, int(seq), version, to_json(&draft)]))
        .map(drop)
        .map_err(failed)
}

/// The receiver's unread counter at the newest inbound message up to a moment.
pub(super) fn counted_until(c: &Connection, conv: i64, peer: &UserId, until: Timestamp) -> Result<u64, StoreError> {
    c.prepare_cached(
        "SELECT coalesce(max(counted), 0) FROM messages WHERE conv = ?1 AND direct = 1 AND time <= ?2 AND sender = ?3",
    )
    .and_then(|mut s| s.query_row(params![conv, until.0, peer.as_str()], |r| r.get(0)))
    .map(uint)
    .map_err(failed)
}
