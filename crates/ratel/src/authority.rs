//! `ratel ca`: Ratel's own certificate authority.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use console::auth::{Auth, Principal, Role};
use console::tls::Authority;
use console::tls::authority::serial_of;

use crate::backup::wait;
use crate::control::now;
use crate::site::Site;
use crate::{bounded, table};

/// Bytes of a certificate or a key.
const MAX_FILE: u64 = 64 << 10;

/// `ratel ca …`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Print the authority's certificate, for browsers and other machines to trust, and its fingerprint.
    Show(Show),
    /// Make a certificate for a role of Ratel's on another machine: NAME.crt, NAME.key and ca.crt.
    Issue(Issue),
    /// On that machine: renew its certificate at the console, where two thirds of its time are over.
    Renew(Renew),
    /// Take a certificate of a role back: it is refused from now on.
    Revoke(Revoke),
}

/// `ratel ca renew`.
#[derive(Debug, Args)]
pub struct Renew {
    /// The machine's name, as the files have it.
    name: String,
    /// Where the console's dashboard stands: HOST:PORT.
    #[arg(long, value_name = "HOST:PORT")]
    at: String,
    /// The folder with NAME.crt, NAME.key and ca.crt.
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Also where it is not due yet.
    #[arg(long)]
    now: bool,
}

/// `ratel ca revoke`.
#[derive(Debug, Args)]
pub struct Revoke {
    /// Its file, or its serial number in hexadecimal with colons.
    certificate: String,
    /// The configuration.
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
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
    let open = |config: &Option<PathBuf>| -> Result<Authority> {
        let site = Site::read(config.as_deref())?;
        Ok(Authority::open(&site.data_dir.join("console"), now())?)
    };
    let text = match verb {
        Verb::Show(args) => {
            let authority = open(&args.config)?;
            format!(
                "{}SHA-256 {}, until {}\n",
                authority.pem(),
                authority.fingerprint(),
                table::local(authority.until())
            )
        }
        Verb::Renew(args) => renew(args)?,
        Verb::Revoke(args) => revoke(args)?,
        Verb::Issue(args) => {
            let authority = open(&args.config)?;
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

/// Asks the console for a new certificate with a new key, and puts both in the place of the old ones.
fn renew(args: &Renew) -> Result<String> {
    let name = state::user_name(&args.name)?;
    let [certificate, key] = ["crt", "key"].map(|end| args.dir.join(format!("{name}.{end}")));
    let [fresh_certificate, fresh_key] =
        ["crt.new", "key.new"].map(|end| args.dir.join(format!("{name}.{end}")));
    // A crash between the two renames below: the key has its place, the certificate has not.
    if fresh_certificate.exists() && !fresh_key.exists() {
        std::fs::rename(&fresh_certificate, &certificate)?;
    }
    let read = |path: &Path| {
        bounded::read_text(path, MAX_FILE)
            .with_context(|| format!("cannot read {}", path.display()))
    };
    let old = read(&certificate)?;
    if !args.now && !console::tls::is_due(&old, now())? {
        return Ok(format!("{name}.crt is not due yet\n"));
    }
    let authority = read(&args.dir.join("ca.crt"))?;
    let made = console::tls::renew(&args.at, &authority, &old, &read(&key)?)?;
    // Both are whole beside the old ones before either takes its place.
    for stale in [&fresh_certificate, &fresh_key] {
        let _ = std::fs::remove_file(stale);
    }
    write(&fresh_key, &made.key.unwrap_or_default(), 0o600)?;
    write(&fresh_certificate, &made.certificate, 0o644)?;
    // The role that reads them is seldom who renews them.
    for (old, new) in [(&key, &fresh_key), (&certificate, &fresh_certificate)] {
        let owner = std::fs::metadata(old)?;
        std::os::unix::fs::chown(new, Some(owner.uid()), Some(owner.gid()))
            .with_context(|| format!("cannot give {} its owner", new.display()))?;
        std::fs::set_permissions(new, owner.permissions())?;
    }
    std::fs::rename(&fresh_key, &key)?;
    std::fs::rename(&fresh_certificate, &certificate)?;
    Ok(format!("{name}.crt and {name}.key are renewed\n"))
}

/// Puts a certificate on the list of those that are refused, straight in the state.
fn revoke(args: &Revoke) -> Result<String> {
    let named = &args.certificate;
    let serial = match bounded::read_text(Path::new(named), MAX_FILE) {
        Ok(text) => serial_of(&text).with_context(|| format!("{named} is no certificate"))?,
        Err(error) => console::auth::serial(named)
            .ok_or(error)
            .with_context(|| format!("{named} is no serial number and no file that can be read"))?,
    };
    wait(async {
        let site = Site::read(args.config.as_deref())?;
        let state = state::State::open(&site.state).await?;
        let auth = Auth::for_accounts(&site.console.web.auth, state)?;
        let by = Principal::at_socket("the command line");
        auth.revoke_certificate(&by, &serial, now()).await?;
        Ok(format!("{serial} is refused from now on\n"))
    })
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
