//! Flows to findings: what no signature knows.
//!
//! `table` holds flows with their labels, `scale` makes inputs of them that a model can learn from, `window` puts
//! a flow together with what its host did before. `train` says how a model comes about, `model` what it gives.

pub mod detector;
pub mod explain;
pub mod model;
pub mod random;
pub mod scale;
pub mod table;
pub mod train;
pub mod window;
