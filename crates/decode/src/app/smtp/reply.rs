//! Replies of the server (RFC 5321 section 4.2).

/// One line of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reply<'a> {
    pub(super) code: u16,
    /// Whether more lines of it follow.
    pub(super) is_continued: bool,
    pub(super) text: &'a [u8],
}

/// Codes that servers answer with: RFC 5321 section 4.2.3, RFC 3030, RFC 3207, RFC 4954, RFC 7504.
const CODES: &[u16] = &[
    211, 214, 220, 221, 235, 250, 251, 252, 334, 354, 421, 432, 450, 451, 452, 454, 455, 458, 459,
    500, 501, 502, 503, 504, 521, 523, 524, 525, 530, 534, 535, 538, 550, 551, 552, 553, 554, 555,
    556,
];

impl<'a> Reply<'a> {
    /// Reads a line without its end. None where it begins with no code that is known.
    pub(super) fn read(line: &'a [u8]) -> Option<Self> {
        let (code, rest) = line.split_first_chunk::<3>()?;
        let code = code.iter().try_fold(0u16, |code, digit| {
            digit
                .is_ascii_digit()
                .then(|| code * 10 + u16::from(digit - b'0'))
        })?;
        CODES.contains(&code).then_some(Reply {
            code,
            is_continued: rest.first() == Some(&b'-'),
            text: rest.get(1..).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(u16, bool, &str)>) {
        let reply = Reply::read(line.as_bytes());
        let expected = expected.map(|(code, is_continued, text)| Reply {
            code,
            is_continued,
            text: text.as_bytes(),
        });
        assert_eq!(reply, expected, "{line}");
    }

    #[test]
    fn reads_replies() {
        check("250 ok", Some((250, false, "ok")));
        check("250-SIZE", Some((250, true, "SIZE")));
        check("354", Some((354, false, "")));
        check("472 odd", None);
        check("4.7.0 odd", None);
        check("25", None);
    }
}
