//! Flows to findings: what no signature knows.
//!
//! `table` holds flows with their labels, `read` makes tables of labelled files, `split` keeps rows apart that a
//! model is judged on. `scale` makes inputs of flows that a model can learn from, `window` puts a flow together
//! with what its host did before. `train` has nets (`net`) learn from windows, `clstm` makes one detector of
//! them; `surprise`, `calibrate` and `threshold` make its numbers mean something. `model` is all of that in one
//! file, `explain` says why, `measure` what its scores are worth, `drift` when it is time to train anew. `baseline`
//! are simple models that every other must beat, `trial` trains and judges any of them in the same way, and `card`
//! writes down what came out.
//!
//! In the running system `service` reads flows (`record`) from a topic and publishes findings; `score` is its core, without
//! clock and bus, `budget` keeps to what people will look at, and `kept` is what outlives a restart.

pub mod baseline;
mod budget;
pub mod calibrate;
pub mod card;
pub mod clstm;
pub mod config;
pub mod detector;
pub mod drift;
pub mod explain;
mod hex;
mod kept;
mod largest;
pub mod measure;
mod metrics;
pub mod model;
pub mod net;
pub mod random;
pub mod read;
pub mod record;
pub mod scale;
pub mod score;
pub mod service;
pub mod split;
pub mod surprise;
pub mod table;
pub mod threshold;
pub mod train;
pub mod trial;
pub mod window;
