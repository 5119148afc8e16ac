//! FTP (RFC 959, RFC 2428, RFC 4217): commands with their replies, and the channels that carry
//! the files.
//!
//! A command with its replies is a transaction. The control channel tells which port will carry
//! which file; the flow that follows is a transaction with one file.

mod address;
mod command;
mod control;
mod data;
mod reply;
mod transaction;

#[cfg(test)]
mod tests;

use super::{Config, Entry, Probe, ProbeInput};
use control::Control;
use data::Transfer;
use event::{AppProtocol, Direction};

/// The line of the protocol table: the control channel.
pub const ENTRY: Entry = Entry {
    protocol: AppProtocol::Ftp,
    tcp: true,
    udp: false,
    probe: Some(probe),
    create: |config| Box::new(Control::new(config.ftp)),
    events: &[
        "request_command_too_long",
        "response_command_too_long",
        "too_many_transactions",
        "file_before_port",
        "file_without_name",
    ],
};

/// The line of the protocol table: the channel of a file, announced by the other.
pub const DATA_ENTRY: Entry = Entry {
    protocol: AppProtocol::FtpData,
    tcp: true,
    udp: false,
    probe: None,
    create: |config| Box::new(Transfer::new(config.files)),
    events: &[],
};

/// Settings (`app-layer.protocols.ftp`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FtpConfig {
    /// Longest line that is read; of longer ones the start counts.
    pub max_line_length: usize,
    /// Most transactions held at once of a flow.
    pub max_tx: usize,
}

impl Default for FtpConfig {
    fn default() -> Self {
        FtpConfig {
            max_line_length: 4096,
            max_tx: 1024,
        }
    }
}

/// Port on which any greeting is taken for FTP: mail servers greet in the same words.
const GREETING_PORT: u16 = 21;

/// Tells FTP by the client's first command, or by a greeting that mail servers don't use.
fn probe(input: &ProbeInput<'_>, _: &Config) -> Probe {
    match input.direction {
        Direction::ToServer => begins(input.data, &[b"FEAT", b"USER ", b"PASS ", b"PORT "]),
        Direction::ToClient => match begins(input.data, &[b"220 ("]) {
            Probe::No if input.server_port == GREETING_PORT => {
                match begins(input.data, &[b"220 ", b"220-"]) {
                    Probe::Yes if !input.data.contains(&b'\n') => Probe::Undecided,
                    other => other,
                }
            }
            other => other,
        },
    }
}

/// Whether `data` begins with one of `starts`, in upper or lower case.
fn begins(data: &[u8], starts: &[&[u8]]) -> Probe {
    let agrees = |start: &&&[u8]| {
        start
            .iter()
            .zip(data)
            .all(|(expected, found)| expected.eq_ignore_ascii_case(found))
    };
    match starts.iter().find(agrees) {
        Some(start) if data.len() >= start.len() => Probe::Yes,
        Some(_) => Probe::Undecided,
        None => Probe::No,
    }
}
