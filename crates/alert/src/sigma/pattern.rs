//! Texts with wildcards as Sigma writes them: `*` any characters, `?` one, `\` takes their meaning away.

use std::borrow::Cow;
use std::cell::OnceCell;

/// A text to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pieces: Vec<Piece>,
    is_cased: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// These characters.
    Text(Vec<char>),
    /// One character.
    One,
    /// Any characters, also none.
    Any,
}

/// Where a text must stand in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is the whole value.
    Whole,
    /// At the beginning.
    Start,
    /// At the end.
    End,
    /// Anywhere.
    Anywhere,
}

/// The longest value that is looked at, bytes; what stands behind it is not seen.
const MAX_VALUE: usize = 64 * 1024;

impl Pattern {
    /// Reads a text with wildcards.
    pub fn new(text: &str, place: Place, is_cased: bool) -> Pattern {
        Pattern::of(pieces(text), place, is_cased)
    }

    /// Takes a text as it stands.
    pub fn literal(text: &str, place: Place, is_cased: bool) -> Pattern {
        Pattern::of(vec![Piece::Text(text.chars().collect())], place, is_cased)
    }

    fn of(mut pieces: Vec<Piece>, place: Place, is_cased: bool) -> Pattern {
        if matches!(place, Place::End | Place::Anywhere) {
            pieces.insert(0, Piece::Any);
        }
        if matches!(place, Place::Start | Place::Anywhere) {
            pieces.push(Piece::Any);
        }
        pieces.dedup_by(|a, b| *a == Piece::Any && *b == Piece::Any);
        if !is_cased {
            for piece in &mut pieces {
                if let Piece::Text(text) = piece {
                    *text = text.iter().copied().map(lower).collect();
                }
            }
        }
        Pattern { pieces, is_cased }
    }

    /// Whether a value fits, from its beginning to its end.
    pub fn fits(&self, value: &Text<'_>) -> bool {
        let chars = value.chars();
        fits(
            &self.pieces,
            if self.is_cased {
                &chars.raw
            } else {
                &chars.small
            },
        )
    }

    /// The text in small, where the pattern is one text without wildcards and case does not count.
    pub fn whole(&self) -> Option<String> {
        match self.pieces.as_slice() {
            [Piece::Text(text)] if !self.is_cased => Some(text.iter().collect()),
            _ => None,
        }
    }
}

/// A value that many patterns are held against: what they need of it is made once.
#[derive(Debug)]
pub struct Text<'a> {
    /// As it stands.
    pub text: Cow<'a, str>,
    chars: OnceCell<Chars>,
}

#[derive(Debug)]
struct Chars {
    raw: Vec<char>,
    small: Vec<char>,
}

impl<'a> Text<'a> {
    /// Of this value.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Text<'a> {
        Text {
            text: text.into(),
            chars: OnceCell::new(),
        }
    }

    /// In small.
    pub fn small(&self) -> String {
        self.chars().small.iter().collect()
    }

    fn chars(&self) -> &Chars {
        self.chars.get_or_init(|| {
            let mut end = self.text.len().min(MAX_VALUE);
            while !self.text.is_char_boundary(end) {
                end -= 1;
            }
            let raw: Vec<char> = self.text.get(..end).unwrap_or_default().chars().collect();
            let small = raw.iter().copied().map(lower).collect();
            Chars { raw, small }
        })
    }
}

/// One character in small, where that is one character: the same on both sides of a comparison.
fn lower(c: char) -> char {
    let mut small = c.to_lowercase();
    match (small.next(), small.next()) {
        (Some(small), None) => small,
        _ => c,
    }
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut literal = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let wild = match c {
            '*' => Piece::Any,
            '?' => Piece::One,
            // A backslash before anything else is a backslash: paths are written with single ones.
            '\\' if matches!(chars.peek(), Some('*' | '?' | '\\')) => {
                literal.extend(chars.next());
                continue;
            }
            other => {
                literal.push(other);
                continue;
            }
        };
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
        }
        pieces.push(wild);
    }
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    pieces
}

/// Each piece takes the first place that it can have; what fails goes back to the last `*` only, so
/// that the time is the product of both lengths at most.
fn fits(pieces: &[Piece], text: &[char]) -> bool {
    let (mut piece, mut at) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    loop {
        let fitted = match pieces.get(piece) {
            None if at == text.len() => return true,
            None => None,
            Some(Piece::Any) => {
                back = Some((piece + 1, at));
                piece += 1;
                continue;
            }
            Some(Piece::One) => (at < text.len()).then_some(1),
            Some(Piece::Text(literal)) => text
                .get(at..)
                .is_some_and(|rest| rest.starts_with(literal))
                .then_some(literal.len()),
        };
        match (fitted, back) {
            (Some(length), _) => {
                piece += 1;
                at += length;
            }
            (None, Some((next, from))) if from < text.len() => {
                back = Some((next, from + 1));
                piece = next;
                at = from + 1;
            }
            (None, _) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(pattern: &str, place: Place, value: &str, expected: bool) {
        let is = Pattern::new(pattern, place, false).fits(&Text::new(value));
        assert_eq!(is, expected, "{pattern:?} {place:?} {value:?}");
    }

    #[test]
    fn wildcards_and_places() {
        check("abc", Place::Whole, "ABC", true);
        check("abc", Place::Whole, "abcd", false);
        check("a*c", Place::Whole, "abbbc", true);
        check("a?c", Place::Whole, "abc", true);
        check("a?c", Place::Whole, "ac", false);
        check("b", Place::Anywhere, "abc", true);
        check("a", Place::Start, "abc", true);
        check("c", Place::End, "abc", true);
        check("c", Place::Start, "abc", false);
        check("*", Place::Whole, "", true);
        check("", Place::Whole, "", true);
        check("", Place::Whole, "a", false);
        check("ÄÖ", Place::End, "xäö", true);
    }

    #[test]
    fn a_backslash_takes_the_meaning_of_a_wildcard_away() {
        check(r"a\*c", Place::Whole, "a*c", true);
        check(r"a\*c", Place::Whole, "abc", false);
        check(
            r"C:\Windows\cmd.exe",
            Place::Whole,
            r"c:\windows\cmd.exe",
            true,
        );
        check(r"a\\*", Place::Whole, r"a\anything", true);
        check(r"a\", Place::Whole, r"a\", true);
    }

    #[test]
    fn case_counts_where_it_is_said() {
        assert!(Pattern::new("Ab", Place::Whole, true).fits(&Text::new("Ab")));
        assert!(!Pattern::new("Ab", Place::Whole, true).fits(&Text::new("ab")));
    }

    #[test]
    fn a_hostile_pattern_takes_no_long_time() {
        let pattern = "*a".repeat(200);
        assert!(!Pattern::new(&pattern, Place::Whole, false).fits(&Text::new("a".repeat(199))));
        assert!(
            !Pattern::new(&format!("{pattern}b"), Place::Whole, false)
                .fits(&Text::new("a".repeat(10_000)))
        );
    }

    proptest! {
        #[test]
        fn a_pattern_agrees_with_a_regular_expression(pattern in "[ab*?]{0,8}", value in "[ab]{0,8}") {
            let regex: String = pattern.chars().map(|c| match c {
                '*' => ".*".to_owned(),
                '?' => ".".to_owned(),
                c => c.to_string(),
            }).collect();
            let regex = regex::Regex::new(&format!("^{regex}$")).unwrap();
            prop_assert_eq!(Pattern::new(&pattern, Place::Whole, true).fits(&Text::new(value.as_str())), regex.is_match(&value));
        }
    }
}
