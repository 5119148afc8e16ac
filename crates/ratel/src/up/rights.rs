//! What the process gives up before any role starts: capabilities that no role needs, and writing to
//! where nothing of ours stands. Threads that read packets then give up the rest (`sensor::rights`).

use caps::{CapSet, Capability};
use landlock::{
    ABI, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus,
};
use std::collections::HashSet;
use std::path::Path;

/// Rings are opened and locked in memory, the firewall is changed, and root still owns what it writes
/// to. Doors may stand at ports below 1024 (the dashboard with a certificate by ACME), and are opened again where
/// somebody else had the port.
const NEEDED: [Capability; 5] = [
    Capability::CAP_NET_RAW,
    Capability::CAP_NET_ADMIN,
    Capability::CAP_NET_BIND_SERVICE,
    Capability::CAP_IPC_LOCK,
    Capability::CAP_DAC_OVERRIDE,
];
/// Where the firewall's own commands write: locks, `/dev/null`, settings of the kernel.
const OF_COMMANDS: [&str; 4] = ["/run", "/dev", "/proc", "/tmp"];
/// The newest Landlock that is asked for; an older kernel does what it can.
const LANDLOCK: ABI = ABI::V3;

/// Keeps what the roles need, for this thread and all that it starts; writing is left to what is below
/// `folders`. What can't be given up is told, and kept.
pub fn keep_needed(folders: &[&Path]) {
    if let Err(error) = keep_capabilities() {
        tracing::warn!("capabilities that are not needed are kept: {error}");
    }
    let of_commands = OF_COMMANDS.map(Path::new);
    let folders: Vec<&Path> = folders.iter().copied().chain(of_commands).collect();
    if let Err(error) = write_only_below(&folders) {
        tracing::warn!("files that are not ours can be written: {error}");
    }
}

fn keep_capabilities() -> Result<(), caps::errors::CapsError> {
    let needed: HashSet<Capability> = NEEDED.into_iter().collect();
    // Dropping from the bounding set takes a capability itself: without it the set below is small.
    if caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
        for capability in caps::read(None, CapSet::Bounding)?.difference(&needed) {
            caps::drop(None, CapSet::Bounding, *capability)?;
        }
    }
    for set in [CapSet::Effective, CapSet::Permitted] {
        let kept = caps::read(None, set)?;
        let kept = kept.intersection(&needed).copied().collect();
        caps::set(None, set, &kept)?;
    }
    Ok(())
}

/// Whether the kernel does it.
fn write_only_below(folders: &[&Path]) -> Result<bool, RulesetError> {
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_write(LANDLOCK))?
        .create()?;
    // A folder that is not there can't be written to.
    let there = folders
        .iter()
        .filter_map(|folder| PathFd::new(folder).ok())
        .map(|folder| {
            Ok::<_, RulesetError>(PathBeneath::new(folder, AccessFs::from_write(LANDLOCK)))
        });
    let status = ruleset.add_rules(there)?.restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_folders_can_be_written_to() {
        let (ours, other) = (tempfile::tempdir(), tempfile::tempdir_in("."));
        let (ours, other) = (ours.expect("a folder"), other.expect("a folder"));
        let (ours, other) = (ours.path().to_owned(), other.path().to_owned());
        let inside = std::thread::spawn(move || {
            let is_enforced = write_only_below(&[&ours]).expect("the kernel takes it");
            let writes = std::fs::write(ours.join("a"), "a").is_ok();
            let is_kept_out = std::fs::write(other.join("a"), "a").is_err();
            let reads = std::fs::read("/etc/passwd").is_ok();
            (writes, is_kept_out || !is_enforced, reads)
        });
        let (writes, is_kept_out, reads) = inside.join().expect("it does not panic");
        assert!(writes && is_kept_out && reads);
    }
}
