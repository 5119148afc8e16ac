//! What the responder counts. A recorder must be installed before, or nothing is told.
//!
//! | name | labels | what |
//! |---|---|---|
//! | `ratel_response_actions_total` | state | states that actions came into |
//! | `ratel_response_ineffective_total` | failure | actions found ineffective, by what failed |
//! | `ratel_response_events_total` | | events held against the playbooks |
//! | `ratel_response_firewall_seconds` | | the last time that the firewall took for a change |
//! | `ratel_response_log_errors_total` | | times that journal or audit log could not be written |
//! | `ratel_response_repairs_total` | | times that what was lost from the firewall was put back |

use std::collections::BTreeMap;
use std::time::Duration;

use event::action::{Failure, State};
use metrics::{counter, describe_counter, describe_gauge, gauge};

/// Counters since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// States that actions came into.
    pub states: BTreeMap<&'static str, u64>,
    /// Actions found ineffective, by what failed.
    pub failures: BTreeMap<Failure, u64>,
    /// Events held against the playbooks.
    pub events: u64,
    /// The last time that the firewall took for a change.
    pub firewall: Duration,
    /// Times that journal or audit log could not be written.
    pub log_errors: u64,
    /// Times that what was lost from the firewall was put back.
    pub repairs: u64,
}

impl Metrics {
    /// Tells a recorder what the names mean.
    pub fn describe() {
        for (name, text) in [
            ("actions", "States that actions came into"),
            ("ineffective", "Actions found ineffective, by what failed"),
            ("events", "Events held against the playbooks"),
            (
                "log_errors",
                "Times that journal or audit log could not be written",
            ),
            (
                "repairs",
                "Times that what was lost from the firewall was put back",
            ),
        ] {
            describe_counter!(format!("ratel_response_{name}_total"), text);
        }
        describe_gauge!(
            "ratel_response_firewall_seconds",
            "The last time that the firewall took for a change"
        );
    }

    /// Tells the recorder the numbers.
    pub fn show(&self) {
        for (state, count) in &self.states {
            counter!("ratel_response_actions_total", "state" => *state).absolute(*count);
        }
        for (failure, count) in &self.failures {
            // As records write it.
            let name = serde_json::to_value(failure).ok();
            let name = name.as_ref().and_then(|name| name.as_str());
            let name = name.unwrap_or("other").to_owned();
            counter!("ratel_response_ineffective_total", "failure" => name).absolute(*count);
        }
        counter!("ratel_response_events_total").absolute(self.events);
        counter!("ratel_response_log_errors_total").absolute(self.log_errors);
        counter!("ratel_response_repairs_total").absolute(self.repairs);
        gauge!("ratel_response_firewall_seconds").set(self.firewall.as_secs_f64());
    }

    /// Counts a new state.
    pub fn state(&mut self, state: &State) {
        *self.states.entry(state.name()).or_default() += 1;
        if let State::Ineffective { failure, .. } = state {
            *self.failures.entry(*failure).or_default() += 1;
        }
    }
}
