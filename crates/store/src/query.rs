//! The query language: what people type into Kibana and EveBox, as a tree that every store carries out alike.
//!
//! [`Query::parse`] makes the tree, [`Query::plan`] says what it asks of each field by the field's type; a store
//! carries out the plan, and [`matches`] is what it must agree with.

pub(crate) mod date;
pub mod glob;
mod matches;
mod parse;
mod plan;
mod show;
mod typed;

pub use matches::{matches, matches_plan};
pub use parse::{MAX_CLAUSES, MAX_DEPTH, MAX_LENGTH, ParseError};
pub use plan::{Plan, Test, TextBound};
pub use typed::{KEYWORD_MAX, Leaf, WORD_MAX, leaf, lower, moment, text, time_of, words};

/// A condition on one event.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// Every event.
    All,
    /// All of these.
    And(Vec<Query>),
    /// One of these at least.
    Or(Vec<Query>),
    /// Not this.
    Not(Box<Query>),
    /// A word or phrase without a field: in any field that holds text for people.
    Anywhere(Value),
    /// A condition on one field.
    Field {
        /// The path in the record, with dots: `alert.severity`.
        path: String,
        /// What must hold of one of its values at least.
        is: Predicate,
    },
}

impl Query {
    /// All of these, flat; every event where there are none.
    #[must_use]
    pub fn and(parts: Vec<Query>) -> Query {
        let mut all = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Query::And(parts) => all.extend(parts),
                part => all.push(part),
            }
        }
        match all.len() {
            0 => Query::All,
            1 => all.swap_remove(0),
            _ => Query::And(all),
        }
    }

    /// One of these at least, flat; no event where there are none.
    #[must_use]
    pub fn or(parts: Vec<Query>) -> Query {
        let mut any = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Query::Or(parts) => any.extend(parts),
                part => any.push(part),
            }
        }
        match any.len() {
            0 => Query::none(),
            1 => any.swap_remove(0),
            _ => Query::Or(any),
        }
    }

    /// No event.
    #[must_use]
    pub fn none() -> Query {
        Query::Not(Box::new(Query::All))
    }

    /// A condition on one field.
    #[must_use]
    pub fn field(path: &str, is: Predicate) -> Query {
        Query::Field {
            path: path.to_owned(),
            is,
        }
    }
}

/// What must hold of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    /// It has a value: `field:*` or `_exists_:field`.
    Exists,
    /// It is this, or holds this word or phrase where it is text for people.
    Is(Value),
    /// It lies between these. CIDR prefixes of addresses are told by [`Value::Prefix`] instead.
    Range {
        /// The lower end.
        from: Bound,
        /// The upper end.
        to: Bound,
    },
}

/// One end of a range.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// Open.
    None,
    /// This value belongs to the range.
    Including(Value),
    /// This value does not.
    Excluding(Value),
}

/// A value as it was typed.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A word without quotes; a number, a truth value or an address where the field is one.
    Word(String),
    /// In quotes: words in this order.
    Phrase(String),
    /// A word with `*` (any characters) or `?` (one character) in it; a backslash before one of them, or before
    /// another, takes it as it is: see [`glob`].
    Pattern(String),
    /// An address prefix, `10.0.0.0/8`, on a field of addresses.
    Prefix(event::Prefix),
}

#[cfg(test)]
mod tests;
