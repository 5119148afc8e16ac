//! What can be told of an EVE record by looking at its head, without parsing it.

/// The generator id of what a model found and no rule: EVE `alert.gid`. Rules of packets have 1.
pub const MODEL_GID: u64 = 7001;

/// How far into a record its head reaches: kind and keys stand among the first fields.
const HEAD: usize = 512;
/// The longest name of a kind, bytes.
const MAX_KIND: usize = 32;

/// The value of `event_type`, where it is a short plain name near the head of the record.
#[must_use]
pub fn kind(record: &[u8]) -> Option<&str> {
    let value = value(record, b"\"event_type\":\"", |byte| *byte == b'"')?;
    let name = std::str::from_utf8(value).ok()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (!name.is_empty() && name.len() <= MAX_KIND && name.bytes().all(is_plain)).then_some(name)
}

/// What keeps records together that belong together: the digits of `flow_id`, or for what belongs to no
/// flow the text of `src_ip`; empty for the rest. A slice of the record.
#[must_use]
pub fn key(record: &[u8]) -> &[u8] {
    value(record, b"\"flow_id\":", |byte| !byte.is_ascii_digit())
        .or_else(|| value(record, b"\"src_ip\":\"", |byte| *byte == b'"'))
        .unwrap_or(&[])
}

/// What stands in the head between `name` and the first byte that ends it.
fn value<'a>(record: &'a [u8], name: &[u8], is_end: fn(&u8) -> bool) -> Option<&'a [u8]> {
    let head = record.get(..HEAD).unwrap_or(record);
    let at = head.windows(name.len()).position(|part| part == name)? + name.len();
    let rest = head.get(at..)?;
    rest.get(..rest.iter().position(is_end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_a_flow_have_one_key() {
        let check =
            |line: &str, expected: &str| assert_eq!(key(line.as_bytes()), expected.as_bytes());
        check(
            r#"{"timestamp":"x","flow_id":123,"src_ip":"10.0.0.1"}"#,
            "123",
        );
        check(
            r#"{"timestamp":"x","src_ip":"10.0.0.1","dest_ip":"b"}"#,
            "10.0.0.1",
        );
        check(r#"{"timestamp":"x","event_type":"stats"}"#, "");
        check(r#"{"flow_id":"#, "");
    }

    #[test]
    fn the_kind_is_a_plain_name_near_the_head() {
        let check =
            |line: &str, expected: Option<&str>| assert_eq!(kind(line.as_bytes()), expected);
        check(
            r#"{"timestamp":"x","event_type":"alert","src_ip":"y"}"#,
            Some("alert"),
        );
        check(r#"{"event_type":"flow""#, Some("flow"));
        check(r#"{"event_type":"no closing quote"#, None);
        check(r#"{"event_type":"a b"}"#, None);
        check("", None);
        check(
            &format!("{{\"x\":\"{}\",\"event_type\":\"late\"}}", "-".repeat(HEAD)),
            None,
        );
    }
}
