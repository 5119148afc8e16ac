//! Query strings: pairs in the order in which they came.

/// Pairs that are read: more than any request has a use for.
const MAX_PAIRS: usize = 64;

/// The decoded pairs of a query string. What is no UTF-8 after decoding reads as U+FFFD.
#[must_use]
pub fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    let parts = query.unwrap_or_default().split('&');
    parts
        .filter(|part| !part.is_empty())
        .take(MAX_PAIRS)
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Undoes `%XX` and `+` (the URL Standard, "application/x-www-form-urlencoded parsing").
fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let mut ahead = bytes.clone();
                let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
                match (digit(ahead.next()), digit(ahead.next())) {
                    (Some(high), Some(low)) => {
                        out.push((high * 16 + low) as u8);
                        bytes = ahead;
                    }
                    _ => out.push(b'%'),
                }
            }
            byte => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes a value so that [`pairs`] reads it back.
#[must_use]
pub fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_clients_write() {
        let check = |query: &str, expected: &[(&str, &str)]| {
            let expected: Vec<_> = expected
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect();
            assert_eq!(pairs(Some(query)), expected, "{query}");
        };
        check("", &[]);
        check("a=1&b=2&a=3", &[("a", "1"), ("b", "2"), ("a", "3")]);
        check("ip=2001%3Adb8%3a%3A1", &[("ip", "2001:db8::1")]);
        check("a+b=c+d&e", &[("a b", "c d"), ("e", "")]);
        check(
            "a=%&b=%4&c=%zz&d=%ff",
            &[("a", "%"), ("b", "%4"), ("c", "%zz"), ("d", "\u{fffd}")],
        );
        assert_eq!(pairs(Some(&"a&".repeat(1000))).len(), MAX_PAIRS);
    }

    proptest! {
        #[test]
        fn what_is_encoded_reads_back(text in any::<String>()) {
            let read = pairs(Some(&format!("x={}", encode(&text))));
            prop_assert_eq!(read, vec![("x".to_owned(), text)]);
        }
    }
}
