//! Time and dice, injected everywhere so that tests and the emulator can move the one and seed the other.

use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tsudoi_domain::time::Millis;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Millis;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Rolls dice.
pub trait Dice: Send + Sync {
    /// A random number.
    fn u64(&self) -> u64;

    /// A random 32-bit number.
    fn u32(&self) -> u32 {
        u32::try_from(self.u64() >> 32).expect("half of 64 bits")
    }

    /// `length` random characters of capital letters and digits, for ids.
    fn id_part(&self, length: usize) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        let mut bits = 0;
        (0..length)
            .map(|at| {
                if at % 12 == 0 {
                    bits = self.u64();
                }
                let index = usize::try_from(bits & 31).expect("five bits");
                bits >>= 5;
                char::from(ALPHABET[index])
            })
            .collect()
    }
}

/// Dice of a generator: seeded by the system, or by a number for repeatable runs.
#[derive(Debug)]
pub struct RandomDice(Mutex<StdRng>);

impl Default for RandomDice {
    fn default() -> Self {
        Self(Mutex::new(rand::make_rng()))
    }
}

impl RandomDice {
    /// The same numbers for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Dice for RandomDice {
    fn u64(&self) -> u64 {
        self.0.lock().random()
    }
}
