//! What was just said in a room, for those who poll it.

use std::{collections::VecDeque, sync::Arc};

use tsudoi_domain::Timestamp;

/// What pollers may have missed is kept for so many items per room.
const KEPT: usize = 500;
/// For how many seconds after the last poll anything is kept.
const WANTED_SECS: i64 = 120;

/// One item as pollers get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// JSON of the item.
    pub json: Arc<str>,
    /// The number of the broadcast, when it is one.
    pub broadcast: Option<u64>,
}

/// The items of a room, each with its place.
#[derive(Debug, Default)]
pub(super) struct Stream {
    items: VecDeque<(u64, Heard)>,
    next: u64,
    wanted_until: Timestamp,
}

impl Stream {
    /// Where the stream goes on. Places of an earlier process lie before.
    fn end(&mut self, now: Timestamp) -> u64 {
        if self.next == 0 {
            self.next = u64::try_from(now.0).unwrap_or(0).saturating_mul(1000).max(1);
        }
        self.next
    }

    /// Somebody polls, or is about to: answers where the stream goes on.
    pub(super) fn want(&mut self, now: Timestamp) -> u64 {
        self.wanted_until = Timestamp(now.0 + WANTED_SECS);
        self.end(now)
    }

    /// Whether anybody polls.
    pub(super) fn is_wanted(&self, now: Timestamp) -> bool {
        self.wanted_until >= now && now.0 > 0
    }

    /// Adds an item; answers whether anybody may be waiting for it.
    pub(super) fn say(&mut self, heard: Heard, now: Timestamp) -> bool {
        if !self.is_wanted(now) {
            self.items = VecDeque::new();
            return false;
        }
        let place = self.end(now);
        self.next += 1;
        self.items.push_back((place, heard));
        if self.items.len() > KEPT {
            self.items.pop_front();
        }
        true
    }

    /// What was said from a place on, and where to go on.
    pub(super) fn since(&self, from: u64, limit: usize) -> (Vec<Heard>, u64) {
        let items: Vec<_> = self.items.iter().filter(|(place, _)| *place >= from).take(limit).cloned().collect();
        let next = items.last().map_or(self.next, |(place, _)| place + 1);
        (items.into_iter().map(|(_, heard)| heard).collect(), next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str) -> Heard {
        Heard { json: text.into(), broadcast: None }
    }

    #[test]
    fn a_poller_hears_everything_once_and_nothing_is_kept_for_nobody() {
        let mut stream = Stream::default();
        let now = Timestamp(1000);
        assert!(!stream.say(heard("a"), now), "nobody polls");
        let start = stream.want(now);
        assert!(stream.say(heard("b"), now));
        assert!(stream.say(heard("c"), now));
        let (items, next) = stream.since(start, 1);
        assert_eq!(items, [heard("b")]);
        let (items, next) = stream.since(next, 9);
        assert_eq!(items, [heard("c")]);
        assert_eq!(stream.since(next, 9), (vec![], next));
        assert!(!stream.say(heard("d"), Timestamp(1000 + WANTED_SECS + 1)), "nobody polls any longer");
        for _ in 0..2 * KEPT {
            stream.say(heard("e"), now);
        }
        assert!(stream.items.len() <= KEPT);
    }

    #[test]
    fn places_go_on_after_a_restart() {
        let mut before = Stream::default();
        let old = before.want(Timestamp(1000));
        let mut after = Stream::default();
        after.want(Timestamp(1002));
        after.say(heard("new"), Timestamp(1002));
        assert_eq!(after.since(old + 5, 9).0, [heard("new")]);
    }
}
