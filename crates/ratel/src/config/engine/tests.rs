//! From the text of a configuration to the engine's settings.

use super::*;
use crate::config::eve;
use decode::app::{Mode, tls::EncryptionHandling};
use decode::defrag::Policy;
use engine::tcp::{OsPolicy, UrgentPolicy};
use event::AppProtocol;

fn read(text: &str) -> (Config, Settings) {
    read_with(text, Wants::default())
}

fn read_with(text: &str, wants: Wants) -> (Config, Settings) {
    let settings = Settings::parse(text).expect("the test's own text is YAML");
    let eves = eve::outputs(&settings);
    let outputs = Outputs::new(&settings);
    let config = config(&settings, &eves, &outputs, wants);
    (config, settings)
}

#[test]
fn an_empty_configuration_leaves_what_is_built_in() {
    let (config, settings) = read("a: 1");
    assert_eq!(config.tcp.depth, 0);
    assert!(config.decoder.teredo.ports.is_empty());
    assert_eq!(config.decoder.vxlan.ports.as_slice(), [4789]);
    assert_eq!(config.app.http.default, decode::app::http::Server::BUILT_IN);
    assert!(settings.refusals().is_empty());
}

#[test]
fn reads_the_decoder_and_its_ports() {
    let (config, settings) = read(
        "vars: {port-groups: {TEREDO_PORTS: 3544, GENEVE_PORTS: '[$OTHER, 7000]', OTHER: '1,2'}}\n\
         decoder:\n  teredo: {enabled: true, ports: $TEREDO_PORTS}\n  vxlan: {enabled: no}\n  \
         geneve: {ports: $GENEVE_PORTS}\n  max-layers: 9\n  recursion-level: {use-for-tracking: no}\n\
         vlan: {use-for-tracking: false}\n",
    );
    assert_eq!(config.decoder.teredo.ports.as_slice(), [3544]);
    assert!(!config.decoder.vxlan.is_enabled);
    assert_eq!(config.decoder.geneve.ports.as_slice(), [1, 2, 7000]);
    assert_eq!(config.decoder.layers_max, 9);
    assert!(!config.flow.uses_depth && !config.flow.uses_vlans);
    assert!(settings.unknown().is_empty(), "{:?}", settings.unknown());
}

#[test]
fn reads_how_fragments_are_put_together() {
    let (config, _) = read(
        "defrag:\n  memcap: 1mb\n  trackers: 5\n  max-frags: 6\n  timeout: 7\n  host-config:\n   \
         - dmz: {timeout: 30, address: [10.0.0.0/8]}\n\
         host-os-policy: {windows: [0.0.0.0/0], linux: [10.0.0.0/8, '::/0'], solaris: []}\n",
    );
    let defrag = config.decoder.defrag;
    assert_eq!(
        (defrag.memory_max, defrag.trackers_max, defrag.fragments_max),
        (1 << 20, 5, 6)
    );
    assert_eq!(defrag.timeout.as_secs(), 7);
    assert_eq!(defrag.host_timeouts[0].1.as_secs(), 30);
    assert_eq!(defrag.hosts[1].1, Policy::Linux);
    assert_eq!(config.tcp.host_os[0].1, OsPolicy::Windows);
    assert_eq!(config.tcp.host_os.len(), 3);
}

#[test]
fn reads_flows_and_their_timeouts() {
    let (config, settings) = read(
        "flow: {memcap: 128mb, emergency-recovery: 20}\n\
         flow-timeouts:\n  tcp: {new: 60, closed: 61, emergency-bypassed: 62}\n  udp: {pear: 1}\n",
    );
    assert_eq!(config.flow.memcap, 128 << 20);
    assert_eq!(config.flow.emergency_recovery, 20);
    let tcp = config.flow.tcp;
    assert_eq!((tcp.new, tcp.closed, tcp.emergency_bypassed), (60, 61, 62));
    assert_eq!(config.flow.udp.new, 30);
    assert!(settings.complaints().is_empty());
}

#[test]
fn reads_streams() {
    let (config, _) = read(
        "stream:\n  midstream: yes\n  async-oneside: yes\n  inline: yes\n  max-synack-queued: 9\n  \
         reassembly:\n    depth: 2mb\n    toserver-chunk-size: 64\n    max-regions: 8\n    \
         urgent: {policy: gap, oob-limit-policy: drop}\n",
    );
    let tcp = config.tcp;
    assert!(tcp.midstream && tcp.async_oneside && tcp.inline);
    assert_eq!((tcp.depth, tcp.toserver_chunk), (2 << 20, 64));
    assert_eq!((tcp.max_synack_queued, tcp.max_regions), (9, 8));
    assert_eq!(
        (tcp.urgent, tcp.urgent_limit),
        (UrgentPolicy::Gap, UrgentPolicy::Drop)
    );
}

#[test]
fn reads_which_protocols_are_looked_for() {
    let (config, settings) = read(
        "app-layer:\n  protocols:\n    http: {enabled: no}\n    dns: {tcp: {enabled: no, detection-ports: {dp: 5353}}, \
         udp: {detection-ports: {dp: '53,54'}}}\n    imap: {enabled: detection-only}\n    \
         modbus: {enabled: yes, detection-ports: {dp: 502}}\n",
    );
    let modes = config.app.modes;
    assert_eq!(modes.of(AppProtocol::Http1, false), Mode::Off);
    assert_eq!(modes.of(AppProtocol::Dns, false), Mode::Off);
    assert_eq!(modes.of(AppProtocol::Dns, true), Mode::On);
    assert_eq!(modes.of(AppProtocol::Imap, false), Mode::DetectionOnly);
    assert_eq!(modes.of(AppProtocol::Modbus, false), Mode::On);
    assert_eq!(modes.of(AppProtocol::Dnp3, false), Mode::Off);
    assert_eq!(config.app.dns.udp_ports, [53, 54]);
    assert!(settings.unknown().is_empty(), "{:?}", settings.unknown());
}

#[test]
fn reads_http_servers() {
    let (config, settings) = read(
        "app-layer:\n  protocols:\n    http:\n      libhtp:\n        default-config:\n          \
         request-body-limit: 0\n          personality: IDS\n          swf-decompression: {enabled: no}\n        \
         server-config:\n          - apache:\n              address: [10.0.0.0/8]\n              personality: Apache_2\n",
    );
    let http = config.app.http;
    assert_eq!(http.default.request.limit, 0);
    assert!(http.default.uri.decode_slashes);
    assert_eq!(http.servers[0].0.len(), 1);
    assert!(!http.servers[0].1.uri.decode_slashes);
    assert!(settings.complaints().is_empty());
}

#[test]
fn reads_mail_tls_and_ssh() {
    let (config, _) = read(
        "app-layer:\n  protocols:\n    smtp:\n      raw-extraction: yes\n      mime: {decode-mime: no, \
         extract-urls-schemes: [http, ftp], log-url-scheme: yes}\n      inspected-tracker: {content-limit: 1kb}\n    \
         tls: {ja3-fingerprints: yes, ja4-fingerprints: no, encryption-handling: bypass}\n    \
         ssh: {hassh: yes, encryption-handling: full}\n",
    );
    let app = config.app;
    assert!(app.smtp.raw_extraction && !app.smtp.decode_mime);
    assert_eq!(app.smtp.mime.url_schemes, ["http", "ftp"]);
    assert_eq!(app.smtp.content_limit, 1024);
    assert!(app.tls.ja3 && !app.tls.ja4 && app.ssh.hassh);
    assert_eq!(app.tls.encryption, EncryptionHandling::Bypass);
}

#[test]
fn bodies_that_are_stored_are_followed_as_far_as_files_are() {
    let check = |depth: &str, expected: u64| {
        let (config, _) = read(&format!(
            "outputs: [file-store: {{enabled: yes, version: 2, stream-depth: {depth}}}]"
        ));
        assert_eq!(config.app.http.default.response.limit, expected, "{depth}");
    };
    check("0", 0);
    check("1kb", 4096);
    check("8kb", 8192);
}

#[test]
fn only_one_output_tells_anomalies() {
    let text = "outputs: [eve-log: {enabled: yes, types: [anomaly]}, eve-log: {enabled: yes, types: [anomaly]}]";
    assert_eq!(read(text).1.refusals().len(), 1);
}

#[test]
fn rules_and_outputs_decide_what_is_computed() {
    let wants = Wants {
        md5: true,
        ja3: true,
        body_md5: true,
        ..Wants::default()
    };
    let (config, _) = read_with(
        "outputs: [file-store: {enabled: yes, version: 2, force-hash: [sha1]}]",
        wants,
    );
    let files = config.app.files.wants;
    assert!(files.md5 && files.sha1 && files.sha256 && !files.magic && !files.store);
    assert!(config.app.tls.ja3 && config.app.smtp.mime.body_md5);
    assert!(config.stores_files && !config.stores_all_files);
    let refused =
        "app-layer: {protocols: {tls: {ja3-fingerprints: no}, smtp: {mime: {body-md5: no}}}}";
    let (config, _) = read_with(refused, wants);
    assert!(!config.app.tls.ja3 && !config.app.smtp.mime.body_md5);
}
