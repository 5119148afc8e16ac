use super::*;
use flate2::Compression;
use flate2::read::{GzEncoder, ZlibEncoder};
use proptest::prelude::*;

fn check(transforms: &[Transform], data: &[u8], expected: &[u8]) {
    let transforms_ready = Transforms::compile(transforms, &Resources::default()).unwrap();
    let mut scratch = Scratch::default();
    let changed = transforms_ready.apply(data, &mut scratch);
    assert_eq!(
        changed,
        expected,
        "{transforms:?} {:?}",
        String::from_utf8_lossy(changed)
    );
}

#[test]
fn changes_case_and_white_space() {
    check(&[Transform::ToLowercase], b"aB\xc4", b"ab\xc4");
    check(&[Transform::ToUppercase], b"aB", b"AB");
    check(&[Transform::StripWhitespace], b" a\tb\r\n\x0b", b"ab");
    check(&[Transform::CompressWhitespace], b"a  \t b ", b"a b ");
    check(
        &[Transform::StripWhitespace, Transform::ToUppercase],
        b"a b",
        b"AB",
    );
    check(
        &[Transform::HeaderLowercase],
        b"A-B: C\nD:E",
        b"a-b: C\nd:E",
    );
    check(
        &[Transform::StripPseudoHeaders],
        b":m: G\nA: b\n:x",
        b"A: b\n",
    );
}

#[test]
fn hashes_all_but_nothing() {
    check(&[Transform::ToMd5], b"", b"");
    check(
        &[Transform::ToMd5],
        b"abc",
        b"\x90\x01\x50\x98\x3c\xd2\x4f\xb0\xd6\x96\x3f\x7d\x28\xe1\x7f\x72",
    );
}

#[test]
fn decodes_urls_and_leaves_what_is_no_escape() {
    check(&[Transform::UrlDecode], b"a%20b+c%41", b"a b cA");
    check(&[Transform::UrlDecode], b"%ZZ%4", b"%ZZ%4");
    check(&[Transform::UrlDecode], b"%4%41", b"%4%41");
    check(&[Transform::UrlDecode], b"%", b"%");
}

#[test]
fn cuts_names_at_the_public_suffix() {
    check(&[Transform::DotPrefix], b"a.com", b".a.com");
    check(&[Transform::Domain], b"www.bbc.co.uk", b"bbc.co.uk");
    check(&[Transform::Tld], b"www.bbc.co.uk", b"co.uk");
    check(&[Transform::Tld], b"com", b"");
}

#[test]
fn captures_and_xors() {
    check(&[Transform::Pcre("id=(\\d+)".into())], b"?id=42&", b"42");
    check(&[Transform::Pcre("id=(\\d+)".into())], b"none", b"none");
    check(&[Transform::Xor(vec![1, 2])], b"abc", b"``b");
    let two_groups = [Transform::Pcre("(a)(b)".into())];
    assert!(Transforms::compile(&two_groups, &Resources::default()).is_err());
}

fn from(bytes: u32, offset: u32, mode: Base64Mode) -> [Transform; 1] {
    [Transform::FromBase64 {
        bytes,
        offset,
        mode,
    }]
}

#[test]
fn decodes_base64_in_every_mode() {
    use Base64Mode::{Rfc2045, Rfc4648, Strict};
    check(&from(0, 0, Rfc4648), b"Zm9vYmFy", b"foobar");
    check(&from(0, 0, Rfc4648), b"Zm9vYg", b"foob");
    check(&from(0, 0, Rfc4648), b"Zm9v Ym", b"foo");
    check(&from(0, 0, Rfc4648), b" Zm9v", b" Zm9v");
    check(&from(0, 4, Rfc4648), b"?q==Zm9v", b"foo");
    check(&from(4, 0, Rfc4648), b"Zm9vYmFy", b"foo");
    check(&from(9, 0, Rfc4648), b"Zm9vYmFy", b"Zm9vYmFy");
    check(&from(0, 0, Rfc2045), b"Zm 9v Ym Fy", b"foobar");
    check(&from(0, 0, Rfc2045), b"Zm9vYg", b"foo");
    check(&from(0, 0, Strict), b"Zm9vYg==", b"foob");
    check(&from(0, 0, Strict), b"Zm9v Ym", b"Zm9v Ym");
}

#[test]
fn decompresses_up_to_the_limit() {
    let (mut gzip, mut zlib) = (Vec::new(), Vec::new());
    GzEncoder::new(&b"hello world"[..], Compression::fast())
        .read_to_end(&mut gzip)
        .unwrap();
    ZlibEncoder::new(&b"hello world"[..], Compression::fast())
        .read_to_end(&mut zlib)
        .unwrap();
    check(
        &[Transform::Decompress {
            is_gzip: true,
            max: 1024,
        }],
        &gzip,
        b"hello world",
    );
    check(
        &[Transform::Decompress {
            is_gzip: true,
            max: 5,
        }],
        &gzip,
        b"hello",
    );
    check(
        &[Transform::Decompress {
            is_gzip: false,
            max: 1024,
        }],
        &zlib,
        b"hello world",
    );
    check(
        &[Transform::Decompress {
            is_gzip: false,
            max: 1024,
        }],
        b"x",
        b"",
    );
}

proptest! {
    #[test]
    fn base64_gives_back_what_was_encoded(data in proptest::collection::vec(any::<u8>(), 1..100)) {
        let text = STANDARD.encode(&data);
        for mode in [Base64Mode::Rfc2045, Base64Mode::Rfc4648, Base64Mode::Strict] {
            let mut out = Vec::new();
            base64(text.as_bytes(), mode, &mut out);
            prop_assert_eq!(&out, &data);
        }
    }

    #[test]
    fn no_bytes_break_a_transform(data in proptest::collection::vec(any::<u8>(), 0..100)) {
        for transform in [
            Transform::UrlDecode, Transform::Domain, Transform::Tld, Transform::HeaderLowercase,
            Transform::StripPseudoHeaders, Transform::Xor(vec![7]), Transform::Pcre("(a)".into()),
            Transform::FromBase64 { bytes: 0, offset: 3, mode: Base64Mode::Rfc2045 },
            Transform::Decompress { is_gzip: true, max: 9 },
        ] {
            let transforms = Transforms::compile(&[transform], &Resources::default()).unwrap();
            transforms.apply(&data, &mut Scratch::default());
        }
    }
}
