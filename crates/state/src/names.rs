//! Names: of users as people type them, of rows as we make them.

use ring::rand::{SecureRandom, SystemRandom};

use crate::{Error, limits};

/// A name for a row that nobody can guess: 128 random bits as text.
///
/// # Errors
/// The system gives no random bytes.
pub fn random_id() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::Refused("the system gives no random bytes".to_owned()))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    }))
}

/// The name of a user as it is kept: small letters, so that nobody looks like somebody else by a capital.
///
/// # Errors
/// Other characters than letters, digits and `. _ - @`, or too many of them.
pub fn user_name(text: &str) -> Result<String, Error> {
    let name = text.trim().to_ascii_lowercase();
    let is_fine = (1..=limits::NAME).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-@".contains(&b));
    if is_fine {
        Ok(name)
    } else {
        Err(Error::Refused(format!(
            "a user's name has 1 to {} letters, digits and . _ - @, and begins with a letter or digit",
            limits::NAME
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_users_are_plain() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(user_name(text).ok().as_deref(), expected, "{text:?}");
        };
        check("Ann", Some("ann"));
        check("ann.b@example.org", Some("ann.b@example.org"));
        check("", None);
        check("-x", None);
        check("ann b", None);
        check("änn", None);
        check("a/../b", None);
        check(&"a".repeat(65), None);
    }

    #[test]
    fn no_two_rows_have_a_name() {
        let (a, b) = (random_id().unwrap(), random_id().unwrap());
        assert_eq!(a.len(), 32);
        assert_ne!(a, b);
    }
}
