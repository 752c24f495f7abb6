//! What was sent a moment ago: a repeated send is answered from here, before it counts against any rate.

use moka::sync::Cache;
use tsudoi_domain::{Timestamp, UserId, conversation::ConversationKey};

/// What tells one send from another: where, by whom, with which dice.
type Key = (ConversationKey, UserId, u32);

/// Most sends that are remembered; the oldest are forgotten first. The store tells repeats among those it keeps whatever is
/// remembered here, also after a restart.
const REMEMBERED: u64 = 100_000;

/// The latest sends into groups and topics, with the number and the time each was answered with.
pub struct RecentSends(Cache<Key, (u64, Timestamp)>);

impl Default for RecentSends {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl RecentSends {
    /// The number and the time of the first send, when this one repeats one of the last `window_secs` seconds.
    #[must_use]
    pub fn repeated(
        &self,
        line: &ConversationKey,
        sender: &UserId,
        random: u32,
        now: Timestamp,
        window_secs: u32,
    ) -> Option<(u64, Timestamp)> {
        let first = self.0.get(&(line.clone(), sender.clone(), random))?;
        (now.since(first.1) <= i64::from(window_secs)).then_some(first)
    }

    /// A send was answered with this number and time.
    pub fn remember(&self, line: ConversationKey, sender: UserId, random: u32, seq: u64, time: Timestamp) {
        self.0.insert((line, sender, random), (seq, time));
    }
}

#[cfg(test)]
mod tests {
    use tsudoi_domain::GroupId;

    use super::*;

    #[test]
    fn repeats_are_told_by_place_sender_dice_and_time() {
        let recent = RecentSends::default();
        let line = |name| ConversationKey::Group(GroupId::trusted(name));
        let user = UserId::trusted;
        recent.remember(line("g"), user("ana"), 7, 12, Timestamp(1000));
        let repeated =
            |name, sender, random, now| recent.repeated(&line(name), &user(sender), random, Timestamp(now), 300);
        assert_eq!(repeated("g", "ana", 7, 1300), Some((12, Timestamp(1000))));
        assert_eq!(repeated("g", "ana", 7, 1301), None, "too long ago");
        assert_eq!(repeated("g", "ana", 8, 1000), None);
        assert_eq!(repeated("g", "bob", 7, 1000), None);
        assert_eq!(repeated("h", "ana", 7, 1000), None);
    }
}
