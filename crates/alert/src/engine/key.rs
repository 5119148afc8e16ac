//! What holds events together: keys by which a finding finds its incident, and anchors by which a
//! search finds the findings.

use std::fmt;
use std::net::IpAddr;

use event::Timestamp;
use serde::{Deserialize, Serialize};

use crate::finding::{Engine, Finding};

/// What findings of one incident have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// Who attacks, whomever.
    Attacker(IpAddr),
    /// Who is attacked by whom nobody can tell, or was taken and calls out.
    Host(IpAddr),
    /// Who is attacked by many in the same way: address and rule.
    Spray(IpAddr, String),
    /// A correlation's rule and the values by which it counts.
    Group(String),
    /// A rule, where an event has no addresses.
    Rule(String),
    /// An action of ours.
    Action(String),
    /// So much at once that what is new is told in digests.
    Storm,
    /// What came while there were too many incidents to open another.
    Overflow,
}

impl fmt::Display for Key {
    /// As fingerprints write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Attacker(address) => write!(f, "attacker:{address}"),
            Key::Host(address) => write!(f, "host:{address}"),
            Key::Spray(address, rule) => write!(f, "spray:{address}:{rule}"),
            Key::Group(name) => write!(f, "group:{name}"),
            Key::Rule(rule) => write!(f, "rule:{rule}"),
            Key::Action(id) => write!(f, "action:{id}"),
            Key::Storm => f.write_str("storm"),
            Key::Overflow => f.write_str("overflow"),
        }
    }
}

/// A condition that a search can express and that every event put under it fulfils.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// The address is at one of the event's ends.
    Address(IpAddr),
    /// An address of the network is at one of the event's ends.
    Network(event::Prefix),
    /// The address is at one of its ends, and the rule of packets with this `signature_id` fired.
    Signature(IpAddr, u64),
    /// The rule of packets fired, with whatever addresses.
    Rule(u64),
    /// Fields have these values.
    Fields(Vec<(String, String)>),
    /// Any event.
    Any,
}

/// Anchors of one incident: a search with more clauses serves nobody.
const MAX_ANCHORS: usize = 32;
/// Kinds of events of one incident; EVE has some 40.
const MAX_TYPES: usize = 16;

/// All that a search needs to find an incident's events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// One of these holds of each event.
    pub anchors: Vec<Anchor>,
    /// Each event is of one of these kinds; none where there are too many of them.
    pub types: Option<Vec<String>>,
}

impl Reach {
    /// Takes the finding's events in: afterwards one of the anchors holds of each.
    pub fn cover(&mut self, finding: &Finding) {
        let types = self.types.get_or_insert_default();
        // An empty name stands for any kind; `query` leaves the clause out then.
        let any = [String::new()];
        let named = match finding.event_types.as_slice() {
            [] => &any[..],
            named => named,
        };
        for name in named {
            // One beyond the limit stands for "too many".
            if types.len() <= MAX_TYPES && !types.contains(name) {
                types.push(name.clone());
            }
        }
        if !self.anchors.iter().any(|anchor| anchor.holds(finding)) {
            self.add(Anchor::of(finding));
        }
    }

    /// Adds an anchor; too many become one that holds of everything.
    pub fn add(&mut self, anchor: Anchor) {
        if self.anchors.contains(&anchor) {
            return;
        }
        if self.anchors.len() >= MAX_ANCHORS {
            self.anchors = vec![Anchor::Any];
        } else {
            self.anchors.push(anchor);
        }
    }

    /// Takes in what another reaches.
    pub fn absorb(&mut self, other: &Reach) {
        for anchor in &other.anchors {
            self.add(anchor.clone());
        }
        let types = self.types.get_or_insert_default();
        for name in other.types.iter().flatten() {
            if types.len() <= MAX_TYPES && !types.contains(name) {
                types.push(name.clone());
            }
        }
    }

    /// The search, in the language of the store, for events between two moments (both included).
    #[must_use]
    pub fn query(&self, first: Timestamp, last: Timestamp) -> String {
        let mut clauses = vec![format!("timestamp:[\"{first}\" TO \"{last}\"]")];
        let types = self.types.as_deref().unwrap_or_default();
        if !types.is_empty() && types.len() <= MAX_TYPES && types.iter().all(|t| !t.is_empty()) {
            let names: Vec<String> = types.iter().map(|name| quoted(name)).collect();
            clauses.push(format!("event_type:({})", names.join(" OR ")));
        }
        let anchors: Vec<String> = self.anchors.iter().map(Anchor::text).collect();
        if !anchors.is_empty() && !self.anchors.contains(&Anchor::Any) {
            clauses.push(match anchors.as_slice() {
                [one] => one.clone(),
                many => format!("({})", many.join(" OR ")),
            });
        }
        clauses.join(" AND ")
    }
}

impl Anchor {
    /// The narrowest anchor that holds of all the finding's events.
    fn of(finding: &Finding) -> Anchor {
        if let Some(group) = &finding.group {
            return match group.fields.as_slice() {
                [] => Anchor::Any,
                fields => Anchor::Fields(fields.to_vec()),
            };
        }
        let [src, dest] = finding.ends;
        let sides = finding.sides;
        let at_an_end = |address: &IpAddr| Some(*address) == src || Some(*address) == dest;
        let address = sides.attacker.filter(at_an_end);
        let address = address.or(sides.victim.filter(at_an_end));
        match (address.or(src).or(dest), sid(finding)) {
            (Some(address), _) => Anchor::Address(address),
            (None, Some(sid)) => Anchor::Rule(sid),
            (None, None) => Anchor::Any,
        }
    }

    /// Whether it holds of all the finding's events.
    #[must_use]
    pub fn holds(&self, finding: &Finding) -> bool {
        let is_end = |address: &IpAddr| finding.ends.contains(&Some(*address));
        match (self, &finding.group) {
            (Anchor::Any, _) => true,
            (Anchor::Fields(fields), Some(group)) => *fields == group.fields,
            (_, Some(_)) | (Anchor::Fields(_), None) => false,
            (Anchor::Address(address), None) => is_end(address),
            (Anchor::Network(network), None) => {
                let mut ends = finding.ends.iter().flatten();
                ends.any(|end| network.contains(*end))
            }
            (Anchor::Signature(address, id), None) => is_end(address) && sid(finding) == Some(*id),
            (Anchor::Rule(id), None) => sid(finding) == Some(*id),
        }
    }

    fn text(&self) -> String {
        match self {
            Anchor::Address(address) => at_either_end(*address),
            Anchor::Network(network) if network.is_ipv4() => {
                format!("(src_ip:{network} OR dest_ip:{network})")
            }
            Anchor::Network(network) => format!("(src_ip:\"{network}\" OR dest_ip:\"{network}\")"),
            Anchor::Signature(address, sid) => {
                format!("({} AND alert.signature_id:{sid})", at_either_end(*address))
            }
            Anchor::Rule(sid) => format!("alert.signature_id:{sid}"),
            Anchor::Fields(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(path, value)| format!("{path}:{}", quoted(value)))
                    .collect();
                format!("({})", fields.join(" AND "))
            }
            Anchor::Any => "*".to_owned(),
        }
    }
}

/// The `signature_id` of a finding of rules of packets.
pub fn sid(finding: &Finding) -> Option<u64> {
    match finding.engine {
        Engine::Rules => finding.rule.split_once(':')?.1.parse().ok(),
        Engine::Sigma | Engine::Marked => None,
    }
}

fn at_either_end(address: IpAddr) -> String {
    format!("(src_ip:\"{address}\" OR dest_ip:\"{address}\")")
}

/// A value in quotes, as the store's language reads it.
fn quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    text
}
