//! Settings of TLS. Every key is optional.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Error;

/// Let's Encrypt.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// Everything that can be set. With nothing set, a certificate of Ratel's own authority is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Names and addresses by which people come here, beside those that this host knows of itself: for the
    /// certificate of our own authority.
    pub names: Vec<String>,
    /// A certificate with its chain (PEM), read again when the file changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Its key (PEM).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// A certificate by ACME: the port must be reachable from outside as 443.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acme: Option<Acme>,
}

/// A certificate by ACME (RFC 8555), challenged by TLS-ALPN-01 (RFC 8737).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Acme {
    /// Names that the certificate has.
    pub domains: Vec<String>,
    /// Whom the authority writes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The authority's directory.
    pub directory: String,
    /// A file of certificates (PEM) that the authority's own server is held against, where it is no public one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

impl Default for Acme {
    fn default() -> Self {
        Acme {
            domains: Vec::new(),
            email: None,
            directory: LETS_ENCRYPT.to_owned(),
            ca_file: None,
        }
    }
}

impl Config {
    /// Whether all values can be.
    ///
    /// # Errors
    /// What can't.
    pub fn check(&self) -> Result<(), Error> {
        let config = |text: &str| Err(Error::Config(text.to_owned()));
        if self.certificate.is_some() != self.key_file.is_some() {
            return config("certificate and key_file belong together");
        }
        if self.certificate.is_some() && self.acme.is_some() {
            return config("either a certificate or acme");
        }
        match &self.acme {
            Some(acme) if acme.domains.is_empty() => config("acme.domains: at least one"),
            Some(acme) if !acme.directory.starts_with("https://") => {
                config("acme.directory: https:// is wanted")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_contradicts_itself_is_refused() {
        let check = |text: &str, expected: bool| {
            let config: Config = serde_json::from_str(text).unwrap();
            assert_eq!(config.check().is_ok(), expected, "{text}");
        };
        check("{}", true);
        check(r#"{"certificate": "a", "key_file": "b"}"#, true);
        check(r#"{"certificate": "a"}"#, false);
        check(r#"{"acme": {"domains": ["a.example"]}}"#, true);
        check(r#"{"acme": {}}"#, false);
        check(
            r#"{"acme": {"domains": ["a"], "directory": "http://x"}}"#,
            false,
        );
        let both = r#"{"certificate": "a", "key_file": "b", "acme": {"domains": ["x"]}}"#;
        check(both, false);
    }
}
