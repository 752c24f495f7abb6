//! What accounts are to each other.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};
use tsudoi_domain::{
    AppId, UserId,
    relation::{Follow, FollowKind, Friend, FriendGroup, FriendRequest, Pair, People, Tie},
    time::Timestamp,
};

use super::{Sqlite, failed, int, json, to_json, uint};
use crate::{Blocked, Device, Relations, StoreError};

#[async_trait]
impl Relations for Sqlite {
    async fn people(&self, app: AppId, user: &UserId) -> Result<People, StoreError> {
        self.read(|c| people(c, app, user))
    }

    async fn tie(&self, app: AppId, user: &UserId, peer: &UserId) -> Result<Tie, StoreError> {
        self.read(|c| tie(c, app, user, peer))
    }

    async fn pairs(&self, app: AppId, user: &UserId, peers: &[UserId]) -> Result<Vec<Pair>, StoreError> {
        self.snapshot(|c| peers.iter().map(|peer| pair(c, app, user, peer)).collect())
    }

    async fn friend(&self, app: AppId, user: &UserId, peer: &UserId) -> Result<Option<Friend>, StoreError> {
        self.snapshot(|c| {
            let row = c
                .prepare_cached("SELECT id, peer, data FROM friends WHERE app = ?1 AND user = ?2 AND peer = ?3")
                .and_then(|mut s| s.query_row(params![app.0, user.as_str(), peer.as_str()], friend_row).optional())
                .map_err(failed)?;
            row.map(|row| Ok(friend(c, app, user, row)?.1)).transpose()
        })
    }

    async fn friend_page(
        &self,
        app: AppId,
        user: &UserId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Friend)>, StoreError> {
        self.snapshot(|c| {
            let rows: Vec<FriendRow> = c
                .prepare_cached(
                    "SELECT id, peer, data FROM friends WHERE app = ?1 AND user = ?2 AND id > ?3 ORDER BY id LIMIT ?4",
                )
                .and_then(|mut s| {
                    s.query_map(params![app.0, user.as_str(), int(after), int(limit as u64)], friend_row)?.collect()
                })
                .map_err(failed)?;
            rows.into_iter().map(|row| friend(c, app, user, row)).collect()
        })
    }

    async fn listed_by(
        &self,
        app: AppId,
        user: &UserId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, UserId)>, StoreError> {
        let sql = "SELECT id, user FROM friends WHERE app = ?1 AND peer = ?2 AND id > ?3 ORDER BY id LIMIT ?4";
        self.read(|c| users(c, sql, params![app.0, user.as_str(), int(after), int(limit as u64)]))
    }

    async fn friend_groups(&self, app: AppId, user: &UserId) -> Result<Vec<FriendGroup>, StoreError> {
        self.snapshot(|c| {
            c.prepare_cached(
                "SELECT name, (SELECT count(*) FROM friend_group_members m WHERE m.grp = g.id) FROM friend_groups g
                 WHERE app = ?1 AND user = ?2 ORDER BY id",
            )
            .and_then(|mut s| {
                s.query_map(params![app.0, user.as_str()], |r| {
                    Ok(FriendGroup { name: r.get(0)?, members: uint(r.get(1)?) })
                })?
                .collect()
            })
            .map_err(failed)
        })
    }

    async fn friend_group_members(
        &self,
        app: AppId,
        user: &UserId,
        name: &str,
    ) -> Result<Option<Vec<UserId>>, StoreError> {
        self.snapshot(|c| {
            let Some(group) = group_id(c, app, user, name)? else { return Ok(None) };
            c.prepare_cached("SELECT peer FROM friend_group_members WHERE grp = ?1 ORDER BY peer")
                .and_then(|mut s| s.query_map([group], |r| Ok(UserId::trusted(&r.get::<_, String>(0)?)))?.collect())
                .map(Some)
                .map_err(failed)
        })
    }

    async fn friend_requests(&self, app: AppId, user: &UserId) -> Result<Vec<FriendRequest>, StoreError> {
        self.read(|c| {
            let sql = "SELECT sent, peer, time, seen, data FROM friend_requests WHERE app = ?1 AND user = ?2";
            requests(c, user, sql, params![app.0, user.as_str()])
        })
    }

    async fn blocked_page(
        &self,
        app: AppId,
        user: &UserId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Blocked>, StoreError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT id, peer, time FROM blocks WHERE app = ?1 AND user = ?2 AND id > ?3 ORDER BY id LIMIT ?4",
            )
            .and_then(|mut s| {
                s.query_map(params![app.0, user.as_str(), int(after), int(limit as u64)], |r| {
                    Ok(Blocked {
                        place: uint(r.get(0)?),
                        user: UserId::trusted(&r.get::<_, String>(1)?),
                        since: Timestamp(r.get(2)?),
                    })
                })?
                .collect()
            })
            .map_err(failed)
        })
    }

    async fn follows(&self, app: AppId, user: &UserId, peer: &UserId) -> Result<bool, StoreError> {
        self.read(|c| follows(c, app, user, peer))
    }

    async fn follow_page(
        &self,
        app: AppId,
        user: &UserId,
        kind: FollowKind,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Follow)>, StoreError> {
        let sql = match kind {
            FollowKind::Followers => {
                "SELECT id, user, time FROM follows WHERE app = ?1 AND peer = ?2 AND id > ?3 ORDER BY id LIMIT ?4"
            }
            FollowKind::Following => {
                "SELECT id, peer, time FROM follows WHERE app = ?1 AND user = ?2 AND id > ?3 ORDER BY id LIMIT ?4"
            }
            FollowKind::Mutual => {
                "SELECT id, peer, time FROM follows WHERE app = ?1 AND user = ?2 AND mutual = 1 AND id > ?3 ORDER BY id LIMIT ?4"
            }
        };
        self.read(|c| {
            c.prepare_cached(sql)
                .and_then(|mut s| {
                    s.query_map(params![app.0, user.as_str(), int(after), int(limit as u64)], |r| {
                        let follow =
                            Follow { user: UserId::trusted(&r.get::<_, String>(1)?), since: Timestamp(r.get(2)?) };
                        Ok((uint(r.get(0)?), follow))
                    })?
                    .collect()
                })
                .map_err(failed)
        })
    }

    async fn status_watchers(
        &self,
        app: AppId,
        user: &UserId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, UserId)>, StoreError> {
        let sql = "SELECT id, user FROM status_watches WHERE app = ?1 AND peer = ?2 AND id > ?3 ORDER BY id LIMIT ?4";
        self.read(|c| users(c, sql, params![app.0, user.as_str(), int(after), int(limit as u64)]))
    }

    async fn devices(&self, app: AppId, user: &UserId) -> Result<Vec<Device>, StoreError> {
        self.read(|c| {
            c.prepare_cached("SELECT instance, platform, time FROM devices WHERE app = ?1 AND user = ?2 ORDER BY id")
                .and_then(|mut s| {
                    s.query_map(params![app.0, user.as_str()], |r| {
                        Ok(Device { instance: r.get(0)?, platform: r.get(1)?, since: Timestamp(r.get(2)?) })
                    })?
                    .collect()
                })
                .map_err(failed)
        })
    }
}

fn users(c: &Connection, sql: &str, values: &[&dyn ToSql]) -> Result<Vec<(u64, UserId)>, StoreError> {
    c.prepare_cached(sql)
        .and_then(|mut s| {
            s.query_map(values, |r| Ok((uint(r.get(0)?), UserId::trusted(&r.get::<_, String>(1)?))))?.collect()
        })
        .map_err(failed)
}

fn run(c: &Connection, sql: &str, values: &[&dyn ToSql]) -> Result<bool, StoreError> {
    c.prepare_cached(sql).and_then(|mut s| s.execute(values)).map(|rows| rows > 0).map_err(failed)
}

pub(super) fn people(c: &Connection, app: AppId, user: &UserId) -> Result<People, StoreError> {
    c.prepare_cached(
        "SELECT seq, custom_seq, friends, blocked, following, followers, mutual FROM people WHERE app = ?1 AND user = ?2",
    )
    .and_then(|mut s| {
        s.query_row(params![app.0, user.as_str()], |r| {
            Ok(People {
                seq: uint(r.get(0)?),
                custom_seq: uint(r.get(1)?),
                friends: uint(r.get(2)?),
                blocked: uint(r.get(3)?),
                following: uint(r.get(4)?),
                followers: uint(r.get(5)?),
                mutual: uint(r.get(6)?),
            })
        })
        .optional()
    })
    .map(Option::unwrap_or_default)
    .map_err(failed)
}

pub(super) fn tie(c: &Connection, app: AppId, user: &UserId, peer: &UserId) -> Result<Tie, StoreError> {
    let key = params![app.0, user.as_str(), peer.as_str()];
    let friend: Option<i64> = c
        .prepare_cached("SELECT revision FROM friends WHERE app = ?1 AND user = ?2 AND peer = ?3")
        .and_then(|mut s| s.query_row(key, |r| r.get(0)).optional())
        .map_err(failed)?;
    let blocked = c
        .prepare_cached("SELECT 1 FROM blocks WHERE app = ?1 AND user = ?2 AND peer = ?3")
        .and_then(|mut s| s.exists(key))
        .map_err(failed)?;
    Ok(Tie { friend: uint(friend.unwrap_or(0)), blocked })
}

fn pair(c: &Connection, app: AppId, user: &UserId, peer: &UserId) -> Result<Pair, StoreError> {
    let sql = "SELECT sent, peer, time, seen, data FROM friend_requests WHERE app = ?1 AND user = ?2 AND peer = ?3 AND sent IN (0, 1)";
    let (mut sent, mut received) = (None, None);
    for request in requests(c, user, sql, params![app.0, user.as_str(), peer.as_str()])? {
        if request.sent { sent = Some(request) } else { received = Some(request) }
    }
    let on_their_side = c
        .prepare_cached("SELECT 1 FROM friend_requests WHERE app = ?1 AND user = ?2 AND peer = ?3 AND sent IN (0, 1)")
        .and_then(|mut s| s.exists(params![app.0, peer.as_str(), user.as_str()]))
        .map_err(failed)?;
    Ok(Pair {
        peer: peer.clone(),
        own: tie(c, app, user, peer)?,
        theirs: tie(c, app, peer, user)?,
        their_friends: people(c, app, peer)?.friends,
        their_requests: request_count(c, app, peer, false)?,
        pending: on_their_side || sent.is_some() || received.is_some(),
        sent,
        received,
        moved: false,
    })
}

type FriendRow = (u64, String, String);

fn friend_row(r: &Row<'_>) -> rusqlite::Result<FriendRow> {
    Ok((uint(r.get(0)?), r.get(1)?, r.get(2)?))
}

fn friend(c: &Connection, app: AppId, user: &UserId, row: FriendRow) -> Result<(u64, Friend), StoreError> {
    let (id, peer, data) = row;
    let groups = c
        .prepare_cached(
            "SELECT name FROM friend_groups g WHERE app = ?1 AND user = ?2
             AND EXISTS (SELECT 1 FROM friend_group_members m WHERE m.grp = g.id AND m.peer = ?3) ORDER BY id",
        )
        .and_then(|mut s| s.query_map(params![app.0, user.as_str(), peer], |r| r.get(0))?.collect())
        .map_err(failed)?;
    Ok((id, Friend { user: UserId::trusted(&peer), groups, ..json("friend", &data)? }))
}

fn requests(c: &Connection, user: &UserId, sql: &str, values: &[&dyn ToSql]) -> Result<Vec<FriendRequest>, StoreError> {
    let rows: Vec<(bool, String, i64, bool, String)> = c
        .prepare_cached(sql)
        .and_then(|mut s| {
            s.query_map(values, |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)))?.collect()
        })
        .map_err(failed)?;
    rows.into_iter()
        .map(|(sent, peer, time, seen, data)| {
            Ok(FriendRequest {
                user: user.clone(),
                peer: UserId::trusted(&peer),
                sent,
                time: Timestamp(time),
                seen,
                ..json("friend request", &data)?
            })
        })
        .collect()
}

pub(super) fn request_count(c: &Connection, app: AppId, user: &UserId, sent: bool) -> Result<u64, StoreError> {
    c.prepare_cached("SELECT count(*) FROM friend_requests WHERE app = ?1 AND user = ?2 AND sent = ?3")
        .and_then(|mut s| s.query_row(params![app.0, user.as_str(), sent], |r| r.get(0)))
        .map(uint)
        .map_err(failed)
}

pub(super) fn request_time(
    c: &Connection,
    app: AppId,
    user: &UserId,
    peer: &UserId,
) -> Result<Option<Timestamp>, StoreError> {
    c.prepare_cached("SELECT time FROM friend_requests WHERE app = ?1 AND user = ?2 AND sent = 0 AND peer = ?3")
        .and_then(|mut s| {
            s.query_row(params![app.0, user.as_str(), peer.as_str()], |r| Ok(Timestamp(r.get(0)?))).optional()
        })
        .map_err(failed)
}

pub(super) fn group_count(c: &Connection, app: AppId, user: &UserId) -> Result<u64, StoreError> {
    c.prepare_cached("SELECT count(*) FROM friend_groups WHERE app = ?1 AND user = ?2")
        .and_then(|mut s| s.query_row(params![app.0, user.as_str()], |r| r.get(0)))
        .map(uint)
        .map_err(failed)
}

fn group_id(c: &Connection, app: AppId, user: &UserId, name: &str) -> Result<Option<i64>, StoreError> {
    c.prepare_cached("SELECT id FROM friend_groups WHERE app = ?1 AND user = ?2 AND name = ?3")
        .and_then(|mut s| s.query_row(params![app.0, user.as_str(), name], |r| r.get(0)).optional())
        .map_err(failed)
}

fn known_group(c: &Connection, app: AppId, user: &UserId, name: &str) -> Result<i64, StoreError> {
    group_id(c, app, user, name)?.ok_or_else(|| StoreError::Missing(format!("friend group {name} of {user}")))
}

/// Moves the numbers of an account; `seq` grows by one.
fn moved(
    c: &Connection,
    app: AppId,
    user: &UserId,
    friends: i64,
    blocked: i64,
    custom: bool,
) -> Result<(), StoreError> {
    run(
        c,
        "INSERT INTO people (app, user, seq, custom_seq, friends, blocked) VALUES (?1, ?2, 1, ?5, ?3, ?4)
         ON CONFLICT (app, user) DO UPDATE SET seq = seq + 1, custom_seq = custom_seq + ?5, friends = friends + ?3, blocked = blocked + ?4",
        params![app.0, user.as_str(), friends, blocked, custom],
    )
    .map(drop)
}

pub(super) fn put_friend(c: &Connection, app: AppId, user: &UserId, friend: &Friend) -> Result<(), StoreError> {
    let groups =
        friend.groups.iter().map(|name| known_group(c, app, user, name)).collect::<Result<Vec<_>, StoreError>>()?;
    let before: Option<String> = c
        .prepare_cached("SELECT data FROM friends WHERE app = ?1 AND user = ?2 AND peer = ?3")
        .and_then(|mut s| s.query_row(params![app.0, user.as_str(), friend.user.as_str()], |r| r.get(0)).optional())
        .map_err(failed)?;
    let custom_before = match &before {
        Some(data) => json::<Friend>("friend", data)?.custom,
        None => std::collections::BTreeMap::new(),
    };
    moved(c, app, user, i64::from(before.is_none()), 0, custom_before != friend.custom)?;
    run(
        c,
        "INSERT INTO friends (app, user, peer, revision, data)
         VALUES (?1, ?2, ?3, (SELECT seq FROM people WHERE app = ?1 AND user = ?2), ?4)
         ON CONFLICT (app, user, peer) DO UPDATE SET revision = excluded.revision, data = excluded.data",
        params![app.0, user.as_str(), friend.user.as_str(), to_json(friend)],
    )?;
    leave_groups(c, app, user, &friend.user)?;
    for group in groups {
        run(c, "INSERT INTO friend_group_members (grp, peer) VALUES (?1, ?2)", params![group, friend.user.as_str()])?;
    }
    Ok(())
}

fn leave_groups(c: &Connection, app: AppId, user: &UserId, peer: &UserId) -> Result<(), StoreError> {
    run(
        c,
        "DELETE FROM friend_group_members WHERE peer = ?3 AND grp IN
             (SELECT id FROM friend_groups WHERE app = ?1 AND user = ?2)",
        params![app.0, user.as_str(), peer.as_str()],
    )
    .map(drop)
}

pub(super) fn delete_friend(c: &Connection, app: AppId, user: &UserId, peer: &UserId) -> Result<(), StoreError> {
    let sql = "DELETE FROM friends WHERE app = ?1 AND user = ?2 AND peer = ?3";
    if run(c, sql, params![app.0, user.as_str(), peer.as_str()])? {
        leave_groups(c, app, user, peer)?;
        moved(c, app, user, -1, 0, false)?;
    }
    Ok(())
}

pub(super) fn put_group(c: &Connection, app: AppId, user: &UserId, name: &str) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO friend_groups (app, user, name) VALUES (?1, ?2, ?3) ON CONFLICT (app, user, name) DO NOTHING";
    if run(c, sql, params![app.0, user.as_str(), name])? {
        moved(c, app, user, 0, 0, false)?;
    }
    Ok(())
}

pub(super) fn rename_group(c: &Connection, app: AppId, user: &UserId, old: &str, new: &str) -> Result<(), StoreError> {
    let group = known_group(c, app, user, old)?;
    if old != new && group_id(c, app, user, new)?.is_some() {
        return Err(StoreError::Conflict(format!("friend group {new} of {user} exists")));
    }
    run(c, "UPDATE friend_groups SET name = ?2 WHERE id = ?1", params![group, new])?;
    moved(c, app, user, 0, 0, false)
}

pub(super) fn delete_group(c: &Connection, app: AppId, user: &UserId, name: &str) -> Result<(), StoreError> {
    let Some(group) = group_id(c, app, user, name)? else { return Ok(()) };
    run(c, "DELETE FROM friend_group_members WHERE grp = ?1", params![group])?;
    run(c, "DELETE FROM friend_groups WHERE id = ?1", params![group])?;
    moved(c, app, user, 0, 0, false)
}

pub(super) fn set_group(
    c: &Connection,
    app: AppId,
    user: &UserId,
    name: &str,
    peer: &UserId,
    member: bool,
) -> Result<(), StoreError> {
    let group = known_group(c, app, user, name)?;
    let sql = if member {
        "INSERT INTO friend_group_members (grp, peer) VALUES (?1, ?2) ON CONFLICT (grp, peer) DO NOTHING"
    } else {
        "DELETE FROM friend_group_members WHERE grp = ?1 AND peer = ?2"
    };
    if run(c, sql, params![group, peer.as_str()])? {
        moved(c, app, user, 0, 0, false)?;
    }
    Ok(())
}

pub(super) fn put_request(c: &Connection, app: AppId, request: &FriendRequest) -> Result<(), StoreError> {
    run(
        c,
        "INSERT INTO friend_requests (app, user, sent, peer, time, seen, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (app, user, sent, peer) DO UPDATE SET time = excluded.time, seen = excluded.seen, data = excluded.data",
        params![
            app.0,
            request.user.as_str(),
            request.sent,
            request.peer.as_str(),
            request.time.0,
            request.seen,
            to_json(request)
        ],
    )?;
    moved(c, app, &request.user, 0, 0, false)
}

pub(super) fn delete_request(
    c: &Connection,
    app: AppId,
    user: &UserId,
    peer: &UserId,
    sent: bool,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM friend_requests WHERE app = ?1 AND user = ?2 AND sent = ?3 AND peer = ?4";
    if run(c, sql, params![app.0, user.as_str(), sent, peer.as_str()])? {
        moved(c, app, user, 0, 0, false)?;
    }
    Ok(())
}

pub(super) fn see_requests(c: &Connection, app: AppId, user: &UserId, until: Timestamp) -> Result<(), StoreError> {
    let sql =
        "UPDATE friend_requests SET seen = 1 WHERE app = ?1 AND user = ?2 AND sent = 0 AND seen = 0 AND time <= ?3";
    if run(c, sql, params![app.0, user.as_str(), until.0])? {
        moved(c, app, user, 0, 0, false)?;
    }
    Ok(())
}

pub(super) fn block(c: &Connection, app: AppId, user: &UserId, peer: &UserId, at: Timestamp) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO blocks (app, user, peer, time) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (app, user, peer) DO NOTHING";
    if run(c, sql, params![app.0, user.as_str(), peer.as_str(), at.0])? {
        moved(c, app, user, 0, 1, false)?;
    }
    Ok(())
}

pub(super) fn unblock(c: &Connection, app: AppId, user: &UserId, peer: &UserId) -> Result<(), StoreError> {
    let sql = "DELETE FROM blocks WHERE app = ?1 AND user = ?2 AND peer = ?3";
    if run(c, sql, params![app.0, user.as_str(), peer.as_str()])? {
        moved(c, app, user, 0, -1, false)?;
    }
    Ok(())
}

fn follows(c: &Connection, app: AppId, user: &UserId, peer: &UserId) -> Result<bool, StoreError> {
    c.prepare_cached("SELECT 1 FROM follows WHERE app = ?1 AND user = ?2 AND peer = ?3")
        .and_then(|mut s| s.exists(params![app.0, user.as_str(), peer.as_str()]))
        .map_err(failed)
}

/// Moves the numbers of followers of an account.
fn followed(
    c: &Connection,
    app: AppId,
    user: &UserId,
    following: i64,
    followers: i64,
    mutual: i64,
) -> Result<(), StoreError> {
    run(
        c,
        "INSERT INTO people (app, user, following, followers, mutual) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (app, user) DO UPDATE SET following = following + ?3, followers = followers + ?4, mutual = mutual + ?5",
        params![app.0, user.as_str(), following, followers, mutual],
    )
    .map(drop)
}

const SET_MUTUAL: &str = "UPDATE follows SET mutual = ?4 WHERE app = ?1 AND user = ?2 AND peer = ?3";

pub(super) fn follow(
    c: &Connection,
    app: AppId,
    user: &UserId,
    peer: &UserId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let mutual = follows(c, app, peer, user)?;
    let sql = "INSERT INTO follows (app, user, peer, time, mutual) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (app, user, peer) DO NOTHING";
    if !run(c, sql, params![app.0, user.as_str(), peer.as_str(), at.0, mutual])? {
        return Ok(());
    }
    if mutual {
        run(c, SET_MUTUAL, params![app.0, peer.as_str(), user.as_str(), true])?;
    }
    followed(c, app, user, 1, 0, mutual.into())?;
    followed(c, app, peer, 0, 1, mutual.into())
}

pub(super) fn unfollow(c: &Connection, app: AppId, user: &UserId, peer: &UserId) -> Result<(), StoreError> {
    let sql = "DELETE FROM follows WHERE app = ?1 AND user = ?2 AND peer = ?3";
    if !run(c, sql, params![app.0, user.as_str(), peer.as_str()])? {
        return Ok(());
    }
    let was_mutual = run(c, SET_MUTUAL, params![app.0, peer.as_str(), user.as_str(), false])?;
    followed(c, app, user, -1, 0, -i64::from(was_mutual))?;
    followed(c, app, peer, 0, -1, -i64::from(was_mutual))
}

pub(super) fn watch(c: &Connection, app: AppId, user: &UserId, peers: &[UserId], cap: u32) -> Result<(), StoreError> {
    for peer in peers {
        // Who is watched again is the newest.
        run(
            c,
            "DELETE FROM status_watches WHERE app = ?1 AND user = ?2 AND peer = ?3",
            params![app.0, user.as_str(), peer.as_str()],
        )?;
        run(
            c,
            "INSERT INTO status_watches (app, user, peer) VALUES (?1, ?2, ?3)",
            params![app.0, user.as_str(), peer.as_str()],
        )?;
    }
    run(
        c,
        "DELETE FROM status_watches WHERE id IN
             (SELECT id FROM status_watches WHERE app = ?1 AND user = ?2 ORDER BY id DESC LIMIT -1 OFFSET ?3)",
        params![app.0, user.as_str(), cap],
    )
    .map(drop)
}

pub(super) fn unwatch(c: &Connection, app: AppId, user: &UserId, peers: Option<&[UserId]>) -> Result<(), StoreError> {
    let Some(peers) = peers else {
        let sql = "DELETE FROM status_watches WHERE app = ?1 AND user = ?2";
        return run(c, sql, params![app.0, user.as_str()]).map(drop);
    };
    for peer in peers {
        run(
            c,
            "DELETE FROM status_watches WHERE app = ?1 AND user = ?2 AND peer = ?3",
            params![app.0, user.as_str(), peer.as_str()],
        )?;
    }
    Ok(())
}

/// Most devices of one account that are remembered.
const DEVICES: u32 = 32;

pub(super) fn put_device(
    c: &Connection,
    app: AppId,
    user: &UserId,
    instance: &str,
    platform: u32,
    time: Timestamp,
) -> Result<(), StoreError> {
    delete_device(c, app, user, Some(instance))?;
    run(
        c,
        "INSERT INTO devices (app, user, instance, platform, time) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![app.0, user.as_str(), instance, platform, time.0],
    )?;
    run(
        c,
        "DELETE FROM devices WHERE id IN
             (SELECT id FROM devices WHERE app = ?1 AND user = ?2 ORDER BY id DESC LIMIT -1 OFFSET ?3)",
        params![app.0, user.as_str(), DEVICES],
    )
    .map(drop)
}

pub(super) fn delete_device(
    c: &Connection,
    app: AppId,
    user: &UserId,
    instance: Option<&str>,
) -> Result<(), StoreError> {
    match instance {
        Some(instance) => run(
            c,
            "DELETE FROM devices WHERE app = ?1 AND user = ?2 AND instance = ?3",
            params![app.0, user.as_str(), instance],
        ),
        None => run(c, "DELETE FROM devices WHERE app = ?1 AND user = ?2", params![app.0, user.as_str()]),
    }
    .map(drop)
}

/// Forgets everything that an account is to others and they to it.
pub(super) fn forget(c: &Connection, app: AppId, user: &UserId) -> Result<(), StoreError> {
    let key = params![app.0, user.as_str()];
    for (_, owner) in users(c, "SELECT id, user FROM friends WHERE app = ?1 AND peer = ?2", key)? {
        delete_friend(c, app, &owner, user)?;
    }
    for (_, owner) in users(c, "SELECT id, user FROM blocks WHERE app = ?1 AND peer = ?2", key)? {
        unblock(c, app, &owner, user)?;
    }
    for (_, peer) in users(c, "SELECT id, peer FROM follows WHERE app = ?1 AND user = ?2", key)? {
        unfollow(c, app, user, &peer)?;
    }
    for (_, follower) in users(c, "SELECT id, user FROM follows WHERE app = ?1 AND peer = ?2", key)? {
        unfollow(c, app, &follower, user)?;
    }
    for (sent, owner) in users(c, "SELECT sent, user FROM friend_requests WHERE app = ?1 AND peer = ?2", key)? {
        delete_request(c, app, &owner, user, sent == 1)?;
    }
    for sql in [
        "DELETE FROM friend_group_members WHERE grp IN (SELECT id FROM friend_groups WHERE app = ?1 AND user = ?2)",
        "DELETE FROM friend_groups WHERE app = ?1 AND user = ?2",
        "DELETE FROM friends WHERE app = ?1 AND user = ?2",
        "DELETE FROM friend_requests WHERE app = ?1 AND user = ?2",
        "DELETE FROM blocks WHERE app = ?1 AND user = ?2",
        "DELETE FROM status_watches WHERE app = ?1 AND user = ?2",
        "DELETE FROM status_watches WHERE app = ?1 AND peer = ?2",
        "DELETE FROM devices WHERE app = ?1 AND user = ?2",
        "UPDATE people SET seq = seq + 1, friends = 0, blocked = 0 WHERE app = ?1 AND user = ?2",
    ] {
        run(c, sql, key)?;
    }
    Ok(())
}
