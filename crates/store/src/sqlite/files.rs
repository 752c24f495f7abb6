//! What is kept about uploaded files: which ones may not be served.

use async_trait::async_trait;
use rusqlite::{Connection, params};
use tsudoi_domain::AppId;

use super::{Sqlite, failed};
use crate::{Files, StoreError};

#[async_trait]
impl Files for Sqlite {
    async fn is_file_banned(&self, app: AppId, key: &str) -> Result<bool, StoreError> {
        self.read(|c| {
            c.prepare_cached("SELECT 1 FROM banned_files WHERE app = ?1 AND key = ?2")
                .and_then(|mut s| s.exists(params![app.0, key]))
                .map_err(failed)
        })
    }
}

/// Bans a file, or lifts the ban.
pub(super) fn set_ban(c: &Connection, app: AppId, key: &str, banned: bool) -> Result<(), StoreError> {
    let sql = if banned {
        "INSERT INTO banned_files (app, key) VALUES (?1, ?2) ON CONFLICT DO NOTHING"
    } else {
        "DELETE FROM banned_files WHERE app = ?1 AND key = ?2"
    };
    c.prepare_cached(sql).and_then(|mut s| s.execute(params![app.0, key])).map(drop).map_err(failed)
}
