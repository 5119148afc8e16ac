//! Why a rule alerted: which bytes of which buffers it matched, and by which of its options.
//!
//! Nothing is noted while rules are held against traffic. When an alert is about to be told, its rule is
//! held against the same buffers once more, and this time what is found is noted. A buffer that was
//! matched with an earlier packet and is not there any more is left out.

use super::alerts::Alert;
use super::driver::{Round, Tools};
use super::fields::walk;
use super::payload::{find, header};
use super::program::{Mark, Program};
use super::signature::{Engine, EngineDirection, Look, Signature};
use event::{Buffer, Direction, Timestamp};

/// Bytes of a window: what a person looks at, sixteen lines of a hexdump.
const WINDOW: usize = 256;
/// Bytes of it before what was found first.
const BEFORE: usize = 48;
/// Windows told for one alert, so that a record grows by a few kilobytes at most.
const WINDOWS_MAX: usize = 12;
/// Places told for one alert.
const SPANS_MAX: usize = 48;
/// Bytes of an option's text.
const TEXT_MAX: usize = 96;

/// A window of a buffer that a rule matched, as the rule saw it: after its transforms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    /// Which buffer.
    pub buffer: Buffer,
    /// Which way it travels.
    pub direction: Direction,
    /// Whether the payload is the stream's, not the packet's.
    pub is_stream: bool,
    /// The bytes of the window.
    pub data: Vec<u8>,
    /// Where the window begins in the buffer.
    pub offset: u64,
    /// Bytes of the buffer; of a body that still arrives, those so far.
    pub length: u64,
    /// What was found, in the order of places.
    pub spans: Vec<Span>,
}

/// Bytes that an option of the rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first, within the buffer.
    pub at: u64,
    /// How many; 0 for a place.
    pub length: u64,
    /// The keyword.
    pub by: &'static str,
    /// Its value as the rule writes it, without quotes around it.
    pub text: Box<str>,
}

impl Traced {
    /// The buffer's keyword; `payload` for what has none.
    #[must_use]
    pub fn buffer_name(&self) -> &'static str {
        match self.buffer {
            Buffer::Payload => "payload",
            other => other.as_str(),
        }
    }
}

/// How many alerts are explained in one second.
#[derive(Debug, Default)]
pub(super) struct Budget {
    second: i64,
    taken: u32,
}

impl Budget {
    /// Whether there is one more of `most` for the second of `now`; takes it.
    pub(super) fn take(&mut self, most: u32, now: Timestamp) -> bool {
        if self.second != now.secs() {
            (self.second, self.taken) = (now.secs(), 0);
        }
        let is_left = self.taken < most;
        self.taken += u32::from(is_left);
        is_left
    }
}

/// Holds the rule of `alert` against its buffers again and tells where it matched: with the same
/// packet at hand that it alerted on.
pub(super) fn trace(
    round: &Round<'_>,
    rule: &Signature,
    alert: &Alert,
    tools: &mut Tools,
) -> Vec<Traced> {
    let mut trace = Trace {
        round,
        texts: rule.details.options().map(|option| option.value).collect(),
        told: Vec::new(),
        spans: 0,
    };
    trace.headers(rule, tools);
    trace.payload(rule, tools);
    for engine in &rule.engines {
        trace.engine(rule, engine, alert, tools);
    }
    trace.told
}

/// What is known of the alert at hand.
struct Trace<'a, 'r> {
    round: &'a Round<'r>,
    /// Values of the rule's options.
    texts: Vec<Option<&'a str>>,
    told: Vec<Traced>,
    /// Spans told so far.
    spans: usize,
}

/// A buffer that was looked into.
#[derive(Clone, Copy)]
struct Place {
    buffer: Buffer,
    direction: Direction,
    is_stream: bool,
    /// Where the bytes at hand begin in it.
    offset: u64,
}

impl Place {
    fn of(buffer: Buffer, direction: Direction) -> Self {
        Place {
            buffer,
            direction,
            is_stream: false,
            offset: 0,
        }
    }
}

impl Trace<'_, '_> {
    fn headers(&mut self, rule: &Signature, tools: &mut Tools) {
        for (buffer, program) in &rule.headers {
            let mut octets = [0; 16];
            if let Some(bytes) = header(*buffer, self.round.cx.packet, &mut octets) {
                tools.inspection.set_whole();
                let place = Place::of(*buffer, self.round.cx.direction);
                self.program(place, program, bytes, tools);
            }
        }
    }

    fn payload(&mut self, rule: &Signature, tools: &mut Tools) {
        if rule.payload.is_empty() {
            return;
        }
        let (told, spans) = (self.told.len(), self.spans);
        let round = self.round;
        let found = find(round, rule, |payload| {
            tools.inspection.set_whole();
            let place = Place::of(Buffer::Payload, round.cx.direction);
            let all = rule
                .payload
                .iter()
                .all(|program| self.program(place, program, payload, tools));
            if !all {
                self.told.truncate(told);
                self.spans = spans;
            }
            all
        });
        let is_stream = found == Some(super::AlertKind::Stream);
        for traced in self.told.iter_mut().skip(told) {
            traced.is_stream = is_stream;
        }
    }

    /// What a transaction's buffer holds.
    fn engine(&mut self, rule: &Signature, engine: &Engine, alert: &Alert, tools: &mut Tools) {
        let Look::Buffer { buffer, program } = &engine.look else {
            return;
        };
        let Some(flow) = self.round.flow else { return };
        let Some(tx) = flow
            .app
            .parser
            .as_ref()
            .zip(alert.tx)
            .and_then(|(parser, id)| parser.tx(id))
        else {
            return;
        };
        let protocol = flow.app.protocol;
        if !buffer.protocols().contains(&protocol) {
            return;
        }
        let ways: &[Direction] = match engine.direction {
            EngineDirection::Only(Direction::ToServer) => &[Direction::ToServer],
            EngineDirection::Only(Direction::ToClient) => &[Direction::ToClient],
            EngineDirection::Any if rule.is_bidirectional => &Direction::BOTH,
            EngineDirection::Any => match self.round.cx.direction {
                Direction::ToServer => &[Direction::ToServer],
                Direction::ToClient => &[Direction::ToClient],
            },
        };
        let windows = self.round.settings.body_windows.of(protocol);
        for &direction in ways {
            let from = (usize::from(alert.first_file), windows);
            let mut is_found = false;
            walk(tx, *buffer, direction, from, |bytes| {
                if bytes.is_body {
                    tools.inspection.set_part(bytes.offset, bytes.is_end);
                } else {
                    tools.inspection.set_whole();
                }
                let place = Place {
                    offset: bytes.offset,
                    ..Place::of(*buffer, direction)
                };
                is_found = self.program(place, program, bytes.data, tools);
                is_found
            });
            if is_found {
                return;
            }
        }
    }

    fn program(&mut self, place: Place, program: &Program, data: &[u8], tools: &mut Tools) -> bool {
        program.explain(data, &mut tools.inspection, |is_decoded, data, marks| {
            let place = if is_decoded {
                Place::of(Buffer::Base64Data, place.direction)
            } else {
                place
            };
            self.tell(place, data, marks);
        })
    }

    /// Adds what was found in `data`, a window for what lies together.
    fn tell(&mut self, place: Place, data: &[u8], marks: &[Mark]) {
        let mut marks: Vec<&Mark> = marks.iter().collect();
        marks.sort_by_key(|mark| (mark.start, mark.end));
        marks.truncate(SPANS_MAX.saturating_sub(self.spans));
        self.spans += marks.len();
        let mut rest = &marks[..];
        loop {
            if self.told.len() >= WINDOWS_MAX {
                return;
            }
            let window = window(rest.first().map_or(0, |mark| mark.start as usize), data);
            let inside = |mark: &&&Mark| mark.end as usize <= window.end;
            let count = rest.iter().take_while(inside).count();
            // What is longer than a window is shown as far as it goes.
            let (here, after) = rest.split_at(count.max(1).min(rest.len()));
            self.told.push(Traced {
                buffer: place.buffer,
                direction: place.direction,
                is_stream: place.is_stream,
                data: data.get(window.clone()).unwrap_or_default().to_vec(),
                offset: place.offset + window.start as u64,
                length: place.offset + data.len() as u64,
                spans: here.iter().map(|mark| self.span(place, mark)).collect(),
            });
            rest = after;
            if rest.is_empty() {
                return;
            }
        }
    }

    fn span(&self, place: Place, mark: &Mark) -> Span {
        let text = self.texts.get(usize::from(mark.option)).copied().flatten();
        Span {
            at: place.offset + u64::from(mark.start),
            length: u64::from(mark.end.saturating_sub(mark.start)),
            by: mark.by,
            text: shown(text.unwrap_or_default()).into(),
        }
    }
}

/// The window around a place: most of it behind, as rules read on.
fn window(at: usize, data: &[u8]) -> std::ops::Range<usize> {
    // What is short is shown whole.
    let last = data.len().saturating_sub(WINDOW);
    let start = at.saturating_sub(BEFORE).min(last);
    start..data.len().min(start + WINDOW)
}

/// An option's value without quotes around it, cut where it is long.
fn shown(value: &str) -> String {
    let value = value.strip_prefix('!').map_or(value, str::trim_start);
    let value = match value.strip_prefix('"') {
        // What follows the closing quote are modifiers, in Snort 3's language.
        Some(inner) => inner.rsplit_once('"').map_or(inner, |(inner, _)| inner),
        None => value,
    };
    let cut = value.char_indices().nth(TEXT_MAX).map(|(at, _)| at);
    match cut.and_then(|at| value.get(..at)) {
        Some(start) => format!("{start}…"),
        None => value.to_owned(),
    }
}
