//! Which content is chosen.

use super::*;

fn check(options: &str, expected: Option<(&str, bool)>) {
    let text = format!("alert http any any -> any any ({options} sid:1;)\n");
    let file = rules::parse_file("test.rules", text.as_bytes(), &rules::Context::default());
    let rule = file
        .parsed
        .iter()
        .find_map(|parsed| parsed.rule())
        .expect("a rule");
    let chosen = choose(rule);
    let chosen = chosen
        .as_ref()
        .map(|c| (std::str::from_utf8(&c.bytes).unwrap_or("?"), c.is_nocase));
    assert_eq!(chosen, expected, "{options}");
}

#[test]
fn the_one_that_the_rule_names_is_taken() {
    check(
        "content:\"longer than that\"; content:\"ab\"; fast_pattern;",
        Some(("ab", false)),
    );
    check(
        "content:\"abcdef\"; fast_pattern:2,3;",
        Some(("cde", false)),
    );
}

#[test]
fn of_a_long_one_the_beginning_is_looked_for() {
    let long = "ab".repeat(20_000);
    check(
        &format!("content:\"{long}\"; nocase;"),
        Some((&long[..LITERAL_MAX], true)),
    );
}

#[test]
fn otherwise_the_one_that_is_rarest() {
    check(
        "content:\"aaaaaaa\"; content:\"Qz7x\";",
        Some(("Qz7x", false)),
    );
    check(
        "http.method; content:\"POST\"; http.uri; content:\"/a9\";",
        Some(("/a9", false)),
    );
    check(
        "http.uri; content:\"/Gate\"; nocase;",
        Some(("/gate", true)),
    );
}

#[test]
fn what_must_not_be_there_is_never_taken() {
    check("content:!\"abcdef\"; content:\"x\";", Some(("x", false)));
    check("content:!\"abcdef\";", None);
    check("http.uri; pcre:\"/abc/\";", None);
}
