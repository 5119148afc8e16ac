//! Addresses and prefixes as rules, configuration and records write them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An inclusive range of addresses of one family; a prefix is such a range too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    /// First address.
    pub first: IpAddr,
    /// Last address, of the same family and not before `first`.
    pub last: IpAddr,
}

impl AddressRange {
    /// Whether `address` lies within.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, self.last, address) {
            (IpAddr::V4(first), IpAddr::V4(last), IpAddr::V4(a)) => first <= a && a <= last,
            (IpAddr::V6(first), IpAddr::V6(last), IpAddr::V6(a)) => first <= a && a <= last,
            _ => false,
        }
    }

    /// The range of the prefix `address`/`length`, or None where the length is too long.
    #[must_use]
    pub fn prefix(address: IpAddr, length: u8) -> Option<Self> {
        match address {
            IpAddr::V4(a) => {
                let host = u32::MAX.checked_shr(u32::from(length)).unwrap_or(0);
                (length <= 32).then(|| AddressRange {
                    first: Ipv4Addr::from_bits(a.to_bits() & !host).into(),
                    last: Ipv4Addr::from_bits(a.to_bits() | host).into(),
                })
            }
            IpAddr::V6(a) => {
                let host = u128::MAX.checked_shr(u32::from(length)).unwrap_or(0);
                (length <= 128).then(|| AddressRange {
                    first: Ipv6Addr::from_bits(a.to_bits() & !host).into(),
                    last: Ipv6Addr::from_bits(a.to_bits() | host).into(),
                })
            }
        }
    }

    /// Reads `a.b.c.d`, `a.b.c.d/n`, `a.b.c.d/m.m.m.m`, `a.b.c.d-e.f.g.h` and the same for IPv6.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((first, last)) = text.split_once('-') {
            let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            let same_family = matches!(
                (first, last),
                (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_))
            );
            return (same_family && first <= last).then_some(AddressRange { first, last });
        }
        if let Some((address, length)) = text.split_once('/') {
            let address: IpAddr = address.trim().parse().ok()?;
            if let Ok(mask) = length.parse::<Ipv4Addr>() {
                let ones = mask.to_bits().leading_ones();
                let contiguous = mask.to_bits().checked_shl(ones).unwrap_or(0) == 0;
                return contiguous
                    .then(|| Self::prefix(address, ones as u8))
                    .flatten();
            }
            return Self::prefix(address, length.trim().parse().ok()?);
        }
        let address: IpAddr = text.parse().ok()?;
        Some(AddressRange {
            first: address,
            last: address,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, &str)>) {
        let expected = expected.map(|(first, last)| AddressRange {
            first: first.parse().unwrap(),
            last: last.parse().unwrap(),
        });
        assert_eq!(AddressRange::parse(text), expected, "{text}");
    }

    #[test]
    fn reads_every_form_of_a_range() {
        check("10.1.2.3", Some(("10.1.2.3", "10.1.2.3")));
        check("10.1.2.3/8", Some(("10.0.0.0", "10.255.255.255")));
        check("10.1.2.3/255.255.0.0", Some(("10.1.0.0", "10.1.255.255")));
        check("0.0.0.0/0", Some(("0.0.0.0", "255.255.255.255")));
        check("10.0.0.1-10.0.0.9", Some(("10.0.0.1", "10.0.0.9")));
        check(
            "2001:db8::/32",
            Some(("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")),
        );
        check("10.0.0.9-10.0.0.1", None);
        check("10.0.0.0/33", None);
        check("10.0.0.0/255.0.255.0", None);
        check("pear", None);
    }
}
