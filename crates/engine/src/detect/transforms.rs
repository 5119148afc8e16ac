//! Changes of a buffer's bytes before rules look into it.

use super::program::{Refusal, Resources};
use rules::rule::{Base64Mode, Transform};

/// Two buffers that transforms write to in turn, used again for every buffer.
#[derive(Debug, Default)]
pub struct Scratch {
    front: Vec<u8>,
    back: Vec<u8>,
}

/// Tells whether the engine can do all of `transforms`.
pub(crate) fn validate(transforms: &[Transform], _resources: &Resources) -> Result<(), Refusal> {
    for transform in transforms {
        if let Transform::Pcre(_) | Transform::Decompress { .. } = transform {
            return Err(Refusal {
                reason: format!("the transform {transform:?} is not supported"),
            });
        }
    }
    Ok(())
}

/// Applies `transforms` to `data` in order; None where one of them cannot be done to these bytes.
pub fn apply<'a>(
    transforms: &[Transform],
    data: &'a [u8],
    scratch: &'a mut Scratch,
) -> Option<&'a [u8]> {
    let Scratch { front, back } = scratch;
    front.clear();
    front.extend_from_slice(data);
    for transform in transforms {
        back.clear();
        one(transform, front, back)?;
        std::mem::swap(front, back);
    }
    Some(front)
}

fn one(transform: &Transform, data: &[u8], out: &mut Vec<u8>) -> Option<()> {
    match transform {
        Transform::ToLowercase => out.extend(data.iter().map(u8::to_ascii_lowercase)),
        Transform::ToUppercase => out.extend(data.iter().map(u8::to_ascii_uppercase)),
        Transform::FromBase64 { mode, .. } => base64(data, *mode, out),
        _ => out.extend_from_slice(data),
    }
    Some(())
}

/// Decodes base64 up to the first byte that is none.
pub(crate) fn base64(data: &[u8], _mode: Base64Mode, out: &mut Vec<u8>) {
    let (mut word, mut bits) = (0u32, 0);
    for byte in data {
        let sextet = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return,
        };
        word = word << 6 | u32::from(sextet);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((word >> bits) as u8);
        }
    }
}
