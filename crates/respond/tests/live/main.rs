//! The responder on real firewalls, in network namespaces of its own. Needs root and the tools; where
//! one is missing each test says so and passes.

#![allow(clippy::print_stdout)] // Tells its figures.

mod connections;
mod failures;
mod feed;
mod iptables;
mod kill;
mod lab;
#[path = "../shared/namespaces.rs"]
mod namespaces;
mod nft;
