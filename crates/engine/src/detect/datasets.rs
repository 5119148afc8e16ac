//! Sets of values that rules ask and change: `dataset`, `datarep`.

use super::program::Refusal;
use rules::rule::{Compare, Dataset};
use std::sync::Arc;

/// The sets of a rule set, by name.
#[derive(Debug, Default)]
pub struct Datasets {}

impl Datasets {
    /// The set that a rule names, made or loaded on first use.
    pub(crate) fn open(&self, set: &Dataset, _value: Option<Compare>) -> Result<Use, Refusal> {
        Err(Refusal {
            reason: format!("the dataset {} is not supported", set.name),
        })
    }
}

/// What a rule does with a set.
#[derive(Debug)]
pub(crate) struct Use {}

impl Use {
    pub(crate) fn holds(&self, _data: &[u8], _contexts: &mut Vec<(Arc<str>, Arc<str>)>) -> bool {
        false
    }
}
