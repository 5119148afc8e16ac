//! What a bouncer hears, byte for byte as clients of CrowdSec's local API expect it.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use event::Timestamp;
use serde::Serialize;

use super::book::{Changes, Told};
use super::decision::Written;
use super::filter::Filter;

/// `GET /v1/decisions`: the decisions that the filter takes. Where there is none the answer is
/// `null`, not an empty list: that is what Go writes, and clients compare the text.
#[must_use]
pub fn decisions(told: &Told, filter: &Filter, now: Timestamp) -> Response {
    json(StatusCode::OK, &written(told, filter, now))
}

/// `GET /v1/decisions/stream`.
#[must_use]
pub fn stream(changes: &Changes, filter: &Filter, now: Timestamp) -> Response {
    #[derive(Serialize)]
    struct Stream<'a> {
        deleted: Option<Vec<Written<'a>>>,
        new: Option<Vec<Written<'a>>>,
    }
    let stream = Stream {
        deleted: written(&changes.deleted, filter, now),
        new: written(&changes.new, filter, now),
    };
    json(StatusCode::OK, &stream)
}

fn written<'a>(told: &'a Told, filter: &Filter, now: Timestamp) -> Option<Vec<Written<'a>>> {
    let taken = told.iter().filter(|(decision, _)| filter.takes(decision));
    let written: Vec<_> = taken.map(|(d, end)| d.write(*end, now)).collect();
    (!written.is_empty()).then_some(written)
}

/// A refusal in the form of the local API.
#[must_use]
pub fn message(status: StatusCode, text: &str) -> Response {
    #[derive(Serialize)]
    struct Message<'a> {
        message: &'a str,
    }
    json(status, &Message { message: text })
}

/// Gin's content type, without a closing line feed.
fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_string(body) {
        Ok(text) => {
            let kind = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
            (status, kind, text).into_response()
        }
        // Texts and numbers only: nothing here that JSON could not say.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Whether a body is what bouncers report of themselves: an object with at most one component.
pub fn check_usage(body: &[u8]) -> Result<(), String> {
    #[derive(serde::Deserialize)]
    struct Usage {
        remediation_components: Option<Vec<serde::de::IgnoredAny>>,
    }
    let usage: Usage = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    match usage.remediation_components.map_or(0, |list| list.len()) {
        0 => Err("Missing remediation component data".to_owned()),
        1 => Ok(()),
        _ => Err("Payload has more than one remediation component".to_owned()),
    }
}
