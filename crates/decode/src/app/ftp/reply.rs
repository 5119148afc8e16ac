//! Replies of the server, line by line.

/// One line of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// Three digits, where they are followed by a space.
    pub(super) code: Option<[u8; 3]>,
    pub(super) text: Vec<u8>,
}

impl Reply {
    /// Reads a line without its end. None where nothing but space is on it.
    pub(super) fn read(line: &[u8]) -> Option<Reply> {
        let line = line.trim_ascii_end();
        if line.is_empty() {
            return None;
        }
        Some(match line {
            [a, b, c, b' ', text @ ..] if [a, b, c].iter().all(|digit| digit.is_ascii_digit()) => {
                Reply {
                    code: Some([*a, *b, *c]),
                    text: text.to_vec(),
                }
            }
            text => Reply {
                code: None,
                text: text.to_vec(),
            },
        })
    }

    /// Whether another reply follows before the command is done (RFC 959 section 4.2).
    pub(super) fn is_preliminary(line: &[u8]) -> bool {
        matches!(line, [b'1', b, c, space, ..]
            if b.is_ascii_digit() && c.is_ascii_digit() && space.is_ascii_whitespace())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(Option<&str>, &str)>) {
        let expected = expected.map(|(code, text)| Reply {
            code: code.map(|code| code.as_bytes().try_into().unwrap()),
            text: text.as_bytes().to_vec(),
        });
        assert_eq!(Reply::read(line.as_bytes()), expected, "{line}");
    }

    #[test]
    fn reads_replies() {
        check("220 Welcome ", Some((Some("220"), "Welcome")));
        check("331  Password", Some((Some("331"), " Password")));
        check("211-Features:", Some((None, "211-Features:")));
        check(" MDTM", Some((None, " MDTM")));
        check("220", Some((None, "220")));
        check("  ", None);
        assert!(Reply::is_preliminary(b"150 Opening"));
        assert!(!Reply::is_preliminary(b"150-Opening"));
        assert!(!Reply::is_preliminary(b"226 Done"));
    }
}
