//! Which incident a finding belongs to.
//!
//! In this order: what it is counted by itself, the same attacker, an answer within the same attack,
//! a victim that attacks or calls out, many attackers of one victim; else a new one.

use std::net::IpAddr;

use event::Timestamp;
use event::incident::{Kind, Severity, Status};

use super::entry::Kept;
use super::key::{Anchor, Key, sid};
use super::{Engine, Pivot};
use crate::finding::Finding;

/// Keys of one incident: a chain has a few hosts.
const MAX_KEYS: usize = 64;

/// Where a finding belongs.
struct Place {
    id: String,
    /// It is a step from one host to the next.
    is_hop: bool,
    /// It stands on an answer: who attacks is the other side.
    is_answer: bool,
}

impl Engine {
    /// Puts a finding where it belongs; the incident's id. `silence`: the one that covers it, so that
    /// nobody is told because of it.
    pub fn on_finding(
        &mut self,
        finding: &Finding,
        silence: Option<&str>,
        now: Timestamp,
    ) -> String {
        let place = self.place(finding, now);
        let mut turned;
        let mut finding = finding;
        let (id, is_hop) = match place {
            Some(place) => {
                if place.is_answer {
                    turned = finding.clone();
                    let sides = &mut turned.sides;
                    std::mem::swap(&mut sides.attacker, &mut sides.victim);
                    finding = &turned;
                }
                (place.id, place.is_hop)
            }
            None => (self.open(finding, now), false),
        };
        self.join(&id, finding, silence, is_hop, now);
        id
    }

    fn place(&self, finding: &Finding, now: Timestamp) -> Option<Place> {
        let at = |id: String| Place {
            id,
            is_hop: false,
            is_answer: false,
        };
        let by = |key: Key| self.joinable(&key, finding, now);
        if let Some(group) = &finding.group {
            return by(Key::Group(group.name.clone())).map(at);
        }
        let sides = finding.sides;
        if let Some(attacker) = sides.attacker
            && let Some(id) = by(Key::Attacker(attacker))
        {
            return Some(at(id));
        }
        if let Some(place) = self.answer(finding, now) {
            return Some(place);
        }
        match (sides.attacker, sides.victim) {
            (_, Some(victim)) if sides.is_callback => by(Key::Host(victim))
                .map(at)
                .or_else(|| self.next_step(victim, finding, now)),
            (Some(attacker), victim) => self.next_step(attacker, finding, now).or_else(|| {
                let spray = Key::Spray(victim?, finding.rule.clone());
                by(spray).map(at)
            }),
            (None, Some(victim)) => by(Key::Host(victim)).map(at),
            (None, None) => by(Key::Rule(finding.rule.clone())).map(at),
        }
    }

    /// The incident of this key, if it goes on or can be opened again.
    fn joinable(&self, key: &Key, finding: &Finding, now: Timestamp) -> Option<String> {
        let id = self.index.get(key)?;
        let kept = self.entries.get(id)?;
        let Some(closed) = kept.memory.closed.as_ref().filter(|_| !kept.is_open()) else {
            return Some(id.clone());
        };
        let is_recent = now.since(closed.at) <= self.policy.reopen;
        // What a person closed stays so while it only goes on; what is new in it is another matter.
        let joins = if closed.by_person {
            is_recent && is_news(kept, finding)
                || now.since(kept.memory.touched) <= self.policy.window
        } else {
            is_recent
        };
        joins.then(|| id.clone())
    }

    /// What the victim sends back to its attacker belongs to the attack.
    fn answer(&self, finding: &Finding, now: Timestamp) -> Option<Place> {
        let (from, to) = (finding.sides.attacker?, finding.sides.victim?);
        let id = self.joinable(&Key::Attacker(to), finding, now)?;
        let kept = self.entries.get(&id)?;
        let from = from.to_string();
        let is_victim = kept.incident.victims.iter().any(|v| v.address == from);
        is_victim.then_some(Place {
            id,
            is_hop: false,
            is_answer: true,
        })
    }

    /// A host that was attacked within the window, and now attacks or calls out.
    fn next_step(&self, host: IpAddr, finding: &Finding, now: Timestamp) -> Option<Place> {
        let pivot = self.pivots.get(&host)?;
        let counts = finding.severity >= Severity::Medium && pivot.severity >= Severity::Medium;
        let is_soon = now.since(pivot.at) <= self.policy.window;
        let kept = self.entries.get(&pivot.incident)?;
        (counts && is_soon && kept.is_open()).then(|| Place {
            id: pivot.incident.clone(),
            is_hop: true,
            is_answer: false,
        })
    }

    /// Opens an incident for a finding that belongs to none.
    fn open(&mut self, finding: &Finding, now: Timestamp) -> String {
        if self.open_count() >= self.policy.max_open {
            return self.overflow(finding, now);
        }
        let sides = finding.sides;
        if finding.group.is_none()
            && !sides.is_callback
            && let (Some(attacker), Some(victim)) = (sides.attacker, sides.victim)
        {
            let window = self.policy.window;
            let rule = &finding.rule;
            if let Some(seen) = self
                .sprays
                .would_be_many(victim, rule, attacker, window, now)
            {
                return self.open_spray(finding, victim, seen, now);
            }
        }
        let key = match (&finding.group, sides.attacker, sides.victim) {
            (Some(group), _, _) => Key::Group(group.name.clone()),
            (None, _, Some(victim)) if sides.is_callback => Key::Host(victim),
            (None, Some(attacker), _) => Key::Attacker(attacker),
            (None, None, Some(victim)) => Key::Host(victim),
            (None, None, None) => Key::Rule(finding.rule.clone()),
        };
        let kind = match finding.engine {
            crate::finding::Engine::Sigma => Kind::Correlation,
            crate::finding::Engine::Rules | crate::finding::Engine::Marked => Kind::Attack,
        };
        let mut kept = Kept::open(kind, key, &finding.id, finding.first, now);
        if let Some(attacker) = sides.attacker
            && sides.is_callback
        {
            kept.memory.keys.push(Key::Attacker(attacker));
        }
        self.insert(kept)
    }

    /// The incident that takes what comes while there are too many others.
    fn overflow(&mut self, finding: &Finding, now: Timestamp) -> String {
        if let Some(id) = self.joinable(&Key::Overflow, finding, now) {
            return id;
        }
        let mut kept = Kept::open(Kind::Storm, Key::Overflow, &finding.id, finding.first, now);
        kept.incident.title = format!(
            "More than {} incidents are open: what is new comes together here",
            self.policy.max_open
        );
        self.insert(kept)
    }

    /// One incident for many attackers of one victim; what nobody has heard of yet becomes part of it.
    fn open_spray(
        &mut self,
        finding: &Finding,
        victim: IpAddr,
        seen: Vec<super::spray::Seen>,
        now: Timestamp,
    ) -> String {
        self.sprays.forget(victim, &finding.rule);
        let mut parts: Vec<Kept> = Vec::new();
        for seen in seen {
            let is_part = self
                .entries
                .get(&seen.incident)
                .is_some_and(|kept| is_only(kept, seen.attacker, victim, &finding.rule));
            if is_part && let Some(kept) = self.remove(&seen.incident) {
                parts.push(kept);
            }
        }
        parts.sort_by(|a, b| {
            let key = |kept: &Kept| (kept.incident.opened, kept.incident.first);
            (key(a), &a.incident.id).cmp(&(key(b), &b.incident.id))
        });
        let oldest = parts.first().and_then(|part| part.incident.sample.first());
        let first_event = oldest.unwrap_or(&finding.id).clone();
        let key = Key::Spray(victim, finding.rule.clone());
        let mut kept = Kept::open(Kind::Attack, key, &first_event, finding.first, now);
        kept.memory.reach.add(match sid(finding) {
            Some(sid) => Anchor::Signature(victim, sid),
            None => Anchor::Address(victim),
        });
        for part in &mut parts {
            // The spray's own anchor finds their events.
            part.memory.reach.anchors.clear();
            kept.absorb(part);
        }
        self.insert(kept)
    }

    /// Takes the finding into the incident, and notes what the next finding is found by.
    fn join(
        &mut self,
        id: &str,
        finding: &Finding,
        silence: Option<&str>,
        is_hop: bool,
        now: Timestamp,
    ) {
        let assets = self.assets.clone();
        let reopens = self.entries.get(id).is_some_and(|kept| {
            let closed = kept.memory.closed.as_ref().filter(|_| !kept.is_open());
            closed.is_some_and(|closed| !closed.by_person || is_news(kept, finding))
        });
        if reopens {
            self.reopen(id);
            if let Some(kept) = self.entries.get_mut(id) {
                let pause = now.since(kept.memory.touched).as_secs();
                kept.memory.rhythm_secs = kept.memory.rhythm_secs.max(pause);
            }
        }
        let Some(kept) = self.entries.get_mut(id) else {
            return;
        };
        let sides = finding.sides;
        if is_hop {
            kept.memory.hops = kept.memory.hops.saturating_add(1);
        }
        kept.take(finding, &assets, now);
        kept.hear(silence, &self.silences);
        let is_spray = kept
            .memory
            .keys
            .iter()
            .any(|key| matches!(key, Key::Spray(..)));
        if is_hop
            && let Some(attacker) = sides.attacker
            && kept.memory.keys.len() < MAX_KEYS
        {
            let key = Key::Attacker(attacker);
            if !sides.is_callback && !kept.memory.keys.contains(&key) {
                kept.memory.keys.push(key.clone());
                self.index.insert(key, id.to_owned());
            }
        }
        if finding.group.is_none()
            && !sides.is_callback
            && !is_spray
            && let (Some(attacker), Some(victim)) = (sides.attacker, sides.victim)
        {
            self.sprays.note(victim, &finding.rule, attacker, id, now);
        }
        if let Some(victim) = sides.victim
            && finding.severity >= Severity::Medium
            && self.homes.has(victim)
        {
            let pivot = Pivot {
                incident: id.to_owned(),
                severity: finding.severity,
                at: now,
            };
            self.pivots.insert(victim, pivot);
        }
        if self.known.get(&finding.rule).is_none() {
            self.known.insert(finding.rule.clone(), id.to_owned());
        }
        self.dirty.insert(id.to_owned());
        self.unsaved.insert(id.to_owned());
    }

    /// Opens a closed incident again; told with the next tick.
    pub(super) fn reopen(&mut self, id: &str) {
        if let Some(kept) = self.entries.get_mut(id)
            && let Some(closed) = kept.memory.closed.take()
        {
            kept.incident.status = Status::Open;
            kept.memory.is_reopening = true;
            self.closed.remove(&(closed.at, id.to_owned()));
        }
    }
}

/// Whether the finding adds more than one of the same.
fn is_news(kept: &Kept, finding: &Finding) -> bool {
    let signatures = &kept.incident.signatures;
    finding.severity > kept.incident.severity
        || !signatures.iter().any(|known| known.id == finding.rule)
}

/// Whether nobody has heard of the incident yet and all that it holds is this.
fn is_only(kept: &Kept, attacker: IpAddr, victim: IpAddr, rule: &str) -> bool {
    let incident = &kept.incident;
    let one = |list: &[event::incident::Party], address: IpAddr| {
        let text = address.to_string();
        matches!(list, [party] if party.address == text && party.events == incident.events)
    };
    !kept.memory.is_published
        && one(&incident.attackers, attacker)
        && one(&incident.victims, victim)
        && matches!(incident.signatures.as_slice(), [one] if one.id == rule)
}
