//! Who may ask: keys, kept as their hashes.

use std::fs;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::config::Key;

/// Keys that may be configured.
pub const MAX_KEYS: usize = 1024;

/// The shortest key, bytes. SHA-256 alone protects only what cannot be guessed.
pub const MIN_KEY: usize = 16;

/// The longest key that is looked at, bytes.
const MAX_KEY: usize = 4096;

/// Names and hashes.
#[derive(Debug, Default)]
pub struct Keys {
    known: Vec<(String, [u8; 32])>,
}

impl Keys {
    /// Reads the configured keys, and their files.
    ///
    /// # Errors
    /// The key that is wrong, by its name, and how.
    pub fn read(keys: &[Key]) -> Result<Keys, String> {
        if keys.is_empty() {
            return Err("console.bouncers.keys: nobody may ask; name a key".to_owned());
        }
        if keys.len() > MAX_KEYS {
            return Err(format!("console.bouncers.keys: more than {MAX_KEYS}"));
        }
        let mut known: Vec<(String, [u8; 32])> = Vec::with_capacity(keys.len());
        for key in keys {
            let hash =
                hash(key).map_err(|why| format!("console.bouncers.keys: {}: {why}", key.name))?;
            if known
                .iter()
                .any(|(name, other)| *name == key.name || *other == hash)
            {
                return Err(format!(
                    "console.bouncers.keys: {}: each bouncer needs a name and a key of its own",
                    key.name
                ));
            }
            known.push((key.name.clone(), hash));
        }
        Ok(Keys { known })
    }

    /// The name of the bouncer that shows this key. The time it takes says nothing about the keys.
    #[must_use]
    pub fn name(&self, shown: &[u8]) -> Option<&str> {
        let shown: [u8; 32] = Sha256::digest(shown.get(..MAX_KEY).unwrap_or(shown)).into();
        let mut found = u64::MAX;
        for (place, (_, hash)) in (0u64..).zip(&self.known) {
            let same: Choice = hash.ct_eq(&shown);
            found = u64::conditional_select(&found, &place, same);
        }
        let place = usize::try_from(found).ok()?;
        self.known.get(place).map(|(name, _)| name.as_str())
    }
}

fn hash(key: &Key) -> Result<[u8; 32], String> {
    let text = match (&key.sha256, &key.key, &key.key_file) {
        (Some(digits), None, None) => return unhex(digits),
        (None, Some(text), None) => text.clone(),
        (None, None, Some(file)) => {
            let text = fs::read_to_string(file)
                .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
            text.lines().next().unwrap_or_default().trim().to_owned()
        }
        _ => return Err("give one of sha256, key and key_file".to_owned()),
    };
    if text.len() < MIN_KEY {
        return Err(format!(
            "a key of fewer than {MIN_KEY} characters can be guessed"
        ));
    }
    Ok(Sha256::digest(text.as_bytes()).into())
}

fn unhex(digits: &str) -> Result<[u8; 32], String> {
    let wrong = || "sha256 is not 64 hexadecimal digits".to_owned();
    let digits = digits.trim();
    if digits.len() != 64 {
        return Err(wrong());
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, field: &str, value: &str) -> Key {
        let text = format!(r#"{{"name": "{name}", "{field}": "{value}"}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_key_is_known_by_its_text_its_hash_and_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        fs::write(&file, "key-of-the-third-one\n").unwrap();
        // printf %s 0123456789abcdef | sha256sum
        let hash = "9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f";
        let keys = Keys::read(&[
            key("first", "key", "a-key-long-enough"),
            key("second", "sha256", hash),
            key("third", "key_file", file.to_str().unwrap()),
        ])
        .unwrap();
        let check = |shown: &str, expected: Option<&str>| {
            assert_eq!(keys.name(shown.as_bytes()), expected, "{shown}");
        };
        check("a-key-long-enough", Some("first"));
        check("0123456789abcdef", Some("second"));
        check("key-of-the-third-one", Some("third"));
        check(hash, None);
        check("", None);
        check(&"x".repeat(100_000), None);
    }

    #[test]
    fn a_key_that_cannot_be_is_refused_with_its_name() {
        let check = |keys: &[Key], expected: &str| {
            let told = Keys::read(keys).unwrap_err();
            assert!(told.contains(expected), "{told}");
        };
        check(&[], "nobody may ask");
        check(&[key("fw", "key", "short")], "fw: a key of fewer");
        check(&[key("fw", "sha256", "beef")], "fw: sha256 is not");
        check(&[key("fw", "sha256", &"é".repeat(32))], "fw: sha256 is not");
        check(
            &[key("fw", "key_file", "/nowhere")],
            "fw: cannot read /nowhere",
        );
        let same = key("fw", "key", "a-key-long-enough");
        check(&[same.clone(), same], "a name and a key of its own");
        let both = serde_json::from_str(r#"{"name":"fw","key":"x","sha256":"y"}"#).unwrap();
        check(&[both], "give one of");
    }
}
