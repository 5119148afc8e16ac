//! TCP headers and their options (RFC 9293).

use super::level::{Level, Step, be16, be32};
use super::{Counter, DecodeEvent, Tcp, TcpOptions, Transport};

/// Options by number on the wire.
mod option {
    pub(super) const EOL: u8 = 0;
    pub(super) const NOP: u8 = 1;
    pub(super) const MSS: u8 = 2;
    pub(super) const WINDOW_SCALE: u8 = 3;
    pub(super) const SACK_PERMITTED: u8 = 4;
    pub(super) const SACK: u8 = 5;
    pub(super) const TIMESTAMPS: u8 = 8;
    pub(super) const FAST_OPEN: u8 = 34;
    pub(super) const EXPERIMENT_ONE: u8 = 253;
    pub(super) const EXPERIMENT_TWO: u8 = 254;
}

/// What marks fast open in an experimental option (RFC 7413 section 4.1.1).
const FAST_OPEN_MAGIC: [u8; 2] = [0xf9, 0x89];

impl<'a> Level<'a, '_> {
    pub(super) fn tcp(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Tcp);
        let Some(head) = data.first_chunk::<20>() else {
            return self.refuse(DecodeEvent::TCP_PKT_TOO_SMALL);
        };
        let header_len = usize::from(head[12] >> 4) * 4;
        let Some((header, payload)) = data.split_at_checked(header_len) else {
            return self.refuse(DecodeEvent::TCP_HLEN_TOO_SMALL);
        };
        let Some(options) = header.get(20..) else {
            return self.refuse(DecodeEvent::TCP_INVALID_OPTLEN);
        };
        let options = if options.is_empty() {
            TcpOptions::default()
        } else {
            self.tcp_options(options)
        };
        self.packet.transport = Transport::Tcp(Tcp {
            header,
            source_port: u16::from_be_bytes([head[0], head[1]]),
            destination_port: u16::from_be_bytes([head[2], head[3]]),
            sequence: u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
            acknowledgement: u32::from_be_bytes([head[8], head[9], head[10], head[11]]),
            flags: head[13],
            reserved: head[12] & 15,
            window: u16::from_be_bytes([head[14], head[15]]),
            urgent: u16::from_be_bytes([head[18], head[19]]),
            options,
        });
        self.packet.payload = payload;
        self.packet.wants_flow = true;
        Ok(())
    }

    fn tcp_options<'o>(&mut self, mut data: &'o [u8]) -> TcpOptions<'o> {
        let mut found = TcpOptions::default();
        while let [kind, rest @ ..] = data {
            match *kind {
                option::EOL => break,
                option::NOP => {
                    data = rest;
                    continue;
                }
                _ => {}
            }
            let Some(len) = rest.first().map(|len| usize::from(*len)) else {
                break;
            };
            let Some((whole, after)) = data.split_at_checked(len).filter(|_| len >= 2) else {
                self.note(DecodeEvent::TCP_OPT_INVALID_LEN);
                break;
            };
            if let Err(wrong) = found.take(*kind, whole.get(2..).unwrap_or(&[])) {
                self.note(wrong);
            }
            found.count += 1;
            data = after;
        }
        found
    }
}

/// Stores an option once.
fn once<T>(place: &mut Option<T>, value: Option<T>) -> Result<(), DecodeEvent> {
    let value = value.ok_or(DecodeEvent::TCP_OPT_INVALID_LEN)?;
    if place.is_some() {
        return Err(DecodeEvent::TCP_OPT_DUPLICATE);
    }
    *place = Some(value);
    Ok(())
}

impl<'o> TcpOptions<'o> {
    fn take(&mut self, kind: u8, body: &'o [u8]) -> Result<(), DecodeEvent> {
        let exactly = |len: usize| (body.len() == len).then_some(body);
        match kind {
            option::MSS => once(&mut self.mss, exactly(2).and_then(|b| be16(b, 0))),
            option::WINDOW_SCALE => once(
                &mut self.window_scale,
                exactly(1).and_then(|b| b.first().copied()),
            ),
            option::TIMESTAMPS => once(
                &mut self.timestamps,
                exactly(8).and_then(|b| Some((be32(b, 0)?, be32(b, 4)?))),
            ),
            option::SACK_PERMITTED => {
                if !body.is_empty() {
                    return Err(DecodeEvent::TCP_OPT_INVALID_LEN);
                }
                if std::mem::replace(&mut self.sack_permitted, true) {
                    return Err(DecodeEvent::TCP_OPT_DUPLICATE);
                }
                Ok(())
            }
            option::SACK => {
                if body.is_empty() || !body.len().is_multiple_of(8) || body.len() > 32 {
                    return Err(DecodeEvent::TCP_OPT_INVALID_LEN);
                }
                if !self.sack.is_empty() {
                    return Err(DecodeEvent::TCP_OPT_DUPLICATE);
                }
                self.sack = body;
                Ok(())
            }
            option::FAST_OPEN => once(&mut self.fast_open, fast_open_cookie(body)),
            // Fast open as it was before it had a number: a request, or a cookie of 8 bytes. Suricata
            // takes any other experiment for a wrong length, and so do its rules.
            option::EXPERIMENT_ONE | option::EXPERIMENT_TWO => match body {
                [m0, m1, cookie @ ..] if matches!(cookie.len(), 0 | 8) => {
                    if [*m0, *m1] == FAST_OPEN_MAGIC {
                        once(&mut self.fast_open, Some(cookie))
                    } else {
                        Ok(())
                    }
                }
                _ => Err(DecodeEvent::TCP_OPT_INVALID_LEN),
            },
            _ => Ok(()),
        }
    }
}

/// A cookie is absent or 4 to 16 bytes of even length (RFC 7413 section 4.1.1).
fn fast_open_cookie(cookie: &[u8]) -> Option<&[u8]> {
    let fits =
        cookie.is_empty() || ((4..=16).contains(&cookie.len()) && cookie.len().is_multiple_of(2));
    fits.then_some(cookie)
}
