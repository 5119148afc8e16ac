//! Requests: one at a time, with a limit for everything, and failures told apart by whether the request
//! may have arrived. A connection is used once: a kept one that the server closed meanwhile would leave
//! open whether it did.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use ureq::http::{Method, Request};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Error, Timeout};

use super::clean;
use super::deliver::{Failed, How};

/// Time for a connection: who can't be reached in this must not keep what follows waiting.
const CONNECT: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read.
const MAX_ANSWER: u64 = 1 << 20;
/// Characters of an answer that are told as the reason.
const MAX_TOLD: usize = 200;

/// Who asks one server.
#[derive(Debug)]
pub struct Http {
    agent: Agent,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body, cut.
    pub body: Vec<u8>,
    /// How long it asked us to wait.
    pub retry_after: Option<Duration>,
}

impl Http {
    /// With the certificates of `ca`, or the system's.
    ///
    /// # Errors
    /// The file of certificates can't be read or has none.
    pub fn new(timeout: Duration, ca: Option<&Path>) -> Result<Http, String> {
        let roots = match ca {
            Some(path) => read_roots(path).map_err(|why| format!("{}: {why}", path.display()))?,
            None => RootCerts::PlatformVerifier,
        };
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT.min(timeout)))
            .timeout_global(Some(timeout))
            // A server that sends us on would get what was meant for another.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .max_response_header_size(64 << 10)
            .user_agent(concat!("ratel/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build();
        Ok(Http {
            agent: agent.into(),
        })
    }

    /// Asks; any status is an answer.
    ///
    /// # Errors
    /// There was none.
    pub fn ask(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, Failed> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        // Neither the address nor a header may be told: both can hold secrets.
        let malformed = |_| Failed::new(How::Refused, "the address or a header is malformed");
        let mut answer = match body {
            [] => self.agent.run(request.body(()).map_err(malformed)?),
            body => self.agent.run(request.body(body).map_err(malformed)?),
        }
        .map_err(|error| failed(&error))?;
        let retry_after = answer.headers().get("retry-after");
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let mut body = Vec::new();
        let read = answer
            .body_mut()
            .as_reader()
            .take(MAX_ANSWER)
            .read_to_end(&mut body);
        let status = answer.status().as_u16();
        // The status says whether it was taken; without the body it is enough.
        if read.is_err() && status / 100 == 2 {
            body.clear();
        }
        Ok(Answer {
            status,
            body,
            retry_after: retry_after.map(Duration::from_secs),
        })
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// There was no answer.
    pub fn post_json(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: &serde_json::Value,
    ) -> Result<Answer, Failed> {
        let mut all = vec![("content-type", "application/json; charset=utf-8")];
        all.extend_from_slice(headers);
        self.ask(Method::POST, url, &all, body.to_string().as_bytes())
    }
}

impl Answer {
    /// The answer where it says yes.
    ///
    /// # Errors
    /// It says no: what that means by its status (RFC 9110, section 15).
    pub fn good(self) -> Result<Answer, Failed> {
        let how = match self.status {
            200..=299 => return Ok(self),
            // Not taken: too early, too many, not now.
            408 | 425 | 429 | 503 => How::Away,
            // A wrong secret, address or right: mended by people, and then told.
            401 | 403 | 404 | 405 | 407 | 410 => How::Denied,
            300..=399 => How::Denied,
            400..=499 => How::Refused,
            // The server failed, nobody knows at which point.
            _ => How::Unknown,
        };
        let body = String::from_utf8_lossy(&self.body);
        let text = clean::line(&body, MAX_TOLD);
        let reason = match (self.status, text.is_empty()) {
            (300..=399, _) => format!("it answered {}: redirects are not followed", self.status),
            (status, true) => format!("it answered {status}"),
            (status, false) => format!("it answered {status}: {text}"),
        };
        Err(Failed {
            how,
            reason,
            retry_after: self.retry_after,
        })
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

fn read_roots(path: &Path) -> Result<RootCerts, String> {
    let pem = fs::read(path).map_err(|error| error.to_string())?;
    let mut roots = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(one) = item.map_err(|error| error.to_string())? {
            roots.push(one);
        }
    }
    match roots.is_empty() {
        true => Err("it has no certificate".into()),
        false => Ok(RootCerts::new_with_certs(&roots)),
    }
}

fn failed(error: &Error) -> Failed {
    use std::io::ErrorKind;
    match error {
        Error::Timeout(Timeout::Resolve) => {
            Failed::new(How::Away, "its name was not resolved in time")
        }
        Error::Timeout(Timeout::Connect) => Failed::new(How::Away, "no connection in time"),
        Error::Timeout(_) => Failed::new(How::Unknown, "no answer in time"),
        Error::HostNotFound => Failed::new(How::Away, "its name is not known"),
        Error::ConnectionFailed => Failed::new(How::Away, "no connection"),
        Error::Tls(why) => Failed::new(How::Away, format!("TLS: {why}")),
        Error::Rustls(why) => Failed::new(How::Away, format!("TLS: {why}")),
        Error::Io(why) => {
            let how = match why.kind() {
                ErrorKind::ConnectionRefused
                | ErrorKind::HostUnreachable
                | ErrorKind::NetworkUnreachable
                | ErrorKind::NetworkDown
                | ErrorKind::AddrNotAvailable => How::Away,
                _ => How::Unknown,
            };
            Failed::new(how, why.to_string())
        }
        // They repeat the address, which may be secret.
        Error::BadUri(_) | Error::RequireHttpsOnly(_) | Error::InvalidProxyUrl => {
            Failed::new(How::Denied, "the address is malformed")
        }
        Error::Protocol(why) => Failed::new(How::Unknown, format!("it does not speak HTTP: {why}")),
        _ => Failed::new(How::Unknown, "the exchange broke off"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_whether_it_was_taken() {
        let check = |status: u16, expected: Option<How>| {
            let answer = Answer {
                status,
                body: b"why\r\nnot".to_vec(),
                retry_after: None,
            };
            let told = answer.good();
            assert_eq!(
                told.as_ref().err().map(|failed| failed.how),
                expected,
                "{status}"
            );
            if let Err(failed) = told {
                assert!(!failed.reason.contains('\n'));
            }
        };
        check(200, None);
        check(202, None);
        check(302, Some(How::Denied));
        check(400, Some(How::Refused));
        check(401, Some(How::Denied));
        check(404, Some(How::Denied));
        check(413, Some(How::Refused));
        check(429, Some(How::Away));
        check(500, Some(How::Unknown));
        check(502, Some(How::Unknown));
        check(503, Some(How::Away));
    }
}
