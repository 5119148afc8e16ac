//! The other outputs: `fast.log`, `stats.log`, stored files, kept packets.

use super::eve;
use crate::settings::{Node, Settings, bytes};
use decode::file::FileWants;
use event::Timestamp;

/// `file-store` (version 2).
#[derive(Clone, Debug, Default)]
pub struct FileStore {
    /// Folder below the log folder.
    pub dir: String,
    /// Every file is stored, not only those that rules ask for.
    pub is_forced: bool,
    /// A `fileinfo` record beside each file.
    pub write_fileinfo: bool,
    /// What is computed of files beside SHA-256.
    pub wants: FileWants,
    /// `stream-depth` for flows with files, where it is set.
    pub stream_depth: Option<u32>,
}

/// `pcap-log`.
#[derive(Clone, Debug)]
pub struct PcapLog {
    /// Name of the files; their moment is added to it, or put where `%t` stands.
    pub file: String,
    /// Folder below the log folder.
    pub dir: Option<String>,
    /// Bytes after which a file is followed by the next.
    pub limit: u64,
    /// Files kept; the oldest goes first.
    pub max_files: Option<usize>,
    /// Whether names tell microseconds.
    pub names_micros: bool,
    /// Only flows that alerted.
    pub only_alerts: bool,
    /// Only what a filter lets through.
    pub filter: Option<String>,
}

impl Default for PcapLog {
    fn default() -> Self {
        PcapLog {
            file: "log.pcap".to_owned(),
            dir: None,
            limit: PCAP_LIMIT,
            max_files: None,
            names_micros: false,
            only_alerts: false,
            filter: None,
        }
    }
}

impl PcapLog {
    /// The name of the file that begins at `time`.
    pub fn name_at(&self, time: Timestamp) -> String {
        let moment = if self.names_micros {
            format!("{}.{:06}", time.secs(), time.subsec_micros())
        } else {
            time.secs().to_string()
        };
        if self.file.contains("%t") {
            // There is one thread that writes.
            let name = self.file.replace("%n", "1").replace("%i", "1");
            return name.replace("%t", &moment);
        }
        format!("{}.{moment}", self.file)
    }
}

/// Bytes of a `pcap-log` file where no limit is set; Suricata's value.
const PCAP_LIMIT: u64 = 10 << 20;

/// What is written beside EVE.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// `fast.log`.
    pub fast: Option<String>,
    /// `stats.log`.
    pub stats: Option<String>,
    /// Stored files.
    pub file_store: Option<FileStore>,
    /// Folder of certificates that rules ask to store.
    pub certificates: Option<String>,
    /// Kept packets.
    pub pcap_log: Option<PcapLog>,
}

impl Outputs {
    /// Reads them from the `outputs` list.
    pub fn new(settings: &Settings) -> Self {
        let mut outputs = Outputs::default();
        let Some(list) = settings.node("outputs") else {
            return outputs;
        };
        for (kind, node) in list.items().flat_map(|item| item.entries()) {
            let is_on = node.child_flag("enabled").unwrap_or(false);
            let file = |default: &str| node.child_text("filename").unwrap_or(default).to_owned();
            match kind.as_str() {
                "fast" if is_on => outputs.fast = Some(file("fast.log")),
                "stats" if is_on => outputs.stats = Some(file("stats.log")),
                "file-store" if is_on => {
                    let version = node.child_text("version").and_then(bytes).unwrap_or(0);
                    if version < 2 {
                        settings.refuse("file-store: only version 2 is known".to_owned());
                        continue;
                    }
                    outputs.file_store = Some(FileStore {
                        dir: node.child_text("dir").unwrap_or("filestore").to_owned(),
                        is_forced: node.child_flag("force-filestore").unwrap_or(false),
                        write_fileinfo: node.child_flag("write-fileinfo").unwrap_or(false),
                        wants: eve::file_wants(node, settings),
                        stream_depth: node
                            .child_text("stream-depth")
                            .and_then(bytes)
                            .map(|depth| u32::try_from(depth).unwrap_or(u32::MAX)),
                    });
                }
                "pcap-log" if is_on => {
                    outputs.pcap_log = Some(pcap_log(node, settings));
                }
                "tls-store" if is_on => {
                    let dir = node.child_text("certs-log-dir").unwrap_or(".");
                    outputs.certificates = Some(dir.to_owned());
                }
                "eve-log" => {}
                _ if is_on => settings.complain(format!("outputs: {kind:?} is not written")),
                _ => {}
            }
        }
        outputs
    }
}

fn pcap_log(node: &Node, settings: &Settings) -> PcapLog {
    let mut log = PcapLog {
        dir: node.child_text("dir").map(str::to_owned),
        max_files: node.child_text("max-files").and_then(|n| n.parse().ok()),
        names_micros: node.child_text("ts-format") == Some("usec"),
        only_alerts: node.child_text("conditional") == Some("alerts"),
        filter: node.child_text("bpf-filter").map(str::to_owned),
        ..PcapLog::default()
    };
    if let Some(name) = node.child_text("filename") {
        log.file = name.to_owned();
    }
    if let Some(limit) = node.child_text("limit") {
        match bytes(limit) {
            Some(limit) => log.limit = limit,
            None => settings.complain(format!("pcap-log: limit: {limit:?} is no size")),
        }
    }
    for (key, plain) in [
        ("compression", "none"),
        ("use-stream-depth", "no"),
        ("honor-pass-rules", "no"),
    ] {
        if let Some(value) = node.child_text(key).filter(|value| *value != plain) {
            settings.complain(format!("pcap-log: {key}: {value:?} has no effect"));
        }
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pcap_files_are_named_by_their_moment() {
        let check = |file: &str, names_micros: bool, expected: &str| {
            let log = PcapLog {
                file: file.to_owned(),
                names_micros,
                ..PcapLog::default()
            };
            assert_eq!(log.name_at(Timestamp::new(7, 12_000)), expected);
        };
        check("log.pcap", false, "log.pcap.7");
        check("log.pcap", true, "log.pcap.7.000012");
        check("log.%n.%t.pcap", false, "log.1.7.pcap");
    }

    #[test]
    fn reads_what_is_kept_beside_records() {
        let text = "outputs:\n - file-store: {enabled: yes, version: 2, force-filestore: yes, stream-depth: 1kb}\n - pcap-log: {enabled: yes, limit: 4mb, max-files: 3, conditional: alerts, bpf-filter: tcp}\n - tls-store: {enabled: yes, certs-log-dir: certs}\n";
        let settings = Settings::parse(text).expect("the test's own text is YAML");
        let outputs = Outputs::new(&settings);
        let store = outputs.file_store.expect("it is enabled");
        assert!(store.is_forced);
        assert_eq!(store.stream_depth, Some(1024));
        let log = outputs.pcap_log.expect("it is enabled");
        assert_eq!(
            (log.limit, log.max_files, log.only_alerts),
            (4 << 20, Some(3), true)
        );
        assert_eq!(outputs.certificates.as_deref(), Some("certs"));
        let old = Settings::parse("outputs: [file-store: {enabled: yes}]").expect("it is YAML");
        assert!(Outputs::new(&old).file_store.is_none() && !old.refusals().is_empty());
    }
}
