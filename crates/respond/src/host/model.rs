//! A host in memory, for tests and for rehearsals.

use std::net::{IpAddr, SocketAddr};

use event::Timestamp;
use event::action::{Failure, What};

use super::{Host, Interface, Survivors};
use crate::protected::Protected;

/// What the model answers.
#[derive(Clone, Debug)]
pub struct ModelHost {
    /// Who is protected, or why that cannot be told.
    pub protected: Result<Protected, String>,
    /// Connections that do not end.
    pub survivors: Survivors,
    /// Connections that were ended.
    pub ended: Vec<What>,
}

impl ModelHost {
    /// A host with this protected set.
    #[must_use]
    pub fn new(protected: Protected) -> Self {
        ModelHost {
            protected: Ok(protected),
            survivors: Survivors::default(),
            ended: Vec::new(),
        }
    }
}

impl Host for ModelHost {
    fn protected(&mut self, _now: Timestamp) -> Result<Protected, String> {
        self.protected.clone()
    }

    fn end_connections(&mut self, what: &What) -> Result<u32, String> {
        self.ended.push(what.clone());
        Ok(0)
    }

    fn survivors(&mut self, _what: &What) -> Result<Survivors, String> {
        Ok(self.survivors)
    }

    fn namespace(&self) -> Option<u64> {
        None
    }

    fn interface(&self, _name: &str) -> Interface {
        Interface::Up
    }

    fn past(&self, _interface: &str) -> Option<(Failure, String)> {
        None
    }

    fn answers(&self, _honeypot: SocketAddr) -> Option<bool> {
        Some(true)
    }

    fn reaches(&mut self, _to: IpAddr) -> bool {
        true
    }
}
