//! What parsers are told by the configuration: one field for each protocol.

use event::AppProtocol;

/// Settings of all parsers. Each protocol's settings stand in its own folder.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// What to compute and to hold of the files that conversations carry.
    pub files: crate::file::FileConfig,
    /// FTP.
    pub ftp: super::ftp::FtpConfig,
    /// SMTP and the mails it carries.
    pub smtp: std::sync::Arc<super::smtp::SmtpConfig>,
    /// SSH.
    pub ssh: super::ssh::SshConfig,
    /// DNS and multicast DNS.
    pub dns: super::dns::Settings,
    /// TLS.
    pub tls: super::tls::Settings,
    /// HTTP/1.
    pub http: super::http::Config,
    /// Which protocols are looked for.
    pub modes: Modes,
}

/// What is done about a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is recognised and parsed.
    On,
    /// It is recognised, and its bytes are left alone.
    DetectionOnly,
    /// It is not looked for.
    Off,
}

/// The [`Mode`] of each protocol, apart for TCP and UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modes {
    off: [u128; 2],
    detection_only: [u128; 2],
}

/// Protocols that are off where nothing is said of them, as in Suricata.
const OFF: [AppProtocol; 4] = [
    AppProtocol::Modbus,
    AppProtocol::Dnp3,
    AppProtocol::Enip,
    AppProtocol::Template,
];

impl Default for Modes {
    fn default() -> Self {
        let mut modes = Modes {
            off: [0; 2],
            detection_only: [0; 2],
        };
        for protocol in OFF {
            modes.set(protocol, false, Mode::Off);
            modes.set(protocol, true, Mode::Off);
        }
        modes
    }
}

impl Modes {
    /// The mode of `protocol` over UDP or TCP.
    #[must_use]
    pub fn of(&self, protocol: AppProtocol, is_udp: bool) -> Mode {
        let bit = 1_u128 << (protocol as u32);
        let carrier = usize::from(is_udp);
        if self.off[carrier] & bit != 0 {
            Mode::Off
        } else if self.detection_only[carrier] & bit != 0 {
            Mode::DetectionOnly
        } else {
            Mode::On
        }
    }

    /// Sets the mode of `protocol` over UDP or TCP.
    pub fn set(&mut self, protocol: AppProtocol, is_udp: bool, mode: Mode) {
        let bit = 1_u128 << (protocol as u32);
        let carrier = usize::from(is_udp);
        self.off[carrier] &= !bit;
        self.detection_only[carrier] &= !bit;
        match mode {
            Mode::On => {}
            Mode::DetectionOnly => self.detection_only[carrier] |= bit,
            Mode::Off => self.off[carrier] |= bit,
        }
    }
}

/// What the records of one output tell of transactions, beyond what they always tell.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// DNS.
    pub dns: super::dns::LogSettings,
    /// HTTP/1.
    pub http: super::http::LogConfig,
    /// Mails.
    pub smtp: super::smtp::EmailLog,
    /// TLS.
    pub tls: super::tls::LogSettings,
}
