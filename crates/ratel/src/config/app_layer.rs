//! Settings of the parsers of applications, from `app-layer.protocols`.

use crate::settings::{Node, Settings};
use decode::app::{Config, http, smtp, tls};
use event::address::AddressRange;
use std::sync::Arc;

/// Protocols that are parsed here, by the names that the configuration has for them.
const PROTOCOLS: &str = "app-layer.protocols";

/// Takes the settings of all parsers into `config`.
pub fn set(settings: &Settings, config: &mut Config) {
    http(settings, &mut config.http);
    dns(settings, config);
    mail(settings, Arc::make_mut(&mut config.smtp));
    tls(settings, &mut config.tls);
    ssh(settings, config);
    if let Some(len) = settings.size("app-layer.protocols.ftp.max-line-length") {
        config.ftp.max_line_length = usize::try_from(len).unwrap_or(usize::MAX);
    }
    if let Some(max) = settings.number("app-layer.protocols.ftp.max-tx") {
        config.ftp.max_tx = max;
    }
}

fn path(rest: &str) -> String {
    format!("{PROTOCOLS}.{rest}")
}

/// The `libhtp` section: `default-config`, and a `server-config` for some addresses each.
fn http(settings: &Settings, config: &mut http::Config) {
    let Some(section) = settings.node(&path("http.libhtp")) else {
        return;
    };
    if let Some(node) = section.child("default-config") {
        config.default = server(settings, node, http::Server::BUILT_IN);
    }
    for entry in section
        .child("server-config")
        .into_iter()
        .flat_map(Node::items)
    {
        for (name, node) in entry.entries() {
            let addresses: Vec<AddressRange> = node
                .child("address")
                .into_iter()
                .flat_map(Node::items)
                .filter_map(Node::text)
                .flat_map(|text| text.trim_matches(['[', ']']).split(','))
                .filter_map(|text| range(settings, name, text.trim()))
                .collect();
            let server = server(settings, node, http::Server::BUILT_IN);
            config.servers.push((addresses, server));
        }
    }
}

fn range(settings: &Settings, name: &str, text: &str) -> Option<AddressRange> {
    let range = text.parse().ok();
    if range.is_none() {
        settings.complain(format!("libhtp: {name}: {text:?} is no address"));
    }
    range
}

/// The settings of one section; those that it does not name are as in `base`.
fn server(settings: &Settings, node: &Node, base: http::Server) -> http::Server {
    let mut server = base;
    // The personality comes first: it sets what single keys change.
    if let Some(name) = node.child_text("personality") {
        server.set("personality", name);
    }
    for (key, value) in node.entries() {
        match value {
            Node::Text(text) if key == "personality" || key == "address" => {
                let _ = text;
            }
            Node::Text(text) => {
                if !server.set(key, text) {
                    settings.complain(format!("libhtp: {key}: {text:?} is not known"));
                }
            }
            Node::Empty | Node::List(_) | Node::Map(_) => {}
        }
    }
    server
}

fn dns(settings: &Settings, config: &mut Config) {
    let common = ports(settings, "dns");
    let of = |own: &str| ports(settings, own).or_else(|| common.clone());
    if let Some(ports) = of("dns.udp") {
        config.dns.udp_ports = ports;
    }
    if let Some(ports) = of("dns.tcp") {
        config.dns.tcp_ports = ports;
    }
    if let Some(ports) = ports(settings, "mdns") {
        config.dns.mdns_ports = ports;
    }
}

/// `detection-ports.dp` of a protocol: numbers, ranges, lists of both.
fn ports(settings: &Settings, protocol: &str) -> Option<Vec<u16>> {
    let text = settings.text(&path(&format!("{protocol}.detection-ports.dp")))?;
    let mut ports = Vec::new();
    for part in text
        .trim_matches(['[', ']'])
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (first.trim().parse::<u16>(), last.trim().parse::<u16>()) {
            (Ok(first), Ok(last)) if first <= last => ports.extend(first..=last),
            _ => settings.complain(format!(
                "{protocol}: detection-ports: {part:?} is not a port"
            )),
        }
    }
    Some(ports)
}

fn mail(settings: &Settings, config: &mut smtp::SmtpConfig) {
    if let Some(on) = settings.flag(&path("smtp.raw-extraction")) {
        config.raw_extraction = on;
    }
    if let Some(max) = settings.number(&path("smtp.max-tx")) {
        config.max_tx = max;
    }
    for (key, number) in [
        ("content-limit", &mut config.content_limit),
        (
            "content-inspect-min-size",
            &mut config.content_inspect_min_size,
        ),
        ("content-inspect-window", &mut config.content_inspect_window),
    ] {
        if let Some(size) = settings.size(&path(&format!("smtp.inspected-tracker.{key}"))) {
            *number = size;
        }
    }
    let mime = &mut config.mime;
    for (key, flag) in [
        ("decode-mime", &mut config.decode_mime),
        ("decode-base64", &mut mime.decode_base64),
        ("decode-quoted-printable", &mut mime.decode_quoted_printable),
        ("extract-urls", &mut mime.extract_urls),
        ("log-url-scheme", &mut mime.log_url_scheme),
        ("body-md5", &mut mime.body_md5),
    ] {
        if let Some(on) = settings.flag(&path(&format!("smtp.mime.{key}"))) {
            *flag = on;
        }
    }
    if let Some(depth) = settings.number(&path("smtp.mime.header-value-depth")) {
        mime.header_value_depth = depth;
    }
    if let Some(list) = settings.node(&path("smtp.mime.extract-urls-schemes")) {
        mime.url_schemes = list
            .items()
            .filter_map(|scheme| Some(scheme.text()?.to_owned()))
            .collect();
    }
}

fn tls(settings: &Settings, config: &mut tls::Settings) {
    let fingerprint = |name: &str| {
        let key = path(&format!("tls.{name}-fingerprints"));
        // `auto` computes them where a rule or an output asks, which can't be told from without.
        match settings.text(&key) {
            Some("auto") | None => None,
            Some(_) => settings.flag(&key),
        }
    };
    config.ja3 = fingerprint("ja3").unwrap_or(true);
    config.ja4 = fingerprint("ja4").unwrap_or(true);
    config.encryption = match settings.text(&path("tls.encryption-handling")) {
        Some("bypass") => tls::EncryptionHandling::Bypass,
        Some("full") => tls::EncryptionHandling::Full,
        _ => tls::EncryptionHandling::TrackOnly,
    };
}

fn ssh(settings: &Settings, config: &mut Config) {
    use decode::app::ssh::EncryptionHandling;
    config.ssh.hassh = match settings.text(&path("ssh.hassh")) {
        Some("auto") | None => true,
        Some(_) => settings.flag(&path("ssh.hassh")).unwrap_or(true),
    };
    config.ssh.encryption_handling = match settings.text(&path("ssh.encryption-handling")) {
        Some("bypass") => EncryptionHandling::Bypass,
        Some("full") => EncryptionHandling::Full,
        _ => EncryptionHandling::TrackOnly,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> Config {
        let mut config = Config::default();
        set(&Settings::parse(text).unwrap(), &mut config);
        config
    }

    #[test]
    fn takes_ports_lists_and_sections() {
        let config = taken(
            "
app-layer:
  protocols:
    dns: {detection-ports: {dp: 5353}, udp: {detection-ports: {dp: '53, 60-62'}}}
    smtp: {mime: {decode-base64: no, extract-urls-schemes: [http, ftp]}}
    tls: {encryption-handling: bypass}
    http:
      libhtp:
        default-config: {personality: IDS, response-body-decompress-layer-limit: 3}
        server-config:
          - apache: {address: [10.0.0.0/8], personality: Apache_2, lzma-enabled: yes}
",
        );
        assert_eq!(config.dns.tcp_ports, [5353]);
        assert_eq!(config.dns.udp_ports, [53, 60, 61, 62]);
        assert!(!config.smtp.mime.decode_base64);
        assert_eq!(config.smtp.mime.url_schemes, ["http", "ftp"]);
        assert_eq!(config.tls.encryption, tls::EncryptionHandling::Bypass);
        assert_eq!(config.http.default.decompress.layer_limit, 3);
        let server = config.http.server("10.1.2.3".parse().unwrap());
        assert!(server.decompress.lzma);
    }

    #[test]
    fn keeps_the_defaults_where_nothing_is_said() {
        let config = taken("a: b");
        assert_eq!(config.http.default, http::Server::SHIPPED);
        assert_eq!(config.dns.udp_ports, [53]);
    }
}
