//! `flow` and `netflow` records, and what other records say of their flow.

use super::config::EveConfig;
use super::header::{self, Source};
use super::seen::Seen;
use crate::flow::{Flow, State, Verdict};
use event::json::Writer;
use event::{AppProtocol, Direction, IpProtocol, Timestamp};

/// Writes the `flow` record of a flow that ended; `now` is the time of the packet that made it end.
pub fn flow(out: &mut Writer, flow: &Flow, now: Timestamp, source: &Source, eve: &EveConfig) {
    let seen = Seen::of_flow(flow, Direction::ToServer, now, &flow.vlans);
    header::begin_flow(out, "flow", &seen, flow, source);
    app_protocols(out, flow);
    out.object("flow");
    counts(out, flow);
    header::time(out, "start", flow.start);
    header::time(out, "end", flow.last);
    out.uint("age", age_secs(flow));
    if flow.is_emergency {
        out.bool("emergency", true);
    }
    let state = match flow.state {
        State::New => "new",
        State::Established => "established",
        State::Closed => "closed",
        State::Bypassed => "bypassed",
    };
    if flow.state == State::Bypassed {
        out.str("bypass", "local");
        out.object("bypassed");
        out.uint("pkts_toserver", flow.bypassed_packets[0]);
        out.uint("pkts_toclient", flow.bypassed_packets[1]);
        out.uint("bytes_toserver", flow.bypassed_bytes[0]);
        out.uint("bytes_toclient", flow.bypassed_bytes[1]);
        out.end();
    }
    out.str("state", state);
    out.str("reason", flow.end_reason.unwrap_or("unknown"));
    out.bool("alerted", flow.is_alerted);
    match flow.verdict {
        Verdict::Inspect => {}
        Verdict::Pass => out.str("action", "pass"),
        Verdict::Drop => out.str("action", "drop"),
    }
    if let Some(parser) = &flow.app.parser {
        out.uint("tx_cnt", parser.tx_range().end);
    }
    if !flow.exception_policies.is_empty() {
        out.array("exception_policy");
        for (target, policy) in &flow.exception_policies {
            out.begin();
            out.str("target", target);
            out.str("policy", policy);
            out.end();
        }
        out.end_array();
    }
    out.end();
    header::options(out, None, Some(flow), source, &eve.common);
    if flow.protocol == IpProtocol::TCP {
        tcp(out, flow);
    }
    if let Some(features) = &flow.features {
        out.own();
        features::write::record(features, out);
        out.end_own();
    }
    header::end(out, source);
}

/// Writes the `netflow` record of one direction of a flow that ended.
pub fn netflow(
    out: &mut Writer,
    flow: &Flow,
    direction: Direction,
    now: Timestamp,
    source: &Source,
    eve: &EveConfig,
) {
    let seen = Seen::of_flow(flow, direction, now, &flow.vlans);
    header::begin_flow(out, "netflow", &seen, flow, source);
    let side = usize::from(direction);
    app_protocols(out, flow);
    out.object("netflow");
    out.uint("pkts", flow.packets[side]);
    out.uint("bytes", flow.bytes[side]);
    header::time(out, "start", flow.start);
    header::time(out, "end", flow.last);
    out.uint("age", age_secs(flow));
    out.uint("min_ttl", u64::from(flow.ttl[side].0));
    out.uint("max_ttl", u64::from(flow.ttl[side].1));
    if let Some(parser) = &flow.app.parser {
        out.uint("tx_cnt", parser.tx_range().end);
    }
    out.end();
    header::options(out, None, Some(flow), source, &eve.common);
    if let (IpProtocol::TCP, Some(session)) = (flow.protocol, &flow.tcp) {
        let flags = session.tcp_flags_of(direction);
        out.object("tcp");
        out.display("tcp_flags", format_args!("{flags:02x}"));
        tcp_flags(out, flags);
        out.end();
    }
    header::end(out, source);
}

/// Writes `"flow": {…}` as alert and drop records hold it.
pub fn brief(out: &mut Writer, flow: &Flow) {
    out.object("flow");
    counts(out, flow);
    header::time(out, "start", flow.start);
    header::address(out, "src_ip", flow.client);
    header::address(out, "dest_ip", flow.server);
    if matches!(
        flow.protocol,
        IpProtocol::TCP | IpProtocol::UDP | IpProtocol::SCTP
    ) {
        out.uint("src_port", u64::from(flow.client_port));
        out.uint("dest_port", u64::from(flow.server_port));
    }
    out.end();
}

/// Writes `app_proto` and where its views differ.
pub fn app_protocols(out: &mut Writer, flow: &Flow) {
    let app = &flow.app;
    if app.protocol != AppProtocol::Unknown {
        out.str("app_proto", eve_name(app.protocol));
    }
    for (key, seen) in [("app_proto_ts", app.seen[0]), ("app_proto_tc", app.seen[1])] {
        if seen != app.protocol
            && seen != AppProtocol::Unknown
            && app.protocol != AppProtocol::Unknown
            && flow.protocol == IpProtocol::TCP
        {
            out.str(key, eve_name(seen));
        }
    }
    if let Some(original) = app.original
        && original != app.protocol
    {
        out.str("app_proto_orig", eve_name(original));
    }
    if let Some(expected) = app.expected
        && expected != app.protocol
    {
        out.str("app_proto_expected", eve_name(expected));
    }
}

/// The protocol as records name it: HTTP/1 is `http` there.
#[must_use]
pub fn eve_name(protocol: AppProtocol) -> &'static str {
    match protocol {
        AppProtocol::Http1 => "http",
        other => other.as_str(),
    }
}

/// Writes `"syn": true` and so on for flags that are set.
pub fn tcp_flags(out: &mut Writer, flags: u8) {
    for (bit, name) in [
        (0x02, "syn"),
        (0x01, "fin"),
        (0x04, "rst"),
        (0x08, "psh"),
        (0x10, "ack"),
        (0x20, "urg"),
        (0x40, "ecn"),
        (0x80, "cwr"),
    ] {
        if flags & bit != 0 {
            out.bool(name, true);
        }
    }
}

fn counts(out: &mut Writer, flow: &Flow) {
    out.uint("pkts_toserver", flow.packets[0]);
    out.uint("pkts_toclient", flow.packets[1]);
    out.uint("bytes_toserver", flow.bytes[0]);
    out.uint("bytes_toclient", flow.bytes[1]);
}

fn age_secs(flow: &Flow) -> u64 {
    u64::try_from(flow.last.secs() - flow.start.secs()).unwrap_or(0)
}

fn tcp(out: &mut Writer, flow: &Flow) {
    out.object("tcp");
    let Some(session) = &flow.tcp else {
        out.str("tcp_flags", "00");
        out.str("tcp_flags_ts", "00");
        out.str("tcp_flags_tc", "00");
        out.end();
        return;
    };
    let (to_server, to_client) = (
        session.tcp_flags_of(Direction::ToServer),
        session.tcp_flags_of(Direction::ToClient),
    );
    let all = to_server | to_client;
    out.display("tcp_flags", format_args!("{all:02x}"));
    out.display("tcp_flags_ts", format_args!("{to_server:02x}"));
    out.display("tcp_flags_tc", format_args!("{to_client:02x}"));
    tcp_flags(out, all);
    out.str("state", session.state().as_str());
    for (direction, gap, regions, urgent) in [
        (
            Direction::ToServer,
            "ts_gap",
            "ts_max_regions",
            "ts_urgent_oob_data",
        ),
        (
            Direction::ToClient,
            "tc_gap",
            "tc_max_regions",
            "tc_urgent_oob_data",
        ),
    ] {
        if session.has_gap(direction) {
            out.bool(gap, true);
        }
        out.uint(regions, u64::from(session.max_regions(direction)));
        let oob = session.urgent_oob_bytes(direction);
        if oob > 0 {
            out.uint(urgent, u64::from(oob));
        }
    }
    out.end();
}
