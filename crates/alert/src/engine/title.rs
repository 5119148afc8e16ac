//! One line that tells people what an incident is about.

use event::Incident;
use event::incident::{Kind, Party};

/// The longest title, characters.
const MAX_TITLE: usize = 200;

/// The title by what is known now.
#[must_use]
pub fn of(incident: &Incident) -> String {
    let worst = incident
        .signatures
        .iter()
        .max_by(|a, b| (a.severity, a.events).cmp(&(b.severity, b.events)));
    let what = worst.map_or("Something", |signature| signature.text.as_str());
    let others = incident.signatures.len().saturating_sub(1);
    let more = match others {
        0 => String::new(),
        1 => " and 1 more rule".to_owned(),
        many => format!(" and {many} more rules"),
    };
    let from = side(&incident.attackers, "attackers");
    let against = side(&incident.victims, "hosts");
    let title = match (incident.kind, from, against) {
        (Kind::Storm | Kind::Response, _, _) => incident.title.clone(),
        (_, Some(from), Some(against)) => format!("{what}{more}: {from} against {against}"),
        (_, Some(from), None) => format!("{what}{more}: from {from}"),
        (_, None, Some(against)) => format!("{what}{more}: against {against}"),
        (_, None, None) => format!("{what}{more}"),
    };
    title.chars().take(MAX_TITLE).collect()
}

fn side(parties: &[Party], many: &str) -> Option<String> {
    match parties {
        [] => None,
        [one] => Some(match &one.asset {
            Some(asset) => format!("{} ({asset})", one.address),
            None => one.address.clone(),
        }),
        list if list.len() >= super::entry::MAX_PARTIES => {
            Some(format!("{} or more {many}", list.len()))
        }
        list => Some(format!("{} {many}", list.len())),
    }
}
