//! Reading a log: its lines one by one, and its entries as they stand.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::{Entry, MAX_READ, read_line};

/// The lines of a log.
#[derive(Debug)]
pub struct Lines {
    reader: BufReader<File>,
    bytes: Vec<u8>,
}

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A whole line.
    Whole(&'a [u8]),
    /// The last, which has no end.
    Torn(&'a [u8]),
    /// Longer than any that is written; passed over.
    TooLong,
}

impl Lines {
    /// Opens the log at `path`.
    pub fn open(path: &Path) -> io::Result<Lines> {
        Ok(Lines {
            reader: BufReader::new(File::open(path)?),
            bytes: Vec::new(),
        })
    }

    /// The next line; None behind the last.
    pub fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.bytes.clear();
        let mut limited = (&mut self.reader).take(MAX_READ);
        if limited.read_until(b'\n', &mut self.bytes)? == 0 {
            return Ok(None);
        }
        if self.bytes.pop_if(|byte| *byte == b'\n').is_some() {
            return Ok(Some(Line::Whole(&self.bytes)));
        }
        if (self.bytes.len() as u64) < MAX_READ {
            return Ok(Some(Line::Torn(&self.bytes)));
        }
        self.reader.skip_until(b'\n')?;
        Ok(Some(Line::TooLong))
    }
}

/// Hands over each entry of the log at `path` with its line, the oldest first, unverified. Lines that
/// are no entries are passed over: [`super::verify`] tells of them.
///
/// # Errors
/// A log that can't be read.
pub fn entries(path: &Path, mut each: impl FnMut(Entry, &[u8])) -> io::Result<()> {
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next()? {
        if let Line::Whole(line) = line
            && let Some((entry, _)) = read_line(line)
        {
            each(entry, line);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let long = "x".repeat(MAX_READ as usize + 7);
        std::fs::write(&path, format!("a\n\n{long}\nb\nto")).unwrap();
        let mut lines = Lines::open(&path).unwrap();
        for expected in [
            Line::Whole(b"a"),
            Line::Whole(b""),
            Line::TooLong,
            Line::Whole(b"b"),
            Line::Torn(b"to"),
        ] {
            assert_eq!(lines.next().unwrap(), Some(expected));
        }
        assert_eq!(lines.next().unwrap(), None);
    }
}
