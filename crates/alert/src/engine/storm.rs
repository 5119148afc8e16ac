//! So much at once that people can't read it: when that begins, what is told nevertheless, when it ends.

use std::collections::VecDeque;

use event::Timestamp;

use super::StormPolicy;

/// Counts messages.
#[derive(Debug)]
pub struct Storm {
    policy: StormPolicy,
    /// Messages that were wanted, also those that were gathered; no more than are needed to count.
    wanted: VecDeque<Timestamp>,
    /// Messages for what is new or critical, during a storm.
    urgent: VecDeque<Timestamp>,
    began: Option<Timestamp>,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is told.
    Tell,
    /// It becomes part of the digest.
    Gather,
}

impl Storm {
    /// Nothing has been told yet.
    pub fn new(policy: StormPolicy) -> Storm {
        Storm {
            policy,
            wanted: VecDeque::new(),
            urgent: VecDeque::new(),
            began: None,
        }
    }

    /// A storm that began before a restart goes on.
    pub fn goes_on(&mut self, began: Timestamp) {
        self.began = Some(began);
    }

    /// Whether there is one.
    pub fn is_on(&self) -> bool {
        self.began.is_some()
    }

    /// Asks for a message; a storm may begin with it.
    pub fn ask(&mut self, is_urgent: bool, now: Timestamp) -> Verdict {
        self.forget(now);
        if self.wanted.len() > self.policy.messages {
            self.wanted.pop_front();
        }
        self.wanted.push_back(now);
        if self.began.is_none() && self.wanted.len() > self.policy.messages {
            self.began = Some(now);
        }
        if self.began.is_none() {
            return Verdict::Tell;
        }
        if is_urgent && self.urgent.len() < self.policy.urgent {
            self.urgent.push_back(now);
            return Verdict::Tell;
        }
        Verdict::Gather
    }

    /// Whether the storm is over with this moment: half as many messages would not be one.
    pub fn ends(&mut self, now: Timestamp) -> bool {
        self.forget(now);
        let is_long = self
            .began
            .is_some_and(|began| now.since(began) >= self.policy.within);
        let ends = is_long && self.wanted.len() <= self.policy.messages / 2;
        if ends {
            self.began = None;
        }
        ends
    }

    fn forget(&mut self, now: Timestamp) {
        for list in [&mut self.wanted, &mut self.urgent] {
            while list
                .front()
                .is_some_and(|at| now.since(*at) > self.policy.within)
            {
                list.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(secs: i64) -> Timestamp {
        Timestamp::new(1000 + secs, 0)
    }

    #[test]
    fn a_storm_begins_with_one_message_too_many_and_ends_when_it_is_calm() {
        let policy = StormPolicy {
            messages: 3,
            within: Duration::from_secs(60),
            digest: Duration::from_secs(60),
            urgent: 2,
        };
        let mut storm = Storm::new(policy);
        for n in 0..3 {
            assert_eq!(storm.ask(false, at(n)), Verdict::Tell);
        }
        assert!(!storm.is_on());
        assert_eq!(storm.ask(false, at(3)), Verdict::Gather);
        assert!(storm.is_on());
        assert_eq!(storm.ask(true, at(4)), Verdict::Tell);
        assert_eq!(storm.ask(true, at(4)), Verdict::Tell);
        assert_eq!(
            storm.ask(true, at(4)),
            Verdict::Gather,
            "urgent ones are limited, too"
        );
        for n in 5..100_000 {
            assert_eq!(storm.ask(false, at(n / 1000)), Verdict::Gather);
        }
        assert!(storm.wanted.len() <= 4);
        assert!(!storm.ends(at(101)));
        assert!(storm.ends(at(161)));
        assert_eq!(storm.ask(false, at(162)), Verdict::Tell);
    }
}
