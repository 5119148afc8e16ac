//! Lists come in pages; a cursor says where the next one begins.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::problem::Problem;

/// Things on a page unless asked otherwise.
pub const PAGE: usize = 100;

/// Things on a page at most: what one answer may cost in memory.
pub const MAX_PAGE: usize = 1000;

/// The longest text that is looked for in a list, characters.
const MAX_WORDS: usize = 256;

/// The longest cursor, bytes: a time and a name.
const MAX_CURSOR: usize = 512;

/// How many things a page is to have.
///
/// # Errors
/// None, or more than a page has.
pub fn limit(asked: Option<u32>) -> Result<usize, Problem> {
    let asked = asked.map_or(PAGE, |asked| asked as usize);
    if (1..=MAX_PAGE).contains(&asked) {
        Ok(asked)
    } else {
        Err(Problem::bad(format!("limit: 1 to {MAX_PAGE}, not {asked}")))
    }
}

/// The page of a list in the state.
///
/// # Errors
/// None, or more than a page has.
pub fn of_state(limit: Option<u32>, cursor: Option<String>) -> Result<state::Paging, Problem> {
    let limit = self::limit(limit)?;
    Ok(state::Paging { limit, cursor })
}

/// Words that a person looks for.
///
/// # Errors
/// More than anybody types.
pub fn words(asked: Option<String>) -> Result<String, Problem> {
    let text = asked.unwrap_or_default();
    if text.chars().count() > MAX_WORDS {
        return Err(Problem::bad(format!("q: {MAX_WORDS} characters at most")));
    }
    Ok(text)
}

/// Writes a place as a text that means nothing to clients.
pub fn write(place: &impl Serialize) -> String {
    // Places are numbers and texts: writing them can't fail.
    let bytes = serde_json::to_vec(place).unwrap_or_default();
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The place that a cursor names; None where the first page is asked for.
///
/// # Errors
/// It came from no listing of this kind.
pub fn read<T: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<T>, Problem> {
    let Some(text) = cursor.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let place = (text.len() <= MAX_CURSOR)
        .then(|| BASE64_URL_SAFE_NO_PAD.decode(text).ok())
        .flatten()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    place
        .map(Some)
        .ok_or_else(|| Problem::bad("cursor: it came from no listing of this kind"))
}

/// One page of what is all in memory, in order: what comes behind `from` items, and where it goes on.
pub fn slice<T>(
    all: impl Iterator<Item = T>,
    from: usize,
    limit: usize,
) -> (Vec<T>, Option<String>) {
    let mut rest = all.skip(from);
    let items: Vec<T> = rest.by_ref().take(limit).collect();
    let next = rest.next().map(|_| write(&(from + limit)));
    (items, next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_list_in_memory_is_read_page_by_page() {
        let (mut from, mut seen) = (0, Vec::new());
        loop {
            let (items, next) = slice(0..7, from, 3);
            seen.extend(items);
            match next {
                Some(next) => from = read(Some(&next)).unwrap().unwrap(),
                None => break,
            }
        }
        assert_eq!(seen, (0..7).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn any_text_is_a_cursor_or_refused(text in any::<String>(), at in any::<i64>(), id in any::<String>()) {
            let _ = read::<(i64, String)>(Some(&text));
            let written = write(&(at, id.clone()));
            if written.len() <= MAX_CURSOR {
                prop_assert_eq!(read::<(i64, String)>(Some(&written)).unwrap(), Some((at, id)));
            }
        }
    }
}
