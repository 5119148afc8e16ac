//! The interface: a bus, its publishers and its subscriptions, whatever carries the topics.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use event::{RecordId, RecordIds, Topic};

use crate::disk::{self, Disk, random};
use crate::record::{MAX_KEY, MAX_VALUE, Part};
use crate::signal::lock;
use crate::{Acknowledged, Batch, Clock, Config, Delivery, Error, Kind, Record};

/// The topics, open. Clones share them; they are closed when the last clone, publisher and subscription is gone.
#[derive(Clone)]
pub struct Bus {
    disk: Arc<Disk>,
    clock: Clock,
}

/// Where a group begins that has never read a topic; with [`Start::Again`] any group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With the oldest record that is kept.
    #[default]
    Oldest,
    /// With what comes from now on.
    Newest,
    /// With the oldest record that is kept, also where the group has read it before: for a reader
    /// that keeps what it reads in memory only. The group should have one member.
    Again,
}

/// How far behind a group is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupLag {
    /// The group.
    pub group: String,
    /// A topic that it reads.
    pub topic: Topic,
    /// Records that it has yet to commit.
    pub records: u64,
}

/// Some records of a batch were not taken.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Refused {
    /// For each record of the batch: where it is, if it was taken.
    pub acknowledged: Vec<Option<Acknowledged>>,
    /// Why the others were not.
    #[source]
    pub error: Error,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.disk.fmt(f)
    }
}

impl Bus {
    /// Opens the topics. Install a recorder of metrics before, or nothing is counted.
    ///
    /// # Errors
    /// A wrong configuration, a folder that cannot be used or that another process uses.
    pub fn open(config: &Config) -> Result<Bus, Error> {
        Bus::open_with(config, Clock::system())
    }

    /// The same with another clock, which stamps records and tells their age.
    ///
    /// # Errors
    /// As [`Bus::open`].
    pub fn open_with(config: &Config, clock: Clock) -> Result<Bus, Error> {
        config.check()?;
        crate::metrics::describe();
        match config.kind {
            Kind::Disk => Ok(Bus {
                disk: Arc::new(Disk::open(config, clock.clone())?),
                clock,
            }),
            Kind::Kafka => Err(Error::Config {
                key: "kind",
                why: "this build has no Kafka".into(),
            }),
        }
    }

    /// Something to publish to this topic with: one for each thread is fastest, sharing one works.
    #[must_use]
    pub fn publisher(&self, topic: Topic) -> Publisher {
        Publisher {
            bus: self.clone(),
            topic,
            partitions: self.disk.partitions(topic),
            ids: Mutex::new(RecordIds::new(random())),
        }
    }

    /// Joins a group that reads these topics; members of one group in one process share the
    /// partitions, in Kafka also over processes. A group that never read a topic begins with the oldest record.
    ///
    /// # Errors
    /// A name that cannot be, too many members, a folder that cannot be written.
    pub fn subscribe(&self, group: &str, topics: &[Topic]) -> Result<Subscription, Error> {
        self.subscribe_from(group, topics, Start::Oldest)
    }

    /// The same with a choice of where a group begins that never read a topic.
    ///
    /// # Errors
    /// As [`Bus::subscribe`].
    pub fn subscribe_from(
        &self,
        group: &str,
        topics: &[Topic],
        start: Start,
    ) -> Result<Subscription, Error> {
        Ok(Subscription {
            member: self.disk.subscribe(group, topics, start)?,
        })
    }

    /// Forces everything to the disk.
    ///
    /// # Errors
    /// The disk's.
    pub fn sync(&self) -> Result<(), Error> {
        self.disk.sync()
    }

    /// How far behind each known group is, also those that do not read now.
    #[must_use]
    pub fn lags(&self) -> Vec<GroupLag> {
        self.disk.lags()
    }
}

/// Publishes to one topic, from any thread.
#[derive(Debug)]
pub struct Publisher {
    bus: Bus,
    topic: Topic,
    partitions: u32,
    ids: Mutex<RecordIds>,
}

impl Clone for Publisher {
    /// Another producer: its ids are its own.
    fn clone(&self) -> Publisher {
        self.bus.publisher(self.topic)
    }
}

impl Publisher {
    /// Publishes one record. When this returns `Ok`, the record survives the death of the process.
    ///
    /// # Errors
    /// [`Error::is_back_pressure`]: there was no room after `publish_wait_ms`, the record was not taken. Others: it
    /// may or may not be there. Publish it again under the same id (see [`Publisher::publish_as`]) where that matters.
    pub fn publish(&self, key: &[u8], value: &[u8]) -> Result<Acknowledged, Error> {
        self.publish_as(self.new_id(), key, value)
    }

    /// A name for a record to publish.
    #[must_use]
    pub fn new_id(&self) -> RecordId {
        let now = self.bus.clock.now();
        lock(&self.ids).next(now)
    }

    /// Publishes one record under its name, so that publishing it again makes a repeat that readers know as one.
    ///
    /// # Errors
    /// As [`Publisher::publish`].
    pub fn publish_as(
        &self,
        id: RecordId,
        key: &[u8],
        value: &[u8],
    ) -> Result<Acknowledged, Error> {
        self.check(key, value)?;
        let partition = self.partition(key);
        let mut at = 0;
        self.bus
            .disk
            .append((self.topic, partition), &[(id, key, value)], |_, offset| {
                at = offset
            })?;
        Ok(self.acknowledged(partition, at, id))
    }

    /// Publishes many records at once: for each partition in the order given, at a fraction of the cost of one by one.
    ///
    /// # Errors
    /// As [`Publisher::publish`], with what was taken nevertheless.
    pub fn publish_batch(&self, records: &[Record<'_>]) -> Result<Vec<Acknowledged>, Refused> {
        let mut taken = vec![None; records.len()];
        match self.publish_some(records, &mut taken) {
            Ok(()) => Ok(taken.into_iter().flatten().collect()),
            Err(error) => Err(Refused {
                acknowledged: taken,
                error,
            }),
        }
    }

    fn publish_some(
        &self,
        records: &[Record<'_>],
        taken: &mut [Option<Acknowledged>],
    ) -> Result<(), Error> {
        let mut of_partition: Vec<(Vec<usize>, Vec<_>)> = Vec::new();
        of_partition.resize_with(self.partitions as usize, Default::default);
        for (number, record) in records.iter().enumerate() {
            self.check(record.key, record.value)?;
            let id = record.id.unwrap_or_else(|| self.new_id());
            if let Some(part) = of_partition.get_mut(self.partition(record.key) as usize) {
                part.0.push(number);
                part.1.push((id, record.key, record.value));
            }
        }
        for (partition, (numbers, named)) in (0..).zip(&of_partition) {
            let part = (self.topic, partition);
            self.bus.disk.append(part, named, |i, offset| {
                if let (Some(number), Some(record)) = (numbers.get(i), named.get(i))
                    && let Some(place) = taken.get_mut(*number)
                {
                    *place = Some(self.acknowledged(partition, offset, record.0));
                }
            })?;
        }
        Ok(())
    }

    const fn acknowledged(&self, partition: u32, offset: u64, id: RecordId) -> Acknowledged {
        Acknowledged {
            topic: self.topic,
            partition,
            offset,
            id,
        }
    }

    fn check(&self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let too_large = |size, limit| Error::TooLarge {
            topic: self.topic,
            size,
            limit,
        };
        if key.len() > MAX_KEY {
            return Err(too_large(key.len(), MAX_KEY));
        }
        let limit = MAX_VALUE.min(self.bus.disk.max_record(self.topic) - key.len());
        if value.len() > limit {
            return Err(too_large(value.len(), limit));
        }
        Ok(())
    }

    /// Records of one key go to one partition.
    fn partition(&self, key: &[u8]) -> u32 {
        crc32c::crc32c(key) % self.partitions.max(1)
    }
}

/// Reads topics as one member of a group. Dropping it leaves the group.
#[derive(Debug)]
pub struct Subscription {
    member: disk::Member,
}

impl Subscription {
    /// The next records; waits for them up to `timeout`.
    ///
    /// # Errors
    /// A file that cannot be read. The next call tries again.
    pub fn next(&mut self, timeout: Duration) -> Result<Option<Batch>, Error> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(batch) = self.member.try_next()? {
                return Ok(Some(batch));
            }
            if !self.member.signal.wait_until(deadline) {
                return Ok(None);
            }
        }
    }

    /// The next records, awaited. May be dropped at any time without losing records (cancel safe). Reads from the page
    /// cache in the thread that polls it, some 50 microseconds at most where the records are new.
    ///
    /// # Errors
    /// As [`Subscription::next`].
    pub async fn recv(&mut self) -> Result<Batch, Error> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Batch, Error>> {
        loop {
            if let Some(batch) = self.member.try_next().transpose() {
                return Poll::Ready(batch);
            }
            if !self.member.signal.register(context.waker()) {
                return Poll::Pending;
            }
        }
    }

    /// All of this batch and what was before it is dealt with: the group goes on behind it after a new start.
    ///
    /// # Errors
    /// A file that cannot be written; the records will come again.
    pub fn commit(&self, batch: &Batch) -> Result<(), Error> {
        for (part, next) in batch.positions() {
            self.member.commit(*part, *next)?;
        }
        Ok(())
    }

    /// This record and all before it in its partition are dealt with.
    ///
    /// # Errors
    /// As [`Subscription::commit`].
    pub fn commit_through(&self, delivery: &Delivery<'_>) -> Result<(), Error> {
        self.member
            .commit((delivery.topic, delivery.partition), delivery.offset + 1)
    }

    /// The offset that the group goes on with after a new start.
    #[must_use]
    pub fn committed(&self, topic: Topic, partition: u32) -> Option<u64> {
        let part: Part = (topic, partition);
        self.member.committed(part)
    }
}
