//! A certificate by ACME (RFC 8555): ordered, challenged on our own port (TLS-ALPN-01, RFC 8737), renewed in time.

use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::ClientHello;
use rustls::{ClientConfig, RootCertStore};
use rustls_acme::caches::DirCache;
use rustls_acme::{AcmeConfig, AcmeState, ResolvesServerCertAcme};
use tokio::sync::watch;

use super::config::Acme;
use super::{Error, refused};

/// The protocol that challenges speak.
pub(super) const PROTOCOL: &[u8] = b"acme-tls/1";

/// What shows ACME's certificate.
pub(super) type Resolver = ResolvesServerCertAcme;

/// Whether somebody tries whether this is us: an ACME authority, nobody else.
pub(super) fn is_challenge(hello: &ClientHello<'_>) -> bool {
    rustls_acme::is_tls_alpn_challenge(hello)
}

/// Ordering and renewing under way.
pub(super) struct Running(AcmeState<std::io::Error>);

/// Begins to order. Account and certificates are kept in `folder`, so that a restart orders nothing anew.
pub(super) fn start(config: &Acme, folder: &Path) -> Result<Running, Error> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = &config.ca_file {
        let all = CertificateDer::pem_file_iter(path)
            .map_err(|error| Error::file("read", path, error))?;
        for certificate in all {
            let certificate = certificate.map_err(|error| Error::file("use", path, error))?;
            roots.add(certificate).map_err(refused)?;
        }
    } else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut acme = AcmeConfig::new_with_client_config(&config.domains, Arc::new(client))
        .directory(&config.directory);
    if let Some(email) = &config.email {
        acme = acme.contact_push(format!("mailto:{email}"));
    }
    let kept = folder.join("acme");
    // Keys stand in it.
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&kept)
        .and_then(|()| std::fs::set_permissions(&kept, Permissions::from_mode(0o700)))
        .map_err(|error| Error::file("make", &kept, error))?;
    Ok(Running(acme.cache(DirCache::new(kept)).state()))
}

impl Running {
    pub fn resolver(&self) -> Arc<Resolver> {
        self.0.resolver()
    }

    /// Orders and renews until told to stop. What fails is told and tried again by itself.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        use futures_core::Stream as _;
        loop {
            let next = std::future::poll_fn(|context| Pin::new(&mut self.0).poll_next(context));
            let told = tokio::select! {
                told = next => told,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            match told {
                Some(Ok(done)) => tracing::info!(target: "tls", "ACME: {done:?}"),
                Some(Err(error)) => tracing::error!(target: "tls", "ACME: {error}"),
                None => return,
            }
        }
    }
}
