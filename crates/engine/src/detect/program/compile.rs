//! From the matches of a rule to steps.

use super::{Bound, Content, Entropy, Pcre, Program, Refusal, Resources, Step};
use crate::detect::content::Literal;
use crate::detect::pcre::Expression;
use crate::detect::transforms::Transforms;
use event::Buffer;
use rules::rule::{self, BufferMatch, PayloadMatch, Value};
use std::iter;
use std::sync::Arc;

/// Bytes that `base64_decode` takes where the rule does not say (Suricata's limit).
const BASE64_MAX: u32 = 65_535;
/// Steps of one program. The walk is as deep as a program is long, so this bounds the stack; a rule
/// of Suricata's greatest length holds fewer.
const LENGTH_MAX: usize = 1024;

/// What a relative step found before it.
enum Anchor {
    Content(usize),
    Pcre(usize),
    /// A `byte_` step: it is not tried again.
    Fixed,
}

impl Program {
    /// Compiles what a rule looks for in one buffer. `base64` is the rule's `base64_data` entry,
    /// needed where `buffer` holds a `base64_decode`; that entry itself is not compiled alone.
    pub fn compile(
        buffer: &BufferMatch,
        base64: Option<&BufferMatch>,
        resources: &Resources,
    ) -> Result<Program, Refusal> {
        if buffer.matches.len() > LENGTH_MAX {
            return Err(Refusal {
                reason: format!("more than {LENGTH_MAX} matches in one buffer"),
            });
        }
        let transforms = Transforms::compile(&buffer.transforms, resources)?;
        let mut steps = Vec::with_capacity(buffer.matches.len());
        let options = buffer.options.iter().copied().chain(iter::repeat(u16::MAX));
        for (found, option) in buffer.matches.iter().zip(options) {
            if mark_anchor(found, buffer.buffer, &mut steps) {
                steps.push(step(found, option, buffer.buffer, resources)?);
            }
        }
        let has_decode = steps
            .iter()
            .any(|step| matches!(step, Step::Base64Decode { .. }));
        let base64 = match base64 {
            Some(inner) if has_decode => Some(Box::new(Program::compile(inner, None, resources)?)),
            _ => None,
        };
        Ok(Program {
            is_absent_ok: steps.iter().any(|step| matches!(step, Step::Absent { .. })),
            steps: steps.into(),
            transforms,
            base64,
        })
    }

    /// Whether it also matches where the transaction has no such buffer (`absent`).
    #[must_use]
    pub fn matches_absent(&self) -> bool {
        self.is_absent_ok
    }

    /// Changes of the bytes before looking, in order.
    #[must_use]
    pub fn transforms(&self) -> &Transforms {
        &self.transforms
    }
}

/// Tells the content or expression before `found` that `found` is bound to it. False where `found`
/// is no step of its own (`isdataat:!1,relative` after a content means `endswith`).
fn mark_anchor(found: &PayloadMatch, buffer: Buffer, steps: &mut [Step]) -> bool {
    let is_content = matches!(found, PayloadMatch::Content(_) | PayloadMatch::Pcre(_));
    let (is_relative, only_distance) = match found {
        PayloadMatch::Content(content) => (
            content.distance.is_some() || content.within.is_some(),
            // Where nothing may follow, a later occurrence has less behind it.
            content.within.is_none() && !content.is_negated,
        ),
        PayloadMatch::Pcre(pcre) => (pcre.is_relative, false),
        PayloadMatch::ByteTest(test) => (test.is_relative, false),
        PayloadMatch::ByteJump(jump) => (jump.is_relative, false),
        PayloadMatch::ByteExtract(extract) => (extract.is_relative, false),
        PayloadMatch::ByteMath(math) => (math.is_relative, false),
        PayloadMatch::IsDataAt { is_relative, .. } => (*is_relative, false),
        _ => (false, false),
    };
    if !is_relative {
        return true;
    }
    // In the payload, `byte_` steps are anchors too, except for contents and expressions.
    let skips_fixed = is_content || buffer != Buffer::Payload;
    let anchor = steps
        .iter()
        .enumerate()
        .rev()
        .find_map(|(place, step)| match step {
            Step::Content(_) => Some(Anchor::Content(place)),
            Step::Pcre(_) => Some(Anchor::Pcre(place)),
            Step::ByteTest(..)
            | Step::ByteJump(..)
            | Step::ByteExtract(..)
            | Step::ByteMath(..)
            | Step::IsDataAt { .. } => (!skips_fixed).then_some(Anchor::Fixed),
            _ => None,
        });
    match anchor {
        Some(Anchor::Content(place)) => {
            if let Some(Step::Content(content)) = steps.get_mut(place) {
                if is_at_end(found) {
                    content.is_at_end = true;
                    return false;
                }
                // Behind an earlier occurrence lies all that lies behind a later one, so a mere
                // distance gives no reason to look further.
                content.is_retried |= !only_distance;
                content.is_bound = true;
            }
        }
        Some(Anchor::Pcre(place)) => {
            if let Some(Step::Pcre(pcre)) = steps.get_mut(place) {
                pcre.is_retried = true;
            }
        }
        Some(Anchor::Fixed) | None => {}
    }
    true
}

fn is_at_end(found: &PayloadMatch) -> bool {
    matches!(
        found,
        PayloadMatch::IsDataAt {
            at: Value::Number(1),
            is_relative: true,
            is_negated: true
        }
    )
}

fn step(
    found: &PayloadMatch,
    option: u16,
    buffer: Buffer,
    resources: &Resources,
) -> Result<Step, Refusal> {
    Ok(match found {
        PayloadMatch::Content(content) => Step::Content(content_step(content, option)?),
        PayloadMatch::Pcre(pcre) => Step::Pcre(Box::new(pcre_step(pcre, option, resources)?)),
        PayloadMatch::ByteTest(test) => Step::ByteTest(Box::new(test.clone()), option),
        PayloadMatch::ByteJump(jump) => Step::ByteJump(Box::new(jump.clone()), option),
        PayloadMatch::ByteExtract(extract) => Step::ByteExtract(Box::new(extract.clone()), option),
        PayloadMatch::ByteMath(math) => Step::ByteMath(Box::new(math.clone()), option),
        PayloadMatch::IsDataAt {
            at,
            is_relative,
            is_negated,
        } => Step::IsDataAt {
            at: bound(Some(at)),
            is_relative: *is_relative,
            is_negated: *is_negated,
            option,
        },
        PayloadMatch::Bsize(compare) => Step::Bsize(Box::new(*compare)),
        PayloadMatch::Base64Decode {
            bytes,
            offset,
            is_relative,
        } => Step::Base64Decode {
            bytes: bytes.filter(|bytes| *bytes > 0).unwrap_or(BASE64_MAX),
            offset: *offset,
            is_relative: *is_relative,
        },
        PayloadMatch::Dataset(dataset) => {
            Step::Dataset(Box::new(resources.datasets.open(dataset, None)?), option)
        }
        PayloadMatch::Datarep { set, compare } => {
            let reputation = resources.datasets.open(set, Some(*compare))?;
            Step::Dataset(Box::new(reputation), option)
        }
        PayloadMatch::Absent { or_else } => Step::Absent { or_else: *or_else },
        PayloadMatch::Entropy {
            bytes,
            offset,
            compare,
        } => Step::Entropy(Box::new(Entropy {
            bytes: *bytes,
            offset: *offset,
            compare: *compare,
            of: buffer,
        })),
    })
}

fn content_step(content: &rule::Content, option: u16) -> Result<Content, Refusal> {
    if content.bytes.is_empty() {
        return Err(Refusal {
            reason: "empty content".into(),
        });
    }
    let offset = bound(content.offset.as_ref());
    let depth = match (bound(content.depth.as_ref()), offset) {
        (Bound::Number(depth), Bound::Number(offset)) => {
            Bound::Number(depth.saturating_add(offset))
        }
        (Bound::None, _) if content.is_at_start => {
            Bound::Number(i32::try_from(content.bytes.len()).unwrap_or(i32::MAX))
        }
        (depth, _) => depth,
    };
    Ok(Content {
        literal: Literal::new(&content.bytes, content.is_nocase),
        offset,
        depth,
        distance: bound(content.distance.as_ref()),
        within: bound(content.within.as_ref()),
        is_negated: content.is_negated,
        is_at_end: content.is_at_end,
        is_retried: false,
        is_bound: false,
        option,
    })
}

fn pcre_step(pcre: &rule::Pcre, option: u16, resources: &Resources) -> Result<Pcre, Refusal> {
    let expression = Expression::new(
        &pcre.pattern,
        &pcre.options,
        resources.pcre,
        resources.is_known,
    )
    .map_err(|error| Refusal {
        reason: format!("pcre: {error}"),
    })?;
    let captures = pcre
        .captures
        .iter()
        .map(|(scope, name)| (*scope, Arc::from(name.as_str())))
        .collect();
    Ok(Pcre {
        expression,
        is_relative: pcre.is_relative,
        is_negated: pcre.is_negated,
        is_retried: false,
        option,
        captures,
    })
}

fn bound(value: Option<&Value>) -> Bound {
    match value {
        None => Bound::None,
        Some(Value::Number(number)) => {
            Bound::Number((*number).clamp(i32::MIN.into(), i32::MAX.into()) as i32)
        }
        Some(Value::Variable(index)) => Bound::Variable(*index),
    }
}
