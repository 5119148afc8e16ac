//! Patterns: `*` is any characters, `?` is one, a backslash takes the next character as it is.

use std::net::Ipv4Addr;

use event::Prefix;

/// A piece of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// This character.
    Literal(char),
    /// `?`: one character, whichever.
    One,
    /// `*`: characters, none or more.
    Any,
}

/// The pieces of a pattern, repeated `*` once.
#[must_use]
pub fn pieces(pattern: &str) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let piece = match c {
            '*' => Piece::Any,
            '?' => Piece::One,
            '\\' => Piece::Literal(chars.next().unwrap_or('\\')),
            c => Piece::Literal(c),
        };
        if piece != Piece::Any || out.last() != Some(&Piece::Any) {
            out.push(piece);
        }
    }
    out
}

/// Adds a character that stands for itself to a pattern.
pub fn push_literal(pattern: &mut String, c: char) {
    if matches!(c, '*' | '?' | '\\') {
        pattern.push('\\');
    }
    pattern.push(c);
}

/// The pattern that holds for this text alone.
#[must_use]
pub fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| push_literal(&mut out, c));
    out
}

/// Whether the whole of `text` is of this pattern: at most `pieces` times `text` steps.
#[must_use]
pub fn matches(pieces: &[Piece], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    steps(pieces, text.len(), |at, c| text.get(at) == Some(&c))
}

/// Whether a text of `len` characters is of this pattern; `is` tells whether one at a place is a certain one.
fn steps(pieces: &[Piece], len: usize, is: impl Fn(usize, char) -> bool) -> bool {
    let (mut piece, mut at) = (0, 0);
    // Where to go on when what follows the last `*` does not fit: one character further.
    let mut back: Option<(usize, usize)> = None;
    while at < len {
        match pieces.get(piece) {
            Some(Piece::Any) => {
                back = Some((piece + 1, at));
                piece += 1;
                continue;
            }
            Some(Piece::One) => {
                (piece, at) = (piece + 1, at + 1);
                continue;
            }
            Some(Piece::Literal(literal)) if is(at, *literal) => {
                (piece, at) = (piece + 1, at + 1);
                continue;
            }
            Some(Piece::Literal(_)) | None => {}
        }
        let Some((behind, from)) = back else {
            return false;
        };
        back = Some((behind, from + 1));
        (piece, at) = (behind, from + 1);
    }
    pieces
        .get(piece..)
        .is_some_and(|rest| rest.iter().all(|piece| *piece == Piece::Any))
}

/// A pattern made ready for many texts, such as all values of a column.
///
/// Nearly all texts are ASCII: those are compared byte by byte, the end of the pattern first, without a copy.
#[derive(Debug)]
pub struct Matcher {
    pieces: Vec<Piece>,
    /// Whether all that stands for itself is ASCII.
    is_ascii: bool,
    /// What every text ends with.
    end: Vec<u8>,
    ignore_case: bool,
}

impl Matcher {
    /// With `ignore_case`, the pattern is in lower case and texts are taken so.
    #[must_use]
    pub fn new(pattern: &str, ignore_case: bool) -> Matcher {
        let pieces = pieces(pattern);
        let is_ascii = |piece: &Piece| !matches!(piece, Piece::Literal(c) if !c.is_ascii());
        let is_ascii = pieces.iter().all(is_ascii);
        let mut end: Vec<u8> = pieces
            .iter()
            .rev()
            .map_while(|piece| match piece {
                Piece::Literal(c) => u8::try_from(*c).ok().filter(u8::is_ascii),
                Piece::One | Piece::Any => None,
            })
            .collect();
        end.reverse();
        Matcher {
            pieces,
            is_ascii,
            end,
            ignore_case,
        }
    }

    /// What every text begins with; nothing where case is ignored, since then texts begin in several ways.
    #[must_use]
    pub fn begin(&self) -> String {
        if self.ignore_case {
            return String::new();
        }
        begin(&self.pieces)
    }

    /// What every text ends with, of bytes of ASCII; in lower case where case is ignored.
    #[must_use]
    pub fn end(&self) -> &[u8] {
        &self.end
    }

    /// Whether the whole of these bytes is text of the pattern.
    #[must_use]
    pub fn fits(&self, text: &[u8]) -> bool {
        if !text.is_ascii() {
            return std::str::from_utf8(text).is_ok_and(|text| self.fits_any(text));
        }
        // A letter beyond ASCII is in no text of ASCII.
        if !self.is_ascii {
            return false;
        }
        let Some((_, tail)) = text.split_at_checked(text.len().wrapping_sub(self.end.len())) else {
            return false;
        };
        if self.ignore_case {
            tail.eq_ignore_ascii_case(&self.end)
                && steps(&self.pieces, text.len(), |at, c| {
                    text.get(at)
                        .is_some_and(|byte| char::from(byte.to_ascii_lowercase()) == c)
                })
        } else {
            tail == self.end
                && steps(&self.pieces, text.len(), |at, c| {
                    text.get(at).is_some_and(|byte| char::from(*byte) == c)
                })
        }
    }

    fn fits_any(&self, text: &str) -> bool {
        if self.ignore_case {
            let lower: String = text.chars().map(super::lower).collect();
            matches(&self.pieces, &lower)
        } else {
            matches(&self.pieces, text)
        }
    }
}

/// What every text of a pattern begins with.
#[must_use]
pub fn begin(pieces: &[Piece]) -> String {
    let literal = |piece: &Piece| match piece {
        Piece::Literal(c) => Some(*c),
        Piece::One | Piece::Any => None,
    };
    pieces.iter().map_while(literal).collect()
}

/// The same pattern as a regular expression of the whole text, for engines that know those alone.
#[must_use]
pub fn regex(pieces: &[Piece]) -> String {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Any => out.push_str("(.|\\n)*"),
            Piece::One => out.push_str("(.|\\n)"),
            Piece::Literal(c) => {
                if c.is_ascii_punctuation() {
                    out.push('\\');
                }
                out.push(*c);
            }
        }
    }
    out
}

/// `10.*`, `10.1.*` and `10.1.2.*` as the prefix they mean.
#[must_use]
pub fn address_prefix(pattern: &str) -> Option<Prefix> {
    let parts: Vec<&str> = pattern.split('.').collect();
    let known = parts.iter().take_while(|part| **part != "*").count();
    if !(2..=4).contains(&parts.len()) || !(1..=3).contains(&known) {
        return None;
    }
    if parts.iter().skip(known).any(|part| *part != "*") {
        return None;
    }
    let mut octets = [0; 4];
    for (octet, part) in octets.iter_mut().zip(parts.iter().take(known)) {
        *octet = part.parse().ok()?;
    }
    let length = u8::try_from(known * 8).ok()?;
    Prefix::new(Ipv4Addr::from(octets).into(), length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(pattern: &str, text: &str, expected: bool) {
        assert_eq!(
            matches(&pieces(pattern), text),
            expected,
            "{pattern} {text}"
        );
    }

    #[test]
    fn stars_and_question_marks_stand_for_other_characters() {
        check("*", "", true);
        check("*", "anything", true);
        check("a*c", "abc", true);
        check("a*c", "ac", true);
        check("a*c", "acb", false);
        check("a?c", "abc", true);
        check("a?c", "ac", false);
        check("*.evil.*", "www.evil.com", true);
        check("a*a*a*b", "aaaaaaaaaaaaaaaa", false);
        check("\\*", "*", true);
        check("\\*", "a", false);
        check("a\\?", "a?", true);
        check("ä?ß", "äöß", true);
    }

    #[test]
    fn a_pattern_of_octets_is_a_prefix() {
        let check = |pattern: &str, expected: Option<&str>| {
            let prefix = address_prefix(pattern).map(|prefix| prefix.to_string());
            assert_eq!(prefix.as_deref(), expected, "{pattern}");
        };
        check("10.*", Some("10.0.0.0/8"));
        check("10.1.*", Some("10.1.0.0/16"));
        check("10.1.*.*", Some("10.1.0.0/16"));
        check("10.1.2.*", Some("10.1.2.0/24"));
        check("10.1.2.3*", None);
        check("10.*.2", None);
        check("*", None);
        check("10.1.2.3.*", None);
    }

    proptest! {
        #[test]
        fn a_pattern_made_ready_finds_what_the_pattern_finds(
            pattern in "[aAbBäÄK*?.]{0,6}",
            text in "[aAbBäÄkK.]{0,8}",
            ignore_case: bool,
        ) {
            let fold = |text: &str| -> String {
                if ignore_case { text.chars().map(crate::query::lower).collect() } else { text.to_owned() }
            };
            let pattern = fold(&pattern);
            let expected = matches(&pieces(&pattern), &fold(&text));
            let matcher = Matcher::new(&pattern, ignore_case);
            prop_assert_eq!(matcher.fits(text.as_bytes()), expected);
            prop_assert!(!expected || ignore_case || text.starts_with(&matcher.begin()));
        }

        #[test]
        fn a_literal_is_of_its_own_pattern(text in ".{0,20}") {
            prop_assert!(matches(&pieces(&literal(&text)), &text));
        }
    }
}
