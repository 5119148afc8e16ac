//! What is refused is told with its place, and with what to write instead.

use rules::{Context, Parsed, parse_file};

/// `option` is refused at its own column, with `words`.
fn check(option: &str, words: &str) {
    let before = "alert tcp any any -> any any (msg:\"m\"; content:\"abc\"; ";
    let text = format!("# rules\n{before}{option}; sid:1;)\n");
    let file = parse_file("a.rules", text.as_bytes(), &Context::default());
    let Some(Parsed::Refused(refusal)) = file.parsed.last() else {
        panic!("{option} is not refused");
    };
    assert_eq!(refusal.line, 2, "{option}");
    assert_eq!(refusal.column as usize, before.len() + 1, "{option}");
    assert!(refusal.reason.contains(words), "{}", refusal.reason);
}

#[test]
fn keywords_that_are_not_run_are_refused_where_they_stand() {
    check("asn1:oversize_length 500", "byte_test");
    check("lua:x.lua", "Lua scripts are not run");
    check("dce_ifaces:1", "unknown rule keyword 'dce_ifaces'");
}
