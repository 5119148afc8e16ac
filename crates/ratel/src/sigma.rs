//! `ratel sigma`: Sigma rules, checked and tried on records.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alert::sigma::{self, Placeholders, Rules, State, Verdict};
use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::Format;

/// Exit status where a document is refused.
const FINDINGS: u8 = 3;
/// The longest record, bytes.
const MAX_LINE: u64 = 16 << 20;
/// Hits that are printed.
const MAX_HITS: usize = 100_000;

/// `ratel sigma …`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Check Sigma rules: a verdict for every document, with file, line and reason.
    Check(Files),
    /// Hold Sigma rules against EVE records and print what they find.
    Test(Test),
}

/// Rules.
#[derive(Debug, Args)]
pub struct Files {
    /// Files of rules, or folders of .yml and .yaml files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What a placeholder (`expand`) stands for; may be given more than once.
    #[arg(long = "placeholder", value_name = "NAME=VALUE")]
    placeholders: Vec<String>,
    /// How the result is printed.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    format: Format,
    /// Name rules that are loaded as well.
    #[arg(short = 'v', long)]
    verbose: bool,
}

/// `ratel sigma test`.
#[derive(Debug, Args)]
pub struct Test {
    /// Records, one a line.
    #[arg(long, value_name = "FILE")]
    events: PathBuf,
    #[command(flatten)]
    files: Files,
}

/// Carries out the verb.
pub fn run(verb: &Verb) -> Result<ExitCode> {
    match verb {
        Verb::Check(args) => check(args),
        Verb::Test(args) => test(args),
    }
}

impl Files {
    fn read(&self) -> Result<Rules> {
        let mut placeholders: Placeholders = BTreeMap::new();
        for given in &self.placeholders {
            let (name, value) = given
                .split_once('=')
                .ok_or_else(|| crate::Usage(format!("--placeholder {given}: NAME=VALUE")))?;
            let values = placeholders.entry(name.to_owned()).or_default();
            values.push(value.to_owned());
        }
        let mut followed = alert::follow::Followed::new(self.files.clone(), &["yml", "yaml"]);
        let mut files = Vec::new();
        for (file, text) in followed.changed().unwrap_or_default() {
            let text = text.map_err(|why| anyhow::anyhow!("{file}: {why}"))?;
            files.push((file, text));
        }
        Ok(sigma::read(&files, &placeholders))
    }
}

fn is_refused(verdict: &&Verdict) -> bool {
    matches!(verdict.state, State::Refused(_))
}

fn check(args: &Files) -> Result<ExitCode> {
    let rules = args.read()?;
    let count = |name: &str| {
        let verdicts = rules.verdicts().iter();
        verdicts
            .filter(|verdict| verdict.state.name() == name)
            .count()
    };
    let (loaded, degraded, refused) = (count("loaded"), count("degraded"), count("refused"));
    let text = match args.format {
        Format::Text => {
            let shown = rules.verdicts().iter();
            let shown = shown.filter(|verdict| args.verbose || verdict.state != State::Loaded);
            let lines: String = shown.map(|verdict| format!("{verdict}\n")).collect();
            format!("{lines}{loaded} loaded, {degraded} degraded, {refused} refused\n")
        }
        Format::Json => {
            let verdicts: Vec<Value> = rules.verdicts().iter().map(as_json).collect();
            let counts = json!({"loaded": loaded, "degraded": degraded, "refused": refused,
                                "verdicts": verdicts});
            serde_json::to_string_pretty(&counts)? + "\n"
        }
    };
    print(&text);
    Ok(match refused {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(FINDINGS),
    })
}

fn as_json(verdict: &Verdict) -> Value {
    let reasons = match &verdict.state {
        State::Loaded => Vec::new(),
        State::Degraded(reasons) => reasons.clone(),
        State::Refused(reason) => vec![reason.clone()],
    };
    json!({"file": verdict.file, "line": verdict.line, "title": verdict.title, "id": verdict.id,
           "state": verdict.state.name(), "reasons": reasons})
}

fn test(args: &Test) -> Result<ExitCode> {
    let mut rules = args.files.read()?;
    for verdict in rules.verdicts().iter().filter(is_refused) {
        crate::complain(&verdict.to_string());
    }
    let mut hits = Vec::new();
    let mut records = 0_u64;
    each_record(&args.events, |line, record| {
        records += 1;
        let time = alert::finding::time_of(&record).unwrap_or_default();
        for hit in rules.on_event(&record, &line.to_string(), time) {
            if hits.len() < MAX_HITS {
                hits.push((line, hit));
            }
        }
    })?;
    let text = match args.files.format {
        Format::Text => {
            let lines: String = hits
                .iter()
                .map(|(line, hit)| {
                    let events = hit.together.as_ref().map_or(1, |together| together.events);
                    format!(
                        "line {line}: {}: {} ({events} records)\n",
                        hit.severity, hit.title
                    )
                })
                .collect();
            format!("{lines}{} hits in {records} records\n", hits.len())
        }
        Format::Json => {
            let hits: Vec<Value> = hits
                .iter()
                .map(|(line, hit)| {
                    let lines = hit.together.as_ref().map(|together| &together.ids);
                    json!({"line": line, "rule": hit.rule, "title": hit.title,
                           "level": hit.severity.name(), "lines": lines})
                })
                .collect();
            serde_json::to_string_pretty(&json!({"records": records, "hits": hits}))? + "\n"
        }
    };
    print(&text);
    Ok(ExitCode::SUCCESS)
}

/// Each record of a file with the number of its line; what is no JSON is told and left out.
fn each_record(path: &Path, mut take: impl FnMut(u64, Value)) -> Result<()> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        if read.with_context(|| format!("cannot read {}", path.display()))? == 0 {
            return Ok(());
        }
        match serde_json::from_slice(&line) {
            Ok(record) => take(number, record),
            Err(_) if line.iter().all(u8::is_ascii_whitespace) => {}
            Err(error) => {
                crate::complain(&format!("{}:{number}: no JSON: {error}", path.display()));
            }
        }
    }
    Ok(())
}

fn print(text: &str) {
    // A reader that went away has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
}
