//! Commands of the client.

/// Bytes of a line within which a command is looked for where the line does not begin with one.
const SEARCHED: usize = 64;

/// Commands that are followed: RFC 959, RFC 775, RFC 2389, RFC 2428, RFC 3659, RFC 4217.
const NAMES: [&str; 48] = [
    "ABOR", "ACCT", "ALLO", "APPE", "AUTH TLS", "CDUP", "CHMOD", "CWD", "DELE", "EPSV", "HELP",
    "IDLE", "LIST", "MAIL", "MDTM", "MKD", "MLFL", "MODE", "MRCP", "MRSQ", "MSAM", "MSND", "MSOM",
    "NLST", "NOOP", "PASS", "PASV", "PORT", "PWD", "QUIT", "REIN", "REST", "RETR", "RMD", "RNFR",
    "RNTO", "SITE", "SIZE", "SMNT", "STAT", "STOR", "STOU", "STRU", "SYST", "TYPE", "UMASK",
    "USER", "EPRT",
];

/// What a command leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    AuthTls,
    Port,
    Eprt,
    Pasv,
    Epsv,
    Retr,
    Stor,
    Other,
}

/// A command that is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

impl Command {
    /// The command of a line: the first one that is named in it, so that `XCWD` and a command
    /// behind Telnet's control bytes are found, too.
    pub(super) fn find(line: &[u8]) -> Option<Command> {
        let line = line.get(..SEARCHED).unwrap_or(line);
        let found = |end: usize| {
            NAMES.iter().find(|name| {
                let start = end.checked_sub(name.len());
                start
                    .and_then(|start| line.get(start..end))
                    .is_some_and(|text| text.eq_ignore_ascii_case(name.as_bytes()))
            })
        };
        let name = (1..=line.len()).find_map(found)?;
        let kind = match *name {
            "AUTH TLS" => Kind::AuthTls,
            "PORT" => Kind::Port,
            "EPRT" => Kind::Eprt,
            "PASV" => Kind::Pasv,
            "EPSV" => Kind::Epsv,
            "RETR" => Kind::Retr,
            "STOR" => Kind::Stor,
            _ => Kind::Other,
        };
        Some(Command { name, kind })
    }

    /// What stands behind the command and the one byte that separates it.
    pub(super) fn argument<'a>(&self, line: &'a [u8]) -> Option<&'a [u8]> {
        line.get(self.name.len() + 1..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(&str, Option<&str>)>) {
        let command = Command::find(line.as_bytes());
        let found = command.map(|c| {
            (
                c.name,
                c.argument(line.as_bytes())
                    .map(|a| std::str::from_utf8(a).unwrap()),
            )
        });
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn finds_commands() {
        check("USER pass", Some(("USER", Some("pass"))));
        check("retr a.txt", Some(("RETR", Some("a.txt"))));
        check("QUIT", Some(("QUIT", None)));
        check("auth tls", Some(("AUTH TLS", None)));
        check("SITE CHMOD 777 x", Some(("SITE", Some("CHMOD 777 x"))));
        check("XPWD", Some(("PWD", Some(""))));
        check("FEAT", None);
        check("", None);
    }
}
