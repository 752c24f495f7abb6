//! Words that an app does not want to read, and what becomes of a text that holds one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{column::choice, time::Timestamp};

choice! {
    /// What becomes of a text that holds the word.
    Treatment {
        /// It is refused.
        Refuse = "refuse";
        /// It is told to its sender as sent, and to nobody else.
        Drop = "drop";
        /// The word is replaced.
        Mask = "mask";
        /// It passes; who asks about it is told to look at it.
        Review = "review";
    }
}

/// Which list a word is on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum WordList {
    /// The oldest list: refused in what clients say.
    Dirty,
    /// Words that clients look for before they send; looked for again on the server.
    Local,
    /// A library of words that the server looks for.
    Library(Arc<str>),
}

impl From<WordList> for String {
    fn from(list: WordList) -> Self {
        match list {
            WordList::Dirty => "dirty".into(),
            WordList::Local => "local".into(),
            WordList::Library(id) => format!("library:{id}"),
        }
    }
}

impl From<String> for WordList {
    fn from(text: String) -> Self {
        match text.as_str() {
            "dirty" => Self::Dirty,
            "local" => Self::Local,
            other => Self::Library(other.strip_prefix("library:").unwrap_or(other).into()),
        }
    }
}

/// A word, or a regular expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Given by the store, 0 before.
    pub id: u64,
    /// Which list it is on.
    pub list: WordList,
    /// The word itself.
    pub text: String,
    /// Whether it is a regular expression.
    pub is_regex: bool,
    /// What becomes of a text that holds it.
    pub treatment: Treatment,
    /// What stands in its place when it is masked; empty: as many stars as it has letters.
    pub replacement: String,
    /// What kind of word it is, in the words of whoever added it.
    pub label: String,
    /// When it was added or changed.
    pub updated_at: Timestamp,
}
