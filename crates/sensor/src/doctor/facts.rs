//! What is the case on this machine: read, not judged.

use event::Timestamp;
use std::fs;
use std::path::Path;
use tpacket::offload::Offloads;

/// What the doctor looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The kernel's release, as `uname -r` tells it.
    pub kernel_release: String,
    /// Effective capabilities of this process, a bit each.
    pub capabilities: u64,
    /// Processors that this process may run on.
    pub processors: usize,
    /// Memory that may be taken, in MiB.
    pub memory_available_mib: u64,
    /// The time.
    pub now: Timestamp,
    /// Whether something keeps the clock right; None where that can't be told.
    pub is_clock_synchronised: Option<bool>,
    /// Where the kernel gets its time from.
    pub clock_source: Option<String>,
    /// The interfaces that are captured from.
    pub interfaces: Vec<Interface>,
}

/// What is the case with an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Whether it is there.
    pub is_present: bool,
    /// Whether it is up.
    pub is_up: bool,
    /// Whether something is plugged in; None where that is not told.
    pub has_carrier: Option<bool>,
    /// Longest packet, without link header.
    pub mtu: u32,
    /// Packets that card or driver dropped.
    pub rx_dropped: u64,
    /// What the card does to frames.
    pub offloads: Offloads,
}

/// Reads the facts about this machine and these interfaces. What can't be read is left as if it were not
/// there.
#[must_use]
pub fn gather(interfaces: &[String], now: Timestamp) -> Facts {
    let status = text("/proc/self/status");
    let memory = text("/proc/meminfo");
    Facts {
        kernel_release: text("/proc/sys/kernel/osrelease").trim().to_owned(),
        capabilities: u64::from_str_radix(value(&status, "CapEff:"), 16).unwrap_or(0),
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        memory_available_mib: value(&memory, "MemAvailable:")
            .trim_end_matches(" kB")
            .parse()
            .map_or(0, |kib: u64| kib >> 10),
        now,
        is_clock_synchronised: is_synchronised(),
        clock_source: fs::read_to_string(
            "/sys/devices/system/clocksource/clocksource0/current_clocksource",
        )
        .ok()
        .map(|text| text.trim().to_owned()),
        interfaces: interfaces.iter().map(|name| of_interface(name)).collect(),
    }
}

fn of_interface(name: &str) -> Interface {
    let folder = Path::new("/sys/class/net").join(name);
    let number = |file: &str| -> Option<u64> {
        let text = fs::read_to_string(folder.join(file)).ok()?;
        let text = text.trim();
        match text.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).ok(),
            None => text.parse().ok(),
        }
    };
    let is_present = tpacket::interface_index(name).is_some();
    Interface {
        name: name.to_owned(),
        is_present,
        is_up: tpacket::interface_is_up(name),
        // Reading it fails while the interface is down.
        has_carrier: number("carrier").map(|carrier| carrier != 0),
        mtu: number("mtu")
            .and_then(|mtu| u32::try_from(mtu).ok())
            .unwrap_or(0),
        rx_dropped: number("statistics/rx_dropped").unwrap_or(0),
        offloads: Offloads::of(name).unwrap_or_default(),
    }
}

/// Whether a time service says so: systemd's leaves a file behind, chrony and ntpd are asked for by their
/// own files. The kernel's flag needs a system call of its own that says little more.
fn is_synchronised() -> Option<bool> {
    let is_there = |path: &str| Path::new(path).exists();
    if is_there("/run/systemd/timesync/synchronized") {
        return Some(true);
    }
    if is_there("/run/chrony/chronyd.pid") || is_there("/run/ntpd.pid") {
        return Some(true);
    }
    // A time service that has not come to an end yet.
    is_there("/run/systemd/timesync").then_some(false)
}

fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// What follows `key` on its line.
fn value<'t>(text: &'t str, key: &str) -> &'t str {
    text.lines()
        .find_map(|line| line.strip_prefix(key))
        .unwrap_or_default()
        .trim()
}
