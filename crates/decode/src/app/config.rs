//! What parsers are told by the configuration: one field for each protocol.

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
