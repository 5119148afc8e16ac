//! Codings that are what they say, and those that are not.

use super::*;
use std::io::Write;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn check(codings: &[Coding], packed: &[u8], expected: &[u8]) {
    for step in [1, 7, packed.len().max(1)] {
        let mut chain = Chain::new(1 << 20);
        codings.iter().for_each(|coding| chain.push(*coding));
        let mut out = Vec::new();
        for part in packed.chunks(step) {
            chain.run(part, &mut |piece| out.extend_from_slice(piece));
        }
        assert_eq!(
            String::from_utf8_lossy(&out),
            String::from_utf8_lossy(expected),
            "{step}"
        );
    }
}

#[test]
fn unpacks_each_coding() {
    check(
        &[Coding::Gzip],
        &gzip(b"hello hello hello"),
        b"hello hello hello",
    );
    check(
        &[Coding::Deflate],
        &deflate(b"hello hello hello"),
        b"hello hello hello",
    );
    check(
        &[Coding::Zlib],
        &zlib(b"hello hello hello"),
        b"hello hello hello",
    );
    check(
        &[Coding::Gzip, Coding::Gzip],
        &gzip(&gzip(b"hello")),
        b"hello",
    );
    check(
        &[Coding::Deflate, Coding::Gzip],
        &gzip(&deflate(b"hello")),
        b"hello",
    );
}

#[test]
fn tries_other_codings_than_the_named_one() {
    let whole = |coding, packed: &[u8], expected: &[u8]| {
        let mut chain = Chain::new(1 << 20);
        chain.push(coding);
        let mut out = Vec::new();
        for part in packed.chunks(100) {
            chain.run(part, &mut |piece| out.extend_from_slice(piece));
        }
        chain.finish(0, &mut |piece| out.extend_from_slice(piece));
        assert_eq!(
            String::from_utf8_lossy(&out),
            String::from_utf8_lossy(expected)
        );
    };
    whole(Coding::Deflate, &zlib(b"hello"), b"hello");
    whole(Coding::Gzip, &deflate(b"hello hello"), b"hello hello");
    whole(Coding::Deflate, &gzip(b"hello"), b"hello");
    whole(
        Coding::Gzip,
        b"<html>not packed at all</html>",
        b"<html>not packed at all</html>",
    );
}

#[test]
fn text_that_begins_like_deflate_is_passed_on() {
    // 0x7b opens a last block in fixed codes, whose first bytes even give something.
    let json = format!("{{\"sdk_version\":11026,\"name\":\"{}\"}}", "x".repeat(300));
    for text in [&json.as_bytes()[..60], json.as_bytes()] {
        let mut chain = Chain::new(1 << 20);
        chain.push(Coding::Gzip);
        let mut out = Vec::new();
        for part in text.chunks(50) {
            chain.run(part, &mut |piece| out.extend_from_slice(piece));
        }
        chain.finish(0, &mut |piece| out.extend_from_slice(piece));
        assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(text));
    }
}

#[test]
fn stops_a_bomb() {
    let mut bomb = vec![0u8; 40 << 20];
    for _ in 0..2 {
        bomb = gzip(&bomb);
    }
    let mut chain = Chain::new(1 << 20);
    chain.push(Coding::Gzip);
    chain.push(Coding::Gzip);
    let mut len = 0usize;
    assert_eq!(
        chain.run(&bomb, &mut |piece| len += piece.len()),
        Verdict::Bomb
    );
    assert!(len < 40 << 20);
}
