//! Upkeep: what is deleted behind the scenes, in steps that are small enough for senders to wait for.

use std::collections::HashMap;

use async_trait::async_trait;
use tsudoi_domain::{
    AppId, GroupId, UserId,
    time::{Millis, Timestamp},
};

use crate::StoreError;

/// How far a pass over all messages came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expired {
    /// How many messages this step deleted.
    pub deleted: u64,
    /// Where the next step goes on.
    pub next: u64,
    /// Whether nothing older is left to look at: the pass is over, and a later one goes on at `next`.
    pub done: bool,
}

/// How far a pass over the logs of an app came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredLog {
    /// How many entries this step deleted.
    pub deleted: u64,
    /// After whom the next step goes on; `None` when all users were looked at.
    pub next: Option<UserId>,
}

/// How far a count of members came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recounted {
    /// Groups that said another number than they had.
    pub corrected: Vec<(AppId, GroupId)>,
    /// Where the next step goes on; 0 at the end.
    pub next: u64,
}

/// Deletes what nobody can ask for any more. Every call is one transaction of about `limit` rows, whatever there is to do.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Deletes rows of dissolved groups and deleted topics. Answers how many; 0 when nothing is left.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be stored now.
    async fn purge(&self, limit: usize) -> Result<u64, StoreError>;

    /// Deletes messages in the order of arrival that are dated before what their app keeps; messages of other apps stay.
    /// Numbers are not given again: history has a hole there. Messages that were unread no longer are. Looks at `limit`
    /// messages from `after` on, 0 at first. When an app keeps less than before, a pass from 0 finds what it no longer keeps.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be stored now.
    async fn expire_messages(
        &self,
        keep_from: HashMap<AppId, Timestamp>,
        after: u64,
        limit: usize,
    ) -> Result<Expired, StoreError>;

    /// Deletes entries of users' logs that came before a moment; places are not given again. Looks at `limit` users, after one
    /// of them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be stored now.
    async fn expire_log(
        &self,
        app: AppId,
        before: Timestamp,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<ExpiredLog, StoreError>;

    /// Deletes mutes and bans that are over. Answers how many; 0 when nothing is left.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be stored now.
    async fn expire_mutes(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError>;

    /// Deletes an app's pushes that were made before a moment, at most `limit` of each kind. Answers how many; 0 when nothing is
    /// left.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be stored now.
    async fn expire_pushes(&self, app: AppId, before: Millis, limit: usize) -> Result<u64, StoreError>;

    /// Counts the members of groups anew and corrects what groups say of themselves. Looks at `limit` groups from a cursor, 0 at
    /// first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be stored now.
    async fn recount_members(&self, after: u64, limit: usize) -> Result<Recounted, StoreError>;

    /// Groups of a type (stored name) that were created, in which somebody last spoke, and to which somebody last came or from
    /// which somebody went before a moment. Looks at `limit`
    /// groups from a cursor, 0 at first, and answers where to go on, 0 at the end.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when nothing can be read now.
    async fn idle_groups(
        &self,
        app: AppId,
        group_type: &str,
        before: Timestamp,
        after: u64,
        limit: usize,
    ) -> Result<(Vec<GroupId>, u64), StoreError>;
}
