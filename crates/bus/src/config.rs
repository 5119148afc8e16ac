//! Settings of the bus. Every key is optional.

use std::path::PathBuf;
use std::time::Duration;

use event::Topic;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Partitions a topic may have: each costs an open file and a place in every group.
pub const MAX_PARTITIONS: u32 = 256;

/// The smallest segment: below it a topic is more files than records.
pub const MIN_SEGMENT_BYTES: u64 = 64 << 10;

/// A topic consists of at least so many segments at its limit, so that dropping one frees a part and not the whole.
pub const MIN_SEGMENTS: u64 = 4;

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What carries topics.
    pub kind: Kind,
    /// The folder of the log on disk.
    pub dir: PathBuf,
    /// Bytes of one file of the log; a topic is dropped in such parts.
    pub segment_bytes: u64,
    /// When written records are forced to the disk, which matters when the machine loses power.
    pub fsync: Fsync,
    /// Milliseconds between two forcings with `fsync: interval`.
    pub fsync_interval_ms: u64,
    /// Milliseconds a publisher waits where there is no room before it gets an error.
    pub publish_wait_ms: u64,
    /// What happens to the oldest records of a full topic which a running reader has yet to read.
    pub when_full: WhenFull,
    /// Limits of each topic.
    pub topics: Topics,
    /// The brokers, for `kind: kafka`.
    pub kafka: Kafka,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            kind: Kind::Disk,
            dir: PathBuf::from("/var/lib/ratel/bus"),
            segment_bytes: 64 << 20,
            fsync: Fsync::Interval,
            fsync_interval_ms: 1000,
            publish_wait_ms: 1000,
            when_full: WhenFull::Wait,
            topics: Topics::default(),
            kafka: Kafka::default(),
        }
    }
}

/// What carries topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A log in a folder of this process.
    Disk,
    /// Kafka, for more than one machine.
    Kafka,
}

/// When written records are forced to the disk. Whatever it is, they survive the death of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fsync {
    /// When the operating system likes.
    Never,
    /// Every `fsync_interval_ms`.
    Interval,
    /// Before a record is acknowledged; publishers at the same time share one.
    Always,
}

/// What happens to the oldest records of a full topic which a running reader has yet to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// Publishers wait for the reader, then get an error: nothing is lost.
    Wait,
    /// They are dropped, and the reader is told the gap.
    DropOldest,
}

/// Limits of one topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TopicConfig {
    /// Bytes on disk, all partitions together.
    pub max_bytes: u64,
    /// Seconds a record is kept.
    pub max_age_secs: u64,
    /// Parts that are ordered each by itself and can be read side by side. 0: one on disk; in
    /// Kafka `kafka.partitions`, but one for orders and releases.
    pub partitions: u32,
}

impl Default for TopicConfig {
    fn default() -> Self {
        TopicConfig {
            max_bytes: 1 << 30,
            max_age_secs: 7 * 86_400,
            partitions: 0,
        }
    }
}

/// Limits of each topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Topics {
    #[serde(deserialize_with = "events")]
    pub events: TopicConfig,
    pub incidents: TopicConfig,
    pub actions: TopicConfig,
    pub orders: TopicConfig,
    pub releases: TopicConfig,
}

/// Events are many: 8 GiB hold some 15 million.
const EVENTS_BYTES: u64 = 8 << 30;

impl Default for Topics {
    fn default() -> Self {
        Topics {
            events: TopicConfig {
                max_bytes: EVENTS_BYTES,
                ..TopicConfig::default()
            },
            incidents: TopicConfig::default(),
            actions: TopicConfig::default(),
            orders: TopicConfig::default(),
            releases: TopicConfig::default(),
        }
    }
}

/// A part of the settings of `events` leaves the others at what they are for events, not for any topic.
fn events<'de, D: serde::Deserializer<'de>>(from: D) -> Result<TopicConfig, D::Error> {
    #[derive(Deserialize, schemars::JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Part {
        max_bytes: Option<u64>,
        max_age_secs: Option<u64>,
        partitions: Option<u32>,
    }
    let part = Part::deserialize(from)?;
    let whole = Topics::default().events;
    Ok(TopicConfig {
        max_bytes: part.max_bytes.unwrap_or(whole.max_bytes),
        max_age_secs: part.max_age_secs.unwrap_or(whole.max_age_secs),
        partitions: part.partitions.unwrap_or(whole.partitions),
    })
}

impl Topics {
    /// The limits of one.
    #[must_use]
    pub const fn of(&self, topic: Topic) -> &TopicConfig {
        match topic {
            Topic::Events => &self.events,
            Topic::Incidents => &self.incidents,
            Topic::Actions => &self.actions,
            Topic::Orders => &self.orders,
            Topic::Releases => &self.releases,
        }
    }
}

/// The brokers and how to speak with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Kafka {
    /// `host:port` of some of the brokers.
    pub brokers: Vec<String>,
    /// Before the name of each topic and group, so that several Ratels share brokers.
    pub prefix: String,
    /// Partitions of a topic that is made here.
    pub partitions: u32,
    /// Copies of each partition of a topic that is made here.
    pub replication: u16,
    /// Milliseconds that brokers have to answer; a publisher waits so long in place of `publish_wait_ms`.
    pub timeout_ms: u64,
    /// Encryption.
    pub tls: Tls,
    /// Who we are.
    pub sasl: Option<Sasl>,
}

impl Default for Kafka {
    fn default() -> Self {
        Kafka {
            brokers: vec!["localhost:9092".into()],
            prefix: "ratel.".into(),
            partitions: 6,
            replication: 1,
            timeout_ms: 10_000,
            tls: Tls::default(),
            sasl: None,
        }
    }
}

/// Encryption towards the brokers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Whether to encrypt. The names of brokers are always checked.
    pub enabled: bool,
    /// Who vouches for brokers (PEM); else the system's list.
    pub ca_file: Option<PathBuf>,
    /// Our certificate (PEM), where brokers ask for one.
    pub cert_file: Option<PathBuf>,
    /// Its key (PEM).
    pub key_file: Option<PathBuf>,
}

/// A name and a password towards the brokers.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sasl {
    /// How the password is shown.
    #[serde(default)]
    pub mechanism: Mechanism,
    /// Who.
    pub username: String,
    /// The password itself; better `password_file`.
    #[serde(default, skip_serializing)]
    pub password: Option<String>,
    /// A file whose first line is the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
}

impl std::fmt::Debug for Sasl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sasl")
            .field("mechanism", &self.mechanism)
            .field("username", &self.username)
            .field("password_file", &self.password_file)
            .finish_non_exhaustive()
    }
}

/// How a password is shown to the brokers.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Mechanism {
    /// As it is: only over TLS.
    Plain,
    /// SCRAM with SHA-256.
    ScramSha256,
    /// SCRAM with SHA-512.
    #[default]
    ScramSha512,
}

impl Config {
    /// How long a publisher waits.
    #[must_use]
    pub const fn publish_wait(&self) -> Duration {
        Duration::from_millis(self.publish_wait_ms)
    }

    /// Refuses what cannot work, with the key that says it.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |key, why: String| Err(Error::Config { key, why });
        if self.segment_bytes < MIN_SEGMENT_BYTES {
            return refuse(
                "segment_bytes",
                format!("{} is below {MIN_SEGMENT_BYTES}", self.segment_bytes),
            );
        }
        if self.segment_bytes > 1 << 31 {
            return refuse(
                "segment_bytes",
                format!("{} is above 2 GiB", self.segment_bytes),
            );
        }
        if self.fsync_interval_ms == 0 {
            return refuse("fsync_interval_ms", "0 is no interval".into());
        }
        let sasl = self.kafka.sasl.as_ref();
        if sasl.is_some_and(|sasl| sasl.mechanism == Mechanism::Plain) && !self.kafka.tls.enabled {
            return refuse(
                "kafka.sasl.mechanism",
                "plain would show the password to the network: it needs tls.enabled".into(),
            );
        }
        if !(1..=MAX_PARTITIONS).contains(&self.kafka.partitions) {
            return refuse(
                "kafka.partitions",
                format!("{} is not 1 to {MAX_PARTITIONS}", self.kafka.partitions),
            );
        }
        for topic in Topic::ALL {
            let limits = self.topics.of(topic);
            let partitions = u64::from(limits.partitions.max(1));
            if limits.partitions > MAX_PARTITIONS {
                return refuse(
                    "topics",
                    format!("{topic}.partitions: more than {MAX_PARTITIONS}"),
                );
            }
            let least = MIN_SEGMENT_BYTES * MIN_SEGMENTS * partitions;
            if limits.max_bytes < least {
                return refuse(
                    "topics",
                    format!("{topic}.max_bytes: {} is below {least}", limits.max_bytes),
                );
            }
            if limits.max_age_secs == 0 {
                return refuse(
                    "topics",
                    format!("{topic}.max_age_secs: 0 would keep nothing"),
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_optional_and_a_part_keeps_the_rest() {
        let config: Config = serde_json::from_str("{}").unwrap();
        assert_eq!(config, Config::default());
        config.check().unwrap();
        let config: Config =
            serde_json::from_str(r#"{"topics": {"events": {"max_age_secs": 60}}}"#).unwrap();
        assert_eq!(config.topics.events.max_age_secs, 60);
        assert_eq!(config.topics.events.max_bytes, EVENTS_BYTES);
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_key() {
        let check = |text: &str, expected: &str| {
            let config: Config = serde_json::from_str(text).unwrap();
            let told = config.check().unwrap_err().to_string();
            assert!(told.contains(expected), "{told}");
        };
        check(r#"{"segment_bytes": 1}"#, "segment_bytes: 1 is below");
        check(
            r#"{"topics": {"orders": {"max_bytes": 9}}}"#,
            "orders.max_bytes",
        );
        check(
            r#"{"topics": {"events": {"partitions": 1000}}}"#,
            "events.partitions",
        );
        check(
            r#"{"topics": {"events": {"max_age_secs": 0}}}"#,
            "events.max_age_secs",
        );
        check(r#"{"fsync_interval_ms": 0}"#, "fsync_interval_ms");
        check(r#"{"kafka": {"partitions": 0}}"#, "kafka.partitions");
        check(
            r#"{"kafka": {"sasl": {"mechanism": "plain", "username": "u"}}}"#,
            "needs tls.enabled",
        );
        assert!(serde_json::from_str::<Config>(r#"{"topic": {}}"#).is_err());
    }

    #[test]
    fn a_password_is_not_told() {
        let sasl: Sasl =
            serde_json::from_str(r#"{"username": "u", "password": "secret"}"#).unwrap();
        assert!(!format!("{sasl:?}").contains("secret"));
        assert!(!serde_json::to_string(&sasl).unwrap().contains("secret"));
    }
}
