//! Files of arrays: written whole or not at all, read with suspicion.
//!
//! The format is safetensors: a head in JSON, then numbers. What is ours stands as JSON under one key of its head.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::detector::Tensors;

/// The key of the head that is ours.
const KEY: &str = "ratel";
/// A file that is larger is not read: the largest model of ours is far smaller.
pub const MAX_BYTES: u64 = 1 << 30;

/// A file that is no file of arrays.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It can't be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is larger than any of ours.
    #[error("{0} bytes are more than a model has")]
    Large(u64),
    /// It is cut off, or something else.
    #[error("not a whole safetensors file: {0}")]
    Format(String),
    /// It is not ours.
    #[error("a safetensors file, but not of ratel: its head has no key {KEY:?}")]
    NotOurs,
    /// Numbers of another type.
    #[error("array {0:?} does not hold numbers of type F32")]
    Type(String),
    /// A number that is none.
    #[error("array {0:?} holds NaN or infinity")]
    NotFinite(String),
}

/// Writes a file beside its place, makes sure that the disk has it, and only then moves it there: who is killed, or
/// finds the disk full, leaves the old file as it was.
///
/// # Errors
/// The disk's.
pub fn write(path: &Path, head: &str, tensors: &Tensors) -> io::Result<()> {
    let bytes: Vec<(&String, Vec<u8>)> = tensors
        .iter()
        .map(|(name, values)| (name, values.iter().flat_map(|v| v.to_le_bytes()).collect()))
        .collect();
    let views = bytes.iter().map(|(name, bytes)| {
        let shape = vec![bytes.len() / size_of::<f32>()];
        Ok((*name, TensorView::new(Dtype::F32, shape, bytes)?))
    });
    let views: Result<Vec<_>, safetensors::SafeTensorError> = views.collect();
    let head = [(KEY.to_owned(), head.to_owned())].into_iter().collect();
    let whole = views.and_then(|views| safetensors::serialize(views, Some(head)));
    let whole = whole.map_err(|error| io::Error::other(error.to_string()))?;
    write_whole(path, &whole)
}

/// Reads a file: our part of its head, and its arrays.
///
/// # Errors
/// What is wrong with it.
pub fn read(path: &Path) -> Result<(String, Tensors), Error> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    if size > MAX_BYTES {
        return Err(Error::Large(size));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    parse(&bytes)
}

/// Reads a file's bytes.
///
/// # Errors
/// What is wrong with them.
pub fn parse(bytes: &[u8]) -> Result<(String, Tensors), Error> {
    let format = |error: safetensors::SafeTensorError| Error::Format(error.to_string());
    let (_, head) = SafeTensors::read_metadata(bytes).map_err(format)?;
    let ours = head.metadata().as_ref().and_then(|head| head.get(KEY));
    let ours = ours.ok_or(Error::NotOurs)?.clone();
    let mut tensors = Tensors::new();
    for (name, view) in SafeTensors::deserialize(bytes).map_err(format)?.iter() {
        if view.dtype() != Dtype::F32 {
            return Err(Error::Type(name.to_owned()));
        }
        let numbers = view.data().chunks_exact(size_of::<f32>());
        let numbers: Vec<f32> = numbers
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        if !numbers.iter().all(|number| number.is_finite()) {
            return Err(Error::NotFinite(name.to_owned()));
        }
        tensors.insert(name.to_owned(), numbers);
    }
    Ok((ours, tensors))
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    fs::create_dir_all(&folder)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let moved = written.and_then(|()| fs::rename(&beside, path));
    if moved.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&beside);
    }
    moved?;
    // The folder's entry must survive a power cut too.
    File::open(&folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::folder::Folder;

    #[test]
    fn what_was_written_is_read() {
        let folder = Folder::new();
        let path = folder.path().join("deep/model");
        let tensors = Tensors::from([("a".to_owned(), vec![1.5, -2.0]), ("b".to_owned(), vec![])]);
        write(&path, "{}", &tensors).unwrap();
        assert_eq!(read(&path).unwrap(), ("{}".to_owned(), tensors));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_cut_off_or_not_ours_is_refused() {
        let folder = Folder::new();
        let path = folder.path().join("model");
        let tensors = Tensors::from([("a".to_owned(), vec![1.0; 100])]);
        write(&path, "{}", &tensors).unwrap();
        let whole = fs::read(&path).unwrap();
        for size in 0..whole.len() {
            assert!(parse(&whole[..size]).is_err(), "{size}");
        }
        let nan = Tensors::from([("a".to_owned(), vec![1.0, f32::NAN])]);
        write(&path, "{}", &nan).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert_eq!(error, "array \"a\" holds NaN or infinity");
        let other = safetensors::serialize(Vec::<(String, TensorView<'_>)>::new(), None).unwrap();
        assert!(matches!(parse(&other), Err(Error::NotOurs)));
    }

    #[test]
    fn a_full_disk_leaves_the_old_file_as_it_was() {
        let folder = Folder::new();
        let path = folder.path().join("model");
        let tensors = Tensors::from([("a".to_owned(), vec![1.0])]);
        write(&path, "old", &tensors).unwrap();
        // Where the part would be written stands a folder: no byte can be written, as on a full disk.
        let part = format!("model.{}.part", std::process::id());
        fs::create_dir(folder.path().join(part)).unwrap();
        assert!(write(&path, "new", &tensors).is_err());
        assert_eq!(read(&path).unwrap().0, "old");
    }
}
