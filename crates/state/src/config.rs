//! Settings of the state. Every key is optional.

use serde::{Deserialize, Serialize};

/// Where the state stands unless told otherwise.
pub const URL: &str = "sqlite:///var/lib/ratel/state.db";

/// Connections at once unless told otherwise: requests are short, and SQLite writes one at a time anyway.
pub const CONNECTIONS: u32 = 4;

/// Everything that can be set.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `sqlite:///FOLDER/state.db` or `postgres://user:password@host/database`.
    pub url: String,
    /// Connections at once, 1 to 64.
    pub connections: u32,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            url: URL.to_owned(),
            connections: CONNECTIONS,
        }
    }
}

impl Config {
    /// With SQLite at this path.
    #[must_use]
    pub fn sqlite(path: &std::path::Path) -> Self {
        Config {
            url: format!("sqlite://{}", path.display()),
            ..Config::default()
        }
    }

    /// The address without the user's name and password.
    #[must_use]
    pub fn shown(&self) -> String {
        let Some((scheme, rest)) = self.url.split_once("://") else {
            return "(no address)".to_owned();
        };
        let (rest, _) = rest.split_once('?').unwrap_or((rest, ""));
        let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
        format!("{scheme}://{place}")
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("url", &self.shown())
            .field("connections", &self.connections)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_the_address_is_never_shown() {
        let check = |url: &str, expected: &str| {
            let config = Config {
                url: url.to_owned(),
                ..Config::default()
            };
            assert_eq!(config.shown(), expected);
            assert!(!format!("{config:?}").contains("s3cret"));
        };
        check("postgres://me:s3cret@db/ratel", "postgres://db/ratel");
        check("postgres://me:s3@cret@db/ratel", "postgres://db/ratel");
        check("postgres://db/ratel?password=s3cret", "postgres://db/ratel");
        check("sqlite:///var/lib/x.db", "sqlite:///var/lib/x.db");
        check("s3cret", "(no address)");
    }
}
