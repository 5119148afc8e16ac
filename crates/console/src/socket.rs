//! The control socket as a file: its folder, its mode, and what to do about one that stands there.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The longest path that a Unix socket may have (`sun_path` of unix(7), with its closing zero).
const MAX_PATH: usize = 107;

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has it.
    #[error("console: another Ratel{} listens at {}", Owner(pid), path.display())]
    Live {
        /// The socket.
        path: PathBuf,
        /// Who it says it is.
        pid: Option<u32>,
    },
    /// Something that is no socket stands there: it is left alone.
    #[error("console: {} is not a socket; move it away or choose another console.socket", .0.display())]
    NotASocket(PathBuf),
    /// The path is too long for a socket.
    #[error("console: {} is too long for a socket: more than {MAX_PATH} bytes", .0.display())]
    TooLong(PathBuf),
    /// A step failed.
    #[error("console: cannot {what} {}: {source}", path.display())]
    Io {
        /// The step.
        what: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

struct Owner<'a>(&'a Option<u32>);

impl std::fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(pid) => write!(f, " (process {pid})"),
            None => Ok(()),
        }
    }
}

/// A socket that listens; the file goes when this is dropped.
#[derive(Debug)]
pub struct Bound {
    listener: UnixListener,
    path: PathBuf,
    inode: u64,
    /// Held as long as we live: the kernel lets go of it however we die.
    _lock: File,
}

impl Bound {
    /// What accepts.
    pub fn listener(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode);
        if ours {
            // Where it can't be removed it is stale, and the next start replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Listens at `path`, mode 0600, in a folder that is made where it is missing (mode 0755: the
/// socket's own mode protects it). What a dead process left is replaced.
pub fn bind(path: &Path) -> Result<Bound, Error> {
    // Room for the name that the socket has before it may be seen.
    let fresh = path.with_extension("new");
    if path.as_os_str().len().max(fresh.as_os_str().len()) > MAX_PATH {
        return Err(Error::TooLong(path.to_owned()));
    }
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(folder)
            .map_err(|source| failed("make the folder", folder, source))?;
    }
    let lock = lock(path)?;
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(Error::NotASocket(path.to_owned()));
        }
        // Somebody who keeps no lock beside the socket, yet answers.
        Ok(_) if UnixStream::connect(path).is_ok() => {
            return Err(Error::Live {
                path: path.to_owned(),
                pid: None,
            });
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(failed("look at", path, source)),
    }
    // Bound under another name and renamed: nobody ever finds it with another mode, or half made.
    let _ = fs::remove_file(&fresh);
    let listener =
        UnixListener::bind(&fresh).map_err(|source| failed("listen at", path, source))?;
    let made = fs::set_permissions(&fresh, Permissions::from_mode(0o600))
        .and_then(|()| listener.set_nonblocking(true))
        .and_then(|()| fs::rename(&fresh, path))
        .and_then(|()| fs::symlink_metadata(path));
    match made {
        Ok(found) => Ok(Bound {
            listener,
            path: path.to_owned(),
            inode: found.ino(),
            _lock: lock,
        }),
        Err(source) => {
            let _ = fs::remove_file(&fresh);
            Err(failed("listen at", path, source))
        }
    }
}

/// The lock beside the socket. It stays when we go: removing it would let two take it at once.
fn lock(path: &Path) -> Result<File, Error> {
    let beside = path.with_extension("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&beside)
        .map_err(|source| failed("open", &beside, source))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let _ = file.read_to_string(&mut text);
            return Err(Error::Live {
                path: path.to_owned(),
                pid: text.trim().parse().ok(),
            });
        }
        Err(TryLockError::Error(source)) => return Err(failed("lock", &beside, source)),
    }
    // Only told to whom we refuse: a disk that is full is no reason not to start.
    let _ = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

fn failed(what: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_made_and_only_its_owner_may_use_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/ratel.sock");
        let bound = bind(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        UnixStream::connect(&path).unwrap();
        drop(bound);
        assert!(!path.exists());
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_live_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ratel.sock");
        // A listener that is dropped leaves its file, as a process that was killed does.
        drop(UnixListener::bind(&path).unwrap());
        let bound = bind(&path).unwrap();
        let told = bind(&path).unwrap_err().to_string();
        let expected = format!(
            "console: another Ratel (process {}) listens at {}",
            std::process::id(),
            path.display()
        );
        assert_eq!(told, expected);
        drop(bound);
        let other = UnixListener::bind(&path).unwrap();
        assert!(matches!(bind(&path), Err(Error::Live { pid: None, .. })));
        drop(other);
        bind(&path).unwrap();
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ratel.sock");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(bind(&path), Err(Error::NotASocket(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        let long = folder.path().join("x".repeat(200));
        assert!(matches!(bind(&long), Err(Error::TooLong(_))));
        let under_a_file = path.join("ratel.sock");
        assert!(matches!(bind(&under_a_file), Err(Error::Io { .. })));
    }
}
