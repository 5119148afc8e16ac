//! With whom this host has connections at all, so that thousands of targets need not be asked for one by
//! one: each question starts commands.

use std::net::IpAddr;

use event::Prefix;

/// Addresses, as numbers in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peers(Vec<u128>);

impl FromIterator<IpAddr> for Peers {
    fn from_iter<T: IntoIterator<Item = IpAddr>>(addresses: T) -> Self {
        let number = |address| Prefix::host(address).bounds().0;
        let mut numbers: Vec<u128> = addresses.into_iter().map(number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        Peers(numbers)
    }
}

impl Peers {
    /// Whether somebody of the prefix is among them.
    #[must_use]
    pub fn touch(&self, prefix: &Prefix) -> bool {
        let (first, last) = prefix.bounds();
        let at = self.0.partition_point(|number| *number < first);
        self.0.get(at).is_some_and(|number| *number <= last)
    }
}

/// The addresses that a line of conntrack names, in both directions.
pub fn of_track(line: &str) -> impl Iterator<Item = IpAddr> + '_ {
    let words = line.split_ascii_whitespace();
    let values = words.filter_map(|word| {
        word.strip_prefix("src=")
            .or_else(|| word.strip_prefix("dst="))
    });
    values.filter_map(|value| value.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_touched_by_who_lies_within() {
        let peers: Peers = ["192.0.2.7", "2001:db8::1", "::ffff:198.51.100.1"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        for (prefix, expected) in [
            ("192.0.2.0/24", true),
            ("192.0.2.7", true),
            ("192.0.2.8/29", false),
            ("198.51.100.1", true),
            ("2001:db8::/32", true),
            ("2001:db9::/32", false),
        ] {
            assert_eq!(peers.touch(&prefix.parse().unwrap()), expected, "{prefix}");
        }
    }

    #[test]
    fn a_tracked_connection_names_four_addresses() {
        let line = "tcp 6 300 ESTABLISHED src=192.0.2.66 dst=192.0.2.1 sport=1 dport=80 \
                    src=10.0.0.2 dst=192.0.2.66 sport=80 dport=1 [ASSURED] mark=0 use=1";
        let found: Vec<String> = of_track(line).map(|a| a.to_string()).collect();
        assert_eq!(found, ["192.0.2.66", "192.0.2.1", "10.0.0.2", "192.0.2.66"]);
    }
}
