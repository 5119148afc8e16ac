//! Something that the process opens while the console already answers, and may lose again.

use std::sync::{Arc, PoisonError, RwLock};

/// A thing, or why it is not there. Clones share it.
#[derive(Debug)]
pub struct Slot<T>(Arc<RwLock<Result<T, String>>>);

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Slot(self.0.clone())
    }
}

impl<T: Clone> Slot<T> {
    /// Nothing yet, and why.
    #[must_use]
    pub fn empty(why: &str) -> Self {
        Slot(Arc::new(RwLock::new(Err(why.to_owned()))))
    }

    /// It is there now, or no longer.
    pub fn set(&self, thing: Result<T, String>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = thing;
    }

    /// The thing.
    ///
    /// # Errors
    /// Why it is not there.
    pub fn get(&self) -> Result<T, String> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
