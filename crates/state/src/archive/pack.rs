//! Writing a backup.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use event::Timestamp;
use sha2::{Digest as _, Sha256};

use super::folder::{self, Open};
use super::{Entry, Error, FORMAT, MANIFEST, MAX_FILES, Manifest, Part, hex, is_plain};

/// How hard zstd tries: what is kept is packed already for the most part.
const LEVEL: i32 = 3;
/// Folders in folders.
const MAX_DEPTH: usize = 32;
/// What a file is called until it is whole.
const PARTIAL: &str = "partial";

/// Writes a backup of these parts to `path`, mode 0600: it has keys in it. It is there when it is whole.
///
/// # Errors
/// There is such a file already, something can't be read or written, a file shrank while it was read.
pub fn pack(path: &Path, parts: &[Part], version: &str, now: Timestamp) -> Result<Manifest, Error> {
    if path.exists() {
        let exists = io::Error::from(io::ErrorKind::AlreadyExists);
        return Err(Error::file("write", path)(exists));
    }
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{PARTIAL}"));
    let partial = PathBuf::from(partial);
    let done = write(&partial, path, parts, version, now);
    if done.is_err() {
        let _ = fs::remove_file(&partial);
    }
    done
}

fn write(
    partial: &Path,
    path: &Path,
    parts: &[Part],
    version: &str,
    now: Timestamp,
) -> Result<Manifest, Error> {
    let failed = |source| Error::file("write", path)(source);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(partial)
        .map_err(failed)?;
    let packed = zstd::Encoder::new(file, LEVEL).map_err(failed)?;
    let mut packing = Packing {
        path,
        tar: tar::Builder::new(packed),
        files: Vec::new(),
        now,
    };
    for part in parts {
        match part {
            Part::File { name, path } => {
                let file = File::open(path).map_err(Error::file("read", path))?;
                let facts = file.metadata().map_err(Error::file("look at", path))?;
                packing.add(Open {
                    name: name.clone(),
                    path: path.clone(),
                    bytes: facts.len(),
                    mode: 0o600,
                    file,
                })?;
            }
            Part::Folder {
                name,
                folder,
                without,
            } => {
                // Neither the backup itself nor what it is until it is whole.
                let mut without = without.clone();
                without.extend([path.to_owned(), partial.to_owned()]);
                packing.folder(name, folder, &without, 0)?;
            }
        }
    }
    let manifest = Manifest {
        format: FORMAT,
        version: version.to_owned(),
        created: now,
        files: packing.files,
    };
    let text = serde_json::to_vec(&manifest).map_err(|error| failed(error.into()))?;
    let mut header = header(text.len() as u64, 0o600, now);
    let mut tar = packing.tar;
    tar.append_data(&mut header, MANIFEST, text.as_slice())
        .map_err(failed)?;
    let mut file = tar
        .into_inner()
        .and_then(zstd::Encoder::finish)
        .map_err(failed)?;
    file.flush()
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(partial, path))
        .map_err(failed)?;
    Ok(manifest)
}

struct Packing<'p> {
    path: &'p Path,
    tar: tar::Builder<zstd::Encoder<'static, File>>,
    files: Vec<Entry>,
    now: Timestamp,
}

impl Packing<'_> {
    fn folder(
        &mut self,
        name: &str,
        folder: &Path,
        without: &[PathBuf],
        depth: usize,
    ) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            let folder = folder.display();
            return Err(Error::TooMuch(format!(
                "{folder}: too many folders in folders"
            )));
        }
        let found = folder::read(folder, without)?;
        for file in found.files {
            let name = format!("{name}/{}", file.name);
            self.add(Open { name, ..file })?;
        }
        for (inner, path) in found.folders {
            self.folder(&format!("{name}/{inner}"), &path, without, depth + 1)?;
        }
        Ok(())
    }

    /// The file as long as it was when it was opened: what is appended to it since belongs to later.
    fn add(&mut self, open: Open) -> Result<(), Error> {
        if !is_plain(&open.name) || self.files.len() >= MAX_FILES {
            let name = open.path.display();
            return Err(Error::TooMuch(format!(
                "{name}: its name is none of ours, or there are more than {MAX_FILES} files"
            )));
        }
        let mut reader = Hashing {
            from: (&open.file).take(open.bytes),
            hash: Sha256::new(),
            left: open.bytes,
        };
        let mut header = header(open.bytes, open.mode, self.now);
        let added = self.tar.append_data(&mut header, &open.name, &mut reader);
        added.map_err(Error::file("back up", &open.path))?;
        if reader.left > 0 {
            let shrank = io::Error::other("it shrank while it was read: try again");
            return Err(Error::file("back up", self.path)(shrank));
        }
        self.files.push(Entry {
            name: open.name,
            bytes: open.bytes,
            sha256: hex(&reader.hash.finalize()),
            mode: open.mode,
        });
        Ok(())
    }
}

fn header(bytes: u64, mode: u32, now: Timestamp) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(bytes);
    header.set_mode(mode);
    header.set_mtime(u64::try_from(now.secs()).unwrap_or(0));
    header
}

struct Hashing<R> {
    from: R,
    hash: Sha256,
    left: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        self.hash.update(into.get(..count).unwrap_or_default());
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}
