//! Header fields: cut out of the stream one by one, leniently.
//!
//! What counts as the end of a line differs: a server reads LF (with or without CR before it), a
//! browser also takes a lone CR. Evasions live in that difference, so the reader knows its side.

use super::text::{is_token, split_before, split_blanks, trimmed};
use std::borrow::Cow;

/// Folded lines that one field may have; more would make each new line cost all before it.
const MAX_FOLDS: usize = 128;

/// Which end wrote the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

/// What was odd about one field as it stood in the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Oddities {
    pub(super) name_leads_with_space: bool,
    pub(super) name_trails_with_space: bool,
    pub(super) name_is_no_token: bool,
    pub(super) name_is_empty: bool,
    pub(super) colon_is_missing: bool,
    pub(super) line_end_is_deformed: bool,
}

/// A field cut out of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RawField<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: Cow<'a, [u8]>,
    pub(super) oddities: Oddities,
}

/// What the front of the stream is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A field of so many bytes, line end included.
    Field(usize, RawField<'a>),
    /// The line that ends the fields, of so many bytes.
    End(usize),
    /// More bytes are needed to tell.
    Incomplete,
}

/// Reads what stands at the front of `input`. `is_first` says that no field came before, `is_final`
/// that no more bytes will come.
pub(super) fn next_item(input: &[u8], side: Side, is_first: bool, is_final: bool) -> Item<'_> {
    if input.is_empty() {
        return Item::Incomplete;
    }
    if let Some(len) = end_of_fields(input, side, is_first, is_final) {
        return len.map_or(Item::Incomplete, Item::End);
    }
    let reader = Reader { side, is_final };
    match reader.simple(input).or_else(|| reader.with_colon(input)) {
        Some(Ok((len, field))) => Item::Field(len, field),
        Some(Err(Stop)) => Item::Incomplete,
        None => match reader.without_colon(input) {
            Ok((len, field)) => Item::Field(len, field),
            Err(_) => Item::Incomplete,
        },
    }
}

/// Some(Some(len)) at the empty line, Some(None) where one more byte must tell.
fn end_of_fields(
    input: &[u8],
    side: Side,
    is_first: bool,
    is_final: bool,
) -> Option<Option<usize>> {
    match (input, side) {
        ([b'\r', b'\n', ..], _) => Some(Some(2)),
        ([b'\n', b'\r', ..], Side::Response) if !is_first => Some(Some(2)),
        ([b'\n', ..], _) => Some(Some(1)),
        ([b'\r'], _) => Some(is_final.then_some(1)),
        ([b'\r', ..], Side::Response) if !is_first => Some(Some(1)),
        _ => None,
    }
}

/// More bytes are needed.
struct Stop;

/// How a line ended.
struct LineEnd {
    /// Bytes of the line end itself.
    len: usize,
    /// The white byte that makes the next line a continuation.
    fold: Option<u8>,
    is_deformed: bool,
}

struct Reader {
    side: Side,
    is_final: bool,
}

impl Reader {
    const fn ends_line(&self, byte: u8) -> bool {
        byte == b'\n' || (matches!(self.side, Side::Response) && byte == b'\r')
    }

    /// `Name: value CRLF` followed by something that is no continuation: nearly every field there is.
    fn simple<'a>(&self, input: &'a [u8]) -> Option<Result<(usize, RawField<'a>), Stop>> {
        let lf = memchr::memchr(b'\n', input)?;
        let after = *input.get(lf + 1)?;
        if matches!(after, b' ' | b'\t' | 0 | b'\r' | b'\n')
            && !input.get(lf + 1..)?.starts_with(b"\r\n")
        {
            return None;
        }
        let line = input.get(..lf)?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if memchr::memchr(b'\r', line).is_some() {
            return None;
        }
        let colon = memchr::memchr(b':', line)?;
        let (name, value) = line.split_at_checked(colon)?;
        let value = Cow::Borrowed(trimmed(value.get(1..)?));
        Some(Ok((
            lf + 1,
            RawField {
                name: trimmed(name),
                value,
                oddities: name_oddities(name),
            },
        )))
    }

    fn with_colon<'a>(&self, input: &'a [u8]) -> Option<Result<(usize, RawField<'a>), Stop>> {
        let name = self.name(input);
        let rest = match input.get(name.len()..) {
            Some([b':', rest @ ..]) => rest,
            _ => return None,
        };
        let (blanks, rest) = split_blanks(rest);
        Some(self.value(rest).map(|(len, value, is_deformed)| {
            let mut oddities = name_oddities(name);
            oddities.line_end_is_deformed = is_deformed;
            let len = name.len() + 1 + blanks.len() + len;
            (
                len,
                RawField {
                    name: trimmed(name),
                    value: trimmed_cow(value),
                    oddities,
                },
            )
        }))
    }

    fn without_colon<'a>(&self, input: &'a [u8]) -> Result<(usize, RawField<'a>), Stop> {
        let (len, value, is_deformed) = self.value(input)?;
        let oddities = Oddities {
            colon_is_missing: true,
            name_is_empty: true,
            line_end_is_deformed: is_deformed,
            ..Oddities::default()
        };
        Ok((
            len,
            RawField {
                name: b"",
                value: trimmed_cow(value),
                oddities,
            },
        ))
    }

    /// The bytes before the colon; a line end followed by a space does not end them.
    fn name<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        let mut ended = 0u8;
        for (at, byte) in input.iter().enumerate() {
            if ended == 0 {
                if *byte == b':' {
                    return input.get(..at).unwrap_or_default();
                }
                if self.ends_line(*byte) {
                    ended = *byte;
                }
            } else if *byte == b' ' {
                ended = 0;
            } else if *byte == b'\n' && ended == b'\r' {
                ended = b'\n';
            } else {
                return input.get(..at - 1).unwrap_or_default();
            }
        }
        b""
    }

    /// One line of a value: the bytes before the line end, and the line end.
    fn line<'a>(&self, input: &'a [u8]) -> Result<(&'a [u8], LineEnd), Stop> {
        let at = match self.side {
            Side::Request => memchr::memchr(b'\n', input),
            Side::Response => memchr::memchr2(b'\n', b'\r', input),
        };
        let Some(at) = at else {
            return if self.is_final && !input.is_empty() {
                Ok((
                    input,
                    LineEnd {
                        len: 0,
                        fold: None,
                        is_deformed: false,
                    },
                ))
            } else {
                Err(Stop)
            };
        };
        let (mut line, mut rest) = input.split_at(at);
        if self.side == Side::Request && line.ends_with(b"\r") {
            (line, rest) = input.split_at(at - 1);
        }
        self.line_end(rest).map(|end| (line, end))
    }

    fn line_end(&self, rest: &[u8]) -> Result<LineEnd, Stop> {
        let (regular, deformed) = match self.side {
            Side::Request => (request_end(rest), request_deformed_end(rest)),
            Side::Response => (response_end(rest), response_deformed_end(rest)),
        };
        // A browser does not look for a deformed end before it looks for a continuation.
        let folding = match self.side {
            Side::Request => deformed.unwrap_or(regular),
            Side::Response => regular,
        };
        match rest.get(folding) {
            Some(byte @ (b' ' | b'\t' | 0)) => {
                return Ok(LineEnd {
                    len: folding + 1,
                    fold: Some(*byte),
                    is_deformed: folding != regular,
                });
            }
            None if !self.is_final => return Err(Stop),
            _ => {}
        }
        let len = deformed.unwrap_or(regular);
        if rest.get(len).is_none() && !self.is_final {
            return Err(Stop);
        }
        Ok(LineEnd {
            len,
            fold: None,
            is_deformed: deformed.is_some(),
        })
    }

    /// A value with its continuations: length with line ends, text, whether a line end was deformed.
    fn value<'a>(&self, input: &'a [u8]) -> Result<(usize, Cow<'a, [u8]>, bool), Stop> {
        let (line, end) = self.line(input)?;
        let mut is_deformed = end.is_deformed;
        let mut taken = line.len() + end.len;
        let Some(mut fold) = end.fold else {
            return Ok((taken, Cow::Borrowed(line), is_deformed));
        };
        let mut value = line.to_vec();
        let mut at = taken;
        for _ in 0..MAX_FOLDS {
            let rest = input.get(at..).unwrap_or_default();
            if self.side == Side::Response && looks_like_field(rest, self.is_final)? {
                return Ok((at, Cow::Owned(value), is_deformed));
            }
            let (line, end) = self.line(rest)?;
            is_deformed |= end.is_deformed;
            at += line.len() + end.len;
            if !value.is_empty() {
                value.push(fold);
            }
            // The line end proper, without the white byte that may follow it.
            let end_len = end.len - usize::from(end.fold.is_some());
            if !line.is_empty() || end_len > 1 {
                taken = at;
                value.extend_from_slice(line);
            } else if input.get(at) == Some(&b'\n') {
                taken = at;
            }
            match end.fold {
                Some(byte) => fold = byte,
                None => break,
            }
        }
        Ok((taken, Cow::Owned(value), is_deformed))
    }
}

fn trimmed_cow(value: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match value {
        Cow::Borrowed(value) => Cow::Borrowed(trimmed(value)),
        Cow::Owned(value) => Cow::Owned(trimmed(&value).to_vec()),
    }
}

fn name_oddities(name: &[u8]) -> Oddities {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let (_, rest) = split_blanks(name);
    let (_, rest) = split_before(rest, |b| !is_token(*b));
    let (_, rest) = split_blanks(rest);
    Oddities {
        name_leads_with_space: is_blank(name.first()),
        name_trails_with_space: is_blank(name.last()),
        name_is_no_token: !rest.is_empty(),
        name_is_empty: name.is_empty(),
        ..Oddities::default()
    }
}

/// Whether a continuation line reads like a field of its own, as browsers take it.
fn looks_like_field(rest: &[u8], is_final: bool) -> Result<bool, Stop> {
    let (_, rest) = split_blanks(rest);
    let (token, rest) = split_before(rest, |b| !is_token(*b));
    let (_, rest) = split_blanks(rest);
    match rest.first() {
        Some(byte) => Ok(*byte == b':' && !token.is_empty()),
        None if is_final => Ok(false),
        None => Err(Stop),
    }
}

fn request_end(rest: &[u8]) -> usize {
    1 + usize::from(rest.starts_with(b"\r\n"))
}

fn response_end(rest: &[u8]) -> usize {
    1 + usize::from(rest.starts_with(b"\r\n") || rest.starts_with(b"\n\r"))
}

fn ends_twice(rest: &[u8]) -> bool {
    rest.starts_with(b"\n\r\r\n\n") || rest.starts_with(b"\n\r\r\n\r\n")
}

fn request_deformed_end(rest: &[u8]) -> Option<usize> {
    match rest {
        _ if ends_twice(rest) => Some(4),
        [b'\n', b'\r', b'\r', b'\n', ..] => Some(2),
        _ => None,
    }
}

fn response_deformed_end(rest: &[u8]) -> Option<usize> {
    if ends_twice(rest) {
        return Some(4);
    }
    let (white, after) = split_before(rest.strip_prefix(b"\r\n\r")?, |b| {
        !matches!(b, b'\r' | b' ' | b'\t')
    });
    if white.is_empty() || after.is_empty() {
        return None;
    }
    let lf = usize::from(after.first() == Some(&b'\n'));
    let next = after.get(lf..).unwrap_or_default();
    (!next.starts_with(b"\n") && !next.starts_with(b"\r\n")).then_some(3 + white.len() + lf)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut input: &[u8], side: Side) -> (Vec<(String, String)>, bool, String) {
        let mut fields = Vec::new();
        loop {
            match next_item(input, side, fields.is_empty(), false) {
                Item::Field(len, field) => {
                    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
                    fields.push((text(field.name), text(&field.value)));
                    input = &input[len..];
                }
                Item::End(len) => {
                    let rest = String::from_utf8_lossy(&input[len..]).into_owned();
                    return (fields, true, rest);
                }
                Item::Incomplete => {
                    return (fields, false, String::from_utf8_lossy(input).into_owned());
                }
            }
        }
    }

    fn check(input: &str, side: Side, fields: &[(&str, &str)], ended: bool, rest: &str) {
        let (found, was_ended, left) = read(input.as_bytes(), side);
        let expected: Vec<_> = fields
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        assert_eq!(
            (found, was_ended, left.as_str()),
            (expected, ended, rest),
            "{input:?}"
        );
    }

    #[test]
    fn reads_plain_fields() {
        for side in [Side::Request, Side::Response] {
            check(
                "A: b\r\nC:d\r\n\r\nbody",
                side,
                &[("A", "b"), ("C", "d")],
                true,
                "body",
            );
            check(
                "A: b\nC:d\n\nbody",
                side,
                &[("A", "b"), ("C", "d")],
                true,
                "body",
            );
            check("A: b\r\nC:d\r\n", side, &[("A", "b")], false, "C:d\r\n");
            check("\r\nbody", side, &[], true, "body");
        }
    }

    #[test]
    fn unfolds_values() {
        for side in [Side::Request, Side::Response] {
            check(
                "K: V\r\n a\r\n l\r\n\te\r\n\r\n",
                side,
                &[("K", "V a l\te")],
                true,
                "",
            );
            check(
                ":v2\r\n v2+\r\nk3: v3\r\n\r\n",
                side,
                &[("", "v2 v2+"), ("k3", "v3")],
                true,
                "",
            );
        }
    }

    #[test]
    fn keeps_lines_without_a_colon_as_values() {
        for side in [Side::Request, Side::Response] {
            check(
                "K V\r\nk1:v1\r\n\r\n",
                side,
                &[("", "K V"), ("k1", "v1")],
                true,
                "",
            );
        }
    }

    #[test]
    fn only_browsers_end_lines_at_a_lone_cr() {
        let input = "Host:www\rName: Value\r\n\r\n";
        check(
            input,
            Side::Request,
            &[("Host", "www\rName: Value")],
            true,
            "",
        );
        check(
            input,
            Side::Response,
            &[("Host", "www"), ("Name", "Value")],
            true,
            "",
        );
    }

    #[test]
    fn only_browsers_take_a_folded_field_for_a_field() {
        let input = "A: b\r\n C: d\r\n\r\n";
        check(input, Side::Request, &[("A", "b C: d")], true, "");
        check(input, Side::Response, &[("A", "b"), ("C", "d")], true, "");
    }
}
