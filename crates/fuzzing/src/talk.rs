//! A conversation as an input, played to a parser whole and in pieces: both must tell the same.
//!
//! Layout: a byte that decides the cuts, a byte of flags, then turns. `0xff` followed by `>` begins
//! a turn of the client, by `<` one of the server, by `~` and a byte a gap of so many bytes; the
//! first turn is the client's. So texts stay readable, and a fuzzer finds the turns by itself.

use crate::input::Cuts;
use crate::record;
use decode::app::{
    Config, Context, Entry, Field, LogFor, LogOptions, Outcome, Parser, Transaction,
};
use decode::file::{File, magic};
use event::json::Writer;
use event::{Buffer, Direction, Timestamp};
use std::collections::HashMap;
use std::fmt::Write as _;

/// The longest single field: nothing that is no body may grow with a whole stream.
const FIELD_MAX: usize = 1 << 20;

/// More bytes of a body at once than any parser holds may pass by unseen.
const BODY_STEP_MAX: u64 = 64 << 10;

/// More instances of a field than any input can hold.
const INSTANCES_MAX: usize = 1 << 17;

/// What happens next in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn<'a> {
    /// One end says something.
    Says(Direction, &'a [u8]),
    /// Bytes of one end are lost.
    Gap(Direction, u64),
}

/// Reads the turns of an input.
#[must_use]
pub fn turns(data: &[u8]) -> Vec<Turn<'_>> {
    let mut turns = Vec::new();
    let (mut direction, mut start, mut at) = (Direction::ToServer, 0, 0);
    while at + 1 < data.len() {
        let (next, skip) = match (data[at], data[at + 1]) {
            (0xff, b'>') => (Direction::ToServer, 2),
            (0xff, b'<') => (Direction::ToClient, 2),
            (0xff, b'~') => (direction, 3),
            _ => {
                at += 1;
                continue;
            }
        };
        if start < at {
            turns.push(Turn::Says(direction, &data[start..at]));
        }
        if skip == 3 {
            turns.push(Turn::Gap(
                direction,
                data.get(at + 2).map_or(1, |len| u64::from(*len) + 1),
            ));
        }
        (direction, at) = (next, (at + skip).min(data.len()));
        start = at;
    }
    if start < data.len() {
        turns.push(Turn::Says(direction, &data[start..]));
    }
    turns
}

/// How a conversation is played.
#[derive(Clone, Copy)]
pub struct Play<'a> {
    /// The protocol.
    pub entry: &'a Entry,
    /// Its settings.
    pub config: &'a Config,
    /// Whether each turn is a datagram.
    pub is_udp: bool,
    /// Whether cuts may change nothing, by what is told of the whole: after nonsense some parsers
    /// go by what arrives together, as Suricata's do.
    pub is_strict: fn(&str, &[Turn<'_>]) -> bool,
    /// Whether what was inspected is given back after each turn, as the engine does.
    pub gives_back: bool,
}

/// Plays the turns whole and cut by `seed`, and checks what is told.
///
/// # Panics
/// Where a promise of the parser's interface is broken.
pub fn play(how: &Play<'_>, turns: &[Turn<'_>], seed: u8) {
    let whole = run(how, turns, None);
    // What follows a gap is recognised by what arrives together.
    let has_gaps = turns.iter().any(|turn| matches!(turn, Turn::Gap(..)));
    if !how.is_udp && !has_gaps && (how.is_strict)(&whole, turns) {
        let cut = run(how, turns, Some(Cuts::new(seed)));
        assert_same(&whole, &cut);
    }
}

fn assert_same(whole: &str, cut: &str) {
    if whole != cut {
        let differs = whole.lines().zip(cut.lines()).find(|(a, b)| a != b);
        panic!(
            "cuts change what is told: {differs:#?}\n{} and {} lines",
            whole.lines().count(),
            cut.lines().count()
        );
    }
}

/// Plays the turns and gives back all that is told in the end.
fn run(how: &Play<'_>, turns: &[Turn<'_>], mut cuts: Option<Cuts>) -> String {
    let cx = Context {
        now: Timestamp::new(1_700_000_000, 0),
        client_port: 40_000,
        server_port: 80,
        is_udp: how.is_udp,
        is_midstream: false,
    };
    let mut parser = (how.entry.create)(how.config);
    let mut watch = Watch::default();
    let mut told = String::new();
    'turns: for turn in turns {
        match *turn {
            Turn::Says(direction, mut data) => {
                while !data.is_empty() {
                    let len = cuts
                        .as_mut()
                        .map_or(data.len(), Cuts::next_len)
                        .min(data.len());
                    let (piece, rest) = data.split_at(len);
                    match parser.on_data(&cx, direction, piece) {
                        Outcome::Taken | Outcome::Encrypted => {}
                        Outcome::Failed => {
                            told.push_str("failed\n");
                            break 'turns;
                        }
                        Outcome::Upgrade { consumed, to } => {
                            assert!(consumed <= piece.len(), "consumed more than there was");
                            let left = data.len() - consumed;
                            let _ = writeln!(told, "upgrade {left} before the end, to {to:?}");
                            break 'turns;
                        }
                    }
                    data = rest;
                    if how.gives_back {
                        watch.look(&mut *parser);
                    }
                }
            }
            Turn::Gap(direction, len) => {
                if parser.on_gap(&cx, direction, len) != Outcome::Taken {
                    told.push_str("gave up at a gap\n");
                    break;
                }
            }
        }
        watch.look(&mut *parser);
        if how.gives_back {
            watch.give_back(&mut *parser);
        }
    }
    for direction in Direction::BOTH {
        parser.on_end(&cx, direction);
    }
    watch.look(&mut *parser);
    let _ = writeln!(told, "announces {:?}", parser.take_expectations());
    describe(how, &*parser, &mut told);
    forget(&mut *parser);
    told
}

/// Follows bodies, so that none of their bytes go by without being shown.
#[derive(Default)]
struct Watch(HashMap<(u64, Buffer, usize), u64>);

impl Watch {
    fn look(&mut self, parser: &mut dyn Parser) {
        for id in parser.tx_range() {
            let Some(tx) = parser.tx(id) else { continue };
            for direction in Direction::BOTH {
                for buffer in [Buffer::HttpRequestBody, Buffer::HttpResponseBody] {
                    if let Field::Body { data, offset, .. } = tx.field(buffer, direction, 0) {
                        self.see((id, buffer, usize::from(direction)), data, offset);
                    }
                }
            }
        }
    }

    fn see(&mut self, body: (u64, Buffer, usize), data: &[u8], offset: u64) {
        let end = offset
            .checked_add(data.len() as u64)
            .expect("a body has an end");
        let seen = self.0.entry(body).or_default();
        assert!(end >= *seen, "a body shrank from {seen} to {end}");
        let is_huge = end - *seen > BODY_STEP_MAX;
        assert!(
            is_huge || offset <= *seen,
            "bytes {seen} to {offset} of {body:?} were never shown"
        );
        *seen = end;
    }

    fn give_back(&mut self, parser: &mut dyn Parser) {
        for id in parser.tx_range() {
            let Some(tx) = parser.tx_mut(id) else {
                continue;
            };
            for direction in Direction::BOTH {
                tx.inspected(direction);
            }
        }
    }
}

/// Everything that can be asked of a parser.
fn describe(how: &Play<'_>, parser: &dyn Parser, told: &mut String) {
    let options = LogOptions::default();
    for id in parser.tx_range() {
        let Some(tx) = parser.tx(id) else { continue };
        assert_eq!(tx.id(), id);
        let complete = Direction::BOTH.map(|direction| tx.is_complete(direction));
        let _ = writeln!(
            told,
            "tx {id}: {:?} {:?} complete {complete:?} loggable {}",
            tx.record_type(),
            tx.record_direction(&options),
            tx.is_loggable(),
        );
        for (name, direction) in tx.events() {
            assert!(
                how.entry.events.contains(name),
                "the table lacks the event {name}"
            );
            let _ = writeln!(told, "event {name} {direction:?}");
        }
        records(tx, told);
        for direction in Direction::BOTH {
            fields(how, tx, direction, told);
            for index in 0..tx.files(direction).map_or(0, |files| files.files.len()) {
                let file = tx.files(direction).and_then(|files| files.files.get(index));
                describe_file(file.expect("it was counted"), told);
            }
        }
    }
}

fn records(tx: &dyn Transaction, told: &mut String) {
    let options = LogOptions::default();
    let mut tell = |write: &dyn Fn(&mut Writer)| {
        let mut out = Writer::new();
        out.begin();
        write(&mut out);
        out.end();
        record::check(out.as_bytes());
        let _ = writeln!(told, "{}", String::from_utf8_lossy(out.as_bytes()));
    };
    tell(&|out| tx.log(LogFor::Alert, out));
    tell(&|out| tx.log_for_file(out));
    if tx.record_type().is_some() {
        for index in 0..tx.record_count(&options) {
            tell(&|out| tx.log_record(index, &options, out));
        }
    }
}

fn fields(how: &Play<'_>, tx: &dyn Transaction, direction: Direction, told: &mut String) {
    let protocol = how.entry.protocol;
    for &buffer in Buffer::ALL {
        if !buffer.protocols().contains(&protocol) {
            continue;
        }
        for index in 0..INSTANCES_MAX {
            match tx.field(buffer, direction, index) {
                Field::Absent => break,
                Field::Pending => {
                    let _ = writeln!(told, "{buffer:?} {direction:?} {index} pending");
                    break;
                }
                Field::Whole(value) => {
                    assert!(
                        value.len() <= FIELD_MAX,
                        "{buffer:?} has {} bytes",
                        value.len()
                    );
                    // Descriptions are told with their files.
                    if buffer != Buffer::FileMagic {
                        let value = value.escape_ascii();
                        let _ = writeln!(told, "{buffer:?} {direction:?} {index} {value}");
                    }
                    // One that does not repeat answers alike for every index.
                    if index == 0 && !repeats(tx, buffer, direction) {
                        break;
                    }
                }
                Field::Body {
                    data,
                    offset,
                    is_complete,
                } => {
                    let end = offset + data.len() as u64;
                    let _ = writeln!(
                        told,
                        "{buffer:?} {direction:?} {index} to {end}, complete {is_complete}"
                    );
                    break;
                }
            }
            assert!(index + 1 < INSTANCES_MAX, "{buffer:?} has no last instance");
        }
    }
}

/// Whether the second instance differs from the one that none can reach.
fn repeats(tx: &dyn Transaction, buffer: Buffer, direction: Direction) -> bool {
    !matches!(tx.field(buffer, direction, INSTANCES_MAX), Field::Whole(_))
}

/// What is known of a file. A long one is described by what has come when there is enough, so its
/// description may change with the pieces it comes in.
pub fn describe_file(file: &File, told: &mut String) {
    let magic = file
        .magic
        .as_deref()
        .filter(|_| file.size < magic::MIN_SIZE);
    let _ = writeln!(
        told,
        "file {} {:?} {} {:?} gaps {} {:?} {:?} {:?} {:?}",
        file.name.escape_ascii(),
        file.state,
        file.size,
        file.range,
        file.has_gaps,
        file.md5,
        file.sha1,
        file.sha256,
        magic,
    );
}

/// Forgets every transaction: nothing may stay.
fn forget(parser: &mut dyn Parser) {
    for id in parser.tx_range() {
        parser.drop_tx(id);
    }
    assert!(
        parser.tx_range().is_empty(),
        "transactions stay after all were dropped"
    );
}
