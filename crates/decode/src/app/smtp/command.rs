//! Commands of the client (RFC 5321 section 4.1, RFC 3030 for BDAT, RFC 3207 for STARTTLS).

/// What matters of a command for the replies to it and the bytes behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    StartTls,
    Data,
    /// A chunk, and whether it is the mail's last.
    Bdat {
        is_last: bool,
    },
    /// No command: the mail behind DATA, which has a reply of its own.
    Mail,
    Rset,
    Other,
}

/// A command with what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    StartTls,
    Data,
    Bdat { len: u64, is_last: bool },
    BrokenBdat,
    Helo(&'a [u8]),
    MailFrom(&'a [u8]),
    RcptTo(&'a [u8]),
    Rset,
    Quit,
    Other,
}

impl<'a> Command<'a> {
    pub(super) fn read(line: &'a [u8]) -> Self {
        let is = |name: &[u8]| {
            line.get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name))
        };
        if is(b"starttls") {
            Command::StartTls
        } else if is(b"data") {
            Command::Data
        } else if is(b"bdat") {
            bdat(line).unwrap_or(Command::BrokenBdat)
        } else if is(b"helo") || is(b"ehlo") {
            Command::Helo(argument(line, 4))
        } else if is(b"mail from") {
            Command::MailFrom(argument(line, 9))
        } else if is(b"rcpt to") {
            Command::RcptTo(argument(line, 7))
        } else if is(b"rset") {
            Command::Rset
        } else if is(b"quit") {
            Command::Quit
        } else {
            Command::Other
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Command::StartTls => Kind::StartTls,
            Command::Data => Kind::Data,
            Command::Bdat { is_last, .. } => Kind::Bdat { is_last: *is_last },
            Command::Rset => Kind::Rset,
            Command::BrokenBdat
            | Command::Helo(_)
            | Command::MailFrom(_)
            | Command::RcptTo(_)
            | Command::Quit
            | Command::Other => Kind::Other,
        }
    }
}

/// The first word behind a command and the one byte that separates it; options behind it, such as
/// `SIZE=`, are left out.
fn argument(line: &[u8], name_len: usize) -> &[u8] {
    let rest = line.get(name_len + 1..).unwrap_or_default();
    rest.split(|b| *b == b' ')
        .find(|word| !word.is_empty())
        .unwrap_or_default()
}

/// `BDAT length [LAST]`.
fn bdat(line: &[u8]) -> Option<Command<'_>> {
    let rest = line.get(4..)?.strip_prefix(b" ")?;
    let mut words = rest.split(|b| *b == b' ').filter(|word| !word.is_empty());
    let len = std::str::from_utf8(words.next()?).ok()?.parse().ok()?;
    let is_last = words
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case(b"last"));
    Some(Command::Bdat { len, is_last })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Command<'_>) {
        assert_eq!(Command::read(line.as_bytes()), expected, "{line}");
    }

    #[test]
    fn reads_commands() {
        check("EHLO host", Command::Helo(b"host"));
        check("helo", Command::Helo(b""));
        check("MAIL FROM:<a@b> SIZE=3", Command::MailFrom(b"<a@b>"));
        check("MAIL FROM: <a@b>", Command::MailFrom(b"<a@b>"));
        check("rcpt to:<c@d>", Command::RcptTo(b"<c@d>"));
        check(
            "BDAT 12 LAST",
            Command::Bdat {
                len: 12,
                is_last: true,
            },
        );
        check(
            "BDAT 0",
            Command::Bdat {
                len: 0,
                is_last: false,
            },
        );
        check("BDAT12", Command::BrokenBdat);
        check("BDAT x", Command::BrokenBdat);
        check("data", Command::Data);
        check("NOOP", Command::Other);
        check("", Command::Other);
    }
}
