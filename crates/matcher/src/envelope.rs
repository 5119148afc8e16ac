//! What is put around a stored set, so that a damaged file is refused before C sees it.

use crate::Error;

/// First bytes of every stored set; the last one counts changes of the layout.
const MAGIC: [u8; 8] = *b"ratells\x01";

/// Magic, length of the body, number of literals, checksum of the body.
const HEADER_LEN: usize = 32;

/// Puts a header in front of `body`.
pub(crate) fn wrap(count: u32, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_LEN + body.len());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&(body.len() as u64).to_le_bytes());
    out.extend_from_slice(&u64::from(count).to_le_bytes());
    out.extend_from_slice(&checksum(body).to_le_bytes());
    out.extend_from_slice(body);
    out
}

/// The number of literals and the body, if nothing about them was changed.
pub(crate) fn unwrap(stored: &[u8]) -> Result<(u32, &[u8]), Error> {
    let (header, body) = stored
        .split_at_checked(HEADER_LEN)
        .ok_or(Error::Stored("too short"))?;
    let word = |at: usize| -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&header[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    if header[..8] != MAGIC {
        return Err(Error::Stored("not a set of literals"));
    }
    if word(8) != body.len() as u64 {
        return Err(Error::Stored("its length is wrong"));
    }
    if word(24) != checksum(body) {
        return Err(Error::Stored("its checksum is wrong"));
    }
    let count = u32::try_from(word(16)).map_err(|_| Error::Stored("its count is wrong"))?;
    Ok((count, body))
}

/// FNV-1a over words of 8 bytes (<http://www.isthe.com/chongo/tech/comp/fnv/>), with a rotation so
/// that high bits reach low ones. It guards against damage, not against forgery: whoever can write
/// the cache runs as us.
fn checksum(data: &[u8]) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let mut sum: u64 = 0xcbf2_9ce4_8422_2325 ^ data.len() as u64;
    let mut step = |word: u64| sum = (sum ^ word).wrapping_mul(PRIME).rotate_left(29);
    let mut words = data.chunks_exact(8);
    for word in &mut words {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(word);
        step(u64::from_le_bytes(bytes));
    }
    for &byte in words.remainder() {
        step(u64::from(byte));
    }
    sum
}
