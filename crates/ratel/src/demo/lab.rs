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

    /// The name of its namespace, as `ip netns` shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Place::Attacker => "ratel-demo-attacker",
            Place::Host => "ratel-demo-host",
            Place::Neighbour => "ratel-demo-neighbour",
        }
    }
}

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
    "link add h0 netns ratel-demo-host type veth peer name a0 netns ratel-demo-attacker",
    "link add h1 netns ratel-demo-host type veth peer name n0 netns ratel-demo-neighbour",
    "-n ratel-demo-attacker link set lo up",
    "-n ratel-demo-attacker link set a0 up",
    "-n ratel-demo-attacker addr add 203.0.113.2/24 dev a0",
    "-n ratel-demo-attacker addr add 203.0.113.61/24 dev a0",
    "-n ratel-demo-attacker addr add 203.0.113.62/24 dev a0",
    "-n ratel-demo-attacker addr add 203.0.113.63/24 dev a0",
    "-n ratel-demo-attacker addr add 203.0.113.64/24 dev a0",
    "-n ratel-demo-attacker addr add 203.0.113.65/24 dev a0",
    "-n ratel-demo-attacker addr add 203.0.113.66/24 dev a0",
    "-n ratel-demo-attacker addr add 2001:db8:61:bad::5/64 dev a0 nodad",
    "-n ratel-demo-attacker addr add 2001:db8:61::2/64 dev a0 nodad",
    "-n ratel-demo-host link set lo up",
    "-n ratel-demo-host link set h0 up",
    "-n ratel-demo-host link set h1 up",
    "-n ratel-demo-host addr add 203.0.113.1/24 dev h0",
    "-n ratel-demo-host addr add 2001:db8:61::1/64 dev h0 nodad",
    "-n ratel-demo-host addr add 192.0.2.1/24 dev h1",
    "-n ratel-demo-host route add 2001:db8:61:bad::/64 dev h0",
    "-n ratel-demo-neighbour link set lo up",
    "-n ratel-demo-neighbour link set n0 up",
    "-n ratel-demo-neighbour addr add 192.0.2.10/24 dev n0",
    "-n ratel-demo-neighbour route add default via 192.0.2.1",
    "-n ratel-demo-attacker route add 192.0.2.0/24 via 203.0.113.1",
    // Attackers enough for measuring: all of 198.18.0.0/15 (RFC 2544) lives there.
    "-n ratel-demo-attacker route add local 198.18.0.0/15 dev lo",
    "-n ratel-demo-host route add 198.18.0.0/15 via 203.0.113.2",
    "netns exec ratel-demo-host sysctl -q -w net.ipv4.ip_forward=1",
];

/// The lab while it stands; gone when dropped.
#[derive(Debug)]
pub struct Lab(());

impl Lab {
    /// Makes the namespaces and the links between them.
    pub fn build() -> Result<Self> {
        // What an earlier demo that was killed left.
        remove();
        let lab = Lab(());
        for place in Place::ALL {
            ip(&format!("netns add {}", place.name()))?;
        }
        for step in STEPS {
            ip(step)?;
        }
        Ok(lab)
    }

    /// Does something inside one of the namespaces, in a thread of its own.
    pub fn inside<T: Send + 'static>(
        &self,
        place: Place,
        what: impl FnOnce() -> T + Send + 'static,
    ) -> Result<std::thread::JoinHandle<Result<T>>> {
        let path = format!("/run/netns/{}", place.name());
        let namespace = File::open(&path).with_context(|| format!("cannot open {path}"))?;
        std::thread::Builder::new()
            .name(place.name().to_owned())
            .spawn(move || {
                move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                    .with_context(|| format!("cannot enter {path}"))?;
                Ok(what())
            })
            .context("cannot start a thread")
    }

    /// A command that will run inside one of the namespaces.
    #[must_use]
    pub fn command(&self, place: Place, program: &std::path::Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", place.name()]).arg(program);
        command
    }

    /// The firewall's rules inside one of the namespaces, as `nft` lists them.
    pub fn firewall(&self, place: Place) -> Result<String> {
        let listed = self
            .command(place, std::path::Path::new("nft"))
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
        remove();
    }
}

/// Removes the namespaces; the links go with them.
fn remove() {
    for place in Place::ALL {
        if std::path::Path::new("/run/netns")
            .join(place.name())
            .exists()
        {
            let _ = ip(&format!("netns del {}", place.name()));
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
