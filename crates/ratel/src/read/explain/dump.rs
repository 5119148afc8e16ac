//! A window of a buffer as a hexdump, with what was found marked: by colours on a terminal, by letters
//! under the bytes elsewhere.

use std::fmt::{self, Write as _};

/// Bytes of a line.
const LINE: usize = 16;
/// Lines shown before and behind one with a mark.
const AROUND: usize = 1;
/// Backgrounds with a letter that can be read on them: yellow, cyan, green, magenta, blue, red.
const COLOURS: [&str; 6] = ["30;43", "30;46", "30;42", "97;45", "97;44", "97;41"];
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// How marks are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Each span on a background of its own.
    Colours,
    /// A letter under each byte of a span.
    Letters,
}

/// A window of a buffer.
#[derive(Debug)]
pub struct Window {
    /// The buffer's keyword.
    pub buffer: String,
    /// `toserver` or `toclient`.
    pub direction: String,
    /// Whether it is payload of the stream.
    pub is_stream: bool,
    /// Its bytes.
    pub data: Vec<u8>,
    /// Where they begin in the buffer.
    pub offset: u64,
    /// Bytes of the whole buffer.
    pub length: u64,
    /// What was found in it.
    pub spans: Vec<Span>,
}

/// Something that was found.
#[derive(Debug)]
pub struct Span {
    /// The first byte, within the buffer.
    pub at: u64,
    /// Bytes; 0 for a place.
    pub length: u64,
    /// The keyword.
    pub by: String,
    /// Its value.
    pub text: String,
}

impl Paint {
    /// What stands above an alert.
    pub fn title(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// What need not be read.
    pub fn faint(self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        match self {
            Paint::Colours => format!("\x1b[{code}m{text}\x1b[0m"),
            Paint::Letters => text.to_owned(),
        }
    }

    /// Goes over from the colour of one span to that of another; None for none.
    fn turn(self, out: &mut String, from: Option<usize>, to: Option<usize>) {
        if self == Paint::Letters || from == to {
            return;
        }
        if from.is_some() {
            out.push_str("\x1b[0m");
        }
        if let Some(span) = to {
            let _ = write!(out, "\x1b[{}m", COLOURS[span % COLOURS.len()]);
        }
    }
}

impl Window {
    /// Writes heading, bytes and what the marks mean.
    pub fn write(&self, out: &mut String, paint: Paint) -> fmt::Result {
        self.heading(out, paint)?;
        let marks = self.marks();
        let lines: Vec<(&[u8], &[Option<usize>])> =
            self.data.chunks(LINE).zip(marks.chunks(LINE)).collect();
        let is_marked = |at: usize| {
            let near = at.saturating_sub(AROUND)..lines.len().min(at + AROUND + 1);
            lines.get(near).is_some_and(|near| {
                near.iter()
                    .any(|(_, marks)| marks.iter().any(Option::is_some))
            })
        };
        // Without a mark anywhere, the beginning says most.
        let has_marks = marks.iter().any(Option::is_some);
        let mut is_left_out = false;
        for (at, (bytes, marks)) in lines.iter().enumerate() {
            if !(is_marked(at) || !has_marks && at < 2 * AROUND + 1) {
                if !std::mem::replace(&mut is_left_out, true) {
                    writeln!(out, "    {}", paint.faint("…"))?;
                }
                continue;
            }
            is_left_out = false;
            self.line(out, paint, self.offset + (at * LINE) as u64, bytes, marks)?;
        }
        self.legend(out, paint)
    }

    fn heading(&self, out: &mut String, paint: Paint) -> fmt::Result {
        let way = match self.direction.as_str() {
            "toserver" => "to server",
            "toclient" => "to client",
            other => other,
        };
        write!(out, "  {}  {way}", paint.title(&self.buffer))?;
        if self.is_stream {
            write!(out, "  stream")?;
        }
        let end = self.offset + self.data.len() as u64;
        match (self.offset, end == self.length) {
            (0, true) => writeln!(out, "  {} bytes", self.length),
            _ => writeln!(out, "  bytes {} to {end} of {}", self.offset, self.length),
        }
    }

    /// The span of each byte: of several the shortest, which says most.
    fn marks(&self) -> Vec<Option<usize>> {
        let mut marks = vec![None; self.data.len()];
        let mut order: Vec<usize> = (0..self.spans.len()).collect();
        order.sort_by_key(|span| std::cmp::Reverse(self.spans.get(*span).map(|s| s.length)));
        for number in order {
            let Some(span) = self.spans.get(number) else {
                continue;
            };
            let from = usize::try_from(span.at.saturating_sub(self.offset)).unwrap_or(usize::MAX);
            let count = usize::try_from(span.length).unwrap_or(usize::MAX);
            for mark in marks.iter_mut().skip(from).take(count) {
                *mark = Some(number);
            }
        }
        marks
    }

    fn line(
        &self,
        out: &mut String,
        paint: Paint,
        at: u64,
        bytes: &[u8],
        marks: &[Option<usize>],
    ) -> fmt::Result {
        write!(out, "    {}  ", paint.faint(&format!("{at:08x}")))?;
        let mut now = None;
        for place in 0..LINE {
            let mark = marks.get(place).copied().flatten();
            // The blank between two bytes of one span is of the span too.
            if now != mark {
                paint.turn(out, now.take(), None);
            }
            if place > 0 {
                out.push_str(if place == LINE / 2 { "  " } else { " " });
            }
            paint.turn(out, now, mark);
            now = mark;
            match bytes.get(place) {
                Some(byte) => write!(out, "{byte:02x}")?,
                None => out.push_str("  "),
            }
        }
        paint.turn(out, now, None);
        out.push_str("  |");
        let mut now = None;
        for (byte, mark) in bytes.iter().zip(marks) {
            paint.turn(out, now, *mark);
            now = *mark;
            let is_shown = byte.is_ascii_graphic() || *byte == b' ';
            out.push(if is_shown { char::from(*byte) } else { '.' });
        }
        paint.turn(out, now, None);
        out.push_str("|\n");
        if paint == Paint::Letters && marks.iter().any(Option::is_some) {
            letters(out, marks);
        }
        Ok(())
    }

    fn legend(&self, out: &mut String, paint: Paint) -> fmt::Result {
        for (number, span) in self.spans.iter().enumerate() {
            let mark = match paint {
                Paint::Letters => letter(number).to_string(),
                Paint::Colours => {
                    let mut mark = String::new();
                    paint.turn(&mut mark, None, Some(number));
                    mark.push(' ');
                    paint.turn(&mut mark, Some(number), None);
                    mark
                }
            };
            let place = match span.length {
                0 => format!("at {}", span.at),
                1 => format!("at {}, 1 byte", span.at),
                length => format!("at {}, {length} bytes", span.at),
            };
            writeln!(
                out,
                "    {mark}  {:<9}  {place:<14}  {}",
                span.by, span.text
            )?;
        }
        Ok(())
    }
}

/// A line of letters under the bytes of spans.
fn letters(out: &mut String, marks: &[Option<usize>]) {
    let mut line = vec![b' '; 4 + 8 + 2 + LINE * 3 + 3 + LINE];
    for (place, mark) in marks.iter().enumerate() {
        let Some(span) = mark else { continue };
        let hex = 14 + place * 3 + usize::from(place >= LINE / 2);
        for at in [hex, hex + 1, 14 + LINE * 3 + 3 + place] {
            if let Some(slot) = line.get_mut(at) {
                *slot = letter(*span) as u8;
            }
        }
    }
    out.push_str(String::from_utf8_lossy(&line).trim_end());
    out.push('\n');
}

fn letter(span: usize) -> char {
    char::from(*LETTERS.get(span % LETTERS.len()).unwrap_or(&b'*'))
}
