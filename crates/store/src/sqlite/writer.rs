//! The writer thread: takes every change that waits, stores them in one transaction, syncs once, then tells everybody.

use std::{collections::HashMap, sync::Arc, thread};

use parking_lot::RwLock;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};
use tsudoi_domain::{
    AppId, UserId,
    change::Change,
    time::{Millis, Timestamp},
};

use super::{
    SqliteOptions,
    apply::{Applied, Applier},
    apps, failed, outbox, pushes, upkeep,
};
use crate::{
    AppRow, CommitObserver, Committed, DeadCall, Expired, ExpiredLog, Outcome, ReadyCall, Recounted, StoreError, turn,
};

/// What the writer is asked to do.
pub(super) enum Work {
    Commit(AppId, Arc<Change>),
    PutApp(AppRow),
    PutMeta(String, Vec<u8>),
    Probe,
    Purge { limit: usize },
    ExpireMessages { keep_from: HashMap<AppId, Timestamp>, after: u64, limit: usize },
    ExpireLog { app: AppId, before: Timestamp, after: Option<UserId>, limit: usize },
    ExpireMutes { now: Timestamp, limit: usize },
    ExpirePushes { app: AppId, before: Millis, limit: usize },
    ForgetCalls(Vec<u64>),
    BuryCalls { dead: Vec<DeadCall>, keep: u64 },
    ReviveCalls { app: AppId, ids: Vec<u64> },
    DropDeadCalls { app: AppId, ids: Vec<u64> },
    Recount { after: u64, limit: usize },
}

/// How work ended.
pub(super) enum Done {
    Committed(Outcome),
    Written,
    Deleted(u64),
    Expired(Expired),
    ExpiredLog(ExpiredLog),
    Revived(Vec<ReadyCall>),
    Recounted(Recounted),
}

impl Done {
    /// Every kind of work ends in its own way.
    pub(super) fn unexpected(self) -> StoreError {
        StoreError::Corrupt("the writer answered something else".into())
    }
}

struct Request {
    work: Work,
    answer: oneshot::Sender<Result<Done, StoreError>>,
}

/// The handle to the writer thread. Dropping it lets the thread finish what waits and end.
pub(super) struct Writer {
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer panicked");
        }
    }
}

impl Writer {
    /// Starts the thread; `turn` is held while a transaction runs, where readers cannot look past one.
    pub(super) fn start(
        connection: Connection,
        options: &SqliteOptions,
        turn: Option<Arc<RwLock<()>>>,
        observer: Arc<dyn CommitObserver>,
    ) -> Self {
        let (requests, queue) = mpsc::channel(options.queue.max(1));
        let batch = options.batch.max(1);
        let thread = thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                let books = Books { connection, applier: Applier::default(), turn, observer };
                books.keep(queue, batch);
            })
            .expect("a thread can be started");
        Self { requests: Some(requests), thread: Some(thread) }
    }

    pub(super) async fn ask(&self, work: Work) -> Result<Done, StoreError> {
        let (answer, reply) = oneshot::channel();
        let gone = || StoreError::Unavailable("the writer has stopped".into());
        let requests = self.requests.as_ref().ok_or_else(gone)?;
        requests.send(Request { work, answer }).await.map_err(|_| gone())?;
        turn::settle();
        reply.await.map_err(|_| gone())?
    }

    pub(super) async fn commit(&self, app: AppId, change: Arc<Change>) -> Result<Outcome, StoreError> {
        match self.ask(Work::Commit(app, change)).await? {
            Done::Committed(outcome) => Ok(outcome),
            other => Err(other.unexpected()),
        }
    }

    /// Work that answers nothing.
    pub(super) async fn write(&self, work: Work) -> Result<(), StoreError> {
        self.ask(work).await.map(drop)
    }
}

/// What became of work whose transaction has yet to be committed.
type Tried = Vec<Result<Done, StoreError>>;

/// The connection that writes, and what is known of the database without looking.
struct Books {
    connection: Connection,
    applier: Applier,
    turn: Option<Arc<RwLock<()>>>,
    observer: Arc<dyn CommitObserver>,
}

impl Books {
    fn keep(mut self, mut queue: mpsc::Receiver<Request>, batch: usize) {
        let mut waiting = Vec::with_capacity(batch);
        while queue.blocking_recv_many(&mut waiting, batch) > 0 {
            metrics::histogram!("store_batch_changes").record(waiting.len() as f64);
            let (works, answers): (Vec<_>, Vec<_>) = waiting.drain(..).map(|r| (r.work, r.answer)).unzip();
            for (answer, result) in answers.into_iter().zip(self.store(&works)) {
                // Whoever asked may have gone away.
                _ = answer.send(result);
            }
        }
    }

    /// Stores the works in one transaction. When the database fails in the middle of it nothing of it is stored, and each is
    /// tried alone: one that the database cannot take does not stop the others.
    fn store(&mut self, works: &[Work]) -> Tried {
        let error = match self.try_together(works) {
            Ok(tried) => return tried,
            Err(error) => error,
        };
        tracing::error!(%error, works = works.len(), "a batch could not be stored");
        if let [_] = works {
            return vec![Err(error)];
        }
        works
            .iter()
            .map(|work| match self.try_together(std::slice::from_ref(work)) {
                Ok(mut tried) => tried.pop().expect("as many answers as works"),
                Err(error) => Err(error),
            })
            .collect()
    }

    /// Stores the works, syncs once and tells the listener; or stores nothing, tells nobody and forgets what it believed.
    fn try_together(&mut self, works: &[Work]) -> Result<Tried, StoreError> {
        let mut committed = Vec::new();
        let stored = {
            let _turn = self.turn.as_ref().map(|turn| turn.write());
            store_all(&mut self.connection, &mut self.applier, works, &mut committed)
        };
        match &stored {
            Ok(_) => self.observer.committed(&committed),
            Err(_) => self.applier = Applier::default(),
        }
        stored
    }
}

fn store_all(
    connection: &mut Connection,
    applier: &mut Applier,
    works: &[Work],
    committed: &mut Vec<Committed>,
) -> Result<Tried, StoreError> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let mut tried = Vec::with_capacity(works.len());
    for work in works {
        let result = store_one(&mut transaction, applier, work, committed);
        if let Err(error) = &result
            && !error.is_refusal()
        {
            // The database may have given up the whole transaction by itself (docs: sqlite.org/lang_transaction.html).
            return Err(error.clone());
        }
        tried.push(result);
    }
    applier.flush(&transaction)?;
    transaction.commit().map_err(failed)?;
    Ok(tried)
}

fn store_one(
    transaction: &mut Transaction<'_>,
    applier: &mut Applier,
    work: &Work,
    committed: &mut Vec<Committed>,
) -> Result<Done, StoreError> {
    match work {
        Work::Commit(app, change) => match applier.apply(transaction, *app, change)? {
            Applied::Stored(appended, calls) => {
                committed.push(Committed { app: *app, change: change.clone(), appended: appended.clone(), calls });
                Ok(Done::Committed(Outcome::Stored(appended)))
            }
            Applied::Repeated(first) => Ok(Done::Committed(Outcome::Repeated(first))),
        },
        Work::PutApp(row) => apps::put(transaction, row).map(|()| Done::Written),
        Work::PutMeta(key, value) => apps::put_meta(transaction, key, value).map(|()| Done::Written),
        Work::Probe => apps::put_meta(transaction, "probe", b"").map(|()| Done::Written),
        Work::Purge { limit } => upkeep::purge(transaction, *limit).map(Done::Deleted),
        Work::ExpireMessages { keep_from, after, limit } => {
            upkeep::expire_messages(transaction, keep_from, *after, *limit).map(Done::Expired)
        }
        Work::ExpireLog { app, before, after, limit } => {
            upkeep::expire_log(transaction, *app, *before, after.as_ref(), *limit).map(Done::ExpiredLog)
        }
        Work::ExpireMutes { now, limit } => upkeep::expire_mutes(transaction, *now, *limit).map(Done::Deleted),
        Work::ExpirePushes { app, before, limit } => {
            pushes::expire(transaction, *app, *before, *limit).map(Done::Deleted)
        }
        Work::ForgetCalls(ids) => outbox::forget(transaction, ids).map(|()| Done::Written),
        Work::BuryCalls { dead, keep } => outbox::bury(transaction, dead, *keep).map(|()| Done::Written),
        Work::ReviveCalls { app, ids } => applier.revive(transaction, *app, ids).map(Done::Revived),
        Work::DropDeadCalls { app, ids } => outbox::drop_dead(transaction, *app, ids).map(Done::Deleted),
        Work::Recount { after, limit } => applier.recount(transaction, *after, *limit).map(Done::Recounted),
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use tsudoi_domain::{account::Account, change::Write};

    use super::*;
    use crate::sqlite::{MIGRATIONS, prepare};

    #[derive(Default)]
    struct Heard(Mutex<Vec<usize>>);

    impl CommitObserver for Heard {
        fn committed(&self, batch: &[Committed]) {
            self.0.lock().push(batch.len());
        }
    }

    fn books() -> (Books, Arc<Heard>) {
        let mut connection = Connection::open_in_memory().unwrap();
        prepare(&connection, true).unwrap();
        rusqlite_migration::Migrations::from_slice(MIGRATIONS).to_latest(&mut connection).unwrap();
        let heard = Arc::new(Heard::default());
        (Books { connection, applier: Applier::default(), turn: None, observer: heard.clone() }, heard)
    }

    fn account(name: &str, nick_bytes: usize) -> Work {
        let mut account = Account::new(UserId::parse(name).unwrap(), Timestamp(1));
        let nick = "x".repeat(nick_bytes);
        account.profile.insert("nick".into(), tsudoi_domain::account::ProfileValue::Text(nick));
        Work::Commit(AppId(1), Arc::new(Change::none().write(Write::PutAccount(Box::new(account)))))
    }

    fn accounts(books: &Books) -> i64 {
        books.connection.query_row("SELECT count(*) FROM accounts", [], |r| r.get(0)).unwrap()
    }

    /// A full disk makes SQLite give up the whole transaction; whatever came after would be stored on its own.
    #[test]
    fn what_the_disk_has_no_room_for_takes_nobody_along() {
        let (mut books, heard) = books();
        let pages: i64 = books.connection.query_row("PRAGMA page_count", [], |r| r.get(0)).unwrap();
        books.connection.pragma_update(None, "max_page_count", pages + 8).unwrap();
        let works = [account("ana", 10), account("bob", 1 << 20), account("cid", 10)];
        let tried = books.store(&works);
        assert!(tried[0].is_ok() && tried[2].is_ok());
        assert!(matches!(tried[1], Err(StoreError::Unavailable(_))));
        assert_eq!(accounts(&books), 2);
        assert_eq!(*heard.0.lock(), [1, 1], "told once each");
        assert!(books.store(&[account("dan", 10)])[0].is_ok());
        assert_eq!(accounts(&books), 3);
    }

    #[test]
    fn works_share_a_transaction() {
        let (mut books, heard) = books();
        let works: Vec<_> = (0..50).map(|n| account(&format!("user-{n}"), 10)).collect();
        assert!(books.store(&works).iter().all(Result::is_ok));
        assert_eq!(*heard.0.lock(), [50], "one transaction, one sync, one batch");
    }

    /// Members are told what came after they joined by these numbers.
    #[test]
    fn the_ids_of_messages_that_are_gone_never_come_again() {
        use crate::conformance;

        let (mut books, _) = books();
        let made = Change::none().write(Write::CreateGroup(Box::new(conformance::group("crew"))));
        let said = || {
            let draft = conformance::draft(&conformance::in_group("crew"), "ana", Timestamp(1));
            Change::none().write(conformance::append(draft))
        };
        for change in [made, said(), said()] {
            assert!(books.store(&[Work::Commit(AppId(1), Arc::new(change))])[0].is_ok());
        }
        books.connection.execute("DELETE FROM messages", []).unwrap();
        assert!(books.store(&[Work::Commit(AppId(1), Arc::new(said()))])[0].is_ok());
        let id: i64 = books.connection.query_row("SELECT id FROM messages", [], |r| r.get(0)).unwrap();
        assert_eq!(id, 3);
    }

    #[test]
    fn wrong_counts_of_members_are_corrected() {
        let (mut books, _) = books();
        let group = crate::conformance::group("crew");
        let member = |name: &str| {
            let user = UserId::parse(name).unwrap();
            let member = tsudoi_domain::member::Member::new(
                user,
                tsudoi_domain::Role::Member,
                Timestamp(1),
                0,
                tsudoi_domain::group::MsgFlag::AcceptAndNotify,
            );
            Write::PutMember(group.id.clone(), Box::new(member))
        };
        let change =
            Change::none().write(Write::CreateGroup(Box::new(group.clone()))).write(member("ana")).write(member("bob"));
        assert!(books.store(&[Work::Commit(AppId(1), Arc::new(change))])[0].is_ok());
        books.connection.execute("UPDATE groups SET member_num = 99", []).unwrap();
        books.applier = Applier::default();
        let recounted = books.store(&[Work::Recount { after: 0, limit: 10 }]).remove(0);
        assert!(
            matches!(recounted, Ok(Done::Recounted(Recounted { corrected, next: 0 })) if corrected == [(AppId(1), group.id)])
        );
        let number: i64 = books.connection.query_row("SELECT member_num FROM groups", [], |r| r.get(0)).unwrap();
        assert_eq!(number, 2);
    }
}
