//! What people decide about an incident.

use event::Timestamp;
use event::incident::Status;

use super::Engine;

/// A person's decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Triage {
    /// Which incident.
    pub id: String,
    /// Where it stands by the person's word.
    pub status: Status,
    /// Why, for a closed one.
    pub why: String,
}

impl Engine {
    /// Follows a person's decision; told with the next tick, without a message of its own.
    pub fn on_triage(&mut self, triage: &Triage, now: Timestamp) {
        let Some(kept) = self.entries.get_mut(&triage.id) else {
            return;
        };
        if kept.incident.status == triage.status {
            return;
        }
        match triage.status {
            Status::Closed => {
                let why = match triage.why.trim() {
                    "" => "closed by a person",
                    why => why,
                };
                self.close(&triage.id, why, true, now);
                return;
            }
            Status::Open | Status::Acknowledged => {
                if let Some(closed) = kept.memory.closed.take() {
                    self.closed.remove(&(closed.at, triage.id.clone()));
                    // Else it would be closed again at once.
                    kept.memory.touched = now;
                }
                kept.incident.status = triage.status;
                kept.memory.is_triaged = true;
            }
        }
        self.dirty.insert(triage.id.clone());
        self.unsaved.insert(triage.id.clone());
    }
}
