//! The `ratel` binary: reads the command line and calls the verb.

mod cli;
mod settings;

fn main() {}
