//! Whether an acknowledgement, a RST or a repeated segment is what the connection allows.

use super::config::OsPolicy;
use super::event::StreamEvent;
use super::segment::{Refused, Run, Segment};
use super::sequence::{after, before, from, until};
use super::side::Side;
use super::{Session, State};
use decode::packet::Tcp;

impl Session {
    /// Whether the acknowledgement lies within what the other end may have received.
    pub(super) fn validate_ack(
        &self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<(), Refused> {
        if !segment.has(Tcp::ACK) {
            return Ok(());
        }
        let ack = segment.acknowledgement;
        let side = self.side(segment.direction.opposite());
        if ack == side.last_ack || (after(ack, side.last_ack) && until(ack, side.next_win)) {
            return Ok(());
        }
        let is_valid = if before(ack, side.last_ack) {
            side.window == 0 || from(ack, side.last_ack.wrapping_sub(side.window))
        } else if self.is_async {
            true
        } else {
            // A RST that answers the SYN: nothing is known of the window yet.
            self.state == State::SynSent
                && !segment.is_to_server()
                && segment.has(Tcp::RST)
                && ack == side.isn.wrapping_add(1)
        };
        if is_valid {
            Ok(())
        } else {
            run.refuse(StreamEvent::PktInvalidAck)
        }
    }

    /// `validate_ack`, with the state's own event beside the general one.
    pub(super) fn require_ack(
        &self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
        event: StreamEvent,
    ) -> Result<(), Refused> {
        self.validate_ack(run, segment)
            .inspect_err(|_| run.note(event))
    }

    /// Whether the target would take the RST.
    pub(super) fn validate_reset(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<(), Refused> {
        self.validate_timestamp(run, segment)?;
        if !segment.payload.is_empty() {
            run.note(StreamEvent::RstWithData);
        }
        let config = run.config;
        let receiver = self.side_mut(segment.direction.opposite());
        let policy = *receiver
            .policy
            .get_or_insert_with(|| config.os_policy(segment.destination));
        if segment.acknowledgement != 0 {
            self.require_ack(run, segment, StreamEvent::RstInvalidAck)?;
        }
        if segment.is_signed() {
            self.side_mut(segment.direction.opposite()).reset_received = true;
        }
        let side = self.side(segment.direction);
        let sequence = segment.sequence;
        let is_valid = if self.is_async {
            from(sequence, side.next_seq)
        } else {
            match policy {
                OsPolicy::Hpux11 => from(sequence, side.next_seq),
                OsPolicy::OldLinux | OsPolicy::Linux | OsPolicy::Solaris => {
                    from(segment.end(), side.last_ack)
                        && before(sequence, side.next_seq.wrapping_add(side.window))
                }
                OsPolicy::Bsd
                | OsPolicy::First
                | OsPolicy::Hpux10
                | OsPolicy::Irix
                | OsPolicy::Macos
                | OsPolicy::Last
                | OsPolicy::Windows
                | OsPolicy::Windows2k3
                | OsPolicy::Vista => sequence == side.next_seq,
            }
        };
        if is_valid { Ok(()) } else { Err(Refused) }
    }

    /// Whether the payload was seen before; notes it.
    pub(super) fn is_retransmission(&self, run: &mut Run<'_>, segment: &Segment<'_>) -> bool {
        if segment.payload.is_empty() {
            return false;
        }
        let side = self.side(segment.direction);
        let is_partly_acked =
            before(segment.sequence, side.last_ack) && after(segment.end(), side.last_ack);
        let is_repeated = is_partly_acked
            || until(segment.end(), side.last_ack)
            || until(segment.end(), side.next_seq);
        if is_repeated {
            run.note(StreamEvent::PktRetransmission);
            run.outcome.is_repetition = true;
        }
        is_repeated
    }

    /// Whether the segment ends within the window, as far as windows are known.
    pub(super) fn is_in_window(&self, segment: &Segment<'_>) -> bool {
        self.is_midstream
            || self.is_async
            || until(segment.end(), self.side(segment.direction).next_win)
    }
}

/// Whether a segment starts neither before `expected` nor beyond the window.
pub(super) fn starts_within(side: &Side, sequence: u32, expected: u32) -> bool {
    !before(sequence, expected) && !after(sequence, side.last_ack.wrapping_add(side.window))
}
