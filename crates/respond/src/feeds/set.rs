//! Sets of addresses: who is listed by which feed, found by address.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use event::{Prefix, Timestamp};
use serde_json::{Value, json};

use super::config::Deed;
use super::read::Entry;

/// Entries of a set at most: some 100 MB.
pub const MOST_ENTRIES: usize = 2_000_000;

/// The key under which a record tells who of it is listed.
pub const KEY: &str = "feeds";

/// Who one feed lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    entries: HashMap<Prefix, Option<Timestamp>>,
    /// Lengths of prefixes that there are, the longest first: IPv4 and IPv6.
    lengths: [Vec<u8>; 2],
}

impl Set {
    /// The set of these entries; of two for one prefix the one that lasts longer counts.
    #[must_use]
    pub fn new(listed: &[Entry]) -> Set {
        let mut set = Set::default();
        for entry in listed {
            let known = set.entries.entry(entry.prefix).or_insert(entry.until);
            *known = known.zip(entry.until).map(|(a, b)| a.max(b));
        }
        for prefix in set.entries.keys() {
            if let Some(lengths) = set.lengths.get_mut(usize::from(!prefix.is_ipv4()))
                && !lengths.contains(&prefix.length())
            {
                lengths.push(prefix.length());
            }
        }
        for lengths in &mut set.lengths {
            lengths.sort_unstable_by(|a, b| b.cmp(a));
        }
        set
    }

    /// The narrowest prefix that holds the address and is listed at `now`.
    #[must_use]
    pub fn find(&self, address: IpAddr, now: Timestamp) -> Option<Prefix> {
        let address = address.to_canonical();
        let lengths = self.lengths.get(usize::from(address.is_ipv6()))?;
        lengths.iter().find_map(|length| {
            let prefix = Prefix::new(address, *length)?;
            let until = self.entries.get(&prefix)?;
            holds(*until, now).then_some(prefix)
        })
    }

    /// How many prefixes are listed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = Entry> {
        let entries = self.entries.iter();
        entries.map(|(prefix, until)| Entry {
            prefix: *prefix,
            until: *until,
        })
    }

    /// Who is listed at `now`, in order, without those that a wider prefix covers for as long.
    #[must_use]
    pub fn narrowed(&self, now: Timestamp) -> Vec<Entry> {
        let covered = |entry: &Entry| {
            let wider = (0..entry.prefix.length()).rev();
            let lengths = self.lengths.get(usize::from(!entry.prefix.is_ipv4()));
            wider
                .filter(|length| lengths.is_some_and(|known| known.contains(length)))
                .filter_map(|length| Prefix::new(entry.prefix.address(), length))
                .filter_map(|wider| self.entries.get(&wider))
                .any(|until| until.is_none_or(|until| entry.until.is_some_and(|e| e <= until)))
        };
        let valid = self.iter().filter(|entry| holds(entry.until, now));
        let mut entries: Vec<Entry> = valid.filter(|entry| !covered(entry)).collect();
        entries.sort_unstable_by_key(|entry| entry.prefix);
        entries
    }
}

fn holds(until: Option<Timestamp>, now: Timestamp) -> bool {
    until.is_none_or(|until| until > now)
}

/// A set with where it comes from and how old it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced {
    /// The feed's name.
    pub feed: String,
    /// Where it was fetched, without name and password.
    pub source: String,
    /// What its addresses are for.
    pub action: Deed,
    /// When it was fetched last, or was found to be the same.
    pub fetched: Timestamp,
    /// When it stops being believed.
    pub stale: Timestamp,
    /// Who is listed.
    pub set: Arc<Set>,
}

/// The sets of all feeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sets(pub Vec<Sourced>);

impl Sets {
    /// The feeds that list an address, each with the prefix that does.
    pub fn find(
        &self,
        address: IpAddr,
        now: Timestamp,
    ) -> impl Iterator<Item = (&Sourced, Prefix)> {
        let believed = self.0.iter().filter(move |sourced| sourced.stale > now);
        believed.filter_map(move |sourced| Some((sourced, sourced.set.find(address, now)?)))
    }

    /// Writes into a record which feeds list its source or its destination, as `feeds`: a list of
    /// `{feed, address, prefix, side, source, age_secs}`. A playbook asks for
    /// `event.feeds.exists(f, f.feed == "drop")`. A record that names nobody listed, and one that
    /// has such a key already, is left as it is. How many entries were written.
    pub fn tag(&self, record: &mut Value, now: Timestamp) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        let Some(record) = record.as_object_mut() else {
            return 0;
        };
        let mut found: BTreeMap<IpAddr, &str> = BTreeMap::new();
        for (key, side) in [("src_ip", "source"), ("dest_ip", "destination")] {
            let address = record.get(key).and_then(Value::as_str);
            if let Some(address) = address.and_then(|text| text.parse().ok()) {
                found.entry(address).or_insert(side);
            }
        }
        let mut tags = Vec::new();
        for (address, side) in found {
            for (sourced, prefix) in self.find(address, now) {
                tags.push(json!({
                    "feed": sourced.feed,
                    "address": address.to_string(),
                    "prefix": prefix.to_string(),
                    "side": side,
                    "source": sourced.source,
                    "age_secs": now.since(sourced.fetched).as_secs(),
                }));
            }
        }
        let count = tags.len();
        if count > 0 && !record.contains_key(KEY) {
            record.insert(KEY.to_owned(), Value::Array(tags));
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::new(1000, 0);

    fn set(entries: &[(&str, Option<i64>)]) -> Set {
        let entry = |(prefix, until): &(&str, Option<i64>)| Entry {
            prefix: prefix.parse().unwrap(),
            until: until.map(|secs| Timestamp::new(secs, 0)),
        };
        Set::new(&entries.iter().map(entry).collect::<Vec<_>>())
    }

    #[test]
    fn the_narrowest_prefix_that_still_holds_is_found() {
        let set = set(&[
            ("192.0.2.0/24", None),
            ("192.0.2.1", Some(1001)),
            ("192.0.2.2", Some(1000)),
            ("2001:db8::/32", None),
        ]);
        let check = |address: &str, expected: Option<&str>| {
            let found = set.find(address.parse().unwrap(), NOW);
            assert_eq!(
                found.map(|p| p.to_string()).as_deref(),
                expected,
                "{address}"
            );
        };
        check("192.0.2.1", Some("192.0.2.1"));
        check("::ffff:192.0.2.1", Some("192.0.2.1"));
        check("192.0.2.2", Some("192.0.2.0/24"));
        check("192.0.3.1", None);
        check("2001:db8:1::1", Some("2001:db8::/32"));
        check("2001:db9::1", None);
    }

    #[test]
    fn what_a_wider_prefix_covers_for_as_long_is_left_out() {
        let check = |entries: &[(&str, Option<i64>)], expected: &[&str]| {
            let narrowed = set(entries).narrowed(NOW);
            let texts: Vec<String> = narrowed.iter().map(|e| e.prefix.to_string()).collect();
            assert_eq!(texts, expected);
        };
        check(
            &[
                ("192.0.2.7", None),
                ("192.0.2.0/24", None),
                ("192.0.2.0/28", Some(2000)),
            ],
            &["192.0.2.0/24"],
        );
        check(
            &[("192.0.2.7", None), ("192.0.2.0/24", Some(2000))],
            &["192.0.2.0/24", "192.0.2.7"],
        );
        check(
            &[("192.0.2.7", None), ("192.0.2.0/24", Some(1000))],
            &["192.0.2.7"],
        );
        check(
            &[("192.0.2.7", Some(900)), ("192.0.2.7", Some(2000))],
            &["192.0.2.7"],
        );
    }

    #[test]
    fn a_record_tells_who_of_it_is_listed() {
        let sets = Sets(vec![Sourced {
            feed: "drop".into(),
            source: "https://example.com/drop.txt".into(),
            action: Deed::Tag,
            fetched: Timestamp::new(940, 0),
            stale: Timestamp::new(2000, 0),
            set: Arc::new(set(&[("192.0.2.0/24", None)])),
        }]);
        let mut record = json!({"src_ip": "198.51.100.1", "dest_ip": "192.0.2.9"});
        assert_eq!(sets.tag(&mut record, NOW), 1);
        assert_eq!(
            record["feeds"],
            json!([{"feed": "drop", "address": "192.0.2.9", "prefix": "192.0.2.0/24",
                "side": "destination", "source": "https://example.com/drop.txt", "age_secs": 60}])
        );
        let mut other = json!({"src_ip": "198.51.100.1", "dest_ip": "pear"});
        assert_eq!(sets.tag(&mut other, NOW), 0);
        assert_eq!(other.get("feeds"), None);
        // Too old to be believed.
        let mut late = json!({"src_ip": "192.0.2.9"});
        assert_eq!(sets.tag(&mut late, Timestamp::new(2000, 0)), 0);
    }
}
