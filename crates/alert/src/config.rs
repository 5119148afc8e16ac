//! Settings of incidents. Every key is optional.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use event::Prefix;
use event::incident::Severity;
use serde::{Deserialize, Serialize};

use crate::engine::{Policy, StormPolicy};
use crate::finding::severity_named;
use crate::finding::side::Homes;
use crate::notify::{self, Receiver, Route};

/// The longest span that can be set, a year: beyond it lies a typing error.
const MAX_SECS: u64 = 366 * 86_400;
/// Incidents at once that can be asked for: some 20 KiB each.
const MAX_OPEN: usize = 100_000;

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Networks that are ours, addresses or prefixes; none: the private ones. They tell which side of
    /// a call to a command server is the victim, and who can be a step of a chain.
    pub home: Vec<String>,
    /// How long after a step of an attack the next one belongs to it: many attackers of one victim, a
    /// victim that attacks. Seconds.
    pub window_secs: u64,
    /// An incident to which nothing was added for so long is closed. Seconds.
    pub idle_secs: u64,
    /// How long after that something new opens it again, in place of a new one. Seconds.
    pub reopen_secs: u64,
    /// How long a new incident gathers before it is told. Milliseconds.
    pub settle_ms: u64,
    /// What people were told is made right (a message updated in place, an alert sent again) at most
    /// once in so long. Seconds.
    pub refresh_secs: u64,
    /// People get another message about the same incident at most once in so long, and only where
    /// there is news; what rises to `high` or `critical` does not wait. Seconds.
    pub digest_secs: u64,
    /// So many attackers of one victim by the same rule are one attack.
    pub spray_attackers: usize,
    /// Incidents that are open at once; what comes beyond goes into one that says so.
    pub max_open: usize,
    /// Incidents below this severity are shown and told to nobody: `informational`, `low`, `medium`,
    /// `high`, `critical`.
    pub tell_from: String,
    /// When so much happens that it is told in digests.
    pub storm: Storm,
    /// A file (YAML or CSV) of our hosts: address or prefix, name, role, criticality, owner. It is
    /// read again when it changes.
    pub assets: Option<PathBuf>,
    /// Sigma rules: files, or folders of `.yml` and `.yaml` files. They are read again when they
    /// change.
    pub sigma: Vec<PathBuf>,
    /// What placeholders of Sigma rules (`expand`) stand for, by name.
    pub sigma_placeholders: BTreeMap<String, Vec<String>>,
    /// Who is told, and how.
    pub receivers: Vec<Receiver>,
    /// Who is told of what. None: everybody of everything.
    pub routes: Vec<Route>,
    /// Where people find the dashboard, `https://ratel.example.org:9443`; messages link to it.
    pub link: Option<String>,
}

/// When so much happens that it is told in digests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Storm {
    /// More messages than this within `within_secs` are a storm.
    pub messages: usize,
    /// Seconds.
    pub within_secs: u64,
    /// How often its digest is told. Seconds.
    pub digest_secs: u64,
    /// Messages within `within_secs` during a storm, for attacks that were never seen before and for
    /// what is critical.
    pub urgent: usize,
}

/// A setting that can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("alert.{key}: {why}")]
pub struct ConfigError {
    /// Which.
    pub key: &'static str,
    /// Why.
    pub why: String,
}

impl Default for Config {
    fn default() -> Self {
        let policy = Policy::default();
        Config {
            home: Vec::new(),
            window_secs: policy.window.as_secs(),
            idle_secs: policy.idle.as_secs(),
            reopen_secs: policy.reopen.as_secs(),
            settle_ms: u64::try_from(policy.settle.as_millis()).unwrap_or(1000),
            refresh_secs: policy.refresh.as_secs(),
            digest_secs: policy.digest.as_secs(),
            spray_attackers: policy.spray_attackers,
            max_open: policy.max_open,
            tell_from: policy.tell_from.name().to_owned(),
            storm: Storm::default(),
            assets: None,
            sigma: Vec::new(),
            sigma_placeholders: BTreeMap::new(),
            receivers: Vec::new(),
            routes: Vec::new(),
            link: None,
        }
    }
}

impl Default for Storm {
    fn default() -> Self {
        let policy = StormPolicy::default();
        Storm {
            messages: policy.messages,
            within_secs: policy.within.as_secs(),
            digest_secs: policy.digest.as_secs(),
            urgent: policy.urgent,
        }
    }
}

impl Config {
    /// Who is told, and of what.
    #[must_use]
    pub fn notify(&self) -> notify::Config {
        notify::Config {
            link: self.link.clone(),
            receivers: self.receivers.clone(),
            routes: self.routes.clone(),
        }
    }

    /// How incidents are made and told by these settings.
    ///
    /// # Errors
    /// The first setting that can't be.
    pub fn policy(&self) -> Result<Policy, ConfigError> {
        let secs = |key, secs: u64| {
            within(key, secs, 1, MAX_SECS)?;
            Ok(Duration::from_secs(secs))
        };
        let tell_from = severity_named(&self.tell_from).ok_or_else(|| {
            let names = Severity::ALL.map(Severity::name).join(", ");
            ConfigError {
                key: "tell_from",
                why: format!("{:?} is none of {names}", self.tell_from),
            }
        })?;
        // An incident that is closed before it is told would be told as over at once.
        within("settle_ms", self.settle_ms, 0, 60_000)?;
        within("spray_attackers", self.spray_attackers as u64, 2, 1000)?;
        within("max_open", self.max_open as u64, 1, MAX_OPEN as u64)?;
        within("storm.messages", self.storm.messages as u64, 1, 10_000)?;
        within("storm.urgent", self.storm.urgent as u64, 0, 10_000)?;
        Ok(Policy {
            settle: Duration::from_millis(self.settle_ms),
            window: secs("window_secs", self.window_secs)?,
            idle: secs("idle_secs", self.idle_secs)?,
            reopen: secs("reopen_secs", self.reopen_secs)?,
            refresh: secs("refresh_secs", self.refresh_secs)?,
            digest: secs("digest_secs", self.digest_secs)?,
            spray_attackers: self.spray_attackers,
            max_open: self.max_open,
            tell_from,
            storm: StormPolicy {
                messages: self.storm.messages,
                within: secs("storm.within_secs", self.storm.within_secs)?,
                digest: secs("storm.digest_secs", self.storm.digest_secs)?,
                urgent: self.storm.urgent,
            },
            ..Policy::default()
        })
    }

    /// The networks that are ours.
    ///
    /// # Errors
    /// A text that is no prefix.
    pub fn homes(&self) -> Result<Homes, ConfigError> {
        let read = |text: &String| {
            text.parse::<Prefix>().map_err(|error| ConfigError {
                key: "home",
                why: error.to_string(),
            })
        };
        Ok(Homes::new(
            self.home.iter().map(read).collect::<Result<_, _>>()?,
        ))
    }
}

fn within(key: &'static str, value: u64, least: u64, most: u64) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ConfigError {
        key,
        why: format!("{value} is not within {least} and {most}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_need_be_set_and_what_cannot_be_is_told_with_its_key() {
        let check = |text: &str, expected: Option<&str>| {
            let config: Config = serde_yaml_ng::from_str(text).unwrap();
            let told = config.policy().map(drop).and(config.homes().map(drop));
            assert_eq!(
                told.err().map(|error| error.to_string()).as_deref(),
                expected,
                "{text}"
            );
        };
        check("{}", None);
        check("home: [192.0.2.0/24, '2001:db8::/32']", None);
        check(
            "home: [pear]",
            Some("alert.home: \"pear\" is neither an address nor a prefix"),
        );
        check(
            "tell_from: loud",
            Some("alert.tell_from: \"loud\" is none of informational, low, medium, high, critical"),
        );
        check(
            "idle_secs: 0",
            Some("alert.idle_secs: 0 is not within 1 and 31622400"),
        );
        check(
            "storm: {messages: 0}",
            Some("alert.storm.messages: 0 is not within 1 and 10000"),
        );
        assert!(serde_yaml_ng::from_str::<Config>("colour: red").is_err());
    }
}
