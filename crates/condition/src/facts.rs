//! Documents in the form in which conditions see them: cut to what can be looked at in no time.

use std::collections::HashMap;
use std::sync::Arc;

use cel::extractors::This;
use cel::objects::{Key, Map};
use cel::{Context, Value};
use event::Prefix;
use serde_json::Value as Json;

use super::pattern;

/// Members of a list or object that a condition sees: loops over them are bounded by it.
const MAX_MEMBERS: usize = 256;
/// Objects within objects that a condition sees; EVE has at most six, an incident five.
const MAX_DEPTH: usize = 16;
/// Bytes of a text that a condition sees: a search over a text is linear in it.
const MAX_STRING: usize = 16 * 1024;

/// Documents by name; made once for all conditions about them.
pub struct Facts {
    context: Context<'static, 'static>,
}

impl Facts {
    /// The facts of these documents.
    #[must_use]
    pub fn of(documents: &[(&str, &Json)]) -> Facts {
        let mut context = Context::default();
        for (name, document) in documents {
            context.add_variable_from_value(*name, convert(document, 0));
        }
        // Refused only for names that CEL has itself.
        let _ = context.add_function("within", |address: Arc<String>, prefix: Arc<String>| {
            let prefix = prefix.parse::<Prefix>().ok();
            let address = address.parse::<Prefix>().ok();
            prefix
                .zip(address)
                .is_some_and(|(prefix, address)| prefix.overlaps(&address))
        });
        let _ = context.add_function(
            "matches",
            |This(text): This<Arc<String>>, pattern: Arc<String>| pattern::matches(&text, &pattern),
        );
        Facts { context }
    }

    pub(crate) fn context(&self) -> &Context<'static, 'static> {
        &self.context
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
        Json::Array(members) => {
            let members = members.iter().take(MAX_MEMBERS);
            Value::List(Arc::new(
                members.map(|one| convert(one, depth + 1)).collect(),
            ))
        }
        Json::Object(members) => {
            let one = |(key, value): (&String, &Json)| {
                let key = Key::String(Arc::new(key.clone()));
                (key, convert(value, depth + 1))
            };
            let members: HashMap<Key, Value> = members.iter().take(MAX_MEMBERS).map(one).collect();
            Value::Map(Map::from(members))
        }
    }
}
