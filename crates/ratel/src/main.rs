//! The `ratel` binary: reads the command line and calls the verb.

mod cli;
mod config;
mod journal;
mod read;
mod ruleset;
mod settings;
mod sinks;
mod verdicts;
mod wants;

use clap::Parser;
use cli::{Cli, Rules, Verb};
use std::process::ExitCode;

/// The command line asks for something that makes no sense: exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Exit status of wrong usage, as clap has it.
const WRONG_USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()),
        )
        .without_time()
        .with_target(false)
        .init();
    let result = match &cli.verb {
        Verb::Read(args) => read::run(args),
        Verb::Rules(Rules::Check(args)) => verdicts::run(args),
    };
    match result {
        Ok(status) => status,
        Err(error) => {
            complain(&format!("{error:#}"));
            if error.is::<Usage>() {
                ExitCode::from(WRONG_USAGE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// One line on standard error.
#[expect(
    clippy::print_stderr,
    reason = "this is the command's own voice, not a log"
)]
pub fn complain(what: &str) {
    eprintln!("ratel: {what}");
}
