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

    const fn is_ready(self) -> bool {
        matches!(self, Health::Running | Health::Degraded)
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

/// Whether everything runs that should, else the first thing that does not, in a sentence.
pub fn ready(roles: &[Role], caught_up: bool) -> Result<(), String> {
    if !caught_up {
        return Err("the actions of the past are still being read".to_owned());
    }
    match roles.iter().find(|role| !role.state.is_ready()) {
        None => Ok(()),
        Some(role) if role.detail.is_empty() => {
            Err(format!("{} is {}", role.role, role.state.name()))
        }
        Some(role) => Err(format!(
            "{} is {}: {}",
            role.role,
            role.state.name(),
            role.detail
        )),
    }
}

/// The answer to a probe: `ok`, or 503 with the reason.
#[must_use]
pub fn probe(ready: Result<(), String>) -> Response {
    match ready {
        Ok(()) => (StatusCode::OK, "ok\n").into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
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
    fn readiness_tells_the_first_role_that_does_not_run() {
        let check = |roles: &[Role], caught_up, expected: Result<(), &str>| {
            assert_eq!(ready(roles, caught_up), expected.map_err(str::to_owned));
        };
        check(&[], true, Ok(()));
        let sensor = role("sensor", Health::Running, "");
        check(
            &[sensor.clone(), role("respond", Health::Degraded, "observe")],
            true,
            Ok(()),
        );
        check(
            std::slice::from_ref(&sensor),
            false,
            Err("the actions of the past are still being read"),
        );
        let failed = role("respond", Health::Failed, "no nft");
        check(&[sensor, failed], true, Err("respond is failed: no nft"));
        check(
            &[role("bus", Health::Starting, "")],
            true,
            Err("bus is starting"),
        );
    }
}
