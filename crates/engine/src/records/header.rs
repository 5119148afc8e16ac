//! What every record begins with: time, flow, ends, protocol.

use super::config::CommonConfig;
use super::seen::Seen;
use crate::detect::{FlowDetection, Ruleset};
use crate::flow::Flow;
use event::json::Writer;
use event::{IpProtocol, Timestamp};
use std::net::IpAddr;
use std::sync::Arc;

/// What the records of one run have in common.
#[derive(Clone, Default)]
pub struct Source {
    /// Name of the capture file, for `pcap_filename`.
    pub capture_name: Option<String>,
    /// Name of the interface, for `in_iface`.
    pub interface: Option<String>,
    /// The rules, for the names of bits and counters.
    pub ruleset: Option<Arc<Ruleset>>,
    /// What records of this run are to be found by, as `ratel.capture`.
    pub label: Option<String>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("capture_name", &self.capture_name)
            .finish_non_exhaustive()
    }
}

/// Opens a record of type `kind` with the fields of the packet or flow it is about.
pub fn begin(
    out: &mut Writer,
    kind: &str,
    seen: &Seen<'_>,
    flow: Option<&Flow>,
    source: &Source,
    common: &CommonConfig,
) {
    out.clear();
    out.begin();
    time(out, "timestamp", seen.time);
    if let Some(flow) = flow {
        out.uint("flow_id", flow.id);
        if let Some(parent) = flow.parent {
            out.uint("parent_id", parent);
        }
    }
    if let Some(interface) = &source.interface {
        out.str("in_iface", interface);
    }
    if seen.number != 0 {
        out.uint("pcap_cnt", seen.number);
    }
    out.str("event_type", kind);
    vlans(out, seen.vlans);
    ends(out, seen);
    out.str("pkt_src", seen.origin);
    options(out, Some(seen), flow, source, common);
}

/// Opens a record of type `kind` about a flow as a whole; ends are written client first.
pub fn begin_flow(out: &mut Writer, kind: &str, seen: &Seen<'_>, flow: &Flow, source: &Source) {
    out.clear();
    out.begin();
    time(out, "timestamp", seen.time);
    out.uint("flow_id", flow.id);
    if let Some(parent) = flow.parent {
        out.uint("parent_id", parent);
    }
    if let Some(interface) = &source.interface {
        out.str("in_iface", interface);
    }
    out.str("event_type", kind);
    vlans(out, &flow.vlans);
    ends(out, seen);
}

/// Closes a record.
pub fn end(out: &mut Writer, source: &Source) {
    if let Some(label) = &source.label {
        out.own();
        out.str("capture", label);
        out.end_own();
    }
    out.end();
}

/// Writes a moment in EVE's form.
pub fn time(out: &mut Writer, key: &str, moment: Timestamp) {
    let text = moment.to_eve();
    out.bytes(key, &text);
}

/// Writes an address.
pub fn address(out: &mut Writer, key: &str, address: IpAddr) {
    match address {
        IpAddr::V4(address) => out.display(key, address),
        // Suricata prints IPv6 in full, each group in four digits.
        IpAddr::V6(address) => {
            let groups = address.segments();
            let mut text = [0u8; 39];
            let mut at = 0;
            for (n, group) in groups.iter().enumerate() {
                if n > 0 {
                    text[at] = b':';
                    at += 1;
                }
                for shift in [12, 8, 4, 0] {
                    text[at] = b"0123456789abcdef"[usize::from(group >> shift & 15)];
                    at += 1;
                }
            }
            out.bytes(key, &text);
        }
    }
}

fn vlans(out: &mut Writer, vlans: &[u16]) {
    if !vlans.is_empty() {
        out.array("vlan");
        for vlan in vlans {
            out.item_uint(u64::from(*vlan));
        }
        out.end_array();
    }
}

fn ends(out: &mut Writer, seen: &Seen<'_>) {
    if let Some(source) = seen.source {
        address(out, "src_ip", source);
        if let Some(port) = seen.source_port {
            out.uint("src_port", u64::from(port));
        }
    }
    if let Some(destination) = seen.destination {
        address(out, "dest_ip", destination);
        if let Some(port) = seen.destination_port {
            out.uint("dest_port", u64::from(port));
        }
    }
    if let Some(protocol) = seen.protocol {
        protocol_name(out, protocol);
    }
    match seen.source {
        Some(IpAddr::V4(_)) => out.uint("ip_v", 4),
        Some(IpAddr::V6(_)) => out.uint("ip_v", 6),
        None => {}
    }
    if let Some((kind, code)) = seen.icmp {
        out.uint("icmp_type", u64::from(kind));
        out.uint("icmp_code", u64::from(code));
    }
    if let Some((kind, code)) = seen.icmp_answer {
        out.uint("response_icmp_type", u64::from(kind));
        out.uint("response_icmp_code", u64::from(code));
    }
    if let Some(spi) = seen.spi {
        out.uint("spi", u64::from(spi));
    }
}

/// Writes `proto`.
pub fn protocol_name(out: &mut Writer, protocol: IpProtocol) {
    match protocol.name() {
        Some(name) => out.str("proto", name),
        None => out.display("proto", format_args!("{:03}", protocol.0)),
    }
}

/// Writes the fields that the configuration adds to every record.
pub fn options(
    out: &mut Writer,
    seen: Option<&Seen<'_>>,
    flow: Option<&Flow>,
    source: &Source,
    common: &CommonConfig,
) {
    if common.metadata
        && let Some(flow) = flow
    {
        metadata(out, flow, source);
    }
    if common.ethernet {
        ether(out, seen, flow);
    }
    if let (Some(seed), Some(flow)) = (common.community_id_seed, flow) {
        out.str("community_id", &community_id(flow, seed));
    }
    if common.pcap_file
        && let Some(name) = &source.capture_name
    {
        out.str("pcap_filename", name);
    }
    if common.engine_version {
        out.str("suricata_version", crate::EVE_VERSION);
    }
    if let Some(name) = &common.sensor_name {
        out.str("host", name);
    }
}

/// `"metadata": {…}`: bits, counters and variables that rules set on the flow.
fn metadata(out: &mut Writer, flow: &Flow, source: &Source) {
    let Some(ruleset) = &source.ruleset else {
        return;
    };
    let memory = &flow.detection;
    let bits = || memory.flowbits.iter().map(|id| ruleset.names().name(id));
    let has_bits = bits().any(|name| traffic_label(name).is_none());
    let has_traffic = bits().any(|name| traffic_label(name).is_some());
    let has_ints = memory.flowints.iter().next().is_some();
    if has_bits
        || has_ints
        || !memory.variables.is_empty()
        || !memory.packet_variables.is_empty()
        || !memory.entropies.is_empty()
    {
        flow_metadata(out, memory, ruleset, has_bits, has_ints);
    }
    if has_traffic {
        out.object("traffic");
        for kind in ["id", "label"] {
            let labels = || {
                bits()
                    .filter_map(traffic_label)
                    .filter(|(of, _)| *of == kind)
            };
            if labels().next().is_some() {
                out.array(kind);
                labels().for_each(|(_, label)| out.item_str(label));
                out.end_array();
            }
        }
        out.end();
    }
}

/// Flowbits named `traffic/id/…` and `traffic/label/…` say what the traffic is.
fn traffic_label(name: &str) -> Option<(&str, &str)> {
    let rest = name.strip_prefix("traffic/")?;
    rest.split_once('/')
        .filter(|(kind, _)| matches!(*kind, "id" | "label"))
}

fn flow_metadata(
    out: &mut Writer,
    memory: &FlowDetection,
    ruleset: &Ruleset,
    has_bits: bool,
    has_ints: bool,
) {
    out.object("metadata");
    if !memory.packet_variables.is_empty() {
        out.array("pktvars");
        for (name, value) in &memory.packet_variables {
            out.begin();
            out.bytes(name, value);
            out.end();
        }
        out.end_array();
    }
    if !memory.variables.is_empty() {
        out.array("flowvars");
        for (name, value) in &memory.variables {
            out.begin();
            out.bytes(name, value);
            out.end();
        }
        out.end_array();
    }
    if has_bits {
        out.array("flowbits");
        for id in memory.flowbits.iter() {
            let name = ruleset.names().name(id);
            if traffic_label(name).is_none() {
                out.item_str(name);
            }
        }
        out.end_array();
    }
    if has_ints {
        out.object("flowints");
        for (id, value) in memory.flowints.iter() {
            out.uint(ruleset.names().name(id), u64::from(value));
        }
        out.end();
    }
    if !memory.entropies.is_empty() {
        out.object("entropy");
        for (buffer, value) in &memory.entropies {
            out.float(crate::detect::names::entropy_name(*buffer), *value);
        }
        out.end();
    }
    out.end();
}

fn ether(out: &mut Writer, seen: Option<&Seen<'_>>, flow: Option<&Flow>) {
    match (seen.and_then(|seen| seen.ethernet), flow) {
        (Some(ethernet), _) => {
            out.object("ether");
            out.uint("ether_type", u64::from(ethernet.kind));
            out.hex("src_mac", &ethernet.source, ":");
            out.hex("dest_mac", &ethernet.destination, ":");
            out.end();
        }
        (None, Some(flow)) if seen.is_none() && !flow.macs.iter().all(|m| m.is_empty()) => {
            out.object("ether");
            for (key, macs) in [("dest_macs", &flow.macs[0]), ("src_macs", &flow.macs[1])] {
                out.array(key);
                for mac in macs {
                    let [a, b, c, d, e, f] = *mac;
                    out.item_str(&format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"));
                }
                out.end_array();
            }
            out.end();
        }
        (None, _) => {}
    }
}

/// Community ID v1 of a flow (<https://github.com/corelight/community-id-spec>).
fn community_id(flow: &Flow, seed: u16) -> String {
    use base64::Engine as _;
    use sha1::{Digest, Sha1};
    let (mut a, mut b) = (
        (flow.client, flow.client_port),
        (flow.server, flow.server_port),
    );
    if a > b {
        std::mem::swap(&mut a, &mut b);
    }
    let mut hash = Sha1::new();
    hash.update(seed.to_be_bytes());
    for (address, _) in [a, b] {
        match address {
            IpAddr::V4(address) => hash.update(address.octets()),
            IpAddr::V6(address) => hash.update(address.octets()),
        }
    }
    hash.update([flow.protocol.0, 0]);
    hash.update(a.1.to_be_bytes());
    hash.update(b.1.to_be_bytes());
    format!(
        "1:{}",
        base64::engine::general_purpose::STANDARD.encode(hash.finalize())
    )
}
