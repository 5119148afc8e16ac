//! `ratel backup` and `ratel restore`: everything that must outlive a machine, in one file.

use std::fs;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use state::State;
use state::archive::{self, Manifest, Part};

use crate::control::now;
use crate::site::{PATH, Site};
use crate::table;

/// What the state is called in a backup.
const STATE: &str = "state.jsonl";
/// What the configuration is called.
const CONFIG: &str = "ratel.yaml";
/// What readers of topics have read. Before everything that they made of it: what is read again is done again and
/// changes nothing, what is never read is lost.
const GROUPS: &str = "groups";
/// The rest of the data folder.
const DATA: &str = "data";
/// Topics. Last: nobody may have read what is not there.
const BUS: &str = "bus";

/// `ratel backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// Where the backup goes. It has keys and hashes of passwords in it: only its owner may read it.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The configuration.
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// `ratel restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// The backup.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The configuration: it says where everything goes.
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Put what stands there aside (folders are renamed, a database is emptied).
    #[arg(long)]
    force: bool,
    /// Only say whether the backup is whole, and what is in it.
    #[arg(long)]
    check: bool,
}

/// Backs up a Ratel, running or not.
pub fn backup(args: &Backup) -> Result<ExitCode> {
    let site = Site::read(args.config.as_deref())?;
    let mut lines = args.file.as_os_str().to_owned();
    lines.push(".state.partial");
    let lines = PathBuf::from(lines);
    let packed = pack(&site, args, &lines);
    let _ = fs::remove_file(&lines);
    let manifest = packed?;
    say(&format!(
        "{}: {} files, {} bytes before packing\n",
        args.file.display(),
        manifest.files.len(),
        manifest.bytes()
    ));
    Ok(ExitCode::SUCCESS)
}

fn pack(site: &Site, args: &Backup, lines: &Path) -> Result<Manifest> {
    // Read before the state is: what is derived from records must not be older than what says that they were read.
    let groups = site.bus.dir.join(GROUPS);
    let held = hold(&groups)?;
    write_state(site, lines)?;
    let mut parts = vec![
        Part::Folder {
            name: GROUPS.to_owned(),
            folder: held.path().to_owned(),
            without: Vec::new(),
        },
        Part::File {
            name: STATE.to_owned(),
            path: lines.to_owned(),
        },
        Part::Folder {
            name: DATA.to_owned(),
            folder: site.data_dir.clone(),
            without: without(site, lines),
        },
        Part::Folder {
            name: BUS.to_owned(),
            folder: site.bus.dir.clone(),
            without: vec![groups],
        },
    ];
    let config = args.config.clone().unwrap_or_else(|| PathBuf::from(PATH));
    if config.exists() {
        parts.push(Part::File {
            name: CONFIG.to_owned(),
            path: config,
        });
    }
    Ok(archive::pack(
        &args.file,
        &parts,
        env!("CARGO_PKG_VERSION"),
        now(),
    )?)
}

/// A copy of small files, so that they are of the moment before everything else.
struct Held(PathBuf);

impl Held {
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn hold(folder: &Path) -> Result<Held> {
    use std::os::unix::fs::DirBuilderExt as _;
    let held = std::env::temp_dir().join(format!("ratel-backup-{}", std::process::id()));
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&held)
        .with_context(|| format!("cannot make {}", held.display()))?;
    let held = Held(held);
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(held);
    };
    for entry in entries.flatten() {
        // A group that vanishes meanwhile reads again from the beginning, as a new one does.
        if let Ok(bytes) = fs::read(entry.path()) {
            fs::write(held.0.join(entry.file_name()), bytes).context("cannot copy a group")?;
        }
    }
    Ok(held)
}

/// Caches are made again; the database goes line by line, topics apart.
fn without(site: &Site, lines: &Path) -> Vec<PathBuf> {
    let mut all = vec![
        site.bus.dir.clone(),
        site.data_dir.join("cache"),
        lines.to_owned(),
    ];
    if let Some(database) = database(site) {
        for end in ["", "-wal", "-shm", "-journal"] {
            let mut path = database.clone().into_os_string();
            path.push(end);
            all.push(PathBuf::from(path));
        }
    }
    all
}

/// The file of the database, where it is one.
fn database(site: &Site) -> Option<PathBuf> {
    let path = site.state.url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split('?').next().unwrap_or(path);
    Some(PathBuf::from(path))
}

fn write_state(site: &Site, lines: &Path) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(lines)
        .with_context(|| format!("cannot write {}", lines.display()))?;
    // A host that never ran has no database: its backup has none.
    if database(site).is_some_and(|path| !path.exists()) {
        return Ok(());
    }
    let mut out = std::io::BufWriter::new(file);
    wait(async {
        let state = State::open(&site.state).await?;
        state.dump(&mut out).await?;
        state.close().await;
        Ok(())
    })?;
    out.flush().context("cannot write the state")
}

/// Restores a backup to where the configuration says, while no Ratel runs there.
pub fn restore(args: &Restore) -> Result<ExitCode> {
    let manifest = archive::check(&args.file)?;
    if args.check {
        say(&format!(
            "{}: whole; made {} by Ratel {}; {} files, {} bytes\n",
            args.file.display(),
            table::local(manifest.created),
            table::visible(&manifest.version),
            manifest.files.len(),
            manifest.bytes()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let site = Site::read(args.config.as_deref())?;
    if std::os::unix::net::UnixStream::connect(&site.console.socket).is_ok() {
        bail!(
            "a Ratel runs at {}: stop it first",
            site.console.socket.display()
        );
    }
    let is_apart = !site.bus.dir.starts_with(&site.data_dir);
    let mut folders = vec![site.data_dir.clone()];
    folders.extend(is_apart.then(|| site.bus.dir.clone()));
    for folder in &folders {
        clear(folder, args.force)?;
    }
    let keep = wait(async {
        // A file goes with its folder; a server's tables are emptied when the new ones are there.
        if database(&site).is_some_and(|path| !path.exists()) {
            return Ok(true);
        }
        let state = State::open(&site.state).await?;
        let is_empty = state.is_empty().await?;
        state.close().await;
        Ok(is_empty)
    })?;
    if !keep && !args.force {
        bail!("{} is not empty; --force replaces it", site.state.shown());
    }
    let lines = site.data_dir.join("restored-state.partial");
    let place = |name: &str| {
        let below = |prefix: &str, folder: &Path| {
            let rest = name.strip_prefix(prefix)?.strip_prefix('/')?;
            Some(folder.join(rest))
        };
        match name {
            STATE => Some(lines.clone()),
            CONFIG => None,
            _ => below(GROUPS, &site.bus.dir.join(GROUPS))
                .or_else(|| below(BUS, &site.bus.dir))
                .or_else(|| below(DATA, &site.data_dir)),
        }
    };
    let written = archive::unpack(&args.file, &manifest, place)?;
    let rows = match fs::File::open(&lines) {
        Ok(file) => wait(async {
            let state = State::open(&site.state).await?;
            let rows = state.load(BufReader::new(file)).await?;
            state.close().await;
            Ok(rows)
        })?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error).context("cannot read the restored state"),
    };
    let _ = fs::remove_file(&lines);
    let mut told = format!("restored {written} files and {rows} rows of the state\n");
    let config = args.config.clone().unwrap_or_else(|| PathBuf::from(PATH));
    if manifest.files.iter().any(|file| file.name == CONFIG) && !config.exists() {
        let put = |name: &str| (name == CONFIG).then(|| config.clone());
        archive::unpack(&args.file, &manifest, put)?;
        told.push_str(&format!("and the configuration {}\n", config.display()));
    }
    say(&told);
    Ok(ExitCode::SUCCESS)
}

/// A folder into which can be restored: one that is not there or empty, or one that is put aside.
fn clear(folder: &Path, force: bool) -> Result<()> {
    let is_empty = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", folder.display()));
        }
    };
    if is_empty {
        return Ok(());
    }
    if !force {
        bail!("{} is not empty; --force puts it aside", folder.display());
    }
    let mut aside = folder.as_os_str().to_owned();
    aside.push(format!(".before-{}", now().secs()));
    let aside = PathBuf::from(aside);
    fs::rename(folder, &aside).with_context(|| format!("cannot put {} aside", folder.display()))?;
    say(&format!(
        "{} is now {}\n",
        folder.display(),
        aside.display()
    ));
    Ok(())
}

fn say(text: &str) {
    // A reader that went away has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Waits for the database in this thread.
pub fn wait<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?
        .block_on(work)
}

#[cfg(test)]
mod tests;
