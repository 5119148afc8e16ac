//! What is given up for room, and in which order: decided from sizes, ages and the free part of the disk alone.

use event::Timestamp;

use crate::config::{Retention, Watermarks};
use crate::index::Facts;

/// Bytes that always stay free on the disk.
pub const FLOOR: u64 = 64 << 20;
/// What was given up is taken up again when so much more is free than the watermark says: without it
/// the store would go to and fro at the mark.
const RECOVERY: f64 = 1.1;

/// What an event is worth when room is scarce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worth {
    /// Flows, statistics and plain transactions: the first to go.
    Little,
    /// Transactions that alerts are understood by, and what others log.
    Some,
    /// Alerts and what was done about them: the last to go.
    Most,
}

impl Worth {
    /// What an event of this `event_type` is worth.
    #[must_use]
    pub fn of(kind: &str) -> Worth {
        match kind {
            "flow" | "netflow" | "stats" | "dns" | "mdns" | "dhcp" | "arp" | "snmp" | "ntp"
            | "nfs" | "modbus" | "dnp3" | "enip" | "mqtt" | "ike" | "sip" | "rfb" | "websocket"
            | "pgsql" | "ldap" | "bittorrent_dht" => Worth::Little,
            "alert" | "anomaly" | "drop" | "verdict" | "incident" | "action" | "ratel" => {
                Worth::Most
            }
            _ => Worth::Some,
        }
    }
}

/// How scarce room is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// There is enough.
    #[default]
    Enough,
    /// Old slices are thinned, then dropped.
    Thin,
    /// New events of little worth are not kept as well.
    Degraded,
    /// Alerts and what was done about them alone are kept.
    AlertsOnly,
    /// Nothing is written.
    Stopped,
}

impl Level {
    const ALL: [Level; 5] = [
        Level::Enough,
        Level::Thin,
        Level::Degraded,
        Level::AlertsOnly,
        Level::Stopped,
    ];

    /// Its number in metrics.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The level of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Level {
        Level::ALL
            .get(usize::from(number))
            .copied()
            .unwrap_or_default()
    }

    /// The most that its watermark means, bytes: a share of a large disk is more than anybody needs free.
    const fn most(self) -> u64 {
        match self {
            Level::Enough => 0,
            Level::Thin => 4 << 30,
            Level::Degraded => 2 << 30,
            Level::AlertsOnly => 1 << 30,
            Level::Stopped => 256 << 20,
        }
    }

    /// The level for so much room of a disk, after `before`.
    #[must_use]
    pub fn of(before: Level, marks: &Watermarks, disk: Disk) -> Level {
        if disk.free < FLOOR {
            return Level::Stopped;
        }
        let below = |level: Level, percent: f64| {
            let recovery = if before >= level { RECOVERY } else { 1.0 };
            let mark = (disk.size as f64 * percent / 100.0).min(level.most() as f64);
            (disk.free as f64) < mark * recovery
        };
        if below(Level::Stopped, marks.stop_percent) {
            Level::Stopped
        } else if below(Level::AlertsOnly, marks.alerts_only_percent) {
            Level::AlertsOnly
        } else if below(Level::Degraded, marks.degrade_percent) {
            Level::Degraded
        } else if below(Level::Thin, marks.thin_percent) {
            Level::Thin
        } else {
            Level::Enough
        }
    }

    /// Whether a new event of this worth is kept.
    #[must_use]
    pub fn keeps(self, worth: Worth) -> bool {
        match self {
            Level::Enough | Level::Thin => true,
            Level::Degraded => worth > Worth::Little,
            Level::AlertsOnly => worth == Worth::Most,
            Level::Stopped => false,
        }
    }

    /// What it means, for people; none where nothing is wrong.
    #[must_use]
    pub const fn text(self) -> Option<&'static str> {
        match self {
            Level::Enough => None,
            Level::Thin => Some(
                "the disk fills: flows, statistics and plain transactions of old slices are dropped",
            ),
            Level::Degraded => Some(
                "the disk is nearly full: new flows, statistics and plain transactions are not kept",
            ),
            Level::AlertsOnly => {
                Some("the disk is nearly full: only alerts and what was done about them are kept")
            }
            Level::Stopped => Some("the disk is full: nothing is kept, events wait on the bus"),
        }
    }
}

/// Room of a disk, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// All of it.
    pub size: u64,
    /// What is free for us.
    pub free: u64,
}

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Take out of a slice what is worth little.
    Thin(u64),
    /// Drop a slice.
    Drop(u64, Why),
}

/// Why a slice is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is too old.
    Age,
    /// All slices together are too large.
    Size,
    /// The disk fills.
    Disk,
}

impl Why {
    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Why::Age => "age",
            Why::Size => "size",
            Why::Disk => "disk",
        }
    }
}

/// What to do next about these slices, oldest first, the last of them being written; none where all is well.
#[must_use]
pub fn next(
    slices: &[(u64, Facts, u64)],
    retention: &Retention,
    level: Level,
    now: Timestamp,
) -> Option<Step> {
    let (_, done) = slices.split_last()?;
    let (oldest, facts, _) = done.first()?;
    let days = i64::from(retention.max_age_days);
    let age = now.nanos().saturating_sub(facts.written);
    if days > 0 && age > days.saturating_mul(86_400_000_000_000) {
        return Some(Step::Drop(*oldest, Why::Age));
    }
    let bytes: u64 = slices.iter().map(|(_, _, bytes)| bytes).sum();
    if retention.max_bytes > 0 && bytes > retention.max_bytes {
        return Some(Step::Drop(*oldest, Why::Size));
    }
    if level == Level::Enough {
        return None;
    }
    // Thinning writes before it frees: on a full disk only dropping helps.
    let thick = done.iter().find(|(_, facts, _)| !facts.is_thinned);
    match thick {
        Some((number, _, _)) if level < Level::Stopped => Some(Step::Thin(*number)),
        _ => Some(Step::Drop(*oldest, Why::Disk)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000_000;
    const NOW: Timestamp = Timestamp::from_nanos(1000 * DAY);

    fn slice(number: u64, days_old: i64, is_thinned: bool) -> (u64, Facts, u64) {
        let facts = Facts {
            written: NOW.nanos() - days_old * DAY,
            is_sealed: true,
            is_thinned,
            ..Facts::default()
        };
        (number, facts, 100)
    }

    fn check(slices: &[(u64, Facts, u64)], level: Level, expected: Option<Step>) {
        let retention = Retention {
            max_age_days: 30,
            max_bytes: 350,
        };
        assert_eq!(next(slices, &retention, level, NOW), expected);
    }

    #[test]
    fn the_oldest_goes_by_age_and_by_size_and_the_newest_never() {
        check(&[], Level::Enough, None);
        check(&[slice(1, 99, false)], Level::Enough, None);
        check(
            &[slice(1, 31, false), slice(2, 0, false)],
            Level::Enough,
            Some(Step::Drop(1, Why::Age)),
        );
        check(
            &[slice(1, 29, false), slice(2, 0, false)],
            Level::Enough,
            None,
        );
        let four = [
            slice(1, 3, false),
            slice(2, 2, false),
            slice(3, 1, false),
            slice(4, 0, false),
        ];
        check(&four, Level::Enough, Some(Step::Drop(1, Why::Size)));
    }

    #[test]
    fn a_filling_disk_thins_before_it_drops() {
        let slices = [slice(1, 2, true), slice(2, 1, false), slice(3, 0, false)];
        check(&slices, Level::Thin, Some(Step::Thin(2)));
        check(&slices, Level::AlertsOnly, Some(Step::Thin(2)));
        check(&slices, Level::Stopped, Some(Step::Drop(1, Why::Disk)));
        let slices = [slice(1, 2, true), slice(2, 1, true), slice(3, 0, false)];
        check(&slices, Level::Thin, Some(Step::Drop(1, Why::Disk)));
    }

    #[test]
    fn levels_follow_the_free_part_of_the_disk_and_recover_a_little_above() {
        let marks = Watermarks::default();
        let size = 10 << 30;
        let level = |before, percent: f64| {
            let free = (size as f64 * percent / 100.0) as u64;
            Level::of(before, &marks, Disk { size, free })
        };
        assert_eq!(level(Level::Enough, 50.0), Level::Enough);
        assert_eq!(level(Level::Enough, 9.9), Level::Thin);
        assert_eq!(level(Level::Thin, 10.9), Level::Thin);
        assert_eq!(level(Level::Thin, 11.1), Level::Enough);
        assert_eq!(level(Level::Enough, 6.9), Level::Degraded);
        assert_eq!(level(Level::Degraded, 3.9), Level::AlertsOnly);
        assert_eq!(level(Level::AlertsOnly, 1.9), Level::Stopped);
        assert_eq!(level(Level::Stopped, 2.1), Level::Stopped);
        assert_eq!(level(Level::Stopped, 2.3), Level::AlertsOnly);
        let small = Disk {
            size: 100 << 20,
            free: 63 << 20,
        };
        assert_eq!(Level::of(Level::Enough, &marks, small), Level::Stopped);
        let large = Disk {
            size: 10 << 40,
            free: 5 << 30,
        };
        assert_eq!(Level::of(Level::Enough, &marks, large), Level::Enough);
    }

    #[test]
    fn alerts_are_given_up_last() {
        let kept = |level: Level| {
            let kinds = ["flow", "dns", "http", "log", "alert"];
            kinds
                .into_iter()
                .filter(|kind| level.keeps(Worth::of(kind)))
                .collect::<Vec<_>>()
        };
        assert_eq!(kept(Level::Thin).len(), 5);
        assert_eq!(kept(Level::Degraded), ["http", "log", "alert"]);
        assert_eq!(kept(Level::AlertsOnly), ["alert"]);
        assert!(kept(Level::Stopped).is_empty());
    }
}
