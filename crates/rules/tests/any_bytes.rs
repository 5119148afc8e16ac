//! Any bytes as a rule file: no panic, every line a verdict, bounded memory and time.

use proptest::prelude::*;
use rules::{Context, MAX_REFUSALS, Parsed, RuleSet, Thresholds, Variables, parse_file};

/// Pieces of rules that the generator shuffles, so that it gets past the header.
const PIECES: &[&str] = &[
    "content:\"a|0d 0a|b\"",
    "content:!\"x\"",
    "nocase",
    "depth:5",
    "offset:1",
    "distance:-1",
    "within:9",
    "http_uri",
    "http.uri",
    "dns.query",
    "file_data",
    "pkt_data",
    "pcre:\"/a(b)/iR\"",
    "pcre:\"/x/U\"",
    "byte_test:4,>,100,0,relative",
    "byte_jump:2,0",
    "byte_extract:1,0,n",
    "byte_math:bytes 1, offset 0, oper +, rvalue n, result m",
    "isdataat:n,relative",
    "bsize:<9",
    "to_md5",
    "xor:\"0a\"",
    "flow:established,to_server",
    "flowbits:set,a",
    "flowint:x,+,1",
    "xbits:set,a,track ip_src",
    "threshold:type limit,track by_src,count 1,seconds 1",
    "sid:1",
    "rev:2",
    "fast_pattern:only",
    "startswith",
    "endswith",
    "prefilter",
    "tag:session",
    "dataset:set,x,type string",
    "absent",
    "base64_decode:bytes 9",
    "base64_data",
    "urilen:5<>9",
    "app-layer-event:http.x",
    "frame:http1.request",
    "replace:\"ab\"",
    "\\",
    "\"",
    "|",
    "(",
    ")",
    ":",
    "!",
    "[",
    "é",
];

fn rule() -> impl Strategy<Value = String> {
    let piece =
        prop_oneof![4 => prop::sample::select(PIECES).prop_map(str::to_owned), 1 => ".{0,12}"];
    prop::collection::vec(piece, 0..14)
        .prop_map(|pieces| format!("alert tcp any any -> any any ({};)", pieces.join("; ")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_get_a_verdict(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let context = Context::default();
        let file = parse_file("noise", &bytes, &context);
        let lines = bytes.iter().filter(|&&b| b == b'\n').count() + 1;
        prop_assert!(file.parsed.len() <= lines);
        let _ = Thresholds::parse(&bytes, &Variables::default());
        let _ = rules::lists::Classes::parse(&bytes);
    }

    #[test]
    fn one_rule_never_fails_another(rules in prop::collection::vec(rule(), 1..6)) {
        let context = Context::default();
        let alone: Vec<bool> = rules.iter().map(|rule| is_read(&parse_file("f", rule.as_bytes(), &context).parsed)).collect();
        let text = rules.join("\n");
        if !rules.iter().any(|rule| rule.contains('\n') || rule.ends_with('\\')) {
            let together = parse_file("f", text.as_bytes(), &context);
            let together: Vec<bool> = together.parsed.iter().map(|parsed| parsed.rule().is_some()).collect();
            prop_assert_eq!(together, alone);
        }
    }
}

fn is_read(parsed: &[Parsed]) -> bool {
    parsed.first().is_some_and(|parsed| parsed.rule().is_some())
}

#[test]
fn noise_is_counted_and_not_kept() {
    let noise = b"!!! no rule at all\n".repeat(MAX_REFUSALS + 500);
    let file = parse_file("noise", &noise, &Context::default());
    assert_eq!(file.more_refused, 500);
    assert_eq!(file.summary().refused, MAX_REFUSALS as u64 + 500);
}

#[test]
fn the_newest_revision_of_a_signature_stands() {
    let rule = |rev: u32| format!("alert tcp any any -> any any (sid:7; rev:{rev};)\n");
    let mut set = RuleSet::default();
    for rev in [1, 3, 2, 3] {
        set.add(parse_file("f", rule(rev).as_bytes(), &Context::default()));
    }
    assert_eq!(set.loaded().map(|rule| rule.rev).collect::<Vec<_>>(), [3]);
    let summary = set.summary();
    assert_eq!(
        (summary.loaded, summary.refused, summary.skipped),
        (1, 2, 1)
    );
}
