//! Which flows and hosts are under an alert, so that they don't teach what is normal.

use crate::table::{Error, MAX_CLASSES};
use crate::threshold::INCIDENT_US;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// Flows, and hours of hosts, that are remembered as under an alert: some 40 bytes each. More of them are no
/// traffic to learn from.
pub(super) const MAX_ALERTED: usize = 2_000_000;
/// Hours of a flow that are looked at for alerts of its host, and the last besides: of one that goes on for weeks they
/// would be thousands.
const MAX_HOURS: i64 = 48;
/// The kind of attack where an alert names none, or where there are too many kinds.
const ATTACK: &str = "attack";

/// What becomes of flows that an alert is about, in EVE's records and in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alerted {
    /// They are left out, and with them what else of the same host went on in the hour of the alert or the next: they
    /// must not teach what is normal.
    #[default]
    LeaveOut,
    /// They are attacks, of the kind that the alert's category names; other flows are normal, and what else of the same
    /// host went on in that hour or the next is left out.
    Attack,
    /// They are taken as any other.
    Keep,
}

/// What an alert says of a flow.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Under {
    /// It is about this flow; the kind of attack.
    Alert(String),
    /// It is about another flow of its host at that time.
    Host,
    /// There is none.
    Nothing,
}

/// What a flow's record says of it that alerts are about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Course {
    pub(super) id: Option<u64>,
    /// It says itself that there was an alert.
    pub(super) is_alerted: bool,
    /// From when on it went on and until when, microseconds since 1970.
    pub(super) begin_us: i64,
    pub(super) end_us: i64,
}

impl Course {
    /// The hours that are looked at.
    fn hours(&self) -> impl Iterator<Item = i64> {
        let last = self.end_us.div_euclid(INCIDENT_US);
        // A begin after the end is of a clock that was set back.
        let first = self.begin_us.div_euclid(INCIDENT_US).min(last);
        let looked_at = first.saturating_add(MAX_HOURS).min(last);
        (first..looked_at).chain([last])
    }
}

/// Alerts that were read.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    /// By id of a flow the place of the kind.
    flows: HashMap<u64, usize>,
    kinds: Vec<String>,
    /// Hosts and hours.
    hosts: HashSet<(IpAddr, i64)>,
}

impl Alerts {
    /// A flow with an alert. The first one names the kind.
    pub(super) fn add(&mut self, flow: Option<u64>, kind: &str) -> Result<(), Error> {
        let Some(flow) = flow else { return Ok(()) };
        if self.flows.len() >= MAX_ALERTED {
            return Err(Error::Alerts);
        }
        let place = self.kind(kind);
        self.flows.entry(flow).or_insert(place);
        Ok(())
    }

    fn kind(&mut self, kind: &str) -> usize {
        let kind = match kind.trim() {
            "" => ATTACK,
            kind if kind.eq_ignore_ascii_case("normal") => ATTACK,
            kind => kind,
        };
        let place = |kinds: &[String], kind: &str| kinds.iter().position(|known| known == kind);
        let is_full = self.kinds.len() + 2 >= MAX_CLASSES;
        let kind = match place(&self.kinds, kind) {
            Some(at) => return at,
            None if is_full => ATTACK,
            None => kind,
        };
        place(&self.kinds, kind).unwrap_or_else(|| {
            self.kinds.push(kind.to_owned());
            self.kinds.len() - 1
        })
    }

    /// A host with an alert at a time, microseconds since 1970. What is done at the end of an hour shows in the next.
    pub(super) fn add_host(&mut self, host: IpAddr, at_us: i64) -> Result<(), Error> {
        if self.hosts.len() >= MAX_ALERTED {
            return Err(Error::Alerts);
        }
        let hour = at_us.div_euclid(INCIDENT_US);
        self.hosts
            .extend([(host, hour), (host, hour.saturating_add(1))]);
        Ok(())
    }

    /// What is said of a flow that `host` began.
    pub(super) fn of(&self, flow: Course, host: Option<&IpAddr>) -> Under {
        let kind = flow
            .id
            .and_then(|flow| self.kinds.get(*self.flows.get(&flow)?));
        if let Some(kind) = kind {
            return Under::Alert(kind.clone());
        }
        if flow.is_alerted {
            return Under::Alert(ATTACK.to_owned());
        }
        let is_alerted =
            |host: &IpAddr| flow.hours().any(|hour| self.hosts.contains(&(*host, hour)));
        match host.is_some_and(is_alerted) {
            true => Under::Host,
            false => Under::Nothing,
        }
    }
}

/// Who began the flow of a record: it may stand on an answer.
pub(super) fn client(record: &Value) -> Option<IpAddr> {
    let address = |value: &Value, key: &str| value.get(key)?.as_str()?.parse().ok();
    if let Some(client) = record.get("flow").and_then(|flow| address(flow, "src_ip")) {
        return Some(client);
    }
    let is_answer = record.get("direction").and_then(Value::as_str) == Some("to_client");
    address(record, if is_answer { "dest_ip" } else { "src_ip" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn who_began_a_flow_is_told_by_its_record() {
        let check = |record: Value, expected: &str| {
            let client = client(&record).map(|host| host.to_string());
            assert_eq!(client.as_deref(), Some(expected), "{record}");
        };
        check(json!({"src_ip": "192.0.2.1"}), "192.0.2.1");
        check(
            json!({"src_ip": "192.0.2.1", "dest_ip": "10.0.0.1", "direction": "to_client"}),
            "10.0.0.1",
        );
        check(
            json!({"src_ip": "192.0.2.1", "flow": {"src_ip": "10.0.0.2"}}),
            "10.0.0.2",
        );
    }

    #[test]
    fn an_alert_is_about_a_flow_and_a_host_for_two_hours() {
        let mut alerts = Alerts::default();
        let host = IpAddr::from([10, 0, 0, 1]);
        alerts.add(Some(7), "Scan").unwrap();
        alerts.add(Some(7), "Other").unwrap();
        alerts.add(Some(8), " normal").unwrap();
        alerts.add_host(host, 5 * INCIDENT_US).unwrap();
        let of = |id, hours: (i64, i64)| {
            let flow = Course {
                id,
                begin_us: hours.0 * INCIDENT_US,
                end_us: hours.1 * INCIDENT_US,
                ..Course::default()
            };
            alerts.of(flow, Some(&host))
        };
        assert_eq!(of(Some(7), (50, 50)), Under::Alert("Scan".to_owned()));
        assert_eq!(of(Some(8), (50, 50)), Under::Alert("attack".to_owned()));
        for (hours, expected) in [
            ((4, 4), Under::Nothing),
            ((5, 5), Under::Host),
            ((6, 6), Under::Host),
            ((7, 7), Under::Nothing),
            // Longer flows: begun in the alert's hours, ended in them, or around them.
            ((5, 9), Under::Host),
            ((6, 90), Under::Host),
            ((2, 5), Under::Host),
            ((2, 9), Under::Host),
            ((0, 4), Under::Nothing),
            ((7, 90), Under::Nothing),
            // Of those that go on for days no more hours than so many, and the last.
            ((5 - MAX_HOURS, 90), Under::Nothing),
            ((6 - MAX_HOURS, 90), Under::Host),
            ((6 - MAX_HOURS, 6), Under::Host),
            ((i64::MIN >> 40, 6), Under::Host),
            // A clock that was set back.
            ((9, 6), Under::Host),
            ((6, 4), Under::Nothing),
        ] {
            assert_eq!(of(None, hours), expected, "{hours:?}");
        }
        let itself = Course {
            is_alerted: true,
            ..Course::default()
        };
        let said = alerts.of(itself, None);
        assert_eq!(said, Under::Alert("attack".to_owned()));
    }

    #[test]
    fn too_many_kinds_are_attacks() {
        let mut alerts = Alerts::default();
        for flow in 0..MAX_CLASSES as u64 + 5 {
            alerts.add(Some(flow), &format!("kind {flow}")).unwrap();
        }
        assert!(alerts.kinds.len() < MAX_CLASSES, "{}", alerts.kinds.len());
        let flow = Course {
            id: Some(MAX_CLASSES as u64),
            ..Course::default()
        };
        let last = alerts.of(flow, None);
        assert_eq!(last, Under::Alert("attack".to_owned()));
    }
}
