//! One keyword to its meaning: the table of everything that may stand between the parentheses.

mod app;
mod bytes;
pub(crate) mod content;
mod file;
mod flow;
pub(crate) mod meta;
pub(crate) mod numbers;
mod packet;
mod pcre;
pub(crate) mod requires;
mod sets;
mod snort;
mod transforms;

use crate::builder::Builder;
use crate::lexer::RuleOption;
use crate::rule::{Condition, Effect, FileText, PayloadMatch};
use ahash::AHashMap;
use event::{Buffer, Number};
use std::sync::LazyLock;

static BUFFERS: LazyLock<AHashMap<&'static str, Buffer>> =
    LazyLock::new(|| Buffer::KEYWORDS.iter().copied().collect());

/// Items between separators, trimmed.
pub(crate) fn parts(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let is_empty = text.trim().is_empty();
    text.split(separator)
        .map(str::trim)
        .filter(move |_| !is_empty)
}

/// The text between double quotes, which must be there.
pub(crate) fn quoted<'a>(text: &'a str, keyword: &str) -> Result<&'a str, String> {
    let inner = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.ok_or_else(|| format!("invalid formatting to {keyword} keyword: the value must be double quoted, `{keyword}:\"…\"`"))
}

/// The text without double quotes around it, where there are some.
pub(crate) fn unquoted(text: &str) -> &str {
    text.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text)
        .trim()
}

/// Applies one option to the rule.
pub(crate) fn apply(b: &mut Builder<'_>, option: &RuleOption<'_>) -> Result<(), String> {
    let lower;
    let name = if option.name.bytes().any(|b| b.is_ascii_uppercase()) {
        lower = option.name.to_ascii_lowercase();
        lower.as_str()
    } else {
        option.name
    };
    if b.is_snort
        && let Some(done) = snort::read(b, name, option.value)
    {
        return done;
    }
    if let Some(done) = with_value(b, name, option.value) {
        return done;
    }
    if content::modify(b, name, option.value)? {
        return without(
            name,
            option.value,
            &["nocase", "rawbytes", "startswith", "endswith"],
        );
    }
    if let Some(done) = buffer(b, name, option.value) {
        return done;
    }
    if let Some(done) = transforms::read(b, name, option.value) {
        return done;
    }
    if let Some(done) = alone(b, name, option.value) {
        return done;
    }
    let value = option.value.unwrap_or_default();
    if let Some(done) = packet::read(b, name, value) {
        return done;
    }
    if let Some(number) = Number::parse(name) {
        return app::number(b, number, value);
    }
    if let Some(done) = later(b, name, option.value) {
        return done;
    }
    Err(format!(
        "unknown rule keyword '{}'",
        crate::lexer::readable(name)
            .chars()
            .take(60)
            .collect::<String>()
    ))
}

fn without(name: &str, value: Option<&str>, bare: &[&str]) -> Result<(), String> {
    match value {
        Some(value) if !value.is_empty() && bare.contains(&name) => Err(format!(
            "unexpected option to {name} keyword: `{value}`; remove it"
        )),
        _ => Ok(()),
    }
}

/// Keywords that need a value.
fn with_value(b: &mut Builder<'_>, name: &str, value: Option<&str>) -> Option<Result<(), String>> {
    let read: fn(&mut Builder<'_>, &str) -> Result<(), String> = match name {
        "content" => content::content,
        "uricontent" => content::uricontent,
        "pcre" => pcre::pcre,
        "msg" => meta::msg,
        "sid" => meta::sid,
        "gid" => meta::gid,
        "rev" => meta::rev,
        "priority" => meta::priority,
        "classtype" => meta::classtype,
        "reference" => meta::reference,
        "metadata" => meta::metadata,
        "target" => meta::target,
        "threshold" => meta::threshold,
        "detection_filter" => meta::detection_filter,
        "flow" => flow::flow,
        "flowbits" => flow::flowbits,
        "flowint" => flow::flowint,
        "xbits" => flow::xbits,
        "hostbits" => flow::hostbits,
        "stream_size" => flow::stream_size,
        "byte_test" => bytes::byte_test,
        "byte_jump" => bytes::byte_jump,
        "byte_extract" => bytes::byte_extract,
        "byte_math" => bytes::byte_math,
        "isdataat" => bytes::isdataat,
        "bsize" => bytes::bsize,
        "entropy" => bytes::entropy,
        "dataset" => sets::dataset,
        "datarep" => sets::datarep,
        "iprep" => sets::iprep,
        "urilen" => app::urilen,
        "app-layer-protocol" => app::app_layer_protocol,
        "app-layer-event" => app::app_layer_event,
        "tls.version" => app::tls_version,
        "ssl_version" => app::ssl_version,
        "ssl_state" => app::ssl_state,
        "ssh.protoversion" => app::ssh_protoversion,
        "ssh.softwareversion" => |b, value| app::contains(b, Buffer::SshSoftware, value, false),
        "tls.fingerprint" | "tls_fingerprint" => {
            |b, value| app::contains(b, Buffer::TlsCertFingerprint, value, true)
        }
        "tls.subject" => |b, value| app::contains(b, Buffer::TlsCertSubject, value, false),
        "tls.issuerdn" => |b, value| app::contains(b, Buffer::TlsCertIssuer, value, false),
        "decode-event" => {
            |b, value| b.condition(Condition::DecodeEvent(unquoted(value).to_ascii_lowercase()))
        }
        "stream-event" => {
            |b, value| b.condition(Condition::StreamEvent(unquoted(value).to_ascii_lowercase()))
        }
        "engine-event" => |b, value| b.keyword("engine-event", Some(value)),
        "filename" => |b, value| file::text(b, FileText::Name, value),
        "fileext" => |b, value| file::text(b, FileText::Extension, value),
        "filemagic" => |b, value| file::text(b, FileText::Magic, value),
        "filesize" => file::size,
        "filemd5" => |b, value| file::hash(b, "md5", value),
        "filesha1" => |b, value| file::hash(b, "sha1", value),
        "filesha256" => |b, value| file::hash(b, "sha256", value),
        "lua" | "luajit" | "luaxform" => |_, _| {
            Err("Lua scripts are not run: a rule could do anything with them; write the condition with other keywords".to_owned())
        },
        "config" => |b, value| {
            b.effect(Effect::Keyword {
                name: "config".to_owned(),
                argument: value.to_owned(),
            })
        },
        "geoip" => |b, value| packet::as_written(b, "geoip", value),
        "rpc" => |b, value| packet::as_written(b, "rpc", value),
        "asn1" => {
            |_, _| {
                Err("the keyword asn1 is not supported; write the condition with content and byte_test".to_owned())
            }
        }
        "flow.pkts" => |b, value| flow::flow_count(b, "flow.pkts", value),
        "flow.bytes" => |b, value| flow::flow_count(b, "flow.bytes", value),
        "flow.pkts_toserver" => |b, value| flow::flow_count(b, "flow.pkts_toserver", value),
        "flow.pkts_toclient" => |b, value| flow::flow_count(b, "flow.pkts_toclient", value),
        "flow.bytes_toserver" => |b, value| flow::flow_count(b, "flow.bytes_toserver", value),
        "flow.bytes_toclient" => |b, value| flow::flow_count(b, "flow.bytes_toclient", value),
        "requires" => |_, _| Ok(()),
        _ => return None,
    };
    // `tls.subject;` and its like without a value are sticky buffers.
    let value = value.filter(|value| !value.is_empty());
    match value {
        Some(value) => Some(read(b, value)),
        None if BUFFERS.contains_key(name) => None,
        None => Some(Err(format!(
            "invalid formatting or malformed option to {name} keyword: it needs a value, `{name}:…;`"
        ))),
    }
}

/// Sticky buffers, and old modifiers such as `http_uri`.
fn buffer(b: &mut Builder<'_>, name: &str, value: Option<&str>) -> Option<Result<(), String>> {
    let is_bare = value.is_none_or(str::is_empty);
    let found = match name {
        "http_server_body" => Err(Buffer::HttpResponseBody),
        "pkt_data" => return Some(b.select(None, name)),
        "base64_data" => Ok(Buffer::Base64Data),
        "frame" => return None,
        _ => match (BUFFERS.get(name), Buffer::parse_modifier(name)) {
            (_, Some(buffer)) => Err(buffer),
            (Some(&buffer), None) => Ok(buffer),
            (None, None) => return None,
        },
    };
    if !is_bare && Number::parse(name).is_some() {
        return None;
    }
    if !is_bare {
        let value = value.unwrap_or_default();
        match value {
            "to_server" => b.forced = Some(event::Direction::ToServer),
            "to_client" => b.forced = Some(event::Direction::ToClient),
            _ if name == "ftpdata_command" => {
                // The buffer holds FTP's own spelling.
                let verb = value.to_ascii_uppercase();
                return Some(app::contains(b, Buffer::FtpDataCommand, &verb, true));
            }
            _ => {
                return Some(Err(format!(
                    "unexpected option to {name} keyword: `{value}`; a sticky buffer takes none"
                )));
            }
        }
    }
    if name.starts_with("ja3") && !b.context.has_ja3 {
        return Some(Err(
            "ja3(s) support is not enabled; set app-layer.protocols.tls.ja3-fingerprints to yes"
                .to_owned(),
        ));
    }
    if name.starts_with("ja4") && !b.context.has_ja4 {
        return Some(Err(
            "ja4 support is not enabled; set app-layer.protocols.tls.ja4-fingerprints to yes"
                .to_owned(),
        ));
    }
    let done = match found {
        Ok(Buffer::Base64Data) => base64_data(b),
        Ok(buffer) => b.select(Some(buffer), name),
        Err(buffer) => content::move_to(b, buffer, name),
    };
    if !is_bare {
        b.forced = None;
    }
    Some(done)
}

fn base64_data(b: &mut Builder<'_>) -> Result<(), String> {
    let decodes = |found: &PayloadMatch| matches!(found, PayloadMatch::Base64Decode { .. });
    if !b
        .rule
        .buffers
        .iter()
        .any(|entry| entry.matches.iter().any(decodes))
    {
        return Err(
            "base64_data looks into what base64_decode made; write base64_decode before it"
                .to_owned(),
        );
    }
    b.select(Some(Buffer::Base64Data), "base64_data")
}

/// Keywords that take no value, or may go without.
fn alone(b: &mut Builder<'_>, name: &str, value: Option<&str>) -> Option<Result<(), String>> {
    let bare = |done: Result<(), String>| done.and(without(name, value, &[name]));
    Some(match name {
        "noalert" => {
            b.rule.is_silent = true;
            bare(Ok(()))
        }
        "alert" => {
            b.rule.is_silent = false;
            b.has_alert = true;
            bare(Ok(()))
        }
        "bypass" => bare(b.effect(Effect::Bypass)),
        "sameip" => bare(b.condition(Condition::SameIp)),
        "filestore" => file::store(b, value),
        "base64_decode" => bytes::base64_decode(b, value),
        "absent" => bytes::absent(b, value),
        "tag" => meta::tag(b, value),
        "prefilter" => prefilter(b),
        "tls.store" | "tls_store" => {
            b.want(&[event::AppProtocol::Tls], name);
            bare(b.effect(Effect::Keyword {
                name: "tls.store".to_owned(),
                argument: String::new(),
            }))
        }
        "bidir.toserver" => {
            b.forced = Some(event::Direction::ToServer);
            b.select(None, name)
        }
        "bidir.toclient" => {
            b.forced = Some(event::Direction::ToClient);
            b.select(None, name)
        }
        _ => return None,
    })
}

fn prefilter(b: &mut Builder<'_>) -> Result<(), String> {
    if b.rule.prefilter.is_some() {
        return Err("prefilter stands twice; keep one".to_owned());
    }
    let last = b.rule.conditions.len().checked_sub(1);
    match b.content("prefilter") {
        Ok(content) if last.is_none() => {
            content.fast_pattern = Some(crate::rule::FastPattern::Whole);
            return Ok(());
        }
        _ => {}
    }
    b.rule.prefilter = Some(last.ok_or("prefilter needs a condition before it")?);
    Ok(())
}

/// Keywords that only a later parser can read: kept as written, the rule is degraded.
fn later(b: &mut Builder<'_>, name: &str, value: Option<&str>) -> Option<Result<(), String>> {
    match name {
        "frame" => {
            b.degraded.push("frames are not looked into yet".to_owned());
            let selected = b.select(Some(Buffer::Frame), name);
            return Some(selected.and_then(|()| b.keyword(name, value)));
        }
        "subslice" => {
            b.degraded
                .push("keyword subslice is not run yet".to_owned());
            return Some(b.keyword(name, value));
        }
        "replace" | "nfq_set_mark" | "flowvar" | "pktvar" | "ftpbounce" | "l3_proto"
        | "tls_cert_expired" | "tls_cert_valid" | "tls_cert_notbefore" | "tls_cert_notafter"
        | "app-layer-state" | "template" | "template2" => {
            if name.starts_with("tls_cert") {
                b.want(&[event::AppProtocol::Tls], name);
            }
            return Some(b.keyword(name, value));
        }
        _ => {}
    }
    let protocols = app::protocols_of(name);
    let is_later = LATER.contains(&name) || name.starts_with("modbus");
    if !is_later || protocols.is_empty() {
        return None;
    }
    b.want(protocols, name);
    Some(b.keyword(name, value))
}

/// Keywords of protocols whose values are neither text nor plain number.
const LATER: &[&str] = &[
    "cip_service",
    "enip_command",
    "enip.cip_attribute",
    "dnp3_func",
    "dnp3_ind",
    "dnp3_obj",
    "dce_iface",
    "dce_opnum",
    "dcerpc.iface",
    "http2.settings",
    "ike.chosen_sa_attribute",
    "krb5.ticket_encryption",
    "mqtt.connack.session_present",
    "mqtt.connect.flags",
    "mqtt.flags",
    "modbus",
    "enip.command",
];
