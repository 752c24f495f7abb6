//! Accounts.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tsudoi_domain::{AppId, UserId, account::Account, time::Timestamp};

use super::{Sqlite, failed, json, to_json, uint};
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
}

fn get(c: &Connection, app: AppId, user: &UserId) -> Result<Option<Arc<Account>>, StoreError> {
    c.prepare_cached(
        "SELECT tiny, user, created_at, valid_from, logged_in, profile FROM accounts WHERE app = ?1 AND user = ?2",
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
    })
}

pub(super) fn put(c: &Connection, app: AppId, account: &Account) -> Result<(), StoreError> {
    c.prepare_cached(
        "INSERT INTO accounts (app, user, created_at, valid_from, logged_in, profile) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (app, user) DO UPDATE SET valid_from = excluded.valid_from, logged_in = excluded.logged_in, profile = excluded.profile",
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

/// Forgets an account and its side of every conversation; places of its log are not given again.
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
        "DELETE FROM direct_views WHERE app = ?1 AND user = ?2",
        "DELETE FROM contacts WHERE app = ?1 AND user = ?2",
        "DELETE FROM books WHERE app = ?1 AND user = ?2",
        "DELETE FROM user_log WHERE app = ?1 AND user = ?2",
        "UPDATE inboxes SET unread = 0 WHERE app = ?1 AND user = ?2",
    ] {
        c.prepare_cached(sql).and_then(|mut s| s.execute(params![app.0, user.as_str()])).map_err(failed)?;
    }
    Ok(())
}
