//! What a user can set about the sensor. Every key is optional.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Workers of one interface at most: the kernel's group of rings has 256 places.
pub const WORKERS_MAX: usize = 256;
/// Interfaces at most.
pub const INTERFACES_MAX: usize = 64;

/// The table `sensor` of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What is captured from. Empty: the caller chooses, as a rule the interface of the default route.
    pub interfaces: Vec<Interface>,
    /// Threads for each interface; 0, the default, for one on each processor.
    pub workers: usize,
    /// Whether each thread is bound to a processor of its own.
    pub pin_threads: bool,
    /// Whether each thread that reads packets gives up all rights first: capabilities, files, sockets, and
    /// the system calls that inspecting does not take.
    pub confine: bool,
    /// What is kept on one worker: all that two hosts say to each other (`hosts`), or each of their
    /// connections (`flows`). `docs/sensor.md` tells what `flows` tears apart.
    pub balance: Balance,
    /// Whether `flow` records tell the features of their flow, as `ratel.features`. The role `learn` turns it on
    /// by itself.
    pub flow_features: bool,
    /// The capture ring of each worker.
    pub ring: Ring,
    /// The packets that are kept of flows that alert.
    pub packets: Packets,
    /// Seconds between two `stats` records.
    pub stats_secs: u64,
    /// Seconds that a stop may take: what is in the rings by then is counted as left behind.
    pub stop_secs: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            interfaces: Vec::new(),
            workers: 0,
            pin_threads: false,
            confine: true,
            balance: Balance::Hosts,
            flow_features: false,
            ring: Ring::default(),
            packets: Packets::default(),
            // As Suricata's own default.
            stats_secs: 8,
            // Half of the ten seconds in which everything has to stop.
            stop_secs: 5,
        }
    }
}

/// One interface: its name alone, or a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(from = "NameOrTable")]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// A filter in tcpdump's language; packets that it does not let through are counted and not
    /// inspected. None lets everything through.
    pub filter: Option<String>,
    /// Whether frames to other hosts are seen too, where the network delivers them.
    pub promiscuous: bool,
}

impl Interface {
    /// All packets of an interface.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Interface {
            name: name.to_owned(),
            filter: None,
            promiscuous: true,
        }
    }
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
enum NameOrTable {
    Name(String),
    Table(Table),
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    name: String,
    filter: Option<String>,
    #[serde(default = "yes")]
    promiscuous: bool,
}

fn yes() -> bool {
    true
}

impl From<NameOrTable> for Interface {
    fn from(given: NameOrTable) -> Self {
        match given {
            NameOrTable::Name(name) => Interface::named(&name),
            NameOrTable::Table(table) => Interface {
                name: table.name,
                filter: table.filter,
                promiscuous: table.promiscuous,
            },
        }
    }
}

/// What packets are spread by.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// The two outermost addresses.
    #[default]
    Hosts,
    /// Addresses and ports, by the kernel's hash.
    Flows,
}

/// The capture ring of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ring {
    /// Megabytes (2^20 bytes) of each ring: how much may wait while a worker is busy.
    pub size_mib: u32,
    /// Kilobytes (2^10 bytes) of a block: also the longest frame that is seen whole.
    pub block_kib: u32,
    /// Milliseconds after which a block is handed over that is not full: the longest that a packet
    /// waits for others.
    pub hand_over_ms: u64,
}

impl Default for Ring {
    fn default() -> Self {
        Ring {
            // Half a second of a full Gigabit link.
            size_mib: 64,
            // Frames of "BIG TCP" have up to 512 KiB.
            block_kib: 1024,
            hand_over_ms: 8,
        }
    }
}

/// Packets of flows that alert: those that came before and those that follow, as pcap files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Packets {
    /// Megabytes (2^20 bytes) of the latest packets that each worker remembers; 0 keeps no packets at all.
    pub recent_mib: u32,
    /// Kilobytes (2^10 bytes) kept of one flow, half of it from before it alerted.
    pub flow_kib: u32,
    /// Megabytes of all files; the oldest are deleted.
    pub keep_mib: u32,
}

impl Default for Packets {
    fn default() -> Self {
        Packets {
            recent_mib: 16,
            flow_kib: 1024,
            keep_mib: 1024,
        }
    }
}

impl Packets {
    /// Bytes that a worker remembers, of a flow, and of all files.
    pub(crate) fn bytes(&self) -> (usize, usize, u64) {
        (
            (self.recent_mib as usize) << 20,
            (self.flow_kib as usize) << 10,
            u64::from(self.keep_mib) << 20,
        )
    }
}

/// Why a configuration makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Too many of something.
    #[error("sensor.{key}: {value} is more than {most}")]
    TooMany {
        /// The key.
        key: &'static str,
        /// What it says.
        value: u64,
        /// What it may say at most.
        most: u64,
    },
    /// Too few of something.
    #[error("sensor.{key}: {value} is less than {least}")]
    TooFew {
        /// The key.
        key: &'static str,
        /// What it says.
        value: u64,
        /// What it has to say at least.
        least: u64,
    },
    /// An interface is named twice.
    #[error("sensor.interfaces: {0} is named twice")]
    Twice(String),
    /// A filter that is none.
    #[error("sensor.interfaces: the filter of {interface}: {text:?} {reason}")]
    Filter {
        /// The interface.
        interface: String,
        /// The filter.
        text: String,
        /// What is wrong.
        reason: decode::filter::FilterError,
    },
}

impl Config {
    /// Says what makes no sense.
    pub fn check(&self) -> Result<(), ConfigError> {
        let most = |key, value: u64, most: u64| {
            if value > most {
                Err(ConfigError::TooMany { key, value, most })
            } else {
                Ok(())
            }
        };
        let least = |key, value: u64, least: u64| {
            if value < least {
                Err(ConfigError::TooFew { key, value, least })
            } else {
                Ok(())
            }
        };
        most(
            "interfaces",
            self.interfaces.len() as u64,
            INTERFACES_MAX as u64,
        )?;
        most("workers", self.workers as u64, WORKERS_MAX as u64)?;
        least("ring.block_kib", self.ring.block_kib.into(), 128)?;
        most("ring.block_kib", self.ring.block_kib.into(), 16 << 10)?;
        least(
            "ring.size_mib",
            self.ring.size_mib.into(),
            u64::from(self.ring.block_kib).div_ceil(512),
        )?;
        most("ring.size_mib", self.ring.size_mib.into(), 4096)?;
        least("ring.hand_over_ms", self.ring.hand_over_ms, 1)?;
        most("ring.hand_over_ms", self.ring.hand_over_ms, 1000)?;
        most("packets.recent_mib", self.packets.recent_mib.into(), 1024)?;
        most("packets.flow_kib", self.packets.flow_kib.into(), 1 << 20)?;
        least("stats_secs", self.stats_secs, 1)?;
        for (at, interface) in self.interfaces.iter().enumerate() {
            if self
                .interfaces
                .iter()
                .take(at)
                .any(|i| i.name == interface.name)
            {
                return Err(ConfigError::Twice(interface.name.clone()));
            }
            interface.filter()?;
        }
        Ok(())
    }

    /// Threads for each interface, on a machine with so many processors.
    #[must_use]
    pub fn workers_on(&self, processors: usize) -> usize {
        match self.workers {
            0 => processors.clamp(1, WORKERS_MAX),
            workers => workers.min(WORKERS_MAX),
        }
    }
}

impl Interface {
    /// The filter, read.
    pub(crate) fn filter(&self) -> Result<Option<decode::filter::Filter>, ConfigError> {
        let Some(text) = self
            .filter
            .as_deref()
            .filter(|text| !text.trim().is_empty())
        else {
            return Ok(None);
        };
        decode::filter::Filter::parse(text)
            .map(Some)
            .map_err(|reason| ConfigError::Filter {
                interface: self.name.clone(),
                text: text.to_owned(),
                reason,
            })
    }
}

impl Ring {
    /// Bytes of a block, in whole pages.
    pub(crate) fn block_bytes(&self) -> u32 {
        (self.block_kib << 10).next_multiple_of(4096)
    }

    pub(crate) fn blocks(&self) -> u32 {
        ((u64::from(self.size_mib) << 20) / u64::from(self.block_bytes().max(1))).max(2) as u32
    }

    pub(crate) fn hand_over(&self) -> Duration {
        Duration::from_millis(self.hand_over_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Config {
        serde_yaml_ng::from_str(text).expect("the text is a configuration")
    }

    #[test]
    fn every_key_is_optional() {
        assert_eq!(read("{}"), Config::default());
        assert_eq!(Config::default().check(), Ok(()));
        assert_eq!(Config::default().ring.blocks(), 64);
    }

    #[test]
    fn an_interface_is_a_name_or_a_table() {
        let config = read("interfaces: [eth0, {name: eth1, filter: port 80, promiscuous: false}]");
        assert_eq!(config.interfaces[0], Interface::named("eth0"));
        assert_eq!(config.interfaces[1].filter.as_deref(), Some("port 80"));
        assert!(!config.interfaces[1].promiscuous);
        assert_eq!(config.check(), Ok(()));
    }

    #[test]
    fn says_which_key_makes_no_sense() {
        let check = |text: &str, expected: &str| {
            let error = read(text).check().expect_err("it makes no sense");
            assert_eq!(error.to_string(), expected);
        };
        check("workers: 1000", "sensor.workers: 1000 is more than 256");
        check(
            "ring: {size_mib: 1}",
            "sensor.ring.size_mib: 1 is less than 2",
        );
        check("interfaces: [a, a]", "sensor.interfaces: a is named twice");
        check(
            "interfaces: [{name: a, filter: prot 80}]",
            &format!(
                "sensor.interfaces: the filter of a: \"prot 80\" {}",
                decode::filter::Filter::parse("prot 80").expect_err("no filter")
            ),
        );
    }

    #[test]
    fn unknown_keys_are_told() {
        assert!(serde_yaml_ng::from_str::<Config>("interface: [a]").is_err());
    }
}
