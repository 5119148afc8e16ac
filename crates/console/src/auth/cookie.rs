//! The cookies: what renews a session, and what binds a login elsewhere to the browser that began it.

use axum::http::{HeaderMap, header};

/// Renews a session.
pub const REFRESH: &str = "ratel_refresh";
/// Binds a login elsewhere to a browser.
pub const LOGIN: &str = "ratel_login";
/// Where cookies go: to logins alone, so that no other part of the API ever sees one.
const PATH: &str = "/api/v1/auth";

/// The value of a cookie, where there is exactly one of that name: of two, one was put there by somebody else.
#[must_use]
pub fn read<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let lines = lines.filter_map(|value| value.to_str().ok());
    let mut found = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// What sets the cookie of a session for so many seconds: no script sees it, no page of others sends it.
#[must_use]
pub fn refresh(value: &str, secs: u64) -> String {
    format!("{REFRESH}={value}; Path={PATH}; Max-Age={secs}; HttpOnly; Secure; SameSite=Strict")
}

/// What removes it.
#[must_use]
pub fn no_refresh() -> String {
    refresh("", 0)
}

/// What sets the cookie of a login elsewhere. Lax: it must come along when the other sends the browser back.
#[must_use]
pub fn login(value: &str, secs: u64) -> String {
    format!("{LOGIN}={value}; Path={PATH}; Max-Age={secs}; HttpOnly; Secure; SameSite=Lax")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_where_there_is_one_of_its_name() {
        let check = |lines: &[&str], expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, line.parse().unwrap());
            }
            assert_eq!(read(&headers, REFRESH), expected, "{lines:?}");
        };
        check(&["ratel_refresh=a.b"], Some("a.b"));
        check(&["x=1; ratel_refresh=a.b; y=2"], Some("a.b"));
        check(&["x=1", "ratel_refresh=a.b"], Some("a.b"));
        check(&["ratel_refresh=a; ratel_refresh=b"], None);
        check(&["ratel_refresh=a", "ratel_refresh=b"], None);
        check(&["xratel_refresh=a"], None);
        check(&["ratel_refresh"], None);
        check(&[], None);
    }
}
