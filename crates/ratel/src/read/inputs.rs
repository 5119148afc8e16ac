//! Which captures are read, in which order, and through which filter.

use crate::cli::Read;
use crate::{Usage, bounded};
use anyhow::{Context, Result, bail};
use decode::filter::Filter;
use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Folders below folders are followed this far.
const MAX_DEPTH: usize = 8;
/// Longest file with a filter; nobody writes a longer one.
const MAX_FILTER_FILE: u64 = 1 << 20;
/// Characters of a wrong filter that are shown: what is wrong is told by its place.
const SHOWN_FILTER: usize = 200;

/// One capture.
#[derive(Debug)]
pub enum Input {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl Input {
    /// What people call it.
    pub fn name(&self) -> String {
        match self {
            Input::File(path) => path.display().to_string(),
            Input::Stdin => "standard input".to_owned(),
        }
    }
}

/// All captures, and the filter.
pub struct Inputs {
    /// In the order they are read.
    pub captures: Vec<Input>,
    /// Packets that are not let through are not counted either.
    pub filter: Option<Filter>,
}

impl Inputs {
    /// Finds the captures that the command line names.
    pub fn new(args: &Read) -> Result<Self> {
        let mut paths = args.captures.clone();
        let mut words = Vec::new();
        for word in &args.inputs {
            // The first word that names nothing on disk begins the filter, if captures were named.
            let is_path = word == "-" || Path::new(word).exists();
            if words.is_empty() && (is_path || paths.is_empty()) {
                paths.push(PathBuf::from(word));
            } else {
                words.push(word.as_str());
            }
        }
        if paths.is_empty() && !args.test && !args.engine_analysis {
            bail!(Usage(
                "no capture was named: ratel read CAPTURE, or -r CAPTURE".to_owned()
            ));
        }
        let mut captures = Vec::new();
        for path in &paths {
            find(path, &mut captures)?;
        }
        Ok(Inputs {
            captures,
            filter: filter(args, &words)?,
        })
    }
}

fn filter(args: &Read, words: &[&str]) -> Result<Option<Filter>> {
    let text = match &args.bpf_file {
        Some(path) => bounded::read_text(path, MAX_FILTER_FILE)
            .with_context(|| format!("cannot read the filter {}", path.display()))?,
        None => words.join(" "),
    };
    if text.trim().is_empty() {
        return Ok(None);
    }
    match Filter::parse(&text) {
        Ok(filter) => Ok(Some(filter)),
        Err(error) => {
            let shown: String = text.chars().take(SHOWN_FILTER).collect();
            bail!(Usage(format!("the BPF expression {shown:?} {error}")))
        }
    }
}

/// The captures that a path names: a file, all of a folder, or standard input.
pub fn find(path: &Path, captures: &mut Vec<Input>) -> Result<()> {
    if path == Path::new("-") || path == Path::new("/dev/stdin") {
        captures.push(Input::Stdin);
        return Ok(());
    }
    let kind = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if !kind.is_dir() {
        captures.push(Input::File(path.to_owned()));
        return Ok(());
    }
    let found = Walk::default().folder(path, 0);
    if found.is_empty() {
        bail!("the folder {} holds no captures", path.display());
    }
    captures.extend(found.into_iter().map(Input::File));
    Ok(())
}

/// A way through folders that sees each of them once, whatever links lead back to it.
#[derive(Default)]
struct Walk {
    seen: HashSet<PathBuf>,
}

impl Walk {
    /// The captures below a folder, and the folders that can't be read: opening those tells why.
    fn folder(&mut self, folder: &Path, depth: usize) -> Vec<PathBuf> {
        let is_new = fs::canonicalize(folder).is_ok_and(|path| self.seen.insert(path));
        if depth > MAX_DEPTH || !is_new {
            return Vec::new();
        }
        let entries = fs::read_dir(folder)
            .and_then(|entries| entries.map(|entry| entry.map(|e| e.path())).collect());
        let Ok::<Vec<_>, _>(mut paths) = entries else {
            return vec![folder.to_owned()];
        };
        paths.sort();
        let mut captures = Vec::new();
        for path in paths {
            match fs::metadata(&path) {
                Ok(kind) if kind.is_dir() => captures.extend(self.folder(&path, depth + 1)),
                // A pipe or a device would be waited for.
                Ok(kind) if kind.is_file() && is_capture(&path) => captures.push(path),
                Err(error) if error.kind() == ErrorKind::PermissionDenied => captures.push(path),
                Ok(_) | Err(_) => {}
            }
        }
        captures
    }
}

/// Whether a file in a folder is a capture, told by its first bytes; a compressed file counts where
/// its name says that a capture is inside. One that nobody lets us read may be one: opening it again
/// tells why it can't be read.
pub fn is_capture(path: &Path) -> bool {
    use std::io::Read as _;
    let mut magic = [0; 4];
    match fs::File::open(path) {
        Ok(mut file) => {
            if file.read_exact(&mut magic).is_err() {
                return false;
            }
        }
        Err(error) => return error.kind() == ErrorKind::PermissionDenied,
    }
    match magic {
        [0xd4, 0xc3, 0xb2, 0xa1]
        | [0xa1, 0xb2, 0xc3, 0xd4]
        | [0x4d, 0x3c, 0xb2, 0xa1]
        | [0xa1, 0xb2, 0x3c, 0x4d]
        | [0x34, 0xcd, 0xb2, 0xa1]
        | [0xa1, 0xb2, 0xcd, 0x34]
        | [0x0a, 0x0d, 0x0d, 0x0a] => true,
        [0x1f, 0x8b, _, _] | [0x28, 0xb5, 0x2f, 0xfd] => path
            .to_str()
            .is_some_and(|name| name.contains("pcap") || name.contains(".cap")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of a pcap file.
    const CAPTURE: &[u8] = &[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];

    #[cfg(unix)]
    #[test]
    fn links_that_lead_back_show_no_capture_twice() {
        let top = tempfile::tempdir().expect("a folder");
        let below = top.path().join("a/b");
        fs::create_dir_all(&below).expect("made");
        fs::write(below.join("one.pcap"), CAPTURE).expect("written");
        for n in 0..8 {
            let link = below.join(format!("back-{n}"));
            std::os::unix::fs::symlink(top.path(), link).expect("linked");
        }
        let found = Walk::default().folder(top.path(), 0);
        assert_eq!(found, [below.join("one.pcap")]);
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_in_a_folder_is_not_waited_for() {
        let top = tempfile::tempdir().expect("a folder");
        fs::write(top.path().join("one.pcap"), CAPTURE).expect("written");
        let socket = std::os::unix::net::UnixListener::bind(top.path().join("two.pcap"));
        let found = Walk::default().folder(top.path(), 0);
        assert_eq!(found, [top.path().join("one.pcap")]);
        drop(socket);
    }
}
