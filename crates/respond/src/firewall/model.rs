//! A firewall in memory, for tests and for rehearsals: it holds what it is told and counts nothing.

use std::collections::BTreeMap;

use event::Timestamp;
use event::action::{Failure, Undo};

use super::{Change, Finding, Firewall, FirewallError, Reconciled, Slot, Wanted};

/// What the model holds, and what it is told to fail with.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// What it holds.
    pub held: BTreeMap<Slot, Wanted>,
    /// The fault that every reading shows.
    pub fault: Option<(Failure, String)>,
    /// The error with which every change fails.
    pub error: Option<FirewallError>,
    /// Packets that every element has stopped.
    pub stopped: u64,
}

impl Firewall for Model {
    fn name(&self) -> &'static str {
        "model"
    }

    fn apply(&mut self, changes: &[Change], _now: Timestamp) -> Vec<Result<Undo, FirewallError>> {
        changes
            .iter()
            .map(|change| {
                if let Some(error) = &self.error {
                    return Err(error.clone());
                }
                match change {
                    Change::Put(wanted) => {
                        self.held.insert(Slot::of(&wanted.what), wanted.clone());
                    }
                    Change::Take(what) => {
                        self.held.remove(&Slot::of(what));
                    }
                }
                Ok(Undo {
                    firewall: "model".to_owned(),
                    ..Undo::default()
                })
            })
            .collect()
    }

    fn inspect(
        &mut self,
        wanted: &[Wanted],
        _now: Timestamp,
    ) -> Result<Vec<Finding>, FirewallError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let finding = |wanted: &Wanted| match self.held.get(&Slot::of(&wanted.what)) {
            Some(_) => Finding {
                held_by: vec!["model".to_owned()],
                packets_stopped: self.stopped,
                fault: self.fault.clone(),
            },
            None => Finding {
                fault: Some((
                    Failure::ElementMissing,
                    "the model does not hold it".to_owned(),
                )),
                ..Finding::default()
            },
        };
        Ok(wanted.iter().map(finding).collect())
    }

    fn reconcile(
        &mut self,
        wanted: &[Wanted],
        _now: Timestamp,
    ) -> Result<Reconciled, FirewallError> {
        let before = std::mem::take(&mut self.held);
        self.held = wanted
            .iter()
            .map(|wanted| (Slot::of(&wanted.what), wanted.clone()))
            .collect();
        Ok(Reconciled {
            taken: before
                .keys()
                .filter(|slot| !self.held.contains_key(slot))
                .count(),
            put: self
                .held
                .keys()
                .filter(|slot| !before.contains_key(slot))
                .count(),
            kept: 0,
        })
    }

    fn settle(&mut self, now: Timestamp) -> Result<(), FirewallError> {
        self.held.retain(|_, wanted| wanted.ends > now);
        Ok(())
    }

    fn past(&mut self, _interface: Option<&str>) -> Option<(Failure, String)> {
        None
    }
}
