//! A command with its replies.

use super::address::Endpoint;
use super::command::{Command, Kind};
use super::reply::Reply;
use crate::app::{Field, LogFor, Transaction};
use event::json::Writer;
use event::{Buffer, Direction, Number};
use std::borrow::Cow;
use std::net::Ipv4Addr;

/// Most lines of replies kept of a command: a help text has some dozens.
const MAX_REPLIES: usize = 1024;

/// An exchange on the control channel. Without a command it is a greeting, or the reply to a
/// command that is not followed.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) id: u64,
    pub(super) command: Option<Command>,
    request: Vec<u8>,
    is_request_cut: bool,
    replies: Vec<Reply>,
    is_reply_cut: bool,
    pub(super) dynamic_port: u16,
    pub(super) is_active: bool,
    /// Where PORT sends the server.
    pub(super) endpoint: Option<Endpoint>,
    pub(super) is_done: bool,
    pub(super) is_ended: [bool; 2],
    events: Vec<(&'static str, Direction)>,
}

impl Exchange {
    pub(super) fn new(id: u64) -> Self {
        Exchange {
            id,
            command: None,
            request: Vec::new(),
            is_request_cut: false,
            replies: Vec::new(),
            is_reply_cut: false,
            dynamic_port: 0,
            is_active: false,
            endpoint: None,
            is_done: false,
            is_ended: [false; 2],
            events: Vec::new(),
        }
    }

    /// Takes the command; `is_cut` where only the start of its line is given.
    pub(super) fn set_request(&mut self, command: Command, line: &[u8], is_cut: bool) {
        self.command = Some(command);
        self.request = line.trim_ascii_end().to_vec();
        self.is_request_cut = is_cut;
        if is_cut {
            self.event("request_command_too_long", Direction::ToServer);
        }
    }

    /// Takes a line of a reply.
    pub(super) fn add_reply(&mut self, line: &[u8], is_cut: bool) {
        if let Some(reply) = Reply::read(line).filter(|_| self.replies.len() < MAX_REPLIES) {
            self.replies.push(reply);
        }
        if is_cut {
            self.is_reply_cut = true;
            self.event("response_command_too_long", Direction::ToClient);
        }
    }

    /// Each event is told once: a transaction has few kinds of them.
    pub(super) fn event(&mut self, name: &'static str, direction: Direction) {
        if !self.events.contains(&(name, direction)) {
            self.events.push((name, direction));
        }
    }

    /// What stands behind the command; empty where there is nothing.
    fn argument(&self) -> &[u8] {
        let command = self.command.as_ref();
        command
            .and_then(|command| command.argument(&self.request))
            .unwrap_or_default()
    }

    fn is_over(&self, direction: Direction) -> bool {
        self.is_done || self.is_ended[usize::from(direction)]
    }

    fn code(&self, index: usize) -> Option<&[u8; 3]> {
        self.replies
            .iter()
            .filter_map(|reply| reply.code.as_ref())
            .nth(index)
    }

    fn value(&self, buffer: Buffer, direction: Direction, index: usize) -> Option<&[u8]> {
        match (buffer, direction, index) {
            (Buffer::FtpCommand, Direction::ToServer, 0) => {
                self.command.map(|command| command.name.as_bytes())
            }
            (Buffer::FtpCommandData, Direction::ToServer, 0) => {
                Some(self.argument()).filter(|argument| !argument.is_empty())
            }
            (Buffer::FtpReply, Direction::ToClient, index) => {
                let texts = self.replies.iter().map(|reply| reply.text.as_slice());
                texts.filter(|text| !text.is_empty()).nth(index)
            }
            (Buffer::FtpCompletionCode, Direction::ToClient, index) => {
                self.code(index).map(<[u8; 3]>::as_slice)
            }
            // Buffers of other protocols and of the other direction.
            _ => None,
        }
    }

    /// Whether PORT names another host than `client`: the bounce attack of RFC 2577 section 3.
    fn is_bounce(&self, client: &str) -> bool {
        let client = client.parse::<Ipv4Addr>().ok();
        client.is_some_and(|client| self.endpoint.is_some_and(|named| named.address != client))
    }
}

impl Transaction for Exchange {
    fn id(&self) -> u64 {
        self.id
    }

    fn is_complete(&self, direction: Direction) -> bool {
        self.is_over(direction)
    }

    fn field(&self, buffer: Buffer, direction: Direction, index: usize) -> Field<'_> {
        match self.value(buffer, direction, index) {
            Some(value) => Field::Whole(Cow::Borrowed(value)),
            // What the client says is known from the start, what the server says only at the end.
            None if direction == Direction::ToServer || self.is_over(direction) => Field::Absent,
            None => Field::Pending,
        }
    }

    fn number(&self, number: Number, direction: Direction, index: usize) -> Option<u64> {
        match (number, index) {
            (Number::FtpDynamicPort, 0) => {
                Some(u64::from(self.dynamic_port)).filter(|port| *port != 0)
            }
            (Number::FtpMode, 0) => (self.dynamic_port != 0).then_some(u64::from(self.is_active)),
            // Replies are the server's: they are looked for in what travels to the client. A
            // greeting answers nothing.
            (Number::FtpReplyReceived, 0) => (direction == Direction::ToClient
                && self.command.is_some())
            .then_some(u64::from(self.is_done)),
            (Number::FtpCompletionCode, index) => {
                let code = self.code(index)?;
                Some(code.iter().fold(0, |sum, digit| {
                    sum * 10 + u64::from(digit.wrapping_sub(b'0'))
                }))
            }
            // Numbers of other protocols.
            _ => None,
        }
    }

    fn holds(&self, keyword: &str, argument: &str, _: Direction) -> Option<bool> {
        match keyword {
            // The argument is the address of the end that opened the flow.
            "ftpbounce" => Some(self.is_bounce(argument)),
            "ftp.mode" => Some(
                self.dynamic_port != 0
                    && match argument.trim().to_ascii_lowercase().as_str() {
                        "active" => self.is_active,
                        "passive" => !self.is_active,
                        _ => return None,
                    },
            ),
            _ => None,
        }
    }

    fn events(&self) -> &[(&'static str, Direction)] {
        &self.events
    }

    fn record_type(&self) -> Option<&'static str> {
        Some("ftp")
    }

    fn log(&self, _: LogFor<'_>, out: &mut Writer) {
        out.object("ftp");
        if let Some(command) = &self.command {
            out.str("command", command.name);
            if !self.argument().is_empty() {
                out.bytes("command_data", self.argument());
                out.bool("command_truncated", self.is_request_cut);
            }
        }
        self.log_replies(out);
        if self.dynamic_port != 0 {
            out.uint("dynamic_port", u64::from(self.dynamic_port));
        }
        if matches!(
            self.command.map(|command| command.kind),
            Some(Kind::Port | Kind::Eprt)
        ) {
            out.str("mode", if self.is_active { "active" } else { "passive" });
        }
        out.str("reply_received", if self.is_done { "yes" } else { "no" });
        out.bool("reply_truncated", self.is_reply_cut);
        out.end();
    }
}

impl Exchange {
    fn log_replies(&self, out: &mut Writer) {
        if self.code(0).is_some() {
            out.array("completion_code");
            for code in self.replies.iter().filter_map(|reply| reply.code.as_ref()) {
                out.item_bytes(code);
            }
            out.end_array();
        }
        if self.replies.iter().any(|reply| !reply.text.is_empty()) {
            out.array("reply");
            for reply in self.replies.iter().filter(|reply| !reply.text.is_empty()) {
                // Replies that are no UTF-8 are written with replacement characters.
                out.item_str(&String::from_utf8_lossy(&reply.text));
            }
            out.end_array();
        }
    }
}
