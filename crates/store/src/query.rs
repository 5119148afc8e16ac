//! The query language: what people type into Kibana and EveBox, as a tree that every store carries out alike.

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
    /// A word with `*` (any characters) or `?` (one character) in it.
    Pattern(String),
    /// An address prefix, `10.0.0.0/8`, on a field of addresses.
    Prefix(event::Prefix),
}
