//! The walk over the steps of a program.

use super::{Bound, Capture, Content, Entropy, Inspection, Pcre, Program, STEPS_MAX, Step};
use crate::detect::bytes::{self, Place};
use crate::detect::pcre::Search;
use crate::detect::transforms;
use rules::rule::{Compare, FloatCompare};

/// A variable beyond this is no place in a buffer.
const PLACE_MAX: u64 = 100_000_000;

/// What the rest of the steps came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Match,
    /// Not from here; an earlier step may try its next occurrence.
    Fail,
    /// Not at all.
    GiveUp,
}

impl Program {
    /// Whether everything is found in `data`, the buffer as the application has it: transforms are
    /// applied first.
    pub fn matches(&self, data: &[u8], cx: &mut Inspection) -> bool {
        if self.transforms.is_empty() {
            return self.matches_transformed(data, cx);
        }
        let mut scratch = std::mem::take(&mut cx.scratch);
        let data = self.transforms.apply(data, &mut scratch);
        let is_match = self.matches_transformed(data, cx);
        cx.scratch = scratch;
        is_match
    }

    /// Whether everything is found in `data`, to which the transforms were applied already.
    pub fn matches_transformed(&self, data: &[u8], cx: &mut Inspection) -> bool {
        cx.steps = 0;
        self.run(data, cx) == Outcome::Match
    }

    fn run(&self, data: &[u8], cx: &mut Inspection) -> Outcome {
        cx.cursor = 0;
        let (marks, captures, contexts) = (cx.marks.len(), cx.captures.len(), cx.contexts.len());
        let outcome = self.walk(0, data, cx);
        if outcome != Outcome::Match {
            cx.marks.truncate(marks);
            cx.captures.truncate(captures);
            cx.contexts.truncate(contexts);
        }
        outcome
    }

    /// Tries the steps from `place` on.
    fn walk(&self, mut place: usize, data: &[u8], cx: &mut Inspection) -> Outcome {
        loop {
            let Some(step) = self.steps.get(place) else {
                return Outcome::Match;
            };
            cx.steps += 1;
            if cx.steps >= STEPS_MAX {
                return Outcome::GiveUp;
            }
            let begun = cx.cursor;
            let outcome = match step {
                Step::Content(content) if !content.is_negated => {
                    return self.content(content, place, data, cx);
                }
                Step::Content(content) => negated_content(content, data, cx),
                Step::Pcre(pcre) if pcre.is_retried => return self.retried(pcre, place, data, cx),
                Step::Pcre(pcre) => search(pcre, None, data, cx).0,
                Step::ByteTest(test, _) => holds(bytes::test(test, cx.place(data))),
                Step::ByteJump(jump, _) => match bytes::jump(jump, cx.place(data)) {
                    Some(to) => {
                        cx.cursor = to;
                        Outcome::Match
                    }
                    None => Outcome::Fail,
                },
                Step::ByteExtract(extract, _) => {
                    cx.store(extract.variable, bytes::extract(extract, cx.place(data)))
                }
                Step::ByteMath(math, _) => {
                    cx.store(math.variable, bytes::math(math, cx.place(data)))
                }
                Step::IsDataAt {
                    at,
                    is_relative,
                    is_negated,
                    option: _,
                } => is_data_at(*at, *is_relative, *is_negated, data, cx),
                Step::Bsize(compare) => bsize(compare, data, cx),
                Step::Base64Decode {
                    bytes,
                    offset,
                    is_relative,
                } => {
                    // What is decoded is the last word: steps after it in this buffer count nothing.
                    return self.decoded(*bytes, *offset, *is_relative, data, cx);
                }
                // To find out where a rule matched, the set is not changed a second time.
                Step::Dataset(set, _) if cx.is_recording && set.changes() => Outcome::Match,
                Step::Dataset(set, _) => or_give_up(set.holds(data, &mut cx.contexts)),
                Step::Entropy(entropy) => entropy_holds(entropy, data, cx),
                Step::Absent { or_else } => holds(*or_else),
            };
            if outcome != Outcome::Match {
                return outcome;
            }
            if cx.is_recording {
                cx.mark(step, begun, data);
            }
            place += 1;
        }
    }

    /// Looks for `content`, then for the rest; where the rest fails because of where this one
    /// was found, looks for its next occurrence.
    fn content(
        &self,
        content: &Content,
        place: usize,
        data: &[u8],
        cx: &mut Inspection,
    ) -> Outcome {
        let missing = if content.is_relative() {
            Outcome::Fail
        } else {
            Outcome::GiveUp
        };
        let Some((mut from, to)) = window(content, data, cx) else {
            return Outcome::Fail;
        };
        let len = content.literal.len();
        let is_last = place + 1 == self.steps.len();
        loop {
            let found = data.get(from..to).and_then(|window| {
                if !content.is_at_end {
                    return content.literal.find(window).map(|at| from + at);
                }
                let start = window.len().checked_sub(len)?;
                let is_there = to == data.len() && content.literal.is(window.get(start..)?);
                is_there.then_some(from + start)
            });
            let Some(start) = found else {
                return missing;
            };
            cx.cursor = start + len;
            let recorded = cx.marks.len();
            cx.record("content", content.option, start..start + len);
            if is_last {
                return Outcome::Match;
            }
            match self.walk(place + 1, data, cx) {
                Outcome::Match => return Outcome::Match,
                Outcome::GiveUp => return Outcome::GiveUp,
                Outcome::Fail if !content.is_retried => return Outcome::GiveUp,
                Outcome::Fail => cx.marks.truncate(recorded),
            }
            from = start + 1;
            if from > to {
                return Outcome::Fail;
            }
        }
    }

    /// Looks for an expression that the next step is bound to, occurrence by occurrence.
    fn retried(&self, pcre: &Pcre, place: usize, data: &[u8], cx: &mut Inspection) -> Outcome {
        let cursor = cx.cursor;
        let mut from = None;
        loop {
            let recorded = cx.marks.len();
            let (outcome, next) = search(pcre, from, data, cx);
            if outcome != Outcome::Match {
                return outcome;
            }
            match self.walk(place + 1, data, cx) {
                Outcome::Match => return Outcome::Match,
                Outcome::GiveUp => return Outcome::GiveUp,
                Outcome::Fail => cx.marks.truncate(recorded),
            }
            // A negated expression found nothing that could be found again.
            let Some(next) = next else {
                return Outcome::Fail;
            };
            cx.cursor = cursor;
            from = Some(next);
        }
    }

    fn decoded(
        &self,
        bytes: u32,
        offset: u32,
        is_relative: bool,
        data: &[u8],
        cx: &mut Inspection,
    ) -> Outcome {
        let Some(inner) = &self.base64 else {
            return Outcome::Fail;
        };
        let start = (offset as usize).saturating_add(if is_relative { cx.cursor } else { 0 });
        let Some(text) = data.get(start..) else {
            return Outcome::Fail;
        };
        let text = text.get(..bytes as usize).unwrap_or(text);
        let mut decoded = std::mem::take(&mut cx.decoded);
        decoded.clear();
        transforms::base64(text, rules::rule::Base64Mode::Rfc4648, &mut decoded);
        let outer = (cx.offset, cx.is_start, cx.is_end);
        cx.set_whole();
        let marks = cx.marks.len();
        let is_match = !decoded.is_empty() && inner.run(&decoded, cx) == Outcome::Match;
        if is_match && cx.is_recording {
            cx.decoded_marks = cx.marks.split_off(marks);
        }
        (cx.offset, cx.is_start, cx.is_end) = outer;
        cx.decoded = decoded;
        holds(is_match)
    }
}

impl Inspection {
    pub(super) fn place<'a>(&'a self, data: &'a [u8]) -> Place<'a> {
        Place {
            data,
            cursor: self.cursor,
            dce_little_endian: self.dce_little_endian,
            variables: &self.variables,
        }
    }

    fn store(&mut self, variable: u8, read: Option<(u64, usize)>) -> Outcome {
        let Some((value, cursor)) = read else {
            return Outcome::Fail;
        };
        if let Some(slot) = self.variables.get_mut(usize::from(variable)) {
            *slot = value;
        }
        self.cursor = cursor;
        Outcome::Match
    }

    /// A limit's value; `None` where there is no such limit. Values wrap at 32 bits, as in Suricata.
    fn value(&self, bound: Bound) -> Option<i64> {
        match bound {
            Bound::None => None,
            Bound::Number(number) => Some(number.into()),
            Bound::Variable(index) => {
                let value = self.variables.get(usize::from(index)).copied().unwrap_or(0);
                Some(i64::from(value as u32 as i32))
            }
        }
    }
}

fn holds(is_so: bool) -> Outcome {
    if is_so { Outcome::Match } else { Outcome::Fail }
}

fn or_give_up(is_so: bool) -> Outcome {
    if is_so {
        Outcome::Match
    } else {
        Outcome::GiveUp
    }
}

/// From where to where `content` may lie in `data`; None where the limits leave no room.
fn window(content: &Content, data: &[u8], cx: &Inspection) -> Option<(usize, usize)> {
    let len = i64::try_from(data.len()).ok()?;
    let skipped = i64::try_from(cx.offset).unwrap_or(i64::MAX);
    // A limit counted from the start of a body, seen from the part at hand.
    let from_start = |depth: i64| {
        if skipped == 0 || depth >= skipped.saturating_add(len) {
            Some(depth)
        } else {
            (depth > skipped).then(|| depth - skipped)
        }
    };
    let (mut from, mut to) = (0, len);
    let (offset, depth) = (cx.value(content.offset), cx.value(content.depth));
    if content.is_relative() {
        let cursor = i64::try_from(cx.cursor).ok()?;
        let distance = cx.value(content.distance).unwrap_or(0);
        from = cursor.saturating_add(distance).max(0);
        if let Some(within) = cx.value(content.within) {
            to = to.min(cursor.saturating_add(within).saturating_add(distance));
            if cursor == 0 {
                to = from_start(to)?;
            }
        }
        if let Some(depth) = depth.filter(|depth| *depth > 0 || is_variable(content.depth)) {
            to = to.min(cursor.saturating_add(depth));
        }
        from = from.max(offset.unwrap_or(0));
    } else {
        if let Some(depth) = depth.filter(|depth| *depth > 0 || is_variable(content.depth)) {
            to = from_start(depth)?;
        }
        if let Some(offset) = offset {
            from = offset.max(0);
        }
    }
    if is_variable(content.offset) || is_variable(content.depth) {
        to = to.saturating_add(from);
    }
    let to = to.min(len);
    if from > to || to == 0 {
        return None;
    }
    Some((usize::try_from(from).ok()?, usize::try_from(to).ok()?))
}

fn is_variable(bound: Bound) -> bool {
    matches!(bound, Bound::Variable(_))
}

fn negated_content(content: &Content, data: &[u8], cx: &Inspection) -> Outcome {
    let Some((from, to)) = window(content, data, cx) else {
        // Beyond the part at hand a body may still hold it; Suricata decides by the part alone.
        return holds(!is_beyond_part(content, data, cx));
    };
    let Some(window) = data.get(from..to) else {
        return Outcome::Match;
    };
    if content.is_at_end && to < data.len() {
        return Outcome::Match;
    }
    let Some(at) = content.literal.find(window) else {
        return Outcome::Match;
    };
    // Suricata compares the end, counted from the buffer's start, with the window's length.
    if content.is_at_end && from + at + content.literal.len() != window.len() {
        return Outcome::Match;
    }
    let is_single = !content.is_relative()
        && !content.is_bound
        && content.offset == Bound::None
        && content.depth == Bound::None;
    if is_single {
        Outcome::GiveUp
    } else {
        Outcome::Fail
    }
}

/// Whether the limits end before the part of the body at hand begins: then not even a negated
/// content matches.
fn is_beyond_part(content: &Content, data: &[u8], cx: &Inspection) -> bool {
    let skipped = i64::try_from(cx.offset).unwrap_or(i64::MAX);
    if skipped == 0 {
        return false;
    }
    if !content.is_relative() {
        return cx
            .value(content.depth)
            .is_some_and(|depth| depth > 0 && depth <= skipped);
    }
    let Some(within) = cx.value(content.within).filter(|_| cx.cursor == 0) else {
        return false;
    };
    let distance = cx.value(content.distance).unwrap_or(0);
    within
        .saturating_add(distance)
        .min(i64::try_from(data.len()).unwrap_or(i64::MAX))
        <= skipped
}

/// Looks for `pcre` once, from `from` on or from where it may begin. Beside the outcome, gives
/// where to look for the next occurrence.
fn search(
    pcre: &Pcre,
    from: Option<usize>,
    data: &[u8],
    cx: &mut Inspection,
) -> (Outcome, Option<usize>) {
    let base = if pcre.is_relative { cx.cursor } else { 0 };
    let Some(subject) = data.get(base..) else {
        return (Outcome::Fail, None);
    };
    let start = from.unwrap_or(base).saturating_sub(base);
    let (found, groups) = if pcre.captures.is_empty() || pcre.is_negated {
        (pcre.expression.search(subject, start), None)
    } else {
        pcre.expression.captures(subject, start)
    };
    match found {
        Search::NotFound => (holds(pcre.is_negated), None),
        Search::Failed => (Outcome::Fail, None),
        Search::Found(..) if pcre.is_negated => (Outcome::Fail, None),
        Search::Found(start, end) => {
            if let Some(groups) = groups {
                for (group, (scope, name)) in pcre.captures.iter().enumerate() {
                    let span = groups.get(group + 1);
                    if let Some(value) = span.and_then(|(from, to)| subject.get(from..to)) {
                        cx.captures.push(Capture {
                            scope: *scope,
                            name: name.clone(),
                            value: value.to_vec(),
                        });
                    }
                }
            }
            cx.cursor = base + end;
            cx.record("pcre", pcre.option, base + start..base + end);
            (Outcome::Match, Some(base + start + 1))
        }
    }
}

fn is_data_at(
    at: Bound,
    is_relative: bool,
    is_negated: bool,
    data: &[u8],
    cx: &Inspection,
) -> Outcome {
    let place = match at {
        Bound::None => 0,
        Bound::Number(number) => u64::try_from(number).unwrap_or(0),
        Bound::Variable(index) => cx
            .variables
            .get(usize::from(index))
            .copied()
            .unwrap_or(u64::MAX),
    };
    if is_variable(at) && place >= PLACE_MAX {
        return holds(is_negated);
    }
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    let is_there = if is_relative {
        cx.cursor.saturating_add(place) <= data.len()
    } else {
        place < data.len()
    };
    if is_there != is_negated {
        Outcome::Match
    } else if is_variable(at) || (is_relative && is_there) {
        Outcome::Fail
    } else {
        Outcome::GiveUp
    }
}

fn bsize(compare: &Compare, data: &[u8], cx: &Inspection) -> Outcome {
    let size = cx.offset.saturating_add(data.len() as u64);
    // Nothing in a buffer changes its size, so no other occurrence of anything can help.
    or_give_up(compare.holds(size))
}

fn entropy_holds(entropy: &Entropy, data: &[u8], cx: &mut Inspection) -> Outcome {
    let Some(rest) = data.get(entropy.offset as usize..) else {
        return Outcome::Fail;
    };
    let part = match entropy.bytes as usize {
        0 => rest,
        bytes => match rest.get(..bytes) {
            Some(part) => part,
            None => return Outcome::Fail,
        },
    };
    let value = shannon(part);
    match cx.entropies.iter_mut().find(|(of, _)| *of == entropy.of) {
        Some(known) => known.1 = value,
        None => cx.entropies.push((entropy.of, value)),
    }
    holds(match entropy.compare {
        FloatCompare::Equal(to) => (value - to).abs() < f64::EPSILON,
        FloatCompare::NotEqual(to) => (value - to).abs() >= f64::EPSILON,
        FloatCompare::Less(to) => value < to,
        FloatCompare::LessOrEqual(to) => value <= to,
        FloatCompare::Greater(to) => value > to,
        FloatCompare::GreaterOrEqual(to) => value >= to,
        FloatCompare::Between(low, high) => low < value && value < high,
        FloatCompare::Outside(low, high) => value <= low || value >= high,
    })
}

/// Shannon's entropy in bits a byte, 0 to 8.
fn shannon(data: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in data {
        counts[usize::from(*byte)] += 1;
    }
    let total = data.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / total;
            -share * share.log2()
        })
        .sum()
}
