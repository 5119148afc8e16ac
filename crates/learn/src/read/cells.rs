//! A line's cells, and what a cell says.

/// What stands between cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    /// A character; cells may be quoted.
    Character(char),
    /// Tabs, and three spaces where IoT-23 put its labels behind Zeek's line.
    Zeek,
}

impl Separator {
    /// The cells of a line, without the spaces and quotation marks around them.
    pub(super) fn cells<'a>(self, line: &'a str, into: &mut Vec<&'a str>) {
        into.clear();
        match self {
            Separator::Character(separator) => quoted(line, separator, into),
            Separator::Zeek => {
                let cells = line.split('\t').flat_map(|cell| cell.trim().split("   "));
                into.extend(cells.map(str::trim));
            }
        }
    }
}

/// A doubled quotation mark within quotation marks stays doubled: no feature has one.
fn quoted<'a>(line: &'a str, separator: char, into: &mut Vec<&'a str>) {
    let mut is_quoted = false;
    let ends = |c: char| match c {
        '"' => {
            is_quoted = !is_quoted;
            false
        }
        c => c == separator && !is_quoted,
    };
    into.extend(line.split(ends).map(bare));
}

/// A cell without spaces and quotation marks around it.
pub(super) fn bare(cell: &str) -> &str {
    let cell = cell.trim();
    let inner = |mark| cell.strip_prefix(mark)?.strip_suffix(mark);
    inner('"').or_else(|| inner('\'')).unwrap_or(cell).trim()
}

/// Nothing is said.
pub(super) fn is_missing(cell: &str) -> bool {
    matches!(cell, "" | "-" | "?" | "(empty)" | "null" | "NULL" | "None")
}

/// A number; NaN where it is missing, infinite or says that it is none; `None` where it is text.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
pub(super) fn number(cell: &str) -> Option<f32> {
    if is_missing(cell) {
        return Some(f32::NAN);
    }
    let exact = match cell.parse::<f64>() {
        Ok(number) => number,
        Err(_) => match cell.to_ascii_lowercase().as_str() {
            "true" | "t" => 1.0,
            "false" | "f" => 0.0,
            other => u32::from_str_radix(other.strip_prefix("0x")?, 16)
                .ok()?
                .into(),
        },
    };
    let value = exact as f32;
    Some(if value.is_finite() { value } else { f32::NAN })
}

/// A port, written in decimal or, in UNSW-NB15 and CTU-13, now and then in hexadecimal digits.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(super) fn port(cell: &str) -> Option<u16> {
    let value = number(cell)?;
    (0.0..=65535.0).contains(&value).then_some(value as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(separator: Separator, line: &str, expected: &[&str]) {
        let mut cells = Vec::new();
        separator.cells(line, &mut cells);
        assert_eq!(cells, expected);
    }

    #[test]
    fn cells_are_parted_where_they_should() {
        let comma = Separator::Character(',');
        check(comma, "1, 2,,x", &["1", "2", "", "x"]);
        check(comma, "\"a, b\",' c '", &["a, b", "c"]);
        check(
            Separator::Zeek,
            "1.5\tCx\t(empty)   Malicious   C&C",
            &["1.5", "Cx", "(empty)", "Malicious", "C&C"],
        );
    }

    #[test]
    fn numbers_are_read_in_all_spellings() {
        for (cell, expected) in [
            ("1e3", 1000.0),
            ("-1", -1.0),
            ("0x000b", 11.0),
            ("TRUE", 1.0),
        ] {
            assert_eq!(number(cell), Some(expected), "{cell}");
        }
        for cell in ["Infinity", "-inf", "NaN", "", "-", "1e99"] {
            assert!(number(cell).is_some_and(f32::is_nan), "{cell}");
        }
        assert_eq!(number("Flow Duration"), None);
        assert_eq!(
            (port("443"), port("65536"), port("-1")),
            (Some(443), None, None)
        );
    }
}
