//! A consumer group: what it has committed, and which of its members reads which partition.
//!
//! A partition changes hands in two steps: its owner lets it go when it comes back for more (so it
//! has dealt with what it had), then the next one takes it from the committed offset on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use event::Topic;

use super::log::Log;
use super::offsets::Offsets;
use crate::metrics::GroupMetrics;
use crate::record::{Batch, Part};
use crate::signal::{Signal, lock};
use crate::{Error, Start};

/// Members of one group in this process: more than threads any machine of ours has.
const MAX_MEMBERS: usize = 256;

/// A group.
#[derive(Debug)]
pub struct Group {
    pub name: String,
    logs: Arc<[Vec<Arc<Log>>; 5]>,
    offsets: Mutex<Offsets>,
    members: Mutex<Members>,
    /// Counts changes of who should read what.
    generation: AtomicU64,
    metrics: [GroupMetrics; 5],
}

#[derive(Debug, Default)]
struct Members {
    last_id: u64,
    all: BTreeMap<u64, Member>,
    parts: BTreeMap<Part, Turn>,
}

#[derive(Debug)]
struct Member {
    topics: Vec<Topic>,
    signal: Arc<Signal>,
}

/// Who reads a partition, and who should.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    owner: Option<u64>,
    target: Option<u64>,
}

impl Group {
    /// Opens or makes a group in the folder of groups.
    pub fn open(name: &str, dir: &Path, logs: Arc<[Vec<Arc<Log>>; 5]>) -> Result<Group, Error> {
        let path = dir.join(name);
        let (offsets, damaged) = Offsets::open(&path).map_err(|source| Error::Io {
            what: "open",
            path: path.clone(),
            source,
        })?;
        if damaged > 0 {
            tracing::warn!(group = name, file = %path.display(), partitions = damaged,
                "what the group had read is damaged: it reads again from the oldest records on");
        }
        let group = Group {
            name: name.to_owned(),
            logs,
            offsets: Mutex::new(offsets),
            members: Mutex::default(),
            generation: AtomicU64::new(0),
            metrics: Topic::ALL.map(|topic| GroupMetrics::new(name, topic)),
        };
        group.after_a_start()?;
        Ok(group)
    }

    /// What a power loss took from a log was perhaps committed already: then the records that
    /// come to these offsets now must not count as read.
    fn after_a_start(&self) -> Result<(), Error> {
        let mut offsets = lock(&self.offsets);
        let known: Vec<_> = offsets.all().collect();
        for (part, committed) in known {
            let Some(log) = self.log(part) else {
                continue;
            };
            let end = log.end();
            if committed > end {
                tracing::warn!(group = self.name, topic = %part.0, partition = part.1, committed, end,
                    "the group had read what the log has lost: it goes on from the end of the log");
                offsets
                    .set(part, end)
                    .map_err(|source| self.io(log, source))?;
            }
            log.hold(&self.name, committed.min(end), false);
        }
        Ok(())
    }

    fn io(&self, log: &Log, source: std::io::Error) -> Error {
        Error::Io {
            what: "commit to the group of",
            path: log.dir.clone(),
            source,
        }
    }

    fn log(&self, part: Part) -> Option<&Arc<Log>> {
        self.logs.get(part.0.index())?.get(part.1 as usize)
    }

    fn partitions(&self, topic: Topic) -> u32 {
        self.logs.get(topic.index()).map_or(0, Vec::len) as u32
    }

    /// Adds a member; it gets its partitions when it first comes for records.
    pub fn join(&self, topics: &[Topic], start: Start, signal: Arc<Signal>) -> Result<u64, Error> {
        let mut members = lock(&self.members);
        if members.all.len() >= MAX_MEMBERS {
            return Err(Error::TooMany {
                what: "members of a group",
                limit: MAX_MEMBERS,
            });
        }
        let mut offsets = lock(&self.offsets);
        for topic in topics {
            for partition in 0..self.partitions(*topic) {
                let part = (*topic, partition);
                let Some(log) = self.log(part) else { continue };
                if offsets.get(part).is_none() || start == Start::Again {
                    let first = match start {
                        Start::Oldest | Start::Again => log.start(),
                        Start::Newest => log.end(),
                    };
                    offsets
                        .set(part, first)
                        .map_err(|source| self.io(log, source))?;
                }
                log.add_reader(signal.clone());
            }
        }
        drop(offsets);
        members.last_id += 1;
        let id = members.last_id;
        let topics = topics.to_vec();
        members.all.insert(id, Member { topics, signal });
        self.share_out(&mut members);
        Ok(id)
    }

    /// Takes a member out; others read on from what was committed.
    pub fn leave(&self, id: u64) {
        let mut members = lock(&self.members);
        let Some(member) = members.all.remove(&id) else {
            return;
        };
        for topic in &member.topics {
            for log in self.logs.get(topic.index()).into_iter().flatten() {
                log.remove_reader(&member.signal);
            }
        }
        for turn in members.parts.values_mut() {
            if turn.owner == Some(id) {
                turn.owner = None;
            }
        }
        self.share_out(&mut members);
    }

    /// Decides anew who reads what, and wakes everybody to look.
    fn share_out(&self, members: &mut Members) {
        let targets = targets(
            members.all.iter().map(|(id, m)| (*id, m.topics.as_slice())),
            |topic| self.partitions(topic),
        );
        for turn in members.parts.values_mut() {
            turn.target = None;
        }
        for (part, id) in targets {
            members.parts.entry(part).or_default().target = Some(id);
        }
        let offsets = lock(&self.offsets);
        for (part, turn) in &members.parts {
            if let Some(log) = self.log(*part) {
                log.hold(
                    &self.name,
                    offsets.get(*part).unwrap_or(0),
                    turn.target.is_some(),
                );
            }
        }
        drop(offsets);
        self.generation.fetch_add(1, Ordering::AcqRel);
        for member in members.all.values() {
            member.signal.raise();
        }
    }

    /// Counts changes of who should read what.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Lets go what member `id` should no longer read and takes what it may: all that it reads from now on, with the
    /// committed offset. The first value is the generation this is of.
    pub fn take_turns(&self, id: u64) -> (u64, Vec<(Arc<Log>, u64)>) {
        let mut members = lock(&self.members);
        let mut is_let_go = false;
        for turn in members.parts.values_mut() {
            if turn.owner == Some(id) && turn.target != Some(id) {
                turn.owner = None;
                is_let_go = true;
            }
        }
        let mut mine = Vec::new();
        let offsets = lock(&self.offsets);
        for (part, turn) in &mut members.parts {
            if turn.target == Some(id) && turn.owner.is_none_or(|owner| owner == id) {
                turn.owner = Some(id);
                if let Some(log) = self.log(*part) {
                    mine.push((log.clone(), offsets.get(*part).unwrap_or(0)));
                }
            }
        }
        drop(offsets);
        if is_let_go {
            self.generation.fetch_add(1, Ordering::AcqRel);
            for member in members.all.values() {
                member.signal.raise();
            }
        }
        (self.generation(), mine)
    }

    /// Everything before `offset` is dealt with. Never goes back.
    pub fn commit(&self, part: Part, offset: u64) -> Result<(), Error> {
        let Some(log) = self.log(part) else {
            return Ok(());
        };
        let offset = offset.min(log.end());
        let mut offsets = lock(&self.offsets);
        if offsets.get(part).is_some_and(|known| known >= offset) {
            return Ok(());
        }
        offsets
            .set(part, offset)
            .map_err(|source| self.io(log, source))?;
        drop(offsets);
        log.advance(&self.name, offset);
        Ok(())
    }

    /// The next offset to read.
    pub fn committed(&self, part: Part) -> Option<u64> {
        lock(&self.offsets).get(part)
    }

    /// Counts what was given to a reader.
    pub fn count(&self, topic: Topic, batch: &Batch) {
        if let Some(metrics) = self.metrics.get(topic.index()) {
            metrics.delivered.increment(batch.len() as u64);
            for gap in batch.gaps() {
                metrics.tell_gap(&self.name, gap);
            }
        }
    }

    /// Records not yet committed, of each topic the group ever read.
    pub fn lag(&self) -> Vec<(Topic, u64)> {
        let offsets = lock(&self.offsets);
        let mut lag: BTreeMap<Topic, u64> = BTreeMap::new();
        for (part, committed) in offsets.all() {
            if let Some(log) = self.log(part) {
                *lag.entry(part.0).or_default() += log.end().saturating_sub(committed);
            }
        }
        lag.into_iter().collect()
    }

    /// Shows the lag and forces commits to the disk where `is_synced`.
    pub fn keep(&self, is_synced: bool) -> std::io::Result<()> {
        for (topic, lag) in self.lag() {
            if let Some(metrics) = self.metrics.get(topic.index()) {
                metrics.lag.set(lag as f64);
            }
        }
        if is_synced {
            lock(&self.offsets).sync()?;
        }
        Ok(())
    }
}

/// Each partition goes to the members that want its topic in turn.
fn targets<'a>(
    members: impl Iterator<Item = (u64, &'a [Topic])> + Clone,
    partitions: impl Fn(Topic) -> u32,
) -> BTreeMap<Part, u64> {
    let mut targets = BTreeMap::new();
    let mut turn = 0;
    for topic in Topic::ALL {
        let wanting: Vec<u64> = members
            .clone()
            .filter(|(_, topics)| topics.contains(&topic))
            .map(|(id, _)| id)
            .collect();
        for partition in 0..partitions(topic) {
            if let Some(id) = wanting.get(turn % wanting.len().max(1)) {
                targets.insert((topic, partition), *id);
                turn += 1;
            }
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_wanted_partition_has_one_reader_and_none_has_two_more_than_another(
            wants in prop::collection::vec(prop::collection::btree_set(0usize..5, 0..5), 0..6),
            partitions in 1u32..9,
        ) {
            let members: Vec<(u64, Vec<Topic>)> = wants
                .iter()
                .enumerate()
                .map(|(id, topics)| (id as u64, topics.iter().map(|t| Topic::ALL[*t]).collect()))
                .collect();
            let shared = targets(members.iter().map(|(id, t)| (*id, t.as_slice())), |_| partitions);
            for topic in Topic::ALL {
                let wanting: Vec<u64> = members.iter().filter(|m| m.1.contains(&topic)).map(|m| m.0).collect();
                let mut of_member = BTreeMap::new();
                for partition in 0..partitions {
                    let reader = shared.get(&(topic, partition)).copied();
                    prop_assert_eq!(reader.is_some(), !wanting.is_empty());
                    if let Some(reader) = reader {
                        prop_assert!(wanting.contains(&reader));
                        *of_member.entry(reader).or_insert(0u32) += 1;
                    }
                }
                let counts: Vec<u32> = wanting.iter().map(|id| of_member.get(id).copied().unwrap_or(0)).collect();
                let most = counts.iter().max().copied().unwrap_or(0);
                prop_assert!(most - counts.iter().min().copied().unwrap_or(0) <= 1);
            }
        }
    }
}
