//! How often somebody may try: each failure makes the next wait longer, for the address and for the account.
//!
//! An attempt counts as failed until it has succeeded, so that a thousand at once are a thousand. What is refused here
//! counts for nothing, so that nobody is kept out by others who go on trying; and from an address from which somebody
//! logged in before, only what that address did counts.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use event::Timestamp;

/// Failures that nobody waits for: people mistype.
const FREE: u32 = 5;
/// Failures of an account from everywhere that nobody waits for.
const FREE_ACCOUNT: u32 = 20;
/// Bad tokens of an address that nobody waits for: programs with an old token ask again and again.
const FREE_TOKENS: u32 = 50;
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(900);
/// The longest wait of an address of this machine itself: whoever is here finds the socket open anyway.
const LONGEST_HERE: Duration = Duration::from_secs(2);
/// After so long without a failure everything is forgotten.
const FORGET: Duration = Duration::from_secs(3_600);
/// Addresses, and accounts, that are remembered; beyond it those go that failed longest ago.
const MOST: usize = 65_536;
/// Pairs of account and address that logged in.
const MOST_KNOWN: usize = 10_000;

/// What is remembered of attempts.
#[derive(Debug, Default)]
pub struct Throttle {
    addresses: Table<IpAddr>,
    accounts: Table<String>,
    tokens: Table<IpAddr>,
    known: BTreeSet<(String, IpAddr)>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    failures: u32,
    last: Timestamp,
    until: Timestamp,
}

#[derive(Debug)]
struct Table<K>(HashMap<K, Entry>);

impl<K> Default for Table<K> {
    fn default() -> Self {
        Table(HashMap::new())
    }
}

impl<K: Clone + Eq + std::hash::Hash> Table<K> {
    /// How long this one still has to wait.
    fn wait(&self, key: &K, now: Timestamp) -> Duration {
        self.0
            .get(key)
            .map_or(Duration::ZERO, |entry| entry.until.since(now))
    }

    fn failed(&mut self, key: &K, free: u32, longest: Duration, now: Timestamp) {
        if !self.0.contains_key(key) {
            self.make_room(now);
        }
        let entry = self.0.entry(key.clone()).or_insert(Entry {
            failures: 0,
            last: now,
            until: now,
        });
        if now.since(entry.last) > FORGET {
            entry.failures = 0;
        }
        entry.failures = entry.failures.saturating_add(1);
        entry.last = now;
        let beyond = entry.failures.saturating_sub(free);
        if beyond > 0 {
            // 1, 2, 4 seconds and so on; 2^20 is beyond every limit.
            let wait = Duration::from_secs(1 << (beyond - 1).min(20));
            entry.until = now + wait.min(longest);
        }
    }

    /// Takes back the attempt that succeeded; failures before it, and what they made others wait, stay.
    fn undo(&mut self, key: &K) {
        if let Some(entry) = self.0.get_mut(key) {
            entry.failures = entry.failures.saturating_sub(1);
        }
    }

    fn clear(&mut self, key: &K) {
        self.0.remove(key);
    }

    fn make_room(&mut self, now: Timestamp) {
        if self.0.len() < MOST {
            return;
        }
        self.0.retain(|_, entry| now.since(entry.last) <= FORGET);
        if self.0.len() < MOST {
            return;
        }
        // An eighth at once, so that this is not done for each attempt. Those that wait longest stay.
        let mut ends: Vec<(Timestamp, Timestamp)> =
            self.0.values().map(|e| (e.until, e.last)).collect();
        ends.sort_unstable();
        let Some(cut) = ends.get(MOST / 8).copied() else {
            return;
        };
        self.0.retain(|_, entry| (entry.until, entry.last) > cut);
        if self.0.len() >= MOST {
            self.0.clear();
        }
    }
}

/// What counts as one address: a provider gives a whole /64 to one customer (RFC 6177).
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let upper = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(upper))
        }
    }
}

impl Throttle {
    /// Begins an attempt to log in: it counts as failed until [`Throttle::passed`] says otherwise.
    ///
    /// # Errors
    /// It comes too early: how long to wait.
    pub fn attempt(
        &mut self,
        account: &str,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<(), Duration> {
        let (account, address) = (account.to_owned(), network(address));
        let longest = if address.to_canonical().is_loopback() {
            LONGEST_HERE
        } else {
            LONGEST
        };
        let is_known = address.is_loopback() || self.known.contains(&(account.clone(), address));
        let mut wait = self.addresses.wait(&address, now);
        if !is_known {
            wait = wait.max(self.accounts.wait(&account, now));
        }
        if !wait.is_zero() {
            return Err(wait);
        }
        self.addresses.failed(&address, FREE, longest, now);
        if !is_known {
            self.accounts.failed(&account, FREE_ACCOUNT, LONGEST, now);
        }
        Ok(())
    }

    /// The attempt succeeded: what this address did is forgiven, and the account knows it from now on. What others
    /// did to the account is not: they must not profit from its owner's logging in.
    pub fn passed(&mut self, account: &str, address: IpAddr) {
        let (account, address) = (account.to_owned(), network(address));
        self.addresses.clear(&address);
        if !self.is_known(&account, address) {
            self.accounts.undo(&account);
            self.know(&account, address);
        }
    }

    fn is_known(&self, account: &str, address: IpAddr) -> bool {
        address.is_loopback() || self.known.contains(&(account.to_owned(), address))
    }

    /// From this address somebody logged in to this account before.
    pub fn know(&mut self, account: &str, address: IpAddr) {
        if self.known.len() >= MOST_KNOWN {
            self.known.pop_first();
        }
        self.known.insert((account.to_owned(), network(address)));
    }

    /// A token was bad; how long the address should wait, where it came too often.
    pub fn bad_token(&mut self, address: IpAddr, now: Timestamp) -> Option<Duration> {
        let address = network(address);
        let wait = self.tokens.wait(&address, now);
        if !wait.is_zero() {
            return Some(wait);
        }
        let longest = Duration::from_secs(60);
        self.tokens.failed(&address, FREE_TOKENS, longest, now);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOME: &str = "192.0.2.1";
    const EVIL: &str = "198.51.100.7";

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn each_failure_beyond_the_free_ones_waits_twice_as_long() {
        let mut throttle = Throttle::default();
        let mut now = 0;
        for _ in 0..6 {
            throttle.attempt("ann", ip(HOME), at(now)).unwrap();
            now += 100;
        }
        let mut waits = Vec::new();
        for _ in 0..14 {
            let wait = throttle.attempt("ann", ip(HOME), at(now)).unwrap_err();
            waits.push(wait.as_millis());
            now += i64::try_from(wait.as_millis()).unwrap();
            throttle.attempt("ann", ip(HOME), at(now)).unwrap();
        }
        assert_eq!(waits[..4], [900, 2000, 4000, 8000]);
        assert_eq!(waits.last(), Some(&900_000));
    }

    #[test]
    fn ten_thousand_attempts_at_once_are_a_handful() {
        let mut throttle = Throttle::default();
        let taken = (0..10_000).filter(|n| throttle.attempt("ann", ip(EVIL), at(*n)).is_ok());
        // Ten seconds of a thousand a second: five are free, then 1, 2, 4 seconds.
        assert_eq!(taken.count(), 9);
    }

    #[test]
    fn an_attacker_with_many_addresses_does_not_keep_the_owner_out() {
        let mut throttle = Throttle::default();
        throttle.attempt("ann", ip(HOME), at(0)).unwrap();
        throttle.passed("ann", ip(HOME));
        let mut taken = 0;
        for n in 0..5_000_u32 {
            let address = IpAddr::from([198, 51, (n >> 8) as u8, n as u8]);
            taken += u32::from(throttle.attempt("ann", address, at(i64::from(n))).is_ok());
        }
        assert!(taken < 30, "{taken}");
        // A fresh address has to wait, the owner's own has not, nor has this machine.
        assert!(
            throttle
                .attempt("ann", ip("203.0.113.5"), at(5000))
                .is_err()
        );
        throttle.attempt("ann", ip(HOME), at(5000)).unwrap();
        throttle.attempt("ann", ip("127.0.0.1"), at(5000)).unwrap();
        throttle.passed("ann", ip(HOME));
        // And the attacker gains nothing by it.
        assert!(throttle.attempt("ann", ip(EVIL), at(5001)).is_err());
        // Another account is not concerned.
        throttle.attempt("bob", ip(EVIL), at(5001)).unwrap();
    }

    #[test]
    fn what_is_refused_does_not_make_the_wait_longer() {
        let mut throttle = Throttle::default();
        for n in 0..100_000 {
            let _ = throttle.attempt("ann", ip(HOME), at(n));
        }
        // 100 seconds of trying on and on: the wait is what the few that counted made it.
        let wait = throttle.attempt("ann", ip(HOME), at(100_000)).unwrap_err();
        assert!(wait <= Duration::from_secs(64), "{wait:?}");
    }

    #[test]
    fn addresses_of_one_customer_count_as_one() {
        let check = |one: &str, other: &str, expected: bool| {
            assert_eq!(network(ip(one)) == network(ip(other)), expected);
        };
        check("2001:db8::1", "2001:db8::ffff:1", true);
        check("2001:db8::1", "2001:db8:0:1::1", false);
        check("192.0.2.1", "::ffff:192.0.2.1", true);
        check("192.0.2.1", "192.0.2.2", false);
    }

    #[test]
    fn everything_is_forgotten_in_time() {
        let mut throttle = Throttle::default();
        for n in 0..20 {
            let _ = throttle.attempt("ann", ip(HOME), at(n));
        }
        let later = at(4_000_000);
        for _ in 0..FREE {
            throttle.attempt("ann", ip(HOME), later).unwrap();
        }
    }

    #[test]
    fn bad_tokens_are_throttled_for_themselves() {
        let mut throttle = Throttle::default();
        let refused = (0..200).filter(|n| throttle.bad_token(ip(HOME), at(*n)).is_some());
        assert!(refused.count() > 140);
        throttle.attempt("ann", ip(HOME), at(200)).unwrap();
    }

    #[test]
    fn tables_have_a_limit() {
        let mut throttle = Throttle::default();
        for n in 0..(MOST as u32 + 3000) {
            let address = IpAddr::from(n.wrapping_mul(2_654_435_761).to_be_bytes());
            let _ = throttle.attempt(&n.to_string(), address, at(i64::from(n)));
        }
        assert!(throttle.addresses.0.len() <= MOST);
        assert!(throttle.accounts.0.len() <= MOST);
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_longest(steps in proptest::collection::vec(0_i64..2_000_000, 1..200)) {
            let mut throttle = Throttle::default();
            let mut now = 0;
            for step in steps {
                now += step;
                if let Err(wait) = throttle.attempt("ann", ip(HOME), at(now)) {
                    prop_assert!(wait <= LONGEST);
                    prop_assert!(throttle.attempt("ann", ip(HOME), at(now) + wait).is_ok());
                    now += i64::try_from(wait.as_millis()).unwrap();
                }
            }
        }
    }
}
