//! Which records are written and what they hold: one [`EveConfig`] for each `eve-log` output.

use decode::app::LogOptions;
use std::collections::BTreeSet;

/// One `eve-log` output.
#[derive(Clone, Debug, Default)]
pub struct EveConfig {
    /// `alert` records.
    pub alert: Option<AlertConfig>,
    /// `drop` records.
    pub drop: Option<DropConfig>,
    /// `anomaly` records.
    pub anomaly: Option<AnomalyConfig>,
    /// `fileinfo` records.
    pub files: bool,
    /// `flow` records.
    pub flow: bool,
    /// `netflow` records.
    pub netflow: bool,
    /// `arp` records.
    pub arp: bool,
    /// `stream_tcp` records of stream events.
    pub stream: Option<StreamConfig>,
    /// `stats` records.
    pub stats: Option<StatsConfig>,
    /// Record types of transactions: `http`, `dns`, `tls`, …
    pub transactions: BTreeSet<String>,
    /// What records of transactions tell.
    pub log: LogOptions,
    /// Common fields.
    pub common: CommonConfig,
}

/// Fields that every record of an output has.
#[derive(Clone, Debug)]
pub struct CommonConfig {
    /// `community_id` with this seed (Community ID v1).
    pub community_id_seed: Option<u16>,
    /// `ether` objects.
    pub ethernet: bool,
    /// `metadata` with flowbits, flowints and variables.
    pub metadata: bool,
    /// `pcap_filename`.
    pub pcap_file: bool,
    /// `suricata_version`, as the schema names the field.
    pub engine_version: bool,
    /// Name of the sensor as `host`.
    pub sensor_name: Option<String>,
    /// X-Forwarded-For of HTTP.
    pub xff: Option<XffConfig>,
}

impl Default for CommonConfig {
    fn default() -> Self {
        CommonConfig {
            community_id_seed: None,
            ethernet: false,
            metadata: true,
            pcap_file: false,
            engine_version: false,
            sensor_name: None,
            xff: None,
        }
    }
}

/// What alert records hold beside the alert itself.
#[derive(Clone, Debug)]
pub struct AlertConfig {
    /// `payload` in base64.
    pub payload: bool,
    /// `payload_printable`.
    pub payload_printable: bool,
    /// `payload_length`.
    pub payload_length: bool,
    /// Most bytes of stream told as payload.
    pub payload_limit: usize,
    /// `packet` in base64.
    pub packet: bool,
    /// HTTP bodies in base64.
    pub http_body: bool,
    /// HTTP bodies, printable.
    pub http_body_printable: bool,
    /// `packet` records for tagged packets.
    pub tagged_packets: bool,
    /// The application object.
    pub app_layer: bool,
    /// The flow object.
    pub flow: bool,
    /// The rule's metadata.
    pub rule_metadata: bool,
    /// The rule's text.
    pub raw_rule: bool,
    /// The rule's references.
    pub references: bool,
    /// What was done in the end.
    pub verdict: bool,
    /// X-Forwarded-For, over the common one.
    pub xff: Option<XffConfig>,
}

impl Default for AlertConfig {
    fn default() -> Self {
        AlertConfig {
            payload: false,
            payload_printable: false,
            payload_length: false,
            payload_limit: 4096,
            packet: false,
            http_body: false,
            http_body_printable: false,
            tagged_packets: true,
            app_layer: true,
            flow: true,
            rule_metadata: true,
            raw_rule: false,
            references: false,
            verdict: false,
            xff: None,
        }
    }
}

/// `xff`.
#[derive(Clone, Debug)]
pub struct XffConfig {
    /// Replaces the address where true, adds a field where false.
    pub overwrite: bool,
    /// The first address where true (forward proxies), the last where false.
    pub forward: bool,
    /// Name of the header.
    pub header: String,
}

/// `drop` records.
#[derive(Clone, Copy, Debug, Default)]
pub struct DropConfig {
    /// The alert that caused the drop.
    pub alerts: bool,
    /// Each dropped packet, not only the first of a flow's direction.
    pub all_packets: bool,
    /// What was done in the end.
    pub verdict: bool,
}

/// `anomaly` records by kind.
#[derive(Clone, Copy, Debug)]
pub struct AnomalyConfig {
    /// Of packet decoding.
    pub decode: bool,
    /// Of TCP streams.
    pub stream: bool,
    /// Of application parsers.
    pub app_layer: bool,
    /// With the packet.
    pub packet_header: bool,
}

/// `stream_tcp` records: what to tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamConfig {
    /// Every packet.
    pub all: bool,
    /// Packets with stream events.
    pub events: bool,
    /// Changes of state.
    pub state_updates: bool,
}

/// `stats` records.
#[derive(Clone, Copy, Debug)]
pub struct StatsConfig {
    /// Sums over all threads.
    pub totals: bool,
    /// Each thread.
    pub threads: bool,
    /// Changes since the last record.
    pub deltas: bool,
    /// Counters that are zero.
    pub null_values: bool,
}
