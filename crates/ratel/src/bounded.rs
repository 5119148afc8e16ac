//! Reads whole files that people name, up to a limit: a device or a pipe may have no end.

use std::fs::File;
use std::io::{self, Error, ErrorKind, Read as _};
use std::path::Path;

/// Everything that `path` holds.
///
/// # Errors
/// Where it can't be read, and where it holds more than `most` bytes.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    // What a file says of its size is where to begin, no more: devices say 0, and files grow.
    let expected = file.metadata().map_or(0, |kind| kind.len()).min(most);
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let why = format!("it holds more than {most} bytes");
        return Err(Error::new(ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

/// The same, as text.
///
/// # Errors
/// Beside those of [`read`], where the bytes are no UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?)
        .map_err(|_| Error::new(ErrorKind::InvalidData, "it is not text in UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(most: u64, expected: Result<&[u8], ErrorKind>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, b"abc").expect("written");
        let got = read(&path, most).map_err(|error| error.kind());
        assert_eq!(got.as_deref(), expected.as_ref().copied());
    }

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        check(3, Ok(b"abc"));
        check(2, Err(ErrorKind::FileTooLarge));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_without_end_is_refused() {
        let got = read(Path::new("/dev/zero"), 1000).map_err(|error| error.kind());
        assert_eq!(got, Err(ErrorKind::FileTooLarge));
    }
}
