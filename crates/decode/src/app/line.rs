//! Lines out of a stream, for the protocols that talk in lines.

/// A line, or a part of one that is longer than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// The line with its end.
    pub(crate) whole: &'a [u8],
    /// Whether the line begins here; false for the further parts of a long one.
    pub(crate) is_start: bool,
    /// Whether the line ends here.
    pub(crate) is_end: bool,
}

impl<'a> Line<'a> {
    /// The line without CR LF or LF.
    pub(crate) fn text(&self) -> &'a [u8] {
        match self.whole {
            [text @ .., b'\r', b'\n'] | [text @ .., b'\n'] => text,
            text => text,
        }
    }

    /// CR LF, LF, or nothing.
    pub(crate) fn end(&self) -> &'a [u8] {
        self.whole.get(self.text().len()..).unwrap_or_default()
    }
}

/// Puts lines together however the stream was cut. A line is given in parts of at most the limit,
/// counted from its first byte, so that the parts don't depend on the cuts either.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pending: Vec<u8>,
    /// Whether `pending` was given out and is to be forgotten.
    is_spent: bool,
    /// Whether the next part continues a long line.
    is_inside: bool,
}

impl Lines {
    /// Takes the next line, or part, off `data`; None where more bytes are needed.
    pub(crate) fn next<'a, 'd: 'a>(
        &'a mut self,
        data: &mut &'d [u8],
        limit: usize,
    ) -> Option<Line<'a>> {
        if self.is_spent {
            self.pending.clear();
            self.is_spent = false;
        }
        let room = limit.saturating_sub(self.pending.len()).max(1);
        let window = data.get(..room).unwrap_or(data);
        let end = memchr::memchr(b'\n', window).map(|at| at + 1);
        let Some(len) = end.or((window.len() == room).then_some(room)) else {
            self.pending.extend_from_slice(window);
            *data = &[];
            return None;
        };
        let (part, rest) = data.split_at_checked(len)?;
        *data = rest;
        let is_start = !self.is_inside;
        self.is_inside = end.is_none();
        let whole = if self.pending.is_empty() {
            part
        } else {
            self.pending.extend_from_slice(part);
            self.is_spent = true;
            &self.pending
        };
        Some(Line {
            whole,
            is_start,
            is_end: end.is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gather(pieces: &[&[u8]], limit: usize) -> Vec<(Vec<u8>, bool, bool)> {
        let mut lines = Lines::default();
        let mut out = Vec::new();
        for piece in pieces {
            let mut data = *piece;
            while let Some(line) = lines.next(&mut data, limit) {
                out.push((line.whole.to_vec(), line.is_start, line.is_end));
            }
        }
        out
    }

    #[test]
    fn gives_lines_and_parts_of_long_ones() {
        assert_eq!(
            gather(&[b"ab\r\ncd", b"e\nfghijk\n"], 4),
            vec![
                (b"ab\r\n".to_vec(), true, true),
                (b"cde\n".to_vec(), true, true),
                (b"fghi".to_vec(), true, false),
                (b"jk\n".to_vec(), false, true),
            ]
        );
        let line = Line {
            whole: b"a\r\n",
            is_start: true,
            is_end: true,
        };
        assert_eq!((line.text(), line.end()), (&b"a"[..], &b"\r\n"[..]));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_lines(
            text in "[a\\r\\n]{0,60}",
            cut in 0usize..60,
            limit in 1usize..20,
        ) {
            let data = text.as_bytes();
            let (first, second) = data.split_at(cut.min(data.len()));
            prop_assert_eq!(gather(&[data], limit), gather(&[first, second], limit));
        }
    }
}
