//! HASSH: the fingerprint of a key exchange, as Salesforce's "HASSH" defines it.

use md5::{Digest, Md5};

/// A fingerprint: the algorithms offered, and the MD5 of that text in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hassh {
    pub(super) text: Vec<u8>,
    pub(super) hash: [u8; 32],
}

/// Name lists of `SSH_MSG_KEXINIT` in their order (RFC 4253 section 7.1).
const KEX: usize = 0;
const CLIENT_LISTS: [usize; 3] = [2, 4, 6];
const SERVER_LISTS: [usize; 3] = [3, 5, 7];
const LISTS: usize = 10;

/// Reads the body of `SSH_MSG_KEXINIT`, after its message code. The client is known by what it
/// offers for its own direction, the server likewise. None where the body is broken.
pub(super) fn read(body: &[u8], is_server: bool) -> Option<Hassh> {
    let (_cookie, mut rest) = body.split_at_checked(16)?;
    let mut lists = [&body[..0]; LISTS];
    for list in &mut lists {
        let (len, after) = rest.split_first_chunk::<4>()?;
        let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
        (*list, rest) = after.split_at_checked(len)?;
    }
    // A flag and a reserved word end the message.
    rest.get(..5)?;
    let mut text = lists.get(KEX)?.to_vec();
    for at in if is_server {
        SERVER_LISTS
    } else {
        CLIENT_LISTS
    } {
        text.push(b';');
        text.extend_from_slice(lists.get(at)?);
    }
    let hash = hex(Md5::digest(&text).into());
    Some(Hassh { text, hash })
}

fn hex(bytes: [u8; 16]) -> [u8; 32] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = [0; 32];
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ]);
    }
    out
}
