//! Single bytes that come near to characters beyond Latin-1, as Windows servers choose them.

/// Characters with the ASCII character they are taken for; sorted.
const NEAR: &[(u16, u8)] = &[
    (0x0100, b'A'),
    (0x0101, b'a'),
    (0x0102, b'A'),
    (0x0103, b'a'),
    (0x0104, b'A'),
    (0x0105, b'a'),
    (0x0106, b'C'),
    (0x0107, b'c'),
    (0x0108, b'C'),
    (0x0109, b'c'),
    (0x010a, b'C'),
    (0x010b, b'c'),
    (0x010c, b'C'),
    (0x010d, b'c'),
    (0x010e, b'D'),
    (0x010f, b'd'),
    (0x0110, b'D'),
    (0x0111, b'd'),
    (0x0112, b'E'),
    (0x0113, b'e'),
    (0x0114, b'E'),
    (0x0115, b'e'),
    (0x0116, b'E'),
    (0x0117, b'e'),
    (0x0118, b'E'),
    (0x0119, b'e'),
    (0x011a, b'E'),
    (0x011b, b'e'),
    (0x011c, b'G'),
    (0x011d, b'g'),
    (0x011e, b'G'),
    (0x011f, b'g'),
    (0x0120, b'G'),
    (0x0121, b'g'),
    (0x0122, b'G'),
    (0x0123, b'g'),
    (0x0124, b'H'),
    (0x0125, b'h'),
    (0x0126, b'H'),
    (0x0127, b'h'),
    (0x0128, b'I'),
    (0x0129, b'i'),
    (0x012a, b'I'),
    (0x012b, b'i'),
    (0x012c, b'I'),
    (0x012d, b'i'),
    (0x012e, b'I'),
    (0x012f, b'i'),
    (0x0130, b'I'),
    (0x0131, b'i'),
    (0x0134, b'J'),
    (0x0135, b'j'),
    (0x0136, b'K'),
    (0x0137, b'k'),
    (0x0139, b'L'),
    (0x013a, b'l'),
    (0x013b, b'L'),
    (0x013c, b'l'),
    (0x013d, b'L'),
    (0x013e, b'l'),
    (0x0141, b'L'),
    (0x0142, b'l'),
    (0x0143, b'N'),
    (0x0144, b'n'),
    (0x0145, b'N'),
    (0x0146, b'n'),
    (0x0147, b'N'),
    (0x0148, b'n'),
    (0x014c, b'O'),
    (0x014d, b'o'),
    (0x014e, b'O'),
    (0x014f, b'o'),
    (0x0150, b'O'),
    (0x0151, b'o'),
    (0x0154, b'R'),
    (0x0155, b'r'),
    (0x0156, b'R'),
    (0x0157, b'r'),
    (0x0158, b'R'),
    (0x0159, b'r'),
    (0x015a, b'S'),
    (0x015b, b's'),
    (0x015c, b'S'),
    (0x015d, b's'),
    (0x015e, b'S'),
    (0x015f, b's'),
    (0x0160, b'S'),
    (0x0161, b's'),
    (0x0162, b'T'),
    (0x0163, b't'),
    (0x0164, b'T'),
    (0x0165, b't'),
    (0x0166, b'T'),
    (0x0167, b't'),
    (0x0168, b'U'),
    (0x0169, b'u'),
    (0x016a, b'U'),
    (0x016b, b'u'),
    (0x016c, b'U'),
    (0x016d, b'u'),
    (0x016e, b'U'),
    (0x016f, b'u'),
    (0x0170, b'U'),
    (0x0171, b'u'),
    (0x0172, b'U'),
    (0x0173, b'u'),
    (0x0174, b'W'),
    (0x0175, b'w'),
    (0x0176, b'Y'),
    (0x0177, b'y'),
    (0x0178, b'Y'),
    (0x0179, b'Z'),
    (0x017a, b'z'),
    (0x017b, b'Z'),
    (0x017c, b'z'),
    (0x017d, b'Z'),
    (0x017e, b'z'),
    (0x017f, b's'),
    (0x0180, b'b'),
    (0x0197, b'I'),
    (0x019a, b'l'),
    (0x01a0, b'O'),
    (0x01a1, b'o'),
    (0x01af, b'U'),
    (0x01b0, b'u'),
    (0x01c0, b'|'),
    (0x01cd, b'A'),
    (0x01ce, b'a'),
    (0x01cf, b'I'),
    (0x01d0, b'i'),
    (0x01d1, b'O'),
    (0x01d2, b'o'),
    (0x01d3, b'U'),
    (0x01d4, b'u'),
    (0x01d5, b'U'),
    (0x01d6, b'u'),
    (0x01d7, b'U'),
    (0x01d8, b'u'),
    (0x01d9, b'U'),
    (0x01da, b'u'),
    (0x01db, b'U'),
    (0x01dc, b'u'),
    (0x01de, b'A'),
    (0x01df, b'a'),
    (0x01e0, b'A'),
    (0x01e1, b'a'),
    (0x01e6, b'G'),
    (0x01e7, b'g'),
    (0x01e8, b'K'),
    (0x01e9, b'k'),
    (0x01ea, b'O'),
    (0x01eb, b'o'),
    (0x01ec, b'O'),
    (0x01ed, b'o'),
    (0x01f0, b'j'),
    (0x01f4, b'G'),
    (0x01f5, b'g'),
    (0x01f8, b'N'),
    (0x01f9, b'n'),
    (0x01fa, b'A'),
    (0x01fb, b'a'),
    (0x0200, b'A'),
    (0x0201, b'a'),
    (0x0202, b'A'),
    (0x0203, b'a'),
    (0x0204, b'E'),
    (0x0205, b'e'),
    (0x0206, b'E'),
    (0x0207, b'e'),
    (0x0208, b'I'),
    (0x0209, b'i'),
    (0x020a, b'I'),
    (0x020b, b'i'),
    (0x020c, b'O'),
    (0x020d, b'o'),
    (0x020e, b'O'),
    (0x020f, b'o'),
    (0x0210, b'R'),
    (0x0211, b'r'),
    (0x0212, b'R'),
    (0x0213, b'r'),
    (0x0214, b'U'),
    (0x0215, b'u'),
    (0x0216, b'U'),
    (0x0217, b'u'),
    (0x0218, b'S'),
    (0x0219, b's'),
    (0x021a, b'T'),
    (0x021b, b't'),
    (0x021e, b'H'),
    (0x021f, b'h'),
    (0x0226, b'A'),
    (0x0227, b'a'),
    (0x0228, b'E'),
    (0x0229, b'e'),
    (0x022a, b'O'),
    (0x022b, b'o'),
    (0x022c, b'O'),
    (0x022d, b'o'),
    (0x022e, b'O'),
    (0x022f, b'o'),
    (0x0230, b'O'),
    (0x0231, b'o'),
    (0x0232, b'Y'),
    (0x0233, b'y'),
    (0x02b9, b'\''),
    (0x02ba, b'"'),
    (0x02bc, b'\''),
    (0x02c4, b'^'),
    (0x02c8, b'\''),
    (0x02cb, b'`'),
    (0x02cd, b'_'),
    (0x0300, b'`'),
    (0x0302, b'^'),
    (0x0303, b'~'),
    (0x030e, b'"'),
    (0x0331, b'_'),
    (0x0332, b'_'),
    (0x037e, b';'),
    (0x0589, b':'),
    (0x066a, b'%'),
    (0x2000, b' '),
    (0x2001, b' '),
    (0x2002, b' '),
    (0x2003, b' '),
    (0x2004, b' '),
    (0x2005, b' '),
    (0x2006, b' '),
    (0x2007, b' '),
    (0x2008, b' '),
    (0x2009, b' '),
    (0x200a, b' '),
    (0x2010, b'-'),
    (0x2011, b'-'),
    (0x2017, b'='),
    (0x2024, b'.'),
    (0x202f, b' '),
    (0x2032, b'\''),
    (0x2035, b'`'),
    (0x203e, b' '),
    (0x2044, b'/'),
    (0x205f, b' '),
    (0x2102, b'C'),
    (0x210a, b'g'),
    (0x210b, b'H'),
    (0x210c, b'H'),
    (0x210d, b'H'),
    (0x210e, b'h'),
    (0x2110, b'I'),
    (0x2111, b'I'),
    (0x2112, b'L'),
    (0x2113, b'l'),
    (0x2115, b'N'),
    (0x2119, b'P'),
    (0x211a, b'Q'),
    (0x211b, b'R'),
    (0x211c, b'R'),
    (0x211d, b'R'),
    (0x2124, b'Z'),
    (0x2128, b'Z'),
    (0x212a, b'K'),
    (0x212b, b'A'),
    (0x212c, b'B'),
    (0x212d, b'C'),
    (0x212f, b'e'),
    (0x2130, b'E'),
    (0x2131, b'F'),
    (0x2133, b'M'),
    (0x2134, b'o'),
    (0x2139, b'i'),
    (0x2145, b'D'),
    (0x2146, b'd'),
    (0x2147, b'e'),
    (0x2148, b'i'),
    (0x2149, b'j'),
    (0x2212, b'-'),
    (0x2215, b'/'),
    (0x2216, b'\\'),
    (0x2217, b'*'),
    (0x2223, b'|'),
    (0x2236, b':'),
    (0x223c, b'~'),
    (0x2303, b'^'),
    (0x2329, b'<'),
    (0x232a, b'>'),
    (0x2460, b'1'),
    (0x2461, b'2'),
    (0x2462, b'3'),
    (0x2463, b'4'),
    (0x2464, b'5'),
    (0x2465, b'6'),
    (0x2466, b'7'),
    (0x2467, b'8'),
    (0x2468, b'9'),
    (0x2758, b'|'),
    (0x3000, b' '),
    (0x3008, b'<'),
    (0x3009, b'>'),
    (0x301a, b'['),
    (0x301b, b']'),
];

/// The byte a server with code page 1252 takes `character` for.
pub(super) fn best_fit(character: u32, replacement: u8) -> u8 {
    match character {
        0..=0xff => character as u8,
        // Full-width forms stand in the order of ASCII.
        0xff01..=0xff5e => (character - 0xfee0) as u8,
        _ => u16::try_from(character)
            .ok()
            .and_then(|character| NEAR.binary_search_by_key(&character, |near| near.0).ok())
            .and_then(|at| NEAR.get(at))
            .map_or(replacement, |near| near.1),
    }
}

/// Makes single bytes of the UTF-8 sequences in `text`, overlong ones included, because that is
/// what hides slashes.
pub(super) fn flatten_utf8(text: &mut Vec<u8>, replacement: u8) {
    if text.is_ascii() {
        return;
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_slice();
    while let Some((first, after)) = rest.split_first() {
        let (len, bits) = match first {
            0..=0x7f => (0, u32::from(*first)),
            0xc0..=0xdf => (1, u32::from(first & 0x1f)),
            0xe0..=0xef => (2, u32::from(first & 0x0f)),
            0xf0..=0xf7 => (3, u32::from(first & 0x07)),
            _ => (usize::MAX, 0),
        };
        let tail = after
            .get(..len)
            .filter(|tail| tail.iter().all(|b| b & 0xc0 == 0x80));
        match tail {
            Some(tail) => {
                let character = tail
                    .iter()
                    .fold(bits, |sum, b| sum << 6 | u32::from(b & 0x3f));
                out.push(best_fit(character, replacement));
                rest = after.get(len..).unwrap_or_default();
            }
            None => {
                out.push(replacement);
                // What continues the broken sequence is replaced with it.
                let broken = if len == usize::MAX {
                    0
                } else {
                    after
                        .iter()
                        .take(len)
                        .take_while(|b| **b & 0xc0 == 0x80)
                        .count()
                };
                rest = after.get(broken..).unwrap_or_default();
            }
        }
    }
    *text = out;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(NEAR.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn makes_single_bytes_of_sequences() {
        let check = |text: &[u8], expected: &[u8]| {
            let mut text = text.to_vec();
            flatten_utf8(&mut text, b'?');
            assert_eq!(text, expected);
        };
        check(b"plain", b"plain");
        check("caf\u{e9} \u{142}".as_bytes(), b"caf\xe9 l");
        check(b"\xc0\xafetc", b"/etc");
        check(b"a\xe4\xbdz\xff", b"a?z?");
        check("\u{4f60}".as_bytes(), b"?");
        check("\u{ff0f}".as_bytes(), b"/");
    }
}
