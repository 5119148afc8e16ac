//! `stats` records: the counters of all workers, added up, every few seconds and at the end.

use crate::shared::Shared;
use crate::sink::Sink;
use engine::records::stats::Counters;
use engine::records::{EveConfig, Recorder, Source};
use event::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked whether it is time: a stop is noticed within this.
const LOOK: Duration = Duration::from_millis(50);

/// Writes `stats` records.
pub(crate) struct Stats {
    shared: Arc<Shared>,
    recorder: Recorder,
    sink: Box<dyn Sink>,
    every: Duration,
    start: Timestamp,
}

impl Stats {
    pub(crate) fn new(
        shared: Arc<Shared>,
        eves: Vec<EveConfig>,
        sink: Box<dyn Sink>,
        every: Duration,
    ) -> Self {
        let start = (shared.clock)();
        Stats {
            recorder: Recorder::new(eves, Source::default()),
            shared,
            sink,
            every,
            start,
        }
    }

    /// Writes until the sensor stops; the last record is left to [`Stats::write`].
    pub(crate) fn run(mut self) -> Self {
        let mut next = self.start + self.every;
        while !self.shared.is_stopping() {
            std::thread::sleep(LOOK);
            let now = (self.shared.clock)();
            if now >= next {
                next = now + self.every;
                self.write();
            }
        }
        self
    }

    /// Writes one record.
    pub(crate) fn write(&mut self) {
        let now = (self.shared.clock)();
        let mut counters = Counters::new();
        for window in &self.shared.windows {
            add(&mut counters, &window.counters());
        }
        self.shared.snapshot().add_to(&mut counters);
        self.sink.add_counters(&mut counters);
        let uptime = now.since(self.start);
        self.recorder
            .stats(now, uptime, &counters, self.sink.as_mut());
        self.sink.stats(&counters);
        self.sink.flush();
    }
}

/// Adds a worker's counters. What tells of rules, which are shared, or of how full something is does not
/// add up.
fn add(sum: &mut Counters, one: &Counters) {
    for (name, value) in one {
        let total = sum.entry(name.clone()).or_default();
        if name.starts_with("detect.engines") || name.starts_with("memcap.pressure") {
            *total = (*total).max(*value);
        } else {
            *total += value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_what_adds_up() {
        let one: Counters = [
            ("decoder.pkts", 5),
            ("detect.engines[0].rules_loaded", 7),
            ("memcap.pressure", 3),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        let mut sum = Counters::new();
        add(&mut sum, &one);
        add(&mut sum, &one);
        let values: Vec<u64> = sum.into_values().collect();
        assert_eq!(values, [10, 7, 3]);
    }
}
