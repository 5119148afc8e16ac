//! EVE's objects `dns`, in versions 3 and 2, and `mdns`.

use super::config::{LogSettings, Version};
use super::kinds::{Rcode, RecordType};
use super::message::{Header, Message, Query, Rdata, Record};
use super::name::Name;
use super::transaction::{DnsTransaction, Kind};
use event::json::Writer;
use std::fmt;

/// Flags and their names, from the highest bit.
const FLAGS: [(u16, &str); 6] = [
    (0x8000, "qr"),
    (0x400, "aa"),
    (0x200, "tc"),
    (0x100, "rd"),
    (0x80, "ra"),
    (0x40, "z"),
];

/// Flags as multicast DNS lists them.
const MDNS_FLAGS: [(u16, &str); 7] = [
    (0x400, "aa"),
    (0x200, "tc"),
    (0x100, "rd"),
    (0x80, "ra"),
    (0x40, "z"),
    (0x20, "ad"),
    (0x10, "cd"),
];

/// Types whose answers are grouped.
const GROUPED: [u16; 11] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::CNAME,
    RecordType::MX,
    RecordType::NS,
    RecordType::NULL,
    RecordType::PTR,
    RecordType::SOA,
    RecordType::SRV,
    RecordType::SSHFP,
    RecordType::TXT,
];

/// Writes `"dns": {…}`. `index` counts the questions that have a record each in version 2.
pub(super) fn write_dns(
    tx: &DnsTransaction,
    settings: &LogSettings,
    index: usize,
    out: &mut Writer,
) {
    out.object("dns");
    match settings.version {
        Version::V3 => v3(tx, settings, out),
        Version::V2 => v2(tx, settings, index, out),
    }
    out.end();
}

/// Number of records that a message has.
pub(super) fn count(tx: &DnsTransaction, settings: &LogSettings) -> usize {
    match (settings.version, tx.kind) {
        (Version::V2, Kind::Request) => questions(tx, settings).count(),
        (Version::V2, Kind::Response) | (Version::V3, _) => 1,
    }
}

/// Questions that are recorded.
fn questions<'a>(
    tx: &'a DnsTransaction,
    settings: &'a LogSettings,
) -> impl Iterator<Item = &'a Query> {
    tx.message
        .queries
        .iter()
        .filter(|query| settings.has_type(query.rrtype))
}

fn v3(tx: &DnsTransaction, settings: &LogSettings, out: &mut Writer) {
    let message = &tx.message;
    out.uint("version", 3);
    out.str("type", kind_word(tx.kind));
    out.uint("tx_id", tx.id);
    out.uint("id", message.header.id.into());
    header(&message.header, out);
    out.display("rcode", Rcode(message.header.rcode()));
    if !message.queries.is_empty() {
        out.array("queries");
        for query in message
            .queries
            .iter()
            .filter(|query| settings.has_type(query.rrtype))
        {
            out.begin();
            name("rrname", query.name, message, out);
            out.display("rrtype", RecordType(query.rrtype));
            truncated("rrname_truncated", query.name, out);
            out.end();
        }
        out.end_array();
    }
    sections(message, settings, out);
}

fn v2(tx: &DnsTransaction, settings: &LogSettings, index: usize, out: &mut Writer) {
    let message = &tx.message;
    out.uint("version", 2);
    match tx.kind {
        Kind::Request => {
            out.str("type", "query");
            out.uint("id", message.header.id.into());
            if let Some(query) = questions(tx, settings).nth(index) {
                v2_question(query, message, out);
            }
            out.uint("tx_id", tx.id);
            if message.header.flags & 0x40 != 0 {
                out.bool("z", true);
            }
            out.uint("opcode", message.header.opcode().into());
        }
        Kind::Response => {
            out.str("type", "answer");
            out.uint("id", message.header.id.into());
            header(&message.header, out);
            if let Some(query) = message.queries.first() {
                v2_question(query, message, out);
            }
            out.display("rcode", Rcode(message.header.rcode()));
            sections(message, settings, out);
        }
    }
}

fn v2_question(query: &Query, message: &Message, out: &mut Writer) {
    name("rrname", query.name, message, out);
    out.display("rrtype", RecordType(query.rrtype));
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Request => "request",
        Kind::Response => "response",
    }
}

fn header(header: &Header, out: &mut Writer) {
    out.display("flags", format_args!("{:x}", header.flags));
    for (_, flag) in FLAGS.iter().filter(|(bit, _)| header.flags & bit != 0) {
        out.bool(flag, true);
    }
    out.uint("opcode", header.opcode().into());
}

fn sections(message: &Message, settings: &LogSettings, out: &mut Writer) {
    if !message.answers.is_empty() {
        if settings.formats.is_detailed() {
            out.array("answers");
            let answers = message.answers.iter();
            answers.for_each(|record| detail(Section::Answers, record, message, out));
            out.end_array();
        }
        if settings.formats.is_grouped() {
            grouped(message, out);
        }
    }
    if !message.authorities.is_empty() {
        out.array("authorities");
        let authorities = message.authorities.iter();
        authorities.for_each(|record| detail(Section::Authorities, record, message, out));
        out.end_array();
    }
    let write = |record: &Record, message: &Message, out: &mut Writer| {
        detail(Section::Additionals, record, message, out);
    };
    additionals(message, write, out);
}

/// Where a record stands. The schema allows each section its own members.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Answers,
    Authorities,
    Additionals,
}

/// Additional records, without the empty OPT that most messages carry.
fn additionals(message: &Message, write: fn(&Record, &Message, &mut Writer), out: &mut Writer) {
    let is_told = |record: &&Record| match record.data {
        Rdata::Options(span) => !span.of(&message.bytes).is_empty(),
        _ => true,
    };
    let mut told = message.additionals.iter().filter(is_told).peekable();
    if told.peek().is_some() {
        out.array("additionals");
        told.for_each(|record| write(record, message, out));
        out.end_array();
    }
}

/// One object; for TXT, one for each text.
fn detail(section: Section, record: &Record, message: &Message, out: &mut Writer) {
    if let Rdata::Texts(span) = record.data {
        for text in message.texts(span) {
            begin_detail(section, record, message, out);
            out.bytes("rdata", text);
            out.end();
        }
        return;
    }
    begin_detail(section, record, message, out);
    let object = match (&record.data, section) {
        (Rdata::Authority { .. }, Section::Answers | Section::Authorities) => Some("soa"),
        (Rdata::Service { .. }, Section::Answers) => Some("srv"),
        (Rdata::KeyFingerprint { .. }, Section::Answers) => Some("sshfp"),
        _ => None,
    };
    if let Some(key) = object {
        out.object(key);
        structured(&record.data, message, out);
        out.end();
    }
    match record.data {
        Rdata::Address(span) => out.display("rdata", Address(span.of(&message.bytes))),
        Rdata::Name(target) => {
            name("rdata", target, message, out);
            if section == Section::Authorities {
                truncated("rdata_truncated", target, out);
            }
        }
        Rdata::Null(span) => out.bytes("rdata", span.of(&message.bytes)),
        Rdata::Options(_) if section == Section::Additionals => {
            options("opt", &record.data, message, out);
        }
        Rdata::Authority { .. }
        | Rdata::Service { .. }
        | Rdata::KeyFingerprint { .. }
        | Rdata::Options(_)
        | Rdata::Texts(_)
        | Rdata::Other(_) => {}
    }
    out.end();
}

fn begin_detail(section: Section, record: &Record, message: &Message, out: &mut Writer) {
    out.begin();
    name("rrname", record.name, message, out);
    if section == Section::Authorities {
        truncated("rrname_truncated", record.name, out);
    }
    out.display("rrtype", RecordType(record.rrtype));
    out.uint("ttl", record.ttl.into());
}

fn grouped(message: &Message, out: &mut Writer) {
    out.object("grouped");
    for rrtype in GROUPED {
        let is_member =
            |record: &&Record| record.rrtype == rrtype && !matches!(record.data, Rdata::Other(_));
        let mut members = message.answers.iter().filter(is_member).peekable();
        if members.peek().is_some() {
            out.array(RecordType(rrtype).name().unwrap_or_default());
            members.for_each(|record| group_item(record, message, out));
            out.end_array();
        }
    }
    out.end();
}

fn group_item(record: &Record, message: &Message, out: &mut Writer) {
    match record.data {
        Rdata::Address(span) => {
            out.item_str(&Address(span.of(&message.bytes)).to_string());
        }
        Rdata::Name(target) => out.item_bytes(target.of(&message.bytes)),
        Rdata::Texts(span) => message.texts(span).for_each(|text| out.item_bytes(text)),
        Rdata::Null(span) => out.item_bytes(span.of(&message.bytes)),
        Rdata::Authority { .. } | Rdata::Service { .. } | Rdata::KeyFingerprint { .. } => {
            out.begin();
            structured(&record.data, message, out);
            out.end();
        }
        Rdata::Options(_) | Rdata::Other(_) => {}
    }
}

/// The members of the object that a record with several fields becomes.
fn structured(data: &Rdata, message: &Message, out: &mut Writer) {
    match data {
        Rdata::Authority {
            primary,
            mailbox,
            numbers,
        } => {
            name("mname", *primary, message, out);
            truncated("mname_truncated", *primary, out);
            name("rname", *mailbox, message, out);
            let keys = ["serial", "refresh", "retry", "expire", "minimum"];
            for (key, number) in keys.iter().zip(numbers) {
                out.uint(key, u64::from(*number));
            }
        }
        Rdata::Service { numbers, target } => {
            for (key, number) in ["priority", "weight", "port"].iter().zip(numbers) {
                out.uint(key, u64::from(*number));
            }
            name("name", *target, message, out);
        }
        Rdata::KeyFingerprint {
            algorithm,
            kind,
            fingerprint,
        } => {
            out.hex("fingerprint", fingerprint.of(&message.bytes), ":");
            out.uint("algo", u64::from(*algorithm));
            out.uint("type", u64::from(*kind));
        }
        Rdata::Address(_)
        | Rdata::Name(_)
        | Rdata::Texts(_)
        | Rdata::Null(_)
        | Rdata::Options(_)
        | Rdata::Other(_) => {}
    }
}

fn options(key: &str, data: &Rdata, message: &Message, out: &mut Writer) {
    let Rdata::Options(span) = data else { return };
    out.array(key);
    for (code, value) in message.options(*span) {
        out.begin();
        out.uint("code", code.into());
        out.hex("data", value, "");
        out.end();
    }
    out.end_array();
}

fn name(key: &str, name: Name, message: &Message, out: &mut Writer) {
    out.bytes(key, name.of(&message.bytes));
}

fn truncated(key: &str, name: Name, out: &mut Writer) {
    if name.is_truncated {
        out.bool(key, true);
    }
}

/// Writes `"mdns": {…}`.
pub(super) fn write_mdns(tx: &DnsTransaction, out: &mut Writer) {
    let message = &tx.message;
    out.object("mdns");
    out.str("type", kind_word(tx.kind));
    out.uint("id", message.header.id.into());
    let mut flags = MDNS_FLAGS
        .iter()
        .filter(|(bit, _)| message.header.flags & bit != 0)
        .peekable();
    if flags.peek().is_some() {
        out.array("flags");
        flags.for_each(|(_, flag)| out.item_str(flag));
        out.end_array();
    }
    out.uint("opcode", message.header.opcode().into());
    out.uint("rcode", message.header.rcode().into());
    if !message.queries.is_empty() {
        out.array("queries");
        for query in &message.queries {
            out.begin();
            name("rrname", query.name, message, out);
            out.str("rrtype", &lower(query.rrtype));
            truncated("rrname_truncated", query.name, out);
            out.end();
        }
        out.end_array();
    }
    if !message.answers.is_empty() {
        out.array("answers");
        let answers = message.answers.iter();
        answers.for_each(|record| mdns_detail(record, message, out));
        out.end_array();
    }
    if !message.authorities.is_empty() {
        out.array("authorities");
        for record in &message.authorities {
            out.begin();
            name("rrname", record.name, message, out);
            truncated("rrname_truncated", record.name, out);
            out.end();
        }
        out.end_array();
    }
    additionals(message, mdns_detail, out);
    out.end();
}

/// One object, in which the data stands under the record's type; the schema has names and texts only.
fn mdns_detail(record: &Record, message: &Message, out: &mut Writer) {
    out.begin();
    name("rrname", record.name, message, out);
    truncated("rrname_truncated", record.name, out);
    match record.data {
        Rdata::Name(target) if record.rrtype == RecordType::PTR => {
            name("ptr", target, message, out)
        }
        Rdata::Texts(span) => {
            out.array("txt");
            message.texts(span).for_each(|text| out.item_bytes(text));
            out.end_array();
        }
        Rdata::Address(_)
        | Rdata::Name(_)
        | Rdata::Null(_)
        | Rdata::Authority { .. }
        | Rdata::Service { .. }
        | Rdata::KeyFingerprint { .. }
        | Rdata::Options(_)
        | Rdata::Other(_) => {}
    }
    out.end();
}

fn lower(rrtype: u16) -> String {
    RecordType(rrtype).to_string().to_ascii_lowercase()
}

/// An address as DNS records are written: IPv6 with all of its digits.
struct Address<'a>(&'a [u8]);

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Ok([a, b, c, d]) = <[u8; 4]>::try_from(self.0) {
            return write!(f, "{a}.{b}.{c}.{d}");
        }
        if self.0.len() != 16 {
            return Ok(());
        }
        for (n, pair) in self.0.chunks_exact(2).enumerate() {
            let colon = if n > 0 { ":" } else { "" };
            write!(f, "{colon}{:02x}{:02x}", pair[0], pair[1])?;
        }
        Ok(())
    }
}
