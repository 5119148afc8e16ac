//! Programs: PE, MS-DOS, ELF, Mach-O, Java classes.

use super::{u16_be, u16_le, u32_be, u32_le};

pub(super) fn describe(head: &[u8]) -> Option<String> {
    match head.get(..4)? {
        [b'M', b'Z', ..] => {
            Some(portable(head).unwrap_or_else(|| "MS-DOS executable, MZ for MS-DOS".to_owned()))
        }
        b"\x7fELF" => elf(head),
        [0xca, 0xfe, 0xba, 0xbe] => java(head),
        [0xfe, 0xed, 0xfa, 0xce] | [0xce, 0xfa, 0xed, 0xfe] => Some("Mach-O executable".to_owned()),
        [0xfe, 0xed, 0xfa, 0xcf] | [0xcf, 0xfa, 0xed, 0xfe] => {
            Some("Mach-O 64-bit executable".to_owned())
        }
        _ => None,
    }
    .or_else(|| {
        head.starts_with(b"MZ")
            .then(|| "MS-DOS executable, MZ for MS-DOS".to_owned())
    })
}

/// Microsoft's "PE Format": COFF header after the signature, optional header after that.
fn portable(head: &[u8]) -> Option<String> {
    let at = usize::try_from(u32_le(head, 0x3c)?).ok()?;
    let pe = head.get(at..)?;
    match pe.get(..2)? {
        b"PE" if pe.get(2..4) == Some(&[0, 0]) => {}
        b"NE" => return Some("MS-DOS executable, NE for MS Windows 3.x (EXE)".to_owned()),
        b"LE" => return Some("MS-DOS executable, LE executable".to_owned()),
        _ => return None,
    }
    let machine = match u16_le(pe, 4)? {
        0x14c => "Intel 80386",
        0x8664 => "x86-64",
        0x1c0 => "ARM",
        0x1c4 => "ARMv7 Thumb",
        0xaa64 => "Aarch64",
        0x200 => "Intel Itanium",
        0x166 => "MIPS R4000",
        _ => "Unknown processor type",
    };
    let sections = u16_le(pe, 6)?;
    let is_dll = u16_le(pe, 22)? & 0x2000 != 0;
    let (kind, directories) = match u16_le(pe, 24)? {
        0x10b => ("PE32 executable", 96),
        0x20b => ("PE32+ executable", 112),
        _ => return Some("PE Unknown PE signature, for MS Windows".to_owned()),
    };
    let subsystem = match u16_le(pe, 24 + 68)? {
        1 => "native",
        2 => "GUI",
        3 => "console",
        7 => "POSIX",
        9 => "Windows CE",
        10 => "EFI application",
        11 => "EFI boot service driver",
        12 => "EFI runtime driver",
        13 => "EFI ROM",
        14 => "XBOX",
        _ => "unknown",
    };
    let dll = if is_dll { " (DLL)" } else { "" };
    // Data directory 14 is the header of the common language runtime.
    let managed = u32_le(pe, 24 + directories + 14 * 8).is_some_and(|address| address != 0);
    let managed = if managed { " Mono/.Net assembly" } else { "" };
    Some(format!(
        "{kind}{dll} ({subsystem}) {machine}{managed}, for MS Windows, {sections} sections"
    ))
}

fn elf(head: &[u8]) -> Option<String> {
    let class = match head.get(4)? {
        1 => "32-bit",
        2 => "64-bit",
        _ => "invalid class",
    };
    let is_big = *head.get(5)? == 2;
    let word = |at| {
        if is_big {
            u16_be(head, at)
        } else {
            u16_le(head, at)
        }
    };
    let order = if is_big { "MSB" } else { "LSB" };
    let linkage = elf_linkage(head, is_big);
    let kind = match word(16)? {
        1 => "relocatable",
        2 => "executable",
        3 if linkage == Some(Linkage::Interpreted) => "pie executable",
        3 => "shared object",
        4 => "core file",
        _ => "unknown type",
    };
    let machine = match word(18)? {
        2 => "SPARC",
        3 => "Intel 80386",
        8 => "MIPS",
        20 => "PowerPC or cisco 4500",
        21 => "64-bit PowerPC or cisco 7500",
        22 => "IBM S/390",
        40 => "ARM",
        42 => "Renesas SH",
        50 => "IA-64",
        62 => "x86-64",
        183 => "ARM aarch64",
        243 => "UCB RISC-V",
        _ => "unknown arch",
    };
    let system = match head.get(7)? {
        0 => "SYSV",
        2 => "NetBSD",
        3 => "GNU/Linux",
        6 => "Solaris",
        9 => "FreeBSD",
        12 => "OpenBSD",
        97 => "ARM",
        _ => "unknown",
    };
    let version = head.get(6)?;
    let linked = match linkage {
        Some(Linkage::Interpreted | Linkage::Dynamic) => ", dynamically linked",
        Some(Linkage::Static) => ", statically linked",
        None => "",
    };
    Some(format!(
        "ELF {class} {order} {kind}, {machine}, version {version} ({system}){linked}"
    ))
}

/// How a program is put together when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Linkage {
    Static,
    Dynamic,
    /// Dynamic, and it names its loader.
    Interpreted,
}

/// What the program headers tell, where they stand within the first bytes.
fn elf_linkage(head: &[u8], is_big: bool) -> Option<Linkage> {
    let is_wide = *head.get(4)? == 2;
    let half = |at| {
        if is_big {
            u16_be(head, at)
        } else {
            u16_le(head, at)
        }
    };
    let word = |at| {
        if is_big {
            u32_be(head, at)
        } else {
            u32_le(head, at)
        }
    };
    // The upper half of a wide offset is zero wherever the headers stand within reach.
    let start = match (is_wide, is_big) {
        (true, true) => word(36)?,
        (true, false) => word(32)?,
        (false, _) => word(28)?,
    };
    let (size, count) = if is_wide {
        (half(54)?, half(56)?)
    } else {
        (half(42)?, half(44)?)
    };
    if size == 0 || count == 0 {
        return None;
    }
    let mut linkage = Linkage::Static;
    for number in 0..usize::from(count) {
        let at = usize::try_from(start)
            .ok()?
            .checked_add(number * usize::from(size))?;
        match word(at)? {
            2 if linkage == Linkage::Static => linkage = Linkage::Dynamic,
            3 => linkage = Linkage::Interpreted,
            _ => {}
        }
    }
    Some(linkage)
}

/// A class file, unless the number that follows is that of a fat Mach-O file's few architectures.
fn java(head: &[u8]) -> Option<String> {
    let version = u32_be(head, 4)?;
    if version < 43 {
        return Some(format!(
            "Mach-O universal binary with {version} architectures"
        ));
    }
    let (minor, major) = (version >> 16, version & 0xffff);
    let java = match major {
        45..=48 => format!(" (Java 1.{})", major - 44),
        49 => " (Java 1.5)".to_owned(),
        50 => " (Java 1.6)".to_owned(),
        51 => " (Java 1.7)".to_owned(),
        52 => " (Java 1.8)".to_owned(),
        53..=70 => format!(" (Java SE {})", major - 44),
        _ => String::new(),
    };
    Some(format!(
        "compiled Java class data, version {major}.{minor}{java}"
    ))
}
