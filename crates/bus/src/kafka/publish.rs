//! Sends records and waits for the brokers' word that they have them.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use event::Timestamp;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;

use super::topics::MAX_MESSAGE;
use super::{ID_HEADER, failed};
use crate::Error;
use crate::record::Named;
use crate::signal::lock;

/// Kilobytes that may be on their way to the brokers: some seconds of a busy sensor.
const QUEUE_KBYTES: u32 = 64 << 10;

/// How soon a full queue is tried again.
const QUEUE_POLL: Duration = Duration::from_millis(2);

/// One connection for all publishers of the process.
pub struct Sender {
    pub producer: ThreadedProducer<Outcomes>,
    timeout: Duration,
}

/// Hears how each record fared.
pub struct Outcomes;

impl ClientContext for Outcomes {}

impl ProducerContext for Outcomes {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let outcome = match result {
            Ok(message) => Ok((
                u32::try_from(message.partition()).unwrap_or(0),
                u64::try_from(message.offset()).unwrap_or(0),
            )),
            Err((error, _)) => Err(error.clone()),
        };
        let mut pending = lock(&ticket.call.pending);
        pending.left -= 1;
        if let Some(place) = pending.outcomes.get_mut(ticket.number) {
            *place = Some(outcome);
        }
        if pending.left == 0 {
            ticket.call.done.notify_all();
        }
    }
}

/// Which record of which call.
pub struct Ticket {
    call: Arc<Call>,
    number: usize,
}

#[derive(Default)]
struct Call {
    pending: Mutex<Pending>,
    done: Condvar,
}

#[derive(Default)]
struct Pending {
    left: usize,
    outcomes: Vec<Option<Result<(u32, u64), KafkaError>>>,
}

impl Sender {
    /// Makes the producer: idempotent, so that its own repeats neither double nor reorder, and
    /// acknowledged by all replicas that are in sync.
    pub fn new(client: &ClientConfig, timeout: Duration) -> Result<Sender, Error> {
        let producer = client
            .clone()
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2")
            .set("compression.type", "lz4")
            // Records that come at the same time still travel together; a single one does not wait.
            .set("linger.ms", "0")
            .set("message.timeout.ms", timeout.as_millis().to_string())
            .set("message.max.bytes", MAX_MESSAGE.to_string())
            .set("queue.buffering.max.kbytes", QUEUE_KBYTES.to_string())
            .create_with_context(Outcomes)
            .map_err(|error| failed("make a client for", "publishing", &error))?;
        Ok(Sender { producer, timeout })
    }

    /// Sends records in order and waits for all of them.
    pub fn send(
        &self,
        topic: &str,
        now: Timestamp,
        records: &[Named<'_>],
        taken: &mut dyn FnMut(usize, u32, u64),
    ) -> Result<(), Error> {
        let call = Arc::new(Call::default());
        lock(&call.pending)
            .outcomes
            .resize_with(records.len(), || None);
        let deadline = Instant::now() + self.timeout;
        let mut outcome = Ok(());
        for (number, record) in records.iter().enumerate() {
            lock(&call.pending).left += 1;
            if let Err(error) = self.enqueue(topic, now, record, (&call, number), deadline) {
                lock(&call.pending).left -= 1;
                outcome = Err(failed("publish to", topic, &error));
                break;
            }
        }
        // Ends: each record in the queue is told about within `message.timeout.ms`.
        let pending = call
            .done
            .wait_while(lock(&call.pending), |pending| pending.left > 0)
            .unwrap_or_else(PoisonError::into_inner);
        for (number, of_record) in pending.outcomes.iter().enumerate() {
            match of_record {
                Some(Ok((partition, offset))) => taken(number, *partition, *offset),
                Some(Err(error)) if outcome.is_ok() => {
                    outcome = Err(failed("publish to", topic, error));
                }
                Some(Err(_)) | None => {}
            }
        }
        outcome
    }

    fn enqueue(
        &self,
        topic: &str,
        now: Timestamp,
        record: &Named<'_>,
        (call, number): (&Arc<Call>, usize),
        deadline: Instant,
    ) -> Result<(), KafkaError> {
        let id = record.id.to_string();
        let header = Header {
            key: ID_HEADER,
            value: Some(&id),
        };
        let ticket = Box::new(Ticket {
            call: call.clone(),
            number,
        });
        let mut message = BaseRecord::with_opaque_to(topic, ticket)
            .key(record.key)
            .payload(record.value)
            .timestamp(now.nanos() / 1_000_000)
            .headers(OwnedHeaders::new_with_capacity(1).insert(header));
        loop {
            match self.producer.send(message) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if Instant::now() < deadline =>
                {
                    message = back;
                    std::thread::sleep(QUEUE_POLL);
                }
                Err((error, _)) => return Err(error),
            }
        }
    }
}
