//! The header fields of one message, kept in one buffer, with repeated ones joined.

use super::text::equals_nocase_nozero;
use std::ops::Range;

/// Repetitions of fields that are joined; what repeats beyond is dropped.
const MAX_REPETITIONS: u16 = 64;

/// A field that is kept.
#[derive(Clone, Debug)]
struct Kept {
    name: Range<usize>,
    value: Range<usize>,
    is_repeated: bool,
}

/// What became of a field that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// It is new.
    New,
    /// It stood there once; now the values are joined.
    Repeated,
    /// It stood there more often; joined, or dropped where too many repeat.
    RepeatedAgain,
    /// A second `Content-Length`, the first of its kind or not; whether the two differ.
    Length { is_second: bool, differs: bool },
    /// There are too many.
    TooMany,
}

/// The fields of one message, in order, with repeated ones joined.
#[derive(Debug, Default)]
pub(super) struct Headers {
    text: Vec<u8>,
    kept: Vec<Kept>,
    repetitions: u16,
}

impl Headers {
    /// Names and values, in order.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.kept
            .iter()
            .map(|kept| (self.slice(&kept.name), self.slice(&kept.value)))
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn at(&self, index: usize) -> Option<(&[u8], &[u8])> {
        self.kept
            .get(index)
            .map(|kept| (self.slice(&kept.name), self.slice(&kept.value)))
    }

    /// Bytes of all names and values, for buffers to be sized by.
    pub(super) fn text_len(&self) -> usize {
        self.text.len()
    }

    /// The value of the first field of that name, which is given in lower case.
    pub(super) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.kept
            .iter()
            .find(|kept| equals_nocase_nozero(self.slice(&kept.name), name))
            .map(|kept| self.slice(&kept.value))
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.kept.clear();
    }

    /// Adds a field, or joins it to the one of its name.
    pub(super) fn add(&mut self, name: &[u8], value: &[u8], limit: usize) -> Added {
        let Some(at) = self
            .kept
            .iter()
            .position(|kept| self.slice(&kept.name).eq_ignore_ascii_case(name))
        else {
            if self.kept.len() > limit {
                return Added::TooMany;
            }
            let name = self.push(name);
            let value = self.push(value);
            self.kept.push(Kept {
                name,
                value,
                is_repeated: false,
            });
            return Added::New;
        };
        self.join(at, name, value)
    }

    fn join(&mut self, at: usize, name: &[u8], value: &[u8]) -> Added {
        let Some(mut kept) = self.kept.get(at).cloned() else {
            return Added::TooMany;
        };
        let is_second = !kept.is_repeated;
        if !is_second {
            if self.repetitions >= MAX_REPETITIONS {
                return Added::RepeatedAgain;
            }
            self.repetitions += 1;
        }
        kept.is_repeated = true;
        let added = if name.eq_ignore_ascii_case(b"content-length") {
            let length = |v: &[u8]| super::text::content_length(v).map(|l| l.value);
            let (old, new) = (length(self.slice(&kept.value)), length(value));
            Added::Length {
                is_second,
                differs: old.is_none() || old != new,
            }
        } else {
            if kept.value.end != self.text.len() {
                let start = self.text.len();
                self.text.extend_from_within(kept.value.clone());
                kept.value = start..self.text.len();
            }
            self.text.extend_from_slice(b", ");
            self.text.extend_from_slice(value);
            kept.value.end = self.text.len();
            if is_second {
                Added::Repeated
            } else {
                Added::RepeatedAgain
            }
        };
        if let Some(slot) = self.kept.get_mut(at) {
            *slot = kept;
        }
        added
    }

    fn push(&mut self, text: &[u8]) -> Range<usize> {
        let start = self.text.len();
        self.text.extend_from_slice(text);
        start..self.text.len()
    }

    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_repeated_fields() {
        let mut headers = Headers::default();
        assert_eq!(headers.add(b"A", b"1", 10), Added::New);
        assert_eq!(headers.add(b"B", b"2", 10), Added::New);
        assert_eq!(headers.add(b"a", b"3", 10), Added::Repeated);
        assert_eq!(headers.add(b"a", b"4", 10), Added::RepeatedAgain);
        assert_eq!(headers.add(b"Content-Length", b"4", 10), Added::New);
        let twice = headers.add(b"Content-Length", b"5", 10);
        assert_eq!(
            twice,
            Added::Length {
                is_second: true,
                differs: true
            }
        );
        assert_eq!(headers.get(b"a"), Some(&b"1, 3, 4"[..]));
        assert_eq!(headers.get(b"content-length"), Some(&b"4"[..]));
        assert_eq!(headers.len(), 3);
    }
}
