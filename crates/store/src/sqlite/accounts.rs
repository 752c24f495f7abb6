//! Accounts.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tsudoi_domain::{
    AppId, UserId,
    account::{Account, ProfileValue},
    time::{MuteUntil, Timestamp},
};

use super::{Sqlite, failed, int, json, people, to_json, uint};
use crate::{Accounts, StoreError};

/// What is added to the row number to make a tiny id: the vendor's ids have this shape.
const TINY_BASE: u64 = 144_115_200_000_000_000;

#[async_trait]
impl Accounts for Sqlite {
    async fn account(&self, app: AppId, user: &UserId) -> Result<Option<Arc<Account>>, StoreError> {
        self.read(|c| get(c, app, user))
    }

    async fn accounts(&self, app: AppId, users: &[UserId]) -> Result<Vec<Option<Arc<Account>>>, StoreError> {
        self.read(|c| users.iter().map(|user| get(c, app, user)).collect())
    }

    async fn accounts_reach(&self, app: AppId, number: u64) -> Result<bool, StoreError> {
        self.read(|c| {
            c.prepare_cached("SELECT count(*) FROM (SELECT 1 FROM accounts WHERE app = ?1 LIMIT ?2)")
                .and_then(|mut s| s.query_row(params![app.0, int(number)], |r| r.get(0)))
                .map(|found| uint(found) >= number)
                .map_err(failed)
        })
    }

    async fn deleted_at(&self, app: AppId, user: &UserId) -> Result<Option<Timestamp>, StoreError> {
        self.read(|c| {
            c.prepare_cached("SELECT time FROM deleted_accounts WHERE app = ?1 AND user = ?2")
                .and_then(|mut s| s.query_row(params![app.0, user.as_str()], |r| Ok(Timestamp(r.get(0)?))).optional())
                .map_err(failed)
        })
    }

    async fn robots(&self, app: AppId) -> Result<Vec<(UserId, bool)>, StoreError> {
        self.read(|c| {
            c.prepare_cached("SELECT user, is_on FROM robots WHERE app = ?1 ORDER BY pk")
                .and_then(|mut s| {
                    s.query_map([app.0], |r| Ok((UserId::trusted(&r.get::<_, String>(0)?), r.get(1)?)))?.collect()
                })
                .map_err(failed)
        })
    }
}

fn get(c: &Connection, app: AppId, user: &UserId) -> Result<Option<Arc<Account>>, StoreError> {
    c.prepare_cached(
        "SELECT tiny, user, created_at, valid_from, logged_in, profile, direct_muted, groups_muted, status FROM accounts WHERE app = ?1 AND user = ?2",
    )
    .and_then(|mut s| s.query_row(params![app.0, user.as_str()], |r| Ok(account(r))).optional())
    .map_err(failed)?
    .transpose()
    .map(|found| found.map(Arc::new))
}

fn account(row: &Row<'_>) -> Result<Account, StoreError> {
    let text: String = row.get(5).map_err(failed)?;
    Ok(Account {
        tiny_id: TINY_BASE + uint(row.get(0).map_err(failed)?),
        user: UserId::trusted(&row.get::<_, String>(1).map_err(failed)?),
        created_at: Timestamp(row.get(2).map_err(failed)?),
        valid_from: Timestamp(row.get(3).map_err(failed)?),
        logged_in: row.get(4).map_err(failed)?,
        profile: json("profile", &text)?,
        direct_muted: MuteUntil(row.get(6).map_err(failed)?),
        groups_muted: MuteUntil(row.get(7).map_err(failed)?),
        status: row.get(8).map_err(failed)?,
    })
}

pub(super) fn set_robot(c: &Connection, app: AppId, user: &UserId, on: bool) -> Result<(), StoreError> {
    c.prepare_cached(
        "INSERT INTO robots (app, user, is_on) VALUES (?1, ?2, ?3) ON CONFLICT (app, user) DO UPDATE SET is_on = ?3",
    )
    .and_then(|mut s| s.execute(params![app.0, user.as_str(), on]))
    .map(drop)
    .map_err(failed)
}

pub(super) fn put(c: &Connection, app: AppId, account: &Account) -> Result<(), StoreError> {
    c.prepare_cached(
        "INSERT INTO accounts (app, user, created_at, valid_from, logged_in, profile) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (app, user) DO UPDATE SET valid_from = max(valid_from, excluded.valid_from),
             logged_in = max(logged_in, excluded.logged_in), profile = excluded.profile",
    )
    .and_then(|mut s| {
        s.execute(params![
            app.0,
            account.user.as_str(),
            account.created_at.0,
            account.valid_from.0,
            account.logged_in,
            to_json(&account.profile)
        ])
    })
    .map(drop)
    .map_err(failed)
}

/// Writes fields of a profile, the others stay.
pub(super) fn set_profile(
    c: &Connection,
    app: AppId,
    user: &UserId,
    fields: &[(String, ProfileValue)],
) -> Result<(), StoreError> {
    let known = get(c, app, user)?.ok_or_else(|| missing(user))?;
    let mut profile = known.profile.clone();
    profile.extend(fields.iter().cloned());
    run(
        c,
        "UPDATE accounts SET profile = ?3 WHERE app = ?1 AND user = ?2",
        params![app.0, user.as_str(), to_json(&profile)],
        user,
    )
}

/// Mutes an account, to single users, in groups; what is not named stays.
pub(super) fn mute(
    c: &Connection,
    app: AppId,
    user: &UserId,
    direct: Option<MuteUntil>,
    groups: Option<MuteUntil>,
) -> Result<(), StoreError> {
    run(
        c,
        "UPDATE accounts SET direct_muted = coalesce(?3, direct_muted), groups_muted = coalesce(?4, groups_muted)
         WHERE app = ?1 AND user = ?2",
        params![app.0, user.as_str(), direct.map(|until| until.0), groups.map(|until| until.0)],
        user,
    )
}

/// Remembers when an account was deleted.
pub(super) fn note_deletion(c: &Connection, app: AppId, user: &UserId, at: Timestamp) -> Result<(), StoreError> {
    c.prepare_cached(
        "INSERT INTO deleted_accounts (app, user, time) VALUES (?1, ?2, ?3)
         ON CONFLICT (app, user) DO UPDATE SET time = excluded.time",
    )
    .and_then(|mut s| s.execute(params![app.0, user.as_str(), at.0]))
    .map(drop)
    .map_err(failed)
}

/// What a user says of themselves.
pub(super) fn set_status(c: &Connection, app: AppId, user: &UserId, status: &str) -> Result<(), StoreError> {
    run(c, "UPDATE accounts SET status = ?3 WHERE app = ?1 AND user = ?2", params![app.0, user.as_str(), status], user)
}

fn run(c: &Connection, sql: &str, values: &[&dyn rusqlite::ToSql], user: &UserId) -> Result<(), StoreError> {
    match c.prepare_cached(sql).and_then(|mut s| s.execute(values)).map_err(failed)? {
        0 => Err(missing(user)),
        _ => Ok(()),
    }
}

fn missing(user: &UserId) -> StoreError {
    StoreError::Missing(format!("account {user}"))
}

/// Forgets an account and its side of every conversation, which were cleared before; places of its log are not given again.
///
/// # Errors
/// [`StoreError::Conflict`] while it is a member of a group.
pub(super) fn delete(c: &Connection, app: AppId, user: &UserId) -> Result<(), StoreError> {
    let is_member = c
        .prepare_cached("SELECT 1 FROM members m JOIN groups g ON g.pk = m.grp WHERE m.app = ?1 AND m.user = ?2")
        .and_then(|mut s| s.exists(params![app.0, user.as_str()]))
        .map_err(failed)?;
    if is_member {
        return Err(StoreError::Conflict(format!("{user} is a member of a group")));
    }
    for sql in [
        "DELETE FROM accounts WHERE app = ?1 AND user = ?2",
        // What was said stays cleared: whoever has the id later reads nothing of it.
        "UPDATE direct_views SET shown_seq = 0 WHERE app = ?1 AND user = ?2",
        "DELETE FROM contacts WHERE app = ?1 AND user = ?2",
        "DELETE FROM books WHERE app = ?1 AND user = ?2",
        "DELETE FROM user_log WHERE app = ?1 AND user = ?2",
        "UPDATE inboxes SET unread = 0 WHERE app = ?1 AND user = ?2",
    ] {
        c.prepare_cached(sql).and_then(|mut s| s.execute(params![app.0, user.as_str()])).map_err(failed)?;
    }
    people::forget(c, app, user)
}
