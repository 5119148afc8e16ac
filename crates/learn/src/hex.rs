//! Bytes as text.

use std::fmt::Write as _;

/// Two digits of base 16 for each byte.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // A text takes all that is written.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
