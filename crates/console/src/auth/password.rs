//! Passwords: hashed with Argon2id, a few at once, with the same work for users that are not there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::config::Cost;
use super::{Error, Refusal, secret};

/// Characters of a password that a person chooses (NIST SP 800-63B asks for 8, and for 15 where it stands alone).
pub const LEAST: usize = 12;
/// Bytes of a password: a hash takes as long as its password is.
pub const MOST: usize = 256;
/// Logins that wait for their turn; one more is told to come again.
const WAITING: usize = 32;

/// What hashes and verifies.
#[derive(Debug)]
pub struct Hashing {
    cost: Cost,
    params: Params,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    nobody: String,
}

impl Hashing {
    /// With this cost.
    ///
    /// # Errors
    /// A cost that Argon2 does not take.
    pub fn new(cost: Cost) -> Result<Hashing, Error> {
        let params = Params::new(cost.memory_kib, cost.passes, 1, None)
            .map_err(|error| Error::Config(format!("password: {error}")))?;
        // What passwords of users that are not there are held against.
        let nobody = hash(&params, &secret::text()?)?;
        Ok(Hashing {
            cost,
            params,
            turns: Arc::new(Semaphore::new(cost.at_once)),
            waiting: AtomicUsize::new(0),
            nobody,
        })
    }

    /// The hash of a new password.
    ///
    /// # Errors
    /// Too many wait.
    pub async fn hash(&self, password: &str) -> Result<String, Refusal> {
        let (params, password) = (self.params.clone(), password.to_owned());
        self.in_turn(move || hash(&params, &password))
            .await?
            .map_err(|error| Refusal::Failed(error.to_string()))
    }

    /// Whether it is the password of this hash; without a hash the same work is done, and it is not.
    ///
    /// # Errors
    /// Too many wait.
    pub async fn verify(&self, password: &str, of: Option<&str>) -> Result<bool, Refusal> {
        let kept = of.unwrap_or(&self.nobody).to_owned();
        let password = password.to_owned();
        let is_same = self.in_turn(move || verify(&password, &kept)).await?;
        Ok(is_same && of.is_some())
    }

    /// Whether a hash has another cost than new ones.
    #[must_use]
    pub fn is_old(&self, hash: &str) -> bool {
        let Ok(hash) = PasswordHash::new(hash) else {
            return true;
        };
        let number = |name: &str| hash.params.get_decimal(name);
        hash.algorithm != Algorithm::Argon2id.ident()
            || number("m") != Some(self.cost.memory_kib)
            || number("t") != Some(self.cost.passes)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let _waits = Waits::begin(&self.waiting).ok_or(Refusal::Busy)?;
        let turn = self.turns.clone().acquire_owned().await;
        let turn = turn.map_err(|_| Refusal::Busy)?;
        // The turn goes with the work: who breaks off does not make room for more work than is allowed.
        let done = spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await
            .map_err(|error| Refusal::Failed(error.to_string()))
    }
}

/// A place in the queue; given back when it is dropped.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = Waits(waiting);
        let before = waiting.fetch_add(1, Ordering::AcqRel);
        (before < WAITING).then_some(place)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn hash(params: &Params, password: &str) -> Result<String, Error> {
    let failed = |error: argon2::password_hash::Error| Error::Failed(error.to_string());
    let salt = SaltString::encode_b64(&secret::bytes::<16>()?).map_err(failed)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let hash = argon2.hash_password(password.as_bytes(), &salt);
    Ok(hash.map_err(failed)?.to_string())
}

fn verify(password: &str, kept: &str) -> bool {
    // Cost and salt stand in the hash.
    PasswordHash::new(kept)
        .and_then(|hash| Argon2::default().verify_password(password.as_bytes(), &hash))
        .is_ok()
}

/// Why a password that a person chose can't be taken; None where it can.
#[must_use]
pub fn weakness(password: &str, name: &str) -> Option<String> {
    let letters: Vec<char> = password.chars().collect();
    let mut different = letters.clone();
    different.sort_unstable();
    different.dedup();
    if letters.len() < LEAST {
        return Some(format!("a password has at least {LEAST} characters"));
    }
    if password.len() > MOST {
        return Some(format!("a password has at most {MOST} bytes"));
    }
    if different.len() < 5 {
        return Some("a password of so few different characters is guessed at once".to_owned());
    }
    let small = password.to_lowercase();
    let rest = small.replace(&name.to_lowercase(), "");
    if rest.len() < LEAST / 2 || ["password", "123456789", "qwerty"].contains(&rest.as_str()) {
        return Some(
            "a password that is little more than the user's name is guessed at once".to_owned(),
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_is_guessed_at_once_is_refused() {
        let check = |password: &str, expected: bool| {
            assert_eq!(
                weakness(password, "ann.miller").is_none(),
                expected,
                "{password}"
            );
        };
        check("correct horse battery", true);
        check("tr0ub4dor&3x", true);
        check("ünïcödé-wörter", true);
        check("short", false);
        check("aaaaaaaaaaaaaaaa", false);
        check("Ann.Miller123", false);
        check(&"ab3d!x".repeat(50), false);
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_a_user_who_is_not_there_has_none() {
        let hashing = Hashing::new(Cost::default()).unwrap();
        let hash = hashing.hash("correct horse").await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(hashing.verify("correct horse", Some(&hash)).await.unwrap());
        assert!(!hashing.verify("correct horsf", Some(&hash)).await.unwrap());
        assert!(!hashing.verify("correct horse", None).await.unwrap());
        assert!(!hashing.verify("x", Some("no hash")).await.unwrap());
        assert!(!hashing.is_old(&hash));
        let cost = Cost {
            passes: 3,
            ..Cost::default()
        };
        assert!(Hashing::new(cost).unwrap().is_old(&hash));
    }

    #[tokio::test]
    async fn one_too_many_is_told_to_come_again() {
        let hashing = Arc::new(Hashing::new(Cost::default()).unwrap());
        let all: Vec<_> = (0..WAITING + 8)
            .map(|_| {
                let hashing = hashing.clone();
                tokio::spawn(async move { hashing.verify("x", None).await })
            })
            .collect();
        let mut refused = 0;
        for one in all {
            refused += usize::from(one.await.unwrap().is_err());
        }
        assert_eq!(refused, 8);
        assert!(hashing.verify("x", None).await.is_ok());
    }
}
