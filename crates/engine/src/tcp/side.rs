//! One direction of a connection: its numbers, and its bytes.

use super::buffer::Buffer;
use super::config::OsPolicy;
use super::sack::Sack;
use super::sequence::{after, from};

/// What one end sends. Window and acknowledgement are the other end's answers to it.
#[derive(Debug, Default)]
pub(super) struct Side {
    pub(super) isn: u32,
    /// Sequence number of the stream's first byte.
    pub(super) origin: u32,
    pub(super) next_seq: u32,
    pub(super) last_ack: u32,
    pub(super) window: u32,
    pub(super) window_scale: u8,
    /// Right edge of what may be sent.
    pub(super) next_win: u32,
    pub(super) last_timestamp: u32,
    /// Second of the packet that carried it.
    pub(super) last_packet_secs: u32,
    pub(super) has_timestamp: bool,
    pub(super) has_zero_timestamp: bool,
    /// All TCP flags this end sent.
    pub(super) tcp_flags: u8,
    pub(super) policy: Option<OsPolicy>,
    pub(super) sack: Sack,
    /// A keep-alive waits for its answer.
    pub(super) is_keepalive: bool,
    /// The receiver of this side got a RST that a later packet may show to be forged.
    pub(super) reset_received: bool,
    /// This end probes a closed window.
    pub(super) is_probing: bool,
    pub(super) depth_reached: bool,
    pub(super) no_reassembly: bool,
    pub(super) raw_closing: bool,
    pub(super) raw_closed: bool,
    pub(super) raw_triggered: bool,
    /// Un-acknowledged bytes count too, since nothing will follow.
    pub(super) is_finishing: bool,
    /// Whether the application layer was told of a gap.
    pub(super) had_gap: bool,
    /// Bytes taken out of the stream as urgent.
    pub(super) urgent_bytes: u16,
    pub(super) app_progress: u64,
    pub(super) app_needs: u32,
    pub(super) raw_progress: u64,
    pub(super) min_inspect_depth: u32,
    pub(super) buffer: Buffer,
}

impl Side {
    /// Makes the byte after `isn` the stream's first.
    pub(super) fn begin(&mut self, isn: u32) {
        self.isn = isn;
        self.origin = isn.wrapping_add(1);
    }

    /// Sequence number of the first byte held.
    pub(super) fn base_seq(&self) -> u32 {
        self.origin.wrapping_add(self.buffer.base() as u32)
    }

    /// Place in the stream of a sequence number; before the first byte held it may be negative.
    pub(super) fn offset_of(&self, sequence: u32) -> i64 {
        let distance = sequence.wrapping_sub(self.base_seq()) as i32;
        self.buffer.base() as i64 + i64::from(distance)
    }

    /// Place in the stream up to which bytes are acknowledged.
    pub(super) fn acked(&self) -> u64 {
        let base = self.base_seq();
        if after(self.last_ack, base) {
            self.buffer.base() + u64::from(self.last_ack.wrapping_sub(base))
        } else {
            self.buffer.base()
        }
    }

    /// Takes an acknowledgement if it is newer.
    pub(super) fn acknowledge(&mut self, ack: u32) {
        if after(ack, self.last_ack) {
            self.last_ack = ack;
            self.sack.prune(ack);
        }
    }

    /// Moves the right edge of the window to `edge` and what was selectively acknowledged.
    pub(super) fn open_window(&mut self, edge: u32) {
        let edge = edge.wrapping_add(self.sack.size());
        if after(edge, self.next_win) {
            self.next_win = edge;
        }
    }

    /// Expects `next` next; where only one end is seen, takes all before it as acknowledged.
    pub(super) fn expect(&mut self, next: u32, is_async: bool) {
        self.next_seq = next;
        if is_async && after(next, self.last_ack) {
            self.last_ack = next;
        }
    }

    /// Raises `next_seq` where the other end acknowledged bytes that were not seen.
    pub(super) fn catch_up(&mut self, ack: u32) {
        if !from(self.next_seq, ack) {
            self.next_seq = ack;
        }
    }
}
