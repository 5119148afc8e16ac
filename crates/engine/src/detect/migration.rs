//! From one rule set to another while packets flow: what flows and hosts remember by the numbers of the
//! old one, in the numbers of the new one.

use super::bits::BitId;
use super::ruleset::Ruleset;
use ahash::AHashMap;
use std::sync::{Arc, Weak};

/// How what the rules of one set remembered is understood by those of another.
///
/// - Flowbits, flowints, xbits and hostbits keep their values by name; one that no rule of the new set
///   names is forgotten.
/// - A rule is the same where generator, signature and revision are. What it decided about a
///   transaction that is still open stays decided, so that nothing is told twice; every other rule looks
///   at open transactions anew. Transactions that all rules were done with stay done.
/// - Counts of thresholds and tags are kept by signature; a new revision counts anew.
/// - Rules on addresses alone, which look once at each direction of a flow, look at new flows only.
/// - Datasets that rules fill keep their values; those that are only loaded are loaded anew.
/// - The verdict on a flow (passed, dropped, bypassed) stays.
#[derive(Debug)]
pub struct Migration {
    from: Weak<Ruleset>,
    rules: Vec<Option<u32>>,
    bits: Vec<Option<BitId>>,
}

impl Migration {
    /// Compares two sets, and lets the datasets of the new one take over what those of the old one
    /// hold. Takes some milliseconds for tens of thousands of rules: not for the thread of packets.
    #[must_use]
    pub fn new(old: &Arc<Ruleset>, new: &Ruleset) -> Self {
        new.datasets.inherit(&old.datasets);
        // Both halves of a rule for either way have the same ids: they are told apart by their order.
        let mut places: AHashMap<((u32, u32, u32), u8), u32> = AHashMap::new();
        let mut halves = AHashMap::new();
        for (id, rule) in new.iter() {
            let key = (rule.gid, rule.sid, rule.rev);
            places.insert((key, next_half(&mut halves, key)), id.0);
        }
        halves.clear();
        let rules = old.iter().map(|(_, rule)| {
            let key = (rule.gid, rule.sid, rule.rev);
            let half = next_half(&mut halves, key);
            places.get(&(key, half)).copied()
        });
        Migration {
            from: Arc::downgrade(old),
            rules: rules.collect(),
            bits: old
                .names()
                .iter()
                .map(|name| new.names().id(name))
                .collect(),
        }
    }

    /// Whether it begins at `set`.
    #[must_use]
    pub fn is_from(&self, set: &Arc<Ruleset>) -> bool {
        std::ptr::eq(self.from.as_ptr(), Arc::as_ptr(set))
    }

    pub(super) fn rule(&self, old: u32) -> Option<u32> {
        self.rules.get(old as usize).copied().flatten()
    }

    pub(super) fn bit(&self, old: BitId) -> Option<BitId> {
        self.bits.get(old as usize).copied().flatten()
    }
}

fn next_half(halves: &mut AHashMap<(u32, u32, u32), u8>, key: (u32, u32, u32)) -> u8 {
    let half = halves.entry(key).or_insert(0);
    let this = *half;
    *half = half.saturating_add(1);
    this
}
