//! One member of a group. A thread of its own polls the brokers into a bounded queue.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use event::{RecordId, Timestamp, Topic};
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::topics::MAX_MESSAGE;
use super::{ID_HEADER, failed};
use crate::metrics::GroupMetrics;
use crate::record::{Batch, Gap, GapReason, Part, Place};
use crate::signal::{Signal, lock};
use crate::{Error, Start};

/// Bytes that wait for the reader here; more stays with librdkafka and the brokers.
const QUEUE_BYTES: usize = 4 << 20;

/// Records of one batch.
const BATCH: usize = 1024;

/// How long the thread waits for records before it looks whether it should stop.
const POLL: Duration = Duration::from_millis(100);

/// How long a partition that another member shall have waits for the batch in hand: below the
/// five minutes after which brokers take it anyway, above what a batch should ever take.
const LET_GO: Duration = Duration::from_secs(30);

/// Errors of connections come again and again until they are gone: told once in this time.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// One member.
pub struct KafkaMember {
    consumer: Arc<BaseConsumer<Shared>>,
    names: Vec<(Topic, String)>,
    committed: Mutex<HashMap<Part, u64>>,
    metrics: Vec<(Topic, GroupMetrics)>,
    group: String,
    pub signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
    timeout: Duration,
}

impl std::fmt::Debug for KafkaMember {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KafkaMember").field(&self.group).finish()
    }
}

/// Between the thread and the reader.
#[derive(Clone)]
struct Shared {
    queue: Arc<(Mutex<Queue>, Condvar)>,
    signal: Arc<Signal>,
    names: Vec<(Topic, String)>,
    start: Start,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    /// The next offset of each partition that is ours.
    expected: HashMap<Part, u64>,
    /// Partitions that this member began to read: with [`Start::Again`] each once from its beginning.
    begun: HashSet<Part>,
    /// The reader has a batch and has not come back.
    is_in_hand: bool,
    is_stopped: bool,
}

struct Item {
    part: Part,
    offset: u64,
    id: RecordId,
    time: Timestamp,
    key: Vec<u8>,
    value: Vec<u8>,
    gap: Option<Gap>,
}

impl ClientContext for Shared {}

impl ConsumerContext for Shared {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Shared>,
        kind: RDKafkaRespErr,
        parts: &mut TopicPartitionList,
    ) {
        // The one strategy of `KafkaMember::new` is cooperative: parts come and go one by one.
        let outcome = if kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            if self.start == Start::Again {
                self.rewind(parts);
            }
            consumer.incremental_assign(parts)
        } else {
            self.pre_rebalance(consumer, &Rebalance::Revoke(parts));
            consumer.incremental_unassign(parts)
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, "Kafka: partitions cannot be taken or given away");
        }
    }

    fn pre_rebalance(&self, _: &BaseConsumer<Shared>, rebalance: &Rebalance<'_>) {
        let Rebalance::Revoke(parts) = rebalance else {
            return;
        };
        let (queue, changed) = &*self.queue;
        let (mut queue, _) = changed
            .wait_timeout_while(lock(queue), LET_GO, |q| q.is_in_hand && !q.is_stopped)
            .unwrap_or_else(PoisonError::into_inner);
        for element in parts.elements() {
            if let Some(part) = self.part(element.topic(), element.partition()) {
                queue.items.retain(|item| item.part != part);
                queue.expected.remove(&part);
            }
        }
        queue.bytes = queue.items.iter().map(Item::bytes).sum();
    }
}

impl Item {
    const fn bytes(&self) -> usize {
        self.key.len() + self.value.len()
    }
}

impl Shared {
    fn part(&self, name: &str, partition: i32) -> Option<Part> {
        let topic = self.names.iter().find(|(_, known)| known == name)?.0;
        Some((topic, u32::try_from(partition).ok()?))
    }

    /// What this member has not begun yet is read from its beginning.
    fn rewind(&self, parts: &mut TopicPartitionList) {
        let mut queue = lock(&self.queue.0);
        let known = parts.elements();
        let places: Vec<(String, i32)> = known
            .iter()
            .map(|element| (element.topic().to_owned(), element.partition()))
            .collect();
        for (name, partition) in places {
            if self
                .part(&name, partition)
                .is_some_and(|part| queue.begun.insert(part))
                && let Err(error) = parts.set_partition_offset(&name, partition, Offset::Beginning)
            {
                tracing::warn!(%error, name, partition, "Kafka: cannot read again");
            }
        }
    }

    fn run(&self, consumer: &BaseConsumer<Shared>, timeout: Duration) {
        let mut told: Option<Instant> = None;
        loop {
            {
                let (queue, changed) = &*self.queue;
                let (queue, _) = changed
                    .wait_timeout_while(lock(queue), POLL, |q| {
                        q.bytes >= QUEUE_BYTES && !q.is_stopped
                    })
                    .unwrap_or_else(PoisonError::into_inner);
                if queue.is_stopped {
                    return;
                }
                if queue.bytes >= QUEUE_BYTES {
                    continue;
                }
            }
            match consumer.poll(POLL) {
                None => {}
                Some(Ok(message)) => self.take(consumer, &message, timeout),
                // librdkafka goes on by itself.
                Some(Err(_)) if told.is_some_and(|told| told.elapsed() <= TELL_EVERY) => {}
                Some(Err(error)) => {
                    told = Some(Instant::now());
                    tracing::warn!(%error, "Kafka: cannot read now");
                }
            }
        }
    }

    fn take(
        &self,
        consumer: &BaseConsumer<Shared>,
        message: &BorrowedMessage<'_>,
        timeout: Duration,
    ) {
        let Some(part) = self.part(message.topic(), message.partition()) else {
            return;
        };
        let offset = u64::try_from(message.offset()).unwrap_or(0);
        let known = lock(&self.queue.0).expected.get(&part).copied();
        let expected = known.or_else(|| committed(consumer, message, timeout));
        let gap = expected
            .filter(|expected| *expected < offset)
            .map(|expected| Gap {
                topic: part.0,
                partition: part.1,
                offsets: expected..offset,
                why: GapReason::Retention,
            });
        let item = Item {
            part,
            offset,
            id: id_of(message).unwrap_or_else(|| id_of_place(part, offset)),
            time: Timestamp::from_nanos(
                message
                    .timestamp()
                    .to_millis()
                    .unwrap_or(0)
                    .saturating_mul(1_000_000),
            ),
            key: message.key().unwrap_or_default().to_vec(),
            value: message.payload().unwrap_or_default().to_vec(),
            gap,
        };
        let mut queue = lock(&self.queue.0);
        queue.expected.insert(part, offset + 1);
        queue.bytes += item.bytes();
        queue.items.push_back(item);
        drop(queue);
        self.signal.raise();
    }
}

/// Where the group stands in the partition of this message, asked of the brokers.
fn committed(
    consumer: &BaseConsumer<Shared>,
    message: &BorrowedMessage<'_>,
    timeout: Duration,
) -> Option<u64> {
    let mut list = TopicPartitionList::new();
    list.add_partition(message.topic(), message.partition());
    let list = consumer.committed_offsets(list, timeout).ok()?;
    match list.elements().first()?.offset() {
        Offset::Offset(offset) => u64::try_from(offset).ok(),
        _ => None,
    }
}

fn id_of(message: &BorrowedMessage<'_>) -> Option<RecordId> {
    let headers = message.headers()?;
    let id = headers.iter().find(|header| header.key == ID_HEADER)?;
    std::str::from_utf8(id.value?).ok()?.parse().ok()
}

/// For what others write without an id: the same whenever it is read.
fn id_of_place((topic, partition): Part, offset: u64) -> RecordId {
    let mut bytes = [0; 16];
    bytes[0] = topic.index() as u8;
    bytes[4..8].copy_from_slice(&partition.to_be_bytes());
    bytes[8..].copy_from_slice(&offset.to_be_bytes());
    RecordId::from_bytes(bytes)
}

impl KafkaMember {
    /// Joins; `group` is the name in Kafka and the one of ours.
    pub fn new(
        client: &ClientConfig,
        (group_id, group): (&str, &str),
        topics: &[(Topic, &str)],
        start: Start,
        timeout: Duration,
    ) -> Result<KafkaMember, Error> {
        let names: Vec<_> = topics.iter().map(|(t, n)| (*t, (*n).to_owned())).collect();
        let signal = Arc::new(Signal::default());
        let shared = Shared {
            queue: Arc::default(),
            signal: signal.clone(),
            names: names.clone(),
            start,
        };
        let reset = match start {
            Start::Oldest | Start::Again => "earliest",
            Start::Newest => "latest",
        };
        let consumer: BaseConsumer<Shared> = client
            .clone()
            .set("group.id", group_id)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", reset)
            .set("partition.assignment.strategy", "cooperative-sticky")
            // A killed process gives its partitions up after this.
            .set("session.timeout.ms", "10000")
            .set("fetch.wait.max.ms", "100")
            .set("fetch.error.backoff.ms", "50")
            .set("queued.max.messages.kbytes", "16384")
            .set("fetch.message.max.bytes", MAX_MESSAGE.to_string())
            .create_with_context(shared.clone())
            .map_err(|error| failed("make a client for the group", group_id, &error))?;
        let subscribed: Vec<&str> = topics.iter().map(|(_, name)| *name).collect();
        consumer
            .subscribe(&subscribed)
            .map_err(|error| failed("join the group", group_id, &error))?;
        let consumer = Arc::new(consumer);
        let polled = consumer.clone();
        let thread = std::thread::Builder::new()
            .name("bus-kafka".into())
            .spawn(move || shared.run(&polled, timeout))
            .map_err(|error| failed("start a thread for the group", group_id, &error))?;
        Ok(KafkaMember {
            consumer,
            names,
            committed: Mutex::default(),
            metrics: topics
                .iter()
                .map(|(topic, _)| (*topic, GroupMetrics::new(group, *topic)))
                .collect(),
            group: group.to_owned(),
            signal,
            thread: Some(thread),
            timeout,
        })
    }

    /// What has arrived.
    pub fn try_next(&mut self) -> Result<Option<Batch>, Error> {
        self.signal.lower();
        let (queue, changed) = &*self.consumer.context().queue;
        let mut queue = lock(queue);
        let count = queue.items.len().min(BATCH);
        let items: Vec<Item> = queue.items.drain(..count).collect();
        queue.bytes -= items.iter().map(Item::bytes).sum::<usize>();
        queue.is_in_hand = !items.is_empty();
        drop(queue);
        changed.notify_all();
        if items.is_empty() {
            return Ok(None);
        }
        let batch = into_batch(items);
        self.count(&batch);
        Ok(Some(batch))
    }

    fn count(&self, batch: &Batch) {
        for (topic, metrics) in &self.metrics {
            let count = batch.iter().filter(|d| d.topic == *topic).count();
            metrics.delivered.increment(count as u64);
            for gap in batch.gaps().iter().filter(|gap| gap.topic == *topic) {
                metrics.tell_gap(&self.group, gap);
            }
        }
    }

    /// Everything before `offset` is dealt with. A partition that has gone to another member is left to it.
    pub fn commit(&self, part: Part, offset: u64) -> Result<(), Error> {
        let Some((_, name)) = self.names.iter().find(|(topic, _)| *topic == part.0) else {
            return Ok(());
        };
        let mut committed = lock(&self.committed);
        if committed.get(&part).is_some_and(|known| *known >= offset) {
            return Ok(());
        }
        let next = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
        let mut list = TopicPartitionList::new();
        let added = list.add_partition_offset(name, part.1 as i32, next);
        let outcome = added.and_then(|()| self.consumer.commit(&list, CommitMode::Sync));
        match outcome {
            Ok(()) => {
                committed.insert(part, offset);
                Ok(())
            }
            Err(KafkaError::ConsumerCommit(
                RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::RebalanceInProgress
                | RDKafkaErrorCode::AssignmentLost,
            )) => {
                tracing::debug!(topic = %part.0, partition = part.1, "committed after the partition was given away");
                committed.remove(&part);
                Ok(())
            }
            Err(error) => Err(failed("commit to", name, &error)),
        }
    }

    /// What this member committed.
    pub fn committed(&self, part: Part) -> Option<u64> {
        if let Some(known) = lock(&self.committed).get(&part) {
            return Some(*known);
        }
        let (_, name) = self.names.iter().find(|(topic, _)| *topic == part.0)?;
        let mut list = TopicPartitionList::new();
        list.add_partition(name, part.1 as i32);
        let list = self.consumer.committed_offsets(list, self.timeout).ok()?;
        match list.elements().first()?.offset() {
            Offset::Offset(offset) => u64::try_from(offset).ok(),
            _ => None,
        }
    }
}

fn into_batch(items: Vec<Item>) -> Batch {
    let mut bytes = Vec::with_capacity(items.iter().map(Item::bytes).sum());
    let mut records = Vec::with_capacity(items.len());
    let mut gaps = Vec::new();
    let mut positions: Vec<(Part, u64)> = Vec::new();
    for item in items {
        gaps.extend(item.gap);
        let key = bytes.len()..bytes.len() + item.key.len();
        bytes.extend_from_slice(&item.key);
        let value = bytes.len()..bytes.len() + item.value.len();
        bytes.extend_from_slice(&item.value);
        match positions.iter_mut().find(|(part, _)| *part == item.part) {
            Some((_, next)) => *next = item.offset + 1,
            None => positions.push((item.part, item.offset + 1)),
        }
        records.push(Place {
            topic: item.part.0,
            partition: item.part.1,
            offset: item.offset,
            id: item.id,
            time: item.time,
            key,
            value,
        });
    }
    Batch::new(bytes, records, gaps, positions)
}

impl Drop for KafkaMember {
    fn drop(&mut self) {
        let (queue, changed) = &*self.consumer.context().queue;
        lock(queue).is_stopped = true;
        changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic in there was told by the panic itself.
            let _ = thread.join();
        }
    }
}
