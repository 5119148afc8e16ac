//! TAXII 2.1: the objects of a collection, page by page (section 5.4).

use event::Timestamp;

use super::config::Feed;
use super::fetch::{Client, FetchError, body};
use super::read::{ReadError, Reading};
use super::stix::Objects;

/// What is asked for; a server of another version refuses (section 1.6.8.1).
const ACCEPT: &str = "application/taxii+json;version=2.1";

/// Objects of a page; a server may give fewer.
const PAGE: usize = 5000;

/// Pages of a collection that are fetched.
const MAX_PAGES: usize = 2000;

/// Fetches all indicators of the feed's collection: a whole picture each time, so that what the server
/// removed is gone.
pub(super) fn fetch(feed: &Feed, client: &Client, now: Timestamp) -> Result<Reading, FetchError> {
    let mut objects = Objects::default();
    let mut left = feed.max_bytes;
    let (mut next, mut added_after) = (None::<String>, None::<String>);
    for _ in 0..MAX_PAGES {
        let url = address(&feed.url, next.as_deref(), added_after.as_deref());
        let answer = client.get(&url, &[("accept", ACCEPT)])?;
        let Some(answer) = answer else {
            return Err(shape(
                "the server says \"the same\" though it was not asked",
            ));
        };
        let last_added = answer.headers().get("x-taxii-date-added-last");
        let last_added = last_added.and_then(|value| Some(value.to_str().ok()?.to_owned()));
        let bytes = body(answer, left, feed.max_bytes)?;
        left = left.saturating_sub(bytes.len() as u64);
        let page = objects.page(&bytes)?;
        if !page.more {
            return Ok(objects.finish(feed, now)?);
        }
        // Some servers of 2.1 leave `next` out, and are asked on by date as those of 2.0 were.
        let goes_on = page.next.is_some() || (last_added.is_some() && last_added != added_after);
        if page.objects == 0 || !goes_on || (page.next.is_some() && page.next == next) {
            return Err(shape(
                "the server says that there is more, and does not give it",
            ));
        }
        if page.next.is_none() {
            added_after = last_added;
        }
        next = page.next;
    }
    Err(shape(&format!("it has more than {MAX_PAGES} pages")))
}

fn shape(reason: &str) -> FetchError {
    FetchError::Read(ReadError::Shape(reason.to_owned()))
}

/// The address of a page. `added_after` stays the same while `next` changes (section 3.5).
fn address(url: &str, next: Option<&str>, added_after: Option<&str>) -> String {
    let base = url.trim_end_matches('/');
    let base = base.strip_suffix("/objects").unwrap_or(base);
    let mut address = format!("{base}/objects/?match%5Btype%5D=indicator&limit={PAGE}");
    for (name, value) in [("added_after", added_after), ("next", next)] {
        if let Some(value) = value {
            address.push_str(&format!("&{name}="));
            for byte in value.bytes() {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    address.push(char::from(byte));
                } else {
                    address.push_str(&format!("%{byte:02X}"));
                }
            }
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_asked_for_by_what_the_server_said() {
        let check = |url: &str, next, expected: &str| {
            assert_eq!(address(url, next, None), expected);
        };
        let first = "https://x/api/collections/1/objects/?match%5Btype%5D=indicator&limit=5000";
        check("https://x/api/collections/1/", None, first);
        check("https://x/api/collections/1/objects/", None, first);
        let second = format!("{first}&next=a%26b%2F");
        check("https://x/api/collections/1", Some("a&b/"), &second);
    }
}
