//! One exchange: a request, its response, and what both carried.

use super::body::Body;
use super::config::Server;
use super::decompress::{Chain, Verdict};
use super::events::Events;
use super::header_list::Headers;
use super::multipart::{self, Multipart};
use super::text::Version;
use super::uri::Uri;
use crate::file::{FileConfig, FileSet, FileState};
use event::Direction::{self, ToClient, ToServer};
use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;

/// Longest file name of a record; longer ones are cut and noted.
const MAX_FILE_NAME: usize = 4096;

/// What all transactions of a flow are read by.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) server: Server,
    pub(super) files: FileConfig,
}

/// How far one direction of an exchange has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    #[default]
    NotStarted,
    Line,
    Headers,
    Body,
    Trailer,
    Complete,
}

/// Methods that change how an exchange is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Method {
    #[default]
    Unknown,
    Head,
    Post,
    Put,
    Connect,
    /// Any other that is known.
    Other,
}

impl Method {
    pub(super) fn read(text: &[u8]) -> Self {
        match text {
            b"HEAD" => Method::Head,
            b"POST" => Method::Post,
            b"PUT" => Method::Put,
            b"CONNECT" => Method::Connect,
            b"GET" | b"DELETE" | b"OPTIONS" | b"TRACE" | b"PATCH" | b"PROPFIND" | b"PROPPATCH"
            | b"MKCOL" | b"COPY" | b"MOVE" | b"LOCK" | b"UNLOCK" | b"VERSION-CONTROL"
            | b"CHECKOUT" | b"UNCHECKOUT" | b"CHECKIN" | b"UPDATE" | b"LABEL" | b"REPORT"
            | b"MKWORKSPACE" | b"MKACTIVITY" | b"BASELINE-CONTROL" | b"MERGE" | b"INVALID" => {
                Method::Other
            }
            _ => Method::Unknown,
        }
    }
}

/// How a body is delimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Transfer {
    #[default]
    Unknown,
    None,
    Identity,
    Chunked,
    Invalid,
}

/// A line whose parts are ranges of it.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) text: Vec<u8>,
    parts: [Option<Range<usize>>; 3],
}

impl Line {
    /// Keeps `text` and where its parts, which must be slices of it, stand.
    pub(super) fn new(text: &[u8], parts: [Option<&[u8]>; 3]) -> Self {
        let base = text.as_ptr() as usize;
        let place = |part: &[u8]| {
            let start = (part.as_ptr() as usize).saturating_sub(base);
            start..start + part.len()
        };
        Line {
            text: text.to_vec(),
            parts: parts.map(|part| part.map(place)),
        }
    }

    /// Method, target and protocol; or protocol, status and message.
    pub(super) fn part(&self, index: usize) -> Option<&[u8]> {
        let range = self.parts.get(index)?.clone()?;
        self.text.get(range)
    }
}

/// What both directions of an exchange have.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) progress: Progress,
    /// Whether the flow ended in this direction, so that nothing more will come.
    pub(super) is_ended: bool,
    /// None until the first line was read.
    pub(super) line: Option<Line>,
    pub(super) version: Version,
    pub(super) headers: Headers,
    pub(super) raw_headers: Vec<u8>,
    pub(super) transfer: Transfer,
    /// Bytes of the body as they were sent, with the lines between chunks.
    pub(super) message_len: u64,
    pub(super) chain: Chain,
    pub(super) body: Body,
    pub(super) files: FileSet,
    /// Whether a file was opened for the body.
    pub(super) has_file: bool,
    /// Header oddities that are noted once.
    pub(super) is_field_invalid: bool,
    pub(super) is_folding_invalid: bool,
    pub(super) is_colon_missing: bool,
    /// Header fields as rules look into them, made when first asked for.
    pub(super) header_text: OnceCell<Vec<u8>>,
}

impl Message {
    /// Whether all of it was seen or will never be.
    pub(super) fn is_complete(&self) -> bool {
        self.is_ended || self.progress == Progress::Complete
    }

    pub(super) fn line_text(&self) -> Option<&[u8]> {
        self.line.as_ref().map(|line| line.text.as_slice())
    }

    pub(super) fn part(&self, index: usize) -> Option<&[u8]> {
        self.line.as_ref()?.part(index)
    }
}

/// How a request body becomes files.
#[derive(Debug, Default)]
pub(super) enum Upload {
    #[default]
    Unknown,
    /// It is none.
    None,
    /// It is one file.
    Whole,
    /// It is a form.
    Form(Box<Multipart>),
}

/// One exchange.
#[derive(Debug)]
pub(super) struct HttpTx {
    pub(super) id: u64,
    pub(super) settings: Arc<Settings>,
    pub(super) events: Events,
    pub(super) request: Message,
    pub(super) response: Message,
    pub(super) method: Method,
    /// Whether the request is in the short style of HTTP/0.9.
    pub(super) is_09: bool,
    pub(super) uri: Uri,
    /// Whether the response came without a request.
    pub(super) is_request_unseen: bool,
    pub(super) host: Option<Vec<u8>>,
    pub(super) port: Option<u16>,
    pub(super) content_length: Option<u64>,
    pub(super) upload: Upload,
    pub(super) status: Option<u16>,
    pub(super) has_seen_continue: bool,
}

/// The target that stands for a request that was not seen.
pub(super) const UNSEEN_TARGET: &[u8] = b"/libhtp::request_uri_not_seen";

impl HttpTx {
    pub(super) fn new(id: u64, settings: Arc<Settings>) -> Self {
        HttpTx {
            id,
            settings,
            events: Events::default(),
            request: Message::default(),
            response: Message::default(),
            method: Method::default(),
            is_09: false,
            uri: Uri::default(),
            is_request_unseen: false,
            host: None,
            port: None,
            content_length: None,
            upload: Upload::default(),
            status: None,
            has_seen_continue: false,
        }
    }

    pub(super) fn message(&self, direction: Direction) -> &Message {
        match direction {
            ToServer => &self.request,
            ToClient => &self.response,
        }
    }

    pub(super) fn message_mut(&mut self, direction: Direction) -> &mut Message {
        match direction {
            ToServer => &mut self.request,
            ToClient => &mut self.response,
        }
    }

    /// The target as it was sent.
    pub(super) fn target(&self) -> Option<&[u8]> {
        if self.is_request_unseen {
            return Some(UNSEEN_TARGET);
        }
        self.request.part(1)
    }

    /// The path that names a file.
    fn path(&self) -> Option<&[u8]> {
        if self.is_request_unseen {
            return Some(UNSEEN_TARGET);
        }
        self.uri.path.as_deref()
    }

    /// Marks this the exchange of a response whose request was not seen.
    pub(super) fn set_request_unseen(&mut self) {
        self.is_request_unseen = true;
        self.request.progress = Progress::Complete;
    }

    /// Takes bytes of a body as they were sent.
    pub(super) fn on_body(&mut self, direction: Direction, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        let message = self.message_mut(direction);
        message.message_len += data.len() as u64;
        if message.chain.is_empty() {
            self.on_piece(direction, data);
            return;
        }
        let mut chain = std::mem::take(&mut message.chain);
        let verdict = chain.run(data, &mut |piece| self.on_piece(direction, piece));
        if verdict == Verdict::Bomb {
            self.events.raise("compression_bomb", direction);
        }
        self.message_mut(direction).chain = chain;
    }

    /// `len` bytes of a body were never seen.
    pub(super) fn on_body_gap(&mut self, direction: Direction, len: u64) {
        if self.message(direction).chain.is_empty() {
            self.begin_file(direction);
        }
        let message = self.message_mut(direction);
        message.message_len += len;
        if message.chain.is_empty() {
            if let Some(file) = message.files.current() {
                file.gap(len);
            }
        } else if let Some(file) = message.files.current() {
            file.gap(1);
        }
    }

    /// Takes bytes of a body with its codings taken out.
    fn on_piece(&mut self, direction: Direction, piece: &[u8]) {
        let limits = match direction {
            ToServer => self.settings.server.request,
            ToClient => self.settings.server.response,
        };
        let message = self.message_mut(direction);
        if !message.body.takes_more(&limits) {
            message.files.close_all(FileState::Truncated);
            return;
        }
        let len = message.body.append(piece, &limits);
        let taken = piece.get(..len).unwrap_or_default();
        match direction {
            ToServer => self.upload(taken),
            ToClient => self.download(taken),
        }
    }

    /// Opens the file that the body of `direction` is as a whole, if it is one and not open yet.
    fn begin_file(&mut self, direction: Direction) {
        let is_file = match direction {
            ToServer => {
                if matches!(self.upload, Upload::Unknown) {
                    self.upload = self.upload_kind();
                }
                matches!(self.upload, Upload::Whole)
            }
            // What came before a response line is junk that is no file.
            ToClient => self.response.line.is_some() || self.is_09,
        };
        if is_file && !self.message(direction).has_file {
            self.open_file(direction);
        }
    }

    fn upload(&mut self, data: &[u8]) {
        self.begin_file(ToServer);
        match &mut self.upload {
            Upload::Form(form) => {
                let files = &mut self.request.files;
                form.feed(data, files, &self.settings.files, &mut self.events);
            }
            Upload::Whole => {
                if let Some(file) = self.request.files.current() {
                    file.append(data);
                }
            }
            Upload::Unknown | Upload::None => {}
        }
    }

    fn upload_kind(&self) -> Upload {
        match self.method {
            Method::Put => Upload::Whole,
            Method::Post => {
                let content_type = self
                    .request
                    .headers
                    .get(b"content-type")
                    .unwrap_or_default();
                match multipart::boundary(content_type) {
                    Some(Some(boundary)) => Upload::Form(Box::new(Multipart::new(boundary))),
                    Some(None) => Upload::None,
                    None => Upload::Whole,
                }
            }
            Method::Unknown | Method::Head | Method::Connect | Method::Other => Upload::None,
        }
    }

    fn download(&mut self, data: &[u8]) {
        self.begin_file(ToClient);
        if let Some(file) = self.response.files.current() {
            file.append(data);
        }
    }

    fn open_file(&mut self, direction: Direction) {
        let named = match direction {
            ToServer => None,
            ToClient => self
                .response
                .headers
                .get(b"content-disposition")
                .and_then(|value| multipart::parameter(value, b"filename=")),
        };
        let Some(name) = named.or_else(|| self.path()) else {
            return;
        };
        let is_long = name.len() > MAX_FILE_NAME;
        let name = name.get(..MAX_FILE_NAME).unwrap_or(name).to_vec();
        if is_long {
            self.events.raise("file_name_too_long", ToServer);
        }
        let settings = Arc::clone(&self.settings);
        let range = match direction {
            ToServer => None,
            ToClient => self
                .response
                .headers
                .get(b"content-range")
                .map(content_range),
        };
        let message = self.message_mut(direction);
        message.has_file = true;
        let Some(file) = message.files.open(&name, direction, &settings.files) else {
            return;
        };
        match range {
            None => {}
            Some(Some(ContentRange {
                start: Some(start),
                end: Some(end),
                size,
            })) => {
                if end < start || size.is_some_and(|size| end >= size) {
                    self.events.raise("range_invalid", ToClient);
                } else {
                    file.set_range(start, end);
                }
            }
            Some(Some(_)) => {}
            Some(None) => self.events.raise("range_invalid", ToClient),
        }
    }

    /// No more of the body of `direction` will come.
    pub(super) fn complete(&mut self, direction: Direction) {
        let mut chain = std::mem::take(&mut self.message_mut(direction).chain);
        let memory = self.settings.server.decompress.lzma_memory;
        if !chain.finish(memory, &mut |piece| self.on_piece(direction, piece)) {
            self.events.raise("lzma_memlimit_reached", direction);
        }
        self.message_mut(direction).chain = chain;
        if direction == ToServer
            && let Upload::Form(form) = &mut self.upload
        {
            form.finish(&mut self.request.files);
        }
        let message = self.message_mut(direction);
        message.progress = Progress::Complete;
        message.files.close_all(FileState::Closed);
    }
}

/// A `Content-Range` as far as it gives numbers (RFC 9110 section 14.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContentRange {
    pub(super) start: Option<u64>,
    pub(super) end: Option<u64>,
    pub(super) size: Option<u64>,
}

/// Reads `bytes 0-99/200`, where the range or the size may be `*`.
pub(super) fn content_range(value: &[u8]) -> Option<ContentRange> {
    use super::text::{decimal, split_before, split_space};
    let (_, rest) = split_space(value.strip_prefix(b"bytes")?);
    let (range, size) = rest.split_at_checked(memchr::memchr(b'/', rest)?)?;
    let (size, _) = split_before(size.get(1..)?, |b| !(b.is_ascii_digit() || *b == b'*'));
    let size = if size == b"*" {
        None
    } else {
        Some(decimal(size)?)
    };
    if range == b"*" {
        return Some(ContentRange {
            start: None,
            end: None,
            size,
        });
    }
    let (start, end) = range.split_at_checked(memchr::memchr(b'-', range)?)?;
    let (start, end) = (decimal(start)?, decimal(end.get(1..)?)?);
    Some(ContentRange {
        start: Some(start),
        end: Some(end),
        size,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_content_ranges() {
        let check = |text: &str, expected: Option<(Option<u64>, Option<u64>, Option<u64>)>| {
            let found = content_range(text.as_bytes()).map(|r| (r.start, r.end, r.size));
            assert_eq!(found, expected, "{text}");
        };
        check(
            "bytes 500-1000/146515",
            Some((Some(500), Some(1000), Some(146_515))),
        );
        check("bytes 0-9/*", Some((Some(0), Some(9), None)));
        check("bytes */12", Some((None, None, Some(12))));
        check("pages 1-2/3", None);
        check("bytes 1-/3", None);
    }
}
