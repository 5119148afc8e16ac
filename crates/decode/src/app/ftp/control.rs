//! The control channel.

use super::FtpConfig;
use super::address;
use super::command::{Command, Kind};
use super::reply::Reply;
use super::transaction::Exchange;
use crate::app::line::{Line, Lines};
use crate::app::table::Transactions;
use crate::app::{Context, Expectation, Outcome, Parser, Transaction};
use event::{AppProtocol, Direction};

/// Longest name of a file that is kept.
const MAX_NAME: usize = 4095;

/// Most announcements of data channels that wait to be taken.
const MAX_EXPECTATIONS: usize = 64;

/// The state of one flow.
#[derive(Debug)]
pub(super) struct Control {
    config: FtpConfig,
    exchanges: Transactions<Exchange>,
    lines: [Lines; 2],
    /// The last command; replies are read in its light. None where it is not followed.
    last: Option<Command>,
    /// What stood behind the last PORT or EPRT.
    announced: Vec<u8>,
    /// The data channel that was agreed upon and is not used yet; 0 for none.
    dynamic_port: u16,
    /// Whether the server will open it.
    is_active: bool,
    expectations: Vec<Expectation>,
    ended: [bool; 2],
}

/// Why nothing more can be understood.
struct Broken;

impl Control {
    pub(super) fn new(config: FtpConfig) -> Self {
        Control {
            config,
            exchanges: Transactions::default(),
            lines: Default::default(),
            last: None,
            announced: Vec::new(),
            dynamic_port: 0,
            is_active: false,
            expectations: Vec::new(),
            ended: [false; 2],
        }
    }

    fn fail(&mut self) -> Outcome {
        for exchange in self.exchanges.iter_mut() {
            exchange.is_ended = [true; 2];
        }
        Outcome::Failed
    }

    fn open(&mut self) -> Result<u64, Broken> {
        if self.exchanges.len() >= self.config.max_tx {
            if let Some(last) = self.exchanges.last_mut() {
                last.event("too_many_transactions", Direction::ToServer);
            }
            return Err(Broken);
        }
        let ended = self.ended;
        let exchange = self.exchanges.open(Exchange::new);
        exchange.is_ended = ended;
        Ok(exchange.id)
    }

    fn on_request_line(&mut self, line: &Line<'_>) -> Result<(), Broken> {
        if !line.is_start {
            return Ok(());
        }
        let text = line.text();
        self.last = Command::find(text);
        let Some(command) = self.last else {
            return Ok(());
        };
        let id = self.open()?;
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.set_request(command, text, !line.is_end);
            if command.kind == Kind::Port {
                exchange.endpoint = command.argument(text).and_then(address::port);
            }
        }
        match command.kind {
            Kind::Port | Kind::Eprt => {
                self.announced.clear();
                self.announced
                    .extend_from_slice(command.argument(text).unwrap_or_default());
            }
            Kind::Retr | Kind::Stor => self.expect(id, command, text),
            Kind::AuthTls | Kind::Pasv | Kind::Epsv | Kind::Other => {}
        }
        Ok(())
    }

    /// A file is asked for: tells of the flow that will carry it.
    fn expect(&mut self, id: u64, command: Command, text: &[u8]) {
        let name = command.argument(text).unwrap_or_default();
        let oddity = if self.dynamic_port == 0 {
            Some("file_before_port")
        } else if name.is_empty() {
            Some("file_without_name")
        } else {
            None
        };
        if let Some(oddity) = oddity {
            if let Some(exchange) = self.exchanges.get_mut(id) {
                exchange.event(oddity, Direction::ToServer);
            }
            return;
        }
        let name = name.get(..MAX_NAME).unwrap_or(name);
        if self.expectations.len() < MAX_EXPECTATIONS {
            self.expectations.push(Expectation {
                protocol: AppProtocol::FtpData,
                port: self.dynamic_port,
                listener: if self.is_active {
                    Direction::ToClient
                } else {
                    Direction::ToServer
                },
                hint: [command.name.as_bytes(), b" ", name].concat(),
                parent_tx: id,
            });
        }
        self.dynamic_port = 0;
        self.is_active = false;
    }

    /// The exchange that a reply belongs to: the oldest without an end, else the last one held.
    fn answered(&mut self) -> Result<u64, Broken> {
        let mut newest = None;
        for exchange in self.exchanges.iter() {
            if !exchange.is_done {
                return Ok(exchange.id);
            }
            newest = Some(exchange.id);
        }
        newest.map_or_else(|| self.open(), Ok)
    }

    /// Takes a line of a reply; true where TLS follows it.
    fn on_reply_line(&mut self, line: &Line<'_>) -> Result<bool, Broken> {
        if !line.is_start {
            return Ok(false);
        }
        let text = line.text();
        let id = self.answered()?;
        let channel = self.channel(text);
        let kind = self.last.map(|command| command.kind);
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return Ok(false);
        };
        if self.last.is_none() {
            exchange.command = None;
        }
        match (kind, channel) {
            // What PORT named makes no sense: the reply to it is not kept.
            (Some(Kind::Port | Kind::Eprt), None) => exchange.is_done = true,
            (_, channel) => {
                if let Some((port, is_active)) = channel {
                    (exchange.dynamic_port, exchange.is_active) = (port, is_active);
                    (self.dynamic_port, self.is_active) = (port, is_active);
                }
                exchange.add_reply(text, !line.is_end);
                exchange.is_done |= !Reply::is_preliminary(text);
            }
        }
        Ok(kind == Some(Kind::AuthTls) && text.starts_with(b"234 "))
    }

    /// The data channel that a reply to the last command settles: its port, and whether the server
    /// opens it.
    fn channel(&self, reply: &[u8]) -> Option<(u16, bool)> {
        match self.last?.kind {
            Kind::Port => Some((address::port(&self.announced)?.port, true)),
            Kind::Eprt => Some((address::eprt(&self.announced)?, true)),
            Kind::Pasv if reply.starts_with(b"227 ") => Some((address::pasv(reply)?.port, false)),
            Kind::Epsv if reply.starts_with(b"229 ") => Some((address::epsv(reply)?, false)),
            Kind::Pasv | Kind::Epsv | Kind::AuthTls | Kind::Retr | Kind::Stor | Kind::Other => None,
        }
        .filter(|(port, _)| *port != 0)
    }

    fn on_request(&mut self, mut data: &[u8]) -> Outcome {
        let mut lines = std::mem::take(&mut self.lines[usize::from(Direction::ToServer)]);
        let mut outcome = Outcome::Taken;
        while let Some(line) = lines.next(&mut data, self.config.max_line_length) {
            if self.on_request_line(&line).is_err() {
                outcome = self.fail();
                break;
            }
        }
        self.lines[usize::from(Direction::ToServer)] = lines;
        outcome
    }

    fn on_reply(&mut self, data: &[u8]) -> Outcome {
        let mut lines = std::mem::take(&mut self.lines[usize::from(Direction::ToClient)]);
        let mut rest = data;
        let mut outcome = Outcome::Taken;
        while let Some(line) = lines.next(&mut rest, self.config.max_line_length) {
            match self.on_reply_line(&line) {
                Ok(false) => {}
                Ok(true) => {
                    let consumed = data.len() - rest.len();
                    outcome = Outcome::Upgrade {
                        consumed,
                        to: Some(AppProtocol::Tls),
                    };
                    break;
                }
                Err(Broken) => {
                    outcome = self.fail();
                    break;
                }
            }
        }
        self.lines[usize::from(Direction::ToClient)] = lines;
        outcome
    }
}

impl Parser for Control {
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
        self.ended[usize::from(direction)] = true;
        for exchange in self.exchanges.iter_mut() {
            exchange.is_ended[usize::from(direction)] = true;
        }
    }

    fn tx_range(&self) -> std::ops::Range<u64> {
        self.exchanges.range()
    }

    fn tx(&self, id: u64) -> Option<&dyn Transaction> {
        self.exchanges
            .get(id)
            .map(|exchange| exchange as &dyn Transaction)
    }

    fn tx_mut(&mut self, id: u64) -> Option<&mut dyn Transaction> {
        self.exchanges
            .get_mut(id)
            .map(|exchange| exchange as &mut dyn Transaction)
    }

    fn drop_tx(&mut self, id: u64) {
        self.exchanges.drop(id);
    }

    fn take_expectations(&mut self) -> Vec<Expectation> {
        std::mem::take(&mut self.expectations)
    }
}
