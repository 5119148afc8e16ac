//! ARP messages for IPv4 over Ethernet (RFC 826).

use super::level::{Level, Step, be16};
use super::{Arp, Counter, DecodeEvent};

/// Operations that are understood: request and reply of ARP and of RARP.
const OPERATIONS: std::ops::RangeInclusive<u16> = 1..=4;

impl<'a> Level<'a, '_> {
    pub(super) fn arp(&mut self, data: &'a [u8]) -> Step {
        self.counters.count(Counter::Arp);
        let Some((head, addresses)) = data.split_first_chunk::<8>() else {
            return self.refuse(DecodeEvent::ARP_PKT_TOO_SMALL);
        };
        self.layer()?;
        let hardware = be16(head, 0).unwrap_or(0);
        let protocol = be16(head, 2).unwrap_or(0);
        let operation = be16(head, 6).unwrap_or(0);
        if hardware != 1 {
            return self.refuse(DecodeEvent::ARP_UNSUPPORTED_HARDWARE);
        }
        if protocol != 0x0800 {
            return self.refuse(DecodeEvent::ARP_UNSUPPORTED_PROTOCOL);
        }
        let Some(addresses) = addresses.first_chunk::<20>() else {
            return self.refuse(DecodeEvent::ARP_INVALID_PKT);
        };
        if head[4] != 6 {
            return self.refuse(DecodeEvent::ARP_INVALID_HARDWARE_SIZE);
        }
        if head[5] != 4 {
            return self.refuse(DecodeEvent::ARP_INVALID_PROTOCOL_SIZE);
        }
        if !OPERATIONS.contains(&operation) {
            return self.refuse(DecodeEvent::ARP_UNSUPPORTED_OPCODE);
        }
        let [
            a0,
            a1,
            a2,
            a3,
            a4,
            a5,
            i0,
            i1,
            i2,
            i3,
            b0,
            b1,
            b2,
            b3,
            b4,
            b5,
            j0,
            j1,
            j2,
            j3,
        ] = *addresses;
        self.packet.arp = Some(Arp {
            hardware,
            protocol,
            operation,
            source_mac: [a0, a1, a2, a3, a4, a5],
            source_ip: [i0, i1, i2, i3].into(),
            destination_mac: [b0, b1, b2, b3, b4, b5],
            destination_ip: [j0, j1, j2, j3].into(),
        });
        Ok(())
    }
}
