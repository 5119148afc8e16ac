//! What the documentation shows is so.

use store::query::Query;

const SEARCH: &str = include_str!("../../../docs/search.md");

/// The lines of all blocks of this kind.
fn lines(kind: &str) -> Vec<&'static str> {
    let fence = format!("```{kind}");
    let mut out = Vec::new();
    let mut is_in = false;
    for line in SEARCH.lines() {
        match line {
            "```" => is_in = false,
            line if line == fence => is_in = true,
            line if is_in => out.push(line),
            _ => {}
        }
    }
    out
}

#[test]
fn every_query_shown_reads_and_asks_for_something() {
    let queries = lines("query");
    assert!(queries.len() > 20);
    for text in queries {
        let query = Query::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(
            Query::parse(&query.to_string()),
            Ok(query.clone()),
            "{text}"
        );
        assert_ne!(query.plan(), store::query::Plan::Never, "{text}");
    }
}

#[test]
fn every_query_shown_as_refused_is() {
    let refused = lines("refused");
    assert!(refused.len() >= 5);
    for text in refused {
        assert!(Query::parse(text).is_err(), "{text}");
    }
}
