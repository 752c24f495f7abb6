//! A ticket that is shown with every call and made anew before it ends.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// A ticket and when it was made.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Option<(String, Instant)>>);

/// A ticket made just now and for how long it may be shown.
pub(crate) type Fresh = (String, Duration);

impl Kept {
    /// The ticket; `make` makes one when there is none or its time is over. One at a time: others wait for it.
    pub(crate) async fn get<E>(&self, make: impl AsyncFnOnce() -> Result<Fresh, E>) -> Result<String, E> {
        let mut kept = self.0.lock().await;
        if let Some((ticket, until)) = &*kept
            && Instant::now() < *until
        {
            return Ok(ticket.clone());
        }
        let (ticket, life) = make().await?;
        *kept = Some((ticket.clone(), Instant::now() + life));
        Ok(ticket)
    }

    /// The service does not take the ticket any longer.
    pub(crate) async fn forget(&self, ticket: &str) {
        let mut kept = self.0.lock().await;
        if kept.as_ref().is_some_and(|(one, _)| one == ticket) {
            *kept = None;
        }
    }
}

/// Now, Unix seconds, as tickets say it.
pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
