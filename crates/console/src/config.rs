//! Settings of the console. Every key is optional.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use event::Prefix;
use serde::{Deserialize, Serialize};

/// Where the control socket stands unless told otherwise.
pub const SOCKET: &str = "/run/ratel/ratel.sock";

/// Where metrics and probes are asked for unless told otherwise: loopback, a port that nothing known
/// has.
pub const MONITOR: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9479);

/// Where the dashboard stands unless told otherwise: loopback, HTTPS' port with the 9 that tools beside
/// it have (Prometheus' 9090, Alertmanager's 9093, Elasticsearch's 9200).
pub const WEB: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9443);

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The control socket. Who may open it may give orders: it belongs to the user that Ratel runs
    /// as, and nobody else may use it.
    pub socket: PathBuf,
    /// Where `/metrics`, `/livez` and `/readyz` are answered over TCP, without a key; null: nowhere,
    /// they stand at the control socket alone.
    pub monitor: Option<SocketAddr>,
    /// The bouncer API; without it there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bouncers: Option<Bouncers>,
    /// The dashboard and its API.
    pub web: Web,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            socket: PathBuf::from(SOCKET),
            monitor: Some(MONITOR),
            bouncers: None,
            web: Web::default(),
        }
    }
}

/// The dashboard and its API, over HTTPS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Web {
    /// Where it listens; null: nowhere, the API stands at the control socket alone.
    pub listen: Option<SocketAddr>,
    /// Its certificate: of our own authority, a given one, or one by ACME.
    pub tls: crate::tls::Config,
    /// Proxies that stand before it, as addresses or networks: of them, and of nobody else, `X-Forwarded-For` is
    /// believed.
    #[schemars(with = "Vec<String>")]
    pub trusted_proxies: Vec<Prefix>,
    /// Logins.
    pub auth: crate::auth::Config,
    /// A database of countries (MaxMind's format, `*.mmdb`), to tell where addresses are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub countries: Option<PathBuf>,
}

impl Default for Web {
    fn default() -> Self {
        Web {
            listen: Some(WEB),
            tls: crate::tls::Config::default(),
            trusted_proxies: Vec::new(),
            auth: crate::auth::Config::default(),
            countries: None,
        }
    }
}

/// The bouncer API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Bouncers {
    /// Where it listens. Without TLS of its own: beyond loopback put a proxy before it.
    pub listen: SocketAddr,
    /// Who may ask.
    pub keys: Vec<Key>,
}

impl Default for Bouncers {
    fn default() -> Self {
        Bouncers {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            keys: Vec::new(),
        }
    }
}

/// What one bouncer shows. One key for each bouncer: what is new to a bouncer is kept by its key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The bouncer's name, as `ratel status` shows it.
    pub name: String,
    /// SHA-256 of the key, 64 hexadecimal digits: the key itself need not stand in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The key itself.
    #[serde(default, skip_serializing)]
    pub key: Option<String>,
    /// A file whose first line is the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .field("key_file", &self.key_file)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_optional_and_bouncers_are_off() {
        let config: Config = serde_json::from_str("{}").unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.bouncers, None);
        assert_eq!(config.monitor, Some(MONITOR));
        let quiet: Config = serde_json::from_str(r#"{"monitor": null}"#).unwrap();
        assert_eq!(quiet.monitor, None);
        assert!(serde_json::from_str::<Config>(r#"{"sokcet": "x"}"#).is_err());
    }

    #[test]
    fn a_key_is_never_told() {
        let key: Key =
            serde_json::from_str(r#"{"name": "fw", "key": "0123456789abcdef"}"#).unwrap();
        assert!(!format!("{key:?}").contains("0123456789"));
        assert!(!serde_json::to_string(&key).unwrap().contains("0123456789"));
    }
}
