//! TLS always: a certificate of our own authority from the first start on, a given one, or one by ACME; and
//! certificates for Ratel's own roles, which show them to each other.
//!
//! [`Tls::acceptor`] is what the dashboard's door listens with, [`Tls::machines`] what roles of other machines come to:
//! there nobody is let in without a certificate of our authority. [`Tls::keep`] looks after all of it while Ratel runs.

pub mod acceptor;
mod acme;
pub mod authority;
pub mod certificates;
pub mod config;
pub mod machine;
pub mod names;
mod validity;

pub use acceptor::{Acceptor, Peer};
pub use authority::{Authority, Issued};
pub use config::Config;
pub use machine::{client, is_due, renew};

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use event::Timestamp;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::sync::watch;

use certificates::Certificates;

/// How often files are looked at, and whether a certificate is about to end.
const LOOK: Duration = Duration::from_secs(30);

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file can't be read or written.
    #[error("tls: cannot {what} {}: {cause}", path.display())]
    File {
        /// What was to be done.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// A setting can't be.
    #[error("console.web.tls: {0}")]
    Config(String),
    /// A certificate can't be made.
    #[error("tls: cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// The library refuses what it was given.
    #[error("tls: {0}")]
    Refused(String),
}

impl Error {
    pub(crate) fn file(what: &'static str, path: &Path, cause: impl std::fmt::Display) -> Error {
        Error::File {
            what,
            path: path.to_owned(),
            cause: cause.to_string(),
        }
    }
}

/// What a TLS library says.
pub(crate) fn refused(cause: impl std::fmt::Display) -> Error {
    Error::Refused(cause.to_string())
}

/// TLS of one console. Clones are the same.
#[derive(Clone, Debug)]
pub struct Tls {
    authority: Arc<Authority>,
    certificates: Arc<Certificates>,
    browsers: Acceptor,
    machines: Acceptor,
    acme: Option<config::Acme>,
    folder: PathBuf,
}

impl Tls {
    /// Opens the authority in `folder` (made at the first start), and the certificate that is shown. `listens` are
    /// addresses that the certificate of our own must have beside those of this host.
    ///
    /// # Errors
    /// Files that can't be read or written, a given certificate that can't be used.
    pub fn open(
        config: &Config,
        folder: &Path,
        listens: &[IpAddr],
        now: Timestamp,
    ) -> Result<Tls, Error> {
        config.check()?;
        let authority = Arc::new(Authority::open(folder, now)?);
        let mut wanted = names::of_this_host();
        wanted.extend(
            listens
                .iter()
                .filter(|ip| !ip.is_unspecified())
                .map(ToString::to_string),
        );
        wanted.extend(config.names.iter().cloned());
        let wanted = names::plain(wanted);
        let certificates = Certificates::open(config, folder, authority.clone(), wanted, now)?;
        let certificates = Arc::new(certificates);
        let mut roots = RootCertStore::empty();
        roots
            .add(authority.certificate().clone())
            .map_err(refused)?;
        let roots = Arc::new(roots);
        let verifier = || {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            WebPkiClientVerifier::builder_with_provider(roots.clone(), provider)
        };
        let machines = verifier().build().map_err(refused)?;
        // Browsers are told which authority we mean, and have none of it: they show nothing and ask nobody.
        let anybody = verifier().allow_unauthenticated();
        let anybody = anybody.build().map_err(refused)?;
        let builder = || {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map_err(refused)
        };
        let mut for_browsers = builder()?
            .with_client_cert_verifier(anybody)
            .with_cert_resolver(certificates.clone());
        for_browsers.alpn_protocols = vec![b"http/1.1".to_vec()];
        if config.acme.is_some() {
            for_browsers.alpn_protocols.push(acme::PROTOCOL.to_vec());
        }
        // Roles know our authority, whatever browsers are shown.
        let mut for_machines = builder()?
            .with_client_cert_verifier(machines)
            .with_cert_resolver(certificates.own());
        for_machines.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Who resumes a session is not asked for a certificate again: one that is over would hold on.
        for config in [&mut for_browsers, &mut for_machines] {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Tls {
            authority,
            certificates,
            browsers: Acceptor::new(for_browsers),
            machines: Acceptor::new(for_machines),
            acme: config.acme.clone(),
            folder: folder.to_owned(),
        })
    }

    /// For people, their browsers and tokens, who show no certificate; and for roles that show theirs.
    #[must_use]
    pub fn acceptor(&self) -> Acceptor {
        self.browsers.clone()
    }

    /// For roles of other machines: nobody comes in without a certificate of our authority.
    #[must_use]
    pub fn machines(&self) -> Acceptor {
        self.machines.clone()
    }

    /// Our own authority.
    #[must_use]
    pub fn authority(&self) -> &Arc<Authority> {
        &self.authority
    }

    /// What is shown, for status and log.
    #[must_use]
    pub fn shown(&self) -> certificates::Shown {
        self.certificates.shown()
    }

    /// Renews and reads again what is due. What fails is told, and what was shown before is shown on.
    pub fn look(&self, now: Timestamp) {
        for told in self.certificates.look(now) {
            match told {
                Ok(done) => tracing::info!(target: "tls", "{done}"),
                Err(error) => tracing::error!(target: "tls", "{error}"),
            }
        }
    }

    /// Looks after certificates until told to stop.
    pub async fn keep(self, now: impl Fn() -> Timestamp + Send, mut stop: watch::Receiver<bool>) {
        if let Some(config) = &self.acme {
            match acme::start(config, &self.folder) {
                Ok(running) => {
                    self.certificates.shown_by_acme(running.resolver());
                    tokio::spawn(running.run(stop.clone()));
                }
                Err(error) => tracing::error!(target: "tls", "{error}"),
            }
        }
        let mut beat = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                _ = beat.tick() => self.look(now()),
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests;
