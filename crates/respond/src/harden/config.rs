//! What hardening can be told. Every key is optional; the defaults lock nobody out.

use event::Prefix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::protected::host::{ADMIN_PORTS, Wishes};

/// The table by default.
pub const TABLE: &str = "ratel_harden";

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HardenConfig {
    /// The name of the table, `inet`, that holds it all.
    pub table: String,
    /// TCP ports by which people administer this host: nothing here limits them, unless a service
    /// names one.
    pub admin_ports: Vec<u16>,
    /// Who is never limited or dropped, beyond what is computed: load balancers, monitoring.
    #[schemars(with = "Vec<String>")]
    pub protected: Vec<Prefix>,
    /// Whether private ranges are never limited or dropped.
    pub private: bool,
    /// Limits of named services.
    pub services: Vec<Service>,
    /// Limits of each other port together.
    pub others: Limits,
    /// Floods of SYN packets with invented sources.
    pub syn_flood: SynFlood,
    /// Who tries port after port.
    pub scans: Scans,
    /// Whether TCP packets that no system sends (no flags, SYN with FIN, ...) are dropped.
    pub bogus_tcp: bool,
    /// Echo requests a second from one source; 0: no limit.
    pub pings_per_second: u32,
    /// Networks whose hosts may answer and nothing else.
    pub honeypots: Honeypots,
    /// Addresses that hand out credentials to whoever asks.
    pub metadata: Metadata,
}

impl Default for HardenConfig {
    fn default() -> Self {
        HardenConfig {
            table: TABLE.to_owned(),
            admin_ports: ADMIN_PORTS.to_vec(),
            protected: Vec::new(),
            private: false,
            services: Vec::new(),
            others: Limits::default(),
            syn_flood: SynFlood::default(),
            scans: Scans::default(),
            bogus_tcp: true,
            pings_per_second: 20,
            honeypots: Honeypots::default(),
            metadata: Metadata::default(),
        }
    }
}

impl HardenConfig {
    /// Who is protected.
    #[must_use]
    pub fn wishes(&self) -> Wishes {
        Wishes {
            also: self.protected.clone(),
            private: self.private,
            admin_ports: self.admin_ports.clone(),
        }
    }
}

/// TCP or UDP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// As nft writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        }
    }
}

/// Limits of one service, for each source: one address of IPv4, one /64 of IPv6.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its name in rules and counters.
    pub name: String,
    /// TCP or UDP.
    #[serde(default)]
    pub protocol: Protocol,
    /// Its ports.
    pub ports: Vec<u16>,
    /// New connections a minute; 0: no limit.
    #[serde(default)]
    pub new_per_minute: u32,
    /// So many at once before the rate counts; 0: as many as in ten seconds.
    #[serde(default)]
    pub burst: u32,
    /// Connections at the same time; 0: no limit.
    #[serde(default)]
    pub connections: u32,
}

/// Limits for each source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// New connections a minute; 0: no limit.
    pub new_per_minute: u32,
    /// So many at once before the rate counts; 0: as many as in ten seconds.
    pub burst: u32,
    /// Connections at the same time; 0: no limit.
    pub connections: u32,
}

/// Far above what the people behind one address do, far below what one attacking machine can: 200 a
/// second, and 4,096 at a time, a sixteenth of the smallest connection table of common systems.
impl Default for Limits {
    fn default() -> Self {
        Limits {
            new_per_minute: 12_000,
            burst: 1000,
            connections: 4096,
        }
    }
}

/// What is done about floods of SYN packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SynMode {
    /// The kernel answers in place of the service with a cookie, and the service sees a connection
    /// once the other end has answered. Where the kernel cannot, as `limit`.
    #[default]
    Synproxy,
    /// SYN packets of all sources together have a rate.
    Limit,
    /// Nothing.
    Off,
}

/// Floods of SYN packets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SynFlood {
    /// What is done.
    pub mode: SynMode,
    /// For which ports; without it all on which something listens for others than this host, but
    /// for administration ports and ports that are translated to other addresses.
    pub ports: Option<Vec<u16>>,
    /// The segment size that is offered for IPv4, bytes; for IPv6 it is 20 less.
    pub mss: u16,
    /// SYN packets a second with `limit`.
    pub per_second: u32,
}

impl Default for SynFlood {
    fn default() -> Self {
        SynFlood {
            mode: SynMode::default(),
            ports: None,
            // Ethernet's 1,500 less 40 of headers.
            mss: 1460,
            per_second: 1000,
        }
    }
}

/// Who tries port after port: what counts is different ports behind which nothing listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scans {
    /// Whether they are found.
    pub enabled: bool,
    /// So many closed ports are no scan yet.
    pub ports: u32,
    /// Nor are so many more in each minute.
    pub ports_per_minute: u32,
    /// For how long a source that scans gets nowhere but to administration ports. Sources can be
    /// invented, so this is short.
    pub drop_secs: u32,
}

impl Default for Scans {
    fn default() -> Self {
        Scans {
            enabled: true,
            ports: 15,
            ports_per_minute: 10,
            drop_secs: 600,
        }
    }
}

/// Networks of honeypots: others reach them, they reach nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Honeypots {
    /// Their addresses.
    #[schemars(with = "Vec<String>")]
    pub networks: Vec<Prefix>,
    /// The interfaces behind which they are, whatever addresses they use.
    pub interfaces: Vec<String>,
    /// Whom they may reach all the same: collectors of logs.
    #[schemars(with = "Vec<String>")]
    pub may_reach: Vec<Prefix>,
}

/// A user of this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum User {
    /// By number.
    Id(u32),
    /// By name.
    Name(String),
}

/// Metadata services of clouds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Metadata {
    /// Whether they are closed.
    pub enabled: bool,
    /// Their addresses.
    #[schemars(with = "Vec<String>")]
    pub addresses: Vec<Prefix>,
    /// Users of this host who may ask them.
    pub users: Vec<User>,
    /// Networks of containers or machines behind this host that may ask them.
    #[schemars(with = "Vec<String>")]
    pub networks: Vec<Prefix>,
}

/// Address and whose it is, by the clouds' own documentation.
const METADATA: [&str; 12] = [
    // AWS, Azure, Google, OpenStack, Oracle, DigitalOcean, Hetzner and most others.
    "169.254.169.254",
    // AWS, by IPv6.
    "fd00:ec2::254",
    // AWS: credentials of ECS tasks, and of EKS pods in both families.
    "169.254.170.2",
    "169.254.170.23",
    "fd00:ec2::23",
    // Google, by IPv6.
    "fd20:ce::254",
    // Azure's agent channel.
    "168.63.129.16",
    // Alibaba.
    "100.100.100.200",
    // Tencent.
    "169.254.0.23",
    // Oracle Classic.
    "192.0.0.192",
    // Scaleway, in both families.
    "169.254.42.42",
    "fd00:42::42",
];

impl Default for Metadata {
    fn default() -> Self {
        Metadata {
            enabled: true,
            addresses: METADATA.iter().filter_map(|t| t.parse().ok()).collect(),
            users: vec![User::Name("root".to_owned())],
            networks: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_optional_and_every_default_address_is_one() {
        let config: HardenConfig = serde_yaml_ng::from_str("{}").unwrap();
        assert_eq!(config, HardenConfig::default());
        assert_eq!(config.metadata.addresses.len(), METADATA.len());
        assert!(config.metadata.addresses.iter().all(Prefix::is_host));
    }

    #[test]
    fn a_part_keeps_the_rest_and_a_wrong_key_is_told() {
        let text = "services: [{name: web, ports: [80, 443], new_per_minute: 600}]\n\
                    metadata: {users: [root, 33]}\nsyn_flood: {mode: 'off'}";
        let config: HardenConfig = serde_yaml_ng::from_str(text).unwrap();
        assert_eq!(config.services[0].protocol, Protocol::Tcp);
        assert_eq!(config.metadata.users[1], User::Id(33));
        assert_eq!(config.metadata.addresses.len(), METADATA.len());
        assert_eq!(config.syn_flood.mss, 1460);
        let wrong = serde_yaml_ng::from_str::<HardenConfig>("service: []").unwrap_err();
        assert!(wrong.to_string().contains("service"), "{wrong}");
    }
}
