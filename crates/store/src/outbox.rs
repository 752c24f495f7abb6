//! The outbox: calls to the backends of apps that were committed with a change and have yet to be made, and those that failed
//! for good.

use std::sync::Arc;

use async_trait::async_trait;
use tsudoi_domain::{AppId, WebhookCommand, time::Millis};

use crate::StoreError;

/// A call that is ready to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyCall {
    /// Its place in the outbox; 0 when it does not lie there.
    pub id: u64,
    /// Whose backend is called.
    pub app: AppId,
    /// What happened.
    pub command: WebhookCommand,
    /// Calls of the same line are made one after the other.
    pub line: Arc<str>,
    /// What the address says about where the action came from.
    pub origin: Arc<str>,
    /// What is said.
    pub body: Arc<str>,
}

/// A call that failed for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadCall {
    /// The call; its id is its place among the dead ones once it was stored there.
    pub call: ReadyCall,
    /// When it was given up.
    pub time: Millis,
    /// What went wrong, JSON text.
    pub reason: String,
}

/// Keeps calls until they were made. A call is forgotten, buried or dropped once; its id may come back after that.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Calls that have yet to be made, of all apps, in commit order, after an id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be read now.
    async fn waiting_calls(&self, after: u64, limit: usize) -> Result<Vec<ReadyCall>, StoreError>;

    /// Forgets calls that were made.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be stored now.
    async fn forget_calls(&self, ids: Vec<u64>) -> Result<(), StoreError>;

    /// Puts calls that failed for good among the dead ones, of which each app keeps the newest `keep`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be stored now.
    async fn bury_calls(&self, dead: Vec<DeadCall>, keep: u64) -> Result<(), StoreError>;

    /// Dead calls of an app after an id, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be read now.
    async fn dead_calls(&self, app: AppId, after: u64, limit: usize) -> Result<Vec<DeadCall>, StoreError>;

    /// How many dead calls an app has.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be read now.
    async fn dead_call_count(&self, app: AppId) -> Result<u64, StoreError>;

    /// Puts dead calls of an app back behind those that wait, oldest first; unknown ids are passed over. Answers them with their
    /// new ids.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be stored now.
    async fn revive_calls(&self, app: AppId, ids: Vec<u64>) -> Result<Vec<ReadyCall>, StoreError>;

    /// Deletes dead calls of an app; unknown ids are passed over. Answers how many there were.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be stored now.
    async fn drop_dead_calls(&self, app: AppId, ids: Vec<u64>) -> Result<u64, StoreError>;
}
