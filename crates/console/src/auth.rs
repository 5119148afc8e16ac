//! Who asks, and what they may do: passwords, sessions, API tokens, another's word (OpenID Connect).
//!
//! What decides is pure and gets the time as an argument ([`throttle`], [`access`], [`password`], [`origin`]); [`Auth`]
//! joins it with the state. Nothing here logs a secret, and nothing that a request says of itself is believed.

pub mod access;
pub mod accounts;
pub mod config;
pub mod cookie;
pub mod identify;
mod jws;
mod machines;
pub mod oidc;
pub mod origin;
pub mod password;
pub mod principal;
pub mod refusal;
mod ring;
pub mod secret;
pub mod session;
pub mod throttle;
pub mod token;

pub use config::Config;
pub use machines::serial;
pub use principal::{Caller, Principal, Role, Via};
pub use refusal::Refusal;
pub use session::Session;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event::Timestamp;
use state::State;

use access::Signer;
use password::Hashing;
use throttle::Throttle;

/// Why there can be no logins.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key that signs access tokens can't be read or made.
    #[error("auth: cannot {what} {}: {cause}", path.display())]
    Key {
        /// What was to be done.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// A setting can't be.
    #[error("console.web.auth: {0}")]
    Config(String),
    /// The state fails.
    #[error(transparent)]
    State(#[from] state::Error),
    /// The system gives no random bytes, or no hash can be made.
    #[error("auth: {0}")]
    Failed(String),
}

/// Who may come in. Clones are the same.
#[derive(Clone, Debug)]
pub struct Auth(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    state: State,
    signer: Signer,
    hashing: Hashing,
    throttle: Mutex<Throttle>,
    oidc: Option<oidc::Oidc>,
}

impl Auth {
    /// Opens what logins need; the key that signs access tokens is made in `folder` where it is missing.
    ///
    /// # Errors
    /// A setting that can't be, a key that can't be read or made.
    pub fn open(config: &Config, state: State, folder: &Path) -> Result<Auth, Error> {
        config.check()?;
        Ok(Auth(Arc::new(Inner {
            signer: Signer::open(folder)?,
            hashing: Hashing::new(config.password)?,
            throttle: Mutex::default(),
            oidc: config.oidc.as_ref().map(oidc::Oidc::new).transpose()?,
            config: config.clone(),
            state,
        })))
    }

    /// The same for who looks after accounts and lets nobody in: no key is read or made.
    ///
    /// # Errors
    /// A setting that can't be.
    pub fn for_accounts(config: &Config, state: State) -> Result<Auth, Error> {
        config.check()?;
        Ok(Auth(Arc::new(Inner {
            signer: Signer::fleeting()?,
            hashing: Hashing::new(config.password)?,
            throttle: Mutex::default(),
            oidc: None,
            config: config.clone(),
            state,
        })))
    }

    /// What was set.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn state(&self) -> &State {
        &self.0.state
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        // What it guards is whole between statements.
        self.0
            .throttle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn expires_in(&self) -> u64 {
        self.0.config.access_secs
    }

    fn later(&self, now: Timestamp, secs: u64) -> Timestamp {
        now + std::time::Duration::from_secs(secs)
    }
}

#[cfg(test)]
mod tests;
