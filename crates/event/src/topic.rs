//! Topics on which services meet, and the ids of the records that travel on them.

use std::fmt;
use std::str::FromStr;

use crate::Timestamp;

/// What services meet on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// EVE records of sensors, collectors, honeypots, the cluster and the model.
    Events,
    /// What `alert` makes of events.
    Incidents,
    /// What `respond` does about incidents: every change of state of an action.
    Actions,
    /// What people ask for.
    Orders,
    /// Rules and models that `learn` lets out.
    Releases,
}

impl Topic {
    /// Every topic, in the order of the flow.
    pub const ALL: [Topic; 5] = [
        Topic::Events,
        Topic::Incidents,
        Topic::Actions,
        Topic::Orders,
        Topic::Releases,
    ];

    /// The name in configuration, folders, metrics and Kafka.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Topic::Events => "events",
            Topic::Incidents => "incidents",
            Topic::Actions => "actions",
            Topic::Orders => "orders",
            Topic::Releases => "releases",
        }
    }

    /// The place in [`Topic::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Topic::Events => 0,
            Topic::Incidents => 1,
            Topic::Actions => 2,
            Topic::Orders => 3,
            Topic::Releases => 4,
        }
    }

    /// The topic of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Topic> {
        Topic::ALL.into_iter().find(|topic| topic.name() == name)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Names one record wherever it travels, so that a repeat is known as one.
///
/// 128 bits in the layout of a UUID of version 7 (RFC 9562, section 5.7): 48 bits of milliseconds,
/// 32 bits that count within the producer, 42 bits that name the producer. Ids of one producer
/// only grow; ids of several are ordered by their millisecond. The text form is a UUID's, which
/// every store knows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(u128);

/// Bits 48 to 51 say "version 7", bits 64 and 65 say "variant of RFC 9562".
const MARKS: u128 = (0x7 << 76) | (0b10 << 62);

impl RecordId {
    const fn from_parts(millis: u64, count: u32, producer: u64) -> RecordId {
        let millis = (millis as u128 & 0xffff_ffff_ffff) << 80;
        let high = (count as u128 >> 20) << 64;
        let low = (count as u128 & 0xf_ffff) << 42;
        RecordId(millis | high | low | (producer as u128 & PRODUCER) | MARKS)
    }

    /// The 16 bytes, most significant first: their order is the order of ids.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// From [`RecordId::to_bytes`]. Any 16 bytes are an id: other producers may make them otherwise.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> RecordId {
        RecordId(u128::from_be_bytes(bytes))
    }

    /// When its producer made it, to the millisecond.
    #[must_use]
    pub const fn time(self) -> Timestamp {
        Timestamp::from_nanos(((self.0 >> 80) as i64).saturating_mul(1_000_000))
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            (id >> 96) as u32,
            (id >> 80) as u16,
            (id >> 64) as u16,
            (id >> 48) as u16,
            id & 0xffff_ffff_ffff,
        )
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not a record id: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotARecordId;

impl fmt::Display for NotARecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a record id (a UUID's text form)")
    }
}

impl std::error::Error for NotARecordId {}

impl FromStr for RecordId {
    type Err = NotARecordId;

    fn from_str(text: &str) -> Result<RecordId, NotARecordId> {
        if text.len() != 36 {
            return Err(NotARecordId);
        }
        let mut id = 0u128;
        for (place, byte) in text.bytes().enumerate() {
            if matches!(place, 8 | 13 | 18 | 23) {
                if byte != b'-' {
                    return Err(NotARecordId);
                }
                continue;
            }
            let digit = char::from(byte).to_digit(16).ok_or(NotARecordId)?;
            id = (id << 4) | u128::from(digit);
        }
        Ok(RecordId(id))
    }
}

const PRODUCER: u128 = (1 << 42) - 1;

/// Makes the ids of one producer. Time and randomness are its caller's.
#[derive(Clone, Debug)]
pub struct RecordIds {
    producer: u64,
    millis: u64,
    count: u32,
}

impl RecordIds {
    /// A producer named by 42 of these random bits: each start of each producer takes new ones,
    /// then no two records share an id (two producers of one name would need the same count in
    /// the same millisecond as well).
    #[must_use]
    pub const fn new(random: u64) -> RecordIds {
        RecordIds {
            producer: random,
            millis: 0,
            count: 0,
        }
    }

    /// The next id, greater than each before it even where the clock is set back.
    pub fn next(&mut self, now: Timestamp) -> RecordId {
        let millis = u64::try_from(now.nanos() / 1_000_000).unwrap_or(0);
        if millis > self.millis {
            self.millis = millis;
            self.count = 0;
        } else if let Some(count) = self.count.checked_add(1) {
            self.count = count;
        } else {
            self.millis += 1;
            self.count = 0;
        }
        RecordId::from_parts(self.millis, self.count, self.producer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_topic_is_found_by_its_name_and_place() {
        for (place, topic) in Topic::ALL.into_iter().enumerate() {
            assert_eq!(Topic::from_name(topic.name()), Some(topic));
            assert_eq!(topic.index(), place);
        }
        assert_eq!(Topic::from_name("Events"), None);
    }

    #[test]
    fn an_id_reads_as_a_uuid_of_version_7_that_tells_its_time() {
        let now = Timestamp::new(1_767_323_045, 678_901_000);
        let id = RecordIds::new(u64::MAX).next(now);
        assert_eq!(id.to_string(), "019b7ca9-8f2e-7000-8000-03ffffffffff");
        assert_eq!(id.time(), Timestamp::new(1_767_323_045, 678_000_000));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "019b7c7b-caae-7000-8000-03fffffffff",
            "019b7c7b-caae-7000-8000-03ffffffffffa",
            "019b7c7b+caae-7000-8000-03ffffffffff",
            "019b7c7b-caae-7000-8000-03fffffffffg",
            "019b7c7b-caae-7000-8000-03fffffffé",
        ] {
            assert_eq!(text.parse::<RecordId>(), Err(NotARecordId), "{text}");
        }
    }

    #[test]
    fn a_full_count_moves_on_to_the_next_millisecond() {
        let mut ids = RecordIds::new(1);
        let before = ids.next(Timestamp::new(1, 0));
        ids.count = u32::MAX;
        assert!(ids.next(Timestamp::new(1, 0)) > before);
        assert_eq!(ids.millis, 1001);
    }

    proptest! {
        #[test]
        fn ids_of_a_producer_only_grow_whatever_the_clock_does(
            moments in prop::collection::vec(0i64..10_000_000_000, 1..200),
            random in any::<u64>(),
        ) {
            let mut ids = RecordIds::new(random);
            let mut last = None;
            for nanos in moments {
                let id = ids.next(Timestamp::from_nanos(nanos));
                prop_assert!(Some(id) > last);
                prop_assert_eq!(id.to_string().parse(), Ok(id));
                prop_assert_eq!(RecordId::from_bytes(id.to_bytes()), id);
                last = Some(id);
            }
        }

        #[test]
        fn ids_of_two_producers_differ(a in 0u64..1 << 42, b in 0u64..1 << 42, nanos in 0i64..i64::MAX) {
            prop_assume!(a != b);
            let now = Timestamp::from_nanos(nanos);
            prop_assert_ne!(RecordIds::new(a).next(now), RecordIds::new(b).next(now));
        }
    }
}
