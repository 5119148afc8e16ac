//! Writes JSON objects straight into a byte buffer: the shape of every EVE record.
//!
//! Records are written field by field on the hot path, so nothing is allocated but the one
//! buffer, which is used again for the next record. Bytes from the wire that are not UTF-8 or
//! not printable are written as Suricata 8 writes them: `\xHH`.

/// A JSON text under construction. The first call opens the outermost object.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
    /// Whether a comma is due before the next item.
    comma: bool,
    /// Where the object of what is Ratel's own ended; 0 where there is none.
    own_end: usize,
}

/// A place to come back to: see [`Writer::mark`].
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    len: usize,
    comma: bool,
}

impl Writer {
    /// An empty text.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the text, keeps the memory.
    pub fn clear(&mut self) {
        self.out.clear();
        self.comma = false;
        self.own_end = 0;
    }

    /// What is written so far.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.out
    }

    /// The text, taken out.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// Remembers this place, so that [`Writer::rewind`] can take back what follows.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            len: self.out.len(),
            comma: self.comma,
        }
    }

    /// Takes back everything written since `mark`.
    pub fn rewind(&mut self, mark: Mark) {
        self.out.truncate(mark.len);
        self.own_end = 0;
        self.comma = mark.comma;
    }

    /// Opens an object without a key: the outermost one or an item of an array.
    pub fn begin(&mut self) {
        self.item();
        self.out.push(b'{');
        self.comma = false;
    }

    /// Opens the object `key`.
    pub fn object(&mut self, key: &str) {
        self.key(key);
        self.out.push(b'{');
        self.comma = false;
    }

    /// Closes the object opened last.
    pub fn end(&mut self) {
        self.out.push(b'}');
        self.comma = true;
    }

    /// Takes back the end of the object that was closed last, to add to it; no-op elsewhere.
    pub fn reopen(&mut self) {
        if self.out.last() == Some(&b'}') {
            self.out.pop();
            self.comma = self.out.last() != Some(&b'{');
        }
    }

    /// Opens the object of what is Ratel's own, `ratel`; adds to it where it was written last.
    pub fn own(&mut self) {
        if self.own_end > 0 && self.own_end == self.out.len() {
            self.reopen();
        } else {
            self.object("ratel");
        }
    }

    /// Closes what [`Writer::own`] opened.
    pub fn end_own(&mut self) {
        self.end();
        self.own_end = self.out.len();
    }

    /// Opens the array `key`.
    pub fn array(&mut self, key: &str) {
        self.key(key);
        self.out.push(b'[');
        self.comma = false;
    }

    /// Opens an array as an item of an array.
    pub fn begin_array(&mut self) {
        self.item();
        self.out.push(b'[');
        self.comma = false;
    }

    /// Closes the array opened last.
    pub fn end_array(&mut self) {
        self.out.push(b']');
        self.comma = true;
    }

    /// `"key": "text"`.
    pub fn str(&mut self, key: &str, text: &str) {
        self.key(key);
        self.quoted(text.as_bytes());
    }

    /// `"key": "text"` of bytes from the wire.
    pub fn bytes(&mut self, key: &str, text: &[u8]) {
        self.key(key);
        self.quoted(text);
    }

    /// `"key": "text"` from pieces formatted on the spot.
    pub fn display(&mut self, key: &str, value: impl std::fmt::Display) {
        self.key(key);
        self.out.push(b'"');
        let start = self.out.len();
        let _ = std::io::Write::write_fmt(&mut self.out, format_args!("{value}"));
        if self.out[start..].iter().any(|b| !is_plain(*b)) {
            let tail = self.out.split_off(start);
            self.escaped(&tail);
        }
        self.out.push(b'"');
        self.comma = true;
    }

    /// `"key": 1`.
    pub fn uint(&mut self, key: &str, value: u64) {
        self.key(key);
        self.number(value);
    }

    /// `"key": -1`.
    pub fn int(&mut self, key: &str, value: i64) {
        self.key(key);
        if value < 0 {
            self.out.push(b'-');
        }
        self.number(value.unsigned_abs());
    }

    /// `"key": 1.5`; what JSON has no word for becomes 0.
    pub fn float(&mut self, key: &str, value: f64) {
        self.key(key);
        let value = if value.is_finite() { value } else { 0.0 };
        let _ = std::io::Write::write_fmt(&mut self.out, format_args!("{value:?}"));
        self.comma = true;
    }

    /// `"key": true`.
    pub fn bool(&mut self, key: &str, value: bool) {
        self.key(key);
        self.out
            .extend_from_slice(if value { b"true" } else { b"false" });
        self.comma = true;
    }

    /// `"key": "0011aabb"`: bytes as lower-case hexadecimal with `separator` between them.
    pub fn hex(&mut self, key: &str, bytes: &[u8], separator: &str) {
        self.key(key);
        self.out.push(b'"');
        for (n, byte) in bytes.iter().enumerate() {
            if n > 0 {
                self.out.extend_from_slice(separator.as_bytes());
            }
            self.hex_byte(*byte);
        }
        self.out.push(b'"');
        self.comma = true;
    }

    /// `"key": <text>`, where `text` is JSON already.
    pub fn raw(&mut self, key: &str, text: &[u8]) {
        self.key(key);
        self.out.extend_from_slice(text);
        self.comma = true;
    }

    /// `"key": "<base64>"` (RFC 4648 section 4, padded).
    pub fn base64(&mut self, key: &str, bytes: &[u8]) {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        self.key(key);
        self.out.push(b'"');
        for chunk in bytes.chunks(3) {
            let word = u32::from(chunk[0]) << 16
                | u32::from(*chunk.get(1).unwrap_or(&0)) << 8
                | u32::from(*chunk.get(2).unwrap_or(&0));
            for place in 0..4 {
                let sextet = (word >> (18 - 6 * place)) & 63;
                self.out.push(if place <= chunk.len() {
                    ALPHABET[sextet as usize]
                } else {
                    b'='
                });
            }
        }
        self.out.push(b'"');
        self.comma = true;
    }

    /// A text as an item of an array.
    pub fn item_str(&mut self, text: &str) {
        self.item();
        self.quoted(text.as_bytes());
    }

    /// Bytes from the wire as an item of an array.
    pub fn item_bytes(&mut self, text: &[u8]) {
        self.item();
        self.quoted(text);
    }

    /// A number as an item of an array.
    pub fn item_uint(&mut self, value: u64) {
        self.item();
        self.number(value);
    }

    fn item(&mut self) {
        if self.comma {
            self.out.push(b',');
        }
        self.comma = false;
    }

    /// Writes a key from the wire or from this code; escaped where it must be.
    fn key(&mut self, key: &str) {
        self.item();
        self.quoted(key.as_bytes());
        self.out.push(b':');
        self.comma = false;
    }

    fn number(&mut self, mut value: u64) {
        let mut digits = [0u8; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        self.out.extend_from_slice(&digits[at..]);
        self.comma = true;
    }

    fn quoted(&mut self, text: &[u8]) {
        self.out.push(b'"');
        if plain_len(text) == text.len() {
            self.out.extend_from_slice(text);
        } else {
            self.escaped(text);
        }
        self.out.push(b'"');
        self.comma = true;
    }

    fn escaped(&mut self, text: &[u8]) {
        // Text is nearly always whole, and checking that is much faster than taking it apart.
        if std::str::from_utf8(text).is_ok() {
            return self.escaped_text(text);
        }
        for chunk in text.utf8_chunks() {
            self.escaped_text(chunk.valid().as_bytes());
            for byte in chunk.invalid() {
                self.out.extend_from_slice(b"\\\\x");
                self.hex_byte(*byte);
            }
        }
    }

    /// Writes UTF-8; beyond ASCII nothing of it needs an escape.
    fn escaped_text(&mut self, mut rest: &[u8]) {
        while !rest.is_empty() {
            let len = rest.iter().position(|b| *b < 0x80 && !is_plain(*b));
            let (run, more) = rest.split_at(len.unwrap_or(rest.len()));
            self.out.extend_from_slice(run);
            let Some((byte, more)) = more.split_first() else {
                break;
            };
            self.escape(*byte);
            rest = more;
        }
    }

    /// Writes an ASCII byte that may not stand in a string as it is.
    fn escape(&mut self, byte: u8) {
        match byte {
            b'"' => self.out.extend_from_slice(b"\\\""),
            b'\\' => self.out.extend_from_slice(b"\\\\"),
            b'\n' => self.out.extend_from_slice(b"\\n"),
            b'\r' => self.out.extend_from_slice(b"\\r"),
            b'\t' => self.out.extend_from_slice(b"\\t"),
            0x08 => self.out.extend_from_slice(b"\\b"),
            0x0c => self.out.extend_from_slice(b"\\f"),
            0..=0x1f => {
                self.out.extend_from_slice(b"\\u00");
                self.hex_byte(byte);
            }
            _ => self.out.push(byte),
        }
    }

    fn hex_byte(&mut self, byte: u8) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.out.push(DIGITS[usize::from(byte >> 4)]);
        self.out.push(DIGITS[usize::from(byte & 15)]);
    }
}

const fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte < 0x80 && byte != b'"' && byte != b'\\'
}

/// Bytes at the front that can stand in a string as they are. Looks at 16 at once without a branch
/// between them, so that the compiler can use vector instructions.
fn plain_len(text: &[u8]) -> usize {
    const LANES: usize = 16;
    let is_plain_chunk = |chunk: &&[u8]| chunk.iter().fold(true, |all, b| all & is_plain(*b));
    let whole = text.chunks_exact(LANES).take_while(is_plain_chunk).count();
    let done = whole * LANES;
    let rest = text.get(done..).unwrap_or_default();
    done + rest.iter().take_while(|b| is_plain(**b)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(build: impl FnOnce(&mut Writer), expected: &str) {
        let mut writer = Writer::new();
        writer.begin();
        build(&mut writer);
        writer.end();
        assert_eq!(String::from_utf8_lossy(writer.as_bytes()), expected);
    }

    #[test]
    fn writes_objects_arrays_and_numbers() {
        check(
            |w| {
                w.uint("a", 0);
                w.int("b", -12);
                w.array("c");
                w.item_uint(7);
                w.begin();
                w.bool("d", true);
                w.end();
                w.end_array();
                w.object("e");
                w.end();
                w.str("f", "x");
            },
            r#"{"a":0,"b":-12,"c":[7,{"d":true}],"e":{},"f":"x"}"#,
        );
    }

    #[test]
    fn escapes_hostile_bytes() {
        check(
            |w| w.bytes("k", b"a\"\\\n\x01\xffz\xc3\xa9"),
            "{\"k\":\"a\\\"\\\\\\n\\u0001\\\\xffz\u{e9}\"}",
        );
    }

    #[test]
    fn writes_base64_with_padding() {
        check(|w| w.base64("k", b"ab"), r#"{"k":"YWI="}"#);
        check(|w| w.base64("k", b"abc"), r#"{"k":"YWJj"}"#);
        check(|w| w.base64("k", b""), r#"{"k":""}"#);
    }

    #[test]
    fn what_is_our_own_is_one_object() {
        let two = |w: &mut Writer| {
            w.uint("a", 1);
            for key in ["b", "c"] {
                w.own();
                w.uint(key, 2);
                w.end_own();
            }
        };
        check(two, r#"{"a":1,"ratel":{"b":2,"c":2}}"#);
    }

    #[test]
    fn rewinds_to_a_mark() {
        check(
            |w| {
                w.uint("a", 1);
                let mark = w.mark();
                w.object("gone");
                w.rewind(mark);
                w.uint("b", 2);
            },
            r#"{"a":1,"b":2}"#,
        );
    }
}
