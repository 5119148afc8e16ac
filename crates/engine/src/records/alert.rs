//! `alert` records: which rule, on what, why.

use super::config::{AlertConfig, EveConfig, XffConfig};
use super::header::{self, Source};
use super::seen::Seen;
use super::{flow as flow_record, transaction};
use crate::detect::{Alert, AlertKind, Alerts, Ruleset, Signature, Traced};
use crate::flow::Flow;
use crate::tcp;
use decode::app::{Field, LogFor};
use event::json::Writer;
use event::{AppProtocol, Buffer, Direction, IpProtocol};
use rules::rule::{Action, CaptureScope, RejectTo, Target};

/// What came of a packet, or of the end of a flow.
pub struct Outcome<'a> {
    /// The packet, or the flow that ended.
    pub seen: &'a Seen<'a>,
    /// The flow, if there is one.
    pub flow: Option<&'a Flow>,
    /// The rules, for the names of bits and of what dropped a packet.
    pub ruleset: &'a Ruleset,
    /// Whether dropping is possible, in line or simulated.
    pub is_inline: bool,
    /// Why the packet was dropped, if it was.
    pub drop_reason: Option<&'static str>,
    /// Whether it was refused.
    pub is_rejected: bool,
    /// Settings of the stream engine.
    pub tcp: &'a tcp::Config,
}

/// Writes an `alert` record.
pub fn alert(
    out: &mut Writer,
    alert: &Alert,
    rule: &Signature,
    alerts: &Alerts,
    outcome: &Outcome<'_>,
    source: &Source,
    (eve, config): (&EveConfig, &AlertConfig),
) {
    let forwarded = forwarded_for(outcome, alert, eve, config);
    let mut seen = *outcome.seen;
    if let Some((address, true)) = forwarded {
        match seen.direction {
            Some(Direction::ToClient) => seen.destination = Some(address),
            Some(Direction::ToServer) | None => seen.source = Some(address),
        }
    }
    header::begin(out, "alert", &seen, outcome.flow, source, &eve.common);
    if let Some(tx) = alert.tx {
        out.uint("tx_id", tx);
        if alert.is_tx_guessed {
            out.bool("tx_guessed", true);
        }
    }
    body(out, alert, rule, &seen, config, outcome.is_inline);
    if let Some((address, false)) = forwarded {
        out.reopen();
        out.display("xff", address);
        out.end();
    }
    if let Some(packet) = seen.packet {
        tunnel(out, packet);
    }
    if let Some(flow) = outcome.flow {
        if config.app_layer {
            application(out, alert, flow, &seen, config);
        }
        flow_record::app_protocols(out, flow);
        if config.flow {
            out.str(
                "direction",
                seen.direction.unwrap_or(Direction::ToServer).as_str(),
            );
            flow_record::brief(out, flow);
        }
    }
    payload(out, alert, outcome, config);
    if config.packet {
        packet(out, &seen);
    }
    if config.verdict {
        verdict(out, alerts, outcome);
    }
    if let Some(trace) = &alert.trace {
        out.own();
        matches(out, trace);
        out.end_own();
    }
    header::end(out, source);
}

/// Writes `"packet"` and `"packet_info"`.
pub fn packet(out: &mut Writer, seen: &Seen<'_>) {
    if let Some(packet) = seen.packet {
        out.base64("packet", packet.frame);
        out.object("packet_info");
        out.uint("linktype", u64::from(packet.link.0));
        if let Some(name) = packet.link.name() {
            out.str("linktype_name", name);
        }
        out.end();
    }
}

/// Writes `"alert": {…}`.
pub fn body(
    out: &mut Writer,
    alert: &Alert,
    rule: &Signature,
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
    out.str("signature", rule.details.msg());
    out.str("category", rule.details.category());
    out.uint("severity", u64::from(rule.priority));
    if let Some(target) = rule.details.target() {
        ends(out, target, seen);
    }
    if config.rule_metadata {
        metadata(out, rule);
    }
    if config.references && rule.details.references().next().is_some() {
        out.array("references");
        for (system, id) in rule.details.references() {
            out.item_str(&format!("{system}{id}"));
        }
        out.end_array();
    }
    let captured = || {
        alert
            .captures
            .iter()
            .filter(|capture| capture.scope == CaptureScope::Alert)
    };
    if !alert.contexts.is_empty() || captured().next().is_some() {
        out.object("context");
        for capture in captured() {
            out.bytes(&capture.name, &capture.value);
        }
        for (key, json) in &alert.contexts {
            out.raw(key, json.as_bytes());
        }
        out.end();
    }
    if config.raw_rule {
        out.str("rule", rule.details.raw());
    }
    out.end();
}

/// `"metadata": {…}`: each key once, with the list of its values.
fn metadata(out: &mut Writer, rule: &Signature) {
    let mut keys: Vec<&str> = rule.details.metadata().map(|(key, _)| key).collect();
    if keys.is_empty() {
        return;
    }
    keys.sort_unstable();
    keys.dedup();
    out.object("metadata");
    for key in keys {
        out.array(key);
        for (_, value) in rule.details.metadata().filter(|(k, _)| *k == key) {
            out.item_str(value);
        }
        out.end_array();
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
    if let Some((source, _)) = root.ports {
        out.uint("src_port", u64::from(source));
    }
    header::address(out, "dest_ip", root.destination);
    if let Some((_, destination)) = root.ports {
        out.uint("dest_port", u64::from(destination));
    }
    header::protocol_name(out, root.protocol);
    out.uint("depth", u64::from(packet.depth));
    if packet.number != 0 {
        out.uint("pcap_cnt", packet.number);
    }
    out.str("pkt_src", decode::packet::Origin::Wire.as_str());
    out.end();
}

/// The application's part: what the transaction says of itself, and its files.
fn application(
    out: &mut Writer,
    alert: &Alert,
    flow: &Flow,
    seen: &Seen<'_>,
    config: &AlertConfig,
) {
    let Some(parser) = &flow.app.parser else {
        return;
    };
    let Some(tx) = alert.tx.and_then(|id| parser.tx(id)) else {
        return;
    };
    tx.log(LogFor::Alert, out);
    if config.http_body || config.http_body_printable {
        http_bodies(out, tx, flow, config);
    }
    let files: Vec<_> = Direction::BOTH
        .iter()
        .filter(|direction| seen.direction.is_none_or(|d| d == **direction))
        .filter_map(|direction| tx.files(*direction))
        .flat_map(|set| set.files.iter().skip(alert.first_file.into()))
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

/// The bodies of an HTTP transaction, inside the `http` object that was written last.
fn http_bodies(
    out: &mut Writer,
    tx: &dyn decode::app::Transaction,
    flow: &Flow,
    config: &AlertConfig,
) {
    if flow.app.protocol != AppProtocol::Http1 {
        return;
    }
    out.reopen();
    for (buffer, direction, printable, base64) in [
        (
            Buffer::HttpRequestBody,
            Direction::ToServer,
            "http_request_body_printable",
            "http_request_body",
        ),
        (
            Buffer::HttpResponseBody,
            Direction::ToClient,
            "http_response_body_printable",
            "http_response_body",
        ),
    ] {
        let field = tx.field(buffer, direction, 0);
        let body = match &field {
            Field::Whole(bytes) => bytes.as_ref(),
            Field::Body { data, .. } => data,
            Field::Pending | Field::Absent => continue,
        };
        if body.is_empty() {
            continue;
        }
        if config.http_body_printable {
            out.bytes(printable, &printable_form(body));
        }
        if config.http_body {
            out.base64(base64, body);
        }
    }
    out.end();
}

/// Bytes as Suricata prints them: what is not printable ASCII becomes a dot, line ends stay.
fn printable_form(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .map(|b| {
            if matches!(b, 0x20..=0x7e | b'\r' | b'\n') {
                *b
            } else {
                b'.'
            }
        })
        .collect()
}

/// The payload that alerted: of the stream where the stream matched, else the packet's.
fn payload(out: &mut Writer, alert: &Alert, scene: &Outcome<'_>, config: &AlertConfig) {
    if !(config.payload || config.payload_printable || config.payload_length) {
        return;
    }
    let packet = scene.seen.packet.map_or(&[][..], |packet| packet.payload);
    let mut of_stream = Vec::new();
    if matches!(alert.kind, AlertKind::Stream | AlertKind::Transaction)
        && let Some(session) = scene.flow.and_then(|flow| flow.tcp.as_deref())
    {
        let direction = scene.seen.direction.unwrap_or(Direction::ToServer);
        let (pieces, mut end) = session.payload_window(scene.tcp, direction);
        for piece in pieces {
            if piece.offset > end {
                let missing = piece.offset - end;
                of_stream.extend_from_slice(format!("[{missing} bytes missing]").as_bytes());
            }
            end = piece.offset + piece.data.len() as u64;
            let room = config.payload_limit.saturating_sub(of_stream.len());
            of_stream.extend_from_slice(piece.data.get(..room).unwrap_or(piece.data));
        }
    }
    let bytes = if of_stream.is_empty() {
        packet
    } else {
        &of_stream
    };
    if config.payload_length {
        out.uint("payload_length", bytes.len() as u64);
    }
    if config.payload {
        out.base64("payload", bytes);
    }
    if config.payload_printable {
        out.bytes("payload_printable", &printable_form(bytes));
    }
    out.uint("stream", u64::from(!of_stream.is_empty()));
}

/// What was done with the packet in the end.
pub fn verdict(out: &mut Writer, alerts: &Alerts, outcome: &Outcome<'_>) {
    out.object("verdict");
    if let Some(to) = alerts.verdict.reject {
        out.str("action", if outcome.is_inline { "drop" } else { "alert" });
        out.str(
            "reject-target",
            match to {
                RejectTo::Source => "to_client",
                RejectTo::Destination => "to_server",
                RejectTo::Both => "both",
            },
        );
        out.array("reject");
        match outcome.seen.protocol {
            Some(IpProtocol::TCP) => out.item_str("tcp-reset"),
            Some(_) => out.item_str("icmp-prohib"),
            None => {}
        }
        out.end_array();
    } else if outcome.drop_reason.is_some() && outcome.is_inline {
        out.str("action", "drop");
    } else if alerts.verdict.is_passed {
        out.str("action", "pass");
    } else {
        out.str("action", "alert");
    }
    out.end();
}

/// Ratel's own part: which bytes of which buffers matched, and by what.
fn matches(out: &mut Writer, trace: &[Traced]) {
    out.array("matches");
    for traced in trace {
        out.begin();
        out.str("buffer", traced.buffer_name());
        // As rules write it.
        let direction = match traced.direction {
            Direction::ToServer => "toserver",
            Direction::ToClient => "toclient",
        };
        out.str("direction", direction);
        if traced.is_stream {
            out.bool("stream", true);
        }
        out.base64("data", &traced.data);
        out.uint("offset", traced.offset);
        out.uint("length", traced.length);
        out.array("spans");
        for span in &traced.spans {
            out.begin();
            out.uint("at", span.at);
            out.uint("length", span.length);
            out.str("by", span.by);
            out.str("text", &span.text);
            out.end();
        }
        out.end_array();
        out.end();
    }
    out.end_array();
}

/// The address that X-Forwarded-For tells, and whether it takes the place of the packet's.
fn forwarded_for(
    scene: &Outcome<'_>,
    alert: &Alert,
    eve: &EveConfig,
    config: &AlertConfig,
) -> Option<(std::net::IpAddr, bool)> {
    let xff: &XffConfig = config.xff.as_ref().or(eve.common.xff.as_ref())?;
    let flow = scene
        .flow
        .filter(|flow| flow.app.protocol == AppProtocol::Http1)?;
    let parser = flow.app.parser.as_ref()?;
    let ids = parser.tx_range();
    let tx = parser.tx(alert.tx.unwrap_or(ids.start))?;
    let Field::Whole(headers) = tx.field(Buffer::HttpHeader, Direction::ToServer, 0) else {
        return None;
    };
    let value = headers.split(|b| *b == b'\n').find_map(|line| {
        let colon = line.iter().position(|b| *b == b':')?;
        let (name, value) = line.split_at(colon);
        name.eq_ignore_ascii_case(xff.header.as_bytes())
            .then(|| &value[1..])
    })?;
    let value = std::str::from_utf8(value).ok()?;
    let word = if xff.forward {
        value.split(',').next()
    } else {
        value.rsplit(',').next()
    };
    let word = word?.trim().trim_matches(['[', ']', '"']);
    Some((word.parse().ok()?, xff.overwrite))
}
