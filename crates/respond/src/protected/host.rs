//! Computes the protected set of the host from what the kernel tells in `/proc`: no command is run,
//! so that it can be done anew right before each change of the firewall.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use event::{Prefix, Timestamp};

use super::sessions::{Ends, Logins, Sessions};
use super::{Because, MAX_PREFIXES, Protected};

/// Lines of a table that are read. A host with more sockets, routes or addresses is told so: a set
/// that is cut might miss the one address that matters.
const MAX_LINES: usize = 2_000_000;
/// Ports of administration by default: SSH, and Ratel's console.
pub const ADMIN_PORTS: [u16; 2] = [22, 8443];
const ESTABLISHED: &str = "01";

/// What the user wants protected beyond what is computed.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// The user's own list.
    pub also: Vec<Prefix>,
    /// Whether private ranges are protected as a whole.
    pub private: bool,
    /// Local ports whose established peers are people at work.
    pub admin_ports: Vec<u16>,
}

impl Default for Wishes {
    fn default() -> Self {
        Wishes {
            also: Vec::new(),
            private: false,
            admin_ports: ADMIN_PORTS.to_vec(),
        }
    }
}

/// Why the set could not be computed; without it nothing is changed.
#[derive(Debug, thiserror::Error)]
pub enum ProtectedError {
    /// A table of the kernel could not be read.
    #[error("the protected set cannot be computed: {path}: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A table is larger than anything expected.
    #[error("the protected set cannot be computed: {path} has more than {MAX_LINES} lines")]
    TooLong {
        /// Which.
        path: PathBuf,
    },
    /// More prefixes than a set can have.
    #[error("the protected set cannot be computed: it would have {0} prefixes")]
    TooMany(usize),
}

/// Where the tables are. The kernel shows them by network namespace of the asking thread.
#[derive(Clone, Debug)]
pub struct Tables {
    net: PathBuf,
    resolv: Vec<PathBuf>,
    logins: Logins,
}

impl Default for Tables {
    fn default() -> Self {
        Tables {
            net: "/proc/thread-self/net".into(),
            // Behind a local stub resolver the servers that matter stand in the second file.
            resolv: vec![
                "/etc/resolv.conf".into(),
                "/run/systemd/resolve/resolv.conf".into(),
            ],
            logins: Logins::default(),
        }
    }
}

impl Tables {
    /// The same, with these tables of logins in place of the system's.
    #[must_use]
    pub fn with_logins(self, logins: Logins) -> Self {
        Tables { logins, ..self }
    }

    /// Whether an address is one of this host's own.
    pub fn is_own(&self, address: IpAddr) -> Result<bool, ProtectedError> {
        let mut is_own = false;
        self.own(|own| is_own |= own == address)?;
        Ok(is_own)
    }

    fn own(&self, mut each: impl FnMut(IpAddr)) -> Result<(), ProtectedError> {
        let mut last = None;
        self.lines("fib_trie", |line| {
            if let Some(address) = fib_trie(line, &mut last) {
                each(address);
            }
        })?;
        self.lines_if_any("if_inet6", |line| {
            if let Some(address) = line.split_ascii_whitespace().next().and_then(plain_v6) {
                each(address);
            }
        })
    }

    /// The set of the host at this moment, for one who never asked before: every connection to a port
    /// of administration counts.
    pub fn protected(&self, wishes: &Wishes) -> Result<Protected, ProtectedError> {
        self.protected_since(wishes, &mut Sessions::default(), Timestamp::default())
    }

    /// The set of the host at this moment; `sessions` are what was seen before.
    pub fn protected_since(
        &self,
        wishes: &Wishes,
        sessions: &mut Sessions,
        now: Timestamp,
    ) -> Result<Protected, ProtectedError> {
        let mut members: BTreeSet<(Prefix, Because)> = BTreeSet::new();
        members.extend(wishes.also.iter().map(|prefix| (*prefix, Because::User)));
        if wishes.private {
            members.extend(Protected::private());
        }
        let mut host = |address: IpAddr, because| {
            if !address.is_unspecified() {
                members.insert((Prefix::host(address), because));
            }
        };
        self.own(|address| host(address, Because::Own))?;
        self.lines("route", |line| {
            let gateway = line.split_ascii_whitespace().nth(2);
            if let Some(address) = gateway.and_then(kernel_v4) {
                host(address, Because::Gateway);
            }
        })?;
        self.lines_if_any("ipv6_route", |line| {
            let gateway = line.split_ascii_whitespace().nth(4);
            if let Some(address) = gateway.and_then(plain_v6) {
                host(address, Because::Gateway);
            }
        })?;
        let mut established = BTreeSet::new();
        for table in ["tcp", "tcp6"] {
            self.lines_if_any(table, |line| {
                established.extend(session(line, &wishes.admin_ports));
            })?;
        }
        let real = sessions.real(established, now);
        for address in real.into_iter().chain(self.logins.addresses()) {
            host(address, Because::Session);
        }
        for path in &self.resolv {
            let text = match fs::read(path) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                // A host without name servers has none to protect.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(source) => {
                    let path = path.clone();
                    return Err(ProtectedError::Unreadable { path, source });
                }
            };
            for address in name_servers(&text) {
                host(address, Because::Resolver);
            }
        }
        if members.len() > MAX_PREFIXES {
            return Err(ProtectedError::TooMany(members.len()));
        }
        Ok(Protected::new(members))
    }

    fn lines(&self, table: &str, mut each: impl FnMut(&str)) -> Result<(), ProtectedError> {
        let path = self.net.join(table);
        let unreadable = |source| ProtectedError::Unreadable {
            path: path.clone(),
            source,
        };
        let file = fs::File::open(&path).map_err(unreadable)?;
        for (at, line) in BufReader::with_capacity(1 << 16, file).lines().enumerate() {
            if at == MAX_LINES {
                return Err(ProtectedError::TooLong { path });
            }
            each(&line.map_err(unreadable)?);
        }
        Ok(())
    }

    /// As `lines`; a kernel without the protocol has no such table.
    fn lines_if_any(&self, table: &str, each: impl FnMut(&str)) -> Result<(), ProtectedError> {
        match self.lines(table, each) {
            Err(ProtectedError::Unreadable { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                Ok(())
            }
            other => other,
        }
    }
}

/// `fib_trie` names an address and, on a line below it, `/32 host LOCAL` where it is the host's own.
fn fib_trie(line: &str, last: &mut Option<Ipv4Addr>) -> Option<IpAddr> {
    let line = line.trim_start();
    if let Some(address) = line.strip_prefix("|-- ") {
        *last = address.trim().parse().ok();
        return None;
    }
    // Blocking a broadcast address blocks what neighbours say to all, leases of addresses included.
    let own = line.starts_with("/32 host LOCAL") || line.starts_with("/32 link BROADCAST");
    last.filter(|_| own).map(IpAddr::V4)
}

/// 32 hexadecimal digits, most significant first.
fn plain_v6(text: &str) -> Option<IpAddr> {
    let bits = (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok())??;
    Some(IpAddr::V6(Ipv6Addr::from_bits(bits)))
}

/// 8 hexadecimal digits of a number as this machine keeps it, of bytes in network order.
fn kernel_v4(text: &str) -> Option<IpAddr> {
    let bits = (text.len() == 8).then(|| u32::from_str_radix(text, 16).ok())??;
    Some(Ipv4Addr::from(bits.to_ne_bytes()).into())
}

/// Four such numbers.
fn kernel_v6(text: &str) -> Option<IpAddr> {
    let mut bytes = [0_u8; 16];
    for (part, out) in (0..4).zip(bytes.chunks_exact_mut(4)) {
        let word = u32::from_str_radix(text.get(part * 8..part * 8 + 8)?, 16).ok()?;
        out.copy_from_slice(&word.to_ne_bytes());
    }
    Some(IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical())
}

/// An established connection to an administration port of this host.
fn session(line: &str, admin_ports: &[u16]) -> Option<Ends> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (local, remote, state) = (words.next()?, words.next()?, words.next()?);
    let end = |text: &str| {
        let (address, port) = text.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        Some((address.to_owned(), port))
    };
    let (local, port) = end(local)?;
    if state != ESTABLISHED || !admin_ports.contains(&port) {
        return None;
    }
    let (remote, remote_port) = end(remote)?;
    let local = SocketAddr::new(kernel_address(&local)?, port);
    Some((
        local,
        SocketAddr::new(kernel_address(&remote)?, remote_port),
    ))
}

/// An address as the kernel's tables of sockets write it.
pub(crate) fn kernel_address(text: &str) -> Option<IpAddr> {
    kernel_v4(text).or_else(|| kernel_v6(text))
}

fn name_servers(text: &str) -> impl Iterator<Item = IpAddr> + '_ {
    text.lines().filter_map(|line| {
        let address = line.trim().strip_prefix("nameserver")?.trim();
        // A link-local server names its interface behind a percent sign; resolv.conf(5) lets comments
        // follow.
        let is_end = |c: char| c == '%' || c == '#' || c == ';' || c.is_whitespace();
        address.split(is_end).next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> (tempfile::TempDir, Tables) {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write(
            "fib_trie",
            "Local:\n  +-- 192.0.2.0/24 2 0 2\n     |-- 192.0.2.0\n        /32 link BROADCAST\n\
             \x20    |-- 192.0.2.7\n        /32 host LOCAL\n",
        );
        write(
            "if_inet6",
            "20010db8000100020000000000000005 02 40 00 80 eth0\n",
        );
        // Addresses in these tables are numbers of the machine's own byte order.
        let gateway = u32::from_ne_bytes([192, 0, 2, 1]);
        write(
            "route",
            &format!(
                "Iface Destination Gateway\neth0 00000000 {gateway:08X} 0003 0 0 0 00000000\n"
            ),
        );
        write(
            "ipv6_route",
            "00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
             20010db8000100020000000000000001 00000400 1 0 00000003 eth0\n",
        );
        let own = u32::from_ne_bytes([192, 0, 2, 7]);
        let person = u32::from_ne_bytes([198, 51, 100, 9]);
        let other = u32::from_ne_bytes([198, 51, 100, 10]);
        write(
            "tcp",
            &format!(
                "  sl  local_address rem_address   st\n\
                 \x20  0: {own:08X}:0016 {person:08X}:C000 01 0\n\
                 \x20  1: {own:08X}:0050 {other:08X}:C000 01 0\n\
                 \x20  2: {own:08X}:0016 {other:08X}:C000 06 0\n"
            ),
        );
        let mapped: String = [
            [0, 0, 0, 0],
            [0, 0, 0, 0],
            [0, 0, 255, 255],
            [203, 0, 113, 4],
        ]
        .iter()
        .map(|word| format!("{:08X}", u32::from_ne_bytes(*word)))
        .collect();
        write(
            "tcp6",
            &format!("  sl\n   0: {mapped}:0016 {mapped}:C001 01 0\n"),
        );
        write(
            "resolv.conf",
            "# comment\nnameserver 198.51.100.53\nnameserver fe80::1%eth0\n",
        );
        let tables = Tables {
            net: folder.path().into(),
            resolv: vec![folder.path().join("resolv.conf"), "/nowhere".into()],
            logins: nobody(),
        };
        (folder, tables)
    }

    fn nobody() -> Logins {
        Logins {
            utmp: "/nowhere".into(),
            sessions: "/nowhere".into(),
            processes: "/nowhere".into(),
        }
    }

    #[test]
    fn computes_who_must_not_be_hit() {
        let (_folder, tables) = host();
        let set = tables.protected(&Wishes::default()).unwrap();
        let check = |address: &str, expected: Option<Because>| {
            let found = set.is_protected(&address.parse().unwrap());
            assert_eq!(found.map(|found| found.1), expected, "{address}");
        };
        check("192.0.2.7", Some(Because::Own));
        check("192.0.2.8", None);
        check("2001:db8:1:2::5", Some(Because::Own));
        check("192.0.2.1", Some(Because::Gateway));
        check("2001:db8:1:2::1", Some(Because::Gateway));
        check("198.51.100.9", Some(Because::Session));
        check("198.51.100.10", None);
        check("203.0.113.4", Some(Because::Session));
        check("198.51.100.53", Some(Because::Resolver));
    }

    #[test]
    fn a_password_guesser_is_no_administration_session() {
        let (folder, tables) = host();
        let wishes = Wishes::default();
        let mut sessions = Sessions::default();
        let before = fs::read_to_string(folder.path().join("tcp")).unwrap();
        let own = u32::from_ne_bytes([192, 0, 2, 7]);
        let guesser = u32::from_ne_bytes([203, 0, 113, 66]);
        let mut check = |secs, expected: Option<Because>| {
            let set = tables.protected_since(&wishes, &mut sessions, Timestamp::new(secs, 0));
            let found = set.unwrap().is_protected(&"203.0.113.66".parse().unwrap());
            assert_eq!(found.map(|found| found.1), expected, "{secs}");
        };
        check(1000, None);
        for attempt in 0..5 {
            let port = 40_000 + attempt;
            let line = format!("   3: {own:08X}:0016 {guesser:08X}:{port:04X} 01 0\n");
            fs::write(folder.path().join("tcp"), format!("{before}{line}")).unwrap();
            check(1001 + i64::from(attempt) * 10, None);
        }
        check(1041 + 29, None);
        check(1041 + 30, Some(Because::Session));
    }

    #[test]
    fn without_the_tables_there_is_no_set() {
        let tables = Tables {
            net: "/nowhere".into(),
            resolv: Vec::new(),
            logins: nobody(),
        };
        assert!(tables.protected(&Wishes::default()).is_err());
    }

    #[test]
    fn this_machine_has_a_set() {
        let set = Tables::default().protected(&Wishes::default()).unwrap();
        assert!(set.is_protected(&"127.0.0.1".parse().unwrap()).is_some());
    }
}
