//! A packet arrives: what can be said about it in every state, then the state's own rules.

use super::event::StreamEvent;
use super::segment::{PacketOutcome, Refused, Run, Segment, StreamDrop};
use super::sequence::until;
use super::{Config, Counters, Session, State, UrgentPolicy};
use ::event::Direction;
use decode::packet::{Packet, Tcp};

impl Session {
    /// Follows a packet of the flow that owns `slot`; makes the session if the packet may begin
    /// one. The direction is the flow's.
    pub fn on_packet(
        slot: &mut Option<Box<Session>>,
        config: &Config,
        counters: &mut Counters,
        packet: &Packet<'_>,
        tcp: &Tcp<'_>,
        direction: Direction,
    ) -> PacketOutcome {
        let mut outcome = PacketOutcome::new(direction);
        if config.checksum_validation && packet.transport_checksum_ok() == Some(false) {
            counters.invalid_checksum += 1;
            outcome.accepted = false;
            return outcome;
        }
        let segment = Segment::new(packet, tcp, direction);
        let mut run = Run {
            config,
            counters,
            outcome: &mut outcome,
        };
        count_flags(&mut run, &segment);
        let result = Session::arrive(slot, &mut run, &segment);
        if result.is_err() {
            outcome.accepted = false;
            if config.inline && config.drop_invalid && outcome.drop.is_none() {
                outcome.drop = Some(StreamDrop::Error);
            }
        }
        if let Some(session) = slot {
            session.account_memory(counters);
            outcome.may_bypass = config.bypass && session.may_bypass();
        }
        counters.events.count(outcome.events);
        outcome
    }

    fn arrive(
        slot: &mut Option<Box<Session>>,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<(), Refused> {
        if let Some(session) = slot {
            session.track_flags(segment);
        }
        if !segment.has(Tcp::ACK) && segment.acknowledgement != 0 {
            run.note(StreamEvent::PktBrokenAck);
        }
        if segment.has(Tcp::URG) && run.config.inline && run.config.urgent == UrgentPolicy::Drop {
            run.outcome.drop = Some(StreamDrop::Urgent);
            return Ok(());
        }
        match slot {
            None => Session::open(slot, run, segment),
            Some(session) => session.follow(run, segment),
        }
    }

    fn track_flags(&mut self, segment: &Segment<'_>) {
        self.tcp_flags |= segment.flags;
        self.side_mut(segment.direction).tcp_flags |= segment.flags;
        if self.is_async && self.sides.iter().all(|side| side.tcp_flags != 0) {
            self.is_async = false;
        }
    }

    fn follow(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) -> Result<(), Refused> {
        if !self.is_repetition(run, segment) {
            self.dispatch(run, segment, self.state)?;
        } else {
            run.outcome.is_repetition = true;
        }
        self.check_after_reset(run, segment);
        run.outcome.is_established = self.state >= State::Established;
        Ok(())
    }

    /// Packets that change nothing: keep-alives, old acknowledgements, bytes long done with.
    fn is_repetition(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) -> bool {
        if self.is_keepalive(segment) {
            return true;
        }
        let answers_keepalive = self.is_keepalive_answer(segment);
        self.side_mut(segment.direction).is_keepalive = false;
        if answers_keepalive {
            return true;
        }
        let answers_probe = self.is_probe_answer(segment);
        self.side_mut(segment.direction.opposite()).is_probing = false;
        if answers_probe {
            return true;
        }
        if !self.is_last_ack_of_close(segment) && !self.is_window_update(segment) {
            if self.is_bad_window_update(segment) {
                run.note(StreamEvent::PktBadWindowUpdate);
                return true;
            }
            if self.is_outdated_ack(segment) {
                return true;
            }
        }
        let side = self.side(segment.direction);
        if segment.payload.is_empty() {
            return false;
        }
        if !side.no_reassembly && until(segment.end(), side.base_seq()) {
            run.note(StreamEvent::PktSpuriousRetransmission);
            return true;
        }
        if until(segment.end(), side.last_ack) {
            run.note(StreamEvent::PktSpuriousRetransmission);
        }
        false
    }

    fn dispatch(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
        state: State,
    ) -> Result<(), Refused> {
        match state {
            State::SynSent => self.on_syn_sent(run, segment),
            State::SynRecv => self.on_syn_recv(run, segment),
            State::Established => self.on_established(run, segment),
            State::FinWait1 => self.on_fin_wait1(run, segment),
            State::FinWait2 => self.on_fin_wait2(run, segment),
            State::Closing => self.on_closing(run, segment),
            State::CloseWait => self.on_close_wait(run, segment),
            State::LastAck => self.on_last_ack(run, segment),
            State::TimeWait => self.on_time_wait(run, segment),
            State::Closed => self.on_closed(run, segment),
        }
    }

    /// After a RST that the sender does not stand by, goes on where the connection stood.
    fn on_closed(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) -> Result<(), Refused> {
        if segment.has(Tcp::RST) {
            return Ok(());
        }
        let sender_was_reset = self.side(segment.direction).reset_received;
        let receiver_was_reset = self.side(segment.direction.opposite()).reset_received;
        if !sender_was_reset && receiver_was_reset && self.previous != State::Closed {
            self.dispatch(run, segment, self.previous)?;
            if self.state == State::Closed {
                self.state = self.previous;
            }
        }
        Ok(())
    }

    fn check_after_reset(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) {
        if segment.has(Tcp::RST) {
            return;
        }
        let receiver = self.side_mut(segment.direction.opposite());
        if receiver.reset_received {
            receiver.reset_received = false;
            self.is_closed_by_reset = false;
            run.note(StreamEvent::SuspectedRstInject);
        }
    }

    fn may_bypass(&self) -> bool {
        self.is_bypassed || self.sides.iter().any(|side| side.depth_reached)
    }

    pub(super) fn account_memory(&mut self, counters: &mut Counters) {
        let held: usize = self.sides.iter().map(|side| side.buffer.memory()).sum();
        let held = held as u64;
        if held != self.counted_memory {
            counters.reassembly_memuse = counters
                .reassembly_memuse
                .saturating_sub(self.counted_memory)
                .saturating_add(held);
            self.counted_memory = held;
        }
    }
}

fn count_flags(run: &mut Run<'_>, segment: &Segment<'_>) {
    if segment.has_all(Tcp::SYN | Tcp::ACK) {
        run.counters.synack += 1;
    } else if segment.has(Tcp::SYN) {
        run.counters.syn += 1;
    }
    if segment.has(Tcp::RST) {
        run.counters.rst += 1;
    }
    if segment.has(Tcp::URG) {
        run.counters.urg += 1;
    }
}
