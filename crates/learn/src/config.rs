//! What a user can set about the role. Every key is optional.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::threshold::MAX_INCIDENTS;

/// Flows that may wait: some 2 KB each with what a finding repeats of its record, 800 MB together.
pub const MAX_QUEUE: usize = 400_000;
/// Hosts whose last flows are remembered: some 8 KiB each with a window of ten.
pub const MAX_HOSTS: usize = 1_000_000;

/// The table `learn` of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether `ratel up` scores flows; the sensor then tells the features of each.
    pub enabled: bool,
    /// A model file. None: the one that ships with the program, which was trained on generated traffic.
    pub model: Option<PathBuf>,
    /// Incidents a day that somebody will look at: all findings of one host within an hour are one. The
    /// threshold follows the traffic so that there are no more, and what comes beyond is counted, not told.
    pub budget_per_day: f32,
    /// Findings of one incident that are told.
    pub findings_per_incident: usize,
    /// Flows that are scored at once.
    pub batch: usize,
    /// How long a flow waits for others to be scored with. Milliseconds.
    pub gather_ms: u64,
    /// Flows that may wait, some 2 KB each; beyond it the oldest are left unscored, and counted.
    pub queue: usize,
    /// Hosts whose last flows are remembered; those that were silent longest are forgotten.
    pub hosts: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            enabled: false,
            model: None,
            budget_per_day: 5.0,
            findings_per_incident: 10,
            batch: 512,
            gather_ms: 200,
            queue: 50_000,
            hosts: 20_000,
        }
    }
}

/// A setting that can't be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("learn.{key}: {why}")]
pub struct ConfigError {
    /// Which.
    pub key: &'static str,
    /// Why.
    pub why: String,
}

impl Config {
    /// Refuses what can't be.
    ///
    /// # Errors
    /// The first setting that can't be, by its key.
    pub fn check(&self) -> Result<(), ConfigError> {
        let budget = self.budget_per_day;
        // The threshold is fitted to the incidents that are remembered of a day: it would not fall below the least of them.
        #[allow(clippy::cast_precision_loss)]
        let most = MAX_INCIDENTS as f32;
        if !(0.0..=most).contains(&budget) {
            let why = format!("{budget} is not within 0 and {MAX_INCIDENTS}");
            return Err(ConfigError {
                key: "budget_per_day",
                why,
            });
        }
        for (key, value, most) in [
            ("findings_per_incident", self.findings_per_incident, 10_000),
            ("batch", self.batch, 65_536),
            (
                "gather_ms",
                usize::try_from(self.gather_ms).unwrap_or(usize::MAX),
                60_000,
            ),
            ("queue", self.queue, MAX_QUEUE),
            ("hosts", self.hosts, MAX_HOSTS),
        ] {
            if !(1..=most).contains(&value) {
                let why = format!("{value} is not within 1 and {most}");
                return Err(ConfigError { key, why });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_told_with_its_key() {
        let check = |config: Config, expected: Option<&str>| {
            let told = config.check().err().map(|error| error.to_string());
            assert_eq!(told.as_deref(), expected);
        };
        check(Config::default(), None);
        let budget_per_day = f32::NAN;
        check(
            Config {
                budget_per_day,
                ..Config::default()
            },
            Some("learn.budget_per_day: NaN is not within 0 and 2000"),
        );
        let config = |budget_per_day| Config {
            budget_per_day,
            ..Config::default()
        };
        check(config(2000.0), None);
        check(
            config(2000.5),
            Some("learn.budget_per_day: 2000.5 is not within 0 and 2000"),
        );
        check(
            Config {
                queue: 0,
                ..Config::default()
            },
            Some("learn.queue: 0 is not within 1 and 400000"),
        );
    }
}
