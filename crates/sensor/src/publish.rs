//! Records onto the bus: topic `events`, a batch for each block of packets.

use crate::sink::{Sink, key};
use bus::{Publisher, Record};
use engine::output::Output;
use event::RecordId;
use std::time::{Duration, Instant};

/// A batch is published at this size or number even in the middle of a block.
const BATCH_BYTES: usize = 1 << 20;
const BATCH_RECORDS: usize = 4096;
/// Alerts of one block that are published at once, for the sake of those who act on them; the others of a
/// storm go with the block, which takes some milliseconds.
const URGENT_MAX: u32 = 16;
/// Between two tries where the bus has no room; each try waits by itself as the bus is configured.
const RETRY: Duration = Duration::from_millis(10);

/// A sink that publishes the records of one EVE output; those of other outputs are left out. What the bus
/// has no room for is waited for: packets then wait in the ring.
pub struct BusSink {
    publisher: Publisher,
    log: usize,
    patience: Duration,
    /// Lines, one behind the other.
    bytes: Vec<u8>,
    /// Where each line ends, and its name.
    ends: Vec<(usize, RecordId)>,
    urgent: u32,
    refused: u64,
    is_told: bool,
}

impl BusSink {
    /// Publishes the records of the `log`-th EVE output. `patience` is how long a batch waits for room
    /// before its records are given up and counted, so that a bus that is stuck does not keep the sensor
    /// from stopping.
    #[must_use]
    pub fn new(publisher: Publisher, log: usize, patience: Duration) -> Self {
        BusSink {
            publisher,
            log,
            patience,
            bytes: Vec::new(),
            ends: Vec::new(),
            urgent: 0,
            refused: 0,
            is_told: false,
        }
    }

    fn publish(&mut self) {
        if self.ends.is_empty() {
            return;
        }
        let mut start = 0;
        let mut records: Vec<Record<'_>> = Vec::with_capacity(self.ends.len());
        for (end, id) in &self.ends {
            let value = self.bytes.get(start..*end).unwrap_or(&[]);
            start = *end;
            records.push(Record {
                id: Some(*id),
                key: key(value),
                value,
            });
        }
        let begun = Instant::now();
        while let Err(refused) = self.publisher.publish_batch(&records) {
            let mut taken = refused.acknowledged.iter();
            records.retain(|_| !taken.next().is_some_and(Option::is_some));
            if !refused.error.is_back_pressure() || begun.elapsed() >= self.patience {
                self.refused += records.len() as u64;
                if !std::mem::replace(&mut self.is_told, true) {
                    tracing::error!("records are lost and counted: {}", refused.error);
                }
                break;
            }
            std::thread::sleep(RETRY);
        }
        self.ends.clear();
        self.bytes.clear();
    }
}

impl Output for BusSink {
    fn record(&mut self, log: usize, kind: &'static str, line: &[u8]) {
        if log != self.log {
            return;
        }
        self.bytes.extend_from_slice(line);
        self.ends.push((self.bytes.len(), self.publisher.new_id()));
        let is_urgent = kind == "alert" && self.urgent < URGENT_MAX;
        self.urgent += u32::from(is_urgent);
        if is_urgent || self.bytes.len() >= BATCH_BYTES || self.ends.len() >= BATCH_RECORDS {
            self.publish();
        }
    }
}

impl Sink for BusSink {
    fn refused(&self) -> u64 {
        self.refused
    }

    fn flush(&mut self) {
        self.urgent = 0;
        self.publish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bus::{Bus, Config};
    use event::Topic;

    #[test]
    fn records_come_in_order_and_an_alert_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config {
            dir: folder.path().to_owned(),
            ..Config::default()
        };
        let bus = Bus::open(&config).expect("it opens");
        let mut reader = bus.subscribe("test", &[Topic::Events]).expect("a reader");
        let mut sink = BusSink::new(bus.publisher(Topic::Events), 0, Duration::from_secs(1));
        let mut read = || -> Vec<String> {
            let batch = reader.next(Duration::from_millis(200)).expect("it reads");
            batch.map_or(Vec::new(), |batch| {
                batch
                    .iter()
                    .map(|d| String::from_utf8_lossy(d.value).into_owned())
                    .collect()
            })
        };
        sink.record(0, "dns", br#"{"flow_id":7,"n":1}"#);
        sink.record(1, "dns", br#"{"flow_id":7,"n":0}"#);
        assert_eq!(read(), Vec::<String>::new());
        sink.record(0, "alert", br#"{"flow_id":7,"n":2}"#);
        assert_eq!(read(), [r#"{"flow_id":7,"n":1}"#, r#"{"flow_id":7,"n":2}"#]);
        sink.record(0, "flow", br#"{"flow_id":7,"n":3}"#);
        sink.flush();
        assert_eq!(read(), [r#"{"flow_id":7,"n":3}"#]);
        assert_eq!(sink.refused(), 0);
    }
}
