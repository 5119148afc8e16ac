//! Conditions in CEL: compiled once, evaluated within bounds, false where a field is absent.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cel::common::ast::{EntryExpr, Expr};
use cel::objects::{Key, Map};
use cel::{Context, IdedExpr, Program, Value};
use event::Prefix;
use serde_json::Value as Json;

use super::Kinds;

/// Longest text of a condition.
const MAX_TEXT: usize = 4096;
/// Loops (`all`, `exists`, `map`, `filter`) within loops. With 256 members each, two nested ones
/// take some 65,000 steps.
const MAX_LOOPS: usize = 2;
/// Members of a list or object of a record that a condition sees.
const MAX_MEMBERS: usize = 256;
/// Objects within objects of a record that a condition sees; EVE has at most six.
const MAX_DEPTH: usize = 16;
/// Bytes of a text of a record that a condition sees: a search over a text is linear in it.
const MAX_STRING: usize = 16 * 1024;
/// Names that a condition may use.
const NAMES: [&str; 2] = ["event", "incident"];

/// A compiled condition or expression.
pub struct Condition {
    program: Program,
    text: String,
    kinds: Kinds,
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Condition({:?})", self.text)
    }
}

/// A record in the form in which conditions see it; made once for all playbooks.
pub struct Facts {
    context: Context<'static, 'static>,
}

impl Facts {
    /// The facts of an event.
    #[must_use]
    pub fn of_event(record: &Json) -> Self {
        Facts::of("event", record)
    }

    /// The facts of an incident.
    #[must_use]
    pub fn of_incident(record: &Json) -> Self {
        Facts::of("incident", record)
    }

    fn of(name: &str, record: &Json) -> Self {
        let mut context = Context::default();
        for known in NAMES {
            let value = if known == name {
                convert(record, 0)
            } else {
                Value::Map(Map::from(std::collections::HashMap::<Key, Value>::new()))
            };
            context.add_variable_from_value(known, value);
        }
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

impl Condition {
    /// Compiles `text`; the reason in words where it cannot be.
    pub fn compile(text: &str) -> Result<Self, String> {
        if text.len() > MAX_TEXT {
            return Err(format!("a condition has at most {MAX_TEXT} bytes"));
        }
        // The parser is generated code of another project; a text that it trips over is refused.
        let program = catch_unwind(|| Program::compile(text))
            .map_err(|_| "the parser of conditions gave up on it".to_owned())?
            .map_err(|errors| {
                let errors: Vec<String> = errors
                    .errors
                    .iter()
                    .map(|error| format!("column {}: {}", error.pos.1 + 1, error.msg))
                    .collect();
                errors.join("; ")
            })?;
        if let Some(unknown) = program
            .references()
            .variables()
            .into_iter()
            .find(|name| !NAMES.contains(name) && !name.starts_with('@'))
            && !is_loop_variable(program.expression(), unknown)
        {
            return Err(format!(
                "no such name: {unknown}; conditions know event and incident"
            ));
        }
        let loops = loops(program.expression());
        if loops > MAX_LOOPS {
            return Err(format!(
                "{loops} loops within each other; {MAX_LOOPS} are allowed"
            ));
        }
        let kinds = if program.references().has_variable("event") {
            Kinds::of(program.expression())
        } else {
            Kinds::These(BTreeSet::new())
        };
        Ok(Condition {
            program,
            text: text.to_owned(),
            kinds,
        })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Of which kinds an event must be for it to hold.
    #[must_use]
    pub fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    /// Whether it holds. A field that the record does not have makes it false.
    #[must_use]
    pub fn holds(&self, facts: &Facts) -> bool {
        matches!(self.value(facts), Some(Value::Bool(true)))
    }

    /// The text that it evaluates to.
    #[must_use]
    pub fn string(&self, facts: &Facts) -> Option<String> {
        match self.value(facts)? {
            Value::String(text) => Some(text.to_string()),
            _ => None,
        }
    }

    fn value(&self, facts: &Facts) -> Option<Value> {
        // Arithmetic on what attackers send must not be able to end the responder.
        catch_unwind(AssertUnwindSafe(|| {
            self.program.execute(&facts.context).ok()
        }))
        .ok()?
    }
}

fn convert(json: &Json, depth: usize) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        // All whole numbers are of one kind, so that comparing two fields needs no conversion.
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(large)) => Value::UInt(large),
            (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => {
            let end = (0..=text.len().min(MAX_STRING))
                .rev()
                .find(|at| text.is_char_boundary(*at))
                .unwrap_or(0);
            Value::String(Arc::new(text.get(..end).unwrap_or_default().to_owned()))
        }
        Json::Array(_) | Json::Object(_) if depth >= MAX_DEPTH => Value::Null,
        Json::Array(members) => Value::List(Arc::new(
            members
                .iter()
                .take(MAX_MEMBERS)
                .map(|member| convert(member, depth + 1))
                .collect(),
        )),
        Json::Object(members) => {
            let members: std::collections::HashMap<Key, Value> = members
                .iter()
                .take(MAX_MEMBERS)
                .map(|(key, value)| {
                    let key = Key::String(Arc::new(key.clone()));
                    (key, convert(value, depth + 1))
                })
                .collect();
            Value::Map(Map::from(members))
        }
    }
}

/// How deep loops stand within loops.
fn loops(expression: &IdedExpr) -> usize {
    let below = children(expression)
        .into_iter()
        .map(loops)
        .max()
        .unwrap_or(0);
    match expression.expr {
        Expr::Comprehension(_) => below + 1,
        _ => below,
    }
}

/// Whether some loop of the expression names its member so.
fn is_loop_variable(expression: &IdedExpr, name: &str) -> bool {
    let here = match &expression.expr {
        Expr::Comprehension(inner) => {
            inner.iter_var == name
                || inner.accu_var == name
                || inner.iter_var2.as_deref() == Some(name)
        }
        _ => false,
    };
    here || children(expression)
        .into_iter()
        .any(|child| is_loop_variable(child, name))
}

fn children(expression: &IdedExpr) -> Vec<&IdedExpr> {
    match &expression.expr {
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
            .flat_map(|entry| of_entry(&entry.expr))
            .collect(),
        Expr::Struct(fields) => fields
            .entries
            .iter()
            .flat_map(|entry| of_entry(&entry.expr))
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record() -> Json {
        json!({
            "event_type": "alert",
            "src_ip": "192.0.2.1",
            "dest_port": 22,
            "alert": {"signature_id": 2_001_219, "severity": 1, "category": "Attempted Recon",
                      "metadata": {"tag": ["Scan", "SSH"]}},
        })
    }

    fn check(condition: &str, expected: bool) {
        let condition = Condition::compile(condition).unwrap();
        assert_eq!(
            condition.holds(&Facts::of_event(&record())),
            expected,
            "{condition:?}"
        );
    }

    #[test]
    fn conditions_speak_about_the_fields_of_a_record() {
        check(
            "event.event_type == 'alert' && event.alert.severity <= 2",
            true,
        );
        check("event.alert.signature_id in [2001219, 2001220]", true);
        check("event.alert.category.startsWith('Attempted')", true);
        check("event.alert.category.matches('(?i)recon$')", true);
        check("event.alert.metadata.tag.exists(t, t == 'SSH')", true);
        check("has(event.alert) && event.dest_port == 22", true);
        check("within(event.src_ip, '192.0.2.0/24')", true);
        check("within(event.src_ip, '198.51.100.0/24')", false);
        check("event.dest_port + 1 > 23", false);
    }

    #[test]
    fn what_is_absent_or_of_another_kind_makes_a_condition_false() {
        check("event.http.status == 404", false);
        check("has(event.http) && event.http.status == 404", false);
        check("event.src_ip > 7", false);
        check("event.src_ip", false);
        check("incident.severity == 'high'", false);
        check("event.dest_port / 0 == 1", false);
        check("9223372036854775807 + event.dest_port > 0", false);
    }

    #[test]
    fn a_bad_condition_is_refused_with_its_place() {
        let refused = |text: &str| Condition::compile(text).unwrap_err();
        assert!(refused("event.src_ip ==").contains("column"));
        assert!(refused("evnt.src_ip == 'x'").contains("evnt"));
        assert!(refused(&"a".repeat(5000)).contains("4096"));
        assert!(
            refused("event.a.all(x, event.b.all(y, event.c.all(z, x == y && y == z)))")
                .contains("loops")
        );
    }

    #[test]
    fn records_of_any_size_are_cut_to_what_a_condition_may_see() {
        let long = json!({"list": vec![0; 100_000], "text": "ä".repeat(100_000)});
        let facts = Facts::of_event(&long);
        assert!(
            Condition::compile("size(event.list) == 256")
                .unwrap()
                .holds(&facts)
        );
        assert!(
            Condition::compile("size(event.text) < 16385")
                .unwrap()
                .holds(&facts)
        );
    }
}
