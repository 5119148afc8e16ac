//! The dashboard's files, inside the program.

use std::borrow::Cow;

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::api::problem::Problem;

/// What `make web` built; nothing where it was not run before the program was built.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

/// Files under this folder have their hash in their name: they never change.
const HASHED: &str = "assets/";

/// What stands there without a dashboard.
const NONE: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Ratel</title>\n\
    <h1>Ratel runs</h1>\n<p>This program was built without its dashboard. <code>make web</code> builds it (it takes Node), \
    then <code>make build</code> builds the program again.</p>\n\
    <p>The API is here all the same: <a href=\"/api/openapi.json\">/api/openapi.json</a>.</p>\n</html>\n";

/// Answers with a file; with the dashboard's page for each place that it knows by itself.
pub async fn serve(request: Request) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") || path == "/api" || path.starts_with("/es/") {
        return Problem::missing("no such place; /api/openapi.json says what there is")
            .into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "files can only be read");
        return ([(header::ALLOW, "GET, HEAD")], problem).into_response();
    }
    let name = path.trim_start_matches('/');
    // Names are those of the build: nothing of a path is ever looked for on a disk.
    if is_plain(name)
        && let Some(found) = Dist::get(name)
    {
        return file(name, found, request.headers());
    }
    if name.starts_with(HASHED) || last(name).contains('.') {
        return Problem::missing("no such file").into_response();
    }
    match Dist::get("index.html") {
        Some(found) => file("index.html", found, request.headers()),
        None => {
            let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
            (kind, NONE).into_response()
        }
    }
}

fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn is_plain(name: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    !name.is_empty() && name.bytes().all(is_plain) && name.split('/').all(is_part)
}

fn file(name: &str, found: rust_embed::EmbeddedFile, asked: &HeaderMap) -> Response {
    let hash = found.metadata.sha256_hash();
    let tag = hash
        .iter()
        .take(16)
        .fold(String::from("\""), |mut tag, byte| {
            tag.push_str(&format!("{byte:02x}"));
            tag
        })
        + "\"";
    let kept = if name.starts_with(HASHED) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = [
        (header::CONTENT_TYPE, kind(name)),
        (header::CACHE_CONTROL, kept),
        (header::ETAG, tag.as_str()),
    ];
    let has = asked.get(header::IF_NONE_MATCH);
    if has.is_some_and(|has| has.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let body = match found.data {
        Cow::Borrowed(bytes) => axum::body::Body::from(bytes),
        Cow::Owned(bytes) => axum::body::Body::from(bytes),
    };
    (headers, body).into_response()
}

/// The type of a file by its name's end.
fn kind(name: &str) -> &'static str {
    match last(name).rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_looked_for() {
        let check = |name, expected| assert_eq!(is_plain(name), expected, "{name}");
        check("index.html", true);
        check("assets/index-BdX3_9.js", true);
        check("", false);
        check("../Cargo.toml", false);
        check("assets/../../Cargo.toml", false);
        check("assets//x", false);
        check(".env", false);
        check("%2e%2e/x", false);
        check("a\\b", false);
    }

    #[tokio::test]
    async fn what_is_no_file_is_the_dashboards_page() {
        let check = async |method: &str, path: &str, expected: u16| {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .body(axum::body::Body::empty())
                .unwrap();
            assert_eq!(serve(request).await.status(), expected, "{path}");
        };
        check("GET", "/", 200).await;
        check("GET", "/incidents/i1", 200).await;
        check("GET", "/assets/none.js", 404).await;
        check("GET", "/api/v2/x", 404).await;
        check("GET", "/robots.none", 404).await;
        check("POST", "/", 405).await;
    }
}
