//! `ratel alert`: who is told of incidents, and whether that works. Reads the configuration itself, so that it
//! works without a running Ratel.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use alert::notify::{self, ReceiverState, World};
use anyhow::anyhow;

use crate::cli::Format;
use crate::control::now;
use crate::site::Site;
use crate::table;

/// `ratel alert …`.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Send a test to a receiver: through its real way, past its outbox.
    #[command(after_help = "Exit status: 0 it was taken, 1 it was not, 2 wrong usage.")]
    Test(Test),
    /// The receivers, and how many notifications wait, were taken, failed and were given up.
    Receivers(Receivers),
}

/// `ratel alert test`.
#[derive(Debug, clap::Args)]
pub struct Test {
    /// The receiver's name (`alert.receivers`).
    #[arg(value_name = "RECEIVER")]
    receiver: String,
    /// The configuration.
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// `ratel alert receivers`.
#[derive(Debug, clap::Args)]
pub struct Receivers {
    /// The configuration.
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How the answer is printed.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    format: Format,
}

/// The folder of the outboxes.
#[must_use]
pub fn folder(site: &Site) -> PathBuf {
    site.data_dir.join("outbox")
}

/// What the notifier needs of this process.
#[must_use]
pub fn world(site: &Site) -> World {
    World {
        now: Arc::new(now),
        env: Arc::new(|name| std::env::var(name).ok()),
        folder: Some(folder(site)),
    }
}

/// Does it.
pub fn run(verb: &Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Test(args) => {
            let site = Site::read(args.config.as_deref())?;
            let told = notify::test(&site.alert.notify(), &args.receiver, &world(&site));
            print(&(told.map_err(|why| anyhow!("{why}"))? + "\n"));
        }
        Verb::Receivers(args) => {
            let site = Site::read(args.config.as_deref())?;
            let config = site.alert.notify();
            notify::check(&config)?;
            let states = notify::look(&config, &folder(&site));
            print(&match args.format {
                Format::Json => serde_json::to_string_pretty(&states)? + "\n",
                Format::Text => describe(&states),
            });
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(text: &str) {
    // A reader that went away has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn describe(states: &[ReceiverState]) -> String {
    if states.is_empty() {
        return "nobody is told: no receiver is configured (alert.receivers)\n".to_owned();
    }
    let row = |state: &ReceiverState| {
        vec![
            state.name.clone(),
            state.kind.clone(),
            state.waiting.to_string(),
            state.sent.to_string(),
            state.failed.to_string(),
            state.dead.to_string(),
            state
                .last_success
                .map_or_else(|| "-".to_owned(), table::local),
            state.last_error.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = states.iter().map(row).collect();
    let heading = [
        "RECEIVER",
        "KIND",
        "WAITING",
        "SENT",
        "FAILED",
        "GIVEN UP",
        "LAST SENT",
        "ERROR",
    ];
    table::write(&heading, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_are_listed_with_their_numbers() {
        let state = ReceiverState {
            name: "am.1".into(),
            receiver: "am".into(),
            kind: "alertmanager".into(),
            waiting: 2,
            sent: 7,
            failed: 1,
            dead: 0,
            last_error: None,
            last_success: None,
        };
        let text = describe(&[state]);
        assert!(
            text.starts_with("RECEIVER  KIND          WAITING  SENT  FAILED"),
            "{text}"
        );
        assert!(
            text.contains("am.1      alertmanager  2        7     1       0         -"),
            "{text}"
        );
        assert!(describe(&[]).contains("alert.receivers"));
    }
}
