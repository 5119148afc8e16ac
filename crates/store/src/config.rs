//! Settings of the store. Every key is optional.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What keeps events.
    pub kind: Kind,
    /// The folder of the embedded store.
    pub dir: PathBuf,
    /// How long events are kept.
    pub retention: Retention,
    /// What is given up when the disk fills.
    pub watermarks: Watermarks,
    /// Where slices end.
    pub slices: Slices,
    /// Milliseconds between two commits while events come: an event is found at the latest so long
    /// after it came, and so much is read again from the bus after a crash.
    pub commit_ms: u64,
    /// Bytes of the largest record that is kept.
    pub max_record_bytes: usize,
    /// The server, for `kind: elasticsearch`.
    pub elasticsearch: crate::elastic::Config,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            kind: Kind::Embedded,
            dir: PathBuf::from("/var/lib/ratel/store"),
            retention: Retention::default(),
            watermarks: Watermarks::default(),
            slices: Slices::default(),
            commit_ms: 500,
            max_record_bytes: 1 << 20,
            elasticsearch: crate::elastic::Config::default(),
        }
    }
}

/// What keeps events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Folders of this process.
    #[default]
    Embedded,
    /// A server of Elasticsearch or OpenSearch.
    Elasticsearch,
}

/// How long events are kept: what comes first ends it. On by default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Days since a slice was written last. 0: no limit.
    pub max_age_days: u32,
    /// Bytes on disk, all slices together. 0: no limit.
    pub max_bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Retention {
            max_age_days: 30,
            max_bytes: 32 << 30,
        }
    }
}

/// Percent of the disk that must be free; below, something is given up, the least worth first. On large disks
/// they mean 4 GiB, 2 GiB, 1 GiB and 256 MiB at most. Nothing is written where less than 64 MiB are free.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Watermarks {
    /// Below: old slices lose flows, statistics and the records of plain transactions, then go.
    pub thin_percent: f64,
    /// Below: new flows, statistics and plain transactions are not kept.
    pub degrade_percent: f64,
    /// Below: only alerts, anomalies and what Ratel did are kept.
    pub alerts_only_percent: f64,
    /// Below: nothing is written; events wait on the bus.
    pub stop_percent: f64,
}

impl Default for Watermarks {
    fn default() -> Self {
        Watermarks {
            thin_percent: 10.0,
            degrade_percent: 7.0,
            alerts_only_percent: 4.0,
            stop_percent: 2.0,
        }
    }
}

/// Where a slice ends and the next begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Slices {
    /// Events.
    pub max_events: u64,
    /// Bytes of records as they came.
    pub max_bytes: u64,
    /// Seconds since its first event.
    pub max_age_secs: u64,
    /// Slices that are held open for searching; others are opened when they are needed.
    pub max_open: usize,
}

impl Default for Slices {
    fn default() -> Self {
        Slices {
            max_events: 1_000_000,
            max_bytes: 1 << 30,
            max_age_secs: 86_400,
            max_open: 64,
        }
    }
}

impl Config {
    /// Refuses what cannot work, with the key that says it.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |key, why: &str| {
            Err(Error::Config {
                key,
                why: why.to_owned(),
            })
        };
        let marks = &self.watermarks;
        let marks = [
            marks.thin_percent,
            marks.degrade_percent,
            marks.alerts_only_percent,
            marks.stop_percent,
        ];
        if marks.iter().any(|mark| !(0.0..=100.0).contains(mark)) {
            return refuse("watermarks", "a share of the disk lies between 0 and 100");
        }
        if !marks.is_sorted_by(|a, b| a >= b) {
            return refuse("watermarks", "each must be below the one before it");
        }
        if self.slices.max_events == 0 || self.slices.max_events > 16_000_000 {
            return refuse("slices.max_events", "between 1 and 16,000,000");
        }
        if self.slices.max_open == 0 {
            return refuse("slices.max_open", "at least 1");
        }
        if !(10..=60_000).contains(&self.commit_ms) {
            return refuse("commit_ms", "between 10 and 60,000");
        }
        if !(1024..=4 << 20).contains(&self.max_record_bytes) {
            return refuse("max_record_bytes", "between 1024 and 4,194,304");
        }
        Ok(())
    }
}
