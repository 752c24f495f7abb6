//! The oldest list of words. Spec: docs/spec/rest-push-ops.md#5.4

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::moderation::{Treatment, Word, WordList};

use super::{delete, put, words_of};
use crate::{
    app::App,
    command::{Caller, Command, Done, Route},
    error::Error,
    error_code::ErrorCode,
};

/// Most words of one call.
const MAX_PER_CALL: usize = 50;
/// Most bytes of a word.
const MAX_BYTES: usize = 200;
/// Most words of the list.
const MAX_WORDS: usize = 5000;

fn enabled(app: &App) -> Result<(), Error> {
    if app.settings().features.moderation {
        return Ok(());
    }
    Err(Error::new(ErrorCode::GroupNotAllowed, "word lists are switched off for the app"))
}

fn bad(text: String) -> Error {
    Error::new(ErrorCode::GroupBadParameter, text)
}

fn check(words: &[String]) -> Result<(), Error> {
    if words.is_empty() {
        return Err(bad("`DirtyWordsList` is empty".into()));
    }
    if words.len() > MAX_PER_CALL {
        return Err(bad(format!("`DirtyWordsList` has {} entries, at most {MAX_PER_CALL} are allowed", words.len())));
    }
    for (at, word) in words.iter().enumerate() {
        if word.trim().is_empty() {
            return Err(bad(format!("`DirtyWordsList[{at}]` is empty")));
        }
        if word.len() > MAX_BYTES {
            return Err(bad(format!("`DirtyWordsList[{at}]` has more than {MAX_BYTES} bytes")));
        }
    }
    Ok(())
}

/// Lists the words that clients may not say. REST only, also by GET. Errors: `GroupNotAllowed` when switched off.
/// Spec: docs/spec/rest-push-ops.md#5.4
#[derive(Debug, Deserialize)]
pub struct ListDirtyWords {}

/// The words, oldest first.
#[derive(Debug, Serialize)]
pub struct DirtyWords {
    #[serde(rename = "DirtyWordsList")]
    words: Vec<String>,
}

impl Command for ListDirtyWords {
    const ROUTE: Route = Route::rest("openim_dirty_words", "get", "docs/spec/rest-push-ops.md#5.4").or_get();
    type Reply = DirtyWords;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<DirtyWords, Error> {
        enabled(app)?;
        Ok(DirtyWords { words: words_of(app, &WordList::Dirty).into_iter().map(|word| word.text).collect() })
    }
}

/// Adds words; a message of a client that holds one is refused with 80001 from now on. Known words stay. REST only.
/// Limits: 50 words of 200 bytes, 5,000 in all. Errors: `GroupBadParameter`, `GroupNotAllowed` when switched off.
/// Spec: docs/spec/rest-push-ops.md#5.4
#[derive(Debug, Deserialize)]
pub struct AddDirtyWords {
    #[serde(rename = "DirtyWordsList")]
    words: Vec<String>,
}

impl Command for AddDirtyWords {
    const ROUTE: Route = Route::rest("openim_dirty_words", "add", "docs/spec/rest-push-ops.md#5.4");
    type Reply = Done;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        enabled(app)?;
        check(&self.words)?;
        let known = words_of(app, &WordList::Dirty);
        let mut new: Vec<Word> = Vec::new();
        for text in self.words {
            if !known.iter().chain(&new).any(|word| word.text == text) {
                new.push(Word {
                    id: 0,
                    list: WordList::Dirty,
                    text,
                    is_regex: false,
                    treatment: Treatment::Refuse,
                    replacement: String::new(),
                    label: String::new(),
                    updated_at: app.now(),
                });
            }
        }
        if known.len() + new.len() > MAX_WORDS {
            return Err(bad(format!("`DirtyWordsList`: the list may have {MAX_WORDS} words")));
        }
        put(app, new).await?;
        Ok(Done {})
    }
}

/// Takes words from the list; those that are not on it are passed over. REST only.
/// Limits: 50 words. Errors: `GroupBadParameter`, `GroupNotAllowed` when switched off.
/// Spec: docs/spec/rest-push-ops.md#5.4
#[derive(Debug, Deserialize)]
pub struct DeleteDirtyWords {
    #[serde(rename = "DirtyWordsList")]
    words: Vec<String>,
}

impl Command for DeleteDirtyWords {
    const ROUTE: Route = Route::rest("openim_dirty_words", "delete", "docs/spec/rest-push-ops.md#5.4");
    type Reply = Done;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Done, Error> {
        enabled(app)?;
        check(&self.words)?;
        delete(app, WordList::Dirty, self.words.into_iter().map(|word| (word, false)).collect()).await?;
        Ok(Done {})
    }
}
