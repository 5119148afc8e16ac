//! Rows of features as CSV and as JSON, one flow a line.

use crate::columns::{self, Value};
use crate::definition::Definition;
use crate::flow::Flow;
use std::io::Write as _;

/// The line of names that a CSV begins with.
#[must_use]
pub fn csv_head(definition: Definition) -> String {
    let mut line = columns::names(definition).join(",");
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
            Value::Whole(number) => write!(out, "{number}"),
            Value::Real(number) => real(number, out),
        };
    });
    out.push(b'\n');
}

/// As Java writes it, where it is no number.
fn real(number: f64, out: &mut Vec<u8>) -> std::io::Result<()> {
    if number.is_nan() {
        write!(out, "NaN")
    } else if number.is_infinite() {
        write!(out, "{}Infinity", if number < 0.0 { "-" } else { "" })
    } else {
        write!(out, "{number}")
    }
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
