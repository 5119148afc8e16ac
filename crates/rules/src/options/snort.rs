//! Snort 3's spelling of keywords, told where it differs from Suricata's.

use super::content::move_to;
use super::{parts, unquoted};
use crate::builder::Builder;
use event::{AppProtocol, Buffer};

/// Reads a keyword that Snort 3 means differently; None where both agree.
pub(super) fn read(
    b: &mut Builder<'_>,
    name: &str,
    value: Option<&str>,
) -> Option<Result<(), String>> {
    let buffer = match name {
        "http_uri" => Buffer::HttpUri,
        "http_raw_uri" => Buffer::HttpUriRaw,
        "http_header" => Buffer::HttpHeader,
        "http_raw_header" => Buffer::HttpHeaderRaw,
        "http_cookie" | "http_raw_cookie" => Buffer::HttpCookie,
        "http_client_body" => Buffer::HttpRequestBody,
        "http_method" => Buffer::HttpMethod,
        "http_stat_code" => Buffer::HttpStatCode,
        "http_stat_msg" => Buffer::HttpStatMsg,
        "http_raw_body" => Buffer::HttpResponseBody,
        "js_data" | "vba_data" | "file_data" => Buffer::FileData,
        "pkt_data" | "raw_data" => return Some(b.select(None, name)),
        "service" => return Some(service(b, value.unwrap_or_default())),
        "rem" => return Some(Ok(())),
        "bufferlen" => return Some(bufferlen(b, value.unwrap_or_default())),
        "flow" => return Some(super::flow::flow(b, value.unwrap_or_default())),
        "sd_pattern" | "regex" | "sha256" | "sha512" | "md5" | "cvs" | "file_type" | "so"
        | "soid" | "http_param" | "http_trailer" | "http_true_ip" | "http_version"
        | "dce_iface" | "dce_opnum" | "dce_stub_data" | "sip_method" | "sip_header"
        | "sip_body" | "sip_stat_code" | "gtp_type" | "gtp_info" | "gtp_version" | "cip_req"
        | "wscale" | "appids" | "ber_data" | "ber_skip" | "modbus_func" | "s7commplus_func"
        | "icmp_seq_any" => {
            return Some(Err(format!(
                "keyword `{name}` of Snort 3 has no counterpart here; rewrite the condition with content or pcre"
            )));
        }
        _ => return None,
    };
    // `http_header:field user-agent` narrows to one header; its name picks the buffer that holds it.
    let field = value.map(unquoted).filter(|value| !value.is_empty());
    let buffer = match field
        .and_then(|text| text.split_once(' '))
        .filter(|(key, _)| *key == "field")
        .map(|(_, f)| f.trim().to_ascii_lowercase())
    {
        None if field.is_some() => {
            return Some(Err(format!(
                "option `{}` of `{name}` is Snort 3's own",
                field.unwrap_or_default()
            )));
        }
        None => buffer,
        Some(field) => match field.as_str() {
            "user-agent" => Buffer::HttpUserAgent,
            "host" => Buffer::HttpHost,
            "referer" => Buffer::HttpReferer,
            "accept" => Buffer::HttpAccept,
            "content-type" => Buffer::HttpContentType,
            "content-length" => Buffer::HttpContentLen,
            "connection" => Buffer::HttpConnection,
            "location" => Buffer::HttpLocation,
            "server" => Buffer::HttpServer,
            "cookie" => Buffer::HttpCookie,
            _ => {
                return Some(Err(format!(
                    "one header's field `{field}` cannot be looked into; use http.header"
                )));
            }
        },
    };
    let is_behind = b.sticky.is_none()
        && b.last_content.is_some()
        && name != "file_data"
        && !b.rule.text.contains("service:");
    Some(if is_behind {
        move_to(b, buffer, name)
    } else {
        drop_empty(b).and_then(|()| b.select(Some(buffer), name))
    })
}

/// Snort 3 lets a sticky buffer go unused, or be named again.
fn drop_empty(b: &mut Builder<'_>) -> Result<(), String> {
    if let Some(at) = b.sticky.filter(|&at| {
        b.rule
            .buffers
            .get(at)
            .is_some_and(|entry| entry.matches.is_empty())
    }) {
        if at + 1 == b.rule.buffers.len() {
            b.rule.buffers.pop();
        }
        b.sticky = None;
    }
    Ok(())
}

/// `service:http,smtp`: known protocols are checked, the header decides what is looked at.
fn service(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    if value.is_empty() {
        return Err("service names no protocol".to_owned());
    }
    let names: Vec<&str> = parts(value, ',').collect();
    if let [name] = names.as_slice() {
        let wanted = AppProtocol::parse(name)
            .and_then(|app| AppProtocol::ALL.iter().position(|p| *p == app));
        if let Some(wanted) = wanted.and_then(|at| AppProtocol::ALL.get(at..=at)) {
            let is_parsed = wanted
                .iter()
                .all(|protocol| b.context.protocols.contains(protocol));
            if is_parsed
                && b.rule
                    .buffers
                    .iter()
                    .all(|entry| entry.buffer.protocols().is_empty())
            {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn bufferlen(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    let (value, is_relative) = match value.strip_suffix(",relative") {
        Some(value) => (value, true),
        None => (value, false),
    };
    if is_relative {
        return Err("`bufferlen` relative to a match has no counterpart; use isdataat".to_owned());
    }
    // Snort's `<=>` includes its ends.
    match value.split_once("<=>") {
        Some((low, high)) => {
            let number = |text: &str| {
                text.trim()
                    .parse::<u64>()
                    .map_err(|_| format!("`{text}` is no length"))
            };
            let (low, high) = (number(low)?, number(high)?);
            super::bytes::bsize(b, &format!(">={low}"))?;
            super::bytes::bsize(b, &format!("<={high}"))
        }
        None => super::bytes::bsize(b, value),
    }
}
