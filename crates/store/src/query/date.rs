//! Arithmetic of dates as Elasticsearch and Kibana have it: `now-15m`, `now/d`, `2026-01-02||+1M/d`.

use event::Timestamp;
use event::time::{civil, days};

use super::typed::moment;
use super::{Bound, Predicate, Query, Value};
use crate::fields::{self, Kind, Place};

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

impl Query {
    /// The query with its arithmetic done at the time `now`: `@timestamp:>now-1h` holds a moment then. Without this
    /// such a value is no moment and finds nothing; what cannot be read stays as it is.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Query {
        match self {
            Query::And(parts) => Query::And(parts.into_iter().map(|part| part.at(now)).collect()),
            Query::Or(parts) => Query::Or(parts.into_iter().map(|part| part.at(now)).collect()),
            Query::Not(query) => Query::Not(Box::new(query.at(now))),
            Query::Field {
                path,
                is: Predicate::Range { from, to },
            } if is_time(&path) => Query::Field {
                path,
                is: Predicate::Range {
                    from: end(from, now, true),
                    to: end(to, now, false),
                },
            },
            query @ (Query::All | Query::Anywhere(_) | Query::Field { .. }) => query,
        }
    }
}

fn is_time(path: &str) -> bool {
    match fields::place(path) {
        Place::Time => true,
        Place::Known(field) => field.kind == Kind::Time,
        Place::Twin(_) | Place::Id | Place::Silent | Place::Rest => false,
    }
}

fn end(bound: Bound, now: Timestamp, is_from: bool) -> Bound {
    let done = |value: Value, is_in: bool| match &value {
        Value::Word(text) | Value::Phrase(text)
            if text.starts_with("now") || text.contains("||") =>
        {
            math(text, now, is_from != is_in).map_or(value, |time| Value::Word(rfc3339(time)))
        }
        _ => value,
    };
    match bound {
        Bound::None => Bound::None,
        Bound::Including(value) => Bound::Including(done(value, true)),
        Bound::Excluding(value) => Bound::Excluding(done(value, false)),
    }
}

/// `2026-01-02T03:04:05.678901234Z`.
#[must_use]
pub fn rfc3339(time: Timestamp) -> String {
    let eve = time.to_eve();
    let second = eve.get(..19).unwrap_or_default();
    let nanos = time.nanos().rem_euclid(SECOND);
    format!("{}.{nanos:09}Z", String::from_utf8_lossy(second))
}

/// The moment that a text with arithmetic means; None where it has none, or cannot be read. Where `is_up`, what is
/// rounded ends at the last nanosecond of its unit.
pub fn math(text: &str, now: Timestamp, is_up: bool) -> Option<Timestamp> {
    let (base, rest) = match text.strip_prefix("now") {
        Some(rest) => (now, rest),
        None => {
            let (base, rest) = text.split_once("||")?;
            let base = moment(base).or_else(|| moment(&format!("{base}T00:00:00Z")))?;
            (base, rest)
        }
    };
    let mut nanos = base.nanos();
    let mut rest = rest;
    while let Some(sign) = rest.chars().next() {
        rest = rest.get(1..)?;
        if sign == '/' {
            let unit = rest.chars().next()?;
            rest = rest.get(unit.len_utf8()..)?;
            nanos = rounded(nanos, unit, is_up)?;
            continue;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = match digits {
            0 => 1,
            digits => rest.get(..digits)?.parse().ok()?,
        };
        let unit = rest.get(digits..)?.chars().next()?;
        rest = rest.get(digits + unit.len_utf8()..)?;
        let number = match sign {
            '+' => number,
            '-' => number.checked_neg()?,
            _ => return None,
        };
        nanos = moved(nanos, number, unit)?;
    }
    Some(Timestamp::from_nanos(nanos))
}

/// Nanoseconds of a unit that is always as long.
fn length(unit: char) -> Option<i64> {
    match unit {
        's' => Some(SECOND),
        'm' => Some(60 * SECOND),
        'h' | 'H' => Some(3600 * SECOND),
        'd' => Some(DAY),
        'w' => Some(7 * DAY),
        _ => None,
    }
}

fn moved(nanos: i64, number: i64, unit: char) -> Option<i64> {
    if let Some(length) = length(unit) {
        return nanos.checked_add(number.checked_mul(length)?);
    }
    let months = match unit {
        'M' => number,
        'y' => number.checked_mul(12)?,
        _ => return None,
    };
    let (year, month, day) = civil(nanos.div_euclid(DAY));
    let count = year
        .checked_mul(12)?
        .checked_add(i64::from(month) - 1)?
        .checked_add(months)?;
    let (year, month) = (count.div_euclid(12), count.rem_euclid(12) as u32 + 1);
    if !(1..=9999).contains(&year) {
        return None;
    }
    // The last day of a shorter month stands for days that it does not have.
    let next = if month == 12 {
        days(year + 1, 1, 1)
    } else {
        days(year, month + 1, 1)
    };
    let first = days(year, month, 1);
    let day = (first + i64::from(day) - 1).min(next - 1);
    day.checked_mul(DAY)?.checked_add(nanos.rem_euclid(DAY))
}

fn rounded(nanos: i64, unit: char, is_up: bool) -> Option<i64> {
    let (first, next) = match unit {
        'w' => {
            // 1970-01-01 was a Thursday; weeks begin on Monday.
            let day = nanos.div_euclid(DAY);
            let monday = day - (day + 3).rem_euclid(7);
            (monday.checked_mul(DAY)?, (monday + 7).checked_mul(DAY)?)
        }
        'M' | 'y' => {
            let (year, month, _) = civil(nanos.div_euclid(DAY));
            let month = if unit == 'y' { 1 } else { month };
            let first = days(year, month, 1).checked_mul(DAY)?;
            (first, moved(first, 1, unit)?)
        }
        unit => {
            let length = length(unit)?;
            let first = nanos.div_euclid(length).checked_mul(length)?;
            (first, first.checked_add(length)?)
        }
    };
    Some(if is_up { next - 1 } else { first })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_of_now_is_one_of_moments_then() {
        let now: Timestamp = "2026-03-31T10:20:30.5Z".parse().unwrap();
        let check = |text: &str, expected: &str| {
            let [query, expected] = [text, expected].map(|text| Query::parse(text).unwrap());
            assert_eq!(query.at(now).plan(), expected.plan(), "{text}");
        };
        check("@timestamp:>=now-1h/h", "@timestamp:>=2026-03-31T09:00:00Z");
        check(
            "NOT timestamp:[now/d TO now]",
            "NOT @timestamp:[2026-03-31 TO 2026-03-31T10:20:30.5Z]",
        );
        check("@timestamp:<=now/d", "@timestamp:<=2026-03-31");
        check("@timestamp:>now/d", "@timestamp:>2026-03-31");
        check("message:now", "message:now");
    }

    #[test]
    fn arithmetic_of_dates_is_elasticsearchs() {
        let now: Timestamp = "2026-03-31T10:20:30.5Z".parse().unwrap();
        let check = |text: &str, expected: Option<&str>| {
            let found = math(text, now, false).map(|time| time.to_string());
            let expected = expected.map(|time| time.parse::<Timestamp>().unwrap().to_string());
            assert_eq!(found, expected, "{text}");
        };
        check("now", Some("2026-03-31T10:20:30.5Z"));
        check("now-15m", Some("2026-03-31T10:05:30.5Z"));
        check("now-1h/h", Some("2026-03-31T09:00:00Z"));
        check("now/d", Some("2026-03-31T00:00:00Z"));
        check("now/w", Some("2026-03-30T00:00:00Z"));
        check("now-1M", Some("2026-02-28T10:20:30.5Z"));
        check("now-1y/M", Some("2025-03-01T00:00:00Z"));
        check("2026-01-02||+1d", Some("2026-01-03T00:00:00Z"));
        check("now-", None);
        check("now*2", None);
        check("now-9999999999999999999d", None);
        check("2026-01-02", None);
        let up = math("now/d", now, true).unwrap();
        assert_eq!(up.nanos() % DAY, DAY - 1);
    }
}
