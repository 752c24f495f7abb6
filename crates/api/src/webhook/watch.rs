//! The last calls of an app, for people who look: failures always, everything while somebody watches.
//!
//! What calls say is private: bodies are kept only while somebody watches, and nothing of it is logged.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde::Serialize;
use tsudoi_domain::{WebhookCommand, time::Millis};

use super::post::{Failure, beginning};

/// Most calls that are kept.
const KEPT: usize = 500;
/// Most characters of a body that are kept.
const BODY_CHARS: usize = 4000;
/// How long after the last look everything is kept.
const WATCHED: Duration = Duration::from_secs(60);

/// A call that was made.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// Its number, growing.
    #[serde(rename = "Id")]
    pub id: u64,
    /// When it ended, Unix milliseconds.
    #[serde(rename = "Time")]
    pub time: Millis,
    /// What it was about.
    #[serde(rename = "CallbackCommand")]
    pub command: &'static str,
    /// How long it took, milliseconds.
    #[serde(rename = "DurationMs")]
    pub duration_ms: f64,
    /// `ok`, or the class of its failure.
    #[serde(rename = "Outcome")]
    pub outcome: &'static str,
    /// More about a failure.
    #[serde(rename = "Detail", skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The HTTP status of a failure, when there was one.
    #[serde(rename = "Status", skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What was said; only while somebody watches.
    #[serde(rename = "Body", skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The beginning of the answer; only while somebody watches.
    #[serde(rename = "Answer", skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

#[derive(Default)]
struct Kept {
    calls: VecDeque<Record>,
    last_id: u64,
    looked_at: Option<Instant>,
}

/// The last calls of one app.
#[derive(Default)]
pub(super) struct Watch(Mutex<Kept>);

impl Watch {
    pub(super) fn note(
        &self,
        command: WebhookCommand,
        took: Duration,
        now: Millis,
        body: &[u8],
        result: Result<&[u8], &Failure>,
    ) {
        let mut kept = self.0.lock();
        let is_watched = kept.looked_at.is_some_and(|at| at.elapsed() < WATCHED);
        if !is_watched && result.is_ok() {
            return;
        }
        kept.last_id += 1;
        let id = kept.last_id;
        if kept.calls.len() == KEPT {
            kept.calls.pop_front();
        }
        let failure = result.err();
        kept.calls.push_back(Record {
            id,
            time: now,
            command: command.name(),
            duration_ms: took.as_secs_f64() * 1000.0,
            outcome: failure.map_or("ok", |failure| failure.class.word()),
            detail: failure.map(|failure| failure.detail.clone()).unwrap_or_default(),
            status: failure.and_then(|failure| failure.status),
            body: is_watched.then(|| String::from_utf8_lossy(body).chars().take(BODY_CHARS).collect()),
            answer: result.ok().filter(|_| is_watched).map(beginning),
        });
    }

    /// The calls behind a number, oldest first, and the newest number. From now on somebody watches.
    pub(super) fn after(&self, id: u64, limit: usize) -> (Vec<Record>, u64) {
        let mut kept = self.0.lock();
        kept.looked_at = Some(Instant::now());
        let calls: Vec<Record> = kept.calls.iter().filter(|call| call.id > id).take(limit).cloned().collect();
        let next = calls.last().map_or(kept.last_id, |call| call.id);
        (calls, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::FailureClass;

    #[test]
    fn failures_are_kept_always_and_the_rest_while_somebody_looks() {
        let watch = Watch::default();
        let note = |result: Result<&[u8], &Failure>| {
            watch.note(WebhookCommand::StateChange, Duration::from_millis(5), Millis(9), b"{}", result);
        };
        let failure = Failure::new(FailureClass::Connect, "refused");
        note(Ok(b"{}"));
        note(Err(&failure));
        let (calls, next) = watch.after(0, 10);
        assert_eq!((calls.len(), next, calls[0].outcome, calls[0].body.as_deref()), (1, 1, "connect", None));
        note(Ok(b"{}"));
        let (calls, next) = watch.after(next, 10);
        assert_eq!((calls.len(), next, calls[0].outcome, calls[0].body.as_deref()), (1, 2, "ok", Some("{}")));
        for _ in 0..2 * KEPT {
            note(Ok(b"{}"));
        }
        assert_eq!(watch.after(0, 10 * KEPT).0.len(), KEPT);
    }
}
