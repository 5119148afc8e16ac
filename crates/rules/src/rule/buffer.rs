//! Which buffer a stretch of a rule looks into, and what is done to its bytes first.

use super::payload::PayloadMatch;
use event::{Buffer, Direction};

/// What a stretch of a rule looks for in one buffer.
#[derive(Clone, Debug, PartialEq)]
pub struct BufferMatch {
    /// Which buffer; [`Buffer::Payload`] for packet and stream.
    pub buffer: Buffer,
    /// What is done to the bytes first, in order.
    pub transforms: Vec<Transform>,
    /// Direction for `=>` rules, where written.
    pub direction: Option<Direction>,
    /// Whether this entry was begun afresh although the buffer was in use before (multi-instance
    /// buffers: each entry must match within one instance).
    pub is_multi: bool,
    /// What must be found, in order; relative matches follow the one before.
    pub matches: Vec<PayloadMatch>,
    /// Which option of the rule each of `matches` was written as, counted from 0; see
    /// [`crate::lexer::options`].
    pub options: Vec<u16>,
}

/// A change of a buffer's bytes before looking.
#[derive(Clone, Debug, PartialEq)]
pub enum Transform {
    /// `to_md5`.
    ToMd5,
    /// `to_sha1`.
    ToSha1,
    /// `to_sha256`.
    ToSha256,
    /// `to_lowercase`.
    ToLowercase,
    /// `to_uppercase`.
    ToUppercase,
    /// `strip_whitespace`.
    StripWhitespace,
    /// `compress_whitespace`.
    CompressWhitespace,
    /// `url_decode`.
    UrlDecode,
    /// `dotprefix`.
    DotPrefix,
    /// `domain`.
    Domain,
    /// `tld`.
    Tld,
    /// `header_lowercase`.
    HeaderLowercase,
    /// `strip_pseudo_headers`.
    StripPseudoHeaders,
    /// `xor`.
    Xor(Vec<u8>),
    /// `pcrexform`: the first capture.
    Pcre(String),
    /// `from_base64`.
    FromBase64 {
        /// Most bytes to decode; 0 for all.
        bytes: u32,
        /// First byte.
        offset: u32,
        /// How odd bytes are taken.
        mode: Base64Mode,
    },
    /// `gunzip` and `zlib_deflate` with the most bytes to make.
    Decompress {
        /// gzip where true, zlib where false.
        is_gzip: bool,
        /// Most bytes made.
        max: u32,
    },
}

/// How base64 with odd bytes is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base64Mode {
    /// RFC 4648: stops at the first odd byte.
    Rfc4648,
    /// RFC 2045: skips odd bytes.
    Rfc2045,
    /// All or nothing.
    Strict,
}
