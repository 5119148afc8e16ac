//! Opens rings and looks at interfaces for workers, which have no rights to.

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

type Errand = Box<dyn FnOnce() + Send>;

/// Errands that wait: each worker has one at a time.
const WAITING: usize = 64;

/// A hand on the thread that keeps the rights. It ends with its last hand.
#[derive(Clone)]
pub(crate) struct Doors(SyncSender<Errand>);

impl Doors {
    pub(crate) fn start() -> io::Result<Self> {
        let (to, from) = sync_channel::<Errand>(WAITING);
        thread::Builder::new()
            .name("sensor-doors".to_owned())
            .spawn(move || from.into_iter().for_each(|errand| errand()))?;
        Ok(Doors(to))
    }

    /// What `errand` gives, done by the thread that may; None where it panicked.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        errand: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (to, from) = sync_channel(1);
        let errand = Box::new(move || {
            // An errand that panics must not keep the others from being done.
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(errand));
            if let Ok(done) = done {
                // Whoever asked waits for it.
                let _ = to.send(done);
            }
        });
        self.0.send(errand).ok()?;
        from.recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errands_are_done_also_behind_one_that_panics() {
        let doors = Doors::start().expect("a thread");
        assert_eq!(doors.ask(|| 1 + 1), Some(2));
        assert_eq!(doors.ask(|| -> u32 { panic!("as it should") }), None);
        assert_eq!(doors.ask(|| 3), Some(3));
    }
}
