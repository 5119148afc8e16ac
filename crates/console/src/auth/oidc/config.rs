//! Settings of logins elsewhere.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use state::Role;

use crate::auth::Error;

/// Everything that can be set.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What the button says.
    #[serde(default = "button")]
    pub name: String,
    /// The provider: what stands before `/.well-known/openid-configuration`.
    pub issuer: String,
    /// What the provider calls us.
    pub client_id: String,
    /// What we show the provider; none for a client without a secret.
    #[serde(default, skip_serializing)]
    pub client_secret: Option<String>,
    /// A file whose first line is that secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<PathBuf>,
    /// Where the provider sends browsers back to: `https://HOST/api/v1/auth/oidc/callback`.
    pub redirect: String,
    /// What is asked for.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// The claim that is the user's name.
    #[serde(default = "name_claim")]
    pub name_claim: String,
    /// The claim that says what they may do: a text or a list of texts.
    #[serde(default = "role_claim")]
    pub role_claim: String,
    /// Which value gives which role; of several the strongest counts.
    #[serde(default)]
    pub roles: Vec<Mapping>,
    /// The role of those whom no value gives one; none: they may not come in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_role: Option<Role>,
    /// A file of certificates (PEM) that the provider is held against, where it is no public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// A value and the role that it gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// One value of the claim.
    pub value: String,
    /// The role.
    pub role: Role,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

fn button() -> String {
    "Single sign-on".to_owned()
}

fn scopes() -> Vec<String> {
    ["openid", "profile", "email"].map(str::to_owned).to_vec()
}

fn name_claim() -> String {
    "preferred_username".to_owned()
}

fn role_claim() -> String {
    "groups".to_owned()
}

impl Config {
    /// Whether all values can be.
    ///
    /// # Errors
    /// The first that can't.
    pub fn check(&self) -> Result<(), Error> {
        let refused = |text: &str| Err(Error::Config(format!("oidc.{text}")));
        if !is_safe(&self.issuer) {
            return refused("issuer: https:// is wanted");
        }
        if !is_safe(&self.redirect) {
            return refused("redirect: https:// is wanted");
        }
        if self.client_id.is_empty() {
            return refused("client_id is missing");
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            return refused("scopes: openid is one of them");
        }
        let roles = self.roles.iter().map(|mapping| mapping.role);
        if roles
            .chain(self.default_role)
            .any(|role| role == Role::Ingest)
        {
            return refused("roles: ingest is a role of tokens");
        }
        if self.roles.is_empty() && self.default_role.is_none() {
            return refused("roles: nobody could come in");
        }
        Ok(())
    }

    /// The secret, where there is one.
    ///
    /// # Errors
    /// Its file can't be read.
    pub fn secret(&self) -> Result<Option<String>, Error> {
        let Some(path) = &self.client_secret_file else {
            return Ok(self.client_secret.clone());
        };
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::Config(format!(
                "oidc.client_secret_file: {}: {error}",
                path.display()
            ))
        })?;
        Ok(text.lines().next().map(|line| line.trim().to_owned()))
    }
}

/// Encrypted, or to this machine itself.
pub(super) fn is_safe(url: &str) -> bool {
    if url.starts_with("https://") {
        return true;
    }
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_reached_encrypted_or_on_this_machine() {
        let check = |url: &str, expected: bool| assert_eq!(is_safe(url), expected, "{url}");
        check("https://id.example", true);
        check("http://127.0.0.1:8080/x", true);
        check("http://[::1]:8080", true);
        check("http://id.example", false);
        check("http://127.0.0.1@evil.example/", false);
        check("http://127.0.0.1.evil.example/", false);
        check("ftp://id.example", false);
    }

    #[test]
    fn a_secret_is_never_told() {
        let text = r#"{"issuer": "https://id", "client_id": "ratel", "client_secret": "s3cret",
            "redirect": "https://r/", "default_role": "viewer"}"#;
        let config: Config = serde_json::from_str(text).unwrap();
        config.check().unwrap();
        assert!(!format!("{config:?}").contains("s3cret"));
        assert!(!serde_json::to_string(&config).unwrap().contains("s3cret"));
        assert_eq!(config.secret().unwrap().as_deref(), Some("s3cret"));
    }
}
