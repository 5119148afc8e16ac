//! `ratel doctor`: what stands in the way of capturing and acting, each with the command that mends it.

use crate::cli::Format;
use crate::control::now;
use crate::site::Site;
use crate::up::engines::Recipe;
use crate::up::{answer, default_interface};
use anyhow::Result;
use rustix::fs::statvfs;
use sensor::doctor::{Finding, Severity, check, gather};
use serde_json::json;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Less free disk than this, in MiB: topics of a busy host fill it within an hour.
const DISK_LEAST_MIB: u64 = 1024;

/// `ratel doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0 Ratel can work here, 1 something keeps it from that.")]
pub struct Args {
    /// The configuration.
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Interface to look at; may be given more than once.
    #[arg(short = 'i', long = "interface", value_name = "NAME")]
    interfaces: Vec<String>,
    /// How findings are printed.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    format: Format,
}

/// Looks, and prints what it found; the worst comes first.
pub fn run(args: &Args) -> Result<ExitCode> {
    let site = Site::read(args.config.as_deref())?;
    let mut interfaces: Vec<String> = args.interfaces.clone();
    if interfaces.is_empty() {
        let named = site.sensor.interfaces.iter();
        interfaces.extend(named.map(|interface| interface.name.clone()));
    }
    if interfaces.is_empty() {
        interfaces.extend(default_interface());
    }
    let mut findings = check(&gather(&interfaces, now()), &site.sensor);
    findings.push(firewall(&site.respond));
    findings.push(rules(&site));
    findings.push(playbooks(&site.respond));
    findings.push(disk(&site.data_dir));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    print(&findings, args.format)?;
    let is_ill = findings.iter().any(|f| f.severity == Severity::Error);
    Ok(if is_ill {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn firewall(config: &answer::config::Config) -> Finding {
    match respond::firewall::choose(&config.table, config.set_size) {
        Ok(backend) => good(format!(
            "answers go to {}",
            respond::firewall::Firewall::name(&backend)
        )),
        Err(why) => Finding {
            severity: Severity::Warning,
            what: format!("nothing can be blocked: {why}"),
            mend: Some(if why.contains("not permitted") {
                "run as root, or setcap cap_net_raw,cap_net_admin+ep \"$(command -v ratel)\""
                    .to_owned()
            } else {
                "apt-get install nftables".to_owned()
            }),
        },
    }
}

fn rules(site: &Site) -> Finding {
    let ill = |what, mend: &str| Finding {
        severity: Severity::Warning,
        what,
        mend: Some(mend.to_owned()),
    };
    match Recipe::read(&site.rules, &site.data_dir, &[]) {
        Ok(recipe) if recipe.rules.loaded.loaded == 0 => ill(
            "there are no rules: nothing will alert".to_owned(),
            "cp your.rules /etc/ratel/rules/",
        ),
        Ok(recipe) => {
            let counts = recipe.rules.loaded;
            good(format!(
                "{} rules load, {} do not",
                counts.loaded, counts.failed
            ))
        }
        Err(error) => ill(format!("{error:#}"), "ratel rules check FILES"),
    }
}

fn playbooks(config: &answer::config::Config) -> Finding {
    let ill = |what| Finding {
        severity: Severity::Warning,
        what,
        mend: Some("ratel config check".to_owned()),
    };
    let files = match answer::config::playbooks(&config.playbooks) {
        Ok(files) => files,
        Err(error) => return ill(format!("{error:#}")),
    };
    let mut taken = 0;
    for (name, text) in &files {
        let (read, refused) = respond::playbook::read(name, text);
        if let Some(first) = refused.first() {
            return ill(first.to_string());
        }
        taken += read.len();
    }
    match taken {
        0 => ill("there are no playbooks: nothing will be answered".to_owned()),
        taken => good(format!("{taken} playbooks")),
    }
}

fn disk(folder: &Path) -> Finding {
    // The nearest folder that is there.
    let there = folder.ancestors().find(|path| path.exists());
    let there = there.unwrap_or(Path::new("/"));
    let free = statvfs(there).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) >> 20);
    match free {
        Ok(mib) if mib < DISK_LEAST_MIB => Finding {
            severity: Severity::Warning,
            what: format!("{} MiB are free for {}", mib, folder.display()),
            mend: Some("set data_dir to a larger disk".to_owned()),
        },
        Ok(mib) => good(format!("{} MiB are free for {}", mib, folder.display())),
        Err(error) => Finding {
            severity: Severity::Warning,
            what: format!("{}: {error}", there.display()),
            mend: None,
        },
    }
}

fn good(what: String) -> Finding {
    Finding {
        severity: Severity::Good,
        what,
        mend: None,
    }
}

fn print(findings: &[Finding], format: Format) -> Result<()> {
    let text = match format {
        Format::Json => {
            let all: Vec<_> = findings
                .iter()
                .map(|f| json!({"severity": f.severity.name(), "what": f.what, "mend": f.mend}))
                .collect();
            serde_json::to_string_pretty(&all)? + "\n"
        }
        Format::Text => findings
            .iter()
            .map(|finding| {
                let mend = finding.mend.as_ref();
                let mend = mend.map_or(String::new(), |mend| format!("\n         {mend}"));
                format!("{:<8} {}{mend}\n", finding.severity.name(), finding.what)
            })
            .collect(),
    };
    // A reader that went away has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}
