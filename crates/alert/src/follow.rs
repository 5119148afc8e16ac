//! Files that are read again when they change: assets and Sigma rules.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Files below the folders that are named; a folder with more is a wrong one.
const MAX_FILES: usize = 10_000;
/// Folders within folders.
const MAX_DEPTH: usize = 8;
/// The largest file that is read.
const MAX_BYTES: u64 = 16 << 20;

/// What a file looked like: another time or size is another file.
type Look = (PathBuf, Option<SystemTime>, u64);

/// Paths and what stood there last.
#[derive(Debug, Default)]
pub struct Followed {
    paths: Vec<PathBuf>,
    extensions: &'static [&'static str],
    seen: Option<Vec<Look>>,
}

/// A file that was read, or why it can't be.
pub type Read = (String, Result<String, String>);

impl Followed {
    /// Files, and of folders the files with these extensions.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>, extensions: &'static [&'static str]) -> Followed {
        Followed {
            paths,
            extensions,
            seen: None,
        }
    }

    /// All files, where one of them changed since this was asked last.
    pub fn changed(&mut self) -> Option<Vec<Read>> {
        let mut looks = Vec::new();
        for path in &self.paths {
            look(path, self.extensions, 0, &mut looks);
        }
        looks.sort();
        if self.seen.as_ref() == Some(&looks) {
            return None;
        }
        let texts = looks.iter().map(|(path, _, size)| {
            let text = read(path, *size);
            (path.display().to_string(), text)
        });
        let texts = texts.collect();
        self.seen = Some(looks);
        Some(texts)
    }
}

fn look(path: &Path, extensions: &[&str], depth: usize, looks: &mut Vec<Look>) {
    if looks.len() >= MAX_FILES || depth > MAX_DEPTH {
        return;
    }
    let Ok(metadata) = std::fs::metadata(path) else {
        // What is named and is not there is told when it is read.
        looks.push((path.to_owned(), None, 0));
        return;
    };
    if !metadata.is_dir() {
        looks.push((path.to_owned(), metadata.modified().ok(), metadata.len()));
        return;
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut below: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    below.sort();
    for path in below {
        let extension = path
            .extension()
            .and_then(|e| e.to_str())
            .unwrap_or_default();
        if path.is_dir() || extensions.contains(&extension) {
            look(&path, extensions, depth + 1, looks);
        }
    }
}

fn read(path: &Path, size: u64) -> Result<String, String> {
    if size > MAX_BYTES {
        return Err(format!("{size} bytes; at most {MAX_BYTES} are read"));
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_when_they_change_and_only_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("sub")).unwrap();
        std::fs::write(path("a.yml"), "a").unwrap();
        std::fs::write(path("sub/b.yaml"), "b").unwrap();
        std::fs::write(path("c.txt"), "c").unwrap();
        let paths = vec![folder.path().to_owned(), path("missing.yml")];
        let mut followed = Followed::new(paths, &["yml", "yaml"]);
        let texts = |read: Vec<Read>| -> Vec<Result<String, bool>> {
            read.into_iter()
                .map(|(_, text)| text.map_err(|_| true))
                .collect()
        };
        let first = texts(followed.changed().unwrap());
        assert_eq!(first, [Ok("a".into()), Err(true), Ok("b".into())]);
        assert!(followed.changed().is_none());
        std::fs::write(path("a.yml"), "other").unwrap();
        assert_eq!(texts(followed.changed().unwrap())[0], Ok("other".into()));
        std::fs::remove_file(path("a.yml")).unwrap();
        assert_eq!(followed.changed().unwrap().len(), 2);
    }
}
