//! Numbers of one run: latencies with their percentiles, and the median over runs.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Linear steps per power of two: a recorded value is off by at most 1/64.
const STEPS: usize = 64;
/// Bits of `STEPS`.
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Powers of two above the first `STEPS` values; the last one begins at 2^45 ns, almost ten hours.
const POWERS: usize = 40;

/// Nanoseconds on the clock that stamps and receives every message of this process.
pub(crate) fn now_nanos() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Counts durations in nanoseconds, from many threads at once, with a relative error below 1.6 %.
/// Longer ones than about ten hours count as ten hours.
#[derive(Debug)]
pub(crate) struct Latencies {
    counts: Box<[AtomicU64]>,
    longest: AtomicU64,
}

impl Latencies {
    pub(crate) fn new() -> Self {
        let counts = (0..STEPS * (POWERS + 1)).map(|_| AtomicU64::new(0)).collect();
        Self { counts, longest: AtomicU64::new(0) }
    }

    pub(crate) fn record(&self, nanos: u64) {
        self.counts[bucket(nanos)].fetch_add(1, Ordering::Relaxed);
        self.longest.fetch_max(nanos, Ordering::Relaxed);
    }

    /// Forgets everything recorded so far.
    pub(crate) fn reset(&self) {
        for count in &self.counts {
            count.store(0, Ordering::Relaxed);
        }
        self.longest.store(0, Ordering::Relaxed);
    }

    /// The value that `share` (0.0 to 1.0) of all records do not exceed; `None` without records.
    pub(crate) fn percentile(&self, share: f64) -> Option<Duration> {
        let counts: Vec<u64> = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        let wanted = share.clamp(0.0, 1.0) * total as f64;
        let mut seen = 0;
        for (index, count) in counts.iter().enumerate() {
            seen += count;
            if seen > 0 && seen as f64 >= wanted {
                return Some(Duration::from_nanos(middle(index)));
            }
        }
        None
    }

    /// The longest record; `None` without records.
    pub(crate) fn max(&self) -> Option<Duration> {
        let longest = self.longest.load(Ordering::Relaxed);
        (longest > 0).then(|| Duration::from_nanos(longest))
    }
}

fn bucket(nanos: u64) -> usize {
    let Some(power) = nanos.checked_ilog2().and_then(|log| log.checked_sub(STEP_BITS)) else {
        return usize::try_from(nanos).unwrap_or(0);
    };
    if power as usize >= POWERS {
        return STEPS * (POWERS + 1) - 1;
    }
    let step = usize::try_from(nanos >> power).unwrap_or(0) - STEPS;
    STEPS * (power as usize + 1) + step
}

fn middle(index: usize) -> u64 {
    let step = (index % STEPS) as u64;
    match index / STEPS {
        0 => step,
        above => ((STEPS as u64 + step) << (above - 1)) + (1 << (above - 1)) / 2,
    }
}

/// Median, smallest and largest of the runs of one figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// `None` without values. The median of an even number of values is the mean of the two in the middle.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let half = sorted.len() / 2;
        let median = match sorted.len() {
            0 => return None,
            count if count % 2 == 1 => sorted[half],
            _ => f64::midpoint(sorted[half - 1], sorted[half]),
        };
        Some(Self { median, min: sorted[0], max: sorted[sorted.len() - 1] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_ramp_are_off_by_less_than_two_percent() {
        let latencies = Latencies::new();
        for micros in 1..=100_000_u64 {
            latencies.record(micros * 1_000);
        }
        for (share, micros) in [(0.5, 50_000.0), (0.9, 90_000.0), (0.99, 99_000.0), (0.999, 99_900.0), (1.0, 100_000.0)]
        {
            let found = latencies.percentile(share).unwrap().as_secs_f64() * 1e6;
            assert!((found / micros - 1.0).abs() < 0.016, "percentile {share}: {found} instead of {micros}");
        }
        assert_eq!(latencies.max(), Some(Duration::from_millis(100)));
    }

    #[test]
    fn small_values_are_exact_and_none_are_lost_at_the_ends() {
        let latencies = Latencies::new();
        assert_eq!(latencies.percentile(0.5), None);
        assert_eq!(latencies.max(), None);
        latencies.record(3);
        latencies.record(63);
        assert_eq!(latencies.percentile(0.0), Some(Duration::from_nanos(3)));
        assert_eq!(latencies.percentile(1.0), Some(Duration::from_nanos(63)));
        latencies.record(u64::MAX);
        assert!(latencies.percentile(1.0).unwrap() > Duration::from_secs(36_000));
        latencies.reset();
        assert_eq!(latencies.percentile(0.5), None);
    }

    #[test]
    fn buckets_grow_with_the_value_and_hold_it() {
        let mut last = 0;
        for shift in 0..45 {
            for value in [1_u64 << shift, (1_u64 << shift) + (1 << shift) / 3] {
                let index = bucket(value);
                assert!(index >= last, "{value} falls into {index}, below {last}");
                let off = (middle(index) as f64 / value as f64 - 1.0).abs();
                assert!(off < 0.016, "{value} is counted as {}", middle(index));
                last = index;
            }
        }
    }

    #[test]
    fn spread_takes_the_middle() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of(&[4.0, 1.0]), Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
    }
}
