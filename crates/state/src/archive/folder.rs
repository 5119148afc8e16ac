//! A folder that changes while it is read: its files opened so that they belong together.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::Error;

/// What lists the files of a search index that belong together; it is exchanged whole, and files that it does not name
/// any more are removed.
const LIST: &str = "meta.json";
/// How often it is tried to find an index between two of its changes.
const TRIES: usize = 50;
/// Bytes of a list.
const MAX_LIST: u64 = 64 << 20;

/// A file, open: what is removed or renamed from now on is still read.
#[derive(Debug)]
pub(super) struct Open {
    pub name: String,
    pub path: PathBuf,
    pub file: File,
    pub bytes: u64,
    pub mode: u32,
}

/// Files and folders of one folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub files: Vec<Open>,
    pub folders: Vec<(String, PathBuf)>,
}

/// Everything in a folder, by name; what vanishes meanwhile is not there. Locks, sockets, links and files that are being
/// written under another name are nothing that must be kept.
pub(super) fn read(folder: &Path, without: &[PathBuf]) -> Result<Found, Error> {
    let list = folder.join(LIST);
    for _ in 0..TRIES {
        let before = content(&list);
        let found = open_all(folder, without)?;
        if before == content(&list) {
            return Ok(found);
        }
    }
    Err(Error::TooMuch(format!(
        "{} changes faster than it can be read: try again",
        folder.display()
    )))
}

fn content(list: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(list)
        .and_then(|file| file.take(MAX_LIST).read_to_end(&mut bytes))
        .ok()?;
    Some(bytes)
}

fn open_all(folder: &Path, without: &[PathBuf]) -> Result<Found, Error> {
    let mut found = Found::default();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        entries => entries.map_err(Error::file("read", folder))?,
    };
    for entry in entries {
        let entry = entry.map_err(Error::file("read", folder))?;
        let path = entry.path();
        if without.contains(&path) {
            continue;
        }
        let Ok(name) = entry.file_name().into_string() else {
            return Err(Error::TooMuch(format!(
                "{}: not a name of ours",
                path.display()
            )));
        };
        let kind = match entry.file_type() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            kind => kind.map_err(Error::file("look at", &path))?,
        };
        if kind.is_dir() {
            found.folders.push((name, path));
        } else if kind.is_file() && !is_passing(&name) {
            found.files.extend(open(name, path)?);
        }
    }
    found.files.sort_by(|one, other| one.name.cmp(&other.name));
    found.folders.sort();
    Ok(found)
}

/// Locks, and files that are renamed when they are whole.
fn is_passing(name: &str) -> bool {
    let ends = [".lock", ".new", ".tmp", ".partial"];
    name == "lock" || name.contains(".new-") || ends.iter().any(|end| name.ends_with(end))
}

fn open(name: String, path: PathBuf) -> Result<Option<Open>, Error> {
    // A link that took the file's place is not followed.
    let opened = fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(&path);
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(Error::file("read", &path))?,
    };
    let facts = file.metadata().map_err(Error::file("look at", &path))?;
    Ok(Some(Open {
        name,
        bytes: facts.len(),
        mode: facts.mode() & 0o777,
        file,
        path,
    }))
}
