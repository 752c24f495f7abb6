//! Reads what operators look after: word lists, figures, what was sent in an hour, official accounts.

use async_trait::async_trait;
use tsudoi_domain::{
    AppId, UserId,
    message::Message,
    moderation::Word,
    official::{Broadcast, OfficialAccount, Subscriber},
    statistics::Figure,
    time::Timestamp,
};

use crate::StoreError;

type Read<T> = Result<T, StoreError>;

/// Reads the words that apps do not want to read.
#[async_trait]
pub trait Words: Send + Sync {
    /// All words of an app, oldest first.
    async fn words(&self, app: AppId) -> Read<Vec<Word>>;
}

/// Reads what was counted.
#[async_trait]
pub trait Figures: Send + Sync {
    /// What was counted on the days from one to another (yyyymmdd, both included), by day.
    async fn figures(&self, app: AppId, from: u32, to: u32) -> Read<Vec<(u32, Figure, u64)>>;
    /// The newest number of a figure before a day; 0 when there is none.
    async fn figure_before(&self, app: AppId, day: u32, figure: Figure) -> Read<u64>;
    /// How many accounts the app has, and how many it ever had.
    async fn account_counts(&self, app: AppId) -> Read<(u64, u64)>;
}

/// Reads messages by when they were sent, whatever conversation they are in.
#[async_trait]
pub trait SentMessages: Send + Sync {
    /// Messages of people that were sent within an hour (Unix seconds / 3600), between two people or in groups and topics, in the
    /// order of arrival after a place; each with its own place. What was imported into one-to-one history is left out.
    async fn sent_in_hour(
        &self,
        app: AppId,
        direct: bool,
        hour: i64,
        after: u64,
        limit: usize,
    ) -> Read<Vec<(u64, Message)>>;
}

/// Reads official accounts.
#[async_trait]
pub trait OfficialAccounts: Send + Sync {
    /// The official account, if it exists.
    async fn official_account(&self, app: AppId, id: &UserId) -> Read<Option<OfficialAccount>>;
    /// How many official accounts an owner has.
    async fn official_accounts_of(&self, app: AppId, owner: &UserId) -> Read<u64>;
    /// The subscription of a user, if there is one.
    async fn subscriber(&self, app: AppId, account: &UserId, user: &UserId) -> Read<Option<Subscriber>>;
    /// Subscribers in the order of subscribing, after a place.
    async fn subscribers(&self, app: AppId, account: &UserId, after: u64, limit: usize) -> Read<Vec<Subscriber>>;
    /// The official accounts a user subscribes to, in the order of subscribing, from an offset; and how many there are in all.
    async fn subscriptions(
        &self,
        app: AppId,
        user: &UserId,
        offset: u64,
        limit: usize,
    ) -> Read<(Vec<(OfficialAccount, Subscriber)>, u64)>;
    /// A broadcast by its wire key.
    async fn broadcast(&self, app: AppId, account: &UserId, key: &str) -> Read<Option<Broadcast>>;
    /// Broadcasts, newest first, older than the one with a key when one is given.
    async fn broadcasts(
        &self,
        app: AppId,
        account: &UserId,
        before: Option<&str>,
        limit: usize,
    ) -> Read<Vec<Broadcast>>;
    /// When the official account spoke since a moment, newest first.
    async fn spoke_since(&self, app: AppId, account: &UserId, since: Timestamp, limit: usize) -> Read<Vec<Timestamp>>;
}
