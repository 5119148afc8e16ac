//! The record layer: cuts the stream of one direction into records, and handshake records into
//! messages (RFC 8446 section 5, RFC 5246 section 6.2; SSL 2's own framing).

use super::hello::Cursor;
use super::session::{Broken, Session};
use super::version::Version;
use event::Direction;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const HEARTBEAT: u8 = 24;

const HEADER_LEN: usize = 5;

/// Longest record: 2^14 bytes, and 1,024 that compression may add (RFC 5246 section 6.2.2).
const MAX_RECORD: usize = (1 << 14) + 1024;

/// Longest handshake message that is put together. OpenSSL takes chains of 100 KiB; the protocol
/// allows 16 MiB, which no flow may cost.
const MAX_MESSAGE: usize = 256 << 10;

/// What is kept of one direction.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The start of a record.
    partial: Vec<u8>,
    /// Bytes of a record still to come that are not looked at.
    skip: usize,
    /// The start of a handshake message that goes on in the next record.
    message: Option<Fragment>,
}

#[derive(Debug)]
struct Fragment {
    kind: u8,
    missing: usize,
    /// None where the message is too long to be kept.
    body: Option<Vec<u8>>,
}

/// What stands at the start of some bytes.
enum Next {
    /// The header needs this many bytes.
    Header(usize),
    /// A record of this many bytes, header included.
    Record(usize),
    /// A record of this many bytes that is not looked at.
    Skip(usize),
}

impl Stream {
    /// Whether no record is begun.
    pub(super) fn is_between_records(&self) -> bool {
        self.partial.is_empty() && self.skip == 0
    }

    /// Takes the next bytes.
    pub(super) fn feed(
        &mut self,
        session: &mut Session,
        direction: Direction,
        mut data: &[u8],
    ) -> Result<(), Broken> {
        while !data.is_empty() {
            let skipped = self.skip.min(data.len());
            self.skip -= skipped;
            data = data.get(skipped..).unwrap_or_default();
            if data.is_empty() {
                break;
            }
            if self.partial.is_empty() {
                data = self.at_record(session, direction, data)?;
            } else {
                data = self.within_record(session, direction, data)?;
            }
        }
        Ok(())
    }

    /// Takes a record that starts with `data`; gives what follows.
    fn at_record<'a>(
        &mut self,
        session: &mut Session,
        direction: Direction,
        data: &'a [u8],
    ) -> Result<&'a [u8], Broken> {
        match next(session, direction, data)? {
            Next::Record(len) if len <= data.len() => {
                let (record, rest) = data.split_at(len);
                self.record(session, direction, record)?;
                Ok(rest)
            }
            Next::Header(_) | Next::Record(_) => {
                self.partial.extend_from_slice(data);
                Ok(&[])
            }
            Next::Skip(len) => {
                self.skip = len;
                Ok(data)
            }
        }
    }

    /// Adds to a record that was begun, no more than it needs.
    fn within_record<'a>(
        &mut self,
        session: &mut Session,
        direction: Direction,
        data: &'a [u8],
    ) -> Result<&'a [u8], Broken> {
        let wanted = match next(session, direction, &self.partial)? {
            Next::Header(len) | Next::Record(len) => len,
            // Such a record is noticed by its header, which is then not kept.
            Next::Skip(_) => self.partial.len(),
        };
        let missing = wanted.saturating_sub(self.partial.len()).min(data.len());
        let (head, rest) = data.split_at(missing);
        self.partial.extend_from_slice(head);
        match next(session, direction, &self.partial)? {
            Next::Header(_) => {}
            Next::Record(len) if len > self.partial.len() => {}
            Next::Record(_) => {
                let record = std::mem::take(&mut self.partial);
                self.record(session, direction, &record)?;
            }
            Next::Skip(len) => {
                self.skip = len.saturating_sub(self.partial.len());
                self.partial.clear();
            }
        }
        Ok(rest)
    }

    fn record(
        &mut self,
        session: &mut Session,
        direction: Direction,
        record: &[u8],
    ) -> Result<(), Broken> {
        if let Some(header) = Ssl2Header::read(record) {
            let (kind, body) = match record.get(header.len..) {
                Some([kind, body @ ..]) => (*kind, body),
                _ => return session.fail("invalid_sslv2_header", direction),
            };
            return session.ssl2_message(direction, kind, body);
        }
        let Some((&[kind, ..], body)) = record.split_first_chunk::<HEADER_LEN>() else {
            return Ok(());
        };
        match kind {
            CHANGE_CIPHER_SPEC => session.change_cipher(direction),
            ALERT => session.alert(direction, body)?,
            HEARTBEAT => session.heartbeat(direction, body)?,
            HANDSHAKE if session.reads_handshake() => {
                if body.len() < 4 {
                    return session.fail("invalid_ssl_record", direction);
                }
                if self.handshake(session, direction, body).is_err() {
                    return session.fail("invalid_handshake_message", direction);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The messages, or parts of messages, of a handshake record.
    fn handshake(
        &mut self,
        session: &mut Session,
        direction: Direction,
        record: &[u8],
    ) -> Result<(), Broken> {
        let mut input = Cursor(record);
        while !input.0.is_empty() {
            if let Some(mut fragment) = self.message.take() {
                let part = input
                    .take(fragment.missing.min(input.0.len()))
                    .unwrap_or_default();
                fragment.missing -= part.len();
                if let Some(body) = &mut fragment.body {
                    body.extend_from_slice(part);
                }
                if fragment.missing > 0 {
                    self.message = Some(fragment);
                } else if let Some(body) = fragment.body {
                    session.message(direction, fragment.kind, &body)?;
                }
                continue;
            }
            let (Some(kind), Some(len)) = (input.byte(), input.triple()) else {
                return session.fail("invalid_ssl_record", direction);
            };
            if !matches!(kind, 0..=2 | 4 | 11..=16 | 20..=22) {
                let _ = input.take(len.min(input.0.len()));
                session.unknown_message(direction);
            } else if let Some(body) = input.take(len) {
                session.message(direction, kind, body)?;
            } else {
                let part = input.take(input.0.len()).unwrap_or_default();
                self.message = Some(Fragment {
                    kind,
                    missing: len - part.len(),
                    body: (len <= MAX_MESSAGE).then(|| part.to_vec()),
                });
            }
        }
        Ok(())
    }
}

/// Looks at the header of the record that `data` starts with. Saying the same again, it says it
/// for the same bytes: what it notes, it notes once.
fn next(session: &mut Session, direction: Direction, data: &[u8]) -> Result<Next, Broken> {
    if data.first().is_some_and(|first| first & 0xc0 != 0) {
        return next_ssl2(session, direction, data);
    }
    if session.side(direction).version == Version::SSL2 {
        session.side_mut(direction).version = Version::UNKNOWN;
    }
    let Some(&[kind, major, minor, high, low]) = data.first_chunk::<HEADER_LEN>() else {
        return Ok(Next::Header(HEADER_LEN));
    };
    let len = usize::from(u16::from_be_bytes([high, low]));
    if !matches!(kind, CHANGE_CIPHER_SPEC..=HEARTBEAT) {
        session.add_event("invalid_record_type", direction);
        // TLS 1.0 and 1.1 have such records, or so Wireshark found.
        return match session.side(direction).version {
            Version::TLS10 | Version::TLS11 => Ok(Next::Skip(HEADER_LEN + len)),
            _ => Err(Broken),
        };
    }
    session.record_version(direction, Version(u16::from_be_bytes([major, minor])));
    if len == 0 || len > MAX_RECORD {
        return session.fail("invalid_record_length", direction);
    }
    if !session.side(direction).version.is_valid() {
        return session.fail("invalid_record_version", direction);
    }
    if kind == APPLICATION_DATA {
        session.application_data(direction);
        return Ok(Next::Skip(HEADER_LEN + len));
    }
    Ok(Next::Record(HEADER_LEN + len))
}

fn next_ssl2(session: &mut Session, direction: Direction, data: &[u8]) -> Result<Next, Broken> {
    let Some(header) = Ssl2Header::read(data) else {
        return Ok(Next::Header(2));
    };
    if header.record_len == 0 {
        session.add_event("invalid_sslv2_header", direction);
        return session.fail("invalid_ssl_record", direction);
    }
    Ok(Next::Record(header.len + header.record_len))
}

/// The header of a record of SSL 2: two bytes, or three with padding. Both differ from those of
/// later versions in the first two bits.
struct Ssl2Header {
    len: usize,
    record_len: usize,
}

impl Ssl2Header {
    fn read(data: &[u8]) -> Option<Self> {
        let &[high, low] = data.first_chunk::<2>()?;
        let (len, mask) = match high & 0xc0 {
            0 => return None,
            0x40 => (3, 0x3f),
            _ => (2, 0x7f),
        };
        Some(Ssl2Header {
            len,
            record_len: usize::from(u16::from_be_bytes([high & mask, low])),
        })
    }
}
