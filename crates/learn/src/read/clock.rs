//! Moments as flow files write them.

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Microseconds since 1970, in UTC where no zone is told: `2011/08/10 09:46:53.047277`,
/// `03/07/2017 08:55:58 AM`, or seconds (1421927414, 1525879831.015811), milliseconds or microseconds.
///
/// The day comes before the month, as CICFlowMeter has it, unless `is_month_first`.
pub(super) fn microseconds(cell: &str, is_month_first: bool) -> Option<i64> {
    if let Ok(number) = cell.parse::<f64>() {
        return of_number(number);
    }
    let (date, time) = cell.split_once([' ', 'T']).unwrap_or((cell, "0:0"));
    let mut parts = date.split(['/', '-']).map(|part| part.parse::<i64>().ok());
    let mut part = || parts.next().flatten();
    let (year, month, day) = match (part()?, part()?, part()?) {
        (year, month, day) if year > 31 => (year, month, day),
        (month, day, year) if is_month_first => (year, month, day),
        (day, month, year) => (year, month, day),
    };
    let is_date =
        (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    is_date.then_some(())?;
    Some(days(year, month, day) * DAY * 1_000_000 + of_day(time)?)
}

/// Numbers of this size are seconds, milliseconds or microseconds of a time between 1973 and 5138.
#[allow(clippy::cast_possible_truncation)]
fn of_number(number: f64) -> Option<i64> {
    let scale = match number {
        n if !(0.0..1e17).contains(&n) => return None,
        n if n < 1e11 => 1e6,
        n if n < 1e14 => 1e3,
        _ => 1.0,
    };
    Some((number * scale).round() as i64)
}

#[allow(clippy::cast_possible_truncation)]
fn of_day(text: &str) -> Option<i64> {
    let text = text.trim().trim_end_matches('Z');
    let (time, half) = match text.split_once(' ') {
        Some((time, half)) => (time, Some(half.trim())),
        None => (text, None),
    };
    let mut parts = time.split(':');
    let mut hour: i64 = parts.next()?.parse().ok()?;
    let minute: i64 = parts.next()?.parse().ok()?;
    let second: f64 = parts.next().unwrap_or("0").parse().ok()?;
    match half {
        Some("AM" | "am") => hour %= 12,
        Some("PM" | "pm") => hour = hour % 12 + 12,
        Some(_) | None => {}
    }
    let is_time =
        (0..=24).contains(&hour) && (0..60).contains(&minute) && (0.0..62.0).contains(&second);
    is_time.then(|| (hour * 3600 + minute * 60) * 1_000_000 + (second * 1e6).round() as i64)
}

/// Days since 1970 of a Gregorian date (E. G. Richards, "Mapping Time", 1998, algorithm E, shifted).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_the_datasets_write_them() {
        for (cell, seconds) in [
            ("1970-01-01 00:00:00", 0.0),
            ("2011/08/10 09:46:53.047277", 1_312_969_613.047_277),
            ("03/07/2017 08:55:58", 1_499_072_158.0),
            ("7/7/2017 3:30", 1_499_398_200.0),
            ("28/02/2025 11:59:59 PM", 1_740_787_199.0),
            ("2025-02-28T23:59:59.000123Z", 1_740_787_199.000_123),
            ("1421927414", 1_421_927_414.0),
            ("1525879831.015811", 1_525_879_831.015_811),
            ("1525879831015", 1_525_879_831.015),
        ] {
            let expected = (seconds * 1e6_f64).round() as i64;
            assert_eq!(microseconds(cell, false), Some(expected), "{cell}");
        }
        let american = microseconds("07/03/2017 08:55:58", true);
        assert_eq!(american, Some(1_499_072_158_000_000));
        for cell in ["", "yesterday", "31/31/2017 0:0", "1/1/2017 99:00", "-5"] {
            assert_eq!(microseconds(cell, false), None, "{cell}");
        }
    }
}
