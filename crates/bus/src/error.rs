//! What can go wrong on the bus, each with its object and its cause.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use event::Topic;

/// What an operation of the bus reports.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value of the configuration cannot be.
    #[error("bus: {key}: {why}")]
    Config {
        /// The key, with dots.
        key: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Another process has the folder open.
    #[error("bus: {} is in use by another process{}", dir.display(), Owner(*pid))]
    Locked {
        /// The folder.
        dir: PathBuf,
        /// Who says it has it, where it said so.
        pid: Option<u32>,
    },
    /// A file or folder of the bus failed.
    #[error("bus: cannot {what} {}: {source}", path.display())]
    Io {
        /// The verb: open, read, write, ...
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The disk has no room; the record was not taken. It may be published again.
    #[error("bus: no space left for topic {topic} in {} after {waited:.1?}", dir.display())]
    DiskFull {
        /// The topic that could not grow.
        topic: Topic,
        /// The folder of the bus.
        dir: PathBuf,
        /// How long the publisher waited for space.
        waited: Duration,
    },
    /// The topic is at its limit and a group has yet to read its oldest records; the record was
    /// not taken. It may be published again.
    #[error(
        "bus: topic {topic} is full after {waited:.1?}: group {group} is {behind} records behind"
    )]
    Full {
        /// The topic.
        topic: Topic,
        /// The group that holds the oldest records.
        group: String,
        /// How many records it has yet to commit.
        behind: u64,
        /// How long the publisher waited.
        waited: Duration,
    },
    /// A key or value is larger than a record may be; nothing was taken.
    #[error("bus: a record of {size} bytes for topic {topic} is larger than {limit}")]
    TooLarge {
        /// The topic.
        topic: Topic,
        /// Bytes of the key or of the value.
        size: usize,
        /// What it may be.
        limit: usize,
    },
    /// The brokers refused or did not answer in time; what was published may or may not be there.
    #[error("bus: Kafka: cannot {what} {object}: {why}")]
    Kafka {
        /// The verb.
        what: &'static str,
        /// The broker, topic or group.
        object: String,
        /// Why.
        why: String,
    },
    /// The name of a group is not 1 to 64 letters, digits, `-`, `_` or `.` (first a letter or digit).
    #[error("bus: {0:?} cannot name a group")]
    GroupName(String),
    /// A limit on members, groups or topics was reached.
    #[error("bus: more than {limit} {what}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

struct Owner(Option<u32>);

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(pid) => write!(f, " (process {pid})"),
            None => Ok(()),
        }
    }
}

impl Error {
    /// Whether the same record may be taken later: the caller should wait and publish it again
    /// under the same id.
    #[must_use]
    pub const fn is_back_pressure(&self) -> bool {
        matches!(self, Error::DiskFull { .. } | Error::Full { .. })
    }
}
