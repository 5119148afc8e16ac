//! Ratel's own certificate authority: made at the first start, its key read by nobody else.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use event::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
    date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use state::Role;

use super::validity::{Facts, facts};
use super::{Error, refused};
use crate::auth::secret;

/// The authority's certificate: what browsers and roles are given to trust.
pub const CERTIFICATE: &str = "ca.crt";
/// Its key.
const KEY: &str = "ca.key";

const DAY: Duration = Duration::from_secs(86_400);
/// Days that the authority holds: people put it into their browsers by hand.
const AUTHORITY_DAYS: u32 = 3_650;
/// Days that a server's certificate holds.
const SERVER_DAYS: u32 = 90;
/// Days that a role's certificate holds: short, so that the list of those taken back is short too.
const ROLE_DAYS: u32 = 30;
/// What the role's part of a certificate's names begins with.
const ROLE_URI: &str = "urn:ratel:role:";
/// Bytes of a request for a certificate.
const MAX_REQUEST: usize = 16 << 10;

/// A certificate that was made, with its key.
#[derive(Clone)]
pub struct Issued {
    /// The certificate (PEM), without the authority's.
    pub certificate: String,
    /// The key (PEM, PKCS #8); none where the other side made it.
    pub key: Option<String>,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued").finish_non_exhaustive()
    }
}

/// The authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
    facts: Facts,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Authority")
            .field(&self.fingerprint())
            .finish()
    }
}

impl Authority {
    /// Reads the authority in `folder`, or makes it.
    ///
    /// # Errors
    /// Files that can't be read or written, a key that others may read or that is another's.
    pub fn open(folder: &Path, now: Timestamp) -> Result<Authority, Error> {
        let (key_path, path) = (folder.join(KEY), folder.join(CERTIFICATE));
        if !key_path.exists() && !path.exists() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(|error| Error::file("make", folder, error))?;
            let key = KeyPair::generate()?;
            let mut made = params(now, AUTHORITY_DAYS, "Ratel's own authority")?;
            made.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            made.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            // So that two Ratels are two authorities in a list of them.
            let id = secret::hex(&secret::bytes::<4>().map_err(refused)?);
            made.distinguished_name
                .push(DnType::OrganizationName, format!("Ratel {id}"));
            let pem = made.self_signed(&key)?.pem();
            write(&key_path, &key.serialize_pem(), 0o600)?;
            write(&path, &pem, 0o644)?;
        }
        let found = fs::metadata(&key_path).map_err(|e| Error::file("read", &key_path, e))?;
        if found.permissions().mode() & 0o077 != 0 {
            return Err(Error::file(
                "use",
                &key_path,
                "others may read it: chmod 600",
            ));
        }
        let key = fs::read_to_string(&key_path).map_err(|e| Error::file("read", &key_path, e))?;
        let pem = fs::read_to_string(&path).map_err(|e| Error::file("read", &path, e))?;
        let key = KeyPair::from_pem(&key).map_err(|e| Error::file("use", &key_path, e))?;
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|e| Error::file("use", &path, e))?;
        let facts =
            facts(&certificate).ok_or_else(|| Error::file("use", &path, "no certificate"))?;
        let issuer = Issuer::from_ca_cert_der(&certificate, key)
            .map_err(|e| Error::file("use", &path, e))?;
        Ok(Authority {
            issuer,
            certificate,
            pem,
            facts,
        })
    }

    /// The authority's certificate as browsers take it (PEM).
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The authority's certificate.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Until when the authority holds.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        self.facts.until
    }

    /// SHA-256 of the authority's certificate, as browsers show it: `AB:CD:…`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.certificate)
    }

    /// A certificate for a server with these names and addresses.
    ///
    /// # Errors
    /// A name that can't be in a certificate.
    pub fn server(&self, names: &[String], now: Timestamp) -> Result<Issued, Error> {
        let common_name = names.first().map_or("ratel", String::as_str);
        let mut made = params(now, SERVER_DAYS, common_name)?;
        for name in names {
            made.subject_alt_names.push(match name.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.as_str().try_into()?),
            });
        }
        made.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(made)
    }

    /// A certificate for a role of Ratel's on another machine, and what it may do here.
    ///
    /// # Errors
    /// A name that can't be in a certificate.
    pub fn issue(&self, name: &str, role: Role, now: Timestamp) -> Result<Issued, Error> {
        self.sign(role_params(name, role, now)?)
    }

    /// Signs a request (PKCS #10, PEM) of a role that showed a certificate which still holds: name and role stay
    /// what they were, whatever the request says; only the key is taken from it.
    ///
    /// # Errors
    /// What is no request.
    pub fn renew(
        &self,
        request: &str,
        name: &str,
        role: Role,
        now: Timestamp,
    ) -> Result<Issued, Error> {
        if request.len() > MAX_REQUEST {
            return Err(refused("the request is too large"));
        }
        let mut asked = CertificateSigningRequestParams::from_pem(request)?;
        asked.params = role_params(name, role, now)?;
        Ok(Issued {
            certificate: asked.signed_by(&self.issuer)?.pem(),
            key: None,
        })
    }

    fn sign(&self, params: CertificateParams) -> Result<Issued, Error> {
        let key = KeyPair::generate()?;
        Ok(Issued {
            certificate: params.signed_by(&key, &self.issuer)?.pem(),
            key: Some(key.serialize_pem()),
        })
    }
}

fn role_params(name: &str, role: Role, now: Timestamp) -> Result<CertificateParams, Error> {
    let name = state::user_name(name).map_err(refused)?;
    let mut made = params(now, ROLE_DAYS, &name)?;
    let uri = format!("{ROLE_URI}{role}");
    made.subject_alt_names = vec![SanType::URI(uri.as_str().try_into()?)];
    made.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(made)
}

/// Whom a certificate of ours was made for.
pub(super) struct Machine {
    pub name: String,
    pub role: Role,
    pub serial: String,
}

/// Whom a certificate of ours was made for.
pub(super) fn role_of(certificate: &CertificateDer<'_>) -> Option<Machine> {
    let facts = facts(certificate)?;
    let mut roles = facts
        .names
        .iter()
        .filter_map(|name| name.strip_prefix(ROLE_URI));
    let role = Role::from_name(roles.next()?)?;
    (roles.next().is_none() && !facts.common_name.is_empty()).then_some(Machine {
        name: facts.common_name,
        role,
        serial: facts.serial,
    })
}

/// The serial number of a certificate (PEM), in hexadecimal with colons.
#[must_use]
pub fn serial_of(certificate: &str) -> Option<String> {
    let der = CertificateDer::from_pem_slice(certificate.as_bytes()).ok()?;
    facts(&der).map(|facts| facts.serial)
}

/// SHA-256 as browsers show it.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = Sha256::digest(certificate);
    let bytes: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

/// What all our certificates have: a name, a serial number of 127 random bits, whole days from yesterday on, so that
/// clocks may differ.
fn params(now: Timestamp, days: u32, common_name: &str) -> Result<CertificateParams, Error> {
    let mut made = CertificateParams::default();
    made.distinguished_name = rcgen::DistinguishedName::new();
    made.distinguished_name
        .push(DnType::CommonName, common_name);
    let mut serial = secret::bytes::<16>().map_err(refused)?;
    // A positive number (RFC 5280, 4.1.2.2).
    serial[0] &= 0x7f;
    made.serial_number = Some(SerialNumber::from_slice(&serial));
    made.use_authority_key_identifier_extension = true;
    made.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let (from, until) = (date(now - DAY), date(now + DAY * days));
    made.not_before = date_time_ymd(from.0, from.1, from.2);
    made.not_after = date_time_ymd(until.0, until.1, until.2);
    Ok(made)
}

/// Year, month and day of a moment, as certificates are given them here.
fn date(when: Timestamp) -> (i32, u8, u8) {
    let (year, month, day) = event::time::civil(when.secs().div_euclid(86_400));
    let year = i32::try_from(year).unwrap_or(1970).clamp(1970, 9990);
    let small = |number: u32| u8::try_from(number).unwrap_or(1);
    (year, small(month), small(day))
}

/// Writes a file whole: beside it first, with its mode from the beginning.
pub(super) fn write(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    let failed = |error| Error::file("write", path, error);
    let id = secret::hex(&secret::bytes::<8>().map_err(refused)?);
    let fresh = path.with_extension(format!("new-{id}"));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&fresh)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
        })
        .and_then(|()| fs::rename(&fresh, path));
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written.map_err(failed)
}
