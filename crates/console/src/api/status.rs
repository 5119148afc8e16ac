//! `GET /v1/status`, `/livez` and `/readyz`: how each role fares.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use event::Timestamp;
use serde::{Deserialize, Serialize};

/// One role of this process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name: `sensor`, `respond`, …
    pub role: String,
    /// How it fares.
    pub state: Health,
    /// Since when.
    pub since: Timestamp,
    /// How often it was started again.
    #[serde(default)]
    pub restarts: u64,
    /// What it says of itself, or why it failed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Role {
    /// Whether it does its work, or a part of it.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self.state, Health::Running | Health::Degraded)
    }
}

/// How a role fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It begins.
    Starting,
    /// It does its work.
    Running,
    /// It does a part of its work; its detail says which.
    Degraded,
    /// It died and is started again after a while.
    Failed,
    /// It ended.
    Stopped,
}

impl Health {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Health::Starting => "starting",
            Health::Running => "running",
            Health::Degraded => "degraded",
            Health::Failed => "failed",
            Health::Stopped => "stopped",
        }
    }
}

/// Everything that `ratel status` shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Ratel's version.
    pub version: String,
    /// The process.
    pub pid: u32,
    /// When it started.
    pub started: Timestamp,
    /// Now, by its clock.
    pub now: Timestamp,
    /// Whether everything runs.
    pub ready: bool,
    /// The roles.
    pub roles: Vec<Role>,
    /// Actions known, by state.
    pub actions: BTreeMap<String, u64>,
    /// Events that passed since the start, by kind.
    pub events: BTreeMap<String, u64>,
    /// What else is counted.
    pub counters: BTreeMap<String, u64>,
    /// Bouncers that asked since the start.
    pub bouncers: Vec<Bouncer>,
}

/// One bouncer, as status shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bouncer {
    /// Its name, from the configuration.
    pub name: String,
    /// Where it asks from.
    pub address: String,
    /// What it says it is.
    pub agent: String,
    /// When it asked last.
    pub last_pull: Timestamp,
}

/// What does not run that should, a sentence for each; none where everything does.
#[must_use]
pub fn reasons(roles: &[Role], caught_up: bool) -> Vec<String> {
    let past = (!caught_up).then(|| "the actions of the past are still being read".to_owned());
    let waiting = roles.iter().filter(|role| !role.is_ready()).map(|role| {
        let (name, state) = (&role.role, role.state.name());
        if role.detail.is_empty() {
            format!("{name} is {state}")
        } else {
            format!("{name} is {state}: {}", role.detail)
        }
    });
    past.into_iter().chain(waiting).collect()
}

/// The answer to a probe: `ok`, or 503 with a line for each reason.
#[must_use]
pub fn probe(reasons: &[String]) -> Response {
    if reasons.is_empty() {
        return (StatusCode::OK, "ok\n").into_response();
    }
    let lines = reasons.iter().fold(String::new(), |mut lines, reason| {
        // One line each, whatever a role says of itself.
        lines.extend(reason.chars().map(|c| if c.is_control() { ' ' } else { c }));
        lines.push('\n');
        lines
    });
    (StatusCode::SERVICE_UNAVAILABLE, lines).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str, state: Health, detail: &str) -> Role {
        Role {
            role: name.into(),
            state,
            since: Timestamp::default(),
            restarts: 0,
            detail: detail.into(),
        }
    }

    #[test]
    fn readiness_tells_everything_that_does_not_run() {
        let check = |roles: &[Role], caught_up, expected: &[&str]| {
            assert_eq!(reasons(roles, caught_up), expected);
        };
        check(&[], true, &[]);
        let sensor = role("sensor", Health::Running, "");
        let starting = role("bus", Health::Starting, "");
        let failed = role("respond", Health::Failed, "no nft");
        check(
            &[sensor.clone(), role("respond", Health::Degraded, "observe")],
            true,
            &[],
        );
        check(
            std::slice::from_ref(&sensor),
            false,
            &["the actions of the past are still being read"],
        );
        check(
            &[starting, sensor, failed],
            true,
            &["bus is starting", "respond is failed: no nft"],
        );
    }
}
