//! One address or one network: what an action aims at, what is protected, what a list names.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::address::AddressRange;

/// An address and how many of its leading bits count; the bits behind are always zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

/// A text that is no prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAPrefix(pub String);

impl fmt::Display for NotAPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is neither an address nor a prefix", self.0)
    }
}

impl std::error::Error for NotAPrefix {}

impl Prefix {
    /// The prefix of `length` bits around `address`; None where the family has fewer bits.
    ///
    /// An IPv4 address written as IPv6 (`::ffff:a.b.c.d`) becomes the IPv4 address that it means,
    /// so that one host has one name; shorter IPv6 prefixes that hold such addresses stay IPv6.
    #[must_use]
    pub fn new(address: IpAddr, length: u8) -> Option<Self> {
        if let IpAddr::V6(six) = address
            && let Some(four) = six.to_ipv4_mapped()
            && let Some(length @ 0..=32) = length.checked_sub(96)
        {
            return Prefix::new(IpAddr::V4(four), length);
        }
        AddressRange::prefix(address, length).map(|range| Prefix {
            address: range.first,
            length,
        })
    }

    /// The prefix that holds one address only.
    #[must_use]
    pub fn host(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let length = if address.is_ipv4() { 32 } else { 128 };
        Prefix { address, length }
    }

    /// The first address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many leading bits count.
    #[must_use]
    pub fn length(&self) -> u8 {
        self.length
    }

    /// Whether it is of IPv4.
    #[must_use]
    pub fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// Whether it holds one address only.
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.length == if self.is_ipv4() { 32 } else { 128 }
    }

    /// First and last address as numbers of IPv6, IPv4 where `::ffff:0:0/96` puts it: in these
    /// numbers an IPv6 prefix that covers mapped addresses overlaps the IPv4 hosts they mean.
    #[must_use]
    pub fn bounds(&self) -> (u128, u128) {
        let (first, host_bits) = match self.address {
            IpAddr::V4(a) => (
                a.to_ipv6_mapped().to_bits(),
                32_u32.saturating_sub(u32::from(self.length)),
            ),
            IpAddr::V6(a) => (a.to_bits(), 128_u32.saturating_sub(u32::from(self.length))),
        };
        let host = 1_u128
            .checked_shl(host_bits)
            .map_or(u128::MAX, |bit| bit - 1);
        (first, first | host)
    }

    /// Whether the two have an address in common.
    #[must_use]
    pub fn overlaps(&self, other: &Prefix) -> bool {
        let (a, b) = (self.bounds(), other.bounds());
        a.0 <= b.1 && b.0 <= a.1
    }

    /// Whether `address` lies within.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.overlaps(&Prefix::host(address))
    }

    /// The bits that count, as an address of the family: `255.255.0.0`, `ffff:ffff::`.
    #[must_use]
    pub fn mask(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(_) => {
                let host = u32::MAX.checked_shr(u32::from(self.length)).unwrap_or(0);
                Ipv4Addr::from_bits(!host).into()
            }
            IpAddr::V6(_) => {
                let host = u128::MAX.checked_shr(u32::from(self.length)).unwrap_or(0);
                Ipv6Addr::from_bits(!host).into()
            }
        }
    }
}

impl fmt::Display for Prefix {
    /// A single address stands without its length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_host() {
            write!(f, "{}", self.address)
        } else {
            write!(f, "{}/{}", self.address, self.length)
        }
    }
}

impl FromStr for Prefix {
    type Err = NotAPrefix;

    fn from_str(text: &str) -> Result<Self, NotAPrefix> {
        let refused = || NotAPrefix(text.chars().take(64).collect());
        match text.trim().split_once('/') {
            None => text.trim().parse().map(Prefix::host).map_err(|_| refused()),
            Some((address, length)) => address
                .parse()
                .ok()
                .zip(length.parse().ok())
                .and_then(|(address, length)| Prefix::new(address, length))
                .ok_or_else(refused),
        }
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let prefix = text.parse::<Prefix>().ok().map(|p| p.to_string());
        assert_eq!(prefix.as_deref(), expected, "{text}");
    }

    #[test]
    fn reads_addresses_and_networks_and_clears_what_does_not_count() {
        check("10.1.2.3", Some("10.1.2.3"));
        check("10.1.2.3/8", Some("10.0.0.0/8"));
        check("10.1.2.3/32", Some("10.1.2.3"));
        check("0.0.0.0/0", Some("0.0.0.0/0"));
        check("2001:db8:1:2:3::4/64", Some("2001:db8:1:2::/64"));
        check("::/0", Some("::/0"));
        check("10.0.0.0/33", None);
        check("::/129", None);
        check("10.0.0.0/-1", None);
        check("pear", None);
        check("", None);
    }

    #[test]
    fn an_ipv4_address_written_as_ipv6_is_the_ipv4_address() {
        check("::ffff:10.1.2.3", Some("10.1.2.3"));
        check("::ffff:10.1.2.3/128", Some("10.1.2.3"));
        check("::ffff:10.1.2.3/104", Some("10.0.0.0/8"));
        check("::ffff:0:0/90", Some("::ffc0:0:0/90"));
    }

    #[test]
    fn overlaps_are_seen_across_families() {
        let overlap = |a: &str, b: &str| {
            let (a, b): (Prefix, Prefix) = (a.parse().unwrap(), b.parse().unwrap());
            assert_eq!(a.overlaps(&b), b.overlaps(&a));
            a.overlaps(&b)
        };
        assert!(overlap("10.0.0.0/8", "10.255.0.1"));
        assert!(!overlap("10.0.0.0/8", "11.0.0.0"));
        assert!(overlap("::/0", "192.0.2.1"));
        assert!(overlap("::ffff:0:0/90", "192.0.2.1"));
        assert!(!overlap("2001:db8::/32", "192.0.2.1"));
        assert!(overlap("0.0.0.0/0", "255.255.255.255"));
        assert!(!overlap("0.0.0.0/0", "2001:db8::1"));
    }
}
