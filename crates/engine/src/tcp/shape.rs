//! Packets known by their shape, whatever the state: keep-alives, probes, window updates,
//! acknowledgements that are out of date.

use super::segment::Segment;
use super::sequence::{after, before};
use super::{Session, State};
use decode::packet::Tcp;

const CONTROL: u8 = Tcp::SYN | Tcp::FIN | Tcp::RST;

impl Session {
    /// RFC 9293 section 3.8.4: at most one byte, one before what is expected next. Remembers it.
    pub(super) fn is_keepalive(&mut self, segment: &Segment<'_>) -> bool {
        if segment.payload.len() > 1 || segment.has(CONTROL) {
            return false;
        }
        let (sender, receiver) = self.pair(segment.direction);
        let is_keepalive = segment.acknowledgement == receiver.last_ack
            && segment.sequence == sender.next_seq.wrapping_sub(1);
        sender.is_keepalive |= is_keepalive;
        is_keepalive
    }

    /// The answer to a keep-alive; the keep-alive is then forgotten.
    pub(super) fn is_keepalive_answer(&mut self, segment: &Segment<'_>) -> bool {
        if !segment.payload.is_empty() || segment.has(CONTROL) || segment.window == 0 {
            return false;
        }
        let (sender, receiver) = self.pair(segment.direction);
        let is_answer = receiver.is_keepalive
            && segment.window << receiver.window_scale == receiver.window
            && segment.acknowledgement == receiver.last_ack
            && segment.sequence == sender.next_seq;
        if is_answer {
            receiver.is_keepalive = false;
        }
        is_answer
    }

    /// The answer to a probe of a closed window that leaves it closed.
    pub(super) fn is_probe_answer(&self, segment: &Segment<'_>) -> bool {
        let sender = self.side(segment.direction);
        let receiver = self.side(segment.direction.opposite());
        self.state >= State::Established
            && receiver.is_probing
            && segment.payload.is_empty()
            && segment.flags & (CONTROL | Tcp::ACK) == Tcp::ACK
            && segment.window == 0
            && receiver.window == 0
            && segment.sequence == sender.next_seq
            && segment.acknowledgement == receiver.last_ack
    }

    /// The ACK after both FINs.
    pub(super) fn is_last_ack_of_close(&self, segment: &Segment<'_>) -> bool {
        let sender = self.side(segment.direction);
        let receiver = self.side(segment.direction.opposite());
        matches!(
            self.state,
            State::TimeWait | State::CloseWait | State::LastAck
        ) && segment.flags == Tcp::ACK
            && segment.payload.is_empty()
            && segment.sequence == sender.next_seq.wrapping_add(1)
            && segment.acknowledgement == receiver.next_seq.wrapping_add(1)
    }

    /// Only the window changed.
    pub(super) fn is_window_update(&self, segment: &Segment<'_>) -> bool {
        let sender = self.side(segment.direction);
        let receiver = self.side(segment.direction.opposite());
        self.state >= State::Established
            && segment.payload.is_empty()
            && !segment.has(CONTROL)
            && segment.window != 0
            && segment.window << receiver.window_scale != receiver.window
            && segment.acknowledgement == receiver.last_ack
            && segment.sequence == sender.next_seq
    }

    /// Shrinks the window by more than it acknowledges, with numbers from beyond what was seen:
    /// whoever sends this wants the packets to come to be taken for out of window.
    pub(super) fn is_bad_window_update(&self, segment: &Segment<'_>) -> bool {
        /// Windows above this may be overrun a little, which is seen often.
        const LENIENT_ABOVE: u32 = 1024;
        const LENIENCE: u32 = 32;
        if self.state < State::Established || self.state == State::Closed || segment.has(CONTROL) {
            return false;
        }
        let sender = self.side(segment.direction);
        let receiver = self.side(segment.direction.opposite());
        let window = segment.window << receiver.window_scale;
        let Some(shrunk) = receiver
            .window
            .checked_sub(window)
            .filter(|shrunk| *shrunk > 0)
        else {
            return false;
        };
        let acked = segment.acknowledgement.wrapping_sub(receiver.last_ack);
        let allowed = if window > LENIENT_ABOVE {
            acked.wrapping_add(LENIENCE)
        } else {
            acked
        };
        shrunk > segment.len()
            && after(segment.acknowledgement, receiver.next_seq)
            && after(segment.sequence, sender.next_seq)
            && shrunk > allowed
    }

    /// An ACK that a newer one has overtaken.
    pub(super) fn is_outdated_ack(&self, segment: &Segment<'_>) -> bool {
        let sender = self.side(segment.direction);
        let receiver = self.side(segment.direction.opposite());
        self.state >= State::Established
            && segment.payload.is_empty()
            && segment.flags & (CONTROL | Tcp::ACK) == Tcp::ACK
            && segment.sequence == sender.next_seq
            && before(segment.acknowledgement, receiver.last_ack)
            && receiver
                .sack
                .covers(segment.options.sack, receiver.last_ack)
    }
}
