//! Regular expressions of rules, over PCRE2.
//!
//! Compiling to machine code costs a hundred times what reading an expression does, and most
//! expressions of a rule set are never reached. So reading is done when rules are loaded (it finds
//! every error; a caller that knows the rule set from before may skip it), and machine code is
//! made on the first use.

use pcre2::bytes::{CaptureLocations, Regex, RegexBuilder};
use std::sync::OnceLock;

/// Bounds on the work of one search: Suricata's defaults (`pcre.match-limit` and
/// `pcre.match-limit-recursion`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PcreLimits {
    /// Calls of the matcher in one search.
    pub calls: u32,
    /// Depth of backtracking.
    pub depth: u32,
}

impl Default for PcreLimits {
    fn default() -> Self {
        PcreLimits {
            calls: 3500,
            depth: 1500,
        }
    }
}

/// What a search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// From and to.
    Found(usize, usize),
    /// Not there.
    NotFound,
    /// A limit was reached.
    Failed,
}

/// An expression, compiled on first use.
#[derive(Debug)]
pub(crate) struct Expression {
    /// As given to PCRE2: with limits and options in front.
    text: Box<str>,
    options: Options,
    compiled: OnceLock<Option<Regex>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Options {
    caseless: bool,
    dotall: bool,
    multiline: bool,
    extended: bool,
}

impl Expression {
    /// Reads `pattern` with PCRE's own `options` (`i s m x A E G O`); with `is_known`, trusts that
    /// it was read before without error.
    pub(crate) fn new(
        pattern: &str,
        options: &str,
        limits: PcreLimits,
        is_known: bool,
    ) -> Result<Self, String> {
        let has = |option| options.contains(option);
        let flags = Options {
            caseless: has('i'),
            dotall: has('s'),
            multiline: has('m'),
            extended: has('x'),
        };
        let mut text = if has('O') {
            String::new()
        } else {
            format!(
                "(*LIMIT_MATCH={})(*LIMIT_DEPTH={})",
                limits.calls, limits.depth
            )
        };
        if has('G') {
            text.push_str("(?U)");
        }
        if has('A') {
            // A group of its own: alternatives must all be anchored. The line break ends a comment
            // that an extended pattern may end in.
            text.push_str("\\G(?:");
        }
        if has('E') && !flags.multiline {
            end_only(pattern, &mut text);
        } else {
            text.push_str(pattern);
        }
        if has('A') {
            text.push_str(if flags.extended { "\n)" } else { ")" });
        }
        if !is_known {
            build(&text, flags, false).map_err(|error| error.to_string())?;
        }
        Ok(Expression {
            text: text.into(),
            options: flags,
            compiled: OnceLock::new(),
        })
    }

    fn regex(&self) -> Option<&Regex> {
        self.compiled
            .get_or_init(|| build(&self.text, self.options, true).ok())
            .as_ref()
    }

    /// Number of capturing groups, beside the whole.
    pub(crate) fn groups(&self) -> usize {
        self.regex()
            .map_or(0, |regex| regex.captures_len().saturating_sub(1))
    }

    /// Looks for it in `data` from `start` on; what stands before `start` can be looked back at.
    pub(crate) fn search(&self, data: &[u8], start: usize) -> Search {
        // Beyond the end PCRE2 reports a bad offset, and the crate panics.
        let (Some(regex), true) = (self.regex(), start <= data.len()) else {
            return Search::Failed;
        };
        match regex.find_at(data, start) {
            Ok(Some(found)) => Search::Found(found.start(), found.end()),
            Ok(None) => Search::NotFound,
            Err(_) => Search::Failed,
        }
    }

    /// As `search`, and tells where each group matched.
    pub(crate) fn captures(&self, data: &[u8], start: usize) -> (Search, Option<CaptureLocations>) {
        let (Some(regex), true) = (self.regex(), start <= data.len()) else {
            return (Search::Failed, None);
        };
        let mut groups = regex.capture_locations();
        match regex.captures_read_at(&mut groups, data, start) {
            Ok(Some(found)) => (Search::Found(found.start(), found.end()), Some(groups)),
            Ok(None) => (Search::NotFound, None),
            Err(_) => (Search::Failed, None),
        }
    }
}

fn build(text: &str, options: Options, jit: bool) -> Result<Regex, pcre2::Error> {
    RegexBuilder::new()
        .caseless(options.caseless)
        .dotall(options.dotall)
        .multi_line(options.multiline)
        .extended(options.extended)
        .jit_if_available(jit)
        .build(text)
}

/// Writes `pattern` with `$` turned into `\z`: the end of the data only, not before a last line
/// break. PCRE2 has an option for it, the crate has not.
fn end_only(pattern: &str, out: &mut String) {
    let mut chars = pattern.chars().peekable();
    let (mut in_class, mut in_quote) = (false, false);
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                out.push(c);
                if let Some(escaped) = chars.next() {
                    out.push(escaped);
                    in_quote = match escaped {
                        'Q' => true,
                        'E' => false,
                        _ => in_quote,
                    };
                }
            }
            _ if in_quote => out.push(c),
            '[' if !in_class => {
                in_class = true;
                out.push(c);
                // A bracket that comes first is a member, not the end.
                for first in ['^', ']'] {
                    if chars.peek() == Some(&first) {
                        chars.next();
                        out.push(first);
                    }
                }
            }
            ']' => {
                in_class = false;
                out.push(c);
            }
            '$' if !in_class => out.push_str("\\z"),
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, options: &str, data: &[u8], expected: Search) {
        let expression = Expression::new(pattern, options, PcreLimits::default(), false).unwrap();
        assert_eq!(expression.search(data, 0), expected, "/{pattern}/{options}");
    }

    #[test]
    fn honours_every_option() {
        check("b+", "", b"aBbb", Search::Found(2, 4));
        check("b+", "i", b"aBbb", Search::Found(1, 4));
        check("b+", "G", b"abbb", Search::Found(1, 2));
        check("a.b", "", b"a\nb", Search::NotFound);
        check("a.b", "s", b"a\nb", Search::Found(0, 3));
        check("^b", "", b"a\nb", Search::NotFound);
        check("^b", "m", b"a\nb", Search::Found(2, 3));
        check("a b # c", "x", b"ab", Search::Found(0, 2));
        check("x|b", "A", b"ab", Search::NotFound);
        check("x|a#", "Ax", b"ab", Search::Found(0, 1));
        check("a$", "", b"a\n", Search::Found(0, 1));
        check("a$", "E", b"a\n", Search::NotFound);
        check("a[$]\\$$", "E", b"a$$", Search::Found(0, 3));
        check("\\xff", "", b"a\xff", Search::Found(1, 2));
    }

    #[test]
    fn gives_up_at_the_limit_of_work() {
        let data = vec![b'a'; 3000];
        check("(a+)+(a+)+[bc]$", "", &data, Search::Failed);
    }

    #[test]
    fn refuses_what_is_no_expression() {
        assert!(Expression::new("a(", "", PcreLimits::default(), false).is_err());
    }

    #[test]
    fn never_searches_beyond_the_end() {
        let expression = Expression::new("a*", "", PcreLimits::default(), false).unwrap();
        assert_eq!(expression.search(b"b", 2), Search::Failed);
    }
}
