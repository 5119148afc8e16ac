//! Secrets: from a file or the environment, never in the configuration itself, never shown.

use std::fmt;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::World;

/// Bytes of a secret of one line.
const MAX_LINE: u64 = 4096;

/// Where a secret is kept: exactly one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Secret {
    /// A file whose first line it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// A variable of the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
}

/// A secret that was read. Its text is shown by nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Shown(String);

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl Shown {
    /// The secret.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Wraps a text.
    #[must_use]
    pub fn new(text: String) -> Shown {
        Shown(text)
    }
}

impl Secret {
    /// Reads it; in words why it can't be.
    pub(crate) fn read(&self, world: &World) -> Result<Shown, String> {
        let text = match (&self.file, &self.env) {
            (Some(path), None) => {
                let read = || {
                    let mut line = String::new();
                    BufReader::new(File::open(path)?.take(MAX_LINE)).read_line(&mut line)?;
                    std::io::Result::Ok(line)
                };
                read().map_err(|error| format!("{}: {error}", path.display()))?
            }
            (None, Some(name)) => {
                (world.env)(name).ok_or_else(|| format!("the environment has no {name}"))?
            }
            (None, None) | (Some(_), Some(_)) => {
                return Err("a secret has either a file or an env".into());
            }
        };
        let text = text.trim();
        if text.is_empty() {
            return Err("the secret is empty".into());
        }
        // It becomes part of a header, where control characters would begin another one.
        if text.chars().any(char::is_control) {
            return Err("the secret has control characters".into());
        }
        Ok(Shown(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_comes_from_one_place_and_is_never_shown() {
        let world = World::of_test(std::path::Path::new("/nonexistent"));
        let env = |name: &str| Secret {
            file: None,
            env: Some(name.into()),
        };
        let read = env("TEST_SECRET").read(&world).unwrap();
        assert_eq!(read.text(), "s3cret");
        assert_eq!(format!("{read:?}"), "(hidden)");
        assert!(
            env("TEST_NONE")
                .read(&world)
                .unwrap_err()
                .contains("TEST_NONE")
        );
        assert!(Secret::default().read(&world).is_err());
        let file = tempfile::NamedTempFile::new().unwrap();
        let secret = Secret {
            file: Some(file.path().into()),
            env: None,
        };
        assert!(secret.read(&world).unwrap_err().contains("empty"));
        std::fs::write(file.path(), "abc\nsecond line").unwrap();
        assert_eq!(secret.read(&world).unwrap().text(), "abc");
    }
}
