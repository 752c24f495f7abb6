//! Groups.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tsudoi_domain::{AppId, GroupId, UserId, conversation::ConversationKey, group::Group};

use super::{Sqlite, conversations, failed, int, json, members, to_json, uint};
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
            let mut statement = c
                .prepare_cached(
                    "SELECT pk, id FROM groups WHERE app = ?1 AND (?2 IS NULL OR type = ?2) AND pk > ?3 ORDER BY pk LIMIT ?4",
                )
                .map_err(failed)?;
            let rows = statement
                .query_map(params![app.0, group_type, int(after), int(limit as u64 + 1)], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?)))
                .map_err(failed)?;
            let mut found = rows.collect::<Result<Vec<_>, _>>().map_err(failed)?;
            let more = found.len() > limit;
            found.truncate(limit);
            let next = if more { found.last().map_or(0, |(pk, _)| uint(*pk)) } else { 0 };
            Ok(GroupPage { total, ids: found.into_iter().map(|(_, id)| GroupId::trusted(&id)).collect(), next })
        })
    }

    async fn group_count(&self, app: AppId, group_type: Option<&str>) -> Result<u64, StoreError> {
        self.read(|c| count(c, app, group_type))
    }

    async fn joined(&self, app: AppId, user: &UserId) -> Result<Vec<Joined>, StoreError> {
        self.read(|c| {
            let mut statement = c
                .prepare_cached(
                    "SELECT g.member_num, g.revision, g.data, m.user, m.role, m.read_seq, m.last_spoke_at, m.data, coalesce(t.until, 0),
                            coalesce(v.last_seq, 0), coalesce(v.last_time, 0), coalesce(v.shown_seq, 0), coalesce(v.shown_time, 0)
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
                joined.push(Joined {
                    group: Arc::new(group(row, 0)?),
                    member: Arc::new(members::member(row, 3)?),
                    position: conversations::position(row, 9)?,
                });
            }
            Ok(joined)
        })
    }
}

fn count(c: &Connection, app: AppId, group_type: Option<&str>) -> Result<u64, StoreError> {
    c.prepare_cached("SELECT count(*) FROM groups WHERE app = ?1 AND (?2 IS NULL OR type = ?2)")
        .and_then(|mut s| s.query_row(params![app.0, group_type], |r| r.get(0)))
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
}

pub(super) fn state(c: &Connection, app: AppId, id: &GroupId) -> Result<Option<GroupState>, StoreError> {
    c.prepare_cached("SELECT pk, revision, member_num FROM groups WHERE app = ?1 AND id = ?2")
        .and_then(|mut s| {
            s.query_row(params![app.0, id.as_str()], |r| {
                Ok(GroupState { pk: r.get(0)?, revision: uint(r.get(1)?), member_num: uint(r.get(2)?) })
            })
            .optional()
        })
        .map_err(failed)
}

pub(super) fn create(c: &Connection, app: AppId, group: &Group) -> Result<GroupState, StoreError> {
    c.prepare_cached("INSERT INTO groups (app, id, type, data) VALUES (?1, ?2, ?3, ?4)")
        .and_then(|mut s| s.execute(params![app.0, group.id.as_str(), group.group_type.as_str(), to_json(group)]))
        .map_err(failed)?;
    Ok(GroupState { pk: c.last_insert_rowid(), revision: 1, member_num: 0 })
}

pub(super) fn update(c: &Connection, state: &GroupState, group: &Group) -> Result<(), StoreError> {
    c.prepare_cached("UPDATE groups SET revision = revision + 1, data = ?2 WHERE pk = ?1")
        .and_then(|mut s| s.execute(params![state.pk, to_json(group)]))
        .map(drop)
        .map_err(failed)
}

/// Something that takes a right away happened: decisions made before it have to be made again.
pub(super) fn bump(c: &Connection, state: &GroupState) -> Result<(), StoreError> {
    c.prepare_cached("UPDATE groups SET revision = revision + 1 WHERE pk = ?1")
        .and_then(|mut s| s.execute([state.pk]))
        .map(drop)
        .map_err(failed)
}

pub(super) fn count_members(c: &Connection, state: &GroupState, change: i64) -> Result<(), StoreError> {
    c.prepare_cached("UPDATE groups SET member_num = member_num + ?2 WHERE pk = ?1")
        .and_then(|mut s| s.execute(params![state.pk, change]))
        .map(drop)
        .map_err(failed)
}

pub(super) fn delete(c: &Connection, app: AppId, state: &GroupState, id: &GroupId) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM members WHERE grp = ?1",
        "DELETE FROM mutes WHERE grp = ?1",
        "DELETE FROM bans WHERE grp = ?1",
        "DELETE FROM applications WHERE grp = ?1",
        "DELETE FROM groups WHERE pk = ?1",
    ] {
        c.prepare_cached(sql).and_then(|mut s| s.execute([state.pk])).map_err(failed)?;
    }
    conversations::delete(c, app, &ConversationKey::Group(id.clone()))
}
