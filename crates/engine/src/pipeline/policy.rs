//! What is done with a packet in the end: by its flow, its stream, the rules.

use super::{Core, Passage};
use crate::flow::{Flow, State, TxTold, Verdict};
use crate::tcp::{Exception, ExceptionPolicy, PacketOutcome, StreamDrop};
use decode::packet::Packet;

impl Core {
    /// What was decided for the whole flow holds for this packet.
    pub(super) fn apply_flow_verdict(&mut self, flow: &Flow, passage: &mut Passage) {
        match flow.verdict {
            Verdict::Inspect => {}
            Verdict::Pass => passage.is_passed = true,
            Verdict::Drop => passage.drop_reason = Some("flow drop"),
        }
    }

    /// What the stream engine says about the packet.
    pub(super) fn follow_stream(
        &mut self,
        outcome: &PacketOutcome,
        flow: &mut Flow,
        passage: &mut Passage,
    ) {
        if let Some((exception, policy)) = outcome.exception {
            let (counter, target, reason) = match exception {
                Exception::Midstream => ("tcp.midstream", "stream_midstream", "stream midstream"),
                Exception::SessionMemory => ("tcp.ssn_memcap", "stream_memcap", "stream memcap"),
                Exception::ReassemblyMemory => {
                    ("tcp.reassembly", "stream_reassembly", "stream reassembly")
                }
            };
            self.apply_exception(counter, target, reason, policy, flow, passage);
        }
        if let Some(drop) = outcome.drop
            && self.config.is_inline
        {
            passage.drop_reason.get_or_insert(match drop {
                StreamDrop::Error => "stream error",
                StreamDrop::Urgent => "stream urgent",
            });
        }
        if outcome.may_bypass && self.config.tcp.bypass {
            flow.state = State::Bypassed;
        }
    }

    /// A parser gave up.
    pub(super) fn on_parser_error(&mut self, flow: &mut Flow, passage: &mut Passage) {
        self.counts.on_parser_error(flow.app.protocol);
        let policy = self.config.app_error_policy;
        if policy != ExceptionPolicy::Ignore {
            self.counts.on_app_exception(flow.app.protocol, policy);
        }
        self.apply_exception(
            "app_layer.error",
            "app_layer_error",
            "applayer error",
            policy,
            flow,
            passage,
        );
    }

    fn apply_exception(
        &mut self,
        counter: &'static str,
        target: &'static str,
        reason: &'static str,
        policy: ExceptionPolicy,
        flow: &mut Flow,
        passage: &mut Passage,
    ) {
        if policy != ExceptionPolicy::Ignore {
            self.counts.on_exception(counter, policy);
        }
        if !flow
            .exception_policies
            .iter()
            .any(|(known, _)| *known == target)
        {
            flow.exception_policies.push((target, policy.as_str()));
        }
        match policy {
            ExceptionPolicy::Ignore => {}
            ExceptionPolicy::PassPacket => passage.is_passed = true,
            ExceptionPolicy::PassFlow => {
                flow.verdict = Verdict::Pass;
                passage.is_passed = true;
            }
            ExceptionPolicy::Bypass => {
                flow.state = State::Bypassed;
                flow.verdict = Verdict::Pass;
                passage.is_passed = true;
            }
            ExceptionPolicy::DropPacket => {
                passage.drop_reason.get_or_insert(reason);
            }
            ExceptionPolicy::DropFlow => {
                flow.verdict = Verdict::Drop;
                passage.drop_reason.get_or_insert(reason);
            }
            ExceptionPolicy::Reject | ExceptionPolicy::RejectBoth => {
                passage.is_rejected = true;
                passage.drop_reason.get_or_insert(reason);
                // Where nothing can be dropped, the refusal is all that is sent.
                if self.config.is_inline {
                    flow.verdict = Verdict::Drop;
                }
            }
        }
    }

    /// What the rules decided, once they were held against the packet.
    pub(super) fn decide(
        &mut self,
        packet: &Packet<'_>,
        flow: Option<&mut Flow>,
        passage: &mut Passage,
    ) {
        let verdict = self.alerts.verdict;
        if self.config.is_inline {
            if verdict.dropped_by.is_some() {
                passage
                    .drop_reason
                    .get_or_insert(if verdict.is_dropped_by_rate {
                        "threshold detection_filter"
                    } else {
                        "rules"
                    });
            }
            if verdict.reject.is_some() {
                passage.is_rejected = true;
            }
        }
        self.count_alerts();
        let mut flow = flow;
        if let Some(flow) = flow.as_deref_mut() {
            for &id in &self.alerts.hushed {
                let told = TxTold {
                    is_logged: true,
                    ..flow.txs.get(id)
                };
                flow.txs.set(id, told);
            }
        }
        if let Some(flow) = flow
            && (self.alerts.bypass
                || flow.detection.is_bypassed
                || (flow.app.is_encrypted && self.bypasses_encrypted(flow.app.protocol)))
            && flow.state != State::Bypassed
        {
            flow.state = State::Bypassed;
        }
        if packet.depth == 0 {
            self.counts.on_verdict(
                passage.drop_reason,
                passage.is_rejected,
                self.config.is_inline,
            );
        }
    }

    /// Adds what rules came to, for a packet or for the end of a flow.
    pub(super) fn count_alerts(&mut self) {
        self.counts.alerts += self.alerts.alerts.len() as u64;
        self.counts.alert_queue_overflow += u64::from(self.alerts.discarded);
        self.counts.alerts_suppressed += u64::from(self.alerts.suppressed);
    }
}
