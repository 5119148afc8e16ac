//! What can be set about a feed, and what is wrong with what was set.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Feeds at most.
pub const MAX_FEEDS: usize = 64;

/// The least time between two fetches: nobody who offers a feed wants it asked for more often.
pub const LEAST_REFRESH_SECS: u64 = 60;

/// Bytes that a feed may ever have.
const MOST_BYTES: u64 = 256 << 20;

/// One feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Feed {
    /// Its name: lower-case letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Where it is: `https://`, `http://` or `file://`. For TAXII the collection,
    /// `https://…/collections/ID/`.
    pub url: String,
    /// How it is written.
    pub format: Format,
    /// CSV: the column with the addresses, by its name in the first line or by its number from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<Column>,
    /// CSV: what stands between columns.
    pub delimiter: char,
    /// What its addresses are for.
    pub action: Deed,
    /// Seconds between two fetches.
    pub refresh_secs: u64,
    /// Seconds for which a set is believed after the last fetch that succeeded. Blocks last as long,
    /// and are renewed.
    pub keep_secs: u64,
    /// Bytes of an answer at most, unpacked; for TAXII of all its pages.
    pub max_bytes: u64,
    /// Addresses and prefixes at most; a feed with more fails.
    pub max_entries: usize,
    /// Whether private, local and multicast addresses are taken too.
    pub private: bool,
    /// STIX: indicators with less confidence, or none told, are left out. 0: all are taken.
    pub min_confidence: u8,
    /// What is shown to be let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
}

impl Default for Feed {
    fn default() -> Self {
        Feed {
            name: String::new(),
            url: String::new(),
            format: Format::List,
            column: None,
            delimiter: ',',
            action: Deed::Tag,
            refresh_secs: 3600,
            keep_secs: 7 * 86_400,
            max_bytes: 32 << 20,
            max_entries: 200_000,
            private: false,
            min_confidence: 0,
            login: None,
        }
    }
}

/// How a feed is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// An address, prefix or range on each line.
    #[default]
    List,
    /// Columns.
    Csv,
    /// A STIX 2.1 bundle.
    Stix,
    /// A collection of a TAXII 2.1 server, which holds STIX 2.1 objects.
    Taxii,
}

/// What a feed's addresses are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Records that name them are tagged; playbooks judge.
    #[default]
    Tag,
    /// They are blocked, and records are tagged.
    Block,
}

/// A column of a CSV file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Column {
    /// Its number, from 1; the first line is an entry like any other.
    Number(usize),
    /// Its name in the first line that is no comment.
    Name(String),
}

/// What is shown to be let in: a user's name and a password (HTTP's basic scheme), or a header of the
/// server's own, such as `X-OTX-API-KEY` or `Authorization`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Login {
    /// The user's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The header's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The password, or the header's value.
    #[serde(skip_serializing)]
    pub secret: Option<String>,
    /// A file whose first line it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
}

impl fmt::Debug for Login {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .field("header", &self.header)
            .field("secret_file", &self.secret_file)
            .finish_non_exhaustive()
    }
}

/// What is wrong with the configuration of feeds: which, which key, why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("feed {feed}: {key}: {reason}")]
pub struct ConfigError {
    /// The feed's name, or its place from 1 where it has none.
    pub feed: String,
    /// The key.
    pub key: &'static str,
    /// Why it can't be.
    pub reason: String,
}

/// Checks all feeds.
///
/// # Errors
/// The first thing that can't be.
pub fn check(feeds: &[Feed]) -> Result<(), ConfigError> {
    for (at, feed) in feeds.iter().enumerate() {
        let wrong = |key, reason: &str| {
            let feed = match feed.name.is_empty() {
                true => (at + 1).to_string(),
                false => feed.name.clone(),
            };
            let reason = reason.to_owned();
            Err(ConfigError { feed, key, reason })
        };
        if at >= MAX_FEEDS {
            return wrong("name", &format!("there are more than {MAX_FEEDS} feeds"));
        }
        if let Err((key, reason)) = feed.check() {
            return wrong(key, &reason);
        }
        if feeds.iter().take(at).any(|other| other.name == feed.name) {
            return wrong("name", "another feed has it");
        }
    }
    Ok(())
}

impl Feed {
    fn check(&self) -> Result<(), (&'static str, String)> {
        let wrong = |key, reason: &str| Err((key, reason.to_owned()));
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
        // It becomes the name of a file.
        let is_name = (1..=64).contains(&self.name.len())
            && self.name.bytes().all(plain)
            && self.name.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !is_name {
            return wrong(
                "name",
                "1 to 64 lower-case letters, digits, '-', '_' and '.'",
            );
        }
        let is_file = self.url.starts_with("file:///");
        if !(is_file || self.url.starts_with("https://") || self.url.starts_with("http://")) {
            return wrong("url", "begins with https://, http:// or file:///");
        }
        if self.action == Deed::Block && self.is_open() {
            let reason = "whoever stands on the way could have anybody blocked: use https for a feed that blocks";
            return wrong("url", reason);
        }
        if is_file && self.format == Format::Taxii {
            return wrong("url", "TAXII is spoken over HTTP; a file is of format stix");
        }
        if let Some(login) = &self.login {
            if is_file {
                return wrong("login", "a file asks for none");
            }
            if login.user.is_some() == login.header.is_some() {
                return wrong("login", "either user or header");
            }
            if login.secret.is_some() == login.secret_file.is_some() {
                return wrong("login", "either secret or secret_file");
            }
        }
        match (&self.format, &self.column) {
            (Format::Csv, None) => return wrong("column", "CSV needs to know which"),
            (Format::Csv, Some(Column::Number(0))) => return wrong("column", "counts from 1"),
            (Format::Csv, Some(_)) | (_, None) => {}
            (_, Some(_)) => return wrong("column", "only CSV has columns"),
        }
        if !self.delimiter.is_ascii() || matches!(self.delimiter, '"' | '\n' | '\r') {
            return wrong("delimiter", "one ASCII character, no quote, no line ending");
        }
        if self.refresh_secs < LEAST_REFRESH_SECS {
            let reason = format!("at least {LEAST_REFRESH_SECS}");
            return wrong("refresh_secs", &reason);
        }
        let longest = crate::playbook::MAX_TTL.as_secs();
        if !(self.refresh_secs..=longest).contains(&self.keep_secs) {
            let reason = format!("at least refresh_secs, at most {longest} (a year)");
            return wrong("keep_secs", &reason);
        }
        if !(1..=MOST_BYTES).contains(&self.max_bytes) {
            return wrong("max_bytes", &format!("1 to {MOST_BYTES}"));
        }
        if !(1..=super::set::MOST_ENTRIES).contains(&self.max_entries) {
            let reason = format!("1 to {}", super::set::MOST_ENTRIES);
            return wrong("max_entries", &reason);
        }
        if self.min_confidence > 100 {
            return wrong("min_confidence", "0 to 100");
        }
        Ok(())
    }

    /// Whether it comes unprotected over a network.
    fn is_open(&self) -> bool {
        let Some(rest) = self.url.strip_prefix("http://") else {
            return false;
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        let address = match host.strip_prefix('[') {
            Some(six) => six.split(']').next(),
            None => host.split(':').next(),
        };
        let address = address.and_then(|text| text.parse::<IpAddr>().ok());
        !address.is_some_and(|address| address.is_loopback())
    }

    /// The time between two fetches.
    #[must_use]
    pub fn refresh(&self) -> Duration {
        Duration::from_secs(self.refresh_secs)
    }

    /// For how long a set is believed.
    #[must_use]
    pub fn keep(&self) -> Duration {
        Duration::from_secs(self.keep_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feeds(text: &str) -> Result<Vec<Feed>, String> {
        let feeds: Vec<Feed> = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
        check(&feeds).map_err(|error| error.to_string())?;
        Ok(feeds)
    }

    #[test]
    fn a_name_and_a_url_are_enough_and_only_tag() {
        let feeds = feeds("- {name: drop, url: 'https://example.com/drop.txt'}").unwrap();
        assert_eq!(
            (feeds[0].action, feeds[0].format),
            (Deed::Tag, Format::List)
        );
    }

    #[test]
    fn what_cannot_be_is_named_with_feed_and_key() {
        let check = |text: &str, expected: &str| {
            let told = feeds(&format!("[{text}]")).unwrap_err();
            assert!(told.contains(expected), "{told} is not {expected}");
        };
        check("{url: 'https://x/'}", "feed 1: name: 1 to 64");
        check("{name: ../x, url: 'https://x/'}", "feed ../x: name: ");
        check("{name: .x, url: 'https://x/'}", "feed .x: name: ");
        check("{name: x, url: 'ftp://x/'}", "feed x: url: begins with");
        check(
            "{name: x, url: 'http://192.0.2.1/', action: block}",
            "feed x: url: whoever stands on the way",
        );
        check(
            "{name: x, url: 'http://127.0.0.1.example/', action: block}",
            "feed x: url: whoever stands on the way",
        );
        check(
            "{name: x, url: 'http://127.0.0.1@example/', action: block}",
            "feed x: url: whoever stands on the way",
        );
        check(
            "{name: x, url: 'https://x/', format: csv}",
            "feed x: column: ",
        );
        check(
            "{name: x, url: 'https://x/', column: 1}",
            "feed x: column: only CSV",
        );
        check(
            "{name: x, url: 'https://x/', refresh_secs: 1}",
            "feed x: refresh_secs: at least 60",
        );
        check(
            "{name: x, url: 'https://x/', keep_secs: 100}",
            "feed x: keep_secs: ",
        );
        check(
            "{name: x, url: 'file:///x', format: taxii}",
            "feed x: url: TAXII",
        );
        check(
            "{name: x, url: 'https://x/'}, {name: x, url: 'https://y/'}",
            "feed x: name: another feed has it",
        );
        check(
            "{name: x, url: 'https://x/', login: {user: me}}",
            "feed x: login: either secret or secret_file",
        );
        check("{name: x, url: 'https://x/', colour: red}", "colour");
    }

    #[test]
    fn a_feed_over_loopback_or_from_a_file_may_block() {
        for url in [
            "http://127.0.0.1:8000/x",
            "http://[::1]:8000/x",
            "file:///etc/x",
        ] {
            feeds(&format!("[{{name: x, url: '{url}', action: block}}]")).unwrap();
        }
    }

    #[test]
    fn a_secret_is_never_told() {
        let text = "{name: x, url: 'https://x/', login: {user: me, secret: hush}}";
        let feed: Feed = serde_yaml_ng::from_str(text).unwrap();
        assert!(!format!("{feed:?}").contains("hush"));
        assert!(!serde_yaml_ng::to_string(&feed).unwrap().contains("hush"));
    }
}
