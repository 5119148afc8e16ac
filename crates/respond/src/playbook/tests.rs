//! Playbooks as people write them, well and badly.

use super::*;

const GOOD: &str = r#"
# What to do about those who guess passwords.
playbooks:
- name: ssh-guessing
  when: event.event_type == "alert" && event.alert.signature_id == 2001219
  mode: ask
  cooling_off: 5m
  steps:
  - block: {ttl: 1h, prefix4: 24}
  - drop_connection: {}
  - rate_limit: {packets_per_second: 20, ttl: 2h, mode: observe}
  - redirect: {to: [192.0.2.9, "2001:db8::9"], port: 2222}
  escalation: {factor: 4, max: 7d, forget: 14d}

- name: infected
  when: incident.severity == "high"
  target: destination
  steps:
  - quarantine: {target: "event.dest_ip", ttl: 30m}
"#;

#[test]
fn a_playbook_says_when_whom_and_what() {
    let (playbooks, refusals) = read("good.yaml", GOOD);
    assert_eq!(refusals, []);
    let [first, second] = &playbooks[..] else {
        panic!("two playbooks: {playbooks:?}");
    };
    assert_eq!(first.mode, Mode::Ask);
    assert_eq!(first.cooling_off, Duration::from_secs(300));
    assert_eq!(first.place.to_string(), "good.yaml:4");
    let [block, drop, limit, redirect] = &first.steps[..] else {
        panic!("four steps");
    };
    assert_eq!((block.length_4, block.length_6), (24, 64));
    assert_eq!(block.ttl, Duration::from_secs(3600));
    assert_eq!(
        (&drop.deed, drop.ttl),
        (&Deed::DropConnection, CONNECTION_TTL)
    );
    assert_eq!(limit.mode, Mode::Observe);
    assert!(matches!(limit.deed, Deed::RateLimit { burst: 20, .. }));
    assert!(matches!(
        redirect.deed,
        Deed::Redirect {
            to4: Some(_),
            to6: Some(_),
            port: Some(2222)
        }
    ));
    assert!(matches!(second.target, Who::Destination));
    assert!(matches!(second.steps[0].target, Some(Who::Expression(_))));
    assert_eq!(second.steps[0].length_6, 128);
}

fn check_refusal(text: &str, line: usize, reason: &str) {
    let (_, refusals) = read("bad.yaml", text);
    let refusal = refusals
        .first()
        .unwrap_or_else(|| panic!("nothing refused in {text}"));
    assert_eq!(refusal.place.line, line, "{refusal}");
    assert!(refusal.reason.contains(reason), "{refusal}");
    // Lines within the playbook would be taken for lines of the file.
    assert!(!refusal.reason.contains("at line"), "{refusal}");
}

#[test]
fn what_is_wrong_is_told_with_file_line_and_reason() {
    let with = |steps: &str| format!("- name: x\n  when: \"true\"\n  steps:\n  - {steps}\n");
    check_refusal(
        "- name: x\n  when: event.src_ip ==\n  steps: [block: {}]\n",
        2,
        "column",
    );
    check_refusal(
        "- name: x\n  whn: \"true\"\n  steps: [block: {}]\n",
        2,
        "whn",
    );
    check_refusal("- name: x\n  when: \"true\"\n", 1, "steps");
    check_refusal("- name: x\n  when: \"true\"\n  steps: []\n", 3, "1 to 8");
    check_refusal(&with("block: {ttl: soon}"), 4, "span");
    check_refusal(&with("block: {ttl: 9999d}"), 4, "ttl");
    check_refusal(&with("block: {prefix4: 8}"), 4, "prefix4");
    check_refusal(&with("block: {port: 22}"), 4, "no port");
    check_refusal(&with("rate_limit: {}"), 4, "packets_per_second");
    check_refusal(&with("redirect: {}"), 4, "needs to");
    check_refusal(&with("explode: {}"), 4, "explode");
    check_refusal(&with("block: {}\n  - block: {ttl: 0s}"), 5, "x: block: ttl");
    check_refusal(
        "- name: x\n  when: \"true\"\n  steps: [block: {}, block: {port: 1}]\n",
        3,
        "x: block has no port",
    );
    check_refusal(&with("block: {mode: enfroce}"), 4, "enfroce");
    check_refusal("name: x\n", 1, "list of playbooks");
    check_refusal("- name: [\n", 1, "");
}

#[test]
fn one_bad_playbook_never_fails_the_others() {
    let good = "- name: NAME\n  when: \"true\"\n  steps: [block: {}]\n";
    for bad in [
        "- name: bad\n  when: 1 +\n",
        "- [\n",
        "- name: {{{\n",
        "rubbish\n",
        "- \t:\n",
    ] {
        let text = format!(
            "{}{bad}{}",
            good.replace("NAME", "a"),
            good.replace("NAME", "b")
        );
        let (playbooks, refusals) = read("mixed.yaml", &text);
        let names: Vec<&str> = playbooks.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["a", "b"], "{bad:?}");
        assert_eq!(refusals.len(), 1, "{bad:?}");
    }
}

#[test]
fn who_comes_back_is_kept_out_for_longer_up_to_a_cap() {
    let escalation = Escalation {
        factor: 4.0,
        max: Duration::from_secs(7200),
        ..Escalation::default()
    };
    let check = |returned, expected| {
        let ttl = escalation.ttl(Duration::from_secs(600), returned);
        assert_eq!(ttl.as_secs(), expected, "{returned}");
    };
    check(0, 600);
    check(1, 2400);
    check(2, 7200);
    check(u32::MAX, 7200);
}
