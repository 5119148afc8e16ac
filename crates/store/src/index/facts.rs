//! What is known of a slice without opening its index; stands in each commit and beside a sealed slice.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The layout of slices that this program writes and reads.
pub const LAYOUT: u32 = 2;
/// Kinds of events that are counted by name in one slice; hostile records may name any number.
const MAX_KINDS: usize = 128;

/// What is known of a slice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The layout.
    pub layout: u32,
    /// The row that the next record gets.
    pub rows: u64,
    /// Events in it.
    pub events: u64,
    /// Bytes of their records as they came, with a line break each.
    pub bytes_in: u64,
    /// Bytes of the file of records.
    pub records_len: u64,
    /// When it was begun, nanoseconds since 1970.
    pub created: i64,
    /// When it was written last.
    pub written: i64,
    /// The least time of an event.
    pub min_time: Option<i64>,
    /// The greatest.
    pub max_time: Option<i64>,
    /// For each partition of the topic, the offset to go on with.
    pub offsets: BTreeMap<u32, u64>,
    /// Events of each kind.
    pub kinds: BTreeMap<String, u64>,
    /// Whether it is written no more.
    pub is_sealed: bool,
    /// Whether events of little worth were taken out.
    pub is_thinned: bool,
    /// Bytes on disk, of a sealed slice.
    pub disk_bytes: u64,
}

impl Facts {
    /// Counts an event.
    pub fn add(&mut self, time: i64, kind: &str, bytes: usize) {
        self.events += 1;
        self.bytes_in += bytes as u64 + 1;
        self.min_time = Some(self.min_time.map_or(time, |min| min.min(time)));
        self.max_time = Some(self.max_time.map_or(time, |max| max.max(time)));
        let is_new = !self.kinds.contains_key(kind);
        let name = if is_new && self.kinds.len() >= MAX_KINDS {
            "other"
        } else {
            kind
        };
        match self.kinds.get_mut(name) {
            Some(count) => *count += 1,
            None => {
                self.kinds.insert(name.to_owned(), 1);
            }
        }
    }

    /// Whether an event of `from..to` may be in it.
    #[must_use]
    pub fn may_hold(&self, from: i64, to: i64) -> bool {
        match (self.min_time, self.max_time) {
            (Some(min), Some(max)) => from <= max && min < to,
            _ => false,
        }
    }
}
