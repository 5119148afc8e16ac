//! Where the records of a worker go.

use engine::output::Output;

/// Takes what one worker has to say. Each worker has its own; it is called from that worker's thread
/// and no other. A sink that waits makes the worker wait: packets then wait in the ring, and what finds
/// no room there is counted there.
pub trait Sink: Output + Send {
    /// Records that were not taken, since the sink was made.
    fn refused(&self) -> u64 {
        0
    }

    /// Whoever is behind it should get what was taken so far: called when a block of packets is done,
    /// many times a second.
    fn flush(&mut self) {}
}

/// Whose sink it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// A worker's.
    Worker {
        /// The interface that it captures from.
        interface: &'a str,
        /// Its number, from 0, among the workers of that interface.
        number: usize,
    },
    /// That of the `stats` records.
    Stats,
}

/// A sink that hands each record to a function: which EVE output it is of, its kind (`alert`, `flow`, …)
/// and its line, without a line end. The function says whether it took it.
pub struct FnSink<F> {
    take: F,
    refused: u64,
}

impl<F: FnMut(usize, &'static str, &[u8]) -> bool + Send> FnSink<F> {
    /// Hands records to `take`.
    pub fn new(take: F) -> Self {
        FnSink { take, refused: 0 }
    }
}

impl<F: FnMut(usize, &'static str, &[u8]) -> bool + Send> Output for FnSink<F> {
    fn record(&mut self, log: usize, kind: &'static str, line: &[u8]) {
        self.refused += u64::from(!(self.take)(log, kind, line));
    }
}

impl<F: FnMut(usize, &'static str, &[u8]) -> bool + Send> Sink for FnSink<F> {
    fn refused(&self) -> u64 {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_function_refuses_is_counted() {
        let mut sink = FnSink::new(|_, kind, _: &[u8]| kind == "alert");
        sink.record(0, "alert", b"{}");
        sink.record(0, "flow", b"{}");
        assert_eq!(sink.refused(), 1);
    }
}
