//! From what a rule's category says to a tactic, for rules whose metadata names none.

/// Words of a category, in small letters, and the tactic they mostly stand for. The first that is
/// found counts, so that what is more exact stands first. The categories are those of Suricata's and
/// Snort's `classification.config`, told by EVE with their descriptions.
const WORDS: [(&str, &str); 40] = [
    ("command and control", "TA0011"),
    ("used for c2", "TA0011"),
    ("network trojan", "TA0011"),
    ("crypto currency mining", "TA0040"),
    ("coin-mining", "TA0040"),
    ("credential theft", "TA0006"),
    ("default username and password", "TA0001"),
    ("suspicious username", "TA0001"),
    ("suspicious login", "TA0001"),
    ("brute force", "TA0006"),
    ("exploit kit", "TA0001"),
    ("social engineering", "TA0001"),
    ("phishing", "TA0001"),
    ("client side exploit", "TA0002"),
    ("web application attack", "TA0001"),
    ("vulnerable web application", "TA0001"),
    ("administrator privilege", "TA0001"),
    ("user privilege", "TA0001"),
    ("executable code", "TA0002"),
    ("system call", "TA0002"),
    ("malicious file", "TA0002"),
    ("suspicious filename", "TA0002"),
    ("unwanted program", "TA0002"),
    ("network scan", "TA0043"),
    ("attempted information leak", "TA0043"),
    ("information leak", "TA0007"),
    ("rpc query", "TA0007"),
    ("external ip address", "TA0007"),
    ("denial of service", "TA0040"),
    ("sensitive data", "TA0010"),
    ("exfiltration", "TA0010"),
    ("lateral movement", "TA0008"),
    ("targeted malicious", "TA0001"),
    ("unusual port", "TA0011"),
    ("non-standard protocol", "TA0011"),
    ("privilege escalation", "TA0004"),
    ("persistence", "TA0003"),
    ("ransomware", "TA0040"),
    ("misc attack", "TA0001"),
    ("exploit", "TA0001"),
];

/// The longest category that is looked at.
const MAX_CATEGORY: usize = 256;

/// The tactic that a category mostly stands for; none where it tells of no attack.
#[must_use]
pub fn of_category(category: &str) -> Option<&'static str> {
    if category.len() > MAX_CATEGORY {
        return None;
    }
    let category = category.to_lowercase();
    WORDS
        .iter()
        .find(|(words, _)| category.contains(words))
        .map(|(_, tactic)| *tactic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_of_the_field_have_a_tactic_where_they_tell_of_an_attack() {
        let check = |category: &str, expected: Option<&str>| {
            assert_eq!(of_category(category), expected, "{category}");
        };
        check("Attempted Administrator Privilege Gain", Some("TA0001"));
        check(
            "Malware Command and Control Activity Detected",
            Some("TA0011"),
        );
        check("Domain Observed Used for C2 Detected", Some("TA0011"));
        check("A Network Trojan was detected", Some("TA0011"));
        check("Attempted Information Leak", Some("TA0043"));
        check("Large Scale Information Leak", Some("TA0007"));
        check("Detection of a Denial of Service Attack", Some("TA0040"));
        check("Successful Credential Theft Detected", Some("TA0006"));
        check("Exploit Kit Activity Detected", Some("TA0001"));
        check("Not Suspicious Traffic", None);
        check("Generic Protocol Command Decode", None);
        check("Misc activity", None);
        check("", None);
    }
}
