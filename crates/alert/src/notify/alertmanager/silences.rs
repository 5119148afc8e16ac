//! Silences, mirrored both ways. One of ours that covers incidents which Alertmanager shows stands there too,
//! marked with our name in its comment, so that no replica needs to be remembered; one that people made
//! there hides the incidents it matches from every other receiver.

use event::Timestamp;
use event::incident::{Incident, Status};
use regex::RegexBuilder;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use ureq::http::Method;

use super::AlertmanagerSender;
use crate::notify::deliver::Failed;
use crate::notify::{clean, message};

/// Silences of one server that are looked at.
const MAX_SILENCES: usize = 2000;
/// Incidents that one silence names.
const MAX_NAMED: usize = 200;
/// Combinations of one incident that are held against a silence.
const MAX_EACH: usize = 5;
/// Bytes of a compiled pattern.
const MAX_PATTERN: usize = 1 << 18;
/// What begins our mark in a comment.
const MARK: &str = "[ratel:";

/// A silence of ours in force, as its query tests an event.
#[derive(Clone)]
pub struct Active {
    /// Its id.
    pub id: String,
    /// When it ends.
    pub ends: Timestamp,
    /// Who made it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Whether it means an event.
    pub matches: Arc<dyn Fn(&Value) -> bool + Send + Sync>,
}

/// A silence of ours as it stands in Alertmanager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ours {
    id: String,
    ends: Timestamp,
    owner: String,
    reason: String,
    incidents: Vec<String>,
}

/// A silence that people made in Alertmanager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreign {
    /// Its id there.
    pub id: String,
    /// From when.
    pub begins: Timestamp,
    /// Until when.
    pub ends: Timestamp,
    /// Who made it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Which alerts it means: all of these must hold.
    pub matchers: Vec<Matcher>,
}

/// A condition on a label, as Alertmanager has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Matcher {
    /// The label.
    pub name: String,
    /// The text or pattern.
    pub value: String,
    /// Whether it is a pattern.
    pub is_regex: bool,
    /// Whether it must hold, or must not.
    #[serde(default = "yes")]
    pub is_equal: bool,
}

fn yes() -> bool {
    true
}

/// A silence in the API's answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Theirs {
    id: String,
    status: State,
    matchers: Vec<Matcher>,
    starts_at: Timestamp,
    ends_at: Timestamp,
    #[serde(default)]
    created_by: String,
    #[serde(default)]
    comment: String,
}

#[derive(Debug, Deserialize)]
struct State {
    state: String,
}

impl Foreign {
    /// Whether it hides an alert with these labels: an absent label is an empty one, as there.
    #[must_use]
    pub fn hides(&self, labels: &BTreeMap<String, String>, now: Timestamp) -> bool {
        self.begins <= now
            && now < self.ends
            && !self.matchers.is_empty()
            && self.matchers.iter().all(|one| one.holds(labels))
    }
}

impl Matcher {
    fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.name).map_or("", String::as_str);
        let is_so = match self.is_regex {
            false => value == self.value,
            true => {
                let whole = format!("^(?:{})$", self.value);
                let Ok(pattern) = RegexBuilder::new(&whole).size_limit(MAX_PATTERN).build() else {
                    return false;
                };
                pattern.is_match(value)
            }
        };
        is_so == self.is_equal
    }
}

/// Whether a silence means all that an incident is made of: who knows only a part of it hides only a part.
#[must_use]
pub fn covers(matches: &dyn Fn(&Value) -> bool, incident: &Incident) -> bool {
    if incident.signatures.is_empty() || incident.attackers.is_empty() {
        return false;
    }
    let nobody = [String::new()];
    let victims: Vec<String> = incident.victims.iter().map(|v| v.address.clone()).collect();
    let victims = match victims.as_slice() {
        [] => nobody.as_slice(),
        victims => victims.get(..MAX_EACH).unwrap_or(victims),
    };
    let host = incident.sensors.first().cloned().unwrap_or_default();
    incident.signatures.iter().take(MAX_EACH).all(|signature| {
        let sid = signature
            .id
            .rsplit(':')
            .next()
            .and_then(|sid| sid.parse::<u64>().ok());
        incident.attackers.iter().take(MAX_EACH).all(|attacker| {
            victims.iter().all(|victim| {
                let mut event = json!({
                    "event_type": "alert", "host": host, "src_ip": attacker.address,
                    "alert": {"signature": signature.text},
                });
                if !victim.is_empty() {
                    event["dest_ip"] = victim.as_str().into();
                }
                if let Some(sid) = sid {
                    event["alert"]["signature_id"] = sid.into();
                }
                matches(&event)
            })
        })
    })
}

/// What of `active` is to stand in an Alertmanager that shows these incidents.
#[must_use]
pub fn ours(active: &[Active], shown: &[&Incident]) -> Vec<Ours> {
    let mut all = Vec::new();
    for silence in active {
        let mut incidents: Vec<String> = shown
            .iter()
            .filter(|one| one.status != Status::Closed && covers(&*silence.matches, one))
            .map(|one| one.id.clone())
            .take(MAX_NAMED)
            .collect();
        incidents.sort();
        if !incidents.is_empty() {
            all.push(Ours {
                id: silence.id.clone(),
                ends: silence.ends,
                owner: silence.owner.clone(),
                reason: silence.reason.clone(),
                incidents,
            });
        }
    }
    all
}

impl Ours {
    fn matchers(&self) -> Vec<Matcher> {
        let matcher = |name: &str, value: String, is_regex| Matcher {
            name: name.into(),
            value,
            is_regex,
            is_equal: true,
        };
        let names: Vec<String> = self.incidents.iter().map(|id| regex::escape(id)).collect();
        vec![
            matcher("incident", names.join("|"), true),
            matcher("source", "ratel".into(), false),
        ]
    }

    fn body(&self, id: Option<&str>, now: Timestamp) -> Value {
        let text = |text: &str, usual: &str| match clean::line(text, 500) {
            text if text.is_empty() => usual.to_owned(),
            text => text,
        };
        let mut body = json!({
            "matchers": self.matchers(),
            "startsAt": message::moment(now),
            "endsAt": message::moment(self.ends),
            "createdBy": text(&self.owner, "ratel"),
            "comment": format!("{} {MARK}{}]", text(&self.reason, "silenced in Ratel"), self.id),
        });
        if let Some(id) = id {
            body["id"] = id.into();
        }
        body
    }
}

/// What is to be done at one server.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Put(Value),
    Delete(String),
}

/// Compares what should stand there with what does.
fn plan(ours: &[Ours], theirs: &[Theirs], now: Timestamp) -> (Vec<Step>, Vec<Foreign>) {
    let mut steps = Vec::new();
    let mut foreign = Vec::new();
    let mut kept: Vec<&str> = Vec::new();
    for one in theirs {
        if one.status.state == "expired" {
            continue;
        }
        let Some(mark) = mark_of(&one.comment) else {
            foreign.push(Foreign {
                id: clean::line(&one.id, 64),
                begins: one.starts_at,
                ends: one.ends_at,
                owner: clean::line(&one.created_by, 100),
                reason: clean::line(&one.comment, 500),
                matchers: one.matchers.clone(),
            });
            continue;
        };
        // Replicas that talk with each other may have it twice: one is enough.
        let wanted = ours
            .iter()
            .find(|ours| ours.id == mark && !kept.contains(&ours.id.as_str()));
        let Some(wanted) = wanted.filter(|wanted| wanted.ends > now) else {
            steps.push(Step::Delete(one.id.clone()));
            continue;
        };
        kept.push(&wanted.id);
        let mut matchers = one.matchers.clone();
        matchers.sort_by(|a, b| a.name.cmp(&b.name));
        // They keep milliseconds.
        let is_same_end = (one.ends_at.nanos() - wanted.ends.nanos()).abs() < 1_000_000_000;
        if matchers != wanted.matchers() || !is_same_end {
            steps.push(Step::Put(wanted.body(Some(&one.id), now)));
        }
    }
    for missing in ours
        .iter()
        .filter(|one| one.ends > now && !kept.contains(&one.id.as_str()))
    {
        steps.push(Step::Put(missing.body(None, now)));
    }
    (steps, foreign)
}

fn mark_of(comment: &str) -> Option<&str> {
    let (_, rest) = comment.rsplit_once(MARK)?;
    rest.strip_suffix(']')
}

impl AlertmanagerSender {
    /// Makes the server's silences of ours the same as `ours`; what people made there.
    pub fn mirror(&self, ours: &[Ours], now: Timestamp) -> Result<Vec<Foreign>, Failed> {
        let answer = self.ask(Method::GET, "/api/v2/silences", &[])?;
        let theirs: Vec<Theirs> = answer
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| serde_json::from_value(one.clone()).ok())
            .take(MAX_SILENCES)
            .collect();
        let (steps, foreign) = plan(ours, &theirs, now);
        for step in steps {
            match step {
                Step::Put(body) => {
                    self.ask(
                        Method::POST,
                        "/api/v2/silences",
                        body.to_string().as_bytes(),
                    )?;
                }
                Step::Delete(id) => {
                    self.ask(Method::DELETE, &format!("/api/v2/silence/{id}"), &[])?;
                }
            }
        }
        Ok(foreign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::sample;

    fn at(secs: i64) -> Timestamp {
        Timestamp::new(secs, 0)
    }

    fn one(id: &str, ends: i64, incidents: &[&str]) -> Ours {
        Ours {
            id: id.into(),
            ends: at(ends),
            owner: "ann".into(),
            reason: "a test".into(),
            incidents: incidents.iter().map(|id| (*id).to_owned()).collect(),
        }
    }

    /// What Alertmanager answers once it took a body.
    fn taken(id: &str, body: &Value) -> Theirs {
        let mut answer = body.clone();
        answer["id"] = id.into();
        answer["status"] = json!({"state": "active"});
        serde_json::from_value(answer).unwrap()
    }

    #[test]
    fn what_stands_there_is_left_what_changed_is_put_and_what_ended_is_deleted() {
        let (a, b) = (one("s1", 100, &["i1"]), one("s2", 100, &["i2"]));
        let (steps, _) = plan(std::slice::from_ref(&a), &[], at(1));
        let [Step::Put(body)] = steps.as_slice() else {
            panic!("{steps:?}")
        };
        assert_eq!(body["comment"], "a test [ratel:s1]");
        let there = || vec![taken("x", body)];
        assert_eq!(plan(std::slice::from_ref(&a), &there(), at(2)).0, []);
        let more = one("s1", 100, &["i1", "i3"]);
        let (steps, _) = plan(&[more], &there(), at(2));
        assert!(matches!(steps.as_slice(), [Step::Put(body)] if body["id"] == "x"));
        let (steps, _) = plan(&[b], &there(), at(2));
        assert_eq!(steps.len(), 2);
        assert_eq!(steps[0], Step::Delete("x".into()));
        assert_eq!(plan(&[a], &there(), at(200)).0, [Step::Delete("x".into())]);
    }

    #[test]
    fn what_people_made_there_is_theirs() {
        let mut body = one("s1", 100, &["i1"]).body(None, at(1));
        body["comment"] = "maintenance".into();
        let (steps, foreign) = plan(&[], &[taken("y", &body)], at(2));
        assert_eq!(steps, []);
        assert_eq!(
            (foreign[0].id.as_str(), foreign[0].reason.as_str()),
            ("y", "maintenance")
        );
    }

    #[test]
    fn a_foreign_silence_hides_by_labels_as_alertmanager_does() {
        let labels = BTreeMap::from([("severity".to_owned(), "low".to_owned())]);
        let check = |name: &str, value: &str, is_regex, is_equal, expected| {
            let foreign = Foreign {
                id: "x".into(),
                begins: at(10),
                ends: at(20),
                owner: String::new(),
                reason: String::new(),
                matchers: vec![Matcher {
                    name: name.into(),
                    value: value.into(),
                    is_regex,
                    is_equal,
                }],
            };
            assert_eq!(foreign.hides(&labels, at(15)), expected, "{name} {value}");
            assert!(!foreign.hides(&labels, at(9)) && !foreign.hides(&labels, at(20)));
        };
        check("severity", "low", false, true, true);
        check("severity", "high", false, true, false);
        check("severity", "high", false, false, true);
        check("severity", "lo", true, true, false);
        check("severity", "l.*|medium", true, true, true);
        check("severity", "(", true, true, false);
        check("team", "", false, true, true);
        check("team", "web", false, false, true);
    }

    #[test]
    fn a_silence_covers_an_incident_only_as_a_whole() {
        let incident = sample::incident(1);
        assert!(covers(&|event| event["src_ip"] == "192.0.2.1", &incident));
        assert!(covers(
            &|event| event["alert"]["signature_id"] == 2_001_219,
            &incident
        ));
        let mut two = incident.clone();
        two.attackers.push(two.victims[0].clone());
        assert!(!covers(&|event| event["src_ip"] == "192.0.2.1", &two));
        two.attackers.clear();
        assert!(!covers(&|_| true, &two));
    }
}
