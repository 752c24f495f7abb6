//! Finds people, groups and messages by words.
//!
//! Names are indexed by triggers, together with the rows they belong to. Messages are too many for that: their index is a database of
//! its own beside the main one, filled from it in batches, so that sending a message costs nothing more. It knows up to which message it
//! came; a lost or stale one is made anew from the messages.
//!
//! A text is taken apart into pairs of letters, so that parts of words are found in every language, also in those that write no spaces:
//! `hello` is `he el ll lo o`, and `ell` is found by `el ll` in a row. What the index finds is looked at again in the message itself.

use std::{collections::HashMap, path::Path, sync::Arc};

use async_trait::async_trait;
use parking_lot::{Mutex, RwLock};
use rusqlite::{Connection, OptionalExtension, params};
use tsudoi_domain::{
    AppId, GroupId, UserId,
    conversation::ConversationKey,
    message::{Content, Message},
};

use super::{Source, Sqlite, conversations, failed, int, messages};
use crate::{
    StoreError,
    search::{MessageQuery, Search, Words},
};

/// Letters of a text that are indexed.
const MAX_LETTERS: usize = 4000;
/// Most rows of names that one word may find.
const MAX_NAMES: usize = 2000;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS said.state (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE VIRTUAL TABLE IF NOT EXISTS said.texts USING fts5(
        pairs, about, content = '', contentless_delete = 1, tokenize = 'ascii');
";

/// The index of messages, with a connection of its own that also reads the main database.
pub(super) struct Index {
    connection: Mutex<Connection>,
    /// As [`Sqlite`]'s: in memory, readers and writer take turns.
    turn: Option<Arc<RwLock<()>>>,
}

impl Index {
    pub(super) fn open(source: &Source, turn: Option<Arc<RwLock<()>>>) -> Result<Self, StoreError> {
        let connection = source.open().map_err(failed)?;
        super::prepare(&connection, false).map_err(failed)?;
        connection.pragma_update(None, "query_only", false).map_err(failed)?;
        let path = match source {
            Source::File(path) => path.with_file_name("search.db").display().to_string(),
            Source::Memory(_) => ":memory:".to_owned(),
        };
        attach(&connection, &path)?;
        if !is_sound(&connection) {
            tracing::warn!(path, "the search index cannot be read and is made anew");
            connection.execute("DETACH said", []).map_err(failed)?;
            for suffix in ["", "-wal", "-shm"] {
                _ = std::fs::remove_file(Path::new(&format!("{path}{suffix}")));
            }
            attach(&connection, &path)?;
        }
        Ok(Self { connection: Mutex::new(connection), turn })
    }

    fn with<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let connection = self.connection.lock();
        let _turn = self.turn.as_ref().map(|turn| turn.read());
        work(&connection)
    }

    fn catch_up(&self, limit: usize) -> Result<bool, StoreError> {
        self.with(|c| {
            let transaction = c.unchecked_transaction().map_err(failed)?;
            let more = catch_up(&transaction, limit)?;
            transaction.commit().map_err(failed)?;
            Ok(more)
        })
    }
}

fn attach(c: &Connection, path: &str) -> Result<(), StoreError> {
    c.execute("ATTACH ?1 AS said", params![path]).map_err(failed)?;
    // What cannot be read is noticed by whoever asks next.
    _ = c.execute_batch("PRAGMA said.journal_mode = WAL; PRAGMA said.synchronous = NORMAL;");
    _ = c.execute_batch(SCHEMA);
    Ok(())
}

fn is_sound(c: &Connection) -> bool {
    c.query_row("SELECT count(*) FROM said.state", [], |_| Ok(())).is_ok()
        && c.query_row("SELECT count(*) FROM said.texts WHERE texts MATCH 'zz'", [], |_| Ok(())).is_ok()
}

fn state(c: &Connection, key: &str) -> Result<i64, StoreError> {
    c.prepare_cached("SELECT value FROM said.state WHERE key = ?1")
        .and_then(|mut s| s.query_row(params![key], |r| r.get(0)).optional())
        .map(Option::unwrap_or_default)
        .map_err(failed)
}

fn set_state(c: &Connection, key: &str, value: i64) -> Result<(), StoreError> {
    c.prepare_cached("INSERT OR REPLACE INTO said.state (key, value) VALUES (?1, ?2)")
        .and_then(|mut s| s.execute(params![key, value]))
        .map(drop)
        .map_err(failed)
}

/// A message as the index takes it up.
struct Row {
    id: i64,
    conv: i64,
    sender: String,
    elements: Option<String>,
    edited: Option<i64>,
}

fn rows(c: &Connection, condition: &str, after: i64, limit: usize) -> Result<Vec<Row>, StoreError> {
    let sql = format!("SELECT id, conv, sender, elements, edited FROM main.messages WHERE {condition} LIMIT ?2");
    c.prepare_cached(&sql)
        .and_then(|mut s| {
            s.query_map(params![after, int(limit as u64)], |r| {
                Ok(Row { id: r.get(0)?, conv: r.get(1)?, sender: r.get(2)?, elements: r.get(3)?, edited: r.get(4)? })
            })?
            .collect()
        })
        .map_err(failed)
}

fn catch_up(c: &Connection, limit: usize) -> Result<bool, StoreError> {
    let newest: i64 =
        c.query_row("SELECT coalesce(max(id), 0) FROM main.messages", [], |r| r.get(0)).map_err(failed)?;
    let mut position = state(c, "position")?;
    if newest < position {
        // All messages went, and ids began anew.
        c.execute("INSERT INTO said.texts (texts) VALUES ('delete-all')", []).map_err(failed)?;
        (position, _) = (0, set_state(c, "edited", 0)?);
    }
    let new = rows(c, "id > ?1 ORDER BY id", position, limit)?;
    let more = new.len() == limit;
    for row in &new {
        take_up(c, row)?;
        position = row.id;
    }
    set_state(c, "position", position)?;
    let edited = state(c, "edited")?;
    let overwritten = rows(c, "edited > ?1 ORDER BY edited", edited, limit)?;
    for row in &overwritten {
        if row.id <= position {
            take_up(c, row)?;
        }
    }
    if let Some(last) = overwritten.iter().filter_map(|row| row.edited).max() {
        set_state(c, "edited", last)?;
    }
    Ok(more || overwritten.len() == limit)
}

fn take_up(c: &Connection, row: &Row) -> Result<(), StoreError> {
    let Some(elements) = &row.elements else { return Ok(()) };
    let said = Said::of(elements);
    let mut about = format!("c{} s{}", row.conv, coded(&row.sender));
    for kind in &said.kinds {
        about.push_str(" t");
        about.push_str(kind);
    }
    c.prepare_cached("INSERT OR REPLACE INTO said.texts (rowid, pairs, about) VALUES (?1, ?2, ?3)")
        .and_then(|mut s| s.execute(params![row.id, pairs(&said.text), about]))
        .map(drop)
        .map_err(failed)
}

/// A name as one token.
fn coded(name: &str) -> String {
    name.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// What a message says in words, and in what kinds of elements.
#[derive(Default)]
struct Said {
    text: String,
    kinds: Vec<String>,
}

impl Said {
    fn of(elements: &str) -> Self {
        let mut said = Self::default();
        let Ok(serde_json::Value::Array(list)) = serde_json::from_str(elements) else { return said };
        for element in &list {
            let kind = element["MsgType"].as_str().unwrap_or_default();
            let content = &element["MsgContent"];
            // Pictures, sounds and faces say nothing in words.
            let names: &[&str] = match kind {
                "TIMTextElem" => &["Text"],
                "TIMCustomElem" => &["Data", "Desc", "Ext"],
                "TIMFileElem" => &["FileName"],
                "TIMLocationElem" => &["Desc"],
                "TIMRelayElem" => &["Title"],
                _ => &[],
            };
            let texts = names.iter().filter_map(|name| content[*name].as_str());
            let lines = content["AbstractList"].as_array().into_iter().flatten().filter_map(|line| line.as_str());
            for text in texts.chain(lines.filter(|_| kind == "TIMRelayElem")) {
                said.text.push_str(text);
                said.text.push('\n');
            }
            if !said.kinds.iter().any(|known| known == kind) {
                said.kinds.push(kind.to_owned());
            }
        }
        said
    }
}

/// The letters and digits of a text in small letters, in runs.
fn runs(text: &str) -> Vec<Vec<char>> {
    let small: String = text.chars().take(MAX_LETTERS).flat_map(char::to_lowercase).collect();
    small
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|run| !run.is_empty())
        .map(|run| run.chars().collect())
        .collect()
}

/// The tokens of a text: every pair of letters, and the last letter of every run.
fn pairs(text: &str) -> String {
    let mut tokens = String::new();
    for run in runs(text) {
        for pair in run.windows(2) {
            tokens.extend(pair);
            tokens.push(' ');
        }
        tokens.extend(run.last());
        tokens.push(' ');
    }
    tokens
}

/// The condition that finds a word; `None` for what has neither letters nor digits.
fn finds(word: &str) -> Option<String> {
    let parts: Vec<String> = runs(word)
        .iter()
        .map(|run| match run.as_slice() {
            [one] => format!("pairs : \"{one}\" *"),
            longer => {
                let pairs: Vec<String> = longer.windows(2).map(|pair| pair.iter().collect()).collect();
                format!("pairs : \"{}\"", pairs.join(" "))
            }
        })
        .collect();
    (!parts.is_empty()).then(|| format!("({})", parts.join(" AND ")))
}

/// Whether a text holds the words.
fn holds(text: &str, words: &Words) -> bool {
    let text = text.to_lowercase();
    let mut held = words.words.iter().map(|word| text.contains(&word.to_lowercase()));
    words.words.is_empty() || if words.every { held.all(|held| held) } else { held.any(|held| held) }
}

fn any(prefix: &str, names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.map(|name| format!("\"{prefix}{name}\"")).collect();
    format!("about : ({})", names.join(" OR "))
}

impl Sqlite {
    /// Looks for messages; the index has been brought up to date.
    fn find(c: &Connection, app: AppId, query: &MessageQuery) -> Result<Vec<Message>, StoreError> {
        let mut scopes: HashMap<i64, (&ConversationKey, u64)> = HashMap::new();
        for (conversation, first) in &query.scopes {
            if let Some((pk, _)) = conversations::find(c, app, conversation)? {
                scopes.insert(pk, (conversation, *first));
            }
        }
        let conditions: Option<Vec<String>> = query.words.words.iter().map(|word| finds(word)).collect();
        let Some(conditions) = conditions.filter(|_| !scopes.is_empty()) else { return Ok(Vec::new()) };
        let mut wanted = vec![any("c", scopes.keys().map(ToString::to_string))];
        if !conditions.is_empty() {
            wanted.push(format!("({})", conditions.join(if query.words.every { " AND " } else { " OR " })));
        }
        if !query.senders.is_empty() {
            wanted.push(any("s", query.senders.iter().map(|sender| coded(sender.as_str()))));
        }
        if !query.kinds.is_empty() {
            wanted.push(any("t", query.kinds.iter().map(|kind| coded_kind(kind))));
        }
        let sql = format!(
            "SELECT {}, m.conv, m.direct FROM said.texts JOIN main.messages m ON m.id = texts.rowid
             WHERE texts MATCH ?1 AND m.recall IS NULL AND m.time BETWEEN ?2 AND ?3 ORDER BY texts.rowid DESC",
            messages::columns("m")
        );
        let mut statement = c.prepare_cached(&sql).map_err(failed)?;
        let mut rows = statement.query(params![wanted.join(" AND "), query.from.0, query.until.0]).map_err(failed)?;
        let mut found = Vec::new();
        while found.len() < query.limit
            && let Some(row) = rows.next().map_err(failed)?
        {
            let conv: i64 = row.get(14).map_err(failed)?;
            let Some((conversation, first)) = scopes.get(&conv) else { continue };
            let message = messages::message(row, conversation)?;
            let Content::Elements(elements) = &message.draft.content else { continue };
            if message.seq < *first || !holds(&Said::of(elements).text, &query.words) {
                continue;
            }
            if !is_hidden(c, conv, conversation, row.get(15).map_err(failed)?, &query.reader, message.seq)? {
                found.push(message);
            }
        }
        Ok(found)
    }
}

fn coded_kind(kind: &str) -> String {
    kind.chars().filter(char::is_ascii_alphanumeric).collect()
}

fn is_hidden(
    c: &Connection,
    conv: i64,
    conversation: &ConversationKey,
    direct: Option<i64>,
    reader: &UserId,
    seq: u64,
) -> Result<bool, StoreError> {
    if let ConversationKey::Direct(one, _) = conversation {
        return Ok(messages::is_hidden_from(direct.unwrap_or_default(), messages::side(one, reader)));
    }
    c.prepare_cached("SELECT 1 FROM main.hidden WHERE conv = ?1 AND user = ?2 AND seq = ?3")
        .and_then(|mut s| s.exists(params![conv, reader.as_str(), int(seq)]))
        .map_err(failed)
}

/// Rows that hold each of the words: how many words each row holds.
fn by_words(
    words: &Words,
    limit: usize,
    mut find: impl FnMut(&str) -> Result<Vec<i64>, StoreError>,
) -> Result<Vec<i64>, StoreError> {
    let mut held: HashMap<i64, usize> = HashMap::new();
    for word in &words.words {
        let mut rows = find(word)?;
        rows.sort_unstable();
        rows.dedup();
        for row in rows {
            *held.entry(row).or_default() += 1;
        }
    }
    let enough = if words.every { words.words.len() } else { 1 };
    let mut rows: Vec<i64> = held.into_iter().filter(|(_, words)| *words >= enough).map(|(row, _)| row).collect();
    rows.sort_unstable();
    rows.truncate(limit);
    Ok(rows)
}

/// The condition on a column of names, and what to compare with: three letters and more are found by the index.
fn named(table: &str, column: &str, word: &str) -> (String, String) {
    if word.chars().count() >= 3 {
        (format!("{table} MATCH ?2"), format!("\"{}\"", word.replace('"', "\"\"")))
    } else {
        (format!("instr(lower(s.{column}), ?2) > 0"), word.to_lowercase())
    }
}

fn ids(c: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<Vec<i64>, StoreError> {
    c.prepare_cached(sql).and_then(|mut s| s.query_map(params, |r| r.get(0))?.collect()).map_err(failed)
}

fn accounts_with(c: &Connection, app: AppId, word: &str) -> Result<Vec<i64>, StoreError> {
    let (condition, text) = named("search_accounts", "nick", word);
    let sql = format!(
        "SELECT a.tiny FROM search_accounts s JOIN accounts a ON a.tiny = s.rowid
         WHERE a.app = ?1 AND {condition} LIMIT {MAX_NAMES}"
    );
    let mut found = ids(c, &sql, params![app.0, text])?;
    found.extend(ids(c, "SELECT tiny FROM accounts WHERE app = ?1 AND user = ?2", params![app.0, word])?);
    Ok(found)
}

#[async_trait]
impl Search for Sqlite {
    async fn index_messages(&self, limit: usize) -> Result<bool, StoreError> {
        let index = self.index.clone();
        let done = tokio::task::spawn_blocking(move || index.catch_up(limit)).await;
        done.map_err(|error| StoreError::Unavailable(error.to_string()))?
    }

    async fn search_messages(&self, app: AppId, query: Arc<MessageQuery>) -> Result<Vec<Message>, StoreError> {
        let index = self.index.clone();
        let done = tokio::task::spawn_blocking(move || index.with(|c| Self::find(c, app, &query))).await;
        done.map_err(|error| StoreError::Unavailable(error.to_string()))?
    }

    async fn search_accounts(&self, app: AppId, words: &Words, limit: usize) -> Result<Vec<UserId>, StoreError> {
        self.snapshot(|c| {
            let rows = by_words(words, limit, |word| accounts_with(c, app, word))?;
            let mut statement = c.prepare_cached("SELECT user FROM accounts WHERE tiny = ?1").map_err(failed)?;
            rows.into_iter()
                .map(|row| statement.query_row(params![row], |r| r.get::<_, String>(0)).map_err(failed))
                .map(|user| user.map(|user| UserId::trusted(&user)))
                .collect()
        })
    }

    async fn search_groups(&self, app: AppId, words: &Words, limit: usize) -> Result<Vec<GroupId>, StoreError> {
        self.snapshot(|c| {
            let rows = by_words(words, limit, |word| {
                let (condition, text) = named("search_groups", "name", word);
                let sql = format!(
                    "SELECT g.pk FROM search_groups s JOIN groups g ON g.pk = s.rowid
                     WHERE g.app = ?1 AND {condition} LIMIT {MAX_NAMES}"
                );
                let mut found = ids(c, &sql, params![app.0, text])?;
                found.extend(ids(c, "SELECT pk FROM groups WHERE app = ?1 AND id = ?2", params![app.0, word])?);
                Ok(found)
            })?;
            let mut statement = c.prepare_cached("SELECT id FROM groups WHERE pk = ?1").map_err(failed)?;
            rows.into_iter()
                .map(|row| statement.query_row(params![row], |r| r.get::<_, String>(0)).map_err(failed))
                .map(|group| group.map(|group| GroupId::trusted(&group)))
                .collect()
        })
    }

    async fn search_members(
        &self,
        app: AppId,
        groups: &[GroupId],
        words: &Words,
        limit: usize,
    ) -> Result<Vec<(GroupId, UserId)>, StoreError> {
        self.snapshot(|c| {
            let mut inside: HashMap<i64, &GroupId> = HashMap::new();
            for group in groups {
                let found = ids(c, "SELECT pk FROM groups WHERE app = ?1 AND id = ?2", params![app.0, group.as_str()])?;
                inside.extend(found.into_iter().map(|pk| (pk, group)));
            }
            let rows = by_words(words, usize::MAX, |word| {
                let (condition, text) = named("search_members", "card", word);
                let sql = format!(
                    "SELECT m.pk, m.grp FROM search_members s JOIN members m ON m.pk = s.rowid
                     WHERE m.app = ?1 AND {condition} LIMIT {MAX_NAMES}"
                );
                let pair = |r: &rusqlite::Row<'_>| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?));
                let mut found: Vec<(i64, i64)> = c
                    .prepare_cached(&sql)
                    .and_then(|mut s| s.query_map(params![app.0, text], pair)?.collect())
                    .map_err(failed)?;
                let mut of_account = c
                    .prepare_cached(
                        "SELECT m.pk, m.grp FROM accounts a JOIN members m ON m.app = a.app AND m.user = a.user
                         WHERE a.tiny = ?1",
                    )
                    .map_err(failed)?;
                for account in accounts_with(c, app, word)? {
                    let rows: Result<Vec<(i64, i64)>, _> =
                        of_account.query_map(params![account], pair).map_err(failed)?.collect();
                    found.extend(rows.map_err(failed)?);
                }
                Ok(found.into_iter().filter(|(_, grp)| inside.contains_key(grp)).map(|(pk, _)| pk).collect())
            })?;
            let mut members = Vec::new();
            let mut statement = c.prepare_cached("SELECT grp, user FROM members WHERE pk = ?1").map_err(failed)?;
            for row in rows.into_iter().take(limit) {
                let (grp, user): (i64, String) =
                    statement.query_row(params![row], |r| Ok((r.get(0)?, r.get(1)?))).map_err(failed)?;
                if let Some(group) = inside.get(&grp) {
                    members.push(((*group).clone(), UserId::trusted(&user)));
                }
            }
            Ok(members)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_taken_apart_into_pairs() {
        assert_eq!(pairs("Hello, 東京都 x"), "he el ll lo o 東京 京都 都 x ");
        assert_eq!(finds("ELL").as_deref(), Some(r#"(pairs : "el ll")"#));
        assert_eq!(finds("京").as_deref(), Some(r#"(pairs : "京" *)"#));
        assert_eq!(finds("lo, 東京").as_deref(), Some(r#"(pairs : "lo" AND pairs : "東京")"#));
        assert_eq!(finds("\"!?"), None);
    }

    #[test]
    fn words_are_held_one_or_all() {
        let words = |every| Words { words: vec!["Tea".into(), "東京".into()], every };
        assert!(holds("green tea", &words(false)) && !holds("green tea", &words(true)));
        assert!(holds("東京のTEA", &words(true)));
        assert!(holds("whatever", &Words::default()));
    }
}
