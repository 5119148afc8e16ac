//! The head of a request: its line, and what its fields say.

use super::header_list::Added;
use super::headers::RawField;
use super::text::{
    Version, contains_nocase_nozero, content_length, is_space, split_before, split_space,
    starts_nocase, trimmed, version,
};
use super::transaction::{HttpTx, Line, Method, Transfer};
use super::uri::{Uri, host_port};
use event::Direction::ToServer;

/// Reads a request line without its line end.
pub(super) fn read_request_line(tx: &mut HttpTx, line: &[u8]) {
    let config = tx.settings.server;
    let data = match config.personality {
        // Apache takes a NUL for the end of the line.
        super::config::Personality::Apache2 => split_before(line, |b| *b == 0).0,
        _ => line,
    };
    let (lead, rest) = split_space(data);
    let (method, rest) = split_before(rest, |b| is_space(*b));
    let (gap, rest) = split_space(rest);
    if !lead.is_empty() {
        tx.events.raise("request_line_leading_whitespace", ToServer);
    }
    if gap.iter().any(|b| *b != b' ') {
        tx.events.raise("method_delim_non_compliant", ToServer);
    }
    tx.method = Method::read(method);
    if rest.is_empty() {
        set_09(tx, "request_line_unknown_method");
        tx.request.line = Some(Line::new(line, [Some(method), None, None]));
        return;
    }
    let rest = trimmed(rest);
    let allow = config.uri.allow_spaces;
    let (mut target, mut protocol) = split_target(rest, allow, |b| *b == b' ');
    if target.iter().any(|b| is_space(*b) && *b != b' ') {
        tx.events.raise("uri_delim_non_compliant", ToServer);
        if target.len() == rest.len() {
            (target, protocol) = split_target(rest, allow, |b| is_space(*b));
        }
    }
    if protocol.is_empty() {
        set_09(tx, "request_line_unknown_method_no_protocol");
        tx.request.line = Some(Line::new(line, [Some(method), Some(target), None]));
    } else {
        let (number, is_odd) = version(protocol);
        tx.request.version = number;
        if is_odd {
            tx.events.raise("protocol_contains_extra_data", ToServer);
        }
        if tx.method == Method::Unknown && number == Version::Invalid {
            tx.events
                .raise("request_line_unknown_method_invalid_protocol", ToServer);
        }
        tx.request.line = Some(Line::new(
            line,
            [Some(method), Some(target), Some(protocol)],
        ));
    }
    tx.uri = match tx.method {
        Method::Connect => Uri::read_authority(target),
        _ => Uri::read(target, &config.uri),
    };
    if tx.uri.is_host_invalid {
        tx.events.raise("request_uri_host_invalid", ToServer);
    }
    if tx.uri.is_double_encoded {
        tx.events.raise("double_encoded_uri", ToServer);
    }
}

pub(super) fn set_09(tx: &mut HttpTx, event: &'static str) {
    tx.is_09 = true;
    tx.request.version = Version::V09;
    if tx.method == Method::Unknown {
        tx.events.raise(event, ToServer);
    }
}

/// Splits target and protocol at the first white byte, or the last where spaces may be in a target.
pub(super) fn split_target(
    rest: &[u8],
    at_last: bool,
    is_end: impl FnMut(&u8) -> bool,
) -> (&[u8], &[u8]) {
    let at = if at_last {
        rest.iter().rposition(is_end)
    } else {
        rest.iter().position(is_end)
    };
    let (target, protocol) = rest.split_at(at.unwrap_or(rest.len()));
    (trimmed(target), trimmed(protocol))
}

/// Adds a field and notes what is odd about it; false where there are too many.
pub(super) fn add_request_field(tx: &mut HttpTx, field: &RawField<'_>, limit: usize) -> bool {
    let odd = field.oddities;
    let (events, request) = (&mut tx.events, &mut tx.request);
    let mut once = |is_odd: bool, seen: &mut bool, name| {
        if is_odd && !std::mem::replace(seen, true) {
            events.raise(name, ToServer);
        }
    };
    let invalid = &mut request.is_field_invalid;
    once(
        odd.name_trails_with_space,
        invalid,
        "request_invalid_lws_after_name",
    );
    let folding = &mut request.is_folding_invalid;
    once(
        odd.name_leads_with_space,
        folding,
        "invalid_request_field_folding",
    );
    let invalid = &mut request.is_field_invalid;
    once(odd.name_is_no_token, invalid, "request_header_invalid");
    if odd.colon_is_missing {
        once(
            true,
            &mut request.is_colon_missing,
            "request_field_missing_colon",
        );
    } else {
        once(
            odd.name_is_empty,
            &mut request.is_field_invalid,
            "request_invalid_empty_name",
        );
    }
    match request.headers.add(field.name, &field.value, limit) {
        Added::New | Added::RepeatedAgain => {}
        Added::Repeated => events.raise("request_header_repetition", ToServer),
        Added::Length { is_second, differs } => {
            if differs {
                events.raise("duplicate_content_length_field_in_request", ToServer);
            }
            if is_second {
                events.raise("request_header_repetition", ToServer);
            }
        }
        Added::TooMany => {
            events.raise("request_too_many_headers", ToServer);
            return false;
        }
    }
    true
}

/// Finds out about body, host and credentials once all headers are there.
pub(super) fn process_headers(tx: &mut HttpTx) {
    set_transfer(tx);
    set_host(tx);
    if let Some(value) = tx.request.headers.get(b"authorization") {
        let known: [&[u8]; 3] = [b"basic", b"digest", b"bearer"];
        if !known.iter().any(|scheme| starts_nocase(value, scheme)) {
            tx.events.raise("request_auth_unrecognized", ToServer);
        }
    }
}

pub(super) fn set_transfer(tx: &mut HttpTx) {
    let headers = &tx.request.headers;
    let length = headers.get(b"content-length");
    tx.request.transfer = if let Some(coding) = headers.get(b"transfer-encoding") {
        if contains_nocase_nozero(coding, b"chunked") {
            if tx.request.version < Version::V11 {
                tx.events
                    .raise("invalid_transfer_encoding_value_in_request", ToServer);
            }
            Transfer::Chunked
        } else {
            tx.events
                .raise("invalid_transfer_encoding_value_in_request", ToServer);
            Transfer::Invalid
        }
    } else if let Some(value) = length {
        match content_length(value) {
            Some(length) => {
                if length.has_junk_before {
                    tx.events.raise("content_length_extra_data_start", ToServer);
                }
                if length.has_junk_after {
                    tx.events.raise("content_length_extra_data_end", ToServer);
                }
                tx.content_length = Some(length.value);
                Transfer::Identity
            }
            None => {
                tx.events
                    .raise("invalid_content_length_field_in_request", ToServer);
                Transfer::Invalid
            }
        }
    } else {
        Transfer::None
    };
}

/// The host is the one of the target, or else the one of the `Host` field.
pub(super) fn set_host(tx: &mut HttpTx) {
    tx.host.clone_from(&tx.uri.host);
    tx.port = tx.uri.port;
    let Some(value) = tx.request.headers.get(b"host") else {
        if tx.request.version >= Version::V11 {
            tx.events.raise("missing_host_header", ToServer);
        }
        return;
    };
    let Some(found) = host_port(value) else {
        if tx.host.is_some() {
            tx.events.raise("host_header_ambiguous", ToServer);
        }
        return;
    };
    if !found.is_valid {
        tx.events.raise("request_header_host_invalid", ToServer);
    }
    match &tx.host {
        None => {
            tx.host = Some(found.host.to_ascii_lowercase());
            if let Some(port) = found.port {
                tx.port = port;
            }
        }
        Some(host) => {
            let differs = !host.eq_ignore_ascii_case(found.host)
                || found
                    .port
                    .is_some_and(|port| tx.port.is_some() && tx.port != port);
            if differs {
                tx.events.raise("host_header_ambiguous", ToServer);
            }
        }
    }
}
