//! A certificate by ACME from a real authority: Let's Encrypt's test server `pebble`, on loopback. Skipped where it is
//! not there (`go install github.com/letsencrypt/pebble/v2/cmd/pebble@latest`; `PEBBLE` names it, or the path has it).

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use console::tls::{Authority, Config, Tls};
use event::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpListener;
use tokio::sync::watch;

const NAME: &str = "ids.ratel.test";

/// Longer than an order takes: some seconds, with nonces that pebble refuses on purpose.
const PATIENCE: Duration = Duration::from_secs(120);

fn now() -> Timestamp {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::new(since.as_secs() as i64, 0)
}

/// The program, where it is there.
fn pebble() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("PEBBLE") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    places.extend(std::env::var_os("HOME").map(|home| Path::new(&home).join("go/bin")));
    places
        .into_iter()
        .map(|place| place.join("pebble"))
        .find(|path| path.is_file())
}

/// A port that is free now.
fn free() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Answers every name with 127.0.0.1 over TCP (RFC 1035, 4.2.2; RFC 7766), and says of every other type that there is
/// nothing.
fn names() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || while answer_name(&stream).is_some() {});
        }
    });
    address
}

fn answer_name(mut stream: &TcpStream) -> Option<()> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut query).ok()?;
    // The question ends behind the name's empty label, type and class.
    let labels = query.get(12..)?.iter().position(|byte| *byte == 0)?;
    let end = 12 + labels + 5;
    let is_address = query.get(end - 4..end - 2)? == [0, 1];
    let mut answer = query.get(..end)?.to_vec();
    answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(is_address), 0, 0, 0, 0]);
    if is_address {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    let length = u16::try_from(answer.len()).ok()?.to_be_bytes();
    stream.write_all(&[&length[..], &answer].concat()).ok()
}

/// The authority at work; it ends with this.
struct Pebble {
    child: Child,
    directory: String,
}

impl Drop for Pebble {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it: it looks for whoever asks for a certificate at `ours`.
fn start(program: &Path, folder: &Path, authority: &Authority, ours: u16) -> Pebble {
    let own = authority.server(&["localhost".to_owned()], now()).unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (port, management) = (free(), free());
    let config = serde_json::json!({"pebble": {
        "listenAddress": format!("127.0.0.1:{port}"),
        "managementListenAddress": format!("127.0.0.1:{management}"),
        "certificate": write("pebble.crt", &own.certificate),
        "privateKey": write("pebble.key", &own.key.unwrap()),
        "httpPort": 1,
        "tlsPort": ours,
    }});
    let config = write("pebble.json", &config.to_string());
    let child = Command::new(program)
        .args(["-strict", "-dnsserver", &names().to_string(), "-config"])
        .arg(config)
        .env("PEBBLE_VA_NOSLEEP", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < end, "pebble does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    Pebble {
        child,
        directory: format!("https://localhost:{port}/dir"),
    }
}

/// Takes any certificate, to look at it.
#[derive(Debug)]
struct Any(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The certificate that is shown at this port.
fn shown(port: u16) -> Option<Vec<u8>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Any(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from(NAME).unwrap();
    let client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut stream = rustls::StreamOwned::new(client, stream);
    let _ = stream.read(&mut [0; 1]);
    Some(stream.conn.peer_certificates()?.first()?.to_vec())
}

fn is_by_pebble(certificate: &[u8]) -> bool {
    let has = |text: &[u8]| certificate.windows(text.len()).any(|part| part == text);
    has(b"Pebble") && has(NAME.as_bytes())
}

/// Listens with what `tls` shows until told to stop.
async fn listen(tls: Tls, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let (stream, address) = accepted.unwrap();
        let acceptor = tls.acceptor();
        tokio::spawn(async move { acceptor.accept(stream, address).await.map(drop) });
    }
}

#[test]
fn a_certificate_is_ordered_shown_and_kept_over_a_restart() {
    let Some(program) = pebble() else {
        eprintln!(
            "skipped: pebble is not there (go install github.com/letsencrypt/pebble/v2/cmd/pebble@latest)"
        );
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::open(&folder.path().join("of-pebble"), now()).unwrap();
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, authority.pem()).unwrap();
    let port = free();
    let running = start(&program, folder.path(), &authority, port);
    let text = serde_json::json!({"acme": {"domains": [NAME], "email": "ops@ratel.test",
        "directory": running.directory, "ca_file": roots}});
    let config: Config = serde_json::from_value(text).unwrap();
    let ours = folder.path().join("console");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let open = || {
        let (tell, stop) = watch::channel(false);
        let tls = Tls::open(&config, &ours, &[], now()).unwrap();
        let listener = runtime
            .block_on(TcpListener::bind(("127.0.0.1", port)))
            .unwrap();
        let listening = runtime.spawn(listen(tls.clone(), listener, stop.clone()));
        runtime.spawn(tls.keep(now, stop));
        (tell, listening)
    };
    let wait = || {
        let end = Instant::now() + PATIENCE;
        while !shown(port).is_some_and(|certificate| is_by_pebble(&certificate)) {
            assert!(Instant::now() < end, "no certificate came");
            std::thread::sleep(Duration::from_millis(100));
        }
        shown(port).unwrap()
    };
    let (tell, listening) = open();
    // Until it comes, ours is shown: nobody is kept out.
    assert!(!is_by_pebble(&shown(port).unwrap()));
    let first = wait();
    tell.send(true).unwrap();
    runtime.block_on(listening).unwrap();
    // With nobody left to order from, what was kept is shown.
    drop(running);
    let mode = std::fs::metadata(ours.join("acme"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    let (tell, listening) = open();
    assert_eq!(wait(), first);
    tell.send(true).unwrap();
    runtime.block_on(listening).unwrap();
}
