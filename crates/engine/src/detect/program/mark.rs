//! Where in a buffer a program found what it looks for: noted when a match is to be explained.

use super::{Bound, Inspection, Program, Step};
use std::ops::Range;

/// Marks of one rule at most: a program of the greatest length whose steps all read something.
const MARKS_MAX: usize = 1024;

/// Something that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The keyword.
    pub by: &'static str,
    /// The rule's option, counted from 0.
    pub option: u16,
    /// First byte within the buffer.
    pub start: u32,
    /// The byte after the last; the first itself for a place without a length.
    pub end: u32,
}

impl Program {
    /// As [`Program::matches`], and where it does, calls `told` with the bytes as they were looked into
    /// and with what was found in them; once more with what `base64_decode` made of them.
    pub fn explain(
        &self,
        data: &[u8],
        cx: &mut Inspection,
        mut told: impl FnMut(bool, &[u8], &[Mark]),
    ) -> bool {
        cx.begin_rule();
        cx.decoded_marks.clear();
        cx.is_recording = true;
        let mut scratch = std::mem::take(&mut cx.scratch);
        let data = self.transforms.apply(data, &mut scratch);
        let is_match = self.matches_transformed(data, cx);
        if is_match {
            told(false, data, &cx.marks);
            if self.base64.is_some() {
                told(true, &cx.decoded, &cx.decoded_marks);
            }
        }
        cx.scratch = scratch;
        cx.is_recording = false;
        // What was noted on the way was noted when the rule matched.
        cx.entropies.clear();
        is_match
    }
}

impl Inspection {
    /// Notes that `option` found something.
    pub(super) fn record(&mut self, by: &'static str, option: u16, at: Range<usize>) {
        if self.is_recording && self.marks.len() < MARKS_MAX {
            let narrow = |place| u32::try_from(place).unwrap_or(u32::MAX);
            self.marks.push(Mark {
                by,
                option,
                start: narrow(at.start),
                end: narrow(at.end),
            });
        }
    }

    /// Notes where `step`, which held and began with the cursor at `begun`, looked. Contents and
    /// expressions note themselves; what speaks of the buffer as a whole marks no byte.
    pub(super) fn mark(&mut self, step: &Step, begun: usize, data: &[u8]) {
        let ended = std::mem::replace(&mut self.cursor, begun);
        let place = self.place(data);
        let (by, option, at) = match step {
            Step::ByteTest(test, option) => ("byte_test", *option, place.of_test(test)),
            Step::ByteJump(jump, option) => ("byte_jump", *option, place.of_jump(jump)),
            Step::ByteExtract(extract, option) => {
                ("byte_extract", *option, place.of_extract(extract))
            }
            Step::ByteMath(math, option) => ("byte_math", *option, place.of_math(math)),
            Step::IsDataAt {
                at,
                is_relative,
                is_negated: false,
                option,
            } => {
                let base = if *is_relative { begun } else { 0 };
                let at = self.number(*at).and_then(|at| base.checked_add(at));
                // A byte that is there; the end of the buffer for a relative 0.
                let at = at.filter(|at| *at <= data.len()).map(|at| at..at);
                ("isdataat", *option, at)
            }
            Step::Dataset(set, option) => (set.keyword(), *option, Some(0..data.len())),
            Step::IsDataAt { .. }
            | Step::Content(_)
            | Step::Pcre(_)
            | Step::Bsize(_)
            | Step::Base64Decode { .. }
            | Step::Entropy(_)
            | Step::Absent { .. } => ("", 0, None),
        };
        self.cursor = ended;
        if let Some(at) = at {
            self.record(by, option, at);
        }
    }

    fn number(&self, bound: Bound) -> Option<usize> {
        match bound {
            Bound::None => Some(0),
            Bound::Number(number) => usize::try_from(number).ok(),
            Bound::Variable(index) => {
                let value = self.variables.get(usize::from(index)).copied()?;
                usize::try_from(value).ok()
            }
        }
    }
}
