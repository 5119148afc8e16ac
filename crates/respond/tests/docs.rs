//! What the documents show works.

use respond::playbook;

#[test]
fn the_playbooks_in_the_documents_can_be_read() {
    let text = include_str!("../../../docs/response.md");
    let examples = text.split("```yaml\n").skip(1);
    let mut count = 0;
    for example in examples.filter_map(|rest| rest.split("```").next()) {
        let (playbooks, refusals) = playbook::read("response.md", example);
        assert_eq!(refusals, []);
        count += playbooks.len();
    }
    assert_eq!(count, 4);
}

#[test]
fn every_way_of_failing_is_explained() {
    let text = include_str!("../../../docs/response.md");
    let source = include_str!("../../event/src/action.rs");
    let (_, rest) = source.split_once("pub enum Failure {").unwrap();
    let (body, _) = rest.split_once("\n}").unwrap();
    let names = body
        .lines()
        .map(str::trim)
        .filter(|line| line.ends_with(','));
    let mut count = 0;
    for name in names {
        let failure: event::action::Failure =
            serde_json::from_str(&format!("\"{}\"", snake(name.trim_end_matches(',')))).unwrap();
        let word = serde_json::to_string(&failure).unwrap().replace('"', "`");
        assert!(text.contains(&word), "{word} is not in docs/response.md");
        count += 1;
    }
    assert!(count > 20);
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
