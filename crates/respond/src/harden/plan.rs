//! Configuration and host in, plan out: a table as a value that can be printed, refused, tested.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use event::Prefix;
use serde::Serialize;

use crate::protected::Because;

use super::config::{HardenConfig, Protocol, Service, SynMode, User};
use super::facts::Facts;
use super::rules;
use super::script::{Chain, Set};

/// Named services: each costs a rule and a set for each family and limit.
const MAX_SERVICES: usize = 64;
/// Ports of one list.
const MAX_PORTS: usize = 128;
/// Prefixes and interfaces of one list, but for the protected.
const MAX_LIST: usize = 256;
/// Connections that stay what they are while the SYN proxy begins.
const MAX_CONNECTIONS: usize = 65_536;
/// Rates that nft can state without overflow.
const MAX_RATE: u32 = 10_000_000;
/// Without this setting the kernel takes the answer to a cookie for a connection that it missed.
const TCP_LOOSE: &str = "net.netfilter.nf_conntrack_tcp_loose";

/// A setting of the kernel, in the network namespace of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sysctl {
    /// Its name with dots.
    pub key: String,
    /// What it shall be.
    pub value: String,
}

/// Everything that hardening changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The name of the table.
    pub table: String,
    /// Its sets.
    pub sets: Vec<Set>,
    /// Its chains.
    pub chains: Vec<Chain>,
    /// Settings of the kernel.
    pub sysctls: Vec<Sysctl>,
    /// What a person should know about it.
    pub notes: Vec<String>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A value that cannot be.
    #[error("harden.{key}: {why}")]
    Wrong {
        /// Which.
        key: &'static str,
        /// Why not.
        why: String,
    },
    /// It would hit what is protected.
    #[error("harden.{key}: {prefix} would hit {hit}: {because}")]
    Hits {
        /// Which.
        key: &'static str,
        /// What was asked for.
        prefix: Prefix,
        /// What is protected.
        hit: Prefix,
        /// Why.
        because: Because,
    },
}

/// What is done about floods, resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Syn {
    pub proxied: BTreeSet<u16>,
    pub limited: BTreeSet<u16>,
    /// Our port, the other end: connections from before.
    pub before: BTreeSet<(u16, SocketAddr)>,
}

/// The plan for this host.
///
/// # Errors
/// Values that cannot be, and whatever would hit the protected set.
pub fn plan(config: &HardenConfig, facts: &Facts) -> Result<Plan, Refused> {
    check(config)?;
    check_honeypots(config, facts)?;
    check_metadata(config, facts)?;
    let mut notes = Vec::new();
    let users = users(config, facts)?;
    let syn = syn(config, facts, &mut notes)?;
    if config.scans.enabled && !facts.has_socket {
        notes.push(
            "rules of this kernel cannot ask for sockets: open ports count for scans too"
                .to_owned(),
        );
    }
    let sysctls = if syn.proxied.is_empty() {
        Vec::new()
    } else {
        vec![Sysctl {
            key: TCP_LOOSE.to_owned(),
            value: "0".to_owned(),
        }]
    };
    let input = rules::Input {
        config,
        facts,
        syn: &syn,
        users: &users,
    };
    Ok(Plan {
        table: config.table.clone(),
        sets: input.sets(),
        chains: input.chains(),
        sysctls,
        notes,
    })
}

fn wrong<T>(key: &'static str, why: impl Into<String>) -> Result<T, Refused> {
    let why = why.into();
    Err(Refused::Wrong { key, why })
}

fn check(config: &HardenConfig) -> Result<(), Refused> {
    let is_word = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.len() <= 31
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    if !is_word(&config.table) {
        return wrong(
            "table",
            format!("{:?} is not a word of a-z, 0-9 and _", config.table),
        );
    }
    ports("admin_ports", &config.admin_ports)?;
    if config.services.len() > MAX_SERVICES {
        return wrong("services", format!("more than {MAX_SERVICES}"));
    }
    let mut taken = BTreeSet::new();
    let mut names = BTreeSet::new();
    for service in &config.services {
        if !is_word(&service.name) || !names.insert(&service.name) || service.name == rules::OTHERS
        {
            return wrong(
                "services",
                format!(
                    "the name {:?} is taken or not a word of a-z, 0-9 and _",
                    service.name
                ),
            );
        }
        check_service(service)?;
        for port in &service.ports {
            if !taken.insert((service.protocol.name(), *port)) {
                return wrong(
                    "services",
                    format!("{}: port {port} is named twice", service.name),
                );
            }
        }
    }
    rates(
        "others",
        &[
            config.others.new_per_minute,
            config.others.burst,
            config.others.connections,
        ],
    )?;
    rates("pings_per_second", &[config.pings_per_second])?;
    if config.syn_flood.mss < 536 || config.syn_flood.per_second == 0 {
        return wrong("syn_flood", "mss is at least 536, per_second at least 1");
    }
    rates("syn_flood.per_second", &[config.syn_flood.per_second])?;
    ports(
        "syn_flood.ports",
        config.syn_flood.ports.as_deref().unwrap_or(&[]),
    )?;
    let scans = &config.scans;
    if scans.ports == 0 || scans.ports_per_minute == 0 || scans.drop_secs == 0 {
        return wrong(
            "scans",
            "ports, ports_per_minute and drop_secs are at least 1",
        );
    }
    rates(
        "scans",
        &[scans.ports, scans.ports_per_minute, scans.drop_secs],
    )
}

fn check_service(service: &Service) -> Result<(), Refused> {
    ports("services", &service.ports)?;
    if service.ports.is_empty() {
        return wrong("services", format!("{} names no port", service.name));
    }
    rates(
        "services",
        &[service.new_per_minute, service.burst, service.connections],
    )
}

fn ports(key: &'static str, ports: &[u16]) -> Result<(), Refused> {
    if ports.len() > MAX_PORTS {
        return wrong(key, format!("more than {MAX_PORTS} ports"));
    }
    if ports.contains(&0) {
        return wrong(key, "0 is no port");
    }
    Ok(())
}

fn rates(key: &'static str, rates: &[u32]) -> Result<(), Refused> {
    match rates.iter().find(|rate| **rate > MAX_RATE) {
        Some(rate) => wrong(key, format!("{rate} is above {MAX_RATE}")),
        None => Ok(()),
    }
}

fn short(key: &'static str, length: usize) -> Result<(), Refused> {
    if length > MAX_LIST {
        return wrong(key, format!("more than {MAX_LIST}"));
    }
    Ok(())
}

/// A network of honeypots holds addresses of this host, which is its gateway, and nobody else who matters.
fn check_honeypots(config: &HardenConfig, facts: &Facts) -> Result<(), Refused> {
    let honeypots = &config.honeypots;
    short("honeypots.networks", honeypots.networks.len())?;
    short("honeypots.interfaces", honeypots.interfaces.len())?;
    short("honeypots.may_reach", honeypots.may_reach.len())?;
    for name in &honeypots.interfaces {
        let is_name = (1..=15).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        if !is_name || name == "lo" {
            return wrong(
                "honeypots.interfaces",
                format!("{name:?} is no interface of a honeypot"),
            );
        }
    }
    for prefix in &honeypots.networks {
        let harmless = [Because::Own, Because::Private];
        hits("honeypots.networks", prefix, facts, &harmless)?;
    }
    Ok(())
}

/// Closing an address to users cuts off whoever lives there; a cloud's resolver stays reachable by its port.
fn check_metadata(config: &HardenConfig, facts: &Facts) -> Result<(), Refused> {
    let metadata = &config.metadata;
    short("metadata.addresses", metadata.addresses.len())?;
    short("metadata.users", metadata.users.len())?;
    short("metadata.networks", metadata.networks.len())?;
    if !metadata.enabled {
        return Ok(());
    }
    for prefix in &metadata.addresses {
        if !prefix.is_host() {
            return wrong("metadata.addresses", format!("{prefix} is not one address"));
        }
        let harmless = [Because::LinkLocal, Because::Private, Because::Resolver];
        hits("metadata.addresses", prefix, facts, &harmless)?;
    }
    Ok(())
}

fn hits(
    key: &'static str,
    prefix: &Prefix,
    facts: &Facts,
    harmless: &[Because],
) -> Result<(), Refused> {
    let hit = facts
        .protected
        .iter()
        .find(|(other, because)| other.overlaps(prefix) && !harmless.contains(because));
    match hit {
        Some((hit, because)) => Err(Refused::Hits {
            key,
            prefix: *prefix,
            hit,
            because,
        }),
        None => Ok(()),
    }
}

fn users(config: &HardenConfig, facts: &Facts) -> Result<BTreeSet<u32>, Refused> {
    config
        .metadata
        .users
        .iter()
        .map(|user| match user {
            User::Id(id) => Ok(*id),
            User::Name(name) => match facts.users.get(name) {
                Some(id) => Ok(*id),
                None => wrong(
                    "metadata.users",
                    format!("{name:?} is no user of this host"),
                ),
            },
        })
        .collect()
}

fn syn(config: &HardenConfig, facts: &Facts, notes: &mut Vec<String>) -> Result<Syn, Refused> {
    let mut syn = Syn::default();
    if config.syn_flood.mode == SynMode::Off {
        return Ok(syn);
    }
    let ports = syn_ports(config, facts, notes);
    if config.syn_flood.mode == SynMode::Limit || ports.is_empty() {
        syn.limited = ports;
        return Ok(syn);
    }
    if !facts.has_synproxy {
        notes.push("this kernel has no SYN proxy: SYN packets have a rate instead".to_owned());
        syn.limited = ports;
        return Ok(syn);
    }
    let list: Vec<String> = ports.iter().map(u16::to_string).collect();
    notes.push(format!(
        "the SYN proxy answers for port {}",
        list.join(", ")
    ));
    syn.before = facts
        .connections
        .iter()
        .filter(|(local, _)| ports.contains(&local.port()))
        .map(|(local, peer)| (local.port(), *peer))
        .collect();
    if syn.before.len() > MAX_CONNECTIONS {
        let why = format!(
            "the {} connections that exist would be cut: apply it at a quieter time",
            syn.before.len()
        );
        return wrong("syn_flood", why);
    }
    syn.proxied = ports;
    Ok(syn)
}

fn syn_ports(config: &HardenConfig, facts: &Facts, notes: &mut Vec<String>) -> BTreeSet<u16> {
    let is_admin = |port: &u16| config.admin_ports.contains(port);
    if let Some(ports) = &config.syn_flood.ports {
        return ports
            .iter()
            .copied()
            .filter(|port| !is_admin(port))
            .collect();
    }
    if facts.translated.any {
        notes.push(
            "packets are translated by rules whose ports cannot be told: name the ports in \
             syn_flood.ports to have their floods kept off"
                .to_owned(),
        );
        return BTreeSet::new();
    }
    let all: Vec<u16> = facts
        .listening
        .iter()
        .copied()
        .filter(|port| !is_admin(port) && !facts.translated.ports.contains(port))
        .collect();
    if all.len() > MAX_PORTS {
        notes.push(format!(
            "something listens on {} ports: floods are kept off the lowest {MAX_PORTS}",
            all.len()
        ));
    }
    all.into_iter().take(MAX_PORTS).collect()
}

impl Plan {
    /// The ports of a protocol that a service names.
    pub(super) fn named(config: &HardenConfig, protocol: Protocol) -> BTreeSet<u16> {
        let of = config.services.iter().filter(|s| s.protocol == protocol);
        of.flat_map(|service| service.ports.iter().copied())
            .collect()
    }
}

/// Whether it is of IPv4.
pub(super) const fn is_four(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(_))
}
