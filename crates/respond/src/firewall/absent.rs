//! No firewall: each change fails and says why, so that what would be done is still told.

use super::{Change, Finding, Firewall, FirewallError, Reconciled, Wanted};
use event::Timestamp;
use event::action::{Failure, Undo};

/// Stands where no firewall can be used.
pub struct Absent(FirewallError);

impl Absent {
    /// `why` there is none, in one line.
    #[must_use]
    pub fn because(why: &str) -> Self {
        Absent(FirewallError::Refused {
            tool: "firewall".to_owned(),
            text: why.to_owned(),
        })
    }
}

impl Firewall for Absent {
    fn name(&self) -> &'static str {
        "none"
    }

    fn apply(&mut self, changes: &[Change], _: Timestamp) -> Vec<Result<Undo, FirewallError>> {
        changes.iter().map(|_| Err(self.0.clone())).collect()
    }

    fn inspect(&mut self, wanted: &[Wanted], _: Timestamp) -> Result<Vec<Finding>, FirewallError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        Err(self.0.clone())
    }

    fn reconcile(&mut self, wanted: &[Wanted], _: Timestamp) -> Result<Reconciled, FirewallError> {
        if wanted.is_empty() {
            return Ok(Reconciled::default());
        }
        Err(self.0.clone())
    }

    fn settle(&mut self, _: Timestamp) -> Result<(), FirewallError> {
        Ok(())
    }

    fn past(&mut self, _: Option<&str>) -> Option<(Failure, String)> {
        None
    }
}
