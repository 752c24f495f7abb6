//! Apps and what the server keeps about itself.

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use tsudoi_domain::AppId;

use super::{Sqlite, failed, json, to_json, writer::Work};
use crate::{AppRow, Apps, StoreError};

#[async_trait]
impl Apps for Sqlite {
    async fn apps(&self) -> Result<Vec<AppRow>, StoreError> {
        self.read(all)
    }

    async fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|c| {
            c.query_row("SELECT value FROM meta WHERE key = ?1", [key], |r| r.get(0)).optional().map_err(failed)
        })
    }

    async fn put_meta(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.writer.write(Work::PutMeta(key.into(), value.into())).await
    }
}

fn all(c: &Connection) -> Result<Vec<AppRow>, StoreError> {
    let mut statement = c.prepare_cached("SELECT app, keys, settings FROM apps ORDER BY app").map_err(failed)?;
    let rows = statement
        .query_map([], |r| Ok((r.get::<_, u32>(0)?, r.get::<_, String>(1)?, r.get::<_, String>(2)?)))
        .map_err(failed)?;
    rows.map(|row| {
        let (app, keys, settings) = row.map_err(failed)?;
        Ok(AppRow { app: AppId(app), keys: json("keys", &keys)?, settings })
    })
    .collect()
}

/// The apps in a database file; none when there is no file. For tools beside a server, which may be running: nothing is
/// locked, migrated or written.
///
/// # Errors
/// [`StoreError::Unavailable`] when the file is no database of this version, [`StoreError::Corrupt`] when a row cannot be read.
pub fn stored_apps(file: &Path) -> Result<Vec<AppRow>, StoreError> {
    if !file.exists() {
        return Ok(Vec::new());
    }
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    connection.busy_timeout(Duration::from_secs(10)).map_err(failed)?;
    all(&connection)
}

pub(super) fn put(c: &Connection, row: &AppRow) -> Result<(), StoreError> {
    c.execute(
        "INSERT INTO apps (app, keys, settings) VALUES (?1, ?2, ?3)
         ON CONFLICT (app) DO UPDATE SET keys = excluded.keys, settings = excluded.settings",
        params![row.app.0, to_json(&row.keys), row.settings],
    )
    .map(drop)
    .map_err(failed)
}

pub(super) fn put_meta(c: &Connection, key: &str, value: &[u8]) -> Result<(), StoreError> {
    c.execute(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        params![key, value],
    )
    .map(drop)
    .map_err(failed)
}
