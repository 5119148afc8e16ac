//! The ends: of a flow, of a protocol within a flow, of the run.

use super::{Core, Passage, context};
use crate::detect::{PacketContext, pseudo_packet};
use crate::flow::{Flow, State, Verdict};
use crate::output::Output;
use crate::records::Seen;
use crate::records::stats::Counters;
use crate::tcp::{self, StreamEvents};
use event::{Direction, Timestamp};

impl Core {
    /// A flow ended: what is left of it is parsed, inspected and told.
    pub(super) fn end_flow(&mut self, flow: &mut Flow, to: &mut dyn Output) {
        let rest = self.rest(flow);
        if rest != [false; 2] {
            self.drain(flow, rest, to);
        }
        *self.told.flows.entry(flow.app.protocol).or_default() += 1;
        if let Some(features) = &mut flow.features {
            features.face(flow.client, flow.client_port);
        }
        self.note_pressure();
        self.counts.on_flow_end(flow);
        self.recorder.flow_end(flow, self.now, to);
        to.flow_end(flow.id);
        if let Some(session) = &mut flow.tcp {
            session.release(&mut self.tcp_counters);
        }
    }

    /// In which directions a flow that ends is looked into once more: none where it was dropped or
    /// left alone or is not TCP, and else those whose bytes or transactions were not done with.
    fn rest(&self, flow: &Flow) -> [bool; 2] {
        let is_left_alone = flow.verdict == Verdict::Drop || flow.state == State::Bypassed;
        let Some(session) = flow.tcp.as_deref().filter(|_| !is_left_alone) else {
            return [false; 2];
        };
        let state = session.state();
        let is_open = state >= tcp::State::Established && state != tcp::State::Closed;
        Direction::BOTH.map(|direction| {
            is_open
                || session.has_unseen(&self.config.tcp, direction)
                || has_open_transactions(flow, direction)
        })
    }

    /// What a flow still holds goes through parser and rules, as if a last packet had come in each
    /// direction.
    fn drain(&mut self, flow: &mut Flow, rest: [bool; 2], to: &mut dyn Output) {
        let mut passage = Passage::default();
        for direction in Direction::BOTH {
            if let Some(session) = &mut flow.tcp {
                session.finish(direction);
            }
            self.feed(flow.last, flow, direction, to, &mut passage);
        }
        let cx = context(flow, flow.last);
        for direction in Direction::BOTH {
            flow.app.on_end(&cx, direction);
        }
        self.inspect_rest(flow, rest, to);
        self.tell_rest(flow, flow.last, to);
    }

    /// Inspects what no packet will bring to inspection any more: as if a last packet came each way.
    fn inspect_rest(&mut self, flow: &mut Flow, rest: [bool; 2], to: &mut dyn Output) {
        if self.detector.ruleset().is_empty() || flow.verdict != Verdict::Inspect {
            return;
        }
        for direction in Direction::BOTH {
            if !rest[usize::from(direction)] {
                continue;
            }
            let packet = pseudo_packet(flow, direction, flow.last);
            let app_events = std::mem::take(&mut flow.app.new_events);
            self.alerts.clear();
            let cx = PacketContext {
                packet: &packet,
                direction,
                is_flow_established: flow.state != State::New,
                is_app_known: true,
                is_in_stream: false,
                is_payload_opaque: flow.app.is_encrypted,
                is_pseudo: true,
                recognised: std::mem::take(&mut flow.app.recognised),
                stream_events: StreamEvents::default(),
                app_events: &app_events,
                tcp: &self.config.tcp,
            };
            self.detector
                .inspect_packet(&cx, Some(flow), &mut self.alerts);
            self.count_alerts();
            let vlans = flow.vlans.clone();
            let seen = Seen::of_flow(flow, direction, flow.last, &vlans);
            self.store_certificates(flow, &seen, to);
            let has_alert = self.tell_alerts(&seen, Some(flow), &Passage::default(), to);
            self.note_stores(flow, direction);
            flow.is_alerted |= has_alert;
        }
    }

    /// Tells the transactions that are left, whether they are complete or not.
    fn tell_rest(&mut self, flow: &mut Flow, now: Timestamp, to: &mut dyn Output) {
        let vlans = flow.vlans.clone();
        let seen = Seen::of_flow(flow, Direction::ToServer, now, &vlans);
        self.tell_transactions(flow, &seen, true, to);
        self.forget_transactions(flow, true);
    }

    /// The conversation goes on in another protocol: the first one's transactions are finished.
    pub(super) fn change_protocol(&mut self, flow: &mut Flow, now: Timestamp, to: &mut dyn Output) {
        let cx = context(flow, now);
        for direction in Direction::BOTH {
            flow.app.on_end(&cx, direction);
        }
        self.inspect_rest(flow, [true; 2], to);
        self.tell_rest(flow, now, to);
        flow.txs = Default::default();
        flow.detection.reset_transactions();
        flow.app.begin_upgrade();
    }

    /// The run ended.
    pub(super) fn finish(&mut self, counters: &Counters, to: &mut dyn Output) {
        let uptime = self.now.since(self.start.unwrap_or(self.now));
        self.recorder.stats(self.now, uptime, counters, to);
        to.stats(counters);
    }
}

/// Whether a transaction was not told yet, or not looked into by all rules in `direction`.
fn has_open_transactions(flow: &Flow, direction: Direction) -> bool {
    flow.app.parser.as_ref().is_some_and(|parser| {
        parser
            .tx_range()
            .any(|id| !flow.txs.get(id).is_logged || !flow.detection.is_inspected(id, direction))
    })
}
