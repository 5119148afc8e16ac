//! Names and addresses by which this host may be called: what the certificate of our own has to say.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Names in one certificate: a host of many containers has hundreds of addresses.
const MOST: usize = 100;

/// What this host knows of itself.
#[must_use]
pub fn of_this_host() -> Vec<String> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let mut all = vec![
        "localhost".to_owned(),
        Ipv4Addr::LOCALHOST.to_string(),
        Ipv6Addr::LOCALHOST.to_string(),
        read("/proc/sys/kernel/hostname").trim().to_owned(),
    ];
    all.extend(
        v4(&read("/proc/net/fib_trie"))
            .iter()
            .map(ToString::to_string),
    );
    all.extend(
        v6(&read("/proc/net/if_inet6"))
            .iter()
            .map(ToString::to_string),
    );
    all
}

/// Names as certificates take them: small letters, each once, no more than fit; the first ones stay.
#[must_use]
pub fn plain(all: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for name in all {
        let name = name.trim().trim_end_matches('.').to_ascii_lowercase();
        let is_name = !name.is_empty()
            && name.len() <= 253
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-.*_".contains(&b));
        if (is_name || name.parse::<IpAddr>().is_ok()) && seen.insert(name.clone()) {
            kept.push(name);
        }
    }
    kept.truncate(MOST);
    kept
}

/// Own addresses in the kernel's table of routes (proc_net(5)): the line after an address says `/32 host LOCAL`.
fn v4(table: &str) -> BTreeSet<Ipv4Addr> {
    let mut last = None;
    let mut own = BTreeSet::new();
    for line in table.lines() {
        if let Some(address) = line.trim().strip_prefix("|-- ") {
            last = address.trim().parse().ok();
        } else if line.contains("/32 host LOCAL") {
            own.extend(last.filter(|address: &Ipv4Addr| !address.is_loopback()));
        }
    }
    own
}

/// Own addresses of IPv6: 32 digits, then the interface's number, prefix and scope; those of one link are left out,
/// since nobody can type them into a browser.
fn v6(table: &str) -> BTreeSet<Ipv6Addr> {
    let global = |line: &str| {
        let mut fields = line.split_whitespace();
        let digits = fields.next()?;
        let scope = fields.nth(2)?;
        let address = Ipv6Addr::from(u128::from_str_radix(digits, 16).ok()?);
        (scope == "00").then_some(address)
    };
    table.lines().filter_map(global).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_addresses_are_found_in_the_kernels_tables() {
        let table = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     \
                     +-- 10.1.0.0/16 2 0 2\n        |-- 10.1.2.3\n           /32 host LOCAL\n        |-- 10.1.255.255\n           \
                     /32 link BROADCAST\n     |-- 127.0.0.1\n        /32 host LOCAL\n";
        assert_eq!(v4(table), BTreeSet::from([Ipv4Addr::new(10, 1, 2, 3)]));
        let table = "fe80000000000000000000fffe000001 02 40 20 80 eth0\n\
                     20010db8000000000000000000000001 02 40 00 80 eth0\nbroken\n";
        assert_eq!(v6(table), BTreeSet::from(["2001:db8::1".parse().unwrap()]));
    }

    #[test]
    fn names_are_plain_and_stand_once() {
        let all = [
            "Host.Example.",
            "host.example",
            "a b",
            "",
            "10.0.0.1",
            "::1",
        ];
        let all = all.iter().map(ToString::to_string).collect();
        assert_eq!(plain(all), ["host.example", "10.0.0.1", "::1"]);
        let many = (0..500).map(|n| format!("h{n}")).collect();
        assert_eq!(plain(many).len(), MOST);
    }
}
