//! Versions of SSL and TLS: which there are, and how records and rules name them.

use std::fmt;

/// A version as it stands on the wire; 0 where it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u16);

impl Version {
    /// Not known.
    pub const UNKNOWN: Version = Version(0);
    /// SSL 2.
    pub const SSL2: Version = Version(0x200);
    /// SSL 3.
    pub const SSL3: Version = Version(0x300);
    /// TLS 1.0.
    pub const TLS10: Version = Version(0x301);
    /// TLS 1.1.
    pub const TLS11: Version = Version(0x302);
    /// TLS 1.2.
    pub const TLS12: Version = Version(0x303);
    /// TLS 1.3.
    pub const TLS13: Version = Version(0x304);
    /// Drafts of TLS 1.3 before the 16th, which can't be told apart.
    const EARLY_DRAFT: Version = Version(0x7f01);

    /// Whether a record may carry it.
    #[must_use]
    pub fn is_valid(self) -> bool {
        matches!(self.0, 0x300..=0x304 | 0x7f01 | 0x7f10..=0x7f1c | 0xfb17 | 0xfb1a)
    }

    /// Whether the hello that carries it in its version field is one of the early drafts of
    /// TLS 1.3, which had neither session nor compression in the server's hello.
    #[must_use]
    pub fn is_draft_in_hello(self) -> bool {
        self == Version::TLS13 || self.0 >> 8 == 0x7f
    }

    /// The version that a hello's version field stands for. Drafts before the 16th said 0x0304.
    #[must_use]
    pub fn from_hello(self) -> Version {
        if self == Version::TLS13 || matches!(self.0, 0x7f01..=0x7f0f) {
            Version::EARLY_DRAFT
        } else {
            self
        }
    }

    /// The version that the keywords `ssl_version` and `tls.version` name.
    #[must_use]
    pub fn of_rule(name: &str) -> Option<Version> {
        let name = name.trim().trim_matches('"').to_ascii_lowercase();
        Some(match name.as_str() {
            "sslv2" => Version::SSL2,
            "sslv3" => Version::SSL3,
            "tls1.0" | "1.0" => Version::TLS10,
            "tls1.1" | "1.1" => Version::TLS11,
            "tls1.2" | "1.2" => Version::TLS12,
            "tls1.3" | "1.3" => Version::TLS13,
            other => Version(u16::from_str_radix(other.strip_prefix("0x")?, 16).ok()?),
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("UNDETERMINED"),
            0x200 => f.write_str("SSLv2"),
            0x300 => f.write_str("SSLv3"),
            0x301 => f.write_str("TLSv1"),
            0x302..=0x304 => write!(f, "TLS 1.{}", self.0 - 0x301),
            0x7f01 => f.write_str("TLS 1.3 draft-<16"),
            draft @ 0x7f10..=0x7f1c => write!(f, "TLS 1.3 draft-{}", draft & 0xff),
            draft @ (0xfb17 | 0xfb1a) => write!(f, "TLS 1.3 draft-{}-fb", draft & 0xff),
            other => write!(f, "0x{other:04x}"),
        }
    }
}
