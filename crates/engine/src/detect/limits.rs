//! Joins what rules and `threshold.config` say about how often an alert is told.

use super::thresholds::{SuppressTrack, Suppression};
use rules::rule::{Rule, Threshold, ThresholdKind};
use rules::thresholds::{Line, SuppressEnd, What};

/// Limits of `rule` and ends between which it is not told, in the order in which they are asked.
pub(super) fn of(rule: &Rule, lines: &[Line]) -> (Vec<Threshold>, Vec<Suppression>) {
    let mut own = rule.threshold.clone();
    let mut rates = Vec::new();
    let mut suppressions = Vec::new();
    for line in lines {
        let is_for_all = line.sid == 0 && (line.gid == 0 || line.gid == rule.gid);
        let is_for_rule = line.sid == rule.sid && line.gid == rule.gid;
        if !is_for_all && !is_for_rule {
            continue;
        }
        match &line.what {
            What::Suppress(ends) => suppressions.push(suppression(ends.as_ref())),
            What::Limit(limit) if limit.kind == ThresholdKind::RateFilter => {
                rates.push(limit.clone());
            }
            // What is said of one rule goes before what the rule says, which goes before what is
            // said of all.
            What::Limit(limit) if is_for_rule || own.is_none() => own = Some(limit.clone()),
            What::Limit(_) => {}
        }
    }
    let limits = rule
        .detection_filter
        .iter()
        .cloned()
        .chain(own)
        .chain(rates)
        .collect();
    (limits, suppressions)
}

fn suppression(ends: Option<&(SuppressEnd, rules::rule::Addresses)>) -> Suppression {
    match ends {
        None => Suppression {
            track: None,
            addresses: Default::default(),
        },
        Some((end, addresses)) => Suppression {
            track: Some(match end {
                SuppressEnd::Source => SuppressTrack::Source,
                SuppressEnd::Destination => SuppressTrack::Destination,
                SuppressEnd::Either => SuppressTrack::Either,
            }),
            addresses: addresses.clone(),
        },
    }
}
