//! What each rule was looked at and cost, over all workers and all rules that ran since the start.

use crate::shared::{Window, lock};
use engine::detect::{RuleStats, Ruleset, Tallies};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

type Sum = HashMap<(u32, u32), RuleStats>;

/// What engines that are gone knew.
#[derive(Debug, Default)]
pub(crate) struct Past(Mutex<Sum>);

/// What one worker's engines know: those that are gone but not added up yet, and the last one, which runs.
#[derive(Debug, Default)]
pub(crate) struct Present(Mutex<Vec<Arc<Tallies>>>);

impl Present {
    /// Another engine or other rules run from now on.
    pub(crate) fn show(&self, tallies: &Arc<Tallies>) {
        let mut known = lock(&self.0);
        if !known.iter().any(|known| Arc::ptr_eq(known, tallies)) {
            known.push(tallies.clone());
        }
    }

    /// Takes those out that nobody adds to any more.
    fn gone(&self) -> Vec<Arc<Tallies>> {
        let mut known = lock(&self.0);
        let count = known.len().saturating_sub(1);
        known.drain(..count).collect()
    }
}

impl Past {
    /// What is known of every rule, by generator and signature.
    pub(crate) fn read(&self, windows: &[Arc<Window>]) -> Vec<RuleStats> {
        let mut sum = self.add_gone(windows);
        for window in windows {
            for tallies in lock(&window.tallies.0).iter() {
                tallies.add_to(&mut sum);
            }
        }
        let mut all: Vec<RuleStats> = sum.into_values().collect();
        all.sort_unstable_by_key(|stats| (stats.gid, stats.sid));
        all
    }

    /// All workers run `rules`: what the rules before are known for is added up, and what concerns no
    /// rule that runs is forgotten. Gives up the last references to old rules.
    pub(crate) fn settle(&self, windows: &[Arc<Window>], rules: &Ruleset) {
        self.add_gone(windows);
        let known: HashSet<(u32, u32)> =
            rules.iter().map(|(_, rule)| (rule.gid, rule.sid)).collect();
        lock(&self.0).retain(|rule, _| known.contains(rule));
    }

    fn add_gone(&self, windows: &[Arc<Window>]) -> Sum {
        // Held throughout, so that what moves from there to here is counted once.
        let mut sum = lock(&self.0);
        for window in windows {
            for tallies in window.tallies.gone() {
                tallies.add_to(&mut sum);
            }
        }
        sum.clone()
    }
}
