//! One DNS message: header, questions and the three sections of records.

use super::kinds::RecordType;
use super::name::{Name, NameFlags, Names};

/// Length of the header, RFC 1035 section 4.1.1.
pub(super) const HEADER_LEN: usize = 12;

/// The header of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Id that the answer repeats.
    pub id: u16,
    /// All flags, the operation and the response code.
    pub flags: u16,
    /// Numbers of questions, answers, authorities and additional records.
    pub counts: [u16; 4],
}

impl Header {
    /// The first bytes of a message.
    #[must_use]
    pub fn read(message: &[u8]) -> Option<Self> {
        let word = |at: usize| {
            message
                .get(at..)?
                .first_chunk()
                .map(|b| u16::from_be_bytes(*b))
        };
        Some(Header {
            id: word(0)?,
            flags: word(2)?,
            counts: [word(4)?, word(6)?, word(8)?, word(10)?],
        })
    }

    /// Whether it is an answer.
    #[must_use]
    pub fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// The operation.
    #[must_use]
    pub fn opcode(&self) -> u16 {
        self.flags >> 11 & 0xf
    }

    /// The response code.
    #[must_use]
    pub fn rcode(&self) -> u16 {
        self.flags & 0xf
    }

    /// Whether a message of `len` bytes can have this header.
    #[must_use]
    pub fn is_plausible(&self, len: usize) -> bool {
        let records: usize = self.counts.iter().map(|count| usize::from(*count)).sum();
        // The shortest record is a pointer of two bytes. A message without any is a header only:
        // what servers answer to what they could not read.
        records * 2 <= len
            && (records > 0 || len <= HEADER_LEN)
            && (self.is_response() || self.counts[0] > 0)
    }
}

/// A question.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// The name asked for.
    pub name: Name,
    /// Type of record asked for.
    pub rrtype: u16,
}

/// A place in [`Message::bytes`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    len: u16,
}

impl Span {
    fn new(start: usize, end: usize) -> Option<Self> {
        Some(Span {
            start: u32::try_from(start).ok()?,
            len: u16::try_from(end.checked_sub(start)?).ok()?,
        })
    }

    /// Its bytes.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        let start = self.start as usize;
        bytes
            .get(start..start + usize::from(self.len))
            .unwrap_or_default()
    }
}

/// What a record says.
#[derive(Clone, Copy, Debug)]
pub enum Rdata {
    /// A or AAAA.
    Address(Span),
    /// CNAME, NS, PTR or MX.
    Name(Name),
    /// TXT: texts, each behind a byte with its length.
    Texts(Span),
    /// NULL.
    Null(Span),
    /// SOA.
    Authority {
        /// Primary server of the zone.
        primary: Name,
        /// Mailbox of who is responsible.
        mailbox: Name,
        /// Serial, refresh, retry, expire and minimum.
        numbers: [u32; 5],
    },
    /// SRV.
    Service {
        /// Priority, weight and port.
        numbers: [u16; 3],
        /// Host.
        target: Name,
    },
    /// SSHFP.
    KeyFingerprint {
        /// Algorithm of the key.
        algorithm: u8,
        /// Algorithm of the fingerprint.
        kind: u8,
        /// The fingerprint.
        fingerprint: Span,
    },
    /// OPT: options, each behind its code and its length.
    Options(Span),
    /// Any other type, or no data.
    Other(Span),
}

/// A record of the answer, authority or additional section.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// Whose record it is.
    pub name: Name,
    /// Type.
    pub rrtype: u16,
    /// Seconds it may be kept.
    pub ttl: u32,
    /// What it says.
    pub data: Rdata,
}

/// A message, read.
#[derive(Clone, Debug)]
pub struct Message {
    /// The header.
    pub header: Header,
    /// Questions.
    pub queries: Vec<Query>,
    /// Answers.
    pub answers: Vec<Record>,
    /// Authorities; empty where they can't be read.
    pub authorities: Vec<Record>,
    /// Additional records; empty where they can't be read.
    pub additionals: Vec<Record>,
    /// Whether the authorities could not be read.
    pub has_bad_authorities: bool,
    /// Whether the additional records could not be read.
    pub has_bad_additionals: bool,
    /// What was odd about its names.
    pub names: NameFlags,
    /// The message and its names written out; [`Name`] and [`Span`] point here.
    pub bytes: Vec<u8>,
}

impl Message {
    /// Reads `message`. None where header, questions or answers can't be read; what is behind
    /// them may be broken.
    #[must_use]
    pub fn read(message: &[u8]) -> Option<Self> {
        let header = Header::read(message)?;
        let mut reader = Reader {
            names: Names::new(message),
            pos: HEADER_LEN,
            end: message.len(),
        };
        let [questions, answers, authorities, additionals] = header.counts;
        let queries = reader.section(questions, Reader::query)?;
        let answers = reader.section(answers, Reader::record)?;
        let authorities = reader.section(authorities, Reader::record);
        let additionals = authorities
            .is_some()
            .then(|| reader.section(additionals, Reader::record));
        Some(Message {
            header,
            queries,
            answers,
            has_bad_authorities: authorities.is_none(),
            has_bad_additionals: matches!(additionals, Some(None)),
            authorities: authorities.unwrap_or_default(),
            additionals: additionals.flatten().unwrap_or_default(),
            names: reader.names.flags,
            bytes: reader.names.bytes,
        })
    }

    /// The texts of a TXT record.
    pub fn texts(&self, span: Span) -> impl Iterator<Item = &[u8]> {
        let mut rest = span.of(&self.bytes);
        std::iter::from_fn(move || {
            let (len, tail) = rest.split_first()?;
            let (text, tail) = tail.split_at_checked(usize::from(*len))?;
            rest = tail;
            Some(text)
        })
    }

    /// The options of an OPT record: code and data.
    pub fn options(&self, span: Span) -> impl Iterator<Item = (u16, &[u8])> {
        let mut rest = span.of(&self.bytes);
        std::iter::from_fn(move || {
            let (head, tail) = rest.split_first_chunk::<4>()?;
            let len = u16::from_be_bytes([head[2], head[3]]);
            let (data, tail) = tail.split_at_checked(usize::from(len))?;
            rest = tail;
            Some((u16::from_be_bytes([head[0], head[1]]), data))
        })
    }
}

struct Reader {
    names: Names,
    pos: usize,
    end: usize,
}

impl Reader {
    /// Reads `count` items; stays where it was if one can't be read.
    fn section<T>(&mut self, count: u16, read: fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        // The smallest item has five bytes, so a count that lies allocates nothing.
        let possible = (self.end - self.pos.min(self.end)) / 5 + 1;
        let mut items = Vec::with_capacity(usize::from(count).min(possible));
        for _ in 0..count {
            items.push(read(self)?);
        }
        Some(items)
    }

    fn query(&mut self) -> Option<Query> {
        let name = self.name(self.end)?;
        let rrtype = self.word()?;
        self.word()?;
        Some(Query { name, rrtype })
    }

    fn record(&mut self) -> Option<Record> {
        let name = self.name(self.end)?;
        let rrtype = self.word()?;
        self.word()?;
        let ttl = self.long()?;
        let len = usize::from(self.word()?);
        let end = self.pos.checked_add(len).filter(|end| *end <= self.end)?;
        let data = self.rdata(rrtype, end)?;
        self.pos = end;
        Some(Record {
            name,
            rrtype,
            ttl,
            data,
        })
    }

    fn rdata(&mut self, rrtype: u16, end: usize) -> Option<Rdata> {
        let all = Span::new(self.pos, end)?;
        if self.pos == end && rrtype != RecordType::OPT {
            return Some(Rdata::Other(all));
        }
        // Fields of the data must not reach beyond it.
        let outer = std::mem::replace(&mut self.end, end);
        let data = self.typed(rrtype, all);
        self.end = outer;
        data
    }

    fn typed(&mut self, rrtype: u16, all: Span) -> Option<Rdata> {
        Some(match rrtype {
            RecordType::A | RecordType::AAAA => Rdata::Address(all),
            RecordType::CNAME | RecordType::PTR | RecordType::NS => {
                Rdata::Name(self.name(self.end)?)
            }
            RecordType::MX => {
                self.word()?;
                Rdata::Name(self.name(self.end)?)
            }
            RecordType::SOA => Rdata::Authority {
                primary: self.name(self.end)?,
                mailbox: self.name(self.end)?,
                numbers: [
                    self.long()?,
                    self.long()?,
                    self.long()?,
                    self.long()?,
                    self.long()?,
                ],
            },
            RecordType::SRV => Rdata::Service {
                numbers: [self.word()?, self.word()?, self.word()?],
                target: self.name(self.end)?,
            },
            RecordType::SSHFP => {
                let [algorithm, kind] = self.word()?.to_be_bytes();
                Rdata::KeyFingerprint {
                    algorithm,
                    kind,
                    fingerprint: Span::new(self.pos, self.end)?,
                }
            }
            RecordType::TXT => {
                while self.pos < self.end {
                    let len = usize::from(*self.names.bytes.get(self.pos)?);
                    self.pos += 1 + len;
                }
                (self.pos == self.end).then_some(Rdata::Texts(all))?
            }
            RecordType::OPT => {
                while self.pos < self.end {
                    self.word()?;
                    let len = usize::from(self.word()?);
                    self.pos += len;
                }
                (self.pos == self.end).then_some(Rdata::Options(all))?
            }
            RecordType::NULL => Rdata::Null(all),
            _ => Rdata::Other(all),
        })
    }

    fn name(&mut self, end: usize) -> Option<Name> {
        let (name, next) = self.names.read(self.pos, end)?;
        self.pos = next;
        Some(name)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let bytes = *self
            .names
            .bytes
            .get(self.pos..self.end)?
            .first_chunk::<N>()?;
        self.pos += N;
        Some(bytes)
    }

    fn word(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    fn long(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }
}
