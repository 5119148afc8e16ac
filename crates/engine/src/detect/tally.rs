//! How often each rule is held against something, how often it matches and alerts, and what it costs.
//!
//! A detector alone writes its tallies, anybody may read them at any time: each number is loaded and
//! stored as a whole, without a lock. Time is taken for a few packets only, chosen by chance so that no
//! rhythm of the traffic is missed, and told as an estimate.

use super::ruleset::Ruleset;
use super::signature::RuleId;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Of so many packets the rules of one are timed, on average. Looking at the clock twice for each rule
/// costs about as much as a rule that fails early.
const TIMED_EVERY: u64 = 256;

/// What is known of one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleStats {
    /// Generator id.
    pub gid: u32,
    /// Signature id.
    pub sid: u32,
    /// Times it was held against a packet with its stream, or against a transaction: what the prefilter
    /// leaves out is no check.
    pub checks: u64,
    /// Times it matched.
    pub matches: u64,
    /// Times that was told, after thresholds and limits.
    pub alerts: u64,
    /// Nanoseconds all checks took, estimated from some of them.
    pub nanos_estimated: u64,
}

impl RuleStats {
    /// Adds what another thread, or a detector before, knows of the same rule.
    pub fn add(&mut self, other: &RuleStats) {
        self.checks = self.checks.saturating_add(other.checks);
        self.matches = self.matches.saturating_add(other.matches);
        self.alerts = self.alerts.saturating_add(other.alerts);
        self.nanos_estimated = self.nanos_estimated.saturating_add(other.nanos_estimated);
    }
}

/// What a detector knows of each rule of its set.
#[derive(Debug)]
pub struct Tallies {
    set: Arc<Ruleset>,
    /// In the order of rules; empty where nobody wants to know.
    of: Box<[Tally]>,
}

/// Half a line of cache, so that a rule touches one.
#[derive(Debug, Default)]
#[repr(align(32))]
struct Tally {
    checks: AtomicU64,
    matches: AtomicU64,
    alerts: AtomicU64,
    /// Of timed checks.
    nanos: AtomicU64,
}

impl Tallies {
    /// Nothing happened yet. With `is_on` false nothing will be counted.
    pub(super) fn new(set: Arc<Ruleset>, is_on: bool) -> Self {
        let count = if is_on { set.len() } else { 0 };
        let of = (0..count).map(|_| Tally::default()).collect();
        Tallies { set, of }
    }

    /// The rules.
    pub(super) fn set(&self) -> &Ruleset {
        &self.set
    }

    pub(super) fn check(&self, rule: RuleId) {
        if let Some(tally) = self.of.get(rule.0 as usize) {
            add(&tally.checks, 1);
        }
    }

    pub(super) fn matched(&self, rule: RuleId) {
        if let Some(tally) = self.of.get(rule.0 as usize) {
            add(&tally.matches, 1);
        }
    }

    pub(super) fn alerted(&self, rule: RuleId) {
        if let Some(tally) = self.of.get(rule.0 as usize) {
            add(&tally.alerts, 1);
        }
    }

    pub(super) fn took(&self, rule: RuleId, nanos: u64) {
        if let Some(tally) = self.of.get(rule.0 as usize) {
            add(&tally.nanos, nanos);
        }
    }

    /// Adds what is known of each rule to `sum`, by generator and signature. A rule for either way is
    /// two here and one there.
    pub fn add_to(&self, sum: &mut HashMap<(u32, u32), RuleStats>) {
        // Nothing where nothing is counted.
        for ((_, rule), tally) in self.set.iter().zip(&self.of) {
            let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
            let stats = RuleStats {
                gid: rule.gid,
                sid: rule.sid,
                checks: get(&tally.checks),
                matches: get(&tally.matches),
                alerts: get(&tally.alerts),
                nanos_estimated: get(&tally.nanos).saturating_mul(TIMED_EVERY),
            };
            let known = sum.entry((rule.gid, rule.sid)).or_insert(RuleStats {
                gid: rule.gid,
                sid: rule.sid,
                ..RuleStats::default()
            });
            known.add(&stats);
        }
    }
}

/// Only one thread writes: reading and writing need not be one step.
fn add(number: &AtomicU64, by: u64) {
    number.store(
        number.load(Ordering::Relaxed).wrapping_add(by),
        Ordering::Relaxed,
    );
}

/// Chooses the packets whose rules are timed.
#[derive(Debug)]
pub(super) struct Sampler {
    left: u64,
    state: u64,
}

impl Default for Sampler {
    fn default() -> Self {
        Sampler {
            left: TIMED_EVERY / 2,
            // Any number but 0 will do: what is timed need not be hard to guess.
            state: 0x9e37_79b9_7f4a_7c15,
        }
    }
}

impl Sampler {
    /// Whether the next packet is timed.
    pub(super) fn next(&mut self) -> bool {
        if self.left > 0 {
            self.left -= 1;
            return false;
        }
        // xorshift64 (Marsaglia, 2003).
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        // From 0 to twice the mean: one of TIMED_EVERY on average.
        self.left = self.state % (2 * TIMED_EVERY - 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_packet_of_so_many_is_timed_and_not_in_a_rhythm() {
        let mut sampler = Sampler::default();
        let timed: Vec<u64> = (0..1_000_000).filter(|_| sampler.next()).collect();
        let expected = 1_000_000 / TIMED_EVERY;
        let count = timed.len() as u64;
        assert!(
            (expected * 9 / 10..expected * 11 / 10).contains(&count),
            "{count}"
        );
        let odd = timed.iter().filter(|at| **at % 2 == 1).count() as u64;
        assert!((count / 3..count * 2 / 3).contains(&odd), "{odd}");
    }
}
