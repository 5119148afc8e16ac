//! The other outputs: `fast.log`, `stats.log`, stored files, kept packets.

use super::eve;
use crate::settings::Settings;
use decode::file::FileWants;
use engine::records::config::XffConfig;

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
    /// `xff` of its `fileinfo` records.
    pub xff: Option<XffConfig>,
}

/// `pcap-log`.
#[derive(Clone, Debug)]
pub struct PcapLog {
    /// Name of the file, `%n`-style parts are not known.
    pub file: String,
    /// Only packets that alerted.
    pub only_alerts: bool,
}

/// What is written beside EVE.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// `fast.log`.
    pub fast: Option<String>,
    /// `stats.log`.
    pub stats: Option<String>,
    /// Stored files.
    pub file_store: Option<FileStore>,
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
                    outputs.file_store = Some(FileStore {
                        dir: node.child_text("dir").unwrap_or("filestore").to_owned(),
                        is_forced: node.child_flag("force-filestore").unwrap_or(false),
                        write_fileinfo: node.child_flag("write-fileinfo").unwrap_or(false),
                        wants: eve::file_wants(node, settings),
                        stream_depth: node
                            .child_text("stream-depth")
                            .and_then(crate::settings::bytes)
                            .map(|depth| u32::try_from(depth).unwrap_or(u32::MAX)),
                        xff: node.child("xff").and_then(eve::xff),
                    });
                }
                "pcap-log" if is_on => {
                    outputs.pcap_log = Some(PcapLog {
                        file: file("log.pcap"),
                        only_alerts: node.child_text("conditional") == Some("alerts"),
                    });
                }
                "eve-log" => {}
                _ if is_on => settings.complain(format!("outputs: {kind:?} is not written")),
                _ => {}
            }
        }
        outputs
    }
}
