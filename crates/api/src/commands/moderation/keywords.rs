//! Lists of words that clients ("local") and the server ("cloud") look for. Spec: docs/spec/rest-push-ops.md#5.3

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    AppId, Timestamp,
    moderation::{Treatment, Word, WordList},
    statistics::Moment,
};

use super::{delete, own_app, put, request_id, words_of};
use crate::{
    app::App,
    command::{Caller, Command, Route},
    error::Error,
    error_code::ErrorCode,
    filter,
};

/// Most words of one call.
const MAX_PER_CALL: usize = 10;
/// Most bytes of a word.
const MAX_BYTES: usize = 500;
/// Most words of a page.
const MAX_PAGE: usize = 100;

fn bad(text: impl Into<String>) -> Error {
    Error::new(ErrorCode::KeywordBadParameter, text)
}

fn ready(app: &App, named: Option<AppId>) -> Result<(), Error> {
    if !app.settings().features.moderation {
        return Err(Error::new(ErrorCode::KeywordFeatureOff, "word lists are switched off for the app"));
    }
    own_app(app, named, ErrorCode::KeywordBadParameter)
}

fn count(field: &str, entries: usize) -> Result<(), Error> {
    if entries == 0 {
        return Err(bad(format!("`{field}` is empty")));
    }
    if entries > MAX_PER_CALL {
        let text = format!("`{field}` has {entries} entries, at most {MAX_PER_CALL} are allowed");
        return Err(Error::new(ErrorCode::KeywordTooMany, text));
    }
    Ok(())
}

fn fits(path: &str, word: &str) -> Result<(), Error> {
    if word.trim().is_empty() {
        return Err(bad(format!("`{path}` is empty")));
    }
    if word.len() > MAX_BYTES {
        return Err(bad(format!("`{path}` has more than {MAX_BYTES} bytes")));
    }
    Ok(())
}

fn shown(app: &App, time: Timestamp) -> String {
    Moment::of(time, app.settings().operations.utc_offset_hours).to_string()
}

/// A page of a list.
fn page<T>(all: Vec<T>, offset: usize, limit: Option<usize>) -> Result<Vec<T>, Error> {
    let limit = limit.unwrap_or(MAX_PAGE);
    if limit > MAX_PAGE {
        return Err(bad(format!("`Limit`: {limit} is above {MAX_PAGE}")));
    }
    Ok(all.into_iter().skip(offset).take(limit).collect())
}

/// What was done, by name.
#[derive(Debug, Serialize)]
pub struct Noted {
    #[serde(rename = "RequestId")]
    request_id: String,
}

fn treatment(number: u32) -> Option<Treatment> {
    match number {
        1 => Some(Treatment::Mask),
        2 => Some(Treatment::Refuse),
        _ => None,
    }
}

fn is_regex(path: &str, word_type: u32) -> Result<bool, Error> {
    match word_type {
        1 => Ok(false),
        2 => Ok(true),
        other => Err(bad(format!("`{path}.WordType`: {other} is neither 1 nor 2"))),
    }
}

/// Adds words that clients look for before they send, or changes them; what clients say is looked through again here. REST only.
/// Limits: 10 words or regular expressions. Errors: `KeywordBadParameter`, `KeywordTooMany`, `KeywordFeatureOff`.
/// Spec: docs/spec/rest-push-ops.md#5.3
#[derive(Debug, Deserialize)]
pub struct AddLocalWords {
    #[serde(rename = "SdkAppId")]
    app: Option<AppId>,
    #[serde(rename = "LocalAuditWords")]
    words: Vec<NewLocalWord>,
}

#[derive(Debug, Deserialize)]
struct NewLocalWord {
    #[serde(rename = "Keyword")]
    text: String,
    #[serde(rename = "WordType")]
    word_type: u32,
    #[serde(rename = "FilterType")]
    filter_type: u32,
    #[serde(rename = "ReplacedContent", default)]
    replacement: String,
}

impl Command for AddLocalWords {
    const ROUTE: Route = Route::rest("im_msg_audit_mgr", "add_local_audit_keywords", "docs/spec/rest-push-ops.md#5.3");
    type Reply = Noted;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Noted, Error> {
        ready(app, self.app)?;
        count("LocalAuditWords", self.words.len())?;
        let mut words = Vec::with_capacity(self.words.len());
        for (at, new) in self.words.into_iter().enumerate() {
            let path = format!("LocalAuditWords[{at}]");
            fits(&format!("{path}.Keyword"), &new.text)?;
            let is_regex = is_regex(&path, new.word_type)?;
            if is_regex {
                filter::regex(&new.text)
                    .map_err(|_| bad(format!("`{path}.Keyword` is no regular expression that can be used")))?;
            }
            let treatment = treatment(new.filter_type)
                .ok_or_else(|| bad(format!("`{path}.FilterType`: {} is neither 1 nor 2", new.filter_type)))?;
            words.push(Word {
                id: 0,
                list: WordList::Local,
                text: new.text,
                is_regex,
                treatment,
                replacement: new.replacement,
                label: String::new(),
                updated_at: app.now(),
            });
        }
        put(app, words).await?;
        Ok(Noted { request_id: request_id(app) })
    }
}

/// Lists the words that clients look for. REST only.
/// Limits: pages of 100. Errors: `KeywordBadParameter`, `KeywordFeatureOff`.
/// Spec: docs/spec/rest-push-ops.md#5.3
#[derive(Debug, Deserialize)]
pub struct ListLocalWords {
    #[serde(rename = "SdkAppId")]
    app: Option<AppId>,
    #[serde(rename = "FilterType", default)]
    filter_type: u32,
    #[serde(rename = "Offset", default)]
    offset: usize,
    #[serde(rename = "Limit")]
    limit: Option<usize>,
    #[serde(rename = "Keyword", default)]
    search: String,
}

/// A page of words.
#[derive(Debug, Serialize)]
pub struct LocalWords {
    #[serde(rename = "RequestId")]
    request_id: String,
    #[serde(rename = "TotalCount")]
    total: usize,
    #[serde(rename = "TotalRegCount")]
    total_regexes: usize,
    #[serde(rename = "CurCount")]
    found: usize,
    #[serde(rename = "CurRegCount")]
    found_regexes: usize,
    #[serde(rename = "LocalAuditWords")]
    words: Vec<LocalWord>,
}

#[derive(Debug, Serialize)]
struct LocalWord {
    #[serde(rename = "Id")]
    id: u64,
    #[serde(rename = "Keyword")]
    text: String,
    #[serde(rename = "WordType")]
    word_type: u32,
    #[serde(rename = "FilterType")]
    filter_type: u32,
    #[serde(rename = "ReplacedContent")]
    replacement: String,
    #[serde(rename = "UpdateTime")]
    updated: String,
}

fn filter_type(treatment: Treatment) -> u32 {
    match treatment {
        Treatment::Mask | Treatment::Review => 1,
        Treatment::Refuse | Treatment::Drop => 2,
    }
}

impl Command for ListLocalWords {
    const ROUTE: Route = Route::rest("im_msg_audit_mgr", "get_local_audit_keywords", "docs/spec/rest-push-ops.md#5.3");
    type Reply = LocalWords;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<LocalWords, Error> {
        ready(app, self.app)?;
        if self.filter_type > 2 {
            return Err(bad(format!("`FilterType`: {} is none of 0, 1, 2", self.filter_type)));
        }
        let mut words = words_of(app, &WordList::Local);
        let regexes = |words: &[Word]| words.iter().filter(|word| word.is_regex).count();
        let (total, total_regexes) = (words.len(), regexes(&words));
        words.retain(|word| {
            (self.filter_type == 0 || filter_type(word.treatment) == self.filter_type)
                && word.text.contains(&self.search)
        });
        let (found, found_regexes) = (words.len(), regexes(&words));
        let words = page(words, self.offset, self.limit)?
            .into_iter()
            .map(|word| LocalWord {
                id: word.id,
                word_type: if word.is_regex { 2 } else { 1 },
                filter_type: filter_type(word.treatment),
                updated: shown(app, word.updated_at),
                text: word.text,
                replacement: word.replacement,
            })
            .collect();
        Ok(LocalWords { request_id: request_id(app), total, total_regexes, found, found_regexes, words })
    }
}

/// Takes words from the list that clients look for; those that are not on it are passed over. REST only.
/// Limits: 10 words. Errors: `KeywordBadParameter`, `KeywordTooMany`, `KeywordFeatureOff`.
/// Spec: docs/spec/rest-push-ops.md#5.3
#[derive(Debug, Deserialize)]
pub struct DeleteLocalWords {
    #[serde(rename = "SdkAppId")]
    app: Option<AppId>,
    #[serde(rename = "LocalAuditWords")]
    words: Vec<NamedLocalWord>,
}

#[derive(Debug, Deserialize)]
struct NamedLocalWord {
    #[serde(rename = "Keyword")]
    text: String,
    #[serde(rename = "WordType")]
    word_type: u32,
}

impl Command for DeleteLocalWords {
    const ROUTE: Route =
        Route::rest("im_msg_audit_mgr", "delete_local_audit_keywords", "docs/spec/rest-push-ops.md#5.3");
    type Reply = Noted;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Noted, Error> {
        ready(app, self.app)?;
        count("LocalAuditWords", self.words.len())?;
        let mut words = Vec::with_capacity(self.words.len());
        for (at, word) in self.words.into_iter().enumerate() {
            let path = format!("LocalAuditWords[{at}]");
            fits(&format!("{path}.Keyword"), &word.text)?;
            words.push((word.text, is_regex(&path, word.word_type)?));
        }
        delete(app, WordList::Local, words).await?;
        Ok(Noted { request_id: request_id(app) })
    }
}

/// A library that every app has.
struct Library {
    id: &'static str,
    name: &'static str,
    describe: &'static str,
    suggestion: &'static str,
    treatment: Treatment,
}

/// No command makes libraries; these are there for every app.
const LIBRARIES: [Library; 4] = [
    Library {
        id: "1",
        name: "block",
        describe: "texts with these words are refused",
        suggestion: "Block",
        treatment: Treatment::Refuse,
    },
    Library {
        id: "2",
        name: "review",
        describe: "texts with these words pass and are marked for review",
        suggestion: "Review",
        treatment: Treatment::Review,
    },
    Library {
        id: "3",
        name: "mask",
        describe: "these words are replaced by stars",
        suggestion: "Review",
        treatment: Treatment::Mask,
    },
    Library {
        id: "4",
        name: "drop",
        describe: "messages with these words reach nobody, their senders are told success",
        suggestion: "Block",
        treatment: Treatment::Drop,
    },
];

/// The id of a library; a number counts as its digits.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected the id of a library")]
enum LibraryId {
    Text(String),
    Number(u64),
}

impl LibraryId {
    fn find(&self) -> Result<&'static Library, Error> {
        let id = match self {
            Self::Text(id) => id.clone(),
            Self::Number(id) => id.to_string(),
        };
        LIBRARIES
            .iter()
            .find(|library| library.id == id)
            .ok_or_else(|| bad(format!("`LibID`: there is no library {id}")))
    }
}

impl Library {
    fn list(&self) -> WordList {
        WordList::Library(self.id.into())
    }
}

/// Lists the libraries of words that the server looks for. REST only.
/// Errors: `KeywordBadParameter`, `KeywordFeatureOff`.
/// Spec: docs/spec/rest-push-ops.md#5.3
#[derive(Debug, Deserialize)]
pub struct ListLibraries {
    #[serde(rename = "SdkAppId")]
    app: Option<AppId>,
    #[serde(rename = "Offset", default)]
    offset: usize,
    #[serde(rename = "Limit")]
    limit: Option<usize>,
}

/// A page of libraries.
#[derive(Debug, Serialize)]
pub struct Libraries {
    #[serde(rename = "RequestId")]
    request_id: String,
    #[serde(rename = "TotalCount")]
    total: usize,
    #[serde(rename = "Infos")]
    libraries: Vec<LibraryInfo>,
}

#[derive(Debug, Serialize)]
struct LibraryInfo {
    #[serde(rename = "ID")]
    id: &'static str,
    #[serde(rename = "LibName")]
    name: &'static str,
    #[serde(rename = "Describe")]
    describe: &'static str,
    #[serde(rename = "CreateTime")]
    created: String,
    #[serde(rename = "Suggestion")]
    suggestion: &'static str,
}

impl Command for ListLibraries {
    const ROUTE: Route =
        Route::rest("im_msg_audit_mgr", "get_cloud_audit_keywords_ids", "docs/spec/rest-push-ops.md#5.3");
    type Reply = Libraries;

    async fn run(self, caller: &Caller, app: &Arc<App>) -> Result<Libraries, Error> {
        ready(app, self.app)?;
        // The libraries are as old as the app, and so is the account of its admin.
        let admin = app.store().account(app.id(), &caller.user).await?;
        let created = shown(app, admin.map_or(Timestamp(0), |admin| admin.created_at));
        let libraries = LIBRARIES
            .iter()
            .map(|library| LibraryInfo {
                id: library.id,
                name: library.name,
                describe: library.describe,
                created: created.clone(),
                suggestion: library.suggestion,
            })
            .collect();
        let libraries = page(libraries, self.offset, self.limit)?;
        Ok(Libraries { request_id: request_id(app), total: LIBRARIES.len(), libraries })
    }
}

/// Lists the words of a library. REST only.
/// Limits: pages of 100. Errors: `KeywordBadParameter`, `KeywordFeatureOff`.
/// Spec: docs/spec/rest-push-ops.md#5.3
#[derive(Debug, Deserialize)]
pub struct ListLibraryWords {
    #[serde(rename = "SdkAppId")]
    app: Option<AppId>,
    #[serde(rename = "LibID")]
    id: LibraryId,
    #[serde(rename = "Offset", default)]
    offset: usize,
    #[serde(rename = "Limit")]
    limit: Option<usize>,
    #[serde(rename = "Content", default)]
    search: String,
}

/// A page of words.
#[derive(Debug, Serialize)]
pub struct LibraryWords {
    #[serde(rename = "RequestId")]
    request_id: String,
    #[serde(rename = "TotalCount")]
    total: usize,
    #[serde(rename = "Infos")]
    words: Vec<LibraryWord>,
}

#[derive(Debug, Serialize)]
struct LibraryWord {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Content")]
    text: String,
    #[serde(rename = "Label")]
    label: String,
    #[serde(rename = "CreateTime")]
    created: String,
}

impl Command for ListLibraryWords {
    const ROUTE: Route = Route::rest("im_msg_audit_mgr", "get_cloud_audit_keywords", "docs/spec/rest-push-ops.md#5.3");
    type Reply = LibraryWords;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<LibraryWords, Error> {
        ready(app, self.app)?;
        let mut words = words_of(app, &self.id.find()?.list());
        words.retain(|word| word.text.contains(&self.search));
        let total = words.len();
        let words = page(words, self.offset, self.limit)?
            .into_iter()
            .map(|word| LibraryWord {
                id: word.id.to_string(),
                created: shown(app, word.updated_at),
                text: word.text,
                label: word.label,
            })
            .collect();
        Ok(LibraryWords { request_id: request_id(app), total, words })
    }
}

/// Adds words to a library; in force at once. REST only.
/// Limits: 10 words. Errors: `KeywordBadParameter`, `KeywordTooMany`, `KeywordFeatureOff`.
/// Spec: docs/spec/rest-push-ops.md#5.3
#[derive(Debug, Deserialize)]
pub struct AddLibraryWords {
    #[serde(rename = "SdkAppId")]
    app: Option<AppId>,
    #[serde(rename = "LibID")]
    id: LibraryId,
    #[serde(rename = "UserKeywords")]
    words: Vec<NewLibraryWord>,
}

#[derive(Debug, Deserialize)]
struct NewLibraryWord {
    #[serde(rename = "Content")]
    text: String,
    #[serde(rename = "Label", default)]
    label: String,
}

impl Command for AddLibraryWords {
    const ROUTE: Route = Route::rest("im_msg_audit_mgr", "add_cloud_audit_keywords", "docs/spec/rest-push-ops.md#5.3");
    type Reply = Noted;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<Noted, Error> {
        ready(app, self.app)?;
        let library = self.id.find()?;
        count("UserKeywords", self.words.len())?;
        for (at, word) in self.words.iter().enumerate() {
            fits(&format!("UserKeywords[{at}].Content"), &word.text)?;
        }
        let words = self
            .words
            .into_iter()
            .map(|word| Word {
                id: 0,
                list: library.list(),
                text: word.text,
                is_regex: false,
                treatment: library.treatment,
                replacement: String::new(),
                label: word.label,
                updated_at: app.now(),
            })
            .collect();
        put(app, words).await?;
        Ok(Noted { request_id: request_id(app) })
    }
}

/// Takes words from a library; those that are not in it are reported. REST only.
/// Limits: 10 words. Errors: `KeywordBadParameter`, `KeywordTooMany`, `KeywordFeatureOff`.
/// Spec: docs/spec/rest-push-ops.md#5.3
#[derive(Debug, Deserialize)]
pub struct DeleteLibraryWords {
    #[serde(rename = "SdkAppId")]
    app: Option<AppId>,
    #[serde(rename = "LibID")]
    id: LibraryId,
    #[serde(rename = "Keywords")]
    words: Vec<String>,
}

/// What became of each word.
#[derive(Debug, Serialize)]
pub struct LibraryWordsDeleted {
    #[serde(rename = "RequestId")]
    request_id: String,
    #[serde(rename = "Count")]
    count: usize,
    #[serde(rename = "Details")]
    details: Vec<DeletedWord>,
}

#[derive(Debug, Serialize)]
struct DeletedWord {
    #[serde(rename = "KeywordID")]
    id: String,
    #[serde(rename = "Keyword")]
    text: String,
    #[serde(rename = "Deleted")]
    deleted: bool,
    #[serde(rename = "ErrorInfo")]
    info: &'static str,
}

impl Command for DeleteLibraryWords {
    const ROUTE: Route =
        Route::rest("im_msg_audit_mgr", "delete_cloud_audit_keywords", "docs/spec/rest-push-ops.md#5.3");
    type Reply = LibraryWordsDeleted;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<LibraryWordsDeleted, Error> {
        ready(app, self.app)?;
        let list = self.id.find()?.list();
        count("Keywords", self.words.len())?;
        let known = words_of(app, &list);
        let details: Vec<DeletedWord> = self
            .words
            .into_iter()
            .map(|text| match known.iter().find(|word| word.text == text) {
                Some(word) => DeletedWord { id: word.id.to_string(), text, deleted: true, info: "" },
                None => DeletedWord { id: String::new(), text, deleted: false, info: "the library has no such word" },
            })
            .collect();
        let words: Vec<_> = details.iter().filter(|one| one.deleted).map(|one| (one.text.clone(), false)).collect();
        let count = words.len();
        delete(app, list, words).await?;
        Ok(LibraryWordsDeleted { request_id: request_id(app), count, details })
    }
}

/// Hands clients the words that they look for before they send. Gateway only.
/// Limits: pages of 500.
/// Spec: docs/spec/websocket-protocol.md#25
#[derive(Debug, Deserialize)]
pub struct FetchLocalWords {
    #[serde(rename = "uint64_start_index", default)]
    start: usize,
}

/// Words of one page of [`FetchLocalWords`].
const FETCHED: usize = 500;
/// How long clients keep what they fetched, in seconds.
const KEPT_SECS: u32 = 3600;

/// The words as clients keep them.
#[derive(Debug, Serialize)]
pub struct FetchedLocalWords {
    msg_cmd_error_code: FetchOutcome,
    msg_scene_ctl_config: Scenes,
    rpt_msg_dirty_word: Vec<FetchedWord>,
    uint64_complete_flag: u32,
    uint64_next_start_index: usize,
    uint64_version: i64,
    uint64_expired_time: u32,
}

#[derive(Debug, Serialize)]
struct FetchOutcome {
    uint32_code: u32,
    str_err_msg: &'static str,
}

/// What clients look through.
#[derive(Debug, Serialize)]
struct Scenes {
    uint64_c2c_text_msg_flag: u32,
    uint64_c2c_custom_msg_flag: u32,
    uint64_group_text_msg_flag: u32,
    uint64_group_custom_msg_flag: u32,
    uint64_group_info_flag: u32,
    uint64_group_member_info_flag: u32,
    uint64_relation_chain_flag: u32,
    uint64_user_info_flag: u32,
}

#[derive(Debug, Serialize)]
struct FetchedWord {
    uint64_id: u64,
    str_dirty_word: String,
    uint64_word_type: u32,
    uint64_filter_type: u32,
    str_replaced_content: String,
}

impl Command for FetchLocalWords {
    const ROUTE: Route = Route::socket("im_msg_audit_mgr", "get_local_words", "docs/spec/websocket-protocol.md#25");
    type Reply = FetchedLocalWords;

    async fn run(self, _: &Caller, app: &Arc<App>) -> Result<FetchedLocalWords, Error> {
        let settings = app.settings();
        let words = if settings.features.moderation { words_of(app, &WordList::Local) } else { Vec::new() };
        let newest = words.iter().map(|word| word.updated_at).max().unwrap_or_default();
        let next = self.start.saturating_add(FETCHED);
        let complete = next >= words.len();
        let (text, profiles) = (1, u32::from(settings.moderation.profiles));
        let custom = u32::from(settings.moderation.custom_elements);
        Ok(FetchedLocalWords {
            msg_cmd_error_code: FetchOutcome { uint32_code: 0, str_err_msg: "" },
            msg_scene_ctl_config: Scenes {
                uint64_c2c_text_msg_flag: text,
                uint64_c2c_custom_msg_flag: custom,
                uint64_group_text_msg_flag: text,
                uint64_group_custom_msg_flag: custom,
                uint64_group_info_flag: profiles,
                uint64_group_member_info_flag: profiles,
                uint64_relation_chain_flag: profiles,
                uint64_user_info_flag: profiles,
            },
            rpt_msg_dirty_word: words
                .into_iter()
                .skip(self.start)
                .take(FETCHED)
                .map(|word| FetchedWord {
                    uint64_id: word.id,
                    uint64_word_type: if word.is_regex { 2 } else { 1 },
                    uint64_filter_type: filter_type(word.treatment),
                    str_dirty_word: word.text,
                    str_replaced_content: word.replacement,
                })
                .collect(),
            uint64_complete_flag: u32::from(complete),
            uint64_next_start_index: if complete { 0 } else { next },
            uint64_version: newest.0,
            uint64_expired_time: KEPT_SECS,
        })
    }
}
