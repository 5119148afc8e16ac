//! What must be found in a buffer.

use super::number::{Compare, Operator, Value};

/// Something that must be found in a buffer.
#[derive(Clone, Debug, PartialEq)]
pub enum PayloadMatch {
    /// `content`.
    Content(Content),
    /// `pcre`.
    Pcre(Pcre),
    /// `byte_test`.
    ByteTest(ByteTest),
    /// `byte_jump`.
    ByteJump(ByteJump),
    /// `byte_extract`.
    ByteExtract(ByteExtract),
    /// `byte_math`.
    ByteMath(ByteMath),
    /// `isdataat`.
    IsDataAt {
        /// Where.
        at: Value,
        /// From the end of the last match.
        is_relative: bool,
        /// Must not be.
        is_negated: bool,
    },
    /// `bsize`.
    Bsize(Compare),
    /// `base64_decode`: makes the buffer `base64_data`.
    Base64Decode {
        /// Most bytes; None for all.
        bytes: Option<u32>,
        /// First byte.
        offset: u32,
        /// From the end of the last match.
        is_relative: bool,
    },
    /// `dataset:isset|isnotset|set|unset`.
    Dataset(Dataset),
    /// `datarep`.
    Datarep {
        /// Index into the set's description.
        set: Dataset,
        /// Comparison with the value.
        compare: Compare,
    },
    /// `absent` (`or_else`: also matches where the rest does not).
    Absent {
        /// `or_else`.
        or_else: bool,
    },
    /// `entropy`: comparison in thousandths of a bit.
    Entropy {
        /// Most bytes; 0 for all.
        bytes: u32,
        /// First byte.
        offset: u32,
        /// Comparison.
        compare: FloatCompare,
    },
}

/// A comparison of a fraction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FloatCompare {
    /// `=`.
    Equal(f64),
    /// `!=`.
    NotEqual(f64),
    /// `<`.
    Less(f64),
    /// `<=`.
    LessOrEqual(f64),
    /// `>`.
    Greater(f64),
    /// `>=`.
    GreaterOrEqual(f64),
    /// `a-b`.
    Between(f64, f64),
    /// `!a-b`.
    Outside(f64, f64),
}

/// `content` with its modifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The bytes, escapes and `|hex|` resolved; lower-cased where `is_nocase`.
    pub bytes: Vec<u8>,
    /// `nocase`.
    pub is_nocase: bool,
    /// `!`.
    pub is_negated: bool,
    /// `offset`; `startswith` gives 0 with depth of its length.
    pub offset: Option<Value>,
    /// `depth`.
    pub depth: Option<Value>,
    /// `distance`.
    pub distance: Option<Value>,
    /// `within`.
    pub within: Option<Value>,
    /// `endswith`.
    pub is_at_end: bool,
    /// `startswith`.
    pub is_at_start: bool,
    /// `rawbytes`.
    pub is_raw: bool,
    /// `fast_pattern`.
    pub fast_pattern: Option<FastPattern>,
    /// `replace`.
    pub replacement: Option<Vec<u8>>,
}

/// `fast_pattern` and its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FastPattern {
    /// Whole pattern.
    Whole,
    /// `only`: need not be looked for again.
    Only,
    /// `offset,length`.
    Chop(u16, u16),
}

/// `pcre`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pcre {
    /// The expression between the slashes.
    pub pattern: String,
    /// i, s, m, x, A, E, G, O as given (PCRE's own).
    pub options: String,
    /// `R`.
    pub is_relative: bool,
    /// `!`.
    pub is_negated: bool,
    /// `flow:name`, `pkt:name`, `alert:name` captures, in order.
    pub captures: Vec<(CaptureScope, String)>,
}

/// Where a capture goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureScope {
    /// `flow:`: a variable of the flow.
    Flow,
    /// `pkt:`: a variable of the packet.
    Packet,
    /// `alert:`: told in the alert.
    Alert,
}

/// How a number is written in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Bytes, most significant first.
    BigEndian,
    /// Bytes, least significant first.
    LittleEndian,
    /// Bytes, as the DCERPC header says.
    Dce,
    /// Digits in base 8, 10 or 16.
    Digits(u8),
}

/// `byte_test`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteTest {
    /// Number of bytes, 1 to 23.
    pub bytes: Value,
    /// Comparison.
    pub operator: Operator,
    /// `!`.
    pub is_negated: bool,
    /// What to compare with.
    pub value: Value,
    /// Where.
    pub offset: Value,
    /// From the end of the last match.
    pub is_relative: bool,
    /// How it is written.
    pub encoding: Encoding,
    /// `bitmask`, 0 for none.
    pub bitmask: u32,
}

/// `byte_jump`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteJump {
    /// Number of bytes; 0 jumps by `post_offset` alone.
    pub bytes: Value,
    /// Where.
    pub offset: Value,
    /// From the end of the last match.
    pub is_relative: bool,
    /// How it is written.
    pub encoding: Encoding,
    /// `multiplier`.
    pub multiplier: u32,
    /// `align` to 4 bytes.
    pub is_aligned: bool,
    /// `from_beginning`.
    pub from_beginning: bool,
    /// `from_end`.
    pub from_end: bool,
    /// `post_offset`.
    pub post_offset: Value,
    /// `bitmask`, 0 for none.
    pub bitmask: u32,
}

/// `byte_extract`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteExtract {
    /// Number of bytes.
    pub bytes: u8,
    /// Where.
    pub offset: i64,
    /// Index of the variable it fills.
    pub variable: u8,
    /// Its name.
    pub name: String,
    /// From the end of the last match.
    pub is_relative: bool,
    /// How it is written.
    pub encoding: Encoding,
    /// `multiplier`.
    pub multiplier: u32,
    /// `align` to 2 or 4 bytes; 0 for none.
    pub align: u8,
    /// `bitmask`, 0 for none.
    pub bitmask: u32,
}

/// `byte_math`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteMath {
    /// Number of bytes.
    pub bytes: Value,
    /// Where.
    pub offset: i64,
    /// What is done.
    pub operator: MathOperator,
    /// The right side.
    pub value: Value,
    /// Index of the variable it fills.
    pub variable: u8,
    /// Its name.
    pub name: String,
    /// From the end of the last match.
    pub is_relative: bool,
    /// How it is written.
    pub encoding: Encoding,
    /// `bitmask`, 0 for none.
    pub bitmask: u32,
}

/// Operators of `byte_math`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MathOperator {
    /// `+`.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`.
    Divide,
    /// `<<`.
    ShiftLeft,
    /// `>>`.
    ShiftRight,
}

/// `dataset`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Name of the set.
    pub name: String,
    /// `isset`, `isnotset`, `set`, `unset`.
    pub command: DatasetCommand,
    /// `string`, `md5`, `sha256`, `ipv4`, `ip`.
    pub kind: Option<String>,
    /// `load`.
    pub load: Option<String>,
    /// `save`.
    pub save: Option<String>,
    /// `state`.
    pub state: Option<String>,
    /// All other options as written: `memcap`, `hashsize`, `format`, `value_key`, `context_key`, `remove_key`.
    pub options: Vec<(String, String)>,
}

/// What is done with a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatasetCommand {
    /// Must be in it.
    IsSet,
    /// Must not be in it.
    IsNotSet,
    /// Is added.
    Set,
    /// Is removed.
    Unset,
}
