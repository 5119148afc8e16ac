//! Addresses of resources in texts.

use crate::app::smtp::MimeConfig;

/// Most addresses kept of a mail; a newsletter has some hundred.
const MAX_URLS: usize = 1024;

/// A decoded line longer than this is searched in parts.
const MAX_LINE: usize = 8192;

/// Gathers addresses line by line.
#[derive(Debug, Default)]
pub(super) struct Urls {
    pub(super) found: Vec<Vec<u8>>,
    /// An incomplete line of decoded text.
    pending: Vec<u8>,
}

impl Urls {
    /// Takes decoded text.
    pub(super) fn search(&mut self, config: &MimeConfig, mut text: &[u8]) {
        if !config.extract_urls {
            return;
        }
        while !text.is_empty() {
            let room = MAX_LINE.saturating_sub(self.pending.len()).max(1);
            let window = text.get(..room).unwrap_or(text);
            let end = memchr::memchr(b'\n', window).map(|at| at + 1);
            let (part, rest) = text
                .split_at_checked(end.unwrap_or(window.len()))
                .unwrap_or((text, &[]));
            text = rest;
            let is_whole = end.is_some() || part.len() == room;
            if is_whole && self.pending.is_empty() {
                self.search_line(config, part);
            } else {
                self.pending.extend_from_slice(part);
                if is_whole {
                    self.flush(config);
                }
            }
        }
    }

    /// The text ended.
    pub(super) fn flush(&mut self, config: &MimeConfig) {
        let line = std::mem::take(&mut self.pending);
        self.search_line(config, &line);
    }

    fn search_line(&mut self, config: &MimeConfig, line: &[u8]) {
        // Every scheme is followed by the same bytes: lines without them are most lines.
        if memchr::memmem::find(line, b"://").is_none() {
            return;
        }
        for scheme in &config.url_schemes {
            let mut rest = line;
            while let Some(at) = find_scheme(rest, scheme.as_bytes()) {
                if self.found.len() >= MAX_URLS {
                    return;
                }
                let from = rest.get(at..).unwrap_or_default();
                let len = from.iter().position(|b| is_end(*b)).unwrap_or(from.len());
                let (url, after) = from.split_at_checked(len).unwrap_or((from, &[]));
                let skip = if config.log_url_scheme {
                    0
                } else {
                    scheme.len() + 3
                };
                self.found
                    .push(url.get(skip..).unwrap_or_default().to_vec());
                rest = after;
            }
        }
    }
}

/// Where `scheme://` begins in `text`.
fn find_scheme(text: &[u8], scheme: &[u8]) -> Option<usize> {
    memchr::memmem::find_iter(text, b"://").find_map(|at| {
        let start = at.checked_sub(scheme.len())?;
        text.get(start..at)?
            .eq_ignore_ascii_case(scheme)
            .then_some(start)
    })
}

fn is_end(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'"' | b'\'' | b'<' | b'>' | b']' | b'\t' | b'\r' | b'\n'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pieces: &[&str], log_url_scheme: bool, expected: &[&str]) {
        let config = MimeConfig {
            url_schemes: vec!["http".into(), "https".into()],
            log_url_scheme,
            ..MimeConfig::default()
        };
        let mut urls = Urls::default();
        for piece in pieces {
            urls.search(&config, piece.as_bytes());
        }
        urls.flush(&config);
        let found: Vec<String> = urls
            .found
            .iter()
            .map(|url| String::from_utf8(url.clone()).unwrap())
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn finds_addresses_however_the_text_is_cut() {
        check(
            &["see HTTP://a.b/c>d\nhttps://e f"],
            true,
            &["HTTP://a.b/c", "https://e"],
        );
        check(&["see htt", "p://a", ".b\r\n"], false, &["a.b"]);
        check(&["ftp://x mailto:y"], false, &[]);
    }
}
