//! `ratel rules check`: a verdict for every rule.

use crate::cli::{Check, Format};
use crate::ruleset::{self, Loaded};
use crate::settings::Settings;
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// Exit status where fewer rules load than were asked for.
const FINDINGS: u8 = 3;

/// Checks the files and prints what became of their rules.
pub fn run(args: &Check) -> Result<ExitCode> {
    let mut settings = match &args.config {
        Some(path) => Settings::load(path)?,
        None => {
            Settings::parse(crate::config::DEFAULTS).context("the built-in defaults are broken")?
        }
    };
    for assignment in &args.set {
        settings.set(assignment)?;
    }
    let loaded = ruleset::load(&args.files, &settings, &ruleset::Options::default())?;
    let text = match args.format {
        Format::Text => text(&loaded, args.verbose),
        Format::Json => json(&loaded)?,
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        other => other?,
    }
    let share = share(&loaded);
    Ok(match args.min_loaded {
        Some(least) if share < least => ExitCode::from(FINDINGS),
        Some(_) | None => ExitCode::SUCCESS,
    })
}

/// Rules that can match, in percent of those that apply.
fn share(loaded: &Loaded) -> f64 {
    let (ok, degraded, refused) = loaded.counts();
    let total = ok + degraded + refused;
    if total == 0 {
        100.0
    } else {
        ok as f64 * 100.0 / total as f64
    }
}

fn text(loaded: &Loaded, names_all: bool) -> String {
    let mut out = String::new();
    for (_, rule) in loaded.ruleset.iter().filter(|_| names_all) {
        let (sid, rev, msg) = (rule.sid, rule.rev, rule.details.msg());
        let _ = writeln!(out, "loaded    rule {sid} rev {rev}: {msg}");
    }
    for complaint in &loaded.complaints {
        let _ = writeln!(out, "odd       {complaint}");
    }
    for refusal in &loaded.refusals {
        let _ = writeln!(out, "refused   {refusal}");
    }
    for (sid, file, line, reasons) in &loaded.degraded {
        let _ = writeln!(
            out,
            "degraded  {file}:{line}: rule {sid}: {}",
            reasons.join("; ")
        );
    }
    let (ok, degraded, refused) = loaded.counts();
    let summary = &loaded.summary;
    let _ = writeln!(
        out,
        "{ok} loaded, {degraded} degraded, {refused} refused, {} skipped, {} disabled: {:.2} % loaded, in {:.1} s",
        summary.skipped,
        summary.disabled,
        share(loaded),
        loaded.took.as_secs_f64(),
    );
    out
}

fn json(loaded: &Loaded) -> Result<String> {
    let (ok, degraded, refused) = loaded.counts();
    let value = serde_json::json!({
        "loaded": ok,
        "degraded": degraded,
        "refused": refused,
        "skipped": loaded.summary.skipped,
        "disabled": loaded.summary.disabled,
        "loaded_percent": share(loaded),
        "refusals": loaded.refusals.iter().map(|refusal| serde_json::json!({
            "file": refusal.file, "line": refusal.line, "column": refusal.column,
            "signature_id": refusal.sid, "reason": refusal.reason,
        })).collect::<Vec<_>>(),
        "degradations": loaded.degraded.iter().map(|(sid, file, line, reasons)| serde_json::json!({
            "file": file, "line": line, "signature_id": sid, "reasons": reasons,
        })).collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}
