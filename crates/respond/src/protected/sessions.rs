//! Which administration sessions are real. A password guesser, too, has an established connection to
//! the port of SSH while it guesses; it counts only once it has stayed, or its address is logged in.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use event::Timestamp;

/// A guesser's connection ends after some attempts, which take a few seconds each; a person's stays.
pub const REAL_AFTER: Duration = Duration::from_secs(30);
/// Connections that are followed. An SSH server takes some hundreds at once; what comes beyond this
/// is not yet a session.
const MAX_FOLLOWED: usize = 65_536;
/// Bytes of the table of logins that are read: some 10,000 logins.
const MAX_UTMP: u64 = 4 << 20;
/// Files of sessions that are read.
const MAX_FILES: usize = 4096;
/// Bytes of one of them; they have some 500.
const MAX_FILE: u64 = 64 << 10;

/// Both ends of a connection: ours and the other.
pub type Ends = (SocketAddr, SocketAddr);

/// Connections to ports of administration, and since when each is known.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    /// None where it was there when the first was looked for: nobody knows for how long.
    known: BTreeMap<Ends, Option<Timestamp>>,
    has_begun: bool,
}

impl Sessions {
    /// The peers whose connections count, out of all that are established at this moment.
    pub fn real(&mut self, established: BTreeSet<Ends>, now: Timestamp) -> BTreeSet<IpAddr> {
        self.known.retain(|ends, _| established.contains(ends));
        for ends in established {
            if self.known.len() >= MAX_FOLLOWED {
                break;
            }
            let since = self.has_begun.then_some(now);
            self.known.entry(ends).or_insert(since);
        }
        self.has_begun = true;
        let is_real =
            |since: &Option<Timestamp>| since.is_none_or(|since| now.since(since) >= REAL_AFTER);
        let real = self.known.iter().filter(|(_, since)| is_real(since));
        real.map(|((_, peer), _)| peer.ip()).collect()
    }
}

/// Where the system writes down who is logged in.
#[derive(Clone, Debug)]
pub struct Logins {
    /// The table of logins, as the C library keeps it.
    pub utmp: PathBuf,
    /// The folder of sessions, as systemd-logind keeps it.
    pub sessions: PathBuf,
    /// Where a running process is seen by its number.
    pub processes: PathBuf,
}

impl Default for Logins {
    fn default() -> Self {
        Logins {
            utmp: "/var/run/utmp".into(),
            sessions: "/run/systemd/sessions".into(),
            processes: "/proc".into(),
        }
    }
}

impl Logins {
    /// Addresses from which somebody is logged in. A system that writes nothing down has none here.
    #[must_use]
    pub fn addresses(&self) -> BTreeSet<IpAddr> {
        let mut found = BTreeSet::new();
        let utmp = read(&self.utmp, MAX_UTMP);
        for record in utmp.chunks_exact(UTMP_LEN) {
            found.extend(utmp_login(record).and_then(|login| self.living(login)));
        }
        let folder = fs::read_dir(&self.sessions).into_iter().flatten();
        for entry in folder.flatten().take(MAX_FILES) {
            let text = read(&entry.path(), MAX_FILE);
            let login = session_login(&String::from_utf8_lossy(&text));
            found.extend(login.and_then(|login| self.living(login)));
        }
        found
    }

    /// What a crash has left behind does not count.
    fn living(&self, (process, address): (u32, IpAddr)) -> Option<IpAddr> {
        let is_alive = self.processes.join(process.to_string()).exists();
        (is_alive && !address.is_unspecified()).then_some(address)
    }
}

fn read(path: &Path, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = fs::File::open(path) {
        // What was read before an error counts.
        let _ = file.take(most).read_to_end(&mut bytes);
    }
    bytes
}

/// Sizes and places of utmp(5) in glibc: times are of 32 bits but where there never was a system of
/// 32 bits to be compatible with.
const WIDE: bool = cfg!(target_arch = "aarch64");
const UTMP_LEN: usize = if WIDE { 400 } else { 384 };
const ADDRESS_AT: usize = if WIDE { 360 } else { 348 };
const PROCESS_AT: usize = 4;
const HOST_AT: usize = 76;
const HOST_LEN: usize = 256;
/// `USER_PROCESS`.
const LOGGED_IN: i16 = 7;

/// The process and the address of a record that tells of somebody who is logged in from elsewhere.
fn utmp_login(record: &[u8]) -> Option<(u32, IpAddr)> {
    let kind = i16::from_ne_bytes(record.get(..2)?.try_into().ok()?);
    let process = record.get(PROCESS_AT..PROCESS_AT + 4)?;
    let process = u32::from_ne_bytes(process.try_into().ok()?);
    let bytes: [u8; 16] = record.get(ADDRESS_AT..ADDRESS_AT + 16)?.try_into().ok()?;
    let [a, b, c, d, rest @ ..] = bytes;
    let address = if rest == [0; 12] {
        IpAddr::from(Ipv4Addr::new(a, b, c, d))
    } else {
        IpAddr::from(Ipv6Addr::from(bytes))
    };
    let host = record.get(HOST_AT..HOST_AT + HOST_LEN)?;
    let host = host.split(|byte| *byte == 0).next()?;
    let named = std::str::from_utf8(host)
        .ok()
        .and_then(|text| text.parse().ok());
    let address = if address.is_unspecified() {
        named?
    } else {
        address
    };
    (kind == LOGGED_IN).then(|| (process, address.to_canonical()))
}

/// The same of a session of systemd-logind.
fn session_login(text: &str) -> Option<(u32, IpAddr)> {
    let value = |key: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    };
    if value("STATE") == Some("closing") {
        return None;
    }
    // A link-local address names its interface behind a percent sign.
    let host = value("REMOTE_HOST")?.split('%').next()?;
    let address: IpAddr = host.parse().ok()?;
    Some((value("LEADER")?.parse().ok()?, address.to_canonical()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::new(1000, 0);

    fn ends(peer: &str) -> Ends {
        ("192.0.2.1:22".parse().unwrap(), peer.parse().unwrap())
    }

    #[test]
    fn a_session_counts_when_it_has_stayed_or_was_there_at_the_start() {
        let mut sessions = Sessions::default();
        let mut check = |secs: u64, established: &[&str], expected: &[&str]| {
            let now = START + Duration::from_secs(secs);
            let established = established.iter().map(|peer| ends(peer)).collect();
            let expected = expected.iter().map(|peer| peer.parse().unwrap()).collect();
            assert_eq!(sessions.real(established, now), expected, "{secs}");
        };
        let (person, guesser, again) = ("198.51.100.1:40", "203.0.113.5:41", "203.0.113.5:42");
        check(0, &[person], &["198.51.100.1"]);
        check(1, &[person, guesser], &["198.51.100.1"]);
        // The next attempt comes by a connection of its own.
        check(20, &[person, again], &["198.51.100.1"]);
        check(40, &[person, again], &["198.51.100.1"]);
        check(50, &[again], &["203.0.113.5"]);
        check(51, &[], &[]);
        check(52, &[person], &[]);
        check(82, &[person], &["198.51.100.1"]);
    }

    fn utmp(kind: i16, process: u32, address: [u8; 16], host: &str) -> Vec<u8> {
        let mut record = vec![0; UTMP_LEN];
        record[..2].copy_from_slice(&kind.to_ne_bytes());
        record[4..8].copy_from_slice(&process.to_ne_bytes());
        record[HOST_AT..HOST_AT + host.len()].copy_from_slice(host.as_bytes());
        record[ADDRESS_AT..ADDRESS_AT + 16].copy_from_slice(&address);
        record
    }

    #[test]
    fn who_is_logged_in_is_read_from_the_systems_tables() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["sessions", "processes", "processes/10", "processes/11"] {
            fs::create_dir(path(name)).unwrap();
        }
        let four = |last| {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&[198, 51, 100, last]);
            bytes
        };
        let six: Ipv6Addr = "2001:db8::6".parse().unwrap();
        let records = [
            utmp(7, 10, four(1), "somewhere.example"),
            utmp(7, 10, six.octets(), ""),
            utmp(7, 11, [0; 16], "198.51.100.2"),
            // Logged out, ended with a crash, on the console.
            utmp(8, 10, four(3), ""),
            utmp(7, 99, four(4), ""),
            utmp(7, 10, [0; 16], ":0"),
        ];
        let mut bytes = records.concat();
        bytes.extend_from_slice(&[7; 50]);
        fs::write(path("utmp"), bytes).unwrap();
        let session = |host: &str, state: &str| {
            format!("# private\nREMOTE=1\nREMOTE_HOST={host}\nSTATE={state}\nLEADER=11\n")
        };
        fs::write(path("sessions/1"), session("198.51.100.7", "active")).unwrap();
        fs::write(path("sessions/2"), session("198.51.100.8", "closing")).unwrap();
        fs::write(path("sessions/3"), session("", "active")).unwrap();
        let logins = Logins {
            utmp: path("utmp"),
            sessions: path("sessions"),
            processes: path("processes"),
        };
        let expected = [
            "198.51.100.1",
            "198.51.100.2",
            "198.51.100.7",
            "2001:db8::6",
        ];
        let expected = expected.iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(logins.addresses(), expected);
    }

    #[test]
    fn a_system_that_writes_nothing_down_has_nobody_logged_in() {
        let nowhere = PathBuf::from("/nowhere");
        let logins = Logins {
            utmp: nowhere.clone(),
            sessions: nowhere.clone(),
            processes: nowhere,
        };
        assert!(logins.addresses().is_empty());
    }
}
