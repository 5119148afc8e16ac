//! Header fields of a mail: names, values, and the parameters behind them.

/// A field as it stands in the header, folded lines joined, encoded words left as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) name: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

impl Header {
    /// Reads the first line of a field. None where it has no colon.
    pub(super) fn parse(line: &[u8]) -> Option<Header> {
        let colon = memchr::memchr(b':', line)?;
        let (name, value) = line.split_at_checked(colon)?;
        let value = trim_start(value.get(1..).unwrap_or_default());
        Some(Header {
            name: name.to_vec(),
            value: value.to_vec(),
        })
    }

    pub(crate) fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// What stands before the first parameter.
    pub(super) fn bare_value(&self) -> &[u8] {
        self.value.split(|b| *b == b';').next().unwrap_or_default()
    }

    /// The parameter `name`; where it is sent in sections (RFC 2231 section 3), all of them joined.
    pub(super) fn parameter(&self, name: &[u8]) -> Option<Vec<u8>> {
        let find = |wanted: &[u8]| {
            Parameters::new(&self.value)
                .filter(|(found, _)| found.eq_ignore_ascii_case(wanted))
                .last()
                .map(|(_, value)| value)
        };
        if let Some(value) = find(name) {
            return Some(value.to_vec());
        }
        let section = |number: usize| {
            let mut wanted = name.to_vec();
            wanted.extend_from_slice(format!("*{number}").as_bytes());
            find(&wanted)
        };
        let mut joined = section(0)?.to_vec();
        for number in 1..MAX_SECTIONS {
            match section(number) {
                Some(value) => joined.extend_from_slice(value),
                None => break,
            }
        }
        Some(joined)
    }
}

/// Most sections of a parameter: a name of the greatest length kept, in sections of 4 bytes.
const MAX_SECTIONS: usize = 64;

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn trim_start(text: &[u8]) -> &[u8] {
    let skip = text.iter().take_while(|b| is_space(**b)).count();
    text.get(skip..).unwrap_or_default()
}

/// `name=value` and `name="value"` behind the first semicolon.
struct Parameters<'a> {
    rest: &'a [u8],
}

impl<'a> Parameters<'a> {
    fn new(value: &'a [u8]) -> Self {
        let rest = memchr::memchr(b';', value).and_then(|at| value.get(at + 1..));
        Parameters {
            rest: rest.unwrap_or_default(),
        }
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let text = trim_start(self.rest);
        let equals = memchr::memchr(b'=', text)?;
        let (name, after) = text.split_at_checked(equals)?;
        let after = after.get(1..)?;
        let (value, rest) = quoted(after).unwrap_or_else(|| bare(after));
        let rest = trim_start(rest);
        self.rest = rest.strip_prefix(b";").unwrap_or(rest);
        Some((name, value))
    }
}

/// A value in quotation marks, escapes left as they are, and what follows it.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(b"\"")?;
    let mut is_escaped = false;
    for (at, byte) in inner.iter().enumerate() {
        match byte {
            b'\\' => is_escaped = true,
            b'"' if !is_escaped => return Some((inner.get(..at)?, inner.get(at + 1..)?)),
            _ => is_escaped = false,
        }
    }
    let at = memchr::memchr(b'"', inner)?;
    Some((inner.get(..at)?, inner.get(at + 1..)?))
}

fn bare(text: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b';', text).unwrap_or(text.len());
    let (value, rest) = text.split_at_checked(end).unwrap_or((text, &[]));
    let keep = value
        .iter()
        .rposition(|b| !is_space(*b))
        .map_or(0, |at| at + 1);
    (value.get(..keep).unwrap_or_default(), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, name: &str, expected: Option<&str>) {
        let header = Header::parse(line.as_bytes()).unwrap();
        let found = header.parameter(name.as_bytes());
        assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{line}");
    }

    #[test]
    fn finds_parameters() {
        check(
            "D: attachment; filename=\"a b.txt\"; size=3",
            "filename",
            Some("a b.txt"),
        );
        check(
            "D: attachment; filename=a.txt ; size=3",
            "filename",
            Some("a.txt"),
        );
        check("D: attachment; x=y", "filename", None);
        check("D: filename=a.txt", "filename", None);
        check(
            "D: a; filename*0=ab; filename*1=\"cd\"; filename*3=no",
            "filename",
            Some("abcd"),
        );
        check("D: a; filename=\"a\\\"b\"", "filename", Some("a\\\"b"));
        check("D: a; boundary=\"open", "boundary", Some("\"open"));
    }
}
