//! The writer thread: takes every change that waits, stores them in one transaction, syncs once, then tells everybody.

use std::{sync::Arc, thread};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};
use tsudoi_domain::{AppId, change::Change};

use super::{
    SqliteOptions,
    apply::{Applied, Applier},
    failed,
};
use crate::{AppRow, CommitObserver, Committed, Outcome, StoreError};

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What waits for the writer.
enum Request {
    Commit { app: AppId, change: Arc<Change>, answer: Answer<Outcome> },
    PutApp { row: AppRow, answer: Answer<()> },
    PutMeta { key: String, value: Vec<u8>, answer: Answer<()> },
    Probe { answer: Answer<()> },
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
    pub(super) fn start(connection: Connection, options: &SqliteOptions, observer: Arc<dyn CommitObserver>) -> Self {
        let (requests, queue) = mpsc::channel(options.queue.max(1));
        let batch = options.batch.max(1);
        let thread = thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || run(connection, queue, batch, observer.as_ref()))
            .expect("a thread can be started");
        Self { requests: Some(requests), thread: Some(thread) }
    }

    async fn ask<T>(&self, request: impl FnOnce(Answer<T>) -> Request) -> Result<T, StoreError> {
        let (answer, reply) = oneshot::channel();
        let gone = || StoreError::Unavailable("the writer has stopped".into());
        let requests = self.requests.as_ref().ok_or_else(gone)?;
        requests.send(request(answer)).await.map_err(|_| gone())?;
        reply.await.map_err(|_| gone())?
    }

    pub(super) async fn commit(&self, app: AppId, change: Arc<Change>) -> Result<Outcome, StoreError> {
        self.ask(|answer| Request::Commit { app, change, answer }).await
    }

    pub(super) async fn put_app(&self, row: AppRow) -> Result<(), StoreError> {
        self.ask(|answer| Request::PutApp { row, answer }).await
    }

    pub(super) async fn put_meta(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.ask(|answer| Request::PutMeta { key: key.into(), value: value.into(), answer }).await
    }

    pub(super) async fn probe(&self) -> Result<(), StoreError> {
        self.ask(|answer| Request::Probe { answer }).await
    }
}

/// How a request of the batch ended, before the batch is on disk.
enum Pending {
    Commit(Answer<Outcome>, Result<Outcome, StoreError>),
    Done(Answer<()>, Result<(), StoreError>),
}

fn run(
    mut connection: Connection,
    mut queue: mpsc::Receiver<Request>,
    batch_limit: usize,
    observer: &dyn CommitObserver,
) {
    let mut applier = Applier::default();
    let mut waiting = Vec::with_capacity(batch_limit);
    while queue.blocking_recv_many(&mut waiting, batch_limit) > 0 {
        metrics::histogram!("store_batch_changes").record(waiting.len() as f64);
        let mut committed = Vec::new();
        let mut pending = Vec::with_capacity(waiting.len());
        let stored = store_batch(&mut connection, &mut applier, waiting.drain(..), &mut pending, &mut committed);
        match stored {
            Ok(()) => {
                observer.committed(&committed);
                for one in pending {
                    match one {
                        Pending::Commit(answer, result) => _ = answer.send(result),
                        Pending::Done(answer, result) => _ = answer.send(result),
                    }
                }
            }
            Err(error) => {
                // Nothing of the batch is on disk: forget what the applier believed and tell everybody.
                tracing::error!(%error, "a batch could not be stored");
                applier = Applier::default();
                for one in pending {
                    match one {
                        Pending::Commit(answer, _) => _ = answer.send(Err(error.clone())),
                        Pending::Done(answer, _) => _ = answer.send(Err(error.clone())),
                    }
                }
            }
        }
    }
}

fn store_batch(
    connection: &mut Connection,
    applier: &mut Applier,
    requests: impl Iterator<Item = Request>,
    pending: &mut Vec<Pending>,
    committed: &mut Vec<Committed>,
) -> Result<(), StoreError> {
    let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let mut transaction = match begun {
        Ok(transaction) => transaction,
        Err(error) => {
            // The requests still have to be answered.
            for request in requests {
                pending.push(refused(request));
            }
            return Err(failed(error));
        }
    };
    for request in requests {
        match request {
            Request::Commit { app, change, answer } => {
                let result = match applier.apply(&mut transaction, app, &change) {
                    Ok(Applied::Stored(appended)) => {
                        committed.push(Committed { app, change, appended: appended.clone() });
                        Ok(Outcome::Stored(appended))
                    }
                    Ok(Applied::Repeated(first)) => Ok(Outcome::Repeated(first)),
                    Err(error) => Err(error),
                };
                pending.push(Pending::Commit(answer, result));
            }
            Request::PutApp { row, answer } => {
                pending.push(Pending::Done(answer, super::apps::put(&transaction, &row)))
            }
            Request::PutMeta { key, value, answer } => {
                pending.push(Pending::Done(answer, super::apps::put_meta(&transaction, &key, &value)));
            }
            Request::Probe { answer } => {
                pending.push(Pending::Done(answer, super::apps::put_meta(&transaction, "probe", b"")))
            }
        }
    }
    applier.flush(&transaction)?;
    transaction.commit().map_err(failed)
}

fn refused(request: Request) -> Pending {
    let error = StoreError::Unavailable("no transaction could be begun".into());
    match request {
        Request::Commit { answer, .. } => Pending::Commit(answer, Err(error)),
        Request::PutApp { answer, .. } | Request::PutMeta { answer, .. } | Request::Probe { answer } => {
            Pending::Done(answer, Err(error))
        }
    }
}
