//! TLS before a server that speaks plain text, with a certificate of its own.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How long one side is waited for before the other is looked at.
const TURN: Duration = Duration::from_millis(10);

/// Takes connections under `name` and passes on what is said to `to`; the certificate is written to
/// `file`. Where it listens.
pub fn before(to: SocketAddr, name: &str, file: &Path) -> SocketAddr {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    std::fs::write(file, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || pass(stream, to, config));
        }
    });
    address
}

fn pass(stream: TcpStream, to: SocketAddr, config: Arc<ServerConfig>) -> Option<()> {
    let mut plain = TcpStream::connect(to).ok()?;
    let mut secret = StreamOwned::new(ServerConnection::new(config).ok()?, stream);
    for stream in [&secret.sock, &plain] {
        stream.set_read_timeout(Some(TURN)).ok()?;
    }
    let mut buffer = vec![0; 65_536];
    loop {
        match secret.read(&mut buffer) {
            Ok(0) => return None,
            Ok(len) => plain.write_all(buffer.get(..len)?).ok()?,
            Err(error) if is_turn(&error) => {}
            Err(_) => return None,
        }
        match plain.read(&mut buffer) {
            Ok(0) => {
                secret.conn.send_close_notify();
                let _ = secret.flush();
                return None;
            }
            Ok(len) => {
                secret.write_all(buffer.get(..len)?).ok()?;
                secret.flush().ok()?;
            }
            Err(error) if is_turn(&error) => {}
            Err(_) => return None,
        }
    }
}

fn is_turn(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
    )
}
