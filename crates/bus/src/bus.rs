//! The interface: a bus, its publishers and its subscriptions, whatever carries the topics.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use event::{RecordId, RecordIds, Topic};

use crate::disk::{self, Disk, is_group_name, random};
#[cfg(feature = "kafka")]
use crate::kafka::{Kafka, KafkaMember};
use crate::record::{MAX_KEY, MAX_VALUE, Named, Part};
use crate::signal::{Signal, lock};
use crate::{Acknowledged, Batch, Clock, Config, Delivery, Error, Kind, Record};

/// The topics, open. Clones share them; they are closed when the last clone, publisher and subscription is gone.
#[derive(Clone)]
pub struct Bus {
    carrier: Carrier,
    clock: Clock,
}

#[derive(Clone, Debug)]
enum Carrier {
    Disk(Arc<Disk>),
    #[cfg(feature = "kafka")]
    Kafka(Arc<Kafka>),
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
        self.carrier.fmt(f)
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
        let carrier = match config.kind {
            Kind::Disk => Carrier::Disk(Arc::new(Disk::open(config, clock.clone())?)),
            #[cfg(feature = "kafka")]
            Kind::Kafka => Carrier::Kafka(Arc::new(Kafka::open(config)?)),
            #[cfg(not(feature = "kafka"))]
            Kind::Kafka => {
                return Err(Error::Config {
                    key: "kind",
                    why: "kafka: this program was built without it (cargo feature `kafka`)".into(),
                });
            }
        };
        Ok(Bus { carrier, clock })
    }

    /// Something to publish to this topic with: one for each thread is fastest, sharing one works.
    #[must_use]
    pub fn publisher(&self, topic: Topic) -> Publisher {
        Publisher {
            bus: self.clone(),
            topic,
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

    /// The same with a choice of where a group begins that never read a topic. In Kafka, the newest
    /// are those from the moment on at which the group gets its partitions, some time after this returns.
    ///
    /// # Errors
    /// As [`Bus::subscribe`].
    pub fn subscribe_from(
        &self,
        group: &str,
        topics: &[Topic],
        start: Start,
    ) -> Result<Subscription, Error> {
        if !is_group_name(group) {
            return Err(Error::GroupName(group.to_owned()));
        }
        let member = match &self.carrier {
            Carrier::Disk(disk) => Member::Disk(disk.subscribe(group, topics, start)?),
            #[cfg(feature = "kafka")]
            Carrier::Kafka(kafka) => Member::Kafka(kafka.subscribe(group, topics, start)?),
        };
        Ok(Subscription { member })
    }

    /// Forces everything to the disk.
    ///
    /// # Errors
    /// The disk's, or the brokers'.
    pub fn sync(&self) -> Result<(), Error> {
        match &self.carrier {
            Carrier::Disk(disk) => disk.sync(),
            #[cfg(feature = "kafka")]
            Carrier::Kafka(kafka) => kafka.sync(),
        }
    }

    /// How far behind each known group is, also those that do not read now. Nothing for Kafka, whose own tools tell it.
    #[must_use]
    pub fn lags(&self) -> Vec<GroupLag> {
        match &self.carrier {
            Carrier::Disk(disk) => disk.lags(),
            #[cfg(feature = "kafka")]
            Carrier::Kafka(_) => Vec::new(),
        }
    }
}

/// Publishes to one topic, from any thread.
#[derive(Debug)]
pub struct Publisher {
    bus: Bus,
    topic: Topic,
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
        let mut place = (0, 0);
        self.send(&[Named { id, key, value }], &mut |_, partition, offset| {
            place = (partition, offset);
        })?;
        Ok(self.acknowledged(place, id))
    }

    /// Publishes many records at once: for each partition in the order given, at a fraction of the cost of one by one.
    ///
    /// # Errors
    /// As [`Publisher::publish`], with what was taken nevertheless.
    pub fn publish_batch(&self, records: &[Record<'_>]) -> Result<Vec<Acknowledged>, Refused> {
        let named: Vec<Named<'_>> = records
            .iter()
            .map(|record| Named {
                id: record.id.unwrap_or_else(|| self.new_id()),
                key: record.key,
                value: record.value,
            })
            .collect();
        let mut taken = vec![None; records.len()];
        let outcome = self.send(&named, &mut |number, partition, offset| {
            if let (Some(record), Some(place)) = (named.get(number), taken.get_mut(number)) {
                *place = Some(self.acknowledged((partition, offset), record.id));
            }
        });
        match outcome {
            Ok(()) => Ok(taken.into_iter().flatten().collect()),
            Err(error) => Err(Refused {
                acknowledged: taken,
                error,
            }),
        }
    }

    fn send(
        &self,
        records: &[Named<'_>],
        taken: &mut dyn FnMut(usize, u32, u64),
    ) -> Result<(), Error> {
        for record in records {
            self.check(record.key, record.value)?;
        }
        match &self.bus.carrier {
            Carrier::Disk(disk) => disk.publish(self.topic, records, taken),
            #[cfg(feature = "kafka")]
            Carrier::Kafka(kafka) => {
                kafka.publish(self.topic, self.bus.clock.now(), records, taken)
            }
        }
    }

    const fn acknowledged(&self, (partition, offset): (u32, u64), id: RecordId) -> Acknowledged {
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
        let limit = match &self.bus.carrier {
            Carrier::Disk(disk) => MAX_VALUE.min(disk.max_record(self.topic) - key.len()),
            #[cfg(feature = "kafka")]
            Carrier::Kafka(_) => MAX_VALUE,
        };
        if value.len() > limit {
            return Err(too_large(value.len(), limit));
        }
        Ok(())
    }
}

/// Reads topics as one member of a group. Dropping it leaves the group.
#[derive(Debug)]
pub struct Subscription {
    member: Member,
}

#[derive(Debug)]
enum Member {
    Disk(disk::Member),
    #[cfg(feature = "kafka")]
    Kafka(KafkaMember),
}

impl Member {
    fn try_next(&mut self) -> Result<Option<Batch>, Error> {
        match self {
            Member::Disk(member) => member.try_next(),
            #[cfg(feature = "kafka")]
            Member::Kafka(member) => member.try_next(),
        }
    }

    const fn signal(&self) -> &Arc<Signal> {
        match self {
            Member::Disk(member) => &member.signal,
            #[cfg(feature = "kafka")]
            Member::Kafka(member) => &member.signal,
        }
    }

    fn commit(&self, part: Part, offset: u64) -> Result<(), Error> {
        match self {
            Member::Disk(member) => member.commit(part, offset),
            #[cfg(feature = "kafka")]
            Member::Kafka(member) => member.commit(part, offset),
        }
    }

    fn committed(&self, part: Part) -> Option<u64> {
        match self {
            Member::Disk(member) => member.committed(part),
            #[cfg(feature = "kafka")]
            Member::Kafka(member) => member.committed(part),
        }
    }
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
            if !self.member.signal().wait_until(deadline) {
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
            if !self.member.signal().register(context.waker()) {
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
