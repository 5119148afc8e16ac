//! The ends: of a flow, of a protocol within a flow, of the run.

use super::{Core, Passage, context};
use crate::flow::{Flow, State};
use crate::output::Output;
use crate::records::Seen;
use crate::tcp::Chunk;
use decode::packet::Decoder;
use event::{Direction, IpProtocol, Timestamp};

impl Core {
    /// A flow ended: what is left of it is parsed, inspected and told.
    pub(super) fn end_flow(&mut self, flow: &mut Flow, to: &mut dyn Output) {
        self.drain(flow, to);
        *self.counters.flows.entry(flow.app.protocol).or_default() += 1;
        self.recorder.flow_end(flow, self.now, to);
    }

    /// What a flow still holds goes through parser and rules, as if a last packet had come in each
    /// direction.
    fn drain(&mut self, flow: &mut Flow, to: &mut dyn Output) {
        let mut passage = Passage::default();
        if flow.state != State::Bypassed {
            for direction in Direction::BOTH {
                if let Some(session) = &mut flow.tcp {
                    session.finish(direction);
                }
                if flow.protocol == IpProtocol::TCP {
                    self.feed(flow.last, flow, direction, to, &mut passage);
                }
            }
        }
        let cx = context(flow, flow.last);
        for direction in Direction::BOTH {
            flow.app.on_end(&cx, direction);
        }
        self.inspect_rest(flow, to);
        let seen = Seen::of_flow(flow, Direction::ToServer, flow.last);
        let (time, vlans) = (seen.time, flow.vlans.clone());
        let seen = Seen { vlans: &vlans, time, ..Seen::of_flow(flow, Direction::ToServer, time).detached() };
        self.tell_transactions(flow, &seen, true, to);
        self.forget_transactions(flow, true);
    }

    /// Inspects what no packet will bring to inspection any more.
    fn inspect_rest(&mut self, flow: &mut Flow, to: &mut dyn Output) {
        for direction in Direction::BOTH {
            self.alerts.clear();
            self.detector.inspect_end(flow, direction, &mut self.alerts);
            if self.alerts.is_empty() {
                continue;
            }
            flow.is_alerted = true;
            let vlans = flow.vlans.clone();
            let seen = Seen { vlans: &vlans, ..Seen::of_flow(flow, direction, flow.last).detached() };
            self.tell_alerts(&seen, Some(flow), &Passage::default(), to);
        }
    }

    /// The conversation goes on in another protocol: the first one's transactions are finished.
    pub(super) fn change_protocol(&mut self, flow: &mut Flow, now: Timestamp, to: &mut dyn Output) {
        let cx = context(flow, now);
        for direction in Direction::BOTH {
            flow.app.on_end(&cx, direction);
        }
        self.inspect_rest(flow, to);
        let vlans = flow.vlans.clone();
        let seen = Seen { vlans: &vlans, ..Seen::of_flow(flow, Direction::ToServer, now).detached() };
        self.tell_transactions(flow, &seen, true, to);
        self.forget_transactions(flow, true);
        flow.txs = Default::default();
        flow.detection.forget_all_txs();
        flow.app.begin_upgrade();
        if let Some(session) = &mut flow.tcp {
            // Bytes that wait are recognised anew from here on.
            let _ = matches!(session.app_chunk(Direction::ToServer), Chunk::None);
        }
    }

    /// The run ended.
    pub(super) fn finish(&mut self, decoder: &Decoder, to: &mut dyn Output) {
        while let Some(mut flow) = self.flows.next_remaining() {
            self.end_flow(&mut flow, to);
        }
        let counters = self.all_counters(decoder);
        self.recorder.stats(self.now, self.uptime(), &counters, to);
        to.stats(&counters);
        self.detector.finish();
    }
}
