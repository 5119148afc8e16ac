//! Why somebody is not let in, as they hear it: never more than an attacker may know.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::api::problem::Problem;

/// Why somebody is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Name or password are wrong; which of them is nobody's business.
    #[error("name or password is wrong")]
    Wrong,
    /// No token, or one that is none.
    #[error("{0}")]
    Unknown(&'static str),
    /// Known, and may not.
    #[error("{0}")]
    Forbidden(String),
    /// Too often; come again after this time.
    #[error("too many attempts: try again in {} seconds", .0.as_secs().max(1))]
    TooOften(Duration),
    /// Too many at once.
    #[error("too many logins at once: try again in a second")]
    Busy,
    /// Somebody whom we need does not answer.
    #[error("{0}")]
    Unavailable(&'static str),
    /// What was given can't be.
    #[error("{0}")]
    Bad(String),
    /// There is none of that name.
    #[error("{0}")]
    Missing(String),
    /// There is one already, or somebody was faster.
    #[error("{0}")]
    Conflict(String),
    /// Something of ours failed; the log says what.
    #[error("the answer failed; see the log")]
    Failed(String),
}

impl Refusal {
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Refusal::Wrong | Refusal::Unknown(_) => StatusCode::UNAUTHORIZED,
            Refusal::Forbidden(_) => StatusCode::FORBIDDEN,
            Refusal::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
            Refusal::Busy | Refusal::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Bad(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::Missing(_) => StatusCode::NOT_FOUND,
            Refusal::Conflict(_) => StatusCode::CONFLICT,
            Refusal::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        if let Refusal::Failed(cause) = &refusal {
            tracing::error!(target: "auth", "{cause}");
        }
        Problem::new(refusal.status(), refusal.to_string())
    }
}

impl From<state::Error> for Refusal {
    fn from(error: state::Error) -> Refusal {
        use state::Error as E;
        match error {
            E::Missing { .. } => Refusal::Missing(error.to_string()),
            E::Exists { .. } | E::Conflict { .. } => Refusal::Conflict(error.to_string()),
            E::Refused(why) => Refusal::Bad(why),
            E::Address(_)
            | E::Open { .. }
            | E::File { .. }
            | E::Migrate { .. }
            | E::Sql { .. }
            | E::Broken { .. } => Refusal::Failed(error.to_string()),
        }
    }
}

impl From<super::Error> for Refusal {
    fn from(error: super::Error) -> Refusal {
        Refusal::Failed(error.to_string())
    }
}

impl IntoResponse for Refusal {
    /// In the form of RFC 9457, with what the status asks for beside it.
    fn into_response(self) -> Response {
        let after = match &self {
            Refusal::TooOften(wait) => Some(wait.as_secs().max(1)),
            Refusal::Busy => Some(1),
            Refusal::Unavailable(_) => Some(30),
            Refusal::Wrong
            | Refusal::Unknown(_)
            | Refusal::Forbidden(_)
            | Refusal::Bad(_)
            | Refusal::Missing(_)
            | Refusal::Conflict(_)
            | Refusal::Failed(_) => None,
        };
        let mut response = Problem::from(self).into_response();
        let is_unknown = response.status() == StatusCode::UNAUTHORIZED;
        let headers = response.headers_mut();
        if let Some(secs) = after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        if is_unknown {
            let bearer = HeaderValue::from_static("Bearer realm=\"ratel\"");
            headers.insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_too_often_hears_when_to_come_again() {
        let response = Refusal::TooOften(Duration::from_secs(30)).into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::RETRY_AFTER], "30");
        let response = Refusal::Wrong.into_response();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert!(response.headers().contains_key(header::WWW_AUTHENTICATE));
    }

    #[test]
    fn what_failed_inside_is_not_told_outside() {
        let problem = Problem::from(Refusal::Failed("disk /secret is full".to_owned()));
        assert_eq!(problem.detail, "the answer failed; see the log");
    }
}
