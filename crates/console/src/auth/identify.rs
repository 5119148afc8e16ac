//! From the headers of a request to who asks.

use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event::Timestamp;

use super::access::Flaw;
use super::{Auth, Caller, Principal, Refusal, Via, token};

/// Why who asks is not known.
const BAD: Refusal = Refusal::Unknown("the token is none, or it is over: log in again");

/// What a request shows.
#[derive(Debug, PartialEq, Eq)]
enum Shown {
    /// An API token.
    Token(String),
    /// What should be an access token.
    Access(String),
    /// Something that we take from nobody.
    Other,
}

/// What a request shows; None where it shows nothing.
fn shown(headers: &HeaderMap) -> Option<Shown> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let Some(first) = all.next() else {
        let mut keys = headers.get_all("x-api-key").iter();
        let key = keys.next()?;
        let key = key.to_str().ok().filter(|_| keys.next().is_none());
        return Some(key.map_or(Shown::Other, |key| Shown::Token(key.trim().to_owned())));
    };
    let Some((scheme, value)) = first
        .to_str()
        .ok()
        .filter(|_| all.next().is_none())
        .and_then(|text| text.trim().split_once(' '))
    else {
        return Some(Shown::Other);
    };
    let value = value.trim();
    Some(match scheme.to_ascii_lowercase().as_str() {
        "bearer" if value.starts_with(token::PREFIX) => Shown::Token(value.to_owned()),
        "bearer" => Shown::Access(value.to_owned()),
        // Clients of Elasticsearch: `ID:KEY` and `NAME:PASSWORD` in Base64, the token stands behind the colon.
        "apikey" | "basic" => match behind_colon(value) {
            Some(token) => Shown::Token(token),
            None => Shown::Other,
        },
        _ => Shown::Other,
    })
}

fn behind_colon(encoded: &str) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (_, token) = text.split_once(':')?;
    Some(token.to_owned())
}

impl Auth {
    /// Who asks. None where nothing is shown.
    ///
    /// # Errors
    /// What is shown is not good, or the state fails.
    pub async fn identify(
        &self,
        headers: &HeaderMap,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<Option<Principal>, Refusal> {
        let Some(shown) = shown(headers) else {
            return Ok(None);
        };
        let (found, why) = match shown {
            Shown::Token(token) => {
                let place = caller.place();
                (self.of_token(&token, &place, now).await?, "token")
            }
            Shown::Access(token) => match self.0.signer.verify(&token, now) {
                // Every page has one that is over now and then: nobody's fault.
                Err(Flaw::Expired) => return Err(BAD),
                Err(flaw) => (None, flaw.name()),
                Ok(claims) => match self.of_claims(&claims, now).await? {
                    None => return Err(BAD),
                    found => (found, ""),
                },
            },
            Shown::Other => (None, "form"),
        };
        if found.is_some() {
            return Ok(found);
        }
        tracing::warn!(target: "auth", from = caller.place(), "a request was refused: bad {why}");
        let wait = caller
            .address
            .and_then(|address| self.throttle().bad_token(address, now));
        Err(wait.map_or(BAD, Refusal::TooOften))
    }

    /// Whether somebody who was let in may stay: their session or token was not ended meanwhile. For what goes on long
    /// after it was asked for.
    ///
    /// # Errors
    /// The state fails.
    pub async fn may_stay(&self, who: &Principal, now: Timestamp) -> Result<bool, Refusal> {
        let reference = who.reference.as_deref().unwrap_or_default();
        let owner = match who.via {
            Via::Socket => return Ok(true),
            Via::Certificate => return Ok(!self.is_taken_back(reference).await?),
            Via::Session => {
                let found = self.state().sessions().find(reference).await?;
                found
                    .filter(|session| session.revoked.is_none() && session.expires > now)
                    .map(|session| session.user)
            }
            Via::Token => {
                let found = self.state().tokens().find(reference).await?;
                found
                    .filter(|token| token.revoked.is_none())
                    .filter(|token| token.expires.is_none_or(|expires| expires > now))
                    .map(|token| token.owner)
            }
        };
        let Some(owner) = owner else {
            return Ok(false);
        };
        let user = self.state().users().find(&owner).await?;
        Ok(user.is_some_and(|user| !user.disabled && user.role >= who.role))
    }

    /// The user of an access token, as they stand now: who was disabled or logged out since then is nobody.
    async fn of_claims(
        &self,
        claims: &super::access::Claims,
        now: Timestamp,
    ) -> Result<Option<Principal>, Refusal> {
        let Some(session) = self.state().sessions().find(&claims.sid).await? else {
            return Ok(None);
        };
        if session.revoked.is_some() || session.expires <= now || session.user != claims.sub {
            return Ok(None);
        }
        let user = self.state().users().find(&claims.sub).await?;
        let same = user.filter(|user| !user.disabled && user.generation == claims.generation);
        Ok(same.map(|user| Principal {
            name: user.name,
            role: user.role,
            via: Via::Session,
            must_change: user.must_change,
            reference: Some(session.id),
        }))
    }
}

/// Puts the [`Principal`] of a request beside it, for every route behind this. A request that shows something bad ends
/// here; one that shows nothing goes on without one. Who must choose a password gets to
/// where one logs in alone (`is_login`). Where somebody
/// is known already (at the control socket, or by a certificate) nothing is asked.
pub async fn layer(
    auth: Auth,
    caller: Caller,
    now: Timestamp,
    is_login: bool,
    mut request: Request,
    next: Next,
) -> Response {
    if request.extensions().get::<Principal>().is_none() {
        match auth.identify(request.headers(), &caller, now).await {
            Ok(Some(who)) => {
                request.extensions_mut().insert(who);
            }
            Ok(None) => {}
            // An access token that is over must not keep anybody from logging in.
            Err(Refusal::Unknown(_)) if is_login => {}
            Err(refusal) => return refusal.into_response(),
        }
    }
    let must_change = request
        .extensions()
        .get::<Principal>()
        .is_some_and(|who| who.must_change);
    if must_change && !is_login {
        let why = "choose a password before anything else: POST /api/v1/auth/password";
        return Refusal::Forbidden(why.to_owned()).into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_shows_is_taken_from_one_place() {
        let check = |pairs: &[(&'static str, &str)], expected: Option<Shown>| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().unwrap());
            }
            assert_eq!(shown(&headers), expected, "{pairs:?}");
        };
        let token = |text: &str| Some(Shown::Token(text.to_owned()));
        check(&[], None);
        check(&[("authorization", "Bearer ratel_x")], token("ratel_x"));
        check(
            &[("authorization", "bearer a.b.c")],
            Some(Shown::Access("a.b.c".to_owned())),
        );
        check(&[("x-api-key", "ratel_x")], token("ratel_x"));
        // `id:ratel_x` and `elastic:ratel_x`.
        check(
            &[("authorization", "ApiKey aWQ6cmF0ZWxfeA==")],
            token("ratel_x"),
        );
        check(
            &[("authorization", "Basic ZWxhc3RpYzpyYXRlbF94")],
            token("ratel_x"),
        );
        check(&[("authorization", "Basic !!")], Some(Shown::Other));
        check(&[("authorization", "Digest x")], Some(Shown::Other));
        check(&[("authorization", "Bearer")], Some(Shown::Other));
        let twice = [("authorization", "Bearer a"), ("authorization", "Bearer b")];
        check(&twice, Some(Shown::Other));
    }
}
