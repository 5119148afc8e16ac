//! Limits on alerting: `threshold`, `detection_filter`, and the `rate_filter` and `suppress` lines
//! of `threshold.config`.
//!
//! Order for one match: suppressions first, then the limits of the configuration or of the rule;
//! the first that says no decides.

use ahash::AHashMap;
use event::Timestamp;
use rules::rule::{Action, Addresses, Threshold, ThresholdKind, ThresholdTrack};
use std::net::IpAddr;
use std::time::Duration;

/// Counts held at once: 16 MiB, as Suricata's `detect.thresholds.memcap`, at about 128 bytes each.
const COUNTS_MAX: usize = 131_072;

/// What becomes of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is told.
    pub alert: bool,
    /// Whether the rule's action and effects count: a limited alert still drops, one that has not
    /// reached its count yet does not.
    pub applies: bool,
    /// The action of a `rate_filter` whose rate is exceeded, instead of the rule's.
    pub new_action: Option<Action>,
}

impl Decision {
    /// Told, as the rule says.
    pub const ALERT: Decision = Decision {
        alert: true,
        applies: true,
        new_action: None,
    };
    /// Not told, but acted on.
    pub const SILENT: Decision = Decision {
        alert: false,
        applies: true,
        new_action: None,
    };
    /// As if the rule had not matched.
    pub const NOTHING: Decision = Decision {
        alert: false,
        applies: false,
        new_action: None,
    };
}

/// What a match is counted by.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// Generator, signature and revision of the rule.
    pub rule: (u32, u32, u32),
    /// Source and destination of the packet; None below IP.
    pub ends: Option<(IpAddr, IpAddr)>,
    /// The flow's id, if the packet has one.
    pub flow: Option<u64>,
    /// Time of the packet.
    pub now: Timestamp,
}

/// Ends of a `suppress` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuppressTrack {
    /// `by_src`.
    Source,
    /// `by_dst`.
    Destination,
    /// `by_either`.
    Either,
}

/// A `suppress` line as far as it concerns one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Suppression {
    /// Which end is looked at; None suppresses the rule altogether.
    pub track: Option<SuppressTrack>,
    /// Addresses that are suppressed.
    pub addresses: Addresses,
}

impl Suppression {
    /// Whether a match between these ends is not told.
    #[must_use]
    pub fn covers(&self, ends: Option<(IpAddr, IpAddr)>) -> bool {
        let Some(track) = self.track else {
            return true;
        };
        let Some((source, destination)) = ends else {
            return false;
        };
        match track {
            SuppressTrack::Source => self.addresses.contains(source),
            SuppressTrack::Destination => self.addresses.contains(destination),
            SuppressTrack::Either => {
                self.addresses.contains(source) || self.addresses.contains(destination)
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    rule: (u32, u32, u32),
    kind: u8,
    owner: Owner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Owner {
    Rule,
    Host(IpAddr),
    Pair(IpAddr, IpAddr),
    Flow(u64),
}

#[derive(Clone, Copy, Debug)]
struct Count {
    since: Timestamp,
    /// When it may be forgotten.
    end: Timestamp,
    count: u32,
    /// Of `backoff`: the count of the next alert.
    next: u32,
    /// Of `rate_filter`: since when the rate is exceeded.
    exceeded: Option<Timestamp>,
}

/// The counts of all rules.
#[derive(Debug, Default)]
pub struct Thresholds {
    counts: AHashMap<Key, Count>,
    swept: Timestamp,
    uncounted: u64,
}

impl Thresholds {
    /// Decides on a match of a rule with `suppressions` and `limits`, and counts it.
    pub fn decide(
        &mut self,
        suppressions: &[Suppression],
        limits: &[Threshold],
        subject: &Subject,
    ) -> Decision {
        if suppressions
            .iter()
            .any(|suppression| suppression.covers(subject.ends))
        {
            return Decision::SILENT;
        }
        let mut decision = Decision::ALERT;
        for limit in limits {
            let one = self.check(limit, subject);
            if !one.alert {
                return one;
            }
            decision.new_action = one.new_action.or(decision.new_action);
        }
        decision
    }

    /// Counts a match against one limit.
    pub fn check(&mut self, limit: &Threshold, subject: &Subject) -> Decision {
        if limit.kind == ThresholdKind::Threshold && limit.count == 1 {
            return Decision::ALERT;
        }
        let Some(owner) = owner(limit.track, subject) else {
            return Decision::NOTHING;
        };
        let key = Key {
            rule: subject.rule,
            kind: limit.kind as u8,
            owner,
        };
        if let Some(count) = self.counts.get_mut(&key) {
            return count.again(limit, subject.now);
        }
        let first = Count::new(limit, subject.now);
        if self.has_room(subject.now) {
            self.counts.insert(key, first);
        } else {
            self.uncounted += 1;
        }
        on_first(limit)
    }

    /// Matches that could not be counted because the table was full; each was taken for a first.
    #[must_use]
    pub fn uncounted(&self) -> u64 {
        self.uncounted
    }

    fn has_room(&mut self, now: Timestamp) -> bool {
        // Once a second at most, so that a full table does not cost a walk for each match.
        if self.counts.len() >= COUNTS_MAX && now.since(self.swept) >= Duration::from_secs(1) {
            self.swept = now;
            self.counts.retain(|_, count| count.end >= now);
        }
        self.counts.len() < COUNTS_MAX
    }
}

fn owner(track: ThresholdTrack, subject: &Subject) -> Option<Owner> {
    match track {
        ThresholdTrack::Rule => Some(Owner::Rule),
        ThresholdTrack::Flow => subject.flow.map(Owner::Flow),
        ThresholdTrack::Source => subject.ends.map(|(source, _)| Owner::Host(source)),
        ThresholdTrack::Destination => subject
            .ends
            .map(|(_, destination)| Owner::Host(destination)),
        ThresholdTrack::Pair => subject.ends.map(|(a, b)| Owner::Pair(a.min(b), a.max(b))),
    }
}

/// What the first match in a window comes to.
fn on_first(limit: &Threshold) -> Decision {
    let is_told = match limit.kind {
        ThresholdKind::Limit | ThresholdKind::RateFilter => true,
        ThresholdKind::Threshold | ThresholdKind::Both => limit.count == 1,
        ThresholdKind::DetectionFilter => false,
        ThresholdKind::Backoff => {
            return if limit.count <= 1 {
                Decision::ALERT
            } else {
                Decision::SILENT
            };
        }
    };
    if is_told {
        Decision::ALERT
    } else {
        Decision::NOTHING
    }
}

impl Count {
    fn new(limit: &Threshold, now: Timestamp) -> Self {
        let (timeout, multiplier) = (
            limit.new_action.map_or(0, |(_, secs)| secs),
            limit.multiplier.max(1),
        );
        let time = u64::from(limit.seconds) + u64::from(timeout);
        // A backoff has no window: it lasts as long as its flow may.
        let time = if limit.kind == ThresholdKind::Backoff {
            3600
        } else {
            time
        };
        let next = match limit.count {
            0 | 1 => multiplier,
            count => count,
        };
        Count {
            since: now,
            end: now + Duration::from_secs(time),
            count: 1,
            next,
            exceeded: None,
        }
    }

    fn is_within(&self, limit: &Threshold, now: Timestamp) -> bool {
        now <= self.since + Duration::from_secs(limit.seconds.into())
    }

    fn restart(&mut self, limit: &Threshold, now: Timestamp) {
        *self = Count {
            exceeded: self.exceeded,
            ..Count::new(limit, now)
        };
    }

    /// What a further match comes to.
    fn again(&mut self, limit: &Threshold, now: Timestamp) -> Decision {
        if limit.kind == ThresholdKind::Backoff {
            self.end = now + Duration::from_secs(3600);
            self.count = self.count.saturating_add(1);
            if self.count != self.next {
                return Decision::SILENT;
            }
            self.next = self.next.saturating_mul(limit.multiplier.max(1));
            return Decision::ALERT;
        }
        if limit.kind == ThresholdKind::RateFilter {
            return self.rate(limit, now);
        }
        if !self.is_within(limit, now) {
            self.restart(limit, now);
            return on_first(limit);
        }
        self.count = self.count.saturating_add(1);
        let (count, most) = (self.count, limit.count);
        match limit.kind {
            ThresholdKind::Limit if count > most => Decision::SILENT,
            ThresholdKind::Limit => Decision::ALERT,
            ThresholdKind::Threshold if count >= most => {
                self.count = 0;
                Decision::ALERT
            }
            ThresholdKind::Both if count == most => Decision::ALERT,
            ThresholdKind::Both if count > most => Decision::SILENT,
            ThresholdKind::DetectionFilter if count > most => Decision::ALERT,
            ThresholdKind::Threshold
            | ThresholdKind::Both
            | ThresholdKind::DetectionFilter
            | ThresholdKind::RateFilter
            | ThresholdKind::Backoff => Decision::NOTHING,
        }
    }

    fn rate(&mut self, limit: &Threshold, now: Timestamp) -> Decision {
        let (action, timeout) = match limit.new_action {
            Some((action, timeout)) => (Some(action), timeout),
            None => (None, 0),
        };
        let exceeded = Decision {
            new_action: action,
            ..Decision::ALERT
        };
        if let Some(since) = self.exceeded {
            if now.secs() - since.secs() <= i64::from(timeout) {
                return exceeded;
            }
            self.exceeded = None;
        } else if self.is_within(limit, now) {
            self.count = self.count.saturating_add(1);
            if self.count > limit.count {
                self.exceeded = Some(now);
                self.end = now + Duration::from_secs(timeout.into());
                return exceeded;
            }
        } else {
            self.restart(limit, now);
        }
        Decision::ALERT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::address::AddressRange;

    fn limit(kind: ThresholdKind, count: u32, seconds: u32) -> Threshold {
        let track = ThresholdTrack::Source;
        Threshold {
            kind,
            track,
            count,
            seconds,
            multiplier: 0,
            new_action: None,
        }
    }

    fn subject(secs: i64) -> Subject {
        let ends = Some(("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()));
        Subject {
            rule: (1, 1, 1),
            ends,
            flow: Some(1),
            now: Timestamp::new(secs, 0),
        }
    }

    /// Which of the matches at these seconds are told.
    fn check(limit: &Threshold, seconds: &[i64], expected: &[i64]) {
        let mut thresholds = Thresholds::default();
        let told: Vec<_> = seconds
            .iter()
            .copied()
            .filter(|secs| thresholds.check(limit, &subject(*secs)).alert)
            .collect();
        assert_eq!(told, expected, "{limit:?}");
    }

    #[test]
    fn each_kind_tells_what_it_should() {
        use ThresholdKind::{Both, DetectionFilter, Limit};
        let seconds = [0, 1, 2, 3, 4, 5, 6, 20, 21, 22, 23];
        check(&limit(Limit, 1, 10), &seconds, &[0, 20]);
        check(&limit(Limit, 2, 10), &seconds, &[0, 1, 20, 21]);
        check(&limit(ThresholdKind::Threshold, 1, 10), &seconds, &seconds);
        check(
            &limit(ThresholdKind::Threshold, 3, 10),
            &seconds,
            &[2, 5, 22],
        );
        check(&limit(Both, 1, 10), &seconds, &[0, 20]);
        check(&limit(Both, 3, 10), &seconds, &[2, 22]);
        check(&limit(DetectionFilter, 3, 10), &seconds, &[3, 4, 5, 6, 23]);
    }

    #[test]
    fn backoff_tells_at_ever_longer_distances() {
        let all: Vec<_> = (1..=100).collect();
        let backoff = |count, multiplier| Threshold {
            multiplier,
            ..limit(ThresholdKind::Backoff, count, 0)
        };
        check(&backoff(1, 2), &all, &[1, 2, 4, 8, 16, 32, 64]);
        check(&backoff(3, 2), &all, &[3, 6, 12, 24, 48, 96]);
        check(&backoff(1, 10), &all, &[1, 10, 100]);
    }

    #[test]
    fn a_rate_filter_changes_the_action_for_its_time() {
        let drop = Threshold {
            new_action: Some((Action::Drop, 5)),
            ..limit(ThresholdKind::RateFilter, 2, 10)
        };
        let mut thresholds = Thresholds::default();
        let actions: Vec<_> = [0, 1, 2, 3, 7, 8]
            .into_iter()
            .map(|secs| thresholds.check(&drop, &subject(secs)).new_action.is_some())
            .collect();
        assert_eq!(actions, [false, false, true, true, true, false]);
    }

    #[test]
    fn suppressed_matches_still_act() {
        let range = AddressRange::parse("10.0.0.0/31").unwrap();
        let addresses = Addresses {
            include: vec![range],
            exclude: Vec::new(),
        };
        let by = |track| Suppression {
            track,
            addresses: addresses.clone(),
        };
        let mut thresholds = Thresholds::default();
        let mut decide = |suppression| thresholds.decide(&[suppression], &[], &subject(0));
        assert_eq!(decide(by(Some(SuppressTrack::Source))), Decision::SILENT);
        assert_eq!(
            decide(by(Some(SuppressTrack::Destination))),
            Decision::ALERT
        );
        assert_eq!(decide(by(Some(SuppressTrack::Either))), Decision::SILENT);
        assert_eq!(decide(by(None)), Decision::SILENT);
    }

    #[test]
    fn counts_apart_by_what_is_tracked() {
        let pair = Threshold {
            track: ThresholdTrack::Pair,
            ..limit(ThresholdKind::Limit, 1, 60)
        };
        let mut thresholds = Thresholds::default();
        let there = subject(0);
        let back = Subject {
            ends: there.ends.map(|(a, b)| (b, a)),
            ..there
        };
        assert!(thresholds.check(&pair, &there).alert);
        assert!(!thresholds.check(&pair, &back).alert);
        assert!(
            thresholds
                .check(&limit(ThresholdKind::Limit, 1, 60), &there)
                .alert
        );
        let flow = Threshold {
            track: ThresholdTrack::Flow,
            ..pair
        };
        assert!(
            !thresholds
                .check(
                    &flow,
                    &Subject {
                        flow: None,
                        ..there
                    }
                )
                .alert
        );
    }

    #[test]
    fn a_full_table_counts_no_more() {
        let once = Threshold {
            track: ThresholdTrack::Flow,
            ..limit(ThresholdKind::Limit, 1, 60)
        };
        let mut thresholds = Thresholds::default();
        for flow in 0..COUNTS_MAX as u64 + 3 {
            assert!(
                thresholds
                    .check(
                        &once,
                        &Subject {
                            flow: Some(flow),
                            ..subject(0)
                        }
                    )
                    .alert
            );
        }
        assert_eq!(thresholds.uncounted(), 3);
        assert!(
            thresholds
                .check(
                    &once,
                    &Subject {
                        flow: Some(u64::MAX),
                        ..subject(61)
                    }
                )
                .alert
        );
        assert!(
            !thresholds
                .check(
                    &once,
                    &Subject {
                        flow: Some(u64::MAX),
                        ..subject(61)
                    }
                )
                .alert
        );
    }
}
