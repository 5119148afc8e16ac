//! Moments as people ask for them: RFC 3339, EVE's form, or so long before now.

use std::time::Duration;

use event::Timestamp;

use crate::api::problem::Problem;

/// The longest time before now: a century. Beyond it a number is a slip.
const MAX_SECS: u64 = 100 * 365 * 86_400;

/// What `text` means at `now`: a moment, `now`, or `15m`, `1h`, `7d`, `2w` before it.
///
/// # Errors
/// It means none of these.
pub fn moment(name: &str, text: &str, now: Timestamp) -> Result<Timestamp, Problem> {
    // A `+` of an offset that a client forgot to encode arrives as a space.
    let restored = text.replace(' ', "+");
    let wanted = restored.trim_matches('+');
    if wanted == "now" {
        return Ok(now);
    }
    if let Ok(moment) = restored.parse() {
        return Ok(moment);
    }
    span(wanted).map(|before| now - before).ok_or_else(|| {
        let forms = "RFC 3339 (2026-01-02T03:04:05Z) or a time before now (15m, 1h, 7d)";
        Problem::bad(format!("{name}: {text:?} is no moment: {forms}"))
    })
}

/// The same of what may be missing.
///
/// # Errors
/// It is there and means nothing.
pub fn optional(
    name: &str,
    text: Option<&str>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Problem> {
    text.filter(|text| !text.is_empty())
        .map(|text| moment(name, text, now))
        .transpose()
}

/// The same of a moment to come: `7d` is so long after `now`.
///
/// # Errors
/// It means nothing, or is past.
pub fn later(name: &str, text: &str, now: Timestamp) -> Result<Timestamp, Problem> {
    let text = text.replace(' ', "+");
    let found = match span(text.trim_matches('+')) {
        Some(after) => Some(now + after),
        None => text.parse().ok(),
    };
    match found {
        Some(moment) if moment > now => Ok(moment),
        Some(_) => Err(Problem::unprocessable(format!("{name}: {text:?} is past"))),
        None => Err(Problem::unprocessable(format!(
            "{name}: {text:?} is no moment: RFC 3339, or a time from now on (2h, 7d)"
        ))),
    }
}

/// A number and its unit.
fn span(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let secs = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    let secs = number.parse::<u64>().ok()?.checked_mul(secs)?;
    (secs <= MAX_SECS).then(|| Duration::from_secs(secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_or_a_time_before_now() {
        let now = Timestamp::new(1_000_000, 0);
        let check = |text: &str, expected: Option<i64>| {
            let read = moment("since", text, now).ok().map(Timestamp::secs);
            assert_eq!(read, expected, "{text}");
        };
        check("now", Some(1_000_000));
        check("1h", Some(996_400));
        check("7d", Some(395_200));
        check("0s", Some(1_000_000));
        check("1970-01-01T00:00:10Z", Some(10));
        check("1970-01-01T00:00:10.000000+0000", Some(10));
        check("1970-01-01T00:00:10.000000 0000", Some(10));
        check("1970-01-01T02:00:10+02:00", Some(10));
        check("", None);
        check("h", None);
        check("1y", None);
        check("-1h", None);
        check("99999999999999999999d", None);
        check("9999999w", None);
        check("yesterday", None);
    }
}
