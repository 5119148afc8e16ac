//! Whether a request that a cookie goes with was made by our own pages: a defence against pages of others (CSRF).

use axum::http::{HeaderMap, header};

use super::Refusal;

/// Refuses what a page of somebody else's made a browser send. Browsers say where a request comes from
/// (`Sec-Fetch-Site`, and `Origin` with everything but simple navigation); programs that are no browser say nothing of
/// the kind, and nobody can make them send a cookie.
///
/// # Errors
/// It comes from elsewhere.
pub fn check(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name: &str| -> Option<Option<&str>> {
        let mut all = headers.get_all(name).iter();
        let first = all.next()?;
        // Said twice is said by somebody who tries something.
        Some(first.to_str().ok().filter(|_| all.next().is_none()))
    };
    let refused = || Refusal::Forbidden("this was sent by a page of somebody else's".to_owned());
    match text("sec-fetch-site") {
        None | Some(Some("same-origin")) => {}
        Some(_) => return Err(refused()),
    }
    match text(header::ORIGIN.as_str()) {
        None => Ok(()),
        Some(Some(origin)) => {
            let host = text(header::HOST.as_str()).flatten();
            let own = origin.strip_prefix("https://");
            match (own, host) {
                (Some(own), Some(host)) if own.eq_ignore_ascii_case(host) => Ok(()),
                _ => Err(refused()),
            }
        }
        Some(None) => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        check(&headers).is_ok()
    }

    #[test]
    fn only_our_own_pages_send_cookies() {
        let host = ("host", "ratel.example:9443");
        let own = ("origin", "https://ratel.example:9443");
        assert!(asked(&[host, own, ("sec-fetch-site", "same-origin")]));
        assert!(asked(&[host, own]));
        assert!(asked(&[host]));
        for site in ["cross-site", "same-site", "none", "", "same-origin, none"] {
            assert!(!asked(&[host, own, ("sec-fetch-site", site)]), "{site}");
        }
        for origin in [
            "https://evil.example",
            "https://ratel.example",
            "http://ratel.example:9443",
            "https://ratel.example:9443.evil.example",
            "https://evil.example/https://ratel.example:9443",
            "null",
            "",
        ] {
            assert!(!asked(&[host, ("origin", origin)]), "{origin}");
        }
        assert!(!asked(&[host, own, ("origin", "https://evil.example")]));
        assert!(!asked(&[own]));
    }
}
