//! Comma-separated values (RFC 4180): one column holds the entries, by number or by name.

use super::config::{Column, Feed};
use super::read::{ReadError, Reading, quote};

/// Columns of a line that are looked at.
const MAX_COLUMNS: usize = 1000;

/// Reads a CSV file. Lines that begin with `#` are comments; the last of them may be the heading, as
/// some feeds have it.
pub fn read(feed: &Feed, text: &str) -> Result<Reading, ReadError> {
    let delimiter = feed.delimiter;
    let mut place = match &feed.column {
        Some(Column::Number(number)) => Some(number.saturating_sub(1)),
        Some(Column::Name(_)) | None => None,
    };
    let named = |cells: &[String]| {
        let Some(Column::Name(name)) = &feed.column else {
            return None;
        };
        let same = |cell: &String| cell.trim().eq_ignore_ascii_case(name.trim());
        cells.iter().position(same)
    };
    let mut reading = Reading::default();
    let mut records = Records {
        rest: text,
        line: 1,
        delimiter,
    };
    while let Some((line, cells)) = records.next() {
        let is_comment = cells.first().is_some_and(|cell| cell.starts_with('#'));
        if is_comment || cells.iter().all(|cell| cell.trim().is_empty()) {
            // "# first_seen,ip,port": a heading in a comment.
            if place.is_none() {
                let bare: Vec<String> = cells
                    .iter()
                    .map(|cell| cell.trim_start_matches('#').to_owned())
                    .collect();
                place = named(&bare);
            }
            continue;
        }
        let Some(column) = place else {
            place = Some(named(&cells).ok_or_else(|| {
                let heading = quote(&cells.join(&delimiter.to_string()));
                ReadError::Shape(format!(
                    "line {line}: no column {:?} in {heading}",
                    name(feed)
                ))
            })?);
            continue;
        };
        let place = || format!("line {line}");
        match cells.get(column).map(|cell| cell.trim()) {
            None => reading.refuse(place, format!("it has no column {}", column + 1)),
            Some("") => reading.passed_over += 1,
            Some(cell) => reading.take(feed, place, cell),
        }
        reading.bounded(feed)?;
    }
    reading.judged(feed)
}

fn name(feed: &Feed) -> String {
    match &feed.column {
        Some(Column::Name(name)) => name.clone(),
        Some(Column::Number(number)) => number.to_string(),
        None => String::new(),
    }
}

/// The records of a text, each with the line on which it begins.
struct Records<'a> {
    rest: &'a str,
    line: usize,
    delimiter: char,
}

impl Records<'_> {
    fn next(&mut self) -> Option<(usize, Vec<String>)> {
        if self.rest.is_empty() {
            return None;
        }
        let begins = self.line;
        let mut cells = vec![String::new()];
        let mut quoted = false;
        let mut chars = self.rest.char_indices().peekable();
        let mut end = self.rest.len();
        // A comment is no CSV: a quote in it opens nothing.
        let is_comment = self.rest.starts_with('#');
        while let Some((at, c)) = chars.next() {
            let cell = cells.last_mut()?;
            match c {
                '"' if quoted => {
                    if chars.next_if(|(_, next)| *next == '"').is_some() {
                        cell.push('"');
                    } else {
                        quoted = false;
                    }
                }
                '"' if cell.trim().is_empty() && !is_comment => {
                    cell.clear();
                    quoted = true;
                }
                '\n' => {
                    self.line += 1;
                    if !quoted {
                        end = at + 1;
                        break;
                    }
                    cell.push(c);
                }
                c if c == self.delimiter && !quoted => {
                    if cells.len() < MAX_COLUMNS {
                        cells.push(String::new());
                    }
                }
                c => cell.push(c),
            }
        }
        self.rest = self.rest.get(end..).unwrap_or_default();
        Some((begins, cells))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feeds::config::Format;

    fn check(column: Column, delimiter: char, text: &str, expected: Result<&str, &str>) {
        let feed = Feed {
            format: Format::Csv,
            column: Some(column),
            delimiter,
            ..Feed::default()
        };
        let told = read(&feed, text).map(|reading| {
            let entries = reading.entries.iter().map(|e| e.prefix.to_string());
            let refused = reading.refused.iter().map(ToString::to_string);
            entries.chain(refused).collect::<Vec<_>>().join(" | ")
        });
        let told = told.map_err(|error| error.to_string());
        assert_eq!(told.as_deref().map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn a_column_is_found_by_name_or_number() {
        let named = || Column::Name("dst_ip".into());
        check(
            named(),
            ',',
            "first,dst_ip,port\n2026,192.0.2.1,443\n2026,192.0.2.2,80\n",
            Ok("192.0.2.1 | 192.0.2.2"),
        );
        check(
            named(),
            ',',
            "# made by \"x\n# first_seen,DST_IP,port\n\"2026\",\"192.0.2.1\",443\n",
            Ok("192.0.2.1"),
        );
        check(
            Column::Number(2),
            ';',
            "a;192.0.2.1\r\n#x\r\n\r\nb; 192.0.2.0/24 \r\n",
            Ok("192.0.2.1 | 192.0.2.0/24"),
        );
        check(
            named(),
            ',',
            "ip,port\n192.0.2.1,1\n",
            Err("line 1: no column \"dst_ip\" in \"ip,port\""),
        );
    }

    #[test]
    fn quotes_hold_delimiters_quotes_and_lines() {
        check(
            Column::Number(3),
            ',',
            "\"a,b\",\"say \"\"x\"\"\nand more\",192.0.2.1\nx,y,\"192.0.2.2\"\nx,y,\"192.0.2.3\"\nx\n",
            Ok("192.0.2.1 | 192.0.2.2 | 192.0.2.3 | line 5: it has no column 3"),
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z\",;\n#0-9.]*") {
            let feed = Feed { column: Some(Column::Number(1)), ..Feed::default() };
            let _ = read(&feed, &text);
        }
    }
}
