//! Spans of time as people write them: `30s`, `5m`, `1h30m`, `2d`.

/// The longest span, seconds: what an action may last.
const MAX_SECS: u64 = console::api::orders::MAX_TTL_SECS;

/// Seconds of a span: numbers with a unit (s, m, h, d, w) one behind the other.
///
/// # Errors
/// What is wrong with it, for the command line.
pub fn parse(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no span of time; write 30s, 5m, 1h30m or 2d");
    let (mut secs, mut number) = (0u64, None);
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            let so_far: u64 = number.unwrap_or(0);
            let grown = so_far
                .checked_mul(10)
                .and_then(|n| n.checked_add(u64::from(digit)));
            number = Some(grown.ok_or_else(wrong)?);
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return Err(wrong()),
        };
        let part = number.take().ok_or_else(wrong)?.checked_mul(unit);
        secs = part
            .and_then(|part| secs.checked_add(part))
            .ok_or_else(wrong)?;
    }
    if number.is_some() || text.is_empty() {
        return Err(wrong());
    }
    if !(1..=MAX_SECS).contains(&secs) {
        return Err(format!(
            "{text} is not between 1s and {}d",
            MAX_SECS / 86_400
        ));
    }
    Ok(secs)
}

/// The two greatest units that a span has: `2d3h`, `5m`, `0s`.
#[must_use]
pub fn write(secs: u64) -> String {
    const UNITS: [(u64, char); 4] = [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')];
    let mut rest = secs;
    let mut parts = Vec::new();
    for (unit, name) in UNITS {
        if rest >= unit {
            parts.push(format!("{}{name}", rest / unit));
            rest %= unit;
        } else if !parts.is_empty() {
            // Nothing of the unit below: what comes after it is too fine to tell.
            break;
        }
    }
    parts.truncate(2);
    if parts.is_empty() {
        return "0s".to_owned();
    }
    parts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_spans_of_every_unit() {
        for (text, expected) in [
            ("30s", 30),
            ("5m", 300),
            ("1h", 3600),
            ("2d", 172_800),
            ("1h30m", 5400),
            ("1w", 604_800),
            ("365d", 31_536_000),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "5",
            "m",
            "1h5",
            "-1s",
            "1.5h",
            "0s",
            "366d",
            "99999999999999999999s",
            "1y",
            "1 h",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn writes_the_two_greatest_units() {
        for (secs, expected) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (61, "1m1s"),
            (3601, "1h"),
            (5400, "1h30m"),
            (90_061, "1d1h"),
        ] {
            assert_eq!(write(secs), expected);
        }
    }
}
