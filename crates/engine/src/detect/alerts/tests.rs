//! What is told of a packet: sorted, limited, up to the first pass.

use super::*;
use crate::detect::{Options, Ruleset};
use event::Timestamp;

fn set(text: &str, limits: &str) -> Ruleset {
    let file = rules::parse_file("test.rules", text.as_bytes(), &rules::Context::default());
    let all = file
        .parsed
        .into_iter()
        .map(|parsed| parsed.rule().cloned().expect("a rule"));
    let options = Options {
        thresholds: rules::Thresholds::parse(limits.as_bytes(), &rules::Variables::default()),
        ..Options::default()
    };
    let (set, refused) = Ruleset::build(all.collect(), options).expect("builds");
    assert_eq!(refused, []);
    set
}

/// The sids told when all rules match in the order given, and the verdict.
fn check(text: &str, matches: &[u32], told: &[u32], verdict: (bool, Option<u32>)) {
    check_limited(text, "", matches, told, verdict);
}

/// The same under the lines of a `threshold.config`.
fn check_limited(
    text: &str,
    limits: &str,
    matches: &[u32],
    told: &[u32],
    verdict: (bool, Option<u32>),
) {
    let set = set(text, limits);
    let id = |sid: u32| {
        set.iter()
            .find(|(_, rule)| rule.sid == sid)
            .map(|(id, _)| id)
    };
    let mut alerts = Alerts::default();
    for &sid in matches {
        let rule = id(sid).expect("a rule of the set");
        alerts.push(Alert {
            rule,
            tx: None,
            is_tx_guessed: false,
            first_file: 0,
            kind: AlertKind::Packet,
            action: set.rule(rule).expect("known").action,
            acts_on_flow: false,
            trace: None,
            captures: Vec::new(),
            contexts: Vec::new(),
        });
    }
    let subject = Subject {
        rule: (0, 0, 0),
        ends: None,
        flow: None,
        now: Timestamp::default(),
    };
    alerts.finish(
        &set,
        &mut Thresholds::default(),
        &subject,
        ALERTS_MAX,
        |_| {},
    );
    let sid = |id: RuleId| set.rule(id).map(|rule| rule.sid);
    let sids: Vec<u32> = alerts
        .alerts
        .iter()
        .filter_map(|alert| sid(alert.rule))
        .collect();
    assert_eq!(sids, told, "{text}");
    let dropped = alerts.verdict.dropped_by.and_then(sid);
    assert_eq!((alerts.verdict.is_passed, dropped), verdict, "{text}");
}

#[test]
fn alerts_stand_in_the_order_of_rules() {
    let text = "alert tcp any any -> any any (ttl:1; priority:3; sid:1;)\n\
                alert tcp any any -> any any (ttl:1; priority:1; sid:2;)\n\
                drop tcp any any -> any any (ttl:1; priority:9; sid:3;)\n";
    check(text, &[1, 2, 3], &[3, 2, 1], (false, Some(3)));
}

#[test]
fn nothing_is_told_after_a_pass() {
    let text = "alert tcp any any -> any any (ttl:1; sid:1;)\n\
                pass tcp any any -> any any (ttl:1; noalert; sid:2;)\n";
    check(text, &[1, 2], &[], (true, None));
    check(text, &[1], &[1], (false, None));
}

#[test]
fn a_pass_is_told_only_on_request() {
    let text = "pass tcp any any -> any any (ttl:1; sid:1;)\n";
    check(text, &[1], &[], (true, None));
    let text = "pass tcp any any -> any any (ttl:1; alert; sid:1;)\n";
    check(text, &[1], &[1], (true, None));
}

#[test]
fn what_a_rate_lets_pass_is_not_told() {
    let text = "alert tcp any any -> any any (ttl:1; sid:1;)\n";
    let limit = |action: &str| {
        format!(
            "rate_filter gen_id 1, sig_id 1, track by_rule, count 1, seconds 9, new_action {action}, timeout 9\n"
        )
    };
    check_limited(text, &limit("pass"), &[1, 1], &[1], (true, None));
    check_limited(text, &limit("drop"), &[1, 1], &[1, 1], (false, Some(1)));
    check_limited(text, &limit("alert"), &[1, 1], &[1, 1], (false, None));
}

#[test]
fn a_silent_rule_still_acts() {
    let text = "drop tcp any any -> any any (ttl:1; noalert; sid:1;)\n";
    check(text, &[1], &[], (false, Some(1)));
}

#[test]
fn no_more_than_the_maximum_is_told() {
    let text: String = (1..=20)
        .map(|sid| format!("alert tcp any any -> any any (ttl:1; sid:{sid};)\n"))
        .collect();
    let all: Vec<u32> = (1..=20).collect();
    check(&text, &all, &all[..ALERTS_MAX], (false, None));
}
