//! The channel of a file: its bytes are the file's bytes.

use crate::app::{Context, Expectation, Field, LogFor, Outcome, Parser, Transaction};
use crate::file::{FileConfig, FileSet, FileState};
use event::json::Writer;
use event::{Buffer, Direction};
use std::borrow::Cow;

/// Which way the file goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    /// To the client of the control channel.
    Retr,
    /// To its server.
    Stor,
}

impl Verb {
    const fn as_str(self) -> &'static str {
        match self {
            Verb::Retr => "RETR",
            Verb::Stor => "STOR",
        }
    }
}

/// The one transaction of the channel, and its parser.
#[derive(Debug)]
pub(super) struct Transfer {
    config: FileConfig,
    verb: Option<Verb>,
    name: Vec<u8>,
    /// Direction of the file within this flow.
    direction: Direction,
    files: FileSet,
    is_finished: bool,
    is_dropped: bool,
}

impl Transfer {
    pub(super) fn new(config: FileConfig) -> Self {
        Transfer {
            config,
            verb: None,
            name: Vec::new(),
            direction: Direction::ToServer,
            files: FileSet::default(),
            is_finished: false,
            is_dropped: false,
        }
    }
}

impl Parser for Transfer {
    fn on_data(&mut self, _: &Context, direction: Direction, data: &[u8]) -> Outcome {
        if direction != self.direction || self.is_finished || data.is_empty() {
            return Outcome::Taken;
        }
        if self.files.files.is_empty() {
            self.files.open(&self.name, direction, &self.config);
        }
        if let Some(file) = self.files.current() {
            file.append(data);
        }
        Outcome::Taken
    }

    fn on_gap(&mut self, _: &Context, _: Direction, _: u64) -> Outcome {
        self.files.close_all(FileState::Truncated);
        self.is_finished = true;
        Outcome::Failed
    }

    fn on_end(&mut self, _: &Context, direction: Direction) {
        if direction == self.direction {
            self.files.close_all(FileState::Closed);
            self.is_finished = true;
        }
    }

    fn tx_range(&self) -> std::ops::Range<u64> {
        u64::from(self.is_dropped)..1
    }

    fn tx(&self, id: u64) -> Option<&dyn Transaction> {
        (id == 0 && !self.is_dropped).then_some(self)
    }

    fn tx_mut(&mut self, id: u64) -> Option<&mut dyn Transaction> {
        (id == 0 && !self.is_dropped).then_some(self)
    }

    fn drop_tx(&mut self, id: u64) {
        self.is_dropped |= id == 0;
    }

    /// `RETR name` or `STOR name`. The end that listens is the server of this flow, whichever it
    /// is on the control channel.
    fn set_hint(&mut self, expectation: &Expectation) {
        let hint = expectation.hint.as_slice();
        let (verb, name) = match (hint.strip_prefix(b"RETR "), hint.strip_prefix(b"STOR ")) {
            (Some(name), _) => (Verb::Retr, name),
            (None, Some(name)) => (Verb::Stor, name),
            (None, None) => return,
        };
        self.verb = Some(verb);
        self.name = name.to_vec();
        self.direction = match (verb, expectation.listener) {
            (Verb::Retr, Direction::ToServer) | (Verb::Stor, Direction::ToClient) => {
                Direction::ToClient
            }
            (Verb::Retr, Direction::ToClient) | (Verb::Stor, Direction::ToServer) => {
                Direction::ToServer
            }
        };
    }
}

impl Transaction for Transfer {
    fn id(&self) -> u64 {
        0
    }

    fn is_complete(&self, direction: Direction) -> bool {
        direction != self.direction || self.is_finished
    }

    fn field(&self, buffer: Buffer, direction: Direction, index: usize) -> Field<'_> {
        match buffer {
            Buffer::FtpDataCommand if index == 0 => match self.verb {
                Some(verb) => Field::Whole(Cow::Borrowed(verb.as_str().as_bytes())),
                None => Field::Absent,
            },
            Buffer::FileData | Buffer::FileName | Buffer::FileMagic
                if direction == self.direction =>
            {
                self.files.field(buffer, index, self.is_finished)
            }
            // Buffers of other protocols, and files in the other direction.
            _ => Field::Absent,
        }
    }

    fn holds(&self, keyword: &str, argument: &str, direction: Direction) -> Option<bool> {
        // Rules think of the control channel: what is got goes to the client, what is put to the
        // server, whichever end opened this flow.
        (keyword == "ftpdata_command").then(|| match self.verb {
            Some(Verb::Retr) => {
                direction == Direction::ToClient && argument.trim().eq_ignore_ascii_case("retr")
            }
            Some(Verb::Stor) => {
                direction == Direction::ToServer && argument.trim().eq_ignore_ascii_case("stor")
            }
            None => false,
        })
    }

    fn files(&self, direction: Direction) -> Option<&FileSet> {
        (direction == self.direction).then_some(&self.files)
    }

    fn files_mut(&mut self, direction: Direction) -> Option<&mut FileSet> {
        (direction == self.direction).then_some(&mut self.files)
    }

    fn record_type(&self) -> Option<&'static str> {
        Some("ftp_data")
    }

    fn log(&self, _: LogFor<'_>, out: &mut Writer) {
        out.object("ftp_data");
        if !self.name.is_empty() {
            out.bytes("filename", &self.name);
        }
        if let Some(verb) = self.verb {
            out.str("command", verb.as_str());
        }
        out.end();
    }
}
