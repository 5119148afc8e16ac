//! Documents of a file: rules, correlations and filters, each read for itself.

use std::collections::BTreeSet;

use event::incident::Severity;
use serde_yaml_ng::{Mapping, Value as Yaml};

use super::Placeholders;
use super::correlation::Correlation;
use super::detection::Detection;
use super::logsource::Logsource;
use super::verdict::{State, Verdict};
use crate::attack::{self, Step};
use crate::finding::severity_named;

/// Documents of one file.
const MAX_DOCUMENTS: usize = 10_000;
/// The longest document, bytes.
const MAX_BYTES: usize = 1 << 20;
/// The longest title that is taken, characters.
const MAX_TITLE: usize = 256;

/// One document that could be read.
#[derive(Clone, Debug)]
pub struct Document {
    /// Where it stands, and its title and id.
    pub verdict: Verdict,
    /// Its `name`, by which correlations may call it.
    pub name: Option<String>,
    /// Its id, where it has one.
    pub id: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// Steps of ATT&CK.
    pub steps: Vec<Step>,
    /// What it says.
    pub body: Body,
}

/// What a document says.
#[derive(Clone, Debug)]
pub enum Body {
    /// Which records are meant.
    Rule {
        /// Where they come from.
        source: Logsource,
        /// What they say.
        detection: Detection,
    },
    /// What of several records together is meant.
    Correlation(Correlation),
    /// What is not meant by rules after all.
    Filter {
        /// Of which records it tells.
        source: Logsource,
        /// Ids or names of rules; none: all.
        rules: Option<Vec<String>>,
        /// What must hold as well.
        detection: Detection,
    },
}

/// Reads the documents of a file's text; with them the verdicts of those that are refused.
pub fn read(file: &str, text: &str, placeholders: &Placeholders) -> (Vec<Document>, Vec<Verdict>) {
    let (mut documents, mut refused) = (Vec::new(), Vec::new());
    for (number, (line, text)) in split(text).into_iter().enumerate() {
        let has_words = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        // Blank lines before it are no part of it.
        let Some(blank) = text.lines().position(has_words) else {
            continue;
        };
        let read = if number >= MAX_DOCUMENTS {
            Err((
                None,
                format!("more than {MAX_DOCUMENTS} documents in a file"),
            ))
        } else {
            one(file, line, text, placeholders)
        };
        match read {
            Ok(mut document) => {
                document.verdict.line += blank;
                documents.push(document);
            }
            Err((at, reason)) => {
                let title = said(text, "title").unwrap_or_else(|| "(no title)".to_owned());
                refused.push(Verdict {
                    file: file.to_owned(),
                    line: line + at.unwrap_or(blank),
                    id: said(text, "id").or(said(text, "name")).unwrap_or_default(),
                    title,
                    state: State::Refused(reason),
                });
            }
        }
        if number >= MAX_DOCUMENTS {
            break;
        }
    }
    (documents, refused)
}

/// The texts of documents, each with the number of its first line.
fn split(text: &str) -> Vec<(usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parts = Vec::new();
    let (mut begin, mut first, mut at) = (0, 1, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let bare = line.trim_end();
        if bare == "---" || bare.starts_with("--- ") || bare == "..." {
            parts.push((first, text.get(begin..at).unwrap_or_default()));
            begin = at + line.len();
            first = number + 2;
        }
        at += line.len();
    }
    parts.push((first, text.get(begin..).unwrap_or_default()));
    parts
}

/// What a key at the left margin says, for a document that is no YAML.
fn said(text: &str, key: &str) -> Option<String> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    let value = line.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then(|| clean(value))
}

fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_TITLE)
        .collect()
}

/// One document; where it cannot be, the line within it and the reason.
fn one(
    file: &str,
    line: usize,
    text: &str,
    placeholders: &Placeholders,
) -> Result<Document, (Option<usize>, String)> {
    if text.len() > MAX_BYTES {
        return Err((None, format!("more than {MAX_BYTES} bytes")));
    }
    let yaml: Yaml = serde_yaml_ng::from_str(text).map_err(|error| {
        let at = error.location().map(|place| place.line().saturating_sub(1));
        (at, format!("no YAML: {error}"))
    })?;
    let Yaml::Mapping(map) = &yaml else {
        return Err((None, "not a mapping".to_owned()));
    };
    let of = |key: &str| map.get(key).and_then(Yaml::as_str).map(clean);
    let (id, name) = (of("id"), of("name"));
    let title = of("title").ok_or((None, "a title is needed".to_owned()))?;
    let placed = |why: String| (place(text, &why), why);
    let severity = match map.get("level") {
        None => Severity::Medium,
        Some(level) => level.as_str().and_then(severity_named).ok_or_else(|| {
            let names = Severity::ALL.map(Severity::name).join(", ");
            placed(format!("level: one of {names} is needed"))
        })?,
    };
    let tags = map.get("tags").and_then(Yaml::as_sequence);
    let tags = tags.into_iter().flatten().filter_map(Yaml::as_str);
    let mut unknown = BTreeSet::new();
    let body = body(map, placeholders, &mut unknown).map_err(placed)?;
    let state = if unknown.is_empty() {
        State::Loaded
    } else {
        let name = |name: &String| format!("no record here has a field {name}");
        State::Degraded(unknown.iter().map(name).collect())
    };
    Ok(Document {
        verdict: Verdict {
            file: file.to_owned(),
            line,
            id: id.clone().or(name.clone()).unwrap_or_else(|| title.clone()),
            title,
            state,
        },
        steps: attack::of_tags(tags),
        id,
        name,
        severity,
        body,
    })
}

fn body(
    map: &Mapping,
    placeholders: &Placeholders,
    unknown: &mut BTreeSet<String>,
) -> Result<Body, String> {
    if map.contains_key("action") {
        return Err("action: collections of older Sigma; write each rule whole".to_owned());
    }
    let mapping = |key: &str| match map.get(key) {
        None => Ok(None),
        Some(Yaml::Mapping(inner)) => Ok(Some(inner)),
        Some(_) => Err(format!("{key}: a mapping is needed")),
    };
    if let Some(correlation) = mapping("correlation")? {
        let mut correlation = Correlation::read(correlation)?;
        // The text of the specification has it within, its schema beside the correlation.
        correlation.generates |= match map.get("generate") {
            None => false,
            Some(Yaml::Bool(generates)) => *generates,
            Some(_) => return Err("generate: true or false is needed".to_owned()),
        };
        return Ok(Body::Correlation(correlation));
    }
    let source = match mapping("logsource")? {
        None => return Err("logsource: it is needed".to_owned()),
        Some(source) => {
            let of = |key: &str| source.get(key).and_then(Yaml::as_str);
            Logsource::find(of("product"), of("category"), of("service"))
                .map_err(|why| format!("logsource: {why}"))?
        }
    };
    if let Some(filter) = mapping("filter")? {
        let rules = match filter.get("rules") {
            None => return Err("filter: rules is needed".to_owned()),
            Some(Yaml::String(any)) if any == "any" => None,
            Some(Yaml::String(one)) => Some(vec![one.clone()]),
            Some(Yaml::Sequence(list)) => {
                let names = list.iter().map(|name| name.as_str().map(str::to_owned));
                let names: Option<Vec<String>> = names.collect();
                Some(names.ok_or("filter: rules are texts")?)
            }
            Some(_) => return Err("filter: rules are texts".to_owned()),
        };
        let (detection, fields) = Detection::read(filter, &source, placeholders)?;
        *unknown = fields;
        return Ok(Body::Filter {
            source,
            rules,
            detection,
        });
    }
    match mapping("detection")? {
        None => Err("detection: it is needed".to_owned()),
        Some(detection) => {
            let (detection, fields) = Detection::read(detection, &source, placeholders)?;
            *unknown = fields;
            Ok(Body::Rule { source, detection })
        }
    }
}

/// The line on which the innermost key stands that a reason names.
fn place(text: &str, reason: &str) -> Option<usize> {
    let keys: Vec<&str> = reason.split(": ").take(4).collect();
    keys.iter().rev().find_map(|key| {
        text.lines().position(|line| {
            let line = line.trim_start().trim_start_matches("- ");
            let line = line.trim_start_matches(['"', '\'']);
            line.strip_prefix(key)
                .is_some_and(|rest| rest.trim_start_matches(['"', '\'']).starts_with(':'))
        })
    })
}
