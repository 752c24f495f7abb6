//! Time as an argument: the rules never read a clock.

use serde::{Deserialize, Serialize};

/// A moment in Unix milliseconds, as the injected clock gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    /// The whole second this moment lies in.
    #[must_use]
    pub fn second(self) -> Timestamp {
        Timestamp(self.0.div_euclid(1000))
    }
}

/// A moment in Unix seconds, the unit of nearly every time on the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Seconds from `earlier` to this moment; negative when it lies before.
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> i64 {
        self.0 - earlier.0
    }
}

/// Until when somebody may not speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MuteUntil(pub i64);

impl MuteUntil {
    /// Nobody stops them.
    pub const NEVER: MuteUntil = MuteUntil(0);
    /// For good: the largest number the wire can carry.
    pub const FOREVER: MuteUntil = MuteUntil(u32::MAX as i64);

    /// The end of a mute that lasts `seconds` from `now`. 0 lifts it; the largest `u32` means for good.
    #[must_use]
    pub fn after(now: Timestamp, seconds: u32) -> MuteUntil {
        match seconds {
            0 => Self::NEVER,
            u32::MAX => Self::FOREVER,
            _ => MuteUntil((now.0 + i64::from(seconds)).min(Self::FOREVER.0)),
        }
    }

    /// For how many seconds more it holds; the largest `u32` for good.
    #[must_use]
    pub fn seconds_left(self, now: Timestamp) -> i64 {
        if self == Self::FOREVER { self.0 } else { (self.0 - now.0).max(0) }
    }

    /// Whether the mute is in force.
    #[must_use]
    pub fn holds(self, now: Timestamp) -> bool {
        self.0 > now.0
    }
}
