//! What a local server has stored, for sub-commands that answer questions about it.

use tsudoi_store::{
    AppRow, Apps as _, StoreError,
    cache::Silent,
    sqlite::{Sqlite, SqliteOptions},
};

use std::{path::Path, sync::Arc};

/// The apps in the database of a data folder; none when there is no database. A server may run beside.
pub(super) fn apps(data_dir: &Path) -> Result<Vec<AppRow>, StoreError> {
    let file = Sqlite::path_in(data_dir);
    if !file.exists() {
        return Ok(Vec::new());
    }
    let options = SqliteOptions { path: Some(file), readers: 1, ..SqliteOptions::default() };
    let store = Sqlite::open(&options, Arc::new(Silent))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| StoreError::Unavailable(format!("cannot start the runtime: {error}")))?;
    runtime.block_on(store.apps())
}
