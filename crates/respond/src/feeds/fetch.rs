//! Fetching a feed: over HTTP with what the server needs to say "the same as before", or from a file.
//! Blocks its thread; everything has a limit in bytes and time.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event::Timestamp;
use serde::{Deserialize, Serialize};
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::config::{Feed, Format, Login};
use super::read::{self, ReadError, Reading};
use super::taxii;

/// Time for a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// Time for one answer as a whole.
const ANSWER: Duration = Duration::from_secs(120);

/// Redirections that are followed.
const MAX_REDIRECTS: u32 = 5;

/// The longest secret, bytes.
const MAX_SECRET: u64 = 4096;

/// The longest validator that is kept, bytes; a server that sends longer ones is asked without.
const MAX_VALIDATOR: usize = 1024;

/// What a server said of the version it sent (RFC 9110, section 8.8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Validators {
    /// Its tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// When it was changed last, as the server wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

/// What came of a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The feed, read.
    New(Reading, Validators),
    /// The same as before.
    Same,
}

/// Why a feed could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The connection, the name, TLS, a time that ran out.
    #[error("{0}")]
    Transport(String),
    /// The server said no.
    #[error("the server answered {status}")]
    Status {
        /// How.
        status: StatusCode,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// More bytes than it may have.
    #[error("it has more than {0} bytes (max_bytes)")]
    TooLarge(u64),
    /// A file, the feed's own or that of a secret.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It came, and is not to be believed.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Fetches and reads a feed.
///
/// # Errors
/// Whatever goes wrong on the way; the old set stays.
pub fn fetch(feed: &Feed, before: &Validators, now: Timestamp) -> Result<Fetched, FetchError> {
    if let Some(path) = feed.url.strip_prefix("file://") {
        return from_file(feed, Path::new(path), before, now);
    }
    let client = Client::new(feed)?;
    if feed.format == Format::Taxii {
        let reading = taxii::fetch(feed, &client, now)?;
        return Ok(Fetched::New(reading, Validators::default()));
    }
    let mut asked = Vec::new();
    if let Some(etag) = &before.etag {
        asked.push((header::IF_NONE_MATCH.as_str(), etag.as_str()));
    }
    if let Some(date) = &before.last_modified {
        asked.push((header::IF_MODIFIED_SINCE.as_str(), date.as_str()));
    }
    let Some(answer) = client.get(&feed.url, &asked)? else {
        return Ok(Fetched::Same);
    };
    let kept = |name| {
        let value = answer.headers().get(name)?.to_str().ok()?;
        (value.len() <= MAX_VALIDATOR).then(|| value.to_owned())
    };
    let validators = Validators {
        etag: kept(header::ETAG),
        last_modified: kept(header::LAST_MODIFIED),
    };
    let bytes = body(answer, feed.max_bytes, feed.max_bytes)?;
    Ok(Fetched::New(read::read(feed, &bytes, now)?, validators))
}

fn from_file(
    feed: &Feed,
    path: &Path,
    before: &Validators,
    now: Timestamp,
) -> Result<Fetched, FetchError> {
    let failed = |source| FetchError::File {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    let changed = about.modified().ok();
    let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let validators = Validators {
        etag: changed.map(|time| format!("{} {}", time.as_nanos(), about.len())),
        last_modified: None,
    };
    if validators.etag.is_some() && validators == *before {
        return Ok(Fetched::Same);
    }
    let bytes = limited(file, feed.max_bytes, feed.max_bytes).map_err(|error| match error {
        Limited::TooLarge => FetchError::TooLarge(feed.max_bytes),
        Limited::Io(source) => failed(source),
    })?;
    Ok(Fetched::New(read::read(feed, &bytes, now)?, validators))
}

enum Limited {
    TooLarge,
    Io(io::Error),
}

/// Everything that comes, up to `left` bytes.
fn limited(from: impl Read, left: u64, expected: u64) -> Result<Vec<u8>, Limited> {
    let mut bytes = Vec::with_capacity(usize::try_from(expected.min(1 << 16)).unwrap_or(0));
    let mut from = from.take(left.saturating_add(1));
    from.read_to_end(&mut bytes).map_err(Limited::Io)?;
    if bytes.len() as u64 > left {
        return Err(Limited::TooLarge);
    }
    Ok(bytes)
}

/// The body of an answer, unpacked; at most `left` of the `most` bytes that a feed may have.
pub(super) fn body(
    mut answer: Response<Body>,
    left: u64,
    most: u64,
) -> Result<Vec<u8>, FetchError> {
    let reader = answer.body_mut().as_reader();
    limited(reader, left, left).map_err(|error| match error {
        Limited::TooLarge => FetchError::TooLarge(most),
        Limited::Io(error) => FetchError::Transport(error.to_string()),
    })
}

/// Who asks for one feed.
pub(super) struct Client {
    agent: Agent,
    login: Option<(String, String)>,
}

impl Client {
    pub fn new(feed: &Feed) -> Result<Client, FetchError> {
        let login = feed.login.as_ref().map(header_of).transpose()?;
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(ANSWER))
            // A secret is shown to nobody to whom the server sends us on.
            .max_redirects(if login.is_some() { 0 } else { MAX_REDIRECTS })
            .max_redirects_will_error(false)
            // What was asked for over TLS does not come without.
            .https_only(feed.url.starts_with("https://"))
            .max_response_header_size(64 << 10)
            .user_agent(concat!("ratel/", env!("CARGO_PKG_VERSION")))
            .tls_config(
                TlsConfig::builder()
                    .root_certs(RootCerts::PlatformVerifier)
                    .build(),
            )
            .build();
        Ok(Client {
            agent: agent.into(),
            login,
        })
    }

    /// Asks; None where it is the same as before.
    pub fn get(
        &self,
        url: &str,
        headers: &[(&str, &str)],
    ) -> Result<Option<Response<Body>>, FetchError> {
        let mut request = self.agent.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some((name, value)) = &self.login {
            request = request.header(name.as_str(), value.as_str());
        }
        let answer = request
            .call()
            .map_err(|error| FetchError::Transport(error.to_string()))?;
        match answer.status() {
            StatusCode::OK => Ok(Some(answer)),
            StatusCode::NOT_MODIFIED => Ok(None),
            status => {
                let wait = answer.headers().get(header::RETRY_AFTER);
                let wait = wait.and_then(|wait| wait.to_str().ok()?.trim().parse().ok());
                Err(FetchError::Status {
                    status,
                    retry_after: wait.map(Duration::from_secs),
                })
            }
        }
    }
}

/// The header in which a login is shown.
fn header_of(login: &Login) -> Result<(String, String), FetchError> {
    let secret = match (&login.secret, &login.secret_file) {
        (Some(secret), _) => secret.clone(),
        (None, Some(path)) => first_line(path)?,
        (None, None) => String::new(),
    };
    Ok(match (&login.header, &login.user) {
        (Some(header), _) => (header.clone(), secret),
        (None, user) => {
            let user = user.as_deref().unwrap_or_default();
            let shown = STANDARD.encode(format!("{user}:{secret}"));
            ("authorization".to_owned(), format!("Basic {shown}"))
        }
    })
}

fn first_line(path: &Path) -> Result<String, FetchError> {
    let read = || {
        let mut line = String::new();
        BufReader::new(File::open(path)?.take(MAX_SECRET)).read_line(&mut line)?;
        Ok(line.trim().to_owned())
    };
    read().map_err(|source| FetchError::File {
        path: path.to_owned(),
        source,
    })
}
