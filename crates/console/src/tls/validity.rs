//! Until when a certificate holds, and what it says of its owner.

use event::Timestamp;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// What we want to know of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub from: Timestamp,
    pub until: Timestamp,
    pub common_name: String,
    /// Names, addresses and URIs.
    pub names: Vec<String>,
    pub serial: String,
}

/// Reads a certificate. None where it is none.
pub(super) fn facts(der: &[u8]) -> Option<Facts> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    let mut names = Vec::new();
    if let Ok(Some(all)) = certificate.subject_alternative_name() {
        for name in &all.value.general_names {
            match name {
                GeneralName::DNSName(name) | GeneralName::URI(name) => {
                    names.push((*name).to_owned())
                }
                GeneralName::IPAddress(bytes) => names.extend(address(bytes)),
                _ => {}
            }
        }
    }
    let common_name = certificate.subject().iter_common_name().next();
    let common_name = common_name.and_then(|name| name.as_str().ok());
    Some(Facts {
        from: Timestamp::new(validity.not_before.timestamp(), 0),
        until: Timestamp::new(validity.not_after.timestamp(), 0),
        common_name: common_name.unwrap_or_default().to_owned(),
        names,
        serial: certificate.raw_serial_as_string(),
    })
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|octets| std::net::IpAddr::from(octets).to_string());
    let v6 =
        || <[u8; 16]>::try_from(bytes).map(|octets| std::net::IpAddr::from(octets).to_string());
    v4.or_else(|_| v6()).ok()
}
