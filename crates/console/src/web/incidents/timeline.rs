//! `GET /api/v1/incidents/{id}/timeline`: what happened, in order.

use event::Timestamp;
use event::action::Action;
use event::incident::{Incident, Severity, Status};
use serde::Serialize;
use state::incidents::Record;
use store::search::{Hit, Order, Request};
use utoipa::ToSchema;

use super::{one, request};
use crate::api::problem::Problem;
use crate::service::lock;
use crate::web::app::{App, of_state};
use crate::web::extract::{Json, Path};
use crate::web::shapes::{self, Moment};

/// Events of an incident that stand in its timeline; a storm has more, its rules and steps are told all the same.
const MAX_EVENTS: usize = 200;

/// Actions that are held against an incident.
const MAX_ACTIONS: usize = 200;

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct Happening {
    #[schema(value_type = Moment)]
    time: Timestamp,
    kind: HappeningKind,
    /// The ATT&CK tactic that it was a step of.
    tactic: Option<String>,
    /// In words.
    text: String,
    /// Severity of the rule that fired, where one did.
    #[schema(value_type = Option<shapes::Severity>)]
    severity: Option<Severity>,
    /// The id of the event, action or note.
    #[serde(rename = "ref")]
    reference: Option<String>,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HappeningKind {
    Event,
    Action,
    Note,
    Status,
    Notification,
}

/// What a receiver heard of an incident last, or is to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notified {
    /// The receiver.
    pub receiver: String,
    /// Its kind.
    pub kind: String,
    /// When it took it; of what waits: since when.
    pub time: Timestamp,
    /// As what it was told.
    pub severity: Severity,
    /// As what it was told.
    pub status: Status,
    /// Whether it has yet to take it.
    pub is_waiting: bool,
    /// Of what waits: why the last try failed.
    pub error: Option<String>,
}

/// What happened, in order: the attack's steps, answers, notes, changes of status, who was told (of each receiver the
/// last notification, and one that waits).
#[utoipa::path(get, path = "/incidents/{id}/timeline", tag = "incidents",
    params(("id" = String, Path, description = "The incident's name")),
    responses((status = 200, body = Vec<Happening>)))]
pub async fn show(app: App, Path(id): Path<String>) -> Result<Json<Vec<Happening>>, Problem> {
    let record = one(&app, &id).await?;
    let notes = app.state()?.notes().of(&id).await.map_err(of_state)?;
    let mut all = of_incident(&record);
    // Where the store is not there, what is known of the incident itself is told.
    let events = Request {
        order: Order::OldestFirst,
        limit: MAX_EVENTS,
        exact_total: false,
        ..request(&record)?
    };
    if let Ok((answer, _)) = app.find(events).await {
        all.extend(
            answer
                .hits
                .iter()
                .filter_map(|hit| of_event(hit, &record.incident)),
        );
    }
    let notifications = app.lent.notifications.clone();
    let heard = app.wait(move || notifications(&id)).await?;
    all.extend(heard.into_iter().map(of_notification));
    let actions = of_actions(&app, &record.incident);
    all.extend(actions.iter().map(of_action));
    all.extend(notes.into_iter().map(|note| Happening {
        time: note.time,
        kind: HappeningKind::Note,
        tactic: None,
        text: format!("{}: {}", note.author, note.text),
        severity: None,
        reference: Some(note.id),
    }));
    all.sort_by_key(|happening| happening.time);
    Ok(Json(all))
}

const fn word(status: Status) -> &'static str {
    match status {
        Status::Open => "open",
        Status::Acknowledged => "acknowledged",
        Status::Closed => "closed",
    }
}

fn of_notification(heard: Notified) -> Happening {
    let Notified { receiver, kind, .. } = &heard;
    let state = format!("{}, {}", heard.severity.name(), word(heard.status));
    let text = match (&heard.error, heard.is_waiting) {
        (_, false) => format!("{receiver} ({kind}) was told: {state}"),
        (None, true) => format!("{receiver} ({kind}) is about to be told: {state}"),
        (Some(why), true) => format!("{receiver} ({kind}) is not told yet: {why}"),
    };
    Happening {
        time: heard.time,
        kind: HappeningKind::Notification,
        tactic: None,
        text,
        severity: Some(heard.severity),
        reference: Some(heard.receiver),
    }
}

/// Steps, rules and changes of status that the incident itself tells.
fn of_incident(record: &Record) -> Vec<Happening> {
    let incident = &record.incident;
    let steps = incident.tactics.iter().map(|tactic| {
        let techniques: Vec<_> = tactic
            .techniques
            .iter()
            .map(|technique| format!("{} {}", technique.id, technique.name))
            .collect();
        let mut text = format!("{} ({})", tactic.name, tactic.id);
        if !techniques.is_empty() {
            text.push_str(": ");
            text.push_str(&techniques.join(", "));
        }
        Happening {
            time: tactic.first,
            kind: HappeningKind::Event,
            tactic: Some(tactic.name.clone()),
            text,
            severity: None,
            reference: None,
        }
    });
    let mut all: Vec<Happening> = steps.collect();
    let status = |time, text: String| Happening {
        time,
        kind: HappeningKind::Status,
        tactic: None,
        text,
        severity: Some(incident.severity),
        reference: None,
    };
    all.push(status(incident.opened, "opened".to_owned()));
    if let Some((by, time)) = &record.triaged {
        let word = word(record.triage_status.unwrap_or(incident.status));
        let mut text = format!("{word} by {by}");
        if let Some(owner) = &record.owner {
            text.push_str(&format!(", owned by {owner}"));
        }
        if let Some(why) = &record.closed_why {
            text.push_str(&format!(": {why}"));
        }
        all.push(status(*time, text));
    }
    all
}

fn of_event(hit: &Hit, incident: &Incident) -> Option<Happening> {
    let record: serde_json::Value = serde_json::from_str(&hit.event).ok()?;
    let kind = record["event_type"].as_str().unwrap_or("event");
    let alert = &record["alert"];
    let text = match alert["signature"].as_str() {
        Some(signature) => signature.to_owned(),
        None => kind.to_owned(),
    };
    let ends = |from: &str, to: &str| {
        Some(format!(
            "{} → {}",
            record[from].as_str()?,
            record[to].as_str()?
        ))
    };
    let ends = ends("src_ip", "dest_ip").map_or_else(String::new, |ends| format!(" ({ends})"));
    let tactic = alert["metadata"]["mitre_tactic_name"][0].as_str();
    // Rules write names with underscores.
    let tactic = tactic.map(|name| name.replace('_', " "));
    let rule = format!("{}:{}", alert["gid"], alert["signature_id"]);
    let known = incident.signatures.iter().find(|known| known.id == rule);
    let severity = known
        .map(|known| known.severity)
        .or_else(|| alert["severity"].as_u64().map(Severity::of_eve));
    Some(Happening {
        time: hit.time,
        kind: HappeningKind::Event,
        tactic,
        text: format!("{text}{ends}"),
        severity,
        reference: Some(hit.id.to_string()),
    })
}

/// Actions that the incident names, or that were taken because of it or of one of its events.
fn of_actions(app: &App, incident: &Incident) -> Vec<Action> {
    let view = lock(&app.shared.view);
    let is_about = |action: &Action| {
        let why = &action.why;
        incident.actions.contains(&action.id)
            || why.incident.as_ref() == Some(&incident.id)
            || why
                .event
                .as_ref()
                .is_some_and(|event| incident.sample.contains(event))
    };
    view.iter()
        .map(|kept| &kept.action)
        .filter(|action| is_about(action))
        .take(MAX_ACTIONS)
        .cloned()
        .collect()
}

fn of_action(action: &Action) -> Happening {
    Happening {
        time: action.executed.unwrap_or(action.planned),
        kind: HappeningKind::Action,
        tactic: None,
        text: format!("{}: {}", action.what, action.state.name()),
        severity: None,
        reference: Some(action.id.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(is_waiting: bool, error: Option<&str>, expected: &str) {
        let told = of_notification(Notified {
            receiver: "soc".to_owned(),
            kind: "slack".to_owned(),
            time: Timestamp::new(7, 0),
            severity: Severity::High,
            status: Status::Open,
            is_waiting,
            error: error.map(str::to_owned),
        });
        assert_eq!(told.text, expected);
        assert_eq!(told.kind, HappeningKind::Notification);
    }

    #[test]
    fn who_was_told_is_said_in_words() {
        check(false, None, "soc (slack) was told: high, open");
        check(false, Some("later"), "soc (slack) was told: high, open");
        check(true, None, "soc (slack) is about to be told: high, open");
        check(
            true,
            Some("refused"),
            "soc (slack) is not told yet: refused",
        );
    }
}
