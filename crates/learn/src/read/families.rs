//! The four families of NSL-KDD's attacks, of both of its files.

/// `dos`, `probe`, `r2l` or `u2r`; `None` where the name is no attack of NSL-KDD.
///
/// Source: M. Tavallaee et al., "A Detailed Analysis of the KDD CUP 99 Data Set", 2009, with the attacks
/// that only the test file has.
#[must_use]
pub fn family(attack: &str) -> Option<&'static str> {
    Some(match attack {
        "apache2" | "back" | "land" | "mailbomb" | "neptune" | "pod" | "processtable" | "smurf"
        | "teardrop" | "udpstorm" | "worm" => "dos",
        "ipsweep" | "mscan" | "nmap" | "portsweep" | "saint" | "satan" => "probe",
        "ftp_write" | "guess_passwd" | "httptunnel" | "imap" | "multihop" | "named" | "phf"
        | "sendmail" | "snmpgetattack" | "snmpguess" | "spy" | "warezclient" | "warezmaster"
        | "xlock" | "xsnoop" => "r2l",
        "buffer_overflow" | "loadmodule" | "perl" | "ps" | "rootkit" | "sqlattack" | "xterm" => {
            "u2r"
        }
        _ => return None,
    })
}
