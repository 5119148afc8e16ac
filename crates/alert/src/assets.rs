//! What is known of our own hosts: name, role, worth and owner, from a file.

mod read;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use event::Prefix;
use serde::{Deserialize, Serialize};

pub use read::{Refusal, read};

/// One host or network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// Its address or prefix.
    pub address: Prefix,
    /// What people call it.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub role: String,
    /// How much depends on it.
    #[serde(default)]
    pub criticality: Criticality,
    /// Who cares for it.
    #[serde(default)]
    pub owner: String,
}

/// How much depends on a host.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Criticality {
    /// Little.
    Low,
    /// The usual.
    #[default]
    Medium,
    /// Much: an incident that touches it is one step worse.
    High,
    /// Everything: the same.
    Critical,
}

/// All assets, found by address.
#[derive(Clone, Debug, Default)]
pub struct Assets {
    by_prefix: HashMap<Prefix, Asset>,
    /// Lengths that occur, the longest first for each family: a host before its network.
    lengths: BTreeSet<(bool, std::cmp::Reverse<u8>)>,
}

impl Assets {
    /// Of these; of two with the same prefix the last counts.
    #[must_use]
    pub fn new(list: Vec<Asset>) -> Assets {
        let mut assets = Assets::default();
        for asset in list {
            let prefix = asset.address;
            let length = std::cmp::Reverse(prefix.length());
            assets.lengths.insert((prefix.is_ipv4(), length));
            assets.by_prefix.insert(prefix, asset);
        }
        assets
    }

    /// What is known of an address: the longest prefix that holds it counts.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> Option<&Asset> {
        let address = address.to_canonical();
        self.lengths
            .iter()
            .filter(|(is_ipv4, _)| *is_ipv4 == address.is_ipv4())
            .find_map(|(_, length)| self.by_prefix.get(&Prefix::new(address, length.0)?))
    }

    /// Whether much depends on the address.
    #[must_use]
    pub fn is_precious(&self, address: IpAddr) -> bool {
        self.of(address)
            .is_some_and(|asset| asset.criticality >= Criticality::High)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_prefix.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_prefix.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_counts_before_its_network() {
        let text = "address,name,criticality\n10.0.0.0/8,inside,low\n10.0.0.5,db1,critical\n2001:db8::/32,six,high\n";
        let (list, refused) = read("assets.csv", text);
        assert!(refused.is_empty());
        let assets = Assets::new(list);
        let name = |address: &str| assets.of(address.parse().unwrap()).map(|a| a.name.as_str());
        assert_eq!(name("10.0.0.5"), Some("db1"));
        assert_eq!(name("::ffff:10.0.0.5"), Some("db1"));
        assert_eq!(name("10.0.0.6"), Some("inside"));
        assert_eq!(name("2001:db8::1"), Some("six"));
        assert_eq!(name("192.0.2.1"), None);
        assert!(assets.is_precious("10.0.0.5".parse().unwrap()));
        assert!(!assets.is_precious("10.0.0.6".parse().unwrap()));
    }
}
