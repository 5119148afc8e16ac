//! Why a flow was found.

use serde::Serialize;

/// A feature that counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// The feature's name.
    pub column: String,
    /// Its value, as a reader writes it.
    pub value: String,
    /// What it is in normal traffic.
    pub usual: String,
    /// Its share of the score, of all features that raise it; the shares of all add up to 1.
    pub share: f32,
}

/// A flow of the window that counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flow {
    /// The table's row.
    pub row: usize,
    /// Its share of the score.
    pub share: f32,
}

/// A normal flow that the model has seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Nearest {
    /// The line of the training data it came from.
    pub line: u32,
    /// Distance in scaled inputs, root of the mean square.
    pub distance: f32,
    /// Where it differs most: feature, its value there, its value here.
    pub differs: Vec<(String, String, String)>,
}

/// Why a flow was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// What counted most, the most first; at most [`TOP`].
    pub features: Vec<Part>,
    /// Flows of the window that counted, the most first.
    pub flows: Vec<Flow>,
    /// Normal flows that are most like it.
    pub nearest: Vec<Nearest>,
    /// All this in words.
    pub text: String,
}

/// Features that an explanation names.
pub const TOP: usize = 5;
