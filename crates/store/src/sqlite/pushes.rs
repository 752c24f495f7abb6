//! Pushes in the order they were made, what users are known by when an app pushes, and the devices of users.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tsudoi_domain::{
    AppId, UserId,
    push::{Labels, Progress, Push, PushDevice, PushKind},
    time::{Millis, Timestamp},
};

use super::{Sqlite, failed, int, json, to_json, uint};
use crate::{FoundAccount, PushEntry, Pushes, ScheduledPush, StoreError};

const PUSH: &str = "pos, data, progress";

fn entry(row: &Row<'_>) -> Result<PushEntry, StoreError> {
    let (data, progress): (String, String) = (row.get(1).map_err(failed)?, row.get(2).map_err(failed)?);
    Ok(PushEntry {
        pos: uint(row.get(0).map_err(failed)?),
        push: json("push", &data)?,
        progress: json("progress", &progress)?,
    })
}

fn entries(c: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<Vec<PushEntry>, StoreError> {
    let mut statement = c.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(values).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        found.push(entry(row)?);
    }
    Ok(found)
}

fn labels(c: &Connection, app: AppId, user: &str) -> Result<Labels, StoreError> {
    let attributes = c
        .prepare_cached("SELECT number, value FROM push_attributes WHERE app = ?1 AND user = ?2")
        .and_then(|mut s| s.query_map(params![app.0, user], |r| Ok((r.get(0)?, r.get(1)?)))?.collect())
        .map_err(failed)?;
    let tags = c
        .prepare_cached("SELECT tag FROM push_tags WHERE app = ?1 AND user = ?2")
        .and_then(|mut s| s.query_map(params![app.0, user], |r| r.get(0))?.collect())
        .map_err(failed)?;
    Ok(Labels { attributes, tags })
}

fn devices(c: &Connection, app: AppId, user: &str) -> Result<Vec<PushDevice>, StoreError> {
    c.prepare_cached(
        "SELECT device, channel, token, enabled FROM push_devices WHERE app = ?1 AND user = ?2 ORDER BY heard_at DESC, device",
    )
    .and_then(|mut s| {
        s.query_map(params![app.0, user], |r| {
            Ok(PushDevice { device: r.get(0)?, channel: r.get(1)?, token: r.get(2)?, enabled: r.get(3)? })
        })?
        .collect()
    })
    .map_err(failed)
}

#[async_trait]
impl Pushes for Sqlite {
    async fn attribute_names(&self, app: AppId) -> Result<BTreeMap<u8, String>, StoreError> {
        self.read(|c| {
            c.prepare_cached("SELECT number, name FROM push_attribute_names WHERE app = ?1")
                .and_then(|mut s| s.query_map([app.0], |r| Ok((r.get(0)?, r.get(1)?)))?.collect())
                .map_err(failed)
        })
    }

    async fn labels(&self, app: AppId, users: &[UserId]) -> Result<Vec<Labels>, StoreError> {
        self.snapshot(|c| users.iter().map(|user| labels(c, app, user.as_str())).collect())
    }

    async fn push(&self, app: AppId, task: &str) -> Result<Option<PushEntry>, StoreError> {
        self.read(|c| {
            let sql = format!("SELECT {PUSH} FROM pushes WHERE app = ?1 AND task = ?2 AND kind < 3");
            Ok(entries(c, &sql, params![app.0, task])?.pop())
        })
    }

    async fn push_of_dice(&self, app: AppId, random: u32, since: Millis) -> Result<Option<String>, StoreError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT task FROM pushes INDEXED BY pushes_by_dice
                 WHERE app = ?1 AND random = ?2 AND made_at >= ?3 AND kind < 3 ORDER BY pos LIMIT 1",
            )
            .and_then(|mut s| s.query_row(params![app.0, random, since.0], |r| r.get(0)).optional())
            .map_err(failed)
        })
    }

    async fn pushes_since(
        &self,
        app: AppId,
        kind: PushKind,
        since: Millis,
    ) -> Result<(u64, Option<Millis>), StoreError> {
        self.read(|c| {
            c.prepare_cached("SELECT count(*), max(made_at) FROM pushes WHERE app = ?1 AND kind = ?2 AND made_at >= ?3")
                .and_then(|mut s| {
                    s.query_row(params![app.0, kind.number(), since.0], |r| {
                        Ok((uint(r.get(0)?), r.get::<_, Option<i64>>(1)?.map(Millis)))
                    })
                })
                .map_err(failed)
        })
    }

    async fn pushes_after(&self, app: AppId, pos: u64, limit: usize) -> Result<Vec<PushEntry>, StoreError> {
        self.read(|c| {
            let sql =
                format!("SELECT {PUSH} FROM pushes WHERE app = ?1 AND pos > ?2 AND kept = 1 ORDER BY pos LIMIT ?3");
            entries(c, &sql, params![app.0, int(pos), int(limit as u64)])
        })
    }

    async fn pushes_between(
        &self,
        app: AppId,
        from: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<PushEntry>, StoreError> {
        self.read(|c| {
            let sql = format!(
                "SELECT {PUSH} FROM pushes WHERE app = ?1 AND kind IN (1, 2) AND made_at BETWEEN ?2 AND ?3
                 ORDER BY made_at DESC LIMIT ?4"
            );
            let (from, until) = (from.0.saturating_mul(1000), until.0.saturating_mul(1000).saturating_add(999));
            entries(c, &sql, params![app.0, from, until, int(limit as u64)])
        })
    }

    async fn unfinished_pushes(&self, app: AppId) -> Result<Vec<PushEntry>, StoreError> {
        self.read(|c| {
            let sql = format!("SELECT {PUSH} FROM pushes WHERE app = ?1 AND finished = 0 ORDER BY pos");
            entries(c, &sql, [app.0])
        })
    }

    async fn last_kept_push(&self, app: AppId) -> Result<u64, StoreError> {
        self.read(|c| {
            c.prepare_cached("SELECT pos FROM pushes WHERE app = ?1 AND kept = 1 ORDER BY pos DESC LIMIT 1")
                .and_then(|mut s| s.query_row([app.0], |r| r.get(0)).optional())
                .map(|pos| pos.map_or(0, uint))
                .map_err(failed)
        })
    }

    async fn push_position(&self, app: AppId, user: &UserId) -> Result<u64, StoreError> {
        self.read(|c| position(c, app, user))
    }

    async fn push_devices(&self, app: AppId, user: &UserId) -> Result<Vec<PushDevice>, StoreError> {
        self.read(|c| devices(c, app, user.as_str()))
    }

    async fn owner_of_device(&self, app: AppId, device: &str) -> Result<Option<UserId>, StoreError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT user FROM push_devices INDEXED BY push_devices_by_name
                 WHERE app = ?1 AND device = ?2 ORDER BY heard_at DESC LIMIT 1",
            )
            .and_then(|mut s| s.query_row(params![app.0, device], |r| r.get::<_, String>(0)).optional())
            .map(|user| user.map(|user| UserId::trusted(&user)))
            .map_err(failed)
        })
    }

    async fn members_with_devices(
        &self,
        app: AppId,
        group: &tsudoi_domain::GroupId,
        after: &str,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT m.user FROM groups g JOIN members m ON m.grp = g.pk
                 WHERE g.app = ?1 AND g.id = ?2 AND m.user > ?3
                     AND EXISTS (SELECT 1 FROM push_devices d WHERE d.app = ?1 AND d.user = m.user)
                 ORDER BY m.user LIMIT ?4",
            )
            .and_then(|mut s| {
                s.query_map(params![app.0, group.as_str(), after, int(limit as u64)], |r| r.get::<_, String>(0))?
                    .map(|user| user.map(|user| UserId::trusted(&user)))
                    .collect()
            })
            .map_err(failed)
        })
    }

    async fn accounts_after(&self, app: AppId, cursor: u64, limit: usize) -> Result<Vec<FoundAccount>, StoreError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT tiny, user, created_at FROM accounts WHERE app = ?1 AND tiny > ?2 ORDER BY tiny LIMIT ?3",
            )
            .and_then(|mut s| {
                s.query_map(params![app.0, int(cursor), int(limit as u64)], |r| {
                    Ok(FoundAccount {
                        cursor: uint(r.get(0)?),
                        user: UserId::trusted(&r.get::<_, String>(1)?),
                        created_at: Timestamp(r.get(2)?),
                    })
                })?
                .collect()
            })
            .map_err(failed)
        })
    }

    async fn scheduled_pushes(
        &self,
        app: AppId,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ScheduledPush>, StoreError> {
        self.read(|c| {
            let mut statement = c
                .prepare_cached(
                    "SELECT due, data FROM push_schedule WHERE app = ?1 AND due <= ?2 ORDER BY due, task LIMIT ?3",
                )
                .map_err(failed)?;
            let mut rows = statement.query(params![app.0, until.0, int(limit as u64)]).map_err(failed)?;
            let mut found = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                let data: String = row.get(1).map_err(failed)?;
                found.push(ScheduledPush { due: Timestamp(row.get(0).map_err(failed)?), push: json("push", &data)? });
            }
            Ok(found)
        })
    }
}

/// Up to which push the user has been served.
pub(super) fn position(c: &Connection, app: AppId, user: &UserId) -> Result<u64, StoreError> {
    c.prepare_cached("SELECT pos FROM push_positions WHERE app = ?1 AND user = ?2")
        .and_then(|mut s| s.query_row(params![app.0, user.as_str()], |r| r.get(0)).optional())
        .map(|pos| pos.map_or(0, uint))
        .map_err(failed)
}

pub(super) fn set_position(c: &Connection, app: AppId, user: &UserId, pos: u64) -> Result<(), StoreError> {
    c.prepare_cached(
        "INSERT INTO push_positions (app, user, pos) VALUES (?1, ?2, ?3)
         ON CONFLICT (app, user) DO UPDATE SET pos = max(pos, ?3)",
    )
    .and_then(|mut s| s.execute(params![app.0, user.as_str(), int(pos)]))
    .map(drop)
    .map_err(failed)
}

pub(super) fn put(c: &Connection, app: AppId, push: &Push) -> Result<(), StoreError> {
    let finished = push.kind != PushKind::ToMany;
    // A revocation is kept for those who come later: what it takes back may have reached them already.
    let kept = push.kind == PushKind::Revocation || push.kind == PushKind::ToMany && push.is_kept();
    let progress = Progress { is_finished: finished, ..Progress::default() };
    c.prepare_cached(
        "INSERT INTO pushes (app, task, kind, random, made_at, kept, finished, data, progress)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )
    .and_then(|mut s| {
        s.execute(params![
            app.0,
            push.task,
            push.kind.number(),
            push.random,
            push.made_at.0,
            kept,
            finished,
            to_json(push),
            to_json(&progress)
        ])
    })
    .map(drop)
    .map_err(failed)
}

pub(super) fn set_progress(c: &Connection, app: AppId, task: &str, progress: &Progress) -> Result<(), StoreError> {
    c.prepare_cached("UPDATE pushes SET progress = ?3, finished = ?4 WHERE app = ?1 AND task = ?2 AND kind < 3")
        .and_then(|mut s| s.execute(params![app.0, task, to_json(progress), progress.is_finished]))
        .map(drop)
        .map_err(failed)
}

pub(super) fn set_attribute_name(c: &Connection, app: AppId, number: u8, name: &str) -> Result<(), StoreError> {
    c.prepare_cached(
        "INSERT INTO push_attribute_names (app, number, name) VALUES (?1, ?2, ?3)
         ON CONFLICT (app, number) DO UPDATE SET name = ?3",
    )
    .and_then(|mut s| s.execute(params![app.0, number, name]))
    .map(drop)
    .map_err(failed)
}

pub(super) fn set_attribute(
    c: &Connection,
    app: AppId,
    user: &UserId,
    number: u8,
    value: Option<&str>,
) -> Result<(), StoreError> {
    let done = match value {
        Some(value) => c
            .prepare_cached(
                "INSERT INTO push_attributes (app, user, number, value) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (app, user, number) DO UPDATE SET value = ?4",
            )
            .and_then(|mut s| s.execute(params![app.0, user.as_str(), number, value])),
        None => c
            .prepare_cached("DELETE FROM push_attributes WHERE app = ?1 AND user = ?2 AND number = ?3")
            .and_then(|mut s| s.execute(params![app.0, user.as_str(), number])),
    };
    done.map(drop).map_err(failed)
}

pub(super) fn set_tag(c: &Connection, app: AppId, user: &UserId, tag: &str, on: bool) -> Result<(), StoreError> {
    let sql = if on {
        "INSERT INTO push_tags (app, user, tag) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING"
    } else {
        "DELETE FROM push_tags WHERE app = ?1 AND user = ?2 AND tag = ?3"
    };
    c.prepare_cached(sql).and_then(|mut s| s.execute(params![app.0, user.as_str(), tag])).map(drop).map_err(failed)
}

pub(super) fn clear_tags(c: &Connection, app: AppId, user: &UserId) -> Result<(), StoreError> {
    c.prepare_cached("DELETE FROM push_tags WHERE app = ?1 AND user = ?2")
        .and_then(|mut s| s.execute(params![app.0, user.as_str()]))
        .map(drop)
        .map_err(failed)
}

/// Notes a device; a token belongs to one user only, and a user has at most so many devices.
pub(super) fn put_device(
    c: &Connection,
    app: AppId,
    user: &UserId,
    device: &PushDevice,
    now: Timestamp,
    most: u32,
) -> Result<(), StoreError> {
    c.prepare_cached(
        "DELETE FROM push_devices WHERE app = ?1 AND channel = ?2 AND token = ?3 AND NOT (user = ?4 AND device = ?5)",
    )
    .and_then(|mut s| s.execute(params![app.0, device.channel, device.token, user.as_str(), device.device]))
    .map_err(failed)?;
    c.prepare_cached(
        "INSERT INTO push_devices (app, user, device, channel, token, enabled, heard_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (app, user, device) DO UPDATE SET channel = ?4, token = ?5, enabled = ?6, heard_at = ?7",
    )
    .and_then(|mut s| {
        let PushDevice { device, channel, token, enabled } = device;
        s.execute(params![app.0, user.as_str(), device, channel, token, enabled, now.0])
    })
    .map_err(failed)?;
    c.prepare_cached(
        "DELETE FROM push_devices WHERE app = ?1 AND user = ?2 AND device NOT IN (
             SELECT device FROM push_devices WHERE app = ?1 AND user = ?2 ORDER BY heard_at DESC, device LIMIT ?3)",
    )
    .and_then(|mut s| s.execute(params![app.0, user.as_str(), most]))
    .map(drop)
    .map_err(failed)
}

/// Forgets a device, or whatever has the token.
pub(super) fn delete_device(c: &Connection, app: AppId, user: &UserId, device: &str) -> Result<(), StoreError> {
    c.prepare_cached("DELETE FROM push_devices WHERE app = ?1 AND user = ?2 AND device = ?3")
        .and_then(|mut s| s.execute(params![app.0, user.as_str(), device]))
        .map(drop)
        .map_err(failed)
}

pub(super) fn schedule(c: &Connection, app: AppId, due: Timestamp, push: &Push) -> Result<(), StoreError> {
    c.prepare_cached("INSERT INTO push_schedule (app, task, due, data) VALUES (?1, ?2, ?3, ?4)")
        .and_then(|mut s| s.execute(params![app.0, push.task, due.0, to_json(push)]))
        .map(drop)
        .map_err(failed)
}

pub(super) fn unschedule(c: &Connection, app: AppId, task: &str) -> Result<(), StoreError> {
    c.prepare_cached("DELETE FROM push_schedule WHERE app = ?1 AND task = ?2")
        .and_then(|mut s| s.execute(params![app.0, task]))
        .map(drop)
        .map_err(failed)
}

/// Deletes what was made before a moment.
pub(super) fn expire(c: &Connection, app: AppId, before: Millis, limit: usize) -> Result<u64, StoreError> {
    let mut deleted = 0;
    for kind in [PushKind::ToMany, PushKind::ToNamed, PushKind::Revocation] {
        deleted += c
            .prepare_cached(
                "DELETE FROM pushes WHERE pos IN
                     (SELECT pos FROM pushes WHERE app = ?1 AND kind = ?2 AND made_at < ?3 LIMIT ?4)",
            )
            .and_then(|mut s| s.execute(params![app.0, kind.number(), before.0, int(limit as u64)]))
            .map_err(failed)?;
    }
    Ok(deleted as u64)
}

/// Forgets everything about a user.
pub(super) fn forget_user(c: &Connection, app: AppId, user: &UserId) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM push_attributes WHERE app = ?1 AND user = ?2",
        "DELETE FROM push_tags WHERE app = ?1 AND user = ?2",
        "DELETE FROM push_devices WHERE app = ?1 AND user = ?2",
        "DELETE FROM push_positions WHERE app = ?1 AND user = ?2",
    ] {
        c.prepare_cached(sql).and_then(|mut s| s.execute(params![app.0, user.as_str()])).map_err(failed)?;
    }
    Ok(())
}
