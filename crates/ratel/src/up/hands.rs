//! What other roles may do with the running sensor: reload its rules, read its counters.

use sensor::publish::Publishing;
use std::sync::{Arc, Mutex, PoisonError};

/// What others may do with the running sensor.
#[derive(Default)]
pub struct Hands(Mutex<Option<Running>>);

/// The sensor that runs, and where its records go.
pub type Running = (sensor::Handle, Arc<Publishing>);

impl Hands {
    /// The sensor, while it runs.
    #[must_use]
    pub fn get(&self) -> Option<Running> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Another one runs now, or none.
    pub fn set(&self, running: Option<Running>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = running;
    }
}
