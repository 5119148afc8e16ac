//! What a file is, told from its first bytes in the words of `file(1)`.
//!
//! Rules look for pieces of these words (`PDF document`, `executable`, `Composite Document File`),
//! so the common types say exactly what libmagic 5.44 says as far as the first bytes tell; rarer
//! ones are named without their details.

mod archive;
mod executable;
mod image;
mod text;

/// Bytes looked at. Portable executables keep their header within the first KiB; more would only
/// refine the wording.
pub const HEAD: usize = 4096;

/// Bytes that must be there before an unfinished file is described, as Suricata waits for.
pub const MIN_SIZE: u64 = 512;

/// Describes a file by its first bytes.
#[must_use]
pub fn describe(head: &[u8]) -> String {
    match head.len() {
        0 => return "empty".to_owned(),
        1 => return "very short file (no magic)".to_owned(),
        _ => {}
    }
    executable::describe(head)
        .or_else(|| archive::describe(head))
        .or_else(|| image::describe(head))
        .or_else(|| document(head))
        .unwrap_or_else(|| text::describe(head))
}

/// Most bytes of a file that its description repeats, as in file(1): else a name of 4 KiB would
/// stand in every record.
const REPEATED_MAX: usize = 128;

/// Bytes of a file in its description: what is not printable in octal, as file(1) writes it.
fn printable(bytes: &[u8]) -> String {
    let bytes = bytes.get(..REPEATED_MAX).unwrap_or(bytes);
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b' '..=b'~' => out.push(char::from(*byte)),
            other => out.push_str(&format!("\\{other:03o}")),
        }
    }
    out
}

/// Documents and data that one fixed string tells.
fn document(head: &[u8]) -> Option<String> {
    const FIXED: &[(&[u8], &str)] = &[
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "Composite Document File V2 Document",
        ),
        (b"ITSF\x03\0\0\0\x60\0\0\0", "MS Windows HtmlHelp Data"),
        (
            b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F",
            "MS Windows shortcut",
        ),
        (b"SQLite format 3\0", "SQLite 3.x database"),
        (b"wOFF", "Web Open Font Format"),
        (b"wOF2", "Web Open Font Format (Version 2)"),
        (b"OggS", "Ogg data"),
        (b"fLaC", "FLAC audio bitstream data"),
        (b"\x1aE\xdf\xa3", "Matroska data"),
        (
            b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c",
            "Microsoft ASF",
        ),
        (
            b"\0asm\x01\0\0\0",
            "WebAssembly (wasm) binary module version 0x1 (MVP)",
        ),
        (
            b"!<arch>\ndebian-binary",
            "Debian binary package (format 2.0)",
        ),
        (b"!<arch>\n", "current ar archive"),
        (b"\xed\xab\xee\xdb", "RPM v3.0"),
        (b"dex\n035\0", "Dalvik dex file version 035"),
        (b"-----BEGIN CERTIFICATE-----", "PEM certificate"),
        (b"-----BEGIN RSA PRIVATE KEY-----", "PEM RSA private key"),
        (
            b"-----BEGIN OPENSSH PRIVATE KEY-----",
            "OpenSSH private key",
        ),
    ];
    if let Some(after) = head.strip_prefix(b"%PDF-") {
        return Some(match after {
            [major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9', ..] => {
                format!(
                    "PDF document, version {}.{}",
                    char::from(*major),
                    char::from(*minor)
                )
            }
            _ => "PDF document".to_owned(),
        });
    }
    if let Some(after) = head.strip_prefix(b"{\\rtf") {
        let version = after
            .first()
            .filter(|b| b.is_ascii_digit())
            .map_or('1', |b| char::from(*b));
        let charset = if after.get(1..6) == Some(b"\\ansi") {
            ", ANSI"
        } else {
            ""
        };
        return Some(format!("Rich Text Format data, version {version}{charset}"));
    }
    if let Some(after) = head
        .strip_prefix(b"FWS")
        .or_else(|| head.strip_prefix(b"CWS"))
    {
        let packed = if head.starts_with(b"C") {
            " (compressed)"
        } else {
            ""
        };
        return Some(format!(
            "Macromedia Flash data{packed}, version {}",
            after.first()?
        ));
    }
    if let Some(after) = head.strip_prefix(b"ZWS") {
        return Some(format!(
            "Macromedia Flash data (lzma compressed), version {}",
            after.first()?
        ));
    }
    if let Some(after) = head.strip_prefix(b"ID3") {
        let (minor, revision) = (after.first()?, after.get(1)?);
        return Some(format!("Audio file with ID3 version 2.{minor}.{revision}"));
    }
    if head.get(4..8) == Some(b"ftyp") {
        let brand = match head.get(8..12)? {
            b"isom" => ", MP4 Base Media v1 [ISO 14496-12:2003]",
            b"mp42" => ", MP4 v2 [ISO 14496-14]",
            b"M4A " => ", Apple iTunes ALAC/AAC-LC (.M4A) Audio",
            b"qt  " => ", Apple QuickTime movie, Apple QuickTime (.MOV/QT)",
            _ => "",
        };
        return Some(format!("ISO Media{brand}"));
    }
    FIXED
        .iter()
        .find(|(start, _)| head.starts_with(start))
        .map(|(_, words)| (*words).to_owned())
}

fn u16_le(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*data.get(at..)?.first_chunk()?))
}

fn u16_be(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*data.get(at..)?.first_chunk()?))
}

fn u32_le(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*data.get(at..)?.first_chunk()?))
}

fn u32_be(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*data.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::describe;

    fn check(head: &[u8], expected: &str) {
        assert_eq!(describe(head), expected);
    }

    /// A portable executable with its header at byte 64.
    fn portable(machine: u16, flags: u16, magic: u16, subsystem: u16) -> Vec<u8> {
        let mut file = vec![0u8; 512];
        file[..2].copy_from_slice(b"MZ");
        file[0x18] = 0x40;
        file[0x3c] = 64;
        file[64..68].copy_from_slice(b"PE\0\0");
        file[68..70].copy_from_slice(&machine.to_le_bytes());
        file[70] = 3;
        file[86..88].copy_from_slice(&flags.to_le_bytes());
        file[88..90].copy_from_slice(&magic.to_le_bytes());
        file[88 + 68..88 + 70].copy_from_slice(&subsystem.to_le_bytes());
        file
    }

    #[test]
    fn names_executables() {
        check(
            &portable(0x14c, 2, 0x10b, 2),
            "PE32 executable (GUI) Intel 80386, for MS Windows, 3 sections",
        );
        check(
            &portable(0x8664, 0x2002, 0x20b, 3),
            "PE32+ executable (DLL) (console) x86-64, for MS Windows, 3 sections",
        );
        check(b"MZ\0\0\0\0", "MS-DOS executable, MZ for MS-DOS");
        check(
            b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0",
            "ELF 64-bit LSB executable, x86-64, version 1 (SYSV)",
        );
        check(
            b"\xca\xfe\xba\xbe\0\0\0\x34",
            "compiled Java class data, version 52.0 (Java 1.8)",
        );
    }

    #[test]
    fn names_archives() {
        check(
            b"PK\x03\x04\x14\0\0\0\x08\0abcdefghijklmnopqrstuvwx",
            "Zip archive data, at least v2.0 to extract, compression method=deflate",
        );
        check(
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03ab",
            "gzip compressed data, from Unix",
        );
        check(b"Rar!\x1a\x07\x01\0abc", "RAR archive data, v5");
        check(
            b"7z\xbc\xaf\x27\x1c\0\x04abc",
            "7-zip archive data, version 0.4",
        );
        check(b"BZh91AY&SY", "bzip2 compressed data, block size = 900k");
    }

    #[test]
    fn names_images() {
        check(
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0",
            "PNG image data, 1 x 1, 8-bit/color RGBA, non-interlaced",
        );
        check(
            b"GIF89a\x01\0\x02\0\x80",
            "GIF image data, version 89a, 1 x 2",
        );
        check(
            b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\x01\0\x48\0\x48\0\0",
            "JPEG image data, JFIF standard 1.01, resolution (DPI), density 72x72, segment length 16",
        );
    }

    #[test]
    fn names_documents() {
        check(b"%PDF-1.6\n%abc", "PDF document, version 1.6");
        check(
            b"CWS\x09abcd",
            "Macromedia Flash data (compressed), version 9",
        );
        check(
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest",
            "Composite Document File V2 Document",
        );
    }

    #[test]
    fn names_texts() {
        check(b"x", "very short file (no magic)");
        check(b"hello\n", "ASCII text");
        check(b"hello", "ASCII text, with no line terminators");
        check(b"a\r\nb\r\n", "ASCII text, with CRLF line terminators");
        check("h\u{e9}\n".as_bytes(), "Unicode text, UTF-8 text");
        check(b"h\xe9\n", "ISO-8859 text");
        check(b"<html><body>\n", "HTML document, ASCII text");
        check(
            b"<?xml version=\"1.0\"?>\n<a/>\n",
            "XML 1.0 document, ASCII text",
        );
        check(
            b"#!/bin/sh\necho\n",
            "POSIX shell script, ASCII text executable",
        );
        check(b"\0\x01\x02\x03", "data");
    }
}
