//! What a query asks of each field once the field's type is known: one interpretation for every store.

use event::Timestamp;

use super::{Bound, Predicate, Query, Value, glob, typed};
use crate::fields::{self, Field, Kind, Place};

/// A query whose conditions are made for the types of their fields.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// Every event.
    All,
    /// No event.
    Never,
    /// All of these.
    And(Vec<Plan>),
    /// One of these at least.
    Or(Vec<Plan>),
    /// Not this.
    Not(Box<Plan>),
    /// A field has a value that passes a test.
    Test {
        /// The path as it was asked for; without `.keyword` where that said nothing.
        path: String,
        /// What the path means: never [`Place::Silent`].
        place: Place,
        /// What one of its values must pass.
        test: Test,
    },
}

/// What a value must pass. Which of them a field can have is told by its kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Any value of the field's kind; at [`Place::Rest`] any value, also below the path.
    Exists,
    /// Text that holds these words one behind the other, as [`super::words`] makes them; never empty.
    Words(Vec<String>),
    /// Text with a word of this pattern, which is in lower case.
    WordPattern(String),
    /// Exactly this: keywords, twins, the rest and the id.
    Exactly(String),
    /// Keywords, twins and the rest: the whole is of this pattern.
    Pattern {
        /// See [`glob`].
        pattern: String,
        /// Whether `a` is `A` as well: so it is where text is asked for by a pattern of several words.
        ignore_case: bool,
    },
    /// Keywords, twins and the rest: between these by the bytes of their UTF-8.
    Texts {
        /// The lower end.
        from: TextBound,
        /// The upper end.
        to: TextBound,
    },
    /// A whole number between these, both included.
    I64 {
        /// The least.
        from: i64,
        /// The greatest.
        to: i64,
    },
    /// A number between these.
    F64 {
        /// The least, and whether it belongs.
        from: (f64, bool),
        /// The greatest, and whether it belongs.
        to: (f64, bool),
    },
    /// This truth value.
    Bool(bool),
    /// An address between these, both included; IPv4 as `::ffff:0:0/96` holds it.
    Ip {
        /// The first.
        from: u128,
        /// The last.
        to: u128,
    },
    /// A moment between these, both included.
    Time {
        /// The first.
        from: Timestamp,
        /// The last.
        to: Timestamp,
    },
}

/// One end of a range of texts.
#[derive(Clone, Debug, PartialEq)]
pub enum TextBound {
    /// Open.
    None,
    /// This belongs to it.
    Including(String),
    /// This does not.
    Excluding(String),
}

impl Query {
    /// What it asks of each field. A value that cannot be of a field's kind matches nothing.
    #[must_use]
    pub fn plan(&self) -> Plan {
        match self {
            Query::All => Plan::All,
            Query::And(parts) => Plan::and(parts.iter().map(Query::plan)),
            Query::Or(parts) => Plan::or(parts.iter().map(Query::plan)),
            Query::Not(query) => query.plan().not(),
            Query::Anywhere(value) => anywhere(value),
            Query::Field { path, is } => field(path, is),
        }
    }
}

impl Plan {
    /// All of these; [`Plan::All`] and [`Plan::Never`] never stand within another plan.
    fn and(parts: impl Iterator<Item = Plan>) -> Plan {
        let mut all = Vec::new();
        for part in parts {
            match part {
                Plan::All => {}
                Plan::Never => return Plan::Never,
                Plan::And(parts) => all.extend(parts),
                part => all.push(part),
            }
        }
        match all.len() {
            0 => Plan::All,
            1 => all.swap_remove(0),
            _ => Plan::And(all),
        }
    }

    fn or(parts: impl Iterator<Item = Plan>) -> Plan {
        let mut any = Vec::new();
        for part in parts {
            match part {
                Plan::Never => {}
                Plan::All => return Plan::All,
                Plan::Or(parts) => any.extend(parts),
                part => any.push(part),
            }
        }
        match any.len() {
            0 => Plan::Never,
            1 => any.swap_remove(0),
            _ => Plan::Or(any),
        }
    }

    fn not(self) -> Plan {
        match self {
            Plan::All => Plan::Never,
            Plan::Never => Plan::All,
            Plan::Not(plan) => *plan,
            plan => Plan::Not(Box::new(plan)),
        }
    }
}

/// A word without a field: wherever the list says that people look for one.
fn anywhere(value: &Value) -> Plan {
    let is = Predicate::Is(value.clone());
    Plan::or(
        fields::FIELDS
            .iter()
            .filter(|field| field.is_anywhere)
            .map(|place| field(place.path, &is)),
    )
}

fn field(path: &str, is: &Predicate) -> Plan {
    let place = fields::place(path);
    let (path, test) = match place {
        Place::Silent => return Plan::Never,
        Place::Time => (fields::TIME, of_kind(Kind::Time, is)),
        Place::Known(Field {
            path,
            kind: Kind::Text,
            is_counted,
            ..
        }) => return of_text(path, place, *is_counted, is),
        Place::Known(field) => (field.path, of_kind(field.kind, is)),
        Place::Twin(_) | Place::Rest | Place::Id => (path, whole(is)),
    };
    test.map_or(Plan::Never, |test| Plan::Test {
        path: path.to_owned(),
        place,
        test,
    })
}

/// What text for people must pass. It is its words; its order, and patterns that are more than one word, are
/// asked of its twin.
fn of_text(path: &str, place: Place, has_twin: bool, is: &Predicate) -> Plan {
    let words = |text: &str| {
        let words: Vec<String> = typed::words(text).collect();
        (!words.is_empty()).then_some(Test::Words(words))
    };
    let (test, is_of_twin) = match is {
        Predicate::Exists => (Some(Test::Exists), false),
        Predicate::Is(Value::Word(text) | Value::Phrase(text)) => (words(text), false),
        Predicate::Is(Value::Prefix(prefix)) => (words(&prefix.to_string()), false),
        Predicate::Is(Value::Pattern(pattern)) => {
            let lower: String = pattern.chars().map(typed::lower).collect();
            let is_one_word = glob::pieces(pattern).iter().all(|piece| match piece {
                glob::Piece::Literal(c) => c.is_alphanumeric(),
                glob::Piece::One | glob::Piece::Any => true,
            });
            if is_one_word {
                (Some(Test::WordPattern(lower)), false)
            } else {
                let pattern = Test::Pattern {
                    pattern: lower,
                    ignore_case: true,
                };
                (Some(pattern), true)
            }
        }
        Predicate::Range { .. } => (whole(is), true),
    };
    let place = match place {
        Place::Known(field) if is_of_twin && has_twin => Place::Twin(field),
        _ if is_of_twin => return Plan::Never,
        place => place,
    };
    test.map_or(Plan::Never, |test| Plan::Test {
        path: path.to_owned(),
        place,
        test,
    })
}

/// What a value of this kind, which is not text for people, must pass; None where none can.
fn of_kind(kind: Kind, is: &Predicate) -> Option<Test> {
    if *is == Predicate::Exists {
        return Some(Test::Exists);
    }
    match kind {
        Kind::Keyword | Kind::Text => whole(is),
        Kind::I64 => i64_range(is),
        Kind::F64 => f64_range(is),
        Kind::Bool => match is {
            Predicate::Is(value) => match typed_word(value)? {
                "true" => Some(Test::Bool(true)),
                "false" => Some(Test::Bool(false)),
                _ => None,
            },
            Predicate::Exists | Predicate::Range { .. } => None,
        },
        Kind::Ip => ip_range(is),
        Kind::Time => time_range(is),
    }
}

/// What text that is taken as a whole must pass.
fn whole(is: &Predicate) -> Option<Test> {
    let bound = |bound: &Bound| match bound {
        Bound::None => TextBound::None,
        Bound::Including(value) => TextBound::Including(as_typed(value)),
        Bound::Excluding(value) => TextBound::Excluding(as_typed(value)),
    };
    Some(match is {
        Predicate::Exists => Test::Exists,
        Predicate::Is(Value::Pattern(pattern)) => Test::Pattern {
            pattern: pattern.clone(),
            ignore_case: false,
        },
        Predicate::Is(value) => Test::Exactly(as_typed(value)),
        Predicate::Range { from, to } => Test::Texts {
            from: bound(from),
            to: bound(to),
        },
    })
}

fn as_typed(value: &Value) -> String {
    match value {
        Value::Word(text) | Value::Phrase(text) | Value::Pattern(text) => text.clone(),
        Value::Prefix(prefix) => prefix.to_string(),
    }
}

/// A value that may be a number, a truth value, a moment or an address.
fn typed_word(value: &Value) -> Option<&str> {
    match value {
        Value::Word(text) | Value::Phrase(text) => Some(text),
        Value::Pattern(_) | Value::Prefix(_) => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    let number: f64 = typed_word(value)?.parse().ok()?;
    number.is_finite().then_some(number)
}

fn i64_range(is: &Predicate) -> Option<Test> {
    // A bound is exact where it is whole, else the next whole number inside.
    let exact = |value: &Value| typed_word(value)?.parse::<i64>().ok();
    let from = |bound: &Bound| match bound {
        Bound::None => Some(i64::MIN),
        Bound::Including(value) => exact(value).or_else(|| Some(number(value)?.ceil() as i64)),
        Bound::Excluding(value) => match exact(value) {
            Some(number) => number.checked_add(1),
            None => Some((number(value)?.floor() as i64).saturating_add(1)),
        },
    };
    let to = |bound: &Bound| match bound {
        Bound::None => Some(i64::MAX),
        Bound::Including(value) => exact(value).or_else(|| Some(number(value)?.floor() as i64)),
        Bound::Excluding(value) => match exact(value) {
            Some(number) => number.checked_sub(1),
            None => Some((number(value)?.ceil() as i64).saturating_sub(1)),
        },
    };
    let (from, to) = match is {
        Predicate::Exists => (i64::MIN, i64::MAX),
        Predicate::Is(value) => {
            let exact = exact(value).or_else(|| {
                let number = number(value)?;
                (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
            })?;
            (exact, exact)
        }
        Predicate::Range {
            from: low,
            to: high,
        } => (from(low)?, to(high)?),
    };
    (from <= to).then_some(Test::I64 { from, to })
}

fn f64_range(is: &Predicate) -> Option<Test> {
    let end = |bound: &Bound, open: f64| match bound {
        Bound::None => Some((open, true)),
        Bound::Including(value) => Some((number(value)?, true)),
        Bound::Excluding(value) => Some((number(value)?, false)),
    };
    let (from, to) = match is {
        Predicate::Exists => ((f64::MIN, true), (f64::MAX, true)),
        Predicate::Is(value) => ((number(value)?, true), (number(value)?, true)),
        Predicate::Range { from, to } => (end(from, f64::MIN)?, end(to, f64::MAX)?),
    };
    Some(Test::F64 { from, to })
}

fn ip_range(is: &Predicate) -> Option<Test> {
    let ends = |value: &Value| match value {
        Value::Word(text) | Value::Phrase(text) => match typed::address(text) {
            Some(address) => Some((address, address)),
            None => Some(text.parse::<event::Prefix>().ok()?.bounds()),
        },
        Value::Pattern(pattern) => Some(glob::address_prefix(pattern)?.bounds()),
        Value::Prefix(prefix) => Some(prefix.bounds()),
    };
    let (from, to) = match is {
        Predicate::Exists => (0, u128::MAX),
        Predicate::Is(value) => ends(value)?,
        Predicate::Range { from, to } => (
            match from {
                Bound::None => 0,
                Bound::Including(value) => ends(value)?.0,
                Bound::Excluding(value) => ends(value)?.1.checked_add(1)?,
            },
            match to {
                Bound::None => u128::MAX,
                Bound::Including(value) => ends(value)?.1,
                Bound::Excluding(value) => ends(value)?.0.checked_sub(1)?,
            },
        ),
    };
    (from <= to).then_some(Test::Ip { from, to })
}

fn time_range(is: &Predicate) -> Option<Test> {
    let ends = |value: &Value| typed_word(value).and_then(span);
    let (from, to) = match is {
        Predicate::Exists => (i64::MIN, i64::MAX),
        Predicate::Is(value) => ends(value)?,
        Predicate::Range { from, to } => (
            match from {
                Bound::None => i64::MIN,
                Bound::Including(value) => ends(value)?.0,
                Bound::Excluding(value) => ends(value)?.1.checked_add(1)?,
            },
            match to {
                Bound::None => i64::MAX,
                Bound::Including(value) => ends(value)?.1,
                Bound::Excluding(value) => ends(value)?.0.checked_sub(1)?,
            },
        ),
    };
    let (from, to) = (Timestamp::from_nanos(from), Timestamp::from_nanos(to));
    (from <= to).then_some(Test::Time { from, to })
}

/// The first and the last nanosecond of what a text names: a moment, a day, a month, a year, or milliseconds
/// since 1970.
fn span(text: &str) -> Option<(i64, i64)> {
    if let Some(moment) = typed::moment(text) {
        return Some((moment.nanos(), moment.nanos()));
    }
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && text.len() > 4 {
        let nanos = text.parse::<i64>().ok()?.checked_mul(1_000_000)?;
        return Some((nanos, nanos));
    }
    let (first, next) = match text.len() {
        4 => {
            let next: i64 = text.parse::<i64>().ok()?.checked_add(1)?;
            (format!("{text}-01-01"), format!("{next:04}-01-01"))
        }
        7 => {
            let (year, month) = text.split_once('-')?;
            let (year, month): (i64, u32) = (year.parse().ok()?, month.parse().ok()?);
            let (next_year, next) = if month == 12 {
                (year + 1, 1)
            } else {
                (year, month + 1)
            };
            (format!("{text}-01"), format!("{next_year:04}-{next:02}-01"))
        }
        10 => (text.to_owned(), String::new()),
        _ => return None,
    };
    let midnight = |day: &str| typed::moment(&format!("{day}T00:00:00Z")).map(Timestamp::nanos);
    let first = midnight(&first)?;
    let next = if next.is_empty() {
        first.checked_add(86_400 * 1_000_000_000)?
    } else {
        midnight(&next)?
    };
    Some((first, next - 1))
}
