//! What should be done: playbooks held against a record, as values that can be printed and refused.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use event::action::{Connection, Mode, Transport, Trigger, What, Why};
use event::record::MODEL_GID;
use event::{Prefix, Timestamp};
use serde_json::Value;

use crate::firewall::Slot;
use crate::ledger::{self, Ledger, MAX_OPEN};
use crate::playbook::{Deed, Facts, Playbook, Step, Who};
use crate::protected::Protected;

/// Why nothing more is done at the limit of actions in force.
pub const TOO_MANY: &str = "there are 50000 actions in force already";
/// Actions that are only told or wait for a person: beyond so many nobody reads them.
const MAX_TOLD: usize = 10_000;

/// One thing that should be done, or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What, and to whom.
    pub what: What,
    /// For how long.
    pub ttl: Duration,
    /// How far.
    pub mode: Mode,
    /// Why.
    pub why: Why,
    /// How often the target came back.
    pub returned: u32,
    /// Why it must not be done; None where it may.
    pub refused: Option<String>,
}

/// What a plan is made on.
pub struct Ground<'a> {
    /// The actions there are.
    pub ledger: &'a Ledger,
    /// Who must not be hit.
    pub protected: &'a Protected,
    /// How far this installation lets actions go.
    pub mode: Mode,
    /// When the record was put on the bus, where that is known.
    pub published: Option<Timestamp>,
    /// The moment.
    pub now: Timestamp,
}

/// What kind of record is held against the playbooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An EVE record.
    Event,
    /// An incident.
    Incident,
}

/// Holds all playbooks against a record.
#[must_use]
pub fn plan(playbooks: &[Playbook], source: Source, record: &Value, ground: &Ground) -> Vec<Plan> {
    if playbooks.is_empty() {
        return Vec::new();
    }
    let facts = match source {
        Source::Event => Facts::of_event(record),
        Source::Incident => Facts::of_incident(record),
    };
    let is_guess = is_of_model(source, record);
    playbooks
        .iter()
        .filter(|playbook| !is_guess || playbook.models)
        .filter(|playbook| playbook.when.holds(&facts))
        .flat_map(|playbook| {
            let steps = playbook.steps.iter();
            steps.filter_map(|step| {
                let why = why(playbook, source, record, ground);
                plan_step(playbook, step, &facts, record, why, ground)
            })
        })
        .collect()
}

/// Whether a model alone found what a record tells. It may be wrong about anybody: nobody is contained for that
/// but where a playbook says that it acts on models, too. What gathers many hosts in a storm is so as soon as a model
/// found any of it, since who is meant may be somebody that no rule named.
fn is_of_model(source: Source, record: &Value) -> bool {
    match source {
        Source::Event => record.pointer("/alert/gid").and_then(Value::as_u64) == Some(MODEL_GID),
        Source::Incident => {
            let rules = record.get("signatures").and_then(Value::as_array);
            let prefix = format!("{MODEL_GID}:");
            let is_its = |rule: &Value| {
                let id = rule.get("id").and_then(Value::as_str);
                id.is_some_and(|id| id.starts_with(&prefix))
            };
            let is_storm = record.get("kind").and_then(Value::as_str) == Some("storm");
            rules.is_some_and(|rules| match is_storm {
                true => rules.iter().any(is_its),
                false => !rules.is_empty() && rules.iter().all(is_its),
            })
        }
    }
}

/// Plans what a person orders: the same rules, but no cooling-off.
#[must_use]
pub fn order(what: What, ttl: Duration, mode: Mode, why: Why, ground: &Ground) -> Plan {
    // No limit that attackers can fill keeps a person from acting.
    let refused = forbidden(&what, ground.protected);
    Plan {
        what,
        ttl,
        mode,
        why,
        returned: 0,
        refused,
    }
}

fn plan_step(
    playbook: &Playbook,
    step: &Step,
    facts: &Facts,
    record: &Value,
    why: Why,
    ground: &Ground,
) -> Option<Plan> {
    let who = step.target.as_ref().unwrap_or(&playbook.target);
    let address = find(who, facts, record)?;
    let what = deed(step, address, record)?;
    let mode = ground.mode.min(playbook.mode).min(step.mode);
    let (ledger, now) = (ground.ledger, ground.now);
    let escalation = &playbook.escalation;
    let past = ledger.past(
        &playbook.name,
        what.step(),
        what.target(),
        escalation.forget.max(playbook.cooling_off),
        now,
    );
    let rests = past
        .and_then(|past| past.rejected)
        .is_some_and(|rejected| now.since(rejected) < playbook.cooling_off);
    if rests {
        return None;
    }
    let returned = past.map_or(0, |past| past.times);
    let ttl = escalation.ttl(step.ttl, returned);
    let slot = Slot::of(&what);
    // While an action holds, the target has not come back; it was never away.
    let needless = ledger.open_in(&slot).any(|open| {
        open.ends > now
            && (open.why.playbook.as_deref() == Some(&playbook.name) && open.mode >= mode
                || ledger::makes_needless(open, mode, now + ttl))
    });
    if needless {
        return None;
    }
    let told = ground.ledger.open_count() - ground.ledger.in_force_count();
    if mode != Mode::Enforce && told >= MAX_TOLD {
        return None;
    }
    let refused = refusal(&what, ground);
    Some(Plan {
        what,
        ttl,
        mode,
        why,
        returned,
        refused,
    })
}

fn refusal(what: &What, ground: &Ground) -> Option<String> {
    forbidden(what, ground.protected)
        .or_else(|| (ground.ledger.in_force_count() >= MAX_OPEN).then(|| TOO_MANY.to_owned()))
}

/// Why the protected set forbids an action, in words.
#[must_use]
pub fn forbidden(what: &What, protected: &Protected) -> Option<String> {
    let target = what.target();
    let (prefix, because) = protected.forbids(what)?;
    Some(if prefix == target {
        format!("{target} is protected: {because}")
    } else {
        format!("{target} is protected: it shares addresses with {prefix}, {because}")
    })
}

fn why(playbook: &Playbook, source: Source, record: &Value, ground: &Ground) -> Why {
    let alert = record.get("alert");
    let signature = alert.and_then(|alert| alert.get("signature"));
    let words = signature
        .or_else(|| record.get("title"))
        .and_then(Value::as_str)
        .unwrap_or(&playbook.name);
    let id = record
        .get("id")
        .or_else(|| record.get("ratel").and_then(|ratel| ratel.get("id")))
        .map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    let (event, incident) = match source {
        Source::Event => (id, None),
        Source::Incident => (None, id),
    };
    Why {
        // What a rule's message says is somebody else's text; its length is bounded here.
        reason: words.chars().take(200).collect(),
        playbook: Some(playbook.name.clone()),
        event,
        incident,
        signature_id: alert
            .and_then(|alert| alert.get("signature_id"))
            .and_then(Value::as_u64),
        flow_id: record.get("flow_id").and_then(Value::as_u64),
        person: None,
        feed: None,
        trigger: Some(Trigger {
            packet: record
                .get("timestamp")
                .or_else(|| record.get("last"))
                .and_then(Value::as_str)
                .and_then(|text| text.parse().ok()),
            published: ground.published,
            read: ground.now,
        }),
    }
}

/// Whom a record means. What stands inside a tunnel is invented by whoever sends the tunnel's packets,
/// handshakes included: only a playbook that names its target by an expression answers it.
fn find(who: &Who, facts: &Facts, record: &Value) -> Option<IpAddr> {
    if record.get("tunnel").is_some() && !matches!(who, Who::Expression(_)) {
        return None;
    }
    let at = |path: &[&str]| {
        let found = path.iter().try_fold(record, |value, key| value.get(*key))?;
        found.as_str()?.parse().ok()
    };
    // An incident names the busiest first.
    let first = |side: &str| at_first(record, side);
    match who {
        // An alert stands on the packet that matched, which may be the answer; the flow tells who
        // began.
        Who::Attacker => at(&["alert", "source", "ip"])
            .or_else(|| at(&["flow", "src_ip"]))
            .or_else(|| at(&["src_ip"]))
            .or_else(|| first("attackers")),
        Who::Source => at(&["src_ip"]).or_else(|| first("attackers")),
        Who::Destination => at(&["dest_ip"]).or_else(|| first("victims")),
        Who::Expression(expression) => expression.string(facts)?.parse().ok(),
    }
}

/// The address of the first party of one side of an incident.
fn at_first(incident: &Value, side: &str) -> Option<IpAddr> {
    let party = incident.get(side)?.get(0)?;
    party.get("address")?.as_str()?.parse().ok()
}

fn deed(step: &Step, address: IpAddr, record: &Value) -> Option<What> {
    let address = address.to_canonical();
    let length = if address.is_ipv4() {
        step.length_4
    } else {
        step.length_6
    };
    let target = Prefix::new(address, length)?;
    Some(match &step.deed {
        Deed::Block => What::Block { target },
        Deed::RateLimit {
            packets_per_second,
            burst,
        } => What::RateLimit {
            target,
            packets_per_second: *packets_per_second,
            burst: *burst,
        },
        Deed::DropConnection => What::DropConnection {
            connection: connection(address, record)?,
        },
        Deed::Redirect { to4, to6, port } => What::Redirect {
            target,
            to: (if address.is_ipv4() { *to4 } else { *to6 })?,
            port: *port,
        },
        Deed::Quarantine => What::Quarantine { target },
    })
}

/// The record's connection as seen from `peer`.
fn connection(peer: IpAddr, record: &Value) -> Option<Connection> {
    let text = |key: &str| record.get(key).and_then(Value::as_str);
    let end = |ip: &str, port: &str| {
        let ip: IpAddr = text(ip)?.parse().ok()?;
        let port = u16::try_from(record.get(port)?.as_u64()?).ok()?;
        Some(SocketAddr::new(ip.to_canonical(), port))
    };
    let proto = match text("proto")?.to_ascii_lowercase().as_str() {
        "tcp" => Transport::Tcp,
        "udp" => Transport::Udp,
        _ => return None,
    };
    let (src, dest) = (end("src_ip", "src_port")?, end("dest_ip", "dest_port")?);
    if src.is_ipv4() != dest.is_ipv4() {
        return None;
    }
    let (peer, local) = if dest.ip() == peer {
        (dest, src)
    } else {
        (src, dest)
    };
    Some(Connection { proto, peer, local })
}

#[cfg(test)]
mod tests;
