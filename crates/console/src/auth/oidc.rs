//! Logging in with another's word (OpenID Connect): authorization code with PKCE, state and nonce (RFC 6749, RFC 7636,
//! OpenID Connect Core 1.0), bound to the browser that began it.

mod claims;
pub mod config;
mod fetch;
mod keys;

pub use config::Config;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use event::Timestamp;
use sha2::{Digest as _, Sha256};
use state::users::{Change, New, User};

use super::{Auth, Caller, Error, Refusal, Session, cookie, jws, secret};
use claims::Known;
use fetch::{Fetcher, Provider};
use keys::Keys;

/// How long somebody may take at the other's page.
const PATIENCE: Duration = Duration::from_secs(600);
/// Logins under way; beyond it the oldest are forgotten.
const MOST: usize = 1_000;
/// How long what the provider says of itself is good for.
const FRESH: Duration = Duration::from_secs(3_600);
/// The shortest time between two looks for a key that is not known.
const PAUSE: Duration = Duration::from_secs(30);
/// Bytes of what comes back through the browser.
const MAX_CODE: usize = 4_096;
/// What somebody hears whose login elsewhere came to nothing; the log says more.
const NOTHING: Refusal = Refusal::Unknown("the login elsewhere came to nothing: try again");

/// When the provider was asked, and what it said.
type Asked = (Timestamp, Arc<Provider>, Arc<Keys>);

/// Logins with another's word.
#[derive(Debug)]
pub struct Oidc {
    config: Config,
    fetcher: Fetcher,
    pending: Mutex<HashMap<String, Pending>>,
    known: Mutex<Option<Asked>>,
}

/// A login under way.
#[derive(Debug)]
struct Pending {
    nonce: String,
    verifier: String,
    /// SHA-256 of the cookie of the browser that began it.
    browser: String,
    begun: Timestamp,
}

/// Where the browser goes, and the cookie that it gets.
#[derive(Debug)]
pub struct Start {
    /// The address at the provider.
    pub location: String,
    /// For the header `Set-Cookie`.
    pub cookie: String,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What they guard is whole between statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Oidc {
    pub(super) fn new(config: &Config) -> Result<Oidc, Error> {
        config.check()?;
        Ok(Oidc {
            fetcher: Fetcher::new(config)?,
            config: config.clone(),
            pending: Mutex::default(),
            known: Mutex::default(),
        })
    }

    /// What the provider says of itself, and its keys; asked anew where it is old, or where `anew` says that a key
    /// is missing and the last look is some time ago.
    async fn provider(
        &self,
        anew: bool,
        now: Timestamp,
    ) -> Result<(Arc<Provider>, Arc<Keys>), Refusal> {
        let longest = if anew { PAUSE } else { FRESH };
        if let Some((when, provider, keys)) = &*lock(&self.known)
            && now.since(*when) < longest
        {
            return Ok((provider.clone(), keys.clone()));
        }
        let (provider, keys) = self.fetcher.provider().await.map_err(|error| {
            tracing::error!(target: "auth", "{}: {error}", self.config.issuer);
            Refusal::Unavailable("the provider of logins does not answer")
        })?;
        let (provider, keys) = (Arc::new(provider), Arc::new(keys));
        *lock(&self.known) = Some((now, provider.clone(), keys.clone()));
        Ok((provider, keys))
    }

    fn remember(&self, state: &str, login: Pending, now: Timestamp) {
        let mut pending = lock(&self.pending);
        pending.retain(|_, login| now.since(login.begun) < PATIENCE);
        if pending.len() >= MOST
            && let Some(oldest) = pending
                .iter()
                .min_by_key(|(_, l)| l.begun)
                .map(|(s, _)| s.clone())
        {
            pending.remove(&oldest);
        }
        pending.insert(state.to_owned(), login);
    }
}

impl Auth {
    /// What the button for logging in elsewhere says; none where there is no elsewhere.
    #[must_use]
    pub fn oidc_name(&self) -> Option<&str> {
        self.0.oidc.as_ref().map(|oidc| oidc.config.name.as_str())
    }

    fn oidc(&self) -> Result<&Oidc, Refusal> {
        let missing = || Refusal::Missing("no OpenID provider is set".to_owned());
        self.0.oidc.as_ref().ok_or_else(missing)
    }

    /// Begins a login elsewhere.
    ///
    /// # Errors
    /// There is no elsewhere, or it does not answer.
    pub async fn oidc_start(&self, now: Timestamp) -> Result<Start, Refusal> {
        let oidc = self.oidc()?;
        let (provider, _) = oidc.provider(false, now).await?;
        let (state, nonce) = (secret::text()?, secret::text()?);
        let (verifier, browser) = (secret::text()?, secret::text()?);
        let challenge = jws::encode(&Sha256::digest(verifier.as_bytes()));
        let config = &oidc.config;
        let pairs = [
            ("response_type", "code"),
            ("client_id", &config.client_id),
            ("redirect_uri", &config.redirect),
            ("scope", &config.scopes.join(" ")),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let joint = if provider.authorization_endpoint.contains('?') {
            '&'
        } else {
            '?'
        };
        let location = format!(
            "{}{joint}{}",
            provider.authorization_endpoint,
            fetch::form(&pairs)
        );
        let login = Pending {
            nonce,
            verifier,
            browser: secret::hash(&browser),
            begun: now,
        };
        oidc.remember(&state, login, now);
        Ok(Start {
            location,
            cookie: cookie::login(&browser, PATIENCE.as_secs()),
        })
    }

    /// Ends a login elsewhere: what the browser brought back is exchanged for who it is. Users are made at their first
    /// login; their role is what the provider's groups say, each time.
    ///
    /// # Errors
    /// Another browser began it, it was used before or took too long, the provider's word is not good, or its groups
    /// give no role.
    pub async fn oidc_callback(
        &self,
        headers: &HeaderMap,
        code: &str,
        state: &str,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<Session, Refusal> {
        let oidc = self.oidc()?;
        let refused = |why: &str| {
            tracing::warn!(target: "auth", from = caller.place(), "a login elsewhere was refused: {why}");
            NOTHING
        };
        if code.is_empty() || code.len() > MAX_CODE {
            return Err(refused("no code"));
        }
        // Taken out at once: whatever comes of it, it is used.
        let login = lock(&oidc.pending).remove(state);
        let login = login.ok_or_else(|| refused("nobody began it"))?;
        if now.since(login.begun) >= PATIENCE {
            return Err(refused("it took too long"));
        }
        let browser = cookie::read(headers, cookie::LOGIN).unwrap_or_default();
        if !secret::same(&secret::hash(browser), &login.browser) {
            return Err(refused("another browser began it"));
        }
        let (provider, mut keys) = oidc.provider(false, now).await?;
        let token = oidc
            .fetcher
            .exchange(&provider, code, &login.verifier)
            .await;
        let token = token.map_err(|error| refused(&error))?;
        if !keys.has_key_for(&token) {
            (_, keys) = oidc.provider(true, now).await?;
        }
        let payload = keys.verify(&token).map_err(refused)?;
        let known = claims::read(&payload, &oidc.config, &login.nonce, now);
        let known = known.map_err(refused)?;
        let user = self.user_of(&known, now).await?;
        self.begin(user, caller, now).await
    }

    async fn user_of(&self, known: &Known, now: Timestamp) -> Result<User, Refusal> {
        let users = self.state().users();
        let Some(role) = known.role else {
            tracing::warn!(target: "auth", user = known.name, "no group of theirs gives a role");
            let why = "none of your groups may come in: ask who looks after Ratel";
            return Err(Refusal::Forbidden(why.to_owned()));
        };
        let user = match users.find_external(&known.external).await? {
            Some(user) => user,
            None => {
                // Who has the name of somebody who was made here is somebody else until an admin says otherwise.
                let new = New {
                    name: &known.name,
                    role,
                    password: None,
                    must_change: false,
                    external: Some(&known.external),
                };
                let user = users.add(&new, now).await?;
                tracing::info!(target: "auth", user = user.name, role = role.name(), "a user came from elsewhere");
                user
            }
        };
        if user.disabled {
            return Err(NOTHING);
        }
        if user.role == role {
            return Ok(user);
        }
        let change = Change {
            role: Some(role),
            ..Change::default()
        };
        Ok(users.change(&user.name, &change, now).await?)
    }
}

#[cfg(test)]
mod tests;
