//! A decision: what a bouncer is told of an action.

use event::action::{Action, Mode, What};
use event::{Prefix, Timestamp};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::duration::go;

/// What a bouncer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Nothing passes.
    Ban,
    /// Only so much passes.
    Throttle,
}

impl Kind {
    /// The word that bouncers know.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Ban => "ban",
            Kind::Throttle => "throttle",
        }
    }
}

/// What one action asks of a bouncer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// A number for clients that want one: the same after a restart, below 2^53 so that
    /// JavaScript keeps it.
    pub id: u64,
    /// The same as a UUID.
    pub uuid: String,
    /// What to do.
    pub kind: Kind,
    /// To whom.
    pub target: Prefix,
    /// Until when.
    pub until: Timestamp,
    /// What decided: `ratel`, `ratel-order` for a person, `lists` for a feed.
    pub origin: &'static str,
    /// Why, in the form of a scenario's name.
    pub scenario: String,
    /// Told only, never to be enforced.
    pub simulated: bool,
}

impl Decision {
    /// The decision of an action; None for actions that only this host can carry out.
    #[must_use]
    pub fn of(action: &Action) -> Option<Decision> {
        let kind = match action.what {
            What::Block { .. } => Kind::Ban,
            What::RateLimit { .. } => Kind::Throttle,
            // One connection of this host, this host's honeypot, a neighbour of this host.
            What::DropConnection { .. } | What::Redirect { .. } | What::Quarantine { .. } => {
                return None;
            }
        };
        // The id alone could come again where somebody starts anew with an empty folder.
        let named = format!("{} {}", action.id, action.planned.nanos() / 1000);
        let hash: [u8; 32] = Sha256::digest(named.as_bytes()).into();
        let (origin, scenario) = match (&action.why.playbook, &action.why.person) {
            // As CrowdSec tells of the lists that it has from others.
            _ if action.why.feed.is_some() => {
                ("lists", action.why.feed.clone().unwrap_or_default())
            }
            (Some(playbook), _) => ("ratel", format!("ratel/{playbook}")),
            (None, Some(_)) => ("ratel-order", "ratel/order".to_owned()),
            (None, None) => ("ratel", "ratel/respond".to_owned()),
        };
        Some(Decision {
            id: number(&hash),
            uuid: uuid(&hash),
            kind,
            target: action.what.target(),
            until: action.ends,
            origin,
            scenario,
            simulated: action.mode == Mode::Observe,
        })
    }

    /// `Ip` or `Range`.
    #[must_use]
    pub fn scope(&self) -> &'static str {
        if self.target.is_host() { "Ip" } else { "Range" }
    }

    /// What a bouncer keeps it by: two decisions of one key are one to it.
    #[must_use]
    pub fn key(&self) -> (Prefix, Kind, bool) {
        (self.target, self.kind, self.simulated)
    }

    /// What is written, with the time that is left at `now`, or since when it is gone.
    #[must_use]
    pub fn write(&self, ends: Timestamp, now: Timestamp) -> Written<'_> {
        let nanos = i128::from(ends.nanos()) - i128::from(now.nanos());
        // Whole milliseconds; and some clients read "512ms" as 512 seconds, so a last second is
        // told as a whole one.
        let nanos = match nanos {
            1..1_000_000_000 => 1_000_000_000,
            nanos => (nanos + 500_000).div_euclid(1_000_000) * 1_000_000,
        };
        Written {
            duration: go(nanos),
            id: self.id,
            origin: self.origin,
            scenario: &self.scenario,
            scope: self.scope(),
            simulated: self.simulated,
            kind: self.kind.name(),
            uuid: &self.uuid,
            value: self.target.to_string(),
        }
    }
}

/// A decision in the fields of CrowdSec's local API (its swagger file, `Decision`).
#[derive(Debug, Serialize)]
pub struct Written<'a> {
    duration: String,
    id: u64,
    origin: &'a str,
    scenario: &'a str,
    scope: &'a str,
    simulated: bool,
    #[serde(rename = "type")]
    kind: &'a str,
    uuid: &'a str,
    value: String,
}

fn number(hash: &[u8; 32]) -> u64 {
    let [a, b, c, d, e, f, g, ..] = *hash;
    // Seven bytes less three bits; never 0, which clients written in Go take for "none".
    (u64::from_be_bytes([0, a, b, c, d, e, f, g]) >> 3).max(1)
}

/// A UUID of version 8 (RFC 9562, section 5.8): bits of a hash.
fn uuid(hash: &[u8; 32]) -> String {
    let bits = hash
        .iter()
        .take(16)
        .fold(0u128, |sum, byte| sum << 8 | u128::from(*byte));
    let bits = bits & !(0xf << 76) & !(0b11 << 62) | (0x8 << 76) | (0b10 << 62);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        (bits >> 96) as u32,
        (bits >> 80) as u16,
        (bits >> 64) as u16,
        (bits >> 48) as u16,
        bits & 0xffff_ffff_ffff,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::tests::action;
    use event::action::State;

    #[test]
    fn a_decision_has_the_fields_of_the_local_api() {
        let decision = Decision::of(&action(17, "192.0.2.1", 100, State::Executed)).unwrap();
        let now = Timestamp::new(3700 - 14_397, 0);
        let text = serde_json::to_string(&decision.write(decision.until, now)).unwrap();
        let expected = format!(
            "{{\"duration\":\"3h59m57s\",\"id\":{},\"origin\":\"ratel\",\"scenario\":\"ratel/scanners\",\
             \"scope\":\"Ip\",\"simulated\":false,\"type\":\"ban\",\"uuid\":\"{}\",\"value\":\"192.0.2.1\"}}",
            decision.id, decision.uuid
        );
        assert_eq!(text, expected);
        assert!(decision.id < 1 << 53);
        assert_eq!(
            (decision.uuid.len(), decision.uuid.as_bytes()[14]),
            (36, b'8')
        );
        let range = Decision::of(&action(1, "2001:db8::/64", 100, State::Executed)).unwrap();
        assert_eq!(
            (range.scope(), range.target.to_string().as_str()),
            ("Range", "2001:db8::/64")
        );
    }

    #[test]
    fn a_last_second_is_told_whole_and_what_is_gone_is_negative() {
        let decision = Decision::of(&action(1, "192.0.2.1", 100, State::Executed)).unwrap();
        let check = |nanos: i64, expected: &str| {
            let now = Timestamp::from_nanos(decision.until.nanos() - nanos);
            assert_eq!(decision.write(decision.until, now).duration, expected);
        };
        check(1, "1s");
        check(999_999_999, "1s");
        check(1_500_400_000, "1.5s");
        check(0, "0s");
        check(-3_200_000_000, "-3.2s");
    }
}
