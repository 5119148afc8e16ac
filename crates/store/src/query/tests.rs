use event::Prefix;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

fn word(text: &str) -> Value {
    Value::Word(text.into())
}

fn is(path: &str, value: Value) -> Query {
    Query::field(path, Predicate::Is(value))
}

fn not(query: Query) -> Query {
    Query::Not(Box::new(query))
}

fn prefix(text: &str) -> Value {
    Value::Prefix(text.parse::<Prefix>().unwrap())
}

fn check(text: &str, expected: Query) {
    let query = Query::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(query, expected, "{text}");
    let shown = query.to_string();
    assert_eq!(
        Query::parse(&shown),
        Ok(query),
        "{text} was shown as {shown}"
    );
}

fn check_error(text: &str, at: usize, reason: &str) {
    let error = Query::parse(text).expect_err(text);
    assert_eq!(error.at, at, "{text}: {error}");
    assert!(error.reason.contains(reason), "{text}: {error}");
}

#[test]
fn a_search_of_kibana_reads_as_it_is_meant() {
    check(
        "event_type:alert AND src_ip:10.0.0.0/8 AND alert.severity:<=2",
        Query::And(vec![
            is("event_type", word("alert")),
            is("src_ip", prefix("10.0.0.0/8")),
            Query::field(
                "alert.severity",
                Predicate::Range {
                    from: Bound::None,
                    to: Bound::Including(word("2")),
                },
            ),
        ]),
    );
    check("", Query::All);
    check("  *  ", Query::All);
    check("*:*", Query::All);
    check("*:emotet", Query::Anywhere(word("emotet")));
}

#[test]
fn and_binds_tighter_than_or_and_stands_where_nothing_stands() {
    let [a, b, c] = ["a", "b", "c"].map(|text| Query::Anywhere(word(text)));
    let and = |parts: [&Query; 2]| Query::And(parts.into_iter().cloned().collect());
    check("a b", and([&a, &b]));
    check("a && b", and([&a, &b]));
    check("a and b", and([&a, &b]));
    check("+a +b", and([&a, &b]));
    let either = Query::Or(vec![and([&a, &b]), c.clone()]);
    check("a b OR c", either.clone());
    check("a AND b || c", either.clone());
    check("(a b) or (c)", either);
    check(
        "a (b OR c)",
        Query::And(vec![a.clone(), Query::Or(vec![b.clone(), c.clone()])]),
    );
    check("((a))", a.clone());
    check("NOT a", not(a.clone()));
    check("-a", not(a.clone()));
    check("!a", not(a.clone()));
    check("not not a", not(not(a.clone())));
    check("a NOT b", Query::And(vec![a.clone(), not(b.clone())]));
    check("a -b", Query::And(vec![a.clone(), not(b.clone())]));
    check("NOT (a OR b)", not(Query::Or(vec![a.clone(), b.clone()])));
    check("a AND NOT b", Query::And(vec![a, not(b)]));
    check("\"and\"", Query::Anywhere(Value::Phrase("and".into())));
    check("\\and", Query::Anywhere(word("and")));
    check("android", Query::Anywhere(word("android")));
}

#[test]
fn a_field_takes_one_value_or_several_in_parentheses() {
    check("proto:TCP", is("proto", word("TCP")));
    check("proto: \"TCP\"", is("proto", Value::Phrase("TCP".into())));
    check("proto : TCP", is("proto", word("TCP")));
    check(
        "proto:(TCP OR UDP)",
        Query::Or(vec![is("proto", word("TCP")), is("proto", word("UDP"))]),
    );
    check("proto:(NOT ICMP)", not(is("proto", word("ICMP"))));
    check(
        "src_ip:(10.0.0.0/8 or 2001:db8::1)",
        Query::Or(vec![
            is("src_ip", prefix("10.0.0.0/8")),
            is("src_ip", word("2001:db8::1")),
        ]),
    );
    check(
        "http.url:/a/b?",
        is("http.url", Value::Pattern("/a/b?".into())),
    );
    check("http.url:/a/b\\?c=d:e", is("http.url", word("/a/b?c=d:e")));
    check("http.url:/a\\*b", is("http.url", word("/a*b")));
    check("x:-5", is("x", word("-5")));
    check("x:5", is("x", word("5")));
}

#[test]
fn ranges_are_written_in_brackets_or_with_signs() {
    let range = |from, to| Query::field("dest_port", Predicate::Range { from, to });
    let including = |text: &str| Bound::Including(word(text));
    let excluding = |text: &str| Bound::Excluding(word(text));
    check("dest_port:[1 TO 9]", range(including("1"), including("9")));
    check("dest_port:{1 TO 9]", range(excluding("1"), including("9")));
    check("dest_port:[1 to 9}", range(including("1"), excluding("9")));
    check("dest_port:{* TO 9}", range(Bound::None, excluding("9")));
    check("dest_port:[* TO *]", range(Bound::None, Bound::None));
    check("dest_port:>1", range(excluding("1"), Bound::None));
    check("dest_port:>= 1", range(including("1"), Bound::None));
    check("dest_port >= 1", range(including("1"), Bound::None));
    check("dest_port<1", range(Bound::None, excluding("1")));
    check(
        "dest_port:(>=1 AND <9)",
        Query::And(vec![
            range(including("1"), Bound::None),
            range(Bound::None, excluding("9")),
        ]),
    );
    check(
        "@timestamp:[\"2026-01-02T03:04:05Z\" TO now]",
        Query::field(
            "@timestamp",
            Predicate::Range {
                from: Bound::Including(Value::Phrase("2026-01-02T03:04:05Z".into())),
                to: including("now"),
            },
        ),
    );
}

#[test]
fn existence_wildcards_and_addresses() {
    let exists = |path: &str| Query::field(path, Predicate::Exists);
    check("alert:*", exists("alert"));
    check("_exists_:alert.xff", exists("alert.xff"));
    check(
        "http.hostname:*.example.*",
        is("http.hostname", Value::Pattern("*.example.*".into())),
    );
    check("src_ip:10.1.*", is("src_ip", prefix("10.1.0.0/16")));
    check("src_ip:10.1.2.3/32", is("src_ip", word("10.1.2.3")));
    check(
        "src_ip:2001:db8::/32",
        is("src_ip", prefix("2001:db8::/32")),
    );
    check("2001:db8::1", Query::Anywhere(word("2001:db8::1")));
    check("::1", Query::Anywhere(word("::1")));
    check("fe80::/10", Query::Anywhere(prefix("fe80::/10")));
    check("10.0.0.0/8", Query::Anywhere(prefix("10.0.0.0/8")));
    check("10.0.0.0\\/8", Query::Anywhere(word("10.0.0.0/8")));
    check("http.url:10.0.0.0/8", is("http.url", word("10.0.0.0/8")));
    check(
        "00:11:22:aa:bb:cc",
        Query::Anywhere(word("00:11:22:aa:bb:cc")),
    );
}

#[test]
fn evebox_short_hands_are_what_they_stand_for() {
    check("@sid:2100498", is("alert.signature_id", word("2100498")));
    check(
        "@sig:\"ET MALWARE\"",
        is("alert.signature", Value::Phrase("ET MALWARE".into())),
    );
    let Query::Or(either) = Query::parse("@ip:10.0.0.0/8").unwrap() else {
        panic!("several fields hold addresses")
    };
    assert_eq!(either.first(), Some(&is("src_ip", prefix("10.0.0.0/8"))));
    assert!(either.contains(&is("dest_ip", prefix("10.0.0.0/8"))));
    let Query::Or(either) = Query::parse("@mac:00:11:22:AA:bb:cc").unwrap() else {
        panic!("several fields hold MAC addresses")
    };
    assert!(either.contains(&is("ether.src_mac", word("00:11:22:aa:bb:cc"))));
    check(
        "@from:2026-01-02T03:04:05Z",
        Query::field(
            "@timestamp",
            Predicate::Range {
                from: Bound::Including(word("2026-01-02T03:04:05Z")),
                to: Bound::None,
            },
        ),
    );
}

#[test]
fn errors_tell_the_place_and_the_reason() {
    check_error("proto:", 6, "value is missing");
    check_error("proto: ", 7, "value is missing");
    check_error("a AND", 5, "condition is missing");
    check_error("AND a", 0, "condition is missing");
    check_error("(a", 0, "never closed");
    check_error("ä (b", 2, "never closed");
    check_error("a)", 1, "never opened");
    check_error("()", 1, "condition is missing");
    check_error("\"a", 0, "never closed");
    check_error("x:[1 TO", 7, "value is missing");
    check_error("x:[1 TO 2", 2, "never closed");
    check_error("x:[1 2]", 5, "TO");
    check_error("x:>a*", 3, "no wildcards");
    check_error("a\"b\"", 1, "space is missing");
    check_error("foo(bar)", 3, "space is missing");
    check_error("dns.*:x", 0, "no wildcards");
    check_error("emotet~2", 0, "likeness");
    check_error("\"a b\"~3", 5, "distances");
    check_error("\"a b\"^3", 5, "weights");
    check_error("a\\", 1, "nothing stands behind");
    check_error(&"a".repeat(MAX_LENGTH + 1), 0, "longer than");
    check_error(&"(".repeat(MAX_DEPTH + 1), MAX_DEPTH, "levels");
    check_error(&"-".repeat(MAX_DEPTH + 1), MAX_DEPTH, "levels");
    check_error(&"a ".repeat(MAX_CLAUSES + 1), 2 * MAX_CLAUSES, "conditions");
}

fn record() -> Json {
    json!({
        "timestamp": "2026-01-02T03:04:05.678901+0000",
        "event_type": "alert",
        "src_ip": "10.1.2.3",
        "src_port": 40000,
        "dest_ip": "2001:0db8:0000:0000:0000:0000:0000:0001",
        "dest_port": 443,
        "proto": "TCP",
        "vlan": [7, 9],
        "alert": {
            "signature": "ET MALWARE Win32/Emotet.B CnC Checkin",
            "signature_id": 2_100_498,
            "severity": 1,
            "metadata": {"tag": ["CnC", "Emotet"]},
        },
        "tls": {"sni": "www.Evil.example", "notbefore": "2025-01-02T03:04:05"},
        "dns": {"answers": [
            {"rrname": "a.example", "rdata": "192.0.2.1", "ttl": 5},
            {"rrname": "b.example", "rdata": "192.0.2.2"},
        ]},
        "flow": {"alerted": true, "bytes_toserver": "many"},
        "payload": "AAAA",
        "nothing": null,
        "ours": {"number": 5, "deep": {"text": "Hello World"}},
        "log.level": "error",
        "message": "Failed password for root",
    })
}

fn check_matches(text: &str, expected: bool) {
    let query = Query::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(matches(&query, &record()), expected, "{text}");
    let not = Query::Not(Box::new(query));
    assert_eq!(matches(&not, &record()), !expected, "NOT {text}");
}

#[test]
fn keywords_are_exact_and_text_is_words() {
    check_matches("event_type:alert", true);
    check_matches("event_type:Alert", false);
    check_matches("event_type:al*", true);
    check_matches("event_type:Al*", false);
    check_matches("proto.keyword:TCP", true);
    check_matches("alert.signature:emotet", true);
    check_matches("alert.signature:\"win32 emotet\"", true);
    check_matches("alert.signature:\"emotet win32\"", false);
    check_matches("alert.signature:(emotet win32)", true);
    check_matches("alert.signature:emo", false);
    check_matches("alert.signature:EMO*", true);
    check_matches("alert.signature.keyword:\"ET MALWARE*\"", false);
    check_matches("alert.signature.keyword:ET\\ MALWARE*", true);
    check_matches("tls.sni:evil.example", true);
    check_matches("tls.sni:*.evil.*", true);
    check_matches("tls.sni.keyword:*.evil.*", false);
    check_matches("alert.metadata.tag:Emotet", true);
    check_matches("alert.metadata.tag:emotet", false);
    check_matches("alert.signature:--", false);
}

#[test]
fn numbers_truths_addresses_and_moments_have_their_own_order() {
    check_matches("alert.severity:<=2", true);
    check_matches("alert.severity:<1.5", true);
    check_matches("alert.severity:>1", false);
    check_matches("alert.severity:1.0", true);
    check_matches("alert.severity:high", false);
    check_matches("vlan:9", true);
    check_matches("vlan:[8 TO 8]", false);
    check_matches("flow.alerted:true", true);
    check_matches("flow.alerted:yes", false);
    check_matches("flow.bytes_toserver:many", false);
    check_matches("flow.bytes_toserver:*", false);
    check_matches("src_ip:10.0.0.0/8", true);
    check_matches("src_ip:[10.1.2.0 TO 10.1.2.255]", true);
    check_matches("src_ip:>10.1.2.3", false);
    check_matches("src_ip:pear", false);
    check_matches("dest_ip:2001:db8::1", true);
    check_matches("dest_ip:2001:db8::/32", true);
    check_matches("dest_ip:0.0.0.0/0", false);
    check_matches("@timestamp:2026-01-02", true);
    check_matches("timestamp:>2026-01-02", false);
    check_matches("timestamp:<=2026-01-02", true);
    check_matches("timestamp:[2026-01 TO 2026-02}", true);
    check_matches("timestamp:2026", true);
    check_matches("@from:2026-01-02T03:04:05Z @to:2026-01-02T03:04:06Z", true);
    check_matches("tls.notbefore:<2025-06-01", true);
    check_matches("timestamp:soon", false);
}

#[test]
fn the_rest_is_found_by_its_exact_values() {
    check_matches("ours.number:5", true);
    check_matches("ours.deep.text:\"Hello World\"", true);
    check_matches("ours.deep.text:hello", false);
    check_matches("ours.deep.text:Hello*", true);
    check_matches("dns.answers.rrname:b.example", false);
    check_matches("_exists_:ours", true);
    check_matches("_exists_:ours.none", false);
    check_matches("_exists_:nothing", false);
    check_matches("_exists_:alert", true);
    check_matches("_exists_:payload", false);
    check_matches("payload:AAAA", false);
    check_matches("log.level:error", true);
    check_matches("_id:019b7ca9-8f2e-7000-8000-03ffffffffff", false);
}

#[test]
fn a_word_without_a_field_is_looked_for_where_people_look() {
    check_matches("emotet", true);
    check_matches("10.1.2.3", true);
    check_matches("10.0.0.0/8", true);
    check_matches("2001:db8::1", true);
    check_matches("2100498", true);
    check_matches("192.0.2.2", true);
    check_matches("\"failed password\"", true);
    check_matches("evil*", true);
    check_matches("Hello", false);
    check_matches("alert", false);
    check_matches("AAAA", false);
}

fn a_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[a-z0-9./:_-]{1,12}",
        "[ -~äß\\n]{1,8}",
        Just("and".to_owned()),
        Just("TO".to_owned()),
        Just("10.0.0.0/8".to_owned()),
        Just("::1".to_owned()),
    ];
    prop_oneof![
        4 => text.clone().prop_map(Value::Word),
        2 => text.clone().prop_map(Value::Phrase),
        1 => Just(Value::Phrase(String::new())),
        2 => (text.clone(), text).prop_map(|(a, b)| {
            Value::Pattern(format!("{}*{}?", glob::literal(&a), glob::literal(&b)))
        }),
        1 => (any::<[u8; 4]>(), 0u8..32).prop_map(|(address, length)| {
            Value::Prefix(Prefix::new(std::net::IpAddr::from(address), length).unwrap())
        }),
    ]
}

fn a_bound() -> impl Strategy<Value = Bound> {
    let value = prop_oneof![
        "[a-z0-9.:-]{1,12}".prop_map(Value::Word),
        "[ -~äß]{0,8}".prop_map(Value::Phrase),
    ];
    prop_oneof![
        Just(Bound::None),
        value.clone().prop_map(Bound::Including),
        value.prop_map(Bound::Excluding),
    ]
}

/// A condition that a text can ask for: prefixes of addresses stand with addresses only.
fn a_field() -> impl Strategy<Value = Query> {
    let path = prop_oneof![
        Just("alert.signature".to_owned()),
        Just("src_ip".to_owned()),
        Just("@timestamp".to_owned()),
        "[a-z][a-z.]{0,8}",
        "[a-z ():<*\"-]{1,8}",
    ];
    let is = prop_oneof![
        1 => Just(Predicate::Exists),
        4 => a_value().prop_map(Predicate::Is),
        2 => (a_bound(), a_bound()).prop_map(|(from, to)| Predicate::Range { from, to }),
    ];
    (path, is).prop_map(|(path, is)| match is {
        Predicate::Is(Value::Prefix(_)) => Query::Field {
            path: "dest_ip".into(),
            is,
        },
        is => Query::Field { path, is },
    })
}

fn a_query() -> impl Strategy<Value = Query> {
    let one = prop_oneof![
        1 => Just(Query::All),
        3 => a_value().prop_map(Query::Anywhere),
        6 => a_field(),
    ];
    one.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..5).prop_map(Query::and),
            prop::collection::vec(inner.clone(), 2..5).prop_map(Query::or),
            inner.prop_map(|query| Query::Not(Box::new(query))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_shown_reads_as_the_same(query in a_query()) {
        let shown = query.to_string();
        let again = Query::parse(&shown);
        prop_assert_eq!(again, Ok(query), "{}", shown);
    }

    #[test]
    fn any_text_is_a_query_or_an_error_with_its_place(text in "[ -~äß]{0,40}") {
        match Query::parse(&text) {
            Ok(query) => prop_assert_eq!(Query::parse(&query.to_string()), Ok(query)),
            Err(error) => prop_assert!(error.at <= text.chars().count()),
        }
    }

    #[test]
    fn not_turns_a_query_round(query in a_query()) {
        let record = record();
        let not = Query::Not(Box::new(query.clone()));
        prop_assert_ne!(matches(&query, &record), matches(&not, &record));
    }
}
