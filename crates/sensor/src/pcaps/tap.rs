//! What one worker does for packets to be kept: puts them into its ring, follows flows that alerted.

use super::ring::Ring;
use super::{Batch, Head, Tally, count};
use decode::packet::Frame;
use engine::output::Fate;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

/// Flows that are followed at once; what one worker remembers of them stays below a megabyte.
const FLOWS_MAX: usize = 8192;
/// Flows that begin to be followed in one second. Each costs a look through the ring: about a millisecond
/// at worst.
const BEGIN_MAX: u32 = 50;
/// Bytes of a batch before it is handed over.
const FULL: usize = 256 << 10;
/// Bytes kept of one packet: the most that a pcap file may announce (libpcap's `MAXIMUM_SNAPLEN`).
const SNAP_LEN: usize = 262_144;

/// One worker's.
#[derive(Debug)]
pub(crate) struct Tap {
    ring: Ring,
    /// Flows that alerted, with the bytes that may still be kept of each.
    followed: HashMap<u64, usize>,
    /// Flows that alerted since the latest packet.
    alerted: Vec<u64>,
    flow_max: usize,
    second: i64,
    begun: u32,
    batch: Batch,
    to: SyncSender<Batch>,
    tally: Arc<Tally>,
}

impl Tap {
    pub(super) fn new(
        ring_bytes: usize,
        flow_max: usize,
        to: SyncSender<Batch>,
        tally: Arc<Tally>,
    ) -> Self {
        Tap {
            ring: Ring::new(ring_bytes),
            followed: HashMap::new(),
            alerted: Vec::new(),
            flow_max,
            second: 0,
            begun: 0,
            batch: Batch::default(),
            to,
            tally,
        }
    }

    /// A flow alerted: with the packet that comes next to [`Tap::packet`], or at its end.
    pub(crate) fn alerted(&mut self, flow: u64) {
        // A packet has a flow for each level of encapsulation.
        if !self.followed.contains_key(&flow) && self.alerted.last() != Some(&flow) {
            self.alerted.push(flow);
        }
    }

    /// A packet that was inspected.
    pub(crate) fn packet(&mut self, frame: &Frame<'_>, fate: &Fate) {
        let Some(flow) = fate.flow else {
            self.alerted.clear();
            return;
        };
        let head = Head {
            flow,
            time: frame.time,
            wire_len: frame.wire_len,
            link: frame.link,
        };
        let data = frame.data.get(..SNAP_LEN).unwrap_or(frame.data);
        if fate.is_flow_alerted
            && let Some(left) = self.followed.get_mut(&flow)
        {
            // Once it had its share a flow gets no more: gaps would look like losses.
            match left.checked_sub(data.len()) {
                Some(rest) => {
                    *left = rest;
                    self.keep(head, data);
                }
                None => *left = 0,
            }
        } else {
            self.ring.push(head, data);
        }
        if !self.alerted.is_empty() {
            if self.second != frame.time.secs() {
                (self.second, self.begun) = (frame.time.secs(), 0);
            }
            self.begin();
        }
    }

    /// A flow ended.
    pub(crate) fn flow_end(&mut self, flow: u64) {
        if !self.alerted.is_empty() {
            self.begin();
        }
        self.followed.remove(&flow);
    }

    /// Hands over what was kept so far; called many times a second.
    pub(crate) fn flush(&mut self) {
        if self.batch.heads.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        if let Err(unsent) = self.to.try_send(batch) {
            let (std::sync::mpsc::TrySendError::Full(mut batch)
            | std::sync::mpsc::TrySendError::Disconnected(mut batch)) = unsent;
            count(&self.tally.dropped_packets, batch.heads.len());
            batch.clear();
            self.batch = batch;
        }
    }

    /// Begins to follow the flows that alerted, with what the ring holds of them.
    fn begin(&mut self) {
        let mut alerted = std::mem::take(&mut self.alerted);
        for flow in alerted.drain(..) {
            if self.followed.contains_key(&flow) {
                continue;
            }
            if self.begun >= BEGIN_MAX || self.followed.len() >= FLOWS_MAX {
                count(&self.tally.refused_flows, 1);
                continue;
            }
            self.begun += 1;
            count(&self.tally.flows, 1);
            let mut left = self.flow_max;
            // As many again may follow as came before.
            let before = self.ring.of(flow, self.flow_max / 2);
            for (head, data) in before {
                left = left.saturating_sub(data.len());
                self.batch.push(head, data);
            }
            self.followed.insert(flow, left);
            if self.batch.bytes.len() >= FULL {
                self.flush();
            }
        }
        self.alerted = alerted;
    }

    fn keep(&mut self, head: Head, data: &[u8]) {
        self.batch.push(head, data);
        if self.batch.bytes.len() >= FULL {
            self.flush();
        }
    }
}
