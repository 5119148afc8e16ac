//! What a text may take: a database that anybody can fill is a way to stop Ratel.

use crate::Error;

/// Characters of a name.
pub const NAME: usize = 64;
/// Characters of a reason, or of another sentence.
pub const REASON: usize = 1_024;
/// Characters of a search.
pub const QUERY: usize = 8_192;
/// Characters of a note: a page or two of text.
pub const NOTE: usize = 16_384;
/// Notes of one incident.
pub const NOTES: i64 = 1_000;
/// Characters of an incident: `alert` bounds its lists far below.
pub const INCIDENT: usize = 1 << 20;
/// Characters of a value of `kv`.
pub const VALUE: usize = 1 << 20;
/// Rows that a table of people's own things may have (silences in force, saved queries, tokens, overlays, users).
pub const ROWS: i64 = 10_000;
/// Sessions of one user at once; the oldest goes when there is one more.
pub const SESSIONS: i64 = 50;

/// Refuses a text that is empty, too long or has bytes that PostgreSQL does not take.
pub(crate) fn text(what: &str, text: &str, most: usize) -> Result<(), Error> {
    if text.trim().is_empty() {
        return Err(Error::Refused(format!("{what} is missing")));
    }
    may_be_empty(what, text, most)
}

/// The same where nothing is fine too.
pub(crate) fn may_be_empty(what: &str, text: &str, most: usize) -> Result<(), Error> {
    // As JSON Schema counts, so that the API's description says the same; bytes first, they are there already.
    if text.len() > most {
        let count = text.chars().count();
        if count > most {
            return Err(Error::Refused(format!(
                "{what} is too long: {count} characters, at most {most}"
            )));
        }
    }
    if text.contains('\0') {
        return Err(Error::Refused(format!("{what} has a zero byte in it")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_cannot_be_kept_is_refused_with_the_reason() {
        let check = |given: &str, expected: Option<&str>| {
            let told = text("the reason", given, 5).err().map(|e| e.to_string());
            assert_eq!(told.as_deref(), expected);
        };
        check("fine", None);
        check("größe", None);
        check(" ", Some("the reason is missing"));
        check(
            "too long",
            Some("the reason is too long: 8 characters, at most 5"),
        );
        check("a\0b", Some("the reason has a zero byte in it"));
    }
}
