//! Topics in a folder of this process: a log for each partition, a file for each group.
//!
//! ```text
//! DIR/lock                          held by the process that has the folder open
//! DIR/events/0/00000000000000000000.log
//! DIR/groups/alert                  what the group has committed
//! ```

mod frame;
mod group;
mod housekeeping;
mod log;
mod offsets;
mod reader;
mod segment;

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex};

use event::Topic;

use self::group::Group;
use self::housekeeping::Housekeeper;
use self::log::{Limits, Log};
use self::reader::Reader;
use crate::config::MAX_PARTITIONS;
use crate::metrics::TopicMetrics;
use crate::record::{Batch, Named, Part};
use crate::signal::{Signal, lock};
use crate::{Clock, Config, Error, GroupLag, Start};

pub(crate) use self::log::random;

/// Groups that may be known: each role has one or two.
const MAX_GROUPS: usize = 256;

/// The folder, open.
#[derive(Debug)]
pub(crate) struct Disk {
    logs: Arc<[Vec<Arc<Log>>; 5]>,
    groups: Arc<Mutex<BTreeMap<String, Arc<Group>>>>,
    groups_dir: std::path::PathBuf,
    // Stops before the lock goes: fields are dropped in this order.
    _housekeeper: Housekeeper,
    _lock: File,
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { what, path, source }
}

impl Disk {
    /// Opens or makes the folder; refuses one that another process has open.
    pub fn open(config: &Config, clock: Clock) -> Result<Disk, Error> {
        let dir = &config.dir;
        make_dir(dir)?;
        let held = take_lock(dir)?;
        let mut logs: [Vec<Arc<Log>>; 5] = Default::default();
        for (topic, logs) in Topic::ALL.into_iter().zip(&mut logs) {
            *logs = open_topic(config, topic, &clock)?;
        }
        let logs = Arc::new(logs);
        let groups_dir = dir.join("groups");
        make_dir(&groups_dir)?;
        let mut groups = BTreeMap::new();
        for entry in std::fs::read_dir(&groups_dir).map_err(io_error("list", &groups_dir))? {
            let name = entry.map_err(io_error("list", &groups_dir))?.file_name();
            if let Some(name) = name.to_str()
                && is_group_name(name)
            {
                let group = Group::open(name, &groups_dir, logs.clone())?;
                groups.insert(name.to_owned(), Arc::new(group));
            }
        }
        let groups = Arc::new(Mutex::new(groups));
        let housekeeper = Housekeeper::start(config, logs.clone(), groups.clone(), clock)
            .map_err(io_error("start the housekeeping of", dir))?;
        Ok(Disk {
            logs,
            groups,
            groups_dir,
            _housekeeper: housekeeper,
            _lock: held,
        })
    }

    fn logs(&self, topic: Topic) -> &[Arc<Log>] {
        self.logs.get(topic.index()).map_or(&[], Vec::as_slice)
    }

    /// Appends records, those of each partition in order. `taken` is called with number, partition and offset of
    /// each that is kept; an error leaves those behind it in its partition, and other partitions, untaken.
    pub fn publish(
        &self,
        topic: Topic,
        records: &[Named<'_>],
        taken: &mut dyn FnMut(usize, u32, u64),
    ) -> Result<(), Error> {
        let logs = self.logs(topic);
        if let ([record], Some(log)) = (records, logs.get(self.partition(topic, records))) {
            taken(0, log.partition, log.append(&[*record])?);
            return Ok(());
        }
        let mut parts: Vec<(Vec<usize>, Vec<Named<'_>>)> = Vec::new();
        parts.resize_with(logs.len(), Default::default);
        for (number, record) in records.iter().enumerate() {
            let partition = self.partition(topic, std::slice::from_ref(record));
            if let Some((numbers, named)) = parts.get_mut(partition) {
                numbers.push(number);
                named.push(*record);
            }
        }
        for (log, (numbers, named)) in logs.iter().zip(&parts) {
            let mut numbers = numbers.iter();
            for step in steps(named, log.append_bytes()) {
                let first = log.append(step)?;
                for (offset, number) in (first..).zip(numbers.by_ref().take(step.len())) {
                    taken(*number, log.partition, offset);
                }
            }
        }
        Ok(())
    }

    /// Records of one key go to one partition.
    fn partition(&self, topic: Topic, records: &[Named<'_>]) -> usize {
        let key = records.first().map_or(&[][..], |record| record.key);
        crc32c::crc32c(key) as usize % self.logs(topic).len().max(1)
    }

    /// The largest record of a topic, bytes of key and value.
    pub fn max_record(&self, topic: Topic) -> usize {
        self.logs(topic).first().map_or(0, |log| log.max_record())
    }

    /// Joins a group.
    pub fn subscribe(
        self: &Arc<Self>,
        group: &str,
        topics: &[Topic],
        start: Start,
    ) -> Result<Member, Error> {
        let group = {
            let mut groups = lock(&self.groups);
            match groups.get(group) {
                Some(known) => known.clone(),
                None if groups.len() >= MAX_GROUPS => {
                    return Err(Error::TooMany {
                        what: "groups",
                        limit: MAX_GROUPS,
                    });
                }
                None => {
                    let made = Group::open(group, &self.groups_dir, self.logs.clone())?;
                    let made = Arc::new(made);
                    groups.insert(group.to_owned(), made.clone());
                    made
                }
            }
        };
        let signal = Arc::new(Signal::default());
        let id = group.join(topics, start, signal.clone())?;
        Ok(Member {
            _disk: self.clone(),
            group,
            id,
            signal,
            generation: 0,
            readers: Vec::new(),
            turn: 0,
        })
    }

    /// Forces everything to the disk.
    pub fn sync(&self) -> Result<(), Error> {
        for log in self.logs.iter().flatten() {
            log.sync()?;
        }
        for group in lock(&self.groups).values() {
            group
                .keep(true)
                .map_err(io_error("sync", &self.groups_dir))?;
        }
        Ok(())
    }

    /// How far behind each known group is.
    pub fn lags(&self) -> Vec<GroupLag> {
        let groups: Vec<_> = lock(&self.groups).values().cloned().collect();
        let mut lags = Vec::new();
        for group in groups {
            for (topic, records) in group.lag() {
                lags.push(GroupLag {
                    group: group.name.clone(),
                    topic,
                    records,
                });
            }
        }
        lags
    }
}

/// One member of a group.
#[derive(Debug)]
pub(crate) struct Member {
    _disk: Arc<Disk>,
    group: Arc<Group>,
    id: u64,
    pub signal: Arc<Signal>,
    generation: u64,
    readers: Vec<Reader>,
    turn: usize,
}

impl Member {
    /// What is there, of one partition after the other.
    pub fn try_next(&mut self) -> Result<Option<Batch>, Error> {
        self.signal.lower();
        if self.group.generation() != self.generation {
            self.take_turns();
        }
        for _ in 0..self.readers.len() {
            self.turn = (self.turn + 1) % self.readers.len();
            let Some(reader) = self.readers.get_mut(self.turn) else {
                break;
            };
            if let Some(batch) = reader.read()? {
                self.group.count(reader.log.topic, &batch);
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// Keeps the place of partitions it had before, which may be ahead of what it committed.
    fn take_turns(&mut self) {
        let (generation, mine) = self.group.take_turns(self.id);
        self.generation = generation;
        let mut before = std::mem::take(&mut self.readers);
        for (log, committed) in mine {
            let known = before.iter().position(|r| Arc::ptr_eq(&r.log, &log));
            self.readers.push(match known {
                Some(place) => before.swap_remove(place),
                None => Reader::new(log, committed),
            });
        }
    }

    /// Everything before `offset` is dealt with.
    pub fn commit(&self, part: Part, offset: u64) -> Result<(), Error> {
        self.group.commit(part, offset)
    }

    /// The next offset that the group reads after a new start.
    pub fn committed(&self, part: Part) -> Option<u64> {
        self.group.committed(part)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.group.leave(self.id);
    }
}

fn make_dir(dir: &Path) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(dir)
        .map_err(io_error("make the folder", dir))
}

fn take_lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640)
        .open(&path)
        .map_err(io_error("open", &path))?;
    match file.try_lock() {
        Ok(()) => {
            // For people and for the line the next one gets; the lock itself does not need it.
            let _ = file
                .set_len(0)
                .and_then(|()| writeln!(file, "{}", std::process::id()));
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let _ = (&file).take(32).read_to_string(&mut text);
            Err(Error::Locked {
                dir: dir.to_owned(),
                pid: text.trim().parse().ok(),
            })
        }
        Err(TryLockError::Error(source)) => Err(io_error("lock", &path)(source)),
    }
}

/// All partitions that are configured or exist: those of an earlier configuration are read to their end.
fn open_topic(config: &Config, topic: Topic, clock: &Clock) -> Result<Vec<Arc<Log>>, Error> {
    let dir = config.dir.join(topic.name());
    make_dir(&dir)?;
    let mut partitions = config.topics.of(topic).partitions.max(1);
    while partitions < MAX_PARTITIONS && dir.join(partitions.to_string()).is_dir() {
        partitions += 1;
    }
    let limits = Limits::new(config, topic, partitions);
    let metrics = TopicMetrics::new(topic);
    let mut logs = Vec::new();
    for partition in 0..partitions {
        let dir = dir.join(partition.to_string());
        make_dir(&dir)?;
        let log = Log::open(
            (topic, partition),
            dir,
            limits.clone(),
            clock.clone(),
            metrics.clone(),
        )?;
        logs.push(Arc::new(log));
    }
    Ok(logs)
}

/// Parts of at most `limit` bytes of frames, but at least one record each.
fn steps<'r, 'a>(
    mut records: &'r [Named<'a>],
    limit: usize,
) -> impl Iterator<Item = &'r [Named<'a>]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = records.iter().take_while(|record| {
            bytes += frame::len(record.key, record.value);
            bytes <= limit
        });
        let count = fitting.count().max(1).min(records.len());
        let (step, rest) = records.split_at(count);
        records = rest;
        (!step.is_empty()).then_some(step)
    })
}

/// A group's name is a file's name.
pub(crate) fn is_group_name(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(letters)
}
