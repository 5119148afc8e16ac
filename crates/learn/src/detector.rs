//! What every model has in common, however it works inside.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::baseline::{Baseline, Which};
use crate::scale::{Missing, Scaler};
use crate::table::Table;

/// Arrays of numbers by name: what a model file keeps of a detector. Shapes are the detector's own business.
pub type Tensors = BTreeMap<String, Vec<f32>>;

/// A way to tell how suspicious flows are.
pub trait Detector: Send + Sync {
    /// Its name in a model file and in `--model`.
    fn name(&self) -> &'static str;

    /// For each row how suspicious it is: higher is worse, in no unit. Calibration makes a probability of it.
    ///
    /// # Errors
    /// Columns that it was fitted on and that the table lacks.
    fn raw(&self, table: &Table, rows: &[usize]) -> Result<Vec<f32>, Missing>;

    /// How features become its inputs.
    fn scaler(&self) -> &Scaler;

    /// Whether it was fitted on normal rows alone.
    fn is_unsupervised(&self) -> bool;

    /// What it has learned besides arrays, for a model file.
    fn facts(&self) -> serde_json::Value;

    /// All arrays that it has learned, for a model file.
    fn to_tensors(&self) -> Tensors;
}

/// A detector from a model file.
///
/// # Errors
/// What does not fit, in words.
pub fn load(
    name: &str,
    facts: &serde_json::Value,
    tensors: &Tensors,
) -> Result<Box<dyn Detector>, String> {
    let which =
        Which::parse(name).ok_or_else(|| format!("this version knows no model {name:?}"))?;
    let scaler = Scaler::deserialize(facts).map_err(|error| format!("its facts: {error}"))?;
    if scaler.columns.is_empty()
        || !scaler.is_sane()
        || (which == Which::Rarity) != scaler.rarity.is_some()
    {
        return Err("its scales can't be".to_owned());
    }
    let baseline = Baseline::from_tensors(which, scaler, tensors);
    Ok(Box::new(baseline.map_err(|error| error.to_string())?))
}
