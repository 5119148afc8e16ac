//! The first packet of a connection, from its beginning or from its middle.

use super::config::ExceptionPolicy;
use super::event::StreamEvent;
use super::segment::{Exception, Refused, Run, Segment};
use super::{SESSION_BYTES, Session, State};
use ::event::Direction;
use decode::packet::Tcp;

/// Window scale assumed where the handshake was not seen: the greatest (RFC 7323 section 2.3).
pub(super) const UNKNOWN_SCALE: u8 = 14;

impl Session {
    /// Makes a session of a packet that may begin one.
    pub(super) fn open(
        slot: &mut Option<Box<Session>>,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<(), Refused> {
        if segment.has(Tcp::RST) {
            return run.refuse(StreamEvent::RstButNoSession);
        }
        if segment.has(Tcp::FIN) {
            let may = may_pick_up(run) && run.config.midstream && !segment.payload.is_empty();
            if !may {
                return run.refuse(StreamEvent::FinButNoSession);
            }
            let session = Session::make(slot, run, segment)?;
            session.pick_up(run, segment, State::FinWait1);
        } else if segment.has_all(Tcp::SYN | Tcp::ACK) {
            let may = may_pick_up(run) && (run.config.midstream || run.config.async_oneside);
            if may {
                let session = Session::make(slot, run, segment)?;
                run.counters.midstream_pickups += 1;
                session.pick_up_synack(run, segment);
            }
        } else if segment.has(Tcp::SYN) {
            let session = Session::make(slot, run, segment)?;
            session.begin(run, segment);
        } else if segment.has(Tcp::ACK) {
            let may = may_pick_up(run) && run.config.midstream;
            if may {
                let session = Session::make(slot, run, segment)?;
                session.pick_up(run, segment, State::Established);
            }
        }
        Ok(())
    }

    fn make<'s>(
        slot: &'s mut Option<Box<Session>>,
        run: &mut Run<'_>,
        segment: &Segment<'_>,
    ) -> Result<&'s mut Session, Refused> {
        if run.counters.memuse + SESSION_BYTES > run.config.memcap {
            run.counters.ssn_memcap_drop += 1;
            run.outcome.exception = Some((Exception::SessionMemory, run.config.memcap_policy));
            return Err(Refused);
        }
        run.counters.memuse += SESSION_BYTES;
        run.counters.sessions += 1;
        run.counters.active_sessions += 1;
        let session = slot.insert(Box::new(Session::new(run.config)));
        session.tcp_flags = segment.flags;
        session.side_mut(segment.direction).tcp_flags = segment.flags;
        run.outcome.state_changed = true;
        Ok(session)
    }

    /// A SYN: the ordinary beginning.
    fn begin(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) {
        self.is_async = run.config.async_oneside;
        let (client, server) = self.pair(Direction::ToServer);
        client.begin(segment.sequence);
        client.next_seq = segment.sequence.wrapping_add(1);
        if let Some((value, _)) = segment.options.timestamps {
            client.last_timestamp = value;
            client.has_zero_timestamp = value == 0;
            client.last_packet_secs = segment.secs;
            client.has_timestamp = true;
        }
        server.window = segment.window;
        if let Some(scale) = segment.options.window_scale {
            server.window_scale = scale.min(UNKNOWN_SCALE);
            self.has_server_scale = true;
        }
        self.client_may_sack = segment.options.sack_permitted;
        if segment.options.fast_open.is_some() {
            self.is_fast_open = true;
            if !segment.payload.is_empty() {
                let is_async = self.is_async;
                let client = self.side_mut(Direction::ToServer);
                client.expect(client.next_seq.wrapping_add(segment.len()), is_async);
                self.take_segment(run, segment);
            }
        }
    }

    /// Data of a connection whose handshake was not seen. Its sender counts as the client.
    fn pick_up(&mut self, run: &mut Run<'_>, segment: &Segment<'_>, state: State) {
        run.counters.midstream_pickups += 1;
        self.state = state;
        self.previous = state;
        self.is_midstream = true;
        self.is_midstream_established = true;
        self.is_async = run.config.async_oneside;
        let fin = u32::from(state == State::FinWait1);
        let (client, server) = self.pair(Direction::ToServer);
        client.window_scale = UNKNOWN_SCALE;
        server.window_scale = UNKNOWN_SCALE;
        client.begin(segment.sequence.wrapping_sub(1));
        client.next_seq = segment.end().wrapping_add(fin);
        client.window = segment.window << UNKNOWN_SCALE;
        client.last_ack = segment.sequence;
        client.next_win = client.last_ack.wrapping_add(client.window);
        server.begin(segment.acknowledgement.wrapping_sub(1));
        server.next_seq = segment.acknowledgement;
        server.last_ack = segment.acknowledgement;
        server.next_win = server.last_ack;
        self.note_both_timestamps(segment, Direction::ToServer);
        self.take_segment(run, segment);
        self.may_sack = true;
    }

    /// A SYN/ACK without its SYN: its sender is the server, and the flow is turned round.
    fn pick_up_synack(&mut self, run: &mut Run<'_>, segment: &Segment<'_>) {
        run.outcome.needs_swap = true;
        run.outcome.direction = Direction::ToClient;
        self.state = State::SynRecv;
        self.previous = State::SynRecv;
        self.is_midstream = true;
        self.is_midstream_synack = true;
        self.is_async = run.config.async_oneside;
        let (client, server) = self.pair(Direction::ToServer);
        client.tcp_flags = 0;
        server.tcp_flags = segment.flags;
        server.begin(segment.sequence);
        server.next_seq = segment.sequence.wrapping_add(1);
        server.window = segment.window;
        client.begin(segment.acknowledgement.wrapping_sub(1));
        client.next_seq = segment.acknowledgement;
        client.last_ack = segment.acknowledgement;
        server.last_ack = segment.sequence;
        server.next_win = server.last_ack.wrapping_add(server.window);
        if let Some(scale) = segment.options.window_scale {
            client.window_scale = scale.min(UNKNOWN_SCALE);
            server.window_scale = UNKNOWN_SCALE;
        }
        self.note_both_timestamps(segment, Direction::ToClient);
        self.may_sack = segment.options.sack_permitted;
    }

    fn note_both_timestamps(&mut self, segment: &Segment<'_>, direction: Direction) {
        let Some((value, echo)) = segment.options.timestamps else {
            return;
        };
        self.has_timestamps = true;
        let (sender, receiver) = self.pair(direction);
        sender.last_timestamp = value;
        sender.last_packet_secs = segment.secs;
        sender.has_zero_timestamp = value == 0;
        receiver.last_timestamp = echo;
        receiver.has_zero_timestamp = echo == 0;
    }
}

/// Applies the policy for connections from the middle; whether it lets them be followed.
fn may_pick_up(run: &mut Run<'_>) -> bool {
    let policy = run.config.midstream_policy;
    run.outcome.exception = Some((Exception::Midstream, policy));
    matches!(policy, ExceptionPolicy::Ignore | ExceptionPolicy::PassFlow)
}
