//! Text for people: aligned columns, and moments in local time.

use event::Timestamp;

/// The widest a column gets, characters: beyond it a row would wrap on any terminal.
const MAX_WIDTH: usize = 60;

/// Rows under a heading, each column as wide as its widest cell. The last column is never cut.
#[must_use]
pub fn write(heading: &[&str], rows: &[Vec<String>]) -> String {
    let heading: Vec<String> = heading.iter().map(|cell| (*cell).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(&heading)
        .chain(rows)
        .map(|row| row.iter().map(|cell| visible(cell)).collect())
        .collect();
    let widths: Vec<usize> = (0..heading.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
            widest.min(MAX_WIDTH)
        })
        .collect();
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (place, (cell, width)) in row.iter().zip(&widths).enumerate() {
            if place + 1 == widths.len() {
                line.push_str(cell);
            } else {
                line.push_str(&format!("{:width$}  ", cut(cell, *width)));
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn cut(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    let mut short: String = cell.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Without characters that would act on a terminal: much of what is shown came from attackers.
#[must_use]
pub fn visible(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '.' } else { c };
    text.chars().map(shown).collect()
}

/// A moment in the time zone of this machine: `2026-01-02 04:04:05 CET`.
#[must_use]
pub fn local(moment: Timestamp) -> String {
    in_zone(moment, jiff::tz::TimeZone::system())
}

fn in_zone(moment: Timestamp, zone: jiff::tz::TimeZone) -> String {
    match jiff::Timestamp::from_second(moment.secs()) {
        Ok(moment) => moment
            .to_zoned(zone)
            .strftime("%Y-%m-%d %H:%M:%S %Z")
            .to_string(),
        // A moment beyond the calendar.
        Err(_) => moment.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let text = write(
            &["ID", "WHAT", "WHY"],
            &[
                row(["a1", "block 192.0.2.1", "scan"]),
                row(["a12", "x", "bell \u{7} and\nline"]),
            ],
        );
        let expected = "ID   WHAT             WHY\n\
                        a1   block 192.0.2.1  scan\n\
                        a12  x                bell . and.line\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_cell_too_wide_is_cut_but_for_the_last() {
        let text = write(&["A", "B"], &[vec!["x".repeat(99), "y".repeat(99)]]);
        let row = text.lines().nth(1).unwrap();
        assert_eq!(row.chars().count(), MAX_WIDTH + 2 + 99);
        assert!(row.contains("x…  y"));
    }

    #[test]
    fn moments_are_told_with_their_zone() {
        let moment = Timestamp::new(1_767_323_045, 678_901_000);
        assert_eq!(
            in_zone(moment, jiff::tz::TimeZone::UTC),
            "2026-01-02 03:04:05 UTC"
        );
        let fixed = jiff::tz::TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(in_zone(moment, fixed), "2026-01-02 05:04:05 +02");
    }
}
