//! A trained model: scores, and what is needed to read them.

pub mod file;
#[cfg(test)]
mod folder;
mod manifest;
mod normals;
mod recent;
#[cfg(test)]
mod tests;
mod train;

use std::path::{Path, PathBuf};

pub use manifest::{Calibrated, Manifest, Trained};
pub use normals::Normals;
pub use recent::{Recent, TOP, alone};

use crate::clstm::Clstm;
use crate::detector::{self, Detector};
use crate::explain::{self, Explanation};
use crate::scale::{Missing, Scaler};
use crate::table::Table;
use crate::train::checkpoint;
use crate::window::Links;

/// A model file's name ends so.
pub const SUFFIX: &str = "ratel-model";
/// The version of the file's format: another one is refused.
pub const FORMAT: u32 = 1;

/// What a model says of a flow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Calibrated: that this flow is an attack. Of a model without labels: that it is none of the normal ones.
    pub probability: f32,
    /// How unusual it is: 1 is the 99th percentile of normal flows.
    pub anomaly: f32,
    /// Classification and anomaly in one, of the flow alone or of the last ones of its host together, on a scale of
    /// logarithms: 3 is about one of 1,000 normal flows. The probability is made from it, and the threshold stands on
    /// it.
    pub suspicion: f32,
    /// The likeliest class by place in [`Manifest::classes`], where labels were learned from.
    pub class: Option<u16>,
}

/// How a model works.
pub enum Kind {
    /// A convolutional LSTM.
    Clstm(Box<Clstm>),
    /// Something simpler.
    Baseline(Box<dyn Detector>),
}

/// A trained model.
pub struct Model {
    /// What is told of it.
    pub manifest: Manifest,
    /// How it works.
    pub kind: Kind,
    /// Normal flows that it has seen.
    pub normals: Normals,
    /// Where its training kept checkpoints.
    pub(crate) checkpoint: Option<PathBuf>,
}

/// A file that gives no model.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It can't be read, or is no model file.
    #[error("model {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: file::Error,
    },
    /// Of another version of the format.
    #[error("model {path}: format {given}, this version reads {FORMAT}: train it anew")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its format.
        given: u64,
    },
    /// What it holds can't be.
    #[error("model {path}: {why}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl Model {
    /// Scores rows, each with the history of its host among these rows.
    ///
    /// # Errors
    /// Columns that the model was trained on and that the table lacks.
    pub fn score(&self, table: &Table, rows: &[usize]) -> Result<Vec<Score>, Missing> {
        let all: Vec<usize> = (0..rows.len()).collect();
        self.score_some(table, rows, &all)
    }

    /// Scores those of the rows that stand at these places among them; the others are history.
    ///
    /// # Errors
    /// As [`Model::score`].
    pub fn score_some(
        &self,
        table: &Table,
        rows: &[usize],
        places: &[usize],
    ) -> Result<Vec<Score>, Missing> {
        if self.manifest.recent.is_none() {
            return self.own(table, rows, places);
        }
        let all: Vec<usize> = (0..rows.len()).collect();
        let own = self.own(table, rows, &all)?;
        let links = Links::of(table, rows);
        let suspicion = |flow: usize| own.get(flow).map_or(0.0, |score| score.suspicion);
        let joined = |at: &usize| {
            let score = own.get(*at).copied()?;
            Some(self.joined(score, links.chain(*at).map(suspicion)))
        };
        Ok(places.iter().filter_map(joined).collect())
    }

    /// The score of a flow, with the suspicions of its host's last flows by themselves, its own first and the
    /// newest next.
    #[must_use]
    pub fn joined(&self, own: Score, last: impl Iterator<Item = f32>) -> Score {
        let Some(recent) = &self.manifest.recent else {
            return own;
        };
        let suspicion = recent.of(last);
        Score {
            probability: self.manifest.calibrated.probability(suspicion),
            suspicion,
            ..own
        }
    }

    /// Scores flows by themselves, as [`Model::score_some`] does where flows of a host are not joined.
    ///
    /// # Errors
    /// As [`Model::score`].
    pub fn own(
        &self,
        table: &Table,
        rows: &[usize],
        places: &[usize],
    ) -> Result<Vec<Score>, Missing> {
        match &self.kind {
            Kind::Clstm(clstm) => {
                let windows = clstm.windows(table, rows)?;
                let signals = clstm.signals(&windows, places);
                let score = |at: usize| {
                    let (odds, error) = (signals.odds[at], signals.error[at]);
                    let suspicion = clstm.facts.suspicion(odds, error).0;
                    Score {
                        probability: self.manifest.calibrated.probability(suspicion),
                        anomaly: error / clstm.facts.unit,
                        suspicion,
                        class: signals.class.get(at).copied(),
                    }
                };
                Ok((0..places.len()).map(score).collect())
            }
            Kind::Baseline(detector) => {
                let rows: Vec<usize> = places
                    .iter()
                    .filter_map(|at| rows.get(*at).copied())
                    .collect();
                let raw = detector.raw(table, &rows)?;
                let score = |raw: f32| {
                    let suspicion = self.manifest.raw.of(raw).0;
                    Score {
                        probability: self.manifest.calibrated.probability(suspicion),
                        // On the scale of logarithms, the 99th percentile is 2.
                        anomaly: (suspicion / 2.0).max(0.0),
                        suspicion,
                        class: None,
                    }
                };
                Ok(raw.into_iter().map(score).collect())
            }
        }
    }

    /// Whether a score is a finding at the model's own budget.
    #[must_use]
    pub fn is_finding(&self, score: &Score) -> bool {
        score.suspicion > self.manifest.cut
    }

    /// The suspicion above which normal traffic has so many incidents a day.
    #[must_use]
    pub fn cut(&self, incidents_per_day: f32) -> f32 {
        self.manifest.incidents.threshold(incidents_per_day)
    }

    /// The same as a probability.
    #[must_use]
    pub fn threshold(&self, incidents_per_day: f32) -> f32 {
        self.manifest
            .calibrated
            .probability(self.cut(incidents_per_day))
    }

    /// Why a row's score is what it is; `rows` are those it was scored with.
    ///
    /// # Errors
    /// Columns that the table lacks, or a row that is not one of these.
    pub fn explain(
        &self,
        table: &Table,
        rows: &[usize],
        row: usize,
    ) -> Result<Explanation, Missing> {
        explain::explain(self, table, rows, row)
    }

    /// How the features become inputs: of a baseline, only for explanations.
    #[must_use]
    pub fn scaler(&self) -> &Scaler {
        match &self.kind {
            Kind::Clstm(clstm) => &clstm.facts.scaler,
            Kind::Baseline(_) => &self.normals.scaler,
        }
    }

    /// Writes the model, whole or not at all.
    ///
    /// # Errors
    /// The disk's.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let mut tensors = match &self.kind {
            Kind::Clstm(clstm) => clstm.to_tensors(),
            Kind::Baseline(detector) => detector.to_tensors(),
        };
        tensors.insert(normals::ARRAY.to_owned(), self.normals.to_array());
        let head = manifest::Head::of(self);
        let written = serde_json::to_string(&head)
            .map_err(|error| std::io::Error::other(error.to_string()))
            .and_then(|head| file::write(path, &head, &tensors));
        written.map_err(|error| Error::File {
            path: path.to_owned(),
            source: error.into(),
        })
    }

    /// Reads a model.
    ///
    /// # Errors
    /// A file that is cut off, of another version, or whose content can't be.
    pub fn load(path: &Path) -> Result<Model, Error> {
        let (head, tensors) = file::read(path).map_err(|source| Error::File {
            path: path.to_owned(),
            source,
        })?;
        Model::from_parts(path, &head, &tensors)
    }

    /// Reads a model that lies in memory; `name` stands for it in errors.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn from_bytes(name: &Path, bytes: &[u8]) -> Result<Model, Error> {
        let (head, tensors) = file::parse(bytes).map_err(|source| Error::File {
            path: name.to_owned(),
            source,
        })?;
        Model::from_parts(name, &head, &tensors)
    }

    fn from_parts(path: &Path, head: &str, tensors: &detector::Tensors) -> Result<Model, Error> {
        let content = |why: String| Error::Content {
            path: path.to_owned(),
            why,
        };
        let value: serde_json::Value = serde_json::from_str(head)
            .map_err(|error| content(format!("its manifest is no JSON: {error}")))?;
        let given = value
            .get("format")
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(0);
        if given != u64::from(FORMAT) {
            return Err(Error::Version {
                path: path.to_owned(),
                given,
            });
        }
        let head: manifest::Head = serde_json::from_value(value)
            .map_err(|error| content(format!("its manifest: {error}")))?;
        head.into_model(tensors).map_err(content)
    }

    /// Removes what its training kept to go on from: the model itself is on disk now.
    pub fn forget_checkpoint(&self) {
        if let Some(folder) = &self.checkpoint {
            let path = checkpoint::path(folder, &self.manifest.trained.fingerprint);
            // Who can't remove it only keeps a file too many.
            let _ = checkpoint::remove(folder, |name| Some(name) == path.file_name());
        }
    }
}
