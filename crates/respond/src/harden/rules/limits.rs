//! Limits of a service for each source: new connections a minute, connections at the same time.

use super::{Family, SOURCES, SYN, list};
use crate::harden::config::{Limits, Protocol};
use crate::harden::script::{Rule, Set};

/// The limits of one name.
pub struct Limited<'a> {
    pub name: &'a str,
    pub limits: Limits,
    pub protocol: Protocol,
    /// Empty: all.
    pub ports: &'a [u16],
}

impl Limited<'_> {
    pub fn matches(&self) -> String {
        let name = self.protocol.name();
        let opens = match self.protocol {
            Protocol::Tcp => SYN.to_owned(),
            Protocol::Udp => "ct state new".to_owned(),
        };
        if self.ports.is_empty() {
            format!("meta l4proto {name} {opens}")
        } else {
            format!("{name} dport {} {opens}", list(self.ports))
        }
    }

    fn key(&self) -> String {
        format!("{}_{}", self.name, self.protocol.name())
    }

    pub fn sets(&self, family: &Family) -> Vec<Set> {
        let (kind, digit, key) = (family.kind, family.digit, self.key());
        let mut sets = Vec::new();
        if self.limits.new_per_minute > 0 {
            sets.push(Set::filled(
                format!("rate_{key}{digit}"),
                // A bucket that was not touched for so long is full again, whatever its size: it
                // holds what comes in ten seconds, or what the user says.
                format!("type {kind}; size {SOURCES}; flags dynamic,timeout; timeout 5m"),
            ));
        }
        if self.limits.connections > 0 {
            sets.push(Set::filled(
                format!("open_{key}{digit}"),
                format!("type {kind}; size {SOURCES}; flags dynamic"),
            ));
        }
        sets
    }

    pub fn rules(&self, family: &Family) -> Vec<Rule> {
        let (digit, key, source, matches) =
            (family.digit, self.key(), family.source, self.matches());
        let (name, protocol) = (self.name, self.protocol.name());
        let mut rules = Vec::new();
        let rate = self.limits.new_per_minute;
        if rate > 0 {
            let burst = match self.limits.burst {
                0 => (rate / 6).max(1),
                burst => burst,
            };
            rules.push(Rule::new(
                &format!("rate of {name} {protocol} {digit}"),
                format!(
                    "{matches} update @rate_{key}{digit} {{ {source} limit rate over {rate}/minute burst {burst} packets }} counter drop"
                ),
            ));
        }
        if self.limits.connections > 0 {
            let most = self.limits.connections;
            let verdict = match self.protocol {
                // Told at once rather than after a minute of trying.
                Protocol::Tcp => "reject with tcp reset",
                Protocol::Udp => "drop",
            };
            rules.push(Rule::new(
                &format!("connections of {name} {protocol} {digit}"),
                format!(
                    "{matches} add @open_{key}{digit} {{ {source} ct count over {most} }} counter {verdict}"
                ),
            ));
        }
        rules
    }
}
