//! Spans of time as people write them: `90s`, `10m`, `1h30m`, `7d`.

use std::time::Duration;

/// Reads a span; None where it is none, or longer than a thousand years.
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    const LONGEST: u64 = 1000 * 366 * 86_400;
    let mut rest = text.trim();
    let mut secs = 0_u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(end);
        let number: u64 = number.parse().ok()?;
        let unit = tail.chars().next().unwrap_or('s');
        let each = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return None,
        };
        secs = secs.checked_add(number.checked_mul(each)?)?;
        rest = tail.get(1..).unwrap_or_default();
    }
    (secs <= LONGEST).then(|| Duration::from_secs(secs))
}

/// For `serde(with)`: a span that may be absent; a plain number is of seconds.
pub mod optional {
    use super::Duration;
    use serde::{Deserialize, Deserializer, de};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Text {
        Secs(u64),
        Words(String),
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        let words = match Option::<Text>::deserialize(from)? {
            None => return Ok(None),
            Some(Text::Secs(secs)) => format!("{secs}s"),
            Some(Text::Words(words)) => words,
        };
        let span = super::parse(&words);
        span.map(Some)
            .ok_or_else(|| de::Error::custom(format!("{words:?} is no span such as 90s, 10m, 1h")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_spans() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(parse(text).map(|span| span.as_secs()), expected, "{text}");
        };
        check("90s", Some(90));
        check("90", Some(90));
        check("10m", Some(600));
        check("1h30m", Some(5400));
        check("7d", Some(604_800));
        check("2w", Some(1_209_600));
        check("", None);
        check("h", None);
        check("1y", None);
        check("99999999999999999999s", None);
        check("999999999999d", None);
        check("1é", None);
    }
}
