//! Prometheus' Alertmanager, API v2. Labels are an alert's identity: a fixed set, fixed when the incident is
//! first told. What changes is in annotations. Only the severity may rise; then the alert with the old one
//! ends in the same request.
//!
//! A firing alert has no end of its own (Alertmanager's `resolve_timeout` ends it should Ratel vanish) and is
//! sent again and again; one that is over carries its end and is sent for five more minutes. So an alert is a
//! function of the incident alone, and every replica gets the same.

pub mod silences;

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event::Timestamp;
use event::incident::{Incident, Kind, Status};
use serde_json::{Value, json};
use ureq::http::Method;

use super::World;
use super::change::{Receipt, Told};
use super::config::Alertmanager;
use super::deliver::{Delivery, Failed, Receipts};
use super::http::Http;
use super::message;
use super::secret::Shown;

/// Ratel's own labels.
pub const LABELS: [&str; 6] = [
    "alertname",
    "severity",
    "source",
    "incident",
    "kind",
    "sensor",
];
/// For how long what is over is sent again, should Alertmanager have missed it (as Prometheus does).
pub const OVER: Duration = Duration::from_secs(300);

/// Who sends to one replica.
#[derive(Debug)]
pub struct AlertmanagerSender {
    url: String,
    labels: BTreeMap<String, String>,
    every: Duration,
    mirrors: bool,
    authorization: Option<Shown>,
    http: Http,
}

impl AlertmanagerSender {
    /// Reads the secret, if there is one.
    pub fn open(
        config: &Alertmanager,
        url: &str,
        http: Http,
        world: &World,
    ) -> Result<Self, String> {
        let authorization = match (&config.token, &config.basic) {
            (None, None) => None,
            (Some(token), None) => Some(format!("Bearer {}", token.read(world)?.text())),
            (None, Some(basic)) => {
                let password = basic.password.read(world)?;
                let both = STANDARD.encode(format!("{}:{}", basic.user, password.text()));
                Some(format!("Basic {both}"))
            }
            (Some(_), Some(_)) => return Err("token or basic, not both".into()),
        };
        Ok(AlertmanagerSender {
            url: url.trim_end_matches('/').to_owned(),
            labels: config.labels.clone(),
            every: Duration::from_secs(config.resend_secs),
            mirrors: config.silences,
            authorization: authorization.map(Shown::new),
            http,
        })
    }

    /// How often a firing alert is sent again.
    pub fn resend_every(&self) -> Duration {
        self.every
    }

    /// Tells of incidents.
    pub fn send(&self, delivery: &Delivery<'_>) -> Result<Receipts, Failed> {
        let mut alerts = Vec::new();
        let mut receipts = Receipts::new();
        for item in &delivery.items {
            let mut told = Told::of(item.incident, delivery.now);
            if let Some(before) = item.told {
                told.receipt = before.receipt.clone();
                told.ended = before.ended.clone();
                if before.severity != told.severity && before.status != Status::Closed {
                    told.ended.insert(before.severity, item.incident.changed);
                }
            }
            let receipt = fixed(&told.receipt, item.incident);
            told.receipt = receipt.clone();
            alerts.extend(self.alerts(item.incident, &told, delivery.link, delivery.now));
            receipts.insert(item.incident.id.clone(), receipt);
        }
        self.post(alerts)?;
        Ok(receipts)
    }

    /// Sends again what was told before.
    pub fn refresh<'a>(
        &self,
        kept: impl Iterator<Item = (&'a Incident, &'a Told)>,
        link: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Failed> {
        let alerts = kept.flat_map(|(incident, told)| self.alerts(incident, told, link, now));
        self.post(alerts.collect())
    }

    fn post(&self, alerts: Vec<Value>) -> Result<(), Failed> {
        if alerts.is_empty() {
            return Ok(());
        }
        let url = format!("{}/api/v2/alerts", self.url);
        let answer = self
            .http
            .post_json(&url, &self.headers(), &Value::Array(alerts))?;
        answer.good().map(drop)
    }

    /// Asks another path of the API.
    fn ask(&self, method: Method, path: &str, body: &[u8]) -> Result<Value, Failed> {
        let url = format!("{}{path}", self.url);
        let mut headers = self.headers();
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        let answer = self.http.ask(method, &url, &headers, body)?;
        Ok(answer.good()?.json())
    }

    /// Whether silences are mirrored.
    pub fn mirrors(&self) -> bool {
        self.mirrors
    }

    /// Labels that every alert gets beside Ratel's own.
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    fn headers(&self) -> Vec<(&str, &str)> {
        let authorization = self.authorization.iter();
        authorization
            .map(|secret| ("authorization", secret.text()))
            .collect()
    }

    /// The alert of an incident, and those that its rise has ended.
    fn alerts(
        &self,
        incident: &Incident,
        told: &Told,
        link: Option<&str>,
        now: Timestamp,
    ) -> Vec<Value> {
        let mut alerts = vec![alert(incident, &told.receipt, &self.labels, link)];
        for (severity, left) in &told.ended {
            if *severity != incident.severity && now.since(*left) <= OVER {
                let old = Incident {
                    severity: *severity,
                    status: Status::Closed,
                    changed: *left,
                    ..incident.clone()
                };
                alerts.push(alert(&old, &told.receipt, &self.labels, link));
            }
        }
        alerts
    }
}

/// What stays the same about an incident, once it was told.
fn fixed(before: &Receipt, incident: &Incident) -> Receipt {
    let sensor = incident.sensors.first().cloned().unwrap_or_default();
    let mut receipt = Receipt::from([
        ("kind".to_owned(), kind(incident.kind).0.to_owned()),
        ("sensor".to_owned(), sensor),
    ]);
    receipt.extend(before.clone());
    receipt
}

const fn kind(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Attack => ("attack", "RatelAttack"),
        Kind::Correlation => ("correlation", "RatelCorrelation"),
        Kind::Response => ("response", "RatelResponse"),
        Kind::Storm => ("storm", "RatelStorm"),
    }
}

/// The labels of an incident's alert: its identity.
#[must_use]
pub fn labels(
    incident: &Incident,
    receipt: &Receipt,
    more: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut labels = more.clone();
    let fixed = fixed(receipt, incident);
    let name = fixed
        .get("kind")
        .map_or("RatelIncident", |name| match name.as_str() {
            "attack" => "RatelAttack",
            "correlation" => "RatelCorrelation",
            "response" => "RatelResponse",
            _ => "RatelStorm",
        });
    let own = [
        ("alertname", name.to_owned()),
        ("severity", incident.severity.name().to_owned()),
        ("source", "ratel".to_owned()),
        ("incident", incident.id.clone()),
    ];
    labels.extend(own.map(|(name, value)| (name.to_owned(), value)));
    labels.extend(fixed);
    // An empty label is none.
    labels.retain(|_, value| !value.is_empty());
    labels
}

fn alert(
    incident: &Incident,
    receipt: &Receipt,
    more: &BTreeMap<String, String>,
    link: Option<&str>,
) -> Value {
    let mut annotations = BTreeMap::from([("summary".to_owned(), incident.title.clone())]);
    for (name, text) in message::facts(incident) {
        let name = name.to_ascii_lowercase().replace('&', "n");
        if !matches!(name.as_str(), "severity" | "incident") {
            annotations.insert(name, text);
        }
    }
    annotations.insert("revision".into(), incident.revision.to_string());
    let mut alert = json!({
        "labels": labels(incident, receipt, more),
        "annotations": annotations,
        "startsAt": message::moment(incident.opened),
    });
    if incident.status == Status::Closed {
        // An end before the beginning is refused.
        let end = incident
            .changed
            .max(incident.opened + Duration::from_millis(1));
        alert["endsAt"] = message::moment(end).into();
    }
    if let Some(link) = message::link(link, incident) {
        alert["generatorURL"] = link.into();
    }
    alert
}

/// Whether what was told before is to be sent again: while it fires every `every`, and for five minutes
/// after its end.
#[must_use]
pub fn is_due(told: &Told, last: Timestamp, every: Duration, now: Timestamp) -> bool {
    let is_live = told.status != Status::Closed || now.since(told.at) <= OVER;
    is_live && now.since(last) >= every
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::sample;

    #[test]
    fn labels_are_a_fixed_set_and_what_changes_is_in_annotations() {
        let incident = sample::incident(1);
        let more = BTreeMap::from([("team".to_owned(), "soc".to_owned())]);
        let first = alert(
            &incident,
            &Receipt::new(),
            &more,
            Some("https://r.example.org"),
        );
        let expected = json!({
            "alertname": "RatelAttack", "incident": "i0123456789abcdef", "kind": "attack",
            "sensor": "sensor-1", "severity": "high", "source": "ratel", "team": "soc",
        });
        assert_eq!(first["labels"], expected);
        assert_eq!(
            first["generatorURL"],
            "https://r.example.org/incidents/i0123456789abcdef"
        );
        assert!(first.get("endsAt").is_none());
        let mut later = incident.clone();
        later.events += 1000;
        later.revision += 1;
        later.title = "another".into();
        later.sensors = vec!["sensor-2".into()];
        let receipt = fixed(&Receipt::new(), &incident);
        let second = alert(&later, &receipt, &more, None);
        assert_eq!(second["labels"], expected);
        assert_eq!(second["startsAt"], first["startsAt"]);
        assert_ne!(second["annotations"], first["annotations"]);
    }

    #[test]
    fn what_is_over_has_an_end_after_its_beginning() {
        let mut incident = sample::incident(1);
        incident.status = Status::Closed;
        incident.changed = incident.opened;
        let alert = alert(&incident, &Receipt::new(), &BTreeMap::new(), None);
        assert!(alert["endsAt"].as_str().unwrap() > alert["startsAt"].as_str().unwrap());
    }

    #[test]
    fn firing_alerts_are_sent_again_and_resolved_ones_for_five_minutes() {
        let mut told = Told::of(&sample::incident(1), Timestamp::new(1000, 0));
        let every = Duration::from_secs(60);
        let due = |told: &Told, now| {
            is_due(
                told,
                Timestamp::new(now - 60, 0),
                every,
                Timestamp::new(now, 0),
            )
        };
        assert!(due(&told, 1060));
        assert!(due(&told, 100_000));
        assert!(!is_due(
            &told,
            Timestamp::new(1000, 0),
            every,
            Timestamp::new(1059, 0)
        ));
        told.status = Status::Closed;
        assert!(due(&told, 1300));
        assert!(!due(&told, 1301));
    }
}
