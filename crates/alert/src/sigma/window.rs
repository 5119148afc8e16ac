//! What a correlation remembers of one group of events, and when that is enough. Bounded, whatever
//! comes: counts need as many moments as they wait for, sums and percentiles a fixed number of samples.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use event::Timestamp;

use super::correlation::{Correlation, Kind, MAX_COUNT};

/// Samples of a sum, a mean or a percentile; beyond them the oldest are left out of the reckoning.
const MAX_SAMPLES: usize = 10_000;
/// Ids of events that are named when it is enough.
const MAX_IDS: usize = 32;
/// The longest value that is told apart, bytes.
const MAX_VALUE: usize = 256;

/// One event of a group.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// Its own time.
    pub time: Timestamp,
    /// Its name.
    pub id: &'a str,
    /// Which of the correlation's rules it fulfils.
    pub rule: usize,
    /// The value that is counted, as text.
    pub text: Option<&'a str>,
    /// The same as number.
    pub number: Option<f64>,
}

/// The events that were enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enough {
    /// The first event's time.
    pub first: Timestamp,
    /// The last event's time.
    pub last: Timestamp,
    /// Ids of its events, bounded.
    pub ids: Vec<String>,
    /// How many they are.
    pub events: u64,
}

/// What is remembered of a group.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// Events, the oldest first: time, id, value.
    events: VecDeque<(Timestamp, String, f64)>,
    /// Values and the rules that were seen, with the last event of each.
    seen: BTreeMap<String, (Timestamp, String)>,
    /// For an order: of each rule reached, when the chain began and its events.
    chain: Vec<Option<(Timestamp, Vec<String>)>>,
    /// The newest time that came.
    newest: Timestamp,
}

impl Window {
    /// Takes an event; what was enough, if it is now. Then it begins anew.
    pub fn take(&mut self, event: &Event<'_>, correlation: &Correlation) -> Option<Enough> {
        self.newest = self.newest.max(event.time);
        let from = before(self.newest, correlation.timespan);
        if event.time < from {
            return None;
        }
        match &correlation.kind {
            Kind::EventCount(limit) => {
                self.push(event, 0.0, from, limit.count().min(MAX_COUNT));
                let count = self.events.len() as f64;
                limit.is_reached(count).then(|| self.enough())
            }
            Kind::ValueCount(_, limit) => {
                self.see(event.text?, event, from, limit.count());
                let count = self.seen.len() as f64;
                limit.is_reached(count).then(|| self.enough())
            }
            Kind::ValueSum(_, limit) => {
                self.push(event, event.number?, from, MAX_SAMPLES);
                let sum: f64 = self.events.iter().map(|(_, _, number)| number).sum();
                limit.is_reached(sum).then(|| self.enough())
            }
            Kind::ValueAvg(_, limit) => {
                self.push(event, event.number?, from, MAX_SAMPLES);
                let sum: f64 = self.events.iter().map(|(_, _, number)| number).sum();
                let mean = sum / self.events.len() as f64;
                limit.is_reached(mean).then(|| self.enough())
            }
            Kind::ValuePercentile(_, percentile, limit) => {
                self.push(event, event.number?, from, MAX_SAMPLES);
                let is = limit.is_reached(self.percentile(*percentile));
                is.then(|| self.enough())
            }
            Kind::Temporal(count) => {
                self.see(&format!("{:03}", event.rule), event, from, usize::MAX);
                (self.seen.len() >= *count).then(|| self.enough())
            }
            Kind::TemporalIf(condition) => {
                self.see(&format!("{:03}", event.rule), event, from, usize::MAX);
                let seen = &self.seen;
                let is = condition.holds(&mut |rule| seen.contains_key(&format!("{rule:03}")));
                is.then(|| self.enough())
            }
            Kind::TemporalOrdered => self.step(event, correlation.rules.len(), from),
        }
    }

    fn push(&mut self, event: &Event<'_>, number: f64, from: Timestamp, most: usize) {
        // Mostly the newest; what comes late is put where it belongs.
        let at = self
            .events
            .partition_point(|(time, _, _)| *time <= event.time);
        self.events
            .insert(at, (event.time, event.id.to_owned(), number));
        while self.events.front().is_some_and(|(time, _, _)| *time < from)
            || self.events.len() > most
        {
            self.events.pop_front();
        }
    }

    fn see(&mut self, value: &str, event: &Event<'_>, from: Timestamp, most: usize) {
        self.seen.retain(|_, (time, _)| *time >= from);
        let value: String = value.chars().take(MAX_VALUE).collect();
        if self.seen.len() < most || self.seen.contains_key(&value) {
            self.seen.insert(value, (event.time, event.id.to_owned()));
        }
    }

    /// The latest beginning counts: it leaves the most time.
    fn step(&mut self, event: &Event<'_>, rules: usize, from: Timestamp) -> Option<Enough> {
        self.chain.resize(rules, None);
        for place in &mut self.chain {
            if place.as_ref().is_some_and(|(began, _)| *began < from) {
                *place = None;
            }
        }
        let own = event.id.to_owned();
        let reached = match event.rule.checked_sub(1) {
            None => Some((event.time, vec![own])),
            Some(before) => {
                let reached = self.chain.get(before).cloned().flatten();
                reached
                    .filter(|(began, _)| *began <= event.time)
                    .map(|(began, mut ids)| {
                        ids.push(own);
                        (began, ids)
                    })
            }
        };
        let (began, ids) = reached?;
        if event.rule + 1 == rules {
            self.chain.clear();
            return Some(Enough {
                first: began,
                last: event.time,
                events: ids.len() as u64,
                ids,
            });
        }
        let place = self.chain.get_mut(event.rule)?;
        if place.as_ref().is_none_or(|(known, _)| *known <= began) {
            *place = Some((began, ids));
        }
        None
    }

    /// The nearest rank (ISO 3534 has no other for few samples).
    fn percentile(&self, percentile: f64) -> f64 {
        let mut numbers: Vec<f64> = self.events.iter().map(|(_, _, number)| *number).collect();
        numbers.sort_by(f64::total_cmp);
        let rank = (percentile / 100.0 * numbers.len() as f64).ceil() as usize;
        let at = rank.saturating_sub(1);
        numbers.get(at).copied().unwrap_or(f64::NAN)
    }

    fn enough(&mut self) -> Enough {
        let mut all: Vec<(Timestamp, String)> = std::mem::take(&mut self.events)
            .into_iter()
            .map(|(time, id, _)| (time, id))
            .chain(std::mem::take(&mut self.seen).into_values())
            .collect();
        all.sort();
        let times = || all.iter().map(|(time, _)| *time);
        Enough {
            first: times().min().unwrap_or_default(),
            last: times().max().unwrap_or_default(),
            events: all.len() as u64,
            ids: all.into_iter().take(MAX_IDS).map(|(_, id)| id).collect(),
        }
    }
}

fn before(time: Timestamp, span: Duration) -> Timestamp {
    let span = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    Timestamp::from_nanos(time.nanos().saturating_sub(span))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds at which it is enough, of events told as second, rule, value.
    fn check(text: &str, events: &[(i64, usize, f64)], expected: &[i64]) {
        let correlation = Correlation::read(&serde_yaml_ng::from_str(text).unwrap()).unwrap();
        let mut window = Window::default();
        let mut enough = Vec::new();
        for (second, rule, value) in events {
            let text = value.to_string();
            let event = Event {
                time: Timestamp::new(1000 + second, 0),
                id: "e",
                rule: *rule,
                text: Some(&text),
                number: Some(*value),
            };
            if window.take(&event, &correlation).is_some() {
                enough.push(*second);
            }
        }
        assert_eq!(enough, expected, "{text} {events:?}");
    }

    #[test]
    fn events_are_counted_within_the_time() {
        let rule = "{type: event_count, rules: [a], timespan: 10s, condition: {gte: 3}}";
        check(rule, &[(0, 0, 0.0), (5, 0, 0.0), (10, 0, 0.0)], &[10]);
        check(rule, &[(0, 0, 0.0), (5, 0, 0.0), (11, 0, 0.0)], &[]);
        check(rule, &[(0, 0, 0.0), (8, 0, 0.0), (4, 0, 0.0)], &[4]);
        // It begins anew.
        check(
            rule,
            &[
                (0, 0, 0.0),
                (1, 0, 0.0),
                (2, 0, 0.0),
                (3, 0, 0.0),
                (4, 0, 0.0),
                (5, 0, 0.0),
            ],
            &[2, 5],
        );
    }

    #[test]
    fn values_are_told_apart_and_reckoned() {
        let rule = "{type: value_count, rules: [a], timespan: 10s, condition: {field: x, gte: 3}}";
        check(
            rule,
            &[(0, 0, 1.0), (1, 0, 1.0), (2, 0, 2.0), (3, 0, 3.0)],
            &[3],
        );
        check(rule, &[(0, 0, 1.0), (1, 0, 2.0), (12, 0, 3.0)], &[]);
        let rule = "{type: value_sum, rules: [a], timespan: 10s, condition: {field: x, gt: 10}}";
        check(rule, &[(0, 0, 5.0), (1, 0, 5.0), (2, 0, 1.0)], &[2]);
        let rule =
            "{type: value_sum, rules: [a], timespan: 10s, condition: {field: x, gt: 10, lte: 12}}";
        check(rule, &[(0, 0, 9.0), (1, 0, 9.0), (11, 0, 2.0)], &[11]);
        let rule = "{type: value_avg, rules: [a], timespan: 10s, condition: {field: x, gte: 4}}";
        check(rule, &[(0, 0, 1.0), (1, 0, 7.0)], &[1]);
        let rule = "{type: value_percentile, rules: [a], timespan: 60s, condition: {field: x, percentile: 50, gte: 5}}";
        check(
            rule,
            &[
                (0, 0, 1.0),
                (1, 0, 1.0),
                (2, 0, 9.0),
                (3, 0, 9.0),
                (4, 0, 9.0),
            ],
            &[4],
        );
    }

    #[test]
    fn rules_come_together_in_any_order_or_in_theirs() {
        let any = "{type: temporal, rules: [a, b, c], timespan: 10s}";
        check(any, &[(0, 2, 0.0), (1, 0, 0.0), (2, 1, 0.0)], &[2]);
        check(any, &[(0, 2, 0.0), (1, 0, 0.0), (11, 1, 0.0)], &[]);
        let some = "{type: temporal, rules: [a, b, c], timespan: 10s, condition: a and (b or c)}";
        check(some, &[(0, 2, 0.0), (1, 1, 0.0), (2, 0, 0.0)], &[2]);
        check(some, &[(0, 2, 0.0), (1, 1, 0.0), (12, 0, 0.0)], &[]);
        let ordered = "{type: temporal_ordered, rules: [a, b, c], timespan: 10s}";
        check(ordered, &[(0, 0, 0.0), (1, 1, 0.0), (2, 2, 0.0)], &[2]);
        check(ordered, &[(0, 1, 0.0), (1, 0, 0.0), (2, 2, 0.0)], &[]);
        check(
            ordered,
            &[(0, 0, 0.0), (6, 0, 0.0), (7, 1, 0.0), (15, 2, 0.0)],
            &[15],
        );
        check(ordered, &[(0, 0, 0.0), (1, 1, 0.0), (11, 2, 0.0)], &[]);
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        for text in [
            "{type: event_count, rules: [a], timespan: 31d, condition: {eq: 0}}",
            "{type: value_count, rules: [a], timespan: 31d, condition: {field: x, gte: 10000}}",
            "{type: value_sum, rules: [a], timespan: 31d, condition: {field: x, lt: -1}}",
        ] {
            let correlation = Correlation::read(&serde_yaml_ng::from_str(text).unwrap()).unwrap();
            let mut window = Window::default();
            for n in 0..20_000 {
                let text = (n % 50).to_string();
                let event = Event {
                    time: Timestamp::new(n, 0),
                    id: "e",
                    rule: 0,
                    text: Some(&text),
                    number: Some(1.0),
                };
                window.take(&event, &correlation);
            }
            assert!(
                window.events.len() <= MAX_SAMPLES && window.seen.len() <= 50,
                "{text}"
            );
        }
    }
}
