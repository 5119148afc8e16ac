//! Explains rules: for each one a JSON object that tells what detection makes of it: when it is
//! looked at, what it needs, what finds it, what it looks for and where. The fields are those of
//! Suricata's `rules.json`.

mod matches;

use super::classify::{self, Class, classify, is_header};
use super::fast_pattern;
use super::names::buffer_name;
use super::signature::Kind;
use decode::packet::Tcp;
use event::buffer::Ways;
use event::json::Writer;
use event::{AppProtocol, Buffer, Direction};
use rules::rule::{
    BufferMatch, Compare, Condition, Content, Effect, FileText, PayloadMatch, Protocol, Rule,
    Target,
};

/// One line of JSON for each rule, in the order given.
#[must_use]
pub fn explain(rules: &[Rule]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut line = Writer::new();
    for rule in rules {
        one(rule, &mut line);
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    out
}

/// A rule and what was decided for it.
struct Explained<'a> {
    rule: &'a Rule,
    class: Class,
    /// The content that finds it, and the buffer it stands in.
    found_by: Option<(&'a BufferMatch, &'a Content)>,
    notes: Vec<&'static str>,
}

fn one(rule: &Rule, out: &mut Writer) {
    let found_by = fast_pattern::choose(rule).and_then(|choice| {
        let buffer = rule.buffers.get(choice.buffer)?;
        let content = buffer.matches.iter().find_map(|found| match found {
            PayloadMatch::Content(content)
                if !content.is_negated && content.bytes.ends_with(&choice.bytes) =>
            {
                Some(content)
            }
            _ => None,
        })?;
        Some((buffer, content))
    });
    let mut explained = Explained {
        rule,
        class: classify(rule),
        found_by,
        notes: Vec::new(),
    };
    out.clear();
    out.begin();
    out.str("raw", &rule.text);
    out.uint("id", rule.sid.into());
    out.uint("gid", rule.gid.into());
    out.uint("rev", rule.rev.into());
    out.str("msg", &rule.msg);
    out.str("app_proto", explained.app_protocol());
    explained.requirements(out);
    out.str("type", explained.kind());
    explained.flags(out);
    explained.packet_engines(out);
    explained.engines(out);
    explained.lists(out);
    explained.found_by(out);
    if !explained.notes.is_empty() {
        out.array("notes");
        explained.notes.iter().for_each(|note| out.item_str(note));
        out.end_array();
    }
    out.end();
}

/// The names that Suricata's analysis has for protocols: there `http` is HTTP/1 alone.
fn protocol_name(protocol: AppProtocol) -> &'static str {
    match protocol {
        AppProtocol::Http => "http_any",
        AppProtocol::Http1 => "http",
        other => other.as_str(),
    }
}

impl<'a> Explained<'a> {
    fn app_protocol(&self) -> &'static str {
        match self.rule.protocol {
            Protocol::App(protocol) => protocol_name(protocol),
            _ => "unknown",
        }
    }

    fn kind(&self) -> &'static str {
        match self.class.kind {
            Kind::DecoderEvent => "de_only",
            Kind::IpOnly => "ip_only",
            Kind::LikeIpOnly => "like_ip_only",
            Kind::ProtocolOnly => "pd_only",
            Kind::Packet => "pkt",
            Kind::PacketStream => "pkt_stream",
            Kind::Stream => "stream",
            Kind::App => "app_layer",
            Kind::Transaction => "app_tx",
        }
    }

    fn payload(&self) -> Option<&'a BufferMatch> {
        self.rule
            .buffers
            .iter()
            .find(|buffer| buffer.buffer == Buffer::Payload)
    }

    /// Conditions that are held against packets. A direction alone is part of the class.
    fn packet_conditions(&self) -> impl Iterator<Item = &'a Condition> {
        self.rule
            .conditions
            .iter()
            .filter(|condition| match condition {
                Condition::Flow(flow) => {
                    flow.established.is_some()
                        || flow.stateless
                        || flow.stream.is_some()
                        || flow.fragment.is_some()
                }
                other => !classify::is_transaction_condition(other),
            })
    }

    fn requirements(&self, out: &mut Writer) {
        let conditions = || self.rule.conditions.iter();
        let dsize = conditions().find_map(|condition| match condition {
            Condition::Dsize(compare) => Some(*compare),
            _ => None,
        });
        let wants_payload = self.payload().is_some()
            || matches!(
                dsize,
                Some(
                    Compare::Greater(_)
                        | Compare::GreaterOrEqual(_)
                        | Compare::Between(..)
                        | Compare::NotEqual(0)
                )
            );
        let flags = conditions().find_map(|condition| match condition {
            Condition::TcpFlags { bits, .. } => Some(*bits),
            _ => None,
        });
        let has_event = conditions().any(|condition| {
            matches!(
                condition,
                Condition::DecodeEvent(_)
                    | Condition::StreamEvent(_)
                    | Condition::AppLayerEvent { protocol: None, .. }
            )
        });
        let of_flow = matches!(self.rule.protocol, Protocol::App(_))
            || self.class.kind == Kind::Transaction
            || self.packet_conditions().any(|condition| {
                matches!(
                    condition,
                    Condition::Flow(_)
                        | Condition::Flowbits { .. }
                        | Condition::Flowint(_)
                        | Condition::FlowAge(_)
                        | Condition::FlowCount { .. }
                        | Condition::StreamSize(..)
                        | Condition::AppLayerProtocol { .. }
                )
            });
        let opens_or_ends = flags.is_some_and(|bits| bits & (Tcp::SYN | Tcp::FIN | Tcp::RST) != 0);
        let needs_real = dsize.is_some() || flags.is_some();
        out.array("requirements");
        for (is_so, name) in [
            (wants_payload, "payload"),
            (dsize == Some(Compare::Equal(0)), "no_payload"),
            (of_flow, "flow"),
            (opens_or_ends, "tcp_flags_init_deinit"),
            (has_event, "engine_event"),
            (needs_real, "real_pkt"),
        ] {
            if is_so {
                out.item_str(name);
            }
        }
        out.end_array();
    }

    fn flags(&self, out: &mut Writer) {
        let rule = self.rule;
        let effect = |wanted: fn(&Effect) -> bool| rule.effects.iter().any(wanted);
        let is_app =
            matches!(rule.protocol, Protocol::App(_)) || self.class.kind == Kind::Transaction;
        let looks_at_payload = self.payload().is_some();
        let asks_flow = self
            .packet_conditions()
            .any(|c| matches!(c, Condition::Flowbits { .. } | Condition::Flowint(_)));
        out.array("flags");
        for (is_so, name) in [
            (rule.source.is_any(), "src_any"),
            (rule.destination.is_any(), "dst_any"),
            (rule.source_ports.is_any(), "sp_any"),
            (rule.destination_ports.is_any(), "dp_any"),
            (rule.is_silent, "noalert"),
            (is_app, "applayer"),
            (
                (looks_at_payload && self.class.wants_packet) || self.class.needs_real_packet,
                "need_packet",
            ),
            (looks_at_payload && self.class.wants_stream, "need_stream"),
            (asks_flow, "need_flowvar"),
            (
                effect(|e| matches!(e, Effect::Filestore { .. })),
                "filestore",
            ),
            (self.class.directions[0], "toserver"),
            (self.class.directions[1], "toclient"),
            (effect(|e| matches!(e, Effect::Bypass)), "bypass"),
            (self.found_by.is_some(), "prefilter"),
            (self.class.kind == Kind::ProtocolOnly, "proto_detect_only"),
            (rule.target == Some(Target::Source), "src_is_target"),
            (rule.target == Some(Target::Destination), "dst_is_target"),
        ] {
            if is_so {
                out.item_str(name);
            }
        }
        out.end_array();
    }

    fn packet_engines(&self, out: &mut Writer) {
        let is_of_packets = self.class.kind != Kind::Transaction;
        let mut engines = Vec::new();
        if is_of_packets && let Some(payload) = self.payload() {
            engines.push(("payload", self.is_found_in(payload)));
        }
        if self.packet_conditions().next().is_some() {
            engines.push(("packet", false));
        }
        out.array("pkt_engines");
        for (name, is_found_by) in engines {
            out.begin();
            out.str("name", name);
            out.bool("is_mpm", is_found_by);
            out.end();
        }
        out.end_array();
    }

    fn is_found_in(&self, buffer: &BufferMatch) -> bool {
        self.found_by
            .is_some_and(|(found, _)| std::ptr::eq(found, buffer))
    }

    /// What is looked for in transactions: for each buffer, protocol and direction.
    fn engines(&mut self, out: &mut Writer) {
        if self.class.kind != Kind::Transaction {
            return;
        }
        let rule = self.rule;
        out.array("engines");
        for buffer in &rule.buffers {
            if !classify::is_of_transaction(buffer.buffer) {
                continue;
            }
            for protocol in self.protocols(buffer.buffer.protocols()) {
                for direction in self.directions(buffer) {
                    let name = buffer_name(buffer.buffer);
                    let is_found_by = self.is_found_in(buffer);
                    self.begin_engine(name, direction, is_found_by, protocol, out);
                    self.matches(buffer, out);
                    out.end();
                }
            }
        }
        for condition in &rule.conditions {
            self.condition_engine(condition, out);
        }
        if let Some(payload) = self.payload() {
            for direction in self.class_directions() {
                let is_found_by = self.is_found_in(payload);
                self.begin_engine("stream", direction, is_found_by, None, out);
                self.matches(payload, out);
                out.end();
            }
        }
        out.end_array();
    }

    fn condition_engine(&mut self, condition: &Condition, out: &mut Writer) {
        if !classify::is_transaction_condition(condition) {
            return;
        }
        let (name, protocol) = match condition {
            Condition::AppLayerEvent { protocol, .. } => ("app-layer-events", *protocol),
            Condition::FileText { of, .. } => (
                match of {
                    FileText::Magic => "file.magic",
                    FileText::Name | FileText::Extension => "file.name",
                },
                None,
            ),
            Condition::FileSize(_) | Condition::FileHash { .. } => ("files", None),
            Condition::UriLen(..) => ("http_uri", None),
            Condition::Number { number, .. } => (number.keyword(), None),
            _ => ("generic", None),
        };
        for direction in self.class_directions() {
            self.begin_engine(name, direction, false, protocol, out);
            matches::conditions(std::iter::once(condition), out);
            out.end();
        }
    }

    fn begin_engine(
        &self,
        name: &str,
        direction: Direction,
        is_found_by: bool,
        protocol: Option<AppProtocol>,
        out: &mut Writer,
    ) {
        out.begin();
        out.str("name", name);
        out.str(
            "direction",
            match direction {
                Direction::ToServer => "toserver",
                Direction::ToClient => "toclient",
            },
        );
        out.bool("is_mpm", is_found_by);
        let name = protocol.map_or(self.app_protocol(), protocol_name);
        out.str("app_proto", name);
    }

    /// Protocols of a buffer that the rule may be about, those that were named by none once.
    fn protocols(&self, of: &[AppProtocol]) -> Vec<Option<AppProtocol>> {
        let asked = match self.rule.protocol {
            Protocol::App(protocol) => Some(protocol),
            _ => None,
        };
        let mut fitting: Vec<_> = of
            .iter()
            .filter(|protocol| asked.is_none_or(|asked| asked.covers(**protocol)))
            .map(|protocol| Some(*protocol))
            .collect();
        // As in Suricata, what is found by a pattern stands in the order of the pattern's engines.
        if self.found_by.is_some() {
            fitting.reverse();
        }
        if fitting.is_empty() {
            fitting.push(None);
        }
        fitting
    }

    fn directions(&self, buffer: &BufferMatch) -> Vec<Direction> {
        let ways = buffer.buffer.ways();
        let fits = |direction: &Direction| {
            ways.has(*direction)
                && buffer.direction.is_none_or(|only| only == *direction)
                && (ways != Ways::Both || self.class.directions[usize::from(*direction)])
        };
        Direction::BOTH.into_iter().filter(fits).collect()
    }

    fn class_directions(&self) -> Vec<Direction> {
        let fits = |direction: &Direction| self.class.directions[usize::from(*direction)];
        Direction::BOTH.into_iter().filter(fits).collect()
    }

    fn lists(&mut self, out: &mut Writer) {
        out.object("lists");
        if self.packet_conditions().next().is_some() {
            out.object("packet");
            matches::conditions(self.packet_conditions(), out);
            out.end();
        }
        if self.class.kind != Kind::Transaction
            && let Some(payload) = self.payload()
        {
            out.object("payload");
            self.matches(payload, out);
            out.end();
        }
        for buffer in &self.rule.buffers {
            if is_header(buffer.buffer) || buffer.buffer == Buffer::Base64Data {
                out.object(buffer_name(buffer.buffer));
                self.matches(buffer, out);
                out.end();
            }
        }
        if !self.rule.effects.is_empty() {
            out.object("postmatch");
            matches::effects(&self.rule.effects, out);
            out.end();
        }
        out.end();
    }

    fn matches(&mut self, buffer: &BufferMatch, out: &mut Writer) {
        let found_by = self.found_by.map(|(_, content)| content);
        matches::payload(buffer, found_by, &mut self.notes, out);
    }

    /// What finds the rule: a content, or a condition that was asked to.
    fn found_by(&mut self, out: &mut Writer) {
        if let Some(condition) = self
            .rule
            .prefilter
            .and_then(|at| self.rule.conditions.get(at))
        {
            out.object("prefilter");
            out.str("buffer", "packet");
            out.str("name", matches::condition_name(condition));
            out.end();
        } else if let Some((buffer, content)) = self.found_by {
            out.object("mpm");
            out.str("buffer", buffer_name(buffer.buffer));
            matches::content_fields(buffer, content, true, out);
            out.end();
        }
    }
}

#[cfg(test)]
mod tests;
