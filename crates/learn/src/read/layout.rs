//! What each column of a file is.

use super::cells::Separator;
use super::formats::Format;

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Identities and what is no feature.
    Skip,
    /// An amount.
    Number,
    /// A name.
    Category,
    /// A port, which becomes the name of a service.
    Port,
    /// The host that began the flow.
    Host,
    /// When.
    Time,
    /// What kind of traffic it is.
    Label,
    /// The same more precisely.
    Detail,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) role: Role,
}

/// How the lines of a file are understood.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) format: Format,
    pub(super) separator: Separator,
    pub(super) fields: Vec<Field>,
    /// The month stands before the day.
    pub(super) is_month_first: bool,
    /// Labels of normal traffic, beside those of the format; and labels that say nothing.
    pub(super) normal: Vec<String>,
    pub(super) unlabelled: Vec<String>,
    /// UNSW-NB15's raw files lack `rate`, which its partition has: packets a second from these columns
    /// (duration, packets forward, packets backward).
    pub(super) rate_of: Option<[usize; 3]>,
}

impl Layout {
    /// The class that labels name: `Some("normal")` in every format, `None` where nobody said.
    pub(super) fn class(&self, label: &str, detail: &str) -> Option<String> {
        let is_one_of = |list: &[String]| list.iter().any(|l| l.eq_ignore_ascii_case(label));
        if is_one_of(&self.unlabelled) {
            return None;
        }
        if is_one_of(&self.normal) {
            return Some(NORMAL.to_owned());
        }
        match self.format {
            Format::Cic => cic(label),
            Format::Unsw => unsw(label, detail),
            Format::NslKdd => known(label.trim_end_matches('.'), &["normal"]),
            Format::Ctu13 => ctu(label),
            Format::Iot23 => iot(label, detail),
            // Records of EVE have no columns, and no label but their alerts.
            Format::Eve => None,
            Format::Mapped if detail.is_empty() => known(label, &[]),
            Format::Mapped => known(detail, &[]),
        }
    }
}

/// The first class of every table.
pub(super) const NORMAL: &str = "normal";

fn known(label: &str, normal: &[&str]) -> Option<String> {
    match label {
        "" | "-" | "?" => None,
        label if normal.iter().any(|n| n.eq_ignore_ascii_case(label)) => Some(NORMAL.to_owned()),
        label => Some(label.to_owned()),
    }
}

fn cic(label: &str) -> Option<String> {
    // "Web Attack <some dash> XSS", its dash in an encoding of its own.
    let label: String = label
        .split(|c: char| !c.is_ascii())
        .filter(|part| !part.is_empty())
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" - ");
    let is = |other: &str| label.eq_ignore_ascii_case(other);
    if is("NeedManualLabel") || is("No Label") {
        return None;
    }
    // The same kinds under the names of various samples.
    let label = match label.to_ascii_lowercase().as_str() {
        "port scanning" => "PortScan",
        "bots" => "Bot",
        "brute force" => "BruteForce",
        "web attacks" | "web attack" => "WebAttack",
        "infilteration" => "Infiltration",
        _ => &label,
    };
    known(label, &["benign", "normal", "normal traffic", "0"])
}

fn unsw(label: &str, detail: &str) -> Option<String> {
    match (label, detail) {
        ("0", _) | ("", "Normal" | "normal") => Some(NORMAL.to_owned()),
        ("", "") => None,
        (_, "" | "-") => Some("attack".to_owned()),
        (_, "Backdoors") => Some("Backdoor".to_owned()),
        (_, detail) => known(detail, &[NORMAL]),
    }
}

/// `flow=From-Botnet-V42-TCP-CC6-Plain-HTTP…`, `flow=To-Normal-…`; background is unlabelled, as its authors
/// say.
fn ctu(label: &str) -> Option<String> {
    let label = label.strip_prefix("flow=").unwrap_or(label);
    if let Some((_, kind)) = label.split_once("Botnet") {
        let mut parts = kind.split('-').filter(|part| !part.is_empty());
        // The number of the experiment is no kind.
        let kind: Vec<&str> = parts
            .by_ref()
            .filter(|part| !part.starts_with(['V', 'v']))
            .take(2)
            .map(|part| part.trim_end_matches(|c: char| c.is_ascii_digit()))
            .filter(|part| !part.is_empty())
            .collect();
        return Some(match kind.is_empty() {
            true => "Botnet".to_owned(),
            false => format!("Botnet {}", kind.join("-")),
        });
    }
    label.contains("Normal").then(|| NORMAL.to_owned())
}

fn iot(label: &str, detail: &str) -> Option<String> {
    let (label, detail) = match label.split_once("   ") {
        Some((label, detail)) => (label, detail.trim()),
        None => (label, detail),
    };
    match (label.to_ascii_lowercase().as_str(), detail) {
        ("benign", _) => Some(NORMAL.to_owned()),
        ("malicious", "" | "-" | "(empty)") => Some("Malicious".to_owned()),
        ("malicious", detail) => Some(detail.to_owned()),
        // In some files the label itself is the kind.
        (_, _) => known(label, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_every_format_say_normal_or_the_kind() {
        for (format, label, detail, expected) in [
            (Format::Cic, "BENIGN", "", Some("normal")),
            (Format::Cic, "Normal Traffic", "", Some("normal")),
            (
                Format::Cic,
                "Web Attack \u{fffd} XSS",
                "",
                Some("Web Attack - XSS"),
            ),
            (Format::Cic, "Port Scanning", "", Some("PortScan")),
            (Format::Cic, "NeedManualLabel", "", None),
            (Format::Unsw, "0", "", Some("normal")),
            (Format::Unsw, "1", "Backdoors", Some("Backdoor")),
            (Format::Unsw, "1", "", Some("attack")),
            (Format::NslKdd, "normal.", "", Some("normal")),
            (Format::NslKdd, "neptune", "", Some("neptune")),
            (
                Format::Ctu13,
                "flow=From-Normal-V42-Jist",
                "",
                Some("normal"),
            ),
            (Format::Ctu13, "flow=Background-UDP-Established", "", None),
            (
                Format::Ctu13,
                "flow=From-Botnet-V42-TCP-CC6-Plain",
                "",
                Some("Botnet TCP-CC"),
            ),
            (Format::Iot23, "Benign", "-", Some("normal")),
            (Format::Iot23, "Malicious", "C&C", Some("C&C")),
            (Format::Iot23, "Malicious", "-", Some("Malicious")),
            (Format::Mapped, "fine", "", Some("normal")),
            (Format::Mapped, "dunno", "", None),
            (Format::Mapped, "scan", "syn scan", Some("syn scan")),
        ] {
            let layout = Layout {
                format,
                separator: Separator::Character(','),
                fields: Vec::new(),
                is_month_first: false,
                normal: vec!["fine".to_owned()],
                unlabelled: vec!["dunno".to_owned()],
                rate_of: None,
            };
            assert_eq!(layout.class(label, detail).as_deref(), expected, "{label}");
        }
    }
}
