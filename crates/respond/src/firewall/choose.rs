//! Which firewall this host has: nftables, else iptables with ipset, else one line that says why none.

use event::Timestamp;
use event::action::{Failure, Undo};

use super::nft::Nft;
use super::tool::Tool;
use super::{Change, Finding, Firewall, FirewallError, Reconciled, Wanted};

/// The firewall of this host.
pub enum Backend {
    /// nftables.
    Nft(Box<Nft>),
}

/// The firewall of the network namespace of the calling thread; nothing is changed. Our things will
/// stand in `table` (nftables) or in sets and chains that begin so (iptables), `set_size` elements a
/// set.
///
/// # Errors
/// In one line why there is none that we can use.
pub fn choose(table: &str, set_size: u32) -> Result<Backend, String> {
    choose_of(Tool::named("nft"), table, set_size)
}

/// The same with other commands.
fn choose_of(nft: Tool, table: &str, set_size: u32) -> Result<Backend, String> {
    match nft.run(&["list", "tables"], "") {
        Ok(_) => Ok(Backend::Nft(Box::new(Nft::new(nft, table, set_size)))),
        Err(error) => Err(format!("no firewall can be used: {error}")),
    }
}

impl Backend {
    fn inner(&mut self) -> &mut dyn Firewall {
        match self {
            Backend::Nft(nft) => nft.as_mut(),
        }
    }
}

impl Firewall for Backend {
    fn name(&self) -> &'static str {
        match self {
            Backend::Nft(nft) => nft.name(),
        }
    }

    fn apply(&mut self, changes: &[Change], now: Timestamp) -> Vec<Result<Undo, FirewallError>> {
        self.inner().apply(changes, now)
    }

    fn inspect(
        &mut self,
        wanted: &[Wanted],
        now: Timestamp,
    ) -> Result<Vec<Finding>, FirewallError> {
        self.inner().inspect(wanted, now)
    }

    fn reconcile(
        &mut self,
        wanted: &[Wanted],
        now: Timestamp,
    ) -> Result<Reconciled, FirewallError> {
        self.inner().reconcile(wanted, now)
    }

    fn settle(&mut self, now: Timestamp) -> Result<(), FirewallError> {
        self.inner().settle(now)
    }

    fn past(&mut self, interface: Option<&str>) -> Option<(Failure, String)> {
        self.inner().past(interface)
    }
}
