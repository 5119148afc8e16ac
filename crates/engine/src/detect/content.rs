//! Finds one byte string in a buffer, with or without regard to case.
//!
//! Rules hold tens of thousands of strings and most are looked for rarely, so nothing is built
//! ahead but the place of the string's rarest byte: a vectorised scan for that byte, then a
//! comparison, is as fast on wire data as a prepared searcher of ten times the size.

use memchr::memmem;

/// Candidates that may fail before the search changes to one whose time is linear whatever the
/// bytes: hostile data repeats the rarest byte.
const FAILED_CANDIDATES: u32 = 64;

/// A byte string to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Literal {
    /// Lower-cased where the case is ignored.
    bytes: Box<[u8]>,
    /// Place of the byte that is scanned for.
    rare: usize,
    is_nocase: bool,
}

impl Literal {
    pub(crate) fn new(bytes: &[u8], is_nocase: bool) -> Self {
        let bytes: Box<[u8]> = if is_nocase {
            bytes.to_ascii_lowercase().into()
        } else {
            bytes.into()
        };
        let rare = bytes
            .iter()
            .enumerate()
            .min_by_key(|(_, byte)| commonness(**byte, is_nocase))
            .map_or(0, |(place, _)| place);
        Literal {
            bytes,
            rare,
            is_nocase,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether `data` is this string.
    pub(crate) fn is(&self, data: &[u8]) -> bool {
        if self.is_nocase {
            self.bytes.eq_ignore_ascii_case(data)
        } else {
            *self.bytes == *data
        }
    }

    /// Where it begins in `data` first.
    pub(crate) fn find(&self, data: &[u8]) -> Option<usize> {
        let len = self.bytes.len();
        if data.len() <= len {
            return self.is(data).then_some(0);
        }
        let Some(&rare) = self.bytes.get(self.rare) else {
            return Some(0);
        };
        let places = data.get(self.rare..=data.len() - (len - self.rare))?;
        if self.is_nocase && rare.is_ascii_alphabetic() {
            let upper = rare.to_ascii_uppercase();
            return self.first_of(data, memchr::memchr2_iter(rare, upper, places));
        }
        if self.is_nocase {
            return self.first_of(data, memchr::memchr_iter(rare, places));
        }
        let mut failed = 0;
        for start in memchr::memchr_iter(rare, places) {
            if data.get(start..start + len)? == &*self.bytes {
                return Some(start);
            }
            failed += 1;
            if failed == FAILED_CANDIDATES {
                let rest = data.get(start + 1..)?;
                return memmem::find(rest, &self.bytes).map(|place| start + 1 + place);
            }
        }
        None
    }

    fn first_of(&self, data: &[u8], mut starts: impl Iterator<Item = usize>) -> Option<usize> {
        let len = self.bytes.len();
        starts.find(|start| {
            data.get(*start..start + len)
                .is_some_and(|at| at.eq_ignore_ascii_case(&self.bytes))
        })
    }
}

/// How common a byte is in payloads, roughly: text protocols and binary headers mixed.
const fn commonness(byte: u8, is_nocase: bool) -> u8 {
    let class: u8 = match byte {
        0 => 255,
        b' ' | b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 220,
        b'l' | b'd' | b'c' | b'h' | b'p' | b'm' | b'u' => 180,
        b'0' | b'1' | b'\r' | b'\n' | b'/' | b'.' | b'=' | b'-' | 0xff => 170,
        b'f' | b'g' | b'b' | b'y' | b'w' | b'v' | b'x' | b':' | b'"' => 140,
        b'2'..=b'9' | b';' | b',' | b'_' | b'&' | b'<' | b'>' | b'(' | b')' => 120,
        b'A'..=b'Z' | b'k' => 90,
        b'j' | b'q' | b'z' => 60,
        1..=8 => 80,
        0x09..=0x1f => 40,
        b'!'..=b'~' => 50,
        0x7f..=0xfe => 45,
    };
    // Two spellings of a letter are twice as common, and cost more to scan for.
    if is_nocase && byte.is_ascii_alphabetic() {
        class.saturating_add(30)
    } else {
        class
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(needle: &[u8], is_nocase: bool, data: &[u8]) -> Option<usize> {
        (0..=data.len().checked_sub(needle.len())?).find(|start| {
            let at = &data[*start..start + needle.len()];
            if is_nocase {
                at.eq_ignore_ascii_case(needle)
            } else {
                at == needle
            }
        })
    }

    fn check(needle: &[u8], is_nocase: bool, data: &[u8]) {
        assert_eq!(
            Literal::new(needle, is_nocase).find(data),
            naive(needle, is_nocase, data),
            "{needle:?} {is_nocase} {data:?}"
        );
    }

    #[test]
    fn finds_strings_at_either_end() {
        check(b"GET", false, b"GET /");
        check(b"get", true, b"xxGeT");
        check(b"get", false, b"xxGeT");
        check(b"a", false, b"");
        check(b"abc", false, b"ab");
    }

    #[test]
    fn stays_linear_where_the_rarest_byte_repeats() {
        let mut data = vec![b'z'; 100_000];
        data.extend_from_slice(b"zza");
        check(b"zzzza", false, &data[..300]);
        assert_eq!(Literal::new(b"zza", false).find(&data), Some(100_000));
    }

    proptest! {
        #[test]
        fn agrees_with_the_plain_search(
            needle in proptest::collection::vec(prop_oneof![Just(b'a'), Just(b'B'), Just(b'z'), any::<u8>()], 1..6),
            data in proptest::collection::vec(prop_oneof![Just(b'A'), Just(b'b'), Just(b'a'), Just(b'B'), Just(b'z'), any::<u8>()], 0..300),
            is_nocase: bool,
        ) {
            check(&needle, is_nocase, &data);
        }
    }
}
