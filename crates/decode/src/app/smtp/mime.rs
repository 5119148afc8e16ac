//! MIME (RFC 2045, RFC 2046): a mail line by line, its header, its parts, their files.
//!
//! Lines come with their ends; very long ones come in parts. What is attached goes to the
//! transaction's files as it is decoded; nothing but the header and an incomplete quantum of an
//! encoding is kept here.

mod header;
mod transfer;
mod urls;

#[cfg(test)]
mod tests;

use super::MimeConfig;
use crate::app::line::Line;
use crate::file::{FileConfig, FileSet, FileState};
use event::Direction;
pub(super) use header::Header;
use md5::{Digest, Md5};
use transfer::{Base64, Encoding, Invalid, LineEnd};
use urls::Urls;

/// Longest line allowed (RFC 5322 section 2.1.1).
const LONG_LINE: usize = 998;
/// Longest encoded line allowed (RFC 2045 section 6.7 and 6.8).
const LONG_ENCODED_LINE: usize = 76;
/// Longer names of fields are odd: with the colon they fill a line of 76.
const LONG_HEADER_NAME: usize = 75;
/// Longer boundaries are odd (RFC 2046 section 5.1.1 allows 70).
const LONG_BOUNDARY: usize = 254;
/// Longer names of files are cut: longest name that common file systems hold.
const MAX_FILENAME: usize = 255;
/// Most bytes of header fields kept of a mail; mail servers refuse far less.
const MAX_HEADER_BYTES: usize = 1 << 18;
/// Most header fields kept of a mail.
const MAX_HEADERS: usize = 1024;
/// Deepest nesting of parts that is followed; deeper boundaries are not looked for.
const MAX_DEPTH: usize = 32;
/// Most names of attachments kept for the record.
const MAX_ATTACHMENTS: usize = 1024;

/// Where a mail stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Before the first field of a header.
    #[default]
    Start,
    /// Behind at least one field.
    Header,
    /// In a body.
    Body,
}

/// What kind of part a body is, as far as addresses in it are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// The header named no type, or a text.
    #[default]
    Text,
    /// Anything else.
    Other,
}

/// A hash over all of the body.
#[derive(Debug)]
enum BodyHash {
    Off,
    Waiting,
    Running(Box<Md5>),
    Done([u8; 16]),
}

/// A mail under way.
#[derive(Debug)]
pub(super) struct Mime {
    state: State,
    headers: Vec<Header>,
    header_bytes: usize,
    /// Fields of the mail itself; those behind belong to the present part.
    main_headers: usize,
    /// Name of the present attachment; empty where the part is none.
    filename: Vec<u8>,
    attachments: Vec<Vec<u8>>,
    urls: Urls,
    /// `--boundary` of each open level.
    boundaries: Vec<Vec<u8>>,
    encoding: Encoding,
    kind: Kind,
    /// End of the last line of an attachment in lines: it belongs to what follows, if only that
    /// is another line.
    held_end: Vec<u8>,
    body_hash: BodyHash,
    decoded: Vec<u8>,
}

/// What lines lead to: where files go, and how oddities are told.
pub(super) struct Sink<'a> {
    pub(super) config: &'a MimeConfig,
    pub(super) file_config: &'a FileConfig,
    pub(super) files: &'a mut FileSet,
    pub(super) event: &'a mut dyn FnMut(&'static str),
}

impl Mime {
    pub(super) fn new(config: &MimeConfig) -> Self {
        Mime {
            state: State::Start,
            headers: Vec::new(),
            header_bytes: 0,
            main_headers: 0,
            filename: Vec::new(),
            attachments: Vec::new(),
            urls: Urls::default(),
            boundaries: Vec::new(),
            encoding: Encoding::Plain,
            kind: Kind::Text,
            held_end: Vec::new(),
            body_hash: if config.body_md5 {
                BodyHash::Waiting
            } else {
                BodyHash::Off
            },
            decoded: Vec::new(),
        }
    }

    /// Fields of the mail's own header, once all of it was seen.
    pub(super) fn headers(&self) -> &[Header] {
        self.headers.get(..self.main_headers).unwrap_or_default()
    }

    /// The first field `name` of the mail's own header.
    pub(super) fn header(&self, name: &[u8]) -> Option<&[u8]> {
        self.headers()
            .iter()
            .find(|header| header.is(name))
            .map(|header| header.value.as_slice())
    }

    /// Names of attachments in their order.
    pub(super) fn attachments(&self) -> &[Vec<u8>] {
        &self.attachments
    }

    /// Addresses found in texts, in their order.
    pub(super) fn urls(&self) -> &[Vec<u8>] {
        &self.urls.found
    }

    /// MD5 of the body, once it is complete.
    pub(super) fn body_md5(&self) -> Option<&[u8; 16]> {
        match &self.body_hash {
            BodyHash::Done(hash) => Some(hash),
            BodyHash::Off | BodyHash::Waiting | BodyHash::Running(_) => None,
        }
    }

    /// Takes a line; `stuffed` is a dot that the transport put before it and that is no part of it.
    pub(super) fn on_line(&mut self, line: &Line<'_>, stuffed: &[u8], sink: &mut Sink<'_>) {
        if line.text().len() > LONG_LINE {
            (sink.event)("mime_long_line");
        }
        if matches!(self.body_hash, BodyHash::Waiting) && self.state == State::Body {
            self.body_hash = BodyHash::Running(Box::new(Md5::new()));
        }
        if let BodyHash::Running(hash) = &mut self.body_hash {
            hash.update(stuffed);
            hash.update(line.whole);
        }
        match self.state {
            State::Start | State::Header => self.on_header_line(line, sink),
            State::Body => self.on_body_line(line, sink),
        }
    }

    /// The mail ended.
    pub(super) fn finish(&mut self, sink: &mut Sink<'_>) {
        if let BodyHash::Running(hash) = &mut self.body_hash {
            let hash = std::mem::take(hash);
            self.body_hash = BodyHash::Done(hash.finalize().into());
        }
        self.urls.flush(sink.config);
        // The last line's end is not the attachment's, with a boundary behind it or without.
        self.held_end.clear();
        if let Some(file) = sink.files.current() {
            file.close(FileState::Closed);
        }
    }

    fn on_header_line(&mut self, line: &Line<'_>, sink: &mut Sink<'_>) {
        let text = line.text();
        if !line.is_start {
            return self.continue_header(text);
        }
        if text.is_empty() {
            return self.on_header_end(sink);
        }
        if self.state == State::Header
            && let [b' ' | b'\t', rest @ ..] = text
        {
            return self.continue_header(rest);
        }
        let Some(header) = Header::parse(text) else {
            return;
        };
        self.state = State::Header;
        if header.name.len() > LONG_HEADER_NAME {
            (sink.event)("mime_long_header_name");
        }
        if header.value.len() > sink.config.header_value_depth {
            (sink.event)("mime_long_header_value");
        }
        let len = header.name.len() + header.value.len();
        if self.headers.len() < MAX_HEADERS && self.header_bytes + len <= MAX_HEADER_BYTES {
            self.header_bytes += len;
            self.headers.push(header);
        }
    }

    fn continue_header(&mut self, text: &[u8]) {
        if self.header_bytes + text.len() > MAX_HEADER_BYTES {
            return;
        }
        if let Some(header) = self.headers.last_mut()
            && self.state == State::Header
        {
            self.header_bytes += text.len();
            header.value.extend_from_slice(text);
        }
    }

    fn on_header_end(&mut self, sink: &mut Sink<'_>) {
        let is_message = self.read_part_header(sink);
        if self.main_headers == 0 {
            self.main_headers = self.headers.len();
        }
        if is_message {
            // Another mail begins here, with a header of its own.
            self.state = State::Start;
            self.forget_part_headers();
            return;
        }
        self.state = State::Body;
        if !self.filename.is_empty() {
            sink.files
                .open(&self.filename, Direction::ToServer, sink.file_config);
        }
    }

    /// Reads what the header says about the body; true where the body is a mail itself.
    fn read_part_header(&mut self, sink: &mut Sink<'_>) -> bool {
        let mut is_message = false;
        let headers = std::mem::take(&mut self.headers);
        for header in headers.get(self.main_headers..).unwrap_or_default() {
            if header.is(b"content-disposition") {
                self.take_filename(header.parameter(b"filename"), sink);
            } else if header.is(b"content-transfer-encoding") {
                let value = header.value.trim_ascii_end();
                if value.eq_ignore_ascii_case(b"base64") {
                    self.encoding = Encoding::Base64(Base64::default());
                } else if value.eq_ignore_ascii_case(b"quoted-printable") {
                    self.encoding = Encoding::QuotedPrintable;
                }
            } else if header.is(b"content-type") {
                self.take_filename(header.parameter(b"name"), sink);
                if let Some(boundary) = header.parameter(b"boundary") {
                    self.open_boundary(&boundary, sink);
                }
                let kind = header.bare_value();
                let is_text = kind == b"text/plain" || kind == b"text/html";
                self.kind = if is_text { Kind::Text } else { Kind::Other };
                is_message |= kind.starts_with(b"message/");
            }
        }
        self.headers = headers;
        is_message
    }

    fn take_filename(&mut self, name: Option<Vec<u8>>, sink: &mut Sink<'_>) {
        let Some(mut name) = name.filter(|_| self.filename.is_empty()) else {
            return;
        };
        if name.len() > MAX_FILENAME {
            (sink.event)("mime_long_filename");
            name.truncate(MAX_FILENAME);
        }
        if self.attachments.len() < MAX_ATTACHMENTS {
            self.attachments.push(name.clone());
        }
        self.filename = name;
    }

    fn open_boundary(&mut self, boundary: &[u8], sink: &mut Sink<'_>) {
        if boundary.len() > LONG_BOUNDARY {
            (sink.event)("mime_long_boundary");
        }
        if self.boundaries.len() < MAX_DEPTH {
            self.boundaries.push([b"--", boundary].concat());
        }
    }

    fn forget_part_headers(&mut self) {
        for header in self
            .headers
            .drain(self.main_headers.min(self.headers.len())..)
        {
            let len = header.name.len() + header.value.len();
            self.header_bytes = self.header_bytes.saturating_sub(len);
        }
    }

    fn on_body_line(&mut self, line: &Line<'_>, sink: &mut Sink<'_>) {
        if line.is_start
            && let Some(after) = self
                .boundaries
                .last()
                .and_then(|b| line.text().strip_prefix(&b[..]))
        {
            return self.on_boundary(after.starts_with(b"--"), sink);
        }
        if self.filename.is_empty() {
            return self.on_text_line(line, sink);
        }
        let mut decoded = std::mem::take(&mut self.decoded);
        decoded.clear();
        match &mut self.encoding {
            Encoding::Plain => {
                decoded.append(&mut self.held_end);
                decoded.extend_from_slice(line.text());
                self.held_end.extend_from_slice(line.end());
                self.urls.search(sink.config, line.whole);
            }
            Encoding::Base64(decoder) if sink.config.decode_base64 => {
                decode_base64(decoder, line, &mut decoded, sink);
                self.urls.search(sink.config, &decoded);
            }
            Encoding::QuotedPrintable if sink.config.decode_quoted_printable => {
                if line.text().len() > LONG_ENCODED_LINE {
                    (sink.event)("mime_long_enc_line");
                }
                decoded.append(&mut self.held_end);
                match transfer::quoted_printable(line.text(), &mut decoded) {
                    Ok(LineEnd::Hard) => self.held_end.extend_from_slice(line.end()),
                    Ok(LineEnd::Soft) => {}
                    Err(Invalid) => {
                        (sink.event)("mime_invalid_qp");
                        self.held_end.extend_from_slice(line.end());
                    }
                }
                self.urls.search(sink.config, &decoded);
            }
            Encoding::Base64(_) | Encoding::QuotedPrintable => {}
        }
        if let Some(file) = sink.files.current() {
            file.append(&decoded);
        }
        self.decoded = decoded;
    }

    /// A line of a part that is no attachment: only addresses are of interest.
    fn on_text_line(&mut self, line: &Line<'_>, sink: &mut Sink<'_>) {
        if self.kind == Kind::Other {
            return;
        }
        match &mut self.encoding {
            Encoding::Plain | Encoding::QuotedPrintable => {
                self.urls.search(sink.config, line.whole);
            }
            Encoding::Base64(decoder) if sink.config.decode_base64 => {
                self.decoded.clear();
                decode_base64(decoder, line, &mut self.decoded, sink);
                self.urls.search(sink.config, &self.decoded);
            }
            Encoding::Base64(_) => {}
        }
    }

    /// A part ended, and with `is_last` the level that it belonged to.
    fn on_boundary(&mut self, is_last: bool, sink: &mut Sink<'_>) {
        if let (Encoding::Base64(decoder), Some(file)) = (&mut self.encoding, sink.files.current())
        {
            self.decoded.clear();
            decoder.finish(&mut self.decoded);
            file.append(&self.decoded);
        }
        if !self.filename.is_empty()
            && let Some(file) = sink.files.current()
        {
            file.close(FileState::Closed);
        }
        self.urls.flush(sink.config);
        self.held_end.clear();
        self.filename.clear();
        self.forget_part_headers();
        self.encoding = Encoding::Plain;
        self.state = State::Start;
        if is_last {
            self.boundaries.pop();
        }
    }
}

fn decode_base64(decoder: &mut Base64, line: &Line<'_>, out: &mut Vec<u8>, sink: &mut Sink<'_>) {
    if line.text().len() > LONG_ENCODED_LINE {
        (sink.event)("mime_long_enc_line");
    }
    if decoder.decode(line.text(), out).is_err() {
        (sink.event)("mime_invalid_base64");
    }
}
