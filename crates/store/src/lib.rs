//! The memory of Tsudoi.
//!
//! The promise: what [`Store::commit`] acknowledged is on disk, whole, and stays there; what it refused left no trace.
//! Sequence numbers are contiguous from 1 in every conversation, assigned in commit order inside the transaction.
//!
//! Small read traits, one per noun, and one durable write. A backend implements all of them ([`Backend`]); [`Store`] puts
//! bounded caches in front that every commit keeps true. The conformance suite states the promises as tests.

pub mod cache;
pub mod commit;
#[cfg(test)]
mod conformance;
pub mod error;
pub mod operations;
pub mod outbox;
pub mod read;
pub mod search;
pub mod sqlite;
mod turn;
pub mod upkeep;

pub use cache::Store;
pub use commit::{AppRow, Appended, Commit, CommitObserver, Committed, Outcome};
pub use error::StoreError;
pub use operations::{Figures, OfficialAccounts, SentMessages, Words};
pub use outbox::{DeadCall, Outbox, ReadyCall};
pub use read::{
    Accounts, Apps, Blocked, Contacts, Conversations, Device, DirectQuery, Direction, Files, FoundAccount, GroupData,
    GroupPage, Groups, Joined, LiveRoom, LiveRooms, LogEntry, LogItem, Members, MessageExtras, Messages,
    PermissionGroups, PushEntry, Pushes, Relations, ScheduledPush, TopicEntry, Topics, UserLog,
};
pub use turn::taking_turns;
pub use upkeep::{Expired, ExpiredLog, Recounted, Upkeep};

/// Everything a database has to do for Tsudoi.
pub trait Backend:
    Apps
    + Accounts
    + Groups
    + Members
    + Topics
    + GroupData
    + LiveRooms
    + PermissionGroups
    + Messages
    + MessageExtras
    + Conversations
    + Contacts
    + Files
    + Pushes
    + UserLog
    + Relations
    + Words
    + Figures
    + SentMessages
    + OfficialAccounts
    + search::Search
    + Commit
    + Outbox
    + Upkeep
{
}

impl<T> Backend for T where
    T: Apps
        + Accounts
        + Groups
        + Members
        + Topics
        + GroupData
        + LiveRooms
        + LiveRooms
        + PermissionGroups
        + Messages
        + MessageExtras
        + Conversations
        + Contacts
        + Files
        + Pushes
        + UserLog
        + Relations
        + Words
        + Figures
        + SentMessages
        + OfficialAccounts
        + search::Search
        + Commit
        + Outbox
        + Upkeep
{
}
