//! Words and signs of a filter, each with its place.

use super::FilterError;

/// Longest expression that is read.
const MAX_LEN: usize = 64 << 10;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'t> {
    /// A name, a number or an address.
    Word(&'t str),
    /// One of `( ) [ ] ! + - * / % & | ^ = < >` and their pairs, or `:`.
    Sign(&'static str),
}

const SIGNS: &[&str] = &[
    "&&", "||", "!=", "==", "<=", ">=", "<<", ">>", "(", ")", "[", "]", "!", "=", "<", ">", "+",
    "*", "/", "%", "&", "|", "^", ":", "-",
];

/// Splits a text; the place of each token is the offset of its first byte.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token<'_>)>, FilterError> {
    if text.len() > MAX_LEN {
        return Err(FilterError {
            column: MAX_LEN,
            reason: format!("it is longer than {MAX_LEN} characters"),
        });
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    let mut in_brackets = false;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let space = rest.len() - rest.trim_start().len();
        if space > 0 {
            at += space;
            continue;
        }
        if rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == ':' && !in_brackets) {
            let len = rest
                .find(|c: char| !is_word(c, in_brackets))
                .unwrap_or(rest.len());
            // `10.0.0.0/8` is one word, `4/2` in arithmetic too: the parser takes it apart.
            tokens.push((at, Token::Word(&rest[..len])));
            at += len;
            continue;
        }
        let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) else {
            return Err(FilterError {
                column: at + 1,
                reason: format!(
                    "{:?} means nothing here",
                    rest.chars().next().unwrap_or(' ')
                ),
            });
        };
        in_brackets = match *sign {
            "[" => true,
            "]" => false,
            _ => in_brackets,
        };
        tokens.push((at, Token::Sign(sign)));
        at += sign.len();
    }
    Ok(tokens)
}

fn is_word(c: char, in_brackets: bool) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c, '.' | '_' | '-')
        || !in_brackets && matches!(c, ':' | '/')
}
