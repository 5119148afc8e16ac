//! From a connection to an encrypted one, with limits.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::acme;
use super::authority::role_of;
use crate::auth::Principal;

/// Time for a handshake: two round trips over a bad line.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Who stands at the other end of an encrypted connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where.
    pub address: SocketAddr,
    /// Which role of Ratel's, where it showed a certificate of our authority.
    pub machine: Option<Principal>,
}

/// What accepts. Clones are the same.
#[derive(Clone)]
pub struct Acceptor(TlsAcceptor);

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptor")
    }
}

impl Acceptor {
    pub(super) fn new(config: ServerConfig) -> Acceptor {
        Acceptor(TlsAcceptor::from(Arc::new(config)))
    }

    /// Shakes hands. None where the other does not, or takes too long, or was an ACME authority that has seen enough.
    pub async fn accept(
        &self,
        stream: TcpStream,
        address: SocketAddr,
    ) -> Option<(TlsStream<TcpStream>, Peer)> {
        // Answers are small and waited for.
        let _ = stream.set_nodelay(true);
        let stream = match timeout(HANDSHAKE, self.0.accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(target: "tls", from = %address, %error, "no handshake");
                return None;
            }
            Err(_) => {
                tracing::debug!(target: "tls", from = %address, "a handshake took too long");
                return None;
            }
        };
        let (_, connection) = stream.get_ref();
        if connection.alpn_protocol() == Some(acme::PROTOCOL) {
            return None;
        }
        // Where one was asked for, it was verified before we come here.
        let shown = connection.peer_certificates();
        let machine = shown.and_then(|all| role_of(all.first()?));
        let machine = machine.map(|of| Principal::machine(of.name, of.role, of.serial));
        if shown.is_some() && machine.is_none() {
            tracing::warn!(target: "tls", from = %address, "a certificate of ours says no role");
            return None;
        }
        Some((stream, Peer { address, machine }))
    }
}
