//! Messages, in the order of arrival.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tsudoi_domain::{
    AppId, UserId,
    conversation::ConversationKey,
    message::{Content, Draft, Message, MessageOptions, MsgKey, Priority, Recall, Sender},
    time::Timestamp,
};

use super::{Sqlite, conversations, failed, int, json, to_json, uint};
use crate::{DirectQuery, Direction, Messages, StoreError};

/// The columns [`message`] reads.
const MESSAGE: &str = "seq, version, counted, recall, sender, random, time, client_time, client_seq, priority, \
                       elements, tip, cloud, options";

/// The columns [`message`] reads, of a table that goes by a short name.
pub(super) fn columns(table: &str) -> String {
    MESSAGE.split(", ").map(|column| format!("{table}.{}", column.trim())).collect::<Vec<_>>().join(", ")
}

/// Bits of the `direct` column: hidden from the first, hidden from the second of the two people.
const HIDDEN: [i64; 2] = [1, 2];
/// Bits of the `direct` column: counts as unread for the first, for the second, until they read it.
const UNREAD: [i64; 2] = [4, 8];

/// Bit of the `direct` column: in lists and logs, not in history.
const NOT_ROAMING: i64 = 16;

/// Which of the two a user is: 0 for the one whose id is smaller.
pub(super) fn side(one: &UserId, user: &UserId) -> usize {
    usize::from(one != user)
}

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
            let sql =
                format!("SELECT {MESSAGE} FROM messages WHERE conv = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq DESC");
            list(c, conversation, &sql, params![conv, int(low), int(high)])
        })
    }

    async fn message(
        &self,
        app: AppId,
        conversation: &ConversationKey,
        seq: u64,
    ) -> Result<Option<Message>, StoreError> {
        self.read(|c| match conversations::find(c, app, conversation)? {
            Some((conv, _)) => by_seq(c, conv, conversation, seq),
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
            let sql = format!(
                "SELECT {MESSAGE} FROM messages WHERE conv = ?1 AND recall IS NOT NULL AND seq > ?2 ORDER BY seq DESC"
            );
            list(c, conversation, &sql, params![conv, int(position.last_seq.saturating_sub(window))])
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
            let conversation = ConversationKey::direct(user, peer);
            let Some((conv, _)) = conversations::find(c, app, &conversation)? else { return Ok(Vec::new()) };
            let view = conversations::view(c, app, user, peer)?;
            let (cleared, from) =
                view.map_or((0, query.from), |row| (row.view.cleared_seq, query.from.max(row.shown_from())));
            let hidden = HIDDEN[side(user.min(peer), user)] | NOT_ROAMING;
            let after = query.after.map(|key| place(c, conv, key, query.direction)).transpose()?;
            let (time, place, client_seq, seq) = after.unwrap_or_default();
            // One end of the range is a moment, or the place of the message that is continued after when that is narrower.
            let (range, order) = match (query.direction, after) {
                (Direction::Older, Some(_)) if time <= query.until.0 => {
                    ("time >= ?2 AND (time, place, client_seq, seq) < (?6, ?9, ?7, ?8)", "DESC")
                }
                (Direction::Newer, Some(_)) if time >= from.0 => {
                    ("(time, place, client_seq, seq) > (?6, ?9, ?7, ?8) AND time <= ?3", "ASC")
                }
                (Direction::Older, _) => ("time BETWEEN ?2 AND ?3", "DESC"),
                (Direction::Newer, _) => ("time BETWEEN ?2 AND ?3", "ASC"),
            };
            let sql = format!(
                "SELECT {MESSAGE} FROM messages
                 WHERE conv = ?1 AND direct IS NOT NULL AND {range} AND seq > ?4 AND direct & ?10 = 0
                 ORDER BY time {order}, place {order}, client_seq {order}, seq {order} LIMIT ?5"
            );
            let limit = int(query.limit as u64);
            let (from, until) = (from.0, query.until.0);
            let values = params![conv, from, until, int(cleared), limit, time, client_seq, seq, place, hidden];
            list(c, &conversation, &sql, values)
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
            let conversation = ConversationKey::direct(from, to);
            let Some((conv, _)) = conversations::find(c, app, &conversation)? else { return Ok(None) };
            let sql = format!(
                "SELECT {MESSAGE} FROM messages
                 WHERE conv = ?1 AND direct IS NOT NULL AND direct & 16 = 0 AND time = ?2 AND client_seq = ?3 AND random = ?4 AND sender = ?5
                 ORDER BY seq LIMIT 1"
            );
            let values = params![conv, key.time.0, key.client_seq, key.random, from.as_str()];
            one(c, &conversation, &sql, values)
        })
    }
}

/// What orders the messages of a one-to-one conversation: time, place in the second, the sender's number, number.
type Order = (i64, i64, i64, i64);

/// Where the message with that key lies in the order of its conversation. Where there is no such message (any more), behind the
/// last one of its second with a lower number of the sender's.
fn place(c: &Connection, conv: i64, key: MsgKey, direction: Direction) -> Result<Order, StoreError> {
    let (time, client_seq) = (key.time.0, i64::from(key.client_seq));
    let found = c
        .prepare_cached(
            "SELECT place, seq FROM messages
             WHERE conv = ?1 AND direct IS NOT NULL AND time = ?2 AND client_seq = ?3 AND random = ?4 ORDER BY seq LIMIT 1",
        )
        .and_then(|mut s| {
            s.query_row(params![conv, time, client_seq, key.random], |r| Ok((r.get(0)?, r.get(1)?))).optional()
        })
        .map_err(failed)?;
    if let Some((place, seq)) = found {
        return Ok((time, place, client_seq, seq));
    }
    let before = c
        .prepare_cached(
            "SELECT place, client_seq, seq FROM messages
             WHERE conv = ?1 AND direct IS NOT NULL AND time = ?2 AND client_seq < ?3
             ORDER BY place DESC, client_seq DESC, seq DESC LIMIT 1",
        )
        .and_then(|mut s| {
            s.query_row(params![conv, time, client_seq], |r| Ok((r.get(0)?, r.get(1)?, r.get::<_, i64>(2)?))).optional()
        })
        .map_err(failed)?;
    Ok(match (before, direction) {
        (Some((place, client_seq, seq)), Direction::Older) => (time, place, client_seq, seq + 1),
        (Some((place, client_seq, seq)), Direction::Newer) => (time, place, client_seq, seq),
        (None, _) => (time, 0, 0, 0),
    })
}

/// The place of a new one-to-one message among those of its second: at the end, but not behind one of the same sender with a
/// higher number of the sender's, whose place it then shares.
///
/// So what people say to each other within a second stays in the order in which it arrived, and what one of them says in the order
/// of their numbers, which is all that those mean (docs/spec/rest-common.md#6.6).
fn place_in_second(c: &Connection, conv: i64, seq: u64, draft: &Draft) -> Result<u64, StoreError> {
    let before: Option<i64> = c
        .prepare_cached(
            "SELECT min(place) FROM messages
             WHERE conv = ?1 AND direct IS NOT NULL AND time = ?2 AND client_seq > ?3 AND sender = ?4",
        )
        .and_then(|mut s| s.query_row(params![conv, draft.time.0, draft.client_seq, sender(draft)], |r| r.get(0)))
        .map_err(failed)?;
    Ok(before.map_or(seq, uint))
}

fn list(
    c: &Connection,
    conversation: &ConversationKey,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<Message>, StoreError> {
    let mut statement = c.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(params).map_err(failed)?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        messages.push(message(row, conversation)?);
    }
    Ok(messages)
}

fn one(
    c: &Connection,
    conversation: &ConversationKey,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Option<Message>, StoreError> {
    c.prepare_cached(sql)
        .and_then(|mut s| s.query_row(params, |r| Ok(message(r, conversation))).optional())
        .map_err(failed)?
        .transpose()
}

/// Reads the columns of [`MESSAGE`].
pub(super) fn message(row: &Row<'_>, conversation: &ConversationKey) -> Result<Message, StoreError> {
    let recall: Option<String> = row.get(3).map_err(failed)?;
    let sender: String = row.get(4).map_err(failed)?;
    let priority: i64 = row.get(9).map_err(failed)?;
    let elements: Option<String> = row.get(10).map_err(failed)?;
    let tip: Option<String> = row.get(11).map_err(failed)?;
    let options: Option<String> = row.get(13).map_err(failed)?;
    let content = match (elements, tip) {
        (Some(elements), _) => Content::Elements(elements.into()),
        (None, Some(tip)) => Content::Tip(json("tip", &tip)?),
        (None, None) => return Err(StoreError::Corrupt("a message without content".into())),
    };
    let draft = Draft {
        conversation: conversation.clone(),
        sender: if sender.is_empty() { Sender::System } else { Sender::User(UserId::trusted(&sender)) },
        random: row.get(5).map_err(failed)?,
        time: Timestamp(row.get(6).map_err(failed)?),
        client_time: row.get(7).map_err(failed)?,
        client_seq: row.get(8).map_err(failed)?,
        priority: PRIORITIES
            .into_iter()
            .find(|p| i64::from(p.number()) == priority)
            .ok_or_else(|| StoreError::Corrupt(format!("priority {priority}")))?,
        content,
        cloud_custom_data: row.get::<_, Option<String>>(12).map_err(failed)?.map(Into::into),
        options: options.map(|text| json("options", &text)).transpose()?.unwrap_or_default(),
    };
    Ok(Message {
        seq: uint(row.get(0).map_err(failed)?),
        draft: Arc::new(draft),
        version: row.get(1).map_err(failed)?,
        recall: recall.map(|text| json("recall", &text)).transpose()?,
        counted: uint(row.get(2).map_err(failed)?),
    })
}

const PRIORITIES: [Priority; 4] = [Priority::High, Priority::Normal, Priority::Low, Priority::Lowest];

pub(super) fn by_seq(
    c: &Connection,
    conv: i64,
    conversation: &ConversationKey,
    seq: u64,
) -> Result<Option<Message>, StoreError> {
    let sql = format!("SELECT {MESSAGE} FROM messages WHERE conv = ?1 AND seq = ?2");
    one(c, conversation, &sql, params![conv, int(seq)])
}

/// The `direct` column of a message: from whom it is hidden, for whom it counts as unread, and whether history leaves it out.
pub(super) fn direct_flags(hidden_from: [bool; 2], unread_for: Option<usize>, no_roaming: bool) -> i64 {
    let mut flags = unread_for.map_or(0, |side| UNREAD[side]);
    if no_roaming {
        flags |= NOT_ROAMING;
    }
    for side in 0..2 {
        if hidden_from[side] {
            flags |= HIDDEN[side];
        }
    }
    flags
}

/// Whether the `direct` column hides a message from a side.
pub(super) fn is_hidden_from(direct: i64, side: usize) -> bool {
    direct & HIDDEN[side] != 0
}

/// Stores a message; `direct` as [`direct_flags`] says, absent for groups and topics.
pub(super) fn insert(
    c: &Connection,
    conv: i64,
    seq: u64,
    draft: &Draft,
    counted: u64,
    direct: Option<i64>,
) -> Result<(), StoreError> {
    let (elements, tip) = match &draft.content {
        Content::Elements(elements) => (Some(elements), None),
        Content::Tip(tip) => (None, Some(to_json(tip))),
    };
    // Where it was sent on is known to this process only and not kept.
    let plain = MessageOptions { sent_on: draft.options.sent_on, ..MessageOptions::default() };
    let options = (draft.options != plain).then(|| to_json(&draft.options));
    let place = if direct.is_some() { place_in_second(c, conv, seq, draft)? } else { 0 };
    c.prepare_cached(
        "INSERT INTO messages (conv, seq, time, sender, random, client_seq, client_time, priority, direct, counted,
                               elements, tip, cloud, options, place)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )
    .and_then(|mut s| {
        s.execute(params![
            conv,
            int(seq),
            draft.time.0,
            sender(draft),
            draft.random,
            draft.client_seq,
            draft.client_time,
            draft.priority.number(),
            direct,
            int(counted),
            elements,
            tip,
            draft.cloud_custom_data,
            options,
            int(place)
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

/// What tells a repeated send from a new one, for the messages of a conversation that are younger than a moment,
/// newest first. Between two people messages may come out of the order of time (imports); in groups and topics they
/// do not. At most 100,000 of them: many times what a conversation may say in that time.
pub(super) fn recent(c: &Connection, conv: i64, direct: bool, after: Timestamp) -> Result<Vec<Recent>, StoreError> {
    let sql = if direct {
        "SELECT sender, random, coalesce(options ->> '$.fingerprint', client_seq), seq, time, counted FROM messages
         WHERE conv = ?1 AND direct IS NOT NULL AND time > ?2
         ORDER BY time DESC, place DESC, client_seq DESC, seq DESC LIMIT 100000"
    } else {
        "SELECT sender, random, 0, seq, time, counted FROM messages WHERE conv = ?1 ORDER BY seq DESC LIMIT 100000"
    };
    let mut statement = c.prepare_cached(sql).map_err(failed)?;
    let rows = if direct { statement.query(params![conv, after.0]) } else { statement.query([conv]) };
    let mut rows = rows.map_err(failed)?;
    let mut recent = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let time = Timestamp(row.get(4).map_err(failed)?);
        if time <= after {
            break;
        }
        recent.push(Recent {
            sender: row.get(0).map_err(failed)?,
            random: row.get(1).map_err(failed)?,
            client_seq: row.get(2).map_err(failed)?,
            seq: uint(row.get(3).map_err(failed)?),
            time,
            counted: uint(row.get(5).map_err(failed)?),
        });
    }
    Ok(recent)
}

/// A message that arrived a short while ago.
pub(super) struct Recent {
    pub(super) sender: String,
    pub(super) random: u32,
    pub(super) client_seq: u32,
    pub(super) seq: u64,
    pub(super) time: Timestamp,
    pub(super) counted: u64,
}

/// The number of the newest message by time that a side sees.
pub(super) fn newest_shown(
    c: &Connection,
    conv: i64,
    side: usize,
    beyond: u64,
    from: Timestamp,
) -> Result<Option<u64>, StoreError> {
    c.prepare_cached(
        "SELECT seq FROM messages
         WHERE conv = ?1 AND direct IS NOT NULL AND seq > ?2 AND direct & ?3 = 0 AND time >= ?4
         ORDER BY time DESC, place DESC, client_seq DESC, seq DESC LIMIT 1",
    )
    .and_then(|mut s| s.query_row(params![conv, int(beyond), HIDDEN[side], from.0], |r| Ok(uint(r.get(0)?))).optional())
    .map_err(failed)
}

/// What a recall or a deletion has to know of a message.
pub(super) struct State {
    pub(super) time: Timestamp,
    pub(super) recalled: bool,
    pub(super) version: u32,
    /// Absent in groups and topics.
    direct: Option<i64>,
}

impl State {
    /// Whether the message counts as unread for that side until it is read.
    pub(super) fn unread_for(&self, side: usize) -> bool {
        self.direct.is_some_and(|flags| flags & UNREAD[side] != 0)
    }
}

pub(super) fn state(c: &Connection, conv: i64, seq: u64) -> Result<Option<State>, StoreError> {
    c.prepare_cached("SELECT time, recall IS NOT NULL, version, direct FROM messages WHERE conv = ?1 AND seq = ?2")
        .and_then(|mut s| {
            s.query_row(params![conv, int(seq)], |r| {
                Ok(State { time: Timestamp(r.get(0)?), recalled: r.get(1)?, version: r.get(2)?, direct: r.get(3)? })
            })
            .optional()
        })
        .map_err(failed)
}

/// A one-to-one message disappears for a side.
pub(super) fn hide(c: &Connection, conv: i64, seq: u64, side: usize) -> Result<(), StoreError> {
    c.prepare_cached("UPDATE messages SET direct = (direct & ~?3) | ?4 WHERE conv = ?1 AND seq = ?2")
        .and_then(|mut s| s.execute(params![conv, int(seq), UNREAD[side], HIDDEN[side]]))
        .map(drop)
        .map_err(failed)
}

/// A message no longer counts as unread for a side.
pub(super) fn clear_unread(c: &Connection, conv: i64, seq: u64, side: usize) -> Result<(), StoreError> {
    c.prepare_cached("UPDATE messages SET direct = direct & ~?3 WHERE conv = ?1 AND seq = ?2")
        .and_then(|mut s| s.execute(params![conv, int(seq), UNREAD[side]]))
        .map(drop)
        .map_err(failed)
}

/// Whether a one-to-one conversation has a message with that key, in either direction.
pub(super) fn has_key(c: &Connection, conv: i64, key: MsgKey) -> Result<bool, StoreError> {
    c.prepare_cached(
        "SELECT 1 FROM messages
         WHERE conv = ?1 AND direct IS NOT NULL AND time = ?2 AND client_seq = ?3 AND random = ?4",
    )
    .and_then(|mut s| s.exists(params![conv, key.time.0, key.client_seq, key.random]))
    .map_err(failed)
}

/// Marks a message as recalled.
pub(super) fn recall(c: &Connection, conv: i64, seq: u64, recall: &Recall) -> Result<(), StoreError> {
    c.prepare_cached("UPDATE messages SET recall = ?3 WHERE conv = ?1 AND seq = ?2")
        .and_then(|mut s| s.execute(params![conv, int(seq), to_json(recall)]))
        .map(drop)
        .map_err(failed)
}

/// Overwrites a message; absent parts stay. Answers whether there is one.
pub(super) fn edit(
    c: &Connection,
    conv: i64,
    seq: u64,
    elements: Option<&Arc<str>>,
    cloud_custom_data: Option<&Arc<str>>,
    version: u32,
) -> Result<bool, StoreError> {
    c.prepare_cached(
        "UPDATE messages SET version = ?3, elements = coalesce(?4, elements), cloud = coalesce(?5, cloud),
                             tip = CASE WHEN ?4 IS NULL THEN tip END
         WHERE conv = ?1 AND seq = ?2",
    )
    .and_then(|mut s| s.execute(params![conv, int(seq), version, elements, cloud_custom_data]))
    .map(|changed| changed > 0)
    .map_err(failed)
}

/// How many messages count as unread for a side, dated after one moment up to another, beyond a number.
pub(super) fn unread_between(
    c: &Connection,
    conv: i64,
    side: usize,
    after: Timestamp,
    until: Timestamp,
    beyond: u64,
) -> Result<u64, StoreError> {
    c.prepare_cached(
        "SELECT count(*) FROM messages
         WHERE conv = ?1 AND direct IS NOT NULL AND time > ?2 AND time <= ?3 AND seq > ?4 AND direct & ?5 <> 0",
    )
    .and_then(|mut s| s.query_row(params![conv, after.0, until.0, int(beyond), UNREAD[side]], |r| r.get(0)))
    .map(uint)
    .map_err(failed)
}
