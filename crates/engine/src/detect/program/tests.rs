mod random;

use super::*;
use event::Buffer;
use rules::rule::{self, BufferMatch, PayloadMatch, Value};

fn program(matches: Vec<PayloadMatch>) -> Program {
    let buffer = BufferMatch {
        buffer: Buffer::HttpUri,
        transforms: Vec::new(),
        direction: None,
        is_multi: false,
        matches,
        options: Vec::new(),
    };
    Program::compile(&buffer, None, &Resources::default()).unwrap()
}

/// A content with modifiers in the rule language's own words: `abc; depth 3; nocase; !`.
fn content(text: &str) -> PayloadMatch {
    let mut words = text.split("; ");
    let bytes = words.next().unwrap().as_bytes().to_vec();
    let mut content = rule::Content {
        bytes,
        is_nocase: false,
        is_negated: false,
        offset: None,
        depth: None,
        distance: None,
        within: None,
        is_at_end: false,
        is_at_start: false,
        is_raw: false,
        fast_pattern: None,
        replacement: None,
    };
    for word in words {
        let (name, value) = word.split_once(' ').unwrap_or((word, ""));
        let value = || {
            Some(match value.strip_prefix('v') {
                Some(index) => Value::Variable(index.parse().unwrap()),
                None => Value::Number(value.parse().unwrap()),
            })
        };
        match name {
            "!" => content.is_negated = true,
            "nocase" => content.is_nocase = true,
            "offset" => content.offset = value(),
            "depth" => content.depth = value(),
            "distance" => content.distance = value(),
            "within" => content.within = value(),
            "endswith" => content.is_at_end = true,
            "startswith" => {
                content.is_at_start = true;
                content.offset = Some(Value::Number(0));
                content.depth = Some(Value::Number(content.bytes.len() as i64));
            }
            _ => panic!("{name}"),
        }
    }
    PayloadMatch::Content(content)
}

fn pcre(pattern: &str, is_relative: bool, is_negated: bool) -> PayloadMatch {
    PayloadMatch::Pcre(rule::Pcre {
        pattern: pattern.into(),
        options: String::new(),
        is_relative,
        is_negated,
        captures: Vec::new(),
    })
}

fn is_data_at(at: i64, is_relative: bool, is_negated: bool) -> PayloadMatch {
    PayloadMatch::IsDataAt {
        at: Value::Number(at),
        is_relative,
        is_negated,
    }
}

fn check(matches: &[PayloadMatch], data: &[u8], expected: bool) {
    let mut cx = Inspection::default();
    assert_eq!(
        program(matches.to_vec()).matches(data, &mut cx),
        expected,
        "{matches:?}"
    );
}

fn check_contents(contents: &[&str], data: &[u8], expected: bool) {
    let matches: Vec<_> = contents.iter().map(|text| content(text)).collect();
    check(&matches, data, expected);
}

#[test]
fn contents_keep_within_offset_and_depth() {
    check_contents(&["abc"], b"xxabc", true);
    check_contents(&["abc"], b"xxab", false);
    check_contents(&["ABC; nocase"], b"xxaBc", true);
    check_contents(&["abc; depth 3"], b"abcx", true);
    check_contents(&["abc; depth 3"], b"xabc", false);
    check_contents(&["abc; offset 1; depth 3"], b"xabc", true);
    check_contents(&["abc; offset 1; depth 3"], b"xxabc", false);
    check_contents(&["abc; offset 2"], b"xabc", false);
    check_contents(&["abc; startswith"], b"abcabc", true);
    check_contents(&["abc; startswith"], b"xabc", false);
    check_contents(&["abc; endswith"], b"abcabc", true);
    check_contents(&["abc; endswith"], b"abcx", false);
    check_contents(&["abc; startswith; endswith"], b"abc", true);
    check_contents(&["abc; startswith; endswith"], b"abcabc", false);
}

#[test]
fn negated_contents_match_where_nothing_is_found() {
    check_contents(&["abc; !"], b"xab", true);
    check_contents(&["abc; !"], b"xabc", false);
    check_contents(&["abc; !; depth 3"], b"xabc", true);
    check_contents(&["abc; !; offset 9"], b"xabc", true);
    check_contents(&["abc; !; endswith"], b"abcx", true);
    check_contents(&["abc; !; endswith"], b"xabc", false);
    check_contents(&["a", "b; !; within 1"], b"abac", true);
    check_contents(&["a", "b; !; within 1"], b"abab", false);
    check_contents(&["abc; !"], b"", true);
}

#[test]
fn relative_contents_try_every_occurrence_before() {
    check_contents(&["a", "b; distance 0"], b"ba", false);
    check_contents(&["a", "b; distance 0"], b"ab", true);
    check_contents(&["a", "b; distance 1; within 1"], b"axbaab", true);
    check_contents(&["a", "b; within 1"], b"axab", true);
    check_contents(&["a", "b; within 1", "c; within 1"], b"abxxabc", true);
    check_contents(&["a", "b; distance -2; within 1"], b"ba", true);
    check_contents(&["a", "a; within 1; endswith"], b"axxaa", true);
    check_contents(
        &["ab", "cd; distance 4; within 6"],
        b"abxcdxxabxxxxcd",
        true,
    );
}

#[test]
fn expressions_try_every_occurrence_before() {
    check(&[content("a"), pcre("^b", true, false)], b"axab", true);
    check(&[content("a"), pcre("b", true, false)], b"ba", false);
    check(
        &[pcre("a.", false, false), content("b; within 1")],
        b"axcaxb",
        true,
    );
    check(
        &[pcre("a.", false, false), content("b; within 1")],
        b"axcaxc",
        false,
    );
    check(&[pcre("b", false, true)], b"aa", true);
    check(&[pcre("b", false, true)], b"ab", false);
    check(&[content("a"), pcre("^b", true, true)], b"abac", true);
    check(
        &[pcre("a*", false, false), content("b; within 1")],
        b"c",
        false,
    );
}

#[test]
fn is_data_at_counts_from_the_cursor() {
    check(&[content("a"), is_data_at(1, true, false)], b"xab", true);
    check(&[content("a"), is_data_at(2, true, false)], b"xab", false);
    check(&[content("a"), is_data_at(1, true, true)], b"aba", true);
    check(&[content("a"), is_data_at(2, true, true)], b"aba", true);
    check(&[is_data_at(2, false, false)], b"abc", true);
    check(&[is_data_at(3, false, false)], b"abc", false);
    check(&[is_data_at(3, false, true)], b"abc", true);
}

fn extract(bytes: u8, offset: i64, variable: u8, is_relative: bool) -> PayloadMatch {
    PayloadMatch::ByteExtract(rule::ByteExtract {
        bytes,
        offset,
        variable,
        name: "len".into(),
        is_relative,
        encoding: rule::Encoding::BigEndian,
        multiplier: 1,
        align: 0,
        bitmask: 0,
    })
}

#[test]
fn variables_bound_contents() {
    check(
        &[extract(1, 0, 0, false), content("b; offset v0")],
        b"\x02bxb",
        true,
    );
    check(
        &[extract(1, 0, 0, false), content("b; offset v0")],
        b"\x04bxb",
        false,
    );
    check(
        &[extract(1, 0, 0, false), content("b; depth v0")],
        b"\x02bxx",
        true,
    );
    check(
        &[extract(1, 0, 0, false), content("b; depth v0")],
        b"\x02xbx",
        false,
    );
    check(
        &[extract(1, 0, 0, false), content("b; distance v0; within 1")],
        b"\x01xb",
        true,
    );
    check(
        &[extract(1, 0, 0, false), content("b; within v0")],
        b"\x01xb",
        false,
    );
    check(
        &[extract(1, 0, 0, false), content("b; within v0")],
        b"\x02xb",
        true,
    );
    let at = PayloadMatch::IsDataAt {
        at: Value::Variable(0),
        is_relative: true,
        is_negated: true,
    };
    check(&[extract(1, 0, 0, false), at.clone()], b"\x02ab", false);
    check(&[extract(1, 0, 0, false), at], b"\x02a", true);
}

#[test]
fn a_decoded_text_is_a_buffer_of_its_own() {
    let outer = BufferMatch {
        buffer: Buffer::HttpUri,
        transforms: Vec::new(),
        direction: None,
        is_multi: false,
        options: Vec::new(),
        matches: vec![
            content("v="),
            PayloadMatch::Base64Decode {
                bytes: None,
                offset: 0,
                is_relative: true,
            },
        ],
    };
    let inner = BufferMatch {
        buffer: Buffer::Base64Data,
        matches: vec![content("Hello; startswith"), content("World; endswith")],
        ..outer.clone()
    };
    let resources = Resources::default();
    let program = Program::compile(&outer, Some(&inner), &resources).unwrap();
    let mut cx = Inspection::default();
    assert!(program.matches(b"/?v=SGVsbG8gV29ybGQ=", &mut cx));
    assert!(!program.matches(b"/?v=SGVsbG8gV29ybG", &mut cx));
    assert!(!program.matches(b"/?v=", &mut cx));
}

#[test]
fn parts_of_a_body_count_from_its_start() {
    let depth = program(vec![content("b; depth 6")]);
    let size = program(vec![PayloadMatch::Bsize(Compare::Equal(8))]);
    let mut cx = Inspection::default();
    cx.set_part(4, true);
    assert!(depth.matches(b"xbxx", &mut cx));
    assert!(!depth.matches(b"xxbx", &mut cx));
    assert!(size.matches(b"xxxx", &mut cx));
    cx.set_part(6, true);
    assert!(!depth.matches(b"bbbb", &mut cx));
}

#[test]
fn tells_where_it_was_found() {
    let found = program(vec![content("a"), content("b; within 1")]);
    let mut cx = Inspection::default();
    let mut told = Vec::new();
    assert!(found.explain(b"axab", &mut cx, |_, _, marks| {
        told.extend(marks.iter().map(|mark| (mark.by, mark.start, mark.end)));
    }));
    assert_eq!(told, [("content", 2, 3), ("content", 3, 4)]);
    assert!(!found.explain(b"axa", &mut cx, |_, _, _| panic!("nothing is told")));
}

#[test]
fn work_is_bounded() {
    let matches: Vec<_> = std::iter::once(content("a"))
        .chain((0..20).map(|_| content("a; distance 0; within 50")))
        .chain([content("b; within 1")])
        .collect();
    check(&matches, &[b'a'; 4000], false);
}

#[test]
fn a_step_stays_small() {
    assert!(size_of::<Step>() <= 80, "{}", size_of::<Step>());
    assert!(size_of::<Program>() <= 64, "{}", size_of::<Program>());
}
