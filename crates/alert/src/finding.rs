//! What an event says about an attack: who attacks whom, by which rule, how badly.

mod hit;
pub mod side;

use std::net::IpAddr;

use event::Timestamp;
use event::incident::Severity;
use serde_json::Value;

use crate::attack::{self, Step};
use side::{Homes, Sides};

/// The longest text that is taken from an event, characters: titles and names are read by people.
const MAX_TEXT: usize = 256;

/// One finding. Mostly one event; of a correlation several.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The event's id, as the bus and the store name it.
    pub id: String,
    /// EVE's `event_type`; of a correlation several, or none where they may be any.
    pub event_types: Vec<String>,
    /// When it began, by the event's own time.
    pub first: Timestamp,
    /// When it ended; for one event the same.
    pub last: Timestamp,
    /// Who finds it.
    pub engine: Engine,
    /// `gid:sid` of a rule of packets, or the id of another rule.
    pub rule: String,
    /// What the rule says, one line.
    pub text: String,
    /// How bad it is.
    pub severity: Severity,
    /// The addresses as they stand in the event, `src_ip` and `dest_ip`.
    pub ends: [Option<IpAddr>; 2],
    /// Who attacks and who is attacked.
    pub sides: Sides,
    /// Steps of ATT&CK.
    pub steps: Vec<Step>,
    /// The sensor that saw it.
    pub sensor: Option<String>,
    /// What holds a correlation together that goes by no address: a name, and fields with values.
    pub group: Option<Group>,
    /// Ids of the events that it stands for where they are several, bounded.
    pub children: Vec<String>,
    /// How many events it stands for.
    pub events: u64,
}

/// What holds the events of a correlation together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The same for the same values.
    pub name: String,
    /// Conditions that each of its events fulfils: path and value.
    pub fields: Vec<(String, String)>,
}

/// Who found something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// Rules of packets.
    Rules,
    /// Sigma rules.
    Sigma,
    /// Whoever marks an event by `ratel.finding`.
    Marked,
}

impl Engine {
    /// The name in labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Engine::Rules => "rules",
            Engine::Sigma => "sigma",
            Engine::Marked => "finding",
        }
    }
}

impl Finding {
    /// What a record finds; none where it tells of no attack. `id` is the record's name on the bus,
    /// `published` stands in for a time that it does not tell.
    ///
    /// A record of a capture that somebody dropped on the dashboard (`ratel.capture`) tells of the
    /// past of another place: it makes no incident, wakes nobody and blocks nobody.
    #[must_use]
    pub fn of(record: &Value, id: &str, published: Timestamp, homes: &Homes) -> Option<Finding> {
        if is_of_capture(record) {
            return None;
        }
        if let Some(alert) = record.get("alert").filter(|alert| alert.is_object()) {
            return Some(Finding::of_alert(record, alert, id, published, homes));
        }
        let marked = record.get("ratel")?.get("finding")?;
        Finding::of_marked(record, marked, id, published)
    }

    fn of_alert(
        record: &Value,
        alert: &Value,
        id: &str,
        published: Timestamp,
        homes: &Homes,
    ) -> Finding {
        let number = |key: &str| alert.get(key).and_then(Value::as_u64);
        let (gid, sid) = (number("gid").unwrap_or(1), number("signature_id"));
        let rule = format!("{gid}:{}", sid.unwrap_or(0));
        let steps = attack::of_alert(alert);
        let text = line(alert.get("signature")).unwrap_or_else(|| format!("rule {rule}"));
        Finding {
            severity: severity_of(alert),
            sides: Sides::of_alert(record, alert, &steps, homes),
            rule,
            text,
            steps,
            engine: Engine::Rules,
            ..Finding::base(record, id, published)
        }
    }

    /// `ratel.finding` has `id` and `title`, and as far as they are known `severity`, `attacker` and
    /// `victim` (addresses), `tactics` and `techniques` (ids).
    fn of_marked(
        record: &Value,
        marked: &Value,
        id: &str,
        published: Timestamp,
    ) -> Option<Finding> {
        let rule = line(marked.get("id"))?;
        let severity = marked.get("severity").and_then(Value::as_str);
        let address = |key: &str| marked.get(key)?.as_str()?.parse().ok();
        let list = |key: &str| {
            let list = marked.get(key).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str)
        };
        let tags: Vec<String> = list("tactics")
            .chain(list("techniques"))
            .take(16)
            .map(|tag| format!("attack.{tag}"))
            .collect();
        let sides = match (address("attacker"), address("victim")) {
            (None, None) => Sides::of_flow(record),
            (attacker, victim) => Sides {
                attacker: attacker.map(|a: IpAddr| a.to_canonical()),
                victim: victim.map(|a: IpAddr| a.to_canonical()),
                is_callback: false,
            },
        };
        Some(Finding {
            severity: severity.and_then(severity_named).unwrap_or(Severity::Low),
            sides,
            text: line(marked.get("title")).unwrap_or_else(|| rule.clone()),
            rule,
            steps: attack::of_tags(tags.iter().map(String::as_str)),
            engine: Engine::Marked,
            ..Finding::base(record, id, published)
        })
    }

    /// What every record tells alike.
    #[must_use]
    pub fn base(record: &Value, id: &str, published: Timestamp) -> Finding {
        let time = time_of(record).unwrap_or(published);
        let text = |key: &str| record.get(key).and_then(Value::as_str);
        let address = |key: &str| text(key)?.parse().ok().map(|a: IpAddr| a.to_canonical());
        Finding {
            id: id.to_owned(),
            event_types: vec![line(record.get("event_type")).unwrap_or_default()],
            first: time,
            last: time,
            engine: Engine::Sigma,
            rule: String::new(),
            text: String::new(),
            severity: Severity::Informational,
            ends: [address("src_ip"), address("dest_ip")],
            sides: Sides::default(),
            steps: Vec::new(),
            sensor: line(record.get("host")),
            group: None,
            children: Vec::new(),
            events: 1,
        }
    }
}

/// Whether a record comes from a capture that a person had read.
#[must_use]
pub fn is_of_capture(record: &Value) -> bool {
    let ours = record.get("ratel");
    ours.and_then(|ours| ours.get("capture")).is_some()
}

/// A record's own time.
#[must_use]
pub fn time_of(record: &Value) -> Option<Timestamp> {
    let text = record.get("timestamp").or_else(|| record.get("@timestamp"));
    text?.as_str()?.parse().ok()
}

/// The severity of this name.
#[must_use]
pub fn severity_named(name: &str) -> Option<Severity> {
    Severity::ALL
        .into_iter()
        .find(|severity| severity.name().eq_ignore_ascii_case(name))
}

/// EVE's severity, corrected by what the rule's author says of it (`signature_severity`, as Emerging
/// Threats writes it): the worst class becomes critical where the author calls it so as well.
fn severity_of(alert: &Value) -> Severity {
    let eve = alert.get("severity").and_then(Value::as_u64).unwrap_or(3);
    let severity = Severity::of_eve(eve);
    let said = alert
        .get("metadata")
        .and_then(|metadata| metadata.get("signature_severity"));
    let said = match said {
        Some(Value::Array(list)) => list.first().and_then(Value::as_str),
        Some(Value::String(text)) => Some(text.as_str()),
        _ => None,
    };
    match said {
        Some("Critical") if severity == Severity::High => Severity::Critical,
        Some("Critical" | "Major") => severity.max(Severity::Medium),
        Some("Informational") if severity <= Severity::Low => Severity::Informational,
        _ => severity,
    }
}

/// A text as one bounded line without control characters: it stands in titles and on terminals.
#[must_use]
pub fn line(value: Option<&Value>) -> Option<String> {
    let text: String = value?
        .as_str()?
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_TEXT)
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(record: &Value) -> Option<Finding> {
        Finding::of(record, "e1", Timestamp::new(9, 0), &Homes::default())
    }

    #[test]
    fn an_alert_is_a_finding() {
        let found = of(&json!({
            "timestamp": "2026-01-02T03:04:05.678901+0000", "event_type": "alert", "host": "tap1",
            "src_ip": "192.0.2.1", "dest_ip": "10.0.0.5",
            "alert": {"gid": 1, "signature_id": 2_001_219, "signature": "SSH\nscan", "severity": 2,
                      "category": "Detection of a Network Scan"},
        }))
        .unwrap();
        assert_eq!(found.rule, "1:2001219");
        assert_eq!(found.text, "SSH scan");
        assert_eq!(found.severity, Severity::Medium);
        assert_eq!(found.sensor.as_deref(), Some("tap1"));
        assert_eq!(found.first.to_string(), "2026-01-02T03:04:05.678901+0000");
        assert_eq!(found.sides.attacker, "192.0.2.1".parse().ok());
        assert_eq!(found.sides.victim, "10.0.0.5".parse().ok());
        assert_eq!(found.steps[0].tactic, "TA0043");
    }

    #[test]
    fn what_tells_of_no_attack_is_none_and_a_capture_wakes_nobody() {
        for record in [
            json!({"event_type": "flow", "src_ip": "192.0.2.1"}),
            json!({"event_type": "alert", "alert": "text"}),
            json!({"event_type": "alert", "alert": {"signature_id": 1}, "ratel": {"capture": "c1"}}),
            json!({"event_type": "anomaly", "ratel": {"finding": {"title": "no id"}}}),
            json!([]),
            json!(null),
        ] {
            assert_eq!(of(&record), None, "{record}");
        }
    }

    #[test]
    fn whoever_marks_an_event_makes_it_a_finding() {
        let found = of(&json!({
            "event_type": "anomaly", "src_ip": "10.0.0.7", "dest_ip": "10.0.0.8",
            "ratel": {"finding": {"id": "beacon", "title": "It calls home", "severity": "high",
                      "attacker": "198.51.100.1", "victim": "10.0.0.7", "techniques": ["T1071"]}},
        }))
        .unwrap();
        assert_eq!(found.rule, "beacon");
        assert_eq!(found.severity, Severity::High);
        assert_eq!(found.sides.attacker, "198.51.100.1".parse().ok());
        assert_eq!(found.steps[0].tactic, "TA0011");
        assert_eq!(
            found.first,
            Timestamp::new(9, 0),
            "published, where it tells no time"
        );
    }

    #[test]
    fn the_author_of_a_rule_corrects_its_severity() {
        let check = |eve: u64, said: &str, expected| {
            let alert = json!({"severity": eve, "metadata": {"signature_severity": [said]}});
            assert_eq!(severity_of(&alert), expected, "{eve} {said}");
        };
        check(1, "Critical", Severity::Critical);
        check(1, "Major", Severity::High);
        check(1, "Informational", Severity::High);
        check(3, "Major", Severity::Medium);
        check(3, "Informational", Severity::Informational);
        check(2, "Minor", Severity::Medium);
        check(255, "", Severity::Informational);
    }
}
