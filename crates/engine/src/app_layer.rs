//! Recognises what a flow speaks and hands its bytes to the parser.
//!
//! Each direction is recognised for itself, as Suricata does, so that a server that answers in
//! another protocol than it was asked in is told as such.

use decode::app::{
    Config, Context, Entry, Expectation, Outcome, PROTOCOLS, Parser, Probe, ProbeInput,
};
use event::{AppProtocol, Direction};

/// Bytes of one direction after which recognition gives up; Suricata's bound for the same.
const RECOGNITION_LIMIT: usize = 100_000;

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
    /// The protocol was recognised in this call: bytes of the other direction may be waiting.
    pub is_recognised: bool,
    /// The parser gave up in this call.
    pub has_failed: bool,
}

enum Recognised {
    As(&'static Entry),
    Reversed(&'static Entry),
    Undecided,
    No,
}

impl AppLayer {
    /// Whether bytes of streams are still wanted.
    #[must_use]
    pub fn wants_data(&self) -> bool {
        !self.is_finished && self.protocol != AppProtocol::Failed
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
        is_end: bool,
        config: &Config,
    ) -> Taken {
        let all = Taken {
            consumed: data.len(),
            ..Taken::default()
        };
        if !self.wants_data() {
            return all;
        }
        if data.is_empty() {
            return all;
        }
        let mut is_recognised = false;
        if !self.settled[usize::from(direction)] {
            match recognise(cx, direction, data, config) {
                Recognised::As(entry) => {
                    is_recognised = self.settle(direction, entry, config);
                }
                Recognised::Reversed(entry) if self.parser.is_none() => {
                    let _ = entry;
                    return Taken {
                        is_reversed: true,
                        ..Taken::default()
                    };
                }
                Recognised::Reversed(_) | Recognised::No => self.settle_unknown(direction),
                Recognised::Undecided if is_end => self.settle_unknown(direction),
                Recognised::Undecided if data.len() > RECOGNITION_LIMIT => {
                    self.note("applayer_proto_detection_skipped");
                    self.settle_unknown(direction);
                }
                Recognised::Undecided => return Taken::default(),
            }
            if self.parser.is_none() {
                return match self.protocol {
                    AppProtocol::Failed => all,
                    // The other direction may still tell: the bytes wait.
                    _ if data.len() <= RECOGNITION_LIMIT => Taken::default(),
                    _ => {
                        self.note("applayer_proto_detection_skipped");
                        self.protocol = AppProtocol::Failed;
                        all
                    }
                };
            }
        }
        if self.parser.is_none() {
            if data.len() > RECOGNITION_LIMIT {
                self.note("applayer_proto_detection_skipped");
                self.protocol = AppProtocol::Failed;
                return all;
            }
            return Taken::default();
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
        if self.parser.is_none() && !self.settled[usize::from(direction)] {
            match recognise(cx, direction, data, config) {
                Recognised::As(entry) => {
                    self.settle(direction, entry, config);
                    self.seen = [entry.protocol; 2];
                    self.settled = [true; 2];
                }
                Recognised::Reversed(_) => {
                    return Taken {
                        is_reversed: true,
                        ..Taken::default()
                    };
                }
                Recognised::No | Recognised::Undecided => self.settle_unknown(direction),
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
            // Without the first bytes nothing can be recognised any more.
            self.settle_unknown(direction);
            self.protocol = AppProtocol::Failed;
            return false;
        };
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
        } else if !self.settled[side] && self.protocol == AppProtocol::Unknown {
            self.settle_unknown(direction);
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
    }

    /// Swaps what is known of the directions beside `seen`, when the flow's ends were the wrong way round.
    pub fn swap_directions(&mut self) {
        self.settled.swap(0, 1);
        self.ended.swap(0, 1);
    }

    fn feed(&mut self, cx: &Context, direction: Direction, data: &[u8]) -> Taken {
        let Some(parser) = &mut self.parser else {
            return Taken::default();
        };
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

    /// Notes that `direction` speaks `entry`'s protocol; true where parsing starts with it.
    fn settle(&mut self, direction: Direction, entry: &'static Entry, config: &Config) -> bool {
        let side = usize::from(direction);
        self.settled[side] = true;
        self.seen[side] = entry.protocol;
        self.recognised[side] = true;
        if self.parser.is_some() {
            if self.protocol != entry.protocol {
                self.note("applayer_mismatch_protocol_both_directions");
            }
            return false;
        }
        if let Some(expected) = self.expected
            && expected != entry.protocol
        {
            self.note(if expected == AppProtocol::Tls {
                "applayer_no_tls_after_starttls"
            } else {
                "applayer_unexpected_protocol"
            });
        }
        let other = 1 - side;
        if self.settled[other] && self.seen[other] == AppProtocol::Failed {
            self.note("applayer_detect_protocol_only_one_direction");
        } else if direction == Direction::ToClient
            && !self.settled[other]
            && is_request_first(entry)
        {
            self.note("applayer_wrong_direction_first_data");
        }
        self.start(entry, (entry.create)(config));
        true
    }

    fn note(&mut self, event: &'static str) {
        self.events.push(event);
        self.new_events.push(event);
    }

    fn start(&mut self, entry: &'static Entry, parser: Box<dyn Parser>) {
        self.protocol = entry.protocol;
        self.parser = Some(parser);
    }

    fn settle_unknown(&mut self, direction: Direction) {
        let side = usize::from(direction);
        self.settled[side] = true;
        self.seen[side] = AppProtocol::Failed;
        if self.parser.is_some() {
            self.note("applayer_detect_protocol_only_one_direction");
        } else if self.settled[1 - side] {
            self.protocol = AppProtocol::Failed;
            if self.expected == Some(AppProtocol::Tls) {
                self.note("applayer_no_tls_after_starttls");
            }
        }
    }
}

/// Whether the client of a protocol speaks first, so that an answer without a question is odd.
fn is_request_first(entry: &Entry) -> bool {
    matches!(
        entry.protocol,
        AppProtocol::Http1 | AppProtocol::Tls | AppProtocol::Dns
    )
}

fn recognise(cx: &Context, direction: Direction, data: &[u8], config: &Config) -> Recognised {
    let input = ProbeInput {
        direction,
        data,
        client_port: cx.client_port,
        server_port: cx.server_port,
        is_udp: cx.is_udp,
        is_midstream: cx.is_midstream,
    };
    let mut is_open = false;
    for entry in PROTOCOLS {
        let carried = if cx.is_udp { entry.udp } else { entry.tcp };
        let Some(probe) = entry.probe.filter(|_| carried) else {
            continue;
        };
        match probe(&input, config) {
            Probe::Yes => return Recognised::As(entry),
            Probe::Reversed => return Recognised::Reversed(entry),
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
