//! The responder on real firewalls, in network namespaces of its own. Needs root and the tools; where
//! one is missing each test says so and passes.

mod failures;
mod lab;
mod nft;
