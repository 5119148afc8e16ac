//! What rules look for in buffers: any rule that is read and any bytes, with the same answer each
//! time and with ranges that lie in the bytes.

use engine::detect::program::{Inspection, Program, Resources};
use rules::rule::BufferMatch;
use rules::{Context, parse_file};
use std::sync::LazyLock;

static CONTEXT: LazyLock<Context> = LazyLock::new(Context::default);

/// A line of rule options, a byte for the place within a body, and the bytes to look into.
pub fn program(data: &[u8]) {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let (options, data) = data.split_at(end);
    let (part, data) = match data {
        [_, part, data @ ..] => (u64::from(*part), data),
        _ => return,
    };
    let options = String::from_utf8_lossy(options);
    let rule = format!("alert tcp any any -> any any ({options}; sid:1;)");
    let file = parse_file("f", rule.as_bytes(), &CONTEXT);
    let Some(rule) = file.parsed.first().and_then(|parsed| parsed.rule()) else {
        return;
    };
    for (at, buffer) in rule.buffers.iter().enumerate() {
        let later = rule.buffers.iter().skip(at + 1);
        let base64 = later
            .clone()
            .find(|b| b.buffer == event::Buffer::Base64Data);
        check(buffer, base64, part, data);
    }
}

fn check(buffer: &BufferMatch, base64: Option<&BufferMatch>, part: u64, data: &[u8]) {
    let Ok(program) = Program::compile(buffer, base64, &Resources::default()) else {
        return;
    };
    let look = |cx: &mut Inspection| {
        cx.set_part(part >> 1, part & 1 == 0);
        cx.begin_rule();
        let is_match = program.matches(data, cx);
        let captures = cx.captures.clone();
        cx.set_part(part >> 1, part & 1 == 0);
        let mut found = Vec::new();
        let is_explained = program.explain(data, cx, |is_decoded, data, marks| {
            for mark in marks {
                assert!(mark.start <= mark.end, "{mark:?} runs backwards");
                assert!(mark.end as usize <= data.len(), "{mark:?} is outside");
            }
            found.push((is_decoded, marks.to_vec()));
        });
        assert!(is_explained || !is_match, "a match that can't be explained");
        (is_match, found, captures)
    };
    let mut cx = Inspection::default();
    let first = look(&mut cx);
    assert_eq!(
        first,
        look(&mut cx),
        "what was found before changes the answer"
    );
    assert_eq!(
        first,
        look(&mut Inspection::default()),
        "the answer hangs on older variables"
    );
}
