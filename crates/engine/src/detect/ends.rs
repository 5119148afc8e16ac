//! Addresses and ports of rules, laid out for asking: what a candidate is held against first.
//!
//! Most sets hold one range; it stands in the set itself, so that asking touches no other memory.

use rules::rule::{Addresses, Ports};
use std::net::IpAddr;

/// A set of ports.
#[derive(Debug)]
pub(super) struct PortSet {
    first: (u16, u16),
    rest: Box<[(u16, u16)]>,
}

impl PortSet {
    pub(super) fn new(ports: &Ports) -> Self {
        let mut ranges = ports.0.iter().map(|range| (*range.start(), *range.end()));
        PortSet {
            // No range at all holds no port.
            first: ranges.next().unwrap_or((1, 0)),
            rest: ranges.collect(),
        }
    }

    pub(super) fn contains(&self, port: u16) -> bool {
        let within = |(first, last): (u16, u16)| first <= port && port <= last;
        within(self.first) || self.rest.iter().any(|range| within(*range))
    }
}

/// A set of addresses: within one of `include` (all, where there is none) and none of `exclude`.
#[derive(Debug)]
pub(super) struct AddressSet {
    include: Ranges,
    exclude: Ranges,
    is_all_included: bool,
}

#[derive(Debug, Default)]
struct Ranges {
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

impl Ranges {
    fn new(ranges: &[event::address::AddressRange]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for range in ranges {
            match (range.first, range.last) {
                (IpAddr::V4(first), IpAddr::V4(last)) => v4.push((first.to_bits(), last.to_bits())),
                (IpAddr::V6(first), IpAddr::V6(last)) => v6.push((first.to_bits(), last.to_bits())),
                // A range lies within one family.
                (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {}
            }
        }
        Ranges {
            v4: v4.into(),
            v6: v6.into(),
        }
    }

    fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => within(&self.v4, address.to_bits()),
            IpAddr::V6(address) => within(&self.v6, address.to_bits()),
        }
    }
}

impl AddressSet {
    pub(super) fn new(addresses: &Addresses) -> Self {
        AddressSet {
            include: Ranges::new(&addresses.include),
            exclude: Ranges::new(&addresses.exclude),
            is_all_included: addresses.include.is_empty(),
        }
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        (self.is_all_included || self.include.contains(address)) && !self.exclude.contains(address)
    }
}

/// Sets of this many ranges and more are searched by halves: they are sorted and disjoint.
const LINEAR_MAX: usize = 8;

fn within<T: Copy + PartialOrd>(ranges: &[(T, T)], value: T) -> bool {
    if ranges.len() <= LINEAR_MAX {
        return ranges
            .iter()
            .any(|(first, last)| *first <= value && value <= *last);
    }
    let after = ranges.partition_point(|(first, _)| *first <= value);
    after
        .checked_sub(1)
        .and_then(|at| ranges.get(at))
        .is_some_and(|(_, last)| value <= *last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::address::AddressRange;
    use proptest::prelude::*;

    fn range(first: u32, last: u32) -> AddressRange {
        AddressRange {
            first: IpAddr::V4(first.into()),
            last: IpAddr::V4(last.into()),
        }
    }

    #[test]
    fn a_set_of_one_family_holds_none_of_the_other() {
        let set = AddressSet::new(&Addresses {
            include: vec![range(0, u32::MAX)],
            exclude: Vec::new(),
        });
        assert!(set.contains("1.2.3.4".parse().unwrap()));
        assert!(!set.contains("::1".parse().unwrap()));
        assert!(AddressSet::new(&Addresses::default()).contains("::1".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn holds_what_the_rule_holds(
            include in proptest::collection::btree_set(0u32..400, 0..40),
            exclude in proptest::collection::btree_set(0u32..400, 0..4),
            asked in 0u32..420,
        ) {
            // Neighbours two by two are sorted, disjoint ranges, as the rules give them.
            let ranges = |points: std::collections::BTreeSet<u32>| -> Vec<AddressRange> {
                let points: Vec<u32> = points.into_iter().collect();
                points.chunks_exact(2).map(|pair| range(pair[0], pair[1])).collect()
            };
            let ports = Ports(include.iter().copied().collect::<Vec<u32>>().chunks_exact(2)
                .map(|pair| pair[0] as u16..=pair[1] as u16).collect());
            prop_assert_eq!(PortSet::new(&ports).contains(asked as u16), ports.contains(asked as u16));
            let addresses = Addresses { include: ranges(include), exclude: ranges(exclude) };
            let asked = IpAddr::V4(asked.into());
            prop_assert_eq!(AddressSet::new(&addresses).contains(asked), addresses.contains(asked));
        }
    }
}
