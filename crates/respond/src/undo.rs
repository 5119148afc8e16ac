//! What the firewall must change so that some actions are as if they had never been.

use std::collections::BTreeSet;

use event::Timestamp;
use event::action::ActionId;

use crate::firewall::{Change, Slot};
use crate::ledger::{Ledger, wanted};

/// The changes without these actions: where another action wants the same slot, that one is put in
/// its place; where none does, the slot is emptied.
#[must_use]
pub fn without(ledger: &Ledger, ids: &BTreeSet<ActionId>, now: Timestamp) -> Vec<Change> {
    let mut slots = BTreeSet::new();
    ids.iter()
        .filter_map(|id| ledger.get(*id))
        .filter(|action| action.is_in_force())
        .filter(|action| slots.insert(Slot::of(&action.what)))
        .map(|action| {
            let heir = ledger
                .open_in(&Slot::of(&action.what))
                .filter(|other| !ids.contains(&other.id))
                .filter(|other| other.is_in_force() && other.ends > now)
                .max_by_key(|other| (other.ends, other.id));
            match heir {
                Some(heir) => Change::Put(wanted(heir)),
                None => Change::Take(action.what.clone()),
            }
        })
        .collect()
}
