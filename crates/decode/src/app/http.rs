//! HTTP/1: requests and responses of one flow, matched up into exchanges.
//!
//! Requests are read as servers read them and responses as browsers do, since an attack must pass
//! the other side, not the standard. The bytes of a call are read where they lie; only what is
//! incomplete (a line, a field with its continuations) is copied to wait for the rest.

use super::{Config as AppConfig, Context, Entry, Field, LogFor, Outcome, Parser, Transaction};
use super::{ProbeInput, Transactions};
use crate::file::FileSet;
use event::Direction::{self, ToClient, ToServer};
use event::json::Writer;
use event::{AppProtocol, Buffer, Number};
use std::ops::Range;
use std::sync::Arc;

mod bestfit;
mod body;
mod coding;
mod config;
mod decompress;
mod events;
mod fields;
mod gzip;
mod header_list;
mod headers;
mod log;
mod lzma;
mod multipart;
mod probe;
mod request;
mod request_head;
mod response;
mod response_head;
mod setting;
mod text;
mod transaction;
mod uri;

#[cfg(test)]
mod tests;

pub use config::{
    BodyLimits, Config, DecompressConfig, InvalidPercent, LogConfig, Personality, Server, UriConfig,
};

use transaction::{HttpTx, Settings};

/// The line of HTTP/1 in the table of protocols.
pub const ENTRY: Entry = Entry {
    protocol: AppProtocol::Http1,
    tcp: true,
    udp: false,
    probe: Some(recognise),
    create,
    events: events::NAMES,
};

fn recognise(input: &ProbeInput<'_>, config: &AppConfig) -> super::Probe {
    probe::probe(input, config)
}

fn create(config: &AppConfig) -> Box<dyn Parser> {
    Box::new(Http::new(config))
}

/// What one step of a reader came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// So many bytes were read; go on.
    Go(usize),
    /// So many bytes were read; the rest waits for more.
    Wait(usize),
    /// So many bytes were read; what follows is another protocol.
    Upgrade(usize, Option<AppProtocol>),
    /// Nothing can be made of the rest.
    Fail,
}

/// One direction of the conversation.
#[derive(Debug, Default)]
struct Side<State> {
    state: State,
    /// The exchange that is read now.
    tx: u64,
    /// Bytes that wait for more.
    pending: Vec<u8>,
    /// Bytes left of a body of known length.
    left: Option<u64>,
    /// Bytes left of a chunk.
    chunk_left: u64,
    /// Whether no header field of the message was read yet.
    is_first_field: bool,
}

/// The conversation of one flow.
#[derive(Debug)]
struct Http {
    settings: Arc<Settings>,
    txs: Transactions<HttpTx>,
    inbound: Side<request::State>,
    outbound: Side<response::State>,
    /// Whether both directions speak something else by now.
    is_tunnel: bool,
    has_failed: bool,
}

impl Http {
    fn new(config: &AppConfig) -> Self {
        let settings = Settings {
            server: config.http.default,
            files: config.files,
        };
        Http {
            settings: Arc::new(settings),
            txs: Transactions::default(),
            inbound: Side::default(),
            outbound: Side {
                is_first_field: true,
                ..Side::default()
            },
            is_tunnel: false,
            has_failed: false,
        }
    }

    /// The exchange `id`, opened where it is the next; None at the limit or where it is gone.
    fn open_tx(&mut self, id: u64) -> Option<&mut HttpTx> {
        if id == self.txs.range().end {
            if self.txs.len() >= self.settings.server.transactions_limit {
                return None;
            }
            let settings = Arc::clone(&self.settings);
            self.txs.open(|id| HttpTx::new(id, settings));
        }
        self.txs.get_mut(id)
    }

    fn step(&mut self, direction: Direction, input: &[u8], is_closed: bool) -> Step {
        match direction {
            ToServer => self.request_step(input, is_closed),
            ToClient => self.response_step(input, is_closed),
        }
    }

    fn pending(&mut self, direction: Direction) -> &mut Vec<u8> {
        match direction {
            ToServer => &mut self.inbound.pending,
            ToClient => &mut self.outbound.pending,
        }
    }

    /// Reads `data`, behind what waited for it.
    fn feed(&mut self, direction: Direction, data: &[u8], is_closed: bool) -> Outcome {
        let waited = std::mem::take(self.pending(direction));
        if waited.is_empty() {
            return match self.run(direction, data, is_closed) {
                Run::Read(at) => {
                    let rest = data.get(at..).unwrap_or_default();
                    self.wait(direction, rest.to_vec())
                }
                Run::Upgrade(at, to) => Outcome::Upgrade { consumed: at, to },
                Run::Failed => self.fail(),
            };
        }
        let before = waited.len();
        let mut joined = waited;
        joined.extend_from_slice(data);
        match self.run(direction, &joined, is_closed) {
            Run::Read(at) => {
                joined.drain(..at.min(joined.len()));
                self.wait(direction, joined)
            }
            Run::Upgrade(at, to) => Outcome::Upgrade {
                consumed: at.saturating_sub(before),
                to,
            },
            Run::Failed => self.fail(),
        }
    }

    /// Keeps what waits for more, unless it is more than any line may be.
    fn wait(&mut self, direction: Direction, rest: Vec<u8>) -> Outcome {
        if rest.len() > self.settings.server.field_limit {
            let (id, name) = match direction {
                ToServer => (self.inbound.tx, "request_field_too_long"),
                ToClient => (self.outbound.tx, "response_field_too_long"),
            };
            if let Some(tx) = self.txs.get_mut(id) {
                tx.events.raise(name, direction);
            }
            return self.fail();
        }
        *self.pending(direction) = rest;
        Outcome::Taken
    }

    fn run(&mut self, direction: Direction, input: &[u8], is_closed: bool) -> Run {
        let mut at = 0;
        // Each byte can change the state a few times; what exceeds that would run in circles.
        for _ in 0..input.len().saturating_mul(4).saturating_add(64) {
            let rest = input.get(at..).unwrap_or_default();
            match self.step(direction, rest, is_closed) {
                Step::Go(len) if self.is_tunnel => return Run::Read(at + len.max(rest.len())),
                Step::Go(len) => at += len,
                Step::Wait(len) => return Run::Read(at + len),
                Step::Upgrade(len, to) => return Run::Upgrade(at + len, to),
                Step::Fail => return Run::Failed,
            }
        }
        Run::Failed
    }

    fn fail(&mut self) -> Outcome {
        self.has_failed = true;
        for direction in Direction::BOTH {
            self.end(direction);
        }
        Outcome::Failed
    }

    /// Nothing more will come in `direction`, for any exchange.
    fn end(&mut self, direction: Direction) {
        for tx in self.txs.iter_mut() {
            let message = tx.message_mut(direction);
            message.is_ended = true;
            message.files.close_all(crate::file::FileState::Truncated);
        }
    }

    fn close(&mut self, direction: Direction) {
        if !self.has_failed && !self.is_tunnel {
            self.feed(direction, b"", true);
        }
        self.end(direction);
    }
}

/// What reading came to.
enum Run {
    /// Read up to there; the rest waits.
    Read(usize),
    Upgrade(usize, Option<AppProtocol>),
    Failed,
}

impl Parser for Http {
    fn on_data(&mut self, _cx: &Context, direction: Direction, data: &[u8]) -> Outcome {
        if self.has_failed {
            return Outcome::Failed;
        }
        if self.is_tunnel || data.is_empty() {
            return Outcome::Taken;
        }
        self.feed(direction, data, false)
    }

    fn on_gap(&mut self, _cx: &Context, direction: Direction, len: u64) -> Outcome {
        if self.has_failed {
            return Outcome::Failed;
        }
        if self.is_tunnel {
            return Outcome::Taken;
        }
        let can_go_on = match direction {
            ToServer => {
                self.request_gap(len);
                true
            }
            ToClient => self.response_gap(len),
        };
        if can_go_on {
            Outcome::Taken
        } else {
            self.fail()
        }
    }

    fn on_end(&mut self, _cx: &Context, direction: Direction) {
        // A server that closes hears no more requests.
        if direction == ToClient {
            self.close(ToServer);
        }
        self.close(direction);
    }

    fn tx_range(&self) -> Range<u64> {
        self.txs.range()
    }

    fn tx(&self, id: u64) -> Option<&dyn Transaction> {
        self.txs.get(id).map(|tx| tx as &dyn Transaction)
    }

    fn tx_mut(&mut self, id: u64) -> Option<&mut dyn Transaction> {
        self.txs.get_mut(id).map(|tx| tx as &mut dyn Transaction)
    }

    fn drop_tx(&mut self, id: u64) {
        self.txs.drop(id);
    }
}

impl Transaction for HttpTx {
    fn id(&self) -> u64 {
        self.id
    }

    fn is_complete(&self, direction: Direction) -> bool {
        self.message(direction).is_complete()
    }

    fn field(&self, buffer: Buffer, direction: Direction, index: usize) -> Field<'_> {
        fields::field(self, buffer, direction, index)
    }

    fn number(&self, number: Number, direction: Direction, index: usize) -> Option<u64> {
        fields::number(self, number, direction, index)
    }

    fn inspected(&mut self, direction: Direction) {
        let server = &self.settings.server;
        let limits = match direction {
            Direction::ToServer => server.request,
            Direction::ToClient => server.response,
        };
        let message = self.message_mut(direction);
        let is_complete = message.is_complete();
        message.body.mark_inspected(&limits, is_complete);
    }

    fn events(&self) -> &[(&'static str, Direction)] {
        self.events.all()
    }

    fn files(&self, direction: Direction) -> Option<&FileSet> {
        Some(&self.message(direction).files)
    }

    fn files_mut(&mut self, direction: Direction) -> Option<&mut FileSet> {
        Some(&mut self.message_mut(direction).files)
    }

    fn record_type(&self) -> Option<&'static str> {
        Some("http")
    }

    fn log(&self, purpose: LogFor<'_>, out: &mut Writer) {
        log::log(self, purpose, out);
    }
}
