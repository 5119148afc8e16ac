//! Recognises what a flow speaks and hands its bytes to the parser.
//!
//! Each direction is recognised for itself, as Suricata does, so that a server that answers in
//! another protocol than it was asked in is told as such.

use decode::app::{
    Config, Context, Entry, Expectation, Mode, Outcome, PROTOCOLS, Parser, Probe, ProbeInput,
};
use event::{AppProtocol, Direction};

/// Bytes of one direction after which recognition gives up; Suricata's bound for the same.
const RECOGNITION_LIMIT: usize = 100_000;

/// Bytes of each direction that Suricata's longest pattern for it spans: until more are there, a
/// direction is not said to speak nothing that is known.
const PATTERN_LEN: [usize; 2] = [24, 8];

/// What is known of a flow's application.
pub struct AppLayer {
    /// The protocol that is parsed; `Unknown` until recognised, `Failed` where it was not.
    pub protocol: AppProtocol,
    /// What was recognised in each direction.
    pub seen: [AppProtocol; 2],
    /// The protocol before an upgrade.
    pub original: Option<AppProtocol>,
    /// The protocol that an upgrade or another flow announced.
    pub expected: Option<AppProtocol>,
    /// The parser; kept after it gave up, for its transactions.
    pub parser: Option<Box<dyn Parser>>,
    /// Events of recognition itself, such as `applayer_mismatch_protocol_both_directions`, that are
    /// still to be written as anomalies.
    pub events: Vec<&'static str>,
    /// Events of recognition that rules have not seen.
    pub new_events: Vec<&'static str>,
    /// Directions in which the protocol was recognised since rules looked last.
    pub recognised: [bool; 2],
    /// Whether the parser takes no more bytes.
    pub is_finished: bool,
    /// Whether what follows is encrypted, so that payload is not worth inspecting.
    pub is_encrypted: bool,
    /// An upgrade that takes place with the next bytes: Some(None) where what follows is unknown.
    pub upgrade: Option<Option<AppProtocol>>,
    /// Directions whose end was told to the parser.
    ended: [bool; 2],
    /// Directions in which recognition came to an end.
    settled: [bool; 2],
    /// Directions whose bytes told nothing so far, and would not with more of them.
    exhausted: [bool; 2],
    /// The direction whose bytes came first.
    first: Option<Direction>,
    /// Whether the parser got bytes.
    is_fed: bool,
    /// The direction that was recognised while the other one's bytes were due first. What is there
    /// of it is parsed even if the parser gives up on those.
    owed: Option<Direction>,
    /// Transactions before these are complete, by direction.
    complete: [u64; 2],
}

impl std::fmt::Debug for AppLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppLayer")
            .field("protocol", &self.protocol)
            .field("seen", &self.seen)
            .field("is_finished", &self.is_finished)
            .finish_non_exhaustive()
    }
}

impl Default for AppLayer {
    fn default() -> Self {
        AppLayer {
            protocol: AppProtocol::Unknown,
            seen: [AppProtocol::Unknown; 2],
            original: None,
            expected: None,
            parser: None,
            events: Vec::new(),
            new_events: Vec::new(),
            recognised: [false; 2],
            is_finished: false,
            is_encrypted: false,
            upgrade: None,
            ended: [false; 2],
            settled: [false; 2],
            exhausted: [false; 2],
            first: None,
            is_fed: false,
            owed: None,
            complete: [0; 2],
        }
    }
}

/// What became of bytes that were handed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Bytes that need not be offered again.
    pub consumed: usize,
    /// The flow runs the other way round than it was thought to: its ends must be swapped, and the
    /// bytes offered again in the other direction.
    pub is_reversed: bool,
    /// The protocol was recognised in this call: bytes of the other direction may be waiting. Where
    /// nothing was consumed, they came first and are to be offered before these are again.
    pub is_recognised: bool,
    /// The parser gave up in this call.
    pub has_failed: bool,
}

enum Recognised {
    As(&'static Entry),
    Reversed,
    Undecided,
    No,
}

impl AppLayer {
    /// Whether bytes of streams are still wanted.
    #[must_use]
    pub fn wants_data(&self) -> bool {
        let is_open = self.protocol != AppProtocol::Failed || self.settled != [true; 2];
        self.owed.is_some() || is_open && !self.is_finished
    }

    /// Whether recognition has come to an end in `direction`.
    #[must_use]
    pub fn is_settled(&self, direction: Direction) -> bool {
        self.settled[usize::from(direction)]
    }

    /// Announces a protocol for a flow that another flow told of.
    pub fn expect(&mut self, expectation: &Expectation, config: &Config) {
        let Some(entry) = decode::app::entry(expectation.protocol) else {
            return;
        };
        let mut parser = (entry.create)(config);
        parser.set_hint(expectation);
        self.start(entry, parser);
        self.seen = [entry.protocol; 2];
        self.settled = [true; 2];
        self.expected = Some(expectation.protocol);
    }

    /// Takes the bytes of a stream that were not taken before, from the first of them on.
    pub fn on_stream(
        &mut self,
        cx: &Context,
        direction: Direction,
        data: &[u8],
        config: &Config,
    ) -> Taken {
        let all = Taken {
            consumed: data.len(),
            ..Taken::default()
        };
        if !self.wants_data() || data.is_empty() {
            return all;
        }
        self.first.get_or_insert(direction);
        let mut is_recognised = false;
        if !self.settled[usize::from(direction)] {
            match recognise(cx, direction, data, self.other(direction), config) {
                Recognised::As(entry) => {
                    is_recognised = true;
                    if !self.settle(direction, entry, config) {
                        return all;
                    }
                    if !self.is_fed && self.first == Some(direction.opposite()) {
                        // What the other side said first is parsed first.
                        self.owed = Some(direction);
                        return Taken {
                            is_recognised,
                            ..Taken::default()
                        };
                    }
                }
                Recognised::Reversed if self.parser.is_none() => {
                    return Taken {
                        is_reversed: true,
                        ..Taken::default()
                    };
                }
                Recognised::Reversed | Recognised::No
                    if data.len() > PATTERN_LEN[usize::from(direction)] =>
                {
                    self.settle_unknown(cx, direction);
                }
                Recognised::Reversed | Recognised::No | Recognised::Undecided => {
                    if data.len() <= RECOGNITION_LIMIT {
                        return Taken::default();
                    }
                    self.skip_recognition();
                }
            }
        }
        if !self.wants_data() {
            return all;
        }
        if self.parser.is_none() {
            // The other direction may still tell: the bytes wait.
            if data.len() <= RECOGNITION_LIMIT {
                return Taken::default();
            }
            self.skip_recognition();
            return all;
        }
        let taken = self.feed(cx, direction, data);
        Taken {
            is_recognised,
            ..taken
        }
    }

    /// Takes one datagram.
    pub fn on_datagram(
        &mut self,
        cx: &Context,
        direction: Direction,
        data: &[u8],
        config: &Config,
    ) -> Taken {
        let all = Taken {
            consumed: data.len(),
            ..Taken::default()
        };
        if !self.wants_data() || data.is_empty() {
            return all;
        }
        let side = usize::from(direction);
        if self.parser.is_none() && !self.settled[side] {
            match recognise(cx, direction, data, self.other(direction), config) {
                Recognised::As(entry) => {
                    if config.modes.of(entry.protocol, true) == Mode::DetectionOnly {
                        self.leave_alone(entry);
                    } else {
                        self.start(entry, (entry.create)(config));
                    }
                    self.recognised[side] = true;
                    self.seen = [entry.protocol; 2];
                    self.settled = [true; 2];
                }
                Recognised::Reversed => {
                    return Taken {
                        is_reversed: true,
                        ..Taken::default()
                    };
                }
                // The next datagram may tell.
                Recognised::Undecided => self.protocol = AppProtocol::Failed,
                Recognised::No => {
                    self.settled[side] = true;
                    self.seen[side] = AppProtocol::Failed;
                    self.protocol = AppProtocol::Failed;
                }
            }
        }
        if self.parser.is_none() {
            return all;
        }
        self.feed(cx, direction, data)
    }

    /// `len` bytes of `direction` were never seen.
    pub fn on_gap(&mut self, cx: &Context, direction: Direction, len: u64) -> bool {
        if !self.wants_data() {
            return false;
        }
        let Some(parser) = &mut self.parser else {
            return false;
        };
        self.settled[usize::from(direction)] = true;
        let outcome = parser.on_gap(cx, direction, len);
        self.follow(cx, outcome, 0).has_failed
    }

    /// No more bytes will come in `direction`.
    pub fn on_end(&mut self, cx: &Context, direction: Direction) {
        let side = usize::from(direction);
        if std::mem::replace(&mut self.ended[side], true) {
            return;
        }
        if let Some(parser) = &mut self.parser {
            parser.on_end(cx, direction);
        }
    }

    /// Forgets the old protocol, whose transactions were inspected and told, and begins anew.
    pub fn begin_upgrade(&mut self) {
        let Some(to) = self.upgrade.take() else {
            return;
        };
        self.original = Some(self.protocol);
        self.expected = to;
        self.parser = None;
        self.protocol = AppProtocol::Unknown;
        self.seen = [AppProtocol::Unknown; 2];
        self.settled = [false; 2];
        self.ended = [false; 2];
        self.is_finished = false;
        self.exhausted = [false; 2];
        self.complete = [0; 2];
    }

    /// Whether a message came to its end in `direction` since this was asked last.
    pub fn has_new_message(&mut self, direction: Direction) -> bool {
        let Some(parser) = &self.parser else {
            return false;
        };
        let range = parser.tx_range();
        let known = &mut self.complete[usize::from(direction)];
        let is_complete = |id: &u64| parser.tx(*id).is_some_and(|tx| tx.is_complete(direction));
        let first = range.start.max(*known);
        let next = first + (first..range.end).take_while(is_complete).count() as u64;
        let is_new = next > *known;
        *known = next;
        is_new
    }

    /// Swaps what is known of the directions beside `seen`, when the flow's ends were the wrong way round.
    pub fn swap_directions(&mut self) {
        self.settled.swap(0, 1);
        self.ended.swap(0, 1);
        self.exhausted.swap(0, 1);
        self.complete.swap(0, 1);
        self.first = self.first.map(Direction::opposite);
        self.owed = self.owed.map(Direction::opposite);
    }

    fn feed(&mut self, cx: &Context, direction: Direction, data: &[u8]) -> Taken {
        let Some(parser) = &mut self.parser else {
            return Taken::default();
        };
        self.is_fed = true;
        if self.owed == Some(direction) {
            self.owed = None;
        }
        let outcome = parser.on_data(cx, direction, data);
        self.follow(cx, outcome, data.len())
    }

    fn follow(&mut self, cx: &Context, outcome: Outcome, len: usize) -> Taken {
        let mut taken = Taken {
            consumed: len,
            ..Taken::default()
        };
        match outcome {
            Outcome::Taken => {}
            Outcome::Failed => {
                taken.has_failed = true;
                self.finish(cx);
            }
            Outcome::Encrypted => {
                self.is_encrypted = true;
            }
            Outcome::Upgrade { consumed, to } => {
                taken.consumed = consumed.min(len);
                self.upgrade = Some(to);
            }
        }
        taken
    }

    /// Ends parsing; what is open is closed, transactions stay.
    fn finish(&mut self, cx: &Context) {
        self.is_finished = true;
        for direction in Direction::BOTH {
            self.on_end(cx, direction);
        }
    }

    /// What was recognised in the other direction than `direction`.
    fn other(&self, direction: Direction) -> AppProtocol {
        match self.seen[1 - usize::from(direction)] {
            AppProtocol::Failed => AppProtocol::Unknown,
            known => known,
        }
    }

    /// Notes that `direction` speaks `entry`'s protocol; false where nothing is parsed for it.
    fn settle(&mut self, direction: Direction, entry: &'static Entry, config: &Config) -> bool {
        let side = usize::from(direction);
        self.settled[side] = true;
        self.seen[side] = entry.protocol;
        self.recognised[side] = true;
        let other = self.other(direction);
        if other != AppProtocol::Unknown && other != entry.protocol {
            self.note("applayer_mismatch_protocol_both_directions");
            // As long as nothing was parsed the server is trusted more.
            if self.is_fed || direction == Direction::ToServer {
                return true;
            }
            self.parser = None;
        }
        if self.parser.is_some() {
            return true;
        }
        if let Some(expected) = self.expected
            && expected != entry.protocol
        {
            self.note("applayer_unexpected_protocol");
            if expected == AppProtocol::Tls {
                self.note("applayer_no_tls_after_starttls");
            }
        }
        if config.modes.of(entry.protocol, false) == Mode::DetectionOnly {
            self.leave_alone(entry);
            return false;
        }
        self.start(entry, (entry.create)(config));
        if is_client_first(entry) && !self.is_fed && self.first == Some(Direction::ToClient) {
            if direction == Direction::ToClient {
                self.note("applayer_wrong_direction_first_data");
            }
            self.give_up();
            return false;
        }
        true
    }

    /// The flow speaks `entry`'s protocol, and that is all that is wanted of it.
    fn leave_alone(&mut self, entry: &'static Entry) {
        self.protocol = entry.protocol;
        self.is_finished = true;
    }

    /// Nothing is recognised any more.
    fn give_up(&mut self) {
        self.parser = None;
        self.protocol = AppProtocol::Failed;
        self.settled = [true; 2];
        for seen in &mut self.seen {
            if *seen == AppProtocol::Unknown {
                *seen = AppProtocol::Failed;
            }
        }
    }

    fn skip_recognition(&mut self) {
        self.note("applayer_proto_detection_skipped");
        self.give_up();
    }

    fn note(&mut self, event: &'static str) {
        self.events.push(event);
        self.new_events.push(event);
    }

    fn start(&mut self, entry: &'static Entry, mut parser: Box<dyn Parser>) {
        self.protocol = entry.protocol;
        if let Some(origin) = self.original {
            parser.set_origin(origin);
        }
        self.parser = Some(parser);
    }

    /// `direction` speaks nothing that is known.
    fn settle_unknown(&mut self, cx: &Context, direction: Direction) {
        let side = usize::from(direction);
        if self.parser.is_some() {
            self.note("applayer_detect_protocol_only_one_direction");
            self.settled[side] = true;
            self.seen[side] = AppProtocol::Failed;
            return;
        }
        self.exhausted[side] = true;
        // Picked up in the middle, an answer alone does not tell where a request begins.
        let is_lost = cx.is_midstream && direction == Direction::ToServer;
        if self.exhausted[1 - side] || is_lost {
            self.give_up();
        }
    }
}

/// Whether a conversation in this protocol must begin with the client.
fn is_client_first(entry: &Entry) -> bool {
    entry.protocol == AppProtocol::Tls
}

fn recognise(
    cx: &Context,
    direction: Direction,
    data: &[u8],
    other: AppProtocol,
    config: &Config,
) -> Recognised {
    let input = ProbeInput {
        direction,
        data,
        client_port: cx.client_port,
        server_port: cx.server_port,
        is_udp: cx.is_udp,
        is_midstream: cx.is_midstream,
        other,
    };
    let mut is_open = false;
    for entry in PROTOCOLS {
        let carried = if cx.is_udp { entry.udp } else { entry.tcp };
        let Some(probe) = entry.probe.filter(|_| carried) else {
            continue;
        };
        if config.modes.of(entry.protocol, cx.is_udp) == Mode::Off {
            continue;
        }
        match probe(&input, config) {
            Probe::Yes => return Recognised::As(entry),
            Probe::Reversed => return Recognised::Reversed,
            Probe::Undecided => is_open = true,
            Probe::No => {}
        }
    }
    if is_open {
        Recognised::Undecided
    } else {
        Recognised::No
    }
}
