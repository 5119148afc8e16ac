//! Internet checksums (RFC 1071), computed only when somebody asks.

use super::{Ip, Packet, Transport};
use event::IpProtocol;

/// The one's complement sum of a run of bytes, not yet folded. Runs that are summed together must
/// have even length, except the last.
#[must_use]
pub(crate) fn sum(data: &[u8]) -> u64 {
    let (words, rest) = data.as_chunks::<4>();
    let mut total: u64 = words
        .iter()
        .map(|word| u64::from(u32::from_be_bytes(*word)))
        .sum();
    let (pairs, last) = rest.as_chunks::<2>();
    total += pairs
        .iter()
        .map(|pair| u64::from(u16::from_be_bytes(*pair)))
        .sum::<u64>();
    if let [byte] = last {
        total += u64::from(*byte) << 8;
    }
    total
}

/// Folds a sum to the checksum that makes it zero.
#[must_use]
pub(crate) fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

/// The sum of the pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1).
#[must_use]
pub(crate) fn pseudo_header(
    source: &[u8],
    destination: &[u8],
    protocol: IpProtocol,
    len: usize,
) -> u64 {
    sum(source) + sum(destination) + u64::from(protocol.0) + len as u64
}

impl Packet<'_> {
    /// Whether the IPv4 header checksum is right; None without an IPv4 header.
    #[must_use]
    pub fn ip_checksum_ok(&self) -> Option<bool> {
        match self.ip? {
            Ip::V4(ip) => Some(fold(sum(ip.header)) == 0),
            Ip::V6(_) => None,
        }
    }

    /// Whether the checksum of TCP, UDP, ICMP or ICMPv6 is right; None where there is none to check.
    /// A zero in UDP over IPv4 says that the sender computed none, which is right.
    #[must_use]
    pub fn transport_checksum_ok(&self) -> Option<bool> {
        if self.is_checksum_pending {
            return None;
        }
        let payload = self.payload;
        let (protocol, header) = match &self.transport {
            Transport::Tcp(tcp) => (IpProtocol::TCP, tcp.header),
            Transport::Udp(udp) => {
                let has_none = udp.header.get(6..8) == Some(&[0, 0]);
                if has_none && matches!(self.ip, Some(Ip::V4(_))) {
                    return Some(true);
                }
                (IpProtocol::UDP, udp.header)
            }
            Transport::Icmpv4(icmp) => {
                return Some(fold(sum(icmp.header.get(..8)?) + sum(payload)) == 0);
            }
            Transport::Icmpv6(icmp) => (IpProtocol::ICMPV6, icmp.header.get(..8)?),
            Transport::Sctp(_) | Transport::Esp { .. } | Transport::Gre | Transport::None => {
                return None;
            }
        };
        let len = header.len() + payload.len();
        let pseudo = match self.ip? {
            Ip::V4(ip) => {
                pseudo_header(&ip.source.octets(), &ip.destination.octets(), protocol, len)
            }
            Ip::V6(ip) => {
                pseudo_header(&ip.source.octets(), &ip.destination.octets(), protocol, len)
            }
        };
        Some(fold(pseudo + sum(header) + sum(payload)) == 0)
    }

    /// Whether every checksum of this packet that can be checked is right.
    #[must_use]
    pub fn checksum_ok(&self) -> bool {
        self.ip_checksum_ok() != Some(false) && self.transport_checksum_ok() != Some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_as_the_rfc_does() {
        // RFC 1071 section 3.
        assert_eq!(
            fold(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])),
            !0xddf2
        );
        assert_eq!(fold(sum(&[0xff])), 0x00ff);
        assert_eq!(fold(sum(&[])), 0xffff);
    }
}
