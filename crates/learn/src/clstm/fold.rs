//! How far each signal is to be trusted with kinds of attack that were never seen: kinds are left out of training,
//! and the rule is taken that finds these best at few false alarms.

use super::{Clstm, Rule};
use crate::surprise::Surprise;
use crate::table::NORMAL;
use crate::window::Windows;

/// Flows of a kind that it needs to be left out.
const MIN_KIND: usize = 20;
/// Flows of a kind that are looked at.
const MAX_KIND: usize = 3_000;
/// Shares of normal flows that may be found.
const FALSE_SHARES: [f64; 2] = [0.01, 0.05];
/// Where there are too few kinds to leave any out: mostly what was learned, and what is odd none the less.
const USUAL: Rule = Rule::Sum(0.7);

/// Groups of kinds that are left out together, as even as can be. None where fewer than two kinds have enough
/// flows.
pub fn groups(classes: &[u16], learn: &[usize], folds: usize) -> Vec<Vec<u16>> {
    let most = classes.iter().copied().max().unwrap_or(0);
    let count = |kind: u16| learn.iter().filter(|at| classes[**at] == kind).count();
    let counted = (1..=most).map(|kind| (count(kind), kind));
    let mut kinds: Vec<(usize, u16)> = counted.filter(|(count, _)| *count >= MIN_KIND).collect();
    kinds.sort_by_key(|(count, kind)| (std::cmp::Reverse(*count), *kind));
    let folds = folds.min(kinds.len());
    if kinds.len() < 2 || folds == 0 {
        return Vec::new();
    }
    let mut groups = vec![Vec::new(); folds];
    for (at, (_, kind)) in kinds.into_iter().enumerate() {
        groups[at % folds].push(kind);
    }
    groups
}

/// What a net that never saw some kinds says of them.
pub struct Trial {
    /// Signals of normal flows held back: how rare odds and errors are.
    normal: Vec<(f32, f32)>,
    /// By kind the same, and whether it was left out.
    kinds: Vec<(bool, Vec<(f32, f32)>)>,
}

impl Trial {
    /// Scores normal flows held back, all flows of the kinds left out, and those held back of the others.
    pub fn of(
        told: &Clstm,
        windows: &Windows,
        classes: &[u16],
        left_out: &[u16],
        learn: &[usize],
        held: &[usize],
    ) -> Self {
        let of_kind = |kind: u16, which: &[usize]| -> Vec<usize> {
            let all: Vec<usize> = which
                .iter()
                .copied()
                .filter(|at| classes[*at] == kind)
                .collect();
            let step = all.len().div_ceil(MAX_KIND).max(1);
            all.into_iter().step_by(step).collect()
        };
        let normal: Vec<usize> = held
            .iter()
            .copied()
            .filter(|at| classes[*at] == NORMAL)
            .collect();
        let normal = told.signals(windows, &normal);
        let odds = Surprise::fit(normal.odds.iter().copied());
        let rare = |signals: super::Signals| -> Vec<(f32, f32)> {
            let pairs = signals.odds.into_iter().zip(signals.error);
            pairs
                .map(|(of, error)| (odds.of(of).0, told.facts.error.of(error).0))
                .collect()
        };
        let most = classes.iter().copied().max().unwrap_or(0);
        let kinds = (1..=most).map(|kind| {
            let is_new = left_out.contains(&kind);
            let which = of_kind(kind, if is_new { learn } else { held });
            (is_new, rare(told.signals(windows, &which)))
        });
        let kinds = kinds.filter(|(_, flows)| !flows.is_empty()).collect();
        Trial {
            kinds,
            normal: rare(normal),
        }
    }

    /// How well a rule finds kinds, 0 to 1: new ones and known ones count the same.
    #[allow(clippy::cast_precision_loss)]
    fn worth(&self, rule: Rule) -> f64 {
        let score = |pair: &(f32, f32)| rule.apply((pair.0, 0.0), (pair.1, 0.0)).0;
        let mut normal: Vec<f32> = self.normal.iter().map(score).collect();
        normal.sort_unstable_by(|a, b| b.total_cmp(a));
        let worth_of = |flows: &[(f32, f32)]| -> f64 {
            let found = |share: f64| {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let limit = normal.get((share * normal.len() as f64) as usize);
                let limit = limit.copied().unwrap_or(f32::NEG_INFINITY);
                flows.iter().filter(|pair| score(pair) > limit).count() as f64 / flows.len() as f64
            };
            let below = |pair: &(f32, f32)| {
                let above = normal.partition_point(|other| *other > score(pair));
                1.0 - above as f64 / normal.len().max(1) as f64
            };
            let area = flows.iter().map(below).sum::<f64>() / flows.len() as f64;
            (FALSE_SHARES.map(found).iter().sum::<f64>() + area) / (FALSE_SHARES.len() + 1) as f64
        };
        let mean = |is_new: bool| {
            let worths = self.kinds.iter().filter(|(new, _)| *new == is_new);
            let worths: Vec<f64> = worths.map(|(_, flows)| worth_of(flows)).collect();
            (!worths.is_empty()).then(|| worths.iter().sum::<f64>() / worths.len() as f64)
        };
        let parts: Vec<f64> = [mean(true), mean(false)].into_iter().flatten().collect();
        parts.iter().sum::<f64>() / parts.len().max(1) as f64
    }
}

/// The rule that finds most over all trials; of equals the first, which trusts the classes more.
pub fn best_rule(trials: &[Trial]) -> Rule {
    let sums = (0_u8..=10)
        .rev()
        .map(|tenths| Rule::Sum(f32::from(tenths) / 10.0));
    let larger = [1.0, 0.7, 0.5, 0.35].map(Rule::Larger);
    let mut best = (USUAL, f64::NEG_INFINITY);
    if trials.is_empty() {
        return USUAL;
    }
    for rule in sums.chain(larger) {
        let worth: f64 = trials.iter().map(|trial| trial.worth(rule)).sum();
        if worth > best.1 + 1e-9 {
            best = (rule, worth);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_spread_over_the_folds_by_their_size() {
        let classes: Vec<u16> = [(0, 100), (1, 30), (2, 90), (3, 5), (4, 60), (5, 50)]
            .into_iter()
            .flat_map(|(kind, count)| std::iter::repeat_n(kind, count))
            .collect();
        let learn: Vec<usize> = (0..classes.len()).collect();
        let found = groups(&classes, &learn, 3);
        assert_eq!(found, [vec![2, 1], vec![4], vec![5]]);
        assert!(groups(&classes[..130], &learn[..130], 3).is_empty());
    }

    #[test]
    fn the_signal_that_finds_new_kinds_is_trusted() {
        let normal: Vec<(f32, f32)> = (0_u8..100)
            .map(|at| (f32::from(at) / 50.0, f32::from(at) / 50.0))
            .collect();
        let trial = |new: (f32, f32)| Trial {
            normal: normal.clone(),
            kinds: vec![(true, vec![new; 10]), (false, vec![(9.0, 0.1); 10])],
        };
        assert_eq!(best_rule(&[]), USUAL);
        let classes = best_rule(&[trial((5.0, 0.0))]);
        assert_eq!(classes, Rule::Sum(1.0));
        let both = best_rule(&[trial((0.0, 5.0))]);
        assert!(both != Rule::Sum(1.0) && both != Rule::Sum(0.0), "{both:?}");
    }
}
