//! The single conditions of a rule, one JSON object each.

use decode::packet::Ipv4Options;
use event::json::Writer;
use rules::rule::{
    BitChange, BufferMatch, Compare, Condition, Content, Effect, FileText, PayloadMatch, Value,
};

/// Bits of `ipopts` by name.
const IP_OPTIONS: &[(u16, &str)] = &[
    (Ipv4Options::RR, "rr"),
    (Ipv4Options::EOL, "eol"),
    (Ipv4Options::NOP, "nop"),
    (Ipv4Options::TS, "ts"),
    (Ipv4Options::SEC, "sec"),
    (Ipv4Options::ESEC, "esec"),
    (Ipv4Options::LSRR, "lsrr"),
    (Ipv4Options::SSRR, "ssrr"),
    (Ipv4Options::SATID, "satid"),
    (Ipv4Options::CIPSO, "cipso"),
    (Ipv4Options::RTRALT, "rtralt"),
    (0x8000, "any"),
];

const WITHIN_IS_DEPTH: &str =
    "'within' option for pattern w/o previous content was converted to 'depth'";
const LOOKS_LIKE_HTTP: &str = "pattern looks like it inspects HTTP, use http.request_line or http.method and http.uri instead for improved performance";
const LOOKS_LIKE_AGENT: &str = "pattern looks like it inspects HTTP, use http.user_agent or http.header for improved performance";

/// `"matches": […]` of conditions outside buffers.
pub(super) fn conditions<'a>(conditions: impl Iterator<Item = &'a Condition>, out: &mut Writer) {
    out.array("matches");
    for condition in conditions {
        out.begin();
        out.str("name", condition_name(condition));
        condition_fields(condition, out);
        out.end();
    }
    out.end_array();
}

/// The keyword of a condition.
pub(super) fn condition_name(condition: &Condition) -> &str {
    match condition {
        Condition::Flow(_) => "flow",
        Condition::Flowbits { .. } => "flowbits",
        Condition::Flowint(_) => "flowint",
        Condition::Xbits(..) => "xbits",
        Condition::Hostbits(..) => "hostbits",
        Condition::Dsize(_) => "dsize",
        Condition::StreamSize(..) => "stream_size",
        Condition::TcpFlags { .. } => "tcp.flags",
        Condition::TcpWindow(_) => "tcp.window",
        Condition::TcpSequence(_) => "tcp.seq",
        Condition::TcpAcknowledgement(_) => "tcp.ack",
        Condition::TcpMss(_) => "tcp.mss",
        Condition::TcpWindowScale(_) => "tcp.wscale",
        Condition::Ttl(_) => "ttl",
        Condition::Tos(_) => "tos",
        Condition::IpId(_) => "id",
        Condition::IpProto(_) => "ip_proto",
        Condition::IpOpts(_) => "ipopts",
        Condition::FragBits { .. } => "fragbits",
        Condition::FragOffset(_) => "fragoffset",
        Condition::SameIp => "sameip",
        Condition::IcmpType(_) => "itype",
        Condition::IcmpCode(_) => "icode",
        Condition::IcmpId(_) => "icmp_id",
        Condition::IcmpSequence(_) => "icmp_seq",
        Condition::Icmpv6Mtu(_) => "icmpv6.mtu",
        Condition::Keyword { name, .. } => name,
        Condition::IpReputation { .. } => "iprep",
        Condition::AppLayerProtocol { .. } => "app-layer-protocol",
        Condition::AppLayerEvent { .. } => "app-layer-event",
        Condition::DecodeEvent(_) => "decode-event",
        Condition::StreamEvent(_) => "stream-event",
        Condition::Checksum { .. } => "csum",
        Condition::FileText { of, .. } => match of {
            FileText::Name => "filename",
            FileText::Extension => "fileext",
            FileText::Magic => "filemagic",
        },
        Condition::FileSize(_) => "filesize",
        Condition::FileHash { kind, .. } => kind,
        Condition::Number { number, .. } => number.keyword(),
        Condition::FlowCount { of_bytes, .. } => {
            if *of_bytes {
                "flow.bytes"
            } else {
                "flow.pkts"
            }
        }
        Condition::FlowAge(_) => "flow.age",
        Condition::VlanId(..) => "vlan.id",
        Condition::VlanLayers(_) => "vlan.layers",
        Condition::UriLen(..) => "urilen",
    }
}

fn condition_fields(condition: &Condition, out: &mut Writer) {
    match condition {
        Condition::Flowbits { names, is_negated } => {
            bits(if *is_negated { "isnotset" } else { "isset" }, names, out);
        }
        Condition::Dsize(compare) => number("dsize", compare, out),
        Condition::FlowAge(compare) => number("flow_age", compare, out),
        Condition::IcmpCode(compare) => number("code", compare, out),
        Condition::IcmpType(compare) => number("type", compare, out),
        Condition::Ttl(compare) => number("ttl", compare, out),
        Condition::TcpSequence(compare) => exact("seq", compare, out),
        Condition::TcpAcknowledgement(compare) => exact("ack", compare, out),
        Condition::IcmpId(id) => exact("id", &Compare::Equal((*id).into()), out),
        Condition::IcmpSequence(sequence) => {
            exact("seq", &Compare::Equal((*sequence).into()), out);
        }
        Condition::IpOpts(bit) => {
            let name = IP_OPTIONS.iter().find(|(known, _)| known == bit);
            out.object("ipopts");
            out.str("option", name.map_or("", |(_, name)| name));
            out.end();
        }
        _ => {}
    }
}

/// A comparison with one number is told as that number.
fn exact(key: &str, compare: &Compare, out: &mut Writer) {
    match compare {
        Compare::Equal(value) => {
            out.object(key);
            out.uint("number", *value);
            out.end();
        }
        other => number(key, other, out),
    }
}

fn number(key: &str, compare: &Compare, out: &mut Writer) {
    out.object(key);
    let mut pair = |key: &str, (left, right): (&str, &str), a: u64, b: u64| {
        out.object(key);
        out.uint(left, a);
        out.uint(right, b);
        out.end();
    };
    const ENDS: (&str, &str) = ("min", "max");
    const BITS: (&str, &str) = ("mask", "value");
    match *compare {
        Compare::Between(low, high) => pair("range", ENDS, low, high),
        Compare::Outside(low, high) => pair("negated_range", ENDS, low, high),
        Compare::Masked {
            mask,
            value,
            is_negated,
        } => {
            let key = if is_negated {
                "negated_bitmask"
            } else {
                "bitmask"
            };
            pair(key, BITS, mask, value);
        }
        Compare::Equal(value) => out.uint("equal", value),
        Compare::NotEqual(value) => out.uint("diff", value),
        Compare::Less(value) => out.uint("lt", value),
        Compare::LessOrEqual(value) => out.uint("lte", value),
        Compare::Greater(value) => out.uint("gt", value),
        Compare::GreaterOrEqual(value) => out.uint("gte", value),
    }
    out.end();
}

fn bits(command: &str, names: &[String], out: &mut Writer) {
    out.object("flowbits");
    out.str("cmd", command);
    out.array("names");
    names.iter().for_each(|name| out.item_str(name));
    out.end_array();
    if names.len() > 1 {
        out.str("operator", "or");
    }
    out.end();
}

/// `"matches": […]` of what a match changes.
pub(super) fn effects(effects: &[Effect], out: &mut Writer) {
    out.array("matches");
    for effect in effects {
        out.begin();
        match effect {
            Effect::Flowbits(change, names) => {
                let command = match change {
                    BitChange::Set => "set",
                    BitChange::Unset => "unset",
                    BitChange::Toggle => "toggle",
                };
                out.str("name", "flowbits");
                bits(command, names, out);
            }
            Effect::Flowint { .. } => out.str("name", "flowint"),
            Effect::Xbits(..) => out.str("name", "xbits"),
            Effect::Hostbits(..) => out.str("name", "hostbits"),
            Effect::Tag { .. } => out.str("name", "tag"),
            Effect::Filestore { .. } => out.str("name", "filestore"),
            Effect::Bypass => out.str("name", "bypass"),
            Effect::Keyword { name, .. } => out.str("name", name),
        }
        out.end();
    }
    out.end_array();
}

/// `"matches": […]` of what is looked for in a buffer.
pub(super) fn payload(
    buffer: &BufferMatch,
    found_by: Option<&Content>,
    notes: &mut Vec<&'static str>,
    out: &mut Writer,
) {
    out.array("matches");
    for (at, found) in buffer.matches.iter().enumerate() {
        out.begin();
        match found {
            PayloadMatch::Content(content) => {
                let is_found_by = found_by.is_some_and(|by| std::ptr::eq(by, content));
                out.str("name", "content");
                out.object("content");
                content_fields(buffer, content, is_found_by, out);
                out.end();
                if content.within.is_some() && !has_anchor(buffer, at) {
                    notes.push(WITHIN_IS_DEPTH);
                }
                let begins = |texts: &[&str]| {
                    texts
                        .iter()
                        .any(|text| content.bytes.starts_with(text.as_bytes()))
                };
                if begins(&["GET /", "POST /", "HEAD /", "PUT /"]) {
                    notes.push(LOOKS_LIKE_HTTP);
                }
                if begins(&["User-Agent: ", "\nUser-Agent: "]) {
                    notes.push(LOOKS_LIKE_AGENT);
                }
            }
            PayloadMatch::Pcre(pcre) => {
                out.str("name", "pcre");
                out.object("pcre");
                out.bool("relative", pcre.is_relative);
                out.bool("relative_next", is_followed(buffer, at));
                out.bool("nocase", pcre.options.contains('i'));
                out.bool("negated", pcre.is_negated);
                out.end();
            }
            PayloadMatch::ByteTest(_) => out.str("name", "byte_test"),
            PayloadMatch::ByteJump(_) => out.str("name", "byte_jump"),
            PayloadMatch::ByteExtract(_) => out.str("name", "byte_extract"),
            PayloadMatch::ByteMath(_) => out.str("name", "byte_math"),
            PayloadMatch::IsDataAt { .. } => out.str("name", "isdataat"),
            PayloadMatch::Bsize(_) => out.str("name", "bsize"),
            PayloadMatch::Base64Decode { .. } => out.str("name", "base64_decode"),
            PayloadMatch::Dataset(_) => out.str("name", "dataset"),
            PayloadMatch::Datarep { .. } => out.str("name", "datarep"),
            PayloadMatch::Absent { .. } => out.str("name", "absent"),
            PayloadMatch::Entropy { .. } => out.str("name", "entropy"),
        }
        out.end();
    }
    out.end_array();
}

/// Whether something stands before `at` that a relative content follows.
fn has_anchor(buffer: &BufferMatch, at: usize) -> bool {
    buffer.matches.iter().take(at).any(|found| {
        matches!(
            found,
            PayloadMatch::Content(_)
                | PayloadMatch::Pcre(_)
                | PayloadMatch::ByteJump(_)
                | PayloadMatch::ByteExtract(_)
                | PayloadMatch::ByteMath(_)
        )
    })
}

/// Whether what stands after `at` is relative to it.
fn is_followed(buffer: &BufferMatch, at: usize) -> bool {
    match buffer.matches.get(at + 1) {
        Some(PayloadMatch::Content(content)) => {
            content.distance.is_some() || content.within.is_some()
        }
        Some(PayloadMatch::Pcre(pcre)) => pcre.is_relative,
        Some(PayloadMatch::IsDataAt { is_relative, .. }) => *is_relative,
        Some(PayloadMatch::ByteTest(test)) => test.is_relative,
        Some(PayloadMatch::ByteJump(jump)) => jump.is_relative,
        Some(PayloadMatch::ByteExtract(extract)) => extract.is_relative,
        Some(PayloadMatch::ByteMath(math)) => math.is_relative,
        _ => false,
    }
}

/// The fields of a content. One that nothing stands before counts from the buffer's start.
pub(super) fn content_fields(
    buffer: &BufferMatch,
    content: &Content,
    is_found_by: bool,
    out: &mut Writer,
) {
    let at = buffer
        .matches
        .iter()
        .position(|found| matches!(found, PayloadMatch::Content(c) if std::ptr::eq(c, content)))
        .unwrap_or(0);
    let literal = |value: &Option<Value>| match value {
        Some(Value::Number(number)) => Some(*number),
        Some(Value::Variable(_)) | None => None,
    };
    let (mut offset, mut depth) = (literal(&content.offset), literal(&content.depth));
    let (mut distance, mut within) = (literal(&content.distance), literal(&content.within));
    if !has_anchor(buffer, at) {
        if let Some(within) = within.take() {
            depth = Some(within + distance.unwrap_or(0));
        }
        if let Some(distance) = distance.take() {
            offset = Some(distance);
        }
    }
    if content.is_at_start {
        offset = None;
        depth.get_or_insert(content.bytes.len() as i64);
    }
    let is_relative = distance.is_some() || within.is_some();
    let is_alone = at == 0
        && offset.is_none()
        && depth.is_none()
        && !is_relative
        && !content.is_at_end
        && !is_followed(buffer, at);
    out.str("pattern", &pattern(&content.bytes));
    out.uint("length", content.bytes.len() as u64);
    out.bool("nocase", content.is_nocase);
    out.bool("negated", content.is_negated);
    out.bool("starts_with", content.is_at_start);
    out.bool("ends_with", content.is_at_end);
    out.bool("is_mpm", is_found_by);
    // Where the prefilter found the whole pattern anywhere, that is all there is to know.
    out.bool(
        "no_double_inspect",
        is_found_by && is_alone && !content.is_negated,
    );
    for (key, value) in [
        ("offset", offset),
        ("depth", depth),
        ("distance", distance),
        ("within", within),
    ] {
        if let Some(value) = value {
            out.int(key, value);
        }
    }
    out.bool("fast_pattern", content.fast_pattern.is_some());
    out.bool("relative_next", is_followed(buffer, at));
}

/// Bytes as a rule writes them: what is not plain text between bars.
fn pattern(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(bytes.len());
    let mut is_hex = false;
    for byte in bytes {
        let is_plain =
            byte.is_ascii_graphic() && !matches!(byte, b'|' | b'"' | b';' | b'\\' | b':');
        match (is_plain, is_hex) {
            (true, true) => out.push('|'),
            (false, true) => out.push(' '),
            (false, false) => out.push('|'),
            (true, false) => {}
        }
        if is_plain {
            out.push(char::from(*byte));
        } else {
            let _ = write!(out, "{byte:02X}");
        }
        is_hex = !is_plain;
    }
    if is_hex {
        out.push('|');
    }
    out
}
