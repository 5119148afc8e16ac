//! Traffic of an office that never was, packet by packet: what its people and machines do all day, and attacks on it.
//!
//! Made for three things: the default model is trained on it, `ratel demo` shows it, tests hold the whole way from
//! packets to findings against it. Deterministic: the same seed gives the same packets. Addresses are those that are
//! set apart for documentation and private networks. `office` says who is there, `normal` what they do, `attack` what is
//! done to them; `talk` makes conversations of it, `content` the bytes that they carry; `play` shows them to an engine.

mod attack;
mod content;
mod normal;
mod office;
pub mod play;
mod random;
mod talk;

pub use attack::Attack;
pub use decode::build::Captured;
pub use talk::Ends;

use event::Timestamp;
use random::Random;
use std::collections::BTreeMap;
use std::time::Duration;
use talk::Talk;

/// An hour.
const HOUR: Duration = Duration::from_secs(3600);

/// What traffic is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// All chance comes from here.
    pub seed: u64,
    /// Workstations, at most 150.
    pub people: u8,
    /// When it begins.
    pub start: Timestamp,
    /// Whether attacks happen: each kind about once an hour.
    pub has_attacks: bool,
}

/// An hour of traffic.
#[derive(Debug, Default)]
pub struct Hour {
    /// Its packets, in the order of time.
    pub frames: Vec<Captured>,
    /// Which conversations are attacks. All others are normal.
    pub attacks: BTreeMap<Ends, Attack>,
}

/// Hour after hour of traffic, without end.
pub struct Traffic {
    plan: Plan,
    next: u64,
    /// Packets of conversations that go on into the next hour.
    left: Vec<Captured>,
}

impl Traffic {
    /// Traffic as it is planned.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Traffic {
            plan,
            next: 0,
            left: Vec::new(),
        }
    }

    /// Begins so many hours later: the same people on another day.
    #[must_use]
    pub fn after(mut self, hours: u64) -> Self {
        self.next = hours;
        self
    }

    /// The next hour.
    pub fn hour(&mut self) -> Hour {
        let begin = later(
            self.plan.start,
            HOUR * u32::try_from(self.next).unwrap_or(u32::MAX),
        );
        let end = later(begin, HOUR);
        let mut random =
            Random::new(self.plan.seed ^ self.next.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut talks = normal::hour(&self.plan, begin, self.next, &mut random);
        let mut hour = Hour::default();
        if self.plan.has_attacks {
            for attack in Attack::ALL {
                let at = later(begin, Duration::from_secs(random.within(0, 2400)));
                talks.extend(attack.talks(&self.plan, at, &mut random));
            }
        }
        self.next += 1;
        hour.take(talks);
        hour.frames.append(&mut self.left);
        hour.frames.sort_by_key(|frame| frame.time);
        let over = hour.frames.partition_point(|frame| frame.time < end);
        self.left = hour.frames.split_off(over);
        hour
    }
}

impl Hour {
    /// One attack alone, from its first packet to its last.
    #[must_use]
    pub fn of_attack(attack: Attack, plan: &Plan) -> Self {
        let mut hour = Hour::default();
        let mut random = Random::new(plan.seed);
        hour.take(attack.talks(plan, plan.start, &mut random));
        hour.frames.sort_by_key(|frame| frame.time);
        hour
    }

    fn take(&mut self, talks: Vec<Talk>) {
        for talk in talks {
            if let Some(attack) = talk.attack {
                self.attacks.insert(talk.ends, attack);
            }
            self.frames.extend(talk.frames);
        }
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    time + by
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(seed: u64) -> Plan {
        Plan {
            seed,
            people: 4,
            start: Timestamp::new(1_750_000_000, 0),
            has_attacks: true,
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_packets_and_another_gives_others() {
        let hour = |seed| Traffic::new(plan(seed)).hour();
        let (one, again, other) = (hour(1), hour(1), hour(2));
        assert!(one.frames.len() > 2_000, "{}", one.frames.len());
        assert!(
            one.frames
                .iter()
                .zip(&again.frames)
                .all(|(a, b)| a.data == b.data && a.time == b.time)
        );
        assert_ne!(one.frames.len(), other.frames.len());
    }

    #[test]
    fn hours_follow_each_other_and_lose_nothing() {
        let mut traffic = Traffic::new(plan(3));
        let (first, second) = (traffic.hour(), traffic.hour());
        assert!(first.frames.is_sorted_by_key(|frame| frame.time));
        assert!(first.frames.last().unwrap().time <= second.frames[0].time);
        let kinds: std::collections::BTreeSet<_> = first.attacks.values().collect();
        assert_eq!(kinds.len(), Attack::ALL.len());
    }
}
