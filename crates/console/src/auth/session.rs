//! Sessions: logging in, renewing, logging out, another password.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use axum::http::HeaderMap;
use event::Timestamp;
use state::users::{Change, User};

use super::{Auth, Caller, Principal, Refusal, cookie, origin, password, secret};

/// How long the token before the current one is still answered, with an access token alone: two pages of one browser
/// renew at once, and an answer may get lost.
const GRACE: Duration = Duration::from_secs(10);

/// A session as the browser gets it.
#[derive(Clone)]
pub struct Session {
    /// Goes into `Authorization: Bearer …`.
    pub access_token: String,
    /// How long it holds, in seconds.
    pub expires_in: u64,
    /// Who logged in.
    pub user: User,
    /// For the header `Set-Cookie`; none where the browser keeps the cookie that it has.
    pub cookie: Option<String>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("user", &self.user.name)
            .finish_non_exhaustive()
    }
}

impl Auth {
    /// Logs in with name and password. Who is not there, is disabled or has no password is refused after the same
    /// work and with the same words as who mistyped.
    ///
    /// # Errors
    /// Name or password are wrong, or it was tried too often.
    pub async fn login(
        &self,
        name: &str,
        password: &str,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<Session, Refusal> {
        let (place, address) = (caller.place(), address_of(caller));
        // What can't be a name is one account to the throttle.
        let account = state::user_name(name).unwrap_or_default();
        self.admit(&account, address, now).await.inspect_err(|refusal| {
            tracing::warn!(target: "auth", user = account, from = place, "login refused: {refusal}");
        })?;
        let found = self.state().users().find(&account).await?;
        let usable = found.filter(|user| !user.disabled);
        let hash = usable.as_ref().and_then(|user| user.password.as_deref());
        // A longer one is nobody's: hashed it is none the less.
        let password: String = password.chars().take(password::MOST + 1).collect();
        let is_right = self.0.hashing.verify(&password, hash).await?;
        let Some(user) = usable.filter(|_| is_right) else {
            tracing::warn!(target: "auth", user = account, from = place, "login failed");
            return Err(Refusal::Wrong);
        };
        self.throttle().passed(&account, address);
        if let Some(old) = user
            .password
            .as_deref()
            .filter(|h| self.0.hashing.is_old(h))
        {
            let fresh = self.0.hashing.hash(&password).await?;
            self.state().users().rehash(&user.name, old, &fresh).await?;
        }
        self.begin(user, caller, now).await
    }

    /// Counts the attempt; an account that is under attack asks its sessions whether it knows the address.
    async fn admit(&self, account: &str, address: IpAddr, now: Timestamp) -> Result<(), Refusal> {
        let refused = self.throttle().attempt(account, address, now);
        let Err(wait) = refused else {
            return Ok(());
        };
        let sessions = self.state().sessions().of_user(account, now).await?;
        let is_known = sessions
            .iter()
            .any(|session| session.address.parse() == Ok(address));
        if is_known {
            let mut throttle = self.throttle();
            throttle.know(account, address);
            return throttle
                .attempt(account, address, now)
                .map_err(Refusal::TooOften);
        }
        Err(Refusal::TooOften(wait))
    }

    /// Begins a session for somebody who has shown who they are.
    pub(super) async fn begin(
        &self,
        mut user: User,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<Session, Refusal> {
        let (id, token) = (state::random_id()?, secret::text()?);
        let lasts = self.config().session_hours * 3_600;
        let session = state::sessions::Session {
            id: id.clone(),
            user: user.name.clone(),
            current: secret::hash(&token),
            previous: None,
            rotated: now,
            created: now,
            expires: self.later(now, lasts),
            address: caller.place(),
            agent: caller.agent.clone(),
            revoked: None,
        };
        self.state().sessions().add(&session).await?;
        self.state().users().logged_in(&user.name, now).await?;
        user.last_login = Some(now);
        tracing::info!(target: "auth", user = user.name, from = session.address, session = id, "logged in");
        Ok(self.give(user, &session, Some(&token), now))
    }

    fn give(
        &self,
        user: User,
        session: &state::sessions::Session,
        token: Option<&str>,
        now: Timestamp,
    ) -> Session {
        let signer = &self.0.signer;
        // Both end no later than the session does.
        let left = session.expires.since(now).as_secs();
        let idle = self.config().idle_minutes * 60;
        let expires_in = self.expires_in().min(left);
        Session {
            access_token: signer.sign(&user.name, &session.id, user.generation, now, expires_in),
            expires_in,
            cookie: token
                .map(|token| cookie::refresh(&format!("{}.{token}", session.id), left.min(idle))),
            user,
        }
    }

    /// Renews the session of the cookie: its token is good once. One that was used before ends the session, since
    /// somebody else has it too.
    ///
    /// # Errors
    /// Another's page asks, there is no session, or it is over.
    pub async fn refresh(
        &self,
        headers: &HeaderMap,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<Session, Refusal> {
        const OVER: Refusal = Refusal::Unknown("the session is over: log in");
        origin::check(headers)?;
        let (id, token) = parted(headers).ok_or(OVER)?;
        let session = self.state().sessions().find(id).await?.ok_or(OVER)?;
        let idle = Duration::from_secs(self.config().idle_minutes * 60);
        let is_over = session.revoked.is_some()
            || session.expires <= now
            || now.since(session.rotated) > idle;
        let shown = secret::hash(token);
        let is_current = secret::same(&session.current, &shown);
        let is_previous = session
            .previous
            .as_ref()
            .is_some_and(|previous| secret::same(previous, &shown));
        if is_over {
            return Err(OVER);
        }
        let user = self.state().users().find(&session.user).await?;
        let user = user.filter(|user| !user.disabled).ok_or(OVER)?;
        if is_current {
            let next = secret::text()?;
            let sessions = self.state().sessions();
            let hash = secret::hash(&next);
            if sessions.rotate(id, &session.current, &hash, now).await? {
                return Ok(self.give(user, &session, Some(&next), now));
            }
            // Another page of the same browser was faster by a moment.
            return Ok(self.give(user, &session, None, now));
        }
        if is_previous && now.since(session.rotated) <= GRACE {
            return Ok(self.give(user, &session, None, now));
        }
        self.state()
            .sessions()
            .revoke(id, "a token was used twice", now)
            .await?;
        tracing::warn!(target: "auth", user = session.user, from = caller.place(), session = id,
            "a token of a session was used twice: the session is ended");
        Err(OVER)
    }

    /// Ends the session of the cookie, where it is one; what to set so that the browser forgets it.
    ///
    /// # Errors
    /// Another's page asks, the state fails.
    pub async fn logout(&self, headers: &HeaderMap, now: Timestamp) -> Result<String, Refusal> {
        origin::check(headers)?;
        if let Some((id, token)) = parted(headers)
            && let Some(session) = self.state().sessions().find(id).await?
        {
            let shown = secret::hash(token);
            let own = [Some(&session.current), session.previous.as_ref()];
            if own
                .into_iter()
                .flatten()
                .any(|kept| secret::same(kept, &shown))
            {
                self.state()
                    .sessions()
                    .revoke(id, "logged out", now)
                    .await?;
                tracing::info!(target: "auth", user = session.user, session = id, "logged out");
            }
        }
        Ok(cookie::no_refresh())
    }

    /// Chooses another password: everything that was given with the old one ends, and a new session begins.
    ///
    /// # Errors
    /// The old one is wrong (which counts as an attempt to log in), the new one is weak.
    pub async fn change_password(
        &self,
        who: &Principal,
        old: &str,
        new: &str,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<Session, Refusal> {
        if who.via != super::Via::Session {
            return Err(Refusal::Forbidden("log in to change a password".to_owned()));
        }
        let address = address_of(caller);
        self.admit(&who.name, address, now).await?;
        let user = self.state().users().get(&who.name).await?;
        let Some(hash) = &user.password else {
            return Err(Refusal::Bad("this user has no password".to_owned()));
        };
        let old: String = old.chars().take(password::MOST + 1).collect();
        if !self.0.hashing.verify(&old, Some(hash)).await? {
            tracing::warn!(target: "auth", user = who.name, from = caller.place(), "another password: the old one was wrong");
            return Err(Refusal::Forbidden("the old password is wrong".to_owned()));
        }
        self.throttle().passed(&who.name, address);
        if let Some(why) = password::weakness(new, &who.name) {
            return Err(Refusal::Bad(why));
        }
        if secret::same(&old, new) {
            return Err(Refusal::Bad("the new password is the old one".to_owned()));
        }
        let fresh = self.0.hashing.hash(new).await?;
        let change = Change {
            password: Some((&fresh, false)),
            ..Change::default()
        };
        let user = self.state().users().change(&who.name, &change, now).await?;
        tracing::info!(target: "auth", user = who.name, from = caller.place(), "a password was changed");
        self.begin(user, caller, now).await
    }
}

/// Session and secret of the cookie.
fn parted(headers: &HeaderMap) -> Option<(&str, &str)> {
    let value = cookie::read(headers, cookie::REFRESH)?;
    let (id, token) = value.split_once('.')?;
    let is_fine = id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()) && token.len() == 43;
    is_fine.then_some((id, token))
}

/// For the throttle: the socket is this machine.
fn address_of(caller: &Caller) -> IpAddr {
    caller.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}
