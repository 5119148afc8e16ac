//! Files: windows, hashes, states.

use super::*;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

fn config(window: usize) -> FileConfig {
    FileConfig {
        wants: FileWants {
            md5: true,
            sha1: true,
            sha256: true,
            magic: true,
            store: true,
        },
        limits: FileLimits { window },
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn hashes_what_passes_through_a_small_window() {
    let mut file = File::new(b"a", Direction::ToClient, &config(4));
    file.append(b"hello ");
    file.append(b"world");
    file.close(FileState::Closed);
    assert_eq!(file.size, 11);
    assert_eq!((file.offset, file.data.as_slice()), (7, &b"orld"[..]));
    assert!(file.has_lost_bytes);
    assert_eq!(hex(&file.md5.unwrap()), "5eb63bbbe01eeed093cb22bb8f5acdc3");
    assert_eq!(
        hex(&file.sha1.unwrap()),
        "2aae6c35c94fcfb415dbe95f408b9ce91ee846ed"
    );
    assert!(hex(&file.sha256.unwrap()).starts_with("b94d27b9934d3e08"));
}

#[test]
fn keeps_bytes_until_they_are_both_inspected_and_stored() {
    let mut file = File::new(b"a", Direction::ToClient, &config(100));
    file.append(b"0123456789");
    file.trim_to(8);
    assert_eq!((file.offset, file.data.len()), (0, 10));
    assert_eq!(
        file.chunk(),
        Some(Chunk {
            offset: 0,
            data: b"0123456789"
        })
    );
    file.chunk_taken();
    assert_eq!((file.offset, file.data.as_slice()), (8, &b"89"[..]));
    assert_eq!(file.chunk(), None);
    file.append(b"ab");
    assert_eq!(
        file.chunk(),
        Some(Chunk {
            offset: 10,
            data: b"ab"
        })
    );
    assert!(!file.has_lost_bytes);
}

#[test]
fn a_gap_makes_a_file_truncated_with_the_sha256_of_what_was_seen() {
    let mut file = File::new(b"a", Direction::ToServer, &config(8));
    file.append(b"abc");
    file.gap(3);
    file.append(b"def");
    file.close(FileState::Closed);
    assert_eq!(file.state, FileState::Truncated);
    assert_eq!((file.size, file.md5), (9, None));
    assert_eq!(file.sha256, Some(Sha256::digest(b"abcdef").into()));
    assert_eq!(
        (file.offset, file.data.as_slice()),
        (1, &b"bc\0\0\0def"[..])
    );
    let mut file = File::new(b"a", Direction::ToServer, &config(8));
    file.gap(u64::MAX);
    file.gap(u64::MAX);
    assert_eq!(file.data.len(), 8);
}

#[test]
fn refuses_files_beyond_the_limit() {
    let mut set = FileSet::default();
    for _ in 0..MAX_FILES {
        assert!(
            set.open(b"x", Direction::ToServer, &FileConfig::default())
                .is_some()
        );
    }
    assert!(
        set.open(b"x", Direction::ToServer, &FileConfig::default())
            .is_none()
    );
    set.close_all(FileState::Truncated);
    assert!(set.is_closed());
    set.files.iter_mut().for_each(|file| file.is_logged = true);
    set.drop_settled();
    assert!(set.files.is_empty());
}

proptest! {
    #[test]
    fn any_split_gives_the_same_file(
        data in proptest::collection::vec(any::<u8>(), 0..2000),
        cuts in proptest::collection::vec(0usize..2000, 0..8),
        window in 1usize..3000,
        trims in proptest::collection::vec(0u64..3000, 0..8),
    ) {
        let mut whole = File::new(b"", Direction::ToServer, &config(window));
        whole.append(&data);
        whole.close(FileState::Closed);
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= data.len()).collect();
        cuts.push(data.len());
        cuts.sort_unstable();
        let mut parts = File::new(b"", Direction::ToServer, &config(window));
        let mut at = 0;
        let mut stored = 0;
        for (n, cut) in cuts.into_iter().enumerate() {
            parts.append(&data[at..cut]);
            at = cut;
            prop_assert!(parts.data.len() <= window);
            if let Some(chunk) = parts.chunk() {
                let from = chunk.offset as usize;
                prop_assert_eq!(chunk.data, &data[from..from + chunk.data.len()]);
                prop_assert!(from == stored || parts.has_lost_bytes);
                stored = from + chunk.data.len();
            }
            parts.chunk_taken();
            if let Some(trim) = trims.get(n) {
                parts.trim_to(*trim);
            }
        }
        parts.close(FileState::Closed);
        prop_assert_eq!(parts.md5, whole.md5);
        prop_assert_eq!(parts.size, whole.size);
        let from = parts.offset as usize;
        prop_assert_eq!(&parts.data[..], &data[from..from + parts.data.len()]);
    }

    #[test]
    fn any_bytes_are_described(data in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(!magic::describe(&data).is_empty());
    }
}
