//! The handshake: three ways, four ways, with data in the SYN, with SYNs and SYN/ACKs repeated.

use super::config::OsPolicy;
use super::event::StreamEvent;
use super::opening::UNKNOWN_SCALE;
use super::segment::{Refused, Run, Segment};
use super::sequence::{after, until};
use super::{Session, State};
use ::event::Direction;
use decode::packet::Tcp;

/// What a SYN or a SYN/ACK said, kept until it is clear which of several counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Queued {
    sequence: u32,
    acknowledgement: u32,
    window: u32,
    window_scale: Option<u8>,
    timestamp: Option<u32>,
    sack_permitted: bool,
    secs: u32,
}

impl Queued {
    fn of(segment: &Segment<'_>) -> Self {
        Queued {
            sequence: segment.sequence,
            acknowledgement: segment.acknowledgement,
            window: segment.window,
            window_scale: segment
                .options
                .window_scale
                .map(|scale| scale.min(UNKNOWN_SCALE)),
            timestamp: segment.options.timestamps.map(|(value, _)| value),
            sack_permitted: segment.options.sack_permitted,
            secs: segment.secs,
        }
    }

    /// Equal but for the time.
    fn says_the_same(&self, other: &Queued) -> bool {
        Queued { secs: 0, ..*self } == Queued { secs: 0, ..*other }
    }
}

impl Session {
    /// After the SYN.
    pub(super) fn on_syn_sent(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<(), Refused> {
        if segment.has_all(Tcp::SYN | Tcp::ACK) {
            return match segment.direction {
                Direction::ToClient => self.on_synack(run, segment),
                Direction::ToServer => self.on_four_way_synack(run, segment),
            };
        }
        if !self.is_echo_plausible(segment) {
            return run.refuse(StreamEvent::PktInvalidTimestamp);
        }
        if segment.has(Tcp::RST) {
            self.validate_reset(run, segment)?;
            let isn = self.side(Direction::ToServer).isn;
            let is_taken = !segment.is_to_server()
                || (segment.sequence == isn
                    && segment.window == 0
                    && segment.acknowledgement == isn.wrapping_add(1));
            if is_taken {
                self.side_mut(segment.direction.opposite()).reset_received = true;
                self.close_by_reset(run);
                self.queue.clear();
            }
        } else if segment.has(Tcp::FIN) {
            // Nothing to close yet.
        } else if segment.has(Tcp::SYN) {
            match segment.direction {
                Direction::ToClient => self.on_crossed_syn(segment),
                Direction::ToServer => self.on_repeated_syn(run, segment),
            }
        } else if segment.has(Tcp::ACK) && run.config.async_oneside {
            return self.on_async_ack(run, segment);
        }
        Ok(())
    }

    fn on_synack(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) -> Result<(), Refused> {
        let ack = segment.acknowledgement;
        let is_fast_open = self.is_fast_open;
        let client = self.side_mut(Direction::ToServer);
        let after_syn = client.isn.wrapping_add(1);
        if !is_fast_open && segment.options.fast_open.is_none() {
            if ack != after_syn {
                let is_it = |syn: &&Queued| syn.sequence.wrapping_add(1) == ack;
                let Some(syn) = self.queue.iter().find(is_it).copied() else {
                    return run.refuse(StreamEvent::HandshakeSynackWithWrongAck);
                };
                let client = self.side_mut(Direction::ToServer);
                client.begin(syn.sequence);
                client.next_seq = ack;
                client.has_timestamp = false;
                self.apply_syn(&syn);
            }
        } else {
            if ack == client.next_seq {
                // The data in the SYN was taken, or there was none.
            } else if ack == after_syn {
                client.next_seq = client.isn;
                self.fast_open_data_ignored = true;
                run.note(StreamEvent::HandshakeSynackTfoDataIgnored);
            } else {
                return run.refuse(StreamEvent::HandshakeSynackWithWrongAck);
            }
            self.is_fast_open = true;
            self.enter(run, State::Established);
        }
        // A client that offered no timestamps ignores those of the SYN/ACK.
        let offered = self.side(Direction::ToServer).has_timestamp;
        if offered && !self.is_echo_plausible(segment) {
            let echo = segment.options.timestamps.map(|(_, echo)| echo);
            let isn = self.side(Direction::ToServer).isn;
            let is_it = |syn: &&Queued| syn.timestamp == echo && syn.sequence == isn;
            let Some(syn) = self.queue.iter().find(is_it).copied() else {
                return run.refuse(StreamEvent::PktInvalidTimestamp);
            };
            self.apply_syn(&syn);
        }
        self.queue.clear();
        self.apply_synack(run, &Queued::of(segment));
        Ok(())
    }

    /// Takes over what a SYN/ACK said.
    fn apply_synack(&mut self, run: &mut Run<'_>, synack: &Queued) {
        self.enter(run, State::SynRecv);
        let has_scale = self.has_server_scale;
        let (client, server) = self.pair(Direction::ToServer);
        server.begin(synack.sequence);
        server.next_seq = synack.sequence.wrapping_add(1);
        client.window = synack.window;
        let mut both_have_timestamps = false;
        match synack.timestamp.filter(|_| client.has_timestamp) {
            Some(value) => {
                server.last_timestamp = value;
                server.last_packet_secs = synack.secs;
                server.has_zero_timestamp |= value == 0;
                both_have_timestamps = true;
            }
            None => {
                client.last_timestamp = 0;
                server.last_timestamp = 0;
                client.has_zero_timestamp = false;
            }
        }
        client.last_ack = synack.acknowledgement;
        server.last_ack = server.isn.wrapping_add(1);
        client.window_scale = synack.window_scale.filter(|_| has_scale).unwrap_or(0);
        server.next_win = server.last_ack.wrapping_add(server.window);
        client.next_win = client.last_ack.wrapping_add(client.window);
        self.has_timestamps |= both_have_timestamps;
        self.may_sack = self.client_may_sack && synack.sack_permitted;
        self.is_four_way = false;
    }

    /// The server's SYN was answered by a SYN/ACK of the client: four ways.
    fn on_four_way_synack(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<(), Refused> {
        if !self.is_four_way {
            return run.refuse(StreamEvent::HandshakeSynackInWrongDirection);
        }
        let (client, server) = self.pair(Direction::ToServer);
        if segment.acknowledgement != server.isn.wrapping_add(1) {
            return run.refuse(StreamEvent::FourWaySynackWithWrongAck);
        }
        if segment.sequence != client.isn {
            return run.refuse(StreamEvent::FourWaySynackWithWrongSyn);
        }
        self.enter(run, State::SynRecv);
        let has_scale = self.has_server_scale;
        let (client, server) = self.pair(Direction::ToServer);
        client.begin(segment.sequence);
        client.next_seq = segment.sequence.wrapping_add(1);
        server.window = segment.window;
        let mut both_have_timestamps = false;
        match segment.options.timestamps.filter(|_| server.has_timestamp) {
            Some((value, _)) => {
                client.last_timestamp = value;
                client.last_packet_secs = segment.secs;
                client.has_zero_timestamp |= value == 0;
                both_have_timestamps = true;
            }
            None => {
                server.last_timestamp = 0;
                client.last_timestamp = 0;
                server.has_zero_timestamp = false;
            }
        }
        server.last_ack = segment.acknowledgement;
        client.last_ack = client.isn.wrapping_add(1);
        let scale = segment.options.window_scale.filter(|_| has_scale);
        server.window_scale = scale.unwrap_or(0).min(UNKNOWN_SCALE);
        client.next_win = client.last_ack.wrapping_add(client.window);
        server.next_win = server.last_ack.wrapping_add(server.window);
        self.has_timestamps |= both_have_timestamps;
        self.may_sack |= self.client_may_sack && segment.options.sack_permitted;
        Ok(())
    }

    /// A SYN from the server: both ends open at once, or a handshake of four packets begins.
    fn on_crossed_syn(&mut self, segment: &Segment<'_>) {
        self.is_four_way = true;
        let server = self.side_mut(Direction::ToClient);
        server.begin(segment.sequence);
        server.next_seq = segment.sequence.wrapping_add(1);
        if let Some((value, _)) = segment.options.timestamps {
            server.last_timestamp = value;
            server.has_zero_timestamp |= value == 0;
            server.last_packet_secs = segment.secs;
            server.has_timestamp = true;
        }
        server.window = segment.window;
        server.window_scale = segment.options.window_scale.unwrap_or(0).min(UNKNOWN_SCALE);
        self.has_server_scale = segment.options.window_scale.is_some();
        self.client_may_sack = segment.options.sack_permitted;
    }

    /// The SYN again: the newest most likely counts, older ones are kept in case it does not.
    fn on_repeated_syn(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) {
        let (client, server) = self.pair(Direction::ToServer);
        let known = Queued {
            sequence: client.isn,
            acknowledgement: 0,
            window: server.window,
            window_scale: None,
            timestamp: client.has_timestamp.then_some(client.last_timestamp),
            sack_permitted: false,
            secs: client.last_packet_secs,
        };
        let known = Queued {
            window_scale: self
                .has_server_scale
                .then(|| self.side(Direction::ToClient).window_scale),
            sack_permitted: self.client_may_sack,
            ..known
        };
        let new = Queued {
            acknowledgement: 0,
            ..Queued::of(segment)
        };
        // A SYN with a number of its own only counts where the SYN/ACK says so.
        let is_other = new.sequence != known.sequence;
        let kept = if is_other { new } else { known };
        let is_kept = |syn: &Queued| {
            syn.timestamp == kept.timestamp && (!is_other || syn.sequence == kept.sequence)
        };
        if known != new && !self.queue.iter().any(is_kept) {
            if self.queue.len() >= usize::from(run.config.max_syn_queued) {
                run.note(StreamEvent::HandshakeSynFlood);
            } else {
                self.queue.insert(0, kept);
            }
        }
        if !is_other {
            self.apply_syn(&new);
        }
    }

    fn apply_syn(&mut self, syn: &Queued) {
        self.has_server_scale = syn.window_scale.is_some();
        self.client_may_sack = syn.sack_permitted;
        let (client, server) = self.pair(Direction::ToServer);
        if let Some(value) = syn.timestamp {
            client.last_packet_secs = syn.secs;
            client.last_timestamp = value;
            client.has_timestamp = true;
        }
        server.window_scale = syn.window_scale.unwrap_or(0);
        server.window = syn.window;
    }

    /// The client goes on without a SYN/ACK having been seen: only its side is visible.
    fn on_async_ack(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) -> Result<(), Refused> {
        if segment.sequence != self.side(Direction::ToServer).next_seq {
            return run.refuse(StreamEvent::HandshakeAsyncWrongSeq);
        }
        self.is_async = true;
        self.enter(run, State::Established);
        self.queue.clear();
        let has_scale = self.has_server_scale;
        let (client, server) = self.pair(Direction::ToServer);
        client.window = segment.window;
        client.last_ack = segment.sequence;
        client.next_win = client.last_ack.wrapping_add(client.window);
        server.begin(segment.acknowledgement.wrapping_sub(1));
        server.next_seq = segment.acknowledgement;
        server.last_ack = server.next_seq;
        server.next_win = server.last_ack;
        if has_scale {
            client.window_scale = UNKNOWN_SCALE;
        }
        if segment.options.timestamps.is_some() && client.has_timestamp {
            client.has_timestamp = false;
            client.last_packet_secs = segment.secs;
            self.has_timestamps = true;
        } else {
            client.last_timestamp = 0;
            client.has_zero_timestamp = false;
        }
        self.may_sack |= self.client_may_sack;
        self.take_segment(run, segment);
        Ok(())
    }

    /// After the SYN/ACK.
    pub(super) fn on_syn_recv(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<(), Refused> {
        if segment.has(Tcp::RST) {
            self.validate_reset(run, segment)?;
            let target = self.side(segment.direction.opposite()).policy;
            let is_ignored = self.is_evasion
                && matches!(
                    target,
                    Some(OsPolicy::Linux | OsPolicy::OldLinux | OsPolicy::Solaris)
                );
            if !is_ignored {
                self.close_by_reset(run);
                self.handle_timestamp(run, segment);
            }
            Ok(())
        } else if segment.has(Tcp::FIN) {
            self.validate_timestamp(run, segment)?;
            self.on_first_fin(run, segment)
        } else if segment.has_all(Tcp::SYN | Tcp::ACK) {
            self.on_repeated_synack(run, segment)
        } else if segment.has(Tcp::SYN) {
            if !segment.is_to_server() {
                return run.refuse(StreamEvent::HandshakeSynToclientOnSynRecv);
            }
            if segment.sequence != self.side(Direction::ToServer).isn {
                return run.refuse(StreamEvent::HandshakeSynResendDiffSeqOnSynRecv);
            }
            Ok(())
        } else if segment.has(Tcp::ACK) {
            self.on_handshake_ack(run, segment)
        } else {
            Ok(())
        }
    }

    fn on_repeated_synack(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<(), Refused> {
        if segment.is_to_server() {
            return run.refuse(StreamEvent::HandshakeSynackToserverOnSynRecv);
        }
        if segment.acknowledgement != self.side(Direction::ToServer).last_ack {
            return run.refuse(StreamEvent::HandshakeSynackResendWithDifferentAck);
        }
        if segment.sequence != self.side(Direction::ToClient).isn {
            let synack = Queued::of(segment);
            if !self.queue.iter().any(|known| known.says_the_same(&synack)) {
                if self.queue.len() >= usize::from(run.config.max_synack_queued) {
                    return run.refuse(StreamEvent::HandshakeSynackFlood);
                }
                self.queue.insert(0, synack);
            }
        }
        Ok(())
    }

    fn on_handshake_ack(
        &mut self,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<(), Refused> {
        let answered = self.queue.iter().find(|synack| {
            segment.acknowledgement.wrapping_sub(1) == synack.sequence
                && segment.sequence == synack.acknowledgement
        });
        if let Some(synack) = answered.copied() {
            self.apply_synack(run, &synack);
        }
        self.validate_timestamp(run, segment)?;
        if self.is_four_way && !segment.is_to_server() {
            return self.on_four_way_ack(run, segment);
        }
        let mut missed_ack = false;
        if !segment.is_to_server() && !self.is_midstream_synack && !self.is_fast_open {
            if run.config.inline {
                let is_injection = !segment.payload.is_empty()
                    && segment.acknowledgement == self.side(Direction::ToServer).last_ack
                    && segment.sequence == self.side(Direction::ToClient).next_seq;
                return run.refuse(if is_injection {
                    StreamEvent::HandshakeAckDataInject
                } else {
                    StreamEvent::HandshakeAckInWrongDir
                });
            }
            missed_ack = true;
        }
        let (client, server) = self.pair(Direction::ToServer);
        let is_next = segment.sequence == client.next_seq;
        let acks_all = segment.acknowledgement == server.next_seq;
        if is_next && acks_all {
            self.on_final_ack(run, segment);
        } else if run.config.async_oneside && segment.sequence == server.next_seq {
            self.on_server_only(run, segment);
        } else if is_next {
            self.is_evasion = true;
            return run.refuse(StreamEvent::HandshakeRightSeqWrongAckEvasion);
        } else if !segment.is_to_server()
            && !run.config.inline
            && after(segment.sequence, client.next_seq)
            && after(segment.acknowledgement, client.last_ack)
        {
            self.on_missed_request(run, segment);
        } else if after(segment.sequence, client.next_seq)
            && until(segment.sequence, client.next_win)
            && acks_all
        {
            self.on_missed_data(run, segment);
        } else if (missed_ack || self.is_fast_open)
            && segment.acknowledgement == self.side(Direction::ToServer).last_ack
            && segment.sequence == self.side(Direction::ToClient).next_seq
        {
            let is_async = self.is_async;
            let server = self.side_mut(Direction::ToClient);
            server.expect(segment.end(), is_async);
            server.window = segment.window << server.window_scale;
            server.next_win = server.last_ack.wrapping_add(server.window);
            self.enter(run, State::Established);
            self.take_segment(run, segment);
        } else {
            return run.refuse(StreamEvent::HandshakeWrongSeqWrongAck);
        }
        Ok(())
    }

    fn on_four_way_ack(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) -> Result<(), Refused> {
        if segment.sequence != self.side(Direction::ToClient).next_seq {
            return run.refuse(StreamEvent::FourWayWrongSeq);
        }
        self.require_ack(run, segment, StreamEvent::FourWayInvalidAck)?;
        self.handle_timestamp(run, segment);
        let is_async = self.is_async;
        let (client, server) = self.pair(Direction::ToServer);
        client.acknowledge(segment.acknowledgement);
        server.expect(server.next_seq.wrapping_add(segment.len()), is_async);
        client.window = segment.window << client.window_scale;
        client.next_win = client.last_ack.wrapping_add(client.window);
        self.enter(run, State::Established);
        self.take_segment(run, segment);
        Ok(())
    }

    /// The ordinary end of the handshake.
    fn on_final_ack(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) {
        self.handle_timestamp(run, segment);
        let is_async = self.is_async;
        let (client, server) = self.pair(Direction::ToServer);
        server.acknowledge(segment.acknowledgement);
        client.expect(client.next_seq.wrapping_add(segment.len()), is_async);
        server.window = segment.window << server.window_scale;
        server.next_win = server.last_ack.wrapping_add(server.window);
        if self.is_midstream {
            let knows_scale = self.is_midstream_synack;
            let (client, server) = self.pair(Direction::ToServer);
            client.window = segment.window << client.window_scale;
            client.next_win = client.last_ack.wrapping_add(client.window);
            if !knows_scale {
                client.window_scale = UNKNOWN_SCALE;
                server.window_scale = UNKNOWN_SCALE;
                self.may_sack = true;
            }
        }
        self.enter(run, State::Established);
        run.outcome.makes_flow_established |= !segment.payload.is_empty();
        self.take_stream_segment(run, segment, Direction::ToServer);
    }

    /// Only the server's side is visible.
    fn on_server_only(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) {
        self.is_async = true;
        let (client, server) = self.pair(Direction::ToServer);
        server.next_seq = server.next_seq.wrapping_add(segment.len());
        server.last_ack = segment.sequence;
        client.window = segment.window << client.window_scale;
        client.last_ack = segment.acknowledgement;
        self.handle_timestamp(run, segment);
        if self.is_midstream {
            let (client, server) = self.pair(Direction::ToServer);
            server.window = segment.window;
            server.next_win = server.last_ack.wrapping_add(server.window);
            client.window_scale = UNKNOWN_SCALE;
            server.window_scale = UNKNOWN_SCALE;
            self.may_sack = true;
        }
        self.enter(run, State::Established);
        self.take_stream_segment(run, segment, Direction::ToClient);
    }

    /// The server answers a request that was not seen.
    fn on_missed_request(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) {
        self.handle_timestamp(run, segment);
        let (client, server) = self.pair(Direction::ToServer);
        client.acknowledge(segment.acknowledgement);
        server.next_seq = segment.end();
        client.window = segment.window << client.window_scale;
        client.next_win = client.last_ack.wrapping_add(client.window);
        client.window = segment.window;
        server.next_win = server.last_ack.wrapping_add(server.window);
        self.enter(run, State::Established);
        self.take_stream_segment(run, segment, Direction::ToClient);
    }

    /// The client's data starts beyond what is expected.
    fn on_missed_data(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) {
        self.handle_timestamp(run, segment);
        let is_midstream = self.is_midstream;
        let (client, server) = self.pair(Direction::ToServer);
        client.next_seq = segment.end();
        server.acknowledge(segment.acknowledgement);
        server.window = segment.window << server.window_scale;
        server.next_win = server.last_ack.wrapping_add(server.window);
        if is_midstream {
            client.window = segment.window;
            client.window_scale = UNKNOWN_SCALE;
            server.window_scale = UNKNOWN_SCALE;
            self.may_sack = true;
        }
        self.enter(run, State::Established);
        self.take_stream_segment(run, segment, Direction::ToServer);
    }
}
