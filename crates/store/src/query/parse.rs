//! Reads the query language: Lucene's as Kibana and EveBox have it, with what KQL users type beside it.

use std::fmt;
use std::net::IpAddr;

use event::Prefix;

use super::{Bound, Predicate, Query, Value, glob};
use crate::fields;

/// The longest text, in bytes: no person types more, and a program has the tree.
pub const MAX_LENGTH: usize = 64 * 1024;

/// How deep conditions stand in each other: each level is a call, here and wherever the tree is walked.
pub const MAX_DEPTH: usize = 64;

/// The most conditions: Elasticsearch takes 1,024 in one query.
pub const MAX_CLAUSES: usize = 1_000;

/// What `@ip:` asks for.
const ADDRESSES: [&str; 7] = [
    "src_ip",
    "dest_ip",
    "arp.src_ip",
    "arp.dest_ip",
    "dhcp.assigned_ip",
    "dhcp.client_ip",
    "dhcp.requested_ip",
];

/// What `@mac:` asks for.
const MACS: [&str; 7] = [
    "ether.src_mac",
    "ether.dest_mac",
    "ether.src_macs",
    "ether.dest_macs",
    "arp.src_mac",
    "arp.dest_mac",
    "dhcp.client_mac",
];

/// Why a text is no query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Where, in characters from the beginning, from 0.
    pub at: usize,
    /// What is wrong there, for people.
    pub reason: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "character {}: {}", self.at + 1, self.reason)
    }
}

impl std::error::Error for ParseError {}

impl Query {
    /// Reads a query. A text without a condition is every event.
    ///
    /// # Errors
    /// Where it cannot be understood or is beyond the limits.
    pub fn parse(text: &str) -> Result<Query, ParseError> {
        let mut parser = Parser {
            text,
            at: 0,
            clauses: 0,
        };
        if text.len() > MAX_LENGTH {
            return Err(parser.error(format!("longer than {MAX_LENGTH} bytes")));
        }
        parser.space();
        if parser.rest().is_empty() {
            return Ok(Query::All);
        }
        let query = parser.any_of(&Asked::Record, 0)?;
        if parser.rest().is_empty() {
            Ok(query)
        } else {
            Err(parser.error("this parenthesis was never opened"))
        }
    }
}

/// What the words at this place are about.
enum Asked {
    /// The record: words may name fields.
    Record,
    /// One field: all words are values of it.
    Field(String),
}

/// A word as it was typed.
struct Word {
    /// Without its backslashes.
    plain: String,
    /// As a pattern, where `*` or `?` stands in it without a backslash.
    pattern: Option<String>,
    /// Whether anything was written with a backslash.
    is_escaped: bool,
}

/// Where a word ends besides at white space and quotes.
#[derive(Clone, Copy)]
struct Ends {
    /// At a colon or a comparison: it may be the name of a field.
    name: bool,
    /// At the end of a range.
    range: bool,
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    clauses: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn error(&self, reason: impl Into<String>) -> ParseError {
        self.error_at(self.at, reason)
    }

    fn error_at(&self, at: usize, reason: impl Into<String>) -> ParseError {
        ParseError {
            at: self
                .text
                .char_indices()
                .take_while(|(place, _)| *place < at)
                .count(),
            reason: reason.into(),
        }
    }

    /// Whether one of `words` stands here alone; takes it.
    fn keyword(&mut self, words: &[&str]) -> bool {
        let rest = self.rest();
        let found = words.iter().find(|word| {
            rest.strip_prefix(**word).is_some_and(|behind| {
                behind
                    .chars()
                    .next()
                    .is_none_or(|next| next.is_whitespace() || matches!(next, '(' | ')' | '"'))
            })
        });
        if let Some(word) = found {
            self.at += word.len();
            self.space();
        }
        found.is_some()
    }

    fn any_of(&mut self, asked: &Asked, depth: usize) -> Result<Query, ParseError> {
        let mut parts = vec![self.all_of(asked, depth)?];
        loop {
            let is_or = self.keyword(&["OR", "or"]) || self.take("||");
            self.space();
            if !is_or {
                return Ok(Query::or(parts));
            }
            parts.push(self.all_of(asked, depth)?);
        }
    }

    fn all_of(&mut self, asked: &Asked, depth: usize) -> Result<Query, ParseError> {
        let mut parts = vec![self.one(asked, depth)?];
        loop {
            self.space();
            let here = self.at;
            if self.rest().is_empty() || self.peek() == Some(')') {
                return Ok(Query::and(parts));
            }
            if self.keyword(&["OR", "or"]) || self.rest().starts_with("||") {
                self.at = here;
                return Ok(Query::and(parts));
            }
            if !self.keyword(&["AND", "and"]) {
                self.take("&&");
            }
            self.space();
            parts.push(self.one(asked, depth)?);
        }
    }

    /// One condition with what stands before it.
    fn one(&mut self, asked: &Asked, depth: usize) -> Result<Query, ParseError> {
        if depth >= MAX_DEPTH {
            return Err(self.error(format!("more than {MAX_DEPTH} levels")));
        }
        let here = self.at;
        if self.keyword(&["NOT", "not"]) || self.take("!") || self.take("-") {
            self.space();
            return Ok(Query::Not(Box::new(self.one(asked, depth + 1)?)));
        }
        if self.take("+") {
            self.space();
            return self.one(asked, depth + 1);
        }
        if self.keyword(&["AND", "and", "OR", "or"]) || self.take("&&") || self.take("||") {
            return Err(self.error_at(
                here,
                "a condition is missing before this; the word itself stands in quotes",
            ));
        }
        match self.peek() {
            None => Err(self.error("a condition is missing at the end")),
            Some(')') => Err(self.error("a condition is missing before this parenthesis")),
            Some('(') => self.group(asked, depth),
            Some(_) => {
                self.clauses += 1;
                if self.clauses > MAX_CLAUSES {
                    return Err(self.error(format!("more than {MAX_CLAUSES} conditions")));
                }
                match asked {
                    Asked::Record => self.condition(depth),
                    Asked::Field(path) => self.value_of(path),
                }
            }
        }
    }

    fn group(&mut self, asked: &Asked, depth: usize) -> Result<Query, ParseError> {
        let open = self.at;
        self.take("(");
        self.space();
        let query = self.any_of(asked, depth + 1)?;
        self.space();
        if self.take(")") {
            self.apart()?;
            Ok(query)
        } else {
            Err(self.error_at(open, "this parenthesis is never closed"))
        }
    }

    /// Refuses what stands right behind a finished condition: a forgotten space or backslash.
    fn apart(&self) -> Result<(), ParseError> {
        match self.peek() {
            None | Some(')') => Ok(()),
            Some(next) if next.is_whitespace() => Ok(()),
            Some('~') => Err(self.error("distances (~) are not known here")),
            Some('^') => Err(self.error("weights (^) are not known here")),
            Some(next) => Err(self.error(format!(
                "a space is missing before {next:?}, or a backslash where it belongs to the word"
            ))),
        }
    }

    /// A condition that names its field, or words for any field.
    fn condition(&mut self, depth: usize) -> Result<Query, ParseError> {
        if self.peek() == Some('"') {
            let phrase = self.phrase()?;
            if !self.rest().trim_start().starts_with(':') {
                self.apart()?;
                return Ok(Query::Anywhere(Value::Phrase(phrase)));
            }
            self.space();
            self.take(":");
            return self.about(phrase, depth);
        }
        let here = self.at;
        if let Some(query) = self.address_or_mac() {
            return Ok(query);
        }
        let word = self.word(Ends {
            name: true,
            range: false,
        })?;
        // `field : value` and `field >= 5` may have spaces.
        let behind = self.rest().trim_start();
        let is_compared = behind.starts_with('<') || behind.starts_with('>');
        if !behind.starts_with(':') && !is_compared {
            self.apart()?;
            return Ok(match (word.pattern, word.is_escaped) {
                (Some(pattern), _) if pattern == "*" => Query::All,
                (Some(pattern), _) => Query::Anywhere(Value::Pattern(pattern)),
                (None, true) => Query::Anywhere(Value::Word(word.plain)),
                (None, false) => Query::Anywhere(word_or_prefix(word.plain)),
            });
        }
        self.space();
        if !is_compared {
            self.take(":");
        }
        if word.pattern.as_deref() == Some("*") {
            self.space();
            return match self.value()? {
                Value::Pattern(pattern) if pattern == "*" => Ok(Query::All),
                value => Ok(Query::Anywhere(value)),
            };
        }
        if word.pattern.is_some() {
            return Err(self.error_at(here, "a field's name has no wildcards"));
        }
        if word.plain.is_empty() {
            return Err(self.error_at(here, "the field's name is missing"));
        }
        self.about(word.plain, depth)
    }

    /// What is asked of a field, behind its colon.
    fn about(&mut self, path: String, depth: usize) -> Result<Query, ParseError> {
        self.space();
        let here = self.at;
        let among = |paths: &[&str], is: &Predicate| {
            Query::or(
                paths
                    .iter()
                    .map(|path| Query::field(path, is.clone()))
                    .collect(),
            )
        };
        let from = |bound: Bound| Predicate::Range {
            from: bound,
            to: Bound::None,
        };
        let to = |bound: Bound| Predicate::Range {
            from: Bound::None,
            to: bound,
        };
        let time = |is| Ok(Query::field(fields::TIME, is));
        match path.as_str() {
            "_exists_" => match self.value()? {
                Value::Word(path) | Value::Phrase(path) if !path.is_empty() => {
                    Ok(Query::field(&path, Predicate::Exists))
                }
                _ => Err(self.error_at(here, "the name of a field must stand here")),
            },
            "@sid" => self.rest_about("alert.signature_id", depth),
            "@sig" => self.rest_about("alert.signature", depth),
            "@ip" => match self.value_for("src_ip")? {
                Predicate::Is(value) => {
                    let is = Predicate::Is(value);
                    Ok(among(&ADDRESSES, &is))
                }
                is => Ok(among(&ADDRESSES, &is)),
            },
            "@mac" => match self.value()? {
                Value::Word(mac) | Value::Phrase(mac) => {
                    let is = Predicate::Is(Value::Word(mac.to_ascii_lowercase()));
                    Ok(among(&MACS, &is))
                }
                Value::Pattern(mac) => {
                    let is = Predicate::Is(Value::Pattern(mac.to_ascii_lowercase()));
                    Ok(among(&MACS, &is))
                }
                Value::Prefix(_) => Err(self.error_at(here, "a MAC address must stand here")),
            },
            "@from" | "@after" | "@earliest" => time(from(Bound::Including(self.end()?))),
            "@to" | "@before" | "@latest" => time(to(Bound::Including(self.end()?))),
            _ => self.rest_about(&path, depth),
        }
    }

    fn rest_about(&mut self, path: &str, depth: usize) -> Result<Query, ParseError> {
        if self.peek() == Some('(') {
            return self.group(&Asked::Field(path.to_owned()), depth);
        }
        self.value_of(path)
    }

    fn value_of(&mut self, path: &str) -> Result<Query, ParseError> {
        Ok(Query::field(path, self.value_for(path)?))
    }

    /// What must hold of the field `path`: a value, a range or a comparison.
    fn value_for(&mut self, path: &str) -> Result<Predicate, ParseError> {
        let range = |from, to| Ok(Predicate::Range { from, to });
        if self.take(">=") {
            return range(Bound::Including(self.end()?), Bound::None);
        }
        if self.take(">") {
            return range(Bound::Excluding(self.end()?), Bound::None);
        }
        if self.take("<=") {
            return range(Bound::None, Bound::Including(self.end()?));
        }
        if self.take("<") {
            return range(Bound::None, Bound::Excluding(self.end()?));
        }
        if matches!(self.peek(), Some('[' | '{')) {
            return self.range();
        }
        let here = self.at;
        let value = self.value()?;
        let is_escaped = self
            .text
            .get(here..self.at)
            .is_some_and(|typed| typed.contains('\\'));
        Ok(match value {
            Value::Pattern(pattern) if pattern == "*" => Predicate::Exists,
            Value::Word(word) if !is_escaped && fields::is_address(path) => {
                Predicate::Is(word_or_prefix(word))
            }
            Value::Pattern(pattern) if fields::is_address(path) => {
                let prefix = glob::address_prefix(&pattern);
                Predicate::Is(prefix.map_or(Value::Pattern(pattern), Value::Prefix))
            }
            value => Predicate::Is(value),
        })
    }

    /// `[a TO b]`, `{a TO b}` and both mixed.
    fn range(&mut self) -> Result<Predicate, ParseError> {
        let open = self.at;
        let includes_from = self.take("[");
        if !includes_from {
            self.take("{");
        }
        let from = self.range_end()?;
        self.space();
        if !self.keyword(&["TO", "to"]) {
            return Err(self.error("TO must stand between the ends of a range"));
        }
        let to = self.range_end()?;
        self.space();
        let includes_to = match self.peek() {
            Some(']') => true,
            Some('}') => false,
            _ => return Err(self.error_at(open, "this range is never closed")),
        };
        self.at += 1;
        self.apart()?;
        let bound = |value: Option<Value>, including| match (value, including) {
            (None, _) => Bound::None,
            (Some(value), true) => Bound::Including(value),
            (Some(value), false) => Bound::Excluding(value),
        };
        Ok(Predicate::Range {
            from: bound(from, includes_from),
            to: bound(to, includes_to),
        })
    }

    /// One end of a range in brackets; None where it is open.
    fn range_end(&mut self) -> Result<Option<Value>, ParseError> {
        self.space();
        if self.peek() == Some('"') {
            return self.phrase().map(|phrase| Some(Value::Phrase(phrase)));
        }
        let here = self.at;
        let word = self.word(Ends {
            name: false,
            range: true,
        })?;
        match word.pattern.as_deref() {
            None => Ok(Some(Value::Word(word.plain))),
            Some("*") => Ok(None),
            Some(_) => Err(self.error_at(here, "the end of a range has no wildcards")),
        }
    }

    /// The value of a comparison.
    fn end(&mut self) -> Result<Value, ParseError> {
        self.space();
        let here = self.at;
        match self.value()? {
            Value::Pattern(_) => Err(self.error_at(here, "the end of a range has no wildcards")),
            value => Ok(value),
        }
    }

    fn value(&mut self) -> Result<Value, ParseError> {
        if self.peek() == Some('"') {
            let phrase = self.phrase()?;
            self.apart()?;
            return Ok(Value::Phrase(phrase));
        }
        let word = self.word(Ends {
            name: false,
            range: false,
        })?;
        self.apart()?;
        Ok(match word.pattern {
            Some(pattern) => Value::Pattern(pattern),
            None => Value::Word(word.plain),
        })
    }

    /// An IPv6 address, a prefix of one or a MAC address in place of a word: they hold colons.
    fn address_or_mac(&mut self) -> Option<Query> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"'))
            .unwrap_or(rest.len());
        let word = rest.get(..end)?;
        let colons = word.bytes().filter(|byte| *byte == b':').count();
        let value = match word_or_prefix(word.to_owned()) {
            Value::Prefix(prefix) if colons > 0 => Value::Prefix(prefix),
            Value::Word(word) if colons > 0 && (is_address(&word) || is_mac(&word)) => {
                Value::Word(word)
            }
            _ => return None,
        };
        self.at += end;
        Some(Query::Anywhere(value))
    }

    /// Text in quotes; a backslash takes the next character as it is.
    fn phrase(&mut self) -> Result<String, ParseError> {
        let open = self.at;
        let mut phrase = String::new();
        let mut is_escaped = false;
        for (place, next) in self.rest().char_indices().skip(1) {
            match next {
                _ if is_escaped => {
                    phrase.push(next);
                    is_escaped = false;
                }
                '\\' => is_escaped = true,
                '"' => {
                    self.at += place + 1;
                    return Ok(phrase);
                }
                _ => phrase.push(next),
            }
        }
        Err(self.error_at(open, "this quote is never closed"))
    }

    fn word(&mut self, ends: Ends) -> Result<Word, ParseError> {
        let open = self.at;
        let mut plain = String::new();
        let mut pattern = String::new();
        let mut is_pattern = false;
        let mut is_escaped = false;
        let mut chars = self.rest().char_indices();
        let mut length = self.rest().len();
        while let Some((place, next)) = chars.next() {
            let ends_here = next.is_whitespace()
                || matches!(next, '(' | ')' | '"')
                || (ends.name && matches!(next, ':' | '<' | '>'))
                || (ends.range && matches!(next, ']' | '}'));
            if ends_here {
                length = place;
                break;
            }
            match next {
                '\\' => {
                    let Some((_, literal)) = chars.next() else {
                        return Err(self.error_at(open + place, "nothing stands behind this"));
                    };
                    is_escaped = true;
                    plain.push(literal);
                    glob::push_literal(&mut pattern, literal);
                }
                '*' | '?' => {
                    is_pattern = true;
                    plain.push(next);
                    pattern.push(next);
                }
                _ => {
                    plain.push(next);
                    pattern.push(next);
                }
            }
        }
        self.at = open + length;
        if length == 0 && !ends.name {
            return Err(self.error("a value is missing here"));
        }
        if length == 0 && self.peek() != Some(':') {
            return Err(self.error("a word must stand here; in quotes it may hold anything"));
        }
        if !is_escaped && is_fuzzy(&plain) {
            return Err(self.error_at(
                open,
                "likeness (~) is not known here; \\~ stands for the character",
            ));
        }
        Ok(Word {
            plain,
            pattern: is_pattern.then_some(pattern),
            is_escaped,
        })
    }
}

/// `word~` and `word~1`, which ask Lucene for words that are alike.
fn is_fuzzy(word: &str) -> bool {
    let word = word.strip_suffix(['0', '1', '2']).unwrap_or(word);
    word.len() > 1 && word.ends_with('~')
}

/// An address prefix, or the word; a prefix of one address is that address.
fn word_or_prefix(word: String) -> Value {
    if !word.contains('/') {
        return Value::Word(word);
    }
    match word.parse::<Prefix>() {
        Ok(prefix) if prefix.is_host() => Value::Word(prefix.address().to_string()),
        Ok(prefix) => Value::Prefix(prefix),
        Err(_) => Value::Word(word),
    }
}

fn is_address(word: &str) -> bool {
    word.parse::<IpAddr>().is_ok()
}

/// `aa:bb:cc:dd:ee:ff`.
pub(super) fn is_mac(word: &str) -> bool {
    word.len() == 17
        && word.bytes().enumerate().all(|(place, byte)| {
            if place % 3 == 2 {
                byte == b':'
            } else {
                byte.is_ascii_hexdigit()
            }
        })
}
