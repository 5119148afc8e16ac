//! One partition: segments in order, one writer at a time, dropped from the oldest on.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use event::{Timestamp, Topic};

use super::frame::{self, Salt};
use super::segment::{HEAD, Segment};
use crate::config::{Config, Fsync, MIN_SEGMENT_BYTES, MIN_SEGMENTS, WhenFull};
use crate::metrics::TopicMetrics;
use crate::record::Named;
use crate::signal::{Signal, lock};
use crate::{Clock, Error};

/// How often a publisher that waits for space looks by itself: space on a disk tells nobody that it is there.
const SPACE_POLL: Duration = Duration::from_millis(20);

/// Bytes that are appended under one lock: a reader gets the first of them soon.
const APPEND_BYTES: usize = 1 << 20;

/// What a log may be.
#[derive(Clone, Debug)]
pub struct Limits {
    pub segment_bytes: u64,
    pub max_bytes: u64,
    pub max_age: Duration,
    pub fsync: Fsync,
    pub when_full: WhenFull,
    pub wait: Duration,
}

impl Limits {
    /// The limits of one of `partitions` parts of a topic.
    pub fn new(config: &Config, topic: Topic, partitions: u32) -> Limits {
        let of = config.topics.of(topic);
        let max_bytes = of.max_bytes / u64::from(partitions.max(1));
        Limits {
            segment_bytes: config
                .segment_bytes
                .min(max_bytes / MIN_SEGMENTS)
                .max(MIN_SEGMENT_BYTES),
            max_bytes,
            max_age: Duration::from_secs(of.max_age_secs),
            fsync: config.fsync,
            when_full: config.when_full,
            wait: config.publish_wait(),
        }
    }
}

/// What a group has yet to read holds records back.
#[derive(Debug)]
struct Held {
    offset: u64,
    /// Whether a member reads now: publishers wait for it. Who is away is told its gap instead.
    is_live: bool,
}

/// One partition.
#[derive(Debug)]
pub struct Log {
    pub topic: Topic,
    pub partition: u32,
    pub dir: PathBuf,
    limits: Limits,
    clock: Clock,
    pub metrics: TopicMetrics,
    /// At least one: the last is written.
    segments: RwLock<VecDeque<Arc<Segment>>>,
    writer: Mutex<Writer>,
    /// The offset of the next record; all before it can be read.
    end: AtomicU64,
    /// All before it were forced to the disk.
    synced: Mutex<u64>,
    held: Mutex<HashMap<String, Held>>,
    readers: RwLock<Vec<Arc<Signal>>>,
    space: Condvar,
    space_lock: Mutex<()>,
}

#[derive(Debug)]
struct Writer {
    buffer: Vec<u8>,
    /// A write failed half-way and what it left could not be cut off yet.
    is_tail_torn: bool,
    /// Bytes of all segments.
    total: u64,
}

/// Why records were not taken now.
enum NoRoom {
    Held { group: String, behind: u64 },
    Disk,
}

/// A random salt: only an attacker who reads our files could know it.
pub fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish()
}

impl Log {
    /// Opens or makes a partition in `dir`, which exists. Tells in the log what it had to cut or found damaged.
    pub fn open(
        (topic, partition): (Topic, u32),
        dir: PathBuf,
        limits: Limits,
        clock: Clock,
        metrics: TopicMetrics,
    ) -> Result<Log, Error> {
        let segments = open_segments(&dir, &metrics, clock.now()).map_err(|source| Error::Io {
            what: "open",
            path: dir.clone(),
            source,
        })?;
        let end = segments.back().map_or(0, |last| last.next());
        let total = segments.iter().map(|segment| segment.len()).sum();
        Ok(Log {
            topic,
            partition,
            dir,
            limits,
            clock,
            metrics,
            segments: RwLock::new(segments),
            writer: Mutex::new(Writer {
                buffer: Vec::new(),
                is_tail_torn: false,
                total,
            }),
            end: AtomicU64::new(end),
            synced: Mutex::new(end),
            held: Mutex::default(),
            readers: RwLock::default(),
            space: Condvar::new(),
            space_lock: Mutex::default(),
        })
    }

    /// The offset of the next record.
    pub fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// The offset of the oldest record that is kept.
    pub fn start(&self) -> u64 {
        read_lock(&self.segments).front().map_or(0, |s| s.base)
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        lock(&self.writer).total
    }

    /// The segment that holds `offset`, or the first behind it; the last one for what is yet to come.
    pub fn segment_of(&self, offset: u64) -> Option<Arc<Segment>> {
        let segments = read_lock(&self.segments);
        let behind = segments.partition_point(|segment| segment.base <= offset);
        segments.get(behind.saturating_sub(1)).cloned()
    }

    /// The segment that follows the one with this base.
    pub fn segment_after(&self, base: u64) -> Option<Arc<Segment>> {
        let segments = read_lock(&self.segments);
        let place = segments.partition_point(|segment| segment.base <= base);
        segments.get(place).cloned()
    }

    /// Wakes this reader whenever something is written.
    pub fn add_reader(&self, signal: Arc<Signal>) {
        write_lock(&self.readers).push(signal);
    }

    /// No longer.
    pub fn remove_reader(&self, signal: &Arc<Signal>) {
        write_lock(&self.readers).retain(|known| !Arc::ptr_eq(known, signal));
    }

    /// A group has committed all before `offset`.
    pub fn advance(&self, group: &str, offset: u64) {
        if let Some(held) = lock(&self.held).get_mut(group) {
            held.offset = offset;
        }
        self.space.notify_all();
    }

    /// What a group has committed, and whether publishers are to wait for it.
    pub fn hold(&self, group: &str, offset: u64, is_live: bool) {
        let mut held = lock(&self.held);
        match held.get_mut(group) {
            Some(known) => *known = Held { offset, is_live },
            None => {
                held.insert(group.to_owned(), Held { offset, is_live });
            }
        }
        drop(held);
        self.space.notify_all();
    }

    /// The largest record, bytes of key and value: one fits a segment.
    pub fn max_record(&self) -> usize {
        let bytes = usize::try_from(self.limits.segment_bytes).unwrap_or(usize::MAX);
        bytes - HEAD as usize - frame::HEADER
    }

    /// The longest frames that may be appended at once: two fit a segment.
    pub fn append_bytes(&self) -> usize {
        usize::try_from(self.limits.segment_bytes / 2)
            .map_or(APPEND_BYTES, |half| half.min(APPEND_BYTES))
    }

    /// Appends records (at most [`Log::append_bytes`], or one) one behind the other and gives the offset of the first. When this returns, they survive the
    /// death of the process. Waits for room, then refuses: then none of them was taken.
    pub fn append(&self, records: &[Named<'_>]) -> Result<u64, Error> {
        let began = Instant::now();
        let (first, next) = loop {
            let no_room = match self.try_append(records)? {
                Ok(range) => break range,
                Err(no_room) => no_room,
            };
            self.metrics.waits.increment(1);
            let waited = began.elapsed();
            if waited >= self.limits.wait {
                self.metrics.refused.increment(records.len() as u64);
                return Err(match no_room {
                    NoRoom::Held { group, behind } => Error::Full {
                        topic: self.topic,
                        group,
                        behind,
                        waited,
                    },
                    NoRoom::Disk => Error::DiskFull {
                        topic: self.topic,
                        dir: self.dir.clone(),
                        waited,
                    },
                });
            }
            let guard = lock(&self.space_lock);
            let pause = SPACE_POLL.min(self.limits.wait - waited);
            drop(self.space.wait_timeout(guard, pause));
        };
        for reader in read_lock(&self.readers).iter() {
            reader.raise();
        }
        if self.limits.fsync == Fsync::Always {
            self.sync_to(next)?;
        }
        self.metrics.published.increment(records.len() as u64);
        Ok(first)
    }

    fn try_append(&self, records: &[Named<'_>]) -> Result<Result<(u64, u64), NoRoom>, Error> {
        let mut writer = lock(&self.writer);
        let writer = &mut *writer;
        let now = self.clock.now();
        let size = records
            .iter()
            .map(|r| frame::len(r.key, r.value) as u64)
            .sum();
        if writer.is_tail_torn {
            if let Err(source) = self.active()?.cut_tail() {
                return self.no_room_or(writer, source, "cut the tail of");
            }
            writer.is_tail_torn = false;
        }
        let mut active = self.active()?;
        if active.len() + size > self.limits.segment_bytes && active.next() > active.base {
            active = match self.roll(writer, now) {
                Ok(active) => active,
                Err(source) => return self.no_room_or(writer, source, "begin a file in"),
            };
        }
        if let Err(no_room) = self.make_room(writer, size) {
            return Ok(Err(no_room));
        }
        let first = self.end();
        let mut next = first;
        writer.buffer.clear();
        for record in records {
            let content = (record.key, record.value);
            frame::encode(
                &mut writer.buffer,
                active.salt,
                next,
                record.id,
                now,
                content,
            );
            next += 1;
        }
        if let Err(source) = active.append(&writer.buffer, next, now) {
            writer.is_tail_torn = active.cut_tail().is_err();
            return self.no_room_or(writer, source, "write");
        }
        writer.total += size;
        self.end.store(next, Ordering::Release);
        self.metrics.bytes.increment(size);
        Ok(Ok((first, next)))
    }

    /// A disk that is full is no failure: the caller waits.
    fn no_room_or(
        &self,
        writer: &mut Writer,
        source: io::Error,
        what: &'static str,
    ) -> Result<Result<(u64, u64), NoRoom>, Error> {
        if is_full(&source) {
            self.drop_what_all_have_read(writer);
            return Ok(Err(NoRoom::Disk));
        }
        Err(self.io(what, source))
    }

    fn io(&self, what: &'static str, source: io::Error) -> Error {
        Error::Io {
            what,
            path: self.dir.clone(),
            source,
        }
    }

    fn active(&self) -> Result<Arc<Segment>, Error> {
        let segments = read_lock(&self.segments);
        // There is always one: `open` makes it and only sealed ones are dropped.
        segments
            .back()
            .cloned()
            .ok_or_else(|| self.io("find", io::ErrorKind::NotFound.into()))
    }

    /// Begins a new file; the one before is sealed.
    fn roll(&self, writer: &mut Writer, now: Timestamp) -> io::Result<Arc<Segment>> {
        let end = self.end();
        let salt = read_lock(&self.segments).back().map(|last| last.salt);
        let salt = salt.unwrap_or_else(|| Salt(random()));
        let segment = Arc::new(Segment::create(&self.dir, end, salt, now)?);
        let mut segments = write_lock(&self.segments);
        if let Some(last) = segments.back() {
            last.seal(end, last.newest());
        }
        writer.total += segment.len();
        segments.push_back(segment.clone());
        Ok(segment)
    }

    /// Drops old segments until `size` bytes fit, as far as readers let it.
    fn make_room(&self, writer: &mut Writer, size: u64) -> Result<(), NoRoom> {
        while writer.total + size > self.limits.max_bytes {
            let Some(oldest) = self.oldest_sealed() else {
                // One segment alone is never above the limit: see `Limits::new`.
                return Ok(());
            };
            if self.limits.when_full == WhenFull::Wait {
                let held = lock(&self.held);
                let slowest = held.iter().filter(|(_, held)| held.is_live);
                if let Some((group, held)) = slowest.min_by_key(|(_, held)| held.offset)
                    && held.offset < oldest.next()
                {
                    return Err(NoRoom::Held {
                        group: group.clone(),
                        behind: self.end().saturating_sub(held.offset),
                    });
                }
            }
            self.drop_oldest(writer, "size");
        }
        Ok(())
    }

    /// On a full disk: records that every group has read are kept for nobody in particular.
    fn drop_what_all_have_read(&self, writer: &mut Writer) {
        let Some(oldest) = self.oldest_sealed() else {
            return;
        };
        let is_read = {
            let held = lock(&self.held);
            !held.is_empty() && held.values().all(|held| held.offset >= oldest.next())
        };
        if is_read {
            tracing::warn!(topic = %self.topic, file = %oldest.path.display(),
                "the disk is full: dropping the oldest records, which every group has read");
            self.drop_oldest(writer, "disk_full");
        }
    }

    fn oldest_sealed(&self) -> Option<Arc<Segment>> {
        let segments = read_lock(&self.segments);
        segments.front().filter(|s| s.is_sealed()).cloned()
    }

    fn drop_oldest(&self, writer: &mut Writer, why: &'static str) {
        let mut segments = write_lock(&self.segments);
        let Some(oldest) = segments.pop_front() else {
            return;
        };
        drop(segments);
        writer.total = writer.total.saturating_sub(oldest.len());
        self.metrics
            .dropped(why)
            .increment(oldest.next().saturating_sub(oldest.base));
        if let Err(error) = std::fs::remove_file(&oldest.path) {
            tracing::warn!(file = %oldest.path.display(), %error, "cannot remove old records");
        }
    }

    /// Drops what is too old. A file is closed before it is full when a quarter of the age has
    /// passed, so that a slow topic keeps nothing much longer than it should.
    pub fn expire(&self, now: Timestamp) -> Result<(), Error> {
        let mut writer = lock(&self.writer);
        let active = self.active()?;
        let age = self.limits.max_age;
        if active.next() > active.base && now.since(active.created) > age / 4 {
            match self.roll(&mut writer, now) {
                Ok(_) => {}
                Err(error) if is_full(&error) => {}
                Err(error) => return Err(self.io("begin a file in", error)),
            }
        }
        while let Some(oldest) = self.oldest_sealed()
            && now.since(oldest.newest()) > age
        {
            self.drop_oldest(&mut writer, "age");
        }
        drop(writer);
        self.space.notify_all();
        Ok(())
    }

    /// Forces all before `offset` to the disk; who comes while another does it waits and shares it.
    fn sync_to(&self, offset: u64) -> Result<(), Error> {
        let mut synced = lock(&self.synced);
        if *synced >= offset {
            return Ok(());
        }
        let end = self.end();
        let behind: Vec<_> = {
            let segments = read_lock(&self.segments);
            let written = |segment: &&Arc<Segment>| segment.next() > *synced;
            segments.iter().filter(written).cloned().collect()
        };
        let force = || {
            for segment in &behind {
                segment.sync()?;
            }
            if behind.len() > 1 {
                std::fs::File::open(&self.dir)?.sync_all()?;
            }
            Ok(())
        };
        force().map_err(|source| self.io("sync", source))?;
        *synced = end;
        Ok(())
    }

    /// Forces everything to the disk.
    pub fn sync(&self) -> Result<(), Error> {
        self.sync_to(self.end())
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

fn read_lock<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write_lock<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// Files of an earlier process, the last of them cut to whole records; a first one where there is none.
fn open_segments(
    dir: &Path,
    metrics: &TopicMetrics,
    now: Timestamp,
) -> io::Result<VecDeque<Arc<Segment>>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let base = name.to_str().and_then(|name| name.strip_suffix(".log"));
        if let Some(base) = base.and_then(|base| base.parse::<u64>().ok()) {
            files.push((base, dir.join(Segment::file_name(base))));
        }
    }
    files.sort_unstable();
    let mut salt = None;
    for (_, path) in &files {
        salt = salt.or(Segment::salt_of(path)?);
    }
    let Some(salt) = salt else {
        return without_a_header(dir, &files, metrics, now);
    };
    let mut segments: VecDeque<Arc<Segment>> = VecDeque::new();
    for (base, path) in files {
        let segment = Segment::open(&path, base, salt, now)?;
        if let Some(last) = segments.back() {
            last.seal(base, segment.created);
        }
        segments.push_back(Arc::new(segment));
    }
    if let Some(last) = segments.back() {
        let scan = last.scan()?;
        if scan.torn > 0 {
            tracing::warn!(file = %last.path.display(), position = last.len(), bytes = scan.torn,
                "cut off what was not written to its end");
        }
    }
    Ok(segments)
}

/// No file tells the salt: nothing of them can be read. They are put aside, and offsets go on behind
/// all that they may have held.
fn without_a_header(
    dir: &Path,
    files: &[(u64, PathBuf)],
    metrics: &TopicMetrics,
    now: Timestamp,
) -> io::Result<VecDeque<Arc<Segment>>> {
    let mut base = 0;
    for (of_file, path) in files {
        let len = std::fs::metadata(path)?.len();
        if len == 0 {
            // Its creator died before it wrote anything.
            base = base.max(*of_file);
            continue;
        }
        base = base.max(of_file + len.div_ceil(frame::HEADER as u64));
        std::fs::rename(path, path.with_extension("damaged"))?;
        metrics.damaged.increment(1);
        tracing::error!(file = %path.display(), position = 0, bytes = len,
            "the header is damaged and no other file tells what it said: put aside as .damaged");
    }
    let first = Segment::create(dir, base, Salt(random()), now)?;
    Ok(VecDeque::from([Arc::new(first)]))
}
