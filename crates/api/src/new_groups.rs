//! How many groups an app gained today.

use parking_lot::Mutex;
use tsudoi_domain::Timestamp;

/// How much the number of an app's groups grew today: created less dissolved, in UTC days. Counted while the server runs.
#[derive(Debug, Default)]
pub struct NewGroups(Mutex<(i64, i64)>);

const DAY_SECS: i64 = 86_400;

impl NewGroups {
    fn change(&self, now: Timestamp, by: i64) {
        let today = now.0.div_euclid(DAY_SECS);
        let mut state = self.0.lock();
        if state.0 != today {
            *state = (today, 0);
        }
        state.1 += by;
    }

    /// One more.
    pub fn created(&self, now: Timestamp) {
        self.change(now, 1);
    }

    /// One less.
    pub fn dissolved(&self, now: Timestamp) {
        self.change(now, -1);
    }

    /// Today's growth; 0 when more were dissolved than created.
    #[must_use]
    pub fn today(&self, now: Timestamp) -> u64 {
        let (day, net) = *self.0.lock();
        if day == now.0.div_euclid(DAY_SECS) { u64::try_from(net).unwrap_or(0) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_counted_by_day_and_dissolved_groups_make_room() {
        let groups = NewGroups::default();
        let noon = Timestamp(20_000 * 86_400 + 43_200);
        groups.created(noon);
        groups.created(noon);
        groups.dissolved(noon);
        assert_eq!(groups.today(noon), 1);
        assert_eq!(groups.today(Timestamp(noon.0 + 43_200)), 0, "the next day");
        groups.dissolved(Timestamp(noon.0 + 43_200));
        assert_eq!(groups.today(Timestamp(noon.0 + 43_200)), 0);
    }
}
