use std::collections::BTreeMap;

use super::*;
use crate::api::status::{Bouncer, Health, Role};

fn status() -> Status {
    let role = |name: &str, state, detail: &str| Role {
        role: name.into(),
        state,
        since: Timestamp::new(1000, 0),
        restarts: 2,
        detail: detail.into(),
    };
    Status {
        version: "0.1.0".into(),
        pid: 17,
        started: Timestamp::new(1000, 500_000_000),
        now: Timestamp::new(2000, 0),
        ready: false,
        roles: vec![
            role("sensor", Health::Degraded, "192.0.2.1 is gone"),
            role("respond", Health::Failed, "no nft"),
        ],
        actions: BTreeMap::from([("effective".into(), 2)]),
        events: BTreeMap::from([("alert".into(), 7)]),
        counters: BTreeMap::new(),
        bouncers: vec![Bouncer {
            name: "fw \"one\"\\".into(),
            address: "192.0.2.9".into(),
            agent: "x".into(),
            last_pull: Timestamp::new(1999, 0),
        }],
    }
}

#[test]
fn what_is_written_is_without_fault_and_without_addresses() {
    let text = write(
        &status(),
        "# HELP ratel_x_total X.\n# TYPE ratel_x_total counter\nratel_x_total 1",
    );
    assert_eq!(faults(&text), Vec::<String>::new(), "{text}");
    for line in [
        "ratel_build_info{version=\"0.1.0\"} 1\n",
        "ratel_start_time_seconds 1000.5\n",
        "ratel_ready 0\n",
        "ratel_role_ready{role=\"sensor\"} 1\nratel_role_ready{role=\"respond\"} 0\n",
        "ratel_role_degraded{role=\"sensor\"} 1\n",
        "ratel_role_restarts_total{role=\"respond\"} 2\n",
        "ratel_actions{state=\"effective\"} 2\n",
        "ratel_events_total{kind=\"alert\"} 7\n",
        "ratel_bouncer_last_pull_time_seconds{bouncer=\"fw \\\"one\\\"\\\\\"} 1999\n",
        "ratel_x_total 1\n",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("192.0.2."), "{text}");
}

#[test]
fn each_fault_is_told() {
    let head = "# HELP ratel_a A.\n# TYPE ratel_a gauge\n";
    let check = |text: &str, expected: &[&str]| assert_eq!(faults(text), expected, "{text}");
    check("", &[]);
    check(&format!("{head}ratel_a 1\nratel_a{{b=\"c\"}} +Inf\n"), &[]);
    check(&format!("{head}ratel_a 1"), &["the last line has no end"]);
    check("ratel_a 1\n", &["ratel_a 1: no help"]);
    check("# HELP ratel_a A.\nratel_a 1\n", &["ratel_a 1: no type"]);
    check("up 1\n", &["up 1: no prefix ratel_"]);
    check(&format!("{head}ratel_a one\n"), &["ratel_a one: no number"]);
    check(
        &format!("{head}ratel_a 1\nratel_a 1\n"),
        &["ratel_a 1: told twice"],
    );
    check(
        &format!("{head}{head}"),
        &[
            "# HELP ratel_a A.: a second help",
            "# TYPE ratel_a gauge: a second type",
        ],
    );
    check(
        "# HELP ratel_a A.\n# TYPE ratel_a counter\nratel_a 1\n",
        &["ratel_a 1: a counter's name ends in _total"],
    );
    let other = "# HELP ratel_b B.\n# TYPE ratel_b gauge\nratel_b 1\n";
    check(
        &format!("{head}ratel_a 1\n{other}ratel_a{{b=\"c\"}} 2\n"),
        &["ratel_a{b=\"c\"} 2: its family stands in two places"],
    );
    for address in [
        "192.0.2.1",
        "192.0.2.0/24",
        "2001:db8::1",
        "192.0.2.1:80",
        "[2001:db8::1]:80",
    ] {
        check(
            &format!("{head}ratel_a{{x=\"y\",peer=\"{address}\"}} 1\n"),
            &[&format!(
                "ratel_a{{x=\"y\",peer=\"{address}\"}} 1: an address in the label peer"
            )],
        );
    }
    let spread = "# HELP ratel_s S.\n# TYPE ratel_s histogram\n\
                  ratel_s_bucket{le=\"+Inf\"} 1\nratel_s_sum 0.5\nratel_s_count 1\n";
    check(spread, &[]);
}
