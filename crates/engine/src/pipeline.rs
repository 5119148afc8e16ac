//! The way of a packet: decoded, given to its flow, put in order, parsed, inspected, told.

use crate::app_layer::Taken;
use crate::config::Config;
use crate::detect::{Alerts, Detector, PacketContext};
use crate::flow::{self, Flow, Hit, State};
use crate::output::{Fate, Output};
use crate::records::{Recorder, Seen};
use crate::tcp::{self, Chunk, Session, StreamEvent, StreamEvents};
use decode::app::Context;
use decode::packet::{Decoder, Frame, Packet, Tcp, Transport};
use event::{Direction, IpProtocol, Timestamp};

mod counts;
mod expect;
mod files;
mod finish;
pub mod live;
mod policy;
pub mod told;

use told::Told;

/// Rounds of handing a stream's bytes to the parser for one packet. Each round takes all that is
/// there, so more than a few mean that two sides wait for each other.
const MAX_ROUNDS: usize = 16;

/// An engine: packets in, records out. One for each thread.
pub struct Engine {
    decoder: Decoder,
    flows: flow::Table,
    core: Core,
}

/// All but decoder and flows, so that a packet and its flow may be borrowed while this works on them.
struct Core {
    config: Config,
    detector: Detector,
    recorder: Recorder,
    expectations: expect::Expectations,
    tcp_counters: tcp::Counters,
    alerts: Alerts,
    told: Told,
    counts: counts::Counts,
    /// Time of the latest packet.
    now: Timestamp,
    /// Time of the first packet.
    start: Option<Timestamp>,
    /// What became of the frame at hand.
    fate: Fate,
    /// Files that were stored so far, for their numbers.
    files_stored: u64,
}

/// What a packet turned out to be while it went through.
#[derive(Default)]
struct Passage {
    hit: Option<Hit>,
    direction: Option<Direction>,
    stream: Option<tcp::PacketOutcome>,
    stream_events: StreamEvents,
    /// Why it is dropped, in EVE's words.
    drop_reason: Option<&'static str>,
    /// A refusal is sent for it.
    is_rejected: bool,
    /// It is let through without looking.
    is_passed: bool,
}

impl Engine {
    /// An engine with the given settings, rules and record outputs.
    #[must_use]
    pub fn new(config: Config, detector: Detector, recorder: Recorder) -> Self {
        Engine {
            decoder: Decoder::new(config.decoder.clone()),
            flows: flow::Table::new(config.flow.clone()),
            core: Core {
                expectations: expect::Expectations::default(),
                tcp_counters: tcp::Counters::default(),
                alerts: Alerts::default(),
                told: Told::default(),
                counts: counts::Counts::default(),
                now: Timestamp::default(),
                start: None,
                fate: Fate::default(),
                files_stored: 0,
                config,
                detector,
                recorder,
            },
        }
    }

    /// Takes one frame and tells what follows from it.
    pub fn on_frame(&mut self, frame: &Frame<'_>, to: &mut dyn Output) {
        let Engine {
            decoder,
            flows,
            core,
        } = self;
        core.on_time(frame.time);
        core.fate = Fate::default();
        decoder.decode(frame, &mut |packet: &Packet<'_>| {
            core.fate.has_alert |= on_packet(flows, core, packet, to);
        });
        to.packet(frame, &core.fate);
    }

    /// Ends all flows and writes what is left to tell.
    pub fn finish(&mut self, to: &mut dyn Output) {
        self.flows.end_all("shutdown");
        for mut flow in self.flows.take_ended() {
            self.core.end_flow(&mut flow, to);
        }
        let mut counters = self.counters();
        to.add_counters(&mut counters);
        self.core.finish(&counters, to);
    }

    /// Names the capture that the next frames come from.
    pub fn set_capture_name(&mut self, name: Option<String>) {
        self.core.recorder.source.capture_name = name;
    }

    /// What a summary tells: flows, protocols, alerts; it is taken out.
    pub fn take_told(&mut self) -> Told {
        std::mem::take(&mut self.core.told)
    }
}

/// Takes one packet; true where it alerted.
fn on_packet(
    flows: &mut flow::Table,
    core: &mut Core,
    packet: &Packet<'_>,
    to: &mut dyn Output,
) -> bool {
    if !packet.wants_flow {
        return core.without_flow(packet, to);
    }
    let hit = flows.on_packet(packet, &core.config.tcp);
    if flows.has_ended() {
        for mut flow in flows.take_ended() {
            core.end_flow(&mut flow, to);
        }
    }
    match hit.and_then(|hit| Some((hit, flows.get_mut(hit.index)?))) {
        Some((hit, flow)) => core.with_flow(packet, hit, flow, to),
        None => core.without_flow(packet, to),
    }
}

impl Core {
    fn on_time(&mut self, now: Timestamp) {
        self.start.get_or_insert(now);
        // Captures may be out of order; time never runs backwards here.
        self.now = self.now.max(now);
    }

    /// A packet that belongs to no flow: only its headers are inspected.
    fn without_flow(&mut self, packet: &Packet<'_>, to: &mut dyn Output) -> bool {
        let mut passage = Passage::default();
        self.inspect(packet, None, &passage);
        self.decide(packet, None, &mut passage);
        self.tell_packet(packet, None, &passage, to)
    }

    fn with_flow(
        &mut self,
        packet: &Packet<'_>,
        hit: Hit,
        flow: &mut Flow,
        to: &mut dyn Output,
    ) -> bool {
        let mut passage = Passage {
            hit: Some(hit),
            direction: Some(hit.direction),
            ..Passage::default()
        };
        self.fate.flow = Some(flow.id);
        self.fate.is_flow_alerted |= flow.is_alerted;
        // An error that quotes a packet of the flow is no packet of it.
        if let (Some(attach), false) = (&self.config.features, hit.is_error) {
            attach.add(&mut flow.features, packet);
        }
        if flow.state == State::Bypassed {
            flow.on_bypassed(packet, hit.direction);
            self.counts.bypassed_packets += 1;
            self.counts.bypassed_bytes += u64::from(packet.wire_len);
            return false;
        }
        self.apply_flow_verdict(flow, &mut passage);
        if passage.drop_reason.is_none() && !hit.is_error {
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
        }
        if !passage.is_passed && passage.drop_reason.is_none() {
            self.inspect(packet, Some(flow), &passage);
        } else {
            self.alerts.clear();
        }
        self.decide(packet, Some(flow), &mut passage);
        let has_alert = self.tell_packet(packet, Some(flow), &passage, to);
        self.fate.is_flow_alerted |= flow.is_alerted;
        self.fate.has_stream_data |= passage.stream.is_some_and(|stream| stream.data_added);
        let seen = Seen::of_packet(packet, passage.direction);
        self.note_stores(flow, passage.direction.unwrap_or(Direction::ToServer));
        self.store_certificates(flow, &seen, to);
        self.tell_transactions(flow, &seen, false, to);
        if let Some(direction) = passage.direction {
            self.move_windows(flow, direction);
        }
        self.forget_transactions(flow, false);
        if let (Some(session), Some(direction)) = (&mut flow.tcp, passage.direction) {
            session.prune(&self.config.tcp, &mut self.tcp_counters, direction);
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
        let Some(direction) = passage.direction else {
            return;
        };
        let outcome = Session::on_packet(
            &mut flow.tcp,
            &self.config.tcp,
            &mut self.tcp_counters,
            packet,
            tcp,
            direction,
        );
        if outcome.needs_swap {
            flow.swap_ends_but_session();
            passage.direction = Some(outcome.direction);
        }
        if let Some(hit) = &mut passage.hit {
            hit.is_established |= outcome.makes_flow_established;
        }
        passage.stream_events = outcome.events;
        passage.stream = Some(outcome);
        for direction in outcome.updates.iter() {
            self.feed(packet.time, flow, direction, to, passage);
        }
        flow.follow_tcp();
        self.follow_stream(&outcome, flow, passage);
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
            let taken = self.feed_once(now, flow, direction, to, passage);
            if taken.is_reversed {
                flow.swap_ends();
                flow.app.swap_directions();
                passage.direction = passage.direction.map(Direction::opposite);
                direction = direction.opposite();
                continue;
            }
            if taken.is_recognised && taken.consumed == 0 {
                self.feed_once(now, flow, direction.opposite(), to, passage);
                continue;
            }
            is_other_due |= taken.is_recognised;
            if taken.consumed == 0 {
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
        passage: &mut Passage,
    ) -> Taken {
        if flow.app.parser.is_none() && self.has_bytes(flow, direction) {
            self.expectations.meet(flow, now, &self.config.app);
        }
        let cx = context(flow, now);
        let config = &self.config;
        let Some(session) = flow.tcp.as_deref_mut() else {
            return Taken::default();
        };
        if flow.app.upgrade.is_some()
            && !matches!(session.app_chunk(&config.tcp, direction), Chunk::None)
        {
            self.change_protocol(flow, now, to);
            return Taken {
                is_recognised: true,
                consumed: 1,
                ..Taken::default()
            };
        }
        let taken = match session.app_chunk(&config.tcp, direction) {
            Chunk::Data(data) => {
                let taken = flow.app.on_stream(&cx, direction, data, &config.app);
                session.consume_app(direction, taken.consumed as u64);
                taken
            }
            Chunk::Gap(_) if flow.app.parser.is_none() => {
                // Without the first bytes this direction tells nothing; the other one may.
                session.leave_gap(&mut self.tcp_counters);
                passage.stream_events.add(StreamEvent::ReassemblySeqGap);
                Taken::default()
            }
            Chunk::Gap(len) => {
                let has_failed = flow.app.on_gap(&cx, direction, len);
                session.skip_gap(direction, len, &mut self.tcp_counters);
                passage.stream_events.add(StreamEvent::ReassemblySeqGap);
                Taken {
                    consumed: 1,
                    has_failed,
                    ..Taken::default()
                }
            }
            Chunk::None => {
                if session.app_is_at_end(direction) {
                    flow.app.on_end(&cx, direction);
                }
                Taken::default()
            }
        };
        if taken.has_failed {
            self.on_parser_error(flow, passage);
        }
        self.after_feeding(flow, direction, &taken);
        taken
    }

    /// Whether the parser's next bytes of `direction` are there, and somebody announced some flow.
    fn has_bytes(&self, flow: &mut Flow, direction: Direction) -> bool {
        !self.expectations.is_empty()
            && flow.tcp.as_deref_mut().is_some_and(|session| {
                matches!(
                    session.app_chunk(&self.config.tcp, direction),
                    Chunk::Data(_)
                )
            })
    }

    /// What parsing said is followed by the stream: encrypted or unreadable data need not be kept.
    fn after_feeding(&mut self, flow: &mut Flow, direction: Direction, taken: &Taken) {
        let Some(session) = flow.tcp.as_deref_mut() else {
            return;
        };
        if !flow.app.wants_data() {
            session.disable_app();
        }
        if taken.consumed > 0 && flow.app.has_new_message(direction) {
            // Stream signatures see a message as soon as it is whole.
            session.trigger_raw(direction);
        }
        if flow.app.is_encrypted {
            for direction in Direction::BOTH {
                session.stop_raw(direction);
            }
        }
        self.learn_expectations(flow);
    }

    fn on_udp(&mut self, packet: &Packet<'_>, flow: &mut Flow, passage: &mut Passage) {
        if packet.carries_packet {
            return;
        }
        for _ in 0..2 {
            let Some(direction) = passage.direction else {
                return;
            };
            let cx = Context {
                // Datagrams have no beginning: where streams may be picked up, so may they.
                is_midstream: self.config.tcp.midstream,
                ..context(flow, packet.time)
            };
            let taken = flow
                .app
                .on_datagram(&cx, direction, packet.payload, &self.config.app);
            if taken.has_failed {
                self.on_parser_error(flow, passage);
            }
            if !taken.is_reversed {
                break;
            }
            flow.swap_ends();
            flow.app.swap_directions();
            passage.direction = Some(direction.opposite());
        }
        self.learn_expectations(flow);
    }

    fn learn_expectations(&mut self, flow: &mut Flow) {
        let Some(parser) = &mut flow.app.parser else {
            return;
        };
        let announced = parser.take_expectations();
        for expectation in announced {
            self.expectations.add(flow, expectation, self.now);
        }
    }

    /// Holds the rules against a packet.
    fn inspect(&mut self, packet: &Packet<'_>, flow: Option<&mut Flow>, passage: &Passage) {
        self.alerts.clear();
        let Some(flow) = flow else {
            let cx = PacketContext::without_flow(packet, &self.config.tcp);
            self.detector.inspect_packet(&cx, None, &mut self.alerts);
            return;
        };
        let is_established = passage.hit.is_some_and(|hit| hit.is_established)
            || passage.stream.is_some_and(|stream| stream.is_established);
        let app_events = std::mem::take(&mut flow.app.new_events);
        let cx = PacketContext {
            packet,
            direction: passage.direction.unwrap_or(Direction::ToServer),
            // What the handshake's last packet says of itself is not said of the flow yet.
            is_flow_established: passage.hit.is_some_and(|hit| hit.is_established),
            is_app_known: flow.protocol != IpProtocol::TCP || is_established,
            is_in_stream: passage.stream.is_some_and(|stream| stream.data_added),
            is_payload_opaque: flow.app.is_encrypted,
            is_pseudo: false,
            recognised: std::mem::take(&mut flow.app.recognised),
            stream_events: passage.stream_events,
            app_events: &app_events,
            tcp: &self.config.tcp,
        };
        self.detector
            .inspect_packet(&cx, Some(flow), &mut self.alerts);
    }
}

/// What parsers are told of the flow their bytes come from.
fn context(flow: &Flow, now: Timestamp) -> Context {
    Context {
        now,
        client_port: flow.client_port,
        server_port: flow.server_port,
        is_udp: flow.protocol == IpProtocol::UDP,
        is_midstream: flow
            .tcp
            .as_ref()
            .is_some_and(|session| session.is_midstream()),
    }
}
