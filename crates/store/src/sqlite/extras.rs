//! What members add to messages that were sent.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use tsudoi_domain::{
    AppId, Timestamp, UserId,
    conversation::ConversationKey,
    message::extras::{Extensions, Pair, Pin, ReactionSummary},
};

use super::{Sqlite, conversations, failed, int, uint};
use crate::{MessageExtras, StoreError};

#[async_trait]
impl MessageExtras for Sqlite {
    async fn hidden(
        &self,
        app: AppId,
        conversation: &ConversationKey,
        user: &UserId,
        low: u64,
        high: u64,
    ) -> Result<Vec<u64>, StoreError> {
        self.read(|c| {
            let Some((conv, _)) = conversations::find(c, app, conversation)? else { return Ok(Vec::new()) };
            let mut statement = c
                .prepare_cached(
                    "SELECT seq FROM hidden WHERE conv = ?1 AND user = ?2 AND seq BETWEEN ?3 AND ?4 ORDER BY seq",
                )
                .map_err(failed)?;
            let rows = statement.query_map(params![conv, user.as_str(), int(low), int(high)], |r| Ok(uint(r.get(0)?)));
            rows.map_err(failed)?.collect::<Result<_, _>>().map_err(failed)
        })
    }

    async fn readers(
        &self,
        app: AppId,
        conversation: &ConversationKey,
        seq: u64,
    ) -> Result<Vec<(UserId, Timestamp)>, StoreError> {
        self.read(|c| {
            let Some((conv, _)) = conversations::find(c, app, conversation)? else { return Ok(Vec::new()) };
            let mut statement = c
                .prepare_cached("SELECT user, time FROM receipts WHERE conv = ?1 AND seq = ?2 ORDER BY user")
                .map_err(failed)?;
            let rows = statement.query_map(params![conv, int(seq)], |r| {
                Ok((UserId::trusted(&r.get::<_, String>(0)?), Timestamp(r.get(1)?)))
            });
            rows.map_err(failed)?.collect::<Result<_, _>>().map_err(failed)
        })
    }

    async fn read_by(
        &self,
        app: AppId,
        conversation: &ConversationKey,
        user: &UserId,
        seqs: &[u64],
    ) -> Result<Vec<u64>, StoreError> {
        self.read(|c| {
            let Some((conv, _)) = conversations::find(c, app, conversation)? else { return Ok(Vec::new()) };
            let mut statement = c
                .prepare_cached("SELECT 1 FROM receipts WHERE conv = ?1 AND seq = ?2 AND user = ?3")
                .map_err(failed)?;
            let mut read = Vec::new();
            for seq in seqs {
                if statement.exists(params![conv, int(*seq), user.as_str()]).map_err(failed)? {
                    read.push(*seq);
                }
            }
            Ok(read)
        })
    }

    async fn extensions(&self, app: AppId, conversation: &ConversationKey, seq: u64) -> Result<Extensions, StoreError> {
        self.snapshot(|c| {
            let Some((conv, _)) = conversations::find(c, app, conversation)? else { return Ok(Extensions::default()) };
            let (latest, cleared) = marks(c, conv, seq)?;
            let mut statement = c
                .prepare_cached("SELECT key, value, version FROM extensions WHERE conv = ?1 AND seq = ?2")
                .map_err(failed)?;
            let rows = statement.query_map(params![conv, int(seq)], |r| {
                Ok(Pair { key: r.get(0)?, value: r.get(1)?, version: uint(r.get(2)?) })
            });
            let pairs = rows.map_err(failed)?.map(|pair| pair.map(|pair| (pair.key.clone(), pair)));
            Ok(Extensions { latest, cleared, pairs: pairs.collect::<Result<_, _>>().map_err(failed)? })
        })
    }

    async fn reactions(
        &self,
        app: AppId,
        conversation: &ConversationKey,
        seq: u64,
        reader: &UserId,
        sample: usize,
    ) -> Result<Vec<ReactionSummary>, StoreError> {
        self.snapshot(|c| {
            let Some((conv, _)) = conversations::find(c, app, conversation)? else { return Ok(Vec::new()) };
            let mut statement = c
                .prepare_cached("SELECT reaction, number, first FROM reaction_counts WHERE conv = ?1 AND seq = ?2")
                .map_err(failed)?;
            let rows = statement.query_map(params![conv, int(seq)], |r| {
                Ok((r.get::<_, String>(0)?, uint(r.get(1)?), r.get::<_, i64>(2)?))
            });
            let mut counted: Vec<_> = rows.map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
            // A message has few different reactions; they stand in the order in which they came up.
            counted.sort_by_key(|(_, _, first)| *first);
            counted
                .into_iter()
                .map(|(reaction, count, _)| {
                    let users = who_reacted(c, conv, seq, &reaction, 0, sample)?.into_iter().map(|(_, user)| user);
                    let users = users.collect();
                    let mine = has_reacted(c, conv, seq, &reaction, reader)?;
                    Ok(ReactionSummary { reaction, count, users, mine })
                })
                .collect()
        })
    }

    async fn reacted(
        &self,
        app: AppId,
        conversation: &ConversationKey,
        seq: u64,
        reaction: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, UserId)>, StoreError> {
        self.read(|c| match conversations::find(c, app, conversation)? {
            Some((conv, _)) => who_reacted(c, conv, seq, reaction, after, limit),
            None => Ok(Vec::new()),
        })
    }

    async fn pins(&self, app: AppId, conversation: &ConversationKey) -> Result<Vec<Pin>, StoreError> {
        self.read(|c| {
            let Some((conv, _)) = conversations::find(c, app, conversation)? else { return Ok(Vec::new()) };
            let mut statement =
                c.prepare_cached("SELECT seq, user, time FROM pins WHERE conv = ?1 ORDER BY seq").map_err(failed)?;
            let rows = statement.query_map([conv], |r| {
                let by = UserId::trusted(&r.get::<_, String>(1)?);
                Ok(Pin { seq: uint(r.get(0)?), by, at: Timestamp(r.get(2)?) })
            });
            rows.map_err(failed)?.collect::<Result<_, _>>().map_err(failed)
        })
    }
}

fn who_reacted(
    c: &Connection,
    conv: i64,
    seq: u64,
    reaction: &str,
    after: u64,
    limit: usize,
) -> Result<Vec<(u64, UserId)>, StoreError> {
    let mut statement = c
        .prepare_cached(
            "SELECT id, user FROM reactions INDEXED BY reactions_by_order
             WHERE conv = ?1 AND seq = ?2 AND reaction = ?3 AND id > ?4 ORDER BY id LIMIT ?5",
        )
        .map_err(failed)?;
    let rows = statement.query_map(params![conv, int(seq), reaction, int(after), int(limit as u64)], |r| {
        Ok((uint(r.get(0)?), UserId::trusted(&r.get::<_, String>(1)?)))
    });
    rows.map_err(failed)?.collect::<Result<_, _>>().map_err(failed)
}

fn has_reacted(c: &Connection, conv: i64, seq: u64, reaction: &str, user: &UserId) -> Result<bool, StoreError> {
    c.prepare_cached("SELECT 1 FROM reactions WHERE conv = ?1 AND seq = ?2 AND reaction = ?3 AND user = ?4")
        .and_then(|mut s| s.exists(params![conv, int(seq), reaction, user.as_str()]))
        .map_err(failed)
}

/// The counter of a message's key-values, and what it was at the last clearing.
pub(super) fn marks(c: &Connection, conv: i64, seq: u64) -> Result<(u64, u64), StoreError> {
    let found = c
        .prepare_cached("SELECT latest, cleared FROM extension_marks WHERE conv = ?1 AND seq = ?2")
        .and_then(|mut s| s.query_row(params![conv, int(seq)], |r| Ok((uint(r.get(0)?), uint(r.get(1)?)))).optional())
        .map_err(failed)?;
    Ok(found.unwrap_or_default())
}

fn run(c: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<(), StoreError> {
    c.prepare_cached(sql).and_then(|mut s| s.execute(params)).map(drop).map_err(failed)
}

pub(super) fn hide(c: &Connection, conv: i64, user: &UserId, seqs: &[u64]) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO hidden (conv, user, seq) VALUES (?1, ?2, ?3)";
    seqs.iter().try_for_each(|seq| run(c, sql, params![conv, user.as_str(), int(*seq)]))
}

pub(super) fn put_receipts(
    c: &Connection,
    conv: i64,
    user: &UserId,
    seqs: &[u64],
    time: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO receipts (conv, seq, user, time) VALUES (?1, ?2, ?3, ?4)";
    seqs.iter().try_for_each(|seq| run(c, sql, params![conv, int(*seq), user.as_str(), time.0]))
}

/// Writes pairs and moves the counter; a clearing forgets every pair written before it.
pub(super) fn put_extensions(
    c: &Connection,
    conv: i64,
    seq: u64,
    pairs: &[Pair],
    latest: u64,
    cleared: u64,
) -> Result<(), StoreError> {
    run(
        c,
        "DELETE FROM extensions WHERE conv = ?1 AND seq = ?2 AND version < ?3",
        params![conv, int(seq), int(cleared)],
    )?;
    for pair in pairs {
        run(
            c,
            "INSERT INTO extensions (conv, seq, key, value, version) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (conv, seq, key) DO UPDATE SET value = ?4, version = ?5",
            params![conv, int(seq), pair.key, pair.value, int(pair.version)],
        )?;
    }
    run(
        c,
        "INSERT INTO extension_marks (conv, seq, latest, cleared) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (conv, seq) DO UPDATE SET latest = ?3, cleared = ?4",
        params![conv, int(seq), int(latest), int(cleared)],
    )
}

pub(super) fn set_reaction(
    c: &Connection,
    conv: i64,
    seq: u64,
    reaction: &str,
    user: &UserId,
    reacts: bool,
) -> Result<(), StoreError> {
    let sql = if reacts {
        "INSERT OR IGNORE INTO reactions (conv, seq, reaction, user) VALUES (?1, ?2, ?3, ?4)"
    } else {
        "DELETE FROM reactions WHERE conv = ?1 AND seq = ?2 AND reaction = ?3 AND user = ?4"
    };
    let changed = c
        .prepare_cached(sql)
        .and_then(|mut s| s.execute(params![conv, int(seq), reaction, user.as_str()]))
        .map_err(failed)?;
    match (changed, reacts) {
        (0, _) => Ok(()),
        (_, true) => run(
            c,
            "INSERT INTO reaction_counts (conv, seq, reaction, number, first) VALUES (?1, ?2, ?3, 1, ?4)
             ON CONFLICT (conv, seq, reaction) DO UPDATE SET number = number + 1",
            params![conv, int(seq), reaction, c.last_insert_rowid()],
        ),
        (_, false) => {
            run(
                c,
                "UPDATE reaction_counts SET number = number - 1 WHERE conv = ?1 AND seq = ?2 AND reaction = ?3",
                params![conv, int(seq), reaction],
            )?;
            run(
                c,
                "DELETE FROM reaction_counts WHERE conv = ?1 AND seq = ?2 AND reaction = ?3 AND number <= 0",
                params![conv, int(seq), reaction],
            )
        }
    }
}

pub(super) fn set_pin(c: &Connection, conv: i64, seq: u64, pin: Option<&Pin>) -> Result<(), StoreError> {
    match pin {
        Some(pin) => run(
            c,
            "INSERT OR IGNORE INTO pins (conv, seq, user, time) VALUES (?1, ?2, ?3, ?4)",
            params![conv, int(seq), pin.by.as_str(), pin.at.0],
        ),
        None => run(c, "DELETE FROM pins WHERE conv = ?1 AND seq = ?2", params![conv, int(seq)]),
    }
}
