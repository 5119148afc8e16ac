//! The certificate that is shown: read, renewed before it ends, exchanged without a restart.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use event::Timestamp;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::authority::{Authority, fingerprint, write};
use super::config::Config;
use super::validity::facts;
use super::{Error, acme, refused};

/// The certificate of our own authority.
const OWN: &str = "server.crt";
/// Its key.
const OWN_KEY: &str = "server.key";
/// A certificate of ours is renewed when it holds for less than this.
const RENEW: Duration = Duration::from_secs(30 * 86_400);
/// Bytes of a file of certificates.
const MOST: u64 = 1 << 20;

/// What is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// `own`, `given` or `acme`.
    pub source: &'static str,
    /// SHA-256 of the certificate; of ACME's only the authority's fallback is known here.
    pub fingerprint: String,
    /// Until when it holds.
    pub until: Timestamp,
}

/// One certificate with its key, exchanged while others read it.
#[derive(Debug)]
pub struct Slot(RwLock<Arc<CertifiedKey>>);

impl Slot {
    fn new(key: CertifiedKey) -> Arc<Slot> {
        Arc::new(Slot(RwLock::new(Arc::new(key))))
    }

    fn get(&self) -> Arc<CertifiedKey> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn put(&self, key: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
    }
}

impl ResolvesServerCert for Slot {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

/// A certificate that was given, as files.
#[derive(Debug)]
struct Given {
    certificate: PathBuf,
    key: PathBuf,
    slot: Arc<Slot>,
    seen: RwLock<Option<Stamp>>,
}

/// When the files changed, and how long they are.
type Stamp = [(SystemTime, u64); 2];

/// Everything that can be shown.
#[derive(Debug)]
pub struct Certificates {
    folder: PathBuf,
    authority: Arc<Authority>,
    names: Vec<String>,
    own: Arc<Slot>,
    given: Option<Given>,
    acme: RwLock<Option<Arc<acme::Resolver>>>,
}

impl Certificates {
    /// Reads what is configured; makes a certificate of our own where there is none that serves.
    ///
    /// # Errors
    /// Files that can't be read or written, a given certificate that can't be used.
    pub fn open(
        config: &Config,
        folder: &Path,
        authority: Arc<Authority>,
        names: Vec<String>,
        now: Timestamp,
    ) -> Result<Certificates, Error> {
        let (own, _) = own(folder, &authority, &names, now)?;
        let given = match (&config.certificate, &config.key_file) {
            (Some(certificate), Some(key)) => Some(Given {
                slot: Slot::new(load(certificate, key)?),
                seen: RwLock::new(stamp(certificate, key)),
                certificate: certificate.clone(),
                key: key.clone(),
            }),
            _ => None,
        };
        Ok(Certificates {
            folder: folder.to_owned(),
            authority,
            names,
            own: Slot::new(own),
            given,
            acme: RwLock::new(None),
        })
    }

    /// The one of our own authority, whatever else is shown.
    #[must_use]
    pub fn own(&self) -> Arc<Slot> {
        self.own.clone()
    }

    /// From now on ACME's is shown, as soon as there is one.
    pub(super) fn shown_by_acme(&self, resolver: Arc<acme::Resolver>) {
        *self.acme.write().unwrap_or_else(PoisonError::into_inner) = Some(resolver);
    }

    /// What is shown.
    #[must_use]
    pub fn shown(&self) -> Shown {
        let (source, key) = match &self.given {
            Some(given) => ("given", given.slot.get()),
            None => ("own", self.own.get()),
        };
        let by_acme = self.acme.read().unwrap_or_else(PoisonError::into_inner);
        let source = by_acme.as_ref().map_or(source, |_| "acme");
        let end = key.cert.first();
        Shown {
            source,
            fingerprint: end.map(|der| fingerprint(der)).unwrap_or_default(),
            until: end
                .and_then(|der| facts(der))
                .map_or(Timestamp::default(), |facts| facts.until),
        }
    }

    /// Renews and reads again what is due: what was done, and what failed.
    pub fn look(&self, now: Timestamp) -> Vec<Result<String, Error>> {
        let mut told = Vec::new();
        match own(&self.folder, &self.authority, &self.names, now) {
            Ok((key, true)) => {
                self.own.put(key);
                told.push(Ok(
                    "the certificate of our own authority was renewed".to_owned()
                ));
            }
            Ok((_, false)) => {}
            Err(error) => told.push(Err(error)),
        }
        if let Some(given) = &self.given {
            let found = stamp(&given.certificate, &given.key);
            let mut seen = given.seen.write().unwrap_or_else(PoisonError::into_inner);
            if found.is_some() && *seen != found {
                // Also where it fails: it is told once for each change.
                *seen = found;
                told.push(load(&given.certificate, &given.key).map(|key| {
                    given.slot.put(key);
                    format!("{} was read again", given.certificate.display())
                }));
            }
        }
        told
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let by_acme = self
            .acme
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(resolver) = by_acme {
            let is_challenge = acme::is_challenge(&hello);
            let found = resolver.resolve(hello);
            if is_challenge || found.is_some() {
                return found;
            }
        }
        Some(match &self.given {
            Some(given) => given.slot.get(),
            None => self.own.get(),
        })
    }
}

/// The certificate of our own authority, and whether it had to be made: because there is none, it ends soon, it is of
/// another authority, or the host has a name that it does not say.
fn own(
    folder: &Path,
    authority: &Authority,
    names: &[String],
    now: Timestamp,
) -> Result<(CertifiedKey, bool), Error> {
    let (path, key_path) = (folder.join(OWN), folder.join(OWN_KEY));
    if let Ok(loaded) = load(&path, &key_path)
        && let Some(facts) = loaded.cert.first().and_then(|der| facts(der))
    {
        let says_all = names.iter().all(|name| facts.names.contains(name));
        let is_ours = loaded.cert.get(1) == Some(authority.certificate());
        let holds = facts.from <= now && facts.until.since(now) > RENEW;
        if says_all && is_ours && holds {
            return Ok((loaded, false));
        }
    }
    let made = authority.server(names, now)?;
    let chain = format!("{}{}", made.certificate, authority.pem());
    write(&key_path, &made.key.unwrap_or_default(), 0o600)?;
    write(&path, &chain, 0o644)?;
    Ok((load(&path, &key_path)?, true))
}

/// Reads a certificate with its chain, and the key, which must be its own.
fn load(certificate: &Path, key: &Path) -> Result<CertifiedKey, Error> {
    let chain = read(certificate)?;
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(&chain).collect();
    let chain = chain.map_err(|error| Error::file("use", certificate, error))?;
    if chain.is_empty() {
        return Err(Error::file("use", certificate, "no certificate in it"));
    }
    let der = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|error| Error::file("use", key, error))?;
    let signing = any_supported_type(&der).map_err(|error| Error::file("use", key, error))?;
    let loaded = CertifiedKey::new(chain, signing);
    loaded.keys_match().map_err(refused)?;
    Ok(loaded)
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let found = fs::metadata(path).map_err(|error| Error::file("read", path, error))?;
    if found.len() > MOST {
        return Err(Error::file("use", path, "it is no certificate: too large"));
    }
    fs::read(path).map_err(|error| Error::file("read", path, error))
}

fn stamp(certificate: &Path, key: &Path) -> Option<Stamp> {
    let of = |path: &Path| {
        let found = fs::metadata(path).ok()?;
        Some((found.modified().ok()?, found.len()))
    };
    Some([of(certificate)?, of(key)?])
}
