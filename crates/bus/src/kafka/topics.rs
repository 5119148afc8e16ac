//! Makes the topics that are missing, with the partitions and limits of the configuration.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use event::Topic;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::types::RDKafkaErrorCode;

use super::failed;
use crate::record::{MAX_KEY, MAX_VALUE};
use crate::{Config, Error};

/// Room for the headers of a record and of its batch.
const OVERHEAD: usize = 1 << 10;

/// The largest message that brokers and clients must let pass, bytes.
pub const MAX_MESSAGE: usize = MAX_VALUE + MAX_KEY + OVERHEAD;

/// Makes what is missing; tells where a topic that is there has other partitions.
pub fn make(client: &ClientConfig, config: &Config, names: &[String; 5]) -> Result<(), Error> {
    let admin: AdminClient<DefaultClientContext> = client
        .create()
        .map_err(|error| failed("make a client for", "the administration", &error))?;
    let limits: Vec<_> = Topic::ALL
        .iter()
        .map(|topic| Limits::new(config, *topic))
        .collect();
    let replication = i32::from(config.kafka.replication);
    let topics: Vec<_> = names
        .iter()
        .zip(&limits)
        .map(|(name, limits)| {
            NewTopic::new(
                name,
                limits.partitions as i32,
                TopicReplication::Fixed(replication),
            )
            .set("retention.bytes", &limits.bytes)
            .set("retention.ms", &limits.age_ms)
            .set("max.message.bytes", &limits.message)
            .set("cleanup.policy", "delete")
        })
        .collect();
    let timeout = Duration::from_millis(config.kafka.timeout_ms);
    let options = AdminOptions::new()
        .request_timeout(Some(timeout))
        .operation_timeout(Some(timeout));
    let made = block_on(admin.create_topics(&topics, &options))
        .map_err(|error| failed("make", "the topics", &error))?;
    for outcome in made {
        match outcome {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, error)) => return Err(failed("make the topic", &name, &error)),
        }
    }
    for (name, limits) in names.iter().zip(&limits) {
        let metadata = admin
            .inner()
            .fetch_metadata(Some(name), timeout)
            .map_err(|error| failed("look at the topic", name, &error))?;
        let found = metadata
            .topics()
            .first()
            .map_or(0, |t| t.partitions().len());
        if found != limits.partitions as usize && found > 0 {
            tracing::warn!(
                topic = name,
                found,
                configured = limits.partitions,
                "the topic has other partitions than configured; it is used as it is"
            );
        }
    }
    Ok(())
}

struct Limits {
    partitions: u32,
    bytes: String,
    age_ms: String,
    message: String,
}

impl Limits {
    fn new(config: &Config, topic: Topic) -> Limits {
        let of = config.topics.of(topic);
        // People's orders and releases are few, and their order among each other counts.
        let partitions = match (of.partitions, topic) {
            (0, Topic::Orders | Topic::Releases) => 1,
            (0, Topic::Events | Topic::Incidents | Topic::Actions) => config.kafka.partitions,
            (set, _) => set,
        };
        Limits {
            partitions,
            bytes: (of.max_bytes / u64::from(partitions.max(1))).to_string(),
            age_ms: of.max_age_secs.saturating_mul(1000).to_string(),
            message: MAX_MESSAGE.to_string(),
        }
    }
}

/// Waits for a future that librdkafka's own threads complete.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
