//! The host around the firewall: who is protected, which connections live, what the interfaces are.

use std::fs;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use event::action::{Failure, Transport, What};
use event::{Prefix, Timestamp};

use crate::firewall::tool::Tool;
use crate::protected::Protected;
use crate::protected::host::{Tables, Wishes};
use crate::protected::sessions::{Logins, Sessions};

pub mod model;
mod peers;
mod sockets;

pub use peers::Peers;

/// A honeypot on this network answers in a few milliseconds.
const ANSWER: Duration = Duration::from_millis(250);

/// Tracked connections up to which all of them are listed at once: some 100 MB of text.
const MAX_TRACKED: u64 = 500_000;

/// Connections of a target that live although it was acted against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survivors {
    /// Sockets of this host that are connected with it.
    pub sockets: u32,
    /// Connections that the kernel tracks.
    pub tracked: u32,
    /// Of these, those that a flow table carries past all rules.
    pub offloaded: u32,
}

/// The state of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// There and up.
    Up,
    /// There and down.
    Down,
    /// Not there.
    Gone,
}

/// What the responder asks of the host. `model` answers from memory.
pub trait Host {
    /// Who must not be hit, at this moment; in words why that cannot be told.
    fn protected(&mut self, now: Timestamp) -> Result<Protected, String>;
    /// Ends the connections that an action is about; how many ended.
    fn end_connections(&mut self, what: &What) -> Result<u32, String>;
    /// The connections that live in spite of an action.
    fn survivors(&mut self, what: &What) -> Result<Survivors, String>;
    /// Everybody with whom there are connections, for questions about many; None where that cannot
    /// be told, or is no cheaper than to ask for each.
    fn peers(&mut self) -> Option<Peers> {
        None
    }
    /// The network namespace in which the firewall is changed.
    fn namespace(&self) -> Option<u64>;
    /// The state of an interface.
    fn interface(&self, name: &str) -> Interface;
    /// A way by which packets of an interface pass our rules.
    fn past(&self, interface: &str) -> Option<(Failure, String)>;
    /// Whether a honeypot answers; None where that cannot be asked.
    fn answers(&self, honeypot: SocketAddr) -> Option<bool>;
    /// Whether packets led to `to` get there: it is this host's own, or the kernel forwards.
    fn reaches(&mut self, to: IpAddr) -> bool;
}

/// The Linux host in whose network namespace the calling thread is.
#[derive(Debug)]
pub struct LinuxHost {
    tables: Tables,
    sessions: Sessions,
    wishes: Wishes,
    conntrack: Tool,
    ss: Tool,
}

impl LinuxHost {
    /// This host, with what the user wants protected beyond what is computed.
    #[must_use]
    pub fn new(wishes: Wishes) -> Self {
        LinuxHost {
            tables: Tables::default(),
            sessions: Sessions::default(),
            wishes,
            conntrack: Tool::named("conntrack"),
            ss: Tool::named("ss"),
        }
    }

    /// The same with other commands, as a test or an unusual system has them.
    #[must_use]
    pub fn with_tools(mut self, conntrack: Tool, ss: Tool) -> Self {
        self.conntrack = conntrack;
        self.ss = ss;
        self
    }

    /// The same with other tables of logins.
    #[must_use]
    pub fn with_logins(mut self, logins: Logins) -> Self {
        self.tables = self.tables.with_logins(logins);
        self
    }

    /// How many connections the kernel tracks; None where it tracks none at all.
    fn tracked() -> Option<u64> {
        let text = fs::read_to_string("/proc/sys/net/netfilter/nf_conntrack_count").ok()?;
        text.trim().parse().ok().filter(|count| *count > 0)
    }

    fn tracks(&self, what: &What, verb: &str) -> Result<Vec<String>, String> {
        let target = what.target();
        let mut found = Vec::new();
        for filter in filters(what) {
            let mut arguments = vec![verb, "-f", family(&target)];
            arguments.extend(filter.iter().map(String::as_str));
            // It tells "none" by its exit status.
            let output = self
                .conntrack
                .output(&arguments, "")
                .map_err(|error| error.to_string())?;
            let stderr = String::from_utf8_lossy(&output.stderr);
            if stderr.contains("not permitted") {
                return Err(format!("conntrack: {}", stderr.trim()));
            }
            let stdout = String::from_utf8_lossy(&output.stdout);
            found.extend(stdout.lines().map(str::to_owned));
        }
        Ok(found)
    }
}

/// What conntrack is asked for: the ways in which a target can stand in a connection.
fn filters(what: &What) -> Vec<Vec<String>> {
    match what {
        What::DropConnection { connection } => {
            let ends = |src: SocketAddr, dst: SocketAddr| {
                let words = ["-p", connection.proto.name(), "-s", "", "-d", ""];
                let mut words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
                for (at, text) in [(3, src.ip().to_string()), (5, dst.ip().to_string())] {
                    if let Some(word) = words.get_mut(at) {
                        *word = text;
                    }
                }
                words.extend(["--sport".to_owned(), src.port().to_string()]);
                words.extend(["--dport".to_owned(), dst.port().to_string()]);
                words
            };
            vec![
                ends(connection.peer, connection.local),
                ends(connection.local, connection.peer),
            ]
        }
        What::Redirect { target, .. } => vec![vec!["-s".to_owned(), cidr(target)]],
        // Behind a translation of destinations only the answers show the target's address.
        What::Quarantine { target } => ["-s", "-d", "-r"]
            .iter()
            .map(|side| vec![(*side).to_owned(), cidr(target)])
            .collect(),
        What::Block { target } => ["-s", "-d"]
            .iter()
            .map(|side| vec![(*side).to_owned(), cidr(target)])
            .collect(),
        What::RateLimit { .. } => Vec::new(),
    }
}

fn cidr(target: &Prefix) -> String {
    format!("{}/{}", target.address(), target.length())
}

fn family(target: &Prefix) -> &'static str {
    if target.is_ipv4() { "ipv4" } else { "ipv6" }
}

/// Whether a line of conntrack tells of a connection that is led away already: the honeypot answers.
fn is_led(line: &str, to: IpAddr, port: Option<u16>) -> bool {
    let answer = |key: &str| {
        let mut words = line.split_ascii_whitespace();
        words
            .by_ref()
            .filter_map(|word| word.strip_prefix(key))
            .nth(1)
    };
    let from = answer("src=").and_then(|address| address.parse::<IpAddr>().ok());
    let at = answer("sport=").and_then(|port| port.parse::<u16>().ok());
    from == Some(to) && port.is_none_or(|port| at == Some(port))
}

impl Host for LinuxHost {
    fn protected(&mut self, now: Timestamp) -> Result<Protected, String> {
        self.tables
            .protected_since(&self.wishes, &mut self.sessions, now)
            .map_err(|error| error.to_string())
    }

    fn end_connections(&mut self, what: &What) -> Result<u32, String> {
        let mut ended = 0_u32;
        let mut trouble = None;
        let lives = match what {
            // Packets of a led or limited target may go on; only new connections are led.
            What::RateLimit { .. } => return Ok(0),
            What::Redirect { .. } => 0,
            What::Block { .. } | What::DropConnection { .. } | What::Quarantine { .. } => {
                sockets::connected(what).map_err(|error| error.to_string())?
            }
        };
        if lives > 0 {
            let expression = sockets::expression(what);
            let words: Vec<&str> = expression.iter().map(String::as_str).collect();
            match self.ss.run(&words, "") {
                Ok(_) => {
                    let left = sockets::connected(what).map_err(|error| error.to_string())?;
                    ended += lives.saturating_sub(left);
                }
                Err(error) => trouble = Some(error.to_string()),
            }
        }
        if LinuxHost::tracked().is_some() {
            match self.tracks(what, "-D") {
                Ok(lines) => ended += u32::try_from(lines.len()).unwrap_or(u32::MAX),
                Err(error) => trouble = Some(error),
            }
        }
        trouble.map_or(Ok(ended), Err)
    }

    fn survivors(&mut self, what: &What) -> Result<Survivors, String> {
        let mut survivors = Survivors::default();
        match what {
            What::RateLimit { .. } => return Ok(survivors),
            What::Redirect { .. } => {}
            What::Block { .. } | What::DropConnection { .. } | What::Quarantine { .. } => {
                survivors.sockets = sockets::connected(what).map_err(|error| error.to_string())?;
            }
        }
        if LinuxHost::tracked().is_none() || !self.conntrack.exists() {
            // Without its command nothing can be asked; our rules stand before tracking anyway.
            return Ok(survivors);
        }
        let lines = self.tracks(what, "-L")?;
        for line in lines {
            match what {
                What::Redirect { to, port, .. } if is_led(&line, *to, *port) => {}
                _ => {
                    survivors.tracked += 1;
                    survivors.offloaded += u32::from(line.contains("[OFFLOAD]"));
                    survivors.offloaded += u32::from(line.contains("[HW_OFFLOAD]"));
                }
            }
        }
        Ok(survivors)
    }

    fn peers(&mut self) -> Option<Peers> {
        let mut found = Vec::new();
        sockets::alive(|_, peer| found.push(peer.ip())).ok()?;
        match LinuxHost::tracked() {
            None => {}
            Some(count) if count > MAX_TRACKED => return None,
            Some(_) if !self.conntrack.exists() => {}
            Some(_) => {
                for family in ["ipv4", "ipv6"] {
                    let output = self.conntrack.output(&["-L", "-f", family], "").ok()?;
                    if !output.status.success() {
                        return None;
                    }
                    let lines = String::from_utf8_lossy(&output.stdout);
                    found.extend(lines.lines().flat_map(peers::of_track));
                }
            }
        }
        Some(found.into_iter().collect())
    }

    fn namespace(&self) -> Option<u64> {
        namespace_of(Path::new("/proc/thread-self/ns/net"))
    }

    fn interface(&self, name: &str) -> Interface {
        let known = |text: &str| {
            text.lines()
                .any(|l| l.trim_start().starts_with(&format!("{name}:")))
        };
        match fs::read_to_string("/proc/thread-self/net/dev") {
            Ok(text) if !known(&text) => Interface::Gone,
            Ok(_) if is_down(name) => Interface::Down,
            Ok(_) | Err(_) => Interface::Up,
        }
    }

    fn past(&self, interface: &str) -> Option<(Failure, String)> {
        past(interface)
    }

    fn answers(&self, honeypot: SocketAddr) -> Option<bool> {
        Some(TcpStream::connect_timeout(&honeypot, ANSWER).is_ok())
    }

    fn reaches(&mut self, to: IpAddr) -> bool {
        let own = self.tables.is_own(to).unwrap_or(false);
        let path = if to.is_ipv4() {
            "/proc/sys/net/ipv4/ip_forward"
        } else {
            "/proc/sys/net/ipv6/conf/all/forwarding"
        };
        let forwards = fs::read_to_string(path).is_ok_and(|text| text.trim() == "1");
        own || forwards
    }
}

/// The number of a network namespace.
#[must_use]
pub fn namespace_of(path: &Path) -> Option<u64> {
    let link = fs::read_link(path).ok()?;
    let text = link.to_string_lossy();
    let (_, rest) = text.split_once('[')?;
    rest.strip_suffix(']')?.parse().ok()
}

/// Whether routes know no way by an interface: one that is down has none, neither of IPv4 nor IPv6.
/// `/sys` shows the namespace in which it was mounted, so the flags there may be another's.
fn is_down(name: &str) -> bool {
    let Ok(output) = Tool::named("ip").run(&["-o", "link", "show", "dev", name], "") else {
        return false;
    };
    let flags = output
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or("", |(flags, _)| flags);
    !flags.split(',').any(|flag| flag == "UP")
}

/// Devices upon or around an interface that take its packets before our rules are asked.
fn past(interface: &str) -> Option<(Failure, String)> {
    let ip = Tool::named("ip");
    let links = ip.run(&["-d", "-o", "link", "show"], "").ok()?;
    find_past(interface, &links, bridges_ask_us())
}

/// Whether bridged packets come by our rules.
fn bridges_ask_us() -> bool {
    let paths: [PathBuf; 2] = [
        "/proc/sys/net/bridge/bridge-nf-call-iptables".into(),
        "/proc/sys/net/bridge/bridge-nf-call-ip6tables".into(),
    ];
    paths
        .iter()
        .all(|path| fs::read_to_string(path).is_ok_and(|text| text.trim() == "1"))
}

fn find_past(interface: &str, links: &str, bridges_ask_us: bool) -> Option<(Failure, String)> {
    let line_of = |name: &str| {
        links.lines().find(|line| {
            let device = line.split(": ").nth(1).unwrap_or_default();
            device.split('@').next() == Some(name)
        })
    };
    let own = line_of(interface)?;
    let master = own
        .split_once(" master ")
        .and_then(|(_, rest)| rest.split_ascii_whitespace().next());
    if own.contains(" xdp") {
        return Some((
            Failure::IngressPast,
            format!("an XDP program at {interface} may take packets before our rules"),
        ));
    }
    let is_bridge = own.contains(" bridge ") && !own.contains(" bridge_slave ");
    if (own.contains(" bridge_slave ") || is_bridge) && !bridges_ask_us {
        let bridge = master.unwrap_or(interface);
        return Some((
            Failure::BridgedPast,
            format!(
                "the bridge {bridge} carries packets of {interface} to its other ports without our rules"
            ),
        ));
    }
    None
}

/// Whether a socket of this protocol can be ended.
fn can_end(proto: Transport) -> bool {
    matches!(proto, Transport::Tcp)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKS: &str = "\
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN \\    link/loopback 00
2: eth0: <BROADCAST,UP> mtu 1500 qdisc noop master br0 state UP \\    link/ether 00 \\    veth \\    bridge_slave state forwarding priority 32
3: br0: <BROADCAST,UP> mtu 1500 qdisc noop state UP \\    link/ether 00 \\    bridge forward_delay 1500
4: eth1: <BROADCAST,UP> mtu 1500 qdisc noop state UP \\    link/ether 00 \\    veth
6: eth2: <BROADCAST,UP> mtu 1500 xdp/id:7 qdisc noop state UP \\    link/ether 00
";

    #[test]
    fn ways_past_our_rules_are_seen_in_the_devices() {
        let check = |interface: &str, asks: bool, expected: Option<Failure>| {
            let found = find_past(interface, LINKS, asks).map(|(failure, _)| failure);
            assert_eq!(found, expected, "{interface}");
        };
        check("eth0", false, Some(Failure::BridgedPast));
        check("eth0", true, None);
        check("eth1", false, None);
        check("eth2", false, Some(Failure::IngressPast));
        check("lo", false, None);
        check("eth9", false, None);
    }

    #[test]
    fn a_tracked_connection_tells_whether_it_is_led_away() {
        let line = "tcp 6 431999 ESTABLISHED src=192.0.2.1 dst=198.51.100.1 sport=4 dport=22 \
                    src=10.0.0.9 dst=192.0.2.1 sport=2222 dport=4 [ASSURED] mark=0 use=1";
        let check = |to: &str, port, expected| {
            assert_eq!(
                is_led(line, to.parse().unwrap(), port),
                expected,
                "{to} {port:?}"
            );
        };
        check("10.0.0.9", None, true);
        check("10.0.0.9", Some(2222), true);
        check("10.0.0.9", Some(22), false);
        check("198.51.100.1", None, false);
    }
}
