//! Which firewall this host has: nftables, else iptables with ipset, else one line that says why none.

use event::Timestamp;
use event::action::{Failure, Undo};

use super::iptables::{Iptables, Tools};
use super::nft::Nft;
use super::tool::Tool;
use super::{Change, Finding, Firewall, FirewallError, Reconciled, Wanted};

/// The firewall of this host.
pub enum Backend {
    /// nftables.
    Nft(Box<Nft>),
    /// iptables with ipset.
    Iptables(Box<Iptables>),
}

/// The firewall of the network namespace of the calling thread; nothing is changed. Our things will
/// stand in `table` (nftables) or in sets and chains that begin so (iptables), `set_size` elements a
/// set.
///
/// # Errors
/// In one line why there is none that we can use.
pub fn choose(table: &str, set_size: u32) -> Result<Backend, String> {
    choose_of(Tool::named("nft"), Tools::default(), table, set_size)
}

/// The same with other commands.
fn choose_of(nft: Tool, others: Tools, table: &str, set_size: u32) -> Result<Backend, String> {
    let without_nft = match nft.run(&["list", "tables"], "") {
        Ok(_) => return Ok(Backend::Nft(Box::new(Nft::new(nft, table, set_size)))),
        // Who may not change the one may not change the other.
        Err(error @ FirewallError::NotPermitted { .. }) => {
            return Err(format!("no firewall can be used: {error}"));
        }
        Err(error) => error,
    };
    match Iptables::new(others, table, set_size) {
        Ok(iptables) => Ok(Backend::Iptables(Box::new(iptables))),
        Err(error) => Err(format!("no firewall can be used: {without_nft}; {error}")),
    }
}

impl Backend {
    fn inner(&mut self) -> &mut dyn Firewall {
        match self {
            Backend::Nft(nft) => nft.as_mut(),
            Backend::Iptables(iptables) => iptables.as_mut(),
        }
    }
}

impl Firewall for Backend {
    fn name(&self) -> &'static str {
        match self {
            Backend::Nft(nft) => nft.name(),
            Backend::Iptables(iptables) => iptables.name(),
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

#[cfg(test)]
mod tests {
    use super::super::iptables::Family;
    use super::*;
    use std::path::Path;

    #[test]
    fn without_any_firewall_one_line_says_what_is_missing() {
        let none = || Tool::at(Path::new("/nowhere/tool"));
        let family = || Family {
            save: none(),
            restore: none(),
        };
        let tools = Tools {
            ipset: Tool::at(Path::new("/nowhere/ipset")),
            four: family(),
            six: family(),
        };
        let nft = Tool::at(Path::new("/nowhere/nft"));
        let why = choose_of(nft, tools, "ratel", 10).err().unwrap();
        assert_eq!(
            why,
            "no firewall can be used: nft is not installed, or was removed; \
             ipset is not installed, or was removed"
        );
    }
}
