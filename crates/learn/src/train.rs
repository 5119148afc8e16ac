//! What a training is told, and what it tells.

pub mod checkpoint;
pub mod fit;
pub mod hold;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::scale::Missing;

/// More of anything than any table holds.
const MAX_COUNT: usize = 100_000_000;
/// As many incidents as a threshold can be fitted to.
#[allow(clippy::cast_precision_loss)]
const MAX_PER_DAY: f32 = crate::threshold::MAX_INCIDENTS as f32;

/// Whether labels are learned from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Labels {
    /// Where the rows have both attacks and normal traffic.
    #[default]
    Auto,
    /// Always: rows of one class are refused.
    Use,
    /// Never: rows that are labelled as attacks are left out, the rest is taken as normal.
    Ignore,
}

/// How a model is trained. Every key has a default that serves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The model's name.
    pub name: String,
    /// Flows of a window.
    pub window: usize,
    /// A host's every n-th flow ends a window to learn from; all are scored.
    pub stride: usize,
    /// Rounds at most.
    pub epochs: usize,
    /// Windows of a step.
    pub batch: usize,
    /// Windows of a round at most, chosen anew for each: more rows cost memory, not more time a round.
    pub windows_per_epoch: usize,
    /// Width of the convolution and of the heads.
    pub hidden: usize,
    /// Width of the LSTM, which costs most of the time.
    pub state: usize,
    /// Nets that are trained from seeds of their own and averaged.
    pub members: usize,
    /// All chance comes from here.
    pub seed: u64,
    /// Rounds without a better loss on rows held back, after which it is enough.
    pub patience: usize,
    /// Of the first round; it falls to nearly nothing by half a cosine.
    pub learning_rate: f32,
    /// Of each step, by which weights shrink: times the learning rate.
    pub weight_decay: f32,
    /// Share of inputs and of hidden units left out at random in each step.
    pub dropout: f32,
    /// Of a step's windows, how many more are mixed up from several flows and learned as of no known class.
    pub mixed: f32,
    /// Trainings that leave kinds of attack out, to learn how far each signal is to be trusted with new kinds.
    pub folds: usize,
    /// Share of the rows that calibrate the scores and say when it is enough.
    pub held_back: f32,
    /// Whether labels are learned from.
    pub labels: Labels,
    /// Findings a day that the operator will look at: the threshold's budget.
    pub incidents_per_day: f32,
    /// Where checkpoints are kept; nowhere without.
    pub checkpoints: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            name: "clstm".to_owned(),
            window: 10,
            stride: 1,
            epochs: 12,
            batch: 256,
            windows_per_epoch: 30_000,
            hidden: 96,
            state: 32,
            members: 2,
            seed: 1,
            patience: 4,
            learning_rate: 2e-3,
            weight_decay: 1e-2,
            dropout: 0.2,
            mixed: 0.0,
            folds: 3,
            held_back: 0.15,
            labels: Labels::Auto,
            incidents_per_day: 5.0,
            checkpoints: None,
        }
    }
}

impl Settings {
    /// Refuses what can't be, by its key.
    ///
    /// # Errors
    /// The first setting that can't be.
    pub fn check(&self) -> Result<(), Error> {
        let counts = [
            ("window", self.window, 1, crate::window::MAX_LENGTH),
            ("stride", self.stride, 1, MAX_COUNT),
            ("epochs", self.epochs, 1, 10_000),
            ("batch", self.batch, 2, 65_536),
            ("windows_per_epoch", self.windows_per_epoch, 1, MAX_COUNT),
            ("hidden", self.hidden, 1, crate::net::MAX_HIDDEN),
            ("state", self.state, 1, crate::net::MAX_HIDDEN),
            ("members", self.members, 1, 32),
            ("patience", self.patience, 1, MAX_COUNT),
            ("folds", self.folds, 0, 20),
        ];
        for (name, value, least, most) in counts {
            if !(least..=most).contains(&value) {
                let why = format!("{value} is not within {least} and {most}");
                return Err(Error::Setting { name, why });
            }
        }
        let amounts = [
            ("learning_rate", self.learning_rate, 1e-7, 1.0),
            ("weight_decay", self.weight_decay, 0.0, 10.0),
            ("dropout", self.dropout, 0.0, 0.9),
            ("mixed", self.mixed, 0.0, 4.0),
            ("held_back", self.held_back, 0.01, 0.5),
            (
                "incidents_per_day",
                self.incidents_per_day,
                0.0,
                MAX_PER_DAY,
            ),
        ];
        for (name, value, least, most) in amounts {
            if !(least..=most).contains(&value) {
                let why = format!("{value} is not within {least} and {most}");
                return Err(Error::Setting { name, why });
            }
        }
        Ok(())
    }
}

/// Where a training stands. It has no clock: who watches has one, and [`Progress::part_done`] to go by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// What is done just now, in words.
    pub what: &'static str,
    /// The round, from 1.
    pub epoch: usize,
    /// Rounds at most.
    pub epochs: usize,
    /// Mean loss over the round.
    pub loss: f32,
    /// Loss on rows held back.
    pub held_back: f32,
    /// The best of these so far.
    pub best: f32,
    /// Of the whole training, 0 to 1, if every net takes all its rounds.
    pub part_done: f32,
}

/// Who is told of each round.
pub trait Watch {
    /// A round is over. `false` ends the training: it keeps its checkpoint and gives no model.
    fn epoch(&mut self, progress: &Progress) -> bool;
}

/// Nobody is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Watch for Silent {
    fn epoch(&mut self, _progress: &Progress) -> bool {
        true
    }
}

/// A training that gave no model.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that can't be.
    #[error("setting {name}: {why}")]
    Setting {
        /// Its key.
        name: &'static str,
        /// What is wrong.
        why: String,
    },
    /// Too few rows to learn anything from.
    #[error("{given} flows are too few to learn from, at least {wanted} are needed")]
    Few {
        /// Flows given.
        given: usize,
        /// Flows needed.
        wanted: usize,
    },
    /// Labels are to be learned from, but all rows are of one class.
    #[error("all flows are labelled {0:?}: there is nothing to tell it from")]
    OneClass(String),
    /// No feature differs between rows.
    #[error("no column holds two different values")]
    Constant,
    /// A loss that is no number, at this rate of learning.
    #[error("the loss of round {epoch} is no number; a lower learning_rate than {rate} may help")]
    Diverged {
        /// The round.
        epoch: usize,
        /// The learning rate.
        rate: f32,
    },
    /// A checkpoint that can't be written or read.
    #[error("checkpoint {path}: {source}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A checkpoint of another training.
    #[error("checkpoint {path} is of other rows or settings: remove it, or give another folder")]
    OtherTraining {
        /// The file.
        path: PathBuf,
    },
    /// Who watched said stop.
    #[error("stopped after round {epoch}")]
    Stopped {
        /// The round.
        epoch: usize,
    },
    /// Columns are missing: a fault of the caller's rows.
    #[error(transparent)]
    Missing(#[from] Missing),
}
