//! What was counted per day.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use tsudoi_domain::{
    AppId,
    statistics::{Counts, Figure},
};

use super::{Sqlite, failed, int, uint};
use crate::{Figures, StoreError};

#[async_trait]
impl Figures for Sqlite {
    async fn figures(&self, app: AppId, from: u32, to: u32) -> Result<Vec<(u32, Figure, u64)>, StoreError> {
        self.read(|c| {
            let mut statement = c
                .prepare_cached(
                    "SELECT day, figure, number FROM figures WHERE app = ?1 AND day BETWEEN ?2 AND ?3 ORDER BY day, figure",
                )
                .map_err(failed)?;
            let mut rows = statement.query(params![app.0, from, to]).map_err(failed)?;
            let mut figures = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                // A newer server may have counted what this one does not know.
                if let Some(figure) = Figure::of_number(row.get(1).map_err(failed)?) {
                    figures.push((row.get(0).map_err(failed)?, figure, uint(row.get(2).map_err(failed)?)));
                }
            }
            Ok(figures)
        })
    }

    async fn figure_before(&self, app: AppId, day: u32, figure: Figure) -> Result<u64, StoreError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT number FROM figures WHERE app = ?1 AND day < ?2 AND figure = ?3 ORDER BY day DESC LIMIT 1",
            )
            .and_then(|mut s| s.query_row(params![app.0, day, figure.number()], |r| r.get(0)).optional())
            .map(|found| found.map_or(0, uint))
            .map_err(failed)
        })
    }

    async fn account_counts(&self, app: AppId) -> Result<(u64, u64), StoreError> {
        self.read(|c| {
            c.prepare_cached("SELECT total, made FROM account_counts WHERE app = ?1")
                .and_then(|mut s| s.query_row(params![app.0], |r| Ok((uint(r.get(0)?), uint(r.get(1)?)))).optional())
                .map(Option::unwrap_or_default)
                .map_err(failed)
        })
    }
}

/// Adds what was counted to its day, and forgets who was counted on earlier days.
pub(super) fn count(c: &Connection, app: AppId, counts: &Counts) -> Result<(), StoreError> {
    let day = counts.day;
    let put = |how: &str, figures: &[(Figure, u64)]| -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO figures (app, day, figure, number) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (app, day, figure) DO UPDATE SET number = {how}"
        );
        let mut statement = c.prepare_cached(&sql).map_err(failed)?;
        for (figure, number) in figures {
            statement.execute(params![app.0, day, figure.number(), int(*number)]).map_err(failed)?;
        }
        Ok(())
    };
    put("number + excluded.number", &counts.added)?;
    put("excluded.number", &counts.set)?;
    put("max(number, excluded.number)", &counts.highest)?;
    let mut keys = c
        .prepare_cached("INSERT OR IGNORE INTO figure_keys (app, day, figure, key) VALUES (?1, ?2, ?3, ?4)")
        .map_err(failed)?;
    for (figure, key) in &counts.seen {
        if keys.execute(params![app.0, day, figure.number(), key]).map_err(failed)? > 0 {
            put("number + excluded.number", &[(*figure, 1)])?;
        }
    }
    c.prepare_cached("DELETE FROM figure_keys WHERE app = ?1 AND day < ?2")
        .and_then(|mut s| s.execute(params![app.0, day]))
        .map(drop)
        .map_err(failed)
}
