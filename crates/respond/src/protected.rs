//! The protected set: who must never be hit, and why. A set is a value; `host` computes it.

use std::fmt;

use event::Prefix;
use event::action::What;

pub mod host;
pub mod sessions;

/// Prefixes a set can have. A user's list of a content network has some thousands; what goes beyond
/// this is refused when the set is made, never forgotten.
pub const MAX_PREFIXES: usize = 200_000;

/// Why something is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Because {
    /// 127.0.0.0/8, ::1.
    Loopback,
    /// 0.0.0.0/8, ::.
    Unspecified,
    /// 169.254.0.0/16, fe80::/10.
    LinkLocal,
    /// 224.0.0.0/4, 255.255.255.255, ff00::/8.
    Multicast,
    /// An address of this host.
    Own,
    /// A gateway of this host.
    Gateway,
    /// A name server of this host.
    Resolver,
    /// The other end of an administration session, or an address that is logged in.
    Session,
    /// A private range, where the user asked for it.
    Private,
    /// The user's list.
    User,
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Because::Loopback => "loopback",
            Because::Unspecified => "the unspecified address",
            Because::LinkLocal => "link-local",
            Because::Multicast => "multicast or broadcast",
            Because::Own => "an address of this host",
            Because::Gateway => "a gateway of this host",
            Because::Resolver => "a name server of this host",
            Because::Session => "the other end of an administration session",
            Because::Private => "a private range",
            Because::User => "on the list of protected addresses",
        })
    }
}

/// What is protected whatever the host: hitting these hits the host itself or everybody.
const ALWAYS: [(&str, Because); 9] = [
    ("0.0.0.0/8", Because::Unspecified),
    ("::", Because::Unspecified),
    ("127.0.0.0/8", Because::Loopback),
    ("::1", Because::Loopback),
    ("169.254.0.0/16", Because::LinkLocal),
    ("fe80::/10", Because::LinkLocal),
    ("224.0.0.0/4", Because::Multicast),
    ("255.255.255.255", Because::Multicast),
    ("ff00::/8", Because::Multicast),
];

/// RFC 1918, RFC 6598, RFC 4193.
const PRIVATE: [&str; 5] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "fc00::/7",
];

/// A set of prefixes with their reasons.
#[derive(Clone, Debug, Default)]
pub struct Protected {
    /// First, last and reason, sorted by first.
    spans: Vec<(u128, u128, Prefix, Because)>,
    /// The largest `last` of the spans up to each place: where it is before a prefix, none overlaps.
    reach: Vec<u128>,
}

impl Protected {
    /// The set of these and of what is always protected.
    #[must_use]
    pub fn new(prefixes: impl IntoIterator<Item = (Prefix, Because)>) -> Self {
        let always = ALWAYS
            .iter()
            .filter_map(|(text, because)| Some((text.parse().ok()?, *because)));
        let mut spans: Vec<_> = always
            .chain(prefixes)
            .map(|(prefix, because): (Prefix, Because)| {
                let (first, last) = prefix.bounds();
                (first, last, prefix, because)
            })
            .collect();
        spans.sort_unstable();
        spans.dedup();
        let reach = spans
            .iter()
            .scan(0_u128, |reach, span| {
                *reach = (*reach).max(span.1);
                Some(*reach)
            })
            .collect();
        Protected { spans, reach }
    }

    /// The private ranges.
    pub fn private() -> impl Iterator<Item = (Prefix, Because)> {
        PRIVATE
            .iter()
            .filter_map(|text| Some((text.parse().ok()?, Because::Private)))
    }

    /// What protects some of `prefix`; None where all of it may be hit.
    #[must_use]
    pub fn is_protected(&self, prefix: &Prefix) -> Option<(Prefix, Because)> {
        self.find(prefix, |_| true)
    }

    /// What forbids an action. A quarantine is about local addresses, so private ranges, which
    /// protect all of them at once, do not count for it; everything else does.
    #[must_use]
    pub fn forbids(&self, what: &What) -> Option<(Prefix, Because)> {
        let local = matches!(what, What::Quarantine { .. });
        self.find(&what.target(), |because| {
            !(local && because == Because::Private)
        })
    }

    fn find(&self, prefix: &Prefix, counts: impl Fn(Because) -> bool) -> Option<(Prefix, Because)> {
        let (first, last) = prefix.bounds();
        // Spans that begin behind the prefix cannot overlap; of the others, walking back, none can
        // once nothing so far reaches into it.
        let end = self.spans.partition_point(|span| span.0 <= last);
        let spans = self.spans.get(..end)?.iter().zip(&self.reach).rev();
        for (span, reach) in spans {
            if *reach < first {
                return None;
            }
            if span.1 >= first && counts(span.3) {
                return Some((span.2, span.3));
            }
        }
        None
    }

    /// All prefixes with their reasons.
    pub fn iter(&self) -> impl Iterator<Item = (Prefix, Because)> + '_ {
        self.spans.iter().map(|span| (span.2, span.3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(texts: &[(&str, Because)]) -> Protected {
        Protected::new(
            texts
                .iter()
                .map(|(t, because)| (t.parse().unwrap(), *because)),
        )
    }

    fn check(set: &Protected, prefix: &str, expected: Option<Because>) {
        let found = set.is_protected(&prefix.parse().unwrap());
        assert_eq!(found.map(|found| found.1), expected, "{prefix}");
    }

    #[test]
    fn a_prefix_is_protected_where_any_of_it_is() {
        let set = set(&[
            ("192.0.2.1", Because::Own),
            ("2001:db8:1:2::5", Because::Gateway),
            ("198.51.100.0/24", Because::User),
        ]);
        check(&set, "192.0.2.1", Some(Because::Own));
        check(&set, "192.0.2.2", None);
        check(&set, "192.0.2.0/24", Some(Because::Own));
        check(&set, "2001:db8:1:2::/64", Some(Because::Gateway));
        check(&set, "2001:db8:1:3::/64", None);
        check(&set, "198.51.100.77", Some(Because::User));
        check(&set, "203.0.113.0/24", None);
        check(&set, "0.0.0.0/0", Some(Because::Multicast));
    }

    #[test]
    fn ipv4_in_the_clothes_of_ipv6_is_protected_too() {
        let set = set(&[("192.0.2.1", Because::Own)]);
        check(&set, "::ffff:192.0.2.1", Some(Because::Own));
        check(&set, "::ffff:192.0.2.0/120", Some(Because::Own));
        check(&set, "::ffff:0:0/90", Some(Because::Multicast));
        check(&set, "::ffff:192.0.3.0/120", None);
    }

    #[test]
    fn what_hits_everybody_is_always_protected() {
        let set = set(&[]);
        for prefix in [
            "127.0.0.1",
            "::1",
            "0.0.0.0",
            "::",
            "169.254.169.254",
            "fe80::1",
        ] {
            assert!(
                set.is_protected(&prefix.parse().unwrap()).is_some(),
                "{prefix}"
            );
        }
        for prefix in [
            "224.0.0.1",
            "255.255.255.255",
            "ff02::1",
            "0.0.0.0/0",
            "::/0",
        ] {
            assert!(
                set.is_protected(&prefix.parse().unwrap()).is_some(),
                "{prefix}"
            );
        }
        check(&set, "192.0.2.1", None);
    }

    #[test]
    fn private_ranges_protect_from_all_but_quarantine() {
        let set = Protected::new(Protected::private());
        let target = "10.1.2.3".parse().unwrap();
        assert!(set.forbids(&What::Block { target }).is_some());
        assert!(set.forbids(&What::Quarantine { target }).is_none());
        let own = Protected::new(
            Protected::private().chain([("10.1.2.3".parse().unwrap(), Because::Own)]),
        );
        assert!(own.forbids(&What::Quarantine { target }).is_some());
    }

    proptest! {
        #[test]
        fn the_search_finds_what_a_walk_finds(
            members in proptest::collection::vec((any::<u32>(), 4_u8..=32), 0..40),
            asked in any::<u32>(),
            length in 1_u8..=32,
        ) {
            let four = |bits: u32, length| {
                Prefix::new(std::net::Ipv4Addr::from_bits(bits).into(), length).unwrap()
            };
            let set = Protected::new(members.iter().map(|(b, l)| (four(*b, *l), Because::User)));
            let asked = four(asked, length);
            let walked = set.iter().any(|(prefix, _)| prefix.overlaps(&asked));
            prop_assert_eq!(set.is_protected(&asked).is_some(), walked);
        }
    }
}
