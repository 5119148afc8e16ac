//! The established connection, and the first FIN or RST in it.

use super::event::StreamEvent;
use super::segment::{Refused, Run, Segment};
use super::sequence::{after, from, until};
use super::{Session, State};
use ::event::Direction;
use decode::packet::Tcp;

impl Session {
    pub(super) fn on_established(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<(), Refused> {
        if segment.has(Tcp::RST) {
            self.validate_reset(run, segment)?;
            self.close_by_reset(run);
            let extra = u32::from(!segment.is_to_server());
            let (sender, receiver) = self.pair(segment.direction);
            receiver.next_seq = segment.acknowledgement;
            sender.next_seq = segment.end().wrapping_add(extra);
            sender.window = segment.window << sender.window_scale;
            self.settle_reset(run, segment);
            Ok(())
        } else if segment.has(Tcp::FIN) {
            self.validate_timestamp(run, segment)?;
            self.on_first_fin(run, segment)
        } else if segment.has_all(Tcp::SYN | Tcp::ACK) {
            self.on_late_synack(run, segment)
        } else if segment.has(Tcp::SYN) {
            run.refuse(if !segment.is_to_server() {
                StreamEvent::EstSynToclient
            } else if segment.sequence != self.side(Direction::ToServer).isn {
                StreamEvent::EstSynResendDiffSeq
            } else {
                StreamEvent::EstSynResend
            })
        } else if segment.has(Tcp::ACK) {
            self.validate_timestamp(run, segment)?;
            self.is_confirmed |= !segment.is_to_server();
            // A packet out of window is noted, but it is no reason to drop it.
            let _ = self.on_data(run, segment);
            Ok(())
        } else {
            Ok(())
        }
    }

    fn on_late_synack(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) -> Result<(), Refused> {
        if segment.is_to_server() {
            return run.refuse(StreamEvent::EstSynackToserver);
        }
        if segment.acknowledgement != self.side(Direction::ToServer).last_ack {
            return run.refuse(StreamEvent::EstSynackResendWithDifferentAck);
        }
        if segment.sequence != self.side(Direction::ToClient).isn {
            return run.refuse(StreamEvent::EstSynackResendWithDiffSeq);
        }
        if self.is_confirmed {
            return run.refuse(StreamEvent::EstSynackResend);
        }
        Ok(())
    }

    /// Data or an acknowledgement.
    fn on_data(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) -> Result<(), Refused> {
        let ack = segment.acknowledgement;
        let receiver = self.side(segment.direction.opposite());
        if receiver.is_probing && ack == receiver.next_seq.wrapping_add(1) {
            run.note(StreamEvent::EstAckZwpData);
        } else {
            self.require_ack(run, segment, StreamEvent::EstInvalidAck)?;
        }
        if !segment.is_to_server() && self.is_midstream && self.is_midstream_established {
            self.is_midstream_established = false;
            let server = self.side_mut(Direction::ToClient);
            server.window = segment.window << server.window_scale;
            server.next_win = server.last_ack.wrapping_add(server.window);
        }
        self.check_position(run, segment)?;
        let is_async = self.is_async;
        let sender = self.side_mut(segment.direction);
        let is_probe =
            segment.payload.len() == 1 && segment.sequence == sender.next_seq && sender.window == 0;
        if is_probe {
            sender.is_probing = true;
            self.take_segment(run, segment);
            return Ok(());
        }
        if from(segment.end(), sender.next_seq) {
            sender.expect(segment.end(), is_async);
        }
        if !self.is_in_window(segment) {
            return run.refuse(StreamEvent::EstPacketOutOfWindow);
        }
        let (_, receiver) = self.pair(segment.direction);
        receiver.window = segment.window << receiver.window_scale;
        receiver.acknowledge(ack);
        if !is_async && after(receiver.last_ack, receiver.next_seq) {
            run.counters.ack_unseen_data += 1;
        }
        self.handle_timestamp(run, segment);
        self.widen(segment);
        self.take_segment(run, segment);
        Ok(())
    }

    /// Whether the packet is not wholly old.
    fn check_position(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) -> Result<(), Refused> {
        let is_async = self.is_async;
        let may_be_async = segment.is_to_server() && run.config.async_oneside && self.is_midstream;
        let side = self.side_mut(segment.direction);
        let is_keepalive =
            segment.payload.len() <= 1 && segment.sequence == side.next_seq.wrapping_sub(1);
        if is_keepalive || from(segment.end(), side.last_ack) {
            return Ok(());
        }
        if is_async {
            // Nobody else moves this side's acknowledgement.
            match segment.direction {
                Direction::ToServer => side.acknowledge(segment.sequence),
                Direction::ToClient => side.last_ack = segment.sequence,
            }
            return Ok(());
        }
        let is_only_side =
            segment.sequence == side.next_seq || side.last_ack == side.isn.wrapping_add(1);
        if may_be_async && is_only_side {
            side.acknowledge(segment.sequence);
            self.is_async = true;
            return Ok(());
        }
        // Acknowledged before it was seen.
        if after(side.last_ack, side.next_seq) && after(segment.end(), side.next_seq) {
            return Ok(());
        }
        run.refuse(StreamEvent::EstPktBeforeLastAck)
    }

    /// Takes selective acknowledgements and the window of a packet.
    pub(super) fn widen(&mut self, segment: &Segment<'_>) {
        let (_, receiver) = self.pair(segment.direction);
        if !segment.options.sack.is_empty() {
            receiver
                .sack
                .update(segment.options.sack, receiver.last_ack, receiver.window);
        }
        receiver.open_window(receiver.last_ack.wrapping_add(receiver.window));
    }

    /// A FIN while both ends are open.
    pub(super) fn on_first_fin(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<(), Refused> {
        self.require_ack(run, segment, StreamEvent::FinInvalidAck)?;
        let sender = self.side(segment.direction);
        if !from(segment.sequence, sender.last_ack) || !until(segment.end(), sender.next_win) {
            return run.refuse(StreamEvent::FinOutOfWindow);
        }
        if segment.has(Tcp::SYN) && segment.is_to_server() {
            return run.refuse(StreamEvent::FinSyn);
        }
        let (state, fin) = match segment.direction {
            Direction::ToServer => (State::CloseWait, 0),
            Direction::ToClient => (State::FinWait1, 1),
        };
        self.enter(run, state);
        let (sender, receiver) = self.pair(segment.direction);
        sender.next_seq = segment.end().wrapping_add(fin);
        receiver.window = segment.window << receiver.window_scale;
        self.handle_timestamp(run, segment);
        let (_, receiver) = self.pair(segment.direction);
        receiver.catch_up(segment.acknowledgement);
        if segment.has(Tcp::ACK) {
            receiver.acknowledge(segment.acknowledgement);
        }
        self.take_segment(run, segment);
        Ok(())
    }

    /// A RST that counts: takes what it acknowledges.
    pub(super) fn settle_reset(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) {
        if segment.has(Tcp::ACK) && self.validate_ack(run, segment).is_ok() {
            let (_, receiver) = self.pair(segment.direction);
            receiver.acknowledge(segment.acknowledgement);
        }
        self.side_mut(segment.direction)
            .acknowledge(segment.sequence);
        self.handle_timestamp(run, segment);
        self.take_segment(run, segment);
    }
}
