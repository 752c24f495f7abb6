//! Permission groups of communities.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tsudoi_domain::{
    AppId, GroupId, TopicId, UserId,
    group::permission_group::{Grants, PermissionGroup},
    time::Timestamp,
};

use super::{Sqlite, failed, groups, groups::GroupState, int, uint};
use crate::{PermissionGroups, StoreError};

const COLUMNS: &str = "id, name, permission, custom_string, created_at, member_num";

#[async_trait]
impl PermissionGroups for Sqlite {
    async fn permission_group(
        &self,
        app: AppId,
        group: &GroupId,
        id: &str,
    ) -> Result<Option<PermissionGroup>, StoreError> {
        self.read(|c| {
            let Some(state) = groups::state(c, app, group)? else { return Ok(None) };
            c.prepare_cached(&format!("SELECT {COLUMNS} FROM permission_groups WHERE grp = ?1 AND id = ?2"))
                .and_then(|mut s| s.query_row(params![state.pk, id], |r| read_group(r, group)).optional())
                .map_err(failed)
        })
    }

    async fn permission_groups(
        &self,
        app: AppId,
        group: &GroupId,
        after: &str,
        limit: usize,
    ) -> Result<Vec<PermissionGroup>, StoreError> {
        self.read(|c| {
            let Some(state) = groups::state(c, app, group)? else { return Ok(Vec::new()) };
            c.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM permission_groups WHERE grp = ?1 AND id > ?2 ORDER BY id LIMIT ?3"
            ))
            .and_then(|mut s| {
                s.query_map(params![state.pk, after, int(limit as u64)], |r| read_group(r, group))?.collect()
            })
            .map_err(failed)
        })
    }

    async fn topic_permissions(
        &self,
        app: AppId,
        group: &GroupId,
        id: &str,
    ) -> Result<Vec<(TopicId, u64)>, StoreError> {
        self.read(|c| {
            let Some(state) = groups::state(c, app, group)? else { return Ok(Vec::new()) };
            c.prepare_cached(
                "SELECT topic, permission FROM topic_permissions WHERE grp = ?1 AND id = ?2 ORDER BY topic",
            )
            .and_then(|mut s| s.query_map(params![state.pk, id], topic_mask)?.collect())
            .map_err(failed)
        })
    }

    async fn permission_members(
        &self,
        app: AppId,
        group: &GroupId,
        id: &str,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        self.read(|c| {
            let Some(state) = groups::state(c, app, group)? else { return Ok(Vec::new()) };
            let after = after.map_or("", UserId::as_str);
            c.prepare_cached(
                "SELECT user FROM permission_members WHERE grp = ?1 AND id = ?2 AND user > ?3 ORDER BY user LIMIT ?4",
            )
            .and_then(|mut s| {
                s.query_map(params![state.pk, id, after, int(limit as u64)], |r| {
                    Ok(UserId::trusted(&r.get::<_, String>(0)?))
                })?
                .collect()
            })
            .map_err(failed)
        })
    }

    async fn permission_groups_of(
        &self,
        app: AppId,
        group: &GroupId,
        user: &UserId,
    ) -> Result<Vec<String>, StoreError> {
        self.read(|c| match groups::state(c, app, group)? {
            Some(state) => ids_of(c, &state, user),
            None => Ok(Vec::new()),
        })
    }

    async fn grants(&self, app: AppId, group: &GroupId, user: &UserId) -> Result<Arc<Grants>, StoreError> {
        self.snapshot(|c| {
            let mut grants = Grants::default();
            let Some(state) = groups::state(c, app, group)? else { return Ok(Arc::new(grants)) };
            for id in ids_of(c, &state, user)? {
                let mask: Option<i64> = c
                    .prepare_cached("SELECT permission FROM permission_groups WHERE grp = ?1 AND id = ?2")
                    .and_then(|mut s| s.query_row(params![state.pk, id], |r| r.get(0)).optional())
                    .map_err(failed)?;
                grants.community |= mask.unwrap_or(0).cast_unsigned();
                let topics: Vec<(TopicId, u64)> = c
                    .prepare_cached(
                        "SELECT topic, permission FROM topic_permissions WHERE grp = ?1 AND id = ?2 ORDER BY topic",
                    )
                    .and_then(|mut s| s.query_map(params![state.pk, id], topic_mask)?.collect())
                    .map_err(failed)?;
                for (topic, mask) in topics {
                    *grants.topics.entry(topic).or_default() |= mask;
                }
            }
            Ok(Arc::new(grants))
        })
    }
}

fn read_group(row: &Row<'_>, group: &GroupId) -> rusqlite::Result<PermissionGroup> {
    Ok(PermissionGroup {
        group: group.clone(),
        id: row.get(0)?,
        name: row.get(1)?,
        permission: row.get::<_, i64>(2)?.cast_unsigned(),
        custom_string: row.get(3)?,
        created_at: Timestamp(row.get(4)?),
        member_num: uint(row.get(5)?),
    })
}

fn topic_mask(row: &Row<'_>) -> rusqlite::Result<(TopicId, u64)> {
    Ok((TopicId::trusted(&row.get::<_, String>(0)?), row.get::<_, i64>(1)?.cast_unsigned()))
}

fn ids_of(c: &Connection, state: &GroupState, user: &UserId) -> Result<Vec<String>, StoreError> {
    c.prepare_cached("SELECT id FROM permission_members WHERE grp = ?1 AND user = ?2 ORDER BY id")
        .and_then(|mut s| s.query_map(params![state.pk, user.as_str()], |r| r.get(0))?.collect())
        .map_err(failed)
}

pub(super) fn exists(c: &Connection, state: &GroupState, id: &str) -> Result<bool, StoreError> {
    c.prepare_cached("SELECT 1 FROM permission_groups WHERE grp = ?1 AND id = ?2")
        .and_then(|mut s| s.exists(params![state.pk, id]))
        .map_err(failed)
}

pub(super) fn put(c: &Connection, state: &GroupState, group: &PermissionGroup) -> Result<(), StoreError> {
    c.prepare_cached(
        "INSERT INTO permission_groups (grp, id, name, permission, custom_string, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (grp, id) DO UPDATE SET name = ?3, permission = ?4, custom_string = ?5",
    )
    .and_then(|mut s| {
        s.execute(params![
            state.pk,
            group.id,
            group.name,
            group.permission.cast_signed(),
            group.custom_string,
            group.created_at.0
        ])
    })
    .map(drop)
    .map_err(failed)
}

pub(super) fn delete(c: &Connection, state: &GroupState, id: &str) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM permission_groups WHERE grp = ?1 AND id = ?2",
        "DELETE FROM topic_permissions WHERE grp = ?1 AND id = ?2",
        "DELETE FROM permission_members WHERE grp = ?1 AND id = ?2",
    ] {
        c.prepare_cached(sql).and_then(|mut s| s.execute(params![state.pk, id])).map_err(failed)?;
    }
    Ok(())
}

pub(super) fn set_topic(
    c: &Connection,
    state: &GroupState,
    id: &str,
    topic: &TopicId,
    permission: Option<u64>,
) -> Result<(), StoreError> {
    match permission {
        Some(mask) => c
            .prepare_cached(
                "INSERT INTO topic_permissions (grp, id, topic, permission) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (grp, id, topic) DO UPDATE SET permission = ?4",
            )
            .and_then(|mut s| s.execute(params![state.pk, id, topic.as_str(), mask.cast_signed()])),
        None => c
            .prepare_cached("DELETE FROM topic_permissions WHERE grp = ?1 AND id = ?2 AND topic = ?3")
            .and_then(|mut s| s.execute(params![state.pk, id, topic.as_str()])),
    }
    .map(drop)
    .map_err(failed)
}

pub(super) fn put_member(c: &Connection, state: &GroupState, id: &str, user: &UserId) -> Result<(), StoreError> {
    let added = c
        .prepare_cached("INSERT INTO permission_members (grp, id, user) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")
        .and_then(|mut s| s.execute(params![state.pk, id, user.as_str()]))
        .map_err(failed)?;
    if added > 0 { count(c, state, id, 1) } else { Ok(()) }
}

/// Ends a membership; answers whether there was one.
pub(super) fn delete_member(c: &Connection, state: &GroupState, id: &str, user: &UserId) -> Result<bool, StoreError> {
    let deleted = c
        .prepare_cached("DELETE FROM permission_members WHERE grp = ?1 AND id = ?2 AND user = ?3")
        .and_then(|mut s| s.execute(params![state.pk, id, user.as_str()]))
        .map_err(failed)?;
    if deleted > 0 {
        count(c, state, id, -1)?;
    }
    Ok(deleted > 0)
}

/// A member leaves the community.
pub(super) fn leave_all(c: &Connection, state: &GroupState, user: &UserId) -> Result<(), StoreError> {
    for id in ids_of(c, state, user)? {
        delete_member(c, state, &id, user)?;
    }
    Ok(())
}

fn count(c: &Connection, state: &GroupState, id: &str, change: i64) -> Result<(), StoreError> {
    c.prepare_cached("UPDATE permission_groups SET member_num = member_num + ?3 WHERE grp = ?1 AND id = ?2")
        .and_then(|mut s| s.execute(params![state.pk, id, change]))
        .map(drop)
        .map_err(failed)
}
