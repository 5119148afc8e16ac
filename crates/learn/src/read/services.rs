//! Ports as names: 8443 and 443 are alike to a model, 444 is not near 443.

/// The names that [`of_port`] gives, in the order of a column's list.
pub const NAMES: &[&str] = &[
    "http",
    "https",
    "dns",
    "ssh",
    "ftp",
    "telnet",
    "mail",
    "ntp",
    "smb",
    "rdp",
    "ldap",
    "kerberos",
    "snmp",
    "database",
    "messaging",
    "tftp",
    "dhcp",
    "mdns",
    "sip",
    "vnc",
    "irc",
    "none",
    "system",
    "registered",
    "dynamic",
];

/// What usually answers on a port (IANA's registry); else the range that it is in.
#[must_use]
pub fn of_port(port: u16) -> &'static str {
    match port {
        0 => "none",
        80 | 8000 | 8008 | 8080 | 8888 => "http",
        443 | 8443 => "https",
        53 | 853 => "dns",
        22 => "ssh",
        20 | 21 | 989 | 990 => "ftp",
        23 | 2323 => "telnet",
        25 | 110 | 143 | 465 | 587 | 993 | 995 => "mail",
        123 => "ntp",
        137..=139 | 445 => "smb",
        3389 => "rdp",
        389 | 636 | 3268 | 3269 => "ldap",
        88 | 464 => "kerberos",
        161 | 162 => "snmp",
        1433 | 1434 | 1521 | 3306 | 5432 | 6379 | 27017 => "database",
        1883 | 5222 | 5672 | 8883 | 9092 => "messaging",
        69 => "tftp",
        67 | 68 | 546 | 547 => "dhcp",
        5353 | 5355 => "mdns",
        5060 | 5061 => "sip",
        5900..=5903 => "vnc",
        6660..=6669 | 6697 => "irc",
        1..=1023 => "system",
        1024..=49151 => "registered",
        49152..=65535 => "dynamic",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_has_a_name_of_the_list() {
        assert!((0..=u16::MAX).all(|port| NAMES.contains(&of_port(port))));
    }
}
