//! `ratel audit`: everything that was done, step by step, and whether somebody changed the log since.

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use event::action::{Action, ActionId};
use respond::audit::{self, Entry, Flaw, Report};
use serde::Serialize;

use crate::cli::Format;
use crate::control::cause;
use crate::table;

/// Where the log stands with the data folder's default.
const LOG: &str = "/var/lib/ratel/respond/audit.jsonl";

/// Steps that `show` prints at most: what it may hold in memory.
const MAX_SHOWN: u64 = 100_000;

/// `ratel audit …`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Verify that no line was changed, left out, moved or cut off since it was written.
    #[command(
        after_help = "Exit status: 0 the log is as it was written, 1 it is not or cannot be read, 2 wrong usage."
    )]
    Verify(Log),
    /// Show what was done, the oldest first.
    Show(Show),
}

/// Which log.
#[derive(Debug, Args)]
pub struct Log {
    /// The audit log. Beside it stands, as *.head, what was confirmed last.
    #[arg(value_name = "FILE", default_value = LOG)]
    file: PathBuf,
    /// How it is printed.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    format: Format,
}

/// `ratel audit show`.
#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    log: Log,
    /// Only the steps of this action.
    #[arg(long, value_name = "ID")]
    action: Option<ActionId>,
    /// Only the last so many steps.
    #[arg(long, value_name = "NUMBER", default_value_t = 100,
        value_parser = clap::value_parser!(u64).range(1..=MAX_SHOWN))]
    limit: u64,
}

/// Carries out the verb.
pub fn run(verb: &Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Verify(log) => verify(log),
        Verb::Show(args) => show(args),
    }
}

/// The result of a verification, for machines.
#[derive(Serialize)]
struct Verdict<'a> {
    file: &'a Path,
    /// Whether the log is as it was written.
    intact: bool,
    /// The nearest flaw to the beginning, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    #[serde(flatten)]
    report: &'a Report,
}

fn verify(log: &Log) -> anyhow::Result<ExitCode> {
    let report = audit::verify(&log.file).with_context(|| unread(&log.file))?;
    let text = match log.format {
        Format::Text => describe(&log.file, &report),
        Format::Json => {
            let verdict = Verdict {
                file: &log.file,
                intact: report.flaws.is_empty(),
                first: report.first().map(Flaw::to_string),
                report: &report,
            };
            serde_json::to_string_pretty(&verdict)? + "\n"
        }
    };
    print(&text);
    Ok(if report.flaws.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn unread(file: &Path) -> String {
    format!("cannot read the audit log {}", file.display())
}

fn print(text: &str) {
    // A reader that went away has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// What a verification found, the first flaw in full.
fn describe(file: &Path, report: &Report) -> String {
    let (file, lines) = (file.display(), report.lines);
    let mut text = match report.first() {
        None => format!("{file}: {lines} lines, none changed, missing or moved\n"),
        Some(first) => format!("{file}: {first}\n"),
    };
    let more = report.flaws.len().saturating_sub(1);
    if more > 0 {
        text.push_str(&format!("{more} more of what follows does not fit\n"));
    }
    if report.confirmed.is_none() {
        text.push_str(
            "nothing says where it ended (*.head is missing): lines cut off at the end go unseen\n",
        );
    }
    text
}

fn show(args: &Show) -> anyhow::Result<ExitCode> {
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut rows = VecDeque::new();
    audit::entries(&args.log.file, |entry, line| {
        if args.action.is_some() && entry.action != args.action {
            return;
        }
        if rows.len() >= limit {
            rows.pop_front();
        }
        rows.push_back(match args.log.format {
            Format::Text => row(&entry),
            Format::Json => vec![String::from_utf8_lossy(line).into_owned()],
        });
    })
    .with_context(|| unread(&args.log.file))?;
    let text = match args.log.format {
        Format::Text => table::write(&["STEP", "TIME", "WHAT", "ACTION", ""], &Vec::from(rows)),
        // The lines as they stand, so that their hashes can be computed again.
        Format::Json => rows.iter().fold(String::new(), |mut text, row| {
            text.push_str(&row.concat());
            text.push('\n');
            text
        }),
    };
    print(&text);
    Ok(ExitCode::SUCCESS)
}

/// A step as a row of the table.
fn row(entry: &Entry) -> Vec<String> {
    let detail = match &entry.detail {
        None => String::new(),
        Some(serde_json::Value::String(words)) => words.clone(),
        Some(detail) => match serde_json::from_value::<Action>(detail.clone()) {
            Ok(action) => told(&action),
            Err(_) => detail.to_string(),
        },
    };
    vec![
        entry.seq.to_string(),
        table::local(entry.time),
        entry.step.replace('_', " "),
        entry.action.map_or(String::new(), |id| id.to_string()),
        detail,
    ]
}

/// An action in a step: what, and the words of its state; where it begins, why.
fn told(action: &Action) -> String {
    let words = cause(&action.state).or_else(|| {
        let begins = action.changed == action.planned;
        begins.then_some(action.why.reason.as_str())
    });
    match words {
        Some(words) if !words.is_empty() => format!("{}: {words}", action.what),
        _ => action.what.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::tests::action;
    use event::Timestamp;
    use event::action::{Mode, State};

    fn log() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let mut log = audit::Audit::open(&path, Timestamp::new(100, 0)).unwrap();
        log.note(Timestamp::new(100, 0), "started", "mode Enforce");
        for id in 1..=3 {
            let planned = action(id, State::Planned, Mode::Enforce);
            log.action(Timestamp::new(100, 0), &planned);
        }
        log.sync().unwrap();
        (folder, path)
    }

    fn check(tamper: impl FnOnce(&mut Vec<&str>), expected: &str) {
        let (_folder, path) = log();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines = text.lines().collect();
        tamper(&mut lines);
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        let told = describe(Path::new("log"), &audit::verify(&path).unwrap());
        assert_eq!(told.lines().next(), Some(expected));
    }

    #[test]
    fn the_first_line_that_is_not_as_it_was_is_named() {
        check(|_| (), "log: 4 lines, none changed, missing or moved");
        check(
            |lines| lines[1] = "{}",
            "log: line 2 was changed: its hash is another",
        );
        check(
            |lines| {
                lines.remove(1);
            },
            "log: before line 2 lines are missing: entry 2 should follow, 3 stands there",
        );
        check(
            |lines| lines.swap(1, 2),
            "log: line 3 stands in the wrong place: entry 4 should follow, 2 stands there",
        );
        check(
            |lines| lines.truncate(2),
            "log: the end is cut off: the last entry is 2, 4 was confirmed",
        );
    }

    #[test]
    fn without_what_was_confirmed_it_is_said_that_a_cut_goes_unseen() {
        let (_folder, path) = log();
        std::fs::remove_file(path.with_extension("head")).unwrap();
        let told = describe(Path::new("log"), &audit::verify(&path).unwrap());
        assert!(told.contains("\nnothing says where it ended"), "{told}");
    }

    #[test]
    fn a_step_is_a_row() {
        let (_folder, path) = log();
        let mut rows = Vec::new();
        audit::entries(&path, |entry, _| rows.push(row(&entry))).unwrap();
        assert_eq!(rows[0][2..], ["started", "", "mode Enforce"]);
        assert_eq!(rows[1][2..], ["planned", "a1", "block 192.0.2.1: it scans"]);
    }
}
