//! What a plan needs to know of the host: who is protected, what listens, what the kernel can.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};

use crate::firewall::FirewallError;
use crate::firewall::tool::Tool;
use crate::protected::Protected;
use crate::protected::host::{ProtectedError, Tables, kernel_address};

use super::config::HardenConfig;

/// Sockets that are read. A host with more has its connections cut where the SYN proxy begins; it is
/// refused instead.
const MAX_SOCKETS: usize = 1_000_000;
const ESTABLISHED: &str = "01";
const LISTENS: &str = "0A";
/// Window scale of systems whose buffers are the usual 6 MB.
const WINDOW_SCALE: u8 = 7;

/// What is known of the host at one moment.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Who must not be hit.
    pub protected: Protected,
    /// TCP ports on which something listens for others than this host.
    pub listening: BTreeSet<u16>,
    /// Established connections: our end, the other end.
    pub connections: Vec<(SocketAddr, SocketAddr)>,
    /// Ports whose packets other rules send to other addresses.
    pub translated: Translated,
    /// Numbers of users by name.
    pub users: BTreeMap<String, u32>,
    /// Whether the kernel has the SYN proxy.
    pub has_synproxy: bool,
    /// Whether rules can ask for the socket of a packet.
    pub has_socket: bool,
    /// The window scale that this host's sockets offer.
    pub window_scale: u8,
}

/// Destination ports of translations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translated {
    /// Those that are named.
    pub ports: BTreeSet<u16>,
    /// Whether one exists whose ports cannot be told.
    pub any: bool,
}

/// Why the host could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// No protected set.
    #[error(transparent)]
    Protected(#[from] ProtectedError),
    /// The firewall could not be read.
    #[error(transparent)]
    Firewall(#[from] FirewallError),
    /// The kernel's tables of sockets could not be read.
    #[error("/proc/net/{table} cannot be read: {source}")]
    Sockets {
        /// Which.
        table: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl Facts {
    /// Reads the host in whose network namespace this thread is.
    pub fn read(config: &HardenConfig, nft: &Tool) -> Result<Self, FactsError> {
        let mut facts = Facts {
            protected: Tables::default().protected(&config.wishes())?,
            translated: translated(&nft.run(&["-s", "list", "ruleset"], "")?, &config.table),
            users: users(&fs::read_to_string("/etc/passwd").unwrap_or_default()),
            has_synproxy: can(
                nft,
                "tcp dport 1 ct state invalid synproxy mss 1460 wscale 7",
            )?,
            has_socket: can(nft, "socket wildcard 0 accept")?,
            window_scale: window_scale(
                &fs::read_to_string("/proc/sys/net/ipv4/tcp_rmem").unwrap_or_default(),
                &fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap_or_default(),
            ),
            ..Facts::default()
        };
        for table in ["tcp", "tcp6"] {
            facts
                .sockets(table)
                .map_err(|source| FactsError::Sockets { table, source })?;
        }
        Ok(facts)
    }

    fn sockets(&mut self, table: &str) -> io::Result<()> {
        let path = format!("/proc/thread-self/net/{table}");
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let lines = BufReader::with_capacity(1 << 16, file).lines();
        for (at, line) in lines.skip(1).enumerate() {
            if at == MAX_SOCKETS {
                return Err(io::Error::other(format!("more than {MAX_SOCKETS} sockets")));
            }
            self.socket(&line?);
        }
        Ok(())
    }

    fn socket(&mut self, line: &str) {
        let mut words = line.split_ascii_whitespace().skip(1);
        let mut end = || {
            let (address, port) = words.next()?.split_once(':')?;
            let port = u16::from_str_radix(port, 16).ok()?;
            Some(SocketAddr::new(kernel_address(address)?, port))
        };
        let (Some(local), Some(peer)) = (end(), end()) else {
            return;
        };
        match words.next() {
            Some(LISTENS) if !is_loopback(local.ip()) => {
                self.listening.insert(local.port());
            }
            Some(ESTABLISHED) if !is_loopback(peer.ip()) => self.connections.push((local, peer)),
            _ => {}
        }
    }
}

const fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => four.is_loopback(),
        IpAddr::V6(six) => six.is_loopback(),
    }
}

/// Whether the kernel takes a rule, without giving it one.
fn can(nft: &Tool, rule: &str) -> Result<bool, FirewallError> {
    let script = format!(
        "table inet ratel_asks {{\n chain c {{\n type filter hook input priority 0; {rule}\n }}\n}}\n"
    );
    match nft.run(&["-c", "-f", "-"], &script) {
        Ok(_) => Ok(true),
        Err(
            error @ (FirewallError::ToolMissing(_)
            | FirewallError::NotPermitted { .. }
            | FirewallError::TimedOut { .. }),
        ) => Err(error),
        Err(
            FirewallError::SetFull(_)
            | FirewallError::Exists(_)
            | FirewallError::Gone(_)
            | FirewallError::NotOurs(_)
            | FirewallError::Refused { .. },
        ) => Ok(false),
    }
}

/// From the text of a ruleset, but for our own table.
fn translated(ruleset: &str, own: &str) -> Translated {
    let mut found = Translated::default();
    let mut is_own = false;
    for line in ruleset.lines() {
        if line.starts_with("table ") {
            is_own = line == format!("table inet {own} {{");
        }
        let words: Vec<&str> = line
            .split(|c: char| c.is_whitespace() || matches!(c, ',' | '{' | '}'))
            .filter(|word| !word.is_empty())
            .collect();
        let sends = |word: &&str| {
            ["dnat", "redirect", "tproxy"].contains(&word.to_ascii_lowercase().as_str())
        };
        if is_own || !words.iter().any(sends) {
            continue;
        }
        let ports: Vec<u16> = words
            .iter()
            .skip_while(|word| **word != "dport")
            .skip(1)
            .map_while(|word| word.parse().ok())
            .collect();
        found.any |= ports.is_empty();
        found.ports.extend(ports);
    }
    found
}

fn users(passwd: &str) -> BTreeMap<String, u32> {
    passwd
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            Some((name, fields.nth(1)?.parse().ok()?))
        })
        .collect()
}

/// As the kernel computes it: how often the largest receive buffer must be halved to be below 64 KiB.
fn window_scale(tcp_rmem: &str, rmem_max: &str) -> u8 {
    let last = |text: &str| text.split_ascii_whitespace().last()?.parse::<u32>().ok();
    let Some(space) = last(tcp_rmem) else {
        return WINDOW_SCALE;
    };
    let space = space.max(last(rmem_max).unwrap_or(0)).max(1);
    // At most 14 by RFC 7323, section 2.3.
    space.ilog2().saturating_sub(15).min(14) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_that_go_elsewhere_are_found_in_a_ruleset() {
        let check = |text: &str, ports: &[u16], any: bool| {
            let found = translated(text, "mine");
            assert_eq!(
                found.ports.iter().copied().collect::<Vec<_>>(),
                ports,
                "{text}"
            );
            assert_eq!(found.any, any, "{text}");
        };
        check(
            "table ip nat {\n tcp dport 8080 dnat to 10.0.0.1:80\n",
            &[8080],
            false,
        );
        check(
            "  iifname \"e\" tcp dport { 80, 443 } counter redirect to :1\n",
            &[80, 443],
            false,
        );
        check(
            "  meta l4proto tcp dnat ip to ip saddr map @lead\n",
            &[],
            true,
        );
        check("  xt target DNAT\n", &[], true);
        check("  tcp dport 80 accept\n", &[], false);
        check(
            "table inet mine {\n tcp dport 80 dnat to 10.0.0.1\n",
            &[],
            false,
        );
    }

    #[test]
    fn sockets_are_told_apart() {
        let mut facts = Facts::default();
        let four = |bytes: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(bytes));
        let (all, lo, own, peer) = (
            four([0; 4]),
            four([127, 0, 0, 1]),
            four([192, 0, 2, 1]),
            four([192, 0, 2, 9]),
        );
        facts.socket(&format!(" 0: {all}:0050 {all}:0000 0A 0"));
        facts.socket(&format!(" 1: {lo}:0051 {all}:0000 0A 0"));
        facts.socket(&format!(" 2: {own}:0050 {peer}:C000 01 0"));
        facts.socket(&format!(" 3: {lo}:0050 {lo}:C000 01 0"));
        facts.socket("nonsense");
        assert_eq!(facts.listening, BTreeSet::from([80]));
        let expected = (
            "192.0.2.1:80".parse().unwrap(),
            "192.0.2.9:49152".parse().unwrap(),
        );
        assert_eq!(facts.connections, [expected]);
    }

    #[test]
    fn the_window_scale_is_the_kernels() {
        let check = |rmem: &str, max: &str, expected| {
            assert_eq!(window_scale(rmem, max), expected, "{rmem} {max}");
        };
        check("4096\t131072\t6291456\n", "212992\n", 7);
        check("4096 131072 33554432", "4194304", 10);
        check("1 1 1", "1", 0);
        check("", "", 7);
    }

    #[test]
    fn users_have_numbers() {
        let found = users("root:x:0:0:root:/root:/bin/sh\nbroken\nwww-data:x:33:33::/:\n");
        assert_eq!(found.get("www-data"), Some(&33));
        assert_eq!(found.len(), 2);
    }
}
