//! What is counted per app and day (docs/spec/rest-push-ops.md#4.1).

use crate::time::Timestamp;

macro_rules! figures {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)+) => {
        /// One figure of a day. Numbers are those of the store and never given twice.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Figure {
            $($(#[$doc])* $name = $number,)+
        }

        impl Figure {
            /// The figure of a number; `None` when no figure has it.
            #[must_use]
            pub fn of_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// Its number.
            #[must_use]
            pub fn number(self) -> u8 {
                self as u8
            }
        }
    };
}

figures! {
    /// Users who logged in, were here or said something.
    ActiveUsers = 1,
    /// Accounts that were ever made, at the end of the day.
    AccountsMade = 2,
    /// Accounts at the end of the day.
    Accounts = 3,
    /// Logins.
    Logins = 4,
    /// Users who logged in.
    LoginUsers = 5,
    /// Users who sent anything.
    Senders = 6,
    /// Messages between two people.
    DirectUp = 7,
    /// Messages between two people that reached a device.
    DirectDown = 8,
    /// Users who sent messages to one other.
    DirectSenders = 9,
    /// Messages between two people that went to Apple's push service.
    DirectApplePushes = 10,
    /// Most users online at a time.
    MostOnline = 11,
    /// Friendships that came to be.
    FriendsMade = 12,
    /// Friendships that ended.
    FriendsLost = 13,
    /// Messages in groups.
    GroupUp = 14,
    /// Messages in groups, once per member they reached.
    GroupDown = 15,
    /// Users who sent messages to groups.
    GroupSenders = 16,
    /// Group messages that went to Apple's push service.
    GroupApplePushes = 17,
    /// Groups in which anything was said.
    SpokenGroups = 18,
    /// Members who came.
    Joins = 19,
    /// Members who went.
    Exits = 20,
    /// Groups that were made.
    GroupsMade = 21,
    /// Groups at the end of the day.
    Groups = 22,
    /// Groups that were dissolved.
    GroupsGone = 23,
    /// Calls to the app's backend.
    WebhookCalls = 24,
    /// Calls to the app's backend that were answered.
    WebhookAnswers = 25,
}

/// What was counted on a day since the last time it was stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// The day, yyyymmdd.
    pub day: u32,
    /// What is added.
    pub added: Vec<(Figure, u64)>,
    /// What stands in place of what stood there.
    pub set: Vec<(Figure, u64)>,
    /// What stands there if it is more.
    pub highest: Vec<(Figure, u64)>,
    /// Who is counted, each once a day.
    pub seen: Vec<(Figure, String)>,
}

/// A moment on the calendar of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Year.
    pub year: i64,
    /// Month, from 1.
    pub month: u32,
    /// Day of the month, from 1.
    pub day: u32,
    /// Hour, from 0.
    pub hour: u32,
    /// Minute.
    pub minute: u32,
    /// Second.
    pub second: u32,
}

const DAY_SECS: i64 = 86_400;

impl Moment {
    /// A moment as clocks show it that are so many hours ahead of UTC.
    #[must_use]
    pub fn of(time: Timestamp, utc_offset_hours: i32) -> Self {
        let local = time.0 + i64::from(utc_offset_hours) * 3600;
        let (days, rest) = (local.div_euclid(DAY_SECS), local.rem_euclid(DAY_SECS));
        let part = |value: i64| u32::try_from(value).expect("less than a day has seconds");
        // Days are counted from the first of March of a year that 400 divides: leap days come last in it.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Self {
            year: era * 400 + year_of_era + i64::from(month <= 2),
            month: part(month),
            day: part(day_of_year - (153 * month_from_march + 2) / 5 + 1),
            hour: part(rest / 3600),
            minute: part(rest / 60 % 60),
            second: part(rest % 60),
        }
    }

    /// The way back of [`Moment::of`]; `None` when there is no such moment.
    #[must_use]
    pub fn time(self, utc_offset_hours: i32) -> Option<Timestamp> {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let month = i64::from(self.month);
        let month_from_march = if month > 2 { month - 3 } else { month + 9 };
        let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        let of_day = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        let time = Timestamp(days * DAY_SECS + of_day - i64::from(utc_offset_hours) * 3600);
        (Self::of(time, utc_offset_hours) == self).then_some(time)
    }

    /// The day as a number, yyyymmdd.
    #[must_use]
    pub fn day_number(self) -> u32 {
        u32::try_from(self.year).unwrap_or(0) * 10_000 + self.month * 100 + self.day
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { year, month, day, hour, minute, second } = self;
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, 0, "1970-01-01 00:00:00")]
    #[case(951_782_400, 0, "2000-02-29 00:00:00")]
    #[case(1_764_493_201, 0, "2025-11-30 09:00:01")]
    #[case(1_764_493_201, 8, "2025-11-30 17:00:01")]
    #[case(1_767_225_599, 0, "2025-12-31 23:59:59")]
    #[case(1_767_225_599, 9, "2026-01-01 08:59:59")]
    #[case(1_767_225_599, -11, "2025-12-31 12:59:59")]
    fn moments_are_those_of_the_calendar(#[case] time: i64, #[case] ahead: i32, #[case] shown: &str) {
        let moment = Moment::of(Timestamp(time), ahead);
        assert_eq!(moment.to_string(), shown);
        assert_eq!(moment.time(ahead), Some(Timestamp(time)));
    }

    #[test]
    fn there_is_no_thirtieth_of_february() {
        let moment = Moment { year: 2025, month: 2, day: 30, hour: 0, minute: 0, second: 0 };
        assert_eq!(moment.time(0), None);
        assert_eq!(Moment { month: 13, day: 1, ..moment }.time(0), None);
        assert_eq!(Moment { month: 2, day: 28, hour: 24, ..moment }.time(0), None);
        assert_eq!(Moment { month: 2, day: 28, ..moment }.day_number(), 20_250_228);
    }

    #[test]
    fn numbers_name_their_figure() {
        for number in 1..=25 {
            assert_eq!(Figure::of_number(number).map(Figure::number), Some(number));
        }
        assert_eq!(Figure::of_number(0), None);
    }
}
