//! `ratel ca`: Ratel's own certificate authority.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use console::auth::Role;
use console::tls::Authority;

use crate::control::now;
use crate::site::Site;
use crate::table;

/// `ratel ca …`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Print the authority's certificate, for browsers and other machines to trust, and its fingerprint.
    Show(Show),
    /// Make a certificate for a role of Ratel's on another machine: NAME.crt, NAME.key and ca.crt.
    Issue(Issue),
}

/// `ratel ca show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The configuration.
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// `ratel ca issue`.
#[derive(Debug, Args)]
pub struct Issue {
    /// The machine's name: what it does here is logged under it.
    name: String,
    /// What it may do: ingest, viewer, analyst, responder, admin.
    #[arg(long, default_value_t = Role::Ingest)]
    role: Role,
    /// The folder where the files go.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// The configuration.
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Carries out the verb.
pub fn run(verb: &Verb) -> Result<ExitCode> {
    let config = match verb {
        Verb::Show(args) => &args.config,
        Verb::Issue(args) => &args.config,
    };
    let site = Site::read(config.as_deref())?;
    let authority = Authority::open(&site.data_dir.join("console"), now())?;
    let text = match verb {
        Verb::Show(_) => format!(
            "{}SHA-256 {}, until {}\n",
            authority.pem(),
            authority.fingerprint(),
            table::local(authority.until())
        ),
        Verb::Issue(args) => {
            let issued = authority.issue(&args.name, args.role, now())?;
            let key = issued.key.unwrap_or_default();
            let name = state::user_name(&args.name)?;
            write(&args.out.join(format!("{name}.key")), &key, 0o600)?;
            write(
                &args.out.join(format!("{name}.crt")),
                &issued.certificate,
                0o644,
            )?;
            write(&args.out.join("ca.crt"), authority.pem(), 0o644)?;
            format!(
                "{name}.crt, {name}.key and ca.crt are in {}\n",
                args.out.display()
            )
        }
    };
    // A reader that went away has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

/// Writes a file that is not there yet; the authority's certificate may be.
fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    if path.file_name().is_some_and(|name| name == "ca.crt") && path.exists() {
        return Ok(());
    }
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}
