//! Archives and compressed data.

use super::{printable, u16_le, u32_le};
use event::time::civil;

pub(super) fn describe(head: &[u8]) -> Option<String> {
    if head.starts_with(b"PK\x03\x04") {
        return Some(zip(head));
    }
    if head.starts_with(b"PK\x05\x06") {
        return Some("Zip archive data (empty)".to_owned());
    }
    if head.starts_with(b"\x1f\x8b") {
        return Some(gzip(head));
    }
    if let Some(after) = head.strip_prefix(b"BZh") {
        let size = after.first().filter(|b| b.is_ascii_digit())?;
        return Some(format!(
            "bzip2 compressed data, block size = {}00k",
            char::from(*size)
        ));
    }
    if let Some(after) = head.strip_prefix(b"Rar!\x1a\x07") {
        return Some(match after {
            [1, 0, ..] => "RAR archive data, v5".to_owned(),
            [0, ..] => "RAR archive data, v4".to_owned(),
            _ => "RAR archive data".to_owned(),
        });
    }
    if let Some(after) = head.strip_prefix(b"7z\xbc\xaf\x27\x1c") {
        let (major, minor) = (after.first()?, after.get(1)?);
        return Some(format!("7-zip archive data, version {major}.{minor}"));
    }
    if head.starts_with(b"\xfd7zXZ\0") {
        let checksum = match head.get(7)? {
            0 => ", checksum NONE",
            1 => ", checksum CRC32",
            4 => ", checksum CRC64",
            10 => ", checksum SHA-256",
            _ => "",
        };
        return Some(format!("XZ compressed data{checksum}"));
    }
    if head.starts_with(b"\x28\xb5\x2f\xfd") {
        return Some("Zstandard compressed data (v0.8+)".to_owned());
    }
    if head.starts_with(b"\x04\x22\x4d\x18") {
        return Some("LZ4 compressed data (v1.4+)".to_owned());
    }
    if head.starts_with(b"MSCF\0\0\0\0") {
        return Some("Microsoft Cabinet archive data".to_owned());
    }
    if head.starts_with(b"\x60\xea") {
        return Some("ARJ archive data".to_owned());
    }
    match head.get(257..265)? {
        b"ustar  \0" => Some("POSIX tar archive (GNU)".to_owned()),
        [b'u', b's', b't', b'a', b'r', 0, ..] => Some("POSIX tar archive".to_owned()),
        _ => None,
    }
}

/// A ZIP archive, or the document that its first members tell (APPNOTE.TXT section 4.3.7).
fn zip(head: &[u8]) -> String {
    if let Some(kind) = zipped_document(head) {
        return kind.to_owned();
    }
    let version = u16_le(head, 4).unwrap_or(0) & 0xff;
    let method = match u16_le(head, 8) {
        Some(0) => "store",
        Some(1) => "shrink",
        Some(6) => "implode",
        Some(8) => "deflate",
        Some(9) => "deflate64",
        Some(12) => "bzip2",
        Some(14) => "lzma",
        _ => "unknown",
    };
    let (major, minor) = (version / 10, version % 10);
    format!("Zip archive data, at least v{major}.{minor} to extract, compression method={method}")
}

fn zipped_document(head: &[u8]) -> Option<&'static str> {
    let (name, after) = member(head)?;
    if name == b"mimetype" {
        const KINDS: &[(&[u8], &str)] = &[
            (
                b"application/vnd.oasis.opendocument.text",
                "OpenDocument Text",
            ),
            (
                b"application/vnd.oasis.opendocument.spreadsheet",
                "OpenDocument Spreadsheet",
            ),
            (
                b"application/vnd.oasis.opendocument.presentation",
                "OpenDocument Presentation",
            ),
            (b"application/epub+zip", "EPUB document"),
        ];
        return KINDS
            .iter()
            .find(|(kind, _)| after.starts_with(kind))
            .map(|(_, words)| *words);
    }
    // The first extra field of a JAR's first member is 0xcafe.
    if u16_le(head, 28)? >= 4 && u16_le(head, 30 + name.len()) == Some(0xcafe) {
        return Some("Java archive data (JAR)");
    }
    let office = |name: &[u8]| {
        [
            (&b"word/"[..], "Microsoft Word 2007+"),
            (b"xl/", "Microsoft Excel 2007+"),
            (b"ppt/", "Microsoft PowerPoint 2007+"),
            (b"visio/", "Microsoft Visio 2013+"),
        ]
        .into_iter()
        .find(|(folder, _)| name.starts_with(folder))
        .map(|(_, words)| words)
    };
    if let Some(words) = office(name) {
        return Some(words);
    }
    if !(name == b"[Content_Types].xml" || name == b"_rels/.rels" || name.starts_with(b"docProps"))
    {
        return None;
    }
    for at in memchr::memmem::find_iter(after, b"PK\x03\x04") {
        if let Some(words) = after
            .get(at..)
            .and_then(member)
            .and_then(|(name, _)| office(name))
        {
            return Some(words);
        }
    }
    Some("Microsoft OOXML")
}

/// Name of the member whose local header begins `data`, and what follows the header.
fn member(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, extra) = (
        usize::from(u16_le(data, 26)?),
        usize::from(u16_le(data, 28)?),
    );
    Some((
        data.get(30..30 + name)?,
        data.get(30 + name + extra..).unwrap_or_default(),
    ))
}

/// RFC 1952 section 2.3.
fn gzip(head: &[u8]) -> String {
    let flags = head.get(3).copied().unwrap_or(0);
    let mut words = "gzip compressed data".to_owned();
    if flags & 0x01 != 0 {
        words.push_str(", ASCII");
    }
    if flags & 0x08 != 0 && flags & 0x04 == 0 {
        let name = head
            .get(10..)
            .unwrap_or_default()
            .split(|b| *b == 0)
            .next()
            .unwrap_or_default();
        words.push_str(&format!(", was \"{}\"", printable(name)));
    }
    if let Some(time) = u32_le(head, 4).filter(|time| *time != 0) {
        words.push_str(&format!(", last modified: {}", date(i64::from(time))));
    }
    match head.get(8) {
        Some(2) => words.push_str(", max compression"),
        Some(4) => words.push_str(", max speed"),
        _ => {}
    }
    words.push_str(match head.get(9) {
        Some(0) => ", from FAT filesystem (MS-DOS, OS/2, NT)",
        Some(3) => ", from Unix",
        Some(10) => ", from NTFS filesystem (NT)",
        Some(11) => ", from NTFS filesystem (NT)",
        _ => "",
    });
    words
}

/// `Thu Jan  1 00:00:00 1970`, as `asctime(3)` writes it.
fn date(secs: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let days = secs.div_euclid(86_400);
    let (year, month, day) = civil(days);
    let of_day = secs.rem_euclid(86_400);
    let name = DAYS.get(days.rem_euclid(7) as usize).unwrap_or(&"");
    let month = MONTHS.get(month as usize - 1).unwrap_or(&"");
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{name} {month} {day:2} {hour:02}:{minute:02}:{second:02} {year}")
}
