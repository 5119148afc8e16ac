//! The way of a packet: decoded, given to its flow, put in order, parsed, inspected, told.

use crate::app_layer::Taken;
use crate::config::Config;
use crate::detect::{Alerts, Detector, PacketContext};
use crate::flow::{self, Flow, FlowId, State, Verdict};
use crate::output::Output;
use crate::records::anomaly::Kind;
use crate::records::{Recorder, Seen};
use crate::tcp::{self, Chunk, Session, StreamEvents};
use decode::app::Context;
use decode::packet::{Decoder, Frame, Packet, Tcp, Transport};
use event::{AppProtocol, Direction, IpProtocol, Timestamp};
use std::time::Duration;

mod expect;
mod finish;
mod told;

/// Rounds of handing a stream's bytes to the parser for one packet. Each round takes all that is
/// there, so more than a few mean that two sides wait for each other.
const MAX_ROUNDS: usize = 16;

/// An engine: packets in, records out. One for each thread.
pub struct Engine {
    decoder: Decoder,
    core: Core,
}

/// All but the decoder, so that a packet may borrow from that while this works on it.
struct Core {
    config: Config,
    flows: flow::Table,
    detector: Detector,
    recorder: Recorder,
    expectations: expect::Expectations,
    tcp_counters: tcp::Counters,
    alerts: Alerts,
    counters: told::Told,
    /// Time of the latest packet.
    now: Timestamp,
    /// Time of the first packet.
    start: Option<Timestamp>,
    /// When `stats` records are due next.
    stats_due: Option<Timestamp>,
    /// Files that were opened so far, for their numbers.
    files_opened: u64,
}

/// What a packet turned out to be while it went through.
#[derive(Default)]
struct Passage {
    direction: Option<Direction>,
    stream: Option<tcp::PacketOutcome>,
    stream_events: StreamEvents,
    /// Why it is dropped, in EVE's words.
    drop_reason: Option<&'static str>,
}

impl Engine {
    /// An engine with the given settings, rules and record outputs.
    #[must_use]
    pub fn new(config: Config, detector: Detector, recorder: Recorder) -> Self {
        Engine {
            decoder: Decoder::new(config.decoder.clone()),
            core: Core {
                flows: flow::Table::new(config.flow.clone()),
                expectations: expect::Expectations::default(),
                tcp_counters: tcp::Counters::default(),
                alerts: Alerts::default(),
                counters: told::Told::default(),
                now: Timestamp::default(),
                start: None,
                stats_due: None,
                files_opened: 0,
                config,
                detector,
                recorder,
            },
        }
    }

    /// Takes one frame and tells what follows from it.
    pub fn on_frame(&mut self, frame: &Frame<'_>, to: &mut dyn Output) {
        let Engine { decoder, core } = self;
        core.on_time(frame.time, to);
        let mut has_alert = false;
        decoder.decode(frame, &mut |packet: &Packet<'_>| {
            has_alert |= core.on_packet(packet, to);
        });
        to.packet(frame, has_alert);
    }

    /// Ends all flows and writes what is left to tell.
    pub fn finish(&mut self, to: &mut dyn Output) {
        self.core.finish(&self.decoder, to);
    }

    /// Names the capture that the next frames come from.
    pub fn set_capture_name(&mut self, name: Option<String>) {
        self.core.recorder.source.capture_name = name;
    }

    /// Counters so far, by dotted name.
    #[must_use]
    pub fn counters(&self) -> crate::records::stats::Counters {
        self.core.all_counters(&self.decoder)
    }

    /// What a summary tells: flows, protocols, alerts.
    #[must_use]
    pub fn told(&self) -> &told::Told {
        &self.core.counters
    }
}

impl Core {
    /// Time went on: ends flows that ran out.
    fn on_time(&mut self, now: Timestamp, to: &mut dyn Output) {
        self.start.get_or_insert(now);
        // Captures may be out of order; time never runs backwards here.
        self.now = self.now.max(now);
        let now = self.now;
        while let Some(mut flow) = self.flows.next_expired(now) {
            self.end_flow(&mut flow, to);
        }
    }

    /// Takes one packet; true where it alerted.
    fn on_packet(&mut self, packet: &Packet<'_>, to: &mut dyn Output) -> bool {
        let Some(id) = self.find_flow(packet, to) else {
            return self.without_flow(packet, to);
        };
        // The flow is taken out while it is worked on, so that the table may be used beside it.
        let Some(mut flow) = self.flows.take(id) else { return false };
        let has_alert = self.with_flow(packet, &mut flow, to);
        self.flows.put_back(id, flow);
        has_alert
    }

    fn find_flow(&mut self, packet: &Packet<'_>, to: &mut dyn Output) -> Option<FlowId> {
        if !packet.wants_flow {
            return None;
        }
        let found = self.flows.find_or_open(packet);
        for mut ended in found.ended {
            self.end_flow(&mut ended, to);
        }
        found.id
    }

    /// A packet that belongs to no flow: only its headers are inspected.
    fn without_flow(&mut self, packet: &Packet<'_>, to: &mut dyn Output) -> bool {
        let passage = Passage::default();
        self.inspect(packet, None, &passage);
        self.tell_packet(packet, None, &passage, to)
    }

    fn with_flow(&mut self, packet: &Packet<'_>, flow: &mut Flow, to: &mut dyn Output) -> bool {
        let mut passage = Passage { direction: Some(flow.on_packet(packet)), ..Passage::default() };
        if flow.is_new() {
            self.expectations.meet(flow, &self.config.app);
        }
        if flow.state == State::Bypassed {
            return false;
        }
        match packet.transport {
            Transport::Tcp(tcp) => self.on_tcp(packet, &tcp, flow, &mut passage, to),
            Transport::Udp(_) => self.on_udp(packet, flow, &mut passage),
            Transport::None
            | Transport::Icmpv4(_)
            | Transport::Icmpv6(_)
            | Transport::Sctp(_)
            | Transport::Esp { .. }
            | Transport::Gre => {}
        }
        if flow.verdict == Verdict::Drop {
            passage.drop_reason.get_or_insert("flow drop");
        }
        self.inspect(packet, Some(flow), &passage);
        let has_alert = self.tell_packet(packet, Some(flow), &passage, to);
        self.tell_transactions(flow, &Seen::of_packet(packet, passage.direction), to);
        self.forget_transactions(flow, false);
        if let Some(session) = &mut flow.tcp {
            session.prune(!flow.app.wants_data());
        }
        has_alert
    }

    fn on_tcp(
        &mut self,
        packet: &Packet<'_>,
        tcp: &Tcp<'_>,
        flow: &mut Flow,
        passage: &mut Passage,
        to: &mut dyn Output,
    ) {
        let Some(direction) = passage.direction else { return };
        if self.config.tcp.checksum_validation && !packet.checksum_ok() {
            return;
        }
        let session = flow.tcp.get_or_insert_with(Box::default);
        let outcome =
            session.on_packet(&self.config.tcp, &mut self.tcp_counters, packet, tcp, direction);
        if outcome.needs_swap {
            flow.swap_ends_but_tcp();
            passage.direction = Some(outcome.direction);
        }
        flow.follow_tcp(&outcome);
        passage.stream_events = outcome.events;
        for direction in outcome.updates.iter() {
            self.feed(packet.time, flow, direction, to, passage);
        }
        passage.stream = Some(outcome);
    }

    /// Hands what a stream has to the parser until both sides are served.
    fn feed(
        &mut self,
        now: Timestamp,
        flow: &mut Flow,
        first: Direction,
        to: &mut dyn Output,
        passage: &mut Passage,
    ) {
        let mut direction = first;
        let mut is_other_due = false;
        for _ in 0..MAX_ROUNDS {
            let progress = self.feed_once(now, flow, direction, to);
            if progress.is_reversed {
                flow.swap_ends();
                passage.direction = passage.direction.map(Direction::opposite);
                direction = direction.opposite();
                continue;
            }
            is_other_due |= progress.is_recognised;
            if progress.consumed == 0 {
                if !std::mem::take(&mut is_other_due) {
                    break;
                }
                direction = direction.opposite();
            }
        }
    }

    fn feed_once(
        &mut self,
        now: Timestamp,
        flow: &mut Flow,
        direction: Direction,
        to: &mut dyn Output,
    ) -> Taken {
        let cx = context(flow, now);
        let Some(session) = flow.tcp.as_deref_mut() else { return Taken::default() };
        if flow.app.upgrade.is_some() && !matches!(session.app_chunk(direction), Chunk::None) {
            self.change_protocol(flow, now, to);
            return Taken { consumed: 1, ..Taken::default() };
        }
        let is_end = session.is_finished(direction);
        let taken = match session.app_chunk(direction) {
            Chunk::Data(data) => {
                let taken = flow.app.on_stream(&cx, direction, data, is_end, &self.config.app);
                session.consume_app(direction, taken.consumed);
                taken
            }
            Chunk::Gap(len) => {
                let has_failed = flow.app.on_gap(&cx, direction, len);
                session.consume_gap(direction);
                Taken { consumed: usize::try_from(len).unwrap_or(usize::MAX), has_failed, ..Taken::default() }
            }
            Chunk::None => Taken::default(),
        };
        if is_end && matches!(session.app_chunk(direction), Chunk::None) {
            flow.app.on_end(&cx, direction);
        }
        self.learn_expectations(flow);
        taken
    }

    fn on_udp(&mut self, packet: &Packet<'_>, flow: &mut Flow, passage: &mut Passage) {
        if packet.carries_packet {
            return;
        }
        for _ in 0..2 {
            let Some(direction) = passage.direction else { return };
            let cx = context(flow, packet.time);
            let taken = flow.app.on_datagram(&cx, direction, packet.payload, &self.config.app);
            if !taken.is_reversed {
                break;
            }
            flow.swap_ends();
            passage.direction = Some(direction.opposite());
        }
        self.learn_expectations(flow);
    }

    fn learn_expectations(&mut self, flow: &mut Flow) {
        if let Some(parser) = &mut flow.app.parser
            && parser.announces()
        {
            for expectation in parser.take_expectations() {
                self.expectations.add(flow.client, flow.server, flow.id, expectation, self.now);
            }
        }
    }

    fn inspect(&mut self, packet: &Packet<'_>, flow: Option<&mut Flow>, passage: &Passage) {
        self.alerts.clear();
        self.detector.inspect_packet(
            &mut PacketContext {
                packet,
                flow,
                direction: passage.direction,
                stream: passage.stream.as_ref(),
                stream_events: passage.stream_events,
            },
            &mut self.alerts,
        );
    }
}

/// What parsers are told of the flow their bytes come from.
fn context(flow: &Flow, now: Timestamp) -> Context {
    Context {
        now,
        client_port: flow.client_port,
        server_port: flow.server_port,
        is_udp: flow.protocol == IpProtocol::UDP,
        is_midstream: flow.tcp.as_ref().is_some_and(|session| session.is_midstream()),
    }
}
