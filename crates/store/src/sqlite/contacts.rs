//! What users do with the conversations of their lists.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use tsudoi_domain::{
    AppId, GroupId, Timestamp, UserId,
    conversation::care::{Book, Care, Contact},
};

use super::{Sqlite, failed, int, json, to_json, uint};
use crate::{Contacts, StoreError};

#[async_trait]
impl Contacts for Sqlite {
    async fn book(&self, app: AppId, user: &UserId) -> Result<Book, StoreError> {
        self.read(|c| {
            let found: Option<(i64, String)> = c
                .prepare_cached("SELECT revision, data FROM books WHERE app = ?1 AND user = ?2")
                .and_then(|mut s| s.query_row(params![app.0, user.as_str()], |r| Ok((r.get(0)?, r.get(1)?))).optional())
                .map_err(failed)?;
            let Some((revision, data)) = found else { return Ok(Book::default()) };
            Ok(Book { revision: uint(revision), ..json("book", &data)? })
        })
    }

    async fn care(&self, app: AppId, user: &UserId, contact: &Contact) -> Result<Care, StoreError> {
        self.read(|c| {
            let (kind, id) = columns(contact);
            let data: Option<String> = c
                .prepare_cached("SELECT data FROM contacts WHERE app = ?1 AND user = ?2 AND kind = ?3 AND id = ?4")
                .and_then(|mut s| s.query_row(params![app.0, user.as_str(), kind, id], |r| r.get(0)).optional())
                .map_err(failed)?;
            Ok(data.map(|data| json("care", &data)).transpose()?.unwrap_or_default())
        })
    }

    async fn care_of_groups(&self, app: AppId, user: &UserId) -> Result<Vec<(GroupId, Care)>, StoreError> {
        self.read(|c| {
            let sql = "SELECT kind, id, data FROM contacts WHERE app = ?1 AND user = ?2 AND kind = 2";
            let found = list(c, sql, params![app.0, user.as_str()])?;
            let groups = found.into_iter().filter_map(|(contact, care)| match contact {
                Contact::Group(group) => Some((group, care)),
                Contact::User(_) => None,
            });
            Ok(groups.collect())
        })
    }

    async fn care_changed(
        &self,
        app: AppId,
        user: &UserId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<(UserId, Care)>, StoreError> {
        self.read(|c| {
            let sql = "SELECT kind, id, data FROM contacts INDEXED BY contacts_changed
                       WHERE app = ?1 AND user = ?2 AND kind = 1 AND changed_at >= ?3
                       ORDER BY changed_at DESC LIMIT ?4";
            let found = list(c, sql, params![app.0, user.as_str(), since.0, int(limit as u64)])?;
            let people = found.into_iter().filter_map(|(contact, care)| match contact {
                Contact::User(peer) => Some((peer, care)),
                Contact::Group(_) => None,
            });
            Ok(people.collect())
        })
    }

    async fn pinned(&self, app: AppId, user: &UserId) -> Result<Vec<(Contact, Care)>, StoreError> {
        self.read(|c| {
            let sql = "SELECT kind, id, data FROM contacts INDEXED BY contacts_pinned
                       WHERE app = ?1 AND user = ?2 AND pinned_at IS NOT NULL ORDER BY pinned_at DESC";
            list(c, sql, params![app.0, user.as_str()])
        })
    }

    async fn grouped(
        &self,
        app: AppId,
        user: &UserId,
        offset: u64,
        limit: usize,
    ) -> Result<Vec<(Contact, Care)>, StoreError> {
        self.read(|c| {
            let sql = "SELECT kind, id, data FROM contacts INDEXED BY contacts_grouped
                       WHERE app = ?1 AND user = ?2 AND grouped = 1 ORDER BY kind, id LIMIT ?3 OFFSET ?4";
            list(c, sql, params![app.0, user.as_str(), int(limit as u64), int(offset)])
        })
    }

    async fn grouped_count(&self, app: AppId, user: &UserId) -> Result<u64, StoreError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT count(*) FROM contacts INDEXED BY contacts_grouped WHERE app = ?1 AND user = ?2 AND grouped = 1",
            )
            .and_then(|mut s| s.query_row(params![app.0, user.as_str()], |r| r.get(0)))
            .map(uint)
            .map_err(failed)
        })
    }

    async fn record(&self, app: AppId, key: &str) -> Result<Option<Arc<str>>, StoreError> {
        self.read(|c| {
            let data: Option<String> = c
                .prepare_cached("SELECT data FROM records WHERE app = ?1 AND key = ?2")
                .and_then(|mut s| s.query_row(params![app.0, key], |r| r.get(0)).optional())
                .map_err(failed)?;
            Ok(data.map(Into::into))
        })
    }
}

fn columns(contact: &Contact) -> (i64, &str) {
    match contact {
        Contact::User(user) => (1, user.as_str()),
        Contact::Group(group) => (2, group.as_str()),
    }
}

fn contact(row: &Row<'_>) -> rusqlite::Result<Contact> {
    let (kind, id): (i64, String) = (row.get(0)?, row.get(1)?);
    Ok(if kind == 1 { Contact::User(UserId::trusted(&id)) } else { Contact::Group(GroupId::trusted(&id)) })
}

fn list(c: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<Vec<(Contact, Care)>, StoreError> {
    let mut statement = c.prepare_cached(sql).map_err(failed)?;
    let rows = statement.query_map(params, |r| Ok((contact(r)?, r.get::<_, String>(2)?))).map_err(failed)?;
    rows.map(|row| {
        let (contact, data) = row.map_err(failed)?;
        Ok((contact, json("care", &data)?))
    })
    .collect()
}

fn run(c: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<(), StoreError> {
    c.prepare_cached(sql).and_then(|mut s| s.execute(params)).map(drop).map_err(failed)
}

pub(super) fn revision(c: &Connection, app: AppId, user: &UserId) -> Result<u64, StoreError> {
    c.prepare_cached("SELECT revision FROM books WHERE app = ?1 AND user = ?2")
        .and_then(|mut s| s.query_row(params![app.0, user.as_str()], |r| r.get(0)).optional())
        .map(|revision| revision.map_or(0, uint))
        .map_err(failed)
}

pub(super) fn put_care(
    c: &Connection,
    app: AppId,
    user: &UserId,
    contact: &Contact,
    care: &Care,
) -> Result<(), StoreError> {
    let (kind, id) = columns(contact);
    run(
        c,
        "INSERT INTO contacts (app, user, kind, id, pinned_at, grouped, changed_at, data)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (app, user, kind, id) DO UPDATE
             SET pinned_at = excluded.pinned_at, grouped = excluded.grouped, changed_at = excluded.changed_at,
                 data = excluded.data",
        params![
            app.0,
            user.as_str(),
            kind,
            id,
            care.pinned_at.map(|at| at.0),
            care.is_grouped(),
            care.changed_at.0,
            to_json(care)
        ],
    )?;
    run(
        c,
        "INSERT INTO books (app, user, revision) VALUES (?1, ?2, 1)
         ON CONFLICT (app, user) DO UPDATE SET revision = revision + 1",
        params![app.0, user.as_str()],
    )
}

pub(super) fn put_book(c: &Connection, app: AppId, user: &UserId, book: &Book) -> Result<(), StoreError> {
    run(
        c,
        "INSERT INTO books (app, user, revision, data) VALUES (?1, ?2, 1, ?3)
         ON CONFLICT (app, user) DO UPDATE SET revision = revision + 1, data = excluded.data",
        params![app.0, user.as_str(), to_json(book)],
    )
}

/// Somebody left a group: what they did with its conversation is of no use.
pub(super) fn forget_group(c: &Connection, app: AppId, user: &UserId, group: &GroupId) -> Result<(), StoreError> {
    run(
        c,
        "DELETE FROM contacts WHERE app = ?1 AND user = ?2 AND kind = 2 AND id = ?3",
        params![app.0, user.as_str(), group.as_str()],
    )
}

/// How many old records go when a new one comes.
const FORGOTTEN: i64 = 20;

pub(super) fn put_record(
    c: &Connection,
    app: AppId,
    key: &str,
    messages: &str,
    time: Timestamp,
    keep_from: Timestamp,
) -> Result<(), StoreError> {
    run(
        c,
        "DELETE FROM records WHERE (app, key) IN
             (SELECT app, key FROM records INDEXED BY records_by_time WHERE app = ?1 AND time < ?2 LIMIT ?3)",
        params![app.0, keep_from.0, FORGOTTEN],
    )?;
    run(
        c,
        "INSERT OR REPLACE INTO records (app, key, time, data) VALUES (?1, ?2, ?3, ?4)",
        params![app.0, key, time.0, messages],
    )
}
