//! Reputations of addresses: `iprep`, from Suricata's category and reputation files.

use ahash::AHashMap;
use event::address::AddressRange;
use rules::rule::{Compare, ReputationSide};
use smallvec::SmallVec;
use std::net::IpAddr;

/// Categories (Suricata's `SREP_MAX_CATS`).
const CATEGORIES_MAX: u8 = 60;
/// Highest reputation.
const VALUE_MAX: u8 = 127;
/// Addresses and prefixes held: about 64 bytes each.
const ENTRIES_MAX: usize = 8 << 20;

/// Number of a category.
pub type CategoryId = u8;

/// Category and value of one address or prefix.
type Values = SmallVec<[(CategoryId, u8); 4]>;

/// All reputations known.
#[derive(Debug, Default)]
pub struct IpReputation {
    categories: AHashMap<String, CategoryId>,
    hosts: AHashMap<IpAddr, Values>,
    /// By length of prefix and first address.
    prefixes: AHashMap<(u8, IpAddr), Values>,
    /// Lengths that occur, longest first, for IPv4 and IPv6.
    lengths: [Vec<u8>; 2],
}

impl IpReputation {
    /// Reads a categories file (`id,name,description`) and reputation files
    /// (`address or prefix,category id,value`). Lines that make no sense are left out and told,
    /// with their number.
    #[must_use]
    pub fn read(categories: &[u8], lists: &[&[u8]]) -> (Self, Vec<String>) {
        let mut all = IpReputation::default();
        let mut complaints = Vec::new();
        for (number, line) in lines(categories) {
            let mut fields = line.split(',').map(str::trim);
            match (fields.next().map(str::parse), fields.next()) {
                (Some(Ok(id)), Some(name)) if id < CATEGORIES_MAX && !name.is_empty() => {
                    all.categories.insert(name.to_owned(), id);
                }
                _ => complaints.push(format!("categories, line {number}: {line}")),
            }
        }
        for list in lists {
            for (number, line) in lines(list) {
                if all.add(&line).is_none() {
                    complaints.push(format!("reputation list, line {number}: {line}"));
                }
            }
        }
        (all, complaints)
    }

    /// The number of a category.
    #[must_use]
    pub fn category(&self, name: &str) -> Option<CategoryId> {
        self.categories.get(name).copied()
    }

    /// The reputation of `address`: its own, else that of the longest prefix around it.
    #[must_use]
    pub fn get(&self, address: IpAddr, category: CategoryId) -> Option<u8> {
        if let Some(value) = self
            .hosts
            .get(&address)
            .and_then(|values| of(values, category))
        {
            return Some(value);
        }
        let lengths = &self.lengths[usize::from(address.is_ipv6())];
        lengths.iter().find_map(|length| {
            let first = AddressRange::prefix(address, *length)?.first;
            of(self.prefixes.get(&(*length, first))?, category)
        })
    }

    /// Whether `iprep` holds: `compare` None asks whether there is a reputation (`isset`), or with
    /// `is_negated` that there is none.
    #[must_use]
    pub fn holds(
        &self,
        side: ReputationSide,
        category: CategoryId,
        compare: Option<Compare>,
        is_negated: bool,
        source: IpAddr,
        destination: IpAddr,
    ) -> bool {
        let one = |address| match (self.get(address, category), compare) {
            (value, None) => value.is_some() != is_negated,
            (Some(value), Some(compare)) => compare.holds(value.into()) != is_negated,
            (None, Some(_)) => false,
        };
        match side {
            ReputationSide::Any => one(source) || one(destination),
            ReputationSide::Source => one(source),
            ReputationSide::Destination => one(destination),
            ReputationSide::Both => one(source) && one(destination),
        }
    }

    fn add(&mut self, line: &str) -> Option<()> {
        let mut fields = line.split(',').map(str::trim);
        let (address, category, value) = (fields.next()?, fields.next()?, fields.next()?);
        let category: CategoryId = category.parse().ok().filter(|id| *id < CATEGORIES_MAX)?;
        let value: u8 = value.parse().ok().filter(|value| *value <= VALUE_MAX)?;
        if self.hosts.len() + self.prefixes.len() >= ENTRIES_MAX {
            return None;
        }
        let values = match address.split_once('/') {
            None => self.hosts.entry(address.parse().ok()?).or_default(),
            Some((address, length)) => {
                let (address, length): (IpAddr, u8) = (address.parse().ok()?, length.parse().ok()?);
                let first = AddressRange::prefix(address, length)?.first;
                let lengths = &mut self.lengths[usize::from(address.is_ipv6())];
                if let Err(place) = lengths.binary_search_by(|known| length.cmp(known)) {
                    lengths.insert(place, length);
                }
                self.prefixes.entry((length, first)).or_default()
            }
        };
        match values.iter_mut().find(|(id, _)| *id == category) {
            Some(known) => known.1 = value,
            None => values.push((category, value)),
        }
        Some(())
    }
}

fn of(values: &Values, category: CategoryId) -> Option<u8> {
    values
        .iter()
        .find(|(id, _)| *id == category)
        .map(|(_, value)| *value)
}

/// Lines with their numbers, without comments and empty ones.
fn lines(text: &[u8]) -> impl Iterator<Item = (usize, String)> + '_ {
    text.split(|byte| *byte == b'\n')
        .map(|line| String::from_utf8_lossy(line).trim().to_owned())
        .zip(1..)
        .map(|(line, number)| (number, line))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CATEGORIES: &[u8] = b"# comment\n1,test,Testing\n2,other,Other\n99,far,Too far\n";
    const LIST: &[u8] =
        b"10.0.0.1,1,0\n10.0.0.13/24,1,50\n10.0.0.128/25,1,60\n2001:db8::/32,2,7\nx,1,1\n10.0.0.2,1,128\n";

    fn check(address: &str, category: &str, expected: Option<u8>) {
        let (all, _) = IpReputation::read(CATEGORIES, &[LIST]);
        let category = all.category(category).unwrap();
        assert_eq!(
            all.get(address.parse().unwrap(), category),
            expected,
            "{address}"
        );
    }

    #[test]
    fn the_closest_entry_decides() {
        check("10.0.0.1", "test", Some(0));
        check("10.0.0.2", "test", Some(50));
        check("10.0.0.200", "test", Some(60));
        check("10.0.1.1", "test", None);
        check("10.0.0.1", "other", None);
        check("2001:db8::1", "other", Some(7));
    }

    #[test]
    fn lines_without_sense_are_told() {
        let (all, complaints) = IpReputation::read(CATEGORIES, &[LIST]);
        assert_eq!(complaints.len(), 3, "{complaints:?}");
        assert_eq!(all.category("far"), None);
    }

    fn check_side(side: ReputationSide, compare: Option<Compare>, negated: bool, expected: bool) {
        let (all, _) = IpReputation::read(CATEGORIES, &[LIST]);
        let (source, destination) = ("10.0.0.1".parse().unwrap(), "10.9.0.1".parse().unwrap());
        let holds = all.holds(side, 1, compare, negated, source, destination);
        assert_eq!(holds, expected, "{side:?} {compare:?} {negated}");
    }

    #[test]
    fn each_side_is_asked() {
        let zero = Some(Compare::Equal(0));
        check_side(ReputationSide::Source, zero, false, true);
        check_side(ReputationSide::Destination, zero, false, false);
        check_side(ReputationSide::Any, zero, false, true);
        check_side(ReputationSide::Both, zero, false, false);
        check_side(ReputationSide::Source, None, false, true);
        check_side(ReputationSide::Source, None, true, false);
        check_side(ReputationSide::Destination, None, true, true);
        check_side(ReputationSide::Any, None, true, true);
    }
}
