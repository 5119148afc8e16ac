//! Speaks HTTP with the nodes of a server: each answer has a limit in bytes and time.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::{Config, Error};

/// Time for a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// The largest answer, bytes: ten thousand hits of a usual record are a tenth of it.
const MAX_ANSWER: u64 = 256 << 20;

/// The most of an answer's words that go into an error, characters.
const MAX_REASON: usize = 500;

/// A file with a secret or certificates, bytes.
const MAX_FILE: u64 = 1 << 20;

/// A server.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    urls: Vec<String>,
    /// Which of them answered last.
    current: AtomicUsize,
    authorization: Option<String>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Client {
    pub fn new(config: &Config) -> Result<Client, Error> {
        let root_certs = match &config.ca_file {
            None => RootCerts::PlatformVerifier,
            Some(path) => {
                let bad = || Error::File {
                    path: path.clone(),
                    why: "no certificate in PEM".into(),
                };
                let pem = read(path)?;
                let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
                    .filter_map(|item| match item {
                        Ok(PemItem::Certificate(certificate)) => Some(certificate),
                        _ => None,
                    })
                    .collect();
                if certificates.is_empty() {
                    return Err(bad());
                }
                RootCerts::from(certificates)
            }
        };
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(Duration::from_secs(config.timeout_secs)))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(64 << 10)
            .user_agent(concat!("ratel/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(root_certs).build())
            .build();
        Ok(Client {
            agent: agent.into(),
            urls: config
                .urls
                .iter()
                .map(|url| url.trim_end_matches('/').to_owned())
                .collect(),
            current: AtomicUsize::new(0),
            authorization: authorization(config)?,
        })
    }

    /// Asks and takes the answer whatever its status; asks the next node where one cannot be reached.
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, &[u8])>,
    ) -> Result<Answer, Error> {
        let first = self.current.load(Ordering::Relaxed);
        let mut failed = String::new();
        for turn in 0..self.urls.len() {
            let place = (first + turn) % self.urls.len().max(1);
            let Some(url) = self.urls.get(place) else {
                continue;
            };
            match self.once(method, &format!("{url}{path}"), body) {
                Ok(answer) => {
                    self.current.store(place, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(why) => failed = format!("{url}: {why}"),
            }
        }
        Err(Error::Unreachable(failed))
    }

    fn once(&self, method: &str, url: &str, body: Option<(&str, &[u8])>) -> Result<Answer, String> {
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization.as_str());
        }
        let answer = match body {
            Some((kind, body)) => {
                let request = request.header("content-type", kind).body(body);
                self.agent.run(request.map_err(|error| error.to_string())?)
            }
            None => {
                let request = request.body(());
                self.agent.run(request.map_err(|error| error.to_string())?)
            }
        };
        let mut answer = answer.map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        answer
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER)
            .reader()
            .read_to_end(&mut bytes)
            .map_err(|error| error.to_string())?;
        Ok(Answer {
            status: answer.status().as_u16(),
            body: bytes,
        })
    }

    /// Asks with JSON and takes an answer that is no error.
    pub fn json(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Error> {
        let text = body.map(Value::to_string);
        let body = text
            .as_ref()
            .map(|text| ("application/json", text.as_bytes()));
        let answer = self.ask(method, path, body)?;
        answer.json(path)
    }
}

impl Answer {
    /// The answer where it is no error.
    pub fn json(&self, path: &str) -> Result<Value, Error> {
        if !(200..300).contains(&self.status) {
            return Err(self.error(path));
        }
        serde_json::from_slice(&self.body).map_err(|error| Error::Unreadable {
            path: path.to_owned(),
            why: error.to_string(),
        })
    }

    /// What the server said against it.
    pub fn error(&self, path: &str) -> Error {
        let body: Option<Value> = serde_json::from_slice(&self.body).ok();
        let reason = body.as_ref().and_then(|body| {
            body.pointer("/error/root_cause/0/reason")
                .or_else(|| body.pointer("/error/reason"))
                .or_else(|| body.get("error"))
        });
        let reason = match reason {
            Some(Value::String(reason)) => reason.clone(),
            Some(reason) => reason.to_string(),
            None => String::from_utf8_lossy(&self.body).into_owned(),
        };
        Error::Status {
            status: self.status,
            path: path.to_owned(),
            reason: reason.chars().take(MAX_REASON).collect(),
        }
    }
}

fn authorization(config: &Config) -> Result<Option<String>, Error> {
    let secret = |value: &Option<String>, file: &Option<std::path::PathBuf>| match (value, file) {
        (Some(value), _) => Ok(Some(value.clone())),
        (None, Some(path)) => first_line(path).map(Some),
        (None, None) => Ok(None),
    };
    if let Some(key) = secret(&config.api_key, &config.api_key_file)? {
        return Ok(Some(format!("ApiKey {key}")));
    }
    let Some(user) = &config.user else {
        return Ok(None);
    };
    let password = secret(&config.password, &config.password_file)?.unwrap_or_default();
    let shown = STANDARD.encode(format!("{user}:{password}"));
    Ok(Some(format!("Basic {shown}")))
}

fn first_line(path: &Path) -> Result<String, Error> {
    let text = read(path)?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let read = || {
        let mut bytes = Vec::new();
        fs::File::open(path)?
            .take(MAX_FILE)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|error: std::io::Error| Error::File {
        path: path.to_owned(),
        why: error.to_string(),
    })
}
