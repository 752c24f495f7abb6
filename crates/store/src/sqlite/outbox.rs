//! Calls to the backends of apps.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tsudoi_domain::{AppId, WebhookCommand, time::Millis};

use super::{
    Sqlite, failed, int, uint,
    writer::{Done, Work},
};
use crate::{DeadCall, Outbox, ReadyCall, StoreError};

#[async_trait]
impl Outbox for Sqlite {
    async fn waiting_calls(&self, after: u64, limit: usize) -> Result<Vec<ReadyCall>, StoreError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT id, app, command, line, origin, body FROM webhook_calls WHERE id > ?1 ORDER BY id LIMIT ?2",
            )
            .and_then(|mut s| s.query_map(params![int(after), int(limit as u64)], call)?.collect::<Result<Vec<_>, _>>())
            .map(|rows| rows.into_iter().flatten().collect())
            .map_err(failed)
        })
    }

    async fn forget_calls(&self, ids: Vec<u64>) -> Result<(), StoreError> {
        self.writer.write(Work::ForgetCalls(ids)).await
    }

    async fn bury_calls(&self, dead: Vec<DeadCall>, keep: u64) -> Result<(), StoreError> {
        self.writer.write(Work::BuryCalls { dead, keep }).await
    }

    async fn dead_calls(&self, app: AppId, after: u64, limit: usize) -> Result<Vec<DeadCall>, StoreError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT id, app, command, line, origin, body, time, reason FROM webhook_dead
                 WHERE app = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            )
            .and_then(|mut s| {
                s.query_map(params![app.0, int(after), int(limit as u64)], dead_call)?.collect::<Result<Vec<_>, _>>()
            })
            .map(|rows| rows.into_iter().flatten().collect())
            .map_err(failed)
        })
    }

    async fn dead_call_count(&self, app: AppId) -> Result<u64, StoreError> {
        self.read(|c| {
            c.prepare_cached("SELECT count(*) FROM webhook_dead WHERE app = ?1")
                .and_then(|mut s| s.query_row([app.0], |r| r.get(0)))
                .map(uint)
                .map_err(failed)
        })
    }

    async fn revive_calls(&self, app: AppId, ids: Vec<u64>) -> Result<Vec<ReadyCall>, StoreError> {
        match self.writer.ask(Work::ReviveCalls { app, ids }).await? {
            Done::Revived(calls) => Ok(calls),
            other => Err(other.unexpected()),
        }
    }

    async fn drop_dead_calls(&self, app: AppId, ids: Vec<u64>) -> Result<u64, StoreError> {
        match self.writer.ask(Work::DropDeadCalls { app, ids }).await? {
            Done::Deleted(number) => Ok(number),
            other => Err(other.unexpected()),
        }
    }
}

/// A call of a row; none when a newer server knew a command that this one does not.
fn call(row: &Row<'_>) -> rusqlite::Result<Option<ReadyCall>> {
    let command: String = row.get(2)?;
    let Some(command) = WebhookCommand::from_name(&command) else { return Ok(None) };
    Ok(Some(ReadyCall {
        id: uint(row.get(0)?),
        app: AppId(row.get(1)?),
        command,
        line: row.get::<_, String>(3)?.into(),
        origin: row.get::<_, String>(4)?.into(),
        body: row.get::<_, String>(5)?.into(),
    }))
}

fn dead_call(row: &Row<'_>) -> rusqlite::Result<Option<DeadCall>> {
    let Some(call) = call(row)? else { return Ok(None) };
    Ok(Some(DeadCall { call, time: Millis(row.get(6)?), reason: row.get(7)? }))
}

/// The highest id of a call that waits; 0 when none does.
pub(super) fn last_id(c: &Connection) -> Result<u64, StoreError> {
    c.prepare_cached("SELECT id FROM webhook_calls ORDER BY id DESC LIMIT 1")
        .and_then(|mut s| s.query_row([], |r| r.get(0)).optional())
        .map(|id| id.map_or(0, uint))
        .map_err(failed)
}

pub(super) fn put(c: &Connection, call: &ReadyCall) -> Result<(), StoreError> {
    c.prepare_cached("INSERT INTO webhook_calls (id, app, command, line, origin, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        .and_then(|mut s| {
            s.execute(params![int(call.id), call.app.0, call.command.name(), &*call.line, &*call.origin, &*call.body])
        })
        .map(drop)
        .map_err(failed)
}

/// Deletes calls; neighbours in one go.
pub(super) fn forget(c: &Connection, ids: &[u64]) -> Result<(), StoreError> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    let mut statement = c.prepare_cached("DELETE FROM webhook_calls WHERE id BETWEEN ?1 AND ?2").map_err(failed)?;
    for run in ids.chunk_by(|one, next| one + 1 == *next) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        statement.execute(params![int(*first), int(*last)]).map_err(failed)?;
    }
    Ok(())
}

pub(super) fn bury(c: &Connection, dead: &[DeadCall], keep: u64) -> Result<(), StoreError> {
    let waiting: Vec<u64> = dead.iter().map(|dead| dead.call.id).filter(|id| *id != 0).collect();
    forget(c, &waiting)?;
    let mut statement = c
        .prepare_cached(
            "INSERT INTO webhook_dead (app, command, line, origin, body, time, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .map_err(failed)?;
    let mut apps: Vec<AppId> = Vec::new();
    for DeadCall { call, time, reason } in dead {
        statement
            .execute(params![
                call.app.0,
                call.command.name(),
                &*call.line,
                &*call.origin,
                &*call.body,
                time.0,
                reason.as_str()
            ])
            .map_err(failed)?;
        if !apps.contains(&call.app) {
            apps.push(call.app);
        }
    }
    for app in apps {
        c.prepare_cached(
            "DELETE FROM webhook_dead WHERE app = ?1 AND id <=
                 (SELECT id FROM webhook_dead WHERE app = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        )
        .and_then(|mut s| s.execute(params![app.0, int(keep)]))
        .map_err(failed)?;
    }
    Ok(())
}

/// Takes dead calls out, oldest first.
pub(super) fn exhume(c: &Connection, app: AppId, ids: &[u64]) -> Result<Vec<ReadyCall>, StoreError> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut calls = Vec::new();
    for id in ids {
        let found = c
            .prepare_cached("SELECT id, app, command, line, origin, body FROM webhook_dead WHERE app = ?1 AND id = ?2")
            .and_then(|mut s| s.query_row(params![app.0, int(id)], call).optional())
            .map_err(failed)?
            .flatten();
        calls.extend(found);
    }
    let found: Vec<u64> = calls.iter().map(|call| call.id).collect();
    drop_dead(c, app, &found)?;
    Ok(calls)
}

pub(super) fn drop_dead(c: &Connection, app: AppId, ids: &[u64]) -> Result<u64, StoreError> {
    let mut statement = c.prepare_cached("DELETE FROM webhook_dead WHERE app = ?1 AND id = ?2").map_err(failed)?;
    let mut deleted = 0;
    for id in ids {
        deleted += statement.execute(params![app.0, int(*id)]).map_err(failed)? as u64;
    }
    Ok(deleted)
}
