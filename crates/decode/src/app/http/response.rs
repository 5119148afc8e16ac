//! Responses: from the status line to the end of the body, as browsers read them.

use super::coding;
use super::headers::{Item, Side, next_item};
use super::response_head::{
    add_response_field, has_body_length, is_body_instead, read_response_line, upgrade_target,
};
use super::text::{
    ChunkLength, Version, chomp, chunk_length, contains_nocase_nozero, content_length,
    is_chunk_blank, is_empty_line, is_space, may_be_chunk_length, split_before,
};
use super::transaction::{Method, Progress, Transfer};
use super::{Http, Step, request};
use event::AppProtocol;
use event::Direction::ToClient;

/// Where the reader of responses stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Idle,
    Line,
    Headers,
    /// A body of known length.
    Identity,
    /// A body that ends with the connection.
    UntilClose,
    ChunkLength,
    ChunkData,
    ChunkEnd,
    Finalize,
}

impl Http {
    /// Does one step on the bytes to client.
    pub(super) fn response_step(&mut self, input: &[u8], is_closed: bool) -> Step {
        match self.outbound.state {
            State::Idle => {
                if input.is_empty() {
                    return Step::Wait(0);
                }
                self.response_start()
            }
            State::Line => self.response_line(input, is_closed),
            State::Headers => self.response_headers(input, is_closed),
            State::Identity => self.response_identity(input, is_closed),
            State::UntilClose => self.response_until_close(input, is_closed),
            State::ChunkLength => self.response_chunk_length(input, is_closed),
            State::ChunkData => self.response_chunk_data(input, is_closed),
            State::ChunkEnd => self.response_chunk_end(input, is_closed),
            State::Finalize => self.response_finalize(input, is_closed),
        }
    }

    fn response_start(&mut self) -> Step {
        let id = self.outbound.tx;
        let is_line_pending = self.inbound.state == request::State::Line && self.inbound.tx == id;
        let Some(tx) = self.open_tx(id) else {
            return Step::Fail;
        };
        if tx.request.progress == Progress::NotStarted {
            tx.events
                .raise("unable_to_match_response_to_request", ToClient);
            tx.set_request_unseen();
            if self.inbound.tx <= id {
                self.inbound.tx = id + 1;
            }
        }
        let Some(tx) = self.txs.get_mut(id) else {
            return Step::Fail;
        };
        self.outbound.left = None;
        if tx.is_09 {
            tx.response.transfer = Transfer::Identity;
            tx.response.progress = Progress::Body;
            self.outbound.state = State::UntilClose;
        } else {
            tx.response.progress = Progress::Line;
            self.outbound.state = State::Line;
        }
        if is_line_pending && tx.request.line.is_none() {
            tx.events.raise("request_line_incomplete", ToClient);
        }
        Step::Go(0)
    }

    fn response_line(&mut self, input: &[u8], is_closed: bool) -> Step {
        let limit = self.settings.server.field_limit;
        let len = match memchr::memchr2(b'\n', b'\r', input) {
            Some(at) => match input.get(at..) {
                Some([b'\r', b'\n', ..]) => at + 2,
                Some([b'\r']) if !is_closed => return Step::Wait(0),
                _ => at + 1,
            },
            None if is_closed && !input.is_empty() => input.len(),
            None => return Step::Wait(0),
        };
        let (line, rest) = input.split_at(len.min(input.len()));
        let Some(tx) = self.txs.get_mut(self.outbound.tx) else {
            return Step::Fail;
        };
        if len > limit {
            tx.events.raise("response_field_too_long", ToClient);
            return Step::Fail;
        }
        if is_empty_line(line) {
            if is_closed {
                self.outbound.state = State::Finalize;
            }
            return Step::Go(len);
        }
        if is_body_instead(line) {
            return self.junk_before_line(line, rest);
        }
        read_response_line(tx, line);
        tx.response.progress = Progress::Headers;
        self.outbound.state = State::Headers;
        Step::Go(len)
    }

    /// A first line that is no status line: browsers show it as a page.
    fn junk_before_line(&mut self, line: &[u8], rest: &[u8]) -> Step {
        let is_followed = rest.len() > 1 && (rest.first() == Some(&b'H') || chomp(line).len() <= 2);
        let Some(tx) = self.txs.get_mut(self.outbound.tx) else {
            return Step::Fail;
        };
        if is_followed {
            return Step::Go(line.len());
        }
        tx.on_body(ToClient, line);
        if rest.is_empty() {
            tx.response.transfer = Transfer::Identity;
            tx.response.progress = Progress::Body;
            self.outbound.state = State::Finalize;
        }
        Step::Go(line.len())
    }

    fn response_headers(&mut self, input: &[u8], is_closed: bool) -> Step {
        let limits = self.settings.server;
        let Some(tx) = self.txs.get_mut(self.outbound.tx) else {
            return Step::Fail;
        };
        let is_trailer = tx.response.progress == Progress::Trailer;
        let is_first = self.outbound.is_first_field;
        let mut at = 0;
        loop {
            let rest = input.get(at..).unwrap_or_default();
            match next_item(rest, Side::Response, is_first && at == 0, is_closed) {
                Item::Field(len, field) => {
                    at += len;
                    if !add_response_field(tx, &field, limits.headers_limit) {
                        return Step::Fail;
                    }
                }
                Item::End(len) => {
                    at += len;
                    break;
                }
                Item::Incomplete if is_closed => {
                    self.outbound.state = State::Finalize;
                    let all = input.len();
                    tx.response.raw_headers.extend_from_slice(input);
                    return Step::Go(all);
                }
                Item::Incomplete => {
                    let taken = input.get(..at).unwrap_or_default();
                    tx.response.raw_headers.extend_from_slice(taken);
                    self.outbound.is_first_field &= at == 0;
                    return Step::Wait(at);
                }
            }
        }
        tx.response
            .raw_headers
            .extend_from_slice(input.get(..at).unwrap_or_default());
        self.outbound.is_first_field = true;
        if is_trailer {
            tx.response.header_text.take();
            self.outbound.state = State::Finalize;
            return Step::Go(at);
        }
        self.response_body_start(at)
    }

    /// Finds out what follows the headers, of which `at` bytes were read.
    fn response_body_start(&mut self, at: usize) -> Step {
        let Some(tx) = self.txs.get_mut(self.outbound.tx) else {
            return Step::Fail;
        };
        let status = tx.status;
        let has_coding = tx.response.headers.get(b"transfer-encoding").is_some();
        let has_length = tx.response.headers.get(b"content-length").is_some();
        if tx.method == Method::Connect && status.is_some_and(|s| (200..300).contains(&s)) {
            return self.tunnel(at, None);
        }
        if status == Some(101) {
            if !has_coding && !has_length {
                let to = upgrade_target(tx);
                return self.tunnel(at, to);
            }
            tx.events
                .raise("switching_proto_with_content_length", ToClient);
        }
        if status == Some(100) && !has_coding && !has_body_length(tx) {
            if tx.has_seen_continue {
                tx.events.raise("100_continue_already_seen", ToClient);
            }
            tx.has_seen_continue = true;
            tx.response.headers.clear();
            tx.response.progress = Progress::Line;
            self.outbound.state = State::Line;
            return Step::Go(at);
        }
        if status.is_some_and(|s| (400..500).contains(&s)) {
            self.refused_before_body();
        }
        self.response_framing(has_coding || has_length)
            .map_or(Step::Fail, |()| {
                if let Some(tx) = self.txs.get_mut(self.outbound.tx) {
                    coding::set_up(tx, ToClient);
                }
                Step::Go(at)
            })
    }

    /// A client that asked before it sent its body sends none after a refusal.
    fn refused_before_body(&mut self) {
        let left = self.inbound.left;
        let Some(tx) = self.txs.get(self.outbound.tx) else {
            return;
        };
        let has_asked = tx.request.headers.get(b"expect") == Some(b"100-continue");
        let has_sent_nothing = left > Some(0) && left == tx.content_length;
        if has_asked && has_sent_nothing && self.inbound.tx == self.outbound.tx {
            self.inbound.state = request::State::Finalize;
        }
    }

    /// Tells how the body is delimited; None where that can't be followed.
    fn response_framing(&mut self, has_framing: bool) -> Option<()> {
        let tx = self.txs.get_mut(self.outbound.tx)?;
        let is_bodiless_status = tx
            .status
            .is_some_and(|s| (100..200).contains(&s) || s == 204 || s == 304);
        if is_bodiless_status && has_framing && tx.method != Method::Head {
            // Browsers show what a server sends all the same.
            tx.events.raise("response_body_unexpected", ToClient);
        }
        if tx.method == Method::Head || (is_bodiless_status && !has_framing) {
            tx.response.transfer = Transfer::None;
            self.outbound.state = State::Finalize;
            return Some(());
        }
        if let Some(coding) = tx.response.headers.get(b"transfer-encoding")
            && contains_nocase_nozero(coding, b"chunked")
        {
            let is_odd = !coding.eq_ignore_ascii_case(b"chunked");
            if is_odd {
                tx.events
                    .raise("response_abnormal_transfer_encoding", ToClient);
            }
            if tx.response.version < Version::V11 {
                tx.events.raise("response_chunked_old_proto", ToClient);
            }
            tx.response.transfer = Transfer::Chunked;
            tx.response.progress = Progress::Body;
            self.outbound.state = State::ChunkLength;
            return Some(());
        }
        if let Some(value) = tx.response.headers.get(b"content-length") {
            let length = content_length(value);
            return self.known_length(length);
        }
        let is_ranges = tx
            .response
            .headers
            .get(b"content-type")
            .is_some_and(|value| {
                let (kind, _) = split_before(value, |b| *b == b';' || is_space(*b));
                contains_nocase_nozero(kind, b"multipart/byteranges")
            });
        if is_ranges {
            tx.events.raise("response_multipart_byteranges", ToClient);
            return None;
        }
        tx.response.transfer = Transfer::Identity;
        tx.response.progress = Progress::Body;
        self.outbound.left = None;
        self.outbound.state = State::UntilClose;
        Some(())
    }

    fn known_length(&mut self, length: Option<super::text::ContentLength>) -> Option<()> {
        let tx = self.txs.get_mut(self.outbound.tx)?;
        tx.response.transfer = Transfer::Identity;
        let Some(length) = length else {
            tx.events
                .raise("invalid_content_length_field_in_response", ToClient);
            return None;
        };
        if length.has_junk_before {
            tx.events.raise("content_length_extra_data_start", ToClient);
        }
        if length.has_junk_after {
            tx.events.raise("content_length_extra_data_end", ToClient);
        }
        self.outbound.left = Some(length.value);
        self.outbound.state = if length.value == 0 {
            State::Finalize
        } else {
            tx.response.progress = Progress::Body;
            State::Identity
        };
        Some(())
    }

    /// What follows is another protocol.
    fn tunnel(&mut self, at: usize, to: Option<AppProtocol>) -> Step {
        let is_first = self.outbound.tx == 0;
        let Some(tx) = self.txs.get_mut(self.outbound.tx) else {
            return Step::Fail;
        };
        let is_connect = tx.method == Method::Connect;
        tx.response.transfer = Transfer::None;
        tx.complete(ToClient);
        tx.complete(event::Direction::ToServer);
        self.outbound.tx += 1;
        self.outbound.state = State::Idle;
        self.is_tunnel = true;
        if to.is_some() || (is_connect && is_first) {
            Step::Upgrade(at, to)
        } else {
            Step::Go(at)
        }
    }

    fn response_identity(&mut self, input: &[u8], is_closed: bool) -> Step {
        let left = self.outbound.left.unwrap_or(0);
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        let Some(tx) = self.txs.get_mut(self.outbound.tx) else {
            return Step::Fail;
        };
        tx.on_body(ToClient, input.get(..len).unwrap_or_default());
        self.outbound.left = Some(left - len as u64);
        if left == len as u64 || is_closed {
            self.outbound.state = State::Finalize;
            return Step::Go(len);
        }
        Step::Wait(len)
    }

    fn response_until_close(&mut self, input: &[u8], is_closed: bool) -> Step {
        let Some(tx) = self.txs.get_mut(self.outbound.tx) else {
            return Step::Fail;
        };
        tx.on_body(ToClient, input);
        if is_closed {
            self.outbound.state = State::Finalize;
            return Step::Go(input.len());
        }
        Step::Wait(input.len())
    }

    fn response_chunk_length(&mut self, input: &[u8], is_closed: bool) -> Step {
        let Some(tx) = self.txs.get_mut(self.outbound.tx) else {
            return Step::Fail;
        };
        let Some(lf) = memchr::memchr(b'\n', input) else {
            if may_be_chunk_length(input) {
                if is_closed {
                    self.outbound.state = State::Finalize;
                    return Step::Go(input.len());
                }
                return Step::Wait(0);
            }
            return self.chunks_are_none();
        };
        let line = input.get(..=lf).unwrap_or_default();
        if is_chunk_blank(line) {
            tx.response.message_len += line.len() as u64;
            return Step::Go(line.len());
        }
        match chunk_length(line) {
            ChunkLength::Bytes(len, has_extension) => {
                tx.response.message_len += line.len() as u64;
                if has_extension {
                    tx.events.raise("response_chunk_extension", ToClient);
                }
                self.outbound.chunk_left = len;
                self.outbound.state = if len == 0 {
                    tx.response.progress = Progress::Trailer;
                    State::Headers
                } else {
                    State::ChunkData
                };
                Step::Go(line.len())
            }
            ChunkLength::Unusable => {
                tx.response.message_len += line.len() as u64;
                Step::Go(line.len())
            }
            ChunkLength::Invalid => self.chunks_are_none(),
        }
    }

    /// The body claims chunks and has none: browsers show it as it is.
    fn chunks_are_none(&mut self) -> Step {
        let Some(tx) = self.txs.get_mut(self.outbound.tx) else {
            return Step::Fail;
        };
        tx.events.raise("invalid_response_chunk_len", ToClient);
        tx.response.transfer = Transfer::Identity;
        self.outbound.state = State::UntilClose;
        Step::Go(0)
    }

    fn response_chunk_data(&mut self, input: &[u8], is_closed: bool) -> Step {
        let left = self.outbound.chunk_left;
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        let Some(tx) = self.txs.get_mut(self.outbound.tx) else {
            return Step::Fail;
        };
        tx.on_body(ToClient, input.get(..len).unwrap_or_default());
        self.outbound.chunk_left = left - len as u64;
        if is_closed {
            self.outbound.state = State::Finalize;
            return Step::Go(len);
        }
        if self.outbound.chunk_left == 0 {
            self.outbound.state = State::ChunkEnd;
            return Step::Go(len);
        }
        Step::Wait(len)
    }

    fn response_chunk_end(&mut self, input: &[u8], is_closed: bool) -> Step {
        let Some(tx) = self.txs.get_mut(self.outbound.tx) else {
            return Step::Fail;
        };
        match memchr::memchr(b'\n', input) {
            Some(lf) => {
                tx.response.message_len += lf as u64 + 1;
                self.outbound.state = State::ChunkLength;
                Step::Go(lf + 1)
            }
            None => {
                tx.response.message_len += input.len() as u64;
                if is_closed {
                    self.outbound.state = State::Finalize;
                    return Step::Go(input.len());
                }
                Step::Wait(input.len())
            }
        }
    }

    /// The response is over unless what follows is no response: then that is more of its body.
    fn response_finalize(&mut self, input: &[u8], is_closed: bool) -> Step {
        if input.is_empty() {
            return self.response_complete();
        }
        let len = match memchr::memchr(b'\n', input) {
            Some(0) => input.len(),
            Some(lf) => lf + 1,
            None if is_closed => input.len(),
            None => return Step::Wait(0),
        };
        let line = input.get(..len).unwrap_or_default();
        if !is_body_instead(line) {
            return self.response_complete();
        }
        let Some(tx) = self.txs.get_mut(self.outbound.tx) else {
            return Step::Fail;
        };
        tx.events.raise("response_body_unexpected", ToClient);
        if tx.response.chain.is_empty() {
            tx.on_body(ToClient, line);
        }
        Step::Go(len)
    }

    fn response_complete(&mut self) -> Step {
        let Some(tx) = self.txs.get_mut(self.outbound.tx) else {
            return Step::Fail;
        };
        tx.complete(ToClient);
        self.outbound.tx += 1;
        self.outbound.state = State::Idle;
        Step::Go(0)
    }

    /// `len` bytes to client were never seen; false where nothing can be made of the rest.
    pub(super) fn response_gap(&mut self, len: u64) -> bool {
        if self.outbound.tx == 0 && self.outbound.state == State::Idle {
            return false;
        }
        let Some(tx) = self.txs.get_mut(self.outbound.tx) else {
            return true;
        };
        match self.outbound.state {
            State::Identity => {
                let left = self.outbound.left.unwrap_or(0);
                let lost = left.min(len);
                tx.on_body_gap(ToClient, lost);
                self.outbound.left = Some(left - lost);
                if left == lost {
                    self.outbound.state = State::Finalize;
                    self.response_complete();
                }
            }
            State::UntilClose => tx.on_body_gap(ToClient, len),
            State::Finalize => {
                self.response_complete();
            }
            State::Idle
            | State::Line
            | State::Headers
            | State::ChunkLength
            | State::ChunkData
            | State::ChunkEnd => tx.events.raise("invalid_gap", ToClient),
        }
        true
    }
}
