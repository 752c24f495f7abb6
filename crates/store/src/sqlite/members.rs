//! Members, mutes, bans and applications.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    AppId, GroupId, TopicId, UserId,
    group::MsgFlag,
    join::Application,
    member::Member,
    permission::Role,
    time::{MuteUntil, Timestamp},
};

use super::{
    Sqlite, failed,
    groups::{self, GroupState},
    int, json, permission_groups, to_json, uint,
};
use crate::{Members, StoreError};

const MEMBER: &str =
    "m.user, m.rank, m.read_seq, m.floor_seen, m.last_spoke_at, m.data, coalesce(t.until, 0), m.cleared_seq";
const FROM_MEMBERS: &str = "FROM members m LEFT JOIN mutes t ON t.grp = m.grp AND t.topic = '' AND t.user = m.user";

/// The order of ranks in pages; the place is the rank column.
const RANKS: [Role; 3] = [Role::Owner, Role::Admin, Role::Member];

#[async_trait]
impl Members for Sqlite {
    async fn member(&self, app: AppId, group: &GroupId, user: &UserId) -> Result<Option<Arc<Member>>, StoreError> {
        self.read(|c| match groups::state(c, app, group)? {
            Some(state) => get(c, &state, user),
            None => Ok(None),
        })
    }

    async fn members(
        &self,
        app: AppId,
        group: &GroupId,
        users: &[UserId],
    ) -> Result<Vec<Option<Arc<Member>>>, StoreError> {
        self.read(|c| match groups::state(c, app, group)? {
            Some(state) => users.iter().map(|user| get(c, &state, user)).collect(),
            None => Ok(vec![None; users.len()]),
        })
    }

    async fn member_page(
        &self,
        app: AppId,
        group: &GroupId,
        roles: &[Role],
        offset: u64,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<Arc<Member>>, u64), StoreError> {
        self.snapshot(|c| match groups::state(c, app, group)? {
            Some(state) => page(c, &state, roles, offset, Cursor::parse(after), limit),
            None => Ok((Vec::new(), 0)),
        })
    }

    async fn mutes(
        &self,
        app: AppId,
        group: &GroupId,
        topic: Option<&TopicId>,
        now: Timestamp,
    ) -> Result<Vec<(UserId, MuteUntil)>, StoreError> {
        self.read(|c| {
            let Some(grp) = pk(c, app, group)? else { return Ok(Vec::new()) };
            users_until(
                c,
                "SELECT user, until FROM mutes WHERE grp = ?1 AND topic = ?2 AND until > ?3 ORDER BY user",
                params![grp, topic.map_or("", TopicId::as_str), now.0],
            )
        })
    }

    async fn mute(
        &self,
        app: AppId,
        group: &GroupId,
        topic: Option<&TopicId>,
        user: &UserId,
    ) -> Result<MuteUntil, StoreError> {
        self.read(|c| {
            let Some(grp) = pk(c, app, group)? else { return Ok(MuteUntil::NEVER) };
            until(
                c,
                "SELECT until FROM mutes WHERE grp = ?1 AND topic = ?2 AND user = ?3",
                params![grp, topic.map_or("", TopicId::as_str), user.as_str()],
            )
        })
    }

    async fn bans(
        &self,
        app: AppId,
        group: &GroupId,
        now: Timestamp,
        offset: u64,
        limit: usize,
    ) -> Result<Vec<(UserId, MuteUntil)>, StoreError> {
        self.read(|c| {
            let Some(grp) = pk(c, app, group)? else { return Ok(Vec::new()) };
            users_until(
                c,
                "SELECT user, until FROM bans WHERE grp = ?1 AND until > ?2 ORDER BY user LIMIT ?3 OFFSET ?4",
                params![grp, now.0, int(limit as u64), int(offset)],
            )
        })
    }

    async fn ban(&self, app: AppId, group: &GroupId, user: &UserId) -> Result<MuteUntil, StoreError> {
        self.read(|c| {
            let Some(grp) = pk(c, app, group)? else { return Ok(MuteUntil::NEVER) };
            until(c, "SELECT until FROM bans WHERE grp = ?1 AND user = ?2", params![grp, user.as_str()])
        })
    }

    async fn application(
        &self,
        app: AppId,
        group: &GroupId,
        applicant: &UserId,
    ) -> Result<Option<Application>, StoreError> {
        self.read(|c| {
            let Some(grp) = pk(c, app, group)? else { return Ok(None) };
            c.prepare_cached("SELECT data FROM applications WHERE grp = ?1 AND applicant = ?2")
                .and_then(|mut s| s.query_row(params![grp, applicant.as_str()], |r| r.get::<_, String>(0)).optional())
                .map_err(failed)?
                .map(|text| json("application", &text))
                .transpose()
        })
    }

    async fn applications_for(&self, app: AppId, user: &UserId, limit: usize) -> Result<Vec<Application>, StoreError> {
        self.read(|c| {
            let mut statement = c
                .prepare_cached(
                    "SELECT a.data FROM members m
                     JOIN groups g ON g.pk = m.grp
                     JOIN applications a ON a.grp = m.grp
                     WHERE m.app = ?1 AND m.user = ?2 AND m.rank < 2 ORDER BY a.key DESC LIMIT ?3",
                )
                .map_err(failed)?;
            let rows = statement
                .query_map(params![app.0, user.as_str(), int(limit as u64)], |r| r.get::<_, String>(0))
                .map_err(failed)?;
            rows.map(|text| json("application", &text.map_err(failed)?)).collect()
        })
    }
}

fn pk(c: &Connection, app: AppId, group: &GroupId) -> Result<Option<i64>, StoreError> {
    c.prepare_cached("SELECT pk FROM groups WHERE app = ?1 AND id = ?2")
        .and_then(|mut s| s.query_row(params![app.0, group.as_str()], |r| r.get(0)).optional())
        .map_err(failed)
}

/// The last member of a page: rank and place in the order of joining. Holds whatever happens to that member.
#[derive(Clone, Copy)]
struct Cursor {
    rank: i64,
    pk: i64,
}

impl Cursor {
    fn parse(cursor: u64) -> Self {
        Self { rank: int(cursor % 4), pk: int(cursor / 4) }
    }

    fn number(self) -> u64 {
        uint(self.pk) * 4 + uint(self.rank)
    }
}

/// A page of members and the cursor of the next one. Rank by rank, so that each part is a range of the index.
fn page(
    c: &Connection,
    state: &GroupState,
    roles: &[Role],
    offset: u64,
    after: Cursor,
    limit: usize,
) -> Result<(Vec<Arc<Member>>, u64), StoreError> {
    let mut page = Vec::new();
    let mut last = after;
    let mut to_skip = offset;
    for (rank, role) in (0..).zip(RANKS) {
        if rank < after.rank || !(roles.is_empty() || roles.contains(&role)) {
            continue;
        }
        let mut from = if rank == after.rank { after.pk } else { 0 };
        if to_skip > 0 {
            let (skipped, pk) = skip(c, state, rank, from, to_skip)?;
            to_skip -= skipped;
            if to_skip > 0 {
                continue;
            }
            from = pk;
        }
        // One more than fits tells whether there is a next page.
        let wanted = int((limit - page.len()) as u64 + 1);
        let mut statement = c
            .prepare_cached(&format!(
                "SELECT {MEMBER}, m.pk {FROM_MEMBERS} WHERE m.grp = ?1 AND m.rank = ?2 AND m.pk > ?3 ORDER BY m.pk LIMIT ?4"
            ))
            .map_err(failed)?;
        let mut rows = statement.query(params![state.pk, rank, from, wanted]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            if page.len() == limit {
                return Ok((page, last.number()));
            }
            page.push(Arc::new(member(row, 0, state.read_floor)?));
            last = Cursor { rank, pk: row.get(8).map_err(failed)? };
        }
    }
    Ok((page, 0))
}

/// Passes over members of a rank, reading only the index; answers how many there were and the last of them.
fn skip(c: &Connection, state: &GroupState, rank: i64, from: i64, number: u64) -> Result<(u64, i64), StoreError> {
    c.prepare_cached(
        "SELECT count(*), coalesce(max(pk), ?3)
         FROM (SELECT pk FROM members WHERE grp = ?1 AND rank = ?2 AND pk > ?3 ORDER BY pk LIMIT ?4)",
    )
    .and_then(|mut s| s.query_row(params![state.pk, rank, from, int(number)], |r| Ok((uint(r.get(0)?), r.get(1)?))))
    .map_err(failed)
}

fn get(c: &Connection, state: &GroupState, user: &UserId) -> Result<Option<Arc<Member>>, StoreError> {
    c.prepare_cached(&format!("SELECT {MEMBER} {FROM_MEMBERS} WHERE m.grp = ?1 AND m.user = ?2"))
        .and_then(|mut s| {
            s.query_row(params![state.pk, user.as_str()], |r| Ok(member(r, 0, state.read_floor))).optional()
        })
        .map_err(failed)?
        .transpose()
        .map(|found| found.map(Arc::new))
}

fn users_until(
    c: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<(UserId, MuteUntil)>, StoreError> {
    let mut statement = c.prepare_cached(sql).map_err(failed)?;
    let rows = statement
        .query_map(params, |r| Ok((UserId::trusted(&r.get::<_, String>(0)?), MuteUntil(r.get(1)?))))
        .map_err(failed)?;
    rows.collect::<Result<_, _>>().map_err(failed)
}

fn until(c: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<MuteUntil, StoreError> {
    c.prepare_cached(sql)
        .and_then(|mut s| s.query_row(params, |r| r.get(0)).optional())
        .map(|until| MuteUntil(until.unwrap_or(0)))
        .map_err(failed)
}

/// The part of a member that lies in the `data` column.
#[derive(Serialize, Deserialize)]
struct MemberData {
    joined_at: Timestamp,
    joined_seq: u64,
    msg_flag: MsgFlag,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name_card: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    custom: BTreeMap<String, String>,
}

/// Reads the columns of [`MEMBER`] from a column on. A row that was written before the group's read floor rose has read
/// up to there.
pub(super) fn member(row: &Row<'_>, at: usize, read_floor: u64) -> Result<Member, StoreError> {
    let rank: u32 = row.get(at + 1).map_err(failed)?;
    let role = (0..).zip(RANKS).find_map(|(place, role)| (place == rank).then_some(role));
    let read_seq = uint(row.get(at + 2).map_err(failed)?);
    let floor_seen = uint(row.get(at + 3).map_err(failed)?);
    let text: String = row.get(at + 5).map_err(failed)?;
    let data: MemberData = json("member", &text)?;
    Ok(Member {
        user: UserId::trusted(&row.get::<_, String>(at).map_err(failed)?),
        role: role.ok_or_else(|| StoreError::Corrupt(format!("rank {rank}")))?,
        joined_at: data.joined_at,
        joined_seq: data.joined_seq,
        read_seq: if floor_seen < read_floor { read_seq.max(read_floor) } else { read_seq },
        cleared_seq: uint(row.get(at + 7).map_err(failed)?),
        msg_flag: data.msg_flag,
        last_spoke_at: Timestamp(row.get(at + 4).map_err(failed)?),
        mute_until: MuteUntil(row.get(at + 6).map_err(failed)?),
        name_card: data.name_card,
        custom: data.custom,
    })
}

/// What storing a member did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// There was no such member.
    Joined,
    /// The member has a lower rank than before.
    Demoted,
    /// Anything else.
    Changed,
}

/// Stores a member. Of a known one the positions and the moment of speaking stay.
pub(super) fn put(c: &Connection, app: AppId, state: &GroupState, member: &Member) -> Result<Put, StoreError> {
    let data = to_json(&MemberData {
        joined_at: member.joined_at,
        joined_seq: member.joined_seq,
        msg_flag: member.msg_flag,
        name_card: member.name_card.clone(),
        custom: member.custom.clone(),
    });
    let rank = (0_i64..).zip(RANKS).find_map(|(place, role)| (role == member.role).then_some(place));
    let rank = rank.ok_or_else(|| StoreError::Missing(format!("a rank of {} in a group", member.user)))?;
    let known: Option<(i64, i64)> = c
        .prepare_cached("SELECT pk, rank FROM members WHERE grp = ?1 AND user = ?2")
        .and_then(|mut s| {
            s.query_row(params![state.pk, member.user.as_str()], |r| Ok((r.get(0)?, r.get(1)?))).optional()
        })
        .map_err(failed)?;
    if let Some((pk, before)) = known {
        c.prepare_cached("UPDATE members SET rank = ?2, data = ?3 WHERE pk = ?1")
            .and_then(|mut s| s.execute(params![pk, rank, data]))
            .map_err(failed)?;
        return Ok(if rank > before { Put::Demoted } else { Put::Changed });
    }
    let joined_mark = mark(c, member.joined_at)?;
    c.prepare_cached(
        "INSERT INTO members (grp, app, user, rank, read_seq, floor_seen, last_spoke_at, data, joined_mark)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )
    .and_then(|mut s| {
        s.execute(params![
            state.pk,
            app.0,
            member.user.as_str(),
            rank,
            int(member.read_seq),
            int(state.read_floor),
            member.last_spoke_at.0,
            data,
            joined_mark
        ])
    })
    .map_err(failed)?;
    Ok(Put::Joined)
}

/// The newest message of all, unless it is younger than the moment of joining.
fn mark(c: &Connection, joined_at: Timestamp) -> Result<Option<i64>, StoreError> {
    let newest: Option<(i64, i64)> = c
        .prepare_cached("SELECT id, time FROM messages WHERE id = (SELECT max(id) FROM messages)")
        .and_then(|mut s| s.query_row([], |r| Ok((r.get(0)?, r.get(1)?))).optional())
        .map_err(failed)?;
    Ok(match newest {
        Some((id, time)) => (time <= joined_at.0).then_some(id),
        None => Some(0),
    })
}

/// Ends a membership with what the member had in topics and permission groups; answers whether there was one.
pub(super) fn delete(c: &Connection, state: &GroupState, user: &UserId) -> Result<bool, StoreError> {
    let deleted = c
        .prepare_cached("DELETE FROM members WHERE grp = ?1 AND user = ?2")
        .and_then(|mut s| s.execute(params![state.pk, user.as_str()]))
        .map_err(failed)?;
    if deleted > 0 {
        c.prepare_cached("DELETE FROM topic_members WHERE grp = ?1 AND user = ?2")
            .and_then(|mut s| s.execute(params![state.pk, user.as_str()]))
            .map_err(failed)?;
        permission_groups::leave_all(c, state, user)?;
    }
    Ok(deleted > 0)
}

pub(super) fn exists(c: &Connection, state: &GroupState, user: &UserId) -> Result<bool, StoreError> {
    c.prepare_cached("SELECT 1 FROM members WHERE grp = ?1 AND user = ?2")
        .and_then(|mut s| s.exists(params![state.pk, user.as_str()]))
        .map_err(failed)
}

/// Moves a read position forward; anywhere with `force`.
pub(super) fn set_read(
    c: &Connection,
    state: &GroupState,
    user: &UserId,
    seq: u64,
    force: bool,
) -> Result<(), StoreError> {
    c.prepare_cached(
        "UPDATE members
         SET read_seq = CASE WHEN ?4 THEN ?3 WHEN floor_seen < ?5 THEN max(read_seq, ?3, ?5) ELSE max(read_seq, ?3) END,
             floor_seen = ?5
         WHERE grp = ?1 AND user = ?2 AND (?4 OR read_seq < ?3)",
    )
    .and_then(|mut s| s.execute(params![state.pk, user.as_str(), int(seq), force, int(state.read_floor)]))
    .map(drop)
    .map_err(failed)
}

/// Hides everything up to a number from a member, who has read it then.
pub(super) fn clear_history(c: &Connection, state: &GroupState, user: &UserId, seq: u64) -> Result<(), StoreError> {
    c.prepare_cached(
        "UPDATE members SET cleared_seq = max(cleared_seq, ?3), read_seq = max(read_seq, ?3), floor_seen = ?4
         WHERE grp = ?1 AND user = ?2",
    )
    .and_then(|mut s| s.execute(params![state.pk, user.as_str(), int(seq), int(state.read_floor)]))
    .map(drop)
    .map_err(failed)
}

/// A member spoke: that moment is kept, and everything up to the own message is read.
pub(super) fn spoke(c: &Connection, grp: i64, user: &str, time: Timestamp, seq: u64) -> Result<(), StoreError> {
    c.prepare_cached(
        "UPDATE members SET last_spoke_at = max(last_spoke_at, ?3), read_seq = max(read_seq, ?4)
         WHERE grp = ?1 AND user = ?2",
    )
    .and_then(|mut s| s.execute(params![grp, user, time.0, int(seq)]))
    .map(drop)
    .map_err(failed)
}

pub(super) fn set_mute(
    c: &Connection,
    state: &GroupState,
    topic: Option<&TopicId>,
    user: &UserId,
    until: MuteUntil,
) -> Result<(), StoreError> {
    let topic = topic.map_or("", TopicId::as_str);
    if until == MuteUntil::NEVER {
        c.prepare_cached("DELETE FROM mutes WHERE grp = ?1 AND topic = ?2 AND user = ?3")
            .and_then(|mut s| s.execute(params![state.pk, topic, user.as_str()]))
    } else {
        c.prepare_cached(
            "INSERT INTO mutes (grp, topic, user, until) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (grp, topic, user) DO UPDATE SET until = ?4",
        )
        .and_then(|mut s| s.execute(params![state.pk, topic, user.as_str(), until.0]))
    }
    .map(drop)
    .map_err(failed)
}

pub(super) fn set_ban(c: &Connection, state: &GroupState, user: &UserId, until: MuteUntil) -> Result<(), StoreError> {
    if until == MuteUntil::NEVER {
        c.prepare_cached("DELETE FROM bans WHERE grp = ?1 AND user = ?2")
            .and_then(|mut s| s.execute(params![state.pk, user.as_str()]))
    } else {
        c.prepare_cached(
            "INSERT INTO bans (grp, user, until) VALUES (?1, ?2, ?3) ON CONFLICT (grp, user) DO UPDATE SET until = ?3",
        )
        .and_then(|mut s| s.execute(params![state.pk, user.as_str(), until.0]))
    }
    .map(drop)
    .map_err(failed)
}

pub(super) fn put_application(c: &Connection, state: &GroupState, application: &Application) -> Result<(), StoreError> {
    c.prepare_cached(
        "INSERT INTO applications (grp, applicant, key, data) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (grp, applicant) DO UPDATE SET key = excluded.key, data = excluded.data",
    )
    .and_then(|mut s| {
        s.execute(params![state.pk, application.applicant.as_str(), application.key, to_json(application)])
    })
    .map(drop)
    .map_err(failed)
}

pub(super) fn delete_application(c: &Connection, state: &GroupState, applicant: &UserId) -> Result<(), StoreError> {
    c.prepare_cached("DELETE FROM applications WHERE grp = ?1 AND applicant = ?2")
        .and_then(|mut s| s.execute(params![state.pk, applicant.as_str()]))
        .map(drop)
        .map_err(failed)
}

pub(super) fn is_pending(c: &Connection, state: &GroupState, applicant: &UserId, key: i64) -> Result<bool, StoreError> {
    c.prepare_cached("SELECT 1 FROM applications WHERE grp = ?1 AND applicant = ?2 AND key = ?3")
        .and_then(|mut s| s.exists(params![state.pk, applicant.as_str(), key]))
        .map_err(failed)
}
