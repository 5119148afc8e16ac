//! The lab: an attacker, a host and a neighbour behind it, each a network namespace with its own firewall and routes.
//!
//! ```text
//!  attacker 203.0.113.61-66, 2001:db8:61:bad::5 ── (a0 h0) host 203.0.113.1, 192.0.2.1 (h1 n0) ── neighbour 192.0.2.10
//! ```

use anyhow::{Context, Result, anyhow, bail};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;

/// A namespace of the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Where attacks come from.
    Attacker,
    /// Where Ratel and the services run.
    Host,
    /// A host behind it.
    Neighbour,
}

impl Place {
    const ALL: [Place; 3] = [Place::Attacker, Place::Host, Place::Neighbour];

    /// The name of its namespace, as `ip netns` shows it: two demos at once have labs of their own.
    #[must_use]
    pub fn name(self) -> String {
        let place = match self {
            Place::Attacker => "attacker",
            Place::Host => "host",
            Place::Neighbour => "neighbour",
        };
        format!("{PREFIX}{place}-{}", std::process::id())
    }
}

/// Where `ip netns` keeps namespaces.
const NAMESPACES: &str = "/run/netns";
/// What the names of the lab's namespaces begin with.
const PREFIX: &str = "ratel-demo-";
/// The host's interface that the attacker sees.
pub const OUTSIDE: &str = "h0";
/// The host, as the attacker knows it.
pub const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));
/// The same over IPv6.
pub const HOST_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x61, 0, 0, 0, 0, 1));
/// A neighbour that the host forwards to.
pub const NEIGHBOUR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
/// One of the attacker's addresses over IPv6.
pub const ATTACKER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x61, 0xbad, 0, 0, 0, 5));

/// The attacker's addresses over IPv4: each attack comes from one of its own.
#[must_use]
pub const fn attacker(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 60 + number))
}

/// What makes the lab, line by line for `ip`.
const STEPS: &[&str] = &[
    "link add h0 netns {host} type veth peer name a0 netns {attacker}",
    "link add h1 netns {host} type veth peer name n0 netns {neighbour}",
    "-n {attacker} link set lo up",
    "-n {attacker} link set a0 up",
    "-n {attacker} addr add 203.0.113.2/24 dev a0",
    "-n {attacker} addr add 203.0.113.61/24 dev a0",
    "-n {attacker} addr add 203.0.113.62/24 dev a0",
    "-n {attacker} addr add 203.0.113.63/24 dev a0",
    "-n {attacker} addr add 203.0.113.64/24 dev a0",
    "-n {attacker} addr add 203.0.113.65/24 dev a0",
    "-n {attacker} addr add 203.0.113.66/24 dev a0",
    "-n {attacker} addr add 2001:db8:61:bad::5/64 dev a0 nodad",
    "-n {attacker} addr add 2001:db8:61::2/64 dev a0 nodad",
    "-n {host} link set lo up",
    "-n {host} link set h0 up",
    "-n {host} link set h1 up",
    "-n {host} addr add 203.0.113.1/24 dev h0",
    "-n {host} addr add 2001:db8:61::1/64 dev h0 nodad",
    "-n {host} addr add 192.0.2.1/24 dev h1",
    "-n {host} route add 2001:db8:61:bad::/64 dev h0",
    "-n {neighbour} link set lo up",
    "-n {neighbour} link set n0 up",
    "-n {neighbour} addr add 192.0.2.10/24 dev n0",
    "-n {neighbour} route add default via 192.0.2.1",
    "-n {attacker} route add 192.0.2.0/24 via 203.0.113.1",
    // Attackers enough for measuring: all of 198.18.0.0/15 (RFC 2544) lives there.
    "-n {attacker} route add local 198.18.0.0/15 dev lo",
    "-n {host} route add 198.18.0.0/15 via 203.0.113.2",
    "netns exec {host} sysctl -q -w net.ipv4.ip_forward=1",
];

/// The lab while it stands; gone when dropped.
#[derive(Debug)]
pub struct Lab(());

impl Lab {
    /// Makes the namespaces and the links between them.
    pub fn build() -> Result<Self> {
        remove_left();
        let lab = Lab(());
        for place in Place::ALL {
            ip(&format!("netns add {}", place.name()))?;
        }
        for step in STEPS {
            let step = step
                .replace("{attacker}", &Place::Attacker.name())
                .replace("{host}", &Place::Host.name())
                .replace("{neighbour}", &Place::Neighbour.name());
            ip(&step)?;
        }
        Ok(lab)
    }

    /// Does something inside one of the namespaces, in a thread of its own.
    pub fn inside<T: Send + 'static>(
        &self,
        place: Place,
        what: impl FnOnce() -> T + Send + 'static,
    ) -> Result<std::thread::JoinHandle<Result<T>>> {
        let path = format!("{NAMESPACES}/{}", place.name());
        let namespace = File::open(&path).with_context(|| format!("cannot open {path}"))?;
        std::thread::Builder::new()
            .name(place.name())
            .spawn(move || {
                move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                    .with_context(|| format!("cannot enter {path}"))?;
                Ok(what())
            })
            .context("cannot start a thread")
    }

    /// A command that will run inside one of the namespaces.
    #[must_use]
    pub fn command(&self, place: Place, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &place.name()]).arg(program);
        command
    }

    /// The firewall's rules inside one of the namespaces, as `nft` lists them.
    pub fn firewall(&self, place: Place) -> Result<String> {
        let listed = self
            .command(place, Path::new("nft"))
            .args(["list", "ruleset"])
            .output()
            .context("cannot run nft")?;
        if !listed.status.success() {
            bail!("nft: {}", String::from_utf8_lossy(&listed.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&listed.stdout).into_owned())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for place in Place::ALL {
            remove(&place.name());
        }
    }
}

/// Removes a namespace, where it is there; its links go with it.
fn remove(name: &str) {
    if Path::new(NAMESPACES).join(name).exists() {
        let _ = ip(&format!("netns del {name}"));
    }
}

/// Removes what demos left that were killed.
fn remove_left() {
    let names = std::fs::read_dir(NAMESPACES).into_iter().flatten();
    for name in names.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
        let process = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.rsplit('-').next());
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            remove(&name);
        }
    }
}

fn ip(arguments: &str) -> Result<()> {
    let done = Command::new("ip")
        .args(arguments.split(' '))
        .output()
        .map_err(|error| anyhow!("cannot run ip (package iproute2): {error}"))?;
    if !done.status.success() {
        bail!(
            "ip {arguments}: {}",
            String::from_utf8_lossy(&done.stderr).trim()
        );
    }
    Ok(())
}
