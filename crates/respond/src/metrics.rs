//! What the responder counts; the names that Prometheus shows stand with each.

use std::collections::BTreeMap;
use std::time::Duration;

use event::action::{Failure, State};

/// Counters since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// `ratel_response_actions_total{state}`: states that actions came into.
    pub states: BTreeMap<&'static str, u64>,
    /// `ratel_response_ineffective_total{failure}`.
    pub failures: BTreeMap<Failure, u64>,
    /// `ratel_response_events_total`.
    pub events: u64,
    /// `ratel_response_firewall_seconds`: the last time that the firewall took for a change.
    pub firewall: Duration,
    /// `ratel_response_log_errors_total`: journal or audit log could not be written.
    pub log_errors: u64,
    /// `ratel_response_repairs_total`: what was lost from the firewall and put back.
    pub repairs: u64,
}

impl Metrics {
    /// Counts a new state.
    pub fn state(&mut self, state: &State) {
        *self.states.entry(state.name()).or_default() += 1;
        if let State::Ineffective { failure, .. } = state {
            *self.failures.entry(*failure).or_default() += 1;
        }
    }
}
