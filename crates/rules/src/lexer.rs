//! Bytes of a rules file to logical lines, and a rule's option block to options.
//!
//! A file may hold anything: a byte order mark, CRLF, NUL, Latin-1. A byte that is no UTF-8 becomes
//! a character of a private plane and [`push_bytes`] turns it back, so that `content` keeps the
//! bytes as written.

use std::borrow::Cow;

/// Longest rule in bytes, lines joined. Suricata stops at 8,192; generated rules are longer.
pub const MAX_RULE_BYTES: usize = 64 * 1024;
/// Most lines joined into one rule: a file of lone backslashes must not grow one rule for ever.
const MAX_JOINED_LINES: usize = 4096;
/// Where bytes that are no UTF-8 stand: plane 16 is private use.
const RAW_BASE: u32 = 0x10_FF00;

/// A rule, a comment or an empty line, continuation lines joined.
#[derive(Debug)]
pub struct LogicalLine<'a> {
    /// The text without line ends and continuation backslashes.
    pub text: Cow<'a, str>,
    /// Number of its first physical line, from 1.
    pub line: u32,
    /// Bytes of the rule before its second and later physical lines, as they stand in the file.
    breaks: Vec<u32>,
    /// Whether it went past [`MAX_RULE_BYTES`]; `text` is then its beginning.
    pub is_too_long: bool,
}

impl LogicalLine<'_> {
    /// Physical line and column in bytes of the file, both from 1, of a byte offset into `text`.
    #[must_use]
    pub fn position(&self, offset: usize) -> (u32, u32) {
        let offset = u32::try_from(self.offset_in_file(offset)).unwrap_or(u32::MAX);
        let passed = self
            .breaks
            .iter()
            .take_while(|&&start| start <= offset)
            .count();
        let start = passed
            .checked_sub(1)
            .and_then(|i| self.breaks.get(i))
            .copied()
            .unwrap_or(0);
        (
            self.line.saturating_add(passed as u32),
            offset.saturating_sub(start).saturating_add(1),
        )
    }

    /// A byte that is no UTF-8 is four bytes of `text` but was one of the file.
    fn offset_in_file(&self, offset: usize) -> usize {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let grown = before.chars().filter(|c| *c as u32 >= RAW_BASE).count();
        offset - grown * 3
    }
}

/// The logical lines of a file.
#[derive(Debug)]
pub struct Lines<'a> {
    rest: &'a [u8],
    next_line: u32,
}

impl<'a> Lines<'a> {
    /// Begins at the top of `file`.
    #[must_use]
    pub fn new(file: &'a [u8]) -> Self {
        let rest = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
        Lines { rest, next_line: 1 }
    }

    fn physical(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.rest);
        let (line, rest) = match end {
            Some(end) => (self.rest.get(..end)?, self.rest.get(end + 1..)?),
            None => (self.rest, &[][..]),
        };
        self.rest = rest;
        self.next_line = self.next_line.saturating_add(1);
        Some(line)
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = LogicalLine<'a>;

    fn next(&mut self) -> Option<LogicalLine<'a>> {
        let line = self.next_line;
        let first = self.physical()?.trim_ascii_end();
        let is_comment = first.trim_ascii_start().first().is_none_or(|&b| b == b'#');
        let Some(start) = first.strip_suffix(b"\\").filter(|_| !is_comment) else {
            return Some(LogicalLine {
                is_too_long: first.len() > MAX_RULE_BYTES,
                text: text_of(first),
                line,
                breaks: Vec::new(),
            });
        };
        let (mut joined, mut breaks, mut is_too_long) = (start.to_vec(), Vec::new(), false);
        for _ in 0..MAX_JOINED_LINES {
            let Some(next) = self.physical() else { break };
            let next = next.trim_ascii_end();
            let (part, goes_on) = match next.strip_suffix(b"\\") {
                Some(part) => (part, true),
                None => (next, false),
            };
            is_too_long |= joined.len() + part.len() > MAX_RULE_BYTES;
            if !is_too_long {
                breaks.push(joined.len() as u32);
                joined.extend_from_slice(part);
            }
            if !goes_on {
                break;
            }
        }
        let text = Cow::Owned(text_of(&joined).into_owned());
        Some(LogicalLine {
            text,
            line,
            breaks,
            is_too_long,
        })
    }
}

fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.get(..MAX_RULE_BYTES).unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(
            chunk
                .invalid()
                .iter()
                .filter_map(|&b| char::from_u32(RAW_BASE + u32::from(b))),
        );
    }
    Cow::Owned(text)
}

/// Appends the bytes that stood in the file for `text`.
pub fn push_bytes(text: &str, bytes: &mut Vec<u8>) {
    if text.is_ascii() {
        bytes.extend_from_slice(text.as_bytes());
        return;
    }
    for c in text.chars() {
        match (c as u32).checked_sub(RAW_BASE) {
            Some(raw) if raw < 256 => bytes.push(raw as u8),
            _ => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// `text` for people: what was no UTF-8 becomes U+FFFD.
#[must_use]
pub fn readable(text: &str) -> String {
    let is_raw = |c: char| (RAW_BASE..RAW_BASE + 256).contains(&(c as u32));
    text.chars()
        .map(|c| {
            if is_raw(c) {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect()
}

/// One `name;` or `name:value;` of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleOption<'a> {
    /// The keyword, trimmed, case as written.
    pub name: &'a str,
    /// What follows the colon, trimmed.
    pub value: Option<&'a str>,
    /// Offset of the keyword in the rule.
    pub offset: usize,
}

/// Takes the next option off `rest`, whose first byte stands at `offset` of the rule.
///
/// Quotes do not protect a semicolon: only a backslash does, as in Suricata.
pub fn next_option<'a>(
    rest: &mut &'a str,
    offset: &mut usize,
) -> Option<Result<RuleOption<'a>, (usize, String)>> {
    let trimmed = rest.trim_start_matches(is_blank);
    *offset += rest.len() - trimmed.len();
    *rest = trimmed;
    if trimmed.is_empty() {
        return None;
    }
    let bytes = trimmed.as_bytes();
    let end = memchr::memchr_iter(b';', bytes)
        .find(|&end| end == 0 || bytes.get(end - 1) != Some(&b'\\'));
    let Some((option, after)) =
        end.and_then(|end| Some((trimmed.get(..end)?, trimmed.get(end + 1..)?)))
    else {
        let shown: String = readable(trimmed).chars().take(40).collect();
        *rest = "";
        return Some(Err((
            *offset,
            format!("`{shown}` has no `;` at its end; end every option with one"),
        )));
    };
    let start = *offset;
    *offset += option.len() + 1;
    *rest = after;
    let (name, value) = match option.split_once(':') {
        Some((name, value)) => (name, Some(value.trim_matches(is_blank))),
        None => (option, None),
    };
    Some(Ok(RuleOption {
        name: name.trim_matches(is_blank),
        value,
        offset: start,
    }))
}

/// The options of a whole rule, in order, without empty ones: their places are what
/// [`crate::rule::BufferMatch::options`] counts. Ends where the rule is wrong.
pub fn options(rule: &str) -> impl Iterator<Item = RuleOption<'_>> {
    let (mut rest, mut offset) =
        crate::header::split(rule).map_or(("", 0), |header| (header.options, header.options_at));
    std::iter::from_fn(move || next_option(&mut rest, &mut offset)?.ok())
        .filter(|option| !option.name.is_empty())
}

/// Blank as C's `isspace` sees it, and NUL, which noise in a file brings.
pub(crate) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\x0b' | '\x0c' | '\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &[u8], expected: &[(u32, &str)]) {
        let lines: Vec<(u32, String)> = Lines::new(file)
            .map(|line| (line.line, line.text.into_owned()))
            .collect();
        let expected: Vec<(u32, String)> =
            expected.iter().map(|&(n, t)| (n, t.to_owned())).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn joins_continued_lines_and_keeps_their_numbers() {
        check(b"a\nb", &[(1, "a"), (2, "b")]);
        check(
            b"\xef\xbb\xbfa \\\r\n  b\r\nc\r\n",
            &[(1, "a   b"), (3, "c")],
        );
        check(b"# no \\\nb", &[(1, "# no \\"), (2, "b")]);
        check(b"a\\", &[(1, "a")]);
    }

    #[test]
    fn tells_line_and_column_within_a_joined_rule() {
        let line = Lines::new(b"\nab\\\ncd").nth(1).unwrap();
        assert_eq!(line.position(1), (2, 2));
        assert_eq!(line.position(3), (3, 2));
    }

    #[test]
    fn keeps_bytes_that_are_no_utf8() {
        let line = Lines::new(b"a\xe9\xffb").next().unwrap();
        let mut bytes = Vec::new();
        push_bytes(&line.text, &mut bytes);
        assert_eq!(bytes, b"a\xe9\xffb");
        assert_eq!(readable(&line.text), "a\u{fffd}\u{fffd}b");
    }

    #[test]
    fn only_a_backslash_protects_a_semicolon() {
        let (mut rest, mut offset) = (" msg:\"a\\;b\" ; nocase;x", 10);
        let msg = next_option(&mut rest, &mut offset).unwrap().unwrap();
        assert_eq!(
            msg,
            RuleOption {
                name: "msg",
                value: Some("\"a\\;b\""),
                offset: 11
            }
        );
        let nocase = next_option(&mut rest, &mut offset).unwrap().unwrap();
        assert_eq!((nocase.name, nocase.value), ("nocase", None));
        assert!(next_option(&mut rest, &mut offset).unwrap().is_err());
        assert!(next_option(&mut rest, &mut offset).is_none());
    }
}
