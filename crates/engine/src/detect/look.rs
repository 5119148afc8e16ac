//! Holds one stretch of a rule against a transaction.

use super::driver::Tools;
use super::fields::{BodyWindow, Walk, walk};
use super::program::Program;
use super::signature::{Engine, EngineDirection, FileCheck, HashKind, Look, Signature};
use decode::app::{Field, Transaction};
use decode::file::{File, FileState};
use event::{AppProtocol, Buffer, Direction};
use rules::rule::{Compare, FileText};

/// Instances of a repeated number that are looked at.
const NUMBERS_MAX: usize = 64;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is there.
    Match,
    /// Not yet.
    No,
    /// It will not be there.
    Never,
    /// It is not looked for in this direction.
    Skip,
}

/// What of a packet an engine that looks into payload needs.
pub(super) struct Seen<'a> {
    pub(super) tx: &'a dyn Transaction,
    pub(super) protocol: AppProtocol,
    pub(super) direction: Direction,
    /// Files before it were looked at already.
    pub(super) first_file: usize,
    pub(super) windows: [BodyWindow; 2],
    /// Whether the rule's payload part holds, asked at most once for each packet.
    pub(super) payload: &'a mut dyn FnMut(&Signature, &mut Tools) -> bool,
}

/// Holds `engine` of `signature` against a transaction.
pub(super) fn look(
    signature: &Signature,
    engine: &Engine,
    seen: &mut Seen<'_>,
    tools: &mut Tools,
) -> Found {
    let ways: &[Direction] = match (engine.direction, signature.is_bidirectional) {
        (EngineDirection::Only(Direction::ToServer), true) => &[Direction::ToServer],
        (EngineDirection::Only(Direction::ToClient), true) => &[Direction::ToClient],
        (EngineDirection::Only(only), false) if only != seen.direction => return Found::Skip,
        (EngineDirection::Any, true) => &Direction::BOTH,
        (_, false) => match seen.direction {
            Direction::ToServer => &[Direction::ToServer],
            Direction::ToClient => &[Direction::ToClient],
        },
    };
    let mut outcome = Found::Never;
    for &direction in ways {
        match look_one(signature, &engine.look, direction, seen, tools) {
            Found::Match => return Found::Match,
            Found::No => outcome = Found::No,
            Found::Never | Found::Skip => {}
        }
    }
    outcome
}

fn look_one(
    signature: &Signature,
    look: &Look,
    direction: Direction,
    seen: &mut Seen<'_>,
    tools: &mut Tools,
) -> Found {
    let tx = seen.tx;
    let later = if tx.is_complete(direction) {
        Found::Never
    } else {
        Found::No
    };
    let told = |holds: bool| if holds { Found::Match } else { later };
    match look {
        Look::Buffer {
            buffer, program, ..
        } => {
            // The other parts may fit this protocol as well, but all of them must be found.
            if !buffer.protocols().contains(&seen.protocol) {
                return Found::Never;
            }
            let from = (seen.first_file, seen.windows);
            in_buffer(tx, *buffer, program, direction, from, tools)
        }
        Look::Payload => told((seen.payload)(signature, tools)),
        Look::Number {
            number,
            compare,
            index,
        } => match index {
            Some(index) => match tx.number(*number, direction, *index) {
                Some(value) => told(compare.holds(value)),
                None => later,
            },
            None => told(
                (0..NUMBERS_MAX)
                    .map_while(|index| tx.number(*number, direction, index))
                    .any(|value| compare.holds(value)),
            ),
        },
        Look::Event { protocol, event } => {
            if !protocol.covers(seen.protocol) {
                return Found::Never;
            }
            told(tx.events().iter().any(|(name, _)| *name == &**event))
        }
        Look::Holds {
            keyword,
            argument,
            is_negated,
        } => match tx.holds(keyword, argument, direction) {
            Some(holds) => told(holds != *is_negated),
            None => later,
        },
        Look::UriLen(compare, is_raw) => {
            let buffer = if *is_raw {
                Buffer::HttpUriRaw
            } else {
                Buffer::HttpUri
            };
            match tx.field(buffer, direction, 0) {
                Field::Whole(uri) if compare.holds(uri.len() as u64) => Found::Match,
                Field::Whole(_) | Field::Absent => Found::Never,
                Field::Pending | Field::Body { .. } => Found::No,
            }
        }
        Look::File(checks) => match tx.files(direction) {
            Some(files) => told(
                files
                    .files
                    .iter()
                    .skip(seen.first_file)
                    .any(|file| checks.iter().all(|check| file_holds(check, file))),
            ),
            None => later,
        },
    }
}

fn in_buffer(
    tx: &dyn Transaction,
    buffer: Buffer,
    program: &Program,
    direction: Direction,
    from: (usize, [BodyWindow; 2]),
    tools: &mut Tools,
) -> Found {
    let inspection = &mut tools.inspection;
    let ended = walk(tx, buffer, direction, from, |bytes| {
        if bytes.is_body {
            inspection.set_part(bytes.offset, bytes.is_end);
        } else {
            inspection.set_whole();
        }
        program.matches(bytes.data, inspection)
    });
    match ended {
        Walk::Stopped => Found::Match,
        Walk::Pending => Found::No,
        Walk::Ended { any: false } if program.matches_absent() => Found::Match,
        Walk::Ended { .. } => Found::Never,
    }
}

fn file_holds(check: &FileCheck, file: &File) -> bool {
    match check {
        FileCheck::Any => true,
        FileCheck::Text {
            of,
            pattern,
            is_negated,
        } => {
            let holds = match of {
                FileText::Name => contains_nocase(&file.name, pattern),
                FileText::Extension => extension_is(&file.name, pattern),
                FileText::Magic => match &file.magic {
                    Some(magic) => contains_nocase(magic.as_bytes(), pattern),
                    None => return false,
                },
            };
            holds != *is_negated
        }
        FileCheck::Size(compare) => match (file.state, compare) {
            (FileState::Closed, _) => compare.holds(file.size),
            // What was seen is enough to know that it is larger.
            (_, Compare::Greater(n)) => file.size > *n,
            (_, Compare::GreaterOrEqual(n)) => file.size >= *n,
            _ => false,
        },
        FileCheck::Hash {
            kind,
            list,
            is_negated,
        } => {
            let hash = match kind {
                HashKind::Md5 => file.md5.as_ref().map(|h| &h[..]),
                HashKind::Sha1 => file.sha1.as_ref().map(|h| &h[..]),
                HashKind::Sha256 => file.sha256.as_ref().map(|h| &h[..]),
            };
            let Some(hash) = hash else { return false };
            let is_listed = list
                .binary_search_by(|known| known.as_slice().cmp(hash))
                .is_ok();
            is_listed != *is_negated
        }
    }
}

/// Whether `hay` contains `needle`, which is in lower case, in any case.
fn contains_nocase(hay: &[u8], needle: &[u8]) -> bool {
    needle.is_empty()
        || hay
            .windows(needle.len())
            .any(|part| part.eq_ignore_ascii_case(needle))
}

fn extension_is(name: &[u8], extension: &[u8]) -> bool {
    let Some(at) = name.len().checked_sub(extension.len()) else {
        return false;
    };
    let Some((before, end)) = name.split_at_checked(at) else {
        return false;
    };
    end.eq_ignore_ascii_case(extension) && before.last() == Some(&b'.')
}
