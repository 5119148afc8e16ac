//! How the strings of a column end: what a search for `*.exe` asks before it reads a million of them.
//!
//! Strings are kept in order, so what begins a pattern is found at once, but what ends it is found by reading all. For
//! each large column of a sealed slice, the last bytes of its strings stand beside the index.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tantivy::SegmentReader;

use crate::Error;
use crate::query::glob::Matcher;
use crate::query::lower;

/// The file in the folder of a slice.
pub const FILE: &str = "endings.json";
/// Bytes of an ending: an extension with its dot.
const LEN: usize = 4;
/// Columns of fewer strings are read as fast.
const MIN_STRINGS: usize = 1000;
/// Endings of one column; beyond so many, asking them seldom spares anything.
const MAX_ENDINGS: usize = 1 << 16;

/// The endings of one column's strings, in lower case, each as a number.
#[derive(Debug, Serialize, Deserialize)]
pub struct Endings(BTreeSet<u32>);

impl Endings {
    /// Whether a string of the column may be of a pattern.
    #[must_use]
    pub fn may_hold(&self, pattern: &Matcher) -> bool {
        // Shorter ends of a pattern say nothing of an ending's first bytes.
        ending(pattern.end()).is_none_or(|ending| self.0.contains(&ending))
    }
}

/// The last bytes in lower case as a number; none where there are fewer.
fn ending(text: &[u8]) -> Option<u32> {
    let last: &[u8; LEN] = text.last_chunk()?;
    Some(u32::from_be_bytes(
        last.map(|byte| byte.to_ascii_lowercase()),
    ))
}

/// The same for a string of any letters.
fn ending_of(text: &[u8]) -> Option<u32> {
    if text.is_ascii() {
        return ending(text);
    }
    // Some letters beyond ASCII have a small one within.
    let text: String = String::from_utf8_lossy(text).chars().map(lower).collect();
    ending(text.as_bytes())
}

/// The endings of all large columns of a segment, by the name of the column.
fn of(reader: &SegmentReader) -> tantivy::Result<HashMap<String, Endings>> {
    let mut all = HashMap::new();
    for meta in reader.fields_metadata()? {
        let name = meta.field_name;
        let Some(column) = reader.fast_fields().str(&name).ok().flatten() else {
            continue;
        };
        if column.num_terms() < MIN_STRINGS {
            continue;
        }
        let mut endings = BTreeSet::new();
        let mut stream = column.dictionary().stream()?;
        while stream.advance() && endings.len() <= MAX_ENDINGS {
            endings.extend(ending_of(stream.key()));
        }
        if endings.len() <= MAX_ENDINGS {
            all.insert(name, Endings(endings));
        }
    }
    Ok(all)
}

/// Writes the endings of a segment into the folder of its slice.
pub fn write(dir: &Path, reader: &SegmentReader, slice: u64) -> Result<(), Error> {
    let endings = of(reader).map_err(Error::index("seal", slice))?;
    let path = dir.join(FILE);
    let bytes = serde_json::to_vec(&endings).unwrap_or_default();
    let bytes = zstd::bulk::compress(&bytes, 9).map_err(Error::io("compress for", &path))?;
    let file = fs::File::create(&path).map_err(Error::io("make", &path))?;
    std::io::Write::write_all(&mut &file, &bytes).map_err(Error::io("write", &path))?;
    file.sync_all().map_err(Error::io("sync", &path))
}

/// Reads what [`write`] wrote; nothing where it cannot be read: then searches take longer, and find the same.
#[must_use]
pub fn read(dir: &Path) -> HashMap<String, Endings> {
    /// More than the names of ten thousand columns with their endings take.
    const MAX_BYTES: usize = 64 << 20;
    let read = || {
        let bytes = fs::read(dir.join(FILE)).ok()?;
        let mut decoder = zstd::Decoder::new(bytes.as_slice()).ok()?;
        let mut text = Vec::new();
        let mut limited = std::io::Read::take(&mut decoder, MAX_BYTES as u64);
        std::io::Read::read_to_end(&mut limited, &mut text).ok()?;
        serde_json::from_slice(&text).ok()
    };
    read().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_fits_a_pattern_is_never_passed_over(
            strings in prop::collection::vec("[aAbKäÄ.]{0,7}|\u{212a}a\\.k", 0..6),
            pattern in "\\*?[aAbK.]{0,6}",
            ignore_case: bool,
        ) {
            let pattern: String = if ignore_case { pattern.chars().map(lower).collect() } else { pattern };
            let matcher = Matcher::new(&pattern, ignore_case);
            let endings = Endings(strings.iter().filter_map(|text| ending_of(text.as_bytes())).collect());
            let fits = strings.iter().any(|text| matcher.fits(text.as_bytes()));
            prop_assert!(!fits || endings.may_hold(&matcher));
        }
    }
}
