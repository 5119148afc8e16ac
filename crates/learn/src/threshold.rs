//! From a budget to a threshold: so many findings a day, and no more.
//!
//! What an operator looks at is not a flow but an incident: all findings of one host within one window of time.
//! So the threshold is where the incidents of normal traffic are as many as the budget allows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::table::Row;

/// Findings of one host within this time are one incident: an hour. Scores are on the scale of
/// [`crate::model::Score::suspicion`].
pub const INCIDENT_US: i64 = 3_600_000_000;
/// A day.
pub const DAY_US: i64 = 24 * INCIDENT_US;
/// Incidents that are remembered in a day; the least suspicious are forgotten first. No budget is larger.
pub const MAX_INCIDENTS: usize = 2_000;
/// Days that a threshold is fitted on while traffic drifts.
pub const DAYS: usize = 14;
/// The threshold where no normal flow was seen: one of 10,000.
const NOTHING_SEEN: f32 = 4.0;
/// Of the way to a higher threshold, what is gone in a day: who floods us to raise it needs many days.
const RISE: f32 = 0.25;

/// Silence that is longer is no quiet time: nothing was watched, as between captures of different days.
const SILENCE_HOURS: i64 = 12;

/// The incidents that some scored flows would be, the most suspicious first, and the days they stand for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Incidents {
    /// Each incident's highest score, falling, at most [`MAX_INCIDENTS`].
    pub scores: Vec<f32>,
    /// Days that the flows stand for.
    pub days: f32,
}

impl Incidents {
    /// Groups scores of flows that are a `share` of those of their time, of which `all` are all. Flows without a time
    /// are taken as of one day, flows without a host as hosts of their own.
    #[must_use]
    pub fn of<'a>(
        flows: impl Iterator<Item = (&'a Row, f32)>,
        all: impl Iterator<Item = &'a Row>,
        share: f32,
    ) -> Self {
        let mut highest: BTreeMap<(u64, i64), f32> = BTreeMap::new();
        let (mut first, mut last) = (i64::MAX, i64::MIN);
        for (at, (row, score)) in flows.enumerate() {
            let host = row.host.map_or((1 << 32) | at as u64, u64::from);
            let slot = highest.entry((host, row.at_us.div_euclid(INCIDENT_US)));
            let slot = slot.or_insert(f32::NEG_INFINITY);
            *slot = slot.max(score);
            (first, last) = (first.min(row.at_us), last.max(row.at_us));
        }
        let hours: BTreeSet<i64> = all.map(|row| row.at_us.div_euclid(INCIDENT_US)).collect();
        let gaps = hours.iter().zip(hours.iter().skip(1)).map(|(a, b)| b - a);
        // The hour itself was watched.
        let silent: i64 = gaps
            .filter(|gap| *gap > SILENCE_HOURS)
            .map(|gap| gap - 1)
            .sum();
        let mut scores: Vec<f32> = highest.into_values().collect();
        scores.sort_unstable_by(|a, b| b.total_cmp(a));
        scores.truncate(MAX_INCIDENTS);
        let watched = last
            .saturating_sub(first)
            .saturating_sub(silent.saturating_mul(INCIDENT_US));
        #[allow(clippy::cast_precision_loss)]
        let days = match watched {
            span if span > 0 => span as f32 / DAY_US as f32,
            _ => 1.0,
        };
        Incidents {
            scores,
            days: days * share,
        }
    }

    /// The lowest threshold that keeps to the budget: findings are scores above it.
    ///
    /// Where the flows stand for too little time to have even one incident, the scale says how much rarer the
    /// threshold must be than the rarest of them: one more is ten times rarer.
    #[must_use]
    pub fn threshold(&self, per_day: f32) -> f32 {
        let allowed = per_day.max(0.0) * self.days;
        let Some(most) = self.scores.first() else {
            return NOTHING_SEEN;
        };
        if allowed < 1.0 {
            return most + (1.0 / allowed.max(1e-6)).log10();
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let next = self.scores.get(allowed as usize).copied();
        // More are allowed than there are: all that is less usual than the most usual of them.
        next.unwrap_or_else(|| self.scores.last().map_or(*most, |least| *least))
    }

    /// Whether all of it are numbers in order.
    #[must_use]
    pub fn is_sane(&self) -> bool {
        let falls = |pair: &[f32]| pair[0] >= pair[1];
        self.scores.len() <= MAX_INCIDENTS
            && self.scores.iter().all(|score| score.is_finite())
            && self.scores.windows(2).all(falls)
            && self.days.is_finite()
            && self.days >= 0.0
    }

    /// Incidents a day above a threshold.
    #[must_use]
    pub fn per_day(&self, threshold: f32) -> f32 {
        let above = self.scores.partition_point(|score| *score > threshold);
        #[allow(clippy::cast_precision_loss)]
        let above = above as f32;
        above / self.days.max(f32::MIN_POSITIVE)
    }
}

/// A threshold that follows the traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Follow {
    /// Findings a day that are allowed.
    pub per_day: f32,
    /// The threshold just now.
    pub threshold: f32,
    /// Whole days, oldest first: the scores of each day's incidents, falling.
    days: VecDeque<Vec<f32>>,
    /// The day that goes on.
    today: i64,
    /// Whether it was seen from its beginning.
    #[serde(default)]
    is_whole: bool,
    /// Its incidents: host, hour, highest score.
    #[serde(with = "open")]
    open: BTreeMap<(u32, i64), f32>,
    /// After a start, until flows are as late as it: until when flows were seen, and when it was.
    #[serde(skip)]
    start: Option<(i64, i64)>,
}

impl Follow {
    /// Begins with a model's threshold.
    #[must_use]
    pub fn new(per_day: f32, threshold: f32) -> Self {
        Follow {
            per_day,
            threshold,
            days: VecDeque::new(),
            today: i64::MIN,
            is_whole: false,
            open: BTreeMap::new(),
            start: None,
        }
    }

    /// It goes on at `now_us` with what was seen until `seen_us`. What waits on the bus may be of the time between.
    pub fn go_on(&mut self, seen_us: i64, now_us: i64) {
        self.start = Some((seen_us, now_us));
    }

    /// Until when flows were seen, to be kept with it.
    #[must_use]
    pub fn seen_until(&self, now_us: i64) -> i64 {
        self.start.map_or(now_us, |(seen_us, _)| seen_us)
    }

    /// Takes a flow's score in; one that an operator confirmed as an attack must be left out. At the end of a day
    /// the threshold is fitted anew.
    pub fn see(&mut self, host: u32, at_us: i64, score: f32) {
        if let Some((seen_us, start_us)) = self.start {
            // From the start on silence is the network's own.
            if at_us.min(start_us).saturating_sub(seen_us) > INCIDENT_US {
                self.forget_today();
            }
            self.start = (at_us < start_us).then_some((seen_us.max(at_us), start_us));
        }
        let day = at_us.div_euclid(DAY_US);
        if day > self.today {
            match self.is_whole {
                true => self.end_of_day(),
                // From a start in the evening to midnight is no day: it would pass for a quiet one.
                false => self.open.clear(),
            }
            self.is_whole = self.today != i64::MIN;
            self.today = day;
        }
        let incident = (host, at_us.div_euclid(INCIDENT_US));
        let slot = self.open.entry(incident).or_insert(f32::NEG_INFINITY);
        *slot = slot.max(score);
        if self.open.len() > MAX_INCIDENTS {
            let least = self.open.iter().min_by(|a, b| a.1.total_cmp(b.1));
            if let Some(least) = least.map(|(incident, _)| *incident) {
                self.open.remove(&least);
            }
        }
    }

    /// Another budget: the threshold is fitted to the days that were seen at once, or begins with the model's, `begin`,
    /// where none was yet.
    pub fn set_budget(&mut self, per_day: f32, begin: f32) {
        self.per_day = per_day;
        self.threshold = match self.days.is_empty() {
            true => begin,
            false => self.fitted(),
        };
    }

    /// The clock says `now_us`. Where it was set back, a day that has not come yet would never end.
    pub fn not_after(&mut self, now_us: i64) {
        if self.today > now_us.saturating_add(INCIDENT_US).div_euclid(DAY_US) {
            self.forget_today();
        }
    }

    /// The day that goes on is no whole one.
    fn forget_today(&mut self) {
        self.today = i64::MIN;
        self.is_whole = false;
        self.open.clear();
    }

    fn end_of_day(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let mut scores: Vec<f32> = std::mem::take(&mut self.open).into_values().collect();
        scores.sort_unstable_by(|a, b| b.total_cmp(a));
        self.days.push_back(scores);
        if self.days.len() > DAYS {
            self.days.pop_front();
        }
        let fitted = self.fitted();
        self.threshold = match fitted > self.threshold {
            true => self.threshold + RISE * (fitted - self.threshold),
            false => fitted,
        };
    }

    /// Where the days that were seen keep to the budget.
    fn fitted(&self) -> f32 {
        let mut all: Vec<f32> = self.days.iter().flatten().copied().collect();
        all.sort_unstable_by(|a, b| b.total_cmp(a));
        #[allow(clippy::cast_precision_loss)]
        let incidents = Incidents {
            scores: all,
            days: self.days.len() as f32,
        };
        incidents.threshold(self.per_day)
    }
}

/// The incidents of a day as a list: names of JSON are texts, and theirs are none.
mod open {
    use std::collections::BTreeMap;

    use serde::{Deserialize as _, Deserializer, Serializer};

    type Open = BTreeMap<(u32, i64), f32>;

    pub fn serialize<S: Serializer>(open: &Open, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(open)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Open, D::Error> {
        let list = Vec::<((u32, i64), f32)>::deserialize(from)?;
        Ok(list.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(host: u32, hour: i64) -> Row {
        Row {
            host: Some(host),
            at_us: hour * INCIDENT_US,
            ..Row::default()
        }
    }

    #[test]
    fn findings_of_a_host_in_an_hour_are_one_incident() {
        let rows = [row(1, 0), row(1, 0), row(1, 1), row(2, 0), row(3, 12)];
        let scores = [0.2, 0.9, 0.8, 0.7, 0.1];
        let incidents = Incidents::of(rows.iter().zip(scores), rows.iter(), 1.0);
        assert_eq!(incidents.scores, [0.9, 0.8, 0.7, 0.1]);
        assert_eq!(incidents.days, 0.5);
        for (per_day, threshold, given) in [(2.0, 0.8, 2.0), (4.0, 0.7, 4.0), (36.0, 0.1, 6.0)] {
            assert_eq!(incidents.threshold(per_day), threshold);
            assert_eq!(incidents.per_day(threshold), given);
        }
        let few = incidents.threshold(0.2);
        assert!(
            (few - 1.9).abs() < 1e-6,
            "ten times rarer than the rarest: {few}"
        );
        assert_eq!(Incidents::default().threshold(5.0), NOTHING_SEEN);
    }

    #[test]
    fn time_in_which_nothing_was_watched_does_not_count() {
        let captures = [row(1, 0), row(1, 11), row(2, 1000), row(3, 9000)];
        let scored = || captures.iter().map(|row| (row, 1.0));
        let incidents = Incidents::of(scored(), captures.iter(), 1.0);
        assert!(
            (incidents.days - 13.0 / 24.0).abs() < 1e-6,
            "{}",
            incidents.days
        );
        // What lies between rows held back was watched.
        let all: Vec<Row> = (0..=9000).map(|hour| row(1, hour)).collect();
        let held = Incidents::of(scored(), all.iter(), 0.1);
        assert!((held.days - 37.5).abs() < 1e-3, "{}", held.days);
    }

    #[test]
    fn a_day_of_which_hours_were_not_seen_is_no_whole_day() {
        // Two hosts are 0.3 each hour, and the network sleeps from 1 to 5.
        let live = |follow: &mut Follow, hours: std::ops::Range<i64>| {
            for hour in hours.filter(|hour| !(1..5).contains(&hour.rem_euclid(24))) {
                follow.see(1, hour * INCIDENT_US, 0.3);
                follow.see(2, hour * INCIDENT_US, 0.3);
            }
        };
        let restarted = |follow: &Follow, seen: i64, now: i64| {
            let kept = serde_json::to_vec(follow).unwrap();
            let mut follow: Follow = serde_json::from_slice(&kept).unwrap();
            follow.go_on(seen * INCIDENT_US, now * INCIDENT_US);
            follow
        };
        let check = |until, seen, now, backlog: std::ops::Range<i64>, is_whole: bool| {
            let mut before = Follow::new(1.0, 0.5);
            live(&mut before, 23..until);
            let mut after = restarted(&before, seen, now);
            live(&mut after, backlog);
            // Stopped at once again: what was not seen is not forgotten.
            let mut after = restarted(
                &after,
                after.seen_until(now * INCIDENT_US) / INCIDENT_US,
                now,
            );
            let end = now.div_euclid(24) * 24 + 24;
            live(&mut after, now..end);
            assert_eq!(after.threshold, 0.5, "no day was at its end: {until} {now}");
            after.see(1, end * INCIDENT_US, 0.3);
            let told = (until, seen, now);
            assert_eq!(after.threshold < 0.5, is_whole, "{told:?}");
        };
        // Stopped at 1, started at 23; at once; after an hour; three days later.
        check(25, 25, 47, 0..0, false);
        check(25, 25, 25, 0..0, true);
        check(32, 32, 33, 0..0, true);
        check(25, 25, 119, 0..0, false);
        // It ran through the silence, and the start was within it.
        check(25, 28, 28, 0..0, true);
        // What was not seen waited on the bus, all of it or only what came before the end.
        check(32, 32, 47, 32..47, true);
        check(32, 32, 47, 32..34, false);
        // That of an earlier version does not tell until when it was.
        check(32, 0, 33, 0..0, false);
    }

    #[test]
    fn a_threshold_follows_the_traffic_down_at_once_and_up_slowly() {
        let mut follow = Follow::new(1.0, 0.5);
        follow.see(9, DAY_US - 60_000_000, 0.01);
        let day = |follow: &mut Follow, day: i64, scores: [f32; 3]| {
            for (host, score) in (0..).zip(scores) {
                follow.see(host, day * DAY_US, score);
            }
        };
        day(&mut follow, 1, [0.3, 0.2, 0.1]);
        assert_eq!(follow.threshold, 0.5, "the last minute of a day is no day");
        day(&mut follow, 2, [0.9, 0.9, 0.9]);
        assert_eq!(follow.threshold, 0.2, "one of the first day lies above");
        day(&mut follow, 3, [0.0, 0.0, 0.0]);
        let risen = follow.threshold;
        assert!(risen > 0.2 && risen < 0.5, "{risen}");
        let kept = serde_json::to_vec(&follow).unwrap();
        assert_eq!(serde_json::from_slice::<Follow>(&kept).unwrap(), follow);
        follow.set_budget(2.0, 0.7);
        assert_eq!(
            follow.threshold, 0.2,
            "two a day of the days that were seen"
        );
        let mut unseen = Follow::new(1.0, 0.5);
        unseen.set_budget(2.0, 0.4);
        assert_eq!((unseen.per_day, unseen.threshold), (2.0, 0.4));
        // A clock that was ten years ahead: days end again.
        follow.see(1, 4_000 * DAY_US, 0.5);
        follow.not_after(5 * DAY_US);
        let begun = follow.clone();
        day(&mut follow, 5, [0.9, 0.9, 0.9]);
        day(&mut follow, 6, [0.9, 0.9, 0.9]);
        day(&mut follow, 7, [0.9, 0.9, 0.9]);
        assert!(follow.threshold > begun.threshold);
    }
}
