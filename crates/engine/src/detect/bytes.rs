//! Reads numbers out of a buffer: `byte_test`, `byte_jump`, `byte_extract`, `byte_math`.

use rules::rule::{
    ByteExtract, ByteJump, ByteMath, ByteTest, Encoding, MathOperator, Operator, Value,
};
use std::ops::Range;

/// Most digits read: 2^64 in octal with its leading zero.
const DIGITS_MAX: i64 = 23;
/// Bytes looked at where a rule asks for as many digits as there are: blanks, a sign, 2^64.
const OPEN_DIGITS_MAX: usize = 64;
/// Most bytes of a binary number.
const BINARY_MAX: i64 = 8;

/// What reading depends on beside the buffer.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The buffer.
    pub(crate) data: &'a [u8],
    /// End of the last match.
    pub(crate) cursor: usize,
    /// Whether DCERPC's header said little endian.
    pub(crate) dce_little_endian: bool,
    /// Variables by index.
    pub(crate) variables: &'a [u64; 256],
}

/// A number read: its value, where it began, and the bytes it took.
struct Read {
    value: u64,
    start: usize,
    taken: usize,
}

impl Place<'_> {
    /// The bytes that `test` reads its number from.
    pub(crate) fn of_test(&self, test: &ByteTest) -> Option<Range<usize>> {
        let (bytes, offset) = (self.number(&test.bytes), self.number(&test.offset));
        self.span(bytes, offset, test.is_relative, test.encoding)
    }

    /// The bytes that `jump` reads its number from.
    pub(crate) fn of_jump(&self, jump: &ByteJump) -> Option<Range<usize>> {
        let (bytes, offset) = (self.number(&jump.bytes), self.number(&jump.offset));
        self.span(bytes, offset, jump.is_relative, jump.encoding)
    }

    /// The bytes that `extract` reads its number from.
    pub(crate) fn of_extract(&self, extract: &ByteExtract) -> Option<Range<usize>> {
        let bytes = i64::from(extract.bytes);
        self.span(bytes, extract.offset, extract.is_relative, extract.encoding)
    }

    /// The bytes that `math` reads its number from.
    pub(crate) fn of_math(&self, math: &ByteMath) -> Option<Range<usize>> {
        let bytes = i64::from(self.number(&math.bytes) as u8);
        self.span(bytes, math.offset, math.is_relative, math.encoding)
    }

    fn span(
        &self,
        bytes: i64,
        offset: i64,
        is_relative: bool,
        encoding: Encoding,
    ) -> Option<Range<usize>> {
        let read = self.read(bytes, offset, is_relative, encoding)?;
        Some(read.start..read.start + read.taken)
    }

    /// A number of the rule or one read before; those above 2^31 wrap, as in Suricata.
    fn number(&self, value: &Value) -> i64 {
        match value {
            Value::Number(number) => *number,
            Value::Variable(index) => i64::from(self.variables[usize::from(*index)] as i32),
        }
    }

    fn wide(&self, value: &Value) -> u64 {
        match value {
            Value::Number(number) => *number as u64,
            Value::Variable(index) => self.variables[usize::from(*index)],
        }
    }

    fn read(&self, bytes: i64, offset: i64, is_relative: bool, encoding: Encoding) -> Option<Read> {
        if self.data.is_empty() {
            return None;
        }
        let base = if is_relative {
            i64::try_from(self.cursor).ok()?
        } else {
            0
        };
        let start = usize::try_from(base.checked_add(offset)?).ok()?;
        let rest = self.data.get(start..)?;
        if is_relative && rest.is_empty() && bytes > 0 {
            return None;
        }
        let limit = if matches!(encoding, Encoding::Digits(_)) {
            DIGITS_MAX
        } else {
            BINARY_MAX
        };
        if bytes > limit {
            return None;
        }
        let field = match (bytes, encoding) {
            // As many digits as there are.
            (0, Encoding::Digits(_)) => rest.get(..OPEN_DIGITS_MAX).unwrap_or(rest),
            _ => rest.get(..usize::try_from(bytes).ok()?)?,
        };
        let little = match encoding {
            Encoding::Digits(base) => {
                let (value, taken) = digits(field, base)?;
                return Some(Read {
                    value,
                    start,
                    taken,
                });
            }
            Encoding::BigEndian => false,
            Encoding::LittleEndian => true,
            Encoding::Dce => self.dce_little_endian,
        };
        let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        let value = if little {
            field.iter().rev().fold(0, join)
        } else {
            field.iter().fold(0, join)
        };
        Some(Read {
            value,
            start,
            taken: field.len(),
        })
    }
}

/// Whether the number at its place compares as `test` says.
pub(crate) fn test(test: &ByteTest, place: Place<'_>) -> bool {
    let (bytes, offset) = (place.number(&test.bytes), place.number(&test.offset));
    let Some(read) = place.read(bytes, offset, test.is_relative, test.encoding) else {
        return false;
    };
    let (left, right) = (masked(read.value, test.bitmask), place.wide(&test.value));
    let holds = match test.operator {
        Operator::Equal => left == right,
        Operator::Less => left < right,
        Operator::Greater => left > right,
        Operator::LessOrEqual => left <= right,
        Operator::GreaterOrEqual => left >= right,
        Operator::And => left & right != 0,
        Operator::Xor => left ^ right != 0,
    };
    holds != test.is_negated
}

/// Where `jump` leads, if it stays within the buffer.
pub(crate) fn jump(jump: &ByteJump, place: Place<'_>) -> Option<usize> {
    let (bytes, offset) = (place.number(&jump.bytes), place.number(&jump.offset));
    let read = place.read(bytes, offset, jump.is_relative, jump.encoding)?;
    let scaled = masked(read.value, jump.bitmask).wrapping_mul(u64::from(jump.multiplier.max(1)));
    let aligned = if jump.is_aligned {
        align(scaled, 4)
    } else {
        scaled
    };
    let by = aligned.wrapping_add(place.number(&jump.post_offset) as u64) as i64;
    let from = if jump.from_beginning {
        0
    } else if jump.from_end {
        place.data.len()
    } else {
        read.start + read.taken
    };
    let to = i64::try_from(from).ok()?.saturating_add(by).max(0);
    usize::try_from(to).ok().filter(|to| *to < place.data.len())
}

/// The number that `extract` takes, and the cursor after it.
pub(crate) fn extract(extract: &ByteExtract, place: Place<'_>) -> Option<(u64, usize)> {
    let bytes = i64::from(extract.bytes);
    let read = place.read(bytes, extract.offset, extract.is_relative, extract.encoding)?;
    let value = masked(read.value, extract.bitmask);
    let scaled = value.wrapping_mul(u64::from(extract.multiplier.max(1)));
    Some((
        align(scaled, u64::from(extract.align)),
        read.start + read.taken,
    ))
}

/// The number that `math` makes, and the cursor after it.
pub(crate) fn math(math: &ByteMath, place: Place<'_>) -> Option<(u64, usize)> {
    let bytes = i64::from(place.number(&math.bytes) as u8);
    let read = place.read(bytes, math.offset, math.is_relative, math.encoding)?;
    let (left, right) = (read.value, place.wide(&math.value));
    let shift = u32::try_from(right).unwrap_or(u32::MAX);
    let value = match math.operator {
        MathOperator::Add => left.wrapping_add(right),
        MathOperator::Subtract => left.wrapping_sub(right),
        MathOperator::Multiply => left.wrapping_mul(right),
        MathOperator::Divide => left.checked_div(right)?,
        MathOperator::ShiftLeft => left.checked_shl(shift).unwrap_or(0),
        MathOperator::ShiftRight => left.checked_shr(shift).unwrap_or(0),
    };
    Some((masked(value, math.bitmask), read.start + read.taken))
}

/// The bits of `mask`, moved down so that its lowest one is bit 0.
fn masked(value: u64, mask: u32) -> u64 {
    if mask == 0 {
        value
    } else {
        (value & u64::from(mask)) >> mask.trailing_zeros()
    }
}

fn align(value: u64, to: u64) -> u64 {
    match value.checked_rem(to) {
        None | Some(0) => value,
        Some(over) => value.wrapping_add(to - over),
    }
}

/// Reads digits as C's `strtoull` does: white space, a sign, a prefix, digits up to the first that
/// is none. Gives the value and the bytes taken; None without a digit and beyond 2^64.
fn digits(field: &[u8], base: u8) -> Option<(u64, usize)> {
    let blanks = field
        .iter()
        .take_while(|b| b.is_ascii_whitespace() || **b == 0x0b)
        .count();
    let (is_negative, mut at) = match field.get(blanks) {
        Some(b'-') => (true, blanks + 1),
        Some(b'+') => (false, blanks + 1),
        _ => (false, blanks),
    };
    let has_hex_prefix = matches!(field.get(at..), Some([b'0', b'x' | b'X', digit, ..]) if digit.is_ascii_hexdigit());
    let base = match (base, field.get(at)) {
        (0, _) if has_hex_prefix => 16,
        (0, Some(b'0')) => 8,
        (0, _) => 10,
        (base, _) => u32::from(base),
    };
    if base == 16 && has_hex_prefix {
        at += 2;
    }
    let first = at;
    let mut value = 0u64;
    while let Some(digit) = field
        .get(at)
        .and_then(|b| char::from(*b).to_digit(base.clamp(2, 36)))
    {
        value = value
            .checked_mul(u64::from(base))?
            .checked_add(u64::from(digit))?;
        at += 1;
    }
    let value = if is_negative {
        value.wrapping_neg()
    } else {
        value
    };
    (at > first).then_some((value, at))
}

#[cfg(test)]
mod tests;
