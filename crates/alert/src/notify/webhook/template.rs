//! Templates of bodies: text with places, and nothing that computes.
//!
//! | | |
//! |---|---|
//! | `{{ incident.title }}` | the value, escaped for the kind of body |
//! | `{{ json incident }}` | the value as JSON, quotes and all; in JSON bodies only |
//! | `{{#if link}} … {{else}} … {{/if}}` | where the value is there, not empty, not 0, not false |
//! | `{{#each incident.attackers}} … {{/each}}` | for each member, which is `this`; `first` is true for the first |
//!
//! In a JSON body a text is escaped to stand between quotes; in a form it is percent-encoded; in HTML and XML
//! its special characters become entities; elsewhere it is one line. So what attackers wrote cannot become
//! structure.

use serde_json::{Map, Value};

use crate::notify::clean;
use crate::notify::slack::percent;

/// Bytes of a template.
const MAX_TEMPLATE: usize = 64 << 10;
/// Bytes that it may make.
const MAX_BODY: usize = 1 << 20;
/// Blocks within blocks.
const MAX_DEPTH: usize = 4;
/// Members of a list that are walked through; lists of an incident have twenty.
const MAX_MEMBERS: usize = 100;
/// Characters of a text in a body that is no JSON.
const MAX_TEXT: usize = 2000;

/// How texts are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escaping {
    /// To stand between the quotes of a JSON text.
    Json,
    /// Percent-encoded.
    Form,
    /// Entities.
    Markup,
    /// One line.
    Line,
}

impl Escaping {
    /// By the kind of the body.
    #[must_use]
    pub fn of(content_type: &str) -> Escaping {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        let kind = kind.to_ascii_lowercase();
        match kind.as_str() {
            "application/x-www-form-urlencoded" => Escaping::Form,
            "text/html" | "text/xml" | "application/xml" | "application/xhtml+xml" => {
                Escaping::Markup
            }
            kind if kind.ends_with("json") => Escaping::Json,
            kind if kind.ends_with("+xml") => Escaping::Markup,
            _ => Escaping::Line,
        }
    }

    fn escape(self, text: &str) -> String {
        match self {
            Escaping::Json => {
                let quoted = Value::from(text).to_string();
                let inner = quoted
                    .strip_prefix('"')
                    .and_then(|rest| rest.strip_suffix('"'));
                inner.unwrap_or_default().to_owned()
            }
            Escaping::Form => percent(text),
            Escaping::Markup => markup(text),
            Escaping::Line => clean::line(text, MAX_TEXT),
        }
    }
}

/// Text for HTML and XML, in attributes too.
#[must_use]
pub fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A compiled template.
#[derive(Debug)]
pub struct Template {
    parts: Vec<Part>,
    escaping: Escaping,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Place(Vec<String>),
    Json(Vec<String>),
    If(Vec<String>, Vec<Part>, Vec<Part>),
    Each(Vec<String>, Vec<Part>),
}

/// A piece of the text.
#[derive(Debug)]
enum Piece<'a> {
    Text(&'a str),
    Tag(&'a str),
}

impl Template {
    /// Compiles.
    ///
    /// # Errors
    /// In words what is wrong with it.
    pub fn compile(text: &str, escaping: Escaping) -> Result<Template, String> {
        if text.len() > MAX_TEMPLATE {
            return Err(format!("a template has at most {MAX_TEMPLATE} bytes"));
        }
        let mut pieces = pieces(text)?.into_iter();
        let (parts, end) = read(&mut pieces, escaping, 0)?;
        match end {
            None => Ok(Template { parts, escaping }),
            Some(tag) => Err(format!("{{{{{tag}}}}} ends nothing")),
        }
    }

    /// Whether every name is one of `values`, which has them all.
    ///
    /// # Errors
    /// The name that is not, or a body that is no JSON though it should be.
    pub fn check(&self, values: &Value) -> Result<(), String> {
        known(&self.parts, &mut vec![values])?;
        if self.escaping == Escaping::Json {
            serde_json::from_str::<Value>(&self.render(values))
                .map_err(|error| format!("the template makes no JSON: {error}"))?;
        }
        Ok(())
    }

    /// Fills the places.
    #[must_use]
    pub fn render(&self, values: &Value) -> String {
        let mut out = String::new();
        render(&self.parts, self.escaping, &mut vec![values], &mut out);
        out
    }
}

fn pieces(mut text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    while let Some((before, rest)) = text.split_once("{{") {
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        let (tag, rest) = rest.split_once("}}").ok_or("{{ without }}")?;
        pieces.push(Piece::Tag(tag.trim()));
        text = rest;
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

/// Reads until a tag that ends a block, and tells which.
fn read<'a>(
    pieces: &mut impl Iterator<Item = Piece<'a>>,
    escaping: Escaping,
    depth: usize,
) -> Result<(Vec<Part>, Option<&'a str>), String> {
    if depth > MAX_DEPTH {
        return Err(format!("more than {MAX_DEPTH} blocks within blocks"));
    }
    let mut parts = Vec::new();
    while let Some(piece) = pieces.next() {
        let tag = match piece {
            Piece::Text(text) => {
                parts.push(Part::Text(text.to_owned()));
                continue;
            }
            Piece::Tag(tag) => tag,
        };
        if matches!(tag, "else" | "/if" | "/each") {
            return Ok((parts, Some(tag)));
        }
        if let Some(of) = tag.strip_prefix("#if ") {
            let (then, end) = read(pieces, escaping, depth + 1)?;
            let (otherwise, end) = match end {
                Some("else") => read(pieces, escaping, depth + 1)?,
                end => (Vec::new(), end),
            };
            if end != Some("/if") {
                return Err(format!("{{{{{tag}}}}} is not ended by {{{{/if}}}}"));
            }
            parts.push(Part::If(path(of)?, then, otherwise));
        } else if let Some(of) = tag.strip_prefix("#each ") {
            let (each, end) = read(pieces, escaping, depth + 1)?;
            if end != Some("/each") {
                return Err(format!("{{{{{tag}}}}} is not ended by {{{{/each}}}}"));
            }
            parts.push(Part::Each(path(of)?, each));
        } else if let Some(of) = tag.strip_prefix("json ") {
            if escaping != Escaping::Json {
                return Err("json is for bodies of JSON".into());
            }
            parts.push(Part::Json(path(of)?));
        } else {
            parts.push(Part::Place(path(tag)?));
        }
    }
    Ok((parts, None))
}

fn path(text: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = text.trim().split('.').map(str::to_owned).collect();
    let is_name = |name: &String| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    match names.iter().all(is_name) {
        true => Ok(names),
        false => Err(format!(
            "{{{{{text}}}}} is no place: names with dots between are wanted"
        )),
    }
}

/// What a path leads to, seen from the innermost block outwards.
fn find<'v>(path: &[String], scopes: &[&'v Value]) -> Option<&'v Value> {
    let (first, rest) = path.split_first()?;
    let start = match first.as_str() {
        "this" => *scopes.last()?,
        name => scopes.iter().rev().find_map(|scope| scope.get(name))?,
    };
    rest.iter().try_fold(start, |value, name| value.get(name))
}

fn known(parts: &[Part], scopes: &mut Vec<&Value>) -> Result<(), String> {
    let check = |path: &[String], scopes: &[&Value]| {
        let is_known = find(path, scopes).is_some()
            // Left out where nobody named the asset.
            || path.last().is_some_and(|name| name == "asset")
            || (path.len() == 1 && path.first().is_some_and(|n| n == "first") && scopes.len() > 1);
        match is_known {
            true => Ok(()),
            false => Err(format!(
                "the template asks for {}, which there is not",
                path.join(".")
            )),
        }
    };
    for part in parts {
        match part {
            Part::Text(_) => {}
            Part::Place(path) | Part::Json(path) => check(path, scopes)?,
            Part::If(path, then, otherwise) => {
                check(path, scopes)?;
                known(then, scopes)?;
                known(otherwise, scopes)?;
            }
            Part::Each(path, each) => {
                check(path, scopes)?;
                let first = find(path, scopes).and_then(|list| list.get(0));
                if let Some(first) = first {
                    scopes.push(first);
                    let told = known(each, scopes);
                    scopes.pop();
                    told?;
                }
            }
        }
    }
    Ok(())
}

fn render(parts: &[Part], escaping: Escaping, scopes: &mut Vec<&Value>, out: &mut String) {
    for part in parts {
        if out.len() > MAX_BODY {
            return;
        }
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Place(path) => match find(path, scopes) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) => out.push_str(&escaping.escape(text)),
                Some(Value::Number(number)) => out.push_str(&number.to_string()),
                Some(Value::Bool(value)) => out.push_str(&value.to_string()),
                Some(tree) => out.push_str(&escaping.escape(&tree.to_string())),
            },
            Part::Json(path) => {
                let value = find(path, scopes).unwrap_or(&Value::Null);
                out.push_str(&value.to_string());
            }
            Part::If(path, then, otherwise) => {
                let holds = find(path, scopes).is_some_and(is_something);
                render(if holds { then } else { otherwise }, escaping, scopes, out);
            }
            Part::Each(path, each) => {
                let members = match find(path, scopes) {
                    Some(Value::Array(members)) => members.as_slice(),
                    _ => &[],
                };
                for (at, member) in members.iter().take(MAX_MEMBERS).enumerate() {
                    let mut about = Map::new();
                    about.insert("first".into(), (at == 0).into());
                    let about = Value::Object(about);
                    let mut within = scopes.clone();
                    within.push(&about);
                    within.push(member);
                    render(each, escaping, &mut within, out);
                }
            }
        }
    }
}

fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(members) => !members.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn values() -> Value {
        json!({"t": "a\"b\n<c>", "n": 7, "no": "", "l": [{"x": "1"}, {"x": "2"}], "o": {"k": "v"}})
    }

    fn check(template: &str, kind: &str, expected: &str) {
        let template = Template::compile(template, Escaping::of(kind)).unwrap();
        assert_eq!(template.render(&values()), expected);
    }

    #[test]
    fn places_are_filled_and_escaped_by_the_kind_of_body() {
        check(
            "{\"a\": \"{{ t }}\"}",
            "application/json",
            "{\"a\": \"a\\\"b\\n<c>\"}",
        );
        check(
            "{\"a\": {{ json o }}}",
            "application/json",
            "{\"a\": {\"k\":\"v\"}}",
        );
        check(
            "a={{t}}&n={{n}}",
            "application/x-www-form-urlencoded",
            "a=a%22b%0A%3Cc%3E&n=7",
        );
        check(
            "<b>{{t}}</b>",
            "text/html; charset=utf-8",
            "<b>a&quot;b &lt;c&gt;</b>",
        );
        check("{{t}} {{o.k}} {{gone}}.", "text/plain", "a\"b <c> v .");
    }

    #[test]
    fn blocks_choose_and_repeat() {
        check(
            "{{#if no}}yes{{else}}no{{/if}}{{#if n}}!{{/if}}",
            "text/plain",
            "no!",
        );
        check(
            "{{#each l}}{{#if first}}{{else}}, {{/if}}{{x}}{{this.x}}{{n}}{{/each}}",
            "text/plain",
            "117, 227",
        );
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused = |text: &str, expected: &str| {
            let kind = Escaping::of("application/json");
            let template = Template::compile(text, kind);
            let why = template.and_then(|t| t.check(&values())).unwrap_err();
            assert!(why.contains(expected), "{text}: {why}");
        };
        refused("{{ t", "{{ without }}");
        refused("{{#if t}}", "not ended");
        refused("{{/if}}", "ends nothing");
        refused("{{ t u }}", "no place");
        refused("\"{{ tt }}\"", "asks for tt");
        refused("{{#each l}}{{y}}{{/each}}", "asks for y");
        refused("{{ t }}", "makes no JSON");
        refused(&"{{#if t}}".repeat(10), "blocks within blocks");
        refused(&" ".repeat(70_000), "at most");
        let text = Template::compile("{{json t}}", Escaping::Line).map(|_| ());
        assert!(text.unwrap_err().contains("JSON"));
    }

    proptest! {
        #[test]
        fn no_text_breaks_out_of_json(text in "\\PC*|.*") {
            let template = Template::compile("{\"a\": \"{{t}}\", \"b\": 1}", Escaping::Json).unwrap();
            let body: Value = serde_json::from_str(&template.render(&json!({"t": text}))).unwrap();
            prop_assert_eq!(body, json!({"a": text, "b": 1}));
        }

        #[test]
        fn any_text_is_a_template_or_refused(text in "[{}#/ a-z.]{0,40}") {
            let _ = Template::compile(&text, Escaping::Line).map(|t| t.render(&values()));
        }
    }
}
