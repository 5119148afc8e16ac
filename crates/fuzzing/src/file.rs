//! Files: the pieces they come in change neither hashes nor description, and the window is kept.

use crate::input::{Cuts, Input};
use crate::talk::describe_file;
use decode::file::{File, FileConfig, FileLimits, FileState, FileWants, magic};
use event::Direction;

/// Files and their description: a byte for the cuts, a byte of flags (1 a gap after the first
/// piece, 2 a small window, 4 stored), then the content.
pub fn file(data: &[u8]) {
    let mut input = Input(data);
    let (seed, flags) = (input.byte(), input.byte());
    let content = input.0;
    let text = magic::describe(content);
    assert!(!text.is_empty() && text.len() < 1024, "{text}");
    assert!(
        !text.contains(char::is_control),
        "a description is one line: {text:?}"
    );
    let whole = tell(content, None, flags);
    let cut = tell(content, Some(Cuts::new(seed)), flags);
    if flags & 1 == 0 {
        assert_eq!(whole, cut, "cuts change the file");
    }
}

fn tell(content: &[u8], mut cuts: Option<Cuts>, flags: u8) -> String {
    let window = if flags & 2 == 0 { 1 << 20 } else { 64 };
    let config = FileConfig {
        wants: FileWants {
            md5: true,
            sha1: true,
            sha256: true,
            // A longer file is described by what has come when there is enough.
            magic: (content.len() as u64) < magic::MIN_SIZE,
            store: flags & 4 != 0,
        },
        limits: FileLimits { window },
    };
    let mut file = File::new(b"name", Direction::ToClient, &config);
    let (mut rest, mut stored, mut sent) = (content, Vec::new(), 0u64);
    while !rest.is_empty() {
        let len = cuts
            .as_mut()
            .map_or(rest.len(), Cuts::next_len)
            .min(rest.len());
        let (piece, after) = rest.split_at(len);
        file.append(piece);
        sent += piece.len() as u64;
        if flags & 1 != 0 && sent == piece.len() as u64 {
            file.gap(u64::from(flags));
            sent += u64::from(flags);
        }
        rest = after;
        assert!(file.data.len() <= window, "more is held than the window");
        assert_eq!(file.offset + file.data.len() as u64, sent.max(file.offset));
        if let Some(chunk) = file.chunk() {
            stored.extend_from_slice(chunk.data);
            file.chunk_taken();
        }
        if flags & 8 != 0 {
            file.trim_to(sent / 2);
        }
    }
    file.close(FileState::Closed);
    assert_eq!(file.size, sent);
    if flags & 4 != 0 && !file.has_lost_bytes && !file.has_gaps {
        assert!(stored == content, "what is stored is not what came");
    }
    let mut told = String::new();
    describe_file(&file, &mut told);
    told
}
