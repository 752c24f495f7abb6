//! Groups.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tsudoi_domain::{AppId, GroupId, TopicId, UserId, conversation::ConversationKey, group::Group, time::Timestamp};

use super::{Sqlite, conversations, failed, int, json, members, to_json, topics, uint};
use crate::{GroupPage, Groups, Joined, StoreError};

#[async_trait]
impl Groups for Sqlite {
    async fn group(&self, app: AppId, group: &GroupId) -> Result<Option<Arc<Group>>, StoreError> {
        self.read(|c| get(c, app, group))
    }

    async fn group_page(
        &self,
        app: AppId,
        group_type: Option<&str>,
        after: u64,
        limit: usize,
    ) -> Result<GroupPage, StoreError> {
        self.read(|c| {
            let total = count(c, app, group_type)?;
            let (after, limit_and_one) = (int(after), int(limit as u64 + 1));
            let row = |r: &Row<'_>| Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?));
            let found = match group_type {
                None => c
                    .prepare_cached("SELECT pk, id FROM groups WHERE app = ?1 AND pk > ?2 ORDER BY pk LIMIT ?3")
                    .and_then(|mut s| s.query_map(params![app.0, after, limit_and_one], row)?.collect()),
                Some(group_type) => c
                    .prepare_cached(
                        "SELECT pk, id FROM groups WHERE app = ?1 AND type = ?2 AND pk > ?3 ORDER BY pk LIMIT ?4",
                    )
                    .and_then(|mut s| s.query_map(params![app.0, group_type, after, limit_and_one], row)?.collect()),
            };
            let mut found: Vec<(i64, String)> = found.map_err(failed)?;
            let more = found.len() > limit;
            found.truncate(limit);
            let next = if more { found.last().map_or(0, |(pk, _)| uint(*pk)) } else { 0 };
            Ok(GroupPage { total, ids: found.into_iter().map(|(_, id)| GroupId::trusted(&id)).collect(), next })
        })
    }

    async fn group_count(&self, app: AppId, group_type: Option<&str>) -> Result<u64, StoreError> {
        self.read(|c| count(c, app, group_type))
    }

    async fn groups_named(
        &self,
        app: AppId,
        types: &[&str],
        words: &str,
        skip: u64,
        limit: usize,
    ) -> Result<(Vec<GroupId>, u64), StoreError> {
        let types = to_json(&types);
        self.snapshot(|c| {
            let total: i64 = c
                .prepare_cached(
                    "SELECT count(*) FROM groups WHERE app = ?1 AND type IN (SELECT value FROM json_each(?2))
                     AND instr(lower(data ->> '$.name'), lower(?3)) > 0",
                )
                .and_then(|mut s| s.query_row(params![app.0, types, words], |r| r.get(0)))
                .map_err(failed)?;
            let ids: Vec<GroupId> = c
                .prepare_cached(
                    "SELECT id FROM groups WHERE app = ?1 AND type IN (SELECT value FROM json_each(?2))
                     AND instr(lower(data ->> '$.name'), lower(?3)) > 0 ORDER BY pk LIMIT ?4 OFFSET ?5",
                )
                .and_then(|mut s| {
                    s.query_map(params![app.0, types, words, int(limit as u64), int(skip)], |r| {
                        Ok(GroupId::trusted(&r.get::<_, String>(0)?))
                    })?
                    .collect()
                })
                .map_err(failed)?;
            Ok((ids, uint(total)))
        })
    }

    async fn joined(&self, app: AppId, user: &UserId) -> Result<Vec<Joined>, StoreError> {
        self.read(|c| {
            let mut statement = c
                .prepare_cached(
                    "SELECT g.member_num, g.revision, g.data, g.read_floor,
                            m.user, m.rank, m.read_seq, m.floor_seen, m.last_spoke_at, m.data, coalesce(t.until, 0), m.cleared_seq,
                            coalesce(v.last_seq, 0), coalesce(v.last_time, 0), coalesce(v.shown_seq, 0),
                            coalesce(v.shown_time, 0)
                     FROM members m
                     JOIN groups g ON g.pk = m.grp
                     LEFT JOIN mutes t ON t.grp = m.grp AND t.topic = '' AND t.user = m.user
                     LEFT JOIN conversations v ON v.app = m.app AND v.kind = 1 AND v.key = g.id
                     WHERE m.app = ?1 AND m.user = ?2 ORDER BY m.pk",
                )
                .map_err(failed)?;
            let mut rows = statement.query(params![app.0, user.as_str()]).map_err(failed)?;
            let mut joined = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                let read_floor = uint(row.get(3).map_err(failed)?);
                joined.push(Joined {
                    group: Arc::new(group(row, 0)?),
                    member: Arc::new(members::member(row, 4, read_floor)?),
                    position: conversations::position(row, 12)?,
                });
            }
            Ok(joined)
        })
    }
}

fn count(c: &Connection, app: AppId, group_type: Option<&str>) -> Result<u64, StoreError> {
    match group_type {
        None => c
            .prepare_cached("SELECT coalesce(sum(number), 0) FROM group_counts WHERE app = ?1")
            .and_then(|mut s| s.query_row([app.0], |r| r.get(0))),
        Some(group_type) => c
            .prepare_cached("SELECT coalesce(sum(number), 0) FROM group_counts WHERE app = ?1 AND type = ?2")
            .and_then(|mut s| s.query_row(params![app.0, group_type], |r| r.get(0))),
    }
    .map(uint)
    .map_err(failed)
}

fn get(c: &Connection, app: AppId, id: &GroupId) -> Result<Option<Arc<Group>>, StoreError> {
    c.prepare_cached("SELECT member_num, revision, data FROM groups WHERE app = ?1 AND id = ?2")
        .and_then(|mut s| s.query_row(params![app.0, id.as_str()], |r| Ok(group(r, 0))).optional())
        .map_err(failed)?
        .transpose()
        .map(|found| found.map(Arc::new))
}

/// Reads `member_num, revision, data` from a column on.
fn group(row: &Row<'_>, at: usize) -> Result<Group, StoreError> {
    let text: String = row.get(at + 2).map_err(failed)?;
    Ok(Group {
        member_num: uint(row.get(at).map_err(failed)?),
        revision: uint(row.get(at + 1).map_err(failed)?),
        ..json("group", &text)?
    })
}

/// What the writer knows of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupState {
    pub(super) pk: i64,
    pub(super) revision: u64,
    pub(super) member_num: u64,
    pub(super) read_floor: u64,
}

pub(super) fn state(c: &Connection, app: AppId, id: &GroupId) -> Result<Option<GroupState>, StoreError> {
    c.prepare_cached("SELECT pk, revision, member_num, read_floor FROM groups WHERE app = ?1 AND id = ?2")
        .and_then(|mut s| {
            s.query_row(params![app.0, id.as_str()], |r| {
                Ok(GroupState {
                    pk: r.get(0)?,
                    revision: uint(r.get(1)?),
                    member_num: uint(r.get(2)?),
                    read_floor: uint(r.get(3)?),
                })
            })
            .optional()
        })
        .map_err(failed)
}

/// Revisions of a group begin at its row number shifted so far: a decision about a dissolved group does not fit its
/// successor with the same id.
const REVISION_BITS: u32 = 24;

pub(super) fn create(c: &Connection, app: AppId, group: &Group) -> Result<GroupState, StoreError> {
    c.prepare_cached("INSERT INTO groups (app, id, type, revision, data) VALUES (?1, ?2, ?3, 0, ?4)")
        .and_then(|mut s| s.execute(params![app.0, group.id.as_str(), group.group_type.as_str(), to_json(group)]))
        .map_err(failed)?;
    let state = GroupState {
        pk: c.last_insert_rowid(),
        revision: uint(c.last_insert_rowid() << REVISION_BITS),
        member_num: 0,
        read_floor: 0,
    };
    put_state(c, &state)?;
    count_groups(c, app, group.group_type.as_str(), 1)?;
    Ok(state)
}

pub(super) fn update(c: &Connection, state: &GroupState, group: &Group) -> Result<(), StoreError> {
    c.prepare_cached("UPDATE groups SET data = ?2 WHERE pk = ?1")
        .and_then(|mut s| s.execute(params![state.pk, to_json(group)]))
        .map(drop)
        .map_err(failed)
}

/// Stores what the writer knows of a group.
pub(super) fn put_state(c: &Connection, state: &GroupState) -> Result<(), StoreError> {
    c.prepare_cached("UPDATE groups SET revision = ?2, member_num = ?3, read_floor = ?4 WHERE pk = ?1")
        .and_then(|mut s| {
            s.execute(params![state.pk, int(state.revision), int(state.member_num), int(state.read_floor)])
        })
        .map(drop)
        .map_err(failed)
}

/// Somebody came or went.
pub(super) fn touch(c: &Connection, state: &GroupState, at: Timestamp) -> Result<(), StoreError> {
    c.prepare_cached("UPDATE groups SET touched_at = max(touched_at, ?2) WHERE pk = ?1")
        .and_then(|mut s| s.execute(params![state.pk, at.0]))
        .map(drop)
        .map_err(failed)
}

/// A group with the number of members that it has.
type Miscounted = (AppId, GroupId, u64);

/// Groups among `limit` after a row that say another number of members than they have, with the right number, and the row to go
/// on after, 0 at the end.
pub(super) fn miscounted(c: &Connection, after: u64, limit: usize) -> Result<(Vec<Miscounted>, u64), StoreError> {
    let looked_at: Vec<(i64, AppId, GroupId, i64, i64)> = c
        .prepare_cached(
            "SELECT g.pk, g.app, g.id, g.member_num, (SELECT count(*) FROM members m WHERE m.grp = g.pk)
             FROM groups g WHERE g.pk > ?1 ORDER BY g.pk LIMIT ?2",
        )
        .and_then(|mut s| {
            s.query_map(params![int(after), int(limit as u64)], |r| {
                Ok((r.get(0)?, AppId(r.get(1)?), GroupId::trusted(&r.get::<_, String>(2)?), r.get(3)?, r.get(4)?))
            })?
            .collect()
        })
        .map_err(failed)?;
    let next = if looked_at.len() < limit { 0 } else { looked_at.last().map_or(0, |(pk, ..)| uint(*pk)) };
    let wrong = looked_at.into_iter().filter(|(.., said, counted)| said != counted);
    Ok((wrong.map(|(_, app, id, _, counted)| (app, id, uint(counted))).collect(), next))
}

fn count_groups(c: &Connection, app: AppId, group_type: &str, change: i64) -> Result<(), StoreError> {
    c.prepare_cached(
        "INSERT INTO group_counts (app, type, number) VALUES (?1, ?2, ?3)
         ON CONFLICT (app, type) DO UPDATE SET number = number + ?3",
    )
    .and_then(|mut s| s.execute(params![app.0, group_type, change]))
    .map(drop)
    .map_err(failed)
}

/// Drops a group with its topics and conversations; what hangs on their rows is deleted bit by bit. Answers the topics.
pub(super) fn delete(c: &Connection, app: AppId, state: &GroupState, id: &GroupId) -> Result<Vec<TopicId>, StoreError> {
    let group_type: String = c
        .prepare_cached("DELETE FROM groups WHERE pk = ?1 RETURNING type")
        .and_then(|mut s| s.query_row([state.pk], |r| r.get(0)))
        .map_err(failed)?;
    count_groups(c, app, &group_type, -1)?;
    c.prepare_cached("INSERT INTO dead_groups (pk) VALUES (?1)")
        .and_then(|mut s| s.execute([state.pk]))
        .map_err(failed)?;
    conversations::delete(c, app, &ConversationKey::Group(id.clone()))?;
    let topics = topics::ids(c, state)?;
    for topic in &topics {
        conversations::delete(c, app, &ConversationKey::Topic(topic.clone()))?;
    }
    c.prepare_cached("DELETE FROM topics WHERE grp = ?1").and_then(|mut s| s.execute([state.pk])).map_err(failed)?;
    Ok(topics)
}
