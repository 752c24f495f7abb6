//! Official accounts: accounts that others subscribe to, and that speak to all of them at once
//! (docs/spec/rest-push-ops.md#3).

use serde::{Deserialize, Serialize};

use crate::{
    UserId,
    message::{Draft, Recall},
    time::Timestamp,
};

/// How the id of an official account begins.
pub const PREFIX: &str = "@TOA#_";

/// An official account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficialAccount {
    /// Its user id, which begins with [`PREFIX`].
    #[serde(skip, default = "nobody")]
    pub id: UserId,
    /// Who made it.
    #[serde(skip, default = "nobody")]
    pub owner: UserId,
    /// What it is called.
    pub name: String,
    /// What it is about.
    pub introduction: String,
    /// Address of its picture.
    pub face_url: String,
    /// Who is behind it.
    pub organization: String,
    /// Whatever the app wants to know of it.
    pub custom: String,
    /// The most subscribers it may have.
    pub max_subscriber_num: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// How many subscribe to it; kept by the store.
    #[serde(skip)]
    pub subscriber_num: u64,
    /// When it last said something; kept by the store, 0 before.
    #[serde(skip)]
    pub last_msg_time: Timestamp,
}

fn nobody() -> UserId {
    UserId::trusted("")
}

/// Somebody who subscribes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// Place in the order of subscribing, given by the store.
    pub place: u64,
    /// Who.
    pub user: UserId,
    /// Since when.
    pub since: Timestamp,
    /// Whatever the app wants to know of the subscription.
    pub custom: String,
}

/// What an official account said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broadcast {
    /// The message as every subscriber has it; its receiver is the account itself.
    pub draft: Draft,
    /// Set when it was recalled.
    pub recall: Option<Recall>,
}
