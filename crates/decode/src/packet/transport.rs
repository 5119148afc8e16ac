//! UDP (RFC 768), SCTP (RFC 9260) and ESP (RFC 4303).

use super::level::{Level, Step};
use super::{Counter, DecodeEvent, Sctp, Transport, Udp};

impl<'a> Level<'a, '_> {
    pub(super) fn udp(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Udp);
        let Some((header, rest)) = data.split_at_checked(8) else {
            return self.refuse(DecodeEvent::UDP_HLEN_TOO_SMALL);
        };
        let &[s0, s1, d0, d1, l0, l1, ..] = header else {
            return self.refuse(DecodeEvent::UDP_HLEN_TOO_SMALL);
        };
        let len = u16::from_be_bytes([l0, l1]);
        if usize::from(len) > data.len() {
            return self.refuse(DecodeEvent::UDP_PKT_TOO_SMALL);
        }
        let Some(payload) = usize::from(len)
            .checked_sub(8)
            .and_then(|len| rest.get(..len))
        else {
            return self.refuse(DecodeEvent::UDP_LEN_INVALID);
        };
        let udp = Udp {
            header,
            source_port: u16::from_be_bytes([s0, s1]),
            destination_port: u16::from_be_bytes([d0, d1]),
            len,
        };
        self.packet.transport = Transport::Udp(udp);
        self.packet.payload = payload;
        self.packet.wants_flow = true;
        self.udp_tunnel(&udp, payload);
        Ok(())
    }

    pub(super) fn sctp(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Sctp);
        let Some((header, payload)) = data.split_at_checked(12) else {
            return self.refuse(DecodeEvent::SCTP_PKT_TOO_SMALL);
        };
        let &[s0, s1, d0, d1, ..] = header else {
            return self.refuse(DecodeEvent::SCTP_PKT_TOO_SMALL);
        };
        self.packet.transport = Transport::Sctp(Sctp {
            header,
            source_port: u16::from_be_bytes([s0, s1]),
            destination_port: u16::from_be_bytes([d0, d1]),
        });
        self.packet.payload = payload;
        self.packet.wants_flow = true;
        Ok(())
    }

    pub(super) fn esp(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Esp);
        let Some((&[p0, p1, p2, p3, s0, s1, s2, s3], payload)) = data.split_first_chunk() else {
            return self.refuse(DecodeEvent::ESP_PKT_TOO_SMALL);
        };
        self.packet.transport = Transport::Esp {
            spi: u32::from_be_bytes([p0, p1, p2, p3]),
            sequence: u32::from_be_bytes([s0, s1, s2, s3]),
        };
        self.packet.payload = payload;
        self.packet.wants_flow = true;
        Ok(())
    }
}
