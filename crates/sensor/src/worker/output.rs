//! The engine's output, counted on its way to the sink.

use crate::pcaps::Tap;
use crate::sink::Sink;
use decode::file::File;
use decode::packet::Frame;
use engine::output::{Certificates, Fate, Output};
use engine::records::Seen;
use engine::records::stats::Counters;
use event::Timestamp;

/// A sink, and how much went there.
pub(crate) struct Counting {
    sink: Box<dyn Sink>,
    /// Where packets of flows that alert are kept.
    tap: Option<Tap>,
    pub(crate) records: u64,
    pub(crate) alerts: u64,
}

impl Counting {
    pub(crate) fn new(sink: Box<dyn Sink>, tap: Option<Tap>) -> Self {
        Counting {
            sink,
            tap,
            records: 0,
            alerts: 0,
        }
    }

    pub(crate) fn refused(&self) -> u64 {
        self.sink.refused()
    }

    pub(crate) fn flush(&mut self) {
        if let Some(tap) = &mut self.tap {
            tap.flush();
        }
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
        if let Some(tap) = &mut self.tap {
            tap.packet(frame, fate);
        }
        self.sink.packet(frame, fate);
    }

    fn alerted(&mut self, flow: u64) {
        if let Some(tap) = &mut self.tap {
            tap.alerted(flow);
        }
        self.sink.alerted(flow);
    }

    fn flow_end(&mut self, flow: u64) {
        if let Some(tap) = &mut self.tap {
            tap.flow_end(flow);
        }
        self.sink.flow_end(flow);
    }

    fn certificates(&mut self, certificates: &Certificates<'_>, seen: &Seen<'_>) {
        self.sink.certificates(certificates, seen);
    }

    fn add_counters(&self, counters: &mut Counters) {
        self.sink.add_counters(counters);
    }
}
