//! Words that apps do not want to read.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use tsudoi_domain::{
    AppId,
    moderation::{Treatment, Word, WordList},
    time::Timestamp,
};

use super::{Sqlite, failed, json, to_json, uint};
use crate::{StoreError, Words};

/// The `data` column.
#[derive(Serialize, Deserialize)]
struct WordData {
    treatment: Treatment,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    replacement: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    label: String,
}

#[async_trait]
impl Words for Sqlite {
    async fn words(&self, app: AppId) -> Result<Vec<Word>, StoreError> {
        self.read(|c| {
            let mut statement = c
                .prepare_cached("SELECT id, list, text, regex, time, data FROM words WHERE app = ?1")
                .map_err(failed)?;
            let mut rows = statement.query(params![app.0]).map_err(failed)?;
            let mut words = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                words.push(word(row)?);
            }
            words.sort_unstable_by_key(|word| word.id);
            Ok(words)
        })
    }
}

fn word(row: &Row<'_>) -> Result<Word, StoreError> {
    let data: WordData = json("word", &row.get::<_, String>(5).map_err(failed)?)?;
    Ok(Word {
        id: uint(row.get(0).map_err(failed)?),
        list: WordList::from(row.get::<_, String>(1).map_err(failed)?),
        text: row.get(2).map_err(failed)?,
        is_regex: row.get(3).map_err(failed)?,
        treatment: data.treatment,
        replacement: data.replacement,
        label: data.label,
        updated_at: Timestamp(row.get(4).map_err(failed)?),
    })
}

pub(super) fn put(c: &Connection, app: AppId, words: &[Word]) -> Result<(), StoreError> {
    let mut statement = c
        .prepare_cached(
            "INSERT INTO words (app, list, text, regex, time, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (app, list, text, regex) DO UPDATE SET time = excluded.time, data = excluded.data",
        )
        .map_err(failed)?;
    for word in words {
        let data =
            WordData { treatment: word.treatment, replacement: word.replacement.clone(), label: word.label.clone() };
        let list = String::from(word.list.clone());
        statement
            .execute(params![app.0, list, word.text, word.is_regex, word.updated_at.0, to_json(&data)])
            .map_err(failed)?;
    }
    Ok(())
}

pub(super) fn delete(c: &Connection, app: AppId, list: &WordList, words: &[(String, bool)]) -> Result<(), StoreError> {
    let list = String::from(list.clone());
    let mut statement = c
        .prepare_cached("DELETE FROM words WHERE app = ?1 AND list = ?2 AND text = ?3 AND regex = ?4")
        .map_err(failed)?;
    for (text, is_regex) in words {
        statement.execute(params![app.0, list, text, is_regex]).map_err(failed)?;
    }
    Ok(())
}
