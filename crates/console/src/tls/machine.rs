//! The other side: how a role of another machine comes to the console, and renews its certificate.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use event::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::authority::Issued;
use super::validity::facts;
use super::{Error, refused};

/// Time to connect, and between two pieces of an answer.
const WAIT: Duration = Duration::from_secs(10);
/// Bytes of an answer: two certificates.
const MOST: u64 = 64 << 10;

/// What a role connects with: it trusts our authority alone, and shows the certificate that it was given. All PEM.
///
/// # Errors
/// What is no certificate or key, or does not belong together.
pub fn client(authority: &str, certificate: &str, key: &str) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(authority.as_bytes()).map_err(refused)?;
    roots.add(authority).map_err(refused)?;
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(refused)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain.map_err(refused)?, key)
        .map_err(refused)
}

/// Whether a certificate (PEM) should be renewed: two thirds of its time are over, so that a third is left for a
/// console that does not answer.
///
/// # Errors
/// It is none.
pub fn is_due(certificate: &str, now: Timestamp) -> Result<bool, Error> {
    let der = CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(refused)?;
    let facts = facts(&der).ok_or_else(|| refused("it is no certificate"))?;
    let life = facts.until.since(facts.from);
    Ok(now.since(facts.from) >= life / 3 * 2)
}

/// Renews a certificate at the console that stands at `host:port`: with a new key, which never leaves this machine.
/// Waits on the network.
///
/// # Errors
/// Nobody answers, or the console refuses.
pub fn renew(place: &str, authority: &str, certificate: &str, key: &str) -> Result<Issued, Error> {
    let fresh = rcgen::KeyPair::generate()?;
    let request = rcgen::CertificateParams::default().serialize_request(&fresh)?;
    let body = serde_json::json!({"request": request.pem()?}).to_string();
    let config = client(authority, certificate, key)?;
    let told = post(place, config, "/api/v1/certificates", &body).map_err(refused)?;
    let told = told.map_err(refused)?;
    let certificate = told["certificate"].as_str();
    let certificate =
        certificate.ok_or_else(|| refused("the console's answer has no certificate"))?;
    Ok(Issued {
        certificate: certificate.to_owned(),
        key: Some(fresh.serialize_pem()),
    })
}

/// A connection to the first address of the place that takes one.
fn connect(place: &str) -> std::io::Result<TcpStream> {
    let mut why = std::io::Error::other("the console's name has no address");
    for address in place.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, WAIT) {
            Ok(stream) => return Ok(stream),
            Err(error) => why = error,
        }
    }
    Err(why)
}

/// What is answered to a JSON body, or why nothing else than 201 is.
fn post(
    place: &str,
    config: ClientConfig,
    path: &str,
    body: &str,
) -> std::io::Result<Result<serde_json::Value, String>> {
    let failed = |error: &dyn std::fmt::Display| std::io::Error::other(error.to_string());
    let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
    let host = host.trim_matches(['[', ']']);
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
    let stream = connect(place)?;
    stream.set_read_timeout(Some(WAIT))?;
    stream.set_write_timeout(Some(WAIT))?;
    let client = ClientConnection::new(Arc::new(config), name).map_err(|error| failed(&error))?;
    let mut stream = StreamOwned::new(client, stream);
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()?;
    let mut bytes = Vec::new();
    let read = stream.take(MOST).read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Err(read.err().unwrap_or_else(|| failed(&"no answer")));
    };
    let told: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    if head.starts_with("HTTP/1.1 201 ") {
        return Ok(Ok(told));
    }
    let line = head.lines().next().unwrap_or_default();
    Ok(Err(told["detail"].as_str().unwrap_or(line).to_owned()))
}
