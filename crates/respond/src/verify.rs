//! Whether an action works: what the firewall holds, what it counted, what still arrives, which
//! connections live. Everything that was found goes in; one state with its reason comes out.

use event::action::{Action, Evidence, Failure, State, What};
use event::{Prefix, Timestamp};

use crate::firewall::Finding;
use crate::host::{Interface, Survivors};

/// Packets on their way when an action is carried out still count as before it.
pub const GRACE_MS: u64 = 20;
/// By how much more than its limit a limited target may be seen to pass: its packets are counted at
/// another moment than they are limited.
const LIMIT_SLACK: f64 = 1.25;

/// What the sensor saw of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// Packets of the target since the moment that was asked for.
    pub packets: u64,
    /// The interface by which the target came, last or before.
    pub interface: Option<String>,
    /// The network namespace in which the sensor captures.
    pub namespace: Option<u64>,
}

/// Asks the sensor for the packets from a target since a moment; None where no sensor watches.
pub type Sensor = Box<dyn FnMut(&Prefix, Timestamp) -> Option<Arrivals> + Send>;

/// Everything that was found about one action.
#[derive(Clone, Debug)]
pub struct Findings {
    /// What the firewall says.
    pub firewall: Finding,
    /// What the sensor says.
    pub arrivals: Option<Arrivals>,
    /// Connections that live, or why that is not known.
    pub survivors: Result<Survivors, String>,
    /// Connections that were ended when it was carried out.
    pub connections_ended: u32,
    /// The state of the interface by which the target came.
    pub interface: Option<Interface>,
    /// The namespace in which the firewall is changed.
    pub namespace: Option<u64>,
    /// Packets have arrived lately that no rule counted, though some were counted before.
    pub passes_again: bool,
    /// A way past the rules; looked for only where packets arrive and none is stopped.
    pub past: Option<(Failure, String)>,
    /// Whether the honeypot answers.
    pub honeypot_answers: Option<bool>,
    /// Whether packets led away get there.
    pub honeypot_reached: bool,
}

/// Packets stopped and packets arrived, as the last two verifications of an action found them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Course {
    last: Option<(u64, u64)>,
    before: Option<(u64, u64)>,
}

impl Course {
    /// Takes in what a verification found. Whether packets that had arrived by the last one are not
    /// counted to this day: those of the moments between two questions are not held against it.
    pub fn passes_again(&mut self, stopped: u64, arrived: u64) -> bool {
        let passes = match (self.before, self.last) {
            (Some((was_stopped, before)), Some((_, last))) => {
                stopped == was_stopped && last > before
            }
            _ => false,
        };
        self.before = self.last;
        self.last = Some((stopped, arrived));
        passes
    }
}

/// Whether packets arrive that no rule counts.
#[must_use]
pub fn is_passed(finding: &Finding, arrivals: Option<&Arrivals>) -> bool {
    finding.packets_stopped == 0 && arrivals.is_some_and(|arrivals| arrivals.packets > 0)
}

/// The state of an action by what was found.
#[must_use]
pub fn judge(action: &Action, findings: &Findings, now: Timestamp) -> State {
    let failure = fault(findings)
        .or_else(|| surviving(action, findings))
        .or_else(|| arriving(action, findings, now))
        .or_else(|| leading(action, findings));
    if let Some((failure, cause)) = failure {
        return State::Ineffective { failure, cause };
    }
    if let Err(cause) = &findings.survivors {
        return State::Unknown {
            cause: format!("whether its connections live is not known: {cause}"),
        };
    }
    let stopped = findings.firewall.packets_stopped;
    let arrived = findings.arrivals.as_ref().map(|arrivals| arrivals.packets);
    let proved = match &action.what {
        // The connection is gone, and both its directions are closed.
        What::DropConnection { .. } => true,
        What::Redirect { .. } => stopped > 0 || findings.honeypot_answers == Some(true),
        What::Block { .. } | What::RateLimit { .. } | What::Quarantine { .. } => {
            stopped > 0 || arrived.is_some()
        }
    };
    if proved {
        State::Effective {
            evidence: Evidence {
                held_by: findings.firewall.held_by.clone(),
                packets_stopped: stopped,
                packets_arrived: arrived,
                connections_ended: findings.connections_ended,
            },
        }
    } else {
        State::Unknown {
            cause: "the firewall holds it; no packet of the target has come since, and no sensor \
                    watches for one"
                .to_owned(),
        }
    }
}

fn fault(findings: &Findings) -> Option<(Failure, String)> {
    let arrivals = findings.arrivals.as_ref();
    let namespaces = arrivals.and_then(|a| a.namespace).zip(findings.namespace);
    if let Some((sensor, firewall)) = namespaces
        && sensor != firewall
    {
        return Some((
            Failure::OtherNamespace,
            format!(
                "the sensor captures in the network namespace {sensor}, the firewall is changed in {firewall}"
            ),
        ));
    }
    let name = arrivals.and_then(|a| a.interface.as_deref()).unwrap_or("");
    findings
        .firewall
        .fault
        .clone()
        .or(match findings.interface {
            Some(Interface::Gone) => Some((
                Failure::InterfaceGone,
                format!("the interface {name}, by which the target came, is gone"),
            )),
            Some(Interface::Down) => Some((
                Failure::InterfaceDown,
                format!("the interface {name}, by which the target came, is down"),
            )),
            Some(Interface::Up) | None => None,
        })
}

fn surviving(action: &Action, findings: &Findings) -> Option<(Failure, String)> {
    let survivors = findings.survivors.as_ref().ok()?;
    let target = action.what.target();
    if survivors.offloaded > 0 {
        return Some((
            Failure::FlowtableOffload,
            format!(
                "{} connections of {target} go by a flow table, past all rules",
                survivors.offloaded
            ),
        ));
    }
    if survivors.sockets > 0 {
        return Some((
            Failure::ConnectionSurvives,
            format!(
                "{} connections of {target} with this host are still established",
                survivors.sockets
            ),
        ));
    }
    (survivors.tracked > 0).then(|| {
        (
            Failure::TrackingSurvives,
            format!(
                "connection tracking still knows {} connections of {target}",
                survivors.tracked
            ),
        )
    })
}

fn arriving(action: &Action, findings: &Findings, now: Timestamp) -> Option<(Failure, String)> {
    let arrivals = findings.arrivals.as_ref()?;
    let arrived = arrivals.packets;
    let stopped = findings.firewall.packets_stopped;
    let target = action.what.target();
    let passed = match &action.what {
        What::Block { .. } | What::Quarantine { .. } => {
            findings.passes_again || is_passed(&findings.firewall, Some(arrivals))
        }
        What::RateLimit {
            packets_per_second,
            burst,
            ..
        } => {
            let since = action.executed.unwrap_or(action.planned);
            let allowed =
                f64::from(*packets_per_second) * now.since(since).as_secs_f64() + f64::from(*burst);
            let passed = arrived.saturating_sub(stopped);
            if passed as f64 > allowed * LIMIT_SLACK {
                return Some(findings.past.clone().unwrap_or_else(|| {
                    (
                        Failure::LimitExceeded,
                        format!("{passed} packets of {target} passed where {allowed:.0} may"),
                    )
                }));
            }
            false
        }
        // A connection that is gone or led away may be followed by others.
        What::DropConnection { .. } | What::Redirect { .. } => false,
    };
    if !passed {
        return None;
    }
    Some(findings.past.clone().unwrap_or_else(|| {
        (
            Failure::StillArriving,
            if findings.passes_again {
                format!("packets of {target} arrive and no rule counts them any more")
            } else {
                format!("{arrived} packets of {target} arrived and no rule has counted one")
            },
        )
    }))
}

fn leading(action: &Action, findings: &Findings) -> Option<(Failure, String)> {
    let What::Redirect { to, port, .. } = &action.what else {
        return None;
    };
    if !findings.honeypot_reached {
        return Some((
            Failure::ForwardingOff,
            format!("the honeypot {to} is on another host and the kernel does not forward"),
        ));
    }
    (findings.honeypot_answers == Some(false)).then(|| {
        let port = port.map_or(String::new(), |port| format!(" at port {port}"));
        (
            Failure::HoneypotSilent,
            format!("nobody answers at the honeypot {to}{port}"),
        )
    })
}

#[cfg(test)]
mod tests;
