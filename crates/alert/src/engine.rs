//! The incident engine: findings, actions and people's decisions in, changes of incidents out.
//!
//! It is pure: every call brings the moment, and `tick` says what is to be published and told. What
//! it keeps can be taken out and put back, so that an incident goes on after a restart.

mod action;
mod entry;
mod gather;
pub(crate) mod generations;
mod group;
mod key;
mod policy;
mod spray;
mod storm;
mod tell;
mod tick;
mod title;
mod triage;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use event::Timestamp;
use event::incident::{Kind, Severity, Status};

use crate::assets::Assets;
use crate::finding::side::Homes;
use generations::Generations;
use spray::Sprays;
use storm::Storm;

pub use entry::{Closed, Kept, Memory, Outgoing, Said};
pub use key::{Anchor, Key, Reach};
pub use policy::{Policy, StormPolicy};
pub use triage::Triage;

/// Closed incidents that are remembered, so that they can be opened again.
const MAX_CLOSED: usize = 10_000;
/// Hosts that were attacked and may attack next.
const MAX_PIVOTS: usize = 65_536;
/// Rules that are known to have fired.
const MAX_KNOWN: usize = 65_536;

/// A host that was attacked.
#[derive(Clone, Debug)]
struct Pivot {
    incident: String,
    severity: Severity,
    at: Timestamp,
}

/// Incidents and what is needed to find them.
pub struct Engine {
    policy: Policy,
    homes: Arc<Homes>,
    assets: Arc<Assets>,
    entries: HashMap<String, Kept>,
    index: HashMap<key::Key, String>,
    /// Closed incidents, the longest closed first.
    closed: BTreeSet<(Timestamp, String)>,
    pivots: Generations<IpAddr, Pivot>,
    sprays: Sprays,
    storm: Storm,
    /// Actions that have no effect, and the incident of each.
    failing: HashMap<String, String>,
    /// Rules and the incident in which each fired first.
    known: Generations<String, String>,
    /// Incidents that `tick` must look at.
    dirty: BTreeSet<String>,
    /// Incidents that changed since they were taken out.
    unsaved: BTreeSet<String>,
    /// Incidents that are forgotten since.
    forgotten: Vec<String>,
    /// Silences in force.
    silences: BTreeSet<String>,
    swept: Timestamp,
}

impl Engine {
    /// An engine without incidents.
    #[must_use]
    pub fn new(policy: Policy, homes: Arc<Homes>) -> Engine {
        Engine {
            storm: Storm::new(policy.storm),
            sprays: Sprays::new(policy.spray_attackers),
            policy,
            homes,
            assets: Arc::default(),
            entries: HashMap::new(),
            index: HashMap::new(),
            closed: BTreeSet::new(),
            pivots: Generations::new(MAX_PIVOTS),
            failing: HashMap::new(),
            known: Generations::new(MAX_KNOWN),
            dirty: BTreeSet::new(),
            unsaved: BTreeSet::new(),
            forgotten: Vec::new(),
            silences: BTreeSet::new(),
            swept: Timestamp::default(),
        }
    }

    /// Takes these for what is known of our hosts.
    pub fn set_assets(&mut self, assets: Arc<Assets>) {
        self.assets = assets;
    }

    /// Takes these for the silences in force: an incident that goes on after one of its own ended is told.
    pub fn set_silences(&mut self, ids: BTreeSet<String>) {
        self.silences = ids;
    }

    /// Goes on with incidents of before.
    pub fn restore(&mut self, kept: Vec<Kept>) {
        for kept in kept {
            let id = kept.incident.id.clone();
            for key in &kept.memory.keys {
                self.index.insert(key.clone(), id.clone());
            }
            for name in &kept.memory.failing {
                self.failing.insert(name.clone(), id.clone());
            }
            for signature in &kept.incident.signatures {
                self.known.insert(signature.id.clone(), id.clone());
            }
            if let Some(closed) = kept.memory.closed.as_ref().filter(|_| !kept.is_open()) {
                self.closed.insert((closed.at, id.clone()));
            } else {
                self.remember_victims(&kept);
                if kept.incident.kind == Kind::Storm && kept.memory.keys.contains(&Key::Storm) {
                    self.storm.goes_on(kept.incident.opened);
                }
            }
            self.dirty.insert(id.clone());
            self.entries.insert(id, kept);
        }
    }

    fn remember_victims(&mut self, kept: &Kept) {
        for victim in &kept.incident.victims {
            if let Ok(address) = victim.address.parse()
                && self.homes.has(address)
                && kept.incident.severity >= Severity::Medium
            {
                let pivot = Pivot {
                    incident: kept.incident.id.clone(),
                    severity: kept.incident.severity,
                    at: kept.memory.touched,
                };
                self.pivots.insert(address, pivot);
            }
        }
    }

    /// Incidents that changed since this was asked last, to be kept; with them the ids of those
    /// that need not be remembered any longer.
    pub fn take_unsaved(&mut self) -> (Vec<Kept>, Vec<String>) {
        let ids = std::mem::take(&mut self.unsaved);
        let kept = ids.iter().filter_map(|id| self.entries.get(id).cloned());
        (kept.collect(), std::mem::take(&mut self.forgotten))
    }

    /// Whether anything changed since it was taken out to be kept.
    #[must_use]
    pub fn has_unsaved(&self) -> bool {
        !self.unsaved.is_empty() || !self.forgotten.is_empty()
    }

    /// One incident.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Kept> {
        self.entries.get(id)
    }

    /// All incidents that are remembered, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.entries.values()
    }

    /// How many incidents are remembered, by their status; those that nobody has heard of yet count
    /// as open.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::from([("open", 0), ("acknowledged", 0), ("closed", 0)]);
        for kept in self.entries.values() {
            let name = match kept.incident.status {
                Status::Open => "open",
                Status::Acknowledged => "acknowledged",
                Status::Closed => "closed",
            };
            *counts.entry(name).or_default() += 1;
        }
        counts
    }

    /// Whether so much happens that what is new is told in digests.
    #[must_use]
    pub fn is_storm(&self) -> bool {
        self.storm.is_on()
    }

    /// Remembers with the incident that a change of it is to be published and told.
    pub fn remember(&mut self, id: &str, outgoing: Outgoing) {
        if let Some(kept) = self.entries.get_mut(id) {
            kept.memory.outgoing = Some(outgoing);
            self.unsaved.insert(id.to_owned());
        }
    }

    /// Incidents that are not closed.
    fn open_count(&self) -> usize {
        self.entries.len().saturating_sub(self.closed.len())
    }

    fn insert(&mut self, kept: Kept) -> String {
        let id = kept.incident.id.clone();
        for key in &kept.memory.keys {
            self.index.insert(key.clone(), id.clone());
        }
        self.entries.insert(id.clone(), kept);
        id
    }

    /// Forgets an incident; the state keeps it.
    fn remove(&mut self, id: &str) -> Option<Kept> {
        let kept = self.entries.remove(id)?;
        for key in &kept.memory.keys {
            if self.index.get(key).is_some_and(|known| known == id) {
                self.index.remove(key);
            }
        }
        for name in &kept.memory.failing {
            self.failing.remove(name);
        }
        self.dirty.remove(id);
        self.unsaved.remove(id);
        self.forgotten.push(id.to_owned());
        Some(kept)
    }
}

#[cfg(test)]
mod tests;
