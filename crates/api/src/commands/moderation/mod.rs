//! Unwanted words: the lists, and questions about a text. Spec: docs/spec/rest-push-ops.md#5

use tsudoi_domain::{
    AppId,
    change::{Change, Write},
    moderation::{Word, WordList},
};

use crate::{
    app::App,
    catalogue::{Entry, list},
    error::Error,
    error_code::ErrorCode,
};

pub mod check;
pub mod dirty_words;
pub mod keywords;

pub(crate) fn all() -> Vec<Entry> {
    list![
        check::CheckContent,
        check::CheckContents,
        dirty_words::ListDirtyWords,
        dirty_words::AddDirtyWords,
        dirty_words::DeleteDirtyWords,
        keywords::AddLocalWords,
        keywords::ListLocalWords,
        keywords::DeleteLocalWords,
        keywords::ListLibraries,
        keywords::ListLibraryWords,
        keywords::AddLibraryWords,
        keywords::DeleteLibraryWords,
        keywords::FetchLocalWords,
    ]
}

/// The words of one list, oldest first.
fn words_of(app: &App, list: &WordList) -> Vec<Word> {
    app.filter().words().iter().filter(|word| word.list == *list).cloned().collect()
}

/// Stores words and puts them in force.
async fn put(app: &App, words: Vec<Word>) -> Result<(), Error> {
    app.commit(Change::none().write(Write::PutWords(words))).await?;
    app.reload_words().await?;
    Ok(())
}

/// Forgets words, at once.
async fn delete(app: &App, list: WordList, words: Vec<(String, bool)>) -> Result<(), Error> {
    app.commit(Change::none().write(Write::DeleteWords { list, words })).await?;
    app.reload_words().await?;
    Ok(())
}

/// A name for what was done, for people who ask about it later.
fn request_id(app: &App) -> String {
    format!("{:016x}", app.dice().u64())
}

/// Lets pass a request that names no app, or this one.
fn own_app(app: &App, named: Option<AppId>, code: ErrorCode) -> Result<(), Error> {
    match named {
        Some(other) if other != app.id() => {
            Err(Error::new(code, format!("`SdkAppId`: {other} is not the app that the address names")))
        }
        Some(_) | None => Ok(()),
    }
}
