//! What members add to messages that were sent: key-values, reactions, pins. Shared by groups and one-to-one conversations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{UserId, time::Timestamp};

/// One key-value of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Its key.
    pub key: String,
    /// Its value; empty when it was deleted.
    pub value: String,
    /// Its version: the message's counter when it was last written.
    pub version: u64,
}

/// The key-values of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions {
    /// The message's counter: the highest version any pair ever had.
    pub latest: u64,
    /// The counter when all pairs were last cleared; 0 when they never were.
    pub cleared: u64,
    /// The pairs by key, deleted ones among them.
    pub pairs: BTreeMap<String, Pair>,
}

/// One reaction to a message, summed up for a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionSummary {
    /// The reaction.
    pub reaction: String,
    /// How many users react so.
    pub count: u64,
    /// Some of them, earliest first.
    pub users: Vec<UserId>,
    /// Whether the reader is among them.
    pub mine: bool,
}

/// A message that a group holds up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Its number.
    pub seq: u64,
    /// Who pinned it.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
}
