//! SMTP (RFC 5321) and the mails it carries: each mail a transaction, its attachments files.

mod command;
mod config;
mod log;
mod mime;
mod reply;
mod session;
mod transaction;

#[cfg(test)]
mod tests;

use super::{Config, Context, Entry, Outcome, Parser, Probe, ProbeInput, Transaction};
pub use config::{EmailLog, MimeConfig, SmtpConfig};
use event::{AppProtocol, Direction};
use session::Session;

/// The line of the protocol table.
pub const ENTRY: Entry = Entry {
    protocol: AppProtocol::Smtp,
    tcp: true,
    udp: false,
    probe: Some(probe),
    create: |config| Box::new(Session::new(config)),
    events: &[
        "invalid_reply",
        "unable_to_match_reply_with_request",
        "max_command_line_len_exceeded",
        "max_reply_line_len_exceeded",
        "invalid_pipelined_sequence",
        "bdat_chunk_len_exceeded",
        "no_server_welcome_message",
        "tls_rejected",
        "data_command_rejected",
        "failed_protocol_change",
        "invalid_bdat",
        "mime_parse_failed",
        "mime_malformed_msg",
        "mime_invalid_base64",
        "mime_invalid_qp",
        "mime_long_line",
        "mime_long_enc_line",
        "mime_long_header_name",
        "mime_long_header_value",
        "mime_long_boundary",
        "mime_long_filename",
        "duplicate_fields",
        "unparsable_content",
        "truncated_line",
    ],
};

/// Ports on which a greeting alone is taken for SMTP: FTP servers greet in the same words.
const GREETING_PORTS: [u16; 2] = [25, 465];

/// Tells SMTP by the client's first command on any port, or by the server's greeting on its ports.
fn probe(input: &ProbeInput<'_>, _: &Config) -> Probe {
    match input.direction {
        Direction::ToServer => {
            const COMMANDS: [&[u8]; 3] = [b"EHLO", b"HELO", b"QUIT"];
            let begins = |command: &&[u8]| {
                let len = command.len().min(input.data.len());
                input
                    .data
                    .get(..len)
                    .is_some_and(|d| d.eq_ignore_ascii_case(&command[..len]))
            };
            match COMMANDS.iter().find(|command| begins(command)) {
                Some(command) if input.data.len() >= command.len() => Probe::Yes,
                Some(_) => Probe::Undecided,
                None => Probe::No,
            }
        }
        // What the client said decides: its server's greeting is read before that.
        Direction::ToClient if input.other == AppProtocol::Smtp => known_greeting(input.data),
        Direction::ToClient if GREETING_PORTS.contains(&input.server_port) => greeting(input.data),
        Direction::ToClient => Probe::No,
    }
}

/// `220 …`, whatever follows, up to the end of a line.
fn known_greeting(data: &[u8]) -> Probe {
    let len = data.len().min(4);
    let begins = |start: &[u8]| data.get(..len) == start.get(..len);
    if !begins(b"220 ") && !begins(b"220-") {
        Probe::No
    } else if data.contains(&b'\n') {
        Probe::Yes
    } else {
        Probe::Undecided
    }
}

/// `220 mail.example.org …`: a code, and the name of a host.
fn greeting(data: &[u8]) -> Probe {
    let Some(after) = data
        .strip_prefix(b"220 ")
        .or_else(|| data.strip_prefix(b"220-"))
    else {
        let is_start = b"220 ".starts_with(data) || b"220-".starts_with(data);
        return if is_start {
            Probe::Undecided
        } else {
            Probe::No
        };
    };
    let end = after.iter().position(|b| matches!(b, b' ' | b'\r' | b'\n'));
    let name = after.get(..end.unwrap_or(after.len())).unwrap_or_default();
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    match (name.iter().all(is_name), end) {
        (false, _) => Probe::No,
        (true, None) => Probe::Undecided,
        (true, Some(_)) if name.contains(&b'.') => Probe::Yes,
        // A greeting without a name is FTP's as likely: the client's command will tell.
        (true, Some(_)) => Probe::Undecided,
    }
}

impl Parser for Session {
    fn on_data(&mut self, _: &Context, direction: Direction, data: &[u8]) -> Outcome {
        match direction {
            Direction::ToServer => self.on_request(data),
            Direction::ToClient => self.on_reply(data),
        }
    }

    fn on_gap(&mut self, _: &Context, _: Direction, _: u64) -> Outcome {
        self.fail()
    }

    fn on_end(&mut self, _: &Context, direction: Direction) {
        self.end(direction);
    }

    fn tx_range(&self) -> std::ops::Range<u64> {
        self.mails().range()
    }

    fn tx(&self, id: u64) -> Option<&dyn Transaction> {
        self.mails().get(id).map(|mail| mail as &dyn Transaction)
    }

    fn tx_mut(&mut self, id: u64) -> Option<&mut dyn Transaction> {
        self.mails_mut()
            .get_mut(id)
            .map(|mail| mail as &mut dyn Transaction)
    }

    fn drop_tx(&mut self, id: u64) {
        self.drop_mail(id);
    }
}
