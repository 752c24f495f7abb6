//! Turns: who changes the same thing by reading it first goes one after the other, instead of losing races to each other.
//!
//! The store decides what holds; turns only spare the retries.

use std::hash::{BuildHasher as _, Hash, RandomState};

use tokio::sync::{Mutex, MutexGuard};

/// How many can be changed at a time; things share a turn by chance.
const TURNS: usize = 64;

/// Gives turns.
pub(crate) struct Turns {
    hasher: RandomState,
    turns: [Mutex<()>; TURNS],
}

impl Default for Turns {
    fn default() -> Self {
        Self { hasher: RandomState::new(), turns: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Turns {
    /// Waits for the turn to change something; it ends with the guard.
    pub(crate) async fn take(&self, what: &impl Hash) -> MutexGuard<'_, ()> {
        let hash = self.hasher.hash_one(what);
        let at = usize::try_from(hash % TURNS as u64).expect("small");
        self.turns[at].lock().await
    }
}
