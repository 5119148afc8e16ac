//! Builds packets and captures for tests and examples.
