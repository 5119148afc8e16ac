//! Settings of logins. Every key is optional.

use serde::{Deserialize, Serialize};

use super::Error;

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Seconds that an access token holds, 60 to 3600.
    pub access_secs: u64,
    /// Hours that a session lasts at most, however often it is renewed, 1 to 720.
    pub session_hours: u64,
    /// Minutes after which a session that nobody renews ends, 5 to 10080.
    pub idle_minutes: u64,
    /// Days that an API token holds unless its owner says otherwise, 1 to 3650.
    pub token_days: u64,
    /// Cost of a password's hash.
    pub password: Cost,
    /// Logins elsewhere; without it there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc: Option<super::oidc::Config>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            access_secs: 600,
            session_hours: 168,
            idle_minutes: 720,
            token_days: 365,
            password: Cost::default(),
            oidc: None,
        }
    }
}

/// Cost of a password's hash with Argon2id: the least that OWASP's password storage cheat sheet names is 19 MiB and
/// two passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cost {
    /// KiB of memory, 19456 to 1048576.
    pub memory_kib: u32,
    /// Passes, 2 to 64.
    pub passes: u32,
    /// Hashes at once, 1 to 64: so much memory and so many processors may logins take.
    pub at_once: usize,
}

impl Default for Cost {
    fn default() -> Self {
        Cost {
            memory_kib: 19_456,
            passes: 2,
            at_once: 2,
        }
    }
}

impl Config {
    /// Whether all values can be.
    ///
    /// # Errors
    /// The first that can't, with its range.
    pub fn check(&self) -> Result<(), Error> {
        let cost = &self.password;
        let values = [
            ("access_secs", self.access_secs, 60, 3_600),
            ("session_hours", self.session_hours, 1, 720),
            ("idle_minutes", self.idle_minutes, 5, 10_080),
            ("token_days", self.token_days, 1, 3_650),
            (
                "password.memory_kib",
                u64::from(cost.memory_kib),
                19_456,
                1_048_576,
            ),
            ("password.passes", u64::from(cost.passes), 2, 64),
            ("password.at_once", cost.at_once as u64, 1, 64),
        ];
        for (name, value, least, most) in values {
            if !(least..=most).contains(&value) {
                return Err(Error::Config(format!(
                    "{name}: {value} is not between {least} and {most}"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_optional_and_weak_hashes_are_refused() {
        let config: Config = serde_json::from_str("{}").unwrap();
        assert_eq!(config, Config::default());
        config.check().unwrap();
        let weak: Config = serde_json::from_str(r#"{"password": {"memory_kib": 8}}"#).unwrap();
        let told = weak.check().unwrap_err().to_string();
        let expected = "console.web.auth: password.memory_kib: 8 is not between 19456 and 1048576";
        assert_eq!(told, expected);
    }
}
