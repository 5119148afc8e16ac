//! MITRE ATT&CK as far as incidents need it: tactics, the names of common techniques, and what a
//! rule's metadata or category says of them.

mod category;
mod technique;

use serde_json::Value;

pub use category::of_category;
pub use technique::name as technique_name;

/// Steps that one event may name: a rule names one or two, its metadata is somebody else's text.
const MAX_STEPS: usize = 8;

/// One step: a tactic, and the technique by which it was done where that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// `TA0006`.
    pub tactic: &'static str,
    /// `T1110` or `T1110.001`.
    pub technique: Option<String>,
}

/// Tactics of the Enterprise matrix, in the order in which attacks mostly go.
pub const TACTICS: [(&str, &str); 14] = [
    ("TA0043", "Reconnaissance"),
    ("TA0042", "Resource Development"),
    ("TA0001", "Initial Access"),
    ("TA0002", "Execution"),
    ("TA0003", "Persistence"),
    ("TA0004", "Privilege Escalation"),
    ("TA0005", "Defense Evasion"),
    ("TA0006", "Credential Access"),
    ("TA0007", "Discovery"),
    ("TA0008", "Lateral Movement"),
    ("TA0009", "Collection"),
    ("TA0011", "Command and Control"),
    ("TA0010", "Exfiltration"),
    ("TA0040", "Impact"),
];

/// Command and Control.
pub const COMMAND_AND_CONTROL: &str = "TA0011";
/// Exfiltration.
pub const EXFILTRATION: &str = "TA0010";

/// The name of a tactic; its id where it is none of the Enterprise matrix.
#[must_use]
pub fn tactic_name(id: &str) -> &str {
    TACTICS
        .iter()
        .find(|(known, _)| *known == id)
        .map_or(id, |(_, name)| name)
}

/// The tactic of this id, or of this name in any of its spellings (`Command_And_Control`,
/// `command-and-control`).
#[must_use]
pub fn tactic(text: &str) -> Option<&'static str> {
    let plain = |text: &str| -> String {
        text.chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect()
    };
    let wanted = plain(text);
    TACTICS
        .iter()
        .find(|(id, name)| id.eq_ignore_ascii_case(text.trim()) || plain(name) == wanted)
        .map(|(id, _)| *id)
}

/// A technique's id in capitals, `T1110.001`; none where the text is no such id.
#[must_use]
pub fn technique(text: &str) -> Option<String> {
    let id = text.trim().to_ascii_uppercase().replace('_', ".");
    let digits = id.strip_prefix('T')?;
    let (main, sub) = digits.split_once('.').unwrap_or((digits, "000"));
    let is_number = |text: &str, len| text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
    (is_number(main, 4) && is_number(sub, 3)).then_some(id)
}

/// Steps that an alert names: by `mitre_tactic_id` and `mitre_technique_id` of its metadata, as
/// Emerging Threats writes them, else by its category.
#[must_use]
pub fn of_alert(alert: &Value) -> Vec<Step> {
    let metadata = alert.get("metadata");
    let texts = |key: &str| metadata.map_or_else(Vec::new, |m| strings(m.get(key)));
    let techniques: Vec<String> = texts("mitre_technique_id")
        .into_iter()
        .filter_map(technique)
        .collect();
    let mut tactics: Vec<&'static str> = texts("mitre_tactic_id")
        .into_iter()
        .chain(texts("mitre_tactic_name"))
        .filter_map(tactic)
        .collect();
    tactics.dedup();
    if tactics.is_empty() {
        tactics = techniques
            .iter()
            .filter_map(|technique| technique::tactic_of(technique))
            .collect();
    }
    if tactics.is_empty() {
        let category = alert.get("category").and_then(Value::as_str);
        tactics.extend(category.and_then(of_category));
    }
    pair(tactics, techniques)
}

/// Steps that tags of Sigma name: `attack.credential-access`, `attack.t1110`.
#[must_use]
pub fn of_tags<'a>(tags: impl Iterator<Item = &'a str>) -> Vec<Step> {
    let (mut tactics, mut techniques) = (Vec::new(), Vec::new());
    for tag in tags {
        let Some(name) = tag.strip_prefix("attack.") else {
            continue;
        };
        if let Some(id) = technique(name) {
            techniques.push(id);
        } else if let Some(id) = tactic(name) {
            tactics.push(id);
        }
    }
    if tactics.is_empty() {
        tactics = techniques
            .iter()
            .filter_map(|technique| technique::tactic_of(technique))
            .collect();
    }
    pair(tactics, techniques)
}

/// Metadata lists tactics and techniques apart. A technique is put under the tactic that it mostly
/// serves where that is among those named, else under the first.
fn pair(tactics: Vec<&'static str>, techniques: Vec<String>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for technique in techniques.into_iter().take(MAX_STEPS) {
        let usual = technique::tactic_of(&technique);
        let among = tactics.iter().find(|tactic| Some(**tactic) == usual);
        if let Some(tactic) = among.or(tactics.first()) {
            let step = Step {
                tactic,
                technique: Some(technique),
            };
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
    }
    for tactic in tactics.into_iter().take(MAX_STEPS) {
        if !steps.iter().any(|step| step.tactic == tactic) {
            steps.push(Step {
                tactic,
                technique: None,
            });
        }
    }
    steps.truncate(MAX_STEPS);
    steps
}

/// The texts of a value that is a text or a list of them.
fn strings(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text.as_str()],
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(Value::as_str)
            .take(MAX_STEPS)
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(alert: &Value, expected: &[(&str, Option<&str>)]) {
        let steps = of_alert(alert);
        let steps: Vec<_> = steps
            .iter()
            .map(|step| (step.tactic, step.technique.as_deref()))
            .collect();
        assert_eq!(steps, expected, "{alert}");
    }

    #[test]
    fn metadata_as_emerging_threats_writes_it_names_the_step() {
        check(
            &json!({"category": "Misc activity", "metadata": {
                "mitre_tactic_id": ["TA0011"], "mitre_tactic_name": ["Command_And_Control"],
                "mitre_technique_id": ["T1071"], "mitre_technique_name": ["Application_Layer_Protocol"]}}),
            &[("TA0011", Some("T1071"))],
        );
        check(
            &json!({"metadata": {"mitre_tactic_name": ["Initial_Access"]}}),
            &[("TA0001", None)],
        );
        check(
            &json!({"metadata": {"mitre_technique_id": ["T1110.001"]}}),
            &[("TA0006", Some("T1110.001"))],
        );
        check(
            &json!({"metadata": {"mitre_tactic_id": ["TA0001", "TA0006"], "mitre_technique_id": ["T1110"]}}),
            &[("TA0006", Some("T1110")), ("TA0001", None)],
        );
    }

    #[test]
    fn without_metadata_the_category_tells() {
        check(
            &json!({"category": "Detection of a Network Scan"}),
            &[("TA0043", None)],
        );
        check(&json!({"category": "of our own"}), &[]);
        check(&json!({}), &[]);
        check(&json!({"metadata": 7, "category": 7}), &[]);
        check(
            &json!({"metadata": {"mitre_tactic_id": ["TA9999", "x"]}}),
            &[],
        );
    }

    #[test]
    fn tags_of_sigma_name_the_step() {
        let steps =
            of_tags(["attack.credential-access", "attack.t1110", "cve.2021-44228"].into_iter());
        assert_eq!(
            steps,
            [Step {
                tactic: "TA0006",
                technique: Some("T1110".into())
            }]
        );
        let steps = of_tags(["attack.command_and_control"].into_iter());
        assert_eq!(steps[0].tactic, "TA0011");
    }

    #[test]
    fn tactics_and_techniques_are_known_by_their_ids_alone() {
        assert_eq!(tactic("ta0011"), Some("TA0011"));
        assert_eq!(tactic_name("TA0011"), "Command and Control");
        assert_eq!(tactic_name("TA0999"), "TA0999");
        assert_eq!(technique("t1110_001").as_deref(), Some("T1110.001"));
        for text in [
            "",
            "T",
            "T11",
            "T11100",
            "T1110.",
            "T1110.1",
            "TA0011",
            "T１１１０",
        ] {
            assert_eq!(technique(text), None, "{text}");
        }
    }
}
