//! Rows of features as CSV and as JSON, one flow a line.

use crate::columns::{self, Value};
use crate::definition::Definition;
use crate::flow::Flow;
use std::io::Write as _;

/// The line of names that a CSV begins with.
#[must_use]
pub fn csv_head(definition: Definition, has_more: bool) -> String {
    let mut line = columns::names(definition, has_more).join(",");
    line.push('\n');
    line
}

/// Adds a flow's line. No value has a comma or a quotation mark, so none is quoted.
pub fn csv(flow: &Flow, out: &mut Vec<u8>) {
    let start = out.len();
    flow.columns(&mut |_, value| {
        if out.len() > start {
            out.push(b',');
        }
        // Writing to memory does not fail.
        let _ = match value {
            Value::Text(text) => write!(out, "{text}"),
            Value::Address(address) => write!(out, "{address}"),
            Value::Whole(number) => {
                whole(number, out);
                Ok(())
            }
            Value::Real(number) => real(number, out),
        };
    });
    out.push(b'\n');
}

/// The largest whole number below which a real one is told from its neighbours, 2^53.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Most columns of most flows are 0 or another small whole number, and formatting is most of the time a flow takes.
fn whole(number: i64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        #[allow(clippy::cast_possible_truncation)]
        let digit = (rest % 10) as u8;
        digits[at] = b'0' + digit;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Writes `"features": {…}`: all columns but who talked when. What is 0, empty or no number is left out: it is
/// most of them.
pub fn record(flow: &Flow, out: &mut event::json::Writer) {
    out.object("features");
    flow.figures(&mut |name, value| match value {
        Value::Text(text) if text.is_empty() => {}
        Value::Text(text) => out.str(name, &text),
        Value::Address(address) => out.display(name, address),
        Value::Whole(0) => {}
        Value::Whole(number) => out.int(name, number),
        Value::Real(number) if number == 0.0 || !number.is_finite() => {}
        Value::Real(number) => out.float(name, number),
    });
    out.end();
}

/// As Java writes it, where it is no number.
fn real(number: f64, out: &mut Vec<u8>) -> std::io::Result<()> {
    if number.is_nan() {
        write!(out, "NaN")
    } else if number.is_infinite() {
        write!(out, "{}Infinity", if number < 0.0 { "-" } else { "" })
    } else if number.fract() == 0.0 && number.abs() < MAX_EXACT && !is_negative_zero(number) {
        #[allow(clippy::cast_possible_truncation)]
        whole(number as i64, out);
        Ok(())
    } else {
        write!(out, "{number}")
    }
}

fn is_negative_zero(number: f64) -> bool {
    number == 0.0 && number.is_sign_negative()
}

/// Adds a flow's object. What is no number is null, as JSON has no other word for it (RFC 8259
/// section 6).
pub fn json(flow: &Flow, out: &mut Vec<u8>) {
    out.push(b'{');
    let mut is_first = true;
    flow.columns(&mut |name, value| {
        if !is_first {
            out.push(b',');
        }
        is_first = false;
        // Names and texts are ours and have nothing to escape.
        let _ = write!(out, "\"{name}\":");
        let _ = match value {
            Value::Text(text) => write!(out, "\"{text}\""),
            Value::Address(address) => write!(out, "\"{address}\""),
            Value::Whole(number) => write!(out, "{number}"),
            Value::Real(number) if number.is_finite() => write!(out, "{number}"),
            Value::Real(_) => write!(out, "null"),
        };
    });
    out.extend_from_slice(b"}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_standard_library_writes_them() {
        for number in [0, 1, -1, 9, 10, 1_000_000_007, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            whole(number, &mut out);
            assert_eq!(out, number.to_string().as_bytes());
        }
        let reals = [
            0.0, -0.0, 1.0, -7.0, 0.1, 1e15, 9e15, 1e16, 1e300, 5e-324, -2.5,
        ];
        for number in reals {
            let mut out = Vec::new();
            real(number, &mut out).unwrap();
            assert_eq!(out, number.to_string().as_bytes());
        }
    }
}
