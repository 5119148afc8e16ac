//! Numbers and comparisons as keywords write them.

use crate::rule::{Compare, FloatCompare};

/// A signed number, decimal or `0x` hexadecimal.
pub(crate) fn signed(text: &str) -> Option<i64> {
    let (text, is_negative) = match text.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (text.strip_prefix('+').unwrap_or(text), false),
    };
    let number = i64::try_from(unsigned(text)?).ok()?;
    Some(if is_negative { -number } else { number })
}

/// An unsigned number, decimal or `0x` hexadecimal.
pub(crate) fn unsigned(text: &str) -> Option<u64> {
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(hex, 16)
            .ok()
            .filter(|_| !hex.starts_with('+'));
    }
    text.parse().ok().filter(|_| !text.starts_with('+'))
}

/// A number of at most `max`.
pub(crate) fn upto(text: &str, max: u64, what: &str) -> Result<u64, String> {
    unsigned(text.trim())
        .filter(|&number| number <= max)
        .ok_or_else(|| format!("`{text}` is no {what}; write a number from 0 to {max}"))
}

/// A number with an optional unit: `10`, `5kb`, `1MiB`.
fn sized(text: &str) -> Option<u64> {
    let text = text.trim();
    if let Some(number) = unsigned(text) {
        return Some(number);
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text.get(digits.len()..)?.to_ascii_lowercase().as_str() {
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    unsigned(digits.trim())?.checked_mul(factor)
}

/// Reads a comparison with numbers up to `max`; refuses what is always or never true.
pub(crate) fn compare(text: &str, max: u64) -> Result<Compare, String> {
    let text = text.trim();
    let number = |text: &str| {
        sized(text).filter(|&n| n <= max).ok_or_else(|| {
            format!(
                "`{}` is no number from 0 to {max}; write 5, !5, <5, >=5, 5-9 or &0x0f=1",
                text.trim()
            )
        })
    };
    let useless = |holds: &str| {
        Err(format!(
            "`{text}` is {holds} true for a number from 0 to {max}; choose other bounds"
        ))
    };
    if let Some(rest) = text.strip_prefix('&') {
        let (mask, value, is_negated) = match (rest.split_once("!="), rest.split_once('=')) {
            (Some((mask, value)), _) => (mask, value, true),
            (None, Some((mask, value))) => (mask, value, false),
            (None, None) => (rest, rest, false),
        };
        return Ok(Compare::Masked {
            mask: number(mask)?,
            value: number(value)?,
            is_negated,
        });
    }
    if let Some(rest) = text.strip_prefix(">=") {
        return match number(rest)? {
            0 => useless("always"),
            n => Ok(Compare::GreaterOrEqual(n)),
        };
    }
    if let Some(rest) = text.strip_prefix("<=") {
        let n = number(rest)?;
        return if n == max {
            useless("always")
        } else {
            Ok(Compare::LessOrEqual(n))
        };
    }
    if let Some(rest) = text.strip_prefix('>') {
        let n = number(rest)?;
        return if n == max {
            useless("never")
        } else {
            Ok(Compare::Greater(n))
        };
    }
    if let Some(rest) = text.strip_prefix("<") {
        return match number(rest)? {
            0 => useless("never"),
            n => Ok(Compare::Less(n)),
        };
    }
    let (rest, is_negated) = match text.strip_prefix('!') {
        Some(rest) => (rest.strip_prefix('=').unwrap_or(rest), true),
        None => (text.strip_prefix('=').unwrap_or(text), false),
    };
    if let Some((low, high)) = rest.split_once("<>").or_else(|| rest.split_once('-')) {
        let (low, high) = (number(low)?, number(high)?);
        if high <= low || high - low < 2 {
            return Err(format!(
                "nothing lies strictly between {low} and {high}; write the bounds as low<>high, both excluded"
            ));
        }
        return Ok(if is_negated {
            Compare::Outside(low, high)
        } else {
            Compare::Between(low, high)
        });
    }
    let n = number(rest)?;
    Ok(if is_negated {
        Compare::NotEqual(n)
    } else {
        Compare::Equal(n)
    })
}

/// Reads a comparison whose range includes its ends, as the ICMP keywords have it.
pub(crate) fn compare_inclusive(text: &str, max: u64) -> Result<Compare, String> {
    let bounds = text
        .split_once("<>")
        .or_else(|| text.split_once('-').filter(|(low, _)| !low.is_empty()));
    if let Some((low, high)) = bounds {
        let (low, high) = (
            upto(low, max, "lower bound")?,
            upto(high, max, "upper bound")?,
        );
        if low >= high {
            return Err(format!(
                "range `{text}` ends before it begins; write low<>high"
            ));
        }
        return Ok(match (low.checked_sub(1), high) {
            (None, high) => Compare::LessOrEqual(high),
            (Some(below), high) => Compare::Between(below, high.saturating_add(1)),
        });
    }
    compare(text, max)
}

/// Reads a comparison of fractions for `entropy`.
pub(crate) fn compare_float(text: &str) -> Result<FloatCompare, String> {
    let text = text.trim();
    let number = |text: &str| {
        text.trim()
            .parse::<f64>()
            .ok()
            .filter(|n| n.is_finite())
            .ok_or_else(|| format!("`{text}` is no number"))
    };
    type Make = fn(f64) -> FloatCompare;
    let operators: [(&str, Make); 6] = [
        (">=", FloatCompare::GreaterOrEqual),
        ("<=", FloatCompare::LessOrEqual),
        ("!=", FloatCompare::NotEqual),
        (">", FloatCompare::Greater),
        ("<", FloatCompare::Less),
        ("!", FloatCompare::NotEqual),
    ];
    for (prefix, make) in operators {
        // `!4-5` is a range.
        let is_range = prefix == "!" && text.contains('-');
        if let Some(rest) = text.strip_prefix(prefix).filter(|_| !is_range) {
            return Ok(make(number(rest)?));
        }
    }
    let text = text.strip_prefix('=').unwrap_or(text);
    if let Some((low, high)) = text.strip_prefix('!').and_then(|rest| rest.split_once('-')) {
        return Ok(FloatCompare::Outside(number(low)?, number(high)?));
    }
    match text.split_once("<>").or_else(|| text.split_once('-')) {
        Some((low, high)) => Ok(FloatCompare::Between(number(low)?, number(high)?)),
        None => Ok(FloatCompare::Equal(number(text)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<Compare>) {
        assert_eq!(compare(text, 255).ok(), expected, "{text}");
    }

    #[test]
    fn reads_every_comparison_and_refuses_the_useless() {
        check("5", Some(Compare::Equal(5)));
        check(" = 5", Some(Compare::Equal(5)));
        check("!5", Some(Compare::NotEqual(5)));
        check("< 5", Some(Compare::Less(5)));
        check(">=5", Some(Compare::GreaterOrEqual(5)));
        check("5<>9", Some(Compare::Between(5, 9)));
        check("5-9", Some(Compare::Between(5, 9)));
        check("!5-9", Some(Compare::Outside(5, 9)));
        check("0x0a", Some(Compare::Equal(10)));
        check(
            "&0x0f=1",
            Some(Compare::Masked {
                mask: 15,
                value: 1,
                is_negated: false,
            }),
        );
        check("5<>6", None);
        check("<0", None);
        check(">255", None);
        check("256", None);
        check("", None);
        check("five", None);
    }

    #[test]
    fn units_multiply() {
        assert_eq!(compare(">1kb", u64::MAX), Ok(Compare::Greater(1024)));
    }
}
