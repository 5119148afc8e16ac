//! What was found, and the state that it makes.

use std::time::Duration;

use event::action::{ActionId, Mode, Why};

use super::*;

const NOW: Timestamp = Timestamp::new(1010, 0);

fn action(what: &str) -> Action {
    let executed = Timestamp::new(1000, 0);
    Action {
        id: ActionId(1),
        what: serde_json::from_str(what).unwrap(),
        ttl_secs: 60,
        mode: Mode::Enforce,
        why: Why::default(),
        returned: 0,
        state: State::Executed,
        planned: executed,
        executed: Some(executed),
        ends: executed + Duration::from_secs(60),
        changed: executed,
        undo: None,
    }
}

const BLOCK: &str = r#"{"step": "block", "target": "192.0.2.66"}"#;
const LIMIT: &str =
    r#"{"step": "rate_limit", "target": "192.0.2.66", "packets_per_second": 10, "burst": 20}"#;
const LEAD: &str = r#"{"step": "redirect", "target": "192.0.2.66", "to": "192.0.2.9", "port": 22}"#;

/// All is well: the firewall has stopped five packets, and five have arrived.
fn good() -> Findings {
    Findings {
        firewall: Finding {
            held_by: vec!["block4_32".to_owned()],
            packets_stopped: 5,
            fault: None,
        },
        arrivals: Some(arrived(5)),
        survivors: Ok(Survivors::default()),
        connections_ended: 0,
        interface: Some(Interface::Up),
        namespace: Some(1),
        passes_again: false,
        past: None,
        honeypot_answers: None,
        honeypot_reached: true,
    }
}

fn arrived(packets: u64) -> Arrivals {
    Arrivals {
        packets,
        interface: Some("eth0".to_owned()),
        namespace: Some(1),
    }
}

/// The state's name, or the way of failing.
fn check(what: &str, change: impl FnOnce(&mut Findings), expected: &str) {
    let mut findings = good();
    change(&mut findings);
    let state = judge(&action(what), &findings, NOW);
    let found = match &state {
        State::Ineffective { failure, cause } => {
            assert!(!cause.is_empty());
            let failure = serde_json::to_value(failure).unwrap();
            failure.as_str().unwrap().to_owned()
        }
        other => other.name().to_owned(),
    };
    assert_eq!(found, expected, "{state:?}");
}

#[test]
fn a_block_works_where_packets_are_stopped_or_none_arrives() {
    check(BLOCK, |_| {}, "effective");
    check(BLOCK, |f| f.arrivals = None, "effective");
    check(
        BLOCK,
        |f| (f.firewall.packets_stopped, f.arrivals) = (0, Some(arrived(0))),
        "effective",
    );
    check(
        BLOCK,
        |f| (f.firewall.packets_stopped, f.arrivals) = (0, None),
        "unknown",
    );
    check(
        BLOCK,
        |f| f.survivors = Err("conntrack is missing".into()),
        "unknown",
    );
}

#[test]
fn a_block_fails_for_the_first_reason_that_is_found() {
    let not_stopped = |f: &mut Findings| f.firewall.packets_stopped = 0;
    check(BLOCK, not_stopped, "still_arriving");
    check(BLOCK, |f| f.passes_again = true, "still_arriving");
    check(
        BLOCK,
        |f| {
            not_stopped(f);
            f.past = Some((Failure::BridgedPast, "by a bridge".into()));
        },
        "bridged_past",
    );
    check(
        BLOCK,
        |f| f.firewall.fault = Some((Failure::SetMissing, "gone".into())),
        "set_missing",
    );
    check(
        BLOCK,
        |f| f.interface = Some(Interface::Gone),
        "interface_gone",
    );
    check(
        BLOCK,
        |f| f.interface = Some(Interface::Down),
        "interface_down",
    );
    check(BLOCK, |f| f.namespace = Some(2), "other_namespace");
    let survivors = |sockets, tracked, offloaded| {
        move |f: &mut Findings| {
            f.survivors = Ok(Survivors {
                sockets,
                tracked,
                offloaded,
            });
        }
    };
    check(BLOCK, survivors(1, 0, 0), "connection_survives");
    check(BLOCK, survivors(0, 1, 0), "tracking_survives");
    check(BLOCK, survivors(0, 1, 1), "flowtable_offload");
}

#[test]
fn a_limit_works_while_no_more_passes_than_it_allows() {
    // Ten seconds with ten packets each, and twenty at once.
    let passing = |packets: u64| move |f: &mut Findings| f.arrivals = Some(arrived(packets + 5));
    check(LIMIT, passing(0), "effective");
    check(LIMIT, passing(120), "effective");
    check(LIMIT, passing(151), "limit_exceeded");
    check(
        LIMIT,
        |f| (f.firewall.packets_stopped, f.arrivals) = (0, None),
        "unknown",
    );
}

#[test]
fn a_lead_works_where_the_honeypot_is_reached_and_answers() {
    let idle = |answers, reached| {
        move |f: &mut Findings| {
            f.firewall.packets_stopped = 0;
            f.arrivals = Some(arrived(0));
            f.honeypot_answers = answers;
            f.honeypot_reached = reached;
        }
    };
    check(LEAD, idle(Some(true), true), "effective");
    check(LEAD, idle(None, true), "unknown");
    check(LEAD, idle(Some(false), true), "honeypot_silent");
    check(LEAD, idle(Some(true), false), "forwarding_off");
}

#[test]
fn a_block_that_is_passed_later_is_noticed() {
    // Packets stopped and packets arrived, at one verification after the other.
    let check = |readings: &[(u64, u64)], expected: bool| {
        let mut course = Course::default();
        let mut last = false;
        for (stopped, arrived) in readings {
            last = course.passes_again(*stopped, *arrived);
        }
        assert_eq!(last, expected, "{readings:?}");
    };
    check(&[(5, 5)], false);
    check(&[(5, 5), (5, 5), (5, 5)], false);
    check(&[(5, 5), (9, 9), (14, 14)], false);
    // What arrives between the two questions is counted the next time.
    check(&[(5, 5), (5, 6)], false);
    check(&[(5, 5), (5, 6), (6, 6)], false);
    check(&[(5, 5), (5, 6), (5, 9)], true);
    check(&[(5, 5), (5, 9), (5, 9)], true);
    check(&[(5, 5), (5, 9), (5, 9), (5, 9)], false);
    // Put anew, it counts from 0 on.
    check(&[(5, 5), (5, 6), (0, 6)], false);
}
