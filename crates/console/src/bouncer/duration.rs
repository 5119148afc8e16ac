//! Durations as Go's `time.Duration` writes them: bouncers read nothing else.

use std::fmt::Write as _;

const SECOND: u128 = 1_000_000_000;

/// `3h59m57.1s`, `-12s`, `250ms`, `0s`: the text of Go's `Duration.String` for so many nanoseconds.
#[must_use]
pub fn go(nanos: i128) -> String {
    let mut out = String::new();
    if nanos < 0 {
        out.push('-');
    }
    let nanos = nanos.unsigned_abs();
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < SECOND {
        let (unit, name) = match nanos {
            1_000_000.. => (1_000_000, "ms"),
            1_000.. => (1_000, "µs"),
            _ => (1, "ns"),
        };
        decimal(&mut out, nanos, unit);
        out.push_str(name);
        return out;
    }
    let secs = nanos / SECOND;
    // Writing to a String cannot fail.
    if secs >= 3600 {
        let _ = write!(out, "{}h", secs / 3600);
    }
    if secs >= 60 {
        let _ = write!(out, "{}m", secs / 60 % 60);
    }
    decimal(&mut out, nanos % (60 * SECOND), SECOND);
    out.push('s');
    out
}

/// `value / unit` without closing zeros; `unit` is a power of ten.
fn decimal(out: &mut String, value: u128, unit: u128) {
    let _ = write!(out, "{}", value / unit);
    let rest = value % unit;
    if rest > 0 {
        let digits = unit.ilog10() as usize;
        let rest = format!("{rest:0digits$}");
        let _ = write!(out, ".{}", rest.trim_end_matches('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_go_writes() {
        for (nanos, expected) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (3_300_000_000, "3.3s"),
            (245_000_000_000, "4m5s"),
            (245_001_000_000, "4m5.001s"),
            (18_367_001_000_000, "5h6m7.001s"),
            (480_000_000_001, "8m0.000000001s"),
            (14_397_100_000_000, "3h59m57.1s"),
            (3_600_000_000_000, "1h0m0s"),
            (360_000_000_000_000, "100h0m0s"),
            (-14_397_100_000_000, "-3h59m57.1s"),
            (i128::from(i64::MIN), "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(go(nanos), expected);
        }
    }
}
