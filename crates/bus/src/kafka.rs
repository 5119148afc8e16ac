//! Topics in Kafka: the same interface, for more than one machine.
//!
//! A topic is `PREFIX` and its name, a group likewise. The id of a record travels in the header
//! `ratel-id` as text. Keys are spread as Java's clients do it, so that others may read and write.

mod member;
mod publish;
mod settings;
mod topics;

use std::time::Duration;

use event::{Timestamp, Topic};
use rdkafka::producer::Producer;

pub(crate) use self::member::KafkaMember;
use self::publish::Sender;
use crate::metrics::TopicMetrics;
use crate::record::Named;
use crate::{Config, Error, Start};

/// The header that names a record.
const ID_HEADER: &str = "ratel-id";

/// A connection to the brokers.
pub(crate) struct Kafka {
    client: rdkafka::ClientConfig,
    sender: Sender,
    /// Names in Kafka, in the order of [`Topic::ALL`].
    names: [String; 5],
    prefix: String,
    metrics: [TopicMetrics; 5],
    timeout: Duration,
}

impl std::fmt::Debug for Kafka {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Kafka").field(&self.names).finish()
    }
}

fn failed(what: &'static str, object: &str, why: &dyn std::fmt::Display) -> Error {
    Error::Kafka {
        what,
        object: object.to_owned(),
        why: why.to_string(),
    }
}

impl Kafka {
    /// Connects and makes the topics that are missing.
    pub fn open(config: &Config) -> Result<Kafka, Error> {
        let client = settings::client(&config.kafka)?;
        let timeout = Duration::from_millis(config.kafka.timeout_ms);
        let names = Topic::ALL.map(|topic| format!("{}{topic}", config.kafka.prefix));
        let sender = Sender::new(&client, timeout)?;
        let brokers = config.kafka.brokers.join(",");
        sender
            .producer
            .client()
            .fetch_metadata(None, timeout)
            .map_err(|error| failed("reach", &brokers, &error))?;
        topics::make(&client, config, &names)?;
        Ok(Kafka {
            client,
            sender,
            names,
            prefix: config.kafka.prefix.clone(),
            metrics: Topic::ALL.map(TopicMetrics::new),
            timeout,
        })
    }

    /// Publishes records and waits until the brokers have them. `taken` is called for each that they have.
    pub fn publish(
        &self,
        topic: Topic,
        now: Timestamp,
        records: &[Named<'_>],
        taken: &mut dyn FnMut(usize, u32, u64),
    ) -> Result<(), Error> {
        let (Some(name), Some(metrics)) = (
            self.names.get(topic.index()),
            self.metrics.get(topic.index()),
        ) else {
            return Ok(());
        };
        let mut bytes = 0;
        let mut count = 0;
        let outcome = self
            .sender
            .send(name, now, records, &mut |number, partition, offset| {
                count += 1;
                if let Some(record) = records.get(number) {
                    bytes += (record.key.len() + record.value.len()) as u64;
                }
                taken(number, partition, offset);
            });
        metrics.published.increment(count);
        metrics.bytes.increment(bytes);
        metrics.refused.increment(records.len() as u64 - count);
        outcome
    }

    /// Joins a group.
    pub fn subscribe(
        &self,
        group: &str,
        topics: &[Topic],
        start: Start,
    ) -> Result<KafkaMember, Error> {
        let names: Vec<(Topic, &str)> = topics
            .iter()
            .filter_map(|topic| Some((*topic, self.names.get(topic.index())?.as_str())))
            .collect();
        let group = (format!("{}{group}", self.prefix), group);
        KafkaMember::new(
            &self.client,
            (&group.0, group.1),
            &names,
            start,
            self.timeout,
        )
    }

    /// Waits until everything that was sent is with the brokers.
    pub fn sync(&self) -> Result<(), Error> {
        self.sender
            .producer
            .flush(self.timeout)
            .map_err(|error| failed("flush", "what was published", &error))
    }
}
