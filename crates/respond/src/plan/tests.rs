//! Playbooks held against records.

use event::action::{Action, State};
use serde_json::json;

use super::*;
use crate::playbook;
use crate::protected::Because;

const NOW: Timestamp = Timestamp::new(1000, 0);

fn read(text: &str) -> Vec<Playbook> {
    let (playbooks, refusals) = playbook::read("p.yaml", text);
    assert_eq!(refusals, []);
    playbooks
}

fn with(steps: &str) -> Vec<Playbook> {
    read(&format!(
        "- name: x\n  when: \"true\"\n  steps: [{steps}]\n"
    ))
}

fn alert() -> Value {
    json!({
        "event_type": "alert", "timestamp": "1970-01-01T00:16:39.000000+0000", "flow_id": 7,
        "src_ip": "192.0.2.66", "src_port": 4000, "dest_ip": "198.51.100.1", "dest_port": 22,
        "proto": "TCP", "alert": {"signature": "guess", "signature_id": 9},
    })
}

fn plans(playbooks: &[Playbook], ledger: &Ledger, mode: Mode, record: &Value) -> Vec<Plan> {
    let own = ("198.51.100.1".parse().unwrap(), Because::Own);
    let ground = Ground {
        ledger,
        protected: &Protected::new([own]),
        mode,
        published: None,
        now: NOW,
    };
    plan(playbooks, Source::Event, record, &ground)
}

fn check(steps: &str, record: &Value, expected: &[&str]) {
    let plans = plans(&with(steps), &Ledger::default(), Mode::Enforce, record);
    let found: Vec<String> = plans.iter().map(|plan| plan.what.to_string()).collect();
    assert_eq!(found, expected, "{steps} {record}");
}

#[test]
fn a_step_hits_who_it_means() {
    check("block: {}", &alert(), &["block 192.0.2.66"]);
    check("block: {prefix4: 24}", &alert(), &["block 192.0.2.0/24"]);
    check(
        "block: {target: destination}",
        &alert(),
        &["block 198.51.100.1"],
    );
    check(
        "block: {target: \"event.dest_ip\"}",
        &alert(),
        &["block 198.51.100.1"],
    );
    check("block: {target: \"event.nobody\"}", &alert(), &[]);
    check(
        "drop_connection: {}",
        &alert(),
        &["drop connection tcp 192.0.2.66:4000 - 198.51.100.1:22"],
    );
    let mut six = alert();
    six["src_ip"] = json!("2001:db8:1:2::3");
    check("block: {}", &six, &["block 2001:db8:1:2::/64"]);
    check("quarantine: {}", &six, &["quarantine 2001:db8:1:2::3"]);
    check("redirect: {to: 192.0.2.9}", &six, &[]);
}

#[test]
fn an_alert_on_the_answer_hits_who_began_the_flow() {
    let mut answer = alert();
    answer["src_ip"] = json!("198.51.100.1");
    answer["dest_ip"] = json!("192.0.2.66");
    answer["flow"] = json!({"src_ip": "192.0.2.66"});
    check("block: {}", &answer, &["block 192.0.2.66"]);
    answer["alert"]["source"] = json!({"ip": "192.0.2.77"});
    check("block: {}", &answer, &["block 192.0.2.77"]);
}

#[test]
fn records_of_any_kind_are_survived() {
    for record in [
        json!(null),
        json!([]),
        json!({"src_ip": 7}),
        json!({"src_ip": "nowhere"}),
        json!({"src_ip": {"a": []}, "alert": "text", "flow": 1}),
    ] {
        check("block: {}, drop_connection: {}", &record, &[]);
    }
}

#[test]
fn the_least_of_the_modes_counts() {
    let check = |installation, playbook: &str, step: &str, expected| {
        let text = format!(
            "- name: x\n  when: \"true\"\n  mode: {playbook}\n  steps: [block: {{mode: {step}}}]\n"
        );
        let plans = plans(&read(&text), &Ledger::default(), installation, &alert());
        assert_eq!(
            plans[0].mode, expected,
            "{installation:?} {playbook} {step}"
        );
    };
    check(Mode::Enforce, "enforce", "enforce", Mode::Enforce);
    check(Mode::Observe, "enforce", "enforce", Mode::Observe);
    check(Mode::Enforce, "ask", "enforce", Mode::Ask);
    check(Mode::Ask, "enforce", "observe", Mode::Observe);
}

#[test]
fn a_protected_target_is_planned_and_refused_with_its_reason() {
    let steps = with("block: {target: destination, prefix4: 24}");
    let plans = plans(&steps, &Ledger::default(), Mode::Enforce, &alert());
    let refused = plans[0].refused.as_deref().unwrap();
    assert_eq!(
        refused,
        "198.51.100.0/24 is protected: it shares addresses with 198.51.100.1, an address of this host"
    );
}

fn action(state: State, ends: i64) -> Action {
    let plan = plans(
        &with("block: {}"),
        &Ledger::default(),
        Mode::Enforce,
        &alert(),
    );
    let plan = plan.into_iter().next().unwrap();
    Action {
        id: event::ActionId(1),
        what: plan.what,
        ttl_secs: 3600,
        mode: Mode::Enforce,
        why: plan.why,
        returned: 0,
        executed: Some(Timestamp::new(900, 0)),
        state,
        planned: Timestamp::new(900, 0),
        ends: Timestamp::new(ends, 0),
        changed: Timestamp::new(950, 0),
        undo: None,
    }
}

#[test]
fn who_is_hit_already_is_not_hit_again_and_who_returns_is_kept_out_for_longer() {
    let text =
        "- name: x\n  when: \"true\"\n  steps: [block: {ttl: 100s}]\n  escalation: {factor: 3}\n";
    let check = |state: State, ends, expected: Option<(u64, u32)>| {
        let mut ledger = Ledger::default();
        ledger.put(action(State::Executed, ends));
        ledger.put(action(state, ends));
        let plans = plans(&read(text), &ledger, Mode::Enforce, &alert());
        let found = plans
            .first()
            .map(|plan| (plan.ttl.as_secs(), plan.returned));
        assert_eq!(found, expected);
    };
    check(State::Executed, 5000, None);
    check(State::Expired, 960, Some((300, 1)));
    // A person has just taken it back.
    let cause = "by a person".to_owned();
    check(State::Undone { cause }, 5000, None);
}

#[test]
fn what_a_model_found_is_answered_by_a_playbook_that_says_so_and_by_no_other() {
    let mut found = alert();
    found["alert"]["gid"] = json!(7001);
    let check = |models: bool, when: &str, expected: usize| {
        let text = format!(
            "- name: x\n  when: \"{when}\"\n  models: {models}\n  target: source\n  steps: [block: {{}}]\n"
        );
        let playbooks = read(&text);
        let ledger = Ledger::default();
        let planned = plans(&playbooks, &ledger, Mode::Enforce, &found);
        assert_eq!(planned.len(), expected, "{models} {when}");
    };
    for when in [
        "true",
        "event.event_type == 'alert'",
        "event.alert.gid == 7001",
        // Mentions are no consent.
        "event.alert.signature_id != 2027001",
        "event.dest_port != 7001",
    ] {
        check(false, when, 0);
        check(true, when, 1);
    }
    check(true, "event.alert.gid == 1", 0);
    let incident = |kind: &str, ids: &[&str]| {
        let rules: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
        let record = json!({ "kind": kind, "signatures": rules });
        is_of_model(Source::Incident, &record)
    };
    assert!(incident("attack", &["7001:1", "7001:2"]));
    assert!(!incident("attack", &["7001:1", "1:9"]) && !incident("attack", &[]));
    assert!(incident("storm", &["7001:1", "1:9"]) && !incident("storm", &["1:9"]));
}
