//! What `ipset save` and `iptables-save` say about our sets and chains, and what is wrong with them.

use std::collections::BTreeMap;
use std::time::Duration;

use event::Timestamp;
use event::action::Failure;

use super::script::{self, CHAINS, COMMENT, Chain, MAX_TIMEOUT_SECS, Rule, Shape};
use crate::firewall::Wanted;

/// ipset tells whole seconds; a busy machine needs some more between our clock and the kernel's.
const SLACK: Duration = Duration::from_secs(3);
/// What holds for longer than ipset can count is put anew when a day of that is gone.
const RENEWED_SECS: u64 = MAX_TIMEOUT_SECS - 86_400;

/// An element as the kernel holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Whole seconds until it goes; 0 where it stays.
    pub timeout_secs: u64,
    /// Packets that met it.
    pub packets: u64,
    /// Its comment.
    pub comment: String,
}

impl Held {
    /// Whether we put it there.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.comment.starts_with(COMMENT)
    }
}

/// A set as the kernel holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    /// `inet` or `inet6`.
    pub family: String,
    /// Its elements by their key.
    pub elements: BTreeMap<String, Held>,
}

/// The rules of a chain, in their order, without `-A CHAIN`.
pub type Rules = Vec<String>;

/// Our sets and all chains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// Sets by the name behind our prefix.
    pub sets: BTreeMap<String, Set>,
    /// Chains by family (of IPv4 or not), table and name.
    pub chains: BTreeMap<(bool, String, String), Rules>,
}

impl Picture {
    /// Takes in what `ipset save` says of sets whose names begin with `prefix-`.
    pub fn read_sets(&mut self, prefix: &str, text: &str) {
        for line in text.lines() {
            let mut words = line.split(' ');
            let (Some(verb), Some(name), Some(third)) = (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let Some(name) = name.strip_prefix(prefix).and_then(|n| n.strip_prefix('-')) else {
                continue;
            };
            let set = self.sets.entry(name.to_owned()).or_default();
            if verb == "create" {
                set.family = word_after(line, "family").unwrap_or_default().to_owned();
            } else if verb == "add" {
                let number = |key| word_after(line, key).and_then(|text| text.parse().ok());
                let held = Held {
                    timeout_secs: number("timeout").unwrap_or(0),
                    packets: number("packets").unwrap_or(0),
                    comment: quoted_after(line, "comment").unwrap_or_default(),
                };
                set.elements.insert(third.to_owned(), held);
            }
        }
    }

    /// Takes in what `iptables-save` or `ip6tables-save` says.
    pub fn read_chains(&mut self, four: bool, text: &str) {
        let mut table = String::new();
        for line in text.lines() {
            if let Some(name) = line.strip_prefix('*') {
                table = name.trim().to_owned();
            } else if let Some(rest) = line.strip_prefix(':') {
                let name = rest.split(' ').next().unwrap_or_default().to_owned();
                self.chains.entry((four, table.clone(), name)).or_default();
            } else if let Some(rest) = line.strip_prefix("-A ")
                && let Some((chain, rule)) = rest.split_once(' ')
            {
                let key = (four, table.clone(), chain.to_owned());
                self.chains.entry(key).or_default().push(rule.to_owned());
            }
        }
    }

    /// The rules of a chain; None where it is gone.
    #[must_use]
    pub fn chain(&self, four: bool, table: &str, name: &str) -> Option<&Rules> {
        self.chains.get(&(four, table.to_owned(), name.to_owned()))
    }

    /// The rules of a chain of ours.
    #[must_use]
    pub fn own(&self, prefix: &str, four: bool, chain: &Chain) -> Option<&Rules> {
        self.chain(four, chain.table, &format!("{prefix}-{}", chain.name))
    }

    /// The element where the kernel holds it.
    #[must_use]
    pub fn element(&self, wanted: &Wanted) -> Option<&Held> {
        let set = self.sets.get(&script::shape(&wanted.what).name())?;
        set.elements.get(&script::key(&wanted.what))
    }

    /// A chain of our name in which nothing is ours was made by somebody else.
    #[must_use]
    pub fn foreign(&self, prefix: &str) -> Option<String> {
        let chains = CHAINS
            .iter()
            .flat_map(|chain| [(true, chain), (false, chain)]);
        chains
            .filter(|(four, chain)| {
                self.own(prefix, *four, chain)
                    .is_some_and(|rules| !rules.is_empty() && !rules.iter().any(|r| is_ours(r)))
            })
            .map(|(_, chain)| {
                format!(
                    "the chain {prefix}-{} of the table {}",
                    chain.name, chain.table
                )
            })
            .next()
    }

    /// What is wrong with the set, the chains and the rules of an action.
    #[must_use]
    pub fn fault_of(&self, prefix: &str, wanted: &Wanted) -> Option<(Failure, String)> {
        let shape = script::shape(&wanted.what);
        let set = format!("{prefix}-{}", shape.name());
        let Some(found) = self.sets.get(&shape.name()) else {
            return Some((Failure::SetMissing, format!("the set {set} is gone")));
        };
        if found.family != shape.family() {
            return Some((
                Failure::WrongFamily,
                format!(
                    "the set {set} holds {} and not {}",
                    found.family,
                    shape.family()
                ),
            ));
        }
        script::rules(prefix, wanted)
            .iter()
            .find_map(|rule| self.fault_of_rule(prefix, rule, &shape))
    }

    fn fault_of_rule(&self, prefix: &str, rule: &Rule, shape: &Shape) -> Option<(Failure, String)> {
        let chain = CHAINS.iter().find(|chain| chain.name == rule.chain)?;
        let name = format!("{prefix}-{}", chain.name);
        let Some(rules) = self.own(prefix, shape.four, chain) else {
            return Some((
                Failure::ChainMissing,
                format!("the chain {name} of the table {} is gone", chain.table),
            ));
        };
        let Some(at) = rules
            .iter()
            .position(|r| comment(r).as_deref() == Some(&rule.comment))
        else {
            return Some((
                Failure::RuleMissing,
                format!("the rule \"{}\" of the chain {name} is gone", rule.comment),
            ));
        };
        if !rules.get(at).is_some_and(|found| says(found, rule)) {
            return Some((
                Failure::RuleChanged,
                format!(
                    "the rule \"{}\" of the chain {name} says something else now",
                    rule.comment
                ),
            ));
        }
        let empty = Vec::new();
        let before = self
            .chain(shape.four, chain.table, chain.from)
            .unwrap_or(&empty);
        let Some(jump) = before.iter().position(|r| is_jump(r, &name)) else {
            return Some((
                Failure::RuleMissing,
                format!(
                    "{} of the table {} does not jump to {name}",
                    chain.from, chain.table
                ),
            ));
        };
        let earlier = before.iter().take(jump).map(|found| (chain.from, found));
        let inside = rules.iter().take(at).map(|found| (name.as_str(), found));
        let mut earlier = earlier.chain(inside).filter(|(_, found)| !is_ours(found));
        earlier.find(|(_, found)| lets_through(found)).map(|(chain, found)| {
            (
                Failure::AcceptedBefore,
                format!("a rule of somebody else in {chain} comes before ours and decides first: {found}"),
            )
        })
    }

    /// What is wrong with the element of an action; `was_there` where somebody else had put it before.
    #[must_use]
    pub fn fault_of_element(
        &self,
        prefix: &str,
        wanted: &Wanted,
        was_there: bool,
        now: Timestamp,
    ) -> Option<(Failure, String)> {
        let (key, left) = (script::key(&wanted.what), wanted.left(now));
        let set = format!("{prefix}-{}", script::shape(&wanted.what).name());
        let Some(held) = self.element(wanted) else {
            // In its last moments the kernel may be ahead of us.
            return (left > SLACK).then(|| {
                (
                    Failure::ElementMissing,
                    format!("the set {set} does not hold {key}"),
                )
            });
        };
        let secs = held.timeout_secs;
        if was_there {
            return None;
        }
        if secs == 0 && left > SLACK {
            return Some((
                Failure::TimeoutLost,
                format!("{key} stays in the set {set} for ever"),
            ));
        }
        let told = format!(
            "{key} leaves the set {set} in {secs} s instead of {} s",
            left.as_secs()
        );
        if Duration::from_secs(secs) > left + SLACK {
            return Some((Failure::TimeoutLost, told));
        }
        let least = left.min(Duration::from_secs(RENEWED_SECS));
        (Duration::from_secs(secs) + SLACK < least).then_some((Failure::TimeoutShort, told))
    }
}

/// Whether a rule has a comment of ours.
#[must_use]
pub fn is_ours(rule: &str) -> bool {
    comment(rule).is_some_and(|comment| comment.starts_with(COMMENT.trim_end()))
}

/// The comment of a rule.
#[must_use]
pub fn comment(rule: &str) -> Option<String> {
    quoted_after(rule, "--comment")
}

/// Whether a rule of the system's chain leads every packet to ours.
#[must_use]
pub fn is_jump(rule: &str, chain: &str) -> bool {
    let narrows = ["-s ", "-d ", "-p ", "-i ", "-o ", "! "];
    rule.ends_with(&format!("-j {chain}")) && !narrows.iter().any(|word| rule.contains(word))
}

/// Whether a rule still asks its set, ends as it must, and is no narrower than it was made.
fn says(found: &str, rule: &Rule) -> bool {
    let verdict = rule.verdict.split(' ').next().unwrap_or_default();
    let count = |text: &str| {
        let words = text.split(' ');
        // `-p tcp` is told with `-m tcp`; whatever else narrows was not written by us.
        words
            .filter(|word| {
                matches!(
                    *word,
                    "-s" | "-d" | "-p" | "-i" | "-o" | "!" | "--sport" | "--dport"
                )
            })
            .count()
    };
    let modules = |text: &str| {
        let known = ["-m set", "-m comment", "-m hashlimit", "-m tcp", "-m udp"];
        let all = text.matches("-m ").count();
        all == known
            .iter()
            .map(|module| text.matches(module).count())
            .sum::<usize>()
    };
    found.contains(&rule.asks)
        && found.contains(&format!("-j {verdict}"))
        && found.contains(&rule.verdict)
        && count(found) == count(&rule.text())
        && modules(found)
}

/// Whether a rule may end the way of a packet otherwise than by dropping it.
fn lets_through(found: &str) -> bool {
    let target = word_after(found, "-j").or_else(|| word_after(found, "-g"));
    match target {
        // Others only note, mark or count, and the packet goes on to ours.
        Some(
            "DROP" | "REJECT" | "LOG" | "NFLOG" | "MARK" | "CONNMARK" | "TRACE" | "CT" | "SET",
        ) => false,
        Some("NOTRACK" | "AUDIT" | "TCPMSS" | "TTL" | "DSCP") => false,
        Some(_) => true,
        None => false,
    }
}

fn word_after<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let mut words = line.split(' ');
    words.by_ref().find(|word| *word == key)?;
    words.next()
}

/// The text behind a word, in quotes or without.
fn quoted_after(line: &str, key: &str) -> Option<String> {
    let (_, rest) = line.split_once(&format!("{key} "))?;
    let text = match rest.strip_prefix('"') {
        Some(rest) => rest.split('"').next(),
        None => rest.split(' ').next(),
    };
    text.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::action::{ActionId, What};

    const SETS: &str = "\
create ratel-block4 hash:net family inet hashsize 1024 maxelem 100 timeout 0 counters comment bucketsize 12 initval 0x741a4d09
add ratel-block4 192.0.2.7 timeout 99 packets 4 bytes 160 comment \"ratel a2\"
add ratel-block4 192.0.2.0/24 timeout 0 packets 0 bytes 0 comment \"by hand\"
create other hash:net family inet
add other 192.0.2.9 timeout 5
";

    const CHAINS: &str = "\
*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:ratel-out - [0:0]
:ratel-pre - [0:0]
-A PREROUTING -m comment --comment ratel -j ratel-pre
-A OUTPUT -m comment --comment ratel -j ratel-out
-A ratel-pre -m set --match-set ratel-block4 src -m comment --comment \"ratel block4 src\" -j DROP
-A ratel-pre -m set --match-set ratel-block4 dst -m comment --comment \"ratel block4 dst\" -j DROP
-A ratel-out -m set --match-set ratel-block4 dst -m comment --comment \"ratel block4 dst\" -j DROP
COMMIT
";

    fn wanted() -> Wanted {
        Wanted {
            id: ActionId(2),
            what: What::Block {
                target: "192.0.2.7".parse().unwrap(),
            },
            ends: Timestamp::new(1100, 0),
        }
    }

    fn check(from: &str, to: &str, expected: Option<Failure>) {
        let mut picture = Picture::default();
        picture.read_sets("ratel", &SETS.replace(from, to));
        picture.read_chains(true, &CHAINS.replace(from, to));
        let (wanted, now) = (wanted(), Timestamp::new(1000, 0));
        let fault = picture
            .fault_of("ratel", &wanted)
            .or_else(|| picture.fault_of_element("ratel", &wanted, false, now));
        assert_eq!(fault.as_ref().map(|f| f.0), expected, "{to}: {fault:?}");
    }

    #[test]
    fn what_is_wrong_is_found() {
        check("nothing", "", None);
        check(
            "ratel-block4 hash:net family inet ",
            "ratel-block4 hash:net family inet6 ",
            Some(Failure::WrongFamily),
        );
        check("timeout 99", "timeout 0", Some(Failure::TimeoutLost));
        check("timeout 99", "timeout 200", Some(Failure::TimeoutLost));
        check("timeout 99", "timeout 9", Some(Failure::TimeoutShort));
        check(
            "add ratel-block4 192.0.2.7",
            "add ratel-block4 192.0.2.8",
            Some(Failure::ElementMissing),
        );
        check(":ratel-out - [0:0]", "", None);
        check("-j ratel-pre", "-j elsewhere", Some(Failure::RuleMissing));
        check(
            "ratel -j ratel-pre",
            "ratel -i eth0 -j ratel-pre",
            Some(Failure::RuleMissing),
        );
        check(
            "\"ratel block4 dst\" -j DROP",
            "\"ratel block4 dst\" -j ACCEPT",
            Some(Failure::RuleChanged),
        );
        check(
            "-A ratel-pre -m set",
            "-A ratel-pre -p tcp -m set",
            Some(Failure::RuleChanged),
        );
        check(
            "-A PREROUTING -m comment",
            "-A PREROUTING -i eth0 -j ACCEPT\n-A PREROUTING -m comment",
            Some(Failure::AcceptedBefore),
        );
        check(
            "-A PREROUTING -m comment",
            "-A PREROUTING -i eth0 -j LOG\n-A PREROUTING -m comment",
            None,
        );
        check("*raw", "*mangle", Some(Failure::ChainMissing));
    }

    #[test]
    fn counts_and_owners_are_read() {
        let mut picture = Picture::default();
        picture.read_sets("ratel", SETS);
        let held = picture.element(&wanted()).unwrap();
        assert_eq!((held.packets, held.is_ours()), (4, true));
        assert!(!picture.sets["block4"].elements["192.0.2.0/24"].is_ours());
        assert_eq!(picture.sets.len(), 1);
    }
}
