//! Accounts as admins look after them: the first one, new ones, other passwords.

use event::Timestamp;
use state::Role;
use state::users::{Change, New, User};

use super::{Auth, Principal, Refusal, password, secret};

/// The name of the first admin.
pub const FIRST: &str = "admin";

/// Who was made, and the password that is told once and kept nowhere.
#[derive(Clone)]
pub struct Made {
    /// The user.
    pub user: User,
    /// A password to be changed at the first login; none where the caller chose one.
    pub one_time_password: Option<String>,
}

impl std::fmt::Debug for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Made")
            .field("user", &self.user.name)
            .finish_non_exhaustive()
    }
}

impl Auth {
    /// Makes the first admin where there is no user at all. The password is for the terminal, once.
    ///
    /// # Errors
    /// The state fails.
    pub async fn first_start(&self, now: Timestamp) -> Result<Option<Made>, Refusal> {
        if self.state().users().count().await? > 0 {
            return Ok(None);
        }
        let chosen = secret::one_time_password()?;
        let hash = self.0.hashing.hash(&chosen).await?;
        let new = New {
            name: FIRST,
            role: Role::Admin,
            password: Some(&hash),
            must_change: true,
            external: None,
        };
        // Of many consoles that start at once, one makes it.
        if !self.state().users().add_first(&new, now).await? {
            return Ok(None);
        }
        tracing::info!(target: "auth", user = FIRST, "the first admin was made");
        Ok(Some(Made {
            user: self.state().users().get(FIRST).await?,
            one_time_password: Some(chosen),
        }))
    }

    /// Makes a user. Without a password one is made. Either is to be changed at the first login.
    ///
    /// # Errors
    /// A name that can't be or is taken, a weak password.
    pub async fn new_user(
        &self,
        by: &Principal,
        name: &str,
        role: Role,
        chosen: Option<&str>,
        now: Timestamp,
    ) -> Result<Made, Refusal> {
        let (hash, one_time_password) = self.password_for(name, chosen).await?;
        let new = New {
            name,
            role,
            password: Some(&hash),
            must_change: true,
            external: None,
        };
        let user = self.state().users().add(&new, now).await?;
        tracing::info!(target: "auth", who = by.name, user = user.name, role = role.name(), "a user was made");
        Ok(Made {
            user,
            one_time_password,
        })
    }

    /// Changes a user: role, whether they may log in, and with `password` a new one (None: one is made), to be
    /// changed at the next login. Whatever changes ends their sessions.
    ///
    /// # Errors
    /// None of that name, the last admin, a weak password.
    pub async fn change_user(
        &self,
        by: &Principal,
        name: &str,
        role: Option<Role>,
        disabled: Option<bool>,
        password: Option<Option<&str>>,
        now: Timestamp,
    ) -> Result<Made, Refusal> {
        let (hash, one_time_password) = match password {
            Some(chosen) => {
                let (hash, told) = self.password_for(name, chosen).await?;
                (Some(hash), told)
            }
            None => (None, None),
        };
        let change = Change {
            role,
            disabled,
            password: hash.as_deref().map(|hash| (hash, true)),
        };
        let user = self.state().users().change(name, &change, now).await?;
        tracing::info!(target: "auth", who = by.name, user = user.name, role = user.role.name(),
            disabled = user.disabled, password = hash.is_some(), "a user was changed");
        Ok(Made {
            user,
            one_time_password,
        })
    }

    /// Removes a user with sessions and tokens.
    ///
    /// # Errors
    /// None of that name, the last admin.
    pub async fn remove_user(&self, by: &Principal, name: &str) -> Result<(), Refusal> {
        self.state().users().remove(name).await?;
        tracing::info!(target: "auth", who = by.name, user = name, "a user was removed");
        Ok(())
    }

    async fn password_for(
        &self,
        name: &str,
        chosen: Option<&str>,
    ) -> Result<(String, Option<String>), Refusal> {
        match chosen {
            Some(chosen) => match password::weakness(chosen, name) {
                Some(why) => Err(Refusal::Bad(why)),
                None => Ok((self.0.hashing.hash(chosen).await?, None)),
            },
            None => {
                let made = secret::one_time_password()?;
                Ok((self.0.hashing.hash(&made).await?, Some(made)))
            }
        }
    }
}
