//! Where the responder tells what it did: the topics `actions` and `incidents`.

use bus::Publisher;
use event::Topic;
use event::action::Action;
use serde_json::Value;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What waits for room on the bus; beyond it the oldest are left out, which the journal has.
const MAX_WAITING: usize = 10_000;
/// Between two tries where the bus has no room: each may take a second, in which nothing is answered.
const RETRY: Duration = Duration::from_secs(5);

/// Tells, and keeps what the bus has no room for.
pub struct Told {
    actions: Publisher,
    incidents: Publisher,
    waiting: VecDeque<(Topic, String, Vec<u8>)>,
    failed: Option<Instant>,
}

impl Told {
    /// Tells on these topics.
    #[must_use]
    pub fn on(bus: &bus::Bus) -> Self {
        Told {
            actions: bus.publisher(Topic::Actions),
            incidents: bus.publisher(Topic::Incidents),
            waiting: VecDeque::new(),
            failed: None,
        }
    }

    /// Tells what changed.
    pub fn tell(&mut self, changed: &[Action], incidents: &[Value]) {
        for action in changed {
            self.keep(
                Topic::Actions,
                action.id.to_string(),
                serde_json::to_vec(action),
            );
        }
        for incident in incidents {
            let id = incident["id"].as_str().unwrap_or_default().to_owned();
            self.keep(Topic::Incidents, id, serde_json::to_vec(incident));
        }
        let rests = self.failed.is_some_and(|at| at.elapsed() < RETRY);
        if !rests {
            self.publish();
        }
    }

    fn keep(&mut self, topic: Topic, key: String, value: serde_json::Result<Vec<u8>>) {
        match value {
            Ok(value) => self.waiting.push_back((topic, key, value)),
            Err(error) => tracing::error!("{topic} {key} cannot be written: {error}"),
        }
        if self.waiting.len() > MAX_WAITING {
            self.waiting.pop_front();
        }
    }

    fn publish(&mut self) {
        while let Some((topic, key, value)) = self.waiting.front() {
            let publisher = match topic {
                Topic::Incidents => &self.incidents,
                _ => &self.actions,
            };
            if let Err(error) = publisher.publish(key.as_bytes(), value) {
                if self.failed.is_none() {
                    tracing::error!("what was done is told later: {error}");
                }
                self.failed = Some(Instant::now());
                return;
            }
            self.waiting.pop_front();
        }
        self.failed = None;
    }
}
