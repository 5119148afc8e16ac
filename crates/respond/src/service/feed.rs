//! Blocks that feeds ask for: many at once, and not counted against what playbooks may do.

use std::collections::BTreeSet;
use std::time::Duration;

use event::action::{Action, ActionId, Mode, What, Why};
use event::{Prefix, Timestamp};

use super::Responder;
use crate::firewall::Firewall;
use crate::host::Host;
use crate::plan::{self, Ground};
use crate::playbook::MAX_TTL;

/// One prefix that a feed lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Who.
    pub target: Prefix,
    /// For how long.
    pub ttl: Duration,
    /// How far.
    pub mode: Mode,
    /// Which feed.
    pub feed: String,
    /// In words.
    pub reason: String,
}

impl<F: Firewall, H: Host> Responder<F, H> {
    /// How far this installation lets actions go.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.config.mode
    }

    /// Blocks what is listed: planned, refused and carried out like everything else.
    pub fn block_listed(&mut self, listed: Vec<Listed>, now: Timestamp) -> Vec<Action> {
        self.know_protected(now);
        let ground = Ground {
            ledger: &self.ledger,
            protected: self.actuator.protected(),
            mode: self.config.mode,
            published: None,
            now,
        };
        let plans = listed.into_iter().map(|listed| {
            let what = What::Block {
                target: listed.target,
            };
            let ttl = listed.ttl.clamp(Duration::from_secs(1), MAX_TTL);
            let why = Why {
                reason: listed.reason,
                feed: Some(listed.feed),
                ..Why::default()
            };
            let mode = listed.mode.min(self.config.mode);
            plan::order(what, ttl, mode, why, &ground)
        });
        let plans = plans.collect();
        self.take_on(plans, now);
        self.save();
        self.hand_out()
    }

    /// Takes back blocks whose feed has let go of them. What the firewall does not let go of now is
    /// found again by the next comparison.
    pub fn unlist(&mut self, ids: &BTreeSet<ActionId>, cause: &str, now: Timestamp) -> Vec<Action> {
        let _ = self.take_back(ids, cause, now);
        self.save();
        self.hand_out()
    }
}
