//! Histories of findings, and the incidents that they make.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use event::Timestamp;
use event::incident::{Kind, Severity, Status};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::change::{Change, Telling, What};
use crate::finding::Finding;

/// An engine on a clock, and all that it said.
struct World {
    engine: Engine,
    now: Timestamp,
    said: Vec<Change>,
    number: u64,
}

impl World {
    fn new() -> World {
        World::with(Policy::default())
    }

    fn with(policy: Policy) -> World {
        World {
            engine: Engine::new(policy, Arc::default()),
            now: Timestamp::new(1_000_000, 0),
            said: Vec::new(),
            number: 0,
        }
    }

    fn finding(&mut self, from: &str, to: &str, sid: u64, severity: u64) -> Finding {
        self.number += 1;
        let record = json!({
            "timestamp": self.now.to_string(), "event_type": "alert",
            "src_ip": from, "dest_ip": to,
            "alert": {"gid": 1, "signature_id": sid, "signature": format!("rule {sid}"),
                      "severity": severity},
        });
        let id = format!("e{}", self.number);
        Finding::of(&record, &id, self.now, &Homes::default()).unwrap()
    }

    fn alert(&mut self, from: &str, to: &str, sid: u64, severity: u64) -> String {
        let finding = self.finding(from, to, sid, severity);
        self.engine.on_finding(&finding, None, self.now)
    }

    fn call_home(&mut self, from: &str, to: &str) -> String {
        let mut finding = self.finding(from, to, 99, 1);
        finding.sides = crate::finding::side::Sides {
            attacker: to.parse().ok(),
            victim: from.parse().ok(),
            is_callback: true,
        };
        self.engine.on_finding(&finding, None, self.now)
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let step = Duration::from_millis(200).max(time / 1000);
        while self.now < end {
            self.now = (self.now + step).min(end);
            let said = self.engine.tick(self.now);
            self.said.extend(said);
        }
    }

    fn secs(&mut self, secs: u64) {
        self.pass(Duration::from_secs(secs));
    }

    fn loud(&self) -> Vec<&Change> {
        let said = self.said.iter();
        said.filter(|change| change.telling == Telling::Loud)
            .collect()
    }

    fn incidents(&self) -> Vec<&event::Incident> {
        let mut all: Vec<_> = self.engine.iter().map(|kept| &kept.incident).collect();
        all.sort_by_key(|incident| (incident.opened, incident.id.clone()));
        all
    }
}

#[test]
fn ten_thousand_events_of_three_attacks_are_three_incidents_and_few_messages() {
    let mut world = World::new();
    for n in 0..10_000_u64 {
        match n % 3 {
            // One attacker goes through a network.
            0 => drop(world.alert(
                "192.0.2.1",
                &format!("10.0.{}.{}", n / 250 % 4, n % 250),
                1,
                3,
            )),
            // Many attack one host in the same way.
            1 => drop(world.alert(
                &format!("198.51.{}.{}", n / 250 % 100, n % 250),
                "10.1.0.1",
                2,
                2,
            )),
            // From host to host.
            _ => {
                let hop = n / 1000;
                let (from, to) = (format!("10.2.0.{hop}"), format!("10.2.0.{}", hop + 1));
                world.alert(&from, &to, 100 + hop, 1);
            }
        }
        if n % 100 == 0 {
            world.pass(Duration::from_millis(400));
        }
    }
    world.secs(60);
    let incidents = world.incidents();
    assert_eq!(incidents.len(), 3, "{incidents:#?}");
    assert_eq!(incidents.iter().map(|i| i.events).sum::<u64>(), 10_000);
    assert!(world.loud().len() <= 5, "{:?}", world.loud().len());
    let chain = incidents.iter().find(|i| i.attackers.len() == 10).unwrap();
    assert_eq!(chain.severity, Severity::Critical);
}

#[test]
fn a_first_seen_attack_during_a_storm_is_told_at_once_and_the_rest_in_digests() {
    let mut world = World::new();
    // Everybody does the same to everybody.
    for n in 0..2000_u64 {
        let (from, to) = (
            format!("203.0.{}.{}", n / 250, n % 250),
            format!("10.3.{}.{}", n / 250, n % 250),
        );
        world.alert(&from, &to, 7, 2);
        world.pass(Duration::from_millis(20));
    }
    assert!(world.engine.is_storm());
    let before = world.loud().len();
    assert!(before <= 23, "{before}");
    let id = world.alert("192.0.2.99", "10.0.0.1", 4711, 1);
    world.secs(5);
    let told = world
        .loud()
        .into_iter()
        .find(|change| change.incident.id == id);
    assert!(told.is_some_and(|change| change.what == What::Opened));
    // The digest counts what was not told, and it ends.
    let storm = world
        .said
        .iter()
        .rev()
        .find(|c| c.incident.kind == Kind::Storm)
        .unwrap();
    assert!(
        storm.incident.title.starts_with("Storm: "),
        "{}",
        storm.incident.title
    );
    world.secs(1000);
    assert!(!world.engine.is_storm());
    let storms: Vec<_> = world
        .incidents()
        .into_iter()
        .filter(|i| i.kind == Kind::Storm)
        .cloned()
        .collect();
    assert_eq!(storms.len(), 1);
    assert_eq!(storms[0].status, Status::Closed);
    let gathered = world
        .said
        .iter()
        .filter(|c| c.what == What::Opened && c.telling == Telling::Withheld)
        .count();
    assert!(
        storms[0]
            .title
            .contains(&format!("{gathered} more incidents")),
        "{} {gathered}",
        storms[0].title
    );
    assert!(world.loud().len() <= before + 6, "{}", world.loud().len());
}

#[test]
fn what_is_critical_is_told_in_a_storm_as_well() {
    let mut world = World::new();
    for n in 0..100_u64 {
        world.alert(&format!("203.0.113.{n}"), &format!("10.3.0.{n}"), 7, 2);
        world.pass(Duration::from_millis(200));
    }
    assert!(world.engine.is_storm());
    // A host that was attacked attacks: severity 1 on a chain.
    world.alert("203.0.113.1", "10.3.0.1", 7, 1);
    world.alert("10.3.0.1", "10.3.9.9", 7, 1);
    world.secs(3);
    let critical = world
        .loud()
        .into_iter()
        .filter(|c| c.incident.severity == Severity::Critical);
    assert_eq!(critical.count(), 1);
}

#[test]
fn a_victim_that_attacks_or_calls_home_is_the_next_step() {
    let mut world = World::new();
    let first = world.alert("192.0.2.1", "10.0.0.5", 1, 1);
    world.secs(5);
    assert_eq!(world.call_home("10.0.0.5", "198.51.100.7"), first);
    assert_eq!(world.alert("10.0.0.5", "10.0.0.6", 2, 2), first);
    world.secs(5);
    assert_eq!(world.alert("10.0.0.6", "10.0.0.7", 3, 2), first);
    world.secs(5);
    let incident = world.engine.get(&first).unwrap().incident.clone();
    assert_eq!(incident.severity, Severity::Critical);
    assert_eq!(incident.attackers.len(), 4);
    let louds: Vec<_> = world.loud().iter().map(|c| c.what.name()).collect();
    assert_eq!(louds, ["opened", "risen"]);
    // Outside the window it is another matter.
    world.secs(1700);
    world.alert("192.0.2.1", "10.0.0.5", 1, 3);
    world.secs(1700);
    world.alert("192.0.2.1", "10.0.0.5", 1, 3);
    world.secs(600);
    assert_ne!(world.alert("10.0.0.7", "10.0.0.8", 3, 2), first);
}

#[test]
fn an_answer_of_the_victim_belongs_to_the_attack() {
    let mut world = World::new();
    let first = world.alert("192.0.2.1", "10.0.0.5", 1, 2);
    assert_eq!(world.alert("10.0.0.5", "192.0.2.1", 2, 3), first);
    world.secs(2);
    let incident = &world.engine.get(&first).unwrap().incident;
    assert_eq!(incident.attackers.len(), 1);
    assert_eq!(
        incident.severity,
        Severity::Medium,
        "an answer is no step to another host"
    );
}

#[test]
fn scans_of_no_weight_make_no_chain() {
    let mut world = World::new();
    let first = world.alert("192.0.2.1", "10.0.0.5", 1, 3);
    assert_ne!(world.alert("10.0.0.5", "10.0.0.6", 2, 1), first);
}

#[test]
fn several_attackers_of_one_host_are_several_incidents_until_they_are_many() {
    let mut world = World::new();
    for n in 1..=3 {
        world.alert(&format!("192.0.2.{n}"), "10.0.0.5", 1, 2);
        world.secs(3);
    }
    assert_eq!(world.incidents().len(), 3);
    for n in 4..=200 {
        world.alert(&format!("192.0.2.{n}"), "10.0.0.5", 1, 2);
    }
    world.secs(3);
    let incidents = world.incidents();
    assert_eq!(incidents.len(), 4, "those of whom people know stay");
    assert_eq!(incidents[3].events, 197);
    // Who does something else does it apart.
    world.alert("192.0.2.150", "10.0.0.9", 5, 1);
    assert_eq!(world.incidents().len(), 5);
}

#[test]
fn an_incident_is_closed_when_it_is_silent_and_opened_again_when_it_goes_on() {
    let mut world = World::new();
    let id = world.alert("192.0.2.1", "10.0.0.5", 1, 2);
    world.secs(1900);
    assert_eq!(
        world.engine.get(&id).unwrap().incident.status,
        Status::Closed
    );
    let closed = world.said.last().unwrap();
    assert_eq!(closed.telling, Telling::Quiet);
    assert!(
        matches!(&closed.what, What::Closed { why } if why == "nothing was added for 30 minutes")
    );
    assert_eq!(world.alert("192.0.2.1", "10.0.0.5", 1, 2), id);
    world.secs(3);
    assert_eq!(world.engine.get(&id).unwrap().incident.status, Status::Open);
    let what: Vec<_> = world.loud().iter().map(|c| c.what.name()).collect();
    // It only goes on: what was told is made right, without a message.
    assert_eq!(what, ["opened"]);
    let last = world.said.last().unwrap();
    assert_eq!(
        (&last.what, last.telling),
        (&What::Reopened, Telling::Quiet)
    );
    // After a day it is a new one, and the old one is forgotten.
    world.secs(1900);
    world.secs(100_000);
    let next = world.alert("192.0.2.1", "10.0.0.5", 1, 2);
    assert_ne!(next, id);
    assert!(world.engine.get(&id).is_none());
    assert!(world.engine.take_unsaved().1.contains(&id));
}

#[test]
fn what_a_person_closed_stays_closed_while_it_only_goes_on() {
    let mut world = World::new();
    let id = world.alert("192.0.2.1", "10.0.0.5", 1, 2);
    world.secs(3);
    let triage = Triage {
        id: id.clone(),
        status: Status::Closed,
        why: "our scanner".into(),
    };
    world.engine.on_triage(&triage, world.now);
    world.secs(3);
    assert!(
        matches!(&world.said.last().unwrap().what, What::Closed { why } if why == "our scanner")
    );
    assert_eq!(world.alert("192.0.2.1", "10.0.0.6", 1, 2), id);
    world.secs(10);
    let incident = &world.engine.get(&id).unwrap().incident;
    assert_eq!((incident.status, incident.events), (Status::Closed, 2));
    // Another rule is news.
    assert_eq!(world.alert("192.0.2.1", "10.0.0.6", 2, 2), id);
    world.secs(2);
    assert_eq!(world.said.last().unwrap().what, What::Reopened);
}

#[test]
fn what_a_silence_covers_is_kept_and_told_to_nobody() {
    let mut world = World::new();
    let finding = world.finding("192.0.2.1", "10.0.0.5", 1, 1);
    let id = world.engine.on_finding(&finding, Some("s1"), world.now);
    world.secs(5);
    assert_eq!(world.said.len(), 1);
    assert_eq!(world.said[0].telling, Telling::Withheld);
    world.alert("192.0.2.1", "10.0.0.5", 2, 2);
    world.secs(5);
    assert_eq!(world.loud().len(), 1);
    assert_eq!(world.loud()[0].incident.id, id);
}

#[test]
fn a_silence_quiets_what_was_told_and_its_end_is_told_once() {
    let mut world = World::new();
    let silences = |world: &mut World, ids: &[&str]| {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        world.engine.set_silences(ids);
    };
    world.alert("192.0.2.1", "10.0.0.5", 1, 2);
    world.secs(5);
    assert_eq!(world.loud().len(), 1);
    // Other rules, other victims, worse: nothing of it is told, loud or quiet.
    silences(&mut world, &["s1"]);
    let said = world.said.len();
    for n in 0..3600 {
        let to = format!("10.0.0.{}", 5 + n % 50);
        let finding = world.finding("192.0.2.1", &to, 1 + n % 9, 1);
        world.engine.on_finding(&finding, Some("s1"), world.now);
        world.secs(1);
    }
    world.secs(5);
    let told = world.said.iter().skip(said);
    assert!(told.clone().count() > 0, "the dashboard shows it");
    assert!(
        told.clone()
            .all(|change| change.telling == Telling::Withheld)
    );
    assert!(world.engine.dirty.is_empty(), "nothing is left to be told");
    // It ends, and the attack goes on: that is told once, then as ever.
    silences(&mut world, &[]);
    for _ in 0..60 {
        world.alert("192.0.2.1", "10.0.0.5", 1, 2);
        world.secs(1);
    }
    let what: Vec<_> = world.loud().iter().map(|c| c.what.name()).collect();
    assert_eq!(what, ["opened", "updated"]);
}

#[test]
fn a_silence_of_one_rule_leaves_the_others() {
    let mut world = World::new();
    world.engine.set_silences(BTreeSet::from(["s1".to_owned()]));
    for n in 0..1200 {
        let finding = world.finding("192.0.2.1", "10.0.0.5", 1, 2);
        world.engine.on_finding(&finding, Some("s1"), world.now);
        if n % 10 == 5 {
            world.alert("192.0.2.1", "10.0.0.5", 2, 2);
        }
        world.secs(1);
    }
    assert_eq!(world.loud().len(), 1, "what goes on is no message");
    let quiet = world.said.iter().filter(|c| c.telling == Telling::Quiet);
    assert!((15..=20).contains(&quiet.count()), "and is made right");
}

#[test]
fn a_beacon_slower_than_idle_is_told_once_and_again_when_something_changes() {
    let mut world = World::new();
    let mut id = String::new();
    for _ in 0..48 {
        id = world.alert("192.0.2.1", "10.0.0.5", 1, 2);
        world.secs(2700);
    }
    let what: Vec<_> = world
        .said
        .iter()
        .map(|c| (c.what.name(), c.telling))
        .collect();
    assert_eq!(world.loud().len(), 1, "{what:?}");
    // Once its rhythm is known it stays open.
    let closed = what.iter().filter(|(what, _)| *what == "closed").count();
    assert_eq!(closed, 1, "{what:?}");
    // Another victim is news.
    assert_eq!(world.alert("192.0.2.1", "10.0.0.6", 1, 2), id);
    world.secs(5);
    assert_eq!(world.loud().len(), 2);
    // And so is what is worse after it was over.
    world.secs(20_000);
    assert_eq!(
        world.engine.get(&id).unwrap().incident.status,
        Status::Closed
    );
    assert_eq!(world.alert("192.0.2.1", "10.0.0.6", 1, 1), id);
    world.secs(5);
    assert_eq!(world.loud().len(), 3);
    assert_eq!(world.loud()[2].what, What::Reopened);
}

#[test]
fn more_of_the_same_is_told_quietly_and_news_in_digests() {
    let mut world = World::new();
    for n in 0..7200_u64 {
        let host = if n > 4000 { "10.0.0.6" } else { "10.0.0.5" };
        world.alert("192.0.2.1", host, 1, 2);
        world.secs(1);
    }
    let what: Vec<_> = world.loud().iter().map(|c| c.what.name()).collect();
    assert_eq!(what, ["opened", "updated"]);
    let quiet = world
        .said
        .iter()
        .filter(|c| c.telling == Telling::Quiet)
        .count();
    assert!((100..=130).contains(&quiet), "{quiet}");
}

#[test]
fn a_rise_that_waits_for_a_digest_is_told_though_nothing_more_comes() {
    let mut world = World::new();
    world.alert("192.0.2.1", "10.0.0.5", 1, 3);
    world.secs(20);
    world.alert("192.0.2.1", "10.0.0.6", 2, 2);
    for _ in 0..2000 {
        world.secs(1);
    }
    let what: Vec<_> = world.loud().iter().map(|c| c.what.name()).collect();
    assert_eq!(what, ["opened", "updated"]);
}

#[test]
fn precious_hosts_make_it_worse_and_are_named() {
    let mut world = World::new();
    let (list, _) =
        crate::assets::read("a.csv", "address,name,criticality\n10.0.0.5,db1,critical\n");
    world.engine.set_assets(Arc::new(Assets::new(list)));
    let id = world.alert("192.0.2.1", "10.0.0.5", 1, 2);
    world.secs(2);
    let incident = &world.engine.get(&id).unwrap().incident;
    assert_eq!(incident.severity, Severity::High);
    assert_eq!(incident.title, "rule 1: 192.0.2.1 against 10.0.0.5 (db1)");
}

#[test]
fn too_many_incidents_come_together_in_one_that_says_so() {
    let mut world = World::with(Policy {
        max_open: 50,
        ..Policy::default()
    });
    for n in 0..500_u64 {
        world.alert(
            &format!("203.0.{}.{}", n / 250, n % 250),
            &format!("10.3.{}.{}", n / 250, n % 250),
            n,
            2,
        );
    }
    world.secs(5);
    let incidents = world.incidents();
    assert!(incidents.len() <= 52, "{}", incidents.len());
    let events: u64 = incidents
        .iter()
        .filter(|i| !i.title.starts_with("Storm:"))
        .map(|i| i.events)
        .sum();
    assert_eq!(events, 500, "nothing is lost");
}

fn ineffective() -> event::Action {
    serde_json::from_value(json!({
        "id": "a17", "step": "block", "target": "192.0.2.1", "ttl_secs": 3600, "mode": "enforce",
        "why": {"reason": "scan"}, "state": "ineffective", "failure": "table_missing",
        "cause": "the table inet ratel is gone", "planned": "1970-01-01T00:01:40.000001+0000",
        "ends": "1970-01-01T01:01:40.000000+0000", "changed": "1970-01-01T00:01:41.000000+0000",
    }))
    .unwrap()
}

#[test]
fn an_answer_that_does_not_work_is_an_incident_until_it_does() {
    let mut world = World::new();
    let attack = world.alert("192.0.2.1", "10.0.0.5", 1, 2);
    let mut action = ineffective();
    for _ in 0..3 {
        world.engine.on_action(&action, world.now);
        world.secs(2);
    }
    let of = |world: &World| {
        let found = world
            .incidents()
            .into_iter()
            .find(|i| i.kind == Kind::Response)
            .cloned();
        found.unwrap()
    };
    let incident = of(&world);
    assert_eq!(incident.title, "block 192.0.2.1 has no effect");
    assert_eq!(incident.signatures[0].id, "response:table_missing");
    assert_eq!(incident.events, 1);
    assert_eq!(
        world.engine.get(&attack).unwrap().incident.actions,
        [action.id]
    );
    assert_eq!(
        world
            .loud()
            .iter()
            .filter(|c| c.incident.kind == Kind::Response)
            .count(),
        1
    );
    // What fails in the same way comes to it, and it ends with the last.
    let mut other = ineffective();
    other.id = event::ActionId(18);
    world.engine.on_action(&other, world.now);
    world.secs(2);
    assert_eq!(of(&world).title, "2 actions have no effect");
    action.state = event::action::State::Expired;
    world.engine.on_action(&action, world.now);
    world.secs(2);
    assert_eq!(of(&world).status, Status::Open);
    other.state = event::action::State::Expired;
    world.engine.on_action(&other, world.now);
    world.secs(2);
    assert_eq!(of(&world).status, Status::Closed);
}

#[test]
fn after_a_restart_incidents_go_on_and_nothing_is_told_twice() {
    let mut world = World::new();
    let attack = world.alert("192.0.2.1", "10.0.0.5", 1, 1);
    world.secs(5);
    let (kept, _) = world.engine.take_unsaved();
    let text = serde_json::to_string(&kept).unwrap();
    let mut again = World::new();
    again.now = world.now;
    again.number = world.number;
    again.engine.restore(serde_json::from_str(&text).unwrap());
    again.secs(5);
    assert!(again.said.is_empty(), "{:?}", again.said);
    assert_eq!(again.alert("192.0.2.1", "10.0.0.9", 1, 1), attack);
    assert_eq!(
        again.alert("10.0.0.5", "10.0.0.7", 2, 1),
        attack,
        "the chain goes on"
    );
    again.secs(5);
    assert_eq!(again.loud().len(), 1);
    assert!(matches!(again.loud()[0].what, What::Risen { .. }));
}

fn host(n: u8) -> String {
    if n < 6 {
        format!("10.0.0.{n}")
    } else {
        format!("192.0.2.{n}")
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever comes: each event is counted in one incident, whose search finds it; severities only
    /// rise; revisions only grow; the same history gives the same names.
    #[test]
    fn every_event_is_in_an_incident_whose_search_finds_it(
        history in prop::collection::vec((0u8..12, 0u8..12, 0u64..5, 1u64..4, 0u64..900, 0u8..10), 1..120),
    ) {
        let run = || {
            let mut world = World::with(Policy { spray_attackers: 3, ..Policy::default() });
            let mut findings: Vec<Finding> = Vec::new();
            for (from, to, sid, severity, wait, kind) in &history {
                let mut finding = world.finding(&host(*from), &host(*to), *sid, *severity);
                finding.sides.is_callback = *kind == 0;
                if *kind == 1 {
                    finding.sides.attacker = None;
                }
                if *kind == 2 {
                    finding.ends = [None, None];
                    finding.sides = Default::default();
                }
                world.engine.on_finding(&finding, (*kind == 3).then_some("s1"), world.now);
                findings.push(finding);
                world.pass(Duration::from_secs(*wait));
            }
            world.secs(5);
            (world, findings)
        };
        let (world, findings) = run();
        let total: u64 = world.engine.iter().filter(|k| !k.memory.keys.contains(&Key::Storm))
            .map(|k| k.incident.events).sum();
        prop_assert_eq!(total, findings.len() as u64);
        for finding in &findings {
            let held = world.engine.iter().any(|kept| {
                let incident = &kept.incident;
                incident.first <= finding.first && finding.last <= incident.last
                    && kept.memory.reach.anchors.iter().any(|anchor| anchor.holds(finding))
            });
            prop_assert!(held, "{:?}", finding);
        }
        let mut last: HashMap<&str, (u64, Severity)> = HashMap::new();
        for change in &world.said {
            let incident = &change.incident;
            if let Some((revision, severity)) = last.get(incident.id.as_str()) {
                prop_assert!(incident.revision > *revision);
                prop_assert!(incident.severity >= *severity);
            } else {
                prop_assert_eq!(&change.what, &What::Opened);
            }
            last.insert(&incident.id, (incident.revision, incident.severity));
        }
        let (again, _) = run();
        prop_assert_eq!(&again.said, &world.said);
    }
}

/// A rule and a model write a record each about one flow: both are events of the incident, as its search finds both, and
/// nothing else of it counts twice.
#[test]
fn a_flow_that_a_rule_and_a_model_found_is_one_incident_of_two_events() {
    let mut world = World::new();
    let (from, to) = ("10.0.0.5", "192.0.2.9");
    let rule = world.alert(from, to, 1, 2);
    let record = json!({
        "timestamp": world.now.to_string(), "event_type": "alert", "src_ip": from, "dest_ip": to,
        "alert": {"gid": event::record::MODEL_GID, "signature_id": 0, "severity": 3,
                  "signature": "Ratel model: traffic of a kind not seen before"},
        "ratel": {"model": {"name": "default"}},
    });
    let found = Finding::of(&record, "e2", world.now, &Homes::default()).unwrap();
    assert_eq!(world.engine.on_finding(&found, None, world.now), rule);
    let incidents = world.incidents();
    assert_eq!(incidents.len(), 1);
    let incident = incidents[0];
    assert_eq!((incident.events, incident.sample.len()), (2, 2));
    let by_rule: Vec<_> = incident
        .signatures
        .iter()
        .map(|known| (known.id.as_str(), known.events))
        .collect();
    assert_eq!(by_rule, [("1:1", 1), ("7001:0", 1)]);
    assert_eq!((incident.attackers.len(), incident.victims.len()), (1, 1));
    assert_eq!(incident.severity, Severity::Medium, "that of the rule");
}
