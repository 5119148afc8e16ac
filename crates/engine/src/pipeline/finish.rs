//! The ends: of a flow, of a protocol within a flow, of the run.

use super::{Core, Passage, context};
use crate::flow::{Flow, State};
use crate::output::Output;
use crate::records::Seen;
use crate::records::stats::Counters;
use event::{Direction, IpProtocol, Timestamp};

impl Core {
    /// A flow ended: what is left of it is parsed, inspected and told.
    pub(super) fn end_flow(&mut self, flow: &mut Flow, to: &mut dyn Output) {
        self.drain(flow, to);
        *self.told.flows.entry(flow.app.protocol).or_default() += 1;
        self.counts.on_flow_end(flow);
        self.recorder.flow_end(flow, self.now, to);
        if let Some(session) = &mut flow.tcp {
            session.release(&mut self.tcp_counters);
        }
    }

    /// What a flow still holds goes through parser and rules, as if a last packet had come in each
    /// direction.
    fn drain(&mut self, flow: &mut Flow, to: &mut dyn Output) {
        let mut passage = Passage::default();
        if flow.protocol == IpProtocol::TCP && flow.state != State::Bypassed {
            for direction in Direction::BOTH {
                if let Some(session) = &mut flow.tcp {
                    session.finish(direction);
                }
                self.feed(flow.last, flow, direction, to, &mut passage);
            }
        }
        let cx = context(flow, flow.last);
        for direction in Direction::BOTH {
            flow.app.on_end(&cx, direction);
        }
        self.inspect_rest(flow, to);
        self.tell_rest(flow, flow.last, to);
    }

    /// Inspects what no packet will bring to inspection any more.
    fn inspect_rest(&mut self, flow: &mut Flow, to: &mut dyn Output) {
        for direction in Direction::BOTH {
            self.alerts.clear();
            self.detector.inspect_end(flow, direction, &self.config.tcp, &mut self.alerts);
            let vlans = flow.vlans.clone();
            let seen = Seen::of_flow(flow, direction, flow.last, &vlans);
            let has_alert = self.tell_alerts(&seen, Some(flow), &Passage::default(), to);
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
        self.inspect_rest(flow, to);
        self.tell_rest(flow, now, to);
        flow.txs = Default::default();
        flow.detection.forget_all_txs();
        flow.app.begin_upgrade();
    }

    /// The run ended.
    pub(super) fn finish(&mut self, counters: &Counters, to: &mut dyn Output) {
        let uptime = self.now.since(self.start.unwrap_or(self.now));
        self.recorder.stats(self.now, uptime, counters, to);
        to.stats(counters);
        self.detector.finish();
    }
}
