//! Topics, and what members read and chose in them.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tsudoi_domain::{
    AppId, GroupId, TopicId, UserId,
    conversation::Position,
    group::MsgFlag,
    time::{MuteUntil, Timestamp},
    topic::{Topic, TopicMember},
};

use super::{Sqlite, conversations, failed, groups::GroupState, int, json, to_json, uint};
use crate::{StoreError, TopicEntry, Topics};

#[async_trait]
impl Topics for Sqlite {
    async fn topic(&self, app: AppId, topic: &TopicId) -> Result<Option<Arc<Topic>>, StoreError> {
        self.read(|c| {
            c.prepare_cached("SELECT data FROM topics WHERE app = ?1 AND id = ?2")
                .and_then(|mut s| s.query_row(params![app.0, topic.as_str()], |r| r.get::<_, String>(0)).optional())
                .map_err(failed)?
                .map(|text| json("topic", &text).map(Arc::new))
                .transpose()
        })
    }

    async fn topics(&self, app: AppId, group: &GroupId, user: Option<&UserId>) -> Result<Vec<TopicEntry>, StoreError> {
        self.snapshot(|c| {
            let mut statement = c
                .prepare_cached(&format!(
                    "SELECT {ENTRY} JOIN groups g ON g.pk = t.grp WHERE g.app = ?1 AND g.id = ?2 ORDER BY t.pk"
                ))
                .map_err(failed)?;
            let mut rows = statement.query(params![app.0, group.as_str()]).map_err(failed)?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                entries.push(entry(c, row, user)?);
            }
            Ok(entries)
        })
    }

    async fn topic_entries(
        &self,
        app: AppId,
        topics: &[TopicId],
        user: Option<&UserId>,
    ) -> Result<Vec<Option<TopicEntry>>, StoreError> {
        self.snapshot(|c| {
            let sql = format!("SELECT {ENTRY} WHERE t.app = ?1 AND t.id = ?2");
            let mut statement = c.prepare_cached(&sql).map_err(failed)?;
            let one = |topic: &TopicId| {
                statement
                    .query_row(params![app.0, topic.as_str()], |row| Ok(entry(c, row, user)))
                    .optional()
                    .map_err(failed)?
                    .transpose()
            };
            topics.iter().map(one).collect()
        })
    }

    async fn topic_flags(
        &self,
        app: AppId,
        group: &GroupId,
        user: &UserId,
    ) -> Result<Vec<(TopicId, MsgFlag)>, StoreError> {
        self.read(|c| {
            let mut statement = c
                .prepare_cached(
                    "SELECT t.id, o.flag FROM groups g
                     JOIN topic_members o ON o.grp = g.pk AND o.user = ?3 AND o.flag IS NOT NULL
                     JOIN topics t ON t.pk = o.topic
                     WHERE g.app = ?1 AND g.id = ?2",
                )
                .map_err(failed)?;
            let mut rows = statement.query(params![app.0, group.as_str(), user.as_str()]).map_err(failed)?;
            let mut flags = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                let (id, flag): (String, String) = (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?);
                flags.push((TopicId::trusted(&id), json("flag", &flag)?));
            }
            Ok(flags)
        })
    }

    async fn topic_count(&self, app: AppId, group: &GroupId) -> Result<u64, StoreError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT count(*) FROM groups g JOIN topics t ON t.grp = g.pk WHERE g.app = ?1 AND g.id = ?2",
            )
            .and_then(|mut s| s.query_row(params![app.0, group.as_str()], |r| r.get(0)))
            .map(uint)
            .map_err(failed)
        })
    }
}

/// The columns [`entry`] reads, and where they are from.
const ENTRY: &str = "t.data, t.pk, t.grp, t.id, t.read_floor, coalesce(v.last_seq, 0), coalesce(v.last_time, 0),
                     coalesce(v.shown_seq, 0), coalesce(v.shown_time, 0), coalesce(v.pk, 0)
                     FROM topics t LEFT JOIN conversations v ON v.app = t.app AND v.kind = 2 AND v.key = t.id";

fn entry(c: &Connection, row: &Row<'_>, user: Option<&UserId>) -> Result<TopicEntry, StoreError> {
    let data: String = row.get(0).map_err(failed)?;
    let position = conversations::position(row, 5)?;
    let own = match user {
        Some(user) => own(c, row, user, position)?,
        None => None,
    };
    Ok(TopicEntry { topic: Arc::new(json("topic", &data)?), position, own })
}

/// What a member has in a topic; `None` for strangers.
fn own(c: &Connection, entry: &Row<'_>, user: &UserId, position: Position) -> Result<Option<TopicMember>, StoreError> {
    let (pk, grp): (i64, i64) = (entry.get(1).map_err(failed)?, entry.get(2).map_err(failed)?);
    let id: String = entry.get(3).map_err(failed)?;
    let read_floor = uint(entry.get(4).map_err(failed)?);
    type Found = (Joining, Option<i64>, i64, i64, Option<String>, i64);
    let found: Option<Found> = c
        .prepare_cached(
            "SELECT m.data ->> '$.joined_at', o.read_seq, coalesce(o.floor_seen, 0), coalesce(o.cleared_seq, 0), o.flag,
                    coalesce(u.until, 0), m.joined_mark
             FROM members m
             LEFT JOIN topic_members o ON o.grp = m.grp AND o.user = m.user AND o.topic = ?3
             LEFT JOIN mutes u ON u.grp = m.grp AND u.topic = ?4 AND u.user = m.user
             WHERE m.grp = ?1 AND m.user = ?2",
        )
        .and_then(|mut s| {
            s.query_row(params![grp, user.as_str(), pk, id], |r| {
                let joining = Joining { at: Timestamp(r.get(0)?), mark: r.get(6)? };
                Ok((joining, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?))
            })
            .optional()
        })
        .map_err(failed)?;
    let Some((joining, read_seq, floor_seen, cleared_seq, flag, until)) = found else { return Ok(None) };
    let joined_seq = newest_before(c, entry.get(9).map_err(failed)?, position, joining)?;
    let read_seq = match read_seq {
        Some(read_seq) if uint(floor_seen) < read_floor => uint(read_seq).max(read_floor),
        Some(read_seq) => uint(read_seq),
        None => joined_seq.max(read_floor),
    };
    Ok(Some(TopicMember {
        joined_seq,
        read_seq,
        cleared_seq: uint(cleared_seq),
        msg_flag: flag.map(|text| json::<MsgFlag>("flag", &text)).transpose()?,
        mute_until: MuteUntil(until),
    }))
}

/// When somebody joined, as exactly as it is known.
#[derive(Clone, Copy)]
struct Joining {
    at: Timestamp,
    /// The newest message of all at that moment.
    mark: Option<i64>,
}

impl Joining {
    /// Whether the message was there already.
    fn is_after(self, id: i64, time: i64) -> bool {
        self.mark.map_or(time <= self.at.0, |mark| id <= mark)
    }
}

/// The number of the newest message of before somebody joined. Numbers, arrivals and times of a topic rise together.
fn newest_before(c: &Connection, conv: i64, position: Position, joining: Joining) -> Result<u64, StoreError> {
    let find = |order: &str, low: u64, high: u64| -> Result<Option<(u64, bool)>, StoreError> {
        c.prepare_cached(&format!(
            "SELECT seq, id, time FROM messages WHERE conv = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq {order} LIMIT 1"
        ))
        .and_then(|mut s| {
            s.query_row(params![conv, int(low), int(high)], |r| {
                Ok((uint(r.get(0)?), joining.is_after(r.get(1)?, r.get(2)?)))
            })
            .optional()
        })
        .map_err(failed)
    };
    // Nearly everybody joined before all that is kept, or after it.
    match find("", 0, position.last_seq)? {
        None => return Ok(position.last_seq),
        Some((oldest, false)) => return Ok(oldest - 1),
        Some((_, true)) => {}
    }
    // What lies up to `low` is not younger, what lies from `high` on is.
    let (mut low, mut high) = match find("DESC", 0, position.last_seq)? {
        Some((_, true)) | None => return Ok(position.last_seq),
        Some((newest, false)) => (0, newest),
    };
    while low + 1 < high {
        let middle = u64::midpoint(low, high);
        match find("DESC", low, middle)? {
            Some((seq, false)) => high = seq,
            Some((_, true)) | None => low = middle,
        }
    }
    Ok(low)
}

/// The row of a topic and of its community.
#[derive(Clone, Copy)]
pub(super) struct TopicState {
    pub(super) pk: i64,
    pub(super) grp: i64,
    pub(super) read_floor: u64,
}

pub(super) fn state(c: &Connection, app: AppId, topic: &TopicId) -> Result<Option<TopicState>, StoreError> {
    c.prepare_cached("SELECT pk, grp, read_floor FROM topics WHERE app = ?1 AND id = ?2")
        .and_then(|mut s| {
            s.query_row(params![app.0, topic.as_str()], |r| {
                Ok(TopicState { pk: r.get(0)?, grp: r.get(1)?, read_floor: uint(r.get(2)?) })
            })
            .optional()
        })
        .map_err(failed)
}

pub(super) fn count(c: &Connection, group: &GroupState) -> Result<u64, StoreError> {
    c.prepare_cached("SELECT count(*) FROM topics WHERE grp = ?1")
        .and_then(|mut s| s.query_row([group.pk], |r| r.get(0)))
        .map(uint)
        .map_err(failed)
}

/// The topics of a community.
pub(super) fn ids(c: &Connection, group: &GroupState) -> Result<Vec<TopicId>, StoreError> {
    c.prepare_cached("SELECT id FROM topics WHERE grp = ?1 ORDER BY pk")
        .and_then(|mut s| s.query_map([group.pk], |r| Ok(TopicId::trusted(&r.get::<_, String>(0)?)))?.collect())
        .map_err(failed)
}

pub(super) fn put(
    c: &Connection,
    app: AppId,
    group: &GroupState,
    known: Option<TopicState>,
    topic: &Topic,
) -> Result<(), StoreError> {
    match known {
        Some(state) => c
            .prepare_cached("UPDATE topics SET data = ?2 WHERE pk = ?1")
            .and_then(|mut s| s.execute(params![state.pk, to_json(topic)])),
        None => c
            .prepare_cached("INSERT INTO topics (app, grp, id, data) VALUES (?1, ?2, ?3, ?4)")
            .and_then(|mut s| s.execute(params![app.0, group.pk, topic.id.as_str(), to_json(topic)])),
    }
    .map(drop)
    .map_err(failed)
}

/// Drops a topic. What members have there is found no more and goes with their membership.
pub(super) fn delete(c: &Connection, state: TopicState, topic: &TopicId) -> Result<(), StoreError> {
    c.prepare_cached("DELETE FROM topics WHERE pk = ?1").and_then(|mut s| s.execute([state.pk])).map_err(failed)?;
    for sql in [
        "DELETE FROM mutes WHERE grp = ?1 AND topic = ?2",
        "DELETE FROM topic_permissions WHERE grp = ?1 AND topic = ?2",
    ] {
        c.prepare_cached(sql).and_then(|mut s| s.execute(params![state.grp, topic.as_str()])).map_err(failed)?;
    }
    Ok(())
}

/// Everybody has read the topic up to a number.
pub(super) fn raise_floor(c: &Connection, state: TopicState, seq: u64) -> Result<(), StoreError> {
    c.prepare_cached("UPDATE topics SET read_floor = max(read_floor, ?2) WHERE pk = ?1")
        .and_then(|mut s| s.execute(params![state.pk, int(seq)]))
        .map(drop)
        .map_err(failed)
}

/// Moves a member's read position forward; anywhere with `force`.
pub(super) fn set_read(
    c: &Connection,
    state: TopicState,
    user: &UserId,
    seq: u64,
    force: bool,
) -> Result<(), StoreError> {
    c.prepare_cached(
        "INSERT INTO topic_members (grp, user, topic, read_seq, floor_seen)
         VALUES (?1, ?2, ?3, CASE WHEN ?5 THEN ?4 ELSE max(?4, ?6) END, ?6)
         ON CONFLICT (grp, user, topic) DO UPDATE SET
             read_seq = CASE WHEN ?5 THEN ?4
                             WHEN floor_seen < ?6 THEN max(coalesce(read_seq, 0), ?4, ?6)
                             ELSE max(coalesce(read_seq, 0), ?4) END,
             floor_seen = ?6",
    )
    .and_then(|mut s| s.execute(params![state.grp, user.as_str(), state.pk, int(seq), force, int(state.read_floor)]))
    .map(drop)
    .map_err(failed)
}

/// A member spoke: everything up to the message is read. Who is no member has no position.
pub(super) fn spoke(c: &Connection, state: TopicState, user: &UserId, seq: u64) -> Result<(), StoreError> {
    let is_member = c
        .prepare_cached("SELECT 1 FROM members WHERE grp = ?1 AND user = ?2")
        .and_then(|mut s| s.exists(params![state.grp, user.as_str()]))
        .map_err(failed)?;
    if is_member { set_read(c, state, user, seq, false) } else { Ok(()) }
}

pub(super) fn set_flag(
    c: &Connection,
    state: TopicState,
    user: &UserId,
    flag: Option<MsgFlag>,
) -> Result<(), StoreError> {
    c.prepare_cached(
        "INSERT INTO topic_members (grp, user, topic, flag) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (grp, user, topic) DO UPDATE SET flag = ?4",
    )
    .and_then(|mut s| s.execute(params![state.grp, user.as_str(), state.pk, flag.map(|flag| to_json(&flag))]))
    .map(drop)
    .map_err(failed)
}

/// Hides everything up to a number from a member, who has read it then.
pub(super) fn clear_history(c: &Connection, state: TopicState, user: &UserId, seq: u64) -> Result<(), StoreError> {
    c.prepare_cached(
        "INSERT INTO topic_members (grp, user, topic, read_seq, floor_seen, cleared_seq) VALUES (?1, ?2, ?3, ?4, ?5, ?4)
         ON CONFLICT (grp, user, topic) DO UPDATE SET
             read_seq = max(coalesce(read_seq, 0), ?4), cleared_seq = max(cleared_seq, ?4), floor_seen = ?5",
    )
    .and_then(|mut s| s.execute(params![state.grp, user.as_str(), state.pk, int(seq), int(state.read_floor)]))
    .map(drop)
    .map_err(failed)
}
