//! So many incidents a day and no more: what comes beyond is counted, not told.

use std::collections::HashMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

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
    /// The latest flow: the day does not begin anew where older ones follow.
    latest_us: i64,
}

/// What was told of the last day, to go on with after a start. Times are microseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// When incidents were told.
    told: Vec<i64>,
    /// Host and hour of those that go on, and how often each was told.
    open: Vec<(IpAddr, i64, usize)>,
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
            latest_us: i64::MIN,
        }
    }

    /// What was told, for [`Budget::go_on`].
    #[must_use]
    pub fn spent(&self) -> Spent {
        let told = |((host, hour), count): (&(IpAddr, i64), &Option<usize>)| {
            count.map(|count| (*host, *hour, count))
        };
        let mut open: Vec<_> = self.open.iter().filter_map(told).collect();
        open.sort_unstable();
        Spent {
            told: self.told.clone(),
            open,
        }
    }

    /// Goes on with what was told before.
    pub fn go_on(&mut self, spent: Spent) {
        self.latest_us = spent.told.iter().copied().max().unwrap_or(i64::MIN);
        self.told = spent.told;
        self.told.truncate(MAX_OPEN);
        let open = spent.open.into_iter().take(MAX_OPEN);
        self.open = open
            .map(|(host, hour, count)| ((host, hour), Some(count)))
            .collect();
    }

    /// The clock says `now_us`. Where it was set back, what was told counts as told now: it neither gives the day a
    /// second budget nor stands in the way until the clock is there again. Within an hour nothing changes: clocks of
    /// several machines differ.
    pub fn not_after(&mut self, now_us: i64) {
        if self.latest_us.saturating_sub(INCIDENT_US) <= now_us {
            return;
        }
        self.latest_us = now_us;
        for told in &mut self.told {
            *told = now_us.min(*told);
        }
        let hour = now_us.div_euclid(INCIDENT_US);
        self.open.retain(|(_, then), _| *then <= hour);
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
        if at_us > self.latest_us {
            // Older hours are forgotten once the hour changes, not with each host of a flood.
            if hour > self.latest_us.div_euclid(INCIDENT_US) {
                self.open.retain(|(_, then), _| hour - then <= 1);
            }
            self.latest_us = at_us;
        }
        let latest_us = self.latest_us;
        self.told
            .retain(|told| latest_us.saturating_sub(*told) < DAY_US);
        if self.open.len() >= MAX_OPEN {
            return Verdict::Beyond;
        }
        // A budget of less than one a day is one in several days; as many are had at once as a day gives.
        #[allow(clippy::cast_precision_loss)]
        let is_within = (self.told.len() as f32) < self.per_day.max(0.0);
        self.open.insert((host, hour), is_within.then_some(1));
        if is_within {
            self.told.push(latest_us);
            return Verdict::Tell;
        }
        Verdict::Beyond
    }

    /// Findings that were to be told and were not, by host and time: the last ones that were, so that incidents of
    /// theirs alone are the last that were counted. Who was held back for them is asked anew.
    pub fn give_back(&mut self, untold: impl IntoIterator<Item = (IpAddr, i64)>) {
        let begun = self.told.len();
        for (host, at_us) in untold {
            let incident = (host, at_us.div_euclid(INCIDENT_US));
            // One whose hour was forgotten since stays counted.
            let Some(Some(count)) = self.open.get_mut(&incident) else {
                continue;
            };
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.open.remove(&incident);
                self.told.pop();
            }
        }
        if self.told.len() < begun {
            self.open.retain(|_, count| count.is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    #[test]
    fn there_are_no_more_incidents_a_day_than_the_budget() {
        let mut budget = Budget::new(2.0, 3);
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

    #[test]
    fn restarts_and_old_flows_give_no_second_budget() {
        let mut spent = Spent::default();
        let mut told = 0;
        for n in 0..20 {
            let mut budget = Budget::new(3.0, 1);
            budget.go_on(spent);
            budget.not_after(5 * DAY_US + i64::from(n));
            // Every other flow is one of the day before, which a sensor had kept.
            let at_us = 5 * DAY_US - i64::from(n % 2) * DAY_US + i64::from(n);
            told += i32::from(budget.finding(host(n), at_us) == Verdict::Tell);
            spent = serde_json::from_slice(&serde_json::to_vec(&budget.spent()).unwrap()).unwrap();
        }
        assert_eq!(told, 3);
        let mut budget = Budget::new(3.0, 1);
        budget.go_on(spent);
        let again = budget.finding(host(0), 5 * DAY_US);
        assert_eq!(again, Verdict::Enough, "it is the incident that was told");
    }

    #[test]
    fn what_was_not_told_is_not_spent() {
        let mut budget = Budget::new(2.0, 2);
        let check = |budget: &mut Budget, n, at, expected| {
            assert_eq!(budget.finding(host(n), at), expected, "{n} {at}");
        };
        check(&mut budget, 1, 0, Verdict::Tell);
        let before = budget.spent();
        // A flood: one more of a host that was told, two of another, and a third host is held back for it.
        check(&mut budget, 1, 10, Verdict::Tell);
        check(&mut budget, 2, 20, Verdict::Tell);
        check(&mut budget, 2, 30, Verdict::Tell);
        check(&mut budget, 3, 40, Verdict::Beyond);
        budget.give_back([(host(1), 10), (host(2), 20), (host(2), 30)]);
        assert_eq!(budget.spent(), before);
        check(&mut budget, 3, 50, Verdict::Tell);
        check(&mut budget, 2, 60, Verdict::Beyond);
        check(&mut budget, 1, 70, Verdict::Tell);
        check(&mut budget, 1, 80, Verdict::Enough);
        // What came to be told in part is an incident that was told.
        check(&mut budget, 3, 90, Verdict::Tell);
        budget.give_back([(host(3), 90)]);
        check(&mut budget, 2, 100, Verdict::Beyond);
    }

    #[test]
    fn a_clock_that_was_ahead_takes_a_day_of_the_budget_and_no_more() {
        let (wrong, right) = (4_000 * DAY_US, 10 * DAY_US);
        let mut budget = Budget::new(1.0, 1);
        assert_eq!(budget.finding(host(1), wrong), Verdict::Tell);
        budget.not_after(right);
        assert_eq!(budget.finding(host(2), right), Verdict::Beyond);
        budget.not_after(right + DAY_US);
        assert_eq!(budget.finding(host(3), right + DAY_US), Verdict::Tell);
    }
}
