//! The sets and rules of a plan, in the order in which packets meet them.
//!
//! Nothing here lets a packet in that another table keeps out: to accept ends this table's chain
//! only. Each chain begins with whom it must never hit.

mod limits;

use std::collections::BTreeSet;

use event::Prefix;

use crate::protected::Because;

use super::config::{HardenConfig, Limits, Protocol};
use super::facts::Facts;
use super::plan::{Plan, Syn, is_four};
use super::script::{Chain, Rule, Set};
use limits::Limited;

/// Before connection tracking (-200); after the blocks of the responder (-310).
const RAW: i32 = -305;
/// Behind the filters of others (0, and up to 50 for security) and translations (100).
const LAST: i32 = 250;
/// Before the user's own filter (0), so that what it logs is what got this far.
const FILTER: i32 = -10;
/// Sources that a set of ours holds: 65,536 are some 10 MB of the kernel's memory. A full set
/// takes no more, and what it does not hold is not limited.
const SOURCES: u32 = 65_536;
/// The name of the limits of ports that no service names.
pub const OTHERS: &str = "others";
/// A TCP packet that opens a connection.
const SYN: &str = "tcp flags & (fin|syn|rst|ack) == syn";

/// Everything rules are made of.
pub struct Input<'a> {
    pub config: &'a HardenConfig,
    pub facts: &'a Facts,
    pub syn: &'a Syn,
    pub users: &'a BTreeSet<u32>,
}

/// A family: its number in names, its protocol in rules, its type, and the source that counts.
struct Family {
    digit: u8,
    ip: &'static str,
    kind: &'static str,
    nfproto: &'static str,
    /// One address, or one /64: a host of IPv6 has as many addresses as it likes.
    source: &'static str,
}

const FAMILIES: [Family; 2] = [
    Family {
        digit: 4,
        ip: "ip",
        kind: "ipv4_addr",
        nfproto: "ipv4",
        source: "ip saddr",
    },
    Family {
        digit: 6,
        ip: "ip6",
        kind: "ipv6_addr",
        nfproto: "ipv6",
        source: "ip6 saddr & ffff:ffff:ffff:ffff::",
    },
];

fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    format!("{{ {} }}", items.join(", "))
}

fn of_family<'a>(prefixes: impl IntoIterator<Item = &'a Prefix>, family: &Family) -> Vec<String> {
    let four = family.digit == 4;
    let of = prefixes
        .into_iter()
        .filter(|prefix| prefix.is_ipv4() == four);
    of.map(ToString::to_string).collect()
}

impl Input<'_> {
    fn limited(&self) -> Vec<Limited<'_>> {
        let services = self.config.services.iter().map(|service| Limited {
            name: &service.name,
            limits: Limits {
                new_per_minute: service.new_per_minute,
                burst: service.burst,
                connections: service.connections,
            },
            protocol: service.protocol,
            ports: &service.ports,
        });
        let others = [Protocol::Tcp, Protocol::Udp].map(|protocol| Limited {
            name: OTHERS,
            limits: self.config.others,
            protocol,
            ports: &[],
        });
        services.chain(others).collect()
    }

    /// Whom no rule hits, of one family. Ranges that only this host or this link can use are left
    /// out: rules see loopback by its interface, and a neighbour's link-local address is no friend.
    fn protected(&self, family: &Family) -> Vec<String> {
        let computed = self
            .facts
            .protected
            .iter()
            .filter(|(_, because)| match because {
                Because::Own
                | Because::Gateway
                | Because::Resolver
                | Because::Session
                | Because::Private
                | Because::User => true,
                Because::Loopback
                | Because::Unspecified
                | Because::LinkLocal
                | Because::Multicast => false,
            });
        let prefixes: BTreeSet<Prefix> = computed.map(|(prefix, _)| prefix).collect();
        of_family(&prefixes, family)
    }

    /// All sets.
    pub fn sets(&self) -> Vec<Set> {
        let mut sets = vec![Set::of(
            "admin",
            "type inet_service",
            self.admin().iter().map(u16::to_string).collect(),
        )];
        for family in &FAMILIES {
            let (kind, digit) = (family.kind, family.digit);
            let prefixes = format!("type {kind}; flags interval; auto-merge");
            let mut fixed = |name: &str, elements: Vec<String>| {
                sets.push(Set::of(&format!("{name}{digit}"), &prefixes, elements));
            };
            fixed("protected", self.protected(family));
            let honeypots = &self.config.honeypots;
            fixed("honeypots", of_family(&honeypots.networks, family));
            fixed("reachable", of_family(&honeypots.may_reach, family));
            if self.config.metadata.enabled {
                fixed(
                    "metadata",
                    of_family(&self.config.metadata.addresses, family),
                );
                fixed("askers", of_family(&self.config.metadata.networks, family));
            }
            if !self.syn.proxied.is_empty() {
                let before = self.syn.before.iter();
                let before = before.filter(|(_, peer)| is_four(peer.ip()) == (digit == 4));
                sets.push(Set::of(
                    &format!("before{digit}"),
                    &format!("type {kind} . inet_service . inet_service"),
                    before
                        .map(|(port, peer)| format!("{} . {} . {port}", peer.ip(), peer.port()))
                        .collect(),
                ));
            }
            sets.extend(self.counting(family));
        }
        sets
    }

    fn counting(&self, family: &Family) -> Vec<Set> {
        let (kind, digit) = (family.kind, family.digit);
        let timed = |name: &str, kind: &str, secs: u32| {
            Set::filled(
                format!("{name}{digit}"),
                format!("type {kind}; size {SOURCES}; flags dynamic,timeout; timeout {secs}s"),
            )
        };
        let mut sets = Vec::new();
        if self.config.scans.enabled {
            sets.push(timed("scanners", kind, self.config.scans.drop_secs));
            // A port that is tried again within five minutes is no other port.
            let pair = format!("{kind} . inet_proto . inet_service");
            sets.push(timed("tried", &pair, 300));
            sets.push(timed("tries", kind, 300));
        }
        if self.config.pings_per_second > 0 {
            sets.push(timed("pings", kind, 60));
        }
        for limited in self.limited() {
            sets.extend(limited.sets(family));
        }
        sets
    }

    /// Administration ports that no service names.
    fn admin(&self) -> BTreeSet<u16> {
        let named = Plan::named(self.config, Protocol::Tcp);
        let ports = self.config.admin_ports.iter().copied();
        ports.filter(|port| !named.contains(port)).collect()
    }

    /// All chains: base chains first, then those that they lead to.
    pub fn chains(&self) -> Vec<Chain> {
        let base = |name, hook, priority, rules| Chain {
            name,
            hook: Some((hook, priority)),
            rules,
        };
        let mut chains = Vec::new();
        if !self.syn.proxied.is_empty() {
            chains.push(base("pre", "prerouting", RAW, self.handed_over()));
            chains.push(base("last", "input", LAST, self.last()));
        }
        chains.push(base("in", "input", FILTER, self.incoming()));
        chains.push(base("through", "forward", FILTER, self.through()));
        if self.config.metadata.enabled {
            chains.push(base("out", "output", FILTER, self.to_metadata("of users")));
            chains.push(Chain {
                name: "metadata",
                hook: None,
                rules: self.metadata(),
            });
        }
        if self.config.scans.enabled {
            chains.push(Chain {
                name: "tries",
                hook: None,
                rules: self.tries(),
            });
        }
        chains
    }

    /// What comes by loopback from elsewhere is the proxy's own handshake with the service. Its last packet
    /// echoes a timestamp that the proxy has shifted twice; Linux 6.15 and later hold that against it, and
    /// the connection would begin a second later. No echo is not held against it.
    fn handed_over(&self) -> Vec<Rule> {
        let ports = list(&self.syn.proxied);
        vec![Rule::new(
            "handed over",
            format!(
                "iifname \"lo\" tcp dport {ports} fib saddr type != local tcp option timestamp tsecr set 0"
            ),
        )]
    }

    /// Behind everybody's filters: a SYN packet that one of them drops is not answered, and without the
    /// cookie of the answer nobody gets in. Tracked, so that what tracking remembers of an earlier
    /// connection between the same ports is forgotten, and translations are made as ever; what is
    /// answered here is forgotten too.
    fn last(&self) -> Vec<Rule> {
        let mut rules = vec![
            Rule::new("loopback, last", "iifname \"lo\" accept"),
            // The answer to the proxy would not be translated.
            Rule::new("translated", "ct status dnat accept"),
        ];
        for Family { digit, ip, .. } in &FAMILIES {
            rules.push(Rule::new(
                &format!("protected {digit}, last"),
                format!("{ip} saddr @protected{digit} accept"),
            ));
        }
        rules.extend(self.proxy("proxy", &format!("{SYN} ct state new,untracked")));
        rules
    }

    fn proxy(&self, name: &str, packets: &str) -> Vec<Rule> {
        let ports = list(&self.syn.proxied);
        let scale = self.facts.window_scale;
        let rule = |Family { digit, nfproto, .. }: &Family| {
            let mss = match digit {
                4 => self.config.syn_flood.mss,
                // Its header has 20 bytes more.
                _ => self.config.syn_flood.mss.saturating_sub(20),
            };
            Rule::new(
                &format!("{name} {digit}"),
                format!(
                    "meta nfproto {nfproto} tcp dport {ports} {packets} counter synproxy mss {mss} wscale {scale} timestamp sack-perm"
                ),
            )
        };
        FAMILIES.iter().map(rule).collect()
    }

    fn incoming(&self) -> Vec<Rule> {
        let mut rules = vec![
            // A connection that the SYN proxy hands over comes by loopback too, with its own source.
            Rule::new("loopback", "iifname \"lo\" fib saddr type local accept"),
            Rule::new("established", "ct state established,related accept"),
            // Without its neighbours and its lease a host is cut off whatever else is allowed.
            Rule::new("neighbours", "icmpv6 type != echo-request accept"),
            Rule::new("leases", "udp dport { 68, 546 } accept"),
        ];
        for Family { digit, ip, .. } in &FAMILIES {
            rules.push(Rule::new(
                &format!("protected {digit}"),
                format!("{ip} saddr @protected{digit} accept"),
            ));
        }
        rules.extend(self.honeypots("to this host"));
        rules.push(Rule::new("administration", "tcp dport @admin accept"));
        if self.config.scans.enabled {
            for Family { digit, source, .. } in &FAMILIES {
                rules.push(Rule::new(
                    &format!("scanners {digit}"),
                    format!("{source} @scanners{digit} counter drop"),
                ));
            }
        }
        rules.extend(self.bogus());
        rules.extend(self.flood());
        if self.config.scans.enabled {
            rules.push(Rule::new("tries tcp", format!("{SYN} jump tries")));
            rules.push(Rule::new(
                "tries udp",
                "meta l4proto udp ct state new jump tries",
            ));
        }
        rules.extend(self.pings());
        rules.extend(self.limits());
        rules
    }

    fn bogus(&self) -> Vec<Rule> {
        // RFC 9293: but for the first packet and a reset, each has ACK; SYN goes with neither FIN nor RST.
        const BOGUS: [(&str, &str); 3] = [
            ("no syn, rst, ack", "tcp flags & (syn|rst|ack) == 0x0"),
            ("syn with fin", "tcp flags & (fin|syn) == (fin|syn)"),
            ("syn with rst", "tcp flags & (syn|rst) == (syn|rst)"),
        ];
        let mut rules = Vec::new();
        for (name, text) in BOGUS.iter().filter(|_| self.config.bogus_tcp) {
            if self.config.scans.enabled {
                rules.push(Rule::new(
                    &format!("{name}, tried"),
                    format!("{text} jump tries"),
                ));
            }
            rules.push(Rule::new(name, format!("{text} counter drop")));
        }
        rules
    }

    fn flood(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        if !self.syn.proxied.is_empty() {
            for Family { digit, ip, .. } in &FAMILIES {
                rules.push(Rule::new(
                    &format!("connections from before {digit}"),
                    format!("{ip} saddr . tcp sport . tcp dport @before{digit} accept"),
                ));
            }
            rules.extend(self.proxy(
                "answers to the proxy",
                "tcp flags & (syn|rst|ack) == ack ct state invalid,untracked",
            ));
            // Limits hold for those who have answered, when the proxy hands them over: anybody can
            // invent a source.
            rules.push(Rule::new(
                "unproved",
                format!(
                    "iifname != \"lo\" tcp dport {} {SYN} accept",
                    list(&self.syn.proxied)
                ),
            ));
        }
        if !self.syn.limited.is_empty() {
            let rate = self.config.syn_flood.per_second;
            rules.push(Rule::new(
                "syn of all",
                format!(
                    "tcp dport {} {SYN} limit rate over {rate}/second burst {rate} packets counter drop",
                    list(&self.syn.limited)
                ),
            ));
        }
        rules
    }

    /// Counts different closed ports of a source; who tries too many is held for a while.
    fn tries(&self) -> Vec<Rule> {
        let scans = &self.config.scans;
        let mut rules = Vec::new();
        if self.facts.has_socket {
            for wildcard in [0, 1] {
                rules.push(Rule::new(
                    &format!("someone listens {wildcard}"),
                    format!("socket wildcard {wildcard} return"),
                ));
            }
        }
        for family in &FAMILIES {
            let Family {
                digit, ip, source, ..
            } = family;
            let pair = format!("{ip} saddr . meta l4proto . th dport");
            rules.push(Rule::new(
                &format!("scan {digit}"),
                format!(
                    "{pair} != @tried{digit} add @tried{digit} {{ {pair} }} \
                     update @tries{digit} {{ {source} limit rate over {}/minute burst {} packets }} \
                     add @scanners{digit} {{ {source} }} counter drop",
                    scans.ports_per_minute, scans.ports
                ),
            ));
        }
        rules
    }

    fn pings(&self) -> Vec<Rule> {
        let rate = self.config.pings_per_second;
        let rule = |family: &Family| {
            let (digit, source) = (family.digit, family.source);
            let word = if digit == 4 { "icmp" } else { "icmpv6" };
            Rule::new(
                &format!("pings {digit}"),
                format!(
                    "{word} type echo-request update @pings{digit} {{ {source} limit rate over {rate}/second burst {} packets }} counter drop",
                    rate.saturating_mul(2)
                ),
            )
        };
        FAMILIES.iter().filter(|_| rate > 0).map(rule).collect()
    }

    fn limits(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        for limited in self.limited() {
            for family in &FAMILIES {
                rules.extend(limited.rules(family));
            }
            if !limited.ports.is_empty() {
                rules.push(Rule::new(
                    &format!("{} {}", limited.name, limited.protocol.name()),
                    format!("{} accept", limited.matches()),
                ));
            }
        }
        rules
    }

    /// What begins in a honeypot ends here.
    fn honeypots(&self, to: &str) -> Vec<Rule> {
        let honeypots = &self.config.honeypots;
        let mut rules = Vec::new();
        if !honeypots.networks.is_empty() {
            for Family { digit, ip, .. } in &FAMILIES {
                rules.push(Rule::new(
                    &format!("honeypots {digit} {to}"),
                    format!("{ip} saddr @honeypots{digit} counter drop"),
                ));
            }
        }
        if !honeypots.interfaces.is_empty() {
            let names = honeypots
                .interfaces
                .iter()
                .map(|name| format!("\"{name}\""));
            rules.push(Rule::new(
                &format!("behind honeypots' interfaces {to}"),
                format!("iifname {} counter drop", list(names)),
            ));
        }
        rules
    }

    fn through(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        let honeypots = &self.config.honeypots;
        if !honeypots.networks.is_empty() || !honeypots.interfaces.is_empty() {
            rules.push(Rule::new(
                "answers",
                "ct state established,related ct direction reply accept",
            ));
            if !honeypots.may_reach.is_empty() {
                for Family { digit, ip, .. } in &FAMILIES {
                    rules.push(Rule::new(
                        &format!("honeypots may reach {digit}"),
                        format!("{ip} daddr @reachable{digit} accept"),
                    ));
                }
            }
            rules.extend(self.honeypots("to others"));
        }
        if self.config.metadata.enabled {
            rules.extend(self.to_metadata("of containers"));
        }
        rules
    }

    fn to_metadata(&self, whose: &str) -> Vec<Rule> {
        let rule = |Family { digit, ip, .. }: &Family| {
            Rule::new(
                &format!("metadata {digit} {whose}"),
                format!("{ip} daddr @metadata{digit} goto metadata"),
            )
        };
        FAMILIES.iter().map(rule).collect()
    }

    fn metadata(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        if !self.users.is_empty() {
            rules.push(Rule::new(
                "users may ask",
                format!("meta skuid {} accept", list(self.users)),
            ));
        }
        for Family { digit, ip, .. } in &FAMILIES {
            rules.push(Rule::new(
                &format!("networks may ask {digit}"),
                format!("{ip} saddr @askers{digit} accept"),
            ));
        }
        // Some clouds have their name, time and lease servers at the same address.
        rules.push(Rule::new(
            "names",
            "meta l4proto { tcp, udp } th dport 53 accept",
        ));
        rules.push(Rule::new(
            "time and leases",
            "udp dport { 67, 123, 547 } accept",
        ));
        rules.push(Rule::new(
            "metadata",
            "counter reject with icmpx type admin-prohibited",
        ));
        rules
    }
}
