//! What can never hold: names, fields and functions that there are not, results of another kind.

use std::collections::BTreeMap;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};
use serde_json::Value as Json;

use super::{Shape, Wanted, Words, pattern, walk};

/// Functions of CEL that a condition may use, and our own.
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

/// What an expression gives, as far as that can be told without a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gives {
    YesOrNo,
    Text,
    /// Something else, in words.
    Other(&'static str),
    /// That depends on the document.
    Unknown,
}

/// Checks an expression.
pub fn expression(e: &IdedExpr, words: &Words, wanted: Wanted) -> Result<(), String> {
    let loops = walk::loops(e);
    if loops > words.loops {
        return Err(format!(
            "{loops} loops within each other; {} are allowed",
            words.loops
        ));
    }
    names(e, words, &Scope::new())?;
    // Shapes that are known are tried out, which tells more.
    let is_known = |(_, shape): &(&str, Shape)| matches!(shape, Shape::Like(_));
    if words.names.iter().all(is_known) {
        return Ok(());
    }
    let (gives, wish) = (gives(e), wanted);
    match (gives, wish) {
        (Gives::Unknown, _) | (Gives::YesOrNo, Wanted::YesOrNo) | (Gives::Text, Wanted::Text) => {
            Ok(())
        }
        (Gives::YesOrNo, Wanted::Text) => Err(wish.refusal("true or false")),
        (Gives::Text, Wanted::YesOrNo) => Err(wish.refusal("a text")),
        (Gives::Other(what), _) => Err(wish.refusal(what)),
    }
    .and_then(|()| operands(e))
}

/// Both sides of `&&`, `||` and what stands behind `!` must be able to hold as well.
fn operands(e: &IdedExpr) -> Result<(), String> {
    let Expr::Call(call) = &e.expr else {
        return Ok(());
    };
    let is_logical = matches!(
        call.func_name.as_str(),
        operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT
    );
    if !is_logical {
        return Ok(());
    }
    for arg in &call.args {
        match gives(arg) {
            Gives::YesOrNo | Gives::Unknown => operands(arg)?,
            Gives::Text => return Err(Wanted::YesOrNo.refusal("a text within")),
            Gives::Other(_) => return Err(Wanted::YesOrNo.refusal("something else within")),
        }
    }
    Ok(())
}

fn gives(e: &IdedExpr) -> Gives {
    match &e.expr {
        Expr::Literal(LiteralValue::Boolean(_)) => Gives::YesOrNo,
        Expr::Literal(LiteralValue::String(_)) => Gives::Text,
        Expr::Literal(LiteralValue::Null) => Gives::Other("null"),
        Expr::Literal(_) => Gives::Other("a number"),
        Expr::List(_) => Gives::Other("a list"),
        Expr::Map(_) | Expr::Struct(_) => Gives::Other("an object"),
        Expr::Select(select) if select.test => Gives::YesOrNo,
        Expr::Comprehension(inner) => match &inner.accu_init.expr {
            Expr::List(_) => Gives::Other("a list"),
            _ => Gives::YesOrNo,
        },
        Expr::Call(call) => match call.func_name.as_str() {
            operators::LOGICAL_AND
            | operators::LOGICAL_OR
            | operators::LOGICAL_NOT
            | operators::EQUALS
            | operators::NOT_EQUALS
            | operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS
            | operators::IN
            | "within"
            | "contains"
            | "startsWith"
            | "endsWith"
            | "matches"
            | "bool" => Gives::YesOrNo,
            operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO
            | operators::NEGATE
            | "size"
            | "int"
            | "uint"
            | "double" => Gives::Other("a number"),
            "string" => Gives::Text,
            // Numbers, texts and lists can be added, and a member of a list is anything.
            _ => Gives::Unknown,
        },
        Expr::Select(_) | Expr::Ident(_) | Expr::Unspecified => Gives::Unknown,
    }
}

/// Checks names, fields and functions; what the expression stands for, where that is known.
fn names(e: &IdedExpr, words: &Words, scope: &Scope) -> Result<Option<Json>, String> {
    match &e.expr {
        Expr::Ident(name) => match (scope.get(name), words.of(name)) {
            (Some(known), _) => Ok(known.clone()),
            (None, Some(Shape::Like(document))) => Ok(Some(document.clone())),
            (None, Some(Shape::Any)) => Ok(None),
            (None, None) => {
                let known: Vec<&str> = words.names.iter().map(|(name, _)| *name).collect();
                let known = known.join(" and ");
                Err(format!("no such name: {name}; conditions know {known}"))
            }
        },
        Expr::Select(select) => {
            let of = names(&select.operand, words, scope)?;
            let Some(Json::Object(fields)) = of else {
                return match of {
                    None => Ok(None),
                    Some(_) => Err(format!("nothing there has a field {}", select.field)),
                };
            };
            match fields.get(&select.field) {
                Some(field) => Ok(Some(field.clone())),
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
            let is_operator = name.starts_with(['_', '@', '!', '-']);
            if !is_operator && !FUNCTIONS.contains(&name) {
                return Err(format!("no such function: {name}"));
            }
            if name == "matches" {
                pattern_of(call)?;
            }
            if let Some(target) = &call.target {
                names(target, words, scope)?;
            }
            let mut args = Vec::new();
            for arg in &call.args {
                args.push(names(arg, words, scope)?);
            }
            // A member of a list.
            let is_index = name == "_[_]";
            Ok(match args.into_iter().next().flatten() {
                Some(Json::Array(members)) if is_index => members.into_iter().next(),
                _ => None,
            })
        }
        Expr::Comprehension(inner) => {
            let range = names(&inner.iter_range, words, scope)?;
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
                names(part, words, &within)?;
            }
            Ok(None)
        }
        Expr::List(_) | Expr::Map(_) => {
            for part in walk::children(e) {
                names(part, words, scope)?;
            }
            Ok(None)
        }
        Expr::Struct(_) => Err("conditions make no objects".into()),
        Expr::Unspecified | Expr::Literal(_) => Ok(None),
    }
}

/// A pattern stands in the condition as it is, so that it is compiled once and nobody outside writes it.
fn pattern_of(call: &CallExpr) -> Result<(), String> {
    match call.args.last().map(|arg| &arg.expr) {
        Some(Expr::Literal(LiteralValue::String(text))) => pattern::check(text),
        _ => Err("matches: the pattern must be a text in the condition itself".into()),
    }
}

impl Words {
    fn of(&self, name: &str) -> Option<&Shape> {
        let known = self.names.iter().find(|(known, _)| *known == name);
        known.map(|(_, shape)| shape)
    }
}
