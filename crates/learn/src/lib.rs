//! Flows to findings: what no signature knows.
//!
//! `table` holds flows with their labels, `read` makes tables of labelled files, `split` keeps rows apart that a
//! model is judged on. `scale` makes inputs of flows that a model can learn from, `window` puts a flow together
//! with what its host did before. `train` says how a model comes about, `model` what it gives, `measure` what
//! its scores are worth.

pub mod detector;
pub mod explain;
pub mod measure;
pub mod model;
pub mod random;
pub mod read;
pub mod scale;
pub mod split;
pub mod table;
pub mod train;
pub mod window;
