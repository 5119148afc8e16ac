//! Texts that are packed and come back.

use super::*;
use proptest::prelude::*;

fn check(texts: &[&str]) {
    let packed = pack((0..).zip(texts.iter().copied()), None).unwrap();
    let read = |limit: usize, wanted: &dyn Fn(usize) -> bool| {
        let mut found = Vec::new();
        let rows = |number| wanted(number).then_some(number as u64);
        unpack(&packed, limit, rows, None, |row, text| {
            found.push((row, text.to_owned()))
        })?;
        Some(found)
    };
    let whole = texts.concat().len();
    let all: Vec<(u64, String)> = (0..)
        .zip(texts.iter().map(|text| (*text).to_owned()))
        .collect();
    assert_eq!(read(whole, &|_| true).unwrap(), all);
    assert!(whole == 0 || read(whole - 1, &|_| true).is_none());
    for (number, one) in all.iter().enumerate() {
        assert_eq!(
            read(whole, &|other| other == number).unwrap(),
            std::slice::from_ref(one)
        );
    }
}

#[test]
fn records_come_back_byte_for_byte() {
    check(&[]);
    check(&[""]);
    check(&[
        r#"{"a":1,"b":"x","c":[1,2,"3"],"d":{"a":true,"e":null}}"#,
        r#"{"a":2,"b":"","c":[]}"#,
    ]);
    check(&[r#"{ "a" : -1.50e3 , "b\"" : "\\\"x" , "" : "" }"#]);
    check(&[
        r#"{"timestamp":"2026-01-02T03:04:05.678901+0000","n":7,"end":"2026-01-02T03:04:05.678901+0000"}"#,
        r#"{"end":"1999-01-02T03:04:05.000000+0000","timestamp":"2026-01-02T03:04:06.000000+0000","n":8}"#,
        r#"{"n":9,"end":"0000-00-00T00:00:00.000000+0000"}"#,
    ]);
    check(&[
        r#"{"timestamp":"2026-01-02T03:04:05.678901+0200"}"#,
        r#"{"timestamp":"0042"}"#,
    ]);
    check(&["{\"open", "\"", "{{{", "a\"b\":c", "1 2 3"]);
}

proptest! {
    #[test]
    fn any_texts_come_back(texts in prop::collection::vec("[ \"\\\\{}:,0-9a-c-]{0,30}", 0..20)) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        check(&texts);
    }

    #[test]
    fn any_bytes_are_texts_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = unpack(&bytes, 1 << 16, |number| Some(number as u64), None, |_, _| {});
    }
}
