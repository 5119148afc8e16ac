//! Rules as people write them, over records as sensors write them.

use event::Timestamp;
use serde_json::{Value, json};

use super::*;

fn rules(text: &str) -> Rules {
    read(
        &[("test.yml".to_owned(), text.to_owned())],
        &Placeholders::new(),
    )
}

/// Titles of the hits for each record; records are a second apart.
fn check(text: &str, records: &[Value], expected: &[&str]) {
    let mut rules = rules(text);
    for verdict in rules.verdicts() {
        assert_eq!(verdict.state, State::Loaded, "{verdict}");
    }
    let mut titles = Vec::new();
    for (number, record) in records.iter().enumerate() {
        let time = Timestamp::new(1000 + number as i64, 0);
        for hit in rules.on_event(record, &format!("e{number}"), time) {
            titles.push(format!("{number} {}", hit.title));
        }
    }
    assert_eq!(titles, expected, "{text}");
}

fn dns(from: &str, name: &str) -> Value {
    json!({"event_type": "dns", "src_ip": from, "dest_ip": "10.0.0.53",
           "dns": {"version": 3, "type": "request", "queries": [{"rrname": name, "rrtype": "A"}]}})
}

fn http(from: &str, method: &str, url: &str, agent: &str, status: u64) -> Value {
    json!({"event_type": "http", "src_ip": from, "dest_ip": "10.0.0.80",
           "http": {"hostname": "www.example.com", "url": url, "http_method": method,
                    "http_user_agent": agent, "status": status, "length": 1000}})
}

const COIN: &str = r"
title: Pool of a Coin Miner Asked For
id: 00000000-0000-4000-8000-000000000001
status: test
description: A name that miners ask for.
references: ['https://example.com/']
author: us
date: 2026-01-01
tags: [attack.impact, attack.t1496]
logsource:
    category: dns
detection:
    selection_names:
        query|endswith:
            - .pool.example
            - .mine.example
    selection_words:
        query|contains|all: [xmr, pool]
    filter_known:
        query: ok.pool.example
    condition: 1 of selection_* and not filter_known
falsepositives: [researchers]
level: high
";

#[test]
fn a_rule_over_names_finds_them_in_every_shape_of_record() {
    let old = json!({"event_type": "dns", "src_ip": "10.0.0.1", "dns": {"type": "query", "rrname": "A.Mine.Example"}});
    check(
        COIN,
        &[
            dns("10.0.0.1", "a.pool.example"),
            old,
            dns("10.0.0.1", "ok.pool.example"),
            dns("10.0.0.1", "xmr-eu.pool2.example"),
            dns("10.0.0.1", "www.example.com"),
            http("10.0.0.1", "GET", "/a.pool.example", "x", 200),
        ],
        &[
            "0 Pool of a Coin Miner Asked For",
            "1 Pool of a Coin Miner Asked For",
            "3 Pool of a Coin Miner Asked For",
        ],
    );
    let mut rules = rules(COIN);
    let hit = &rules.on_event(
        &dns("10.0.0.1", "a.pool.example"),
        "e",
        Timestamp::new(1, 0),
    )[0];
    assert_eq!(hit.severity, event::incident::Severity::High);
    assert_eq!(hit.steps[0].technique.as_deref(), Some("T1496"));
}

#[test]
fn rules_over_requests_connections_and_handshakes() {
    check(
        r"
title: Shell in a Query
logsource: {category: webserver}
detection:
    selection:
        cs-method: [GET, POST]
        cs-uri-query|contains: ['cmd=', 'exec=']
        cs-uri-stem|endswith: .php
    status: {sc-status|gte: 200, sc-status|lt: 300}
    agents:
        - c-useragent|startswith: curl/
        - c-useragent|re: '^python-requests/\d'
    condition: selection and status and agents
---
title: Long Connection to a High Port
logsource: {product: zeek, service: conn}
detection:
    selection:
        id.resp_p|gt: 10000
        duration|gte: 3600
        id.orig_h|cidr: 10.0.0.0/8
    condition: selection
---
title: Self-Signed
logsource: {product: zeek, service: ssl}
detection:
    selection:
        subject|fieldref: issuer
    condition: selection
---
title: Words Anywhere
logsource: {product: suricata}
detection:
    keywords: [needle, 'hay*stack']
    condition: keywords
",
        &[
            http("10.0.0.1", "GET", "/x.php?cmd=id", "curl/8.0", 200),
            http("10.0.0.1", "GET", "/x.php?cmd=id", "Mozilla", 200),
            http("10.0.0.1", "GET", "/x.php?cmd=id", "python-requests/2", 404),
            json!({"event_type": "flow", "src_ip": "10.0.0.1", "dest_port": 44444, "flow": {"age": 4000}}),
            json!({"event_type": "tls", "tls": {"subject": "CN=a", "issuerdn": "CN=a"}}),
            json!({"event_type": "tls", "tls": {"subject": "CN=a", "issuerdn": "CN=b"}}),
            json!({"event_type": "smtp", "smtp": {"helo": "hay and stack"}}),
        ],
        &[
            "0 Shell in a Query",
            "3 Long Connection to a High Port",
            "4 Self-Signed",
            "6 Words Anywhere",
        ],
    );
}

#[test]
fn filters_narrow_the_rules_that_they_name() {
    let filter = r"
---
title: Our Researchers
logsource: {category: dns}
filter:
    rules: [00000000-0000-4000-8000-000000000001]
    selection: {src_ip|cidr: 10.9.0.0/16}
    condition: not selection
";
    check(
        &format!("{COIN}{filter}"),
        &[
            dns("10.9.0.1", "a.pool.example"),
            dns("10.0.0.1", "a.pool.example"),
        ],
        &["1 Pool of a Coin Miner Asked For"],
    );
}

const LOGINS: &str = r"
title: Login Failed
name: login_failed
logsource: {category: webserver}
detection:
    selection: {cs-uri-stem: /login, sc-status: 401}
    condition: selection
---
title: Login Worked
name: login_worked
logsource: {category: webserver}
detection:
    selection: {cs-uri-stem: /login, sc-status: 200}
    condition: selection
";

fn login(from: &str, status: u64) -> Value {
    http(from, "POST", "/login", "x", status)
}

#[test]
fn events_are_counted_by_what_they_are_grouped_by() {
    let text = format!(
        "{LOGINS}---\ntitle: Guessing\ncorrelation:\n  type: event_count\n  rules: [login_failed]\n  \
         group-by: [src_ip]\n  timespan: 10s\n  condition: {{gte: 3}}\nlevel: high\n"
    );
    let (a, b) = ("192.0.2.1", "192.0.2.2");
    check(
        &text,
        &[
            login(a, 401),
            login(b, 401),
            login(a, 401),
            login(a, 200),
            login(a, 401),
            login(b, 401),
        ],
        &["3 Login Worked", "4 Guessing"],
    );
    let mut rules = rules(&text);
    for n in 0..2 {
        rules.on_event(&login(a, 401), &format!("e{n}"), Timestamp::new(n, 0));
    }
    let hits = rules.on_event(&login(a, 401), "e2", Timestamp::new(2, 0));
    let together = hits[0].together.as_ref().unwrap();
    assert_eq!(together.ids, ["e0", "e1", "e2"]);
    assert_eq!(together.group, [(Some("src_ip".into()), a.into())]);
    assert_eq!(together.types, ["http"]);
    assert_eq!(
        (together.first, together.last),
        (Timestamp::new(0, 0), Timestamp::new(2, 0))
    );
}

#[test]
fn rules_in_their_order_and_correlations_of_correlations() {
    let text = format!(
        "{LOGINS}---\ntitle: Guessing\nname: guessing\ncorrelation:\n  type: event_count\n  rules: [login_failed]\n  \
         group-by: [src_ip]\n  timespan: 10s\n  condition: {{gte: 3}}\n---\ntitle: Guessed\ncorrelation:\n  \
         type: temporal_ordered\n  rules: [guessing, login_worked]\n  group-by: [src_ip]\n  timespan: 1m\n  \
         generate: true\n"
    );
    let (a, b) = ("192.0.2.1", "192.0.2.2");
    check(
        &text,
        &[
            login(b, 200),
            login(a, 401),
            login(a, 401),
            login(a, 401),
            login(b, 200),
            login(a, 200),
        ],
        &[
            "0 Login Worked",
            "3 Guessing",
            "4 Login Worked",
            "5 Login Worked",
            "5 Guessed",
        ],
    );
}

#[test]
fn aliases_bring_fields_of_several_rules_together() {
    let text = r"
title: Asked
name: asked
logsource: {category: dns}
detection: {selection: {query|endswith: .evil.example}, condition: selection}
---
title: Talked
name: talked
logsource: {product: zeek, service: ssl}
detection: {selection: {server_name|endswith: .evil.example}, condition: selection}
---
title: Asked and Talked
correlation:
    type: temporal
    rules: [asked, talked]
    group-by: [site, src_ip]
    timespan: 5m
    aliases:
        site: {asked: query, talked: server_name}
";
    let tls =
        |from: &str, name: &str| json!({"event_type": "tls", "src_ip": from, "tls": {"sni": name}});
    check(
        text,
        &[
            tls("10.0.0.1", "a.evil.example"),
            dns("10.0.0.2", "a.evil.example"),
            dns("10.0.0.1", "b.evil.example"),
            dns("10.0.0.1", "a.evil.example"),
        ],
        &["3 Asked and Talked"],
    );
}

#[test]
fn a_bad_document_leaves_the_others_and_is_told_with_line_and_reason() {
    let text = format!(
        "title: No Logsource\ndetection: {{a: {{b: c}}, condition: a}}\n---\n{LOGINS}---\n\
         title: Bad Regex\nid: x1\nlogsource: {{category: dns}}\ndetection:\n  selection:\n    query|re: '('\n  \
         condition: selection\n---\ntitle: Other Logs\nlogsource: {{product: windows, service: security}}\n\
         detection: {{a: {{b: c}}, condition: a}}\n---\ntitle: broken\n  yaml: [\n---\ntitle: Nobody\ncorrelation:\n  \
         {{type: temporal, rules: [missing], timespan: 5m}}\n---\ntitle: Partly\nlogsource: {{category: proxy}}\n\
         detection: {{a: {{Image: x, c-uri: y}}, condition: a}}\n"
    );
    let rules = rules(&text);
    let told: Vec<String> = rules.verdicts().iter().map(ToString::to_string).collect();
    let check = |line: usize, part: &str| {
        let begins = format!("test.yml:{line}: ");
        let found = told
            .iter()
            .any(|told| told.starts_with(&begins) && told.contains(part));
        assert!(found, "{line} {part}: {told:#?}");
    };
    check(1, "refused: No Logsource: logsource: it is needed");
    check(5, "loaded: Login Failed");
    check(24, "query|re: unclosed group");
    check(28, "refused: Other Logs: logsource: product windows");
    check(32, "refused: broken: no YAML");
    check(
        34,
        "refused: Nobody: correlation: there is no rule \"missing\"",
    );
    check(38, "degraded: Partly: no record here has a field Image");
    assert_eq!(told.len(), 8, "{told:#?}");
}

#[test]
fn cycles_and_repeated_ids_are_refused() {
    let text = "title: A\nname: a\ncorrelation: {type: temporal, rules: [b], timespan: 5m}\n---\n\
                title: B\nname: b\ncorrelation: {type: temporal, rules: [a], timespan: 5m}\n";
    let refused = |rules: &Rules| {
        let states = rules.verdicts().iter();
        states
            .filter(|v| matches!(v.state, State::Refused(_)))
            .count()
    };
    assert_eq!(refused(&rules(text)), 2);
    assert_eq!(refused(&rules(&format!("{COIN}---{COIN}"))), 1);
}

#[test]
fn every_construct_that_is_not_taken_is_named_with_its_line() {
    let check = |line: usize, detection: &str, part: &str| {
        let text = format!(
            "title: One\nlogsource: {{category: dns}}\ndetection:\n{detection}\nlevel: low\n"
        );
        let rules = rules(&text);
        let said = rules.verdicts()[0].to_string();
        let place = format!("test.yml:{line}: refused: One: ");
        assert!(
            said.starts_with(&place) && said.contains(part),
            "{text}{said}"
        );
    };
    let of = |key: &str, value: &str| format!("  s:\n    {key}: {value}\n  condition: s");
    check(5, &of("query|shout", "x"), "there is no modifier \"shout\"");
    check(5, &of("query|re", "'(?=x)'"), "query|re");
    check(5, &of("query|cidr", "pear"), "query|cidr");
    check(5, &of("query|gt", "pear"), "query|gt");
    check(5, &of("query|expand", "'%nobody%'"), "nobody");
    check(5, &of("query|wide", "x"), "for base64");
    check(5, &of("query", "[]"), "matches nothing");
    check(
        5,
        "  s: {query: x}\n  condition: s | count() by src_ip > 5",
        "aggregations",
    );
    check(
        5,
        "  s: {query: x}\n  timeframe: 5m\n  condition: s",
        "timeframe",
    );
    check(
        5,
        "  s: {query: x}\n  condition: 2 of s*",
        "only 1, any and all",
    );
    check(3, "  s: {query: x}", "there is no condition");
}
