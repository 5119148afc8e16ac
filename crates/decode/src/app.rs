//! What applications say to each other: one folder for each protocol, one line here in a table.
//!
//! A parser gets the bytes of both directions of one flow in order, keeps what is incomplete
//! itself (bounded), and offers transactions: a request and its answer, a message, a handshake.
//! Detection asks a transaction for fields, records are written by it, and once it is complete,
//! inspected and logged the engine drops it. To add a protocol: write its folder, add its line to
//! [`PROTOCOLS`].

use crate::file::FileSet;
use event::json::Writer;
use event::{AppProtocol, Buffer, Direction, Number, Timestamp};
use std::borrow::Cow;

mod config;
pub mod dns;
pub mod ftp;
pub mod http;
mod line;
pub mod smtp;
pub mod ssh;
mod table;
pub mod tls;

pub use config::{Config, LogOptions, Mode, Modes};
pub use table::{PROTOCOLS, Transactions, entry};

/// What the bytes at hand say about the protocol they belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// They belong to it.
    Yes,
    /// They belong to it, and began with the answer: the flow runs the other way round.
    Reversed,
    /// They can't belong to it.
    No,
    /// More bytes are needed to tell.
    Undecided,
}

/// Bytes to recognise a protocol by: the start of one direction of a flow.
#[derive(Clone, Copy, Debug)]
pub struct ProbeInput<'a> {
    /// The direction they travel in.
    pub direction: Direction,
    /// The bytes seen so far in that direction, from the start of the stream or the whole datagram.
    pub data: &'a [u8],
    /// Port of the end that opened the flow.
    pub client_port: u16,
    /// Port of the end that answers.
    pub server_port: u16,
    /// Whether the flow is carried by UDP.
    pub is_udp: bool,
    /// Whether the flow was picked up in the middle.
    pub is_midstream: bool,
    /// What was recognised in the other direction; `Unknown` where nothing was.
    pub other: event::AppProtocol,
}

/// A line of the protocol table.
pub struct Entry {
    /// Which protocol.
    pub protocol: AppProtocol,
    /// Whether it runs over TCP.
    pub tcp: bool,
    /// Whether it runs over UDP.
    pub udp: bool,
    /// Tells whether bytes belong to it. None where it is only reached by an upgrade or an expectation.
    pub probe: Option<fn(&ProbeInput<'_>, &Config) -> Probe>,
    /// Makes the parser of a new flow.
    pub create: fn(&Config) -> Box<dyn Parser>,
    /// Names of its events, without the protocol's prefix.
    pub events: &'static [&'static str],
}

/// Where and when bytes were seen.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Time of the packet that completed them.
    pub now: Timestamp,
    /// Port of the end that opened the flow.
    pub client_port: u16,
    /// Port of the end that answers.
    pub server_port: u16,
    /// Whether the flow is carried by UDP: then each call brings one whole datagram.
    pub is_udp: bool,
    /// Whether the flow was picked up in the middle.
    pub is_midstream: bool,
}

/// What a parser says after bytes were handed to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All taken; incomplete messages are kept inside.
    Taken,
    /// The bytes make no sense: no more are wanted in either direction. Finished transactions stay.
    Failed,
    /// From `consumed` on, and in the other direction from its next byte on, another protocol may
    /// speak: STARTTLS, CONNECT, an HTTP upgrade. `to` is None where it is to be recognised afresh.
    Upgrade {
        /// Bytes of this call that still belonged to this protocol.
        consumed: usize,
        /// The protocol that follows, where it is known.
        to: Option<AppProtocol>,
    },
    /// What follows is encrypted; payload need not be looked at any more.
    Encrypted,
}

/// A flow that is about to be opened by what was said in this one: FTP's data channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The protocol that the expected flow will speak.
    pub protocol: AppProtocol,
    /// Port that listens, on the client's or the server's side.
    pub port: u16,
    /// Which end of this flow listens: `ToServer` the server, `ToClient` the client.
    pub listener: Direction,
    /// What the parser of the expected flow is told (FTP: `RETR name`).
    pub hint: Vec<u8>,
    /// Number that its records carry to tell whence it came, if any.
    pub parent_tx: u64,
}

/// The conversation of one flow in one protocol.
pub trait Parser: Send {
    /// Takes the next bytes of `direction`.
    fn on_data(&mut self, cx: &Context, direction: Direction, data: &[u8]) -> Outcome;

    /// `len` bytes of `direction` were never seen. The default gives up.
    fn on_gap(&mut self, cx: &Context, direction: Direction, len: u64) -> Outcome {
        let _ = (cx, direction, len);
        Outcome::Failed
    }

    /// No more bytes will come in `direction`: closes what is open there.
    fn on_end(&mut self, cx: &Context, direction: Direction) {
        let _ = (cx, direction);
    }

    /// Ids of the transactions held now, oldest first: `first..next`. Some may be dropped already.
    fn tx_range(&self) -> std::ops::Range<u64>;

    /// The transaction `id`, if it is held.
    fn tx(&self, id: u64) -> Option<&dyn Transaction>;

    /// The transaction `id`, for taking files' bytes away.
    fn tx_mut(&mut self, id: u64) -> Option<&mut dyn Transaction>;

    /// Forgets a transaction that is complete, inspected and logged.
    fn drop_tx(&mut self, id: u64);

    /// Flows that this one announces, each told once.
    fn take_expectations(&mut self) -> Vec<Expectation> {
        Vec::new()
    }

    /// Told once, before the first bytes, where an upgrade led here: what the flow spoke before.
    fn set_origin(&mut self, origin: AppProtocol) {
        let _ = origin;
    }

    /// Takes what an expectation of another flow says about this one.
    fn set_hint(&mut self, expectation: &Expectation) {
        let _ = expectation;
    }
}

/// A field of a transaction as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// It may still come.
    Pending,
    /// It will not come.
    Absent,
    /// The whole field.
    Whole(Cow<'a, [u8]>),
    /// A body that arrives in parts and is inspected in parts.
    Body {
        /// The bytes held now.
        data: &'a [u8],
        /// Where `data` begins within the body.
        offset: u64,
        /// Whether no more bytes will come.
        is_complete: bool,
    },
}

/// Why a transaction writes a record of itself.
#[derive(Clone, Copy, Debug)]
pub enum LogFor<'a> {
    /// Its own EVE record, in an output with these options.
    Record(&'a LogOptions),
    /// The part of an alert record that tells what the alert is about.
    Alert,
}

/// One exchange within a conversation.
pub trait Transaction {
    /// Its id, counted from 0 within the flow.
    fn id(&self) -> u64;

    /// Whether all of `direction` has been seen, or will never be.
    fn is_complete(&self, direction: Direction) -> bool;

    /// Whether it has anything to inspect in `direction`; a DNS answer has nothing to server.
    fn inspects(&self, direction: Direction) -> bool {
        let _ = direction;
        true
    }

    /// Whether its record can be written now. The default waits for both directions.
    fn is_loggable(&self) -> bool {
        self.is_complete(Direction::ToServer) && self.is_complete(Direction::ToClient)
    }

    /// The field `buffer` in `direction`; `index` counts the instances of fields that repeat, such
    /// as DNS queries, and gives `Absent` past the last known one of a complete set.
    fn field(&self, buffer: Buffer, direction: Direction, index: usize) -> Field<'_>;

    /// A number that rules compare. None where it is not there; `index` as in `field`.
    fn number(&self, number: Number, direction: Direction, index: usize) -> Option<u64> {
        let _ = (number, direction, index);
        None
    }

    /// Whether a keyword without a buffer of its own holds, such as `ssl_state` or `tls.store`;
    /// None where the transaction does not know it.
    fn holds(&self, keyword: &str, argument: &str, direction: Direction) -> Option<bool> {
        let _ = (keyword, argument, direction);
        None
    }

    /// All bytes of bodies that `field` gave for `direction` were inspected: those that no window
    /// needs any more may go.
    fn inspected(&mut self, direction: Direction) {
        let _ = direction;
    }

    /// Names of what was odd about it, without the protocol's prefix, with their direction.
    fn events(&self) -> &[(&'static str, Direction)] {
        &[]
    }

    /// Files it carries.
    fn files(&self, direction: Direction) -> Option<&FileSet> {
        let _ = direction;
        None
    }

    /// Files it carries, to take bytes away that were inspected and stored.
    fn files_mut(&mut self, direction: Direction) -> Option<&mut FileSet> {
        let _ = direction;
        None
    }

    /// EVE's `event_type` of its own record; None where it writes none.
    fn record_type(&self) -> Option<&'static str>;

    /// The direction its own record is written in; None for the flow's (client first).
    fn record_direction(&self, options: &LogOptions) -> Option<Direction> {
        let _ = options;
        None
    }

    /// Writes its part of a record: `"http": {…}`, `"dns": {…}`, with key.
    fn log(&self, purpose: LogFor<'_>, out: &mut Writer);

    /// Number of records of its own that an output with these options gets. One, but where options
    /// leave it out, and for DNS in its old form: one for each question.
    fn record_count(&self, options: &LogOptions) -> usize {
        let _ = options;
        1
    }

    /// Writes its part of the `index`-th of its own records.
    fn log_record(&self, index: usize, options: &LogOptions, out: &mut Writer) {
        let _ = index;
        self.log(LogFor::Record(options), out);
    }

    /// Writes what other records say of it beside their own part, such as `"email": {…}` in a
    /// `fileinfo` record.
    fn log_for_file(&self, out: &mut Writer) {
        self.log(LogFor::Alert, out);
    }
}
