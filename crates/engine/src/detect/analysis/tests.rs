use super::*;

fn rules(text: &str) -> Vec<Rule> {
    let context = rules::Context {
        protocols: decode::app::PROTOCOLS.iter().map(|p| p.protocol).collect(),
        ..rules::Context::default()
    };
    let mut set = rules::RuleSet::default();
    set.add(rules::parse_file("test.rules", text.as_bytes(), &context));
    set.into_loaded().collect()
}

fn check(rule: &str, expected: &[&str]) {
    let line = String::from_utf8(explain(&rules(rule))).expect("JSON is text");
    for part in expected {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

#[test]
fn tells_when_a_rule_is_looked_at() {
    for (rule, kind) in [
        ("alert ip any any -> any any (sid:1;)", "ip_only"),
        ("alert ip any any -> !10.0.0.1 any (sid:1;)", "like_ip_only"),
        ("alert dns any any -> any any (sid:1;)", "app_layer"),
        (
            "alert http any any -> any any (iprep:dst,x,isset; sid:1;)",
            "pkt",
        ),
        (
            "alert tcp any any -> any any (content:\"abc\"; sid:1;)",
            "stream",
        ),
        (
            "alert tcp any any -> any any (content:\"abc\"; startswith; sid:1;)",
            "pkt_stream",
        ),
        (
            "alert http any any -> any any (http.uri; content:\"abc\"; sid:1;)",
            "app_tx",
        ),
    ] {
        check(rule, &[&format!("\"type\":\"{kind}\"")]);
    }
}

#[test]
fn tells_what_finds_a_rule_and_what_it_needs() {
    check(
        "alert tcp any any -> any 443 (flowbits:isset,seen; content:\"|15 03| a\"; startswith; sid:1;)",
        &[
            r#""requirements":["payload","flow"]"#,
            r#""flags":["src_any","dst_any","sp_any","need_packet","need_stream","need_flowvar","toserver","toclient","prefilter"]"#,
            r#""pkt_engines":[{"name":"payload","is_mpm":true},{"name":"packet","is_mpm":false}]"#,
            r#""mpm":{"buffer":"payload","pattern":"|15 03 20|a","length":4"#,
            r#""depth":4"#,
        ],
    );
}

#[test]
fn tells_numbers_as_they_are_compared() {
    check(
        "alert tcp any any -> any any (flow.age:!19-22; dsize:0; sid:1;)",
        &[
            r#""flow_age":{"negated_range":{"min":19,"max":22}}"#,
            r#""requirements":["no_payload","flow","real_pkt"]"#,
        ],
    );
}

#[test]
fn a_first_relative_content_counts_from_the_start() {
    check(
        "alert tcp any any -> any any (content:\"one\"; distance:8; within:3; sid:1;)",
        &[r#""offset":8,"depth":11"#, "converted to 'depth'"],
    );
}
