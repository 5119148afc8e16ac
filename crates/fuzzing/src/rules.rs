//! The rule language: every rule gets one verdict, no rule depends on its neighbours, and every
//! complaint points into the text.

use rules::lexer::Lines;
use rules::lists::{Classes, References};
use rules::{Context, Parsed, RuleSet, Thresholds, Variables, parse_file};
use std::sync::LazyLock;

static CONTEXT: LazyLock<Context> = LazyLock::new(|| Context {
    classes: Classes::parse(b"config classification: web-attack,Attack,1\n").0,
    references: References::parse(b"config reference: url http://\n").0,
    loader: Some(Box::new(|_| Ok(b"YWJj\n".to_vec()))),
    ..Context::default()
});

/// Rules, thresholds and lists: the same text is read as each of them.
pub fn rules(data: &[u8]) {
    check_rules(data);
    let lines = data.iter().filter(|byte| **byte == b'\n').count() + 1;
    let _ = Thresholds::parse(data, &Variables::default());
    for (line, _) in Classes::parse(data)
        .1
        .into_iter()
        .chain(References::parse(data).1)
    {
        assert!(
            (1..=lines).contains(&(line as usize)),
            "a complaint about line {line}"
        );
    }
}

fn check_rules(data: &[u8]) {
    let file = parse_file("f", data, &CONTEXT);
    let summary = file.summary();
    let disabled = file.disabled
        + file
            .parsed
            .iter()
            .filter(|p| **p == Parsed::Disabled)
            .count() as u64;
    assert_eq!(summary.disabled, disabled);
    assert_eq!(
        summary.total() + summary.disabled,
        file.parsed.len() as u64 + file.disabled + file.more_refused,
        "a rule has no verdict, or two"
    );
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    for parsed in &file.parsed {
        match parsed {
            Parsed::Refused(refusal) | Parsed::Skipped(refusal) => {
                let line = lines.get(refusal.line as usize - 1);
                let line = line.expect("a refusal names a line of the file");
                // The place may be one past the end, and a byte order mark does not count.
                let most = line.len() + 1;
                let is_inside = (1..=most).contains(&(refusal.column as usize));
                assert!(is_inside, "{refusal} in {}", line.escape_ascii());
                assert!(!refusal.reason.is_empty());
            }
            Parsed::Degraded(_, reasons) => assert!(!reasons.is_empty()),
            Parsed::Loaded(_) | Parsed::Disabled => {}
        }
    }
    check_neighbours(data, &file.parsed);
    let mut set = RuleSet::default();
    set.add(file);
    let loaded = set.loaded().count() as u64;
    assert!(loaded <= summary.loaded + summary.degraded);
}

/// Each rule read alone is read as among the others.
fn check_neighbours(data: &[u8], together: &[Parsed]) {
    let mut alone = Vec::new();
    for line in Lines::new(data).take(8) {
        let file = parse_file("f", line.text.as_bytes(), &CONTEXT);
        alone.extend(file.parsed.iter().map(|parsed| parsed.rule().is_some()));
    }
    let together: Vec<bool> = together
        .iter()
        .map(|parsed| parsed.rule().is_some())
        .collect();
    let len = alone.len().min(together.len());
    assert_eq!(
        alone[..len],
        together[..len],
        "a rule depends on its neighbours"
    );
}
