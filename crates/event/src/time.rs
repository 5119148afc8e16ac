//! Moments of packets: nanoseconds since 1970, UTC, carried by the packet and never read from a clock.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const NANOS: i64 = 1_000_000_000;

impl Timestamp {
    /// From nanoseconds since 1970.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Timestamp(nanos)
    }

    /// From seconds and nanoseconds within the second.
    #[must_use]
    pub const fn new(secs: i64, nanos: u32) -> Self {
        Timestamp(secs.saturating_mul(NANOS).saturating_add(nanos as i64))
    }

    /// Nanoseconds since 1970.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(NANOS)
    }

    /// Microseconds within the second, 0 to 999,999.
    #[must_use]
    pub const fn subsec_micros(self) -> u32 {
        (self.0.rem_euclid(NANOS) / 1000) as u32
    }

    /// Time that passed since `earlier`; zero where `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// EVE's form, `2026-01-02T03:04:05.678901+0000` (31 bytes, UTC).
    #[must_use]
    pub fn to_eve(self) -> [u8; 31] {
        let mut out = *b"0000-00-00T00:00:00.000000+0000";
        let secs = self.secs();
        let (year, month, day) = civil(secs.div_euclid(86_400));
        let of_day = secs.rem_euclid(86_400) as u64;
        digits(&mut out[0..4], year.clamp(0, 9999) as u64);
        digits(&mut out[5..7], u64::from(month));
        digits(&mut out[8..10], u64::from(day));
        digits(&mut out[11..13], of_day / 3600);
        digits(&mut out[14..16], of_day / 60 % 60);
        digits(&mut out[17..19], of_day % 60);
        digits(&mut out[20..26], u64::from(self.subsec_micros()));
        out
    }
}

/// Year, month and day of a day number since 1970 (Howard Hinnant, "chrono-compatible low-level
/// date algorithms", `civil_from_days`).
#[must_use]
pub fn civil(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    } as u32;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn digits(out: &mut [u8], mut value: u64) {
    for place in out.iter_mut().rev() {
        *place = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// The day number since 1970 of a date (same source, `days_from_civil`).
#[must_use]
pub fn days(year: i64, month: u32, day: u32) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let shifted_month = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// A text that is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAMoment;

impl fmt::Display for NotAMoment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a moment such as 2026-01-02T03:04:05.678901+0000")
    }
}

impl std::error::Error for NotAMoment {}

impl FromStr for Timestamp {
    type Err = NotAMoment;

    /// EVE's form and RFC 3339: a fraction of up to nine digits or none, an offset with or without
    /// a colon, or `Z`.
    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        parse(text.as_bytes()).ok_or(NotAMoment)
    }
}

fn parse(text: &[u8]) -> Option<Timestamp> {
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        digits.iter().try_fold(0_i64, |sum, byte| {
            byte.is_ascii_digit()
                .then(|| sum * 10 + i64::from(byte - b'0'))
        })
    };
    let separated = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')]
        .iter()
        .all(|(at, byte)| text.get(*at) == Some(byte));
    if !separated || !matches!(text.get(10), Some(b'T' | b't' | b' ')) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 {
        return None;
    }
    let mut at = 19;
    let mut nanos = 0_i64;
    if text.get(at) == Some(&b'.') {
        at += 1;
        let length = text
            .get(at..)?
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        if !(1..=9).contains(&length) {
            return None;
        }
        nanos = number(at, at + length)? * 10_i64.pow(9 - length as u32);
        at += length;
    }
    let offset = match text.get(at)? {
        b'Z' | b'z' if text.len() == at + 1 => 0,
        sign @ (b'+' | b'-') => {
            let colon = usize::from(text.get(at + 3) == Some(&b':'));
            if text.len() != at + 5 + colon {
                return None;
            }
            let ahead =
                number(at + 1, at + 3)? * 3600 + number(at + 3 + colon, at + 5 + colon)? * 60;
            if *sign == b'-' { -ahead } else { ahead }
        }
        _ => return None,
    };
    let secs = days(year, month as u32, day as u32) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(Timestamp::new(secs - offset, nanos as u32))
}

impl Serialize for Timestamp {
    /// EVE's form: what is finer than a microsecond is lost.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, duration: Duration) -> Timestamp {
        Timestamp(
            self.0
                .saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)),
        )
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;
    fn sub(self, duration: Duration) -> Timestamp {
        Timestamp(
            self.0
                .saturating_sub(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)),
        )
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.to_eve()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(secs: i64, nanos: u32, expected: &str) {
        assert_eq!(Timestamp::new(secs, nanos).to_string(), expected);
    }

    #[test]
    fn writes_moments_as_eve_does() {
        check(0, 0, "1970-01-01T00:00:00.000000+0000");
        check(951_782_400, 1_000, "2000-02-29T00:00:00.000001+0000");
        check(
            1_767_323_045,
            678_901_000,
            "2026-01-02T03:04:05.678901+0000",
        );
        check(-1, 0, "1969-12-31T23:59:59.000000+0000");
    }

    fn check_read(text: &str, expected: Option<(i64, u32)>) {
        let expected = expected.map(|(secs, nanos)| Timestamp::new(secs, nanos));
        assert_eq!(text.parse::<Timestamp>().ok(), expected, "{text}");
    }

    #[test]
    fn reads_what_eve_and_rfc_3339_write() {
        check_read("1970-01-01T00:00:00.000000+0000", Some((0, 0)));
        check_read(
            "2000-02-29T00:00:00.000001+0000",
            Some((951_782_400, 1_000)),
        );
        check_read("2000-02-29T01:30:00+01:30", Some((951_782_400, 0)));
        check_read(
            "2000-02-28T23:00:00.5-0100",
            Some((951_782_400, 500_000_000)),
        );
        check_read("2000-02-29T00:00:00Z", Some((951_782_400, 0)));
        check_read("1969-12-31T23:59:59.000000+0000", Some((-1, 0)));
        check_read("2000-02-29", None);
        check_read("2000-02-29T00:00:00", None);
        check_read("2000-13-29T00:00:00Z", None);
        check_read("2000-02-29T00:00:00.Z", None);
        check_read("2000-02-29T00:00:00Zx", None);
        check_read("yesterday", None);
    }
}
