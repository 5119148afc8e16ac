//! So many incidents a day and no more: what comes beyond is counted, not told.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::threshold::{DAY_US, INCIDENT_US};

/// Incidents that are remembered, those held back included; beyond it findings are held back.
const MAX_OPEN: usize = 100_000;

/// What becomes of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is told, as the first of an incident or as another one.
    Tell,
    /// Its incident was told often enough.
    Enough,
    /// It would be an incident beyond the budget.
    Beyond,
}

/// Counts incidents of the last day.
#[derive(Debug)]
pub struct Budget {
    per_day: f32,
    per_incident: usize,
    /// When incidents of the last day were told.
    told: Vec<i64>,
    /// By host and hour: how often it was told, none where it was held back.
    open: HashMap<(IpAddr, i64), Option<usize>>,
    /// The latest hour: older ones are forgotten once it changes, not with each host of a flood.
    latest: i64,
}

impl Budget {
    /// So many incidents a day, so many findings of each.
    #[must_use]
    pub fn new(per_day: f32, per_incident: usize) -> Self {
        Budget {
            per_day,
            per_incident,
            told: Vec::new(),
            open: HashMap::new(),
            latest: i64::MIN,
        }
    }

    /// A finding about `host`.
    pub fn finding(&mut self, host: IpAddr, at_us: i64) -> Verdict {
        let hour = at_us.div_euclid(INCIDENT_US);
        match self.open.get_mut(&(host, hour)) {
            Some(Some(count)) if *count < self.per_incident => {
                *count += 1;
                return Verdict::Tell;
            }
            Some(Some(_)) => return Verdict::Enough,
            Some(None) => return Verdict::Beyond,
            None => {}
        }
        self.told
            .retain(|told| at_us.saturating_sub(*told) < DAY_US);
        if hour > self.latest {
            self.latest = hour;
            self.open.retain(|(_, then), _| hour - then <= 1);
        }
        if self.open.len() >= MAX_OPEN {
            return Verdict::Beyond;
        }
        // A budget of less than one a day is one in several days; as many are had at once as a day gives.
        #[allow(clippy::cast_precision_loss)]
        let is_within = (self.told.len() as f32) < self.per_day.max(0.0);
        self.open.insert((host, hour), is_within.then_some(1));
        if is_within {
            self.told.push(at_us);
            return Verdict::Tell;
        }
        Verdict::Beyond
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_more_incidents_a_day_than_the_budget() {
        let mut budget = Budget::new(2.0, 3);
        let host = |n: u8| IpAddr::from([192, 0, 2, n]);
        let mut check =
            |n, at, expected| assert_eq!(budget.finding(host(n), at), expected, "{n} {at}");
        for expected in [Verdict::Tell, Verdict::Tell, Verdict::Tell, Verdict::Enough] {
            check(1, 0, expected);
        }
        check(2, 10, Verdict::Tell);
        check(3, 20, Verdict::Beyond);
        check(3, 30, Verdict::Beyond);
        check(3, DAY_US + 40, Verdict::Tell);
    }
}
