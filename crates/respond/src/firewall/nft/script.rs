//! What nft is told: the skeleton of our table and the elements of its sets, as text.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use event::Prefix;
use event::action::{ActionId, Connection, What};

/// Before connection tracking, NAT and `raw` (-300), so that nothing else has decided anything yet;
/// after the defragmentation of other tables (-400) it need not be: fragments carry addresses too.
pub const FILTER_PRIORITY: i32 = -310;
/// Before `dstnat` (-100): the first translation of a connection wins.
pub const NAT_PRIORITY: i32 = -110;
/// An empty chain by which our own table is known.
pub const MARK: &str = "made_by_ratel";
/// How comments of what is ours begin.
pub const COMMENT: &str = "ratel ";

/// A kind of set. Each exists once for each family and prefix length in use: hash sets, because sets
/// of intervals refuse overlapping prefixes and are read whole by nft at each change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Blocked, both directions.
    Block,
    /// The limit of each source.
    Limit,
    /// What goes beyond the limit is counted here.
    Over,
    /// Connections.
    Connection,
    /// Source to honeypot.
    Lead,
    /// Source to honeypot and port.
    LeadPort,
    /// Cut off, both directions, forwarded too.
    Jail,
}

/// One set of ours: what for, which family, how many bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shape {
    /// What for.
    pub kind: Kind,
    /// Of IPv4, else of IPv6.
    pub four: bool,
    /// Leading bits that count; 0 where the key is a connection.
    pub length: u8,
}

impl Shape {
    /// The set's name.
    #[must_use]
    pub fn name(&self) -> String {
        let family = if self.four { 4 } else { 6 };
        match self.kind {
            Kind::Connection => format!("connection{family}"),
            Kind::Block => format!("block{family}_{}", self.length),
            Kind::Limit => format!("limit{family}_{}", self.length),
            Kind::Over => format!("over{family}_{}", self.length),
            Kind::Lead => format!("lead{family}_{}", self.length),
            Kind::LeadPort => format!("leadport{family}_{}", self.length),
            Kind::Jail => format!("jail{family}_{}", self.length),
        }
    }

    /// Whether it maps to something.
    #[must_use]
    pub fn is_map(&self) -> bool {
        matches!(self.kind, Kind::Lead | Kind::LeadPort)
    }

    /// The shape whose set has this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        const KINDS: [(&str, Kind); 7] = [
            ("block", Kind::Block),
            ("limit", Kind::Limit),
            ("over", Kind::Over),
            ("leadport", Kind::LeadPort),
            ("lead", Kind::Lead),
            ("jail", Kind::Jail),
            ("connection", Kind::Connection),
        ];
        KINDS.iter().find_map(|(word, kind)| {
            let rest = name.strip_prefix(word)?;
            let (family, length) = match rest.split_once('_') {
                Some((family, length)) => (family, length.parse().ok()?),
                None => (rest, 0),
            };
            let shape = Shape {
                kind: *kind,
                four: family == "4",
                length,
            };
            (shape.name() == name).then_some(shape)
        })
    }

    /// `set` or `map`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        if self.is_map() { "map" } else { "set" }
    }

    /// The type of its key, as nft names it.
    #[must_use]
    pub fn address_type(&self) -> &'static str {
        if self.four { "ipv4_addr" } else { "ipv6_addr" }
    }

    fn definition(&self, size: u32) -> String {
        let address = self.address_type();
        let key = match self.kind {
            Kind::Connection => {
                format!("inet_proto . {address} . inet_service . {address} . inet_service")
            }
            Kind::Lead => format!("{address} : {address}"),
            Kind::LeadPort => format!("{address} : {address} . inet_service"),
            Kind::Block | Kind::Limit | Kind::Over | Kind::Jail => address.to_owned(),
        };
        // Each element states its own limit; this one stands for none.
        let statement = match self.kind {
            Kind::Limit => "limit rate over 1/second burst 1 packets;",
            Kind::Block
            | Kind::Over
            | Kind::Connection
            | Kind::Lead
            | Kind::LeadPort
            | Kind::Jail => "counter;",
        };
        format!("{{ type {key}; flags timeout; size {size}; {statement} }}")
    }

    /// `ip saddr`, or `ip saddr & 255.255.0.0`.
    fn field(&self, field: &str) -> String {
        let protocol = if self.four { "ip" } else { "ip6" };
        let whole = self.length == if self.four { 32 } else { 128 };
        let zero: IpAddr = if self.four {
            [0, 0, 0, 0].into()
        } else {
            [0_u16; 8].into()
        };
        match Prefix::new(zero, self.length) {
            Some(prefix) if !whole => format!("{protocol} {field} & {}", prefix.mask()),
            _ => format!("{protocol} {field}"),
        }
    }
}

/// One rule that a shape needs: where it stands, what it says, what a reading must find in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its chain.
    pub chain: &'static str,
    /// Its text without the comment.
    pub text: String,
    /// The set it asks.
    pub set: String,
    /// `saddr` or `daddr`.
    pub field: &'static str,
    /// `ip` or `ip6`.
    pub protocol: &'static str,
    /// What it ends with: `drop` or `dnat`.
    pub verdict: &'static str,
}

impl Rule {
    /// Its comment, which is its name.
    #[must_use]
    pub fn comment(&self) -> String {
        format!("{COMMENT}{} {}", self.set, self.field)
    }
}

/// A base chain of ours.
pub struct Chain {
    /// Its name.
    pub name: &'static str,
    /// `filter` or `nat`.
    pub kind: &'static str,
    /// Its hook.
    pub hook: &'static str,
    /// Its priority.
    pub priority: i32,
}

/// All base chains of ours.
pub const CHAINS: [Chain; 4] = [
    Chain {
        name: "pre",
        kind: "filter",
        hook: "prerouting",
        priority: FILTER_PRIORITY,
    },
    Chain {
        name: "forward",
        kind: "filter",
        hook: "forward",
        priority: FILTER_PRIORITY,
    },
    Chain {
        name: "out",
        kind: "filter",
        hook: "output",
        priority: FILTER_PRIORITY,
    },
    Chain {
        name: "lead",
        kind: "nat",
        hook: "prerouting",
        priority: NAT_PRIORITY,
    },
];

/// The rules that ask the set of a shape.
#[must_use]
pub fn rules(shape: &Shape) -> Vec<Rule> {
    let set = shape.name();
    let protocol = if shape.four { "ip" } else { "ip6" };
    let rule = |chain, field: &'static str, text: String, verdict| Rule {
        chain,
        text,
        set: set.clone(),
        field,
        protocol,
        verdict,
    };
    let drop = |chain, field| {
        let text = format!("{} @{set} drop", shape.field(field));
        rule(chain, field, text, "drop")
    };
    match shape.kind {
        Kind::Block => vec![
            drop("pre", "saddr"),
            drop("pre", "daddr"),
            drop("out", "daddr"),
        ],
        Kind::Jail => vec![
            drop("pre", "saddr"),
            drop("pre", "daddr"),
            // After DNAT: a published port of a container is not its address before.
            drop("forward", "saddr"),
            drop("forward", "daddr"),
            drop("out", "daddr"),
        ],
        Kind::Limit => {
            let over = Shape {
                kind: Kind::Over,
                ..*shape
            };
            let field = shape.field("saddr");
            let text = format!("{field} @{set} {field} @{} drop", over.name());
            vec![rule("pre", "saddr", text, "drop")]
        }
        Kind::Over => Vec::new(),
        Kind::Connection => {
            let key = format!(
                "meta l4proto . {protocol} saddr . th sport . {protocol} daddr . th dport @{set} drop"
            );
            vec![
                rule("pre", "saddr", key.clone(), "drop"),
                rule("out", "saddr", key, "drop"),
            ]
        }
        Kind::Lead | Kind::LeadPort => {
            let text = format!(
                "meta l4proto {{ tcp, udp }} dnat {protocol} to {} map @{set}",
                shape.field("saddr")
            );
            vec![rule("lead", "saddr", text, "dnat")]
        }
    }
}

/// The shapes that hold an action.
#[must_use]
pub fn shapes(what: &What) -> Vec<Shape> {
    elements(what)
        .into_iter()
        .map(|element| element.shape)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// One element of one set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its set.
    pub shape: Shape,
    /// Its key as nft reads and writes it.
    pub key: String,
    /// What stands after the key: a limit.
    statement: String,
    /// What it maps to.
    value: String,
}

/// The elements that hold an action.
#[must_use]
pub fn elements(what: &What) -> Vec<Element> {
    let of = |kind, target: &Prefix, statement: String, value: String| Element {
        shape: Shape {
            kind,
            four: target.is_ipv4(),
            length: target.length(),
        },
        key: target.address().to_string(),
        statement,
        value,
    };
    let plain = |kind, target: &Prefix| of(kind, target, String::new(), String::new());
    match what {
        What::Block { target } => vec![plain(Kind::Block, target)],
        What::Quarantine { target } => vec![plain(Kind::Jail, target)],
        What::RateLimit {
            target,
            packets_per_second,
            burst,
        } => vec![
            of(
                Kind::Limit,
                target,
                format!(
                    " limit rate over {}/second burst {} packets",
                    (*packets_per_second).max(1),
                    (*burst).max(1)
                ),
                String::new(),
            ),
            plain(Kind::Over, target),
        ],
        What::Redirect { target, to, port } => match port {
            None => vec![of(Kind::Lead, target, String::new(), format!(" : {to}"))],
            Some(port) => vec![of(
                Kind::LeadPort,
                target,
                String::new(),
                format!(" : {to} . {port}"),
            )],
        },
        What::DropConnection { connection } => {
            vec![way(connection, false), way(connection, true)]
        }
    }
}

fn way(connection: &Connection, back: bool) -> Element {
    let (from, to) = if back {
        (connection.local, connection.peer)
    } else {
        (connection.peer, connection.local)
    };
    Element {
        shape: Shape {
            kind: Kind::Connection,
            four: connection.peer.is_ipv4(),
            length: 0,
        },
        key: format!(
            "{} . {} . {} . {} . {}",
            connection.proto.name(),
            from.ip(),
            from.port(),
            to.ip(),
            to.port()
        ),
        statement: String::new(),
        value: String::new(),
    }
}

/// The comment of an element: whose it is.
#[must_use]
pub fn comment(id: ActionId) -> String {
    format!("{COMMENT}{id}")
}

/// Writes what a table without them needs for these shapes: chains, sets, rules in a fixed order.
/// What stands there already is not touched; rules that stand there must not be among `rules`.
pub fn skeleton(
    out: &mut String,
    table: &str,
    shapes: &BTreeSet<Shape>,
    rules: &[Rule],
    size: u32,
) {
    let _ = writeln!(out, "add table inet {table}");
    let _ = writeln!(out, "add chain inet {table} {MARK}");
    for chain in &CHAINS {
        if rules.iter().any(|rule| rule.chain == chain.name) {
            let _ = writeln!(
                out,
                "add chain inet {table} {} {{ type {} hook {} priority {}; policy accept; }}",
                chain.name, chain.kind, chain.hook, chain.priority
            );
        }
    }
    for shape in shapes {
        let _ = writeln!(
            out,
            "add {} inet {table} {} {}",
            shape.word(),
            shape.name(),
            shape.definition(size)
        );
    }
    for rule in rules {
        let _ = writeln!(
            out,
            "add rule inet {table} {} {} comment \"{}\"",
            rule.chain,
            rule.text,
            rule.comment()
        );
    }
}

/// Writes the command that makes an element; it fails where somebody else has put the same.
pub fn create(out: &mut String, table: &str, element: &Element, id: ActionId, left: Duration) {
    put(out, "create", table, element, id, left);
}

/// Writes the commands that make an element whatever stood there; no packet sees the gap.
/// The first two together take out what is there and do not fail where nothing is.
pub fn replace(out: &mut String, table: &str, element: &Element, id: ActionId, left: Duration) {
    put(out, "add", table, element, id, left);
    delete(out, table, element);
    put(out, "add", table, element, id, left);
}

/// Writes the commands that take out an element that may have run out by itself.
pub fn remove(out: &mut String, table: &str, element: &Element) {
    put(
        out,
        "add",
        table,
        element,
        ActionId(0),
        Duration::from_secs(1),
    );
    delete(out, table, element);
}

/// Writes the command that takes an element out; it fails where there is none.
pub fn delete(out: &mut String, table: &str, element: &Element) {
    let _ = writeln!(
        out,
        "delete element inet {table} {} {{ {} }}",
        element.shape.name(),
        element.key
    );
}

fn put(out: &mut String, verb: &str, table: &str, element: &Element, id: ActionId, left: Duration) {
    // The kernel counts timeouts in milliseconds; 0 would mean no end.
    let left = left.max(Duration::from_millis(1));
    let left = match left.as_millis() {
        // nft refuses numbers of nine digits.
        millis @ ..100_000_000 => format!("{millis}ms"),
        _ => format!("{}s{}ms", left.as_secs(), left.subsec_millis()),
    };
    let _ = writeln!(
        out,
        "{verb} element inet {table} {} {{ {}{} timeout {left} comment \"{}\"{} }}",
        element.shape.name(),
        element.key,
        element.statement,
        comment(id),
        element.value
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skeleton_has_what_its_shapes_need_and_no_more() {
        let mut out = String::new();
        let shapes = shapes(&What::Block {
            target: "192.0.2.0/24".parse().unwrap(),
        });
        let rules: Vec<Rule> = shapes.iter().flat_map(rules).collect();
        skeleton(&mut out, "ratel", &shapes.into_iter().collect(), &rules, 8);
        assert_eq!(
            out,
            "add table inet ratel\n\
             add chain inet ratel made_by_ratel\n\
             add chain inet ratel pre { type filter hook prerouting priority -310; policy accept; }\n\
             add chain inet ratel out { type filter hook output priority -310; policy accept; }\n\
             add set inet ratel block4_24 { type ipv4_addr; flags timeout; size 8; counter; }\n\
             add rule inet ratel pre ip saddr & 255.255.255.0 @block4_24 drop comment \"ratel block4_24 saddr\"\n\
             add rule inet ratel pre ip daddr & 255.255.255.0 @block4_24 drop comment \"ratel block4_24 daddr\"\n\
             add rule inet ratel out ip daddr & 255.255.255.0 @block4_24 drop comment \"ratel block4_24 daddr\"\n"
        );
    }

    #[test]
    fn a_set_is_known_by_its_name() {
        for text in ["192.0.2.1", "192.0.2.0/24", "2001:db8::/64"] {
            let target = text.parse().unwrap();
            for shape in shapes(&What::Quarantine { target }) {
                assert_eq!(Shape::named(&shape.name()), Some(shape));
            }
        }
        assert_eq!(Shape::named("block4_x"), None);
        assert_eq!(Shape::named("blocked"), None);
    }

    #[test]
    fn elements_carry_their_end_and_their_owner() {
        let check = |what: What, expected: &str| {
            let mut out = String::new();
            for element in elements(&what) {
                create(
                    &mut out,
                    "ratel",
                    &element,
                    ActionId(3),
                    Duration::from_secs(60),
                );
            }
            assert_eq!(out, expected);
        };
        check(
            What::Block {
                target: "2001:db8:1:2::/64".parse().unwrap(),
            },
            "create element inet ratel block6_64 { 2001:db8:1:2:: timeout 60000ms comment \"ratel a3\" }\n",
        );
        check(
            What::RateLimit {
                target: "192.0.2.1".parse().unwrap(),
                packets_per_second: 10,
                burst: 20,
            },
            "create element inet ratel limit4_32 { 192.0.2.1 limit rate over 10/second burst 20 packets timeout 60000ms comment \"ratel a3\" }\n\
             create element inet ratel over4_32 { 192.0.2.1 timeout 60000ms comment \"ratel a3\" }\n",
        );
        check(
            What::Redirect {
                target: "192.0.2.1".parse().unwrap(),
                to: "198.51.100.1".parse().unwrap(),
                port: Some(2222),
            },
            "create element inet ratel leadport4_32 { 192.0.2.1 timeout 60000ms comment \"ratel a3\" : 198.51.100.1 . 2222 }\n",
        );
    }
    #[test]
    fn a_long_time_is_written_so_that_nft_reads_it() {
        let check = |left: Duration, expected: &str| {
            let what = What::Block {
                target: "192.0.2.1".parse().unwrap(),
            };
            let mut out = String::new();
            for element in elements(&what) {
                create(&mut out, "ratel", &element, ActionId(3), left);
            }
            assert!(out.contains(&format!(" timeout {expected} ")), "{out}");
        };
        check(Duration::ZERO, "1ms");
        check(Duration::from_millis(99_999_999), "99999999ms");
        check(Duration::from_millis(100_000_007), "100000s7ms");
        check(Duration::from_secs(365 * 86_400), "31536000s0ms");
    }
}
