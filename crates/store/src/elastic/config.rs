//! Settings of a store that is a server of Elasticsearch or OpenSearch. Every key is optional.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the server is and how it is used.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Addresses of the nodes, `https://search.example:9200`; the next is asked when one does not answer.
    pub urls: Vec<String>,
    /// A user, who comes with a password.
    pub user: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// A file whose first line is the password.
    pub password_file: Option<PathBuf>,
    /// An API key in Base64 as the server gave it, in place of a user.
    pub api_key: Option<String>,
    /// A file whose first line is the API key.
    pub api_key_file: Option<PathBuf>,
    /// A file with the certificates of authorities that are believed, in PEM; without it the system's are.
    pub ca_file: Option<PathBuf>,
    /// What names begin with: data streams PREFIX-events and PREFIX-stats.
    pub index_prefix: String,
    /// How records lie in the index.
    pub schema: Schema,
    /// Whether templates, data streams and rollover are Ratel's to keep; else somebody has made them.
    pub manage: bool,
    /// A backing index ends at this size of its first shard, bytes.
    pub rollover_bytes: u64,
    /// A backing index ends at this age, hours.
    pub rollover_hours: u32,
    /// Seconds until an answer must be complete.
    pub timeout_secs: u64,
}

/// How records lie in the index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schema {
    /// As EVE has them, the names that EveBox, Scirius and Suricata's dashboards know.
    #[default]
    Eve,
    /// EVE, and beside it the fields of the Elastic Common Schema that say the same.
    Ecs,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            urls: vec!["http://127.0.0.1:9200".into()],
            user: None,
            password: None,
            password_file: None,
            api_key: None,
            api_key_file: None,
            ca_file: None,
            index_prefix: "ratel".into(),
            schema: Schema::Eve,
            manage: true,
            // Elastic's advice for shards is 10 to 50 GB.
            rollover_bytes: 30 << 30,
            rollover_hours: 24 * 7,
            timeout_secs: 60,
        }
    }
}

impl fmt::Debug for Config {
    /// Without its secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("urls", &self.urls)
            .field("user", &self.user)
            .field("index_prefix", &self.index_prefix)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// The data stream of events.
    #[must_use]
    pub fn events(&self) -> String {
        format!("{}-events", self.index_prefix)
    }

    /// The data stream of statistics, which are many and soon of no use.
    #[must_use]
    pub fn stats(&self) -> String {
        format!("{}-stats", self.index_prefix)
    }

    /// What cannot be, with its key.
    ///
    /// # Errors
    /// The key and the reason.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.urls.is_empty() {
            return Err(("elasticsearch.urls", "at least one address"));
        }
        let is_http = |url: &String| url.starts_with("http://") || url.starts_with("https://");
        if !self.urls.iter().all(is_http) {
            return Err(("elasticsearch.urls", "http:// or https:// addresses"));
        }
        let prefix = &self.index_prefix;
        let is_name = prefix.len() <= 100
            && prefix.starts_with(|c: char| c.is_ascii_lowercase())
            && prefix.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte)
            });
        if !is_name {
            return Err((
                "elasticsearch.index_prefix",
                "small letters, digits, dots and dashes, a letter first",
            ));
        }
        if !(1..=600).contains(&self.timeout_secs) {
            return Err(("elasticsearch.timeout_secs", "between 1 and 600"));
        }
        Ok(())
    }
}
