//! Transfer encodings of body parts (RFC 2045 section 6).

/// How a part is encoded.
#[derive(Debug, Default)]
pub(super) enum Encoding {
    /// As it is.
    #[default]
    Plain,
    /// Section 6.8.
    Base64(Base64),
    /// Section 6.7.
    QuotedPrintable,
}

/// Something that can't be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Invalid;

/// Base64 over line ends: up to three characters wait for the fourth.
#[derive(Debug, Default)]
pub(super) struct Base64 {
    held: [u8; 4],
    count: usize,
}

const fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

impl Base64 {
    /// Decodes `text` behind `out`; bytes outside the alphabet are skipped.
    pub(super) fn decode(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Invalid> {
        let mut result = Ok(());
        for byte in text {
            if *byte != b'=' && sextet(*byte).is_none() {
                continue;
            }
            if let Some(slot) = self.held.get_mut(self.count) {
                *slot = *byte;
                self.count += 1;
            }
            if self.count == 4 {
                self.count = 0;
                result = result.and(group(self.held, out));
            }
        }
        result
    }

    /// The part ended: what is held is decoded as if it were padded.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.count > 0 {
            let mut held = [b'='; 4];
            for (to, from) in held.iter_mut().zip(self.held).take(self.count) {
                *to = from;
            }
            self.count = 0;
            let _ = group(held, out);
        }
    }
}

fn group(held: [u8; 4], out: &mut Vec<u8>) -> Result<(), Invalid> {
    let [a, b, c, d] = held.map(sextet);
    let (Some(a), Some(b)) = (a, b) else {
        return Err(Invalid);
    };
    out.push(a << 2 | b >> 4);
    let Some(c) = c else { return Ok(()) };
    out.push(b << 4 | c >> 2);
    let Some(d) = d else { return Ok(()) };
    out.push(c << 6 | d);
    Ok(())
}

/// Whether a line's end belongs to the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineEnd {
    Hard,
    /// `=` at the end of the line hides it.
    Soft,
}

/// Decodes a line without its end behind `out`. What can't be decoded is left out.
pub(super) fn quoted_printable(text: &[u8], out: &mut Vec<u8>) -> Result<LineEnd, Invalid> {
    let mut result = Ok(LineEnd::Hard);
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'=', rest) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        match rest.get(at + 1..) {
            Some([]) | None => return result.map(|_| LineEnd::Soft),
            Some([high, low, after @ ..]) => {
                match (hex(*high), hex(*low)) {
                    (Some(high), Some(low)) => out.push(high << 4 | low),
                    _ => result = Err(Invalid),
                }
                rest = after;
            }
            Some([_]) => {
                result = Err(Invalid);
                rest = &[];
            }
        }
    }
    out.extend_from_slice(rest);
    result
}

const fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_base64_across_lines() {
        let check = |lines: &[&str], expected: (&str, bool)| {
            let mut decoder = Base64::default();
            let mut out = Vec::new();
            let mut is_valid = true;
            for line in lines {
                is_valid &= decoder.decode(line.as_bytes(), &mut out).is_ok();
            }
            decoder.finish(&mut out);
            assert_eq!(
                (String::from_utf8(out).unwrap().as_str(), is_valid),
                expected
            );
        };
        check(&["aGVs", "bG8="], ("hello", true));
        check(&["aGV", "sbG8"], ("hello", true));
        check(&["a GVs*bG8"], ("hello", true));
        check(&["=AAAaGVs"], ("hel", false));
    }

    #[test]
    fn decodes_quoted_printable() {
        let check = |text: &str, expected: (&str, Result<LineEnd, Invalid>)| {
            let mut out = Vec::new();
            let result = quoted_printable(text.as_bytes(), &mut out);
            assert_eq!((String::from_utf8(out).unwrap().as_str(), result), expected);
        };
        check("a=3Db", ("a=b", Ok(LineEnd::Hard)));
        check("soft=", ("soft", Ok(LineEnd::Soft)));
        check("bad=zz!", ("bad!", Err(Invalid)));
        check("cut=3", ("cut", Err(Invalid)));
    }
}
