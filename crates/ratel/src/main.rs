//! The `ratel` binary: reads the command line and calls the verb.

mod accounts;
mod actions;
mod audit;
mod authority;
mod backup;
mod block;
mod bounded;
mod cli;
mod config;
mod control;
mod demo;
mod doctor;
mod events;
mod flows;
mod harden;
mod incidents;
mod journal;
mod learn;
mod listing;
mod openapi;
mod read;
mod receivers;
mod reload;
mod ruleset;
mod settings;
mod sigma;
mod silences;
mod sinks;
mod site;
mod span;
mod status;
mod table;
mod up;
mod verdicts;
mod wants;

use clap::Parser;
use cli::{Cli, Rules, Verb};
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

/// The command line asks for something that makes no sense: exit status 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Exit status of wrong usage, as clap has it.
const WRONG_USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| told(&cli.verb).into()),
        )
        .without_time()
        .with_target(false)
        .init();
    let result = match &cli.verb {
        Verb::Up(args) => up::run(args),
        Verb::Run(args) => up::run_some(args),
        Verb::Config(verb) => site::verb::run(verb),
        Verb::Doctor(args) => doctor::run(args),
        Verb::Demo(args) => demo::run(args),
        Verb::Read(args) => read::run(args),
        Verb::Flows(args) => flows::run(args),
        Verb::Learn(verb) => learn::run(verb),
        Verb::Rules(Rules::Check(args)) => verdicts::run(args),
        Verb::Rules(Rules::Reload(control)) => reload::run(control),
        Verb::Sigma(verb) => sigma::run(verb),
        Verb::Incidents(verb) => incidents::run(verb),
        Verb::Silences(verb) => silences::run(verb),
        Verb::Actions(verb) => actions::run(verb),
        Verb::Alert(verb) => receivers::run(verb),
        Verb::Block(args) => block::block(args),
        Verb::Unblock(args) => block::unblock(args),
        Verb::Audit(verb) => audit::run(verb),
        Verb::Harden(verb) => harden::run(verb),
        Verb::Users(verb) => accounts::users(verb),
        Verb::Tokens(verb) => accounts::tokens(verb),
        Verb::Ca(verb) => authority::run(verb),
        Verb::Backup(args) => backup::backup(args),
        Verb::Restore(args) => backup::restore(args),
        Verb::Openapi => openapi::run(),
        Verb::Search(args) => events::search(args),
        Verb::Tail(args) => events::tail(args),
        Verb::Store(verb) => events::run(verb),
        Verb::Status(args) => status::run(args),
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

/// How much is told where nobody says: what runs for long tells what happens.
fn told(verb: &Verb) -> &'static str {
    match verb {
        // What the index of events does to itself is nobody's news.
        Verb::Up(_) | Verb::Run(_) => "info,tantivy=warn",
        _ => "warn",
    }
}

/// Help and version as clap prints them; a wrong command line in one line.
fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // A reader that went away has seen enough.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.render().to_string();
    match text.strip_prefix("error: ") {
        Some(wrong) => {
            let wrong = wrong.split("\n\n").next().unwrap_or(wrong);
            complain(&wrong.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        // No verb at all: the help says what there is.
        None => {
            let _ = error.print();
        }
    }
    ExitCode::from(WRONG_USAGE)
}

/// One line on standard error, without bytes that would act on a terminal.
pub fn complain(what: &str) {
    let line: String = what
        .chars()
        .map(|c| if c.is_control() { '.' } else { c })
        .collect();
    // Where standard error is closed, there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "ratel: {line}");
}
