//! JSON Web Signatures in their compact form (RFC 7515): three parts, taken apart with limits.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Bytes of a token; ours have some hundreds, those of providers with many groups some thousands.
pub(super) const MOST: usize = 16 << 10;

/// A token taken apart; nothing of it is verified.
pub(super) struct Parts<'t> {
    /// The header as it came, still encoded.
    pub header: &'t str,
    /// What was signed: header, dot and payload, still encoded.
    pub signed: &'t str,
    /// The payload.
    pub payload: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Takes a token apart. None where it is no token.
pub(super) fn parts(token: &str) -> Option<Parts<'_>> {
    if token.len() > MOST {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    if header.is_empty() || payload.contains('.') {
        return None;
    }
    Some(Parts {
        header,
        signed,
        payload: decode(payload)?,
        signature: decode(signature)?,
    })
}

/// Base64 for addresses, without padding, in its one canonical form.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_parts_are_a_token() {
        let check = |token: &str, expected: bool| {
            assert_eq!(parts(token).is_some(), expected, "{token}");
        };
        check("e30.e30.AAAA", true);
        check("e30.e30.", true);
        check("e30.e30", false);
        check(".e30.AAAA", false);
        check("e30.e30.e30.AAAA", false);
        check("e30.e3!.AAAA", false);
        check("e30.e30.AAA=", false);
        check("", false);
        check(&format!("e30.{}.AAAA", "A".repeat(MOST)), false);
    }
}
