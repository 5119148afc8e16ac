//! The responder on a firewall and a host in memory.

use event::action::Failure;
use serde_json::json;

use super::*;
use crate::firewall::model::Model;
use crate::host::model::ModelHost;
use crate::protected::{Because, Protected};

const HOUR: Duration = Duration::from_secs(3600);
const NOW: Timestamp = Timestamp::new(1_000_000, 0);

fn responder(folder: Option<&Path>) -> Responder<Model, ModelHost> {
    let protected = Protected::new([("192.0.2.1".parse().unwrap(), Because::Own)]);
    let config = Config {
        mode: Mode::Enforce,
        folder: folder.map(Path::to_owned),
        ..Config::default()
    };
    Responder::open(config, Model::default(), ModelHost::new(protected), NOW).unwrap()
}

fn later(secs: u64) -> Timestamp {
    NOW + Duration::from_secs(secs)
}

fn playbook() -> (String, String) {
    let text = "- name: all\n  when: has(event.src_ip)\n  steps: [block: {ttl: 1h}]\n";
    ("p.yaml".into(), text.into())
}

#[test]
fn an_action_found_ineffective_is_told_with_the_reason() {
    let mut responder = responder(None);
    responder.block("192.0.2.66".parse().unwrap(), HOUR, "test", "", NOW);
    let mut told = Vec::new();
    for secs in [1, 60, 120] {
        let fault = (secs != 60).then(|| (Failure::TableMissing, "the table is gone".to_owned()));
        responder.actuator.firewall_mut().fault = fault;
        told.extend(responder.tick(later(secs)));
    }
    assert_eq!(responder.metrics().states["ineffective"], 2);
    let ineffective = told.iter().filter_map(|action| match &action.state {
        State::Ineffective { failure, cause } => Some((*failure, cause.as_str())),
        _ => None,
    });
    let expected = (Failure::TableMissing, "the table is gone");
    assert_eq!(ineffective.collect::<Vec<_>>(), [expected, expected]);
}

#[test]
fn an_incident_about_an_answer_or_one_that_is_over_is_not_answered() {
    let mut responder = responder(None);
    let text = "- name: all\n  when: incident.severity == 'high'\n  steps: [block: {ttl: 1h}]\n";
    assert_eq!(responder.load(&[("p.yaml".into(), text.into())], NOW), []);
    let incident = |kind: &str, status: &str| {
        json!({"id": "i1", "severity": "high", "kind": kind, "status": status,
               "attackers": [{"address": "192.0.2.66", "events": 3}]})
    };
    assert_eq!(
        responder.on_incident(&incident("response", "open"), NOW),
        []
    );
    assert_eq!(
        responder.on_incident(&incident("attack", "closed"), NOW),
        []
    );
    let done = responder.on_incident(&incident("attack", "open"), NOW);
    assert_eq!(done[0].what.target(), "192.0.2.66".parse().unwrap());
    assert_eq!(done[0].why.incident.as_deref(), Some("i1"));
}

#[test]
fn an_action_tells_how_long_each_part_took() {
    let mut responder = responder(None);
    // This clock goes on by a second each time that it is asked.
    responder.timed_by(|| {
        use std::sync::atomic::{AtomicU64, Ordering};
        static SECS: AtomicU64 = AtomicU64::new(1);
        later(SECS.fetch_add(1, Ordering::Relaxed))
    });
    assert_eq!(responder.load(&[playbook()], NOW), []);
    let record = json!({"src_ip": "192.0.2.66", "timestamp": "1970-01-12T13:46:39.999900+0000"});
    let published = Timestamp::new(999_999, 999_950_000);
    let done = responder.on_record(Source::Event, &record, Some(published), NOW);
    let [planned, executed] = &done[..] else {
        panic!("{done:?}");
    };
    let trigger = planned.why.trigger.unwrap();
    assert_eq!(trigger.packet, Some(Timestamp::new(999_999, 999_900_000)));
    assert_eq!((trigger.published, trigger.read), (Some(published), NOW));
    assert_eq!(planned.planned, later(1));
    assert_eq!(executed.executed, Some(later(2)));
}

#[test]
fn an_heir_that_became_protected_does_not_keep_the_place_of_what_is_undone() {
    let mut responder = responder(None);
    let target = "192.0.2.66".parse().unwrap();
    responder.block(target, HOUR / 2, "test", "", NOW);
    let longer = responder.block(target, HOUR, "test", "", NOW)[0].id;
    responder.host_mut().protected = Ok(Protected::new([(target, Because::Own)]));
    responder.undo(longer, "test", NOW).unwrap();
    assert!(responder.actuator().firewall().held.is_empty());
}
