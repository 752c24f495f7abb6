//! Rates: how often a command may be called, and how much a group may say in a second.

use std::{collections::VecDeque, num::NonZeroU32};

use dashmap::DashMap;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;
use tsudoi_domain::{
    GroupId, Timestamp, UserId, conversation::ConversationKey, limits::PriorityShares, message::Priority, time::Millis,
};

/// A token bucket per command, with a burst of one second (docs/spec/limits-and-editions.md#7).
#[derive(Default)]
pub struct RestRates {
    buckets: DashMap<&'static str, (u32, DefaultDirectRateLimiter)>,
    counted: DashMap<&'static str, Counted>,
}

/// Calls of the current second, and the minute of the last alarm.
#[derive(Default)]
struct Counted {
    second: Timestamp,
    calls: u32,
    alarmed: Option<i64>,
}

impl RestRates {
    /// Counts a call; answers how many there were this second when that is more than `percent` of the rate, once a minute
    /// (docs/spec/webhooks.md#15.1).
    #[must_use]
    pub fn alarm(&self, command: &'static str, now: Timestamp, per_second: u32, percent: u32) -> Option<u32> {
        if per_second == 0 {
            return None;
        }
        let mut counted = self.counted.entry(command).or_default();
        if counted.second != now {
            (counted.second, counted.calls) = (now, 0);
        }
        counted.calls = counted.calls.saturating_add(1);
        let is_over = u64::from(counted.calls) * 100 > u64::from(per_second) * u64::from(percent);
        let minute = now.0.div_euclid(60);
        if !is_over || counted.alarmed == Some(minute) {
            return None;
        }
        counted.alarmed = Some(minute);
        Some(counted.calls)
    }

    /// Whether one more call is within `per_second`; 0 is no limit. A changed limit counts from the next call on.
    #[must_use]
    pub fn allow(&self, command: &'static str, per_second: u32) -> bool {
        let Some(limit) = NonZeroU32::new(per_second) else { return true };
        if let Some(entry) = self.buckets.get(command)
            && entry.0 == per_second
        {
            return entry.1.check().is_ok();
        }
        let bucket = RateLimiter::direct(Quota::per_second(limit));
        let allowed = bucket.check().is_ok();
        self.buckets.insert(command, (per_second, bucket));
        allowed
    }
}

/// Counts the writes to the key-values of single messages per minute (docs/spec/rest-c2c.md#2).
#[derive(Default)]
pub struct ExtensionRates {
    minutes: DashMap<(ConversationKey, u64), (i64, u32)>,
}

impl ExtensionRates {
    /// Whether one more write to the message is within `per_minute`; 0 is no limit.
    #[must_use]
    pub fn admit(&self, line: ConversationKey, seq: u64, now: Timestamp, per_minute: u32) -> bool {
        if per_minute == 0 {
            return true;
        }
        let minute = now.0.div_euclid(60);
        if self.minutes.len() > COUNTED {
            self.minutes.retain(|_, (at, _)| *at == minute);
        }
        let mut counted = self.minutes.entry((line, seq)).or_insert((minute, 0));
        if counted.0 != minute {
            *counted = (minute, 0);
        }
        let fits = counted.1 < per_minute;
        counted.1 += u32::from(fits);
        fits
    }
}

/// Counts the receivers of batch messages per minute (docs/spec/rest-c2c.md#1.2).
#[derive(Default)]
pub struct BatchRates {
    bucket: Mutex<Option<(u32, DefaultDirectRateLimiter)>>,
}

impl BatchRates {
    /// Whether so many more receivers are within `per_minute`; 0 is no limit. A changed limit counts from the next call on.
    #[must_use]
    pub fn allow(&self, receivers: usize, per_minute: u32) -> bool {
        let Some(limit) = NonZeroU32::new(per_minute) else { return true };
        let Some(receivers) = u32::try_from(receivers).ok().and_then(NonZeroU32::new) else { return true };
        let mut bucket = self.bucket.lock();
        if bucket.as_ref().is_none_or(|(known, _)| *known != per_minute) {
            *bucket = Some((per_minute, RateLimiter::direct(Quota::per_minute(limit))));
        }
        bucket.as_ref().is_some_and(|(_, bucket)| matches!(bucket.check_n(receivers), Ok(Ok(()))))
    }
}

/// What a group said in the current second, by priority, and what it said too much before.
#[derive(Default, Clone, Copy)]
struct Second {
    at: Timestamp,
    accepted: [u32; 4],
    debt: u64,
}

impl Second {
    /// Goes on to another second: of what was said above the rate, each second pays back a rate's worth.
    fn go_on(&mut self, now: Timestamp, per_second: u64) {
        let passed = u64::try_from(now.since(self.at)).unwrap_or(1).max(1);
        let said: u64 = self.accepted.iter().map(|count| u64::from(*count)).sum();
        let debt = (self.debt + said).saturating_sub(per_second.saturating_mul(passed));
        *self = Second { at: now, accepted: [0; 4], debt };
    }
}

/// Counts messages per group and second and sheds those above the rate, lower priorities first
/// (docs/spec/limits-and-editions.md#3.1).
///
/// A server that answers at once cannot look ahead, and so cannot choose among a whole second's messages. So a message counts only
/// against those of its own and of higher priority: a flood of likes never costs a gift its place, and a group that says less
/// than its rate loses nothing. What higher priorities pass above the rate in one second is owed: in the next ones lower priorities have as
/// much less room, but for an eighth of the rate. In the long run a group says no more than its rate and that eighth.
#[derive(Default)]
pub struct GroupRates {
    seconds: DashMap<GroupId, Mutex<Second>>,
}

/// Most groups, or members, that are counted at a time; beyond, those of earlier seconds are forgotten.
const COUNTED: usize = 100_000;

impl GroupRates {
    /// Whether a message of this priority still fits into the second; 0 is no limit.
    #[must_use]
    pub fn admit(
        &self,
        group: &GroupId,
        priority: Priority,
        now: Timestamp,
        per_second: u32,
        shares: &PriorityShares,
    ) -> bool {
        if per_second == 0 {
            return true;
        }
        if self.seconds.len() > COUNTED {
            self.seconds.retain(|_, second| second.lock().at == now);
        }
        let share = match priority {
            Priority::High => shares.high_permille,
            Priority::Normal => shares.normal_permille,
            Priority::Low | Priority::Lowest => shares.low_permille,
        };
        let budget = u64::from(per_second) * u64::from(share) / 1000;
        let admit = |second: &Mutex<Second>| {
            let mut second = second.lock();
            if second.at != now {
                second.go_on(now, per_second.into());
            }
            let own = priority as usize;
            let room = u64::from(per_second).saturating_sub(second.debt).max(u64::from(per_second.div_ceil(8)));
            let budget = if priority == Priority::High { budget } else { budget.min(room) };
            let fits = second.accepted[..=own].iter().map(|count| u64::from(*count)).sum::<u64>() < budget;
            second.accepted[own] += u32::from(fits);
            fits
        };
        if let Some(second) = self.seconds.get(group) {
            return admit(&second);
        }
        admit(self.seconds.entry(group.clone()).or_default().value())
    }
}

/// Counts messages per member of a group and second (docs/spec/limits-and-editions.md#3).
#[derive(Default)]
pub struct MemberRates {
    seconds: DashMap<(GroupId, UserId), (Timestamp, u32)>,
}

impl MemberRates {
    /// Whether one more message of the member still fits into the second; 0 is no limit.
    #[must_use]
    pub fn admit(&self, group: &GroupId, user: &UserId, now: Timestamp, per_second: u32) -> bool {
        if per_second == 0 {
            return true;
        }
        if self.seconds.len() > COUNTED {
            self.seconds.retain(|_, (at, _)| *at == now);
        }
        let mut second = self.seconds.entry((group.clone(), user.clone())).or_default();
        if second.0 != now {
            *second = (now, 0);
        }
        let fits = second.1 < per_second;
        second.1 += u32::from(fits);
        fits
    }
}

/// Counts the writes to each group's attributes (docs/spec/limits-and-editions.md#4).
#[derive(Default)]
pub struct AttributeRates {
    writes: DashMap<GroupId, VecDeque<Millis>>,
}

impl AttributeRates {
    /// Whether one more write leaves it at most `per_second` in any second; 0 is no limit.
    #[must_use]
    pub fn admit(&self, group: &GroupId, now: Millis, per_second: u32) -> bool {
        if per_second == 0 {
            return true;
        }
        let is_old = |at: &Millis| now.0 - at.0 >= 1000;
        if self.writes.len() > COUNTED {
            self.writes.retain(|_, times| times.back().is_some_and(|newest| !is_old(newest)));
        }
        let mut times = self.writes.entry(group.clone()).or_default();
        while times.front().is_some_and(is_old) {
            times.pop_front();
        }
        let fits = times.len() < per_second as usize;
        if fits {
            times.push_back(now);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn batches_share_a_minute() {
        let rates = BatchRates::default();
        assert!(rates.allow(300, 500));
        assert!(rates.allow(200, 500));
        assert!(!rates.allow(100, 500));
        assert!(!rates.allow(601, 600), "more than a minute holds");
        assert!(rates.allow(600, 600));
        assert!(rates.allow(10_000, 0));
    }

    use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn an_alarm_comes_once_a_minute() {
        let rates = RestRates::default();
        let alarm = |second| rates.alarm("c", Timestamp(second), 10, 80);
        let alarms = |second, calls: usize| (0..calls).filter_map(|_| alarm(second)).collect::<Vec<u32>>();
        assert!(alarms(60, 8).is_empty());
        assert_eq!(alarms(60, 5), [9]);
        assert!(alarms(61, 20).is_empty(), "the same minute");
        assert_eq!(alarms(120, 20), [9]);
        assert_eq!(rates.alarm("c", Timestamp(240), 0, 80), None, "no rate, no alarm");
    }

    #[test]
    fn gifts_pass_where_likes_no_longer_do() {
        let rates = GroupRates::default();
        let group = GroupId::parse("g").expect("an id");
        let shares = PriorityShares::default();
        let admitted = |priority, offered: u32, second| {
            (0..offered).filter(|_| rates.admit(&group, priority, Timestamp(second), 40, &shares)).count()
        };
        assert_eq!(admitted(Priority::Low, 100, 7), 40, "a group may say as much as its rate, whatever it is");
        assert_eq!(admitted(Priority::High, 30, 7), 30, "gifts pass though the second is full of likes");
        assert_eq!(admitted(Priority::Normal, 100, 7), 10, "text counts against gifts, not against likes");
        assert_eq!(admitted(Priority::High, 100, 7), 10, "too many gifts are too many");
        assert_eq!(admitted(Priority::Low, 100, 8), 5, "50 were too many: of the next second's room an eighth is left");
        assert_eq!(admitted(Priority::High, 40, 8), 40, "gifts pass all the same");
        assert_eq!(admitted(Priority::Low, 100, 9), 5, "5 + 40 of 40 and 50 that are owed");
        assert_eq!(admitted(Priority::Low, 100, 10), 20, "then 55, 20 of which are owed still");
        assert_eq!(admitted(Priority::Low, 100, 11), 40, "and at last nothing");
        assert!(rates.admit(&group, Priority::Low, Timestamp(11), 0, &shares), "no rate, no limit");
    }

    #[test]
    fn a_flood_of_everything_holds_the_rate_and_never_costs_a_gift_its_place() {
        let rates = GroupRates::default();
        let group = GroupId::parse("g").expect("an id");
        let mut dice = StdRng::seed_from_u64(7);
        let (seconds, rate) = (200, 40);
        let mut said = 0;
        for second in 0..seconds {
            // Sometimes a storm, sometimes calm; priorities in any order.
            let offered = if dice.random_bool(0.7) { dice.random_range(0..300) } else { 10 };
            let (mut gifts, mut lower) = ((0, 0), 0);
            for _ in 0..offered {
                let priority =
                    [Priority::High, Priority::Normal, Priority::Low, Priority::Lowest][dice.random_range(0..4)];
                let passes = rates.admit(&group, priority, Timestamp(second), rate, &PriorityShares::default());
                match priority {
                    Priority::High => gifts = (gifts.0 + 1, gifts.1 + u32::from(passes)),
                    Priority::Normal | Priority::Low | Priority::Lowest => lower += u32::from(passes),
                }
            }
            assert!(gifts.1 == gifts.0.min(rate), "{gifts:?}: gifts are shed only when they alone are too many");
            assert!(lower <= 2 * rate, "{lower}");
            said += gifts.1 + lower;
        }
        let most = u32::try_from(seconds).expect("few") * (rate + rate / 8) + 2 * rate;
        assert!(said <= most, "{said} of {most}");
    }

    #[test]
    fn members_are_counted_each_by_themselves() {
        let rates = MemberRates::default();
        let group = GroupId::parse("g").expect("an id");
        let admit = |user, second| rates.admit(&group, &UserId::trusted(user), Timestamp(second), 2);
        assert_eq!([admit("ana", 7), admit("ana", 7), admit("ana", 7)], [true, true, false]);
        assert!(admit("bob", 7));
        assert!(admit("ana", 8), "the next second is a new one");
        assert!((0..9).all(|_| rates.admit(&group, &UserId::trusted("cid"), Timestamp(7), 0)), "no rate, no limit");
    }

    #[test]
    fn attributes_are_written_so_often_in_any_second() {
        let rates = AttributeRates::default();
        let group = GroupId::parse("g").expect("an id");
        let admit = |at| rates.admit(&group, Millis(at), 2);
        assert_eq!([admit(900), admit(1000), admit(1500), admit(1899)], [true, true, false, false]);
        assert_eq!([admit(1900), admit(1950)], [true, false], "refused writes count for nothing");
        assert!(rates.admit(&GroupId::parse("other").expect("an id"), Millis(1950), 2));
        assert!((0..9).all(|_| rates.admit(&group, Millis(1950), 0)), "no rate, no limit");
    }
}
