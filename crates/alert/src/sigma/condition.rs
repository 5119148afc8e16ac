//! Conditions: names of detections with `and`, `or`, `not`, parentheses, and `1 of`, `all of`.

use super::pattern::{Pattern, Place, Text};

/// The longest condition, bytes.
const MAX_TEXT: usize = 8192;
/// Parentheses and negations within each other.
const MAX_DEPTH: usize = 32;

/// A condition over numbered detections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The detection of this number holds.
    Is(usize),
    /// Not this.
    Not(Box<Condition>),
    /// All of these.
    All(Vec<Condition>),
    /// One of these at least.
    One(Vec<Condition>),
}

impl Condition {
    /// Reads a condition over detections with these names; the reason in words where it cannot be.
    pub fn parse(text: &str, names: &[String]) -> Result<Condition, String> {
        if text.len() > MAX_TEXT {
            return Err(format!("a condition has at most {MAX_TEXT} bytes"));
        }
        if text.contains('|') {
            return Err("aggregations behind | are of older Sigma; write a correlation".to_owned());
        }
        let spaced = text.replace('(', " ( ").replace(')', " ) ");
        let mut parser = Parser {
            words: spaced.split_whitespace().collect(),
            at: 0,
            names,
        };
        let condition = parser.or(0)?;
        match parser.peek() {
            None => Ok(condition),
            Some(word) => Err(format!("{word:?} is not expected here")),
        }
    }

    /// Whether anything in it must not be.
    pub fn has_negation(&self) -> bool {
        match self {
            Condition::Is(_) => false,
            Condition::Not(_) => true,
            Condition::All(parts) | Condition::One(parts) => {
                parts.iter().any(Condition::has_negation)
            }
        }
    }

    /// Whether it holds, where `is` tells of each detection.
    pub fn holds(&self, is: &mut dyn FnMut(usize) -> bool) -> bool {
        match self {
            Condition::Is(number) => is(*number),
            Condition::Not(condition) => !condition.holds(is),
            Condition::All(parts) => parts.iter().all(|part| part.holds(is)),
            Condition::One(parts) => parts.iter().any(|part| part.holds(is)),
        }
    }
}

struct Parser<'a> {
    words: Vec<&'a str>,
    at: usize,
    names: &'a [String],
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).copied()
    }

    fn next(&mut self) -> Result<&'a str, String> {
        let word = self.peek().ok_or("the condition ends too early")?;
        self.at += 1;
        Ok(word)
    }

    fn takes(&mut self, word: &str) -> bool {
        let is = self
            .peek()
            .is_some_and(|next| next.eq_ignore_ascii_case(word));
        self.at += usize::from(is);
        is
    }

    fn or(&mut self, depth: usize) -> Result<Condition, String> {
        let mut parts = vec![self.and(depth)?];
        while self.takes("or") {
            parts.push(self.and(depth)?);
        }
        Ok(one_or(parts, Condition::One))
    }

    fn and(&mut self, depth: usize) -> Result<Condition, String> {
        let mut parts = vec![self.not(depth)?];
        while self.takes("and") {
            parts.push(self.not(depth)?);
        }
        Ok(one_or(parts, Condition::All))
    }

    fn not(&mut self, depth: usize) -> Result<Condition, String> {
        if depth > MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} levels"));
        }
        if self.takes("not") {
            return Ok(Condition::Not(Box::new(self.not(depth + 1)?)));
        }
        let word = self.next()?;
        if word == "(" {
            let inner = self.or(depth + 1)?;
            return if self.takes(")") {
                Ok(inner)
            } else {
                Err("a parenthesis is not closed".to_owned())
            };
        }
        let is_quantity = matches!(word, "1" | "all" | "any");
        if is_quantity && self.takes("of") {
            let parts = self.those(word)?;
            return Ok(if word == "all" {
                Condition::All(parts)
            } else {
                Condition::One(parts)
            });
        }
        if word.bytes().all(|byte| byte.is_ascii_digit())
            && self.peek().is_some_and(|next| next == "of")
        {
            return Err(format!("{word} of: only 1, any and all are known"));
        }
        let known = self.names.iter().position(|name| name == word);
        let number = known.ok_or_else(|| format!("there is no detection {word:?}"))?;
        Ok(Condition::Is(number))
    }

    /// The detections that `them` or a pattern means.
    fn those(&mut self, quantity: &str) -> Result<Vec<Condition>, String> {
        let word = self.next()?;
        let pattern = Pattern::new(word, Place::Whole, true);
        // A name that begins with an underscore is not among them.
        let means = |name: &str| match word {
            "them" => !name.starts_with('_'),
            _ => pattern.fits(&Text::new(name)),
        };
        let parts: Vec<Condition> = (0..self.names.len())
            .filter(|number| self.names.get(*number).is_some_and(|name| means(name)))
            .map(Condition::Is)
            .collect();
        if parts.is_empty() {
            return Err(format!("{quantity} of {word}: there is no such detection"));
        }
        Ok(parts)
    }
}

fn one_or(mut parts: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    match parts.len() {
        1 => parts.swap_remove(0),
        _ => many(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["selection_a", "selection_b", "filter", "_hidden"];

    /// Whether it holds where these detections hold.
    fn check(text: &str, true_ones: &[&str], expected: bool) {
        let names: Vec<String> = NAMES.map(str::to_owned).into();
        let condition = Condition::parse(text, &names).unwrap();
        let holds = condition.holds(&mut |number| true_ones.contains(&NAMES[number]));
        assert_eq!(holds, expected, "{text} {true_ones:?}");
    }

    #[test]
    fn conditions_mean_what_they_say() {
        check("selection_a", &["selection_a"], true);
        check("selection_a and not filter", &["selection_a"], true);
        check(
            "selection_a and not filter",
            &["selection_a", "filter"],
            false,
        );
        check(
            "selection_a or selection_b and filter",
            &["selection_a"],
            true,
        );
        check(
            "(selection_a or selection_b) and filter",
            &["selection_a"],
            false,
        );
        check("1 of selection_*", &["selection_b"], true);
        check("all of selection_*", &["selection_b"], false);
        check(
            "all of selection_* and not filter",
            &["selection_a", "selection_b"],
            true,
        );
        check("1 of them", &["_hidden"], false);
        check(
            "all of them",
            &["selection_a", "selection_b", "filter"],
            true,
        );
        check("any of them", &["filter"], true);
        check("NOT (filter OR selection_b)", &["selection_a"], true);
        check("not not filter", &["filter"], true);
    }

    #[test]
    fn what_is_no_condition_is_refused_with_the_reason() {
        let check = |text: &str, part: &str| {
            let names: Vec<String> = NAMES.map(str::to_owned).into();
            let why = Condition::parse(text, &names).unwrap_err();
            assert!(why.contains(part), "{text}: {why}");
        };
        check("", "ends too early");
        check("selection_a and", "ends too early");
        check("selection_c", "no detection \"selection_c\"");
        check("(selection_a", "not closed");
        check("selection_a)", "not expected");
        check("selection_a selection_b", "not expected");
        check("2 of selection_*", "only 1, any and all");
        check("1 of other_*", "no such detection");
        check("selection_a | count() by src_ip > 5", "correlation");
        check(&"(".repeat(100), "levels");
        check(&"a".repeat(9000), "at most");
    }
}
