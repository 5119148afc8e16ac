//! Conditions over documents of any shape; those over a known shape are tried where that shape is.

use serde_json::json;

use super::*;

fn words() -> Words {
    Words {
        names: vec![("event", Shape::Any), ("incident", Shape::Any)],
        loops: 2,
    }
}

fn compile(text: &str) -> Result<Condition, String> {
    Condition::compile(text, &words(), Wanted::YesOrNo)
}

fn check(text: &str, expected: bool) {
    let record = json!({
        "event_type": "alert", "src_ip": "192.0.2.1", "dest_port": 22,
        "alert": {"signature_id": 2_001_219, "severity": 1, "category": "Attempted Recon",
                  "metadata": {"tag": ["Scan", "SSH"]}},
    });
    let nothing = json!({});
    let facts = Facts::of(&[("event", &record), ("incident", &nothing)]);
    let condition = compile(text).unwrap_or_else(|why| panic!("{text}: {why}"));
    assert_eq!(condition.holds(&facts), expected, "{text}");
}

fn check_refused(text: &str, part: &str) {
    let why = compile(text).map(|_| ()).unwrap_err();
    assert!(why.contains(part), "{text}: {why}");
}

#[test]
fn conditions_speak_about_the_fields_of_a_document() {
    check(
        "event.event_type == 'alert' && event.alert.severity <= 2",
        true,
    );
    check("event.alert.signature_id in [2001219, 2001220]", true);
    check("event.alert.category.startsWith('Attempted')", true);
    check("event.alert.category.matches('(?i)recon$')", true);
    check("matches(event.alert.category, '^Att')", true);
    check("event.alert.metadata.tag.exists(t, t == 'SSH')", true);
    check("event.alert.metadata.tag.all(t, t.matches('^S'))", true);
    check("has(event.alert) && event.dest_port == 22", true);
    check("within(event.src_ip, '192.0.2.0/24')", true);
    check("within(event.src_ip, '198.51.100.0/24')", false);
    check("event.dest_port + 1 > 23", false);
    check("event.dest_port > 20 ? true : false", true);
}

#[test]
fn what_is_absent_or_of_another_kind_makes_a_condition_false() {
    check("event.http.status == 404", false);
    check("has(event.http) && event.http.status == 404", false);
    check("event.src_ip > 7", false);
    check("event.src_ip", false);
    check("incident.severity == 'high'", false);
    check("event.dest_port / 0 == 1", false);
    check("9223372036854775807 + event.dest_port > 0", false);
}

#[test]
fn what_can_never_hold_is_refused_with_the_reason() {
    check_refused("event.src_ip ==", "column");
    check_refused("evnt.src_ip == 'x'", "no such name: evnt");
    check_refused(&"a".repeat(5000), "4096");
    check_refused(
        "event.a.all(x, event.b.all(y, event.c.all(z, x == y && y == z)))",
        "loops",
    );
    check_refused("inside(event.src_ip, 'x')", "no such function: inside");
    check_refused("event.a.exists(x, inside(x))", "no such function: inside");
    check_refused("'alert'", "a text, not true or false");
    check_refused("event.dest_port * 2", "a number, not true or false");
    check_refused("size(event.a)", "a number, not true or false");
    check_refused("event.a.map(x, x)", "a list, not true or false");
    check_refused("event.src_ip == 'x' && 'alert'", "a text within");
    check_refused("!(event.dest_port - 1)", "something else within");
    check_refused("event.a.matches('(x')", "unclosed group");
    check_refused("event.a.matches('(x{1000}){1000}')", "matches: ");
    check_refused("event.a.matches(event.b)", "in the condition itself");
}

#[test]
fn a_text_is_wanted_where_a_text_is_used() {
    let words = words();
    let compile = |text: &str| Condition::compile(text, &words, Wanted::Text);
    let facts = Facts::of(&[("event", &json!({"ip": "192.0.2.1"}))]);
    let condition = compile("event.ip").unwrap();
    assert_eq!(condition.string(&facts).as_deref(), Some("192.0.2.1"));
    assert_eq!(compile("event.no").unwrap().string(&facts), None);
    assert!(
        compile("event.ip == 'x'")
            .unwrap_err()
            .contains("not a text")
    );
}

#[test]
fn a_known_shape_tells_fields_and_kinds() {
    let words = Words {
        names: vec![(
            "host",
            Shape::Like(json!({"name": "a", "ports": [{"n": 1}]})),
        )],
        loops: 1,
    };
    let compile = |text: &str| Condition::compile(text, &words, Wanted::YesOrNo);
    assert!(compile("host.ports.exists(p, p.n == 22)").is_ok());
    assert!(compile("host.ports[7].n == 22").is_ok());
    let refused = |text: &str, part: &str| {
        let why = compile(text).map(|_| ()).unwrap_err();
        assert!(why.contains(part), "{text}: {why}");
    };
    refused(
        "host.nme == 'a'",
        "no such field: nme; there are name, ports",
    );
    refused("host.ports.exists(p, p.m == 1)", "no such field: m");
    refused("host.name.x == 1", "nothing there has a field x");
    refused("host.name", "not true or false");
}

#[test]
fn documents_of_any_size_are_cut_to_what_a_condition_may_see() {
    let long = json!({"list": vec![0; 100_000], "text": "ä".repeat(100_000)});
    let facts = Facts::of(&[("event", &long)]);
    let holds = |text: &str| compile(text).unwrap().holds(&facts);
    assert!(holds("size(event.list) == 256"));
    assert!(holds("size(event.text) < 16385"));
}
