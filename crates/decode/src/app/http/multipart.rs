//! Forms with files (RFC 7578): parts between boundaries, of which those with a file name are files.

use super::events::Events;
use super::text::{is_space, split_before, starts_nocase};
use crate::file::{FileConfig, FileSet, FileState};
use event::Direction::ToServer;
use memchr::memmem;

/// Longest boundary that is followed; RFC 2046 section 5.1.1 allows 70.
const MAX_BOUNDARY: usize = 200;

/// Longest header of one part; what is longer is no form.
const MAX_PART_HEADER: usize = 64 * 1024;

/// The value of the parameter `name=` (lower case, with its `=`) of a header such as
/// `Content-Disposition`, without its quotes.
pub(super) fn parameter<'a>(header: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (_, mut rest) = split_before(header, |b| !is_space(*b));
    while !rest.is_empty() {
        let (token, after) = split_token(rest);
        if token.len() > name.len() && starts_nocase(token, name) {
            let value = token.get(name.len()..).unwrap_or_default();
            let value = value.strip_prefix(b"\"").unwrap_or(value);
            return Some(value.strip_suffix(b"\"").unwrap_or(value));
        }
        rest = after;
    }
    None
}

/// Splits at the first `;` that is neither quoted nor escaped, and skips white space behind it.
fn split_token(input: &[u8]) -> (&[u8], &[u8]) {
    let mut is_quoted = false;
    let mut before = 0u8;
    for (at, byte) in input.iter().enumerate() {
        match byte {
            b'"' if before != b'\\' => is_quoted = !is_quoted,
            b';' if before != b'\\' && !is_quoted => {
                let (token, rest) = input.split_at(at);
                let (_, rest) = split_before(rest.get(1..).unwrap_or_default(), |b| !is_space(*b));
                return (token, rest);
            }
            _ => {}
        }
        before = *byte;
    }
    (input, b"")
}

/// The boundary that a `Content-Type` gives: None where it gives none, Some(None) where it is too
/// long to follow.
pub(super) fn boundary(content_type: &[u8]) -> Option<Option<&[u8]>> {
    let boundary = parameter(content_type, b"boundary=")?;
    Some((boundary.len() < MAX_BOUNDARY && !boundary.is_empty()).then_some(boundary))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Looking for the next boundary.
    Boundary,
    /// Reading the header of a part, behind its boundary.
    Header,
    /// Reading a part; `is_new` until some of it was taken.
    Part { is_file: bool, is_new: bool },
    /// Behind the last boundary.
    Over,
}

/// A form under way.
#[derive(Debug)]
pub(super) struct Multipart {
    /// `--` and the boundary.
    mark: Vec<u8>,
    stage: Stage,
    /// Bytes that the stage waits to understand.
    pending: Vec<u8>,
}

impl Multipart {
    pub(super) fn new(boundary: &[u8]) -> Self {
        let mark = [b"--", boundary].concat();
        Multipart {
            mark,
            stage: Stage::Boundary,
            pending: Vec::new(),
        }
    }

    /// Takes the next bytes of the body.
    pub(super) fn feed(
        &mut self,
        data: &[u8],
        files: &mut FileSet,
        config: &FileConfig,
        events: &mut Events,
    ) {
        if self.stage == Stage::Over {
            return;
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(data);
        let mut at = 0;
        while let Some(taken) =
            self.step(pending.get(at..).unwrap_or_default(), files, config, events)
        {
            at += taken;
        }
        let keep = self.leave(pending.get(at..).unwrap_or_default(), files);
        pending.drain(..at + keep);
        self.pending = pending;
    }

    /// Does one stage; None where it needs more bytes.
    fn step(
        &mut self,
        input: &[u8],
        files: &mut FileSet,
        config: &FileConfig,
        events: &mut Events,
    ) -> Option<usize> {
        match self.stage {
            Stage::Boundary => {
                let at = memmem::find(input, &self.mark)?;
                let behind = input.get(at + self.mark.len()..at + self.mark.len() + 2)?;
                if behind == b"--" {
                    self.stage = Stage::Over;
                    return Some(input.len());
                }
                self.stage = Stage::Header;
                Some(at)
            }
            Stage::Header => {
                let Some(end) = memmem::find(input, b"\r\n\r\n") else {
                    if input.len() > MAX_PART_HEADER {
                        events.raise("multipart_generic_error", ToServer);
                        self.stage = Stage::Over;
                    }
                    return None;
                };
                let header = input.get(self.mark.len()..end).unwrap_or_default();
                let name = part_file_name(header.strip_prefix(b"\r\n").unwrap_or(header), events);
                let is_file = name.is_some_and(|name| files.open(name, ToServer, config).is_some());
                self.stage = Stage::Part {
                    is_file,
                    is_new: true,
                };
                Some(end + 4)
            }
            Stage::Part { is_file, is_new } => {
                let (len, at) = self.part_end(input, is_new)?;
                if is_file && let Some(file) = files.current() {
                    if len == 0 && is_new {
                        events.raise("multipart_no_filedata", ToServer);
                    }
                    file.append(input.get(..len).unwrap_or_default());
                    file.close(FileState::Closed);
                }
                self.stage = Stage::Boundary;
                Some(at)
            }
            Stage::Over => None,
        }
    }

    /// Where a part ends and the boundary behind it begins. The line end before a boundary belongs
    /// to the boundary; an empty part may do without.
    fn part_end(&self, input: &[u8], is_new: bool) -> Option<(usize, usize)> {
        if is_new && input.starts_with(&self.mark) {
            return Some((0, 0));
        }
        memmem::find_iter(input, &self.mark)
            .filter_map(|at| at.checked_sub(2).map(|end| (end, at)))
            .find(|(end, at)| input.get(*end..*at) == Some(b"\r\n"))
    }

    /// Called where more bytes are needed: takes what can't be part of a boundary and says how much.
    fn leave(&mut self, input: &[u8], files: &mut FileSet) -> usize {
        match self.stage {
            Stage::Boundary => input.len().saturating_sub(self.mark.len() + 2),
            Stage::Header => 0,
            Stage::Part { is_file, is_new } => {
                let taken = input.len() - self.held_back(input, is_new);
                if is_file && let Some(file) = files.current() {
                    file.append(input.get(..taken).unwrap_or_default());
                }
                self.stage = Stage::Part {
                    is_file,
                    is_new: is_new && taken == 0,
                };
                taken
            }
            Stage::Over => input.len(),
        }
    }

    /// Bytes at the end of `input` that may be the start of a boundary with its line end.
    fn held_back(&self, input: &[u8], is_new: bool) -> usize {
        if is_new && self.mark.starts_with(input) {
            return input.len();
        }
        let tail = input.len().saturating_sub(self.mark.len() + 1);
        (tail..input.len())
            .find(|at| {
                let rest = input.get(*at..).unwrap_or_default();
                match rest {
                    [b'\r'] => true,
                    [b'\r', b'\n', mark @ ..] => self.mark.starts_with(mark),
                    _ => false,
                }
            })
            .map_or(0, |at| input.len() - at)
    }

    /// The body is over: a file that no boundary closed is cut short.
    pub(super) fn finish(&mut self, files: &mut FileSet) {
        if let (Stage::Part { is_file: true, .. }, Some(file)) = (self.stage, files.current()) {
            file.append(&std::mem::take(&mut self.pending));
            file.close(FileState::Truncated);
        }
        self.stage = Stage::Over;
    }
}

/// The file name in the header of a part.
fn part_file_name<'a>(header: &'a [u8], events: &mut Events) -> Option<&'a [u8]> {
    let mut name = None;
    let mut rest = header;
    while !rest.is_empty() {
        let end = memmem::find(rest, b"\r\n").unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.get(2..).unwrap_or_default();
        match memchr::memchr(b':', line) {
            Some(colon) if colon + 1 < line.len() => {
                let (field, value) = line.split_at(colon);
                if field.eq_ignore_ascii_case(b"content-disposition") {
                    name = parameter(value.get(1..).unwrap_or_default(), b"filename=").or(name);
                }
            }
            _ => events.raise("multipart_invalid_header", ToServer),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nvalue\r\n\
        --XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"pic;1.jpg\"\r\n\
        Content-Type: image/jpeg\r\n\r\nfilecontent that is --longer\r\n--XX--\r\n";

    #[test]
    fn finds_the_files_of_a_form_however_it_is_cut() {
        for step in 1..FORM.len() {
            let mut form = Multipart::new(b"XX");
            let (mut files, mut events) = (FileSet::default(), Events::default());
            for part in FORM.as_bytes().chunks(step) {
                form.feed(part, &mut files, &FileConfig::default(), &mut events);
            }
            assert_eq!(files.files.len(), 1, "{step}");
            let file = &files.files[0];
            assert_eq!(file.name, b"pic;1.jpg");
            assert_eq!(file.state, FileState::Closed);
            assert!(
                file.data.starts_with(b"filecontent that is --longer"),
                "{step}"
            );
            assert!(file.size <= 29, "{step}");
            assert!(events.all().is_empty());
        }
    }

    #[test]
    fn a_form_without_its_end_truncates_its_file() {
        let mut form = Multipart::new(b"XX");
        let (mut files, mut events) = (FileSet::default(), Events::default());
        let (cut, _) = FORM.as_bytes().split_at(FORM.len() - 6);
        form.feed(cut, &mut files, &FileConfig::default(), &mut events);
        form.finish(&mut files);
        assert_eq!(files.files[0].state, FileState::Truncated);
        assert_eq!(files.files[0].data, b"filecontent that is --longer\r\n--");
    }

    #[test]
    fn reads_parameters() {
        let check = |header: &str, expected: Option<&str>| {
            let found = parameter(header.as_bytes(), b"filename=");
            assert_eq!(found, expected.map(str::as_bytes), "{header}");
        };
        check("attachment; filename=a.txt", Some("a.txt"));
        check("attachment; FileName=\"a;b.txt\"; x=y", Some("a;b.txt"));
        check("filename=\"\"", Some(""));
        check("attachment", None);
        check("", None);
    }

    #[test]
    fn tells_broken_parts() {
        let mut form = Multipart::new(b"XX");
        let (mut files, mut events) = (FileSet::default(), Events::default());
        let data = b"--XX\r\nno colon here\r\n\r\nvalue\r\n--XX--";
        form.feed(data, &mut files, &FileConfig::default(), &mut events);
        assert_eq!(events.all(), &[("multipart_invalid_header", ToServer)]);
    }
}
