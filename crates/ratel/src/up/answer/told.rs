//! Where the responder tells what it did: the topic `actions`.

use bus::Publisher;
use event::Topic;
use event::action::Action;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What waits for room on the bus; beyond it the oldest are left out, which the journal has.
const MAX_WAITING: usize = 10_000;
/// Between two tries where the bus has no room: each may take a second, in which nothing is answered.
const RETRY: Duration = Duration::from_secs(5);

/// Tells, and keeps what the bus has no room for.
pub struct Told {
    actions: Publisher,
    waiting: VecDeque<(String, Vec<u8>)>,
    failed: Option<Instant>,
}

impl Told {
    /// Tells on these topics.
    #[must_use]
    pub fn on(bus: &bus::Bus) -> Self {
        Told {
            actions: bus.publisher(Topic::Actions),
            waiting: VecDeque::new(),
            failed: None,
        }
    }

    /// Tells what changed.
    pub fn tell(&mut self, changed: &[Action]) {
        for action in changed {
            self.keep(action.id.to_string(), serde_json::to_vec(action));
        }
        let rests = self.failed.is_some_and(|at| at.elapsed() < RETRY);
        if !rests {
            self.publish();
        }
    }

    fn keep(&mut self, key: String, value: serde_json::Result<Vec<u8>>) {
        match value {
            Ok(value) => self.waiting.push_back((key, value)),
            Err(error) => tracing::error!("action {key} cannot be written: {error}"),
        }
        if self.waiting.len() > MAX_WAITING {
            self.waiting.pop_front();
        }
    }

    fn publish(&mut self) {
        while let Some((key, value)) = self.waiting.front() {
            if let Err(error) = self.actions.publish(key.as_bytes(), value) {
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
