//! One datagram in the making: its bytes, and which fragment each of them came from.

use super::Policy;
use crate::packet::Fragment;

/// The longest datagram that the length fields can say.
pub(super) const LEN_MAX: u32 = 65_535;

/// Runs of bytes that one datagram may fall into. 8,192 fragments of 8 bytes are the most that an
/// honest datagram can have; overlaps could make more, and each costs a step per fragment.
const RUNS_MAX: usize = 8192;

/// Link layer headers that are kept for records: Ethernet with its tags needs 26 bytes, cooked
/// captures 20. What is longer is left out.
const LINK_HEADER_MAX: usize = 64;

/// Bytes that stand in the datagram, and the fragment that they came from.
#[derive(Clone, Copy)]
struct Run {
    start: u32,
    end: u32,
    /// Where the fragment began and ended, wins and losses aside: that is what policies compare.
    fragment: (u32, u32),
}

/// A datagram that was put together.
pub(crate) struct Whole {
    /// Link layer headers, then the datagram.
    pub(crate) frame: Vec<u8>,
    /// Where the datagram begins.
    pub(crate) ip_at: usize,
}

pub(super) enum Outcome {
    /// Bytes are missing.
    Waiting { overlaps: bool },
    /// Every byte is there.
    Complete { overlaps: bool },
}

pub(super) struct Datagram {
    policy: Policy,
    /// Link layer headers of the fragment at offset 0.
    link_header: Vec<u8>,
    /// Its IP header, with the extension headers before the fragment header.
    header: Vec<u8>,
    next_header: Option<(u16, u8)>,
    bytes: Vec<u8>,
    /// Sorted and without overlap.
    runs: Vec<Run>,
    has_last: bool,
    fragments: usize,
}

impl Datagram {
    pub(super) fn new(policy: Policy, bytes: Vec<u8>) -> Self {
        Datagram {
            policy,
            link_header: Vec::new(),
            header: Vec::new(),
            next_header: None,
            bytes,
            runs: Vec::new(),
            has_last: false,
            fragments: 0,
        }
    }

    /// Memory held, in bytes.
    pub(super) fn held(&self) -> usize {
        self.bytes.len()
            + self.link_header.len()
            + self.header.len()
            + self.runs.len() * size_of::<Run>()
    }

    /// Fragments taken.
    pub(super) fn fragments(&self) -> usize {
        self.fragments
    }

    pub(super) fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    pub(super) fn insert(&mut self, fragment: &Fragment<'_>) -> Outcome {
        self.fragments += 1;
        let start = u32::from(fragment.offset);
        let end = start + u32::try_from(fragment.data.len()).unwrap_or(0);
        if fragment.offset == 0 && self.header.is_empty() {
            if fragment.link_header.len() <= LINK_HEADER_MAX {
                self.link_header.extend_from_slice(fragment.link_header);
            }
            self.header.extend_from_slice(fragment.header);
            self.next_header = fragment.next_header;
        }
        if !fragment.more {
            self.has_last = true;
        }
        let overlaps =
            start < end && self.runs.len() < RUNS_MAX && self.merge(start, end, fragment.data);
        let covered = self
            .runs
            .iter()
            .try_fold(0, |at, run| (run.start == at).then_some(run.end));
        let is_whole =
            self.has_last && covered.is_some_and(|end| end > 0) && !self.header.is_empty();
        if is_whole {
            Outcome::Complete { overlaps }
        } else {
            Outcome::Waiting { overlaps }
        }
    }

    /// Puts a fragment among the runs; whether it overlapped any.
    fn merge(&mut self, start: u32, end: u32, data: &[u8]) -> bool {
        if self.bytes.len() < end as usize {
            self.bytes.resize(end as usize, 0);
        }
        // The common case: fragments in order, each after the last.
        if self.runs.last().is_none_or(|last| last.end <= start) {
            self.copy(start, end, start, data);
            self.runs.push(Run {
                start,
                end,
                fragment: (start, end),
            });
            return false;
        }
        let first = self.runs.partition_point(|run| run.end <= start);
        let after = self.runs.partition_point(|run| run.start < end);
        let touched: Vec<Run> = self.runs.get(first..after).unwrap_or(&[]).to_vec();
        let mut merged = Vec::with_capacity(touched.len() * 2 + 1);
        let mut at = start;
        for run in &touched {
            if run.start < start {
                merged.push(Run { end: start, ..*run });
            }
            if at < run.start {
                self.claim(&mut merged, at, run.start, (start, end), data);
            }
            let (from, to) = (run.start.max(start), run.end.min(end));
            if self.policy.prefers_later(run.fragment, (start, end)) {
                self.claim(&mut merged, from, to, (start, end), data);
            } else {
                merged.push(Run {
                    start: from,
                    end: to,
                    fragment: run.fragment,
                });
            }
            at = to;
            if run.end > end {
                merged.push(Run { start: end, ..*run });
            }
        }
        if at < end {
            self.claim(&mut merged, at, end, (start, end), data);
        }
        self.runs.splice(first..after, merged);
        !touched.is_empty()
    }

    fn claim(
        &mut self,
        merged: &mut Vec<Run>,
        start: u32,
        end: u32,
        fragment: (u32, u32),
        data: &[u8],
    ) {
        self.copy(start, end, fragment.0, data);
        merged.push(Run {
            start,
            end,
            fragment,
        });
    }

    fn copy(&mut self, start: u32, end: u32, data_start: u32, data: &[u8]) {
        let from = data.get((start - data_start) as usize..(end - data_start) as usize);
        let to = self.bytes.get_mut(start as usize..end as usize);
        if let (Some(from), Some(to)) = (from, to) {
            to.copy_from_slice(from);
        }
    }

    /// The datagram as if it had never been cut, behind its link layer headers; None where its
    /// lengths cannot be said.
    pub(super) fn finish(&mut self) -> Option<Whole> {
        let mut whole = std::mem::take(&mut self.bytes);
        let payload_len = whole.len();
        match self.next_header {
            None => {
                let total = u16::try_from(self.header.len() + payload_len).ok()?;
                let fields = self.header.get_mut(2..12)?;
                let before = crate::packet::sum(fields);
                fields.get_mut(..2)?.copy_from_slice(&total.to_be_bytes());
                // Flags and offset: nothing of a fragment is left.
                let flags = fields.get_mut(4..6)?;
                flags.copy_from_slice(&[flags.first()? & 0x40, 0]);
                update_checksum(fields, before)?;
            }
            Some((at, next)) => {
                let extensions = self.header.len().checked_sub(40)?;
                let len = u16::try_from(extensions + payload_len).ok()?;
                self.header
                    .get_mut(4..6)?
                    .copy_from_slice(&len.to_be_bytes());
                *self.header.get_mut(usize::from(at))? = next;
            }
        }
        let headers = self.link_header.iter().chain(&self.header).copied();
        whole.splice(..0, headers);
        Some(Whole {
            frame: whole,
            ip_at: self.link_header.len(),
        })
    }
}

/// Adjusts the checksum at the end of `fields` (RFC 1624): what was right stays right, and what was
/// wrong stays wrong.
fn update_checksum(fields: &mut [u8], before: u64) -> Option<()> {
    let after = crate::packet::sum(fields);
    let place = fields.get_mut(8..10)?;
    let old = u64::from(u16::from_be_bytes([*place.first()?, *place.get(1)?]));
    // Both sums hold the old checksum itself, which drops out in the difference.
    let difference = u64::from(crate::packet::fold(before)) + after;
    let new = crate::packet::fold(0xffff - old + difference);
    place.copy_from_slice(&new.to_be_bytes());
    Some(())
}
