//! The embedded backend: one SQLite database in WAL mode with `synchronous=FULL`.
//!
//! One writer thread groups waiting commits into one transaction and one fsync; readers run beside it on connections of
//! their own. Messages lie in arrival order with a unique index on (conversation, seq).

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::{Mutex, RwLock};
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

use crate::{CommitObserver, StoreError};

mod accounts;
mod apply;
mod apps;
mod contacts;
mod conversations;
mod extras;
mod figures;
mod files;
mod group_data;
mod groups;
mod hours;
mod live;
mod log;
mod members;
mod messages;
mod official;
mod outbox;
mod people;
mod permission_groups;
#[cfg(test)]
pub(crate) mod plans;
mod pushes;
mod remembered;
mod search;
mod topics;
mod upkeep;
mod words;
mod writer;

pub use apps::stored_apps;

/// The numbered migrations, oldest first.
const MIGRATIONS: &[M<'_>] = &[
    M::up(include_str!("../../migrations/sqlite/0001_foundation.sql")),
    M::up(include_str!("../../migrations/sqlite/0002_message_extras.sql")),
    M::up(include_str!("../../migrations/sqlite/0003_groups.sql")),
    M::up(include_str!("../../migrations/sqlite/0010_housekeeping.sql")),
    M::up(include_str!("../../migrations/sqlite/0011_joined_mark.sql")),
    M::up(include_str!("../../migrations/sqlite/0012_live_rooms_robots.sql")),
    M::up(include_str!("../../migrations/sqlite/0013_contacts.sql")),
    M::up(include_str!("../../migrations/sqlite/0014_people.sql")),
    M::up(include_str!("../../migrations/sqlite/0015_webhooks.sql")),
    M::up(include_str!("../../migrations/sqlite/0016_files_push.sql")),
    M::up(include_str!("../../migrations/sqlite/0017_operations.sql")),
    M::up(include_str!("../../migrations/sqlite/0018_broadcast_numbers.sql")),
];

/// How the embedded store is opened.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The database file; `None` keeps everything in memory (tests).
    pub path: Option<PathBuf>,
    /// Connections for reading.
    pub readers: usize,
    /// Most changes that share one transaction.
    pub batch: usize,
    /// Most changes that wait for the writer; more have to wait before they are queued.
    pub queue: usize,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { path: None, readers: 4, batch: 1024, queue: 4096 }
    }
}

/// The embedded backend.
pub struct Sqlite {
    readers: Mutex<Vec<Connection>>,
    source: Source,
    /// A database in memory shares its pages between connections: readers and writer take turns, so that nobody sees what
    /// may yet be rolled back. Files need none.
    turn: Option<Arc<RwLock<()>>>,
    writer: writer::Writer,
    index: Arc<search::Index>,
    /// Held as long as the writer lives: what it remembers is true because nobody else writes.
    _lock: Option<File>,
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sqlite").field("source", &self.source).finish_non_exhaustive()
    }
}

/// Where the database lies.
#[derive(Debug, Clone)]
enum Source {
    File(PathBuf),
    Memory(String),
}

impl Source {
    fn open(&self) -> rusqlite::Result<Connection> {
        let connection = match self {
            Self::File(path) => Connection::open(path),
            Self::Memory(uri) => Connection::open_with_flags(
                uri,
                OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_URI,
            ),
        }?;
        #[cfg(test)]
        plans::watch(&connection);
        Ok(connection)
    }
}

impl Sqlite {
    /// Opens the database, migrates it to the newest schema and starts the writer.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the file cannot be opened or migrated.
    pub fn open(options: &SqliteOptions, observer: Arc<dyn CommitObserver>) -> Result<Self, StoreError> {
        let source = match &options.path {
            Some(path) => Source::File(path.clone()),
            None => Source::Memory(memory_uri()),
        };
        if let Source::File(path) = &source
            && let Some(parent) = path.parent()
        {
            std::fs::create_dir_all(parent)
                .map_err(|e| StoreError::Unavailable(format!("folder {} cannot be made: {e}", parent.display())))?;
        }
        let lock = match &source {
            Source::File(path) => Some(lock(path)?),
            Source::Memory(_) => None,
        };
        let turn = matches!(source, Source::Memory(_)).then(Arc::default);
        let mut connection = source.open().map_err(failed)?;
        prepare(&connection, true).map_err(failed)?;
        Migrations::from_slice(MIGRATIONS)
            .to_latest(&mut connection)
            .map_err(|e| StoreError::Unavailable(format!("the schema cannot be migrated: {e}")))?;
        let index = Arc::new(search::Index::open(&source, turn.clone())?);
        let writer = writer::Writer::start(connection, options, turn.clone(), observer);
        let store = Self { readers: Mutex::new(Vec::new()), source, turn, writer, index, _lock: lock };
        for _ in 0..options.readers.max(1) {
            let reader = store.reader()?;
            store.readers.lock().push(reader);
        }
        Ok(store)
    }

    /// The path of the database of a data folder.
    #[must_use]
    pub fn path_in(data_dir: &Path) -> PathBuf {
        data_dir.join("tsudoi.db")
    }

    fn reader(&self) -> Result<Connection, StoreError> {
        let connection = self.source.open().map_err(failed)?;
        prepare(&connection, false).map_err(failed)?;
        Ok(connection)
    }

    /// Reads on a connection of the pool; opens one more when all are busy. There are never more than threads that read.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let pooled = self.readers.lock().pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => self.reader()?,
        };
        let answer = {
            let _turn = self.turn.as_ref().map(|turn| turn.read());
            read(&connection)
        };
        self.readers.lock().push(connection);
        answer
    }

    /// As [`Sqlite::read`], for several statements that have to see the same moment.
    fn snapshot<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.read(|c| {
            let transaction = c.unchecked_transaction().map_err(failed)?;
            let answer = read(&transaction)?;
            transaction.finish().map_err(failed)?;
            Ok(answer)
        })
    }
}

/// How long the lock is tried for.
const LOCK_ATTEMPTS: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(25);

/// Keeps other servers off the files of a database for as long as the answer lives.
fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let unavailable = |what: &str| StoreError::Unavailable(format!("{}: {what}", name.display()));
    let file = File::options().write(true).create(true).truncate(false).open(&name);
    let file = file.map_err(|e| unavailable(&format!("cannot be opened: {e}")))?;
    // A process that is just ending, or one that was forked a moment ago, may hold it a little longer.
    for _ in 0..LOCK_ATTEMPTS {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(e)) => return Err(unavailable(&format!("cannot be locked: {e}"))),
        }
    }
    Err(unavailable("another server uses this database"))
}

/// A name of its own for every database in memory: connections of one store share it.
fn memory_uri() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("file:tsudoi-{}?mode=memory&cache=shared", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn prepare(connection: &Connection, writer: bool) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(256);
    if writer {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    } else {
        connection.pragma_update(None, "query_only", true)?;
    }
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(())
}

/// A database fault as the store tells it.
#[allow(clippy::needless_pass_by_value, reason = "used as a function in map_err")]
fn failed(error: rusqlite::Error) -> StoreError {
    match error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..) => StoreError::Corrupt(error.to_string()),
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// Reads a JSON column.
fn json<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::Corrupt(format!("{what}: {e}")))
}

/// Writes a JSON column.
fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("rows of the store are plain data that serialise")
}

/// SQLite integers are signed; numbers of the domain that cannot be negative pass through here.
fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The way back of [`int`].
fn uint(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

#[async_trait::async_trait]
impl crate::Commit for Sqlite {
    async fn commit(
        &self,
        app: tsudoi_domain::AppId,
        change: Arc<tsudoi_domain::change::Change>,
    ) -> Result<crate::Outcome, StoreError> {
        self.writer.commit(app, change).await
    }

    async fn put_app(&self, row: crate::AppRow) -> Result<(), StoreError> {
        self.writer.write(writer::Work::PutApp(row)).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.writer.write(writer::Work::Probe).await
    }
}
