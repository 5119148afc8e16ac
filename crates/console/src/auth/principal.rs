//! A person or program that has shown who it is, and where a request comes from.

use std::net::IpAddr;

pub use state::Role;

/// Who asks. Made by authentication alone, never taken from what a request says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user's name, a token's owner, the name in a certificate, or who stands at the other end of the control
    /// socket.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// How they showed it.
    pub via: Via,
    /// They have to choose a password before anything else.
    pub must_change: bool,
    /// Which session, token or certificate: its name, never a secret.
    pub reference: Option<String>,
}

impl Principal {
    /// Who can open the control socket may do everything.
    #[must_use]
    pub fn at_socket(name: impl Into<String>) -> Self {
        Principal {
            name: name.into(),
            role: Role::Admin,
            via: Via::Socket,
            must_change: false,
            reference: None,
        }
    }

    /// A role of Ratel's that showed a certificate of our own authority with this serial number.
    #[must_use]
    pub fn machine(name: impl Into<String>, role: Role, serial: String) -> Self {
        Principal {
            name: name.into(),
            role,
            via: Via::Certificate,
            must_change: false,
            reference: Some(serial),
        }
    }
}

/// How somebody showed who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// With an access token that a login gave.
    Session,
    /// With an API token.
    Token,
    /// By being able to open the control socket.
    Socket,
    /// With a certificate that our own authority gave to a role.
    Certificate,
}

impl Via {
    /// The name in records and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Via::Session => "session",
            Via::Token => "token",
            Via::Socket => "socket",
            Via::Certificate => "certificate",
        }
    }
}

/// Where a request comes from, for throttling and the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The address at the other end of the connection; none at the control socket.
    pub address: Option<IpAddr>,
    /// What the program calls itself, for people to recognise their sessions.
    pub agent: String,
}

impl Caller {
    /// From this address, with these headers.
    #[must_use]
    pub fn of(address: Option<IpAddr>, headers: &axum::http::HeaderMap) -> Self {
        let agent = headers.get(axum::http::header::USER_AGENT);
        let agent = agent.and_then(|value| value.to_str().ok());
        Caller {
            address: address.map(|address| address.to_canonical()),
            agent: agent.unwrap_or_default().chars().take(128).collect(),
        }
    }

    /// The address as text.
    #[must_use]
    pub fn place(&self) -> String {
        self.address
            .map_or_else(|| "socket".to_owned(), |address| address.to_string())
    }
}
