//! Counters over time, kept in memory: a day, one sample every ten seconds.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use event::Timestamp;

use super::health::Point;

/// Between two samples.
pub const EVERY: Duration = Duration::from_secs(10);

/// Samples kept: a day.
const KEPT: usize = 8640;

/// Counters that are kept: some 60 there are, 8 MB at this limit.
const MAX_NAMES: usize = 128;

/// Counters over time. Pure: told the time.
#[derive(Debug, Default)]
pub struct Samples {
    names: BTreeMap<String, usize>,
    rows: VecDeque<Row>,
}

#[derive(Debug)]
struct Row {
    time: Timestamp,
    values: Vec<u64>,
}

impl Samples {
    /// Keeps what the counters say now.
    pub fn take(&mut self, counters: &BTreeMap<String, u64>, now: Timestamp) {
        for name in counters.keys() {
            let next = self.names.len();
            if next < MAX_NAMES && !self.names.contains_key(name) {
                self.names.insert(name.clone(), next);
            }
        }
        let mut values = vec![0; self.names.len()];
        for (name, at) in &self.names {
            if let (Some(value), Some(place)) = (counters.get(name), values.get_mut(*at)) {
                *place = *value;
            }
        }
        self.rows.push_back(Row { time: now, values });
        while self.rows.len() > KEPT {
            self.rows.pop_front();
        }
    }

    /// The counters that are known.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        self.names.keys().cloned().collect()
    }

    /// What a counter did from `since` on, one point for each interval.
    #[must_use]
    pub fn points(&self, name: &str, since: Timestamp) -> Vec<Point> {
        let Some(at) = self.names.get(name) else {
            return Vec::new();
        };
        let value = |row: &Row| row.values.get(*at).copied().unwrap_or_default();
        let rows = self.rows.iter().zip(self.rows.iter().skip(1));
        rows.filter(|(_, row)| row.time >= since)
            .map(|(before, row)| {
                let span = row.time.since(before.time).as_secs_f64();
                // A counter that fell began anew.
                let grown = value(row).checked_sub(value(before));
                let grown = grown.unwrap_or_else(|| value(row)) as f64;
                Point {
                    time: row.time,
                    rate: if span > 0.0 { grown / span } else { 0.0 },
                    value: value(row),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(packets: u64) -> BTreeMap<String, u64> {
        BTreeMap::from([("packets".to_owned(), packets)])
    }

    #[test]
    fn rates_are_told_and_a_counter_that_begins_anew_is_no_negative_rate() {
        let mut samples = Samples::default();
        for (at, packets) in [(0, 0), (10, 100), (20, 300), (30, 50)] {
            samples.take(&counters(packets), Timestamp::new(at, 0));
        }
        let points = samples.points("packets", Timestamp::new(5, 0));
        let rates: Vec<_> = points
            .iter()
            .map(|point| (point.time.secs(), point.rate))
            .collect();
        assert_eq!(rates, [(10, 10.0), (20, 20.0), (30, 5.0)]);
        assert!(samples.points("bytes", Timestamp::default()).is_empty());
    }

    #[test]
    fn a_day_and_so_many_names_are_kept() {
        let mut samples = Samples::default();
        for at in 0..2 * KEPT {
            samples.take(&counters(1), Timestamp::new(at as i64, 0));
        }
        let many = (0..1000).map(|i| (format!("n{i}"), 1)).collect();
        samples.take(&many, Timestamp::default());
        assert_eq!((samples.rows.len(), samples.names.len()), (KEPT, MAX_NAMES));
    }
}
