//! Hardening on real hosts, with real traffic, in network namespaces of its own. Needs root and the
//! tools; where one is missing each test says so and passes.

mod effect;
mod lab;
#[path = "../shared/namespaces.rs"]
mod namespaces;
mod undo;
