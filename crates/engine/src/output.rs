//! Where the engine hands over what it has to say. The engine opens no files itself.

use crate::records::Seen;
use decode::file::File;
use decode::packet::Frame;
use event::Timestamp;

/// Takes records and what is to be kept. Implemented by whoever drives the engine.
pub trait Output {
    /// One EVE record of the `log`-th EVE output, without a line end.
    fn record(&mut self, log: usize, kind: &'static str, line: &[u8]);

    /// An alert in the one-line form of `fast.log`, without a line end.
    fn fast_alert(&mut self, line: &str) {
        let _ = line;
    }

    /// Counters at the end of the run or of an interval, by dotted name.
    fn stats(&mut self, counters: &crate::records::stats::Counters) {
        let _ = counters;
    }

    /// Bytes of a file that a rule or the configuration asked to store, in order; `data` begins at
    /// byte `offset` of the file.
    fn file_bytes(&mut self, file: &File, offset: u64, data: &[u8]) {
        let _ = (file, offset, data);
    }

    /// A file to be stored has come to its end at `now`; `record` is its `fileinfo` record.
    fn file_end(&mut self, file: &File, now: Timestamp, record: &[u8]) {
        let _ = (file, now, record);
    }

    /// A frame, with what became of it, for those who keep packets.
    fn packet(&mut self, frame: &Frame<'_>, fate: &Fate) {
        let _ = (frame, fate);
    }

    /// A rule alerted on the flow of that `flow_id`: with the packet that comes next to
    /// [`Output::packet`], or at its end, before [`Output::flow_end`].
    fn alerted(&mut self, flow: u64) {
        let _ = flow;
    }

    /// The flow of that `flow_id` has ended.
    fn flow_end(&mut self, flow: u64) {
        let _ = flow;
    }

    /// Certificates that a rule asked to store, on what `seen` tells.
    fn certificates(&mut self, certificates: &Certificates<'_>, seen: &Seen<'_>) {
        let _ = (certificates, seen);
    }

    /// Adds counters of its own to those that are told.
    fn add_counters(&self, counters: &mut crate::records::stats::Counters) {
        let _ = counters;
    }
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// A packet of it alerted.
    pub has_alert: bool,
    /// EVE's `flow_id` of its innermost flow.
    pub flow: Option<u64>,
    /// A packet of that flow alerted, now or before.
    pub is_flow_alerted: bool,
    /// It brought bytes to a TCP stream.
    pub has_stream_data: bool,
}

/// The certificates that one side of a TLS conversation showed.
#[derive(Clone, Copy, Debug)]
pub struct Certificates<'a> {
    /// Whether the client showed them.
    pub is_of_client: bool,
    /// Each in DER, the side's own first.
    pub chain: &'a [&'a [u8]],
    /// Whose the first is.
    pub subject: &'a str,
    /// Who issued the first.
    pub issuer: &'a str,
    /// SHA-1 of the first.
    pub fingerprint: &'a str,
}

/// Keeps records in memory: for tests, and for callers that want them as a list.
#[derive(Debug, Default)]
pub struct Collected {
    /// `(log, kind, line)` of each record.
    pub records: Vec<(usize, &'static str, String)>,
}

impl Output for Collected {
    fn record(&mut self, log: usize, kind: &'static str, line: &[u8]) {
        self.records
            .push((log, kind, String::from_utf8_lossy(line).into_owned()));
    }
}
