//! Small questions about bytes that requests and responses share.

/// Space, tab, CR, LF, vertical tab and form feed: what C's `isspace` takes for white.
pub(super) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c)
}

/// A visible character of US-ASCII that is no separator (RFC 2616 section 2.2).
pub(super) const fn is_token(byte: u8) -> bool {
    byte > 32
        && byte < 127
        && !matches!(
            byte,
            b'(' | b')'
                | b'<'
                | b'>'
                | b'@'
                | b','
                | b';'
                | b':'
                | b'\\'
                | b'"'
                | b'/'
                | b'['
                | b']'
                | b'?'
                | b'='
                | b'{'
                | b'}'
        )
}

/// `data` without white space at both ends.
pub(super) fn trimmed(data: &[u8]) -> &[u8] {
    let start = data
        .iter()
        .position(|b| !is_space(*b))
        .unwrap_or(data.len());
    let end = data
        .iter()
        .rposition(|b| !is_space(*b))
        .map_or(start, |at| at + 1);
    data.get(start..end).unwrap_or_default()
}

/// `data` without the CR and LF it ends with.
pub(super) fn chomp(data: &[u8]) -> &[u8] {
    let end = data
        .iter()
        .rposition(|b| !matches!(b, b'\r' | b'\n'))
        .map_or(0, |at| at + 1);
    data.get(..end).unwrap_or_default()
}

/// Splits `data` before the first byte for which `stop` holds.
pub(super) fn split_before(data: &[u8], stop: impl FnMut(&u8) -> bool) -> (&[u8], &[u8]) {
    data.split_at(data.iter().position(stop).unwrap_or(data.len()))
}

/// Splits off white space at the front: `(space, rest)`.
pub(super) fn split_space(data: &[u8]) -> (&[u8], &[u8]) {
    split_before(data, |b| !is_space(*b))
}

/// Splits off spaces and tabs at the front: `(space, rest)`.
pub(super) fn split_blanks(data: &[u8]) -> (&[u8], &[u8]) {
    split_before(data, |b| !matches!(b, b' ' | b'\t'))
}

/// Whether `data` is one line end and nothing else.
pub(super) const fn is_empty_line(data: &[u8]) -> bool {
    matches!(data, b"\r" | b"\n" | b"\r\n")
}

/// Where `needle`, which is lower case, begins in `data` whatever its case, NULs in `data` skipped.
pub(super) fn contains_nocase_nozero(data: &[u8], needle: &[u8]) -> bool {
    (0..data.len()).any(|at| {
        let mut rest = data
            .get(at..)
            .unwrap_or_default()
            .iter()
            .filter(|b| **b != 0);
        needle
            .iter()
            .all(|n| rest.next().is_some_and(|b| b.to_ascii_lowercase() == *n))
    })
}

/// Whether `data` is `text`, which is lower case, whatever its case and with NULs skipped.
pub(super) fn equals_nocase_nozero(data: &[u8], text: &[u8]) -> bool {
    let mut bytes = data.iter().filter(|b| **b != 0);
    text.iter()
        .all(|t| bytes.next().is_some_and(|b| b.to_ascii_lowercase() == *t))
        && bytes.next().is_none()
}

/// Whether `data` begins with `prefix`, which is lower case, whatever its case.
pub(super) fn starts_nocase(data: &[u8], prefix: &[u8]) -> bool {
    data.get(..prefix.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

/// A decimal number of digits only; None where it is none or does not fit.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// A content length as it is read leniently: junk before and after the digits is only noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContentLength {
    pub(super) value: u64,
    pub(super) has_junk_before: bool,
    pub(super) has_junk_after: bool,
}

/// Reads a `Content-Length` value.
pub(super) fn content_length(value: &[u8]) -> Option<ContentLength> {
    let (_, value) = split_blanks(value);
    let (junk, rest) = split_before(value, u8::is_ascii_digit);
    let (digits, rest) = split_before(rest, |b| !b.is_ascii_digit());
    let (_, rest) = split_blanks(rest);
    Some(ContentLength {
        value: decimal(digits)?,
        has_junk_before: !junk.is_empty(),
        has_junk_after: !rest.is_empty(),
    })
}

/// What the line before a chunk says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChunkLength {
    /// So many bytes follow, and whether an extension was given.
    Bytes(u64, bool),
    /// Nothing that can be followed: empty, or more than 2 GiB.
    Unusable,
    /// No hexadecimal number.
    Invalid,
}

const fn is_chunk_control(byte: u8) -> bool {
    matches!(byte, 0x0d | 0x0a | 0x20 | 0x09 | 0x0b | 0x0c)
}

/// Whether a line before a chunk consists of white space only; such lines are skipped.
pub(super) fn is_chunk_blank(line: &[u8]) -> bool {
    line.iter().all(|b| is_chunk_control(*b))
}

/// Whether what is there of a line before a chunk may still become a length.
pub(super) fn may_be_chunk_length(data: &[u8]) -> bool {
    let (_, rest) = split_before(data, |b| !is_chunk_control(*b));
    rest.first().is_none_or(u8::is_ascii_hexdigit)
}

/// Reads the line before a chunk.
pub(super) fn chunk_length(line: &[u8]) -> ChunkLength {
    let (_, rest) = split_before(line, |b| !is_chunk_control(*b));
    let (digits, rest) = split_before(rest, |b| !b.is_ascii_hexdigit());
    let (_, rest) = split_blanks(rest);
    if digits.is_empty() {
        return if rest.is_empty() {
            ChunkLength::Unusable
        } else {
            ChunkLength::Invalid
        };
    }
    let value = std::str::from_utf8(digits)
        .ok()
        .and_then(|d| u64::from_str_radix(d, 16).ok());
    match value {
        Some(value) if value <= i32::MAX as u64 => ChunkLength::Bytes(value, rest.contains(&b';')),
        Some(_) => ChunkLength::Unusable,
        None => ChunkLength::Invalid,
    }
}

/// Versions of the protocol, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    Invalid,
    #[default]
    Unknown,
    V09,
    V10,
    V11,
}

/// Reads `HTTP/1.1` leniently; the second says whether odd white space or zeros were in it.
pub(super) fn version(text: &[u8]) -> (Version, bool) {
    let (_, rest) = split_space(text);
    if !starts_nocase(rest, b"http") {
        return (Version::Invalid, false);
    }
    let (before, rest) = split_space(rest.get(4..).unwrap_or_default());
    let Some(rest) = rest.strip_prefix(b"/") else {
        return (Version::Invalid, false);
    };
    let (after, rest) = split_before(rest, |b| !(is_space(*b) || *b == b'0'));
    let is_odd = !before.is_empty() || !after.is_empty();
    let found = [
        (&b".9"[..], Version::V09),
        (b"1.0", Version::V10),
        (b"1.1", Version::V11),
    ]
    .into_iter()
    .find_map(|(text, version)| rest.strip_prefix(text).map(|rest| (rest, version)));
    match found {
        Some((rest, version)) if split_space(rest).1.is_empty() => (version, is_odd),
        _ => (Version::Invalid, false),
    }
}

/// Reads a status such as `200`; None where it is no number from 100 to 999.
pub(super) fn status(text: &[u8]) -> Option<u16> {
    let text = trimmed(text);
    decimal(text)
        .and_then(|n| u16::try_from(n).ok())
        .filter(|n| (100..=999).contains(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lengths_leniently() {
        let check = |text: &str, expected: Option<(u64, bool, bool)>| {
            let found = content_length(text.as_bytes());
            assert_eq!(
                found.map(|l| (l.value, l.has_junk_before, l.has_junk_after)),
                expected,
                "{text}"
            );
        };
        check(" 12 ", Some((12, false, false)));
        check("a200 \t bcd", Some((200, true, true)));
        check("", None);
        check("99999999999999999999999", None);
    }

    #[test]
    fn reads_chunk_lengths() {
        let check = |text: &str, expected| assert_eq!(chunk_length(text.as_bytes()), expected);
        check("1f\r\n", ChunkLength::Bytes(31, false));
        check(" \t5 ; a=b\r\n", ChunkLength::Bytes(5, true));
        check("zz\r\n", ChunkLength::Invalid);
        check("80000000\r\n", ChunkLength::Unusable);
        check("fffffffffffffffffff\r\n", ChunkLength::Invalid);
    }

    #[test]
    fn reads_versions() {
        let check = |text: &str, expected| assert_eq!(version(text.as_bytes()), expected, "{text}");
        check("HTTP/1.1", (Version::V11, false));
        check("hTTp / 01.0 ", (Version::V10, true));
        check("HTTP/0.9", (Version::V09, true));
        check("HTTP/2.0", (Version::Invalid, false));
        check("junk", (Version::Invalid, false));
    }
}
