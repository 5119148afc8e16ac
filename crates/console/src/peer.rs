//! Who stands at the other end of the control socket: asked of the kernel, never of the peer.

use std::fs;

/// The user that `uid` names in the text of `/etc/passwd`, else the number.
fn name(passwd: &str, uid: u32) -> String {
    passwd
        .lines()
        .find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let number = fields.nth(1)?;
            (number.parse() == Ok(uid) && !name.is_empty()).then(|| name.to_owned())
        })
        .unwrap_or_else(|| format!("uid {uid}"))
}

/// Who gave an order: the user of the process, and behind `sudo` the one who logged in.
fn describe(passwd: &str, uid: u32, login: Option<u32>) -> String {
    let user = name(passwd, uid);
    match login {
        Some(login) if login != uid => format!("{} as {user}", name(passwd, login)),
        _ => user,
    }
}

/// The person behind process `pid` of user `uid`.
pub fn person(uid: u32, pid: Option<i32>) -> String {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    // Set at login and kept through sudo (proc(5)); 4294967295 where nobody logged in.
    let login = pid
        .and_then(|pid| fs::read_to_string(format!("/proc/{pid}/loginuid")).ok())
        .and_then(|text| text.trim().parse().ok())
        .filter(|login| *login != u32::MAX);
    describe(&passwd, uid, login)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nbroken\nann:x:1000:1000::/:/bin/sh\n";

    #[test]
    fn a_person_is_named_by_login_and_user() {
        let check = |uid, login, expected: &str| {
            assert_eq!(describe(PASSWD, uid, login), expected);
        };
        check(0, None, "root");
        check(0, Some(0), "root");
        check(0, Some(1000), "ann as root");
        check(77, None, "uid 77");
        check(1000, Some(1000), "ann");
    }
}
