//! What a model says of a flow.

/// A model file's name ends so.
pub const SUFFIX: &str = "ratel-model";

/// What a model says of a flow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Calibrated: that this flow is an attack. Of a model without labels: that it is none of the normal ones.
    pub probability: f32,
    /// How unusual it is: 1 is the 99th percentile of normal flows.
    pub anomaly: f32,
    /// The likeliest class by place in the model's classes, where labels were learned from.
    pub class: Option<u16>,
}
