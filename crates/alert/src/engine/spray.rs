//! Who is attacked by many in the same way.

use std::net::IpAddr;
use std::time::Duration;

use event::Timestamp;

use super::generations::Generations;

/// Pairs of victim and rule that are watched.
const MAX_WATCHED: usize = 65_536;

/// Counts attackers for each victim and rule.
#[derive(Debug)]
pub struct Sprays {
    watched: Generations<(IpAddr, String), Vec<Seen>>,
    many: usize,
}

/// An attacker and the incident that holds what it did.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Who.
    pub attacker: IpAddr,
    /// Which incident.
    pub incident: String,
    at: Timestamp,
}

impl Sprays {
    /// So many attackers make a spray (at least 2).
    pub fn new(many: usize) -> Sprays {
        Sprays {
            watched: Generations::new(MAX_WATCHED),
            many: many.max(2),
        }
    }

    /// Whether one more attacker makes it many; those who came before, then.
    pub fn would_be_many(
        &self,
        victim: IpAddr,
        rule: &str,
        attacker: IpAddr,
        window: Duration,
        now: Timestamp,
    ) -> Option<Vec<Seen>> {
        let seen = self.watched.get(&(victim, rule.to_owned()))?;
        let others: Vec<Seen> = seen
            .iter()
            .filter(|seen| seen.attacker != attacker && now.since(seen.at) <= window)
            .cloned()
            .collect();
        (others.len() + 1 >= self.many).then_some(others)
    }

    /// Notes an attacker.
    pub fn note(
        &mut self,
        victim: IpAddr,
        rule: &str,
        attacker: IpAddr,
        incident: &str,
        now: Timestamp,
    ) {
        let many = self.many;
        let seen = self.watched.entry((victim, rule.to_owned()), Vec::new);
        if let Some(known) = seen.iter_mut().find(|seen| seen.attacker == attacker) {
            known.at = now;
            return;
        }
        if seen.len() >= many {
            seen.remove(0);
        }
        seen.push(Seen {
            attacker,
            incident: incident.to_owned(),
            at: now,
        });
    }

    /// Forgets a pair: its incident is found by its key from now on.
    pub fn forget(&mut self, victim: IpAddr, rule: &str) {
        self.watched.remove(&(victim, rule.to_owned()));
    }
}
