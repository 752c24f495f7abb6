//! Live rooms: who is in them, and what was decided about people in them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use tsudoi_domain::{
    AppId, GroupId, UserId,
    live::LiveMembers,
    time::{MuteUntil, Timestamp},
};

use super::{Sqlite, failed, groups::GroupState, int, uint};
use crate::{LiveRoom, LiveRooms, StoreError};

/// What is kept of rooms, each with the group's key and id in front.
const NUMBERS: &str = "SELECT g.id, n.reserved FROM live_numbers n JOIN groups g ON g.pk = n.grp WHERE g.app = ?1";
const MEMBERS: &str = "SELECT g.id, m.user, m.entered_at, m.place FROM live_members m JOIN groups g ON g.pk = m.grp
     WHERE g.app = ?1";
const ADMINS: &str = "SELECT g.id, a.user FROM live_admins a JOIN groups g ON g.pk = a.grp WHERE g.app = ?1";
const MARKS: &str = "SELECT g.id, k.user, k.mark, k.until FROM live_marks k JOIN groups g ON g.pk = k.grp
     WHERE g.app = ?1";

fn each(
    c: &Connection,
    sql: &str,
    app: AppId,
    mut take: impl FnMut(String, &Row<'_>) -> rusqlite::Result<()>,
) -> Result<(), StoreError> {
    let mut statement = c.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query([app.0]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        take(row.get(0).map_err(failed)?, row).map_err(failed)?;
    }
    Ok(())
}

fn user(row: &Row<'_>) -> rusqlite::Result<UserId> {
    Ok(UserId::trusted(&row.get::<_, String>(1)?))
}

fn room(rooms: &mut BTreeMap<String, LiveRoom>, id: String) -> &mut LiveRoom {
    let group = GroupId::trusted(&id);
    let empty = LiveRoom { group, reserved_seq: 0, members: Vec::new(), admins: Vec::new(), marks: Vec::new() };
    rooms.entry(id).or_insert(empty)
}

#[async_trait]
impl LiveRooms for Sqlite {
    async fn live_rooms(&self, app: AppId) -> Result<Vec<LiveRoom>, StoreError> {
        self.snapshot(|c| {
            let mut rooms: BTreeMap<String, LiveRoom> = BTreeMap::new();
            each(c, NUMBERS, app, |id, row| {
                room(&mut rooms, id).reserved_seq = uint(row.get(1)?);
                Ok(())
            })?;
            each(c, MEMBERS, app, |id, row| {
                let member = (user(row)?, Timestamp(row.get(2)?), uint(row.get(3)?));
                room(&mut rooms, id).members.push(member);
                Ok(())
            })?;
            each(c, ADMINS, app, |id, row| {
                room(&mut rooms, id).admins.push(user(row)?);
                Ok(())
            })?;
            each(c, MARKS, app, |id, row| {
                room(&mut rooms, id).marks.push((user(row)?, row.get(2)?, MuteUntil(row.get(3)?)));
                Ok(())
            })?;
            Ok(rooms.into_values().collect())
        })
    }

    async fn broadcast_seq(&self, app: AppId) -> Result<u64, StoreError> {
        self.snapshot(|c| {
            let newest = c
                .prepare_cached("SELECT newest FROM broadcast_numbers WHERE app = ?1")
                .and_then(|mut s| s.query_row([app.0], |row| row.get(0)).optional());
            Ok(newest.map_err(failed)?.map_or(0, uint))
        })
    }
}

pub(super) fn put_members(c: &Connection, state: &GroupState, members: &LiveMembers) -> Result<(), StoreError> {
    for (user, entered_at, place) in &members.entered {
        c.prepare_cached(
            "INSERT INTO live_members (grp, user, entered_at, place) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (grp, user) DO UPDATE SET entered_at = ?3, place = ?4",
        )
        .and_then(|mut s| s.execute(params![state.pk, user.as_str(), entered_at.0, int(*place)]))
        .map_err(failed)?;
    }
    for user in &members.left {
        c.prepare_cached("DELETE FROM live_members WHERE grp = ?1 AND user = ?2")
            .and_then(|mut s| s.execute(params![state.pk, user.as_str()]))
            .map_err(failed)?;
    }
    for user in members.entered.iter().map(|(user, ..)| user).chain(&members.left) {
        c.prepare_cached("DELETE FROM live_marks WHERE grp = ?1 AND user = ?2")
            .and_then(|mut s| s.execute(params![state.pk, user.as_str()]))
            .map_err(failed)?;
    }
    for (user, mark, until) in &members.marks {
        set_mark(c, state, user, *mark, *until)?;
    }
    c.prepare_cached(
        "INSERT INTO live_numbers (grp, reserved) VALUES (?1, ?2) ON CONFLICT (grp) DO UPDATE SET reserved = ?2",
    )
    .and_then(|mut s| s.execute(params![state.pk, int(members.reserved_seq)]))
    .map(drop)
    .map_err(failed)
}

pub(super) fn set_broadcast_seq(c: &Connection, app: AppId, seq: u64) -> Result<(), StoreError> {
    c.prepare_cached(
        "INSERT INTO broadcast_numbers (app, newest) VALUES (?1, ?2)
         ON CONFLICT (app) DO UPDATE SET newest = max(newest, ?2)",
    )
    .and_then(|mut s| s.execute(params![app.0, int(seq)]))
    .map(drop)
    .map_err(failed)
}

pub(super) fn set_admin(c: &Connection, state: &GroupState, user: &UserId, admin: bool) -> Result<(), StoreError> {
    let sql = if admin {
        "INSERT INTO live_admins (grp, user) VALUES (?1, ?2) ON CONFLICT DO NOTHING"
    } else {
        "DELETE FROM live_admins WHERE grp = ?1 AND user = ?2"
    };
    c.prepare_cached(sql).and_then(|mut s| s.execute(params![state.pk, user.as_str()])).map(drop).map_err(failed)
}

pub(super) fn set_mark(
    c: &Connection,
    state: &GroupState,
    user: &UserId,
    mark: u32,
    until: MuteUntil,
) -> Result<(), StoreError> {
    if until == MuteUntil::NEVER {
        return c
            .prepare_cached("DELETE FROM live_marks WHERE grp = ?1 AND user = ?2 AND mark = ?3")
            .and_then(|mut s| s.execute(params![state.pk, user.as_str(), mark]))
            .map(drop)
            .map_err(failed);
    }
    c.prepare_cached(
        "INSERT INTO live_marks (grp, user, mark, until) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (grp, user, mark) DO UPDATE SET until = ?4",
    )
    .and_then(|mut s| s.execute(params![state.pk, user.as_str(), mark, until.0]))
    .map(drop)
    .map_err(failed)
}
