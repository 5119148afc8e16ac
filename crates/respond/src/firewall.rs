//! The firewall as actions see it: puts, takes, a reading of what holds, a reconciliation after a crash.

use std::collections::BTreeMap;
use std::time::Duration;

use event::action::{ActionId, Failure, Undo, What};
use event::{Prefix, Timestamp};

pub use absent::Absent;
pub use choose::{Backend, choose};

mod absent;
mod choose;
pub mod iptables;
pub mod model;
pub mod nft;
pub mod tool;

/// Changes that go to the firewall as one transaction. A larger batch would hold the kernel's lock
/// for longer than a packet may wait, and is cut.
pub const MAX_BATCH: usize = 512;

/// One place in the firewall that only one action can have at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// Blocked.
    Block(Prefix),
    /// Limited.
    Limit(Prefix),
    /// A connection that ends.
    Connection(event::action::Connection),
    /// Led to a honeypot.
    Lead(Prefix),
    /// Cut off.
    Jail(Prefix),
}

impl Slot {
    /// The place that `what` takes.
    #[must_use]
    pub fn of(what: &What) -> Self {
        match what {
            What::Block { target } => Slot::Block(*target),
            What::RateLimit { target, .. } => Slot::Limit(*target),
            What::DropConnection { connection } => Slot::Connection(*connection),
            What::Redirect { target, .. } => Slot::Lead(*target),
            What::Quarantine { target } => Slot::Jail(*target),
        }
    }
}

/// What the firewall should hold for an action, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Whose it is.
    pub id: ActionId,
    /// What it does.
    pub what: What,
    /// When it ends.
    pub ends: Timestamp,
}

impl Wanted {
    /// What is left of its time.
    #[must_use]
    pub fn left(&self, now: Timestamp) -> Duration {
        self.ends.since(now)
    }
}

/// One change of the firewall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Hold this; what our own earlier put left in the same slot is replaced.
    Put(Wanted),
    /// Hold it no more.
    Take(What),
}

/// What a reading says about one wanted thing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// The sets that hold it, with their rules in place.
    pub held_by: Vec<String>,
    /// Packets counted against it.
    pub packets_stopped: u64,
    /// What is wrong, the first thing found.
    pub fault: Option<(Failure, String)>,
}

/// Why the firewall did not change, or was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FirewallError {
    /// The command is not there.
    #[error("{0} is not installed, or was removed")]
    ToolMissing(String),
    /// The command may not.
    #[error("{tool}: not permitted (needs CAP_NET_ADMIN): {text}")]
    NotPermitted {
        /// Which command.
        tool: String,
        /// What it said.
        text: String,
    },
    /// The command did not end.
    #[error("{tool} did not end within {secs} s")]
    TimedOut {
        /// Which command.
        tool: String,
        /// The limit.
        secs: u64,
    },
    /// The set takes no more.
    #[error("the set is full: {0}")]
    SetFull(String),
    /// Something that is named exists already.
    #[error("exists already: {0}")]
    Exists(String),
    /// Something that is named does not exist.
    #[error("does not exist: {0}")]
    Gone(String),
    /// A table of our name that we did not make.
    #[error("{0} was made by somebody else; give Ratel another name in respond.table")]
    NotOurs(String),
    /// Anything else.
    #[error("{tool}: {text}")]
    Refused {
        /// Which command.
        tool: String,
        /// What it said.
        text: String,
    },
}

impl FirewallError {
    /// The way of failing that this is.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            FirewallError::ToolMissing(_) => Failure::ToolMissing,
            FirewallError::NotPermitted { .. } => Failure::NotPermitted,
            FirewallError::TimedOut { .. } => Failure::TimedOut,
            FirewallError::SetFull(_) => Failure::SetFull,
            FirewallError::Exists(_)
            | FirewallError::Gone(_)
            | FirewallError::NotOurs(_)
            | FirewallError::Refused { .. } => Failure::FirewallRefused,
        }
    }
}

/// What a reconciliation changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Ours, and no longer wanted: taken out.
    pub taken: usize,
    /// Wanted, and missing: put in.
    pub put: usize,
    /// Put there by somebody else: left alone.
    pub kept: usize,
}

/// Puts a batch at once; where that fails, halves of it, so that one bad element stands alone. The
/// errors of those that were not put.
fn halving(
    puts: &[&Wanted],
    put: &mut impl FnMut(&[&Wanted]) -> Result<(), FirewallError>,
) -> BTreeMap<ActionId, FirewallError> {
    if puts.is_empty() {
        return BTreeMap::new();
    }
    let Err(error) = put(puts) else {
        return BTreeMap::new();
    };
    // A command that is gone or hangs is not asked for each element.
    let is_hopeless = matches!(
        error,
        FirewallError::ToolMissing(_)
            | FirewallError::TimedOut { .. }
            | FirewallError::NotPermitted { .. }
            | FirewallError::NotOurs(_)
    );
    if puts.len() == 1 || is_hopeless {
        return puts.iter().map(|put| (put.id, error.clone())).collect();
    }
    let (left, right) = puts.split_at(puts.len() / 2);
    let mut failed = halving(left, put);
    failed.extend(halving(right, put));
    failed
}

/// A firewall that holds what is wanted and can be asked what it holds.
///
/// Every implementation marks what is its own, keeps what is not, gives each thing an end that the
/// kernel carries out by itself, and leaves no trace when nothing is wanted any more.
pub trait Firewall {
    /// `nftables`, `iptables` or `model`.
    fn name(&self) -> &'static str;

    /// Carries out changes, as few transactions as it can; one answer for each change, in order.
    fn apply(&mut self, changes: &[Change], now: Timestamp) -> Vec<Result<Undo, FirewallError>>;

    /// Reads back how each wanted thing stands; one finding for each, in order.
    fn inspect(&mut self, wanted: &[Wanted], now: Timestamp)
    -> Result<Vec<Finding>, FirewallError>;

    /// Makes the firewall hold exactly `wanted` of ours, whatever it held before.
    fn reconcile(&mut self, wanted: &[Wanted], now: Timestamp)
    -> Result<Reconciled, FirewallError>;

    /// Forgets what the kernel has taken back, and takes away the parts that held it.
    fn settle(&mut self, now: Timestamp) -> Result<(), FirewallError>;

    /// A way past our rules for packets of this interface, where the firewall itself shows one.
    fn past(&mut self, interface: Option<&str>) -> Option<(Failure, String)>;
}
