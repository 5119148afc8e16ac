//! What stands in the way of capturing, each with the command that mends it. Checks are pure: facts are
//! gathered first, by `facts`.

mod facts;

pub use facts::{Facts, Interface, gather};

use crate::config::Config;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be; told so that a person sees what was looked at.
    Good,
    /// Works, and could work better.
    Advice,
    /// Works, and something will be missed or wrong.
    Warning,
    /// Does not work.
    Error,
}

impl Severity {
    /// Its name in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Good => "good",
            Severity::Advice => "advice",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was found, in a sentence.
    pub what: String,
    /// The command that mends it, where one does.
    pub mend: Option<String>,
}

fn finding(severity: Severity, what: String, mend: Option<String>) -> Finding {
    Finding {
        severity,
        what,
        mend,
    }
}

/// Version 3 of the ring came with Linux 3.2; the fanout's choice by program with 4.3 (commit
/// 47dceb8ecdc1), unique group ids with 4.12, leaving out what leaves with 4.20.
const KERNEL_LEAST: (u32, u32) = (4, 20);
/// 2026-01-01: a clock before the first release of this program is wrong.
const CLOCK_LEAST_SECS: i64 = 1_767_225_600;
/// Bits of capabilities (`linux/capability.h`).
const CAP_NET_ADMIN: u32 = 12;
const CAP_NET_RAW: u32 = 13;
/// The part of the memory that rings may take, from which on it is told: they can't be swapped.
const RING_PART: u64 = 4;

/// All that is to be said about `facts`, for a sensor configured like this. The worst comes first.
#[must_use]
pub fn check(facts: &Facts, config: &Config) -> Vec<Finding> {
    let mut findings = vec![kernel(facts), rights(facts), clock(facts)];
    findings.extend(clock_source(facts));
    findings.push(memory(facts, config));
    if facts.interfaces.is_empty() {
        findings.push(finding(
            Severity::Error,
            "no interface is named, and there is no default route to choose one by".to_owned(),
            Some("ratel up --interface NAME (ip -brief link lists them)".to_owned()),
        ));
    }
    for interface in &facts.interfaces {
        findings.extend(of_interface(interface, config));
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

fn kernel(facts: &Facts) -> Finding {
    let release = &facts.kernel_release;
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|n| n.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) if (major, minor) >= KERNEL_LEAST => {
            finding(Severity::Good, format!("kernel {release}"), None)
        }
        (Some(_), Some(_)) => finding(
            Severity::Error,
            format!("kernel {release}: capturing needs Linux 4.20"),
            Some("upgrade the kernel".to_owned()),
        ),
        _ => finding(
            Severity::Warning,
            format!("the kernel's version {release:?} is not understood; 4.20 is needed"),
            None,
        ),
    }
}

fn rights(facts: &Facts) -> Finding {
    let has = |bit: u32| facts.capabilities & (1 << bit) != 0;
    let set = "setcap cap_net_raw,cap_net_admin+ep \"$(command -v ratel)\"";
    match (has(CAP_NET_RAW), has(CAP_NET_ADMIN)) {
        (true, true) => finding(
            Severity::Good,
            "the process may capture (CAP_NET_RAW) and change interfaces (CAP_NET_ADMIN)"
                .to_owned(),
            None,
        ),
        (true, false) => finding(
            Severity::Advice,
            "the process may capture, and not change the firewall (CAP_NET_ADMIN)".to_owned(),
            Some(set.to_owned()),
        ),
        (false, _) => finding(
            Severity::Error,
            "the process may not capture: CAP_NET_RAW is missing".to_owned(),
            Some(format!("run as root, or {set}")),
        ),
    }
}

fn clock(facts: &Facts) -> Finding {
    if facts.now.secs() < CLOCK_LEAST_SECS {
        return finding(
            Severity::Error,
            "the clock is wrong: records would carry times before this program was written"
                .to_owned(),
            Some("timedatectl set-ntp true".to_owned()),
        );
    }
    match facts.is_clock_synchronised {
        Some(false) => finding(
            Severity::Warning,
            "the clock is not synchronised: records of several hosts can't be put in order"
                .to_owned(),
            Some("timedatectl set-ntp true".to_owned()),
        ),
        Some(true) => finding(Severity::Good, "the clock is synchronised".to_owned(), None),
        None => finding(
            Severity::Advice,
            "whether the clock is synchronised is not told here".to_owned(),
            Some("timedatectl show --property=NTPSynchronized".to_owned()),
        ),
    }
}

/// A slow clock source makes every packet's time a system call into the hypervisor.
fn clock_source(facts: &Facts) -> Option<Finding> {
    let source = facts.clock_source.as_deref()?;
    let slow = ["acpi_pm", "hpet", "jiffies"].contains(&source);
    slow.then(|| {
        finding(
            Severity::Advice,
            format!("the clock source {source} is slow: packets cost more"),
            Some(
                "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource"
                    .to_owned(),
            ),
        )
    })
}

fn memory(facts: &Facts, config: &Config) -> Finding {
    let workers = config.workers_on(facts.processors) as u64;
    let rings = workers * facts.interfaces.len().max(1) as u64;
    let mib = rings * u64::from(config.ring.size_mib);
    let what = format!(
        "{rings} capture rings take {mib} MiB of {} MiB free memory",
        facts.memory_available_mib
    );
    if mib.saturating_mul(RING_PART) > facts.memory_available_mib {
        let fits = (facts.memory_available_mib / RING_PART / rings.max(1)).max(2);
        return finding(
            Severity::Warning,
            what,
            Some(format!("sensor: {{ring: {{size_mib: {fits}}}}}")),
        );
    }
    finding(Severity::Good, what, None)
}

fn of_interface(interface: &Interface, config: &Config) -> Vec<Finding> {
    let name = &interface.name;
    if !interface.is_present {
        return vec![finding(
            Severity::Error,
            format!("there is no interface {name}"),
            Some("ip -brief link".to_owned()),
        )];
    }
    let mut findings = Vec::new();
    if !interface.is_up {
        findings.push(finding(
            Severity::Error,
            format!("{name} is down"),
            Some(format!("ip link set {name} up")),
        ));
    } else if interface.has_carrier == Some(false) {
        findings.push(finding(
            Severity::Warning,
            format!("{name} is up, and nothing is plugged in"),
            None,
        ));
    } else {
        findings.push(finding(
            Severity::Good,
            format!("{name} is up, MTU {}", interface.mtu),
            None,
        ));
    }
    let longest = config.ring.block_kib << 10;
    if interface.mtu.saturating_add(1024) > longest {
        findings.push(finding(
            Severity::Warning,
            format!(
                "{name}: frames of MTU {} do not fit into the ring",
                interface.mtu
            ),
            Some(format!(
                "sensor: {{ring: {{block_kib: {}}}}}",
                (interface.mtu >> 10) * 2 + 2
            )),
        ));
    }
    let offloads = &interface.offloads;
    if offloads.lro == Some(true) {
        findings.push(finding(
            Severity::Warning,
            format!("{name}: LRO puts packets together so that what they were is lost"),
            Some(format!("ethtool -K {name} lro off")),
        ));
    }
    if offloads.gro == Some(true) {
        findings.push(finding(
            Severity::Advice,
            format!(
                "{name}: GRO puts segments together before they are seen: less work, but rules on single \
                 packets (dsize, window, flags) see the sum"
            ),
            Some(format!("ethtool -K {name} gro off")),
        ));
    }
    if interface.rx_dropped > 0 {
        findings.push(finding(
            Severity::Advice,
            format!(
                "{name}: the card or its driver dropped {} packets since it is up",
                interface.rx_dropped
            ),
            Some(format!("ethtool -G {name} rx 4096")),
        ));
    }
    findings
}

#[cfg(test)]
mod tests;
