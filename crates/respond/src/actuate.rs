//! The only hand on the firewall. Whatever was planned, and whenever: right before each change the
//! protected set is computed anew, and what it forbids is not done.

use event::Timestamp;
use event::action::{ActionId, Failure, Undo};

use crate::firewall::{Change, Finding, Firewall, FirewallError, Reconciled, Wanted};
use crate::host::Host;
use crate::plan::forbidden;
use crate::protected::Protected;

/// Why a change was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotDone {
    /// The protected set forbids it, or could not be computed.
    Forbidden(String),
    /// The firewall did not take it.
    Firewall(FirewallError),
}

/// The firewall and the host it stands on.
#[derive(Debug)]
pub struct Actuator<F, H> {
    firewall: F,
    /// The host: its connections, its interfaces.
    pub host: H,
    /// The set as it was computed last.
    protected: Protected,
}

impl<F: Firewall, H: Host> Actuator<F, H> {
    /// A hand on this firewall.
    pub fn new(firewall: F, host: H) -> Self {
        Actuator {
            firewall,
            host,
            protected: Protected::new([]),
        }
    }

    /// The firewall's name.
    pub fn name(&self) -> &'static str {
        self.firewall.name()
    }

    /// For looking at the firewall; changes go through `apply`.
    pub fn firewall(&self) -> &F {
        &self.firewall
    }

    /// A model of a firewall is changed by its test.
    #[cfg(test)]
    pub(crate) fn firewall_mut(&mut self) -> &mut F {
        &mut self.firewall
    }

    /// The protected set as it was computed last.
    pub fn protected(&self) -> &Protected {
        &self.protected
    }

    /// Computes the protected set anew.
    pub fn refresh(&mut self, now: Timestamp) -> Result<&Protected, String> {
        self.protected = self.host.protected(now)?;
        Ok(&self.protected)
    }

    /// Makes changes; one answer for each, in order. Takes are always allowed.
    pub fn apply(&mut self, changes: &[Change], now: Timestamp) -> Vec<Result<Undo, NotDone>> {
        let puts = changes.iter().any(|c| matches!(c, Change::Put(_)));
        let known = if puts {
            self.refresh(now).map(|_| ())
        } else {
            Ok(())
        };
        let verdict = |change: &Change| match (change, &known) {
            (Change::Take(_), _) => None,
            (Change::Put(_), Err(cause)) => Some(cause.clone()),
            (Change::Put(wanted), Ok(())) => forbidden(&wanted.what, &self.protected),
        };
        let verdicts: Vec<Option<String>> = changes.iter().map(verdict).collect();
        let allowed: Vec<Change> = changes
            .iter()
            .zip(&verdicts)
            .filter(|(_, verdict)| verdict.is_none())
            .map(|(change, _)| change.clone())
            .collect();
        let mut done = self.firewall.apply(&allowed, now).into_iter();
        verdicts
            .into_iter()
            .map(|verdict| match verdict {
                Some(cause) => Err(NotDone::Forbidden(cause)),
                None => done
                    .next()
                    .unwrap_or_else(|| Ok(Undo::default()))
                    .map_err(NotDone::Firewall),
            })
            .collect()
    }

    /// Makes the firewall hold what is wanted, less what the protected set forbids; which those are.
    #[allow(clippy::type_complexity)]
    pub fn reconcile(
        &mut self,
        wanted: &[Wanted],
        now: Timestamp,
    ) -> Result<(Reconciled, Vec<(ActionId, String)>), NotDone> {
        let known = self.refresh(now).map(|_| ());
        let mut allowed = Vec::new();
        let mut refused = Vec::new();
        for wanted in wanted {
            let verdict = match &known {
                Ok(()) => forbidden(&wanted.what, &self.protected),
                Err(cause) => return Err(NotDone::Forbidden(cause.clone())),
            };
            match verdict {
                None => allowed.push(wanted.clone()),
                Some(cause) => refused.push((wanted.id, cause)),
            }
        }
        let done = self.firewall.reconcile(&allowed, now);
        done.map(|done| (done, refused)).map_err(NotDone::Firewall)
    }

    /// Reads back how wanted things stand.
    pub fn inspect(
        &mut self,
        wanted: &[Wanted],
        now: Timestamp,
    ) -> Result<Vec<Finding>, FirewallError> {
        self.firewall.inspect(wanted, now)
    }

    /// Lets the firewall forget what the kernel has taken back.
    pub fn settle(&mut self, now: Timestamp) -> Result<(), FirewallError> {
        self.firewall.settle(now)
    }

    /// A way past the rules for packets of an interface.
    pub fn past(&mut self, interface: Option<&str>) -> Option<(Failure, String)> {
        let device = interface.and_then(|name| self.host.past(name));
        device.or_else(|| self.firewall.past(interface))
    }
}
