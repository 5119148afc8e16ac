//! Conditions of routes in CEL over an incident. What can never hold is refused when it is read: an unknown
//! name, field or function, a result that is no yes or no.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cel::common::ast::{EntryExpr, Expr};
use cel::objects::{Key, Map};
use cel::{Context, ExecutionError, IdedExpr, Program, Value};
use event::Prefix;
use event::incident::{Incident, Severity};
use serde_json::Value as Json;

use super::sample;

/// Longest text of a condition.
const MAX_TEXT: usize = 4096;
/// Loops within loops: lists of an incident as it is told have twenty members.
const MAX_LOOPS: usize = 3;
/// Objects within objects; an incident has five.
const MAX_DEPTH: usize = 12;

/// A compiled condition.
pub struct Condition {
    program: Program,
    text: String,
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Condition({:?})", self.text)
    }
}

/// An incident in the form in which conditions see it.
pub struct Facts {
    context: Context<'static, 'static>,
}

impl Facts {
    /// The facts of an incident. Beside its fields there is `level`: its severity as a number, 0
    /// (informational) to 4 (critical).
    #[must_use]
    pub fn of(incident: &Incident) -> Facts {
        let mut context = Context::default();
        context.add_variable_from_value("incident", convert(&tree(incident), 0));
        // Refused only for a name that CEL has itself.
        let _ = context.add_function("within", |address: Arc<String>, prefix: Arc<String>| {
            let prefix = prefix.parse::<Prefix>().ok();
            let address = address.parse::<Prefix>().ok();
            prefix
                .zip(address)
                .is_some_and(|(prefix, address)| prefix.overlaps(&address))
        });
        Facts { context }
    }
}

fn tree(incident: &Incident) -> Json {
    let mut tree = serde_json::to_value(incident).unwrap_or_default();
    let level = Severity::ALL.iter().position(|s| *s == incident.severity);
    if let (Json::Object(all), Some(level)) = (&mut tree, level) {
        all.insert("level".into(), level.into());
    }
    tree
}

impl Condition {
    /// Compiles `text`; in words why it cannot be.
    ///
    /// # Errors
    /// It is no CEL, or it can never hold.
    pub fn compile(text: &str) -> Result<Condition, String> {
        if text.len() > MAX_TEXT {
            return Err(format!("a condition has at most {MAX_TEXT} bytes"));
        }
        // The parser is generated code of another project; a text that it trips over is refused.
        let program = catch_unwind(|| Program::compile(text))
            .map_err(|_| "the parser of conditions gave up on it".to_owned())?
            .map_err(|errors| {
                let tell =
                    |error: &cel::ParseError| format!("column {}: {}", error.pos.1 + 1, error.msg);
                let errors: Vec<String> = errors.errors.iter().map(tell).collect();
                errors.join("; ")
            })?;
        let condition = Condition {
            program,
            text: text.to_owned(),
        };
        condition.check()?;
        Ok(condition)
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it holds. What the incident lacks makes it false.
    #[must_use]
    pub fn holds(&self, facts: &Facts) -> bool {
        matches!(self.value(facts), Ok(Value::Bool(true)))
    }

    fn value(&self, facts: &Facts) -> Result<Value, Option<ExecutionError>> {
        // Arithmetic on what attackers send must not be able to end the process.
        catch_unwind(AssertUnwindSafe(|| self.program.execute(&facts.context)))
            .map_err(|_| None)?
            .map_err(Some)
    }

    fn check(&self) -> Result<(), String> {
        let expression = self.program.expression();
        let loops = loops(expression);
        if loops > MAX_LOOPS {
            return Err(format!(
                "{loops} loops within each other; {MAX_LOOPS} are allowed"
            ));
        }
        names(expression, &tree(&sample::incident(1)), &mut Scope::new())?;
        // With every field filled it must give a yes or a no.
        match self.value(&Facts::of(&sample::incident(1))) {
            Ok(Value::Bool(_)) => Ok(()),
            Ok(other) => Err(format!("it gives a {}, not true or false", other.type_of())),
            Err(Some(error)) if is_fault(&error) => Err(error.to_string()),
            // An index beyond the end, an overflow: another incident may have it.
            Err(_) => Ok(()),
        }
    }
}

/// Whether an error is the condition's, whatever the incident.
fn is_fault(error: &ExecutionError) -> bool {
    matches!(
        error,
        ExecutionError::UndeclaredReference(_)
            | ExecutionError::NoSuchOverload(_)
            | ExecutionError::InvalidArgumentCount { .. }
            | ExecutionError::NotSupportedAsMethod { .. }
            | ExecutionError::UnexpectedType { .. }
            | ExecutionError::ValuesNotComparable(..)
            | ExecutionError::UnsupportedBinaryOperator(..)
            | ExecutionError::FunctionError { .. }
    )
}

/// Functions and operators of CEL that a condition may use, and our own.
const FUNCTIONS: [&str; 21] = [
    "within",
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "has",
    "all",
    "exists",
    "exists_one",
    "map",
    "filter",
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "type",
    "max",
    "min",
    "dyn",
];

/// What a variable of a loop stands for; None where that is not known.
type Scope = BTreeMap<String, Option<Json>>;

/// Checks names, fields and functions against an incident with every field filled; what the expression
/// stands for, where that is known.
fn names(e: &IdedExpr, incident: &Json, scope: &mut Scope) -> Result<Option<Json>, String> {
    match &e.expr {
        Expr::Ident(name) if name == "incident" => Ok(Some(incident.clone())),
        Expr::Ident(name) => match scope.get(name) {
            Some(known) => Ok(known.clone()),
            None => Err(format!("no such name: {name}; conditions know incident")),
        },
        Expr::Select(select) => {
            let of = names(&select.operand, incident, scope)?;
            let Some(Json::Object(fields)) = of else {
                return match of {
                    None => Ok(None),
                    Some(_) => Err(format!("nothing there has a field {}", select.field)),
                };
            };
            match fields.get(&select.field) {
                Some(field) => Ok(Some(field.clone())),
                // It is left out where nobody named the asset.
                None if select.field == "asset" => Ok(Some(Json::String(String::new()))),
                None => {
                    let known: Vec<&str> = fields.keys().map(String::as_str).collect();
                    Err(format!(
                        "no such field: {}; there are {}",
                        select.field,
                        known.join(", ")
                    ))
                }
            }
        }
        Expr::Call(call) => {
            let name = call.func_name.as_str();
            let is_operator = name.starts_with('_')
                || name.starts_with('@')
                || name.starts_with('!')
                || name.starts_with('-');
            if !is_operator && !FUNCTIONS.contains(&name) {
                return Err(format!("no such function: {name}"));
            }
            if let Some(target) = &call.target {
                names(target, incident, scope)?;
            }
            let mut args = Vec::new();
            for arg in &call.args {
                args.push(names(arg, incident, scope)?);
            }
            // A member of a list.
            let is_index = name == "_[_]";
            Ok(match args.into_iter().next().flatten() {
                Some(Json::Array(members)) if is_index => members.into_iter().next(),
                _ => None,
            })
        }
        Expr::Comprehension(inner) => {
            let range = names(&inner.iter_range, incident, scope)?;
            let member = match range {
                Some(Json::Array(members)) => members.into_iter().next(),
                _ => None,
            };
            let mut within = scope.clone();
            within.insert(inner.iter_var.clone(), member);
            within.insert(inner.accu_var.clone(), None);
            if let Some(second) = &inner.iter_var2 {
                within.insert(second.clone(), None);
            }
            for part in [
                &inner.accu_init,
                &inner.loop_cond,
                &inner.loop_step,
                &inner.result,
            ] {
                names(part, incident, &mut within)?;
            }
            Ok(None)
        }
        Expr::List(list) => {
            for element in &list.elements {
                names(element, incident, scope)?;
            }
            Ok(None)
        }
        Expr::Map(map) => {
            for entry in &map.entries {
                for part in of_entry(&entry.expr) {
                    names(part, incident, scope)?;
                }
            }
            Ok(None)
        }
        Expr::Struct(_) => Err("conditions make no objects".into()),
        Expr::Unspecified | Expr::Literal(_) => Ok(None),
    }
}

/// How deep loops stand within loops.
fn loops(e: &IdedExpr) -> usize {
    let below = children(e).into_iter().map(loops).max().unwrap_or(0);
    below + usize::from(matches!(e.expr, Expr::Comprehension(_)))
}

fn children(e: &IdedExpr) -> Vec<&IdedExpr> {
    match &e.expr {
        Expr::Call(call) => call.target.iter().map(|t| &**t).chain(&call.args).collect(),
        Expr::Comprehension(inner) => vec![
            &inner.iter_range,
            &inner.accu_init,
            &inner.loop_cond,
            &inner.loop_step,
            &inner.result,
        ],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map
            .entries
            .iter()
            .flat_map(|one| of_entry(&one.expr))
            .collect(),
        Expr::Struct(all) => all
            .entries
            .iter()
            .flat_map(|one| of_entry(&one.expr))
            .collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
    }
}

fn of_entry(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}

fn convert(json: &Json, depth: usize) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(large)) => Value::UInt(large),
            (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Array(_) | Json::Object(_) if depth >= MAX_DEPTH => Value::Null,
        Json::Array(members) => {
            let members = members.iter().map(|one| convert(one, depth + 1)).collect();
            Value::List(Arc::new(members))
        }
        Json::Object(members) => {
            let one = |(key, value): (&String, &Json)| {
                (
                    Key::String(Arc::new(key.clone())),
                    convert(value, depth + 1),
                )
            };
            let members: HashMap<Key, Value> = members.iter().map(one).collect();
            Value::Map(Map::from(members))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: bool) {
        let condition = Condition::compile(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(
            condition.holds(&Facts::of(&sample::incident(1))),
            expected,
            "{text}"
        );
    }

    fn check_refused(text: &str, expected: &str) {
        let why = Condition::compile(text).map(|_| ()).unwrap_err();
        assert!(why.contains(expected), "{text}: {why}");
    }

    #[test]
    fn conditions_speak_about_the_fields_of_an_incident() {
        check("incident.severity == 'high'", true);
        check("incident.level >= 3 && incident.kind == 'attack'", true);
        check("incident.severity in ['low', 'medium']", false);
        check("incident.title.contains('SSH')", true);
        check("incident.title.matches('(?i)^ssh')", true);
        check(
            "incident.attackers.exists(a, within(a.address, '192.0.2.0/24'))",
            true,
        );
        check("incident.victims.all(v, v.asset == 'web')", false);
        check(
            "incident.attackers.exists(a, has(a.asset) && a.asset == 'x')",
            false,
        );
        check("size(incident.tactics) > 1 || incident.events > 100", true);
        check(
            "incident.tactics.exists(t, t.techniques.exists(q, q.id == 'T1110'))",
            true,
        );
        check("incident.signatures[0].id == '1:2001219'", true);
        check("incident.signatures[7].id == '1:2001219'", false);
        check("!(incident.sensors.exists(s, s == 'sensor-9'))", true);
        check("true", true);
    }

    #[test]
    fn what_can_never_hold_is_refused_with_the_reason() {
        check_refused(
            "incident.severty == 'high'",
            "no such field: severty; there are",
        );
        check_refused("incdent.severity == 'high'", "no such name: incdent");
        check_refused("event.src_ip == '192.0.2.1'", "no such name: event");
        check_refused("incident.attackers.exists(a, a.adress == 'x')", "adress");
        check_refused(
            "inside('192.0.2.1', '192.0.2.0/24')",
            "no such function: inside",
        );
        check_refused("false && inside('a', 'b')", "no such function: inside");
        check_refused("incident.severity", "not true or false");
        check_refused("incident.events + 1", "not true or false");
        check_refused("incident.events > 'many'", "");
        check_refused("incident.severity ==", "column");
        check_refused("incident.title.title == 'x'", "nothing there has a field");
        check_refused(&"a".repeat(5000), "4096");
        let deep = "incident.tactics.exists(a, incident.tactics.exists(b, incident.tactics.exists(c, incident.tactics.exists(d, a == b && c == d))))";
        check_refused(deep, "loops");
    }
}
