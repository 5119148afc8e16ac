//! Where the engine hands over what it has to say. The engine opens no files itself.

use decode::file::File;
use decode::packet::Frame;

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

    /// A file to be stored has come to its end; `record` is its `fileinfo` record.
    fn file_end(&mut self, file: &File, record: &[u8]) {
        let _ = (file, record);
    }

    /// A frame that `pcap-log` is to keep, with whether it alerted.
    fn packet(&mut self, frame: &Frame<'_>, has_alert: bool) {
        let _ = (frame, has_alert);
    }
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
