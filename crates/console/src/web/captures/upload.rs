//! Taking a file from a client: piece by piece onto the disk, under a name of ours, within limits.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use http_body_util::BodyExt as _;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout, timeout_at};

use crate::api::problem::Problem;
use crate::web::extract::media_type;
use crate::web::multipart::{Broken, Form, Piece};

/// Bytes of a capture: what one engine reads within some minutes.
pub const MAX_CAPTURE: u64 = 256 << 20;

/// Bytes of rules to be tested.
pub const MAX_RULES: usize = 1 << 20;

/// Bytes of a form beside its files.
const MAX_FORM: u64 = 64 << 10;

/// Characters of a file's name that are shown.
const MAX_NAME: usize = 128;

/// The whole of it has so long to arrive: 256 MiB over a line of 8 Mbit/s.
const ARRIVAL: Duration = Duration::from_secs(300);

/// Each piece of it has so long.
const PIECE: Duration = Duration::from_secs(15);

/// Pieces that wait for the disk.
const WAITING: usize = 16;

/// A file of ours that goes when this does.
#[derive(Debug)]
pub struct OnDisk(PathBuf);

impl OnDisk {
    fn create(folder: &Path, id: &str) -> std::io::Result<(OnDisk, File)> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let path = folder.join(format!("{id}.upload"));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        Ok((OnDisk(path), file))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for OnDisk {
    fn drop(&mut self) {
        // One that can't be removed is removed at the next start.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Removes what a process that was killed left.
pub fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.path().extension().is_some_and(|end| end == "upload") {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// What arrived.
#[derive(Debug)]
pub struct Upload {
    /// The capture.
    pub file: OnDisk,
    /// Its bytes.
    pub bytes: u64,
    /// What the browser calls it.
    pub name: Option<String>,
    /// The field `rules` of the form.
    pub rules: Option<String>,
}

/// Why it did not arrive.
#[derive(Debug)]
enum Failed {
    Form(&'static str),
    Empty,
    TooLarge,
    Disk(std::io::Error),
}

impl From<Broken> for Failed {
    fn from(broken: Broken) -> Failed {
        Failed::Form(broken.0)
    }
}

impl From<Failed> for Problem {
    fn from(failed: Failed) -> Problem {
        match failed {
            Failed::Empty => Problem::unprocessable("the capture is empty"),
            Failed::Form(why) => Problem::bad(format!("the form can't be read: {why}")),
            Failed::TooLarge => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!(
                    "a capture has at most {} MiB, rules 1 MiB",
                    MAX_CAPTURE >> 20
                ),
            ),
            Failed::Disk(error) => {
                tracing::error!(%error, "an upload can't be written");
                Problem::new(
                    StatusCode::INSUFFICIENT_STORAGE,
                    "the upload can't be written; see the log",
                )
            }
        }
    }
}

/// How the body carries the file.
enum Carried {
    Raw,
    Form(Form),
}

/// Takes the file of a request.
///
/// # Errors
/// It is no capture's body, too large, too slow, or the disk does not take it.
pub async fn receive(request: Request, folder: &Path, id: &str) -> Result<Upload, Problem> {
    let carried = match media_type(request.headers()).as_str() {
        "application/vnd.tcpdump.pcap" | "application/octet-stream" => Carried::Raw,
        "multipart/form-data" => {
            let kind = request.headers().get(header::CONTENT_TYPE);
            let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            Carried::Form(Form::new(kind).map_err(Failed::from)?)
        }
        _ => {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "a capture comes as multipart/form-data, application/vnd.tcpdump.pcap or application/octet-stream",
            ));
        }
    };
    let (pieces, waiting) = mpsc::channel(WAITING);
    let (folder, id) = (folder.to_owned(), id.to_owned());
    let writing = spawn_blocking(move || write(waiting, carried, &folder, &id));
    let whole = Instant::now() + ARRIVAL;
    let mut body = request.into_body();
    let slow = || {
        Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "the upload did not arrive in time",
        )
    };
    loop {
        let frame = timeout(PIECE, body.frame()).await.map_err(|_| slow())?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| slow())?;
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        match timeout_at(whole, pieces.send(bytes)).await {
            Ok(Ok(())) => {}
            // Whoever writes has ended, and says why.
            Ok(Err(_)) => break,
            Err(_) => return Err(slow()),
        }
    }
    drop(pieces);
    let written = writing.await.map_err(|error| {
        tracing::error!(%error, "an upload failed");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the upload failed; see the log",
        )
    })?;
    Ok(written?)
}

fn write(
    mut pieces: mpsc::Receiver<axum::body::Bytes>,
    carried: Carried,
    folder: &Path,
    id: &str,
) -> Result<Upload, Failed> {
    let (on_disk, mut file) = OnDisk::create(folder, id).map_err(Failed::Disk)?;
    let mut upload = Upload {
        file: on_disk,
        bytes: 0,
        name: None,
        rules: None,
    };
    let mut arrived = 0_u64;
    let mut form = match carried {
        Carried::Raw => None,
        Carried::Form(form) => Some(form),
    };
    let mut field = Field::Other;
    let mut has_capture = form.is_none();
    while let Some(bytes) = pieces.blocking_recv() {
        arrived += bytes.len() as u64;
        if arrived > MAX_CAPTURE + MAX_RULES as u64 + MAX_FORM {
            return Err(Failed::TooLarge);
        }
        let Some(form) = &mut form else {
            keep(&mut file, &mut upload.bytes, &bytes)?;
            continue;
        };
        form.feed(&bytes, &mut |piece| match piece {
            Piece::Begin { name, file } => {
                field = Field::of(name);
                if let Field::Capture = field {
                    if std::mem::replace(&mut has_capture, true) {
                        return Err(Failed::Form("it has two captures"));
                    }
                    upload.name = file.map(shown);
                }
                Ok(())
            }
            Piece::Data(data) => match field {
                Field::Capture => keep(&mut file, &mut upload.bytes, data),
                Field::Rules => {
                    let rules = upload.rules.get_or_insert_default();
                    rules.push_str(&String::from_utf8_lossy(data));
                    if rules.len() > MAX_RULES {
                        return Err(Failed::TooLarge);
                    }
                    Ok(())
                }
                Field::Other => Ok(()),
            },
        })?;
    }
    if form.is_some_and(|form| !form.is_done()) {
        return Err(Failed::Form("it does not end"));
    }
    if !has_capture {
        return Err(Failed::Form("it has no field \"capture\""));
    }
    if upload.bytes == 0 {
        return Err(Failed::Empty);
    }
    file.flush().map_err(Failed::Disk)?;
    Ok(upload)
}

/// Which field of the form.
#[derive(Clone, Copy)]
enum Field {
    Capture,
    Rules,
    Other,
}

impl Field {
    fn of(name: &str) -> Field {
        match name {
            "capture" | "file" => Field::Capture,
            "rules" => Field::Rules,
            _ => Field::Other,
        }
    }
}

fn keep(file: &mut File, so_far: &mut u64, data: &[u8]) -> Result<(), Failed> {
    *so_far += data.len() as u64;
    if *so_far > MAX_CAPTURE {
        return Err(Failed::TooLarge);
    }
    file.write_all(data).map_err(Failed::Disk)
}

/// A file's name for people: never a path, never more than a line.
fn shown(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = name.chars().filter(|c| !c.is_control());
    plain.take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    async fn check(kind: &str, body: Vec<u8>, expected: Result<(u64, Option<&str>), u16>) {
        let folder = tempfile::tempdir().unwrap();
        let request = Request::builder()
            .header("content-type", kind)
            .body(Body::from(body))
            .unwrap();
        let got = receive(request, folder.path(), "c1").await;
        let told = match &got {
            Ok(upload) => Ok((upload.bytes, upload.name.as_deref())),
            Err(problem) => Err(problem.status),
        };
        assert_eq!(told, expected, "{kind}");
        drop(got);
        // Whatever came of it, nothing stays.
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_file_arrives_under_a_name_of_ours_or_is_refused() {
        let form = |name: &str, file: &str, data: &str| {
            format!(
                "--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\n\r\n{data}\r\n--b--\r\n"
            )
            .into_bytes()
        };
        let multipart = "multipart/form-data; boundary=b";
        check("application/octet-stream", vec![1; 100], Ok((100, None))).await;
        check("application/octet-stream", vec![], Err(422)).await;
        check("text/plain", vec![1], Err(415)).await;
        let named = form("capture", "../../etc/a.pcap", "x");
        check(multipart, named, Ok((1, Some("a.pcap")))).await;
        check(multipart, form("other", "a", "x"), Err(400)).await;
        check(multipart, b"--b\r\n".to_vec(), Err(400)).await;
        check("multipart/form-data", vec![1], Err(400)).await;
    }

    #[test]
    fn what_a_killed_process_left_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let (file, _) = OnDisk::create(folder.path(), "c1").unwrap();
        std::mem::forget(file);
        std::fs::write(folder.path().join("other"), "x").unwrap();
        sweep(folder.path());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
