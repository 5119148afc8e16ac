//! What is told of a model, by itself and in its file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FORMAT, Kind, Model, Normals, Recent, normals};
use crate::calibrate::Calibration;
use crate::clstm::{Clstm, Facts};
use crate::detector::{self, Tensors};
use crate::drift::Reference;
use crate::surprise::Surprise;
use crate::threshold::Incidents;
use crate::train::Settings;

/// The name of the convolutional LSTM in a file and in `--model`.
pub const CLSTM: &str = "clstm";

/// How suspicion becomes a probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Calibrated {
    /// By the labels of flows held back: that it is an attack.
    Labels(Calibration),
    /// By normal flows alone: that it is none of them.
    Rareness,
}

impl Calibrated {
    /// The probability that goes with a suspicion.
    #[must_use]
    pub fn probability(&self, suspicion: f32) -> f32 {
        match self {
            Calibrated::Labels(calibration) => calibration.probability(suspicion),
            Calibrated::Rareness => 1.0 - 10.0_f32.powf(-suspicion.max(0.0)),
        }
    }
}

/// What a model was trained on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trained {
    /// SHA-256 of the rows: features, classes, hosts and times.
    pub hash: String,
    /// SHA-256 of these and the settings: the name of the training.
    pub fingerprint: String,
    /// Names of the files.
    pub sources: Vec<String>,
    /// Rows to learn from.
    pub learned: usize,
    /// Rows held back: all, where each was judged by a model that did not see it.
    pub held_back: usize,
    /// By class how many of both.
    pub classes: BTreeMap<String, usize>,
}

/// What is told of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its name.
    pub name: String,
    /// The version of the program that trained it.
    pub version: String,
    /// Names of the classes; the first is normal traffic.
    pub classes: Vec<String>,
    /// Whether labels were learned from.
    pub is_supervised: bool,
    /// How it was trained.
    pub settings: Settings,
    /// On what.
    pub trained: Trained,
    /// How suspicion becomes a probability.
    pub calibrated: Calibrated,
    /// Of a baseline: how rare its raw scores are among normal flows.
    pub raw: Surprise,
    /// How several flows of a host become one suspicion; none where each counts by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recent: Option<Recent>,
    /// The suspicion above which a flow is a finding.
    pub cut: f32,
    /// Incidents of normal flows held back, the most suspicious first: for other budgets.
    pub incidents: Incidents,
    /// What traffic was like.
    pub drift: Reference,
    /// Figures of the flows held back, by name.
    pub metrics: BTreeMap<String, f64>,
}

/// The head of a file.
#[derive(Serialize, Deserialize)]
pub struct Head {
    format: u32,
    kind: String,
    facts: serde_json::Value,
    manifest: Manifest,
    normals: normals::Head,
}

impl Head {
    /// Of a model.
    pub fn of(model: &Model) -> Self {
        let (kind, facts) = match &model.kind {
            // Facts are numbers, names and lists: nothing that JSON can't say.
            Kind::Clstm(clstm) => (
                CLSTM,
                serde_json::to_value(&clstm.facts).unwrap_or_default(),
            ),
            Kind::Baseline(detector) => (detector.name(), detector.facts()),
        };
        Head {
            format: FORMAT,
            kind: kind.to_owned(),
            facts,
            manifest: model.manifest.clone(),
            normals: model.normals.head(),
        }
    }

    /// The model, if all of it fits together.
    pub fn into_model(self, tensors: &Tensors) -> Result<Model, String> {
        let kind = if self.kind == CLSTM {
            let facts: Facts = serde_json::from_value(self.facts)
                .map_err(|error| format!("its facts: {error}"))?;
            Kind::Clstm(Box::new(Clstm::from_tensors(facts, tensors)?))
        } else {
            Kind::Baseline(detector::load(&self.kind, &self.facts, tensors)?)
        };
        let is_calibrated = match &self.manifest.calibrated {
            Calibrated::Labels(calibration) => calibration.is_sane(),
            Calibrated::Rareness => true,
        };
        let is_calibrated =
            is_calibrated && self.manifest.recent.as_ref().is_none_or(Recent::is_sane);
        let is_calibrated = is_calibrated && self.manifest.raw.is_sane();
        if !is_calibrated || !self.manifest.cut.is_finite() || !self.manifest.incidents.is_sane() {
            return Err("its calibration holds no numbers in order".to_owned());
        }
        let settings = self.manifest.settings.check();
        settings.map_err(|error| format!("its settings: {error}"))?;
        let array = tensors.get(normals::ARRAY).map_or(&[][..], Vec::as_slice);
        let normals = Normals::from_parts(self.normals, array)?;
        Ok(Model {
            manifest: self.manifest,
            kind,
            normals,
            checkpoint: None,
        })
    }
}
