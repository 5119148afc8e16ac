//! Packets of flows that alert, kept as pcap files: those that came before, and those that follow.
//!
//! Each worker keeps its latest packets in a ring in memory. When a flow alerts, what the ring holds of it
//! and what comes afterwards goes to a thread that writes, by way of a queue that never makes a worker
//! wait: what finds no room in it is dropped and counted.

mod folder;
mod ring;
mod tap;
mod writer;

pub use folder::find;
pub(crate) use tap::Tap;
pub(crate) use writer::Writer;

use decode::packet::LinkType;
use event::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};

/// What became of packets of flows that alerted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Flows whose packets are or were kept.
    pub flows: u64,
    /// Flows that alerted while too many others did.
    pub refused_flows: u64,
    /// Packets written.
    pub packets: u64,
    /// Packets that found no room in the queue.
    pub dropped_packets: u64,
    /// Packets that could not be written.
    pub failed_packets: u64,
    /// Files deleted to make room for others.
    pub deleted_files: u64,
}

/// [`Counts`] as threads keep them.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    flows: AtomicU64,
    refused_flows: AtomicU64,
    packets: AtomicU64,
    dropped_packets: AtomicU64,
    failed_packets: AtomicU64,
    deleted_files: AtomicU64,
}

impl Tally {
    pub(crate) fn read(&self) -> Counts {
        let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Counts {
            flows: get(&self.flows),
            refused_flows: get(&self.refused_flows),
            packets: get(&self.packets),
            dropped_packets: get(&self.dropped_packets),
            failed_packets: get(&self.failed_packets),
            deleted_files: get(&self.deleted_files),
        }
    }
}

fn count(number: &AtomicU64, by: usize) {
    number.fetch_add(by as u64, Ordering::Relaxed);
}

/// What is known of a packet beside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    flow: u64,
    time: Timestamp,
    wire_len: u32,
    link: LinkType,
}

/// Some packets, one after the other.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Each with the place where its bytes end.
    heads: Vec<(Head, usize)>,
}

impl Batch {
    fn push(&mut self, head: Head, data: &[u8]) {
        self.bytes.extend_from_slice(data);
        self.heads.push((head, self.bytes.len()));
    }

    fn packets(&self) -> impl Iterator<Item = (&Head, &[u8])> {
        let begins = std::iter::once(0).chain(self.heads.iter().map(|(_, end)| *end));
        begins
            .zip(&self.heads)
            .filter_map(|(begin, (head, end))| Some((head, self.bytes.get(begin..*end)?)))
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.heads.clear();
    }
}

#[cfg(test)]
mod tests;
