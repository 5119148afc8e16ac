//! Of which kinds an event must be for a condition to hold: records of other kinds need no parsing.

use condition::IdedExpr;
use condition::ast::{Expr, LiteralValue, operators};
use std::collections::BTreeSet;

/// Kinds of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kinds {
    /// Any kind may do.
    Any,
    /// One of these, as `event_type` has them; none where the condition is not about events.
    These(BTreeSet<String>),
}

impl Kinds {
    /// Whether an event of this kind could make the condition true. None: its kind is not known.
    #[must_use]
    pub fn may_be(&self, kind: Option<&str>) -> bool {
        match (self, kind) {
            (Kinds::Any, _) | (Kinds::These(_), None) => true,
            (Kinds::These(these), Some(kind)) => these.contains(kind),
        }
    }

    /// What an expression demands of the kind: `event.event_type == "alert"` does, alone, as part of a
    /// conjunction, or on both sides of a disjunction.
    pub(super) fn of(expression: &IdedExpr) -> Self {
        let Expr::Call(call) = &expression.expr else {
            return Kinds::Any;
        };
        let [left, right] = call.args.as_slice() else {
            return Kinds::Any;
        };
        match call.func_name.as_str() {
            operators::LOGICAL_AND => Kinds::of(left).and(Kinds::of(right)),
            operators::LOGICAL_OR => Kinds::of(left).or(Kinds::of(right)),
            operators::EQUALS if is_kind(left) => text(right),
            operators::EQUALS if is_kind(right) => text(left),
            operators::IN if is_kind(left) => match &right.expr {
                Expr::List(list) => list
                    .elements
                    .iter()
                    .map(text)
                    .fold(Kinds::These(BTreeSet::new()), Kinds::or),
                _ => Kinds::Any,
            },
            _ => Kinds::Any,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Kinds::Any, one) | (one, Kinds::Any) => one,
            (Kinds::These(one), Kinds::These(other)) => {
                Kinds::These(one.intersection(&other).cloned().collect())
            }
        }
    }

    /// Those that satisfy either.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Kinds::Any, _) | (_, Kinds::Any) => Kinds::Any,
            (Kinds::These(mut one), Kinds::These(other)) => {
                one.extend(other);
                Kinds::These(one)
            }
        }
    }
}

/// Whether it reads `event.event_type`.
fn is_kind(expression: &IdedExpr) -> bool {
    let Expr::Select(select) = &expression.expr else {
        return false;
    };
    let is_event = matches!(&select.operand.expr, Expr::Ident(name) if name == "event");
    is_event && select.field == "event_type" && !select.test
}

fn text(expression: &IdedExpr) -> Kinds {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => {
            Kinds::These(BTreeSet::from([text.inner().to_owned()]))
        }
        _ => Kinds::Any,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Condition;
    use super::*;

    #[test]
    fn a_condition_tells_of_which_kinds_its_events_are() {
        let check = |condition: &str, expected: Option<&[&str]>| {
            let kinds = Condition::compile(condition).unwrap().kinds().clone();
            let expected = expected.map_or(Kinds::Any, |these| {
                Kinds::These(these.iter().map(|kind| (*kind).to_owned()).collect())
            });
            assert_eq!(kinds, expected, "{condition}");
        };
        check("event.event_type == 'alert'", Some(&["alert"]));
        check(
            "'alert' == event.event_type && event.dest_port == 22",
            Some(&["alert"]),
        );
        check("event.event_type in ['dns', 'tls']", Some(&["dns", "tls"]));
        check(
            "(event.event_type == 'dns' && event.x == 1) || event.event_type == 'tls'",
            Some(&["dns", "tls"]),
        );
        check("event.event_type == 'dns' || event.dest_port == 22", None);
        check(
            "event.event_type == 'dns' && event.event_type == 'tls'",
            Some(&[]),
        );
        check("event.event_type != 'dns'", None);
        check("event.event_type.startsWith('a')", None);
        check("incident.severity == 'high'", Some(&[]));
        check("incident.severity == 'high' || has(event.alert)", None);
    }

    #[test]
    fn an_event_of_an_unknown_kind_is_read() {
        let kinds = Kinds::These(BTreeSet::from(["alert".to_owned()]));
        assert!(kinds.may_be(None));
        assert!(kinds.may_be(Some("alert")));
        assert!(!kinds.may_be(Some("flow")));
    }
}
