//! One packet after the other: which rules may match, which do, and what follows.

use super::alerts::{ALERTS_MAX, Alert, AlertKind, Alerts, FlowAction};
use super::bits::HostBits;
use super::conditions::View;
use super::context::PacketContext;
use super::fields::BodyWindows;
use super::lists::Carrier;
use super::migration::Migration;
use super::payload::{carrier, headers_hold, payload_holds};
use super::prefilter::PayloadOf;
use super::program::Inspection;
use super::ruleset::Ruleset;
use super::signature::{Change, RuleId, Signature};
use super::state::FlowDetection;
use super::tags::HostTags;
use super::tally::{Sampler, Tallies};
use super::thresholds::{Subject, Thresholds};
use super::trace;
use super::transforms;
use crate::flow::{Flow, Verdict};
use crate::tcp::{RawPacket, RawView};
use decode::packet::Transport;
use event::{AppProtocol, Direction, IpProtocol};
use matcher::Scratch;
use rules::rule::CaptureScope;
use std::sync::Arc;

/// Texts that expressions captured for one flow; the oldest goes first.
const VARIABLES_MAX: usize = 64;

/// How detection runs.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Alerts of one packet that are told.
    pub alerts_max: usize,
    /// Alerts of one second whose bytes that matched are told; the others are told without. None
    /// for no alert at all. A bound on work: each of these rules is held against its buffers again.
    pub traces_per_sec: Option<u32>,
    /// Whether it is counted how often each rule is looked at, see [`Tallies`].
    pub tallies: bool,
    /// Nanoseconds of a clock that never runs backwards, to tell what rules cost. None: what they cost is
    /// not told. No record depends on it.
    pub clock: Option<fn() -> u64>,
    /// Whether matches of a stream are told with the transaction that is likely theirs.
    pub guesses_transaction: bool,
    /// How bodies are looked at.
    pub body_windows: BodyWindows,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            alerts_max: ALERTS_MAX,
            traces_per_sec: None,
            tallies: false,
            clock: None,
            guesses_transaction: false,
            body_windows: BodyWindows::default(),
        }
    }
}

/// Working space of one thread.
#[derive(Debug, Default)]
pub(super) struct Tools {
    pub(super) literals: Scratch,
    pub(super) inspection: Inspection,
    pub(super) transforms: transforms::Scratch,
}

/// What rules remember beyond a flow.
#[derive(Debug, Default)]
pub(super) struct Stores {
    pub(super) hosts: HostBits,
    pub(super) tags: HostTags,
    pub(super) thresholds: Thresholds,
}

/// Holds a rule set against packets; one for each thread.
#[derive(Debug)]
pub struct Detector {
    set: Arc<Ruleset>,
    pub(super) settings: Settings,
    tools: Tools,
    stores: Stores,
    traces: trace::Budget,
    tallies: Arc<Tallies>,
    sampler: Sampler,
    candidates: Vec<u32>,
    /// Candidates whose ports and addresses are those of the packet.
    held: Vec<u32>,
    /// Candidates that look into transactions too.
    mixed: Vec<u32>,
    pub(super) tx_candidates: Vec<u32>,
}

/// What stays the same while one packet is inspected.
pub(super) struct Round<'a> {
    pub(super) tallies: &'a Tallies,
    /// Where what rules cost is to be told of this packet.
    pub(super) clock: Option<fn() -> u64>,
    pub(super) set: &'a Ruleset,
    pub(super) settings: Settings,
    pub(super) cx: &'a PacketContext<'a>,
    pub(super) flow: Option<&'a Flow>,
    pub(super) raw: RawView<'a>,
}

impl Detector {
    /// A detector for `set`.
    #[must_use]
    pub fn new(set: Arc<Ruleset>, settings: Settings) -> Self {
        Detector {
            tallies: Arc::new(Tallies::new(set.clone(), settings.tallies)),
            sampler: Sampler::default(),
            set,
            settings,
            tools: Tools::default(),
            stores: Stores::default(),
            traces: trace::Budget::default(),
            candidates: Vec::new(),
            held: Vec::new(),
            mixed: Vec::new(),
            tx_candidates: Vec::new(),
        }
    }

    /// How it runs.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How often each rule was looked at since these rules run; may be read while it goes on.
    #[must_use]
    pub fn tallies(&self) -> &Arc<Tallies> {
        &self.tallies
    }

    /// Runs other rules from now on.
    pub(crate) fn switch(&mut self, set: Arc<Ruleset>, migration: &Migration) {
        self.stores.hosts.renumber(|bit| migration.bit(bit));
        // Working space is made anew: it was made for the literals of the rules before.
        self.tools = Tools::default();
        self.tallies = Arc::new(Tallies::new(set.clone(), self.settings.tallies));
        self.set = set;
    }

    /// The rules.
    #[must_use]
    pub fn ruleset(&self) -> &Arc<Ruleset> {
        &self.set
    }

    /// Holds all rules against a packet, what its stream has ready, and the transactions in its
    /// direction. `alerts` is cleared first. What rules do to the flow is done to it: bits, its
    /// verdict, whether it alerted. A flow that a rule passed or dropped is not inspected.
    pub fn inspect_packet(
        &mut self,
        cx: &PacketContext<'_>,
        flow: Option<&mut Flow>,
        alerts: &mut Alerts,
    ) {
        alerts.clear();
        let Some(flow) = flow else {
            self.run(cx, None, None, alerts);
            return;
        };
        if self.set.is_empty() {
            // Nothing looks at the stream, so nothing of it need be kept for looking.
            let (_, progress) = stream_view(cx, Some(flow));
            if let (Some(progress), Some(session)) = (progress, flow.tcp.as_mut()) {
                session.advance_raw(cx.direction, progress);
            }
            return;
        }
        let mut memory = flow.detection.take();
        memory.packet_variables.clear();
        // A flow that is left alone was still seen up to here: its end is looked into both ways.
        if flow.verdict == Verdict::Inspect && (!memory.is_bypassed || cx.is_pseudo) {
            let outcome = self.run(cx, Some(flow), Some(&mut memory), alerts);
            if let (Some(progress), Some(session)) = (outcome.raw_progress, flow.tcp.as_mut()) {
                session.advance_raw(cx.direction, progress);
            }
            match outcome.flow_action {
                Some(FlowAction::Pass) => flow.verdict = Verdict::Pass,
                Some(FlowAction::Drop) => flow.verdict = Verdict::Drop,
                None => {}
            }
            flow.is_alerted |= !alerts.alerts.is_empty();
        } else if let Some(parser) = &flow.app.parser {
            memory.skip_to(parser.tx_range().end, cx.direction);
        }
        flow.detection.put(memory);
    }

    fn run(
        &mut self,
        cx: &PacketContext<'_>,
        flow: Option<&Flow>,
        mut memory: Option<&mut FlowDetection>,
        alerts: &mut Alerts,
    ) -> Outcome {
        // One count up and down for each packet, and not one that all threads share.
        let tallies = self.tallies.clone();
        let set = tallies.set();
        self.tools.inspection.now_secs = cx.packet.time.secs();
        let (raw, raw_progress) = stream_view(cx, flow);
        let round = Round {
            tallies: &tallies,
            clock: self.settings.clock.filter(|_| self.sampler.next()),
            set,
            settings: self.settings,
            cx,
            flow,
            raw,
        };
        self.ip_only(&round, memory.as_deref_mut(), alerts);
        self.collect(&round);
        let candidates = std::mem::take(&mut self.candidates);
        self.mixed.clear();
        let view = round.view(memory.as_deref(), &self.stores.hosts);
        // Most candidates fail by their ports or addresses: their rules are not even touched.
        let held = candidates.iter().copied().filter(|id| {
            set.heads
                .get(*id as usize)
                .is_some_and(|head| head.is_of_transaction || view.header_holds(&head.header))
        });
        self.held.clear();
        self.held.extend(held);
        let held = std::mem::take(&mut self.held);
        for &id in &held {
            let Some(rule) = set.signatures.get(id as usize) else {
                continue;
            };
            if rule.is_of_transaction() {
                self.mixed.push(id);
                continue;
            }
            self.packet_rule(&round, RuleId(id), rule, memory.as_deref_mut(), alerts);
        }
        self.held = held;
        self.candidates = candidates;
        if let (Some(flow), Some(memory)) = (flow, memory.as_deref_mut())
            && cx.is_app_known
        {
            let mixed = std::mem::take(&mut self.mixed);
            let mut run = super::transactions::Run {
                round: &round,
                flow,
                memory,
                tools: &mut self.tools,
                stores: &mut self.stores,
                candidates: &mut self.tx_candidates,
                alerts,
            };
            run.all(&mixed);
            self.mixed = mixed;
        }
        for (buffer, entropy) in self.tools.inspection.entropies.drain(..) {
            let Some(memory) = memory.as_deref_mut() else {
                continue;
            };
            match memory.entropies.iter_mut().find(|(b, _)| *b == buffer) {
                Some(known) => known.1 = entropy,
                None => memory.entropies.push((buffer, entropy)),
            }
        }
        let flow_action = self.finish(&round, memory, alerts);
        for alert in &alerts.alerts {
            tallies.alerted(alert.rule);
        }
        if let Some(most) = self.settings.traces_per_sec
            && !alerts.alerts.is_empty()
        {
            self.trace(&round, most, alerts);
        }
        Outcome {
            flow_action,
            raw_progress,
        }
    }

    /// Rules on addresses: once for each direction of a flow, and for each packet without one.
    fn ip_only(
        &mut self,
        round: &Round<'_>,
        mut memory: Option<&mut FlowDetection>,
        alerts: &mut Alerts,
    ) {
        if round.cx.is_pseudo {
            return;
        }
        if let Some(memory) = memory.as_deref_mut() {
            let done = &mut memory.ip_only_done[usize::from(round.cx.direction)];
            if std::mem::replace(done, true) {
                return;
            }
        }
        for &id in &round.set.lists.ip_only {
            if let Some(rule) = round.set.signatures.get(id as usize) {
                self.packet_rule(round, RuleId(id), rule, memory.as_deref_mut(), alerts);
            }
        }
    }

    /// Fills `candidates` with the rules that may match, in order.
    fn collect(&mut self, round: &Round<'_>) {
        let (cx, set) = (round.cx, round.set);
        let direction = cx.direction;
        let out = &mut self.candidates;
        out.clear();
        let is_odd = !cx.packet.events.is_empty()
            || !cx.stream_events.is_empty()
            || !cx.app_events.is_empty();
        if is_odd {
            out.extend_from_slice(set.lists.events(direction));
        }
        let carrier = carrier(cx.packet);
        out.extend_from_slice(set.lists.packet(carrier, direction));
        if let Some(flow) = round.flow
            && cx.is_app_known
            && flow.app.protocol != AppProtocol::Unknown
        {
            out.extend_from_slice(set.lists.app(flow.app.protocol, direction));
        }
        let scratch = &mut self.tools.literals;
        let payload = cx.packet.payload;
        if !cx.is_payload_opaque && !payload.is_empty() {
            let of = match carrier {
                Carrier::Tcp => PayloadOf::Tcp,
                Carrier::Udp => PayloadOf::Udp,
                Carrier::Icmp | Carrier::Ip | Carrier::None => PayloadOf::Other,
            };
            if let Some(patterns) = set.prefilter.payload(of, direction) {
                patterns.scan(payload, scratch, out);
            }
        }
        if carrier == Carrier::Tcp
            && let Some(patterns) = &set.prefilter.stream[usize::from(direction)]
        {
            for piece in &round.raw.pieces {
                patterns.scan(piece.data, scratch, out);
            }
            // Payload that did not go into the stream is looked at as if it were one.
            if !cx.is_payload_opaque && !cx.is_in_stream && !payload.is_empty() {
                patterns.scan(payload, scratch, out);
            }
        }
        out.sort_unstable();
        out.dedup();
    }

    fn packet_rule(
        &mut self,
        round: &Round<'_>,
        id: RuleId,
        rule: &Signature,
        memory: Option<&mut FlowDetection>,
        alerts: &mut Alerts,
    ) {
        round.tallied(id, || self.hold(round, id, rule, memory, alerts));
    }

    fn hold(
        &mut self,
        round: &Round<'_>,
        id: RuleId,
        rule: &Signature,
        memory: Option<&mut FlowDetection>,
        alerts: &mut Alerts,
    ) {
        let view = round.view(memory.as_deref(), &self.stores.hosts);
        if !view.header_holds(&rule.header) || !view.checks_hold(rule) {
            return;
        }
        self.tools.inspection.begin_rule();
        if !headers_hold(rule, round.cx.packet, &mut self.tools.inspection) {
            return;
        }
        let Some(kind) = payload_holds(round, rule, &mut self.tools) else {
            return;
        };
        let mut alert = matched(round, id, rule, kind, &self.tools);
        let is_udp_app = round.cx.packet.protocol() == Some(IpProtocol::UDP)
            && matches!(rule.header.protocol, rules::rule::Protocol::App(_));
        let guesses = kind == AlertKind::Stream && round.settings.guesses_transaction;
        if (is_udp_app || guesses)
            && let (Some(flow), Some(memory)) = (round.flow, memory.as_deref())
        {
            alert.tx = likely_transaction(flow, memory, round.cx.direction, is_udp_app);
            alert.is_tx_guessed = alert.tx.is_some() && !is_udp_app;
        }
        apply(
            round,
            id,
            rule,
            &mut alert,
            memory,
            &mut self.stores,
            None,
            alerts,
        );
        alerts.push(alert);
    }

    /// Limits, actions and tags, once all that matched is known.
    fn finish(
        &mut self,
        round: &Round<'_>,
        mut memory: Option<&mut FlowDetection>,
        alerts: &mut Alerts,
    ) -> Option<FlowAction> {
        let packet = round.cx.packet;
        let ends = packet.addresses();
        let mut action = None;
        if alerts.has_matches() {
            let subject = Subject {
                rule: (0, 0, 0),
                ends,
                flow: round.flow.map(|flow| flow.id),
                now: packet.time,
            };
            let tags = &mut self.stores.tags;
            let memory = memory.as_deref_mut();
            let mut flow_tags = memory.map(|memory| &mut memory.tags);
            let max = round.settings.alerts_max;
            action = alerts.finish(
                round.set,
                &mut self.stores.thresholds,
                &subject,
                max,
                |id| {
                    let changes = round.set.rule(id).map_or(&[][..], |rule| &rule.effects);
                    for change in changes {
                        let Change::Tag {
                            request,
                            of_session,
                            of_source,
                        } = change
                        else {
                            continue;
                        };
                        if *of_session {
                            if let Some(tags) = flow_tags.as_deref_mut() {
                                tags.add(*request, packet.time);
                            }
                        } else if let Some((source, destination)) = ends {
                            let host = if *of_source { source } else { destination };
                            tags.add(host, *request, packet.time);
                        }
                    }
                },
            );
        }
        if !round.cx.is_pseudo {
            let len = packet.frame.len();
            if let Some(memory) = memory.filter(|memory| !memory.tags.is_empty()) {
                alerts.is_tagged |= memory.tags.on_packet(len, packet.time);
            }
            if let Some((source, destination)) = ends {
                alerts.is_tagged |=
                    self.stores
                        .tags
                        .on_packet(source, destination, len, packet.time);
            }
        }
        action
    }
}

impl Detector {
    /// Finds out for alerts that are told which bytes made their rules match.
    fn trace(&mut self, round: &Round<'_>, most: u32, alerts: &mut Alerts) {
        for alert in &mut alerts.alerts {
            if let Some(rule) = round.set.rule(alert.rule)
                && self.traces.take(most, round.cx.packet.time)
            {
                alert.trace = Some(trace::trace(round, rule, alert, &mut self.tools));
            }
        }
    }
}

struct Outcome {
    flow_action: Option<FlowAction>,
    raw_progress: Option<u64>,
}

impl<'a> Round<'a> {
    /// Holds a rule, and counts that it was held.
    pub(super) fn tallied(&self, rule: RuleId, hold: impl FnOnce()) {
        self.tallies.check(rule);
        match self.clock {
            None => hold(),
            Some(clock) => {
                let begun = clock();
                hold();
                self.tallies.took(rule, clock().saturating_sub(begun));
            }
        }
    }

    pub(super) fn view<'b>(
        &'b self,
        memory: Option<&'b FlowDetection>,
        hosts: &'b HostBits,
    ) -> View<'b> {
        View {
            set: self.set,
            cx: self.cx,
            flow: self.flow,
            memory,
            hosts,
            tx_bits: None,
        }
    }
}

/// What the stream has ready for this packet, and how far it was then looked into.
fn stream_view<'a>(cx: &PacketContext<'a>, flow: Option<&'a Flow>) -> (RawView<'a>, Option<u64>) {
    let none = (RawView::default(), None);
    let Some(session) = flow.and_then(|flow| flow.tcp.as_ref()) else {
        return none;
    };
    let packet = match cx.packet.transport {
        Transport::Tcp(tcp) if !cx.is_pseudo => {
            Some(RawPacket::new(&tcp, cx.packet.payload, cx.is_in_stream))
        }
        _ => None,
    };
    if !cx.is_app_known || !session.raw_is_ready(cx.tcp, cx.direction, packet) {
        return none;
    }
    let view = session.raw(cx.tcp, cx.direction, packet, true);
    let progress = view.progress;
    (view, Some(progress))
}

/// What is told of a match; what was captured is what `tools` hold.
pub(super) fn matched(
    round: &Round<'_>,
    id: RuleId,
    rule: &Signature,
    kind: AlertKind,
    tools: &Tools,
) -> Alert {
    round.tallies.matched(id);
    let captures = tools.inspection.captures.clone();
    let contexts = tools.inspection.contexts.clone();
    Alert {
        rule: id,
        tx: None,
        is_tx_guessed: false,
        first_file: 0,
        kind,
        action: rule.action,
        acts_on_flow: round.flow.is_some() && rule.kind.acts_on_flow(kind == AlertKind::Stream),
        trace: None,
        captures,
        contexts,
    }
}

/// Does what a match does at once: later rules of the same packet see it.
#[allow(clippy::too_many_arguments)]
pub(super) fn apply(
    round: &Round<'_>,
    id: RuleId,
    rule: &Signature,
    alert: &mut Alert,
    memory: Option<&mut FlowDetection>,
    stores: &mut Stores,
    tx_bits: Option<&mut super::bits::FlowBits>,
    alerts: &mut Alerts,
) {
    let now = round.cx.packet.time;
    let ends = round.view(None, &stores.hosts).ends();
    let mut memory = memory;
    let mut tx_bits = tx_bits;
    for change in &rule.effects {
        match change {
            Change::Flowbits { ids, change } => {
                if let Some(memory) = memory.as_deref_mut() {
                    ids.iter()
                        .for_each(|bit| memory.flowbits.change(*bit, *change));
                }
            }
            Change::Flowint(change) => {
                if let Some(memory) = memory.as_deref_mut() {
                    memory.flowints.apply(change);
                }
            }
            Change::Xbits { id, xbits, change } => {
                if xbits.track == rules::rule::XbitsTrack::Transaction {
                    if let Some(bits) = tx_bits.as_deref_mut() {
                        bits.change(*id, *change);
                    }
                } else if let Some(ends) = ends {
                    stores.hosts.change_xbit(*id, xbits, *change, ends, now);
                }
            }
            Change::Hostbits {
                id,
                hostbits,
                change,
            } => {
                if let Some(ends) = ends {
                    stores
                        .hosts
                        .change_hostbit(*id, hostbits, *change, ends, now);
                }
            }
            Change::Store { direction, scope } => {
                let (rule, tx) = (id, alert.tx);
                alerts.stores.push(super::alerts::StoreRequest {
                    rule,
                    tx,
                    direction: *direction,
                    scope: *scope,
                });
            }
            Change::Bypass => {
                alerts.bypass = true;
                if let Some(memory) = memory.as_deref_mut() {
                    memory.is_bypassed = true;
                }
            }
            Change::StoreCertificates => alerts.stores_certificates = true,
            Change::Hush => alerts.hushed.extend(alert.tx),
            // Tags wait for limits.
            Change::Tag { .. } => {}
        }
    }
    if let Some(memory) = memory {
        for capture in &alert.captures {
            let variables = match capture.scope {
                CaptureScope::Flow => &mut memory.variables,
                CaptureScope::Packet => &mut memory.packet_variables,
                CaptureScope::Alert => continue,
            };
            variables.retain(|(name, _)| *name != capture.name);
            if variables.len() >= VARIABLES_MAX {
                variables.remove(0);
            }
            variables.push((capture.name.clone(), capture.value.clone()));
        }
    }
}

/// The one transaction that a match outside transactions is likely about.
fn likely_transaction(
    flow: &Flow,
    memory: &FlowDetection,
    direction: Direction,
    is_certain: bool,
) -> Option<u64> {
    let range = flow.app.parser.as_ref()?.tx_range();
    let next = memory.next[usize::from(direction)].max(range.start);
    let is_only_one = next.checked_add(1) == Some(range.end);
    (next < range.end && (is_certain || is_only_one)).then_some(next)
}
