//! One incident and what the engine remembers of it beside what it tells.

use std::collections::BTreeSet;
use std::net::IpAddr;

use event::incident::{Kind, Party, Severity, Signature, Status, Tactic, Technique};
use event::{Incident, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::key::{Key, Reach};
use crate::assets::Assets;
use crate::attack;
use crate::change::{Telling, What};
use crate::finding::Finding;

/// Attackers, and victims, that an incident names: more than anybody reads, and enough for a net.
pub const MAX_PARTIES: usize = 256;
/// Rules that an incident names.
const MAX_SIGNATURES: usize = 64;
/// Techniques of one tactic.
const MAX_TECHNIQUES: usize = 32;
/// Sensors that an incident names.
const MAX_SENSORS: usize = 32;
/// Ids of first events.
const MAX_SAMPLE: usize = 32;
/// Actions that an incident names.
const MAX_ACTIONS: usize = 64;
/// Silences of one incident whose end is noticed.
const MAX_HUSHED: usize = 16;
/// So many different tactics are a campaign, as bad as a chain of steps from host to host.
const CAMPAIGN: usize = 4;

/// An incident as the engine keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// What is told.
    pub incident: Incident,
    /// What is remembered.
    pub memory: Memory,
}

/// What the engine remembers of an incident.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// By what its events find it.
    pub keys: Vec<Key>,
    /// By what a search finds its events.
    pub reach: Reach,
    /// When an event came last, by the clock.
    pub touched: Timestamp,
    /// Whether it was published: before, nobody knows it and it may become part of another.
    pub is_published: bool,
    /// Whether an event came that no silence covers.
    pub is_audible: bool,
    /// Whether an event came that no silence covers since something of it was told.
    pub has_audible_news: bool,
    /// Silences that covered events of it.
    pub hushed_by: BTreeSet<String>,
    /// It goes on after a silence that covered it ended: to be told with the next tick.
    pub is_resumed: bool,
    /// The longest pause after which it went on, in seconds: a beacon has its own idea of idle.
    pub rhythm_secs: u64,
    /// Whether a storm's digest told of it in place of a message of its own.
    pub is_in_digest: bool,
    /// The worst that its events were, without what their connection adds.
    pub base: Option<Severity>,
    /// Steps from one host to the next.
    pub hops: u32,
    /// What was published last.
    pub published: Said,
    /// What people were told last in a message of its own.
    pub told: Option<Said>,
    /// What they were told was made right last.
    pub refreshed: Said,
    /// How it was closed.
    pub closed: Option<Closed>,
    /// It was closed, and something came that opens it again: to be told with the next tick.
    pub is_reopening: bool,
    /// A person changed its status: to be told with the next tick.
    pub is_triaged: bool,
    /// For a storm: incidents in its digests.
    pub gathered: u64,
    /// For actions that have no effect: which.
    pub failing: BTreeSet<String>,
    /// Its last change, until it is known to be published and told.
    pub outgoing: Option<Outgoing>,
}

/// A change on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Changes are told in this order.
    pub number: u64,
    /// The name of its record on the bus: published again it is a repeat.
    pub record: String,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
    /// How loud it is told.
    pub telling: Telling,
    /// When.
    pub at: Timestamp,
}

/// What was said of an incident at some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// When, by the clock.
    pub at: Timestamp,
    /// Its severity.
    pub severity: Option<Severity>,
    /// Its events.
    pub events: u64,
    /// How many rules it named.
    pub signatures: usize,
    /// How many steps of ATT&CK.
    pub tactics: usize,
    /// How many victims.
    pub victims: usize,
}

/// How an incident ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// When, by the clock.
    pub at: Timestamp,
    /// Whether a person closed it.
    pub by_person: bool,
    /// In words.
    pub why: String,
    /// Whether that was published.
    pub is_told: bool,
}

impl Kept {
    /// A new incident of the finding that opens it; it holds nothing yet.
    pub fn open(kind: Kind, key: Key, first_event: &str, at: Timestamp, now: Timestamp) -> Kept {
        let fingerprint = key.to_string();
        let incident = Incident {
            id: name(&fingerprint, first_event),
            fingerprint,
            kind,
            title: String::new(),
            severity: Severity::Informational,
            status: Status::Open,
            first: at,
            last: at,
            opened: now,
            changed: now,
            revision: 0,
            events: 0,
            attackers: Vec::new(),
            victims: Vec::new(),
            signatures: Vec::new(),
            tactics: Vec::new(),
            sensors: Vec::new(),
            actions: Vec::new(),
            sample: Vec::new(),
            query: String::new(),
        };
        let memory = Memory {
            keys: vec![key],
            touched: now,
            ..Memory::default()
        };
        Kept { incident, memory }
    }

    /// Takes a finding in.
    pub fn take(&mut self, finding: &Finding, assets: &Assets, now: Timestamp) {
        let incident = &mut self.incident;
        incident.events = incident.events.saturating_add(finding.events);
        incident.first = incident.first.min(finding.first);
        incident.last = incident.last.max(finding.last);
        for (list, address) in [
            (&mut incident.attackers, finding.sides.attacker),
            (&mut incident.victims, finding.sides.victim),
        ] {
            if let Some(address) = address {
                count(list, address, finding.events, assets);
            }
        }
        sign(&mut incident.signatures, finding);
        for step in &finding.steps {
            step_taken(&mut incident.tactics, step, finding.first);
        }
        if let Some(sensor) = &finding.sensor
            && incident.sensors.len() < MAX_SENSORS
            && !incident.sensors.contains(sensor)
        {
            incident.sensors.push(sensor.clone());
        }
        let own = [finding.id.clone()];
        let ids = if finding.children.is_empty() {
            &own[..]
        } else {
            &finding.children
        };
        for id in ids {
            if incident.sample.len() < MAX_SAMPLE && !incident.sample.contains(id) {
                incident.sample.push(id.clone());
            }
        }
        let worth = [finding.sides.attacker, finding.sides.victim]
            .into_iter()
            .flatten()
            .any(|address| assets.is_precious(address));
        let severity = if worth {
            worse(finding.severity)
        } else {
            finding.severity
        };
        self.memory.base = self.memory.base.max(Some(severity));
        self.memory.reach.cover(finding);
        self.memory.touched = now;
        self.rate();
    }

    /// Notes whether a silence covers an event of it; `active` are the silences in force.
    pub fn hear(&mut self, silence: Option<&str>, active: &BTreeSet<String>) {
        let memory = &mut self.memory;
        if let Some(silence) = silence {
            if memory.hushed_by.len() < MAX_HUSHED {
                memory.hushed_by.insert(silence.to_owned());
            }
            return;
        }
        memory.is_audible = true;
        memory.has_audible_news = true;
        let before = memory.hushed_by.len();
        memory.hushed_by.retain(|id| active.contains(id));
        memory.is_resumed |= memory.hushed_by.len() < before && memory.told.is_some();
    }

    /// Its severity by all that is known: it never falls.
    pub fn rate(&mut self) {
        let base = self.memory.base.unwrap_or(Severity::Informational);
        let is_chain = self.memory.hops > 0 || self.incident.tactics.len() >= CAMPAIGN;
        let now = if is_chain { worse(base) } else { base };
        self.incident.severity = self.incident.severity.max(now);
    }

    /// Takes in all of another incident that nobody has heard of yet.
    pub fn absorb(&mut self, other: &Kept) {
        let (mine, its) = (&mut self.incident, &other.incident);
        mine.events = mine.events.saturating_add(its.events);
        mine.first = mine.first.min(its.first);
        mine.last = mine.last.max(its.last);
        mine.opened = mine.opened.min(its.opened);
        for (list, others) in [
            (&mut mine.attackers, &its.attackers),
            (&mut mine.victims, &its.victims),
        ] {
            for party in others {
                add_party(list, party.clone());
            }
        }
        for signature in &its.signatures {
            add_signature(&mut mine.signatures, signature.clone());
        }
        for tactic in &its.tactics {
            for technique in &tactic.techniques {
                let step = attack::tactic(&tactic.id).map(|id| attack::Step {
                    tactic: id,
                    technique: Some(technique.id.clone()),
                });
                if let Some(step) = step {
                    step_taken(&mut mine.tactics, &step, tactic.first);
                }
            }
            if let Some(id) = attack::tactic(&tactic.id) {
                let step = attack::Step {
                    tactic: id,
                    technique: None,
                };
                step_taken(&mut mine.tactics, &step, tactic.first);
            }
        }
        for sensor in &its.sensors {
            if mine.sensors.len() < MAX_SENSORS && !mine.sensors.contains(sensor) {
                mine.sensors.push(sensor.clone());
            }
        }
        let room = MAX_SAMPLE.saturating_sub(mine.sample.len());
        mine.sample.extend(its.sample.iter().take(room).cloned());
        self.memory.base = self.memory.base.max(other.memory.base);
        self.memory.reach.absorb(&other.memory.reach);
        self.memory.is_audible |= other.memory.is_audible;
        self.memory.has_audible_news |= other.memory.has_audible_news;
        self.rate();
    }

    /// Notes that something was done about it; whether that is new.
    pub fn acted(&mut self, action: event::ActionId) -> bool {
        let actions = &mut self.incident.actions;
        if actions.contains(&action) || actions.len() >= MAX_ACTIONS {
            return false;
        }
        actions.push(action);
        true
    }

    /// Whether it goes on.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.incident.status != Status::Closed
    }

    /// Whether there is more to say than was said.
    #[must_use]
    pub fn is_more_than(&self, said: &Said) -> bool {
        self.incident.events != said.events || Some(self.incident.severity) != said.severity
    }

    /// What there is to say of it now.
    #[must_use]
    pub fn said(&self, now: Timestamp) -> Said {
        Said {
            at: now,
            severity: Some(self.incident.severity),
            events: self.incident.events,
            signatures: self.incident.signatures.len(),
            tactics: self.incident.tactics.len(),
            victims: self.incident.victims.len(),
        }
    }
}

/// An incident's name: of its fingerprint and its first event.
fn name(fingerprint: &str, first_event: &str) -> String {
    let digest = Sha256::digest(format!("{fingerprint}\n{first_event}"));
    let hex: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
    format!("i{hex}")
}

/// One step up.
#[must_use]
pub fn worse(severity: Severity) -> Severity {
    match severity {
        Severity::Informational => Severity::Low,
        Severity::Low => Severity::Medium,
        Severity::Medium => Severity::High,
        Severity::High | Severity::Critical => Severity::Critical,
    }
}

fn count(list: &mut Vec<Party>, address: IpAddr, events: u64, assets: &Assets) {
    let address_text = address.to_string();
    if let Some(party) = list.iter_mut().find(|party| party.address == address_text) {
        party.events = party.events.saturating_add(events);
        return;
    }
    let asset = assets.of(address).map(|asset| asset.name.clone());
    add_party(
        list,
        Party {
            address: address_text,
            events,
            asset,
        },
    );
}

/// Adds to a party, or a party. Where there are too many, one that came once gives way: who comes
/// late and often is seen, and a flood of invented addresses pushes nobody out who came twice.
fn add_party(list: &mut Vec<Party>, party: Party) {
    if let Some(known) = list.iter_mut().find(|known| known.address == party.address) {
        known.events = known.events.saturating_add(party.events);
    } else if list.len() < MAX_PARTIES {
        list.push(party);
    } else if let Some(at) = list.iter().position(|known| known.events <= 1) {
        list.remove(at);
        list.push(party);
    }
}

fn sign(list: &mut Vec<Signature>, finding: &Finding) {
    add_signature(
        list,
        Signature {
            id: finding.rule.clone(),
            text: finding.text.clone(),
            severity: finding.severity,
            // An event that another rule found counts for this one as well.
            events: finding.events.max(1),
            first: finding.first,
            last: finding.last,
        },
    );
}

fn add_signature(list: &mut Vec<Signature>, signature: Signature) {
    if let Some(known) = list.iter_mut().find(|known| known.id == signature.id) {
        known.events = known.events.saturating_add(signature.events);
        known.severity = known.severity.max(signature.severity);
        known.first = known.first.min(signature.first);
        known.last = known.last.max(signature.last);
    } else if list.len() < MAX_SIGNATURES {
        list.push(signature);
    } else if let Some(weakest) = list.iter_mut().min_by_key(|known| known.severity)
        && weakest.severity < signature.severity
    {
        // What is worse than all that is named must be named.
        *weakest = signature;
    }
}

fn step_taken(list: &mut Vec<Tactic>, step: &attack::Step, at: Timestamp) {
    let place = list.iter().position(|tactic| tactic.id == step.tactic);
    let place = place.unwrap_or_else(|| {
        list.push(Tactic {
            id: step.tactic.to_owned(),
            name: attack::tactic_name(step.tactic).to_owned(),
            first: at,
            techniques: Vec::new(),
        });
        list.len() - 1
    });
    let Some(tactic) = list.get_mut(place) else {
        return;
    };
    tactic.first = tactic.first.min(at);
    if let Some(id) = &step.technique
        && tactic.techniques.len() < MAX_TECHNIQUES
        && !tactic.techniques.iter().any(|known| known.id == *id)
    {
        tactic.techniques.push(Technique {
            id: id.clone(),
            name: attack::technique_name(id).to_owned(),
        });
    }
}
