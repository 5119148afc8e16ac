//! `ratel harden`: a ruleset for this host, shown, applied for a while or for good, checked, undone.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use event::{Prefix, Timestamp};
use respond::firewall::tool::Tool;
use respond::harden::{Fault, Folder, Hardener, Record, Report};
use serde::Serialize;

use crate::cli::Format;
use crate::control::now;
use crate::site::Site;
use crate::{complain, span, table};

/// How often the one who takes back looks whether somebody confirmed.
const LOOK: Duration = Duration::from_millis(500);

/// `ratel harden …`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Print the ruleset for this host, as nft takes it. Changes nothing.
    Show(Common),
    /// Put it in, verify it, and take it back unless it is confirmed in time.
    #[command(
        after_help = "On a terminal it asks whether everything still works. Elsewhere `ratel harden confirm`, best from a \
        new connection, keeps it.\nExit status: 0 applied and verified, 1 failed and nothing is changed, 2 wrong usage."
    )]
    Apply(Apply),
    /// Keep what was applied and waits to be confirmed.
    Confirm(Common),
    /// Read back whether what was applied still holds.
    #[command(
        after_help = "Exit status: 0 it holds, 1 it does not or nothing is applied, 2 wrong usage."
    )]
    Check(Common),
    /// Take it back: the host's ruleset is as it was before.
    Undo(Common),
    /// Waits and takes back what is not confirmed; started by `apply`.
    #[command(hide = true)]
    Watch {
        /// Where the record stands.
        folder: PathBuf,
    },
}

/// What all verbs share.
#[derive(Debug, Args)]
pub struct Common {
    /// The configuration; its section `harden` is what counts here.
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How it is printed.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    format: Format,
}

/// `ratel harden apply`.
#[derive(Debug, Args)]
pub struct Apply {
    #[command(flatten)]
    common: Common,
    /// For how long, unless it is confirmed: 30s, 10m, 1h.
    #[arg(long = "for", value_name = "TIME", default_value = "10m", value_parser = span::parse)]
    wait_secs: u64,
    /// Keep it without asking.
    #[arg(short = 'y', long, conflicts_with = "wait_secs")]
    yes: bool,
}

/// Carries out the verb.
pub fn run(verb: &Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Show(common) => show(common),
        Verb::Apply(args) => apply(args),
        Verb::Confirm(common) => {
            let (_, hardener, _) = open(common)?;
            hardener.confirm(now())?;
            print(common, &told("kept"), "kept\n")?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Check(common) => check(common),
        Verb::Undo(common) => undo(common),
        Verb::Watch { folder } => watch(folder),
    }
}

/// The configuration, the hand, and the folder of its record.
fn open(common: &Common) -> anyhow::Result<(Site, Hardener, PathBuf)> {
    let mut site = Site::read(common.config.as_deref())?;
    // Whom answers to attacks never hit, nor does this.
    let (harden, protected) = (&mut site.harden, &site.respond.protected);
    harden.protected.extend(&protected.also);
    harden.private |= protected.private;
    harden.admin_ports.extend(&protected.admin_ports);
    if let Ok(session) = std::env::var("SSH_CONNECTION")
        && let Some((peer, port)) = own_session(&session)
    {
        harden.protected.push(peer);
        harden.admin_ports.push(port);
    }
    harden.admin_ports.sort_unstable();
    harden.admin_ports.dedup();
    let folder = site.data_dir.join("harden");
    let hardener = Hardener::new(Tool::named("nft"), &folder);
    Ok((site, hardener, folder))
}

/// From `client port server port`: who sits at the other end, and by which port.
fn own_session(text: &str) -> Option<(Prefix, u16)> {
    let mut words = text.split(' ');
    let peer = words.next()?.split('%').next()?.parse().ok()?;
    Some((Prefix::host(peer), words.nth(2)?.parse().ok()?))
}

fn print(common: &Common, answer: &impl Serialize, text: &str) -> anyhow::Result<()> {
    let text = match common.format {
        Format::Text => text.to_owned(),
        Format::Json => serde_json::to_string_pretty(answer)? + "\n",
    };
    // A reader that went away has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// A state, for machines.
fn told(state: &str) -> serde_json::Value {
    serde_json::json!({ "state": state })
}

fn show(common: &Common) -> anyhow::Result<ExitCode> {
    let (site, hardener, _) = open(common)?;
    let plan = hardener.plan(&site.harden)?;
    let mut text = String::new();
    for note in &plan.notes {
        text.push_str(&format!("# {note}\n"));
    }
    for sysctl in &plan.sysctls {
        text.push_str(&format!("# sysctl {}={}\n", sysctl.key, sysctl.value));
    }
    let script = plan.script(None);
    text.push_str(&script);
    let answer = serde_json::json!({
        "table": plan.table,
        "notes": plan.notes,
        "sysctls": plan.sysctls,
        "script": script,
    });
    print(common, &answer, &text)?;
    Ok(ExitCode::SUCCESS)
}

fn apply(args: &Apply) -> anyhow::Result<ExitCode> {
    let common = &args.common;
    let (site, hardener, folder) = open(common)?;
    let plan = hardener.plan(&site.harden)?;
    let wait = (!args.yes).then(|| Duration::from_secs(args.wait_secs));
    let record = hardener.apply(&plan, wait, now())?;
    let mut text = String::new();
    for note in &plan.notes {
        text.push_str(&format!("{note}\n"));
    }
    let Some(until) = record.until else {
        text.push_str("applied, verified, kept; `ratel harden undo` takes it back\n");
        print(common, &told("kept"), &text)?;
        return Ok(ExitCode::SUCCESS);
    };
    if let Err(error) = start_watch(&folder) {
        complain(&format!(
            "{error:#}; the kernel ends it all the same, `ratel harden undo` takes away what is left"
        ));
    }
    text.push_str(&format!(
        "applied and verified; it ends in {} unless it is confirmed: ratel harden confirm\n",
        span::write(args.wait_secs)
    ));
    let answer = serde_json::json!({ "state": "waiting", "until": until });
    print(common, &answer, &text)?;
    if std::io::stdin().is_terminal() {
        ask(&hardener, until)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks the person at the terminal; no answer is left to the one who takes back.
fn ask(hardener: &Hardener, until: Timestamp) -> anyhow::Result<()> {
    let _ = write!(
        std::io::stderr(),
        "Does everything still work, also from a new connection? yes keeps it, no takes it back: "
    );
    let (sender, answers) = mpsc::channel();
    thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    loop {
        match answers.recv_timeout(until.since(now())) {
            Ok(line) => match line.trim().to_ascii_lowercase().as_str() {
                "y" | "yes" => {
                    hardener.confirm(now())?;
                    let _ = writeln!(std::io::stderr(), "kept");
                    return Ok(());
                }
                "n" | "no" => {
                    hardener.take_back(until)?;
                    let _ = writeln!(std::io::stderr(), "taken back");
                    return Ok(());
                }
                _ => {
                    let _ = write!(std::io::stderr(), "yes or no: ");
                }
            },
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let _ = writeln!(std::io::stderr(), "no answer: it is taken back");
                return Ok(());
            }
            // The terminal is gone; so may be the one who sat there.
            Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Starts the one who takes back, in a session of its own: it outlives the connection that may be cut.
fn start_watch(folder: &Path) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("cannot find this program")?;
    Command::new(program)
        .args(["harden", "watch"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start the one who takes it back")?;
    Ok(())
}

fn watch(folder: &Path) -> anyhow::Result<ExitCode> {
    // Already a session of its own, or one that cannot be left: then this ends with it.
    let _ = rustix::process::setsid();
    let hardener = Hardener::new(Tool::named("nft"), folder);
    let Some(until) = Folder::look(folder)?.and_then(|record| record.until) else {
        return Ok(ExitCode::SUCCESS);
    };
    while now() < until {
        thread::sleep(LOOK.min(until.since(now())));
        // Confirmed, undone, or another's to watch.
        if Folder::look(folder)?.and_then(|record| record.until) != Some(until) {
            return Ok(ExitCode::SUCCESS);
        }
    }
    hardener.take_back(now())?;
    Ok(ExitCode::SUCCESS)
}

/// How it stands, for machines.
#[derive(Serialize)]
struct Standing<'a> {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    faults: Vec<String>,
    packets: Vec<Packets<'a>>,
    scanners: &'a [String],
}

#[derive(Serialize)]
struct Packets<'a> {
    rule: &'a str,
    packets: u64,
}

fn check(common: &Common) -> anyhow::Result<ExitCode> {
    let (site, hardener, _) = open(common)?;
    let report = hardener.check(&site.harden.table)?;
    let standing = Standing {
        state: state(&report),
        since: report.record.as_ref().map(|record| record.since),
        until: report.record.as_ref().and_then(|record| record.until),
        faults: report.faults.iter().map(Fault::to_string).collect(),
        packets: report
            .counted
            .iter()
            .map(|(rule, packets)| Packets {
                rule,
                packets: *packets,
            })
            .collect(),
        scanners: &report.scanners,
    };
    print(common, &standing, &describe(&report, now()))?;
    let holds = report.record.is_some() && report.faults.is_empty();
    Ok(if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn state(report: &Report) -> &'static str {
    match &report.record {
        None => "absent",
        Some(Record { until: None, .. }) => "kept",
        Some(Record { until: Some(_), .. }) => "waiting",
    }
}

fn describe(report: &Report, now: Timestamp) -> String {
    let Some(record) = &report.record else {
        return "nothing is applied\n".to_owned();
    };
    let mut out = format!(
        "table inet {}, applied {}",
        record.table,
        table::local(record.since)
    );
    if let Some(until) = record.until {
        let left = span::write(until.since(now).as_secs());
        out.push_str(&format!(", waits to be confirmed, {left} left"));
    }
    out.push_str(if report.faults.is_empty() {
        ": holds\n"
    } else {
        ": does not hold\n"
    });
    for fault in &report.faults {
        out.push_str(&format!("  {}\n", table::visible(&fault.to_string())));
    }
    let counted: Vec<Vec<String>> = report
        .counted
        .iter()
        .filter(|(_, packets)| *packets > 0)
        .map(|(rule, packets)| vec![packets.to_string(), rule.clone()])
        .collect();
    if !counted.is_empty() {
        out.push_str(&table::write(&["PACKETS", "RULE"], &counted));
    }
    if !report.scanners.is_empty() {
        out.push_str(&format!(
            "held for scanning: {}\n",
            report.scanners.join(", ")
        ));
    }
    out
}

fn undo(common: &Common) -> anyhow::Result<ExitCode> {
    let (_, hardener, _) = open(common)?;
    let undone = hardener.undo(now())?;
    let mut text = match undone.was_there {
        true => "undone\n".to_owned(),
        false => "nothing was applied\n".to_owned(),
    };
    for key in &undone.left {
        text.push_str(&format!(
            "{key} was changed by somebody else since, and is left as it is\n"
        ));
    }
    let state = if undone.was_there { "undone" } else { "absent" };
    let answer = serde_json::json!({ "state": state, "left": undone.left });
    print(common, &answer, &text)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_of_whoever_applies_it_is_known() {
        let check = |text: &str, expected: Option<(&str, u16)>| {
            let expected = expected.map(|(peer, port)| (peer.parse().unwrap(), port));
            assert_eq!(own_session(text), expected, "{text}");
        };
        check(
            "198.51.100.9 50000 192.0.2.1 2222",
            Some(("198.51.100.9", 2222)),
        );
        check("fe80::1%eth0 50000 fe80::2%eth0 22", Some(("fe80::1", 22)));
        check("198.51.100.9 50000", None);
        check("", None);
    }

    #[test]
    fn how_it_stands_is_told() {
        let mut report = Report::default();
        assert_eq!(describe(&report, now()), "nothing is applied\n");
        report.record = Some(Record {
            table: "t".to_owned(),
            since: Timestamp::new(0, 0),
            until: Some(Timestamp::new(90, 0)),
            version: respond::harden::Version::default(),
            previous: None,
            before: Vec::new(),
        });
        report.faults.push(Fault::TableGone);
        report.counted = vec![("syn of all".to_owned(), 7), ("bogus".to_owned(), 0)];
        let told = describe(&report, Timestamp::new(30, 0));
        assert!(
            told.contains("waits to be confirmed, 1m left: does not hold"),
            "{told}"
        );
        assert!(
            told.contains("7        syn of all") && !told.contains("bogus"),
            "{told}"
        );
    }
}
