//! A message as a transaction: what rules ask of it and what was odd about it.

use super::config::LogSettings;
use super::field;
use super::message::{Header, Message};
use super::{log, name::NameFlags};
use crate::app::{Field, LogFor, LogOptions, Transaction};
use event::json::Writer;
use event::{Buffer, Direction, Number};
use smallvec::SmallVec;

/// Which DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// DNS.
    Dns,
    /// Multicast DNS.
    Multicast,
}

/// Which side a message is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From the client.
    Request,
    /// From the server.
    Response,
}

/// Why a message makes no transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its header can't be one of DNS: no message at all.
    Header,
    /// An answer where a question belongs.
    NotRequest,
    /// It can't be read.
    Malformed,
}

impl Refused {
    /// The event that the latest message gets, if any.
    pub(super) fn event(self) -> Option<&'static str> {
        match self {
            Refused::Header => None,
            Refused::NotRequest => Some("not_request"),
            Refused::Malformed => Some("malformed_data"),
        }
    }
}

/// One message.
#[derive(Clone, Debug)]
pub struct DnsTransaction {
    /// Its id within the flow.
    pub id: u64,
    /// Which side it is from.
    pub kind: Kind,
    /// What it says.
    pub message: Message,
    /// Which DNS it is.
    pub variant: Variant,
    events: SmallVec<[(&'static str, Direction); 2]>,
}

impl DnsTransaction {
    /// Reads the message `bytes`, seen from `sender`'s side, as transaction `id`.
    ///
    /// # Errors
    /// Why it is no message.
    pub fn read(id: u64, variant: Variant, sender: Kind, bytes: &[u8]) -> Result<Self, Refused> {
        let header = Header::read(bytes).filter(|header| header.is_plausible(bytes.len()));
        if header.is_none() {
            return Err(Refused::Header);
        }
        let message = Message::read(bytes).ok_or(Refused::Malformed)?;
        let is_response = message.header.is_response();
        let kind = match (variant, sender) {
            (Variant::Dns, Kind::Request) if is_response => return Err(Refused::NotRequest),
            (Variant::Dns, sender) => sender,
            (Variant::Multicast, _) if is_response => Kind::Response,
            (Variant::Multicast, _) => Kind::Request,
        };
        let mut tx = DnsTransaction {
            id,
            kind,
            message,
            variant,
            events: SmallVec::new(),
        };
        tx.note_oddities();
        Ok(tx)
    }

    /// Writes the object `"dns"` or `"mdns"` with its key.
    pub fn write(&self, purpose: LogFor<'_>, out: &mut Writer) {
        let settings = match purpose {
            LogFor::Record(options) => options.dns,
            LogFor::Alert => LogSettings::ALERT,
        };
        match self.variant {
            Variant::Dns => log::write_dns(self, &settings, 0, out),
            Variant::Multicast => log::write_mdns(self, out),
        }
    }

    /// Adds an event, once.
    pub(super) fn add_event(&mut self, event: &'static str) {
        let event = (event, self.direction());
        if !self.events.contains(&event) {
            self.events.push(event);
        }
    }

    fn note_oddities(&mut self) {
        let message = &self.message;
        let NameFlags {
            loops,
            truncated,
            too_many_labels,
        } = message.names;
        let is_answer_expected = self.kind == Kind::Response && self.variant == Variant::Dns;
        let oddities = [
            (message.has_bad_additionals, "invalid_additionals"),
            (message.has_bad_authorities, "invalid_authorities"),
            (
                is_answer_expected && !message.header.is_response(),
                "not_response",
            ),
            (message.header.flags & 0x40 != 0, "z_flag_set"),
            // Seven and more are not assigned.
            (message.header.opcode() >= 7, "invalid_opcode"),
            (truncated, "name_too_long"),
            (loops, "infinite_loop"),
            (too_many_labels, "too_many_labels"),
        ];
        for (is_odd, event) in oddities {
            if is_odd {
                self.add_event(event);
            }
        }
    }

    /// The direction that it travels and is inspected in.
    fn direction(&self) -> Direction {
        match (self.variant, self.kind) {
            (Variant::Multicast, _) | (Variant::Dns, Kind::Request) => Direction::ToServer,
            (Variant::Dns, Kind::Response) => Direction::ToClient,
        }
    }

    fn is_recorded(&self, log: &LogSettings) -> bool {
        let is_wanted = match self.kind {
            Kind::Request => log.requests,
            Kind::Response => log.responses,
        };
        is_wanted
            && self
                .message
                .queries
                .iter()
                .any(|query| log.has_type(query.rrtype))
    }
}

impl Transaction for DnsTransaction {
    fn id(&self) -> u64 {
        self.id
    }

    fn is_complete(&self, _direction: Direction) -> bool {
        true
    }

    fn inspects(&self, direction: Direction) -> bool {
        direction == self.direction()
    }

    fn field(&self, buffer: Buffer, direction: Direction, index: usize) -> Field<'_> {
        if direction != self.direction() {
            return Field::Absent;
        }
        field::name(self, buffer, index).map_or(Field::Absent, |name| {
            Field::Whole(name.of(&self.message.bytes).into())
        })
    }

    fn number(&self, number: Number, direction: Direction, index: usize) -> Option<u64> {
        if direction != self.direction() || self.variant == Variant::Multicast {
            return None;
        }
        field::number(self, number, index).map(u64::from)
    }

    fn events(&self) -> &[(&'static str, Direction)] {
        &self.events
    }

    fn record_type(&self) -> Option<&'static str> {
        Some(match self.variant {
            Variant::Dns => "dns",
            Variant::Multicast => "mdns",
        })
    }

    fn record_direction(&self, options: &LogOptions) -> Option<Direction> {
        match options.dns.version {
            super::Version::V2 if self.variant == Variant::Dns => None,
            super::Version::V2 | super::Version::V3 => Some(self.direction()),
        }
    }

    fn log(&self, purpose: LogFor<'_>, out: &mut Writer) {
        self.write(purpose, out);
    }

    fn record_count(&self, options: &LogOptions) -> usize {
        match self.variant {
            Variant::Dns if !self.is_recorded(&options.dns) => 0,
            Variant::Dns => log::count(self, &options.dns),
            Variant::Multicast => 1,
        }
    }

    fn log_record(&self, index: usize, options: &LogOptions, out: &mut Writer) {
        match self.variant {
            Variant::Dns => log::write_dns(self, &options.dns, index, out),
            Variant::Multicast => log::write_mdns(self, out),
        }
    }
}
