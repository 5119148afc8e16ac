//! A session: commands and replies matched to each other, and the mails between them.

use super::command::{Command, Kind};
use super::config::SmtpConfig;
use super::reply::Reply;
use super::transaction::Mail;
use crate::app::line::{Line, Lines};
use crate::app::table::Transactions;
use crate::app::{Config, Outcome};
use crate::file::FileConfig;
use event::{AppProtocol, Direction};
use std::collections::VecDeque;
use std::sync::Arc;

/// Longest line that is read as a command or a reply, eight times what RFC 5321 section 4.5.3.1
/// allows; of longer ones the start counts. Lines of mails are taken in parts of this size.
const MAX_LINE: usize = 4096;

/// Most commands that wait for their replies; no client pipelines as many.
const MAX_PIPELINED: usize = 65_535;

/// What the client's next bytes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    /// Commands.
    #[default]
    Commands,
    /// A mail up to its dot.
    Mail,
    /// So many bytes of a chunk.
    Chunk(u64),
    /// TLS: not ours any more.
    Tls,
}

/// The state of one flow.
#[derive(Debug)]
pub(super) struct Session {
    config: Arc<SmtpConfig>,
    files: FileConfig,
    mails: Transactions<Mail>,
    /// The mail under way; None where none is, or where the last one was dropped.
    current: Option<u64>,
    helo: Option<Arc<[u8]>>,
    lines: [Lines; 2],
    mode: Mode,
    /// Commands without a reply, oldest first.
    waiting: VecDeque<Kind>,
    is_greeted: bool,
    /// Whether lines of the present reply are still to come.
    is_reply_open: bool,
    server_pipelines: bool,
    /// Whether the last chunk ended within a line: then nothing but a command may follow.
    is_chunk_cut: bool,
    ended: [bool; 2],
}

/// Why nothing more can be understood.
struct Broken;

impl Session {
    pub(super) fn new(config: &Config) -> Self {
        Session {
            config: Arc::clone(&config.smtp),
            files: config.files,
            mails: Transactions::default(),
            current: None,
            helo: None,
            lines: Default::default(),
            mode: Mode::Commands,
            waiting: VecDeque::new(),
            is_greeted: false,
            is_reply_open: false,
            server_pipelines: false,
            is_chunk_cut: false,
            ended: [false; 2],
        }
    }

    pub(super) fn mails(&self) -> &Transactions<Mail> {
        &self.mails
    }

    pub(super) fn mails_mut(&mut self) -> &mut Transactions<Mail> {
        &mut self.mails
    }

    pub(super) fn drop_mail(&mut self, id: u64) {
        self.mails.drop(id);
        if self.current == Some(id) {
            self.current = None;
        }
    }

    pub(super) fn fail(&mut self) -> Outcome {
        self.mails.iter_mut().for_each(Mail::finish);
        Outcome::Failed
    }

    pub(super) fn end(&mut self, direction: Direction) {
        self.ended[usize::from(direction)] = true;
        self.mails.iter_mut().for_each(|mail| mail.end(direction));
    }

    /// Takes bytes of the client.
    pub(super) fn on_request(&mut self, mut data: &[u8]) -> Outcome {
        let mut lines = std::mem::take(&mut self.lines[usize::from(Direction::ToServer)]);
        let mut outcome = Outcome::Taken;
        while !data.is_empty() {
            if let Mode::Chunk(left) = self.mode {
                data = self.on_chunk(left, data);
                continue;
            }
            if self.mode == Mode::Tls {
                break;
            }
            let Some(line) = lines.next(&mut data, MAX_LINE) else {
                break;
            };
            if self.on_request_line(&line).is_err() {
                outcome = self.fail();
                break;
            }
        }
        self.lines[usize::from(Direction::ToServer)] = lines;
        outcome
    }

    /// Takes bytes of the server.
    pub(super) fn on_reply(&mut self, data: &[u8]) -> Outcome {
        let mut lines = std::mem::take(&mut self.lines[usize::from(Direction::ToClient)]);
        let mut rest = data;
        let mut outcome = Outcome::Taken;
        while let Some(line) = lines.next(&mut rest, MAX_LINE) {
            if self.on_reply_line(&line).is_err() {
                outcome = self.fail();
                break;
            }
            if self.mode == Mode::Tls {
                let consumed = data.len() - rest.len();
                outcome = Outcome::Upgrade {
                    consumed,
                    to: Some(AppProtocol::Tls),
                };
                break;
            }
        }
        self.lines[usize::from(Direction::ToClient)] = lines;
        outcome
    }

    fn current(&mut self) -> Option<&mut Mail> {
        self.mails.get_mut(self.current?)
    }

    fn event(&mut self, name: &'static str, direction: Direction) {
        if let Some(mail) = self.current() {
            mail.event(name, direction);
        }
    }

    fn complete(&mut self) {
        if let Some(mail) = self.current() {
            mail.finish();
        }
    }

    fn open_mail(&mut self) -> &mut Mail {
        if self.mails.len() >= self.config.max_tx {
            // The oldest have waited too long for their end; what they have is recorded.
            self.mails.iter_mut().for_each(Mail::finish);
        }
        let (config, helo, ended) = (&self.config, self.helo.clone(), self.ended);
        let mail = self.mails.open(|id| Mail::new(id, config, helo));
        mail.is_ended = ended;
        self.current = Some(crate::app::Transaction::id(mail));
        mail
    }

    fn on_request_line(&mut self, line: &Line<'_>) -> Result<(), Broken> {
        if self.mode == Mode::Mail {
            self.ensure_mail(false)?;
            self.on_mail_line(line);
            return Ok(());
        }
        if !line.is_start {
            // The tail of a long command.
            return Ok(());
        }
        let command = Command::read(line.text());
        self.ensure_mail(matches!(command, Command::Rset | Command::Quit))?;
        if !line.is_end {
            self.event("truncated_line", Direction::ToServer);
        }
        self.on_command(&command)
    }

    /// Opens a mail where none is under way. What resets or ends a session (`is_trailing`) belongs
    /// to the mail before it, as long as that is held.
    fn ensure_mail(&mut self, is_trailing: bool) -> Result<(), Broken> {
        if self
            .current()
            .is_none_or(|mail| mail.is_done && !is_trailing)
        {
            if self.mails.len() >= self.config.max_tx.saturating_mul(4) {
                return Err(Broken);
            }
            self.open_mail();
        }
        if !self.is_greeted {
            self.event("no_server_welcome_message", Direction::ToServer);
        }
        Ok(())
    }

    fn on_command(&mut self, command: &Command<'_>) -> Result<(), Broken> {
        if std::mem::take(&mut self.is_chunk_cut) && *command == Command::Other {
            self.event("bdat_chunk_len_exceeded", Direction::ToServer);
        }
        match command {
            Command::Data => self.on_data_command(),
            Command::Bdat { len, .. } => {
                if *len > 0 {
                    self.mode = Mode::Chunk(*len);
                }
            }
            Command::BrokenBdat => self.event("invalid_bdat", Direction::ToServer),
            Command::Helo(_) if self.helo.is_some() => {
                self.event("duplicate_fields", Direction::ToServer);
            }
            Command::Helo(name) => {
                self.helo = Some(Arc::from(*name));
                let helo = self.helo.clone();
                // Mails that are still held are recorded with it, too.
                self.mails
                    .iter_mut()
                    .for_each(|mail| mail.helo.clone_from(&helo));
            }
            Command::MailFrom(sender) => {
                if let Some(mail) = self.current() {
                    match mail.mail_from {
                        Some(_) => mail.event("duplicate_fields", Direction::ToServer),
                        None => mail.mail_from = Some(sender.to_vec()),
                    }
                }
            }
            Command::RcptTo(recipient) => {
                if let Some(mail) = self.current() {
                    mail.add_recipient(recipient);
                }
            }
            Command::StartTls | Command::Rset | Command::Quit | Command::Other => {}
        }
        self.push_waiting(command.kind())
    }

    /// Remembers a command until its reply.
    fn push_waiting(&mut self, kind: Kind) -> Result<(), Broken> {
        if matches!(self.waiting.back(), Some(Kind::StartTls | Kind::Data)) {
            // RFC 2920 section 3.1: nothing may be sent behind these before their reply.
            self.event("invalid_pipelined_sequence", Direction::ToServer);
        }
        if self.waiting.len() >= MAX_PIPELINED {
            return Err(Broken);
        }
        self.waiting.push_back(kind);
        Ok(())
    }

    fn on_data_command(&mut self) {
        let files = self.files;
        if self.current().is_some_and(|mail| mail.mime.is_some()) {
            // A mail was under way already and its end was never seen.
            self.event("unparsable_content", Direction::ToServer);
            self.complete();
            self.open_mail();
        }
        if let Some(mail) = self.current() {
            mail.open_message(&files);
        }
        if self.server_pipelines {
            self.mode = Mode::Mail;
        }
    }

    fn on_mail_line(&mut self, line: &Line<'_>) {
        let files = self.files;
        let is_dot = line.is_start && line.is_end && line.text() == b".";
        if is_dot {
            self.mode = Mode::Commands;
            // The queue is bounded elsewhere, and a dot that finds it full has no reply to wait for.
            let _ = self.push_waiting(Kind::Mail);
            if let Some(mail) = self.current() {
                mail.close_message(&files);
                mail.finish();
            }
            return;
        }
        // RFC 5321 section 4.5.2: a dot that begins a line of the mail was doubled.
        let is_stuffed = line.is_start && line.whole.starts_with(b"..");
        let (stuffed, whole) = line
            .whole
            .split_at_checked(usize::from(is_stuffed))
            .unwrap_or_default();
        if let Some(mail) = self.current() {
            mail.on_line(&Line { whole, ..*line }, stuffed, &files);
        }
    }

    /// Skips what belongs to a chunk (RFC 3030).
    fn on_chunk<'a>(&mut self, left: u64, data: &'a [u8]) -> &'a [u8] {
        let take = usize::try_from(left).unwrap_or(usize::MAX).min(data.len());
        let (chunk, rest) = data.split_at_checked(take).unwrap_or((data, &[]));
        let left = left - chunk.len() as u64;
        self.mode = if left == 0 {
            Mode::Commands
        } else {
            Mode::Chunk(left)
        };
        self.is_chunk_cut = left == 0 && chunk.last().is_some_and(|b| *b != b'\n');
        rest
    }

    fn on_reply_line(&mut self, line: &Line<'_>) -> Result<(), Broken> {
        if !line.is_start || line.whole == b"\n" {
            return Ok(());
        }
        if !line.is_end {
            self.event("truncated_line", Direction::ToClient);
        }
        let Some(reply) = Reply::read(line.text()) else {
            self.event("invalid_reply", Direction::ToClient);
            return Err(Broken);
        };
        self.is_reply_open = reply.is_continued;
        if let Some(mail) = self.current() {
            mail.last_code = Some(reply.code);
        }
        let Some(kind) = self.waiting.front().copied() else {
            if !self.is_greeted {
                self.is_greeted = !self.is_reply_open;
                if reply.code != 220 {
                    self.event("invalid_reply", Direction::ToClient);
                }
            }
            return Ok(());
        };
        self.on_answer(kind, &reply);
        if !self.is_reply_open {
            self.waiting.pop_front();
        } else if self.is_greeted
            && reply.code == 250
            && reply.text.eq_ignore_ascii_case(b"pipelining")
        {
            self.server_pipelines = true;
        }
        Ok(())
    }

    fn on_answer(&mut self, kind: Kind, reply: &Reply<'_>) {
        match (kind, reply.code) {
            (Kind::StartTls, 220) => {
                self.mode = Mode::Tls;
                self.complete();
            }
            (Kind::StartTls, _) => self.event("tls_rejected", Direction::ToClient),
            (Kind::Data, 354) => self.mode = Mode::Mail,
            (Kind::Data, _) => {
                self.event("data_command_rejected", Direction::ToClient);
                if self.server_pipelines && self.mode == Mode::Mail {
                    // The mail was expected before the server had agreed.
                    self.mode = Mode::Commands;
                }
            }
            (Kind::Rset | Kind::Bdat { is_last: true }, 250) if !self.is_reply_open => {
                self.complete();
            }
            (Kind::Rset | Kind::Bdat { .. } | Kind::Mail | Kind::Other, _) => {}
        }
    }
}
