//! PagerDuty, Events API v2. The incident's name is the `dedup_key`: what comes twice is one alert there.

use event::incident::{Incident, Severity, Status};
use serde_json::{Map, Value, json};

use super::World;
use super::change::Change;
use super::clean;
use super::config::Pagerduty;
use super::deliver::{Delivery, Failed, Item, Receipts};
use super::http::Http;
use super::message;
use super::secret::Shown;

/// The API.
const API: &str = "https://events.pagerduty.com";
/// Characters of a summary (Events API v2: 1,024).
const MAX_SUMMARY: usize = 500;

/// Who sends to one integration.
#[derive(Debug)]
pub struct PagerdutySender {
    url: String,
    routing_key: Shown,
    http: Http,
}

/// What an event asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Trigger,
    Acknowledge,
    Resolve,
}

impl PagerdutySender {
    /// Reads the key.
    pub fn open(config: &Pagerduty, http: Http, world: &World) -> Result<PagerdutySender, String> {
        let api = config
            .api_url
            .as_deref()
            .unwrap_or(API)
            .trim_end_matches('/');
        Ok(PagerdutySender {
            url: format!("{api}/v2/enqueue"),
            routing_key: config.routing_key.read(world)?,
            http,
        })
    }

    /// Triggers, acknowledges, resolves.
    pub fn send(&self, delivery: &Delivery<'_>) -> Result<Receipts, Failed> {
        for item in &delivery.items {
            for action in actions(item) {
                let mut body = body(item, *action, delivery.link);
                body["routing_key"] = self.routing_key.text().into();
                self.http.post_json(&self.url, &[], &body)?.good()?;
            }
        }
        Ok(Receipts::new())
    }
}

/// What began and ended before it could be told is triggered too: that it is over is no reason that nobody
/// need know.
fn actions(item: &Item<'_>) -> &'static [Action] {
    match (item.change, item.incident.status) {
        (Change::Opened, Status::Closed) => &[Action::Trigger, Action::Resolve],
        (_, Status::Closed) => &[Action::Resolve],
        (Change::Acknowledged, _) => &[Action::Acknowledge],
        _ => &[Action::Trigger],
    }
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Informational => "info",
    }
}

fn body(item: &Item<'_>, action: Action, link: Option<&str>) -> Value {
    let incident: &Incident = item.incident;
    let mut body = json!({
        "event_action": match action {
            Action::Trigger => "trigger",
            Action::Acknowledge => "acknowledge",
            Action::Resolve => "resolve",
        },
        "dedup_key": incident.id,
        "client": "Ratel",
    });
    if let Some(link) = message::link(link, incident) {
        body["client_url"] = link.clone().into();
        body["links"] = json!([{"href": link, "text": "Open in Ratel"}]);
    }
    if action == Action::Trigger {
        let facts = message::facts(incident).into_iter();
        let facts: Map<String, Value> = facts
            .map(|(name, text)| (name.to_owned(), text.into()))
            .collect();
        let victims = message::parties(&incident.victims);
        let source = match victims.is_empty() {
            true => "ratel".to_owned(),
            false => victims,
        };
        body["payload"] = json!({
            "summary": clean::line(&message::headline(item), MAX_SUMMARY),
            "source": source,
            "severity": severity(incident.severity),
            "timestamp": message::moment(incident.opened),
            "component": incident.sensors.first(),
            "class": incident.kind,
            "custom_details": facts,
        });
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::sample;

    fn check(change: Change, status: Status, expected: &[Action]) {
        let mut incident = sample::incident(1);
        incident.status = status;
        let item = Item {
            incident: &incident,
            change,
            told: None,
            loud: true,
            note: "",
        };
        assert_eq!(actions(&item), expected);
    }

    #[test]
    fn states_become_actions() {
        check(Change::Opened, Status::Open, &[Action::Trigger]);
        check(Change::Risen, Status::Acknowledged, &[Action::Trigger]);
        check(
            Change::Acknowledged,
            Status::Acknowledged,
            &[Action::Acknowledge],
        );
        check(Change::Closed, Status::Closed, &[Action::Resolve]);
        check(Change::Reopened, Status::Open, &[Action::Trigger]);
        check(
            Change::Opened,
            Status::Closed,
            &[Action::Trigger, Action::Resolve],
        );
    }
}
