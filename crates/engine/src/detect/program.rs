//! What a rule looks for in one buffer, compiled: a list of steps and the walk over them.
//!
//! The walk is Suricata's content inspection: steps are tried in order, each from where the one
//! before ended if it is relative; when a step fails, an earlier content or expression that a
//! relative step depends on is looked for further on. Work is bounded by [`STEPS_MAX`] tries.

mod compile;
mod mark;
mod walk;

use super::content::Literal;
use super::datasets::Datasets;
use super::pcre::{Expression, PcreLimits};
use super::transforms::{Scratch, Transforms};
use event::Buffer;
#[cfg(doc)]
use rules::rule::BufferMatch;
use rules::rule::{ByteExtract, ByteJump, ByteMath, ByteTest, CaptureScope, Compare, FloatCompare};
use smallvec::SmallVec;
use std::sync::Arc;

pub use mark::Mark;

/// Tries in one buffer for one rule (Suricata's `inspection-recursion-limit`).
const STEPS_MAX: u32 = 3000;

/// Why a rule cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// In words, for the person who wrote the rule.
    pub reason: String,
}

/// What compiling needs beside the rule.
#[derive(Debug, Default)]
pub struct Resources {
    /// Bounds on the work of expressions.
    pub pcre: PcreLimits,
    /// Whether these very rules were compiled before without a refusal: expressions are then not
    /// read until they are used.
    pub is_known: bool,
    /// The sets that `dataset` and `datarep` ask.
    pub datasets: Datasets,
}

/// What is looked for in one buffer.
#[derive(Debug)]
pub struct Program {
    steps: Box<[Step]>,
    /// Changes of the bytes before looking.
    transforms: Transforms,
    /// What must be found in the bytes that `base64_decode` makes.
    base64: Option<Box<Program>>,
    is_absent_ok: bool,
}

/// One thing to find. Contents are most of them and stand inline, the rest is boxed. Where a number
/// stands beside, it is that of the rule's option ([`BufferMatch::options`]).
#[derive(Debug)]
enum Step {
    Content(Content),
    Pcre(Box<Pcre>),
    ByteTest(Box<ByteTest>, u16),
    ByteJump(Box<ByteJump>, u16),
    ByteExtract(Box<ByteExtract>, u16),
    ByteMath(Box<ByteMath>, u16),
    IsDataAt {
        at: Bound,
        is_relative: bool,
        is_negated: bool,
        option: u16,
    },
    Bsize(Box<Compare>),
    Base64Decode {
        bytes: u32,
        offset: u32,
        is_relative: bool,
    },
    Dataset(Box<super::datasets::Use>, u16),
    Entropy(Box<Entropy>),
    Absent {
        or_else: bool,
    },
}

/// A limit of a content: a number of the rule or a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    None,
    Number(i32),
    Variable(u8),
}

#[derive(Debug)]
struct Content {
    literal: Literal,
    offset: Bound,
    /// From the start of the buffer where it is a number, beyond the offset where a variable.
    depth: Bound,
    distance: Bound,
    within: Bound,
    is_negated: bool,
    is_at_end: bool,
    /// Whether what follows is bound to this one so that another occurrence may help.
    is_retried: bool,
    /// Whether any other content or limit is bound to it.
    is_bound: bool,
    /// The rule's option that it is.
    option: u16,
}

impl Content {
    fn is_relative(&self) -> bool {
        self.distance != Bound::None || self.within != Bound::None
    }
}

#[derive(Debug)]
struct Pcre {
    expression: Expression,
    is_relative: bool,
    is_negated: bool,
    is_retried: bool,
    option: u16,
    captures: Box<[(CaptureScope, Arc<str>)]>,
}

#[derive(Debug)]
struct Entropy {
    bytes: u32,
    offset: u32,
    compare: FloatCompare,
    /// Whose entropy it is, for records.
    of: Buffer,
}

/// A text that an expression captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Whose variable it becomes.
    pub scope: CaptureScope,
    /// Name of the variable.
    pub name: Arc<str>,
    /// The bytes.
    pub value: Vec<u8>,
}

/// The state of looking into buffers; made once for each thread and used for every rule. Set the
/// public fields for the buffer at hand before [`Program::matches`].
#[derive(Debug)]
pub struct Inspection {
    /// Where the data begins within the body, for bodies that arrive in parts.
    pub offset: u64,
    /// Whether the data begins the body.
    pub is_start: bool,
    /// Whether no more bytes will come.
    pub is_end: bool,
    /// Whether DCERPC's header said little endian.
    pub dce_little_endian: bool,
    /// Whether to note where things were found, and to leave sets as they are.
    pub(crate) is_recording: bool,
    /// Where things were found by the programs that matched since [`Inspection::begin_rule`].
    pub(crate) marks: Vec<Mark>,
    /// Those of them that were found in what `base64_decode` made.
    pub(crate) decoded_marks: Vec<Mark>,
    /// What was captured since then.
    pub captures: Vec<Capture>,
    /// Entropy computed, by buffer; whoever reads it takes it out.
    pub entropies: SmallVec<[(Buffer, f64); 1]>,
    /// Context that a dataset holds for the value that was found, JSON text by the key it is told
    /// under.
    pub contexts: Vec<(Arc<str>, Arc<str>)>,
    /// Packet time in whole seconds, for sets whose values expire.
    pub now_secs: i64,
    /// End of the last match.
    cursor: usize,
    /// Tries so far in this buffer.
    steps: u32,
    variables: Box<[u64; 256]>,
    decoded: Vec<u8>,
    /// Two buffers that transforms write to in turn.
    pub(crate) scratch: Scratch,
}

impl Default for Inspection {
    fn default() -> Self {
        Inspection {
            offset: 0,
            is_start: true,
            is_end: true,
            dce_little_endian: false,
            is_recording: false,
            marks: Vec::new(),
            decoded_marks: Vec::new(),
            captures: Vec::new(),
            entropies: SmallVec::new(),
            contexts: Vec::new(),
            now_secs: 0,
            cursor: 0,
            steps: 0,
            variables: Box::new([0; 256]),
            decoded: Vec::new(),
            scratch: Scratch::default(),
        }
    }
}

impl Inspection {
    /// Forgets what the rule before found. Variables stay: they are always written before read.
    pub fn begin_rule(&mut self) {
        self.marks.clear();
        self.captures.clear();
        self.contexts.clear();
    }

    /// Describes the data at hand as a whole buffer that does not arrive in parts.
    pub fn set_whole(&mut self) {
        self.offset = 0;
        self.is_start = true;
        self.is_end = true;
    }

    /// Describes the data at hand as the part of a body that begins at `offset`.
    pub fn set_part(&mut self, offset: u64, is_end: bool) {
        self.offset = offset;
        self.is_start = offset == 0;
        self.is_end = is_end;
    }
}

#[cfg(test)]
mod tests;
