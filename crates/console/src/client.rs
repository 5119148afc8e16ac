//! The other end of the control socket: what the command line asks with.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
pub use hyper::Method;
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::api::problem::Problem;

/// Bytes of an answer: a page of a thousand actions takes a megabyte or two.
const MAX_ANSWER: usize = 64 << 20;

/// Time for the socket to take us; beyond it the process hangs.
const CONNECT: Duration = Duration::from_secs(5);

/// Time for an answer: the longest that an order waits, and some.
const ANSWER: Duration = Duration::from_secs(40);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens.
    #[error("no Ratel runs here: nobody listens at {}", .0.display())]
    NotRunning(PathBuf),
    /// Somebody listens, not for us.
    #[error("may not open {}: run this as root or as the user that Ratel runs as", .0.display())]
    Denied(PathBuf),
    /// The connection failed.
    #[error("cannot talk with the Ratel at {}: {cause}", path.display())]
    Broken {
        /// The socket.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// It listened and said no.
    #[error("{}", .0.detail)]
    Refused(Problem),
}

/// Asks for something: the answer, read as what is expected.
///
/// # Errors
/// No Ratel, no right, no answer, a refusal.
pub fn get<T: DeserializeOwned>(socket: &Path, path: &str) -> Result<T, Error> {
    call(socket, Method::GET, path, None, Bytes::new())
}

/// Gives an order under a key, so that asking again orders nothing twice.
///
/// # Errors
/// As [`get`].
pub fn post<T: DeserializeOwned>(
    socket: &Path,
    path: &str,
    key: &str,
    body: &impl Serialize,
) -> Result<T, Error> {
    let body = serde_json::to_vec(body).map_err(|error| broken(socket, &error))?;
    let header = Some(("idempotency-key", key));
    call(socket, Method::POST, path, header, body.into())
}

/// Asks for something in the API by any method; an answer without a body is null. `version`: what is
/// changed is changed only where this is still its version.
///
/// # Errors
/// As [`get`].
pub fn ask<T: DeserializeOwned>(
    socket: &Path,
    method: Method,
    path: &str,
    version: Option<u64>,
    body: Option<&impl Serialize>,
) -> Result<T, Error> {
    let body = match body {
        Some(body) => serde_json::to_vec(body).map_err(|error| broken(socket, &error))?,
        None => Vec::new(),
    };
    let tag = version.map(|version| format!("\"v{version}\""));
    let header = tag.as_deref().map(|tag| ("if-match", tag));
    call(socket, method, path, header, body.into())
}

/// Asks for a text.
///
/// # Errors
/// As [`get`].
pub fn text(socket: &Path, path: &str) -> Result<String, Error> {
    let answer = answered(socket, Method::GET, path, None, Bytes::new())?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn broken(socket: &Path, cause: &dyn std::fmt::Display) -> Error {
    Error::Broken {
        path: socket.to_owned(),
        cause: cause.to_string(),
    }
}

fn call<T: DeserializeOwned>(
    socket: &Path,
    method: Method,
    path: &str,
    header: Option<(&str, &str)>,
    body: Bytes,
) -> Result<T, Error> {
    let answer = answered(socket, method, path, header, body)?;
    let answer = if answer.is_empty() {
        &b"null"[..]
    } else {
        &answer
    };
    serde_json::from_slice(answer).map_err(|error| broken(socket, &error))
}

fn answered(
    socket: &Path,
    method: Method,
    path: &str,
    header: Option<(&str, &str)>,
    body: Bytes,
) -> Result<Bytes, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| broken(socket, &error))?;
    let (status, answer) = runtime.block_on(exchange(socket, method, path, header, body))?;
    if status.is_success() {
        return Ok(answer);
    }
    match serde_json::from_slice(&answer) {
        Ok(problem) => Err(Error::Refused(problem)),
        Err(_) => Err(broken(socket, &status)),
    }
}

async fn exchange(
    socket: &Path,
    method: Method,
    path: &str,
    header: Option<(&str, &str)>,
    body: Bytes,
) -> Result<(hyper::StatusCode, Bytes), Error> {
    let stream = match timeout(CONNECT, UnixStream::connect(socket)).await {
        Err(_) => return Err(broken(socket, &"it does not take connections")),
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(no_stream(socket, &error)),
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(socket, &error))?;
    let carried = tokio::spawn(connection);
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "ratel")
        .header("content-type", "application/json");
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let request = request
        .body(Full::new(body))
        .map_err(|error| broken(socket, &error))?;
    let answer = async {
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| broken(socket, &error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER)
            .collect()
            .await;
        let body = body.map_err(|error| broken(socket, &error))?;
        Ok((status, body.to_bytes()))
    };
    let answer = timeout(ANSWER, answer).await;
    carried.abort();
    answer.unwrap_or_else(|_| Err(broken(socket, &"it does not answer")))
}

fn no_stream(socket: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound
        | io::ErrorKind::ConnectionRefused
        | io::ErrorKind::NotADirectory => Error::NotRunning(socket.to_owned()),
        io::ErrorKind::PermissionDenied => Error::Denied(socket.to_owned()),
        _ => broken(socket, error),
    }
}
