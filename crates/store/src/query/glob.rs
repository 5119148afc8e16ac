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
    let (mut piece, mut at) = (0, 0);
    // Where to go on when what follows the last `*` does not fit: one character further.
    let mut back: Option<(usize, usize)> = None;
    while let Some(c) = text.get(at) {
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
            Some(Piece::Literal(literal)) if literal == c => {
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
        fn a_literal_is_of_its_own_pattern(text in ".{0,20}") {
            prop_assert!(matches(&pieces(&literal(&text)), &text));
        }
    }
}
