//! A person or program that has shown who it is.

use serde::{Deserialize, Serialize};

/// Who asks. Made by authentication alone, never taken from what a request says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user's name, or a token's owner, or who stands at the other end of the control socket.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// How they showed it.
    pub via: Via,
}

/// What somebody may do. The order is the order of rights: who may more may also what is before.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Hands in records and reads nothing: for tokens of log shippers.
    Ingest,
    /// Reads.
    Viewer,
    /// Triages, notes, silences, saves queries, uploads captures.
    Analyst,
    /// Blocks, undoes, approves.
    Responder,
    /// Users, tokens of others, rules.
    Admin,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Role; 5] = [
        Role::Ingest,
        Role::Viewer,
        Role::Analyst,
        Role::Responder,
        Role::Admin,
    ];

    /// The name in records and settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Role::Ingest => "ingest",
            Role::Viewer => "viewer",
            Role::Analyst => "analyst",
            Role::Responder => "responder",
            Role::Admin => "admin",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_stand_in_the_order_of_rights() {
        assert!(Role::ALL.is_sorted());
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(role));
        }
        assert_eq!(Role::from_name("root"), None);
    }
}
