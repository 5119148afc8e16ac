//! Plain lists: an entry at the beginning of each line, comments behind `#`, `;` and `//`.

use super::config::Feed;
use super::read::{ReadError, Reading};

/// Reads a list.
pub fn read(feed: &Feed, text: &str) -> Result<Reading, ReadError> {
    let mut reading = Reading::default();
    for (at, line) in text.lines().enumerate() {
        let entry = entry(line);
        if !entry.is_empty() {
            reading.take(feed, || format!("line {}", at + 1), entry);
            reading.bounded(feed)?;
        }
    }
    reading.judged(feed)
}

/// What stands before a comment; of several words the first, unless they are a range.
fn entry(line: &str) -> &str {
    let line = line.split("//").next().unwrap_or_default();
    let line = line.split(['#', ';']).next().unwrap_or_default().trim();
    if line.contains('-') && super::read::prefixes(line).is_ok() {
        return line;
    }
    line.split([' ', '\t', ',']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let told = read(&Feed::default(), text).map(|reading| {
            let entries = reading.entries.iter().map(|e| e.prefix.to_string());
            let refused = reading.refused.iter().map(ToString::to_string);
            let passed = (reading.passed_over > 0).then(|| format!("+{}", reading.passed_over));
            let all: Vec<String> = entries.chain(refused).chain(passed).collect();
            all.join(" | ")
        });
        let told = told.map_err(|error| error.to_string());
        assert_eq!(told.as_deref().map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn reads_what_is_offered() {
        // Spamhaus, abuse.ch, blocklist.de, Emerging Threats, DShield, ipsum.
        check(
            "; Spamhaus DROP List\n192.0.2.0/24 ; SBL256894\n",
            Ok("192.0.2.0/24"),
        );
        check(
            "# x\r\n\r\n192.0.2.1\r\n2001:db8::1\r\n",
            Ok("192.0.2.1 | 2001:db8::1"),
        );
        check("192.0.2.1\t9\n192.0.2.2,x\n", Ok("192.0.2.1 | 192.0.2.2"));
        check(
            "192.0.2.0-192.0.2.7 # x\n192.0.2.8 - 192.0.2.9",
            Ok("192.0.2.0/29 | 192.0.2.8/31"),
        );
        check("# nobody today\n", Ok(""));
    }

    #[test]
    fn what_is_refused_is_told_with_its_line() {
        check(
            "192.0.2.1\n192.0.2.2\nexample.com\n2.0.0.0/7\n",
            Ok(
                "192.0.2.1 | 192.0.2.2 | line 3: \"example.com\" is no address, prefix or range | \
                line 4: 2.0.0.0/7 is too wide: at most /8 of IPv4 and /19 of IPv6",
            ),
        );
    }

    #[test]
    fn private_addresses_are_passed_over() {
        check(
            "10.0.0.0/8\n0.0.0.0/0\n224.0.0.0/3\n127.0.0.1\nfe80::1\n::/0\n192.0.2.1\n",
            Ok("192.0.2.1 | +6"),
        );
        let feed = Feed {
            private: true,
            ..Feed::default()
        };
        let reading = read(&feed, "10.1.0.0/16\n").unwrap();
        assert_eq!(reading.entries.len(), 1);
    }

    #[test]
    fn a_page_that_says_something_is_wrong_is_no_list() {
        check(
            "<!DOCTYPE html>\n<html>Rate limit exceeded</html>\n",
            Err(
                "of 2 entries 2 cannot be read; the first: line 1: \"<!DOCTYPE\" is no address, prefix or range",
            ),
        );
    }

    #[test]
    fn a_list_that_is_too_long_fails() {
        let feed = Feed {
            max_entries: 2,
            ..Feed::default()
        };
        let told = read(&feed, "192.0.2.1\n192.0.2.2\n192.0.2.3\n").unwrap_err();
        assert_eq!(told, ReadError::TooMany(2));
    }
}
