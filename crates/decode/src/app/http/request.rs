//! Requests: from the first byte of a request line to the last of its body.

use super::coding;
use super::headers::{Item, Side, next_item};
use super::request_head::{add_request_field, process_headers, read_request_line};
use super::text::{
    ChunkLength, chomp, chunk_length, is_chunk_blank, is_empty_line, is_space, may_be_chunk_length,
    split_before, split_space,
};
use super::transaction::{Method, Progress, Transfer};
use super::{Http, Step};
use event::Direction::ToServer;

/// White space behind a request without protocol that still leaves it HTTP/0.9.
const MAX_JUNK_AFTER_09: usize = 16;

/// Where the reader of requests stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Idle,
    Line,
    Protocol,
    Headers,
    /// A CONNECT waits for its answer.
    ConnectWait,
    Identity,
    ChunkLength,
    ChunkData,
    ChunkEnd,
    Finalize,
    /// Whatever follows an HTTP/0.9 request is no request.
    Ignore,
}

impl Http {
    /// Does one step on the bytes to server.
    pub(super) fn request_step(&mut self, input: &[u8], is_closed: bool) -> Step {
        match self.inbound.state {
            State::Idle => {
                if input.is_empty() {
                    return Step::Wait(0);
                }
                self.request_start()
            }
            State::Line => self.request_line(input, is_closed),
            State::Protocol => self.request_protocol(input),
            State::Headers => self.request_headers(input, is_closed),
            State::ConnectWait => self.connect_wait(input),
            State::Identity => self.request_identity(input),
            State::ChunkLength => self.request_chunk_length(input),
            State::ChunkData => self.request_chunk_data(input),
            State::ChunkEnd => self.request_chunk_end(input),
            State::Finalize => self.request_finalize(input, is_closed),
            State::Ignore => Step::Wait(input.len()),
        }
    }

    fn request_start(&mut self) -> Step {
        let id = self.inbound.tx;
        let Some(tx) = self.open_tx(id) else {
            return Step::Fail;
        };
        tx.request.progress = Progress::Line;
        self.inbound.left = None;
        self.inbound.state = State::Line;
        Step::Go(0)
    }

    fn request_line(&mut self, input: &[u8], is_closed: bool) -> Step {
        let limit = self.settings.server.field_limit;
        let len = match memchr::memchr(b'\n', input) {
            Some(at) => at + 1,
            None if is_closed && !input.is_empty() => input.len(),
            None => return Step::Wait(0),
        };
        let line = input.get(..len).unwrap_or_default();
        let Some(tx) = self.txs.get_mut(self.inbound.tx) else {
            return Step::Fail;
        };
        if len > limit {
            tx.events.raise("request_field_too_long", ToServer);
            return Step::Fail;
        }
        if is_empty_line(line) {
            return Step::Go(len);
        }
        read_request_line(tx, chomp(line));
        self.inbound.state = State::Protocol;
        Step::Go(len)
    }

    fn request_protocol(&mut self, input: &[u8]) -> Step {
        let Some(tx) = self.txs.get_mut(self.inbound.tx) else {
            return Step::Fail;
        };
        if tx.is_09 {
            let (space, rest) = split_space(input);
            if rest.is_empty() && space.len() <= MAX_JUNK_AFTER_09 {
                self.inbound.state = State::Finalize;
                return Step::Go(0);
            }
            // Headers follow: the protocol was only forgotten.
            tx.is_09 = false;
            tx.events.raise("request_line_missing_protocol", ToServer);
        }
        tx.request.progress = Progress::Headers;
        self.inbound.state = State::Headers;
        Step::Go(0)
    }

    fn request_headers(&mut self, input: &[u8], is_closed: bool) -> Step {
        let limits = self.settings.server;
        let Some(tx) = self.txs.get_mut(self.inbound.tx) else {
            return Step::Fail;
        };
        let is_first =
            tx.request.raw_headers.is_empty() || tx.request.progress == Progress::Trailer;
        let mut at = 0;
        loop {
            let rest = input.get(at..).unwrap_or_default();
            match next_item(rest, Side::Request, is_first && at == 0, is_closed) {
                Item::Field(len, field) => {
                    at += len;
                    if !add_request_field(tx, &field, limits.headers_limit) {
                        return Step::Fail;
                    }
                }
                Item::End(len) => {
                    at += len;
                    break;
                }
                Item::Incomplete if is_closed => {
                    tx.request.progress = Progress::Trailer;
                    at = input.len();
                    break;
                }
                Item::Incomplete => {
                    let taken = input.get(..at).unwrap_or_default();
                    tx.request.raw_headers.extend_from_slice(taken);
                    return Step::Wait(at);
                }
            }
        }
        tx.request
            .raw_headers
            .extend_from_slice(input.get(..at).unwrap_or_default());
        if tx.request.progress > Progress::Headers {
            tx.request.header_text.take();
            self.inbound.state = State::Finalize;
            return Step::Go(at);
        }
        process_headers(tx);
        coding::set_up(tx, ToServer);
        if tx.method == Method::Connect {
            self.inbound.state = State::ConnectWait;
            return Step::Go(at);
        }
        match self.request_body_start() {
            Step::Go(_) => Step::Go(at),
            other => other,
        }
    }

    fn request_body_start(&mut self) -> Step {
        let Some(tx) = self.txs.get_mut(self.inbound.tx) else {
            return Step::Fail;
        };
        self.inbound.state = match tx.request.transfer {
            Transfer::Chunked => {
                tx.request.progress = Progress::Body;
                State::ChunkLength
            }
            Transfer::Identity => {
                self.inbound.left = tx.content_length;
                if tx.content_length > Some(0) {
                    tx.request.progress = Progress::Body;
                    State::Identity
                } else {
                    State::Finalize
                }
            }
            Transfer::None => State::Finalize,
            Transfer::Invalid | Transfer::Unknown => return Step::Fail,
        };
        Step::Go(0)
    }

    /// A tunnel is open or not once its answer was seen; until then nothing can be understood.
    fn connect_wait(&mut self, input: &[u8]) -> Step {
        let Some(tx) = self.txs.get(self.inbound.tx) else {
            return Step::Fail;
        };
        if tx.response.progress <= Progress::Line {
            return Step::Wait(input.len());
        }
        self.inbound.state = State::Finalize;
        Step::Go(0)
    }

    fn request_identity(&mut self, input: &[u8]) -> Step {
        let left = self.inbound.left.unwrap_or(0);
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        if len == 0 {
            return Step::Wait(0);
        }
        let Some(tx) = self.txs.get_mut(self.inbound.tx) else {
            return Step::Fail;
        };
        tx.on_body(ToServer, input.get(..len).unwrap_or_default());
        self.inbound.left = Some(left - len as u64);
        if left == len as u64 {
            self.inbound.state = State::Finalize;
            return Step::Go(len);
        }
        Step::Wait(len)
    }

    fn request_chunk_length(&mut self, input: &[u8]) -> Step {
        let Some(tx) = self.txs.get_mut(self.inbound.tx) else {
            return Step::Fail;
        };
        let Some(lf) = memchr::memchr(b'\n', input) else {
            if may_be_chunk_length(input) {
                return Step::Wait(0);
            }
            tx.events.raise("invalid_request_chunk_len", ToServer);
            return Step::Fail;
        };
        let line = input.get(..=lf).unwrap_or_default();
        tx.request.message_len += line.len() as u64;
        if is_chunk_blank(line) {
            return Step::Go(line.len());
        }
        match chunk_length(line) {
            ChunkLength::Bytes(len, has_extension) => {
                if has_extension {
                    tx.events.raise("request_chunk_extension", ToServer);
                }
                self.inbound.chunk_left = len;
                self.inbound.state = if len == 0 {
                    tx.request.progress = Progress::Trailer;
                    State::Headers
                } else {
                    State::ChunkData
                };
                Step::Go(line.len())
            }
            ChunkLength::Unusable | ChunkLength::Invalid => {
                tx.events.raise("invalid_request_chunk_len", ToServer);
                Step::Fail
            }
        }
    }

    fn request_chunk_data(&mut self, input: &[u8]) -> Step {
        let left = self.inbound.chunk_left;
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        if len == 0 {
            return Step::Wait(0);
        }
        let Some(tx) = self.txs.get_mut(self.inbound.tx) else {
            return Step::Fail;
        };
        tx.on_body(ToServer, input.get(..len).unwrap_or_default());
        self.inbound.chunk_left = left - len as u64;
        if self.inbound.chunk_left == 0 {
            self.inbound.state = State::ChunkEnd;
            return Step::Go(len);
        }
        Step::Wait(len)
    }

    fn request_chunk_end(&mut self, input: &[u8]) -> Step {
        let Some(tx) = self.txs.get_mut(self.inbound.tx) else {
            return Step::Fail;
        };
        match memchr::memchr(b'\n', input) {
            Some(lf) => {
                tx.request.message_len += lf as u64 + 1;
                self.inbound.state = State::ChunkLength;
                Step::Go(lf + 1)
            }
            None => {
                tx.request.message_len += input.len() as u64;
                Step::Wait(input.len())
            }
        }
    }

    /// The request is over unless what follows is no request: then that is more of its body.
    fn request_finalize(&mut self, input: &[u8], is_closed: bool) -> Step {
        if input.is_empty() {
            return self.request_complete();
        }
        let len = match memchr::memchr(b'\n', input) {
            Some(lf) => lf + 1,
            None if is_closed => input.len(),
            None => return Step::Wait(0),
        };
        let line = input.get(..len).unwrap_or_default();
        let (_, rest) = split_space(line);
        let (method, _) = split_before(rest, |b| is_space(*b));
        if !method.is_empty() && Method::read(method) != Method::Unknown {
            return self.request_complete();
        }
        let Some(tx) = self.txs.get_mut(self.inbound.tx) else {
            return Step::Fail;
        };
        if !method.is_empty() {
            tx.events.raise("request_body_unexpected", ToServer);
        }
        if tx.request.chain.is_empty() && line != b"\n" {
            tx.on_body(ToServer, line);
        }
        Step::Go(len)
    }

    /// The request is over; the next byte begins another.
    pub(super) fn request_complete(&mut self) -> Step {
        let Some(tx) = self.txs.get_mut(self.inbound.tx) else {
            return Step::Fail;
        };
        if tx.request.progress != Progress::Complete {
            tx.complete(ToServer);
        }
        self.inbound.state = if tx.is_09 { State::Ignore } else { State::Idle };
        self.inbound.tx += 1;
        Step::Go(0)
    }

    /// `len` bytes to server were never seen.
    pub(super) fn request_gap(&mut self, len: u64) {
        let Some(tx) = self.txs.get_mut(self.inbound.tx) else {
            return;
        };
        match self.inbound.state {
            State::Identity => {
                let left = self.inbound.left.unwrap_or(0);
                let lost = left.min(len);
                tx.on_body_gap(ToServer, lost);
                self.inbound.left = Some(left - lost);
                if left == lost {
                    self.inbound.state = State::Finalize;
                    self.request_complete();
                }
            }
            State::Finalize => {
                self.request_complete();
            }
            State::Ignore => {}
            State::Idle
            | State::Line
            | State::Protocol
            | State::Headers
            | State::ConnectWait
            | State::ChunkLength
            | State::ChunkData
            | State::ChunkEnd => tx.events.raise("invalid_gap", ToServer),
        }
    }
}
