//! Pictures and RIFF containers.

use super::{u16_be, u16_le, u32_be, u32_le};

pub(super) fn describe(head: &[u8]) -> Option<String> {
    if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(png(head).unwrap_or_else(|| "PNG image data".to_owned()));
    }
    if head.starts_with(b"\xff\xd8\xff") {
        return Some(jpeg(head));
    }
    if let Some(after) = head.strip_prefix(b"GIF8") {
        let version = match after.get(..2) {
            Some(b"9a") => ", version 89a",
            Some(b"7a") => ", version 87a",
            _ => ",",
        };
        return Some(match (u16_le(head, 6), u16_le(head, 8)) {
            (Some(width), Some(height)) => {
                format!("GIF image data{version}, {width} x {height}")
            }
            _ => format!("GIF image data{version}"),
        });
    }
    if head.starts_with(b"BM") && u32_le(head, 14) == Some(40) {
        let (width, height, bits) = (u32_le(head, 18)?, u32_le(head, 22)?, u16_le(head, 28)?);
        return Some(format!(
            "PC bitmap, Windows 3.x format, {width} x {height} x {bits}"
        ));
    }
    if head.starts_with(b"II\x2a\0") {
        return Some("TIFF image data, little-endian".to_owned());
    }
    if head.starts_with(b"MM\0\x2a") {
        return Some("TIFF image data, big-endian".to_owned());
    }
    if head.starts_with(b"8BPS") {
        return Some("Adobe Photoshop Image".to_owned());
    }
    if head.starts_with(b"\0\0\x01\0") && head.get(9) == Some(&0) {
        let count = u16_le(head, 4)?;
        let plural = if count == 1 { "" } else { "s" };
        let side = |at: usize| {
            head.get(at)
                .map(|side| if *side == 0 { 256 } else { u16::from(*side) })
        };
        let (width, height) = (side(6)?, side(7)?);
        return Some(format!(
            "MS Windows icon resource - {count} icon{plural}, {width}x{height}"
        ));
    }
    if head.starts_with(b"RIFF") {
        let kind = match head.get(8..12)? {
            b"WAVE" => ", WAVE audio",
            b"AVI " => ", AVI",
            b"WEBP" => ", Web/P image",
            b"ACON" => ", animated cursor",
            _ => "",
        };
        return Some(format!("RIFF (little-endian) data{kind}"));
    }
    None
}

fn png(head: &[u8]) -> Option<String> {
    if head.get(12..16)? != b"IHDR" {
        return None;
    }
    let (width, height) = (u32_be(head, 16)?, u32_be(head, 20)?);
    let bits = head.get(24)?;
    let color = match head.get(25)? {
        0 => " grayscale",
        2 => "/color RGB",
        3 => " colormap",
        4 => " gray+alpha",
        6 => "/color RGBA",
        _ => "",
    };
    let interlace = match head.get(28).copied().unwrap_or(0) {
        0 => ", non-interlaced",
        1 => ", interlaced",
        _ => "",
    };
    Some(format!(
        "PNG image data, {width} x {height}, {bits}-bit{color}{interlace}"
    ))
}

fn jpeg(head: &[u8]) -> String {
    let mut words = "JPEG image data".to_owned();
    if head.get(6..11) == Some(b"JFIF\0") {
        let at = |at: usize| head.get(at).copied().unwrap_or(0);
        words.push_str(&format!(", JFIF standard {}.{:02}", at(11), at(12)));
        let unit = match at(13) {
            0 => "aspect ratio",
            1 => "resolution (DPI)",
            _ => "resolution (DPCM)",
        };
        let (x, y) = (u16_be(head, 14).unwrap_or(0), u16_be(head, 16).unwrap_or(0));
        let segment = u16_be(head, 4).unwrap_or(0);
        words.push_str(&format!(
            ", {unit}, density {x}x{y}, segment length {segment}"
        ));
    } else if head.get(6..10) == Some(b"Exif") {
        words.push_str(", Exif standard");
    }
    if let Some(frame) = jpeg_frame(head) {
        words.push_str(&frame);
    }
    words
}

/// What the frame header says, where it stands within the first bytes (ITU T.81 section B.2.2).
fn jpeg_frame(head: &[u8]) -> Option<String> {
    let mut at = 2;
    loop {
        let marker = head.get(at..at + 4)?;
        if marker.first() != Some(&0xff) {
            return None;
        }
        let process = match marker.get(1)? {
            0xc0 => "baseline",
            0xc1 => "extended sequential",
            0xc2 => "progressive",
            _ => {
                at += 2 + usize::from(u16_be(head, at + 2)?);
                continue;
            }
        };
        let precision = head.get(at + 4)?;
        let (height, width) = (u16_be(head, at + 5)?, u16_be(head, at + 7)?);
        let components = head.get(at + 9)?;
        return Some(format!(
            ", {process}, precision {precision}, {width}x{height}, components {components}"
        ));
    }
}
