//! The head of a response: its line, and what its fields say.

use super::header_list::Added;
use super::headers::RawField;
use super::text::{
    Version, chomp, content_length, equals_nocase_nozero, is_space, split_before, split_space,
    starts_nocase, status, version,
};
use super::transaction::{HttpTx, Line};
use event::AppProtocol;
use event::Direction::ToClient;

/// Whether a line is no status line to a browser, which only looks for `http` at its start.
pub(super) fn is_body_instead(line: &[u8]) -> bool {
    let (_, rest) = split_before(line, |b| !(is_space(*b) || *b == 0));
    !starts_nocase(rest, b"http")
}

pub(super) fn has_body_length(tx: &HttpTx) -> bool {
    let length = tx
        .response
        .headers
        .get(b"content-length")
        .and_then(content_length);
    length.is_some_and(|length| length.value > 0)
}

/// The protocol that a 101 answer turns to, where it is one of those that are followed.
pub(super) fn upgrade_target(tx: &HttpTx) -> Option<AppProtocol> {
    let value = tx.response.headers.get(b"upgrade")?;
    if value == b"h2c" {
        Some(AppProtocol::Http2)
    } else if equals_nocase_nozero(value, b"websocket") {
        Some(AppProtocol::Websocket)
    } else {
        None
    }
}

pub(super) fn read_response_line(tx: &mut HttpTx, line: &[u8]) {
    let line = chomp(line);
    let (_, rest) = split_before(line, |b| !(is_space(*b) || *b == 0));
    let (protocol, rest) = split_before(rest, |b| is_space(*b));
    let (_, rest) = split_space(rest);
    let (code, rest) = split_before(rest, |b| is_space(*b));
    let (gap, message) = split_space(rest);
    let code_part = (!code.is_empty()).then_some(code);
    let message_part = (code_part.is_some() && !gap.is_empty()).then_some(message);
    let (number, is_odd) = version(protocol);
    if is_odd {
        tx.events.raise("protocol_contains_extra_data", ToClient);
    }
    if number == Version::Invalid {
        tx.events.raise("response_invalid_protocol", ToClient);
    }
    tx.response.version = number;
    tx.status = status(code);
    if tx.status.is_none() {
        tx.events.raise("response_invalid_status", ToClient);
    }
    let parts = [Some(protocol), code_part, message_part];
    tx.response.line = Some(Line::new(line, parts));
}

/// Adds a field and notes what is odd about it; false where there are too many.
pub(super) fn add_response_field(tx: &mut HttpTx, field: &RawField<'_>, limit: usize) -> bool {
    let odd = field.oddities;
    let (events, response) = (&mut tx.events, &mut tx.response);
    if odd.line_end_is_deformed {
        events.raise("deformed_eol", ToClient);
    }
    let mut once = |is_odd: bool, seen: &mut bool, name| {
        if is_odd && !std::mem::replace(seen, true) {
            events.raise(name, ToClient);
        }
    };
    let invalid = &mut response.is_field_invalid;
    once(
        odd.name_trails_with_space,
        invalid,
        "response_invalid_lws_after_name",
    );
    let folding = &mut response.is_folding_invalid;
    once(
        odd.name_leads_with_space,
        folding,
        "invalid_response_field_folding",
    );
    let invalid = &mut response.is_field_invalid;
    once(
        odd.name_is_no_token,
        invalid,
        "response_header_name_not_token",
    );
    if odd.colon_is_missing {
        once(
            true,
            &mut response.is_colon_missing,
            "response_field_missing_colon",
        );
    } else {
        once(
            odd.name_is_empty,
            &mut response.is_field_invalid,
            "response_invalid_empty_name",
        );
    }
    match response.headers.add(field.name, &field.value, limit) {
        Added::New | Added::RepeatedAgain => {}
        Added::Repeated => events.raise("response_header_repetition", ToClient),
        Added::Length { is_second, differs } => {
            if differs {
                events.raise("duplicate_content_length_field_in_response", ToClient);
            }
            if is_second {
                events.raise("response_header_repetition", ToClient);
            }
        }
        Added::TooMany => {
            events.raise("response_too_many_headers", ToClient);
            return false;
        }
    }
    true
}
