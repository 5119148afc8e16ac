//! What a thread that reads hostile bytes gives up before it reads the first of them.
//!
//! Capabilities, Landlock and seccomp hold for one thread and what it starts, so that workers lose
//! what the rest of the process still needs.

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus,
};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, SeccompRule, TargetArch};
use std::collections::BTreeMap;
use std::error::Error;

/// The newest Landlock that is asked for; an older kernel does what it can.
const LANDLOCK: ABI = ABI::V6;

/// What inspecting packets takes: memory, waiting, time, and the descriptors that are open already.
/// `mprotect` is for compiled regular expressions, `getsockopt` for the ring's counters, `setsockopt` for
/// its gate.
const CALLS: &[i64] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_futex,
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getrandom,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_tgkill,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_membarrier,
    libc::SYS_rseq,
    libc::SYS_set_robust_list,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// What a thread has given up, as far as this kernel takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// Whether Landlock closed the file system and the network.
    pub has_landlock: bool,
}

/// Why a thread kept its rights.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {source}")]
pub struct Kept {
    step: &'static str,
    source: Box<dyn Error + Send + Sync>,
}

fn kept<E: Into<Box<dyn Error + Send + Sync>>>(step: &'static str) -> impl FnOnce(E) -> Kept {
    move |source| Kept {
        step,
        source: source.into(),
    }
}

/// Leaves this thread without capabilities, files, sockets and all system calls that inspecting
/// packets does not take. What is not allowed fails with `EPERM`.
///
/// # Errors
/// The kernel refuses; without Landlock in the kernel the rest is still done.
pub fn only_inspect() -> Result<Given, Kept> {
    rustix::thread::set_no_new_privs(true).map_err(kept("new privileges"))?;
    for set in [
        caps::CapSet::Ambient,
        caps::CapSet::Effective,
        caps::CapSet::Permitted,
        caps::CapSet::Inheritable,
    ] {
        caps::clear(None, set).map_err(kept("capabilities"))?;
    }
    let has_landlock = landlock().map_err(kept("Landlock"))?;
    let filter = filter().map_err(kept("seccomp"))?;
    seccompiler::apply_filter(&filter).map_err(kept("seccomp"))?;
    Ok(Given { has_landlock })
}

fn landlock() -> Result<bool, landlock::RulesetError> {
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .create()?
        .restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

fn filter() -> Result<BpfProgram, Box<dyn Error + Send + Sync>> {
    let calls: BTreeMap<i64, Vec<SeccompRule>> =
        CALLS.iter().map(|call| (*call, Vec::new())).collect();
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let refused = SeccompAction::Errno(libc::EPERM as u32);
    Ok(SeccompFilter::new(calls, refused, SeccompAction::Allow, arch)?.try_into()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_can_compute_and_do_nothing_else() {
        let (to, from) = std::sync::mpsc::channel();
        let worker = std::thread::spawn(move || {
            only_inspect().map_err(|error| error.to_string())?;
            let text: Vec<u8> = (0..1 << 20).map(|i| i as u8).collect();
            let _ = to.send(text.len());
            let denied = |what: &str, is_denied: bool| {
                if is_denied {
                    Ok(())
                } else {
                    Err(format!("{what} works"))
                }
            };
            denied("a file", std::fs::File::open("/etc/passwd").is_err())?;
            denied(
                "a socket",
                std::net::UdpSocket::bind("127.0.0.1:0").is_err(),
            )?;
            denied(
                "a program",
                std::process::Command::new("true").status().is_err(),
            )
        });
        assert_eq!(from.recv(), Ok(1 << 20));
        assert_eq!(worker.join().expect("the worker does not panic"), Ok(()));
        // The rest of the process keeps what it has.
        assert!(std::fs::File::open("/dev/null").is_ok());
    }
}
