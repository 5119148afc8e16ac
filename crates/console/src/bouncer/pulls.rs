//! Which bouncers asked, and up to which moment each was told.

use std::collections::HashMap;
use std::net::IpAddr;

use event::Timestamp;

use crate::api::status::Bouncer;

/// Bouncers remembered: keys times addresses. The one that asked longest ago is forgotten, and is
/// told everything when it asks again.
pub const MAX_BOUNCERS: usize = 4096;

/// The longest name of a program that is kept, bytes.
const MAX_AGENT: usize = 128;

/// One bouncer: its key's name and where it asks from, as several may share a key.
pub type Who = (String, IpAddr);

/// What is known of each bouncer.
#[derive(Debug, Default)]
pub struct Pulls {
    known: HashMap<Who, Pull>,
}

#[derive(Debug)]
struct Pull {
    agent: String,
    asked: Timestamp,
    /// Up to where the stream was told; None for one that asks address by address.
    told: Option<Timestamp>,
}

impl Pulls {
    /// A bouncer asked.
    pub fn on_request(&mut self, who: &Who, agent: &str, now: Timestamp) {
        if !self.known.contains_key(who) && self.known.len() >= MAX_BOUNCERS {
            let oldest = self.known.iter().min_by_key(|(_, pull)| pull.asked);
            if let Some(oldest) = oldest.map(|(who, _)| who.clone()) {
                self.known.remove(&oldest);
            }
        }
        let agent: String = agent
            .chars()
            .filter(|c| !c.is_control())
            .take(MAX_AGENT)
            .collect();
        let pull = self.known.entry(who.clone()).or_insert(Pull {
            agent: String::new(),
            asked: now,
            told: None,
        });
        pull.agent = agent;
        pull.asked = now;
    }

    /// Up to where the bouncer was told.
    #[must_use]
    pub fn told(&self, who: &Who) -> Option<Timestamp> {
        self.known.get(who).and_then(|pull| pull.told)
    }

    /// The bouncer is being told everything up to `moment`.
    pub fn tell(&mut self, who: &Who, moment: Timestamp) {
        if let Some(pull) = self.known.get_mut(who) {
            pull.told = Some(moment);
        }
    }

    /// For `ratel status`.
    #[must_use]
    pub fn list(&self) -> Vec<Bouncer> {
        let mut list: Vec<Bouncer> = self
            .known
            .iter()
            .map(|((name, address), pull)| Bouncer {
                name: name.clone(),
                address: address.to_string(),
                agent: pull.agent.clone(),
                last_pull: pull.asked,
            })
            .collect();
        list.sort_by(|a, b| (&a.name, &a.address).cmp(&(&b.name, &b.address)));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bouncer_has_its_own_place_and_the_oldest_is_forgotten() {
        let mut pulls = Pulls::default();
        let who = |i: u32| ("fw".to_owned(), IpAddr::from(i.to_be_bytes()));
        pulls.on_request(&who(1), "cs-firewall-bouncer/v1\n", Timestamp::new(1, 0));
        assert_eq!(pulls.told(&who(1)), None);
        pulls.tell(&who(1), Timestamp::new(1, 5));
        assert_eq!(pulls.told(&who(1)), Some(Timestamp::new(1, 5)));
        assert_eq!(pulls.told(&who(2)), None);
        assert_eq!(pulls.list()[0].agent, "cs-firewall-bouncer/v1");
        for i in 2..=MAX_BOUNCERS as u32 + 1 {
            pulls.on_request(&who(i), "", Timestamp::new(i64::from(i), 0));
        }
        assert_eq!(pulls.known.len(), MAX_BOUNCERS);
        assert_eq!(pulls.told(&who(1)), None);
    }
}
