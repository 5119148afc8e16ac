//! A training's state on disk: who is killed goes on from the last round, and comes to the same model.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fit::{Job, State};
use super::{Error, Progress, Watch};
use crate::detector::Tensors;
use crate::model::file;
use crate::net::{Net, Shape};

/// A training's nets, those that are done and the one that is learning.
pub struct Checkpoint<'a> {
    path: Option<PathBuf>,
    fingerprint: String,
    done: Vec<(String, Net)>,
    current: Option<(String, Shape, State)>,
    watch: &'a mut dyn Watch,
    /// Nets of the whole training.
    jobs: usize,
}

/// What stands in the file's head.
#[derive(Serialize, Deserialize)]
struct Head {
    fingerprint: String,
    done: Vec<(String, Shape)>,
    current: Option<(String, Shape, State)>,
}

impl<'a> Checkpoint<'a> {
    /// Goes on from a folder's checkpoint of this training, or begins. Other trainings' are left alone: the
    /// fingerprint, of rows and settings, is part of the name.
    ///
    /// # Errors
    /// A checkpoint that can't be read.
    pub fn open(
        folder: Option<&Path>,
        fingerprint: &str,
        jobs: usize,
        watch: &'a mut dyn Watch,
    ) -> Result<Self, Error> {
        let mut checkpoint = Checkpoint {
            path: folder.map(|folder| path(folder, fingerprint)),
            fingerprint: fingerprint.to_owned(),
            done: Vec::new(),
            current: None,
            watch,
            jobs,
        };
        if let Some(path) = checkpoint.path.clone().filter(|path| path.exists()) {
            checkpoint.read(&path)?;
        }
        Ok(checkpoint)
    }

    /// Trains a net, or takes it from where it is already trained.
    ///
    /// # Errors
    /// A loss that is no number, a checkpoint that can't be written, or a stop.
    pub fn run(
        &mut self,
        what: &'static str,
        name: &str,
        job: &Job<'_>,
        begin: impl FnOnce() -> State,
    ) -> Result<Net, Error> {
        if let Some((_, net)) = self.done.iter().find(|(done, _)| done == name) {
            return Ok(net.clone());
        }
        let mut state = match self.current.take() {
            Some((current, shape, state)) if current == name && shape == job.shape => state,
            _ => begin(),
        };
        while !job.is_done(&state) {
            job.epoch(&mut state)?;
            self.current = Some((name.to_owned(), job.shape, state.clone()));
            self.write()?;
            #[allow(clippy::cast_precision_loss)]
            let part_done = (self.done.len() as f32 + state.epoch as f32 / job.epochs as f32)
                / self.jobs.max(1) as f32;
            let progress = Progress {
                what,
                epoch: state.epoch,
                epochs: job.epochs,
                loss: state.loss,
                held_back: state.held_back,
                best: state.best,
                part_done: part_done.min(1.0),
            };
            if !self.watch.epoch(&progress) {
                return Err(Error::Stopped { epoch: state.epoch });
            }
        }
        let net = Net {
            shape: job.shape,
            weights: state.best_weights,
        };
        self.current = None;
        self.done.push((name.to_owned(), net.clone()));
        self.write()?;
        Ok(net)
    }

    fn write(&self) -> Result<(), Error> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let mut tensors = Tensors::new();
        for (name, net) in &self.done {
            tensors.extend(net.to_tensors(&format!("done.{name}")));
        }
        if let Some((_, shape, state)) = &self.current {
            for (name, weights) in arrays(state) {
                let net = Net {
                    shape: *shape,
                    weights: weights.clone(),
                };
                tensors.extend(net.to_tensors(name));
            }
        }
        let head = Head {
            fingerprint: self.fingerprint.clone(),
            done: self
                .done
                .iter()
                .map(|(name, net)| (name.clone(), net.shape))
                .collect(),
            current: self.current.clone(),
        };
        let written = serde_json::to_string(&head)
            .map_err(|error| std::io::Error::other(error.to_string()))
            .and_then(|head| file::write(path, &head, &tensors));
        written.map_err(|source| self.error(path, source))
    }

    fn read(&mut self, path: &Path) -> Result<(), Error> {
        let invalid = |why: String| std::io::Error::new(std::io::ErrorKind::InvalidData, why);
        let (head, tensors) =
            file::read(path).map_err(|error| self.error(path, invalid(error.to_string())))?;
        let head: Head = serde_json::from_str(&head)
            .map_err(|error| self.error(path, invalid(error.to_string())))?;
        if head.fingerprint != self.fingerprint {
            return Err(Error::OtherTraining {
                path: path.to_owned(),
            });
        }
        let net = |shape: Shape, prefix: &str| {
            Net::from_tensors(shape, prefix, &tensors)
                .map_err(|name| self.error(path, invalid(format!("array {name:?} is missing"))))
        };
        let mut done = Vec::new();
        for (name, shape) in head.done {
            let net = net(shape, &format!("done.{name}"))?;
            done.push((name, net));
        }
        let mut current = head.current;
        if let Some((_, shape, state)) = &mut current {
            state.weights = net(*shape, "now")?.weights;
            state.best_weights = net(*shape, "best")?.weights;
            state.means = net(*shape, "mean")?.weights;
            state.squares = net(*shape, "square")?.weights;
        }
        (self.done, self.current) = (done, current);
        Ok(())
    }

    fn error(&self, path: &Path, source: std::io::Error) -> Error {
        Error::Checkpoint {
            path: path.to_owned(),
            source,
        }
    }
}

/// A checkpoint's name ends so.
const SUFFIX: &str = "ratel-checkpoint";

/// Removes the checkpoints of these names in a folder, with what a kill left of them half written, and nothing else.
///
/// # Errors
/// The first that can't be removed. A folder that can't be read has none: most often it is not there.
pub fn remove(folder: &Path, is_asked_for: impl Fn(&OsStr) -> bool) -> Result<(), Error> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let part = path.extension().filter(|suffix| *suffix == "part");
        // A part's name is the whole's, a process's number, and its suffix.
        let whole = match part {
            Some(_) => path.with_extension("").with_extension(""),
            None => path.clone(),
        };
        let is_checkpoint = whole.extension().is_some_and(|suffix| suffix == SUFFIX);
        if is_checkpoint && whole.file_name().is_some_and(&is_asked_for) {
            let removed = std::fs::remove_file(&path);
            removed.map_err(|source| Error::Checkpoint { path, source })?;
        }
    }
    Ok(())
}

/// Where a training keeps its checkpoint.
#[must_use]
pub fn path(folder: &Path, fingerprint: &str) -> PathBuf {
    let short: String = fingerprint.chars().take(16).collect();
    folder.join(format!("{short}.{SUFFIX}"))
}

fn arrays(state: &State) -> [(&'static str, &Vec<Vec<f32>>); 4] {
    [
        ("now", &state.weights),
        ("best", &state.best_weights),
        ("mean", &state.means),
        ("square", &state.squares),
    ]
}
