//! What the bus counts. A recorder must be installed before the bus is opened, or nothing is counted.
//!
//! | name | labels | what |
//! |---|---|---|
//! | `ratel_bus_published_records_total` | topic | records acknowledged to publishers |
//! | `ratel_bus_published_bytes_total` | topic | bytes they take on disk, or of key and value in Kafka |
//! | `ratel_bus_publish_waits_total` | topic | times a publisher waited for room |
//! | `ratel_bus_refused_records_total` | topic | records refused after that wait |
//! | `ratel_bus_dropped_records_total` | topic, why | records dropped by `age`, `size` or `disk_full` |
//! | `ratel_bus_damaged_places_total` | topic | places on disk that were skipped |
//! | `ratel_bus_delivered_records_total` | topic, group | records given to readers |
//! | `ratel_bus_gap_records_total` | topic, group | records a group will never see |
//! | `ratel_bus_lag_records` | topic, group | records a group has yet to commit |
//! | `ratel_bus_size_bytes` | topic | bytes on disk |

use event::Topic;
use metrics::{Counter, Gauge, Unit, counter, describe_counter, describe_gauge, gauge};

use crate::Gap;

/// Tells a recorder what the names mean.
pub(crate) fn describe() {
    for (name, text) in [
        ("published_records", "Records acknowledged to publishers"),
        ("publish_waits", "Times a publisher waited for room"),
        ("refused_records", "Records refused after waiting for room"),
        (
            "dropped_records",
            "Records dropped by age, size or a full disk",
        ),
        ("damaged_places", "Places on disk that were skipped"),
        ("delivered_records", "Records given to readers"),
        ("gap_records", "Records that a group will never see"),
    ] {
        describe_counter!(format!("ratel_bus_{name}_total"), Unit::Count, text);
    }
    describe_counter!(
        "ratel_bus_published_bytes_total",
        Unit::Bytes,
        "Bytes of records acknowledged to publishers"
    );
    describe_gauge!(
        "ratel_bus_lag_records",
        Unit::Count,
        "Records a group has yet to commit"
    );
    describe_gauge!("ratel_bus_size_bytes", Unit::Bytes, "Bytes on disk");
}

/// Of one topic.
#[derive(Clone)]
pub(crate) struct TopicMetrics {
    topic: Topic,
    pub published: Counter,
    pub bytes: Counter,
    pub waits: Counter,
    pub refused: Counter,
    pub damaged: Counter,
    pub size: Gauge,
}

impl std::fmt::Debug for TopicMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TopicMetrics").field(&self.topic).finish()
    }
}

impl TopicMetrics {
    pub fn new(topic: Topic) -> TopicMetrics {
        let name = topic.name();
        TopicMetrics {
            topic,
            published: counter!("ratel_bus_published_records_total", "topic" => name),
            bytes: counter!("ratel_bus_published_bytes_total", "topic" => name),
            waits: counter!("ratel_bus_publish_waits_total", "topic" => name),
            refused: counter!("ratel_bus_refused_records_total", "topic" => name),
            damaged: counter!("ratel_bus_damaged_places_total", "topic" => name),
            size: gauge!("ratel_bus_size_bytes", "topic" => name),
        }
    }

    pub fn dropped(&self, why: &'static str) -> Counter {
        counter!("ratel_bus_dropped_records_total", "topic" => self.topic.name(), "why" => why)
    }
}

/// Of one group and one topic.
#[derive(Clone)]
pub(crate) struct GroupMetrics {
    pub delivered: Counter,
    pub gap: Counter,
    pub lag: Gauge,
}

impl std::fmt::Debug for GroupMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GroupMetrics")
    }
}

impl GroupMetrics {
    pub fn new(group: &str, topic: Topic) -> GroupMetrics {
        let (group, name) = (group.to_owned(), topic.name());
        GroupMetrics {
            delivered: counter!("ratel_bus_delivered_records_total", "topic" => name, "group" => group.clone()),
            gap: counter!("ratel_bus_gap_records_total", "topic" => name, "group" => group.clone()),
            lag: gauge!("ratel_bus_lag_records", "topic" => name, "group" => group),
        }
    }

    /// Counts and logs what a group will never see.
    pub fn tell_gap(&self, group: &str, gap: &Gap) {
        let missing = gap.offsets.end - gap.offsets.start;
        self.gap.increment(missing);
        tracing::warn!(group, topic = %gap.topic, partition = gap.partition, first = gap.offsets.start,
            records = missing, why = ?gap.why, "the group has missed records");
    }
}
