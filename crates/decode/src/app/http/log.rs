//! The `http` object of records, in EVE's schema.

use super::header_list::Headers;
use super::text::split_before;
use super::transaction::{HttpTx, content_range};
use crate::app::LogFor;
use event::json::Writer;

/// Longest name and value in the lists of headers, as Suricata cuts them.
const MAX_NAME: usize = 255;
const MAX_VALUE: usize = 2047;

/// Writes `"http": {…}`.
pub(super) fn log(tx: &HttpTx, purpose: LogFor<'_>, out: &mut Writer) {
    out.object("http");
    basic(tx, out);
    match purpose {
        LogFor::Alert => extended(tx, out),
        LogFor::Record(options) => {
            let config = &options.http;
            if !config.is_brief {
                extended(tx, out);
            }
            let lists = [
                (
                    "request_headers",
                    &tx.request.headers,
                    config.request_headers,
                ),
                (
                    "response_headers",
                    &tx.response.headers,
                    config.response_headers,
                ),
            ];
            for (key, headers, wants_all) in lists {
                list(key, headers, wants_all, &config.custom, out);
            }
        }
    }
    out.end();
}

fn optional(key: &str, value: Option<&[u8]>, out: &mut Writer) {
    if let Some(value) = value {
        out.bytes(key, value);
    }
}

fn basic(tx: &HttpTx, out: &mut Writer) {
    optional("hostname", tx.host.as_deref(), out);
    if let Some(port) = tx.port {
        out.uint("http_port", u64::from(port));
    }
    optional("url", tx.target(), out);
    optional(
        "http_user_agent",
        tx.request.headers.get(b"user-agent"),
        out,
    );
    optional("xff", tx.request.headers.get(b"x-forwarded-for"), out);
    let response = &tx.response.headers;
    if let Some(kind) = response.get(b"content-type") {
        out.bytes("http_content_type", split_before(kind, |b| *b == b';').0);
    }
    if let Some(raw) = response.get(b"content-range") {
        out.object("content_range");
        out.bytes("raw", raw);
        if let Some(range) = content_range(raw) {
            let numbers = [
                ("start", range.start),
                ("end", range.end),
                ("size", range.size),
            ];
            for (key, number) in numbers {
                if let Some(number) = number {
                    out.uint(key, number);
                }
            }
        }
        out.end();
    }
}

fn extended(tx: &HttpTx, out: &mut Writer) {
    optional("http_refer", tx.request.headers.get(b"referer"), out);
    optional("http_method", tx.request.part(0), out);
    optional("protocol", tx.request.part(2), out);
    match tx.status {
        Some(status) => out.uint("status", u64::from(status)),
        None => optional("status_string", tx.response.part(1), out),
    }
    optional("redirect", tx.response.headers.get(b"location"), out);
    out.uint("length", tx.response.message_len);
}

/// A list of headers: all, or those the configuration names; none where nothing is in it.
fn list(key: &str, headers: &Headers, wants_all: bool, names: &[String], out: &mut Writer) {
    let is_wanted = |name: &[u8]| {
        wants_all
            || names
                .iter()
                .any(|wanted| wanted.as_bytes().eq_ignore_ascii_case(name))
    };
    if !headers.iter().any(|(name, _)| is_wanted(name)) {
        return;
    }
    out.array(key);
    for (name, value) in headers.iter().filter(|(name, _)| is_wanted(name)) {
        out.begin();
        out.bytes("name", name.get(..MAX_NAME).unwrap_or(name));
        out.bytes("value", value.get(..MAX_VALUE).unwrap_or(value));
        out.end();
    }
    out.end_array();
}
