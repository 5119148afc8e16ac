//! The engine's output, counted on its way to the sink.

use crate::sink::Sink;
use decode::file::File;
use decode::packet::Frame;
use engine::output::{Certificates, Fate, Output};
use engine::records::Seen;
use engine::records::stats::Counters;
use event::Timestamp;

/// A sink, and how much went there.
pub(super) struct Counting {
    sink: Box<dyn Sink>,
    pub(super) records: u64,
    pub(super) alerts: u64,
}

impl Counting {
    pub(super) fn new(sink: Box<dyn Sink>) -> Self {
        Counting {
            sink,
            records: 0,
            alerts: 0,
        }
    }

    pub(super) fn refused(&self) -> u64 {
        self.sink.refused()
    }

    pub(super) fn flush(&mut self) {
        self.sink.flush();
    }
}

impl Output for Counting {
    fn record(&mut self, log: usize, kind: &'static str, line: &[u8]) {
        self.records += 1;
        self.alerts += u64::from(kind == "alert");
        self.sink.record(log, kind, line);
    }

    fn fast_alert(&mut self, line: &str) {
        self.sink.fast_alert(line);
    }

    // Each worker knows its own counters only: the service tells their sum.
    fn stats(&mut self, _counters: &Counters) {}

    fn file_bytes(&mut self, file: &File, offset: u64, data: &[u8]) {
        self.sink.file_bytes(file, offset, data);
    }

    fn file_end(&mut self, file: &File, now: Timestamp, record: &[u8]) {
        self.sink.file_end(file, now, record);
    }

    fn packet(&mut self, frame: &Frame<'_>, fate: &Fate) {
        self.sink.packet(frame, fate);
    }

    fn flow_end(&mut self, flow: u64) {
        self.sink.flow_end(flow);
    }

    fn certificates(&mut self, certificates: &Certificates<'_>, seen: &Seen<'_>) {
        self.sink.certificates(certificates, seen);
    }

    fn add_counters(&self, counters: &mut Counters) {
        self.sink.add_counters(counters);
    }
}
