//! How fast: when a failed receiver is tried again, and how many messages it gets in a minute.

use std::time::Duration;

use event::Timestamp;

use super::config::Rate;

/// The first wait after a failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait between two attempts: who repairs a receiver need not wait longer for what is held.
const LONGEST: Duration = Duration::from_secs(300);
/// The longest wait that a receiver may ask for with Retry-After.
const MAX_ASKED: Duration = Duration::from_secs(3600);

/// How long to wait after the `failures`th failure in a row (from 1): doubled each time, and between half
/// and all of it, by `seed`, so that receivers of many sensors are not asked all at once.
#[must_use]
pub fn wait(failures: u32, seed: u64, asked: Option<Duration>) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let whole = doubled.min(LONGEST);
    // 53 bits make an even number between 0 and 1.
    let share = (mixed(seed ^ u64::from(failures)) >> 11) as f64 / (1_u64 << 53) as f64;
    let jittered = whole.mul_f64(0.5 + share / 2.0);
    jittered.max(asked.unwrap_or_default().min(MAX_ASKED))
}

/// One step of SplitMix64 (Steele and others, "Fast splittable pseudorandom number generators", 2014).
#[must_use]
pub fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What one token is made of: a nanosecond is worth as many as there are messages a minute.
const TOKEN: u128 = 60_000_000_000;

/// A bucket of tokens: a message takes one.
#[derive(Clone, Debug)]
pub struct Bucket {
    rate: Rate,
    level: u128,
    at: Option<Timestamp>,
}

impl Bucket {
    /// A full one.
    #[must_use]
    pub fn new(rate: Rate) -> Bucket {
        Bucket {
            rate,
            level: u128::from(rate.burst) * TOKEN,
            at: None,
        }
    }

    /// Whole tokens now.
    pub fn tokens(&mut self, now: Timestamp) -> usize {
        let passed = self.at.map_or(Duration::ZERO, |at| now.since(at));
        self.at = Some(now);
        let more = passed.as_nanos() * u128::from(self.rate.per_minute);
        self.level = (self.level + more).min(u128::from(self.rate.burst) * TOKEN);
        usize::try_from(self.level / TOKEN).unwrap_or(usize::MAX)
    }

    /// Takes one.
    pub fn take(&mut self) {
        self.level = self.level.saturating_sub(TOKEN);
    }

    /// How long until there is one.
    #[must_use]
    pub fn until_one(&self) -> Duration {
        let missing = TOKEN.saturating_sub(self.level);
        let nanos = missing.div_ceil(u128::from(self.rate.per_minute.max(1)));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes_and_differ() {
        for failures in 1..40 {
            for seed in 0..50 {
                let wait = wait(failures, seed, None);
                let whole = 2_f64.powi(failures as i32 - 1).min(300.0);
                assert!(
                    wait.as_secs_f64() >= whole / 2.0 - 1e-6,
                    "{failures} {wait:?}"
                );
                assert!(wait.as_secs_f64() <= whole + 1e-6, "{failures} {wait:?}");
            }
        }
        assert_ne!(wait(5, 1, None), wait(5, 2, None));
    }

    #[test]
    fn who_asks_for_time_gets_it_within_reason() {
        let check = |asked, expected| {
            assert_eq!(
                wait(1, 0, Some(Duration::from_secs(asked))).as_secs(),
                expected
            );
        };
        check(30, 30);
        check(1_000_000, 3600);
        check(0, wait(1, 0, None).as_secs());
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let mut bucket = Bucket::new(Rate {
            per_minute: 30,
            burst: 3,
        });
        let at = |secs| Timestamp::new(secs, 0);
        for expected in [3, 2, 1] {
            assert_eq!(bucket.tokens(at(0)), expected);
            bucket.take();
        }
        assert_eq!(bucket.tokens(at(0)), 0);
        assert_eq!(bucket.until_one(), Duration::from_secs(2));
        assert_eq!(bucket.tokens(at(2)), 1);
        assert_eq!(bucket.tokens(at(3600)), 3);
        // A clock that is set back gives nothing and takes nothing.
        assert_eq!(bucket.tokens(at(0)), 3);
    }
}
