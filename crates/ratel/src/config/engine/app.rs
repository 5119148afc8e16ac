//! `app-layer.protocols`: which are looked for, and how they are parsed.

use super::{files, http};
use crate::config::eve::EveOutput;
use crate::config::outputs::Outputs;
use crate::config::traffic;
use crate::settings::{Node, Settings, truth};
use crate::wants::Wants;
use decode::app::smtp::SmtpConfig;
use decode::app::tls::FieldSet;
use decode::app::{Config, Mode, Modes, ssh, tls};
use event::AppProtocol;
use std::sync::Arc;

const PROTOCOLS: &str = "app-layer.protocols";

/// Settings of parsers.
pub fn config(settings: &Settings, eves: &[EveOutput], outputs: &Outputs, rules: Wants) -> Config {
    let files = files::config(eves, outputs, rules);
    Config {
        files,
        modes: modes(settings),
        ftp: ftp(settings),
        smtp: Arc::new(smtp(settings, eves, rules)),
        ssh: ssh::SshConfig {
            hassh: rules.hassh || settings.flag_or(&key("ssh.hassh"), &["auto"]) == Some(true),
            encryption_handling: encryption(settings, "ssh").unwrap_or_default(),
        },
        dns: dns(settings),
        tls: tls::Settings {
            ja3: fingerprints(settings, "ja3", rules.ja3 || has_field(eves, FieldSet::JA3)),
            ja4: fingerprints(settings, "ja4", rules.ja4 || has_field(eves, FieldSet::JA4)),
            encryption: match encryption(settings, "tls").unwrap_or_default() {
                ssh::EncryptionHandling::TrackOnly => tls::EncryptionHandling::TrackOnly,
                ssh::EncryptionHandling::Bypass => tls::EncryptionHandling::Bypass,
                ssh::EncryptionHandling::Full => tls::EncryptionHandling::Full,
            },
        },
        http: http::config(settings),
    }
}

fn key(below: &str) -> String {
    format!("{PROTOCOLS}.{below}")
}

/// Which protocols are recognised, and which of them parsed.
fn modes(settings: &Settings) -> Modes {
    let mut modes = Modes::default();
    let Some(node) = settings.peek(PROTOCOLS) else {
        return modes;
    };
    for (name, _) in node.entries() {
        let Some(protocol) = protocol(name) else {
            settings.complain(format!("{PROTOCOLS}: {name:?} is not a protocol"));
            continue;
        };
        for (carrier, is_udp) in [
            (None, false),
            (None, true),
            (Some("tcp"), false),
            (Some("udp"), true),
        ] {
            let path = match carrier {
                None => key(&format!("{name}.enabled")),
                Some(carrier) => key(&format!("{name}.{carrier}.enabled")),
            };
            if let Some(mode) = settings
                .text(&path)
                .and_then(|text| mode(settings, &path, text))
            {
                modes.set(protocol, is_udp, mode);
            }
        }
        // Where patterns tell a protocol, ports have no say.
        for carrier in ["", "tcp.", "udp."] {
            let _ = settings.node(&key(&format!("{name}.{carrier}detection-ports")));
        }
    }
    modes
}

fn protocol(name: &str) -> Option<AppProtocol> {
    Some(match name {
        "http" => AppProtocol::Http1,
        "ftp-data" | "ftp_data" => AppProtocol::FtpData,
        other => AppProtocol::parse(other)?,
    })
}

fn mode(settings: &Settings, path: &str, text: &str) -> Option<Mode> {
    if text == "detection-only" {
        return Some(Mode::DetectionOnly);
    }
    match truth(text) {
        Some(true) => Some(Mode::On),
        Some(false) => Some(Mode::Off),
        None => {
            settings.refuse(format!(
                "{path}: {text:?} is none of yes, no and detection-only"
            ));
            None
        }
    }
}

/// `encryption-handling`, which SSH and TLS share.
fn encryption(settings: &Settings, protocol: &str) -> Option<ssh::EncryptionHandling> {
    let path = key(&format!("{protocol}.encryption-handling"));
    let text = settings.text(&path)?;
    Some(match text {
        "full" => ssh::EncryptionHandling::Full,
        "bypass" => ssh::EncryptionHandling::Bypass,
        "default" | "track-only" => ssh::EncryptionHandling::TrackOnly,
        other => {
            settings.complain(format!("{path}: {other:?} is not known"));
            return None;
        }
    })
}

/// Whether fingerprints are computed: `auto` leaves it to those who want them.
fn fingerprints(settings: &Settings, kind: &str, is_wanted: bool) -> bool {
    settings
        .flag_or(&key(&format!("tls.{kind}-fingerprints")), &["auto"])
        .unwrap_or(is_wanted)
}

fn has_field(eves: &[EveOutput], field: FieldSet) -> bool {
    eves.iter()
        .any(|eve| eve.config.transactions.contains("tls") && eve.config.log.tls.fields.has(field))
}

fn ftp(settings: &Settings) -> decode::app::ftp::FtpConfig {
    let mut ftp = decode::app::ftp::FtpConfig::default();
    if let Some(length) = settings.size(&key("ftp.max-line-length")) {
        ftp.max_line_length = usize::try_from(length).unwrap_or(ftp.max_line_length);
    }
    if let Some(max) = settings.number(&key("ftp.max-tx")) {
        ftp.max_tx = max;
    }
    ftp
}

fn dns(settings: &Settings) -> decode::app::dns::Settings {
    let mut dns = decode::app::dns::Settings::default();
    for (path, into) in [
        ("dns.udp", &mut dns.udp_ports),
        ("dns.tcp", &mut dns.tcp_ports),
        ("mdns", &mut dns.mdns_ports),
    ] {
        let path = key(&format!("{path}.detection-ports.dp"));
        if let Some(node) = settings.node(&path) {
            match traffic::ports(settings, node) {
                Some(ports) => *into = ports,
                None => settings.complain(format!("{path}: not a list of ports")),
            }
        }
    }
    dns
}

fn smtp(settings: &Settings, eves: &[EveOutput], rules: Wants) -> SmtpConfig {
    let mut smtp = SmtpConfig::default();
    let mime = &mut smtp.mime;
    for (name, flag) in [
        ("raw-extraction", &mut smtp.raw_extraction),
        ("mime.decode-mime", &mut smtp.decode_mime),
        ("mime.decode-base64", &mut mime.decode_base64),
        (
            "mime.decode-quoted-printable",
            &mut mime.decode_quoted_printable,
        ),
        ("mime.extract-urls", &mut mime.extract_urls),
        ("mime.log-url-scheme", &mut mime.log_url_scheme),
    ] {
        if let Some(value) = settings.flag(&key(&format!("smtp.{name}"))) {
            *flag = value;
        }
    }
    if let Some(depth) = settings.size(&key("smtp.mime.header-value-depth")) {
        mime.header_value_depth = usize::try_from(depth).unwrap_or(usize::MAX);
    }
    if let Some(schemes) = settings.node(&key("smtp.mime.extract-urls-schemes")) {
        let schemes = schemes.items().filter_map(Node::text);
        mime.url_schemes = schemes
            .map(|s| s.trim_end_matches("://").to_owned())
            .collect();
    }
    let logs_hash = eves
        .iter()
        .any(|eve| eve.config.transactions.contains("smtp") && eve.config.log.smtp.body_md5);
    mime.body_md5 = settings
        .flag_or(&key("smtp.mime.body-md5"), &["auto"])
        .unwrap_or(logs_hash || rules.body_md5);
    if let Some(max) = settings.number(&key("smtp.max-tx")) {
        smtp.max_tx = max;
    }
    for (name, into) in [
        ("content-limit", &mut smtp.content_limit),
        (
            "content-inspect-min-size",
            &mut smtp.content_inspect_min_size,
        ),
        ("content-inspect-window", &mut smtp.content_inspect_window),
    ] {
        if let Some(value) = settings.size(&key(&format!("smtp.inspected-tracker.{name}"))) {
            *into = value;
        }
    }
    smtp
}
