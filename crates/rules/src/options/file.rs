//! Keywords about files: names, sizes, hashes, keeping them.

use super::content::negated;
use super::numbers::compare;
use super::{parts, quoted, unquoted};
use crate::builder::Builder;
use crate::rule::{Condition, Effect, FileText};
use event::{AppProtocol, Direction};
use std::sync::Arc;

/// Most hashes of one list: 10 million SHA-256 come to 320 MB.
const MAX_HASHES: usize = 10_000_000;

/// Protocols that carry files.
pub(super) const FILE_PROTOCOLS: &[AppProtocol] = &[
    AppProtocol::Http1,
    AppProtocol::Http2,
    AppProtocol::Smtp,
    AppProtocol::Ftp,
    AppProtocol::FtpData,
    AppProtocol::Smb,
    AppProtocol::Nfs,
];

pub(super) fn text(b: &mut Builder<'_>, of: FileText, value: &str) -> Result<(), String> {
    let (value, is_negated) = negated(value);
    let pattern = super::content::bytes(quoted(value, "file keyword")?)?;
    if pattern.is_empty() {
        return Err("the text is empty".to_owned());
    }
    b.want(FILE_PROTOCOLS, "a file keyword");
    b.condition(Condition::FileText {
        of,
        pattern,
        is_negated,
    })
}

pub(super) fn size(b: &mut Builder<'_>, value: &str) -> Result<(), String> {
    b.want(FILE_PROTOCOLS, "filesize");
    // `=>` rules say in which direction: the buffers there already tell it.
    let text = unquoted(value);
    let text = match text.split_once(',').map(|(side, rest)| (side.trim(), rest)) {
        Some(("to_server" | "to_client", rest)) => rest,
        _ => text,
    };
    let compare = compare(text, u64::MAX)?;
    b.condition(Condition::FileSize(compare))
}

pub(super) fn hash(b: &mut Builder<'_>, kind: &str, value: &str) -> Result<(), String> {
    let (name, is_negated) = negated(value);
    let name = unquoted(name);
    let Some(loader) = &b.context.loader else {
        return Err(format!("the list `{name}` cannot be read here"));
    };
    let text = loader(name).map_err(|why| format!("the list `{name}` could not be read: {why}"))?;
    let width = match kind {
        "md5" => 16,
        "sha1" => 20,
        _ => 32,
    };
    let mut list = Vec::new();
    for (at, line) in text.split(|&b| b == b'\n').enumerate() {
        let line = line.trim_ascii();
        let word = line
            .split(u8::is_ascii_whitespace)
            .next()
            .unwrap_or_default();
        if word.is_empty() || word.starts_with(b"#") {
            continue;
        }
        let hash = digits(word).filter(|hash| hash.len() == width);
        list.push(hash.ok_or_else(|| {
            format!(
                "line {} of `{name}` is no {kind} hash of {} digits",
                at + 1,
                width * 2
            )
        })?);
        if list.len() > MAX_HASHES {
            return Err(format!("`{name}` holds more than {MAX_HASHES} hashes"));
        }
    }
    list.sort_unstable();
    list.dedup();
    b.want(FILE_PROTOCOLS, "a file keyword");
    b.condition(Condition::FileHash {
        kind: kind.to_owned(),
        list: Arc::new(list),
        is_negated,
    })
}

fn digits(word: &[u8]) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16);
    let pair = |pair: &[u8]| match *pair {
        [high, low] => Some((digit(high)? * 16 + digit(low)?) as u8),
        _ => None,
    };
    word.chunks(2).map(pair).collect()
}

pub(super) fn store(b: &mut Builder<'_>, value: Option<&str>) -> Result<(), String> {
    b.want(FILE_PROTOCOLS, "filestore");
    let (mut direction, mut scope) = (None, "file");
    for item in parts(value.unwrap_or_default(), ',') {
        match item {
            "request" | "to_server" => direction = Some(Direction::ToServer),
            "response" | "to_client" => direction = Some(Direction::ToClient),
            "both" => direction = None,
            "file" | "tx" | "flow" | "ssn" => scope = item,
            "ssn+" => scope = "flow",
            "" => {}
            _ => {
                return Err(format!(
                    "`{item}` is no option of filestore; request, response, both and file, tx, flow are"
                ));
            }
        }
    }
    b.effect(Effect::Filestore {
        direction,
        scope: scope.to_owned(),
    })
}
