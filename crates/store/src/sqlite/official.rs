//! Official accounts, who subscribes to them, and what they said.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tsudoi_domain::{
    AppId, UserId,
    message::Draft,
    official::{Broadcast, OfficialAccount, Subscriber},
    time::Timestamp,
};

use super::{Sqlite, failed, int, json, to_json, uint};
use crate::{OfficialAccounts, StoreError};

/// The columns [`account`] reads.
const ACCOUNT: &str = "o.id, o.owner, o.subscriber_num, o.last_msg_time, o.data";
/// The columns [`subscriber`] reads.
const SUBSCRIBER: &str = "s.pk, s.user, s.time, s.custom";

#[async_trait]
impl OfficialAccounts for Sqlite {
    async fn official_account(&self, app: AppId, id: &UserId) -> Result<Option<OfficialAccount>, StoreError> {
        self.read(|c| {
            let sql = format!("SELECT {ACCOUNT} FROM official_accounts o WHERE o.app = ?1 AND o.id = ?2");
            c.prepare_cached(&sql)
                .and_then(|mut s| s.query_row(params![app.0, id.as_str()], |r| Ok(account(r, 0))).optional())
                .map_err(failed)?
                .transpose()
        })
    }

    async fn official_accounts_of(&self, app: AppId, owner: &UserId) -> Result<u64, StoreError> {
        self.read(|c| {
            c.prepare_cached("SELECT count(*) FROM official_accounts WHERE app = ?1 AND owner = ?2")
                .and_then(|mut s| s.query_row(params![app.0, owner.as_str()], |r| r.get(0)))
                .map(uint)
                .map_err(failed)
        })
    }

    async fn subscriber(&self, app: AppId, account: &UserId, user: &UserId) -> Result<Option<Subscriber>, StoreError> {
        self.read(|c| {
            let Some(pk) = find(c, app, account)? else { return Ok(None) };
            let sql = format!("SELECT {SUBSCRIBER} FROM subscribers s WHERE s.account = ?1 AND s.user = ?2");
            c.prepare_cached(&sql)
                .and_then(|mut s| s.query_row(params![pk, user.as_str()], |r| subscriber(r, 0)).optional())
                .map_err(failed)
        })
    }

    async fn subscribers(
        &self,
        app: AppId,
        account: &UserId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Subscriber>, StoreError> {
        self.read(|c| {
            let Some(pk) = find(c, app, account)? else { return Ok(Vec::new()) };
            let sql = format!(
                "SELECT {SUBSCRIBER} FROM subscribers s WHERE s.account = ?1 AND s.pk > ?2 ORDER BY s.pk LIMIT ?3"
            );
            c.prepare_cached(&sql)
                .and_then(|mut s| {
                    s.query_map(params![pk, int(after), int(limit as u64)], |r| subscriber(r, 0))?.collect()
                })
                .map_err(failed)
        })
    }

    async fn subscriptions(
        &self,
        app: AppId,
        user: &UserId,
        offset: u64,
        limit: usize,
    ) -> Result<(Vec<(OfficialAccount, Subscriber)>, u64), StoreError> {
        self.snapshot(|c| {
            let total = c
                .prepare_cached("SELECT count(*) FROM subscribers WHERE app = ?1 AND user = ?2")
                .and_then(|mut s| s.query_row(params![app.0, user.as_str()], |r| r.get(0)))
                .map_err(failed)?;
            let sql = format!(
                "SELECT {SUBSCRIBER}, {ACCOUNT} FROM subscribers s JOIN official_accounts o ON o.pk = s.account
                 WHERE s.app = ?1 AND s.user = ?2 ORDER BY s.pk LIMIT ?3 OFFSET ?4"
            );
            let mut statement = c.prepare_cached(&sql).map_err(failed)?;
            let mut rows =
                statement.query(params![app.0, user.as_str(), int(limit as u64), int(offset)]).map_err(failed)?;
            let mut found = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                found.push((account(row, 4)?, subscriber(row, 0).map_err(failed)?));
            }
            Ok((found, uint(total)))
        })
    }

    async fn broadcast(&self, app: AppId, account: &UserId, key: &str) -> Result<Option<Broadcast>, StoreError> {
        self.read(|c| {
            let Some(pk) = find(c, app, account)? else { return Ok(None) };
            c.prepare_cached("SELECT draft, recalled FROM broadcasts WHERE account = ?1 AND key = ?2")
                .and_then(|mut s| s.query_row(params![pk, key], |r| Ok(broadcast(r))).optional())
                .map_err(failed)?
                .transpose()
        })
    }

    async fn broadcasts(
        &self,
        app: AppId,
        account: &UserId,
        before: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Broadcast>, StoreError> {
        self.snapshot(|c| {
            let Some(pk) = find(c, app, account)? else { return Ok(Vec::new()) };
            let before: Option<i64> = match before {
                Some(key) => c
                    .prepare_cached("SELECT pk FROM broadcasts WHERE account = ?1 AND key = ?2")
                    .and_then(|mut s| s.query_row(params![pk, key], |r| r.get(0)).optional())
                    .map_err(failed)?,
                None => None,
            };
            newest(c, pk, before.unwrap_or(i64::MAX), limit)
        })
    }

    async fn spoke_since(
        &self,
        app: AppId,
        account: &UserId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Timestamp>, StoreError> {
        self.snapshot(|c| {
            let Some(pk) = find(c, app, account)? else { return Ok(Vec::new()) };
            let times = newest(c, pk, i64::MAX, limit)?.into_iter().map(|broadcast| broadcast.draft.time);
            Ok(times.take_while(|time| *time >= since).collect())
        })
    }
}

fn newest(c: &Connection, account: i64, before: i64, limit: usize) -> Result<Vec<Broadcast>, StoreError> {
    let mut statement = c
        .prepare_cached(
            "SELECT draft, recalled FROM broadcasts WHERE account = ?1 AND pk < ?2 ORDER BY pk DESC LIMIT ?3",
        )
        .map_err(failed)?;
    let mut rows = statement.query(params![account, before, int(limit as u64)]).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        found.push(broadcast(row)?);
    }
    Ok(found)
}

fn find(c: &Connection, app: AppId, id: &UserId) -> Result<Option<i64>, StoreError> {
    c.prepare_cached("SELECT pk FROM official_accounts WHERE app = ?1 AND id = ?2")
        .and_then(|mut s| s.query_row(params![app.0, id.as_str()], |r| r.get(0)).optional())
        .map_err(failed)
}

fn known(c: &Connection, app: AppId, id: &UserId) -> Result<i64, StoreError> {
    find(c, app, id)?.ok_or_else(|| StoreError::Missing(format!("official account {id}")))
}

fn account(row: &Row<'_>, at: usize) -> Result<OfficialAccount, StoreError> {
    let data: OfficialAccount = json("official account", &row.get::<_, String>(at + 4).map_err(failed)?)?;
    Ok(OfficialAccount {
        id: UserId::trusted(&row.get::<_, String>(at).map_err(failed)?),
        owner: UserId::trusted(&row.get::<_, String>(at + 1).map_err(failed)?),
        subscriber_num: uint(row.get(at + 2).map_err(failed)?),
        last_msg_time: Timestamp(row.get(at + 3).map_err(failed)?),
        ..data
    })
}

fn subscriber(row: &Row<'_>, at: usize) -> rusqlite::Result<Subscriber> {
    Ok(Subscriber {
        place: uint(row.get(at)?),
        user: UserId::trusted(&row.get::<_, String>(at + 1)?),
        since: Timestamp(row.get(at + 2)?),
        custom: row.get(at + 3)?,
    })
}

fn broadcast(row: &Row<'_>) -> Result<Broadcast, StoreError> {
    let draft: Draft = json("broadcast", &row.get::<_, String>(0).map_err(failed)?)?;
    let recall: Option<String> = row.get(1).map_err(failed)?;
    Ok(Broadcast { draft, recall: recall.map(|text| json("recall", &text)).transpose()? })
}

pub(super) fn put(c: &Connection, app: AppId, account: &OfficialAccount) -> Result<(), StoreError> {
    c.prepare_cached(
        "INSERT INTO official_accounts (app, id, owner, data) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (app, id) DO UPDATE SET owner = excluded.owner, data = excluded.data",
    )
    .and_then(|mut s| s.execute(params![app.0, account.id.as_str(), account.owner.as_str(), to_json(account)]))
    .map(drop)
    .map_err(failed)
}

pub(super) fn delete(c: &Connection, app: AppId, id: &UserId) -> Result<(), StoreError> {
    let pk = known(c, app, id)?;
    for sql in [
        "DELETE FROM subscribers WHERE account = ?1",
        "DELETE FROM broadcasts WHERE account = ?1",
        "DELETE FROM official_accounts WHERE pk = ?1",
    ] {
        c.prepare_cached(sql).and_then(|mut s| s.execute(params![pk])).map_err(failed)?;
    }
    Ok(())
}

pub(super) fn put_subscriber(
    c: &Connection,
    app: AppId,
    account: &UserId,
    user: &UserId,
    since: Timestamp,
    custom: Option<&str>,
) -> Result<(), StoreError> {
    let pk = known(c, app, account)?;
    let is_known = c
        .prepare_cached("SELECT 1 FROM subscribers WHERE account = ?1 AND user = ?2")
        .and_then(|mut s| s.exists(params![pk, user.as_str()]))
        .map_err(failed)?;
    if is_known {
        return c
            .prepare_cached("UPDATE subscribers SET custom = coalesce(?3, custom) WHERE account = ?1 AND user = ?2")
            .and_then(|mut s| s.execute(params![pk, user.as_str(), custom]))
            .map(drop)
            .map_err(failed);
    }
    c.prepare_cached("INSERT INTO subscribers (account, app, user, time, custom) VALUES (?1, ?2, ?3, ?4, ?5)")
        .and_then(|mut s| s.execute(params![pk, app.0, user.as_str(), since.0, custom.unwrap_or_default()]))
        .map_err(failed)?;
    recount(c, pk, 1)
}

pub(super) fn delete_subscriber(c: &Connection, app: AppId, account: &UserId, user: &UserId) -> Result<(), StoreError> {
    let pk = known(c, app, account)?;
    let gone = c
        .prepare_cached("DELETE FROM subscribers WHERE account = ?1 AND user = ?2")
        .and_then(|mut s| s.execute(params![pk, user.as_str()]))
        .map_err(failed)?;
    if gone > 0 { recount(c, pk, -1) } else { Ok(()) }
}

/// Ends all subscriptions of a user.
pub(super) fn forget(c: &Connection, app: AppId, user: &UserId) -> Result<(), StoreError> {
    for sql in [
        "UPDATE official_accounts SET subscriber_num = subscriber_num - 1
         WHERE pk IN (SELECT account FROM subscribers WHERE app = ?1 AND user = ?2)",
        "DELETE FROM subscribers WHERE app = ?1 AND user = ?2",
    ] {
        c.prepare_cached(sql).and_then(|mut s| s.execute(params![app.0, user.as_str()])).map_err(failed)?;
    }
    Ok(())
}

fn recount(c: &Connection, pk: i64, change: i64) -> Result<(), StoreError> {
    c.prepare_cached("UPDATE official_accounts SET subscriber_num = subscriber_num + ?2 WHERE pk = ?1")
        .and_then(|mut s| s.execute(params![pk, change]))
        .map(drop)
        .map_err(failed)
}

pub(super) fn put_broadcast(
    c: &Connection,
    app: AppId,
    account: &UserId,
    broadcast: &Broadcast,
) -> Result<(), StoreError> {
    let pk = known(c, app, account)?;
    let key = broadcast.draft.msg_key().to_string();
    c.prepare_cached(
        "INSERT INTO broadcasts (account, key, draft, recalled) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (account, key) DO UPDATE SET recalled = excluded.recalled",
    )
    .and_then(|mut s| s.execute(params![pk, key, to_json(&broadcast.draft), broadcast.recall.as_ref().map(to_json)]))
    .map_err(failed)?;
    c.prepare_cached("UPDATE official_accounts SET last_msg_time = max(last_msg_time, ?2) WHERE pk = ?1")
        .and_then(|mut s| s.execute(params![pk, broadcast.draft.time.0]))
        .map(drop)
        .map_err(failed)
}
