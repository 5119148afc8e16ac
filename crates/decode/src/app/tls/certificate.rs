//! The chain of certificates of one end, and what its first one says (RFC 5280).

use super::hello::Cursor;
use sha1::{Digest, Sha1};
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use x509_parser::prelude::*;

/// Names of subjects kept of one certificate. Let's Encrypt allows 100 and others 2,000.
const MAX_ALT_NAMES: usize = 4096;

/// The certificates that one end showed.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// The message's list.
    bytes: Vec<u8>,
    /// Where each certificate stands in it.
    places: Vec<std::ops::Range<usize>>,
    /// What the first one says.
    pub leaf: Option<Leaf>,
}

/// What a certificate says, in the forms that records and rules use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Whose it is: `C=US, ST=…, CN=…`.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// `00:AA:…`.
    pub serial: String,
    /// SHA-1 of the certificate: `00:aa:…`.
    pub fingerprint: String,
    /// Seconds since 1970 from which it holds.
    pub not_before: i64,
    /// Seconds since 1970 until which it holds.
    pub not_after: i64,
    /// Other names of the subject.
    pub alt_names: Vec<String>,
}

impl Chain {
    /// Reads the body of a Certificate message.
    ///
    /// # Errors
    /// The event of what can't be read, if it has one of its own.
    pub(super) fn read(body: &[u8]) -> Result<Self, Option<&'static str>> {
        let mut input = Cursor(body);
        let len = input.triple().ok_or(None)?;
        let list = input.take(len).ok_or(None)?;
        let mut chain = Chain {
            bytes: list.to_vec(),
            ..Chain::default()
        };
        let mut rest = Cursor(list);
        while !rest.0.is_empty() {
            let der = rest.triple().and_then(|len| rest.take(len));
            let der = der.ok_or(Some("invalid_certificate"))?;
            if chain.places.is_empty() {
                chain.leaf = Some(Leaf::read(der).map_err(Some)?);
            }
            let end = list.len() - rest.0.len();
            chain.places.push(end - der.len()..end);
        }
        Ok(chain)
    }

    /// Number of certificates.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The certificates, the end's own first, as DER.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.places
            .iter()
            .filter_map(|place| self.bytes.get(place.clone()))
    }

    /// The `index`-th certificate.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        self.bytes.get(self.places.get(index)?.clone())
    }
}

impl Leaf {
    pub(super) fn read(der: &[u8]) -> Result<Self, &'static str> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|error| event_of(&error))?;
        Ok(Leaf {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            serial: joined(certificate.raw_serial(), |text, byte| {
                write!(text, "{byte:02X}")
            }),
            fingerprint: joined(&Sha1::digest(der), |text, byte| write!(text, "{byte:02x}")),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            alt_names: alt_names(&certificate),
        })
    }
}

fn joined(bytes: &[u8], write: impl Fn(&mut String, u8) -> std::fmt::Result) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for (n, byte) in bytes.iter().enumerate() {
        if n > 0 {
            text.push(':');
        }
        let _ = write(&mut text, *byte);
    }
    text
}

fn alt_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    extension
        .value
        .general_names
        .iter()
        .take(MAX_ALT_NAMES)
        .map(general_name)
        .collect()
}

fn general_name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(text) | GeneralName::URI(text) | GeneralName::RFC822Name(text) => {
            (*text).to_owned()
        }
        GeneralName::IPAddress(bytes) => {
            if let Ok(four) = <[u8; 4]>::try_from(*bytes) {
                Ipv4Addr::from(four).to_string()
            } else if let Ok(sixteen) = <[u8; 16]>::try_from(*bytes) {
                Ipv6Addr::from(sixteen).to_string()
            } else {
                name.to_string()
            }
        }
        other => other.to_string(),
    }
}

fn event_of(error: &x509_parser::nom::Err<X509Error>) -> &'static str {
    use x509_parser::nom::Err;
    match error {
        Err::Incomplete(_) => "certificate_invalid_length",
        Err::Error(error) | Err::Failure(error) => match error {
            X509Error::InvalidVersion => "certificate_invalid_version",
            X509Error::InvalidSerial => "certificate_invalid_serial",
            X509Error::InvalidAlgorithmIdentifier => "certificate_invalid_algorithmidentifier",
            X509Error::InvalidX509Name => "certificate_invalid_x509name",
            X509Error::InvalidDate => "certificate_invalid_date",
            X509Error::InvalidExtensions => "certificate_invalid_extensions",
            X509Error::Der(_) => "certificate_invalid_der",
            _ => "invalid_certificate",
        },
    }
}
