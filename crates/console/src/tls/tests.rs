//! TLS from end to end, over loopback.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use event::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use state::Role;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;

use super::validity::facts;
use super::{Acceptor, Authority, Config, Error, Peer, Tls, client};
use crate::serve::{self, Limits};

const DAY: i64 = 86_400;

/// The clock of this machine: what verifies certificates asks it.
fn now() -> Timestamp {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::new(since.as_secs() as i64, 0)
}

fn after(days: i64) -> Timestamp {
    Timestamp::new(now().secs() + days * DAY, 0)
}

fn open(folder: &std::path::Path, config: &Config, now: Timestamp) -> Result<Tls, Error> {
    Tls::open(config, folder, &["192.0.2.77".parse().unwrap()], now)
}

fn trusting(pem: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// A door that says who came; the address where it listens.
async fn door(acceptor: Acceptor, stop: watch::Receiver<bool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().route(
        "/",
        axum::routing::get(|axum::Extension(peer): axum::Extension<Peer>| async move {
            let machine = peer.machine.map(|who| format!("{} {}", who.name, who.role));
            machine.unwrap_or_else(|| "a person".to_owned())
        }),
    );
    let limits = Limits {
        api: "test",
        connections: 8,
        body: 1024,
        head: Duration::from_millis(500),
        connection: Duration::from_secs(10),
    };
    tokio::spawn(async move {
        serve::tls(
            &listener,
            acceptor,
            crate::proxies::Trusted::default(),
            router,
            limits,
            stop,
        )
        .await
    });
    address
}

async fn ask(address: SocketAddr, config: ClientConfig, name: &str) -> std::io::Result<String> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.lines().last().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn browsers_that_trust_our_authority_come_in_by_every_name() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        names: vec!["ids.example".to_owned()],
        ..Config::default()
    };
    let tls = open(folder.path(), &config, now()).unwrap();
    let (_tell, stop) = watch::channel(false);
    let address = door(tls.acceptor(), stop).await;
    for name in ["localhost", "127.0.0.1", "192.0.2.77", "ids.example"] {
        let told = ask(address, trusting(tls.authority().pem()), name).await;
        assert_eq!(told.unwrap(), "a person", "{name}");
    }
    let told = ask(address, trusting(tls.authority().pem()), "evil.example").await;
    assert!(told.is_err());
    let other = tempfile::tempdir().unwrap();
    let stranger = Authority::open(other.path(), now()).unwrap();
    assert!(
        ask(address, trusting(stranger.pem()), "localhost")
            .await
            .is_err()
    );
}

#[tokio::test]
async fn roles_come_in_with_a_certificate_of_ours_alone() {
    let folder = tempfile::tempdir().unwrap();
    let tls = open(folder.path(), &Config::default(), now()).unwrap();
    let (_tell, stop) = watch::channel(false);
    let address = door(tls.machines(), stop).await;
    let authority = tls.authority();
    let issued = authority.issue("Sensor-1", Role::Ingest, now()).unwrap();
    let with = |issued: &super::Issued| {
        client(
            authority.pem(),
            &issued.certificate,
            issued.key.as_deref().unwrap(),
        )
        .unwrap()
    };
    let told = ask(address, with(&issued), "localhost").await.unwrap();
    assert_eq!(told, "sensor-1 ingest");
    // None, a stranger's, a server's, one that is over.
    assert!(
        ask(address, trusting(authority.pem()), "localhost")
            .await
            .is_err()
    );
    let other = tempfile::tempdir().unwrap();
    let stranger = Authority::open(other.path(), now()).unwrap();
    let forged = stranger.issue("sensor-1", Role::Admin, now()).unwrap();
    assert!(ask(address, with(&forged), "localhost").await.is_err());
    let server = authority.server(&["sensor-1".to_owned()], now()).unwrap();
    assert!(ask(address, with(&server), "localhost").await.is_err());
    let over = authority
        .issue("sensor-1", Role::Ingest, after(-40))
        .unwrap();
    assert!(ask(address, with(&over), "localhost").await.is_err());
}

#[tokio::test]
async fn a_role_renews_its_certificate_and_cannot_become_another() {
    let folder = tempfile::tempdir().unwrap();
    let tls = open(folder.path(), &Config::default(), now()).unwrap();
    let authority = tls.authority();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut asked = rcgen::CertificateParams::new(vec!["admin".to_owned()]).unwrap();
    asked
        .distinguished_name
        .push(rcgen::DnType::CommonName, "root");
    let request = asked.serialize_request(&key).unwrap().pem().unwrap();
    let renewed = authority
        .renew(&request, "sensor-1", Role::Ingest, now())
        .unwrap();
    let (_tell, stop) = watch::channel(false);
    let address = door(tls.machines(), stop).await;
    let config = client(authority.pem(), &renewed.certificate, &key.serialize_pem()).unwrap();
    assert_eq!(
        ask(address, config, "localhost").await.unwrap(),
        "sensor-1 ingest"
    );
    assert!(
        authority
            .renew("no request", "x", Role::Ingest, now())
            .is_err()
    );
}

#[tokio::test]
async fn who_does_not_shake_hands_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let tls = open(folder.path(), &Config::default(), now()).unwrap();
    let (_tell, stop) = watch::channel(false);
    let address = door(tls.acceptor(), stop).await;
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"));
    // A head that never ends is ended by us.
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(trusting(tls.authority().pem())));
    let name = ServerName::try_from("localhost").unwrap();
    let mut slow = connector.connect(name, stream).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nX: ").await.unwrap();
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), slow.read_to_end(&mut answer)).await;
    assert!(ended.is_ok());
}

#[test]
fn the_authority_stays_and_its_key_is_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("tls");
    let first = Authority::open(&folder, now()).unwrap();
    let again = Authority::open(&folder, now()).unwrap();
    assert_eq!(first.fingerprint(), again.fingerprint());
    assert_eq!(first.fingerprint().len(), 95);
    for key in ["ca.key", "server.key"] {
        let _ = open(&folder, &Config::default(), now()).unwrap();
        let mode = fs::metadata(folder.join(key)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
    fs::set_permissions(folder.join("ca.key"), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(Authority::open(&folder, now()).is_err());
}

#[test]
fn our_certificate_is_renewed_before_it_ends_and_when_names_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let tls = open(folder.path(), &Config::default(), now()).unwrap();
    let first = tls.shown();
    assert_eq!(first.source, "own");
    assert!(first.until > after(88) && first.until < after(92));
    tls.look(after(50));
    assert_eq!(tls.shown(), first);
    tls.look(after(70));
    let second = tls.shown();
    assert!(second.until > first.until);
    assert_ne!(second.fingerprint, first.fingerprint);
    // A restart shows the same; another name makes another.
    let again = open(folder.path(), &Config::default(), after(70)).unwrap();
    assert_eq!(again.shown(), second);
    let config = Config {
        names: vec!["new.example".to_owned()],
        ..Config::default()
    };
    let named = open(folder.path(), &config, after(70)).unwrap();
    assert_ne!(named.shown().fingerprint, second.fingerprint);
}

#[test]
fn a_given_certificate_is_read_again_when_it_changes_and_kept_when_it_breaks() {
    let folder = tempfile::tempdir().unwrap();
    let given = tempfile::tempdir().unwrap();
    let (certificate, key) = (given.path().join("c.pem"), given.path().join("k.pem"));
    let theirs = Authority::open(&given.path().join("ca"), now()).unwrap();
    let put = |name: &str| {
        let issued = theirs.server(&[name.to_owned()], now()).unwrap();
        fs::write(&key, issued.key.unwrap()).unwrap();
        fs::write(&certificate, issued.certificate).unwrap();
    };
    let config = Config {
        certificate: Some(certificate.clone()),
        key_file: Some(key.clone()),
        ..Config::default()
    };
    assert!(open(folder.path(), &config, now()).is_err());
    put("a.example");
    let tls = open(folder.path(), &config, now()).unwrap();
    let first = tls.shown();
    assert_eq!(first.source, "given");
    tls.look(now());
    assert_eq!(tls.shown(), first);
    put("another.name.example");
    tls.look(now());
    let second = tls.shown();
    assert_ne!(second.fingerprint, first.fingerprint);
    fs::write(&certificate, "broken").unwrap();
    tls.look(now());
    assert_eq!(tls.shown(), second);
    // A key of another certificate.
    put("a.example");
    let other = theirs.server(&["a.example".to_owned()], now()).unwrap();
    fs::write(&key, other.key.unwrap()).unwrap();
    assert!(open(folder.path(), &config, now()).is_err());
}

#[test]
fn what_is_issued_says_for_whom_and_how_long() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::open(folder.path(), now()).unwrap();
    let issued = authority.issue("Sensor-1", Role::Responder, now()).unwrap();
    let der = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
    let facts = facts(&der).unwrap();
    assert_eq!(facts.common_name, "sensor-1");
    assert_eq!(facts.names, ["urn:ratel:role:responder"]);
    assert!(facts.from <= now() && facts.until > after(28) && facts.until < after(32));
    assert!(authority.issue("a/b", Role::Viewer, now()).is_err());
    assert!(authority.until() > after(3600));
}
