//! API tokens: `ratel_ID_SECRET`. The id finds the row, SHA-256 of the secret is what is kept of the rest.

use event::Timestamp;
use state::Role;
use state::tokens::Token;

use super::{Auth, Principal, Refusal, Via, secret};

/// What every token begins with, so that people and scanners of leaked secrets know it.
pub const PREFIX: &str = "ratel_";
/// Seconds between two notes that a token was used: a program that asks a thousand times a second writes one row a
/// minute.
const NOTED: std::time::Duration = std::time::Duration::from_secs(60);

/// Id and secret of a token as it is shown.
fn parted(token: &str) -> Option<(&str, &str)> {
    let (id, secret) = token.strip_prefix(PREFIX)?.split_once('_')?;
    let is_fine = id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()) && secret.len() == 43;
    is_fine.then_some((id, secret))
}

impl Auth {
    /// Makes a token for this user: the row, and the token itself, which is told once and kept nowhere.
    ///
    /// # Errors
    /// A role above the owner's, an end that is past, a name that can't be.
    pub async fn new_token(
        &self,
        by: &Principal,
        owner: &str,
        name: &str,
        role: Role,
        expires: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(Token, String), Refusal> {
        let owner = self.state().users().get(owner).await?;
        if by.name != owner.name && by.role < Role::Admin {
            return Err(Refusal::Forbidden(
                "a token for somebody else takes the role admin".to_owned(),
            ));
        }
        // Who makes tokens may not make a stronger one; what ends by itself makes none that outlives it.
        let most = owner.role.min(by.role);
        if role > most {
            return Err(Refusal::Forbidden(format!(
                "a token of {} has at most the role {most}",
                owner.name
            )));
        }
        if !matches!(by.via, Via::Session | Via::Socket) {
            return Err(Refusal::Forbidden(
                "a token or certificate makes no tokens: log in, or use the command line"
                    .to_owned(),
            ));
        }
        let longest = self.later(now, self.config().token_days * 86_400);
        let expires = expires.unwrap_or(longest);
        if expires <= now {
            return Err(Refusal::Bad("the token's end is past".to_owned()));
        }
        let id = secret::hex(&secret::bytes::<8>()?);
        let secret = secret::text()?;
        let token = Token {
            id: id.clone(),
            name: name.to_owned(),
            owner: owner.name,
            hash: secret::hash(&secret),
            role,
            created: now,
            expires: Some(expires),
            last_used: None,
            last_address: None,
            revoked: None,
        };
        self.state().tokens().add(&token).await?;
        tracing::info!(target: "auth", who = by.name, token = id, owner = token.owner, role = role.name(), "a token was made");
        Ok((token, format!("{PREFIX}{id}_{secret}")))
    }

    /// Takes a token back: one's own, or as an admin anybody's.
    ///
    /// # Errors
    /// None of that name that is theirs.
    pub async fn revoke_token(
        &self,
        by: &Principal,
        id: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let found = self.state().tokens().find(id).await?;
        let own = found.filter(|token| token.owner == by.name || by.role == Role::Admin);
        if own.is_none() {
            return Err(Refusal::Missing(format!("no token {id}")));
        }
        self.state().tokens().revoke(id, now).await?;
        tracing::info!(target: "auth", who = by.name, token = id, "a token was taken back");
        Ok(())
    }

    /// Who shows this token; None where it is none that holds.
    pub(super) async fn of_token(
        &self,
        token: &str,
        place: &str,
        now: Timestamp,
    ) -> Result<Option<Principal>, Refusal> {
        let Some((id, shown)) = parted(token) else {
            return Ok(None);
        };
        let Some(found) = self.state().tokens().find(id).await? else {
            return Ok(None);
        };
        let holds = secret::same(&found.hash, &secret::hash(shown))
            && found.revoked.is_none()
            && found.expires.is_none_or(|expires| expires > now);
        if !holds {
            return Ok(None);
        }
        let Some(owner) = self.state().users().find(&found.owner).await? else {
            return Ok(None);
        };
        if owner.disabled {
            return Ok(None);
        }
        if found.last_used.is_none_or(|last| now.since(last) > NOTED) {
            self.state().tokens().used(id, place, now).await?;
        }
        Ok(Some(Principal {
            // Who was demoted has no stronger tokens left.
            role: found.role.min(owner.role),
            name: owner.name,
            via: Via::Token,
            must_change: false,
            reference: Some(found.id),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_a_name_and_a_secret() {
        let secret = "s".repeat(43);
        let check = |token: String, expected: bool| {
            assert_eq!(parted(&token).is_some(), expected, "{token}");
        };
        check(format!("ratel_0123456789abcdef_{secret}"), true);
        check(format!("ratel_0123456789abcdef_{secret}x"), false);
        check(format!("ratel_0123456789abcdeg_{secret}"), false);
        check(format!("ratel_0123_{secret}"), false);
        check(format!("other_0123456789abcdef_{secret}"), false);
        check("ratel_".to_owned(), false);
    }
}
