//! What ipset and iptables are told: sets, elements, and the rules of our chains, as text.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use event::action::{ActionId, What};

use crate::firewall::Wanted;

/// How comments of what is ours begin.
pub const COMMENT: &str = "ratel ";
/// The longest timeout that ipset knows, 24 days; what holds for longer is put anew in time.
pub const MAX_TIMEOUT_SECS: u64 = 2_147_483;
/// Limits, leads and connections have rules of their own, and each packet passes all of them.
pub const MAX_OWN_RULES: usize = 1000;

/// What a set is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Blocked, both directions.
    Block,
    /// Cut off, both directions, forwarded too.
    Jail,
    /// Limited: its rule looks at the set only beyond the limit.
    Limit,
    /// Led to a honeypot.
    Lead,
    /// Connections: address and port of the attacker, address of ours.
    Connection,
}

/// One set of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shape {
    /// What for.
    pub kind: Kind,
    /// Of IPv4, else of IPv6.
    pub four: bool,
}

impl Shape {
    /// Every set there can be.
    pub fn all() -> impl Iterator<Item = Shape> {
        use Kind::{Block, Connection, Jail, Lead, Limit};
        [Block, Jail, Limit, Lead, Connection]
            .into_iter()
            .flat_map(|kind| [true, false].map(|four| Shape { kind, four }))
    }

    /// The name of its set behind our prefix.
    #[must_use]
    pub fn name(&self) -> String {
        let kind = match self.kind {
            Kind::Block => "block",
            Kind::Jail => "jail",
            Kind::Limit => "limit",
            Kind::Lead => "lead",
            Kind::Connection => "connection",
        };
        format!("{kind}{}", if self.four { 4 } else { 6 })
    }

    /// What ipset calls its family.
    #[must_use]
    pub fn family(&self) -> &'static str {
        if self.four { "inet" } else { "inet6" }
    }

    /// The command that makes its set, and does nothing where it is there.
    #[must_use]
    pub fn create(&self, prefix: &str, size: u32) -> String {
        let kind = match self.kind {
            Kind::Connection => "hash:ip,port,ip",
            Kind::Block | Kind::Jail | Kind::Limit | Kind::Lead => "hash:net",
        };
        format!(
            "create {prefix}-{} {kind} family {} maxelem {size} timeout 0 counters comment -exist\n",
            self.name(),
            self.family()
        )
    }
}

/// A chain of ours: its name behind our prefix, its table, and who jumps to it.
pub struct Chain {
    /// Its name.
    pub name: &'static str,
    /// `raw`, `filter` or `nat`.
    pub table: &'static str,
    /// The chain of the system that asks it first.
    pub from: &'static str,
}

/// All chains of ours. `raw` stands before connection tracking and before any other table.
pub const CHAINS: [Chain; 4] = [
    Chain {
        name: "pre",
        table: "raw",
        from: "PREROUTING",
    },
    Chain {
        name: "out",
        table: "raw",
        from: "OUTPUT",
    },
    Chain {
        name: "forward",
        table: "filter",
        from: "FORWARD",
    },
    Chain {
        name: "lead",
        table: "nat",
        from: "PREROUTING",
    },
];

/// One rule of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Whether it is of IPv4.
    pub four: bool,
    /// Its chain.
    pub chain: &'static str,
    /// Its comment, which is its name.
    pub comment: String,
    /// What stands before it asks its set.
    before: String,
    /// How it asks its set: `--match-set ratel-block4 src`.
    pub asks: String,
    /// `DROP`, or `DNAT` with its destination.
    pub verdict: String,
}

impl Rule {
    /// As iptables takes it, without its chain.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "{}-m set {} -m comment --comment \"{}\" -j {}",
            self.before, self.asks, self.comment, self.verdict
        )
    }
}

/// Writes rules of one shape.
struct Writer<'a> {
    prefix: &'a str,
    shape: Shape,
    id: Option<ActionId>,
    out: Vec<Rule>,
}

impl Writer<'_> {
    fn rule(&mut self, chain: &'static str, sides: &str, before: String, verdict: &str) {
        let name = self.shape.name();
        let owner = self.id.map_or(String::new(), |id| format!(" {id}"));
        // Rules that differ in nothing else differ in their protocol.
        let protocol = before
            .strip_prefix("-p ")
            .and_then(|rest| rest.split(' ').next())
            .map_or(String::new(), |protocol| format!(" {protocol}"));
        self.out.push(Rule {
            four: self.shape.four,
            chain,
            comment: format!("{COMMENT}{name} {sides}{protocol}{owner}"),
            before,
            asks: format!("--match-set {}-{name} {sides}", self.prefix),
            verdict: verdict.to_owned(),
        });
    }
}

/// The rules that an action needs. Blocks and quarantines share theirs.
#[must_use]
pub fn rules(prefix: &str, wanted: &Wanted) -> Vec<Rule> {
    let shape = shape(&wanted.what);
    let is_shared = matches!(shape.kind, Kind::Block | Kind::Jail);
    let mut writer = Writer {
        prefix,
        shape,
        id: (!is_shared).then_some(wanted.id),
        out: Vec::new(),
    };
    let plain = String::new;
    match &wanted.what {
        What::Block { .. } => {
            for (chain, side) in [("pre", "src"), ("pre", "dst"), ("out", "dst")] {
                writer.rule(chain, side, plain(), "DROP");
            }
        }
        What::Quarantine { .. } => {
            for chain in ["pre", "forward"] {
                writer.rule(chain, "src", plain(), "DROP");
                writer.rule(chain, "dst", plain(), "DROP");
            }
            writer.rule("out", "dst", plain(), "DROP");
        }
        What::RateLimit {
            target,
            packets_per_second,
            burst,
        } => {
            // The set is asked last: what it counts is what goes beyond the limit.
            let before = format!(
                "-s {target} -m hashlimit --hashlimit-above {}/sec --hashlimit-burst {} \
                 --hashlimit-name r{} ",
                (*packets_per_second).max(1),
                (*burst).max(1),
                wanted.id
            );
            writer.rule("pre", "src", before, "DROP");
        }
        What::Redirect { target, to, port } => {
            let destination = match (port, to) {
                (Some(port), _) => SocketAddr::new(*to, *port).to_string(),
                (None, IpAddr::V4(to)) => to.to_string(),
                (None, IpAddr::V6(to)) => format!("[{to}]"),
            };
            let verdict = format!("DNAT --to-destination {destination}");
            for protocol in ["tcp", "udp"] {
                writer.rule(
                    "lead",
                    "src",
                    format!("-p {protocol} -s {target} "),
                    &verdict,
                );
            }
        }
        What::DropConnection { connection } => {
            let (proto, peer, local) = (connection.proto.name(), connection.peer, connection.local);
            let come = format!(
                "-p {proto} -d {} --sport {} --dport {} ",
                local.ip(),
                peer.port(),
                local.port()
            );
            let go = format!(
                "-p {proto} -s {} --sport {} --dport {} ",
                local.ip(),
                local.port(),
                peer.port()
            );
            writer.rule("pre", "src,src,dst", come, "DROP");
            writer.rule("pre", "dst,dst,src", go.clone(), "DROP");
            writer.rule("out", "dst,dst,src", go, "DROP");
        }
    }
    writer.out
}

/// The rules of several actions, each once.
#[must_use]
pub fn all_rules<'a>(prefix: &str, wanted: impl IntoIterator<Item = &'a Wanted>) -> Vec<Rule> {
    let mut seen = BTreeSet::new();
    wanted
        .into_iter()
        .flat_map(|wanted| rules(prefix, wanted))
        .filter(|rule| seen.insert((rule.four, rule.chain, rule.comment.clone())))
        .collect()
}

/// The set that holds an action.
#[must_use]
pub fn shape(what: &What) -> Shape {
    let kind = match what {
        What::Block { .. } => Kind::Block,
        What::Quarantine { .. } => Kind::Jail,
        What::RateLimit { .. } => Kind::Limit,
        What::Redirect { .. } => Kind::Lead,
        What::DropConnection { .. } => Kind::Connection,
    };
    Shape {
        kind,
        four: what.target().is_ipv4(),
    }
}

/// The element that holds an action, as ipset reads and writes it.
#[must_use]
pub fn key(what: &What) -> String {
    match what {
        What::Block { target }
        | What::Quarantine { target }
        | What::RateLimit { target, .. }
        | What::Redirect { target, .. } => target.to_string(),
        What::DropConnection { connection } => format!(
            "{},{}:{},{}",
            connection.peer.ip(),
            connection.proto.name(),
            connection.peer.port(),
            connection.local.ip()
        ),
    }
}

/// Writes the command that puts an element; one that is ours already gets its new end.
pub fn add(out: &mut String, prefix: &str, wanted: &Wanted, left_secs: u64, exists: bool) {
    let _ = writeln!(
        out,
        "add {prefix}-{} {} timeout {} comment \"{COMMENT}{}\"{}",
        shape(&wanted.what).name(),
        key(&wanted.what),
        left_secs.clamp(1, MAX_TIMEOUT_SECS),
        wanted.id,
        if exists { " -exist" } else { "" }
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::Timestamp;
    use event::action::{Connection, Transport};

    fn check(what: What, expected: &[&str]) {
        let wanted = Wanted {
            id: ActionId(3),
            what,
            ends: Timestamp::new(100, 0),
        };
        let texts: Vec<String> = rules("ratel", &wanted)
            .iter()
            .map(|rule| format!("{} {}", rule.chain, rule.text()))
            .collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn an_action_has_the_rules_that_it_needs() {
        check(
            What::Block {
                target: "2001:db8::/64".parse().unwrap(),
            },
            &[
                "pre -m set --match-set ratel-block6 src -m comment --comment \"ratel block6 src\" -j DROP",
                "pre -m set --match-set ratel-block6 dst -m comment --comment \"ratel block6 dst\" -j DROP",
                "out -m set --match-set ratel-block6 dst -m comment --comment \"ratel block6 dst\" -j DROP",
            ],
        );
        check(
            What::Redirect {
                target: "192.0.2.7".parse().unwrap(),
                to: "192.0.2.9".parse().unwrap(),
                port: Some(2222),
            },
            &[
                "lead -p tcp -s 192.0.2.7 -m set --match-set ratel-lead4 src -m comment --comment \"ratel lead4 src tcp a3\" -j DNAT --to-destination 192.0.2.9:2222",
                "lead -p udp -s 192.0.2.7 -m set --match-set ratel-lead4 src -m comment --comment \"ratel lead4 src udp a3\" -j DNAT --to-destination 192.0.2.9:2222",
            ],
        );
    }

    #[test]
    fn a_connection_is_named_by_both_ends() {
        let what = What::DropConnection {
            connection: Connection {
                proto: Transport::Tcp,
                peer: "192.0.2.7:4000".parse().unwrap(),
                local: "192.0.2.1:22".parse().unwrap(),
            },
        };
        assert_eq!(key(&what), "192.0.2.7,tcp:4000,192.0.2.1");
    }
}
