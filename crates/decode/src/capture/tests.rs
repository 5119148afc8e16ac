//! Tests of the capture reader.

use super::*;
use crate::build::{self, Captured, Conversation};
use event::Direction;
use proptest::prelude::*;
use std::io::Write;

type Frames = Vec<(i64, Vec<u8>, u32, u32)>;

fn read(data: &[u8]) -> (Frames, Option<String>) {
    let mut frames = Vec::new();
    let mut reader = match Reader::new(data) {
        Ok(reader) => reader,
        Err(error) => return (frames, Some(error.to_string())),
    };
    loop {
        match reader.next() {
            Ok(Some(frame)) => {
                assert_eq!(frame.number, frames.len() as u64 + 1);
                frames.push((
                    frame.time.nanos(),
                    frame.data.to_vec(),
                    frame.wire_len,
                    frame.link.0,
                ));
            }
            Ok(None) => return (frames, None),
            Err(error) => {
                assert!(matches!(reader.next(), Ok(None)), "an error is the end");
                return (frames, Some(error.to_string()));
            }
        }
    }
}

fn talk() -> Vec<Captured> {
    let mut talk = Conversation::between("10.0.0.1:4000", "10.0.0.2:80");
    talk.handshake().client(b"hello").server(b"world").finish();
    talk.datagram(Direction::ToServer, b"bye");
    talk.into_frames()
}

fn expected(frames: &[Captured]) -> Frames {
    let one = |frame: &Captured| {
        (
            frame.time.nanos(),
            frame.data.clone(),
            frame.data.len() as u32,
            frame.link.0,
        )
    };
    frames.iter().map(one).collect()
}

fn check(data: &[u8], frames: &[Captured]) {
    assert_eq!(read(data), (expected(frames), None));
}

fn check_refused(data: &[u8], words: &str) {
    let (frames, error) = read(data);
    assert!(frames.is_empty());
    let error = error.expect("it is no capture");
    assert!(error.contains(words), "{error}");
}

/// A pcap file in the other byte order, or with another magic number.
fn pcap_as(frames: &[Captured], magic: u32, is_big_endian: bool, extra: usize) -> Vec<u8> {
    let number = |value: u32| {
        if is_big_endian {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        }
    };
    let mut out = Vec::new();
    for value in [magic, 0x0002_0004, 0, 0, 65_535, 1] {
        out.extend_from_slice(&number(value));
    }
    let fraction = if magic == 0xa1b2_3c4d { 1 } else { 1000 };
    for frame in frames {
        let nanos = frame.time.nanos().rem_euclid(1_000_000_000) / fraction;
        for value in [
            frame.time.secs() as u32,
            nanos as u32,
            frame.data.len() as u32,
            frame.data.len() as u32,
        ] {
            out.extend_from_slice(&number(value));
        }
        out.resize(out.len() + extra, 0xee);
        out.extend_from_slice(&frame.data);
    }
    out
}

#[test]
fn reads_every_kind_of_pcap() {
    let frames = talk();
    check(&build::pcap(&frames), &frames);
    for is_big_endian in [false, true] {
        check(&pcap_as(&frames, 0xa1b2_c3d4, is_big_endian, 0), &frames);
        check(&pcap_as(&frames, 0xa1b2_3c4d, is_big_endian, 0), &frames);
        check(&pcap_as(&frames, 0xa1b2_cd34, is_big_endian, 8), &frames);
    }
}

#[test]
fn reads_compressed_captures() {
    let frames = talk();
    let plain = build::pcapng(&frames);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).expect("writing to memory");
    let gzip = gzip.finish().expect("writing to memory");
    check(&gzip, &frames);
    let zstd = zstd::encode_all(&plain[..], 1).expect("writing to memory");
    check(&zstd, &frames);
    for cut in [&gzip[..gzip.len() - 9], &zstd[..zstd.len() - 9]] {
        assert!(read(cut).1.is_some(), "what was cut off is told");
    }
}

#[test]
fn reads_several_interfaces_and_sections() {
    let frames = talk();
    let mut other = frames.clone();
    for frame in &mut other {
        frame.link = LinkType::RAW;
    }
    let mut both = frames.clone();
    both.extend(other);
    both.sort_by_key(|frame| frame.time);
    check(&build::pcapng(&both), &both);
    let twice = [build::pcapng(&frames), build::pcapng(&frames)].concat();
    check(&twice, &[frames.clone(), frames].concat());
}

/// A block of pcapng in big-endian order.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let len = (body.len().next_multiple_of(4) + 12) as u32;
    let mut out = [kind.to_be_bytes(), len.to_be_bytes()].concat();
    out.extend_from_slice(body);
    out.resize(len as usize - 4, 0);
    out.extend_from_slice(&len.to_be_bytes());
    out
}

fn section() -> Vec<u8> {
    block(
        next_generation::SECTION_HEADER,
        &[&0x1a2b_3c4du32.to_be_bytes()[..], &[0, 1, 0, 0], &[0xff; 8]].concat(),
    )
}

#[test]
fn reads_options_of_time_and_blocks_of_old() {
    // Units of 1/4 s, 100 s on top; then an obsolete packet, a simple one, and a block of no name.
    let options = [
        &[0, 9, 0, 1, 0x82, 0, 0, 0][..],
        &[0, 14, 0, 8],
        &100i64.to_be_bytes(),
        &[0, 0, 0, 0],
    ]
    .concat();
    let interface = block(1, &[&[0, 101, 0, 0, 0, 0, 0, 0][..], &options].concat());
    let enhanced = block(
        6,
        &[
            &[0; 4][..],
            &[0; 4],
            &9u32.to_be_bytes(),
            &3u32.to_be_bytes(),
            &7u32.to_be_bytes(),
            b"abc",
        ]
        .concat(),
    );
    let obsolete = block(
        2,
        &[
            &[0, 0, 0, 9][..],
            &[0; 4],
            &2u32.to_be_bytes(),
            &1u32.to_be_bytes(),
            &1u32.to_be_bytes(),
            b"d",
        ]
        .concat(),
    );
    let simple = block(3, &[&2u32.to_be_bytes()[..], b"ef"].concat());
    let unknown = block(0x0bad_cafe, &[7; 40]);
    let file = [section(), interface, unknown, enhanced, obsolete, simple].concat();
    let second = 1_000_000_000;
    assert_eq!(
        read(&file),
        (
            vec![
                (102 * second + second / 4, b"abc".to_vec(), 7, 101),
                (100 * second + second / 2, b"d".to_vec(), 1, 101),
                (0, b"ef".to_vec(), 2, 101),
            ],
            None
        )
    );
}

#[test]
fn says_what_a_file_is_that_is_no_capture() {
    check_refused(b"", "the file is empty");
    check_refused(b"\x89PNG\r\n\x1a\n", "a PNG image");
    check_refused(b"PK\x03\x04", "a ZIP archive");
    check_refused(b"abc", "neither pcap nor pcapng");
    check_refused(&[0; 100], "neither pcap nor pcapng");
    check_refused(
        &[0xd4, 0xc3, 0xb2, 0xa1, 0],
        "ends in the middle of the file header",
    );
    check_refused(&[0x1f, 0x8b, 8, 0], "gzip data are damaged");
}

#[test]
fn gives_everything_before_the_place_where_it_ends() {
    let frames = talk();
    for data in [build::pcap(&frames), build::pcapng(&frames)] {
        let (read_frames, error) = read(&data[..data.len() - 5]);
        assert_eq!(read_frames, expected(&frames)[..frames.len() - 1]);
        let error = error.expect("it is cut off");
        assert!(
            error.contains("the file ends in the middle of a packet"),
            "{error}"
        );
        assert!(error.contains("at byte"), "{error}");
    }
}

#[test]
fn refuses_packets_that_no_capture_holds() {
    let mut data = build::pcap(&talk()[..1]);
    data[32..36].copy_from_slice(&300_000u32.to_le_bytes());
    data[36..40].copy_from_slice(&300_000u32.to_le_bytes());
    assert!(
        read(&data)
            .1
            .is_some_and(|error| error.contains("300000 bytes"))
    );
    let data = [section(), block(6, &[0; 20])].concat();
    assert!(
        read(&data)
            .1
            .is_some_and(|error| error.contains("interface 0"))
    );
    let mut data = section();
    data.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 3]);
    assert!(
        read(&data)
            .1
            .is_some_and(|error| error.contains("impossible length"))
    );
}

proptest! {
    #[test]
    fn takes_any_bytes(start in 0usize..5, data in proptest::collection::vec(any::<u8>(), 0..400)) {
        let beginning: &[u8] = match start {
            0 => &[],
            1 => &[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0],
            2 => &[0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a],
            3 => &[0x1f, 0x8b, 8, 0],
            _ => &[0x28, 0xb5, 0x2f, 0xfd],
        };
        read(&[beginning, &data].concat());
    }

    #[test]
    fn takes_any_damage(
        is_ng in any::<bool>(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let frames = talk();
        let mut data = if is_ng { build::pcapng(&frames) } else { build::pcap(&frames) };
        for (place, value) in damage {
            let place = place.index(data.len());
            data[place] = value;
        }
        read(&data);
    }
}
