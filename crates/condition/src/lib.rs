//! Conditions in [CEL](https://cel.dev) over JSON documents: read and checked once, asked often, within bounds.
//!
//! in: a text and the [`Words`] that it may use; documents ([`Facts`]) · out: yes or no ([`Condition::holds`]), or
//! a text ([`Condition::string`])
//!
//! What can never hold is refused when it is read, with the reason in words: no CEL, a name or a function
//! that there is not, a field that the document never has (where its shape is known), a result that is
//! no yes or no. What a document lacks makes a condition false, and nothing in a document can make it
//! fail in another way: texts, lists and depth are cut ([`facts`]), loops within loops are limited, and a
//! panic of the interpreter is a no.
//!
//! | limit | value |
//! |---|---|
//! | text of a condition | 4096 bytes |
//! | loops within loops | by [`Words::loops`] |
//! | members of a list or object that it sees | 256 |
//! | text of a document that it sees | 16 KiB |
//! | objects within objects | 16 |
//! | a compiled pattern of `matches` | 1 MiB |

mod check;
pub mod facts;
mod pattern;
mod walk;

use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::{ExecutionError, Program, Value};
use serde_json::Value as Json;

pub use cel::{IdedExpr, common::ast};
pub use facts::Facts;

/// Longest text of a condition, bytes: more is no condition that a person wrote.
const MAX_TEXT: usize = 4096;

/// What a condition may speak about.
#[derive(Clone, Debug)]
pub struct Words {
    /// Names of documents, with their shapes.
    pub names: Vec<(&'static str, Shape)>,
    /// Loops (`all`, `exists`, `map`, `filter`) within loops. With 256 members each, two take some
    /// 65,000 steps.
    pub loops: usize,
}

/// What is known of a document.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Nothing: any field may be there.
    Any,
    /// It has the fields of this one, in which every field is filled.
    Like(Json),
}

/// What a condition is to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Yes or no.
    YesOrNo,
    /// A text.
    Text,
}

/// A condition that was read and checked.
pub struct Condition {
    program: Program,
    text: String,
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Condition({:?})", self.text)
    }
}

impl Condition {
    /// Reads `text`.
    ///
    /// # Errors
    /// In words: it is no CEL, or it can never give what is wanted.
    pub fn compile(text: &str, words: &Words, wanted: Wanted) -> Result<Condition, String> {
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
        check::expression(program.expression(), words, wanted)?;
        let condition = Condition {
            program,
            text: text.to_owned(),
        };
        condition.try_out(words, wanted)?;
        Ok(condition)
    }

    /// Where all shapes are known it must give what is wanted of documents with every field filled.
    fn try_out(&self, words: &Words, wanted: Wanted) -> Result<(), String> {
        let mut documents = Vec::new();
        for (name, shape) in &words.names {
            match shape {
                Shape::Any => return Ok(()),
                Shape::Like(document) => documents.push((*name, document)),
            }
        }
        match self.value(&Facts::of(&documents)) {
            Ok(Value::Bool(_)) if wanted == Wanted::YesOrNo => Ok(()),
            Ok(Value::String(_)) if wanted == Wanted::Text => Ok(()),
            Ok(other) => Err(wanted.refusal(&format!("a {}", other.type_of()))),
            Err(Some(error)) if is_fault(&error) => Err(error.to_string()),
            // An index beyond the end, an overflow: another document may have it.
            Err(_) => Ok(()),
        }
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What was read, for who wants to know what it asks for.
    #[must_use]
    pub fn expression(&self) -> &IdedExpr {
        self.program.expression()
    }

    /// Whether it speaks about the document of this name.
    #[must_use]
    pub fn is_about(&self, name: &str) -> bool {
        self.program.references().has_variable(name)
    }

    /// Whether it holds. What a document lacks makes it false.
    #[must_use]
    pub fn holds(&self, facts: &Facts) -> bool {
        matches!(self.value(facts), Ok(Value::Bool(true)))
    }

    /// The text that it gives.
    #[must_use]
    pub fn string(&self, facts: &Facts) -> Option<String> {
        match self.value(facts) {
            Ok(Value::String(text)) => Some(text.to_string()),
            _ => None,
        }
    }

    fn value(&self, facts: &Facts) -> Result<Value, Option<ExecutionError>> {
        // Arithmetic on what attackers send must not be able to end the process.
        catch_unwind(AssertUnwindSafe(|| self.program.execute(facts.context())))
            .map_err(|_| None)?
            .map_err(Some)
    }
}

impl Wanted {
    fn refusal(self, what: &str) -> String {
        match self {
            Wanted::YesOrNo => format!("it gives {what}, not true or false"),
            Wanted::Text => format!("it gives {what}, not a text"),
        }
    }
}

/// Whether an error is the condition's, whatever the document.
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

#[cfg(test)]
mod tests;
