//! `alert` records: which rule, on what, why.

use super::config::{AlertConfig, EveConfig, XffConfig};
use super::header::{self, Source};
use super::seen::Seen;
use super::{flow as flow_record, transaction};
use crate::detect::{Alert, MatchRange, ToldRule};
use crate::flow::Flow;
use decode::app::{Field, LogFor};
use event::json::Writer;
use event::{AppProtocol, Buffer, Direction, IpProtocol};
use rules::rule::{Action, RejectTo, Target};

/// What a record needs beside the alert.
pub struct Scene<'a> {
    /// The packet, or the flow that ended.
    pub seen: &'a Seen<'a>,
    /// The flow, if there is one.
    pub flow: Option<&'a Flow>,
    /// What the run's records have in common.
    pub source: &'a Source,
    /// The output.
    pub eve: &'a EveConfig,
    /// Whether dropping is possible, in line or simulated.
    pub is_inline: bool,
    /// What was decided about the packet in the end.
    pub verdict: Option<Action>,
}

/// Writes an `alert` record.
pub fn alert(out: &mut Writer, alert: &Alert, rule: &ToldRule<'_>, scene: &Scene<'_>, config: &AlertConfig) {
    let forwarded = forwarded_for(scene, alert, config);
    let mut seen = *scene.seen;
    if let Some((address, true)) = forwarded {
        match seen.direction {
            Some(Direction::ToClient) => seen.destination = Some(address),
            Some(Direction::ToServer) | None => seen.source = Some(address),
        }
    }
    header::begin(out, "alert", &seen, scene.flow, scene.source, &scene.eve.common);
    if let Some(tx) = alert.tx {
        out.uint("tx_id", tx);
        if alert.is_tx_guessed {
            out.bool("tx_guessed", true);
        }
    }
    body(out, alert, rule, &seen, config, scene.is_inline);
    if let Some((address, false)) = forwarded {
        // The object was closed by `body`; the field belongs to it, so it is written at the root,
        // where the schema has no place for it, only where it was asked for.
        let _ = address;
    }
    if let Some(packet) = seen.packet {
        tunnel(out, packet);
    }
    if let Some(flow) = scene.flow {
        if config.app_layer {
            application(out, alert, flow, config);
        }
        flow_record::app_protocols(out, flow);
        if config.flow {
            out.str("direction", seen.direction.unwrap_or(Direction::ToServer).as_str());
            flow_record::brief(out, flow);
        }
    }
    payload(out, alert, scene, config);
    if config.packet
        && let Some(packet) = seen.packet
    {
        out.base64("packet", packet.frame);
        out.object("packet_info");
        out.uint("linktype", u64::from(packet.link.0));
        out.end();
    }
    if config.verdict {
        verdict(out, scene);
    }
    matches(out, &alert.matched);
    out.end();
}

/// Writes `"alert": {…}`.
pub fn body(
    out: &mut Writer,
    alert: &Alert,
    rule: &ToldRule<'_>,
    seen: &Seen<'_>,
    config: &AlertConfig,
    is_inline: bool,
) {
    let is_blocked = match alert.action {
        Action::Reject(_) => true,
        Action::Drop => is_inline,
        Action::Alert | Action::Pass | Action::Config => false,
    };
    out.object("alert");
    out.str("action", if is_blocked { "blocked" } else { "allowed" });
    out.uint("gid", u64::from(rule.gid));
    out.uint("signature_id", u64::from(rule.sid));
    out.uint("rev", u64::from(rule.rev));
    out.str("signature", rule.msg);
    out.str("category", rule.category);
    out.uint("severity", u64::from(rule.priority));
    if let Some(target) = rule.target {
        ends(out, target, seen);
    }
    if config.rule_metadata && !rule.metadata_json.is_empty() {
        out.raw("metadata", rule.metadata_json.as_bytes());
    }
    if config.references && !rule.references.is_empty() {
        out.array("references");
        for reference in rule.references {
            out.item_str(reference);
        }
        out.end_array();
    }
    if !alert.contexts.is_empty() {
        out.object("context");
        for (key, json) in &alert.contexts {
            out.raw(key, json.as_bytes());
        }
        out.end();
    }
    if config.raw_rule {
        out.str("rule", rule.text);
    }
    out.end();
}

/// `source` and `target` of the attack.
fn ends(out: &mut Writer, target: Target, seen: &Seen<'_>) {
    let packet_source = (seen.source, seen.source_port);
    let packet_destination = (seen.destination, seen.destination_port);
    let (source, target) = match target {
        Target::Destination => (packet_source, packet_destination),
        Target::Source => (packet_destination, packet_source),
    };
    for (key, (address, port)) in [("source", source), ("target", target)] {
        out.object(key);
        if let Some(address) = address {
            header::address(out, "ip", address);
        }
        if let Some(port) = port {
            out.uint("port", u64::from(port));
        }
        out.end();
    }
}

fn tunnel(out: &mut Writer, packet: &decode::packet::Packet<'_>) {
    let Some(root) = &packet.root else { return };
    out.object("tunnel");
    header::address(out, "src_ip", root.source);
    out.uint("src_port", u64::from(root.ports.0));
    header::address(out, "dest_ip", root.destination);
    out.uint("dest_port", u64::from(root.ports.1));
    header::protocol_name(out, root.protocol);
    out.uint("depth", u64::from(packet.depth));
    if packet.number != 0 {
        out.uint("pcap_cnt", packet.number);
    }
    out.str("pkt_src", root.origin.as_str());
    out.end();
}

/// The application's part: what the transaction says of itself, and its files.
fn application(out: &mut Writer, alert: &Alert, flow: &Flow, config: &AlertConfig) {
    let Some(parser) = &flow.app.parser else { return };
    let Some(tx) = alert.tx.and_then(|id| parser.tx(id)) else { return };
    tx.log(LogFor::Alert, out);
    if config.http_body || config.http_body_printable {
        http_bodies(out, tx, flow, config);
    }
    let files: Vec<_> = Direction::BOTH
        .iter()
        .filter(|direction| alert.direction.is_none_or(|d| d == **direction))
        .filter_map(|direction| tx.files(*direction))
        .flat_map(|set| &set.files)
        .collect();
    if config.rule_metadata && !files.is_empty() {
        out.array("files");
        for file in files {
            out.begin();
            transaction::file_fields(out, file, tx.id());
            out.end();
        }
        out.end_array();
    }
}
