//! `eve-log` outputs: which records, with which fields.

mod transactions;

use super::engine::add_hash;
use crate::settings::{Node, Settings};
use decode::file::FileWants;
use engine::records::config::{
    AlertConfig, AnomalyConfig, CommonConfig, DropConfig, EveConfig, StatsConfig, StreamConfig,
    XffConfig,
};

/// One EVE output: the name of its file and what goes into it.
#[derive(Clone, Debug)]
pub struct EveOutput {
    /// Name of the file below the log folder.
    pub file: String,
    /// What goes into it.
    pub config: EveConfig,
    /// What is computed of files for it.
    pub file_wants: FileWants,
}

/// Types of records that transactions write.
const TRANSACTIONS: &[&str] = &[
    "http",
    "dns",
    "mdns",
    "tls",
    "smtp",
    "websocket",
    "ftp",
    "rdp",
    "nfs",
    "smb",
    "tftp",
    "ike",
    "dcerpc",
    "krb5",
    "bittorrent-dht",
    "snmp",
    "rfb",
    "sip",
    "quic",
    "ldap",
    "pop3",
    "dhcp",
    "ssh",
    "mqtt",
    "http2",
    "doh2",
    "pgsql",
    "modbus",
    "dnp3",
    "enip",
    "template",
    "ftp_data",
    "imap",
    "arp",
];

/// All enabled `eve-log` outputs.
pub fn outputs(settings: &Settings) -> Vec<EveOutput> {
    let Some(outputs) = settings.node("outputs") else {
        return Vec::new();
    };
    let outputs: Vec<_> = outputs
        .items()
        .filter_map(|item| item.child("eve-log"))
        .filter(|eve| eve.child_flag("enabled").unwrap_or(false))
        .map(|eve| output(eve, settings))
        .collect();
    let has_several = |has: fn(&EveConfig) -> bool| {
        outputs.iter().filter(|output| has(&output.config)).count() > 1
    };
    if has_several(|config| config.anomaly.is_some()) {
        settings.refuse("only one 'anomaly' logger can be enabled".to_owned());
    }
    if has_several(|config| config.drop.is_some()) {
        settings.refuse("only one 'drop' logger can be enabled".to_owned());
    }
    outputs
}

fn output(eve: &Node, settings: &Settings) -> EveOutput {
    let mut config = EveConfig {
        common: common(eve),
        ..EveConfig::default()
    };
    config.common.sensor_name = settings.text("sensor-name").map(str::to_owned);
    let mut file_wants = FileWants::default();
    for item in eve.child("types").into_iter().flat_map(Node::items) {
        match item {
            Node::Text(kind) => add(&mut config, kind, &Node::Empty, settings),
            Node::Map(entries) => {
                for (kind, options) in entries {
                    if options.child_flag("enabled").unwrap_or(true) {
                        add(&mut config, kind, options, settings);
                        if kind == "files" {
                            file_wants = self::file_wants(options, settings);
                        }
                    }
                }
            }
            Node::Empty | Node::List(_) => {}
        }
    }
    EveOutput {
        file: eve.child_text("filename").unwrap_or("eve.json").to_owned(),
        config,
        file_wants,
    }
}

/// `force-magic`, `force-hash` and, as it was once written, `force-md5`.
pub fn file_wants(options: &Node, settings: &Settings) -> FileWants {
    let flag = |key| options.child_flag(key).unwrap_or(false);
    let mut wants = FileWants {
        magic: flag("force-magic"),
        md5: flag("force-md5"),
        ..FileWants::default()
    };
    for name in options
        .child("force-hash")
        .into_iter()
        .flat_map(Node::items)
    {
        let name = name.text().unwrap_or_default();
        if !add_hash(&mut wants, name) {
            settings.complain(format!(
                "force-hash: {name:?} is none of md5, sha1 and sha256"
            ));
        }
    }
    wants
}

fn add(eve: &mut EveConfig, kind: &str, options: &Node, settings: &Settings) {
    match kind {
        "alert" => eve.alert = Some(alert(options)),
        "drop" => {
            eve.drop = Some(DropConfig {
                alerts: options.child_flag("alerts").unwrap_or(false),
                all_packets: options.child_text("flows") == Some("all"),
                verdict: options.child_flag("verdict").unwrap_or(false),
            });
        }
        "anomaly" => eve.anomaly = Some(anomaly(options)),
        "files" => eve.files = true,
        "flow" => eve.flow = true,
        "netflow" => eve.netflow = true,
        "arp" => eve.arp = options.child_flag("enabled").unwrap_or(true),
        "stream" => {
            let flag = |key| options.child_flag(key).unwrap_or(false);
            eve.stream = Some(StreamConfig {
                all: flag("all"),
                events: flag("event-set"),
                state_updates: flag("state-update"),
            });
        }
        "stats" => {
            let flag = |key, default| options.child_flag(key).unwrap_or(default);
            eve.stats = Some(StatsConfig {
                totals: flag("totals", true),
                threads: flag("threads", false),
                deltas: flag("deltas", false),
                null_values: flag("null-values", true),
            });
        }
        "bittorrent-dht" => {
            eve.transactions.insert("bittorrent_dht".to_owned());
        }
        "ftp" => {
            eve.transactions
                .extend(["ftp".to_owned(), "ftp_data".to_owned()]);
        }
        "frame" | "metadata" => {}
        known if TRANSACTIONS.contains(&known) => {
            eve.transactions.insert(known.to_owned());
            transactions::options(&mut eve.log, known, options, settings);
        }
        unknown => settings.complain(format!(
            "eve-log: no records of type {unknown:?} are written"
        )),
    }
}

fn common(eve: &Node) -> CommonConfig {
    CommonConfig {
        community_id_seed: eve.child_flag("community-id").unwrap_or(false).then(|| {
            eve.child_text("community-id-seed")
                .and_then(|s| s.parse().ok())
                .unwrap_or(0)
        }),
        ethernet: eve.child_flag("ethernet").unwrap_or(false),
        metadata: eve.child_flag("metadata").unwrap_or(true),
        pcap_file: eve.child_flag("pcap-file").unwrap_or(false),
        engine_version: eve.child_flag("suricata-version").unwrap_or(false),
        sensor_name: None,
        xff: eve.child("xff").and_then(xff),
    }
}

fn alert(options: &Node) -> AlertConfig {
    let flag = |key: &str, default: bool| match options.child_text(key) {
        Some("base64" | "printable") => true,
        _ => options.child_flag(key).unwrap_or(default),
    };
    // `payload` and `http-body` take the word for the form they want, too.
    let is_printable = |key: &str| options.child_text(key) == Some("printable");
    let metadata = options.child("metadata");
    let part = |key: &str| match metadata {
        Some(Node::Text(text)) => crate::settings::truth(text).unwrap_or(true),
        Some(node) => node.child_flag(key).unwrap_or(true),
        None => true,
    };
    let rule = metadata.and_then(|node| node.child("rule"));
    let of_rule = |key: &str, default: bool| match rule {
        Some(Node::Text(text)) => crate::settings::truth(text).unwrap_or(default) && default,
        Some(node) => node.child_flag(key).unwrap_or(default),
        None => default && part("rule"),
    };
    AlertConfig {
        payload: flag("payload", false) && !is_printable("payload"),
        payload_printable: flag("payload-printable", false) || is_printable("payload"),
        payload_length: flag("payload-length", false),
        payload_limit: options
            .child_text("payload-buffer-size")
            .and_then(crate::settings::bytes)
            .and_then(|size| usize::try_from(size).ok())
            .unwrap_or(4096),
        packet: flag("packet", false),
        http_body: flag("http-body", false),
        http_body_printable: flag("http-body-printable", false),
        tagged_packets: flag("tagged-packets", true),
        app_layer: part("app-layer"),
        flow: part("flow"),
        rule_metadata: of_rule("metadata", true),
        raw_rule: of_rule("raw", false),
        references: of_rule("reference", false),
        verdict: flag("verdict", false),
        xff: options.child("xff").and_then(xff),
    }
}

fn anomaly(options: &Node) -> AnomalyConfig {
    // Without `types`, only the oddities of application parsers are told.
    let kinds = options.child("types");
    let flag = |key: &str, default: bool| match kinds {
        Some(kinds) => kinds.child_flag(key).unwrap_or(default),
        None => default,
    };
    AnomalyConfig {
        decode: flag("decode", false),
        stream: flag("stream", false),
        app_layer: flag("applayer", true),
        packet_header: options.child_flag("packethdr").unwrap_or(false),
    }
}

/// `xff`.
fn xff(node: &Node) -> Option<XffConfig> {
    node.child_flag("enabled")
        .unwrap_or(false)
        .then(|| XffConfig {
            overwrite: node.child_text("mode") == Some("overwrite"),
            forward: node.child_text("deployment") == Some("forward"),
            header: node
                .child_text("header")
                .unwrap_or("X-Forwarded-For")
                .to_owned(),
        })
}
