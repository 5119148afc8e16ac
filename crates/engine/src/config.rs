//! What an engine is told; each part's settings stand with the part.

use crate::flow;
use crate::tcp::{self, ExceptionPolicy};

/// Settings of an engine.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Decoding and defragmentation.
    pub decoder: decode::packet::Config,
    /// Flows.
    pub flow: flow::Config,
    /// TCP.
    pub tcp: tcp::Config,
    /// Application parsers.
    pub app: decode::app::Config,
    /// Whether packets can be dropped: in line, or simulated.
    pub is_inline: bool,
    /// `app-layer.error-policy`.
    pub app_error_policy: ExceptionPolicy,
    /// `defrag.memcap-policy`.
    pub defrag_memcap_policy: ExceptionPolicy,
    /// `packet-alert-max`: alerts told of one packet.
    pub alerts_max: Option<usize>,
    /// What became of the rules, for counters.
    pub rules: RulesLoaded,
    /// Features of flows, where `flow` records tell them; engines that share it count together what
    /// hosts did lately.
    pub features: Option<features::Attach>,
    /// Whether every file is stored (`file-store.force-filestore`).
    pub stores_all_files: bool,
    /// Whether files are stored where a rule asks for it (`file-store.enabled`).
    pub stores_files: bool,
    /// `file-store.stream-depth`: bytes of streams that are looked at where they carry a file that
    /// is to be stored, 0 for all; None for the stream's own depth.
    pub file_stream_depth: Option<u32>,
}

/// What became of rules when they were loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RulesLoaded {
    /// Ready to run.
    pub loaded: u64,
    /// Refused.
    pub failed: u64,
    /// Meant for another engine.
    pub skipped: u64,
}
