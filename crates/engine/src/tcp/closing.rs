//! The end of a connection, from the first FIN to the last ACK.

use super::event::StreamEvent;
use super::segment::{Refused, Run, Segment};
use super::sequence::{after, before, until};
use super::validity::starts_within;
use super::{Session, State};
use ::event::Direction;
use decode::packet::Tcp;

impl Session {
    /// What every closing state does with RST and SYN; None where the state itself decides.
    fn on_reset_or_syn(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Option<Result<(), Refused>> {
        if segment.has(Tcp::RST) {
            if self.validate_reset(run, segment).is_err() {
                return Some(Err(Refused));
            }
            self.close_by_reset(run);
            self.settle_reset(run, segment);
            return Some(Ok(()));
        }
        let is_syn =
            segment.has(Tcp::SYN) && (!segment.has(Tcp::FIN) || self.state == State::Closing);
        is_syn.then(|| run.refuse(StreamEvent::ShutdownSynResend))
    }

    /// Takes the packet's window for the other end.
    fn take_window(&mut self, segment: &Segment<'_>) {
        let (_, receiver) = self.pair(segment.direction);
        receiver.window = segment.window << receiver.window_scale;
    }

    /// Moves `next_seq` beyond the payload where it starts at `expected`.
    fn advance(&mut self, segment: &Segment<'_>, expected: u32) {
        let is_async = self.is_async;
        if segment.sequence == expected {
            self.side_mut(segment.direction)
                .expect(segment.end(), is_async);
        }
    }

    /// Takes the acknowledgement, and `next_seq` up to it where it is at least `slack` beyond.
    fn take_ack(&mut self, segment: &Segment<'_>, slack: u32) {
        let (_, receiver) = self.pair(segment.direction);
        if before(
            receiver.next_seq.wrapping_sub(slack),
            segment.acknowledgement,
        ) {
            receiver.next_seq = segment.acknowledgement;
        }
        if segment.has(Tcp::ACK) {
            receiver.acknowledge(segment.acknowledgement);
        }
    }

    /// The server sent a FIN.
    pub(super) fn on_fin_wait1(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<(), Refused> {
        if let Some(result) = self.on_reset_or_syn(run, segment) {
            return result;
        }
        if segment.has(Tcp::FIN) {
            self.validate_timestamp(run, segment)?;
            return self.on_fin_in_fin_wait1(run, segment);
        }
        if !segment.has(Tcp::ACK) {
            return Ok(());
        }
        self.validate_timestamp(run, segment)?;
        let is_repeated = self.is_retransmission(run, segment);
        self.require_ack(run, segment, StreamEvent::Fin1InvalidAck)?;
        let receiver_next = self.side(segment.direction.opposite()).next_seq;
        let sender_next = self.side(segment.direction).next_seq;
        let (expected, counts) = match segment.direction {
            // Only the ACK of the server's FIN moves on.
            Direction::ToServer => (sender_next, segment.acknowledgement == receiver_next),
            Direction::ToClient => (sender_next.wrapping_sub(1), true),
        };
        if !is_repeated && counts {
            if !self.is_in_window(segment) {
                return run.refuse(StreamEvent::Fin1AckWrongSeq);
            }
            if segment.sequence == expected {
                self.enter(run, State::FinWait2);
            }
            self.take_window(segment);
        }
        self.handle_timestamp(run, segment);
        self.advance(segment, expected);
        self.take_ack(segment, 1);
        self.widen(segment);
        self.take_segment(run, segment);
        Ok(())
    }

    fn on_fin_in_fin_wait1(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<(), Refused> {
        let has_ack = segment.has(Tcp::ACK);
        let mut is_repeated = self.is_retransmission(run, segment);
        let sender = self.side(segment.direction);
        let receiver = self.side(segment.direction.opposite());
        let expected = sender.next_seq.wrapping_sub(1);
        if !is_repeated {
            let is_same_fin = !segment.is_to_server()
                && has_ack
                && segment.sequence == expected
                && segment.acknowledgement == receiver.last_ack;
            if is_same_fin {
                is_repeated = true;
                run.outcome.is_repetition = true;
            } else if !starts_within(sender, segment.sequence, expected) {
                return run.refuse(StreamEvent::Fin1FinWrongSeq);
            }
        }
        self.require_ack(run, segment, StreamEvent::Fin1InvalidAck)?;
        if !is_repeated {
            self.enter(
                run,
                if has_ack {
                    State::TimeWait
                } else {
                    State::Closing
                },
            );
            self.take_window(segment);
        }
        self.handle_timestamp(run, segment);
        if !is_repeated || segment.is_to_server() || !has_ack {
            let next = self.side(segment.direction).next_seq;
            let is_with_ack_to_server = has_ack && segment.is_to_server();
            let from = if is_with_ack_to_server {
                next
            } else {
                next.wrapping_sub(1)
            };
            self.advance(segment, from);
            self.take_ack(segment, 1);
        }
        self.take_segment(run, segment);
        Ok(())
    }

    /// The server's FIN was acknowledged.
    pub(super) fn on_fin_wait2(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<(), Refused> {
        if let Some(result) = self.on_reset_or_syn(run, segment) {
            return result;
        }
        if segment.has(Tcp::FIN) {
            self.validate_timestamp(run, segment)?;
            let sender = self.side(segment.direction);
            let receiver = self.side(segment.direction.opposite());
            let mut is_repeated = segment.sequence == sender.next_seq.wrapping_sub(1)
                && segment.acknowledgement == receiver.last_ack;
            if is_repeated {
                run.outcome.is_repetition = true;
            } else {
                is_repeated = self.is_retransmission(run, segment);
                let sender = self.side(segment.direction);
                if !is_repeated && !starts_within(sender, segment.sequence, sender.next_seq) {
                    return run.refuse(StreamEvent::Fin2FinWrongSeq);
                }
            }
            self.require_ack(run, segment, StreamEvent::Fin2InvalidAck)?;
            if !is_repeated {
                self.enter(run, State::TimeWait);
                if segment.is_to_server() {
                    self.advance(segment, self.side(segment.direction).next_seq);
                }
                self.take_window(segment);
            }
            self.handle_timestamp(run, segment);
            self.take_ack(segment, 0);
            self.take_segment(run, segment);
            return Ok(());
        }
        if !segment.has(Tcp::ACK) {
            return Ok(());
        }
        self.validate_timestamp(run, segment)?;
        let is_repeated = self.is_retransmission(run, segment);
        self.require_ack(run, segment, StreamEvent::Fin2InvalidAck)?;
        if !is_repeated {
            if !self.is_in_window(segment) {
                return run.refuse(StreamEvent::Fin2AckWrongSeq);
            }
            self.take_window(segment);
        }
        self.handle_timestamp(run, segment);
        self.advance(segment, self.side(segment.direction).next_seq);
        let (_, receiver) = self.pair(segment.direction);
        receiver.acknowledge(segment.acknowledgement);
        self.widen(segment);
        self.take_segment(run, segment);
        Ok(())
    }

    /// Both FINs crossed.
    pub(super) fn on_closing(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<(), Refused> {
        if let Some(result) = self.on_reset_or_syn(run, segment) {
            return result;
        }
        if !segment.has(Tcp::ACK) {
            return Ok(());
        }
        self.validate_timestamp(run, segment)?;
        let is_repeated = self.is_retransmission(run, segment);
        if segment.sequence != self.side(segment.direction).next_seq {
            return run.refuse(StreamEvent::ClosingAckWrongSeq);
        }
        self.require_ack(run, segment, StreamEvent::ClosingInvalidAck)?;
        if !is_repeated {
            self.enter(run, State::TimeWait);
            let client = self.side_mut(Direction::ToServer);
            client.window = segment.window << client.window_scale;
        }
        self.handle_timestamp(run, segment);
        self.take_ack(segment, 0);
        self.take_segment(run, segment);
        Ok(())
    }

    /// The client sent a FIN.
    pub(super) fn on_close_wait(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<(), Refused> {
        if let Some(result) = self.on_reset_or_syn(run, segment) {
            return result;
        }
        let is_fin = segment.has(Tcp::FIN);
        if !is_fin && !segment.has(Tcp::ACK) {
            return Ok(());
        }
        self.validate_timestamp(run, segment)?;
        let is_repeated = self.is_retransmission(run, segment);
        let sender = self.side(segment.direction);
        if is_fin {
            if !is_repeated && !starts_within(sender, segment.sequence, sender.next_seq) {
                return run.refuse(StreamEvent::ClosewaitFinOutOfWindow);
            }
        } else if !segment.payload.is_empty() && until(segment.end(), sender.last_ack) {
            return run.refuse(StreamEvent::ClosewaitPktBeforeLastAck);
        } else if after(
            segment.sequence,
            sender.last_ack.wrapping_add(sender.window),
        ) {
            return run.refuse(StreamEvent::ClosewaitAckOutOfWindow);
        }
        self.require_ack(run, segment, StreamEvent::ClosewaitInvalidAck)?;
        if !is_repeated {
            if is_fin && !segment.is_to_server() {
                self.enter(run, State::LastAck);
            }
            self.take_window(segment);
        }
        self.handle_timestamp(run, segment);
        if !is_fin {
            self.advance(segment, self.side(segment.direction).next_seq);
        }
        self.take_ack(segment, 0);
        self.take_segment(run, segment);
        Ok(())
    }

    /// The server's FIN came after the client's; its ACK is awaited.
    pub(super) fn on_last_ack(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<(), Refused> {
        if let Some(result) = self.on_reset_or_syn(run, segment) {
            return result;
        }
        if segment.has(Tcp::FIN) || !segment.has(Tcp::ACK) {
            return Ok(());
        }
        self.validate_timestamp(run, segment)?;
        if !segment.is_to_server() {
            return Ok(());
        }
        let is_repeated = self.is_retransmission(run, segment);
        self.require_ack(run, segment, StreamEvent::LastackInvalidAck)?;
        if !is_repeated {
            let expected = self.side(segment.direction).next_seq;
            if !before(segment.sequence, expected) {
                if !matches!(segment.sequence.wrapping_sub(expected), 0 | 1) {
                    return run.refuse(StreamEvent::LastackAckWrongSeq);
                }
                self.enter(run, State::Closed);
            }
            self.take_window(segment);
        }
        self.handle_timestamp(run, segment);
        self.take_ack(segment, 0);
        self.take_segment(run, segment);
        Ok(())
    }

    /// Both ends are done; stragglers may come.
    pub(super) fn on_time_wait(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<(), Refused> {
        if let Some(result) = self.on_reset_or_syn(run, segment) {
            return result;
        }
        if segment.has(Tcp::FIN) || !segment.has(Tcp::ACK) {
            return Ok(());
        }
        self.validate_timestamp(run, segment)?;
        let is_repeated = self.is_retransmission(run, segment);
        if !is_repeated {
            let sender = self.side(segment.direction);
            let distance = segment.sequence.wrapping_sub(sender.next_seq);
            let is_expected = match segment.direction {
                Direction::ToServer => matches!(distance, 0 | 1),
                Direction::ToClient => matches!(distance, 0 | u32::MAX),
            };
            if !is_expected {
                let is_straggler = !segment.is_to_server()
                    && !segment.payload.is_empty()
                    && segment.sequence == sender.last_ack;
                if is_straggler {
                    return Ok(());
                }
                return run.refuse(StreamEvent::TimewaitAckWrongSeq);
            }
        }
        self.require_ack(run, segment, StreamEvent::TimewaitInvalidAck)?;
        if !is_repeated {
            self.enter(run, State::Closed);
            self.take_window(segment);
        }
        self.handle_timestamp(run, segment);
        self.take_ack(segment, 0);
        self.take_segment(run, segment);
        Ok(())
    }
}
