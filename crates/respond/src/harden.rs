//! A host's own ruleset: printed, applied, verified, taken back.
//!
//! One table of our own, beside whatever rules there are: it only ever takes packets away, never
//! lets in what others keep out. A plan ([`plan`]) is a value, made of the configuration
//! ([`config`]) and of what the host is like ([`facts`]); it is refused where it would hit the
//! protected set. What is put in is read back ([`reading`]) and recorded ([`record`]) so that undoing
//! leaves the ruleset byte for byte as it was. Until it is confirmed it lasts for a while only, and
//! it is the kernel that ends it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use event::Timestamp;

use crate::audit::Audit;
use crate::firewall::FirewallError;
use crate::firewall::tool::Tool;

pub mod config;
pub mod facts;
pub mod plan;
pub mod reading;
pub mod record;
mod rules;
pub mod script;

pub use config::HardenConfig;
pub use facts::{Facts, FactsError};
pub use plan::{Plan, Refused};
pub use reading::{Fault, Reading};
pub use record::{Folder, Record, Version};

/// The longest time in which a change can wait to be confirmed: longer, nobody remembers it.
pub const MAX_WAIT: Duration = Duration::from_secs(86_400);

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum HardenError {
    /// There is no plan.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The host could not be read.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// The firewall did not take it.
    #[error(transparent)]
    Firewall(#[from] FirewallError),
    /// The record could not be kept; without it nothing is changed.
    #[error("{path}: {source}")]
    Folder {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A setting of the kernel could not be changed.
    #[error("the setting {key} cannot be changed: {source}")]
    Setting {
        /// Which.
        key: String,
        /// Why.
        source: io::Error,
    },
    /// It was put in, read back, found to be something else, and taken back.
    #[error("what was read back is not what was put in, so it was taken back: {0}")]
    NotAsPlanned(Fault),
    /// There is nothing to confirm.
    #[error("nothing waits to be confirmed")]
    NothingWaits,
    /// It was not confirmed in time.
    #[error("too late: it was not confirmed in time, and is taken back")]
    TooLate,
}

/// How hardening stands.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What was put in, if anything.
    pub record: Option<Record>,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// Packets by rule.
    pub counted: Vec<(String, u64)>,
    /// Sources that scan at this moment.
    pub scanners: Vec<String>,
}

/// What an undo found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// Whether there was anything.
    pub was_there: bool,
    /// Settings that somebody else has changed since, and that were therefore left alone.
    pub left: Vec<String>,
}

/// Puts plans in and takes them back, in the network namespace of its thread.
#[derive(Clone, Debug)]
pub struct Hardener {
    nft: Tool,
    folder: PathBuf,
    sys: PathBuf,
}

impl Hardener {
    /// With its record in `folder`.
    #[must_use]
    pub fn new(nft: Tool, folder: &Path) -> Self {
        Hardener {
            nft,
            folder: folder.to_owned(),
            sys: "/proc/sys".into(),
        }
    }

    /// The plan for this host at this moment. Changes nothing.
    ///
    /// # Errors
    /// Where the host cannot be read, or the configuration cannot be or hits the protected set.
    pub fn plan(&self, config: &HardenConfig) -> Result<Plan, HardenError> {
        Ok(plan::plan(config, &Facts::read(config, &self.nft)?)?)
    }

    /// Puts a plan in, in place of what held before. With `wait` it has to be confirmed within that
    /// time; else the kernel makes it void, and [`Hardener::take_back`] takes it away.
    ///
    /// # Errors
    /// Whatever fails, the host is as it was before.
    pub fn apply(
        &self,
        plan: &Plan,
        wait: Option<Duration>,
        now: Timestamp,
    ) -> Result<Record, HardenError> {
        let folder = self.hold()?;
        let mut audit = self.audit(&folder, now)?;
        let mut old = self.known(&folder)?;
        if old.as_ref().is_some_and(|old| old.is_overdue(now)) {
            old = self.leave(&folder, &mut audit, old, true, now)?;
        }
        if let Some(old) = &old
            && old.table != plan.table
        {
            let why = format!("the table inet {} holds; undo it first", old.table);
            return Err(Refused::Wrong { key: "table", why }.into());
        }
        // What was never confirmed is nothing to come back to.
        let fallback = old.as_ref().and_then(|old| match old.until {
            None => Some(old.version.clone()),
            Some(_) => old.previous.clone(),
        });
        let wait = wait.map(|wait| wait.min(MAX_WAIT));
        let script = plan.script(wait);
        self.ours(&plan.table)?;
        // The kernel looks at all of it before any of it is done.
        self.nft.run(&["-c", "-f", "-"], &script)?;
        let mut record = Record {
            table: plan.table.clone(),
            since: now,
            until: wait.map(|wait| later(now, wait)),
            version: Version {
                script: plan.script(None),
                sysctls: plan
                    .sysctls
                    .iter()
                    .map(|s| (s.key.clone(), s.value.clone()))
                    .collect(),
                lines: Vec::new(),
            },
            previous: fallback.clone().filter(|_| wait.is_some()),
            before: old
                .as_ref()
                .map(|old| old.before.clone())
                .unwrap_or_default(),
        };
        self.remember(&mut record)?;
        self.note(&mut audit, now, "harden planned", &script)?;
        self.keep(&folder, &record)?;
        match self.put(&record, &script, &plan.expected(wait.is_some())) {
            Ok(lines) => record.version.lines = lines,
            Err(error) => {
                let back = Record {
                    previous: fallback,
                    ..record
                };
                self.leave(&folder, &mut audit, Some(back), true, now)?;
                self.note(&mut audit, now, "harden failed", &error.to_string())?;
                return Err(error);
            }
        }
        self.keep(&folder, &record)?;
        let words = match record.until {
            Some(until) => format!("verified; to be confirmed by {}", eve(until)),
            None => "verified; kept".to_owned(),
        };
        self.note(&mut audit, now, "harden effective", &words)?;
        Ok(record)
    }

    /// Keeps what waits to be confirmed.
    ///
    /// # Errors
    /// Where nothing waits, or it waited too long.
    pub fn confirm(&self, now: Timestamp) -> Result<Record, HardenError> {
        let folder = self.hold()?;
        let mut audit = self.audit(&folder, now)?;
        let record = self.known(&folder)?.filter(|record| record.until.is_some());
        let Some(mut record) = record else {
            return Err(HardenError::NothingWaits);
        };
        let has_run_out = self.reading(&record.table)?.is_none_or(|r| r.has_run_out);
        if record.is_overdue(now) || has_run_out {
            self.leave(&folder, &mut audit, Some(record), true, now)?;
            return Err(HardenError::TooLate);
        }
        self.ours(&record.table)?;
        self.nft.run(&["-f", "-"], &record.version.script)?;
        record.until = None;
        record.previous = None;
        record.version.lines.retain(|line| !is_guard(line));
        self.keep(&folder, &record)?;
        self.note(&mut audit, now, "harden confirmed", "")?;
        Ok(record)
    }

    /// Takes back what was not confirmed in time; whether there was such a thing.
    ///
    /// # Errors
    /// Where the firewall or the record cannot be changed.
    pub fn take_back(&self, now: Timestamp) -> Result<bool, HardenError> {
        let folder = self.hold()?;
        let mut audit = self.audit(&folder, now)?;
        let record = self.known(&folder)?.filter(|record| record.is_overdue(now));
        let is_there = record.is_some();
        self.leave(&folder, &mut audit, record, true, now)?;
        Ok(is_there)
    }

    /// Takes everything back.
    ///
    /// # Errors
    /// Where the firewall or the record cannot be changed.
    pub fn undo(&self, now: Timestamp) -> Result<Undone, HardenError> {
        let folder = self.hold()?;
        let mut audit = self.audit(&folder, now)?;
        let Some(record) = self.known(&folder)? else {
            return Ok(Undone::default());
        };
        let left = self.remove(&record)?;
        folder.clear().map_err(|source| self.trouble(source))?;
        self.note(&mut audit, now, "harden undone", &left.join(", "))?;
        Ok(Undone {
            was_there: true,
            left,
        })
    }

    /// Reads back how it stands. Changes nothing.
    ///
    /// # Errors
    /// Where the firewall or the record cannot be read.
    pub fn check(&self, table: &str) -> Result<Report, HardenError> {
        let record = Folder::look(&self.folder).map_err(|source| self.trouble(source))?;
        let mut report = Report::default();
        let table = record.as_ref().map_or(table, |record| &record.table);
        let reading = self.reading(table)?;
        if let Some(record) = &record {
            match &reading {
                None => report.faults.push(Fault::TableGone),
                Some(reading) if !reading.is_ours => report.faults.push(Fault::NotOurs),
                Some(reading) => {
                    if reading.is_dormant {
                        report.faults.push(Fault::Dormant);
                    }
                    if reading.has_run_out {
                        report.faults.push(Fault::RanOut);
                    }
                    report.faults.extend(reading.since(&record.version.lines));
                }
            }
            for (key, expected) in &record.version.sysctls {
                let found = self.setting(key).unwrap_or_else(|error| error.to_string());
                if found != *expected {
                    report.faults.push(Fault::Setting {
                        key: key.clone(),
                        expected: expected.clone(),
                        found,
                    });
                }
            }
        }
        if let Some(reading) = reading {
            report.counted = reading.counted;
            report.scanners = reading.scanners;
        }
        report.record = record;
        Ok(report)
    }

    /// Every setting that we ever changed becomes what the version wants, or what it was before.
    fn set_all(&self, record: &Record) -> Result<(), HardenError> {
        for (key, original) in &record.before {
            let mut sysctls = record.version.sysctls.iter();
            let wanted = sysctls.find(|(other, _)| other == key);
            self.set(key, wanted.map_or(original, |(_, value)| value))?;
        }
        Ok(())
    }

    /// Settings first, then the table, then a look at it.
    fn put(
        &self,
        record: &Record,
        script: &str,
        expected: &[(String, Vec<String>)],
    ) -> Result<Vec<String>, HardenError> {
        self.set_all(record)?;
        self.nft.run(&["-f", "-"], script)?;
        let reading = self.reading(&record.table)?.unwrap_or_default();
        if !reading.is_ours {
            return Err(HardenError::NotAsPlanned(Fault::TableGone));
        }
        match reading.against(expected).into_iter().next() {
            Some(fault) => Err(HardenError::NotAsPlanned(fault)),
            None => Ok(reading.lines),
        }
    }

    /// Leaves a version: back to the one before where `to_previous`, else to nothing of ours.
    fn leave(
        &self,
        folder: &Folder,
        audit: &mut Audit,
        record: Option<Record>,
        to_previous: bool,
        now: Timestamp,
    ) -> Result<Option<Record>, HardenError> {
        let Some(mut record) = record else {
            return Ok(None);
        };
        let Some(previous) = record.previous.take().filter(|_| to_previous) else {
            let left = self.remove(&record)?;
            folder.clear().map_err(|source| self.trouble(source))?;
            self.note(audit, now, "harden taken back", &left.join(", "))?;
            return Ok(None);
        };
        self.ours(&record.table)?;
        record.version = previous;
        record.until = None;
        self.set_all(&record)?;
        self.nft.run(&["-f", "-"], &record.version.script)?;
        self.keep(folder, &record)?;
        self.note(audit, now, "harden taken back", "to the version before")?;
        Ok(Some(record))
    }

    /// Removes the table and sets settings back; which of those were left alone.
    fn remove(&self, record: &Record) -> Result<Vec<String>, HardenError> {
        if self
            .reading(&record.table)?
            .is_some_and(|reading| reading.is_ours)
        {
            let script = format!("delete table inet {}\n", record.table);
            self.nft.run(&["-f", "-"], &script)?;
        }
        let mut left = Vec::new();
        for (key, original) in &record.before {
            let ours = record
                .version
                .sysctls
                .iter()
                .find(|(other, _)| other == key);
            let found = self.setting(key).ok();
            if found.as_ref() == Some(original) {
                continue;
            }
            if found.as_ref() == ours.map(|(_, value)| value) {
                self.set(key, original)?;
            } else {
                left.push(key.clone());
            }
        }
        Ok(left)
    }

    /// Notes how the settings are that will be changed.
    fn remember(&self, record: &mut Record) -> Result<(), HardenError> {
        for (key, _) in &record.version.sysctls {
            if record.before.iter().any(|(known, _)| known == key) {
                continue;
            }
            let value = self.setting(key).map_err(|source| HardenError::Setting {
                key: key.clone(),
                source,
            })?;
            record.before.push((key.clone(), value));
        }
        Ok(())
    }

    fn path(&self, key: &str) -> PathBuf {
        self.sys.join(key.replace('.', "/"))
    }

    fn setting(&self, key: &str) -> io::Result<String> {
        Ok(fs::read_to_string(self.path(key))?.trim().to_owned())
    }

    fn set(&self, key: &str, value: &str) -> Result<(), HardenError> {
        if self.setting(key).is_ok_and(|found| found == value) {
            return Ok(());
        }
        fs::write(self.path(key), value).map_err(|source| HardenError::Setting {
            key: key.to_owned(),
            source,
        })
    }

    fn reading(&self, table: &str) -> Result<Option<Reading>, HardenError> {
        match self.nft.run(&["list", "table", "inet", table], "") {
            Ok(text) => Ok(Some(Reading::of(&text))),
            Err(FirewallError::Gone(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A table of our name that somebody else made is never touched.
    fn ours(&self, table: &str) -> Result<(), HardenError> {
        match self.reading(table)? {
            Some(reading) if !reading.is_ours => {
                let name = format!("the table inet {table}");
                Err(FirewallError::NotOurs(name).into())
            }
            Some(_) | None => Ok(()),
        }
    }

    fn trouble(&self, source: io::Error) -> HardenError {
        HardenError::Folder {
            path: self.folder.clone(),
            source,
        }
    }

    fn hold(&self) -> Result<Folder, HardenError> {
        Folder::hold(&self.folder).map_err(|source| self.trouble(source))
    }

    fn known(&self, folder: &Folder) -> Result<Option<Record>, HardenError> {
        folder.read().map_err(|source| self.trouble(source))
    }

    fn keep(&self, folder: &Folder, record: &Record) -> Result<(), HardenError> {
        folder.write(record).map_err(|source| self.trouble(source))
    }

    fn audit(&self, folder: &Folder, now: Timestamp) -> Result<Audit, HardenError> {
        Audit::open(&folder.audit(), now).map_err(|source| self.trouble(source))
    }

    fn note(
        &self,
        audit: &mut Audit,
        now: Timestamp,
        step: &str,
        words: &str,
    ) -> Result<(), HardenError> {
        audit.note(now, step, words);
        audit.sync().map_err(|source| self.trouble(source))
    }
}

/// A line that only a guarded table has.
fn is_guard(line: &str) -> bool {
    line.starts_with(&format!("set {}", script::ARMED))
        || line.contains(&format!("comment \"{}unconfirmed ", script::COMMENT))
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    let nanos = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
    Timestamp::from_nanos(now.nanos().saturating_add(nanos))
}

fn eve(moment: Timestamp) -> String {
    String::from_utf8_lossy(&moment.to_eve()).into_owned()
}

#[cfg(test)]
mod tests;
