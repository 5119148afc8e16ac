//! Reading a backup: held against itself first, then written to where it belongs.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{Entry, Error, FORMAT, MANIFEST, MAX_FILES, MAX_MANIFEST, Manifest, hex, is_plain};

/// Bytes that are read at once.
const CHUNK: usize = 128 << 10;

type Tar = tar::Archive<zstd::Decoder<'static, io::BufReader<File>>>;

fn open(path: &Path) -> Result<Tar, Error> {
    let file = File::open(path).map_err(Error::file("read", path))?;
    let packed = zstd::Decoder::new(file).map_err(|error| Error::damaged(path, error))?;
    Ok(tar::Archive::new(packed))
}

/// Reads all of a backup and holds it against its manifest; writes nothing.
///
/// # Errors
/// It is damaged, or made by a newer Ratel.
pub fn check(path: &Path) -> Result<Manifest, Error> {
    let damaged = |why: &dyn std::fmt::Display| Error::damaged(path, why);
    let mut tar = open(path)?;
    let mut found: BTreeMap<String, (u64, String)> = BTreeMap::new();
    let mut manifest: Option<Manifest> = None;
    for entry in tar.entries().map_err(|error| damaged(&error))? {
        let mut entry = entry.map_err(|error| damaged(&error))?;
        let name = name_of(&entry).ok_or_else(|| damaged(&"an entry that is no plain file"))?;
        if manifest.is_some() {
            return Err(damaged(&"something stands behind its end"));
        }
        if name == MANIFEST {
            let mut text = Vec::new();
            let read = (&mut entry).take(MAX_MANIFEST).read_to_end(&mut text);
            read.map_err(|error| damaged(&error))?;
            manifest = Some(read_manifest(path, &text)?);
            continue;
        }
        let hashed = copy(&mut entry, &mut io::sink()).map_err(|error| damaged(&error))?;
        if found.len() >= MAX_FILES || found.insert(name, hashed).is_some() {
            return Err(damaged(&"too many entries, or one twice"));
        }
    }
    let manifest = manifest.ok_or_else(|| damaged(&"its end is missing"))?;
    for file in &manifest.files {
        match found.remove(&file.name) {
            None => return Err(damaged(&format!("{} is missing", file.name))),
            Some((bytes, sha256)) if bytes == file.bytes && sha256 == file.sha256 => {}
            Some(_) => return Err(damaged(&format!("{} is not what it was", file.name))),
        }
    }
    match found.keys().next() {
        Some(name) => Err(damaged(&format!("{name} is not in its list"))),
        None => Ok(manifest),
    }
}

fn read_manifest(path: &Path, text: &[u8]) -> Result<Manifest, Error> {
    #[derive(serde::Deserialize)]
    struct Form {
        format: u32,
        version: String,
    }
    let damaged = |error: serde_json::Error| Error::damaged(path, error);
    // A newer form may have another shape in all but this.
    let form: Form = serde_json::from_slice(text).map_err(damaged)?;
    if form.format > FORMAT {
        return Err(Error::Newer {
            path: path.to_owned(),
            version: form.version,
        });
    }
    serde_json::from_slice(text).map_err(damaged)
}

/// Writes the files of a backup that was checked to where `place` says; None leaves a file out. Each is held against
/// the manifest again as it is written: the file may have been exchanged in between. How many were written.
///
/// # Errors
/// A file can't be written or stands there already; the backup is another than the one that was checked.
pub fn unpack(
    path: &Path,
    manifest: &Manifest,
    place: impl Fn(&str) -> Option<PathBuf>,
) -> Result<usize, Error> {
    let damaged = |why: &dyn std::fmt::Display| Error::damaged(path, why);
    let listed: BTreeMap<&str, &Entry> = manifest
        .files
        .iter()
        .map(|file| (file.name.as_str(), file))
        .collect();
    let mut tar = open(path)?;
    let mut written = 0;
    for entry in tar.entries().map_err(|error| damaged(&error))? {
        let mut entry = entry.map_err(|error| damaged(&error))?;
        let name = name_of(&entry).ok_or_else(|| damaged(&"an entry that is no plain file"))?;
        let Some(file) = listed.get(name.as_str()) else {
            continue;
        };
        let Some(target) = place(&name) else {
            continue;
        };
        if let Some(folder) = target.parent() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(Error::file("make", folder))?;
        }
        let mut out = OpenOptions::new()
            .write(true)
            .create_new(true)
            // Nobody but the owner ever gets more than to read.
            .mode(file.mode & 0o755)
            .open(&target)
            .map_err(Error::file("write", &target))?;
        let hashed = copy(&mut entry, &mut out).map_err(Error::file("write", &target))?;
        if hashed != (file.bytes, file.sha256.clone()) {
            return Err(damaged(&format!("{name} is not what it was")));
        }
        out.sync_all().map_err(Error::file("write", &target))?;
        written += 1;
    }
    Ok(written)
}

/// The name of an entry that is a plain file with a plain name.
fn name_of<R: Read>(entry: &tar::Entry<'_, R>) -> Option<String> {
    let name = String::from_utf8(entry.path_bytes().into_owned()).ok()?;
    (entry.header().entry_type() == tar::EntryType::Regular && is_plain(&name)).then_some(name)
}

fn copy(from: &mut impl Read, to: &mut impl io::Write) -> io::Result<(u64, String)> {
    let (mut hash, mut bytes, mut chunk) = (Sha256::new(), 0, vec![0; CHUNK]);
    loop {
        let count = from.read(&mut chunk)?;
        if count == 0 {
            return Ok((bytes, hex(&hash.finalize())));
        }
        let read = chunk.get(..count).unwrap_or_default();
        hash.update(read);
        to.write_all(read)?;
        bytes += count as u64;
    }
}
