//! What handlers take from a request, each with a refusal in the form of RFC 9457 where it isn't there.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::idempotency::is_key;
use crate::api::problem::Problem;
use crate::auth::Principal;
use crate::serve::{self, Unread};

/// Bytes of a JSON body: the longest query, note or set of rules that a person writes, and some.
pub const MAX_JSON: usize = 256 << 10;

/// Pairs of a query string, read into `T`.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(read)| Query(read))
            .map_err(|refused| Problem::bad(refused.body_text()))
    }
}

/// What stands in the path, read into `T`.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        axum::extract::Path::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(read)| Path(read))
            .map_err(|refused| Problem::bad(refused.body_text()))
    }
}

/// A JSON body, read into `T`; as an answer, JSON.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body must be application/json",
            ));
        }
        let body = body(request, MAX_JSON).await?;
        // serde reads a list as the members of a struct in their order; nobody means that.
        if body.trim_ascii_start().first() == Some(&b'[') {
            return Err(Problem::bad("body: an object is wanted, not a list"));
        }
        let mut read: Value = serde_json::from_slice(&body)
            .map_err(|error| Problem::bad(format!("body: {error}")))?;
        make_whole(&mut read);
        serde_json::from_value(read)
            .map(Json)
            .map_err(|error| Problem::bad(format!("body: {error}")))
    }
}

/// The largest number below which every whole number has a floating point of its own.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// Writes numbers without a fraction as whole ones: `3.0` is 3 in JSON (and in JSON Schema), not in serde.
fn make_whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let whole = number
                .as_f64()
                .filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < MAX_WHOLE);
            if let Some(float) = whole {
                *number = (float as i64).into();
            }
        }
        Value::Array(all) => all.iter_mut().for_each(make_whole),
        Value::Object(all) => all.values_mut().for_each(make_whole),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The whole body, or why not.
pub async fn body(request: Request, most: usize) -> Result<axum::body::Bytes, Problem> {
    let unread = |unread| match unread {
        Unread::TooLarge => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("a body here has at most {most} bytes"),
        ),
        Unread::Missing => Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive in time",
        ),
    };
    serve::body(request, most).await.map_err(unread)
}

/// The type of the body without its parameters, in lower case.
pub fn media_type(headers: &HeaderMap) -> String {
    let text = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = text.split(';').next().unwrap_or_default();
    kind.trim().to_ascii_lowercase()
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = media_type(headers);
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// Who asks. A route that anybody may ask has none.
#[derive(Debug)]
pub struct Who(pub Principal);

impl<S: Send + Sync> FromRequestParts<S> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Principal>()
            .cloned()
            .map(Who)
            .ok_or_else(unknown)
    }
}

/// Nobody knows who asks.
#[must_use]
pub fn unknown() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "log in, or show a token: Authorization: Bearer …, or X-Api-Key",
    )
}

/// `Idempotency-Key`, where there is one.
#[derive(Debug)]
pub struct Key(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        key(&parts.headers).map(Key)
    }
}

/// `Idempotency-Key` of these headers.
///
/// # Errors
/// It is none.
pub fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    match headers.get("idempotency-key") {
        None => Ok(None),
        Some(value) => match value.to_str() {
            Ok(text) if is_key(text) => Ok(Some(text.to_owned())),
            _ => Err(Problem::bad("Idempotency-Key: 1 to 128 visible characters")),
        },
    }
}

/// `If-Match`: the version of a thing that its change is meant for. None: whatever it is now.
#[derive(Debug)]
pub struct IfMatch(pub Option<u64>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.headers.get(header::IF_MATCH) {
            None => Ok(IfMatch(None)),
            Some(value) => version(value.to_str().unwrap_or_default())
                .map(IfMatch)
                .ok_or_else(|| {
                    Problem::new(
                        StatusCode::PRECONDITION_FAILED,
                        "If-Match: not an ETag of ours; read it again",
                    )
                }),
        }
    }
}

/// What an `If-Match` says: `"v7"`, or `*` for whatever it is now.
fn version(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    if text == "*" {
        return Some(None);
    }
    let text = text.strip_prefix("\"v")?.strip_suffix('"')?;
    text.parse().ok().map(Some)
}

/// The ETag of a version.
#[must_use]
pub fn etag(version: u64) -> [(header::HeaderName, String); 1] {
    [(header::ETAG, format!("\"v{version}\""))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_reads_back_and_others_do_not() {
        let [(_, written)] = etag(17);
        for (text, expected) in [
            (written.as_str(), Some(Some(17))),
            ("*", Some(None)),
            ("\"17\"", None),
            ("W/\"v17\"", None),
            ("\"v\"", None),
            ("", None),
        ] {
            assert_eq!(version(text), expected, "{text}");
        }
    }

    #[test]
    fn a_number_without_a_fraction_is_whole_however_it_is_written() {
        let mut read = serde_json::json!({"a": [3.0, -2.0, 0.5, 1e300, 7], "b": {"c": 1e3}});
        make_whole(&mut read);
        let expected = serde_json::json!({"a": [3, -2, 0.5, 1e300, 7], "b": {"c": 1000}});
        assert_eq!(read, expected);
    }

    #[test]
    fn json_is_known_by_its_type() {
        let check = |kind: &str, expected| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
            assert_eq!(is_json(&headers), expected, "{kind}");
        };
        check("application/json", true);
        check("Application/JSON; charset=utf-8", true);
        check("application/merge-patch+json", true);
        check("text/plain", false);
        check("text/json", false);
    }
}
