//! What reading rules needs from outside: variables, lists, version and features, a loader of files.

use crate::lists::{Classes, References};
use ahash::{AHashMap, AHashSet};
use event::AppProtocol;

/// Named address or port groups, as under `vars` in `suricata.yaml`.
#[derive(Clone, Debug, Default)]
pub struct Variables(AHashMap<String, String>);

impl Variables {
    /// The text of a variable, its name without `$`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Defines or replaces a variable.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Variables(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

/// Reads a file that a rule names, such as a list of hashes; the error says why not.
pub type Loader = Box<dyn Fn(&str) -> Result<Vec<u8>, String> + Send + Sync>;

/// Everything outside a rule that its meaning depends on.
pub struct Context {
    /// Address groups.
    pub addresses: Variables,
    /// Port groups.
    pub ports: Variables,
    /// `classification.config`.
    pub classes: Classes,
    /// `reference.config`.
    pub references: References,
    /// Version of Suricata whose rules are read, for `requires: version`.
    pub version: (u16, u16, u16),
    /// Features for `requires: feature`.
    pub features: AHashSet<String>,
    /// Protocols with a parser: a rule that needs another one loads degraded.
    pub protocols: AHashSet<AppProtocol>,
    /// Loads lists that rules name.
    pub loader: Option<Loader>,
    /// Whether `ja3.*` keywords may be used.
    pub has_ja3: bool,
    /// Whether `ja4.*` keywords may be used.
    pub has_ja4: bool,
    /// Whether datasets may be named by absolute paths.
    pub allow_absolute_dataset_paths: bool,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl Default for Context {
    /// Suricata 8.0.2 with the variables of its shipped configuration.
    fn default() -> Self {
        Context {
            addresses: ADDRESSES.iter().copied().collect(),
            ports: PORTS.iter().copied().collect(),
            classes: Classes::default(),
            references: References::default(),
            version: (8, 0, 2),
            features: ["output::file-store", "true", "ja3", "ja4"]
                .into_iter()
                .map(String::from)
                .collect(),
            protocols: PARSED.iter().copied().collect(),
            loader: None,
            has_ja3: true,
            has_ja4: true,
            allow_absolute_dataset_paths: false,
        }
    }
}

const ADDRESSES: &[(&str, &str)] = &[
    ("HOME_NET", "[192.168.0.0/16,10.0.0.0/8,172.16.0.0/12]"),
    ("EXTERNAL_NET", "!$HOME_NET"),
    ("HTTP_SERVERS", "$HOME_NET"),
    ("SMTP_SERVERS", "$HOME_NET"),
    ("SQL_SERVERS", "$HOME_NET"),
    ("DNS_SERVERS", "$HOME_NET"),
    ("TELNET_SERVERS", "$HOME_NET"),
    ("AIM_SERVERS", "$EXTERNAL_NET"),
    ("DC_SERVERS", "$HOME_NET"),
    ("DNP3_SERVER", "$HOME_NET"),
    ("DNP3_CLIENT", "$HOME_NET"),
    ("MODBUS_CLIENT", "$HOME_NET"),
    ("MODBUS_SERVER", "$HOME_NET"),
    ("ENIP_CLIENT", "$HOME_NET"),
    ("ENIP_SERVER", "$HOME_NET"),
];

const PORTS: &[(&str, &str)] = &[
    ("HTTP_PORTS", "80"),
    ("SHELLCODE_PORTS", "!80"),
    ("ORACLE_PORTS", "1521"),
    ("SSH_PORTS", "22"),
    ("DNP3_PORTS", "20000"),
    ("MODBUS_PORTS", "502"),
    ("FILE_DATA_PORTS", "[$HTTP_PORTS,110,143]"),
    ("FTP_PORTS", "21"),
    ("GENEVE_PORTS", "6081"),
    ("VXLAN_PORTS", "4789"),
    ("TEREDO_PORTS", "3544"),
    ("SIP_PORTS", "[5060,5061]"),
];

/// Protocols with a parser; rules of the others load degraded.
const PARSED: &[AppProtocol] = &[
    AppProtocol::Http,
    AppProtocol::Http1,
    AppProtocol::Dns,
    AppProtocol::Tls,
    AppProtocol::Ssh,
    AppProtocol::Smtp,
    AppProtocol::Ftp,
    AppProtocol::FtpData,
    AppProtocol::Unknown,
    AppProtocol::Failed,
];
