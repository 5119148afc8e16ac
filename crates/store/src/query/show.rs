//! Writes a query as text that reads as the same query.

use std::fmt;
use std::net::IpAddr;

use event::Prefix;

use super::{Bound, Predicate, Query, Value, parse};
use crate::fields;

/// Where a value stands: what must have a backslash there differs.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// Without a field.
    Anywhere,
    /// Behind the name of a field of addresses.
    Address,
    /// Behind the name of another field.
    Field,
    /// At the end of a range.
    Range,
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Query::All => f.write_str("*"),
            Query::And(parts) => match parts.as_slice() {
                [] => f.write_str("*"),
                [one] => one.fmt(f),
                parts => joined(f, parts, " AND "),
            },
            Query::Or(parts) => match parts.as_slice() {
                [] => f.write_str("NOT *"),
                [one] => one.fmt(f),
                parts => joined(f, parts, " OR "),
            },
            Query::Not(query) => {
                f.write_str("NOT ")?;
                grouped(f, query, is_joined(query))
            }
            Query::Anywhere(value) => shown(f, value, Place::Anywhere),
            Query::Field { path, is } => field(f, path, is),
        }
    }
}

fn is_joined(query: &Query) -> bool {
    match query {
        Query::And(parts) | Query::Or(parts) => match parts.as_slice() {
            [] => false,
            [one] => is_joined(one),
            _ => true,
        },
        Query::All | Query::Not(_) | Query::Anywhere(_) | Query::Field { .. } => false,
    }
}

fn grouped(f: &mut fmt::Formatter<'_>, query: &Query, in_parentheses: bool) -> fmt::Result {
    if in_parentheses {
        write!(f, "({query})")
    } else {
        write!(f, "{query}")
    }
}

fn joined(f: &mut fmt::Formatter<'_>, parts: &[Query], word: &str) -> fmt::Result {
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            f.write_str(word)?;
        }
        grouped(f, part, is_joined(part))?;
    }
    Ok(())
}

fn field(f: &mut fmt::Formatter<'_>, path: &str, is: &Predicate) -> fmt::Result {
    escaped(f, path, |c| matches!(c, ':' | '<' | '>' | '*' | '?'))?;
    f.write_str(":")?;
    let place = if fields::is_address(path) {
        Place::Address
    } else {
        Place::Field
    };
    match is {
        Predicate::Exists => f.write_str("*"),
        Predicate::Is(value) => shown(f, value, place),
        Predicate::Range { from, to } => match (from, to) {
            (Bound::Including(value), Bound::None) => compared(f, ">=", value),
            (Bound::Excluding(value), Bound::None) => compared(f, ">", value),
            (Bound::None, Bound::Including(value)) => compared(f, "<=", value),
            (Bound::None, Bound::Excluding(value)) => compared(f, "<", value),
            (from, to) => range(f, from, to),
        },
    }
}

fn compared(f: &mut fmt::Formatter<'_>, sign: &str, value: &Value) -> fmt::Result {
    f.write_str(sign)?;
    shown(f, value, Place::Field)
}

fn range(f: &mut fmt::Formatter<'_>, from: &Bound, to: &Bound) -> fmt::Result {
    let end = |f: &mut fmt::Formatter<'_>, bound: &Bound| match bound {
        Bound::None => f.write_str("*"),
        Bound::Including(value) | Bound::Excluding(value) => shown(f, value, Place::Range),
    };
    f.write_str(if matches!(from, Bound::Excluding(_)) {
        "{"
    } else {
        "["
    })?;
    end(f, from)?;
    f.write_str(" TO ")?;
    end(f, to)?;
    f.write_str(if matches!(to, Bound::Excluding(_)) {
        "}"
    } else {
        "]"
    })
}

fn shown(f: &mut fmt::Formatter<'_>, value: &Value, place: Place) -> fmt::Result {
    match value {
        Value::Phrase(phrase) => {
            f.write_str("\"")?;
            for c in phrase.chars() {
                if matches!(c, '"' | '\\') {
                    f.write_str("\\")?;
                }
                write!(f, "{c}")?;
            }
            f.write_str("\"")
        }
        Value::Word(word) if word.is_empty() => f.write_str("\"\""),
        Value::Word(word) => {
            let is_plain =
                place == Place::Anywhere && (word.parse::<IpAddr>().is_ok() || parse::is_mac(word));
            if is_plain {
                return f.write_str(word);
            }
            let is_prefix = matches!(place, Place::Anywhere | Place::Address)
                && word.contains('/')
                && word.parse::<Prefix>().is_ok();
            let is_name = place == Place::Anywhere;
            escaped(f, word, |c| match c {
                '*' | '?' => true,
                '/' => is_prefix,
                ':' | '<' | '>' => is_name,
                _ => false,
            })
        }
        Value::Pattern(pattern) => pattern_shown(f, pattern, place),
        Value::Prefix(prefix) => write!(f, "{}/{}", prefix.address(), prefix.length()),
    }
}

/// A pattern holds its own backslashes; what the language needs besides is added.
fn pattern_shown(f: &mut fmt::Formatter<'_>, pattern: &str, place: Place) -> fmt::Result {
    let mut chars = pattern.chars();
    let mut is_first = true;
    while let Some(c) = chars.next() {
        if c == '\\' {
            // A lone backslash at the end stands for itself.
            let next = chars.next().unwrap_or('\\');
            write!(f, "\\{next}")?;
        } else {
            let is_needed = needs_backslash(c, is_first)
                || (place == Place::Anywhere && matches!(c, ':' | '<' | '>'));
            if is_needed {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        is_first = false;
    }
    Ok(())
}

/// A word with backslashes where the language, or `also`, asks for them.
fn escaped(f: &mut fmt::Formatter<'_>, word: &str, also: impl Fn(char) -> bool) -> fmt::Result {
    let is_keyword = ["and", "or", "not", "to"]
        .iter()
        .any(|keyword| word.eq_ignore_ascii_case(keyword));
    for (place, c) in word.chars().enumerate() {
        let is_first = place == 0;
        if needs_backslash(c, is_first) || also(c) || (is_first && is_keyword) {
            f.write_str("\\")?;
        }
        write!(f, "{c}")?;
    }
    Ok(())
}

fn needs_backslash(c: char, is_first: bool) -> bool {
    c.is_whitespace()
        || matches!(c, '(' | ')' | '"' | '\\' | ']' | '}' | '~')
        || (is_first && matches!(c, '+' | '-' | '!' | '&' | '|' | '[' | '{' | '<' | '>' | '='))
}
