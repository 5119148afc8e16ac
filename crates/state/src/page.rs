//! Lists are read in pages: so many rows, and a cursor to where the next page begins.

use serde::{Deserialize, Serialize};

use crate::Error;

/// Rows of a page unless told otherwise.
pub const DEFAULT: usize = 100;
/// Rows of a page at most.
pub const MOST: usize = 1_000;
/// Bytes of a cursor: a number and a name.
const CURSOR: usize = 128;

/// Which page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Paging {
    /// Rows, 1 to [`MOST`]; 0 means [`DEFAULT`].
    pub limit: usize,
    /// What the page before said in `next`; none for the first.
    pub cursor: Option<String>,
}

impl Paging {
    /// The first page with so many rows.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Paging {
            limit,
            cursor: None,
        }
    }

    pub(crate) fn rows(&self) -> usize {
        match self.limit {
            0 => DEFAULT,
            limit => limit.min(MOST),
        }
    }

    /// Where the page begins: behind the row with this key and name.
    pub(crate) fn after(&self) -> Result<Option<(i64, &str)>, Error> {
        let Some(cursor) = self.cursor.as_deref().filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let parted = (cursor.len() <= CURSOR)
            .then(|| cursor.split_once('.'))
            .flatten()
            .and_then(|(key, id)| Some((key.parse().ok()?, id)))
            .filter(|(_, id): &(i64, &str)| !id.contains('\0'));
        parted
            .map(Some)
            .ok_or_else(|| Error::Refused("cursor: not one that a page gave".to_owned()))
    }
}

/// One page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The cursor of the next page; none where this is the last.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The page of rows of which one more was asked for than shown.
    pub(crate) fn of(mut items: Vec<T>, rows: usize, key: impl Fn(&T) -> (i64, String)) -> Self {
        let more = items.len() > rows;
        items.truncate(rows);
        let next = items.last().filter(|_| more).map(|last| {
            let (key, id) = key(last);
            format!("{key}.{id}")
        });
        Page { items, next }
    }

    /// The same page with each row made into something else.
    pub fn map<U>(self, with: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(with).collect(),
            next: self.next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_that_no_page_gave_is_refused() {
        let check = |cursor: &str, expected: Option<Option<(i64, &str)>>| {
            let paging = Paging {
                limit: 1,
                cursor: Some(cursor.to_owned()),
            };
            assert_eq!(paging.after().ok(), expected, "{cursor}");
        };
        check("", Some(None));
        check("17.ab.c", Some(Some((17, "ab.c"))));
        check("-1.", Some(Some((-1, ""))));
        check("17", None);
        check("x.y", None);
        check("1.\0", None);
        check(&format!("1.{}", "x".repeat(200)), None);
    }

    #[test]
    fn a_page_says_where_the_next_begins() {
        let page = Page::of(vec![1_i64, 2, 3], 2, |row| (*row, "x".to_owned()));
        assert_eq!(page.items, [1, 2]);
        assert_eq!(page.next.as_deref(), Some("2.x"));
        let last = Page::of(vec![1_i64, 2], 2, |row| (*row, "x".to_owned()));
        assert_eq!(last.next, None);
    }
}
