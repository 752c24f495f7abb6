//! The cloud search of clients: people, groups, members and messages that the caller may see. Gateway only.
//! Spec: docs/spec/websocket-protocol.md#25

use serde::Deserialize;
use tsudoi_store::search::Words;

use crate::{
    app::App,
    catalogue::{Entry, list},
    error::Error,
    error_code::ErrorCode,
};

pub mod messages;
pub mod names;

pub(crate) fn all() -> Vec<Entry> {
    // Older lists of commands write the second names.
    list![
        messages::SearchMessages,
        names::SearchUsers as [("user_search", "query_user")],
        names::SearchGroups as [("group_search", "query_grp")],
        names::SearchMembers as [("group_member_search", "query_grp_member")],
    ]
}

/// Most words of a search.
const MAX_WORDS: usize = 5;
/// Most bytes of a word.
const MAX_WORD_BYTES: usize = 200;
/// Most results of a page.
const MAX_PAGE: usize = 100;
/// Most results that are looked at in all.
const MAX_FOUND: usize = 2000;

fn enabled(app: &App) -> Result<(), Error> {
    if app.settings().features.search {
        return Ok(());
    }
    Err(Error::new(ErrorCode::RestAppSuspended, "search is switched off for the app"))
}

fn bad(text: impl Into<String>) -> Error {
    Error::new(ErrorCode::SearchBadParameter, text)
}

/// Checks the words of a search.
fn words(field: &str, words: Vec<String>, every: bool) -> Result<Words, Error> {
    if words.len() > MAX_WORDS {
        return Err(bad(format!("`{field}` has {} entries, at most {MAX_WORDS} are allowed", words.len())));
    }
    for (at, word) in words.iter().enumerate() {
        if word.trim().is_empty() {
            return Err(bad(format!("`{field}[{at}]` is empty")));
        }
        if word.len() > MAX_WORD_BYTES {
            return Err(bad(format!("`{field}[{at}]` has more than {MAX_WORD_BYTES} bytes")));
        }
    }
    Ok(Words { words, every })
}

/// Where a page begins and how long it is.
#[derive(Debug, Deserialize)]
struct Page {
    #[serde(rename = "Count")]
    count: Option<usize>,
    #[serde(rename = "Cursor", default)]
    cursor: String,
}

impl Page {
    /// The part of the results, and where the next one begins; empty at the end.
    fn of<T>(&self, all: Vec<T>, usual: usize) -> Result<(Vec<T>, String), Error> {
        let count = match self.count.unwrap_or(usual) {
            count @ 1..=MAX_PAGE => count,
            count => return Err(bad(format!("`Count`: {count} is not from 1 to {MAX_PAGE}"))),
        };
        let offset: usize = match self.cursor.as_str() {
            "" => 0,
            text => text.parse().map_err(|_| bad(format!("`Cursor`: `{text}` was not given by an earlier page")))?,
        };
        let next = offset.saturating_add(count);
        let cursor = if next < all.len() { next.to_string() } else { String::new() };
        Ok((all.into_iter().skip(offset).take(count).collect(), cursor))
    }
}
