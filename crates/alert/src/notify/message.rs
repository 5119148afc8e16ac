//! What is said about an incident, for every kind of receiver: a headline, facts, a digest. Texts are clean
//! already ([`super::clean`]); escaping is each format's own.

use event::Timestamp;
use event::incident::{Incident, Party, Severity, Status};

use super::clean;
use super::deliver::Item;

/// Members of a list that are named; the rest is counted.
const MAX_NAMED: usize = 5;
/// Incidents that a digest names; the rest is counted.
pub const MAX_IN_DIGEST: usize = 20;
/// Characters of a fact.
const MAX_FACT: usize = 600;

/// `[HIGH] New: SSH password guessing …`, with what more there is to say.
#[must_use]
pub fn headline(item: &Item<'_>) -> String {
    let severity = item.incident.severity.name().to_ascii_uppercase();
    let title = &item.incident.title;
    match item.note {
        "" => format!("[{severity}] {}: {title}", item.change.word()),
        note => format!("[{severity}] {}: {title} ({note})", item.change.word()),
    }
}

/// What there is to know, name by name, in the order of reading.
#[must_use]
pub fn facts(incident: &Incident) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Severity", incident.severity.name().to_owned()),
        ("Status", status(incident.status).to_owned()),
    ];
    let mut add = |name, text: String| {
        if !text.is_empty() {
            facts.push((name, clean::line(&text, MAX_FACT)));
        }
    };
    add("Attackers", parties(&incident.attackers));
    add("Victims", parties(&incident.victims));
    let rules: Vec<String> = incident
        .signatures
        .iter()
        .map(|one| format!("{} ({})", one.text, one.id))
        .collect();
    add("Rules", some(&rules));
    let tactics: Vec<String> = incident
        .tactics
        .iter()
        .map(|one| {
            let techniques: Vec<&str> = one.techniques.iter().map(|t| t.id.as_str()).collect();
            match techniques.is_empty() {
                true => one.name.clone(),
                false => format!("{} ({})", one.name, techniques.join(", ")),
            }
        })
        .collect();
    add("ATT&CK", tactics.join(" → "));
    add("Events", incident.events.to_string());
    add("First", moment(incident.first));
    add("Last", moment(incident.last));
    add("Sensors", some(&incident.sensors));
    if !incident.actions.is_empty() {
        let actions: Vec<String> = incident.actions.iter().map(ToString::to_string).collect();
        add("Actions", some(&actions));
    }
    add("Incident", incident.id.clone());
    facts
}

/// Addresses with what the assets file calls them.
#[must_use]
pub fn parties(all: &[Party]) -> String {
    let names: Vec<String> = all
        .iter()
        .map(|party| match &party.asset {
            Some(asset) => format!("{} ({asset})", party.address),
            None => party.address.clone(),
        })
        .collect();
    some(&names)
}

fn some(all: &[String]) -> String {
    let named = all.get(..MAX_NAMED).unwrap_or(all).join(", ");
    match all.len().saturating_sub(MAX_NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// The status in a word.
#[must_use]
pub const fn status(status: Status) -> &'static str {
    match status {
        Status::Open => "open",
        Status::Acknowledged => "acknowledged",
        Status::Closed => "closed",
    }
}

/// A moment in RFC 3339 with milliseconds, UTC.
#[must_use]
pub fn moment(time: Timestamp) -> String {
    let eve = time.to_string();
    format!("{}Z", eve.get(..23).unwrap_or(&eve))
}

/// Where the dashboard shows an incident.
#[must_use]
pub fn link(base: Option<&str>, incident: &Incident) -> Option<String> {
    let base = base?.trim_end_matches('/');
    let plain = |c: char| c.is_ascii_alphanumeric();
    let id: String = incident.id.chars().filter(|c| plain(*c)).collect();
    Some(format!("{base}/incidents/{id}"))
}

/// The headline of a digest: how many, how bad.
#[must_use]
pub fn digest_headline(items: &[Item<'_>]) -> String {
    let worst = items.iter().map(|item| item.incident.severity).max();
    let worst = worst
        .unwrap_or(Severity::Informational)
        .name()
        .to_ascii_uppercase();
    format!("[{worst}] Digest: {} incidents changed", items.len())
}

/// A line for each incident of a digest, the worst first, bounded.
#[must_use]
pub fn digest_lines(items: &[Item<'_>]) -> Vec<String> {
    let mut lines: Vec<String> = items.iter().take(MAX_IN_DIGEST).map(headline).collect();
    if items.len() > MAX_IN_DIGEST {
        lines.push(format!("and {} more", items.len() - MAX_IN_DIGEST));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::sample;

    #[test]
    fn facts_name_five_and_count_the_rest() {
        let mut incident = sample::incident(1);
        let one = incident.attackers[0].clone();
        incident.attackers = vec![one; 7];
        let facts = facts(&incident);
        let attackers = &facts
            .iter()
            .find(|(name, _)| *name == "Attackers")
            .unwrap()
            .1;
        assert!(attackers.ends_with("192.0.2.1 and 2 more"), "{attackers}");
        let victims = &facts.iter().find(|(name, _)| *name == "Victims").unwrap().1;
        assert_eq!(victims, "198.51.100.7 (gateway)");
    }

    #[test]
    fn moments_are_rfc_3339() {
        assert_eq!(
            moment(Timestamp::new(0, 1_000_000)),
            "1970-01-01T00:00:00.001Z"
        );
    }

    #[test]
    fn links_lead_to_the_incident_and_nowhere_else() {
        let mut incident = sample::incident(1);
        incident.id = "../i01?x#".into();
        let link = link(Some("https://r.example.org/"), &incident);
        assert_eq!(
            link.as_deref(),
            Some("https://r.example.org/incidents/i01x")
        );
    }
}
