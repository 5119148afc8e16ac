//! The address fields of a rule: lists, negation, nesting and variables to sets of ranges.

use crate::context::Variables;
use crate::rule::Addresses;
use event::address::AddressRange;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Deepest nesting of lists and variables; Suricata's limit for variables is 64.
pub(crate) const MAX_DEPTH: u32 = 64;
/// Most items that one field may come to: variables naming variables twice each grow as 2^depth.
pub(crate) const MAX_ITEMS: usize = 20_000;

/// Reads an address field.
///
/// # Errors
/// In words, where the field cannot be read or matches no address at all.
pub fn parse(text: &str, variables: &Variables) -> Result<Addresses, String> {
    let mut budget = MAX_ITEMS;
    let (include, exclude) = group(text, variables, 0, &mut budget)?;
    let is_all = include.as_ref().is_some_and(|set| *set == Set::all());
    let include = include.filter(|_| !is_all);
    let left = include.clone().unwrap_or_else(Set::all).without(&exclude);
    if left.is_empty() {
        return Err(format!(
            "`{text}` matches no address: everything is excluded"
        ));
    }
    Ok(Addresses {
        include: include.map_or_else(Vec::new, |set| set.ranges()),
        exclude: exclude.ranges(),
    })
}

/// What a list includes (None: nothing named) and what it excludes.
fn group(
    text: &str,
    variables: &Variables,
    depth: u32,
    budget: &mut usize,
) -> Result<(Option<Set>, Set), String> {
    let (mut include, mut exclude): (Option<Set>, Set) = (None, Set::default());
    if depth > MAX_DEPTH {
        return Err(format!(
            "variables or lists are nested deeper than {MAX_DEPTH}; does one name itself?"
        ));
    }
    for item in items(text)? {
        *budget = budget
            .checked_sub(1)
            .ok_or("the list comes to too many addresses")?;
        let (item, is_negated) = match item.strip_prefix('!') {
            Some(item) => (item.trim(), true),
            None => (item, false),
        };
        let set = one(item, variables, depth, budget)?;
        if is_negated {
            exclude.add(set);
        } else {
            include.get_or_insert_default().add(set);
        }
    }
    if let Some(set) = &mut include {
        set.merge();
    }
    exclude.merge();
    Ok((include, exclude))
}

fn one(item: &str, variables: &Variables, depth: u32, budget: &mut usize) -> Result<Set, String> {
    if let Some(name) = item.strip_prefix('$') {
        let value = variables.get(name).ok_or_else(|| {
            format!("address variable `${name}` is not defined; add it to vars.address-groups")
        })?;
        let (include, exclude) = group(value, variables, depth + 1, budget)?;
        return Ok(include.unwrap_or_else(Set::all).without(&exclude));
    }
    if item.starts_with('[') || item.contains(',') || item.starts_with('!') {
        let (include, exclude) = group(item, variables, depth + 1, budget)?;
        return Ok(include.unwrap_or_else(Set::all).without(&exclude));
    }
    if item.eq_ignore_ascii_case("any") {
        return Ok(Set::all());
    }
    let range = AddressRange::parse(item).or_else(|| short_prefix(item)).ok_or_else(|| {
        format!("`{item}` is no address, prefix or range; write 10.0.0.1, 10.0.0.0/8, 10.0.0.1-10.0.0.9, a $VARIABLE or a [list]")
    })?;
    let mut set = Set::default();
    set.push(range);
    Ok(set)
}

/// `10/8` is not taken, but an IPv4 prefix may be followed by blanks only; nothing else is short.
fn short_prefix(item: &str) -> Option<AddressRange> {
    let inner = item.strip_prefix('"')?.strip_suffix('"')?;
    AddressRange::parse(inner)
}

/// The items of `[a,!b,[c,d]]`, or the one item that is no list.
pub(crate) fn items(text: &str) -> Result<Vec<&str>, String> {
    let text = text.trim();
    let inner = match text.strip_prefix('[') {
        Some(rest) if closes_at_end(text) => rest.strip_suffix(']').unwrap_or(rest),
        Some(_) if !text.contains("],") => {
            return Err(format!(
                "`{text}` opens a list with `[` that it does not close with `]`"
            ));
        }
        _ => text,
    };
    let (mut depth, mut start, mut found) = (0_i32, 0, Vec::new());
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth -= 1,
            b',' if depth == 0 => {
                found.push(inner.get(start..at).unwrap_or_default().trim());
                start = at + 1;
            }
            _ => {}
        }
        if depth < 0 {
            return Err(format!("`{text}` closes more lists than it opens"));
        }
    }
    if depth != 0 {
        return Err(format!(
            "`{text}` opens a list with `[` that it does not close with `]`"
        ));
    }
    found.push(inner.get(start..).unwrap_or_default().trim());
    if found.iter().any(|item| item.is_empty() || *item == "!") {
        return Err(format!("`{text}` holds an empty item"));
    }
    Ok(found)
}

fn closes_at_end(text: &str) -> bool {
    let mut depth = 0_i32;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1 == text.len();
        }
    }
    false
}

/// A set of addresses of both families as ranges of numbers; sorted and disjoint after `merge`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Set {
    v4: Vec<(u128, u128)>,
    v6: Vec<(u128, u128)>,
}

const LAST_V4: u128 = u32::MAX as u128;

impl Set {
    fn all() -> Self {
        Set {
            v4: vec![(0, LAST_V4)],
            v6: vec![(0, u128::MAX)],
        }
    }

    fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    fn push(&mut self, range: AddressRange) {
        match (range.first, range.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                self.v4
                    .push((first.to_bits().into(), last.to_bits().into()));
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                self.v6.push((first.to_bits(), last.to_bits()))
            }
            _ => {}
        }
    }

    fn add(&mut self, other: Set) {
        self.v4.extend(other.v4);
        self.v6.extend(other.v6);
    }

    fn merge(&mut self) {
        merge(&mut self.v4);
        merge(&mut self.v6);
    }

    fn without(mut self, other: &Set) -> Set {
        self.merge();
        Set {
            v4: subtract(&self.v4, &other.v4),
            v6: subtract(&self.v6, &other.v6),
        }
    }

    fn ranges(&self) -> Vec<AddressRange> {
        let v4 = |n: u128| IpAddr::V4(Ipv4Addr::from_bits(n as u32));
        let v6 = |n: u128| IpAddr::V6(Ipv6Addr::from_bits(n));
        let low = self.v4.iter().map(|&(first, last)| AddressRange {
            first: v4(first),
            last: v4(last),
        });
        let high = self.v6.iter().map(|&(first, last)| AddressRange {
            first: v6(first),
            last: v6(last),
        });
        low.chain(high).collect()
    }
}

/// Sorts and joins ranges that touch.
pub(crate) fn merge(ranges: &mut Vec<(u128, u128)>) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let touches = kept.1.checked_add(1).is_none_or(|after| next.0 <= after);
        if touches {
            kept.1 = kept.1.max(next.1);
        }
        touches
    });
}

/// Merged `from` less merged `taken`.
pub(crate) fn subtract(from: &[(u128, u128)], taken: &[(u128, u128)]) -> Vec<(u128, u128)> {
    let mut left = Vec::new();
    for &(first, last) in from {
        let mut start = Some(first);
        for &(low, high) in taken
            .iter()
            .skip_while(|range| range.1 < first)
            .take_while(|range| range.0 <= last)
        {
            let Some(from) = start else { break };
            if low > from {
                left.push((from, low - 1));
            }
            start = high
                .checked_add(1)
                .filter(|&next| next <= last)
                .map(|next| next.max(from));
        }
        left.extend(start.map(|from| (from, last)));
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, inside: &[&str], outside: &[&str]) {
        let variables: Variables = [
            ("HOME_NET", "[10.0.0.0/8,192.168.0.0/16]"),
            ("EXTERNAL_NET", "!$HOME_NET"),
            ("LOOP", "[$LOOP]"),
        ]
        .into_iter()
        .collect();
        let addresses = parse(text, &variables).unwrap_or_else(|why| panic!("{text}: {why}"));
        for address in inside {
            assert!(
                addresses.contains(address.parse().unwrap()),
                "{text} has {address}"
            );
        }
        for address in outside {
            assert!(
                !addresses.contains(address.parse().unwrap()),
                "{text} has not {address}"
            );
        }
        assert!(parse("$LOOP", &variables).is_err());
        assert!(parse("[!any]", &variables).is_err());
        assert!(parse("[10.0.0.1,!10.0.0.0/8]", &variables).is_err());
        assert!(parse("[10.0.0.1", &variables).is_err());
        assert!(parse("$NONE", &variables).is_err());
        assert!(parse("", &variables).is_err());
    }

    #[test]
    fn lists_negations_and_variables_nest() {
        check("any", &["1.1.1.1", "::1"], &[]);
        check(
            "$HOME_NET",
            &["10.1.1.1", "192.168.3.4"],
            &["1.1.1.1", "::1"],
        );
        check("$EXTERNAL_NET", &["1.1.1.1", "::1"], &["10.1.1.1"]);
        check(
            "[$EXTERNAL_NET,!1.1.1.1]",
            &["1.1.1.2"],
            &["1.1.1.1", "10.0.0.1"],
        );
        check(
            "[10.0.0.0/8,!10.1.0.0/16,[1.1.1.1, 2.2.2.2]]",
            &["10.2.0.0", "2.2.2.2"],
            &["10.1.2.3", "3.3.3.3"],
        );
        check(
            "![10.0.0.0/8,!10.1.0.0/16]",
            &["10.1.0.1", "9.9.9.9"],
            &["10.2.0.1"],
        );
    }
}
