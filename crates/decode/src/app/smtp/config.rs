//! Settings of SMTP and MIME, under Suricata's names.

use super::log;

/// Settings (`app-layer.protocols.smtp`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpConfig {
    /// Whether mails are taken apart.
    pub decode_mime: bool,
    /// Whether each mail is a file of its own, `rawmsg`, where it is not taken apart.
    pub raw_extraction: bool,
    /// How mails are taken apart.
    pub mime: MimeConfig,
    /// Most transactions held at once of a flow.
    pub max_tx: usize,
    /// `inspected-tracker.content-limit`: most bytes of a file that are inspected.
    pub content_limit: u64,
    /// `inspected-tracker.content-inspect-min-size`: bytes that wait for a first inspection.
    pub content_inspect_min_size: u64,
    /// `inspected-tracker.content-inspect-window`: bytes inspected again with those that follow.
    pub content_inspect_window: u64,
}

impl Default for SmtpConfig {
    fn default() -> Self {
        SmtpConfig {
            decode_mime: true,
            raw_extraction: false,
            mime: MimeConfig::default(),
            max_tx: 256,
            content_limit: 100_000,
            content_inspect_min_size: 32_768,
            content_inspect_window: 4096,
        }
    }
}

/// Settings (`app-layer.protocols.smtp.mime`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MimeConfig {
    /// Whether base64 is decoded.
    pub decode_base64: bool,
    /// Whether quoted-printable is decoded.
    pub decode_quoted_printable: bool,
    /// Values of header fields longer than this are odd.
    pub header_value_depth: usize,
    /// Whether addresses are looked for in texts.
    pub extract_urls: bool,
    /// Schemes of the addresses to look for, without `://`.
    pub url_schemes: Vec<String>,
    /// Whether records give addresses with their scheme.
    pub log_url_scheme: bool,
    /// Whether bodies are hashed; also on where a rule asks for it, unless refused.
    pub body_md5: bool,
}

impl Default for MimeConfig {
    fn default() -> Self {
        MimeConfig {
            decode_base64: true,
            decode_quoted_printable: true,
            header_value_depth: 2000,
            extract_urls: true,
            url_schemes: vec!["http".to_owned()],
            log_url_scheme: false,
            body_md5: false,
        }
    }
}

/// What the mail's own record says beyond what every record says (`eve-log`, type `smtp`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EmailLog {
    /// Fields of the header, one bit each.
    fields: u32,
    /// `md5: [subject]`.
    pub subject_md5: bool,
    /// `md5: [body]`.
    pub body_md5: bool,
}

impl EmailLog {
    /// Adds a field of `custom`, in the header's or in the record's spelling; false where the
    /// field is none that records know.
    pub fn add_field(&mut self, name: &str) -> bool {
        let found = log::FIELDS
            .iter()
            .position(|field| field.key == name || field.header.eq_ignore_ascii_case(name));
        if let Some(at) = found {
            self.fields |= 1 << at;
        }
        found.is_some()
    }

    pub(super) fn has_field(&self, at: usize) -> bool {
        self.fields >> at & 1 == 1
    }
}
