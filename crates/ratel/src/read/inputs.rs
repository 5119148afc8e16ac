//! Which captures are read, in which order, and through which filter.

use crate::Usage;
use crate::cli::Read;
use anyhow::{Context, Result, bail};
use decode::filter::Filter;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders below folders are followed this far.
const MAX_DEPTH: usize = 8;

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
        Some(path) => fs::read_to_string(path)
            .with_context(|| format!("cannot read the filter {}", path.display()))?,
        None => words.join(" "),
    };
    if text.trim().is_empty() {
        return Ok(None);
    }
    match Filter::parse(&text) {
        Ok(filter) => Ok(Some(filter)),
        Err(error) => bail!(Usage(format!("the BPF expression {text:?} {error}"))),
    }
}

fn find(path: &Path, captures: &mut Vec<Input>) -> Result<()> {
    if path == Path::new("-") || path == Path::new("/dev/stdin") {
        captures.push(Input::Stdin);
        return Ok(());
    }
    let kind = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if !kind.is_dir() {
        captures.push(Input::File(path.to_owned()));
        return Ok(());
    }
    let before = captures.len();
    walk(path, 0, captures)?;
    if captures.len() == before {
        bail!("the folder {} holds no captures", path.display());
    }
    Ok(())
}

fn walk(folder: &Path, depth: usize, captures: &mut Vec<Input>) -> Result<()> {
    if depth > MAX_DEPTH {
        return Ok(());
    }
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|e| e.path())).collect())
        .with_context(|| format!("cannot read the folder {}", folder.display()))?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, depth + 1, captures)?;
        } else if is_capture(&path) {
            captures.push(Input::File(path));
        }
    }
    Ok(())
}

/// Whether a file in a folder is a capture, told by its first bytes; a compressed file counts where
/// its name says that a capture is inside.
fn is_capture(path: &Path) -> bool {
    use std::io::Read as _;
    let mut magic = [0; 4];
    if !fs::File::open(path).is_ok_and(|mut file| file.read_exact(&mut magic).is_ok()) {
        return false;
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
