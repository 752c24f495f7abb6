//! The one durable write: preconditions, rows, sequence numbers, in one transaction.

use std::sync::Arc;

use async_trait::async_trait;
use tsudoi_domain::{AppId, change::Change, time::Timestamp};

use crate::{ReadyCall, StoreError};

/// Where a message came to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its number in the conversation.
    pub seq: u64,
    /// When the server took it.
    pub time: Timestamp,
    /// One-to-one: the receiver's unread counter with this message.
    pub counted: u64,
}

/// What a commit answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Stored; one entry per append of the change, in order.
    Stored(Vec<Appended>),
    /// The append was a repeat of a message already stored: nothing was written, the first result is answered again.
    Repeated(Appended),
}

impl Outcome {
    /// Where the change's first message lies; `None` when it had none.
    #[must_use]
    pub fn first(&self) -> Option<Appended> {
        match self {
            Self::Stored(all) => all.first().copied(),
            Self::Repeated(one) => Some(*one),
        }
    }
}

/// A change that is on disk.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The app it belongs to.
    pub app: AppId,
    /// What was asked for.
    pub change: Arc<Change>,
    /// Where its messages lie, in the order of its appends.
    pub appended: Vec<Appended>,
    /// Its calls to the app's backend, ready to be made.
    pub calls: Vec<ReadyCall>,
}

/// Told of every batch of changes once it is on disk, in commit order, before any caller is answered. Runs on the writer:
/// it must be quick.
pub trait CommitObserver: Send + Sync {
    /// The batch is on disk.
    fn committed(&self, batch: &[Committed]);
}

/// The durable write of a backend.
#[async_trait]
pub trait Commit: Send + Sync {
    /// Stores the change, or nothing of it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a precondition no longer holds; [`StoreError::Unavailable`] when nothing can be stored now.
    async fn commit(&self, app: AppId, change: Arc<Change>) -> Result<Outcome, StoreError>;

    /// Stores or replaces an app with its keys and settings.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be stored now.
    async fn put_app(&self, row: AppRow) -> Result<(), StoreError>;

    /// Writes nothing, durably: succeeds when sends would.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be stored now.
    async fn probe(&self) -> Result<(), StoreError>;
}

/// An app as it is stored: its keys are secrets and stay out of the settings.
#[derive(Clone, PartialEq, Eq)]
pub struct AppRow {
    /// Which app.
    pub app: AppId,
    /// The signing keys, current first.
    pub keys: Vec<String>,
    /// JSON of the app's settings.
    pub settings: String,
}

impl std::fmt::Debug for AppRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppRow").field("app", &self.app).field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}
