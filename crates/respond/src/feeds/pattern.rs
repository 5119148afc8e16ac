//! STIX patterns (STIX 2.1, section 9), as far as addresses alone decide them: whoever is listed must
//! be listed by its address, not by its address together with something that we don't look at.

use event::Prefix;

use super::read::{prefixes, quote};

/// The longest pattern, bytes.
const MAX_PATTERN: usize = 64 << 10;

/// Brackets within brackets.
const MAX_DEPTH: usize = 16;

/// What a pattern, or a part of it, says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// Each of these addresses is reason enough.
    Addresses(Vec<Prefix>),
    /// It is about something else: a domain, a hash.
    Other,
    /// It is about an address and something more.
    Narrower,
    /// It only says of which type an address is.
    Type,
}

/// Reads a pattern.
///
/// # Errors
/// What is wrong with it and where.
pub fn read(text: &str) -> Result<Says, String> {
    if text.len() > MAX_PATTERN {
        return Err(format!("a pattern has at most {MAX_PATTERN} bytes"));
    }
    let mut parser = Parser {
        rest: text,
        whole: text.len(),
        ahead: None,
    };
    let says = parser.observations(0)?;
    match parser.next()? {
        None => Ok(says),
        Some(token) => Err(parser.unexpected(&token)),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(&'static str),
}

const SIGNS: [&str; 12] = [
    "[", "]", "(", ")", ",", "==", "!=", "<=", ">=", "<>", "=", "<",
];

struct Parser<'a> {
    rest: &'a str,
    whole: usize,
    ahead: Option<Token>,
}

impl Parser<'_> {
    fn unexpected(&self, token: &Token) -> String {
        let word = match token {
            Token::Word(word) => quote(word),
            Token::Text(text) => quote(text),
            Token::Sign(sign) => quote(sign),
        };
        let at = self.whole - self.rest.len();
        format!("pattern, before byte {at}: {word} is unexpected")
    }

    fn next(&mut self) -> Result<Option<Token>, String> {
        if let Some(token) = self.ahead.take() {
            return Ok(Some(token));
        }
        self.rest = self.rest.trim_start();
        let Some(first) = self.rest.chars().next() else {
            return Ok(None);
        };
        if first == '\'' {
            return self.text().map(Some);
        }
        // `>` alone is not in the table: it is as long as its longer sister is not there.
        let sign = SIGNS
            .iter()
            .chain(&[">"])
            .find(|s| self.rest.starts_with(**s));
        if let Some(sign) = sign {
            self.rest = self.rest.get(sign.len()..).unwrap_or_default();
            return Ok(Some(Token::Sign(sign)));
        }
        // A path may have a quoted step and brackets: file:hashes.'SHA-256', x:values[*].y
        let mut quoted = false;
        let mut listed = false;
        let end = self.rest.find(|c: char| {
            match c {
                '\'' => quoted = !quoted,
                '[' if !quoted => listed = true,
                ']' if !quoted && listed => {
                    listed = false;
                    return false;
                }
                _ => {}
            }
            let ends = c.is_whitespace() || ",()]=!<>".contains(c);
            !quoted && !listed && ends
        });
        let end = end.unwrap_or(self.rest.len()).max(first.len_utf8());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        Ok(Some(Token::Word(word.to_owned())))
    }

    /// A text in quotes; a backslash takes the next character as it is.
    fn text(&mut self) -> Result<Token, String> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => text.extend(chars.next().map(|(_, c)| c)),
                '\'' => {
                    self.rest = self.rest.get(at + 1..).unwrap_or_default();
                    return Ok(Token::Text(text));
                }
                c => text.push(c),
            }
        }
        Err("pattern: a text has no end".to_owned())
    }

    fn takes(&mut self, sign: &str) -> Result<bool, String> {
        let token = self.next()?;
        let same = token == Some(Token::Sign(sign_of(sign)));
        if !same {
            self.ahead = token;
        }
        Ok(same)
    }

    fn wants(&mut self, sign: &str) -> Result<(), String> {
        if self.takes(sign)? {
            return Ok(());
        }
        match self.next()? {
            Some(token) => Err(self.unexpected(&token)),
            None => Err(format!("pattern: it ends where {sign:?} should follow")),
        }
    }

    /// Whether this word follows; it is taken.
    fn takes_word(&mut self, word: &str) -> Result<bool, String> {
        let token = self.next()?;
        if let Some(Token::Word(found)) = &token
            && found.eq_ignore_ascii_case(word)
        {
            return Ok(true);
        }
        self.ahead = token;
        Ok(false)
    }

    /// Observations joined by AND, OR, FOLLOWEDBY, with their qualifiers.
    fn observations(&mut self, depth: usize) -> Result<Says, String> {
        let mut either = Vec::new();
        let mut both = vec![self.observation(depth)?];
        loop {
            if self.takes_word("OR")? {
                either.push(all(std::mem::take(&mut both)));
                both.push(self.observation(depth)?);
            } else if self.takes_word("AND")? || self.takes_word("FOLLOWEDBY")? {
                both.push(self.observation(depth)?);
            } else {
                break;
            }
        }
        either.push(all(both));
        Ok(any(either))
    }

    fn observation(&mut self, depth: usize) -> Result<Says, String> {
        let depth = deeper(depth)?;
        let mut says = if self.takes("(")? {
            let says = self.observations(depth)?;
            self.wants(")")?;
            says
        } else {
            self.wants("[")?;
            let says = self.comparisons(depth)?;
            self.wants("]")?;
            says
        };
        // How long a sight may take does not matter to a single one; how often it must come, and
        // when, does.
        loop {
            if self.takes_word("WITHIN")? {
                self.next()?;
                self.takes_word("SECONDS")?;
            } else if self.takes_word("REPEATS")? {
                self.next()?;
                self.takes_word("TIMES")?;
                says = narrower(says);
            } else if self.takes_word("START")? {
                self.moment()?;
                self.takes_word("STOP")?;
                self.moment()?;
                says = narrower(says);
            } else {
                return Ok(says);
            }
        }
    }

    /// t'2026-01-01T00:00:00Z', or the text alone as STIX 2.0 has it.
    fn moment(&mut self) -> Result<(), String> {
        self.next().map(drop)
    }

    fn comparisons(&mut self, depth: usize) -> Result<Says, String> {
        let mut either = Vec::new();
        let mut both = vec![self.comparison(depth)?];
        loop {
            if self.takes_word("OR")? {
                either.push(all(std::mem::take(&mut both)));
                both.push(self.comparison(depth)?);
            } else if self.takes_word("AND")? {
                both.push(self.comparison(depth)?);
            } else {
                break;
            }
        }
        either.push(all(both));
        Ok(any(either))
    }

    fn comparison(&mut self, depth: usize) -> Result<Says, String> {
        let depth = deeper(depth)?;
        if self.takes("(")? {
            let says = self.comparisons(depth)?;
            self.wants(")")?;
            return Ok(says);
        }
        let mut negated = self.takes_word("NOT")?;
        if self.takes_word("EXISTS")? {
            let path = self.word()?;
            return Ok(if is_address(&path) {
                Says::Narrower
            } else {
                Says::Other
            });
        }
        let path = self.word()?;
        negated |= self.takes_word("NOT")?;
        let operator = match self.next()? {
            Some(Token::Sign(sign)) => sign.to_owned(),
            Some(Token::Word(word)) => word.to_ascii_uppercase(),
            Some(token @ Token::Text(_)) => return Err(self.unexpected(&token)),
            None => return Err("pattern: it ends where an operator should follow".to_owned()),
        };
        let mut values = Vec::new();
        if operator == "IN" {
            self.wants("(")?;
            loop {
                values.push(self.value()?);
                if !self.takes(",")? {
                    break;
                }
            }
            self.wants(")")?;
        } else {
            values.push(self.value()?);
        }
        compared(&path, &operator, negated, &values)
    }

    fn word(&mut self) -> Result<String, String> {
        match self.next()? {
            Some(Token::Word(word)) => Ok(word),
            Some(token) => Err(self.unexpected(&token)),
            None => Err("pattern: it ends where a path should follow".to_owned()),
        }
    }

    fn value(&mut self) -> Result<String, String> {
        match self.next()? {
            Some(Token::Text(text) | Token::Word(text)) => Ok(text),
            Some(token) => Err(self.unexpected(&token)),
            None => Err("pattern: it ends where a value should follow".to_owned()),
        }
    }
}

fn sign_of(sign: &str) -> &'static str {
    SIGNS.iter().find(|known| **known == sign).unwrap_or(&"")
}

fn deeper(depth: usize) -> Result<usize, String> {
    if depth >= MAX_DEPTH {
        return Err(format!("pattern: more than {MAX_DEPTH} brackets deep"));
    }
    Ok(depth + 1)
}

/// Paths whose value is an address.
fn is_address(path: &str) -> bool {
    matches!(
        path,
        "ipv4-addr:value"
            | "ipv6-addr:value"
            | "network-traffic:src_ref.value"
            | "network-traffic:dst_ref.value"
    )
}

fn compared(path: &str, operator: &str, negated: bool, values: &[String]) -> Result<Says, String> {
    let is_type = matches!(
        path,
        "network-traffic:src_ref.type" | "network-traffic:dst_ref.type"
    );
    let is_of_address = |value: &String| value == "ipv4-addr" || value == "ipv6-addr";
    if is_type && !negated && operator == "=" && values.iter().all(is_of_address) {
        return Ok(Says::Type);
    }
    if !is_address(path) {
        return Ok(Says::Other);
    }
    if negated || !matches!(operator, "=" | "==" | "IN" | "ISSUBSET") {
        return Ok(Says::Narrower);
    }
    let mut addresses = Vec::new();
    for value in values {
        addresses.extend(prefixes(value)?);
    }
    Ok(Says::Addresses(addresses))
}

fn narrower(says: Says) -> Says {
    match says {
        Says::Addresses(_) => Says::Narrower,
        Says::Other | Says::Narrower | Says::Type => says,
    }
}

/// Of several of which each must hold.
fn all(mut parts: Vec<Says>) -> Says {
    if parts.len() > 1 {
        parts.retain(|says| *says != Says::Type);
    }
    if parts.len() <= 1 {
        return parts.pop().unwrap_or(Says::Type);
    }
    if parts.iter().all(|says| *says == Says::Other) {
        Says::Other
    } else {
        Says::Narrower
    }
}

/// Of several of which one is enough.
fn any(mut parts: Vec<Says>) -> Says {
    if parts.len() <= 1 {
        return parts.pop().unwrap_or(Says::Other);
    }
    let is_narrower = parts.contains(&Says::Narrower);
    let mut addresses = Vec::new();
    for part in parts {
        if let Says::Addresses(found) = part {
            addresses.extend(found);
        }
    }
    match (addresses.is_empty(), is_narrower) {
        (false, _) => Says::Addresses(addresses),
        (true, true) => Says::Narrower,
        (true, false) => Says::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let told = match read(text) {
            Ok(Says::Addresses(addresses)) => {
                let texts: Vec<String> = addresses.iter().map(Prefix::to_string).collect();
                texts.join(" ")
            }
            Ok(says) => format!("{says:?}"),
            Err(error) => error,
        };
        assert_eq!(told, expected, "{text}");
    }

    #[test]
    fn an_address_alone_is_taken() {
        check("[ipv4-addr:value = '192.0.2.1']", "192.0.2.1");
        check("[ipv6-addr:value='2001:db8::/64']", "2001:db8::/64");
        check("[ipv4-addr:value ISSUBSET '192.0.2.0/24']", "192.0.2.0/24");
        check(
            "[ipv4-addr:value IN ('192.0.2.1', '192.0.2.2')]",
            "192.0.2.1 192.0.2.2",
        );
        check(
            "[ipv4-addr:value = '192.0.2.1' OR domain-name:value = 'x'] OR ([ipv4-addr:value = '192.0.2.2'])",
            "192.0.2.1 192.0.2.2",
        );
        // As MISP writes it.
        check(
            "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '192.0.2.1']",
            "192.0.2.1",
        );
        check(
            "[(ipv4-addr:value = '192.0.2.1')] WITHIN 300 SECONDS",
            "192.0.2.1",
        );
    }

    #[test]
    fn an_address_with_something_more_is_not_taken() {
        for text in [
            "[ipv4-addr:value = '192.0.2.1' AND network-traffic:dst_port = 443]",
            "[ipv4-addr:value = '192.0.2.1'] AND [domain-name:value = 'x']",
            "[ipv4-addr:value = '192.0.2.1'] FOLLOWEDBY [file:size > 7]",
            "[ipv4-addr:value = '192.0.2.1'] REPEATS 5 TIMES",
            "[ipv4-addr:value = '192.0.2.1'] START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T00:00:00Z'",
            "[ipv4-addr:value != '192.0.2.1']",
            "[NOT ipv4-addr:value = '192.0.2.1']",
            "[ipv4-addr:value NOT IN ('192.0.2.1')]",
            "[ipv4-addr:value LIKE '192.0.2.%']",
        ] {
            check(text, "Narrower");
        }
    }

    #[test]
    fn what_is_about_something_else_says_so() {
        for text in [
            "[domain-name:value = 'example.com']",
            "[file:hashes.'SHA-256' = 'aa' AND file:name = 'it\\'s']",
            "[x-thing:values[*].y = 'a' OR x-thing:n <= 7]",
            "[EXISTS windows-registry-key:values]",
        ] {
            check(text, "Other");
        }
    }

    #[test]
    fn what_is_no_pattern_is_told_with_its_place() {
        check("", "pattern: it ends where \"[\" should follow");
        check(
            "[ipv4-addr:value = 'pear']",
            "\"pear\" is no address, prefix or range",
        );
        check("[ipv4-addr:value = '192", "pattern: a text has no end");
        check(
            "[ipv4-addr:value = '192.0.2.1'] x",
            "pattern, before byte 33: \"x\" is unexpected",
        );
        check(&"(".repeat(100), "pattern: more than 16 brackets deep");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = read(&text);
        }

        #[test]
        fn no_broken_pattern_makes_it_panic(text in r"[\[\]()'=! ,:.<>aANDORINé\\]*") {
            let _ = read(&text);
        }
    }
}
