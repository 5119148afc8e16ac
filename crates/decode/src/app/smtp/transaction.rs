//! A mail with its envelope, or what a session said without one.

use super::config::SmtpConfig;
use super::log;
use super::mime::{Mime, Sink};
use crate::app::line::Line;
use crate::app::{Field, LogFor, Transaction};
use crate::file::{FileConfig, FileSet, FileState};
use event::json::Writer;
use event::{Buffer, Direction, Number};
use std::borrow::Cow;
use std::sync::Arc;

/// Most recipients kept of a mail; RFC 5321 section 4.5.3.1.8 asks servers for 100.
const MAX_RECIPIENTS: usize = 4096;

/// Most events kept of a mail: each kind once in each direction stays below.
const MAX_EVENTS: usize = 64;

/// A transaction.
#[derive(Debug)]
pub(super) struct Mail {
    id: u64,
    config: Arc<SmtpConfig>,
    pub(super) is_done: bool,
    pub(super) is_ended: [bool; 2],
    pub(super) helo: Option<Arc<[u8]>>,
    pub(super) mail_from: Option<Vec<u8>>,
    pub(super) rcpt_to: Vec<Vec<u8>>,
    pub(super) last_code: Option<u16>,
    pub(super) mime: Option<Box<Mime>>,
    files: FileSet,
    events: Vec<(&'static str, Direction)>,
    body_md5: Option<[u8; 32]>,
}

impl Mail {
    pub(super) fn new(id: u64, config: &Arc<SmtpConfig>, helo: Option<Arc<[u8]>>) -> Self {
        Mail {
            id,
            config: Arc::clone(config),
            is_done: false,
            is_ended: [false; 2],
            helo,
            mail_from: None,
            rcpt_to: Vec::new(),
            last_code: None,
            mime: None,
            files: FileSet::default(),
            events: Vec::new(),
            body_md5: None,
        }
    }

    pub(super) fn event(&mut self, name: &'static str, direction: Direction) {
        note(&mut self.events, name, direction);
    }

    pub(super) fn add_recipient(&mut self, recipient: &[u8]) {
        if self.rcpt_to.len() < MAX_RECIPIENTS {
            self.rcpt_to.push(recipient.to_vec());
        }
    }

    /// The mail begins.
    pub(super) fn open_message(&mut self, files: &FileConfig) {
        if self.config.decode_mime {
            self.mime = Some(Box::new(Mime::new(&self.config.mime)));
        } else if self.config.raw_extraction {
            self.files.open(b"rawmsg", Direction::ToServer, files);
        }
    }

    /// A line of the mail; `stuffed` is the transport's dot before it.
    pub(super) fn on_line(&mut self, line: &Line<'_>, stuffed: &[u8], files: &FileConfig) {
        if let Some(mime) = &mut self.mime {
            let events = &mut self.events;
            let mut event = |name| note(events, name, Direction::ToServer);
            let mut sink = Sink {
                config: &self.config.mime,
                file_config: files,
                files: &mut self.files,
                event: &mut event,
            };
            mime.on_line(line, stuffed, &mut sink);
        } else if let Some(file) = self.files.current() {
            file.append(line.whole);
        }
    }

    /// The mail ended with its dot.
    pub(super) fn close_message(&mut self, files: &FileConfig) {
        if let Some(mime) = &mut self.mime {
            let events = &mut self.events;
            let mut event = |name| note(events, name, Direction::ToServer);
            let mut sink = Sink {
                config: &self.config.mime,
                file_config: files,
                files: &mut self.files,
                event: &mut event,
            };
            mime.finish(&mut sink);
            self.body_md5 = mime.body_md5().map(log::hex);
        }
        self.files.close_all(FileState::Closed);
    }

    /// Nothing more will come of it.
    pub(super) fn finish(&mut self) {
        self.is_done = true;
        self.files.close_all(FileState::Truncated);
    }

    pub(super) fn end(&mut self, direction: Direction) {
        self.is_ended[usize::from(direction)] = true;
        if direction == Direction::ToServer {
            self.files.close_all(FileState::Truncated);
        }
    }

    fn is_over(&self, direction: Direction) -> bool {
        self.is_done || self.is_ended[usize::from(direction)]
    }

    fn envelope(&self, buffer: Buffer, index: usize) -> Option<&[u8]> {
        match (buffer, index) {
            (Buffer::SmtpHelo, 0) => self.helo.as_deref(),
            (Buffer::SmtpMailFrom, 0) => self.mail_from.as_deref(),
            (Buffer::SmtpRcptTo, index) => self.rcpt_to.get(index).map(Vec::as_slice),
            _ => None,
        }
    }

    fn email(&self, buffer: Buffer, index: usize) -> Option<&[u8]> {
        let mime = self.mime.as_deref()?;
        let name: &[u8] = match buffer {
            Buffer::EmailReceived => {
                let mut received = mime
                    .headers()
                    .iter()
                    .filter(|header| header.is(b"received"));
                return received.nth(index).map(|header| header.value.as_slice());
            }
            Buffer::EmailUrl => return mime.urls().get(index).map(Vec::as_slice),
            _ if index > 0 => return None,
            Buffer::EmailBodyMd5 => return self.body_md5.as_ref().map(<[u8; 32]>::as_slice),
            Buffer::EmailFrom => b"from",
            Buffer::EmailSubject => b"subject",
            Buffer::EmailTo => b"to",
            Buffer::EmailCc => b"cc",
            Buffer::EmailDate => b"date",
            Buffer::EmailMessageId => b"message-id",
            Buffer::EmailXMailer => b"x-mailer",
            // Buffers of other protocols.
            _ => return None,
        };
        mime.header(name)
    }
}

fn note(events: &mut Vec<(&'static str, Direction)>, name: &'static str, direction: Direction) {
    if events.len() < MAX_EVENTS && !events.contains(&(name, direction)) {
        events.push((name, direction));
    }
}

impl Transaction for Mail {
    fn id(&self) -> u64 {
        self.id
    }

    fn is_complete(&self, direction: Direction) -> bool {
        self.is_over(direction)
    }

    fn field(&self, buffer: Buffer, direction: Direction, index: usize) -> Field<'_> {
        if direction == Direction::ToClient {
            return Field::Absent;
        }
        let is_over = self.is_over(direction);
        if matches!(
            buffer,
            Buffer::FileData | Buffer::FileName | Buffer::FileMagic
        ) {
            return self.files.field(buffer, index, is_over);
        }
        match self
            .envelope(buffer, index)
            .or_else(|| self.email(buffer, index))
        {
            Some(value) => Field::Whole(Cow::Borrowed(value)),
            None if is_over => Field::Absent,
            None => Field::Pending,
        }
    }

    fn number(&self, number: Number, _: Direction, index: usize) -> Option<u64> {
        match (number, index) {
            (Number::SmtpReply, 0) => self.last_code.map(u64::from),
            // Numbers of other protocols.
            _ => None,
        }
    }

    fn events(&self) -> &[(&'static str, Direction)] {
        &self.events
    }

    fn files(&self, direction: Direction) -> Option<&FileSet> {
        (direction == Direction::ToServer).then_some(&self.files)
    }

    fn files_mut(&mut self, direction: Direction) -> Option<&mut FileSet> {
        (direction == Direction::ToServer).then_some(&mut self.files)
    }

    fn record_type(&self) -> Option<&'static str> {
        Some("smtp")
    }

    fn log(&self, purpose: LogFor<'_>, out: &mut Writer) {
        log::envelope(self, out);
        if let Some(mime) = &self.mime {
            let body_md5 = self.body_md5.as_ref();
            log::email(mime, body_md5, purpose, out);
        }
    }
}
