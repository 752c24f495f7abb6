//! Finds people, groups and messages by words.

use std::sync::Arc;

use async_trait::async_trait;
use tsudoi_domain::{AppId, GroupId, UserId, conversation::ConversationKey, message::Message, time::Timestamp};

use crate::StoreError;

type Read<T> = Result<T, StoreError>;

/// Words that are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// The words.
    pub words: Vec<String>,
    /// Whether every one has to be there, or one is enough.
    pub every: bool,
}

/// Where messages are looked for: a conversation, and the lowest number that the reader sees of it.
pub type Scope = (ConversationKey, u64);

/// Which messages are looked for. What is left empty may be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageQuery {
    /// Who reads: what they deleted for themselves is not found.
    pub reader: UserId,
    /// Where.
    pub scopes: Vec<Scope>,
    /// What is said.
    pub words: Words,
    /// Who says it.
    pub senders: Vec<UserId>,
    /// The types of elements, as the wire names them.
    pub kinds: Vec<String>,
    /// Not before.
    pub from: Timestamp,
    /// Not after.
    pub until: Timestamp,
    /// At most so many.
    pub limit: usize,
}

/// Finds people, groups and messages. Capitals and small letters are the same.
#[async_trait]
pub trait Search: Send + Sync {
    /// Takes up messages that were stored or overwritten since; they are found from then on. Bounded: answers whether there is more.
    async fn index_messages(&self, limit: usize) -> Read<bool>;
    /// Messages that hold the words, newest first. Recalled ones, and those the reader deleted, are not found.
    async fn search_messages(&self, app: AppId, query: Arc<MessageQuery>) -> Read<Vec<Message>>;
    /// Accounts with the words in their nick, or with a word for an id, oldest first.
    async fn search_accounts(&self, app: AppId, words: &Words, limit: usize) -> Read<Vec<UserId>>;
    /// Groups with the words in their name, or with a word for an id, oldest first.
    async fn search_groups(&self, app: AppId, words: &Words, limit: usize) -> Read<Vec<GroupId>>;
    /// Members of the groups with the words in their name card or nick, or with a word for an id, in the order of joining.
    async fn search_members(
        &self,
        app: AppId,
        groups: &[GroupId],
        words: &Words,
        limit: usize,
    ) -> Read<Vec<(GroupId, UserId)>>;
}
