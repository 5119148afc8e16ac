//! One worker: a thread with a ring, an engine and a sink.

mod output;

use crate::arrivals::Reader;
use crate::doors::Doors;
use crate::metrics::Counts;
use crate::pcaps::Tap;
use crate::port::{Closed, Port};
use crate::rules::Rules;
use crate::shared::{Shared, Window};
use crate::sink::Sink;
use decode::packet::{Frame, LinkType};
use engine::detect::{Detector, Settings};
use engine::pipeline::Engine;
use engine::records::{EveConfig, Recorder, Source};
use event::Timestamp;
pub(crate) use output::Counting;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tpacket::{Block, Checksum, Error, Frames, Ring};

/// The longest that a worker waits for packets before it looks whether there is anything else to do.
const IDLE: Duration = Duration::from_millis(100);
/// Time between two looks at silent flows, each at one of so many parts of them: all within a second.
const TICK: Duration = Duration::from_millis(100);
const TICK_PARTS: usize = 10;
/// Time between two looks at whether the interface is still the same one.
const SAME: Duration = Duration::from_secs(1);
/// Time between two tries to open a ring.
const RETRY: Duration = Duration::from_millis(250);
/// Time between two times that the engine's counters are shown.
const SHOW: Duration = Duration::from_secs(1);
/// The longest that a ring is emptied whose interface went away: the open block is handed over within
/// some milliseconds.
const EMPTY_MAX: Duration = Duration::from_secs(2);

/// What an engine is made of: at the start, and anew should it fail.
pub(crate) struct Blueprint {
    pub(crate) config: engine::config::Config,
    pub(crate) detection: Settings,
    pub(crate) eves: Vec<EveConfig>,
    pub(crate) writes_fast: bool,
    pub(crate) rules: Rules,
}

impl Blueprint {
    fn engine(&self, interface: &str) -> Engine {
        let ruleset = self.rules.ruleset.clone();
        let source = Source {
            interface: Some(interface.to_owned()),
            ruleset: Some(ruleset.clone()),
            ..Source::default()
        };
        let mut recorder = Recorder::new(self.eves.clone(), source);
        recorder.writes_fast = self.writes_fast;
        let mut config = self.config.clone();
        config.rules = self.rules.loaded;
        if let Some(app) = &self.rules.app {
            config.app = app.clone();
        }
        Engine::new(config, Detector::new(ruleset, self.detection), recorder)
    }
}

/// A worker.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    port: Arc<Port>,
    doors: Doors,
    reader: Reader,
    window: Arc<Window>,
    blueprint: Arc<Blueprint>,
    stop_within: Duration,
    engine: Engine,
    out: Counting,
    counts: Counts,
    /// What rings that are closed had counted.
    before: tpacket::Stats,
    generation: u64,
    /// Time of the latest packet.
    latest: Timestamp,
    next_tick: Timestamp,
    next_show: Timestamp,
    /// Whether the interface is away or down, and that was told.
    is_away: bool,
}

impl Worker {
    /// A worker for `port`, whose state is seen through `window`.
    pub(crate) fn new(
        shared: Arc<Shared>,
        port: Arc<Port>,
        doors: Doors,
        window: Arc<Window>,
        blueprint: Arc<Blueprint>,
        (sink, tap): (Box<dyn Sink>, Option<Tap>),
        stop_within: Duration,
    ) -> Self {
        let engine = blueprint.engine(&port.name);
        window.tallies.show(engine.tallies());
        window.generation.store(1, Ordering::Relaxed);
        Worker {
            shared,
            port,
            doors,
            reader: Reader::default(),
            window,
            blueprint,
            stop_within,
            engine,
            out: Counting::new(sink, tap),
            counts: Counts::default(),
            before: tpacket::Stats::default(),
            generation: 1,
            latest: Timestamp::default(),
            next_tick: Timestamp::default(),
            next_show: Timestamp::default(),
            is_away: false,
        }
    }

    /// Works until the sensor stops.
    pub(crate) fn run(mut self) {
        while !self.shared.is_stopping() {
            match self.open() {
                Some(mut ring) => {
                    self.capture(&mut ring);
                    self.port.close(ring);
                    self.window.is_capturing.store(false, Ordering::Relaxed);
                }
                None => {
                    std::thread::sleep(RETRY);
                    self.between_packets((self.shared.clock)());
                }
            }
        }
        let result = catch_unwind(AssertUnwindSafe(|| self.engine.finish(&mut self.out)));
        if result.is_err() {
            self.counts.engine_failures += 1;
        }
        self.out.flush();
        self.show_engine();
        self.show();
        self.window.has_ended.store(true, Ordering::Relaxed);
    }

    fn open(&mut self) -> Option<Ring> {
        let port = self.port.clone();
        let Some(opened) = self.doors.ask(move || port.open()) else {
            tracing::error!("{}: opening its ring failed", self.port.name);
            return None;
        };
        let opened = opened.and_then(|ring| {
            let interface = &self.port.name;
            let let_in = self.port.let_in(&ring);
            match let_in {
                Ok(()) => Ok(ring),
                Err(source) => {
                    self.port.close(ring);
                    Err(Closed::Ring(Error::Open {
                        interface: interface.clone(),
                        step: "opening the gate",
                        source,
                    }))
                }
            }
        });
        match opened {
            Ok(ring) => {
                self.counts.rings_opened += 1;
                self.look_if_back();
                Some(ring)
            }
            Err(Closed::Leaving) => None,
            Err(Closed::Ring(error)) => {
                self.tell_away(&error);
                None
            }
        }
    }

    /// Takes packets until the sensor stops or the interface is another one.
    fn capture(&mut self, ring: &mut Ring) {
        let mut looked = Instant::now();
        loop {
            if self.shared.is_stopping() {
                if let Err(error) = ring.shut_gate() {
                    tracing::warn!("{}: the ring can't be shut: {error}", self.port.name);
                }
                self.empty(ring, self.stop_within);
                return;
            }
            let has_packets = match ring.block(IDLE) {
                Ok(Some(block)) => Ok(self.block(block)),
                Ok(None) => Ok(false),
                Err(error) => Err(error),
            };
            let now = match has_packets {
                Ok(true) => self.latest,
                // What is still in the open block came within the last hand-over.
                Ok(false) => {
                    let slack = self.port.hand_over().saturating_mul(2);
                    let now = (self.shared.clock)();
                    Timestamp::from_nanos(now.nanos().saturating_sub(slack.as_nanos() as i64))
                }
                Err(error) => {
                    self.on_down(&error);
                    if !self.is_same(ring) || matches!(error, Error::Wait { .. }) {
                        self.empty(ring, EMPTY_MAX);
                        return;
                    }
                    continue;
                }
            };
            self.count_ring(ring);
            self.between_packets(now);
            if self.is_away || looked.elapsed() >= SAME {
                looked = Instant::now();
                if !self.is_same(ring) {
                    self.empty(ring, EMPTY_MAX);
                    return;
                }
                if self.is_away {
                    self.look_if_back();
                }
            }
        }
    }

    /// Whether the interface is still the one that `ring` was opened on.
    fn is_same(&self, ring: &Ring) -> bool {
        let port = self.port.clone();
        self.doors.ask(move || port.index()).flatten() == Some(ring.index())
    }

    /// The interface went down; where it only did that, the ring goes on by itself when it is up again.
    fn on_down(&mut self, error: &Error) {
        self.counts.interface_downs += 1;
        self.tell_away(error);
    }

    fn tell_away(&mut self, error: &Error) {
        self.window.is_capturing.store(false, Ordering::Relaxed);
        // One worker tells for all, and once.
        if !std::mem::replace(&mut self.is_away, true) && self.window.number == 0 {
            tracing::warn!("not capturing until it is back: {error}");
        }
    }

    /// With a ring at hand: whether the interface is up, and has been all the time or is again.
    fn look_if_back(&mut self) {
        let port = self.port.clone();
        if self.doors.ask(move || port.is_up()) != Some(true) {
            return;
        }
        self.is_away = false;
        self.window.is_capturing.store(true, Ordering::Relaxed);
        if self.window.number == 0 {
            tracing::info!(interface = self.port.name, "capturing");
        }
    }

    /// What is to be done where no packet is at hand: the engine's clock, new rules, what is shown.
    fn between_packets(&mut self, now: Timestamp) {
        self.take_rules();
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            let ticked = catch_unwind(AssertUnwindSafe(|| {
                self.engine.on_tick(now, TICK_PARTS, &mut self.out);
            }));
            if ticked.is_err() {
                self.renew();
            }
            self.out.flush();
        }
        if now >= self.next_show {
            self.next_show = now + SHOW;
            self.show_engine();
        }
        self.show();
    }

    /// Inspects what is left in a ring that gets nothing more, and counts what time does not allow.
    fn empty(&mut self, ring: &mut Ring, within: Duration) {
        let begun = Instant::now();
        // The open block is handed over by then, if anything is in it.
        let quiet = self.port.hand_over().saturating_mul(3) + Duration::from_millis(20);
        while begun.elapsed() < within {
            match ring.block(quiet) {
                Ok(Some(block)) => {
                    self.block(block);
                }
                Ok(None) => break,
                // That it went down is known; what it left is still there.
                Err(Error::Down { .. }) => {}
                Err(_) => break,
            }
        }
        self.count_ring(ring);
        self.before = tpacket::Stats {
            packets: self.counts.ring_packets,
            drops: self.counts.ring_drops,
            freezes: self.counts.ring_freezes,
        };
        self.counts.left_behind += self.counts.waiting();
        self.show();
    }

    /// Takes the packets of a block. Should the engine fail on one, the rest of the block is lost and
    /// counted, and a new engine goes on. Whether there was any.
    fn block(&mut self, mut block: Block<'_>) -> bool {
        self.reader.follow(&self.shared.book);
        let is_ethernet = block.is_ethernet();
        let mut frames = block.frames();
        let said = u64::from(frames.left());
        let before = self.counts.inspected + self.counts.filtered;
        let taken = catch_unwind(AssertUnwindSafe(|| self.frames(&mut frames, is_ethernet)));
        let invalid = u64::from(frames.invalid());
        self.counts.invalid += invalid;
        if taken.is_err() {
            let done = self.counts.inspected + self.counts.filtered - before + invalid;
            self.counts.failed += said.saturating_sub(done);
            self.renew();
        }
        drop(block);
        self.out.flush();
        said > 0
    }

    fn frames(&mut self, frames: &mut Frames<'_>, is_ethernet: bool) {
        let link = if is_ethernet {
            LinkType::ETHERNET
        } else {
            LinkType::RAW
        };
        for captured in frames {
            if self.shared.generation() != self.generation {
                self.take_rules();
            }
            let frame = Frame {
                time: Timestamp::new(captured.seconds.into(), captured.nanos),
                number: 0,
                data: captured.data,
                wire_len: captured.wire_len,
                link,
            };
            self.latest = frame.time;
            self.reader
                .on_frame(frame.time, frame.data, is_ethernet, &self.port.name);
            if let Some(filter) = &self.port.filter
                && !filter.matches(&frame)
            {
                self.counts.filtered += 1;
                continue;
            }
            let is_pending = captured.checksum == Checksum::NotReady;
            self.engine.on_live_frame(&frame, is_pending, &mut self.out);
            self.counts.inspected += 1;
            self.counts.inspected_bytes += frame.data.len() as u64;
            self.counts.offloaded += u64::from(is_pending);
            self.counts.tags_restored += u64::from(captured.is_tag_restored);
            self.counts.truncated += u64::from(frame.wire_len as usize > frame.data.len());
        }
    }

    /// Runs the rules that are in place, if they are others than those before.
    fn take_rules(&mut self) {
        if self.shared.generation() == self.generation {
            return;
        }
        if let Some((generation, rules)) = self.shared.rules() {
            self.engine.take_rules(&rules);
            self.window.tallies.show(self.engine.tallies());
            self.generation = generation;
            self.window.generation.store(generation, Ordering::Relaxed);
        }
    }

    /// The engine failed: what it knew can't be trusted.
    fn renew(&mut self) {
        self.counts.engine_failures += 1;
        tracing::error!(
            interface = self.port.name,
            worker = self.window.number,
            "the engine failed; a new one goes on, flows begin anew"
        );
        self.engine = self.blueprint.engine(&self.port.name);
        if let Some((_, rules)) = self.shared.rules() {
            self.engine.take_rules(&rules);
        }
        self.window.tallies.show(self.engine.tallies());
    }

    fn count_ring(&mut self, ring: &mut Ring) {
        // It only fails for a socket that is none.
        if let Ok(stats) = ring.stats() {
            self.counts.ring_packets = self.before.packets + stats.packets;
            self.counts.ring_drops = self.before.drops + stats.drops;
            self.counts.ring_freezes = self.before.freezes + stats.freezes;
        }
    }

    fn show_engine(&mut self) {
        // Sums for a summary at the end, which nobody asks of a sensor: they would only grow.
        drop(self.engine.take_told());
        self.window.show_counters(self.engine.counters());
    }

    fn show(&mut self) {
        self.counts.records = self.out.records;
        self.counts.alerts = self.out.alerts;
        self.counts.refused_records = self.out.refused();
        self.window.counts.show(&self.counts);
    }
}
