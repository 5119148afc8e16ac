//! Secrets: made of random bytes, kept as SHA-256, compared in constant time.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::Error;

/// Random bytes.
///
/// # Errors
/// The system gives none.
pub fn bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::Failed("the system gives no random bytes".to_owned()))?;
    Ok(bytes)
}

/// 256 random bits as 43 characters that need no escape anywhere.
///
/// # Errors
/// The system gives no random bytes.
pub fn text() -> Result<String, Error> {
    Ok(URL_SAFE_NO_PAD.encode(bytes::<32>()?))
}

/// SHA-256 as 64 hexadecimal digits. Enough for what has 256 random bits; never for passwords.
#[must_use]
pub fn hash(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

/// Hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether two texts are the same, in a time that tells nothing but their lengths.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// A password for people to type once: 20 letters and digits without those that look alike, about 98 bits.
///
/// # Errors
/// The system gives no random bytes.
pub fn one_time_password() -> Result<String, Error> {
    const LETTERS: &[u8; 30] = b"abcdefghjkmnpqrstuvwxyz3456789";
    let mut text = String::new();
    while text.len() < 23 {
        for byte in bytes::<32>()? {
            // 240 is the last multiple of 30 that fits: beyond it some letters would be more frequent.
            let letter = LETTERS.get(usize::from(byte) % LETTERS.len());
            if let Some(letter) = letter.filter(|_| byte < 240 && text.len() < 23) {
                text.push(char::from(*letter));
                if matches!(text.len(), 5 | 11 | 17) {
                    text.push('-');
                }
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_no_two_are_the_same() {
        let (one, other) = (text().unwrap(), text().unwrap());
        assert_eq!(one.len(), 43);
        assert_ne!(one, other);
        assert!(same(&one, &one.clone()) && !same(&one, &other));
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hash(""), empty);
    }

    #[test]
    fn a_one_time_password_can_be_read_aloud() {
        let password = one_time_password().unwrap();
        assert_eq!(password.len(), 23);
        let parts: Vec<usize> = password.split('-').map(str::len).collect();
        assert_eq!(parts, [5, 5, 5, 5]);
        assert_ne!(password, one_time_password().unwrap());
    }
}
