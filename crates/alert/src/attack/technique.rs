//! Names of techniques that network rules tell of, and the tactic that each mostly serves.

/// Id, tactic, name; sorted by id.
const TECHNIQUES: [(&str, &str, &str); 88] = [
    ("T1001", "TA0011", "Data Obfuscation"),
    ("T1003", "TA0006", "OS Credential Dumping"),
    ("T1005", "TA0009", "Data from Local System"),
    ("T1008", "TA0011", "Fallback Channels"),
    ("T1016", "TA0007", "System Network Configuration Discovery"),
    ("T1018", "TA0007", "Remote System Discovery"),
    ("T1020", "TA0010", "Automated Exfiltration"),
    ("T1021", "TA0008", "Remote Services"),
    ("T1021.001", "TA0008", "Remote Desktop Protocol"),
    ("T1021.002", "TA0008", "SMB/Windows Admin Shares"),
    ("T1021.004", "TA0008", "SSH"),
    ("T1021.006", "TA0008", "Windows Remote Management"),
    ("T1027", "TA0005", "Obfuscated Files or Information"),
    ("T1029", "TA0010", "Scheduled Transfer"),
    ("T1030", "TA0010", "Data Transfer Size Limits"),
    ("T1036", "TA0005", "Masquerading"),
    ("T1040", "TA0006", "Network Sniffing"),
    ("T1041", "TA0010", "Exfiltration Over C2 Channel"),
    ("T1046", "TA0007", "Network Service Discovery"),
    ("T1047", "TA0002", "Windows Management Instrumentation"),
    ("T1048", "TA0010", "Exfiltration Over Alternative Protocol"),
    ("T1049", "TA0007", "System Network Connections Discovery"),
    ("T1053", "TA0002", "Scheduled Task/Job"),
    ("T1055", "TA0005", "Process Injection"),
    ("T1056", "TA0009", "Input Capture"),
    ("T1059", "TA0002", "Command and Scripting Interpreter"),
    ("T1059.001", "TA0002", "PowerShell"),
    ("T1059.004", "TA0002", "Unix Shell"),
    ("T1068", "TA0004", "Exploitation for Privilege Escalation"),
    ("T1069", "TA0007", "Permission Groups Discovery"),
    ("T1070", "TA0005", "Indicator Removal"),
    ("T1071", "TA0011", "Application Layer Protocol"),
    ("T1071.001", "TA0011", "Web Protocols"),
    ("T1071.002", "TA0011", "File Transfer Protocols"),
    ("T1071.003", "TA0011", "Mail Protocols"),
    ("T1071.004", "TA0011", "DNS"),
    ("T1078", "TA0001", "Valid Accounts"),
    ("T1082", "TA0007", "System Information Discovery"),
    ("T1083", "TA0007", "File and Directory Discovery"),
    ("T1087", "TA0007", "Account Discovery"),
    ("T1090", "TA0011", "Proxy"),
    ("T1090.003", "TA0011", "Multi-hop Proxy"),
    ("T1092", "TA0011", "Communication Through Removable Media"),
    ("T1095", "TA0011", "Non-Application Layer Protocol"),
    ("T1098", "TA0003", "Account Manipulation"),
    ("T1102", "TA0011", "Web Service"),
    ("T1104", "TA0011", "Multi-Stage Channels"),
    ("T1105", "TA0011", "Ingress Tool Transfer"),
    ("T1110", "TA0006", "Brute Force"),
    ("T1110.001", "TA0006", "Password Guessing"),
    ("T1110.003", "TA0006", "Password Spraying"),
    ("T1110.004", "TA0006", "Credential Stuffing"),
    ("T1114", "TA0009", "Email Collection"),
    ("T1119", "TA0009", "Automated Collection"),
    ("T1132", "TA0011", "Data Encoding"),
    ("T1133", "TA0001", "External Remote Services"),
    ("T1135", "TA0007", "Network Share Discovery"),
    ("T1136", "TA0003", "Create Account"),
    ("T1140", "TA0005", "Deobfuscate/Decode Files or Information"),
    ("T1176", "TA0003", "Browser Extensions"),
    ("T1187", "TA0006", "Forced Authentication"),
    ("T1189", "TA0001", "Drive-by Compromise"),
    ("T1190", "TA0001", "Exploit Public-Facing Application"),
    ("T1195", "TA0001", "Supply Chain Compromise"),
    ("T1199", "TA0001", "Trusted Relationship"),
    ("T1203", "TA0002", "Exploitation for Client Execution"),
    ("T1204", "TA0002", "User Execution"),
    ("T1210", "TA0008", "Exploitation of Remote Services"),
    ("T1219", "TA0011", "Remote Access Software"),
    ("T1485", "TA0040", "Data Destruction"),
    ("T1486", "TA0040", "Data Encrypted for Impact"),
    ("T1496", "TA0040", "Resource Hijacking"),
    ("T1498", "TA0040", "Network Denial of Service"),
    ("T1499", "TA0040", "Endpoint Denial of Service"),
    ("T1505", "TA0003", "Server Software Component"),
    ("T1505.003", "TA0003", "Web Shell"),
    ("T1557", "TA0006", "Adversary-in-the-Middle"),
    ("T1558", "TA0006", "Steal or Forge Kerberos Tickets"),
    ("T1566", "TA0001", "Phishing"),
    ("T1567", "TA0010", "Exfiltration Over Web Service"),
    ("T1568", "TA0011", "Dynamic Resolution"),
    ("T1570", "TA0008", "Lateral Tool Transfer"),
    ("T1571", "TA0011", "Non-Standard Port"),
    ("T1572", "TA0011", "Protocol Tunneling"),
    ("T1573", "TA0011", "Encrypted Channel"),
    ("T1587", "TA0042", "Develop Capabilities"),
    ("T1590", "TA0043", "Gather Victim Network Information"),
    ("T1595", "TA0043", "Active Scanning"),
];

/// The technique's entry; for a sub-technique that has none, its technique's.
fn find(id: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    let exact = |id: &str| {
        let at = TECHNIQUES.binary_search_by(|(known, _, _)| (*known).cmp(id));
        at.ok().and_then(|at| TECHNIQUES.get(at))
    };
    exact(id).or_else(|| exact(id.split_once('.')?.0))
}

/// The name of a technique; its id where the name is not known.
#[must_use]
pub fn name(id: &str) -> &str {
    find(id).map_or(id, |(_, _, name)| name)
}

/// The tactic that a technique mostly serves.
pub(super) fn tactic_of(id: &str) -> Option<&'static str> {
    find(id).map(|(_, tactic, _)| *tactic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_tactics_exist() {
        assert!(TECHNIQUES.is_sorted_by_key(|(id, _, _)| id));
        for (id, tactic, _) in TECHNIQUES {
            assert_eq!(super::super::tactic(tactic), Some(tactic), "{id}");
            assert_eq!(super::super::technique(id).as_deref(), Some(id));
        }
    }

    #[test]
    fn a_sub_technique_without_an_entry_takes_its_technique_s() {
        assert_eq!(name("T1110.001"), "Password Guessing");
        assert_eq!(name("T1110.002"), "Brute Force");
        assert_eq!(name("T9999"), "T9999");
        assert_eq!(tactic_of("T1595.002"), Some("TA0043"));
    }
}
