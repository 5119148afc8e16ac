//! What the configuration says about DNS.

use super::kinds::TypeSet;

/// Settings of DNS and multicast DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Ports on which DNS over UDP is looked for, at either end.
    pub udp_ports: Vec<u16>,
    /// Ports on which DNS over TCP is looked for, at either end.
    pub tcp_ports: Vec<u16>,
    /// Ports on which multicast DNS is looked for.
    pub mdns_ports: Vec<u16>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            udp_ports: vec![53],
            tcp_ports: vec![53],
            mdns_ports: vec![5353],
        }
    }
}

/// Which messages are recorded, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Whether requests are recorded.
    pub requests: bool,
    /// Whether responses are recorded.
    pub responses: bool,
    /// Types of question that are recorded; None for all.
    pub types: Option<TypeSet>,
    /// How answers are written.
    pub formats: Formats,
    /// Form of the records.
    pub version: Version,
}

impl Default for LogSettings {
    fn default() -> Self {
        LogSettings {
            requests: true,
            responses: true,
            types: None,
            formats: Formats::Both,
            version: Version::V3,
        }
    }
}

impl LogSettings {
    /// What alerts say of a message, whatever its own record says.
    pub const ALERT: LogSettings = LogSettings {
        requests: true,
        responses: true,
        types: Some(TypeSet::NAMED),
        formats: Formats::Detailed,
        version: Version::V3,
    };

    /// Whether a question of `rrtype` is recorded. Types without a name only are where nothing at
    /// all is left out.
    #[must_use]
    pub fn has_type(&self, rrtype: u16) -> bool {
        match self.types {
            Some(types) => types.has(rrtype),
            None => {
                let is_unrestricted =
                    self.requests && self.responses && self.formats == Formats::Both;
                is_unrestricted || TypeSet::NAMED.has(rrtype)
            }
        }
    }
}

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formats {
    /// One object for each.
    Detailed,
    /// One list for each type.
    Grouped,
    /// Both.
    Both,
}

impl Formats {
    /// Whether there is an object for each answer.
    #[must_use]
    pub fn is_detailed(self) -> bool {
        matches!(self, Formats::Detailed | Formats::Both)
    }

    /// Whether there is a list for each type.
    #[must_use]
    pub fn is_grouped(self) -> bool {
        matches!(self, Formats::Grouped | Formats::Both)
    }
}

/// Form of the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `query` and `answer`, as Suricata 5 to 7 wrote.
    V2,
    /// `request` and `response`.
    V3,
}
