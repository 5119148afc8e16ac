//! The latest packets of one worker: a bounded piece of memory, the oldest overwritten first.

use super::Head;
use std::collections::VecDeque;

/// Bytes of memory for each packet that may be held: of packets that are all shorter, fewer are held than
/// would find room, so that looking through them stays short.
const BYTES_EACH: usize = 256;

/// Packets in the order in which they came.
#[derive(Debug)]
pub(super) struct Ring {
    bytes: Box<[u8]>,
    /// Where the next packet goes.
    next: usize,
    /// Oldest first. Those that begin at `next` or behind it are from the lap before.
    entries: VecDeque<Entry>,
    entries_max: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    head: Head,
    start: usize,
    len: usize,
}

impl Ring {
    /// Room for so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let entries_max = (bytes / BYTES_EACH).max(1);
        Ring {
            bytes: vec![0; bytes].into(),
            next: 0,
            entries: VecDeque::with_capacity(entries_max),
            entries_max,
        }
    }

    /// Takes a packet; one that takes more than a quarter of the room is left out.
    pub(super) fn push(&mut self, head: Head, data: &[u8]) {
        if data.len() > self.bytes.len() / 4 {
            return;
        }
        if self.bytes.len() - self.next < data.len() {
            // What is left at the end stays as it is; its packets are the oldest.
            while self.entries.front().is_some_and(|e| e.start >= self.next) {
                self.entries.pop_front();
            }
            self.next = 0;
        }
        let end = self.next + data.len();
        while self.entries.len() >= self.entries_max
            || self
                .entries
                .front()
                .is_some_and(|entry| (self.next..end).contains(&entry.start))
        {
            self.entries.pop_front();
        }
        if let Some(room) = self.bytes.get_mut(self.next..end) {
            room.copy_from_slice(data);
            self.entries.push_back(Entry {
                head,
                start: self.next,
                len: data.len(),
            });
            self.next = end;
        }
    }

    /// The packets of a flow, oldest first; of more than `bytes_max` the latest.
    pub(super) fn of(&self, flow: u64, bytes_max: usize) -> Vec<(Head, &[u8])> {
        let mut found = Vec::new();
        let mut left = bytes_max;
        for entry in self.entries.iter().rev() {
            if entry.head.flow != flow {
                continue;
            }
            let Some(rest) = left.checked_sub(entry.len) else {
                break;
            };
            left = rest;
            if let Some(data) = self.bytes.get(entry.start..entry.start + entry.len) {
                found.push((entry.head, data));
            }
        }
        found.reverse();
        found
    }
}
