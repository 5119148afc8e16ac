//! The other side: how a role of another machine comes to the console.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::{Error, refused};

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
